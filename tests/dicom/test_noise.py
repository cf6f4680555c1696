"""Whatever the noise of a grabber, the gain and the codec: the sector is found and no letter beside it is in the clip,
or there is no clip."""

from pathlib import Path

import numpy as np
import pytest
from echo_files import JPEG, Cone, EchoFile, cone_of, region, regions, sector_movie
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from echomort.dicom import Reason, Rejected, lit_outside_sector, read_clip
from echomort.dicom.saved import Unusable, check_tissue
from echomort.dicom.tissue.lettering import without_lettering
from echomort.dicom.tissue.noise import NO_NOISE, is_noise_alone, measure_noise
from echomort.dicom.tissue.overlays import without_overlays
from echomort.dicom.tissue.sector import Sector, find_sector
from echomort.dicom.tissue.snapshots import Snapshots

SIZES = [(300, 400), (600, 800)]


def letters(rows: int, columns: int, size: int = 14) -> np.ndarray:
    """Where a patient's name and numbers stand, beside the sector: bool (rows, columns)."""
    picture = Image.new("L", (columns, rows))
    pen = ImageDraw.Draw(picture)
    pen.fontmode = "1"
    font = ImageFont.load_default(size)
    lines = (("DOE, JANE", 4, 0.02), ("MRN 1234567", 4, 0.1), ("HR 72", columns - 56, 0.1), ("16 CM", 4, 0.93))
    for line, left, top in lines:
        pen.text((left, round(top * rows)), line, fill=255, font=font)
    return np.asarray(picture) > 0


