/* Serving readers: the search page, suggestions, and the viewer with its tiles, thumbnails, page text and downloads. */
#pragma once
#include "catalog.h"

/* The pyramid of page `page` (from 1) of a file: made in the sandbox when it is missing, kept under DIR/derivatives by the file's digest.
 * New path or NULL. May take a second. */
char *reader_pyramid(const House *house, const CatalogFile *file, guint page, GError **error);
/* The same without waiting: the path when it is there; else NULL with BUSY, and the pyramid is being made by a background thread. */
char *reader_pyramid_soon(const House *house, const CatalogFile *file, guint page, GError **error);
/* Waits for what is being made; call before the archive is closed. */
void reader_finish(void);
/* Where a page that is counted through all files of a record lies: the file, and the page inside it; NULL when there is no such page. files: CatalogFile*. */
const CatalogFile *reader_page_of(GPtrArray *files, guint page, guint *ret_page_in_file);
guint reader_page_count(GPtrArray *files);

gboolean reader_open(SqlDb *db, GError **error); /* schema */
/* The asker's saved searches that something new matches, for the home page: [{id, name, count, many}]. */
json_t *reader_alerts(WebRequest *request, Sql *sql, GError **error);
extern const JobTick READER_TICKS[]; /* ended by NULL */
/* /search /searches /help/search /suggest /record/{id}/view /file/{id} /file/{id}/page/{page}/… */
extern const WebRoute READER_ROUTES[];

/* handlers of viewer.c, for the table in pages.c */
WebReply *reader_view(WebRequest *request, GError **error);
WebReply *reader_file(WebRequest *request, GError **error);
WebReply *reader_image(WebRequest *request, GError **error);
WebReply *reader_tile(WebRequest *request, GError **error);
WebReply *reader_thumbnail(WebRequest *request, GError **error);
WebReply *reader_text(WebRequest *request, GError **error);
WebReply *reader_search(WebRequest *request, GError **error);
WebReply *reader_suggest(WebRequest *request, GError **error);
