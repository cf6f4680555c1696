"""Letters burned into lit tissue: bright, still, thin, of one height, in a row, over tissue that moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from echomort.dicom.tissue.morphology import (
    box_of,
    boxes_of,
    dilate,
    extremes_of,
    find_still,
    label,
    medians_of,
    open_mask,
    rows_of,
)
from echomort.dicom.tissue.snapshots import Snapshots

MIN_BRIGHTNESS = 140
"""Grey level: a letter is never darker. Scanners write in white or in a bright colour; pure green has a luma of 149."""

MAX_MOTION = 40
"""Grey levels: lossy coding lets a still letter flicker by as much when the tissue behind it moves. Tuned on drawn
names over tissue, native and JPEG (tests/dicom/test_lettering.py)."""

MIN_CONTRAST = 40
"""Grey levels by which the ground of a letter is darker, in its darkest snapshot, than ``MIN_BRIGHTNESS``. Tuned as
``MAX_MOTION``."""

MIN_GROUND_MOTION = 16
"""Grey levels through which the ground of a letter moves: over still tissue letters can't be told from it. Tuned as
``MAX_MOTION``."""

MAX_BLACK = 40
"""Grey level that the ground of a letter does not reach where it is a black cavity: there nothing need move. Black of
studio-range video (ITU-R BT.601) and a codec's ringing about letters; tuned on drawn names in cavities
(tests/dicom/test_lettering.py)."""

MAX_BRIGHT_SHARE = 0.05
"""Share of the sector: where more is bright and still, tissue is saturated and nothing is taken for letters. Tuned on
drawn bright and still tissue (tests/dicom/test_lettering.py)."""

MIN_HEIGHT = 6
"""Pixels of a letter's height at least: fewer can't be read. Geometry of fonts."""

MAX_HEIGHT = 0.08
"""A letter's height at most, as a share of the picture's. Tuned on drawn names of 10 to 28 pixels
(tests/dicom/test_lettering.py)."""

STRETCH = 4
"""Snapshots in succession in which letters are looked for that do not stand through the whole loop: two thirds of a
second in a clip of two. Our choice: over fewer, tissue stands still too."""

MIN_LETTERS = 4
"""Letters of a line at least. Three bright still spots of one height occur in tissue; tuned on drawn calcium,
reverberations and lines (tests/dicom/test_lettering.py)."""

MAX_WIDTH = 3.0
"""A letter's width at most, in heights: two or three letters that touch. Geometry of fonts."""

MAX_STROKE = 0.34
"""The widest stroke of a letter, as a share of its height. Geometry of fonts: bold type reaches about a fifth, and a
codec adds a pixel on either side."""

MIN_STROKE_PIXELS = 2.0
"""Pixels: a stroke of this width is thin at any height. Geometry of fonts."""

MARGIN_SHARE = 4
"""The band that is blanked reaches beyond the letters by one in this many of their height. Our choice."""

MIN_MARGIN = 2
"""Pixels of that margin at least: the ringing of a codec's block. Our choice."""

MAX_GAP = 2
"""Heights between two letters of one line, or to a dash or a point that belongs to it, at most: a wide space. Geometry
of fonts."""

AT_ONCE = 256
"""Pieces that are compared with all others at once: thousands of specks then take few MiB. Our choice."""

GROUND_WIDTH = 2
"""Pixels about a letter that count as its ground. Our choice."""

LEVEL_SHARE = 8
"""Letters of one line begin and end level, within one in this many of their height. Tuned on drawn names
(tests/dicom/test_lettering.py)."""


@dataclass(frozen=True)
class _Letter:
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top


def without_lettering(mask: np.ndarray, snapshots: Snapshots) -> np.ndarray:
    """Return ``mask``, bool (rows, columns), without rows of letters that lie over lit, moving tissue, through the loop
    or for a part of it.

    Bright tissue that stands still (calcium, a reverberation, saturation) does not form four separate thin pieces of
    one height on one line, so it is kept.
    """
    if not mask.any():
        return mask
    lines = list(_find_bands(mask, snapshots))
    if not lines:
        return mask
    kept = mask.copy()
    for band in lines:
        kept[band] = False
    return kept


