"""Which pixels are tissue: the declared region, the sector that moves, and what stands over or beside it."""

from pathlib import Path

import numpy as np
import pytest
from echo_files import EXPLICIT, JPEG, EchoFile, cone_of, region, regions, sector_movie, to_colour, with_overlays
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from echomort.dicom import Clip, Reason, Rejected, lit_outside_sector, read_clip
from echomort.dicom.header.fields import Header, Region
from echomort.dicom.header.regions import clamp_box, declared_box, pixel_aspect
from echomort.dicom.tissue import morphology, sector
from echomort.dicom.tissue.flow import MIN_FLOW_SHARE, _count_chroma, _may_show_flow, flow_share
from echomort.dicom.tissue.morphology import dilate, erode, open_mask
from echomort.dicom.tissue.overlays import without_overlays
from echomort.dicom.tissue.sector import Sector, find_sector
from echomort.dicom.tissue.snapshots import Snapshots
from echomort.settings import ClipSettings

ROWS, COLUMNS = 300, 400
MOVIE = sector_movie(12, ROWS, COLUMNS)
OVERLAID = with_overlays(MOVIE)
CONE = cone_of(ROWS, COLUMNS).mask(ROWS, COLUMNS)


def read(movie: np.ndarray, tmp_path: Path, **fields: object) -> Clip:
    return read_clip(EchoFile(movie, **fields).write(tmp_path / "loop.dcm"))  # type: ignore[arg-type]


def reason(movie: np.ndarray, tmp_path: Path, **fields: object) -> Reason:
    with pytest.raises(Rejected) as rejected:
        read(movie, tmp_path, **fields)
    return rejected.value.reason


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("movie", [MOVIE, OVERLAID], ids=["plain", "overlaid"])
@pytest.mark.parametrize("frames", [2, 3, 12])
def test_the_sector_is_found_among_overlays(movie: np.ndarray, frames: int) -> None:
    looks = Snapshots.from_frames(movie[:frames])
    sector = find_sector(looks, None)
    assert sector.is_cone
    assert overlap(sector.mask(ROWS, COLUMNS), CONE) > 0.93


@pytest.mark.parametrize(("rows", "columns"), [(300, 400), (480, 640), (600, 800), (768, 1024)])
def test_the_sector_keeps_all_tissue_and_hardly_more(rows: int, columns: int) -> None:
    truth = cone_of(rows, columns).mask(rows, columns)
    mask = find_sector(Snapshots.from_frames(sector_movie(6, rows, columns)), None).mask(rows, columns)
    assert (truth & ~mask).sum() < 0.001 * truth.sum()
    assert (mask & ~truth).sum() < 0.03 * truth.sum()


@pytest.mark.parametrize("dark", ["left", "right", "far"])
def test_dropout_at_an_edge_does_not_bend_the_sector(dark: str) -> None:
    """Half of one side black, as behind a rib: the other parts of its edge still say where it runs."""
    movie = MOVIE.copy()
    y, x = np.mgrid[:ROWS, :COLUMNS]
    shadow = {
        "left": (x < 130) & (y > 150) & (y < 220),
        "right": (x > 250) & (y > 110) & (y < 180),
        "far": (y > 240) & (x > 190) & (x < 230),
    }[dark]
    movie[:, shadow] = 0
    assert overlap(find_sector(Snapshots.from_frames(movie), None).mask(ROWS, COLUMNS), CONE) > 0.9


