"""Decoding of one compressed frame. The codestream itself says what it is; the transfer syntax may be wrong."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from echomort.dicom.frames import jpeg_xl
from echomort.dicom.reasons import Reason, Rejected

RLE_LOSSLESS = "1.2.840.10008.1.2.5"
JPEG_END = b"\xff\xd9"


class Codec(StrEnum):
    """How a frame is compressed."""

    JPEG = "jpeg"
    JPEG_LOSSLESS = "jpeg_lossless"
    JPEG_LS = "jpeg_ls"
    JPEG_2000 = "jpeg_2000"
    JPEG_XL = "jpeg_xl"
    RLE = "rle"


CODEC_OF_SYNTAX = {
    "1.2.840.10008.1.2.4.50": Codec.JPEG,
    "1.2.840.10008.1.2.4.51": Codec.JPEG,
    "1.2.840.10008.1.2.4.53": Codec.JPEG,
    "1.2.840.10008.1.2.4.55": Codec.JPEG,
    "1.2.840.10008.1.2.4.57": Codec.JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.70": Codec.JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.80": Codec.JPEG_LS,
    "1.2.840.10008.1.2.4.81": Codec.JPEG_LS,
    "1.2.840.10008.1.2.4.90": Codec.JPEG_2000,
    "1.2.840.10008.1.2.4.91": Codec.JPEG_2000,
    "1.2.840.10008.1.2.4.92": Codec.JPEG_2000,
    "1.2.840.10008.1.2.4.93": Codec.JPEG_2000,
    "1.2.840.10008.1.2.4.201": Codec.JPEG_2000,
    "1.2.840.10008.1.2.4.202": Codec.JPEG_2000,
    "1.2.840.10008.1.2.4.203": Codec.JPEG_2000,
    "1.2.840.10008.1.2.4.110": Codec.JPEG_XL,
    "1.2.840.10008.1.2.4.111": Codec.JPEG_XL,
    "1.2.840.10008.1.2.4.112": Codec.JPEG_XL,
    RLE_LOSSLESS: Codec.RLE,
}
"""Codec of each transfer syntax that is decoded (PS3.6 annex A)."""

_LOSSY_MARKERS = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Frame headers of a lossy JPEG: baseline, extended, progressive, and with arithmetic coding (ITU-T T.81, table
B.1)."""

_LOSSLESS_MARKERS = {0xC3, 0xCB}
"""Frame headers of a lossless JPEG (ITU-T T.81, table B.1)."""

_JPEG_LS_MARKER = 0xF7
"""Frame header of JPEG-LS (ITU-T T.87, annex C)."""

_FRAME_MARKERS = {*range(0xC0, 0xD0), _JPEG_LS_MARKER} - {0xC4, 0xC8, 0xCC}
"""All frame headers; the three left out are other segments (ITU-T T.81, table B.1)."""

_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, RST0 to RST7, SOI (ITU-T T.81, table B.1)."""

_FILL = 0xFF
"""Byte that begins a marker and may be repeated before it (ITU-T T.81, B.1.1.2)."""

_FRAME_HEADER_BYTES = 6
"""Bytes of a frame header that give precision, height, width and components (ITU-T T.81, B.2.2)."""

_SIZ_BYTES = 39
"""Bytes of a JPEG 2000 SIZ segment that give the size and the first component's depth (ITU-T T.800, A.5.1)."""

_SIZ_SEARCH = 4096
"""Bytes in which a JPEG 2000 codestream must begin: a JP2 file puts boxes before it, which DICOM forbids and some
scanners write. Our choice."""

MAX_ZEROS = 8
"""Zeros at most with which entropy-coded data may end before padding that is also zeros. Our choice: eight bytes of
zeros are a dozen empty blocks and more."""

FILLED_END = b"\xff\0" + JPEG_END
"""End of a JPEG whose writer filled its last bits with a byte of ones too many, as in one frame of twelve of the real
loop of pydicom-data."""

