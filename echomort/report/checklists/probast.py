"""PROBAST+AI's signalling questions, on development (D) and on evaluation (E). Applicability is for its readers."""

from collections.abc import Callable, Mapping

from echomort.evaluation.discrimination import chance_error
from echomort.evaluation.metrics.benefit import NET_BENEFIT
from echomort.evaluation.metrics.calibration import SLOPE
from echomort.evaluation.metrics.censoring import IPCW_AUC
from echomort.evaluation.metrics.coverage import SCORED_SHARE
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report.checklists.facts import Facts, Reply
from echomort.report.checklists.tripod_methods import any_known
from echomort.report.sections import sample_size
from echomort.report.words import counted, number, percent, span
from echomort.vocabulary.metric_table import RECALIBRATED

ENOUGH_SCORED = 0.95
"""Share of the eligible patients (0 to 1) above which nearly all are evaluated. Chosen here."""
NOT_RECORDED = Reply("no information", "Nothing in the run tells.")


def _source(facts: Facts) -> Reply:
    if facts.data.synthetic:
        return Reply("no", "The archive is generated: it says nothing about patients.")
    return Reply("probably yes", "Routine records and echoes of one archive, collected before the study.")


def _source_of_evaluation(facts: Facts) -> Reply:
    if facts.data.synthetic:
        return _source(facts)
    return Reply("probably no", "The archive of the development, by cross-validation: no other site.")


def _selection(facts: Facts) -> Reply:
    share, labelled = facts.death_share, facts.labelled_share
    if not share.is_known or not labelled.is_known:
        return NOT_RECORDED
    words = (
        f"{percent(labelled.value, 1)} of the labelled died; by Kaplan-Meier, of all followed, "
        f"{percent(share.value, 1)} ({span(100 * share.low, 100 * share.high, 1)})."
    )
    return Reply("probably yes" if share.low <= labelled.value <= share.high else "no", words)


def _alike(facts: Facts) -> Reply:
    if facts.data.synthetic:
        return Reply("yes", "The generator makes every value in the same way.")
    return Reply("probably yes", "The same steps for all; the measuring itself was routine care, by many hands.")


def _before_outcome(facts: Facts) -> Reply:
    if facts.has_suspicions:
        return Reply("no", "A model or a variable is too good to be true: it probably knows the outcome.")
    passed = facts.check_passed("no_feature_after_its_echo")
    if passed is None:
        return Reply("no information", "No check of the dates of predictors is recorded.")
    if not passed:
        return Reply("no", "A check found values from after the echo.")
    if facts.takes_later_values:
        return Reply("no", "Vitals and laboratory values may be from after the echo, and so be close to the outcome.")
    return Reply("yes", "A check found no value from after the echo, and the echo precedes the outcome.")


def _known_in_time(facts: Facts) -> Reply:
    nearest = "Vitals and laboratory values are the nearest, before or after the echo, as in the method."
    line = "Missing echo values are interpolated to a later echo, as in the method."
    drawn = facts.settings.get("features.between_echoes") == "paper"
    if facts.takes_later_values or drawn:
        return Reply("no", " ".join([nearest] * facts.takes_later_values + [line] * drawn))
    if facts.settings.get("features.same_day") == "before":
        return Reply("probably no", "Values of the day of the echo without a time are taken as known before it.")
    return Reply("probably yes", "Only what is dated before the echo; when it reached the records is not known.")


def _determined(facts: Facts) -> Reply:
    if facts.settings.get("outcome.follow_up") == "registry":
        return Reply("probably yes", "Deaths from a registry that is taken to be complete.")
    return Reply("probably no", "Survivors are those who came back: the well who stay away have no label.")


def _without_predictors(facts: Facts) -> Reply:
    return Reply("yes", "Death from any cause, by its day.")


def _blind(facts: Facts) -> Reply:
    return Reply("yes", "A death is a fact whatever is known of the echo.")


def _interval(facts: Facts) -> Reply:
    days = facts.settings.get("outcome.horizon_days")
    return Reply("yes", f"{days} days, the same for all.") if days else NOT_RECORDED


def _size(facts: Facts) -> Reply:
    found = sample_size.development(facts.numbers)
    if found is None:
        return Reply("no information", "No AUC above chance, so no size can be computed.")
    return Reply("probably yes" if found.is_enough else "no", sample_size.summary(facts.numbers))


def _size_of_evaluation(facts: Facts) -> Reply:
    found = sample_size.precision(facts.numbers, facts.scores)
    if not found:
        return Reply("no information", "No model has an AUC.")
    widths = ", ".join(f"{one.figure} {number(one.width, 2)} (usual {number(one.target, 2)})" for one in found)
    enough = all(one.width <= one.target for one in found)
    return Reply("yes" if enough else "no", f"Widths of the 95 % intervals: {widths}.")


def _handled(facts: Facts) -> Reply:
    return Reply("probably yes", "Continuous values stay continuous; a mean of repeats, and codes as 0 or 1.")