@pytest.mark.parametrize("turn", ["down", "left_wide", "rectangle", "trapezoid", "flat_arc", "flat_side"])
def test_other_shapes(turn: str) -> None:
    """Apex below (children), a sector cut by the screen's edge or by a box, a zoomed box and a steered linear probe."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    truth = {
        "down": CONE[::-1],
        "left_wide": CONE & (x >= 120),
        "rectangle": (y >= 120) & (y < 240) & (x >= 140) & (x < 250),
        "trapezoid": (y > 20) & (y < 280) & (np.abs(x - 200) < 60 + 0.2 * y),
        "flat_arc": CONE & (y < 215),
        "flat_side": CONE & (x > 90),
    }[turn]
    noise = np.random.default_rng(3).integers(20, 200, MOVIE.shape, dtype=np.uint8)
    movie = np.where(truth, np.where(CONE, MOVIE, noise), 0).astype(np.uint8)
    if turn == "left_wide":
        movie, truth = movie[:, :, 120:], truth[:, 120:]
    mask = find_sector(Snapshots.from_frames(movie), None).mask(*movie.shape[1:])
    assert overlap(mask, truth) > 0.94


@pytest.mark.parametrize("aspect", [0.7, 0.8, 1.25, 1.5])
def test_a_sector_of_pixels_that_are_not_square_is_found(aspect: float, tmp_path: Path) -> None:
    rows = np.arange(0, ROWS, aspect).astype(int)
    movie, truth = MOVIE[:, rows], CONE[rows]
    mask = find_sector(Snapshots.from_frames(movie), None, aspect).mask(len(rows), COLUMNS)
    assert overlap(mask, truth) > 0.95
    tissue = region(0, 0, COLUMNS - 1, len(rows) - 1, PhysicalDeltaY=0.03 * aspect)
    clip = read(movie, tmp_path, tags={"SequenceOfUltrasoundRegions": regions(tissue)})
    assert "pixels_not_square" in clip.notes
    assert overlap(Sector(clip.outline, True).mask(len(rows), COLUMNS), truth) > 0.95


@pytest.mark.parametrize("shape", [(1, 1), (5, 240), (240, 320)])
@pytest.mark.parametrize("side", [3, 7])
def test_an_opening_is_that_of_scipy(shape: tuple[int, int], side: int) -> None:
    from scipy import ndimage

    blobs = ndimage.binary_dilation(np.random.default_rng(3).random(shape) > 0.97, np.ones((5, 5)))
    assert (open_mask(blobs, side) == ndimage.binary_opening(blobs, np.ones((side, side)))).all()


@pytest.mark.parametrize("loop", [morphology.compiled, None], ids=["compiled", "scipy"])
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (1, 9), (9, 1), (61, 83)])
def test_parts_are_numbered_as_by_scipy(shape: tuple[int, int], loop: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(morphology, "compiled", loop)
    for share in (0.0, 0.1, 0.4, 0.6, 0.9, 1.0):
        mask = np.random.default_rng(4).random(shape) < share
        for corners, structure in ((True, np.ones((3, 3))), (False, None)):
            expected, count = ndimage.label(mask, structure)
            labels, found = morphology.label(mask, corners)
            assert found == count and labels.dtype == np.int32 and (labels == expected).all()


@pytest.mark.skipif(morphology.compiled is None, reason="installed without a C compiler")
def test_the_compiled_loop_refuses_labels_of_another_shape() -> None:
    mask = np.zeros((4, 6), bool)
    for columns, labels in ((5, np.zeros((4, 6), np.int32)), (6, np.zeros((4, 5), np.int32)), (0, mask)):
        with pytest.raises(ValueError, match="shapes"):
            morphology.compiled.label(mask, columns, True, labels)


def test_the_quick_test_of_fainter_motion_refuses_nothing_that_counts() -> None:
    random = np.random.default_rng(5)
    for _ in range(200):
        added, brightest = random.random((20, 30)) < random.random(), random.integers(0, 9, (20, 30), dtype=np.uint8)
        part, area = added & (random.random((20, 30)) < random.random()), float(random.integers(1, 5000))
        assert sector._may_be_lit(added, brightest, area) or not sector._is_lit(part, brightest, area)


@pytest.mark.parametrize("shape", [(1, 1), (5, 240), (240, 320)])
def test_erosion_and_dilation_are_those_of_scipy(shape: tuple[int, int]) -> None:
    from scipy import ndimage

    mask = np.random.default_rng(2).random(shape) > 0.3
    square = np.ones((3, 3))
    assert (erode(mask) == ndimage.binary_erosion(mask, square)).all()
    assert (dilate(mask) == ndimage.binary_dilation(mask, square)).all()


def drawn_on(kind: str) -> np.ndarray:
    """MOVIE with something that moves and touches the sector."""
    movie = MOVIE.copy()
    y, x = np.mgrid[:ROWS, :COLUMNS]
    random = np.random.default_rng(1)
    for index, frame in enumerate(movie):
        if kind == "ecg":  # tall and dense, over the lower arc from edge to edge
            trace = ROWS - 20 - 45 * np.exp(-(((np.arange(COLUMNS) + 17 * index) % 50 - 25) ** 2) / 8)
            for column, (low, high) in enumerate(zip(np.minimum(trace, np.roll(trace, 1)), trace, strict=True)):
                frame[int(low) : int(high) + 3, column] = 220
        if kind == "pointer":
            frame[(np.abs(y - 170) < 8) & (np.abs(x - 20 - 28 * index) < 9)] = 255
        if kind == "clock":
            frame[120:140, 16:96] = 255 * (random.random((5, 20)) > 0.5).repeat(4, 0).repeat(4, 1)
    return movie


@pytest.mark.parametrize("kind", ["ecg", "pointer", "clock"])
def test_what_touches_the_sector_does_not_bend_it(kind: str) -> None:
    mask = find_sector(Snapshots.from_frames(drawn_on(kind)), None).mask(ROWS, COLUMNS)
    assert overlap(mask, CONE) > 0.94


def test_motion_that_a_codec_smears_into_the_dark_is_no_tissue() -> None:
    from scipy import ndimage

    ring = ndimage.binary_dilation(CONE, iterations=25) & ~CONE
    ringing = np.random.default_rng(0).integers(0, 4, MOVIE.shape, dtype=np.uint8)
    movie = np.where(ring, ringing, MOVIE)
    assert overlap(find_sector(Snapshots.from_frames(movie), None).mask(ROWS, COLUMNS), CONE) > 0.95


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG], ids=["native", "jpeg"])
@pytest.mark.parametrize("declared", ["region", "none", "whole"])
def test_nothing_but_the_sector_is_lit(syntax: str, declared: str, tmp_path: Path) -> None:
    boxes = {"region": regions(region(20, 10, 379, 280)), "none": None, "whole": regions(region(0, 0, 399, 299))}
    clip = read(OVERLAID, tmp_path, syntax=syntax, tags={"SequenceOfUltrasoundRegions": boxes[declared]})
    assert lit_outside_sector(clip) == 0
    x0, y0, x1, y1 = clip.region
    scale = 150 / (x1 - x0 + 1) if (x1 - x0 + 1) / (y1 - y0 + 1) > 150 / 109 else 109 / (y1 - y0 + 1)
    left, top = (150 - scale * (x1 - x0 + 1)) / 2, (109 - scale * (y1 - y0 + 1)) / 2
    rows, columns = np.mgrid[:109, :150]
    y = np.clip(((rows + 0.5 - top) / scale + y0).astype(int), 0, ROWS - 1)
    x = np.clip(((columns + 0.5 - left) / scale + x0).astype(int), 0, COLUMNS - 1)
    from scipy import ndimage

    near = ndimage.binary_dilation(CONE, iterations=9)
    assert clip.pixels[:, ~near[y, x]].max() <= (0 if syntax == EXPLICIT else 12)  # the codec rings about the edge
    kept = clip.pixels[:12].max(axis=0)[ndimage.binary_erosion(CONE, iterations=6)[y, x]]
    assert (kept > 20).mean() > 0.97


def test_text_inside_the_sector_is_blanked_where_the_picture_is_dark() -> None:
    movie = MOVIE.copy()
    y, x = np.mgrid[:ROWS, :COLUMNS]
    movie[:, np.hypot(x - 190, y - 150) < 45] = 0
    movie[:, 145:155, 175:177] = 255
    movie[:, 145:155, 181:183] = 255
    looks = Snapshots.from_frames(movie)
    mask = without_overlays(find_sector(looks, None).mask(ROWS, COLUMNS), looks)
    assert not mask[145:155, 175:177].any() and not mask[145:155, 181:183].any()
    assert mask[100, 190] and overlap(mask, CONE) > 0.9


def test_a_small_moving_part_in_still_tissue_keeps_the_tissue() -> None:
    """A filtered loop of a still, smooth sector with one moving valve is a sector, not a valve."""
    movie = np.repeat(np.where(CONE, 90, 0).astype(np.uint8)[None], 8, axis=0)
    for index in range(8):
        movie[index, 140 + 3 * index : 175 + 3 * index, 180:230] = 200
    assert overlap(find_sector(Snapshots.from_frames(movie), None).mask(ROWS, COLUMNS), CONE) > 0.9


# The declared region.


def header(*found: Region, rows: int = 480, columns: int = 640) -> Header:
    return Header(rows=rows, columns=columns, regions=found)


def tissue(*corners: int, kind: tuple[int, int] = (1, 1)) -> Region:
    """A region by its corners; ``kind`` is its spatial format and data type."""
    return Region(*kind, *corners)


@pytest.mark.parametrize(
    ("found", "box", "note"),
    [
        ([tissue(84, 31, 595, 414)], (84, 31, 595, 414), None),
        ([tissue(0, 0, 639, 479, kind=(0, 0)), tissue(84, 31, 595, 414)], (84, 31, 595, 414), None),
        ([tissue(0, 420, 639, 479, kind=(4, 10)), tissue(84, 31, 595, 414)], (84, 31, 595, 414), None),
        ([tissue(84, 31, 595, 414, kind=(1, 0))], (84, 31, 595, 414), None),
        ([tissue(84, 31, 595, 414), tissue(200, 100, 300, 200, kind=(1, 2))], (84, 31, 595, 414), None),
        ([tissue(84, 31, 640, 480)], (84, 31, 639, 479), "region_clamped"),
        ([tissue(-5, 31, 595, 490)], (0, 31, 595, 479), "region_clamped"),
        ([tissue(84, 31, 1200, 900)], None, "region_refused"),
        ([tissue(595, 414, 84, 31)], None, "region_refused"),
        ([tissue(10, 10, 20, 20)], None, "region_refused"),
        ([tissue(700, 500, 900, 700)], None, "region_refused"),
        ([tissue(0, 0, 0, 0)], None, "region_refused"),
        ([], None, "no_region"),
        ([tissue(0, 420, 639, 479, kind=(4, 10))], None, "no_region"),
        ([tissue(84, 31, 595, 414), tissue(100, 50, 400, 300)], (84, 31, 595, 414), None),
    ],
)
def test_which_declared_region_counts(found: list[Region], box: tuple[int, ...] | None, note: str | None) -> None:
    got, notes = declared_box(header(*found))
    assert got == box
    assert notes == ([note] if note else [])


@pytest.mark.parametrize(
    "pair",
    [
        (tissue(0, 0, 319, 479), tissue(320, 0, 639, 479)),
        (tissue(0, 0, 319, 479), tissue(320, 0, 639, 479, kind=(1, 2))),
        (tissue(0, 0, 330, 479), tissue(310, 0, 639, 479)),
        (tissue(0, 0, 639, 239), tissue(0, 240, 639, 479)),
    ],
)
def test_two_tissue_regions_side_by_side_are_two_panels(pair: tuple[Region, Region]) -> None:
    with pytest.raises(Rejected) as rejected:
        declared_box(header(*pair))
    assert rejected.value.reason is Reason.DUAL_PANEL


def test_a_region_that_is_clamped_still_says_how_high_its_pixels_are() -> None:
    clamped_region = Region(1, 1, -5, -3, 595, 414, 0.02, 0.025, True)
    box, _ = declared_box(header(clamped_region))
    assert box is not None
    assert pixel_aspect(header(clamped_region), box)[0] == pytest.approx(1.25)


def test_a_region_never_leaves_the_image() -> None:
    random = np.random.default_rng(7)
    for _ in range(500):
        corners = random.integers(-300, 1000, 4).tolist()
        box = clamp_box(tissue(*corners), 480, 640)
        assert box is None or (0 <= box[0] < box[2] <= 639 and 0 <= box[1] < box[3] <= 479)


def test_an_absurd_region_is_replaced_by_the_sector_that_is_seen(tmp_path: Path) -> None:
    clip = read(OVERLAID, tmp_path, tags={"SequenceOfUltrasoundRegions": regions(region(84, 31, 2000, 1400))})
    x0, y0, x1, y1 = clip.region
    assert "region_refused" in clip.notes
    assert CONE[y0 : y1 + 1, x0 : x1 + 1].sum() > 0.99 * CONE.sum()


# What is not a two-dimensional grey loop, told from pixels alone.


def untagged(movie: np.ndarray, tmp_path: Path, photometric: str = "MONOCHROME2") -> Reason:
    return reason(movie, tmp_path, photometric=photometric, tags={"SequenceOfUltrasoundRegions": None})


def trace(kind: str, width: int) -> np.ndarray:
    """A long time axis: M-mode layers that wave, or a spectrum above its baseline."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:130, :width]
    if kind == "m_mode":
        layers = 110 + 80 * np.sin((y + 8 * np.sin(x / 12)) / 5)
        return np.clip(layers * random.rayleigh(0.5, y.shape) + 40, 0, 255).astype(np.uint8)
    envelope = 95 - 55 * np.abs(np.sin(x / 20))
    spectrum = np.where((y > envelope) & (y < 95), 150 * random.rayleigh(0.6, y.shape), 0)
    spectrum[95] = 200
    return np.clip(spectrum, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("kind", "expected"), [("m_mode", Reason.M_MODE), ("spectral", Reason.SPECTRAL_DOPPLER)])
