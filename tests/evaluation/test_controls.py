"""The figures of the controls: AUC, what the loop adds, and shares of a headroom that is known."""

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation.controls import LOOP, MOST_HEADROOM, broken_controls, control_rows
from echomort.report.numbers import Numbers
from echomort.report.sections.motion import motion
from echomort.settings import Evaluation

PEOPLE, VIEW = 600, "view:apical_4"
SETTINGS = Evaluation(bootstrap=200)


def planted(still: float, shuffled: float, header: float = 0.0, loop: float = 1.0) -> tuple[pd.DataFrame, ...]:
    """Frame, scores, controls and truth; each score knows the hazard with its own share of noise."""
    random = np.random.default_rng(2)
    heart = 1.6 * random.normal(size=PEOPLE)
    chance = 1 - np.exp(-np.exp(-1.6 + heart))
    died = random.random(PEOPLE) < chance
    frame = pd.DataFrame(
        {
            "study_key": [f"s{number}" for number in range(PEOPLE)],
            "patient_key": [f"p{number}" for number in range(PEOPLE)],
            "fold": np.arange(PEOPLE) % 4,
            "label": died.astype(int),
            "days": np.where(died, 100, 900),
            "event": died,
        }
    )

    def seeing(share: float, **names: str) -> pd.DataFrame:
        logit = share * heart + (1 - share) * 1.6 * random.normal(size=PEOPLE)
        return frame[["study_key", "fold"]].assign(logit=logit, **names)

    scores = seeing(loop, model=VIEW)
    controls = pd.concat(
        seeing(share, view="apical_4", control=name)
        for name, share in (("still_frame", still), ("shuffled_loop", shuffled), ("headers", header))
    )
    truth = frame[["study_key"]].assign(death_probability=chance, log_hazard_heart=heart)
    return frame, scores, controls, truth


def table(parts: tuple[pd.DataFrame, ...], known: bool = True) -> pd.DataFrame:
    frame, scores, controls, truth = parts
    return control_rows(frame, scores, controls, truth=truth if known else None, settings=SETTINGS)


def value(found: pd.DataFrame, control: str, metric: str) -> float:
    row = found[(found["subset"] == control) & (found["metric"] == metric)]
    assert len(row) == 1
    return float(row["value"].iloc[0])


def test_a_score_that_is_the_oracle_has_all_headroom_and_one_of_noise_none() -> None:
    found = table(planted(still=0.0, shuffled=0.5))
    assert value(found, LOOP, "headroom_heart") == pytest.approx(1.0)
    assert value(found, "still_frame", "headroom_heart") == pytest.approx(0.0, abs=0.12)
    assert 0.3 < value(found, "shuffled_loop", "headroom_heart") < 0.9
    assert set(found["evaluation"]) == {"control"} and set(found["model"]) == {VIEW}


def test_what_the_loop_adds_is_the_difference_of_the_aucs() -> None:
    found = table(planted(still=0.2, shuffled=0.5))
    for control in ("still_frame", "shuffled_loop", "headers"):
        added = value(found, LOOP, "auc") - value(found, control, "auc")
        assert value(found, control, "auc_difference") == pytest.approx(added)
        lost = value(found, LOOP, "headroom_heart") - value(found, control, "headroom_heart")
        assert value(found, control, "headroom_difference") == pytest.approx(lost)


def test_without_a_truth_there_are_differences_and_no_headroom() -> None:
    found = table(planted(still=0.2, shuffled=0.5), known=False)
    assert set(found["metric"]) == {"auc", "auc_within_folds", "auc_difference"}
    assert broken_controls(found, 10) == []


def test_controls_of_a_view_that_has_no_model_and_none_at_all_give_no_rows() -> None:
    frame, scores, controls, truth = planted(still=0.2, shuffled=0.5)
    assert table((frame, scores, controls.assign(view="apical_2"), truth)).empty
    assert table((frame, scores, controls.iloc[:0], truth)).empty


