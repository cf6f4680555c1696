-- Somebody saw the person: no telephone calls (TEL), no post (POST). A stay proves life at its end too.
WITH seen AS (
    SELECT *
    FROM raw_encounters
    WHERE class IN ('AMB', 'IMP', 'EMER')
)
SELECT mrn AS patient_id, started AS contact_at, class AS kind FROM seen
UNION ALL
SELECT mrn, ended, class FROM seen WHERE ended IS NOT NULL
