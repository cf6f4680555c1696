-- One batch of it.
INSERT INTO copied_{table} BY NAME
FROM arriving