@pytest.mark.parametrize("way", ["swept", "scrolling"])
def test_a_running_time_axis_is_no_sector(kind: str, expected: Reason, way: str, tmp_path: Path) -> None:
    long = trace(kind, 1200)
    movie = np.zeros((40, ROWS, COLUMNS), np.uint8)
    for index in range(40):
        at = index * 9
        strip = (
            long[:, at : at + 360]
            if way == "scrolling"
            else np.concatenate([long[:, 400 : 400 + at], long[:, at:360]], axis=1)
        )
        movie[index, 120:250, 20:380] = strip
    assert untagged(movie, tmp_path) is expected


def test_an_m_mode_of_little_contrast_is_no_spectrum(tmp_path: Path) -> None:
    """Layers that differ by less than a factor of two: all of it is lit, as no spectrum is."""
    depths, times = np.mgrid[:180, :360]
    layers = 0.6 + 0.4 * np.sin(times / 25 + depths / 20) ** 2
    movie = np.zeros((40, ROWS, COLUMNS), np.uint8)
    speckle = np.random.default_rng(5).integers(0, 255, (2, 180, 360))
    for index in range(40):
        swept = np.where(times < index * 9, speckle[1], speckle[0]) * layers
        movie[index, 90:270, 20:380] = swept
    assert untagged(movie, tmp_path) is Reason.M_MODE


