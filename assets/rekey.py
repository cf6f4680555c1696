"""`echomort rekey`: begins a new home with another key, which leaves out whoever was erased from the former one.

The exclusion (:mod:`echomort.core.exclusion`) is keyed by pseudonyms and no run makes it again: without it an erased
patient would come back. A pseudonym can't be turned back, and the vault has forgotten who was erased. So every path,
header and record number that the project can still read is hashed with the former key; what is in the former exclusion
is hashed with the new one.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from assets.erasure.certificate import FOLDER as CERTIFICATES
from assets.project import Project
from echomort.core.audit import Audited, append, check_chain
from echomort.core.errors import UserError
from echomort.core.exclusion import Erased, Exclusion, read_exclusion, write_exclusion
from echomort.core.files import write_text
from echomort.core.keys import Keyring, note_key
from echomort.core.listing import SourceFile, list_files
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import read_header
from echomort.dicom.index import domain_of, header_numbers
from echomort.dicom.reasons import Rejected
from echomort.settings import CONFIG_NAME
from warehouse.adapters.extract import ExtractLocation
from warehouse.connection import connect_in_memory
from warehouse.staging.numbers import extract_numbers
from warehouse.tables.risk_score.seals import check_seals

Progress = Callable[[int, int], None]
"""Is told how many files are done, and of how many."""


@dataclass
class Translation:
    """``wanted``: domain ("patient", "study", "instance") -> former pseudonyms; ``found``: former -> new ones."""

    former: Keyring
    new: Keyring
    wanted: dict[str, set[str]]
    found: dict[str, str] = field(default_factory=dict)

    def meet(self, domain: str, identifier: str) -> bool:
        """Note the new pseudonym of ``identifier`` if its former one is wanted; return whether it is."""
        key = self.former.pseudonym(domain, identifier)
        if key not in self.wanted[domain]:
            return False
        self.found[key] = self.new.pseudonym(domain, identifier)
        return True

    @property
    def missing(self) -> set[str]:
        """Former pseudonyms of record numbers and studies behind which nothing was met."""
        return (self.wanted["patient"] | self.wanted["study"]) - set(self.found)


@dataclass(frozen=True)
class Rekeyed:
    """``exclusion``: who was erased, by new pseudonyms. ``missing``: record numbers and studies of erased patients that
    neither the archive nor the records have now. ``kept_risks``: how many risks, kept before their outcome was known,
    stay in the former home."""

    exclusion: Exclusion
    missing: int
    kept_risks: int = 0


def rekey(project: Project, keyring: Keyring, key_file: Path, home: Path, progress: Progress) -> Rekeyed:
    """Begin ``home``, which must not exist, with ``keyring``: settings, exclusion and certificates of ``project``.

    It appears at once and whole, or not at all. Raises :class:`UserError` for a key that is no other one, and where
    archive or records can't be read.
    """
    _check(project, keyring, home)
    rekeyed = rekeyed_exclusion(project, keyring, progress)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tmp_", dir=home.parent) as scratch:
        folder = Path(scratch) / "home"
        folder.mkdir(mode=0o700)
        if rekeyed.exclusion.erased:
            write_exclusion(folder, rekeyed.exclusion)
        if (project.root / CERTIFICATES).is_dir():
            shutil.copytree(project.root / CERTIFICATES, folder / CERTIFICATES)
        write_text(folder / CONFIG_NAME, _settings_with(project.root / CONFIG_NAME, key_file))
        note_key(folder, keyring)
        log = f"log {check_chain(project.root).last}"
        append(folder, "rekey", "done", Audited([f"key {project.keyring.key_id}", log], _counts(rekeyed)))
        folder.rename(home)
    return replace(rekeyed, kept_risks=_kept_risks(project))


def _kept_risks(project: Project) -> int:
    with project.reader() as connection:
        return check_seals(connection).sealed


def _check(project: Project, keyring: Keyring, home: Path) -> None:
    if home.exists():
        raise UserError(f"{home} exists", "name another folder")
    if project.settings.is_synthetic:
        raise UserError("the synthetic archive has a public key, and nothing to protect", "name a site's project")
    if keyring.key_id == project.keyring.key_id:
        raise UserError("this is the key that the project has", "make a new one with `openssl rand -hex 32`")


def _counts(rekeyed: Rekeyed) -> dict[str, int]:
    return {"erased patients": len(rekeyed.exclusion.erased), "missing numbers": rekeyed.missing}


def _settings_with(config: Path, key_file: Path) -> str:
    """Return the text of the settings in ``config`` with another key file."""
    tree = yaml.safe_load(config.read_text()) or {}
    tree["privacy"] = (tree.get("privacy") or {}) | {"key_file": str(key_file.absolute())}
    return str(yaml.safe_dump(tree, sort_keys=True))


def rekeyed_exclusion(project: Project, keyring: Keyring, progress: Progress) -> Rekeyed:
    """Return who was erased from ``project`` by the pseudonyms of ``keyring``."""
    former = read_exclusion(project.root)
    if not former.erased:
        return Rekeyed(former, 0)
    _require_finished(project, former)
    wanted = {"patient": _numbers(former.patients, project.keyring), "study": set(former.studies)}
    translation = Translation(project.keyring, keyring, wanted | {"instance": set(former.instances)})
    _meet_records(project, translation)
    _meet_files(project, translation, progress)
    persons = (_translated(one, translation.found) for one in former.erased)
    return Rekeyed(Exclusion(tuple(one for one in persons if one.patients or one.instances)), len(translation.missing))


def _require_finished(project: Project, former: Exclusion) -> None:
    if any(one.pending for one in former.erased):
        raise UserError("an erasure was interrupted", "end it with `echomort erase`")
    if isinstance(project.settings.sources.dicom, str):
        raise UserError(
            "the archive lies in object storage, and the home has no copy of the files of erased patients",
            "make a new home by hand, and erase them in it by their numbers after its first run (docs/privacy.md)",
        )


def _numbers(patients: Iterable[str], keyring: Keyring) -> set[str]:
    """Return the pseudonyms of record numbers; an erasure that was given a pseudonym has hashed this as well."""
    keys = set(patients)
    return keys - {keyring.pseudonym("patient", key) for key in keys}


def _translated(person: Erased, found: dict[str, str]) -> Erased:
    def new(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(found[key] for key in keys if key in found))

    return Erased(new(person.patients), new(person.studies), new(person.instances), removes=person.removes)


def _meet_records(project: Project, translation: Translation) -> None:
    settings = project.settings
    with connect_in_memory(settings.execution.memory_limit_gib) as connection:
        numbers = extract_numbers(connection, ExtractLocation.of(settings), settings.sources.adapter)
    for domain, texts in numbers.items():
        for text in texts:
            translation.meet(domain, text)


def _meet_files(project: Project, translation: Translation, progress: Progress) -> None:
    """Meet every path, and the headers: first those of the erased patients' files, then, only while a number is
    missing, those of all others."""
    root = project.settings.dicom_root
    listed = list_files(root, "sources.dicom")
    own = [file for file in listed if translation.meet("instance", file.path)]
    paths = {file.path for file in own}
    files = [*own, *(file for file in listed if file.path not in paths)]
    for done, file in enumerate(files, 1):
        if file.path not in paths and not translation.missing:
            return
        for domain, text in _header_numbers(root, file, project):
            translation.meet(domain, text)
        progress(done, len(files))


def _header_numbers(root: Path, file: SourceFile, project: Project) -> Iterator[tuple[str, str]]:
    header: Header | None
    try:
        header = read_header(root / file.path, project.settings.imaging.header_reading)
    except Rejected as rejected:
        header = rejected.header
    except OSError:  # it went away
        return
    if header is not None:
        yield from ((domain_of(tag), text) for tag, text in header_numbers(header))
