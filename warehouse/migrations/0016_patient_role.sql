-- The role of each patient, drawn when the patient's first study was first seen, and kept: what is recorded later changes
-- nothing. `drawn_with` is the digest of the settings that decide roles; where they change, all roles are drawn anew.
CREATE TABLE patient_role (
    patient_key VARCHAR NOT NULL,
    role VARCHAR NOT NULL,          -- 'development', 'reader', 'sealed', 'later_years' or 'heart_failure'
    drawn_with VARCHAR NOT NULL
);