@pytest.mark.parametrize(("kind", "expected"), [("m_mode", Reason.M_MODE), ("spectral", Reason.SPECTRAL_DOPPLER)])
def test_a_live_sector_over_a_trace_is_a_trace(kind: str, expected: Reason, tmp_path: Path) -> None:
    small = sector_movie(40, 150, 200)
    long = trace(kind, 1200)
    movie = np.zeros((40, ROWS, COLUMNS), np.uint8)
    movie[:, :140, 100:300] = small[:, :140]
    for index in range(40):
        movie[index, 160:290, 20:380] = long[:, index * 9 : index * 9 + 360]
    assert untagged(movie, tmp_path) is expected


def beats(width: int, height: int = 130) -> np.ndarray:
    """Flow in systole alone, dark between beats: what a spectrum mostly is."""
    random = np.random.default_rng(9)
    y, x = np.mgrid[:height, :width]
    envelope = 0.8 * height * np.exp(-(((x % 150 - 70) / 14) ** 2))
    lit = (height - 10 - y > 0) & (height - 10 - y < envelope)
    return np.where(lit, np.clip(150 * random.rayleigh(0.7, y.shape), 0, 255), 0).astype(np.uint8)


@pytest.mark.parametrize("live", ["none", "touching"])
@pytest.mark.parametrize("way", ["swept", "scrolling"])
def test_beats_that_stand_apart_are_a_spectrum(way: str, live: str, tmp_path: Path) -> None:
    """Alone over most of the screen, or below a live sector that nothing parts from it."""
    height = 250 if live == "none" else 150
    long = beats(1200, height)
    movie = np.zeros((40, ROWS, COLUMNS), np.uint8)
    if live == "touching":
        movie[:, :150, 100:300] = sector_movie(40, 150, 200)
        movie[:, 130:150, 195:205] = movie[:, 60:80, 95:105] = 40
        movie[::2, 120:160, 180:210] = 120
    for index in range(40):
        at = 9 * index
        swept = np.concatenate([long[:, 400 : 400 + at], long[:, at:360]], axis=1)
        movie[index, ROWS - height :, 20:380] |= long[:, at : at + 360] if way == "scrolling" else swept
    assert untagged(movie, tmp_path) is Reason.SPECTRAL_DOPPLER