def test_both_are_judged_on_the_patients_that_both_scored() -> None:
    frame, scores, controls, truth = planted(still=0.2, shuffled=0.5)
    fewer = controls[~((controls["control"] == "still_frame") & (controls["fold"] == 0))]
    found = table((frame, scores, fewer, truth))
    counts = found.set_index(["subset", "metric"])["n"]
    assert counts["still_frame", "auc_difference"] == 450 and counts["shuffled_loop", "auc_difference"] == 600


@pytest.mark.parametrize(
    ("planting", "named"),
    [
        ({"still": 0.1, "shuffled": 0.4}, []),
        ({"still": 0.9, "shuffled": 0.4}, ["still_frame"]),
        ({"still": 0.1, "shuffled": 0.9, "loop": 0.4}, ["shuffled_loop"]),
        ({"still": 0.1, "shuffled": 0.4, "header": 0.6}, ["headers"]),
    ],
)
def test_the_check_names_what_contradicts_that_the_risk_is_in_the_motion(
    planting: dict[str, float], named: list[str]
) -> None:
    found = broken_controls(table(planted(**planting)), 10)
    assert [words.partition(" of ")[0] for words in found] == named
    assert MOST_HEADROOM == 0.30


def test_headers_that_tell_only_the_fold_are_chance() -> None:
    """A model that knows nothing gives each fold the share of deaths of the others: all folds pooled, below chance."""
    frame, scores, controls, truth = planted(still=0.1, shuffled=0.4)
    frame = frame[(frame["fold"] > 0) | (frame["label"] == 0) | (np.arange(PEOPLE) % 3 == 0)]
    of_others = frame["fold"].map(lambda fold: frame.loc[frame["fold"] != fold, "label"].mean())
    headers = controls["control"] == "headers"
    by_study = of_others.set_axis(frame["study_key"])
    controls.loc[headers, "logit"] = controls.loc[headers, "study_key"].map(by_study).fillna(0.0).to_numpy()
    found = table((frame, scores, controls, truth))
    pooled = found[(found["subset"] == "headers") & (found["metric"] == "auc")].iloc[0]
    assert pooled["high"] < 0.5
    assert value(found, "headers", "auc_within_folds") == 0.5
    assert broken_controls(found, 10) == []


@pytest.mark.parametrize(("area", "broken"), [(0.5, False), (1.0, True), (np.nan, False)])
def test_headers_without_limits_are_judged_by_their_auc(area: float, broken: bool) -> None:
    found = table(planted(still=0.1, shuffled=0.4))
    headers = (found["subset"] == "headers") & (found["metric"] == "auc_within_folds")
    found.loc[headers, ["value", "low", "high"]] = area, np.nan, np.nan
    assert bool(broken_controls(found, 10)) == broken


def test_the_section_shows_every_control_and_the_loop() -> None:
    found = table(planted(still=0.2, shuffled=0.5))
    auc = found[(found["subset"] == LOOP) & (found["metric"] == "auc")].assign(evaluation="out_of_fold", subset="all")
    [section] = motion(Numbers(pd.concat([found, auc])))
    [shown] = section.blocks
    given = [row[1].text for row in shown.rows]
    assert given == [
        "The file without its picture",
        "One frame",
        "Frames in random order, by the network",
        "The loop",
    ]
    assert "#Of the heart's headroom" in shown.columns
    assert shown.rows[-1][4].text.startswith("100")
    unknown = table(planted(still=0.2, shuffled=0.5), known=False)
    [section] = motion(Numbers(pd.concat([unknown, auc])))
    assert "#Of the heart's headroom" not in section.blocks[0].columns
    assert motion(Numbers(auc)) == []


def test_controls_of_too_few_deaths_are_not_judged() -> None:
    found = table(planted(still=0.2, shuffled=0.5, header=0.6))
    assert broken_controls(found, 10) != []
    assert broken_controls(found, least=int(found["events"].max()) + 1) == []
