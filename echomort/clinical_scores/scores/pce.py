"""Pooled Cohort Equations: ten-year risk of a first atherosclerotic cardiovascular event.

Goff DC Jr et al., 2013 ACC/AHA guideline, doi 10.1161/01.cir.0000437741.48606.98, Table A at its printed precision.
The worked example of the paper prints 5.3 % for the white man where exact arithmetic gives 5.38 %: it was rounded by
hand. Other packages print coefficients of another precision and differ by up to 0.002.
"""

import numpy as np
import pandas as pd

from echomort.clinical_scores.columns import (
    SEX,
    YES_OR_NO,
    Choice,
    Column,
    Floats,
    OutOfRange,
    Quantity,
    Rows,
    Table,
    read_columns,
)
from echomort.clinical_scores.scores import ClinicalScore

WHITE_EQUATION = ("white", "caucasian", "asian", "hispanic", "latino", "native", "pacific", "other")
BLACK_EQUATION = ("black", "african american", "black or african american")
COLUMNS: dict[str, Column] = {
    "sex": SEX,
    "race": Choice({**dict.fromkeys(WHITE_EQUATION, 0), **dict.fromkeys(BLACK_EQUATION, 1)}),
    "age": Quantity(40, 79),
    "tc": Quantity(130, 320),
    "hdl": Quantity(20, 100),
    "sbp": Quantity(90, 200),
    "bp_treated": YES_OR_NO,
    "smoker": YES_OR_NO,
    "diabetes": YES_OR_NO,
}
"""Age in years, cholesterols in mg/dL, systolic pressure in mmHg, with the limits of the guideline."""

GROUPS = ("white woman", "black woman", "white man", "black man")
COEFFICIENTS: dict[str, tuple[float, float, float, float]] = {
    "ln_age": (-29.799, 17.114, 12.344, 2.469),
    "ln_age_squared": (4.884, 0, 0, 0),
    "ln_tc": (13.540, 0.940, 11.853, 0.302),
    "ln_age_ln_tc": (-3.114, 0, -2.664, 0),
    "ln_hdl": (-13.578, -18.920, -7.990, -0.307),
    "ln_age_ln_hdl": (3.149, 4.475, 1.769, 0),
    "ln_treated_sbp": (2.019, 29.291, 1.797, 1.916),
    "ln_age_ln_treated_sbp": (0, -6.432, 0, 0),
    "ln_untreated_sbp": (1.957, 27.820, 1.764, 1.809),
    "ln_age_ln_untreated_sbp": (0, -6.087, 0, 0),
    "smoker": (7.574, 0.691, 7.837, 0.549),
    "ln_age_smoker": (-1.665, 0, -1.795, 0),
    "diabetes": (0.661, 0.874, 0.658, 0.645),
}
MEAN = (-29.18, 86.61, 61.18, 19.54)
BASELINE_SURVIVAL = (0.9665, 0.9533, 0.9144, 0.8954)


def pooled_cohort(table: Table, out_of_range: OutOfRange = "strict") -> pd.DataFrame:
    """Return ``risk``, the ten-year risk as a fraction, and ``reason``, one row for each of ``table``.

    ``table`` has the columns of COLUMNS (``sex`` F or M; every ``race`` but black takes the white equation; the last
    three 0 or 1). It is a risk of another outcome over another time: for one-year death it ranks, and calibration
    does not apply. ``risk`` is NaN where a value is missing, invalid or, under ``strict``, outside its limits;
    ``reason`` then names the columns (see :func:`echomort.clinical_scores.columns.read_columns`, also for the errors).

    The guideline's worked example is a woman of 55: 2.1 % where she is white, 3.0 % where she is black.

    >>> women = {"sex": ["F", "F"], "race": ["white", "black"], "age": [55, 55], "tc": [213, 213], "hdl": [50, 50]}
    >>> women |= {"sbp": [120, 120], "bp_treated": [0, 0], "smoker": [0, 0], "diabetes": [0, 0]}
    >>> pooled_cohort(women)["risk"].round(3).tolist()
    [0.021, 0.03]
    >>> pooled_cohort(women | {"age": [55, 30]})["reason"].tolist()
    [None, 'out_of_range:age']
    """
    rows = read_columns(table, COLUMNS, out_of_range)
    group = 2 * rows.values["sex"] + rows.values["race"]
    place = np.where(np.isnan(group), 0, group).astype(int)
    terms = _terms(rows)
    total = sum(np.asarray(COEFFICIENTS[name])[place] * term for name, term in terms.items())
    survival = np.asarray(BASELINE_SURVIVAL)[place] ** np.exp(total - np.asarray(MEAN)[place])
    return rows.to_frame({"risk": np.where(np.isnan(group), np.nan, 1 - survival)})


def _terms(rows: Rows) -> dict[str, Floats]:
    age, tc, hdl, sbp = (np.log(rows.values[name]) for name in ("age", "tc", "hdl", "sbp"))
    treated, smoker, diabetes = (rows.values[name] for name in ("bp_treated", "smoker", "diabetes"))
    return {
        "ln_age": age,
        "ln_age_squared": age**2,
        "ln_tc": tc,
        "ln_age_ln_tc": age * tc,
        "ln_hdl": hdl,
        "ln_age_ln_hdl": age * hdl,
        "ln_treated_sbp": treated * sbp,
        "ln_age_ln_treated_sbp": treated * age * sbp,
        "ln_untreated_sbp": (1 - treated) * sbp,
        "ln_age_ln_untreated_sbp": (1 - treated) * age * sbp,
        "smoker": smoker,
        "ln_age_smoker": age * smoker,
        "diabetes": diabetes,
    }


CLINICAL_SCORE = ClinicalScore(
    label="Pooled cohort equations",
    columns=COLUMNS,
    compute=lambda table, settings: pooled_cohort(table, settings.out_of_range),
    value="risk",
    probability=lambda figures: figures["risk"],
    predicts_one_year_death=False,
    limits=(0, 1),
    place=130,
)
