"""The main points of the result, in sentences whose words follow the numbers (:mod:`echomort.report.differences`)."""

from collections.abc import Sequence

from echomort.evaluation.discrimination import chance_error
from echomort.evaluation.metrics.censoring import DEATH_SHARE
from echomort.evaluation.metrics.discrimination import AUC
from echomort.report.data import ReportData
from echomort.report.differences import UNCLEAR, auc_difference
from echomort.report.numbers import Figure, Numbers
from echomort.report.words import count, counted, model_words, number, percent, span
from echomort.vocabulary.baselines import AGE_SEX
from echomort.vocabulary.model_names import ALL_VIEWS, EHR, MADE_ELSEWHERE, VIDEO_EHR

MAIN_MODEL = (
    "It is the main model by a rule that was fixed before any result: of the models that could be trained and "
    "evaluated, the one with the most inputs (video and records; else all views, one view, records, a clinical score)."
)
LEAK = "which chance does not explain: something of the outcome leaks into the models"
"""The verdict on a permuted null that is not chance."""
COMPARED = "view", "video", "ehr", "fusion", "baseline", "score", "encoder", "external"
"""Kinds of models that could have been the main model, or are compared with it."""
MOST_NAMED = 3
"""Models that a sentence names at most. Chosen here, so that it can be read."""


def points(data: ReportData, numbers: Numbers) -> list[str]:
    """Return the points below the headline, those that apply."""
    found = [
        _main_model(numbers),
        _higher_models(numbers),
        _follow_up(numbers),
        _oracle(numbers),
        _together(numbers),
        _added_value(numbers),
        _records(numbers),
        _not_estimable(numbers),
        _null(numbers),
        _checks(data),
    ]
    return [point for point in found if point]


def _main_model(numbers: Numbers) -> str:
    best = numbers.best()
    if best is None:
        return ""
    area, within, label = numbers.auc(best), numbers.auc_within_folds(best), model_words(best).label
    inside = f" Within folds {number(within.value)}{_limits(numbers, within)}." if within.is_known else ""
    return (
        f"{label}: AUC {number(area.value)}{_limits(numbers, area)}, on {area.counts_text}, each scored by a model "
        f"that never saw the patient.{inside} {MAIN_MODEL}"
    )


def _limits(numbers: Numbers, area: Figure) -> str:
    """Return the interval of an AUC, and whether chance is in it; empty without one."""
    limits = span(area.low, area.high)
    chance = ", which includes 0.5, chance" if area.low <= 0.5 <= area.high else ""
    return f", {numbers.level} interval {limits}{chance}" if limits else ""


def _higher_models(numbers: Numbers) -> str:
    """Return which models rank better than the main one, and whether that is clear; nothing where none does."""
    best = numbers.best()
    higher = [model for model, _ in numbers.estimable(*COMPARED) if best and _is_higher(numbers, model, best)]
    if best is None or not higher:
        return ""
    named = sorted(higher, key=lambda model: -numbers.auc(model).value)[:MOST_NAMED]
    more = len(higher) - len(named)
    others = f" And {counted(more, 'other')}." if more else ""
    verb = "model has" if len(higher) == 1 else "models have"
    return (
        f"{count(len(higher))} other {verb} a higher AUC than the main model, {model_words(best).label}, on its own "
        "patients or on those of both: "
        f"{'. '.join(_against(numbers, model, best) for model in named)}.{others}{_of_external(named)}"
    )


def _of_external(models: Sequence[str]) -> str:
    """Return the caution that belongs to what was made elsewhere; nothing where ``models`` has none."""
    kinds = {model_words(model).kind for model in models} & MADE_ELSEWHERE
    named = " or ".join({"encoder": "an encoder", "external": "an external model"}[kind] for kind in sorted(kinds))
    return f" Whether {named} learned from these patients is not known here." if kinds else ""


def _is_higher(numbers: Numbers, model: str, other: str) -> bool:
    """Whether the AUC of ``model`` is above that of ``other``, each on its own patients or on those of both."""
    found = auc_difference(numbers, model, other)
    on_both = found is not None and round(found.figure.value, AUC.digits) > 0
    own = round(numbers.auc(model).value, AUC.digits) > round(numbers.auc(other).value, AUC.digits)
    return on_both or own


def _against(numbers: Numbers, model: str, other: str) -> str:
    """Return a model's AUC and how it differs from that of ``other``, on the patients whom both scored."""
    found, area = auc_difference(numbers, model, other), numbers.auc(model)
    text = found.words if found else "the difference was not tested"
    fewer = f" on {counted(area.n, 'patient')}; on those of both" if area.n != numbers.auc(other).n else ""
    return f"{model_words(model).label} {number(area.value)}{fewer}, {text}"


