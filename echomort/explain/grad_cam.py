"""Where the last convolution of a network finds what its risk rests on.

Grad-CAM, after Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization",
ICCV 2017 (doi:10.1109/ICCV.2017.74): the maps of the last convolution, weighted by the gradient of the logit by them,
are added up. One pass forward and one back, where occlusion needs hundreds. Weights are those of each cell, not their
mean over the map, as in HiResCAM (Draelos and Carin, 2020, arXiv:2011.08891): equal where a network averages its maps,
and right where it has a weight for each cell, as ``cnn_3d`` does.

Own code: it is shorter than what a library for it (captum) would need around it.
"""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from echomort.networks._averaged import networks_of

CONVOLUTIONS = nn.Conv2d | nn.Conv3d
NORMS = nn.BatchNorm2d | nn.BatchNorm3d

NO_CONVOLUTION = "Grad-CAM needs a network with convolutions, and the champion's has none"
"""Why a network has no map."""


def has_convolution(network: nn.Module) -> bool:
    """Return whether ``network`` has a map."""
    return any(isinstance(module, CONVOLUTIONS) for module in network.modules())


def grad_cam(pixels: NDArray[np.uint8], networks: Iterable[nn.Module]) -> NDArray[np.float64]:
    """Return what each part of a clip, uint8 (frames, height, width), adds to its logit by ``networks``, which are in
    evaluation mode and have convolutions: the mean of their maps, float64 (times, rows, columns). Each may be the mean
    of equally many.

    Above 0: the part raises the risk (the ReLU of the method's own map, which keeps those alone, is left out). Where
    one dense layer follows the maps, the parts add up to the logit less the bias of that layer.
    """
    alone = [one for network in networks for one in networks_of(network)]
    return np.asarray(np.mean([_map_of(network, pixels) for network in alone], axis=0))


def _map_of(network: nn.Module, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    seen: list[Tensor] = []
    hook = _last_layer(network).register_forward_hook(lambda module, inputs, output: seen.append(output))
    try:
        with torch.enable_grad():
            device = next(network.parameters()).device
            logit = network(torch.from_numpy(pixels[None]).to(device)).sum()
            (gradient,) = torch.autograd.grad(logit, seen)
    finally:
        hook.remove()
    parts = (seen[0].detach().relu() * gradient).double().cpu()
    return np.asarray((parts[0] if parts.ndim == VOLUME else parts.transpose(0, 1)).sum(0).numpy())


VOLUME = 5
"""Dimensions of maps over the volume: clip, channel, time, row, column. Those over frames have four, of which the first
is the time."""


def _last_layer(network: nn.Module) -> nn.Module:
    """Return the last convolution, or the normalisation behind it: what the last ReLU gets."""
    modules = list(network.modules())
    last = max(place for place, module in enumerate(modules) if isinstance(module, CONVOLUTIONS))
    behind = modules[last + 1] if last + 1 < len(modules) else None
    return behind if isinstance(behind, NORMS) else modules[last]
