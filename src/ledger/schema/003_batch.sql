-- Changes of many entries that are planned, shown, made in slices and taken back as a whole: a sheet, pasted rows.
-- state: planning, planned, running, done, undoing, undone. path: the uploaded sheet until it has been read; digest: SHA-256 of it.
-- everything: planned by the program's own hand (the command line). report: JSON, what the rehearsal found. Counts are of entries.
CREATE TABLE ledger_batch (
  id INTEGER PRIMARY KEY,
  ledger_id INTEGER NOT NULL,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  everything INTEGER NOT NULL,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  state TEXT NOT NULL,
  total BIGINT NOT NULL DEFAULT 0,
  report TEXT NOT NULL DEFAULT '{}',
  ended_us BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ledger_batch_of ON ledger_batch (ledger_id, actor, id);
CREATE INDEX ledger_batch_state ON ledger_batch (state, at_us);

-- state: 0 waiting, 1 made, 2 left when made, 3 undone, 4 left when undone. sheet_row: as the sheet numbers it. before, after: the entry's rev, before 0: it was
-- not there. given: JSON of what the entry is to have, until it is made. problem: why it was left.
CREATE TABLE ledger_batch_row (
  batch_id INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  sheet_row INTEGER NOT NULL,
  state INTEGER NOT NULL,
  entry_id INTEGER NOT NULL,
  rev_before INTEGER NOT NULL,
  rev_after INTEGER NOT NULL,
  given TEXT NOT NULL,
  problem TEXT NOT NULL,
  PRIMARY KEY (batch_id, turn)
) WITHOUT ROWID;
CREATE INDEX ledger_batch_row_state ON ledger_batch_row (batch_id, state, turn);
