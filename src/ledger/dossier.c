/*
 * A finished entry as a dossier (一批示一档案): what its record in the catalogue will say, the sheet (办理单) that tells its story, and the files that go with it, in
 * their order; and the tie between the entry and the record. Which delivery takes it into the archives is not decided here.
 *
 * 1. An entry becomes one record: it is tied to a delivery with a 档号 in one transaction, and only a free one can be tied. From then on nothing of it changes.
 * 2. The record is at least as secret as each entry whose words it holds. What only some roles may read is in no dossier: fields with `read`, and entries of ledgers that
 *    are not open to all who read ledgers. A ledger of that kind may itself say which secrecy its records have.
 * 3. Who may not see all that goes in makes no dossier.
 */
#include "catalog.h"
#include "internal.h"

enum { RELATED_MAX = 500, DOSSIERS_MAX = 200, CELL_LONG = 24, FILE_NAME_MAX = 80 };

/* ---- the tie ---- */

gboolean entry_is_tied(json_t *entry) { return int_at(json_object_get(entry, "values"), "归档批次") != 0; }

gboolean entry_is_free(json_t *entry, GError **error) {
  json_t *values = json_object_get(entry, "values");
  if (json_is_true(json_object_get(entry, "deleted"))) return throw(error, LANTAI_ERROR_CONFLICT, "这一条已删除，请先恢复");
  if (!entry_is_tied(entry)) return TRUE;
  return throw(error, LANTAI_ERROR_CONFLICT, "这一条%s（档号 %s），不能再改；确需更改的，先撤销归档批次 %d", int_at(values, "档案") != 0 ? "已归档" : "正在归档", text_at(values, "归档档号"),
    (int)int_at(values, "归档批次"));
}

void entry_untie(json_t *entry) {
  static const char *const tied[] = {"档案", "归档档号", "归档批次"};
  for (guint i = 0; i < G_N_ELEMENTS(tied); i++) json_object_del(json_object_get(entry, "values"), tied[i]);
}

gboolean ledger_entry_tie(Sql *sql, const char *actor, const LedgerTie *tie, GError **error) {
  json_auto_t *entry = entry_load_any(sql, tie->entry, error);
  if (entry == NULL || !entry_is_free(entry, error)) return FALSE;
  if (int_at(entry, "rev") != tie->rev) return throw(error, LANTAI_ERROR_CONFLICT, "%s 刚改过“%s”，请看过再归档", text_at(entry, "changed_by"), text_at(entry, "title"));
  json_t *values = json_object_get(entry, "values");
  json_object_set_new(values, "归档批次", json_integer(tie->delivery));
  json_object_set_new(values, "归档档号", json_string(tie->code));
  return entry_save(sql, actor, entry, "归档", error);
}

gboolean ledger_entry_archived(Sql *sql, gint64 id, gint64 record, const char *note, GError **error) {
  json_auto_t *entry = entry_load_any(sql, id, error);
  if (entry == NULL) return FALSE;
  if (record == 0) entry_untie(entry);
  else json_object_set_new(json_object_get(entry, "values"), "档案", json_integer(record));
  return entry_save(sql, "system", entry, note, error);
}

json_t *ledger_tied(Sql *sql, gint64 delivery, GError **error) {
  g_autofree char *target = g_strdup_printf("%" G_GINT64_FORMAT, delivery);
  return sql_json(sql, "SELECT e.id AS id, json_extract(e.data, '$.\"归档档号\"') AS code, COALESCE(json_extract(e.data, '$.\"档案\"'), 0) AS record "
    "FROM ledger_link AS l JOIN ledger_entry AS e ON e.id = l.entry_id WHERE l.kind = 'delivery' AND l.target = $1 AND l.field = '归档批次' ORDER BY e.id",
    SQL_ARGS(sql_text(target)), error);
}

/* ---- who, and when ---- */

static json_t *rule_of(const LedgerDefinition *definition) { return json_object_get(definition->json, "archives"); }

