-- What changed after a revision: alerts, and whatever follows the catalogue. Revisions only rise, so the index grows at its end.
CREATE INDEX record_rev ON record (rev);
