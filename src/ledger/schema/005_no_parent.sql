-- What an entry was made from stands in a field of it, as everything else that it refers to; nothing ever wrote this one.
DROP INDEX ledger_entry_parent;
ALTER TABLE ledger_entry DROP COLUMN parent;
