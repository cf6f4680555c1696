"""Every figure of an evaluation as rows of the ``metric`` table.

All figures are on the headline rows (one study a patient) and out of fold. Each model is judged on the rows it could
score, with its coverage beside it; two models are compared on the rows that both could score.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from echomort.evaluation import discrimination, survival
from echomort.evaluation.agreement import holm
from echomort.evaluation.benefit import net_benefit, net_benefit_treat_all
from echomort.evaluation.calibration import calibration_figures, observed_expected, recalibrated
from echomort.evaluation.inputs import Booleans, Floats, expit
from echomort.evaluation.interval import Interval
from echomort.evaluation.resampling import (
    Resampling,
    Statistic,
    WeightedAuc,
    WeightedAveragePrecision,
    clustered_bootstrap,
    difference,
    recovered,
    weighted_mean,
)
from echomort.evaluation.subgroups import subgroups, too_few
from echomort.evaluation.thresholds import Rule, decisions, out_of_fold_decisions, proportion
from echomort.settings import Evaluation

COLUMNS = ("evaluation", "model", "subset", "metric", "value", "low", "high", "n", "events", "method")
NEEDED = ("study_key", "patient_key", "fold", "label", "days", "event")
NOT_SUBGROUPS = (*NEEDED, "headline", "role")
ORACLES = {
    "oracle_heart": "log_hazard_heart",
    "oracle_heart_age": "log_hazard_heart_age",
    "oracle_all": "log_hazard_all",
}
RANKING_ONLY = frozenset({"pce", "prevent"})
"""Scores of another outcome (ten-year cardiovascular disease): they rank; their probabilities mean something else."""

FULL_MODEL = "video_ehr"
BENEFIT_THRESHOLDS = (0.05, 0.1, 0.2, 0.3)
CALIBRATION_METRICS = ("brier", "ece_width", "ece_quantile", "ici", "e50", "e90", "emax")
CALIBRATION_METHODS = {
    "brier": "mean squared error",
    "ece_width": "10 bins of equal width",
    "ece_quantile": "10 bins at quantiles",
}
Row = dict[str, Any]
OUT_OF_FOLD, RECALIBRATED, COMPARISON, NULL = "out_of_fold", "recalibrated", "comparison", "null"


@dataclass(frozen=True)
class Scored:
    """The rows that one model could score: ``rows`` of the headline frame, ``score`` (n,) the ranking, ``is_odds``
    whether it is the log odds of the one-year death, ``chance`` (n,) the true probabilities where they are known."""

    model: str
    rows: pd.DataFrame
    score: Floats
    is_odds: bool
    chance: Floats | None = None

    @property
    def died(self) -> Booleans:
        """Labels (n,)."""
        return self.rows["label"].to_numpy(dtype=float) == 1

    @property
    def is_binary(self) -> bool:
        """Whether both classes are there."""
        return len(self.rows) > 0 and 0 < self.died.sum() < len(self.rows)

    @property
    def has_folds(self) -> bool:
        """Whether every fold's complement holds both classes, so that thresholds and maps can come from it."""
        folds, died = self.rows["fold"].to_numpy(), self.died
        names = np.unique(folds)
        return len(names) > 1 and all(0 < died[folds != name].sum() < (folds != name).sum() for name in names)

    def taken(self, keep: np.ndarray) -> "Scored":
        """Return the rows where ``keep`` (n,) is true."""
        chance = None if self.chance is None else self.chance[keep]
        return replace(self, rows=self.rows[keep], score=self.score[keep], chance=chance)

    def row(self, metric: str, interval: Interval, subset: str = "all", evaluation: str = OUT_OF_FOLD) -> Row:
        """Return one row of the metric table."""
        method = f"{interval.method}; {interval.note}" if interval.note else interval.method
        limits = interval.value, interval.low, interval.high
        counts = len(self.rows), int(self.died.sum())
        return dict(zip(COLUMNS, (evaluation, self.model, subset, metric, *limits, *counts, method), strict=True))


