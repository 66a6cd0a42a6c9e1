/*
 * A ledger's definition as a form: its names, fields, states, moves, duties and views as texts that a form carries, and back to the definition.
 *
 * A tree is {name: text, fields: {"0": {at, name, …}, …}, …}; its lists stand in the order of the form, `at` is the row's place in the definition that the form was
 * made from.
 * 1. What the form does not show of a definition (conditions, what a move sets, rights) stays as it was: a row is its former self with what was typed over it.
 * 2. A field or a state in force that is renamed keeps its former name under `was`, so that what refers to it, and entries, still find it.
 */
#include "pages.h"
#include "people.h"
#include <string.h>

enum { DESIGN_ROWS_MAX = 200 };

typedef enum { DESIGN_TEXT, DESIGN_FLAG, DESIGN_NOT, DESIGN_WORDS, DESIGN_LINES, DESIGN_DAYS, DESIGN_NUMBER } DesignKind;
/* NOT: a flag that holds unless it is false. DAYS: a list of numbers. NUMBER: one; what is none stays a text, for the check to name */
typedef struct { const char *key; DesignKind kind; } DesignKey;

static const DesignKey HEAD_KEYS[] = {{"name", DESIGN_TEXT}, {"group", DESIGN_TEXT}, {"about", DESIGN_TEXT}, {"number", DESIGN_TEXT}, {"title", DESIGN_TEXT},
  {"date", DESIGN_TEXT}, {"title_required", DESIGN_NOT}, {"date_required", DESIGN_NOT}, {"uses", DESIGN_WORDS},
  {"restricted", DESIGN_FLAG}, {"reminds", DESIGN_DAYS}, {NULL}};
static const DesignKey FIELD_KEYS[] = {{"name", DESIGN_TEXT}, {"type", DESIGN_TEXT}, {"values", DESIGN_LINES}, {"ledger", DESIGN_TEXT}, {"unit", DESIGN_TEXT},
  {"hint", DESIGN_TEXT}, {"required", DESIGN_FLAG}, {"list", DESIGN_FLAG}, {"many", DESIGN_FLAG}, {"open", DESIGN_FLAG}, {"of", DESIGN_TEXT}, {NULL}};
static const DesignKey STATE_KEYS[] = {{"name", DESIGN_TEXT}, {"closed", DESIGN_FLAG}, {NULL}};
static const DesignKey MOVE_KEYS[] = {{"label", DESIGN_TEXT}, {"from", DESIGN_WORDS}, {"to", DESIGN_TEXT}, {"needs", DESIGN_WORDS}, {"note", DESIGN_TEXT},
  {"another", DESIGN_FLAG}, {"roles", DESIGN_WORDS}, {NULL}};
static const DesignKey DUTY_KEYS[] = {{"title", DESIGN_TEXT}, {"every", DESIGN_TEXT}, {"days", DESIGN_NUMBER}, {"owner", DESIGN_TEXT},
  {"department", DESIGN_TEXT}, {NULL}};
static const DesignKey VIEW_KEYS[] = {{"name", DESIGN_TEXT}, {"columns", DESIGN_WORDS}, {"group", DESIGN_TEXT}, {"sort", DESIGN_TEXT}, {NULL}};

static const struct { const char *list, *word; const DesignKey *keys; } LISTS[] = {{"fields", "栏目", FIELD_KEYS}, {"states", "状态", STATE_KEYS},
  {"moves", "流转", MOVE_KEYS}, {"duties", "职责", DUTY_KEYS}, {"views", "视图", VIEW_KEYS}};

static const DesignKey *keys_of(const char *list) {
  for (guint i = 0; i < G_N_ELEMENTS(LISTS); i++)
    if (g_str_equal(LISTS[i].list, list)) return LISTS[i].keys;
  return NULL;
}

/* ---- definition to tree ---- */

