"""The words of the report follow its numbers: planted differences, and planted absences of one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation.metrics.added_value import ADDED_VALUE
from echomort.report.data import ReportData
from echomort.report.differences import auc_difference
from echomort.report.numbers import Numbers
from echomort.report.points import points
from echomort.report.sections.added_value import added_value
from echomort.report.sections.discrimination import discrimination
from echomort.report.sections.results import at_a_glance, headline, headline_table
from echomort.report.sections.variables import given, variables
from echomort.vocabulary.baselines import AGE_SEX, AGE_SEX_LVEF
from echomort.vocabulary.metric_table import COLUMNS

FAMILY = "DeLong, Holm over 3: video and records against each other model"
EMPTY = pd.DataFrame()


def area(model, value, n=400, events=90, evaluation="out_of_fold", method="DeLong"):
    return (evaluation, model, "all", "auc", value, value - 0.03, value + 0.03, n, events, method)


def gap(pair, value, half, p_value, family=FAMILY):
    found = ("comparison", pair, "all", "auc_difference", value, value - half, value + half, 400, 90, "DeLong, paired")
    test = ("comparison", pair, "all", "delong_p_holm", p_value, np.nan, np.nan, 400, 90, family)
    return [found, test]


def numbers(*rows) -> Numbers:
    return Numbers(pd.DataFrame(rows, columns=list(COLUMNS)))


def report_data(**changed) -> ReportData:
    plain = ReportData("", "", False, EMPTY, EMPTY, EMPTY, (), {})
    return replace(plain, **changed)


def text(found: Numbers, data: ReportData | None = None) -> str:
    return (
        " ".join(points(data or report_data(), found))
        .replace("\u202f", " ")
        .replace("\u2212", "-")
        .replace("\u2013", "to")
    )


@pytest.mark.parametrize(
    ("value", "half", "p_value", "words"),
    [
        (0.04, 0.03, 0.02, "higher by 0.040"),
        (-0.04, 0.03, 0.02, "lower by 0.040"),
        (-0.004, 0.03, 0.8, "no clear difference (-0.004, 95 % interval"),
        (0.04, 0.03, 0.08, "no clear difference (+0.040"),  # not after correction
        (0.04, 0.05, 0.02, "no clear difference (+0.040"),  # the interval reaches 0
        (0.04, np.nan, np.nan, "no clear difference (+0.040, no interval)"),
    ],
)
def test_a_difference_is_named_by_its_sign_and_interval(value, half, p_value, words):
    rows = [area("video_ehr", 0.8), area("ehr", 0.8 - value), *gap("video_ehr vs ehr", value, half, p_value)]
    found = text(numbers(*rows))
    assert f"against the records alone: {words}" in found
    assert " gain" not in found


def test_a_difference_reads_alike_from_both_sides():
    found = numbers(*gap("video_ehr vs ehr", -0.04, 0.03, 0.02))
    forwards, backwards = (auc_difference(found, *pair) for pair in (("video_ehr", "ehr"), ("ehr", "video_ehr")))
    assert (forwards.direction, backwards.direction) == ("lower", "higher")
    assert (backwards.figure.low, backwards.figure.high) == pytest.approx((0.01, 0.07))
    assert (backwards.tests, backwards.family) == (3, "video and records against each other model")
    assert auc_difference(found, "ehr", "all_views") is None


def test_the_main_model_has_the_most_inputs_and_one_with_a_higher_auc_is_named():
    rows = [area("video_ehr", 0.802), area("all_views", 0.79), area("view:parasternal_long", 0.815)]
    rows += gap("video_ehr vs view:parasternal_long", -0.013, 0.03, 0.4)
    rows += gap("video_ehr vs all_views", 0.012, 0.03, 0.4)
    found = numbers(*rows)
    assert found.best() == "video_ehr"
    words = text(found)
    assert "by a rule that was fixed before any result" in words
    assert (
        "1 other model has a higher AUC than the main model, Video + EHR, on its own patients or on those of both: "
        "Parasternal long axis 0.815, no clear" in words
    )
    assert "(+0.013, 95 % interval -0.017 to 0.043, p = 0.400 corrected over 3 tests)" in words


def test_no_other_model_is_named_where_the_main_model_is_best():
    rows = [area("video_ehr", 0.82), area("all_views", 0.79), *gap("video_ehr vs all_views", 0.03, 0.02, 0.01)]
    assert "other model" not in text(numbers(*rows))


def test_an_auc_that_is_higher_on_other_patients_is_said_to_be_of_them():
    rows = [area("video_ehr", 0.80), area("pce", 0.85, n=120, events=30), *gap("video_ehr vs pce", 0.06, 0.05, 0.04)]
    words = text(numbers(*rows))
    assert "Pooled cohort equations 0.850 on 120 patients; on those of both, lower by 0.060" in words


def test_of_many_models_with_a_higher_auc_some_are_named_and_all_are_counted():
    views = [f"view:{name}" for name in ("apical_2", "apical_3", "apical_4", "apical_5", "subcostal_4")]
    rows = [area("video_ehr", 0.7), *(area(view, 0.8 + 0.01 * place) for place, view in enumerate(views))]
    words = text(numbers(*rows))
    assert "5 other models have a higher AUC" in words and "And 2 others." in words
    assert "Subcostal four-chamber 0.840, the difference was not tested" in words and "two-chamber" not in words


@pytest.mark.parametrize(("worse_by", "words"), [(0.02, "none of them clearly"), (0.07, "1 of them clearly")])
def test_a_fused_records_model_that_others_outrank_is_said_to_be(worse_by, words):
    family = "DeLong, Holm over 2: the records model against its baselines"
    rows = [area("ehr", 0.646), area("ehr:logistic:echo", 0.646 + worse_by), area("ehr:xgboost:echo", 0.6)]
    rows += gap("ehr vs ehr:logistic:echo", -worse_by, 0.05, 0.025, family)
    rows += gap("ehr vs ehr:xgboost:echo", 0.046, 0.05, 0.5, family)
    found = text(numbers(*rows))
    assert "EHR only (AUC 0.646), is not the best on records: 1 of the 2 other models on records has a higher" in found
    assert words in found
    assert "Echo measurements, logistic regression" in found


def test_a_records_model_that_is_best_is_not_said_to_be_worse():
    rows = [area("ehr", 0.72), area("ehr:logistic:echo", 0.70), *gap("ehr vs ehr:logistic:echo", 0.02, 0.05, 1.0)]
    assert "not the best" not in text(numbers(*rows))


def test_what_is_not_estimable_is_in_no_table_and_is_named_apart():
    few = "suppressed: fewer than 10 deaths or survivors"
    rows = [area("video_ehr", 0.8), area("shfm", np.nan, 27, 4, method=few), area("maggic", np.nan, 9, 3, method=few)]
    found = numbers(*rows)
    shown = [row[0].text for row in headline_table(report_data(), found).cells]
    assert shown == ["Video + EHR"]
    words = text(found)
    assert "Not compared, since it could not be evaluated:" in words
    assert "27 patients: fewer than 10 deaths or survivors" in words and "9 patients" not in words
    assert [row["events"] for row in found.records() if row["model"] in ("shfm", "maggic")] == [None, None]
    assert "Seattle" not in str([block for block in discrimination(found, {}).blocks if block.kind == "table"])


def test_the_permuted_null_counts_studies_and_names_its_limits():
    method = "smallest to largest of 2 trainings on permuted labels"
    rows = [area("video_ehr", 0.8), area("permuted_null", 0.5, 510, 142, "null", method)]
    found = numbers(*rows)
    words = text(found)
    assert "0.500 on 510 studies, 142 before a death (smallest to largest of 2 trainings" in words
    page = at_a_glance(report_data(), found)
    caption = next(block.caption for block in page.blocks if block.kind == "picture")
    assert "95 % intervals (DeLong), of permuted labels smallest to largest of 2 trainings. All" in caption
    patients = {row[0].text: f"{row[-2].text} {row[-2].aside}".strip() for row in page.tables[0].cells}
    assert patients == {"Video + EHR": "400", "Permuted labels": "510 studies"}
    assert [row["counted"] for row in found.records()] == ["patients", "studies"]


@pytest.mark.parametrize(("low", "words"), [(0.2, "the loops recover 60 %"), (-0.1, "it is not clear that the loops")])
def test_headroom_is_recovered_only_where_its_interval_says_so(low, words):
    share = ("out_of_fold", "all_views", "all", "headroom_heart", 0.6, low, 0.9, 400, 90, "bootstrap")
    assert words in text(numbers(area("all_views", 0.7), area("oracle_heart", 0.8), share))


def test_an_interval_with_chance_in_it_is_called_so():
    assert "which includes 0.5, chance" in text(numbers(area("video_ehr", 0.51)))
    assert "chance" not in text(numbers(area("video_ehr", 0.6)))
    assert headline(numbers(area("video_ehr", 0.51))).endswith(
        "51 times in 100. Chance gives 50, and the interval holds it."
    )
    assert headline(numbers(area("video_ehr", 0.6))).endswith("higher 60 times in 100.")


def test_variables_are_counted_by_those_that_have_a_value():
    shares = pd.DataFrame({"variable": ["lvef", "lvidd", "gls", "age", "ldl"], "studies": [300, 12, 0, 400, 0]})
    data = report_data(variables=shares, missingness=pd.DataFrame({"variable": ["lvef"], "missing": [0.25]}))
    assert given("ehr:logistic:echo", data) == "the 58 echo variables, 2 of which have a value here"
    assert given("ehr", data) == "the 158 health-record variables, 3 of which have a value here"
    assert given("view:apical_4", data) == "the loops of this view alone"
    named = replace(data, settings=(("training.network", "acme_wide", "site", ""),))
    assert given("view:apical_4", named) == "the loops of this view alone, by network acme_wide"
    (section,) = variables(data, numbers())
    assert "3 of 158 have a value in any study here: 2 of 58 of the echo, 1 of 100 clinical" in section.lead
    whole = replace(data, settings=(("tabular.variables", "catalogue", "ours", ""),))
    assert given("ehr", whole) == "the 5 health-record variables, 3 of which have a value here"
    assert given("ehr:logistic:echo", whole).endswith("have a value here and the site's own")


def test_the_families_of_corrected_tests_are_named_with_their_sizes():
    other = "DeLong, Holm over 5: the records model against its baselines"
    rows = [area("video_ehr", 0.8), area("ehr", 0.7), *gap("video_ehr vs ehr", 0.1, 0.05, 0.001)]
    rows += gap("ehr vs ehr:logistic:all", 0.1, 0.05, 0.001, other)
    table = next(table for table in discrimination(numbers(*rows), {}).tables if table.name == "comparisons")
    assert "video and records against each other model (3 tests); the records model against its" in table.caption
    assert "baselines (5 tests)" in table.caption
    assert [row[6].aside for row in table.cells] == ["of 3", "of 5"]


def added(metric, value, half, subset="all", model="video_ehr", other=AGE_SEX):
    counts = 400, 90, "bootstrap"
    return ("comparison", f"{model} vs {other}", subset, metric, value, value - half, value + half, *counts)


def test_added_value_over_age_and_sex_is_worded_by_its_intervals():
    family = f"DeLong, Holm over 1: {ADDED_VALUE}"
    rows = [area("video_ehr", 0.8), area(AGE_SEX, 0.63), *gap(f"video_ehr vs {AGE_SEX}", 0.17, 0.05, 0.001, family)]
    rows += [added("ipa_difference", 0.002, 0.05)]
    rows += [
        added("net_benefit_difference", 0.02, half, f"threshold {at}") for at, half in (("0.10", 0.03), ("0.20", 0.01))
    ]
    found = numbers(*rows)
    assert "AUC of the main model against age and sex alone (AUC 0.630): higher by 0.170" in text(found)
    (section,) = added_value(found)
    words = section.blocks[0].texts[0].replace("\u202f", " ")
    assert "IPA no clear difference (+0.002" in words
    assert "net benefit, by threshold, no clear difference at 10 %, higher at 20 %" in words
    assert "1 tests" not in section.tables[0].caption and "1 test (each model" in section.tables[0].caption
    name, gained = section.tables[0].cells[0][:2]
    assert (name.text, name.aside, gained.text) == ("Video + EHR", "over age and sex", "+0.170")
    compared = [table for table in discrimination(found, {}).tables if table.name == "comparisons"]
    assert not compared, "they have a table of their own"


def test_without_the_baselines_there_is_no_section_on_added_value():
    assert added_value(numbers(area("video_ehr", 0.8), area("ehr", 0.7))) == []


def test_an_ejection_fraction_without_any_value_is_said_to_have_none():
    known = pd.DataFrame({"variable": ["age", "sex", "lvef"], "studies": [400, 400, 0]})
    assert given(AGE_SEX_LVEF, report_data(variables=known)).endswith("2 of which have a value here")
    assert given(AGE_SEX, report_data(variables=known)) == "age and sex"
