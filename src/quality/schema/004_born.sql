-- A birth date alone is no sign of one person any more: the keys made of it go when each record is looked at again, which the next survey does. It is begun by
-- itself, as for any other ground that faults rest on (ground.c).
DELETE FROM quality_ground WHERE subject = 'kinds';
