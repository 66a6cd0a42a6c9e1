-- Background jobs. Times in microseconds since 1970, 0: not yet. cancel: asked to stop for good. attempts: starts since there last was progress.
CREATE TABLE job (
  id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  heavy INTEGER NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id BIGINT NOT NULL,
  parameters TEXT NOT NULL,
  actor TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  cancel INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before_us BIGINT NOT NULL DEFAULT 0,
  stage TEXT NOT NULL DEFAULT '',
  done BIGINT NOT NULL DEFAULT 0,
  total BIGINT NOT NULL DEFAULT 0,
  unit TEXT NOT NULL DEFAULT '',
  rate REAL NOT NULL DEFAULT 0,
  remaining_seconds BIGINT NOT NULL DEFAULT -1,
  error TEXT,
  created_us BIGINT NOT NULL,
  started_us BIGINT NOT NULL DEFAULT 0,
  finished_us BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id)
);
CREATE INDEX job_waiting ON job (state, heavy, id);
CREATE INDEX job_of_subject ON job (subject_kind, subject_id, id);
