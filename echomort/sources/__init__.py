"""Echo files from elsewhere than a folder: object storage, a DICOMweb server, an archive, a modality that sends."""
