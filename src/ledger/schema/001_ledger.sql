-- Ledgers, their entries and every state of them. `rev` is one rising sequence over all entries, so that whoever keeps a ledger in memory reads what is newer.
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  definition TEXT NOT NULL,
  source TEXT NOT NULL            -- digest of the file it was last read from; "": made on a page
);
CREATE TABLE ledger_version (
  ledger_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  definition TEXT NOT NULL,
  PRIMARY KEY (ledger_id, version)
) WITHOUT ROWID;

CREATE TABLE ledger_entry (
  id INTEGER PRIMARY KEY,
  ledger_id INTEGER NOT NULL,
  version INTEGER NOT NULL,       -- of the definition that it was last written under
  rev INTEGER NOT NULL,
  number TEXT NOT NULL,           -- 编号; "" none
  unit TEXT NOT NULL,             -- 单位
  from_date INTEGER NOT NULL,     -- 日期: YYYYMMDD, both inclusive; 0 none
  to_date INTEGER NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  closed INTEGER NOT NULL,        -- the state is one where nothing is owed
  owner TEXT NOT NULL,            -- 责任人
  department TEXT NOT NULL,       -- 责任部门
  due INTEGER NOT NULL,           -- 截止: YYYYMMDD; 0 none
  quantity REAL NOT NULL,         -- 次数
  basis TEXT NOT NULL,            -- 口径
  secrecy INTEGER NOT NULL,       -- 密级, as Security
  parent INTEGER NOT NULL,        -- the entry that it was made from; 0 none
  key TEXT NOT NULL,              -- what the program filled it from; "" by hand
  deleted INTEGER NOT NULL,
  made_us INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  changed_us INTEGER NOT NULL,
  changed_by TEXT NOT NULL,
  moved_by TEXT NOT NULL,         -- who made the last change of state
  data TEXT NOT NULL,             -- JSON: the definition's own fields, and 层级 专题 来源单位
  states TEXT NOT NULL,           -- JSON [[state, YYYYMMDD], …] ascending
  files TEXT NOT NULL             -- JSON [{name, sha512, size}]
);
CREATE UNIQUE INDEX ledger_entry_rev ON ledger_entry (rev);
CREATE INDEX ledger_entry_of ON ledger_entry (ledger_id, rev);
CREATE INDEX ledger_entry_date ON ledger_entry (ledger_id, from_date, id);
CREATE INDEX ledger_entry_title ON ledger_entry (ledger_id, title);
CREATE UNIQUE INDEX ledger_entry_number ON ledger_entry (ledger_id, number) WHERE number <> '';
CREATE UNIQUE INDEX ledger_entry_key ON ledger_entry (ledger_id, key) WHERE key <> '';
CREATE INDEX ledger_entry_owed ON ledger_entry (owner, due) WHERE closed = 0 AND deleted = 0;
CREATE INDEX ledger_entry_parent ON ledger_entry (parent) WHERE parent <> 0;

-- Further ledgers that an entry stands in. A row stays when the entry has left (gone), with the rev at which it came, changed or left.
CREATE TABLE ledger_also (
  ledger_id INTEGER NOT NULL,
  entry_id INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  PRIMARY KEY (ledger_id, entry_id)
) WITHOUT ROWID;
CREATE INDEX ledger_also_rev ON ledger_also (ledger_id, rev);
CREATE INDEX ledger_also_entry ON ledger_also (entry_id);

CREATE TABLE ledger_entry_version (
  entry_id INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  note TEXT NOT NULL,
  entry TEXT NOT NULL,            -- JSON of the whole as it was afterwards
  PRIMARY KEY (entry_id, rev)
) WITHOUT ROWID;

-- What an entry names, for looking it up from there: kind entry, record (target: id), person, body (target: name).
CREATE TABLE ledger_link (
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  entry_id INTEGER NOT NULL,
  field TEXT NOT NULL,
  PRIMARY KEY (kind, target, entry_id, field)
) WITHOUT ROWID;
CREATE INDEX ledger_link_entry ON ledger_link (entry_id);

CREATE TABLE ledger_comment (
  id INTEGER PRIMARY KEY,
  entry_id INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX ledger_comment_of ON ledger_comment (entry_id, id);

-- The last serial given under a pattern whose year and month are filled in; it only rises.
CREATE TABLE ledger_number (
  ledger_id INTEGER NOT NULL,
  prefix TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (ledger_id, prefix)
) WITHOUT ROWID;
