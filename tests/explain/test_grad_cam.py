"""Grad-CAM: its parts add up to the logit, it finds a wall that moves, and it is of the weights."""

import json

import numpy as np
import pytest
import torch
from champions import LOOP, SMALL, written_champion
from PIL import Image
from scipy.stats import spearmanr

from echomort.champion.explain import draw_animation, explain_files
from echomort.champion.model import Champion
from echomort.explain.grad_cam import NO_CONVOLUTION, grad_cam
from echomort.explain.occlusion import occlude
from echomort.models.view_model import score_clips
from echomort.networks import build_network

SHAPE = (27, 54, 81)


def walls(seed, moving, shape=SHAPE):
    """A clip of speckle with two walls, one in each half: each of those that ``moving`` names goes up and down."""
    random, (frames, height, width) = np.random.default_rng(seed), shape
    rows, columns = np.mgrid[:height, :width]
    clip = np.repeat(random.normal(90, 20, (1, height, width)), frames, axis=0)
    phase = random.uniform(0, 2 * np.pi)
    for side, (left, right) in {"left": (0.1, 0.4), "right": (0.6, 0.9)}.items():
        sway = height / 9 * np.sin(2 * np.pi * np.arange(frames) / 9 + phase) if side in moving else np.zeros(frames)
        wall = np.exp(-(((rows - height / 2 - sway[:, None, None]) / 2) ** 2))
        clip += 110 * wall * ((columns > left * width) & (columns < right * width))
    return np.clip(clip, 1, 255).astype(np.uint8)


def sees_movement(name):
    """The network ``name`` with weights set so that its logit is the sum of what gets brighter from frame to frame."""
    network = build_network(name, SHAPE)
    with torch.no_grad():
        for weights in network.state_dict().values():
            weights.zero_()
        for unit in network.trunk:
            for convolution, norm in ((unit.conv1, unit.norm1), (unit.conv2, unit.norm2)):
                convolution.weight[0, 0, 1, 1, 1] = norm.running_var[:] = norm.weight[:] = 1
        first = network.trunk[0].conv1.weight[0, 0]
        first[2, 1, 1], first[1, 1, 1] = 1, -1
        network.head[1].weight[:] = 1
    return network.eval()


@pytest.mark.parametrize("name", ["cnn_3d", "cnn_3d_gap"])
def test_the_wall_that_moves_is_found_there_and_nowhere_else(name):
    clip = walls(1, ["right"])
    found = grad_cam(clip, [sees_movement(name)])
    assert (
        found.shape == (3, 6, 9) and (found >= 0).all() and found[:, :, 5:].max() > 10 * np.abs(found[:, :, :4]).max()
    )
    assert found[:, 2:4].sum() > 0.9 * found.sum(), "it sways about the middle row"
    assert (grad_cam(clip, [sees_movement(name), sees_movement(name)]) == found).all()
    network = sees_movement(name)
    with torch.no_grad():
        network.head[1].weight.neg_()
    assert (grad_cam(clip, [network]) == -found).all(), "a sign says whether a part raises or lowers"


@pytest.mark.parametrize(
    ("name", "edges"), [("cnn_3d", (3, 6, 9)), ("cnn_3d_gap", (3, 6, 9)), ("cnn_2d_gap", (27, 2, 3))]
)
def test_parts_add_up_to_the_logit(name, edges):
    torch.manual_seed(0)
    network = build_network(name, SHAPE).eval()
    network.head[1].bias.data.fill_(0.5)
    clip = walls(2, ["left"])
    found = grad_cam(clip, [network])
    assert found.shape == edges and found.sum() == pytest.approx(score_clips(network, clip[None])[0] - 0.5, rel=1e-4)


def test_trained_networks_rest_on_the_wall_that_says_something():
    """One wall moves in every clip, the other in those of label 0 alone: the maps of networks that learnt it find it,
    and those of networks with weights drawn anew don't (Adebayo et al., NeurIPS 2018)."""
    shape, labels = (9, 27, 54), np.arange(24) % 2
    clips = np.stack(
        [walls(seed, ["left"] if label else ["left", "right"], shape) for seed, label in enumerate(labels)]
    )
    torch.manual_seed(0)
    network, pixels, wanted = build_network("cnn_3d_gap", shape, 0.3), torch.from_numpy(clips), torch.tensor(labels)
    drawn = build_network("cnn_3d_gap", shape).eval()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(10):
        for batch in torch.randperm(24).split(8):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(
                network(pixels[batch]), wanted[batch].float()
            ).backward()
            optimizer.step()
    fresh = np.stack([walls(seed, ["left", "right"], shape) for seed in range(100, 104)])
    assert (score_clips(network, fresh) < 0).all(), "it learnt"

    def right_half(found):
        columns = np.abs(found).sum(axis=tuple(range(found.ndim - 1)))
        return columns[len(columns) // 2 :].sum() / columns.sum()

    seen = [[grad_cam(clip, [one]) for clip in fresh] for one in (network, drawn)]
    hidden = [occlude(clip, lambda some: score_clips(network, some)).movement for clip in fresh]
    learnt, by_chance, occluded = (right_half(np.abs(maps).mean(0)) for maps in (*seen, hidden))
    assert min(learnt, occluded) > by_chance + 0.05 and abs(by_chance - 0.5) < 0.05
    assert abs(spearmanr(np.ravel(seen[0]), np.ravel(seen[1])).statistic) < 0.5


def test_grad_cam_alone_is_drawn_and_is_of_the_logit(tmp_path):
    (tmp_path / "registry").mkdir()
    champion = Champion.load(written_champion(tmp_path / "registry", folds=2))
    (found,) = explain_files([LOOP], champion, tmp_path, "apical_4", method="grad_cam")
    numbers = json.loads((tmp_path / "00001.json").read_text())
    assert numbers.keys() == {"logit", "grad_cam"} and numbers["logit"] == round(found.score.prediction.logit, 4)
    biases = [float(network.head[1].bias) for network in champion.views["apical_4"].folds.values()]
    assert np.sum(numbers["grad_cam"]) == pytest.approx(numbers["logit"] - np.mean(biases), abs=0.01)
    with Image.open(tmp_path / "00001.gif") as image:
        assert image.size == (2 * SMALL.width, SMALL.height)


def test_a_network_without_convolutions_has_its_reason_and_no_error(tmp_path):
    (tmp_path / "registry").mkdir()
    champion = Champion.load(written_champion(tmp_path / "registry", folds=1, network="linear"))
    (alone,) = explain_files([LOOP], champion, tmp_path / "alone", "apical_4", method="grad_cam")
    assert alone.animation is None and alone.score.prediction.note == NO_CONVOLUTION
    (both,) = explain_files([LOOP], champion, tmp_path / "both", "apical_4")
    assert both.animation and both.as_record()["note"] == NO_CONVOLUTION
    assert "grad_cam" not in json.loads((tmp_path / "both" / "00001.json").read_text())


def test_the_tint_of_a_moment_is_in_its_frames_alone(tmp_path):
    clip = np.full((9, 20, 30), 100, np.uint8)
    maps = np.zeros((3, 2, 3))
    maps[1] = 1
    draw_animation(clip, [[maps]], 30, tmp_path / "one.gif")
    with Image.open(tmp_path / "one.gif") as image:
        reds = []
        for frame in range(image.n_frames):
            image.seek(frame)
            reds += [np.asarray(image.convert("RGB"), int)[10, 45, 0]] * round(image.info["duration"] / 30)
    assert [red > 150 for red in reds] == [False] * 3 + [True] * 3 + [False] * 3
