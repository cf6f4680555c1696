"""The figures of the experiments: the same on every run, whatever cells there are, ours told from the preprint's."""

import re

import pytest
from experiments.planted import NAMES, cells, drawn

from echomort.experiments.blocks import picture
from echomort.experiments.figures import COLOURS, MARKERS, draw
from echomort.experiments.results import findings
from echomort.method import facts
from echomort.report.drawing.style import PALETTE, inline_svg, png

ALL_VIEWS_USED = tuple(
    view.strip() for view in next(f.value for f in facts("video") if f.name == "The groups used").strip("[]").split(",")
)
WORDS_ONLY = ("figure5", "resolution", "flow", "inputs", "study")
"""Experiments of which the preprint has no number to draw."""


def svg(rows, experiment, is_synthetic=True):
    return inline_svg(draw(findings(rows, experiment, is_synthetic)), "figure", "alt")


@pytest.mark.parametrize("experiment", NAMES)
@pytest.mark.parametrize("amount", [0, 1, None])
def test_a_figure_is_drawn_for_no_cell_one_cell_and_all_cells(experiment, amount):
    rows = drawn(experiment, 1).iloc[:amount]
    first, second = (svg(rows, experiment) for _ in range(2))
    assert first == second and "http" not in first
    assert not re.findall(r"#[0-9a-f]{6}\b", first)
    assert set(re.findall(r"var\(--(\w+)\)", first)) <= {*PALETTE, "sans"}
    assert ("No cell has a figure yet." in first) == (amount == 0)
    assert png(draw(findings(rows, experiment, True))).startswith(b"\x89PNG")


@pytest.mark.parametrize("experiment", NAMES)
def test_a_figure_alone_says_whose_it_is(experiment):
    drawn_one = svg(cells(experiment), experiment)
    assert "ours, synthetic archive" in drawn_one
    assert "ours, this archive" in svg(cells(experiment), experiment, is_synthetic=False)
    assert "synthetic" not in svg(cells(experiment), experiment, is_synthetic=False)
    assert ("preprint" in drawn_one) == (experiment not in WORDS_ONLY)


def test_figure_2_has_the_preprints_ranges_and_says_where_there_is_none():
    drawn_one = svg(cells("figure2"), "figure2")
    for words in ("preprint 0.695", "preprint 0.703", "preprint, range over its views"):
        assert words in drawn_one
    assert drawn_one.count("no preprint number") == 2


def test_table_1_has_all_nine_numbers_beside_ours():
    drawn_one = svg(cells("table1", 0.713), "table1")
    for number in ("0.532", "0.786", "0.851", "0.801", "0.824", "0.825", "0.839", "0.843", "0.858"):
        assert f">{number}<" in drawn_one
    assert drawn_one.count(">0.713<") == 9


def test_figure_3_has_a_panel_for_every_view_and_the_preprints_floor():
    drawn_one = svg(cells("figure3", 0.7, ALL_VIEWS_USED), "figure3")
    assert "preprint, all above 0.64" in drawn_one and "Subcostal IVC" in drawn_one
    assert drawn_one.count(">365<") == len(ALL_VIEWS_USED) == 21


def test_the_axis_of_the_learning_curve_has_the_sizes():
    drawn_one = svg(cells("figure5"), "figure5")
    assert all(f">{size}<" in drawn_one for size in (10, 30, 100, 480))
    assert "All views and 158 variables" in drawn_one


def test_a_cell_of_few_patients_is_not_drawn():
    rows = cells("figure2")
    rows["deaths"] = 4
    shown = picture(findings(rows, "figure2", True))
    assert "No cell has a figure yet." in shown.svg and not shown.points and "0.800" not in shown.svg


def test_no_series_is_told_by_its_colour_alone():
    assert len(set(COLOURS)) == len(COLOURS) == len(set(MARKERS)) == len(MARKERS)
    assert set(COLOURS) <= set(PALETTE.values())


def test_the_alternative_text_has_the_numbers():
    found = findings(cells("inputs", 0.75), "inputs", True)
    assert "Apical four-chamber, raw 0.750" in picture(found).svg
