/*
 * A ledger's definition as YAML: checked with the place of each fault, compared with the entries there are, put in force as a version; versions and their difference.
 *
 * 1. Nothing is in force before it was checked; what contradicts is shown with the entries it is about.
 * 2. The text goes out as it came in while it has faults.
 */
#include "pages.h"
#include "settings.h"
#include <string.h>

enum { CONFLICTS_SHOWN = 50, LINES_MAX_COMPARED = 2000 };

/* Keys as people write them: the name first. */
static char *yaml_text(json_t *definition) {
  static const char *const order[] = {"name", "was", "from", "to", "label", "group", "about", "number", "title", "title_required", "date", "date_required", "uses",
    "restricted", "read", "write", "rows", "all", "type", "ledger", "of", "values", "renamed", "open", "many", "dated", "required", "list", "unit", "hint", "default",
    "when", "fields", "states", "moves", "duties", "reminds", "views", NULL};
  return yaml_write(definition, order);
}

/* ---- the difference of two texts, line by line (longest common subsequence) ---- */

static json_t *compare_lines(const char *before, const char *after) {
  g_auto(GStrv) a = g_strsplit(before, "\n", LINES_MAX_COMPARED), b = g_strsplit(after, "\n", LINES_MAX_COMPARED);
  guint n = g_strv_length(a), m = g_strv_length(b);
  g_autofree guint16 *common = g_new0(guint16, (gsize)(n + 1) * (m + 1));
#define COMMON(i, j) common[(gsize)(i) * (m + 1) + (j)]
  for (guint i = n; i-- > 0;)
    for (guint j = m; j-- > 0;) COMMON(i, j) = g_str_equal(a[i], b[j]) ? (guint16)(COMMON(i + 1, j + 1) + 1) : MAX(COMMON(i + 1, j), COMMON(i, j + 1));
  json_t *lines = json_array();
  for (guint i = 0, j = 0; i < n || j < m;) {
    gboolean same = i < n && j < m && g_str_equal(a[i], b[j]), removed = !same && i < n && (j == m || COMMON(i + 1, j) >= COMMON(i, j + 1));
    if (!same) json_array_append_new(lines, json_pack("{s:s, s:b}", "text", removed ? a[i] : b[j], "removed", removed));
    i += same || removed;
    j += same || !removed;
  }
#undef COMMON
  return lines;
}

/* ---- the page ---- */

static json_t *versions_model(const LedgerPage *page, int shown) {
  json_t *versions = json_array();
  for (int i = page->definition->version; i >= 1 && i > page->definition->version - 100; i--)
    json_array_append_new(versions, json_pack("{s:i, s:b, s:b}", "number", i, "current", i == page->definition->version, "shown", i == shown));
  return versions;
}

/* definition: shown as a form, unless NULL; tree: the form as it was typed, NULL: made from the definition. */
typedef struct { const char *yaml, *focus; json_t *definition, *tree; } Shown;

static json_t *define_frame(const LedgerPage *page, const Shown *shown) {
  json_t *model = json_pack("{s:s, s:s, s:s}", "title", page->definition == NULL ? "新建台账" : "台账的定义", "yaml", shown->yaml, "form_path", web_path(page->request));
  if (page->definition != NULL) {
    json_object_set_new(model, "ledger", page_ledger_model(page));
    json_object_set_new(model, "seen", json_integer(page->definition->version));
    json_object_set_new(model, "versions", versions_model(page, page->definition->version));
  }
  gboolean may = web_may(page->request, PERMISSION_DEFINE);
  json_auto_t *tree = shown->tree != NULL ? json_incref(shown->tree) : shown->definition != NULL ? ledger_design_tree(shown->definition) : NULL;
  if (tree != NULL) json_object_set_new(model, "design", ledger_design_model(tree, shown->focus));
  json_object_set_new(model, "has_design", json_boolean(may && tree != NULL));
  json_object_set_new(model, "may_define", json_boolean(may));
  return model;
}

WebReply *page_definition(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error)) return NULL;
  int version = (int)web_int(request, "version", page.definition->version);
  json_auto_t *shown = version == page.definition->version ? json_incref(page.definition->json) : ledger_definition_version(page.sql, page.definition->id,
    version, error);
  if (shown == NULL) return NULL;
  g_autofree char *yaml = yaml_text(shown);
  gboolean form = version == page.definition->version && g_strcmp0(web_text(request, "as"), "yaml") != 0;
  json_t *model = define_frame(&page, &(Shown){.yaml = yaml, .definition = form ? shown : NULL});
  json_object_set_new(model, "versions", versions_model(&page, version));
  json_auto_t *former = version > 1 ? ledger_definition_version(page.sql, page.definition->id, version - 1, NULL) : NULL;
  if (former != NULL) {
    g_autofree char *before = yaml_text(former);
    json_object_set_new(model, "changes", compare_lines(before, yaml));
    json_object_set_new(model, "compared", json_integer(version - 1));
  }
  if (version != page.definition->version) json_object_set_new(model, "old", json_integer(version));
  return web_model(model);
}

