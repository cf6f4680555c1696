"""What samples mean, and whether a grey picture has colour flow painted over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.tissue.sector import Looks

MIN_CHROMA = 24
"""Levels of chroma beyond the tint at its brightness that make a pixel coloured."""

MIN_FLOW_SHARE = 0.002
"""Share of the sector that must be coloured in blobs: the smallest colour jets seen fill several times as much."""


FLOW_MOTION, MIN_LOOKS = 24, 6
FRINGE, STROKE = 4, 7
"""Grey levels that flow moves through at least, between so many looks or more. What moves less is a letter or a mark,
with so wide a fringe, unless it is wider than a stroke; both in pixels."""


LIT = 48
MIN_LIT = 64
"""Brightness of a lit pixel, and how many of them have a usual chroma."""


@dataclass(frozen=True)
class Palette:
    """A colour look-up table, uint8 (256, 3)."""

    colours: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset, is_little_endian: bool = True) -> Palette:
        """Return the palette of ``dataset`` (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9), each entry at 8 bits.

        Raises :class:`Rejected` (``BAD_TAG``) where a table is missing or holds another number of entries than it says;
        a segmented one is never unpacked beyond that number.
        """
        try:
            tables = [_table(dataset, colour, is_little_endian) for colour in ("Red", "Green", "Blue")]
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise Rejected(Reason.BAD_TAG, "palette") from error
        levels = np.stack(tables, axis=1)
        return cls((levels if levels.max() < 256 else levels >> 8).astype(np.uint8))


def _table(dataset: Dataset, colour: str, is_little_endian: bool) -> np.ndarray:
    """Return what each of 256 stored values becomes, uint16 (256,): values before the first mapped take the first."""
    count, first, bits = (int(part) for part in dataset[f"{colour}PaletteColorLookupTableDescriptor"].value)
    count, first = count % 65536 or 65536, first - 65536 if first >= 32768 else first
    if bits not in (8, 16):
        raise ValueError
    plain = dataset.get(f"{colour}PaletteColorLookupTableData")
    if plain is not None:
        entries = _entries(plain, count, bits, is_little_endian)
    else:
        packed = dataset[f"Segmented{colour}PaletteColorLookupTableData"].value
        words = _words(packed, is_little_endian)
        segmented = _Segmented((words if bits == 16 else _bytes(words)).tolist(), bits, count)
        segmented.unpack()
        entries = np.array(segmented.entries, "<u2")
    if len(entries) < count:
        raise ValueError
    return np.asarray(entries[np.clip(np.arange(256) - first, 0, count - 1)])


def _entries(data: Any, count: int, bits: int, is_little_endian: bool) -> np.ndarray:
    """Entries of 8 bits come two a word, or, as some write them, one a word."""
    words = _words(data, is_little_endian)
    return (words if bits == 16 or len(words) >= count else _bytes(words))[:count]


def _words(data: Any, is_little_endian: bool) -> np.ndarray:
    """Return the 16-bit words of an element that may have been read as bytes (OW) or as numbers already (US)."""
    if isinstance(data, bytes):
        return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if is_little_endian else ">u2").astype("<u2")
    return np.atleast_1d(np.array(data, np.int64)).astype("<u2")


def _bytes(words: np.ndarray) -> np.ndarray:
    return words.view(np.uint8).astype("<u2")


@dataclass
class _Segmented:
    """A segmented table (PS3.3 C.7.9.2), unpacked into no more than ``count`` entries."""

    values: list[int]
    bits: int
    count: int
    entries: list[int] = field(default_factory=list)

    def unpack(self, at: int = 0, segments: int = -1) -> None:
        """Append ``segments`` segments (negative: all) from ``at``: stretches as they are, ramps, and once only repeats
        of earlier segments, which begin at an offset in bytes."""
        while segments and at + 2 < len(self.values) and len(self.entries) < self.count:
            kind, length = self.values[at], self.values[at + 1]
            at, segments = at + 2, segments - 1
            if kind == 0:
                self.entries.extend(self.values[at : at + length])
                at += length
            elif kind == 1:
                self.entries.extend(_ramp(self.entries[-1], self.values[at], length, self.count - len(self.entries)))
                at += 1
            elif kind == 2 and segments < 0:
                self.unpack(self._offset(at), length)
                at += 32 // self.bits
            else:
                raise ValueError

    def _offset(self, at: int) -> int:
        parts = self.values[at : at + 32 // self.bits]
        return sum(part << self.bits * place for place, part in enumerate(parts)) * 8 // self.bits


def _ramp(start: int, end: int, length: int, most: int) -> list[int]:
    steps = np.arange(1, min(length, most) + 1)
    return [int(level) for level in np.rint(start + (end - start) * steps / max(1, length))]


@dataclass(frozen=True)
class Samples:
    """How stored samples become luma and colour."""

    kind: str
    palette: Palette | None = None

    @classmethod
    def judged(cls, photometric: str, frame: np.ndarray, palette: Palette | None) -> tuple[Samples, list[str]]:
        """Return the meaning of samples labelled ``photometric``, with a note where the label must be wrong.

        Nearly all of an echo frame is black: luma 0 with chroma 128, or three zeros. That tells the two apart.
        """
        if frame.ndim == 2 or palette:
            return cls("palette" if palette else photometric, palette), []
        labelled_ybr = photometric.startswith("YBR_") and photometric not in {"YBR_RCT", "YBR_ICT"}
        dark = frame[frame[..., 0] < 16][:, 1:]
        if len(dark) < frame[..., 0].size // 20:
            return cls("ybr" if labelled_ybr else "rgb"), []
        chroma = float(np.median(dark))
        is_ybr = abs(chroma - 128) < 24
        if labelled_ybr and chroma < 32:
            return cls("rgb"), ["labelled_ybr_is_rgb"]
        if not labelled_ybr and is_ybr:
            return cls("ybr"), ["labelled_rgb_is_ybr"]
        return cls("ybr" if labelled_ybr else "rgb"), []

    @property
    def has_colour(self) -> bool:
        """Whether the samples can show colour at all."""
        return self.kind in {"palette", "rgb", "ybr"}

    def luma(self, samples: np.ndarray) -> np.ndarray:
        """Return uint8 (rows, columns): the stored Y where there is one, else BT.601 luma."""
        if self.kind == "MONOCHROME1":
            return 255 - samples
        if self.palette:
            return luma_of(self.palette.colours[None])[0][samples]
        if samples.ndim == 2:
            return samples
        return np.ascontiguousarray(samples[..., 0]) if self.kind == "ybr" else luma_of(samples)

    def colour(self, samples: np.ndarray) -> np.ndarray:
        """Return uint8 RGB, at half size where the frame is large."""
        step = 2 if samples.shape[0] >= 256 else 1
        small = samples[::step, ::step]
        if self.palette:
            return self.palette.colours[small]
        return _rgb_of(small) if self.kind == "ybr" else small


def luma_of(rgb: np.ndarray) -> np.ndarray:
    """Return the ITU-R BT.601 luma, rounded, of uint8 RGB (rows, columns, 3).

    This is Pillow's; OpenCV's BGR2GRAY, which the published code has, differs by one level in one pixel of 400.
    """
    from PIL import Image

    if rgb.flags.c_contiguous:
        return np.asarray(Image.fromarray(rgb).convert("L"))
    planes = [Image.fromarray(np.ascontiguousarray(rgb[..., channel])) for channel in range(3)]
    return np.asarray(Image.merge("RGB", planes).convert("L"))


def is_planar_suspect(by_plane: np.ndarray, planar: bool) -> bool:
    """Tell whether the bytes of a frame, seen as uint8 (3, rows, columns), make sense only the other way round (by
    plane, by pixel).

    An echo is nearly grey: rightly read, its second and third channels (green and blue, or both chromas) agree almost
    everywhere.
    """
    by_pixel = np.moveaxis(by_plane.reshape(*by_plane.shape[1:], 3), -1, 0)
    spreads = [
        float(np.abs(second[::2, ::2].astype(np.int16) - third[::2, ::2]).mean())
        for _, second, third in (by_plane, by_pixel)
    ]
    declared, other = spreads if planar else spreads[::-1]
    return declared > 2.0 and declared > 2.0 * other


def shows_flow(pictures: Iterable[np.ndarray], sector: np.ndarray, looks: Looks) -> bool:
    """Tell whether any of ``pictures``, uint8 RGB, shows flow, or whether what tints them turns in time: tissue Doppler
    may paint all that is lit red in systole and blue in diastole. ``sector`` is bool, as large as ``looks``."""
    seen: list[np.ndarray] = []
    drawn: np.ndarray | None = None
    inside = sector
    for rgb in pictures:
        if inside.shape != rgb.shape[:2]:
            inside = _scaled(sector, rgb.shape[:2])
        seen.append(rgb)
        if not _is_coloured(rgb, inside):
            continue
        drawn = _drawn(looks) if drawn is None else drawn
        if flow_share(rgb, inside, drawn) > MIN_FLOW_SHARE:
            return True
    return drawn is not None and bool(
        np.ptp([_usual_chroma(rgb, inside) for rgb in seen], axis=0).max() > 2 * MIN_CHROMA
    )


def _is_coloured(rgb: np.ndarray, inside: np.ndarray) -> bool:
    """Whether any pixel ``inside`` is far from grey: in a grey picture none is, and there is nothing more to see."""
    red, green, blue = np.moveaxis(rgb, -1, 0).copy()
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return bool((inside & (spread > MIN_CHROMA)).any())


def _usual_chroma(rgb: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The median chroma (red and blue less brightness) of what is lit ``inside``, float (2,)."""
    lit = rgb[::2, ::2][inside[::2, ::2]].astype(np.float32)
    brightness = lit @ np.array([0.299, 0.587, 0.114], np.float32)
    lit, brightness = lit[brightness > LIT], brightness[brightness > LIT]
    return np.median(lit[:, [0, 2]] - brightness[:, None], axis=0) if len(lit) >= MIN_LIT else np.zeros(2)


