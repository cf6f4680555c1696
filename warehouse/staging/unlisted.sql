-- Words of columns of codes that are on no list, by the reason why their row or value was not used; of each reason the $most most
-- frequent ones. `word` may be prose that contains a name: Python hashes what is no code of a closed vocabulary, before it
-- reaches a table.
SELECT table_name, reason, word, CAST(sum(rows) AS BIGINT) AS rows
FROM (
    SELECT table_name, reason, word, rows FROM unlisted
    UNION ALL
    SELECT 'patient', 'UNKNOWN_SEX', raw_sex, 1
    FROM checked_patient
    WHERE sex IS NULL AND patient_key IS NOT NULL
    UNION ALL
    SELECT 'patient', 'UNKNOWN_RACE', raw_race, 1
    FROM checked_patient
    WHERE race = 'other' AND NOT says_other(raw_race) AND patient_key IS NOT NULL
    UNION ALL
    SELECT 'study', 'UNKNOWN_SETTING', raw_setting, 1
    FROM checked_study
    WHERE setting_unknown AND reason IS NULL
)
WHERE word IS NOT NULL
GROUP BY table_name, reason, word
QUALIFY row_number() OVER (PARTITION BY table_name, reason ORDER BY sum(rows) DESC, word) <= $most
ORDER BY table_name, reason, rows DESC, word
