"""A linear model of a coarse picture of the clip: the smallest network, for controls and quick trials."""

from torch import Tensor, nn
from torch.nn import functional

from echomort.networks import Network
from echomort.networks._layers import initialised

GRID = (4, 8, 8)
"""Blocks over which pixels are averaged: frames, height, width. Chosen here: 256 numbers a clip, enough to overfit a
few hundred patients."""


class Linear(nn.Module):
    """Means of blocks, standardised within the clip so that its gain does not count; one weight a block and a bias: 257
    weights at any size."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(GRID[0] * GRID[1] * GRID[2], 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,)."""
        means = functional.adaptive_avg_pool3d(pixels.float(), GRID).flatten(1)
        logits: Tensor = self.head(functional.layer_norm(means, means.shape[1:])).squeeze(1)
        return logits


NETWORK = Network(
    description=f"a linear model of the means of {' x '.join(map(str, GRID))} blocks",
    smallest=(1, 1, 1),
    build=lambda wanted: initialised(Linear()),
)
