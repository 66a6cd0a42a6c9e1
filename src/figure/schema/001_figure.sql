-- Figures and what must hold between them. A definition has versions; the newest is in force.
CREATE TABLE figure (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  source TEXT NOT NULL,           -- file it was last read from; "": made on a page
  definition TEXT NOT NULL
);
CREATE TABLE figure_version (
  figure_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  definition TEXT NOT NULL,
  PRIMARY KEY (figure_id, version)
) WITHOUT ROWID;
CREATE TABLE figure_invariant (
  that TEXT NOT NULL PRIMARY KEY,
  say TEXT NOT NULL,
  source TEXT NOT NULL,
  ordinal INTEGER NOT NULL
) WITHOUT ROWID;
-- Digest of each file of definitions/figures as it was last read, so that only what changed is read again.
CREATE TABLE figure_source (
  file TEXT NOT NULL PRIMARY KEY,
  digest TEXT NOT NULL
) WITHOUT ROWID;
