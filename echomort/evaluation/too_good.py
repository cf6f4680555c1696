"""The rows of the metric table for what is too good to be true, by the rule of :mod:`echomort.evaluation.suspicions`.

They are apart from the rule and its words, which checks use, so that no check is decided by the code of an evaluation.
"""

import math
from collections.abc import Iterable, Iterator

import pandas as pd

from echomort.evaluation.discrimination import delong_interval
from echomort.evaluation.scored import ScoredRows, headline_rows, models_of
from echomort.evaluation.suspicions import suspicious_variables
from echomort.evaluation.too_few import has_too_few_outcomes
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, ONE_VARIABLE, TOO_GOOD, WHOLE, MetricRow


def suspicious_rows(
    frame: pd.DataFrame, scores: pd.DataFrame, variables: pd.DataFrame, settings: Evaluation
) -> pd.DataFrame:
    """Return rows of the metric table (evaluation ``too_good``): variables and models that are too good to be true.

    ``frame`` and ``scores`` are those of :func:`echomort.evaluation.evaluate`. The AUC of a model is computed from
    them: in the metric table a high ``suppress_below_events`` withholds it. ``variables``: variable, predictor
    (``value`` or ``presence``), auc (0 to 1), n, events, as warehouse/reads/evaluation/variable_auc.sql returns. A
    variable has one row, of its better predictor.
    """
    models = models_of(scores, headline_rows(frame), None)
    rows = [*_models(models, settings), *_variables(suspicious_variables(variables, settings))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _models(models: Iterable[ScoredRows], settings: Evaluation) -> Iterator[MetricRow]:
    for model in models:
        if not has_too_few_outcomes(model.died, settings.suspicious_deaths):
            area = delong_interval(model.died, model.score, settings.confidence)
            if area.value >= settings.suspicious_auc:
                limits, counts = (area.low, area.high), (len(model.rows), int(model.died.sum()))
                yield MetricRow(TOO_GOOD, model.model, WHOLE, "auc", area.value, *limits, *counts, "score")


def _variables(found: pd.DataFrame) -> Iterator[MetricRow]:
    for row in found.to_dict("records"):
        limits, counts = (math.nan, math.nan), (int(row["n"]), int(row["events"]))
        yield MetricRow(TOO_GOOD, ONE_VARIABLE, row["variable"], "auc", row["auc"], *limits, *counts, row["predictor"])
