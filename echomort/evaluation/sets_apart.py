"""The evaluation of sets that are kept apart: the risks that are served, on patients whom no model has seen.

A score of such a patient is the mean over the models of all folds. It is calibrated as a served risk is: by a map that
is fitted on the out-of-fold scores of the cross-validation.
"""

import math
from collections.abc import Iterable, Iterator

import pandas as pd

from echomort.evaluation.calibration import calibration_figures
from echomort.evaluation.evaluated import EvaluatedModel, collect_models
from echomort.evaluation.inputs import expit
from echomort.evaluation.interval import without_limits
from echomort.evaluation.metrics.calibration import BRIER, IN_THE_LARGE, OBSERVED_EXPECTED, SLOPE
from echomort.evaluation.metrics.discrimination import AUC
from echomort.evaluation.summary import evaluate
from echomort.evaluation.too_few import has_too_few_outcomes, suppressed
from echomort.models.platt import Platt
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, COMPARISON, HELD_OUT, OUT_OF_FOLD, WHOLE, MetricRow, role_subset
from echomort.vocabulary.model_names import ModelName

AS_GIVEN = ("score", "external")
"""Kinds of models that are not trained here: nothing is fitted to their scores in a set apart."""


def served_scores(scores: pd.DataFrame, frame: pd.DataFrame, seen_scores: pd.DataFrame) -> pd.DataFrame:
    """Return ``scores`` with the log odds of the served risk in the place of each trained model's ``logit``.

    ``scores``: study_key, model, logit of patients whom no model has seen. ``frame`` and ``seen_scores``: the studies
    of the cross-validation with their label, and their out-of-fold scores. Clinical and external scores stay as they
    are; a model without out-of-fold scores of both outcomes is left out.
    """
    labels = frame.dropna(subset=["label"]).set_index("study_key")["label"]
    parts = [part for model, part in scores.groupby("model") if ModelName.parse(str(model)).kind in AS_GIVEN]
    for model, known in seen_scores[seen_scores["study_key"].isin(labels.index)].groupby("model"):
        part, died = scores[scores["model"] == model], labels.loc[known["study_key"]].to_numpy(dtype=int)
        if ModelName.parse(str(model)).kind not in AS_GIVEN and 0 < died.sum() < len(died):
            platt = Platt.fit(known["logit"].to_numpy(dtype=float), died)
            parts.append(part.assign(logit=platt.logit(part["logit"])))
    return pd.concat(parts) if parts else scores.iloc[:0]


def set_apart_rows(
    role: str, frame: pd.DataFrame, scores: pd.DataFrame, settings: Evaluation, horizon: int
) -> pd.DataFrame:
    """Return the metric rows of the patients with ``role``: discrimination, calibration, figures weighted for censoring
    and comparisons of every model in ``scores`` (as of :func:`served_scores`).

    ``frame`` is as in :func:`echomort.evaluation.evaluate`. With fewer than ``settings.suppress_below_events`` deaths
    or survivors only the counts are returned.
    """
    if frame.empty or scores.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    models = list(collect_models(frame, scores, None, settings, horizon).models.values())
    labelled = frame[frame["headline"].astype(bool)]["label"].dropna()
    if has_too_few_outcomes(labelled.to_numpy(dtype=float) == 1, settings.suppress_below_events):
        rows = [_counts(model, settings.suppress_below_events) for model in models]
    else:
        rows = [*_kept(evaluate(frame, scores, None, settings, horizon)), *_calibrations(models, settings.confidence)]
    return pd.DataFrame([row._replace(evaluation=HELD_OUT, subset=role_subset(role)) for row in rows], columns=COLUMNS)


def _counts(model: EvaluatedModel, least: int) -> MetricRow:
    return model.scored.row(AUC, without_limits(math.nan, suppressed(least)))


def _kept(metrics: pd.DataFrame) -> Iterator[MetricRow]:
    """Yield the figures of all rows, and the comparisons; the Brier score comes with the calibration."""
    wanted = metrics["evaluation"].isin([OUT_OF_FOLD, COMPARISON]) & metrics["subset"].eq(WHOLE)
    wanted &= ~metrics["metric"].eq(BRIER.name)
    return (MetricRow(*row) for row in metrics[wanted].itertuples(index=False))


def _calibrations(models: Iterable[EvaluatedModel], confidence: float) -> Iterator[MetricRow]:
    for model in models:
        scored = model.scored
        if model.has_ranking and scored.is_log_odds:
            figures = calibration_figures(scored.died, expit(scored.score), confidence)
            yield scored.row(SLOPE, figures.slope)
            yield scored.row(IN_THE_LARGE, figures.in_the_large)
            yield scored.row(OBSERVED_EXPECTED, figures.observed_expected)
            yield scored.row(BRIER, without_limits(figures.brier, "mean squared error"))
