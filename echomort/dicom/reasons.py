"""The reasons for which an object gives no clip."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from echomort.dicom.header.fields import Header


class Reason(StrEnum):
    """Every reason for which an object gives no clip; tables and people see the value.

    >>> Reason("colour_doppler").meaning, Reason("colour_doppler").is_ordinary
    ('Colour Doppler lies over the tissue.', True)
    """

    NOT_DICOM = "not_dicom"
    UNREADABLE_FILE = "unreadable_file"
    TRUNCATED = "truncated"
    CORRUPT_HEADER = "corrupt_header"
    TOO_DEEP = "too_deep"
    BAD_TAG = "bad_tag"
    BOMB = "bomb"
    NOT_AN_IMAGE = "not_an_image"
    NOT_ULTRASOUND = "not_ultrasound"
    NOT_CARDIAC = "not_cardiac"
    NOT_TRANSTHORACIC = "not_transthoracic"
    VOLUME = "volume"
    UNSUPPORTED_TRANSFER_SYNTAX = "unsupported_transfer_syntax"
    DEPTH = "more_than_8_bits"
    STILL = "still"
    TOO_SHORT = "too_short"
    LEFT_OUT = "left_out"
    M_MODE = "m_mode"
    SPECTRAL_DOPPLER = "spectral_doppler"
    COLOUR_DOPPLER = "colour_doppler"
    DUAL_PANEL = "dual_panel"
    NO_FRAME_RATE = "no_frame_rate"
    BAD_FRAME_RATE = "bad_frame_rate"
    BAD_REGION = "bad_region"
    NO_SECTOR = "no_sector"
    TRUNCATED_PIXELS = "truncated_pixels"
    FRAME_COUNT = "frame_count"
    BAD_FRAME = "bad_frame"
    SIZE_MISMATCH = "size_mismatch"
    SUSPECT_PLANAR = "suspect_planar"
    NO_NATIVE_DATA = "no_native_data"
    NATIVE_LAYOUT = "native_layout"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_DIED = "worker_died"
    UNREADABLE = "unreadable"
    ERASED = "erased"

    @property
    def is_ordinary(self) -> bool:
        """Whether every echo archive holds such objects: the file is sound, it is just no cine loop."""
        return self in _ORDINARY

    @property
    def meaning(self) -> str:
        """One sentence for a person."""
        return _MEANINGS[self]


_ORDINARY = {
    Reason.NOT_AN_IMAGE,
    Reason.NOT_ULTRASOUND,
    Reason.NOT_CARDIAC,
    Reason.NOT_TRANSTHORACIC,
    Reason.VOLUME,
    Reason.STILL,
    Reason.TOO_SHORT,
    Reason.LEFT_OUT,
    Reason.M_MODE,
    Reason.SPECTRAL_DOPPLER,
    Reason.COLOUR_DOPPLER,
    Reason.DUAL_PANEL,
    Reason.ERASED,
}

MAY_PASS = frozenset({Reason.TIMEOUT, Reason.OUT_OF_MEMORY, Reason.WORKER_DIED})
"""Reasons whose cause may lie in a busy machine, not in the file."""

_MEANINGS = {
    Reason.NOT_DICOM: "The file is not DICOM.",
    Reason.UNREADABLE_FILE: "The file is missing, not a regular file, or may not be read.",
    Reason.TRUNCATED: "The file ends before its header does, or holds no pixels.",
    Reason.CORRUPT_HEADER: "The header can't be parsed or lacks what every image has.",
    Reason.TOO_DEEP: "Sequences are nested deeper than any scanner writes.",
    Reason.BAD_TAG: "A tag that decides how pixels are read is missing, impossible or contradicts another.",
    Reason.BOMB: "Unpacked, the object or a part of it would be larger than in any cine loop.",
    Reason.NOT_AN_IMAGE: "The object is a report, a directory, a waveform or a state, not an image.",
    Reason.NOT_ULTRASOUND: "The image is not ultrasound.",
    Reason.NOT_CARDIAC: "A tag or a text says that the examination is not of an adult heart.",
    Reason.NOT_TRANSTHORACIC: "The probe was in the oesophagus or in the heart, not on the chest.",
    Reason.VOLUME: "The object is a 3-D volume or a rendering of one.",
    Reason.UNSUPPORTED_TRANSFER_SYNTAX: "No decoder for this transfer syntax is installed.",
    Reason.DEPTH: "Samples have more than 8 bits.",
    Reason.STILL: "A single or frozen frame, not a cine loop.",
    Reason.TOO_SHORT: "The loop lasts less than imaging.clip.min_seconds.",
    Reason.LEFT_OUT: "The loop has a note that imaging.clip.leave_out names.",
    Reason.M_MODE: "An M-mode recording.",
    Reason.SPECTRAL_DOPPLER: "A spectral Doppler recording.",
    Reason.COLOUR_DOPPLER: "Colour Doppler lies over the tissue.",
    Reason.DUAL_PANEL: "Two images stand side by side.",
    Reason.NO_FRAME_RATE: "No tag says how fast the loop runs.",
    Reason.BAD_FRAME_RATE: "The loop's frame rate lies outside 5 to 400 a second.",
    Reason.BAD_REGION: "The tissue region is absurd and the picture shows no sector either.",
    Reason.NO_SECTOR: "No moving ultrasound sector is found in the picture.",
    Reason.TRUNCATED_PIXELS: "The file ends before its pixels do.",
    Reason.FRAME_COUNT: "The frames in the file are not as many as its header says.",
    Reason.BAD_FRAME: "A frame can't be decoded.",
    Reason.SIZE_MISMATCH: "A frame's size is not what the header says.",
    Reason.SUSPECT_PLANAR: "Colour planes are laid out otherwise than the header says.",
    Reason.NO_NATIVE_DATA: "Native data were asked for and the file holds none.",
    Reason.NATIVE_LAYOUT: "The vendor's native data are not laid out in a way that is known.",
    Reason.TIMEOUT: "The file took longer than the limit.",
    Reason.OUT_OF_MEMORY: "The file needed more memory than the limit.",
    Reason.WORKER_DIED: "The decoding process died on this file.",
    Reason.UNREADABLE: "The file broke the reader in a way that has no reason of its own.",
    Reason.ERASED: "The patient was erased: nothing of the file is kept.",
}


class Rejected(Exception):
    """Raised for an object that gives no clip.

    ``detail`` adds a fact that identifies nobody (a count, a size, a transfer syntax); ``header`` is None where the
    header could not be read.
    """

    def __init__(self, reason: Reason, detail: str = "", header: Header | None = None) -> None:
        self.reason = reason
        self.detail = detail
        self.header = header
        super().__init__(reason, detail, header)

    def __str__(self) -> str:
        return f"{self.reason.value} ({self.detail})" if self.detail else self.reason.value
