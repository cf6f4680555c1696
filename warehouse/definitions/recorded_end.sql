-- The end of what was recorded, in true days: the last record in a month that has at least 5 % of the records of a median
-- month, so that a few stray rows in later months do not move it. In a small extract every month has that many; there, one
-- record alone that lies more than 1096 days (three years) after all others does not move it either. Both bounds are ours.
-- `recorded_day` (true_day): one row for each day of a patient with a contact, a death or a study, so that a visit with a
-- start and an end counts once; a death in '2020' counts with the first day of the year, because the last one may be after
-- the end.
CREATE OR REPLACE TEMP VIEW recorded_day AS
SELECT day + coalesce(shift, 0) AS true_day
FROM (
    SELECT patient_key, CAST(contact_at AS DATE) AS day FROM contact
    UNION
    SELECT patient_key, death_date FROM death
    UNION
    SELECT patient_key, CAST(study_at AS DATE) FROM study
)
LEFT JOIN patient_offset USING (patient_key)
WHERE day IS NOT NULL;

CREATE OR REPLACE TEMP TABLE recorded_end AS
WITH recorded_month AS (
    SELECT date_trunc('month', true_day) AS month, count(*) AS records, max(true_day) AS last_day
    FROM recorded_day
    GROUP BY month
),
busy AS (
    SELECT last_day, records, lag(last_day) OVER (ORDER BY last_day) AS day_before, row_number() OVER (ORDER BY last_day DESC) AS place
    FROM recorded_month
    WHERE records >= 0.05 * (SELECT median(records) FROM recorded_month)
)
SELECT CASE WHEN records = 1 AND last_day - day_before > 1096 THEN day_before ELSE last_day END AS true_day
FROM busy
WHERE place = 1;
