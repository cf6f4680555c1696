-- The forms of the cells of a canonical column that staging can't read, most frequent first, and how many a macro would
-- make readable. Every digit is a 9, every letter an a. A form of more than {longest} characters is no time or
-- number, and only its length is told.
SELECT
    CASE
        WHEN length(form) <= {longest} THEN form
        ELSE 'text of ' || length(form) || ' characters'
    END AS form,
    count(*) AS rows,
    count({reads}(helped_cell)) AS helped
FROM (
    SELECT
        {helps}(as_text({column})) AS helped_cell,
        regexp_replace(regexp_replace(as_text({column}), '[0-9]', '9', 'g'), '\p{{L}}', 'a', 'g') AS form
    FROM source_{table}
    WHERE as_text({column}) IS NOT NULL AND {reads}({column}) IS NULL
)
GROUP BY 1
ORDER BY rows DESC, form
