"""Suites: clean tables pass every expectation, each seeded defect is caught by name, and no value ever comes out."""

import contextlib
import gc
import subprocess
import sys
import weakref

import numpy as np
import pandas as pd
import pytest
from extracts import KEYRING, clean_records, empty_warehouse, staged

import warehouse.checks.expectations
from echomort.settings import ClinicalScores, Cohort, Outcome
from warehouse.checks.expectations import SuiteResult, suite, tables, validate
from warehouse.tables.archive.instances import replace_clips, replace_instances
from warehouse.tables.clinical_score.clinical_scores import score
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link


def archive(studies):
    """Return the index and the clips of one cine loop and one still a study."""
    instances, clips = [], []
    for place, (study, patient) in enumerate(studies):
        for kind in ("accepted", "rejected"):
            key = KEYRING.pseudonym("instance", f"{study}{kind}")
            loop = kind == "accepted"
            instances.append(
                {
                    "instance_key": key,
                    "folder_key": KEYRING.pseudonym("folder", study),
                    "patient_key": patient,
                    "study_key": study,
                    "sop_key": KEYRING.pseudonym("sop", key),
                    "bytes": 70_000 + place,
                    "manufacturer": "Philips Medical Systems",
                    "model": "EPIQ 7C",
                    "rows": 600,
                    "columns": 800,
                    "frames": 45 if loop else 1,
                    "fps": 30.0 if loop else None,
                    "status": kind,
                    "reason": None if loop else "still",
                }
            )
        clips.append(
            {
                "clip_key": f"{study}-0",
                "instance_key": instances[-2]["instance_key"],
                "study_key": study,
                "patient_key": patient,
                "view": "apical_4",
                "view_source": "view_code_sequence",
                "fps": 30.0,
                "frames": 45,
                "status": "accepted",
                "digest": "abc",
            }
        )
    return pd.DataFrame(instances), pd.DataFrame(clips)