gboolean ledger_may_archive(const LedgerDefinition *definition, Asker asker) {
  json_t *roles = json_object_get(rule_of(definition), "roles"), *role;
  gboolean named = roles == NULL || asker.everything;
  size_t i;
  json_array_foreach(roles, i, role) named = named || people_has_role(asker.person, json_string_value(role));
  return rule_of(definition) != NULL && named && ledger_may_write(definition, asker);
}

static gboolean is_ready(const LedgerDefinition *definition, json_t *entry) {
  return json_is_true(json_object_get(entry, "closed")) && !json_is_true(json_object_get(entry, "deleted")) && !entry_is_tied(entry) &&
    field_when(json_object_get(rule_of(definition), "when"), json_object_get(entry, "values"), entry);
}

gboolean ledger_may_archive_entry(json_t *entry, Asker asker) {
  const LedgerDefinition *definition = ledger_find(text_at(entry, "ledger"));
  return definition != NULL && ledger_may_archive(definition, asker) && is_ready(definition, entry);
}

json_t *ledger_archivable(const House *house, Sql *sql, Asker asker, const LedgerDefinition *definition, int year, GError **error) {
  json_auto_t *where = json_pack("{s:{s:b}}", "归档批次", "set", 0), *list = json_array();
  if (year != 0) json_object_set_new(where, "年度", json_integer(year));
  g_autofree char *after = NULL;
  do {
    const LedgerAsk ask = {.definition = definition, .where = where, .sort = "日期", .after = after, .limit = DOSSIERS_MAX};
    json_auto_t *page = ledger_list(house, sql, asker, &ask, error);
    if (page == NULL) return NULL;
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(page, "entries"), i, entry)
      if (json_array_size(list) < DOSSIERS_MAX && is_ready(definition, entry)) json_array_append(list, entry);
    g_free(after);
    after = text_at(page, "next")[0] != '\0' ? g_strdup(text_at(page, "next")) : NULL;
  } while (after != NULL && json_array_size(list) < DOSSIERS_MAX);
  return g_steal_pointer(&list);
}

/* ---- gathering ---- */

/* unseen: it names what the asker may not see; own: the entry's own secrecy, secrecy: the highest of all that goes in */
typedef struct { Sql *sql; Asker asker; Security own, secrecy; json_t *blocks, *files, *left_out; gboolean unseen; } Gathering;

/* Ledgers whose entries every reader of ledgers may know of. */
static gboolean is_open(const LedgerDefinition *definition) {
  return definition != NULL && definition->read == NULL && !definition->restricted && !definition->own_rows;
}

static void take_secrecy(Gathering *gathering, json_t *entry) {
  Security secrecy;
  if (!security_parse(text_at(entry, "secrecy"), &secrecy)) secrecy = SECURITY_TOP;
  gathering->secrecy = MAX(gathering->secrecy, secrecy);
}

static char *name_of(json_t *entry) {
  const char *number = text_at(entry, "number"), *title = text_at(entry, "title");
  return g_strdup_printf("%s%s%s", number, *number && *title ? " " : "", title);
}

static char *entry_words(Gathering *gathering, gint64 id) {
  json_auto_t *entry = entry_load_any(gathering->sql, id, NULL);
  if (entry == NULL || !is_open(ledger_find(text_at(entry, "ledger")))) return g_strdup("（限定台账的条目）");
  gathering->unseen = gathering->unseen || !entry_admitted(entry, gathering->asker);
  take_secrecy(gathering, entry);
  return name_of(entry);
}

static char *record_words(Gathering *gathering, gint64 id) {
  g_autoptr(CatalogRecord) record = catalog_record_load(gathering->sql, &SCOPE_EVERYTHING, id, NULL);
  if (record == NULL) return g_strdup("");
  const Scope *scope = gathering->asker.everything ? &SCOPE_EVERYTHING : people_scope(gathering->asker.person);
  gint64 fonds = record->level == LEVEL_FONDS ? record->id : record->fonds_id;
  gathering->unseen = gathering->unseen || !scope_admits(scope, record->level, fonds, record->security, record->opening);
  gathering->secrecy = MAX(gathering->secrecy, record->security);
  return g_strdup(record->code); /* what it is about is told by the record itself, to whom it may */
}

