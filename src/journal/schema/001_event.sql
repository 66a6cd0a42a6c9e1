-- Events are only ever added. hash is SM3 over the event's canonical line, which holds the hash of the event before (journal.h, invariant 1).
CREATE TABLE event (
  id INTEGER NOT NULL,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id BIGINT NOT NULL,
  data TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX event_of_subject ON event (subject_kind, subject_id, id);
CREATE INDEX event_of_actor ON event (actor, id);
CREATE INDEX event_of_action ON event (action, id);
