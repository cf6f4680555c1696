-- What the linkage reads, and nothing else: every value that it uses, once.
SELECT
    (SELECT max(hash(study_key, patient_key, study_at)) FROM study),
    (SELECT max(hash(patient_key, contact_at)) FROM contact),
    (SELECT max(hash(patient_key, death_date, latest_date)) FROM death)
