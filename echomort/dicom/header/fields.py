"""What is read of an echo object before its pixels: the header and its regions."""

from __future__ import annotations

from dataclasses import dataclass, field

from echomort.dicom.header.approach import Approach
from echomort.dicom.header.examination import Examination
from echomort.dicom.header.rhythm import RhythmTags
from echomort.dicom.header.timing import NO_TIMING, Timing
from echomort.dicom.header.views import NO_VIEW, View

ULTRASOUND_STILLS = frozenset({"1.2.840.10008.5.1.4.1.1.6", "1.2.840.10008.5.1.4.1.1.6.1"})
"""Ultrasound Image Storage, retired and current (PS3.4 table B.5-1)."""

ULTRASOUND_LOOPS = frozenset({"1.2.840.10008.5.1.4.1.1.3", "1.2.840.10008.5.1.4.1.1.3.1"})
"""Ultrasound Multi-frame Image Storage, retired and current (PS3.4 table B.5-1)."""

ULTRASOUND_VOLUMES = frozenset({"1.2.840.10008.5.1.4.1.1.6.2", "1.2.840.10008.5.1.4.1.1.6.3"})
"""Enhanced US Volume Storage and Photoacoustic Image Storage (PS3.4 table B.5-1)."""

NO_EXAMINATION = Examination()
NO_RHYTHM = RhythmTags()


@dataclass(frozen=True)
class Region:
    """One item of SequenceOfUltrasoundRegions (PS3.3 C.8.5.5), as written: corners inclusive, in pixels."""

    spatial_format: int
    data_type: int
    x0: int
    y0: int
    x1: int
    y1: int
    delta_x: float = 0.0
    delta_y: float = 0.0
    in_centimetres: bool = False


@dataclass(frozen=True)
class Header:
    """What is read of an object's header. Identifiers serve linkage alone; ``repr`` never shows them."""

    patient_id: str = field(default="", repr=False)
    study_uid: str = field(default="", repr=False)
    series_uid: str = field(default="", repr=False)
    sop_uid: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    other_numbers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """(Tag, value) of further numbers of the patient and the study: OtherPatientIDs, StudyID and those of orders."""
    study_date: str = field(default="", repr=False)
    sop_class: str = ""
    transfer_syntax: str = ""
    modality: str = ""
    manufacturer: str = field(default="", repr=False)
    model: str = field(default="", repr=False)
    institution: str = field(default="", repr=False)
    image_type: tuple[str, ...] = ()
    rows: int = 0
    columns: int = 0
    frames: int = 0
    samples: int = 0
    photometric: str = ""
    planar: int | None = None
    bits_allocated: int = 0
    bits_stored: int = 0
    is_signed: bool = False
    pixel_aspect: float = 1.0
    regions: tuple[Region, ...] = ()
    timing: Timing = NO_TIMING
    view_tags: View = NO_VIEW
    approach: Approach = Approach.UNSTATED
    examination: Examination = NO_EXAMINATION
    rhythm: RhythmTags = NO_RHYTHM
    declares_colour: bool = False
    notes: tuple[str, ...] = ()

    @property
    def fps(self) -> float | None:
        """Frames a second, None where no tag gives them."""
        return self.timing.fps

    @property
    def fps_source(self) -> str:
        """Tag that gave the frame rate, or ``none``."""
        return self.timing.source

    @property
    def view(self) -> str:
        """View group, or ``unknown``."""
        return self.view_tags.group

    @property
    def view_source(self) -> str:
        """Where the view was read, or ``none``."""
        return self.view_tags.source
