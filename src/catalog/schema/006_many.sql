-- Which events that tell of many records at once (changes in bulk) concern a record: lines of its history. Events of one record have it as their subject.
CREATE TABLE record_event (
  record_id INTEGER NOT NULL,
  event_id INTEGER NOT NULL,
  PRIMARY KEY (record_id, event_id)
) WITHOUT ROWID;
