/* What is told of conversions: the list, what could not be converted, and the register form of one operation (GB/T 18894 表A.3). */
#include "internal.h"
#include "people.h"
#include "settings.h"

enum { LIST_RECORDS = 200, FORM_ROWS = 5000 };

json_t *convert_list(Sql *sql, const Scope *scope, gint64 record_id, gint64 before, int limit, GError **error) {
  before = before > 0 ? before : G_MAXINT64;
  json_auto_t *rows = record_id != 0 ? sql_json(sql,
    "SELECT id, record_id, converter, tool, before, after, actor, at_us AS at, undone_by, undone_us AS undone_at FROM keep_conversion "
    "WHERE record_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3", SQL_ARGS(sql_int(record_id), sql_int(before), sql_int(limit)), error) : sql_json(sql,
    "SELECT id, record_id, converter, tool, before, after, actor, at_us AS at, undone_by, undone_us AS undone_at FROM keep_conversion "
    "WHERE id < $1 ORDER BY id DESC LIMIT $2", SQL_ARGS(sql_int(before), sql_int(limit)), error);
  if (rows == NULL) return NULL;
  json_t *list = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, json_number_of(row, "record_id"), NULL);
    gboolean seen = record != NULL && scope_admits_files(scope, record->fonds_id, record->security, record->opening);
    json_object_set_new(row, "seen", json_boolean(seen));
    json_object_set_new(row, "undone", json_boolean(json_number_of(row, "undone_at") != 0));
    if (seen) {
      json_object_set_new(row, "code", json_string(record->code));
      json_object_set_new(row, "before", json_loads(json_word(row, "before"), 0, NULL));
      json_object_set_new(row, "after", json_loads(json_word(row, "after"), 0, NULL));
    } else {
      json_object_del(row, "before");
      json_object_del(row, "after");
      json_object_del(row, "record_id");
    }
    json_array_append(list, row);
  }
  return list;
}

json_t *convert_failures(Sql *sql, const Scope *scope, const char *puid, const char *mime, gint64 after, GError **error) {
  json_auto_t *rows = sql_json(sql,
    "SELECT record_id, source_path, reason, at_us AS at FROM keep_conversion_failure WHERE puid = $1 AND mime = $2 AND record_id > $3 "
    "ORDER BY record_id LIMIT $4", SQL_ARGS(sql_text(puid), sql_text(mime), sql_int(after), sql_int(LIST_RECORDS)), error);
  json_t *list = rows ? json_array() : NULL, *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    if (!record_admitted(sql, scope, json_number_of(row, "record_id"), TRUE)) continue;
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, json_number_of(row, "record_id"), NULL);
    json_object_set_new(row, "code", json_string(record->code));
    json_array_append(list, row);
  }
  return list;
}

/* ---- the form: one operation is what one person had one tool make of one format on one day ---- */

static void day_around(gint64 at_us, gint64 *ret_from, gint64 *ret_to) {
  g_autoptr(GDateTime) moment = g_date_time_new_from_unix_local(at_us / G_USEC_PER_SEC);
  g_autoptr(GDateTime) day = g_date_time_new_local(g_date_time_get_year(moment), g_date_time_get_month(moment), g_date_time_get_day_of_month(moment), 0, 0, 0);
  g_autoptr(GDateTime) next = g_date_time_add_days(day, 1);
  *ret_from = g_date_time_to_unix(day) * G_USEC_PER_SEC;
  *ret_to = g_date_time_to_unix(next) * G_USEC_PER_SEC;
}

typedef struct { gint64 files, bytes, pages; } Sum;

static char *side_text(json_t *side, Sum *sum) {
  gint64 files = MAX((gint64)json_array_size(json_object_get(side, "files")), 1), pages = json_number_of(side, "pages");
  sum->files += files;
  sum->bytes += json_number_of(side, "size");
  sum->pages += pages;
  g_autofree char *count = pages > 0 ? g_strdup_printf("，%" G_GINT64_FORMAT " 页", pages) : g_strdup("");
  return g_strdup_printf("%s，%" G_GINT64_FORMAT " 字节%s", json_word(side, "name"), json_number_of(side, "size"), count);
}

typedef struct { Sum before, after; gint64 undone, hidden, began_us, ended_us; } Operation;

