"""The gate: what is served decides, on the sealed set, against the champion and against a reference that stays."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from echomort.champion.gate import Comparison, Decision, Difference, Judged, compare, decide, judge
from echomort.champion.promotion import promote
from echomort.champion.store import add_to_history, champion_name, read_history, read_pointer
from echomort.evaluation.interval import Interval
from echomort.models.platt import sigmoid
from echomort.settings import Evaluation, Promotion

RULES, LEAST = Promotion(), Evaluation().suppress_below_events
EQUAL = Comparison(patients=200, deaths=60, difference=0.0, low=-0.01, high=0.01, clearly_better=False)
GOOD = Judged(
    patients=200,
    deaths=60,
    auc=Interval(0.8, 0.74, 0.86, ""),
    slope=Interval(1.0, 0.8, 1.2, ""),
    in_the_large=Interval(0.0, -0.2, 0.2, ""),
    champion=EQUAL,
    reference=EQUAL,
)
NAN = float("nan")
HARMLESS = {"sex=female": Difference(90, 30, -0.09, 0.01), "sex=male": Difference(110, 30, -0.02, -0.01)}
"""A group that may be worse by chance, and one that is worse by less than the margin."""


def decided(judged, rules=RULES):
    return decide(judged, rules, LEAST)


def sealed(patients=400, seed=0):
    """Patients whose log odds are known, with a group that is drawn at random."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(-1, 1.3, patients)
    died = (random.uniform(size=patients) < sigmoid(log_odds)).astype(float)
    keys = [f"s{number}" for number in range(patients)]
    frame = pd.DataFrame({"study_key": keys, "patient_key": keys, "label": died, "headline": True})
    return frame.assign(sex=random.choice(["female", "male"], patients)), log_odds


def risks(frame, log_odds):
    return dict(zip(frame["study_key"], sigmoid(log_odds).tolist(), strict=True))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reference": replace(EQUAL, low=-0.03)}, "lower than the reference's by 0.030, promotion.margin is 0.02"),
        ({"reference": replace(EQUAL, low=NAN)}, "lower than the reference's"),
        ({"champion": replace(EQUAL, difference=-0.02, high=-0.001)}, "worse than the champion's by 0.020"),
        ({"champion": replace(EQUAL, high=NAN)}, "worse than the champion's"),
        ({"champion": replace(EQUAL, groups={"sex=female": Difference(90, 30, -0.09, -0.01)})}, "0.090 in sex=female"),
        ({"deaths": 9}, "9 deaths and 191 survivors"),
        ({"deaths": 195}, "195 deaths and 5 survivors"),
        ({"slope": Interval(0.4, 0.3, 0.5, "")}, "slope 0.40 (0.30 to 0.50)"),
        ({"slope": Interval(2.0, 1.7, 2.3, "")}, "slope 2.00"),
        ({"slope": Interval(NAN, NAN, NAN, "")}, "slope can't be estimated"),
        ({"in_the_large": Interval(-0.9, -1.1, -0.7, "")}, "in-the-large -0.90"),
    ],
)
def test_a_candidate_with_a_fault_is_not_promoted_and_the_fault_is_named(changes, reason):
    decision = decided(replace(GOOD, **changes), RULES)
    assert not decision.promoted
    assert any(reason in line for line in decision.reasons)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"slope": Interval(0.5, 0.3, 0.7, "")},  # a small set does not show that it is out of bounds
        {"champion": replace(EQUAL, groups=HARMLESS)},
        {"champion": None, "reference": None},
    ],
)
def test_a_candidate_without_a_fault_is_promoted(changes):
    assert decided(replace(GOOD, **changes), RULES).promoted


def test_every_fault_is_named_at_once():
    worst = Comparison(patients=2, deaths=1, difference=-0.3, low=-0.4, high=-0.2, clearly_better=False)
    judged = Judged(2, 1, GOOD.auc, Interval(3, 2, 4, ""), Interval(2, 1, 3, ""), worst, worst)
    assert len(decide(judged, RULES, LEAST, ["a suspicion"]).reasons) == 6


def test_a_first_champion_has_a_bar_which_a_trial_may_take_away():
    alone = replace(GOOD, champion=None, reference=None)
    chance = replace(alone, auc=Interval(0.55, 0.47, 0.63, ""))
    assert decided(alone, RULES) == Decision(True, decided(alone, RULES).reasons, is_reference=True)
    assert "as low as 0.470, promotion.first_auc is 0.5" in decided(chance, RULES).reasons[0]
    assert not decided(replace(alone, deaths=2), RULES).promoted
    assert decided(replace(chance, deaths=2), RULES.model_copy(update={"first_auc": None})).promoted
    assert not decided(replace(GOOD, deaths=2), RULES.model_copy(update={"first_auc": None})).promoted


def test_no_area_of_a_handful_of_deaths_is_among_the_reasons():
    """A trial may promote a model without a bar: of so few deaths the AUC is no result."""
    trial = replace(GOOD, champion=None, reference=None, patients=20, deaths=4)
    decision = decided(trial, RULES.model_copy(update={"first_auc": None}))
    assert decision.promoted and "no AUC, too few deaths (4), on 20 sealed patients, 4 deaths" in decision.reasons[0]
    assert "0." not in decision.reasons[0]


FEW = replace(EQUAL, patients=20, deaths=4, difference=-0.3, low=-0.4, high=-0.2, groups={
    "sex=female": Difference(10, 3, -0.31, -0.21),
})  # fmt: skip
BAD = Interval(3.3, 2.2, 4.4, "")


