"""What an export was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from echomort.core.errors import UserError
from echomort.core.fingerprint import digest
from echomort.core.keys import Keyring
from echomort.settings import ClipSettings, Imaging
from echomort.version import __version__

Format = Literal["npz", "mp4", "zarr", "dicom"]
"""The forms in which loops are written."""

COPIES = ("mp4", "dicom")
"""Formats that hold the whole loop as it was recorded unless a size is named."""

SIDES = (8, 2048)
"""Pixels of a side that may be named: the limits of ``imaging.clip.height``."""

WRITTEN_AS = 1
"""Version of what the writers write: a folder of another version is not continued."""


@dataclass(frozen=True)
class ExportRequest:
    """The format, the size (None: native resolution, every frame; ``(0, 0)``: as ``imaging.clip`` says), the settings
    that decide pixels, the keys of pseudonyms and UIDs, and what becomes of dates."""

    form: Format
    size: tuple[int, int] | None
    imaging: Imaging
    keyring: Keyring
    dates: Literal["shifted", "kept"] = "shifted"

    @property
    def clip(self) -> ClipSettings:
        """The settings of the clips: the region fitted inside the size that was named."""
        if self.size == AS_SET:
            return self.imaging.clip
        inside = self.imaging.clip.model_copy(update={"fit": "inside"})
        if self.size is None:
            return inside
        return inside.model_copy(update={"height": self.size[0], "width": self.size[1]})

    @property
    def fingerprint(self) -> str:
        """The digest of everything that decides what is written."""
        sizes = self.clip.view_sizes if self.clip.fit == "view_size" else {}
        how = self.clip.deciding, sizes, self.imaging.frame_rates, self.keyring.key_id, self.dates
        return digest(self.form, self.size, *how, __version__, WRITTEN_AS)


AS_SET = (0, 0)
"""Stands for the size that ``imaging.clip`` sets."""


def parse_format(text: str) -> Format:
    """Return the format named ``text``; raises :class:`UserError` for another."""
    for form in get_args(Format):
        if text == form:
            return form  # type: ignore[no-any-return]
    raise UserError(f"no such format: {text}", f"name one of {', '.join(get_args(Format))} with --as")


def parse_size(text: str | None, form: Format) -> tuple[int, int] | None:
    """Return (height, width) of ``112x112``, None of ``native``; without a text what is usual for ``form``.

    >>> parse_size("112x160", "npz")
    (112, 160)
    >>> parse_size(None, "dicom") is None
    True
    """
    if text is None:
        return None if form in COPIES else AS_SET
    if text == "native":
        return None
    matched = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    sides = (int(matched[1]), int(matched[2])) if matched else (0, 0)
    if not all(SIDES[0] <= side <= SIDES[1] for side in sides):
        raise UserError(f"no such size: {text}", f"write HEIGHTxWIDTH, each {SIDES[0]} to {SIDES[1]} pixels, or native")
    return sides
