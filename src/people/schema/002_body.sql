-- the transferring body that an account hands over for; '': none
ALTER TABLE account ADD COLUMN body TEXT NOT NULL DEFAULT '';
