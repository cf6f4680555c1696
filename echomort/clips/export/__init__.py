"""Clips as data for others: loops of an archive as NPZ, MP4, Zarr or de-identified DICOM, with a manifest."""