def screen(
    noise: float, quality: int, gain: float, ground: float, shape: tuple[int, int] = SIZES[0], seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A drawn screen with letters, grabbed with noise, and where its letters are."""
    import simplejpeg

    movie = sector_movie(12, *shape).astype(float) * gain
    written = letters(*shape)
    movie[:, written] = 220
    random = np.random.default_rng(seed)
    grabbed = np.clip(movie + ground + random.normal(0, noise, movie.shape), 0, 255).round().astype(np.uint8)
    if quality:
        coded = [simplejpeg.encode_jpeg(frame[..., None].copy(), quality, "GRAY", "Gray") for frame in grabbed]
        grabbed = np.stack([simplejpeg.decode_jpeg(frame, "GRAY")[..., 0] for frame in coded])
    return grabbed, written


def masks(movie: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sector, and what is kept of it."""
    snapshots = Snapshots.from_frames(movie)
    sector = find_sector(snapshots, None).mask(*movie.shape[1:])
    return sector, without_lettering(without_overlays(sector, snapshots), snapshots)


@pytest.mark.parametrize("ground", [0, 20])
@pytest.mark.parametrize("gain", [0.4, 1.0])
@pytest.mark.parametrize("quality", [0, 90, 60])
@pytest.mark.parametrize("noise", [0, 1, 1.5, 2, 3, 4])
@pytest.mark.parametrize("shape", SIZES)
def test_no_letter_beside_the_sector_is_kept(
    shape: tuple[int, int], noise: float, quality: int, gain: float, ground: float
) -> None:
    movie, written = screen(noise, quality, gain, ground, shape)
    try:
        _, kept = masks(movie)
    except Rejected as rejected:
        assert rejected.reason is Reason.NO_SECTOR
        return
    assert not (kept & written).any()


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("quality", [0, 95, 90])
@pytest.mark.parametrize("noise", [2, 2.5, 3, 4])
@pytest.mark.parametrize("shape", SIZES)
def test_the_sector_is_found_under_noise_and_hardly_cut(
    shape: tuple[int, int], noise: float, quality: int, gain: float
) -> None:
    truth = cone_of(*shape).mask(*shape)
    sector, kept = masks(screen(noise, quality, gain, 0, shape)[0])
    assert (sector & truth).sum() > 0.9 * (sector | truth).sum()
    assert (truth & ~kept).sum() < 0.03 * truth.sum()


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("syntax", ["native", "jpeg"])
@pytest.mark.parametrize("noise", [2, 3])
def test_a_clip_of_a_noisy_loop_holds_its_sector_alone(
    noise: float, syntax: str, declared: bool, tmp_path: Path
) -> None:
    movie, written = screen(noise, 0, 1, 0)
    tags = {"SequenceOfUltrasoundRegions": regions(region(4, 10, 395, 290)) if declared else None}
    fields = {"syntax": JPEG, "quality": 90} if syntax == "jpeg" else {}
    clip = read_clip(EchoFile(movie, tags=tags, **fields).write(tmp_path / "loop.dcm"))
    sector = Sector(clip.outline, True).mask(*movie.shape[1:])
    truth = cone_of(*SIZES[0]).mask(*SIZES[0])
    assert (sector & truth).sum() > 0.9 * (sector | truth).sum()
    assert not (sector & written).any() and lit_outside_sector(clip) == 0


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("quality", [0, 90, 60])
@pytest.mark.parametrize("noise", [1, 2, 3, 5])
def test_a_screen_of_letters_without_a_sector_gives_no_clip(noise: float, quality: int, shape: tuple[int, int]) -> None:
    movie, _ = screen(noise, quality, 0, 10, shape)
    with pytest.raises(Rejected) as rejected:
        find_sector(Snapshots.from_frames(movie), None)
    assert rejected.value.reason in {Reason.NO_SECTOR, Reason.STILL}


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("noise", [2.0, 3.0, 4.0])
def test_noise_is_measured(noise: float, shape: tuple[int, int]) -> None:
    """The range of 12 normal values is 3.26 standard deviations on average."""
    found = measure_noise(screen(noise, 0, 1, 20, shape)[0])
    assert found.dark == pytest.approx(3.26 * noise, rel=0.1) and found.dark == found.lit
    clipped = measure_noise(screen(noise, 0, 1, 0, shape)[0])
    assert clipped.lit == pytest.approx(3.26 * noise, rel=0.15) and clipped.dark == clipped.lit / 2


@pytest.mark.parametrize("gain", [0.35, 0.6, 1.0])
@pytest.mark.parametrize("quality", [0, 90])
def test_the_speckle_of_a_rectangle_is_no_noise(quality: int, gain: float) -> None:
    """Dark tissue that fills its box changes everywhere alike, yet neighbours change together; nothing of it is cut."""
    import simplejpeg
    from scipy import ndimage

    random, inside = np.random.default_rng(0), np.zeros((300, 400), bool)
    inside[40:260, 100:300] = True
    speckle = ndimage.gaussian_filter(random.normal(size=(2, 12, 300, 400)), (0, 1, 1.8, 3.5))
    envelope = np.hypot(*speckle) / np.hypot(*speckle).mean()
    bright = np.where(np.abs(np.arange(400) - 200) < 30, 140, 30)
    movie = np.where(inside, np.clip(gain * bright * envelope, 0, 255), 0).astype(np.uint8)
    if quality:
        coded = [simplejpeg.encode_jpeg(frame[..., None].copy(), quality, "GRAY", "Gray") for frame in movie]
        movie = np.stack([simplejpeg.decode_jpeg(frame, "GRAY")[..., 0] for frame in coded])
    assert measure_noise(movie) == NO_NOISE
    sector, kept = masks(movie)
    assert (sector & inside).sum() > 0.95 * inside.sum()
    assert movie.mean(axis=0)[sector & ~kept].sum() < 0.01 * movie.mean(axis=0)[sector].sum()


@pytest.mark.parametrize("quality", [0, 95, 75])
@pytest.mark.parametrize("kind", ["cone", "wide", "rectangle"])
def test_a_clean_loop_has_no_noise(kind: str, quality: int) -> None:
    movie = screen(0, quality, 1, 0)[0]
    if kind == "wide":
        wide = Cone(200, 10, 1.2, 270).mask(300, 400)
        movie = np.where(wide, np.random.default_rng(0).integers(20, 200, movie.shape), 0).astype(np.uint8)
    if kind == "rectangle":
        movie = np.random.default_rng(0).rayleigh(60, movie.shape).clip(0, 255).astype(np.uint8)
    assert measure_noise(movie) == NO_NOISE


def test_tissue_that_fills_the_picture_proves_itself() -> None:
    movie = np.random.default_rng(0).rayleigh(60, (12, 300, 400)).clip(0, 255).astype(np.uint8)
    assert find_sector(Snapshots.from_frames(movie), None).mask(300, 400).mean() > 0.95


def noise_alone(kind: str, shape: tuple[int, int, int]) -> np.ndarray:
    """Noise that fills the picture: white, dim, or blurred."""
    random = np.random.default_rng(3)
    if kind == "blurred":
        smooth = ndimage.gaussian_filter(random.normal(size=shape), (0, shape[1] / 55, shape[1] / 55))
        return np.asarray((120 + 60 * smooth / smooth.std()).clip(0, 255).astype(np.uint8))
    movie = random.integers(0, 256, shape, dtype=np.uint8)
    return np.asarray(movie // 4) if kind == "dim" else movie


@pytest.mark.filterwarnings("error")
def test_a_sector_without_an_inside_tells_nothing() -> None:
    line = np.zeros((5, 5), bool)
    line[2] = True
    assert not is_noise_alone(np.random.default_rng(3).integers(0, 256, (4, 5, 5), np.uint8), line)


@pytest.mark.parametrize("shape", [(60, 109, 150), (30, 27, 37), (3, 109, 150)])
@pytest.mark.parametrize("where", ["cone", "everywhere"])
@pytest.mark.parametrize("kind", ["white", "dim", "blurred"])
def test_noise_alone_is_no_tissue_to_score(kind: str, where: str, shape: tuple[int, int, int]) -> None:
    movie = noise_alone(kind, shape)
    if where == "cone":
        movie = np.where(cone_of(*shape[1:]).mask(*shape[1:]), movie, 0).astype(np.uint8)
    with pytest.raises(Unusable) as refused:
        check_tissue(movie)
    assert refused.value.reason == "no_sector"
