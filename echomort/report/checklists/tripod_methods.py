"""TRIPOD+AI, items 1 to 16: title, background, and methods."""

from collections.abc import Callable, Mapping

from echomort.evaluation.metric import Metric
from echomort.evaluation.metrics.benefit import NET_BENEFIT
from echomort.evaluation.metrics.calibration import BRIER, ICI, SLOPE
from echomort.evaluation.metrics.censoring import IPCW_AUC
from echomort.evaluation.metrics.decisions import SENSITIVITY
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report import intended_use
from echomort.report.checklists.facts import Facts, Reply
from echomort.report.sections import provenance, sample_size
from echomort.report.sections.patients import outcome_terms
from echomort.report.sections.variables import imputation_words
from echomort.report.words import ROLES, counted, model_words, readable
from echomort.vocabulary.metric_table import COMPARISON, RECALIBRATED


def reported(words: str) -> Reply:
    """Return an answer that the report gives."""
    return Reply("reported", words)


def not_done(words: str) -> Reply:
    """Return the answer to an item that nobody has done."""
    return Reply("not done", words)


def for_the_site(words: str) -> Reply:
    """Return the answer to an item that the software can't know."""
    return Reply("for the site to answer", words)


def _title(facts: Facts) -> Reply:
    return for_the_site(f"This page is called “{facts.data.title}”; the title of an article is for its authors.")


def _abstract(facts: Facts) -> Reply:
    return not_done("There is no abstract; the first section gives the main result with its interval and patients.")


def _context(facts: Facts) -> Reply:
    return for_the_site(
        "The report cites the method and its published figures; why a model is needed in this care is for the authors."
    )


def _purpose(facts: Facts) -> Reply:
    return reported(f"{intended_use.INTENDED_USE} {intended_use.OUT_OF_SCOPE} No place in a care pathway is claimed.")


def _inequalities(facts: Facts) -> Reply:
    return for_the_site("What is known of inequalities among the site's patients is not in its records.")


def _objectives(facts: Facts) -> Reply:
    folds, days = facts.settings.get("cohort.folds"), facts.settings.get("outcome.horizon_days")
    if not folds or not days:
        return reported("")
    return reported(
        f"Development and evaluation: models of death within {days} days of an echo, evaluated by cross-validation "
        f"({counted(folds, 'fold')}) inside one archive."
    )


def _sources(facts: Facts) -> Reply:
    if facts.data.synthetic:
        return reported(facts.data.stamp and f"{facts.data.stamp} It represents no patients.")
    return for_the_site(f"{facts.data.stamp} Which archive it is, why it was chosen and whom it represents.")


def _dates(facts: Facts) -> Reply:
    shifted = facts.settings.get("privacy.dates") == "shifted"
    why = "Dates are shifted by patient" if shifted else "Dates are kept"
    return for_the_site(f"{why} and none is printed: the period of recruitment and the end of follow-up.")


def _setting(facts: Facts) -> Reply:
    return for_the_site("Centres, where they are, and the kind of care that they give.")


def _eligibility(facts: Facts) -> Reply:
    low, high = (facts.settings.get(f"cohort.{end}_age") for end in ("minimum", "maximum"))
    if low is None or high is None:
        return reported("")
    excluded = facts.data.attrition
    reasons = excluded[excluded["reason"].astype(str).str.startswith("EXCL_") & (excluded["studies"] > 0)]
    return reported(
        f"Echo studies at {low:g} to {high:g} years of age with a known outcome; {counted(len(reasons), 'reason')} of "
        "exclusion met, each with its count."
    )


def _treatments(facts: Facts) -> Reply:
    return not_done("Treatments before and after the echo are neither described nor allowed for.")


def _preparation(facts: Facts) -> Reply:
    shape, checks = provenance.clip_format(facts.data), facts.data.checks
    passed = checks["passed"].astype(bool)
    warned = (~passed & checks["severity"].eq("WARN")).sum() if "severity" in checks else 0
    pixels = f"Loops: {shape}, grey, cut to the sector. " if shape else ""
    verdict = f"{passed.sum()} of {counted(len(checks), 'check')} passed, {warned} warned only."
    verdict = verdict if len(checks) else "No check is recorded."
    return reported(
        f"{pixels}Values: converted to one unit, implausible ones left out. {verdict} The same steps for all patients; "
        "whether quality differs between groups was not examined."
    )


def _outcome(facts: Facts) -> Reply:
    return reported(" ".join(words for _, words in outcome_terms(facts.settings)[:3]) if facts.data.settings else "")