static char *words_text(json_t *list, const char *between) {
  g_autoptr(GString) out = g_string_new(NULL);
  json_t *each;
  size_t i;
  if (json_is_string(list)) return g_strdup(json_string_value(list));
  json_array_foreach(list, i, each) {
    if (i > 0) g_string_append(out, between);
    if (json_is_integer(each)) g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(each));
    else g_string_append(out, json_is_string(each) ? json_string_value(each) : "");
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static json_t *row_tree(json_t *row, const DesignKey *keys) {
  json_t *tree = json_object();
  for (const DesignKey *key = keys; key->key != NULL; key++) {
    json_t *value = json_object_get(row, key->key);
    gboolean flag = key->kind == DESIGN_FLAG || key->kind == DESIGN_NOT, on = key->kind == DESIGN_NOT ? !json_is_false(value) : json_is_true(value);
    g_autofree char *text = flag ? g_strdup(on ? "1" : "") : json_is_integer(value) ? json_dumps(value, JSON_ENCODE_ANY)
      : words_text(value, key->kind == DESIGN_LINES ? "\n" : "、");
    if (*text) put_text_at(tree, key->key, text);
  }
  return tree;
}

static json_t *list_tree(json_t *rows, const DesignKey *keys) {
  json_t *tree = json_object(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    g_autofree char *at = g_strdup_printf("%zu", i);
    json_t *one = row_tree(row, keys);
    put_text_at(one, "at", at);
    if (json_object_get(row, "fields") != NULL) json_object_set_new(one, "fields", list_tree(json_object_get(row, "fields"), keys));
    json_object_set_new(tree, at, one);
  }
  return tree;
}

json_t *design_tree(json_t *definition) {
  json_auto_t *clean = definition_clean(definition);
  json_t *tree = row_tree(clean, HEAD_KEYS);
  for (guint i = 0; i < G_N_ELEMENTS(LISTS); i++) json_object_set_new(tree, LISTS[i].list, list_tree(json_object_get(clean, LISTS[i].list), LISTS[i].keys));
  return tree;
}

/* ---- the form's flat names to a tree ---- */

json_t *design_read(json_t *given) {
  json_t *tree = json_object(), *value;
  const char *name;
  json_object_foreach(given, name, value) {
    g_auto(GStrv) parts = g_strsplit(name, ".", 6);
    json_t *at = tree;
    guint last = g_strv_length(parts) - 1;
    for (guint i = 0; i < last && at != NULL; i++) {
      json_t *next = json_object_get(at, parts[i]);
      if (next == NULL) json_object_set_new(at, parts[i], next = json_object());
      at = json_is_object(next) ? next : NULL;
    }
    if (at != NULL) json_object_set(at, parts[last], value);
  }
  return tree;
}

/* ---- tree to definition ---- */

static const char *first_text(json_t *value) {
  json_t *only = json_is_array(value) ? json_array_get(value, 0) : value;
  return json_is_string(only) ? json_string_value(only) : "";
}

static json_t *split_words(json_t *value, DesignKind kind) {
  json_t *list = json_array(), *each;
  json_auto_t *texts = json_is_array(value) ? json_incref(value) : json_pack("[s]", first_text(value));
  size_t k;
  json_array_foreach(texts, k, each) {
    const char *text = json_is_string(each) ? json_string_value(each) : "";
    gboolean lines = kind == DESIGN_LINES && strchr(text, '\n') != NULL; /* choices on one line may stand with 、 between them */
    g_auto(GStrv) parts = g_regex_split_simple(lines ? "\n+" : "[\n;；、，,]+", text, 0, 0);
    for (guint i = 0; parts[i] != NULL; i++) {
      const char *part = g_strstrip(parts[i]);
      if (*part == '\0') continue;
      char *end = NULL;
      gint64 number = kind == DESIGN_DAYS ? g_ascii_strtoll(part, &end, 10) : 0;
      json_array_append_new(list, kind == DESIGN_DAYS && *end == '\0' ? json_integer(number) : json_string(part));
    }
  }
  return list;
}

/* Ticked boxes come in the order of the form: as a set they may be what was there. */
static gboolean same_words(json_t *a, json_t *b) {
  json_t *each, *other;
  size_t i, k, found = 0;
  json_array_foreach(a, i, each)
    json_array_foreach(b, k, other) found += json_equal(each, other) != 0;
  return found == json_array_size(a) && found == json_array_size(b);
}

static json_t *number_or_text(const char *text) {
  char *end = NULL;
  gint64 number = g_ascii_strtoll(text, &end, 10);
  return *g_strchug(end) == '\0' ? json_integer(number) : json_string(text);
}

static void put_key(json_t *row, const DesignKey *key, json_t *given) {
  json_auto_t *words = json_is_array(given) ? split_words(given, key->kind) : NULL; /* of ticked boxes the first says only that there are some */
  const char *text = first_text(words != NULL ? words : given);
  gboolean flag = key->kind == DESIGN_FLAG || key->kind == DESIGN_NOT;
  json_auto_t *before = row_tree(row, (DesignKey[]){*key, {NULL}});
  if (json_equal(json_object_get(before, key->key), given) || (*text == '\0' && given == NULL && json_object_size(before) == 0)) return; /* as it was, to the letter */
  if (key->kind == DESIGN_NOT && *text == '\0') json_object_set_new(row, key->key, json_false());
  else if (key->kind == DESIGN_FLAG && *text) json_object_set_new(row, key->key, json_true());
  else if (flag || *text == '\0') json_object_del(row, key->key);
  else if (key->kind == DESIGN_TEXT) json_object_set_new(row, key->key, json_string(text));
  else if (key->kind == DESIGN_NUMBER) json_object_set_new(row, key->key, number_or_text(text));
  else {
    json_auto_t *list = split_words(given, key->kind);
    if (!json_is_array(given) || !same_words(list, json_object_get(row, key->key))) json_object_set(row, key->key, list);
  }
}

/* What a type has no use for goes, so that a field whose type was changed is sound. */
static void fit_type(json_t *field) {
  const char *type = text_at(field, "type");
  gboolean choice = g_str_equal(type, "choice");
  if (!choice) json_object_del(field, "values");
  if (!choice) json_object_del(field, "renamed");
  if (!choice) json_object_del(field, "open");
  if (!g_str_equal(type, "entry")) json_object_del(field, "ledger");
  if (!g_str_equal(type, "rows")) json_object_del(field, "fields");
  if (!g_str_equal(type, "age")) json_object_del(field, "of");
  if (!g_str_equal(type, "number")) json_object_del(field, "unit");
  if (g_str_equal(type, "rows") || g_str_equal(type, "bool") || g_str_equal(type, "age")) json_object_del(field, "many");
}

static void keep_former(json_t *row, const char *former) {
  json_t *was = json_object_get(row, "was"), *each;
  size_t i;
  if (*former == '\0' || g_str_equal(text_at(row, "name"), former)) return;
  if (!json_is_array(was)) json_object_set_new(row, "was", was = json_array());
  json_array_foreach(was, i, each)
    if (g_strcmp0(json_string_value(each), former) == 0) return;
  json_array_append_new(was, json_string(former));
}

static json_t *take_list(json_t *tree, json_t *former, const DesignKey *keys, gboolean in_force) {
  json_t *list = json_array(), *given, *fields = NULL;
  const char *number;
  json_object_foreach(tree, number, given) {
    gint64 at = -1;
    if (!json_is_object(given) || !g_ascii_string_to_signed(first_text(json_object_get(given, "at")), 10, 0, DESIGN_ROWS_MAX, &at, NULL)) at = -1;
    json_t *before = at < 0 ? NULL : json_array_get(former, (size_t)at), *row = json_is_object(before) ? json_deep_copy(before) : json_object();
    for (const DesignKey *key = keys; key->key != NULL; key++) put_key(row, key, json_object_get(given, key->key));
    if (in_force && (keys == FIELD_KEYS || keys == STATE_KEYS)) keep_former(row, text_at(before, "name"));
    if (keys == FIELD_KEYS) {
      fit_type(row);
      fields = take_list(json_object_get(given, "fields"), json_object_get(before, "fields"), keys, in_force);
      if (json_array_size(fields)) json_object_set_new(row, "fields", fields);
      else json_decref(fields);
    }
    json_array_append_new(list, row);
  }
  return list;
}

/* Where a state has another name, moves and returns that still say the former one follow it. */
static void follow_states(json_t *definition, json_t *former, json_t *tree) {
  json_t *given, *move, *each;
  const char *number;
  size_t i, k, row = 0;
  json_object_foreach(json_object_get(tree, "states"), number, given) {
    gint64 at = 0;
    json_t *state = json_array_get(json_object_get(definition, "states"), row++);
    if (!g_ascii_string_to_signed(first_text(json_object_get(given, "at")), 10, 0, DESIGN_ROWS_MAX, &at, NULL)) continue;
    json_auto_t *name = json_incref(json_object_get(state, "name"));
    const char *before = text_at(json_array_get(json_object_get(former, "states"), (size_t)at), "name");
    if (name == NULL || g_str_equal(before, json_string_value(name))) continue;
    json_array_foreach(json_object_get(definition, "moves"), i, move) {
      if (g_str_equal(text_at(move, "to"), before)) json_object_set(move, "to", name);
      json_array_foreach(json_object_get(move, "from"), k, each)
        if (g_strcmp0(json_string_value(each), before) == 0) json_array_set(json_object_get(move, "from"), k, name);
    }
    json_array_foreach(json_object_get(definition, "states"), i, each)
      if (g_str_equal(text_at(json_object_get(each, "again"), "to"), before)) json_object_set(json_object_get(each, "again"), "to", name);
  }
}

json_t *design_apply(json_t *base, json_t *tree, gboolean in_force) {
  json_auto_t *former = definition_clean(base);
  json_t *definition = json_deep_copy(former);
  for (const DesignKey *key = HEAD_KEYS; key->key != NULL; key++) put_key(definition, key, json_object_get(tree, key->key));
  for (guint i = 0; i < G_N_ELEMENTS(LISTS); i++) {
    json_t *list = take_list(json_object_get(tree, LISTS[i].list), json_object_get(former, LISTS[i].list), LISTS[i].keys, in_force);
    if (json_array_size(list)) json_object_set_new(definition, LISTS[i].list, list);
    else {
      json_decref(list);
      json_object_del(definition, LISTS[i].list);
    }
  }
  follow_states(definition, former, tree);
  return definition;
}

/* ---- a row up, down, away, another ---- */

static json_t *list_at(json_t *tree, const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, ".", 4);
  for (guint i = 0; parts[i] != NULL; i++) {
    json_t *next = json_object_get(tree, parts[i]);
    if (next == NULL && i % 2 == 0 && keys_of(parts[i]) != NULL) json_object_set_new(tree, parts[i], next = json_object());
    if (!json_is_object(next)) return NULL;
    tree = next;
  }
  return tree;
}

