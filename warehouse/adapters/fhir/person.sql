-- The newest version of each patient.
SELECT id, identifier, birthdate, gender, deceasedboolean, deceaseddatetime, _deceaseddatetime, link, extension
FROM raw_patient
WHERE resourcetype = 'Patient'
QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_patient)) = 1
