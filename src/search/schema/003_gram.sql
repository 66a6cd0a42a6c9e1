-- Bitmaps of frequent grams (search/gram.h), a block of 65 536 record ids to a row: id is number << 17 | repeated << 16 | block; bits: ids modulo 65 536, up to
-- 4 095 of them as 16-bit numbers, else a bit for each.
CREATE TABLE search_gram (id INTEGER PRIMARY KEY, bits BLOB NOT NULL);
CREATE TABLE search_gram_key (number INTEGER PRIMARY KEY, key INTEGER NOT NULL);
-- selection: counts the choices of grams, 0 none; covered: blocks below have all their bitmaps; records: how many there were when the grams were chosen.
CREATE TABLE search_gram_state (id INTEGER PRIMARY KEY CHECK (id = 1), selection INTEGER NOT NULL, covered INTEGER NOT NULL, records INTEGER NOT NULL);
INSERT INTO search_gram_state (id, selection, covered, records) VALUES (1, 0, 0, 0);
