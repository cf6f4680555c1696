"""The linkage alone, in memory: which files a run would link, what the numbers on both sides look like, and which rule
would link more. It needs no key and writes nothing; of no number more than its shape is ever shown.
"""

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import duckdb
import pandas as pd

from assets.imaging.accounts import Linked, linked_studies
from assets.records.health_records import stage_extract
from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.keys import KEY_BYTES, Keyring
from echomort.core.listing import SourceFile, list_files
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import read_header
from echomort.dicom.index import domain_of, header_numbers, instance_row, source_digest
from echomort.dicom.reasons import Rejected
from echomort.linkage.rules import Records
from echomort.linkage.search import File, Found, Pair, best_pair, rules_of
from echomort.linkage.shapes import Shape, shape_of
from echomort.settings import Linkage, NumberRule, PatientTag, Settings, StudyTag
from warehouse.connection import connect_in_memory
from warehouse.queries import run
from warehouse.tables.archive.instances import replace_instances
from warehouse.tables.archive.linkage import link_files

TAGS: Mapping[str, Sequence[str]] = {"study": get_args(StudyTag), "patient": get_args(PatientTag)}
"""What a number may be of -> the tags that may hold it."""


@dataclass(frozen=True)
class Sides:
    """Both sides in memory: the warehouse with ``dicom_instance`` and the records; the ``files`` that were read, of
    ``total``; ``records``: ``study`` or ``patient`` -> number -> owner; and study -> patient of the records."""

    connection: duckdb.DuckDBPyConnection
    settings: Settings
    files: Sequence[File]
    read: int
    total: int
    texts: Mapping[str, Mapping[str, str]]
    records: Mapping[str, Records]
    patient_of: Mapping[str, str]

    def numbers(self, tag: str) -> list[str]:
        """Return the different numbers that the headers have in ``tag``."""
        return sorted({number for file in self.files for name, number in file.numbers if name == tag})


@dataclass(frozen=True)
class LinkAccount:
    """What a person is told: counts and shapes, no number. ``refused``: why the rule that is set can't be used (``now``
    is then without one). ``after``: how much more the best pair of rules links, by the settings ``assignments``."""

    read: int
    total: int
    readable: int
    refused: str
    now: Linked
    shapes: Mapping[str, Mapping[str, Shape]]
    rules: Mapping[str, Sequence[Found]]
    best: Pair | None
    assignments: Sequence[str]
    after: Linked | None

    def as_record(self) -> dict[str, Any]:
        """Return the account as one JSON object."""
        return {
            "files": self.total,
            "read": self.read,
            "readable": self.readable,
            "refused": self.refused,
            "now": _linked_record(self.now),
            "shapes": {of: {side: asdict(shape) for side, shape in found.items()} for of, found in self.shapes.items()},
            "rules": {
                of: [
                    {
                        "tag": one.tag,
                        "rule": one.rule.model_dump(mode="json", exclude={"map", "tags"}),
                        "matched": one.matched,
                        "numbers": one.numbers,
                        "collisions": one.collisions,
                    }
                    for one in found
                ]
                for of, found in self.rules.items()
            },
            "settings": list(self.assignments),
            "after": _linked_record(self.after) if self.after else None,
        }


def _linked_record(linked: Linked) -> dict[str, Any]:
    names = ("reason", "files", "studies")
    reasons = [dict(zip(names, one, strict=True)) for one in linked.reasons]
    return {"studies": linked.studies, "linked": linked.linked, "reasons": reasons}


@contextlib.contextmanager
def both_sides(settings: Settings, most_files: int) -> Iterator[Sides]:
    """Stage the records that ``settings`` name, and read the headers of ``most_files`` files at most, spread over the
    folders. The pseudonyms are of a key that is thrown away."""
    keyring = Keyring(secrets.token_bytes(KEY_BYTES))
    with connect_in_memory(settings.execution.memory_limit_gib) as connection:
        report = stage_extract(connection, settings, keyring)
        listed = list_files(settings.dicom_root, "sources.dicom")
        chosen = spread(listed, most_files)
        found = [(file, _header(settings.dicom_root / file.path)) for file in chosen]
        rows = [_row(settings.dicom_root, file, header, keyring) for file, header in found]
        replace_instances(connection, [], pd.DataFrame(rows))
        headers = [File(tuple(header_numbers(header))) for _, header in found if isinstance(header, Header)]
        texts = {of: dict(report.identifiers[of]) for of in TAGS}
        for tag, number in (pair for file in headers for pair in file.numbers):
            texts[domain_of(tag)][keyring.pseudonym(domain_of(tag), number)] = number
        # Beginning the linkage lists the numbers of the records, each with its owner.
        link_files(connection, Linkage(), lambda _: {})
        records = {of: _records(connection, of, texts[of]) for of in TAGS}
        patient_of = dict(connection.table("study").project("study_key, patient_key").fetchall())
        yield Sides(connection, settings, headers, len(chosen), len(listed), texts, records, patient_of)


