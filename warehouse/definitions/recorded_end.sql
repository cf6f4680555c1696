-- The end of what was recorded, in true days, which a few stray rows do not move. Two rules, one for many records and one for
-- any number; all bounds are ours.
--   months  the last record in a month that has at least 5 % of the records of a median month. Where a median month has 20
--           records or fewer, every month has that many, and this rule decides nothing.
--   gaps    of the records that are left, the last one (the last two of 50, the last three of 100) is left out where it
--           follows all others after a gap that is no gap as before: at least three times as long as the longest one among
--           the 100 gaps before it, and so long that of gaps of one exponential distribution fewer than 1 in 100 would be (among
--           n + 1 gaps, one is k times as long as all others with the chance n! k! / (n + k)!, which asks for more where
--           there were few gaps); and longer than a year, the usual pause between visits, or than 28 days after 50 gaps.
-- `recorded_day` (true_day): one row for each day of a patient with a contact, a death or a study, so that a visit with a
-- start and an end counts once; a death in '2020' counts with the first day of the year, because the last one may be after
-- the end.
-- `recorded_end`: `true_day`, the end; `busy_day`, the end by the first rule alone; `lone_days`, the days between the end and
-- the record before it (0 where two records are of the last day).
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
    SELECT max(last_day) AS busy_day
    FROM recorded_month
    WHERE records >= 0.05 * (SELECT median(records) FROM recorded_month)
),
latest AS (
    SELECT true_day, busy_day, row_number() OVER (ORDER BY true_day DESC) AS place
    FROM recorded_day
    JOIN busy ON true_day <= busy_day
    QUALIFY place <= 104
),
gap AS (
    SELECT
        place,
        busy_day,
        lead(true_day) OVER in_order AS day_before,
        true_day - day_before AS days,
        (SELECT count(*) FROM latest) AS records
    FROM latest
    WINDOW in_order AS (ORDER BY place)
),
compared AS (
    SELECT
        *,
        count(days) OVER earlier AS n,
        days / greatest(max(days) OVER earlier, 1) AS k,
        exp(lgamma(n + 1) + lgamma(k + 1) - lgamma(n + k + 1)) AS chance
    FROM gap
    WINDOW earlier AS (ORDER BY place ROWS BETWEEN 1 FOLLOWING AND 100 FOLLOWING)
),
stray AS (
    SELECT min(day_before) AS true_day
    FROM compared
    WHERE place <= 1 + least(records // 50, 2)
        AND n > 0
        AND k >= 3
        AND chance < 0.01
        AND days > CASE WHEN n < 50 THEN 365 ELSE 28 END
)
SELECT
    coalesce(stray.true_day, compared.busy_day) AS true_day,
    compared.busy_day,
    CASE WHEN stray.true_day IS NULL THEN compared.days END AS lone_days
FROM compared
CROSS JOIN stray
WHERE place = 1;
