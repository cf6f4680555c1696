"""What stored samples mean: grey, palette, RGB, or luma and chroma; and whether their label is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echomort.dicom.frames.palette import Palette

DARK = 16
"""First channel below which a pixel counts as black. Our choice: black of studio-range video (ITU-R BT.601) is 16."""

MIN_DARK_SHARE = 20
"""A label is doubted only where at least one pixel in this many is black: an echo frame is mostly black. Our choice."""

GREY_CHROMA = 128
"""Chroma of grey in YBR_FULL (PS3.3 C.7.6.3.1.2)."""

MAX_CHROMA_OFFSET = 24
"""Levels of chroma about ``GREY_CHROMA`` that the black of a YBR picture may show. Our choice: a codec shifts it by a
few levels, and RGB's black lies 128 away."""

MAX_RGB_BLACK = 32
"""Level below which the other two channels of black are those of RGB. Our choice: they are 0 in RGB and 128 in YBR."""

MIN_PLANE_SPREAD = 2.0
"""Mean grey levels between the second and third channel of an echo frame in which they do not agree: bytes that are
read in the right order differ by less, since an echo is nearly grey. Tuned on drawn frames
(tests/dicom/test_forms.py)."""

MIN_PLANE_RATIO = 2.0
"""How many times larger this spread must be in the declared order than in the other. Tuned as ``MIN_PLANE_SPREAD``."""

MIN_GREY_APART = 0.1
"""Share of a frame by which one order has more pixels with the chroma of grey than the other: then the samples are luma
and chroma in that order. They are nearly all of an echo in the right order and two thirds at most in the other; RGB has
them where it is of middle grey, in both. Our choice."""

HALF_SIZE_ROWS = 256
"""Rows from which a frame is searched for colour at half size, to save time. Our choice."""

CHROMA_RED = 1.402
"""Weight of Cr in red (PS3.3 C.7.6.3.1.2, inverted; ITU-T T.871)."""

CHROMA_GREEN = (0.344136, 0.714136)
"""Weights of Cb and Cr that are taken from green (ITU-T T.871)."""

CHROMA_BLUE = 1.772
"""Weight of Cb in blue (ITU-T T.871)."""

LUMA_TO_FULL = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
"""Luma of studio range, 16 to 235, as one of full range (ITU-R BT.601; PS3.3 C.7.6.3.1.2, YBR_PARTIAL)."""

CHROMA_TO_FULL = np.clip(np.rint((np.arange(256) - 128) * 255 / 224 + 128), 0, 255).astype(np.uint8)
"""Chroma of studio range, 16 to 240, as one of full range (the same)."""

BELOW_BLACK = 8
"""Luma below which studio range has nothing but a codec's ringing about its black of 16. Our choice: halfway."""

MAX_BELOW_BLACK = 0.01
"""Share of a frame below that level; where more is darker, the frame has full range, whatever its label says. Our
choice: most of an echo frame is black."""

JPEG_2000_COLOUR = frozenset({"YBR_RCT", "YBR_ICT"})
"""JPEG 2000's colour transforms: the decoder undoes them, so that samples come as RGB (PS3.5 8.2.4)."""


@dataclass(frozen=True)
class Samples:
    """How stored samples become luma and colour."""

    kind: str
    palette: Palette | None = None

    @classmethod
    def interpret(cls, photometric: str, frame: np.ndarray, palette: Palette | None) -> tuple[Samples, list[str]]:
        """Return the meaning of samples labelled ``photometric``, with a note where the label is wrong.

        Nearly all of an echo frame is black: luma 0 with chroma 128, or three zeros. That separates YBR from RGB.
        """
        if frame.ndim == 2 or palette:
            return cls("palette" if palette else photometric, palette), []
        labelled_ybr = photometric.startswith("YBR_") and photometric not in JPEG_2000_COLOUR
        dark = frame[frame[..., 0] < DARK][:, 1:]
        if len(dark) < frame[..., 0].size // MIN_DARK_SHARE:
            return cls("ybr" if labelled_ybr else "rgb"), []
        chroma = float(np.median(dark))
        is_ybr = abs(chroma - GREY_CHROMA) < MAX_CHROMA_OFFSET
        if labelled_ybr and chroma < MAX_RGB_BLACK:
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
            return np.asarray(rgb_to_luma(self.palette.colours[None])[0][samples])
        if samples.ndim == 2:
            return samples
        return np.ascontiguousarray(samples[..., 0]) if self.kind == "ybr" else rgb_to_luma(samples)

    def colour(self, samples: np.ndarray) -> np.ndarray:
        """Return uint8 RGB, at half size where the frame is large."""
        step = 2 if samples.shape[0] >= HALF_SIZE_ROWS else 1
        small = samples[::step, ::step]
        if self.palette:
            return np.asarray(self.palette.colours[small])
        return _ybr_to_rgb(small) if self.kind == "ybr" else small


