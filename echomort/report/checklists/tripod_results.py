"""TRIPOD+AI, items 17 to 27: open science, results, and discussion."""

from collections.abc import Callable, Mapping

from echomort.evaluation.metrics.calibration import SLOPE
from echomort.report.checklists.facts import Facts, Reply
from echomort.report.checklists.tripod_methods import for_the_site, not_done, not_estimable, reported
from echomort.report.sections import characteristics, provenance
from echomort.report.sections.archive import ACCEPTED
from echomort.report.sections.results import headline
from echomort.report.words import count, counted, number, percent, span
from echomort.vocabulary.metric_table import RECALIBRATED


def _ethics(facts: Facts) -> Reply:
    human = "The embedded archive holds no human data. " if facts.data.synthetic else ""
    return for_the_site(f"{human}Approval, and consent or its waiver.")


def _unknown(what: str) -> Callable[[Facts], Reply]:
    return lambda facts: for_the_site(f"{what}: not known to the software.")


def _data_sharing(facts: Facts) -> Reply:
    return for_the_site("No patient's data are in this report; whether the archive is shared is for its owner.")


def _code_sharing(facts: Facts) -> Reply:
    version = facts.data.lineage.get("echomort", "")
    return reported(f"echomort {version}, open source (Apache-2.0). {provenance.WEIGHTS}")


def _flow(facts: Facts) -> Reply:
    frame, cohort = facts.data.attrition, facts.data.cohort
    if not len(frame) or not len(cohort):
        return reported("")
    deaths = int(cohort["label"].sum())
    words = (
        f"{counted(len(frame), 'step')}, each with its count; {counted(len(cohort), 'study', 'studies')} with a known"
    )
    words += f" outcome, {counted(deaths, 'death')}."
    if facts.lost.is_known:
        words += f" {counted(round(facts.lost.value), 'patient')} lost before the horizon."
    return reported(words)


def _characteristics(facts: Facts) -> Reply:
    found = characteristics.known_variables(facts.data.characteristics)
    if not characteristics.characteristics(facts.data):
        return not_done("No characteristics of the patients are known.")
    parts = facts.data.characteristics["role"].nunique()
    return reported(
        f"{counted(len(found), 'characteristic')} in {counted(parts, 'part')}, by outcome, with the share missing. "
        "Small groups are withheld. Treatments are not given."
    )


def _compared(facts: Facts) -> Reply:
    parts = characteristics.compared_parts(facts.data)
    if not parts:
        return not_done("No part held out is large enough for a comparison with the development data.")
    return reported(f"Standardised differences from the development data: {', '.join(parts)}.")


def _analysed(facts: Facts) -> Reply:
    models = facts.numbers.models("view", "video", "ehr", "fusion")
    found = [(words.label, facts.numbers.auc(model)) for model, words in models]
    known = [f"{label}: {area.counts_text}" for label, area in found if area.is_known]
    return reported(f"{'; '.join(known)}.") if known else not_done("No model has an AUC.")


def _specification(facts: Facts) -> Reply:
    return not_done("Weights and coefficients are files of the project's registry, not in this report.")


def _performance(facts: Facts) -> Reply:
    if not facts.best:
        return not_done("No model has an AUC.")
    area, slope = facts.numbers.auc(facts.best), facts.numbers.get(facts.best, SLOPE.name)
    calibrated = f" Calibration slope {number(slope.value, 2)}." if slope.is_known else " No calibration."
    groups = f" By {', '.join(facts.groups)}." if facts.groups else " No group is large enough for a figure."
    result = f"AUC {number(area.value)} ({span(area.low, area.high)}), {area.counts_text}."
    return reported(f"{headline(facts.numbers)} {result}{calibrated}{groups}{not_estimable(facts)}")


def _heterogeneity(facts: Facts) -> Reply:
    if facts.clusters:
        return reported(f"By {', '.join(facts.clusters)}.")
    return not_done("No two sites, scanner vendors or spans of years have enough deaths to be compared.")


def _updating(facts: Facts) -> Reply:
    before, after = (
        facts.numbers.get(facts.best, SLOPE.name),
        facts.numbers.get(facts.best, SLOPE.name, evaluation=RECALIBRATED),
    )
    if not before.is_known or not after.is_known:
        return not_done("No recalibration could be fitted.")
    return reported(f"Calibration slope {number(before.value, 2)} as scored, {number(after.value, 2)} recalibrated.")


def _limitations(facts: Facts) -> Reply:
    return reported(" ".join(provenance.LIMITS))


def _poor_input(facts: Facts) -> Reply:
    instances = facts.data.instances
    if not len(instances):
        return not_done("No file was counted.")
    total = int(instances["instances"].sum())
    left_out = total - int(instances.loc[instances["status"] == ACCEPTED, "instances"].sum())
    share = percent(left_out / total) if total else "none"
    return reported(
        f"A file that can't be used is rejected with its reason: {count(left_out)} of {count(total)} here ({share}). "
        "Trees take missing values; the mean over all view models scores a loop of an unknown view, which is noted."
    )


def _users(facts: Facts) -> Reply:
    return for_the_site("The software reads DICOM files and records; what users do with a risk is not foreseen.")


def _next_steps(facts: Facts) -> Reply:
    return for_the_site("Evaluation elsewhere and in later years comes before any use.")


def _interpretation(facts: Facts) -> Reply:
    return for_the_site("The first section says what the numbers show; what they mean is for the authors.")


RESULTS: Mapping[str, Callable[[Facts], Reply]] = {
    "17": _ethics,
    "18a": _unknown("Sources of money, and their part in the study"),
    "18b": _unknown("Interests of the authors"),
    "18c": _unknown("Whether there is a protocol, and where"),
    "18d": _unknown("Whether the study is registered, and where"),
    "18e": _data_sharing,
    "18f": _code_sharing,
    "19": _unknown("Whether patients or the public took part"),
    "20a": _flow,
    "20b": _characteristics,
    "20c": _compared,
    "21": _analysed,
    "22": _specification,
    "23a": _performance,
    "23b": _heterogeneity,
    "24": _updating,
    "25": _interpretation,
    "26": _limitations,
    "27a": _poor_input,
    "27b": _users,
    "27c": _next_steps,
}
"""Item -> its answer."""
