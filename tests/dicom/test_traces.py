"""Traces that move over tissue go with their whole strip, and moving tissue, however bright, stays."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from drawn_hearts import coded
from drawn_hearts import heart as drawn_heart
from echo_files import JPEG, EchoFile
from PIL import Image, ImageDraw
from pydicom import examples
from traces import LUMA, breath, ecg, trace

from echomort.dicom import Rejected, read_clip
from echomort.dicom.frames.open import open_frames
from echomort.dicom.header.parsing import open_object
from echomort.dicom.tissue.sector import find_sector
from echomort.dicom.tissue.snapshots import Snapshots
from echomort.dicom.tissue.traces import strips
from echomort.dicom.tissue.traces.strips import without_traces
from echomort.dicom.tissue.traces.sweep import find_cursor
from echomort.settings import ClipSettings

REAL = Path(str(resources.files("data_store"))) / "data" / "color3d_jpeg_baseline.dcm"
"""An apical loop of 120 frames at 60 a second."""

SHORT = Path(str(examples.get_path("ybr_color")))
FRAMES = np.arange(0, 120, 10)
FRAMES_A_SECOND = 60.0
SECONDS = FRAMES / FRAMES_A_SECOND
CASES = {
    # kind, luma, seconds that the screen holds, beat, place, height, span, curve
    "white scrolls": ("scroll", "white", 3.0, 0.8, 0.7, 0.08, (0.0, 1.0), ecg),
    "green scrolls, fast beat": ("scroll", "green", 5.0, 0.43, 0.6, 0.06, (0.0, 1.0), ecg),
    "cyan scrolls, slow beat": ("scroll", "cyan", 4.0, 1.3, 0.72, 0.05, (0.1, 0.9), ecg),
    "breathing scrolls": ("scroll", "yellow", 2.0, 0.8, 0.75, 0.07, (0.0, 1.0), breath),
    "cyan is renewed": ("sweep", "cyan", 3.0, 0.8, 0.7, 0.08, (0.0, 1.0), ecg),
    "yellow repeats itself": ("sweep", "yellow", 4.0, 0.8, 0.5, 0.08, (0.0, 1.0), ecg),
    "green, a cursor": ("cursor", "green", 2.0, 0.7, 0.73, 0.08, (0.2, 0.8), ecg),
    "white, slow, a cursor": ("cursor", "white", 6.0, 0.9, 0.65, 0.1, (0.0, 1.0), ecg),
    "breathing is renewed": ("sweep", "white", 5.0, 1.7, 0.6, 0.06, (0.0, 1.0), breath),
}


@pytest.fixture(scope="module")
def heart() -> np.ndarray:
    """The luma of all frames of the real loop: uint8 (120, 480, 640)."""
    with open_object(REAL) as source:
        frames = open_frames(source)
        return np.stack([frames.luma(index) for index in range(frames.count)])


def drawn(case: str, shape: tuple[int, int], seconds: np.ndarray) -> tuple[np.ndarray, int]:
    kind, colour, screen, beat, at, high, span, curve = CASES[case]
    return trace(shape, seconds, kind, screen, beat, at, high, span=span, curve=curve), LUMA[colour]


def kept(movie: np.ndarray, times: np.ndarray = FRAMES) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The sector, what of it is kept, and the notes."""
    snapshots = Snapshots.from_frames(movie)
    sector = find_sector(snapshots, None).mask(*movie.shape[1:])
    return sector, *without_traces(sector, snapshots, times.tolist(), FRAMES_A_SECOND)


@pytest.mark.parametrize("quality", [0, 75])
@pytest.mark.parametrize("case", CASES)
def test_a_trace_that_moves_over_tissue_goes_with_its_strip(heart: np.ndarray, case: str, quality: int) -> None:
    marks, luma = drawn(case, heart.shape[1:], SECONDS)
    movie = heart[FRAMES].copy()
    movie[marks] = luma
    sector, mask, notes = kept(coded(movie, quality))
    assert notes == ("trace_removed",)
    over = marks.any(axis=0) & sector
    assert (mask & over).sum() < 0.03 * over.sum()
    rows = np.flatnonzero(marks.any(axis=(0, 2)))
    beyond = sector & ~mask
    beyond[max(0, rows[0] - 12) : rows[-1] + 13] = False
    assert beyond.sum() == 0


@pytest.mark.parametrize("scale", [0.5, 1.6])
@pytest.mark.parametrize("case", ["white scrolls", "cyan is renewed", "green, a cursor"])
def test_on_screens_of_other_sizes(heart: np.ndarray, case: str, scale: float) -> None:
    size = round(640 * scale), round(480 * scale)
    movie = np.stack([np.asarray(Image.fromarray(heart[index]).resize(size)) for index in FRAMES])
    marks, luma = drawn(case, movie.shape[1:], SECONDS)
    movie[marks] = luma
    sector, mask, notes = kept(coded(movie, 90))
    assert notes == ("trace_removed",)
    over = marks.any(axis=0) & sector
    assert (mask & over).sum() < 0.05 * over.sum()


