-- The record numbers of erased patients.
CREATE OR REPLACE TEMP TABLE erased_number AS SELECT unnest($numbers::VARCHAR[]) AS patient_id;
