"""MAGGIC integer score: one- and three-year mortality of patients with heart failure.

Pocock SJ et al., Eur Heart J 2013;34:1404, doi 10.1093/eurheartj/ehs337. The published mortality table ends at 50
points while the items can add up to 57.
"""

import numpy as np
import pandas as pd

from echomort.clinical_scores.columns import (
    NYHA,
    YES_OR_NO,
    Column,
    Floats,
    OutOfRange,
    Quantity,
    Table,
    read_columns,
    usable,
)
from echomort.clinical_scores.scores import ClinicalScore

COLUMNS: dict[str, Column] = {
    "ef": Quantity(1, 100),
    "age": Quantity(18, 120),
    "sbp": Quantity(30, 300),
    "bmi": Quantity(5, 100),
    "creat_umol": Quantity(10, 3000),
    "nyha": NYHA,
    "male": YES_OR_NO,
    "smoker": YES_OR_NO,
    "diabetes": YES_OR_NO,
    "copd": YES_OR_NO,
    "first_dx_lt18m": YES_OR_NO,
    "no_bb": YES_OR_NO,
    "no_acei_arb": YES_OR_NO,
}
"""LVEF %, years, mmHg, kg/m2, creatinine in umol/L (mg/dL x 88.4). The outer bands are open: these limits are ours and
catch a wrong unit (an LVEF of 0.35, a creatinine in mg/dL)."""

Bands = tuple[tuple[float, ...], tuple[int, ...]]
"""Lower ends of all bands but the first, and the points of each band."""

EF_POINTS: Bands = ((20, 25, 30, 35, 40), (7, 6, 5, 3, 2, 0))
BMI_POINTS: Bands = ((15, 20, 25, 30), (6, 5, 3, 2, 0))
CREATININE_POINTS: Bands = ((90, 110, 130, 150, 170, 210, 250), (0, 1, 2, 3, 4, 5, 6, 8))
NYHA_POINTS = (0, 2, 6, 8)
AGE_BANDS = (55, 60, 65, 70, 75, 80)
SBP_BANDS = (110, 120, 130, 140, 150)
EF_GROUPS = (30, 40)
AGE_POINTS = ((0, 1, 2, 4, 6, 8, 10), (0, 2, 4, 6, 8, 10, 13), (0, 3, 5, 7, 9, 12, 15))
SBP_POINTS = ((5, 4, 3, 2, 1, 0), (3, 2, 1, 1, 0, 0), (2, 1, 1, 0, 0, 0))
ITEM_POINTS = {"male": 1, "smoker": 1, "diabetes": 3, "copd": 2, "no_bb": 3, "no_acei_arb": 1}
LONG_DIAGNOSIS_POINTS = 2

# fmt: off
MORTALITY_1_YEAR = (
    1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 2.9, 3.2, 3.6, 3.9, 4.3, 4.8, 5.2, 5.8, 6.3, 7.0, 7.7, 8.4, 9.3, 10.2, 11.1,
    12.2, 13.4, 14.7, 16.0, 17.5, 19.1, 20.9, 22.7, 24.8, 26.9, 29.2, 31.6, 34.2, 36.9, 39.8, 42.7, 45.8, 49.0, 52.3,
    55.7, 59.1, 62.5, 65.9, 69.2, 72.5, 75.7, 78.7, 81.6, 84.2,
)
MORTALITY_3_YEARS = (
    3.9, 4.3, 4.8, 5.2, 5.8, 6.3, 7.0, 7.7, 8.4, 9.2, 10.2, 11.1, 12.2, 13.4, 14.6, 16.0, 17.5, 19.1, 20.9, 22.7, 24.7,
    26.9, 29.2, 31.6, 34.2, 36.9, 39.7, 42.7, 45.8, 49.0, 52.3, 55.6, 59.0, 62.5, 65.8, 69.2, 72.5, 75.6, 78.7, 81.5,
    84.2, 86.6, 88.9, 90.8, 92.6, 94.1, 95.3, 96.4, 97.3, 98.0, 98.5,
)
# fmt: on
HIGHEST_SCORE = len(MORTALITY_1_YEAR) - 1


def maggic(table: Table, out_of_range: OutOfRange = "strict") -> pd.DataFrame:
    """Return ``score`` (points), ``mort1y``, ``mort3y`` (fractions) and ``reason``, one row for each of ``table``.

    ``table`` has the columns of COLUMNS. Above 50 points the published table ends: the mortalities are those of 50
    points, whatever the policy on inputs, and ``reason`` says ``clamped:score``. Figures are NaN where a value is
    missing, invalid or, under ``strict``, outside its limits; ``reason`` then names the columns (see
    :func:`echomort.clinical_scores.columns.read_columns`, also for the errors).
    """
    rows = read_columns(table, COLUMNS, out_of_range)
    score = np.where(usable(rows), _points(rows.values), np.nan)
    rows.add_reason("clamped", "score", score > HIGHEST_SCORE)
    mortalities = {"mort1y": _looked_up(MORTALITY_1_YEAR, score), "mort3y": _looked_up(MORTALITY_3_YEARS, score)}
    return rows.to_frame({"score": score, **mortalities})


def _points(values: dict[str, Floats]) -> Floats:
    group = _band(values["ef"], EF_GROUPS)
    banded = [(values["ef"], EF_POINTS), (values["bmi"], BMI_POINTS), (values["creat_umol"], CREATININE_POINTS)]
    total = np.sum([np.asarray(points)[_band(values, ends)] for values, (ends, points) in banded], axis=0)
    total = total + np.asarray(AGE_POINTS)[group, _band(values["age"], AGE_BANDS)]
    total = total + np.asarray(SBP_POINTS)[group, _band(values["sbp"], SBP_BANDS)]
    total = total + np.asarray(NYHA_POINTS)[np.nan_to_num(values["nyha"], nan=1).astype(int) - 1]
    items = np.sum([points * values[name] for name, points in ITEM_POINTS.items()], axis=0)
    return np.asarray(total + items + LONG_DIAGNOSIS_POINTS * (1 - values["first_dx_lt18m"]))


def _band(values: Floats, lower_ends: tuple[float, ...]) -> np.ndarray:
    """Which band each value (n,) falls in; bands are of whole numbers, so 24.9 belongs to 20-24."""
    return np.searchsorted(lower_ends, np.nan_to_num(values), side="right")


def _looked_up(percent: tuple[float, ...], score: Floats) -> Floats:
    place = np.clip(np.nan_to_num(score), 0, HIGHEST_SCORE).astype(int)
    return np.where(np.isnan(score), np.nan, np.round(np.asarray(percent)[place] / 100, 3))


CLINICAL_SCORE = ClinicalScore(
    label="MAGGIC",
    columns=COLUMNS,
    compute=lambda table, settings: maggic(table, settings.out_of_range),
    value="score",
    probability=lambda figures: figures["mort1y"],
    predicts_one_year_death=True,
    applies_to="heart failure",
    limits=(0, 57),
    place=133,
)
