-- What the index says of folders that are read again or gone.
DELETE FROM dicom_instance
WHERE list_contains($folders, folder_key)
