-- The terms of the index with the records they stand in, as it has them: no rows of their own. The days of a field are read from them (search/dated.c).
CREATE VIRTUAL TABLE IF NOT EXISTS search_text_term USING fts5vocab (search_text, instance);
CREATE VIRTUAL TABLE IF NOT EXISTS search_closed_term USING fts5vocab (search_closed, instance);