NOT_READ = "Corrupt JPEG data: 2 extraneous bytes before marker 0xd9"
"""What libjpeg-turbo says, at times, of such an end, and of no other: all that is needed was decoded by then."""

_RLE_HEADER_BYTES = 64
"""Bytes of an RLE header (PS3.5 G.5)."""


@dataclass(frozen=True)
class Codestream:
    """What the first bytes of a compressed frame say of it: codec, size in pixels, components, bits a sample; of a JPEG
    also ``told_by``, how many bytes they are, so that all that begins with the same bytes says the same."""

    codec: Codec
    height: int
    width: int
    components: int
    bits: int
    told_by: int = 0


def describe(data: bytes, syntax: str) -> Codestream | None:
    """Return the codestream's own description; None for RLE, which states no size.

    Raises :class:`Rejected` (``BAD_FRAME``) where ``data`` is no codestream at all.
    """
    if CODEC_OF_SYNTAX.get(syntax) is Codec.RLE and not data.startswith(b"\xff\xd8\xff"):
        return None
    if data.startswith(b"\xff\xd8"):
        return _describe_jpeg(data)
    if jpeg_xl.begins(data):
        return Codestream(Codec.JPEG_XL, *jpeg_xl.describe(data))
    siz = data.find(b"\xff\x4f\xff\x51", 0, _SIZ_SEARCH)
    if siz >= 0:
        return _describe_jpeg_2000(data[siz + 4 :])
    raise Rejected(Reason.BAD_FRAME, "no codestream")


def decode(data: bytes, stream: Codestream) -> np.ndarray:
    """Return the samples as uint8 (height, width) or (height, width, components).

    A JPEG is returned as its luma plane (libjpeg-turbo's grey output): bit for bit the Y that was stored.
    """
    if stream.codec is Codec.JPEG:
        return jpeg_luma(data)
    try:
        samples = _decoder(stream)(data)
    except (RuntimeError, ValueError, TypeError) as error:
        raise Rejected(Reason.BAD_FRAME, stream.codec.value) from error
    if stream.codec is Codec.JPEG_LOSSLESS and (shift := _point_transform(data)):
        return np.asarray(samples) << shift
    return np.asarray(samples)


def has_end(data: bytes) -> bool:
    """Return whether the end marker of a JPEG, JPEG-LS or JPEG 2000 ends ``data``, but for padding of zeros."""
    return JPEG_END in data[-4:] or data.rstrip(b"\0").endswith(JPEG_END)


def jpeg_luma(data: bytes) -> np.ndarray:
    """Return the luma plane of a JPEG as uint8 (height, width)."""
    return _decode_jpeg(data, "GRAY", 0)[..., 0]


def jpeg_colour(data: bytes, height: int) -> np.ndarray:
    """Return a JPEG as uint8 RGB, scaled down in the transform to no fewer than ``height`` rows."""
    return _decode_jpeg(data, "RGB", height)


def decode_rle(data: bytes, height: int, width: int, samples: int) -> np.ndarray:
    """Return an RLE frame (PS3.5 annex G) as uint8 (height, width[, samples])."""
    import imagecodecs

    if len(data) < _RLE_HEADER_BYTES or struct.unpack("<L", data[:4])[0] != samples:
        raise Rejected(Reason.BAD_FRAME, "rle segments")
    try:
        flat = imagecodecs.dicomrle_decode(data, "u1", out=height * width * samples)
    except (RuntimeError, ValueError) as error:
        raise Rejected(Reason.BAD_FRAME, "rle") from error
    planes = np.frombuffer(flat, np.uint8)
    if planes.size != height * width * samples:
        raise Rejected(Reason.SIZE_MISMATCH, "rle")
    planes = planes.reshape(samples, height, width)
    return planes[0] if samples == 1 else np.moveaxis(planes, 0, -1)


