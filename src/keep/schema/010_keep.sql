-- Requests to destroy what is kept, their records, and who decided.
CREATE TABLE keep_disposal (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,            -- destroy 销毁, mistake 误收
  reason TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'withdrawn', 'refused', 'approved', 'done')),
  requested_by TEXT NOT NULL,
  requested_us INTEGER NOT NULL,
  decided_by TEXT NOT NULL DEFAULT '',
  decided_us INTEGER NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '', -- why it was refused, what the approver adds
  finished_us INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE keep_disposal_item (
  disposal_id INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (disposal_id, record_id)
) WITHOUT ROWID;
CREATE INDEX keep_disposal_of_record ON keep_disposal_item (record_id);

-- Conversions: the original stays, the result is another file of the same record. before and after: {path, format, puid, size, sha512, pages}.
CREATE TABLE keep_conversion (
  id INTEGER PRIMARY KEY,
  record_id INTEGER NOT NULL,
  source_path TEXT NOT NULL,
  result_path TEXT NOT NULL,
  converter TEXT NOT NULL,       -- "pdfa", "pdf", "jpeg", …
  tool TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  actor TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  undone_by TEXT NOT NULL DEFAULT '',
  undone_us INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX keep_conversion_of_record ON keep_conversion (record_id, source_path);
-- What could not be converted, until it could.
CREATE TABLE keep_conversion_failure (
  record_id INTEGER NOT NULL,
  source_path TEXT NOT NULL,
  converter TEXT NOT NULL,
  puid TEXT NOT NULL,
  mime TEXT NOT NULL,
  reason TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (record_id, source_path, converter)
) WITHOUT ROWID;
CREATE INDEX keep_conversion_failure_of_format ON keep_conversion_failure (puid, mime, record_id);

-- Offline media (GB/T 18894 表A.2).
CREATE TABLE keep_medium (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  content TEXT NOT NULL,
  place TEXT NOT NULL,
  made_on TEXT NOT NULL,         -- 2026-11-22
  checked_on TEXT NOT NULL,      -- "" never
  check_result TEXT NOT NULL,
  retired_on TEXT NOT NULL DEFAULT ''
);

-- Free space as it was seen, for how long it will do.
CREATE TABLE keep_space (
  volume TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  total INTEGER NOT NULL,
  free INTEGER NOT NULL,
  PRIMARY KEY (volume, at_us)
) WITHOUT ROWID;
