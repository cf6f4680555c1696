"""The controls of motion find what is planted where they look, and only there."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from echomort.models.controls import (
    GRID,
    header_columns,
    linear_scores,
    recorded_frames,
    seen,
    shuffled_loop,
    still_loop,
    without_motion,
)
from echomort.models.rows import HELD_OUT, LabelledRows
from echomort.vocabulary.controls import CONTROLS

LINEAR = [name for name, control in CONTROLS.items() if control.learner == "linear"]
COUNT, FRAMES = 240, 8
NO_HEADERS = pd.DataFrame(index=range(COUNT))


def rows(seed: int = 0) -> LabelledRows:
    labels = np.random.default_rng(seed).integers(0, 2, COUNT)
    return LabelledRows.of(list(labels), [number % 4 for number in range(COUNT)], [f"p{n}" for n in range(COUNT)])


def planted(kind: str, labels: np.ndarray, seed: int = 1) -> np.ndarray:
    """Noisy clips, uint8 (n, frames, 8, 10), whose label shows in one way only."""
    generator = np.random.default_rng(seed)
    clips = generator.normal(100, 6, (len(labels), FRAMES, 8, 10))
    spot = np.s_[:, 1:4, 3:7]
    for number, label in enumerate(labels):
        clip = clips[number]
        if kind == "brightness":
            clip += 3 * label
        elif kind == "still":
            clip[spot] += 8 * label
            clip[:, 4:7, 3:7] -= 8 * label  # the mean stays
        elif kind == "motion":
            beat = np.sin(2 * np.pi * (np.arange(FRAMES) / FRAMES + generator.random()))
            clip[spot] += (30 * label * beat)[:, None, None]
        elif kind == "order":  # the same frames, in a random order instead of rising
            steps = np.linspace(-30, 30, FRAMES)
            clip[spot] += (steps if label else generator.permutation(steps))[:, None, None]
    return clips.clip(1, 255).astype(np.uint8)


def auc(control: str, clips: np.ndarray, samples: LabelledRows, headers: pd.DataFrame = NO_HEADERS) -> float:
    return float(roc_auc_score(samples.labels, linear_scores(control, iter(clips), headers, samples)))


@pytest.mark.parametrize(
    ("kind", "finds", "misses"),
    [
        ("brightness", ["brightness", "still_frame", "mean_and_spread"], []),
        ("still", ["still_frame", "mean_and_spread"], ["brightness"]),
        ("motion", ["mean_and_spread"], ["brightness", "still_frame"]),
        ("order", [], ["brightness", "mean_and_spread"]),
    ],
)
def test_each_control_finds_what_it_is_given_and_nothing_else(kind: str, finds: list[str], misses: list[str]) -> None:
    samples = rows()
    clips = planted(kind, samples.labels)
    assert all(auc(control, clips, samples) > 0.85 for control in finds)
    assert all(0.3 < auc(control, clips, samples) < 0.7 for control in misses)


def test_the_still_control_takes_the_frame_that_serves_best() -> None:
    samples = rows()
    clips = planted("nothing", samples.labels)
    clips[samples.labels == 1, FRAMES // 2] //= 2
    assert auc("still_frame", clips, samples) > 0.95


def test_headers_are_found_where_they_tell_and_are_chance_where_not() -> None:
    samples, generator = rows(), np.random.default_rng(3)
    told = np.where(samples.labels == 1, "ACME", "OTHER")
    headers = pd.DataFrame({"fps": generator.choice([25.0, 30.0, np.nan], COUNT), "manufacturer": told})
    assert auc("headers", np.zeros(0), samples, headers) > 0.99
    shuffled = headers.assign(manufacturer=generator.permutation(told))
    assert 0.35 < auc("headers", np.zeros(0), samples, shuffled) < 0.65


def test_columns_of_headers_have_no_gaps() -> None:
    headers = pd.DataFrame({"fps": [25.0, None, 30.0], "frames": [None, None, None], "model": ["A", None, "B"]})
    columns = header_columns(headers.astype({"frames": float}))
    assert columns.shape == (3, 7)  # fps and whether it lacks, frames likewise, and one for "", A and B
    assert np.isfinite(columns).all()
    assert columns[1, :2].tolist() == [27.5, 1.0]


def test_held_out_rows_get_no_score_and_unknown_labels_teach_nothing() -> None:
    known = rows()
    folds, labels = known.folds.copy(), known.labels.copy()
    folds[:20], labels[20:40] = HELD_OUT, -1
    clips = planted("brightness", known.labels)
    scores = linear_scores("brightness", iter(clips), NO_HEADERS, LabelledRows(labels, folds, known.patients))
    assert np.isnan(scores[:20]).all() and np.isfinite(scores[20:]).all()
    assert roc_auc_score(known.labels[20:40], scores[20:40]) > 0.85


def test_scores_are_out_of_fold() -> None:
    """Labels of a fold that mean nothing leave its own scores as they are."""
    samples = rows()
    clips = planted("still", samples.labels)
    turned = samples.labels.copy()
    turned[samples.folds == 1] = 1 - turned[samples.folds == 1]
    inside = samples.folds == 1
    for control in ("still_frame", "mean_and_spread"):
        one, other = (
            linear_scores(control, iter(clips), NO_HEADERS, LabelledRows(labels, samples.folds, samples.patients))
            for labels in (samples.labels, turned)
        )
        assert np.array_equal(one[inside], other[inside])
        assert not np.array_equal(one[~inside], other[~inside])


@pytest.mark.parametrize("control", LINEAR)
def test_the_same_clips_give_the_same_scores(control: str) -> None:
    samples = rows()
    clips, headers = planted("motion", samples.labels), pd.DataFrame({"bytes": np.arange(COUNT)})
    one, other = (linear_scores(control, iter(clips), headers, samples) for _ in range(2))
    assert np.array_equal(one, other)


def padded() -> np.ndarray:
    clip = np.random.default_rng(4).integers(1, 255, (10, 6, 7)).astype(np.uint8)
    clip[7:] = 0
    return clip


def test_padding_counts_for_nothing() -> None:
    clip = padded()
    assert recorded_frames(clip) == 7
    assert recorded_frames(np.zeros((10, 6, 7), np.uint8)) == 1
    assert all(np.array_equal(a, b) for a, b in zip(seen(clip), seen(clip[:7]), strict=True))


def test_a_still_loop_repeats_its_first_frame_and_keeps_its_length() -> None:
    clip = padded()
    still = still_loop(clip)
    assert (still[:7] == clip[0]).all() and not still[7:].any()
    assert clip[1].any() and not np.array_equal(clip[0], clip[1])


def test_a_shuffled_loop_has_the_same_frames_in_an_order_of_its_own() -> None:
    clip = padded()
    shuffled = shuffled_loop(clip, "clip 1")
    assert not np.array_equal(shuffled, clip) and not shuffled[7:].any()
    assert sorted(frame.tobytes() for frame in shuffled) == sorted(frame.tobytes() for frame in clip)
    assert np.array_equal(shuffled, without_motion("shuffled_loop", clip, "clip 1"))
    assert not np.array_equal(shuffled, shuffled_loop(clip, "clip 2"))
    with pytest.raises(KeyError):
        without_motion("brightness", clip, "clip 1")


def test_shuffling_loses_what_only_the_order_tells_and_keeps_the_rest() -> None:
    """A fixed detector of steadily rising frames stands for a network: it parts the loops, not the shuffled ones."""
    labels = rows().labels
    clips = planted("order", labels)
    shuffled = np.stack([shuffled_loop(clip, str(number)) for number, clip in enumerate(clips)])

    def rising(loops: np.ndarray) -> float:
        level = loops[:, :, 1:4, 3:7].astype(float).mean(axis=(2, 3))
        return float(roc_auc_score(labels, -np.abs(np.diff(level, axis=1)).max(axis=1)))

    assert rising(clips) > 0.95
    assert 0.4 < rising(shuffled) < 0.6
    spread = planted("motion", labels)
    mixed = np.stack([shuffled_loop(clip, str(number)) for number, clip in enumerate(spread)])
    assert auc("mean_and_spread", mixed, rows()) == pytest.approx(auc("mean_and_spread", spread, rows()), abs=0.01)


@pytest.mark.parametrize("shape", [(3, 109, 150), (3, 27, 37), (2, 5, 9), (2, 28, 38)])
def test_large_pictures_are_averaged_down_and_small_ones_kept(shape: tuple[int, int, int]) -> None:
    clip = np.random.default_rng(5).integers(1, 255, shape).astype(np.uint8)
    found = seen(clip)
    cells = min(shape[1], GRID[0]) * min(shape[2], GRID[1])
    assert found.stills.shape == (4, cells) and found.mean_and_spread.shape == (2 * cells,)
    flat = seen(np.full(shape, 77, np.uint8))
    assert flat.stills == pytest.approx(np.full((4, cells), 77.0))
    assert flat.mean_and_spread[cells:] == pytest.approx(np.zeros(cells), abs=1e-4)
    if shape[1:] == GRID:
        assert np.array_equal(found.stills[0], clip[0].ravel())
