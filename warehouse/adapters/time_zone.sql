-- Whether a time zone has this name.
SELECT count(*) FROM pg_timezone_names() WHERE name = $zone
