-- The keys of all objects of NDJSON files.
SELECT column_name
FROM (DESCRIBE FROM read_ndjson($path, sample_size = -1, union_by_name = true, maximum_depth = 1))
