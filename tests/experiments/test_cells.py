"""The grids are the preprint's, and the draws of patients keep their promises."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echomort.evaluation import auc
from echomort.experiments import cells
from echomort.experiments.draws import subset_patients, survey_patients
from echomort.experiments.judging import judge, random_scores
from echomort.experiments.published import EXPERIMENTS
from echomort.settings import Settings, load_settings

PAPER = load_settings(flags={"preset": "paper"}, environment={})


def seen(**patients: int) -> cells.Views:
    """Views with enough clips, each of so many patients, in a cohort of 200."""
    return cells.Views(patients, frozenset(patients), 200)


VIEWS = seen(**{view: 100 for view in PAPER.training.views or ()})


def test_the_grids_are_those_of_the_preprint() -> None:
    sizes = {name: len(grid(PAPER, VIEWS)) for name, grid in cells.GRIDS.items()}
    assert len(VIEWS.patients) == 21
    assert sizes["figure2"] == 21 * 4
    assert sizes["figure3"] == 21 * 4, "3, 6, 9 and 12 months"
    assert sizes["table1"] == 3 * 3
    assert sizes["resolution"] == 21 * 4, "reduced by 1, 2, 3 and 4"
    assert (sizes["flow"], sizes["inputs"]) == (21 * 2, 21 * 2)
    networks = {cell.network for cell in cells.figure2(PAPER, VIEWS)}
    assert networks == {"cnn_3d", "cnn_3d_gap", "cnn_2d_lstm", "cnn_2d_gap"}


def test_every_experiment_has_a_grid_and_the_preprints_place():
    assert set(EXPERIMENTS) == set(cells.GRIDS)


@pytest.mark.parametrize("name", cells.GRIDS)
def test_the_cells_of_an_experiment_have_names_of_their_own(name: str) -> None:
    grid = cells.GRIDS[name](PAPER, VIEWS)
    assert len({cell.name for cell in grid}) == len(grid)
    assert {cell.experiment for cell in grid} == {name} == {cells.GRIDS[name].__name__}
    assert all(set(cell.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for cell in grid)


def test_table_1_has_every_input_with_every_video_on_one_survey_set() -> None:
    table = cells.table1(PAPER, VIEWS)
    assert Counter(cell.variables for cell in table) == {"none": 3, "ten": 3, "method": 3}
    assert {cell.view for cell in table} == {None, "parasternal_long", "all_views"}
    assert {(cell.evaluated, cell.among) for cell in table} == {("survey", "parasternal_long")}
    assert [cell.network for cell in table if cell.view is None] == [None] * 3
    assert [cell.network for cell in table if cell.view == "parasternal_long"] == [
        "cnn_3d",
        "early_fusion",
        "early_fusion",
    ]


def test_the_learning_curve_ends_with_all_patients() -> None:
    curve = cells.figure5(PAPER, VIEWS)
    sizes = [cell.most_patients for cell in curve if cell.view is None]
    assert sizes == [10, 30, None], "a size that all patients do not reach is none"
    assert {cell.among for cell in curve} == {"parasternal_long"}, "every arm has the same patients"


def test_an_archive_without_the_preferred_view_takes_the_one_with_most_patients() -> None:
    assert cells.one_view(seen(apical_2=9, apical_4=40, subcostal_4=12)) == "apical_4"
    assert cells.one_view(seen(apical_4=40, parasternal_long=3)) == "parasternal_long"
    assert cells.one_view(seen()) is None


@pytest.mark.parametrize("grid", [cells.table1, cells.figure5])
def test_an_experiment_of_one_view_hangs_on_none_that_has_too_few_clips(grid: cells.Grid) -> None:
    patients = {"apical_2": 9, "apical_4": 40, "parasternal_long": 90, "subcostal_4": 12}
    few = grid(PAPER, cells.Views(patients, frozenset({"apical_2", "apical_4"}), 99))
    assert {cell.among for cell in few} == {"apical_4"} == {cell.view for cell in few} - {None, "all_views"}
    none = grid(PAPER, cells.Views(patients, frozenset(), 99))
    assert {cell.among for cell in none} == {None}, "what needs no video is still made"
    assert {cell.view for cell in none} == {None, "parasternal_long", "all_views"}, "those with video get their reason"


def test_figure_3_has_the_main_horizon_too() -> None:
    outcome = PAPER.outcome.model_copy(update={"horizons": (90, 180), "horizon_days": 730})
    made = cells.figure3(PAPER.model_copy(update={"outcome": outcome}), seen(apical_4=9))
    assert [cell.horizon_days for cell in made] == [90, 180, 730]


def test_an_archive_without_clips_has_its_cells_without_video_and_one_for_the_reason() -> None:
    names = {name: [cell.name for cell in grid(Settings(), seen())] for name, grid in cells.GRIDS.items()}
    assert names.pop("table1") == ["no_video-none", "no_video-ten", "no_video-method", "any_view"]
    curve = names.pop("figure5")
    assert curve[-2:] == ["records-all_patients", "any_view"] and all(
        name.startswith("records-") for name in curve[:-1]
    )
    assert set(map(tuple, names.values())) == {("any_view",)}
    sizes = [cell.most_patients for cell in cells.figure5(Settings(), seen()) if cell.view is None]
    assert sizes[:-1] and max(size for size in sizes if size) < 200, "sizes of the whole cohort"


OUTCOMES = st.dictionaries(st.text("abcdef", min_size=1, max_size=6), st.booleans(), min_size=1, max_size=60)


@given(OUTCOMES, st.integers(1, 60), st.integers(1, 60))
def test_subsets_are_nested_and_keep_the_share_of_deaths(died: dict[str, bool], one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    first, second = (subset_patients(died, min(size, len(died)), "salt") for size in (smaller, larger))
    assert first <= second
    dead = sum(died.values())
    deaths, expected = sum(died[patient] for patient in first), len(first) * dead / len(died)
    assert len(first) <= min(smaller, len(died))
    assert deaths == min(dead, 2, len(first)) or abs(deaths - expected) <= 0.5 + 1e-9


@pytest.mark.parametrize("size", [10, 30, 50])
@pytest.mark.parametrize("share", [0.1, 0.16, 0.5])
def test_a_subset_gives_every_model_its_patients_and_deaths(size: int, share: float) -> None:
    patients = [f"p{number}" for number in range(400)]
    died = {patient: number < share * 400 for number, patient in enumerate(patients)}
    folds = {patient: number * 7 % 5 for number, patient in enumerate(patients)}
    subset = subset_patients(died, size, "salt", folds)
    assert subset < subset_patients(died, size + 5, "salt", folds)
    for left_out in range(5):
        trained = [patient for patient in subset if folds[patient] != left_out]
        assert abs(len(trained) - size) <= 2
        assert sum(died[patient] for patient in trained) >= max(2, share * size - 2)


@given(OUTCOMES, st.integers(1, 20))
def test_a_survey_set_is_balanced_and_leaves_most_of_both_outcomes(died: dict[str, bool], most: int) -> None:
    survey = survey_patients(died, most, "salt")
    dead = sum(died[patient] for patient in survey)
    rarer = min(sum(died.values()), len(died) - sum(died.values()))
    assert len(survey) == 2 * dead == 2 * min(most, rarer // 5)


def test_the_draws_depend_on_the_salt_and_the_patient_alone() -> None:
    died = {f"p{number}": number % 3 == 0 for number in range(90)}
    first = survey_patients(died, 5, "salt")
    assert first == survey_patients(dict(reversed(died.items())), 5, "salt")
    assert first != survey_patients(died, 5, "other salt")
    assert subset_patients(died, 20, "salt") != survey_patients(died, 10, "salt")


def scored(rows: int, folds: int, offset: float, seed: int = 1) -> pd.DataFrame:
    """Return scores of ``folds`` models whose scales lie ``offset`` apart."""
    generator = np.random.default_rng(seed)
    label, fold = generator.permutation(np.arange(rows) % 3 == 0).astype(int), np.arange(rows) % folds
    return pd.DataFrame({"label": label, "fold": fold, "logit": label + generator.normal(size=rows) + offset * fold})


def test_a_cell_is_judged_within_its_folds_whatever_their_scales() -> None:
    table = scored(360, 3, 0)
    judged = judge(table, 0.95, 10)
    within = [auc(part["label"], part["logit"]) for _, part in table.groupby("fold")]
    pairs = [part["label"].sum() * (1 - part["label"]).sum() for _, part in table.groupby("fold")]
    assert judged.auc == pytest.approx(np.average(within, weights=pairs), abs=1e-12)
    assert (judged.fold_low, judged.fold_high) == (min(within), max(within))
    assert judged.auc_low is not None and judged.auc_high is not None
    assert judged.auc_low < judged.auc < judged.auc_high
    assert (judged.patients, judged.deaths) == (360, 120)
    apart = judge(scored(360, 3, 5), 0.95, 10)
    assert apart.auc == pytest.approx(judged.auc, abs=1e-12)
    assert auc(table["label"], scored(360, 3, 5)["logit"]) < judged.auc - 0.1, "all together mixes the scales"


def test_models_that_know_nothing_are_not_worse_than_chance() -> None:
    """Trees that never split give each fold the deaths of the others: the fewer its own, the higher its score."""
    table = scored(120, 4, 0)
    deaths = table.groupby("fold")["label"].sum()
    table["logit"] = table["fold"].map(lambda fold: deaths.drop(fold).sum()).astype(float)
    judged = judge(table, 0.95, 1)
    assert (judged.auc, judged.auc_low, judged.auc_high) == (0.5, None, None)


def test_the_interval_within_folds_holds_the_truth_as_often_as_it_says() -> None:
    truth = 0.7602  # of two normal distributions one standard deviation apart: the distribution function of 1 / sqrt 2
    held = 0
    for seed in range(300):
        judged = judge(scored(150, 5, 3, seed), 0.95, 1)
        assert judged.auc_low is not None and judged.auc_high is not None
        held += judged.auc_low <= truth <= judged.auc_high
    assert 0.91 <= held / 300 <= 0.98


def test_a_fold_with_few_deaths_has_no_auc_of_its_own() -> None:
    table = scored(90, 3, 0)
    table.loc[table["fold"] == 0, "label"] = 0
    table.loc[table.index[table["fold"] == 0][:2], "label"] = 1
    judged = judge(table, 0.95, 5)
    within = [auc(part["label"], part["logit"]) for fold, part in table.groupby("fold") if fold]
    assert (judged.fold_low, judged.fold_high) == (min(within), max(within))


def test_a_survey_set_has_no_folds() -> None:
    judged = judge(pd.DataFrame({"label": [0, 1, 0, 1], "fold": -1, "logit": [0.1, 0.3, 0.2, 0.15]}), 0.95, 1)
    assert (judged.auc, judged.fold_low, judged.fold_high) == (0.75, None, None)
    assert judged.auc_low is not None


@pytest.mark.parametrize("logit", [[0.5] * 6, [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]])
def test_scores_without_variance_have_no_limits(logit: list[float]) -> None:
    judged = judge(pd.DataFrame({"label": [0, 0, 0, 1, 1, 1], "fold": -1, "logit": logit}), 0.95, 1)
    assert (judged.auc_low, judged.auc_high) == (None, None)


def test_a_random_guess_knows_nothing() -> None:
    label = np.arange(20_000) % 2
    assert math.isclose(auc(label, random_scores(len(label), 1)), 0.5, abs_tol=0.015)
    assert (random_scores(5, 1) == random_scores(5, 1)).all()
