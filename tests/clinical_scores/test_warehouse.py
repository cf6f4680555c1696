"""Clinical scores of studies: their inputs as known at the study, and a figure or a reason for each."""

import math
from datetime import datetime, timedelta

import pandas as pd
import pytest
from extracts import fetch, person, staged, study_key

from echomort.clinical_scores import pooled_cohort
from echomort.clinical_scores.scores import clinical_scores
from echomort.clinical_scores.scores.shfm import FUROSEMIDE_PER_MG
from echomort.clinical_scores.studies import coverage, rejection_counts, score_studies
from echomort.evaluation.metrics.coverage import not_computed_rows
from echomort.evaluation.scored import applicable_rows
from echomort.evaluation.summary import evaluate
from echomort.settings import ClinicalScores, Evaluation
from warehouse.checks.assertions import check
from warehouse.queries import query
from warehouse.tables.clinical_score.clinical_scores import clinical_inputs, score
from warehouse.tables.feature.features import build

AT = datetime(2018, 5, 1, 9, 30)
MEASURED = {
    "total_chol": (200, "mg/dL"),
    "hdl": (50, "mg/dL"),
    "sbp": (130, "mm[Hg]"),
    "smoking": (0, ""),
    "height": (170, "cm"),
    "weight": (80, "kg"),
    "creatinine": (1.0, "mg/dL"),
    "sodium": (140, "mmol/L"),
    "hemoglobin": (13, "g/dL"),
    "lymph_pct": (25, "%"),
    "uric_acid": (6, "mg/dL"),
    "nyha": (2, ""),
    "lvef": (35, "%"),
}


def warehouse_of(folder, changed=None, diagnoses=(), drugs=(), patient=None):
    """Return the warehouse of one study of a 68-year-old woman, with every input of every score but for ``changed``."""
    measured = {**MEASURED, **(changed or {})}
    rows = {
        "patient": [patient or ("P", "1950-03-04", "F", "White")],
        "study": [("S", "P", AT, "")],
        "measurement": [
            ("P", "S" if name == "lvef" else "", name, value, unit, AT - timedelta(days=1 if name != "lvef" else 0))
            for name, (value, unit) in measured.items()
            if value is not None
        ],
        "diagnosis": [("P", "ICD10CM", code, at) for code, at in diagnoses],
        "medication": [("P", *drug) for drug in drugs],
    }
    connection, _ = staged(folder, rows, "kept")
    build(connection)
    return connection


def inputs(connection):
    """Return the one row of inputs."""
    return clinical_inputs(connection).iloc[0]


def scores_of(connection, **settings):
    """Return score -> (value, reason) after the table was filled."""
    score(connection, ClinicalScores(**settings))
    rows = fetch(connection, "SELECT score, value, reason FROM clinical_score")
    return {name: (value, reason) for name, value, reason in rows}


FAILING = [("I50.22", AT - timedelta(days=700))]


# --- what the scores are given ----------------------------------------------------------------------------------------


def test_the_score_of_a_study_is_the_published_function_of_what_was_known(tmp_path):
    connection = warehouse_of(tmp_path)
    value, reason = scores_of(connection)["pce"]
    by_hand = {"sex": "F", "race": "white", "age": 68}
    by_hand |= {"tc": 200, "hdl": 50, "sbp": 130, "bp_treated": 0, "smoker": 0, "diabetes": 0}
    assert value == pytest.approx(pooled_cohort(pd.DataFrame([by_hand]))["risk"][0], abs=1e-9)
    assert reason is None
    assert check(connection, "clinical_scores_or_reasons") == 0


@pytest.mark.parametrize(
    ("ever", "now", "smoker"), [(1, 0, 0), (1, 1, 1), (0, 0, 0), (1, None, 1), (0, None, 0), (None, 1, 1)]
)
def test_the_scores_ask_who_smokes_now_where_it_is_known(tmp_path, ever, now, smoker):
    told = {"smoking": (ever, ""), "current_smoker": (now, "")}
    assert inputs(warehouse_of(tmp_path, told))["smoker"] == smoker


@pytest.mark.parametrize(
    ("birthday", "age", "covered"), [(0, 80, False), (1, 79, True), (364, 79, True), (366, 78, True)]
)
def test_a_patient_is_79_until_the_eightieth_birthday(tmp_path, birthday, age, covered):
    born = datetime(AT.year - 80, AT.month, AT.day) + timedelta(days=birthday)
    connection = warehouse_of(tmp_path, patient=("P", born.date().isoformat(), "F", "White"))
    assert inputs(connection).age == age
    assert (scores_of(connection)["pce"][1] is None) == covered