static char *words(Gathering *gathering, const LedgerField *field, json_t *value) {
  if (field->type != FIELD_ENTRY && field->type != FIELD_RECORD) {
    g_autofree char *text = entry_value_words(field, value);
    return g_strconcat(text, *text && field->unit != NULL ? field->unit : *text && field->type == FIELD_MONEY ? "元" : "", NULL);
  }
  g_autoptr(GString) out = g_string_new(NULL);
  json_auto_t *list = json_is_array(value) ? json_incref(value) : json_pack("[O?]", value);
  for (size_t i = 0; i < json_array_size(list); i++) {
    gint64 id = json_integer_value(json_array_get(list, i));
    g_autofree char *name = id == 0 ? g_strdup("") : field->type == FIELD_ENTRY ? entry_words(gathering, id) : record_words(gathering, id);
    g_string_append_printf(out, "%s%s", out->len > 0 ? "、" : "", name);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void add_heading(Gathering *gathering, int level, const char *text) {
  json_array_append_new(gathering->blocks, json_pack("{s:s, s:i, s:s}", "kind", "heading", "level", level, "text", text));
}

/* columns: names; rows: texts, taken. Nothing without rows. */
static void add_table(Gathering *gathering, const char *const *columns, json_t *rows) {
  json_auto_t *heads = json_array(), *taken = rows;
  if (json_array_size(taken) == 0) return;
  for (guint i = 0; columns[i] != NULL; i++) {
    gboolean narrow = g_str_equal(columns[i], "日期") || g_str_equal(columns[i], "序号") || g_str_equal(columns[i], "状态");
    json_array_append_new(heads, json_pack("{s:s, s:i}", "title", columns[i], "width", narrow ? 2 : 5));
  }
  json_array_append_new(gathering->blocks, json_pack("{s:s, s:O, s:O}", "kind", "table", "columns", heads, "rows", taken));
}

static void add_rows(Gathering *gathering, const LedgerField *field, json_t *value) {
  g_autoptr(GPtrArray) columns = g_ptr_array_new();
  json_t *rows = json_array(), *row;
  size_t i;
  for (guint k = 0; k < field->count; k++)
    if (field->fields[k].roles == NULL) g_ptr_array_add(columns, (gpointer)field->fields[k].name);
  g_ptr_array_add(columns, NULL);
  json_array_foreach(value, i, row) {
    json_t *cells = json_array();
    for (guint k = 0; k < field->count; k++) {
      if (field->fields[k].roles != NULL) continue;
      g_autofree char *text = words(gathering, &field->fields[k], json_object_get(row, field->fields[k].name));
      json_array_append_new(cells, json_string(text));
    }
    json_array_append_new(rows, cells);
  }
  if (columns->len < 2 || json_array_size(rows) == 0) return json_decref(rows);
  add_heading(gathering, 2, field->name);
  add_table(gathering, (const char *const *)columns->pdata, rows);
}

static gboolean goes_in(Gathering *gathering, const LedgerField *field) {
  static const char *const apart[] = {"标题", "附件", "档案", "归档档号", "归档批次", NULL};
  if (field->base && (g_strv_contains(apart, field->name) || base_derived(field->name))) return FALSE;
  if (field->roles == NULL) return TRUE;
  json_array_append_new(gathering->left_out, json_sprintf("栏目“%s”只对指定的岗位开放，不写进办理单", field->name));
  return FALSE;
}

static void add_content(Gathering *gathering, const LedgerDefinition *definition, json_t *entry) {
  json_t *cells = json_array();
  for (guint i = 0; i < definition->field_count; i++) {
    const LedgerField *field = &definition->fields[i];
    json_t *value = entry_value(entry, field);
    if (field->type == FIELD_ROWS || json_is_empty(value) || !goes_in(gathering, field)) continue;
    g_autofree char *text = words(gathering, field, value);
    if (text[0] != '\0') json_array_append_new(cells, json_pack("{s:s, s:s, s:i}", "label", field->name, "value", text, "span", text_length(text) > CELL_LONG ? 2 : 1));
  }
  json_array_append_new(gathering->blocks, json_pack("{s:s, s:i, s:o}", "kind", "fields", "columns", 2, "fields", cells));
  for (guint i = 0; i < definition->field_count; i++) {
    const LedgerField *field = &definition->fields[i];
    json_t *value = json_object_get(json_object_get(entry, "values"), field->name);
    if (field->type == FIELD_ROWS && !json_is_empty(value) && goes_in(gathering, field)) add_rows(gathering, field, value);
  }
}

static void add_files(Gathering *gathering, json_t *entry) {
  size_t i;
  json_t *file;
  json_array_foreach(json_object_get(entry, "files"), i, file) {
    g_autofree char *clean = g_strdup(text_at(file, "name")), *shown = NULL;
    g_strdelimit(clean, "/\\:*?\"<>|", '_');
    const char *dot = strrchr(clean, '.');
    glong length = g_utf8_strlen(clean, -1);
    g_autofree char *stem = g_utf8_substring(clean, 0, MIN(length, FILE_NAME_MAX));
    shown = length <= FILE_NAME_MAX || dot == NULL ? g_strdup(stem) : g_strconcat(stem, dot, NULL);
    json_array_append_new(gathering->files, json_pack("{s:O, s:O, s:o, s:O, s:O}", "entry", json_object_get(entry, "id"), "name", json_object_get(file, "name"), "as",
      json_sprintf("%03d %s", (int)json_array_size(gathering->files) + 2, shown), "size", json_object_get(file, "size"), "sha512", json_object_get(file, "sha512")));
  }
}

/* ---- what belongs to it: entries that point to it, each as a whole ---- */

static gboolean add_related(Gathering *gathering, gint64 id, GError **error) {
  json_auto_t *groups = ledger_entry_referring(gathering->sql, LEDGER_EVERYTHING, id, error);
  if (groups == NULL) return FALSE;
  size_t g, i;
  json_t *group, *entry;
  json_array_foreach(groups, g, group) {
    const LedgerDefinition *definition = ledger_find(text_at(group, "ledger"));
    if (!is_open(definition)) {
      json_array_append_new(gathering->left_out, json_sprintf("%s的 %d 条只对指定的岗位开放，不写进办理单", text_at(group, "ledger"), (int)int_at(group, "count")));
      continue;
    }
    if (int_at(group, "count") > (gint64)json_array_size(json_object_get(group, "entries")) || int_at(group, "count") > RELATED_MAX)
      return throw(error, LANTAI_ERROR_TOO_LARGE, "相关的%s有 %d 条，一份档案容不下；请分开归档", text_at(group, "ledger"), (int)int_at(group, "count"));
    json_array_foreach(json_object_get(group, "entries"), i, entry) {
      g_autofree char *name = name_of(entry), *heading = g_strdup_printf("%s　%s", definition->name, name);
      if (!entry_admitted(entry, gathering->asker)) return throw(error, LANTAI_ERROR_DENIED, "其中有您看不到的%s条目，请由看得到的人归档", definition->name);
      take_secrecy(gathering, entry);
      add_heading(gathering, 2, heading);
      add_content(gathering, definition, entry);
      add_files(gathering, entry);
    }
  }
  return TRUE;
}

/* ---- its history ---- */

static char *moment(gint64 at_us) {
  g_autofree char *text = clock_format(at_us);
  return g_strndup(text, strlen("2023-01-01 00:00"));
}

static char *actor_words(const char *actor) {
  char *title = g_str_equal(actor, "system") ? g_strdup("系统") : people_title_of(actor);
  return title != NULL ? title : g_strdup(actor);
}

/* What was said of a step, or of the entry, while it was more secret than it is now stays with that time. */
static gboolean said_goes_in(const Gathering *gathering, json_t *said) {
  Security then;
  return security_parse(text_at(said, "secrecy"), &then) && then <= gathering->own;
}

static char *step_words(const Gathering *gathering, json_t *step, const LedgerDefinition *definition) {
  g_autoptr(GString) out = g_string_new(json_is_true(json_object_get(step, "first")) ? "登记" : "");
  size_t i;
  json_t *change;
  json_array_foreach(json_object_get(step, "changes"), i, change) {
    const LedgerField *field = ledger_field(definition, text_at(change, "field"));
    gboolean state = g_str_equal(text_at(change, "field"), "状态");
    if (field != NULL && field->roles != NULL) continue;
    if (out->len > 0) g_string_append(out, "；");
    if (state) g_string_append_printf(out, "转为“%s”", text_at(change, "to"));
    else g_string_append_printf(out, "改%s", text_at(change, "field"));
  }
  if (text_at(step, "note")[0] != '\0' && said_goes_in(gathering, step)) g_string_append_printf(out, "%s%s", out->len > 0 ? "：" : "", text_at(step, "note"));
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static gboolean add_history(Gathering *gathering, const LedgerDefinition *definition, gint64 id, GError **error) {
  static const char *const steps[] = {"时间", "办理人", "办理", NULL}, *const said[] = {"时间", "发表人", "意见", NULL};
  json_auto_t *history = ledger_entry_history(gathering->sql, LEDGER_EVERYTHING, id, 0, G_MAXINT, error);
  json_auto_t *comments = history != NULL ? ledger_entry_comments(gathering->sql, LEDGER_EVERYTHING, id, 0, G_MAXINT, error) : NULL;
  if (comments == NULL) return FALSE;
  json_t *rows = json_array(), *voices = json_array(), *row;
  size_t i;
  for (i = json_array_size(history); i > 0; i--) {
    json_t *step = json_array_get(history, i - 1);
    g_autofree char *at = moment(int_at(step, "at")), *who = actor_words(text_at(step, "actor")), *what = step_words(gathering, step, definition);
    json_array_append_new(rows, json_pack("[s, s, s]", at, who, what));
  }
  json_array_foreach(comments, i, row) {
    if (!said_goes_in(gathering, row)) continue;
    g_autofree char *at = moment(int_at(row, "at")), *who = actor_words(text_at(row, "actor"));
    json_array_append_new(voices, json_pack("[s, s, O]", at, who, json_object_get(row, "text")));
  }
  add_heading(gathering, 2, "办理过程");
  add_table(gathering, steps, rows);
  if (json_array_size(voices) > 0) add_heading(gathering, 2, "意见");
  add_table(gathering, said, voices);
  return TRUE;
}

static void add_list(Gathering *gathering) {
  static const char *const columns[] = {"序号", "文件", "字节", "SHA-512", NULL};
  json_t *rows = json_array(), *file;
  size_t i;
  json_array_foreach(gathering->files, i, file) {
    json_array_append_new(rows, json_pack("[o, O, o, o]", json_sprintf("%d", (int)i + 2), json_object_get(file, "as"), json_sprintf("%" G_GINT64_FORMAT,
      (gint64)int_at(file, "size")), json_sprintf("%.32s…", text_at(file, "sha512"))));
  }
  if (json_array_size(rows) > 0) add_heading(gathering, 2, "随附文件");
  add_table(gathering, columns, rows);
}

/* ---- the record ---- */

static char *filled(Gathering *gathering, const LedgerDefinition *definition, json_t *entry, const char *pattern) {
  g_autoptr(GString) out = g_string_new(NULL);
  for (char *name; (name = text_next_blank(&pattern, out)) != NULL; g_free(name)) {
    const LedgerField *field = ledger_field(definition, name);
    g_autofree char *text = field != NULL && field->roles == NULL ? words(gathering, field, entry_value(entry, field)) : NULL;
    if (text != NULL) g_string_append(out, text);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static int closing_day(json_t *entry) {
  json_t *states = json_object_get(entry, "states");
  int day = (int)json_integer_value(json_array_get(json_array_get(states, json_array_size(states) - 1), 1));
  return day != 0 ? day : (int)int_at(entry, "to");
}

/* What the definition says, then what follows from the entry. */
static json_t *columns_of(Gathering *gathering, const LedgerDefinition *definition, json_t *entry) {
  json_t *columns = json_object(), *pattern;
  const char *label;
  int day = closing_day(entry);
  json_object_foreach(json_object_get(rule_of(definition), "values"), label, pattern) {
    g_autofree char *text = filled(gathering, definition, entry, json_string_value(pattern));
    if (text[0] != '\0') json_object_set_new(columns, label, json_string(text));
  }
  Security least = SECURITY_PUBLIC;
  if (security_parse(text_at(columns, "密级"), &least)) gathering->secrecy = MAX(gathering->secrecy, least);
  const struct { const char *label; json_t *value; } given[] = {
    {"题名", json_incref(json_object_get(entry, "title"))}, {"责任者", json_incref(json_object_get(entry, "unit"))}, {"年度", json_sprintf("%d", day / 10000)},
    {"日期", json_sprintf("%04d-%02d-%02d", day / 10000, day / 100 % 100, day % 100)},
    {"备注", json_sprintf("由台账“%s”%s（条目 %d）归档", definition->name, text_at(entry, "number"), (int)int_at(entry, "id"))},
  };
  for (guint i = 0; i < G_N_ELEMENTS(given); i++) {
    if (json_object_get(columns, given[i].label) == NULL) json_object_set(columns, given[i].label, given[i].value);
    json_decref(given[i].value);
  }
  return columns;
}

json_t *ledger_dossier(Sql *sql, Asker asker, gint64 id, GError **error) {
  json_auto_t *seen = ledger_entry_load(sql, asker, id, error), *entry = seen != NULL ? entry_load_any(sql, id, error) : NULL;
  const LedgerDefinition *definition = entry != NULL ? ledger_find(text_at(entry, "ledger")) : NULL;
  if (entry == NULL) return NULL;
  if (definition == NULL || !ledger_may_archive(definition, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能把这本台账的条目归档");
  if (!entry_is_free(entry, error)) return NULL;
  if (!is_ready(definition, entry)) return throw_null(error, LANTAI_ERROR_CONFLICT, "“%s”还不能归档：办结并符合台账规定的条件才归档", text_at(entry, "title"));
  json_auto_t *blocks = json_array(), *files = json_array(), *left_out = json_array();
  Gathering gathering = {.sql = sql, .asker = asker, .blocks = blocks, .files = files, .left_out = left_out};
  g_autofree char *name = name_of(entry), *heading = g_strdup_printf("%s办理单", definition->name);
  take_secrecy(&gathering, entry);
  gathering.own = gathering.secrecy;
  add_heading(&gathering, 1, heading);
  json_array_append_new(blocks, json_pack("{s:s, s:s, s:s}", "kind", "text", "text", name, "align", "center"));
  add_content(&gathering, definition, entry);
  add_files(&gathering, entry);
  if (!add_related(&gathering, id, error) || !add_history(&gathering, definition, id, error)) return NULL;
  add_list(&gathering);
  json_auto_t *columns = columns_of(&gathering, definition, entry);
  if (gathering.unseen) return throw_null(error, LANTAI_ERROR_DENIED, "其中提到您看不到的条目，请由看得到的人归档");
  json_object_set_new(columns, "密级", json_string(security_label(gathering.secrecy)));
  json_t *rule = rule_of(definition);
  const char *category = text_at(rule, "category");
  return json_pack("{s:O, s:O, s:s, s:s, s:s, s:s, s:O, s:O, s:O, s:{s:s, s:s, s:s, s:O}}", "id", json_object_get(entry, "id"), "rev", json_object_get(entry, "rev"),
    "name", name, "ledger", definition->name, "category", category[0] ? category : "WS", "fonds", text_at(rule, "fonds"), "columns", columns, "files", files, "left_out",
    left_out, "document", "title", name, "paper", "A4", "footer", heading, "blocks", blocks);
}

/* ---- on the page of a record ---- */

gboolean ledger_record_extra(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error) {
  if (!web_may(request, "ledger.read")) return TRUE;
  json_t *groups = ledger_entries_of_record(sql, ledger_asker(request), record->id, error);
  if (groups == NULL) return FALSE;
  if (json_array_size(groups) > 0) json_object_set(model, "ledger_entries", groups);
  json_decref(groups);
  return TRUE;
}
