"""Counts that are withheld so that nobody's data can be told from them, not even by subtraction."""

from collections.abc import Mapping, Sequence

Counts = Sequence[int]
"""Patients of one group by category; they sum to the group's size."""


def is_small(counts: Counts, least: int) -> bool:
    """Return whether a group is too small to be shown: fewer than ``least`` patients, or a category with some, but
    fewer than ``least``."""
    return sum(counts) < least or any(0 < count < least for count in counts)


def safe_groups(groups: Mapping[str, Counts], least: int) -> frozenset[str] | None:
    """Return the names of the ``groups`` that may be shown beside their sum; None where not even the sum may be.

    The groups share no patient. Those that are small are withheld, and with them the smallest others, until what
    subtraction leaves, the sum of all withheld groups, is not small either and has patients in every category (if it
    had none in one, nobody of any withheld group would have).
    """
    filled = sorted((name for name in groups if sum(groups[name])), key=lambda name: (sum(groups[name]), name))
    withheld = [name for name in filled if is_small(groups[name], least)]
    others = [name for name in filled if name not in withheld]
    while withheld and _reveals([groups[name] for name in withheld], least):
        if not others:
            return None
        withheld.append(others.pop(0))
    return frozenset(others)


def _reveals(withheld: Sequence[Counts], least: int) -> bool:
    left = [sum(counts) for counts in zip(*withheld, strict=True)]
    return is_small(left, least) or 0 in left


def groups_with_figures(groups: Mapping[str, Counts], least: int) -> frozenset[str]:
    """Return the names of the ``groups``, given as (deaths, survivors), whose performance may be shown beside that of
    all.

    An exact figure of a group tells how many of it died, and so does one of all patients. A group with fewer than
    ``least`` deaths or survivors is withheld, and with it the smallest others, until the sum of the withheld groups,
    which subtraction leaves, has ``least`` of both.
    """
    by_size = sorted(groups, key=lambda name: (sum(groups[name]), name))
    withheld = [name for name in by_size if min(groups[name]) < least]
    others = [name for name in by_size if name not in withheld]
    while withheld and others and min(sum(groups[name][kind] for name in withheld) for kind in (0, 1)) < least:
        withheld.append(others.pop(0))
    return frozenset(others)
