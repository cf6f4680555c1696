"""``import echomort``: every public name loads, no project needs Dagster, and docs/python.md does what it says."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import duckdb
import matplotlib
import numpy as np
import pandas as pd
import pytest
from projects import SETTINGS, Home
from pydicom.data import get_testdata_file

import echomort
from docs.generators.api_page import lines
from echomort.settings.sections import Evaluation

matplotlib.use("agg")
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python.md"


def test_the_page_of_the_names_is_made_from_them() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    assert page == "\n".join(lines()) + "\n", "run `python -m docs.generators.api_page > docs/api.md`"


def test_every_public_name_loads_and_has_words() -> None:
    assert set(echomort.MODULES) == {*echomort.__all__} - {"__version__"} <= {*dir(echomort)}
    assert [name for name in echomort.MODULES if not getattr(echomort, name).__doc__] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        echomort.nothing  # noqa: B018


def test_importing_loads_nothing_heavy_and_a_project_never_dagster() -> None:
    code = (
        "import sys, echomort; heavy = {'torch', 'duckdb', 'pandas', 'matplotlib', 'dagster'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "[getattr(echomort, name) for name in echomort.__all__]; assert 'dagster' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(echomort.UserError, match=r"there is no project at .*echomort run"):
        echomort.Project(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- plots -----------------------------------------------------------------------------------------------------------


def drawn(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Risks and outcomes that follow them."""
    random = np.random.default_rng(1)
    risk = random.uniform(0.02, 0.9, n)
    return (random.uniform(size=n) < risk).astype(int), risk


def test_a_roc_plot_says_the_auc_and_draws_the_curve() -> None:
    died, risk = drawn()
    axes = echomort.roc_plot(died, risk, "mine")
    (text,) = [text.get_text() for text in axes.get_legend().get_texts()]
    assert text.startswith(f"mine {echomort.auc(died, risk):.3f} (")
    x, y = axes.lines[0].get_data()
    assert np.trapezoid(y, x) == pytest.approx(echomort.auc(died, risk))
    with pytest.raises(ValueError, match="deaths and survivors"):
        echomort.roc_plot(np.zeros(5), risk[:5])


def test_a_calibration_plot_of_true_risks_lies_on_the_diagonal() -> None:
    died, risk = drawn(4000)
    x, y = echomort.calibration_plot(died, risk, "true").lines[0].get_data()
    assert np.abs(x - y).max() < 0.08
    with pytest.raises(ValueError, match="probability"):
        echomort.calibration_plot(died, risk * 3)


def test_a_decision_curve_of_a_constant_below_the_threshold_is_worth_nothing() -> None:
    died, _ = drawn()
    line, everyone, _ = echomort.decision_curve_plot(died, np.full(len(died), 0.1), thresholds=[0.05, 0.2]).lines
    assert line.get_ydata()[1] == 0
    assert line.get_ydata()[0] == pytest.approx(everyone.get_ydata()[0])


def test_two_decision_curves_share_one_name_for_acting_on_all_and_on_none() -> None:
    died, risk = drawn()
    axes = echomort.decision_curve_plot(died, risk, "one")
    echomort.decision_curve_plot(died, risk**2, "other", ax=axes)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["one", "act on all", "act on none", "other"]


def test_all_plots_go_into_the_axes_that_they_are_given() -> None:
    died, risk = drawn()
    clip = echomort.read_clip(get_testdata_file("examples_ybr_color.dcm"))
    figure, all_axes = matplotlib.pyplot.subplots(4)
    plots = (echomort.roc_plot, echomort.calibration_plot, echomort.decision_curve_plot)
    for plot, axes in zip(plots, all_axes, strict=False):
        assert plot(died, risk, ax=axes) is axes
    assert echomort.show(clip, 4, all_axes[3]) is all_axes[3]
    assert all_axes[3].images[0].get_array().shape == (109, 4 * 150)
    assert len(figure.axes) == 4


@pytest.mark.parametrize("shape", [(3, 4), (0, 4, 4), (1, 2, 3, 4)])
def test_what_is_no_clip_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="frames, height, width"):
        echomort.show(np.zeros(shape, np.uint8))


def test_the_padding_of_a_short_loop_is_not_shown() -> None:
    pixels = np.zeros((20, 6, 8), np.uint8)
    pixels[:4] = 200
    assert echomort.show(pixels, 4).images[0].get_array().min() == 200


# --- a project -------------------------------------------------------------------------------------------------------


@pytest.fixture
def read(finished: Home) -> echomort.Project:
    return echomort.Project(finished.root)


@pytest.mark.slow
def test_tables_are_those_of_the_run(read: echomort.Project, finished: Home) -> None:
    cohort = read.cohort()
    assert set(cohort["role"]) > {"development"} and set(read.cohort("development")["role"]) == {"development"}
    assert len(read.features()) == finished.query("SELECT count(*) FROM feature")[0][0]
    assert {"age", "lvef"} < set(read.features())
    assert set(read.metrics("auc")["metric"]) == {"auc"}
    assert set(read.scores("ehr")["study_key"]) >= set(cohort.query("role == 'development'")["study_key"])
    assert read.risks()["risk"].between(0, 1).all()
    assert read.query("SELECT $a + 1 AS b", a=1)["b"].tolist() == [2]
    assert read.report.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_the_status_counts_what_each_asset_took_and_left_out(read: echomort.Project, finished: Home) -> None:
    status = read.status().set_index("asset")
    assert "report" in status.index and not status.index.str.startswith("check:").any()
    ((clips, rejected),) = finished.query("SELECT count(*) FILTER (status = 'accepted'), count(reason) FROM clip")
    assert status.loc["clips", ["accepted", "left_out"]].tolist() == [clips, rejected]
    ((staged, dropped),) = finished.query(
        "SELECT rows_staged, rows_read - rows_staged FROM staging_count WHERE table_name = 'contact'"
    )
    assert status.loc["contact", ["accepted", "left_out"]].tolist() == [staged, dropped]
    steps = "SELECT studies FROM attrition WHERE reason IN ('LABELLED', 'COHORT') ORDER BY step"
    assert status.loc[["outcomes", "cohort"], "accepted"].tolist() == [studies for (studies,) in finished.query(steps)]
    assert status.loc["report", ["accepted", "left_out"]].isna().all()


