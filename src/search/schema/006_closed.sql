-- Values of fields that a category keeps from those who see open records only: an index of their own, with rowid and tokens as in search_text. An index made
-- before, where they stand among the others, is made anew.
CREATE VIRTUAL TABLE search_closed USING fts5 (fields, content = '', columnsize = 0, tokenize = 'ascii');
INSERT INTO search_closed (search_closed, rank) VALUES ('hashsize', 4194304);
INSERT INTO search_closed (search_closed, rank) VALUES ('crisismerge', 64);
UPDATE search_state SET ready = 0 WHERE id = 1 AND EXISTS (SELECT 1 AS found FROM search_column);
