"""A video as a DICOM object: Ultrasound Multi-frame Image, compressed without loss, the same bytes in every run."""

from __future__ import annotations

import hashlib
import io
import warnings
from typing import TYPE_CHECKING

from echomort.clips.export.writers.dicom import EMPTY, LOOP_CLASS
from echomort.core.uids import derived_uid
from echomort.dicom.header.timing import FRAME_TIME, MAX_FPS, MIN_FPS
from echomort.dicom.saved import Unusable
from echomort.echonet.avi import grey_of
from echomort.sources.video_stream import Video
from echomort.sources.video_table import Described

if TYPE_CHECKING:
    from pydicom import Dataset

LOSSY_METHODS = {
    "mjpeg": "ISO_10918_1", "mpeg2video": "ISO_13818_2", "h264": "ISO_14496_10", "hevc": "ISO_23008_2",
}  # fmt: skip
"""LossyImageCompressionMethod (PS3.3 C.7.6.1.1.5.1) by codec; others have no standard name."""
VIEW_NAME = 16
"""Characters of ViewName at most (VR SH, PS3.5 table 6.2-1)."""
MAX_PIXEL_BYTES = 1 << 30
"""Bytes (1 GiB) of an object's compressed frames at most. Our choice: minutes of a scanner's video."""


def make_object(video: Video, known: Described) -> Dataset:
    """Return ``video`` as a data set of the patient, study, view and rate that ``known`` names.

    The SOP instance UID is one of the video's bytes, that of the study one of its patient and number; each video is a
    series. Raises :class:`Unusable` where nothing says how fast the video runs, or it is too large.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote values, such as an accession number of more than 16 characters
        dataset = _identified(known, derived_uid("video", hashlib.sha256(video.content).hexdigest()))
        dataset.update(_timed(video, known))
        _put_pixels(dataset, video)
    return dataset


def as_bytes(dataset: Dataset) -> bytes:
    """Return ``dataset`` as the content of a DICOM file."""
    from pydicom.filewriter import dcmwrite

    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def _identified(known: Described, sop_uid: str) -> Dataset:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import JPEGLSLossless

    dataset, at = Dataset(), known.study_at
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless  # much faster than JPEG 2000
    dataset.SpecificCharacterSet = "ISO_IR 192"  # Unicode (PS3.3 C.12.1.1.2)
    for keyword in EMPTY:
        setattr(dataset, keyword, None)
    dataset.SOPClassUID, dataset.SOPInstanceUID = LOOP_CLASS, sop_uid
    dataset.StudyInstanceUID = derived_uid("study of videos", repr((known.patient_id, known.study_id)))
    dataset.SeriesInstanceUID = derived_uid("series of a video", dataset.StudyInstanceUID, sop_uid)
    dataset.PatientID, dataset.PatientName, dataset.AccessionNumber = known.patient_id, "", known.study_id
    dataset.StudyDate, dataset.StudyTime = (f"{at:%Y%m%d}", f"{at:%H%M%S}") if at else ("", "")
    dataset.Modality, dataset.ImageType, dataset.Manufacturer = "US", ["DERIVED", "PRIMARY"], ""
    if known.view:
        dataset.SeriesDescription = known.view
    if known.view and len(known.view) <= VIEW_NAME:
        dataset.ViewName, dataset.NumberOfStages, dataset.NumberOfViewsInStage = known.view, 1, 1
    return dataset


def _timed(video: Video, known: Described) -> Dataset:
    from pydicom.dataset import Dataset
    from pydicom.valuerep import DSfloat

    fps = known.fps or video.fps
    if fps is None:
        raise Unusable("no_frame_rate", "neither the file nor the table says how fast it runs: add the column fps")
    if not MIN_FPS <= fps <= MAX_FPS:
        remedy = f"the file says {fps:g} frames a second: {MIN_FPS:g} to {MAX_FPS:g} are usable; add the column fps"
        raise Unusable("bad_frame_rate", remedy)
    dataset = Dataset()
    dataset.NumberOfFrames = video.frames
    dataset.FrameTime, dataset.FrameIncrementPointer = DSfloat(1000 / fps, auto_format=True), FRAME_TIME
    return dataset


def _put_pixels(dataset: Dataset, video: Video) -> None:
    """Add the pictures: RGB where any is coloured, else MONOCHROME2 of their luma."""
    from pydicom.encaps import encapsulate

    dataset.Rows, dataset.Columns = video.size
    dataset.SamplesPerPixel = 3 if video.is_coloured else 1
    dataset.PhotometricInterpretation = "RGB" if video.is_coloured else "MONOCHROME2"
    if video.is_coloured:
        dataset.PlanarConfiguration = 0
    dataset.UltrasoundColorDataPresent = int(video.is_coloured)
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    if video.aspect != 1:
        dataset.PixelAspectRatio = [video.aspect.denominator, video.aspect.numerator]
    if video.is_lossy:
        samples = video.frames * video.size[0] * video.size[1] * dataset.SamplesPerPixel
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionRatio = f"{samples / len(video.content):.4g}"
        dataset.LossyImageCompressionMethod = LOSSY_METHODS.get(video.codec, video.codec.upper()[:VIEW_NAME])
    dataset.PixelData = encapsulate(_encoded(video))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def _encoded(video: Video) -> list[bytes]:
    import imagecodecs

    frames, size = [], 0
    for picture in video.pictures():
        code = bytes(imagecodecs.jpegls_encode(picture if video.is_coloured else grey_of(picture)))
        frames.append(code + b"\0" * (len(code) % 2))
        size += len(code)
        if size > MAX_PIXEL_BYTES:
            raise Unusable("too_large", "the video's pictures would have more than 1 GiB: cut it")
    return frames