static void renumber(json_t *list, GPtrArray *rows) {
  json_object_clear(list);
  for (guint i = 0; i < rows->len; i++) {
    g_autofree char *number = g_strdup_printf("%u", i);
    json_object_set(list, number, rows->pdata[i]);
  }
}

char *design_act(json_t *tree, const char *act) {
  static const char *const acts[] = {"add", "up", "down", "drop", NULL};
  const char *space = strchr(act, ' ');
  g_autofree char *verb = g_strndup(act, space == NULL ? strlen(act) : (gsize)(space - act)), *path = g_strdup(space == NULL ? "" : space + 1);
  if (!g_strv_contains(acts, verb)) return NULL;
  gboolean add = g_str_equal(verb, "add");
  char *dot = add ? NULL : strrchr(path, '.');
  if (!add && dot == NULL) return NULL;
  const char *which = add ? "" : dot + 1;
  if (dot != NULL) *dot = '\0';
  json_t *list = list_at(tree, path), *row;
  const char *number;
  if (list == NULL) return NULL;
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
  guint at = 0, count = 0;
  json_object_foreach(list, number, row) {
    if (g_str_equal(number, which)) at = count;
    count++;
    g_ptr_array_add(rows, json_incref(row));
  }
  guint to = at;
  if (add && count < DESIGN_ROWS_MAX) {
    g_ptr_array_add(rows, g_str_has_suffix(path, "fields") ? json_pack("{s:s}", "type", "text") : json_object());
    to = count;
  } else if (at < count && g_str_equal(verb, "drop")) {
    g_ptr_array_remove_index(rows, at);
    to = at > 0 ? at - 1 : 0;
  } else if (at < count && !add) {
    to = g_str_equal(verb, "up") ? (at > 0 ? at - 1 : 0) : MIN(at + 1, count - 1);
    gpointer other = rows->pdata[to];
    rows->pdata[to] = rows->pdata[at];
    rows->pdata[at] = other;
  }
  renumber(list, rows);
  return g_strdup_printf("%s%s.%u", add ? "add " : g_str_equal(verb, "drop") ? "drop " : g_str_equal(verb, "up") ? "up " : "down ", path, to);
}

