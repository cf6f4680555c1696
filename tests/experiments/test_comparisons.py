"""The sentences of an experiment follow its numbers."""

import re

import pytest
from experiments.planted import FIGURES, NAMES, NETWORKS, VIEWS, cell, cells, drawn, frame

from echomort.experiments.comparisons import UNCLEAR, differences, sentences
from echomort.experiments.results import results

CLEAR = re.compile(r"\b(higher|lower) (?:in|by)\b")


def said(rows, experiment):
    return sentences(results(rows, experiment))


@pytest.mark.parametrize("experiment", NAMES)
def test_equal_cells_show_no_difference(experiment):
    found = said(cells(experiment), experiment)
    assert found and not any(CLEAR.search(sentence) for sentence in found)
    assert any(UNCLEAR in sentence for sentence in found)


@pytest.mark.parametrize("experiment", NAMES)
@pytest.mark.parametrize("seed", range(8))
def test_every_count_in_a_sentence_is_that_of_the_intervals(experiment, seed):
    found = results(drawn(experiment, seed), experiment)
    pairs = differences(found)
    for pair in pairs:
        one, other = pair.first.area, pair.second.area
        apart = "higher" if one.low > other.high else "lower" if one.high < other.low else UNCLEAR
        assert pair.direction == apart
    for sentence in (one for one in sentences(found) if "best" not in one):
        what = re.match(r"AUC, (.*?)(?:, of \d+ pairs)?: ", sentence)[1]
        mine = [pair for pair in pairs if pair.what == what]
        assert mine, sentence
        for direction in ("higher", "lower"):
            amount = sum(pair.direction == direction for pair in mine)
            words = f"{direction} in {amount} (" if len(mine) > 1 else f", {direction} by "
            assert (words in sentence) == bool(amount), sentence


def test_a_planted_difference_is_said_with_its_view_and_size():
    areas = [0.7, 0.7, 0.85, 0.7, *[0.8] * 8]
    found = said(cells("figure2", areas), "figure2")
    (sentence,) = [one for one in found if "2-D CNN + LSTM against 3-D CNN" in one]
    assert sentence.endswith("of 3 pairs: higher in 1 (Apical two-chamber by 0.150); in 2 no difference is shown.")
    worse = said(cells("figure2", [0.8, 0.6, *[0.8] * 10]), "figure2")
    assert any(
        "3-D CNN + GAP against 3-D CNN, of 3 pairs: lower in 1 (Apical two-chamber by 0.200)" in s for s in worse
    )


def test_intervals_that_touch_are_no_difference():
    rows = frame([cell("flow", 0.7, 0.05, picture="clips"), cell("flow", 0.8, 0.05, picture="clips+flow")])
    assert differences(results(rows, "flow"))[0].direction == UNCLEAR
    assert "intervals overlap" in said(rows, "flow")[0]


def test_without_an_interval_no_difference_is_shown():
    open_ended = cell("flow", 0.95, picture="clips+flow", auc_low=None, auc_high=None)
    rows = frame([cell("flow", 0.6, picture="clips"), open_ended])
    assert "without both intervals" in said(rows, "flow")[0] and UNCLEAR in said(rows, "flow")[0]


def test_a_view_is_best_only_where_its_interval_is_above_all_others():
    def of_one_network(areas):
        rows = [cell("figure2", area, view=view) for view, area in zip(VIEWS, areas, strict=True)]
        return said(frame(rows), "figure2")[0]

    clear = of_one_network([0.6, 0.65, 0.85])
    assert clear == (
        "AUC, 3-D CNN: Parasternal long axis 0.850 is the best view; its interval (0.800\N{EN DASH}0.900) lies above "
        "those of all others."
    )
    for near in ([0.6, 0.8, 0.85], [0.8, 0.82, 0.85], [0.85, 0.85, 0.85]):
        assert of_one_network(near).startswith(
            "No view is shown to be the best; the highest is not apart from all others"
        )
    rows = cells("figure2", [0.6, 0.8, 0.8, 0.8, 0.6, 0.8, 0.8, 0.8, 0.9, 0.8, 0.8, 0.8])
    found = [one for one in said(rows, "figure2") if "best" in one]
    assert len(found) == 2 and "3-D CNN: Parasternal long axis 0.900 is the best view" in found[0]
    assert "3-D CNN + GAP: " in found[1] and "2-D CNN + LSTM: " in found[1] and "3-D CNN: " not in found[1]


def test_a_network_is_not_best_in_a_view_alone():
    assert said(frame([cell("figure2")]), "figure2") == []


def test_the_longest_horizon_is_against_the_shortest():
    rising = said(cells("figure3", [0.65, 0.7, 0.75, 0.8] * 3), "figure3")
    assert rising == [
        "AUC, 365 days against 90 days, of 3 pairs: higher in 3 (Apical two-chamber by 0.150, Apical four-chamber by "
        "0.150, Parasternal long axis by 0.150)."
    ]


def test_the_learning_curve_tells_its_whole_from_its_last_step():
    whole, last = said(cells("figure5", [0.5, 0.6, 0.75, 0.76] * 3), "figure5")
    assert "most patients against fewest, of 3 pairs: higher in 3" in whole
    assert last == "AUC, most patients against the step before: no difference is shown in any of 3 pairs."


def test_table_1_tells_what_video_adds_to_records():
    areas = [0.5, 0.6, 0.7, 0.75, 0.76, 0.77, 0.9, 0.91, 0.92]
    found = said(cells("table1", areas), "table1")
    (adds,) = [one for one in found if "video and records against the records alone" in one]
    assert "of 4 pairs: higher in 3" in adds and "in 1 no difference is shown" in adds
    assert any("all views against one, of 3 pairs: higher in 3" in one for one in found)
    assert not any("no records, no difference" in one for one in found), "a random guess is compared with nothing"


def test_cells_without_an_auc_are_compared_with_nothing():
    rows = cells("inputs", 0.8)
    rows.loc[rows["picture"] == "raw", list(FIGURES)] = None
    assert said(rows, "inputs") == [] and said(rows.iloc[:0], "inputs") == []


def test_one_pair_is_told_in_full():
    rows = frame([cell("inputs", 0.9, picture="raw"), cell("inputs", 0.7, picture="annotated")])
    assert said(rows, "inputs") == [
        "AUC, raw against annotated: Apical four-chamber, higher by 0.200 (0.900 against 0.700, intervals apart)."
    ]


def test_every_network_but_the_3d_one_is_compared_with_it():
    pairs = differences(results(cells("figure2"), "figure2"))
    assert len(pairs) == len(VIEWS) * (len(NETWORKS) - 1)
    assert {pair.second.network for pair in pairs} == {"cnn_3d"}
