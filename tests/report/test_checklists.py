"""The checklists answer from the run's data: the answers change with them, and what nobody can know is not ticked."""

import csv
from dataclasses import replace
from importlib import resources

import numpy as np
import pandas as pd
import pytest

from echomort.core.errors import UserError
from echomort.report.checklists.answers import probast_answers, tripod_answers
from echomort.report.checklists.facts import Facts
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.scores import scores_by_model
from echomort.settings import load_settings
from echomort.vocabulary.metric_table import COLUMNS

PATIENTS, DEATHS = 400, 100
ONLY_THE_SITE = {"1", "3a", "3c", "5b", "6a", "9c", "17", "18a", "18b", "18c", "18d", "18e", "19", "25", "27b", "27c"}


def row(metric: str, value: float, model: str = "video_ehr", subset: str = "all", evaluation: str = "out_of_fold"):
    return (evaluation, model, subset, metric, value, value - 0.05, value + 0.05, PATIENTS, DEATHS, "DeLong")


ROWS = [
    *(row("auc", area, model) for model, area in (("video_ehr", 0.8), ("ehr", 0.7), ("pce", 0.62))),
    row("calibration_slope", 0.7),
    row("calibration_slope", 1.01, evaluation="recalibrated"),
    row("net_benefit", 0.1, subset="threshold 0.10", evaluation="recalibrated"),
    row("auc_difference", 0.18, "video_ehr vs pce", evaluation="comparison"),
    row("coverage", 0.99),
    row("auc", 0.79, subset="sex=female"),
    row("prevalence", 0.25, "cohort"),
    row("death_share", 0.25, "cohort"),
    row("lost", 12, "cohort"),
    row("ipcw_auc", 0.79),
]


def facts(rows=None, settings=None, synthetic=False, **changes) -> Facts:
    rng = np.random.default_rng(3)
    label = np.repeat([1, 0], [DEATHS, PATIENTS - DEATHS])
    scores = pd.DataFrame(
        {"model": "video_ehr", "label": label, "fold": np.arange(PATIENTS) % 4, "logit": rng.normal(2 * label - 2, 1.2)}
    )
    checks = ["no_patient_in_two_folds_or_roles", "no_feature_after_its_echo"]
    data = ReportData(
        title="Echo and death",
        stamp="A site's own archive.",
        synthetic=synthetic,
        metrics=pd.DataFrame(ROWS if rows is None else rows, columns=list(COLUMNS)),
        cohort=pd.DataFrame({"role": "development", "label": label, "headline": True}),
        attrition=pd.DataFrame({"step": [0], "reason": ["STUDIES"], "studies": [PATIENTS], "patients": [PATIENTS]}),
        settings=tuple(load_settings(flags=settings or {}, environment={}).provenance()),
        lineage={"echomort": "0.1.0"},
        scores=scores,
        checks=pd.DataFrame({"table": "cohort", "check": checks, "passed": True}),
        missingness=pd.DataFrame({"variable": ["lvef"], "missing": [0.2]}),
        instances=pd.DataFrame({"status": ["accepted", "rejected"], "instances": [90, 10]}),
    )
    data = replace(data, **changes)
    return Facts(data, Numbers(data.metrics), scores_by_model(data.scores))


def without(*metrics: str) -> list[tuple]:
    return [one for one in ROWS if one[3] not in metrics]


@pytest.mark.parametrize(("file", "items", "parts"), [("tripod_ai.csv", 27, 52), ("probast_ai.csv", None, 34)])
def test_the_items_are_those_published(file, items, parts):
    with resources.files("echomort.report.checklists").joinpath(file).open() as opened:
        names = [next(iter(line.values())) for line in csv.DictReader(opened)]
    assert len(names) == len(set(names)) == parts
    if items:
        assert {int(name.rstrip("abcdefg")) for name in names} == set(range(1, items + 1))
    else:
        assert [sum(name.startswith(part) for name in names) for part in "DE"] == [16, 18]


@pytest.mark.parametrize("synthetic", [True, False])
def test_what_only_the_site_knows_is_never_ticked(synthetic):
    found = tripod_answers(facts(synthetic=synthetic))
    assert {item for item, one in found.items() if one.status == "for the site to answer"} >= ONLY_THE_SITE


def test_a_score_that_could_not_be_estimated_is_not_listed_as_compared():
    whole = tripod_answers(facts())["12e"]
    assert "Compared with Pooled cohort equations" in whole.answer
    unknown = [row("auc", np.nan, "pce") if one[1] == "pce" else one for one in without("auc_difference")]
    for item in ("12e", "23a"):
        assert "Not estimable, hence not compared" in tripod_answers(facts(unknown))[item].answer
    assert "No model was compared" in tripod_answers(facts(unknown))["12e"].answer


def test_only_measures_that_were_estimated_are_named():
    assert "net benefit" in tripod_answers(facts())["12e"].answer
    assert "net benefit" not in tripod_answers(facts(without("net_benefit")))["12e"].answer
    found = probast_answers(facts(without("net_benefit", "calibration_slope")))["E4.4"]
    assert found.status == "no" and found.answer == "Without calibration, clinical utility."
    assert probast_answers(facts())["E4.4"].status == "yes"


