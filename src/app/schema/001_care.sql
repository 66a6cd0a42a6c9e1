-- The newest outcome of each kind of care (check, audit, backup), for the system page.
CREATE TABLE care_result (
  kind TEXT PRIMARY KEY,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  result TEXT NOT NULL
) WITHOUT ROWID;