def evaluate(
    frame: pd.DataFrame, scores: pd.DataFrame, truth: pd.DataFrame | None, settings: Evaluation, horizon: int = 365
) -> pd.DataFrame:
    """Return metric rows (columns COLUMNS) of every model in ``scores`` and, where ``truth`` is given, of the oracles.

    ``frame``: study_key, patient_key, fold, label (0, 1 or null for a censored study, which only the IPCW figures
    use), days, event; with a column ``headline`` only its true rows count. Every further column is a subgroup.
    ``scores``: study_key, model, fold and ``logit`` (or ``score`` for a mere ranking); several rows of a study and
    model are averaged. ``truth``: study_key, death_probability and the oracles' log hazards. Days to ``horizon``
    decide the IPCW figures. Raises :class:`ValueError` for a missing column, a repeated patient, and a score that
    was not made out of the study's fold.
    """
    rows = _headline(frame)
    known = None if truth is None else truth.drop_duplicates("study_key").set_index("study_key")
    plan = Resampling(settings.bootstrap, settings.confidence, settings.seed)
    every = [*_scored(rows, scores, known), *_oracles(rows, known)]
    labelled = {scored.model: scored.taken(scored.rows["label"].notna().to_numpy()) for scored in every}
    table: list[Row] = [_prevalence(rows, settings.confidence)]
    for scored in every:
        table += _model_rows(labelled[scored.model], rows, labelled, settings, plan)
        table += _ipcw_rows(scored, labelled[scored.model], horizon)
    table += _comparisons(labelled, plan)
    return pd.DataFrame(table, columns=list(COLUMNS))


def permuted_null(aucs: Sequence[float], n: int, events: int, confidence: float = 0.95) -> pd.DataFrame:
    """Return the metric rows of the planted null from one AUC a permutation of the labels: mean and percentiles."""
    drawn = np.asarray(aucs, dtype=np.float64)
    if not len(drawn) or np.isnan(drawn).any():
        raise ValueError("the permuted null needs one AUC a permutation, without missing values")
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    method = f"{len(drawn)} refits on permuted labels, percentiles"
    values = (NULL, "permuted_null", "all", "auc", float(drawn.mean()), float(low), float(high), n, events, method)
    return pd.DataFrame([dict(zip(COLUMNS, values, strict=True))])


