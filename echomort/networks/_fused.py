"""The units over the volume by the compiled kernel, on a processor, in float32.

In training the first unit is one function (:mod:`echomort.networks._first_unit`); the later ones are the kernel's
convolutions between torch's own layers. In evaluation all units are one loop over the frames, with the normalisations
folded into the convolutions. Sums over voxels are in float64. All of it equals the layers of
:mod:`echomort.networks._layers` to rounding; its gradients at the published size are nearer to float64 than theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from echomort.networks import _kernel
from echomort.networks._first_unit import first_unit


def takes(trunk: nn.Sequential, pixels: Tensor) -> bool:
    """Return whether the kernel computes ``trunk`` of ``pixels`` (n, frames, height, width).

    It does on a processor with float32 weights, unless a gradient by the pixels is wanted, or any in evaluation, or a
    hook waits for what a layer gives.
    """
    modules = list(trunk.modules())
    weights = {(weight.device.type, weight.dtype) for weight in trunk.parameters()}
    edges = tuple(pixels.shape[1:])
    if pixels.device.type != "cpu" or weights != {("cpu", torch.float32)} or pixels.requires_grad or not len(pixels):
        return False
    if len({module.training for module in modules}) > 1 or any(map(_has_hook, modules)):
        return False
    if trunk.training:
        return _kernel.takes_edges(edges)
    return not torch.is_grad_enabled() and _kernel.takes_edges(edges) and _pools_by_three(trunk, edges)


def maps(trunk: nn.Sequential, pixels: Tensor) -> Tensor:
    """Return the maps (n, 16, ...) of ``trunk`` in the plain layout; :func:`takes` must hold."""
    pixels = (pixels if pixels.dtype == torch.uint8 else pixels.float()).contiguous()
    if not trunk.training:
        return _folded_maps(trunk, pixels)
    first, *later = trunk
    x = first_unit(first, pixels)
    for unit in later:
        x = _later_unit(unit, x)
    return x


def _has_hook(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)


# --- training ----------------------------------------------------------------------------------------------------


def _later_unit(unit: Any, x: Tensor) -> Tensor:
    x = functional.relu_(unit.norm1(convolved(unit.conv1, x)))
    x = unit.norm2(convolved(unit.conv2, x))
    return functional.relu_(unit.pooled(x))


def convolved(convolution: Any, x: Tensor) -> Tensor:
    """Return what ``convolution`` gives for ``x``, by the kernel."""
    y: Tensor = Convolution.apply(x, convolution.weight, convolution.bias)
    return y


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
        _kernel.over_clips(len(x), lambda i: _kernel.call("weights", maps[i], back[i], each[i]))
        by_x = _convolved(gradient, _kernel.turned(w), np.zeros(channels, np.float32))
        by_weight = torch.from_numpy(_kernel.unpacked(each.sum(0)).astype(np.float32))
        return by_x, by_weight, gradient.sum((0, 2, 3, 4))


def _convolved(x: Tensor, weight: np.ndarray, bias: np.ndarray) -> Tensor:
    out = np.empty((len(x), len(weight), *x.shape[2:]), np.float32)
    maps, w, b = x.numpy(), _kernel.packed(weight), np.ascontiguousarray(bias)
    _kernel.over_clips(len(x), lambda i: _kernel.call("convolve", maps[i], w, b, out[i]))
    return torch.from_numpy(out)


# --- evaluation --------------------------------------------------------------------------------------------------


def _poolings(trunk: Any) -> int:
    return sum(bool(unit.pools) for unit in trunk)


def _pools_by_three(trunk: nn.Sequential, edges: tuple[int, ...]) -> bool:
    """Return whether every pooling of ``trunk`` finds three voxels along each of ``edges``."""
    return all(edge >= 3 ** _poolings(trunk) for edge in edges)


def _folded_maps(trunk: Any, pixels: Tensor) -> Tensor:
    edges = [edge // 3 ** _poolings(trunk) for edge in pixels.shape[1:]]
    out = np.empty((len(pixels), trunk[-1].conv2.out_channels, *edges), np.float32)
    clips, weights, last_pools = pixels.numpy(), _folded(trunk), trunk[-1].pools
    _kernel.over_clips(len(clips), lambda i: _kernel.call("maps", clips[i], weights, last_pools, out[i]))
    return torch.from_numpy(out)


def _folded(trunk: Any) -> np.ndarray:
    """Return the weights and biases of all convolutions with the normalisation after each folded in, float32."""
    parts = []
    for unit in trunk:
        for convolution, norm in ((unit.conv1, unit.norm1), (unit.conv2, unit.norm2)):
            tensors = convolution.weight, convolution.bias, norm.weight, norm.bias, norm.running_mean, norm.running_var
            w, b, gamma, beta, mean, variance = (tensor.detach().double().numpy() for tensor in tensors)
            scale = gamma / np.sqrt(variance + norm.eps)
            parts += [_kernel.packed(w * scale[:, None, None, None, None]), (b - mean) * scale + beta]
    return np.concatenate([part.astype(np.float32).ravel() for part in parts])