@pytest.mark.parametrize(
    ("item", "rows", "status"),
    [
        ("24", ROWS, "reported"),
        ("24", without("calibration_slope"), "not done"),
        ("12f", without("calibration_slope"), "not done"),
        ("12d", ROWS, "not done"),
        ("23b", [*ROWS, row("auc", 0.75, subset="site=north")], "reported"),
        ("23a", without("auc"), "not done"),
        ("10", ROWS, "reported"),
        ("10", without("auc"), "not done"),
    ],
)
def test_an_item_of_tripod_follows_the_figures(item, rows, status):
    assert tripod_answers(facts(rows))[item].status == status


@pytest.mark.parametrize(
    ("question", "rows", "status"),
    [
        ("D1.2", ROWS, "probably yes"),
        ("D1.2", [*without("death_share"), row("death_share", 0.12, "cohort")], "no"),
        ("D1.2", without("death_share"), "no information"),
        ("D2.2", [*ROWS, row("auc", 1.0, "one_variable", "bnp", "too_good")], "no"),
        ("D4.1", ROWS, "no"),
        ("D4.5", ROWS, "probably yes"),
        ("D4.5", [*ROWS, row("auc", 0.5, "permuted_null", evaluation="null")], "yes"),
        ("D4.5", [*ROWS, row("auc", 0.75, "permuted_null", evaluation="null")], "no"),
        ("D4.6", ROWS, "no"),
        ("D4.6", [*without("lost"), row("lost", 0, "cohort")], "yes"),
        ("E4.1", ROWS, "no"),
        ("E4.2", ROWS, "yes"),
        ("E4.2", [*without("coverage"), row("coverage", 0.5)], "no"),
        ("E4.3", ROWS, "yes"),
        ("E4.3", without("ipcw_auc"), "no"),
        ("E4.8", ROWS, "yes"),
        ("E4.8", [one for one in ROWS if one[2] != "sex=female"], "no"),
    ],
)
def test_a_question_of_probast_follows_the_figures(question, rows, status):
    assert probast_answers(facts(rows))[question].status == status


@pytest.mark.parametrize(
    ("question", "settings", "status"),
    [
        ("D2.3", {"features.between_echoes": "paper"}, "no"),
        ("D2.3", {"features.outside_values": "nearest"}, "no"),
        ("D2.2", {"features.outside_values": "nearest"}, "no"),
        ("D2.2", {}, "yes"),
        ("D2.3", {"features.same_day": "before"}, "probably no"),
        ("D2.3", {}, "probably yes"),
        ("D3.1", {"outcome.follow_up": "encounter"}, "probably no"),
        ("D4.3", {"tabular.imputation_scope": "global"}, "no"),
        ("E4.6", {"tabular.imputation_scope": "global"}, "no"),
        ("D4.4", {"training.class_weights": False}, "yes"),
    ],
)
def test_a_question_of_probast_follows_the_settings(question, settings, status):
    assert probast_answers(facts(settings=settings))[question].status == status


def test_the_report_says_that_values_from_after_the_echo_are_used_where_they_are():
    nearest = facts(settings={"features.outside_values": "nearest", "features.outside_days": 183})
    told = {
        name: any(word in one.answer for one in tripod_answers(found).values())
        for name, found, word in (
            ("nearest", nearest, "at most 183 days before or after it"),
            ("before", facts(), "The last value known at the echo"),
            ("not both", nearest, "The last value known at the echo"),
        )
    }
    assert told == {"nearest": True, "before": True, "not both": False}


@pytest.mark.parametrize(("passed", "status"), [(True, "yes"), (False, "no")])
def test_a_check_that_failed_is_a_no(passed, status):
    checks = facts().data.checks.assign(passed=passed)
    found = probast_answers(facts(checks=checks))
    assert {found[question].status for question in ("D2.2", "E4.5")} == {status}
    if not passed:
        assert "found a patient in two parts" in tripod_answers(facts(checks=checks))["12a"].answer


def test_characteristics_are_reported_only_where_there_are_some():
    assert {tripod_answers(facts())[item].status for item in ("20b", "20c")} == {"not done"}
    people = pd.DataFrame({"role": "development", "label": np.repeat([1, 0], [100, 300]), "lvef": np.arange(400) / 8})
    assert tripod_answers(facts(characteristics=people))["20b"].status == "reported"
    assert tripod_answers(facts(characteristics=people))["20c"].status == "not done"
    sealed = pd.concat([people, people.head(150).assign(role="sealed")])
    found = tripod_answers(facts(characteristics=sealed))["20c"]
    assert found.status == "reported" and "Sealed" in found.answer


def test_a_generated_archive_says_nothing_about_patients():
    found = probast_answers(facts(synthetic=True))
    assert found["D1.1"].status == found["E1.1"].status == "no"


def test_what_the_checklist_lacks_is_said_in_words() -> None:
    empty = facts(cohort=pd.DataFrame({"role": [], "label": [], "headline": []}))
    with pytest.raises(UserError, match=r"asks for: Analytical methods: How the data were used and split.* \(12a\)"):
        tripod_answers(empty)
