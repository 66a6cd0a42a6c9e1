-- A second set of the tables of full text, empty but while the index is made anew beside the one that is asked (search/put.c, heal.c): at the end the two change
-- names. Joining goes on while it is filled in small pieces.
CREATE VIRTUAL TABLE search_made_title USING fts5 (title, content = '', columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE search_made_text USING fts5 (creator, code, docno, fields, content = '', columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE search_made_closed USING fts5 (fields, content = '', columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE search_made_page USING fts5 (text, content = '', columnsize = 0, tokenize = 'ascii');
INSERT INTO search_made_title (search_made_title, rank) VALUES ('hashsize', 4194304);
INSERT INTO search_made_text (search_made_text, rank) VALUES ('hashsize', 4194304);
INSERT INTO search_made_closed (search_made_closed, rank) VALUES ('hashsize', 4194304);
INSERT INTO search_made_page (search_made_page, rank) VALUES ('hashsize', 8388608);
INSERT INTO search_made_title (search_made_title, rank) VALUES ('crisismerge', 64);
INSERT INTO search_made_text (search_made_text, rank) VALUES ('crisismerge', 64);
INSERT INTO search_made_closed (search_made_closed, rank) VALUES ('crisismerge', 64);
INSERT INTO search_made_page (search_made_page, rank) VALUES ('crisismerge', 64);
