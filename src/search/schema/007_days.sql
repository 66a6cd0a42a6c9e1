-- Beside values that are dates stand the tokens of their days (search/day.c): an index made before is made anew.
UPDATE search_state SET ready = 0 WHERE id = 1 AND EXISTS (SELECT 1 AS found FROM search_column);
