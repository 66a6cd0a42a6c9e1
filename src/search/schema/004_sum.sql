-- Sums by which bytes that have changed on the disk are noticed when they are read: of a chunk's lines and codes; of a gram's bits, in their last 4 bytes.
ALTER TABLE search_column ADD COLUMN sum INTEGER;
DELETE FROM search_gram;
DELETE FROM search_gram_key;
UPDATE search_gram_state SET selection = 0, covered = 0, records = 0;
