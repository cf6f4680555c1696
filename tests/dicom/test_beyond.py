"""Tissue that a dark ring or a low gain parts from the heart belongs to the sector; what is drawn does not."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from drawn_hearts import coded
from echo_files import cone_of, sector_movie
from scipy import ndimage

from echomort.dicom.frames.open import open_frames
from echomort.dicom.header.parsing import open_object
from echomort.dicom.tissue.overlays import without_overlays
from echomort.dicom.tissue.sector import find_sector
from echomort.dicom.tissue.snapshots import Snapshots

ROWS, COLUMNS = 300, 400
MOVIE = sector_movie(12, ROWS, COLUMNS)
CONE = cone_of(ROWS, COLUMNS).mask(ROWS, COLUMNS)
Y, X = np.mgrid[:ROWS, :COLUMNS]


def overlap(movie: np.ndarray, quality: int) -> float:
    found = find_sector(Snapshots.from_frames(coded(movie.astype(np.uint8), quality)), None).mask(ROWS, COLUMNS)
    return float((found & CONE).sum() / (found | CONE).sum())


@pytest.mark.parametrize("quality", [0, 75])
@pytest.mark.parametrize(("inner", "outer"), [(0.9, 1.15), (0.8, 1.3)], ids=["thin", "wide"])
@pytest.mark.parametrize("left", [0.0, 0.03])
def test_a_dark_ring_round_the_heart_does_not_cut_the_sector(
    inner: float, outer: float, left: float, quality: int
) -> None:
    """A pericardial effusion: what lies beyond it, near the probe and at the far end, is tissue."""
    away = np.hypot((X - 192) / 80, (Y - 160) / 70)
    ring = (away > inner) & (away < outer)
    assert overlap(np.where(ring, MOVIE * left, MOVIE), quality) > (0.85 if quality else 0.95)


@pytest.mark.parametrize("gain", [0.06, 0.12, 0.2])
@pytest.mark.parametrize("quality", [0, 75])
def test_a_very_low_gain_does_not_cut_the_sector(gain: float, quality: int) -> None:
    """Both edges of the sector are three times as dark as its middle."""
    turn = np.abs(np.arctan2(X - 192, Y - 18))
    assert overlap(MOVIE * gain * np.where(turn < 0.35, 1, 0.35), quality) > (0.75 if quality and gain < 0.1 else 0.88)


def test_what_is_bright_beside_a_dim_sector_is_no_tissue() -> None:
    """A clock that runs beside a loop of very low gain."""
    movie = MOVIE * 0.12 * np.where(np.abs(np.arctan2(X - 192, Y - 18)) < 0.35, 1, 0.35)
    movie[::2, 20:44, 300:390:2] = 220
    assert overlap(movie, 0) > 0.9


def test_thin_lines_that_move_beside_a_dim_sector_are_no_tissue() -> None:
    """Beside a loop of very low gain nothing moves clearly but lines."""
    movie = MOVIE * 0.05
    for index in range(12):
        movie[index, 4 + 3 * index :: 36, np.r_[:90, 290:400]] = 220
    assert overlap(movie, 0) > 0.7


@pytest.fixture(scope="module")
def real() -> tuple[np.ndarray, np.ndarray]:
    """Twelve frames of the real loop of pydicom-data, uint8 (12, 480, 640), and its sector."""
    with open_object(
        Path(str(resources.files("data_store"))) / "data" / "color3d_jpeg_baseline.dcm", 1 << 28
    ) as source:
        frames = open_frames(source)
        movie = np.stack([frames.luma(index) for index in range(0, 120, 10)])
    return movie, find_sector(Snapshots.from_frames(movie), None).mask(480, 640)


@pytest.mark.parametrize("quality", [0, 80])
@pytest.mark.parametrize("kind", ["thin_ring", "wide_ring", "low_gain"])
def test_a_real_loop_with_a_dark_ring_or_little_gain_keeps_its_tissue(
    real: tuple[np.ndarray, np.ndarray], kind: str, quality: int
) -> None:
    movie, truth = real
    y, x = np.mgrid[:480, :640]
    away = np.hypot((x - 342) / 155, (y - 243) / 122)
    outer = {"thin_ring": 1.2, "wide_ring": 1.35}
    changed = movie * 0.2 if kind == "low_gain" else np.where((away > 1) & (away < outer[kind]), 0, movie)
    found = find_sector(Snapshots.from_frames(coded(changed.astype(np.uint8), quality)), None).mask(480, 640)
    assert (found & truth).sum() > 0.98 * truth.sum()
    assert (found & ~truth).sum() < 0.1 * truth.sum()


@pytest.mark.parametrize("left", [560, 582, 600])
def test_a_picture_that_moves_beside_the_sector_is_no_part_of_it(
    real: tuple[np.ndarray, np.ndarray], left: int
) -> None:
    """A codec spreads motion about its way as far as the sector's dark corner."""
    movie, truth = real[0].copy(), real[1]
    for index, frame in enumerate(movie):
        frame[205 + 12 * index : 220 + 12 * index, left : left + 40] = 200
    found = find_sector(Snapshots.from_frames(coded(movie, 80)), None).mask(480, 640)
    assert (found & ~truth).sum() < 0.03 * truth.sum()


def test_a_dim_picture_beside_a_bright_one_is_not_taken_in(real: tuple[np.ndarray, np.ndarray]) -> None:
    bright = sector_movie(12, 240, 320)
    movie = np.concatenate([bright, (real[0][:, ::2, ::2] * 0.15).astype(np.uint8)], axis=2)
    found = find_sector(Snapshots.from_frames(movie), None).mask(240, 640)
    assert found[:, :320].any() and not found[:, 320:].any()


def test_a_clock_that_runs_at_the_edge_of_the_sector_goes_and_tissue_stays() -> None:
    movie = coded(MOVIE, 85).copy()
    wide = ndimage.binary_dilation(CONE, iterations=8)
    for index in range(12):
        for column in range(60, 84, 8):
            movie[index, 110:122, column + (index + column) % 3 : column + 5] = 235
    digits = np.zeros_like(CONE)
    digits[110:122, 60:85] = True
    kept = without_overlays(wide, Snapshots.from_frames(movie))
    assert not (kept & digits).any()
    assert (CONE & ~kept).sum() < 0.003 * CONE.sum()
