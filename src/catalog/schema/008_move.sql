-- Records moved to another parent: planned, running, done, undoing, undone; and every record that a move changes, in the order applied.
CREATE TABLE move (
  id INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  title TEXT NOT NULL,
  target_id INTEGER NOT NULL,
  state TEXT NOT NULL,
  total INTEGER NOT NULL,
  done INTEGER NOT NULL,
  unchanged INTEGER NOT NULL,
  refused INTEGER NOT NULL
);
-- turn: order applied; 0 and below: refused, with the problem.
CREATE TABLE move_row (
  move_id INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  parent_before INTEGER NOT NULL,
  parent_after INTEGER NOT NULL,
  fonds_before INTEGER NOT NULL,
  fonds_after INTEGER NOT NULL,
  problem TEXT NOT NULL,
  PRIMARY KEY (move_id, turn)
) WITHOUT ROWID;
CREATE INDEX move_row_record ON move_row (record_id, move_id);

-- The order that people gave to the children of a node: all its children or none, with room between the places.
CREATE TABLE child_place (
  parent_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  PRIMARY KEY (parent_id, place)
) WITHOUT ROWID;
CREATE UNIQUE INDEX child_place_record ON child_place (record_id);
