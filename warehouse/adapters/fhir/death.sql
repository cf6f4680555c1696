-- Statements of death: deceasedDateTime, which may be a year or a month; deceasedBoolean, and a deceasedDateTime that is absent
-- for a reason (but not because there is none), deaths of unknown date; a discharge as dead (code exp, is_code_of_death, words),
-- of which one without an end adds nothing to a date; and observations (observed.sql).
SELECT coalesce(subject.patient_id, person.id) AS patient_id, deceaseddatetime AS death_date, 'record' AS source
FROM made_person AS person
LEFT JOIN made_subject AS subject ON subject.reference = 'Patient/' || person.id
WHERE as_text(deceaseddatetime) IS NOT NULL
    OR lower(as_text(deceasedboolean)) = 'true'
    OR len(
        list_filter(
            json_parts(json_text(_deceaseddatetime, '$.extension')),
            lambda one: ends_with(json_text(one, '$.url'), 'data-absent-reason')
                AND json_text(one, '$.valueCode') NOT IN ('not-applicable', 'unsupported', 'not-performed')
        )
    ) > 0
UNION ALL
SELECT coalesce(subject.patient_id, visit.subject), ended_at, 'hospital'
FROM made_visit AS visit
LEFT JOIN made_subject AS subject ON subject.reference = visit.subject
WHERE left_dead
    AND took_place
    AND (
        as_text(ended_at) IS NOT NULL
        OR NOT EXISTS (
            FROM made_person AS person WHERE 'Patient/' || person.id = visit.subject AND as_text(person.deceaseddatetime) IS NOT NULL
        )
    )
UNION ALL
SELECT coalesce(subject.patient_id, observed.subject), as_text(valuedatetime), 'record'
FROM made_observed AS observed
LEFT JOIN made_subject AS subject ON subject.reference = observed.subject
WHERE states_death AND coalesce(status NOT IN ('entered-in-error', 'cancelled', 'registered'), true)
