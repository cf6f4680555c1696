-- Deletes the clips of studies that were rebuilt or removed.
DELETE FROM clip
WHERE list_contains($studies, study_key)
