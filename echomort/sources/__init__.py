"""Echo files from elsewhere than a folder: object storage, a DICOMweb server, a modality that sends."""
