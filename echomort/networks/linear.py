"""A linear model of the means of a coarse grid of blocks: the smallest network, for controls and quick trials."""

from torch import Tensor, nn
from torch.nn import functional

from echomort.networks import Network
from echomort.networks._layers import NORM_EPSILON, initialised

GRID = (4, 8, 8)
"""Blocks over which pixels are averaged: frames, height, width. Chosen here: 256 numbers a clip, enough to overfit a
few hundred patients."""


class Linear(nn.Module):
    """Block means, batch normalisation, one weight a block: 257 weights at any size."""

    def __init__(self, momentum: float) -> None:
        super().__init__()
        blocks = GRID[0] * GRID[1] * GRID[2]
        self.norm = nn.BatchNorm1d(blocks, eps=NORM_EPSILON, momentum=momentum, affine=False)
        self.head = nn.Linear(blocks, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,)."""
        means = functional.adaptive_avg_pool3d(pixels.float(), GRID).flatten(1)
        logits: Tensor = self.head(self.norm(means)).squeeze(1)
        return logits


NETWORK = Network(
    description="a linear model of the means of 4 x 8 x 8 blocks",
    smallest=GRID,
    build=lambda wanted: initialised(Linear(wanted.norm_momentum)),
)
