"""One rule on small numbers: what was evaluated on too few deaths is nowhere given as a result, and is counted."""

import math

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation.too_few import too_few_words, with_reasons
from echomort.report.numbers import Numbers
from echomort.report.scores import scores_by_model
from echomort.vocabulary.metric_table import COLUMNS

ROWS = pd.DataFrame(
    [
        ("out_of_fold", "ehr", "all", "auc", 0.9, 0.7, 1.0, 60, 4, "DeLong"),
        ("out_of_fold", "ehr", "all", "coverage", 1.0, 0.9, 1.0, 60, 4, "Wilson"),
        ("recalibrated", "ehr", "threshold 0.20", "net_benefit", 0.1, 0.0, 0.2, 60, 4, "bootstrap"),
        ("comparison", "ehr vs view:apical_4", "all", "auc_difference", 0.1, 0.0, 0.2, 50, 4, "DeLong"),
        ("null", "permuted_null", "all", "auc", 0.6, 0.5, 0.7, 60, 4, "percentiles"),
        ("out_of_fold", "cohort", "all", "prevalence", 0.07, 0.02, 0.1, 60, 4, "Wilson"),
        ("out_of_fold", "view:apical_4", "all", "auc", 0.8, 0.7, 0.9, 60, 20, "DeLong"),
    ],
    columns=list(COLUMNS),
)


def test_a_report_has_no_value_of_too_few_and_keeps_the_counts():
    found = {(row["model"], row["metric"]): row for row in Numbers(ROWS, 10).records()}
    known = {key for key, row in found.items() if row["value"] is not None}
    assert known == {("ehr", "coverage"), ("cohort", "prevalence"), ("view:apical_4", "auc")}
    assert (found["ehr", "auc"]["n"], found["ehr", "auc"]["events"]) == (60, 4)
    assert Numbers(ROWS, 10).auc("ehr").few_words == "too few deaths (4)"
    assert Numbers(ROWS, 3).auc("ehr").value == 0.9


def test_in_python_a_row_without_a_value_says_why():
    shown = with_reasons(ROWS.assign(value=[math.nan, *ROWS["value"][1:]]), 10).set_index(["model", "metric"])
    assert shown.loc[("permuted_null", "auc"), "reason"].startswith("no result")
    assert shown.loc[("ehr", "auc"), "reason"] == "DeLong"
    assert (shown["reason"] != "").equals(shown["value"].isna())


@pytest.mark.parametrize(("least", "drawn"), [(10, set()), (4, {"ehr"})])
def test_nothing_is_drawn_of_too_few(least, drawn):
    scores = pd.DataFrame({"model": "ehr", "logit": np.linspace(-1, 1, 60), "label": [1] * 4 + [0] * 56})
    assert set(scores_by_model(scores, least)) == drawn


def test_the_words_name_what_is_rare():
    assert (too_few_words(60, 4), too_few_words(60, 57)) == ("too few deaths (4)", "too few survivors (3)")