/* ---- the model of the form ---- */

static json_t *options_of(const char *const (*words)[2], guint count, const char *chosen) {
  json_t *options = json_array();
  for (guint i = 0; i < count; i++)
    json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", words[i][0], "label", words[i][1], "chosen", g_str_equal(words[i][0], chosen)));
  return options;
}

static json_t *type_options(const char *chosen, gboolean child) {
  static const char *const types[][2] = {{"text", "文字"}, {"lines", "多行文字"}, {"choice", "选项"}, {"number", "数"}, {"money", "金额"}, {"date", "日期"},
    {"period", "起止时刻"}, {"bool", "是/否"}, {"person", "人"}, {"body", "单位"}, {"place", "地点"}, {"entry", "另一台账的条目"}, {"record", "档案"}, {"file", "附件"},
    {"link", "网址"}, {"age", "年龄"}, {"rows", "子表"}};
  return options_of(types, G_N_ELEMENTS(types) - (child ? 1 : 0), chosen);
}

static json_t *every_options(const char *chosen) {
  static const char *const rhythms[][2] = {{"", "请选择"}, {"day", "每天"}, {"workday", "每个工作日"}, {"week", "每周"}, {"twoweeks", "每两周"}, {"halfmonth", "每半月"},
    {"month", "每月"}, {"quarter", "每季度"}, {"halfyear", "每半年"}, {"year", "每年"}};
  return options_of(rhythms, G_N_ELEMENTS(rhythms), chosen);
}