def test_two_sectors_are_two_panels(tmp_path: Path) -> None:
    half = sector_movie(12, 300, 200)
    assert untagged(np.concatenate([half, half[:, ::1]], axis=2), tmp_path) is Reason.DUAL_PANEL


@pytest.mark.parametrize("corner", [0, 1])
def test_three_sectors_on_a_screen_of_four_are_panels(corner: int, tmp_path: Path) -> None:
    """Triplane: the two largest may lie across from each other."""
    one = sector_movie(12, 150, 200)
    lower, dark = one.copy(), np.zeros_like(one)
    lower[:, 130:] = 0
    rows = [(one, dark), (lower, one)] if corner else [(dark, one), (one, lower)]
    movie = np.concatenate([np.concatenate(row, axis=2) for row in rows], axis=1)
    assert untagged(movie, tmp_path) is Reason.DUAL_PANEL


def test_two_sectors_of_a_curved_probe_are_two_panels(tmp_path: Path) -> None:
    """Their near faces are as wide as half their arcs: no narrow top tells them."""
    y, x = np.mgrid[:150, :200]
    radius, turn = np.hypot(x - 100, y + 60), np.arctan2(x - 100, y + 60)
    inside = (radius > 120) & (radius < 195) & (np.abs(turn) < 0.5)
    noise = np.random.default_rng(4).integers(20, 200, (12, 150, 200), dtype=np.uint8)
    half = np.where(inside, noise, 0).astype(np.uint8)
    assert untagged(np.concatenate([half, half], axis=2), tmp_path) is Reason.DUAL_PANEL


def test_a_frozen_loop_is_a_still_even_with_a_running_ecg(tmp_path: Path) -> None:
    frozen = np.repeat(MOVIE[:1], 12, axis=0)
    assert untagged(with_overlays(frozen), tmp_path) is Reason.STILL


# Colour.


def flow(kind: str) -> np.ndarray:
    rgb = np.stack([to_colour(frame, "RGB") for frame in OVERLAID]).copy()
    y, x = np.mgrid[:ROWS, :COLUMNS]
    jet = np.hypot((x - 190) / 1.5, y - 160) < 18
    colours = {
        "red": [(210, 40, 20)],
        "blue": [(20, 60, 220)],
        "power": [(230, 140, 20)],
        "variance": [(30, 200, 60), (200, 60, 20)],
    }
    for index in range(len(rgb)):
        if index % 4 == 0 or kind == "red":
            for number, colour in enumerate(colours[kind]):
                rgb[index][jet & (x % 20 >= 10 * number)] = colour
    return rgb


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("kind", ["red", "blue", "power", "variance"])
def test_flow_is_found_in_any_colour(kind: str, photometric: str, tmp_path: Path) -> None:
    assert untagged(flow(kind), tmp_path, photometric) is Reason.COLOUR_DOPPLER


