-- how many findings of each item the journal tells, so that a rebuilt archive has them again; 0: a run from before they were told
ALTER TABLE check_task ADD COLUMN findings_kept BIGINT NOT NULL DEFAULT 0;
