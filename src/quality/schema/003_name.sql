-- The names of persons in the authority records who have several, as quality_key's forms have them (as written, and folded): a group of persons written differently
-- whose forms all belong to one of these is no fault. folded: what the names are found by.
CREATE TABLE quality_name (
  authority_id INTEGER NOT NULL,
  form INTEGER NOT NULL,
  folded TEXT NOT NULL,
  PRIMARY KEY (authority_id, form)
) WITHOUT ROWID;
CREATE INDEX quality_name_form ON quality_name (form, authority_id);
