"""MP4: one loop as H.264 video, written by PyAV where it is installed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from echomort.clips.export.loops import Loop
from echomort.core.errors import UserError

ENCODER = "libx264"
"""FFmpeg's H.264 encoder, in PyAV's wheels."""

QUALITY = "10"
"""x264's constant rate factor: 0 is lossless, 18 looks so. Our choice: frames stay within a few grey levels."""

FULL_RANGE = 2
"""FFmpeg's AVCOL_RANGE_JPEG: luma runs from 0 to 255, so that grey levels stay what they are."""

NO_COLOUR = 128
"""Both chroma values of grey (ITU-R BT.601)."""

CLOCK = 90_000
"""Ticks a second at which uneven frames are timed, as MPEG does."""

MAX_DENOMINATOR = 10_000
"""Of the fraction that writes an even frame rate: a ten-thousandth of a frame. Our choice."""


def require_av() -> Any:
    """Return PyAV. Raises :class:`UserError` where it, or its H.264 encoder, is missing."""
    try:
        import av

        av.codec.Codec(ENCODER, "w")
    except ImportError:
        raise UserError("MP4 is written by PyAV, which is not installed", "pip install 'echomort[video]'") from None
    except av.error.FFmpegError:
        raise UserError(
            "this build of PyAV can't write H.264", "install PyAV's own wheel: pip install --force-reinstall av"
        ) from None
    return av


def write_mp4(loop: Loop, target: Path) -> None:
    """Write ``loop`` to ``target``: grey, full range; an odd side gets one row or column of black."""
    av = require_av()
    _, height, width = loop.shape
    rate = Fraction(loop.fps).limit_denominator(MAX_DENOMINATOR)
    tick, ticks = Fraction(1, CLOCK) if loop.times else 1 / rate, _ticks(loop)
    with av.open(str(target), "w", format="mp4") as container:
        stream = container.add_stream(ENCODER, rate=rate, options={"crf": QUALITY})
        stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
        stream.codec_context.color_range, stream.codec_context.thread_count = FULL_RANGE, 1
        stream.codec_context.time_base = tick
        for index, picture in enumerate(loop.pictures()):
            frame = av.VideoFrame.from_ndarray(_planes(picture), format="yuv420p")
            frame.color_range, frame.time_base = FULL_RANGE, tick
            frame.pts = ticks[index]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _ticks(loop: Loop) -> list[int]:
    """Return when each frame is shown, in ticks, each after the one before: no two frames of a video have one time."""
    if not loop.times:
        return list(range(loop.shape[0]))
    order = np.arange(loop.shape[0])
    ticks = np.rint(np.array(loop.times) * CLOCK / 1000).astype(np.int64)
    return [int(tick) for tick in np.maximum.accumulate(ticks - order) + order]


def _planes(picture: np.ndarray) -> np.ndarray:
    """Return luma and grey chroma of ``picture`` as FFmpeg lays out 4:2:0: uint8 (1.5 rows, columns), even sides."""
    height, width = picture.shape
    rows, columns = height + height % 2, width + width % 2
    planes = np.full((rows * 3 // 2, columns), NO_COLOUR, np.uint8)
    planes[:rows] = 0
    planes[:height, :width] = picture
    return planes
