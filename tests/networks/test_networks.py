"""The networks: their size, their arithmetic, and what they refuse."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from echomort.core.errors import UserError
from echomort.networks import NETWORKS, build_network
from echomort.networks._layers import Lstm, Unit

PREPRINT = (60, 109, 150)
"""Frames, height and width of the preprint's clips."""
FRAME_UNITS = [
    ((109, 150, 1), (40, 16, 148, 16), 220),
    ((36, 50, 4), (296, 32, 584, 32), 944),
    ((12, 16, 8), (1_168, 64, 2_320, 64), 3_616),
    ((4, 5, 16), (2_320, 64, 2_320, 64), 4_768),
]
"""Extended tables 4 and 5: input (height, width, channels), weights of conv, BN, conv, BN, and of the unit."""
VOLUME_UNITS = [
    ((60, 109, 150, 1), (112, 16, 436, 16), 580),
    ((20, 36, 50, 4), (872, 32, 1_736, 32), 2_672),
    ((6, 12, 16, 8), (3_472, 64, 6_928, 64), 10_528),
]
"""Extended tables 6 and 7, likewise."""


def keras_count(module):
    """Return the weights of a module as Keras counts them: those of batch statistics too."""
    statistics = sum(value.numel() for key, value in module.named_buffers() if key.endswith(("mean", "var")))
    return sum(value.numel() for value in module.parameters()) + statistics


@pytest.mark.parametrize(
    ("name", "units", "last_input", "after", "total"),
    [
        ("cnn_2d_lstm", FRAME_UNITS, (1, 1, 16), [800, 208, 5], 10_561),
        ("cnn_2d_gap", FRAME_UNITS, (4, 5, 16), [17], 9_565),
        ("cnn_3d", VOLUME_UNITS, (2, 4, 5, 16), [641], 14_421),
        ("cnn_3d_gap", VOLUME_UNITS, (6, 12, 16, 16), [17], 13_797),
    ],
)
def test_every_layer_has_the_size_that_the_preprints_tables_give(name, units, last_input, after, total):
    network, inputs = build_network(name, PREPRINT).eval(), []
    for unit in network.trunk:
        unit.register_forward_pre_hook(lambda _, x: inputs.append((*x[0].shape[2:], x[0].shape[1])))
    network.trunk.register_forward_hook(lambda _, x, y: inputs.append((*y.shape[2:], y.shape[1])))
    with torch.inference_mode():
        network(torch.zeros(1, *PREPRINT, dtype=torch.uint8))
    assert inputs == [*(size for size, _, _ in units), last_input]
    for unit, (_, layers, whole) in zip(network.trunk, units, strict=True):
        assert tuple(map(keras_count, (unit.conv1, unit.norm1, unit.conv2, unit.norm2))) == layers
        assert keras_count(unit) == whole
    dense = [*getattr(network, "memory", ()), network.head[-1]]
    assert [keras_count(layer) for layer in dense] == after
    assert keras_count(network) == total


def test_parameters_keep_their_names_so_that_stored_weights_are_still_read():
    names = [f"trunk.{u}.{layer}.weight" for u in range(3) for layer in ("conv1", "norm1", "conv2", "norm2")]
    weights = [name for name in build_network("cnn_3d", PREPRINT).state_dict() if name.endswith("weight")]
    assert weights == [*names, "head.1.weight"]


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
        ("cnn_3d_gap", (27, 8, 27)),
        ("cnn_2d_lstm", (60, 27, 26)),
        ("cnn_2d_gap", (0, 27, 27)),
    ],
)
def test_a_clip_of_which_the_poolings_would_leave_nothing_is_refused_with_the_remedy(name, shape):
    smallest = "x".join(map(str, NETWORKS.get(name).smallest))
    with pytest.raises(UserError, match=f"at least {smallest}"):
        build_network(name, shape)


