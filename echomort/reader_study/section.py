"""The section on the reader study: cardiologists without and with the model, on the same cases."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from echomort.reader_study.answers import AIDED, CONDITIONS, MODEL, READERS, UNAIDED
from echomort.reader_study.rows import ALONE, AUC, CHANGE, EVERYONE, FIXED, READER_STUDY, SAMPLE, SHARES
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
POOLED = (("All readers", SAMPLE), ("These readers only", FIXED), ("All readers, bootstrap", ""))
"""Lines of the pooled change: their label, and the ending of their figures."""
KINDS = {UNAIDED: "score", AIDED: "video", ALONE: "fusion"}
"""The colour of an arm, as of a kind of model."""


def reader_section(summary: Mapping[str, Any] | None) -> list[Section]:
    """Return the section on the reader study; none without a study."""
    if summary is None:
        return []
    numbers, arms = figures_of(summary), _arms(summary)
    blocks = [Words(notes(summary), listed=True), _picture(numbers, arms), *tables(summary)]
    return [Section("readers", TITLE, blocks, lead(summary))]


def lead(summary: Mapping[str, Any]) -> str:
    """Return the numbers of readers and cases, and the pooled change, in a sentence or two."""
    balance, numbers = summary["balance"], figures_of(summary)
    readers = counted(len({reader for reader, _ in summary["arms"]}), "reader")
    cases = f"{counted(sum(balance.values()), 'case')}, {balance['dead']} of whom died within a year"
    changes = [_pooled(numbers, f"{metric}_change", CHANGE) for metric in SHARES[:2]]
    if not changes[0].is_known:
        return f"{readers} read {cases}."
    sensitivity, specificity = map(_points, changes)
    gains = f"sensitivity changed by {sensitivity}, specificity by {specificity} points"
    return f"{readers} read {cases}. With the model's answer, {gains}."


def notes(summary: Mapping[str, Any]) -> list[str]:
    """Return the notes that belong beside the figures."""
    model, views = model_words(summary["model"]).label, summary.get("views") or [summary["asked"]["view"]]
    synthetic = ["Every patient was generated: nothing here is about patients."] if summary["synthetic"] else []
    changes = [row for row in summary["metrics"] if row["metric"] == "changed_answers"]
    revised = ["Readers could go back to earlier cases of the same arm; the last answer counts."] if changes else []
    return [
        *synthetic,
        f"The model is {model}; it was not trained on these patients. Its answers, and the threshold "
        f"({percent(summary['threshold'])}), were frozen before the first reading and have not changed since.",
        "The share of deaths among the cases was chosen: accuracy and predictive values do not carry over to an "
        "archive; sensitivity and specificity may.",
        f"Readers saw loops as the networks see them ({', '.join(map(view_words, views))}) and ten variables. The "
        "model used all views and variables that it was trained on.",
        *revised,
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
    """Return the rows of ``table`` as text; the aside of a cell is in brackets."""
    return [[f"{cell.text} ({cell.aside})" if cell.aside else cell.text for cell in row] for row in table.cells]


def _markdown(table: Table) -> str:
    heads = [label for label, _ in table.heads]
    rules = ["---:" if style else "---" for _, style in table.heads]
    lines = ["| " + " | ".join(row) + " |" for row in (heads, rules, *printed(table))]
    return "\n".join([f"**{table.caption}**", "", *lines])


def _arms(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [*((reader, condition) for reader, condition in summary["arms"]), (MODEL, ALONE)]


def _name(reader: str, subset: str) -> str:
    return "Model" if reader == MODEL else f"{reader} {subset}"


def _pooled(numbers: Numbers, metric: str, subset: str) -> Figure:
    """Return a figure of all readers: with readers as a sample, else (one reader) the bootstrap's."""
    sample = numbers.get(READERS, f"{metric}{SAMPLE}", subset, READER_STUDY)
    return sample if sample.is_known else numbers.get(READERS, metric, subset, READER_STUDY)


def _answers(numbers: Numbers, arms: list[tuple[str, str]]) -> Table:
    columns = ["Answers of", "#Sensitivity", "#Specificity", "#Accuracy", "#AUC of confidence"]
    columns += ["#Seconds a case", "#Answers changed"]
    caption = f"How well each answered: {numbers.level} intervals, Wilson's, of the AUC DeLong's."
    return Table("reader_answers", caption, columns, [_answer_row(numbers, *arm) for arm in arms])


def _answer_row(numbers: Numbers, reader: str, subset: str) -> Row:
    wanted = (*SHARES, AUC, "seconds", "changed_answers")
    *shares, area, seconds, changed = (numbers.get(reader, metric, subset, READER_STUDY) for metric in wanted)
    cells = [Cell(percent(figure.value), figure.percent_limits) for figure in shares]
    cells += [Cell(number(area.value), span(area.low, area.high))]
    cells += [Cell(number(seconds.value, 0)), Cell(percent(changed.value))]
    return [Cell(_name(reader, subset), style=f"key-{KINDS[subset]}"), *cells]


