-- What the store holds as the catalogue was told: one row an object, written in the transaction that acknowledges a version. Further copies follow it by
-- serial, which every change takes anew; version 0: the object was removed (undo of a delivery). tomb 1: its bytes were destroyed on purpose, only
-- description and tombstone are left. inventory: SHA-512 of that version's inventory, the witness when inventories disagree.
CREATE TABLE content_object (
  id INTEGER PRIMARY KEY,
  object_id TEXT NOT NULL UNIQUE,
  version BIGINT NOT NULL,
  tomb BIGINT NOT NULL DEFAULT 0,
  serial BIGINT NOT NULL UNIQUE,
  inventory TEXT
);

-- Objects whose bytes are to be destroyed: told of in the transaction that decides it, deleted when it is done.
CREATE TABLE content_tomb (
  object_id TEXT PRIMARY KEY,
  actor TEXT NOT NULL,
  message TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  files TEXT NOT NULL -- {path: text}
);

-- One row once the log above has every object that was in the store before it was kept (a store of an earlier program, or one made anew from its files).
CREATE TABLE content_log_state (
  complete_us BIGINT NOT NULL
);
