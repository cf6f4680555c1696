-- The share of studies without each variable, for variables that at least one study has; without diagnosis groups.
SELECT variable, missing / (present + missing) AS missing
FROM feature_count
WHERE present > 0 AND variable NOT LIKE 'dx\_%' ESCAPE '\'
ORDER BY missing, variable;
