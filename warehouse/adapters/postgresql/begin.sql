-- Every table is read as it is at one moment, and nothing can be written.
START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY
