"""The compiled kernel of the 3-D networks against torch's layers in float64, at every instruction set of this
processor."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from echomort.networks import _fused, _kernel, build_network
from echomort.networks._first_unit import first_unit
from echomort.networks._layers import Trunk, Unit, volume_maps

pytestmark = pytest.mark.skipif(_kernel.compiled is None, reason="installed without a C++ compiler")

PUBLISHED = (60, 109, 150)
SHAPES = [(3, 3, 3), (9, 10, 11), (27, 27, 27), (30, 27, 37), (11, 28, 65), (4, 40, 130)]
"""Edges that are and are not multiples of 3, of a vector and of two; the last leaves one pooled frame."""


@pytest.fixture(params=_kernel.instruction_sets(), autouse=True)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(_kernel, "LEVEL", request.param)
    return str(request.param)


@pytest.fixture
def without_kernel(monkeypatch):
    """A context in which torch's layers compute."""

    def compute(work):
        with monkeypatch.context() as patched:
            patched.setattr(_kernel, "LEVEL", None)
            return work()

    return compute


def clips_of(count, shape, seed=0):
    """Return clips with bright blobs, noise and blank bars, like those of an archive."""
    generator = np.random.default_rng(seed)
    clips = generator.integers(0, 256, (count, *shape), dtype=np.uint8)
    clips[:, :, : shape[1] // 5] = 0
    clips[:, :, shape[1] // 2 :, : shape[2] // 3] //= 4
    return torch.from_numpy(clips)


def drawn(module, seed=0):
    """Return ``module`` with weights that no initialisation gives: gammas of both signs, biases that are not 0."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "norm" in name or name.endswith("bias"):
                weight.add_(0.7 * torch.randn_like(weight))
        for name, value in module.named_buffers():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
    return module


def gradients(module):
    return {name: weight.grad.double() for name, weight in module.named_parameters()}


def distance(one, other):
    """Return the length of the difference by that of the other."""
    return float((one.double() - other.double()).norm() / other.double().norm())


def trained_unit(unit, maps_of, weight):
    unit.train()
    maps = maps_of(unit)
    (maps * weight.to(maps.dtype)).sum().backward()
    return maps.detach()


def compare_first_unit(count, shape, seed=0):
    """Return the largest distances to float64 of the first unit's maps, running statistics and gradients, by name."""
    torch.manual_seed(seed)
    unit = drawn(Unit(1, 4, 3, 0.1, pools=True), seed)
    exact = copy.deepcopy(unit).double()
    pixels = clips_of(count, shape)
    weight = torch.randn(count, 4, *(edge // 3 for edge in shape), generator=torch.Generator().manual_seed(1))
    ours = trained_unit(unit, lambda unit: first_unit(unit, pixels), weight)
    theirs = trained_unit(exact, lambda unit: unit(pixels.double().unsqueeze(1)), weight)
    wanted = gradients(exact)
    by_weight = {name: distance(value, wanted[name]) for name, value in gradients(unit).items()}
    statistics = {name: distance(value, dict(exact.named_buffers())[name]) for name, value in unit.named_buffers()}
    for convolution in ("conv1", "conv2"):  # its normalisation takes the bias away: float64 leaves rounding errors
        del by_weight[f"{convolution}.bias"]
        assert not getattr(unit, convolution).bias.grad.any()
    return distance(ours, theirs), statistics, by_weight


@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_unit_is_that_of_float64(shape):
    maps, statistics, by_weight = compare_first_unit(3, shape)
    assert maps < 1e-6
    assert max(statistics.values()) < 1e-6
    assert max(by_weight.values()) < 1e-4, by_weight


@pytest.mark.parametrize("seed", range(1, 21))
def test_maps_far_from_0_are_rounded_no_more_than_others(seed):
    """The second convolution's mean may be several standard deviations from 0."""
    maps, statistics, _ = compare_first_unit(2, (27, 27, 37), seed)
    assert maps < 5e-7
    assert max(statistics.values()) < 5e-7


@pytest.mark.slow
def test_the_first_unit_is_that_of_float64_at_the_published_size(level):
    if level != _kernel.instruction_sets()[0]:
        pytest.skip("the other instruction sets are compared at smaller sizes")
    maps, statistics, by_weight = compare_first_unit(4, PUBLISHED)
    assert maps < 1e-6
    assert max(statistics.values()) < 1e-6
    assert max(by_weight.values()) < 1e-3, by_weight


@pytest.mark.parametrize(("inputs", "filters"), [(4, 8), (8, 16)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4), (5, 9, 17)])
def test_a_later_convolution_is_that_of_float64(inputs, filters, shape):
    torch.manual_seed(0)
    convolution = nn.Conv3d(inputs, filters, 3, padding=1).to(memory_format=torch.channels_last_3d)
    exact = copy.deepcopy(convolution).double()
    x = torch.randn(2, inputs, *shape).to(memory_format=torch.channels_last_3d).requires_grad_()
    x64 = x.detach().double().requires_grad_()
    ours, theirs = _fused.convolved(convolution, x), exact(x64)
    weight = torch.randn(theirs.shape)
    (ours * weight).sum().backward()
    (theirs * weight.double()).sum().backward()
    assert distance(ours.detach(), theirs.detach()) < 1e-6
    for one, other in [(x, x64), (convolution.weight, exact.weight), (convolution.bias, exact.bias)]:
        assert distance(one.grad, other.grad) < 1e-6


@pytest.mark.parametrize("name", ["cnn_3d", "cnn_3d_gap"])
@pytest.mark.parametrize("shape", [(27, 27, 27), (30, 27, 37), (31, 56, 70)])
def test_a_network_trains_and_scores_as_with_torchs_layers(name, shape, without_kernel):
    network, pixels = drawn(build_network(name, shape)), clips_of(4, shape)
    network.head[0].p = 0.0

    def step():
        one = copy.deepcopy(network)
        logits = one.train()(pixels)
        (logits * torch.tensor([1.0, -2.0, 0.5, 3.0])).sum().backward()
        with torch.inference_mode():
            return logits.detach(), one.eval()(pixels), one

    (trained, scored, ours), (trained_by_torch, scored_by_torch, theirs) = step(), without_kernel(step)
    assert distance(trained, trained_by_torch) < 3e-5
    assert distance(scored, scored_by_torch) < 3e-6
    assert all(distance(one, other) < 1e-6 for one, other in zip(ours.buffers(), theirs.buffers(), strict=True))
    wanted = gradients(theirs)
    for unit in ours.trunk:
        for layer in (unit.conv1, unit.norm1, unit.conv2, unit.norm2):
            name = next(name for name, module in ours.named_modules() if module is layer)
            assert distance(layer.weight.grad, wanted[f"{name}.weight"]) < 3e-3, name


@pytest.mark.parametrize("last_pools", [True, False])
@pytest.mark.parametrize("shape", [(27, 27, 27), (30, 27, 37), (29, 83, 100)])
def test_the_folded_trunk_is_that_of_float64(last_pools, shape):
    trunk, pixels = drawn(Trunk(3, 0.1, last_pools)).eval(), clips_of(2, shape)
    with torch.inference_mode():
        ours = volume_maps(trunk, pixels)
        theirs = copy.deepcopy(trunk).double()(pixels.double().unsqueeze(1))
    assert ours.shape == theirs.shape
    assert distance(ours, theirs) < 1e-6


def test_a_trunk_with_one_voxel_left_before_its_last_unit_works():
    trunk, pixels = drawn(Trunk(3, 0.1, last_pools=False)).eval(), clips_of(2, (9, 9, 9))
    with torch.inference_mode():
        assert _fused.takes(trunk, pixels)
        ours = volume_maps(trunk, pixels)
        theirs = copy.deepcopy(trunk).double()(pixels.double().unsqueeze(1))
    assert distance(ours, theirs) < 1e-6


def maps_and_gradients(pixels):
    torch.manual_seed(2)
    unit = drawn(Unit(1, 4, 3, 0.1, pools=True))
    weight = torch.randn(
        len(pixels), 4, *(edge // 3 for edge in pixels.shape[1:]), generator=torch.Generator().manual_seed(1)
    )
    maps = trained_unit(unit, lambda unit: first_unit(unit, pixels), weight)
    values = [maps, *(weight.grad for weight in unit.parameters()), *unit.buffers()]
    return [value.numpy().tobytes() for value in values]


def test_the_same_bytes_come_every_time_and_with_any_number_of_threads():
    pixels = clips_of(5, (30, 27, 37))
    once = maps_and_gradients(pixels)
    assert maps_and_gradients(pixels) == once
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert maps_and_gradients(pixels) == once
    finally:
        torch.set_num_threads(threads)


def test_a_larger_step_before_leaves_no_trace_in_a_smaller_one():
    pixels = clips_of(2, (27, 27, 30))
    once = maps_and_gradients(pixels)
    maps_and_gradients(clips_of(6, (30, 40, 41)))
    assert maps_and_gradients(pixels) == once


def test_bytes_and_floats_and_any_layout_in_memory_give_the_same_bytes():
    trunk, pixels = drawn(Trunk(3, 0.1, last_pools=True)), clips_of(3, (27, 30, 29))
    turned = pixels.transpose(1, 3).contiguous().transpose(1, 3)
    assert not turned.is_contiguous()
    for mode in (True, False):
        with torch.no_grad():
            results = [
                volume_maps(copy.deepcopy(trunk).train(mode), one).numpy().tobytes()
                for one in (pixels, pixels.float(), pixels.double(), turned, turned.float(), pixels.to(torch.int16))
            ]
        assert len(set(results)) == 1


def test_of_equal_maxima_the_first_gets_the_gradient_as_with_torch(level):
    shape = (6, 9, 20)
    clip = np.full(shape, 100, np.uint8)
    w1, w2 = np.zeros((1, 1, 3, 3, 3, 4), np.float32), np.zeros((1, 4, 3, 3, 3, 4), np.float32)
    w1[0, 0, 1, 1, 1] = 1
    w2[0, :, 1, 1, 1] = np.array([1, 2, -1, 0.5], np.float32)
    clip[3:, 3:, 5:] = np.random.default_rng(0).integers(0, 3, (3, 6, 15))  # small numbers are often equal
    pooled = 4, 2, 3, 6
    z2, peak, place = np.zeros((6, 4, 9, 32), np.float32), np.zeros(pooled, np.float32), np.zeros(pooled, np.uint8)
    zeros = np.zeros(4, np.float32)
    _kernel.call("forward", clip, w1, zeros, w2, zeros, z2, peak, place, np.zeros(8))
    z = torch.from_numpy(z2[..., :20].transpose(1, 0, 2, 3).copy())
    values, indices = nn.functional.max_pool3d(z, 3, return_indices=True)
    t, y, x = np.unravel_index(indices.numpy(), shape)
    assert np.array_equal(peak, values.numpy())
    assert np.array_equal(place, t % 3 * 9 + y % 3 * 3 + x % 3)


@pytest.mark.parametrize("shape", [(3, 3, 3), (4, 7, 5), (5, 6, 40), (3, 4, 1024)])
def test_the_sums_over_a_clip_are_exact(shape):
    clip = np.random.default_rng(0).integers(250, 256, shape, dtype=np.uint8)
    out = np.zeros((28, 27))
    _kernel.call("moments", clip, out)
    padded, (frames, height, width) = np.pad(clip.astype(np.float64), 1), shape
    around = np.stack(
        [
            padded[t : t + frames, y : y + height, x : x + width].ravel()
            for t in range(3)
            for y in range(3)
            for x in range(3)
        ]
    )
    assert np.array_equal(out, np.vstack([around.sum(1), around @ around.T]))


def test_what_the_kernel_does_not_compute_is_left_to_torch():
    trunk, pixels = Trunk(3, 0.1, last_pools=True), clips_of(2, (27, 27, 27))
    assert _fused.takes(trunk.train(), pixels)
    assert not _fused.takes(trunk, pixels.float().requires_grad_())
    assert not _fused.takes(trunk, pixels[:0])
    assert not _fused.takes(trunk, pixels[:, :2])
    assert not _fused.takes(copy.deepcopy(trunk).double(), pixels)
    assert not _fused.takes(trunk.eval(), pixels)  # a gradient may be wanted
    with torch.no_grad():
        assert _fused.takes(trunk, pixels)
        assert not _fused.takes(trunk, pixels[:, :26])
        trunk[1].norm1.train()
        assert not _fused.takes(trunk, pixels)
        trunk.eval()
        trunk[1].register_forward_hook(lambda *_: None)
        assert not _fused.takes(trunk, pixels)


def test_a_gradient_by_the_pixels_is_still_there():
    network = build_network("cnn_3d", (27, 27, 27)).eval()
    pixels = clips_of(1, (27, 27, 27)).float().requires_grad_()
    network(pixels).sum().backward()
    assert pixels.grad.any()


def test_a_second_backward_pass_is_refused_and_not_wrong():
    unit, pixels = Unit(1, 4, 3, 0.1, pools=True).train(), clips_of(2, (9, 9, 9))
    loss = first_unit(unit, pixels).square().sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="once a step"):
        loss.backward()


def test_weights_that_are_no_numbers_do_not_vanish():
    trunk, pixels = Trunk(3, 0.1, last_pools=True), clips_of(2, (27, 27, 27))
    with torch.no_grad():
        trunk[0].conv1.weight[0, 0, 1, 1, 1] = torch.nan
        assert volume_maps(copy.deepcopy(trunk).train(), pixels).isnan().any()
        assert volume_maps(trunk.eval(), pixels).isnan().any()


CLIP, OUT = np.zeros((3, 4, 5), np.uint8), np.zeros((28, 27))
MAPS = np.zeros((4, 3, 4, 5), np.float32)
READ_ONLY = OUT.view()
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        ("moments", (CLIP, OUT[:1]), "holds 27 items, not 756"),
        ("moments", (CLIP, OUT.astype(np.float32)), "items of format f, not d"),
        ("moments", (CLIP, READ_ONLY), "read-only"),
        ("moments", (CLIP[0], OUT), "three edges"),
        ("moments", (CLIP[:2], OUT), "three edges"),
        ("moments", (CLIP[:, :, ::2], OUT), "contiguous"),
        ("moments", (CLIP.astype(np.int64), OUT), "items of format l, not Bf"),
        ("moments", (CLIP.tolist(), OUT), "bytes-like"),
        ("moments", (np.zeros((3, 3, 5000), np.uint8), OUT), "edges of 3 to 4096"),
        ("moments", (CLIP,), "3 arguments|at least 3|exactly 3"),
        ("convolve", (MAPS, np.zeros(432, np.float32), np.zeros(3, np.float32), MAPS.copy()), "b holds 3 items, not 4"),
        (
            "convolve",
            (MAPS, np.zeros(432, np.float32), np.zeros(4, np.float32), MAPS[:, :2].copy()),
            "edges of the two",
        ),
        ("convolve", (MAPS, np.zeros(432, np.float32), np.zeros(4, np.float32), MAPS[:3].copy()), "no multiple of 4"),
        ("convolve", (np.zeros((17, 3, 3, 3), np.float32), OUT, OUT, OUT), "1 to 16 channels"),
        ("weights", (MAPS, MAPS, np.zeros(431)), "holds 431 items, not 432"),
        ("maps", (np.zeros((26, 27, 27), np.uint8), np.zeros(9), True, MAPS), "too small"),
    ],
)
def test_arguments_that_do_not_fit_are_errors_and_no_crash(function, arguments, error):
    with pytest.raises((TypeError, ValueError, BufferError), match=error):
        _kernel.call(function, *arguments)


def test_a_place_outside_its_window_is_an_error():
    def f(*shape):
        return np.zeros(shape, np.float32)

    clip, place = np.zeros((3, 3, 3), np.uint8), np.full((4, 1, 1, 1), 27, np.uint8)
    arguments = f(108), f(4), f(432), f(3, 4, 3, 16), place, f(4, 1, 1, 1), f(8)
    with pytest.raises(ValueError, match="above 26"):
        _kernel.call("backward", clip, *arguments, np.zeros(108), np.zeros(4), np.zeros(432))


def test_an_instruction_set_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(_kernel, "LEVEL", "abacus")
    with pytest.raises(ValueError, match="no instruction set abacus"):
        _kernel.call("moments", CLIP, OUT)
