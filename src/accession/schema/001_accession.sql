CREATE TABLE accession (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  failure TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT '',
  fonds TEXT NOT NULL DEFAULT '',
  fonds_title TEXT NOT NULL DEFAULT '',
  category TEXT NOT NULL DEFAULT '',
  source TEXT NOT NULL,
  documents TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL,
  layout TEXT NOT NULL,
  survey TEXT NOT NULL DEFAULT '{}',
  row_count INTEGER NOT NULL DEFAULT 0,
  accepted_count INTEGER NOT NULL DEFAULT 0,
  volume_count INTEGER NOT NULL DEFAULT 0,
  created_count INTEGER NOT NULL DEFAULT 0,
  updated_count INTEGER NOT NULL DEFAULT 0,
  unchanged_count INTEGER NOT NULL DEFAULT 0,
  rejected_count INTEGER NOT NULL DEFAULT 0,
  warning_count INTEGER NOT NULL DEFAULT 0,
  missing_count INTEGER NOT NULL DEFAULT 0,
  surplus_count INTEGER NOT NULL DEFAULT 0,
  attached_count INTEGER NOT NULL DEFAULT 0,
  attached_bytes INTEGER NOT NULL DEFAULT 0,
  digest TEXT NOT NULL DEFAULT '',
  first_record_id INTEGER NOT NULL DEFAULT 0,
  reserved_count INTEGER NOT NULL DEFAULT 0,
  loaded_rows INTEGER NOT NULL DEFAULT 0,
  attach_row INTEGER NOT NULL DEFAULT 0,
  load_event INTEGER NOT NULL DEFAULT 0,
  undo_next INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  loaded_at INTEGER NOT NULL DEFAULT 0,
  rehearse_ms INTEGER NOT NULL DEFAULT 0,
  load_ms INTEGER NOT NULL DEFAULT 0,
  attach_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX accession_by_fingerprint ON accession (fingerprint);

-- the fonds and class nodes a delivery's rows go to; made_*: it was this delivery that made them
CREATE TABLE accession_place (
  accession_id INTEGER NOT NULL,
  fonds TEXT NOT NULL,
  category TEXT NOT NULL,
  fonds_id INTEGER NOT NULL,
  class_id INTEGER NOT NULL,
  made_fonds INTEGER NOT NULL,
  made_class INTEGER NOT NULL,
  PRIMARY KEY (accession_id, fonds, category)
);

-- fonds of deliveries that name none: found again by the delivery's name and its headers
CREATE TABLE accession_fonds (
  id INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  stem TEXT NOT NULL,
  headers TEXT NOT NULL,
  key_header TEXT NOT NULL,
  code TEXT NOT NULL
);
CREATE INDEX accession_fonds_by_stem ON accession_fonds (stem, body);

-- records as they were before this delivery changed them
CREATE TABLE accession_change (
  accession_id INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  before TEXT NOT NULL,
  PRIMARY KEY (accession_id, record_id)
);
CREATE INDEX accession_change_by_record ON accession_change (record_id, accession_id);

-- files this delivery gave to a record; before: the file it took the place of
CREATE TABLE accession_file (
  accession_id INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  file_id INTEGER NOT NULL,
  before TEXT,
  PRIMARY KEY (accession_id, record_id, file_id)
);
CREATE INDEX accession_file_by_record ON accession_file (record_id, accession_id);

-- the version of a record's object that this delivery wrote
CREATE TABLE accession_object (
  accession_id INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (accession_id, record_id)
);
CREATE INDEX accession_object_by_record ON accession_object (record_id, accession_id);

-- objects (version 0) or newest versions to be removed from the store once the undo that forgot them is committed
CREATE TABLE accession_removal (
  accession_id INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (accession_id, record_id)
);
CREATE INDEX accession_removal_by_record ON accession_removal (record_id);

-- how the columns of one sender are read: {header: field key}
CREATE TABLE accession_mapping (
  name TEXT PRIMARY KEY,
  category TEXT NOT NULL,
  columns TEXT NOT NULL,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
