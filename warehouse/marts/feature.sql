-- The features of the studies of one shard of patients (those whose key begins with $shard): each value is the last that
-- was known at the study. `variable` (name, source, window_days, low, high, code_from, code_to) and `conversion`
-- (variable, unit, factor, shift), `icd9` (prefix, variable) and `contradiction` (smaller, larger) come from the catalogue.

-- Studies of the shard. Without a time nothing can be said to lie before.
CREATE OR REPLACE TEMP TABLE shard_study AS
SELECT study_key, patient_key, study_at
FROM study
WHERE starts_with(patient_key, $shard);

-- Values in the catalogue's unit. One whose unit is unknown, or missing where that is ambiguous, is refused, never guessed;
-- one outside the limits is null, never clipped.
CREATE OR REPLACE TEMP TABLE converted AS
SELECT
    measurement.patient_key,
    measurement.study_key,
    measurement.variable,
    measurement.measured_at,
    measurement.value * conversion.factor + conversion.shift AS value,
    CASE
        WHEN variable.name IS NULL THEN 'UNKNOWN_VARIABLE'
        WHEN variable.source <> 'measurement' THEN 'NOT_A_MEASUREMENT'
        WHEN conversion.unit IS NULL AND plain_unit(measurement.unit) = '' THEN 'MISSING_UNIT'
        WHEN conversion.unit IS NULL THEN 'UNKNOWN_UNIT'
        WHEN NOT measurement.value * conversion.factor + conversion.shift BETWEEN variable.low AND variable.high
            OR (is_code AND measurement.value <> floor(measurement.value))
            THEN 'OUTSIDE_LIMITS'
    END AS refusal
FROM measurement
LEFT JOIN variable ON variable.name = measurement.variable
LEFT JOIN conversion ON conversion.variable = measurement.variable AND conversion.unit = plain_unit(measurement.unit)
WHERE starts_with(measurement.patient_key, $shard);

INSERT INTO refused
SELECT CASE WHEN refusal = 'UNKNOWN_VARIABLE' THEN 'other' ELSE variable END, refusal, count(*)
FROM converted
WHERE refusal IS NOT NULL
GROUP BY ALL;

-- Measured in the study itself: the mean of repeats (of a code such as smoking: 1 where any says so). A value dated after
-- the study's own day is not of the study; nor is one that an echo does not measure, dated after the study's own time.
CREATE OR REPLACE TEMP TABLE own_value AS
SELECT
    converted.study_key,
    variable,
    CASE WHEN is_code THEN max(value) ELSE avg(value ORDER BY measured_at, value) END AS value,
    max(CAST(measured_at AS DATE)) AS latest_own_date
FROM converted
JOIN shard_study USING (study_key)
JOIN variable ON variable.name = converted.variable
WHERE refusal IS NULL
    AND CAST(measured_at AS DATE) <= CAST(study_at AS DATE)
    AND (window_days = 0 OR measured_at <= study_at)
GROUP BY converted.study_key, variable, is_code;

-- Known at one time: the mean of values with one time, so that the last one is one.
CREATE OR REPLACE TEMP TABLE known_value AS
SELECT
    converted.patient_key,
    variable,
    window_days,
    measured_at,
    CASE WHEN is_code THEN max(value) ELSE avg(value ORDER BY value) END AS value
FROM converted
JOIN variable ON variable.name = converted.variable
WHERE refusal IS NULL AND (window_days > 0 OR study_key IS NULL)
GROUP BY converted.patient_key, variable, window_days, measured_at, is_code;

-- The last value at or before the study, no older than its window.
CREATE OR REPLACE TEMP TABLE last_value_known AS
SELECT asked.study_key, asked.variable, known_value.value, known_value.measured_at
FROM (
    SELECT study_key, patient_key, study_at, variable
    FROM shard_study
    CROSS JOIN (SELECT DISTINCT variable FROM known_value)
) AS asked
ASOF JOIN known_value
    ON known_value.patient_key = asked.patient_key
    AND known_value.variable = asked.variable
    AND known_value.measured_at <= asked.study_at
WHERE CAST(asked.study_at AS DATE) - CAST(known_value.measured_at AS DATE) <= known_value.window_days;

