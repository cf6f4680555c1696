-- Evidence of life: the start and the end of encounters. Their class says what they prove; staging judges status and
-- type. One without a status that ended on a later day took place.
SELECT coalesce(subject.patient_id, visit.subject) AS patient_id, started_at AS contact_at, kind, coalesce(status, if(has_ended_later(started_at, ended_at), 'finished', NULL)) AS status, detail
FROM made_visit AS visit
LEFT JOIN made_subject AS subject ON subject.reference = visit.subject
UNION ALL
SELECT coalesce(subject.patient_id, visit.subject), ended_at, kind, coalesce(status, if(has_ended_later(started_at, ended_at), 'finished', NULL)), detail
FROM made_visit AS visit
LEFT JOIN made_subject AS subject ON subject.reference = visit.subject
WHERE ended_at IS NOT NULL
