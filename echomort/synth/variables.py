"""The clinical variables of the synthetic records, and how each depends on the latent state.

Means, noise and slopes are set by hand, to resemble an adult echo laboratory's records with noisy traces of frailty.
"""

from __future__ import annotations

from dataclasses import dataclass

from echomort.ehr.variables import catalogue


@dataclass(frozen=True)
class Measure:
    """How a variable is drawn.

    Mean and slopes on the standardised latents (failing, la, frailty, age), standard deviation of the noise, share of
    studies without it, unit, decimals, whether the mean is of the logarithm, another unit with its factor, least value.
    """

    mean: float
    failing: float
    la: float
    frailty: float
    age: float
    noise: float
    missing: float
    unit: str
    decimals: int = 0
    log: bool = False
    other: tuple[str, float] | None = None
    least: float = 0.1


MEASURES: dict[str, Measure] = {
    "height": Measure(168, 0, 0, 0, -1.0, 9.5, 0.03, "cm", 0, False, ("[in_i]", 1 / 2.54)),
    "weight": Measure(82, 0, 0, -4.0, -2.0, 15, 0.03, "kg", 1, False, ("[lb_av]", 2.20462)),
    "sbp": Measure(131, -3.0, 0, -4.0, 2.5, 16, 0.04, "mm[Hg]"),
    "dbp": Measure(74, -1.0, 0, -2.5, -2.0, 9, 0.04, "mm[Hg]"),
    "ldl": Measure(101, -2, 0, -10, -3, 27, 0.18, "mg/dL", 0, False, ("mmol/L", 0.02586)),
    "hdl": Measure(49, -1.5, 0, -3.5, 0, 11, 0.15, "mg/dL", 0, False, ("mmol/L", 0.02586)),
    "total_chol": Measure(176, -3, 0, -13, -3, 33, 0.15, "mg/dL", 0, False, ("mmol/L", 0.02586)),
    "creatinine": Measure(0.05, 0.05, 0, 0.16, 0.05, 0.24, 0.08, "mg/dL", 2, True, ("umol/L", 88.42)),
    "bun": Measure(3.0, 0.07, 0, 0.17, 0.06, 0.28, 0.10, "mg/dL", 0, True),
    "sodium": Measure(139.4, -0.5, 0, -0.9, 0, 2.3, 0.08, "mmol/L"),
    "potassium": Measure(4.25, 0.02, 0, 0.06, 0, 0.4, 0.08, "mmol/L", 1),
    "hemoglobin": Measure(13.0, 0, 0, -0.8, -0.2, 1.4, 0.08, "g/dL", 1, False, ("g/L", 10)),
    "albumin": Measure(3.9, -0.03, 0, -0.25, -0.03, 0.32, 0.20, "g/dL", 1, False, ("g/L", 10)),
    "rdw": Measure(14.3, 0.15, 0, 0.75, 0.1, 1.1, 0.12, "%", 1),
    "lymph_pct": Measure(24, -0.8, 0, -3.2, -0.8, 6.5, 0.15, "%", 1),
    "uric_acid": Measure(6.4, 0.3, 0, 0.25, 0, 1.5, 0.6, "mg/dL", 1),
    "hba1c": Measure(6.2, 0, 0, 0.12, 0, 0.9, 0.4, "%", 1),
    "ntprobnp": Measure(6.3, 0.30, 0.18, 0.25, 0.2, 1.2, 0.5, "pg/mL", 0, True),
    "la_ap": Measure(4.15, 0.10, 0.32, 0, 0, 0.7, 0.4, "cm", 1, False, ("mm", 10)),
    "mv_e": Measure(0.85, 0.02, 0.06, 0, 0, 0.2, 0.4, "m/s", 2, False, ("cm/s", 100)),
    "mv_a": Measure(0.75, -0.03, -0.05, 0, 0.04, 0.2, 0.45, "m/s", 2, False, ("cm/s", 100)),
    "tr_vmax": Measure(2.55, 0.06, 0.08, 0.13, 0.05, 0.34, 0.45, "m/s", 2, False, ("cm/s", 100)),
    "rap": Measure(6.5, 0.4, 0.25, 0.9, 0, 3.0, 0.4, "mm[Hg]"),
    "tapse": Measure(2.05, -0.06, 0, -0.11, -0.02, 0.36, 0.45, "cm", 1, False, ("mm", 10)),
    "av_vmax": Measure(1.4, -0.03, 0, 0.05, 0.12, 0.35, 0.3, "m/s", 2, False, ("cm/s", 100)),
    "lvot_vti": Measure(20, -0.8, 0, 0, 0, 4.0, 0.4, "cm", 1),
    "lvot_d": Measure(2.05, 0, 0, 0, 0, 0.18, 0.35, "cm", 1, False, ("mm", 10)),
    "ao_root": Measure(3.3, 0, 0, 0, 0.1, 0.4, 0.3, "cm", 1, False, ("mm", 10)),
}
REPORTED: dict[str, Measure] = {
    "ar_slope": Measure(250, 0, 0, 0, 0, 90, 0.85, "cm/s2", 0, False, ("m/s2", 0.01), 20),
    "ar_vmax": Measure(400, 0, 0, 0, 0, 55, 0.85, "cm/s", 0, False, ("m/s", 0.01), 110),
    "av_vti": Measure(31, -0.6, 0, 0, 1.0, 8, 0.35, "cm", 1, False, ("mm", 10), 6),
    "ao_asc": Measure(3.4, 0, 0, 0, 0.1, 0.42, 0.4, "cm", 1, False, ("mm", 10), 1.8),
    "mr_vmax": Measure(480, -4, 0, 0, 0, 65, 0.6, "cm/s", 0, False, ("m/s", 0.01), 150),
    "mv_dt": Measure(0.205, -0.004, 0, 0, 0.004, 0.045, 0.45, "s", 3, False, ("ms", 1000), 0.06),
    "pv_vmax": Measure(97, -1, 0, 0, 0, 22, 0.45, "cm/s", 0, False, ("m/s", 0.01), 30),
    "pa_acc_slope": Measure(920, 10, 0, 15, 0, 250, 0.5, "cm/s2", 0, False, ("m/s2", 0.01), 150),
    "pa_acc_time": Measure(0.112, -0.002, 0, -0.003, -0.001, 0.024, 0.5, "s", 3, False, ("ms", 1000), 0.03),
}
"""Further measurements of an echo report. They hardly depend on the latent state: the measurements above are meant to
tell nearly all that the records tell of it."""
ECHO = frozenset(variable.name for variable in catalogue() if variable.window_days == 0)
"""Variables measured in the echo itself: dated at the study and linked to it."""
VALVES: dict[str, tuple[float, float, float, float, float, float]] = {
    "ar_grade": (-0.3, 0.05, 0.0, 0.1, 0.0, 0.25),
    "mr_grade": (0.4, 0.20, 0.15, 0.0, 0.0, 0.2),
    "tr_grade": (0.3, 0.10, 0.15, 0.1, 0.0, 0.2),
    "pr_grade": (-0.4, 0.05, 0.05, 0.0, 0.0, 0.3),
    "as_grade": (-1.5, 0.0, 0.0, 0.2, 0.0, 0.25),
    "ms_grade": (-1.6, 0.0, 0.1, 0.1, 0.7, 0.3),
    "ts_grade": (-3.2, 0.0, 0.0, 0.0, 0.0, 0.4),
    "ps_grade": (-3.2, 0.0, 0.0, 0.0, 0.0, 0.4),
}
"""Grade of a valve -> mean of the severity that is rounded to it, slopes on failing, la, age and narrowing, share of
studies without it. The noise has a standard deviation of 0.9."""
DIAGNOSES: dict[str, tuple[float, float, float, float, float]] = {
    "I50.22": (-1.6, 0.55, 0.2, 0.3, 0.1),
    "I50.32": (-2.9, -0.2, 0.4, 0.4, 0.2),
    "I42.0": (-2.7, 0.5, 0.1, 0.0, -0.2),
    "I25.10": (-0.7, 0.2, 0.0, 0.1, 0.2),
    "I21.4": (-2.4, 0.2, 0.0, 0.2, 0.0),
    "I10": (0.5, -0.1, 0.1, 0.0, 0.2),
    "I11.0": (-2.3, 0.3, 0.2, 0.2, 0.1),
    "I27.20": (-2.4, 0.2, 0.25, 0.45, 0.1),
    "I34.0": (-1.9, 0.2, 0.3, 0.0, 0.1),
    "I35.0": (-2.2, 0.0, 0.1, 0.1, 0.4),
    "I63.9": (-2.4, 0.0, 0.1, 0.6, 0.3),
    "I70.0": (-2.2, 0.0, 0.0, 0.5, 0.3),
    "I73.9": (-2.1, 0.0, 0.0, 0.6, 0.2),
    "I95.9": (-2.6, 0.2, 0.0, 0.7, 0.1),
    "I26.99": (-3.6, 0.0, 0.0, 0.4, 0.0),
    "E11.9": (-1.0, 0.1, 0.0, 0.35, 0.0),
    "E78.5": (0.1, 0.0, 0.0, -0.1, 0.0),
    "N18.3": (-1.4, 0.1, 0.0, 0.6, 0.3),
    "J44.9": (-1.9, 0.0, 0.0, 0.6, 0.1),
    "Z95.1": (-2.8, 0.2, 0.0, 0.0, 0.0),
    "I44.7": (-2.6, 0.1, 0.0, 0.0, 0.2),
}
"""ICD-10-CM code -> logit of the share of patients who have it, and its slopes on failing, la, frailty and age."""
MOTION: dict[str, tuple[float, float]] = {"I25.10": (0.3, 0.0), "I21.4": (0.5, 0.0), "I44.7": (0.0, 0.8)}
"""ICD-10-CM code -> its further slopes on hypokinesis and delay: infarction and left bundle-branch block."""

