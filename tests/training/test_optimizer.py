"""The optimizers, step by step, against Keras 2.2's written out in float64; and which network takes which."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from echomort.networks import NETWORKS
from echomort.settings import Training
from echomort.training.optimizer import optimizer_of

GRADIENTS = np.array([[0.5, -2.0, 1e-7, 1e-3], [0.1, 3.0, -1e-7, 0.0], [-0.7, 1e-4, 2e-7, 5.0]])
"""Of three steps; some as small as epsilon, so that its place beside the square root shows."""


def adagrad(start, rate=0.01):
    squares, value = np.zeros_like(start), start.copy()
    for gradient in GRADIENTS:
        squares = squares + gradient**2
        value = value - rate * gradient / (np.sqrt(squares) + 1e-7)
    return value


def rmsprop(start, rate=0.001):
    squares, value = np.zeros_like(start), start.copy()
    for gradient in GRADIENTS:
        squares = 0.9 * squares + (1 - 0.9) * gradient**2
        value = value - rate * gradient / (np.sqrt(squares) + 1e-7)
    return value


def stepped(**settings):
    """Return a float64 parameter after the three steps, and where it began."""
    start = np.array([1.0, -1.0, 0.25, 0.0])
    parameter = nn.Parameter(torch.tensor(start))
    optimizer = optimizer_of([parameter], Training(**settings))
    for gradient in GRADIENTS:
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    return parameter.detach().numpy(), start


@pytest.mark.parametrize(
    ("settings", "oracle"),
    [
        ({"network": "cnn_3d"}, adagrad),
        ({"network": "cnn_3d_gap"}, adagrad),
        ({"network": "cnn_2d_lstm"}, rmsprop),
        ({"network": "cnn_2d_gap"}, rmsprop),
        ({"network": "cnn_3d", "optimizer": "rmsprop"}, rmsprop),
        ({"network": "cnn_2d_lstm", "optimizer": "adagrad"}, adagrad),
    ],
)
def test_a_step_is_that_of_keras_2_2_with_its_defaults(settings, oracle):
    value, start = stepped(**settings)
    assert np.abs(value - oracle(start)).max() < 1e-12


def test_a_rate_that_a_person_sets_is_taken():
    value, start = stepped(network="cnn_2d_lstm", learning_rate=0.02)
    assert np.abs(value - rmsprop(start, 0.02)).max() < 1e-12


def test_every_network_names_an_optimizer():
    for name in NETWORKS.names():
        assert optimizer_of([nn.Parameter(torch.zeros(1))], Training(network=name)).defaults["lr"] in {0.01, 0.001}


@pytest.mark.parametrize(
    ("name", "kind"), [("adagrad", torch.optim.Adagrad), ("rmsprop", torch.optim.RMSprop), ("adam", torch.optim.Adam)]
)
def test_steps_are_torch_s_own_without_its_compiler(monkeypatch, name, kind):
    """Importing the compiler takes as long as the rest of torch; each training process would do it."""

    def trained(make):
        parameter = nn.Parameter(torch.ones(3, 4))
        optimizer = make([parameter])
        for _ in range(3):
            optimizer.zero_grad()
            (parameter * torch.arange(12.0).reshape(3, 4)).sin().sum().backward()
            optimizer.step()
            optimizer.load_state_dict(optimizer.state_dict())
        return parameter.detach(), optimizer

    with monkeypatch.context() as context:
        context.setitem(sys.modules, "torch._dynamo", None)  # importing it raises
        value, own = trained(lambda parameters: optimizer_of(parameters, Training(network="cnn_3d", optimizer=name)))
    (group,) = own.param_groups
    expected, _ = trained(lambda parameters: kind([{**group, "params": parameters}]))
    assert isinstance(own, kind) and torch.equal(value, expected)
