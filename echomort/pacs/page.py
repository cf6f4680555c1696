"""A result as one page: a PDF in a DICOM object (Encapsulated PDF, PS3.3 A.45.1)."""

import io
import textwrap
from datetime import date
from typing import TYPE_CHECKING

from echomort.pacs.objects import (
    MAKER,
    MODEL_NAME,
    PAGE,
    SERIES_NUMBERS,
    series_description,
    with_identity,
)
from echomort.pacs.result import StudyResult
from echomort.report.intended_use import INTENDED_USE

if TYPE_CHECKING:
    from pydicom import Dataset

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
"""The SOP class (PS3.4 table B.5-1)."""
TITLE = "One-year mortality risk from echocardiography"
WORDS = "RESEARCH USE, NOT FOR CLINICAL DECISIONS"
SYNTHETIC_WORDS = "The model learnt from a synthetic archive: this risk means nothing for a person."
BEYOND_WORDS = ": beyond all that the model learnt from, so that this risk may be far from the truth"

A4 = (8.27, 11.69)
"""Width and height of the page in inches (ISO 216)."""
LEFT, TOP, STEP, LABELLED = 0.1, 0.93, 0.026, 0.32
"""Margin, first line, distance of lines, and where values begin: fractions of the page. Our choice."""
LONGEST_LINE, LONGEST_VALUE = 80, 60
"""Characters of a line of 10 points, and of one beside its label. Our choice: they fit the width of the page."""


def encapsulated_page(result: StudyResult) -> "Dataset":
    """Return the page of ``result`` as a DICOM object."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    content = draw_page(result)
    page = Dataset()
    page.file_meta = FileMetaDataset()
    page.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    page.SOPClassUID, page.SOPInstanceUID = ENCAPSULATED_PDF, result.uid(PAGE)
    page.Modality, page.SeriesInstanceUID, page.SeriesNumber = "DOC", result.series_uid(PAGE), SERIES_NUMBERS[PAGE]
    page.SeriesDescription, page.InstanceNumber, page.ConversionType = series_description(result), 1, "WSD"
    page.Manufacturer, page.ManufacturerModelName, page.SoftwareVersions = MAKER, MODEL_NAME, result.version
    page.BurnedInAnnotation, page.AcquisitionDateTime = "YES", ""
    page.DocumentTitle, page.ConceptNameCodeSequence, page.VerificationFlag = TITLE, [], "UNVERIFIED"
    page.SourceInstanceSequence = [_reference(one.sop_class, one.sop_uid) for one in result.instances]
    page.MIMETypeOfEncapsulatedDocument = "application/pdf"
    page.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    page.EncapsulatedDocumentLength = len(content)
    return with_identity(page, result)


def _reference(sop_class: str, sop_uid: str) -> "Dataset":
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
    return item


def draw_page(result: StudyResult) -> bytes:
    """Return the page as PDF; the same result gives the same bytes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=A4)
    risk, low, high = result.percents
    place = TOP
    synthetic = [(SYNTHETIC_WORDS, 10)] if result.prediction.synthetic else []
    for text, size in ((TITLE, 16), (WORDS, 12), *synthetic, (f"{risk:.1f} %", 32)):
        figure.text(LEFT, place, text, size=size, weight="bold", parse_math=False, va="top")
        place -= size / 10 * STEP
    place -= STEP
    for label, text in _lines(result, low, high):
        for number, line in enumerate(textwrap.wrap(text, LONGEST_VALUE if label else LONGEST_LINE) or [""]):
            figure.text(LEFT, place, "" if number else label, size=10, parse_math=False, va="top", color="0.35")
            figure.text(LABELLED if label else LEFT, place, line, size=10, parse_math=False, va="top")
            place -= STEP
    file = io.BytesIO()
    figure.savefig(file, format="pdf", metadata={"Creator": MODEL_NAME, "Producer": MAKER, "CreationDate": None})
    return file.getvalue()


def _lines(result: StudyResult, low: float, high: float) -> list[tuple[str, str]]:
    """Return (label, text) of each line below the risk."""
    known, found = result.identity, result.prediction
    missing = ", ".join(name.replace("_", " ") for name in found.missing) or "nothing"
    day = date.fromisoformat(known["StudyDate"])
    return [
        ("Patient", _drawable(known["PatientName"].partition("=")[0].replace("^", " ").strip())),
        ("Patient ID", _drawable(known["PatientID"])),
        ("Accession number", _drawable(known["AccessionNumber"])),
        ("Study of", f"{day:%Y-%m-%d}"),
        ("", ""),
        ("By single folds", f"{low:.1f} to {high:.1f} %: how far trainings differ, no confidence interval"),
        ("Counted", f"{found.scored} loops; the structured report names them"),
        ("Missing", missing),
        *([("Unlike the cohort", ", ".join(found.beyond) + BEYOND_WORDS)] if found.beyond else []),
        ("Model", f"{str(found.model).replace('_', ' ')}, candidate {result.candidate}, echomort {result.version}"),
        ("", ""),
        ("", INTENDED_USE),
    ]


def _drawable(text: str) -> str:
    """Return ``text`` with ``?`` for each sign that the font lacks: matplotlib would warn, and quote it."""
    from matplotlib.font_manager import findfont, get_font

    known = get_font(findfont("DejaVu Sans")).get_charmap()
    return "".join(sign if ord(sign) in known else "?" for sign in text)