def _headline(frame: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise ValueError(f"the evaluation frame lacks {', '.join(missing)}")
    rows = frame[frame["headline"].astype(bool)] if "headline" in frame.columns else frame
    if rows["patient_key"].duplicated().any() or rows["study_key"].duplicated().any():
        raise ValueError("the evaluation needs one study a patient: mark it in a column `headline`")
    return rows.reset_index(drop=True)


def _scored(rows: pd.DataFrame, scores: pd.DataFrame, truth: pd.DataFrame | None) -> Iterator[Scored]:
    value = "logit" if "logit" in scores.columns else "score"
    folds = rows.set_index("study_key")["fold"]
    usable = scores[scores["study_key"].isin(folds.index) & scores[value].notna()]
    for model, given in usable.groupby("model", sort=False):
        _assert_out_of_fold(given, folds)
        mean = given.groupby("study_key")[value].mean()
        yield _joined(str(model), rows, mean, truth, value == "logit" and model not in RANKING_ONLY)


def _oracles(rows: pd.DataFrame, truth: pd.DataFrame | None) -> Iterator[Scored]:
    if truth is not None:
        for model, column in ORACLES.items():
            if column in truth.columns:
                yield _joined(model, rows, truth[column].dropna(), truth, False)


def _joined(model: str, rows: pd.DataFrame, score: pd.Series, truth: pd.DataFrame | None, is_odds: bool) -> Scored:
    kept = rows[rows["study_key"].isin(score.index)]
    chance = None if truth is None else truth["death_probability"].reindex(kept["study_key"]).to_numpy(dtype=float)
    if chance is not None and np.isnan(chance).any():
        raise ValueError("the truth lacks the death probability of a scored study")
    return Scored(model, kept, score.reindex(kept["study_key"]).to_numpy(dtype=float), is_odds, chance)


def _assert_out_of_fold(given: pd.DataFrame, folds: pd.Series) -> None:
    if "fold" in given.columns:
        own = folds.reindex(given["study_key"]).to_numpy(dtype=float)
        made = given["fold"].to_numpy(dtype=float)
        if ((own >= 0) & (made >= 0) & (own != made)).any():
            raise ValueError("a score comes from a model that was not held out of the study's fold")


def _prevalence(rows: pd.DataFrame, confidence: float) -> Row:
    labelled = rows[rows["label"].notna()]
    cohort = Scored("cohort", labelled, np.zeros(len(labelled)), False)
    return cohort.row("prevalence", proportion(int(cohort.died.sum()), len(labelled), confidence))


def _model_rows(
    scored: Scored, rows: pd.DataFrame, models: Mapping[str, Scored], settings: Evaluation, plan: Resampling
) -> Iterator[Row]:
    available = int(rows["label"].notna().sum())
    yield scored.row("coverage", proportion(len(scored.rows), available, settings.confidence))
    if not scored.is_binary:
        return
    yield from _discrimination_rows(scored, models, plan)
    yield from _fold_rows(scored, settings.confidence)
    if scored.model in ORACLES or not scored.has_folds:
        return
    yield from _calibration_rows(scored, settings.confidence)
    yield from _threshold_rows(scored, settings)
    yield from _subgroup_rows(scored, settings)


def _discrimination_rows(scored: Scored, models: Mapping[str, Scored], plan: Resampling) -> Iterator[Row]:
    yield scored.row("auc", discrimination.delong_interval(scored.died, scored.score, plan.confidence))
    statistics: dict[str, Statistic] = {
        "auc_bootstrap": WeightedAuc(scored.died, scored.score),
        "average_precision": WeightedAveragePrecision(scored.died, scored.score),
    }
    statistics |= _soft_statistics(scored, models)
    if scored.is_odds:
        statistics["brier"] = weighted_mean(np.square(expit(scored.score) - scored.died))
    for metric, interval in clustered_bootstrap(scored.rows["patient_key"], statistics, plan).items():
        yield scored.row(metric, interval)


def _soft_statistics(scored: Scored, models: Mapping[str, Scored]) -> dict[str, Statistic]:
    if scored.chance is None:
        return {}
    soft = WeightedAuc(scored.chance, scored.score)
    statistics: dict[str, Statistic] = {"soft_auc": soft}
    for oracle in ORACLES.keys() & models.keys():
        best = _aligned(models[oracle], scored)
        statistics[f"headroom_{oracle.removeprefix('oracle_')}"] = recovered(soft, WeightedAuc(scored.chance, best))
    return dict(sorted(statistics.items(), reverse=True))


def _aligned(other: Scored, scored: Scored) -> Floats:
    by_study = pd.Series(other.score, index=other.rows["study_key"].to_numpy())
    return by_study.reindex(scored.rows["study_key"]).to_numpy(dtype=float)


def _fold_rows(scored: Scored, confidence: float) -> Iterator[Row]:
    areas: list[float] = []
    for fold in np.unique(scored.rows["fold"]):
        part = scored.taken((scored.rows["fold"] == fold).to_numpy())
        if part.is_binary:
            interval = discrimination.delong_interval(part.died, part.score, confidence)
            areas.append(interval.value)
            yield part.row("auc", interval, f"fold {fold}")
    if len(areas) > 1:
        yield scored.row("auc_fold_mean", _mean_of_folds(areas, confidence))


def _mean_of_folds(areas: Sequence[float], confidence: float) -> Interval:
    from scipy.stats import t

    mean, spread = float(np.mean(areas)), float(np.std(areas, ddof=1))
    margin = float(t.ppf(0.5 + confidence / 2, len(areas) - 1)) * spread / math.sqrt(len(areas))
    return Interval(mean, mean - margin, mean + margin, f"mean over {len(areas)} folds, t limits")


def _calibration_rows(scored: Scored, confidence: float) -> Iterator[Row]:
    if not scored.is_odds:
        yield scored.row("calibration_slope", Interval(math.nan, math.nan, math.nan, "not applicable: ranks only"))
        return
    yield from _calibrated(scored, expit(scored.score), OUT_OF_FOLD, confidence)
    mapped = recalibrated(scored.died, scored.score, scored.rows["fold"])
    yield from _calibrated(scored, mapped, RECALIBRATED, confidence)
    for threshold in BENEFIT_THRESHOLDS:
        everyone = f"treat all {net_benefit_treat_all(scored.died, threshold):.4f}, treat none 0"
        gain = Interval(net_benefit(scored.died, mapped, threshold), math.nan, math.nan, everyone)
        yield scored.row("net_benefit", gain, f"threshold {threshold:.2f}", RECALIBRATED)


def _calibrated(scored: Scored, chance: Floats, evaluation: str, confidence: float) -> Iterator[Row]:
    figures = calibration_figures(scored.died, chance, confidence)
    yield scored.row("calibration_slope", figures.slope, evaluation=evaluation)
    yield scored.row("calibration_in_the_large", figures.in_the_large, evaluation=evaluation)
    yield scored.row("observed_expected", figures.observed_expected, evaluation=evaluation)
    for metric in CALIBRATION_METRICS:
        if metric == "brier" and evaluation == OUT_OF_FOLD:
            continue  # stands among the bootstrapped figures
        method = CALIBRATION_METHODS.get(metric, "lowess, span 0.75, no robustness iterations")
        value = Interval(getattr(figures, metric), math.nan, math.nan, method)
        yield scored.row(metric, value, evaluation=evaluation)


def _threshold_rows(scored: Scored, settings: Evaluation) -> Iterator[Row]:
    rules: tuple[tuple[Rule, str, str], ...] = (
        ("youden", "", "Youden"),
        ("sensitivity", "_at_fixed_sensitivity", f"sensitivity {settings.fixed_sensitivity:g}"),
    )
    for rule, suffix, name in rules:
        called = _decided(scored, rule, settings)
        figures = decisions(scored.died, called, settings.confidence)
        for metric in ("sensitivity", "specificity", "ppv", "npv"):
            share: Interval = getattr(figures, metric)
            yield scored.row(f"{metric}{suffix}", replace(share, method=f"{name} on the other folds; {share.method}"))
    yield from _class_survival_rows(scored, settings)


def _decided(scored: Scored, rule: Rule, settings: Evaluation) -> Booleans:
    return out_of_fold_decisions(scored.died, scored.score, scored.rows["fold"], rule, settings.fixed_sensitivity)


def _class_survival_rows(scored: Scored, settings: Evaluation) -> Iterator[Row]:
    called = _decided(scored, "youden", settings)
    days, event = scored.rows["days"], scored.rows["event"].astype(bool)
    ratio = survival.hazard_ratio(days, event, called, settings.confidence)
    yield scored.row("hazard_ratio", ratio.interval)
    test = survival.log_rank(days, event, called)
    yield scored.row("log_rank_p", Interval(test.p_value, math.nan, math.nan, "predicted classes, log-rank"))


def _subgroup_rows(scored: Scored, settings: Evaluation) -> Iterator[Row]:
    called = _decided(scored, "youden", settings)
    columns = scored.rows.drop(columns=[name for name in NOT_SUBGROUPS if name in scored.rows.columns])
    for subset, member in subgroups(columns):
        part = scored.taken(member)
        if too_few(part.died, settings.suppress_below_events):
            reason = f"suppressed: fewer than {settings.suppress_below_events} deaths or survivors"
            yield part.row("auc", Interval(math.nan, math.nan, math.nan, reason), subset)
            continue
        yield from _subgroup_figures(part, called[member], subset, settings.confidence)


def _subgroup_figures(part: Scored, called: Booleans, subset: str, confidence: float) -> Iterator[Row]:
    yield part.row("auc", discrimination.delong_interval(part.died, part.score, confidence), subset)
    figures = decisions(part.died, called, confidence)
    yield part.row("sensitivity", figures.sensitivity, subset)
    yield part.row("specificity", figures.specificity, subset)
    if part.is_odds:
        yield part.row("observed_expected", observed_expected(part.died, expit(part.score), confidence), subset)


def _ipcw_rows(scored: Scored, labelled: Scored, horizon: int) -> Iterator[Row]:
    followed = scored.taken(scored.rows["days"].notna().to_numpy())
    if not len(followed.rows):
        return
    days, event = followed.rows["days"], followed.rows["event"].astype(bool)
    method = f"inverse probability of censoring weights at {horizon} days"
    area = survival.ipcw_auc(days, event, followed.score, horizon)
    yield followed.row("ipcw_auc", Interval(area, math.nan, math.nan, method))
    if scored.is_odds:
        error = survival.ipcw_brier(days, event, expit(followed.score), horizon)
        yield followed.row("ipcw_brier", Interval(error, math.nan, math.nan, method))


def _comparisons(models: Mapping[str, Scored], plan: Resampling) -> list[Row]:
    full = models.get(FULL_MODEL)
    if full is None:
        return []
    rows: list[Row] = []
    tests: list[tuple[Scored, discrimination.DeLongTest]] = []
    for name, other in models.items():
        first, second = _common(full, other)
        if name == FULL_MODEL or not first.is_binary:
            continue
        pair = replace(first, model=f"{FULL_MODEL} vs {name}")
        rows += _paired_rows(pair, second, plan)
        tests.append((pair, discrimination.delong_test(pair.died, pair.score, second.score, plan.confidence)))
    rows += _delong_rows(tests)
    return rows


def _common(first: Scored, second: Scored) -> tuple[Scored, Scored]:
    both = set(first.rows["study_key"]) & set(second.rows["study_key"])
    one, two = (scored.taken(scored.rows["study_key"].isin(both).to_numpy()) for scored in (first, second))
    return one, two


def _paired_rows(pair: Scored, second: Scored, plan: Resampling) -> Iterator[Row]:
    statistics = {
        "auc_difference_bootstrap": difference(
            WeightedAuc(pair.died, pair.score), WeightedAuc(second.died, second.score)
        )
    }
    if pair.chance is not None:
        statistics["soft_auc_difference"] = difference(
            WeightedAuc(pair.chance, pair.score), WeightedAuc(pair.chance, second.score)
        )
    for metric, interval in clustered_bootstrap(pair.rows["patient_key"], statistics, plan).items():
        yield pair.row(metric, interval, evaluation=COMPARISON)


def _delong_rows(tests: Iterable[tuple[Scored, discrimination.DeLongTest]]) -> Iterator[Row]:
    found = list(tests)
    adjusted = holm([test.p_value for _, test in found])
    for (pair, test), p_value in zip(found, adjusted, strict=True):
        gap = Interval(test.difference, test.low, test.high, "DeLong, paired, Wald", test.note)
        yield pair.row("auc_difference", gap, evaluation=COMPARISON)
        for metric, value in (("delong_z", test.z), ("delong_p", test.p_value), ("delong_p_holm", float(p_value))):
            yield pair.row(metric, Interval(value, math.nan, math.nan, "DeLong, paired"), evaluation=COMPARISON)
