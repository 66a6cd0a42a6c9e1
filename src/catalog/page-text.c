/* The text of pages: rows of page_text and their entries in the index, always changed together (file.c, invariants 2 and 3). */
#include "internal.h"

enum { PAGE_MAX = 65535 };

static char *stored_text(Sql *sql, gint64 record_id, int page, GError **error) {
  return sql_string(sql, "SELECT text FROM page_text WHERE record_id = $1 AND page = $2", SQL_ARGS(sql_int(record_id), sql_int(page)), error);
}

static gboolean delete_page(const House *house, Sql *sql, gint64 record_id, int page, const char *text, GError **error) {
  return search_page_put(house->search, sql, record_id, page, text, NULL, error) &&
         sql_exec(sql, "DELETE FROM page_text WHERE record_id = $1 AND page = $2", SQL_ARGS(sql_int(record_id), sql_int(page)), error);
}

static gboolean write_page(const House *house, Sql *sql, gint64 record_id, gint64 file_id, int page, const char *text, GError **error) {
  return sql_exec(sql,
           "INSERT INTO page_text (record_id, page, file_id, text) VALUES ($1, $2, $3, $4) "
           "ON CONFLICT (record_id, page) DO UPDATE SET file_id = excluded.file_id, text = excluded.text",
           SQL_ARGS(sql_int(record_id), sql_int(page), sql_int(file_id), sql_text(text)), error);
}

gboolean catalog_page_text_put(const House *house, Sql *sql, gint64 record_id, gint64 file_id, int page, const char *text, GError **error) {
  if (page < 1 || page > PAGE_MAX) return throw(error, LANTAI_ERROR_INVALID, "页次 %d 超出范围：一件档案至多 %d 页", page, PAGE_MAX);
  g_autoptr(GError) local = NULL;
  g_autofree char *before = stored_text(sql, record_id, page, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  gboolean had = before != NULL, has = text != NULL && text[0] != '\0';
  if (g_strcmp0(before ? before : "", has ? text : "") == 0) return TRUE;
  if (!has && !delete_page(house, sql, record_id, page, before, error)) return FALSE;
  if (has && (!write_page(house, sql, record_id, file_id, page, text, error) || !search_page_put(house->search, sql, record_id, page, before, text, error)))
    return FALSE;
  if (had == has) return TRUE;
  return sql_exec(sql, "UPDATE file SET text_pages = text_pages + $1 WHERE id = $2", SQL_ARGS(sql_int(has ? 1 : -1), sql_int(file_id)), error);
}

char *catalog_page_text(Sql *sql, const Scope *scope, gint64 record_id, int page, GError **error) {
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, record_id, error);
  if (record == NULL) return NULL;
  if (!scope_admits_files(scope, record->fonds_id, record->security, record->opening))
    return throw_null(error, LANTAI_ERROR_DENIED, "您可以查看本件目录，但原文不在您的利用范围内。如需利用，请向档案馆提出申请");
  return stored_text(sql, record_id, page, error);
}

typedef struct {
  int page;
  gint64 file_id;
  char *text;
} PageText;

static void page_text_free(gpointer data) {
  PageText *page = data;
  g_free(page->text);
  g_free(page);
}

/* Texts of a record from a page on, in order; file_id 0: of all files. Read to the end first, since the caller changes the table. */
static GPtrArray *texts_from(Sql *sql, gint64 record_id, gint64 page, gint64 file_id, GError **error) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(page_text_free);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT page, file_id, text FROM page_text WHERE record_id = $1 AND page >= $2 ORDER BY page",
    SQL_ARGS(sql_int(record_id), sql_int(page)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    if (file_id != 0 && sql_get_int(rows, "file_id") != file_id) continue;
    PageText *text = g_new(PageText, 1);
    *text = (PageText){sql_get_int(rows, "page"), sql_get_int(rows, "file_id"), g_strdup(sql_get_text(rows, "text"))};
    g_ptr_array_add(texts, text);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&texts);
}

static gboolean remove_texts(const House *house, Sql *sql, gint64 record_id, gint64 file_id, GError **error) {
  g_autoptr(GPtrArray) texts = texts_from(sql, record_id, 1, file_id, error);
  if (texts == NULL) return FALSE;
  for (guint i = 0; i < texts->len; i++) {
    const PageText *text = texts->pdata[i];
    if (!delete_page(house, sql, record_id, text->page, text->text, error)) return FALSE;
  }
  return TRUE;
}

gboolean page_text_clear(const House *house, Sql *sql, gint64 record_id, GError **error) { return remove_texts(house, sql, record_id, 0, error); }

gboolean page_text_remove(const House *house, Sql *sql, const CatalogFile *file, GError **error) {
  return remove_texts(house, sql, file->record_id, file->id, error); }

gboolean page_text_move(const House *house, Sql *sql, gint64 record_id, gint64 behind, int by, GError **error) {
  g_autoptr(GPtrArray) texts = texts_from(sql, record_id, behind + by, 0, error);
  if (texts == NULL) return FALSE;
  for (guint i = 0; i < texts->len; i++) {
    const PageText *text = texts->pdata[i];
    int target = text->page - by;
    if (!delete_page(house, sql, record_id, text->page, text->text, error) || !write_page(house, sql, record_id, text->file_id, target, text->text, error) ||
        !search_page_put(house->search, sql, record_id, target, NULL, text->text, error)) return FALSE;
  }
  return TRUE;
}

gboolean catalog_search_pages(Sql *sql, gint64 first, gint64 last, SearchPageEach each, gpointer each_data, gpointer unused, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT record_id, page, text FROM page_text WHERE record_id >= $1 AND record_id <= $2 ORDER BY record_id, page",
    SQL_ARGS(sql_int(first), sql_int(last)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local))
    if (!each(sql_int_at(rows, 0), (guint)sql_int_at(rows, 1), sql_text_at(rows, 2), each_data)) return TRUE;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}
