"""The sections of the report, each a file here or an entry point of another package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from echomort.core.registry import Registry
from echomort.report.blocks import Section
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.scores import ModelScores

READER_STUDY = 90
"""The place of the reader study, whose section is handed in by whoever writes the report."""


@dataclass(frozen=True)
class Given:
    """What a section is drawn from: the report's ``data``, its ``numbers`` by name, the ``scores`` of each model, and
    the ``answers`` of the reporting checklist."""

    data: ReportData
    numbers: Numbers
    scores: Mapping[str, ModelScores]
    answers: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class ReportSection:
    """A part of the page: ``build`` returns its sections, none where it has no data; ``place`` orders the parts."""

    place: int
    build: Callable[[Given], Sequence[Section]]


REPORT_SECTIONS = Registry("report section", "echomort.report.sections", ReportSection)


def report_sections(given: Given, reader_study: Sequence[Section]) -> list[Section]:
    """Return the page's sections in order; those without data are left out."""
    parts = [(one.place, name, one.build(given)) for name, one in REPORT_SECTIONS.all().items()]
    ordered = sorted([*parts, (READER_STUDY, "", reader_study)], key=lambda part: part[:2])
    return [section for _, _, found in ordered for section in found]
