-- Full text: contentless, tokens made by search/ and separated by spaces (the built-in tokenizer `ascii` passes them unchanged).
-- search_title and search_text: rowid is the record's id. search_page: rowid is record id << 16 | page.
CREATE VIRTUAL TABLE search_title USING fts5 (title, content = '', columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE search_text USING fts5 (creator, code, docno, fields, content = '', columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE search_page USING fts5 (text, content = '', columnsize = 0, tokenize = 'ascii');
-- Terms are gathered in memory up to this many bytes before they are written: about what the processor's cache holds; more is slower.
INSERT INTO search_title (search_title, rank) VALUES ('hashsize', 4194304);
INSERT INTO search_text (search_text, rank) VALUES ('hashsize', 4194304);
INSERT INTO search_page (search_page, rank) VALUES ('hashsize', 8388608);
-- A load leaves many small segments, joined afterwards; a save must not be the one that joins them all.
INSERT INTO search_title (search_title, rank) VALUES ('crisismerge', 64);
INSERT INTO search_text (search_text, rank) VALUES ('crisismerge', 64);
INSERT INTO search_page (search_page, rank) VALUES ('crisismerge', 64);

-- The columns in memory (search.h: SearchColumns), 512 records to a row, with their codes (NUL-terminated) for sorting.
CREATE TABLE search_column (chunk INTEGER PRIMARY KEY, lines BLOB NOT NULL, codes BLOB NOT NULL);

-- version: counts the transactions that changed the index, so that a reader knows which state of the columns belongs to its snapshot.
-- ready: 0 while the index is being rebuilt.
CREATE TABLE search_state (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, ready INTEGER NOT NULL);
INSERT INTO search_state (id, version, ready) VALUES (1, 1, 1);
