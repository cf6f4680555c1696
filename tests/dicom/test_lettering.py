"""Letters burned into lit tissue are blanked; tissue that is bright, thin or still is not taken for letters."""

from pathlib import Path

import numpy as np
import pytest
from drawn_hearts import coded, heart
from echo_files import JPEG, EchoFile, sector_movie
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from echomort.dicom import lit_outside_sector, read_clip
from echomort.dicom.tissue.lettering import AT_ONCE, _all_follow, _may_be_in_line, without_lettering
from echomort.dicom.tissue.snapshots import Snapshots
from echomort.settings import ClipSettings

ROWS, COLUMNS = 480, 640
NAME = "DOE^JANE 4711"


def tissue(motion: float, gain: float = 100, grain: float = 2.0, seed: int = 0) -> np.ndarray:
    """Speckle that fills the picture and sways by ``motion`` pixels: uint8 (12, ROWS, COLUMNS)."""
    random = np.random.default_rng(seed)
    texture = ndimage.gaussian_filter(random.normal(size=(ROWS + 40, COLUMNS + 40)), (grain, 1.6 * grain))
    texture /= texture.std()
    frames = []
    for index in range(12):
        sway = motion * np.sin(2 * np.pi * index / 12)
        moved = ndimage.shift(texture, (sway, 0.6 * sway), order=1)[20:-20, 20:-20]
        frames.append(np.clip(gain * (1 + 0.6 * moved) + random.normal(0, 4, moved.shape), 0, 255))
    return np.stack(frames).astype(np.uint8)


def letters(size: int, at: tuple[int, int] = (220, 300)) -> np.ndarray:
    """Where the letters of a name are, bool (ROWS, COLUMNS)."""
    picture = Image.new("L", (COLUMNS, ROWS))
    pen = ImageDraw.Draw(picture)
    pen.fontmode = "1"
    pen.text(at, NAME, fill=255, font=ImageFont.load_default(size))
    return np.asarray(picture) > 0


def kept(movie: np.ndarray) -> np.ndarray:
    return without_lettering(np.ones(movie.shape[1:], bool), Snapshots.from_frames(movie))


@pytest.mark.parametrize("size", [10, 14, 20, 28])
@pytest.mark.parametrize("value", [149, 200, 255])  # 149 is the luma of pure green
def test_a_name_over_moving_tissue_is_blanked_and_little_else(size: int, value: int) -> None:
    movie, name = tissue(4), letters(size)
    movie[:, name] = value
    mask = kept(movie)
    assert not mask[name].any()
    assert (~mask).sum() < 4 * np.ptp(np.nonzero(name)[0]) * np.ptp(np.nonzero(name)[1])


@pytest.mark.parametrize("shown", [slice(0, 6), slice(3, 9), slice(7, 12)])
def test_a_name_that_comes_or_goes_is_blanked(shown: slice) -> None:
    movie, name = tissue(4, gain=60), letters(20)
    movie[shown, name] = 255
    assert not kept(movie)[name].any()


