/*
 * What stands around a record while it is looked at: its values, its volume and fonds, its files, the number of its children; and texts put in order.
 *
 * 1. A volume and a fonds are kept while records share them: records are looked at by id, so those of one delivery come together.
 */
#include "internal.h"
#include "date.h"
#include "text.h"

gboolean look_begin(Look *look, const House *house, Sql *sql, GError **error) {
  *look = (Look){.house = house, .sql = sql, .checker = catalog_code_checker_new(house)};
  look->today = date_today();
  return TRUE;
}

void look_clear(Look *look) {
  g_clear_pointer(&look->checker, catalog_code_checker_free);
  g_clear_pointer(&look->fields, json_decref);
  g_clear_pointer(&look->problems, json_decref);
  g_clear_pointer(&look->parent, catalog_record_free);
  g_clear_pointer(&look->fonds, catalog_record_free);
  g_clear_error(&look->failure);
}

static gboolean keep(Look *look, CatalogRecord **kept, gint64 id, GError **error) {
  if (*kept && (*kept)->id == id) return TRUE;
  g_clear_pointer(kept, catalog_record_free);
  if (id == 0) return TRUE;
  g_autoptr(GError) local = NULL;
  *kept = catalog_record_load(look->sql, &SCOPE_EVERYTHING, id, &local);
  if (*kept == NULL && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

static gboolean count_files(Look *look, GError **error) {
  look->pages = look->files = look->pages_unknown = 0;
  if (look->record->file_count == 0) return TRUE;
  g_autoptr(SqlRows) rows = sql_query(look->sql,
    "SELECT COUNT(*) AS files, COALESCE(SUM(page_count), 0) AS pages, COALESCE(SUM(CASE WHEN page_count = 0 THEN 1 ELSE 0 END), 0) AS unknown "
    "FROM file WHERE record_id = $1", SQL_ARGS(sql_int(look->record->id)), error);
  if (rows == NULL || !sql_next(rows, error)) return FALSE;
  look->files = sql_get_int(rows, "files");
  look->pages = sql_get_int(rows, "pages");
  look->pages_unknown = sql_get_int(rows, "unknown");
  return TRUE;
}

static gboolean count_children(Look *look, GError **error) {
  g_autoptr(GError) local = NULL;
  look->children = look->record->level == LEVEL_VOLUME
    ? sql_number(look->sql, "SELECT COUNT(*) AS children FROM record WHERE parent_id = $1", SQL_ARGS(sql_int(look->record->id)), 0, &local) : 0;
  if (local) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

gboolean look_at(Look *look, const CatalogRecord *record, GError **error) {
  look->record = record;
  look->category = catalog_category(look->house->catalog, record->category);
  json_decref(look->problems);
  look->problems = catalog_record_problems(look->house->catalog, NULL, record);
  json_decref(look->fields);
  look->fields = json_loads(record->fields, 0, NULL);
  if (!json_is_object(look->fields)) {
    json_decref(look->fields);
    look->fields = json_object();
  }
  return keep(look, &look->parent, record->parent_id, error) && keep(look, &look->fonds, record->level == LEVEL_FONDS ? 0 : record->fonds_id, error) &&
    count_files(look, error) && count_children(look, error);
}

const char *look_value(const Look *look, const char *key) {
  const char *value = json_string_value(json_object_get(look->fields, key));
  return value ? value : "";
}

/* ---- texts ---- */

static gboolean is_blank(gunichar c) { return g_unichar_isspace(c) || c == 0x3000 || c == 0x200B || c == 0xFEFF || c == 0x2060; }

char *look_squeezed(const char *text) {
  GString *out = g_string_new(NULL);
  gunichar last = 0;
  gboolean blank = FALSE;
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (is_blank(c)) {
      blank = TRUE;
      continue;
    }
    if (blank && last && !(text_is_ideograph(last) && text_is_ideograph(c))) g_string_append_c(out, ' ');
    g_string_append_unichar(out, c);
    last = c;
    blank = FALSE;
  }
  return g_string_free(out, FALSE);
}

char *look_name(const char *text) {
  gboolean foreign = FALSE; /* 约翰·史密斯 and letters keep their inner spaces */
  for (const char *at = text; *at; at = g_utf8_next_char(at)) foreign = foreign || (g_unichar_isalpha(g_utf8_get_char(at)) && g_utf8_get_char(at) < 0x2E80);
  if (foreign) return look_squeezed(text);
  GString *out = g_string_new(NULL);
  for (const char *at = text; *at; at = g_utf8_next_char(at))
    if (!is_blank(g_utf8_get_char(at))) g_string_append_unichar(out, g_utf8_get_char(at));
  return g_string_free(out, FALSE);
}

char *look_half_width(const char *text) {
  GString *out = g_string_new(NULL);
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    gboolean wide = (c >= 0xFF10 && c <= 0xFF19) || (c >= 0xFF21 && c <= 0xFF3A) || (c >= 0xFF41 && c <= 0xFF5A);
    g_string_append_unichar(out, wide ? c - 0xFEE0 : c);
  }
  return g_string_free(out, FALSE);
}
