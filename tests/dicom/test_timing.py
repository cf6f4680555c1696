"""When frames were taken, and the published resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.dicom.header.timing import FRAME_TIME, FRAME_TIME_VECTOR, TimingTags, resample, resolve_timing
from echomort.dicom.scaling import blend


def published(frames: np.ndarray, fps: float) -> np.ndarray:
    """The published semantics, written out pixel by pixel from their description."""
    if fps == 30:
        return frames
    old, new = len(frames), round(len(frames) * 30 / fps)
    t_old, t_new = np.linspace(0, 1, old), np.linspace(0, 1, new)
    flat = frames.reshape(old, -1).astype(float)
    columns = [np.interp(t_new, t_old, flat[:, pixel]) for pixel in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(new, *frames.shape[1:])


def run(frames: np.ndarray, fps: float, times: tuple[float, ...] = (), keep: int = 60) -> np.ndarray:
    plan = resample(len(frames), fps, times, 30.0, keep)
    assert set(plan.needed) <= set(range(len(frames)))
    return blend({index: frames[index] for index in plan.needed}, plan)


@pytest.mark.parametrize(
    ("count", "fps"), [(12, 15.0), (45, 50.0), (90, 24.7), (30, 18.436), (7, 60.0), (200, 120.0), (60, 30.0), (2, 5.0)]
)
def test_resampling_is_the_published_one(count: int, fps: float) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (count, 3, 4), dtype=np.uint8)
    expected = published(frames, fps)[:60]
    got = run(frames, fps)
    assert got.shape == expected.shape and got.dtype == np.uint8
    exact = np.abs(expected - np.round(expected)) < 1e-6
    np.testing.assert_array_equal(got[~exact], np.floor(expected[~exact]))
    assert np.abs(got.astype(float) - expected).max() < 1.0001


def test_resampling_golden() -> None:
    """4 frames at 15 a second are 8 at 30: positions k * 3 / 7."""
    frames = np.array([0, 70, 140, 210], np.uint8).reshape(4, 1, 1)
    assert run(frames, 15.0).ravel().tolist() == [0, 30, 60, 90, 120, 150, 180, 210]


def test_resampling_truncates() -> None:
    frames = np.array([0, 1], np.uint8).reshape(2, 1, 1)
    assert run(frames, 7.5).ravel().tolist() == [0, 0, 0, 0, 0, 0, 0, 1]


def test_equal_rates_copy_and_cut() -> None:
    frames = np.arange(70, dtype=np.uint8).reshape(70, 1, 1)
    assert run(frames, 30.0).ravel().tolist() == list(range(60))


@given(st.integers(2, 300), st.floats(5, 200), st.integers(1, 80))
def test_the_first_frame_is_copied_and_still_tissue_stays_still(count: int, fps: float, keep: int) -> None:
    plan = resample(count, fps, (), 30.0, keep)
    assert plan.before[0] == 0 and plan.weight[0] == 0
    assert len(plan.before) == min(keep, max(1, round(count * 30 / fps)))
    frames = {index: np.full((1, 1), 177, np.uint8) for index in plan.needed}
    assert set(blend(frames, plan).ravel().tolist()) == {177}


@given(st.integers(3, 200), st.floats(5, 200))
def test_the_last_frame_is_copied(count: int, fps: float) -> None:
    plan = resample(count, fps, (), 30.0, 10_000)
    if len(plan.before) > 1:
        assert plan.before[-1] == count - 1 and plan.weight[-1] == 0


@given(st.integers(2, 200), st.floats(5, 29.9))
def test_a_ramp_stays_a_ramp(count: int, fps: float) -> None:
    """Linearity: intensities that grow with time grow evenly after resampling (before truncation)."""
    plan = resample(count, fps, (), 30.0, 10_000)
    position = plan.before + plan.weight * (plan.after - plan.before)
    np.testing.assert_allclose(np.diff(position), (count - 1) / (len(position) - 1), atol=1e-6)


def test_uneven_frames_are_put_at_their_true_times() -> None:
    """Frames at 0, 10, 20, 100, 200 ms: at 100 ms the picture is frame 4, not a blend of its neighbours' places."""
    frames = np.array([0, 10, 20, 100, 200], np.uint8).reshape(5, 1, 1)
    timing = resolve_timing(TimingTags(5, (FRAME_TIME_VECTOR,), frame_time_vector=(0, 10, 10, 80, 100)))
    assert timing.fps == pytest.approx(20) and "uneven_frame_times" in timing.notes
    out = run(frames, timing.fps or 0, timing.times).ravel()
    np.testing.assert_array_equal(out, np.floor(np.linspace(0, 200, 8) + 1e-9))