-- What an echo lacks and the patient's other echoes gave: carried forward from the last one, no older than $carry_days
-- ($between 'prospective'), or on the straight line between the one before and the one after ('paper': it knows the later
-- echo, so that nothing of the kind is possible at the bedside).
CREATE OR REPLACE TEMP TABLE echo_value AS
SELECT patient_key, variable, study_at, avg(own_value.value ORDER BY own_value.value) AS value
FROM own_value
JOIN shard_study USING (study_key)
JOIN variable ON variable.name = own_value.variable
WHERE window_days = 0
GROUP BY ALL;

-- The last echo with a value before each that lacks it.
CREATE OR REPLACE TEMP TABLE value_before AS
SELECT lacking.*, before.value AS earlier, before.study_at AS earlier_at
FROM (
    SELECT study_key, patient_key, study_at, variable
    FROM shard_study
    JOIN (
        SELECT patient_key, variable, min(study_at) AS first_at FROM echo_value WHERE $between <> 'none' GROUP BY ALL
    ) USING (patient_key)
    ANTI JOIN own_value USING (study_key, variable)
    ANTI JOIN last_value_known USING (study_key, variable)
    WHERE study_at > first_at
) AS lacking
ASOF JOIN echo_value AS before
    ON before.patient_key = lacking.patient_key
    AND before.variable = lacking.variable
    AND before.study_at < lacking.study_at
WHERE $between = 'paper' OR CAST(lacking.study_at AS DATE) - CAST(before.study_at AS DATE) <= $carry_days;

CREATE OR REPLACE TEMP TABLE filled_value AS
SELECT study_key, variable, earlier AS value, earlier_at, 'CARRIED_FORWARD' AS how
FROM value_before
WHERE $between = 'prospective'
UNION ALL
SELECT
    study_key,
    known.variable,
    earlier + (after.value - earlier) * epoch(known.study_at - earlier_at) / epoch(after.study_at - earlier_at),
    earlier_at,
    'INTERPOLATED_TO_A_LATER_ECHO'
FROM (FROM value_before WHERE $between = 'paper') AS known
ASOF JOIN echo_value AS after
    ON after.patient_key = known.patient_key
    AND after.variable = known.variable
    AND after.study_at > known.study_at;

INSERT INTO filled
SELECT variable, how, count(*) FROM filled_value GROUP BY ALL;

-- Diagnosis groups on record at the study.
CREATE OR REPLACE TEMP TABLE own_diagnosis AS
WITH first_recorded AS (
    SELECT patient_key, variable.name AS variable, min(recorded_at) AS recorded_at
    FROM diagnosis
    JOIN variable ON left(code, 3) BETWEEN code_from AND code_to
    WHERE vocabulary = 'ICD10CM' AND starts_with(patient_key, $shard)
    GROUP BY ALL
    UNION ALL
    SELECT patient_key, icd9.variable, min(recorded_at)
    FROM diagnosis
    JOIN icd9 ON left(code, 3) = left(prefix, 3) AND starts_with(code, prefix)
    WHERE vocabulary = 'ICD9CM' AND starts_with(patient_key, $shard)
    GROUP BY ALL
)
SELECT study_key, variable, min(recorded_at) AS recorded_at
FROM shard_study
JOIN first_recorded USING (patient_key)
WHERE recorded_at <= study_at
GROUP BY study_key, variable;

-- Long to wide, all of the catalogue's columns always.
CREATE OR REPLACE TEMP TABLE chosen_value AS
SELECT study_key, variable, value FROM own_value
UNION ALL
SELECT study_key, variable, value FROM last_value_known ANTI JOIN own_value USING (study_key, variable)
UNION ALL
SELECT study_key, variable, value FROM filled_value
UNION ALL
SELECT study_key, variable, 1 FROM own_diagnosis
UNION ALL
SELECT study_key, 'sex', CASE sex WHEN 'M' THEN 1 WHEN 'F' THEN 0 END
FROM shard_study
JOIN patient USING (patient_key)
UNION ALL
-- A birthday lies up to a day beside its multiple of 365.25 days.
SELECT study_key, 'age', CASE WHEN age BETWEEN low - 0.0028 AND high + 0.0028 THEN least(greatest(age, low), high) END
FROM (
    SELECT study_key, (CAST(study_at AS DATE) - birth_date) / 365.25 AS age
    FROM shard_study
    JOIN patient USING (patient_key)
)
JOIN variable ON variable.name = 'age';

