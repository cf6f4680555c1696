"""De-identified DICOM: one loop as a new Ultrasound Multi-frame object whose header is built from nothing.

PS3.15 annex E, Basic Application Level Confidentiality Profile with the Clean Pixel Data Option. No element is copied:
each is a number that was parsed, a word of a closed list, a pseudonym or a constant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from echomort.clips.export.identity import Identity
from echomort.clips.export.loops import Loop
from echomort.clips.export.request import ExportRequest
from echomort.dicom.header.timing import FRAME_TIME, FRAME_TIME_VECTOR
from echomort.dicom.header.view_texts import rule_file
from echomort.dicom.header.views import UNKNOWN
from echomort.dicom.index import instance_row
from echomort.version import __version__

LOOP_CLASS = "1.2.840.10008.5.1.4.1.1.3.1"
"""Ultrasound Multi-frame Image Storage (PS3.4 table B.5-1)."""

JPEG_2000 = "1.2.840.10008.1.2.4.90"
"""Transfer syntax of the copies: JPEG 2000 lossless (PS3.5 A.4.4). Readers without codecs of their own know it, pydicom
with Pillow among them."""

J2K: dict[str, Any] = {"codecformat": "j2k", "level": 0, "numthreads": 1}
"""A bare codestream, lossless."""

BASIC_PROFILE = ("113100", "Basic Application Confidentiality Profile")
"""Code of the profile (PS3.16 CID 7050)."""

CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")
"""Code of the option under which text is removed from pixels (PS3.16 CID 7050)."""

OPTION_OF_DATES = {
    "UNMODIFIED": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "MODIFIED": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
}
"""Codes of the options under which dates are kept or moved (PS3.16 CID 7050)."""

METHOD = (f"echomort {__version__}", "Header built from an allow-list", "Pixels outside the sector and letters blanked")
"""DeidentificationMethod; each value has at most 64 characters (VR LO)."""

MAX_DECIMAL = 16
"""Characters of a decimal text at most (VR DS; PS3.5, 6.2)."""

LOSSY = {
    "50": "ISO_10918_1", "51": "ISO_10918_1", "53": "ISO_10918_1", "55": "ISO_10918_1",
    "81": "ISO_14495_1", "91": "ISO_15444_1", "203": "ISO_15444_15",
    "111": "ISO_18181_1", "112": "ISO_18181_1", "100": "ISO_13818_2", "101": "ISO_13818_2",
    "102": "ISO_14496_10", "103": "ISO_14496_10", "104": "ISO_14496_10", "105": "ISO_14496_10", "106": "ISO_14496_10",
    "107": "ISO_23008_2", "108": "ISO_23008_2",
}  # fmt: skip
"""LossyImageCompressionMethod (PS3.3 C.7.6.1.1.5.1) by the last number of a lossy transfer syntax under
1.2.840.10008.1.2.4."""

EMPTY = (
    "PatientBirthDate", "PatientSex", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
    "SeriesNumber", "InstanceNumber", "Laterality", "PatientOrientation",
)  # fmt: skip
"""Elements of type 2 that the profile empties or that are unknown: present without a value."""

OWN_CODES = "99ECHOMORT"
"""CodingSchemeDesignator of views that have no standard code: 99 marks a private scheme (PS3.3 8.2)."""

CENTIMETRES = 3
"""PhysicalUnitsXDirection and Y: centimetres; 0 is none (PS3.3 C.8.5.5.1)."""

SHORT_CODE = 16
"""Characters of CodeValue at most (VR SH); longer ones are LongCodeValue."""

ASPECT_PARTS = 1000
"""Parts in which a ratio of whole numbers writes a pixel's aspect. Our choice: deltas are written to a few digits."""


