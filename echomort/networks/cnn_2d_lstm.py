"""The published 2-D network with a memory over time."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import DROPOUT, FILTERS, SMALLEST_EDGE, Lstm, Trunk, frame_vectors, initialised


class Cnn2dLstm(nn.Module):
    """Every frame to 16 numbers, then LSTM(8) and LSTM(4) over time: 5,793 weights."""

    def __init__(self, shape: tuple[int, int, int], momentum: float) -> None:
        super().__init__()
        self.trunk = Trunk(2, momentum)
        self.memory = nn.Sequential(Lstm(FILTERS[-1], 8), Lstm(8, 4))
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(4, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,) from the state after the last frame."""
        logits: Tensor = self.head(self.memory(frame_vectors(self.trunk, pixels))[:, -1]).squeeze(1)
        return logits


NETWORK = Network(
    description="2-D convolutions of every frame, then two LSTM layers over time",
    smallest=(1, SMALLEST_EDGE, SMALLEST_EDGE),
    build=lambda wanted: initialised(Cnn2dLstm(wanted.shape, wanted.norm_momentum)),
)
