-- Codes (档号) that records had before: found by search and by /record?code=. In step with record, in its transactions.
CREATE TABLE record_code_former (
  record_id INTEGER NOT NULL,
  code TEXT NOT NULL,
  PRIMARY KEY (record_id, code)
) WITHOUT ROWID;
CREATE INDEX record_code_former_code ON record_code_former (code);

-- The rule chosen for a category of a fonds; width 0: as the rule says.
CREATE TABLE code_choice (
  fonds_id INTEGER NOT NULL,
  category INTEGER NOT NULL,
  rule TEXT NOT NULL,
  volume_width INTEGER NOT NULL,
  item_width INTEGER NOT NULL,
  PRIMARY KEY (fonds_id, category)
) WITHOUT ROWID;

-- Renumbering in bulk: planned, running, done, undoing, undone; and what it does to each record. place: order shown; turn: order applied (0: not).
CREATE TABLE renumber (
  id INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  title TEXT NOT NULL,
  mode TEXT NOT NULL,
  state TEXT NOT NULL,
  total INTEGER NOT NULL,
  done INTEGER NOT NULL,
  unchanged INTEGER NOT NULL,
  refused INTEGER NOT NULL
);
CREATE TABLE renumber_row (
  renumber_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  joined INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  code_before TEXT NOT NULL,
  code_after TEXT NOT NULL,
  problem TEXT NOT NULL,
  PRIMARY KEY (renumber_id, place)
) WITHOUT ROWID;
CREATE INDEX renumber_row_turn ON renumber_row (renumber_id, turn);
CREATE INDEX renumber_row_record ON renumber_row (record_id, renumber_id);
