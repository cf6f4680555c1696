"""What the four published networks have in common.

Each has three units of (convolution 3, batch normalisation, ReLU) twice, then max-pooling 3, with 4, 8 and 16 filters.
They differ in what is convolved (the volume, or every frame) and in how the last maps become one number. Pixels enter
as they are stored, 0 to 255: the first batch normalisation absorbs the scale, and the published weights expect it.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

FILTERS = (4, 8, 16)
"""Of the three units."""
DROPOUT = 0.5
"""Share of the features left out in training, before the last layer."""
POOL = 3
"""Pixels or frames to one, in each unit."""
SMALLEST_EDGE = POOL ** len(FILTERS)
"""Pixels or frames that three poolings by 3 need: 27."""
NORM_EPSILON = 1e-3
"""Added to the variance: the default of Keras."""
LAYERS: dict[int, tuple[Callable[..., nn.Module], Callable[..., nn.Module], Callable[..., nn.Module]]] = {
    2: (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d),
    3: (nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d),
}


class Unit(nn.Module):
    """Convolution, normalisation, ReLU, twice, then max-pooling, in two or three dimensions.

    The second ReLU comes after the pooling: the two commute, and it has 27 (or 9) times less to do.
    """

    def __init__(self, inputs: int, filters: int, dimensions: int, momentum: float) -> None:
        super().__init__()
        convolution, norm, pool = LAYERS[dimensions]
        self.layout = torch.channels_last_3d if dimensions == 3 else torch.channels_last
        self.conv1 = convolution(inputs, filters, 3, padding=1)
        self.norm1 = norm(filters, eps=NORM_EPSILON, momentum=momentum)
        self.conv2 = convolution(filters, filters, 3, padding=1)
        self.norm2 = norm(filters, eps=NORM_EPSILON, momentum=momentum)
        self.pool = pool(POOL)
        self.to(memory_format=self.layout)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, filters, ...) maps, a third as large in every dimension."""
        x = functional.relu_(self._normalised(self.norm1, self.conv1(x), back=True))
        return functional.relu_(self.pool(self._normalised(self.norm2, self.conv2(x), back=False)))

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
        return x.contiguous(memory_format=to)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient laid out as ``back``."""
        return gradients[0].contiguous(memory_format=ctx.back), None, None


class Trunk(nn.Sequential):
    """Three units over the volume (dimensions 3) or over every frame (dimensions 2)."""

    def __init__(self, dimensions: int, momentum: float) -> None:
        sizes = zip((1, *FILTERS), FILTERS, strict=False)
        super().__init__(*(Unit(inputs, filters, dimensions, momentum) for inputs, filters in sizes))


def volume_maps(trunk: Trunk, pixels: Tensor) -> Tensor:
    """Return maps (n, 16, frames // 27, height // 27, width // 27) of pixels (n, frames, height, width)."""
    maps: Tensor = trunk(pixels.float().unsqueeze(1))
    return maps


def frame_vectors(trunk: Trunk, pixels: Tensor) -> Tensor:
    """Return one vector a frame, (n, frames, 16): the maps of every frame averaged over space."""
    maps: Tensor = trunk(pixels.float().flatten(0, 1).unsqueeze(1))
    vectors: Tensor = maps.mean((-2, -1)).unflatten(0, pixels.shape[:2])
    return vectors


class Lstm(nn.Module):
    """One LSTM layer with one bias a gate, as Keras counts it (torch keeps two that only ever act as their sum)."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(torch.empty(4 * units, inputs))
        self.recurrent = nn.Parameter(torch.empty(4 * units, units))
        self.bias = nn.Parameter(torch.empty(4 * units))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (n, steps, units) for (n, steps, inputs)."""
        rest = x.new_zeros(1, len(x), self.units)
        weights = [self.kernel, self.recurrent, self.bias, torch.zeros_like(self.bias)]
        # has_biases, layers, dropout, training, bidirectional, batch_first
        outputs: Tensor = torch.lstm(x, (rest, rest), weights, True, 1, 0.0, self.training, False, True)[0]
        return outputs


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
