"""The phantom's pictures obey the laws that the truth claims."""

from dataclasses import replace

import numpy as np
import pytest

from echomort.synth.beam import SECTORS, Acquisition, Pose, Sector, draw_pose, polar_plane, scan_convert
from echomort.synth.cohort import draw_latent
from echomort.synth.heart import LEAST_AREA, SYSTOLE, Heart, beat_phase, emptying, tilt, ventricle
from echomort.synth.phantom import _PAINTERS, VIEWS, _Scene, cavity, render, render_polar

HEALTHY = Heart(ef=0.60, edv=110, la_volume=50, wall=1.0, heart_rate=72)
FAILING = Heart(ef=0.22, edv=220, la_volume=110, wall=1.0, heart_rate=72)
SMALL = SECTORS["small"]
STILL = Pose()


def acquisition(view: str, frames: int = 20, fps: float = 20.0, pose: Pose = STILL) -> Acquisition:
    return Acquisition(view, np.arange(frames) / fps, SMALL, pose)


@pytest.mark.parametrize("ef", [0.15, 0.35, 0.55, 0.70])
def test_volume_follows_ejection_fraction_exactly(ef: float) -> None:
    heart = Heart(ef, 140, 60, 1.0, 70)
    volume = ventricle(heart, np.array([0.0, 0.5, 1.0])).volume
    assert volume == pytest.approx(140 * (1 - ef * np.array([0.0, 0.5, 1.0])), rel=1e-5)


def test_the_wall_keeps_its_volume_and_so_thickens() -> None:
    shape = ventricle(HEALTHY, np.array([0.0, 1.0]))
    outer, inner = (shape.radius + shape.wall) ** 2, shape.radius**2
    muscle = (outer - inner) * shape.length
    assert muscle[0] == pytest.approx(muscle[1], rel=1e-5)
    assert shape.wall[1] > 1.3 * shape.wall[0]


def test_a_beat_empties_fully_at_the_end_of_systole_and_refills() -> None:
    assert emptying(np.array([0.0, SYSTOLE, 0.9999])) == pytest.approx([0, 1, 0], abs=1e-3)
    falling = emptying(np.linspace(0, SYSTOLE, 50))
    assert np.all(np.diff(falling) >= 0)


def test_beats_come_at_the_heart_rate() -> None:
    phase = beat_phase(Heart(0.6, 110, 50, 1.0, 90), np.arange(0, 20, 0.01), np.random.default_rng(1))
    assert np.sum(np.diff(phase) < -0.5) == pytest.approx(30, abs=2)


@pytest.mark.parametrize("view", VIEWS)
def test_the_cavity_in_the_picture_shrinks_by_the_law_of_its_view(view: str) -> None:
    shown = acquisition(view)
    area = [cavity(HEALTHY, shown, at).sum() for at in (0.0, 1.0)]
    power = 0.75 if view == "short_axis_mid" else 0.625
    if view == "parasternal_long":  # its apex lies outside the sector, so that only the order is a law
        assert area[1] < 0.75 * area[0]
    else:
        assert area[1] / area[0] == pytest.approx((1 - HEALTHY.ef) ** power, rel=0.04)


@pytest.mark.parametrize("view", VIEWS)
def test_a_failing_heart_is_larger_and_moves_less(view: str) -> None:
    healthy, failing = (
        [cavity(heart, acquisition(view), at).sum() for at in (0.0, 1.0)] for heart in (HEALTHY, FAILING)
    )
    assert failing[0] > 1.15 * healthy[0]
    assert failing[1] / failing[0] > healthy[1] / healthy[0] + 0.15


@pytest.mark.parametrize("view", VIEWS)
def test_the_cavity_is_dark_in_the_rendered_picture(view: str) -> None:
    shown = Acquisition(view, np.array([0.0]), SMALL, STILL)
    frozen = Heart(0.0, 110, 50, 1.0, 72)
    picture = render(frozen, shown, np.random.default_rng(2))[0]
    inside = cavity(frozen, shown, 0.0)
    lit = picture[(picture > 0) & ~inside]
    assert picture[inside].mean() < 0.55 * lit.mean()


@pytest.mark.parametrize("view", ["apical_4", "apical_2", "parasternal_long"])
def test_a_larger_atrium_darkens_more_of_the_picture(view: str) -> None:
    shown = acquisition(view, frames=10)
    small, large = (
        (render_polar(Heart(0.5, 130, volume, 1.0, 72), shown, np.random.default_rng(3)) < 50).mean()
        for volume in (35, 130)
    )
    assert large > 1.06 * small


def test_speckle_is_rayleigh_before_compression() -> None:
    """Fully developed speckle has mean / standard deviation = sqrt(pi / (4 - pi)) = 1.91 (Goodman)."""
    wide = Pose(gain=0, dynamic_range=120)
    polar = render_polar(FAILING, Acquisition("apical_2", np.arange(8) / 8, SMALL, wide), np.random.default_rng(4))
    amplitude = 10 ** (polar[110:118, 20:32] * 120 / 255 / 20)
    ratio = amplitude.mean(axis=(1, 2)) / amplitude.std(axis=(1, 2))
    assert ratio.mean() == pytest.approx(1.91, abs=0.35)


def test_scan_conversion_keeps_a_constant_and_leaves_the_outside_black() -> None:
    sector = Sector(60, 80, 4, 50, 0.7, 40, 30)
    frame = scan_convert(np.full((40, 30, 1), 200, np.float32), sector)[0]
    assert set(np.unique(frame)) <= {0, 199, 200}
    x0, y0, x1, y1 = sector.box
    outside = frame.copy()
    outside[y0 : y1 + 1, x0 : x1 + 1] = 0
    assert outside.max() == 0
    assert frame[30, 40] >= 199


