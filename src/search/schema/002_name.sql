-- The token before a value of `fields` is made of the field's folded name (search/field.c), no longer of the bytes of its key: an index that has
-- such tokens for other than plain keys (those begin with two §) is made anew.
UPDATE search_state SET ready = 0 WHERE id = 1 AND EXISTS (SELECT 1 AS found FROM search_text WHERE search_text MATCH 'fields : "§§" *');
