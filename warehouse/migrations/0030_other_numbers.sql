-- Further numbers of a header's patient and study (OtherPatientIDs, StudyID, those of orders): tag:pseudonym, separated by
-- spaces.
ALTER TABLE dicom_instance ADD COLUMN other_keys VARCHAR;
