-- The warehouse's tables. Keys are pseudonyms. Dates are shifted by a keyed offset for each patient (unless the site keeps
-- them), so that only intervals within a patient are exact.

-- Health records ----------------------------------------------------------------------------------------------------
CREATE TABLE patient (
    patient_key VARCHAR NOT NULL,
    birth_date DATE,
    sex VARCHAR,                    -- 'F', 'M' or null
    race VARCHAR
);
-- All record numbers of each person, so that a file with any of them is linked to the patient.
CREATE TABLE patient_alias (alias_key VARCHAR NOT NULL, patient_key VARCHAR NOT NULL);
-- Patients whose identity or dates contradict each other: none of their studies gets a label.
CREATE TABLE quarantine (patient_key VARCHAR NOT NULL, reason VARCHAR NOT NULL);
-- One row for each statement of death: sources may disagree, and a partial date is an interval (death_date to latest_date).
CREATE TABLE death (
    patient_key VARCHAR NOT NULL,
    death_date DATE,                -- the earliest day that the statement allows; null: dead, date unknown
    precision VARCHAR NOT NULL,     -- 'day', 'month', 'year' or 'unknown'
    source VARCHAR NOT NULL,        -- 'registry', 'hospital', 'record' or 'unknown'
    latest_date DATE
);
CREATE TABLE contact (patient_key VARCHAR NOT NULL, contact_at TIMESTAMP NOT NULL, kind VARCHAR);
CREATE TABLE study (
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    study_at TIMESTAMP,
    study_year INTEGER,             -- the true calendar year, for temporal validation
    setting VARCHAR,
    modality VARCHAR
);
CREATE TABLE measurement (
    patient_key VARCHAR NOT NULL,
    study_key VARCHAR,
    variable VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    unit VARCHAR,
    measured_at TIMESTAMP NOT NULL
);
CREATE TABLE diagnosis (
    patient_key VARCHAR NOT NULL,
    vocabulary VARCHAR,
    code VARCHAR NOT NULL,          -- upper case, without the dot
    recorded_at TIMESTAMP NOT NULL
);
CREATE TABLE medication (
    patient_key VARCHAR NOT NULL,
    drug_class VARCHAR NOT NULL,
    dose DOUBLE,
    unit VARCHAR,
    started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);
-- Rows that staging could not use as they were, with the reason and what was done.
CREATE TABLE conflict (
    table_name VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    count BIGINT NOT NULL,
    action VARCHAR NOT NULL,        -- 'dropped' (the row), 'nulled' (one value), 'quarantined' (the patient), 'noted'
    example VARCHAR                 -- the pseudonym of one of the patients
);
CREATE TABLE staging_count (table_name VARCHAR NOT NULL, rows_read BIGINT, rows_staged BIGINT, rows_dropped BIGINT);
CREATE TABLE staging (adapter VARCHAR NOT NULL, dates VARCHAR NOT NULL, key_id VARCHAR NOT NULL);

-- The archive -------------------------------------------------------------------------------------------------------
CREATE TABLE dicom_instance (
    instance_key VARCHAR NOT NULL,
    folder_key VARCHAR NOT NULL,
    patient_key VARCHAR,
    study_key VARCHAR,
    accession_key VARCHAR,
    sop_key VARCHAR,
    source_digest VARCHAR,
    bytes BIGINT,
    transfer_syntax VARCHAR,
    modality VARCHAR,
    manufacturer VARCHAR,
    model VARCHAR,
    rows INTEGER,
    columns INTEGER,
    frames INTEGER,
    photometric VARCHAR,
    fps DOUBLE,
    fps_source VARCHAR,
    view VARCHAR,
    view_source VARCHAR,
    status VARCHAR NOT NULL,        -- 'accepted' or 'rejected'
    reason VARCHAR,
    note VARCHAR
);
CREATE TABLE clip (
    clip_key VARCHAR NOT NULL,
    instance_key VARCHAR NOT NULL,
    study_key VARCHAR,
    patient_key VARCHAR,
    view VARCHAR,
    fps DOUBLE,
    fps_source VARCHAR,
    frames INTEGER,
    status VARCHAR NOT NULL,        -- 'accepted' or 'rejected'
    reason VARCHAR,
    digest VARCHAR
);