def _changes(numbers: Numbers, arms: list[tuple[str, str]]) -> Table:
    readers = dict.fromkeys(reader for reader, _ in arms)
    wanted = [(reader, reader, "") for reader in readers] + [(label, READERS, ending) for label, ending in POOLED]
    rows = [row for label, name, ending in wanted if (row := _change_row(numbers, label, name, ending))]
    columns = ["With the model", *(f"#{metric.capitalize()}, points" for metric in SHARES), "#AUC, points"]
    caption = (
        "What the model's answer changed, in percentage points (of the AUC: hundredths). One reader: McNemar's exact "
        f"test on the same cases; of the AUC, the jackknife. All readers: {numbers.level} intervals. The line "
        '"All readers" is the study\'s answer: readers and cases are both samples (Obuchowski-Rockette, jackknife, '
        "Hillis' degrees of freedom)."
    )
    return Table("reader_changes", caption, columns, rows)


def _change_row(numbers: Numbers, label: str, name: str, ending: str) -> Row | None:
    metrics = [f"{metric}_change{ending}" for metric in (*SHARES, AUC)]
    pairs = [[numbers.get(name, part, CHANGE, READER_STUDY) for part in (metric, f"{metric}_p")] for metric in metrics]
    if not any(change.is_known for change, _ in pairs):
        return None
    places = (0, 0, 0, 1) if name != READERS else (1, 1, 1, 1)
    return [label, *(_change(change, test, digits) for (change, test), digits in zip(pairs, places, strict=True))]


def _change(change: Figure, test: Figure, digits: int) -> Cell:
    if not change.is_known:
        return Cell(NOTHING)
    limits = span(100 * change.low, 100 * change.high, digits)
    aside = [part for part in (limits, p_phrase(test.value) if test.is_known else "") if part]
    return Cell(signed(_rounded(change.value), digits), ", ".join(aside))


def _points(change: Figure) -> str:
    return f"{signed(_rounded(change.value), 1)} ({span(100 * change.low, 100 * change.high, 1)})"


def _rounded(share: float) -> float:
    """Points without the noise of float64, so that equal means in another order of summing are printed alike."""
    return round(100 * share, 9)


def _pairs(numbers: Numbers) -> Table:
    rows = [row for condition in CONDITIONS for row in _pairs_under(numbers, condition)]
    tests = [
        f"{condition} {p_phrase(q.value)}"
        for condition in CONDITIONS
        if (q := numbers.get(EVERYONE, "cochran_p", condition, READER_STUDY)).is_known
    ]
    caption = (
        f"Who is right more often. Cochran's Q over readers and model: {'; '.join(tests)}. Holm's correction is over "
        "all pairs of one condition"
    )
    columns = ["Pair", "Readers", "#Accuracy, points", "#McNemar's p", "#Holm's p"]
    return Table("reader_pairs", caption, columns, rows, folded=True)


def _pairs_under(numbers: Numbers, condition: str) -> Iterator[Row]:
    endings = ("", "_p", "_p_holm")
    for pair in _models(numbers, "accuracy_difference", condition):
        found = [numbers.get(pair, f"accuracy_difference{part}", condition, READER_STUDY) for part in endings]
        yield [pair, condition, signed(100 * found[0].value, 0), *(p_value(figure.value) for figure in found[1:])]


def _agreement(numbers: Numbers) -> Table:
    rows: list[Row] = []
    for condition in CONDITIONS:
        for metric, label in (("fleiss_kappa", "Fleiss"), ("cohen_kappa", "Cohen")):
            for name in _models(numbers, metric, condition):
                kappa = numbers.get(name, metric, condition, READER_STUDY)
                rows.append(["All readers" if name == READERS else name, condition, label, _kappa(kappa)])
    columns = ["Who", "Readers", "Kappa", "#Value"]
    return Table("reader_agreement", "Agreement between readers", columns, rows, folded=True)


def _kappa(kappa: Figure) -> Cell:
    return Cell(number(kappa.value, 2), span(kappa.low, kappa.high, 2))


def _models(numbers: Numbers, metric: str, subset: str) -> list[str]:
    return [row["model"] for row in numbers.records() if (row["metric"], row["subset"]) == (metric, subset)]


def _picture(numbers: Numbers, arms: list[tuple[str, str]]) -> Picture:
    pooled = [(READERS, condition) for condition in CONDITIONS if _pooled(numbers, SHARES[0], condition).is_known]
    rows = [
        _estimate(numbers, name, subset, metric)
        for metric in SHARES[:2]
        for name, subset in [*arms[:-1], *pooled, arms[-1]]
    ]
    known = ", ".join(f"{row.label} {row.group.lower()} {number(row.value, 2)}" for row in rows)
    drawing = figures.forest(rows, [], "", "Share of deaths found, of survivors spared")
    svg = inline_svg(drawing, "fig-readers", f"Each reader: {known}")
    caption = (
        f"Dead or alive at one year. Bars: {numbers.level} intervals; of all readers together, with readers and cases "
        "as samples."
    )
    return Picture(svg, "What each reader found and spared, without and with the model", caption)


def _estimate(numbers: Numbers, name: str, subset: str, metric: str) -> figures.Estimate:
    if name == READERS:
        label, found = f"All readers {subset}", _pooled(numbers, metric, subset)
    else:
        label, found = _name(name, subset), numbers.get(name, metric, subset, READER_STUDY)
    return figures.Estimate(label, found.value, found.low, found.high, KINDS[subset], metric.capitalize(), "", ())
