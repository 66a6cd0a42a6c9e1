/*
 * Which field each column is: guessed from its header, set by hand, or taken from a named mapping.
 *
 * 1. A header is compared folded and without spaces, so 题 名, 题名* and TM are one. What is in brackets is left out when the whole does not match.
 * 2. A field is given to one column only, the first; the next one of the same name is kept under its own header.
 * 3. A header nobody knows is kept under its own name: nothing of the table is lost unless someone says so.
 */
#include "delivery.h"
#include "error.h"
#include "text.h"
#include <string.h>

typedef struct { const char *key, *label; const char *const *headers; } ExtraField;
static const ExtraField EXTRA[] = { /* not stored as such: they say where a row goes, and which files of its package are its own */
  {"level", "著录层级", (const char *const[]){"level", "著录层级", "层级", "著录级别", "档案层级", "ZLCJ", "CJ", NULL}},
  {"fonds_title", "全宗名称", (const char *const[]){"fonds_title", "全宗名称", "全宗名", "QZMC", "立档单位", NULL}},
  {"parent", "所在案卷", (const char *const[]){"parent", "所在案卷", "所在案卷档号", NULL}},
  {"documents", "文件", (const char *const[]){"documents", "文件", "包内文件", NULL}},
};

/* ---- names ---- */

static void add_names(GHashTable *names, const char *key, const char *const *aliases) {
  for (; aliases && *aliases; aliases++) {
    char *squashed = header_squash(*aliases);
    if (*squashed && !g_hash_table_contains(names, squashed)) g_hash_table_insert(names, squashed, (gpointer)key);
    else g_free(squashed);
  }
}

static void add_fields(GHashTable *names, const CatalogField *fields, guint count) {
  for (guint i = 0; i < count; i++) {
    add_names(names, fields[i].key, (const char *const[]){fields[i].label, fields[i].key, NULL});
    add_names(names, fields[i].key, fields[i].aliases);
  }
}

/* squashed header → field key; the category's own fields win. */
static GHashTable *names_new(const CatalogCategory *category, gboolean common) {
  GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (category) add_fields(names, category->fields, category->field_count);
  if (!common) return names;
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  add_fields(names, fields, count);
  for (guint i = 0; i < G_N_ELEMENTS(EXTRA); i++) add_names(names, EXTRA[i].key, EXTRA[i].headers);
  return names;
}

static const char *name_find(GHashTable *names, const char *header) {
  g_autofree char *whole = header_squash(header);
  const char *key = g_hash_table_lookup(names, whole);
  if (key || !*whole) return key;
  g_autofree char *bare = g_strdup(header);
  char *wide = strstr(bare, "（"), *narrow = strchr(bare, '(');
  char *cut = wide && (!narrow || wide < narrow) ? wide : narrow;
  if (cut == NULL || cut == bare) return NULL;
  *cut = '\0';
  g_autofree char *squashed = header_squash(bare);
  return g_hash_table_lookup(names, squashed);
}

static const char *label_of(const CatalogCategory *category, const char *key) {
  for (guint i = 0; category && i < category->field_count; i++)
    if (g_str_equal(category->fields[i].key, key)) return category->fields[i].label;
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  for (guint i = 0; i < count; i++)
    if (g_str_equal(fields[i].key, key)) return fields[i].label;
  for (guint i = 0; i < G_N_ELEMENTS(EXTRA); i++)
    if (g_str_equal(EXTRA[i].key, key)) return EXTRA[i].label;
  return NULL;
}

static const char *column_text(json_t *column, const char *key) {
  const char *text = json_string_value(json_object_get(column, key));
  return text ? text : "";
}

static void column_set(const CatalogCategory *category, json_t *column, const char *field, gboolean certain) {
  const char *label = label_of(category, field);
  json_object_set_new(column, "field", json_string(field));
  json_object_set_new(column, "label", json_string(label ? label : column_text(column, "header")));
  json_object_set_new(column, "certain", json_boolean(certain));
}

/* ---- guessing ---- */

static const CatalogCategory *category_guess(const Catalog *catalog, json_t *columns) {
  g_autoptr(GHashTable) common = names_new(NULL, TRUE);
  guint count, best_hits = 1;
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  const CatalogCategory *best = NULL;
  for (guint i = 0; i < count; i++) {
    g_autoptr(GHashTable) own = names_new(categories[i], FALSE);
    guint hits = 0;
    size_t at;
    json_t *column;
    json_array_foreach(columns, at, column) {
      const char *header = column_text(column, "header");
      hits += name_find(own, header) != NULL && name_find(common, header) == NULL;
    }
    if (hits > best_hits) {
      best_hits = hits;
      best = categories[i];
    } else if (hits == best_hits) best = NULL;
  }
  return best;
}

