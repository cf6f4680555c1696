"""How far the first unit's maps and gradients lie from float64: torch's layers in float32 beside the compiled kernel.

    python benchmarks/exactness.py --batch 16

Prints one table in Markdown, for docs/training_speed.md: the length of the difference by that of float64's values. The
size is the published one; a batch of 16 takes 17 GB of memory and two minutes, nearly all for float64.
"""

import argparse
import copy

import numpy as np
import torch
from torch import Tensor, nn

from echomort.networks import _kernel
from echomort.networks._first_unit import first_unit
from echomort.networks._layers import Unit

SHAPE = (60, 109, 150)
"""Frames, height and width of a clip: the published size."""


def trained(unit: nn.Module, maps: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Return the maps and the gradients of their weighted sum by the weights that the normalisations leave."""
    (maps * weight.to(maps.dtype)).sum().backward()
    gradients = {name: value.grad for name, value in unit.named_parameters() if value.grad is not None}
    return {"maps": maps.detach()} | {n: g for n, g in gradients.items() if n not in ("conv1.bias", "conv2.bias")}


def distance(one: Tensor, exact: Tensor) -> float:
    """Return the length of the difference by that of ``exact``."""
    return float((one.double() - exact).norm() / exact.norm())


def main() -> None:
    """Compute, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4)
    batch = parser.parse_args().batch
    torch.manual_seed(0)
    unit = Unit(1, 4, 3, 0.1, pools=True).train()
    stock, exact = copy.deepcopy(unit), copy.deepcopy(unit).double()
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (batch, *SHAPE), dtype=np.uint8))
    pixels[:, :, : SHAPE[1] // 5] = 0  # a blank bar, as above a sector
    weight = torch.randn(batch, 4, *(edge // 3 for edge in SHAPE))
    ours = trained(unit, first_unit(unit, pixels), weight)
    theirs = trained(stock, stock(pixels.float().unsqueeze(1)), weight)
    wanted = trained(exact, exact(pixels.double().unsqueeze(1)), weight)
    print(f"| batch {batch} | torch, float32 | kernel ({_kernel.LEVEL}) |\n|---|---|---|")
    for name, value in wanted.items():
        print(f"| {name} | {distance(theirs[name], value):.1e} | {distance(ours[name], value):.1e} |")


if __name__ == "__main__":
    main()
