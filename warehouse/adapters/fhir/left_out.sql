-- Resources and values that do not go into the canonical tables, by reason.
SELECT 'measurement' AS table_name, reason, count(*) AS rows
FROM made_value
WHERE reason IS NOT NULL
GROUP BY reason
UNION ALL
SELECT 'study', reason, count(*)
FROM (SELECT reason FROM made_imaging UNION ALL SELECT reason FROM made_echo_procedure)
WHERE reason IS NOT NULL
GROUP BY reason
UNION ALL
SELECT 'diagnosis', coalesce(reason, 'CONDITION_WITHOUT_ICD_CODE'), count(*)
FROM made_condition_row AS condition
WHERE reason IS NOT NULL
    OR NOT EXISTS (FROM made_condition_code AS coded WHERE coded.concept = condition.concept)
GROUP BY ALL
UNION ALL
SELECT 'diagnosis', 'CONDITION_BY_ITS_MAP', count(*)
FROM made_condition_row AS condition
WHERE reason IS NULL
    AND EXISTS (FROM made_condition_code AS coded WHERE coded.concept = condition.concept AND found_by = 'map')
UNION ALL
SELECT 'diagnosis', 'CONDITION_DATED_BY_ITS_ONSET', count(*)
FROM made_condition_row
WHERE reason IS NULL AND dated_by = 'onset'
UNION ALL
SELECT 'medication', coalesce(reason, 'DRUG_OF_NO_CLASS'), count(*)
FROM made_drug AS drug
WHERE reason IS NOT NULL OR NOT EXISTS (FROM made_drug_class AS classed WHERE classed.concept = drug.concept)
GROUP BY ALL
UNION ALL
SELECT table_name, reason, sum(rows)
FROM made_surplus
GROUP BY ALL
