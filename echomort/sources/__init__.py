"""Where echo files come from, when not from a folder: object storage, a DICOMweb server, a modality that sends."""
