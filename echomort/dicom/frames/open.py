"""Which kind of frames an object holds."""

from __future__ import annotations

from echomort.dicom.frames import fragments
from echomort.dicom.frames.codestreams import CODEC_OF_SYNTAX
from echomort.dicom.frames.compressed import EncapsulatedFrames
from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.uncompressed import NativeFrames
from echomort.dicom.frames.video import VideoFrames
from echomort.dicom.header.parsing import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Opened
from echomort.dicom.reasons import Reason, Rejected

# MPEG-2, MPEG-4 AVC / H.264 and HEVC, whole and fragmentable (PS3.5 10.7 to 10.12).
VIDEO_SYNTAXES = frozenset(
    f"1.2.840.10008.1.2.4.{number}{suffix}" for number in range(100, 109) for suffix in ("", ".1")
)
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})


def open_frames(source: Opened) -> Frames:
    """Return the frames of ``source``; raises :class:`Rejected` unless exactly as many are there as declared."""
    syntax = source.header.transfer_syntax
    if not source.pixels.keyword_is_pixel_data:
        raise Rejected(Reason.DEPTH, "floating point pixels")
    if source.pixels.length is None and (syntax in NATIVE or syntax in CODEC_OF_SYNTAX or syntax == ""):
        return EncapsulatedFrames(source)
    if syntax in NATIVE or syntax == "":
        return NativeFrames(source)
    if syntax in CODEC_OF_SYNTAX:
        raise Rejected(Reason.BAD_TAG, "compressed pixels without items")
    if syntax in VIDEO_SYNTAXES:
        return EncapsulatedFrames(source) if _holds_codestreams(source) else VideoFrames(source)
    raise Rejected(Reason.UNSUPPORTED_TRANSFER_SYNTAX)


def _holds_codestreams(source: Opened) -> bool:
    """Whether an object labelled as video begins with a single compressed frame."""
    if source.pixels.length is not None:
        return False
    items = fragments.read_items(source.stream, source.pixels.offset, source.size)
    return items.fragments[:1] != () and items.fragments[0].starts_frame