static const char SKELETON[] =
  "name: 新台账\ngroup: 其他\nabout: 一句话说明登记什么。\nnumber: \"XT{year}-{serial:3}\"\ntitle: 标题\ndate: 日期\nuses: [责任人, 截止, 附件]\nfields:\n"
  "  - {name: 类型, type: choice, values: [甲, 乙], required: true, list: true}\n  - {name: 说明, type: lines}\n"
  "states:\n  - {name: 登记}\n  - {name: 办结, closed: true}\nmoves:\n  - {from: 登记, to: 办结, label: 办结}\n";

/* Another like one that there is, under no name yet; else a skeleton. */
WebReply *page_definition_new(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error)) return NULL;
  const LedgerDefinition *like = ledger_of(web_int(request, "like", 0));
  if (like != NULL && !ledger_may_read(like, page.asker)) like = NULL;
  json_auto_t *definition = like != NULL ? json_deep_copy(like->json) : yaml_load_text(SKELETON, "定义", error);
  if (definition == NULL) return NULL;
  json_object_set_new(definition, "name", json_string(""));
  json_object_del(definition, "was");
  g_autofree char *yaml = yaml_text(definition);
  return web_model(define_frame(&page, &(Shown){.yaml = yaml, .definition = g_strcmp0(web_text(request, "as"), "yaml") == 0 ? NULL : definition}));
}

/* ---- checking and saving ---- */

static void add_faults(json_t *model, json_t *definition, json_t *faults) {
  json_t *fault;
  size_t i;
  json_array_foreach(faults, i, fault) {
    g_autofree char *anchor = NULL, *place = design_place(definition, text_at(fault, "where"), &anchor);
    if (place == NULL) continue;
    put_text_at(fault, "place", place);
    put_text_at(fault, "anchor", anchor);
  }
  json_object_set(model, "faults", faults);
  json_object_set_new(model, "fault_count", json_integer((json_int_t)json_array_size(faults)));
}

/* The entries that contradict, by field: a list to change them in. */
static void add_conflicts(json_t *model, const LedgerPage *page, json_t *conflicts, gint64 count) {
  json_t *conflict;
  size_t i;
  json_array_foreach(conflicts, i, conflict) {
    const char *field = text_at(conflict, "field");
    gboolean state = g_str_equal(field, "状态");
    g_autofree char *name = g_uri_escape_string(field, NULL, FALSE), *value = g_uri_escape_string(text_at(conflict, "value"), NULL, FALSE);
    if (ledger_field(page->definition, field) != NULL)
      json_object_set_new(conflict, "list", json_sprintf("/ledger/%" G_GINT64_FORMAT "?f.%s%s", page->definition->id, name, state ? "=" : ":set=1"));
    if (state) json_object_set_new(conflict, "list", json_sprintf("%s%s", text_at(conflict, "list"), value));
  }
  json_object_set(model, "conflicts", conflicts);
  json_object_set_new(model, "conflict_count", json_integer(count));
}

/* Under another name it is still the same ledger. */
static void keep_name(json_t *definition, const LedgerDefinition *former) {
  json_t *was = json_object_get(definition, "was"), *each;
  size_t i;
  if (former == NULL || g_str_equal(text_at(definition, "name"), former->name)) return;
  if (!json_is_array(was)) json_object_set_new(definition, "was", was = json_array());
  json_array_foreach(was, i, each)
    if (g_strcmp0(json_string_value(each), former->name) == 0) return;
  json_array_append_new(was, json_string(former->name));
}

static WebReply *refuse_yaml(LedgerPage *page, const char *yaml, const GError *problem) {
  json_auto_t *faults = json_pack("[{s:s, s:s}]", "where", "YAML", "what", problem->message);
  json_t *model = define_frame(page, &(Shown){.yaml = yaml});
  add_faults(model, NULL, faults);
  return web_model_status(model, 422);
}

static WebReply *checked(LedgerPage *page, json_t *definition, const Shown *shown, guint status) {
  json_auto_t *faults = ledger_definition_faults(definition, NULL);
  json_t *model = define_frame(page, shown);
  add_faults(model, definition, faults);
  gint64 count = 0;
  gboolean compared = json_array_size(faults) == 0 && page->definition != NULL;
  json_auto_t *conflicts = compared ? ledger_definition_conflicts(page->sql, page->asker, definition, CONFLICTS_SHOWN, &count, NULL) : NULL;
  if (conflicts != NULL) add_conflicts(model, page, conflicts, count);
  json_object_set_new(model, "sound", json_boolean(json_array_size(faults) == 0 && count == 0));
  json_object_set_new(model, "checked", json_true());
  if (page->definition != NULL) {
    g_autofree char *before = yaml_text(page->definition->json), *after = yaml_text(definition);
    json_object_set_new(model, "changes", compare_lines(before, after));
    json_object_set_new(model, "compared", json_integer(page->definition->version));
  }
  return web_model_status(model, status);
}