-- Label, cohort, scores ---------------------------------------------------------------------------------------------
CREATE TABLE outcome (
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    days INTEGER,                   -- whole days from the study to death, else to the last evidence of life
    event BOOLEAN,
    label INTEGER,
    reason VARCHAR                  -- why there is no label
);
CREATE TABLE attrition (step INTEGER NOT NULL, reason VARCHAR NOT NULL, studies BIGINT NOT NULL, patients BIGINT NOT NULL);
CREATE TABLE cohort (
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    role VARCHAR NOT NULL,          -- 'development', 'reader', 'sealed', 'later_years' or 'heart_failure'
    fold INTEGER NOT NULL,          -- -1 outside development
    label INTEGER NOT NULL,
    days INTEGER NOT NULL,
    event BOOLEAN NOT NULL,
    headline BOOLEAN NOT NULL       -- the one study a patient that the headline figures use
);
CREATE TABLE score (
    study_key VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    fold INTEGER NOT NULL,
    view VARCHAR,
    logit DOUBLE NOT NULL
);
CREATE TABLE metric (
    evaluation VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    subset VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    n BIGINT,
    events BIGINT,
    method VARCHAR
);

-- Features: the catalogue's variables in its order ------------------------------------------------------------------
-- The time of the latest record that a study's features rest on: what the leakage check reads.
CREATE TABLE feature_evidence (
    study_key VARCHAR NOT NULL,
    latest_measured_at TIMESTAMP,   -- a value of another day or visit
    latest_own_date DATE,           -- a value measured in the study itself
    latest_diagnosed_at TIMESTAMP
);
CREATE TABLE feature_count (variable VARCHAR NOT NULL, present BIGINT NOT NULL, missing BIGINT NOT NULL);
-- Measurements that no feature may use, and why.
CREATE TABLE feature_refusal (variable VARCHAR NOT NULL, reason VARCHAR NOT NULL, count BIGINT NOT NULL);
CREATE TABLE feature (
    study_key VARCHAR NOT NULL,
    lvef DOUBLE,
    lvidd DOUBLE,
    lvids DOUBLE,
    ivsd DOUBLE,
    ivss DOUBLE,
    lvpwd DOUBLE,
    lvpws DOUBLE,
    fs DOUBLE,
    lv_mass DOUBLE,
    lvedv_bp DOUBLE,
    lvesv_bp DOUBLE,
    lvedv_4c DOUBLE,
    lvesv_4c DOUBLE,
    lvedv_2c DOUBLE,
    lvesv_2c DOUBLE,
    ef_4c DOUBLE,
    ef_2c DOUBLE,
    ef_bp DOUBLE,
    lvl_d_4c DOUBLE,
    lvot_d DOUBLE,
    lvot_vmax DOUBLE,
    lvot_vti DOUBLE,
    lvot_pg DOUBLE,
    lvot_mg DOUBLE,
    lv_sv DOUBLE,
    av_vmax DOUBLE,
    av_vti DOUBLE,
    av_mg DOUBLE,
    av_pg DOUBLE,
    ava_vti DOUBLE,
    ava_vmax DOUBLE,
    ar_pht DOUBLE,
    ar_vmax DOUBLE,
    ao_root DOUBLE,
    ao_asc DOUBLE,
    ao_stj DOUBLE,
    mv_e DOUBLE,
    mv_a DOUBLE,
    mv_ea DOUBLE,
    mv_dt DOUBLE,
    e_sep DOUBLE,
    e_lat DOUBLE,
    e_ep DOUBLE,
    mv_pht DOUBLE,
    mva_pht DOUBLE,
    mv_mg DOUBLE,
    mr_vmax DOUBLE,
    mr_eroa DOUBLE,
    la_ap DOUBLE,
    la_vol DOUBLE,
    la_area DOUBLE,
    ra_area DOUBLE,
    rv_base DOUBLE,
    tapse DOUBLE,
    tr_vmax DOUBLE,
    rap DOUBLE,
    rvsp DOUBLE,
    pv_vmax DOUBLE,
    age DOUBLE,
    sex DOUBLE,
    smoking DOUBLE,
    height DOUBLE,
    weight DOUBLE,
    heart_rate DOUBLE,
    sbp DOUBLE,
    dbp DOUBLE,
    ldl DOUBLE,
    hdl DOUBLE,
    total_chol DOUBLE,
    creatinine DOUBLE,
    sodium DOUBLE,
    potassium DOUBLE,
    hemoglobin DOUBLE,
    lymph_pct DOUBLE,
    uric_acid DOUBLE,
    bnp DOUBLE,
    ntprobnp DOUBLE,
    egfr DOUBLE,
    bun DOUBLE,
    albumin DOUBLE,
    hba1c DOUBLE,
    rdw DOUBLE,
    bmi DOUBLE,
    dx_i00 TINYINT,
    dx_i01 TINYINT,
    dx_i02 TINYINT,
    dx_i05 TINYINT,
    dx_i06 TINYINT,
    dx_i07 TINYINT,
    dx_i08 TINYINT,
    dx_i09 TINYINT,
    dx_i10 TINYINT,
    dx_i11 TINYINT,
    dx_i12 TINYINT,
    dx_i13 TINYINT,
    dx_i15 TINYINT,
    dx_i16 TINYINT,
    dx_i20 TINYINT,
    dx_i21 TINYINT,
    dx_i22 TINYINT,
    dx_i23 TINYINT,
    dx_i24 TINYINT,
    dx_i25 TINYINT,
    dx_i26 TINYINT,
    dx_i27 TINYINT,
    dx_i28 TINYINT,
    dx_i30 TINYINT,
    dx_i31 TINYINT,
    dx_i32 TINYINT,
    dx_i33 TINYINT,
    dx_i34 TINYINT,
    dx_i35 TINYINT,
    dx_i36 TINYINT,
    dx_i37 TINYINT,
    dx_i38 TINYINT,
    dx_i39 TINYINT,
    dx_i40 TINYINT,
    dx_i41 TINYINT,
    dx_i42 TINYINT,
    dx_i43 TINYINT,
    dx_i44 TINYINT,
    dx_i45 TINYINT,
    dx_i46 TINYINT,
    dx_i47 TINYINT,
    dx_i48 TINYINT,
    dx_i49 TINYINT,
    dx_i50 TINYINT,
    dx_i51 TINYINT,
    dx_i52 TINYINT,
    dx_i60 TINYINT,
    dx_i61 TINYINT,
    dx_i62 TINYINT,
    dx_i63 TINYINT,
    dx_i65 TINYINT,
    dx_i66 TINYINT,
    dx_i67 TINYINT,
    dx_i68 TINYINT,
    dx_i69 TINYINT,
    dx_i70 TINYINT,
    dx_i71 TINYINT,
    dx_i72 TINYINT,
    dx_i73 TINYINT,
    dx_i74 TINYINT,
    dx_i75 TINYINT,
    dx_i76 TINYINT,
    dx_i77 TINYINT,
    dx_i78 TINYINT,
    dx_i79 TINYINT,
    dx_i80 TINYINT,
    dx_i81 TINYINT,
    dx_i82 TINYINT,
    dx_i83 TINYINT,
    dx_i85 TINYINT,
    dx_i86 TINYINT,
    dx_i87 TINYINT,
    dx_i88 TINYINT,
    dx_i89 TINYINT,
    dx_i95 TINYINT,
    dx_i96 TINYINT,
    dx_i97 TINYINT,
    dx_i99 TINYINT,
    dx_q20 TINYINT,
    dx_q21 TINYINT,
    dx_q22 TINYINT,
    dx_q23 TINYINT,
    dx_q24 TINYINT,
    dx_q25 TINYINT,
    dx_q26 TINYINT,
    dx_q27 TINYINT,
    dx_q28 TINYINT,
    dx_e08_e13 TINYINT,
    dx_e78 TINYINT,
    dx_n18 TINYINT
);
