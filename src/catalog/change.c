/*
 * Changes of records: each is one row, its line in the index and its event, in the caller's transaction.
 *
 * 1. Indexed are title, creator, code, document number and every value of `fields`; date, year, retention, opening and the like are columns to filter by.
 * 2. What goes into the index follows from the record and from which fields its category closes, so that it can be taken out again (the index keeps no text);
 *    when others are closed, the index is made anew (search_outdate).
 * 3. Levels fall from parent to child, strictly but for classes, which may stand in classes; nothing stands below itself; a child has its parent's fonds.
 * 4. catalog_record_save publishes the object's new metadata.json before the transaction begins (the store commits its intent by itself) and
 *    acknowledges it within: a crash leaves both or neither.
 */
#include "code-keeper.h"
#include "move.h"
#include "watch.h"
#include "content.h"
#include "text.h"
#include <string.h>

enum { CODE_MAX = 200, TEXT_MAX = 4000, FIELDS_MAX_BYTES = 256 * 1024 };

/* ---- the index ---- */

static void append_line(GString *lines, const char *key, const char *value) {
  g_string_append(lines, key);
  g_string_append_c(lines, '\t');
  gsize start = lines->len;
  g_string_append(lines, value);
  for (gsize i = start; i < lines->len; i++)
    if (lines->str[i] == '\n' || lines->str[i] == '\t') lines->str[i] = ' ';
  g_string_append_c(lines, '\n');
}

/* Canonical JSON without escapes, which is nearly all of it, straight to lines; FALSE for anything else. */
static gboolean lines_fast(const char *json, GString *lines) {
  gsize length = strlen(json);
  if (length < 2 || json[0] != '{' || json[length - 1] != '}' || strchr(json, '\\') != NULL) return FALSE;
  const char *at = json + 1, *end = json + length - 1;
  while (at < end) {
    const char *key_end = *at == '"' ? strchr(at + 1, '"') : NULL;
    if (key_end == NULL || key_end[1] != ':' || key_end[2] != '"') return FALSE;
    const char *value_end = strchr(key_end + 3, '"');
    if (value_end == NULL || value_end >= end) return FALSE;
    g_string_append_len(lines, at + 1, key_end - at - 1);
    g_string_append_c(lines, '\t');
    g_string_append_len(lines, key_end + 3, value_end - key_end - 3);
    g_string_append_c(lines, '\n');
    at = value_end + 1;
    if (at < end && *at++ != ',') return FALSE;
  }
  return TRUE;
}

static void fields_lines(const CatalogRecord *record, GString *lines) {
  if (lines_fast(record->fields, lines)) return;
  g_string_truncate(lines, 0);
  json_auto_t *fields = record_fields(record);
  g_autofree char *canonical = fields_dump(fields);
  json_auto_t *sorted = json_loads(canonical, 0, NULL);
  const char *key;
  json_t *value;
  json_object_foreach(sorted, key, value) append_line(lines, key, json_string_value(value));
}

static void move_line(const char *key, GString *lines, GString *closed) {
  g_autofree char *head = g_strconcat(key, "\t", NULL);
  const char *at = lines->str;
  while (*at != '\0' && !g_str_has_prefix(at, head)) at = strchr(at, '\n') + 1;
  if (*at == '\0') return;
  gsize length = (gsize)(strchr(at, '\n') + 1 - at);
  g_string_append_len(closed, at, (gssize)length);
  g_string_erase(lines, at - lines->str, (gssize)length);
}

void record_lines(const char *closed_keys, const CatalogRecord *record, GString *lines, GString *closed) {
  fields_lines(record, lines);
  if (closed_keys[0] != '\0') {
    g_auto(GStrv) keys = g_strsplit(closed_keys, " ", -1);
    for (char **key = keys; *key != NULL; key++) move_line(*key, lines, closed);
  }
  if (record->former[0] == '\0') return;
  g_auto(GStrv) codes = g_strsplit(record->former, "\n", -1);
  for (char **code = codes; *code != NULL; code++) append_line(lines, "former_code", *code);
}

