"""How often the limits of the pooled change hold the truth, on invented readers whose true change is known.

Run ``python benchmarks/readers.py`` from the repository's root (``--rounds 100`` for a quick look); it prints the table
of docs/reader_study.md. The ratings are those of Roe CA, Metz CE, Acad Radiol 1997;4:298: normal effects of reader and
case and of their interactions with the condition, so that the true AUC and sensitivity have a formula.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.interval import Interval
from echomort.evaluation.resampling import Resampling
from echomort.reader_study.bootstrap import bootstrap_change
from echomort.reader_study.obuchowski_rockette import (
    area_merits,
    fixed_readers_change,
    random_readers_change,
    share_merits,
)

CASES = 200
"""Half of them dead."""
SEPARATION = 1.5
"""Standard deviations of a case between dead and alive, unaided: an AUC near 0.85."""
CUT = SEPARATION / 2
"""Ratings above it are the answer dead."""
READER = 0.05
"""Variance between readers, of 1 between the ratings of one reader."""
CASE_EFFECTS = {"case": 0.3, "condition": 0.1, "reader": 0.2, "both": 0.4}
"""Variances of a case's rating: common to all, by condition, by reader, by both. They sum to 1."""
RESAMPLES = 300


@dataclass(frozen=True)
class Scene:
    """Readers, the true lift of the rating of deaths, and the variance between readers of what the model does."""

    name: str
    readers: int
    gain: float
    differ: float

    def draw(self, random: np.random.Generator) -> tuple[Booleans, Floats]:
        """Return who died (cases,) and the ratings (conditions, readers, cases)."""
        died = np.arange(CASES) < CASES // 2
        reader = random.normal(0, np.sqrt(READER), (1, self.readers, 2))
        reader = reader + random.normal(0, np.sqrt(self.differ), (2, self.readers, 2))
        shapes = ((1, 1, CASES), (2, 1, CASES), (1, self.readers, CASES), (2, self.readers, CASES))
        effects = zip(CASE_EFFECTS.values(), shapes, strict=True)
        rating = sum(random.normal(0, np.sqrt(variance), shape) for variance, shape in effects)
        lift = SEPARATION + np.array([0.0, self.gain])[:, None, None]
        return died, reader[:, :, died.astype(int)] + rating + died * lift

    def true_change(self, apart: float, spread: float) -> float:
        """Return the true change of a share of normal ratings ``apart`` above the cut, of variance ``spread`` (of one
        rating: 1 and the readers)."""
        deviation = np.sqrt(spread * (1 + READER + self.differ))
        return float(norm.cdf((apart + self.gain) / deviation) - norm.cdf(apart / deviation))


SCENES = (
    Scene("4 readers, no change, alike", 4, 0.0, 0.0),
    Scene("4 readers gain differently", 4, 0.4, 0.1),
    Scene("2 readers, no change on average", 2, 0.0, 0.1),
    Scene("10 readers gain differently", 10, 0.4, 0.1),
)


def coverage(scene: Scene, rounds: int, seed: int) -> dict[str, float]:
    """Return the share of ``rounds`` in which each 95 % interval holds the true change."""
    random, held = np.random.default_rng(seed), dict.fromkeys(METHODS, 0)
    area, share = scene.true_change(SEPARATION, 2.0), scene.true_change(SEPARATION - CUT, 1.0)
    for _ in range(rounds):
        died, rating = scene.draw(random)
        for name, method in METHODS.items():
            found = method(died, rating)
            held[name] += found.low <= (area if name == AREA else share) <= found.high
    return {name: count / rounds for name, count in held.items()}


def _area(died: Booleans, rating: Floats) -> Interval:
    merits = area_merits(rating, died)
    assert merits is not None
    return random_readers_change(merits).interval(0.95, -1, "")


def _share(died: Booleans, rating: Floats) -> Interval:
    merits = share_merits((rating > CUT)[..., died])
    assert merits is not None
    return random_readers_change(merits).interval(0.95, -1, "")


def _fixed(died: Booleans, rating: Floats) -> Interval:
    merits = share_merits((rating > CUT)[..., died])
    assert merits is not None
    return fixed_readers_change(merits).interval(0.95, -1, "")


def _bootstrap(died: Booleans, rating: Floats) -> Interval:
    unaided, aided = (rating > CUT)[..., died]
    return bootstrap_change(aided, unaided, Resampling(RESAMPLES))


AREA, SHARE, FIXED, BOOTSTRAP = "AUC, a sample", "sensitivity, a sample", "fixed readers", "bootstrap"
METHODS: dict[str, Callable[[Booleans, Floats], Interval]] = {
    AREA: _area, SHARE: _share, FIXED: _fixed, BOOTSTRAP: _bootstrap,
}  # fmt: skip


def main() -> None:
    """Print a row for every scene."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    print(f"| readers | {' | '.join(METHODS)} |\n|---|{'---:|' * len(METHODS)}", flush=True)
    for scene in SCENES:
        shares = coverage(scene, rounds, seed=1).values()
        print(f"| {scene.name} | {' | '.join(f'{share:.3f}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
