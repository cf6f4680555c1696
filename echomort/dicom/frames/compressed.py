"""Compressed frames, one codestream a frame; counted before the first is decoded."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from echomort.dicom.frames import baseline, codestreams, fragments, jpeg_xl
from echomort.dicom.frames.baseline import SMALLER
from echomort.dicom.frames.codestreams import CODEC_OF_SYNTAX, Codec
from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.samples import Samples
from echomort.dicom.header.parsing import OpenObject
from echomort.dicom.header.rejection import MAX_FRAME_PIXELS
from echomort.dicom.reasons import Reason, Rejected

MIN_COLOUR_ROWS = 64
"""Rows to which a JPEG is scaled down at most for the search for colour. Our choice: flow is still a few pixels
wide."""

NO_END_MARKER = "no_end_marker"
"""Note: JPEG frames are whole, but their end marker is missing."""


class EncapsulatedFrames(Frames):
    """Compressed frames, each of one fragment or several."""

    def __init__(self, source: OpenObject) -> None:
        super().__init__(source)
        self._chroma: dict[int, baseline.Chroma] = {}
        self._shown: np.ndarray | None = None
        self._last_described: tuple[codestreams.Codestream | None, bytes] = None, b""
        items = fragments.read_items(source.stream, source.pixels.offset, source.size)
        extended = fragments.extended_offsets(source.dataset.get("ExtendedOffsetTable"))
        self.groups, notes = fragments.group_by_frame(items, self.count, extended)
        self.notes += notes
        if items.end < source.size:
            self.notes.append("bytes_after_pixels")
        self._describe_first()
        if items.missing_end:
            self._check_last(items.missing_end)

    def data(self, index: int) -> bytes:
        """Return the compressed bytes of frame ``index``."""
        stream, parts = self.source.stream, []
        for fragment in self.groups[index]:
            parts.append(fragments.read_at(stream, fragment.offset, fragment.length))
            if len(parts[-1]) < fragment.length:
                raise Rejected(Reason.TRUNCATED_PIXELS, f"frame {index + 1}")
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        return jpeg_xl.original_jpeg(data) if jpeg_xl.begins(data) else data

    def samples(self, index: int) -> np.ndarray:
        return self._decode(self.data(index), index)

    def luma(self, index: int) -> np.ndarray:
        decoded = self._decode(self.data(index), index)
        is_luma = self.codec is Codec.JPEG and self.header.photometric not in {"MONOCHROME1", "PALETTE COLOR"}
        return self._check_luma(decoded if is_luma else self.interpretation.luma(decoded), index)

    def colour(self, index: int) -> np.ndarray | None:
        if self.codec is not Codec.JPEG:
            return super().colour(index)
        if self.components != 3:
            return None
        if index in self._chroma and (small := self._chroma[index].small) is not None:
            return small
        return codestreams.jpeg_colour(self.data(index), max(MIN_COLOUR_ROWS, self.header.rows // SMALLER))

    def off_grey(self, index: int) -> np.ndarray | None:
        return self._chroma[index].off_grey if index in self._chroma else None

    def show_only(self, mask: np.ndarray) -> None:
        self._shown = baseline.blocks_of(mask)

    @cached_property
    def interpretation(self) -> Samples:
        """What the samples mean; the decoder of JPEG XL undoes every colour transform (PS3.5 8.2)."""
        if self.codec is Codec.JPEG_XL and self.header.samples > 1:
            return Samples("rgb")
        return super().interpretation

    def _describe(self, data: bytes) -> codestreams.Codestream | None:
        """Return what ``data`` says of itself; the frames of a loop mostly begin with the same bytes, read once."""
        last, head = self._last_described
        if last is not None and data.startswith(head):
            return last
        described = codestreams.describe(data, self.header.transfer_syntax)
        if described is not None and described.told_by:
            self._last_described = described, data[: described.told_by]
        return described

    def _describe_first(self) -> None:
        described = self._describe(self.data(0))
        self.codec = described.codec if described else Codec.RLE
        self.components = described.components if described else self.header.samples
        labelled = CODEC_OF_SYNTAX.get(self.header.transfer_syntax)
        if self.codec is not labelled and (self.codec, labelled) != (Codec.JPEG, Codec.JPEG_XL):
            self.notes.append("transfer_syntax_mismatch")

    def _check_last(self, missing_end: Rejected) -> None:
        """Note that no delimiter follows the frames, or raise ``missing_end`` where the last of them is not whole."""
        last = self.count - 1
        data = self.data(last)
        is_cut = self.codec in {Codec.JPEG_2000, Codec.JPEG_LS} and not codestreams.has_end(data)
        try:
            self._decode(data, last)
        except Rejected:
            is_cut = True
        if is_cut:
            raise missing_end
        self.notes.append(fragments.NO_DELIMITER)

    def _decode(self, data: bytes, index: int) -> np.ndarray:
        try:
            described = self._describe(data)
            if described is None:
                return codestreams.decode_rle(data, self.header.rows, self.header.columns, self.header.samples)
            self._check_size(described)
            if described.codec is Codec.JPEG and not codestreams.has_end(data) and NO_END_MARKER not in self.notes:
                self.notes.append(NO_END_MARKER)
            if described.codec is Codec.JPEG and (luma := self._decode_baseline(data, described, index)) is not None:
                return luma
            return codestreams.decode(data, described)
        except Rejected as error:
            raise Rejected(error.reason, f"frame {index + 1}") from error

    def _decode_baseline(self, data: bytes, described: codestreams.Codestream, index: int) -> np.ndarray | None:
        """Return the luma of a usual JPEG, and keep what its chroma tells."""
        if self._shown is not None:
            return baseline.decode_shown(data, described.height, described.width, self._shown)
        with_small = index in self.searched and described.height // SMALLER >= MIN_COLOUR_ROWS
        decoded = baseline.decode(data, described.height, described.width, with_small)
        if decoded is None:
            return None
        luma, self._chroma[index] = decoded
        return luma

    def _check_size(self, described: codestreams.Codestream) -> None:
        if described.height * described.width > MAX_FRAME_PIXELS:
            raise Rejected(Reason.BOMB)
        if (described.height, described.width) != (self.header.rows, self.header.columns):
            raise Rejected(Reason.SIZE_MISMATCH)
        if described.bits != 8:
            raise Rejected(Reason.DEPTH)
        if described.components not in {1, 3} or described.codec is not self.codec:
            raise Rejected(Reason.BAD_FRAME)
