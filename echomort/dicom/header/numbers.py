"""Numbers of the patient and the study beside PatientID, StudyInstanceUID and AccessionNumber."""

from collections.abc import Iterator

from echomort.dicom.header import values

STUDY_TAGS = (
    "StudyID",
    "RequestedProcedureID",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "AdmissionID",
)
"""Tags that name the study, its order or its visit, each with one value (PS3.3 C.7.2.1, C.4.11, C.3.4)."""

MOST_NUMBERS = 32
"""Numbers of one header at most; the first ones are kept. Our choice: orders and old record numbers are a handful."""


def other_numbers(dataset: values.Elements) -> tuple[tuple[str, str], ...]:
    """Return (tag, value) of each of them that has a value, each once."""
    return tuple(dict.fromkeys(pair for pair in _pairs(dataset) if pair[1]))[:MOST_NUMBERS]


def _pairs(dataset: values.Elements) -> Iterator[tuple[str, str]]:
    for number in values.text(dataset, "OtherPatientIDs").split("\\"):
        yield "OtherPatientIDs", number.strip()
    for item in values.items(dataset, "OtherPatientIDsSequence"):
        yield "OtherPatientIDs", values.text(item, "PatientID").strip()
    for tag in STUDY_TAGS:
        yield tag, values.text(dataset, tag).strip()
    for item in values.items(dataset, "RequestAttributesSequence"):
        for tag in ("RequestedProcedureID", "AccessionNumber"):
            yield tag, values.text(item, tag).strip()
