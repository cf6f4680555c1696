"""What an echo report holds beside the first measurements: volumes, areas, velocities that follow from others, grades.

These have a random stream of their own, so that they change neither a patient nor any other row. What follows from
measurements of the same study follows from their noisy values, and tells no more of the latent state than these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from echomort.synth.cohort import Latent, Standardised, Study, logistic
from echomort.synth.variables import REPORTED, VALVES, Measure

Drawn = tuple[str, float, str, int]
"""Variable, value, unit, decimals."""
WITH_VOLUMES, WITH_GRADE = 0.4, 0.6
"""Share of studies whose ventricle was traced, and share whose diastolic function was judged."""
UNGRADED_SHARE = 0.1
"""Share of dysfunctions to which nobody gave a grade."""


def reported(study: Study, first: Mapping[str, float], generator: np.random.Generator) -> Iterator[Drawn]:
    """Yield the further rows of the report of ``study``; ``first`` are the measurements that it has already, in the
    units in which they were drawn."""
    latents = study.latent.standardised()
    for variable, measure in REPORTED.items():
        value = linear(measure, latents) + generator.normal(0, measure.noise)
        if generator.random() >= measure.missing:
            yield variable, max(value, measure.least), measure.unit, measure.decimals
    yield from _traced(study.latent, generator)
    yield from _following(first, generator)
    yield from _valves(latents, generator)


def linear(measure: Measure, latents: Standardised) -> float:
    """Return the expected value of ``measure``, for the latent state as :meth:`Latent.standardised` returns it."""
    slopes = ("failing", "la", "frailty", "age")
    return measure.mean + float(sum(getattr(measure, name) * getattr(latents, name) for name in slopes))


def _traced(latent: Latent, generator: np.random.Generator) -> Iterator[Drawn]:
    """Yield volumes, areas and lengths of the ventricle and the atrium in two views: one tracing, coarse, so that the
    views agree with each other more than with the truth."""
    heart = latent.heart()
    errors, own = generator.normal(0, 1, 3), generator.normal(0, 0.05, (2, 3))
    if generator.random() >= WITH_VOLUMES:
        return
    filled = heart.edv * np.exp(0.25 * errors[0])
    emptied = filled * logistic(np.log((1 - latent.ef) / latent.ef) + 0.9 * errors[1])
    atrium = heart.la_volume * np.exp(0.4 * errors[2])
    length = 8.6 * (filled / 120) ** (1 / 3)
    for view, noise in zip(("2c", "4c"), np.exp(own), strict=True):
        yield from _ventricle("d", view, filled * noise[0], length)
        yield from _ventricle("s", view, emptied * noise[1], 0.86 * length)
        yield f"la_vol_{view}", atrium * noise[2], "mL", 0


def _ventricle(phase: str, view: str, volume: float, length: float) -> Iterator[Drawn]:
    """Yield volume (mL), area (cm2) and length (cm) of one tracing; the area is that of the area-length volume."""
    yield f"lve{phase}v_{view}", volume, "mL", 0
    yield f"lve{phase}v_{view}_el", 1.04 * volume, "mL", 0
    yield f"lva_{phase}_{view}", float(np.sqrt(3 * np.pi * length * volume / 8)), "cm2", 1
    yield f"lvl_{phase}_{view}", length, "cm", 1


def _following(first: Mapping[str, float], generator: np.random.Generator) -> Iterator[Drawn]:
    """Yield what follows from the measurements ``first``, where these are there."""
    noise = generator.normal(0, 1, 5)
    if "lvot_d" in first:
        yield "lvot_area", np.pi / 4 * first["lvot_d"] ** 2, "cm2", 1
    if "lvot_vti" in first:
        peak = max(first["lvot_vti"] * 4.8 + 6 * noise[0], 25)
        yield "lvot_vmax", peak, "cm/s", 0
        yield "lvot_vmean", 0.62 * peak, "cm/s", 0
    if "av_vmax" in first:
        yield "av_vmean", 100 * first["av_vmax"] * (0.66 + 0.03 * noise[1]), "cm/s", 0
    if "mv_e" in first:
        fastest = max(100 * first["mv_e"], 20)
        yield "mv_pht_vmax", fastest * (1 + 0.04 * noise[2]), "cm/s", 0
        yield "mv_slope", fastest / max(0.2 + 0.04 * noise[3], 0.08), "cm/s2", 0
    if "heart_rate" in first:
        yield "pulm_rr", max(60 / first["heart_rate"] + 0.03 * noise[4], 0.3), "s", 2


def _valves(state: Standardised, generator: np.random.Generator) -> Iterator[Drawn]:
    for variable, (mean, by_failing, by_la, by_age, by_narrowing, missing) in VALVES.items():
        slopes = by_failing * state.failing + by_la * state.la + by_age * state.age + by_narrowing * state.narrowing
        if generator.random() >= missing:
            yield variable, float(np.clip(round(mean + slopes + generator.normal(0, 0.9)), 0, 3)), "", 0
