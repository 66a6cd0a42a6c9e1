-- Categories whose values move between the open and the closed part of the index, in the order of records' ids: records up to `reached` are indexed with the keys
-- `after` closed (sorted, a space between), those behind it with `before`. No row: all are indexed as the definition in force says.
CREATE TABLE category_closing (
  category INTEGER PRIMARY KEY,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  reached INTEGER NOT NULL
);
