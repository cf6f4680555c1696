-- The features of the studies of one shard of patients (patient_no modulo $shards = $shard): each value is the last one
-- known at the study's cutoff. The numbered tables come from feature_begin.sql; `variable` (name, source, window_days, low, high,
-- is_code, code_from, code_to) and `contradiction` (smaller, larger, may_be_equal) come from the catalogue.

-- Values measured in the study: the mean of repeats. A value dated after the study's day does not belong to the study;
-- neither does a variable that is not an echo measurement (window_days > 0), if dated after the study's time. One of the
-- study's day belongs to it if it or the study has no time: the source says so by the study's number.
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
    AND (window_days = 0 OR measured_at <= study_at OR of_unknown_order(measured_at, study_at))
GROUP BY ALL;

-- Other values: the mean of values with the same time, so that there is one last value. It is the last one known from the
-- first moment at or after it was known (known_from) until a later value is known or its window ends (known_to).
CREATE OR REPLACE TEMP TABLE known_value AS
WITH measured AS (
    SELECT patient_no, variable, window_days, measured_at, known_at, avg(value ORDER BY value) AS value
    FROM converted
    WHERE patient_no % $shards = $shard
        AND value IS NOT NULL
        AND CASE WHEN window_days > 0 THEN $outside = 'before' ELSE study_no IS NULL END
    GROUP BY ALL
)
SELECT
    measured.*,
    first.moment_no AS known_from,
    least(last.moment_no, lead(first.moment_no) OVER (PARTITION BY measured.patient_no, variable ORDER BY known_at) - 1)
        AS known_to
FROM measured
ASOF JOIN moment AS first ON first.patient_no = measured.patient_no AND first.cutoff >= known_at
ASOF JOIN moment AS last
    ON last.patient_no = measured.patient_no AND last.cutoff < CAST(measured_at AS DATE) + window_days + 1
QUALIFY known_from <= known_to;

-- With $outside 'nearest', values from outside the study (window_days > 0) may be later than it, by at most $outside_days
-- days, as they may be earlier. A value is the nearest one from half way between it and the value before (near_from) to half
-- way between it and the value after (near_to); half way, the earlier one. Both are twice the time in microseconds, so that
-- half ways are whole numbers.
CREATE OR REPLACE TEMP TABLE nearest_value AS
WITH measured AS (
    SELECT patient_no, variable, measured_at, avg(value ORDER BY value) AS value
    FROM converted
    WHERE $outside = 'nearest' AND patient_no % $shards = $shard AND value IS NOT NULL AND window_days > 0
    GROUP BY ALL
),
reach AS (
    SELECT
        *,
        greatest(
            epoch_us(lag(measured_at) OVER by_time) + epoch_us(measured_at) + 1,
            2 * epoch_us(CAST(CAST(measured_at AS DATE) - $outside_days AS TIMESTAMP))
        ) AS near_from,
        least(
            epoch_us(measured_at) + epoch_us(lead(measured_at) OVER by_time),
            2 * epoch_us(CAST(CAST(measured_at AS DATE) + $outside_days + 1 AS TIMESTAMP)) - 1
        ) AS near_to
    FROM measured
    WINDOW by_time AS (PARTITION BY patient_no, variable ORDER BY measured_at)
),
numbered AS (
    SELECT moment_no, patient_no, 2 * epoch_us(cutoff) AS twice
    FROM moment
)
SELECT reach.variable, reach.value, reach.measured_at, first.moment_no AS known_from, last.moment_no AS known_to
FROM reach
ASOF JOIN numbered AS first ON first.patient_no = reach.patient_no AND first.twice >= near_from
ASOF JOIN numbered AS last ON last.patient_no = reach.patient_no AND last.twice <= near_to
WHERE known_from <= known_to;

-- The last value at or before the study within its window, or the nearest (outside_at), for variables that were not measured
-- in the study.
CREATE OR REPLACE TEMP TABLE last_value_known AS
SELECT study_no, variable, value, measured_at, known_at, outside_at
FROM (
    SELECT
        unnest(range(known_from, known_to + 1)) AS moment_no,
        variable,
        value,
        measured_at,
        known_at,
        CAST(NULL AS TIMESTAMP) AS outside_at
    FROM known_value
    UNION ALL
    SELECT unnest(range(known_from, known_to + 1)), variable, value, NULL, NULL, measured_at
    FROM nearest_value
)
JOIN numbered_study USING (moment_no)
ANTI JOIN own_value USING (study_no, variable);

-- Values for variables that an echo lacks, from the patient's other echoes. With $between 'prospective', the value of the
-- last echo is carried forward for at most $carry_days. With 'paper', it is interpolated linearly between the echo before
-- and the echo after; this uses a later echo, which is impossible in clinical use.
CREATE OR REPLACE TEMP TABLE echo_value AS
SELECT patient_no, variable, moment_no, avg(value ORDER BY value) AS value
FROM own_value
JOIN numbered_study USING (study_no)
WHERE window_days = 0 AND $between <> 'none'
GROUP BY ALL;