/* A column of category names is only that when what it holds are categories; 类别 often means something else. */
static gboolean holds_categories(const Catalog *catalog, json_t *column) {
  size_t i;
  json_t *sample, *samples = json_object_get(column, "samples");
  guint count;
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  json_array_foreach(samples, i, sample) {
    gboolean known = FALSE;
    for (guint c = 0; c < count && !known; c++)
      known = g_ascii_strcasecmp(json_string_value(sample), categories[c]->code) == 0 || g_str_has_prefix(categories[c]->title, json_string_value(sample));
    if (!known) return FALSE;
  }
  return TRUE;
}

/* A sheet of bad rows that came back corrected: what stands before its own columns is ours, and not to be taken. */
static void ignore_fault_columns(const CatalogCategory *category, json_t *columns) {
  static const char *const ours[] = {"行号", "列", "值", "原因"};
  for (guint i = 0; i < G_N_ELEMENTS(ours); i++)
    if (!g_str_equal(column_text(json_array_get(columns, i), "header"), ours[i])) return;
  for (guint i = 0; i < G_N_ELEMENTS(ours); i++) column_set(category, json_array_get(columns, i), "", TRUE);
}

void layout_guess(const Catalog *catalog, json_t *layout, const char *given) {
  json_t *columns = json_object_get(layout, "columns"), *column;
  const CatalogCategory *category = given && *given ? catalog_category_by_code(catalog, given) : category_guess(catalog, columns);
  if (category == NULL) category = catalog_category_by_code(catalog, "WS");
  json_object_set_new(layout, "category", json_string(category ? category->code : ""));
  g_autoptr(GHashTable) names = names_new(category, TRUE);
  g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_array_foreach(columns, i, column) {
    const char *key = name_find(names, column_text(column, "header"));
    if (key && g_str_equal(key, "category") && !holds_categories(catalog, column)) key = NULL;
    if (key && !g_hash_table_add(taken, (gpointer)key)) key = NULL;
    column_set(category, column, key ? key : KEEP_FIELD, key != NULL);
  }
  ignore_fault_columns(category, columns);
}

/* ---- setting ---- */

static gboolean field_known(const CatalogCategory *category, const char *field) {
  return !*field || g_str_equal(field, KEEP_FIELD) || label_of(category, field) != NULL;
}

/* What is wanted for a column: NULL when nothing is said about it. */
static const char *wanted_field(json_t *wanted, GHashTable *by_header, json_t *column, size_t index) {
  if (json_is_array(wanted)) {
    const char *field = json_string_value(json_array_get(wanted, index));
    return field;
  }
  g_autofree char *squashed = header_squash(column_text(column, "header"));
  return g_hash_table_lookup(by_header, squashed);
}

gboolean layout_apply(const Catalog *catalog, json_t *layout, json_t *wanted, GError **error) {
  json_t *columns = json_object_get(layout, "columns"), *column, *value;
  if (!json_is_array(wanted) && !json_is_object(wanted)) return throw(error, LANTAI_ERROR_INVALID, "字段对应应为 {列名: 字段} 的形式");
  if (json_is_array(wanted) && json_array_size(wanted) != json_array_size(columns))
    return throw(error, LANTAI_ERROR_INVALID, "字段对应有 %zu 项，表中有 %zu 列。请按表中的列重新对应", json_array_size(wanted), json_array_size(columns));
  const CatalogCategory *category = catalog_category_by_code(catalog, column_text(layout, "category"));
  g_autoptr(GHashTable) by_header = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  const char *header;
  if (json_is_object(wanted)) json_object_foreach(wanted, header, value)
    if (json_is_string(value)) g_hash_table_insert(by_header, header_squash(header), (gpointer)json_string_value(value));
  g_autoptr(GHashTable) said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL); /* field → header */
  size_t i;
  json_array_foreach(columns, i, column) {
    const char *field = wanted_field(wanted, by_header, column, i), *name = column_text(column, "header");
    if (field == NULL) continue;
    if (!field_known(category, field)) return throw(error, LANTAI_ERROR_INVALID, "列“%s”对应的字段“%s”不存在。可用的字段见导入页面上的列表", name, field);
    if (*field && !g_str_equal(field, KEEP_FIELD)) {
      const char *other = g_hash_table_lookup(said, field);
      if (other) return throw(error, LANTAI_ERROR_INVALID, "列“%s”和“%s”都对应到%s，一个字段只能对应一列", other, name, label_of(category, field));
      g_hash_table_insert(said, g_strdup(field), (gpointer)name);
    }
  }
  json_array_foreach(columns, i, column) {
    const char *field = wanted_field(wanted, by_header, column, i);
    if (field) column_set(category, column, field, TRUE);
    else if (g_hash_table_contains(said, column_text(column, "field"))) column_set(category, column, KEEP_FIELD, FALSE); /* guessed, but given to another */
  }
  return TRUE;
}

