"""PREVENT, base model: ten-year risk of cardiovascular disease, of its atherosclerotic part, and of heart failure.

Khan SS et al., Circulation 2024;149:430, doi 10.1161/CIRCULATIONAHA.123.067626, supplementary table S12, at its full
seven digits: six of them move the highest risks by more than 1e-6.
"""

import numpy as np
import pandas as pd

from echomort.clinical_scores.columns import (
    SEX,
    YES_OR_NO,
    Column,
    Floats,
    OutOfRange,
    Quantity,
    Rows,
    Table,
    read_columns,
)
from echomort.clinical_scores.scores import ClinicalScore

COLUMNS: dict[str, Column] = {
    "sex": SEX,
    "age": Quantity(30, 79),
    "tc": Quantity(130, 320),
    "hdl": Quantity(20, 100),
    "sbp": Quantity(90, 180),
    "bp_treated": YES_OR_NO,
    "smoker": YES_OR_NO,
    "diabetes": YES_OR_NO,
    "egfr": Quantity(15, 140),
    "bmi": Quantity(18.5, 39.9),
    "statin": YES_OR_NO,
}
"""Age in years, cholesterols in mg/dL, pressure in mmHg, eGFR in mL/min/1.73 m2, BMI in kg/m2, with their limits."""

MMOL_PER_MG = 0.02586
OUTCOMES = ("cvd10", "ascvd10", "hf10")
COEFFICIENTS: dict[str, tuple[float, float, float, float, float, float]] = {
    # outcome and sex:   CVD F      CVD M       ASCVD F     ASCVD M     HF F        HF M
    "age": (0.7939329, 0.7688528, 0.719883, 0.7099847, 0.8998235, 0.8972642),
    "non_hdl": (0.0305239, 0.0736174, 0.1176967, 0.1658663, 0, 0),
    "hdl": (-0.1606857, -0.0954431, -0.151185, -0.1144285, 0, 0),
    "sbp_below_110": (-0.2394003, -0.4347345, -0.0835358, -0.2837212, -0.4559771, -0.6811466),
    "sbp_above_110": (0.360078, 0.3362658, 0.3592852, 0.3239977, 0.3576505, 0.3634461),
    "diabetes": (0.8667604, 0.7692857, 0.8348585, 0.7189597, 1.038346, 0.923776),
    "smoker": (0.5360739, 0.4386871, 0.4831078, 0.3956973, 0.583916, 0.5023736),
    "bmi_below_30": (0, 0, 0, 0, -0.0072294, -0.0485841),
    "bmi_above_30": (0, 0, 0, 0, 0.2997706, 0.3726929),
    "egfr_below_60": (0.6045917, 0.5378979, 0.4864619, 0.3690075, 0.7451638, 0.6926917),
    "egfr_above_60": (0.0433769, 0.0164827, 0.0397779, 0.0203619, 0.0557087, 0.0251827),
    "bp_treated": (0.3151672, 0.288879, 0.2265309, 0.2036522, 0.3534442, 0.2980922),
    "statin": (-0.1477655, -0.1337349, -0.0592374, -0.0865581, 0, 0),
    "bp_treated_sbp": (-0.0663612, -0.0475924, -0.0395762, -0.0322916, -0.0981511, -0.0497731),
    "statin_non_hdl": (0.1197879, 0.150273, 0.0844423, 0.114563, 0, 0),
    "age_non_hdl": (-0.0819715, -0.0517874, -0.0567839, -0.0300005, 0, 0),
    "age_hdl": (0.0306769, 0.0191169, 0.0325692, 0.0232747, 0, 0),
    "age_sbp": (-0.0946348, -0.1049477, -0.1035985, -0.0927024, -0.0946663, -0.1289201),
    "age_diabetes": (-0.27057, -0.2251948, -0.2417542, -0.2018525, -0.3581041, -0.3040924),
    "age_smoker": (-0.078715, -0.0895067, -0.0791142, -0.0970527, -0.1159453, -0.1401688),
    "age_bmi": (0, 0, 0, 0, -0.003878, 0.0068126),
    "age_egfr": (-0.1637806, -0.1543702, -0.1671492, -0.1217081, -0.1884289, -0.1797778),
    "constant": (-3.307728, -3.031168, -3.819975, -3.500655, -4.310409, -3.946391),
}


def prevent(table: Table, out_of_range: OutOfRange = "strict") -> pd.DataFrame:
    """Return ``cvd10``, ``ascvd10``, ``hf10`` as fractions, and ``reason``, one row for each of ``table``.

    ``table`` has the columns of COLUMNS. All three risks are NaN where any value is missing, invalid or, under
    ``strict``, outside its limits; ``reason`` then names the columns (see
    :func:`echomort.clinical_scores.columns.read_columns`, also for the errors). As with the Pooled Cohort Equations,
    calibration against one-year death does not apply.
    """
    rows = read_columns(table, COLUMNS, out_of_range)
    sex = rows.values["sex"]
    terms = _terms(rows)
    risks = {outcome: _risk(terms, sex, 2 * number) for number, outcome in enumerate(OUTCOMES)}
    return rows.to_frame(risks)


def _risk(terms: dict[str, Floats], sex: Floats, first: int) -> Floats:
    place = first + np.where(np.isnan(sex), 0, sex).astype(int)
    total = np.sum([np.asarray(COEFFICIENTS[name])[place] * term for name, term in terms.items()], axis=0)
    return np.where(np.isnan(sex), np.nan, 1 / (1 + np.exp(-total)))


def _terms(rows: Rows) -> dict[str, Floats]:
    """The design (n,) by term, centred and scaled as published."""
    values = rows.values
    age = (values["age"] - 55) / 10
    non_hdl = MMOL_PER_MG * (values["tc"] - values["hdl"]) - 3.5
    hdl = (MMOL_PER_MG * values["hdl"] - 1.3) / 0.3
    sbp = (np.maximum(values["sbp"], 110) - 130) / 20
    bmi = (np.maximum(values["bmi"], 30) - 30) / 5
    egfr = (np.minimum(values["egfr"], 60) - 60) / -15
    main = {
        "age": age,
        "non_hdl": non_hdl,
        "hdl": hdl,
        "sbp_below_110": (np.minimum(values["sbp"], 110) - 110) / 20,
        "sbp_above_110": sbp,
        "bmi_below_30": (np.minimum(values["bmi"], 30) - 25) / 5,
        "bmi_above_30": bmi,
        "egfr_below_60": egfr,
        "egfr_above_60": (np.maximum(values["egfr"], 60) - 90) / -15,
        "constant": np.ones(len(age)),
    }
    codes = {name: values[name] for name in ("diabetes", "smoker", "bp_treated", "statin")}
    products = {
        "bp_treated_sbp": values["bp_treated"] * sbp,
        "statin_non_hdl": values["statin"] * non_hdl,
        "age_non_hdl": age * non_hdl,
        "age_hdl": age * hdl,
        "age_sbp": age * sbp,
        "age_diabetes": age * values["diabetes"],
        "age_smoker": age * values["smoker"],
        "age_bmi": age * bmi,
        "age_egfr": age * egfr,
    }
    return {**main, **codes, **products}


CLINICAL_SCORE = ClinicalScore(
    label="PREVENT",
    columns=COLUMNS,
    compute=lambda table, settings: prevent(table, settings.out_of_range),
    value="cvd10",
    probability=lambda figures: figures["cvd10"],
    predicts_one_year_death=False,
    limits=(0, 1),
    place=131,
)
