"""The declared regions are judged by the picture: boxes of another image, whole screens, traces of an earlier mode."""

from pathlib import Path

import numpy as np
import pytest
from echo_files import JPEG, EchoFile, cone_of, region, regions, sector_movie, with_overlays

from echomort.dicom import Clip, Reason, Rejected, read_clip
from echomort.dicom.tissue.sector import Sector
from echomort.settings import ClipSettings

ROWS, COLUMNS = 300, 400
MOVIE = with_overlays(sector_movie(12, ROWS, COLUMNS))
CONE = cone_of(ROWS, COLUMNS).mask(ROWS, COLUMNS)
RIGHT = region(20, 10, 379, 280)


def read(
    tmp_path: Path, *declared: object, movie: np.ndarray = MOVIE, framing: str = "sector", **fields: object
) -> Clip:
    tags = {"SequenceOfUltrasoundRegions": regions(*declared) if declared else None}
    path = EchoFile(movie, tags=tags, **fields).write(tmp_path / "loop.dcm")  # type: ignore[arg-type]
    return read_clip(path, ClipSettings(framing=framing))  # type: ignore[arg-type]


def reason(tmp_path: Path, *declared: object, movie: np.ndarray = MOVIE) -> Reason:
    with pytest.raises(Rejected) as rejected:
        read(tmp_path, *declared, movie=movie)
    return rejected.value.reason


def share_kept(clip: Clip) -> float:
    """Share of the true cone inside the clip's region."""
    x0, y0, x1, y1 = clip.region
    return float(CONE[y0 : y1 + 1, x0 : x1 + 1].sum() / CONE.sum())


@pytest.mark.parametrize("framing", ["sector", "region"])
@pytest.mark.parametrize("syntax", ["native", "jpeg"])
@pytest.mark.parametrize(
    "wrong",
    [
        region(10, 5, 189, 140),  # half resolution
        region(13, 7, 253, 187),  # two thirds
        region(10, 20, 280, 379),  # x and y exchanged
        region(90, 60, 270, 210),  # sizes in place of the far corner
        region(200, 10, 379, 280),  # the right half
        region(20, 150, 379, 280),  # the lower half
        region(0, 0, 399, 60),  # a bar above
    ],
    ids=["half", "two_thirds", "exchanged", "sizes", "right", "lower", "above"],
)
def test_a_box_that_cuts_the_tissue_is_refused(wrong: object, syntax: str, framing: str, tmp_path: Path) -> None:
    fields = {"syntax": JPEG, "quality": 90} if syntax == "jpeg" else {}
    clip = read(tmp_path, wrong, framing=framing, **fields)
    assert "region_refused" in clip.notes
    assert share_kept(clip) > 0.98


@pytest.mark.parametrize("box", [(20, 10, 379, 280), (0, 0, 399, 299), (40, 14, 360, 270), (48, 18, 336, 262)])
def test_a_box_that_holds_the_tissue_is_believed(box: tuple[int, int, int, int], tmp_path: Path) -> None:
    clip = read(tmp_path, region(*box), framing="region")
    assert not {"region_refused", "no_region"} & set(clip.notes)
    assert clip.region == box


def test_scale_does_not_depend_on_the_tag(tmp_path: Path) -> None:
    """The same loop with a tight region, with the whole screen declared, and with none, gives the same clip."""
    clips = [read(tmp_path, *declared) for declared in ((RIGHT,), (region(0, 0, 399, 299),), ())]
    for clip in clips[1:]:
        assert np.abs(np.array(clip.region) - clips[0].region).max() <= 2
        same = np.corrcoef(clip.pixels[:12].ravel(), clips[0].pixels[:12].ravel())[0, 1]
        assert same > 0.97
    by_region = [read(tmp_path, one, framing="region") for one in (RIGHT, region(0, 0, 399, 299))]
    assert by_region[0].sector.sum() > 1.15 * by_region[1].sector.sum()


def test_a_box_for_one_of_two_pictures_is_believed(tmp_path: Path) -> None:
    pair = np.zeros((12, ROWS, 2 * COLUMNS), np.uint8)
    pair[:, :, :COLUMNS] = pair[:, :, COLUMNS:] = sector_movie(12, ROWS, COLUMNS)
    clip = read(tmp_path, region(10, 5, 395, 290), movie=pair, framing="region")
    assert clip.region == (10, 5, 395, 290)


# --- traces -------------------------------------------------------------------------------------------------------


def trace_region(kind: str, *corners: int) -> object:
    spatial = {"spectral": 3, "m_mode": 2}[kind]
    return region(*corners, RegionSpatialFormat=spatial, RegionDataType=3 if spatial == 3 else 1)


REASONS = {"spectral": Reason.SPECTRAL_DOPPLER, "m_mode": Reason.M_MODE}


