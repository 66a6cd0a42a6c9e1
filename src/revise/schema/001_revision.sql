-- Revisions: sets of planned changes of descriptions, from a rule, a corrected spreadsheet or a form; and what each does to a record.
-- source: rule, values, sheet, form. state: planning, planned, awaiting, returned, running, done, undoing, undone. ask: what was asked for (JSON);
-- scope: what its maker might see then; counts: {key: records}. Times in microseconds since 1970, 0: not yet.
CREATE TABLE revision (
  id INTEGER PRIMARY KEY,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  title TEXT NOT NULL,
  source TEXT NOT NULL,
  ask TEXT NOT NULL,
  scope TEXT NOT NULL,
  state TEXT NOT NULL,
  total BIGINT NOT NULL DEFAULT 0,
  unchanged BIGINT NOT NULL DEFAULT 0,
  counts TEXT NOT NULL DEFAULT '{}',
  notice TEXT NOT NULL DEFAULT '',
  decided_by TEXT NOT NULL DEFAULT '',
  decided_us BIGINT NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX revision_state ON revision (state, id);
CREATE INDEX revision_actor ON revision (actor, id);

-- state: 0 waiting, 1 in conflict, 2 refused, 3 made, 4 passed over when made, 5 undone, 6 passed over when undone, 7 left as it stands.
-- changes: {key: [from, to]}; conflict: {key: [when exported, now, wanted]}, '' none; problem: why refused or passed over.
CREATE TABLE revision_row (
  revision_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  state INTEGER NOT NULL,
  changes TEXT NOT NULL,
  conflict TEXT NOT NULL DEFAULT '',
  problem TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (revision_id, place)
) WITHOUT ROWID;
CREATE INDEX revision_row_state ON revision_row (revision_id, state, place);
