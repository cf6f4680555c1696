-- Tables and views of the schemas named in $1 (JSON), in that order: their name in a contract, and their qualified name
-- as the server quotes it. A schema that does not exist, or that the role may not use, has no relation.
SELECT
    wanted.schema,
    space.oid IS NOT NULL AS schema_exists,
    coalesce(pg_catalog.has_schema_privilege(space.oid, 'USAGE'), false) AS is_usable,
    relation.oid::bigint AS relation,
    lower(replace(relation.relname, '-', '_')) AS name,
    CASE WHEN relation.oid IS NOT NULL THEN format('%I.%I', space.nspname, relation.relname) END AS qualified_name
FROM pg_catalog.json_array_elements_text($1::json) WITH ORDINALITY AS wanted (schema, number)
LEFT JOIN pg_catalog.pg_namespace AS space ON space.nspname = wanted.schema
LEFT JOIN pg_catalog.pg_class AS relation
    ON relation.relnamespace = space.oid AND relation.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY wanted.number, relation.relname
