-- Definitions of categories: every version that was in force, the draft at hand, and what a comparison with the records found.
CREATE TABLE category_version (
  category INTEGER NOT NULL,
  version INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  note TEXT NOT NULL,
  contradictions INTEGER NOT NULL,
  definition TEXT NOT NULL,
  PRIMARY KEY (category, version)
) WITHOUT ROWID;
INSERT INTO category_version (category, version, at_us, actor, note, contradictions, definition) SELECT id, 1, 0, 'system', '', 0, definition FROM category;

-- origin: 'page', or 'file' for a file of definitions/categories that was changed by hand.
CREATE TABLE category_draft (
  code TEXT PRIMARY KEY,
  definition TEXT NOT NULL,
  base INTEGER NOT NULL,
  actor TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  origin TEXT NOT NULL
) WITHOUT ROWID;

-- A comparison of all records of a category with a definition (digest: of its text). draft 1: with the draft, 0: the list left to do for the one in force.
CREATE TABLE category_check (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL,
  draft INTEGER NOT NULL,
  digest TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  state TEXT NOT NULL,
  records INTEGER NOT NULL,
  result TEXT NOT NULL,
  UNIQUE (code, draft)
);
CREATE TABLE category_finding (
  check_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (check_id, key, record_id)
) WITHOUT ROWID;
