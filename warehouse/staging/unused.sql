-- Notes a table of the extract that is not used, and why.
INSERT INTO conflict VALUES ($table, 'TABLE_NOT_USED', 0, 'noted', NULL);

INSERT INTO unlisted_word VALUES ($table, 'TABLE_NOT_USED', $note, 0)
