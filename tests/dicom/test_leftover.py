"""No clip holds a line of letters beside tissue: drawn names in any place, size, noise and codec; and the check that
says so finds a name that is left."""

from importlib import resources
from pathlib import Path

import duckdb
import numpy as np
import pytest
import simplejpeg
from echo_files import EchoFile, cone_of, sector_movie
from PIL import Image, ImageDraw, ImageFont
from pydicom import examples
from scipy import ndimage

from assets.quality import BY_ASSET
from echomort.clips.store import write_study
from echomort.dicom import Clip, Reason, Rejected, read_clip
from echomort.dicom.header.regions import Box
from echomort.dicom.scaling import Placing, Scaler
from echomort.dicom.tissue.graphics import without_graphics
from echomort.dicom.tissue.leftover import count_lines_of_letters
from echomort.dicom.tissue.lettering import without_lettering
from echomort.dicom.tissue.overlays import without_overlays
from echomort.dicom.tissue.sector import find_sector
from echomort.dicom.tissue.snapshots import Snapshots
from echomort.settings import ClipSettings, Settings

SIZES = [(240, 320), (300, 400), (480, 640)]
PLACES = {
    "corner": (0.01, 0.01),
    "upper_right": (0.68, 0.02),
    "beside": (0.01, 0.42),
    "below": (0.35, 0.93),
    "touching_left": (0.12, 0.55),
    "touching_right": (0.72, 0.5),
    "under_the_arc": (0.3, 0.87),
    "at_the_apex": (0.35, 0.0),
}
"""Where names stand, as shares of width and height: in corners, beside the cone within its box, and touching it."""
REAL = {
    "short": Path(str(examples.get_path("ybr_color"))),
    "long": Path(str(resources.files("data_store"))) / "data" / "color3d_jpeg_baseline.dcm",
    "colour": Path(str(resources.files("deid_data"))) / "data" / "ultrasounds" / "ultrasound-multiframe.dcm",
}


def named(rows: int, columns: int, size: int, *places: str, text: str = "DOE^JANE 4711") -> np.ndarray:
    """Where the letters of a name are, bool (rows, columns)."""
    picture = Image.new("L", (columns, rows))
    pen = ImageDraw.Draw(picture)
    pen.fontmode = "1"
    for place in places:
        across, down = PLACES[place]
        pen.text((across * columns, down * rows), text, fill=255, font=ImageFont.load_default(size))
    return np.asarray(picture) > 0


