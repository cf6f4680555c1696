-- Whether the records or a header name one of the record numbers $patients.
SELECT
    EXISTS (FROM patient_alias WHERE list_contains($patients, alias_key) OR list_contains($patients, patient_key))
    OR EXISTS (FROM dicom_instance WHERE list_contains($patients, patient_key))
