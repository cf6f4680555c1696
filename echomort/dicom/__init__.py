"""Reads a hospital's echo files: headers, clips, and the reasons for having none."""

from echomort.dicom.clip import Clip, lit_outside_sector, read_clip
from echomort.dicom.discovery import discover
from echomort.dicom.header.fields import Header
from echomort.dicom.header.parsing import read_header
from echomort.dicom.header.views import read_view_table, view_groups
from echomort.dicom.inspect import Inspection, inspect_paths
from echomort.dicom.reasons import Reason, Rejected
from echomort.dicom.workers import Job, read_clips

__all__ = [
    "Clip",
    "Header",
    "Inspection",
    "Job",
    "Reason",
    "Rejected",
    "discover",
    "inspect_paths",
    "lit_outside_sector",
    "read_clip",
    "read_clips",
    "read_header",
    "read_view_table",
    "view_groups",
]
