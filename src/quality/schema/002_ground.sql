-- What faults rest on besides the records: the first day and code of each fonds, the version of each category, the chosen rules of codes, the program's own kinds.
-- value: as it was when it was last looked at; again 1: it is another since, and a look at its records is under way.
CREATE TABLE quality_ground (
  subject TEXT NOT NULL,
  id INTEGER NOT NULL,
  value TEXT NOT NULL,
  again INTEGER NOT NULL,
  PRIMARY KEY (subject, id)
) WITHOUT ROWID;

-- Records to be looked at again one by one, because something beside them changed; some may be gone.
CREATE TABLE quality_again (record_id INTEGER PRIMARY KEY);

-- From now on a record that goes is told of, and its faults go with it.
DELETE FROM quality_fault WHERE NOT EXISTS (SELECT 1 FROM record AS r WHERE r.id = quality_fault.record_id);
