"""What is too good to be true is named: a model, a variable by its value, a variable by being known at all."""

from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echomort.evaluation import auc
from echomort.evaluation.suspicions import suspicion_words, suspicious_variables
from echomort.evaluation.too_good import suspicious_rows
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import TOO_GOOD
from warehouse.queries import run

RULES = Evaluation()
NO_VARIABLES = pd.DataFrame(
    {"variable": [], "predictor": [], "auc": np.array([], float), "n": np.array([], int), "events": np.array([], int)}
)


def areas_of(label, **columns):
    """Return the AUC of each variable, of a warehouse with these columns of features (NaN: missing)."""
    connection = duckdb.connect()
    keys = [str(number) for number in range(len(label))]
    cohort = pd.DataFrame({"study_key": keys, "label": label, "role": "development", "headline": True})
    feature = pd.DataFrame({"study_key": keys, **columns})
    connection.register("known_cohort", cohort)
    connection.register("known_feature", feature)
    connection.execute("CREATE TABLE cohort AS FROM known_cohort")
    names = ", ".join(f"CASE WHEN NOT isnan({name}) THEN {name} END AS {name}" for name in columns)
    connection.execute(f"CREATE TABLE feature AS SELECT study_key, {names} FROM known_feature")
    return run(connection, "reads/evaluation/variable_auc.sql").df()


def area(found, variable, predictor):
    """Return one AUC (None if there is none)."""
    rows = found[(found["variable"] == variable) & (found["predictor"] == predictor)]
    return None if rows.empty else float(rows["auc"].iloc[0])


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.one_of(st.just(float("nan")), st.integers(0, 5).map(float))),
        min_size=2,
        max_size=40,
    )
)
@settings(max_examples=60, deadline=None)
def test_the_area_of_a_variable_is_the_auc_of_its_value_and_of_being_known(rows):
    label, value = (np.array(part, float) for part in zip(*rows, strict=True))
    found, present = areas_of(label, albumin=value), ~np.isnan(value)
    for name, of, score in (("value", present, value), ("presence", label >= 0, present.astype(float))):
        expected = auc(label[of], score[of]) if of.any() else float("nan")
        got = area(found, "albumin", name)
        assert (got is None) == bool(np.isnan(expected))
        assert got is None or got == pytest.approx(expected, abs=1e-12)


def test_a_value_that_knows_the_outcome_is_named_whichever_way_it_runs():
    label = np.repeat([1.0, 0.0], [30, 70])
    noise = np.random.default_rng(1).normal(size=100)
    found = suspicious_variables(areas_of(label, high=label, low=-label + 0.0, noise=noise), RULES)
    assert list(found["variable"]) == ["high", "low"]
    assert suspicion_words(SimpleNamespace(model="one_variable", **found.iloc[0])) == (
        "variable high (its value alone) has an AUC of 1.000, too good to be true"
    )


def test_being_known_at_all_is_a_predictor_too():
    label = np.repeat([1.0, 0.0], [30, 70])
    found = suspicious_variables(areas_of(label, albumin=np.where(label == 1, 3.0, np.nan)), RULES)
    assert list(zip(found["variable"], found["predictor"], found["auc"], strict=True)) == [("albumin", "presence", 1.0)]


def test_few_deaths_or_survivors_raise_no_suspicion_and_neither_does_a_good_variable():
    for deaths, survivors in ((19, 70), (70, 19)):
        label = np.repeat([1.0, 0.0], [deaths, survivors])
        assert suspicious_variables(areas_of(label, albumin=label), RULES).empty
    label = np.repeat([1.0, 0.0], [50, 50])
    good = np.concatenate([np.arange(50.0) + 30, np.arange(50.0)])
    assert 0.9 < area(areas_of(label, albumin=good), "albumin", "value") < 0.98
    assert suspicious_variables(areas_of(label, albumin=good), RULES).empty


def test_a_variable_with_one_value_is_no_predictor_and_breaks_nothing():
    label = np.repeat([1.0, 0.0], [30, 30])
    found = areas_of(label, constant=np.ones(60), nothing=np.full(60, np.nan))
    assert area(found, "constant", "value") == area(found, "constant", "presence") == area(found, "nothing", "presence")
    assert area(found, "nothing", "value") is None and suspicious_variables(found, RULES).empty


def scored(deaths, survivors, **scores):
    """A frame of one study a patient, and the scores of each model."""
    labels = np.repeat([1.0, 0.0], [deaths, survivors])
    keys = [f"s{number}" for number in range(len(labels))]
    frame = pd.DataFrame(
        {"study_key": keys, "patient_key": keys, "fold": 0, "label": labels, "days": 365, "event": labels == 1}
    )
    frames = [pd.DataFrame({"study_key": keys, "model": model, "logit": logits}) for model, logits in scores.items()]
    return frame, pd.concat(frames)


def test_a_model_is_suspected_where_deaths_are_enough():
    leak, good = np.repeat([2.0, -2.0], [40, 160]), np.concatenate([np.arange(40.0) + 130, np.arange(160.0)])
    found = suspicious_rows(*scored(40, 160, ehr=leak, video_ehr=good), NO_VARIABLES, RULES)
    assert list(zip(found["model"], found["value"], found["events"], strict=True)) == [("ehr", 1.0, 40)]
    assert set(found["evaluation"]) == {TOO_GOOD}
    assert suspicious_rows(*scored(19, 70, ehr=np.repeat([2.0, -2.0], [19, 70])), NO_VARIABLES, RULES).empty


def test_a_site_that_withholds_more_figures_is_told_of_a_leak_all_the_same():
    careful = Evaluation(suppress_below_events=50)
    found = suspicious_rows(*scored(40, 160, ehr=np.repeat([2.0, -2.0], [40, 160])), NO_VARIABLES, careful)
    assert list(found["model"]) == ["ehr"]
