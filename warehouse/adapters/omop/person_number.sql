-- Persons by the record number that the pictures know; person_id where there is none.
SELECT as_whole(person_id) AS person_id, min(coalesce(as_whole(person_source_value), as_whole(person_id))) AS patient_id
FROM raw_person
GROUP BY ALL
