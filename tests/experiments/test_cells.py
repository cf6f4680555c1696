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
    assert len(first) == min(smaller, len(died))
    dead = sum(died.values())
    expected = len(first) * dead / len(died)
    assert abs(sum(died[patient] for patient in first) - expected) < 1 + 1e-9 or len(first) < len(died) / max(dead, 1)


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


def test_a_cell_is_judged_by_its_auc_and_the_range_of_its_folds() -> None:
    generator = np.random.default_rng(1)
    label = np.tile([0, 0, 1], 60)
    table = pd.DataFrame({"label": label, "fold": np.arange(180) // 60, "logit": label + generator.normal(size=180)})
    judged = judge(table, 0.95)
    within = [auc(part["label"], part["logit"]) for _, part in table.groupby("fold")]
    assert judged.auc == auc(label, table["logit"])
    assert (judged.fold_low, judged.fold_high) == (min(within), max(within))
    assert judged.auc_low is not None and judged.auc_high is not None
    assert judged.auc_low < judged.auc < judged.auc_high
    assert (judged.patients, judged.deaths) == (180, 60)


def test_a_survey_set_has_no_folds() -> None:
    judged = judge(pd.DataFrame({"label": [0, 1, 1], "fold": -1, "logit": [0.1, 0.3, 0.2]}), 0.95)
    assert (judged.auc, judged.fold_low, judged.fold_high) == (1.0, None, None)


def test_a_random_guess_knows_nothing() -> None:
    label = np.arange(20_000) % 2
    assert math.isclose(auc(label, random_scores(len(label), 1)), 0.5, abs_tol=0.015)
    assert (random_scores(5, 1) == random_scores(5, 1)).all()
