-- Echo values carry their study's time; laboratory values and vital signs the time of their release. Names that the map
-- does not hold keep their own: the feature step counts them.
SELECT
    mrn AS patient_id,
    accession AS study_id,
    coalesce(variable, item) AS variable,
    decimal_comma(result) AS value,
    unit,
    day_first(performed) AS measured_at
FROM raw_echo_values
JOIN raw_echo_reports USING (accession)
LEFT JOIN map_names ON local = item
UNION ALL
SELECT mrn, NULL, coalesce(variable, test), decimal_comma(result), unit, day_first(released)
FROM raw_results
LEFT JOIN map_names ON local = test
