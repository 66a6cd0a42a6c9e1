-- Sums are made in four lanes (search/column.c): rows of bitmaps are made anew; a chunk has its sum again when it is next written, or compared.
UPDATE search_column SET sum = NULL;
DELETE FROM search_gram;
DELETE FROM search_gram_key;
UPDATE search_gram_state SET selection = 0, covered = 0, records = 0;
DELETE FROM search_gram_page;
DELETE FROM search_gram_page_key;
DELETE FROM search_gram_page_stale;
UPDATE search_gram_page_state SET selection = 0, covered = 0, claimed = 0, maker = 0, pages = 0, added = 1;
