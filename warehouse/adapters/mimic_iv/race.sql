-- Subjects with the race of their admissions, and the number of races; of several none is used.
SELECT
    as_whole(subject_id) AS subject_id,
    count(DISTINCT race_of(race)) AS races,
    if(races > 1, NULL, min(race)) AS race
FROM raw_admissions
WHERE race_of(race) IS NOT NULL
GROUP BY ALL