typedef struct { GString *fields, *closed; } Lines;
static void lines_clear(Lines *lines) {
  g_string_free(lines->fields, TRUE);
  g_string_free(lines->closed, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Lines, lines_clear)
static Lines lines_new(void) { return (Lines){g_string_sized_new(256), g_string_new(NULL)}; }

static SearchDocument document_of(const char *closed_keys, const CatalogRecord *record, guint8 retention, Lines *lines) {
  record_lines(closed_keys, record, lines->fields, lines->closed);
  guint length = text_length(record->title);
  return (SearchDocument){
    .id = record->id, .title = record->title, .creator = record->creator, .code = record->code, .docno = record->docno, .fields = lines->fields->str,
    .closed = lines->closed->str,
    .columns = {
      .parent_id = record->parent_id, .fonds_id = record->fonds_id, .accession_id = record->accession_id, .date_from = record->date.from,
      .year = CLAMP(record->year, 0, 9999), .category = record->category, .level = record->level, .retention = retention, .opening = record->opening,
      .security = record->security, .title_length = MIN(length, 255), .has_files = record->file_count > 0, .has_children_hint = record->level < LEVEL_ITEM,
      .date_span = search_date_span(record->date.from, record->date.to),
    },
  };
}

static const char *keys_of(const House *house, Sql *sql, const CatalogRecord *record) {
  return closing_keys(sql, catalog_category(house->catalog, record->category), record->id);
}

gboolean catalog_search_records(Sql *sql, gint64 after, SearchEach each, gpointer each_data, gpointer house, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, RECORD_SELECT "WHERE r.id > $1 ORDER BY r.id", SQL_ARGS(sql_int(after)), error);
  if (rows == NULL) return FALSE;
  RecordRow row = record_row(rows);
  g_auto(Lines) lines = lines_new();
  g_autoptr(GError) local = NULL;
  for (gboolean more = TRUE; more && sql_next(rows, &local);) {
    g_autoptr(CatalogRecord) record = record_at(rows, &row);
    gint64 retention = retention_id(((const House *)house)->catalog, sql, record->retention, &local);
    if (retention < 0) break;
    g_string_truncate(lines.fields, 0);
    g_string_truncate(lines.closed, 0);
    SearchDocument document = document_of(keys_of(house, sql, record), record, retention_small(retention), &lines);
    more = each(&document, each_data);
  }
  if (local != NULL) g_propagate_error(error, g_steal_pointer(&local));
  return error == NULL || *error == NULL;
}

gboolean record_index(const House *house, Sql *sql, const CatalogRecord *before, const CatalogRecord *after, GError **error) {
  g_auto(Lines) old_lines = lines_new();
  g_auto(Lines) new_lines = lines_new();
  SearchDocument old, new;
  if (before != NULL) {
    gint64 retention = retention_id(house->catalog, sql, before->retention, error);
    if (retention < 0) return FALSE;
    old = document_of(keys_of(house, sql, before), before, retention_small(retention), &old_lines);
  }
  if (after != NULL) {
    gint64 retention = retention_id(house->catalog, sql, after->retention, error);
    if (retention < 0) return FALSE;
    new = document_of(keys_of(house, sql, after), after, retention_small(retention), &new_lines);
  }
  return search_put(house->search, sql, before ? &old : NULL, after ? &new : NULL, error);
}

gboolean record_index_moved(const House *house, Sql *sql, const CatalogRecord *record, const char *was, const char *is, GError **error) {
  g_auto(Lines) old_lines = lines_new();
  g_auto(Lines) new_lines = lines_new();
  gint64 retention = retention_id(house->catalog, sql, record->retention, error);
  if (retention < 0) return FALSE;
  SearchDocument old = document_of(was, record, retention_small(retention), &old_lines), new = document_of(is, record, retention_small(retention), &new_lines);
  return g_string_equal(old_lines.closed, new_lines.closed) || search_put(house->search, sql, &old, &new, error);
}

gboolean record_remake(const House *house, Sql *sql, const CatalogRecord *record, GError **error) {
  g_auto(Lines) lines = lines_new();
  gint64 retention = retention_id(house->catalog, sql, record->retention, error);
  if (retention < 0) return FALSE;
  SearchDocument document = document_of(keys_of(house, sql, record), record, retention_small(retention), &lines);
  return search_remake_put(house->search, sql, &document, error);
}

/* ---- rows ---- */

