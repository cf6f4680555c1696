-- The value of a variable of the connection.
SELECT getvariable($variable)
