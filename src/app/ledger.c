/* Commands of ledgers: define from files, list, in and out as spreadsheets. */
#include "app.h"
#include "error.h"
#include "json.h"
#include "people.h"
#include <stdio.h>
#include <string.h>

static struct { gboolean rehearse; int limit; char *as; } ledger_options;

static const GOptionEntry *ledger_entries(void) {
  static const GOptionEntry entries[] = {
    {"rehearse", 0, 0, G_OPTION_ARG_NONE, &ledger_options.rehearse, "只试导，不写入", NULL},
    {"limit", 0, 0, G_OPTION_ARG_INT, &ledger_options.limit, "列出多少条（缺省 100）", "条数"},
    {"as", 0, 0, G_OPTION_ARG_STRING, &ledger_options.as, "list、export：照这个帐号看得到的（缺省：全部）", "帐号"},
    {NULL},
  };
  return entries;
}

static int int_of(json_t *object, const char *key) { return (int)json_integer_value(json_object_get(object, key)); }

gboolean command_asker(const House *house, const char *as, Person **ret_person, Asker *ret, GError **error) {
  *ret = LEDGER_EVERYTHING;
  if (as == NULL) return TRUE;
  *ret_person = people_account(house->db, as, error);
  *ret = (Asker){*ret_person, FALSE};
  return *ret_person != NULL;
}

/* ---- define ---- */

typedef struct { json_t *ledgers, *figures, *panels, *reports; } Documents;

static gboolean sort_document(Documents *documents, const char *file, json_t *document, GError **error) {
  json_t *kind = json_object_get(document, "figures") || json_object_get(document, "invariants") ? documents->figures :
    json_object_get(document, "text") ? documents->reports : json_object_get(document, "charts") || json_object_get(document, "numbers") ? documents->panels :
    json_object_get(document, "name") ? documents->ledgers : NULL;
  if (kind == NULL) return throw(error, LANTAI_ERROR_INVALID, "%s：既不是台账（name、fields），也不是指标（figures）、一览（name、charts）或报告（name、text）", file);
  if (json_object_get(kind, file) != NULL) return throw(error, LANTAI_ERROR_INVALID, "有两个文件都叫 %s，没有启用", file);
  return json_object_set(kind, file, document) == 0;
}

static json_t *names_of(json_t *documents) {
  json_t *names = json_array(), *document;
  const char *file;
  json_object_foreach(documents, file, document) json_array_append_new(names, json_string(text_at(document, "name")));
  return names;
}

static int figure_count(json_t *documents) {
  size_t count = 0;
  const char *file;
  json_t *document;
  json_object_foreach(documents, file, document) count += json_array_size(json_object_get(document, "figures"));
  return (int)count;
}

static gboolean define_ledgers(Sql *sql, json_t *documents, GError **error) { return ledger_define_many(sql, "system", documents, error); }
static gboolean define_figures(Sql *sql, json_t *documents, GError **error) { return figure_define_files(sql, "system", documents, error); }

static gboolean define_reports(Sql *sql, json_t *documents, GError **error) {
  const char *file;
  json_t *document;
  json_object_foreach(documents, file, document) {
    if (report_define(sql, "system", document, error)) continue;
    g_prefix_error(error, "%s：", file);
    return FALSE;
  }
  return TRUE;
}

/* All in one transaction, one kind after the other: figures are held against the ledgers that will be in force, reports against the figures. So this process takes them
 * into force before they are committed; when something is wrong, it ends without having written anything. */
static gboolean define_all(const House *house, const Documents *documents, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && define_ledgers(sql, documents->ledgers, error) && ledger_definitions_foresee(sql, error) && define_figures(sql, documents->figures, error) &&
    figure_definitions_foresee(sql, error) && figure_panels_define(sql, "system", documents->panels, error) &&
    define_reports(sql, documents->reports, error) && sql_commit(sql, error);
}

static gboolean run_define(const CommandLine *line, GError **error) {
  json_auto_t *ledgers = json_object(), *figures = json_object(), *panels = json_object(), *reports = json_object();
  Documents documents = {ledgers, figures, panels, reports};
  for (int i = 0; i < line->count; i++) {
    g_autofree char *name = g_path_get_basename(line->arguments[i]);
    json_auto_t *document = yaml_load_file(line->arguments[i], error);
    if (document == NULL || !sort_document(&documents, name, document, error)) return FALSE;
  }
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  const House *house = archive != NULL ? archive_house(archive) : NULL;
  if (house == NULL || !define_all(house, &documents, error)) return FALSE;
  command_print(line, json_pack("{s:o, s:i, s:o, s:o}", "ledgers", names_of(ledgers), "figures", figure_count(figures), "panels", names_of(panels),
      "reports", names_of(reports)),
    "已启用：台账 %zu 个、指标 %d 个、一览 %zu 个、报告 %zu 个。\n", json_object_size(ledgers), figure_count(figures), json_object_size(panels), json_object_size(reports));
  return TRUE;
}

