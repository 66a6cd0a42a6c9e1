-- Exports made on the pages: what, for whom, and what came of it. The files are in DIR/exports/<id>/ and go after some days; the row stays as long.
-- scope: what its maker might see when it was asked for. Times in microseconds since 1970, 0: not yet.
CREATE TABLE export (
  id INTEGER PRIMARY KEY,
  actor TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  finished_us BIGINT NOT NULL DEFAULT 0,
  title TEXT NOT NULL,
  format TEXT NOT NULL,
  selection TEXT NOT NULL,
  scope TEXT NOT NULL,
  file_name TEXT NOT NULL DEFAULT '',
  records BIGINT NOT NULL DEFAULT 0,
  files BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  left_out BIGINT NOT NULL DEFAULT 0,
  files_left_out BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX export_of_actor ON export (actor, id);
CREATE INDEX export_by_time ON export (created_us);
