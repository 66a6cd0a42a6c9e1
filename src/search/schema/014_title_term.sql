-- The terms of titles, as those of the other texts (011): whether a character stands in some title at all is read from them (search/leaf.c).
CREATE VIRTUAL TABLE IF NOT EXISTS search_title_term USING fts5vocab (search_title, instance);