def write_dicom(loop: Loop, target: Path, request: ExportRequest) -> None:
    """Write ``loop`` to ``target``: MONOCHROME2, 8 bits, JPEG 2000 lossless, equal in every run."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filewriter import dcmwrite

    identity = Identity.of(loop.header, request)
    dataset = _identified(identity)
    dataset.update(_described(loop, request))
    dataset.update(_timed(loop))
    dataset.update(_calibrated(loop))
    _put_pixels(dataset, loop)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = LOOP_CLASS
    dataset.file_meta.MediaStorageSOPInstanceUID = identity.sop_uid
    dataset.file_meta.TransferSyntaxUID = JPEG_2000
    dcmwrite(target, dataset, enforce_file_format=True)


def _identified(identity: Identity) -> Any:
    """Return the elements of patient, study, series and de-identification."""
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = LOOP_CLASS, identity.sop_uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = identity.study_uid, identity.series_uid
    dataset.PatientID, dataset.PatientName = identity.patient, f"{identity.patient}^" if identity.patient else ""
    dataset.StudyDate = identity.date
    for keyword in EMPTY:
        setattr(dataset, keyword, None)
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = list(METHOD)
    codes = [BASIC_PROFILE, CLEAN_PIXELS, *filter(None, [OPTION_OF_DATES.get(identity.times)])]
    dataset.DeidentificationMethodCodeSequence = [_code(value, "DCM", meaning) for value, meaning in codes]
    dataset.LongitudinalTemporalInformationModified = identity.times
    dataset.BurnedInAnnotation = "NO"
    return dataset


def _described(loop: Loop, request: ExportRequest) -> Any:
    """Return what the image is: kind, maker by our own names, view, and whether it was ever coded with loss."""
    from pydicom.dataset import Dataset

    dataset, row = Dataset(), instance_row(("", ""), loop.header, request.keyring)
    dataset.Modality = "US"
    examination = ["TTE", "0001"] if loop.header.image_type[2:3] == ("TTE",) else []
    dataset.ImageType = ["DERIVED", "PRIMARY", *examination]
    dataset.Manufacturer = "" if row["manufacturer"] == "other" else row["manufacturer"]
    if row["model"] != "other":
        dataset.ManufacturerModelName = row["model"]
    if loop.view != UNKNOWN:
        dataset.ViewCodeSequence = [_code_of_view(loop.view)]
    syntax = loop.header.transfer_syntax.removeprefix("1.2.840.10008.1.2.4.").removesuffix(".1")
    if syntax in LOSSY or loop.lossy == "01":
        dataset.LossyImageCompression = "01"
    if syntax in LOSSY:
        dataset.LossyImageCompressionMethod = LOSSY[syntax]
        dataset.LossyImageCompressionRatio = f"{loop.compression:.4g}"
    return dataset


def _code_of_view(view: str) -> Any:
    codes = (code for code in rule_file()["groups"].get(view, {}).get("codes", ()) if code.isdigit())
    code, meaning = next(codes, None), view.replace("_", " ")
    if code is None:
        return _code(view, OWN_CODES, meaning)
    return _code(code, "DCM" if code.startswith("13068") else "SCT", meaning)


def _code(value: str, scheme: str, meaning: str) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    if len(value) > SHORT_CODE:
        item.LongCodeValue = value
    else:
        item.CodeValue = value
    item.CodingSchemeDesignator, item.CodeMeaning = scheme, meaning
    return item


def _timed(loop: Loop) -> Any:
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.NumberOfFrames = loop.shape[0]
    if loop.times:
        steps = [0.0, *np.diff(loop.times).tolist()]
        dataset.FrameTimeVector, dataset.FrameIncrementPointer = [_decimal(step) for step in steps], FRAME_TIME_VECTOR
    else:
        dataset.FrameTime, dataset.FrameIncrementPointer = _decimal(1000 / loop.fps), FRAME_TIME
    dataset.CineRate = dataset.RecommendedDisplayFrameRate = max(1, round(loop.fps))
    return dataset


def _decimal(number: float) -> str:
    """Return ``number``, 0 or more, in 16 characters at most (VR DS): in 12 digits, or in 10 where that is too long."""
    written = f"{number:.12g}"
    return written if len(written) <= MAX_DECIMAL else f"{number:.10g}"


def _calibrated(loop: Loop) -> Any:
    """Return the tissue region, in centimetres where they are known."""
    from pydicom.dataset import Dataset

    region = Dataset()
    region.RegionSpatialFormat = region.RegionDataType = 1
    region.RegionFlags = 0
    corners = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    for keyword, corner in zip(corners, loop.region, strict=True):
        setattr(region, keyword, corner)
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = CENTIMETRES if loop.cm else 0
    region.PhysicalDeltaX, region.PhysicalDeltaY = loop.cm or (1.0, loop.aspect)
    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = [region]
    parts = round(ASPECT_PARTS * loop.aspect)
    if parts != ASPECT_PARTS:
        dataset.PixelAspectRatio = [parts, ASPECT_PARTS]
    return dataset


def _put_pixels(dataset: Any, loop: Loop) -> None:
    import imagecodecs
    from pydicom.encaps import encapsulate

    _, dataset.Rows, dataset.Columns = loop.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    frames = [bytes(imagecodecs.jpeg2k_encode(picture, reversible=True, **J2K)) for picture in loop.pictures()]
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2) for frame in frames])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
