"""The table of metrics on a small synthetic cohort whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation import evaluate, permuted_null_rows
from echomort.evaluation.metrics import metric_families
from echomort.settings import Evaluation

SETTINGS = Evaluation(bootstrap=200)
STUDIES = 400


def cohort(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Frame, scores and truth: a heart, an age and a frailty drive death; the models see parts of them."""
    random = np.random.default_rng(seed)
    heart, age, frailty = random.normal(size=(3, STUDIES))
    hazard = {"heart": 1.5 * heart, "heart_age": 1.5 * heart + age, "all": 1.5 * heart + age + 0.5 * frailty}
    chance = 1 - np.exp(-np.exp(-1.5 + hazard["all"]))
    died = random.random(STUDIES) < chance
    frame = pd.DataFrame(
        {
            "study_key": [f"s{number}" for number in range(STUDIES)],
            "patient_key": [f"p{number}" for number in range(STUDIES)],
            "fold": np.arange(STUDIES) % 5,
            "label": pd.array(died.astype(int), dtype="Int64"),
            "days": np.where(died, random.integers(0, 366, STUDIES), random.integers(366, 2000, STUDIES)),
            "event": died,
            "sex": np.where(random.random(STUDIES) < 0.5, "F", "M"),
            "setting": np.where(np.arange(STUDIES) < 12, "rare", "usual"),
        }
    )
    noise = random.normal(size=(3, STUDIES))
    logits = {
        "view:apical_4": hazard["heart"] + noise[0],
        "ehr": age + noise[1],
        "video_ehr": hazard["heart_age"] + 0.5 * noise[2],
    }
    scores = pd.concat(
        pd.DataFrame({"study_key": frame["study_key"], "model": model, "fold": frame["fold"], "logit": logit - 1.5})
        for model, logit in logits.items()
    )
    truth = pd.DataFrame({"study_key": frame["study_key"], "death_probability": chance})
    return frame, scores, truth.assign(**{f"log_hazard_{name}": value for name, value in hazard.items()})


def figure(table: pd.DataFrame, model: str, metric: str, subset: str = "all", evaluation: str = "out_of_fold"):
    """The one row that these keys name."""
    keys = ("model", model), ("metric", metric), ("subset", subset), ("evaluation", evaluation)
    for column, value in keys:
        table = table[table[column] == value]
    assert len(table) == 1, f"{len(table)} rows for {keys}"
    return table.iloc[0]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return evaluate(*cohort(), SETTINGS)


def test_every_row_is_named_once(table):
    assert not table.duplicated(["evaluation", "model", "subset", "metric"]).any()
    assert list(table.columns) == [
        "evaluation", "model", "subset", "metric", "value", "low", "high", "n", "events", "method",
    ]  # fmt: skip
    assert table["method"].str.len().gt(0).all()


def test_area_by_delong_and_by_bootstrap_agree(table):
    delong, drawn = (figure(table, "video_ehr", metric) for metric in ("auc", "auc_bootstrap"))
    assert delong["value"] == pytest.approx(drawn["value"])
    assert delong["low"] == pytest.approx(drawn["low"], abs=0.03)
    assert 0.5 < delong["low"] < delong["value"] < delong["high"] <= 1


def test_the_oracle_that_knows_most_ranks_best_and_has_all_the_headroom(table):
    soft = table[table["metric"] == "soft_auc"].set_index("model")["value"]
    assert soft.idxmax() == "oracle_all"
    assert figure(table, "oracle_all", "headroom_all")["value"] == 1.0
    assert figure(table, "oracle_heart", "headroom_heart")["value"] == 1.0
    assert 0 < figure(table, "view:apical_4", "headroom_heart")["value"] < 1


def test_both_pooled_and_fold_areas_are_given(table):
    folds = [figure(table, "ehr", "auc", f"fold {number}")["value"] for number in range(5)]
    mean = figure(table, "ehr", "auc_fold_mean")
    assert mean["value"] == pytest.approx(np.mean(folds))
    assert mean["low"] < mean["value"] < mean["high"]


