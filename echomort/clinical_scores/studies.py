"""The clinical scores of every study: value, log odds, or the reason why a score was not computed."""

from typing import Any

import numpy as np
import pandas as pd

from echomort.clinical_scores.columns import REJECTING, Floats
from echomort.clinical_scores.scores import CLINICAL_SCORES, ClinicalScore, clinical_scores
from echomort.settings import ClinicalScores

COLUMNS = ("study_key", "score", "value", "logit", "applicable", "reason")
FAILED = "failed:package"
"""Reason of every study where a score of another package can't be computed at all."""
HEART_FAILURE = "heart_failure"
"""Column of the inputs: whether heart failure is on record at the study."""
NYHA, ASSUMED = "nyha", "assumed:nyha"
"""Column of the inputs with the NYHA class, and the note where ``clinical_scores.assumed_nyha`` stands in for it."""
SMALLEST_RISK = 1e-9
"""Probability: risks are cut to this from 0 and 1, so that log odds are finite. Chosen here."""


def score_studies(inputs: pd.DataFrame, settings: ClinicalScores) -> pd.DataFrame:
    """Return one row a study and score, with COLUMNS.

    ``inputs`` has one row a study: study_key, heart_failure (on record at the study) and the columns of every score.
    ``value`` is the published figure (a risk, a score, points), ``logit`` the log odds of the probability of the
    score's outcome; both are null where ``reason`` is a rejection.
    """
    parts = [_scored(name, inputs, settings) for name in clinical_scores()]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def coverage(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how many studies each score applies to and was computed for: score, applicable, computed."""
    applies = scores[scores["applicable"].astype(bool)]
    computed = applies["value"].notna().groupby(applies["score"]).sum()
    counts = pd.DataFrame({"applicable": applies.groupby("score").size(), "computed": computed})
    return counts.reindex(list(clinical_scores()), fill_value=0).rename_axis("score").reset_index()


def rejection_counts(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how often each input prevented a score of a study to which it applies: score, reason, studies.

    A reason is a kind and one input (``missing: ua``); a study with several counts for each.
    """
    not_computed = scores[scores["applicable"].astype(bool) & scores["value"].isna()]
    reasons = [
        (score, f"{kind}: {column}")
        for score, text in zip(not_computed["score"], not_computed["reason"], strict=True)
        for kind, column in _troubles(text)
    ]
    counts = pd.DataFrame(reasons, columns=["score", "reason"]).value_counts(["score", "reason"]).rename("studies")
    table = counts.reset_index().sort_values(["score", "studies", "reason"], ascending=[True, False, True])
    return table.reset_index(drop=True)


def _troubles(reason: str) -> list[tuple[str, str]]:
    parts = [part.partition(":") for part in reason.split(";")]
    return [
        (kind.replace("_", " "), column)
        for kind, _, columns in parts
        for column in columns.split("+")
        if kind in REJECTING
    ]


def _scored(name: str, inputs: pd.DataFrame, settings: ClinicalScores) -> pd.DataFrame:
    score = CLINICAL_SCORES.get(name)
    everybody = np.ones(len(inputs), bool)
    applies = everybody if score.applies_to == "everybody" else inputs[HEART_FAILURE].to_numpy(dtype=bool)
    figures = CLINICAL_SCORES.use(name, lambda score: _figures(score, inputs, settings))
    if figures is None:  # a score of another package failed
        figures = {"value": np.nan, "logit": np.nan, "reason": FAILED}
    rows = {"study_key": inputs["study_key"].to_numpy(), "score": name, "applicable": applies}
    return pd.DataFrame(rows | figures)


def _figures(score: ClinicalScore, inputs: pd.DataFrame, settings: ClinicalScores) -> dict[str, Any]:
    """Return the value, the log odds and the reason of each study. Raises :class:`ValueError` where rows are lost."""
    assumed = inputs[NYHA].isna() if _assumes_nyha(score, settings) else None
    table = inputs if assumed is None else inputs.assign(**{NYHA: inputs[NYHA].fillna(settings.assumed_nyha)})
    figures = score.compute(table, settings)
    if len(figures) != len(inputs):
        raise ValueError("a score returns one row for each of its table")
    return {
        "value": _floats(figures[score.value]),
        "logit": _log_odds(_floats(score.probability(figures))),
        "reason": _with_assumption(figures["reason"].reset_index(drop=True), assumed),
    }


def _assumes_nyha(score: ClinicalScore, settings: ClinicalScores) -> bool:
    return settings.assumed_nyha is not None and NYHA in score.columns


def _with_assumption(reason: pd.Series, assumed: pd.Series | None) -> pd.Series:
    """Return ``reason`` with a note on the studies whose NYHA class is assumed."""
    if assumed is None or not assumed.any():
        return reason
    noted = reason.astype(object).where(reason.isna(), reason.astype(str) + ";").fillna("") + ASSUMED
    return reason.astype(object).mask(assumed.to_numpy(), noted)


def _floats(column: pd.Series) -> Floats:
    return column.to_numpy(dtype=np.float64)


def _log_odds(chance: Floats) -> Floats:
    inside = np.clip(chance, SMALLEST_RISK, 1 - SMALLEST_RISK)
    return np.asarray(np.log(inside / (1 - inside)))
