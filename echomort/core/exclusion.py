"""Who was erased from a project: pseudonyms alone, so that later runs leave out what the archive still has of them."""

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from echomort.core.errors import UserError
from echomort.core.files import atomic_path
from echomort.core.fingerprint import digest
from echomort.core.keys import Keyring
from echomort.core.listing import SourceFile

FILE = "exclusion.json"
"""File of a home, mode 0600. It holds no identifier: a pseudonym is a keyed hash."""

KEYS = ("patients", "studies", "instances", "pending")
"""The fields of :class:`Erased` that hold pseudonyms."""


@dataclass(frozen=True)
class Erased:
    """One patient: the pseudonyms of all record numbers, of the studies, and of the files (of their paths).

    ``pending``: further pseudonyms (of folders, of what a file is) that are to be removed still, and ``removes`` what
    the erasure removes, in counts; both are empty once it is proven.
    """

    patients: tuple[str, ...]
    studies: tuple[str, ...]
    instances: tuple[str, ...]
    pending: tuple[str, ...] = ()
    removes: Mapping[str, int] = field(default_factory=dict)

    def joined(self, other: "Erased") -> "Erased":
        """Return the pseudonyms that either of the two holds, with the counts of the ``other``."""
        keys = {name: tuple(sorted({*getattr(self, name), *getattr(other, name)})) for name in KEYS}
        return Erased(**keys, removes=other.removes)


@dataclass(frozen=True)
class Exclusion:
    """Everybody who was erased from a home."""

    erased: tuple[Erased, ...] = ()

    @functools.cached_property
    def patients(self) -> frozenset[str]:
        """The pseudonyms of their record numbers."""
        return frozenset(key for one in self.erased for key in one.patients)

    @functools.cached_property
    def studies(self) -> frozenset[str]:
        """The pseudonyms of their studies."""
        return frozenset(key for one in self.erased for key in one.studies)

    @functools.cached_property
    def instances(self) -> frozenset[str]:
        """The pseudonyms of their files."""
        return frozenset(key for one in self.erased for key in one.instances)

    def of(self, patients: Iterable[str]) -> Erased | None:
        """Return the erased person who has one of the pseudonyms ``patients``; None if nobody has."""
        wanted = set(patients)
        return next((one for one in self.erased if wanted & set(one.patients)), None)

    def having(self, person: Erased) -> "Exclusion":
        """Return the exclusion with ``person``, who replaces what it held of the same person."""
        others = tuple(one for one in self.erased if not set(one.patients) & set(person.patients))
        return replace(self, erased=(*others, person))

    @property
    def digest(self) -> str:
        """Digest of what later runs leave out."""
        return digest(sorted(self.patients), sorted(self.studies), sorted(self.instances))


def read_exclusion(home: Path) -> Exclusion:
    """Return who was erased from ``home``; nobody where the file is missing. Raises :class:`UserError` for one that is
    damaged: to go on without it would bring an erased patient back."""
    file = home / FILE
    if not file.exists():
        return Exclusion()
    try:
        return Exclusion(tuple(_parsed(one) for one in json.loads(file.read_text())))
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{FILE} of the home can't be read", "restore it from a backup: without it erased patients "
                        "would come back") from None  # fmt: skip


def _parsed(record: Mapping[str, Any]) -> Erased:
    """Return the person of a record of the file."""
    keys = {name: tuple(record[name]) for name in KEYS}
    return Erased(**keys, removes=dict(record["removes"]))


def write_exclusion(home: Path, exclusion: Exclusion) -> None:
    """Write who was erased, atomically and with mode 0600."""
    with atomic_path(home / FILE, private=True) as file:
        file.write_text(json.dumps([asdict(one) for one in exclusion.erased], indent=1) + "\n")


def without_erased(files: Sequence[SourceFile], home: Path, keyring: Keyring) -> list[SourceFile]:
    """Return ``files`` of the archive without those of erased patients."""
    erased = read_exclusion(home).instances
    return [file for file in files if keyring.pseudonym("instance", file.path) not in erased] if erased else list(files)