-- The last earlier echo with the value, for each echo that lacks it. A value reaches every moment that is later for certain,
-- up to and with the next echo that has one (of two echoes at that time, one may lack the value). Of the echoes of a day,
-- one without a time counts as the last.
CREATE OR REPLACE TEMP TABLE value_before AS
WITH reach AS (
    SELECT
        echo_value.*,
        moment.cutoff,
        later_from,
        CASE $between
            WHEN 'prospective' THEN least(carried_to, lead(later_from) OVER later - 1)
            WHEN 'paper' THEN lead(later_from) OVER later - 1
        END AS before_to
    FROM echo_value
    JOIN moment USING (moment_no)
    WINDOW later AS (PARTITION BY echo_value.patient_no, variable ORDER BY later_from, has_time(study_at) DESC, moment_no)
)
SELECT study_no, lacking.patient_no, lacking.moment_no, lacking.cutoff, variable, earlier, earlier_at
FROM (
    SELECT unnest(range(later_from, before_to + 1)) AS moment_no, variable, value AS earlier, cutoff AS earlier_at
    FROM reach
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
    earlier + (after.value - earlier) * epoch(known.cutoff - earlier_at) / epoch(moment.cutoff - earlier_at),
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

-- Codes and grades: the mean of several answers is none. It is rounded up (1 for yes if any answer is yes), and a value
-- between two echoes is rounded to the nearest.
CREATE OR REPLACE TEMP TABLE chosen_value AS
SELECT
    study_no,
    variable,
    CASE
        WHEN variable IN (SELECT CAST(name AS measured_name) FROM variable WHERE is_code AND source = 'measurement')
            THEN CASE WHEN is_filled THEN round(value) ELSE ceil(value) END
        ELSE value
    END AS value,
    latest_own_date,
    measured_at,
    known_at,
    outside_at,
    is_filled
FROM (
    SELECT
        study_no,
        variable,
        value,
        latest_own_date,
        NULL AS measured_at,
        NULL AS known_at,
        NULL AS outside_at,
        false AS is_filled
    FROM own_value
    UNION ALL
    SELECT study_no, variable, value, NULL, measured_at, known_at, outside_at, false FROM last_value_known
    UNION ALL
    SELECT study_no, variable, value, NULL, earlier_at, earlier_at, NULL, true FROM filled_value
);

-- Two values of one study that can't both be right, for example a systolic pressure below the diastolic: neither is used.
-- If one of them comes from another echo, only that one is left out.
CREATE OR REPLACE TEMP TABLE contradicted AS
WITH opposed AS (
    SELECT
        low_value.study_no,
        low_value.variable AS smaller,
        low_value.larger,
        low_value.is_filled AS smaller_filled,
        high_value.is_filled AS larger_filled
    FROM (
        SELECT chosen_value.*, CAST(larger AS measured_name) AS larger, may_be_equal
        FROM chosen_value
        JOIN contradiction ON CAST(smaller AS measured_name) = variable
    ) AS low_value
    JOIN chosen_value AS high_value
        ON high_value.study_no = low_value.study_no AND high_value.variable = low_value.larger
    WHERE low_value.value > high_value.value OR (low_value.value = high_value.value AND NOT may_be_equal)
)
SELECT study_no, smaller AS variable FROM opposed WHERE smaller_filled OR NOT larger_filled
UNION
SELECT study_no, larger FROM opposed WHERE larger_filled OR NOT smaller_filled;

-- Values that can be computed from others of the same study (a ratio, a pressure, an index, a fraction), and differ.
CREATE OR REPLACE TEMP TABLE measured_part AS
SELECT
    study_no,
    any_value(value) FILTER (variable = 'mv_ea') AS mv_ea,
    any_value(value) FILTER (variable = 'mv_e') AS mv_e,
    any_value(value) FILTER (variable = 'mv_a') AS mv_a,
    any_value(value) FILTER (variable = 'rvsp') AS rvsp,
    any_value(value) FILTER (variable = 'tr_vmax') AS tr_vmax,
    any_value(value) FILTER (variable = 'rap') AS rap,
    any_value(value) FILTER (variable = 'bmi') AS bmi,
    any_value(value) FILTER (variable = 'weight') AS weight,
    any_value(value) FILTER (variable = 'height') AS height,
    any_value(value) FILTER (variable = 'ef_bp') AS ef_bp,
    any_value(value) FILTER (variable = 'ef_4c') AS ef_4c,
    any_value(value) FILTER (variable = 'ef_2c') AS ef_2c,
    100 * (1 - any_value(value) FILTER (variable = 'lvesv_bp') / any_value(value) FILTER (variable = 'lvedv_bp')) AS of_bp,
    100 * (1 - any_value(value) FILTER (variable = 'lvesv_4c') / any_value(value) FILTER (variable = 'lvedv_4c')) AS of_4c,
    100 * (1 - any_value(value) FILTER (variable = 'lvesv_2c') / any_value(value) FILTER (variable = 'lvedv_2c')) AS of_2c,
    any_value(value) FILTER (variable = 'lvef') AS lvef,
    any_value(value) FILTER (variable = 'av_vmax') AS av_vmax,
    any_value(value) FILTER (variable = 'lvot_vmax') AS lvot_vmax
FROM (
    FROM chosen_value
    WHERE NOT is_filled
        AND variable IN (
            'mv_ea', 'mv_e', 'mv_a', 'rvsp', 'tr_vmax', 'rap', 'bmi', 'weight', 'height', 'ef_bp', 'lvedv_bp', 'lvesv_bp',
            'ef_4c', 'lvedv_4c', 'lvesv_4c', 'ef_2c', 'lvedv_2c', 'lvesv_2c', 'lvef', 'av_vmax', 'lvot_vmax'
        )
)
ANTI JOIN contradicted USING (study_no, variable)
GROUP BY study_no;

INSERT INTO contradicted
SELECT study_no, CAST(variable AS measured_name)
FROM (
    SELECT study_no, unnest([
        CASE WHEN abs(mv_ea - mv_e / mv_a) > 0.1 * mv_e / mv_a THEN 'mv_ea' END,
        CASE WHEN abs(rvsp - (4 * (tr_vmax / 100) ** 2 + rap)) > 5 THEN 'rvsp' END,
        CASE WHEN abs(bmi - weight / (height / 100) ** 2) > 0.1 * bmi THEN 'bmi' END,
        CASE WHEN abs(ef_bp - of_bp) > 15 THEN 'ef_bp' END,
        CASE WHEN abs(ef_4c - of_4c) > 15 THEN 'ef_4c' END,
        CASE WHEN abs(ef_2c - of_2c) > 15 THEN 'ef_2c' END
    ]) AS variable
    FROM measured_part
)
WHERE variable IS NOT NULL;

INSERT INTO refused
SELECT variable, 'CONTRADICTS_ANOTHER', count(*) FROM contradicted GROUP BY variable
UNION ALL
-- Counted but kept: the reported fraction is the reader's judgement, and flow may be faster before the valve than in it.
SELECT 'lvef', 'UNLIKELY_BESIDE_ANOTHER', count_if(abs(lvef - of_bp) > 15) FROM measured_part
UNION ALL
SELECT 'av_vmax', 'UNLIKELY_BESIDE_ANOTHER', count_if(av_vmax < lvot_vmax) FROM measured_part;

-- Values of the study's day whose order is unknown (definitions/moment.sql), counted once for each study and variable: left
-- out, or with $same_day 'before' used as if they were earlier.
INSERT INTO refused
SELECT variable, CASE $same_day WHEN 'exclude' THEN 'SAME_DAY_WITHOUT_TIME' ELSE 'SAME_DAY_TAKEN_AS_BEFORE' END, count(*)
FROM (
    SELECT DISTINCT study.study_no, variable
    FROM converted
    JOIN numbered_study AS study
        ON study.patient_no = converted.patient_no AND of_unknown_order(measured_at, study.study_at)
    ANTI JOIN own_value ON own_value.study_no = study.study_no AND own_value.variable = converted.variable
    WHERE converted.patient_no % $shards = $shard
        AND value IS NOT NULL
        -- The nearest value may be later: its order is not asked for.
        AND CASE WHEN window_days > 0 THEN $outside = 'before' ELSE converted.study_no IS NULL END
)
GROUP BY variable;

-- Long to wide, always with all columns of the catalogue. The values of a study are two lists, which are looked up by the
-- name of the variable. A site may name a variable as any column here: those of other tables are qualified.
INSERT INTO feature BY NAME
SELECT
    study.study_key,
    known.values[list_position(known.variables, COLUMNS(measured.*))],
    CASE study.sex WHEN 'M' THEN 1 WHEN 'F' THEN 0 END AS sex,
    CASE
        WHEN is_of_age(study.age, variable.low, variable.high)
            THEN least(greatest(study.age, variable.low), variable.high)
    END AS age,
    CAST(coalesce(COLUMNS(diagnosed.* EXCLUDE (patient_key)) <= study.cutoff, false) AS TINYINT)
FROM (
    SELECT *, years_between(birth_date, study_at) AS age
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

-- The latest records that the features of each study were made from.
INSERT INTO feature_evidence
SELECT study_key, latest_measured_at, latest_own_date, latest_diagnosed_at, latest_outside_at
FROM (FROM numbered_study WHERE patient_no % $shards = $shard) AS study
LEFT JOIN (
    SELECT
        study_no,
        arg_max(measured_at, known_at) AS latest_measured_at,
        max(latest_own_date) AS latest_own_date,
        max(outside_at) AS latest_outside_at
    FROM chosen_value
    GROUP BY study_no
) USING (study_no)
LEFT JOIN moment USING (moment_no);
