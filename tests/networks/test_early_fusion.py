"""Early fusion: its size by hand, what an absent clip contributes, and that clip and record act together."""

import copy

import pytest
import torch
from networks.test_networks import PREPRINT, VOLUME_UNITS, keras_count
from torch import nn
from torch.nn import functional

from echomort.core.errors import UserError
from echomort.networks import Branch, build_joint_network, build_network

SMALL = (27, 27, 27)
TWO = (Branch(name="apical_4", shape=SMALL), Branch(name="flow", shape=(27, 30, 54), channels=3))
PRESENT = torch.tensor([[True, True], [True, False], [False, True], [True, False]])


def pictures(count=4):
    """A batch of ``count`` samples: grey clips and coloured ones."""
    return [torch.randint(0, 256, (count, *branch.stored), dtype=torch.uint8) for branch in TWO]


@pytest.mark.parametrize(
    ("columns", "record"),
    [(0, []), (182, [182 * 10 + 10, 10 * 10 + 10, 10 * 10 + 10])],  # 158 variables, eight of them as four levels each
)
def test_every_layer_has_the_size_that_the_preprints_figure_gives(columns, record):
    network = build_joint_network("early_fusion", [Branch(name="apical_4", shape=PREPRINT)], columns)
    trunk = [units for _, _, units in VOLUME_UNITS]
    joined = 2 * 4 * 5 * 16 + (10 if columns else 0)
    head = [joined * 32 + 32, 32 * 16 + 16, 16 + 1]
    assert [keras_count(unit) for unit in network.trunks[0]] == trunk
    assert [keras_count(layer) for layer in network.records or [] if isinstance(layer, nn.Linear)] == record
    assert [keras_count(layer) for layer in network.head if isinstance(layer, nn.Linear)] == head
    assert keras_count(network) == sum([*trunk, *record, *head])


def test_each_branch_has_a_trunk_of_its_own_and_colours_enter_by_three_channels():
    network = build_joint_network("early_fusion", TWO, 0)
    assert [trunk[0].conv1.in_channels for trunk in network.trunks] == [1, 3]
    assert network.head[0].in_features == (1 * 1 * 1 + 1 * 1 * 2) * 16
    one = build_network("cnn_3d", SMALL)
    assert network.trunks[0].state_dict().keys() == one.trunk.state_dict().keys()


def test_a_colour_is_seen_where_it_is():
    torch.manual_seed(0)
    network = build_joint_network("early_fusion", TWO[1:], 0).eval()
    clip = pictures()[1]
    turned = network([clip.flip(-1)], torch.ones(4, 1, dtype=torch.bool))
    assert not torch.allclose(network(clip), turned)


def test_a_clip_that_is_not_there_contributes_zeros_whatever_lies_in_its_place():
    torch.manual_seed(0)
    network = build_joint_network("early_fusion", TWO, 3).eval()
    given, variables = pictures(), torch.randn(4, 3)
    logits = network(given, PRESENT, variables)
    other = [torch.where(PRESENT[:, i].view(-1, *[1] * (x.ndim - 1)), x, 255 - x) for i, x in enumerate(given)]
    assert torch.equal(network(other, PRESENT, variables), logits)
    none = network(given, torch.zeros_like(PRESENT), variables)
    record = functional.pad(network.records(variables), (3 * 16, 0))
    assert torch.equal(none, network.head(record).squeeze(1))


def test_batch_statistics_are_those_of_the_clips_that_are_there():
    torch.manual_seed(0)
    network = build_joint_network("early_fusion", TWO, 0).train()
    whole, given = copy.deepcopy(network), pictures()
    network(given, PRESENT)
    for position, trunk in enumerate(whole.trunks):
        picture = given[position][PRESENT[:, position]].float()
        trunk(picture.unsqueeze(1) if picture.ndim == 4 else picture.movedim(-1, 1))
        seen, alone = network.trunks[position].state_dict(), trunk.state_dict()
        assert all(torch.equal(seen[name], alone[name]) for name in seen)


def test_a_batch_in_which_no_sample_has_a_branch_is_trained_on_and_leaves_its_trunk_alone():
    network = build_joint_network("early_fusion", TWO, 0).train()
    before = copy.deepcopy(network.trunks[1].state_dict())
    network(pictures(), PRESENT & torch.tensor([True, False])).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in network.trunks[1].state_dict().items())
    assert all(value.grad is None for value in network.trunks[1].parameters())
    assert all(value.grad is not None for value in network.trunks[0].parameters())


def test_what_a_clip_and_a_record_tell_only_together_is_learnt():
    """Two clips, dark and bright, and one variable: the label is their exclusive or. Neither tells it alone."""
    torch.manual_seed(1)
    network = build_joint_network("early_fusion", TWO[:1], 1, norm_momentum=0.1).train()
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0  # of four samples there is nothing to learn twice
    dark = torch.randint(0, 100, (1, *SMALL), dtype=torch.uint8)
    bright = dark.clone()
    bright[:, :, :, :13] += 100
    clips = torch.cat([dark, dark, bright, bright])
    variables = torch.tensor([[-3.0], [3.0], [-3.0], [3.0]])
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0])
    optimizer = torch.optim.Adam(network.parameters(), 0.03)
    for _ in range(100):
        logits = network([clips], torch.ones(4, 1, dtype=torch.bool), variables)
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(logits, labels).backward()
        optimizer.step()
    assert ((logits > 0) == (labels > 0)).all()
    assert logits.abs().min() > 1


@pytest.mark.parametrize(
    ("name", "branches", "columns", "reason"),
    [
        ("cnn_3d", TWO, 0, "one kind only.*early_fusion"),
        ("cnn_3d_gap", TWO[1:], 0, "one kind only.*early_fusion"),
        ("cnn_3d", TWO[:1], 5, "no variables.*early_fusion"),
        ("early_fusion", [*TWO, Branch(name="short_axis", shape=(27, 27, 26))], 0, "at least 27x27x27"),
    ],
)
def test_what_a_network_does_not_take_is_refused_with_the_network_that_does(name, branches, columns, reason):
    with pytest.raises(UserError, match=reason):
        build_joint_network(name, branches, columns)