def _find_bands(mask: np.ndarray, snapshots: Snapshots) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of each line of letters over ``mask``, which is not empty."""
    rows, most = rows_of(mask), MAX_BRIGHT_SHARE * np.count_nonzero(mask)
    for whole in ((snapshots.darkest, snapshots.brightest), *_stretches(snapshots.frames)):
        still, counts = find_still([picture[rows] for picture in whole], mask[rows], MIN_BRIGHTNESS, MAX_MOTION)
        if not _may_hold_line(counts) or counts.sum() > most:
            continue
        box = box_of(still, GROUND_WIDTH)
        pictures = [picture[rows][box] for picture in whole]
        for letters in _find_lines(_find_letters(still[box], pictures, MAX_HEIGHT * len(mask))):
            down, along = _band(letters, still[box])
            yield _moved(down, rows.start + box[0].start), _moved(along, box[1].start)


def _moved(part: slice, by: int) -> slice:
    return slice(max(0, part.start + by), part.stop + by)


def _stretches(frames: Sequence[np.ndarray]) -> Iterator[Sequence[np.ndarray]]:
    """Yield each stretch of ``frames``; two share half of theirs."""
    if len(frames) <= STRETCH:
        return
    for first in range(0, len(frames) - STRETCH + 1, STRETCH // 2):
        yield frames[first : first + STRETCH]


def _band(letters: list[_Letter], still: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns of a line, with what lies near either end: letters that touch, points, dashes."""
    height = max(letter.height for letter in letters)
    margin = max(MIN_MARGIN, height // MARGIN_SHARE)
    top, bottom = min(letter.top for letter in letters), max(letter.bottom for letter in letters)
    columns = np.flatnonzero(still[top:bottom].any(axis=0))
    left, right = letters[0].left, letters[-1].right
    while (more := columns[(columns < left) & (columns >= left - MAX_GAP * height)]).size:
        left = int(more.min())
    while (more := columns[(columns >= right) & (columns < right + MAX_GAP * height)]).size:
        right = int(more.max()) + 1
    return slice(top - margin, bottom + margin), slice(left - margin, right + margin)


def _may_hold_line(counts: np.ndarray) -> bool:
    """Whether ``MIN_HEIGHT`` rows in succession hold ``MIN_LETTERS`` pixels each, as any line of letters does;
    ``counts`` has one number a row."""
    return b"\1" * MIN_HEIGHT in (counts >= MIN_LETTERS).tobytes()


def _find_letters(still: np.ndarray, pictures: Sequence[np.ndarray], highest: float) -> list[_Letter]:
    """Return the pieces of ``still``, up to ``highest`` rows high, that are drawn in ``pictures`` and may stand in a
    line."""
    labels, count = label(still)
    boxes = boxes_of(labels, count)
    height, width = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    fits = (height >= MIN_HEIGHT) & (height <= max(MIN_HEIGHT, highest)) & (width <= MAX_WIDTH * height)
    sized = np.flatnonzero(fits)
    if len(sized) < MIN_LETTERS:
        return []
    in_line = sized[_may_be_in_line(boxes[sized])]
    pieces = ((index + 1, _Letter(*box)) for index, box in zip(in_line.tolist(), boxes[in_line].tolist(), strict=True))
    return [piece for index, piece in pieces if _is_drawn(labels, index, piece, pictures)]


def _may_be_in_line(boxes: np.ndarray) -> np.ndarray:
    """Return which of ``boxes``, int32 (pieces, 4), come next to another one on a line."""
    in_line = np.zeros(len(boxes), bool)
    for first in range(0, len(boxes), AT_ONCE):
        few = slice(first, first + AT_ONCE)
        follows = _all_follow(boxes[few, None], boxes)
        in_line |= follows.any(axis=0)
        in_line[few] |= follows.any(axis=1)
    return in_line


def _all_follow(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each pair of boxes, int32 (..., 4), whether one of ``others`` comes next on the line of the one of
    ``ones``."""
    top, bottom, right = ones[..., 0], ones[..., 1], ones[..., 3]
    other_top, other_bottom, left = others[..., 0], others[..., 1], others[..., 2]
    gap, height = left - right + 1, np.maximum(bottom - top, other_bottom - other_top)
    slack = np.maximum(1, height // LEVEL_SHARE)
    is_level = (np.abs(bottom - other_bottom) <= slack) & (np.abs(top - other_top) <= slack)
    return np.asarray((gap > 0) & is_level & (gap <= MAX_GAP * height))


def _is_drawn(labels: np.ndarray, index: int, letter: _Letter, pictures: Sequence[np.ndarray]) -> bool:
    """Whether the piece is thin, and the ground about and within it is black, or is darker at times and moves."""
    around = (
        slice(max(0, letter.top - GROUND_WIDTH), letter.bottom + GROUND_WIDTH),
        slice(max(0, letter.left - GROUND_WIDTH), letter.right + GROUND_WIDTH),
    )
    piece = labels[around] == index
    thickest = max(MIN_STROKE_PIXELS, MAX_STROKE * letter.height)
    ground = ~dilate(piece)
    if open_mask(piece, 2 * int((thickest + 1) / 2) + 1).any() or not ground.any():
        return False
    darkest, brightest = extremes_of([picture[around] for picture in pictures])
    low, high, change = medians_of(np.stack([darkest[ground], brightest[ground], (brightest - darkest)[ground]]))
    return bool(high < MAX_BLACK or (low < MIN_BRIGHTNESS - MIN_CONTRAST and change > MIN_GROUND_MOTION))


def _find_lines(letters: list[_Letter]) -> list[list[_Letter]]:
    """Return the lines of at least ``MIN_LETTERS`` letters, each from left to right."""
    lines: list[list[_Letter]] = []
    for letter in sorted(letters, key=lambda each: each.left):
        line = next((line for line in lines if _follows(line[-1], letter)), None)
        if line is None:
            lines.append([letter])
        else:
            line.append(letter)
    return [line for line in lines if len(line) >= MIN_LETTERS]


def _follows(one: _Letter, other: _Letter) -> bool:
    """Whether ``other`` comes next on the line of ``one``."""
    return bool(_all_follow(np.array(astuple(one)), np.array(astuple(other))))
