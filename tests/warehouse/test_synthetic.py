"""The synthetic extract, dirt and all, against what its generator knows."""

import pytest
from extracts import KEYRING, counted, fetch, staged, study_key

from echomort.settings import ClinicalScores, Cohort, Outcome
from echomort.synth.cohort import Dirt, draw_patient
from echomort.synth.records import ehr_rows
from warehouse.checks.assertions import check, names
from warehouse.checks.expectations import tables, validate
from warehouse.tables.clinical_score.clinical_scores import score
from warehouse.tables.cohort.cohorts import select
from warehouse.tables.feature.features import build
from warehouse.tables.outcome.outcomes import link

SEED, PATIENTS = 5, 400
DIRT = Dirt(death_before_study=0.02, lost=0.08, contact_after_death=0.05, unknown_birth=0.02)


@pytest.fixture(scope="module")
def patients():
    return [draw_patient(SEED, number, dirt=DIRT) for number in range(PATIENTS)]


@pytest.fixture(scope="module")
def made(patients, tmp_path_factory):
    """The warehouse of the extract, and the report of its staging."""
    rows = {}
    for patient in patients:
        for table, more in ehr_rows(SEED, patient, DIRT).items():
            rows.setdefault(table, []).extend(more)
    connection, report = staged(tmp_path_factory.mktemp("extract"), rows)
    link(connection, Outcome(), KEYRING)
    select(connection, Cohort())
    build(connection)
    score(connection, ClinicalScores())
    return connection, report


def test_every_label_is_what_became_of_the_patient(made, patients):
    labels = dict(fetch(made[0], "SELECT study_key, label FROM outcome WHERE label IS NOT NULL"))
    fates = {}
    for patient in patients:
        for study in patient.studies:
            days = (patient.died - study.at.date()).days if patient.died else 10**6
            fates[study_key(study.study_id)] = days
    assert set(labels) <= set(fates)
    assert len(labels) > 0.8 * len(fates)
    # Two sources may be a week apart, so a death within a week of the horizon may be on either side of it.
    wrong = [key for key, label in labels.items() if label != (fates[key] <= 365) and abs(fates[key] - 365) > 7]
    assert wrong == []


def test_the_dirt_was_met_and_every_row_accounted_for(made):
    connection, report = made
    reasons = {reason for _, reason in counted(report)}
    assert reasons >= {"EXACT_DUPLICATE", "MISSING_VALUE", "CONTACT_AFTER_DEATH", "MERGED_RECORD_NUMBER"}
    excluded = dict(fetch(connection, "SELECT reason, studies FROM attrition"))
    assert excluded["EXCL_DEATH_BEFORE_STUDY"] > 0
    assert excluded["EXCL_CENSORED_LT_1Y"] > 0
    imaging = {"instances_equal_clips_plus_rejects"}
    assert {name: check(connection, name) for name in names() if name not in imaging} == dict.fromkeys(
        set(names()) - imaging, 0
    )


def test_the_extract_passes_every_expectation(made):
    later = {"dicom_instance", "instance_link", "clip", "score", "metric"}
    results = {table: validate(table, made[0].table(table).df()) for table in tables() if table not in later}
    assert {table: (one.failed, one.errors) for table, one in results.items() if not one.passed} == {}


def test_what_the_heart_was_is_what_the_features_say(made, patients):
    reported = dict(fetch(made[0], "SELECT study_key, lvef FROM feature WHERE lvef IS NOT NULL"))
    true = {study_key(study.study_id): study.latent.ef for patient in patients for study in patient.studies}
    apart = [abs(value - 100 * true[key] if true[key] <= 1 else value - true[key]) for key, value in reported.items()]
    assert len(apart) > 100
    assert sorted(apart)[len(apart) // 2] < 8
