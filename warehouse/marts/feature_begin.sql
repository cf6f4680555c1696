-- Empty tables, and the catalogue's names as the columns to pivot to.
CREATE TEMP TYPE variable_name AS ENUM (SELECT name FROM variable);
CREATE OR REPLACE TEMP TABLE refused (variable VARCHAR, reason VARCHAR, count BIGINT);
CREATE OR REPLACE TEMP TABLE filled (variable VARCHAR, how VARCHAR, count BIGINT);
DELETE FROM feature_filled;
DELETE FROM feature;
DELETE FROM feature_evidence;
DELETE FROM feature_count;
DELETE FROM feature_refusal;
