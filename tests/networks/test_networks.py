"""The networks: their size, their arithmetic, and what they refuse."""

import math

import pytest
import torch
from torch import nn

from echomort.core.errors import UserError
from echomort.networks import NETWORKS, build_network
from echomort.networks._layers import Lstm

PUBLISHED = (60, 109, 150)


@pytest.mark.parametrize(
    ("name", "weights"), [("cnn_3d", 14_421), ("cnn_3d_gap", 13_797), ("cnn_2d_lstm", 5_793), ("cnn_2d_gap", 4_797)]
)
def test_a_network_holds_as_many_weights_as_the_published_one(name, weights):
    network = build_network(name, PUBLISHED)
    statistics = sum(value.numel() for key, value in network.named_buffers() if key.endswith(("mean", "var")))
    parameters = sum(value.numel() for value in network.parameters())
    assert (parameters + statistics, statistics) == (weights, 112), "the authors count batch statistics too"


@pytest.mark.parametrize("shape", [(27, 27, 27), (30, 27, 37), (30, 54, 75)])
@pytest.mark.parametrize("name", NETWORKS.names())
def test_every_legal_shape_gives_one_finite_logit_a_clip(name, shape):
    clips = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
    logits = build_network(name, shape).eval()(clips)
    assert logits.shape == (2,)
    assert logits.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 27, 27), (3, 7, 40)])
def test_the_linear_network_takes_clips_of_any_size_since_it_stands_in_for_any_network(shape):
    clips = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
    assert build_network("linear", shape)(clips).isfinite().all()


@pytest.mark.parametrize("name", NETWORKS.names())
def test_a_last_batch_of_one_clip_can_be_trained_on(name):
    network = build_network(name, (30, 27, 37)).train()
    network(torch.randint(0, 256, (1, 30, 27, 37), dtype=torch.uint8)).sum().backward()
    assert all(value.grad.isfinite().all() for value in network.parameters())


def test_the_linear_network_sees_a_place_and_not_the_gain():
    torch.manual_seed(0)
    clips = torch.randint(0, 100, (2, 8, 32, 32), dtype=torch.uint8)
    network = build_network("linear", (8, 32, 32)).eval()
    assert torch.allclose(network(clips), network(2 * clips), atol=1e-4)
    assert not torch.allclose(network(clips), network(clips.flip(2)), atol=1e-4)
    assert sum(value.numel() for value in network.parameters()) == 257


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("cnn_3d", (26, 27, 27)),
        ("cnn_3d_gap", (27, 26, 27)),
        ("cnn_2d_lstm", (60, 27, 26)),
        ("cnn_2d_gap", (0, 27, 27)),
    ],
)
def test_a_clip_too_small_for_three_poolings_is_refused_with_the_remedy(name, shape):
    with pytest.raises(UserError, match="27"):
        build_network(name, shape)


def test_two_dimensional_networks_take_clips_of_any_length():
    assert build_network("cnn_2d_gap", (1, 27, 27)).eval()(torch.zeros(3, 1, 27, 27)).shape == (3,)


def test_kernels_are_drawn_glorot_uniform_and_biases_are_zero():
    torch.manual_seed(0)
    for layer in build_network("cnn_3d", PUBLISHED).modules():
        if isinstance(layer, nn.Conv3d | nn.Linear):
            field = math.prod(layer.weight.shape[2:])
            bound = math.sqrt(6 / (field * (layer.weight.shape[0] + layer.weight.shape[1])))
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert not layer.bias.any()
        if isinstance(layer, nn.BatchNorm3d):
            assert (layer.eps, layer.momentum) == (1e-3, 0.01)


def test_features_are_flattened_channels_last_as_the_published_dense_kernel_expects():
    network = build_network("cnn_3d", (54, 54, 81)).eval()  # 2 x 2 x 3 cells
    clip = torch.randint(0, 256, (1, 54, 54, 81), dtype=torch.uint8)
    maps = network.trunk(clip.float().unsqueeze(1))[0]
    dense = network.head[1]
    for channel, frame, row, column in [(0, 0, 0, 0), (5, 1, 0, 2), (15, 0, 1, 1)]:
        with torch.no_grad():
            dense.weight.zero_()
            dense.weight[0, ((frame * 2 + row) * 3 + column) * 16 + channel] = 1
        assert network(clip).item() == pytest.approx(maps[channel, frame, row, column].item(), rel=1e-6)


def test_pixels_enter_as_they_are_stored():
    network = build_network("cnn_3d", (27, 27, 27)).eval()
    clip = torch.randint(0, 256, (2, 27, 27, 27), dtype=torch.uint8)
    assert torch.equal(network(clip), network(clip.float()))


def test_a_training_step_is_that_of_the_plain_network_in_double_precision():
    """Layouts, the order of pooling and ReLU, and torch's imprecise channels-last statistics leave no trace."""
    torch.manual_seed(1)
    shape = (30, 54, 75)
    network = build_network("cnn_3d_gap", shape)  # no dropout between trunk and comparison
    trunk, plain = network.trunk.train(), _plain_trunk(network.trunk)
    clips = torch.randint(60, 256, (4, 1, *shape)).float()
    ours, reference = trunk(clips), plain(clips.double())
    weights = torch.randn_like(ours)
    (ours * weights).sum().backward()
    (reference * weights.double()).sum().backward()
    assert (ours.double() - reference).abs().max() < 1e-4
    pairs = [(trunk[0].conv2.weight.grad, plain[3].weight.grad), (trunk[0].norm1.running_mean, plain[1].running_mean)]
    for value, wanted in pairs:
        assert (value.double() - wanted).abs().max() <= 2e-4 * wanted.abs().max()


def test_the_lstm_is_torchs_with_its_two_biases_summed():
    torch.manual_seed(2)
    ours, torchs = Lstm(16, 8), nn.LSTM(16, 8, batch_first=True)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.uniform_(-1, 1)
        torchs.weight_ih_l0.copy_(ours.kernel)
        torchs.weight_hh_l0.copy_(ours.recurrent)
        torchs.bias_ih_l0.copy_(ours.bias / 4)
        torchs.bias_hh_l0.copy_(ours.bias * 3 / 4)
    x = torch.randn(3, 12, 16)
    assert torch.allclose(ours(x), torchs(x)[0], atol=1e-6)


def _plain_trunk(trunk):
    """The published order of layers, contiguous, float64, with the same weights."""
    layers = []
    for unit in trunk:
        for convolution, norm in ((unit.conv1, unit.norm1), (unit.conv2, unit.norm2)):
            copy = nn.Conv3d(convolution.in_channels, convolution.out_channels, 3, padding=1).double()
            copy.load_state_dict({key: value.double().contiguous() for key, value in convolution.state_dict().items()})
            layers += [copy, nn.BatchNorm3d(norm.num_features, eps=1e-3, momentum=0.01).double(), nn.ReLU()]
        layers.append(nn.MaxPool3d(3))
    return nn.Sequential(*layers).train()
