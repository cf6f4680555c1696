"""The method as data: facts against settings, networks and files; and the page made from them."""

from pathlib import Path
from typing import get_args

import pytest
import torch
import yaml

from assets.imaging import variants
from docs.generators.method_page import TITLES, lines, preset_values
from echomort.clips import optical_flow
from echomort.ehr.variables import catalogue
from echomort.experiments.published import EXPERIMENTS
from echomort.method import PUBLISHED, Status, differences, facts
from echomort.networks import NETWORKS, _layers, build_network, early_fusion
from echomort.settings import Settings, as_yaml, load_settings
from echomort.training import optimizer

ROOT = Path(__file__).parents[2]
PAPER = load_settings(flags={"preset": "paper"}, environment={})


@pytest.mark.parametrize("fact", [fact for fact in facts() if fact.setting], ids=lambda fact: fact.setting)
def test_a_setting_of_preset_paper_has_the_value_of_its_fact(fact):
    assert yaml.safe_load(fact.value) == yaml.safe_load(as_yaml(preset_values("paper")[fact.setting]))


def test_a_setting_is_called_published_or_recalled_if_and_only_if_a_fact_says_so():
    called = {key: provenance for key, _, provenance, _ in PAPER.provenance() if provenance != "ours"}
    told = {f.setting: "published" if f.status in PUBLISHED else "recalled" for f in facts() if f.setting}
    assert called == told


def test_a_network_has_as_many_weights_as_its_fact_says():
    counts = {fact.decides.partition(":")[2]: fact.value for fact in facts("networks") if "network:" in fact.decides}
    assert set(counts) == set(NETWORKS.names()) - {"linear"}
    for name, count in counts.items():
        state = build_network(name, PAPER.imaging.clip.shape).state_dict()
        assert f"{sum(v.numel() for v in state.values() if v.dtype == torch.float32):,}" == count


def test_what_a_fact_decides_is_there():
    for fact in facts():
        kind, _, name = fact.decides.partition(":")
        assert kind in {"", "setting", "network", "file", "experiment"}
        assert kind != "file" or (ROOT / name).is_file(), name
        assert kind != "experiment" or name in EXPERIMENTS, name


def in_the_code() -> dict[str, object]:
    """Name of a fact that a file follows -> the value there."""
    return {
        "Units over the volume and their filters": ", ".join(map(str, _layers.VOLUME_FILTERS)),
        "Units over every frame and their filters": ", ".join(map(str, _layers.FRAME_FILTERS)),
        "Epsilon, and start of AdaGrad's sums": f"{optimizer.EPSILON:.0e}".replace("e-0", "e-") + ", 0",
        "Reductions that were compared": ", ".join(map(str, variants.REDUCTIONS)),
        "Optical flow: Farneback's, with pyramid scale, levels and window": ", ".join(
            map(str, (optical_flow.PYRAMID_SCALE, optical_flow.LEVELS, optical_flow.WINDOW))
        ),
        "Speed with the full value": str(optical_flow.FULL_SPEED),
        "Optimizer of the 3-D networks": NETWORKS.get("cnn_3d").optimizer,
        "Optimizer of early fusion": NETWORKS.get("early_fusion").optimizer,
        "Dense layers over the records in early fusion": ", ".join(map(str, early_fusion.RECORD_LAYERS)),
        "The rate of that dropout": str(early_fusion.RECORD_DROPOUT),
        "Dense layers after them and the flattened video are joined, before the risk": ", ".join(
            map(str, early_fusion.JOINT_LAYERS)
        ),
        "Optimizer of the 2-D network with LSTM": NETWORKS.get("cnn_2d_lstm").optimizer,
        "Optimizer of the 2-D network with global average pooling": NETWORKS.get("cnn_2d_gap").optimizer,
        "With the last one before or at the study instead, most days between": str(
            max(variable.window_days for variable in catalogue() if variable.window_days is not None)
        ),
    }


def test_a_fact_that_a_file_follows_has_the_value_of_the_file():
    told = {fact.name: fact.value for fact in facts()}
    for name, value in in_the_code().items():
        assert told[name].lower() == str(value), name


def test_a_published_fact_names_its_place_and_no_other_does():
    for fact in facts():
        assert bool(fact.source) == (fact.status in PUBLISHED), fact.name
        assert fact.topic in TITLES
        assert fact.status in get_args(Status)
    assert len({(fact.topic, fact.name) for fact in facts()}) == len(facts())


def test_every_difference_of_the_presets_has_its_reason_and_no_other_setting_has_one():
    paper, standard = preset_values("paper"), preset_values("standard")
    assert paper.keys() == standard.keys()
    assert {key for key in paper if paper[key] != standard[key]} == set(differences())
    assert all(len(reason.split()) > 5 for reason in differences().values())


def test_the_clinical_variables_add_up_to_the_methods_158():
    counts = {fact.name: fact.value for fact in facts("records")}
    assert sum(int(counts[name]) for name in ("Clinical variables", "Echo variables", "Diagnosis groups")) == 158


def test_the_page_of_the_method_is_the_one_that_its_command_prints():
    page = (ROOT / "docs" / "method.md").read_text()
    assert page == "\n".join(lines()) + "\n", "run `python -m docs.generators.method_page > docs/method.md`"


def test_settings_without_a_preset_file_are_the_standard_ones():
    standard = preset_values("standard")
    assert {key: value for key, value, *_ in Settings().provenance() if not key.startswith("sources.")} == {
        key: value for key, value in standard.items() if not key.startswith("sources.")
    }
