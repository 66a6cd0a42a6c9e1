-- Bitmaps of grams say of each record whether it has the gram once, twice, three times at least: id is number << 18 | times << 16 | block. Those made before are
-- made anew, block after block.
DELETE FROM search_gram;
DELETE FROM search_gram_key;
UPDATE search_gram_state SET selection = 0, covered = 0, records = 0;
