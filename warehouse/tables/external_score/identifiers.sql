-- The numbers $texts of studies as the records have them: as they are, and without the .0 of a number that became a float.
-- Missing words are none.
SELECT text, identifier_of(as_text(text), false) AS as_written, identifier_of(as_text(text), true) AS as_whole
FROM (SELECT DISTINCT unnest($texts::VARCHAR[]) AS text);
