-- Places where the holdings lie: the primary (kind 'primary', id 1) and further copies.
CREATE TABLE copy (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,                         -- primary, local, sftp
  location TEXT NOT NULL,
  token TEXT NOT NULL,                        -- what copy.json there says: a wrong or empty disk is not taken for this copy
  host_key TEXT,
  key_file TEXT,
  rate_megabytes BIGINT NOT NULL DEFAULT -1,  -- a second, of a scrub; 0 unbounded, -1 as the setting says
  every_days BIGINT NOT NULL DEFAULT 90,      -- between scrubs
  created_us BIGINT NOT NULL,
  state TEXT NOT NULL DEFAULT 'new',          -- new, ready, behind, away, faulty
  detail TEXT NOT NULL DEFAULT '',
  tried_us BIGINT NOT NULL DEFAULT 0,         -- last time a run began
  synced_serial BIGINT NOT NULL DEFAULT 0,    -- of content_object
  synced_event BIGINT NOT NULL DEFAULT 0,     -- of the journal
  synced_us BIGINT NOT NULL DEFAULT 0,
  cursor BIGINT NOT NULL DEFAULT 0,           -- a scrub under way has read objects up to here; 0: none under way
  scrub_begun_us BIGINT NOT NULL DEFAULT 0,
  scrubbed_us BIGINT NOT NULL DEFAULT 0,      -- last scrub that came to its end
  free_bytes BIGINT NOT NULL DEFAULT -1
);

-- What is known of an object at a place. A file is as its object (result 'good'), but for those in copy_fault; files of versions above checked_version
-- have not been read yet.
CREATE TABLE copy_object (
  copy_id BIGINT NOT NULL REFERENCES copy (id),
  object_key BIGINT NOT NULL,                 -- content_object.id
  version BIGINT NOT NULL DEFAULT 0,          -- that lies there
  serial BIGINT NOT NULL DEFAULT 0,           -- of content_object when it was brought there
  pending BIGINT NOT NULL DEFAULT 0,          -- 1: could not be copied, is tried again
  checked_version BIGINT NOT NULL DEFAULT 0,
  checked_us BIGINT NOT NULL DEFAULT 0,
  run_id BIGINT NOT NULL DEFAULT 0,           -- who read it
  faults BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (copy_id, object_key)
);
CREATE INDEX copy_object_pending ON copy_object (copy_id, object_key) WHERE pending = 1;
CREATE INDEX copy_object_faulty ON copy_object (copy_id, object_key) WHERE faults > 0;

CREATE TABLE copy_fault (
  copy_id BIGINT NOT NULL REFERENCES copy (id),
  object_key BIGINT NOT NULL,
  path TEXT NOT NULL,
  result TEXT NOT NULL,                       -- damaged, missing, unreadable
  lost BIGINT NOT NULL DEFAULT 0,             -- 1: a repair found no good copy anywhere
  detail TEXT NOT NULL,
  found_us BIGINT NOT NULL,
  run_id BIGINT NOT NULL,
  PRIMARY KEY (copy_id, object_key, path)
);
CREATE INDEX copy_fault_lost ON copy_fault (lost) WHERE lost = 1;

CREATE TABLE copy_run (
  id INTEGER PRIMARY KEY,
  copy_id BIGINT NOT NULL,
  kind TEXT NOT NULL,                         -- sync, verify, repair
  actor TEXT NOT NULL,
  begun_us BIGINT NOT NULL,
  ended_us BIGINT NOT NULL DEFAULT 0,
  state TEXT NOT NULL,                        -- running, done, stopped, failed
  objects BIGINT NOT NULL DEFAULT 0,
  files BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  faults BIGINT NOT NULL DEFAULT 0,
  repaired BIGINT NOT NULL DEFAULT 0,
  lost BIGINT NOT NULL DEFAULT 0,
  detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX copy_run_copy ON copy_run (copy_id, id);
