"""The report shows loops with colour where their risk rests, and nothing of loops that were not explained."""

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from echomort.report.data import Example
from echomort.report.sections.explained import MOST_FRAMES, explained


def shown(frames: int, picture: np.ndarray, movement: np.ndarray) -> tuple[list[np.ndarray], float]:
    """Return the frames of the loop that the section has of a grey one, and how long a frame is shown (ms)."""
    pixels = np.full((frames, 40, 100), 90, np.uint8)
    pixels[:, 18:22] = np.random.default_rng(0).integers(1, 256, (frames, 4, 100), dtype=np.uint8)
    pixels[frames - 1 :] = 0
    (section,) = explained(SimpleNamespace(examples=[Example("low", "apical_4", pixels, 50.0, (picture, movement))]))
    ((_, (loop,)),) = section.blocks[0].groups
    with Image.open(io.BytesIO(base64.b64decode(loop.moving.partition(",")[2]))) as image:
        drawn = []
        for frame in range(image.n_frames):
            image.seek(frame)
            drawn.append(np.asarray(image.convert("RGB"), int))
        return drawn, image.info["duration"]


def test_what_raises_is_red_and_what_lowers_is_blue_on_one_scale() -> None:
    picture, movement = np.zeros((4, 10)), np.zeros((4, 10))
    picture[1:3, 6:9], movement[1:3, 1:4] = 2.0, -1.0
    drawn, duration = shown(25, picture, movement)
    assert len(drawn) == 24 and duration == pytest.approx(20), "padding is not shown"
    above, below = np.split((drawn[3][..., 0] - drawn[3][..., 2]), 2)
    assert above[30, 150] > 60 and abs(above[30, 50]) < 15
    assert -100 < below[30, 50] < -25 and abs(below[30, 150]) < 15


def test_a_long_loop_has_fewer_frames_and_takes_as_long() -> None:
    drawn, duration = shown(2 * MOST_FRAMES, np.ones((4, 10)), np.zeros((4, 10)))
    assert len(drawn) == MOST_FRAMES and duration == pytest.approx(40)


def test_without_maps_there_is_no_section() -> None:
    assert explained(SimpleNamespace(examples=[Example("low", "apical_4", np.ones((3, 4, 5), np.uint8), 15.0)])) == []
