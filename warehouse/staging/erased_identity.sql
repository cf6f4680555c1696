-- The pairs of record numbers of one person, without those of erased patients.
ALTER VIEW source_identity RENAME TO whole_source_identity;
CREATE OR REPLACE TEMP VIEW source_identity AS
FROM whole_source_identity
WHERE coalesce(patient_id, '') NOT IN (FROM erased_number)
    AND coalesce(same_as, '') NOT IN (FROM erased_number);