def _decode_jpeg(data: bytes, colourspace: str, height: int) -> np.ndarray:
    import simplejpeg

    scaled = {"min_height": height, "min_width": 1} if height else {}
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colourspace, **scaled))
    except ValueError as error:
        if str(error) == NOT_READ and FILLED_END in data:
            return np.asarray(simplejpeg.decode_jpeg(data, colourspace, **scaled, strict=False))
        if has_end(data):
            raise Rejected(Reason.BAD_FRAME, "jpeg") from error
    for length in _possible_lengths(data):
        # some writers leave the end marker out: with one added, a whole frame decodes without complaint
        with contextlib.suppress(ValueError):
            return np.asarray(simplejpeg.decode_jpeg(data[:length] + JPEG_END, colourspace, **scaled))
    raise Rejected(Reason.BAD_FRAME, "jpeg")


def _possible_lengths(data: bytes) -> list[int]:
    """Return how many bytes of a JPEG without end marker may be its own, most first: zeros at its end may be
    entropy-coded data or padding."""
    shortest = len(data.rstrip(b"\0"))
    few = range(shortest, min(shortest + MAX_ZEROS, len(data)))
    return [len(data), *reversed(few)]


def _decoder(stream: Codestream) -> Callable[[bytes], Any]:
    import imagecodecs

    decoders: dict[Codec, Callable[[bytes], Any]] = {
        Codec.JPEG_LOSSLESS: imagecodecs.jpegsof3_decode,
        Codec.JPEG_LS: imagecodecs.jpegls_decode,
        Codec.JPEG_2000: imagecodecs.jpeg2k_decode,
        Codec.JPEG_XL: jpeg_xl.decode,
    }
    return decoders[stream.codec]


def _describe_jpeg(data: bytes) -> Codestream:
    position = 2
    while position + 4 <= len(data):
        if data[position] != _FILL:
            position = data.find(b"\xff", position)
            if position < 0:
                break
            continue
        marker = data[position + 1]
        if marker in _FRAME_MARKERS:
            end = position + 4 + _FRAME_HEADER_BYTES
            return replace(_frame_header(marker, data[position + 4 : end]), told_by=end)
        if marker == _FILL or marker in _BARE_MARKERS:
            position += 1 if marker == _FILL else 2
        else:
            position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    raise Rejected(Reason.BAD_FRAME, "jpeg without a frame header")


def _point_transform(data: bytes) -> int:
    """Return by how many bits samples were shifted before lossless coding (ITU-T T.81, B.2.3 and H.1.2.1).

    The decoder does not shift them back.
    """
    scan = data.find(b"\xff\xda")
    return data[scan + 3 + struct.unpack(">H", data[scan + 2 : scan + 4])[0] - 2] & 0x0F if scan >= 0 else 0


def _frame_header(marker: int, head: bytes) -> Codestream:
    if len(head) < _FRAME_HEADER_BYTES:
        raise Rejected(Reason.BAD_FRAME, "jpeg frame header")
    bits, height, width, components = struct.unpack(">BHHB", head)
    if marker == _JPEG_LS_MARKER:
        return Codestream(Codec.JPEG_LS, height, width, components, bits)
    if marker in _LOSSLESS_MARKERS:
        return Codestream(Codec.JPEG_LOSSLESS, height, width, components, bits)
    if marker in _LOSSY_MARKERS:
        return Codestream(Codec.JPEG, height, width, components, bits)
    raise Rejected(Reason.UNSUPPORTED_TRANSFER_SYNTAX, f"jpeg process {marker:02x}")


def _describe_jpeg_2000(siz: bytes) -> Codestream:
    if len(siz) < _SIZ_BYTES:
        raise Rejected(Reason.BAD_FRAME, "jpeg 2000 header")
    x1, y1, x0, y0 = struct.unpack(">4L", siz[4:20])
    components, depth = struct.unpack(">HB", siz[36:39])
    return Codestream(Codec.JPEG_2000, y1 - y0, x1 - x0, components, (depth & 0x7F) + 1)