def test_all_four_are_computed_where_everything_is_known(tmp_path):
    found = scores_of(warehouse_of(tmp_path, diagnoses=FAILING))
    assert set(found) == set(clinical_scores())
    assert all(value is not None and reason is None for value, reason in found.values())


def test_drugs_count_while_they_are_taken_and_a_later_end_tells_nothing(tmp_path):
    day = timedelta(days=1)
    drugs = [
        ("statin", 20, "mg/d", AT - 30 * day, AT - 2 * day),
        ("ace_inhibitor", 5, "mg/d", AT - 30 * day, AT + 9 * day),
        ("beta_blocker", 5, "mg/d", AT + day, ""),
        ("loop_diuretic", 40, "mg/d", AT - 30 * day, ""),
        ("thiazide", 25, "mg/d", AT - 30 * day, ""),
    ]
    row = inputs(warehouse_of(tmp_path, drugs=drugs))
    assert (row.statin, row.acei, row.bb, row.no_bb, row.no_acei_arb, row.bp_treated) == (0, 1, 0, 1, 0, 1)
    assert row.furo == pytest.approx(40 + 25 * 3.2)


def test_a_diuretic_without_a_dose_in_mg_a_day_leaves_the_dose_unknown(tmp_path):
    drugs = [("loop_diuretic", 40, "tablets", AT - timedelta(days=3), "")]
    connection = warehouse_of(tmp_path, drugs=drugs, diagnoses=FAILING)
    assert math.isnan(inputs(connection).furo)
    assert scores_of(connection)["shfm"] == (None, "missing:furo")


def test_furosemide_factors_are_those_of_the_model():
    text = " ".join(query("tables/clinical_score/clinical_input.sql").split())
    written = {"bumetanide": "CAST(80 AS DOUBLE) / 3"}
    for drug, factor in FUROSEMIDE_PER_MG.items():
        assert f"('{drug}', '{'loop' if factor in (1, 2, 80 / 3) else 'thiazide'}', " in text
        assert written.get(drug, f"{factor:g}") in text


@pytest.mark.parametrize(
    ("race", "expected"),
    [("Black or African American", "black"), ("WHITE", "white"), ("Asian", "asian"), ("Unknown", None), ("", None)],
)
def test_race_is_read_and_never_assumed(tmp_path, race, expected):
    row = inputs(warehouse_of(tmp_path, patient=("P", "1950-03-04", "F", race)))
    assert (row.race if isinstance(row.race, str) else None) == expected


@pytest.mark.parametrize(
    ("sex", "creatinine", "age", "expected"),
    [("F", 0.7, 50, 105.3), ("F", 1.0, 50, 68.6), ("M", 0.9, 60, 97.8), ("M", 1.5, 60, 53.0)],
)
def test_the_filtration_rate_is_ckd_epi_2021(tmp_path, sex, creatinine, age, expected):
    born = (AT - timedelta(days=round(age * 365.25))).date().isoformat()
    changed = {"creatinine": (creatinine, "mg/dL")}
    row = inputs(warehouse_of(tmp_path, changed, patient=("P", born, sex, "White")))
    assert row.egfr == pytest.approx(expected, abs=0.3)
    assert row.creat_umol == pytest.approx(creatinine * 88.4)


def test_the_diagnosis_of_heart_failure_is_dated_by_what_was_known(tmp_path):
    recent = inputs(warehouse_of(tmp_path / "a", diagnoses=[("I50.9", AT - timedelta(days=500))]))
    old = inputs(warehouse_of(tmp_path / "b", diagnoses=[("I50.9", AT - timedelta(days=600))]))
    later = inputs(warehouse_of(tmp_path / "c", diagnoses=[("I50.9", AT + timedelta(days=1))]))
    assert (recent.first_dx_lt18m, old.first_dx_lt18m) == (1, 0)
    assert (recent.heart_failure, later.heart_failure) == (True, False)
    assert pd.isna(later.first_dx_lt18m)


# --- a figure or a reason -----------------------------------------------------------------------------------------


def test_a_gap_is_a_reason_and_never_a_default(tmp_path):
    found = scores_of(warehouse_of(tmp_path, {"hdl": (None, ""), "nyha": (None, "")}, diagnoses=FAILING))
    assert found["pce"] == (None, "missing:hdl")
    assert found["prevent"] == (None, "missing:hdl")
    assert found["maggic"] == (None, "missing:nyha")


