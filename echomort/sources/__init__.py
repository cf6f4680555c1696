"""Echo files from elsewhere than a folder: object storage, DICOMweb, an archive, a modality that sends, videos."""
