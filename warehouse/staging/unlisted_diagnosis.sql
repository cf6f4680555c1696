-- Words of diagnoses that are on no list. The view reads the source again, so this is run only where there are some.
INSERT INTO unlisted
SELECT 'diagnosis', reason, coalesce(CASE reason WHEN 'NOT_A_CODE' THEN raw_code END, vocabulary) AS word, count(*)
FROM checked_diagnosis
WHERE reason IN ('UNKNOWN_VOCABULARY', 'NOT_A_CODE')
GROUP BY ALL
