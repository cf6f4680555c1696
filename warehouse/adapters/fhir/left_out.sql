-- Resources and values that do not go into the canonical tables, by reason.
SELECT 'measurement' AS table_name, reason, count(*) AS rows
FROM made_value
WHERE reason IS NOT NULL
GROUP BY reason
UNION ALL
SELECT 'measurement', 'CONDITION_HAS_ENDED', count(*)
FROM made_condition_row
WHERE reason IS NULL AND has_ended AND concept IN (SELECT concept FROM made_condition_answer WHERE NOT stays_true)
UNION ALL
SELECT 'study', reason, count(*)
FROM (SELECT reason FROM made_imaging UNION ALL SELECT reason FROM made_echo_procedure)
WHERE reason IS NOT NULL
GROUP BY reason
UNION ALL
SELECT 'diagnosis', reason, count(*)
FROM made_condition_row
WHERE reason IS NOT NULL
GROUP BY reason
UNION ALL
SELECT 'diagnosis', map_found_by.reason, count(*)
FROM made_condition_found
JOIN map_found_by USING (found_by)
GROUP BY map_found_by.reason
UNION ALL
SELECT 'diagnosis', 'LIST_WITHOUT_ANCESTORS', count(*)
FROM made_condition_found
WHERE found_by IN ('list', 'none')
    AND concept IN (SELECT concept FROM made_condition_coding WHERE vocabulary = 'SNOMED')
    AND NOT EXISTS (FROM made_broader WHERE relation = 'broader')
    AND NOT EXISTS (FROM made_vocabulary_relation WHERE relation = 'broader')
UNION ALL
SELECT 'diagnosis', 'CONDITION_DATED_BY_ITS_ONSET', count(*)
FROM made_condition_row
WHERE reason IS NULL AND dated_by = 'onset' AND as_moment(recorded_at) IS NOT NULL
UNION ALL
SELECT 'medication', coalesce(reason, 'DRUG_OF_NO_CLASS'), count(*)
FROM made_drug AS drug
WHERE reason IS NOT NULL OR NOT EXISTS (FROM made_drug_class AS classed WHERE classed.concept = drug.concept)
GROUP BY ALL
UNION ALL
SELECT table_name, reason, sum(rows)
FROM made_surplus
GROUP BY ALL
