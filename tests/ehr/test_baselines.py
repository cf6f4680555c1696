"""Baselines of the health record: gaps filled from training rows only, and every score out of fold."""

import json

import numpy as np
import pandas as pd
import pytest

from echomort.ehr.variable_sets import VARIABLES
from echomort.ehr.variables import model_inputs, names
from echomort.evaluation.metrics.importance import importance_rows
from echomort.evaluation.summary import evaluate
from echomort.models.baselines import Baselines, baseline_names, fit_baselines, imputed_tables
from echomort.models.coding import coded, coded_columns
from echomort.models.imputation import Imputer
from echomort.models.outliers import OutlierRule
from echomort.models.rows import LabelledRows, mean_fold_auc
from echomort.models.tabular import encode, fit_nested, input_variables, permutation_importance
from echomort.settings import Evaluation, Tabular
from echomort.vocabulary.baselines import AGE_SEX, AGE_SEX_LVEF

FAST = Tabular(forest_trees=20, imputation_rounds=2, rounds=30)
COLUMNS = ["lvef", "lvidd", "sbp", "age", "sex", "dx_i50"]


def patients(count=300, seed=3):
    """Return features with gaps, and rows whose labels depend on LVEF and age."""
    generator = np.random.default_rng(seed)
    age, lvef = generator.normal(70, 10, count), generator.normal(50, 12, count)
    features = pd.DataFrame({"lvef": lvef, "age": age, "sex": generator.integers(0, 2, count).astype(float)})
    features["lvidd"] = 9 - 0.08 * lvef + generator.normal(0, 0.2, count)
    features["sbp"] = generator.normal(130, 15, count)
    features["dx_i50"] = (lvef < 40).astype(float)
    risk = 1 / (1 + np.exp(-(-1.2 + 0.1 * (50 - lvef) + 0.05 * (age - 70))))
    labels = (generator.random(count) < risk).astype(int)
    for name in ("lvef", "lvidd", "sbp", "sex"):
        features.loc[generator.random(count) < 0.3, name] = np.nan
    folds = np.arange(count) % 5
    folds[::20] = -1
    return features[COLUMNS], LabelledRows.of(labels, folds, [f"p{number}" for number in range(count)])


# --- the sets -----------------------------------------------------------------------------------------------------


def test_the_sets_are_the_catalogue_s():
    sizes = {"clinical": 100, "echo": 58, "all": 158, "age_sex": 2, "age_sex_lvef": 3}
    assert {name: len(columns) for name, columns in VARIABLES.items()} == sizes
    assert set(VARIABLES["clinical"]) | set(VARIABLES["echo"]) == set(VARIABLES["all"])


def test_the_trees_are_given_the_158_unless_the_whole_catalogue_is_asked_for():
    assert input_variables(Tabular()) == model_inputs()
    assert input_variables(Tabular(variables="extended")) == (*model_inputs(), *names("extended"))
    assert input_variables(Tabular(variables="catalogue")) == names()


# --- outliers -----------------------------------------------------------------------------------------------------


def test_a_value_must_break_both_rules_to_be_an_outlier():
    values = np.array([*np.linspace(0, 1, 100), 3.5, 40.0])
    rule = OutlierRule.fit(values[:, None], np.array([True]))
    mean, spread = values.mean(), values.std()
    first, third = np.quantile(values, (0.25, 0.75))
    kept = rule.without_outliers(np.array([[3.5], [40.0], [mean + 2.9 * spread]]))[:, 0]
    assert third + 3 * (third - first) < 3.5  # breaks one rule only
    assert abs(3.5 - mean) < 3 * spread
    assert kept[0] == 3.5
    assert np.isnan(kept[1])
    assert not np.isnan(kept[2])


def test_limits_of_outliers_come_from_the_training_rows_alone():
    train = np.linspace(0, 1, 100)[:, None]
    rule = OutlierRule.fit(train, np.array([True]))
    assert np.isnan(rule.without_outliers(np.array([[9.0]]))[0, 0])
    wider = OutlierRule.fit(np.vstack([train, np.full((60, 1), 9.0)]), np.array([True]))
    assert wider.without_outliers(np.array([[9.0]]))[0, 0] == 9.0


@pytest.mark.parametrize(("which", "lost"), [("without_limits", False), ("all", True), ("none", False)])
def test_variables_with_physiological_limits_are_tested_only_if_asked(which, lost):
    values = np.append(np.linspace(110, 150, 99), 279.0)[:, None]
    imputer = Imputer.fit(values, ["sbp"], Tabular(outliers=which))
    assert np.isnan(imputer.outliers.without_outliers(values)[-1, 0]) == lost


