-- What the champion says of every study with a clip that models do not learn from: new ones, unlabelled ones, those kept
-- apart. These are the figures that a site would use.
CREATE TABLE risk_score (
    study_key VARCHAR NOT NULL,
    champion VARCHAR NOT NULL,      -- id in the registry
    model VARCHAR NOT NULL,         -- 'video_ehr', 'video', a view, or 'all views' where no clip's view has a model
    clips INTEGER NOT NULL,         -- clips that were scored
    logit DOUBLE NOT NULL,
    risk DOUBLE NOT NULL,           -- of death within a year, calibrated, 0 to 1
    in_development BOOLEAN NOT NULL -- models learnt from another study of this patient
);
