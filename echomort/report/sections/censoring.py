"""The section on follow-up: what censoring does to the result, and what the lost patients could."""

from typing import TYPE_CHECKING, Any

from echomort.evaluation.metrics.censoring import (
    AUC_IF_LOST,
    DAYS,
    DEATH_SHARE,
    DEATH_SHARE_IF_LOST,
    EXPECTED_SHARE,
    GROUPS,
    IPCW_AUC,
    IPCW_BRIER,
    IPCW_IPA,
    LOST,
    LOST_DIE,
    day_subset,
    lost_subset,
    risk_subset,
)
from echomort.report.blocks import Cell, Picture, Row, Section, Table
from echomort.report.cells import metric_cell, metric_head
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import count, counted, model_words, number, percent, span
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED, WHOLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SHOWN = "view", "video", "ehr", "fusion"
"""Kinds of models that the section has rows of."""
ERRORS = IPCW_BRIER, IPCW_IPA
EVALUATIONS = {OUT_OF_FOLD: "as scored", RECALIBRATED: "recalibrated"}


def censoring(numbers: Numbers) -> list[Section]:
    """Return the section; none where nobody's follow-up is known."""
    share, lost = numbers.get("cohort", DEATH_SHARE.name), numbers.get("cohort", LOST.name)
    if not share.is_known:
        return []
    best = numbers.best()
    blocks: list[Any] = [_over_time(numbers)]
    blocks += [_by_risk(numbers, best)] if best else []
    if best and lost.value > 0:
        blocks += [_lost_table(numbers, best), _picture(numbers, best)]
    return [Section("follow-up", "Follow-up", blocks, lead(numbers))]


def lead(numbers: Numbers) -> str:
    """Return how many are lost, and the share of deaths with and without them."""
    share, lost = numbers.get("cohort", DEATH_SHARE.name), numbers.get("cohort", LOST.name)
    labelled = numbers.get("cohort", "prevalence")
    verb = "is" if lost.value == 1 else "are"
    others = ""
    if labelled.is_known and (share.n or 0) - round(lost.value) != labelled.n:
        others = (
            " A patient's study is chosen here whether or not it has a label, so that some who are lost have another "
            f"one among the {count(labelled.n)} that are evaluated."
        )
    return (
        f"Of {counted(share.n, 'patient')}, {count(round(lost.value))} {verb} lost before the horizon and without a "
        f"label. Kaplan-Meier, which counts them as long as they are followed, has {percent(share.value, 1)} "
        f"({span(100 * share.low, 100 * share.high, 1)}) dead by then; of the labelled patients, "
        f"{percent(labelled.value, 1)} died.{others}"
    )


def _over_time(numbers: Numbers) -> Table:
    rows: list[Row] = []
    for model, words in numbers.models(*SHOWN):
        for subset in (*map(day_subset, DAYS[:-1]), WHOLE, day_subset(DAYS[-1])):
            for evaluation in (OUT_OF_FOLD, RECALIBRATED) if subset == WHOLE else (RECALIBRATED,):
                area = numbers.get(model, IPCW_AUC.name, subset)
                errors = [(metric, numbers.get(model, metric.name, subset, evaluation)) for metric in ERRORS]
                if area.is_known:
                    when = f"the horizon, {EVALUATIONS[evaluation]}" if subset == WHOLE else subset
                    cells = [metric_cell(metric, figure) for metric, figure in [(IPCW_AUC, area), *errors]]
                    rows.append([Cell(words.label, when, f"key-{words.kind}"), *cells])
    note = (
        "Weighted for censoring (inverse probability; the lost are taken to die as often as those "
        "who are followed on). IPA: the share of the Brier score of one risk for all that the model saves. Brier and "
        "IPA of other days than the horizon are of scores recalibrated to the day, on the other folds. Bootstrap over "
        "patients. A day is left out where too few died by it or too few were followed beyond it."
    )
    columns = ["Score", *map(metric_head, (IPCW_AUC, *ERRORS))]
    return Table("over-time", "Death by each day, the lost included", columns, rows, folded=True, note=note)


def _by_risk(numbers: Numbers, best: str) -> Table:
    rows: list[Row] = []
    for subset, name in ((WHOLE, "all"), *((risk_subset(place), str(place)) for place in range(1, GROUPS + 1))):
        expected, found = (numbers.get(best, metric.name, subset) for metric in (EXPECTED_SHARE, DEATH_SHARE))
        if expected.is_known:
            limits = span(100 * found.low, 100 * found.high, 1)
            rows.append([name, percent(expected.value, 1), Cell(percent(found.value, 1), limits), str(found.n)])
    caption = (
        f"{model_words(best).label}: deaths expected, as scored, and those of Kaplan-Meier, for all and by predicted "
        f"risk, the lowest first: {GROUPS} groups of equal size, neighbours joined where few died or few lived."
    )
    return Table("risk-groups", caption, ["Risk group", "#Expected", "#Kaplan-Meier", "#Patients"], rows)


def _lost_table(numbers: Numbers, best: str) -> Table:
    rows: list[Row] = []
    for share in LOST_DIE:
        deaths = numbers.get("cohort", DEATH_SHARE_IF_LOST.name, lost_subset(share))
        area = numbers.get(best, AUC_IF_LOST.name, lost_subset(share))
        rows.append([percent(share), percent(deaths.value, 1), number(area.value)])
    caption = (
        "What follows if the lost do not die as often as those who are followed on. The first and the last row are "
        f"bounds. {_tipping_point(numbers, best)}"
    )
    return Table("lost", caption, ["Of the lost, die", "#Deaths", f"#AUC, {model_words(best).label}"], rows)


def _tipping_point(numbers: Numbers, best: str) -> str:
    """Return at which assumed share the AUC leaves the interval of the labelled patients."""
    area = numbers.auc(best)
    outside = [
        share
        for share in LOST_DIE
        if not area.low <= numbers.get(best, AUC_IF_LOST.name, lost_subset(share)).value <= area.high
    ]
    interval = f"the {numbers.level} interval of the labelled patients ({span(area.low, area.high)})"
    if not outside:
        return f"The AUC stays inside {interval} whatever is assumed."
    return f"The AUC leaves {interval} if {', '.join(percent(share) for share in outside)} of the lost die."


def lost_figure(numbers: Numbers, best: str) -> "Drawing":
    """Return the AUC of the main model and of the health records by the assumed share of the lost who die."""
    models = dict.fromkeys((best, *(model for model, words in numbers.models("ehr"))))
    lines = [
        (
            model_words(model).label,
            model_words(model).kind,
            [numbers.get(model, AUC_IF_LOST.name, lost_subset(share)).value for share in LOST_DIE],
        )
        for model in models
    ]
    area = numbers.auc(best)
    return figures.assumed(LOST_DIE, lines, (area.low, area.high))


def _picture(numbers: Numbers, best: str) -> Picture:
    values = [number(numbers.get(best, AUC_IF_LOST.name, lost_subset(share)).value) for share in LOST_DIE]
    alt = f"AUC of {model_words(best).label} if 0, 25, 50, 75 and 100 % of the lost die: {', '.join(values)}"
    caption = "Band: the interval of the main model on the labelled patients."
    return Picture(
        inline_svg(lost_figure(numbers, best), "fig-lost", alt), "If the lost die more, or less", caption, half=True
    )


REPORT_SECTION = ReportSection(place=75, build=lambda inputs: censoring(inputs.numbers))