# --- gaps ---------------------------------------------------------------------------------------------------------


def test_a_completed_table_has_no_gap_and_keeps_what_was_known():
    features, _ = patients()
    matrix = features.to_numpy()
    imputed = Imputer.fit(matrix, COLUMNS, FAST).impute(matrix)
    known = ~np.isnan(matrix)
    assert not np.isnan(imputed).any()
    assert (imputed[known] == matrix[known]).all()
    assert np.isin(imputed[:, COLUMNS.index("sex")], (0, 1)).all()


def test_chained_equations_use_what_goes_with_the_gap():
    features, _ = patients(600)
    matrix = features.to_numpy()
    imputed = Imputer.fit(matrix, COLUMNS, FAST).impute(matrix)
    gaps = np.isnan(matrix[:, 1]) & ~np.isnan(matrix[:, 0])
    expected = 9 - 0.08 * matrix[gaps, 0]
    assert np.abs(imputed[gaps, 1] - expected).mean() < 0.35


def test_columns_that_are_nearly_all_gaps_are_left_out():
    matrix = np.column_stack([np.arange(50.0), np.where(np.arange(50) < 3, 1.0, np.nan), np.full(50, np.nan)])
    imputer = Imputer.fit(matrix, ["lvef", "lvidd", "ao_stj"], FAST)
    assert imputer.names == ("lvef",)
    assert imputer.impute(matrix).shape == (50, 1)


def test_what_fills_a_gap_does_not_depend_on_the_patients_judged():
    features, rows = patients()
    changed = features.copy()
    inside = rows.folds == 2
    changed.loc[inside, "lvidd"] = 1e3
    one = {left_out: table for left_out, _, table in imputed_tables(features, rows, FAST)}
    two = {left_out: table for left_out, _, table in imputed_tables(changed, rows, FAST)}
    for left_out in one:
        training = rows.training(*left_out)
        assert (one[left_out][training] == two[left_out][training]).all() == (2 in left_out)


def test_the_whole_table_is_used_where_fidelity_is_asked_for():
    features, rows = patients()
    tables = [
        table for _, _, table in imputed_tables(features, rows, FAST.model_copy(update={"imputation_scope": "global"}))
    ]
    assert all((table == tables[0]).all() for table in tables)
    within = [table for _, _, table in imputed_tables(features, rows, FAST)]
    assert not (within[0] == within[1]).all()


def test_the_diastolic_function_is_filled_by_one_regression_a_grade_and_never_with_a_dysfunction_without_grade():
    generator = np.random.default_rng(1)
    severity = generator.normal(0, 1, 500)
    grade = np.array([-1.0, 1.0, 2.0, 3.0])[np.digitize(severity, (-0.5, 0.5, 1.2))]
    grade[(grade > 0) & (generator.random(500) < 0.1)] = 0
    matrix = np.column_stack([30 * severity + generator.normal(0, 3, 500) + 100, grade])
    hidden = generator.random(500) < 0.4
    given = matrix.copy()
    given[hidden, 1] = np.nan
    imputed = Imputer.fit(given, ["la_vol", "diastolic_function"], FAST).impute(given)
    assert np.isin(imputed[hidden, 1], (-1, 1, 2, 3)).all()
    assert (imputed[~hidden, 1] == grade[~hidden]).all()
    assert (imputed[hidden, 1] == grade[hidden]).mean() > 0.6


def test_a_grade_of_a_valve_is_one_column_a_level():
    names_ = ("lvef", "mr_grade", "diastolic_function")
    matrix = np.array([[50, 2, -1], [40, 0, 3], [30, np.nan, 1]], np.float32)
    assert coded_columns(names_) == ("lvef", *(f"mr_grade={level}" for level in range(4)), "diastolic_function")
    expected = [[50, 0, 0, 1, 0, -1], [40, 1, 0, 0, 0, 3], [30, *[np.nan] * 4, 1]]
    assert np.array_equal(coded(matrix, names_), np.array(expected, np.float32), equal_nan=True)
    assert len(coded_columns(model_inputs())) == 158 + 8 * 3


