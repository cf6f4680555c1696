"""Text files of an extract, plain or compressed."""

import gzip
from pathlib import Path
from typing import IO, cast

import pyarrow

PACKED = ("", ".gz", ".zst")
"""Endings of a text file that is not compressed, or compressed with gzip or Zstandard."""

JSON = tuple(kind + packed for kind in (".ndjson", ".jsonl") for packed in PACKED)
"""Endings of tables with one JSON object a line."""


def open_packed(path: Path) -> IO[bytes]:
    """Return ``path`` opened for its content, uncompressed by its ending."""
    if path.suffix.lower() == ".zst":
        return cast(IO[bytes], pyarrow.input_stream(str(path), compression="zstd"))
    return cast(IO[bytes], gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")
