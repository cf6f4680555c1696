"""The published 2-D network with global average pooling."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import DROPOUT, FILTERS, SMALLEST_EDGE, Trunk, frame_vectors, initialised


class Cnn2dGap(nn.Module):
    """Every frame to 16 numbers, averaged over time: 4,797 weights."""

    def __init__(self, shape: tuple[int, int, int], momentum: float) -> None:
        super().__init__()
        self.trunk = Trunk(2, momentum)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(FILTERS[-1], 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,)."""
        logits: Tensor = self.head(frame_vectors(self.trunk, pixels).mean(1)).squeeze(1)
        return logits


NETWORK = Network(
    description="2-D convolutions of every frame, averaged over time",
    smallest=(1, SMALLEST_EDGE, SMALLEST_EDGE),
    build=lambda wanted: initialised(Cnn2dGap(wanted.shape, wanted.norm_momentum)),
)
