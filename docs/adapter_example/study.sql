-- Echo reports, by the accession number that is in the pictures.
SELECT
    accession AS study_id,
    mrn AS patient_id,
    day_first(performed) AS study_at,
    CASE WHEN ward IS NULL THEN 'outpatient' ELSE 'inpatient' END AS setting,
    'US' AS modality,
    NULL AS study_year
FROM raw_echo_reports