def _records(connection: duckdb.DuckDBPyConnection, of: str, texts: Mapping[str, str]) -> Records:
    rows = run(connection, "tables/archive/link_record_keys.sql", domain=of).fetchall()
    return Records({texts[key]: owner for key, owner in rows})


def spread(files: Sequence[SourceFile], most: int) -> list[SourceFile]:
    """Return ``most`` of ``files`` at most: first one of each folder, then a second of each; in an order that does not
    depend on names, so that years and rooms are mixed."""
    if len(files) <= most:
        return list(files)
    places: dict[str, int] = {}
    ranked = []
    for file in sorted(files, key=lambda file: digest(file.path)):
        place = places[file.folder] = places.get(file.folder, 0) + 1
        ranked.append((place, digest(file.folder), file))
    return [file for *_, file in sorted(ranked)[:most]]


def _header(path: Path) -> Header | Rejected:
    try:
        return read_header(path)
    except Rejected as rejected:
        return rejected


def _row(root: Path, file: SourceFile, found: Header | Rejected, keyring: Keyring) -> dict[str, Any]:
    keys = keyring.pseudonym("instance", file.path), keyring.pseudonym("folder", file.folder)
    content = source_digest(root / file.path) if isinstance(found, Header) else None
    return instance_row(keys, found, keyring) | {"source_digest": content}


def account(sides: Sides) -> LinkAccount:
    """Return what a person is told about both sides."""
    refused = ""
    try:
        now = _linked(sides, sides.settings.linkage)
    except UserError as error:
        refused, now = str(error.problem), _linked(sides, Linkage())
    shapes = {
        of: {"records": shape_of(sides.records[of].owners)}
        | {tag: shape_of(numbers) for tag in tags if (numbers := sides.numbers(tag))}
        for of, tags in TAGS.items()
    }
    rules = {
        of: [
            one for tag in tags if (numbers := sides.numbers(tag)) for one in rules_of(tag, numbers, sides.records[of])
        ]
        for of, tags in TAGS.items()
    }
    best = best_pair(sides.files, rules, sides.records, sides.patient_of)
    proposed = _proposed(sides.settings.linkage, best) if best else None
    after = _linked(sides, proposed) if proposed else None
    helps = after is not None and after.linked > now.linked
    return LinkAccount(
        sides.read,
        sides.total,
        len(sides.files),
        refused,
        now,
        shapes,
        rules,
        best,
        _assignments(sides.settings.linkage, proposed) if helps and proposed else (),
        after if helps else None,
    )


def _linked(sides: Sides, linkage: Linkage) -> Linked:
    """Return how much is linked by ``linkage``, with the statements of a run. A rule with collisions links nothing."""
    link_files(sides.connection, linkage, lambda of: sides.texts[of])
    return linked_studies(sides.connection)


def _proposed(linkage: Linkage, best: Pair) -> Linkage:
    """Return ``linkage`` with the rules of ``best``; tags that are named already stay, maps too."""
    changes = {}
    for of, found in (("study", best.study), ("patient", best.patient)):
        rule = getattr(linkage, of)
        tags = rule.tags if found.tag in rule.tags else (*rule.tags, found.tag)
        names = [name for name in NumberRule.model_fields if name != "map"]
        changes[of] = rule.model_copy(update={name: getattr(found.rule, name) for name in names} | {"tags": tags})
    return linkage.model_copy(update=changes)


def _assignments(old: Linkage, new: Linkage) -> list[str]:
    """Return the settings that ``new`` changes, as a person writes them."""
    found = []
    for of in TAGS:
        before, after = getattr(old, of), getattr(new, of)
        for name in type(after).model_fields:
            value = getattr(after, name)
            if value != getattr(before, name):
                written = f"[{','.join(value)}]" if isinstance(value, tuple) else str(value)
                found.append(f"linkage.{of}.{name}={written}")
    return found
