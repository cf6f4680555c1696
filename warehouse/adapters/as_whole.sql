-- A macro for adapters: as_whole(x) is the text of an integer identifier. 7, 7.0 and ' 7 ' give the same text; any other text
-- stays as it is: 007 is another identifier than 7, and 7.5 and 7e2 are no integers.
CREATE OR REPLACE TEMP MACRO as_whole(x) AS nullif(regexp_replace(trim(CAST(x AS VARCHAR)), '^([+-]?\d+)\.0*$', '\1'), '');
