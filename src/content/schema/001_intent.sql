-- Versions that may lie in the store without anyone having been told of them: written before the files are renamed into place,
-- deleted in the transaction that refers to them. Whatever is left when the store is opened is taken out of it.
CREATE TABLE content_intent (
  object_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (object_id, version)
);
