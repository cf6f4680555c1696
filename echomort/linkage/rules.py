"""Numbers of headers and of records that are the same by a rule (``linkage.study``, ``linkage.patient``)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echomort.core.csv_table import read_rows
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.settings import NumberRule

SEPARATORS = str.maketrans("", "", " \t-_./\\:|,;#+^&*()[]")
"""Signs that numbers are written with: those of usual record numbers, and of HL7 (^ and &)."""

FEWEST_CUT = 3
"""Numbers that must begin or end alike before anything is cut off them. Our choice: what one number begins with is part
of that number."""


@dataclass(frozen=True)
class Same:
    """``owners``: number of a header -> whose it is in the records. ``collisions``: how many owners in the records the
    rule can't tell from another; where there are any, the rule must not be used."""

    owners: Mapping[str, str]
    collisions: int = 0


class Records:
    """The numbers of the records: ``owners`` is number -> owner, a person or a study."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        self.owners = owners
        self._last: tuple[Any, tuple[dict[str, str], int]] | None = None

    def by_form(self, rule: NumberRule) -> tuple[dict[str, str], int]:
        """Return form -> owner, of the forms that are of one owner only, and how many owners share a form with another.

        The last result is kept: a search asks for the same forms again and again.
        """
        key = frozenset(rule.ignore), rule.record_prefix, rule.record_suffix
        if self._last is None or self._last[0] != key:
            forms = Forms.of(self.owners, rule, rule.record_prefix, rule.record_suffix)
            self._last = key, _by_form(self.owners, forms)
        return self._last[1]


def same_numbers(
    header: Iterable[str], records: Records, rule: NumberRule, mapped: Mapping[str, str] | None = None
) -> Same:
    """Return whose each number of ``header`` is by ``rule``; ``mapped`` is the content of the rule's map. A number of
    nobody is left out.

    A number of the map is the records' number that the map gives it, and no other. A number that the records have as it
    is belongs to its owner there, whatever the rule says.
    """
    mapped = mapped or {}
    numbers = set(header)
    known = records.owners
    found = {number: known[number] for number in numbers - mapped.keys() if number in known}
    if rule.is_exact:
        return Same(found)
    header_forms = Forms.of(numbers, rule, rule.header_prefix, rule.header_suffix)
    owners, colliding = records.by_form(rule)
    for number in numbers - found.keys():
        target = mapped.get(number)
        owner = owners.get(header_forms.form(number)) if target is None else known.get(target)
        if owner is not None:
            found[number] = owner
    return Same(found, colliding)


def require_no_collision(same: Same, of: str) -> None:
    """Raise :class:`UserError` where the rule ``linkage.<of>`` makes different studies or patients the same."""
    if same.collisions:
        many = {"study": "studies", "patient": "patients"}[of]
        raise UserError(
            f"linkage.{of} makes {same.collisions} different {many} of the records the same",
            "use a rule that keeps them apart: `echomort link --explain` lists those that do",
        )


@dataclass(frozen=True)
class Forms:
    """How the numbers of one side are compared: what is ignored, and the prefix and the suffix that are cut."""

    ignored: frozenset[str]
    prefix: str = ""
    suffix: str = ""

    @classmethod
    def of(cls, numbers: Iterable[str], rule: NumberRule, prefix: int, suffix: int) -> "Forms":
        """Return the forms of ``numbers``. What is cut is what most of them begin or end with, and only where they do:
        the first characters of another number are no prefix."""
        numbers = list(numbers) if prefix or suffix else []
        return cls(
            frozenset(rule.ignore),
            _commonest(number[:prefix] for number in numbers if len(number) > prefix) if prefix else "",
            _commonest(number[-suffix:] for number in numbers if len(number) > suffix) if suffix else "",
        )

    def form(self, number: str) -> str:
        """Return ``number`` without what does not count; empty if nothing is left."""
        form = number.strip()
        if (
            "point_zero" in self.ignored
            and form.partition(".")[2].strip("0") == ""
            and form.partition(".")[0].isdigit()
        ):
            form = form.partition(".")[0]
        if self.prefix and form.startswith(self.prefix):
            form = form[len(self.prefix) :]
        if self.suffix and form.endswith(self.suffix):
            form = form[: -len(self.suffix)]
        if "separators" in self.ignored:
            form = form.translate(SEPARATORS)
        if "case" in self.ignored:
            form = form.upper()
        return (form.lstrip("0") or form[-1:]) if "leading_zeros" in self.ignored else form


def _commonest(parts: Iterable[str]) -> str:
    """Return the part that most numbers share; empty if no three do."""
    found = sorted(Counter(parts).items(), key=lambda one: (-one[1], one[0]))
    return found[0][0] if found and found[0][1] >= FEWEST_CUT else ""


def _by_form(records: Mapping[str, str], forms: Forms) -> tuple[dict[str, str], int]:
    by_form: dict[str, set[str]] = defaultdict(set)
    for number, owner in records.items():
        if form := forms.form(number):
            by_form[form].add(owner)
    colliding = {owner for owners in by_form.values() if len(owners) > 1 for owner in owners}
    return {form: next(iter(owners)) for form, owners in by_form.items() if len(owners) == 1}, len(colliding)


MAP_COLUMNS = ("dicom", "record")
"""The columns of a map: a number as headers write it, and as the records do."""


def read_map(path: Path | None) -> dict[str, str]:
    """Return number of a header -> number of the records, from the CSV file ``path`` (None: no map).

    Raises :class:`UserError`, which shows no number, for a file that can't be read, or that gives one number of a
    header two numbers of the records.
    """
    mapped: dict[str, str] = {}
    twice = set()
    for _, row in read_rows(path, path.name, MAP_COLUMNS) if path else ():
        number, target = (row[column].strip() for column in MAP_COLUMNS)
        if number and target and mapped.setdefault(number, target) != target:
            twice.add(number)
    if path and twice:
        raise UserError(
            f"{path.name}: {len(twice)} numbers of column dicom have two numbers of the records", "keep one row of each"
        )
    return mapped


def map_digests(rule: NumberRule) -> dict[str, str]:
    """Return the name of the rule's map with the digest of what it says; empty if it has none."""
    return {rule.map.name: digest(sorted(read_map(rule.map).items()))} if rule.map else {}
