-- The record number of each person as in the DICOM files; person_id if there is none.
SELECT as_whole(person_id) AS person_id, min(coalesce(as_text(person_source_value), as_whole(person_id))) AS patient_id
FROM raw_person
GROUP BY ALL
