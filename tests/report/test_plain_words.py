"""What a reader of a small report is told in plain words: harm by recalibration, the checks that warned, the days."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from echomort.report.drawing import figures
from echomort.report.numbers import Numbers
from echomort.report.sections.calibration import calibration
from echomort.report.sections.checks import checks
from echomort.report.words import compared_words, group_value
from echomort.vocabulary.metric_table import COLUMNS


def slopes(before: float, after: float, deaths: int) -> Numbers:
    rows = [
        (evaluation, "ehr", "all", metric, value, 0.1, 2.0, 400, deaths, "Wald")
        for evaluation, value in (("out_of_fold", before), ("recalibrated", after))
        for metric in ("auc", "calibration_slope")
    ]
    return Numbers(pd.DataFrame(rows, columns=list(COLUMNS)))


@pytest.mark.parametrize(
    ("before", "after", "deaths", "said"),
    [
        (1.1, 0.6, 30, ["of EHR only (1.10 as scored, 0.60 recalibrated).", "fewer than 30 deaths"]),
        (1.1, 0.6, 150, ["of EHR only (1.10 as scored, 0.60 recalibrated)."]),
        (0.6, 1.1, 30, []),
    ],
)
def test_a_recalibration_that_makes_the_slope_worse_is_said(before, after, deaths, said):
    lead = calibration(slopes(before, after, deaths), {}, None).lead
    assert all(words in lead for words in said)
    assert ("worse" in lead, "too few to be exact" in lead) == (bool(said), len(said) == 2)


def test_checks_that_warned_are_named():
    rows = [("a", "all_is_well", True, "WARN"), ("b", "lvef_is_odd", False, "WARN"), ("b", "no_gap", False, "ERROR")]
    found = pd.DataFrame(rows, columns=["table", "check", "passed", "severity"])
    (section,) = checks(SimpleNamespace(checks=found))
    assert section.lead == "1 check failed: no gap. 1 check warned: LVEF is odd."


def test_patients_at_risk_stand_below_the_day_at_which_they_are_counted():
    days, event = np.arange(1.0, 401.0), np.arange(400) % 3 == 0
    drawing = figures.survival(days, event, np.arange(400) % 2 == 0)
    written = [text.get_text() for text in drawing.axes[0].texts]
    assert {"day 0", "day 100", "day 200", "day 300"} <= set(written)
    for day in (0, 100, 200, 300):
        at_risk = int(((days >= day) & (np.arange(400) % 2 == 0)).sum())
        assert str(at_risk) in written


def test_names_are_those_that_people_use():
    assert [group_value(one) for one in ("philips", "ge", "site_3", "F")] == ["Philips", "GE", "site 3", "Women"]
    assert compared_words("video_ehr vs view:apical_4") == "Video + EHR against Apical four-chamber"
