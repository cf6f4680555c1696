"""Tissue that a dark ring or a low gain parts from the heart belongs to the sector; what is drawn does not."""

import numpy as np
import pytest
from drawn_hearts import coded
from echo_files import cone_of, sector_movie

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
