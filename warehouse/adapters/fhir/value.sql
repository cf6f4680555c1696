-- Every value of every observation, with its variable and the reason why it is not read (null: it is). A result of the
-- laboratory is known when it is issued, and so is what has no category; what is measured at the patient is known at
-- once. What states a death is read by death.sql.
SELECT
    part.subject,
    part.code AS concept,
    measured_in.study_id,
    said.variable,
    coalesce(
        json_text(quantity, '$.value'),
        CASE WHEN TRY_CAST(part.plain AS DOUBLE) IS NOT NULL THEN part.plain END,
        answer.value,
        part.plain,
        json_text(part.answer, '$.text'),
        json_text(part.answer, '$.coding[0].display'),
        'code ' || json_text(part.answer, '$.coding[0].code')
    ) AS value,
    CASE
        WHEN regexp_matches(json_text(quantity, '$.system'), 'unitsofmeasure|2\.16\.840\.1\.113883\.6\.8$')
            THEN coalesce(json_text(quantity, '$.code'), json_text(quantity, '$.unit'))
        ELSE coalesce(json_text(quantity, '$.unit'), json_text(quantity, '$.code'))
    END AS unit,
    CASE
        WHEN is_of_the_patient OR said.variable IN (SELECT name FROM map_variables WHERE window_days = '0')
            THEN coalesce(effective_at, issued_at)
        ELSE coalesce(issued_at, effective_at)
    END AS measured_at,
    CASE
        WHEN status = 'entered-in-error' THEN 'ENTERED_IN_ERROR'
        WHEN status IN ('cancelled', 'registered') THEN 'OBSERVATION_WITHOUT_RESULT'
        WHEN said.variable IS NULL OR is_told AND answer.value IS NULL THEN 'OBSERVATION_NOT_IN_CATALOGUE'
        WHEN json_text(quantity, '$.comparator') IS NOT NULL THEN 'VALUE_IS_A_BOUND'
        WHEN measured_in.observation_id IS NOT NULL AND measured_in.study_id IS NULL THEN 'NOT_A_RESTING_TRANSTHORACIC_STUDY'
    END AS reason
FROM made_part AS part
LEFT JOIN made_said AS said ON said.concept = part.code
LEFT JOIN made_measured_in AS measured_in ON measured_in.observation_id = part.id
LEFT JOIN made_answer AS answer
    ON answer.variable = said.variable
    AND answer.answer IS NOT DISTINCT FROM if(is_told, part.code, part.answer)
    AND answer.plain IS NOT DISTINCT FROM part.plain
    AND quantity IS NULL
    AND NOT (is_told AND coalesce(part.answer, part.plain, 'true') <> 'true')
WHERE (NOT coalesce(is_further, false) OR (answer.value IS NOT NULL AND reason IS NULL))
    AND NOT (states_death AND (reason IS NULL OR reason = 'OBSERVATION_NOT_IN_CATALOGUE'))
