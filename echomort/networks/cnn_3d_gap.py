"""The published 3-D network with global average pooling."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import DROPOUT, FILTERS, SMALLEST_EDGE, Trunk, initialised, volume_maps


class Cnn3dGap(nn.Module):
    """The 3-D network with its 16 maps averaged: 13,797 weights at any size."""

    def __init__(self, shape: tuple[int, int, int], momentum: float) -> None:
        super().__init__()
        self.trunk = Trunk(3, momentum)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(FILTERS[-1], 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,)."""
        logits: Tensor = self.head(volume_maps(self.trunk, pixels).mean((-3, -2, -1))).squeeze(1)
        return logits


NETWORK = Network(
    description="3-D convolutions, averaged over the volume",
    smallest=(SMALLEST_EDGE, SMALLEST_EDGE, SMALLEST_EDGE),
    build=lambda wanted: initialised(Cnn3dGap(wanted.shape, wanted.norm_momentum)),
)