/* ---- list ---- */

static gint64 count_entries(const House *house, Sql *sql, Asker asker, const LedgerDefinition *definition, GError **error) {
  LedgerAsk ask = {.definition = definition, .limit = 1};
  json_auto_t *page = ledger_list(house, sql, asker, &ask, error);
  return page != NULL ? int_at(page, "count") : -1;
}

static gboolean list_ledgers(const CommandLine *line, const House *house, Sql *sql, Asker asker, GError **error) {
  g_autofree const LedgerDefinition **all = ledger_all();
  json_auto_t *list = json_array();
  g_autoptr(GString) text = g_string_new(NULL);
  const char *group = "";
  for (guint i = 0; all[i] != NULL; i++) {
    const LedgerDefinition *definition = all[i];
    if (!ledger_may_read(definition, asker)) continue;
    gint64 count = count_entries(house, sql, asker, definition, error);
    if (count < 0) return FALSE;
    json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s, s:i, s:I}", "id", (json_int_t)definition->id, "name", definition->name, "group", definition->group,
      "about", definition->about, "version", definition->version, "entries", (json_int_t)count));
    if (!g_str_equal(group, definition->group)) g_string_append_printf(text, "%s\n", definition->group);
    group = definition->group;
    g_string_append_printf(text, "  %s　%" G_GINT64_FORMAT " 条\n", definition->name, count);
  }
  command_print(line, json_incref(list), "%s", text->str);
  return TRUE;
}

static void append_entry(GString *text, json_t *entry) {
  int from = int_of(entry, "from");
  g_autofree char *date = from != 0 ? g_strdup_printf("%04d-%02d-%02d", from / 10000, from / 100 % 100, from % 100) : g_strdup("");
  g_string_append_printf(text, "%s\t%s\t%s\t%s\t%s\n", text_at(entry, "number"), date, text_at(entry, "title"), text_at(entry, "state"), text_at(entry, "owner"));
}

static gboolean list_entries(const CommandLine *line, const House *house, Sql *sql, Asker asker, const LedgerDefinition *definition, GError **error) {
  LedgerAsk ask = {.definition = definition, .limit = ledger_options.limit > 0 ? ledger_options.limit : 100};
  json_t *page = ledger_list(house, sql, asker, &ask, error);
  if (page == NULL) return FALSE;
  g_autoptr(GString) text = g_string_new("编号\t日期\t标题\t状态\t责任人\n");
  size_t i;
  json_t *entry;
  json_array_foreach(json_object_get(page, "entries"), i, entry) append_entry(text, entry);
  g_string_append_printf(text, "共 %d 条\n", int_of(page, "count"));
  command_print(line, page, "%s", text->str);
  return TRUE;
}

/* ---- import, export ---- */

static void print_import(const CommandLine *line, json_t *result, gboolean rehearsed) {
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i, j;
  json_t *row, *what;
  json_array_foreach(json_object_get(result, "columns"), i, row) {
    const char *nearest = text_at(row, "nearest");
    if (json_is_null(json_object_get(row, "field")))
      g_string_append_printf(text, "第 %d 列“%s”不是这个台账的栏目，没有读取%s%s%s\n", int_of(row, "column"), text_at(row, "heading"), nearest[0] ? "。是不是“" : "",
        nearest, nearest[0] ? "”" : "");
  }
  json_array_foreach(json_object_get(result, "problems"), i, row) {
    g_string_append_printf(text, "第 %d 行：", int_of(row, "row"));
    json_array_foreach(json_object_get(row, "problems"), j, what) g_string_append_printf(text, "%s%s", j > 0 ? "；" : "", json_string_value(what));
    g_string_append_c(text, '\n');
  }
  g_string_append_printf(text, "%s：%d 条，新增 %d，修改 %d，未变 %d，有误 %d 处。\n", rehearsed ? "试导（没有写入）" : "已导入", int_of(result, "rows"),
    int_of(result, "created"), int_of(result, "changed"), int_of(result, "same"), int_of(result, "problem_count"));
  if (int_of(result, "left") > 0) g_string_append_printf(text, "%d 行因核对以后又有改动，没有写入。\n", int_of(result, "left"));
  if (int_of(result, "batch") > 0) g_string_append_printf(text, "整批撤销：lantai ledger undo %d\n", int_of(result, "batch"));
  command_print(line, result, "%s", text->str);
}

