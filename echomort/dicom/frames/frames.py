"""The frames of an object, read one at a time: what all kinds of frames have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container
from functools import cached_property

import numpy as np

from echomort.dicom.frames.palette import Palette
from echomort.dicom.frames.samples import Samples
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import OpenObject
from echomort.dicom.reasons import Reason, Rejected


class Frames(ABC):
    """Random access to the frames of one object.

    ``notes`` collects what was odd but harmless. ``searched`` are the frames that :meth:`colour` may be asked for:
    where one decoding gives their luma and their colour, both are kept.
    """

    def __init__(self, source: OpenObject) -> None:
        self.source = source
        self.header: Header = source.header
        self.notes: list[str] = []
        self.count = source.header.frames
        self.searched: Container[int] = ()

    @abstractmethod
    def samples(self, index: int) -> np.ndarray:
        """Return frame ``index`` as stored: uint8 (rows, columns) or (rows, columns, 3)."""

    def luma(self, index: int) -> np.ndarray:
        """Return the luma of frame ``index`` as uint8 (rows, columns), bright where the echo is."""
        return self._check_luma(self.interpretation.luma(self.samples(index)), index)

    def colour(self, index: int) -> np.ndarray | None:
        """Return frame ``index`` as uint8 RGB, perhaps scaled down; None where the object can't hold colour."""
        return self.interpretation.colour(self.samples(index)) if self.interpretation.has_colour else None

    def off_grey(self, index: int) -> np.ndarray | None:
        """Return by how many levels the chroma of frame ``index`` may be off grey at most, uint8, one for each block of
        8x8 pixels; None where only :meth:`colour` tells. Known of frames whose luma was read."""
        return None

    def show_only(self, mask: np.ndarray) -> None:  # noqa: B027 - most kinds of frames decode all the same
        """Leave luma black from now on where ``mask``, bool (rows, columns), is false, if that saves time."""

    @cached_property
    def interpretation(self) -> Samples:
        """What the samples mean: grey, palette, RGB, or luma and chroma; decided on the first frame."""
        interpretation, notes = Samples.interpret(self.header.photometric, self.samples(0), self._palette())
        self.notes += notes
        return interpretation

    def _palette(self) -> Palette | None:
        if self.header.photometric != "PALETTE COLOR":
            return None
        return Palette.read(self.source.dataset, self.source.is_little_endian)

    def _check_luma(self, luma: np.ndarray, index: int) -> np.ndarray:
        if luma.dtype != np.uint8:
            raise Rejected(Reason.DEPTH, f"frame {index + 1}")
        if luma.shape != (self.header.rows, self.header.columns):
            raise Rejected(Reason.SIZE_MISMATCH, f"frame {index + 1}")
        return luma
