"""The frames of an object, one at a time, as luma; counted in every way there is before the first is decoded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np

from echomort.dicom import codestreams, fragments
from echomort.dicom.codestreams import CODEC_OF_SYNTAX, Codec
from echomort.dicom.colour import Palette, Samples, is_planar_suspect
from echomort.dicom.header import Header
from echomort.dicom.judgement import MAX_FRAME_PIXELS
from echomort.dicom.opening import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Opened
from echomort.dicom.reasons import Reason, Rejected

# MPEG-2, MPEG-4 AVC / H.264 and HEVC, whole and fragmentable (PS3.5 10.7 to 10.12).
VIDEO_SYNTAXES = frozenset(
    f"1.2.840.10008.1.2.4.{number}{suffix}" for number in range(100, 109) for suffix in ("", ".1")
)
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})


class Frames(ABC):
    """Random access to the frames of one object.

    ``notes`` gathers what was odd but harmless.
    """

    def __init__(self, source: Opened) -> None:
        self.source = source
        self.header: Header = source.header
        self.notes: list[str] = []
        self.count = source.header.frames

    @abstractmethod
    def samples(self, index: int) -> np.ndarray:
        """Return frame ``index`` as stored: uint8 (rows, columns) or (rows, columns, 3)."""

    def luma(self, index: int) -> np.ndarray:
        """Return the luma of frame ``index`` as uint8 (rows, columns), bright where the echo is."""
        return self._checked(self.meaning.luma(self.samples(index)), index)

    def colour(self, index: int) -> np.ndarray | None:
        """Return frame ``index`` as uint8 RGB, perhaps scaled down; None where the object can't hold colour."""
        return self.meaning.colour(self.samples(index)) if self.meaning.has_colour else None

    @cached_property
    def meaning(self) -> Samples:
        """What the samples mean: grey, palette, RGB or luma and chroma, judged on the first frame."""
        meaning, notes = Samples.judged(self.header.photometric, self.samples(0), self._palette())
        self.notes += notes
        return meaning

    def _palette(self) -> Palette | None:
        if self.header.photometric != "PALETTE COLOR":
            return None
        return Palette.of(self.source.dataset, self.source.is_little_endian)

    def _checked(self, luma: np.ndarray, index: int) -> np.ndarray:
        if luma.dtype != np.uint8:
            raise Rejected(Reason.DEPTH, f"frame {index + 1}")
        if luma.shape != (self.header.rows, self.header.columns):
            raise Rejected(Reason.SIZE_MISMATCH, f"frame {index + 1}")
        return luma


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
        from echomort.dicom.video import VideoFrames

        return EncapsulatedFrames(source) if _holds_codestreams(source) else VideoFrames(source)
    raise Rejected(Reason.UNSUPPORTED_TRANSFER_SYNTAX)


def _holds_codestreams(source: Opened) -> bool:
    """Whether an object labelled as video begins with a single compressed frame."""
    if source.pixels.length is not None:
        return False
    items = fragments.read_items(source.stream, source.pixels.offset, source.size)
    return items.fragments[:1] != () and items.fragments[0].starts_frame


