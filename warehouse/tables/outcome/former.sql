-- The labels before they are made anew, for label_changes.sql.
CREATE OR REPLACE TEMP TABLE former_outcome AS SELECT study_key, label FROM outcome
