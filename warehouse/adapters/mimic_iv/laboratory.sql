-- Laboratory values of the items that are read. is_bound: value or comment says less or greater than a number. A comment on a
-- value that is a number says so of that number; another one is a range of reference.
SELECT
    as_whole(subject_id) AS subject_id,
    variable,
    valuenum,
    valueuom,
    coalesce(CAST(storetime AS VARCHAR), CAST(charttime AS VARCHAR)) AS known_at,
    is_bound(value)
    OR coalesce(
        regexp_matches(upper(as_text(comments)), '^(LESS|GREATER|MORE) THAN|^[<>≤≥]')
        AND coalesce(
            TRY_CAST(as_text(value) AS DOUBLE) = TRY_CAST(regexp_extract(as_text(comments), '[0-9]+([.][0-9]+)?') AS DOUBLE),
            TRY_CAST(as_text(value) AS DOUBLE) IS NULL
        ),
        false
    ) AS is_bound
FROM raw_labevents AS labevents
JOIN map_items ON TRY_CAST(map_items.itemid AS INTEGER) = TRY_CAST(labevents.itemid AS INTEGER)
