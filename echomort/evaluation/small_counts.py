"""Counts of deaths and survivors that are released must not tell a few patients apart from the others.

Exact figures tell counts: a sensitivity how many of the deaths lie above a threshold, an AUC how many died. Two counts
are told apart by subtraction, so any two that are released differ by nobody, or by enough.
"""

from collections.abc import Hashable, Iterable
from typing import TypeVar

from echomort.evaluation.inputs import Booleans

Counts = tuple[int, int]
"""Deaths and survivors."""
Name = TypeVar("Name", bound=Hashable)


def tells_few_apart(counts: Counts, known: Iterable[Counts], least: int) -> bool:
    """Return whether ``counts`` differ from any of the ``known`` by some, but fewer than ``least``, deaths or
    survivors."""
    return any(0 < abs(here - there) < least for other in known for here, there in zip(counts, other, strict=True))


def releasable(died: Booleans, parts: Iterable[tuple[Name, Booleans]], least: int) -> list[Name]:
    """Return the names of the ``parts`` (masks (n,) of the patients ``died`` (n,)) that may be released beside all
    patients and beside each other, those that come first preferred."""
    known: list[Counts] = [(0, 0), _counts(died, died | ~died)]
    kept = []
    for name, inside in parts:
        counts = _counts(died, inside)
        if not tells_few_apart(counts, known, least):
            known.append(counts)
            kept.append(name)
    return kept


def _counts(died: Booleans, inside: Booleans) -> Counts:
    return int((died & inside).sum()), int((~died & inside).sum())