def with_cavity(movie: np.ndarray) -> np.ndarray:
    """The movie with a still, black cavity in its midst."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return np.where(np.hypot((y - 312) / 60, (x - 310) / 180) < 1, 0, movie).astype(np.uint8)


@pytest.mark.parametrize("shown", [slice(0, 6), slice(3, 9), slice(7, 12), slice(0, 12)])
@pytest.mark.parametrize(("size", "value"), [(12, 255), (20, 160), (28, 255)])
@pytest.mark.parametrize("quality", [0, 90])
def test_a_name_over_a_black_still_cavity_is_blanked(shown: slice, size: int, value: int, quality: int) -> None:
    movie, name = with_cavity(tissue(4, gain=60)), letters(size)
    movie[shown, name] = value
    assert not kept(coded(movie, quality))[name].any()


@pytest.mark.parametrize("kind", ["strand", "valve", "three"])
def test_what_stands_still_and_bright_in_a_cavity_is_left_alone(kind: str) -> None:
    movie, y, x = with_cavity(tissue(4)), *np.mgrid[:ROWS, :COLUMNS]
    bright = {
        "strand": (np.abs(y - 312 - (x - 310) / 4) < 2) & (np.abs(x - 310) < 60),
        "valve": (np.abs(y - 312) < 5) & (np.abs(x - 310) < 40),
        "three": (y > 304) & (y < 320) & (x % 14 < 3) & (x > 300) & (x < 336),
    }[kind]
    movie[:, bright] = 255
    assert kept(movie).all()


@pytest.mark.parametrize("grain", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("motion", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("gain", [60, 150, 250])
def test_tissue_is_left_alone_however_bright_grainy_or_still(gain: float, motion: float, grain: float) -> None:
    assert kept(tissue(motion, gain, grain)).all()


@pytest.mark.parametrize("kind", ["calcium", "reverberation", "lines", "three"])
def test_what_is_bright_and_still_but_no_line_of_letters_is_left_alone(kind: str) -> None:
    movie, y, x = tissue(4), *np.mgrid[:ROWS, :COLUMNS]
    bright = {
        "calcium": np.hypot(y - 240, x - 300) < 15,
        "reverberation": (np.abs(y - 100) < 2) & (x > 200) & (x < 420),
        "lines": (y % 40 < 2) & (x > 200) & (x < 240),
        "three": (y > 200) & (y < 216) & (x % 12 < 3) & (x > 200) & (x < 236),
    }[kind]
    movie[:, bright] = 255
    assert kept(movie).all()


@pytest.mark.parametrize("count", [0, 1, AT_ONCE, AT_ONCE + 40])
def test_pieces_next_to_each_other_are_found_in_parts_as_at_once(count: int) -> None:
    random = np.random.default_rng(1)
    top, left = random.integers(0, 400, (2, count))
    boxes = np.stack([top, top + random.integers(6, 14, count), left, left + random.integers(2, 12, count)], axis=1)
    follows = _all_follow(boxes[:, None], boxes)
    found = _may_be_in_line(boxes.astype(np.int32))
    assert found.tolist() == (follows.any(axis=0) | follows.any(axis=1)).tolist()
    assert count <= 1 or found.any()


@pytest.mark.parametrize("blank", [0, 128, 255])
@pytest.mark.parametrize("at", [0, 5, 11])
def test_a_blank_frame_costs_no_loop_and_shows_no_name(blank: int, at: int, tmp_path: Path) -> None:
    movie, name = with_cavity(heart(ROWS, COLUMNS)), letters(20, (240, 300))
    movie[:, name] = 120
    movie[at] = blank
    clip = read_clip(EchoFile(movie, syntax=JPEG).write(tmp_path / "loop.dcm"))
    y, x = np.nonzero(name)
    across, down = np.rint(clip.grid.from_image(np.stack([x, y], axis=1))).astype(int).T
    assert clip.sector[down, across].mean() < 0.2


@pytest.mark.parametrize("syntax", ["native", "jpeg"])
def test_a_name_over_the_heart_is_not_in_the_clip(syntax: str, tmp_path: Path) -> None:
    movie = sector_movie(12, ROWS, COLUMNS).copy()
    name = letters(20, (240, 260))
    movie[:, name] = 255
    fields = {"syntax": JPEG} if syntax == "jpeg" else {}
    path = EchoFile(movie, **fields).write(tmp_path / "loop.dcm")  # type: ignore[arg-type]
    clip = read_clip(path, ClipSettings(framing="region"))
    assert lit_outside_sector(clip) == 0
    y, x = np.argwhere(name).mean(axis=0) * 109 / ROWS
    x += (150 - COLUMNS * 109 / ROWS) / 2
    assert not clip.pixels[:12, round(y), round(x) - 8 : round(x) + 8].any()
    assert clip.pixels[:12, round(y) - 6, round(x)].any()