def warehouse_of(folder, seed):
    """Return a clean warehouse with a row in every table."""
    connection, report = staged(folder, clean_records(seed))
    assert report.conflicts == ()
    link(connection, Outcome(), KEYRING)
    select(connection, Cohort())
    build(connection)
    score(connection, ClinicalScores())
    instances, clips = archive(connection.execute("SELECT study_key, patient_key FROM study").fetchall())
    replace_instances(connection, instances["folder_key"].unique(), instances)
    replace_clips(connection, clips["study_key"].unique(), clips)
    linked = "instance_key, study_key, patient_key, status, reason, site_key, manufacturer"
    connection.execute(f"INSERT INTO instance_link SELECT {linked} FROM dicom_instance")
    connection.execute("INSERT INTO score SELECT study_key, 'ehr', fold, NULL, -1.5, NULL FROM cohort")
    connection.execute("INSERT INTO metric VALUES ('test', 'ehr', 'all', 'auc', 0.7, 0.6, 0.8, 100, 10, 'delong')")
    return connection


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Every table of a clean warehouse."""
    connection = warehouse_of(tmp_path_factory.mktemp("extract"), 1)
    return {table: connection.table(table).df() for table in tables()}


def test_there_are_suites_on_every_table_and_enough_expectations():
    names = [expected.name for table in tables() for expected in suite(table)]
    assert len(names) == len(set(names))
    assert len([name for name in names if not name.startswith("feature.")]) >= 60
    assert set(tables()) >= {
        *("patient", "death", "contact", "study", "measurement", "diagnosis", "medication", "dicom_instance"),
        *("clip", "outcome", "cohort", "feature", "score", "metric"),
    }


@pytest.mark.parametrize("table", tables())
def test_a_clean_table_passes(clean, table):
    assert validate(table, clean[table]) == SuiteResult(len(suite(table)), (), (), ())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 10))
def test_clean_archives_raise_nothing(tmp_path, seed):
    connection = warehouse_of(tmp_path, seed)
    for table in tables():
        result = validate(table, connection.table(table).df())
        assert (result.failed, result.errors) == ((), ())


@pytest.mark.parametrize("table", [table for table in tables() if table not in {"metric"}])
def test_a_table_without_rows_raises_no_error(clean, table):
    result = validate(table, clean[table].iloc[:0])
    assert result.errors == ()
    assert set(result.failed) <= {
        f"{table}.{name}" for name in ("has_rows", "role_has_all_kinds", "score_has_all_kinds")
    }


def put(column, value, row=0):
    """Return the change that writes ``value`` into one row."""

    def change(frame):
        changed = frame.astype({column: object})
        changed.loc[frame.index[row], column] = value
        return changed.infer_objects() if column not in {"label"} else changed.astype({column: "Int64"})

    return change


def twice(frame):
    """Repeat the first row."""
    return pd.concat([frame, frame.iloc[:1]], ignore_index=True)


def none(frame):
    """Leave no row."""
    return frame.iloc[:0]


SECRET = "MRN 4711 Smith"
DEFECTS = [
    ("patient", none, "has_rows"),
    ("patient", twice, "patient_key_unique"),
    ("patient", put("patient_key", None), "patient_key_present"),
    ("patient", put("patient_key", SECRET), "patient_key_is_a_pseudonym"),
    ("patient", put("sex", "male"), "sex_is_known"),
    ("patient", put("birth_date", pd.Timestamp("1753-01-01")), "birth_date_can_be"),
    ("patient", put("race", SECRET), "race_is_known"),
    ("death", twice, "patient_key_death_date_latest_date_precision_source_unique"),
    ("death", put("precision", "exact"), "precision_is_known"),
    ("death", put("source", SECRET), "source_is_known"),
    ("death", put("latest_date", pd.Timestamp("2001-01-01")), "latest_date_not_below_death_date"),
    ("death", put("death_date", pd.NaT), "death_date_present"),
    ("death", put("precision", "unknown"), "death_date_absent_where_unknown"),
    ("contact", put("patient_key", "4711"), "patient_key_is_a_pseudonym"),
    ("contact", put("contact_at", pd.NaT), "contact_at_present"),
    ("contact", put("contact_at", pd.Timestamp("1700-01-01")), "contact_at_can_be"),
    ("contact", put("kind", "portal message"), "kind_is_evidence_of_life"),
    ("contact", twice, "patient_key_contact_at_kind_unique"),
    ("study", twice, "study_key_unique"),
    ("study", put("study_key", "1.2.840.113619"), "study_key_is_a_pseudonym"),
    ("study", put("patient_key", None), "patient_key_present"),
    ("study", put("study_year", 1066), "study_year_within_limits"),
    ("study", put("study_at", pd.Timestamp("1753-01-01")), "study_at_can_be"),
    ("study", put("modality", "MR"), "modality_is_known"),
    ("study", put("setting", SECRET), "setting_is_known"),
    ("measurement", put("value", np.nan), "value_present"),
    ("measurement", put("value", 1e12), "value_within_limits"),
    ("measurement", put("variable", "Mr Smith's EF"), "variable_is_known"),
    ("measurement", put("unit", SECRET), "unit_is_known"),
    ("measurement", put("measured_at", pd.NaT), "measured_at_present"),
    ("measurement", put("study_key", "E42"), "study_key_is_a_pseudonym"),
    ("diagnosis", put("vocabulary", "SNOMED"), "vocabulary_is_known"),
    ("diagnosis", put("code", "heart failure"), "code_is_a_code"),
    ("diagnosis", put("code", None), "code_present"),
    ("diagnosis", put("recorded_at", pd.NaT), "recorded_at_present"),
    ("medication", put("dose", -20.0), "dose_within_limits"),
    ("medication", put("ended_at", pd.Timestamp("1990-01-01")), "ended_at_not_below_started_at"),
    ("medication", put("drug_class", None), "drug_class_present"),
    ("medication", put("drug_class", SECRET), "drug_class_is_known"),
    ("medication", put("unit", SECRET), "unit_is_known"),
    ("contact", put("kind", SECRET), "kind_is_known"),
    ("dicom_instance", twice, "instance_key_unique"),
    ("dicom_instance", put("sop_key", "1.2.840"), "sop_key_is_a_pseudonym"),
    ("dicom_instance", put("patient_key", SECRET), "patient_key_is_a_pseudonym"),
    ("dicom_instance", put("status", "maybe"), "status_is_known"),
    ("dicom_instance", put("reason", "still"), "reason_absent_where_accepted"),
    ("dicom_instance", put("reason", None, 1), "reason_present_where_rejected"),
    ("dicom_instance", put("reason", "patient Smith", 1), "reason_is_a_code"),
    ("dicom_instance", put("frames", 0), "frames_within_limits"),
    ("dicom_instance", put("fps", 0.0), "fps_within_limits"),
    ("dicom_instance", put("rows", 65535), "rows_within_limits"),
    ("instance_link", put("study_key", None), "study_key_present"),
    ("instance_link", put("reason", "duplicate"), "reason_absent_where_accepted"),
    ("instance_link", twice, "instance_key_unique"),
    ("clip", twice, "clip_key_unique"),
    ("clip", put("digest", None), "digest_present"),
    ("clip", put("view", None), "view_present"),
    ("clip", put("view_source", None), "view_source_present"),
    ("clip", put("view_source", "Smith, apical"), "view_source_is_a_code"),
    ("clip", put("status", "rejected"), "reason_present_where_rejected"),
    ("clip", put("fps", 5000.0), "fps_within_limits"),
    ("outcome", twice, "study_key_unique"),
    ("outcome", put("label", 2), "label_is_known"),
    ("outcome", put("reason", "EXCL_NO_FOLLOWUP"), "reason_absent_where_labelled"),
    ("outcome", put("label", pd.NA), "reason_present_where_unlabelled"),
    ("outcome", put("days", -1), "days_within_limits"),
    ("outcome", put("days", None), "days_present"),
    ("outcome_at_horizon", twice, "study_key_horizon_days_unique"),
    ("outcome_at_horizon", put("horizon_days", 0), "horizon_days_within_limits"),
    ("outcome_at_horizon", put("label", 2), "label_is_known"),
    ("outcome_at_horizon", put("reason", "EXCL_NO_FOLLOWUP"), "reason_absent_where_labelled"),
    ("outcome_at_horizon", put("label", pd.NA), "reason_present_where_unlabelled"),
    ("cohort_at_horizon", twice, "study_key_horizon_days_unique"),
    ("cohort_at_horizon", put("role", "test"), "role_is_known"),
    ("cohort_at_horizon", put("fold", 99), "fold_within_limits"),
    ("cohort_at_horizon", put("label", pd.NA), "label_present"),
    ("cohort_at_horizon", put("horizon_days", None), "horizon_days_present"),
    ("cohort", twice, "study_key_unique"),
    ("cohort", put("role", "test"), "role_is_known"),
    ("cohort", put("fold", 99), "fold_within_limits"),
    ("cohort", lambda frame: frame[frame["role"] != "development"], "role_has_all_kinds"),
    ("cohort", put("label", pd.NA), "label_present"),
    ("feature", twice, "study_key_unique"),
    ("feature", put("lvef", 0.55), "lvef_within_limits"),
    ("feature", put("age", 210.0), "age_within_limits"),
    ("feature", put("sex", 3.0), "sex_is_known"),
    ("feature", put("dx_i50", 7), "dx_i50_is_known"),
    ("feature", lambda frame: frame[frame.columns[::-1]], "columns_are_the_catalogue"),
    ("score", put("logit", np.nan), "logit_present"),
    ("score", put("logit", 1e6), "logit_within_limits"),
    ("score", twice, "study_key_model_view_fold_unique"),
    ("metric", put("value", 1.7), "auc_within_limits"),
    ("metric", put("high", 0.1), "high_not_below_low"),
    ("metric", put("events", 1000), "n_not_below_events"),
    ("metric", twice, "evaluation_model_subset_metric_method_unique"),
]


@pytest.mark.parametrize("seeded", DEFECTS, ids=[f"{table}.{name}" for table, _, name in DEFECTS])
def test_each_seeded_defect_is_caught_by_name_and_its_value_kept_quiet(clean, seeded, caplog, capsys):
    table, defect, name = seeded
    result = validate(table, defect(clean[table].copy()))
    assert f"{table}.{name}" in result.failed
    shown = f"{result} {caplog.text} {capsys.readouterr()}"
    assert SECRET not in shown
    assert "Smith" not in shown


def test_what_is_unusual_warns_and_does_not_stop(clean):
    frame = clean["patient"].assign(sex=None)
    result = validate("patient", frame)
    assert result.passed
    assert set(result.warned) == {"patient.sex_mostly_present", "patient.sex_has_all_kinds"}


def test_an_expectation_that_could_not_run_is_an_error_not_bad_data(clean):
    result = validate("cohort", clean["cohort"].drop(columns="label"))
    assert set(result.errors) >= {"cohort.label_present", "cohort.label_is_known"}
    assert not any("label" in name for name in result.failed)
    assert not result.passed


def test_a_large_table_is_sampled_and_its_defects_are_still_seen(tmp_path, monkeypatch):
    connection = warehouse_of(tmp_path, 1)
    whole = warehouse.checks.expectations.read(connection, "measurement")
    assert len(whole) == 240
    monkeypatch.setattr(warehouse.checks.expectations, "MAX_ROWS", 60)
    sample = warehouse.checks.expectations.read(connection, "measurement")
    assert 20 < len(sample) < 120
    assert validate("measurement", sample).passed
    connection.execute("INSERT INTO measurement SELECT * REPLACE (1e12 AS value) FROM measurement")
    assert validate("measurement", warehouse.checks.expectations.read(connection, "measurement")).failed == (
        "measurement.value_within_limits",
    )
    with pytest.raises(KeyError):
        warehouse.checks.expectations.read(connection, "ledger")


def test_the_declarations_load_without_great_expectations():
    code = "import sys, warehouse.checks.expectations; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (twice, "study_key_unique"),
        (put("study_key", SECRET), "study_key_is_a_pseudonym"),
        (put("days", -1), "days_within_limits"),
        (put("role", "test"), "role_is_known"),
        (put("followed_headline", None), "followed_headline_present"),
    ],
)
def test_damage_of_the_censored_studies_is_named(clean, change, name):
    frame = clean["cohort"].drop(columns=["label", "headline"])  # the same columns, and rows at that
    assert validate("censored", frame).failed == ()
    assert validate("censored", change(frame)).failed == (f"censored.{name}",)


def test_the_rows_of_a_table_are_not_kept_after_its_check():
    frame = warehouse.checks.expectations.read(empty_warehouse(), "patient")
    kept = weakref.ref(frame)
    validate("patient", frame)
    del frame
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("table", ["patient", "outcome", "cohort", "clip"])
def test_making_each_configuration_once_changes_no_result(clean, table, monkeypatch):
    """All defects of a table together, and a column that is not there: failures, warnings and errors."""
    frame = clean[table].copy()
    for of, defect, _ in DEFECTS:
        changed = defect(frame.copy()) if of == table else frame
        frame = changed if len(changed) else frame
    damaged = [frame, frame.drop(columns=frame.columns[1]), clean[table]]
    found = [validate(table, one) for one in damaged]
    monkeypatch.setattr(warehouse.checks.expectations, "_made_once", contextlib.nullcontext)
    assert [validate(table, one) for one in damaged] == found
    assert found[0].failed and found[1].errors and found[2].passed


def test_great_expectations_loads_what_draws_and_compares_distributions_when_it_is_used():
    code = """
import sys
from warehouse.checks.library import library
kinds = library().expectations
assert not {"altair", "scipy.stats"} & sys.modules.keys()
from great_expectations.expectations.core import expect_column_kl_divergence_to_be_less_than as user
assert not {"altair", "scipy.stats"} & sys.modules.keys()
assert user.stats.entropy([0.5, 0.5], [0.5, 0.5]) == 0
import scipy.stats, altair
assert user.stats.entropy is scipy.stats.entropy and user.alt.Chart is altair.Chart
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_great_expectations_is_as_it_was_afterwards(clean):
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    before = Expectation.configuration, ExpectationConfiguration.to_domain_obj
    with pytest.raises(ZeroDivisionError), warehouse.checks.expectations._made_once():
        assert Expectation.configuration is not before[0]
        raise ZeroDivisionError
    validate("patient", clean["patient"])
    assert (Expectation.configuration, ExpectationConfiguration.to_domain_obj) == before
