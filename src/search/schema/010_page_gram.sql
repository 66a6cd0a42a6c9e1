-- Bitmaps of frequent grams of pages (search/page-keep.c): which records of a block of 65 536 have the gram on their pages, and how often; id is
-- block << 32 | number of the gram.
CREATE TABLE search_gram_page (id INTEGER PRIMARY KEY, lines BLOB NOT NULL);
CREATE TABLE search_gram_page_key (number INTEGER PRIMARY KEY, key INTEGER NOT NULL);
-- Records whose pages were changed after their block was covered, with the version of the last change.
CREATE TABLE search_gram_page_stale (id INTEGER PRIMARY KEY, version INTEGER NOT NULL);
-- selection: counts the choices of grams, 0 none; records below `covered` are in the bitmaps; changes of records below `claimed` are noted as stale; maker: who
-- covers a block; pages: how many records had some when the grams were chosen; added: pages put since (one at first: perhaps there are some).
CREATE TABLE search_gram_page_state (id INTEGER PRIMARY KEY CHECK (id = 1), selection INTEGER NOT NULL, covered INTEGER NOT NULL, claimed INTEGER NOT NULL,
  maker INTEGER NOT NULL, pages INTEGER NOT NULL, added INTEGER NOT NULL);
INSERT INTO search_gram_page_state (id, selection, covered, claimed, maker, pages, added) VALUES (1, 0, 0, 0, 0, 0, 1);