static json_t *ledger_options(const char *chosen) {
  json_t *options = json_pack("[{s:s, s:s, s:b}]", "value", "", "label", "请选择", "chosen", *chosen == '\0');
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++)
    json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", all[i]->name, "label", all[i]->name, "chosen", g_str_equal(all[i]->name, chosen)));
  return options;
}

static json_t *row_model(json_t *row, const char *path, const DesignKey *keys, const char *focus);

static json_t *list_model(json_t *list, const char *path, const DesignKey *keys, const char *focus) {
  json_t *model = json_array(), *row;
  const char *number;
  size_t i = 0;
  json_object_foreach(list, number, row) {
    g_autofree char *at = g_strdup_printf("%s.%zu", path, i++);
    json_t *one = row_model(row, at, keys, focus);
    json_object_set_new(one, "order", json_integer((json_int_t)i));
    json_array_append_new(model, one);
  }
  return model;
}

static json_t *row_model(json_t *row, const char *path, const DesignKey *keys, const char *focus) {
  json_t *model = json_pack("{s:s, s:s}", "path", path, "at", first_text(json_object_get(row, "at")));
  g_autofree char *id = g_strdelimit(g_strdup(path), ".", '-');
  put_text_at(model, "id", id);
  for (const DesignKey *key = keys; key->key != NULL; key++) {
    json_auto_t *list = key->kind == DESIGN_WORDS || key->kind == DESIGN_LINES ? split_words(json_object_get(row, key->key), key->kind) : NULL;
    g_autofree char *text = list != NULL ? words_text(list, key->kind == DESIGN_LINES ? "\n" : "、") : g_strdup(first_text(json_object_get(row, key->key)));
    put_text_at(model, key->key, text);
  }
  const char *space = focus == NULL ? NULL : strchr(focus, ' ');
  if (space != NULL && g_str_equal(space + 1, path)) {
    g_autofree char *which = g_strdup_printf("focus_%.*s", (int)(space - focus), focus);
    json_object_set_new(model, which, json_true());
  }
  if (keys == DUTY_KEYS) json_object_set_new(model, "rhythms", every_options(text_at(model, "every")));
  if (keys != FIELD_KEYS) return model;
  gboolean child = strchr(path + strlen("fields."), '.') != NULL;
  g_autofree char *below = g_strdup_printf("%s.fields", path);
  json_object_set_new(model, "extra", json_boolean(*text_at(model, "open") || *text_at(model, "many") || *text_at(model, "hint")));
  json_object_set_new(model, "types", type_options(text_at(model, "type"), child));
  json_object_set_new(model, "ledgers", ledger_options(text_at(model, "ledger")));
  if (!child) json_object_set_new(model, "fields", list_model(json_object_get(row, "fields"), below, keys, focus));
  return model;
}

