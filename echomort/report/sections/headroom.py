"""The section on the truth of a synthetic archive: how much of what can be known the scores recover."""

from echomort.evaluation.metrics.headroom import HEADROOM, SOFT_AUC
from echomort.report.blocks import Cell, Row, Section, Table, Words
from echomort.report.cells import metric_cell, metric_head
from echomort.report.numbers import Numbers
from echomort.report.sections import ReportSection
from echomort.report.words import count, model_words, number, percent, span
from echomort.vocabulary.model_names import ALL_VIEWS

LEAD = (
    "Only a synthetic archive has this section: its generator knows each patient's true risk, and so the best AUC that "
    "any score could reach."
)


def headroom(numbers: Numbers) -> list[Section]:
    """Return the AUCs of the oracles, and the share of each one's lead over chance that a score recovers."""
    oracles, recovered = _oracle_table(numbers), _recovered_table(numbers)
    if not oracles.rows:
        return []
    texts = [text for text in [_heart(numbers)] if text]
    return [Section("headroom", "Against the truth", [Words(texts), oracles, recovered], LEAD)]


def _heart(numbers: Numbers) -> str:
    recovered, best_possible = numbers.get(ALL_VIEWS, HEADROOM["oracle_heart"].name), numbers.auc("oracle_heart")
    if not recovered.is_known or not best_possible.is_known:
        return ""
    share = f"{percent(recovered.value)} ({span(100 * recovered.low, 100 * recovered.high, 0)})"
    return (
        "A score that knows the true state of every heart would reach an AUC of "
        f"{number(best_possible.value)}; the loops recover {share} of its lead over chance, measured against true "
        "risks, which removes the chance in who died."
    )


def _oracle_table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    for model, words in numbers.models("oracle"):
        area = numbers.auc(model)
        label = Cell(words.label, words.sees, f"key-{words.kind}")
        shown = Cell(area.few_words if area.is_no_result else number(area.value), span(area.low, area.high))
        rows.append([label, shown, count(area.n), count(area.events)])
    caption = f"AUC of scores that know the truth, against who died; {numbers.level} intervals (DeLong)."
    return Table("oracles", caption, ["Oracle", "#AUC", "#Patients", "#Deaths"], rows)


def _recovered_table(numbers: Numbers) -> Table:
    rows: list[Row] = []
    for model, words in numbers.models("view", "video", "ehr", "fusion", "score", "encoder", "external"):
        found = [(metric, numbers.get(model, metric.name)) for metric in (SOFT_AUC, *HEADROOM.values())]
        if found[0][1].is_known:
            label = Cell(model_words(model).label, style=f"key-{words.kind}")
            rows.append([label, *(metric_cell(metric, figure) for metric, figure in found)])
    caption = (
        "Headroom: the share that a score recovers of an oracle's lead over an AUC of 0.5, both measured against true "
        "risks. Bootstrap over patients."
    )
    columns = ["Score", *(metric_head(metric) for metric in (SOFT_AUC, *HEADROOM.values()))]
    return Table("headroom", caption, columns, rows)


REPORT_SECTION = ReportSection(place=118, build=lambda inputs: headroom(inputs.numbers))