def test_outside_the_limits_the_policy_decides(tmp_path):
    connection = warehouse_of(tmp_path, patient=("P", "1930-03-04", "F", "White"))
    assert scores_of(connection)["pce"] == (None, "out_of_range:age")
    clamped, reason = scores_of(connection, out_of_range="clamp")["pce"]
    assert reason == "clamped:age"
    assert 0 < clamped < 1


def test_gaps_of_the_seattle_model_are_filled_only_if_asked_and_then_say_so():
    known = {"study_key": "a", "heart_failure": True, "ua": 6.0}
    frame = pd.DataFrame([{**FULL, **known}, {**FULL, **known, "study_key": "b", "ua": math.nan}])
    plain = score_studies(frame, ClinicalScores()).query("score == 'shfm'")
    filled = score_studies(frame, ClinicalScores(seattle_gaps="median")).query("score == 'shfm'")
    assert plain["reason"].tolist() == [None, "missing:ua"]
    assert filled["reason"].tolist() == [None, "imputed:ua"]
    assert filled["value"].nunique() == 1


def test_a_missing_nyha_class_is_assumed_only_if_asked_and_then_the_reason_says_so():
    known = {"heart_failure": True}
    rows = [
        {**FULL, **known, "study_key": "a", "nyha": math.nan},
        {**FULL, **known, "study_key": "b", "nyha": 2},
        {**FULL, **known, "study_key": "c", "nyha": math.nan, "ua": math.nan, "bmi": math.nan},
    ]
    scores = score_studies(pd.DataFrame(rows), ClinicalScores(assumed_nyha=2))
    for name, missing in (("shfm", "missing:ua"), ("maggic", "missing:bmi")):
        found = scores[scores["score"] == name]
        assert found["reason"].tolist() == ["assumed:nyha", None, f"{missing};assumed:nyha"]
        assert found["value"].iloc[0] == found["value"].iloc[1]
        assert pd.isna(found["value"].iloc[2])
    assert scores[scores["score"] == "pce"]["reason"].isna().all()
    assert not any(reason.startswith("assumed") for reason in rejection_counts(scores)["reason"])


FULL = {
    **{"sex": "M", "male": 1, "race": "white", "age": 65, "ef": 30, "sbp": 120, "tc": 190, "chol": 190, "hdl": 45},
    **{"smoker": 0, "diabetes": 0, "wt": 80, "bmi": 27, "creat_umol": 100, "egfr": 70, "na": 138, "hgb": 13},
    **{"lymph": 25, "ua": 7, "nyha": 3, "isch": 1, "copd": 0, "dev": "none", "first_dx_lt18m": 1, "bp_treated": 1},
    **{"statin": 1, "acei": 1, "arb": 0, "bb": 1, "mra": 0, "allo": 0, "furo": 40, "no_bb": 0, "no_acei_arb": 0},
}


def test_coverage_counts_applicable_studies_and_every_lacking_input():
    rows = [
        {**FULL, "study_key": "a", "heart_failure": True},
        {**FULL, "study_key": "b", "heart_failure": True, "ua": math.nan, "nyha": math.nan},
        {**FULL, "study_key": "c", "heart_failure": False},
    ]
    scores = score_studies(pd.DataFrame(rows), ClinicalScores())
    counts = {row.score: (row.computed, row.applicable) for row in coverage(scores).itertuples()}
    assert counts == {"pce": (3, 3), "prevent": (3, 3), "shfm": (1, 2), "maggic": (1, 2)}
    reasons = {(row.score, row.reason): row.studies for row in rejection_counts(scores).itertuples()}
    assert reasons == {("shfm", "missing: ua"): 1, ("shfm", "missing: nyha"): 1, ("maggic", "missing: nyha"): 1}


def test_the_seattle_chance_of_death_within_a_year_is_one_minus_its_survival():
    frame = pd.DataFrame([{**FULL, "study_key": "a", "heart_failure": True}])
    row = score_studies(frame, ClinicalScores()).query("score == 'shfm'").iloc[0]
    survival = math.exp(-0.0405 * math.exp(row["value"]))
    assert 1 / (1 + math.exp(-row["logit"])) == pytest.approx(1 - survival, abs=1e-9)


