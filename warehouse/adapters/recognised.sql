-- Patients, those with a statement of death, and studies of the canonical tables that an adapter yields.
SELECT
    (SELECT count(DISTINCT patient_id) FROM source_patient) AS patients,
    (SELECT count(DISTINCT patient_id) FROM source_death) AS deaths,
    (SELECT count(DISTINCT study_id) FROM source_study) AS studies