int layout_column_of(json_t *layout, const char *field) {
  size_t i;
  json_t *column;
  json_array_foreach(json_object_get(layout, "columns"), i, column)
    if (g_str_equal(column_text(column, "field"), field)) return (int)i;
  return -1;
}

int layout_key_guess(json_t *layout) {
  int code = layout_column_of(layout, "code");
  if (code >= 0) return code;
  size_t i, s;
  json_t *column, *sample;
  json_array_foreach(json_object_get(layout, "columns"), i, column) {
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    gboolean different = json_array_size(json_object_get(column, "samples")) > 0;
    json_array_foreach(json_object_get(column, "samples"), s, sample)
      different = g_hash_table_add(seen, (gpointer)json_string_value(sample)) && different;
    if (different) return (int)i;
  }
  return -1;
}

/* ---- named mappings ---- */

json_t *mapping_named(Sql *sql, const char *name, char **ret_category, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT category, columns FROM accession_mapping WHERE name = $1", SQL_ARGS(sql_text(name)), error);
  if (rows == NULL) return NULL;
  GError *failure = NULL;
  if (!sql_next(rows, &failure)) {
    if (failure) g_propagate_error(error, failure);
    else throw(error, LANTAI_ERROR_NOT_FOUND, "没有名为“%s”的字段对应。请在导入页面上保存一个，或不指定它", name);
    return NULL;
  }
  json_t *columns = json_loads(sql_get_text(rows, "columns"), 0, NULL);
  if (columns == NULL) return throw_null(error, LANTAI_ERROR_INTERNAL, "字段对应“%s”已损坏。请重新保存一次", name);
  *ret_category = g_strdup(sql_get_text(rows, "category"));
  return columns;
}

gboolean mapping_save(Sql *sql, const char *name, const char *category, json_t *columns, const char *actor, GError **error) {
  g_autofree char *dump = json_dumps(columns, JSON_COMPACT | JSON_SORT_KEYS);
  return sql_exec(sql, "INSERT INTO accession_mapping (name, category, columns, actor, created_at) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (name) DO UPDATE SET category = excluded.category, columns = excluded.columns, actor = excluded.actor, created_at = excluded.created_at",
    SQL_ARGS(sql_text(name), sql_text(category), sql_text(dump), sql_text(actor), sql_int(clock_now_us())), error);
}

json_t *mapping_names(Sql *sql, GError **error) {
  return sql_json(sql, "SELECT name, category, actor, created_at FROM accession_mapping ORDER BY name LIMIT 500", SQL_NONE, error);
}

json_t *mapping_choices(const Catalog *catalog, const char *category_code) {
  json_t *choices = json_array();
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  for (guint i = 0; i < count; i++) json_array_append_new(choices, json_pack("{s:s, s:s}", "key", fields[i].key, "label", fields[i].label));
  for (guint i = 0; i < G_N_ELEMENTS(EXTRA); i++) {
    gboolean common = FALSE;
    for (guint f = 0; f < count; f++) common |= g_str_equal(fields[f].key, EXTRA[i].key);
    if (!common) json_array_append_new(choices, json_pack("{s:s, s:s}", "key", EXTRA[i].key, "label", EXTRA[i].label));
  }
  const CatalogCategory *category = catalog_category_by_code(catalog, category_code);
  for (guint i = 0; category && i < category->field_count; i++)
    json_array_append_new(choices, json_pack("{s:s, s:s, s:s}", "key", category->fields[i].key, "label", category->fields[i].label, "group", category->title));
  return choices;
}

static json_t *columns_by_header(json_t *layout) {
  json_t *by_header = json_object(), *column;
  size_t i;
  json_array_foreach(json_object_get(layout, "columns"), i, column) json_object_set(by_header, column_text(column, "header"), json_object_get(column, "field"));
  return by_header;
}

