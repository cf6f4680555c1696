-- A unit in lower case, without white space and with one sign for micro, as in units.csv and vocabulary.csv.
CREATE OR REPLACE TEMP MACRO plain_unit(unit) AS replace(lower(regexp_replace(unit, '\s', '', 'g')), 'μ', 'µ');
