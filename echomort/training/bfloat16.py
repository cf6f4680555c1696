"""A check of bfloat16 convolutions against float32, before a model is trained with them: some releases of libraries get
them wrong, and nothing else would show it."""

import functools
import itertools

import torch
from torch.nn import functional

from echomort.core.errors import UserError

SIZES = ((1, 4), (4, 8), (16, 16))
"""Channels in and out: of the first, a middle and the last convolution of the networks."""
EDGE = 24
"""Voxels along each edge of what is convolved. Chosen here: milliseconds, and more than one tile of any kernel."""
MOST = 0.02
"""Largest length of a difference by the length of float32's values. bfloat16 keeps 8 bits, 0.4 % at most of each
value, and sums of many are nearer; a wrong kernel is off by far more. Chosen here."""


@functools.cache
def require_true_bfloat16(device: str) -> None:
    """Raise :class:`UserError` where bfloat16 convolutions of ``device``, or their gradients, differ from float32 by
    more than rounding."""
    worst = max(
        bfloat16_error(device, dimensions, inputs, outputs)
        for dimensions, (inputs, outputs) in itertools.product((2, 3), SIZES)
    )
    if not worst <= MOST:
        raise UserError(
            f"bfloat16 convolutions are wrong here (they differ from float32 by {100 * worst:.0f} %)",
            "set training.precision: exact, or install another release of torch",
        )


def bfloat16_error(device: str, dimensions: int, inputs: int, outputs: int) -> float:
    """Return by how much a convolution in bfloat16 differs from float32 at most: its values, and its gradients by what
    is convolved and by its weights; the length of the difference by that of float32's values."""
    exact, rounded = (_convolved(device, dimensions, inputs, outputs, fast) for fast in (False, True))
    pairs = zip(exact, rounded, strict=True)
    return max(float((one - other).norm() / one.norm()) for one, other in pairs)


def _convolved(device: str, dimensions: int, inputs: int, outputs: int, fast: bool) -> list[torch.Tensor]:
    """Return value and gradients of one convolution of fixed random numbers, in float32."""
    generator = torch.Generator().manual_seed(0)
    layout = torch.channels_last_3d if dimensions == 3 else torch.channels_last
    maps = torch.randn(2, inputs, *[EDGE] * dimensions, generator=generator).to(device, memory_format=layout)
    weight = torch.randn(outputs, inputs, *[3] * dimensions, generator=generator).to(device, memory_format=layout)
    maps.requires_grad_()
    weight.requires_grad_()
    convolve = functional.conv3d if dimensions == 3 else functional.conv2d
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=fast):
        value = convolve(maps, weight, padding=1)
    back = torch.randn(value.shape, generator=generator).to(device)
    by_maps, by_weight = torch.autograd.grad(value, [maps, weight], back.to(value.dtype))
    return [tensor.detach().float() for tensor in (value, by_maps, by_weight)]
