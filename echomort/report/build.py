"""Write the report: one offline HTML page, a JSON twin with the same numbers, and its figures and tables as files."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from echomort.core.files import write_text
from echomort.report import intended_use
from echomort.report.blocks import Picture, Section
from echomort.report.checklists.answers import probast_answers, tripod_answers
from echomort.report.checklists.facts import Facts
from echomort.report.data import ARCHIVE_COLUMNS, Example, ReportData
from echomort.report.exports import exported, write_exports
from echomort.report.numbers import Numbers
from echomort.report.opening import limits, tiles
from echomort.report.scores import scores_by_model
from echomort.report.sections import Answer, ReportInputs, provenance, report_sections, results
from echomort.report.sections.variables import missing_shares
from echomort.report.templating import style, template

__all__ = ["REQUIRED", "Example", "ReportData", "ReportFiles", "write_report"]

SCHEMA, SCHEMA_VERSION = "echomort-report", 2
"""Name and version of the JSON twin's layout; the version goes up when a key changes its meaning."""
REQUIRED = (
    "schema",
    "schema_version",
    "title",
    "stamp",
    "synthetic",
    "headline",
    "metrics",
    "tables",
    "attrition",
    "settings",
    "lineage",
    "checklist",
    "risk_of_bias",
    "published",
)
"""Keys that the JSON twin always has, with content."""


@dataclass(frozen=True)
class ReportFiles:
    """The paths of the report's files: the page, its JSON twin, and figures and tables (``beside``)."""

    html: Path
    json: Path
    beside: tuple[Path, ...]

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file."""
        return self.html, self.json, *self.beside


@dataclass(frozen=True)
class Page:
    """The content of the page: its ``sections``, the ``facts`` and the ``answers`` to the reporting checklist."""

    sections: list[Section]
    facts: Facts
    answers: Mapping[str, Answer]


def make_page(data: ReportData, reader_study: Sequence[Section] = ()) -> Page:
    """Return the content of the page, with small groups suppressed.

    ``reader_study``: the section of the reader study, if there is one.

    Raises :class:`~echomort.core.errors.UserError` where an item of the reporting checklist has no answer.
    """
    confidence = data.setting_values.get("evaluation.confidence", 0.95)
    numbers = Numbers(data.metrics, data.suppress_below_events, confidence)
    scores = scores_by_model(data.scores, data.suppress_below_events)
    facts = Facts(data, numbers, scores)
    answers = tripod_answers(facts)
    return Page(report_sections(ReportInputs(data, numbers, scores, answers), reader_study), facts, answers)


def write_report(data: ReportData, folder: Path, reader_study: Sequence[Section] = ()) -> ReportFiles:
    """Write ``report.html``, ``report.json`` and the folders ``figures`` and ``tables`` into ``folder``, each
    atomically, the page last; equal data give equal bytes. See :func:`make_page`."""
    page = make_page(data, reader_study)
    content, files = render(data, page.facts.numbers, page.sections), exported(page.sections)
    as_json = document(page.facts, page.sections, page.answers, files)
    twin = json.dumps(as_json, indent=1, ensure_ascii=False, allow_nan=False)
    written = ReportFiles(folder / "report.html", folder / "report.json", tuple(write_exports(files, folder)))
    write_text(written.json, twin + "\n")
    write_text(written.html, content)
    return written


def render(data: ReportData, numbers: Numbers, page: list[Section]) -> str:
    """Return the page as HTML that loads nothing from elsewhere."""
    return template("report.html.j2").render(
        data=data,
        sections=page,
        tiles=tiles(numbers),
        limits=limits(numbers, data.skipped),
        note=intended_use.SYNTHETIC_NOTE,
        style=style(),
    )


def document(
    facts: Facts,
    page: list[Section],
    answers: Mapping[str, Answer],
    files: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the JSON twin; ``files`` are the paths of figures and tables beside the page.

    Raises :class:`ValueError` where a key of :data:`REQUIRED` is missing or empty.
    """
    data, numbers = facts.data, facts.numbers
    content = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "title": data.title,
        "stamp": data.stamp,
        "synthetic": data.synthetic,
        "headline": _headline(numbers, data.skipped),
        "metrics": list(numbers.records()),
        "tables": {table.name: table.text_rows() for section in page for table in section.tables},
        "figures": [_figure(one) for section in page for one in section.pictures],
        "files": list(files),
        "attrition": _records(data.attrition, ("step", "reason", "studies", "patients")),
        "archive": _records(data.instances, ARCHIVE_COLUMNS),
        "checks": _records(data.checks, ("table", "check", "passed", "severity", "checked", "failed")),
        "missingness": [{"variable": name, "missing": share} for name, share in missing_shares(data.missingness)],
        "settings": [_setting(*row) for row in data.settings],
        "published": [dict(zip(("quantity", "value", "source"), row, strict=True)) for row in provenance.PUBLISHED],
        "lineage": {name: _json_value(value) for name, value in data.lineage.items()},
        "checklist": {key: asdict(answer) for key, answer in answers.items()},
        "risk_of_bias": {key: asdict(answer) for key, answer in probast_answers(facts).items()},
    }
    empty = [key for key in REQUIRED if key not in content or content[key] in (None, "", [], {})]
    if empty:
        raise ValueError(f"the report's JSON lacks {', '.join(empty)}")
    return content


def _headline(numbers: Numbers, skipped: Sequence[str]) -> dict[str, Any]:
    figures = [list(tile) for tile in tiles(numbers)]
    return {"text": results.headline(numbers), "figures": figures, "limits": limits(numbers, skipped)}


def _figure(picture: Picture) -> dict[str, Any]:
    points = {name: [_json_value(float(value)) for value in values] for name, values in picture.points.items()}
    return {"name": picture.name, "title": picture.title, "file": picture.file, "points": points}


def _setting(key: str, value: Any, source: str, meaning: str) -> dict[str, Any]:
    return {"key": key, "value": _json_value(value), "provenance": source, "meaning": meaning}


def _records(frame: Any, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    known = [column for column in columns if column in frame.columns]
    return [{name: _json_value(value) for name, value in row.items()} for row in frame[known].to_dict("records")]


def _json_value(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (tuple, list)):
        return [_json_value(part) for part in value]
    return value if value is None or isinstance(value, (bool, int)) else provenance.setting_text(value)
