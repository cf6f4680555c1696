-- All rows of one table; its name and its columns are quoted by the server.
SELECT {values}
FROM {relation}