def _no_judgement(facts: Facts) -> Reply:
    return reported("Nobody judged it: the outcome is a recorded death and its day.")


def _blinding(facts: Facts) -> Reply:
    return reported("None: deaths were on record before any score was made, and a death needs no judgement.")


def _choice(facts: Facts) -> Reply:
    which = {
        "method": "the 58 echo and 100 clinical variables of the published method",
        "catalogue": "every variable of the catalogue, the site's own included",
    }.get(str(facts.settings.get("tabular.variables")), "")
    return reported(which and f"Not chosen by the outcome: the pixels of each view, and {which}.")


def _definition(facts: Facts) -> Reply:
    if not len(facts.data.missingness):
        return not_done("No variable of the health record was counted.")
    used = facts.settings.get("features.same_day") == "before"
    day = "taken as known before it" if used else "left out"
    between = {
        "prospective": "carried forward from the last one",
        "paper": "interpolated between the one before and the one after, which is later than the prediction",
        "none": "missing",
    }.get(str(facts.settings.get("features.between_echoes")), "missing")
    return reported(
        f"{_chosen_value(facts)}; values of the day of the echo without a time are {day}; echo values that a study "
        f"lacks are {between}. Share missing by variable."
    )


def _chosen_value(facts: Facts) -> str:
    """Return which value from outside the study is taken, as the beginning of a sentence."""
    if not facts.takes_later_values:
        return "The last value known at the echo, within the window of its variable"
    days = facts.settings.get("features.outside_days")
    return (
        f"Values from outside the echo: the nearest, at most {days} days before or after it, which is later than the "
        "prediction; other values and diagnoses: as known at the echo"
    )


def _judged_predictors(facts: Facts) -> Reply:
    return for_the_site("Who measured the echoes, and with what training, is not on record.")


def _sample_size(facts: Facts) -> Reply:
    words = sample_size.summary(facts.numbers)
    return reported(f"Not planned: all eligible studies. {words}") if words else not_done("Not computed: no AUC.")


def _missing(facts: Facts) -> Reply:
    return reported(
        f"{imputation_words(facts.data)} Trees take missing values as they are. Studies without a known outcome train "
        "no model."
    )


def _split(facts: Facts) -> Reply:
    cohort, folds = facts.data.cohort, facts.settings.get("cohort.folds")
    if not folds or not len(cohort):
        return reported("")
    parts = ", ".join(ROLES.get(str(role), readable(str(role))) for role in sorted(set(cohort["role"])))
    proof = {
        None: "no check of it is recorded",
        True: "a check found no patient in two parts",
        False: "a check found a patient in two parts",
    }[facts.check_passed("no_patient_in_two_folds_or_roles")]
    return reported(f"By patient, drawn by a keyed hash: {parts}. Development has {counted(folds, 'fold')}; {proof}.")


def _handling(facts: Facts) -> Reply:
    return reported(
        "Continuous values as they are, none cut into classes; standardised and imputed for logistic regression and "
        "the forest; codes as 0 or 1."
    )


DEFAULTS = {"by_network": "by network (2-D RMSProp, 3-D AdaGrad)", None: "Keras 2.2's for the optimizer"}
"""Settings of training that leave a choice open, in words."""


def _building(facts: Facts) -> Reply:
    keys = ("network", "networks", "optimizer", "learning_rate", "batch", "max_epochs", "stopping", "seed")
    known = [
        f"{key.replace('_', ' ')} {DEFAULTS.get(value := facts.settings[f'training.{key}'], value)}"
        for key in keys
        if f"training.{key}" in facts.settings
    ]
    stack = facts.settings.get("fusion.model")
    if not known:
        return reported("")
    return reported(
        f"Video: {', '.join(known)}. Records: boosted trees. Scores are combined by {stack}. Hyper-parameters are "
        "fixed by settings, not tuned; internal validation is nested cross-validation by patient."
    )


def _clusters(facts: Facts) -> Reply:
    if facts.clusters:
        return reported(f"Performance by {', '.join(facts.clusters)}.")
    return not_done("No two sites, scanner vendors or spans of years have enough deaths to be compared.")


MEASURES: tuple[tuple[Metric, str], ...] = (
    (AUC, "AUC (DeLong)"),
    (SLOPE, "calibration slope"),
    (ICI, "ICI"),
    (BRIER, "Brier score"),
    (SENSITIVITY, "sensitivity and specificity"),
    (NET_BENEFIT, "net benefit"),
    (IPCW_AUC, "AUC weighted for censoring"),
)
"""Measures that the checklist names where the main model has them."""


