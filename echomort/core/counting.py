"""Messages of progress that count files."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

EVERY = 200
"""Files between two messages. Our choice: some seconds."""


def counted(found: Iterable[Item], total: int, say: Callable[[str], None]) -> Iterator[Item]:
    """Yield the items of ``found``, and say how many of ``total`` files are done after :data:`EVERY` files."""
    for number, item in enumerate(found, start=1):
        yield item
        if number % EVERY == 0 or number == total:
            say(f"{number} of {total} files")
