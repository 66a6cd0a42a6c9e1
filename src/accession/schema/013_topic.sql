-- The topic that what comes for a project is tied to; 0: none.
ALTER TABLE project ADD COLUMN topic INTEGER NOT NULL DEFAULT 0;
