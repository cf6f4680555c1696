"""The experiment on whole studies: what its cells are made from, how they are judged, and how they end."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from archives import Archive, small_archive
from experiments.test_making import make, rows

from assets.experiments import study, training
from assets.experiments.experiments import STUDY
from assets.experiments.samples import Refused, Sampler
from assets.training.ehr_models import EHR_MODEL
from assets.training.view_models import VIEW_MODELS
from echomort.core.errors import Interruption
from echomort.evaluation import auc, ipcw_brier
from echomort.experiments.cells import GRIDS
from echomort.experiments.followed import errors_at, judge_at, known_at
from echomort.experiments.words import network_name
from echomort.models.tabular import TabularModel
from echomort.study_model import task
from echomort.study_model.__main__ import fit_folds
from echomort.study_model.task import StudyTask, partial_folder

pytestmark = pytest.mark.slow

AT_A_YEAR = "all_views-study_model-365_days"


def follow(archive: Archive) -> None:
    """Give the patients a follow-up: deaths on days 10 to 400, others alive for years; every ninth is censored on day
    200, and has no label."""
    with archive.project.writer() as connection:
        connection.execute(
            "INSERT INTO dicom_instance BY NAME SELECT instance_key, 'one' AS folder_key, clip_view.view, 27 AS rows,"
            " 27 AS columns, 'accepted' AS status FROM clip JOIN clip_view USING (clip_key)"
        )
        connection.execute(
            "INSERT INTO instance_link BY NAME SELECT instance_key, study_key, patient_key, 'accepted' AS status"
            " FROM clip"
        )
        connection.execute("UPDATE cohort SET days = CASE WHEN event THEN 10 + hash(study_key) % 350 ELSE 2000 END")
        connection.execute(
            "INSERT INTO censored SELECT study_key, patient_key, role, fold, 200, false, followed_headline FROM cohort"
            " WHERE ('0x' || patient_key)::INT % 9 = 1"
        )
        connection.execute("DELETE FROM cohort WHERE study_key IN (SELECT study_key FROM censored)")
        connection.execute(
            "INSERT INTO score BY NAME SELECT study_key, 'all_views' AS model, fold, coalesce(label, 0) + random() AS"
            " logit, [CASE WHEN j = fold THEN 'nan'::DOUBLE ELSE random() END FOR j IN range(4)] AS without"
            " FROM followed"
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive whose views have models, and whose experiment was made once."""
    archive = small_archive(tmp_path_factory.mktemp("archive") / "home", 80)
    follow(archive)
    make(archive, VIEW_MODELS)
    make(archive, STUDY)
    return archive


def test_every_cell_has_a_figure_or_its_reason(made: Archive) -> None:
    found = rows(made, "study")
    assert len(found) == 2 + 3 + 2 * 6
    known = found[found["reason"].isna()]
    assert {"all_views-mean-365_days", "all_views-stack-365_days", "all_views-early_fusion-365_days", AT_A_YEAR} <= set(
        known.index
    )
    assert known["auc"].between(0, 1).all()
    joined = known["network"].isin(["stack", "mean", "study_model"])
    assert (known.loc[joined, "brier"] > 0).all() and (known.loc[joined, "brier_of_none"] > 0).all()
    assert known.loc[known["network"] == "early_fusion", "brier"].isna().all(), "no map of its own for its risks"
    assert (known.loc[known["network"] == "study_model", "cpu_seconds"] > 0).all()
    assert known.loc[known["network"].isin(["stack", "mean", "cnn_3d"]), "cpu_seconds"].isna().all(), (
        "nothing was fitted"
    )
    assert known.loc[AT_A_YEAR, "patients"] == 80 - 8 - 1, "those censored on day 200 are not known at a year"
    short = found.loc["all_views-study_model-30_days", "reason"]
    assert pd.isna(short) or "of fewer than 3 patients it is known that they died within 30 days" in short


def test_nothing_is_stale_afterwards_and_the_page_has_the_errors(made: Archive) -> None:
    assert make(made, STUDY) == []
    page = (made.home / "experiments" / "study" / "page.html").read_text()
    assert "Brier" in page and "CPU s" in page and "This experiment is this project" in page


