-- Somebody saw the person: no telephone calls (TEL), no post (POST). A stay proves life at its end too.
WITH seen AS (
    SELECT *
    FROM raw_encounters
    WHERE class IN ('AMB', 'IMP', 'EMER')
)
SELECT mrn AS patient_id, day_first(started) AS contact_at, class AS kind FROM seen
UNION ALL
SELECT mrn, day_first(ended), class FROM seen WHERE ended IS NOT NULL
