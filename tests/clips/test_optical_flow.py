"""Optical flow as colours: planted motions, and what is no motion."""

import colorsys
import sys

import numpy as np
import pytest

from echomort.clips import optical_flow
from echomort.clips.optical_flow import FULL_SPEED, flow_colours
from echomort.core.errors import UserError

cv2 = pytest.importorskip("cv2", reason="the extra `flow` is not installed")
HEIGHT, WIDTH, FPS = 96, 96, 30.0
TEXTURE = np.kron(np.random.default_rng(3).integers(60, 256, (24, 24), dtype=np.uint8), np.ones((4, 4), np.uint8))
SMOOTH = cv2.GaussianBlur(TEXTURE, (0, 0), 2.0)


def moving_disc(right: float, down: float, frames: int = 6) -> np.ndarray:
    """A textured disc on black that moves by so many pixels a frame, drawn at its true place: uint8 (n, h, w)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    disc = np.where((x - 48) ** 2 + (y - 48) ** 2 < 30**2, SMOOTH, 0).astype(np.uint8)
    start = -(frames - 1) / 2
    shifts = [np.array([[1, 0, right * (start + n)], [0, 1, down * (start + n)]], np.float32) for n in range(frames)]
    return np.stack([cv2.warpAffine(disc, shift, (WIDTH, HEIGHT)) for shift in shifts])


def middle(colours: np.ndarray) -> tuple[float, float]:
    """Hue in degrees and value, 0 to 255, at the disc's middle in the third frame."""
    red, green, blue = np.median(colours[3, 38:58, 38:58].reshape(-1, 3), axis=0) / 255
    hue, _, value = colorsys.rgb_to_hsv(red, green, blue)
    return hue * 360, value * 255


@pytest.mark.parametrize(
    ("right", "down", "hue"),
    [(1.5, 0, 0), (0, 1.5, 90), (-1.5, 0, 180), (0, -1.5, 270), (1.2, 1.2, 45), (-1.2, -1.2, 225)],
)
def test_a_direction_is_one_hue_clockwise_from_right(right: float, down: float, hue: float) -> None:
    found, _ = middle(flow_colours(moving_disc(right, down), FPS))
    assert abs((found - hue + 180) % 360 - 180) < 12


def test_speed_is_value_and_the_scale_is_known() -> None:
    values = [middle(flow_colours(moving_disc(speed, 0), FPS))[1] for speed in (0.5, 1.0, 1.5, 2.0, 3.0)]
    assert values == sorted(values) and min(np.diff(values)) > 10
    for speed, value in zip((0.5, 1.0, 1.5, 2.0, 3.0), values, strict=True):
        expected = 255 * speed * FPS / (FULL_SPEED * HEIGHT)
        assert value == pytest.approx(expected, rel=0.15, abs=4)


def test_the_scale_is_the_same_for_every_clip_and_follows_the_rate() -> None:
    """The same motion in half as many frames a second is half as fast; nothing of one clip scales it."""
    loop = moving_disc(1, 0)
    slow, fast = (middle(flow_colours(loop, fps))[1] for fps in (15.0, 30.0))
    assert slow == pytest.approx(fast / 2, abs=2)
    faster, sector = moving_disc(3, 0), loop.any(axis=0)
    both = flow_colours(np.concatenate([loop, faster]), FPS)
    assert np.array_equal(both[: len(loop), sector], flow_colours(loop, FPS)[:, sector])


def test_what_is_faster_than_the_full_speed_is_as_bright() -> None:
    assert middle(flow_colours(moving_disc(3, 0), 60.0))[1] == 255


def test_a_still_loop_has_no_motion_and_the_first_frame_has_none_ever() -> None:
    still = np.repeat(moving_disc(0, 0)[:1], 5, axis=0)
    assert flow_colours(still, FPS).max() <= 1
    moving = flow_colours(moving_disc(2, 1), FPS)
    assert not moving[0].any() and all(frame.any() for frame in moving[1:])
    assert moving.shape == (6, HEIGHT, WIDTH, 3) and moving.dtype == np.uint8


def test_the_end_of_a_loop_is_no_motion_nor_is_what_lies_outside_the_sector() -> None:
    loop = moving_disc(1.5, 0)
    padded = np.concatenate([loop, np.zeros((4, HEIGHT, WIDTH), np.uint8)])
    colours = flow_colours(padded, FPS)
    assert np.array_equal(colours[:6], flow_colours(loop, FPS)) and not colours[6:].any()
    assert not colours[:, ~loop.any(axis=0)].any()


def test_the_same_clip_gives_the_same_colours() -> None:
    loop = moving_disc(1.1, -0.4)
    assert np.array_equal(flow_colours(loop, FPS), flow_colours(loop.copy(), FPS))


def test_without_opencv_the_refusal_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r"echomort\[flow\]"):
        optical_flow.flow_colours(moving_disc(1, 0), FPS)
