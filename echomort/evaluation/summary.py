"""Every figure of an evaluation as rows of the ``metric`` table.

All figures are on the headline rows (one study a patient) and out of fold. Each model is judged on the rows it could
score, with its coverage beside it; two models are compared on the rows that both could score. The figures themselves
are those of the metric families (:mod:`echomort.evaluation.metrics`).
"""

from collections.abc import Iterator, Sequence

import pandas as pd

from echomort.evaluation.bootstraps import Bootstrapped, bootstrapped_rows
from echomort.evaluation.judged import JudgedModels, judge
from echomort.evaluation.metric import MetricFamily
from echomort.evaluation.metrics import metric_families
from echomort.evaluation.resampling import Resampling
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, MetricRow


def evaluate(
    frame: pd.DataFrame, scores: pd.DataFrame, truth: pd.DataFrame | None, settings: Evaluation, horizon: int = 365
) -> pd.DataFrame:
    """Return metric rows (:data:`COLUMNS`) of every model in ``scores`` and, where ``truth`` is given, of the
    oracles.

    ``frame``: study_key, patient_key, fold, label (0, 1 or null for a censored study, which only the IPCW figures
    use), days, event; with a column ``headline`` only its true rows count. Every further column is a subgroup.
    ``scores``: study_key, model, fold and ``logit`` (or ``score`` for a mere ranking); several rows of a study and
    model are averaged. ``truth``: study_key, death_probability and the oracles' log hazards. Days to ``horizon``
    decide the IPCW figures. Raises :class:`ValueError` for a missing column, a repeated patient, and a score that
    was not made out of the study's fold.
    """
    figures = list(_figures(judge(frame, scores, truth, settings, horizon), metric_families()))
    rows = [figure for figure in figures if isinstance(figure, MetricRow)]
    wanted = [figure for figure in figures if isinstance(figure, Bootstrapped)]
    drawn = bootstrapped_rows(wanted, Resampling(settings.bootstrap, settings.confidence, settings.seed))
    return pd.DataFrame([*rows, *drawn], columns=list(COLUMNS))


def _figures(judged: JudgedModels, families: Sequence[MetricFamily]) -> Iterator[MetricRow | Bootstrapped]:
    for family in families:
        yield from family.of_cohort(judged)
    for model in judged.models.values():
        for family in families:
            yield from family.of_model(model)
    for family in families:
        yield from family.of_models(judged)
