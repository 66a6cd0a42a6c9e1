/*
 * The catalogue's side of attaching: file rows and page texts of one record, changed as an event tells it; and back again.
 *
 * 1. What is removed is kept whole in accession_file (row and page texts), so that attach_revert restores it without the store.
 * 2. Pages are numbered through a record's files, so a replaced file takes all files behind it off and puts them on again ("moved").
 */
#include "delivery.h"
#include "error.h"
#include <string.h>

#define TEXT_BYTES_MAX (64 << 20)

/* ---- texts ---- */

typedef struct { json_t *pages; gsize bytes; } Texts;

static gboolean take_text(guint page, const char *text, gpointer data, GError **error) {
  Texts *texts = data;
  texts->bytes += strlen(text);
  if (texts->bytes <= TEXT_BYTES_MAX) json_array_append_new(texts->pages, json_pack("[i, s]", (int)page, text));
  return TRUE;
}

json_t *attach_texts(const char *path, const FormatInfo *info, GError **error) {
  Texts texts = {json_array(), 0};
  if (format_text_pages(path, info, take_text, &texts, error)) return texts.pages;
  json_decref(texts.pages);
  return NULL;
}

/* The text of a stored file, if the store still has the one meant; a later delivery may have replaced it. */
static json_t *stored_texts(const House *house, const CatalogFile *file) {
  g_autofree char *object = catalog_object_id(file->record_id);
  json_t *list = content_list(house->content, object, NULL), *entry, *texts = NULL;
  size_t i;
  json_array_foreach(list, i, entry) {
    if (!g_str_equal(text_at(entry, "path"), file->path) || !g_str_equal(text_at(entry, "sha512"), file->sha512)) continue;
    g_autofree char *path = content_path(house->content, object, file->path, NULL);
    FormatInfo info = {.mime = file->mime, .puid = file->puid, .name = "", .kind = file->kind};
    if (path) texts = attach_texts(path, &info, NULL);
  }
  json_decref(list);
  return texts ? texts : json_array();
}

static int pages_of(const CatalogFile *file) { return MAX(file->page_count, 1); }

/* The number before a file's first page. */
static int first_page(GPtrArray *files, gint64 file_id) {
  int page = 0;
  for (guint i = 0; i < files->len && ((CatalogFile *)files->pdata[i])->id != file_id; i++) page += pages_of(files->pdata[i]);
  return page;
}

static json_t *current_texts(Sql *sql, GPtrArray *files, const CatalogFile *file, GError **error) {
  json_t *texts = json_array();
  int first = first_page(files, file->id);
  for (int page = 1; file->text_pages > 0 && page <= pages_of(file); page++) {
    GError *failure = NULL;
    g_autofree char *text = catalog_page_text(sql, &SCOPE_EVERYTHING, file->record_id, first + page, &failure);
    if (failure) {
      g_propagate_error(error, failure);
      json_decref(texts);
      return NULL;
    }
    if (text) json_array_append_new(texts, json_pack("[i, s]", page, text));
  }
  return texts;
}

static gboolean add_file(const House *house, Sql *sql, CatalogFile *file, json_t *texts, GError **error) {
  if (!catalog_file_add(house, sql, file, error)) return FALSE;
  g_autoptr(GPtrArray) files = catalog_files(sql, &SCOPE_EVERYTHING, file->record_id, error);
  if (files == NULL) return FALSE;
  int first = first_page(files, file->id);
  size_t i;
  json_t *pair;
  json_array_foreach(texts, i, pair) {
    gint64 page = json_integer_value(json_array_get(pair, 0));
    const char *text = json_string_value(json_array_get(pair, 1));
    if (page < 1 || page > pages_of(file) || first + page > 65535 || text == NULL) continue; /* beyond the pages the file says it has */
    if (!catalog_page_text_put(house, sql, file->record_id, file->id, (int)(first + page), text, error)) return FALSE;
  }
  return TRUE;
}

/* ---- forth ---- */

static gboolean note_file(Sql *sql, gint64 accession_id, gint64 record_id, gint64 file_id, json_t *before, GError **error) {
  g_autofree char *dump = before ? json_dumps(before, JSON_COMPACT) : NULL;
  return sql_exec(sql, "INSERT INTO accession_file (accession_id, record_id, file_id, before) VALUES ($1, $2, $3, $4)", SQL_ARGS(sql_int(accession_id),
    sql_int(record_id), sql_int(file_id),
    sql_text(dump)), error);
}

