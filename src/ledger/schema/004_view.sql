-- Views of a ledger that a person keeps for himself: an address of its list. What everybody uses stands in the definition.
CREATE TABLE ledger_view (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  ledger_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,          -- "?f.来源=调研&sort=截止", escaped
  UNIQUE (owner, ledger_id, name)
);
