"""Great Expectations, without libraries that none of our expectations uses.

Importing it takes most of the time of a small run's checks, and a third of that is for libraries which draw and compare
distributions.
"""

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

RARELY_USED = ("altair", "scipy.stats")
"""Libraries that Great Expectations imports for a few expectations, such as that of a Kullback-Leibler divergence."""


@functools.cache
def library() -> Any:
    """Return the package ``great_expectations``."""
    with _when_used(RARELY_USED):
        import great_expectations.expectations
    return great_expectations


@contextlib.contextmanager
def _when_used(names: tuple[str, ...]) -> Iterator[None]:
    """Let what the block imports load each of ``names`` when it first uses it."""
    later = {name: _Later(name) for name in names if name not in sys.modules}
    sys.modules.update(later)
    try:
        yield
    finally:
        for name in later:
            del sys.modules[name]


class _Later(ModuleType):
    """In place of a module: imports it when one of its names is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python's own questions about a module
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)