gboolean record_insert(const House *house, Sql *sql, CatalogRecord *record, gboolean *ret_existing, GError **error) {
  gint64 retention = retention_id(house->catalog, sql, record->retention, error);
  gint64 rev = retention < 0 ? 0 : record->rev != 0 ? record->rev : next_rev(sql, error);
  if (rev == 0) return FALSE;
  if (!sql_exec(sql,
        "INSERT INTO record (id, rev, parent_id, fonds_id, accession_id, level, category, security, opening, code, title, creator, docno, date_text, "
        "date_from, date_to, year, retention, page_count, file_count, fields) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT (code, fonds_id) DO NOTHING",
        SQL_ARGS(sql_int(record->id), sql_int(rev), sql_int(record->parent_id), sql_int(record->fonds_id), sql_int(record->accession_id),
          sql_int(record->level), sql_int(record->category), sql_int(record->security), sql_int(record->opening), sql_text(record->code),
          sql_text(record->title), sql_text(record->creator), sql_text(record->docno), sql_text(record->date_text), sql_int(record->date.from),
          sql_int(record->date.to), sql_int(record->year), sql_int(retention), sql_int(record->page_count), sql_int(record->file_count),
          sql_text(record->fields)), error)) return FALSE;
  *ret_existing = sql_changes(sql) == 0;
  if (*ret_existing) return TRUE;
  record->rev = rev;
  return order_enter(sql, record->parent_id, record->id, error) && record_index(house, sql, NULL, record, error);
}

static int compare_lines(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

char *former_with(const char *former, const char *add, const char *drop) {
  g_auto(GStrv) old = g_strsplit(former, "\n", -1);
  g_autoptr(GPtrArray) codes = g_ptr_array_new();
  for (char **code = old; *code != NULL; code++)
    if (**code != '\0' && g_strcmp0(*code, add) != 0 && g_strcmp0(*code, drop) != 0) g_ptr_array_add(codes, *code);
  if (add != NULL) g_ptr_array_add(codes, (gpointer)add);
  g_ptr_array_sort(codes, compare_lines); /* as the table's key orders them: the index must be given the same text again */
  g_ptr_array_add(codes, NULL);
  return g_strjoinv("\n", (char **)codes->pdata);
}

static gboolean former_insert(Sql *sql, const CatalogRecord *record, GError **error) {
  g_auto(GStrv) codes = g_strsplit(record->former, "\n", -1);
  for (char **code = codes; *code != NULL; code++)
    if (!sql_exec(sql, "INSERT INTO record_code_former (record_id, code) VALUES ($1, $2)", SQL_ARGS(sql_int(record->id), sql_text(*code)), error)) return FALSE;
  return TRUE;
}

static gboolean follow_code(Sql *sql, const CatalogRecord *before, CatalogRecord *after, GError **error) {
  gboolean changed = !g_str_equal(before->code, after->code), given = !g_str_equal(before->former, after->former);
  if (!changed || !given) {
    g_free(after->former);
    after->former = changed ? former_with(before->former, before->code, after->code) : g_strdup(before->former);
  }
  if (!changed) return TRUE;
  return sql_exec(sql, "DELETE FROM record_code_former WHERE record_id = $1", SQL_ARGS(sql_int(after->id)), error) && former_insert(sql, after, error);
}

static CatalogLeft left_hook;

void catalog_set_left(CatalogLeft left) { left_hook = left; }

static gboolean leave(Sql *sql, const CatalogRecord *record, GError **error) {
  return order_leave(sql, record->id, error) && (left_hook == NULL || left_hook(sql, record->id, record->parent_id, error));
}

gboolean record_overwrite(const House *house, Sql *sql, const CatalogRecord *before, CatalogRecord *after, GError **error) {
  if (!follow_code(sql, before, after, error)) return FALSE;
  gint64 retention = retention_id(house->catalog, sql, after->retention, error);
  gint64 rev = retention < 0 ? 0 : after->rev > before->rev ? after->rev : next_rev(sql, error);
  if (rev == 0) return FALSE;
  if (!sql_exec(sql,
        "UPDATE record SET rev = $1, parent_id = $2, fonds_id = $3, accession_id = $4, level = $5, category = $6, security = $7, opening = $8, code = $9, "
        "title = $10, creator = $11, docno = $12, date_text = $13, date_from = $14, date_to = $15, year = $16, retention = $17, page_count = $18, "
        "file_count = $19, fields = $20 WHERE id = $21",
        SQL_ARGS(sql_int(rev), sql_int(after->parent_id), sql_int(after->fonds_id), sql_int(after->accession_id), sql_int(after->level),
          sql_int(after->category), sql_int(after->security), sql_int(after->opening), sql_text(after->code), sql_text(after->title),
          sql_text(after->creator), sql_text(after->docno), sql_text(after->date_text), sql_int(after->date.from), sql_int(after->date.to),
          sql_int(after->year), sql_int(retention), sql_int(after->page_count), sql_int(after->file_count), sql_text(after->fields),
          sql_int(after->id)), error)) return FALSE;
  after->rev = rev;
  gboolean moved = before->parent_id != after->parent_id;
  return (!moved || (leave(sql, before, error) && order_enter(sql, after->parent_id, after->id, error))) && record_index(house, sql, before, after, error);
}

gboolean record_erase(const House *house, Sql *sql, const CatalogRecord *record, GError **error) {
  return sql_exec(sql, "DELETE FROM record WHERE id = $1", SQL_ARGS(sql_int(record->id)), error) &&
         sql_exec(sql, "DELETE FROM record_code_former WHERE record_id = $1", SQL_ARGS(sql_int(record->id)), error) &&
         leave(sql, record, error) && record_index(house, sql, record, NULL, error);
}

/* What was erased, as it was. */
gboolean record_return(const House *house, Sql *sql, CatalogRecord *record, GError **error) {
  gboolean existing;
  record->rev = 0;
  if (!record_insert(house, sql, record, &existing, error)) return FALSE;
  return existing ? throw(error, LANTAI_ERROR_CONFLICT, "本全宗内已有档号 %s", record->code) : former_insert(sql, record, error);
}

/* ---- rules ---- */

static gboolean text_short(const char *text, guint max, const char *label, GError **error) {
  if (text_length(text) <= max) return TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "%s超过 %u 字，请缩短", label, max);
}

