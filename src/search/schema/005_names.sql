-- Beside values stand the tokens of the names in them (search/name.c), the circle of 二○○三 folds to the zero 〇, and a column says the last day of a
-- date: an index made before is made anew.
UPDATE search_state SET ready = 0 WHERE id = 1 AND EXISTS (SELECT 1 AS found FROM search_column);
