"""What models add to age and sex: found where it was planted, and not found where it was not."""

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation import brier, evaluate, net_benefit, recalibrated_risks
from echomort.evaluation.benefit import benefits
from echomort.evaluation.metrics.added_value import ADDED_VALUE
from echomort.evaluation.metrics.comparisons import holm_family
from echomort.settings import Evaluation
from echomort.vocabulary.baselines import AGE_SEX, AGE_SEX_LVEF

SETTINGS = Evaluation(bootstrap=300)
STUDIES = 600


def people(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return an evaluation frame, and what drives death: age, and the heart."""
    random = np.random.default_rng(seed)
    age, heart = random.normal(size=(2, STUDIES))
    died = random.random(STUDIES) < 1 / (1 + np.exp(1.2 - 0.8 * age - 1.2 * heart))
    keys = np.arange(STUDIES)
    frame = pd.DataFrame({"study_key": keys, "patient_key": keys, "fold": keys % 5, "label": died.astype(int)})
    return frame.assign(days=np.where(died, 100, 400), event=died), age, heart


def scores(frame: pd.DataFrame, **logits: np.ndarray) -> pd.DataFrame:
    names = {"age_sex": AGE_SEX, "age_sex_lvef": AGE_SEX_LVEF}
    rows = [
        frame[["study_key", "fold"]].assign(model=names.get(name, name), logit=logit) for name, logit in logits.items()
    ]
    return pd.concat(rows)


def differences(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows of ``metric`` by (pair, subset)."""
    rows = metrics[(metrics["evaluation"] == "comparison") & (metrics["metric"] == metric)]
    return rows.set_index(["model", "subset"])


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    """One model that knows the heart too, one that knows nothing more than age."""
    frame, age, heart = people()
    made = scores(frame, age_sex=0.8 * age - 1, video_ehr=0.8 * age + 1.2 * heart - 1.2, ehr=1.6 * age - 3)
    return evaluate(frame, made, None, SETTINGS)


@pytest.mark.parametrize("metric", ["auc_difference", "auc_difference_bootstrap", "ipa_difference"])
def test_what_the_heart_adds_is_found(planted, metric):
    row = differences(planted, metric).loc[f"video_ehr vs {AGE_SEX}", "all"]
    assert 0.05 < row["low"] < row["value"] < row["high"]
    assert (row["n"], row["events"]) == (STUDIES, people()[0]["label"].sum())


def test_what_the_heart_adds_is_found_in_the_net_benefit(planted):
    rows = differences(planted, "net_benefit_difference").loc[f"video_ehr vs {AGE_SEX}"]
    assert list(rows.index) == [f"threshold {one:.2f}" for one in (0.05, 0.1, 0.2, 0.3)]
    assert (rows.loc[["threshold 0.20", "threshold 0.30"], "low"] > 0).all()
    assert (rows["low"] <= rows["value"]).all() and (rows["value"] <= rows["high"]).all()


def test_a_model_that_ranks_as_age_does_adds_nothing(planted):
    pair = f"ehr vs {AGE_SEX}"
    assert differences(planted, "auc_difference").loc[pair, "all"]["value"] == 0
    for metric in ("ipa_difference", "net_benefit_difference"):
        rows = differences(planted, metric).loc[pair]
        assert ((rows["low"] <= 1e-12) & (rows["high"] >= -1e-12)).all(), "a change of scale is undone by recalibration"


def test_noise_on_top_of_age_adds_nothing_in_almost_every_archive():
    """A model of age and a coin: over 20 archives the intervals may exclude 0 above it once or twice by chance."""
    above = {"auc_difference": 0, "ipa_difference": 0, "net_benefit_difference": 0}
    for seed in range(20):
        frame, age, _ = people(seed)
        coin = np.random.default_rng(100 + seed).normal(size=STUDIES)
        made = scores(frame, age_sex=0.8 * age - 1, all_views=0.8 * age + 0.1 * coin - 1)
        metrics = evaluate(frame, made, None, SETTINGS.model_copy(update={"bootstrap": 100}))
        for metric in above:
            rows = differences(metrics, metric)
            above[metric] += int((rows["low"] > 0).sum())
    assert above["auc_difference"] <= 2 and above["ipa_difference"] <= 2
    assert above["net_benefit_difference"] <= 8, "of 80"


def test_the_differences_are_those_of_the_recalibrated_risks(planted):
    frame, age, heart = people()
    died, fold = frame["label"], frame["fold"]
    full, plain = (recalibrated_risks(died, logit, fold) for logit in (0.8 * age + 1.2 * heart - 1.2, 0.8 * age - 1))
    saved = (brier(died, plain) - brier(died, full)) / (died.mean() * (1 - died.mean()))
    pair = f"video_ehr vs {AGE_SEX}"
    assert differences(planted, "ipa_difference").loc[pair, "all"]["value"] == pytest.approx(saved)
    gained = net_benefit(died, full, 0.2) - net_benefit(died, plain, 0.2)
    assert differences(planted, "net_benefit_difference").loc[pair, "threshold 0.20"]["value"] == pytest.approx(gained)


def test_models_are_compared_on_the_patients_that_both_scored():
    frame, age, heart = people()
    made = scores(frame, age_sex=age, age_sex_lvef=age + 0.1 * heart, video_ehr=age + heart)
    partial = made[~((made["model"] == "video_ehr") & (made["study_key"] < 100))]
    metrics = evaluate(frame, partial, None, SETTINGS)
    assert set(differences(metrics, "ipa_difference")["n"]) == {STUDIES - 100}
    family = differences(metrics, "delong_p_holm").loc[f"video_ehr vs {AGE_SEX_LVEF}", "all"]["method"]
    assert holm_family(family) == (ADDED_VALUE, 2)


def test_the_benefit_of_a_row_is_a_death_treated_or_the_odds_of_a_survivor_treated():
    found = benefits([1, 1, 0, 0], [0.3, 0.1, 0.3, 0.1], 0.2)
    assert found.tolist() == [1, 0, -0.25, 0]
    assert net_benefit([1, 1, 0, 0], [0.3, 0.1, 0.3, 0.1], 0.2) == found.mean()
