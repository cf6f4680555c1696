-- Deletes the rows of variants of studies (variant/study key) that were rebuilt or removed.
DELETE FROM clip_variant
WHERE list_contains($units, variant || '/' || study_key)
