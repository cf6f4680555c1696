"""Lines of a file that another process is still writing."""

import threading
from collections.abc import Iterator
from pathlib import Path


def whole_lines(path: Path, over: threading.Event, seconds: float) -> Iterator[bytes]:
    """Yield the lines of the growing file at ``path``, each when it has its end, until it is ``over`` and all are read;
    look every ``seconds``. What has no end then is no line: its writer was killed."""
    with path.open("rb") as file:
        rest, is_last = b"", False
        while not is_last:
            is_last = over.wait(seconds)  # asked first, so that what was written before it is still read
            *lines, rest = (rest + file.read()).split(b"\n")
            yield from lines
