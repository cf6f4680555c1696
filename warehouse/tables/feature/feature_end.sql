-- Counts the codes and drugs of an echo's day whose order is unknown, once for each study and group or class of drugs that
-- is not on record earlier (drugs are inputs of the clinical scores).
INSERT INTO refused
SELECT variable, CASE $same_day WHEN 'exclude' THEN 'SAME_DAY_WITHOUT_TIME' ELSE 'SAME_DAY_TAKEN_AS_BEFORE' END, count(*)
FROM (
    SELECT DISTINCT study_key, variable
    FROM (
        SELECT patient_key, variable, variable AS part, recorded_at FROM coded
        UNION ALL
        SELECT patient_key, 'medication', drug_class, started_at FROM medication
    ) AS record
    JOIN study USING (patient_key)
    GROUP BY study_key, variable, part
    HAVING bool_or(of_unknown_order(recorded_at, study_at))
        AND NOT bool_or(
            CAST(recorded_at AS DATE) < CAST(study_at AS DATE)
            OR (recorded_at <= study_at AND NOT of_unknown_order(recorded_at, study_at))
        )
)
GROUP BY variable;

-- Writes the counts of refused, present and filled values, and drops the temporary tables.
INSERT INTO feature_refusal
SELECT variable, reason, CAST(sum(count) AS BIGINT)
FROM refused
GROUP BY ALL
HAVING sum(count) > 0
UNION ALL
SELECT 'diagnosis', 'ICD9_NOT_MAPPED', count(*)
FROM diagnosis
ANTI JOIN icd9 ON left(code, 3) = left(prefix, 3) AND starts_with(code, prefix)
WHERE vocabulary = 'ICD9CM'
HAVING count(*) > 0
ORDER BY ALL;

INSERT INTO feature_count
SELECT variable, present, studies - present
FROM (UNPIVOT (SELECT count(COLUMNS(* EXCLUDE (study_key))) FROM feature) ON COLUMNS(*) INTO NAME variable VALUE present)
CROSS JOIN (SELECT count(*) AS studies FROM feature)
ORDER BY variable;

INSERT INTO feature_filled
SELECT variable, how, CAST(sum(count) AS BIGINT) FROM filled GROUP BY ALL ORDER BY ALL;

DROP TABLE refused;
DROP TABLE filled;
DROP TABLE icd9;
DROP TABLE contradiction;
DROP TABLE variable;
DROP TABLE conversion;
DROP TABLE converted;
DROP TABLE own_value;
DROP TABLE known_value;
DROP TABLE nearest_value;
DROP TABLE last_value_known;
DROP TABLE echo_value;
DROP TABLE value_before;
DROP TABLE filled_value;
DROP TABLE chosen_value;
DROP TABLE coded;