class NativeFrames(Frames):
    """Uncompressed frames, one after another."""

    def __init__(self, source: Opened) -> None:
        super().__init__(source)
        self.packing = self._packing()
        self._count()
        if self.packing == "planar_unknown":
            raise Rejected(Reason.BAD_TAG, "PlanarConfiguration")
        if self.header.samples == 3 and self.packing in {"interleaved", "planar"}:
            self._judge_planes()

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        area = self.header.rows * self.header.columns
        return {"grey": area, "422": area * 2, "420": area * 3 // 2}.get(self.packing, area * 3)

    def samples(self, index: int) -> np.ndarray:
        data = self._bytes(index)
        rows, columns = self.header.rows, self.header.columns
        if self.packing == "grey":
            return data.reshape(rows, columns)
        if self.packing == "422":
            return _from_422(data.reshape(rows, columns // 2, 4))
        if self.packing == "planar":
            return np.moveaxis(data.reshape(3, rows, columns), 0, -1)
        return data.reshape(rows, columns, 3)

    def _packing(self) -> str:
        photometric, length = self.header.photometric, self.source.pixels.length or 0
        area = self.header.rows * self.header.columns * self.count
        if photometric == "YBR_PARTIAL_420":
            raise Rejected(Reason.UNSUPPORTED_TRANSFER_SYNTAX, "native YBR_PARTIAL_420")
        if self.header.samples == 1:
            return "grey"
        if photometric in {"YBR_FULL_422", "YBR_PARTIAL_422"} and length < area * 3:
            if self.header.columns % 2:
                raise Rejected(Reason.BAD_TAG, "Columns")  # pixels come in pairs (C.7.6.3.1.2)
            return "422"
        return {0: "interleaved", 1: "planar"}.get(
            -1 if self.header.planar is None else self.header.planar, "planar_unknown"
        )

    def _count(self) -> None:
        length, expected = self.source.pixels.length or 0, self.frame_bytes * self.count
        there = self.source.size - self.source.pixels.offset
        if there < length:
            raise Rejected(Reason.TRUNCATED_PIXELS)
        spare = (length - expected) % self.frame_bytes
        if length < expected:
            whole = length >= self.frame_bytes and spare <= 1
            reason = Reason.FRAME_COUNT if whole else Reason.TRUNCATED_PIXELS
            raise Rejected(reason, f"{self.count} declared, {length // self.frame_bytes} in the file")
        if length >= expected + self.frame_bytes:
            raise Rejected(Reason.FRAME_COUNT, f"{self.count} declared, {length // self.frame_bytes} in the file")
        if spare > 1:
            raise Rejected(Reason.SIZE_MISMATCH, f"{spare} bytes too many")
        if there > length:
            self.notes.append("bytes_after_pixels")

    def _judge_planes(self) -> None:
        rows, columns = self.header.rows, self.header.columns
        middle = self._bytes(self.count // 2)
        if is_planar_suspect(middle.reshape(3, rows, columns), self.packing == "planar"):
            raise Rejected(Reason.SUSPECT_PLANAR)

    def _bytes(self, index: int) -> np.ndarray:
        start = index * self.frame_bytes
        swapped = not self.source.is_little_endian and self.source.pixels.vr == "OW"
        first = start - start % 2 if swapped else start
        self.source.stream.seek(self.source.pixels.offset + first)
        data = np.frombuffer(self.source.stream.read(start - first + self.frame_bytes + swapped), np.uint8)
        if swapped:  # 8-bit samples written as big-endian words: each pair of bytes is turned round (PS3.5 8.1.1)
            data = data[: len(data) // 2 * 2].reshape(-1, 2)[:, ::-1].reshape(-1)[start - first :]
        if len(data) < self.frame_bytes:
            raise Rejected(Reason.TRUNCATED_PIXELS, f"frame {index + 1}")
        return data[: self.frame_bytes]


class EncapsulatedFrames(Frames):
    """Compressed frames, each of one fragment or several."""

    def __init__(self, source: Opened) -> None:
        super().__init__(source)
        items = fragments.read_items(source.stream, source.pixels.offset, source.size)
        extended = fragments.extended_offsets(source.dataset.get("ExtendedOffsetTable"))
        self.groups, notes = fragments.group_by_frame(items, self.count, extended)
        self.notes += notes
        if items.end < source.size:
            self.notes.append("bytes_after_pixels")
        self._look_at_first()

    def data(self, index: int) -> bytes:
        """Return the compressed bytes of frame ``index``."""
        stream, parts = self.source.stream, []
        for fragment in self.groups[index]:
            stream.seek(fragment.offset)
            parts.append(stream.read(fragment.length))
            if len(parts[-1]) < fragment.length:
                raise Rejected(Reason.TRUNCATED_PIXELS, f"frame {index + 1}")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def samples(self, index: int) -> np.ndarray:
        return self._decoded(self.data(index), index)

    def luma(self, index: int) -> np.ndarray:
        data = self.data(index)
        decoded = self._decoded(data, index)
        is_luma = self.codec is Codec.JPEG and self.header.photometric not in {"MONOCHROME1", "PALETTE COLOR"}
        return self._checked(decoded if is_luma else self.meaning.luma(decoded), index)

    def colour(self, index: int) -> np.ndarray | None:
        if self.codec is not Codec.JPEG:
            return super().colour(index)
        return (
            codestreams.jpeg_colour(self.data(index), max(64, self.header.rows // 4)) if self.components == 3 else None
        )

    def _look_at_first(self) -> None:
        described = codestreams.describe(self.data(0), self.header.transfer_syntax)
        self.codec = described.codec if described else Codec.RLE
        self.components = described.components if described else self.header.samples
        if self.codec is not CODEC_OF_SYNTAX.get(self.header.transfer_syntax):
            self.notes.append("transfer_syntax_mismatch")

    def _decoded(self, data: bytes, index: int) -> np.ndarray:
        try:
            described = codestreams.describe(data, self.header.transfer_syntax)
            if described is None:
                return codestreams.decode_rle(data, self.header.rows, self.header.columns, self.header.samples)
            self._compare(described)
            return codestreams.decode(data, described)
        except Rejected as error:
            raise Rejected(error.reason, f"frame {index + 1}") from error

    def _compare(self, described: codestreams.Codestream) -> None:
        if described.height * described.width > MAX_FRAME_PIXELS:
            raise Rejected(Reason.BOMB)
        if (described.height, described.width) != (self.header.rows, self.header.columns):
            raise Rejected(Reason.SIZE_MISMATCH)
        if described.bits != 8:
            raise Rejected(Reason.DEPTH)
        if described.components not in {1, 3} or described.codec is not self.codec:
            raise Rejected(Reason.BAD_FRAME)


def _from_422(quads: np.ndarray) -> np.ndarray:
    """(rows, columns / 2, Y0 Y1 Cb Cr) -> (rows, columns, Y Cb Cr): C.7.6.3.1.2."""
    rows, half, _ = quads.shape
    full = np.empty((rows, half * 2, 3), np.uint8)
    full[:, 0::2, 0], full[:, 1::2, 0] = quads[..., 0], quads[..., 1]
    full[..., 1:] = np.repeat(quads[..., 2:], 2, axis=1)
    return full
