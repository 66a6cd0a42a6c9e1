-- A birth date alone is no sign of one person any more: the keys made of it go when each record is looked at again, which the next survey does.
UPDATE quality_state SET rev = 0, position = -1, rev_begin = 0;
