"""The 2-D network of the method with global average pooling (preprint, extended table 5)."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import FRAME_FILTERS, POOL, Trunk, frame_vectors, initialised

SMALLEST_EDGE = POOL ** (len(FRAME_FILTERS) - 1)
"""Pixels of which three poolings by 3 leave one: 27."""


class Cnn2dGap(nn.Module):
    """Four units over every frame, the last without pooling, averaged over space and time: 9,565 weights."""

    def __init__(self, momentum: float, dropout: float) -> None:
        super().__init__()
        self.trunk = Trunk(2, momentum, last_pools=False)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(FRAME_FILTERS[-1], 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,)."""
        logits: Tensor = self.head(frame_vectors(self.trunk, pixels).mean(1)).squeeze(1)
        return logits


NETWORK = Network(
    description="2-D convolutions of every frame, averaged over space and time",
    smallest=(1, SMALLEST_EDGE, SMALLEST_EDGE),
    build=lambda wanted: initialised(Cnn2dGap(wanted.norm_momentum, wanted.dropout)),
    optimizer="rmsprop",  # ours: the preprint names an optimizer for the LSTM and the 3-D networks only (p. 20)
)
