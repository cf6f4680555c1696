"""The models of an evaluation, each on the rows that it could score: what metric families receive."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from echomort.clinical_scores.scores import clinical_scores
from echomort.evaluation.bootstraps import SharedAucs
from echomort.evaluation.calibration import recalibrated_risks
from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.scored import (
    FOLLOWED_HEADLINE,
    ScoredRows,
    applicable_rows,
    headline_rows,
    models_of,
    oracles,
)
from echomort.evaluation.thresholds import Rule, out_of_fold_decisions
from echomort.evaluation.too_few import has_too_few_outcomes, no_result, suppressed
from echomort.settings import Evaluation
from echomort.vocabulary.model_names import ORACLES, Kind, ModelName


@dataclass(frozen=True)
class EvaluatedModel:
    """One model: ``scored`` holds its labelled headline rows, ``followed`` one row a patient of those with follow-up,
    whether it reaches the horizon or not.

    ``eligible`` is the number of labelled rows that the model is made for, scored or not. ``oracles`` are the scores
    that know the truth of a synthetic archive (empty otherwise). ``aucs`` is shared by all models of the evaluation.
    """

    scored: ScoredRows
    followed: ScoredRows
    eligible: int
    settings: Evaluation
    horizon: int
    oracles: Mapping[str, ScoredRows]
    aucs: SharedAucs

    @property
    def kind(self) -> Kind:
        """The kind of model."""
        return ModelName.parse(self.scored.model).kind

    @property
    def why_withheld(self) -> str:
        """Why the model has no figure, where it has none. Clinical scores, and external models that scored some of the
        patients, cover a part of them, as a subgroup does: the deaths are withheld too."""
        is_partial = self.kind == "external" and len(self.scored.rows) < self.eligible
        is_of_a_part = self.scored.model in clinical_scores() or is_partial
        return (suppressed if is_of_a_part else no_result)(self.settings.suppress_below_events)

    @property
    def has_ranking(self) -> bool:
        """Whether enough died and survived for a figure to be a result (:mod:`echomort.evaluation.too_few`)."""
        return not has_too_few_outcomes(self.scored.died, self.settings.suppress_below_events)

    @property
    def has_all_metrics(self) -> bool:
        """Whether all metrics are computed; for baselines only the AUC is."""
        return self.has_ranking and self.kind != "baseline"

    @property
    def has_decisions(self) -> bool:
        """Whether its thresholds and calibration maps can be fitted on other folds."""
        return self.has_all_metrics and self.kind != "oracle" and self.scored.has_folds

    @cached_property
    def recalibrated(self) -> Floats | None:
        """Risks (n,) after a Platt map fitted on the other folds; None where the score is not the log odds of this
        outcome."""
        scored = self.scored
        if not scored.is_log_odds:
            return None
        return recalibrated_risks(scored.died, scored.score, scored.rows["fold"], scored.without)

    @cached_property
    def high_risk(self) -> Booleans:
        """Rows (n,) predicted to die, by Youden's threshold on the other folds."""
        return self._decisions("youden")

    @cached_property
    def high_risk_at_fixed_sensitivity(self) -> Booleans:
        """Rows (n,) predicted to die, by the threshold that reaches a fixed sensitivity on the other folds."""
        return self._decisions("sensitivity")

    def _decisions(self, rule: Rule) -> Booleans:
        scored, target = self.scored, self.settings.fixed_sensitivity
        return out_of_fold_decisions(scored.died, scored.score, scored.rows["fold"], rule, target, scored.without)


@dataclass(frozen=True)
class EvaluatedModels:
    """All models by name, on the headline ``rows``, and on ``followed_rows``; ``horizon`` is that of the outcome, in
    days."""

    rows: pd.DataFrame
    followed_rows: pd.DataFrame
    models: Mapping[str, EvaluatedModel]
    settings: Evaluation
    horizon: int
    aucs: SharedAucs

    @property
    def with_all_metrics(self) -> dict[str, EvaluatedModel]:
        """The models for which all metrics are computed."""
        return {name: model for name, model in self.models.items() if model.has_all_metrics}


def collect_models(
    frame: pd.DataFrame, scores: pd.DataFrame, truth: pd.DataFrame | None, settings: Evaluation, horizon: int
) -> EvaluatedModels:
    """Return every model in ``scores`` and, where ``truth`` is given, the oracles; see
    :func:`echomort.evaluation.evaluate`."""
    rows, followed_rows = headline_rows(frame), _with_known_deaths(headline_rows(frame, FOLLOWED_HEADLINE), horizon)
    truth_by_study = None if truth is None else truth.drop_duplicates("study_key").set_index("study_key")
    labelled, followed = (
        {model.model: model for model in [*models_of(scores, one, truth_by_study), *oracles(one, truth_by_study)]}
        for one in (rows, followed_rows)
    )
    _reject_strangers(frame, scores)
    oracle_rows = {name: labelled[name] for name in ORACLES if name in labelled}
    aucs = SharedAucs()
    models = {
        name: EvaluatedModel(
            scored=model,
            followed=followed.get(name, _none_of(model)),
            eligible=int(applicable_rows(name, rows).sum()),
            settings=settings,
            horizon=horizon,
            oracles=oracle_rows,
            aucs=aucs,
        )
        for name, model in labelled.items()
    }
    return EvaluatedModels(rows, followed_rows, models, settings, horizon, aucs)


def _reject_strangers(frame: pd.DataFrame, scores: pd.DataFrame) -> None:
    """Raise :class:`ValueError` where a model's scores are all of studies that are not in ``frame``."""
    is_known = scores["study_key"].isin(frame["study_key"])
    strangers = sorted(set(scores["model"]) - set(scores["model"][is_known]))
    if strangers:
        raise ValueError(f"no study that {', '.join(strangers)} scored is in the cohort: compare their study keys")


def _none_of(model: ScoredRows) -> ScoredRows:
    return model.subset(np.zeros(len(model.rows), dtype=bool))


def _with_known_deaths(rows: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Return ``rows`` with label 1 for every death within the horizon, also where the window is incomplete: without a
    label it would be missing in the counts of deaths."""
    died = rows["event"].astype(bool) & (rows["days"] <= horizon)
    return rows.assign(label=rows["label"].astype("Float64").mask(died, 1.0))
