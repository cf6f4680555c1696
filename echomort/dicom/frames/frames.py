"""The frames of an object, one at a time, as luma: what every kind of frames has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np

from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import Opened
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.colour import Palette, Samples


class Frames(ABC):
    """Random access to the frames of one object.

    ``notes`` gathers what was odd but harmless.
    """

    def __init__(self, source: Opened) -> None:
        self.source = source
        self.header: Header = source.header
        self.notes: list[str] = []
        self.count = source.header.frames

    @abstractmethod
    def samples(self, index: int) -> np.ndarray:
        """Return frame ``index`` as stored: uint8 (rows, columns) or (rows, columns, 3)."""

    def luma(self, index: int) -> np.ndarray:
        """Return the luma of frame ``index`` as uint8 (rows, columns), bright where the echo is."""
        return self._checked(self.meaning.luma(self.samples(index)), index)

    def colour(self, index: int) -> np.ndarray | None:
        """Return frame ``index`` as uint8 RGB, perhaps scaled down; None where the object can't hold colour."""
        return self.meaning.colour(self.samples(index)) if self.meaning.has_colour else None

    @cached_property
    def meaning(self) -> Samples:
        """What the samples mean: grey, palette, RGB or luma and chroma, judged on the first frame."""
        meaning, notes = Samples.judged(self.header.photometric, self.samples(0), self._palette())
        self.notes += notes
        return meaning

    def _palette(self) -> Palette | None:
        if self.header.photometric != "PALETTE COLOR":
            return None
        return Palette.of(self.source.dataset, self.source.is_little_endian)

    def _checked(self, luma: np.ndarray, index: int) -> np.ndarray:
        if luma.dtype != np.uint8:
            raise Rejected(Reason.DEPTH, f"frame {index + 1}")
        if luma.shape != (self.header.rows, self.header.columns):
            raise Rejected(Reason.SIZE_MISMATCH, f"frame {index + 1}")
        return luma
