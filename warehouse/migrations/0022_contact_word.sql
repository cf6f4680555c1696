-- The kinds and states of contacts that were set aside, with the number of rows. `word` is a kind of the closed list in
-- plain words; any other text is `#`, a keyed hash and its length: the key vault has the text.
CREATE TABLE contact_word (reason VARCHAR, word VARCHAR, rows BIGINT);
