/* A definition as a form and back; see design.h. */
#include "design.h"
#include "json.h"
#include "people.h"
#include "settings.h"
#include <math.h>
#include <string.h>

enum { ROWS_MAX = 200, PARTS_MAX = 10 };

static gboolean is_pairs(DesignKind kind) { return kind >= DESIGN_WHERE; }
static gboolean is_words(DesignKind kind) { return kind == DESIGN_WORDS || kind == DESIGN_LINES || kind == DESIGN_NUMBERS || kind == DESIGN_ROLES; }

static const DesignKey *key_of(const DesignKey *keys, const char *name) {
  for (; keys != NULL && keys->key != NULL; keys++)
    if (g_str_equal(keys->key, name)) return keys;
  return NULL;
}

static void put_text(json_t *object, const char *key, const char *text) { json_object_set_new(object, key, json_string(text)); }

/* ---- codes of roles and the titles that people know them by ---- */

static const char *role_known(const char *from, const char *to, const char *text) {
  json_t *role;
  size_t i;
  json_array_foreach(people_roles(), i, role)
    if (g_str_equal(text_at(role, from), text)) return text_at(role, to);
  return text;
}

static json_t *roles_turned(json_t *list, const char *from, const char *to) {
  json_t *turned = json_array(), *each;
  size_t i;
  json_array_foreach(list, i, each) json_array_append_new(turned, json_is_string(each) ? json_string(role_known(from, to, json_string_value(each))) : json_incref(each));
  return turned;
}

/* ---- definition to tree ---- */

char *design_join(json_t *list, const char *between) {
  g_autoptr(GString) out = g_string_new(NULL);
  json_t *each;
  size_t i;
  if (json_is_string(list)) return g_strdup(json_string_value(list));
  json_array_foreach(list, i, each) {
    if (i > 0) g_string_append(out, between);
    if (json_is_integer(each)) g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(each));
    else g_string_append(out, json_is_string(each) ? json_string_value(each) : json_is_boolean(each) ? json_is_true(each) ? "是" : "否" : "");
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *shown_text(json_t *value, DesignKind kind) {
  json_auto_t *roles = kind == DESIGN_ROLES ? roles_turned(value, "code", "title") : NULL;
  if (kind == DESIGN_FLAG || kind == DESIGN_NOT) return g_strdup((kind == DESIGN_NOT ? !json_is_false(value) : json_is_true(value)) ? "1" : "");
  if (value == NULL) return g_strdup("");
  if (kind == DESIGN_YAML) return json_is_null(value) ? g_strdup("") : json_is_string(value) ? g_strdup(json_string_value(value)) : yaml_write_flow(value);
  if (kind == DESIGN_ROLE && json_is_string(value)) return g_strdup(role_known("code", "title", json_string_value(value)));
  if (json_is_integer(value)) return json_dumps(value, JSON_ENCODE_ANY);
  if (json_is_real(value)) return g_strdup_printf("%.15g", json_real_value(value));
  if (json_is_boolean(value)) return g_strdup(json_is_true(value) ? "是" : "否");
  return design_join(roles != NULL ? roles : value, kind == DESIGN_LINES ? "\n" : "、");
}

static json_t *numbered(json_t *rows) {
  json_t *tree = json_object(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    g_autofree char *at = g_strdup_printf("%zu", i);
    json_object_set(tree, at, row);
  }
  return tree;
}

static json_t *list_tree(json_t *rows, const DesignKey *keys) {
  json_auto_t *list = json_array();
  json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    g_autofree char *at = g_strdup_printf("%zu", i);
    json_t *one = design_tree(row, keys);
    put_text(one, "at", at);
    json_array_append_new(list, one);
  }
  return numbered(list);
}

static json_t *pairs_tree(json_t *mapping, DesignKind kind) {
  json_auto_t *rows = design_pairs(mapping, kind);
  json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) json_object_del(row, "was");
  return numbered(rows);
}

