-- A unit in lower case, without white space, with one sign for micro and without remarks in braces, as in units.csv and
-- vocabulary.csv (plain_unit of echomort/ehr/clean.py).
CREATE OR REPLACE TEMP MACRO plain_unit(unit) AS
    regexp_replace(
        regexp_replace(
            replace(lower(regexp_replace(unit, '\s', '', 'g')), 'μ', 'µ'),
            '([^/{}])\{[^}]*\}',
            '\1',
            'g'
        ),
        '^\{[^}]*\}/',
        '/'
    )