-- Two values of one study that can't both be right, for instance a systolic pressure below the diastolic: neither is
-- taken; but what another echo gave yields to what this one measured.
CREATE OR REPLACE TEMP TABLE contradicted AS
WITH opposed AS (
    SELECT study_key, smaller, larger
    FROM contradiction
    JOIN chosen_value AS one ON one.variable = smaller
    JOIN chosen_value AS other USING (study_key)
    WHERE other.variable = larger AND (one.value > other.value OR (one.value = other.value AND NOT may_be_equal))
)
SELECT DISTINCT study_key, opposed.variable
FROM (
    SELECT study_key, smaller AS variable, larger AS opponent FROM opposed
    UNION ALL
    SELECT study_key, larger, smaller FROM opposed
) AS opposed
LEFT JOIN filled_value AS own USING (study_key, variable)
LEFT JOIN filled_value AS theirs ON theirs.study_key = opposed.study_key AND theirs.variable = opponent
WHERE own.study_key IS NOT NULL OR theirs.study_key IS NULL;

-- What follows from other values of the same study and does not: a ratio, an area, a pressure, a fraction.
CREATE OR REPLACE TEMP TABLE measured_part AS
SELECT *
FROM (
    PIVOT (
        FROM (FROM chosen_value WHERE variable IN (SELECT unnest(enum_range(NULL::part_name))::VARCHAR))
        ANTI JOIN contradicted USING (study_key, variable)
        ANTI JOIN filled_value USING (study_key, variable)
    )
    ON variable IN part_name
    USING any_value(value)
    GROUP BY study_key
);

CREATE OR REPLACE TEMP TABLE disagreeing AS
SELECT study_key, unnest([
    CASE WHEN abs(mv_ea - mv_e / mv_a) > 0.1 * mv_e / mv_a THEN 'mv_ea' END,
    CASE WHEN abs(rvsp - (4 * tr_vmax ** 2 + rap)) > 5 THEN 'rvsp' END,
    CASE WHEN abs(bmi - weight / (height / 100) ** 2) > 0.1 * bmi THEN 'bmi' END,
    CASE WHEN abs(ef_bp - 100 * (lvedv_bp - lvesv_bp) / lvedv_bp) > 15 THEN 'ef_bp' END,
    CASE WHEN abs(ef_4c - 100 * (lvedv_4c - lvesv_4c) / lvedv_4c) > 15 THEN 'ef_4c' END,
    CASE WHEN abs(ef_2c - 100 * (lvedv_2c - lvesv_2c) / lvedv_2c) > 15 THEN 'ef_2c' END
]) AS variable
FROM measured_part;

INSERT INTO contradicted
SELECT study_key, variable FROM disagreeing WHERE variable IS NOT NULL;

INSERT INTO refused
SELECT variable, 'CONTRADICTS_ANOTHER', count(*) FROM contradicted GROUP BY variable
UNION ALL
-- Kept: the reported fraction is the reader's, and a flow may be faster before the valve than in it.
SELECT 'lvef', 'UNLIKELY_BESIDE_ANOTHER', count_if(abs(lvef - 100 * (lvedv_bp - lvesv_bp) / lvedv_bp) > 15) FROM measured_part
UNION ALL
SELECT 'av_vmax', 'UNLIKELY_BESIDE_ANOTHER', count_if(av_vmax < lvot_vmax) FROM measured_part;

INSERT INTO feature BY NAME
SELECT
    COLUMNS(lambda name: NOT starts_with(name, 'dx_')),
    coalesce(COLUMNS('(dx_.*)'), 0) AS '\1'
FROM (SELECT study_key FROM shard_study)
LEFT JOIN (
    PIVOT (FROM chosen_value ANTI JOIN contradicted USING (study_key, variable))
    ON variable IN variable_name
    USING any_value(value)
    GROUP BY study_key
) USING (study_key)
ORDER BY study_key;

-- How late the latest record is that these features rest on.
INSERT INTO feature_evidence
SELECT shard_study.study_key, latest_measured_at, latest_own_date, latest_diagnosed_at
FROM shard_study
LEFT JOIN (
    SELECT study_key, max(measured_at) AS latest_measured_at
    FROM (
        SELECT study_key, measured_at FROM last_value_known ANTI JOIN own_value USING (study_key, variable)
        UNION ALL
        SELECT study_key, earlier_at FROM filled_value
    )
    GROUP BY study_key
) USING (study_key)
LEFT JOIN (SELECT study_key, max(latest_own_date) AS latest_own_date FROM own_value GROUP BY study_key) USING (study_key)
LEFT JOIN (
    SELECT study_key, max(recorded_at) AS latest_diagnosed_at
    FROM own_diagnosis
    GROUP BY study_key
) USING (study_key)
ORDER BY shard_study.study_key;
