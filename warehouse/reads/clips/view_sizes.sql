-- The commonest size of frames, by view, among the files that may give a clip: read without error from the header, and
-- linked to a study. Ties: the larger area, then more rows. Row 'unknown' is of all loops: the size for loops whose view
-- no tag names.
WITH loop AS (
    SELECT instance.view, instance.rows, instance.columns
    FROM dicom_instance AS instance
    JOIN instance_link AS link USING (instance_key)
    WHERE instance.status = 'accepted' AND link.status = 'accepted'
),
counted AS (
    SELECT view, rows, columns, count(*) AS loops FROM loop WHERE view <> 'unknown' GROUP BY ALL
    UNION ALL
    SELECT 'unknown', rows, columns, count(*) FROM loop GROUP BY rows, columns
)
SELECT view, rows, columns
FROM counted
QUALIFY row_number() OVER (PARTITION BY view ORDER BY loops DESC, rows * columns DESC, rows DESC) = 1
ORDER BY view;
