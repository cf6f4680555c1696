-- Rows that do not go into the canonical tables, by reason.
SELECT 'measurement' AS table_name, reason, count(*) AS rows
FROM made_unread
GROUP BY reason
UNION ALL
SELECT 'measurement', reason, count(*)
FROM made_value_row
WHERE reason IS NOT NULL
GROUP BY reason
UNION ALL
SELECT 'measurement', 'CONDITION_HAS_ENDED', count(*)
FROM raw_condition_occurrence
WHERE as_text(condition_end_date) IS NOT NULL
    AND TRY_CAST(condition_concept_id AS BIGINT) IN (SELECT concept_id FROM made_telling WHERE NOT stays_true)
UNION ALL
SELECT 'medication', 'DRUG_OF_NO_CLASS', count(*)
FROM raw_drug_exposure AS exposure
WHERE NOT EXISTS (
    FROM made_drug_class AS classed
    WHERE classed.source_value = coalesce(CAST(exposure.drug_source_value AS VARCHAR), '')
        AND classed.concept_id = coalesce(TRY_CAST(exposure.drug_concept_id AS BIGINT), 0)
)
UNION ALL
SELECT 'contact', 'TELEPHONE_PROVES_NO_LIFE', count(*)
FROM made_visit
WHERE is_call
UNION ALL
SELECT 'contact', 'END_OF_AN_OPEN_VISIT', count(*)
FROM made_visit
WHERE is_open AND ended_at IS NOT NULL AND NOT is_call
UNION ALL
SELECT 'contact', 'PERIOD_PROVES_NO_LIFE', count(*)
FROM raw_observation_period
WHERE NOT EXISTS (
    FROM made_known_concept WHERE kind = 'period' AND concept_id = TRY_CAST(period_type_concept_id AS BIGINT)
)
UNION ALL
SELECT 'study', 'NO_TABLE_OF_ECHO_STUDIES', 1
WHERE NOT EXISTS (FROM raw_echo_study) AND NOT EXISTS (FROM made_image_study WHERE is_echo)
UNION ALL
SELECT 'study', reason, count(*)
FROM made_echo_row
WHERE reason IS NOT NULL
GROUP BY reason
UNION ALL
SELECT 'study', 'ECHO_PROCEDURE_NOT_LISTED', count(*)
FROM made_echo_procedure
JOIN made_echo_like USING (concept_id)
WHERE kind IS NULL AND NOT EXISTS (FROM raw_echo_study)
UNION ALL
SELECT 'study', 'IMAGE_OF_NO_ECHO', count(*)
FROM made_image_study
WHERE NOT is_echo
UNION ALL
SELECT 'site_code', 'SITE_CODE_NOT_UNDERSTOOD', count(*)
FROM raw_site_code
WHERE coalesce(trim(kind) NOT IN (SELECT kind FROM map_concepts UNION ALL SELECT kind FROM map_code_list), true)
    OR (code IS NULL AND TRY_CAST(concept_id AS BIGINT) IS NULL)
    OR (code IS NOT NULL AND vocabulary IS NULL)
    OR (trim(kind) = 'echo' AND trim(target) NOT IN (SELECT target FROM map_code_list WHERE kind = 'echo'))
    OR (trim(kind) = 'discharge' AND trim(target) NOT IN ('dead', 'still patient'))
    OR (trim(kind) = 'diagnosis' AND NOT regexp_full_match(trim(target), '[A-Z][0-9][0-9A-Z]|none'))
    OR (descendants IS NOT NULL AND lower(trim(descendants)) NOT IN ('yes', 'no'))
UNION ALL
SELECT 'diagnosis', 'LIST_WITHOUT_ANCESTORS', count(*)
FROM source_diagnosis
WHERE found_by IN ('list', 'none') AND NOT EXISTS (FROM raw_concept_ancestor)
UNION ALL
SELECT 'diagnosis', 'GROUP_NOT_ON_THE_LIST', count(*)
FROM made_group_not_listed
UNION ALL
SELECT 'diagnosis', reason, count(*)
FROM source_diagnosis
JOIN map_found_by USING (found_by)
GROUP BY reason