static gboolean check_description(const House *house, const CatalogRecord *record, GError **error) {
  if (record->code[0] == '\0') return throw(error, LANTAI_ERROR_INVALID, "缺少%s", record->level == LEVEL_FONDS ? "全宗号" : "档号");
  if (record->title[0] == '\0')
    return throw(error, LANTAI_ERROR_INVALID, "缺少%s（%s %s）", level_word(record->level, "title"), level_word(record->level, "code"), record->code);
  if (record->level < LEVEL_FONDS || record->level > LEVEL_ITEM || record->opening > OPENING_DEFERRED || record->security > SECURITY_TOP)
    return throw(error, LANTAI_ERROR_INVALID, "层级、开放标识或密级不是规定的值（档号 %s）", record->code);
  if (record->category != 0 && catalog_category(house->catalog, record->category) == NULL)
    return throw(error, LANTAI_ERROR_INVALID, "没有编号为 %u 的门类", record->category);
  if (record->page_count < 0) return throw(error, LANTAI_ERROR_INVALID, "页数不能小于 0");
  if (strlen(record->fields) > FIELDS_MAX_BYTES) return throw(error, LANTAI_ERROR_TOO_LARGE, "档号 %s 的著录内容合计超过 256 KB，请精简", record->code);
  return text_short(record->code, CODE_MAX, "档号", error) && text_short(record->title, TEXT_MAX, "题名", error) && text_short(record->creator, TEXT_MAX, "责任者",
    error) &&
         text_short(record->docno, TEXT_MAX, "文号", error) && text_short(record->date_text, CODE_MAX, "日期", error) && text_short(record->retention, CODE_MAX,
         "保管期限", error);
}