/* The form's rows, or what else the page can do before anything is saved. NULL: it is to be checked or saved. */
static WebReply *redrawn(LedgerPage *page, json_t *definition, Shown *shown, const char *act) {
  g_autofree char *focus = shown->tree != NULL ? ledger_design_act(shown->tree, act) : NULL, *yaml = NULL;
  if (focus != NULL) {
    shown->focus = focus;
    return web_model(define_frame(page, shown));
  }
  if (g_str_equal(act, "form")) return checked(page, definition, &(Shown){.yaml = shown->yaml, .definition = definition}, 200);
  if (!g_str_equal(act, "yaml")) return NULL;
  yaml = yaml_text(definition);
  return checked(page, definition, &(Shown){.yaml = yaml}, 200);
}

/* The page's ledger and no other, and all of it: who sees some rows only cannot say who sees which. */
static gboolean may_define(const LedgerPage *page, json_t *definition, GError **error) {
  gint64 id = ledger_id_present(page->sql, definition), own = page->definition != NULL ? page->definition->id : 0;
  if (id != own) return throw(error, LANTAI_ERROR_CONFLICT, "已有叫“%s”的台账，或用过这个名称，请换一个", text_at(definition, "name"));
  if (page->definition != NULL && ledger_some_rows_only(page->definition, page->asker))
    return throw(error, LANTAI_ERROR_DENIED, "这本台账您只看得到一部分，请由看得到全部的人改定义");
  return TRUE;
}

WebReply *save_definition(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  const char *act = web_text(request, "act") != NULL ? web_text(request, "act") : "check", *yaml = web_text(request, "yaml");
  gboolean save = g_str_equal(act, "save"), existing = g_str_has_prefix(web_path(request), "/ledger/");
  g_autoptr(GError) problem = NULL;
  if (!page_begin(&page, request, save, error) || (existing && !page_ledger(&page, error))) return NULL;
  json_auto_t *base = yaml_load_text(yaml, "定义", &problem);
  if (base == NULL) return refuse_yaml(&page, yaml, problem);
  if (!json_is_object(base)) return throw_null(error, LANTAI_ERROR_INVALID, "定义应是 name: … 这样的若干项");
  json_auto_t *tree = json_object_size(web_fields(request, "d")) ? design_read(web_fields(request, "d")) : NULL;
  json_auto_t *definition = tree != NULL ? ledger_design_apply(base, tree, page.definition != NULL) : json_incref(base);
  Shown shown = {.yaml = yaml, .tree = tree};
  keep_name(definition, page.definition);
  if (!may_define(&page, definition, error)) return NULL;
  WebReply *reply = redrawn(&page, definition, &shown, act);
  if (reply != NULL) return reply;
  if (!save) return checked(&page, definition, &shown, 200);
  if (page.definition != NULL && web_int(request, "seen", page.definition->version) != page.definition->version)
    return throw_null(error, LANTAI_ERROR_CONFLICT, "定义已被他人改成第 %d 版，请先看差别再改", page.definition->version);
  gint64 id = ledger_define(page.sql, web_actor(request), definition, &problem);
  if (id == 0 && (g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID) || g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT)))
    return checked(&page, definition, &shown, error_http_status(problem));
  if (id == 0) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  if (!sql_commit(page.sql, error)) return NULL;
  reply = existing ? web_redirect("/ledger/%" G_GINT64_FORMAT "/definition", id) : web_redirect("/ledger/%" G_GINT64_FORMAT, id);
  web_flash(reply, existing ? "定义已经生效；以前登记的仍按各自的版本可读" : "台账已经建好，可以登记了");
  return reply;
}

/* The list as it is filtered and sorted becomes a view of that name, for everyone. */
WebReply *save_view(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  const char *name = web_text(request, "name");
  if (!page_begin(&page, request, TRUE, error) || !page_ledger(&page, error) || !filter_read(&filter, &page, error)) return NULL;
  json_auto_t *definition = json_deep_copy(page.definition->json);
  json_t *views = json_object_get(definition, "views"), *former, *view = json_pack("{s:s, s:O}", "name", name, "columns", filter.columns);
  size_t i;
  if (views == NULL) json_object_set_new(definition, "views", views = json_array());
  json_array_foreach(views, i, former)
    if (g_str_equal(text_at(former, "name"), name)) break;
  if (json_object_size(filter.where)) json_object_set(view, "where", filter.where);
  if (filter.ask.sort != NULL) put_text_at(view, "sort", filter.ask.sort);
  if (filter.group != NULL) put_text_at(view, "group", filter.group);
  if (i < json_array_size(views)) json_array_set_new(views, i, view);
  else json_array_append_new(views, view);
  g_autoptr(GError) problem = NULL;
  gint64 id = may_define(&page, definition, &problem) ? ledger_define(page.sql, web_actor(request), definition, &problem) : 0;
  if (g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT)) return throw_null(error, LANTAI_ERROR_CONFLICT, "台账的定义与已有的条目不合，请先在“定义”里检查");
  if (id == 0) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  if (!sql_commit(page.sql, error)) return NULL;
  g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
  WebReply *reply = web_redirect("/ledger/%" G_GINT64_FORMAT "?view=%s", id, escaped);
  web_flash(reply, "视图已存好，大家都能用");
  return reply;
}
