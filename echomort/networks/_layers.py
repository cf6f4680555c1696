"""What the networks of the method have in common (preprint, p. 18-20, extended tables 4 to 7).

Each is a row of units: (convolution 3, batch normalisation, ReLU) twice, then max-pooling 3. They differ in what is
convolved (the volume: three units; or every frame: four), in whether the last unit pools, and in how its maps become
one number. Pixels enter as they are stored, 0 to 255: the first batch normalisation absorbs the scale, and the authors'
weights expect it.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from echomort.networks import _fused as fused

VOLUME_FILTERS = (4, 8, 16)
"""Of the three units over the volume (preprint, extended tables 6 and 7)."""
FRAME_FILTERS = (4, 8, 16, 16)
"""Of the four units over every frame (preprint, extended tables 4 and 5)."""
POOL = 3
"""Pixels or frames to one, in each unit (preprint, p. 18)."""
NORM_EPSILON = 1e-3
"""Added to the variance: the default of Keras."""
LAYERS: dict[int, tuple[Callable[..., nn.Module], Callable[..., nn.Module], Callable[..., Tensor]]] = {
    2: (nn.Conv2d, nn.BatchNorm2d, functional.max_pool2d),
    3: (nn.Conv3d, nn.BatchNorm3d, functional.max_pool3d),
}


class Unit(nn.Module):
    """Convolution, normalisation, ReLU, twice, then max-pooling if ``pools``, in two or three dimensions.

    The second ReLU comes after the pooling: the two commute, and it has 27 (or 9) times less to do.
    """

    def __init__(self, inputs: int, filters: int, dimensions: int, momentum: float, pools: bool) -> None:
        super().__init__()
        convolution, norm, self.max_pool = LAYERS[dimensions]
        self.pools = pools
        self.layout = torch.channels_last_3d if dimensions == 3 else torch.channels_last
        self.conv1 = convolution(inputs, filters, 3, padding=1)
        self.norm1 = norm(filters, eps=NORM_EPSILON, momentum=momentum)
        self.conv2 = convolution(filters, filters, 3, padding=1)
        self.norm2 = norm(filters, eps=NORM_EPSILON, momentum=momentum)
        self.to(memory_format=self.layout)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, filters, ...) maps, a third as large in every dimension if the unit pools.

        A dimension with fewer than 3 left is pooled to 1, so that small clips pass through every unit.
        """
        x = functional.relu_(self._normalised(self.norm1, self.conv1(x), back=True))
        x = self._normalised(self.norm2, self.conv2(x), back=False)
        return functional.relu_(self.pooled(x))

    def pooled(self, x: Tensor) -> Tensor:
        """Return the maxima of ``x``, or ``x`` itself if the unit does not pool."""
        return self.max_pool(x, [min(POOL, edge) for edge in x.shape[2:]]) if self.pools else x

    def _normalised(self, norm: nn.Module, x: Tensor, back: bool) -> Tensor:
        """Normalise, on a CPU in training in the plain layout; ``back``: return to the one that convolutions like.

        torch (2.13) gets the batch statistics of a channels-last float32 tensor wrong by up to 0.4 %, while its
        convolutions are exact in that layout and 1.7 times as fast.
        """
        if not (self.training and x.device.type == "cpu"):
            plain: Tensor = norm(x)
            return plain
        y: Tensor = norm(Relayout.apply(x, torch.contiguous_format, self.layout))
        again: Tensor = Relayout.apply(y, self.layout, torch.contiguous_format) if back else y
        return again


class Relayout(torch.autograd.Function):
    """A copy in another memory layout, whose gradient goes back to the former one (torch would leave it as it came,
    and kernels are several times slower where gradient and value differ in layout)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, to: torch.memory_format, back: torch.memory_format) -> Tensor:
        """Return ``x`` laid out as ``to``."""
        ctx.back = back
        return x.clone(memory_format=to)  # a copy even where both layouts are one, as with maps of one cell

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient laid out as ``back``."""
        return gradients[0].contiguous(memory_format=ctx.back), None, None


