-- Evidence of life. A letter or a bill is not evidence. A contact more than 30 days after death means that the death or
-- the record number is wrong: the patient is quarantined.
CREATE OR REPLACE TEMP TABLE last_death AS
SELECT person_no, max(latest_date) AS latest_date
FROM death
JOIN known_person USING (patient_key)
GROUP BY person_no;

CREATE OR REPLACE TEMP TABLE checked_contact AS
WITH source_row AS (
    SELECT
        as_text(patient_id) AS patient_id,
        as_moment(contact_at) AS moment,
        moment_fault(contact_at, moment) AS fault,
        lower(as_text(kind)) AS kind
    FROM source_contact
)
SELECT
    person.person_no,
    moment - to_days(shift) AS contact_at,
    CASE WHEN kind IS NOT NULL THEN coalesce(known_kind.term, 'other') END AS kind,
    kind IS NOT NULL AND known_kind.term IS NULL AS kind_unknown,
    CASE
        WHEN source_row.patient_id IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN person.patient_key IS NULL THEN 'UNKNOWN_PATIENT'
        WHEN fault IS NOT NULL THEN fault
        WHEN regexp_matches(
            kind,
            'letter|mail|bill|claim|invoice|portal|message|autops|post.?mortem|organ.?don|result|no.?show|cancel|missed|deceased'
        )
            THEN 'NOT_EVIDENCE_OF_LIFE'
        WHEN CAST(moment AS DATE) - shift > latest_date + 30 THEN 'CONTACT_AFTER_DEATH'
    END AS reason
FROM source_row
LEFT JOIN person USING (patient_id)
LEFT JOIN last_death ON last_death.person_no = person.person_no
LEFT JOIN (FROM vocabulary WHERE field = 'kind') AS known_kind ON known_kind.source_word = split_part(kind, ' ', 1);

-- Patients to quarantine get one row each; all other rows are only counted by reason.
CREATE OR REPLACE TEMP TABLE reason_groups AS
SELECT reason, kind_unknown, quarantined, rows, patient_key AS example
FROM (
    SELECT
        reason,
        kind_unknown,
        reason IS NOT DISTINCT FROM 'CONTACT_AFTER_DEATH' AS quarantined,
        CASE WHEN quarantined THEN person_no END AS quarantined_person_no,
        count(*) AS rows,
        min(person_no) AS person_no
    FROM checked_contact
    GROUP BY ALL
)
LEFT JOIN known_person USING (person_no);

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, CAST(sum(rows) AS BIGINT) AS rows, min(example) AS example
FROM reason_groups
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT 'UNKNOWN_KIND' AS reason, CAST(sum(rows) AS BIGINT) AS rows, min(example) AS example
FROM reason_groups
WHERE reason IS NULL AND kind_unknown;

INSERT INTO quarantine
SELECT DISTINCT example, reason
FROM reason_groups
WHERE quarantined;

DELETE FROM contact;
INSERT INTO contact
SELECT patient_key, contact_at, kind
FROM (
    SELECT DISTINCT person_no, contact_at, kind
    FROM checked_contact
    WHERE reason IS NULL
    ORDER BY person_no, contact_at, kind
)
JOIN known_person USING (person_no);

DROP TABLE checked_contact;
