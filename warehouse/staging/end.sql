-- Drops the temporary views and tables of staging, and with them the identifiers.
DROP VIEW IF EXISTS checked_diagnosis;
DROP VIEW IF EXISTS checked_medication;
DROP TABLE IF EXISTS checked_patient;
DROP TABLE IF EXISTS checked_person;
DROP TABLE IF EXISTS checked_death;
DROP TABLE IF EXISTS checked_study;
DROP TABLE IF EXISTS reason_groups;
DROP TABLE IF EXISTS known_person;
DROP TABLE IF EXISTS known_study;
DROP TABLE IF EXISTS last_death;
DROP TABLE IF EXISTS tally;
DROP TABLE IF EXISTS nulled;
DROP TABLE IF EXISTS vocabulary;
DROP TABLE IF EXISTS study_number;
DROP TABLE IF EXISTS person;
