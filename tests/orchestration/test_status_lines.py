"""What status and run print fits a terminal of 80 columns, in the words of the report."""

import math
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console

from echomort.champion.store import add_to_history
from echomort.settings import Evaluation
from orchestration.printing.comparison import comparison_lines
from orchestration.printing.project import _is_without_result, _last_decision, _results_table, above_lines, state_lines

WHY = "changed: echomort/evaluation/metrics/calibration.py, echomort/report/sections/characteristics.py and 2 more"
ROWS = [
    {"asset": "experiment_resolution", "state": "on request", "why": "", "units": 0, "changed": None},
    {"asset": "evaluation", "state": "stale", "why": WHY, "units": 12345, "changed": "2026-11-30 06:22"},
]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_name_and_no_path_of_a_state_is_cut(width: int) -> None:
    lines = list(state_lines(ROWS, width))
    assert max(map(len, lines)) <= width and len(lines) == {80: 5, 120: 4, 200: 3}[width]
    assert " ".join(" ".join(lines).split()).endswith(f"evaluation stale 12345 2026-11-30 06:22 {WHY}")
    assert lines[1].startswith("experiment_resolution  on request")


@pytest.mark.parametrize(("deaths", "without"), [(8, True), (10, False)])
def test_permuted_labels_with_enough_deaths_are_no_result(deaths: int, without: bool) -> None:
    null, model = {"model": "permuted_null", "n": 52, "events": 10}, {"model": "video_ehr", "n": 46, "events": deaths}
    assert _is_without_result(pd.DataFrame([model, null]), 10) is without


def test_models_have_the_names_of_the_report_and_too_few_deaths_no_area() -> None:
    few = {"value": math.nan, "low": math.nan, "high": math.nan, "n": 60, "events": 4, "headroom": math.nan}
    rows = [{"model": model, **few} for model in ("view:parasternal_long", "video_ehr")]
    console = Console(width=80, record=True)
    console.print(_results_table(pd.DataFrame(rows), False, 10))
    said = console.export_text()
    assert "Parasternal long axis" in said and "Video + EHR" in said and "\N{HORIZONTAL ELLIPSIS}" not in said
    assert "too few deaths (4)" in said and "nan" not in said
    known = {
        "model": "oracle_heart_age",
        "value": 0.8,
        "low": 0.75,
        "high": 0.85,
        "n": 338,
        "events": 98,
        "headroom": 1,
    }
    console.print(_results_table(pd.DataFrame([known]), True, 10))
    assert re.search(
        r"Oracle: the heart and age +│ 0.800 \(0.750 to 0.850\) +│ +338 │ +98 │ +100 %", console.export_text()
    )
    line = {
        "kind": "metric",
        "name": "view:apical_4/auc",
        "first": None,
        "second": None,
        "difference": None,
        "note": "",
    }
    assert list(comparison_lines([line]))[1] == "  Apical four-chamber, auc: none | none"


def test_the_last_decision_has_no_figure_of_too_few_deaths(tmp_path: Path) -> None:
    settings = SimpleNamespace(registry=tmp_path, evaluation=Evaluation())
    assert _last_decision(settings) is None
    judged = {"patients": 20, "deaths": 4, "auc": {"value": 0.875}}
    add_to_history(tmp_path, {"candidate": "a", "promoted": True, "reasons": ["no AUC"], "judged": judged})
    assert "0.875" not in str(_last_decision(settings))


def test_what_lies_above_a_selection_and_is_stale_is_named() -> None:
    """A new extract is seen by an asset that `group:records` does not hold: the old records would pass for the new."""
    states = {"ehr_extract": "stale", "patient": "stale", "outcomes": "up to date", "clips": "stale"}
    rows = [{"asset": name, "state": state} for name, state in states.items()]
    (line,) = above_lines(rows, ["patient", "outcomes"])
    assert "above what was selected: ehr_extract;" in line and "--select +patient" in line
    assert not list(above_lines(rows, ["ehr_extract", "patient", "outcomes"]))
