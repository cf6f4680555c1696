"""An evaluation: every metric of every model, as rows of the ``metric`` table.

All metrics are out of fold and on the headline rows (one study a patient). A model is evaluated on the rows it scored;
its coverage is reported too. Two models are compared on the rows that both scored. The metrics themselves are in
:mod:`echomort.evaluation.metrics`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from echomort.evaluation.bootstraps import Bootstrapped, bootstrapped_rows
from echomort.evaluation.evaluated import EvaluatedModels, collect_models
from echomort.evaluation.metric_family import Figures, MetricFamily
from echomort.evaluation.metrics import METRIC_FAMILIES, metric_families
from echomort.evaluation.resampling import Resampling
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, MetricRow


def evaluate(
    frame: pd.DataFrame,
    scores: pd.DataFrame,
    truth: pd.DataFrame | None = None,
    settings: Evaluation | None = None,
    horizon: int = 365,
) -> pd.DataFrame:
    """Return metric rows (:data:`COLUMNS`) of every model in ``scores`` and, where ``truth`` is given, of the
    oracles.

    ``frame``: study_key, patient_key, fold, label (0, 1, or null for a censored study: only figures that allow for
    censoring use it), days, event. With a column ``headline`` only the labelled rows where it is true are used, with
    ``followed_headline`` only those rows for the figures that allow for censoring. Every further column defines
    subgroups. ``scores``: study_key, model, fold, and ``logit`` (or ``score`` where it only ranks); several rows of a
    study and model are averaged. ``truth``: study_key, death_probability and the oracles' log hazards. ``horizon`` is
    that of the IPCW metrics, in days. Raises :class:`ValueError` for a missing column, a repeated patient, a score by
    a model that was not held out of the study's fold, and a model that scored no study of ``frame``.
    """
    settings = settings or Evaluation()
    evaluated = collect_models(frame, scores, truth, settings, horizon)
    plan = Resampling(settings.bootstrap, settings.confidence, settings.seed)
    families = [METRIC_FAMILIES.use(name, lambda family: _computed(family, evaluated)) for name in metric_families()]
    figures = list(_ordered([family for family in families if family], evaluated))
    rows = [figure for figure in figures if isinstance(figure, MetricRow)]
    requests = [figure for figure in figures if isinstance(figure, Bootstrapped)]
    return pd.DataFrame([*rows, *bootstrapped_rows(requests, plan)], columns=list(COLUMNS))


@dataclass(frozen=True)
class _FamilyFigures:
    """The figures of one family: of the cohort, of each model by name, and of all models together."""

    of_cohort: Figures
    of_model: Mapping[str, Figures]
    of_models: Figures


def _computed(family: MetricFamily, evaluated: EvaluatedModels) -> _FamilyFigures:
    """Return all figures of ``family``. Raises :class:`TypeError` where it yields something else."""
    return _FamilyFigures(
        _checked(family.of_cohort(evaluated)),
        {name: _checked(family.of_model(model)) for name, model in evaluated.models.items()},
        _checked(family.of_models(evaluated)),
    )


def _checked(figures: Figures) -> Figures:
    found = list(figures)
    for figure in found:
        if not isinstance(figure, MetricRow | Bootstrapped):
            raise TypeError("a metric family yields rows and bootstrapped figures only")
        if isinstance(figure, Bootstrapped):
            figure.statistic(np.ones((1, len(figure.scored.rows))))
    return found


def _ordered(families: Sequence[_FamilyFigures], evaluated: EvaluatedModels) -> Iterator[MetricRow | Bootstrapped]:
    for family in families:
        yield from family.of_cohort
    for model in evaluated.models:
        for family in families:
            yield from family.of_model[model]
    for family in families:
        yield from family.of_models
