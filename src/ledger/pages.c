/*
 * Pages of ledgers: which there are, what a person owes, and the table of the room's routes. The other files have one ledger (pages-list), one entry (pages-entry),
 * many at once (pages-bulk, pages-import) and the definition (pages-define).
 *
 * 1. The permission of a route opens the door; what a ledger's own definition gives to roles is asked again for each ledger, row and field.
 */
#include "pages.h"
#include "date.h"
#include "people.h"
#include <string.h>

enum { OWED_SHOWN = 500, OWED_HOME = 8, SOON_DAYS = 7 };

/* ---- a request at work ---- */

gboolean page_begin(LedgerPage *page, WebRequest *request, gboolean write, GError **error) {
  *page = (LedgerPage){.request = request, .house = web_house(request), .asker = ledger_asker(request)};
  page->sql = write ? sql_write(page->house->db, error) : sql_read(page->house->db, error);
  return page->sql != NULL;
}

void page_end(LedgerPage *page) { g_clear_pointer(&page->sql, sql_end); }

static gboolean take_ledger(LedgerPage *page, const LedgerDefinition *definition, GError **error) {
  if (definition == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有这个台账");
  page->definition = definition;
  if (ledger_may_read(definition, page->asker)) return TRUE;
  return throw(error, LANTAI_ERROR_DENIED, "台账“%s”只对指定的岗位开放%s", definition->name, definition->restricted ? "，他人只能在报告中看到由它算出的数" : "");
}

const char *page_back(const WebRequest *request) {
  const char *back = web_text(request, "back");
  return back != NULL && (g_str_has_prefix(back, "/ledger/") || g_str_has_prefix(back, "/ledgers") || g_str_has_prefix(back, "/entry/")) ? back : NULL;
}

gboolean page_ledger(LedgerPage *page, GError **error) { return take_ledger(page, ledger_of(web_int(page->request, "id", 0)), error); }

json_t *page_entry(LedgerPage *page, GError **error) {
  json_auto_t *entry = ledger_entry_load(page->sql, page->asker, web_int(page->request, "id", 0), error);
  if (entry == NULL || !take_ledger(page, ledger_find(text_at(entry, "ledger")), error)) return NULL;
  return g_steal_pointer(&entry);
}

json_t *page_ledger_model(const LedgerPage *page) {
  const LedgerDefinition *definition = page->definition;
  gboolean write = ledger_may_write(definition, page->asker) && web_may(page->request, PERMISSION_WRITE);
  return json_pack("{s:I, s:s, s:s?, s:s?, s:b, s:b, s:b, s:b}", "id", (json_int_t)definition->id, "name", definition->name, "group", definition->group, "about",
    definition->about, "restricted", definition->restricted, "may_write", write, "may_define", web_may(page->request, PERMISSION_DEFINE),
    "may_archive", web_may(page->request, PERMISSION_WRITE) && ledger_may_archive(definition, page->asker));
}

/* ---- /ledgers ---- */

static json_t *overview(const LedgerPage *page, const LedgerDefinition *definition, GError **error) {
  int year = date_today() / 10000;
  json_auto_t *open = filter_open(definition), *overdue = filter_overdue(definition), *this_year = json_pack("{s:i}", "年度", year);
  json_t *const wheres[] = {open, overdue, this_year};
  gint64 counts[G_N_ELEMENTS(wheres) + 1];
  if (!ledger_counts(page, definition, wheres, G_N_ELEMENTS(wheres), counts, error)) return NULL;
  return json_pack("{s:I, s:s, s:s?, s:b, s:b, s:I, s:I, s:I, s:I}", "id", (json_int_t)definition->id, "name", definition->name, "about", definition->about, "restricted",
    definition->restricted, "may_write", ledger_may_write(definition, page->asker) && web_may(page->request, PERMISSION_WRITE), "all", (json_int_t)counts[0], "open",
    (json_int_t)counts[1], "overdue", (json_int_t)counts[2], "this_year", (json_int_t)counts[3]);
}

WebReply *page_ledgers(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error)) return NULL;
  json_auto_t *groups = json_array(), *usual = json_array();
  g_autoptr(GHashTable) mine = usual_ledgers(page.sql, web_identity(request) != NULL ? web_actor(request) : NULL);
  json_t *ledgers = NULL;
  const char *group = NULL;
  gint64 total = 0;
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++) {
    if (!ledger_may_read(all[i], page.asker)) continue;
    json_t *row = overview(&page, all[i], error);
    if (row == NULL) return NULL;
    if (group == NULL || g_strcmp0(group, all[i]->group) != 0) {
      group = all[i]->group != NULL ? all[i]->group : "";
      ledgers = json_array();
      json_array_append_new(groups, json_pack("{s:s, s:o}", "name", *group ? group : "其他", "ledgers", ledgers));
    }
    total += int_at(row, "all");
    json_object_set_new(row, "usual", json_boolean(is_usual(mine, all[i])));
    if (is_usual(mine, all[i])) json_array_append(usual, row);
    json_array_append_new(ledgers, row);
  }
  if (json_array_size(usual) > 0) json_array_insert_new(groups, 0, json_pack("{s:s, s:O}", "name", "常用", "ledgers", usual));
  json_t *owed = ledger_home(request, page.sql, NULL);
  return web_model(json_pack("{s:s, s:O, s:b, s:b, s:i, s:o*}", "title", "台账", "groups", groups, "none_yet", total == 0 && json_array_size(groups) > 0, "may_define",
    web_may(request, PERMISSION_DEFINE), "year", date_today() / 10000, "owed", owed));
}

