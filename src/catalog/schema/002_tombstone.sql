-- Records whose documents were destroyed: what stands in their place (JSON as catalog_record_destroy was given).
CREATE TABLE tombstone (
  record_id INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  data TEXT NOT NULL
);
-- What the holdings contain by format, counted within this index.
CREATE INDEX file_format ON file (puid, mime, size_bytes);
