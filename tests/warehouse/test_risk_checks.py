"""A champion of health records alone scores no clip: its risks pass the checks, others without clips do not."""

import pandas as pd
import pytest

from warehouse.checks.assertions import check
from warehouse.checks.expectations import read, validate
from warehouse.connection import connect_in_memory

ROW = {
    "study_key": "a" * 32,
    "champion": "b" * 16,
    "logit": -1.0,
    "risk": 0.27,
    "low": 0.2,
    "high": 0.3,
    "in_development": False,
}


@pytest.mark.parametrize(
    ("model", "clips", "failing", "offending"),
    [
        ("ehr", 0, (), 0),
        ("video", 2, (), 0),
        ("video", 0, (), 1),
        ("apical_4", -1, ("risk_score.clips_within_limits",), 0),
    ],
)
def test_only_the_record_scores_a_study_without_clips(model, clips, failing, offending):
    with connect_in_memory() as connection:
        connection.append("risk_score", pd.DataFrame([ROW | {"model": model, "clips": clips}]), by_name=True)
        assert tuple(validate("risk_score", read(connection, "risk_score")).failed) == failing
        assert check(connection, "risks_without_clips_are_of_the_record") == offending
