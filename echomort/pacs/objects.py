"""What the report and the page have in common: whose they are, and who made them."""

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from echomort.core.files import atomic_path
from echomort.pacs.result import StudyResult
from echomort.sources.landing import landing_path

if TYPE_CHECKING:
    from pydicom import Dataset

REPORT, PAGE = "sr", "pdf"
"""The kinds of objects."""
SERIES_NUMBERS = {REPORT: 9901, PAGE: 9902}
"""Our choice: above those that scanners count up to."""
MAKER, MODEL_NAME = "The echomort authors", "echomort"
UTF_8 = "ISO_IR 192"
"""Every text is written in Unicode, whatever the study's own character set is (PS3.3 C.12.1.1.2)."""
TIMES_OF_RUN = ("InstanceCreationDate", "InstanceCreationTime", "ContributionDateTime")
"""What highdicom notes of the moment at which it works; without these, the same result is the same bytes."""


def series_description(result: StudyResult) -> str:
    """Return what a viewer shows in its list of series."""
    return f"echomort, {'SYNTHETIC MODEL' if result.prediction.synthetic else 'research use'}"


def with_identity(dataset: "Dataset", result: StudyResult) -> "Dataset":
    """Set patient, study, character set and times of ``dataset``, and return it."""
    dataset.SpecificCharacterSet = UTF_8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote values that the study's own objects have too
        for name, value in result.identity.items():
            if value or name != "IssuerOfPatientID":  # type 3; the others may be empty
                setattr(dataset, name, value)
    dataset.ContentDate, dataset.ContentTime = result.when
    for level in (dataset, *dataset.get("ContributingEquipmentSequence", [])):
        for name in TIMES_OF_RUN:
            if name in level:
                delattr(level, name)
    return dataset


def as_file(dataset: "Dataset") -> bytes:
    """Return ``dataset`` as the content of a DICOM file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def write_object(dataset: "Dataset", folder: Path) -> Path:
    """Write ``dataset`` below ``folder``, atomically and for its owner alone, under a name without identifiers; return
    its path. Raises :class:`UserError` where that can't be done."""
    path = landing_path(folder, str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID))
    with atomic_path(path, private=True) as temporary:
        temporary.write_bytes(as_file(dataset))
    return path
