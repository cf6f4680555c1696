"""What is called the preprint's is what the preprint says: its numbers, ranges and words, and nothing else."""

import re

import pytest

from echomort.experiments.published import EXPERIMENTS, lowest_at_any_horizon, quoted
from echomort.method import PUBLISHED, facts

TABLE_1 = {
    (None, "none"): "0.532",
    (None, "ten"): "0.786",
    (None, "method"): "0.851",
    ("apical_4", "none"): "0.801",
    ("apical_4", "ten"): "0.824",
    ("apical_4", "method"): "0.825",
    ("all_views", "none"): "0.839",
    ("all_views", "ten"): "0.843",
    ("all_views", "method"): "0.858",
}
"""arXiv 1811.10553 version 2, table 1: (video, variables) -> AUC on the 600 patients."""


@pytest.mark.parametrize(("video", "variables"), TABLE_1)
def test_a_cell_of_table_1_has_the_preprints_number(video, variables):
    found = quoted("table1", video, "early_fusion", variables)
    assert found.text == TABLE_1[video, variables] and found.source == "arXiv 1811.10553, table 1"
    assert found.low == found.high == float(found.text)


@pytest.mark.parametrize(
    ("given", "text", "low", "high"),
    [
        (("figure2", "apical_4", "cnn_3d", "none"), "0.695 to 0.784, over its views", 0.695, 0.784),
        (("figure2", "apical_4", "cnn_2d_lstm", "none"), "0.703 to 0.752, over its views", 0.703, 0.752),
        (("figure3", "apical_4", "cnn_3d", "none"), "all above 0.64", 0.64, 0.64),
        (("figure5", "all_views", "early_fusion", "method"), "still rising at 26,428 studies", None, None),
        (("figure5", None, None, "method"), "flattening", None, None),
        (("resolution", "apical_4", "cnn_3d", "none"), "no consistent difference", None, None),
        (("flow", "apical_4", "early_fusion", "none"), "no consistent gain, dropped", None, None),
    ],
)
def test_a_range_or_words_are_quoted_where_the_preprint_gives_no_number(given, text, low, high):
    found = quoted(*given)
    assert (found.text, found.low, found.high) == (text, low, high)


@pytest.mark.parametrize("network", ["cnn_3d_gap", "cnn_2d_gap", "linear", "own"])
def test_a_network_without_a_number_has_none(network):
    assert quoted("figure2", "apical_4", network, "none") is None


def test_raw_against_annotated_has_nothing_of_the_preprint():
    assert quoted("inputs", "apical_4", "cnn_3d", "none") is None and not EXPERIMENTS["inputs"].place


def test_every_experiment_of_the_preprint_has_facts_and_all_are_the_preprints():
    for experiment in EXPERIMENTS.values():
        assert bool(experiment.found) == bool(experiment.place)
        assert all(fact.status == "preprint" for fact in experiment.found)
    assert lowest_at_any_horizon() == 0.64


def test_what_the_preprint_did_has_no_number_that_is_in_no_fact():
    told = (f"{fact.name} {fact.value}" for fact in facts() if fact.status in PUBLISHED)
    known = {number for text in told for number in re.findall(r"\d+", text)}
    names = {"2", "3", "4", "5"}  # 2-D, 3-D, and the numbers of figures
    for experiment in EXPERIMENTS.values():
        assert set(re.findall(r"\d+", experiment.did)) <= known | names | {"12"}, experiment.name


def test_the_curve_with_video_is_that_of_the_studies_with_all_views():
    assert quoted("figure5", "parasternal_long", "cnn_3d", "none") is None
