"""The report's section on the paper's experiments: there only with results, and read from the warehouse."""

import pandas as pd
from experiments.planted import FIGURES, cell, cells, frame

from assets.project import Project
from echomort.experiments.results import COLUMNS
from echomort.report.data import ReportData
from echomort.report.exports import exported
from echomort.report.numbers import Numbers
from echomort.report.sections.experiments import experiments
from echomort.vocabulary.metric_table import COLUMNS as METRICS
from warehouse.queries import run


def section(rows, synthetic=True, least=10):
    nothing = pd.DataFrame()
    data = ReportData(
        *("t", "s", synthetic, nothing, nothing, nothing, (), {}), experiments=rows, suppress_below_events=least
    )
    return experiments(data, Numbers(pd.DataFrame(columns=list(METRICS))))


def both():
    return pd.concat([cells("figure2"), cells("figure5"), cells("table1")], ignore_index=True)


def test_there_is_no_section_without_results():
    assert section(pd.DataFrame(columns=["experiment"])) == []
    rows = cells("figure2")
    rows[list(FIGURES)] = None
    assert section(rows) == []
    assert section(cells("table1")) == []
    assert section(both(), least=98) == []


def test_views_by_networks_and_the_learning_curve_are_shown_with_their_files():
    (made,) = section(both())
    assert [picture.name for picture in made.pictures] == ["experiment-figure2", "experiment-figure5"]
    assert list(exported([made])) == [
        *("figures/experiment-figure2.svg", "figures/experiment-figure5.svg"),
        *("tables/experiment-figure2.csv", "tables/experiment-figure5.csv"),
    ]
    assert "at the size of this archive" in made.lead and "which is synthetic" in made.lead
    assert "0.695 to 0.784, over its views" in exported([made])["tables/experiment-figure2.csv"]
    assert "synthetic" not in section(both(), synthetic=False)[0].lead


def test_only_the_experiment_that_was_run_is_shown():
    (made,) = section(cells("figure5"))
    assert [picture.name for picture in made.pictures] == ["experiment-figure5"]
    assert "still rising at 26,428 studies" in exported([made])["tables/experiment-figure5.csv"]


def test_few_deaths_have_no_figure_in_the_section():
    rows = frame([cell("figure2", 0.7431, deaths=4), cell("figure2", 0.8, view="apical_2")])
    (made,) = section(rows)
    assert "0.743" not in "".join(exported([made]).values())
    assert "1 cell with an AUC, 1 without." in made.blocks[1].texts[0]


def insert(project, rows):
    with project.writer() as connection:
        for row in rows.astype(object).where(rows.notna(), None).itertuples(index=False):
            marks = ", ".join("?" * len(COLUMNS))
            connection.execute(f"INSERT INTO experiment_cell ({', '.join(COLUMNS)}) VALUES ({marks})", list(row))


def test_the_warehouse_gives_the_section_its_rows(tmp_path):
    project = Project(home=str(tmp_path))
    insert(project, both())
    with project.reader() as connection:
        rows = run(connection, "reads/report/report_experiments.sql").df()
    assert set(rows["experiment"]) == {"figure2", "figure5"}
    assert exported(section(rows)) == exported(section(both()))
