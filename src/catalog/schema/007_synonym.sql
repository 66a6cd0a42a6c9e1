-- Words that stand for one another in searching: the one list as it was last saved; no row: definitions/synonyms.yaml.
CREATE TABLE synonym (id INTEGER PRIMARY KEY CHECK (id = 1), list TEXT NOT NULL);
