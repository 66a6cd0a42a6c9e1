-- 三合一制度 of a body (fonds): versions with their lines, and by which line a record is kept.
CREATE TABLE schedule (
  id INTEGER PRIMARY KEY,
  fonds_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  from_date INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  submitted_by TEXT NOT NULL,
  submitted_at INTEGER NOT NULL,
  decided_by TEXT NOT NULL,
  decided_at INTEGER NOT NULL,
  note TEXT NOT NULL,
  UNIQUE (fonds_id, number)
);
CREATE INDEX schedule_in_force ON schedule (fonds_id, state, from_date);

CREATE TABLE schedule_line (
  schedule_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  code TEXT NOT NULL,
  path TEXT NOT NULL,
  matter TEXT NOT NULL,
  retention TEXT NOT NULL,
  opening TEXT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (schedule_id, place)
) WITHOUT ROWID;

-- Putting lines to records in bulk; the records it gave one are found by its id.
CREATE TABLE schedule_assignment (
  id INTEGER PRIMARY KEY,
  schedule_id INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  state TEXT NOT NULL,
  records INTEGER NOT NULL
);
CREATE INDEX schedule_assignment_of ON schedule_assignment (schedule_id);
CREATE TABLE schedule_record (
  record_id INTEGER PRIMARY KEY,
  schedule_id INTEGER NOT NULL,
  code TEXT NOT NULL,
  assignment_id INTEGER NOT NULL
);
CREATE INDEX schedule_record_assignment ON schedule_record (assignment_id);