def test_the_full_model_is_compared_with_each_other_one(table):
    compared = table[(table["evaluation"] == "comparison") & (table["metric"] == "delong_p")]["model"]
    others = ("view:apical_4", "ehr", "oracle_heart", "oracle_heart_age", "oracle_all")
    assert set(compared) == {f"video_ehr vs {name}" for name in others}
    gain = figure(table, "video_ehr vs ehr", "soft_auc_difference", evaluation="comparison")
    assert gain["low"] > 0
    plain, holm = (
        figure(table, "video_ehr vs ehr", name, evaluation="comparison")["value"]
        for name in ("delong_p", "delong_p_holm")
    )
    assert plain <= holm <= 2 * plain


def test_a_group_with_few_deaths_prints_no_figure(table):
    row = figure(table, "video_ehr", "auc", "setting=rare")
    assert np.isnan(row["value"])
    assert "suppressed" in row["method"]
    assert "setting=rare" not in set(table.loc[table["metric"] == "sensitivity", "subset"])
    assert figure(table, "video_ehr", "auc", "sex=F")["value"] > 0.5


@pytest.mark.parametrize("metric", ["sensitivity", "specificity"])
def test_a_gap_is_the_highest_less_the_lowest_of_the_groups_that_are_shown(table, metric):
    shown = table[(table["metric"] == metric) & (table["model"] == "video_ehr")].set_index("subset")["value"]
    for variable in ("sex", "setting"):
        groups = shown[shown.index.str.startswith(f"{variable}=")]
        gaps = table[(table["metric"] == f"{metric}_gap") & (table["subset"] == variable)].set_index("model")
        if len(groups) < 2:
            assert gaps.empty, "the other groups are suppressed"
            continue
        gap = gaps.loc["video_ehr"]
        assert gap["value"] == pytest.approx(groups.max() - groups.min())
        assert gap["value"] >= 0 and gap["low"] <= gap["value"] <= gap["high"]


def test_a_planted_gap_is_found_and_a_planted_null_is_not():
    """Scores of one group are noise: its deaths are found less often. In the other archive nothing differs."""
    frame, scores, _ = cohort()
    other = frame.set_index("study_key")["sex"].eq("F")
    random = np.random.default_rng(3)
    spoilt = scores.copy()
    here = other.reindex(spoilt["study_key"]).to_numpy()
    spoilt.loc[here, "logit"] = random.permutation(spoilt.loc[here, "logit"])
    lows = [
        figure(evaluate(frame, given, None, SETTINGS), "video_ehr", "sensitivity_gap", "sex")["low"]
        for given in (spoilt, scores)
    ]
    assert lows[0] > 0.1 and lows[1] < 0, "chance may have it the other way round"


def test_a_planted_gap_has_a_small_p_and_a_null_has_not():
    frame, scores, _ = cohort()
    spoilt = scores.copy()
    here = frame.set_index("study_key")["sex"].eq("F").reindex(spoilt["study_key"]).to_numpy()
    spoilt.loc[here, "logit"] = np.random.default_rng(3).permutation(spoilt.loc[here, "logit"])
    found, null = (evaluate(frame, given, None, SETTINGS) for given in (spoilt, scores))
    assert figure(found, "video_ehr", "sensitivity_gap_p", "sex")["value"] < 0.01
    assert figure(null, "video_ehr", "sensitivity_gap_p", "sex")["value"] > 0.05
    assert "view:apical_4" not in set(found.loc[found["metric"] == "sensitivity_gap_p", "model"])


def test_the_risks_of_a_group_have_calibration_and_net_benefit(table):
    for metric in ("observed_expected", "calibration_in_the_large", "ici", "net_benefit"):
        assert np.isfinite(figure(table, "video_ehr", metric, "sex=F", "recalibrated")["value"])
        rare = table[(table["metric"] == metric) & (table["subset"] == "setting=rare")]
        assert rare.empty, "suppressed"