def test_flow_is_found_in_a_jpeg(tmp_path: Path) -> None:
    assert reason(flow("blue"), tmp_path, syntax=JPEG, photometric="YBR_FULL_422") is Reason.COLOUR_DOPPLER


@pytest.mark.parametrize("first", [1, 6, 11])
def test_flow_that_is_turned_on_late_is_found(first: int, tmp_path: Path) -> None:
    movie = np.stack([to_colour(frame, "RGB") for frame in OVERLAID])
    movie[first:] = flow("red")[first:]
    assert untagged(movie, tmp_path, "RGB") is Reason.COLOUR_DOPPLER


@pytest.mark.parametrize(
    "tint",
    [(1.0, 1.0, 1.0), (0.82, 0.92, 1.0), (1.0, 0.85, 0.62), (0.6, 0.8, 1.0)],
    ids=["grey", "blue", "sepia", "strong_blue"],
)
@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG], ids=["native", "jpeg"])
def test_a_tint_is_not_flow(tint: tuple[float, ...], syntax: str, tmp_path: Path) -> None:
    rgb = (np.stack([to_colour(frame, "RGB") for frame in OVERLAID]) * np.array(tint)).astype(np.uint8)
    photometric = "RGB" if syntax == EXPLICIT else "YBR_FULL_422"
    assert (
        read(rgb, tmp_path, syntax=syntax, photometric=photometric, tags={"UltrasoundColorDataPresent": 1}).frames == 12
    )


