-- files that come in slices and may stop and go on; what has come durably lies in DIR/tmp/resumable/<id>
CREATE TABLE upload (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  actor TEXT NOT NULL,
  name TEXT NOT NULL,
  size BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  received BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  touched_at BIGINT NOT NULL
);
CREATE INDEX upload_by_actor ON upload (actor, id);
CREATE INDEX upload_by_touch ON upload (touched_at);

-- what the watched folder gave: state moving (on its way), received, refused
CREATE TABLE watch_entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  path TEXT NOT NULL,
  moved TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  accession_id INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  at BIGINT NOT NULL
);
CREATE INDEX watch_entry_by_state ON watch_entry (state, id);