/* ---- what I owe ---- */

static json_t *owed_line(json_t *owed) {
  json_t *entry = json_object_get(owed, "entry");
  g_autofree char *name = entry_name(entry);
  const LedgerDefinition *definition = ledger_find(text_at(entry, "ledger"));
  gint64 due = int_at(owed, "due");
  g_autofree char *day = due == 0 ? NULL : date_format((DateSpan){(gint32)due, (gint32)due});
  return json_pack("{s:O, s:s, s:s, s:I, s:s?, s:s, s:s, s:b, s:s}", "id", json_object_get(entry, "id"), "name", name, "ledger", text_at(entry, "ledger"), "ledger_id",
    (json_int_t)(definition == NULL ? 0 : definition->id), "due", day, "state", text_at(entry, "state"), "tone", definition == NULL ? "muted" :
    state_tone(definition, text_at(entry, "state")), "late", due != 0 && due < date_today(), "why", text_at(owed, "why"));
}

/* {groups: [{label, tone, lines}], overdue, today, soon, count}; NULL: nothing is owed. */
static json_t *owed_model(WebRequest *request, Sql *sql, int limit, GError **error) {
  json_auto_t *owed = ledger_owed(web_house(request), sql, web_identity(request), OWED_SHOWN, error);
  static const struct { const char *key, *label, *tone; } kinds[] = {{"overdue", "已逾期", "bad"}, {"today", "今天到期", "warn"}, {"soon", "七天之内", "info"},
    {"later", "以后", "muted"}};
  json_t *lists[G_N_ELEMENTS(kinds)], *line, *groups = json_array(), *model;
  gint64 counts[G_N_ELEMENTS(kinds)] = {0};
  int today = date_today(), soon = date_shift(today, SOON_DAYS);
  size_t i;
  if (owed == NULL) return json_decref(groups), NULL;
  for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) lists[k] = json_array();
  json_array_foreach(owed, i, line) {
    gint64 due = int_at(line, "due");
    int kind = due == 0 || due > soon ? 3 : due < today ? 0 : due == today ? 1 : 2;
    counts[kind]++;
    if (limit > 0) {
      json_array_append_new(lists[kind], owed_line(line));
      limit--;
    }
  }
  model = json_pack("{s:I, s:b}", "count", (json_int_t)json_array_size(owed), "cut", json_array_size(owed) >= OWED_SHOWN);
  for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
    json_object_set_new(model, kinds[k].key, json_integer(counts[k]));
    if (json_array_size(lists[k])) json_array_append_new(groups, json_pack("{s:s, s:s, s:I, s:O}", "label", kinds[k].label, "tone", kinds[k].tone, "total",
      (json_int_t)counts[k], "lines", lists[k]));
    json_decref(lists[k]);
  }
  json_object_set_new(model, "groups", groups);
  return model;
}

