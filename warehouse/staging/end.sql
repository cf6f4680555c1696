-- Identifiers leave the connection with the views and keys that staging used.
DROP VIEW IF EXISTS judged_diagnosis;
DROP VIEW IF EXISTS judged_medication;
DROP TABLE IF EXISTS judged_patient;
DROP TABLE IF EXISTS judged_person;
DROP TABLE IF EXISTS judged_death;
DROP TABLE IF EXISTS judged_study;
DROP TABLE IF EXISTS judged_groups;
DROP TABLE IF EXISTS known_person;
DROP TABLE IF EXISTS known_study;
DROP TABLE IF EXISTS last_death;
DROP TABLE IF EXISTS tally;
DROP TABLE IF EXISTS nulled;
DROP TABLE IF EXISTS vocabulary;
DROP TABLE IF EXISTS echo;
DROP TABLE IF EXISTS person;
