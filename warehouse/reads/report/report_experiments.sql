-- The cells of the experiments that the report shows: views by networks, and the learning curve.
SELECT *
FROM experiment_cell
WHERE experiment IN ('figure2', 'figure5')
ORDER BY experiment, cell;
