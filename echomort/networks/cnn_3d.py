"""The 3-D network of the method (preprint, extended table 6)."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import (
    VOLUME_EDGE,
    Trunk,
    flattened,
    initialised,
    volume_features,
    volume_maps,
)


class Cnn3d(nn.Module):
    """Three units over the volume, all cells into one dense layer: 14,421 weights at 60x109x150."""

    def __init__(self, shape: tuple[int, int, int], momentum: float, dropout: float) -> None:
        super().__init__()
        self.trunk = Trunk(3, momentum, last_pools=True)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(volume_features(shape), 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,)."""
        logits: Tensor = self.head(flattened(volume_maps(self.trunk, pixels))).squeeze(1)
        return logits


NETWORK = Network(
    description="3-D convolutions, then one dense layer over all cells",
    smallest=(VOLUME_EDGE, VOLUME_EDGE, VOLUME_EDGE),
    build=lambda wanted: initialised(Cnn3d(wanted.shape, wanted.norm_momentum, wanted.dropout)),
    optimizer="adagrad",
    compiled=True,
)
