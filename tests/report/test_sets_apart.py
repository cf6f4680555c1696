"""The report shows every set apart, or says why it has none to show."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from echomort.report.numbers import Numbers
from echomort.report.sections.sets_apart import sets_apart
from echomort.vocabulary.metric_table import COLUMNS


def row(model, metric, value, role="heart_failure", n=60, events=20, method="x"):
    return ("held_out", model, f"role={role}", metric, value, value - 0.1, value + 0.1, n, events, method)


def section(rows, later_from=None, assumed_nyha=None):
    settings = {"cohort.later_from": later_from, "clinical_scores.assumed_nyha": assumed_nyha}
    data = SimpleNamespace(setting_values=settings, suppress_below_events=10)
    return sets_apart(data, Numbers(pd.DataFrame(rows, columns=list(COLUMNS))))


def test_a_set_has_a_row_a_model_and_a_row_a_comparison():
    rows = [row("ehr", "auc", 0.7), row("video_ehr", "auc", 0.8), row("maggic", "auc", 0.65, n=40)]
    rows.append(row("video_ehr vs maggic", "auc_difference", 0.15, n=40))
    made = section(rows, assumed_nyha=2)
    figures, pairs = made.tables
    assert "class 2 assumed" in made.blocks[-1].texts[0]
    assert [line["Score"] for line in figures.text_rows()] == ["EHR only", "Video + EHR", "MAGGIC"]
    assert pairs.text_rows()[0]["AUC difference"] == "Video + EHR against MAGGIC"
    assert pairs.text_rows()[0]["Patients"] == "40"


def test_a_set_keeps_its_deaths_beside_one_that_is_too_small_and_beside_small_groups():
    small = row("ehr", "auc", math.nan, n=13, events=4, method="suppressed: fewer than 10 deaths or survivors")
    group = ("out_of_fold", "ehr", "sex=female", "auc", math.nan, math.nan, math.nan, 20, 3, "suppressed: few")
    other = ("out_of_fold", "ehr", "sex=male", "auc", 0.7, 0.6, 0.8, 80, 20, "x")
    rows = [small, row("ehr", "auc", 0.7, role="later_years", n=87, events=23), group, other]
    (figures,) = section(rows, later_from=2018).tables
    assert figures.text_rows()[0]["Deaths"] == "23"
    numbers = Numbers(pd.DataFrame(rows, columns=list(COLUMNS)))
    assert numbers.get("ehr", "auc", "role=heart_failure", "held_out").events is None
    assert numbers.get("ehr", "auc", "sex=male").events is None


@pytest.mark.parametrize(
    ("rows", "later_from", "said"),
    [
        ([], None, "cohort.later_from is not set"),
        ([], 2018, "Later years: patients whose first echo is in the year cohort.later_from or later. None has"),
        ([row("ehr", "auc", math.nan, n=9, events=2, method="suppressed: few")], None, "fewer than 10 deaths"),
    ],
)
def test_a_set_without_figures_is_named_with_the_reason(rows, later_from, said):
    made = section(rows, later_from)
    assert not made.tables
    assert any(said in remark for block in made.blocks for remark in block.texts)
    assert "not computed" in made.blocks[-1].texts[0]
