-- Writes every table of a database file into a new one: what was deleted stays in free blocks of the old one.
ATTACH $old AS old_file (READ_ONLY);
ATTACH $new AS new_file;
COPY FROM DATABASE old_file TO new_file;
DETACH new_file;
DETACH old_file;
