-- Panels: pages of numbers and charts that are looked at together.
CREATE TABLE figure_panel (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  definition TEXT NOT NULL,      -- JSON
  source TEXT NOT NULL           -- digest of the file that was read last; '': made on a page
);
