-- How far each ledger that the program itself fills has followed the journal.
CREATE TABLE feed (
  ledger_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  event_id INTEGER NOT NULL,
  PRIMARY KEY (ledger_id, source)
) WITHOUT ROWID;
