"""The units over the volume by the compiled kernel, on a processor, in float32.

In training the first unit is one function: the statistics of its first normalisation follow from sums over the clips
alone, so that of its four full-size maps only one is stored. The later units are the kernel's convolutions between
torch's own layers. In evaluation all three units are one loop over the frames, with the normalisations folded into the
convolutions. Sums over voxels are in float64. All of it equals the layers of :mod:`echomort.networks._layers` to
rounding, and is nearer to float64 than they are at the published size.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from echomort.networks import _kernel


def takes(trunk: nn.Sequential, pixels: Tensor) -> bool:
    """Return whether the kernel computes ``trunk`` of ``pixels`` (n, frames, height, width): float32 weights on a
    processor, and no gradient by the pixels, nor any in evaluation."""
    weight = trunk[0].conv1.weight
    if pixels.device.type != "cpu" or pixels.requires_grad or weight.device.type != "cpu":
        return False
    if weight.dtype != torch.float32 or not len(pixels) or not _kernel.takes_edges(tuple(pixels.shape[1:])):
        return False
    if trunk.training:
        return all(module.training for module in trunk.modules())
    return not torch.is_grad_enabled() and all(not module.training for module in trunk.modules()) and _pools_by_three(
        trunk, tuple(pixels.shape[1:])
    )


def maps(trunk: nn.Sequential, pixels: Tensor) -> Tensor:
    """Return the maps (n, 16, ...) of ``trunk``, which :func:`takes` ``pixels``."""
    pixels = (pixels if pixels.dtype == torch.uint8 else pixels.float()).contiguous()
    if not trunk.training:
        return _folded_maps(trunk, pixels)
    first, *later = trunk
    x = first_unit(first, pixels)
    for unit in later:
        x = _unit(unit, x)
    return x


# --- training: the first unit ------------------------------------------------------------------------------------


def first_unit(unit: Any, pixels: Tensor) -> Tensor:
    """Return the maps (n, 4, ...) of the first unit in training, and update its running statistics."""
    modules = unit.conv1, unit.norm1, unit.conv2, unit.norm2
    weights = (tensor for module in modules for tensor in (module.weight, module.bias))
    maps: Tensor = FirstUnit.apply(pixels, unit.norm1, unit.norm2, *weights)
    return maps


@dataclass(frozen=True)
class _FirstStep:
    """Convolution and normalisation of the pixels as one convolution. float64; w (4, 27), the others (4,), but for the
    clips' sums (27,) and products (27, 27) of the pixels around each of ``voxels`` voxels."""

    sums: np.ndarray
    products: np.ndarray
    voxels: int
    w: np.ndarray
    mean: np.ndarray
    """Of the convolution without its bias, which the normalisation takes away."""
    deviation: np.ndarray
    scale: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, pixels: np.ndarray, w: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float) -> _FirstStep:
        """Return it for weights (4, 27) and a normalisation."""
        moments = np.empty((len(pixels), _kernel.TAPS + 1, _kernel.TAPS))
        _over_clips(len(pixels), lambda i: _kernel.compiled.moments(_kernel.LEVEL, pixels[i], moments[i]))
        sums, products, voxels = (total := moments.sum(0))[0], total[1:], pixels.size
        mean = w @ sums / voxels
        deviation = np.sqrt(((w @ products) * w).sum(1) / voxels - mean**2 + epsilon)
        scale = gamma / deviation
        return cls(sums, products, voxels, w, mean, deviation, scale, beta - mean * scale)

    @property
    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """The weights and the bias for the kernel."""
        return _kernel.packed((self.w * self.scale[:, None]).reshape(4, 1, 3, 3, 3)), self.shift.astype(np.float32)

    def gradients(self, by_folded: np.ndarray, by_beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradients by w and by gamma from those by the folded weights (4, 27) and by beta."""
        by_gamma = ((self.w * by_folded).sum(1) - self.mean * by_beta) / self.deviation
        around = (self.w @ self.products - self.mean[:, None] * self.sums) / self.deviation[:, None]
        mean_parts = (by_beta[:, None] * self.sums + by_gamma[:, None] * around) / self.voxels
        return self.scale[:, None] * (by_folded - mean_parts), by_gamma


class FirstUnit(torch.autograd.Function):
    """Convolution, normalisation, ReLU, twice, pooling, ReLU, of pixels uint8 or float32 (n, frames, height, width).

    A negative gamma of the second normalisation turns maxima into minima: the kernel is given that filter with the
    other sign. Both convolutions' biases are taken away by the normalisation after them: their gradient is 0.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, norm1: Any, norm2: Any, *weights: Tensor) -> Tensor:
        """Return maps (n, 4, frames // 3, height // 3, width // 3)."""
        clips = pixels.numpy()
        w1, b1, gamma1, beta1, w2, b2, gamma2, beta2 = (tensor.detach().double().numpy() for tensor in weights)
        first = _FirstStep.of(clips, w1.reshape(4, _kernel.TAPS), gamma1, beta1, norm1.eps)
        sign = np.where(gamma2 < 0, -1.0, 1.0)
        w2, b2 = w2 * sign[:, None, None, None, None], b2 * sign
        kept = _Kept(clips.shape)
        arguments = *first.folded, _kernel.packed(w2), b2.astype(np.float32)
        _over_clips(len(clips), lambda i: _kernel.compiled.forward(_kernel.LEVEL, clips[i], *arguments, *kept.of(i)))
        mean, variance = _mean_and_variance(kept.sums.sum(0), first.voxels)
        _update(norm1, first.mean + b1, first.deviation**2 - norm1.eps, first.voxels)
        _update(norm2, mean * sign, variance, first.voxels)
        deviation = np.sqrt(variance + norm2.eps)
        scale = np.abs(gamma2) / deviation
        maps = functional.relu_((torch.from_numpy(kept.peak) - _channels(mean)) * _channels(scale) + _channels(beta2))
        ctx.save_for_backward(pixels, maps)
        ctx.first, ctx.kept, ctx.second = first, kept, (w2, sign, mean, deviation, scale)
        return maps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by the weights, once: the kept maps are given back."""
        if ctx.kept is None:
            raise RuntimeError("the gradients of the first unit can be computed once a step")
        kept, first, (w2, sign, mean, deviation, scale) = ctx.kept, ctx.first, ctx.second
        pixels, maps = ctx.saved_tensors
        clips, voxels = pixels.numpy(), first.voxels
        gradient = (gradients[0] * (maps > 0)).double().contiguous()
        by_beta2 = gradient.sum((0, 2, 3, 4)).numpy()
        standard = (torch.from_numpy(kept.peak).double() - _channels(mean, double=True)) / _channels(deviation, double=True)
        by_gamma2 = (gradient * standard).sum((0, 2, 3, 4)).numpy()
        slope = scale * by_gamma2 / (voxels * deviation)
        norm = np.concatenate([scale * by_beta2 / voxels - mean * slope, slope]).astype(np.float32)
        scaled = (gradient * _channels(scale, double=True)).float().numpy()
        sums = _Gradients.of(clips, first, _kernel.packed(_kernel.turned(w2)), kept, scaled, norm)
        kept.give_back()
        ctx.kept = None
        by_w1, by_gamma1 = first.gradients(sums.w1.reshape(_kernel.TAPS, 4).T, sums.b1)
        by_w2 = _kernel.unpacked(sums.w2.reshape(1, 4, 3, 3, 3, 4)) * sign[:, None, None, None, None]
        zeros, w1_shape = np.zeros(4), (4, 1, 3, 3, 3)
        by_weights = (
            *(by_w1.reshape(w1_shape), zeros, by_gamma1, sums.b1),
            *(by_w2, zeros, by_gamma2 * sign, by_beta2),
        )
        return None, None, None, *(torch.from_numpy(np.array(one, np.float32)) for one in by_weights)


@dataclass(frozen=True)
class _Gradients:
    """Sums over the clips of what the kernel's backward pass adds up."""

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray

    @classmethod
    def of(
        cls,
        clips: np.ndarray,
        first: _FirstStep,
        w2: np.ndarray,
        kept: _Kept,
        gradient: np.ndarray,
        norm: np.ndarray,
    ) -> _Gradients:
        """Return them, summed in the order of the clips whatever the number of threads."""
        each = [np.zeros((len(clips), length)) for length in (4 * _kernel.TAPS, 4, 16 * _kernel.TAPS)]
        w1, b1 = first.folded

        def add(i: int) -> None:
            arguments = w1, b1, w2, kept.z2[i], kept.place[i], gradient[i], norm
            _kernel.compiled.backward(_kernel.LEVEL, clips[i], *arguments, *(part[i] for part in each))

        _over_clips(len(clips), add)
        return cls(*(part.sum(0) for part in each))


class _Kept:
    """What the forward pass keeps for the backward one: the second convolution's maps ``z2`` (n, frames, 4, height,
    row), their maxima and where these lay, and the sums of each channel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        count, frames, height, width = shape
        pooled = count, 4, frames // 3, height // 3, width // 3
        self.z2 = _borrowed((count, frames, 4, height, _kernel.kept_row(width)))
        self.peak, self.place = np.empty(pooled, np.float32), np.empty(pooled, np.uint8)
        self.sums = np.empty((count, 8))

    def of(self, i: int) -> tuple[np.ndarray, ...]:
        """Return the arrays of clip ``i``."""
        return self.z2[i], self.peak[i], self.place[i], self.sums[i]

    def give_back(self) -> None:
        """Let the next step use the largest array again: new memory costs as much as filling it."""
        _spare[:] = [self.z2.base if self.z2.base is not None else self.z2]


_spare: list[np.ndarray] = []
"""At most one flat array that no step uses."""


def _borrowed(shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape))
    try:
        flat = _spare.pop()
    except IndexError:
        flat = np.empty(0, np.float32)
    return (flat if len(flat) >= size else np.empty(size, np.float32))[:size].reshape(shape)


def _mean_and_variance(sums: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    mean = sums[:4] / count
    return mean, sums[4:] / count - mean**2


def _update(norm: Any, mean: np.ndarray, variance: np.ndarray, count: int) -> None:
    """Move the running statistics of ``norm`` as torch does: the variance is the unbiased one."""
    with torch.no_grad():
        for running, value in ((norm.running_mean, mean), (norm.running_var, variance * count / (count - 1))):
            running.mul_(1 - norm.momentum).add_(torch.from_numpy(value).float(), alpha=norm.momentum)
        norm.num_batches_tracked += 1


def _channels(values: np.ndarray, double: bool = False) -> Tensor:
    """Return one value a channel in the shape of maps."""
    return torch.from_numpy(values.astype(np.float64 if double else np.float32)).view(1, -1, 1, 1, 1)


# --- training: the later units -----------------------------------------------------------------------------------


def _unit(unit: Any, x: Tensor) -> Tensor:
    """Return the maps of a later unit of ``x``, in the plain layout."""
    x = functional.relu_(unit.norm1(Convolution.apply(x, unit.conv1.weight, unit.conv1.bias)))
    x = unit.norm2(Convolution.apply(x, unit.conv2.weight, unit.conv2.bias))
    return functional.relu_(unit.pooled(x))


class Convolution(torch.autograd.Function):
    """The convolution of maps (n, channels, ...) by weights (filters, channels, 3, 3, 3), zeros around them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return maps (n, filters, ...)."""
        x = x.contiguous()
        ctx.save_for_backward(x, weight)
        return _convolved(x, weight.detach().numpy(), bias.detach().numpy())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients by all three."""
        x, weight = ctx.saved_tensors
        gradient, w = gradients[0].contiguous(), weight.detach().numpy()
        filters, channels = w.shape[:2]
        each = np.zeros((len(x), filters // _kernel.FILTERS, channels, 3, 3, 3, _kernel.FILTERS))
        maps, back = x.numpy(), gradient.numpy()
        _over_clips(len(x), lambda i: _kernel.compiled.weights(_kernel.LEVEL, maps[i], back[i], each[i]))
        by_x = _convolved(gradient, _kernel.turned(w), np.zeros(channels, np.float32))
        by_weight = torch.from_numpy(_kernel.unpacked(each.sum(0)).astype(np.float32))
        return by_x, by_weight, gradient.sum((0, 2, 3, 4))


def _convolved(x: Tensor, weight: np.ndarray, bias: np.ndarray) -> Tensor:
    out = np.empty((len(x), len(weight), *x.shape[2:]), np.float32)
    maps, w, b = x.numpy(), _kernel.packed(weight), np.ascontiguousarray(bias)
    _over_clips(len(x), lambda i: _kernel.compiled.convolve(_kernel.LEVEL, maps[i], w, b, out[i]))
    return torch.from_numpy(out)


# --- evaluation --------------------------------------------------------------------------------------------------


def _pools_by_three(trunk: nn.Sequential, edges: tuple[int, ...]) -> bool:
    """Return whether every pooling of ``trunk`` finds three voxels along each of ``edges``."""
    return min(edges) >= 3 ** sum(unit.pools for unit in trunk)  # type: ignore[misc]


def _folded_maps(trunk: nn.Sequential, pixels: Tensor) -> Tensor:
    last_pools = bool(trunk[-1].pools)
    edges = [edge // 3 ** (3 if last_pools else 2) for edge in pixels.shape[1:]]
    out = np.empty((len(pixels), trunk[-1].conv2.out_channels, *edges), np.float32)
    clips, weights = pixels.numpy(), _folded(trunk)
    _over_clips(
        len(clips), lambda i: _kernel.compiled.maps(_kernel.LEVEL, clips[i], weights, last_pools, out[i])
    )
    return torch.from_numpy(out)


def _folded(trunk: nn.Sequential) -> np.ndarray:
    """Return the weights and biases of all convolutions with the normalisation after each folded in, float32."""
    parts = []
    for unit in trunk:
        for convolution, norm in ((unit.conv1, unit.norm1), (unit.conv2, unit.norm2)):
            tensors = convolution.weight, convolution.bias, norm.weight, norm.bias, norm.running_mean, norm.running_var
            w, b, gamma, beta, mean, variance = (tensor.detach().double().numpy() for tensor in tensors)
            scale = gamma / np.sqrt(variance + norm.eps)
            parts += [_kernel.packed(w * scale[:, None, None, None, None]), (b - mean) * scale + beta]
    return np.concatenate([part.astype(np.float32).ravel() for part in parts])


# --- threads -----------------------------------------------------------------------------------------------------


def _over_clips(count: int, work: Callable[[int], object]) -> None:
    """Call ``work`` for each clip, on as many threads as torch uses; each writes what is its own, so that their number
    changes no byte."""
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        for i in range(count):
            work(i)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(count)))
