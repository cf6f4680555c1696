-- Evidence of life. A letter or a bill proves nothing; a contact more than 30 days after death proves that the death or
-- the number is wrong, so the patient is quarantined.
CREATE OR REPLACE TEMP TABLE last_death AS
SELECT patient_key, max(latest_date) AS latest_date
FROM death
GROUP BY patient_key;

CREATE OR REPLACE TEMP VIEW judged_contact AS
WITH said AS (
    SELECT
        as_text(patient_id) AS patient_id,
        as_moment(contact_at) AS moment,
        moment_fault(contact_at, moment) AS fault,
        lower(as_text(kind)) AS kind
    FROM source_contact
)
SELECT
    person.patient_key,
    moment - to_days(shift) AS contact_at,
    CASE WHEN kind IS NOT NULL THEN coalesce(known_kind.term, 'other') END AS kind,
    kind IS NOT NULL AND known_kind.term IS NULL AS kind_unknown,
    CASE
        WHEN said.patient_id IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN person.patient_key IS NULL THEN 'UNKNOWN_PATIENT'
        WHEN fault IS NOT NULL THEN fault
        WHEN regexp_matches(
            kind,
            'letter|mail|bill|claim|invoice|portal|message|autops|post.?mortem|organ.?don|result|no.?show|cancel|missed|deceased'
        )
            THEN 'NOT_EVIDENCE_OF_LIFE'
        WHEN CAST(moment AS DATE) - shift > latest_date + 30 THEN 'CONTACT_AFTER_DEATH'
    END AS reason
FROM said
LEFT JOIN person USING (patient_id)
LEFT JOIN last_death ON last_death.patient_key = person.patient_key
LEFT JOIN (FROM vocabulary WHERE field = 'kind') AS known_kind ON known_kind.said = split_part(kind, ' ', 1);

-- The files are read once for this: the patients to quarantine are counted one by one.
CREATE OR REPLACE TEMP TABLE judged_groups AS
SELECT
    reason,
    CASE WHEN reason = 'CONTACT_AFTER_DEATH' THEN patient_key END AS quarantined,
    kind_unknown,
    count(*) AS rows,
    min(patient_key) AS example
FROM judged_contact
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, CAST(sum(rows) AS BIGINT) AS rows, min(example) AS example
FROM judged_groups
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT 'UNKNOWN_KIND' AS reason, CAST(sum(rows) AS BIGINT) AS rows, min(example) AS example
FROM judged_groups
WHERE reason IS NULL AND kind_unknown;

INSERT INTO quarantine
SELECT DISTINCT quarantined, reason
FROM judged_groups
WHERE quarantined IS NOT NULL;

DELETE FROM contact;
INSERT INTO contact
SELECT DISTINCT patient_key, contact_at, kind
FROM judged_contact
WHERE reason IS NULL;