/* Codes with the titles that people know them by. */
static json_t *roles_model(void) {
  json_t *model = json_array(), *role;
  size_t i;
  json_array_foreach(people_roles(), i, role)
    json_array_append_new(model, json_pack("{s:s, s:s}", "code", text_at(role, "code"), "title", text_at(role, "title")));
  return model;
}

static json_t *uses_model(json_t *uses) {
  static const char *const words[] = {"责任部门", "责任人", "截止", "附件", "来源单位", "层级", "专题", "密级", "次数", "口径"};
  json_auto_t *chosen = split_words(uses, DESIGN_WORDS);
  json_t *model = json_array(), *each;
  size_t k;
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    gboolean on = FALSE;
    json_array_foreach(chosen, k, each) on = on || g_strcmp0(json_string_value(each), words[i]) == 0;
    json_array_append_new(model, json_pack("{s:s, s:b}", "value", words[i], "chosen", on));
  }
  return model;
}

static json_t *names_model(json_t *list) {
  json_t *names = json_array(), *row;
  const char *number;
  json_object_foreach(list, number, row)
    if (*first_text(json_object_get(row, "name"))) json_array_append_new(names, json_string(first_text(json_object_get(row, "name"))));
  return names;
}

json_t *design_model(json_t *tree, const char *focus) {
  json_t *model = row_model(tree, "", HEAD_KEYS, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(LISTS); i++)
    json_object_set_new(model, LISTS[i].list, list_model(json_object_get(tree, LISTS[i].list), LISTS[i].list, LISTS[i].keys, focus));
  json_object_set_new(model, "roles", roles_model());
  json_object_set_new(model, "uses", uses_model(json_object_get(tree, "uses")));
  json_object_set_new(model, "state_names", names_model(json_object_get(tree, "states")));
  json_t *columns = names_model(json_object_get(tree, "fields")), *groups = json_array();
  static const char *const base[] = {"编号", "日期", "标题", "状态", "责任部门", "责任人", "截止", "附件"};
  for (guint i = 0; i < G_N_ELEMENTS(base); i++) json_array_append_new(columns, json_string(base[i]));
  json_object_set_new(model, "column_names", columns);
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++)
    if (i == 0 || g_strcmp0(all[i]->group, all[i - 1]->group) != 0) json_array_append_new(groups, json_string(all[i]->group != NULL ? all[i]->group : "其他"));
  json_object_set_new(model, "groups", groups);
  return model;
}

/* ---- a fault's place in words ---- */

char *design_place(json_t *definition, const char *where, char **ret_anchor) {
  static const struct { const char *key, *word; } words[] = {{"fields", "栏目"}, {"states", "状态"}, {"moves", "流转"}, {"views", "视图"}, {"duties", "职责"}, {"makes", "办起"}};
  g_autofree char *list = g_strndup(where, strcspn(where, "["));
  const char *word = NULL, *open = strchr(where, '[');
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (g_str_equal(words[i].key, list)) word = words[i].word;
  *ret_anchor = NULL;
  if (word == NULL || open == NULL) return NULL;
  int at = (int)g_ascii_strtoll(open + 1, NULL, 10);
  json_t *row = json_array_get(json_object_get(definition, list), (size_t)at);
  const char *name = *text_at(row, "name") ? text_at(row, "name") : text_at(row, "label");
  *ret_anchor = g_strdup_printf("%s-%d", list, at);
  return *name ? g_strdup_printf("%s“%s”", word, name) : g_strdup_printf("第 %d 个%s", at + 1, word);
}
