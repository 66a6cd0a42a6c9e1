-- Runs of the four-property checks: the run, its items, its findings. Times in microseconds since 1970, 0: not yet. A run without an end was broken off.
CREATE TABLE check_task (
  id INTEGER NOT NULL,
  stage TEXT NOT NULL CHECK (stage IN ('filing', 'transfer', 'preservation')),
  subject_kind TEXT NOT NULL,
  subject_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  category TEXT NOT NULL,
  actor TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'passed', 'failed', 'awaiting')),
  failed INTEGER NOT NULL DEFAULT 0,
  warned INTEGER NOT NULL DEFAULT 0,
  awaiting INTEGER NOT NULL DEFAULT 0,
  not_performed INTEGER NOT NULL DEFAULT 0,
  units BIGINT NOT NULL DEFAULT 0,
  files BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  started_us BIGINT NOT NULL,
  finished_us BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id)
);
CREATE INDEX check_task_of_subject ON check_task (subject_kind, subject_id, id);

-- outcome: what the program found; state: the same after a person's word.
CREATE TABLE check_item (
  task_id BIGINT NOT NULL,
  position INTEGER NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  property TEXT NOT NULL,
  grouping TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('error', 'warning')),
  outcome TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('passed', 'failed', 'warned', 'awaiting', 'not_performed', 'not_applicable')),
  checked BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  pending BIGINT NOT NULL,
  explain TEXT NOT NULL,
  signed_by TEXT NOT NULL DEFAULT '',
  signed_us BIGINT NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (task_id, code)
);

-- pending: 1 for what a person has to look at, 0 for a fault.
CREATE TABLE check_finding (
  task_id BIGINT NOT NULL,
  item TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  row_number BIGINT NOT NULL,
  record_id BIGINT NOT NULL,
  code TEXT NOT NULL,
  path TEXT NOT NULL,
  reason TEXT NOT NULL,
  pending INTEGER NOT NULL,
  PRIMARY KEY (task_id, item, sequence)
);
CREATE INDEX check_task_running ON check_task (id) WHERE state = 'running';
