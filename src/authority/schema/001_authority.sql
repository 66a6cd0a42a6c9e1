-- Authorities (名称规范) and topics (专题). data: the rest of the description as JSON (authority.c names its keys). topical: kind is topic or event.
CREATE TABLE authority (
  id INTEGER PRIMARY KEY,
  rev INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('body', 'person', 'family', 'place', 'topic', 'event')),
  topical INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'merged', 'deleted')),
  merged_into INTEGER NOT NULL,   -- 0: none
  parent_id INTEGER NOT NULL,     -- of a topic within another; 0: none
  name TEXT NOT NULL,
  synonyms INTEGER NOT NULL,      -- its names stand for one another in a search
  data TEXT NOT NULL
);
CREATE INDEX authority_by_name ON authority (state, topical, name, id);
CREATE INDEX authority_by_kind ON authority (state, kind, name, id);
CREATE INDEX authority_parent ON authority (parent_id, name, id) WHERE topical = 1;
CREATE INDEX authority_merged ON authority (merged_into) WHERE merged_into > 0;
CREATE INDEX authority_synonyms ON authority (id) WHERE synonyms = 1 AND state = 'live';

-- Names of the living, folded, for finding: whole ones, and the first characters of each one's endings, so that any part finds it. Derived from authority.
CREATE TABLE authority_name (
  folded TEXT NOT NULL,
  authority_id INTEGER NOT NULL,
  PRIMARY KEY (folded, authority_id)
) WITHOUT ROWID;
CREATE INDEX authority_name_of ON authority_name (authority_id);
CREATE TABLE authority_part (
  part TEXT NOT NULL,
  authority_id INTEGER NOT NULL,
  PRIMARY KEY (part, authority_id)
) WITHOUT ROWID;
CREATE INDEX authority_part_of ON authority_part (authority_id);

-- How authorities stand to one another (relation.c has the kinds).
CREATE TABLE authority_relation (
  id INTEGER PRIMARY KEY,
  from_id INTEGER NOT NULL,
  to_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  dates TEXT NOT NULL,
  note TEXT NOT NULL
);
CREATE UNIQUE INDEX authority_relation_from ON authority_relation (from_id, to_id, kind);
CREATE INDEX authority_relation_to ON authority_relation (to_id);

-- What a record is tied to: authorities and topics in a role, other records in a relation (link.c). gathering_id: the bulk change that made it, 0: by hand.
CREATE TABLE record_link (
  record_id INTEGER NOT NULL,
  target_kind TEXT NOT NULL CHECK (target_kind IN ('authority', 'record')),
  target_id INTEGER NOT NULL,
  role TEXT NOT NULL,
  dates TEXT NOT NULL,
  note TEXT NOT NULL,
  gathering_id INTEGER NOT NULL,
  PRIMARY KEY (record_id, target_kind, target_id, role)
) WITHOUT ROWID;
CREATE INDEX record_link_target ON record_link (target_kind, target_id, role, record_id);

-- Bulk links: planned, running, done, undoing, undone; the records wait in gathering_row until they are tied.
CREATE TABLE gathering (
  id INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  title TEXT NOT NULL,
  target_id INTEGER NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  total INTEGER NOT NULL,
  done INTEGER NOT NULL
);
CREATE INDEX gathering_planned ON gathering (actor, id) WHERE state = 'planned';
CREATE TABLE gathering_row (
  gathering_id INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  PRIMARY KEY (gathering_id, record_id)
) WITHOUT ROWID;
CREATE INDEX record_link_gathering ON record_link (gathering_id, record_id) WHERE gathering_id > 0;

-- 全宗卷 (DA/T 12-2012): dated entries of a fonds by part. records: their ids as a JSON array.
CREATE TABLE dossier_entry (
  id INTEGER PRIMARY KEY,
  rev INTEGER NOT NULL,
  fonds_id INTEGER NOT NULL,
  part TEXT NOT NULL,
  date_text TEXT NOT NULL,
  date_from INTEGER NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  records TEXT NOT NULL
);
CREATE INDEX dossier_entry_fonds ON dossier_entry (fonds_id, part, date_from, id);

-- Creators and persons that occur often (candidate.c), as the last survey found them: one line per text and kind of record that the gate tells apart.
-- The key's columns come first: SQLite 3.40 takes others for damage in a table without rowid (integrity_check).
CREATE TABLE authority_candidate (
  rank INTEGER NOT NULL,
  fonds_id INTEGER NOT NULL,
  security INTEGER NOT NULL,
  opening INTEGER NOT NULL,
  text TEXT NOT NULL,
  kind TEXT NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (rank, fonds_id, security, opening)
) WITHOUT ROWID;
