"""AUCs within folds: the scales of the folds' models have no part in them, as they have in pooled AUCs."""

import numpy as np
import pandas as pd
import pytest

from echomort.evaluation import delong_interval, delong_interval_within, evaluate
from echomort.report.data import ReportData
from echomort.report.numbers import Numbers
from echomort.report.points import points
from echomort.report.sections.discrimination import discrimination
from echomort.report.sections.results import headline
from echomort.settings import Evaluation

SETTINGS = Evaluation(bootstrap=100)
DEATHS = {"alike": (9, 9, 9, 9), "unlike": (2, 6, 11, 20), "one fold without": (0, 6, 11, 20)}
PEOPLE = 30
"""Patients of a fold."""


def frame_of(deaths: tuple[int, ...]) -> pd.DataFrame:
    """Folds of ``PEOPLE`` patients, each with its number of ``deaths``."""
    fold = np.repeat(np.arange(len(deaths)), PEOPLE)
    label = (np.tile(np.arange(PEOPLE), len(deaths)) < np.repeat(deaths, PEOPLE)).astype(int)
    study = [f"s{number}" for number in range(len(fold))]
    columns = {"study_key": study, "patient_key": study, "fold": fold, "label": label}
    return pd.DataFrame(columns).assign(days=np.where(label == 1, 100, 900), event=label == 1)


def constant(frame: pd.DataFrame) -> np.ndarray:
    """The score of a model that knows nothing: the share of deaths in the other folds."""
    shares = {fold: frame.loc[frame["fold"] != fold, "label"].mean() for fold in frame["fold"].unique()}
    return frame["fold"].map(shares).to_numpy(dtype=float)


def informed(frame: pd.DataFrame, seed: int = 0) -> np.ndarray:
    """A score that knows something, in 64ths: a shift by a whole number is exact."""
    return np.round(64 * (frame["label"] + np.random.default_rng(seed).normal(size=len(frame)))) / 64


def evaluated(frame: pd.DataFrame, **scores: np.ndarray) -> pd.DataFrame:
    parts = [frame[["study_key", "fold"]].assign(model=model, logit=logit) for model, logit in scores.items()]
    return evaluate(frame, pd.concat(parts), None, SETTINGS)


def figure(table: pd.DataFrame, model: str, metric: str) -> pd.Series:
    found = table[(table["model"] == model) & (table["metric"] == metric) & (table["subset"] == "all")]
    found = found[found["evaluation"].isin(["out_of_fold", "comparison"])]
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.parametrize("deaths", DEATHS.values(), ids=list(DEATHS))
def test_a_model_that_is_constant_in_each_fold_has_exactly_one_half(deaths: tuple[int, ...]) -> None:
    frame = frame_of(deaths)
    table = evaluated(frame, ehr=constant(frame))
    within, pooled = (figure(table, "ehr", name) for name in ("auc_within_folds", "auc"))
    assert within["value"] == 0.5
    assert np.isnan(within["low"]) and np.isnan(within["high"]), "no variance is known"
    assert "no variance" in within["method"]
    if len(set(deaths)) == 1:
        assert pooled["value"] == 0.5
    else:
        assert pooled["high"] < 0.5, "by construction, and it looks significant"


def test_a_shift_of_each_fold_changes_the_pooled_auc_and_nothing_within_folds() -> None:
    frame = frame_of((8, 10, 12, 14))
    score = informed(frame)
    table = evaluated(frame, ehr=score, all_views=score + 8 * (3 - frame["fold"].to_numpy()))
    for name in ("value", "low", "high"):
        plain, shifted = (figure(table, model, "auc_within_folds")[name] for model in ("ehr", "all_views"))
        assert plain == shifted and np.isfinite(plain)
    assert figure(table, "all_views", "auc")["value"] < figure(table, "ehr", "auc")["value"] - 0.1


def test_with_one_fold_both_are_equal_and_only_one_is_given() -> None:
    frame = frame_of((12,))
    score = informed(frame)
    pooled, within = (
        delong_interval(frame["label"], score),
        delong_interval_within(frame["label"], score, frame["fold"]),
    )
    limits = [(one.value, one.low, one.high) for one in (pooled, within)]
    assert limits[0] == pytest.approx(limits[1], abs=1e-15)
    assert "auc_within_folds" not in set(evaluated(frame, ehr=score)["metric"])


def test_it_is_the_mean_of_the_folds_weighted_by_their_pairs() -> None:
    deaths = (2, 6, 11, 20)
    frame = frame_of(deaths)
    table = evaluated(frame, ehr=informed(frame))
    folds = [
        table[(table["metric"] == "auc") & (table["subset"] == f"fold {fold}")]["value"].item() for fold in range(4)
    ]
    pairs = [died * (PEOPLE - died) for died in deaths]
    assert figure(table, "ehr", "auc_within_folds")["value"] == pytest.approx(np.average(folds, weights=pairs))


def test_a_difference_of_scales_alone_is_no_clear_difference() -> None:
    """The same ranking twice, once shifted so that pooled it is clearly worse: nothing is called higher."""
    frame = frame_of((8, 10, 12, 14))
    score = informed(frame)
    table = evaluated(frame, video_ehr=score, ehr=score + 8 * (3 - frame["fold"].to_numpy()))
    pair = "video_ehr vs ehr"
    assert figure(table, pair, "auc_difference")["low"] > 0
    assert figure(table, pair, "auc_difference_within_folds")["value"] == 0.0
    numbers = Numbers(table)
    said = next(point for point in points_of(numbers) if "against the records alone" in point)
    assert "no clear difference" in said and "within folds 0.000" in said
    compared = next(found for found in discrimination(numbers, {}).tables if found.name == "comparisons")
    assert [row["Within folds"] for row in compared.text_rows()] == ["0.000"]


def test_a_true_difference_is_still_called_higher() -> None:
    frame = frame_of((8, 10, 12, 14))
    table = evaluated(frame, video_ehr=informed(frame) + 2 * frame["label"], ehr=informed(frame, 1))
    said = next(point for point in points_of(Numbers(table)) if "against the records alone" in point)
    assert "higher by" in said and "within folds +" in said


def test_the_headline_and_the_table_of_folds_say_what_a_constant_model_is_worth() -> None:
    frame = frame_of((2, 6, 11, 20))
    numbers = Numbers(evaluated(frame, ehr=constant(frame)))
    assert headline(numbers).startswith("Of two patients, one of whom died within a year")
    pooled = round(100 * numbers.auc("ehr").value)
    assert pooled < 50 and f" {pooled} times in 100 (50 where the same model scored both)." in headline(numbers)
    folds = next(found for found in discrimination(numbers, {}).tables if found.name == "folds")
    [row] = folds.text_rows()
    assert row["Within folds"] == "0.500" and float(row["Pooled"]) < 0.5
    assert "far below 0.5" in folds.caption
    assert any("Within folds 0.500." in point for point in points_of(numbers))


def points_of(numbers: Numbers) -> list[str]:
    empty = pd.DataFrame()
    return points(ReportData("", "", False, empty, empty, empty, (), {}), numbers)