def test_recalibrated_figures_stand_beside_the_raw_ones(table):
    raw, mended = (
        figure(table, "view:apical_4", "calibration_slope", evaluation=name) for name in ("out_of_fold", "recalibrated")
    )
    assert abs(mended["value"] - 1) < abs(raw["value"] - 1)


def test_a_model_is_judged_on_its_own_rows_and_compared_on_common_ones():
    frame, scores, truth = cohort()
    partial = scores["model"].eq("ehr") & scores["study_key"].isin(frame["study_key"][:100])
    table = evaluate(frame, scores[~partial], truth, SETTINGS)
    assert figure(table, "ehr", "coverage")["value"] == 0.75
    assert figure(table, "ehr", "auc")["n"] == 300
    assert figure(table, "video_ehr", "auc")["n"] == 400
    assert figure(table, "video_ehr vs ehr", "auc_difference", evaluation="comparison")["n"] == 300


def test_censored_studies_count_in_the_ipcw_figures_alone():
    frame, scores, _ = cohort()
    censored = frame["study_key"].isin(frame["study_key"][:50])
    frame.loc[censored, ["label", "days", "event"]] = [pd.NA, 100, False]
    table = evaluate(frame, scores, None, SETTINGS)
    assert figure(table, "ehr", "auc")["n"] == 350
    assert figure(table, "ehr", "ipcw_auc")["n"] == 400
    assert not table["metric"].str.startswith(("soft", "headroom")).any()


def test_only_the_headline_study_of_a_patient_counts():
    frame, scores, truth = cohort()
    again = frame.assign(study_key=frame["study_key"] + "b")
    both = pd.concat([frame.assign(headline=True), again.assign(headline=False)])
    assert figure(evaluate(both, scores, truth, SETTINGS), "ehr", "auc")["n"] == STUDIES
    with pytest.raises(ValueError, match="one study a patient"):
        evaluate(pd.concat([frame, again]), scores, truth, SETTINGS)


def test_several_clips_of_a_study_are_averaged_before_scoring():
    frame, scores, truth = cohort()
    twice = pd.concat([scores.assign(logit=scores["logit"] - 0.7), scores.assign(logit=scores["logit"] + 0.7)])
    first, second = (figure(evaluate(frame, given, truth, SETTINGS), "ehr", "auc") for given in (scores, twice))
    assert first["value"] == second["value"]


def test_decisions_and_calibration_learn_from_the_scores_that_left_out_the_fold_too():
    frame, scores, truth = cohort()
    ehr = scores[scores["model"] == "ehr"]
    same = ehr.assign(without=[[logit] * 5 for logit in ehr["logit"]])
    opposite = ehr.assign(without=[[-logit] * 5 for logit in ehr["logit"]])
    plain, equal, inverted = (evaluate(frame, given, truth, SETTINGS) for given in (ehr, same, opposite))
    refits = equal["metric"].str.startswith("refit_")
    assert (equal.loc[refits, "value"] == 0).all()
    pd.testing.assert_frame_equal(plain, equal[~refits].reset_index(drop=True))
    assert figure(inverted, "ehr", "auc")["value"] == figure(plain, "ehr", "auc")["value"]
    assert figure(inverted, "ehr", "calibration_slope", evaluation="recalibrated")["value"] < 0
    assert figure(inverted, "ehr", "specificity")["value"] != figure(plain, "ehr", "specificity")["value"]


def test_a_score_made_inside_its_own_fold_is_refused():
    frame, scores, truth = cohort()
    with pytest.raises(ValueError, match="held out"):
        evaluate(frame, scores.assign(fold=(scores["fold"] + 1) % 5), truth, SETTINGS)


def test_a_model_that_scored_none_of_the_studies_is_named():
    frame, scores, _ = cohort()
    strange = scores[scores["model"] == "ehr"].assign(model="mine", study_key=lambda rows: "study " + rows["study_key"])
    with pytest.raises(ValueError, match="no study that mine scored"):
        evaluate(frame, pd.concat([scores, strange]))


