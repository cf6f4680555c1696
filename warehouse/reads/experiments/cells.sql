-- The results of the experiment $experiment, one row for each of its cells.
FROM experiment_cell
WHERE experiment = $experiment
ORDER BY cell;