def grabbed(movie: np.ndarray, noise: float, quality: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    noisy = np.clip(movie + random.normal(0, noise, movie.shape), 0, 255).round().astype(np.uint8)
    if not quality:
        return noisy
    coded = [simplejpeg.encode_jpeg(frame[..., None].copy(), quality, "GRAY", "Gray") for frame in noisy]
    return np.stack([simplejpeg.decode_jpeg(frame, "GRAY")[..., 0] for frame in coded])


def screen(seed: int) -> tuple[np.ndarray, np.ndarray, Box | None]:
    """A drawn screen whose kind ``seed`` draws: frames, where letters stand beside the sector, a declared box."""
    random = np.random.default_rng(seed)
    rows, columns = SIZES[random.integers(len(SIZES))]
    places = random.choice(list(PLACES), random.integers(1, 5), replace=False).tolist()
    letters = named(rows, columns, int(random.choice([9, 12, 16, 22])), *places)
    movie = sector_movie(12, rows, columns) * random.choice([0.4, 0.7, 1.0, 1.5]) + random.choice([0, 8, 20])
    movie[:, letters] = random.choice([110, 160, 220, 255])
    noise, quality = random.choice([0, 1, 2, 3, 4, 5, 6]), int(random.choice([0, 95, 80, 60]))
    box = (4, round(0.02 * rows), columns - 5, round(0.97 * rows))
    tissue = ndimage.binary_dilation(cone_of(rows, columns).mask(rows, columns), iterations=max(3, rows // 60))
    declared = [None, (0, 0, columns - 1, rows - 1), box][random.integers(3)]
    return grabbed(movie, float(noise), quality, seed), letters & ~tissue, declared


def kept(movie: np.ndarray, box: Box | None) -> np.ndarray:
    snapshots = Snapshots.from_frames(movie)
    mask = find_sector(snapshots, box).mask(*movie.shape[1:])
    return without_graphics(without_lettering(without_overlays(mask, snapshots), snapshots), snapshots)


def assert_no_letter_is_kept(seed: int) -> None:
    """All but a few pixels (dim letters in strong noise) are blank, or there is no clip."""
    movie, letters, box = screen(seed)
    try:
        mask = kept(movie, box)
    except Rejected as rejected:
        assert rejected.reason is Reason.NO_SECTOR
        return
    assert (mask & letters).sum() <= max(12, 0.02 * letters.sum())


@pytest.mark.parametrize("seed", range(60))
def test_no_letter_beside_the_tissue_is_kept(seed: int) -> None:
    assert_no_letter_is_kept(seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 1500, 50))
def test_no_letter_beside_the_tissue_is_kept_on_500_more(start: int) -> None:
    for seed in range(start, start + 50):
        assert_no_letter_is_kept(seed)


def shrunken(movie: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The clip of ``movie`` that a mask gives."""
    rows, columns = mask.shape
    scale = Scaler(Placing.fit((0, 0, columns - 1, rows - 1), 1.0, (109, 150)), mask, "area")
    return np.stack([scale(frame) for frame in movie])


@pytest.mark.parametrize("quality", [0, 80, 60])
@pytest.mark.parametrize("noise", [0, 3, 6])
@pytest.mark.parametrize("place", ["corner", "upper_right", "below"])
@pytest.mark.parametrize(("shape", "size"), [((300, 400), 14), ((300, 400), 20), ((480, 640), 18), ((240, 320), 14)])
def test_a_name_that_is_left_is_found(
    shape: tuple[int, int], size: int, place: str, noise: float, quality: int
) -> None:
    movie = sector_movie(12, *shape).astype(float)
    movie[:, named(*shape, size, place)] = 220
    frames = grabbed(movie, noise, quality, 0)
    assert count_lines_of_letters(shrunken(frames, np.ones(shape, bool))) > 0
    assert count_lines_of_letters(shrunken(frames, cone_of(*shape).mask(*shape))) == 0


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("settings", [{}, {"framing": "region"}, {"height": 218, "width": 300}, {"resize": "linear"}])
def test_a_real_loop_has_none(name: str, settings: dict[str, object]) -> None:
    clip = read_clip(REAL[name], ClipSettings(colour="keep", **settings))  # type: ignore[arg-type]
    assert count_lines_of_letters(clip.pixels) == 0


def test_an_empty_clip_and_a_clip_of_one_frame_have_none() -> None:
    assert count_lines_of_letters(np.zeros((60, 109, 150), np.uint8)) == 0
    shown = shrunken(sector_movie(12, 300, 400)[:1], cone_of(300, 400).mask(300, 400))
    one = np.concatenate([shown, np.zeros((59, *shown.shape[1:]), np.uint8)])
    assert count_lines_of_letters(one) == 0


def test_a_loop_whose_masks_fail_gives_no_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the whole screen taken for tissue, the letters on it would reject the loop."""
    from echomort.dicom import clip

    movie = sector_movie(12, 300, 400).copy()
    movie[:, named(300, 400, 16, "corner")] = 255
    path = EchoFile(movie).write(tmp_path / "loop.dcm")
    settings = ClipSettings(framing="region")
    assert isinstance(read_clip(path, settings), Clip)
    monkeypatch.setattr(clip, "without_graphics", lambda mask, snapshots: np.ones_like(mask))
    with pytest.raises(Rejected) as rejected:
        read_clip(path, settings)
    assert (rejected.value.reason, rejected.value.detail) == (Reason.NO_SECTOR, "letters")


def page_of_text(rows: int, columns: int, size: int) -> np.ndarray:
    """A page with a name in two lines that the tail of a J joins, where the sector is in the loop."""
    picture = Image.new("L", (columns, rows))
    pen = ImageDraw.Draw(picture)
    pen.text(
        (0.28 * columns, 0.42 * rows), "PATIENT DOE JANE\nBORN 04.03.1975", fill=230, font=ImageFont.load_default(size)
    )
    return np.asarray(picture)


@pytest.mark.parametrize("size", [14, 18])
@pytest.mark.parametrize(("noise", "quality"), [(0, 0), (3, 90)])
@pytest.mark.parametrize("when", [slice(15), slice(44, 60), slice(25, 37)])
def test_a_page_of_text_before_or_after_the_loop_gives_no_clip(
    when: slice, noise: float, quality: int, size: int, tmp_path: Path
) -> None:
    movie = sector_movie(60, 300, 400).copy()
    movie[when] = page_of_text(300, 400, size)
    path = EchoFile(grabbed(movie, noise, quality, 0)).write(tmp_path / "loop.dcm")
    with pytest.raises(Rejected) as rejected:
        read_clip(path)
    assert rejected.value.reason is Reason.NO_SECTOR


@pytest.mark.parametrize("frames", [4, 5, 10, 11, 13])
def test_what_never_stays_in_one_place_is_no_line_however_long_the_loop_is(frames: int) -> None:
    movie = np.zeros((frames, 120, 160), np.uint8)
    strokes = np.zeros(48, np.uint8)
    strokes[::2] = 255
    for number, frame in enumerate(movie):
        frame[4 + 8 * number : 8 + 8 * number, 50:98] = strokes
    assert count_lines_of_letters(movie[:1], by_stretch=True) == 1
    assert count_lines_of_letters(movie, by_stretch=True) == 0
    movie[-5:, 4:8, 100:148] = strokes
    assert count_lines_of_letters(movie, by_stretch=True) == 1, "a page at the end is seen in the last stretch"


@pytest.mark.parametrize("is_left", [False, True])
def test_the_check_of_the_stored_clips_finds_a_name(is_left: bool, tmp_path: Path) -> None:
    """The blocking check asks the files themselves, not what was noted when they were made."""
    movie = sector_movie(12, 300, 400).copy()
    movie[:, named(300, 400, 16, "corner")] = 255
    cone = cone_of(300, 400).mask(300, 400)
    clips = {"a": shrunken(movie, cone), "b": shrunken(movie, np.ones_like(cone) if is_left else cone)}
    write_study(tmp_path / "clips" / "one.safetensors", clips, [{"clip_key": key} for key in clips])
    connection = duckdb.connect()
    connection.execute("CREATE TABLE clip (clip_key VARCHAR, study_key VARCHAR, status VARCHAR, digest VARCHAR)")
    connection.execute("CREATE TABLE ledger (asset VARCHAR, unit VARCHAR, artifact VARCHAR)")
    connection.execute("INSERT INTO clip VALUES ('a', 's', 'accepted', '1'), ('b', 's', 'accepted', '2')")
    connection.execute("INSERT INTO ledger VALUES ('clips', 's', 'clips/one.safetensors')")
    check = next(one for one in BY_ASSET["clips"] if one.spec.name == "no_letters_beside_the_tissue")
    assert check.spec.blocking
    found = check.read(connection)(Settings(home=tmp_path))
    assert (found["rows"], found["offending"], found["passed"]) == (2, int(is_left), not is_left)
