-- Whether a model may have learnt from one of the studies $studies: it is in the cohort, was scored, or has clips.
SELECT
    EXISTS (FROM cohort WHERE list_contains($studies, study_key))
    OR EXISTS (FROM score WHERE list_contains($studies, study_key))
    OR EXISTS (FROM clip WHERE list_contains($studies, study_key))