def test_what_is_known_the_day_after_moves_no_score(tmp_path):
    """Every record moved to the day after the echo: nothing is left to compute from."""
    late = AT + timedelta(days=1)
    rows = {
        "patient": [person("P")],
        "study": [("S", "P", AT, "")],
        "measurement": [("P", "S", name, value, unit, late) for name, (value, unit) in MEASURED.items()],
        "diagnosis": [("P", "ICD10CM", "I50.22", late), ("P", "ICD10CM", "E11.9", late)],
        "medication": [("P", "loop_diuretic", 40, "mg/d", late, "")],
    }
    connection, _ = staged(tmp_path, rows, "kept")
    build(connection)
    assert all(value is None for value, _ in scores_of(connection).values())
    row = inputs(connection)
    assert (row.heart_failure, row.diabetes, row.furo) == (False, 0, 0)


# --- in the evaluation --------------------------------------------------------------------------------------------


def evaluated(model, share=1.0, patients=400):
    """Return the metric rows of a model and of ``video_ehr``, half of the patients with heart failure."""
    frame = pd.DataFrame({"study_key": [f"s{number}" for number in range(patients)]})
    frame = frame.assign(patient_key=frame["study_key"], fold=[number % 5 for number in range(patients)])
    frame = frame.assign(label=[int(number % 7 == 0) for number in range(patients)], days=400, event=False)
    frame.loc[frame["label"] == 1, ["days", "event"]] = [100, True]
    frame["heart_failure"] = ["yes" if number % 2 else "no" for number in range(patients)]
    ranking = [label + (number * 37 % 101) / 60 for number, label in enumerate(frame["label"])]
    given = frame.assign(logit=ranking).loc[: int(share * patients) - 1, ["study_key", "fold", "logit"]]
    scores = pd.concat([given.assign(model=model, fold=-1), frame.assign(model="video_ehr", logit=ranking)])
    settings = Evaluation(bootstrap=100)
    return evaluate(frame, scores[["study_key", "model", "fold", "logit"]], None, settings), frame


def test_a_heart_failure_score_is_judged_and_compared_among_patients_with_heart_failure():
    metrics, frame = evaluated("shfm")
    whole = metrics[(metrics["model"] == "shfm") & (metrics["subset"] == "all")].set_index("metric")
    assert applicable_rows("shfm", frame).sum() == 200
    assert whole.loc["auc", "n"].tolist() == 200
    assert whole.loc["coverage", "value"] == 1
    paired = metrics[(metrics["model"] == "video_ehr vs shfm") & (metrics["metric"] == "auc_difference")]
    assert paired["n"].tolist() == [200]
    slope = whole.loc[["calibration_slope"]]
    assert slope["value"].notna().all()


def test_a_ten_year_score_only_ranks():
    metrics, _ = evaluated("pce", share=0.5)
    mine = metrics[metrics["model"] == "pce"]
    assert mine.loc[mine["metric"] == "calibration_slope", "method"].str.startswith("not applicable").all()
    assert not mine["metric"].isin(["brier", "ici", "net_benefit"]).any()
    assert mine.loc[(mine["metric"] == "coverage"), "value"].tolist() == [0.5]


def test_a_score_that_covers_too_few_says_so_instead_of_a_figure():
    metrics, _ = evaluated("maggic", share=0.1)
    areas = metrics[(metrics["model"] == "maggic") & (metrics["metric"] == "auc")]
    assert areas["value"].isna().all()
    assert areas["method"].str.startswith("suppressed").all()
    assert not (metrics["model"] == "video_ehr vs maggic").any()


def test_reasons_become_rows_of_the_metric_table():
    rows = [
        {**FULL, "study_key": "a", "heart_failure": True, "hdl": math.nan},
        {**FULL, "study_key": "b", "heart_failure": False},
    ]
    scores = score_studies(pd.DataFrame(rows), ClinicalScores()).assign(label=[0, 1] * 4)
    table = not_computed_rows(scores)
    pce = table[table["model"] == "pce"].set_index("subset")
    assert pce["value"].to_dict() == {"all": 0.5, "missing: hdl": 0.5}
    assert (pce.loc["all", "n"], pce.loc["all", "events"]) == (2, 1)
    assert table.loc[table["model"] == "shfm", "value"].tolist() == [0]


def test_keys_of_the_table_are_those_of_the_studies(tmp_path):
    connection = warehouse_of(tmp_path)
    scores_of(connection)
    assert {key for (key,) in fetch(connection, "SELECT study_key FROM clinical_score")} == {study_key("S")}
