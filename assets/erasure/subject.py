"""By what a project knows a patient: pseudonyms, and the identifiers behind them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assets.erasure.search import Needles
from assets.project import Project
from echomort.core.errors import UserError
from echomort.core.exclusion import Erased, read_exclusion
from echomort.core.listing import SourceFile, list_files
from warehouse import vault
from warehouse.erasure import is_known, subject_keys

KEY = re.compile(r"[0-9a-f]{32}")
"""A pseudonym."""

SHORT = 12
"""Characters of a pseudonym that logs show of an example (:class:`warehouse.staging.staging.Conflict`): they are
searched for, and with them the whole."""

FEWEST_CHARACTERS = 6
"""Characters of the shortest identifier that is searched for: a shorter one is in every large file by chance. Our
choice; the certificate says how many were too short."""

NUMBERS = {"PatientID": "patient", "AccessionNumber": "study", "StudyInstanceUID": "study"}
"""Tags of a header with a number that has a pseudonym -> its domain."""

UIDS = ("SeriesInstanceUID", "SOPInstanceUID")
"""Tags of a header that no two objects share."""


@dataclass(frozen=True)
class Subject:
    """The patient: ``person`` as the exclusion will hold it, ``needles`` to search for, the patient's ``files`` in the
    archive (relative paths), and whether the archive could be read."""

    person: Erased
    needles: Needles
    files: tuple[str, ...]
    is_archive_read: bool


def find_subject(project: Project, number: str) -> Subject:
    """Return the patient with record number (or pseudonym) ``number``. Raises :class:`UserError` for one whom neither
    the records nor a header nor an earlier erasure names."""
    given = {project.keyring.pseudonym("patient", number), *([number] if KEY.fullmatch(number) else [])}
    known = read_exclusion(project.root).of(given) or Erased((), (), ())
    patients = given | set(known.patients)
    with project.reader() as connection:
        if not known.patients and not is_known(connection, patients):
            raise UserError(
                "no patient has this number in the records or in the header of a file",
                "write it as the records do, or give the patient's pseudonym; nothing was changed",
            )
        keys = subject_keys(connection, patients, known.studies, known.instances)
    found = {domain: set(keys.get(domain, ())) for domain in ("patient", "study", "instance", "folder", "file")}
    person = Erased(
        tuple(sorted(found["patient"])),
        tuple(sorted(found["study"])),
        tuple(sorted(found["instance"])),
        tuple(sorted(found["folder"] | found["file"] | set(known.pending))),
    ).joined(known)
    listed, is_read = _archive(project)
    instances = set(person.instances)
    files = tuple(file.path for file in listed if project.keyring.pseudonym("instance", file.path) in instances)
    own = set(files)
    others = "\n".join(file.path for file in listed if file.path not in own)
    texts = {*([] if KEY.fullmatch(number) else [number.strip()]), *_names(project, person)}
    found_in_files = {*files, *(text for file in files for text in _texts(project, person, file))}
    texts |= {text for text in found_in_files if text not in others}
    return Subject(person, _needles(person, texts), files, is_read)


def _needles(person: Erased, texts: Iterable[str]) -> Needles:
    shown = {key[:SHORT] for key in (*person.patients, *person.studies)}
    usable = {text for text in texts if len(text) >= FEWEST_CHARACTERS}
    too_short = len({text for text in texts if 0 < len(text) < FEWEST_CHARACTERS})
    keys = shown | set(person.instances) | set(person.pending)
    return Needles(tuple(sorted(keys)), tuple(sorted(usable)), too_short)


def _names(project: Project, person: Erased) -> Iterator[str]:
    """Yield what the vault holds behind the person's pseudonyms."""
    wanted = {"patient": person.patients, "study": person.studies, "folder": person.pending}
    for domain, keys in wanted.items():
        yield from vault.recall(project.vault, domain, keys).values()


def _archive(project: Project) -> tuple[list[SourceFile], bool]:
    try:
        return list_files(project.settings.dicom_root, "sources.dicom"), True
    except UserError:
        return [], False


def _texts(project: Project, person: Erased, file: str) -> Iterator[str]:
    """Yield the name and the numbers in the header of the person's ``file``, and what of its path holds one of them.

    A number that other patients' files have too, a placeholder, is none of the person's.
    """
    import pydicom

    path = project.settings.dicom_root / file
    try:
        header = pydicom.dcmread(path, specific_tags=["PatientName", *NUMBERS, *UIDS], stop_before_pixels=True)
        name = str(header.get("PatientName", ""))
        numbers = {tag: str(header.get(tag, "")).strip() for tag in (*NUMBERS, *UIDS)}
    except Exception:  # noqa: BLE001 a header that can't be read names nobody; a parser may raise anything
        return
    keys = {*person.patients, *person.studies}
    own = [numbers[tag] for tag, domain in NUMBERS.items() if project.keyring.pseudonym(domain, numbers[tag]) in keys]
    family, _, given = name.partition("^")
    names = [name, *(f"{family}{between}{given}" for between in (" ", "_", ", "))] if family and given else []
    yield from (*own, *names, *(numbers[tag] for tag in UIDS))
    known = [word for word in (*own, family) if len(word) >= FEWEST_CHARACTERS]
    yield from (part for part in Path(file).parts if any(word in part for word in known))
