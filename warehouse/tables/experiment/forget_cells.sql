-- Deletes some cells of an experiment.
DELETE FROM experiment_cell WHERE experiment = $experiment AND list_contains($cells, cell);
