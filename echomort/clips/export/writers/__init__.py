"""One file a format: each writes one loop to one file (Zarr: a folder)."""