/* NULL: nothing to show. */
static json_t *shown(json_t *value, const DesignKey *key) {
  if (key->kind == DESIGN_LIST) return json_array_size(value) ? list_tree(value, key->keys) : NULL;
  if (key->kind == DESIGN_PART) return json_object_size(value) ? design_tree(value, key->keys) : NULL;
  if (is_pairs(key->kind)) return json_object_size(value) ? pairs_tree(value, key->kind) : NULL;
  g_autofree char *text = shown_text(value, key->kind);
  return *text ? json_string(text) : NULL;
}

json_t *design_tree(json_t *definition, const DesignKey *keys) {
  json_t *tree = json_object();
  for (const DesignKey *key = keys; key->key != NULL; key++) {
    json_t *made = shown(json_object_get(definition, key->key), key);
    if (made != NULL) json_object_set_new(tree, key->key, made);
  }
  return tree;
}

/* ---- the form's flat names to a tree ---- */

json_t *design_read(json_t *given) {
  json_t *tree = json_object(), *value;
  const char *name;
  json_object_foreach(given, name, value) {
    g_auto(GStrv) parts = g_strsplit(name, ".", PARTS_MAX);
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

const char *design_text(json_t *tree, const char *key) { return first_text(json_object_get(tree, key)); }

json_t *design_words(json_t *given, DesignKind kind) {
  json_t *list = json_array(), *each;
  json_auto_t *texts = json_is_array(given) ? json_incref(given) : json_pack("[s]", first_text(given));
  size_t k;
  json_array_foreach(texts, k, each) {
    const char *text = json_is_string(each) ? json_string_value(each) : "";
    gboolean lines = kind == DESIGN_LINES && strchr(text, '\n') != NULL; /* choices on one line may stand with 、 between them */
    g_auto(GStrv) parts = g_regex_split_simple(lines ? "\n+" : "[\n;；、，,]+", text, 0, 0);
    for (guint i = 0; parts[i] != NULL; i++) {
      const char *part = g_strstrip(parts[i]);
      if (*part == '\0') continue;
      char *end = NULL;
      gint64 number = kind == DESIGN_NUMBERS ? g_ascii_strtoll(part, &end, 10) : 0;
      json_array_append_new(list, kind == DESIGN_NUMBERS && *end == '\0' ? json_integer(number) : json_string(part));
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
  if (*end == '\0') return json_integer(number);
  double real = g_ascii_strtod(text, &end);
  return *end == '\0' && isfinite(real) ? json_real(real) : json_string(text);
}

static json_t *yaml_or_text(const char *text) {
  json_t *value = yaml_load_text(text, "定义", NULL);
  return value != NULL ? value : json_string(text);
}

/* What a key that is a text in the form becomes; NULL: it goes. */
static json_t *read_text(const DesignKey *key, json_t *given, json_t *former) {
  json_auto_t *words = is_words(key->kind) || json_is_array(given) ? design_words(given, key->kind) : NULL; /* of ticked boxes the first says only that there are some */
  const char *text = words != NULL ? first_text(words) : first_text(given);
  if (key->kind == DESIGN_NOT) return *text == '\0' ? json_false() : NULL;
  if (key->kind == DESIGN_FLAG) return *text ? json_true() : NULL;
  if (key->kind == DESIGN_ROLES) return json_array_size(words) ? roles_turned(words, "title", "code") : NULL;
  if (is_words(key->kind)) return json_array_size(words) == 0 ? NULL : json_is_array(given) && same_words(words, former) ? json_incref(former) : json_incref(words);
  if (*text == '\0') return NULL;
  if (key->kind == DESIGN_ROLE) return json_string(role_known("title", "code", text));
  return key->kind == DESIGN_NUMBER ? number_or_text(text) : key->kind == DESIGN_YAML ? yaml_or_text(text) : json_string(text);
}

static json_t *take_list(json_t *tree, json_t *former, const DesignKey *keys, const DesignCare *care) {
  json_t *list = json_array(), *given;
  const char *number;
  json_object_foreach(tree, number, given) {
    gint64 at = -1;
    if (!json_is_object(given) || !g_ascii_string_to_signed(design_text(given, "at"), 10, 0, ROWS_MAX, &at, NULL)) at = -1;
    json_t *before = at < 0 ? NULL : json_array_get(former, (size_t)at), *row = design_apply(before, given, keys, care);
    if (care != NULL && care->made != NULL) care->made(row, before, keys, care->data);
    json_array_append_new(list, row);
  }
  return list;
}

static void put_made(json_t *row, const char *key, json_t *made) {
  if (made != NULL) json_object_set_new(row, key, made);
  else json_object_del(row, key);
}

static void put_key(json_t *row, const DesignKey *key, json_t *given, const DesignCare *care) {
  json_t *former = json_object_get(row, key->key);
  json_auto_t *before = shown(former, key), *made = NULL;
  if (key->kind == DESIGN_LIST) made = take_list(given, former, key->keys, care);
  else if (key->kind == DESIGN_PART) made = json_is_object(given) ? design_apply(former, given, key->keys, care) : NULL;
  else if (is_pairs(key->kind)) made = design_mapping(given, former, key->kind, care);
  else {
    gboolean nothing = given == NULL || (json_is_string(given) && *json_string_value(given) == '\0');
    if (json_equal(before, given) || (before == NULL && nothing)) return; /* as it was, to the letter */
    return put_made(row, key->key, read_text(key, given, former));
  }
  if (json_object_size(made) + json_array_size(made) > 0) json_object_set(row, key->key, made);
  else if (before != NULL) json_object_del(row, key->key); /* what the form could not show is not its to take away */
}

json_t *design_apply(json_t *base, json_t *tree, const DesignKey *keys, const DesignCare *care) {
  json_t *definition = json_is_object(base) ? json_deep_copy(base) : json_object();
  for (const DesignKey *key = keys; key->key != NULL; key++) put_key(definition, key, json_object_get(tree, key->key), care);
  return definition;
}

/* ---- a row up, down, away, another ---- */

/* The list that a path leads to ("fields.0.when"), made where there is none yet; NULL: it leads to none. */
static json_t *list_at(json_t *tree, const DesignKey *keys, const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, ".", PARTS_MAX);
  for (guint i = 0; parts[i] != NULL; i++) {
    const DesignKey *key = key_of(keys, parts[i]);
    if (key == NULL || key->kind < DESIGN_LIST) return NULL;
    json_t *next = json_object_get(tree, parts[i]);
    if (next == NULL) json_object_set_new(tree, parts[i], next = json_object());
    if (!json_is_object(next)) return NULL;
    tree = next;
    keys = key->keys;
    if (key->kind == DESIGN_PART) continue;
    if (parts[i + 1] == NULL) return tree;
    tree = json_object_get(tree, parts[++i]);
    if (!json_is_object(tree)) return NULL;
  }
  return NULL;
}

static void renumber(json_t *list, GPtrArray *rows) {
  json_object_clear(list);
  for (guint i = 0; i < rows->len; i++) {
    g_autofree char *number = g_strdup_printf("%u", i);
    json_object_set(list, number, rows->pdata[i]);
  }
}

char *design_act(json_t *tree, const DesignKey *keys, const char *act) {
  static const char *const acts[] = {"add", "up", "down", "drop", NULL};
  const char *space = strchr(act, ' ');
  g_autofree char *verb = g_strndup(act, space == NULL ? strlen(act) : (gsize)(space - act)), *path = g_strdup(space == NULL ? "" : space + 1);
  if (!g_strv_contains(acts, verb)) return NULL;
  gboolean add = g_str_equal(verb, "add");
  char *dot = add ? NULL : strrchr(path, '.');
  if (!add && dot == NULL) return NULL;
  const char *which = add ? "" : dot + 1;
  if (dot != NULL) *dot = '\0';
  json_t *list = list_at(tree, keys, path), *row;
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
  if (add && count < ROWS_MAX) {
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
  return g_strdup_printf("%s %s.%u", verb, path, to);
}

/* ---- the model of the form ---- */

json_t *design_options(const char *const (*words)[2], guint count, const char *chosen) {
  json_t *options = json_array();
  for (guint i = 0; i < count; i++)
    json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", words[i][0], "label", words[i][1], "chosen", g_str_equal(words[i][0], chosen)));
  return options;
}

static json_t *members_model(json_t *tree, const DesignKey *keys, const char *path, const char *focus, const DesignCare *care);

static json_t *row_model(json_t *row, const DesignKey *keys, const char *path, const char *focus, const DesignCare *care) {
  json_t *model = keys != NULL ? members_model(row, keys, path, focus, care) : json_pack("{s:s, s:s, s:s, s:s, s:o}", "path", path, "name", design_text(row, "name"),
    "op", design_text(row, "op"), "value", design_text(row, "value"), "ops", design_ops(design_text(row, "op")));
  g_autofree char *id = g_strdelimit(g_strdup(path), ".", '-');
  const char *space = focus == NULL ? NULL : strchr(focus, ' ');
  put_text(model, "id", id);
  put_text(model, "at", design_text(row, "at"));
  if (space != NULL && g_str_equal(space + 1, path)) {
    g_autofree char *which = g_strdup_printf("focus_%.*s", (int)(space - focus), focus);
    json_object_set_new(model, which, json_true());
  }
  return model;
}

static json_t *rows_model(json_t *list, const DesignKey *keys, const char *path, const char *focus, const DesignCare *care) {
  json_t *model = json_array(), *row;
  const char *number;
  size_t i = 0;
  json_object_foreach(list, number, row) {
    g_autofree char *at = g_strdup_printf("%s.%zu", path, i++);
    json_t *one = row_model(row, keys, at, focus, care);
    json_object_set_new(one, "order", json_integer((json_int_t)i));
    json_array_append_new(model, one);
  }
  return model;
}

static json_t *member_model(json_t *given, const DesignKey *key, const char *path, const char *focus, const DesignCare *care) {
  if (key->kind == DESIGN_LIST) return rows_model(given, key->keys, path, focus, care);
  if (is_pairs(key->kind)) return json_pack("{s:s, s:o}", "path", path, "rows", rows_model(given, NULL, path, focus, care));
  if (key->kind == DESIGN_PART) {
    json_t *part = members_model(given, key->keys, path, focus, care);
    json_object_set_new(part, "said", json_boolean(json_object_size(given) > 0));
    return part;
  }
  json_auto_t *list = is_words(key->kind) ? design_words(given, key->kind == DESIGN_NUMBERS ? DESIGN_WORDS : key->kind) : NULL;
  g_autofree char *text = list != NULL ? design_join(list, key->kind == DESIGN_LINES ? "\n" : "、") : g_strdup(first_text(given));
  return json_string(text);
}

static json_t *members_model(json_t *tree, const DesignKey *keys, const char *path, const char *focus, const DesignCare *care) {
  json_t *model = json_pack("{s:s}", "path", path);
  for (const DesignKey *key = keys; key->key != NULL; key++) {
    g_autofree char *below = *path ? g_strdup_printf("%s.%s", path, key->key) : g_strdup(key->key);
    json_object_set_new(model, key->key, member_model(json_object_get(tree, key->key), key, below, focus, care));
  }
  if (care != NULL && care->dress != NULL) care->dress(model, tree, keys, path, care->data);
  return model;
}

json_t *design_model(json_t *tree, const DesignKey *keys, const char *focus, const DesignCare *care) { return members_model(tree, keys, "", focus, care); }
