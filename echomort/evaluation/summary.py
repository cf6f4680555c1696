"""An evaluation: every metric of every model, as rows of the ``metric`` table.

All metrics are out of fold and on the headline rows (one study a patient). A model is evaluated on the rows it scored;
its coverage is reported too. Two models are compared on the rows that both scored. The metrics themselves are in
:mod:`echomort.evaluation.metrics`.
"""

from collections.abc import Iterator, Sequence

import pandas as pd

from echomort.evaluation.bootstraps import Bootstrapped, bootstrapped_rows
from echomort.evaluation.evaluated import EvaluatedModels, collect_models
from echomort.evaluation.metric_family import MetricFamily
from echomort.evaluation.metrics import metric_families
from echomort.evaluation.resampling import Resampling
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, MetricRow


def evaluate(
    frame: pd.DataFrame, scores: pd.DataFrame, truth: pd.DataFrame | None, settings: Evaluation, horizon: int = 365
) -> pd.DataFrame:
    """Return metric rows (:data:`COLUMNS`) of every model in ``scores`` and, where ``truth`` is given, of the
    oracles.

    ``frame``: study_key, patient_key, fold, label (0, 1, or null for a censored study: only the IPCW metrics use it),
    days, event. With a column ``headline`` only the rows where it is true are used. Every further column defines
    subgroups. ``scores``: study_key, model, fold, and ``logit`` (or ``score`` where it only ranks); several rows of a
    study and model are averaged. ``truth``: study_key, death_probability and the oracles' log hazards. ``horizon`` is
    that of the IPCW metrics, in days. Raises :class:`ValueError` for a missing column, a repeated patient, and a score
    by a model that was not held out of the study's fold.
    """
    figures = list(_figures(collect_models(frame, scores, truth, settings, horizon), metric_families()))
    rows = [figure for figure in figures if isinstance(figure, MetricRow)]
    requests = [figure for figure in figures if isinstance(figure, Bootstrapped)]
    bootstrapped = bootstrapped_rows(requests, Resampling(settings.bootstrap, settings.confidence, settings.seed))
    return pd.DataFrame([*rows, *bootstrapped], columns=list(COLUMNS))


def _figures(evaluated: EvaluatedModels, families: Sequence[MetricFamily]) -> Iterator[MetricRow | Bootstrapped]:
    for family in families:
        yield from family.of_cohort(evaluated)
    for model in evaluated.models.values():
        for family in families:
            yield from family.of_model(model)
    for family in families:
        yield from family.of_models(evaluated)