static gboolean mapping_write(Sql *sql, const char *actor, json_t *delivery, json_t *layout, const char *save_as, GError **error) {
  gint64 id = int_at(delivery, "id");
  const char *category = text_at(delivery, "category");
  json_t *columns = columns_by_header(layout);
  g_autofree char *dump = json_dumps(layout, JSON_COMPACT | JSON_SORT_KEYS);
  gboolean good = sql_exec(sql,
    "UPDATE accession SET layout = $1, category = $2, fonds = $3, failure = '', survey = '{}', digest = '', check_id = 0 WHERE id = $4",
    SQL_ARGS(sql_text(dump), sql_text(category), sql_text(text_at(delivery, "fonds")), sql_int(id)), error);
  if (good && !delivery_is(delivery, "received")) good = life_move(sql, actor, id, &(LifeStep){"received", "更改字段对应", NULL}, error);
  if (good && save_as && *save_as) good = mapping_save(sql, save_as, column_text(layout, "category"), columns, actor, error);
  json_t *event = json_pack("{s:O, s:s, s:s, s:s}", "layout", layout, "category", category, "fonds", text_at(delivery, "fonds"), "save_as",
    save_as ? save_as : "");
  good = good && journal_append(sql, actor, "accession.mapping", "accession", id, event, error) != 0;
  json_decref(event);
  json_decref(columns);
  return good;
}

static gboolean change_check(const House *house, json_t *delivery, const MappingChange *change, GError **error) {
  if (!delivery_is(delivery, "received checking rehearsed"))
    return throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 已经开始导入，不能再改字段对应。需要改时请先撤销，再重新接收", int_at(delivery, "id"));
  if (change->fonds && text_length(change->fonds) > 50) return throw(error, LANTAI_ERROR_INVALID, "全宗号过长，最多 50 字");
  if (change->save_as && text_length(change->save_as) > 100) return throw(error, LANTAI_ERROR_INVALID, "字段对应的名称过长，最多 100 字");
  return change->category == NULL || catalog_category_by_code(house->catalog, change->category) != NULL ||
    throw(error, LANTAI_ERROR_INVALID, "没有门类“%s”。可用的门类见“门类”页面", change->category);
}

/* Another category has other fields: its columns are guessed anew before what was said about them is applied. */
static gboolean change_layout(const House *house, json_t *delivery, json_t *layout, const MappingChange *change, GError **error) {
  if (change->fonds) json_object_set_new(delivery, "fonds", json_string(change->fonds));
  if (change->category) {
    json_object_set_new(delivery, "category", json_string(change->category));
    if (!g_str_equal(change->category, column_text(layout, "category"))) layout_guess(house->catalog, layout, change->category);
  }
  return change->columns == NULL || layout_apply(house->catalog, layout, change->columns, error);
}

gboolean mapping_apply(const House *house, const char *actor, gint64 id, const MappingChange *change, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *delivery = sql ? delivery_load(sql, id, error) : NULL;
  if (delivery == NULL) return FALSE;
  json_t *layout = json_loads(text_at(delivery, "layout"), 0, NULL);
  gboolean good = change_check(house, delivery, change, error) && change_layout(house, delivery, layout, change, error) &&
    mapping_write(sql, actor, delivery, layout, change->save_as, error) && sql_commit(sql, error);
  json_decref(layout);
  json_decref(delivery);
  return good;
}

gboolean accession_mapping_set(const House *house, const char *actor, gint64 id, json_t *columns, const char *save_as, GError **error) {
  const MappingChange change = {columns, NULL, save_as, NULL};
  return mapping_apply(house, actor, id, &change, error);
}

json_t *accession_mapping(const House *house, gint64 id, GError **error) {
  json_t *delivery = delivery_read(house, id, error);
  if (delivery == NULL) return NULL;
  json_t *layout = json_loads(text_at(delivery, "layout"), 0, NULL), *survey = json_loads(text_at(delivery, "survey"), 0, NULL);
  json_t *key = json_object_get(survey, "key_header");
  int guess = key ? -1 : layout_key_guess(layout);
  if (key) json_object_set(layout, "key", key);
  else json_object_set_new(layout, "key", json_string(guess < 0 ? "" : column_text(json_array_get(json_object_get(layout, "columns"), (size_t)guess),
    "header")));
  json_decref(survey);
  json_decref(delivery);
  return layout;
}