def test_changed_models_of_a_view_make_the_study_model_again(made: Archive) -> None:
    sampler, cells = Sampler(made.project), GRIDS["study"](made.project.settings, Sampler(made.project).views)
    (cell,) = [cell for cell in cells if cell.name == AT_A_YEAR]
    samples = study.study_samples(sampler, cell)
    assert isinstance(samples, study.StudySamples)
    before = study.study_cell_digest(cell, samples, made.project.settings)
    changed = study.StudySamples(samples.judged, samples.clips, samples.models, {**samples.made, "apical_4": "other"})
    assert study.study_cell_digest(cell, changed, made.project.settings) != before
    folders = {study.models_of_study_cell(made.project, one, samples) for one in cells if one.network == "study_model"}
    assert len(folders) == 1, "horizons share their models"
    assert set(samples.clips["fold"]) == {0, 1, 2, 3} and samples.clips["event"].dtype == bool


def test_an_encoders_model_is_judged_on_the_patients_of_the_others(made: Archive) -> None:
    settings = made.project.settings
    named = settings.encoders.model_copy(update={"specs": [Path("specs/noise.yaml")]})
    settings = settings.model_copy(update={"encoders": named})
    sampler = Sampler(made.project)
    (cell,) = [cell for cell in GRIDS["study"](settings, sampler.views) if cell.network == "encoder:noise"]
    assert (cell.name, network_name(cell.network)) == ("all_views-encoder:noise-365_days", "encoder noise")
    with pytest.raises(Refused, match="the project has no scores of it"):
        study.study_samples(sampler, cell)
    try:
        with made.project.writer() as connection:
            connection.execute(
                "INSERT INTO score BY NAME SELECT study_key, 'encoder:noise' AS model, fold, coalesce(label, 0) AS"
                " logit, [CASE WHEN j = fold THEN 'nan'::DOUBLE ELSE random() END FOR j IN range(4)] AS without"
                " FROM followed"
            )
        samples = study.study_samples(sampler, cell)
        assert isinstance(samples, study.ProjectScores)
        (stack,) = [cell for cell in GRIDS["study"](settings, sampler.views) if cell.name.startswith("all_views-mean")]
        pd.testing.assert_frame_equal(samples.judged, study.study_samples(sampler, stack).judged)
        figure = judge_at(samples.judged.assign(logit=samples.scores.logits), 365, 0.95, 3)
        assert figure.auc == 1, "its log odds are the outcome"
    finally:
        with made.project.writer() as connection:
            connection.execute("DELETE FROM score WHERE model = 'encoder:noise'")


def test_the_stack_is_judged_without_what_is_beyond_the_cohort(made: Archive) -> None:
    sampler = Sampler(made.project)
    cells = {cell.network: cell for cell in GRIDS["study"](made.project.settings, sampler.views) if cell.view}
    with pytest.raises(Refused, match="no health-record model says which variables count"):
        study.study_samples(sampler, cells["stack_within"])
    odd = sampler.followed["study_key"].iloc[0]
    try:
        TabularModel(("heart_rate",), {}).save(made.home / EHR_MODEL)
        with made.project.writer() as connection:
            connection.execute("UPDATE feature SET heart_rate = 60 + hash(study_key) % 40")
            connection.execute("UPDATE feature SET heart_rate = 900 WHERE study_key = ?", [odd])
        everyone = study.study_samples(sampler, cells["mean"]).judged
        within = study.study_samples(sampler, cells["stack_within"])
        assert isinstance(within, study.ProjectScores)
        assert len(within.judged) == len(within.scores.logits) > 0.8 * len(everyone)
        assert odd in set(everyone["study_key"]) - set(within.judged["study_key"])
        scores = dict(zip(within.judged["study_key"], within.scores.logits, strict=True))
        stack = study.study_samples(sampler, cells["stack"])
        assert isinstance(stack, study.ProjectScores)
        assert scores.items() <= dict(zip(stack.judged["study_key"], stack.scores.logits, strict=True)).items()
    finally:
        shutil.rmtree(made.home / EHR_MODEL)
        with made.project.writer() as connection:
            connection.execute("UPDATE feature SET heart_rate = NULL")


def of(archive: Archive, folder: Path) -> StudyTask:
    """The task of the study model of ``archive``, with another output."""
    sampler = Sampler(archive.project)
    samples = study._study_model(sampler, study._models(sampler))
    folder.mkdir(parents=True, exist_ok=True)
    samples.clips.to_parquet(folder / "clips.parquet", index=False)
    models = {view: Path(name) for view, name in samples.models.items()}
    return StudyTask(
        home=archive.home, models=models, clips=folder / "clips.parquet", ends=(30, 365), seed=1, output=folder / "made"
    )


