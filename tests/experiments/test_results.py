"""The results of an experiment: their order, the protection of few patients, the CSV and the terminal."""

import csv
import io

import pytest
from experiments.planted import NAMES, cell, cells, frame
from rich.console import Console

from echomort.experiments.results import CSV_COLUMNS, Display, findings, results, results_csv
from orchestration.printing.experiment import print_experiment


def rows_of(found):
    return list(csv.DictReader(io.StringIO(results_csv(found))))


@pytest.mark.parametrize("experiment", NAMES)
def test_the_order_does_not_depend_on_that_of_the_warehouse(experiment):
    made = cells(experiment)
    mixed = made.sample(frac=1, random_state=5)
    assert results(mixed, experiment) == results(made, experiment)
    assert len({result.name for result in results(made, experiment)}) == len(made)


def test_the_networks_pictures_and_sizes_have_their_order():
    assert [one.network for one in results(cells("figure2"), "figure2")[:4]] == [
        *("cnn_3d", "cnn_3d_gap", "cnn_2d_lstm", "cnn_2d_gap")
    ]
    assert [one.most_patients for one in results(cells("figure5"), "figure5")[:4]] == [10, 30, 100, None]
    assert results(cells("figure5"), "figure5")[0].view is None


def test_rows_of_other_experiments_are_left_out_and_an_unknown_one_is_refused():
    assert results(cells("figure2"), "figure3") == []
    with pytest.raises(KeyError):
        results(cells("figure2"), "figure9")


@pytest.mark.parametrize(("patients", "deaths"), [(350, 9), (350, 341), (12, 4), (9, 0)])
def test_few_deaths_or_survivors_have_no_figure_and_no_count_of_deaths(patients, deaths):
    (found,) = results(frame([cell("figure2", patients=patients, deaths=deaths)]), "figure2")
    assert not found.is_known and found.area.events is None and str(found.folds) == "(nan, nan)"
    assert found.reason == "suppressed: fewer than 10 deaths or survivors"
    assert found.area.n == (patients if patients >= 10 else None)


def test_enough_of_both_are_shown_and_the_least_is_the_settings():
    row = frame([cell("figure2", patients=20, deaths=10)])
    assert results(row, "figure2")[0].is_known
    assert not results(row, "figure2", suppress_below=11)[0].is_known


def test_a_figure_whose_patients_are_not_counted_is_withheld():
    (found,) = results(frame([cell("figure2", patients=None, deaths=None)]), "figure2")
    assert not found.is_known and "not known" in found.reason


def test_a_reason_is_kept_and_its_few_deaths_are_not():
    (found,) = results(frame([cell("figure2", patients=14, deaths=2, reason="no clips")]), "figure2")
    assert (found.reason, found.area.n, found.area.events) == ("no clips", 14, None)


@pytest.mark.parametrize(
    ("planned", "rows", "text"),
    [
        (None, [cell("figure2")], "1 cell with an AUC."),
        (84, [cell("figure2")], "1 cell with an AUC, 83 not made yet."),
        (3, [cell("figure2", reason="no clips")], "0 cells with an AUC, 1 without, 2 not made yet."),
        (None, [cell("figure2", reason=None)], "0 cells with an AUC, 1 not made yet."),
        (4, [], "0 cells with an AUC, 4 not made yet."),
        (1, [cell("figure2")], "1 cell with an AUC."),
    ],
)
def test_cells_are_counted(planned, rows, text):
    assert findings(frame(rows), "figure2", True, Display(planned)).counts_text == text


def test_the_csv_tells_ours_from_the_preprints():
    found = findings(cells("table1"), "table1", True)
    rows = rows_of(found)
    assert tuple(rows[0]) == CSV_COLUMNS and len(rows) == 9
    assert {row["ours_synthetic"] for row in rows} == {"true"}
    one = next(row for row in rows if (row["view"], row["variables"]) == ("all_views", "method"))
    assert (one["ours_auc"], one["preprint"], one["preprint_source"]) == (
        "0.8000",
        "0.858",
        "arXiv 1811.10553, table 1",
    )
    assert {row["ours_synthetic"] for row in rows_of(findings(cells("table1"), "table1", False))} == {"false"}


def test_the_csv_has_no_figure_of_few_patients_and_no_formula():
    rows = rows_of(findings(frame([cell("figure2", view="=cmd()", deaths=3)]), "figure2", False))
    assert rows[0]["ours_auc"] == rows[0]["ours_deaths"] == rows[0]["ours_fold_low"] == ""
    assert rows[0]["view"] == "'=cmd()" and rows[0]["ours_without"].startswith("suppressed")
    unknown = rows_of(findings(cells("inputs"), "inputs", False))
    assert {row["preprint"] for row in unknown} == {"no number of the preprint is known"}


def printed(rows, **how):
    out = Console(file=io.StringIO(), width=160)
    print_experiment(rows, out, **how)
    return out.file.getvalue()


def test_the_terminal_says_synthetic_both_numbers_and_what_is_left():
    text = printed(cells("table1"), is_synthetic=True, display=Display(planned=9))
    assert text.startswith("Inputs: video and records; synthetic archive: nothing of ours is about patients")
    assert "AUC, ours (synthetic)" in text and "0.858" in text and "9 cells with an AUC.\n" in text
    own = printed(cells("figure2").iloc[:1], display=Display(planned=42))
    assert "synthetic" not in own and "41 not made yet" in own and "0.695 to 0.784" in own


def test_the_terminal_has_each_reason_in_full_and_once_whatever_its_width():
    why = "no clip of a study of the cohort is there as annotated and as raw: other views or files are needed"
    refused = [cell("inputs", view=view, picture="raw", reason=why) for view in ("apical_4", "parasternal_long")]
    assert " ".join(printed(frame(refused)).split()).count(why) == 1


def test_the_terminal_shows_no_figure_of_few_patients():
    text = printed(frame([cell("figure2", 0.789, deaths=3)]))
    assert "0.789" not in text and "fewer than 10 deaths or survivors" in text
