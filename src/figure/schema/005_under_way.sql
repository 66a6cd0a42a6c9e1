-- Reports that somebody is still to do something about, for the home page.
CREATE INDEX report_under_way ON report (id) WHERE state <> 'frozen';
