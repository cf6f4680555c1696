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


def test_the_age_of_a_child_is_known_beside_the_variables_and_decides_a_risk():
    """The variable is an adult's: without the age itself a child would have none, and be within every range."""
    with connect_in_memory() as connection:
        keys = ["child", "adult"]
        connection.execute(
            "INSERT INTO feature BY NAME SELECT * FROM (VALUES ('child', NULL), ('adult', 60)) AS r (study_key, age)"
        )
        connection.execute(
            "INSERT INTO patient BY NAME "
            "SELECT unnest(['child', 'adult']) AS patient_key, DATE '2011-02-03' AS birth_date"
        )
        studies = "SELECT patient_key AS study_key, patient_key, TIMESTAMP '2020-02-04' AS study_at FROM patient"
        connection.execute(f"INSERT INTO study BY NAME {studies}")
        clips = "SELECT study_key AS clip_key, study_key AS instance_key, study_key, 'accepted' AS status FROM study"
        connection.execute(f"INSERT INTO clip BY NAME {clips}")
        connection.execute("INSERT INTO clip_view SELECT clip_key, study_key, 'apical_4', 'tag' FROM clip")
        known = run(connection, "reads/risk/risk_features.sql", studies=keys).df().set_index("study_key")["_age"]
        assert known["child"] == pytest.approx(9, abs=0.01) and known["adult"] == 60
        before = run(connection, "reads/risk/risk_plan.sql", studies=None).fetchall()
        connection.execute("UPDATE patient SET birth_date = DATE '2012-02-03' WHERE patient_key = 'child'")
        after = run(connection, "reads/risk/risk_plan.sql", studies=None).fetchall()
        assert [one == other for one, other in zip(before, after, strict=True)] == [True, False], "in order of the keys"


def test_the_ranges_are_learnt_from_the_development_cohort_alone():
    with connect_in_memory() as connection:
        roles = {"a": "development", "b": "development", "c": "sealed"}
        for number, (key, role) in enumerate(roles.items()):
            connection.execute("INSERT INTO feature BY NAME SELECT $1 AS study_key, $2 AS age", [key, 50 + number])
            values = (key, key, role, 0 if role == "development" else -1, 1, 9, True, True, True)
            connection.execute(f"INSERT INTO cohort VALUES ({', '.join('?' * len(values))})", values)
            clip = "$1 AS clip_key, $1 AS instance_key, $1 AS study_key, 'accepted' AS status, $1 AS digest"
            connection.execute(f"INSERT INTO clip BY NAME SELECT {clip}", [key])
            connection.execute("INSERT INTO clip_view VALUES ($1, $1, 'apical_4', 'tag')", [key])
            row = "SELECT 'clips' AS asset, $1 AS unit, '' AS fingerprint, '' AS digest, $1 || '.st' AS artifact"
            connection.execute(f"INSERT INTO ledger BY NAME {row}, now() AS committed_at", [key])
        assert run(connection, "reads/risk/cohort_features.sql").df()["age"].tolist() == [50, 51]
        for most, found in ((2, ["a", "b"]), (1, ["a"])):
            rows = run(connection, "reads/risk/cohort_clips.sql", views=["apical_4"], most=most).df()
            assert rows["clip_key"].tolist() == found
