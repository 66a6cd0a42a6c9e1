-- which thread runs it: 0 light, 1 heavy, 2 patient (job.h)
ALTER TABLE job RENAME COLUMN heavy TO lane;