@pytest.mark.slow
def test_the_checks_say_what_they_found(read: echomort.Project) -> None:
    checks = read.checks().set_index("name")
    assert checks.loc["attrition_reconciles", "passed"] and checks["found"].notna().all()
    assert checks.loc["patient_rows_set_aside", "found"].startswith("CONTACT_AFTER_DEATH")


@pytest.mark.slow
def test_predictions_give_the_reported_auc_one_row_a_patient(read: echomort.Project) -> None:
    found = read.predictions("video_ehr")
    reported = read.metrics("auc").query("model == 'video_ehr' and evaluation == 'out_of_fold' and subset == 'all'")
    assert found["patient_key"].is_unique and set(found["label"]) == {0, 1}
    assert echomort.auc(found["label"], found["risk"]) == pytest.approx(reported["value"].item())
    assert np.log(found["risk"] / (1 - found["risk"])).to_numpy() == pytest.approx(found["logit"].to_numpy())
    cohort = read.cohort("development").set_index("study_key").loc[found["study_key"]]
    assert cohort["headline"].all() and cohort["fold"].tolist() == found["fold"].tolist()


@pytest.mark.slow
def test_scores_of_other_models_are_read_as_the_project_s_own(project: Home) -> None:
    read = echomort.Project(project.root)
    own = read.predictions("ehr")
    with duckdb.connect(str(project.root / "warehouse.duckdb")) as connection:
        connection.executemany(
            "INSERT INTO external_score VALUES (?, 'external:other', ?)",
            own[["study_key", "logit"]].assign(logit=-own["logit"]).values.tolist(),
        )
    found = read.scores("external:other")
    assert found["logit"].sum() == pytest.approx(-own["logit"].sum()) and found["fold"].isna().all()
    test = read.compare("external:other", "ehr")
    assert test.auc_a == pytest.approx(1 - test.auc_b)
    figures = echomort.evaluate(read.cohort("development"), read.scores())
    assert {"external:other", "ehr"} <= set(figures["model"])


@pytest.mark.slow
def test_clips_of_a_fold_and_of_the_others_are_all_and_share_no_patient(read: echomort.Project) -> None:
    every = read.clips(view="apical_4")
    cohort = read.cohort("development").set_index("study_key")
    assert {every.targets[key] for key in every.rows["clip_key"]} == {0, 1}
    assert set(every.rows["study_key"]) <= set(cohort.index[cohort["label"].notna()])
    assert set(cohort["fold"]) == set(range(SETTINGS["cohort.folds"]))
    for fold in range(SETTINGS["cohort.folds"]):
        train, test = (read.clips(view="apical_4", fold=fold, split=split) for split in ("train", "test"))
        assert len(train) + len(test) == len(every)
        assert not set(train.rows["patient_key"]) & set(test.rows["patient_key"])
        assert set(cohort.loc[test.rows["study_key"], "fold"]) == {fold}
    pixels, label = every[0]
    assert label == cohort.loc[every.rows["study_key"][0], "label"] and pixels.ndim == 3


@pytest.mark.slow
def test_what_is_not_there_is_named_with_what_is(read: echomort.Project) -> None:
    for ask, words in (
        (lambda: read.clips(view="apical"), "there is no view apical: known: apical_4, parasternal_long"),
        (lambda: read.clips(fold=9, split="test"), "there is no fold 9"),
        (lambda: read.clips(fold=1), "fold and split go together"),
        (lambda: read.clips(fold=1, split="val"), "there is no split val"),
        (lambda: read.cohort("dev"), "there is no role dev: known: development, reader, sealed"),
        (lambda: read.table("patients"), "there is no table patients: name one of"),
        (lambda: read.scores("cnn"), "there is no model cnn: known: all_views"),
        (lambda: read.predictions("cnn"), "cnn has scored no development patient: models with scores: all_views"),
        (lambda: read.compare("ehr", "cnn"), "ehr and cnn have scored no study in common"),
    ):
        with pytest.raises(echomort.UserError, match=words):
            ask()


@pytest.mark.slow
def test_the_warehouse_can_not_be_changed(read: echomort.Project) -> None:
    with pytest.raises(Exception, match="read-only"):
        read.query("DELETE FROM metric")


@pytest.mark.slow
def test_the_page_does_what_it_says(read: echomort.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").symlink_to(read.home)
    (tmp_path / "loop.dcm").symlink_to(get_testdata_file("examples_ybr_color.dcm"))
    monkeypatch.setattr("echomort.evaluation.summary.Evaluation", partial(Evaluation, suppress_below_events=2))
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(code, names)
    figures = names["figures"]
    assert isinstance(figures, pd.DataFrame)
    found = figures.query("metric == 'auc' and evaluation == 'out_of_fold' and subset == 'all'").set_index("model")
    reported = read.metrics("auc").query("model == 'ehr' and evaluation == 'out_of_fold' and subset == 'all'")
    assert found.loc["ehr", "value"] == pytest.approx(reported["value"].iloc[0])
    assert 0 <= found.loc["mine", "value"] <= 1
    assert (tmp_path / "roc.svg").is_file()
