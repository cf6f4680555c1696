-- The features of the studies of one shard of patients (those whose number leaves $shard when divided by $shards): each
-- value is the last that was known at the study. Tables by number come from feature_begin.sql; `variable` (name, source,
-- window_days, low, high, code_from, code_to) and `contradiction` (smaller, larger) from the catalogue.

-- Measured in the study itself: the mean of repeats. A value dated after the study's own day is not of the study.
CREATE OR REPLACE TEMP TABLE own_value AS
SELECT
    study_no,
    variable,
    window_days,
    avg(value ORDER BY measured_at, value) AS value,
    max(CAST(measured_at AS DATE)) AS latest_own_date
FROM converted
JOIN numbered_study USING (study_no)
WHERE converted.patient_no % $shards = $shard
    AND value IS NOT NULL
    AND CAST(measured_at AS DATE) <= CAST(study_at AS DATE)
GROUP BY ALL;

-- Known at one time: the mean of values with one time, so that the last one is one. It is the last one known from the
-- first moment at or after it until a later one is known, or it is older than its window.
CREATE OR REPLACE TEMP TABLE known_value AS
WITH measured AS (
    SELECT patient_no, variable, window_days, measured_at, avg(value ORDER BY value) AS value
    FROM converted
    WHERE patient_no % $shards = $shard AND value IS NOT NULL AND (window_days > 0 OR study_no IS NULL)
    GROUP BY ALL
)
SELECT
    measured.*,
    first.moment_no AS known_from,
    least(last.moment_no, lead(first.moment_no) OVER (PARTITION BY measured.patient_no, variable ORDER BY measured_at) - 1)
        AS known_to
FROM measured
ASOF JOIN moment AS first ON first.patient_no = measured.patient_no AND first.study_at >= measured_at
ASOF JOIN moment AS last
    ON last.patient_no = measured.patient_no AND last.study_at < CAST(measured_at AS DATE) + window_days + 1
QUALIFY known_from <= known_to;

-- The last value at or before the study, no older than its window, of what the study itself lacks.
CREATE OR REPLACE TEMP TABLE last_value_known AS
SELECT study_no, variable, value, measured_at
FROM (SELECT unnest(range(known_from, known_to + 1)) AS moment_no, variable, value, measured_at FROM known_value)
JOIN numbered_study USING (moment_no)
ANTI JOIN own_value USING (study_no, variable);

-- What an echo lacks and the patient's other echoes gave: carried forward from the last one, no older than $carry_days
-- ($between 'prospective'), or on the straight line between the one before and the one after ('paper': it knows the later
-- echo, so that nothing of the kind is possible at the bedside).
CREATE OR REPLACE TEMP TABLE echo_value AS
SELECT patient_no, variable, moment_no, avg(value ORDER BY value) AS value
FROM own_value
JOIN numbered_study USING (study_no)
WHERE window_days = 0 AND $between <> 'none'
GROUP BY ALL;

-- The last echo with a value before each that lacks it: its value reaches every moment after it, up to and with the next
-- echo that has one (where two echoes have one time, one of them may lack what the other has).
CREATE OR REPLACE TEMP TABLE value_before AS
WITH before AS (
    SELECT
        echo_value.*,
        moment.study_at,
        CASE $between
            WHEN 'prospective' THEN least(carried_to, lead(moment_no) OVER later)
            WHEN 'paper' THEN lead(moment_no) OVER later
        END AS before_to
    FROM echo_value
    JOIN moment USING (moment_no)
    WINDOW later AS (PARTITION BY echo_value.patient_no, variable ORDER BY moment_no)
)
SELECT study_no, lacking.patient_no, lacking.moment_no, lacking.study_at, variable, earlier, earlier_at
FROM (
    SELECT unnest(range(moment_no + 1, before_to + 1)) AS moment_no, variable, value AS earlier, study_at AS earlier_at
    FROM before
)
JOIN numbered_study AS lacking USING (moment_no)
ANTI JOIN own_value USING (study_no, variable)
ANTI JOIN last_value_known USING (study_no, variable);

CREATE OR REPLACE TEMP TABLE filled_value AS
SELECT study_no, variable, earlier AS value, earlier_at, 'CARRIED_FORWARD' AS how
FROM value_before
WHERE $between = 'prospective'
UNION ALL
SELECT
    study_no,
    known.variable,
    earlier + (after.value - earlier) * epoch(known.study_at - earlier_at) / epoch(moment.study_at - earlier_at),
    earlier_at,
    'INTERPOLATED_TO_A_LATER_ECHO'
FROM (FROM value_before WHERE $between = 'paper') AS known
ASOF JOIN echo_value AS after
    ON after.patient_no = known.patient_no
    AND after.variable = known.variable
    AND after.moment_no > known.moment_no
JOIN moment ON moment.moment_no = after.moment_no;

INSERT INTO filled
SELECT variable, how, count(*) FROM filled_value GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE chosen_value AS
SELECT study_no, variable, value, latest_own_date, NULL AS measured_at FROM own_value
UNION ALL
SELECT study_no, variable, value, NULL, measured_at FROM last_value_known
UNION ALL
SELECT study_no, variable, value, NULL, earlier_at FROM filled_value;

-- Two values of one study that can't both be right, for instance a systolic pressure below the diastolic: neither is
-- taken.
CREATE OR REPLACE TEMP TABLE contradicted AS
SELECT DISTINCT one.study_no, unnest([one.variable, other.variable]) AS variable
FROM (
    SELECT study_no, variable, value, CAST(larger AS measured_name) AS larger
    FROM chosen_value
    JOIN contradiction ON CAST(smaller AS measured_name) = variable
) AS one
JOIN chosen_value AS other ON other.study_no = one.study_no AND other.variable = one.larger
WHERE one.value >= other.value;

INSERT INTO refused
SELECT variable, 'CONTRADICTS_ANOTHER', count(*) FROM contradicted GROUP BY variable;

-- Long to wide, all of the catalogue's columns always: a study's values as two lists, asked by name.
INSERT INTO feature BY NAME
SELECT
    study_key,
    values[list_position(variables, COLUMNS(measured.*))],
    CASE study.sex WHEN 'M' THEN 1 WHEN 'F' THEN 0 END AS sex,
    CASE WHEN age BETWEEN low AND high THEN age END AS age,
    CAST(coalesce(COLUMNS(diagnosed.* EXCLUDE (patient_key)) <= study_at, false) AS TINYINT)
FROM (
    SELECT *, (CAST(study_at AS DATE) - birth_date) / 365.25 AS age
    FROM numbered_study
    LEFT JOIN patient USING (patient_key)
    WHERE patient_no % $shards = $shard
) AS study
LEFT JOIN (
    SELECT study_no, list(variable) AS variables, list(value) AS values
    FROM chosen_value
    ANTI JOIN contradicted USING (study_no, variable)
    GROUP BY study_no
) AS known USING (study_no)
LEFT JOIN diagnosed USING (patient_key)
CROSS JOIN measured
JOIN variable ON variable.name = 'age';

-- How late the latest record is that these features rest on.
INSERT INTO feature_evidence
SELECT study_key, latest_measured_at, latest_own_date, latest_diagnosed_at
FROM (FROM numbered_study WHERE patient_no % $shards = $shard) AS study
LEFT JOIN (
    SELECT study_no, max(measured_at) AS latest_measured_at, max(latest_own_date) AS latest_own_date
    FROM chosen_value
    GROUP BY study_no
) USING (study_no)
LEFT JOIN moment USING (moment_no);