def test_uneven_snapshots_are_shifted_by_their_times(heart: np.ndarray) -> None:
    frames = FRAMES + np.random.default_rng(3).integers(-4, 5, len(FRAMES)).clip(0)
    marks, luma = drawn("white scrolls", heart.shape[1:], frames / 60)
    movie = heart[frames].copy()
    movie[marks] = luma
    sector, mask, _ = kept(movie, frames)
    over = marks.any(axis=0) & sector
    assert (mask & over).sum() < 0.03 * over.sum()


@pytest.mark.parametrize("quality", [0, 75])
@pytest.mark.parametrize("case", ["white scrolls", "cyan is renewed", "green, a cursor", "breathing is renewed"])
def test_over_coarse_bright_speckle(case: str, quality: int) -> None:
    movie = drawn_heart(600, 800).copy()
    marks, luma = drawn(case, (600, 800), np.arange(12) / 6)
    movie[marks] = luma
    sector, mask, notes = kept(coded(movie, quality))
    over = marks.any(axis=0) & sector
    assert notes == ("trace_removed",) and (mask & over).sum() < 0.25 * over.sum()


@pytest.mark.parametrize("quality", [0, 75])
@pytest.mark.parametrize("shape", [(300, 400), (480, 640), (600, 800)])
def test_drawn_hearts_lose_nothing(shape: tuple[int, int], quality: int) -> None:
    assert kept(coded(drawn_heart(*shape), quality))[2] == ()


def structures(kind: str, frames: np.ndarray) -> np.ndarray:
    """Bright tissue that moves with the beat: uint8 (frames, 480, 640), 0 where there is none."""
    movie = []
    for second in frames / 60:
        picture = Image.new("L", (640, 480))
        pen = ImageDraw.Draw(picture)
        beat = np.sin(2 * np.pi * second / 0.8)
        x, y = 310 + 9 * beat, 260 + 14 * np.sin(2 * np.pi * second / 0.8 + 0.5)
        if kind == "valve":
            opening = 30 * max(0.0, beat)
            pen.line((x - 70, y, x - 8, y + opening), 240, 2)
            pen.line((x + 70, y, x + 8, y + opening), 240, 2)
        if kind == "pericardium":
            pen.arc((120 + 9 * beat, 60, 520 + 9 * beat, 400 + 8 * beat), 20, 160, 250, 4)
        if kind == "calcification":
            for offset in range(-120, 121, 24):
                pen.ellipse((x + offset, y - 3, x + offset + 9, y + 3), fill=255)
        if kind == "annulus":
            pen.line((x - 150, y + 40, x + 150, y + 40 + 5 * beat), 255, 2)
        if kind == "lead":
            points = [(x - 150 + 10 * step, y + 20 * np.sin(step / 4 + 0.6 * beat)) for step in range(31)]
            pen.line(points, 255, 2)
        if kind == "drift":
            pen.line([(200 + 4 * second + 10 * step, y + 6 * np.sin(step)) for step in range(25)], 255, 2)
        movie.append(np.asarray(picture))
    return np.stack(movie)


@pytest.mark.parametrize("quality", [0, 75])
@pytest.mark.parametrize("kind", ["valve", "pericardium", "calcification", "annulus", "lead", "drift"])
def test_bright_tissue_that_beats_stays(heart: np.ndarray, kind: str, quality: int) -> None:
    movie = np.maximum(heart[FRAMES], structures(kind, FRAMES))
    sector, mask, notes = kept(coded(movie, quality))
    assert notes == () and (mask == sector).all()


@pytest.mark.parametrize("step", [5, 7, 10])
def test_real_loops_lose_nothing(heart: np.ndarray, step: int) -> None:
    frames = np.arange(0, 120, step)[:12]
    sector, mask, notes = kept(heart[frames], frames)
    assert notes == () and (mask == sector).all()


def test_a_real_loop_that_is_panned_loses_nothing(heart: np.ndarray) -> None:
    movie = np.stack([np.roll(heart[index], 2 * place, axis=1) for place, index in enumerate(FRAMES)])
    _, _, notes = kept(movie)
    assert notes == ()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("grain", [1.0, 2.0])
def test_speckle_that_sways_or_boils_stays(seed: int, grain: float) -> None:
    from scipy import ndimage

    random = np.random.default_rng(seed)
    texture = ndimage.gaussian_filter(random.normal(size=(12, 340, 440)), (seed / 2, grain, 2 * grain))
    texture *= 60 / texture.std()
    frames = [
        ndimage.shift(one if seed % 2 else texture[0], (4 * np.sin(place), 3 * np.cos(place)), order=1)[20:-20, 20:-20]
        for place, one in enumerate(texture)
    ]
    movie = np.clip(100 + np.stack(frames), 0, 255).astype(np.uint8)
    whole = np.ones(movie.shape[1:], bool)
    mask, notes = without_traces(whole, Snapshots.from_frames(movie), FRAMES.tolist(), FRAMES_A_SECOND)
    assert notes == () and mask.all()


