"""Looks for the rule by which the numbers of headers and records are the same."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from echomort.linkage.rules import FEWEST_CUT, Records, same_numbers
from echomort.settings import CUTS, NumberRule
from echomort.settings.sections import Ignored

MOST_CUT = 12
"""Characters of a prefix or suffix that is looked for, at most. Our choice: the code of a site or of a system."""

SHARED = 0.5
"""Share of one side's numbers that must begin or end alike for it to be tried as a prefix or suffix. Our choice."""

MOST_RULES = 8
"""Rules of one tag that are kept, the most matches first. Our choice: they fit a page."""


@dataclass(frozen=True)
class Found:
    """What one rule does with the numbers of one tag: ``matched`` of ``numbers`` are known, ``collisions`` owners
    in the records can't be told apart."""

    tag: str
    rule: NumberRule
    matched: int
    numbers: int
    collisions: int

    @property
    def cost(self) -> tuple[int, int]:
        """How much the rule takes away: simpler rules are smaller."""
        cuts = [getattr(self.rule, name) for name in CUTS]
        return len(self.rule.ignore) + 2 * sum(cut > 0 for cut in cuts), sum(cuts)


def rules_of(tag: str, header: Sequence[str], records: Records) -> list[Found]:
    """Return the rules by which numbers of ``header`` (those of one tag) are those of ``records``: the most matches
    first, then the simplest; the exact one among them. Of rules with equal matches only the simplest is there. Rules
    with collisions are kept, to be named as such."""
    exact = _tried(tag, NumberRule(), header, records)
    found = [exact]
    if exact.matched < len(header):
        found += _ignoring(exact, header, records)
    if max(one.matched for one in found if not one.collisions) < len(header):
        found += _cutting(exact, header, records)
    useful = [one for one in found if one is exact or one.matched > exact.matched]
    ranked = sorted(useful, key=lambda one: (one.collisions > 0, -one.matched, one.cost))
    groups: dict[tuple[int, bool], list[Found]] = {}
    for one in ranked:
        groups.setdefault((one.matched, one.collisions > 0), []).append(one)
    return [_best(ties, header, records) for ties in list(groups.values())[:MOST_RULES]]


def _best(ties: Sequence[Found], header: Sequence[str], records: Records) -> Found:
    """Return the simplest of rules with equal matches, which are sorted by cost. One that ignores everything may get
    simpler than one that ignores nothing, and a longer cut leave less to ignore (a prefix with its hyphen): so the
    first and the last of the two lowest costs are simplified."""
    tried = []
    for cost in sorted({one.cost[0] for one in ties})[:2]:
        equal = [one for one in ties if one.cost[0] == cost]
        tried += [equal[0], equal[-1]]
    return min((_simplest(one, header, records) for one in tried), key=lambda one: one.cost)


def _tried(tag: str, rule: NumberRule, header: Iterable[str], records: Records) -> Found:
    numbers = set(header)
    same = same_numbers(numbers, records, rule)
    return Found(tag, rule, len(same.owners), len(numbers), same.collisions)


def _ignoring(exact: Found, header: Sequence[str], records: Records) -> Iterator[Found]:
    """Yield the rules that ignore something, if ignoring everything matches more; a part of it can't match more."""
    whole = _tried(exact.tag, NumberRule(ignore=get_args(Ignored)), header, records)
    if whole.matched + whole.collisions <= exact.matched:
        return
    best = exact
    for size in range(1, len(get_args(Ignored)) + 1):
        if best.matched >= whole.matched:
            return
        for ignored in itertools.combinations(get_args(Ignored), size):
            found = _tried(exact.tag, NumberRule(ignore=ignored), header, records)
            best = max(best, found, key=lambda one: one.matched if not one.collisions else -1)
            yield found


def _cutting(exact: Found, header: Sequence[str], records: Records) -> Iterator[Found]:
    """Yield the rules that cut a prefix or a suffix of either side, with and without ignoring differences."""
    header_cuts = list(_cuts("header", header))
    for ignored in ((), get_args(Ignored)):
        for of_records in _cuts("record", records.owners):
            for of_headers in header_cuts:
                if of_records or of_headers:
                    rule = NumberRule(ignore=ignored, **of_records, **of_headers)
                    yield _tried(exact.tag, rule, header, records)


def _simplest(found: Found, header: Sequence[str], records: Records) -> Found:
    """Return ``found``, or the rule with the same cuts that ignores the least and matches as many numbers."""
    if found.collisions:
        return found
    for size in range(len(found.rule.ignore)):
        for ignored in itertools.combinations(found.rule.ignore, size):
            simpler = _tried(found.tag, found.rule.model_copy(update={"ignore": ignored}), header, records)
            if simpler.matched == found.matched and not simpler.collisions:
                return simpler
    return found


def _cuts(side: str, numbers: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield the cuts of one side that are worth a try: none, and the prefixes and suffixes that most numbers share."""
    yield {}
    for end in ("prefix", "suffix"):
        yield from ({f"{side}_{end}": length} for length in _shared(numbers, end == "prefix"))


def _shared(numbers: Collection[str], is_start: bool) -> list[int]:
    """Return the lengths of what most ``numbers`` begin (or end) with."""
    lengths = []
    for length in range(1, MOST_CUT + 1):
        parts = Counter(number[:length] if is_start else number[-length:] for number in numbers if len(number) > length)
        shared = max(parts.values(), default=0)
        if shared < max(FEWEST_CUT, SHARED * len(numbers)):
            break
        lengths.append(length)
    return lengths


@dataclass(frozen=True)
class File:
    """A file that was read: (tag, number) of all numbers of its header."""

    numbers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Pair:
    """Two rules, and how many of the studies that were read they link: where study and patient agree."""

    study: Found
    patient: Found
    linked: int

    @property
    def cost(self) -> int:
        """How much both rules take away."""
        return self.study.cost[0] + self.patient.cost[0]


def best_pair(
    files: Sequence[File],
    found: Mapping[str, Sequence[Found]],
    records: Mapping[str, Records],
    patient_of: Mapping[str, str],
) -> Pair | None:
    """Return the rules for study and patient that link the most studies together, the simplest of them.

    ``found`` and ``records`` are by ``study`` and ``patient``, ``patient_of`` is study -> patient in the records. A
    rule that matches by chance links nothing: the patient would be another. None if no pair links anything.
    """
    usable = {of: [one for one in found[of] if not one.collisions and one.matched] for of in ("study", "patient")}
    owners = {of: [_owners(files, one, records[of]) for one in rules] for of, rules in usable.items()}
    pairs = [
        Pair(
            study,
            patient,
            len({one for one, other in zip(ones, others, strict=True) if one and patient_of.get(one) == other}),
        )
        for study, ones in zip(usable["study"], owners["study"], strict=True)
        for patient, others in zip(usable["patient"], owners["patient"], strict=True)
    ]
    best = min(pairs, key=lambda pair: (-pair.linked, pair.cost), default=None)
    return best if best and best.linked else None


def _owners(files: Sequence[File], found: Found, records: Records) -> list[str | None]:
    """Return whose each file is by the tag and the rule of ``found``."""
    named = [[number for tag, number in file.numbers if tag == found.tag] for file in files]
    owners = same_numbers({number for numbers in named for number in numbers}, records, found.rule).owners
    return [next((owners[number] for number in numbers if number in owners), None) for numbers in named]