/* The usual ledgers of who asks, with what is open in each. */
static json_t *usual_model(WebRequest *request, Sql *sql) {
  g_autoptr(GHashTable) mine = usual_ledgers(sql, web_actor(request));
  LedgerPage page = {.request = request, .house = web_house(request), .asker = ledger_asker(request), .sql = sql};
  g_autofree const LedgerDefinition **all = ledger_all();
  json_t *usual = json_array();
  for (guint i = 0; all[i] != NULL; i++) {
    if (!is_usual(mine, all[i]) || !ledger_may_read(all[i], page.asker)) continue;
    json_t *row = overview(&page, all[i], NULL);
    if (row != NULL) json_array_append_new(usual, row);
  }
  return usual;
}

json_t *ledger_home(WebRequest *request, Sql *sql, GError **error) {
  if (web_identity(request) == NULL || !web_may(request, PERMISSION_READ)) return NULL;
  json_t *model = owed_model(request, sql, OWED_HOME, error), *usual = model == NULL ? NULL : usual_model(request, sql);
  if (model == NULL) return NULL;
  json_object_set_new(model, "any", json_boolean(int_at(model, "count") > 0 || json_array_size(usual) > 0));
  json_object_set_new(model, "usual", usual);
  return model;
}

WebReply *page_owed(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error)) return NULL;
  json_t *owed = owed_model(request, page.sql, OWED_SHOWN, error);
  return owed == NULL ? NULL : web_model(json_pack("{s:s, s:o}", "title", "今天要办", "owed", owed));
}

/* ---- routes ---- */

#define ID {"id", WEB_INT, TRUE, 0, "编号"}
#define VALUES {"v", WEB_FIELDS, FALSE, 20000, "字段"}
#define FILTERS {"f", WEB_FIELDS, FALSE, 500, "筛选"}, {"q", WEB_TEXT, FALSE, 200, "词"}, {"year", WEB_INT, FALSE, 0, "年度"}, {"open", WEB_FLAG, FALSE, 0, "未办结"}, \
  {"overdue", WEB_FLAG, FALSE, 0, "已逾期"}, {"mine", WEB_FLAG, FALSE, 0, "我负责的"}, {"view", WEB_TEXT, FALSE, 60, "视图"}, {"sort", WEB_TEXT, FALSE, 60, "排序"}, \
  {"columns", WEB_TEXT, FALSE, 1000, "列"}, \
  {"on", WEB_TEXT, FALSE, 40, "日期"}, {"after", WEB_TEXT, FALSE, 500, "起点"}
#define FILES {"file1", WEB_FILE, FALSE, 0, "附件"}, {"file2", WEB_FILE, FALSE, 0, "附件"}, {"file3", WEB_FILE, FALSE, 0, "附件"}, {"file4", WEB_FILE, FALSE, 0, "附件"}, \
  {"file5", WEB_FILE, FALSE, 0, "照片"}
enum { YAML_MAX = 200000, BASE_MAX = 2000000, PASTE_MAX = 1000000, MADE_MAX = 10000, BULK_ENTRIES = 2000 };

static const WebParameter ID_PARAMETERS[] = {ID, {NULL}};
static const WebParameter ENTRY_PARAMETERS[] = {ID, FILTERS, {"before", WEB_INT, FALSE, 0, "履历从哪一版之前"},
  {"said_before", WEB_INT, FALSE, 0, "意见从哪一条之前"}, {"list", WEB_FLAG, FALSE, 0, "从列表来"},
  {"show", WEB_TEXT, FALSE, 20, "样式"}, {"moved", WEB_TEXT, FALSE, 100, "刚才"}, {NULL}};
