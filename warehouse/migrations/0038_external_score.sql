-- Scores of models that were made elsewhere, which a file of sources.external_scores holds.
CREATE TABLE external_score (
    study_key VARCHAR NOT NULL,
    model VARCHAR NOT NULL,         -- 'external:<name of the file>'
    logit DOUBLE NOT NULL           -- log odds of death within the horizon, as the file says
);
-- What became of the rows of each file.
CREATE TABLE external_score_count (
    model VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,       -- why rows were set aside, 'used', and of these 'out_of_fold' and 'in_other_fold'
    rows BIGINT NOT NULL
);
