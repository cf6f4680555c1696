-- Telephone calls and post prove nothing: said with their number.
SELECT 'contact' AS table_name, 'NOT_FACE_TO_FACE' AS reason, count(*) AS rows
FROM raw_encounters
WHERE class IN ('TEL', 'POST')
