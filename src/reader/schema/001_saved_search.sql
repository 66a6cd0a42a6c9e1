-- Searches that people keep. asked: what was asked, as JSON (never what was found). seen_rev: the owner has seen what matched up to this revision;
-- checked_rev, fresh: up to where a tick has looked, and whether anything that matches changed since seen_rev (for anybody: who may see it is asked when it is shown).
CREATE TABLE saved_search (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  asked TEXT NOT NULL,
  shared INTEGER NOT NULL,
  muted INTEGER NOT NULL,
  seen_rev INTEGER NOT NULL,
  checked_rev INTEGER NOT NULL,
  fresh INTEGER NOT NULL,
  created_us INTEGER NOT NULL
);
CREATE INDEX saved_search_owner ON saved_search (owner, id);
CREATE INDEX saved_search_shared ON saved_search (id) WHERE shared = 1;
