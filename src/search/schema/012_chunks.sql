-- How many rows of columns there are, so that one that is lost is noticed at opening.
ALTER TABLE search_state ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0;
UPDATE search_state SET chunks = (SELECT COUNT(*) FROM search_column);
