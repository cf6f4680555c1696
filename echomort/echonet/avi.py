"""Clips from AVI files, prepared as the authors' demo prepares EchoNet-Dynamic's."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from echomort.core.errors import UserError
from echomort.dicom.header.timing import MAX_FPS, MIN_FPS, resample
from echomort.dicom.saved import Unusable
from echomort.dicom.scaling import Placing, Scaler, blend

FRAMES, HEIGHT, WIDTH, FPS = 60, 109, 150, 30.0
"""A clip of the published network (preprint, p. 15 and 20): frames, rows, columns, frames a second."""
ECHONET_EDGE = 112
"""Rows and columns of EchoNet-Dynamic's clips, which the authors' code cuts and pads instead of scaling them."""
ECHONET_LEFT = 19
"""Column of the clip in which such a picture begins; its last rows, from 109 on, are cut (authors' code)."""
MAX_BYTES = 256 << 20
"""Bytes (256 MiB) of a file at most, since it is held whole. Our choice: EchoNet-Dynamic's have less than 5 MB."""
MAX_EDGE = 4096
"""Rows and columns at most. Our choice, as for DICOM."""
MAX_FRAMES = 10_000
"""Frames at most: minutes of video. Our choice: EchoNet-Dynamic's longest clip has a thousand."""


@dataclass(frozen=True)
class AviClip:
    """A clip: ``pixels`` uint8 (60, 109, 150), and the ``frames`` and frames a second (``fps``) of its file."""

    pixels: np.ndarray = field(repr=False)
    frames: int
    fps: float


def read_avi(path: Path) -> AviClip:
    """Return the clip of the AVI file at ``path``.

    As in the authors' code: grey of the decoded colours (BT.601), scaled to 109x150 by bilinear interpolation (one of
    112x112 loses its last three rows and gets zeros on both sides instead), then resampled to 30 frames a second, then
    cut after 60 frames or padded with zeros. Raises :class:`Unusable`, and :class:`UserError` where PyAV is not
    installed.
    """
    require_video()
    content = read_video_bytes(path)
    if content[:4] != b"RIFF" or content[8:12] != b"AVI ":
        raise Unusable("not_avi", "the file is no AVI video, whatever its name: name one of EchoNet-Dynamic's clips")
    try:
        frames, fps = _decode(content)
    except (OSError, ValueError, RuntimeError, EOFError, LookupError, MemoryError):  # what a decoder raises
        raise Unusable("bad_frame", "the video can't be decoded: fetch the file again") from None
    plan = resample(len(frames), fps, (), FPS, FRAMES)
    blended = blend(dict(enumerate(frames)), plan)
    pixels = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    pixels[: len(blended)] = blended
    return AviClip(pixels, len(frames), fps)


def require_video() -> None:
    """Raise :class:`UserError` where PyAV is not installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        raise UserError("videos are read by PyAV, which is not installed", "pip install 'echomort[video]'") from None


def read_video_bytes(path: Path) -> bytes:
    """Return the content of the file at ``path``. Raises :class:`Unusable` where it can't be read or is too large."""
    try:
        if not path.is_file():
            raise Unusable("unreadable_file", "the file does not exist, or is no regular file")
        if path.stat().st_size > MAX_BYTES:
            raise Unusable("too_large", "a clip has 256 MiB at most: cut the video")
        return path.read_bytes()
    except OSError:
        raise Unusable("unreadable_file", "the file may not be read: change its permissions") from None


def _decode(content: bytes) -> tuple[list[np.ndarray], float]:
    """Return the frames as uint8 (109, 150) each, and the frames a second."""
    import av

    only = {"format_whitelist": "avi", "protocol_whitelist": "none"}
    with av.open(io.BytesIO(content), "r", options=only, metadata_errors="ignore") as container:
        if not container.streams.video:
            raise Unusable("bad_frame", "the file holds no video: fetch it again")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        fps, declared = float(stream.average_rate or 0), int(stream.frames)
        if not MIN_FPS <= fps <= MAX_FPS:
            raise Unusable(
                "bad_frame_rate", f"the file says {fps:g} frames a second: {MIN_FPS:g} to {MAX_FPS:g} are usable"
            )
        size = stream.codec_context.height, stream.codec_context.width
        if not all(0 < edge <= MAX_EDGE for edge in size):
            raise Unusable("size_mismatch", "a picture has 1 to 4096 rows and columns")
        frames = list(_fitted(container.decode(video=0), size))
    if not frames or len(frames) < declared:
        raise Unusable("frame_count", f"the file declares {declared} frames and holds {len(frames)}: fetch it again")
    return frames, fps


def _fitted(decoded: Iterator[Any], size: tuple[int, int]) -> Iterator[np.ndarray]:
    rows, columns = size
    whole = Placing((0, 0, columns - 1, rows - 1), slice(0, HEIGHT), slice(0, WIDTH))
    scale = Scaler(whole, np.ones(size, bool), "linear") if size != (ECHONET_EDGE, ECHONET_EDGE) else _centred
    for number, frame in enumerate(decoded, 1):
        if (frame.height, frame.width) != size:
            raise Unusable("size_mismatch", "the size changes within the video: fetch the file again")
        if number > MAX_FRAMES:
            raise Unusable("too_large", f"a clip has {MAX_FRAMES} frames at most: cut the video")
        yield scale(grey_of(frame.to_ndarray(format="rgb24")))


def _centred(grey: np.ndarray) -> np.ndarray:
    fitted = np.zeros((HEIGHT, WIDTH), np.uint8)
    fitted[:, ECHONET_LEFT : ECHONET_LEFT + ECHONET_EDGE] = grey[:HEIGHT]
    return fitted


def grey_of(colours: np.ndarray) -> np.ndarray:
    """Return the grey, uint8 (rows, columns), of RGB ``colours`` uint8 (rows, columns, 3): BT.601 luma, rounded.

    >>> grey_of(np.array([[[7, 7, 7], [255, 0, 0]]], np.uint8)).tolist()
    [[7, 76]]
    """
    return np.asarray(colours @ np.array([0.299, 0.587, 0.114]) + 0.5).astype(np.uint8)
