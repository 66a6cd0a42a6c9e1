-- Templates of reports, and reports as they are written, reviewed and frozen.
CREATE TABLE report_template (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  definition TEXT NOT NULL,      -- JSON
  source TEXT NOT NULL,          -- SM3 of the file that was read last; '': none
  changed_by TEXT NOT NULL,
  changed_at INTEGER NOT NULL
);

CREATE TABLE report (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,            -- of the template
  from_day INTEGER NOT NULL,
  to_day INTEGER NOT NULL,
  unit TEXT NOT NULL,
  parameters TEXT NOT NULL,      -- JSON {name: text}
  text TEXT NOT NULL,            -- its own, begun as the template's
  state TEXT NOT NULL,           -- draft, office, leader, sign, frozen
  rev INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  drafted TEXT NOT NULL,         -- JSON {figure: {value, text}} as submitted
  heading TEXT NOT NULL,         -- as last made
  frozen_at INTEGER NOT NULL,    -- 0: not yet
  manifest TEXT NOT NULL,        -- '<SM3>  <file>' a line: what was signed
  signature TEXT NOT NULL,
  public_key TEXT NOT NULL
);
CREATE INDEX report_by_name ON report (name, to_day);

CREATE TABLE report_step (
  id INTEGER PRIMARY KEY,
  report_id INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  note TEXT NOT NULL
);
CREATE INDEX report_step_by_report ON report_step (report_id, id);
