"""The sections of the report, each a file here or an entry point of another package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from echomort.core.registry import Registry
from echomort.report.blocks import Section, Table, Words
from echomort.report.checklists.facts import Status
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.scores import ModelScores

READER_STUDY = 90
"""``place`` of the reader study, whose section the caller of :func:`report_sections` passes."""


@dataclass(frozen=True)
class Answer:
    """One answered item of a checklist: what it ``asks`` for, its ``answer``, and its ``status``."""

    asks: str
    answer: str
    status: Status


@dataclass(frozen=True)
class ReportInputs:
    """The inputs of every section: the report's ``data``, its ``numbers`` (metrics by name), the ``scores`` by model,
    and the ``answers`` of the reporting checklist by item."""

    data: ReportData
    numbers: Numbers
    scores: Mapping[str, ModelScores]
    answers: Mapping[str, Answer]


@dataclass(frozen=True)
class ReportSection:
    """A part of the page. ``build`` returns its sections (none without data); ``place`` is its position, lowest
    first."""

    place: int
    build: Callable[[ReportInputs], Sequence[Section]]


REPORT_SECTIONS = Registry("report section", "echomort.report.sections", ReportSection)


def report_sections(inputs: ReportInputs, reader_study: Sequence[Section]) -> list[Section]:
    """Return the sections of the page, ordered by ``place``; parts without data have none."""
    found = {name: (part.place, name) for name, part in REPORT_SECTIONS.all().items()}
    parts = [(*at, REPORT_SECTIONS.use(name, lambda part: _built(part, inputs)) or ()) for name, at in found.items()]
    ordered = sorted([*parts, (READER_STUDY, "", reader_study)], key=lambda part: part[:2])
    return [section for _, _, sections in ordered for section in sections]


def _built(part: ReportSection, inputs: ReportInputs) -> list[Section]:
    sections = list(part.build(inputs))
    if not all(isinstance(section, Section) for section in sections):
        raise TypeError("a part of the report builds sections only")
    return [section if _shows_something(section) else _with_reason(section, inputs) for section in sections]


def _shows_something(section: Section) -> bool:
    return any(not isinstance(block, Table) or block.rows for block in section.blocks)


def _with_reason(section: Section, inputs: ReportInputs) -> Section:
    """Return an empty ``section`` with the reason, where it is that too few died or survived."""
    few = inputs.numbers.without_result()
    return section if few is None else replace(section, blocks=[Words([f"Nothing is shown: {few.few_words}."])])
