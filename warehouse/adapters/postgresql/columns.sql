-- The columns of the relation $1: their name in lower case, whether the role may read them, whether they are timestamps
-- with time zone (a domain counts as its base type), and the expression that reads them as text. A timestamp with time
-- zone is read as the local time of the session's zone.
WITH RECURSIVE type AS (
    SELECT oid AS of, oid AS base FROM pg_catalog.pg_type
    UNION ALL
    SELECT type.of, domain.typbasetype
    FROM type
    JOIN pg_catalog.pg_type AS domain ON domain.oid = type.base AND domain.typtype = 'd'
),
named AS (
    SELECT
        attnum,
        attname,
        pg_catalog.has_column_privilege(attrelid, attnum, 'SELECT') AS is_readable,
        EXISTS (SELECT FROM type WHERE of = atttypid AND base = 'timestamptz'::pg_catalog.regtype) AS is_timestamptz
    FROM pg_catalog.pg_attribute
    WHERE attrelid = $1::bigint::pg_catalog.oid AND attnum > 0 AND NOT attisdropped
)
SELECT
    lower(attname) AS name,
    is_readable,
    is_timestamptz,
    format(
        CASE WHEN is_timestamptz THEN '(%I AT TIME ZONE current_setting(''TimeZone''))::text' ELSE '%I::text' END, attname
    ) AS expression
FROM named
ORDER BY attnum