static const WebParameter EDIT_PARAMETERS[] = {ID, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter LIST_PARAMETERS[] = {ID, FILTERS, {"show", WEB_TEXT, FALSE, 20, "样式"}, {"month", WEB_TEXT, FALSE, 20, "月份"},
  {"chart", WEB_TEXT, FALSE, 20, "图"}, {"row", WEB_TEXT, FALSE, 200, "行"}, {"column", WEB_TEXT, FALSE, 100, "列"},
  {"week", WEB_TEXT, FALSE, 20, "周"},
  {"moved", WEB_TEXT, FALSE, 100, "刚才"}, {"print", WEB_FLAG, FALSE, 0, "打印"}, {NULL}};
static const WebParameter VIEW_PARAMETERS[] = {ID, FILTERS, {"name", WEB_TEXT, TRUE, 60, "名称"}, {NULL}};
static const WebParameter USUAL_PARAMETERS[] = {ID, {"keep", WEB_FLAG, FALSE, 0, "常用"}, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter OWN_VIEW_PARAMETERS[] = {ID, {"own", WEB_INT, TRUE, 0, "视图"}, {NULL}};
static const WebParameter EXPORT_PARAMETERS[] = {ID, FILTERS, {"format", WEB_TEXT, FALSE, 10, "格式"}, {NULL}};
static const WebParameter COMPARE_PARAMETERS[] = {ID, FILTERS, {"before", WEB_TEXT, FALSE, 40, "从哪天"}, {"until", WEB_TEXT, FALSE, 40, "到哪天"}, {NULL}};
static const WebParameter NEW_PARAMETERS[] = {ID, VALUES, {"like", WEB_INT, FALSE, 0, "照哪一条"}, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter SAVE_NEW_PARAMETERS[] = {ID, VALUES, FILES, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {"next", WEB_FLAG, FALSE, 0, "再登一条"}, {NULL}};
static const WebParameter SAVE_PARAMETERS[] = {ID, VALUES, FILES, {"take", WEB_FIELDS, FALSE, 10, "用哪一个"}, {"rev", WEB_INT, FALSE, 0, "版本"},
  {"base", WEB_LINES, FALSE, BASE_MAX, "原来的内容"}, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {"next", WEB_FLAG, FALSE, 0, "再登一条"}, {NULL}};
static const WebParameter MOVE_PARAMETERS[] = {ID, VALUES, FILES, {"to", WEB_TEXT, TRUE, 60, "状态"}, {"on", WEB_TEXT, FALSE, 40, "日期"},
  {"note", WEB_LINES, FALSE, 2000, "说明"},
  {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter MOVE_PAGE_PARAMETERS[] = {ID, {"to", WEB_TEXT, FALSE, 60, "状态"}, {"back", WEB_TEXT, FALSE, 2000, "回到"},
  {"on", WEB_TEXT, FALSE, 40, "日期"}, {"note", WEB_TEXT, FALSE, 2000, "说明"}, {NULL}};
static const WebParameter COMMENT_PARAMETERS[] = {ID, {"text", WEB_LINES, TRUE, 2000, "意见"}, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter DELETE_PARAMETERS[] = {ID, {"why", WEB_TEXT, TRUE, 500, "原因"}, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter RESTORE_PARAMETERS[] = {ID, {"rev", WEB_INT, TRUE, 0, "版本"}, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter FILES_PARAMETERS[] = {ID, FILES, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter FILE_PARAMETERS[] = {ID, {"name", WEB_TEXT, FALSE, 300, "文件名"}, {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
#define BULK ID, FILTERS, {"entry", WEB_INTS, FALSE, BULK_ENTRIES, "条目"}, {"field", WEB_TEXT, FALSE, 60, "字段"}, {"value", WEB_LINES, FALSE, 4000, "内容"}, \
  {"note", WEB_TEXT, FALSE, 500, "说明"}
static const WebParameter BULK_PARAMETERS[] = {BULK, {NULL}};
static const WebParameter UNDO_PARAMETERS[] = {ID, {"made", WEB_LINES, TRUE, MADE_MAX, "改动"},
  {"back", WEB_TEXT, FALSE, 2000, "回到"}, {NULL}};
static const WebParameter SUGGEST_PARAMETERS[] = {ID, {"field", WEB_TEXT, FALSE, 130, "字段"}, {"q", WEB_TEXT, FALSE, 100, "词"}, {NULL}};
static const WebParameter ACTIONS_PARAMETERS[] = {ID, {"before", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter CORRECT_PARAMETERS[] = {ID, {"batch", WEB_INT, FALSE, 0, "改哪一批的"}, {NULL}};
static const WebParameter PASTE_PARAMETERS[] = {ID, {"text", WEB_TABLE, TRUE, PASTE_MAX, "表格"}, {NULL}};
static const WebParameter IMPORT_PARAMETERS[] = {ID, {"file", WEB_FILE, FALSE, 0, "电子表格"}, {NULL}};
static const WebParameter BATCH_PARAMETERS[] = {ID, {"show", WEB_TEXT, FALSE, 20, "哪些"}, {"after", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter DEFINITION_PARAMETERS[] = {ID, {"version", WEB_INT, FALSE, 0, "版本"}, {"as", WEB_TEXT, FALSE, 10, "样式"}, {NULL}};
static const WebParameter DEFINITION_NEW_PARAMETERS[] = {{"like", WEB_INT, FALSE, 0, "照哪一本"}, {"as", WEB_TEXT, FALSE, 10, "样式"}, {NULL}};
#define DEFINE {"yaml", WEB_LINES, TRUE, YAML_MAX, "定义"}, {"d", WEB_FIELDS, FALSE, 20000, "定义"}, {"act", WEB_TEXT, FALSE, 60, "办理"}, {"seen", WEB_INT, FALSE, 0, "版本"}
static const WebParameter DEFINE_PARAMETERS[] = {ID, DEFINE, {NULL}};
static const WebParameter DEFINE_NEW_PARAMETERS[] = {DEFINE, {NULL}};

const WebRoute LEDGER_ROUTES[] = {
  {"GET", "/ledgers", PERMISSION_READ, NULL, "ledger/ledgers", page_ledgers, "台账"},
  {"GET", "/owed", PERMISSION_READ, NULL, "ledger/owed", page_owed, "今天要办"},
  {"GET", "/ledger/{id}", PERMISSION_READ, LIST_PARAMETERS, "ledger/list", page_list, "台账"},
  {"POST", "/ledger/{id}/usual", PERMISSION_READ, USUAL_PARAMETERS, NULL, keep_usual, NULL},
  {"GET", "/ledger/{id}/export", PERMISSION_READ, EXPORT_PARAMETERS, NULL, page_export, NULL},
  {"GET", "/ledger/{id}/compare", PERMISSION_READ, COMPARE_PARAMETERS, "ledger/compare", page_compare, "清单的变化"},
  {"GET", "/ledger/{id}/new", PERMISSION_WRITE, NEW_PARAMETERS, "ledger/form", page_new, "登记"},
  {"POST", "/ledger/{id}/new", PERMISSION_WRITE, SAVE_NEW_PARAMETERS, "ledger/form", save_new, "登记"},
  {"GET", "/ledger/{id}/bulk", PERMISSION_WRITE, BULK_PARAMETERS, "ledger/bulk", page_bulk, "成批修改"},
  {"POST", "/ledger/{id}/bulk", PERMISSION_WRITE, BULK_PARAMETERS, "ledger/bulk", plan_bulk, "成批修改"},
  {"POST", "/ledger/{id}/undo", PERMISSION_WRITE, UNDO_PARAMETERS, NULL, undo_moved, NULL},
  {"GET", "/ledger/{id}/actions", PERMISSION_READ, ACTIONS_PARAMETERS, "ledger/actions", page_actions, "成批改动"},
  {"GET", "/ledger/{id}/suggest", PERMISSION_READ, SUGGEST_PARAMETERS, "ledger/suggest", page_suggest, "提示"},
  {"GET", "/ledger/{id}/paste", PERMISSION_WRITE, CORRECT_PARAMETERS, "ledger/import", paste_page, "粘贴表格"},
  {"POST", "/ledger/{id}/paste", PERMISSION_WRITE, PASTE_PARAMETERS, "ledger/import", take_paste, "粘贴表格"},
  {"GET", "/ledger/{id}/import", PERMISSION_WRITE, ID_PARAMETERS, "ledger/import", import_page, "导入表格"},
  {"POST", "/ledger/{id}/import", PERMISSION_WRITE, IMPORT_PARAMETERS, "ledger/import", take_import, "导入表格"},
  {"GET", "/ledger-batch/{id}", PERMISSION_WRITE, BATCH_PARAMETERS, "ledger/batch", page_batch, "导入"},
  {"GET", "/ledger-batch/{id}/wrong", PERMISSION_WRITE, ID_PARAMETERS, NULL, page_wrong, NULL},
  {"POST", "/ledger-batch/{id}/make", PERMISSION_WRITE, ID_PARAMETERS, NULL, make_batch, NULL},
  {"POST", "/ledger-batch/{id}/undo", PERMISSION_WRITE, ID_PARAMETERS, NULL, undo_batch, NULL},
  {"GET", "/ledger/{id}/definition", PERMISSION_READ, DEFINITION_PARAMETERS, "ledger/definition", page_definition, "台账的定义"},
  {"POST", "/ledger/{id}/definition", PERMISSION_DEFINE, DEFINE_PARAMETERS, "ledger/definition", save_definition, "台账的定义"},
  {"POST", "/ledger/{id}/view", PERMISSION_DEFINE, VIEW_PARAMETERS, NULL, save_view, NULL},
  {"POST", "/ledger/{id}/own-view", PERMISSION_READ, VIEW_PARAMETERS, NULL, save_own_view, NULL},
  {"POST", "/ledger/{id}/own-view/drop", PERMISSION_READ, OWN_VIEW_PARAMETERS, NULL, drop_own_view, NULL},
  {"GET", "/ledger-definition/new", PERMISSION_DEFINE, DEFINITION_NEW_PARAMETERS, "ledger/definition", page_definition_new, "新建台账"},
  {"POST", "/ledger-definition/new", PERMISSION_DEFINE, DEFINE_NEW_PARAMETERS, "ledger/definition", save_definition, "新建台账"},
  {"GET", "/entry/{id}", PERMISSION_READ, ENTRY_PARAMETERS, "ledger/entry", page_one, "台账条目"},
  {"GET", "/entry/{id}/edit", PERMISSION_WRITE, EDIT_PARAMETERS, "ledger/form", page_edit, "修改"},
  {"POST", "/entry/{id}/edit", PERMISSION_WRITE, SAVE_PARAMETERS, "ledger/form", save_edit, "修改"},
  {"GET", "/entry/{id}/move", PERMISSION_WRITE, MOVE_PAGE_PARAMETERS, "ledger/move", page_entry_move, "办理"},
  {"POST", "/entry/{id}/move", PERMISSION_WRITE, MOVE_PARAMETERS, "ledger/move", move_entry, "办理"},
  {"POST", "/entry/{id}/comment", PERMISSION_READ, COMMENT_PARAMETERS, NULL, comment_entry, NULL},
  {"POST", "/entry/{id}/delete", PERMISSION_WRITE, DELETE_PARAMETERS, NULL, delete_entry, NULL},
  {"POST", "/entry/{id}/restore", PERMISSION_WRITE, RESTORE_PARAMETERS, NULL, restore_entry, NULL},
  {"POST", "/entry/{id}/files", PERMISSION_WRITE, FILES_PARAMETERS, NULL, attach_file, NULL},
  {"POST", "/entry/{id}/detach", PERMISSION_WRITE, FILE_PARAMETERS, NULL, detach_file, NULL},
  {"GET", "/entry/{id}/file", PERMISSION_READ, FILE_PARAMETERS, NULL, send_file, NULL},
  {NULL},
};
