-- Temporary tables for the catalogue and its units, filled by features.py.
DROP TYPE IF EXISTS variable_name;
DROP TYPE IF EXISTS measured_name;
DROP TYPE IF EXISTS diagnosis_name;
CREATE OR REPLACE TEMP TABLE variable (
    name VARCHAR, source VARCHAR, window_days INTEGER, low DOUBLE, high DOUBLE, is_code BOOLEAN, code_from VARCHAR,
    code_to VARCHAR
);
CREATE OR REPLACE TEMP TABLE conversion (variable VARCHAR, unit VARCHAR, factor DOUBLE, shift DOUBLE);
CREATE OR REPLACE TEMP TABLE icd9 (prefix VARCHAR, variable VARCHAR);
CREATE OR REPLACE TEMP TABLE contradiction (smaller VARCHAR, larger VARCHAR, may_be_equal BOOLEAN);