def test_the_logistic_baseline_has_a_coefficient_a_level():
    features, rows = patients()
    leaking = np.random.default_rng(2).integers(0, 4, len(features)).astype(float)
    settings = FAST.model_copy(update={"baselines": ("logistic",), "baseline_variables": ("echo",)})
    fitted = fit_baselines(features.assign(mr_grade=leaking), rows, settings).coefficients["ehr:logistic:echo"][0]
    assert [column for column in fitted.columns if column.startswith("mr_")] == [f"mr_grade={k}" for k in range(4)]
    assert len(fitted.columns) == len(fitted.coefficients)


# --- the learners -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted() -> Baselines:
    return fit_baselines(*patients(), FAST)


def test_every_learner_scores_every_study_on_every_set(fitted):
    assert set(fitted.scores) == set(baseline_names()) - {"ehr:xgboost:all"}
    assert all(np.isfinite(scores.logits).all() for scores in fitted.scores.values())


def test_baselines_learn_what_there_is_to_learn(fitted):
    _, rows = patients()
    area = {model: mean_fold_auc(scores.logits, rows) for model, scores in fitted.scores.items()}
    assert all(value > 0.6 for value in area.values())
    assert area[AGE_SEX_LVEF] > area[AGE_SEX]


def test_age_and_sex_are_given_to_logistic_regression_alone(fitted):
    assert {model for model in fitted.scores if "age_sex" in model} == {AGE_SEX, AGE_SEX_LVEF}
    trees = FAST.model_copy(update={"baselines": ("xgboost",), "baseline_variables": ("age_sex", "echo")})
    assert set(fit_baselines(*patients(120), trees).scores) == {"ehr:xgboost:echo"}


def test_an_ejection_fraction_that_nobody_has_leaves_age_and_sex():
    features, rows = patients()
    settings = FAST.model_copy(update={"baselines": ("logistic",), "baseline_variables": ("age_sex", "age_sex_lvef")})
    found = fit_baselines(features.assign(lvef=np.nan), rows, settings).scores
    assert np.array_equal(found[AGE_SEX].logits, found[AGE_SEX_LVEF].logits)


def test_no_label_of_a_fold_reaches_its_own_scores(fitted):
    features, rows = patients()
    inside = rows.folds == 3
    labels = rows.labels.copy()
    labels[inside] = 1 - labels[inside]
    other = fit_baselines(features, LabelledRows(labels, rows.folds, rows.patients), FAST)
    for model, scores in fitted.scores.items():
        changed = other.scores[model]
        assert (scores.logits[inside] == changed.logits[inside]).all(), model
        assert np.array_equal(scores.without[:, 3], changed.without[:, 3], equal_nan=True), model
        assert not (scores.logits[rows.folds == 1] == changed.logits[rows.folds == 1]).all(), model


def test_permuted_labels_teach_nothing():
    features, rows = patients(400)
    generator = np.random.default_rng(5)
    settings = FAST.model_copy(update={"baselines": ("logistic",)})
    areas = [
        mean_fold_auc(fit_baselines(features, shuffled, settings).scores["ehr:logistic:all"].logits, shuffled)
        for shuffled in (rows.permuted(generator) for _ in range(12))
    ]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)


