-- On what grounds it is made, in its maker's words: of a change of openness, what the ledger of opening reviews tells.
ALTER TABLE revision ADD COLUMN why TEXT NOT NULL DEFAULT '';
