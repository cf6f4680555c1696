-- Records after the end of the data, and by how many days; and the days between the last record and all others, where it alone
-- decides on the studies of a year or more. No row where there is neither, or no common end.
SELECT records, days, CASE WHEN lone_days > 365 THEN lone_days END AS lone_days
FROM late_record
WHERE records > 0 OR lone_days > 365
