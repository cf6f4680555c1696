"""The published 3-D network."""

from torch import Tensor, nn

from echomort.networks import Network
from echomort.networks._layers import DROPOUT, FILTERS, SMALLEST_EDGE, Trunk, initialised, volume_maps


class Cnn3d(nn.Module):
    """The published network: 14,421 weights at 60x109x150."""

    def __init__(self, shape: tuple[int, int, int], momentum: float) -> None:
        super().__init__()
        cells = (shape[0] // SMALLEST_EDGE) * (shape[1] // SMALLEST_EDGE) * (shape[2] // SMALLEST_EDGE)
        self.trunk = Trunk(3, momentum)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(cells * FILTERS[-1], 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (n,); features are flattened channels last, the order of the published dense kernel."""
        maps = volume_maps(self.trunk, pixels)
        logits: Tensor = self.head(maps.permute(0, 2, 3, 4, 1).flatten(1)).squeeze(1)
        return logits


NETWORK = Network(
    description="3-D convolutions, then one dense layer over all cells",
    smallest=(SMALLEST_EDGE, SMALLEST_EDGE, SMALLEST_EDGE),
    build=lambda wanted: initialised(Cnn3d(wanted.shape, wanted.norm_momentum)),
)
