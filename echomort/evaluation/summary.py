"""Every figure of an evaluation as rows of the ``metric`` table.

All figures are on the headline rows (one study a patient) and out of fold. Each model is judged on the rows it could
score, with its coverage beside it; two models are compared on the rows that both could score.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from echomort.clinical_scores.scores import clinical_scores
from echomort.evaluation import discrimination, survival
from echomort.evaluation.agreement import holm
from echomort.evaluation.benefit import net_benefit, net_benefit_treat_all
from echomort.evaluation.bootstraps import Bootstraps
from echomort.evaluation.calibration import calibration_figures, observed_expected, recalibrated
from echomort.evaluation.inputs import Booleans, Floats, expit
from echomort.evaluation.interval import Interval
from echomort.evaluation.resampling import Resampling
from echomort.evaluation.scored import (
    Row,
    Scored,
    applies,
    common,
    headline,
    oracles,
    scored_models,
)
from echomort.evaluation.subgroups import MISSING, subgroups, too_few
from echomort.evaluation.thresholds import Decisions, Rule, decisions, out_of_fold_decisions, proportion
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import COLUMNS, COMPARISON, COVERAGE, IMPORTANCE, NULL, OUT_OF_FOLD, RECALIBRATED
from echomort.vocabulary.model_names import EHR, ORACLES, PERMUTED_NULL, VIDEO_EHR

BENEFIT_THRESHOLDS = (0.05, 0.1, 0.2, 0.3)
CALIBRATION_METHODS = {
    "brier": "mean squared error",
    "ece_width": "10 bins of equal width",
    "ece_quantile": "10 bins at quantiles",
    "ici": "lowess, span 0.75, no robustness iterations",
    "e50": "lowess, span 0.75, no robustness iterations",
    "e90": "lowess, span 0.75, no robustness iterations",
    "emax": "lowess, span 0.75, no robustness iterations",
}


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
    rows = headline(frame)
    known = None if truth is None else truth.drop_duplicates("study_key").set_index("study_key")
    followed = [*scored_models(rows, scores, known), *oracles(rows, known)]
    models = {scored.model: scored.taken(scored.rows["label"].notna().to_numpy()) for scored in followed}
    planted = {name: models[name] for name in ORACLES if name in models}
    table = [_prevalence(rows, settings.confidence)]
    bootstraps = Bootstraps(Resampling(settings.bootstrap, settings.confidence, settings.seed))
    for scored in models.values():
        table += _model_rows(scored, _available(scored.model, rows), settings)
    judged = {name: scored for name, scored in models.items() if not _says_too_little(scored, settings)}
    whole = {name: scored for name, scored in judged.items() if not scored.is_baseline}
    for scored in whole.values():
        if scored.is_binary:
            bootstraps.ask_discrimination(scored, planted)
        if scored.is_binary and scored.model not in ORACLES and scored.has_folds:
            _ask_gaps(scored, bootstraps, settings)
    for scored in followed:
        if scored.model in whole:
            table += _ipcw_rows(scored, horizon)
    table += _comparisons(VIDEO_EHR, whole, settings.confidence, bootstraps)
    table += _comparisons(EHR, _with_baselines(judged), settings.confidence)
    return pd.DataFrame([*table, *bootstraps.rows()], columns=list(COLUMNS))


def why_not_scored(scores: pd.DataFrame) -> pd.DataFrame:
    """Return, per clinical score and reason, the share of the labelled headline studies that it applies to but has no
    figure for, as metric rows (metric ``not_computed``; the row without a reason counts all of them).

    ``scores``: study_key, score, value, applicable, reason, label. A study that lacks several inputs counts for each.
    """
    from echomort.clinical_scores.studies import coverage, why_not

    applies = scores[scores["applicable"].astype(bool) & scores["label"].notna()]
    people = {str(name): (len(part), int(part["label"].sum())) for name, part in applies.groupby("score")}
    covered = coverage(applies)
    counts = zip(covered["score"], covered["applicable"] - covered["computed"], strict=True)
    reasons = why_not(applies)
    lost = [(score, "all", studies) for score, studies in counts]
    lost += zip(reasons["score"], reasons["reason"], reasons["studies"], strict=True)
    method = "share of labelled studies"
    rows = [
        (COVERAGE, score, subset, "not_computed", studies / n, math.nan, math.nan, n, events, method)
        for score, subset, studies in lost
        for n, events in [people.get(score, (0, 0))]
        if n
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def importance_rows(importance: pd.DataFrame, n: int, events: int) -> pd.DataFrame:
    """Return the permutation importance of the health-record trees as metric rows: ``auc_drop`` of each variable whose
    shuffling changed anything, with one standard deviation of the shuffles on either side.

    ``importance``: feature, drop, spread, as :func:`echomort.models.tabular.permutation_importance` returns.
    """
    told = importance[(importance["drop"] != 0) | (importance["spread"] != 0)]
    limits = zip(
        told["feature"], told["drop"], told["drop"] - told["spread"], told["drop"] + told["spread"], strict=True
    )
    method = "fall of the mean fold AUC when shuffled within folds, one standard deviation"
    rows = [
        (IMPORTANCE, EHR, feature, "auc_drop", drop, low, high, n, events, method)
        for feature, drop, low, high in limits
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def permuted_null(aucs: Sequence[float], n: int, events: int, confidence: float = 0.95) -> pd.DataFrame:
    """Return the metric row of the planted null from one AUC a permutation of the labels: mean and percentiles."""
    drawn = np.asarray(aucs, dtype=np.float64)
    if not len(drawn) or np.isnan(drawn).any():
        raise ValueError("the permuted null needs one AUC a permutation, without missing values")
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    method = f"{len(drawn)} refits on permuted labels, percentiles"
    values = (NULL, PERMUTED_NULL, "all", "auc", float(drawn.mean()), float(low), float(high), n, events, method)
    return pd.DataFrame([dict(zip(COLUMNS, values, strict=True))])


def _available(model: str, rows: pd.DataFrame) -> int:
    return int((rows["label"].notna().to_numpy() & applies(model, rows)).sum())


def _says_too_little(scored: Scored, settings: Evaluation) -> bool:
    """Clinical scores cover some of the patients, like a subgroup, and are suppressed like one."""
    return scored.model in clinical_scores() and too_few(scored.died, settings.suppress_below_events)


def _prevalence(rows: pd.DataFrame, confidence: float) -> Row:
    labelled = rows[rows["label"].notna()]
    cohort = Scored("cohort", labelled, np.zeros(len(labelled)), False)
    return cohort.row("prevalence", proportion(int(cohort.died.sum()), len(labelled), confidence))


def _model_rows(scored: Scored, available: int, settings: Evaluation) -> Iterator[Row]:
    yield scored.row("coverage", proportion(len(scored.rows), available, settings.confidence))
    if not scored.is_binary:
        return
    if _says_too_little(scored, settings):
        yield scored.row(
            "auc", _bare(math.nan, f"suppressed: fewer than {settings.suppress_below_events} deaths or survivors")
        )
        return
    yield scored.row("auc", discrimination.delong_interval(scored.died, scored.score, settings.confidence))
    yield from _fold_rows(scored, settings.confidence)
    if scored.model in ORACLES or scored.is_baseline or not scored.has_folds:
        return
    mapped = recalibrated(scored.died, scored.score, scored.rows["fold"]) if scored.is_odds else None
    yield from _calibration_rows(scored, mapped, settings.confidence)
    yield from _threshold_rows(scored, settings)
    yield from _subgroup_rows(scored, mapped, settings)


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


def _calibration_rows(scored: Scored, mapped: Floats | None, confidence: float) -> Iterator[Row]:
    if mapped is None:
        yield scored.row("calibration_slope", _bare(math.nan, "not applicable: a ranking, or another outcome"))
        return
    yield from _calibrated(scored, expit(scored.score), OUT_OF_FOLD, confidence)
    yield from _calibrated(scored, mapped, RECALIBRATED, confidence)
    for threshold in BENEFIT_THRESHOLDS:
        everyone = f"treat all {net_benefit_treat_all(scored.died, threshold):.4f}, treat none 0"
        gain = _bare(net_benefit(scored.died, mapped, threshold), everyone)
        yield scored.row("net_benefit", gain, f"threshold {threshold:.2f}", RECALIBRATED)


def _calibrated(scored: Scored, chance: Floats, evaluation: str, confidence: float) -> Iterator[Row]:
    figures = calibration_figures(scored.died, chance, confidence)
    yield scored.row("calibration_slope", figures.slope, evaluation=evaluation)
    yield scored.row("calibration_in_the_large", figures.in_the_large, evaluation=evaluation)
    yield scored.row("observed_expected", figures.observed_expected, evaluation=evaluation)
    for metric, method in CALIBRATION_METHODS.items():
        if metric != "brier" or evaluation != OUT_OF_FOLD:  # that one is bootstrapped
            yield scored.row(metric, _bare(getattr(figures, metric), method), evaluation=evaluation)


def _threshold_rows(scored: Scored, settings: Evaluation) -> Iterator[Row]:
    called = _decided(scored, "youden", settings)
    youden = decisions(scored.died, called, settings.confidence)
    yield from _decision_rows(scored, youden, "", "Youden")
    fixed = decisions(scored.died, _decided(scored, "sensitivity", settings), settings.confidence)
    yield from _decision_rows(
        scored, fixed, "_at_fixed_sensitivity", f"threshold for sensitivity {settings.fixed_sensitivity:g}"
    )
    yield from _class_survival_rows(scored, called, settings.confidence)


def _decided(scored: Scored, rule: Rule, settings: Evaluation) -> Booleans:
    return out_of_fold_decisions(scored.died, scored.score, scored.rows["fold"], rule, settings.fixed_sensitivity)


def _decision_rows(scored: Scored, figures: Decisions, suffix: str, rule: str) -> Iterator[Row]:
    for metric in ("sensitivity", "specificity", "ppv", "npv"):
        share: Interval = getattr(figures, metric)
        yield scored.row(f"{metric}{suffix}", replace(share, method=f"{rule} on the other folds; {share.method}"))


def _class_survival_rows(scored: Scored, called: Booleans, confidence: float) -> Iterator[Row]:
    days, event = scored.rows["days"], scored.rows["event"].astype(bool)
    yield scored.row("hazard_ratio", survival.hazard_ratio(days, event, called, confidence).interval)
    test = survival.log_rank(days, event, called)
    yield scored.row("log_rank_p", _bare(test.p_value, "classes predicted out of fold, log-rank"))


def _ask_gaps(scored: Scored, bootstraps: Bootstraps, settings: Evaluation) -> None:
    """Ask for the gaps between the groups of every variable: those that are known and large enough to be shown."""
    called = _decided(scored, "youden", settings)
    for variable in scored.subgroup_columns:
        members = [
            member
            for subset, member in subgroups(scored.rows[[variable]])
            if subset != f"{variable}={MISSING}" and not too_few(scored.died[member], settings.suppress_below_events)
        ]
        if len(members) > 1:
            bootstraps.ask_gaps(scored, called, variable, members)


def _subgroup_rows(scored: Scored, mapped: Floats | None, settings: Evaluation) -> Iterator[Row]:
    called = _decided(scored, "youden", settings)
    for subset, member in subgroups(scored.rows[scored.subgroup_columns]):
        part = scored.taken(member)
        if too_few(part.died, settings.suppress_below_events):
            reason = f"suppressed: fewer than {settings.suppress_below_events} deaths or survivors"
            yield part.row("auc", _bare(math.nan, reason), subset)
            continue
        yield from _subgroup_figures(part, called[member], subset, settings.confidence)
        if mapped is not None:
            ratio = observed_expected(part.died, mapped[member], settings.confidence)
            yield part.row("observed_expected", ratio, subset, RECALIBRATED)


def _subgroup_figures(part: Scored, called: Booleans, subset: str, confidence: float) -> Iterator[Row]:
    yield part.row("auc", discrimination.delong_interval(part.died, part.score, confidence), subset)
    figures = decisions(part.died, called, confidence)
    yield part.row("sensitivity", figures.sensitivity, subset)
    yield part.row("specificity", figures.specificity, subset)


def _ipcw_rows(scored: Scored, horizon: int) -> Iterator[Row]:
    followed = scored.taken(scored.rows["days"].notna().to_numpy())
    if not len(followed.rows):
        return
    days, event = followed.rows["days"], followed.rows["event"].astype(bool)
    method = f"inverse probability of censoring weights at {horizon} days"
    yield followed.row("ipcw_auc", _bare(survival.ipcw_auc(days, event, followed.score, horizon), method))
    if scored.is_odds:
        error = survival.ipcw_brier(days, event, expit(followed.score), horizon)
        yield followed.row("ipcw_brier", _bare(error, method))


def _with_baselines(models: Mapping[str, Scored]) -> dict[str, Scored]:
    return {name: scored for name, scored in models.items() if scored.is_baseline or name == EHR}


def _comparisons(
    reference: str, models: Mapping[str, Scored], confidence: float, bootstraps: Bootstraps | None = None
) -> list[Row]:
    """Compare ``reference`` with each of the others on the rows that both scored: one family of tests."""
    tests: list[tuple[Scored, discrimination.DeLongTest]] = []
    for name, other in models.items():
        if reference not in models or name == reference:
            continue
        first, second = common(models[reference], other)
        if first.is_binary:
            pair = replace(first, model=f"{reference} vs {name}")
            if bootstraps is not None:
                bootstraps.ask_difference(pair, second, COMPARISON)
            tests.append((pair, discrimination.delong_test(pair.died, pair.score, second.score, confidence)))
    return [row for pair, test in tests for row in _delong_rows(pair, test)] + _holm_rows(tests)


def _delong_rows(pair: Scored, test: discrimination.DeLongTest) -> Iterator[Row]:
    gap = Interval(test.difference, test.low, test.high, "DeLong, paired, Wald", test.note)
    yield pair.row("auc_difference", gap, evaluation=COMPARISON)
    yield pair.row("delong_z", _bare(test.z, "DeLong, paired"), evaluation=COMPARISON)
    yield pair.row("delong_p", _bare(test.p_value, "DeLong, paired, two-sided"), evaluation=COMPARISON)


def _holm_rows(tests: Sequence[tuple[Scored, discrimination.DeLongTest]]) -> list[Row]:
    """The oracles are no hypotheses, so they take no part in the correction."""
    family = [(pair, test) for pair, test in tests if pair.model.partition(" vs ")[2] not in ORACLES]
    adjusted = holm([test.p_value for _, test in family])
    method = f"DeLong, Holm over {len(family)}"
    return [
        pair.row("delong_p_holm", _bare(float(p_value), method), evaluation=COMPARISON)
        for (pair, _), p_value in zip(family, adjusted, strict=True)
    ]


def _bare(value: float, method: str) -> Interval:
    """A figure without limits."""
    return Interval(value, math.nan, math.nan, method)
