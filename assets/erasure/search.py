"""Searches every byte of a home for what names a person; what is compressed is searched as it reads."""

import gzip
import mmap
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb

from echomort.core.exclusion import FILE as EXCLUSION
from warehouse.erasure import count_rows
from warehouse.vault import as_text

BESIDE = r"[0-9A-Za-z.]"
"""What must not stand beside an identifier: else it is a part of another number or word."""

NOT_SEARCHED = (EXCLUSION, "archive/")
"""What of a home is not searched: the exclusion itself, and the embedded archive, which stands for a hospital's own."""


@dataclass(frozen=True)
class Needles:
    """What is searched for: pseudonyms ``keys``, identifiers ``texts``, and how many identifiers were ``too_short``."""

    keys: tuple[str, ...]
    texts: tuple[str, ...]
    too_short: int = 0

    @cached_property
    def pattern(self) -> str:
        """A regular expression for both, as DuckDB reads it."""
        return "|".join(filter(None, (self.key_pattern, self.text_pattern)))

    @cached_property
    def key_pattern(self) -> str:
        """A regular expression for the pseudonyms."""
        return "|".join(self.keys)

    @cached_property
    def text_pattern(self) -> str:
        """A regular expression for the identifiers as the vault holds them, where they stand alone; empty if there are
        none."""
        named = "|".join(re.escape(as_text(text)) for text in self.texts)
        return f"(?:^|[^0-9A-Za-z.])(?:{named})(?:$|[^0-9A-Za-z.])" if named else ""

    @cached_property
    def _plain(self) -> tuple[bytes, ...]:
        return tuple(os.fsencode(text) for text in (*self.keys, *self.texts))

    def are_in(self, content: "bytes | mmap.mmap") -> bool:
        """Return whether ``content`` holds one of them."""
        return any(self._stands(content, needle, place < len(self.keys)) for place, needle in enumerate(self._plain))

    @staticmethod
    def _stands(content: "bytes | mmap.mmap", needle: bytes, is_key: bool) -> bool:
        start = content.find(needle)
        while start >= 0:
            before, after = content[max(start - 1, 0) : start], content[start + len(needle) : start + len(needle) + 1]
            if is_key or not any(re.fullmatch(BESIDE.encode(), one) for one in (before, after)):
                return True
            start = content.find(needle, start + 1)
        return False


@dataclass(frozen=True)
class Searched:
    """What a search for ``needles`` read, ``files`` and their ``bytes``, and the paths of those in which it ``found``
    one."""

    needles: Needles
    files: int
    bytes: int
    found: tuple[str, ...]


def search(home: Path, needles: Needles, progress: Callable[[int, int], None] = lambda done, total: None) -> Searched:
    """Search every file of ``home``, and their names, but for those of :data:`NOT_SEARCHED`."""
    paths = sorted(path for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    files = [path for path in paths if not path.relative_to(home).as_posix().startswith(NOT_SEARCHED)]
    found = []
    for number, path in enumerate(files, 1):
        name = path.relative_to(home).as_posix()
        if needles.are_in(os.fsencode(name)) or any(needles.are_in(content) for content in _contents(path, needles)):
            found.append(name)
        progress(number, len(files))
    return Searched(needles, len(files), sum(path.stat().st_size for path in files), tuple(found))


def _contents(path: Path, needles: Needles) -> Iterator["bytes | mmap.mmap"]:
    """Yield what a file holds: its bytes, and what it packs as it reads once unpacked."""
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content
    yield from _UNPACK.get(path.suffix, _nothing)(path, needles)


def _nothing(path: Path, needles: Needles) -> Iterator[bytes]:
    yield from ()


def _columns(path: Path, needles: Needles) -> Iterator[bytes]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    yield str(table.schema).encode()
    for column in table.itercolumns():
        yield "\n".join(map(str, column.to_pylist())).encode()


def _members(path: Path, needles: Needles) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            yield name.encode()
            yield packed.read(name)


def _inflated(path: Path, needles: Needles) -> Iterator[bytes]:
    yield gzip.decompress(path.read_bytes())


def _rows(path: Path, needles: Needles) -> Iterator[bytes]:
    """Yield a text that is found where a row of a database holds something: strings are packed in its file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        if count_rows(connection, needles.pattern):
            yield needles.keys[0].encode()


_UNPACK: dict[str, Callable[[Path, Needles], Iterator[bytes]]] = {
    ".parquet": _columns,
    ".npz": _members,
    ".zip": _members,
    ".pt": _members,
    ".gz": _inflated,
    ".duckdb": _rows,
}
"""Ending of a file -> what it holds once unpacked."""
