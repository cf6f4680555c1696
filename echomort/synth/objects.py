"""DICOM objects as a Philips-like scanner writes them, with the phantom's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Literal

import imagecodecs
import numpy as np
import simplejpeg
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from echomort.synth.beam import Acquisition
from echomort.synth.cohort import Patient, Study

Syntax = Literal["jpeg", "native_grey", "native_rgb", "rle"]
TimingField = Literal["frame_time", "frame_time_and_rate", "vector"]
ViewField = Literal["name", "code", "both", "series"]
JPEG_QUALITY = 60
"""libjpeg's quality: artefacts as in archived loops, at a fraction of the bytes."""
IMPLEMENTATION = "2.25.237406118459386049227154026830745961427"

CODES = {
    "apical_4": ("399214001", "Apical four chamber", "A4C"),
    "apical_2": ("399232001", "Apical two chamber", "A2C"),
    "parasternal_long": ("399139001", "Parasternal long axis", "PLAX"),
    "short_axis_mid": ("399271003", "Parasternal short axis at the Papillary Muscle level", "PSAX PM"),
}
"""PS3.16 CID 12226: value, meaning, and the abbreviation that sonographers type."""


@dataclass(frozen=True)
class Source:
    """The patient, study and place of an object, and its scanner."""

    patient: Patient
    study: Study
    series_uid: str
    sop_uid: str
    number: int
    at: datetime
    model: str
    hospital: str


@dataclass(frozen=True)
class Timing:
    """The times of the frames (s), the tags that hold the frame rate, and the scanner's frames a second."""

    times: np.ndarray
    written_in: TimingField
    fps: float


@dataclass(frozen=True)
class Picture:
    """Y (frames, rows, columns), Cb and Cr (rows, columns / 2; or one for each frame), and the RGB overlay."""

    luma: np.ndarray
    blue: np.ndarray
    red: np.ndarray
    overlay: np.ndarray


def make_dataset(source: Source, picture: Picture, syntax: Syntax) -> Dataset:
    """Return an ultrasound image (one frame) or multi-frame image, without its view, timing and regions."""
    frames = len(picture.luma)
    result = Dataset()
    result.file_meta = _file_meta(source, syntax, frames)
    _patient(result, source)
    _study_and_series(result, source)
    _equipment(result, source)
    _image(result, source, frames)
    _pixels(result, picture, syntax)
    return result


def add_timing(target: Dataset, timing: Timing, heart_rate: float) -> None:
    """Write the frame rate."""
    milliseconds = np.diff(timing.times) * 1000
    if timing.written_in == "vector":
        target.FrameTimeVector = [0.0, *(round(float(step), 3) for step in milliseconds)]
        target.FrameIncrementPointer = 0x00181065
    else:
        target.FrameTime = round(float(milliseconds.mean()), 3)
        target.FrameIncrementPointer = 0x00181063
    if timing.written_in == "frame_time_and_rate":
        target.CineRate = round(timing.fps)
        target.RecommendedDisplayFrameRate = round(timing.fps)
    target.HeartRate = round(heart_rate)


def add_view(target: Dataset, view: str, written_in: ViewField) -> None:
    """Write the view into the usual fields that ``written_in`` names."""
    value, meaning, abbreviation = CODES[view]
    if written_in in ("name", "both"):
        target.ViewName = abbreviation
        target.NumberOfStages = target.NumberOfViewsInStage = 1
    if written_in in ("code", "both"):
        target.ViewCodeSequence = [_code(value, "SCT", meaning)]
    if written_in == "series":
        target.SeriesDescription = abbreviation


def add_region(target: Dataset, acquisition: Acquisition, spatial_format: int = 1, data_type: int = 1) -> None:
    """Add a calibrated region: format 1 two-dimensional, 2 M-mode, 3 spectral; type 1 tissue, 2 colour, 3 pulsed."""
    x0, y0, x1, y1 = acquisition.sector.box
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = spatial_format, data_type, 2
    region.RegionLocationMinX0, region.RegionLocationMinY0 = x0, y0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = x1, y1
    region.PhysicalUnitsXDirection = 3 if spatial_format == 1 else 4
    region.PhysicalUnitsYDirection = 7 if spatial_format == 3 else 3
    region.PhysicalDeltaX = acquisition.cm_per_pixel if spatial_format == 1 else 4.0 / (x1 - x0)
    region.PhysicalDeltaY = -1.4 * 80 / (y1 - y0) if spatial_format == 3 else acquisition.cm_per_pixel
    region.ReferencePixelX0 = 0 if spatial_format != 1 else acquisition.sector.columns // 2 - x0
    region.ReferencePixelY0 = 0 if spatial_format != 3 else int((y1 - y0) / 1.4)
    target.SequenceOfUltrasoundRegions = [*target.get("SequenceOfUltrasoundRegions", []), region]


def to_bytes(source: Dataset) -> bytes:
    """Return the object as a DICOM file."""
    buffer = BytesIO()
    dcmwrite(buffer, source, enforce_file_format=True)
    return buffer.getvalue()


def _file_meta(source: Source, syntax: Syntax, frames: int) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage if frames > 1 else UltrasoundImageStorage
    meta.MediaStorageSOPInstanceUID = UID(source.sop_uid)
    syntaxes = {"jpeg": JPEGBaseline8Bit, "rle": RLELossless}
    meta.TransferSyntaxUID = syntaxes.get(syntax, ExplicitVRLittleEndian)
    meta.ImplementationClassUID = UID(IMPLEMENTATION)
    meta.ImplementationVersionName = "ECHOMORT_SYNTH_1"
    return meta


