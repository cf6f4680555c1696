"""The controls against the models of the views: how well each ranks, and what the loop adds to it."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from echomort.evaluation.bootstraps import Bootstrapped, bootstrapped_rows
from echomort.evaluation.discrimination import delong_interval, delong_test
from echomort.evaluation.evaluated import EvaluatedModel, collect_models
from echomort.evaluation.interval import Interval
from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.comparisons import AUC_DIFFERENCE
from echomort.evaluation.metrics.discrimination import AUC, AUC_WITHIN_FOLDS, within_folds
from echomort.evaluation.metrics.headroom import HEADROOM
from echomort.evaluation.resampling import Resampling, difference, headroom_share
from echomort.evaluation.scored import ScoredRows, common_rows
from echomort.evaluation.too_few import has_too_few_outcomes
from echomort.settings import Evaluation
from echomort.vocabulary.controls import HEADERS, SHUFFLED_LOOP, STILL
from echomort.vocabulary.metric_table import COLUMNS, CONTROL, MetricRow
from echomort.vocabulary.model_names import view_model

LOOP = "loop"
"""In the place of a control: the view's own model, on the same rows."""
HEADROOM_HEART = HEADROOM["oracle_heart"]
HEADROOM_DIFFERENCE = Metric("headroom_difference", "Headroom lost", 0, "higher", as_percent=True)
MOST_HEADROOM = 0.30
"""Share of the heart's headroom that a control without motion may recover on the synthetic archive: its risk is made to
be in the motion. Chosen here; what atrium and wall alone tell is 19 %."""


def control_rows(  # noqa: PLR0913
    frame: pd.DataFrame,
    scores: pd.DataFrame,
    controls: pd.DataFrame,
    *,
    truth: pd.DataFrame | None,
    settings: Evaluation,
    horizon: int = 365,
) -> pd.DataFrame:
    """Return the metric rows (:data:`COLUMNS`) of the controls: ``model`` is the view's model, ``subset`` the control.

    ``controls``: study_key, fold, view, control, logit; several rows of a study are averaged. Other arguments as those
    of :func:`echomort.evaluation.summary.evaluate`. Each control has its AUC, pooled and within folds, and what the AUC
    of the view's model is above it (DeLong, paired, pooled), and where ``truth`` is given the share of the heart's
    headroom that it recovers, and that it lacks of the model's, all on the patients that both scored. The view's model
    has its own AUCs and share.
    """
    plan = Resampling(settings.bootstrap, settings.confidence, settings.seed)
    rows: list[MetricRow] = []
    for view, of_view in controls.groupby("view"):
        loop = scores[scores["model"] == view_model(str(view))]
        given = pd.concat([loop[["study_key", "model", "fold", "logit"]], of_view.assign(model=of_view["control"])])
        models = collect_models(frame, given, truth, settings, horizon).models
        own = models.get(view_model(str(view)))
        names = [name for name in dict.fromkeys(of_view["control"]) if name in models]
        if own is not None and own.has_ranking:
            found = [*_loop_figures(own), *(one for name in names for one in _figures(own, models[name]))]
            requests = [figure for figure in found if isinstance(figure, Bootstrapped)]
            rows += [figure for figure in found if isinstance(figure, MetricRow)]
            rows += bootstrapped_rows(requests, plan)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _loop_figures(loop: EvaluatedModel) -> Iterator[MetricRow | Bootstrapped]:
    yield from _auc_rows(loop, loop.scored, LOOP)
    yield from _headroom(loop, loop.scored, LOOP)


def _figures(loop: EvaluatedModel, control: EvaluatedModel) -> Iterator[MetricRow | Bootstrapped]:
    """Yield the figures of ``control``, on the rows that the ``loop`` scored too."""
    name = control.scored.model
    own, of_loop = common_rows(control.scored, loop.scored)
    if has_too_few_outcomes(own.died, loop.settings.suppress_below_events):
        return
    own = ScoredRows(of_loop.model, own.rows, own.score, own.is_log_odds, own.true_risk)
    yield from _auc_rows(loop, own, name)
    test = delong_test(own.died, of_loop.score, own.score, loop.settings.confidence)
    gap = Interval(test.difference, test.low, test.high, "DeLong, paired, Wald", test.note)
    yield own.row(AUC_DIFFERENCE, gap, name, CONTROL)
    yield from _headroom(loop, own, name)
    yield from _headroom_lost(loop, of_loop, own, name)


def _auc_rows(loop: EvaluatedModel, scored: ScoredRows, name: str) -> Iterator[MetricRow]:
    confidence = loop.settings.confidence
    yield scored.row(AUC, delong_interval(scored.died, scored.score, confidence), name, CONTROL)
    yield from within_folds(scored, confidence, name, CONTROL)


def _headroom(loop: EvaluatedModel, scored: ScoredRows, name: str) -> Iterator[Bootstrapped]:
    oracle = loop.oracles.get("oracle_heart")
    if oracle is not None and scored.true_risk is not None:
        best = loop.aucs.auc(oracle.on_rows_of(scored), soft=True)
        share = headroom_share(loop.aucs.auc(scored, soft=True), best)
        yield Bootstrapped(scored, HEADROOM_HEART, share, name, CONTROL)


def _headroom_lost(loop: EvaluatedModel, of_loop: ScoredRows, own: ScoredRows, name: str) -> Iterator[Bootstrapped]:
    oracle = loop.oracles.get("oracle_heart")
    if oracle is not None and own.true_risk is not None:
        best = loop.aucs.auc(oracle.on_rows_of(own), soft=True)
        shares = (headroom_share(loop.aucs.auc(one, soft=True), best) for one in (of_loop, own))
        yield Bootstrapped(own, HEADROOM_DIFFERENCE, difference(*shares), name, CONTROL)


def broken_controls(metrics: pd.DataFrame, least: int) -> list[str]:
    """Return what contradicts that the synthetic archive's risk is in its motion, by the limits of the ``metrics`` of
    its controls (rows as :func:`control_rows` returns them): empty on an archive whose truth is not known.

    Controls with fewer than ``least`` deaths or survivors (``evaluation.suppress_below_events``) are not judged: Wald
    limits of so few are too narrow. The AUC of the headers is that within folds: all folds pooled, models that know
    nothing are below chance.
    """
    found = []
    known = metrics[metrics["evaluation"] == CONTROL]
    known = known[np.minimum(known["events"], known["n"] - known["events"]) >= least]
    if not (known["metric"] == HEADROOM_HEART.name).any():
        return []
    columns = ["model", "subset", "metric", "value", "low", "high"]
    for model, control, metric, value, low, high in known[columns].itertuples(index=False, name=None):
        name = f"{control} of {model}"
        if metric == HEADROOM_HEART.name and control in STILL and low > MOST_HEADROOM:
            found.append(f"{name} recovers {value:.0%} of the headroom, more than {MOST_HEADROOM:.0%}")
        if metric == HEADROOM_DIFFERENCE.name and control == SHUFFLED_LOOP and high < 0:
            found.append(f"{name} recovers more than the loop")
        if metric == AUC_WITHIN_FOLDS.name and control == HEADERS and _is_not_chance(value, low, high):
            found.append(f"{name} has an AUC within folds of {value:.3f}, which is not chance")
    return found


def _is_not_chance(area: float, low: float, high: float) -> bool:
    """Whether the limits of an AUC exclude 0.5; without limits, whether it is another value. An unknown AUC (no fold
    has deaths and survivors) says nothing."""
    if math.isnan(low):
        return not math.isnan(area) and area != 0.5
    return not low <= 0.5 <= high
