-- Numbers that the hospital has merged.
SELECT old_mrn AS patient_id, new_mrn AS same_as
FROM raw_mrn_merge
