-- The yearly patrol (长期保存检测): its plan, its runs, the slices of a run (each a check of its own) and what the items came to over all slices.
-- Times in microseconds since 1970, 0: not yet.
CREATE TABLE patrol_plan (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  enabled INTEGER NOT NULL,
  month INTEGER NOT NULL,
  day INTEGER NOT NULL,
  rate_mb INTEGER NOT NULL,                   -- a second; 0: unbounded
  fonds_id INTEGER NOT NULL,                  -- 0: all
  hour_from INTEGER NOT NULL,                 -- equal: the whole day
  hour_to INTEGER NOT NULL,
  since_us INTEGER NOT NULL,                  -- from when on its days are due
  actor TEXT NOT NULL
);

CREATE TABLE patrol (
  id INTEGER PRIMARY KEY,
  year INTEGER NOT NULL,
  fonds_id INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'stopped', 'done')),
  reached INTEGER NOT NULL DEFAULT 0,         -- records up to this id are done
  records INTEGER NOT NULL DEFAULT 0,
  files INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  total_records INTEGER NOT NULL,
  total_bytes INTEGER NOT NULL,
  active_us INTEGER NOT NULL DEFAULT 0,       -- time spent at it
  actor TEXT NOT NULL,
  started_us INTEGER NOT NULL,
  finished_us INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX patrol_running ON patrol (id) WHERE state = 'running';

CREATE TABLE patrol_slice (
  patrol_id INTEGER NOT NULL,
  check_id INTEGER NOT NULL,
  reached INTEGER NOT NULL,
  PRIMARY KEY (patrol_id, check_id)
) WITHOUT ROWID;

-- weight orders outcomes: the gravest of any slice is the item's. state: the outcome, or a person's word on it.
CREATE TABLE patrol_item (
  patrol_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  property TEXT NOT NULL,
  severity TEXT NOT NULL,
  outcome TEXT NOT NULL,
  state TEXT NOT NULL,
  weight INTEGER NOT NULL,
  checked INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  explain TEXT NOT NULL,
  signed_by TEXT NOT NULL DEFAULT '',
  signed_us INTEGER NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (patrol_id, code)
) WITHOUT ROWID;