def _missing(facts: Facts) -> Reply:
    if facts.settings.get("tabular.imputation_scope") == "global":
        return Reply("no", "Imputation is fitted on all patients, those evaluated included.")
    return Reply("probably yes", "Trees take gaps as they are; imputation elsewhere is fitted on training patients.")


def _imbalance(facts: Facts) -> Reply:
    if not facts.settings.get("training.class_weights"):
        return Reply("yes", "No class was weighted or resampled.")
    after = facts.numbers.get(facts.best, SLOPE.name, evaluation=RECALIBRATED)
    if not after.is_known:
        return Reply("no", "Classes are weighted in training, and the risks are not recalibrated.")
    return Reply("yes", f"Classes are weighted in training; recalibrated slope {number(after.value, 2)}.")


def _overfitting(facts: Facts) -> Reply:
    for model, _ in facts.numbers.models("null"):
        null = facts.numbers.auc(model)
        if null.is_known:
            margin = 2 * chance_error(null.n or 0, null.events or 0)
            words = f"Nested cross-validation; trained on permuted outcomes the AUC is {number(null.value)}."
            return Reply("yes" if null.low - margin <= 0.5 <= null.high + margin else "no", words)
    return Reply("probably yes", "Nested cross-validation; no training on permuted outcomes in this run.")


def _censored_development(facts: Facts) -> Reply:
    if not facts.lost.is_known:
        return NOT_RECORDED
    if facts.lost.value == 0:
        return Reply("yes", "Nobody was lost before the horizon.")
    return Reply("no", f"{counted(round(facts.lost.value), 'patient')} lost before the horizon, left out of training.")


def _censored_evaluation(facts: Facts) -> Reply:
    area = facts.numbers.get(facts.best, IPCW_AUC.name)
    if not facts.lost.is_known or not area.is_known:
        return Reply("no", "No figure allows for censoring.")
    return Reply("yes", f"Weighted for censoring, the AUC is {number(area.value)}; bounds for the lost are shown.")


def _all_evaluated(facts: Facts) -> Reply:
    share = facts.numbers.get(facts.best, SCORED_SHARE.name)
    if not share.is_known:
        return NOT_RECORDED
    words = f"{percent(share.value)} of the labelled patients have a score."
    return Reply("yes" if share.value >= ENOUGH_SCORED else "no", words)


def _measures(facts: Facts) -> Reply:
    parts = {"discrimination": AUC, "calibration": SLOPE, "clinical utility": NET_BENEFIT}
    lacking = [name for name, metric in parts.items() if not any_known(facts, metric)]
    if lacking:
        return Reply("no", f"Without {', '.join(lacking)}.")
    return Reply("yes", "AUC, calibration as scored and recalibrated, net benefit.")


def _unseen(facts: Facts) -> Reply:
    passed = facts.check_passed("no_patient_in_two_folds_or_roles")
    if passed is None:
        return Reply("no information", "No check of the split is recorded.")
    return Reply("yes", "No patient is in two folds or parts.") if passed else Reply("no", "A patient is in two parts.")


def _repeated(facts: Facts) -> Reply:
    if facts.settings.get("tabular.imputation_scope") == "global":
        return Reply("no", "Imputation is fitted outside the folds.")
    score = facts.scores.get(facts.best)
    if score is None or score.without is None:
        return Reply("no information", "Whether the stack is nested is not on record.")
    return Reply("yes", "Imputation, stopping, stacking, recalibration and thresholds are all nested in the folds.")


def _clusters(facts: Facts) -> Reply:
    if facts.clusters:
        return Reply("yes", f"By {', '.join(facts.clusters)}.")
    return Reply("no", "Not between sites, devices or years.")


def _groups(facts: Facts) -> Reply:
    if facts.groups:
        return Reply("yes", f"By {', '.join(facts.groups)}, where groups are large enough.")
    return Reply("no", "No group has a figure.")


QUESTIONS: Mapping[str, Callable[[Facts], Reply]] = {
    "D1.1": _source,
    "D1.2": _selection,
    "D2.1": _alike,
    "D2.2": _before_outcome,
    "D2.3": _known_in_time,
    "D3.1": _determined,
    "D3.2": _without_predictors,
    "D3.3": _determined,
    "D3.4": _blind,
    "D3.5": _interval,
    "D4.1": _size,
    "D4.2": _handled,
    "D4.3": _missing,
    "D4.4": _imbalance,
    "D4.5": _overfitting,
    "D4.6": _censored_development,
    "E1.1": _source_of_evaluation,
    "E1.2": _selection,
    "E2.1": _alike,
    "E2.2": _before_outcome,
    "E2.3": _known_in_time,
    "E3.1": _determined,
    "E3.2": _without_predictors,
    "E3.3": _determined,
    "E3.4": _blind,
    "E3.5": _interval,
    "E4.1": _size_of_evaluation,
    "E4.2": _all_evaluated,
    "E4.3": _censored_evaluation,
    "E4.4": _measures,
    "E4.5": _unseen,
    "E4.6": _repeated,
    "E4.7": _clusters,
    "E4.8": _groups,
}
"""Question -> its answer."""
