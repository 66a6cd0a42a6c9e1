-- which scheme of the four properties a delivery is checked by: filing (归档, from an office of the own body) or transfer (移交与接收)
ALTER TABLE accession ADD COLUMN stage TEXT NOT NULL DEFAULT 'transfer';
ALTER TABLE project ADD COLUMN stage TEXT NOT NULL DEFAULT 'transfer';
ALTER TABLE watch_entry ADD COLUMN stage TEXT NOT NULL DEFAULT 'transfer';
