"""The 3-D network of the method with global average pooling (preprint, extended table 7)."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import POOL, VOLUME_FILTERS, Trunk, initialised, volume_maps

SMALLEST_EDGE = POOL ** (len(VOLUME_FILTERS) - 1)
"""Pixels or frames of which two poolings by 3 leave one: 9."""


class Cnn3dGap(nn.Module):
    """Three units over the volume, the last without pooling, its 16 maps averaged: 13,797 weights at any size."""

    def __init__(self, momentum: float, dropout: float) -> None:
        super().__init__()
        self.trunk = Trunk(3, momentum, last_pools=False)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(VOLUME_FILTERS[-1], 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,)."""
        logits: Tensor = self.head(volume_maps(self.trunk, pixels).mean((-3, -2, -1))).squeeze(1)
        return logits


NETWORK = Network(
    description="3-D convolutions, averaged over the volume",
    smallest=(SMALLEST_EDGE, SMALLEST_EDGE, SMALLEST_EDGE),
    build=lambda wanted: initialised(Cnn3dGap(wanted.norm_momentum, wanted.dropout)),
    optimizer="adagrad",
    compiled=True,
)
