-- What a frozen report rests on that not everybody may see, and whom its signer has released it to all the same.
ALTER TABLE report ADD COLUMN rests TEXT NOT NULL DEFAULT '';    -- JSON {ledgers: {name: Security}, paths: {ledger: {path: true}}}; '': was not recorded
ALTER TABLE report ADD COLUMN released TEXT NOT NULL DEFAULT ''; -- JSON {roles: [code, or "*" for whoever sees figures], by, at, note}; '': nobody
