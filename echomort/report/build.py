"""Write the report: one offline HTML page, and a JSON twin with the same numbers."""

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from echomort.core.files import write_text
from echomort.report.blocks import Section
from echomort.report.checklists.answers import probast_answers, tripod_answers
from echomort.report.checklists.facts import Facts
from echomort.report.data import ARCHIVE_COLUMNS, Example, ReportData
from echomort.report.numbers import Numbers
from echomort.report.scores import scores_by_model
from echomort.report.sections import Answer, ReportInputs, provenance, report_sections, results
from echomort.report.sections.archive import ACCEPTED
from echomort.report.sections.variables import missing_shares
from echomort.report.words import count, counted, model_words, number, percent, span
from echomort.vocabulary.model_names import ALL_VIEWS

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
    """The paths of the report's files."""

    html: Path
    json: Path


def write_report(data: ReportData, folder: Path, reader_study: Sequence[Section] = ()) -> ReportFiles:
    """Write ``report.html`` and ``report.json`` into ``folder``, atomically; equal data give equal bytes.

    ``reader_study``: the section of the reader study, if there is one.

    Raises :class:`~echomort.core.errors.UserError` where an item of the reporting checklist has no answer.
    """
    confidence = data.setting_values.get("evaluation.confidence", 0.95)
    numbers = Numbers(data.metrics, data.suppress_below_events, confidence)
    scores = scores_by_model(data.scores)
    facts = Facts(data, numbers, scores)
    answers = tripod_answers(facts)
    page = report_sections(ReportInputs(data, numbers, scores, answers), reader_study)
    files = ReportFiles(folder / "report.html", folder / "report.json")
    content = render(data, numbers, page)
    twin = json.dumps(document(facts, page, answers), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(files.html, content)
    write_text(files.json, twin + "\n")
    return files


def render(data: ReportData, numbers: Numbers, page: list[Section]) -> str:
    """Return the page as HTML that loads nothing from elsewhere."""
    return _template().render(
        data=data,
        sections=page,
        tiles=tiles(data, numbers),
        note=provenance.SYNTHETIC_NOTE,
        style=resources.files(__package__).joinpath("templates/report.css").read_text(),
    )


class Tile(NamedTuple):
    """A number at the top of the page, with its label and a remark."""

    number: str
    label: str
    aside: str


def tiles(data: ReportData, numbers: Numbers) -> list[Tile]:
    """Return the numbers at the top of the page."""
    candidates = [_patients_tile(numbers), _clips_tile(data), _area_tile(numbers), _headroom_tile(numbers)]
    return [tile for tile in candidates if tile is not None]


def _patients_tile(numbers: Numbers) -> Tile | None:
    best = numbers.best()
    area = numbers.auc(best) if best else None
    if area is None or not area.n or area.events is None:
        return None
    share = percent(area.events / area.n)
    return Tile(count(area.n), "patients evaluated", f"{counted(area.events, 'death')} within a year, {share}")


def _clips_tile(data: ReportData) -> Tile | None:
    instances = data.instances
    if not len(instances):
        return None
    accepted = instances.loc[instances["status"] == ACCEPTED, "instances"].sum()
    files = counted(int(instances["instances"].sum()), "file")
    return Tile(count(accepted), "loops used", f"of {files} in the archive")


def _area_tile(numbers: Numbers) -> Tile | None:
    best = numbers.best()
    if best is None:
        return None
    area = numbers.auc(best)
    aside = f"{numbers.level} interval {span(area.low, area.high)}" if span(area.low, area.high) else "no interval"
    return Tile(number(area.value), f"AUC, {model_words(best).label}", aside)


def _headroom_tile(numbers: Numbers) -> Tile | None:
    recovered = numbers.get(ALL_VIEWS, "headroom_heart")
    if not recovered.is_known or recovered.low <= 0:
        return None
    return Tile(percent(recovered.value), "of the heart's headroom", "recovered by the loops alone")


def document(facts: Facts, page: list[Section], answers: Mapping[str, Answer]) -> dict[str, Any]:
    """Return the JSON twin. Raises :class:`ValueError` where a key of :data:`REQUIRED` is missing or empty."""
    data, numbers = facts.data, facts.numbers
    content = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "title": data.title,
        "stamp": data.stamp,
        "synthetic": data.synthetic,
        "headline": {"text": results.headline(numbers), "figures": [list(tile) for tile in tiles(data, numbers)]},
        "metrics": list(numbers.records()),
        "tables": {table.name: table.text_rows() for section in page for table in section.tables},
        "attrition": _records(data.attrition, ("step", "reason", "studies", "patients")),
        "archive": _records(data.instances, ARCHIVE_COLUMNS),
        "checks": _records(data.checks, ("table", "check", "passed", "severity", "checked", "failed")),
        "missingness": [{"variable": name, "missing": share} for name, share in missing_shares(data.missingness)],
        "settings": [
            {"key": key, "value": _json_value(value), "provenance": source, "meaning": meaning}
            for key, value, source, meaning in data.settings
        ],
        "published": [dict(zip(("quantity", "value", "source"), row, strict=True)) for row in provenance.PUBLISHED],
        "lineage": {name: _json_value(value) for name, value in data.lineage.items()},
        "checklist": {key: asdict(answer) for key, answer in answers.items()},
        "risk_of_bias": {key: asdict(answer) for key, answer in probast_answers(facts).items()},
    }
    empty = [key for key in REQUIRED if key not in content or content[key] in (None, "", [], {})]
    if empty:
        raise ValueError(f"the report's JSON lacks {', '.join(empty)}")
    return content


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


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("echomort.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