def test_coefficients_are_kept_as_json_and_nothing_else_is(fitted, tmp_path):
    fitted.save(tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["coefficients.json"]
    table = json.loads((tmp_path / "made" / "coefficients.json").read_text())
    assert set(table) == {f"ehr:logistic:{part}" for part in VARIABLES}
    assert table[AGE_SEX]["0"]["columns"] == ["age", "sex"]
    assert table[AGE_SEX_LVEF]["0"]["columns"] == ["age", "sex", "lvef"]
    one = table["ehr:logistic:all"]["0"]
    assert len(one["columns"]) == len(one["coefficients"]) == len(one["mean"]) == len(one["scale"])
    assert one["coefficients"][one["columns"].index("lvef")] < 0 < one["coefficients"][one["columns"].index("age")]


def test_a_column_with_one_value_breaks_no_learner_and_changes_no_score():
    features, rows = patients()
    one = features.assign(sodium=140.0, dx_i10=1.0, diastolic_function=2.0)
    one.loc[::3, ["sodium", "diastolic_function"]] = np.nan
    for scope in ("fold", "global"):
        settings = FAST.model_copy(update={"imputation_scope": scope})
        for _, _, matrix in imputed_tables(one, rows, settings):
            assert not np.isnan(matrix).any()
            assert (matrix[:, len(COLUMNS)] == 140).all()
    with_it, without = (
        {model: one.logits for model, one in fit_baselines(table, rows, FAST).scores.items()}
        for table in (one, features)
    )
    assert set(with_it) == set(without)
    for learner in ("logistic", "xgboost"):
        assert np.allclose(with_it[f"ehr:{learner}:clinical"], without[f"ehr:{learner}:clinical"], atol=1e-6)


def test_columns_with_one_value_alone_break_no_learner_no_tree_and_no_evaluation():
    features, rows = patients()
    one = features.assign(lvef=50.0, age=70.0, sex=1.0, lvidd=5.0, sbp=130.0, dx_i50=0.0)
    cross_fits = dict(fit_baselines(one, rows, FAST).scores)
    columns = tuple(one.columns)
    trees = fit_nested(encode(one), columns, rows, FAST)
    cross_fits["ehr"] = trees.scores
    scores = {model: cross_fit.logits for model, cross_fit in cross_fits.items()}
    assert (permutation_importance(trees.model, one, rows, 1)["drop"] == 0).all()
    assert all(np.isfinite(logits).all() for logits in scores.values())
    inside = rows.folds >= 0
    keys = np.arange(len(one))
    frame = pd.DataFrame({"study_key": keys, "patient_key": keys, "fold": rows.folds, "label": rows.labels})
    frame = frame.assign(days=400, event=rows.labels == 1, sex="male")[inside]
    table = pd.concat(
        pd.DataFrame({"study_key": keys, "model": model, "fold": rows.folds, "logit": logits})[inside]
        for model, logits in scores.items()
    )
    found = evaluate(frame, table, None, Evaluation(bootstrap=100))
    areas = found[(found["metric"] == "auc") & (found["subset"] == "all")]
    assert set(areas["model"]) >= {"ehr", "ehr:logistic:all"}
    assert areas["value"].between(0.2, 0.7).all()


def test_a_learner_that_is_not_asked_for_is_not_fitted():
    assert not fit_baselines(*patients(120), FAST.model_copy(update={"baselines": ()})).scores


# --- importance and evaluation ------------------------------------------------------------------------------------


def test_a_variable_that_no_tree_asks_about_has_no_importance():
    features, rows = patients()
    features = features.assign(ao_stj=1.0)
    model = fit_nested(features.to_numpy(np.float32), tuple(features.columns), rows, FAST).model
    table = permutation_importance(model, features, rows, repeats=2).set_index("feature")
    assert table.loc["ao_stj", "drop"] == 0
    assert table["drop"].max() > 0.01


def test_importance_becomes_rows_of_what_mattered():
    importance = pd.DataFrame({"feature": ["lvef", "ao_stj"], "drop": [0.1, 0.0], "spread": [0.02, 0.0]})
    table = importance_rows(importance, 400, 90, 10)
    assert table["subset"].tolist() == ["lvef"]
    assert table[["value", "low", "high"]].to_numpy().ravel() == pytest.approx([0.1, 0.08, 0.12])


def test_baselines_are_compared_with_the_trees_in_a_family_of_their_own():
    features, rows = patients()
    frame = pd.DataFrame({"study_key": rows.patients, "patient_key": rows.patients, "fold": rows.folds})
    frame = frame.assign(label=rows.labels, days=np.where(rows.labels, 90, 400), event=rows.labels == 1)
    frame = frame[frame["fold"] >= 0]
    ranking = features["age"].to_numpy()[frame.index]
    parts = [
        frame[["study_key", "fold"]].assign(model=model, logit=ranking * sign)
        for model, sign in (("ehr", 1), ("video_ehr", 1), ("ehr:logistic:all", -1), ("ehr:xgboost:echo", 1))
    ]
    metrics = evaluate(frame, pd.concat(parts), None, Evaluation(bootstrap=100))
    pairs = set(metrics.loc[metrics["metric"] == "auc_difference", "model"])
    assert pairs == {"video_ehr vs ehr", "ehr vs ehr:logistic:all", "ehr vs ehr:xgboost:echo"}
    holm = metrics[metrics["metric"] == "delong_p_holm"].set_index("model")["method"]
    assert holm["video_ehr vs ehr"] == "DeLong, Holm over 1: video and records against each other model"
    assert holm["ehr vs ehr:logistic:all"] == "DeLong, Holm over 2: the records model against its baselines"
    assert not (metrics.loc[metrics["model"] == "ehr:logistic:all", "metric"] == "calibration_slope").any()


def test_baselines_are_given_the_variables_that_were_asked_for():
    settings = FAST.model_copy(update={"baselines": ("logistic",), "baseline_variables": ("echo",)})
    assert set(fit_baselines(*patients(120), settings).scores) == {"ehr:logistic:echo"}
