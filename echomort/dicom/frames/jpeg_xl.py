"""JPEG XL (ISO/IEC 18181): what a codestream says of its size, and its pixels."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from echomort.dicom.reasons import Reason, Rejected

BARE = b"\xff\x0a"
"""First bytes of a bare codestream (ISO/IEC 18181-1)."""

FILE = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
"""First bytes of a file of boxes (ISO/IEC 18181-2)."""

MAX_BOXES = 64
"""Boxes of a file in which the codestream is looked for. Our choice: writers put four or five before it."""

_BOX_HEAD = 8
"""Bytes of a box's length and type (ISO/IEC 18181-2)."""

_PART_NUMBER = 4
"""Bytes of a part's number, at the start of box ``jxlp`` (ISO/IEC 18181-2)."""

_HEADER_BYTES = 64
"""Bytes of a codestream that hold its size and the description of its samples, with room. Our choice."""

_SIZE_BITS = (9, 13, 18, 30)
"""Bits of a side's length, by its selector (ISO/IEC 18181-1, SizeHeader)."""

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width over height, by its selector from 1 (ISO/IEC 18181-1, SizeHeader)."""

_DEPTHS = (8, 10, 12)
"""Bits a sample, by its selector; another selector is followed by the number (ISO/IEC 18181-1, BitDepth)."""

_GREY = 1
"""Colour space of one channel (ISO/IEC 18181-1, ColourSpace)."""


def begins(data: bytes) -> bool:
    """Return whether ``data`` is a JPEG XL codestream or file."""
    return data.startswith((BARE, FILE))


def describe(data: bytes) -> tuple[int, int, int, int]:
    """Return height, width, components and bits a sample; raises :class:`Rejected` (``BAD_FRAME``) for other data."""
    bits = _Bits(_codestream(data))
    height, width = _read_size(bits)
    if bits.take(1):  # all_default: colour of 8 bits
        return height, width, 3, 8
    _skip_extra_fields(bits)
    depth = _read_depth(bits)
    bits.take(1)  # modular_16bit_buffers
    if bits.choose(lambda: 0, lambda: 1, lambda: 2 + bits.take(4), lambda: 1 + bits.take(12)):
        raise Rejected(Reason.BAD_FRAME, "jpeg xl channels")
    bits.take(1)  # xyb_encoded
    is_grey = not bits.take(1) and not bits.take(1) and _read_enum(bits) == _GREY
    return height, width, 1 if is_grey else 3, depth


def decode(data: bytes) -> np.ndarray:
    """Return the samples, (height, width) or (height, width, 3): grey or RGB."""
    import imagecodecs

    samples = np.asarray(imagecodecs.jpegxl_decode(data, numthreads=1))
    return samples[..., 0] if samples.ndim == 3 and samples.shape[-1] == 1 else samples


def original_jpeg(data: bytes) -> bytes:
    """Return the JPEG that was recompressed, bit for bit; ``data`` itself where it was none."""
    if b"jbrd" not in data or describe(data)[2:] not in {(1, 8), (3, 8)}:
        return data
    import imagecodecs

    try:
        return bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1))
    except (RuntimeError, ValueError):
        return data


def _codestream(data: bytes) -> bytes:
    """Return the first bytes of the codestream, which a file holds in box ``jxlc`` or in parts, ``jxlp``."""
    if data.startswith(BARE):
        return data[:_HEADER_BYTES]
    position = 0
    for _ in range(MAX_BOXES):
        head = data[position : position + _BOX_HEAD]
        if len(head) < _BOX_HEAD:
            break
        length, kind = struct.unpack(">L4s", head)
        start = position + _BOX_HEAD
        if length == 1:  # a length of 64 bits follows
            length, start = struct.unpack(">Q", data[start : start + 8].rjust(8, b"\0"))[0], start + 8
        if kind in {b"jxlc", b"jxlp"}:
            start += _PART_NUMBER if kind == b"jxlp" else 0
            return data[start : start + _HEADER_BYTES]
        if length < _BOX_HEAD:
            break
        position += length
    raise Rejected(Reason.BAD_FRAME, "jpeg xl without a codestream")


class _Bits:
    """Numbers of a codestream's header, lowest bit first."""

    def __init__(self, codestream: bytes) -> None:
        if not codestream.startswith(BARE):
            raise Rejected(Reason.BAD_FRAME, "jpeg xl header")
        self._left = (len(codestream) - len(BARE)) * 8
        self._number = int.from_bytes(codestream[len(BARE) :], "little")

    def take(self, count: int) -> int:
        """Return the next number of ``count`` bits."""
        if count > self._left:
            raise Rejected(Reason.BAD_FRAME, "jpeg xl header")
        value = self._number & ((1 << count) - 1)
        self._number >>= count
        self._left -= count
        return value

    def choose(self, *ways: Callable[[], int]) -> int:
        """Return what the one of four ``ways`` reads that a selector of two bits names."""
        return ways[self.take(2)]()


def _read_size(bits: _Bits) -> tuple[int, int]:
    is_small = bits.take(1)
    height = _read_side(bits, is_small)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height, height * across // down
    return height, _read_side(bits, is_small)


def _read_side(bits: _Bits, is_small: int) -> int:
    return 8 * (bits.take(5) + 1) if is_small else bits.take(_SIZE_BITS[bits.take(2)]) + 1


def _skip_extra_fields(bits: _Bits) -> None:
    """Skip orientation and intrinsic size; previews and animations are no frames of a loop."""
    if not bits.take(1):
        return
    bits.take(3)
    if bits.take(1):
        _read_size(bits)
    if bits.take(1) or bits.take(1):
        raise Rejected(Reason.BAD_FRAME, "jpeg xl preview or animation")


def _read_depth(bits: _Bits) -> int:
    if bits.take(1):  # floating point
        raise Rejected(Reason.DEPTH)
    selector = bits.take(2)
    return _DEPTHS[selector] if selector < len(_DEPTHS) else 1 + bits.take(6)


def _read_enum(bits: _Bits) -> int:
    return bits.choose(lambda: 0, lambda: 1, lambda: 2 + bits.take(4), lambda: 18 + bits.take(6))