def content(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_killed_and_resumed_gives_the_same_bytes(
    made: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, resumed = of(made, tmp_path / "whole"), of(made, tmp_path / "resumed")
    task.fit_in_child(whole)
    from echomort.study_model import __main__ as child

    usual, fitted = child.fit, []

    def killed(*given: Any) -> Any:
        if len(fitted) == 2:
            raise KeyboardInterrupt
        fitted.append(given[3])
        return usual(*given)

    partial_folder(resumed.output).mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(child, "fit", killed)
        with pytest.raises(KeyboardInterrupt):
            fit_folds(resumed)
    assert not resumed.output.exists() and len(list(partial_folder(resumed.output).glob("fold_*.parquet"))) == 2
    task.fit_in_child(resumed)
    assert content(whole.output) == content(resumed.output) and not partial_folder(resumed.output).exists()
    assert sorted(content(whole.output)) == [*(f"fold_{fold}.safetensors" for fold in range(4)), "scores.parquet"]
    scores = pd.read_parquet(whole.output / "scores.parquet")
    assert scores["study_key"].is_unique and (scores["logit_365"] >= scores["logit_30"]).all()


def test_the_networks_of_a_fold_are_those_that_left_it_out(
    made: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from echomort.study_model import __main__ as child

    asked = []

    def features(network: Any, pictures: Any) -> np.ndarray:
        asked.append(network)
        return np.zeros((pictures.shape[0], 3), np.float32)

    monkeypatch.setattr(child, "clip_features", features)
    given = of(made, tmp_path / "one")
    models = {view: child.ViewModel.load(made.home / folder) for view, folder in given.models.items()}
    monkeypatch.setattr(
        child.ViewModel,
        "load",
        lambda folder: next(m for v, m in models.items() if folder.name in str(given.models[v])),
    )
    partial_folder(given.output).mkdir()
    fit_folds(given)
    assert asked == [models[view].folds[fold] for fold in range(4) for view in sorted(models)]


def test_a_child_that_dies_is_an_interruption(made: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], -9))
    with pytest.raises(Interruption, match="finished folds are kept"):
        task.fit_in_child(of(made, tmp_path / "one"))


def test_damaged_weights_of_a_view_are_the_reason(made: Archive, tmp_path: Path) -> None:
    given = of(made, tmp_path / "one")
    (first, *_) = given.models.values()
    shutil.copytree(made.home / first, tmp_path / "copy")
    weights = tmp_path / "copy" / "fold_0.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    damaged = given.model_copy(update={"models": dict.fromkeys(given.models, tmp_path / "copy")})
    with pytest.raises(Exception, match="is not the one that was trained"):
        task.fit_in_child(damaged)


def test_one_view_ends_with_a_reason_and_the_view_alone_has_its_figure(tmp_path: Path) -> None:
    archive = small_archive(tmp_path / "home", 60, views=("apical_4",))
    follow(archive)
    make(archive, VIEW_MODELS)
    make(archive, STUDY)
    found = rows(archive, "study")
    joined = found[found["view"] == "all_views"]
    assert (
        len(joined) == 15
        and joined["reason"].str.contains("one view has models, so that there are no views to join").all()
    )
    assert pd.isna(found.loc["apical_4-cnn_3d-365_days", "reason"])


def followed(seed: int = 1, rows: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    days, event = generator.integers(1, 900, rows), generator.random(rows) < 0.5
    return pd.DataFrame(
        {"days": days, "event": event, "fold": np.arange(rows) % 4, "logit": generator.normal(size=rows)}
    )


def test_only_those_of_whom_it_is_known_are_judged_and_all_weigh_in_the_error() -> None:
    table = followed()
    known = known_at(table, 365)
    died = table["event"] & (table["days"] <= 365)
    assert set(known.index) == set(table.index[died | (table["days"] >= 365)])
    judged = judge_at(table, 365, 0.95, 10)
    within = [auc(part["label"], part["logit"]) for _, part in known.groupby("fold")]
    assert min(within) <= judged.auc <= max(within) and judged.patients == len(known)
    risk = 1 / (1 + np.exp(-table["logit"]))
    assert errors_at(table, 365, risk).brier == pytest.approx(ipcw_brier(table["days"], table["event"], risk, 365))
    assert errors_at(table, 365, risk).brier_of_none < 0.26


def test_the_cost_is_kept_with_the_models(made: Archive) -> None:
    costs = list((made.home / training.MODELS).glob("*/cost.json"))
    assert len(costs) == 1 and all(json.loads(file.read_text())["cpu_seconds"] > 0 for file in costs)
