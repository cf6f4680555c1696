"""The first unit over the volume in training: one function with one full-size map kept, where layers keep six.

The statistics of its first normalisation, and that normalisation's part of the gradient, follow from sums over the
clips alone: of the 27 pixels around each voxel, and of their products. Every value that is a sum over voxels is
float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from echomort.networks import _kernel

W1, W2 = (4, 1, 3, 3, 3), (4, 4, 3, 3, 3)
"""Shapes of the weights of the two convolutions."""


def first_unit(unit: Any, pixels: Tensor) -> Tensor:
    """Return the maps (n, 4, frames // 3, height // 3, width // 3) of the first unit in training and update its running
    statistics; ``pixels`` are uint8 or float32 (n, frames, height, width)."""
    layers = unit.conv1, unit.norm1, unit.conv2, unit.norm2
    maps: Tensor = FirstUnit.apply(
        pixels, unit.norm1, unit.norm2, *(weight for layer in layers for weight in (layer.weight, layer.bias))
    )
    return maps


class FirstUnit(torch.autograd.Function):
    """Convolution, normalisation, ReLU, twice, pooling, ReLU.

    A negative gamma of the second normalisation turns maxima into minima: the kernel gets that filter with the other
    sign. The normalisations take the convolutions' biases away again, so that their gradients are 0.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, norm1: Any, norm2: Any, *weights: Tensor) -> Tensor:
        """Return the maps."""
        clips = pixels.numpy()
        w1, b1, gamma1, beta1, w2, b2, gamma2, beta2 = (weight.detach().double().numpy() for weight in weights)
        first = _First.of(clips, w1.reshape(4, _kernel.TAPS), gamma1, beta1, norm1.eps)
        sign = np.where(gamma2 < 0, -1.0, 1.0)
        w2 = w2 * _channels(sign)
        kept = _Kept(clips.shape)
        centre = -(w2.sum((2, 3, 4)) @ _mean_above_0(beta1, np.abs(gamma1))).astype(np.float32)
        arguments = *first.folded, _kernel.packed(w2), centre
        _kernel.over_clips(len(clips), lambda i: _kernel.call("forward", clips[i], *arguments, *kept.of(i)))
        mean, deviation = _mean_and_deviation(kept.sums.sum(0) / first.voxels, norm2.eps)
        second = _Second(w2, sign, mean, deviation, np.abs(gamma2) / deviation)
        _update(norm1, first.mean + b1, first.deviation**2 - norm1.eps, first.voxels)
        _update(norm2, (second.mean - centre) * sign + b2, second.deviation**2 - norm2.eps, first.voxels)
        maps = (kept.peak - _row(second.mean)) * _row(second.scale) + _row(beta2)
        maps = functional.relu_(torch.from_numpy(maps.astype(np.float32)))
        ctx.save_for_backward(pixels, maps)
        ctx.first, ctx.kept, ctx.second = first, kept, second
        return maps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by the weights. Only once: it gives back what the forward pass kept."""
        pixels, maps = ctx.saved_tensors
        if ctx.kept is None:
            raise RuntimeError("the gradients of the first unit can be computed once a step")
        kept, first, second, clips = ctx.kept, ctx.first, ctx.second, pixels.numpy()
        gradient = (gradients[0] * (maps > 0)).contiguous().numpy()
        by_beta2, by_gamma2, norm = second.gradients(gradient, kept.peak, first.voxels)
        arguments = *first.folded, _kernel.packed(_kernel.turned(second.w2))
        scaled = gradient * _row(second.scale).astype(np.float32)
        sums = [np.zeros((len(clips), length)) for length in (4 * _kernel.TAPS, 4, 16 * _kernel.TAPS)]

        def add(i: int) -> None:
            passed = kept.z2[i], kept.place[i], scaled[i], norm
            _kernel.call("backward", clips[i], *arguments, *passed, *(part[i] for part in sums))

        _kernel.over_clips(len(clips), add)
        kept.give_back()
        ctx.kept = None
        by_folded, by_beta1, by_w2 = (part.sum(0) for part in sums)  # in the clips' order, whatever the threads
        by_w1, by_gamma1 = first.gradients(by_folded.reshape(_kernel.TAPS, 4).T, by_beta1)
        by_w2 = _kernel.unpacked(by_w2.reshape(1, 4, 3, 3, 3, 4)) * _channels(second.sign)
        of_first = by_w1.reshape(W1), np.zeros(4), by_gamma1, by_beta1
        of_second = by_w2, np.zeros(4), by_gamma2 * second.sign, by_beta2
        return None, None, None, *(torch.from_numpy(np.array(one, np.float32)) for one in (*of_first, *of_second))


@dataclass(frozen=True)
class _First:
    """Convolution and normalisation of the pixels as one convolution; w (4, 27), values of a filter (4,)."""

    sums: np.ndarray
    """Of the 27 pixels around each voxel (27,)."""
    products: np.ndarray
    """Sums of their products (27, 27)."""
    voxels: int
    w: np.ndarray
    mean: np.ndarray
    """Of the convolution without its bias."""
    deviation: np.ndarray
    scale: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, clips: np.ndarray, w: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float) -> _First:
        """Return it for all ``clips``."""
        moments = np.empty((len(clips), 1 + _kernel.TAPS, _kernel.TAPS))
        _kernel.over_clips(len(clips), lambda i: _kernel.call("moments", clips[i], moments[i]))
        total = moments.sum(0)
        sums, products, voxels = total[0], total[1:], clips.size
        mean = w @ sums / voxels
        deviation = np.sqrt(((w @ products) * w).sum(1) / voxels - mean**2 + epsilon)
        scale = gamma / deviation
        return cls(sums, products, voxels, w, mean, deviation, scale, beta - mean * scale)

    @property
    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """The weights and the bias for the kernel."""
        return _kernel.packed((self.w * self.scale[:, None]).reshape(W1)), self.shift.astype(np.float32)

    def gradients(self, by_folded: np.ndarray, by_beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradients by w (4, 27) and by gamma, of those by the folded weights and by beta."""
        by_gamma = ((self.w * by_folded).sum(1) - self.mean * by_beta) / self.deviation
        standard = (self.w @ self.products - self.mean[:, None] * self.sums) / self.deviation[:, None]
        by_statistics = (by_beta[:, None] * self.sums + by_gamma[:, None] * standard) / self.voxels
        return self.scale[:, None] * (by_folded - by_statistics), by_gamma


@dataclass(frozen=True)
class _Second:
    """The second convolution's weights (4, 4, 3, 3, 3) and its normalisation, with the sign of gamma in the weights;
    values of a filter (4,)."""

    w2: np.ndarray
    sign: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    scale: np.ndarray

    def gradients(
        self, gradient: np.ndarray, peak: np.ndarray, voxels: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the gradients by beta and by gamma's size, and what the kernel takes away from every voxel's: a
        constant and a multiple of its value, float32 (8,)."""
        by_beta = gradient.sum((0, 2, 3, 4), dtype=np.float64)
        standard = (peak - _row(self.mean)) / _row(self.deviation)
        by_gamma = (gradient * standard).sum((0, 2, 3, 4))
        slope = self.scale * by_gamma / (voxels * self.deviation)
        norm = np.concatenate([self.scale * by_beta / voxels - self.mean * slope, slope]).astype(np.float32)
        return by_beta, by_gamma, norm


class _Kept:
    """What the forward pass keeps: the second convolution's maps ``z2`` (n, frames, 4, height, row), their maxima and
    where these lay, and each clip's sums."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        count, frames, height, width = shape
        pooled = count, 4, frames // 3, height // 3, width // 3
        full = count, frames, 4, height, _kernel.kept_row(width)
        self._memory = _borrowed(int(np.prod(full)))
        self.z2 = self._memory[: np.prod(full)].reshape(full)
        self.peak, self.place = np.empty(pooled, np.float32), np.empty(pooled, np.uint8)
        self.sums = np.empty((count, 8))

    def of(self, i: int) -> tuple[np.ndarray, ...]:
        """Return the arrays of clip ``i``."""
        return self.z2[i], self.peak[i], self.place[i], self.sums[i]

    def give_back(self) -> None:
        """Let the next step use the largest array again: new memory costs about as much as filling it."""
        _spare[:] = [self._memory]


_spare: list[np.ndarray] = []
"""At most one array that no step uses."""


def _borrowed(size: int) -> np.ndarray:
    try:
        memory = _spare.pop()
    except IndexError:
        memory = np.empty(0, np.float32)
    return memory if memory.size >= size else np.empty(size, np.float32)


def _mean_and_deviation(moments: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Return both (4,) of the means of a value and of its square (8,)."""
    mean = moments[:4]
    return mean, np.sqrt(moments[4:] - mean**2 + epsilon)


def _update(norm: Any, mean: np.ndarray, variance: np.ndarray, voxels: int) -> None:
    """Move the running statistics of ``norm`` as torch does: the variance is the unbiased one."""
    with torch.no_grad():
        for running, value in ((norm.running_mean, mean), (norm.running_var, variance * voxels / (voxels - 1))):
            running.mul_(1 - norm.momentum).add_(torch.from_numpy(value).float(), alpha=norm.momentum)
        norm.num_batches_tracked += 1


def _mean_above_0(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return the means of normal values of ``mean`` and ``deviation`` where those below 0 are set to 0."""
    t = torch.from_numpy(mean / np.maximum(deviation, np.finfo(float).tiny))
    density = torch.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(mean * torch.special.ndtr(t).numpy() + deviation * density.numpy())


def _channels(values: np.ndarray) -> np.ndarray:
    """Return one value a filter in the shape of weights."""
    return values[:, None, None, None, None]


def _row(values: np.ndarray) -> np.ndarray:
    """Return one value a channel in the shape of maps."""
    return values[None, :, None, None, None]