@pytest.mark.parametrize("name", [name for name in NETWORKS.names() if name != "linear"])
def test_the_smallest_clip_that_a_network_names_passes_and_depends_on_every_unit(name):
    torch.manual_seed(0)
    shape = NETWORKS.get(name).smallest
    network = build_network(name, shape)
    network(torch.randint(0, 256, (8, *shape), dtype=torch.uint8)).square().sum().backward()
    assert all(unit.conv2.weight.grad.any() for unit in network.modules() if isinstance(unit, Unit))


def test_the_fourth_pooling_takes_what_is_left_where_three_have_left_less_than_three():
    for shape, cells in [((1, 27, 37), (1, 1)), ((1, 54, 75), (1, 1)), ((1, 81, 81), (1, 1)), ((1, 170, 250), (2, 3))]:
        network = build_network("cnn_2d_lstm", shape).eval()
        assert network.trunk(torch.zeros(1, 1, *shape[1:])).shape[2:] == cells


def test_two_dimensional_networks_take_clips_of_any_length():
    assert build_network("cnn_2d_gap", (1, 27, 27)).eval()(torch.zeros(3, 1, 27, 27)).shape == (3,)


def test_kernels_are_drawn_glorot_uniform_and_biases_are_zero():
    torch.manual_seed(0)
    for layer in build_network("cnn_3d", PREPRINT).modules():
        if isinstance(layer, nn.Conv3d | nn.Linear):
            field = math.prod(layer.weight.shape[2:])
            bound = math.sqrt(6 / (field * (layer.weight.shape[0] + layer.weight.shape[1])))
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert not layer.bias.any()
        if isinstance(layer, nn.BatchNorm3d):
            assert (layer.eps, layer.momentum) == (1e-3, 0.01)


def test_features_are_flattened_channels_last_as_the_authors_dense_kernel_expects():
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


def test_the_lstm_is_that_of_keras_2_2():
    """Written out gate by gate in float64, in Keras's order: input, forget, cell, output; hard sigmoid on the gates."""
    torch.manual_seed(2)
    layer = Lstm(16, 8)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-2, 2)
    x = torch.randn(3, 12, 16)
    kernel, recurrent, bias = (value.detach().double().numpy() for value in layer.parameters())
    gates = {name: slice(8 * index, 8 * index + 8) for index, name in enumerate("ifco")}
    output, state, outputs = np.zeros((3, 8)), np.zeros((3, 8)), []
    for step in x.double().numpy().transpose(1, 0, 2):
        raw = {name: step @ kernel[g].T + output @ recurrent[g].T + bias[g] for name, g in gates.items()}
        hard = {name: np.clip(0.2 * value + 0.5, 0, 1) for name, value in raw.items()}
        state = hard["f"] * state + hard["i"] * np.tanh(raw["c"])
        output = hard["o"] * np.tanh(state)
        outputs.append(output)
    assert np.allclose(layer(x).detach().numpy(), np.stack(outputs, axis=1), atol=1e-5)


def test_the_lstm_is_drawn_as_keras_draws_it():
    torch.manual_seed(0)
    layer = build_network("cnn_2d_lstm", (1, 27, 27)).memory[0]
    assert layer.bias.tolist() == [0] * 8 + [1] * 8 + [0] * 16, "the forget gate starts open"
    assert torch.allclose(layer.recurrent.T @ layer.recurrent, torch.eye(8), atol=1e-5)
    bound = math.sqrt(6 / (16 + 32))
    assert 0.9 * bound < layer.kernel.abs().max() <= bound


def _plain_trunk(trunk):
    """The preprint's order of layers, contiguous, float64, with the same weights."""
    layers = []
    for unit in trunk:
        for convolution, norm in ((unit.conv1, unit.norm1), (unit.conv2, unit.norm2)):
            copy = nn.Conv3d(convolution.in_channels, convolution.out_channels, 3, padding=1).double()
            copy.load_state_dict({key: value.double().contiguous() for key, value in convolution.state_dict().items()})
            layers += [copy, nn.BatchNorm3d(norm.num_features, eps=1e-3, momentum=0.01).double(), nn.ReLU()]
        if unit.pools:
            layers.append(nn.MaxPool3d(3))
    return nn.Sequential(*layers).train()
