-- Notes a table of the extract that is not used.
INSERT INTO conflict VALUES ($table, 'TABLE_NOT_USED', 0, 'noted', NULL)
