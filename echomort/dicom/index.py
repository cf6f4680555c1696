"""Rows of the index: an allow-list of header fields, with identifiers as pseudonyms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from echomort.core.fingerprint import digest
from echomort.core.keys import Keyring
from echomort.core.listing import SourceFile
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import read_header
from echomort.dicom.reasons import Rejected
from echomort.settings import USUAL_READING, HeaderReading, PatientTag

VENDORS = {
    "philips": r"philips|atl",
    "ge": r"\bge\b|general electric|gems|vingmed|kretz",
    "siemens": r"siemens|acuson",
    "canon": r"canon|toshiba",
    "samsung": r"samsung|medison",
    "fujifilm": r"fuji|sonosite|hitachi|aloka",
    "mindray": r"mindray",
    "esaote": r"esaote",
    "hewlett_packard": r"hewlett|agilent|\bhp\b",
}
MODELS = re.compile(
    r"epiq|affiniti|ie33|cx50|sonos|vivid|voluson|logiq|sc2000|sequoia|cypress|aplio|artida|xario|arietta|prosound"
    r"|turbo|edge|mylab|dc-\d+|resona|hs\d+",
    re.IGNORECASE,
)
SAMPLED_BYTES = 65536
"""Bytes (64 KiB) at either end of a file that its digest covers. Our choice: a header, and the last frame's pixels."""


@dataclass(frozen=True)
class Indexer:
    """Reads headers of the files under ``root``; ``views`` is ``sources.view_table``: views by SOP instance UID."""

    root: Path
    keyring: Keyring
    views: Mapping[str, str]
    how: HeaderReading = USUAL_READING
    numbers: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    """(Domain, pseudonym) -> the number of a patient ("patient") or study ("study"), of every file that was read."""

    def row(self, folder_key: str, file: SourceFile) -> dict[str, Any]:
        """Return the row of table ``dicom_instance`` for one file."""
        keys = self.keyring.pseudonym("instance", file.path), folder_key
        found = _read(self.root / file.path, self.how)
        self.numbers.update(_numbers(found, self.keyring))
        row = instance_row(keys, found, self.keyring)
        if isinstance(found, Header) and found.view == "unknown" and found.sop_uid in self.views:
            row |= {"view": self.views[found.sop_uid], "view_source": "view_table"}
        return row | _file_columns(self.root, file)


def _read(path: Path, how: HeaderReading) -> Header | Rejected:
    try:
        return read_header(path, how)
    except Rejected as rejected:
        return rejected


def _file_columns(root: Path, file: SourceFile) -> dict[str, Any]:
    try:
        sampled = source_digest(root / file.path)
    except OSError:
        sampled = None
    return {"source_digest": sampled, "bytes": file.bytes, "stamp": digest(file.stamp)}


def instance_row(keys: tuple[str, str], found: Header | Rejected, keyring: Keyring) -> dict[str, Any]:
    """Return the row of table ``dicom_instance`` for a header or the rejection of one.

    ``keys`` are those of the instance and of its folder. Vendor and model are names from our own lists, ``other`` where
    the header's text matches none: free text is never stored.
    """
    header = found.header if isinstance(found, Rejected) else found
    rejected = found if isinstance(found, Rejected) else None
    row = {"instance_key": keys[0], "folder_key": keys[1]}
    row |= _header_columns(header, keyring) if header else {}
    return row | {
        "status": "rejected" if rejected else "accepted",
        "reason": rejected.reason.value if rejected else None,
        "note": " ".join(header.notes) or None if header else None,
    }


def _header_columns(header: Header, keyring: Keyring) -> dict[str, Any]:
    model = MODELS.search(header.model)
    return {
        "patient_key": _pseudonym(keyring, "patient", header.patient_id),
        "study_key": _pseudonym(keyring, "study", header.study_uid),
        "accession_key": _pseudonym(keyring, "study", header.accession_number),
        "other_keys": " ".join(f"{tag}:{keyring.pseudonym(domain_of(tag), text)}" for tag, text in header.other_numbers)
        or None,
        "sop_key": _pseudonym(keyring, "instance_uid", header.sop_uid),
        "transfer_syntax": header.transfer_syntax if re.fullmatch(r"[\d.]{1,64}", header.transfer_syntax) else None,
        "modality": header.modality if re.fullmatch(r"[A-Z]{2,4}", header.modality) else None,
        "manufacturer": _vendor(header.manufacturer),
        "model": model[0].lower() if model else "other",
        "site_key": _pseudonym(keyring, "site", " ".join(header.institution.lower().split())),
        "rows": header.rows,
        "columns": header.columns,
        "frames": header.frames,
        "photometric": header.photometric if re.fullmatch(r"[A-Z0-9_ ]{1,16}", header.photometric) else None,
        "fps": header.fps,
        "fps_source": header.fps_source,
        "view": header.view,
        "view_source": header.view_source,
    }


def header_numbers(header: Header) -> list[tuple[str, str]]:
    """Return (tag, number) of every number of the patient and the study in a header."""
    named = (
        ("PatientID", header.patient_id),
        ("StudyInstanceUID", header.study_uid),
        ("AccessionNumber", header.accession_number),
    )
    return [(tag, text.strip()) for tag, text in (*named, *header.other_numbers) if text.strip()]


def domain_of(tag: str) -> str:
    """Return the domain of the pseudonyms of a tag's numbers: ``patient`` or ``study``."""
    return "patient" if tag in get_args(PatientTag) else "study"


def _numbers(found: Header | Rejected, keyring: Keyring) -> dict[tuple[str, str], str]:
    if isinstance(found, Rejected):  # what can't be read is not linked
        return {}
    named = [(domain_of(tag), text) for tag, text in header_numbers(found)]
    return {(domain, keyring.pseudonym(domain, text)): text for domain, text in named}


def _pseudonym(keyring: Keyring, domain: str, identifier: str) -> str | None:
    return keyring.pseudonym(domain, identifier) if identifier.strip() else None


def _vendor(text: str) -> str:
    return next((name for name, pattern in VENDORS.items() if re.search(pattern, text, re.IGNORECASE)), "other")


def source_digest(path: Path) -> str:
    """Return the digest of a file's size, first and last 64 KiB: equal for two copies of one object, else different."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(SAMPLED_BYTES)
        file.seek(max(size - SAMPLED_BYTES, 0))
        return digest(size, head, file.read(SAMPLED_BYTES))
