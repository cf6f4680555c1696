-- A unit in lower case, without blanks and with one sign for micro: as units.csv and vocabulary.csv name it.
CREATE OR REPLACE TEMP MACRO plain_unit(unit) AS replace(lower(regexp_replace(unit, '\s', '', 'g')), 'μ', 'µ');
