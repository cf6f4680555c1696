-- The numbers $texts of studies as the records have them: as they are, and without the .0 of a number that became a float.
-- Missing words are none.
SELECT text, as_identifier(text, false) AS as_written, as_identifier(text, true) AS as_whole
FROM (SELECT DISTINCT unnest($texts::VARCHAR[]) AS text);
