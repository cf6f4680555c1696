-- How many of the first cells of a column are filled, are times and numbers as staging reads them, and would be if the day
-- or the month came first or the decimal sign were a comma. Each macro has a column for its argument, which it names several
-- times: one within the other, the plan would take most of the time.
SELECT
    count(cell) AS filled,
    count(as_moment(cell)) AS times,
    count(as_moment(day_first_cell)) AS day_first_times,
    count(as_moment(month_first_cell)) AS month_first_times,
    count(TRY_CAST(cell_text AS DOUBLE)) AS numbers,
    count(TRY_CAST(comma_cell AS DOUBLE)) AS comma_numbers
FROM (
    SELECT
        cell,
        as_text(cell) AS cell_text,
        day_first(cell) AS day_first_cell,
        month_first(cell) AS month_first_cell,
        decimal_comma(cell) AS comma_cell
    FROM (SELECT as_text("{column}") AS cell FROM raw_{table} LIMIT {rows})
)