/* Takes files off from the last; what they were goes to accession_file and to removed, by id. */
static gboolean remove_files(const House *house, Sql *sql, gint64 accession_id, gint64 record_id, json_t *ids, json_t *removed, GError **error) {
  for (size_t i = json_array_size(ids); i-- > 0;) {
    gint64 id = json_integer_value(json_array_get(ids, i));
    g_autoptr(GPtrArray) files = catalog_files(sql, &SCOPE_EVERYTHING, record_id, error);
    if (files == NULL) return FALSE;
    CatalogFile *file = NULL;
    for (guint f = 0; f < files->len; f++)
      if (((CatalogFile *)files->pdata[f])->id == id) file = files->pdata[f];
    if (file == NULL) return throw(error, LANTAI_ERROR_CONFLICT, "条目 %" G_GINT64_FORMAT " 的原文刚被改动。请再试一次", record_id);
    json_t *texts = current_texts(sql, files, file, error);
    if (texts == NULL) return FALSE;
    json_t *before = file_to_json(file);
    json_object_set_new(before, "texts", texts);
    g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT, id);
    json_object_set_new(removed, key, before);
    if (!note_file(sql, accession_id, record_id, id, before, error) || !catalog_file_remove(house, sql, id, error)) return FALSE;
  }
  return TRUE;
}

static json_t *texts_for(const House *house, json_t *entry, json_t *texts, json_t *removed, const CatalogFile *file) {
  g_autofree char *moved = g_strdup_printf("%" G_GINT64_FORMAT, int_at(entry, "moved"));
  json_t *former = json_object_get(removed, moved);
  if (former) return json_incref(json_object_get(former, "texts"));
  json_t *given = texts ? json_object_get(texts, file->path) : NULL;
  if (texts) return given ? json_incref(given) : json_array();
  return stored_texts(house, file);
}

static gboolean add_files(const House *house, Sql *sql, gint64 accession_id, json_t *change, json_t *texts, json_t *removed, GError **error) {
  gint64 record_id = int_at(change, "record");
  size_t i;
  json_t *entry;
  json_array_foreach(json_object_get(change, "add"), i, entry) {
    g_autoptr(CatalogFile) file = file_from_json(entry);
    file->record_id = record_id;
    if (file->accession_id == 0) file->accession_id = accession_id;
    json_t *pages = texts_for(house, entry, texts, removed, file);
    gboolean good = add_file(house, sql, file, pages, error) && note_file(sql, accession_id, record_id, file->id, NULL, error);
    json_decref(pages);
    if (!good) return FALSE;
  }
  return TRUE;
}

gboolean attach_apply(const House *house, Sql *sql, gint64 accession_id, json_t *change, json_t *texts, GError **error) {
  gint64 record_id = int_at(change, "record");
  json_t *removed = json_object();
  gboolean good = remove_files(house, sql, accession_id, record_id, json_object_get(change, "remove"), removed, error) &&
    add_files(house, sql, accession_id, change, texts, removed, error) &&
    sql_exec(sql, "INSERT INTO accession_object (accession_id, record_id, version) VALUES ($1, $2, $3)", SQL_ARGS(sql_int(accession_id), sql_int(record_id),
      sql_int(int_at(change, "version"))), error);
  json_decref(removed);
  return good;
}

/* ---- back ---- */

static gboolean revert_removed(const House *house, Sql *sql, json_t *rows, GError **error) {
  size_t i;
  json_t *row;
  gboolean good = TRUE;
  json_array_foreach(rows, i, row) {
    const char *before = text_at(row, "before");
    json_t *json = good && *before ? json_loads(before, 0, NULL) : NULL;
    if (json == NULL) continue;
    g_autoptr(CatalogFile) file = file_from_json(json);
    good = add_file(house, sql, file, json_object_get(json, "texts"), error);
    json_decref(json);
  }
  return good;
}

gboolean attach_revert(const House *house, Sql *sql, gint64 accession_id, gint64 record_id, GError **error) {
  json_t *rows = sql_json(sql, "SELECT file_id, before FROM accession_file WHERE accession_id = $1 AND record_id = $2 ORDER BY file_id",
    SQL_ARGS(sql_int(accession_id),
    sql_int(record_id)), error);
  if (rows == NULL) return FALSE;
  gboolean good = TRUE;
  for (size_t i = json_array_size(rows); good && i-- > 0;) {
    json_t *row = json_array_get(rows, i);
    if (!*text_at(row, "before")) good = catalog_file_remove(house, sql, int_at(row, "file_id"), error);
  }
  good = good && revert_removed(house, sql, rows, error) &&
    sql_exec(sql, "DELETE FROM accession_file WHERE accession_id = $1 AND record_id = $2", SQL_ARGS(sql_int(accession_id), sql_int(record_id)), error) &&
    sql_exec(sql, "INSERT INTO accession_removal (accession_id, record_id, version) SELECT accession_id, record_id, version FROM accession_object WHERE "
      "accession_id = $1 AND record_id = $2",
      SQL_ARGS(sql_int(accession_id), sql_int(record_id)), error) &&
    sql_exec(sql, "DELETE FROM accession_object WHERE accession_id = $1 AND record_id = $2", SQL_ARGS(sql_int(accession_id), sql_int(record_id)), error);
  json_decref(rows);
  return good;
}
