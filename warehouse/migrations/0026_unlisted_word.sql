-- The words of columns of codes that are on no list (units, names of variables, vocabularies, concepts ...), but for kinds and
-- states of contacts, with the number of rows. `word` is a code of a closed vocabulary; any other text is `#`, a keyed hash and
-- its length: the key vault has the text.
CREATE TABLE unlisted_word (table_name VARCHAR, reason VARCHAR, word VARCHAR, rows BIGINT);