def _follow_up(numbers: Numbers) -> str:
    """Return a warning where the labelled patients die more, or less, often than Kaplan-Meier's share of all."""
    labelled, share = numbers.get("cohort", "prevalence"), numbers.get("cohort", DEATH_SHARE.name)
    if not share.is_known or not labelled.is_known or share.low <= labelled.value <= share.high:
        return ""
    by_kaplan_meier = f"{percent(share.value, 1)} do ({span(100 * share.low, 100 * share.high, 1)})"
    return (
        f"Of the labelled patients {percent(labelled.value, 1)} died; by Kaplan-Meier, which counts the lost as long "
        f"as they are followed, {by_kaplan_meier}. Patients who live and do not come back have no label, so absolute "
        "risks and thresholds here do not hold for all patients: see Follow-up."
    )


def _oracle(numbers: Numbers) -> str:
    recovered = numbers.get(ALL_VIEWS, "headroom_heart")
    best_possible = numbers.auc("oracle_heart")
    if not recovered.is_known or not best_possible.is_known:
        return ""
    return (
        "The generator knows the true state of every heart. A score with that knowledge would reach an AUC of "
        f"{number(best_possible.value)}; {_recovered(recovered)}, measured against true risks, which removes the "
        "chance in who died."
    )


def _recovered(share: Figure) -> str:
    limits = span(100 * share.low, 100 * share.high, 0)
    if share.low > 0:
        return f"the loops recover {percent(share.value)} ({limits}) of its lead over chance"
    return f"it is not clear that the loops recover any of its lead over chance ({percent(share.value)}, {limits})"


def _together(numbers: Numbers) -> str:
    """Return how the AUC of video and records together differs from that of either alone."""
    found = [
        f"{against}: {gap.words}"
        for name, against in ((ALL_VIEWS, "the loops alone"), (EHR, "the records alone"))
        if (gap := auc_difference(numbers, VIDEO_EHR, name))
    ]
    return f"AUC of video and records together against {'; against '.join(found)}." if found else ""


def _added_value(numbers: Numbers) -> str:
    """Return how the AUC of the main model differs from that of age and sex alone."""
    gap = auc_difference(numbers, numbers.best() or "", AGE_SEX)
    if gap is None:
        return ""
    area = number(numbers.auc(AGE_SEX).value)
    return f"AUC of the main model against age and sex alone (AUC {area}): {gap.words}."


def _records(numbers: Numbers) -> str:
    """Return whether the records model that is fused ranks worse than others on records; nothing where it is best."""
    area = numbers.auc(EHR)
    others = [model for model, _ in numbers.estimable("baseline")]
    higher = [model for model in others if area.is_known and _is_higher(numbers, model, EHR)]
    if not higher:
        return ""
    named = max(higher, key=lambda model: numbers.auc(model).value)
    rank = f"{count(len(higher))} of the {counted(len(others), 'other model')} on records"
    clearly = [model for model in higher if (gap := auc_difference(numbers, model, EHR)) and gap.direction != UNCLEAR]
    return (
        f"The records model that is fused with the loops, {model_words(EHR).label} (AUC {number(area.value)}), is not "
        f"the best on records: {rank} {_have(len(higher))} a higher AUC, {_clear(clearly)}; the highest has "
        f"{_against(numbers, named, EHR)}."
    )


def _have(amount: int) -> str:
    return "has" if amount == 1 else "have"


def _clear(clearly: Sequence[str]) -> str:
    return f"{count(len(clearly))} of them clearly" if clearly else "none of them clearly"


def _not_estimable(numbers: Numbers) -> str:
    """Return which models could not be evaluated, and why: they are in no table of results. Where no model was, since
    too few died or survived, the headline says so for all."""
    known = {model for model, _ in numbers.estimable()}
    if numbers.without_result():
        known |= {model for model, _ in numbers.models() if numbers.too_few(model)}
    reasons = [
        f"{words.label} ({_reason(numbers.auc(model))})" for model, words in numbers.models() if model not in known
    ]
    return f"Not compared, since it could not be evaluated: {', '.join(reasons)}." if reasons else ""


def _reason(area: Figure) -> str:
    if area.is_no_result:
        return area.few_words
    if area.is_suppressed:
        patients = f"{counted(area.n, 'patient')}: " if area.n is not None else ""
        return f"{patients}{area.method.partition(': ')[2]}"
    return "not computed for enough patients of either outcome"


def _null(numbers: Numbers) -> str:
    for model, _ in numbers.estimable("null"):
        null = numbers.auc(model)
        margin = 2 * chance_error(null.n or 0, null.events or 0)
        is_chance = null.low - margin <= 0.5 <= null.high + margin
        verdict = f"as chance does ({number(0.5)} give or take {number(margin)})" if is_chance else LEAK
        return (
            "Trained again from the start on permuted outcomes, the model with the most inputs reaches a mean AUC of "
            f"{number(null.value)} on {null.counts_text} ({null.method}: {span(null.low, null.high)}), {verdict}."
        )
    return ""


def _checks(data: ReportData) -> str:
    if not len(data.checks):
        return ""
    passed = data.checks["passed"].astype(bool)
    warned = 0 if "severity" not in data.checks else int((~passed & (data.checks["severity"] == "WARN")).sum())
    passed_text = (
        f"{count(int(passed.sum()))} of {counted(len(data.checks), 'check')} on the data and the method passed"
    )
    return f"{passed_text}; {count(warned)} warned only: their names are under Checks." if warned else f"{passed_text}."
