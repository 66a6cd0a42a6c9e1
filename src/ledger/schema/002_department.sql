-- What a department owes: entries with a 责任部门 and no person.
CREATE INDEX ledger_entry_department ON ledger_entry (department, due) WHERE closed = 0 AND deleted = 0 AND owner = '';