def _measures(facts: Facts) -> Reply:
    found = [words for metric, words in MEASURES if any_known(facts, metric)]
    if not found:
        return not_done("No measure could be estimated.")
    compared = comparisons(facts)
    against = f" Compared with {', '.join(compared)} on the same patients." if compared else " No model was compared."
    return reported(f"{', '.join(found)}.{against}{not_estimable(facts)}")


def any_known(facts: Facts, metric: Metric) -> bool:
    """Return whether the main model has a value of ``metric``, as scored or recalibrated, on any subset."""
    wanted = facts.best, metric.name
    rows = (row for row in facts.numbers.records() if (row["model"], row["metric"]) == wanted)
    return any(row["value"] is not None for row in rows)


def comparisons(facts: Facts) -> list[str]:
    """Return the models with which the main model is compared and the comparison has a value."""
    found = []
    for pair in facts.numbers.comparisons():
        first, _, second = pair.partition(" vs ")
        gap = facts.numbers.get(pair, "auc_difference", evaluation=COMPARISON)
        other = model_words(second if first == facts.best else first)
        if gap.is_known and facts.best in (first, second) and other.kind != "oracle":
            found.append(other.label)
    return found


def not_estimable(facts: Facts) -> str:
    """Return the scores without an AUC, in a sentence; empty where all have one."""
    missing = [words.label for model, words in facts.numbers.models("score") if not facts.numbers.auc(model).is_known]
    return f" Not estimable, hence not compared: {', '.join(missing)}." if missing else ""


def _updating(facts: Facts) -> Reply:
    after = facts.numbers.get(facts.best, SLOPE.name, evaluation=RECALIBRATED)
    if not after.is_known:
        return not_done("No recalibration could be fitted.")
    return reported("Recalibrated (slope and intercept), fitted on the other folds; for all patients, no group apart.")


def _predictions(facts: Facts) -> Reply:
    if not facts.best:
        return not_done("No model was evaluated.")
    return reported(
        "Every score is by models that saw neither the patient's label nor anything learnt from it. New patients are "
        "scored by the champion (echomort predict, echomort risk)."
    )


def _imbalance(facts: Facts) -> Reply:
    if not facts.settings.get("training.class_weights"):
        return reported("No class was weighted or resampled.")
    after = facts.numbers.get(facts.best, SLOPE.name, evaluation=RECALIBRATED)
    then = "the risks are then recalibrated" if after.is_known else "the risks are NOT recalibrated in this run"
    return reported(f"Video networks weight the classes by N / (2 N class), which distorts risks; {then}.")


def _fairness(facts: Facts) -> Reply:
    groups = f" Performance is reported by {', '.join(facts.groups)}." if facts.groups else ""
    return not_done(f"No step of training aims at fairness.{groups}")


def _output(facts: Facts) -> Reply:
    days, found = facts.settings.get("outcome.horizon_days"), facts.numbers.get(facts.best, SENSITIVITY.name)
    threshold = (
        f" Two classes by a threshold: {found.method.partition(';')[0]}."
        if found.is_known and found.method
        else " No classes."
    )
    return reported(f"The probability of death within {days} days.{threshold}" if days else "")


def _differences(facts: Facts) -> Reply:
    return reported(
        "Cross-validation: the same archive, eligibility, outcome and predictors. The parts held out differ by what "
        "Table 1 shows."
    )


METHODS: Mapping[str, Callable[[Facts], Reply]] = {
    "1": _title,
    "2": _abstract,
    "3a": _context,
    "3b": _purpose,
    "3c": _inequalities,
    "4": _objectives,
    "5a": _sources,
    "5b": _dates,
    "6a": _setting,
    "6b": _eligibility,
    "6c": _treatments,
    "7": _preparation,
    "8a": _outcome,
    "8b": _no_judgement,
    "8c": _blinding,
    "9a": _choice,
    "9b": _definition,
    "9c": _judged_predictors,
    "10": _sample_size,
    "11": _missing,
    "12a": _split,
    "12b": _handling,
    "12c": _building,
    "12d": _clusters,
    "12e": _measures,
    "12f": _updating,
    "12g": _predictions,
    "13": _imbalance,
    "14": _fairness,
    "15": _output,
    "16": _differences,
}
"""Item -> its answer."""
