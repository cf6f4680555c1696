-- Drugs that have a class. OMOP has no daily dose. Where the ETL gave no end, the supply's last day is it, as the data
-- model asks.
SELECT
    coalesce(patient_id, as_whole(exposure.person_id)) AS patient_id,
    drug_class,
    NULL AS dose,
    NULL AS unit,
    later_time(drug_exposure_start_date, drug_exposure_start_datetime) AS started_at,
    coalesce(
        CAST(drug_exposure_end_date AS VARCHAR),
        CAST(verbatim_end_date AS VARCHAR),
        CASE
            WHEN TRY_CAST(days_supply AS DOUBLE) BETWEEN 1 AND 36525
                THEN CAST(
                    CAST(as_moment(drug_exposure_start_date) AS DATE) + CAST(TRY_CAST(days_supply AS DOUBLE) AS INTEGER) - 1
                    AS VARCHAR
                )
        END
    ) AS ended_at
FROM raw_drug_exposure AS exposure
JOIN made_drug_class AS classed
    ON classed.source_value = coalesce(CAST(drug_source_value AS VARCHAR), '')
    AND classed.concept_id = coalesce(TRY_CAST(drug_concept_id AS BIGINT), 0)
LEFT JOIN made_person_number AS person ON person.person_id = as_whole(exposure.person_id)
