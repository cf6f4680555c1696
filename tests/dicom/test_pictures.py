"""The compiled loops over pictures, and what does the same without them: equal to scipy, and to each other."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import ConvexHull

from echomort.dicom.tissue import flow, morphology, noise, outline


@pytest.mark.parametrize("loop", [morphology.compiled, None], ids=["compiled", "NumPy"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (61, 83)])
@pytest.mark.parametrize("side", [1, 3, 7, 9])
def test_minimum_and_maximum_are_those_of_scipy(
    shape: tuple[int, int], side: int, loop: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(morphology, "compiled", loop)
    picture = np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)
    assert (morphology.minimum(picture, side) == ndimage.minimum_filter(picture, side, mode="nearest")).all()
    assert (morphology.maximum(picture, side) == ndimage.maximum_filter(picture, side, mode="nearest")).all()


@pytest.mark.parametrize("loop", [morphology.compiled, None], ids=["compiled", "Python"])
@pytest.mark.parametrize("shape", ["any", "cone", "box", "disc", "crossed"])
def test_the_hull_of_rows_is_that_of_scipy(shape: str, loop: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "compiled", loop)
    random = np.random.default_rng(6)
    for count in (1, 2, 30, 90):
        rows = np.sort(random.choice(200, count, replace=False)) if shape == "any" else np.arange(7, 7 + count)
        half = {"any": random.integers(0, 60, count), "box": np.full(count, 20)}.get(shape, 0.7 * (rows - 7))
        if shape == "disc":
            half = 40 * np.sin(np.linspace(0.1, 3, count))
        starts, ends = (100 - half).astype(int), (100 + half).astype(int)
        if shape == "crossed":  # a trimmed side may cross the other at the apex
            starts, ends = np.maximum(starts, 102.3 - 0.6 * (rows - 7)), ends - 1.5
        edges = ((end, down) for end in (starts - 0.5, ends + 0.5) for down in (-0.5, 0.5))
        corners = np.concatenate([np.stack([end, rows + down], axis=1) for end, down in edges])
        expected = corners[ConvexHull(corners).vertices]
        hull = outline._hull(rows, starts, ends)
        np.testing.assert_allclose(np.array(sorted(hull.tolist())), np.array(sorted(expected.tolist())), rtol=1e-12)
        x, y = hull.T
        assert np.dot(x, np.roll(y, -1)) > np.dot(y, np.roll(x, -1)), "the hull goes round as scipy's does"


@pytest.mark.parametrize("loop", [morphology.compiled, None], ids=["compiled", "NumPy"])
@pytest.mark.parametrize("share", [0, 0.02, 0.7, 1])
def test_the_ends_of_rows(share: float, loop: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "compiled", loop)
    for shape in ((1, 1), (1, 9), (61, 83)):
        mask = np.random.default_rng(15).random(shape) < share
        expected = [(row, lit[0], lit[-1]) for row, line in enumerate(mask) if len(lit := np.flatnonzero(line))]
        assert list(zip(*outline._row_ends(mask), strict=True)) == expected
        assert len(outline._row_ends(mask[::-1])[0]) == len(expected)


@pytest.mark.parametrize("loop", [morphology.compiled, None], ids=["compiled", "NumPy"])
@pytest.mark.parametrize("share", [0, 0.02, 0.7, 1])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (61, 83)])
def test_the_pixels_of_each_label_are_counted(
    shape: tuple[int, int], share: float, loop: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(morphology, "compiled", loop)
    random = np.random.default_rng(8)
    labels = np.repeat(random.integers(0, 6, shape), 3, axis=1).astype(np.int32)
    mask = random.random(labels.shape) < share
    expected = [np.count_nonzero(mask & (labels == label)) for label in range(8)]
    assert morphology.count_by_label(labels, mask, 7).tolist() == expected
    box = slice(None), slice(1, -1)
    assert morphology.count_by_label(labels[box], mask[box], 7).sum() == np.count_nonzero(mask[box])


@pytest.mark.parametrize("loop", [morphology.compiled, None], ids=["compiled", "SciPy"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (61, 83)])
@pytest.mark.parametrize("share", [0.01, 0.3, 1])
def test_the_boxes_of_labels_are_those_of_scipy(
    shape: tuple[int, int], share: float, loop: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(morphology, "compiled", loop)
    mask = np.random.default_rng(12).random(shape) < share
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    expected = [[d.start, d.stop, a.start, a.stop] for d, a in ndimage.find_objects(labels)]
    assert morphology.boxes_of(labels, count).tolist() == expected


@pytest.mark.parametrize("loop", [morphology.compiled, None], ids=["compiled", "NumPy"])
@pytest.mark.parametrize("shape", [(1, 1), (61, 83), (3, 2500)])
@pytest.mark.parametrize("count", [1, 2, 12, 90])
def test_the_extremes_of_frames_and_what_stands_still(
    count: int, shape: tuple[int, int], loop: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(morphology, "compiled", loop)
    random = np.random.default_rng(13)
    frames = (random.integers(130, 200, shape) + random.integers(0, 50, (count, *shape))).astype(np.uint8)
    frames[:, 0, 0], mask = np.arange(count) % 2 * 255, random.random(shape) < 0.7
    darkest, brightest = morphology.extremes_of(frames)
    np.testing.assert_array_equal(darkest, frames.min(axis=0))
    np.testing.assert_array_equal(brightest, frames.max(axis=0))
    still, counts = morphology.find_still(frames, mask, 140, 40)
    np.testing.assert_array_equal(still, mask & (darkest >= 140) & (brightest - darkest.astype(int) <= 40))
    assert counts.tolist() == still.sum(axis=1).tolist()
    turned, _ = morphology.find_still(frames.swapaxes(1, 2), np.ascontiguousarray(mask.T), 140, 40)
    np.testing.assert_array_equal(turned.T, still)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_pixels_are_counted_along_an_axis(axis: int) -> None:
    mask = np.random.default_rng(16).random((300, 700)) < 0.9
    for each in (mask, mask[::3, ::-2], mask.T):
        assert morphology.count_along(each, axis).tolist() == np.count_nonzero(each, axis=axis).tolist()


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_medians_are_those_of_numpy(count: int) -> None:
    values = np.random.default_rng(14).integers(0, 256, (3, count)).astype(np.uint8)
    assert morphology.medians_of(values).tolist() == np.median(values, axis=1).tolist()


@pytest.mark.parametrize("shape", [(5, 6), (61, 83)])
def test_the_mean_over_a_neighbourhood_is_that_of_scipy(shape: tuple[int, int]) -> None:
    motion = np.random.default_rng(9).integers(0, 256, shape).astype(np.uint8)
    expected = ndimage.uniform_filter(motion.astype(float), noise.NEIGHBOURHOOD)
    np.testing.assert_allclose(noise._sums(motion) / noise.NEIGHBOURHOOD**2, expected, rtol=1e-12)


def test_quantiles_are_those_of_numpy() -> None:
    random = np.random.default_rng(10)
    for count in (1, 2, 7, 500):
        values = random.integers(0, 40, count).astype(np.uint16)
        shares = (0.0, 0.25, 0.5, 0.77, 1.0)
        np.testing.assert_allclose(morphology.quantiles_of(values, *shares), np.quantile(values, shares), rtol=1e-12)


@pytest.mark.parametrize("loop", [morphology.compiled, None], ids=["compiled", "NumPy"])
def test_the_correlation_of_rows_is_that_of_numpy(loop: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "compiled", loop)
    random = np.random.default_rng(11)
    frames = ndimage.uniform_filter1d(random.integers(0, 256, (5, 40, 30)), 3, axis=1).astype(np.uint8)
    where = random.random((40, 30)) < 0.7
    away = frames - frames.mean(axis=0)
    both = where[1:] & where[:-1]
    one, other = away[:, 1:][:, both], away[:, :-1][:, both]
    expected = (one * other).mean() / np.sqrt((one**2).mean() * (other**2).mean())
    assert noise._correlation(frames, where) == pytest.approx(expected, rel=1e-12)
    assert noise._correlation(frames, np.zeros_like(where)) == 0
    assert noise._correlation(np.full((12, 40, 30), 255, np.uint8), where) == 0


@pytest.mark.parametrize("seed", range(5))
def test_coloured_pixels_are_counted_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(seed)
    rgb = np.clip(random.integers(0, 256, (40, 50, 1)) + random.integers(-30, 31, (40, 50, 3)), 0, 255).astype(np.uint8)
    inside = random.random((40, 50)) < seed / 4
    counted = flow._count_chroma(rgb, inside)
    monkeypatch.setattr(flow, "compiled", None)
    for one, other in zip(counted, flow._count_chroma(rgb, inside), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(morphology.compiled is None, reason="installed without a C compiler")
def test_the_compiled_loops_refuse_shapes_that_do_not_fit() -> None:
    picture, rows = np.zeros((4, 6), np.uint8), np.zeros(3)
    labels, counts = np.zeros((4, 6), np.int32), np.zeros(2, np.int64)
    wrong = [
        lambda: morphology.compiled.find_boxes(labels, 5, np.zeros((1, 4), np.int32)),
        lambda: morphology.compiled.find_boxes(labels + 2, 6, np.zeros((1, 4), np.int32)),
        lambda: morphology.compiled.find_boxes(labels - 1, 6, np.zeros((1, 4), np.int32)),
        lambda: morphology.compiled.count_labels(labels, picture[:3], counts),
        lambda: morphology.compiled.count_labels(labels + 2, picture + 1, counts),
        lambda: morphology.compiled.count_labels(labels - 1, picture + 1, counts),
        lambda: morphology.compiled.count_labels(labels, picture, counts[:0]),
        lambda: morphology.compiled.over_squares(picture, 5, 3, True, True, picture.copy()),
        lambda: morphology.compiled.over_squares(picture, 6, 2, True, True, picture.copy()),
        lambda: morphology.compiled.count_chroma(picture, picture, 1, np.zeros((2, 16), np.int32)),
        lambda: morphology.compiled.count_chroma(np.zeros((4, 6, 3), np.uint8), picture, 1, np.zeros(16, np.int32)),
        lambda: morphology.compiled.extremes([picture, picture[:3]], picture.copy(), picture.copy()),
        lambda: morphology.compiled.extremes([], picture.copy(), picture.copy()),
        lambda: morphology.compiled.extremes([picture], picture.copy(), picture[:3].copy()),
        lambda: morphology.compiled.find_still([picture[:3]], picture, 1, 1, picture.copy(), np.zeros(4, np.int32)),
        lambda: morphology.compiled.find_still([picture], picture, 1, 256, picture.copy(), np.zeros(4, np.int32)),
        lambda: morphology.compiled.find_still([picture], picture, 1, 1, picture.copy(), np.zeros(5, np.int32)),
        lambda: morphology.compiled.find_still([picture], picture, 1, 1, picture[:2].copy(), np.zeros(4, np.int32)),
        lambda: morphology.compiled.sum_products([picture], 5, picture, np.zeros(3, np.int64)),
        lambda: morphology.compiled.sum_products([picture], 6, picture, np.zeros(2, np.int64)),
        lambda: morphology.compiled.sum_products([picture[:3]], 6, picture, np.zeros(3, np.int64)),
        lambda: morphology.compiled.row_ends(picture, np.zeros(4, np.int64), np.zeros(3, np.int64)),
        lambda: morphology.compiled.row_ends(picture, np.zeros(5, np.int64), np.zeros(5, np.int64)),
        lambda: morphology.compiled.hull(rows, rows, rows[:2], np.zeros((12, 2))),
        lambda: morphology.compiled.hull(rows, rows, rows, np.zeros((11, 2))),
    ]
    for call in wrong:
        with pytest.raises(ValueError, match="shapes"):
            call()