@pytest.mark.parametrize("seed", [5, 8, 9, 11])
def test_specks_that_change_in_no_order_make_no_cursor(seed: int) -> None:
    random, lines = np.random.default_rng(seed), np.zeros((10, 60, 640), bool)
    for _ in range(40):
        row, column, moment = random.integers(0, 56), random.integers(0, 620), random.integers(2, 9)
        when = slice(moment, None) if random.random() < 0.5 else slice(0, moment)
        lines[when, row : row + 2, column : column + random.integers(4, 16)] = True
    assert find_cursor(lines, np.arange(10.0), 1 / 6) is None


@pytest.mark.parametrize("between", [1 / 6, 1 / 15])
def test_no_cursor_crosses_a_screen_in_less_than_a_second(between: float) -> None:
    lines = np.zeros((12, 60, 640), bool)
    for index in range(12):
        lines[index, 20:22, : 50 * index] = True
        lines[index, 30:32, 50 * index + 20 :] = True
    cursor = find_cursor(lines, np.arange(12.0), between)
    is_slow = 640 * between >= 50
    assert (cursor is not None) == is_slow, "50 columns from one snapshot to the next"


def test_few_snapshots_leave_all(heart: np.ndarray) -> None:
    marks, luma = drawn("white scrolls", heart.shape[1:], SECONDS[:5])
    movie = heart[FRAMES[:5]].copy()
    movie[marks] = luma
    _, _, notes = kept(movie, FRAMES[:5])
    assert notes == ()


def test_a_strip_that_covers_too_much_is_left_with_a_note(heart: np.ndarray) -> None:
    marks = trace(heart.shape[1:], SECONDS, "scroll", 3.0, 0.8, 0.65, 0.08)
    marks |= trace(heart.shape[1:], SECONDS, "scroll", 3.0, 0.8, 0.45, 0.08, curve=breath)
    movie = heart[FRAMES].copy()
    movie[marks] = 255
    sector, mask, notes = kept(movie)
    assert notes == ("trace_left",) and (mask == sector).all()


@pytest.mark.parametrize("kind", ["scroll", "sweep"])
def test_the_clip_tells_nothing_of_the_rhythm(heart: np.ndarray, kind: str, tmp_path: Path) -> None:
    """Clips of one heart under traces of two rhythms are the same clip."""
    clips = []
    for beat in (0.5, 1.1):
        marks = trace(heart.shape[1:], np.arange(120) / 60, kind, 3.0, beat, 0.68, 0.07)
        movie = heart.copy()
        movie[marks] = 226
        file = EchoFile(movie, JPEG, quality=90, tags={"FrameTime": 1000 / 60})
        path = file.write(tmp_path / "loop.dcm")
        clips.append(read_clip(path, ClipSettings(framing="region")))
        assert "trace_removed" in clips[-1].notes
        with pytest.raises(Rejected, match="trace_removed"):
            read_clip(path, ClipSettings(leave_out=("trace_removed",)))
    one, other = (clip.pixels.astype(int) for clip in clips)
    assert np.abs(one - other).mean() < 0.5 and (np.abs(one - other) > 40).mean() < 0.002


def test_a_coloured_trace_over_tissue_is_no_flow(heart: np.ndarray, tmp_path: Path) -> None:
    """A codec spreads yellow beyond a trace's stroke; what the clip does not show is not searched for colour."""
    marks = trace(heart.shape[1:], SECONDS, "scroll", 3.0, 0.8, 0.7, 0.08)
    rgb = np.repeat(heart[FRAMES][..., None], 3, axis=3)
    rgb[marks] = (255, 255, 0)
    file = EchoFile(rgb, JPEG, "YBR_FULL_422", quality=85, tags={"FrameTime": 10_000 / 60})
    assert "trace_removed" in read_clip(file.write(tmp_path / "loop.dcm")).notes


@pytest.mark.parametrize("crossed", [0, 3, 4, 8, 9, 12])
def test_snapshots_are_looked_at_until_no_band_can_be_crossed(crossed: int) -> None:
    """A line in nine of twelve snapshots is enough, whichever they are."""
    for order in (range(12), range(11, -1, -1)):
        frames = [np.zeros((120, 200), np.uint8) for _ in range(12)]
        for index in list(order)[:crossed]:
            frames[index][50, 20:180] = 255
        found = strips._bands_with_lines(Snapshots.from_frames(frames), slice(0, 120), np.arange(0, 110, 10), 100.0)
        assert np.flatnonzero(found).tolist() == ([4, 5] if crossed >= 9 else [])
