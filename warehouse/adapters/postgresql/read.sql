-- One table; its place and its columns as the server quotes them.
SELECT {values}
FROM {place}
