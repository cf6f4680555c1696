"""The pictures of a video file (AVI, MP4 and others), decoded by PyAV."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from echomort.dicom.frames.video import FORMATS, UNSTATED_RATE
from echomort.dicom.saved import Unusable
from echomort.dicom.tissue.flow import MIN_CHROMA
from echomort.echonet.avi import MAX_EDGE, MAX_FRAMES, read_video_bytes

FILE_FORMATS = f"{FORMATS},asf"
"""Formats that a file may have: those of a DICOM object's stream, and that of Windows Media, which opens no other file
either."""


@dataclass(frozen=True)
class Video:
    """A video whose frames can all be decoded."""

    content: bytes = field(repr=False)
    frames: int
    size: tuple[int, int]
    """Rows and columns."""
    fps: float | None
    """Frames a second, the mean over the video; None where the file states none."""
    aspect: Fraction
    """A pixel's width over its height."""
    codec: str
    """FFmpeg's name of the codec."""
    is_lossy: bool
    is_coloured: bool
    """Whether any pixel's three channels lie farther apart than those of grey after a lossy codec (``MIN_CHROMA``)."""

    def pictures(self) -> Iterator[np.ndarray]:
        """Yield the frames: uint8 RGB (rows, columns, 3)."""
        with _opened(self.content) as stream:
            yield from (frame.to_ndarray(format="rgb24") for frame in stream.container.decode(stream))


def read_video(path: Path) -> Video:
    """Return the video of the file at ``path``, each of whose frames was decoded once.

    Raises :class:`Unusable` where the file is missing or too large, is no video, or holds fewer frames than it
    declares.
    """
    content = read_video_bytes(path)
    with _opened(content) as stream:
        codec, declared = stream.codec_context, int(stream.frames)
        size = codec.height, codec.width
        if not all(0 < edge <= MAX_EDGE for edge in size):
            raise Unusable("size_mismatch", f"a picture has 1 to {MAX_EDGE} rows and columns")
        stored, shown, frames, is_coloured = 0, 0, 0, False
        for packet in stream.container.demux(stream):
            stored += packet.size > 0
            shown += packet.size > 0 and not packet.is_discard  # what an edit list leaves out is not shown
            for frame in packet.decode():
                frames += 1
                _check(frame, size, frames)
                is_coloured = is_coloured or _is_coloured(frame.to_ndarray(format="rgb24"))
        if not frames or frames < shown or stored < declared:
            remedy = f"the file declares {max(declared, shown)} frames and holds {min(stored, frames)}: get it again"
            raise Unusable("frame_count", remedy)
        return Video(
            content, frames, size, _rate(stream), stream.sample_aspect_ratio or Fraction(1), codec.name,
            codec.codec.lossy, is_coloured,
        )  # fmt: skip


@contextlib.contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    """Yield the first video stream of a file. What a decoder raises becomes :class:`Unusable`."""
    import av

    only = {"format_whitelist": FILE_FORMATS, "protocol_whitelist": "none", "framerate": UNSTATED_RATE}
    try:
        with av.open(io.BytesIO(content), options=only, metadata_errors="ignore") as container:
            if not container.streams.video:
                raise Unusable("bad_frame", "the file holds no video")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            yield stream
    except (OSError, ValueError, RuntimeError, EOFError, LookupError, MemoryError):
        raise Unusable("bad_frame", "the file is no video that can be decoded: get it again, or convert it") from None


def _check(frame: Any, size: tuple[int, int], number: int) -> None:
    if (frame.height, frame.width) != size:
        raise Unusable("size_mismatch", "the size changes within the video: cut it there")
    if number > MAX_FRAMES:
        raise Unusable("too_large", f"a video has {MAX_FRAMES} frames at most: cut it")


def _is_coloured(rgb: np.ndarray) -> bool:
    red, green, blue = np.moveaxis(rgb, -1, 0)
    highest, lowest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return bool((highest - lowest).max() > MIN_CHROMA)


def _rate(stream: Any) -> float | None:
    rates = (stream.average_rate, stream.codec_context.framerate)
    return next((float(rate) for rate in rates if rate and rate != int(UNSTATED_RATE)), None)
