-- Subjects. Several births or sexes are passed on, so that staging finds the contradiction; what SNOMED CT calls a birth counts
-- where nothing else says it, because it may be that of a child.
WITH subject AS (
    SELECT DISTINCT as_whole(subject_id) AS subject_id FROM raw_data
),
birth AS (
    SELECT DISTINCT subject_id, CAST(happened_at AS VARCHAR) AS birth_date
    FROM made_event
    WHERE role = 'birth' AND happened_at IS NOT NULL
    QUALIFY rank() OVER (PARTITION BY subject_id ORDER BY starts_with(upper(code), 'SNOMED')) = 1
),
sex AS (
    SELECT DISTINCT subject_id, coalesce(target, words) AS sex FROM made_event WHERE role = 'sex'
)
SELECT subject_id AS patient_id, birth_date, sex, race
FROM subject
LEFT JOIN birth USING (subject_id)
LEFT JOIN sex USING (subject_id)
LEFT JOIN made_race USING (subject_id)
