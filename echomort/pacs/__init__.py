"""A study's risk as DICOM objects of the same study, and their way to the archive (PACS)."""
