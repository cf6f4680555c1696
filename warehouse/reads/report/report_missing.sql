-- Share of studies without each variable, for those that some study has.
SELECT variable, missing / (present + missing) AS missing
FROM feature_count
WHERE present > 0 AND variable NOT LIKE 'dx\_%' ESCAPE '\'
ORDER BY missing, variable;
