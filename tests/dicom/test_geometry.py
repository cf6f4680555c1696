"""How large a clip's pixels are in the body, where they lie in the image, and how the sector stands."""

from pathlib import Path

import numpy as np
import pytest
from echo_files import Cone, EchoFile, region, regions, sector_movie
from hypothesis import given
from hypothesis import strategies as st

from echomort.dicom import read_clip
from echomort.dicom.geometry import Grid, form_of
from echomort.settings import ClipSettings

ROWS, COLUMNS = 240, 320


def loop(path: Path, **tags: object) -> Path:
    box = region(20, 10, 299, 219, **tags)
    return EchoFile(sector_movie(24, ROWS, COLUMNS), tags={"SequenceOfUltrasoundRegions": regions(box)}).write(path)


@pytest.mark.parametrize("size", [(109, 150), (112, 112), (60, 200), (300, 300)])
def test_a_distance_in_the_clip_is_that_in_the_body(size: tuple[int, int], tmp_path: Path) -> None:
    path = loop(tmp_path / "loop.dcm", PhysicalDeltaX=0.05, PhysicalDeltaY=0.06)
    clip = read_clip(path, ClipSettings(height=size[0], width=size[1]))
    assert clip.cm is not None
    x0, y0, x1, y1 = clip.region
    across, down = (x1 - x0 + 1) * 0.05, (y1 - y0 + 1) * 0.06
    left, top, right, bottom = clip.grid.box(clip.region)
    assert (right - left + 1) * clip.cm[0] == pytest.approx(across, rel=0.02)
    assert (bottom - top + 1) * clip.cm[1] == pytest.approx(down, rel=0.02)
    assert clip.cm[0] == pytest.approx(clip.cm[1], rel=0.02), "a clip keeps the physical aspect"


def test_whole_frames_keep_the_shape_of_pixels(tmp_path: Path) -> None:
    path = loop(tmp_path / "loop.dcm", PhysicalDeltaX=0.05, PhysicalDeltaY=0.06)
    settings = ClipSettings(fit="view_size", view_sizes={"unknown": (200, 360)}, reduction=2)
    clip = read_clip(path, settings)
    assert clip.cm == pytest.approx((0.1, 0.12))
    assert (clip.grid.x, clip.grid.y) == (-20, 20)


@pytest.mark.parametrize("fit", ["inside", "view_size"])
def test_the_outline_lies_round_what_is_lit(fit: str, tmp_path: Path) -> None:
    settings = ClipSettings(fit=fit, view_sizes={"unknown": (200, 360)}, reduction=1)
    clip = read_clip(loop(tmp_path / "loop.dcm"), settings)
    placed = clip.grid.from_image(clip.outline)
    lit = np.argwhere(clip.pixels.max(axis=0) > 0)[:, ::-1]
    wide = settings.shape_of("unknown")[1:][::-1]
    inside = np.clip(placed, -0.5, np.array(wide) - 0.5)
    assert (np.abs(inside.min(axis=0) - lit.min(axis=0)) < 6).all()
    assert (np.abs(inside.max(axis=0) - lit.max(axis=0)) < 6).all()


@pytest.mark.parametrize(
    "tags",
    [
        {"PhysicalUnitsXDirection": 4},
        {"PhysicalDeltaX": 0.0},
        {"PhysicalDeltaY": 3.0},
        {"PhysicalDeltaY": 0.0001},
        {"RegionLocationMaxX1": 4000},
    ],
)
def test_a_region_that_says_no_size_or_an_absurd_one_gives_none(tags: dict[str, object], tmp_path: Path) -> None:
    assert read_clip(loop(tmp_path / "loop.dcm", **tags)).cm is None


def polygon(mask: np.ndarray) -> np.ndarray:
    from scipy.spatial import ConvexHull

    points = np.argwhere(mask)[:, ::-1].astype(float)
    return points[ConvexHull(points).vertices]


@given(st.floats(0.25, 0.8), st.integers(80, 300))
def test_a_cone_of_any_angle_stands_on_its_apex_or_hangs_from_it(half_angle: float, depth: int) -> None:
    mask = Cone(250, 10, half_angle, depth).mask(330, 500)
    assert form_of(polygon(mask)) == ("cone", "above")
    assert form_of(polygon(mask[::-1])) == ("cone", "below")


@given(st.integers(20, 300), st.integers(20, 300))
def test_a_rectangle_has_no_apex(height: int, width: int) -> None:
    assert form_of(polygon(np.ones((height, width), bool))) == ("rectangle", "none")


def test_no_outline_has_no_form() -> None:
    assert form_of(np.zeros((0, 2))) == ("other", "none")


@pytest.mark.parametrize("turned", [False, True])
def test_a_loop_with_its_apex_below_says_so(turned: bool, tmp_path: Path) -> None:
    movie = sector_movie(24, ROWS, COLUMNS)
    clip = read_clip(EchoFile(movie[:, ::-1] if turned else movie).write(tmp_path / "loop.dcm"))
    assert (clip.form, clip.apex) == ("cone", "below" if turned else "above")


@given(st.floats(-50, 50), st.floats(0.2, 9), st.integers(0, 90), st.integers(1, 90))
def test_a_grid_maps_the_region_onto_itself(x: float, step: float, first: int, length: int) -> None:
    region = tuple(round(x + at * step) for at in (first, first, first + length, first + length))
    box = Grid(x, x, step, step).box(region)
    assert box[0] <= box[2] and abs(box[0] - first) <= 1 / step + 1
