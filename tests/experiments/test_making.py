"""Cells are trained, judged and committed: once, alone, and again only where something changed."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from archives import SETTINGS, Archive, small_archive
from rich.console import Console

from assets.experiments import experiments, training
from assets.experiments.samples import Samples
from assets.incremental import ChildEnded, UnitStage, commit_units, stale_units
from echomort.core.child import leave_error
from echomort.core.errors import Interruption, UserError
from echomort.core.files import NO_SPACE, disk_error
from echomort.experiments.cells import GRIDS, Views, figure2
from echomort.settings import Experiments, Settings, Training
from echomort.training import error_file, partial_folder
from orchestration.printing.experiment import print_experiment
from warehouse import ledger
from warehouse.tables.experiment.cells import experiment_cells


def make(archive: Archive, stage: UnitStage, units: list[str] | None = None) -> list[str]:
    """Make the stale cells of an experiment (those of ``units``), commit them; return which."""
    project = archive.project
    stale, gone, _ = stale_units(project, stage)
    chosen = [unit for unit in stale if units is None or unit in units]
    made = stage.work(project, chosen, archive.context()) if chosen else []
    commit_units(project, stage, made, gone)
    return chosen


def rows(archive: Archive, experiment: str) -> pd.DataFrame:
    with archive.project.reader() as connection:
        return experiment_cells(connection, experiment).set_index("cell")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put a quick stand-in in place of the training of networks: the label with noise. Returns what was trained."""
    said: list[str] = []

    def train_in_child(context: Any, project: Any, tasks: list[Any], **_: Any) -> dict[Any, UserError]:
        from echomort.training import Task

        for file in tasks:
            task = Task.read(file)
            said.append(task.training.network)
            samples = pd.read_parquet(task.samples).drop_duplicates("study_key")
            noise = np.random.default_rng(1).normal(size=len(samples))
            task.output.mkdir(parents=True)
            samples.assign(logit=samples["label"] + noise).to_parquet(task.output / "scores.parquet")
        return {}

    monkeypatch.setattr(training, "train_in_child", train_in_child)
    return said


def test_every_cell_has_a_row_and_the_results_are_written(archive: Archive, trained: list[str]) -> None:
    assert len(make(archive, experiments.FIGURE2)) == len(trained) == 8
    found = rows(archive, "figure2")
    assert found["reason"].isna().all() and found["auc"].between(0.5, 1).all()
    assert (found["fold_low"] <= found["fold_high"]).all() and (found["auc_low"] < found["auc"]).all()
    assert set(found["patients"]) == {48, 60}
    folder = archive.home / "experiments" / "figure2"
    assert sorted(file.name for file in folder.iterdir()) == ["figure.png", "figure.svg", "page.html", "results.csv"]
    assert make(archive, experiments.FIGURE2) == []


def test_a_few_cells_at_a_time_give_the_same_as_all(archive: Archive, trained: list[str]) -> None:
    first = make(archive, experiments.FIGURE2, ["apical_4-cnn_3d", "apical_4-cnn_2d_gap"])
    assert len(rows(archive, "figure2")) == len(first) == 2
    assert len(make(archive, experiments.FIGURE2)) == 6
    assert len(rows(archive, "figure2")) == len(trained) == 8


def test_cells_that_were_trained_before_a_kill_are_not_trained_again(archive: Archive, trained: list[str]) -> None:
    project, stage = archive.project, experiments.FIGURE2
    stale, _, _ = stale_units(project, stage)
    for unit in stale[:3]:
        stage.work(project, [unit], archive.context())  # and killed before the commit
    assert len(trained) == 3
    task = next((archive.home / training.MODELS).iterdir()).with_suffix(".task.json")
    task.write_text("{}")
    assert len(make(archive, stage)) == 8
    assert len(trained) == 8 and not task.exists()
    assert rows(archive, "figure2")["reason"].isna().all()


def test_a_changed_view_makes_its_own_cells_again(archive: Archive, trained: list[str]) -> None:
    make(archive, experiments.FIGURE2)
    with archive.project.writer() as connection:
        connection.execute("UPDATE clip SET digest = 'new' WHERE clip_key = (SELECT max(clip_key) FROM clip)")
    again = make(archive, experiments.FIGURE2)
    assert len(again) == 4 and all(name.startswith("parasternal_long-") for name in again)
    assert len(trained) == 12


