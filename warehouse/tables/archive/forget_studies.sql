-- What is said of the clips of studies that are made again or gone.
DELETE FROM clip
WHERE list_contains($studies, study_key)
