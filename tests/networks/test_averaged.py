"""Several networks as one: their mean, learnt as if each were alone."""

import numpy as np
import pytest
import torch
from torch import nn

from echomort.explain.grad_cam import grad_cam
from echomort.networks import Branch, build_joint_network, build_network
from echomort.networks._averaged import networks_of
from echomort.settings import Training
from echomort.study_model.features import clip_features
from echomort.training.batches import Batches, Inputs
from echomort.training.device import Device
from echomort.training.loop import fit

SHAPE = (27, 27, 27)
CLIPS = np.random.default_rng(1).integers(0, 256, (16, *SHAPE), dtype=np.uint8)
LABELS = np.arange(16) % 2


def two(seed: int = 3, name: str = "cnn_3d") -> nn.Module:
    torch.manual_seed(seed)
    return build_joint_network(name, [Branch(name="clips", shape=SHAPE)], 0, dropout=0, networks=2)


def test_the_logits_are_the_mean_of_those_of_networks_that_differ() -> None:
    network, pixels = two().eval(), torch.from_numpy(CLIPS)
    with torch.inference_mode():
        each = torch.stack([one(pixels) for one in networks_of(network)])
        torch.testing.assert_close(network(pixels), each.mean(0))
    assert (each[0] != each[1]).any()
    assert network.train()(pixels).shape == (2, len(CLIPS)), "in training each has its own"


def test_one_network_is_what_it_was() -> None:
    torch.manual_seed(3)
    alone = build_network("cnn_3d", SHAPE, dropout=0)
    assert networks_of(alone) == (alone,)
    first = networks_of(two())[0].state_dict()
    assert all(torch.equal(value, first[name]) for name, value in alone.state_dict().items()), "more change none of it"


@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "rmsprop"])
def test_each_learns_as_if_it_were_alone(optimizer: str) -> None:
    """The loss is the mean over the networks, and no optimizer minds the scale of a loss."""
    settings = Training(optimizer=optimizer, learning_rate=0.003, batch=8, max_epochs=2, stopping="fixed", networks=2)

    def trained(network: nn.Module) -> nn.Module:
        batches = Batches(Inputs([CLIPS]), LABELS, (1.0, 2.0), np.arange(len(CLIPS)), settings.batch, 5)
        fit(network, settings, (batches, None), Device("cpu", bfloat16=False), lambda number, epoch: None)
        return network.eval()

    together = networks_of(trained(two(name="linear")))
    alone = [trained(one) for one in networks_of(two(name="linear"))]
    for one, other in zip(together, alone, strict=True):
        for name, value in one.state_dict().items():
            torch.testing.assert_close(value, other.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_maps_and_features_are_those_of_every_network() -> None:
    network = two().eval()
    each = [grad_cam(CLIPS[0], [one]) for one in networks_of(network)]
    np.testing.assert_allclose(grad_cam(CLIPS[0], [network]), np.mean(each, axis=0))
    sides = [clip_features(one, CLIPS) for one in networks_of(network)]
    np.testing.assert_array_equal(clip_features(network, CLIPS), np.hstack(sides))