def test_a_new_network_trains_its_own_cells(
    archive: Archive, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from echomort.experiments import cells

    monkeypatch.setattr(cells, "NOT_COMPARED", {"cnn_2d_gap", "early_fusion", "linear"})
    assert len(make(archive, experiments.FIGURE2)) == 6
    monkeypatch.setattr(cells, "NOT_COMPARED", {"early_fusion", "linear"})
    assert make(archive, experiments.FIGURE2) == ["apical_4-cnn_2d_gap", "parasternal_long-cnn_2d_gap"]
    assert len(trained) == 8


def test_the_site_s_own_network_is_no_part_of_the_recipe(archive: Archive, trained: list[str]) -> None:
    make(archive, experiments.FIGURE2)
    archive.settings["training"] = SETTINGS["training"] | {"network": "cnn_2d_gap"}
    assert make(archive, experiments.FIGURE2) == []
    archive.settings["training"] = SETTINGS["training"] | {"max_epochs": 2}
    assert len(make(archive, experiments.FIGURE2)) == 8


def test_a_removed_view_takes_its_cells_away(archive: Archive, trained: list[str]) -> None:
    make(archive, experiments.FIGURE2)
    archive.settings["training"] = SETTINGS["training"] | {"views": ["apical_4"]}
    assert make(archive, experiments.FIGURE2) == []
    assert set(rows(archive, "figure2")["view"]) == {"apical_4"}


def test_one_cell_is_shared_by_experiments_and_trained_once(archive: Archive, trained: list[str]) -> None:
    make(archive, experiments.FIGURE2)
    before = len(trained)
    make(archive, experiments.FIGURE5, ["parasternal_long-all_patients"])
    assert len(trained) == before
    both = rows(archive, "figure2").loc["parasternal_long-cnn_3d"], rows(archive, "figure5").iloc[0]
    assert both[0]["auc"] == both[1]["auc"]


def test_a_view_that_is_too_small_has_a_reason_and_others_go_on(archive: Archive, trained: list[str]) -> None:
    archive.settings["training"] = SETTINGS["training"] | {"min_clips": 70}
    assert len(make(archive, experiments.FIGURE2)) == 8
    found = rows(archive, "figure2")
    small = found[found["view"] == "parasternal_long"]
    assert set(small["reason"]) == {
        "the view parasternal_long has 60 clips, training.min_clips is 70: lower that setting, or add studies"
    }
    assert small["auc"].isna().all() and small["patients"].isna().all()
    assert found.loc[found["view"] == "apical_4", "reason"].isna().all() and len(trained) == 4
    assert make(archive, experiments.FIGURE2) == [], "a refused cell is up to date until something changes"


def failing(error: Exception) -> Callable[..., None]:
    def train_in_child(context: Any, project: Any, tasks: list[Any], **_: Any) -> None:
        raise error

    return train_in_child


@pytest.mark.parametrize(("error", "again"), [(Interruption, ["apical_4-cnn_3d"]), (UserError, [])])
def test_a_training_that_fails_is_a_reason_and_one_that_was_interrupted_is_tried_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, error: type[UserError], again: list[str]
) -> None:
    monkeypatch.setattr(training, "train_in_child", failing(error("the training ended", "mend it")))
    cell = ["apical_4-cnn_3d"]
    assert make(archive, experiments.FIGURE2, cell) == cell
    assert list(rows(archive, "figure2")["reason"]) == ["the training ended: mend it"]
    assert make(archive, experiments.FIGURE2, cell) == again