@pytest.mark.parametrize(
    ("tags", "fps", "source"),
    [
        (TimingTags(9, frame_time=40.0), 25, "FrameTime"),
        (TimingTags(9, cine_rate=24), 24, "CineRate"),
        (TimingTags(9, display_rate=50), 50, "RecommendedDisplayFrameRate"),
        (TimingTags(3, frame_time_vector=(0, 20, 20)), 50, "FrameTimeVector"),
        (TimingTags(3, frame_time_vector=(20, 20)), 50, "FrameTimeVector"),
        (TimingTags(3, (FRAME_TIME,), 40.0, (0, 20, 20)), 25, "FrameTime"),
        (TimingTags(3, (FRAME_TIME_VECTOR,), 40.0, (0, 20, 20)), 50, "FrameTimeVector"),
        (TimingTags(3, (), 40.0, (0, 20, 20), 30, 60), 50, "FrameTimeVector"),
        (TimingTags(3, (), 40.0, (), 30, 60), 25, "FrameTime"),
        (TimingTags(3, (), None, (), 30, 60), 30, "CineRate"),
        (TimingTags(3, (FRAME_TIME,), 0.0, (), 30, 60), 30, "CineRate"),
        (TimingTags(3, (FRAME_TIME,), 1.0, (), 30, 60), 30, "CineRate"),
        (TimingTags(3, (FRAME_TIME_VECTOR,), 40.0, (0, 20)), 25, "FrameTime"),
        (TimingTags(9), None, "none"),
        (TimingTags(9, frame_time=4.0), 250, "FrameTime"),
        (TimingTags(9, frame_time=2.5), 400, "FrameTime"),
        (TimingTags(9, frame_time=2.4), None, "none"),
        (TimingTags(9, (FRAME_TIME,), 0.04), 25, "FrameTime"),
        (TimingTags(9, frame_time=0.032), 31.25, "FrameTime"),
        (TimingTags(3, frame_time_vector=(0, 0.02, 0.02)), 50, "FrameTimeVector"),
        (TimingTags(3, (FRAME_TIME_VECTOR,), 20.0, (0, 0.02, 0.02)), 50, "FrameTime"),
        (TimingTags(9, frame_time=0.04, cine_rate=24), 24, "CineRate"),
        (TimingTags(9, frame_time=0.5), None, "none"),
        (TimingTags(9, frame_time=1.0), None, "none"),
        (TimingTags(9, frame_time=0.001), None, "none"),
        (TimingTags(9, site_rate=50), 50, "settings"),
        (TimingTags(9, frame_time=40.0, site_rate=50), 25, "FrameTime"),
        (TimingTags(9, frame_time=1.0, site_rate=50), None, "none"),
        (TimingTags(9, frame_time=float("nan"), cine_rate=float("inf")), None, "none"),
        (TimingTags(9, frame_time=-33.0, cine_rate=0), None, "none"),
        (TimingTags(3, frame_time_vector=(0, -5, 40)), None, "none"),
    ],
)
def test_which_tag_tells_the_time(tags: TimingTags, fps: float | None, source: str) -> None:
    timing = resolve_timing(tags)
    assert timing.source == source
    assert timing.fps == (None if fps is None else pytest.approx(fps))


def test_a_frame_time_is_never_read_as_a_rate() -> None:
    """33.3 ms are 30 a second, 16.7 ms are 60: the fault of several public readers is invisible at 30."""
    assert resolve_timing(TimingTags(9, frame_time=16.667)).fps == pytest.approx(60, abs=0.01)


@pytest.mark.parametrize(
    ("tags", "note"),
    [
        (TimingTags(9, frame_time=40.0, cine_rate=30), "fps_disagrees:CineRate"),
        (TimingTags(9, frame_time=1.0, cine_rate=30), "fps_outside_limits:FrameTime"),
        (TimingTags(9, (FRAME_TIME,), None, (), 30), "fps_pointer_unusable:FrameTime"),
        (TimingTags(9, frame_time=0.04), "seconds_for_milliseconds:FrameTime"),
        (TimingTags(3, frame_time_vector=(0, 0.02, 0.02)), "seconds_for_milliseconds:FrameTimeVector"),
        (TimingTags(9, frame_time=40.0, with_commas=("FrameTime",)), "decimal_comma:FrameTime"),
        (TimingTags(9, site_rate=50), "fps_from_settings"),
    ],
)
def test_disagreement_is_noted(tags: TimingTags, note: str) -> None:
    assert note in resolve_timing(tags).notes


def test_agreement_but_for_rounding_is_not() -> None:
    assert resolve_timing(TimingTags(9, frame_time=67.0, cine_rate=15)).notes == ()


def test_the_first_value_of_a_vector_is_no_interval() -> None:
    """C.7.6.5.1.2: the first frame's increment belongs to no interval, whatever it says."""
    assert resolve_timing(TimingTags(3, frame_time_vector=(999, 20, 20))).fps == pytest.approx(50)
