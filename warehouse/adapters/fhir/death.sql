-- Statements of death: deceasedDateTime, which may be a year or a month; deceasedBoolean, a death of unknown date; and a
-- discharge as dead (code exp, or 20 and 40 to 42 of the US uniform bill); one without an end adds nothing to a date.
SELECT coalesce(subject.patient_id, person.id) AS patient_id, deceaseddatetime AS death_date, 'record' AS source
FROM made_person AS person
LEFT JOIN made_subject AS subject ON subject.reference = person.id
WHERE as_text(deceaseddatetime) IS NOT NULL OR lower(as_text(deceasedboolean)) = 'true'
UNION ALL
SELECT coalesce(subject.patient_id, visit.subject), ended_at, 'hospital'
FROM made_visit AS visit
LEFT JOIN made_subject AS subject ON subject.reference = visit.subject
WHERE left_dead
    AND took_place
    AND (
        as_text(ended_at) IS NOT NULL
        OR NOT EXISTS (
            FROM made_person AS person WHERE person.id = visit.subject AND as_text(person.deceaseddatetime) IS NOT NULL
        )
    )
