"""Hospital echo files to clips."""

from echomort.dicom.clip import Clip, lit_outside_sector, read_clip
from echomort.dicom.discovery import discover
from echomort.dicom.headers import Header, read_header
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.views import view_groups
from echomort.dicom.workers import Job, read_clips

__all__ = [
    "Clip",
    "Header",
    "Job",
    "Reason",
    "Rejected",
    "discover",
    "lit_outside_sector",
    "read_clip",
    "read_clips",
    "read_header",
    "view_groups",
]
