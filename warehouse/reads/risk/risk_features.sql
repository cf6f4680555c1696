-- The features of some studies, in a fixed order; and the age itself (_age), which `age` lacks where it is not an adult's.
SELECT _row.*, coalesce(_row.age, (CAST(study.study_at AS DATE) - patient.birth_date) / 365.25) AS _age
FROM feature AS _row  -- no variable's name begins with _
JOIN study USING (study_key)
LEFT JOIN patient USING (patient_key)
WHERE list_contains($studies, _row.study_key)
ORDER BY _row.study_key;
