"""A finished model on new patients: planted miscalibration and a planted bad site are found, and nothing else."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation.inputs import expit
from echomort.evaluation.metrics.censoring import risk_groups
from echomort.evaluation.recalibration import rung_risks
from echomort.evaluation.validation import CLUSTERS, validate, validation_folds
from echomort.report.numbers import Numbers
from echomort.settings import Evaluation
from echomort.vocabulary.metric_table import OUT_OF_FOLD, RECALIBRATED, SHIFTED
from echomort.vocabulary.model_names import CHAMPION

SETTINGS = Evaluation(bootstrap=100)


def archive(seed=0, n=2400, shift=0.0, bad_site=False):
    """A frame of patients at eight sites, and the champion's log odds, which are true but for ``shift``; at site 4 they
    may mean nothing."""
    random = np.random.default_rng(seed)
    truth = random.normal(-1.2, 1.3, n)
    frame = pd.DataFrame(
        {
            "study_key": [f"{number:032x}" for number in range(n)],
            "patient_key": [f"{number + n:032x}" for number in range(n)],
            "label": (random.random(n) < expit(truth)).astype(float),
            "site": [f"site {1 + number % 8}" for number in range(n)],
            "vendor": "philips",
            "year": [str(2015 + number % 5) for number in range(n)],
            "sex": random.choice(["female", "male"], n),
        }
    )
    frame["event"] = frame["label"] == 1
    frame["days"] = np.where(frame["event"], random.integers(1, 365, n), 500)
    logit = truth + shift
    if bad_site:
        at = (frame["site"] == "site 4").to_numpy()
        logit[at] = random.permutation(logit[at])
    return frame, pd.DataFrame({"study_key": frame["study_key"], "model": CHAMPION, "logit": logit})


def numbers(found):
    return Numbers(found.rows, 10)


def test_a_calibrated_model_stays_and_every_site_is_alike():
    found = validate(*archive(), SETTINGS, 365)
    shown = numbers(found)
    slope = shown.get(CHAMPION, "calibration_slope")
    assert found.ladder.advised == OUT_OF_FOLD and slope.low <= 1 <= slope.high
    mean, further = (shown.get(CHAMPION, f"{name}_auc", "site") for name in ("mean", "next"))
    assert mean.low <= shown.auc(CHAMPION).value <= mean.high and further.low > 0.65


def test_a_shift_is_found_and_its_rung_mends_it():
    found = validate(*archive(shift=-0.9), SETTINGS, 365)
    shown = numbers(found)
    assert found.ladder.advised == SHIFTED and found.ladder.shift.value == pytest.approx(0.9, abs=0.25)
    served, mended = (shown.get(CHAMPION, "observed_expected", evaluation=rung) for rung in (OUT_OF_FOLD, SHIFTED))
    assert served.low > 1.3 and mended.value == pytest.approx(1, abs=0.02)
    errors = [shown.get(CHAMPION, "brier", evaluation=rung).value for rung in (OUT_OF_FOLD, SHIFTED, RECALIBRATED)]
    assert errors[1] < errors[0] and abs(errors[2] - errors[1]) < 0.002
    gains = [shown.get(CHAMPION, "net_benefit", "threshold 0.20", rung).value for rung in (OUT_OF_FOLD, SHIFTED)]
    assert gains[1] > gains[0]


def test_a_site_where_the_model_means_nothing_shows():
    shown = numbers(validate(*archive(bad_site=True), SETTINGS, 365))
    assert shown.get(CHAMPION, "auc", "site=site 4").high < shown.get(CHAMPION, "auc", "site=site 1").low
    assert shown.get(CHAMPION, "auc_tau", "site").value > 0.2
    assert shown.get(CHAMPION, "next_auc", "site").low < 0.6


@pytest.mark.parametrize("missing", [0, 30])
def test_one_vendor_makes_no_group(missing):
    frame, scores = archive()
    frame.loc[frame.index[:missing], "vendor"] = None
    rows = validate(frame, scores, SETTINGS, 365).rows
    groups = {subset.partition("=")[0] for subset in rows["subset"] if "=" in subset}
    assert groups == {"site", "year", "sex"} and "vendor" in CLUSTERS


def test_a_small_site_is_withheld():
    frame, scores = archive()
    frame["site"] = np.where(np.arange(len(frame)) < 12, "site 9", frame["site"])
    shown = numbers(validate(frame, scores, SETTINGS, 365))
    assert shown.get(CHAMPION, "auc", "site=site 9").is_suppressed
    beside = [one for one in range(1, 9) if shown.get(CHAMPION, "auc", f"site=site {one}").is_suppressed]
    assert len(beside) == 1, "without the smallest other, subtraction would tell how many of site 9 died"


def test_those_who_are_lost_count_in_the_weighted_figures():
    frame, scores = archive()
    lost = np.random.default_rng(1).random(len(frame)) < 0.3
    frame.loc[lost, "days"] = np.minimum(frame.loc[lost, "days"], 100)
    still = lost & ~((frame["event"]) & (frame["days"] < 100)).to_numpy()
    frame.loc[still, ["label", "event"]] = [np.nan, False]
    frame["headline"], frame["followed_headline"] = frame["label"].notna(), True
    shown = numbers(validate(frame, scores, SETTINGS, 365))
    assert shown.auc(CHAMPION).n == int(frame["label"].notna().sum())
    assert shown.get(CHAMPION, "ipcw_auc").n == len(frame)


def test_each_part_has_about_as_many_deaths():
    frame, _ = archive(n=203)
    deaths = frame["label"].groupby(validation_folds(frame)).sum()
    assert len(deaths) == 10 and deaths.max() - deaths.min() <= 1


def test_without_both_outcomes_nothing_is_made():
    frame, scores = archive(n=40)
    with pytest.raises(ValueError, match="deaths and survivors"):
        validate(frame.assign(label=0.0, event=False), scores, SETTINGS, 365)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_released_tells_no_few_patients_apart(seed):
    """An attacker solves every exact figure for counts: any two of them differ by nobody or by enough."""
    frame, scores = archive(seed, n=200)
    frame["label"] = frame["label"].where(np.random.default_rng(seed).random(200) < 0.6, 0.0)
    frame["event"] = frame["label"] == 1
    found = validate(frame, scores, SETTINGS, 365)
    rungs = dict(rung_risks(found.died, found.log_odds, found.fold))
    shown = [rungs[rung] >= threshold for rung, threshold in found.released]
    counts = [(int((found.died & one).sum()), int((~found.died & one).sum())) for one in shown]
    counts += [(0, 0), (int(found.died.sum()), int((~found.died).sum()))]
    apart = [
        abs(here - there) for first in counts for second in counts for here, there in zip(first, second, strict=True)
    ]
    assert all(one == 0 or one >= 10 for one in apart)
    rows = found.rows[found.rows["subset"].str.startswith("threshold")]
    told = {(row.evaluation, float(row.subset.split()[1])) for row in rows.itertuples()}
    assert told <= set(found.released)


def test_the_groups_of_predicted_risk_have_enough_deaths_and_survivors():
    for seed in range(6):
        frame, scores = archive(seed, n=220)
        rows = validate(frame, scores, SETTINGS, 365).rows
        groups = rows[rows["subset"].str.startswith("risk group") & rows["metric"].eq("expected_share")]
        number = risk_groups(scores["logit"].to_numpy(), frame["label"].to_numpy() == 1, 10)
        assert len(groups) == (number.max() if number.max() > 1 else 0)
        for one in np.unique(number):
            died = frame["label"].to_numpy()[number == one]
            assert min(died.sum(), (1 - died).sum()) >= 10


def test_a_score_on_all_but_a_few_of_the_patients_is_withheld_and_said_to_be():
    frame, scores = archive(n=400)
    clinical = scores.assign(model="prevent", logit=scores["logit"] + np.random.default_rng(1).normal(0, 1, 400))
    for missing, shown in ((5, False), (150, True)):
        rows = validate(frame, pd.concat([scores, clinical.iloc[missing:]]), SETTINGS, 365).rows
        area = numbers(SimpleNamespace(rows=rows)).auc("prevent")
        assert area.is_known == shown and (shown or ("but for a few" in area.method and area.events is None))


def test_nothing_tells_how_many_of_the_lost_died():
    frame, scores = archive(n=400)
    frame.loc[:30, ["label"]] = np.nan
    frame["headline"], frame["followed_headline"] = frame["label"].notna(), True
    rows = validate(frame, scores, SETTINGS, 365).rows
    assert not rows["metric"].isin(["lost", "death_share_if_lost", "auc_if_lost"]).any()
    followed = rows[rows["n"] == 400]
    assert len(followed) and followed["events"].isna().all()