/* Invariant 3; gives the record its fonds. */
static gboolean check_place(Sql *sql, CatalogRecord *record, GError **error) {
  if (record->level == LEVEL_FONDS) {
    if (record->parent_id != 0) return throw(error, LANTAI_ERROR_INVALID, "全宗之上不能再有层级");
    record->fonds_id = record->id;
    return TRUE;
  }
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) parent = record_by_id(sql, record->parent_id, &local);
  if (parent == NULL && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return throw(error, LANTAI_ERROR_INVALID, "上级不存在或已删除，请重新选择上级");
  if (parent == NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (parent->level > record->level || (parent->level == record->level && record->level != LEVEL_CLASS))
    return throw(error, LANTAI_ERROR_INVALID, "%s之下不能放%s", level_label(parent->level), level_label(record->level));
  record->fonds_id = parent->fonds_id;
  return TRUE;
}

static gboolean code_taken(GError **error, const CatalogRecord *record) {
  if (record->level == LEVEL_FONDS) return throw(error, LANTAI_ERROR_CONFLICT, "全宗号 %s 已有，请换一个全宗号或修改原有全宗", record->code);
  return throw(error, LANTAI_ERROR_CONFLICT, "本全宗内已有档号 %s，请换一个档号或修改原有档案", record->code);
}

/* TRUE when another record holds the code; -1 on error. */
static int code_used(Sql *sql, const CatalogRecord *record, GError **error) {
  gint64 other = record->level == LEVEL_FONDS
    ? sql_number(sql, "SELECT id FROM record WHERE code = $1 AND level = 1 AND id <> $2", SQL_ARGS(sql_text(record->code), sql_int(record->id)), 0, error)
    : sql_number(sql, "SELECT id FROM record WHERE code = $1 AND fonds_id = $2 AND id <> $3",
        SQL_ARGS(sql_text(record->code), sql_int(record->fonds_id), sql_int(record->id)), 0, error);
  return error != NULL && *error != NULL ? -1 : other != 0;
}

/* A code that waits for a delivery is given to no other record; one that has it keeps it. */
static gboolean check_kept(Sql *sql, const CatalogRecord *record, GError **error) {
  gint64 kept = catalog_code_kept(sql, record->fonds_id, record->code);
  if (kept == 0 || kept == record->accession_id) return TRUE;
  return sql_number(sql, "SELECT id FROM record WHERE id = $1 AND code = $2", SQL_ARGS(sql_int(record->id), sql_text(record->code)), 0, NULL) != 0 ||
    throw(error, LANTAI_ERROR_CONFLICT, "档号 %s 已留给正在归档的台账条目，请换一个档号，或者等那次归档办完、作废", record->code);
}

static gboolean check_code(Sql *sql, const CatalogRecord *record, GError **error) {
  g_autoptr(GError) local = NULL;
  int used = code_used(sql, record, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (used != 0) return code_taken(error, record);
  return record->level < LEVEL_VOLUME || check_kept(sql, record, error);
}

gboolean record_valid(const House *house, Sql *sql, const CatalogRecord *record, GError **error) {
  return check_description(house, record, error) && check_code(sql, record, error);
}

static void make_canonical(CatalogRecord *record) {
  json_auto_t *fields = record_fields(record);
  g_free(record->fields);
  record->fields = fields_dump(fields);
}

/* ---- one record ---- */

gboolean catalog_record_create(const House *house, Sql *sql, const char *actor, CatalogRecord *record, GError **error) {
  g_autoptr(CatalogRecord) made = catalog_record_dup(record);
  make_canonical(made);
  made->rev = made->file_count = 0;
  if (!check_description(house, made, error)) return FALSE;
  made->id = catalog_reserve_ids(sql, 1, error);
  if (made->id == 0 || !check_place(sql, made, error) || !check_code(sql, made, error)) return FALSE;
  gboolean existing;
  if (!record_insert(house, sql, made, &existing, error)) return FALSE;
  if (existing) return code_taken(error, made);
  json_auto_t *data = json_pack("{s:o}", "record", record_store_json(made));
  if (journal_append(sql, actor, "record.create", "record", made->id, data, error) == 0) return FALSE;
  record->id = made->id;
  record->rev = made->rev;
  record->fonds_id = made->fonds_id;
  record->file_count = 0;
  return TRUE;
}

/* Nothing stands below itself. */
static gboolean check_above(Sql *sql, const CatalogRecord *record, GError **error) {
  for (gint64 above = record->parent_id; above != 0;) {
    if (above == record->id) return throw(error, LANTAI_ERROR_INVALID, "不能把%s移到它自己之下", level_label(record->level));
    g_autoptr(CatalogRecord) parent = record_by_id(sql, above, error);
    if (parent == NULL) return FALSE;
    above = parent->parent_id;
  }
  return TRUE;
}

static gboolean check_move(Sql *sql, const CatalogRecord *before, CatalogRecord *after, GError **error) {
  if (after->parent_id == before->parent_id && after->level == before->level) {
    after->fonds_id = before->fonds_id;
    return TRUE;
  }
  if ((before->level == LEVEL_FONDS) != (after->level == LEVEL_FONDS)) return throw(error, LANTAI_ERROR_INVALID, "全宗不能改为其他层级，其他层级也不能改为全宗");
  if (!check_place(sql, after, error)) return FALSE;
  if (after->fonds_id != before->fonds_id) return throw(error, LANTAI_ERROR_INVALID, "移到另一个全宗，请用目录页的“移动”");
  if (!check_above(sql, after, error)) return FALSE;
  gint64 child = sql_number(sql, "SELECT MIN(level) AS level FROM record WHERE parent_id = $1", SQL_ARGS(sql_int(after->id)), 0, error);
  if (child != 0 && (child < (gint64)after->level || (child == (gint64)after->level && after->level != LEVEL_CLASS)))
    return throw(error, LANTAI_ERROR_INVALID, "下级层级高于或等于%s，不能这样修改", level_label(after->level));
  return TRUE;
}

gboolean record_place_valid(Sql *sql, const CatalogRecord *record, GError **error) {
  g_autoptr(CatalogRecord) placed = catalog_record_dup(record);
  g_autoptr(GError) local = NULL;
  if (!check_place(sql, placed, &local) || !check_above(sql, placed, &local)) {
    if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
    return throw(error, LANTAI_ERROR_CONFLICT, "%s 要去的上级已经变动：%s。没有改动，请重新预览", record->code, local->message);
  }
  if (placed->fonds_id == record->fonds_id) return TRUE;
  return throw(error, LANTAI_ERROR_CONFLICT, "%s 要去的上级已经移到另一全宗，没有改动。请重新预览", record->code);
}

gboolean catalog_record_update(const House *house, Sql *sql, const char *actor, const CatalogRecord *record, gint64 expect_rev, GError **error) {
  g_autoptr(CatalogRecord) before = record_by_id(sql, record->id, error);
  if (before == NULL) return FALSE;
  if (expect_rev != 0 && before->rev != expect_rev) return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 已被他人修改，您的修改没有保存。请对照后再保存", before->code);
  g_autoptr(CatalogRecord) after = catalog_record_dup(record);
  make_canonical(after);
  after->rev = 0;
  after->file_count = before->file_count;
  after->accession_id = before->accession_id;
  if (!check_move(sql, before, after, error)) return FALSE;
  json_auto_t *changes = catalog_record_diff(before, after);
  if (changes == NULL) return TRUE;
  if (!check_description(house, after, error) || !check_code(sql, after, error) || !record_overwrite(house, sql, before, after, error)) return FALSE;
  json_auto_t *data = json_pack("{s:I, s:I, s:s, s:O}", "id", (json_int_t)after->id, "rev", (json_int_t)after->rev, "code", after->code, "changes", changes);
  return journal_append(sql, actor, "record.update", "record", after->id, data, error) != 0;
}

static CatalogTie ties[8]; /* ended by NULL; set before serving */

void catalog_set_tie(CatalogTie tie) {
  guint count = 0;
  while (count < G_N_ELEMENTS(ties) - 1 && ties[count] != NULL && ties[count] != tie) count++;
  ties[count] = tie;
}

static gboolean check_ties(Sql *sql, const CatalogRecord *record, GError **error) {
  for (guint i = 0; i < G_N_ELEMENTS(ties) && ties[i] != NULL; i++) {
    g_autoptr(GError) local = NULL;
    g_autofree char *tied = ties[i](sql, record->id, &local);
    if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
    if (tied != NULL) return throw(error, LANTAI_ERROR_CONFLICT, "%s %s %s，不能删除。请先取消", level_label(record->level), record->code, tied);
  }
  return TRUE;
}

gboolean catalog_record_may_go(Sql *sql, const CatalogRecord *record, GError **error) {
  g_autoptr(GError) local = NULL;
  gint64 child = sql_number(sql, "SELECT id FROM record WHERE parent_id = $1 LIMIT 1", SQL_ARGS(sql_int(record->id)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (child != 0) return throw(error, LANTAI_ERROR_CONFLICT, "%s %s 之下还有档案，不能删除。请先删除或移走下级", level_label(record->level), record->code);
  json_auto_t *tombstone = catalog_tombstone(sql, record->id, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (tombstone != NULL) return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 的原文已经销毁，其目录须保留，不能删除", record->code);
  if (record->file_count > 0)
    return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 挂有 %d 个原文，不能删除。请先撤销带来原文的移交批次，或按“销毁”提出误收删除", record->code, record->file_count);
  return check_ties(sql, record, error);
}

gboolean catalog_record_delete(const House *house, Sql *sql, const char *actor, gint64 id, GError **error) {
  g_autoptr(CatalogRecord) record = record_by_id(sql, id, error);
  if (record == NULL || !catalog_record_may_go(sql, record, error) || !record_erase(house, sql, record, error)) return FALSE;
  json_auto_t *data = json_pack("{s:o}", "record", record_store_json(record));
  return journal_append(sql, actor, "record.delete", "record", id, data, error) != 0;
}

/* ---- with the object's own description ---- */

char *catalog_metadata_json(const Catalog *catalog, const CatalogRecord *record) {
  json_auto_t *json = catalog_record_json(catalog, record);
  json_object_del(json, "rev"); /* the database's own counter; the object's version is the store's */
  json_object_del(json, "opening_tone"); /* how a page colours it */
  json_object_del(json, "security_tone");
  char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
  char *owned = g_strconcat(text, "\n", NULL);
  free(text);
  return owned;
}

static gboolean has_object(const House *house, const CatalogRecord *record) {
  g_autofree char *object_id = catalog_object_id(record->id);
  return record->file_count > 0 && house->content != NULL && content_exists(house->content, object_id);
}

gboolean record_stage(const House *house, const char *actor, const CatalogRecord *record, ContentBatch *batch, const char *why, GError **error) {
  if (!has_object(house, record)) return TRUE;
  g_autofree char *object_id = catalog_object_id(record->id);
  g_autoptr(ContentStage) stage = content_stage_new(house->content, object_id, actor, why, error);
  if (stage == NULL) return FALSE;
  g_autofree char *text = catalog_metadata_json(house->catalog, record);
  if (content_stage_add_bytes(stage, "metadata.json", text, strlen(text), error) == NULL) return FALSE;
  content_batch_take(batch, g_steal_pointer(&stage));
  return TRUE;
}

/* A batch with the object's new metadata.json, published; *ret_batch NULL when the record has no object. */
static gboolean publish_metadata(const House *house, const char *actor, const CatalogRecord *record, ContentBatch **ret_batch, GError **error) {
  if (!has_object(house, record)) return TRUE;
  g_autoptr(ContentBatch) batch = content_batch_new(house->content);
  if (!record_stage(house, actor, record, batch, "修改著录", error) || !content_batch_publish(batch, error)) return FALSE;
  *ret_batch = g_steal_pointer(&batch);
  return TRUE;
}

gboolean catalog_record_save(const House *house, const char *actor, const CatalogRecord *record, gint64 expect_rev, GError **error) {
  g_autoptr(ContentBatch) batch = NULL;
  g_autoptr(CatalogRecord) after = catalog_record_dup(record);
  make_canonical(after);
  gint64 rev;
  {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    g_autoptr(CatalogRecord) before = sql == NULL ? NULL : record_by_id(sql, record->id, error);
    if (before == NULL) return FALSE;
    rev = expect_rev != 0 ? expect_rev : before->rev;
    if (before->rev != rev) return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 已被他人修改，您的修改没有保存。请对照后再保存", before->code);
    after->file_count = before->file_count;
    if (!check_description(house, after, error) || !check_code(sql, after, error)) return FALSE;
    if (record_equal(before, after)) return TRUE;
  }
  if (!publish_metadata(house, actor, after, &batch, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL || !catalog_record_update(house, sql, actor, after, rev, error)) return FALSE;
  if (batch != NULL && !content_batch_acknowledge(batch, sql, error)) return FALSE;
  return sql_commit(sql, error);
}

/* ---- nodes that imports need ---- */

gint64 catalog_fonds_ensure(const House *house, Sql *sql, const char *actor, const char *code, const char *title, GError **error) {
  g_autoptr(GError) local = NULL;
  gint64 id = sql_number(sql, "SELECT id FROM record WHERE code = $1 AND level = 1", SQL_ARGS(sql_text(code)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), 0;
  gboolean titled = title != NULL && title[0] != '\0';
  if (id != 0) {
    g_autoptr(CatalogRecord) fonds = titled ? record_by_id(sql, id, error) : NULL;
    if (fonds == NULL || !g_str_equal(fonds->title, code) || g_str_equal(title, code)) return titled && fonds == NULL ? 0 : id;
    g_free(fonds->title); /* known by its code only until now */
    fonds->title = g_strdup(title);
    return catalog_record_update(house, sql, actor, fonds, 0, error) ? id : 0;
  }
  g_autoptr(CatalogRecord) fonds = catalog_record_new();
  fonds->level = LEVEL_FONDS;
  g_free(fonds->code);
  fonds->code = g_strdup(code);
  g_free(fonds->title);
  fonds->title = g_strdup(titled ? title : code);
  return catalog_record_create(house, sql, actor, fonds, error) ? fonds->id : 0;
}

gint64 catalog_class_ensure(const House *house, Sql *sql, const char *actor, gint64 fonds_id, guint8 category, GError **error) {
  const CatalogCategory *definition = catalog_category(house->catalog, category);
  if (definition == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有编号为 %u 的门类", category);
  g_autoptr(GError) local = NULL;
  gint64 id = sql_number(sql, "SELECT id FROM record WHERE parent_id = $1 AND level = 2 AND category = $2", SQL_ARGS(sql_int(fonds_id), sql_int(category)),
    0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), 0;
  if (id != 0) return id;
  g_autoptr(CatalogRecord) fonds = record_by_id(sql, fonds_id, error);
  if (fonds == NULL) return 0;
  g_autoptr(CatalogRecord) class = catalog_record_new();
  class->level = LEVEL_CLASS;
  class->parent_id = fonds_id;
  class->category = category;
  g_free(class->code);
  class->code = g_strdup_printf("%s-%s", fonds->code, definition->code);
  g_free(class->title);
  class->title = g_strdup(definition->title);
  return catalog_record_create(house, sql, actor, class, error) ? class->id : 0;
}

/* ---- rebuilding ---- */

static gboolean replay_create(const House *house, Sql *sql, json_t *data, GError **error) {
  g_autoptr(CatalogRecord) record = record_from_store_json(json_object_get(data, "record"), error);
  if (record == NULL) return FALSE;
  gboolean existing;
  if (!record_insert(house, sql, record, &existing, error)) return FALSE;
  if (existing) return code_taken(error, record);
  return catalog_ids_used(sql, record->id, error) && catalog_rev_seek(sql, record->rev, error);
}

static gboolean replay_update(const House *house, Sql *sql, json_t *data, GError **error) {
  g_autoptr(CatalogRecord) before = record_by_id(sql, json_integer_value(json_object_get(data, "id")), error);
  if (before == NULL) return FALSE;
  g_autoptr(CatalogRecord) after = catalog_record_dup(before);
  if (!record_apply_diff(after, json_object_get(data, "changes"), error)) return FALSE;
  after->rev = json_integer_value(json_object_get(data, "rev"));
  return record_overwrite(house, sql, before, after, error) && catalog_rev_seek(sql, after->rev, error);
}

gboolean catalog_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  const char *action = json_string_value(json_object_get(event, "action"));
  json_t *data = json_object_get(event, "data");
  if (g_strcmp0(action, "record.create") == 0) return replay_create(house, sql, data, error);
  if (g_strcmp0(action, "record.update") == 0) return replay_update(house, sql, data, error);
  if (g_strcmp0(action, "record.move") == 0 || g_strcmp0(action, "record.move_undo") == 0) return move_replay(house, sql, event, error);
  if (g_strcmp0(action, "record.order") == 0) return order_replay(house, sql, event, error);
  if (g_strcmp0(action, "record.delete") != 0) return throw(error, LANTAI_ERROR_INVALID, "不认识的著录事件“%s”", action ? action : "");
  g_autoptr(CatalogRecord) record = record_by_id(sql, json_integer_value(json_object_get(json_object_get(data, "record"), "id")), error);
  return record != NULL && record_erase(house, sql, record, error);
}
