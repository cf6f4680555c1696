"""Letters burned into lit tissue: bright, still, thin, of one height and in a row, while what is about them moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echomort.dicom.tissue.sector import Looks

BRIGHT = 140
"""A letter is never darker than this; scanners write in white or in a bright colour."""

FAINT_MOTION = 40
"""Lossy coding lets a still letter flicker by as much when the tissue behind it moves."""

CONTRAST, GROUND_MOTION = 40, 16
"""Grey levels by which the ground of a letter is darker at its darkest, and through which it moves."""

MAX_SHARE = 0.05
"""Where more of the sector than this is bright and still, tissue is saturated: nothing is taken for letters then."""

LOWEST, HIGHEST = 6, 0.08
"""A letter's height in pixels, and as a share of the picture's."""

MIN_LETTERS = 4
WIDEST = 3.0
MAX_STROKE = 0.34
"""The widest stroke of a letter, as a share of its height."""


@dataclass(frozen=True)
class _Letter:
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def has_the_size(self, rows: int) -> bool:
        """Whether it is as high and wide as a letter in a picture of ``rows`` may be."""
        tall = LOWEST <= self.height <= max(LOWEST, HIGHEST * rows)
        return tall and self.right - self.left <= WIDEST * self.height


def without_lettering(mask: np.ndarray, looks: Looks) -> np.ndarray:
    """Return ``mask``, bool (rows, columns), without rows of letters that lie over lit, moving tissue.

    Tissue is spared: bright tissue that stands still (calcium, a reverberation, saturation) does not come as four
    separate thin pieces of one height on one line.
    """
    still = looks.darkest >= BRIGHT
    if not _may_hold_line(still):
        return mask
    still &= (looks.motion <= FAINT_MOTION) & mask
    if not _may_hold_line(still) or np.count_nonzero(still) > MAX_SHARE * np.count_nonzero(mask):
        return mask
    rows = _lines(_letters(still, looks))
    if not rows:
        return mask
    kept = mask.copy()
    for letters in rows:
        kept[_band(letters, still)] = False
    return kept


def _band(letters: list[_Letter], still: np.ndarray) -> tuple[slice, slice]:
    """The stretch that a line takes, on to what stands near either end: letters that touch, points, dashes."""
    height = max(letter.height for letter in letters)
    margin = max(2, height // 4)
    top, bottom = min(letter.top for letter in letters), max(letter.bottom for letter in letters)
    columns = np.flatnonzero(still[top:bottom].any(axis=0))
    left, right = letters[0].left, letters[-1].right
    while (more := columns[(columns < left) & (columns >= left - 2 * height)]).size:
        left = int(more.min())
    while (more := columns[(columns >= right) & (columns < right + 2 * height)]).size:
        right = int(more.max()) + 1
    return slice(max(0, top - margin), bottom + margin), slice(max(0, left - margin), right + margin)


def _may_hold_line(still: np.ndarray) -> bool:
    """Whether so many rows, one after another, as a letter has at least are crossed by as many pieces as a line has."""
    full = still.sum(axis=1, dtype=np.uint16) >= MIN_LETTERS
    return bool((np.convolve(full, np.ones(LOWEST)) > LOWEST - 0.5).any())


def _letters(still: np.ndarray, looks: Looks) -> list[_Letter]:
    from scipy import ndimage

    (top, bottom), (left, right) = (np.flatnonzero(still.any(axis=1 - axis))[[0, -1]].tolist() for axis in (0, 1))
    box = slice(top, bottom + 1), slice(left, right + 1)  # what is bright and still fills a corner or two
    labels = np.zeros(still.shape, np.int32)
    ndimage.label(still[box], np.ones((3, 3)), output=labels[box])
    pieces = {
        index: _Letter(top + down.start, top + down.stop, left + along.start, left + along.stop)
        for index, (down, along) in enumerate(ndimage.find_objects(labels[box]), start=1)
    }
    sized = {index: piece for index, piece in pieces.items() if piece.has_the_size(still.shape[0])}
    return [
        piece
        for index, piece in sized.items()
        if any(_follows(piece, other) or _follows(other, piece) for other in sized.values())
        and _is_drawn(labels, index, piece, looks)
    ]


def _is_drawn(labels: np.ndarray, index: int, letter: _Letter, looks: Looks) -> bool:
    """Whether the piece is thin, and the ground about and within it is darker at times and moves."""
    from scipy import ndimage

    around = slice(max(0, letter.top - 2), letter.bottom + 2), slice(max(0, letter.left - 2), letter.right + 2)
    piece = labels[around] == index
    stroke = 2 * float(ndimage.distance_transform_cdt(np.pad(piece, 1), "chessboard").max()) - 1
    ground = ~ndimage.binary_dilation(piece, np.ones((3, 3)))
    if stroke > max(2.0, MAX_STROKE * letter.height) or not ground.any():
        return False
    darker = np.median(looks.darkest[around][ground]) < BRIGHT - CONTRAST
    return bool(darker and np.median(looks.motion[around][ground]) > GROUND_MOTION)


def _lines(letters: list[_Letter]) -> list[list[_Letter]]:
    """Letters that stand beside each other on one line, four or more."""
    lines: list[list[_Letter]] = []
    for letter in sorted(letters, key=lambda each: each.left):
        line = next((line for line in lines if _follows(line[-1], letter)), None)
        if line is None:
            lines.append([letter])
        else:
            line.append(letter)
    return [line for line in lines if len(line) >= MIN_LETTERS]


def _follows(one: _Letter, other: _Letter) -> bool:
    height = max(one.height, other.height)
    level = abs(one.bottom - other.bottom) <= max(1, height // 8) and abs(one.top - other.top) <= max(1, height // 8)
    return level and 0 < other.left - one.right + 1 <= 2 * height
