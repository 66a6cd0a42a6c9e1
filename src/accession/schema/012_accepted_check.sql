-- the check run on whose result a delivery was accepted; 0: not the step of accepting, or nothing was checked
ALTER TABLE accession_step ADD COLUMN check_id INTEGER NOT NULL DEFAULT 0;
