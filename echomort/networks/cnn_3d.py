"""The 3-D network of the method (preprint, extended table 6)."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import DROPOUT, POOL, VOLUME_FILTERS, Trunk, initialised, volume_maps

SMALLEST_EDGE = POOL ** len(VOLUME_FILTERS)
"""Pixels or frames of which three poolings by 3 leave one: 27."""


class Cnn3d(nn.Module):
    """Three units over the volume, all cells into one dense layer: 14,421 weights at 60x109x150."""

    def __init__(self, shape: tuple[int, int, int], momentum: float) -> None:
        super().__init__()
        cells = (shape[0] // SMALLEST_EDGE) * (shape[1] // SMALLEST_EDGE) * (shape[2] // SMALLEST_EDGE)
        self.trunk = Trunk(3, momentum, last_pools=True)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(cells * VOLUME_FILTERS[-1], 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,); features are flattened channels last, the order of the authors' dense kernel."""
        maps = volume_maps(self.trunk, pixels)
        logits: Tensor = self.head(maps.permute(0, 2, 3, 4, 1).flatten(1)).squeeze(1)
        return logits


NETWORK = Network(
    description="3-D convolutions, then one dense layer over all cells",
    smallest=(SMALLEST_EDGE, SMALLEST_EDGE, SMALLEST_EDGE),
    build=lambda wanted: initialised(Cnn3d(wanted.shape, wanted.norm_momentum)),
    optimizer="adagrad",
    compiled=True,
)