def test_the_same_seed_gives_the_same_loop_and_another_does_not() -> None:
    shown = acquisition("apical_4", frames=5)
    one, same, other = (render(HEALTHY, shown, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_no_jitter_is_the_neutral_pose_and_jitter_moves_the_probe() -> None:
    still = draw_pose(np.random.default_rng(1), 0.0)
    assert replace(still, breath_phase=0.0, breath_seconds=Pose().breath_seconds) == Pose()
    assert draw_pose(np.random.default_rng(1), 1.0).rotation != 0


def test_an_irregular_rhythm_varies_more() -> None:
    times = np.arange(0, 30, 0.01)

    def spread(regular: bool) -> float:
        heart = Heart(0.5, 120, 60, 1.0, 75, regular)
        turns = np.flatnonzero(np.diff(beat_phase(heart, times, np.random.default_rng(9))) < -0.5)
        return float(np.std(np.diff(turns)))

    assert spread(False) > 3 * spread(True)


def test_an_unknown_view_is_refused() -> None:
    with pytest.raises(KeyError):
        render(HEALTHY, acquisition("suprasternal"), np.random.default_rng(1))


PHASES = np.linspace(0, 1, 41, endpoint=False)


@pytest.mark.parametrize(("hypokinesis", "delay"), [(0.0, 0.0), (0.8, 0.0), (0.0, 0.15), (0.8, 0.15)])
def test_walls_that_move_differently_leave_the_volume_law_exact(hypokinesis: float, delay: float) -> None:
    """The squared radius, averaged over the angle around the axis, times the length is the volume."""
    heart = Heart(0.55, 140, 60, 1.0, 70, hypokinesis=hypokinesis, delay=delay)
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    at, tilted = emptying(PHASES), tilt(heart, PHASES)
    sides = [ventricle(heart, at, tilted * np.cos(angle)) for angle in angles]
    volume = np.mean([side.volume for side in sides], axis=0)
    assert volume == pytest.approx(140 * (1 - 0.55 * at), rel=1e-4)
    assert min(side.radius_scale.min() for side in sides) > np.sqrt(LEAST_AREA) * 1.01


def test_a_hypokinetic_wall_moves_less_and_a_late_one_later() -> None:
    weak = tilt(Heart(0.55, 140, 60, 1.0, 70, hypokinesis=0.6), PHASES)
    assert weak.min() >= -1e-6
    assert weak.argmax() == emptying(PHASES).argmax()
    late = tilt(Heart(0.55, 140, 60, 1.0, 70, delay=0.1), PHASES)
    assert late[PHASES < 0.3].max() > 0.03 > -0.03 > late[(PHASES > 0.4) & (PHASES < 0.7)].min()
    assert not tilt(Heart(0.55, 140, 60, 1.0, 70), PHASES).any()
    assert not tilt(Heart(0.0, 140, 60, 1.0, 70, hypokinesis=0.8, delay=0.1), PHASES).any()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("changed", [{"ef": 0.3}, {"hypokinesis": 0.8}, {"delay": 0.15}, {"opening": 0.3}])
def test_what_moves_otherwise_shows_in_the_loop(view: str, changed: dict[str, float]) -> None:
    """The same speckle and noise: any difference is of the heart. A cut at papillary level does not pass the valve."""
    if view == "short_axis_mid" and "opening" in changed:
        return
    shown = acquisition(view, frames=15, fps=15.0)
    one, other = (
        render_polar(heart, shown, np.random.default_rng(5)) for heart in (HEALTHY, replace(HEALTHY, **changed))
    )
    assert np.abs(one - other).mean() > 0.3


@pytest.mark.parametrize("view", VIEWS)
def test_a_full_ventricle_looks_the_same_whatever_its_ejection_fraction(view: str) -> None:
    """At end-diastole nothing tells how far the ventricle will empty."""
    good, bad = (cavity(replace(HEALTHY, ef=ef), acquisition(view), 0.0) for ef in (0.65, 0.2))
    assert np.array_equal(good, bad)
    scenes = [_Scene(replace(HEALTHY, ef=ef), view, polar_plane(acquisition(view)), np.zeros(1)) for ef in (0.65, 0.2)]
    for scene in scenes:
        _PAINTERS[view](scene)
    assert scenes[0].canvas == pytest.approx(scenes[1].canvas, abs=1e-5)


def test_the_ejection_fraction_can_be_read_off_the_motion() -> None:
    """Area of the largest and smallest cavity, by the law of the view, whatever size, shape and walls."""
    generator = np.random.default_rng(8)
    for _ in range(5):
        heart = draw_latent(generator).heart()
        largest, smallest = (cavity(heart, acquisition("short_axis_mid"), at).sum() for at in (0.0, 1.0))
        assert 1 - (smallest / largest) ** (1 / 0.75) == pytest.approx(heart.ef, abs=0.04)


def test_breathing_moves_and_dims_the_picture_slowly() -> None:
    frozen = Heart(0.0, 140, 60, 1.0, 72)
    breathing = Pose(breath=1.5, contact=6.0, breath_phase=0.0, breath_seconds=4.0)
    times = np.array([1.0, 3.0])  # the peaks of the sine
    deep, shallow = render_polar(
        frozen, Acquisition("apical_4", times, SMALL, breathing), np.random.default_rng(3)
    ).transpose(2, 0, 1)
    assert deep.mean() > shallow.mean() + 5
    calm = render_polar(frozen, Acquisition("apical_4", times, SMALL, STILL), np.random.default_rng(3))
    assert abs(calm[..., 0].mean() - calm[..., 1].mean()) < 1
