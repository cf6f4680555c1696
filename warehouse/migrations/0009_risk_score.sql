-- The champion's risk of every study with a clip outside the development cohort: new, unlabelled and held-out studies.
-- These are the results that a site would use.
CREATE TABLE risk_score (
    study_key VARCHAR NOT NULL,
    champion VARCHAR NOT NULL,      -- id in the registry
    model VARCHAR NOT NULL,         -- 'video_ehr', 'video', a view, or 'all views' if no clip's view has a model
    clips INTEGER NOT NULL,         -- clips that were scored
    logit DOUBLE NOT NULL,
    risk DOUBLE NOT NULL,           -- of death within a year, calibrated, 0 to 1
    in_development BOOLEAN NOT NULL -- models learnt from another study of this patient
);
