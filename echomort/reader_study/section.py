"""The section on the reader study: cardiologists without and with the model, on the same cases."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from echomort.reader_study.answers import AIDED, CONDITIONS, MODEL, READERS, UNAIDED
from echomort.reader_study.statistics import ALONE, CHANGE, EVERYONE, READER_STUDY, SHARES
from echomort.report.blocks import Cell, Picture, Row, Section, Table, Words
from echomort.report.drawing import figures
from echomort.report.drawing.style import inline_svg
from echomort.report.numbers import Figure, Numbers
from echomort.report.words import (
    NOTHING,
    counted,
    model_words,
    number,
    p_phrase,
    p_value,
    percent,
    signed,
    span,
    view_words,
)

TITLE = "Readers without and with the model"
KINDS = {UNAIDED: "score", AIDED: "video", ALONE: "fusion"}
"""The colour of an arm, as of a kind of model."""


def reader_section(summary: Mapping[str, Any] | None) -> list[Section]:
    """Return what the reader study found; nothing where there is none."""
    if summary is None:
        return []
    numbers, arms = figures_of(summary), _arms(summary)
    blocks = [Words(notes(summary), listed=True), _picture(numbers, arms), *tables(summary)]
    return [Section("readers", TITLE, blocks, lead(summary))]


def lead(summary: Mapping[str, Any]) -> str:
    """Return who read what, and what that changed, in a sentence or two."""
    balance, numbers = summary["balance"], figures_of(summary)
    who = counted(len({reader for reader, _ in summary["arms"]}), "reader")
    cases = f"{counted(sum(balance.values()), 'case')}, {balance['dead']} of whom died within a year"
    change = numbers.get(READERS, "sensitivity_change", CHANGE, READER_STUDY)
    if not change.is_known:
        return f"{who} read {cases}."
    spared = numbers.get(READERS, "specificity_change", CHANGE, READER_STUDY)
    gains = f"sensitivity changed by {_points(change)}, specificity by {_points(spared)} points"
    return f"{who} read {cases}. With the model's answer before them, {gains}."


def notes(summary: Mapping[str, Any]) -> list[str]:
    """Return what must be known beside the figures."""
    model, view = model_words(summary["model"]).label, view_words(summary["asked"]["view"])
    synthetic = ["Every patient was generated: nothing here is about patients."] if summary["synthetic"] else []
    return [
        *synthetic,
        f"The model is {model}; it never saw these patients. Its answers, and the threshold "
        f"({percent(summary['threshold'])}), were frozen before anybody read, and are the same to the bit.",
        "The share of deaths among the cases was chosen, not met: accuracy and predictive values do not carry over to "
        "an archive; sensitivity and specificity may.",
        f"Readers saw one view ({view}) as the networks see it, and ten variables; the model saw all that it takes.",
    ]


def figures_of(summary: Mapping[str, Any]) -> Numbers:
    """Return the figures of a study, to be looked up."""
    return Numbers(pd.DataFrame(summary["metrics"]), confidence=summary["confidence"])


def tables(summary: Mapping[str, Any]) -> list[Table]:
    """Return every table of the study."""
    numbers, arms = figures_of(summary), _arms(summary)
    found = [_answers(numbers, arms), _changes(numbers, arms), _pairs(numbers), _agreement(numbers)]
    return [table for table in found if table.rows]


def markdown(summary: Mapping[str, Any]) -> str:
    """Return the study as Markdown, ending with a newline."""
    shown = "\n\n".join([_markdown(table) for table in tables(summary)])
    bullets = "\n".join(f"- {note}" for note in notes(summary))
    return f"# {TITLE}\n\n{lead(summary)}\n\n{bullets}\n\n{shown}\n"


def printed(table: Table) -> list[list[str]]:
    """Return the rows of ``table`` as text: what stands aside on the page stands in brackets."""
    return [[f"{cell.text} ({cell.aside})" if cell.aside else cell.text for cell in row] for row in table.cells]


def _markdown(table: Table) -> str:
    heads = [label for label, _ in table.heads]
    rules = ["---:" if style else "---" for _, style in table.heads]
    lines = ["| " + " | ".join(row) + " |" for row in (heads, rules, *printed(table))]
    return "\n".join([f"**{table.caption}**", "", *lines])


def _arms(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [*((reader, condition) for reader, condition in summary["arms"]), (MODEL, ALONE)]


def _name(who: str, how: str) -> str:
    return "Model" if who == MODEL else f"{who} {how}"


def _answers(numbers: Numbers, arms: list[tuple[str, str]]) -> Table:
    rows: list[Row] = []
    for who, how in arms:
        found = [numbers.get(who, metric, how, READER_STUDY) for metric in (*SHARES, "auc", "seconds")]
        shares = [Cell(percent(figure.value), figure.percent_limits) for figure in found[:3]]
        area = Cell(number(found[3].value), span(found[3].low, found[3].high))
        rows.append([Cell(_name(who, how), style=f"key-{KINDS[how]}"), *shares, area, number(found[4].value, 0)])
    columns = ["Answers of", "#Sensitivity", "#Specificity", "#Accuracy", "#AUC of confidence", "#Seconds a case"]
    caption = f"How well each answered: {numbers.level} intervals, Wilson's, of the AUC DeLong's."
    return Table("reader_answers", caption, columns, rows)


def _changes(numbers: Numbers, arms: list[tuple[str, str]]) -> Table:
    rows: list[Row] = []
    for who in [*dict.fromkeys(who for who, _ in arms), READERS]:
        found = [numbers.get(who, f"{metric}_change", CHANGE, READER_STUDY) for metric in SHARES]
        tests = [numbers.get(who, f"{metric}_change_p", CHANGE, READER_STUDY) for metric in SHARES]
        if found[0].is_known:
            name = "All readers" if who == READERS else who
            rows.append([name, *(_change(*pair) for pair in zip(found, tests, strict=True))])
    columns = ["With the model", *(f"#{metric.capitalize()}, points" for metric in SHARES)]
    caption = (
        "What the model's answer changed, in percentage points. A reader: McNemar's exact test on the same cases. All "
        f"readers: {numbers.level} interval by a bootstrap over readers and cases."
    )
    return Table("reader_changes", caption, columns, rows)


def _change(change: Figure, test: Figure) -> Cell:
    if not change.is_known:
        return Cell(NOTHING)
    aside = p_phrase(test.value) if test.is_known else span(100 * change.low, 100 * change.high, 0)
    return Cell(signed(100 * change.value, 0), aside)


def _points(change: Figure) -> str:
    return f"{signed(100 * change.value, 0)} ({span(100 * change.low, 100 * change.high, 0)})"


def _pairs(numbers: Numbers) -> Table:
    rows = [row for how in CONDITIONS for row in _pairs_under(numbers, how)]
    tests = [
        f"{how} {p_phrase(q.value)}"
        for how in CONDITIONS
        if (q := numbers.get(EVERYONE, "cochran_p", how, READER_STUDY)).is_known
    ]
    caption = f"Who is right more often. Cochran's Q over readers and model: {'; '.join(tests)}"
    columns = ["Pair", "Readers", "#Accuracy, points", "#McNemar's p", "#Holm's p"]
    return Table("reader_pairs", caption, columns, rows, folded=True)


def _pairs_under(numbers: Numbers, how: str) -> Iterator[Row]:
    for pair in _models(numbers, "accuracy_difference", how):
        found = [numbers.get(pair, f"accuracy_difference{part}", how, READER_STUDY) for part in ("", "_p", "_p_holm")]
        yield [pair, how, signed(100 * found[0].value, 0), *(p_value(figure.value) for figure in found[1:])]


def _agreement(numbers: Numbers) -> Table:
    rows: list[Row] = []
    for how in CONDITIONS:
        for metric, name in (("fleiss_kappa", "Fleiss"), ("cohen_kappa", "Cohen")):
            for who in _models(numbers, metric, how):
                kappa = numbers.get(who, metric, how, READER_STUDY)
                rows.append(["All readers" if who == READERS else who, how, name, _kappa(kappa)])
    return Table(
        "reader_agreement", "Agreement between readers", ["Who", "Readers", "Kappa", "#Value"], rows, folded=True
    )


def _kappa(kappa: Figure) -> Cell:
    return Cell(number(kappa.value, 2), span(kappa.low, kappa.high, 2))


def _models(numbers: Numbers, metric: str, how: str) -> list[str]:
    return [row["model"] for row in numbers.records() if (row["metric"], row["subset"]) == (metric, how)]


def _picture(numbers: Numbers, arms: list[tuple[str, str]]) -> Picture:
    pooled = [(READERS, how) for how in CONDITIONS if numbers.get(READERS, "sensitivity", how, READER_STUDY).is_known]
    rows = [
        _estimate(numbers, who, how, metric)
        for metric in ("sensitivity", "specificity")
        for who, how in [*arms[:-1], *pooled, arms[-1]]
    ]
    known = ", ".join(f"{row.label} {row.group.lower()} {number(row.value, 2)}" for row in rows)
    drawing = figures.forest(rows, [], "", "Share of deaths found, of survivors spared")
    svg = inline_svg(drawing, "fig-readers", f"Each reader: {known}")
    caption = f"Dead or alive at one year. Bars: {numbers.level} intervals; of all readers together, the bootstrap's."
    return Picture(svg, "What each reader found and spared, without and with the model", caption)


def _estimate(numbers: Numbers, who: str, how: str, metric: str) -> figures.Estimate:
    found = numbers.get(who, metric, how, READER_STUDY)
    label = f"All readers {how}" if who == READERS else _name(who, how)
    return figures.Estimate(label, found.value, found.low, found.high, KINDS[how], metric.capitalize(), "", ())
