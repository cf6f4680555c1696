"""Prints two projects beside each other."""

from collections.abc import Iterable, Iterator
from typing import Any

from echomort.report.comparison import DELONG
from echomort.report.words import model_words

TITLES = {
    "setting": "Settings that differ",
    "count": "Cohort, studies",
    "metric": "Figures",
    "test": "Paired tests of AUC (DeLong) on development studies that both scored",
}
"""Kind of line -> the title above the first of its kind."""


def comparison_lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of :meth:`echomort.report.comparison.Compared.as_record` with a title for each kind."""
    shown = ""
    for record in records:
        if record["kind"] != shown:
            shown = record["kind"]
            yield TITLES[shown]
        yield f"  {_name(record)}: {_sides(record)}{_note(record)}"


def _name(record: dict[str, Any]) -> str:
    """Return the name of a line; of a figure or a test the model as the report names it, and what is said of it."""
    if record["kind"] not in ("metric", "test"):
        return str(record["name"])
    model, *rest = record["name"].split("/")
    return ", ".join([model_words(model).label if model != DELONG else model, *rest])


def _sides(record: dict[str, Any]) -> str:
    if record["kind"] == "test" and record["first"] is None:
        return "none"
    difference = "" if record["difference"] is None else f" (difference {_text(record['difference'], '+')})"
    return f"{_text(record['first'])} | {_text(record['second'])}{difference}"


def _note(record: dict[str, Any]) -> str:
    return f"; {record['note']}" if record["note"] and record["kind"] != "count" else ""


def _text(value: Any, sign: str = "") -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        limits = "" if value["low"] is None else f" [{value['low']:.3f}, {value['high']:.3f}]"
        return f"{value['value']:.3f}{limits}"
    return f"{value:{sign}.3f}" if isinstance(value, float) else f"{value:{sign}d}" if isinstance(value, int) else value
