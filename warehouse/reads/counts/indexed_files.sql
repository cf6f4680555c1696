-- Files of the archive in the index.
SELECT count(*) FROM dicom_instance;
