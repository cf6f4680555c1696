"""The 2-D network of the method with a memory over time (preprint, extended table 4)."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import FRAME_FILTERS, POOL, Lstm, Trunk, frame_vectors, initialised

SMALLEST_EDGE = POOL ** (len(FRAME_FILTERS) - 1)
"""Pixels of which three poolings by 3 leave one: 27. The fourth then pools what is left; from 81 on it pools by 3."""


class Cnn2dLstm(nn.Module):
    """Four units over every frame to 16 numbers, then LSTM(8) and LSTM(4) over time: 10,561 weights.

    At the preprint's size a frame ends as one cell; of a larger one the cells are averaged (ours).
    """

    def __init__(self, momentum: float, dropout: float) -> None:
        super().__init__()
        self.trunk = Trunk(2, momentum, last_pools=True)
        self.memory = nn.Sequential(Lstm(FRAME_FILTERS[-1], 8), Lstm(8, 4))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(4, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,) from the state after the last frame."""
        logits: Tensor = self.head(self.memory(frame_vectors(self.trunk, pixels))[:, -1]).squeeze(1)
        return logits


NETWORK = Network(
    description="2-D convolutions of every frame, then two LSTM layers over time",
    smallest=(1, SMALLEST_EDGE, SMALLEST_EDGE),
    build=lambda wanted: initialised(Cnn2dLstm(wanted.norm_momentum, wanted.dropout)),
    optimizer="rmsprop",
)