static gboolean undo_import(const CommandLine *line, const House *house, GError **error) {
  json_t *result = NULL, *kept;
  size_t i;
  if (!ledger_import_undo(house, "system", g_ascii_strtoll(line->arguments[1], NULL, 10), &result, error)) return FALSE;
  g_autoptr(GString) text = g_string_new(NULL);
  json_array_foreach(json_object_get(result, "kept"), i, kept)
    g_string_append_printf(text, "第 %d 行没有撤销：%s %s：%s\n", int_of(kept, "row"), text_at(kept, "number"), text_at(kept, "title"), text_at(kept, "problem"));
  g_string_append_printf(text, "已撤销 %d 条，没有撤销 %d 条。\n", int_of(result, "undone"), (int)json_array_size(json_object_get(result, "kept")));
  command_print(line, result, "%s", text->str);
  return TRUE;
}

static gboolean import_sheet(const CommandLine *line, const House *house, const LedgerDefinition *definition, GError **error) {
  json_t *result = ledger_import(house, LEDGER_EVERYTHING, "system", definition, line->arguments[2], ledger_options.rehearse, error);
  if (result == NULL) return FALSE;
  print_import(line, result, ledger_options.rehearse);
  return TRUE;
}

static gboolean export_sheet(const CommandLine *line, const House *house, Asker asker, const LedgerDefinition *definition, GError **error) {
  LedgerAsk ask = {.definition = definition, .sort = "日期"};
  if (!ledger_export(house, asker, &ask, line->arguments[2], error)) return FALSE;
  command_print(line, json_pack("{s:s, s:s}", "ledger", definition->name, "path", line->arguments[2]), "已导出台账“%s”到 %s\n", definition->name, line->arguments[2]);
  return TRUE;
}

static const LedgerDefinition *definition_named(const char *name, GError **error) {
  const LedgerDefinition *definition = ledger_find(name);
  return definition != NULL ? definition : throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有台账“%s”。lantai ledger list 列出所有台账", name);
}

static gboolean run_ledger(const CommandLine *line, GError **error) {
  const char *verb = line->arguments[0];
  gboolean list = g_str_equal(verb, "list"), import = g_str_equal(verb, "import"), export = g_str_equal(verb, "export"), undo = g_str_equal(verb, "undo");
  if (!list && !import && !export && !undo) return throw(error, LANTAI_ERROR_INVALID, "没有 ledger %s。可用：list、import、export、undo", verb);
  if (undo && line->count != 2) return throw(error, LANTAI_ERROR_INVALID, "应为 lantai ledger undo 批号（导入时说明的）");
  if (import + export > 0 && line->count != 3) return throw(error, LANTAI_ERROR_INVALID, "应为 lantai ledger %s 台账 文件", verb);
  if (ledger_options.as && (import || undo)) return throw(error, LANTAI_ERROR_INVALID, "--as 只用于 list、export");
  g_autoptr(Archive) archive = archive_open(line->dir, import || undo ? ARCHIVE_WRITE : ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  if (undo) return undo_import(line, house, error);
  const LedgerDefinition *definition = line->count > 1 ? definition_named(line->arguments[1], error) : NULL;
  if (line->count > 1 && definition == NULL) return FALSE;
  if (import) return import_sheet(line, house, definition, error);
  g_autoptr(Person) person = NULL;
  Asker asker;
  if (!command_asker(house, ledger_options.as, &person, &asker, error)) return FALSE;
  if (person && !people_may(person, "ledger.read")) return throw(error, LANTAI_ERROR_DENIED, "帐号“%s”不能查看台账", ledger_options.as);
  if (export) return export_sheet(line, house, asker, definition, error);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  return definition != NULL ? list_entries(line, house, sql, asker, definition, error) : list_ledgers(line, house, sql, asker, error);
}

const Command LEDGER_COMMANDS[] = {
  {"define", "文件.yaml…", "检查并启用台账、指标、一览、报告的定义", NULL, 1, 1000, run_define},
  {"ledger", "list|import|export|undo [台账] [文件]", "列出台账或其条目，从表格导入（可先试导），整批撤销导入，导出为表格", ledger_entries, 1, 3, run_ledger},
  {NULL},
};
