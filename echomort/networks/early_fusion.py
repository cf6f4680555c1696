"""Early fusion: several kinds of clip, and the health record, in one network (preprint, p. 6, 20 and figure 1).

Each kind of clip has a trunk of its own, that of the 3-D network; its flattened maps and ten numbers from the record
are joined, and pass two dense layers. How the method joined all views is not published: here a trunk a view, and zeros
for a view that a study lacks. Optical flow is a kind of clip like any other: a branch of its own (p. 21-22).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from echomort.models.record_columns import RecordColumns
from echomort.networks import Branch, Network
from echomort.networks._layers import (
    VOLUME_EDGE,
    Trunk,
    flattened,
    initialised,
    volume_features,
    volume_maps,
)

RECORD_LAYERS = (10, 10, 10)
"""Units of the dense layers over the record (preprint, p. 20)."""
RECORD_DROPOUT = 0.2
"""Share of the units left out after each of these layers in training. Ours: the preprint names no rate. With half of so
few units left out three times in a row, AdaGrad learns too little before the patience ends."""
JOINT_LAYERS = (32, 16)
"""Units of the dense layers over all that is joined (preprint, p. 20 and figure 1). Their ReLU is ours: the preprint
names no activation."""


class EarlyFusion(nn.Module):
    """One trunk a branch, three layers over the record's columns if there are any, two over both: for one branch at
    60x109x150 without records, 34,837 weights."""

    def __init__(self, branches: Sequence[Branch], columns: int, momentum: float, dropout: float) -> None:
        super().__init__()
        self.sizes = [volume_features(branch.shape) for branch in branches]
        self.trunks = nn.ModuleList(
            Trunk(3, momentum, last_pools=True, channels=branch.channels) for branch in branches
        )
        self.records = _record_layers(columns) if columns else None
        joined = sum(self.sizes) + (RECORD_LAYERS[-1] if columns else 0)
        self.head = _joint_layers(joined, dropout)

    def forward(
        self, pictures: Tensor | Sequence[Tensor], present: Tensor | None = None, variables: Tensor | None = None
    ) -> Tensor:
        """Return logits (n,) of one tensor of pixels a branch; a single one needs no sequence around it.

        ``present`` (n, branches) bool, on the CPU, says which samples have a picture of the branch (None: all have).
        The trunk never sees the others, so that they don't count in its batch statistics; their features are 0.
        """
        branches = [pictures] if isinstance(pictures, Tensor) else list(pictures)
        features = [
            self._features(position, pixels, None if present is None else present[:, position])
            for position, pixels in enumerate(branches)
        ]
        if self.records is not None:
            features.append(self.records(variables))
        logits: Tensor = self.head(torch.cat(features, dim=1)).squeeze(1)
        return logits

    def _features(self, position: int, pixels: Tensor, present: Tensor | None) -> Tensor:
        """Return the flattened maps, float (n, features), of the branch at ``position``."""
        trunk = self.trunks[position]
        assert isinstance(trunk, Trunk)
        if present is None or bool(present.all()):
            return flattened(volume_maps(trunk, pixels))
        rows = present.nonzero().squeeze(1).to(pixels.device)
        if not len(rows):
            return torch.zeros(len(pixels), self.sizes[position], device=pixels.device)
        features = flattened(volume_maps(trunk, pixels[rows]))
        return features.new_zeros(len(pixels), self.sizes[position]).index_copy(0, rows, features)


def _record_layers(columns: int) -> nn.Sequential:
    sizes = zip((columns, *RECORD_LAYERS[:-1]), RECORD_LAYERS, strict=True)
    layers = [(nn.Linear(inputs, units), nn.Sigmoid(), nn.Dropout(RECORD_DROPOUT)) for inputs, units in sizes]
    return nn.Sequential(*(part for layer in layers for part in layer))


def _joint_layers(joined: int, dropout: float) -> nn.Sequential:
    sizes = zip((joined, *JOINT_LAYERS[:-1]), JOINT_LAYERS, strict=True)
    layers = [(nn.Linear(inputs, units), nn.ReLU()) for inputs, units in sizes]
    return nn.Sequential(
        *(part for layer in layers for part in layer), nn.Dropout(dropout), nn.Linear(JOINT_LAYERS[-1], 1)
    )


NETWORK = Network(
    description="3-D convolutions of one or more kinds of clip, joined with the record",
    smallest=(VOLUME_EDGE, VOLUME_EDGE, VOLUME_EDGE),
    build=lambda wanted: initialised(
        EarlyFusion(wanted.branches, wanted.columns, wanted.norm_momentum, wanted.dropout)
    ),
    optimizer="adagrad",
    compiled=True,
    joins=True,
    records=RecordColumns.fit,
)
