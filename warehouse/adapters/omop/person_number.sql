-- The record number of each person as in the DICOM files; person_id if there is none, and if it is no record number of another.
WITH numbered AS (
    SELECT as_whole(person_id) AS person_id, as_text(person_source_value) AS number
    FROM raw_person
)
SELECT
    person_id,
    min(
        coalesce(
            number,
            if(person_id IN (SELECT number FROM numbered WHERE number IS NOT NULL), 'person ' || person_id, person_id)
        )
    ) AS patient_id
FROM numbered
GROUP BY ALL
