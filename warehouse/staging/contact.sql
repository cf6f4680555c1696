-- Evidence of life: contacts of a kind that proves presence, unless their status says that they did not take place.
-- Other kinds prove nothing and are counted by word. A contact later after death than outcome.contact_grace_days allows
-- means that the death or the record number is wrong: the patient is quarantined.
CREATE OR REPLACE TEMP TABLE last_death AS
SELECT person_no, max(latest_date) AS latest_date
FROM death
JOIN known_person USING (patient_key)
GROUP BY person_no;

CREATE OR REPLACE TEMP TABLE checked_contact AS
WITH read_row AS (
    SELECT
        patient_id,
        contact_at,
        as_moment(contact_at) AS moment,
        coalesce(lower(as_text(kind)), '') AS kind,
        lower(as_text(status)) AS status,
        -- Further words on the contact, of an adapter: one that denies presence is enough, and a plan needs its status.
        coalesce(regexp_matches(lower(as_text(detail)), getvariable('denials')), false) AS is_denied,
        coalesce(regexp_matches(lower(as_text(detail)), getvariable('plans')), false) AS is_planned
    FROM described_contact
),
source_row AS (
    SELECT *, moment_fault(contact_at, moment) AS fault
    FROM read_row
)
SELECT
    person.person_no,
    moment - to_days(shift) AS contact_at,
    contact_kind.term AS kind,
    CASE
        WHEN source_row.patient_id IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN person.patient_key IS NULL THEN 'UNKNOWN_PATIENT'
        WHEN fault IS NOT NULL THEN fault
        WHEN contact_kind.proves = 'no' OR is_denied THEN 'NOT_EVIDENCE_OF_LIFE'
        WHEN contact_status.proves = 'no' THEN 'CONTACT_DID_NOT_TAKE_PLACE'
        WHEN contact_status.proves = 'unknown' THEN 'UNKNOWN_STATUS'
        WHEN contact_kind.proves = 'unknown' AND kind = '' THEN 'MISSING_KIND'
        WHEN contact_kind.proves = 'unknown' THEN 'UNKNOWN_KIND'
        WHEN (contact_kind.proves = 'if_completed' OR is_planned) AND status IS NULL THEN 'APPOINTMENT_WITHOUT_STATUS'
        WHEN CAST(moment AS DATE) - shift > latest_date + getvariable('contact_grace_days') THEN 'CONTACT_AFTER_DEATH'
    END AS reason,
    CASE
        WHEN reason IN ('CONTACT_DID_NOT_TAKE_PLACE', 'UNKNOWN_STATUS') THEN contact_status.shown
        WHEN reason IN ('NOT_EVIDENCE_OF_LIFE', 'UNKNOWN_KIND', 'APPOINTMENT_WITHOUT_STATUS') THEN contact_kind.shown
    END AS word
FROM source_row
LEFT JOIN person USING (patient_id)
LEFT JOIN last_death ON last_death.person_no = person.person_no
LEFT JOIN contact_kind USING (kind)
LEFT JOIN contact_status USING (status);

DELETE FROM contact_word;
INSERT INTO contact_word
SELECT reason, word, count(*)
FROM checked_contact
WHERE word IS NOT NULL
GROUP BY ALL
ORDER BY ALL;

-- Patients to quarantine get one row each; all other rows are only counted by reason.
CREATE OR REPLACE TEMP TABLE reason_groups AS
SELECT reason, quarantined, rows, patient_key AS example
FROM (
    SELECT
        reason,
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
SELECT reason, rows, example
FROM tally
WHERE false;

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