@pytest.mark.parametrize("kind", ["spectral", "m_mode"])
@pytest.mark.parametrize(
    "stale",
    [
        (300, 200, 310, 210),  # a few pixels
        (0, 0, 0, 0),
        (20, 180, 379, 280),  # over the lower part of the live picture
        (20, 10, 379, 280),  # the live picture's own box
        (0, 0, 399, 299),  # the whole screen
        (2000, 1500, 2600, 1900),  # of another image
        (280, 20, 395, 130),  # black
    ],
)
def test_a_trace_region_that_shows_no_trace_does_not_reject(
    stale: tuple[int, int, int, int], kind: str, tmp_path: Path
) -> None:
    clip = read(tmp_path, RIGHT, trace_region(kind, *stale))
    outline = Sector(clip.outline, True).mask(ROWS, COLUMNS)
    assert (outline & CONE).sum() > 0.9 * (outline | CONE).sum()


def duplex(kind: str, way: str) -> np.ndarray:
    """A live sector above a trace: swept, scrolling or frozen."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:110, :1200]
    if kind == "m_mode":
        long = np.clip((110 + 80 * np.sin((y + 8 * np.sin(x / 12)) / 5)) * random.rayleigh(0.5, y.shape) + 40, 0, 255)
    else:
        envelope = 95 - 75 * np.abs(np.sin(x / 20))
        long = np.where((y > envelope) & (y < 95), np.clip(150 * random.rayleigh(0.6, y.shape), 0, 255), 0)
    movie = np.zeros((24, ROWS, COLUMNS), np.uint8)
    movie[:, :150, 100:300] = sector_movie(24, 150, 200)
    for index in range(24):
        at = 9 * index
        swept = np.concatenate([long[:, 400 : 400 + at], long[:, at:360]], axis=1)
        movie[index, 170:280, 20:380] = {"swept": swept, "scrolling": long[:, at : at + 360], "frozen": long[:, :360]}[
            way
        ]
    return movie


@pytest.mark.parametrize("kind", ["spectral", "m_mode"])
@pytest.mark.parametrize("way", ["swept", "scrolling", "frozen"])
def test_a_declared_trace_that_is_drawn_rejects(kind: str, way: str, tmp_path: Path) -> None:
    both = region(100, 0, 299, 149), trace_region(kind, 20, 170, 379, 279)
    assert reason(tmp_path, *both, movie=duplex(kind, way)) is REASONS[kind]


@pytest.mark.parametrize("kind", ["spectral", "m_mode"])
def test_a_declared_trace_alone_rejects_by_the_header(kind: str, tmp_path: Path) -> None:
    from echomort.dicom import read_header

    alone = regions(trace_region(kind, 20, 170, 379, 279))
    path = EchoFile(MOVIE, tags={"SequenceOfUltrasoundRegions": alone}).write(tmp_path / "loop.dcm")
    with pytest.raises(Rejected) as rejected:
        read_header(path)
    assert rejected.value.reason is REASONS[kind]


@pytest.mark.parametrize("kind", ["spectral", "m_mode"])
def test_a_frozen_sector_beside_a_declared_trace_is_that_trace(kind: str, tmp_path: Path) -> None:
    frozen = np.repeat(MOVIE[:1], 12, axis=0)
    assert reason(tmp_path, RIGHT, trace_region(kind, 20, 180, 379, 280), movie=frozen) is REASONS[kind]


# --- what is noted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("turn", ["up", "down"])
def test_an_apex_below_is_noted(turn: str, declared: bool, tmp_path: Path) -> None:
    movie = sector_movie(12, ROWS, COLUMNS)[:, :: 1 if turn == "up" else -1]
    clip = read(tmp_path, *([region(0, 0, 399, 299)] if declared else []), movie=np.ascontiguousarray(movie))
    assert ("apex_below" in clip.notes) == (turn == "down")


@pytest.mark.parametrize("syntax", ["native", "jpeg"])
def test_the_rectangle_of_a_linear_probe_is_noted(syntax: str, tmp_path: Path) -> None:
    y, x = np.mgrid[:ROWS, :COLUMNS]
    inside = (y > 30) & (y < 270) & (x > 90) & (x < 310)
    layers = 70 + 50 * np.sin(y / 15)
    speckle = np.random.default_rng(0).rayleigh(0.8, MOVIE.shape)
    movie = np.where(inside, (layers * speckle).clip(0, 255), 0).astype(np.uint8)
    fields = {"syntax": JPEG, "quality": 90} if syntax == "jpeg" else {}
    assert "not_a_cone" in read(tmp_path, movie=movie, **fields).notes
    assert "not_a_cone" not in read(tmp_path, **fields).notes
