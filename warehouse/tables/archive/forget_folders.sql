-- Deletes the rows of folders that were read again or removed.
DELETE FROM dicom_instance
WHERE list_contains($folders, folder_key)