@pytest.mark.parametrize("error", [ValueError("aged 71"), KeyError("p7"), IndexError(), ArithmeticError("71")])
def test_an_error_that_nobody_foresaw_is_a_reason_without_its_text(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(training, "train_in_child", failing(error))
    cell = ["apical_4-cnn_3d"]
    assert make(archive, experiments.FIGURE2, cell) == cell
    (reason,) = rows(archive, "figure2")["reason"]
    assert f"{type(error).__name__} in test_making.py, line" in reason and ": look there" in reason
    assert "71" not in reason.replace("line 71", "") and "p7" not in reason
    assert make(archive, experiments.FIGURE2, cell) == [], "it would come again"


def test_a_process_that_dies_is_tried_again_and_the_other_cells_go_on(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise ChildEnded

    monkeypatch.setattr("assets.accept._PlainProcess.run", die)
    assert len(make(archive, experiments.FIGURE2)) == 8
    assert rows(archive, "figure2")["reason"].str.contains("then run again, finished models and epochs are kept").all()
    assert len(make(archive, experiments.FIGURE2)) == 8


def test_a_process_that_dies_at_one_cell_is_started_again_for_those_after_it(
    archive: Archive, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, calls = training.train_in_child, []

    def train_in_child(context: Any, project: Any, tasks: list[Any], **how: Any) -> dict[Any, UserError]:
        calls.append(len(tasks))
        if len(tasks) != 8:
            return usual(context, project, tasks, **how)
        usual(context, project, tasks[:2], **how)
        leave_error(UserError("no deaths", "add studies"), error_file(tasks[2]))
        raise Interruption("the process that trains ended early", "run again")

    monkeypatch.setattr(training, "train_in_child", train_in_child)
    assert len(make(archive, experiments.FIGURE2)) == 8 and calls == [8, 4]
    reasons = rows(archive, "figure2")["reason"]
    assert reasons.dropna().to_list() == ["no deaths: add studies", "the process that trains ended early: run again"]
    assert make(archive, experiments.FIGURE2) == [reasons.index[3]], "of the two, the interrupted one is tried again"


@pytest.mark.parametrize("error", [OSError(5, "disk"), MemoryError(), ImportError("torch"), duckdb.IOException("gone")])
def test_an_error_of_all_cells_ends_the_run(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(training, "train_in_child", failing(error))
    with pytest.raises(type(error)):
        make(archive, experiments.FIGURE2, ["apical_4-cnn_3d"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, None])
def test_scores_that_are_no_numbers_are_refused_and_the_other_cells_have_figures(
    archive: Archive, trained: list[str], monkeypatch: pytest.MonkeyPatch, value: float | None
) -> None:
    """None: a study that is judged has no score at all."""
    usual = training.train_in_child

    def train_in_child(context: Any, project: Any, tasks: list[Any], **_: Any) -> dict[Any, UserError]:
        from echomort.training import Task

        errors: dict[Any, UserError] = usual(context, project, tasks)
        for task in map(Task.read, tasks):
            if task.training.network != "cnn_3d" or task.view != "apical_4":
                continue
            file = task.output / "scores.parquet"
            scores = pd.read_parquet(file)
            scores.loc[3, "logit"] = value
            (scores.drop(index=3) if value is None else scores).to_parquet(file)
        return errors

    monkeypatch.setattr(training, "train_in_child", train_in_child)
    make(archive, experiments.FIGURE2)
    found = rows(archive, "figure2")
    without = found[found["reason"].notna()]
    assert list(without.index) == ["apical_4-cnn_3d"] and len(found) == 8
    assert "not finite numbers: the training did not converge" in without["reason"].iloc[0]
    assert make(archive, experiments.FIGURE2) == []


@pytest.mark.parametrize(("error", "kept"), [(Interruption, True), (UserError, False)])
def test_a_training_that_will_not_go_on_leaves_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, error: type[UserError], kept: bool
) -> None:
    def train_in_child(context: Any, project: Any, tasks: list[Any], **_: Any) -> None:
        from echomort.training import Task

        partial = partial_folder(Task.read(tasks[0]).output)
        partial.mkdir()
        (partial / "clips.npy").write_bytes(b"clips")
        leave_error(error("the training ended", "mend it"), error_file(tasks[0]))
        raise error("the training ended", "mend it")

    monkeypatch.setattr(training, "train_in_child", train_in_child)
    make(archive, experiments.FIGURE2, ["apical_4-cnn_3d"])
    left = sorted(path.name.partition(".")[2] for path in (archive.home / training.MODELS).iterdir())
    assert left == (["partial", "samples.parquet", "task.error.json", "task.json"] if kept else [])


@pytest.mark.parametrize("name", GRIDS)
def test_an_archive_without_the_views_that_are_asked_for_says_so_once(archive: Archive, name: str) -> None:
    archive.settings["training"] = SETTINGS["training"] | {"views": ["subcostal_4"]}
    assert make(archive, getattr(experiments, name.upper()), ["any_view"]) == ["any_view"]
    (reason,) = rows(archive, name)["reason"]
    assert reason == (
        "no clip of a study of the cohort is of a view of training.views (subcostal_4): "
        "there are apical_4, parasternal_long"
    )
    page = (archive.home / "experiments" / name / "page.html").read_text()
    assert "Any view" in page and reason in page
    out = Console(file=io.StringIO(), width=300)
    print_experiment(rows(archive, name).reset_index(), out)
    assert reason in out.file.getvalue()  # type: ignore[attr-defined]


def test_an_archive_without_known_views_says_how_to_name_them(archive: Archive, trained: list[str]) -> None:
    with archive.project.writer() as connection:
        connection.execute("UPDATE clip_view SET view = 'unknown'")
    make(archive, experiments.FIGURE2)
    (reason,) = rows(archive, "figure2")["reason"]
    assert reason.startswith("no clip of a study of the cohort has a known view: name the views (sources.view_table)")


def test_table_1_takes_the_view_that_has_enough_clips(archive: Archive, trained: list[str]) -> None:
    archive.settings["training"] = SETTINGS["training"] | {"min_clips": 55}
    make(archive, experiments.TABLE1)
    found = rows(archive, "table1")
    assert {view for view in found["view"] if isinstance(view, str)} == {"apical_4", "all_views"}
    assert found["reason"].isna().all(), "parasternal_long has 60 clips, and less than 55 without its survey set"


def test_planning_loads_no_network(archive: Archive) -> None:
    """PyTorch in the process that holds the warehouse would slow every plan, and complain at its end."""
    (archive.home / "echomort.yaml").write_text(yaml.safe_dump(archive.settings))
    code = (
        "import sys\n"
        "from assets.graph import STAGES\n"
        "from assets.project import Project\n"
        "project = Project(home=sys.argv[1])\n"
        "stages = [stage for stage in STAGES if stage.name.startswith('experiment_')]\n"
        "plans = [stage.plan(project, stage.how(project)) for stage in stages]\n"
        "print(sum(map(len, plans)) > 0, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(archive.home)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["True", "False"]


def test_a_full_disk_ends_the_run(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    full = disk_error(OSError(28, ""))
    monkeypatch.setattr(training, "train_in_child", failing(full))
    with pytest.raises(UserError, match=NO_SPACE):
        make(archive, experiments.FIGURE2, ["apical_4-cnn_3d"])


def test_the_trees_need_no_network(tmp_path: Path, trained: list[str]) -> None:
    archive = small_archive(tmp_path / "home", 200)  # on a quarter of them no tree would split
    names = [f"records-{size}_patients" for size in ("12", "30", "all")]
    assert make(archive, experiments.FIGURE5, names) == names
    found = rows(archive, "figure5").loc[names]
    assert found["reason"].isna().all() and trained == []
    assert list(found["trained_patients"]) == [12, 30, 120] and set(found["patients"]) == {160}
    assert found.loc["records-all_patients", "auc"] > 0.9, "age was planted"


def test_table_1_is_judged_on_its_survey_set(archive: Archive, trained: list[str]) -> None:
    make(archive, experiments.TABLE1)
    found = rows(archive, "table1")
    assert len(found) == 9 and found["reason"].isna().all()
    assert set(found["patients"]) == {6} and set(found["deaths"]) == {3}
    assert found["fold_low"].isna().all() and set(found["evaluated"]) == {"survey"}
    assert trained.count("early_fusion") == 5 and trained.count("cnn_3d") == 1
    assert set(found.loc[found["view"].isna(), "trained_patients"].dropna()) == {54}
    assert found.index[found["trained_patients"].isna()].tolist() == ["no_video-none"], "a random guess is not trained"


def test_a_page_that_is_gone_is_written_again_without_training(archive: Archive, trained: list[str]) -> None:
    make(archive, experiments.FIGURE2)
    page = archive.home / "experiments" / "figure2" / "page.html"
    page.unlink()
    assert len(make(archive, experiments.FIGURE2)) == 8
    assert page.exists() and len(trained) == 8


def test_the_ledger_names_the_models_of_a_cell(archive: Archive, trained: list[str]) -> None:
    make(archive, experiments.FIGURE2, ["apical_4-cnn_3d"])
    with archive.project.reader() as connection:
        (entry,) = ledger.entries(connection, "experiment_figure2").values()
    assert (archive.home / str(entry.artifact) / "scores.parquet").exists()


def test_a_cell_has_the_sites_training_but_for_its_network_and_the_experiments_epochs() -> None:
    one = Views({"apical_4": 9}, frozenset({"apical_4"}), 9)
    (cell, *_) = [cell for cell in figure2(Settings(), one) if cell.network == "cnn_2d_gap"]
    site = Settings(training=Training(batch=7, max_epochs=9))
    assert training.training_of(cell, site) == Training(batch=7, max_epochs=9, network="cnn_2d_gap")
    fewer = site.model_copy(update={"experiments": Experiments(max_epochs=2)})
    assert training.training_of(cell, fewer) == Training(batch=7, max_epochs=2, network="cnn_2d_gap")
    samples = Samples(pd.DataFrame(), pd.DataFrame(), (), None)
    assert training.cell_digest(cell, samples, site) != training.cell_digest(cell, samples, fewer)


@pytest.mark.slow
def test_real_networks_train_alone_with_records_and_with_all_views(archive: Archive) -> None:
    """One epoch of everything that Table 1 and the learning curve train; nothing is replaced."""
    curve = ["all_views_and_records-30_patients", "parasternal_long-30_patients"]
    assert make(archive, experiments.FIGURE5, curve) == curve
    table = ["all_views-method", "all_views-none", "no_video-none", "parasternal_long-none", "parasternal_long-ten"]
    assert make(archive, experiments.TABLE1, table) == table
    for name in ("figure5", "table1"):
        found = rows(archive, name)
        assert found["reason"].isna().all(), list(found["reason"])
        assert found["auc"].between(0, 1).all()
