"""Graphics that are drawn over tissue and stand still are blanked, and next to no tissue with them."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from drawn_hearts import coded, heart
from echo_files import JPEG, EchoFile
from PIL import Image, ImageDraw
from pydicom import examples
from scipy import ndimage

from echomort.dicom import lit_outside_sector, read_clip
from echomort.dicom.frames.open import open_frames
from echomort.dicom.header.parsing import open_object
from echomort.dicom.tissue import graphics
from echomort.dicom.tissue.graphics import without_graphics
from echomort.dicom.tissue.morphology import count_lit, opening, parts_of
from echomort.dicom.tissue.overlays import without_overlays
from echomort.dicom.tissue.sector import find_sector
from echomort.dicom.tissue.snapshots import Snapshots
from echomort.settings import ClipSettings

REAL = {
    "short": Path(str(examples.get_path("ybr_color"))),
    "long": Path(str(resources.files("data_store"))) / "data" / "color3d_jpeg_baseline.dcm",
    "colour": Path(str(resources.files("deid_data"))) / "data" / "ultrasounds" / "ultrasound-multiframe.dcm",
}
SIZES = [(300, 400), (480, 640), (600, 800)]
KINDS = ["marker", "slanting", "ticks", "dots", "cross", "scale", "still_ecg", "box"]


def drawn(kind: str, rows: int, columns: int) -> np.ndarray:  # noqa: C901 - one branch a kind
    """Where graphics stand over the middle of the sector, bool (rows, columns)."""
    picture = Image.new("L", (columns, rows))
    pen = ImageDraw.Draw(picture)
    wide = 1 if rows < 480 else 2
    x, y = columns // 2, rows // 2
    if kind == "marker":
        pen.line((x - 60, y, x + 60, y), 255, wide)
    if kind == "slanting":
        pen.line((x - 50, y - 50, x + 40, y + 50), 255, wide)
    if kind in {"ticks", "scale"}:
        for step in range(-5, 6):
            pen.line((x, y + 10 * step, x + (5 if kind == "ticks" else 3), y + 10 * step), 255, wide)
    if kind == "scale":
        pen.line((x, y - 50, x, y + 50), 255, wide)
    if kind == "dots":
        for step in range(-4, 5):
            pen.rectangle((x + 14 * step, y + 6 * step, x + 14 * step + wide, y + 6 * step + wide), 255)
    if kind == "cross":
        pen.line((x - 4, y - 4, x + 4, y + 4), 255, wide)
        pen.line((x - 4, y + 4, x + 4, y - 4), 255, wide)
    if kind == "still_ecg":
        across = np.arange(x - 70, x + 70)
        trace = y + 40 - 25 * np.exp(-(((across - x) % 45 - 20) ** 2) / 4)
        pen.line(list(zip(across.tolist(), trace.tolist(), strict=True)), 255, wide)
    if kind == "box":
        pen.rectangle((x - 40, y - 40, x + 40, y + 30), outline=255, width=wide)
    return np.asarray(picture) > 0


def kept(movie: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sector, and what of it is kept."""
    snapshots = Snapshots.from_frames(movie)
    sector = without_overlays(find_sector(snapshots, None).mask(*movie.shape[1:]), snapshots)
    return sector, without_graphics(sector, snapshots)


@pytest.mark.parametrize("quality", [0, 90, 75])
@pytest.mark.parametrize("value", [220, 255])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SIZES)
def test_graphics_over_tissue_go_and_tissue_stays(shape: tuple[int, int], kind: str, value: int, quality: int) -> None:
    movie, marks = heart(*shape), drawn(kind, *shape)
    level = movie.mean(axis=0)
    movie = movie.copy()
    movie[:, marks] = value
    sector, mask = kept(coded(movie, quality))
    assert (mask & marks).sum() <= (0.25 if shape == SIZES[0] else 0.1) * marks.sum()
    cut = sector & ~mask & ~ndimage.binary_dilation(marks, np.ones((3, 3)), 3)
    assert level[cut].sum() < 0.006 * level[sector].sum()


@pytest.mark.parametrize("quality", [0, 90, 75])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", SIZES)
def test_tissue_without_graphics_is_left_alone(shape: tuple[int, int], seed: int, quality: int) -> None:
    movie = coded(heart(*shape, seed), quality)
    sector, mask = kept(movie)
    level = movie.mean(axis=0)
    assert level[sector & ~mask].sum() < 0.006 * level[sector].sum()


@pytest.mark.parametrize("motion", [0.0, 0.3])
@pytest.mark.parametrize("grain", [0.7, 1.5])
def test_sharp_tissue_that_stands_still_is_left_alone(grain: float, motion: float) -> None:
    random = np.random.default_rng(0)
    texture = ndimage.gaussian_filter(random.normal(size=(340, 440)), grain)
    texture *= 90 / texture.std()
    still = np.stack([ndimage.shift(texture, motion * np.sin(index), order=1)[20:-20, 20:-20] for index in range(12)])
    movie = np.clip(100 + still + random.normal(0, 4, still.shape), 0, 255).astype(np.uint8)
    whole = np.ones((300, 400), bool)
    assert (~without_graphics(whole, Snapshots.from_frames(movie))).mean() < 0.04


