"""Reject rules that need the header only; they run before pixels are allocated."""

from __future__ import annotations

from pydicom.uid import UID

from echomort.dicom.header.approach import Approach
from echomort.dicom.header.fields import ULTRASOUND_LOOPS, ULTRASOUND_STILLS, ULTRASOUND_VOLUMES, Header
from echomort.dicom.header.regions import declares_tissue, trace_boxes
from echomort.dicom.reasons import Reason, Rejected

MAX_FRAME_PIXELS = 4096 * 4096
"""Pixels of a frame at most, else ``BOMB``. Our choice: screens of scanners have about two million."""

MAX_FRAMES = 250_000
"""Frames of an object at most, else ``BOMB``; only those that a clip needs are unpacked. Our choice: an hour at 60
frames a second has 216,000."""

STREAMS = frozenset(f"1.2.840.10008.1.2.4.{number}{suffix}" for number in range(100, 109) for suffix in ("", ".1"))
"""Transfer syntaxes of video: MPEG-2, MPEG-4 AVC (H.264) and HEVC, whole and fragmentable (PS3.5 10.7 to 10.12). Where
the header does not say how many frames there are or how fast they run, the stream does."""

NOT_CARDIAC = (
    "ABDOM", "BREAST", "ENDORECTAL", "ENDOVAGINAL", "FETAL", "GYNECOLOG", "INTRAVASCULAR", "MUSCULOSKELETAL",
    "NEONATAL HEAD", "OBSTETRIC", "OPHTHALMIC", "PELVI", "RETROPERITONEAL", "SCROTAL", "SMALL PARTS", "THYROID",
    "TRANSCRANIAL", "URETHRAL", "VASCULAR", "ENDOCAVITARY",
)  # fmt: skip
"""How the third value of ImageType begins for examinations that are not an adult heart's (PS3.3 C.8.5.6.1.1)."""

RENDERED = 0x0040
"""Bit of the fourth value of ImageType: 3D rendering (PS3.3 C.8.5.6.1.1)."""

DEEP_ALLOCATED = (16, 32)
"""BitsAllocated of samples with more than 8 bits (PS3.5 8.1.1)."""

DEEP_STORED = (10, 12, 16)
"""BitsStored of samples with more than 8 bits (PS3.3 C.8.5.6.1 allows 8 in ultrasound)."""

SAMPLES = {
    "MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3,
    "YBR_PARTIAL_422": 3, "YBR_PARTIAL_420": 3, "YBR_RCT": 3, "YBR_ICT": 3,
    "XYB": 3,
}  # fmt: skip
"""SamplesPerPixel of each photometric interpretation that is read (PS3.3 C.7.6.3.1.2)."""


def check_header(header: Header) -> Header:
    """Return ``header`` if its object may hold a clip, else raise :class:`Rejected`."""
    rules = (kind_rejection, _size_rejection, _content_rejection, _pixel_rejection, _timing_rejection)
    for rule in rules:
        if rejected := rule(header):
            raise rejected
    return header


def kind_rejection(header: Header) -> Rejected | None:
    """Return why an object of such a class and modality is no echo, None if it may be one."""
    known = header.sop_class in ULTRASOUND_STILLS or header.sop_class in ULTRASOUND_LOOPS
    if header.sop_class in ULTRASOUND_VOLUMES:
        return Rejected(Reason.VOLUME, header=header)
    if header.modality not in {"US", ""} or (header.modality == "" and not known):
        return Rejected(Reason.NOT_ULTRASOUND, header=header)
    if not known and header.sop_class and "Image Storage" not in UID(header.sop_class).name:
        return Rejected(Reason.NOT_AN_IMAGE, header=header)
    if not header.sop_uid:
        return Rejected(Reason.CORRUPT_HEADER, "no SOPInstanceUID", header)
    return None


def _size_rejection(header: Header) -> Rejected | None:
    if header.rows * header.columns > MAX_FRAME_PIXELS:
        return Rejected(Reason.BOMB, f"{header.rows}x{header.columns}", header)
    if header.frames > MAX_FRAMES:
        return Rejected(Reason.BOMB, f"{header.frames} frames", header)
    return None


def _content_rejection(header: Header) -> Rejected | None:
    is_live = declares_tissue(header)  # then the picture says whether a trace is recorded beside it
    applies = {
        Reason.NOT_CARDIAC: header.examination.is_foreign
        or (header.image_type[2:3] and header.image_type[2].startswith(NOT_CARDIAC)),
        Reason.NOT_TRANSTHORACIC: header.approach is Approach.ELSEWHERE,
        Reason.VOLUME: _modes(header) & RENDERED,
        Reason.STILL: header.frames == 1 and header.transfer_syntax not in STREAMS,
        Reason.SPECTRAL_DOPPLER: not is_live and trace_boxes(header, Reason.SPECTRAL_DOPPLER),
        Reason.M_MODE: not is_live and trace_boxes(header, Reason.M_MODE),
    }
    reason = next((reason for reason, is_true in applies.items() if is_true), None)
    return None if reason is None else Rejected(reason, header=header)


def _modes(header: Header) -> int:
    """Return the fourth value of ImageType, a sum of modes in four hexadecimal digits; 0 where there is none."""
    text = header.image_type[3] if len(header.image_type) > 3 else ""
    return int(text, 16) if len(text) == 4 and all(digit in "0123456789ABCDEF" for digit in text) else 0


def _pixel_rejection(header: Header) -> Rejected | None:
    if header.bits_allocated in DEEP_ALLOCATED or header.bits_stored in DEEP_STORED:
        return Rejected(Reason.DEPTH, f"{header.bits_allocated} bits", header)
    if header.bits_allocated != 8 or header.bits_stored != 8:
        return Rejected(Reason.BAD_TAG, "BitsAllocated", header)
    if header.is_signed:
        return Rejected(Reason.BAD_TAG, "PixelRepresentation", header)  # C.8.5.6.1.12: an echo's samples have no sign
    if SAMPLES.get(header.photometric) is None:
        return Rejected(Reason.BAD_TAG, "PhotometricInterpretation", header)
    if SAMPLES[header.photometric] != header.samples:
        return Rejected(Reason.BAD_TAG, "SamplesPerPixel", header)
    return None


def _timing_rejection(header: Header) -> Rejected | None:
    if header.timing.fps is None:
        outside = any(note.startswith("fps_outside_limits") for note in header.timing.notes)
        if header.transfer_syntax in STREAMS and not outside:
            return None
        return Rejected(Reason.BAD_FRAME_RATE if outside else Reason.NO_FRAME_RATE, header=header)
    return None