def test_where_few_deaths_may_decide_no_reason_quotes_a_figure_of_them():
    """A site may let three deaths decide: what they decide is said, and no figure of them is."""
    rules = Promotion(minimum_deaths=3)
    against = Judged(20, 4, BAD, BAD, BAD, FEW, FEW)
    against_first = replace(GOOD, patients=20, deaths=4, auc=Interval(0.5, 0.4, 0.6, ""), champion=None, reference=None)
    in_favour = replace(GOOD, patients=20, deaths=4, champion=replace(FEW, high=0.2, groups={}), reference=None)
    said = [reason for one in (against, against_first, in_favour) for reason in decided(one, rules).reasons]
    assert decided(in_favour, rules).promoted
    assert said == [
        "calibration slope is outside promotion's bounds",
        "calibration-in-the-large is outside promotion's bounds",
        "AUC worse than the champion's",
        "AUC worse than the champion's in sex=female, promotion.group_margin is 0.05",
        "AUC may be lower than the reference's, promotion.margin is 0.02",
        "the AUC is not shown to be higher, promotion.first_auc is 0.5",
        "no AUC, too few deaths (4), on 20 sealed patients, 4 deaths and 16 survivors",
    ]


def test_a_small_group_or_comparison_among_many_patients_has_no_figure_either():
    small = replace(EQUAL, groups=FEW.groups)
    assert decided(replace(GOOD, champion=small)).reasons[0].startswith("AUC worse than the champion's in sex=female,")
    assert "by 0.400" not in str(decided(replace(GOOD, reference=FEW)).reasons)


def test_what_can_not_be_compared_is_judged_by_the_bar_and_the_record_says_so():
    why = "not compared with the champion abc: no sealed patient has a risk by both"
    judged = replace(GOOD, champion=None, reference=None, not_compared=why)
    assert decided(judged, RULES).reasons[-1] == why
    assert not decided(replace(judged, auc=Interval(0.5, 0.4, 0.6, "")), RULES).promoted
    assert not decided(judged, RULES.model_copy(update={"first_auc": None})).promoted, (
        "a champion stands, no bar decides"
    )


def test_the_reference_moves_only_to_what_is_clearly_better(tmp_path):
    for name in "abc":
        (tmp_path / "candidates" / name).mkdir(parents=True)
        (tmp_path / "candidates" / name / "manifest.json").write_text("{}")
    promote(tmp_path, "a", decided(replace(GOOD, champion=None, reference=None)))
    promote(tmp_path, "b", decided(GOOD))
    assert (champion_name(tmp_path), read_pointer(tmp_path).reference) == ("b", "a")
    promote(tmp_path, "c", decided(replace(GOOD, reference=replace(EQUAL, low=0.01, clearly_better=True))))
    assert (champion_name(tmp_path), read_pointer(tmp_path).reference) == ("c", "c")


def test_what_is_served_is_judged():
    frame, log_odds = sealed()
    judged = judge(frame, risks(frame, log_odds))
    assert judged.slope.low < 1 < judged.slope.high
    assert judged.in_the_large.low < 0 < judged.in_the_large.high
    assert decided(judged, RULES).promoted
    assert any(
        "in-the-large" in reason for reason in decided(judge(frame, risks(frame, log_odds + 1.5)), RULES).reasons
    )
    assert any("slope" in reason for reason in decided(judge(frame, risks(frame, 3 * log_odds + 2)), RULES).reasons)


def test_two_models_are_compared_on_the_patients_that_both_scored_and_in_groups_that_are_large_enough():
    frame, log_odds = sealed()
    frame["race"] = np.where(np.arange(len(frame)) < 12, "asian", None)
    noisy = log_odds + np.random.default_rng(1).normal(0, 1.5, len(log_odds))
    other = dict(list(risks(frame, noisy).items())[50:])
    found = compare(frame, risks(frame, log_odds), other, RULES)
    assert found.patients == 350 == len(other)
    assert found.difference > 0.03 and found.low > 0
    assert set(found.groups) == {"sex=female", "sex=male"}
    assert sum(one.patients for one in found.groups.values()) == 350
    assert sum(one.deaths for one in found.groups.values()) == found.deaths
    same = compare(frame, other, other, RULES)
    assert (same.difference, same.low, same.high, same.clearly_better) == (0, 0, 0, False)
    assert compare(frame, risks(frame, log_odds), {"elsewhere": 0.3}, RULES) is None


@pytest.mark.parametrize("died", [0, 1])
def test_a_sealed_set_with_one_outcome_or_nobody_refuses_and_does_not_crash(died):
    frame, log_odds = sealed(20)
    frame["label"] = float(died)
    assert not decided(judge(frame, risks(frame, log_odds)), RULES).promoted
    nobody = judge(frame.iloc[:0], {})
    assert "0 deaths and 0 survivors" in decided(nobody, RULES).reasons[0]
    json.dumps(nobody.as_record(), allow_nan=False)


def test_a_decision_is_added_once_however_often_a_run_is_repeated(tmp_path):
    tmp_path.joinpath("registry").mkdir()
    first = {"candidate": "a", "promoted": True, "reasons": ("x",)}
    for decision in (first, first, first | {"candidate": "b"}, first):
        add_to_history(tmp_path / "registry", decision)
    assert [one["candidate"] for one in read_history(tmp_path / "registry")] == ["a", "b", "a"]
