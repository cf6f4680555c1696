"""An experiment of the preprint, as a person runs it on a finished project."""

import pytest
from projects import Home, assignments, rebuilt

pytestmark = pytest.mark.slow

FEW = {"evaluation.suppress_below_events": 1, "training.views": "[apical_4]"}
"""A small project has few deaths, and one view is enough."""


def test_cells_are_made_some_at_a_time_and_the_report_follows(project: Home) -> None:
    before = project.ledger()
    first = project.here("experiment", "figure2", "--cells", "1", *assignments(FEW))
    assert first.status == 0, first.stderr[-3000:]
    assert "cells: 1 done, 3 left (3 for another run)" in " ".join(first.stderr.split())
    assert "3 not made yet" in first.stdout
    assert rebuilt(before, project.ledger()) == {"experiment_figure2"}

    again = project.here("experiment", "figure2")
    assert again.status == 0, again.stderr[-3000:]
    assert "0.695 to" in again.stdout and "4 cells with an AUC" in again.stdout, "however wide the table is"
    cells = project.query("SELECT cell, auc, reason, cpu_seconds FROM experiment_cell ORDER BY cell")
    assert [name for name, *_ in cells] == [f"apical_4-{net}" for net in NETWORKS]
    assert all(auc is not None and reason is None and seconds > 0 for _, auc, reason, seconds in cells)
    page = project.root / "experiments" / "figure2" / "page.html"
    assert str(page) in again.stdout and page.exists()
    assert "nothing to do" in project.here("experiment", "figure2").stdout

    assert "report" in project.stale(), "it shows the cells"
    before = project.ledger()
    project.rerun()
    made = rebuilt(before, project.ledger())
    assert "report" in made and not {one for one in made if one.startswith("experiment_")}
    assert project.stale() == {}


NETWORKS = ("cnn_2d_gap", "cnn_2d_lstm", "cnn_3d", "cnn_3d_gap")


def test_an_experiment_that_does_not_exist_is_refused(project: Home) -> None:
    assert project.here("experiment", "figure4").status == 2


def test_a_view_without_enough_patients_is_refused_and_the_rest_is_made(project: Home) -> None:
    wanted = {"training.views": "[apical_4]", "evaluation.suppress_below_events": 10}
    done = project.here("experiment", "figure3", *assignments(wanted))
    assert done.status == 0, done.stderr[-3000:]
    reasons = project.query("SELECT reason FROM experiment_cell WHERE experiment = 'figure3'")
    assert len(reasons) == 4 and all("add studies" in one for (one,) in reasons)
