-- asset: study
-- also: patient, measurement
-- never: A row of the extract lost in staging.
-- Rows of the extract that were neither staged nor counted as dropped.
SELECT count(*) AS offending
FROM staging_count
LEFT JOIN (
    SELECT table_name, sum(count) AS dropped
    FROM conflict
    WHERE action = 'dropped'
    GROUP BY table_name
) USING (table_name)
WHERE rows_read <> rows_staged + rows_dropped OR rows_dropped <> coalesce(dropped, 0)
