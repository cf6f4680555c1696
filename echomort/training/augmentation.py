"""Clips as a network meets them in training: moved a little, and begun at another frame, anew each time.

The method does neither. Where a few hundred patients are all there is, both tell a network what does not count: where
in the picture the heart lies, and in which part of the beat the loop begins.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How far a clip is moved at most, each way, in pixels (``shift``), and whether it begins at any of its frames
    (``random_start``), its end followed by its start."""

    shift: int = 0
    random_start: bool = False

    @property
    def is_none(self) -> bool:
        """Whether clips stay as they are."""
        return self.shift == 0 and not self.random_start

    def applied(self, pictures: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return ``pictures``, uint8 (n, frames, height, width) or with a last edge of colours, each changed by what
        ``random`` draws for it. What moves in from outside is black."""
        changed = np.zeros_like(pictures)
        for target, picture in zip(changed, pictures, strict=True):
            down, right = random.integers(-self.shift, self.shift, 2, endpoint=True)
            start = random.integers(len(picture)) if self.random_start else 0
            to_rows, from_rows = _overlap(int(down), picture.shape[1])
            to_columns, from_columns = _overlap(int(right), picture.shape[2])
            target[:, to_rows, to_columns] = np.roll(picture, -start, axis=0)[:, from_rows, from_columns]
        return changed


def _overlap(by: int, edge: int) -> tuple[slice, slice]:
    """Return where what is moved ``by`` pixels along an ``edge`` goes, and where it comes from."""
    inside = max(edge - abs(by), 0)
    return slice(max(by, 0), max(by, 0) + inside), slice(max(-by, 0), max(-by, 0) + inside)
