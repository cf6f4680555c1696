"""A champion of health records alone scores no clip: its risks pass the checks, others without clips do not."""

import pandas as pd
import pytest

from warehouse.checks.assertions import check
from warehouse.checks.expectations import read, validate
from warehouse.connection import connect_in_memory
from warehouse.queries import run
from warehouse.tables.risk_score.risks import replace_risks

ROW = {
    "study_key": "a" * 32,
    "champion": "b" * 16,
    "logit": -1.0,
    "risk": 0.27,
    "low": 0.2,
    "high": 0.3,
    "beyond": "",
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


NOTHING = dict.fromkeys(("logit", "risk", "low", "high"))


@pytest.mark.parametrize(
    ("changed", "failing"),
    [
        ({"beyond": "age"}, set()),
        ({"beyond": "age", **NOTHING}, set()),
        (NOTHING, {f"risk_score.{name}_present" for name in NOTHING}),
        ({"beyond": None}, {"risk_score.beyond_present"}),
    ],
)
def test_only_a_study_beyond_the_cohort_may_have_no_risk(changed, failing):
    with connect_in_memory() as connection:
        rows = pd.DataFrame([ROW | {"model": "video", "clips": 2}, ROW | {"model": "video", "clips": 2} | changed])
        rows["study_key"] = ["a" * 32, "c" * 32]
        connection.append("risk_score", rows, by_name=True)
        assert set(validate("risk_score", read(connection, "risk_score")).failed) == failing


def test_studies_beyond_are_counted_once_and_by_what():
    with connect_in_memory() as connection:
        rows = [ROW | {"model": "video", "clips": 2, "beyond": beyond} for beyond in ("", "age", "age, lvef", "lvef")]
        connection.append("risk_score", pd.DataFrame([*rows, rows[1]]), by_name=True)
        assert run(connection, "reads/risk/risk_beyond.sql").fetchall() == [("", 4), ("age", 3), ("lvef", 2)]


def test_a_risk_that_was_withheld_is_not_kept_for_ever():
    with connect_in_memory() as connection:
        rows = [ROW | {"model": "video", "clips": 2}, ROW | {"model": "video", "clips": 2, "beyond": "age"} | NOTHING]
        rows[1]["study_key"] = "c" * 32
        keys = [row["study_key"] for row in rows]
        connection.append("study", pd.DataFrame({"study_key": keys, "patient_key": keys}), by_name=True)
        replace_risks(connection, keys, pd.DataFrame(rows))
        assert connection.execute("SELECT study_key FROM prospective_risk").fetchall() == [(keys[0],)]
        assert connection.execute("SELECT count(*) FROM risk_score").fetchall() == [(2,)]