def pseudo_colour(name: str) -> np.ndarray:
    """256 colours, one for each brightness: uint8 (256, 3)."""
    level = np.arange(256)
    hot = np.stack([np.clip(3 * level - offset, 0, 255) for offset in (0, 255, 510)], axis=1)
    return {
        "hot": hot,
        "green": np.stack([np.clip(2 * level - 255, 0, 255), level, np.clip(2 * level - 255, 0, 255)], axis=1),
        "copper": np.stack([np.clip(1.25 * level, 0, 255), 0.78 * level, 0.5 * level], axis=1),
        "ice": hot[:, ::-1],
        "dusk": np.clip(np.stack([1.2 * level - 20, level, 0.8 * level + 20], axis=1), 0, 255),
    }[name].astype(np.uint8)


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG], ids=["native", "jpeg"])
@pytest.mark.parametrize("gain", [(1.0, 1.0), (0.6, 1.0)], ids=["steady", "brighter_in_systole"])
@pytest.mark.parametrize("colours", ["hot", "green", "copper", "ice", "dusk"])
def test_one_colour_for_each_brightness_is_not_flow(
    colours: str, gain: tuple[float, float], syntax: str, tmp_path: Path
) -> None:
    movie = np.stack([frame * gain[index // 6] for index, frame in enumerate(MOVIE)]).astype(np.uint8)
    photometric = "RGB" if syntax == EXPLICIT else "YBR_FULL_422"
    assert read(pseudo_colour(colours)[movie], tmp_path, syntax=syntax, photometric=photometric).frames == 12


def test_coloured_text_and_ecg_are_not_flow(tmp_path: Path) -> None:
    rgb = np.stack([to_colour(frame, "RGB") for frame in OVERLAID]).copy()
    overlay = OVERLAID.astype(int) - MOVIE > 60
    rgb[overlay] = (20, 230, 40)
    rgb[:, 130:131, 150:230] = (255, 220, 0)  # a caliper's line across the sector
    assert read(rgb, tmp_path, photometric="RGB").frames == 12


def test_large_coloured_letters_are_not_flow(tmp_path: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    movie = sector_movie(12, 240, 320)
    letters = Image.new("L", (320, 240))
    ImageDraw.Draw(letters).text((95, 100), "LVOT PSAX", fill=255, font=ImageFont.load_default(20))
    rgb = np.stack([to_colour(frame, "RGB") for frame in movie]).copy()
    rgb[:, np.asarray(letters) > 100] = (0, 255, 0)
    assert read(rgb, tmp_path, syntax=JPEG, photometric="YBR_FULL_422", quality=85).frames == 12


@given(seed=st.integers(0, 10_000), spread=st.integers(0, 16), share=st.sampled_from([0.0, 0.001, 0.01, 0.3]))
def test_flow_is_ruled_out_early_only_where_there_is_none(seed: int, spread: int, share: float) -> None:
    """Grey with a tint, a codec's noise and patches of colour: the quick test never says no where the share is."""
    random = np.random.default_rng(seed)
    grey = random.integers(0, 256, (60, 80, 1)) // random.integers(1, 4)
    tint = random.integers(-14, 15, 3) + random.normal(0, spread / 4, (60, 80, 3))
    patch = ndimage.binary_dilation(random.random((60, 80, 1)) < share / 9, np.ones((3, 3, 1)))
    rgb = np.clip(grey + tint + patch * random.integers(-90, 91, 3), 0, 255).astype(np.uint8)
    inside = np.ones((60, 80), bool)
    _, every, far = _count_chroma(rgb, inside)
    if not _may_show_flow(every, far):
        assert flow_share(rgb, inside, ~inside) <= MIN_FLOW_SHARE


def test_the_flow_share_of_grey_is_nothing() -> None:
    grey = to_colour(OVERLAID[0], "RGB")
    assert flow_share(grey, CONE, ~CONE) == 0
    assert flow_share(flow("red")[0], CONE, ~CONE) > 4 * MIN_FLOW_SHARE


@pytest.mark.parametrize("colour", [(0, 255, 0), (255, 255, 0)])
def test_what_outnumbers_the_grey_of_its_brightness_is_no_tint_of_it(colour: tuple[int, int, int]) -> None:
    """Grey tissue as bright as a thin trace is not coloured beside it, and a wide jet of one colour is."""
    dim = to_colour(OVERLAID[0] // 2, "RGB").copy()
    y, x = np.mgrid[: dim.shape[0], : dim.shape[1]]
    thin, wide = dim.copy(), dim.copy()
    thin[(y % 24 < 2) & CONE] = colour
    wide[(np.hypot(x - 190, y - 160) < 40) & CONE] = colour
    assert flow_share(thin, CONE, ~CONE) <= MIN_FLOW_SHARE
    assert flow_share(wide, CONE, ~CONE) > MIN_FLOW_SHARE


@pytest.mark.parametrize("beat", [10, 15, 18, 20, 24, 30])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.6])
def test_no_heart_rate_hides_a_jet(beat: int, phase: float, tmp_path: Path) -> None:
    """A jet lit for 40 % of each beat, at 60 to 180 beats a minute."""
    movie = sector_movie(60, ROWS, COLUMNS)
    rgb = np.stack([to_colour(frame, "RGB") for frame in movie]).copy()
    for index in range(60):
        if (index / beat + phase) % 1 < 0.4:
            rgb[index, 140:180, 170:210] = (210, 40, 20)
    assert reason(rgb, tmp_path, photometric="RGB") is Reason.COLOUR_DOPPLER


def test_a_declared_colour_is_looked_for_in_every_look(tmp_path: Path) -> None:
    movie = sector_movie(60, ROWS, COLUMNS)
    rgb = np.stack([to_colour(frame, "RGB") for frame in movie]).copy()
    rgb[9:12, 140:180, 170:210] = (210, 40, 20)
    tags = {"UltrasoundColorDataPresent": 1}
    assert reason(rgb, tmp_path, photometric="RGB", tags=tags) is Reason.COLOUR_DOPPLER


def test_tissue_doppler_that_turns_with_the_beat_is_colour(tmp_path: Path) -> None:
    """All that is lit is red in systole and blue in diastole: in one frame alone it would pass for a tint."""
    red, blue = np.array([1.0, 0.4, 0.1]), np.array([0.1, 0.4, 1.0])
    rgb = [(to_colour(frame, "RGB") * (red if index < 6 else blue)) for index, frame in enumerate(MOVIE)]
    assert reason(np.stack(rgb).astype(np.uint8), tmp_path, photometric="RGB") is Reason.COLOUR_DOPPLER


def painted(colour: float, lines: bool = False) -> np.ndarray:
    """Red and blue over what is lit, by halves that change sides with the beat, or in thin lines alone."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    rgb = np.stack([to_colour(frame, "RGB") for frame in MOVIE]).astype(float)
    for index, frame in enumerate(rgb):
        turn = np.sin(2 * np.pi * index / 12) * np.cos(x / 60)
        warmth = np.where((y % 12 == 0) if lines else frame[..., 1] > 60, turn * 90 * colour, 0)
        rgb[index] = frame + warmth[..., None] * (1, 0, -1)
    return np.clip(rgb, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("colour", [0.2, 0.35, 0.5])
@pytest.mark.parametrize("quality", [None, 75, 95])
def test_faint_tissue_doppler_is_colour(colour: float, quality: int | None, tmp_path: Path) -> None:
    """Pale colours over grey, hardly farther from it than what a codec does to a letter's edge."""
    coded = {"photometric": "RGB"} if quality is None else {"syntax": JPEG, "photometric": "YBR_FULL_422"}
    assert reason(painted(colour), tmp_path, **coded, quality=quality or 95) is Reason.COLOUR_DOPPLER


@pytest.mark.parametrize("quality", [None, 30])
def test_thin_pale_lines_and_pale_tints_are_not_tissue_doppler(quality: int | None, tmp_path: Path) -> None:
    coded = {"photometric": "RGB"} if quality is None else {"syntax": JPEG, "photometric": "YBR_FULL_422"}
    tinted = (np.stack([to_colour(frame, "RGB") for frame in MOVIE]) * (0.92, 0.96, 1.0)).astype(np.uint8)
    for rgb in (painted(0.35, lines=True), tinted):
        assert read(rgb, tmp_path, **coded, quality=quality or 95).frames == 12


def test_flow_may_be_kept_by_setting(tmp_path: Path) -> None:
    path = EchoFile(flow("red"), photometric="RGB").write(tmp_path / "loop.dcm")
    assert "colour_doppler_kept" in read_clip(path, ClipSettings(colour="keep")).notes


def test_a_texture_that_drifts_is_not_a_trace(tmp_path: Path) -> None:
    """Probe motion carries the whole picture along; that alone is no time axis."""
    still = sector_movie(1, ROWS, 520)[0]
    movie = np.stack([np.where(CONE, still[:, 3 * index : 3 * index + COLUMNS], 0) for index in range(12)])
    assert read(movie, tmp_path).frames == 12
    noise = np.random.default_rng(2).integers(0, 255, (ROWS, COLUMNS), dtype=np.uint8)
    assert read(np.stack([np.roll(noise, 8 * index, axis=1) for index in range(12)]), tmp_path).frames == 12


def test_a_blob_that_crosses_the_dark_is_not_a_sweep(tmp_path: Path) -> None:
    movie = np.zeros((24, ROWS, COLUMNS), np.uint8)
    for index in range(24):
        movie[index, 100:200, 40 + 12 * index : 100 + 12 * index] = 180
    assert read(movie, tmp_path).frames == 24


@pytest.mark.parametrize("way", ["walls", "walls_and_near_field", "wedge"])
def test_a_dark_cavity_between_two_walls_makes_no_second_panel_and_loses_no_wall(way: str, tmp_path: Path) -> None:
    """Low gain: the septum and the lateral wall move, nothing between them is lit."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    lit = (np.abs(np.abs(x - 192) - 48) < 14) & (y > 90) & (y < 240)
    if way == "walls_and_near_field":
        lit |= y < 60
    if way == "wedge":
        lit = np.abs(x - 192) > 0.09 * y + 6
    movie = MOVIE * (lit & CONE)
    clip = read(movie, tmp_path, tags={"SequenceOfUltrasoundRegions": None})
    x0, _, x1, _ = clip.region
    columns = np.flatnonzero((lit & CONE).any(axis=0))
    assert x0 <= columns.min() + 4 and x1 >= columns.max() - 4


def test_two_sectors_one_above_the_other_are_two_panels(tmp_path: Path) -> None:
    half = sector_movie(12, 150, 400)
    assert untagged(np.concatenate([half, half[:, :, ::-1]], axis=1), tmp_path) is Reason.DUAL_PANEL


def test_a_jet_that_comes_and_goes_is_no_time_axis(tmp_path: Path) -> None:
    """A jet lit in some looks and gone in others renews a window as a sweep does; no scanner sweeps one so narrow."""
    from scipy import ndimage

    random = np.random.default_rng(0)
    movie = sector_movie(60, ROWS, COLUMNS).copy()
    y, x = np.mgrid[:ROWS, :COLUMNS]
    movie[:, np.hypot(x - 190, y - 150) < 60] = 0
    for index in range(60):
        if (index - 16) % 20 < 6:
            texture = ndimage.gaussian_filter(random.normal(size=(56, 56)), 2)
            movie[index, 122:178, 162:218] = np.where(texture > 0, 100, 0)
    assert read(movie, tmp_path, tags={"SequenceOfUltrasoundRegions": None}).frames == 60


@pytest.mark.parametrize("speed", [3, 11, 17])
@pytest.mark.parametrize("left", [10, 130])
def test_a_dense_ecg_that_scrolls_is_no_part_of_the_sector(left: int, speed: int, tmp_path: Path) -> None:
    """Tall complexes, side by side: what they sweep over is as solid as tissue."""
    movie = np.zeros((24, ROWS, COLUMNS), np.uint8)
    movie[:, :240, 40:360] = sector_movie(24, 240, 320)
    time = np.arange(1000)
    trace = np.exp(-((time % 45 - 22) ** 2) / 6) * 0.9 + 0.2 * np.exp(-((time % 45 - 36) ** 2) / 20)
    for index in range(24):
        y = (ROWS - 8 - 50 * trace[speed * index : speed * index + 150]).astype(int)
        for column in range(149):
            low, high = sorted((y[column], y[column + 1]))
            movie[index, low : high + 3, left + column] = 220
    clip = read(movie, tmp_path, tags={"SequenceOfUltrasoundRegions": None})
    assert clip.region[3] < 225
