-- One cell of an experiment of the preprint: a model, or a cross-validation of models, and its AUC.
CREATE TABLE experiment_cell (
    experiment VARCHAR NOT NULL,
    cell VARCHAR NOT NULL,
    view VARCHAR,                   -- a view; all_views; NULL: no video
    network VARCHAR,                -- NULL: none
    picture VARCHAR,                -- clips; a variant of them; clips+flow
    variables VARCHAR NOT NULL,     -- none; ten; method (all 158)
    horizon_days INTEGER NOT NULL,
    most_patients INTEGER,          -- limit of the patients that are trained on; NULL: all
    evaluated VARCHAR NOT NULL,     -- folds; survey
    auc DOUBLE,
    auc_low DOUBLE,
    auc_high DOUBLE,
    fold_low DOUBLE,
    fold_high DOUBLE,
    patients INTEGER,
    deaths INTEGER,
    trained_patients INTEGER,
    reason VARCHAR                  -- why the cell has no figure; NULL where it has one
);
