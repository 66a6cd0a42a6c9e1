-- Likely faults in the catalogue, found by surveys. All of it can be found again; only quality_pass is somebody's judgement (and stands in the journal).
-- fonds_id, level, security, openings: what the asker must be allowed to see (openings: bit 1 << opening of each record it speaks of; fonds_id 0: several fonds).
CREATE TABLE quality_fault (
  kind TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  fonds_id INTEGER NOT NULL,
  level INTEGER NOT NULL,
  security INTEGER NOT NULL,
  openings INTEGER NOT NULL,
  detail TEXT NOT NULL,
  found_us INTEGER NOT NULL,
  PRIMARY KEY (kind, record_id)
) WITHOUT ROWID;
CREATE INDEX quality_fault_record ON quality_fault (record_id);
CREATE INDEX quality_fault_fonds ON quality_fault (kind, fonds_id, record_id);

-- Records judged not to have the fault.
CREATE TABLE quality_pass (
  kind TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  actor TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (kind, record_id)
) WITHOUT ROWID;

-- What records are compared by: hash of what must be equal, form: hash of what tells them apart (0: every record is one).
CREATE TABLE quality_key (
  kind TEXT NOT NULL,
  hash INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  form INTEGER NOT NULL,
  PRIMARY KEY (kind, hash, record_id, form)
) WITHOUT ROWID;
CREATE INDEX quality_key_record ON quality_key (record_id);

-- A survey over all records, or over what changed since; and what it counted.
CREATE TABLE quality_survey (
  id INTEGER PRIMARY KEY,
  started_us INTEGER NOT NULL,
  finished_us INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  looked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE quality_count (
  survey_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  fonds_id INTEGER NOT NULL,
  level INTEGER NOT NULL,
  security INTEGER NOT NULL,
  openings INTEGER NOT NULL,
  faults INTEGER NOT NULL,
  PRIMARY KEY (survey_id, kind, fonds_id, level, security, openings)
) WITHOUT ROWID;

-- rev: changes up to it have been looked at. A full survey under way: position is the last record looked at (-1: none under way), rev_begin the revision it began at.
CREATE TABLE quality_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  rev INTEGER NOT NULL,
  position INTEGER NOT NULL,
  rev_begin INTEGER NOT NULL
);
INSERT INTO quality_state (id, rev, position, rev_begin) VALUES (1, 0, -1, 0);
