"""Seattle Heart Failure Model: survival of patients with heart failure.

Levy WC et al., Circulation 2006;113:1424, doi 10.1161/CIRCULATIONAHA.105.584102. Survival at t years is
exp(-0.0405 t) ^ exp(score); the score is a sum of log hazard ratios and is not centred.

Where public implementations disagree, this one holds systolic pressure at 160, lymphocytes at 47 % and uric acid at
3.4 (others let the term vanish there, a jump of the score by up to 2); counts a defibrillator within CRT-D once;
counts the ACE inhibitor alone where an ARB is given too; and refuses a CRT pacemaker, for which the model publishes no
hazard ratio, unless one is given.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from echomort.clinical_scores.columns import (
    NYHA,
    YES_OR_NO,
    Booleans,
    Choice,
    Column,
    Floats,
    OutOfRange,
    Quantity,
    Rows,
    Table,
    read_columns,
    usable,
)
from echomort.clinical_scores.scores import ClinicalScore
from echomort.core.errors import UserError

NO_DEVICE, ICD, CRT_D, CRT_P = range(4)
DEVICES = Choice(
    {
        "none": NO_DEVICE,
        "icd": ICD,
        **dict.fromkeys(("crtd", "crt_d", "crt-d"), CRT_D),
        **dict.fromkeys(("crtp", "crt_p", "crt-p"), CRT_P),
    }
)
COLUMNS: dict[str, Column] = {
    "age": Quantity(18, 110),
    "male": YES_OR_NO,
    "nyha": NYHA,
    "ef": Quantity(5, 90),
    "isch": YES_OR_NO,
    "sbp": Quantity(50, 280),
    "wt": Quantity(25, 300),
    "furo": Quantity(0, 2000, may_be_zero=True),
    "na": Quantity(100, 180),
    "chol": Quantity(50, 600),
    "hgb": Quantity(2, 25),
    "lymph": Quantity(0, 99, may_be_zero=True),
    "ua": Quantity(0.5, 25),
    "allo": YES_OR_NO,
    "statin": YES_OR_NO,
    "acei": YES_OR_NO,
    "bb": YES_OR_NO,
    "arb": YES_OR_NO,
    "mra": YES_OR_NO,
    "dev": DEVICES,
}
"""Years, LVEF %, mmHg, kg, furosemide equivalents in mg a day, mmol/L, cholesterol and uric acid in mg/dL, haemoglobin
in g/dL, lymphocytes in %; ``mra`` any potassium-sparing diuretic. The limits are of plausibility, and ours."""

HAZARD_RATIOS = {
    "age": 1.090,
    "male": 1.089,
    "nyha": 1.600,
    "ef": 1.030,
    "isch": 1.354,
    "sbp": 0.877,
    "diuretic": 1.178,
    "sodium": 1.050,
    "cholesterol": 2.206,
    "haemoglobin_low": 1.124,
    "haemoglobin_high": 1.336,
    "lymphocytes": 0.897,
    "uric_acid": 1.064,
    "allo": 1.571,
    "statin": 0.63,
    "acei": 0.77,
    "bb": 0.66,
    "arb": 0.85,
    "mra": 0.74,
}
DEVICE_HAZARD_RATIOS = {NO_DEVICE: 1.0, ICD: 0.73, CRT_D: 0.79}
BASELINE_HAZARD = 0.0405
YEARS = {"s1": 1, "s2": 2, "s5": 5}
FUROSEMIDE_PER_MG = {
    "furosemide": 1.0,
    "torsemide": 2.0,
    "bumetanide": 80 / 3,  # common clinical tables say 40; this is the model's own table
    "metolazone": 40.0,
    "hydrochlorothiazide": 3.2,
}
"""Furosemide equivalents of one mg: 80 = torsemide 40 = bumetanide 3 = metolazone 2 = hydrochlorothiazide 25."""

OFTEN_MISSING = ("lymph", "ua")


def seattle(
    table: Table,
    out_of_range: OutOfRange = "strict",
    crt_p_hazard_ratio: float | None = None,
    impute: Literal["none", "median"] = "none",
) -> pd.DataFrame:
    """Return ``score``, ``s1``, ``s2``, ``s5`` (survival at 1, 2, 5 years, fractions) and ``reason``, a row each.

    ``table`` has the columns of COLUMNS (``dev`` none, icd, crtd or crtp). With ``impute="median"`` a missing uric
    acid or lymphocyte share takes the median of ``table``'s plausible values, and ``reason`` says ``imputed:``;
    report such rows apart. Figures are NaN where a value is missing, invalid, a CRT pacemaker without
    ``crt_p_hazard_ratio`` (``unsupported:dev``) or, under ``strict``, outside its limits; ``reason`` then names the
    columns (see :func:`echomort.clinical_scores.columns.read_columns`, also for the errors). One-year mortality is
    1 - ``s1``.
    """
    rows = read_columns(table, COLUMNS, out_of_range)
    if impute == "median":
        _impute(rows)
    score = _score(rows, crt_p_hazard_ratio)
    score = np.where(usable(rows), score, np.nan)
    survivals = {name: np.exp(-BASELINE_HAZARD * years * np.exp(score)) for name, years in YEARS.items()}
    return rows.to_frame({"score": score, **survivals})


def furosemide_equivalent(milligrams: Mapping[str, float]) -> float:
    """Return the daily ``furo`` of the daily doses in mg of each drug of FUROSEMIDE_PER_MG.

    Raises :class:`UserError` for another drug.

    >>> furosemide_equivalent({"furosemide": 40, "torsemide": 20})
    80.0
    """
    unknown = sorted(milligrams.keys() - FUROSEMIDE_PER_MG.keys())
    if unknown:
        raise UserError(f"no furosemide equivalent of {', '.join(unknown)}", f"known: {', '.join(FUROSEMIDE_PER_MG)}")
    return sum(FUROSEMIDE_PER_MG[drug] * dose for drug, dose in milligrams.items())


def _score(rows: Rows, crt_p_hazard_ratio: float | None) -> Floats:
    terms = _terms(rows.values)
    total = np.sum([np.log(HAZARD_RATIOS[name]) * term for name, term in terms.items()], axis=0)
    return np.asarray(total + np.log(_device_hazard_ratio(rows, crt_p_hazard_ratio)))


def _terms(values: dict[str, Floats]) -> dict[str, Floats]:
    plain = {name: values[name] for name in ("male", "nyha", "isch", "allo", "statin", "acei", "bb", "mra")}
    return {
        **plain,
        "age": values["age"] / 10,
        "ef": 100 / values["ef"],
        "sbp": np.minimum(values["sbp"], 160) / 10,
        "diuretic": values["furo"] / values["wt"],
        "sodium": np.maximum(138 - values["na"], 0),
        "cholesterol": 100 / values["chol"],
        "haemoglobin_low": np.maximum(16 - values["hgb"], 0),
        "haemoglobin_high": np.maximum(values["hgb"] - 16, 0),
        "lymphocytes": np.minimum(values["lymph"], 47) / 5,
        "uric_acid": np.maximum(values["ua"], 3.4),
        "arb": values["arb"] * (1 - values["acei"]),
    }


def _device_hazard_ratio(rows: Rows, crt_p_hazard_ratio: float | None) -> Floats:
    device = rows.values["dev"]
    ratio = np.full(len(device), np.nan)
    for code, value in DEVICE_HAZARD_RATIOS.items():
        ratio[device == code] = value
    pacemaker: Booleans = device == CRT_P
    if crt_p_hazard_ratio is None:
        rows.add_reason("unsupported", "dev", pacemaker)
    else:
        ratio[pacemaker] = crt_p_hazard_ratio
    return ratio


def _impute(rows: Rows) -> None:
    for name in OFTEN_MISSING:
        missing = rows.troubles.get("missing", {}).get(name)
        known = rows.values[name][~np.isnan(rows.values[name])]
        if missing is not None and len(known):
            rows.values[name] = np.where(missing, np.median(known), rows.values[name])
            del rows.troubles["missing"][name]
            rows.add_reason("imputed", name, missing)


def _one_year_death(figures: pd.DataFrame) -> pd.Series:
    """1 - s1, without rounding it to 1."""
    score = figures["score"].to_numpy(dtype=np.float64)
    return pd.Series(-np.expm1(-BASELINE_HAZARD * np.exp(score)), figures.index)


CLINICAL_SCORE = ClinicalScore(
    label="Seattle heart failure model",
    columns=COLUMNS,
    compute=lambda table, settings: seattle(table, settings.out_of_range, impute=settings.seattle_gaps),
    value="score",
    probability=_one_year_death,
    predicts_one_year_death=True,
    applies_to="heart failure",
    place=132,
)
