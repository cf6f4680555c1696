-- How many of the first cells of a column are filled, are times and numbers as staging reads them, and would be if the day
-- or the month came first or the decimal sign were a comma.
SELECT
    count(cell) AS filled,
    count(as_moment(cell)) AS times,
    count(as_moment(day_first(cell))) AS day_first_times,
    count(as_moment(month_first(cell))) AS month_first_times,
    count(TRY_CAST(as_text(cell) AS DOUBLE)) AS numbers,
    count(TRY_CAST(decimal_comma(cell) AS DOUBLE)) AS comma_numbers
FROM (SELECT as_text("{column}") AS cell FROM raw_{table} LIMIT {rows})