MEDICATIONS: dict[str, tuple[float, float, float, tuple[int, ...]]] = {
    "ace_inhibitor": (-0.7, 0.4, -0.2, (5, 10, 20, 40)),
    "arb": (-1.6, 0.3, -0.1, (50, 100, 160)),
    "beta_blocker": (-0.2, 0.3, 0.0, (25, 50, 100, 200)),
    "statin": (0.1, 0.1, -0.1, (10, 20, 40, 80)),
    "loop_diuretic": (-1.0, 0.5, 0.4, (20, 40, 80, 160)),
    "potassium_sparing_diuretic": (-2.2, 0.4, 0.0, (25, 50)),
    "thiazide": (-2.0, -0.1, 0.0, (12, 25)),
    "allopurinol": (-2.8, 0.1, 0.1, (100, 300)),
}
"""Class -> logit of the share of patients who take it, its slopes on failing and frailty, and doses (mg a day)."""

OTHER_UNITS: dict[str, tuple[str, float]] = {
    name: measure.other for name, measure in (MEASURES | REPORTED).items() if measure.other
}
OTHER_UNITS |= {"lvef": ("1", 0.01), "lvidd": ("mm", 10), "lvids": ("mm", 10), "ivsd": ("mm", 10), "lvpwd": ("mm", 10)}
"""Variable -> another unit in which extracts give it, and the factor."""
