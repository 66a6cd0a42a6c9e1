-- Bitmaps of grams of pages: eight blocks to a row, so that those of one gram stand together; id is number of the eight << 32 | number of the gram; lines: a length
-- (16 bits) for each of the eight, then what it has of each. Those made before are made anew.
DELETE FROM search_gram_page;
DELETE FROM search_gram_page_key;
DELETE FROM search_gram_page_stale;
UPDATE search_gram_page_state SET selection = 0, covered = 0, claimed = 0, maker = 0, pages = 0, added = 1;
