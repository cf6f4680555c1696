"""Opening the frames of an object: compressed, uncompressed or video."""

from __future__ import annotations

from echomort.dicom.frames import fragments
from echomort.dicom.frames.codestreams import CODEC_OF_SYNTAX
from echomort.dicom.frames.compressed import EncapsulatedFrames
from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.uncompressed import UncompressedFrames
from echomort.dicom.frames.video import VideoFrames
from echomort.dicom.header.meta import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from echomort.dicom.header.parsing import OpenObject
from echomort.dicom.header.rejection import STREAMS
from echomort.dicom.reasons import Reason, Rejected

UNCOMPRESSED = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})
"""Transfer syntaxes of uncompressed pixels (PS3.5 annex A.1 to A.3 and A.5)."""


def open_frames(source: OpenObject) -> Frames:
    """Return the frames of ``source``; raises :class:`Rejected` unless they are as many as the header says."""
    syntax = source.header.transfer_syntax
    if not source.pixels.is_pixel_data:
        raise Rejected(Reason.DEPTH, "floating point pixels")
    if source.pixels.length is None and (syntax in UNCOMPRESSED or syntax in CODEC_OF_SYNTAX or syntax == ""):
        return EncapsulatedFrames(source)
    if syntax in UNCOMPRESSED or syntax == "":
        return UncompressedFrames(source)
    if syntax in CODEC_OF_SYNTAX:
        raise Rejected(Reason.BAD_TAG, "compressed pixels without items")
    if syntax in STREAMS:
        return EncapsulatedFrames(source) if _holds_codestreams(source) else VideoFrames(source)
    raise Rejected(Reason.UNSUPPORTED_TRANSFER_SYNTAX)


def _holds_codestreams(source: OpenObject) -> bool:
    """Whether an object labelled as video holds single compressed frames."""
    if source.pixels.length is not None:
        return False
    items = fragments.read_items(source.stream, source.pixels.offset, source.size)
    return items.fragments[:1] != () and items.fragments[0].starts_frame
