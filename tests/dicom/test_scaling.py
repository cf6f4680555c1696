"""The two resize filters: their laws, and agreement with an independent implementation."""

import numpy as np
import pytest

from echomort.dicom import scaling
from echomort.dicom.header.timing import Resampling
from echomort.dicom.scaling import Placing, Scaler, blend


def scaled(picture: np.ndarray, filter_name: str, height: int, width: int) -> np.ndarray:
    rows, columns = picture.shape
    placing = Placing((0, 0, columns - 1, rows - 1), slice(0, height), slice(0, width))
    return Scaler(placing, np.ones((rows, columns), bool), filter_name)(picture)


def noise(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(rows).integers(0, 256, (rows, columns), dtype=np.uint8)


@pytest.mark.parametrize("filter_name", ["area", "linear"])
@pytest.mark.parametrize("shape", [(384, 512), (436, 600), (561, 777), (109, 150), (50, 60)])
def test_a_flat_picture_stays_flat(filter_name: str, shape: tuple[int, int]) -> None:
    for level in (0, 1, 127, 254, 255):
        assert set(scaled(np.full(shape, level, np.uint8), filter_name, 109, 150).ravel().tolist()) == {level}


@pytest.mark.parametrize("filter_name", ["area", "linear"])
def test_the_same_size_changes_nothing(filter_name: str) -> None:
    picture = noise(109, 150)
    np.testing.assert_array_equal(scaled(picture, filter_name, 109, 150), picture)


def test_area_is_the_mean_of_each_block() -> None:
    picture = noise(436, 600)
    expected = picture.reshape(109, 4, 150, 4).mean(axis=(1, 3))
    assert np.abs(scaled(picture, "area", 109, 150) - expected).max() <= 0.501


@pytest.mark.parametrize("shape", [(384, 512), (561, 777), (600, 800), (101, 203)])
def test_area_is_the_integral_over_each_new_pixel(shape: tuple[int, int]) -> None:
    """Against differences of the summed-area table, interpolated at the edges between pixels."""
    picture = noise(*shape)
    table = np.pad(picture.astype(float), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    rows, columns = np.linspace(0, shape[0], 55), np.linspace(0, shape[1], 76)
    table = np.stack([np.interp(columns, np.arange(shape[1] + 1), row) for row in table])
    table = np.stack([np.interp(rows, np.arange(shape[0] + 1), column) for column in table.T], axis=1)
    area = (shape[0] / 54) * (shape[1] / 75)
    expected = np.diff(np.diff(table, axis=0), axis=1) / area
    assert np.abs(scaled(picture, "area", 54, 75) - expected).max() < 0.51


def test_linear_takes_the_nearest_four() -> None:
    """cv2.INTER_LINEAR of 0, 100, 200, 300-like ramps: sample k is at (k + 0.5) * scale - 0.5."""
    ramp = np.tile(np.arange(0, 240, 2, dtype=np.uint8), (8, 1))
    expected = np.clip((np.arange(48) + 0.5) * 2.5 - 0.5, 0, 119) * 2
    np.testing.assert_allclose(scaled(ramp, "linear", 8, 48)[0], expected, atol=0.51)


def test_what_lies_outside_the_mask_never_bleeds_in() -> None:
    picture = np.full((436, 600), 255, np.uint8)
    mask = np.zeros((436, 600), bool)
    mask[100:300, 200:400] = True
    placing = Placing.fit((0, 0, 599, 435), 1.0, (109, 150))
    scaler = Scaler(placing, mask, "area")
    assert not scaler(picture)[~scaler.covered].any()


@pytest.mark.parametrize(
    ("region", "aspect", "rows", "columns"),
    [
        ((0, 0, 599, 435), 1.0, 109, 150),
        ((0, 0, 435, 435), 1.0, 109, 109),
        ((0, 0, 799, 399), 1.0, 75, 150),
        ((0, 0, 299, 435), 0.5, 109, 150),
    ],
)
def test_aspect_is_kept_and_the_picture_centred(
    region: tuple[int, int, int, int], aspect: float, rows: int, columns: int
) -> None:
    placing = Placing.fit(region, aspect, (109, 150))
    assert (placing.rows.stop - placing.rows.start, placing.columns.stop - placing.columns.start) == (rows, columns)
    assert placing.rows.start == (109 - rows) // 2 and placing.columns.start == (150 - columns) // 2


def masks(rows: int, columns: int) -> list[np.ndarray]:
    """A sector, a sector with a hole and an empty row, nothing, everything."""
    down, along = np.mgrid[:rows, :columns]
    sector = np.abs(along - columns / 2) < 0.7 * down
    holed = sector.copy()
    holed[rows // 2] = False
    holed[rows // 3 : rows // 3 + 5, columns // 2 :] = False
    return [sector, holed, np.zeros((rows, columns), bool), np.ones((rows, columns), bool)]


@pytest.mark.skipif(scaling.compiled is None, reason="installed without a C compiler: there is one way only")
@pytest.mark.parametrize("filter_name", ["area", "linear"])
@pytest.mark.parametrize("shape", [(600, 800), (480, 640), (300, 400), (109, 150), (61, 97), (1080, 1920)])
def test_the_compiled_loop_makes_the_same_bytes(
    filter_name: str, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, (rows, columns) = noise(*shape), shape
    placing = Placing.fit((7, 5, columns - 4, rows - 3), 1.1, (109, 150))
    for mask in masks(rows, columns):
        loop = Scaler(placing, mask, filter_name)
        with monkeypatch.context() as without:
            without.setattr(scaling, "compiled", None)
            products = Scaler(placing, mask, filter_name)
        np.testing.assert_array_equal(loop(picture), products(picture))
        np.testing.assert_array_equal(loop.covered, products.covered)


@pytest.mark.skipif(scaling.compiled is None, reason="installed without a C compiler: there is one way only")
def test_the_compiled_blend_makes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = {index: noise(61, 97) for index in range(3)} | {3: np.full((61, 97), 255, np.uint8)}
    plan = Resampling(np.array([0, 1, 2, 3, 3]), np.array([1, 2, 3, 3, 0]), np.array([0.0, 1 / 3, 0.999999, 0.5, 0.7]))
    loop = blend(frames, plan)
    monkeypatch.setattr(scaling, "compiled", None)
    np.testing.assert_array_equal(loop, blend(frames, plan))


@pytest.mark.skipif(scaling.compiled is None, reason="installed without a C compiler")
def test_the_compiled_loop_refuses_shapes_that_do_not_fit() -> None:
    scale = Scaler(Placing((0, 0, 39, 29), slice(0, 15), slice(0, 20)), np.ones((30, 40), bool), "area")
    with pytest.raises(ValueError, match="shapes"):
        scale(np.zeros((20, 40), np.uint8))
    with pytest.raises(ValueError, match="shapes"):
        scale(np.zeros((30, 39), np.uint8))
