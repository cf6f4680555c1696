-- Empty tables, and the catalogue's names as the columns to pivot to.
CREATE TEMP TYPE variable_name AS ENUM (SELECT name FROM variable);
-- Values that follow from others, and those others.
CREATE TEMP TYPE part_name AS ENUM (
    'mv_ea', 'mv_e', 'mv_a', 'rvsp', 'tr_vmax', 'rap', 'bmi', 'weight', 'height', 'ef_bp', 'lvedv_bp', 'lvesv_bp',
    'ef_4c', 'lvedv_4c', 'lvesv_4c', 'ef_2c', 'lvedv_2c', 'lvesv_2c', 'lvef', 'av_vmax', 'lvot_vmax'
);
CREATE OR REPLACE TEMP TABLE refused (variable VARCHAR, reason VARCHAR, count BIGINT);
CREATE OR REPLACE TEMP TABLE filled (variable VARCHAR, how VARCHAR, count BIGINT);
DELETE FROM feature_filled;
DELETE FROM feature;
DELETE FROM feature_evidence;
DELETE FROM feature_count;
DELETE FROM feature_refusal;