def flow_share(rgb: np.ndarray, sector: np.ndarray, drawn: np.ndarray) -> float:
    """Return the share of the sector under colour that lies in blobs: 0 for grey or tinted pictures.

    A tint is one colour for each brightness; flow has many. So chroma is measured from the median chroma of the
    pixels equally bright, and what is left must hold together in a patch wider than text or a caliper's line; where
    ``drawn``, bool (rows, columns), says that letters may be, wider than large ones' strokes.
    """
    from scipy import ndimage

    inside = _scaled(sector, rgb.shape[:2])
    wide = rgb.astype(np.float32)
    brightness = wide @ np.array([0.299, 0.587, 0.114], np.float32)
    chroma = np.stack([wide[..., 0] - brightness, wide[..., 2] - brightness], axis=-1)
    away = np.abs(chroma - _tint(chroma, brightness, inside)).max(axis=-1)
    coloured = (away > MIN_CHROMA) & inside
    coloured &= ~_scaled(drawn, rgb.shape[:2]) | ndimage.binary_opening(coloured, np.ones((STROKE, STROKE)))
    return float(ndimage.binary_opening(coloured, np.ones((3, 3))).sum()) / float(inside.sum())


def _drawn(looks: Looks) -> np.ndarray:
    """Where letters and marks may be: lit and still, unlike flow, and what the codec's chroma makes of their edges."""
    from scipy import ndimage

    lit = looks.darkest > LIT
    if len(looks.frames) < MIN_LOOKS:
        return np.zeros_like(lit)
    return np.asarray(ndimage.binary_dilation(lit & (looks.motion < FLOW_MOTION), np.ones((3, 3)), FRINGE))