static json_t *form_items(Sql *sql, const Scope *scope, json_t *rows, Operation *ret) {
  json_t *items = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    json_auto_t *before = json_loads(json_word(row, "before"), 0, NULL), *after = json_loads(json_word(row, "after"), 0, NULL);
    g_autofree char *from = side_text(before, &ret->before), *to = side_text(after, &ret->after);
    gboolean undone = json_number_of(row, "undone_us") != 0;
    ret->undone += undone;
    if (i == 0) ret->began_us = json_number_of(row, "at_us");
    ret->ended_us = json_number_of(row, "at_us");
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, json_number_of(row, "record_id"), NULL);
    if (record == NULL || !scope_admits_files(scope, record->fonds_id, record->security, record->opening)) ret->hidden++;
    else json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:s}", "code", record->code, "from", from, "to", to, "result", undone ? "成功，后撤销" : "成功"));
  }
  return items;
}

static char *result_text(const Operation *operation, gint64 failed) {
  GString *text = g_string_new(NULL);
  g_string_printf(text, "转换前 %" G_GINT64_FORMAT " 个文件，%" G_GINT64_FORMAT " 字节；转换后 %" G_GINT64_FORMAT " 个文件，%" G_GINT64_FORMAT " 字节，%" G_GINT64_FORMAT " 页。原文保留",
    operation->before.files, operation->before.bytes, operation->after.files, operation->after.bytes, operation->after.pages);
  if (operation->undone) g_string_append_printf(text, "；其中 %" G_GINT64_FORMAT " 次后来撤销", operation->undone);
  g_string_append_printf(text, "；没有转换成的 %" G_GINT64_FORMAT " 件", failed);
  if (operation->hidden) g_string_append_printf(text, "；另有 %" G_GINT64_FORMAT " 次不在打印人的利用范围内，没有列出", operation->hidden);
  return g_string_free(text, FALSE);
}

json_t *convert_form(const House *house, Sql *sql, const Scope *scope, gint64 id, GError **error) {
  json_auto_t *one = sql_row_json(sql, "SELECT record_id, converter, tool, actor, at_us, before FROM keep_conversion WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (one == NULL) return NULL;
  if (!record_admitted(sql, scope, json_number_of(one, "record_id"), TRUE)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次转换");
  json_auto_t *before = json_loads(json_word(one, "before"), 0, NULL);
  const char *puid = json_word(before, "puid"), *mime = json_word(before, "mime"), *converter = json_word(one, "converter");
  gint64 from, to;
  day_around(json_number_of(one, "at_us"), &from, &to);
  json_auto_t *rows = sql_json(sql,
    "SELECT record_id, before, after, at_us, undone_us FROM keep_conversion WHERE at_us >= $1 AND at_us < $2 AND actor = $3 AND converter = $4 AND tool = $5 "
    "AND json_extract(before, '$.puid') = $6 AND json_extract(before, '$.mime') = $7 ORDER BY at_us LIMIT $8", SQL_ARGS(sql_int(from), sql_int(to),
      sql_text(json_word(one, "actor")), sql_text(converter), sql_text(json_word(one, "tool")), sql_text(puid), sql_text(mime), sql_int(FORM_ROWS + 1)), error);
  if (rows == NULL) return NULL;
  if (json_array_size(rows) > FORM_ROWS) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "这次操作超过 %d 件，不能打印成一张表", FORM_ROWS);
  g_autoptr(GError) local = NULL;
  gint64 failed = sql_number(sql, "SELECT COUNT(*) AS count FROM keep_conversion_failure WHERE puid = $1 AND mime = $2 AND converter = $3 AND at_us >= $4 AND at_us < $5",
    SQL_ARGS(sql_text(puid), sql_text(mime), sql_text(converter), sql_int(from), sql_int(to)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  Operation operation = {0};
  json_t *items = form_items(sql, scope, rows, &operation);
  g_autofree char *result = result_text(&operation, failed), *began = clock_format(operation.began_us), *ended = clock_format(operation.ended_us);
  g_autofree char *source = g_strdup_printf("%s（%s%s%s）", format_name(puid, mime), mime, *puid ? "，PRONOM " : "", puid);
  const FormatConverter *made = convert_maker(converter);
  const char *target = g_str_equal(converter, CONVERT_ASSEMBLE) ? "页面图像合并为 PDF/A-2b" : made ? made->name : converter;
  g_autofree char *title = people_title_of(json_word(one, "actor"));
  return json_pack("{s:o, s:s, s:s, s:s, s:O, s:s, s:s, s:s, s:s, s:o}", "archive", settings_archive(house->settings), "kind",
    "格式转换", "source", source, "target", target, "tool", json_object_get(one, "tool"), "result", result, "began", began, "ended", ended,
    "operator", title && *title ? title : json_word(one, "actor"), "items", items);
}
