"""Figures that allow for censoring, on patients whose whole lives are known and whose follow-up is cut at random."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation import evaluate
from echomort.evaluation.metrics.censoring import LOST_DIE, day_subset, lost_subset, risk_subset
from echomort.settings import Evaluation

SETTINGS = Evaluation(bootstrap=100)
STUDIES = 6000


def lives(seed=0, censored=True):
    """Frame and scores of a model that knows each patient's true risk within 365 days; exponential lives, and follow-up
    that is cut without regard to them."""
    random = np.random.default_rng(seed)
    risk = 1 / (1 + np.exp(-random.normal(-1, 1, STUDIES)))
    death = np.floor(random.exponential(-365 / np.log(1 - risk)))
    end = np.floor(random.uniform(100, 1500, STUDIES)) if censored else np.full(STUDIES, 5000.0)
    days, event = np.minimum(death, end), death <= end
    label = np.where(event & (days <= 365), 1.0, np.where(days >= 365, 0.0, np.nan))
    keys = [f"s{number}" for number in range(STUDIES)]
    frame = pd.DataFrame({"study_key": keys, "patient_key": keys, "fold": np.arange(STUDIES) % 5, "label": label})
    frame = frame.assign(days=days, event=event)
    logit = np.log(risk / (1 - risk))
    scores = frame[["study_key", "fold"]].assign(model="ehr", logit=logit)
    return frame, scores


def value(table, metric, subset="all", evaluation="out_of_fold", model="ehr"):
    keys = {"metric": metric, "subset": subset, "evaluation": evaluation, "model": model}
    found = table
    for column, wanted in keys.items():
        found = found[found[column] == wanted]
    assert len(found) == 1, keys
    return found.iloc[0]["value"]


@pytest.fixture(scope="module")
def cut():
    return evaluate(*lives(), None, SETTINGS)


@pytest.fixture(scope="module")
def whole():
    return evaluate(*lives(censored=False), None, SETTINGS)


def test_weighting_gives_what_whole_follow_up_would(cut, whole):
    for day in ("all", *map(day_subset, (90, 180, 270))):
        assert value(cut, "ipcw_auc", day) == pytest.approx(value(whole, "ipcw_auc", day), abs=0.012)
        for metric in ("ipcw_brier", "ipcw_ipa"):
            of_cut, of_whole = (value(one, metric, day, "recalibrated") for one in (cut, whole))
            assert of_cut == pytest.approx(of_whole, abs=0.012)
    assert value(whole, "ipcw_auc") == pytest.approx(value(whole, "auc"), abs=1e-12)


def test_labelled_patients_die_too_often_and_kaplan_meier_does_not(cut, whole):
    true = value(whole, "prevalence", model="cohort")
    assert value(cut, "prevalence", model="cohort") > true + 0.02
    assert value(cut, "death_share", model="cohort") == pytest.approx(true, abs=0.012)
    assert value(whole, "lost", model="cohort") == 0 < value(cut, "lost", model="cohort")


def test_a_model_of_true_risks_expects_the_deaths_of_kaplan_meier_in_every_group(cut, whole):
    for subset in ("all", *(risk_subset(group) for group in range(1, 6))):
        found = value(cut, "death_share", subset)
        assert found == pytest.approx(value(whole, "death_share", subset), abs=0.025)
        assert found == pytest.approx(value(cut, "expected_share", subset), abs=0.05)  # 1,200 patients a group
    groups = [value(cut, "expected_share", risk_subset(group)) for group in range(1, 6)]
    assert groups == sorted(groups)


def test_the_bounds_hold_the_truth_and_grow_with_the_deaths_that_are_assumed(cut, whole):
    shares = [value(cut, "death_share_if_lost", lost_subset(share), model="cohort") for share in LOST_DIE]
    assert shares == sorted(shares)
    assert shares[0] < value(whole, "prevalence", model="cohort") < shares[-1]
    frame, _ = lives()
    died, lost = (frame["label"] == 1).mean(), frame["label"].isna().mean()
    assert shares == pytest.approx([died + lost * share for share in LOST_DIE])
    areas = [value(cut, "auc_if_lost", lost_subset(share)) for share in LOST_DIE]
    assert areas[0] != areas[-1] and all(0.5 < area < 1 for area in areas)


def test_a_day_that_the_data_do_not_reach_has_no_figure(cut):
    assert not (cut["subset"] == day_subset(1826)).any()


def test_ipa_against_r():
    """R riskRegression 2022.11.28, ``Score(..., summary = "ipa", cens.model = "km")`` at 365 days."""
    known = pd.read_csv(Path(__file__).parents[1] / "data" / "clinical_evalset.csv")
    keys = [f"s{number}" for number in range(len(known))]
    label = np.where((known["e"] == 1) & (known["t"] <= 365), 1.0, np.where(known["t"] > 365, 0.0, np.nan))
    frame = pd.DataFrame({"study_key": keys, "patient_key": keys, "fold": np.arange(len(keys)) % 5, "label": label})
    frame = frame.assign(days=known["t"], event=known["e"] == 1)
    scores = pd.concat(
        frame[["study_key", "fold"]].assign(model=model, logit=np.log(known[column] / (1 - known[column])))
        for model, column in (("ehr", "pa"), ("video_ehr", "pb"))
    )
    table = evaluate(frame, scores, None, SETTINGS)
    assert value(table, "ipcw_ipa") == pytest.approx(0.1114015901479, abs=1e-9)
    assert value(table, "ipcw_ipa", model="video_ehr") == pytest.approx(-0.0213311013266, abs=1e-9)
    assert value(table, "death_share", model="cohort") == pytest.approx(1 - 0.754903918908, abs=1e-11)


def test_the_figures_use_one_study_a_patient_drawn_among_all_that_are_followed():
    frame, scores = lives()
    again = frame.assign(study_key=frame["study_key"] + "b", label=np.nan, days=10.0, event=False)
    first = frame.assign(headline=frame["label"].notna(), followed_headline=False)
    both = pd.concat([first, again.assign(headline=False, followed_headline=True)])
    twice = pd.concat([scores, scores.assign(study_key=scores["study_key"] + "b")])
    table = evaluate(both, twice, None, SETTINGS)
    assert value(table, "lost", model="cohort") == STUDIES
    assert value(table, "auc") == pytest.approx(value(evaluate(frame, scores, None, SETTINGS), "auc"))


def test_a_model_that_scored_no_followed_study_keeps_its_other_figures():
    frame, scores = lives()
    again = frame.assign(study_key=frame["study_key"] + "b", headline=False, followed_headline=True)
    both = pd.concat([frame.assign(headline=frame["label"].notna(), followed_headline=False), again])
    table = evaluate(both, scores, None, SETTINGS)
    assert value(table, "auc") > 0.5
    assert not table["metric"].str.startswith("ipcw").any()


def test_a_death_in_an_incomplete_window_is_counted_where_it_is_used():
    frame, scores = lives()
    died = frame["event"] & (frame["days"] <= 365)
    unlabelled = died & (frame.index % 3 == 0)
    table = evaluate(frame.assign(label=frame["label"].mask(unlabelled)), scores, None, SETTINGS)
    row = table[(table["model"] == "ehr") & (table["subset"] == "all") & (table["evaluation"] == "out_of_fold")]
    events = row.set_index("metric")["events"]
    assert events["ipcw_auc"] == died.sum() and events["auc"] == (died & ~unlabelled).sum()