def _tint(chroma: np.ndarray, brightness: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The chroma of equally bright grey, for each pixel: medians by brightness, smoothed so that a patch of one colour,
    which may outnumber the grey of its own brightness, is no tint."""
    from scipy import ndimage

    level = (brightness / 16).astype(np.intp)
    known = [step for step in range(16) if np.count_nonzero(inside & (level == step)) >= 16]
    if not known:
        return np.zeros_like(chroma)
    medians = np.array([np.median(chroma[inside & (level == step)], axis=0) for step in known])
    every = np.stack([np.interp(np.arange(16), known, medians[:, channel]) for channel in (0, 1)], axis=1)
    return np.asarray(ndimage.median_filter(every, size=(5, 1), mode="nearest"))[level]


def _scaled(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    if mask.shape == shape:
        return mask
    rows = np.arange(shape[0]) * mask.shape[0] // shape[0]
    columns = np.arange(shape[1]) * mask.shape[1] // shape[1]
    return mask[rows[:, None], columns]


def _rgb_of(ybr: np.ndarray) -> np.ndarray:
    """YBR_FULL to RGB (C.7.6.3.1.2)."""
    y, cb, cr = (ybr[..., channel].astype(np.float32) - offset for channel, offset in enumerate((0, 128, 128)))
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    return np.clip(rgb + 0.5, 0, 255).astype(np.uint8)
