-- collections for a major event (重特大事件) or a topic: who owes what, until when, and what came
CREATE TABLE project (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  note TEXT NOT NULL,
  due_on TEXT NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL
);

CREATE TABLE project_body (
  project_id INTEGER NOT NULL,
  body TEXT NOT NULL,
  owed TEXT NOT NULL,
  due_on TEXT NOT NULL,
  contact TEXT NOT NULL,
  settled INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (project_id, body)
);
CREATE INDEX project_body_by_body ON project_body (body, project_id);

CREATE TABLE project_chase (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL,
  body TEXT NOT NULL,
  note TEXT NOT NULL,
  actor TEXT NOT NULL,
  at_us INTEGER NOT NULL
);
CREATE INDEX project_chase_by_body ON project_chase (project_id, body, id);

CREATE TABLE project_delivery (
  accession_id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL
);
CREATE INDEX project_delivery_by_project ON project_delivery (project_id, accession_id);
