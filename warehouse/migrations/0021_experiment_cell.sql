-- The results of the experiments of the preprint: one row for each cell of an experiment's grid.
CREATE TABLE experiment_cell (
    experiment       VARCHAR NOT NULL,
    cell             VARCHAR NOT NULL,  -- the cell's name, unique in its experiment
    view             VARCHAR,           -- a view, 'all_views', or NULL: no video
    network          VARCHAR,           -- NULL: no network (the trees, or a random guess)
    picture          VARCHAR,           -- 'clips', the name of a variant of the clips, 'clips+flow', or NULL: no video
    variables        VARCHAR NOT NULL,  -- of the health record: 'none', 'ten' or 'method' (all 158)
    horizon_days     INTEGER NOT NULL,
    most_patients    INTEGER,           -- patients that were trained on at most; NULL: all
    evaluated        VARCHAR NOT NULL,  -- 'folds': out of fold; 'survey': on the survey set
    auc              DOUBLE,
    auc_low          DOUBLE,            -- DeLong's interval
    auc_high         DOUBLE,
    fold_low         DOUBLE,            -- the lowest and the highest AUC within a fold
    fold_high        DOUBLE,
    patients         INTEGER,           -- evaluated, one study each
    deaths           INTEGER,
    trained_patients INTEGER,
    reason           VARCHAR            -- why the cell has no figure, and the remedy
);
