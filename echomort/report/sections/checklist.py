"""The sections on the reporting checklist and on the risk of bias: every item has an answer, at least "not done"."""

from collections import Counter
from collections.abc import Mapping

from echomort.report.blocks import Cell, Row, Section, Table
from echomort.report.checklists.answers import probast_answers
from echomort.report.checklists.facts import Facts
from echomort.report.sections import Answer, ReportInputs, ReportSection
from echomort.report.words import counted

STYLES = {
    "reported": "pass",
    "yes": "pass",
    "probably yes": "pass",
    "not done": "warn",
    "no": "warn",
    "probably no": "warn",
}
"""Status -> its style; the others are plain."""
BY_WHOM = "Answered by the software from this run; nobody has checked the answers. The wording of the items is ours."


def checklist(answered: Mapping[str, Answer]) -> Section:
    """Return the items of TRIPOD+AI with their answers."""
    amounts = Counter(answer.status for answer in answered.values())
    lead = (
        f"TRIPOD+AI has 27 items in {len(answered)} parts: {amounts['reported']} are reported, {amounts['not done']} "
        f"are not done, and {amounts['for the site to answer']} only the site can answer. {BY_WHOM}"
    )
    caption = "TRIPOD+AI (Collins et al., BMJ 2024;385:e078378)"
    return Section("checklist", "Reporting checklist", [_table("checklist", caption, answered)], lead)


def risk_of_bias(answered: Mapping[str, Answer]) -> Section:
    """Return the signalling questions of PROBAST+AI with their answers."""
    amounts = Counter(answer.status for answer in answered.values())
    parts = ", ".join(f"{number} {status}" for status, number in sorted(amounts.items(), key=lambda pair: -pair[1]))
    lead = (
        f"{counted(len(answered), 'signalling question')} on development (D) and evaluation (E): {parts}. {BY_WHOM} "
        "A judgement of the risk of bias, and of applicability, is for readers."
    )
    caption = "After PROBAST+AI (Moons et al., BMJ 2025;388:e082505)"
    return Section("bias", "Risk of bias", [_table("bias", caption, answered)], lead)


def _table(name: str, caption: str, answered: Mapping[str, Answer]) -> Table:
    rows = [_row(item, answer) for item, answer in answered.items()]
    return Table(name, caption, ["Item", "Status", "Answer"], rows, folded=True)


def _row(item: str, answer: Answer) -> Row:
    topic, _, asks = answer.asks.partition(": ")
    status = Cell(answer.status, style=STYLES.get(answer.status, ""))
    return [Cell(f"{item} {topic}", asks, "strong"), status, Cell(answer.answer, style="muted")]


def _build(inputs: ReportInputs) -> list[Section]:
    questions = probast_answers(Facts(inputs.data, inputs.numbers, inputs.scores))
    return [checklist(inputs.answers), risk_of_bias(questions)]


REPORT_SECTION = ReportSection(place=130, build=_build)
