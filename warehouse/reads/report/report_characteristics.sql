-- The characteristics of each patient at one study, without keys: the headline study or, for patients without any labelled
-- study, the one of the figures that allow for censoring (its label is null).
SELECT
    followed.role,
    followed.label,
    feature.age,
    CASE patient.sex WHEN 'F' THEN 1 WHEN 'M' THEN 0 END AS women,
    feature.smoking,
    feature.bmi,
    feature.heart_rate,
    feature.sbp,
    feature.dbp,
    feature.lvef,
    feature.lvidd,
    feature.la_vol,
    feature.e_ep,
    feature.tapse,
    feature.rvsp,
    feature.creatinine,
    feature.egfr,
    feature.sodium,
    feature.potassium,
    feature.hemoglobin,
    feature.albumin,
    feature.ntprobnp,
    feature.ldl,
    feature.dx_i10,
    feature.dx_i21,
    feature.dx_i25,
    feature.dx_i34,
    feature.dx_i35,
    feature.dx_i42,
    feature.dx_i48,
    feature.dx_i50,
    feature.dx_i63,
    feature.dx_e08_e13,
    feature.dx_e78,
    feature.dx_n18
FROM followed
JOIN patient ON patient.patient_key = followed.patient_key
LEFT JOIN feature USING (study_key)
WHERE followed.headline
    OR (
        followed.label IS NULL
        AND followed.followed_headline
        AND followed.patient_key NOT IN (SELECT patient_key FROM cohort)
    )
ORDER BY followed.study_key;
