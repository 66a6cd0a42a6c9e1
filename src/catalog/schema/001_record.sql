-- Descriptions, the files kept for them and the text of their pages. Few secondary indexes: the speed of a load hangs on them.
CREATE TABLE category (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  definition TEXT NOT NULL
);

CREATE TABLE retention_term (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
);
INSERT INTO retention_term (id, text) VALUES (1, '永久'), (2, '30年'), (3, '10年'), (4, '长期'), (5, '短期'), (6, '定期30年'), (7, '定期10年'),
  (8, '定期'), (9, '60年'), (10, '50年'), (11, '20年'), (12, '15年'), (13, '5年'), (14, 'Y'), (15, 'D30'), (16, 'D10');

-- The last value given: 'record' and 'file' for ids, 'rev' for records' revisions.
CREATE TABLE sequence (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
);
INSERT INTO sequence (name, value) VALUES ('record', 0), ('file', 0), ('rev', 0);

CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  rev INTEGER NOT NULL,
  parent_id INTEGER NOT NULL,
  fonds_id INTEGER NOT NULL,
  accession_id INTEGER NOT NULL,
  level INTEGER NOT NULL,
  category INTEGER NOT NULL,
  security INTEGER NOT NULL,
  opening INTEGER NOT NULL,
  code TEXT NOT NULL,
  title TEXT NOT NULL,
  creator TEXT NOT NULL,
  docno TEXT NOT NULL,
  date_text TEXT NOT NULL,
  date_from INTEGER NOT NULL,
  date_to INTEGER NOT NULL,
  year INTEGER NOT NULL,
  retention INTEGER NOT NULL,
  page_count INTEGER NOT NULL,
  file_count INTEGER NOT NULL,
  fields TEXT NOT NULL
);
CREATE UNIQUE INDEX record_code ON record (code, fonds_id);
CREATE INDEX record_parent ON record (parent_id, code);
-- A fonds' code is unique by itself (its fonds_id is its own id); costs other levels nothing.
CREATE UNIQUE INDEX record_fonds ON record (code) WHERE level = 1;

CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  record_id INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  mime TEXT NOT NULL,
  puid TEXT NOT NULL,
  kind TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha512 TEXT NOT NULL,
  sm3 TEXT NOT NULL,
  page_count INTEGER NOT NULL,
  text_pages INTEGER NOT NULL,
  accession_id INTEGER NOT NULL
);
CREATE INDEX file_record ON file (record_id, sequence);

CREATE TABLE page_text (
  record_id INTEGER NOT NULL,
  page INTEGER NOT NULL,
  file_id INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (record_id, page)
) WITHOUT ROWID;
