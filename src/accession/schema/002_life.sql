-- the life of a delivery: rounds, what it came as, what its hand-over form declares, what the package said of itself, its latest check
ALTER TABLE accession ADD COLUMN round INTEGER NOT NULL DEFAULT 1;
ALTER TABLE accession ADD COLUMN kind TEXT NOT NULL DEFAULT 'table';
ALTER TABLE accession ADD COLUMN package TEXT NOT NULL DEFAULT '';
ALTER TABLE accession ADD COLUMN declared TEXT NOT NULL DEFAULT '{}';
ALTER TABLE accession ADD COLUMN found TEXT NOT NULL DEFAULT '{}';
ALTER TABLE accession ADD COLUMN check_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accession ADD COLUMN kept_count INTEGER NOT NULL DEFAULT 0;
CREATE INDEX accession_by_body ON accession (body, id);

-- each transition: who and when; items: the reasons of a return, one by one, as JSON [{kind, text}]
CREATE TABLE accession_step (
  accession_id INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  round INTEGER NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  actor TEXT NOT NULL,
  at BIGINT NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  items TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (accession_id, sequence)
);

-- records that an undo left as they are, because they were changed by hand since
CREATE TABLE accession_kept (
  accession_id INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  PRIMARY KEY (accession_id, record_id)
);
