-- The inputs of the clinical scores for every study, named like the arguments of their functions. Only data known at the
-- study are used ($same_day: see definitions/moment.sql). A drug or disease that is not on record is taken as absent; other missing values stay null.
WITH drug (drug_class, role, furosemide_per_mg) AS (
    VALUES  -- a diuretic class counts as its most used drug; factors as in echomort.clinical_scores.scores.shfm.FUROSEMIDE_PER_MG
        ('ace_inhibitor', 'acei', NULL),
        ('arb', 'arb', NULL),
        ('beta_blocker', 'bb', NULL),
        ('calcium_channel_blocker', 'antihypertensive', NULL),
        ('potassium_sparing_diuretic', 'mra', NULL),
        ('statin', 'statin', NULL),
        ('allopurinol', 'allo', NULL),
        ('loop_diuretic', 'loop', 1),
        ('furosemide', 'loop', 1),
        ('torsemide', 'loop', 2),
        ('bumetanide', 'loop', CAST(80 AS DOUBLE) / 3),
        ('thiazide', 'thiazide', 3.2),
        ('hydrochlorothiazide', 'thiazide', 3.2),
        ('metolazone', 'thiazide', 40)
),

-- Drugs taken at the study. An end after the study was not known yet, and counts like a missing end.
taken AS (
    SELECT
        study_key,
        drug.role,
        drug.furosemide_per_mg * CASE unit WHEN 'mg/d' THEN dose WHEN 'g/d' THEN 1000 * dose END AS furosemide,
        drug.furosemide_per_mg IS NOT NULL AS is_diuretic
    FROM study
    JOIN medication USING (patient_key)
    JOIN drug USING (drug_class)
    WHERE known_at(started_at, $same_day) <= cutoff_at(study_at, $same_day)
        AND (ended_at IS NULL OR known_at(ended_at, $same_day) > cutoff_at(study_at, $same_day))
),

-- One row for each study with one of these drugs. If a diuretic has no daily dose in mg or g, the total dose is null.
treatment AS (
    SELECT
        study_key,
        bool_or(role = 'statin') AS statin,
        bool_or(role = 'acei') AS acei,
        bool_or(role = 'arb') AS arb,
        bool_or(role = 'bb') AS bb,
        bool_or(role = 'mra') AS mra,
        bool_or(role = 'allo') AS allo,
        bool_or(role IN ('acei', 'arb', 'bb', 'mra', 'thiazide', 'antihypertensive')) AS bp_treated,
        CASE
            WHEN bool_or(is_diuretic AND furosemide IS NULL) THEN NULL
            ELSE coalesce(sum(furosemide ORDER BY furosemide), 0)
        END AS furo
    FROM taken
    GROUP BY study_key
),

-- Diseases outside the 90 diagnosis groups, and the first record of heart failure (ICD-10-CM, ICD-9-CM).
disease AS (
    SELECT
        study_key,
        min(recorded_at) FILTER (is_heart_failure(vocabulary, code)) AS heart_failure_since,
        bool_or(
            (vocabulary = 'ICD10CM' AND left(code, 3) BETWEEN 'J41' AND 'J44')
            OR (vocabulary = 'ICD9CM' AND left(code, 3) IN ('491', '492', '496'))
        ) AS copd,
        bool_or(
            (vocabulary = 'ICD10CM' AND code = 'Z95810') OR (vocabulary = 'ICD9CM' AND code = 'V4502')
        ) AS defibrillator
    FROM study
    JOIN diagnosis USING (patient_key)
    WHERE known_at(recorded_at, $same_day) <= cutoff_at(study_at, $same_day)
    GROUP BY study_key
),

-- Only these variables: a site may name one of its own as any other column here.
described_study AS (
    SELECT
        feature.study_key,
        feature.sex,
        feature.age,
        feature.lvef,
        feature.ef_bp,
        feature.sbp,
        feature.total_chol,
        feature.hdl,
        feature.smoking,
        feature.current_smoker,
        feature.weight,
        feature.height,
        feature.bmi,
        feature.creatinine,
        feature.egfr,
        feature.sodium,
        feature.hemoglobin,
        feature.lymph_pct,
        feature.uric_acid,
        feature.nyha,
        feature.dx_e08_e13,
        feature.dx_i20,
        feature.dx_i21,
        feature.dx_i22,
        feature.dx_i23,
        feature.dx_i24,
        feature.dx_i25,
        CASE feature.sex WHEN 1 THEN 'M' WHEN 0 THEN 'F' END AS sex_code,
        patient.race,
        study.study_at
    FROM feature
    JOIN study USING (study_key)
    LEFT JOIN patient USING (patient_key)
)

SELECT
    study_key,
    sex_code AS sex,
    feature.sex AS male,
    race,
    whole_years(age) AS age,  -- like the scores' limits
    coalesce(lvef, ef_bp) AS ef,
    sbp,
    total_chol AS tc,
    total_chol AS chol,
    hdl,
    -- The scores ask who smokes now.
    coalesce(current_smoker, smoking) AS smoker,
    dx_e08_e13 AS diabetes,
    weight AS wt,
    coalesce(bmi, weight / (height / 100) ** 2) AS bmi,
    creatinine * 88.4 AS creat_umol,
    -- CKD-EPI 2021 without race (Inker 2021, doi 10.1056/NEJMoa2102953)
    coalesce(
        egfr,
        142
        * least(creatinine / CASE feature.sex WHEN 1 THEN 0.9 WHEN 0 THEN 0.7 END, 1)
        ** CASE feature.sex WHEN 1 THEN -0.302 WHEN 0 THEN -0.241 END
        * greatest(creatinine / CASE feature.sex WHEN 1 THEN 0.9 WHEN 0 THEN 0.7 END, 1) ** -1.200
        * 0.9938 ** age
        * CASE feature.sex WHEN 0 THEN 1.012 WHEN 1 THEN 1 END
    ) AS egfr,
    sodium AS na,
    hemoglobin AS hgb,
    lymph_pct AS lymph,
    uric_acid AS ua,
    round(nyha) AS nyha,
    CAST(greatest(dx_i20, dx_i21, dx_i22, dx_i23, dx_i24, dx_i25) AS INTEGER) AS isch,
    CAST(coalesce(copd, false) AS INTEGER) AS copd,
    CASE WHEN defibrillator THEN 'icd' ELSE 'none' END AS dev,
    CAST(study_at < heart_failure_since + INTERVAL 18 MONTH AS INTEGER) AS first_dx_lt18m,
    CAST(coalesce(bp_treated, false) AS INTEGER) AS bp_treated,
    CAST(coalesce(statin, false) AS INTEGER) AS statin,
    CAST(coalesce(acei, false) AS INTEGER) AS acei,
    CAST(coalesce(arb, false) AS INTEGER) AS arb,
    CAST(coalesce(bb, false) AS INTEGER) AS bb,
    CAST(coalesce(mra, false) AS INTEGER) AS mra,
    CAST(coalesce(allo, false) AS INTEGER) AS allo,
    CASE WHEN treatment.study_key IS NULL THEN 0 ELSE furo END AS furo,
    CAST(NOT coalesce(bb, false) AS INTEGER) AS no_bb,
    CAST(NOT coalesce(acei OR arb, false) AS INTEGER) AS no_acei_arb,
    heart_failure_since IS NOT NULL AS heart_failure
FROM described_study AS feature
LEFT JOIN treatment USING (study_key)
LEFT JOIN disease USING (study_key)
ORDER BY study_key