class Trunk(nn.Sequential):
    """The units over the volume (dimensions 3) or over every frame (dimensions 2); ``last_pools``: the last one too.
    ``channels``: 1 of grey pictures, 3 of coloured ones."""

    def __init__(self, dimensions: int, momentum: float, last_pools: bool, channels: int = 1) -> None:
        filters = VOLUME_FILTERS if dimensions == 3 else FRAME_FILTERS
        pools = (*(True for _ in filters[1:]), last_pools)
        sizes = zip((channels, *filters[:-1]), filters, pools, strict=True)
        super().__init__(*(Unit(inputs, outputs, dimensions, momentum, pool) for inputs, outputs, pool in sizes))


GREY = 4
"""Dimensions of a batch of grey clips: clip, frame, row, column. One of coloured clips has a fifth."""
VOLUME_EDGE: int = POOL ** len(VOLUME_FILTERS)
"""Pixels or frames of which three poolings by 3 leave one: 27."""


def volume_features(shape: tuple[int, int, int]) -> int:
    """Return the number of features of clips of ``shape`` when all units over the volume pool: 640 at 60x109x150."""
    frames, height, width = (edge // VOLUME_EDGE for edge in shape)
    return frames * height * width * VOLUME_FILTERS[-1]


def volume_maps(trunk: Trunk, pixels: Tensor) -> Tensor:
    """Return maps (n, 16, ...) of pixels (n, frames, height, width), with a last edge 3 if they are coloured: a 27th of
    each edge, or a 9th if the last unit does not pool. On a processor a compiled kernel computes those of grey pixels
    where it can (:mod:`echomort.networks._fused`)."""
    if pixels.ndim == GREY and fused.takes(trunk, pixels):
        return fused.maps(trunk, pixels)
    volume = pixels.float()
    maps: Tensor = trunk(volume.unsqueeze(1) if pixels.ndim == GREY else volume.movedim(-1, 1))
    return maps


def flattened(maps: Tensor) -> Tensor:
    """Return the features of maps (n, channels, ...), channels last: the order of the authors' dense kernel."""
    return maps.movedim(1, -1).flatten(1)


def frame_vectors(trunk: Trunk, pixels: Tensor) -> Tensor:
    """Return one vector a frame, (n, frames, 16): the maps of every frame averaged over space (one cell at the
    preprint's size, if the last unit pools)."""
    maps: Tensor = trunk(pixels.float().flatten(0, 1).unsqueeze(1))
    vectors: Tensor = maps.mean((-2, -1)).unflatten(0, pixels.shape[:2])
    return vectors


class Lstm(nn.Module):
    """One LSTM layer as Keras 2.2 has it by default: one bias a gate, gates through the hard sigmoid.

    torch's own has two biases and the logistic function.
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(torch.empty(4 * units, inputs))
        self.recurrent = nn.Parameter(torch.empty(4 * units, units))
        self.bias = nn.Parameter(torch.empty(4 * units))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (n, steps, units) for (n, steps, inputs)."""
        driven = functional.linear(x, self.kernel, self.bias)
        state = output = driven.new_zeros(len(x), self.units)
        outputs = []
        for step in driven.unbind(1):
            gates = step + functional.linear(output, self.recurrent)
            admit, keep, cell, show = gates.chunk(4, dim=1)
            state = hard_sigmoid(keep) * state + hard_sigmoid(admit) * cell.tanh()
            output = hard_sigmoid(show) * state.tanh()
            outputs.append(output)
        return torch.stack(outputs, dim=1)


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return 0.2 ``x`` + 0.5 within 0 and 1: what Keras 2.2 calls ``hard_sigmoid`` (torch's has another slope)."""
    return (0.2 * x + 0.5).clamp(0, 1)


def initialised(network: nn.Module) -> nn.Module:
    """Return ``network`` freshly drawn: kernels Glorot-uniform and biases 0, the defaults of Keras (its LSTM:
    orthogonal recurrence, forget bias 1)."""
    return network.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Conv3d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, Lstm):
        nn.init.xavier_uniform_(module.kernel)
        nn.init.orthogonal_(module.recurrent)
        nn.init.zeros_(module.bias)
        nn.init.ones_(module.bias[module.units : 2 * module.units])  # gates in the order input, forget, cell, output
