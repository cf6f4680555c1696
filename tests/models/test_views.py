"""A video model is read only if it is, byte for byte and number for number, the one that was trained."""

import hashlib
import json

import numpy as np
import pytest
import torch

from echomort.core.errors import UserError
from echomort.models.view_model import ViewModel, save_network, score_clips
from echomort.networks import build_network

SHAPE = (27, 27, 27)


def write_model(folder, seeds=(0, 1), network="cnn_3d", change=lambda network: None):
    """Write a folder as a training leaves it, of networks drawn and not trained; return them."""
    folder.mkdir(parents=True, exist_ok=True)
    networks, weights = [], {}
    for fold, seed in enumerate(seeds):
        torch.manual_seed(seed)
        networks.append(build_network(network, SHAPE).eval())
        change(networks[-1])
        content = save_network(networks[-1])
        (folder / f"fold_{fold}.safetensors").write_bytes(content)
        weights[str(fold)] = {"file": f"fold_{fold}.safetensors", "sha256": hashlib.sha256(content).hexdigest()}
    card = {"view": "apical_4", "network": network, "shape": SHAPE, "weights": weights}
    (folder / "model.json").write_text(json.dumps(card))
    return networks


@pytest.fixture
def clips():
    return np.random.default_rng(0).integers(0, 256, (5, *SHAPE), dtype=np.uint8)


def test_a_score_is_the_mean_over_the_folds(tmp_path, clips):
    networks = write_model(tmp_path / "m")
    scores = ViewModel.load(tmp_path / "m").score(clips)
    assert scores.dtype == np.float64
    assert np.array_equal(scores, np.mean([score_clips(network, clips) for network in networks], axis=0))


def test_a_clip_scores_the_same_alone_and_among_others(tmp_path, clips):
    write_model(tmp_path / "m")
    model = ViewModel.load(tmp_path / "m")
    assert np.allclose(np.concatenate([model.score(clip[None]) for clip in clips]), model.score(clips), atol=1e-5)


def test_a_changed_byte_is_refused_before_it_is_parsed(tmp_path):
    write_model(tmp_path / "m")
    file = tmp_path / "m" / "fold_1.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"fold_1.*SHA-256"):
        ViewModel.load(tmp_path / "m")


def test_weights_that_are_not_numbers_are_refused_even_with_the_right_digest(tmp_path):
    def spoil(network):
        network.head[1].weight.data[0, 0] = float("nan")

    write_model(tmp_path / "m", change=spoil)
    with pytest.raises(UserError, match="not numbers"):
        ViewModel.load(tmp_path / "m")


def test_weights_of_another_architecture_are_refused(tmp_path):
    write_model(tmp_path / "m", network="cnn_3d")
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, "network": "cnn_2d_lstm"}))
    with pytest.raises(UserError, match="cnn_2d_lstm"):
        ViewModel.load(tmp_path / "m")


def test_a_network_that_is_not_installed_is_named_with_what_to_do(tmp_path):
    write_model(tmp_path / "m")
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, "network": "acme_wide"}))
    with pytest.raises(UserError, match=r"network acme_wide.*not installed: install the package"):
        ViewModel.load(tmp_path / "m")


@pytest.mark.parametrize("networks", [0, 21, 10**9, "2", 1.5, None])
def test_a_card_can_not_ask_for_more_networks_than_a_training_has(tmp_path, networks):
    write_model(tmp_path / "m")
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps({**card, "training": {"networks": networks}}))
    with pytest.raises(UserError, match=r"1 to 20 can be averaged: restore"):
        ViewModel.load(tmp_path / "m")


@pytest.mark.parametrize(
    ("content", "reason"), [("{", "readable"), ("[]", "lacks"), ('{"view": "a"}', "lacks"), (None, "no model.json")]
)
def test_a_card_that_says_too_little_is_refused(tmp_path, content, reason):
    write_model(tmp_path / "m")
    card = tmp_path / "m" / "model.json"
    card.unlink() if content is None else card.write_text(content)
    with pytest.raises(UserError, match=reason):
        ViewModel.load(tmp_path / "m")


def test_a_card_can_not_reach_out_of_its_folder(tmp_path):
    write_model(tmp_path / "m")
    outside = (tmp_path / "m" / "fold_0.safetensors").rename(tmp_path / "outside.safetensors")
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    card["weights"]["0"]["file"] = f"../{outside.name}"
    (tmp_path / "m" / "model.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="missing"):
        ViewModel.load(tmp_path / "m")


@pytest.mark.parametrize("shape", [(1, 27, 27, 37), (27, 27, 27)])
def test_clips_of_another_shape_are_refused(tmp_path, shape):
    write_model(tmp_path / "m")
    with pytest.raises(UserError, match="27x27x27"):
        ViewModel.load(tmp_path / "m").score(np.zeros(shape, np.uint8))
