"""The four clinical scores of every study: what each gives, as a probability too, and why it gives nothing."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd

from echomort.clinical_scores.columns import Floats
from echomort.clinical_scores.maggic_score import maggic
from echomort.clinical_scores.pce import pooled_cohort
from echomort.clinical_scores.prevent_base import prevent
from echomort.clinical_scores.shfm import BASELINE_HAZARD, seattle
from echomort.core.errors import UserError
from echomort.settings import ClinicalScores

Score = Literal["pce", "prevent", "shfm", "maggic"]
SCORES: tuple[Score, ...] = ("pce", "prevent", "shfm", "maggic")
HEART_FAILURE_SCORES = frozenset({"shfm", "maggic"})
"""Made for patients with heart failure: they apply where it is on record."""

COLUMNS = ("study_key", "score", "value", "logit", "applicable", "reason")
HEART_FAILURE = "heart_failure"


def score_studies(inputs: pd.DataFrame, settings: ClinicalScores) -> pd.DataFrame:
    """Return one row a study and score, with COLUMNS.

    ``inputs`` has one row a study: study_key, heart_failure (on record at the study) and the columns of every score.
    ``value`` is what the score is published as (ten-year risk, ten-year risk of cardiovascular disease, score,
    points); ``logit`` the log odds of its probability (of those ten-year risks; of death within one year for the
    heart-failure scores), both null where ``reason`` says why.
    """
    heart_failure = inputs[HEART_FAILURE].to_numpy(dtype=bool)
    parts = []
    for score in SCORES:
        value, logit, reason = SCORED[score](inputs, settings)
        applicable = heart_failure if score in HEART_FAILURE_SCORES else np.ones(len(inputs), bool)
        parts.append(_long(inputs["study_key"], score, value, logit).assign(applicable=applicable, reason=reason))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def coverage(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how many studies each score applies to and was computed for: score, applicable, computed."""
    applies = scores[scores["applicable"].astype(bool)]
    computed = applies["value"].notna().groupby(applies["score"]).sum()
    counts = pd.DataFrame({"applicable": applies.groupby("score").size(), "computed": computed})
    return counts.reindex(list(SCORES), fill_value=0).rename_axis("score").reset_index()


def why_not(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how often each input kept a score from a study to which it applies: score, reason, studies.

    A reason is a kind and one input (``missing: uric acid``); a study that lacks several counts for each.
    """
    lost = scores[scores["applicable"].astype(bool) & scores["value"].isna()]
    said = [
        (score, f"{kind}: {column}")
        for score, text in zip(lost["score"], lost["reason"], strict=True)
        for kind, column in _troubles(text)
    ]
    counts = pd.DataFrame(said, columns=["score", "reason"]).value_counts(["score", "reason"]).rename("studies")
    table = counts.reset_index().sort_values(["score", "studies", "reason"], ascending=[True, False, True])
    return table.reset_index(drop=True)


def _troubles(reason: str) -> list[tuple[str, str]]:
    parts = [part.partition(":") for part in reason.split(";")]
    return [
        (kind.replace("_", " "), column)
        for kind, _, columns in parts
        for column in columns.split("+")
        if kind in LEAVING_NOTHING
    ]


LEAVING_NOTHING = frozenset({"missing", "invalid", "unsupported", "out_of_range"})

Triple = tuple[Floats, Floats, pd.Series]


def _pooled_cohort(inputs: pd.DataFrame, settings: ClinicalScores) -> Triple:
    table = pooled_cohort(inputs, settings.out_of_range)
    return _floats(table["risk"]), _log_odds(_floats(table["risk"])), table["reason"]


def _prevent(inputs: pd.DataFrame, settings: ClinicalScores) -> Triple:
    table = prevent(inputs, settings.out_of_range)
    return _floats(table["cvd10"]), _log_odds(_floats(table["cvd10"])), table["reason"]


def _seattle(inputs: pd.DataFrame, settings: ClinicalScores) -> Triple:
    table = seattle(inputs, settings.out_of_range, impute=settings.seattle_gaps)
    died = -np.expm1(-BASELINE_HAZARD * np.exp(_floats(table["score"])))  # 1 - s1, without rounding it to 1
    return _floats(table["score"]), _log_odds(died), table["reason"]


def _maggic(inputs: pd.DataFrame, settings: ClinicalScores) -> Triple:
    table = maggic(inputs, settings.out_of_range)
    return _floats(table["score"]), _log_odds(_floats(table["mort1y"])), table["reason"]


SCORED: dict[Score, Callable[[pd.DataFrame, ClinicalScores], Triple]] = {
    "pce": _pooled_cohort,
    "prevent": _prevent,
    "shfm": _seattle,
    "maggic": _maggic,
}


def _floats(column: pd.Series) -> Floats:
    return column.to_numpy(dtype=np.float64)


def _log_odds(chance: Floats) -> Floats:
    inside = np.clip(chance, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside / (1 - inside)))


def _long(keys: pd.Series, score: str, value: Floats, logit: Floats) -> pd.DataFrame:
    if len(value) != len(keys):
        raise UserError(f"the score {score} has rows without a study", "compute the scores again")
    return pd.DataFrame({"study_key": keys.to_numpy(), "score": score, "value": value, "logit": logit})
