-- The studies on which a finished model may be validated: those of patients with one of $roles in the calendar years
-- $first_year to $last_year (null: any). `was_trained_on` marks studies of patients whom the model was trained on, under any
-- of their record numbers; $trained_on are those patients' keys. `has_clip` says whether the study has a clip to score.
-- One study a patient is drawn among those that can be scored, by the same order as that of the cohort:
-- `headline` among the labelled ones, `followed_headline` among all. `followed_study` comes from
-- definitions/followed_study.sql.
WITH trained_on AS (
    SELECT unnest($trained_on) AS alias_key
),
seen AS (
    SELECT alias_key AS patient_key FROM trained_on
    UNION
    SELECT patient_alias.patient_key FROM patient_alias SEMI JOIN trained_on USING (alias_key)
),
marked AS (
    SELECT
        * EXCLUDE (role, headline, followed_headline, study_year),
        CAST(study_year AS VARCHAR) AS year,
        patient_key IN (SELECT patient_key FROM seen) AS was_trained_on,
        study_key IN (SELECT study_key FROM clip WHERE status = 'accepted' AND study_key IS NOT NULL) AS has_clip
    FROM followed_study
    WHERE list_contains($roles, role)
        AND ($first_year IS NULL OR study_year >= $first_year)
        AND ($last_year IS NULL OR study_year <= $last_year)
)
SELECT
    *,
    row_number() OVER (
        PARTITION BY patient_key ORDER BY label IS NULL, NOT (has_clip OR NOT $needs_clips), md5($salt || '|headline|' || study_key)
    ) = 1 AND label IS NOT NULL AS headline,
    row_number() OVER (
        PARTITION BY patient_key ORDER BY NOT (has_clip OR NOT $needs_clips), md5($salt || '|headline|' || study_key)
    ) = 1 AS followed_headline
FROM marked
ORDER BY study_key;
