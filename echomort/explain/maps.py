"""The maps of explained loops, and the file that holds them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from echomort.core.files import write_text

Rows = list[list[float]]
"""Numbers of a map: rows of columns."""


@dataclass(frozen=True)
class LoopMaps:
    """What the ``logit`` of a clip rests on: maps of :class:`echomort.explain.occlusion.Occlusion`, to four digits."""

    clip_key: str
    logit: float
    picture: Rows
    movement: Rows

    @property
    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Both maps, float64 (rows, columns)."""
        return np.array(self.picture), np.array(self.movement)


def read_maps(file: Path) -> list[LoopMaps]:
    """Return the maps of a ``file`` that :func:`write_maps` wrote; none where there is no file."""
    return [LoopMaps(**row) for row in json.loads(file.read_text())] if file.exists() else []


def write_maps(found: Sequence[LoopMaps], file: Path) -> None:
    """Write maps to ``file``, whole or not at all."""
    write_text(file, json.dumps([asdict(maps) for maps in found]) + "\n")
