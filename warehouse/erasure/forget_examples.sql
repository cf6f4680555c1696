-- The accounts keep their counts without a person as an example.
UPDATE conflict SET example = NULL WHERE regexp_matches(example, $pattern)
