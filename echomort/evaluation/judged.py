"""What metric families are handed: every model on the rows it could score, with the settings of the evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from echomort.clinical_scores.scores import clinical_scores
from echomort.evaluation.bootstraps import Areas
from echomort.evaluation.calibration import recalibrated
from echomort.evaluation.inputs import Booleans, Floats
from echomort.evaluation.scored import Scored, applies, headline, oracles, scored_models
from echomort.evaluation.subgroups import too_few
from echomort.evaluation.thresholds import Rule, out_of_fold_decisions
from echomort.settings import Evaluation
from echomort.vocabulary.model_names import ORACLES, Kind, ModelName


@dataclass(frozen=True)
class JudgedModel:
    """One model: ``scored`` on the rows with a label, ``followed`` on those without one too.

    ``available`` rows with a label are those that it is made for; ``oracles`` know what the generator knows, where
    there is one; ``areas`` are shared by all models of the evaluation.
    """

    scored: Scored
    followed: Scored
    available: int
    settings: Evaluation
    oracles: Mapping[str, Scored]
    areas: Areas

    @property
    def kind(self) -> Kind:
        """What the model is."""
        return ModelName.parse(self.scored.model).kind

    @property
    def is_suppressed(self) -> bool:
        """Whether too few died or lived: clinical scores cover some of the patients, like a subgroup, and are
        suppressed like one."""
        few = too_few(self.scored.died, self.settings.suppress_below_events)
        return self.scored.model in clinical_scores() and few

    @property
    def has_ranking(self) -> bool:
        """Whether there are deaths and survivors enough to judge the ranking."""
        return self.scored.is_binary and not self.is_suppressed

    @property
    def is_whole(self) -> bool:
        """Whether it is judged in full: baselines are by their AUC alone."""
        return not self.is_suppressed and self.kind != "baseline"

    @property
    def has_decisions(self) -> bool:
        """Whether thresholds and maps for it can come from other folds."""
        return self.has_ranking and self.is_whole and self.kind != "oracle" and self.scored.has_folds

    @cached_property
    def recalibrated(self) -> Floats | None:
        """Risks (n,) after Platt's map from the other folds; None where the score is no log odds of this outcome."""
        one = self.scored
        return recalibrated(one.died, one.score, one.rows["fold"]) if one.is_odds else None

    @cached_property
    def called(self) -> Booleans:
        """Who is called high risk (n,), by Youden's threshold on the other folds."""
        return self._decided("youden")

    @cached_property
    def called_at_fixed_sensitivity(self) -> Booleans:
        """Who is called high risk (n,), by the threshold that finds a fixed share of deaths on the other folds."""
        return self._decided("sensitivity")

    def _decided(self, rule: Rule) -> Booleans:
        one = self.scored
        return out_of_fold_decisions(one.died, one.score, one.rows["fold"], rule, self.settings.fixed_sensitivity)


@dataclass(frozen=True)
class JudgedModels:
    """All models, by name, of the headline ``rows``; ``horizon`` is the outcome's, in days."""

    rows: pd.DataFrame
    models: Mapping[str, JudgedModel]
    settings: Evaluation
    horizon: int
    areas: Areas

    @property
    def whole(self) -> dict[str, JudgedModel]:
        """The models that are judged in full."""
        return {name: model for name, model in self.models.items() if model.is_whole}


def judge(
    frame: pd.DataFrame, scores: pd.DataFrame, truth: pd.DataFrame | None, settings: Evaluation, horizon: int
) -> JudgedModels:
    """Return every model in ``scores`` and, where ``truth`` is given, the oracles; see :func:`evaluate`."""
    rows = headline(frame)
    known = None if truth is None else truth.drop_duplicates("study_key").set_index("study_key")
    followed = [*scored_models(rows, scores, known), *oracles(rows, known)]
    labelled = {one.model: one.subset(one.rows["label"].notna().to_numpy()) for one in followed}
    planted = {name: labelled[name] for name in ORACLES if name in labelled}
    areas = Areas()
    models = {
        one.model: JudgedModel(labelled[one.model], one, _available(one.model, rows), settings, planted, areas)
        for one in followed
    }
    return JudgedModels(rows, models, settings, horizon, areas)


def _available(model: str, rows: pd.DataFrame) -> int:
    return int((rows["label"].notna().to_numpy() & applies(model, rows)).sum())