def has_studio_range(luma: np.ndarray) -> bool:
    """Return whether ``luma``, uint8, keeps to studio range: nearly nothing is darker than its black."""
    return bool(np.count_nonzero(luma < BELOW_BLACK) < MAX_BELOW_BLACK * luma.size)


def to_full_range(ybr: np.ndarray) -> np.ndarray:
    """Return uint8 YBR (rows, columns, 3) of studio range in full range."""
    return np.dstack([LUMA_TO_FULL[ybr[..., 0]], CHROMA_TO_FULL[ybr[..., 1:]]])


def rgb_to_luma(rgb: np.ndarray) -> np.ndarray:
    """Return the ITU-R BT.601 luma, rounded, of uint8 RGB (rows, columns, 3).

    This is Pillow's; OpenCV's BGR2GRAY, which the published code uses, differs by one level in one pixel of 400.
    """
    from PIL import Image

    if rgb.flags.c_contiguous:
        return np.asarray(Image.fromarray(rgb).convert("L"))
    planes = [Image.fromarray(np.ascontiguousarray(rgb[..., channel])) for channel in range(3)]
    return np.asarray(Image.merge("RGB", planes).convert("L"))


def is_wrong_order(by_plane: np.ndarray, planar: bool) -> bool:
    """Return whether the bytes of a frame make sense only in the order that was not declared (by plane, by pixel).

    ``by_plane`` is the frame as uint8 (3, rows, columns); ``planar`` is the declared order. An echo is nearly grey: in
    the right order, its second and third channels (green and blue, or both chromas) agree almost everywhere. Where
    more pixels have the chroma of grey in one order, that decides, for flow drives chromas apart.
    """
    by_pixel = np.moveaxis(by_plane.reshape(*by_plane.shape[1:], 3), -1, 0)
    grey = [_share_of_grey_chroma(channels) for channels in (by_plane, by_pixel)]
    declared, other = grey if planar else grey[::-1]
    if abs(declared - other) > MIN_GREY_APART:
        return declared < other
    spreads = [
        float(np.abs(second[::2, ::2].astype(np.int16) - third[::2, ::2]).mean())
        for _, second, third in (by_plane, by_pixel)
    ]
    declared, other = spreads if planar else spreads[::-1]
    return declared > MIN_PLANE_SPREAD and declared > MIN_PLANE_RATIO * other


def _share_of_grey_chroma(channels: np.ndarray) -> float:
    """Return the share of pixels, every second a side, in which two ``channels`` are the chroma of grey."""
    off = np.abs(channels[1:, ::2, ::2].astype(np.int16) - GREY_CHROMA)
    return float(np.mean((off < MAX_CHROMA_OFFSET).all(axis=0)))


def _ybr_to_rgb(ybr: np.ndarray) -> np.ndarray:
    """Convert YBR_FULL to RGB (PS3.3 C.7.6.3.1.2)."""
    offsets = (0, GREY_CHROMA, GREY_CHROMA)
    y, cb, cr = (ybr[..., channel].astype(np.float32) - offset for channel, offset in enumerate(offsets))
    blue_in_green, red_in_green = CHROMA_GREEN
    green = y - blue_in_green * cb - red_in_green * cr
    rgb = np.stack([y + CHROMA_RED * cr, green, y + CHROMA_BLUE * cb], axis=-1)
    return np.clip(rgb + 0.5, 0, 255).astype(np.uint8)
