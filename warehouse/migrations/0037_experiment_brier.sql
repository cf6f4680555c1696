-- What an experiment says beside the AUC: the error of the risks, and what the training cost.
ALTER TABLE experiment_cell ADD COLUMN brier DOUBLE;          -- with weights for censoring; NULL: no risk, or not judged so
ALTER TABLE experiment_cell ADD COLUMN brier_of_none DOUBLE;  -- of one risk for all: Kaplan-Meier's share of deaths
ALTER TABLE experiment_cell ADD COLUMN cpu_seconds DOUBLE;    -- of the training; NULL: nothing was trained, or not measured