def _patient(target: Dataset, source: Source) -> None:
    patient = source.patient
    target.SpecificCharacterSet = "ISO_IR 100"
    target.PatientName = f"{patient.family_name}^{patient.given_name}"
    target.PatientID = source.study.patient_id
    target.IssuerOfPatientID = "ECHOMORT"
    target.PatientBirthDate = patient.born.strftime("%Y%m%d")
    target.PatientSex = patient.sex
    target.PatientAge = f"{int(source.study.latent.age):03d}Y"


def _study_and_series(target: Dataset, source: Source) -> None:
    study, at = source.study, source.at
    target.StudyInstanceUID = study.study_uid
    target.StudyDate, target.StudyTime = study.at.strftime("%Y%m%d"), study.at.strftime("%H%M%S")
    target.StudyID = "1"
    target.AccessionNumber = study.accession
    target.ReferringPhysicianName = "Nobody^Ref"
    target.StudyDescription = "ECHOCARDIOGRAPHY"
    target.Modality = "US"
    target.BodyPartExamined = "HEART"
    target.SeriesInstanceUID = source.series_uid
    target.SeriesNumber = 1
    target.SeriesDate, target.SeriesTime = target.StudyDate, target.StudyTime
    target.SeriesDescription = "ECHOCARDIOGRAPHY"
    target.ProtocolName = "Free Form"
    target.PatientOrientation = ""
    target.AcquisitionDateTime = at.strftime("%Y%m%d%H%M%S")
    target.ContentDate, target.ContentTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")


def _equipment(target: Dataset, source: Source) -> None:
    target.Manufacturer = "Philips Medical Systems"
    target.ManufacturerModelName = source.model
    target.InstitutionName = source.hospital
    target.StationName = "ECHO1"
    target.SoftwareVersions = f"{source.model}_1.7.1.24"
    target.TransducerData = ["S5_1", "55360", ""]
    target.ProcessingFunction = "CARD_ADULT_GEN_CV"


def _image(target: Dataset, source: Source, frames: int) -> None:
    target.SOPClassUID = target.file_meta.MediaStorageSOPClassUID
    target.SOPInstanceUID = source.sop_uid
    target.InstanceNumber = source.number
    target.ImageType = ["ORIGINAL" if frames == 1 else "DERIVED", "PRIMARY", "CARDIOLOGY"]
    target.PresentationIntentType = "FOR PRESENTATION"
    target.BurnedInAnnotation = "YES"
    target.UltrasoundColorDataPresent = 1  # these scanners say so of grey loops too
    if frames > 1:
        target.NumberOfFrames = frames


def _pixels(target: Dataset, picture: Picture, syntax: Syntax) -> None:
    target.Rows, target.Columns = picture.luma.shape[1:3]
    target.BitsAllocated, target.BitsStored, target.HighBit, target.PixelRepresentation = 8, 8, 7, 0
    colour = syntax in ("jpeg", "native_rgb")
    target.SamplesPerPixel = 3 if colour else 1
    target.PhotometricInterpretation = {"jpeg": "YBR_FULL_422", "native_rgb": "RGB"}.get(syntax, "MONOCHROME2")
    if not colour:
        target.PresentationLUTShape = "IDENTITY"
        target.UltrasoundColorDataPresent = 0
    if syntax == "jpeg":
        target.PlanarConfiguration = 0
        _write_jpegs(target, picture, _encode_jpegs(picture))
    elif syntax == "rle":
        target.PixelData = encapsulate([_encode_rle(frame) for frame in picture.luma])
        target["PixelData"].VR = "OB"
    elif syntax == "native_rgb":
        target.PlanarConfiguration = 1
        target.PixelData = _padded(_colour_planes(picture).tobytes())
    else:
        target.PixelData = _padded(picture.luma.tobytes())


def _write_jpegs(target: Dataset, picture: Picture, frames: Sequence[bytes]) -> None:
    target.PixelData = encapsulate(list(frames))
    target["PixelData"].VR = "OB"
    target.LossyImageCompression = "01"
    target.LossyImageCompressionRatio = round(picture.luma.size * 2 / sum(map(len, frames)), 2)
    target.LossyImageCompressionMethod = "ISO_10918_1"


def _encode_jpegs(picture: Picture) -> list[bytes]:
    blue, red = picture.blue, picture.red
    moving = blue.ndim == 3
    return [
        simplejpeg.encode_jpeg_yuv_planes(
            frame, blue[i] if moving else blue, red[i] if moving else red, quality=JPEG_QUALITY
        )
        for i, frame in enumerate(picture.luma)
    ]


def _colour_planes(picture: Picture) -> np.ndarray:
    """RGB (frames, 3, rows, columns): grey tissue, coloured overlay."""
    painted = picture.overlay.transpose(2, 0, 1)
    return np.where(painted.max(axis=0) > 0, painted[None], picture.luma[:, None])


def _encode_rle(frame: np.ndarray) -> bytes:
    """Return one frame in DICOM's RLE: one segment, each row packed separately (PS3.5 annex G)."""
    segment = _padded(b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in frame))
    header = np.zeros(16, "<u4")
    header[:2] = 1, 64
    return header.tobytes() + segment


def _padded(content: bytes) -> bytes:
    return content + b"\x00" * (len(content) % 2)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