def test_a_ten_year_score_ranks_but_is_not_calibrated():
    frame, scores, truth = cohort()
    ehr = scores[scores["model"] == "ehr"]
    table = evaluate(frame, ehr.assign(model="pce"), truth, SETTINGS)
    row = figure(table, "pce", "calibration_slope")
    assert np.isnan(row["value"])
    assert row["method"].startswith("not applicable")
    assert not table["metric"].eq("brier").any()
    assert figure(table, "pce", "auc")["value"] > 0.5


def test_one_class_is_reported_not_a_crash():
    frame, scores, truth = cohort()
    table = evaluate(frame.assign(label=0, event=False), scores, truth, SETTINGS)
    assert figure(table, "ehr", "coverage")["value"] == 1.0
    assert table.loc[table["metric"].eq("auc"), "value"].isna().all()
    assert figure(table, "cohort", "prevalence")["value"] == 0.0


@pytest.mark.parametrize("deaths", [4, 9])
def test_with_few_deaths_no_model_has_a_figure_and_none_is_compared(deaths):
    """Every kind of model, the oracles too: counts and shares of patients are all that is left."""
    frame, scores, truth = cohort()
    died = np.flatnonzero(frame["label"] == 1)[:deaths]
    few = pd.concat([frame.iloc[died], frame[frame["label"] == 0].head(60)])
    table = evaluate(few, scores, truth, SETTINGS)
    of_models = table[~table["model"].eq("cohort") & ~table["metric"].eq("coverage")]
    assert {"ehr", "video_ehr", "oracle_all"} <= set(of_models["model"])
    assert of_models["value"].isna().all() and set(of_models["metric"]) == {"auc"}
    assert set(of_models["method"]) == {"no result: fewer than 10 deaths or survivors"}
    assert set(of_models["events"]) == {deaths}, "the count is kept"


def test_a_missing_column_is_named():
    frame, scores, truth = cohort()
    with pytest.raises(ValueError, match="days"):
        evaluate(frame.drop(columns="days"), scores, truth, SETTINGS)
    for column, words in (("model", "the scores lack model"), ("logit", "the scores lack logit or score")):
        with pytest.raises(ValueError, match=words):
            evaluate(frame, scores.drop(columns=column), truth, SETTINGS)


@pytest.mark.parametrize(
    ("trainings", "margin", "method"),
    [
        (1, 0, "smallest to largest of 1 training on permuted labels"),
        (39, 0.05, "smallest to largest of 39 trainings on permuted labels"),
        (41, 0.0475, "percentiles 2.5 to 97.5 of 41 trainings on permuted labels"),
    ],
)
def test_the_permuted_null_is_a_mean_and_its_limits_are_called_what_they_are(trainings, margin, method):
    areas = np.linspace(0.45, 0.55, trainings) if trainings > 1 else [0.5]
    row = figure(permuted_null_rows([(one, 0.1) for one in areas], 400, 120), "permuted_null", "auc", evaluation="null")
    assert row[["value", "low", "high"]].tolist() == pytest.approx([0.5, 0.5 - margin, 0.5 + margin])
    assert row["method"] == method


def test_the_errors_of_permutations_are_summed_as_squares():
    rows = permuted_null_rows([(0.4, 0.03), (0.5, 0.04), (0.6, 0.05)], 400, 120)
    row = figure(rows, "permuted_null", "auc_chance_error", evaluation="null")
    assert row["value"] == pytest.approx((0.005 / 3) ** 0.5)


def test_a_permutation_without_an_auc_is_refused():
    with pytest.raises(ValueError, match="an AUC and an error a permutation"):
        permuted_null_rows([], 400, 120)


def test_every_figure_is_of_a_metric_that_a_family_declares(table):
    declared = {metric.name for family in metric_families().values() for metric in family.metrics}
    assert set(table["metric"]) <= declared
