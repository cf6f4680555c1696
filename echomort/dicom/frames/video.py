"""Loops stored as one video stream (MPEG-2, H.264, HEVC), read by PyAV where it is installed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from echomort.dicom.frames import fragments
from echomort.dicom.frames.frames import Frames
from echomort.dicom.frames.samples import LUMA_TO_FULL
from echomort.dicom.header.parsing import OpenObject
from echomort.dicom.header.timing import MAX_DISAGREEMENT, MAX_FPS, MIN_FPS
from echomort.dicom.reasons import Reason, Rejected

MAX_STREAM_BYTES = 256 << 20
"""Bytes (256 MiB) of a video stream at most, since it is held whole. Our choice: minutes of a scanner's video."""

FORMATS = "mpegvideo,mpeg,mpegts,h264,hevc,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
"""Formats that a stream may have: no playlist or session description, which would open other files or the network."""

UNSTATED_RATE = "1"
"""Frames a second that FFmpeg is told to assume for a bare stream that states none (else it assumes 25); too few for a
loop."""

FULL_RANGE = 2
"""FFmpeg's AVCOL_RANGE_JPEG: luma runs from 0 to 255."""


class VideoFrames(Frames):
    """Frames of a video stream, decoded from its start up to the one asked for; ask for them in order."""

    def __init__(self, source: OpenObject) -> None:
        super().__init__(source)
        self._stream, missing_end = _read_stream(source)
        found, rate = self._measure((self.header.columns, self.header.rows))
        if self.count not in {found, 1}:
            raise missing_end or Rejected(Reason.FRAME_COUNT, f"{self.count} declared, {found} in the file")
        self._follow_stream(found, rate)
        if missing_end:
            self._check_last(missing_end)
        self._decoder: Iterator[Any] = iter(())
        self._next, self._current = self.count + 1, None

    def samples(self, index: int) -> np.ndarray:
        """Return the luma of frame ``index`` at full range: uint8 (rows, columns)."""
        frame = self._frame(index)
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint8)[: plane.line_size * plane.height].reshape(plane.height, plane.line_size)
        luma = rows[:, : plane.width]
        return luma if frame.color_range == FULL_RANGE else LUMA_TO_FULL[luma]

    def luma(self, index: int) -> np.ndarray:
        return self._check_luma(np.ascontiguousarray(self.samples(index)), index)

    def colour(self, index: int) -> np.ndarray | None:
        return np.asarray(self._frame(index).to_ndarray(format="rgb24")[::2, ::2])

    def _measure(self, size: tuple[int, int]) -> tuple[int, float | None]:
        """Return how many frames the stream shows, and its frames a second where it states them; what an edit list
        leaves out is not shown."""
        with _decoder_errors(), _open_container(self._stream) as container:
            codec = container.streams.video[0].codec_context
            if (codec.width, codec.height) != size:
                raise Rejected(Reason.SIZE_MISMATCH, "video")
            rate = _stated_rate(container)
            return sum(packet.size > 0 and not packet.is_discard for packet in container.demux(video=0)), rate

    def _follow_stream(self, found: int, rate: float | None) -> None:
        """Take from the stream the number and the rate of frames that the header does not know."""
        if found == 1:
            raise Rejected(Reason.STILL)
        timing = self.header.timing
        if timing.fps is None:
            if rate is None or not MIN_FPS <= rate <= MAX_FPS:
                raise Rejected(Reason.NO_FRAME_RATE if rate is None else Reason.BAD_FRAME_RATE)
            timing = replace(timing, fps=rate, source="stream", notes=(*timing.notes, "fps_from_stream"))
        elif rate is not None and abs(rate - timing.fps) > MAX_DISAGREEMENT * timing.fps:
            self.notes.append("fps_disagrees:stream")
        if self.count == 1:
            self.notes.append("frames_from_stream")
        self.count = found
        self.header = replace(self.header, frames=found, timing=timing)

    def _check_last(self, missing_end: Rejected) -> None:
        """Note that no delimiter follows the stream, or raise ``missing_end`` where its last frame is not whole."""
        try:
            with _decoder_errors():
                whole = sum(1 for _ in self._decode())
        except Rejected:
            raise missing_end from None
        if whole != self.count:
            raise missing_end
        self.notes.append(fragments.NO_DELIMITER)

    def _frame(self, index: int) -> Any:
        if index < self._next - 1:
            self._decoder, self._next = self._decode(), 0
        with _decoder_errors():
            while self._next <= index:
                self._current = next(self._decoder, None)
                self._next += 1
                if self._current is None:
                    raise Rejected(Reason.FRAME_COUNT, f"{self.count} declared, {self._next - 1} decoded")
        return self._current

    def _decode(self) -> Iterator[Any]:
        with _open_container(self._stream) as container:
            for frame in container.decode(video=0):
                if frame.format.components[0].bits != 8:
                    raise Rejected(Reason.DEPTH)
                yield frame


def _stated_rate(container: Any) -> float | None:
    """Return the frames a second that a file or a stream states, None where it states none."""
    stream = container.streams.video[0]
    rates = (stream.average_rate, stream.codec_context.framerate)
    return next((float(rate) for rate in rates if rate and rate != int(UNSTATED_RATE)), None)


def _read_stream(source: OpenObject) -> tuple[bytes, Rejected | None]:
    """Return the stream, and what is wrong where no delimiter ends it."""
    if source.pixels.length is not None:
        raise Rejected(Reason.BAD_TAG, "compressed pixels without items")
    items = fragments.read_items(source.stream, source.pixels.offset, source.size)
    if sum(fragment.length for fragment in items.fragments) > MAX_STREAM_BYTES:
        raise Rejected(Reason.BOMB, "video stream")
    parts = (fragments.read_at(source.stream, fragment.offset, fragment.length) for fragment in items.fragments)
    return b"".join(parts), items.missing_end


@contextlib.contextmanager
def _open_container(stream: bytes) -> Iterator[Any]:
    try:
        import av
    except ImportError:
        raise Rejected(Reason.UNSUPPORTED_TRANSFER_SYNTAX, "needs the extra `video`") from None
    only = {"format_whitelist": FORMATS, "protocol_whitelist": "none", "framerate": UNSTATED_RATE}
    with av.open(io.BytesIO(stream), options=only, metadata_errors="ignore") as container:
        if not container.streams.video:
            raise Rejected(Reason.BAD_FRAME, "no video stream")
        container.streams.video[0].codec_context.thread_count = 1
        yield container


@contextlib.contextmanager
def _decoder_errors() -> Iterator[None]:
    """Turn the decoder's errors into :class:`Rejected`; some are OSError, which elsewhere means an unreadable file."""
    try:
        yield
    except Rejected:
        raise
    except (OSError, ValueError, RuntimeError, EOFError, LookupError) as error:
        raise Rejected(Reason.BAD_FRAME, "video") from error
