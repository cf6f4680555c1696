"""Uncompressed frames; their number is checked against the header and the file before the first is read."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.samples import has_studio_range, is_wrong_order, to_full_range
from echomort.dicom.header.parsing import OpenObject
from echomort.dicom.reasons import Reason, Rejected


class UncompressedFrames(Frames):
    """Uncompressed frames, one after another."""

    def __init__(self, source: OpenObject) -> None:
        super().__init__(source)
        self.packing = self._packing()
        self._check_count()
        if self.packing == "planar_unknown":
            raise Rejected(Reason.BAD_TAG, "PlanarConfiguration")
        if self.header.samples == 3 and self.packing in {"interleaved", "planar"}:
            self._check_plane_order()

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        area = self.header.rows * self.header.columns
        return {"grey": area, "422": area * 2, "420": area * 3 // 2}.get(self.packing, area * 3)

    def samples(self, index: int) -> np.ndarray:
        stored = self._stored(index)
        return to_full_range(stored) if self._is_partial else stored

    @cached_property
    def _is_partial(self) -> bool:
        """Whether samples have studio range, as YBR_PARTIAL says and the first frame shows."""
        if not self.header.photometric.startswith("YBR_PARTIAL"):
            return False
        found = has_studio_range(self._stored(0)[..., 0])
        self.notes.append("range_expanded" if found else "labelled_partial_is_full")
        return found

    def _stored(self, index: int) -> np.ndarray:
        data = self._bytes(index)
        rows, columns = self.header.rows, self.header.columns
        if self.packing == "grey":
            return data.reshape(rows, columns)
        if self.packing == "422":
            return _unpack_422(data.reshape(rows, columns // 2, 4))
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

    def _check_count(self) -> None:
        length, expected = self.source.pixels.length or 0, self.frame_bytes * self.count
        available = self.source.size - self.source.pixels.offset
        if available < length:
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
        if available > length:
            self.notes.append("bytes_after_pixels")

    def _check_plane_order(self) -> None:
        rows, columns = self.header.rows, self.header.columns
        middle = self._bytes(self.count // 2)
        if is_wrong_order(middle.reshape(3, rows, columns), self.packing == "planar"):
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


def _unpack_422(quads: np.ndarray) -> np.ndarray:
    """Unpack (rows, columns / 2, Y0 Y1 Cb Cr) to (rows, columns, Y Cb Cr) by PS3.3 C.7.6.3.1.2."""
    rows, half, _ = quads.shape
    full = np.empty((rows, half * 2, 3), np.uint8)
    full[:, 0::2, 0], full[:, 1::2, 0] = quads[..., 0], quads[..., 1]
    full[..., 1:] = np.repeat(quads[..., 2:], 2, axis=1)
    return full