def snapshots_of(path: Path) -> Snapshots:
    with open_object(path) as source:
        frames = open_frames(source)
        return Snapshots.from_frames(frames.luma(index) for index in range(0, min(60, frames.count), 5))


@pytest.mark.parametrize(("name", "most"), [("short", 0.005), ("long", 0.002)])
def test_real_tissue_is_not_cut(name: str, most: float) -> None:
    snapshots = snapshots_of(REAL[name])
    sector = without_overlays(find_sector(snapshots, None).mask(*snapshots.brightest.shape), snapshots)
    lost = sector & ~without_graphics(sector, snapshots)
    assert snapshots.level[lost].sum() < most * snapshots.level[sector].sum()


@pytest.mark.parametrize("kind", ["marker", "cross", "scale", "still_ecg"])
def test_graphics_drawn_over_a_real_heart_go(kind: str) -> None:
    snapshots = snapshots_of(REAL["long"])
    marks = drawn(kind, 480, 640)
    frames = [np.where(marks, 230, frame).astype(np.uint8) for frame in snapshots.frames]
    sector, mask = kept(coded(np.stack(frames), 90))
    assert (mask & marks).sum() < 0.1 * marks.sum()
    lost = sector & ~mask & ~ndimage.binary_dilation(marks, np.ones((3, 3)), 3)
    assert snapshots.level[lost].sum() < 0.004 * snapshots.level[sector].sum()


def test_the_colour_box_of_a_real_loop_goes() -> None:
    snapshots = snapshots_of(REAL["colour"])
    sector = without_overlays(find_sector(snapshots, None).mask(*snapshots.brightest.shape), snapshots)
    lost = sector & ~without_graphics(sector, snapshots)
    lines = sector & (snapshots.darkest > 250) & (snapshots.motion < 6)
    assert (lost & lines).sum() > 0.8 * lines.sum() and lines.sum() > 500
    assert lost.sum() < 0.025 * sector.sum()


@pytest.mark.parametrize("syntax", ["native", "jpeg"])
def test_a_marker_line_is_not_in_the_clip(syntax: str, tmp_path: Path) -> None:
    plain = heart(480, 640)
    movie = plain.copy()
    movie[:, drawn("marker", 480, 640)] = 255
    fields = {"syntax": JPEG, "quality": 90} if syntax == "jpeg" else {}
    clip, without = (
        read_clip(EchoFile(one, **fields).write(tmp_path / "loop.dcm"), ClipSettings(framing="region"))
        for one in (movie, plain)
    )
    assert lit_outside_sector(clip) == 0
    assert (clip.pixels.astype(int) - without.pixels).max() < 30
    assert np.abs(clip.pixels.astype(int) - without.pixels).mean() < 0.5


def test_few_frames_leave_all() -> None:
    movie = heart(300, 400)[:4].copy()
    movie[:, drawn("marker", 300, 400)] = 255
    sector, mask = kept(movie)
    assert (mask == sector).all()


@pytest.mark.parametrize("side", [3, 5, 7, 9])
def test_the_opening_is_that_of_scipy(side: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (61, 83), dtype=np.uint8)
    inner = slice(side, -side), slice(side, -side)
    assert (opening(picture, side)[inner] == ndimage.grey_opening(picture, (side, side))[inner]).all()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1])
def test_letters_are_looked_for_as_far_as_an_opening_reaches(share: float) -> None:
    """What lies about the candidates is enough: the result is that of the whole picture."""
    random = np.random.default_rng(3)
    darkest = random.integers(0, 200, (90, 120)).astype(np.uint8) * (random.random((90, 120)) < 0.3).astype(np.uint8)
    still, black = random.random(darkest.shape) < share, 40
    base = opening(darkest, graphics.WIDE)
    bright = still & (darkest - base > graphics.MIN_LETTER_STEP) & (base <= black)
    expected = bright & (count_lit(darkest > black, graphics.AROUND) < graphics.MAX_LIT * graphics.AROUND**2)
    assert (graphics._letters_on_black(still, darkest, darkest, black) == expected).all()
    assert expected.any() or share < 0.1


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 200), (5, 9), (60, 90)])
def test_black_is_a_low_quantile_of_the_brightest(low: int, high: int) -> None:
    picture = np.random.default_rng(4).integers(low, high, (80, 100), dtype=np.uint8)
    few = np.sort(picture[:: graphics.SPARSE, :: graphics.SPARSE], axis=None)
    ground = int(few[-(-len(few) * 2 // 100) - 1])
    assert graphics._black(Snapshots.from_frames([picture])) == min(ground, graphics.MAX_GROUND) + graphics.MAX_BLACK


def test_lit_pixels_are_counted_about_each() -> None:
    mask = np.random.default_rng(2).random((31, 47)) > 0.5
    expected = ndimage.convolve(mask.astype(int), np.ones((8, 8), int), mode="constant", origin=(-1, -1))
    assert (count_lit(mask, 8) == expected).all()


def test_parts_are_kept_by_their_share_of_seeds() -> None:
    mask = np.zeros((9, 20), bool)
    mask[2, 1:5] = mask[5:8, 10:18] = True
    seeds = np.zeros_like(mask)
    seeds[2, 1:4] = seeds[5, 10:12] = True
    found = parts_of(seeds, mask, 0.35)
    assert found[2, 1:5].all() and not found[5:8].any()
