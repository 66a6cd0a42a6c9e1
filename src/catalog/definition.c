/*
 * Categories of records and their fields, read from YAML; the common fields; the dictionary of retention terms.
 *
 * 1. A category keeps its small id for ever (table category): by its code, whatever file it stands in. One whose file is gone lives on from the table.
 * 2. Everything but the retention terms is fixed after catalog_open; terms are only added, behind the lock, when their transaction has committed.
 * 3. Terms are stored without limit; the search column has room for 254, the rest share 255 ("其他").
 */
#include "code-rule.h"
#include "settings.h"
#include "text.h"
#include <gio/gio.h>
#include <string.h>

struct Catalog {
  GStringChunk *strings; /* texts of the definitions */
  CodeRules *rules;
  GPtrArray *categories; /* CatalogCategory*, by id */
  const CatalogCategory *by_id[256];
  GMutex lock;           /* guards the two below */
  GPtrArray *terms;      /* char* by id, NULL holes */
  GHashTable *term_ids;  /* text → id */
};

/* ---- common fields ---- */

static CatalogField COMMON[] = {
  {"code", "档号", "text", NULL, TRUE, TRUE}, {"title", "题名", "text", NULL, TRUE, TRUE}, {"creator", "责任者", "text", NULL, FALSE, TRUE},
  {"docno", "文号", "text", NULL, FALSE, TRUE}, {"date", "日期", "date", NULL, FALSE, TRUE}, {"year", "年度", "number", NULL, FALSE, FALSE},
  {"retention", "保管期限", "text", NULL, FALSE, TRUE}, {"security", "密级", "text", NULL, FALSE, FALSE}, {"opening", "开放标识", "text", NULL, FALSE, TRUE},
  {"page_count", "页数", "number", NULL, FALSE, TRUE}, {"fonds", "全宗号", "text", NULL, FALSE, FALSE}, {"fonds_title", "全宗名称", "text", NULL, FALSE, FALSE},
  {"category", "门类", "text", NULL, FALSE, FALSE}, {"volume", "案卷号", "text", NULL, FALSE, FALSE}, {"note", "备注", "text", NULL, FALSE, FALSE},
  {"file", "电子档案名称", "text", NULL, FALSE, FALSE},
};
static const char *const COMMON_ALIASES[G_N_ELEMENTS(COMMON)] = {
  "DH|档案号|档案编号|归档号|文件级档号|案卷级档号",
  "TM|文件题名|案卷题名|正题名|标题|名称|文件标题|案卷标题|文件名称|案卷名称|题目|照片题名|TITLE",
  "ZRZ|RZZ|作者|发文机关|发文单位|发文机构|制发机关|制发单位|形成单位|著者|CREATOR",
  "WH|文件编号|发文字号|发文号|文件字号|公文文号|文件号|WJBH|DOCNO",
  "RQ|WJRQ|形成日期|形成时间|成文日期|成文时间|文件日期|文件时间|发布日期|发文日期|时间|起止日期|起止时间|XCRQ|CWRQ|DATE",
  "ND|归档年度|形成年度|年份|年|GDND|YEAR",
  "BGQX|期限|保存期限|保管年限|保管期限代码",
  "MJ|密级代码|保密等级|秘密等级",
  "KFZT|KFBS|开放状态|是否开放|开放情况|开放鉴定|控制标识|划控标识",
  "YS|页码数|总页数|文件页数|页数合计|张页数|PAGES",
  "QZH|全宗|全宗代码|全宗编号",
  "QZMC|全宗单位|立档单位|立档单位名称",
  "门类代码|类别代码|门类名称|档案门类|档案门类代码|DAML|MLDM|LBDM",
  "AJH|案卷编号|所属案卷|案卷档号|馆编案卷号|室编案卷号|AJDH",
  "FZ|BZ|附注|备注说明|注",
  "文件名|电子文件名|电子文件名称|电子档案名|电子文件|计算机文件名|原文|原文文件|原文路径|全文路径|文件路径|电子文件路径|图像文件名|影像文件|JSJWJM|DZWJM|YWLJ|FILE|FILENAME",
};

static const char *const *alias_list(const char *key, const char *label, GPtrArray *more) {
  g_autoptr(GPtrArray) folded = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(more, (gpointer)key);
  g_ptr_array_add(more, (gpointer)label);
  for (guint i = 0; i < more->len; i++) {
    char *alias = text_fold(more->pdata[i]);
    if (g_ptr_array_find_with_equal_func(folded, alias, g_str_equal, NULL)) g_free(alias);
    else g_ptr_array_add(folded, alias);
  }
  g_ptr_array_add(folded, NULL);
  return (const char *const *)g_ptr_array_free(g_steal_pointer(&folded), FALSE);
}

const CatalogField *catalog_common_fields(guint *ret_count) {
  static gsize made;
  if (g_once_init_enter(&made)) {
    for (guint i = 0; i < G_N_ELEMENTS(COMMON); i++) {
      g_auto(GStrv) words = g_strsplit(COMMON_ALIASES[i], "|", -1);
      g_autoptr(GPtrArray) more = g_ptr_array_new();
      for (char **word = words; *word != NULL; word++) g_ptr_array_add(more, *word);
      COMMON[i].aliases = alias_list(COMMON[i].key, COMMON[i].label, more);
    }
    g_once_init_leave(&made, 1);
  }
  if (ret_count != NULL) *ret_count = G_N_ELEMENTS(COMMON);
  return COMMON;
}

const CatalogField *common_field(const char *key) {
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  for (guint i = 0; i < count; i++)
    if (g_str_equal(fields[i].key, key)) return &fields[i];
  return NULL;
}

const char *field_label(const CatalogCategory *category, const char *key) {
  for (guint i = 0; category != NULL && i < category->field_count; i++)
    if (g_str_equal(category->fields[i].key, key)) return category->fields[i].label;
  const CatalogField *common = common_field(key);
  return common != NULL ? common->label : key;
}

/* ---- reading one definition ---- */

static gboolean key_valid(const char *key) {
  if (key == NULL || !g_ascii_islower(key[0]) || strlen(key) > 40) return FALSE;
  for (const char *c = key; *c != '\0'; c++)
    if (!g_ascii_islower(*c) && !g_ascii_isdigit(*c) && *c != '_') return FALSE;
  return TRUE;
}

static gboolean code_valid(const char *code) {
  if (code == NULL || code[0] == '\0' || strlen(code) > 20) return FALSE;
  for (const char *c = code; *c != '\0'; c++)
    if (!g_ascii_isupper(*c) && !g_ascii_isdigit(*c)) return FALSE;
  return TRUE;
}

/* A definition is written by people: a word that is not known is more likely a slip than meant. */
static gboolean only_keys(json_t *object, const char *const *known, const char *name, const char *where, GError **error) {
  const char *key;
  json_t *value;
  if (!json_is_object(object)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：%s 应为“名称: 值”的形式", name, where);
  json_object_foreach(object, key, value) {
    if (!g_strv_contains(known, key)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：%s 中不认识“%s”，请核对拼写", name, where, key);
  }
  return TRUE;
}

static gboolean field_read(Catalog *catalog, json_t *json, const char *name, CatalogField *ret, GError **error) {
  static const char *const known[] = {"key", "label", "type", "aliases", "required", "listed", NULL};
  static const char *const types[] = {"text", "date", "number", "person", NULL};
  if (!only_keys(json, known, name, "字段", error)) return FALSE;
  const char *key = json_string_value(json_object_get(json, "key"));
  const char *label = json_string_value(json_object_get(json, "label"));
  json_t *type_json = json_object_get(json, "type"), *aliases = json_object_get(json, "aliases"), *alias;
  const char *type = type_json == NULL ? "text" : json_string_value(type_json);
  if (!key_valid(key)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段的 key 应为小写字母、数字和下划线，以字母开头", name);
  if (common_field(key) != NULL) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 与通用著录项同名，请换一个 key", name, key);
  if (label == NULL || label[0] == '\0' || text_length(label) > 40) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 缺少 label 或超过 40 字", name, key);
  if (type == NULL || !g_strv_contains(types, type)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 type 只能是 text、date、number、person", name, key);
  if (aliases != NULL && !json_is_array(aliases)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 aliases 应为列表", name, key);
  ret->key = g_string_chunk_insert_const(catalog->strings, key);
  ret->label = g_string_chunk_insert_const(catalog->strings, label);
  ret->type = g_string_chunk_insert_const(catalog->strings, type);
  ret->required = json_is_true(json_object_get(json, "required"));
  ret->listed = json_is_true(json_object_get(json, "listed"));
  g_autoptr(GPtrArray) more = g_ptr_array_new();
  size_t i;
  json_array_foreach(aliases, i, alias) {
    if (!json_is_string(alias)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 aliases 只能是文字，数字请加引号", name, key);
    g_ptr_array_add(more, (gpointer)json_string_value(alias));
  }
  ret->aliases = alias_list(ret->key, ret->label, more);
  return TRUE;
}

static void category_free(CatalogCategory *category) {
  if (category == NULL) return;
  for (guint i = 0; i < category->field_count; i++) g_strfreev((char **)category->fields[i].aliases);
  g_free((gpointer)category->fields);
  g_free(category);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogCategory, category_free)

static gboolean fields_read(Catalog *catalog, json_t *list, const char *name, CatalogCategory *category, GError **error) {
  if (list != NULL && (!json_is_array(list) || json_array_size(list) > 200))
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：fields 应为字段的列表，至多 200 个", name);
  guint count = json_array_size(list);
  CatalogField *fields = g_new0(CatalogField, count + 1);
  category->fields = fields;
  for (guint i = 0; i < count; i++) {
    if (!field_read(catalog, json_array_get(list, i), name, &fields[i], error)) return FALSE;
    category->field_count = i + 1;
    for (guint k = 0; k < i; k++)
      if (g_str_equal(fields[k].key, fields[i].key)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 出现两次", name, fields[i].key);
  }
  return TRUE;
}

static CatalogCategory *category_read(Catalog *catalog, json_t *json, const char *name, GError **error) {
  static const char *const known[] = {"id", "code", "title", "title_rule", "fields", NULL};
  if (!only_keys(json, known, name, "门类", error)) return NULL;
  json_t *id = json_object_get(json, "id"), *rule = json_object_get(json, "title_rule");
  const char *code = json_string_value(json_object_get(json, "code"));
  const char *title = json_string_value(json_object_get(json, "title"));
  if (!code_valid(code)) return throw_null(error, LANTAI_ERROR_INVALID, "门类定义 %s：code 应为大写字母和数字，至多 20 位，如 WS", name);
  if (title == NULL || title[0] == '\0' || text_length(title) > 40) return throw_null(error, LANTAI_ERROR_INVALID, "门类定义 %s：缺少 title 或超过 40 字", name);
  if (id != NULL && (!json_is_integer(id) || json_integer_value(id) < 1 || json_integer_value(id) > 255))
    return throw_null(error, LANTAI_ERROR_INVALID, "门类定义 %s：id 应为 1 至 255 的整数", name);
  if (rule != NULL && !json_is_string(rule)) return throw_null(error, LANTAI_ERROR_INVALID, "门类定义 %s：title_rule 应为文字，如 \"{xm}登记\"", name);
  g_autoptr(CatalogCategory) category = g_new0(CatalogCategory, 1);
  category->id = json_integer_value(id);
  category->code = g_string_chunk_insert_const(catalog->strings, code);
  category->title = g_string_chunk_insert_const(catalog->strings, title);
  category->title_rule = rule == NULL ? NULL : g_string_chunk_insert_const(catalog->strings, json_string_value(rule));
  if (!fields_read(catalog, json_object_get(json, "fields"), name, category, error)) return NULL;
  return g_steal_pointer(&category);
}

/* ---- the files and the table ---- */

static int compare_names(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static GPtrArray *names_in_folder(const char *folder) {
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
    if (name[0] != '.' && g_str_has_suffix(name, ".yaml")) g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  return g_steal_pointer(&names);
}

#define BUILT_IN "/lantai/definitions/categories"

static gboolean load_built_in(json_t *documents, GError **error) {
  g_auto(GStrv) names = g_resources_enumerate_children(BUILT_IN, G_RESOURCE_LOOKUP_FLAGS_NONE, error);
  if (names == NULL) return FALSE;
  qsort(names, g_strv_length(names), sizeof(char *), compare_names);
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *path = g_strdup_printf(BUILT_IN "/%s", *name);
    g_autoptr(GBytes) bytes = g_resources_lookup_data(path, G_RESOURCE_LOOKUP_FLAGS_NONE, error);
    if (bytes == NULL) return FALSE;
    g_autofree char *text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    json_t *document = yaml_load_text(text, *name, error);
    if (document == NULL) return FALSE;
    json_object_set_new(documents, *name, document);
  }
  return TRUE;
}

/* {file name: document}: the archive's own definitions when there are any, else the built-in ones. */
static json_t *load_documents(const char *dir, GError **error) {
  json_auto_t *documents = json_object();
  g_autofree char *folder = dir == NULL ? NULL : g_build_filename(dir, "definitions", "categories", NULL);
  g_autoptr(GPtrArray) names = folder == NULL ? g_ptr_array_new() : names_in_folder(folder);
  if (names->len == 0) return load_built_in(documents, error) ? g_steal_pointer(&documents) : NULL;
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
    json_t *document = yaml_load_file(path, error);
    if (document == NULL) return NULL;
    json_object_set_new(documents, names->pdata[i], document);
  }
  return g_steal_pointer(&documents);
}

static CatalogCategory *category_by_code(const Catalog *catalog, const char *code) {
  for (guint i = 1; i < G_N_ELEMENTS(catalog->by_id); i++)
    if (catalog->by_id[i] != NULL && g_str_equal(catalog->by_id[i]->code, code)) return (CatalogCategory *)catalog->by_id[i];
  return NULL;
}

static void category_place(Catalog *catalog, CatalogCategory *category, guint8 id) {
  category_free((CatalogCategory *)catalog->by_id[id]);
  category->id = id;
  catalog->by_id[id] = category;
}

static gboolean load_stored(Catalog *catalog, Sql *sql, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, code, definition FROM category ORDER BY id", SQL_NONE, error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    json_auto_t *json = json_loads(sql_get_text(rows, "definition"), 0, NULL);
    gint64 id = sql_get_int(rows, "id");
    CatalogCategory *category = category_read(catalog, json, sql_get_text(rows, "code"), error);
    if (category == NULL) return FALSE;
    category_place(catalog, category, CLAMP(id, 1, 255));
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

/* The id a new category gets: the one its definition asks for if it is free, else the first free from 100 on. 0: none left. */
static guint8 choose_id(const Catalog *catalog, guint8 wanted) {
  if (wanted != 0 && catalog->by_id[wanted] == NULL) return wanted;
  for (guint id = 100; id <= 255; id++)
    if (catalog->by_id[id] == NULL) return id;
  return 0;
}

static gboolean adopt(Catalog *catalog, Sql *sql, const char *name, json_t *document, GError **error) {
  g_autoptr(CatalogCategory) category = category_read(catalog, document, name, error);
  if (category == NULL) return FALSE;
  const CatalogCategory *known = category_by_code(catalog, category->code);
  guint8 id = known != NULL ? known->id : choose_id(catalog, category->id);
  if (id == 0) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：门类已满 255 个", name);
  g_autofree char *text = json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT);
  if (!sql_exec(sql, "INSERT INTO category (id, code, definition) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET definition = excluded.definition",
        SQL_ARGS(sql_int(id), sql_text(category->code), sql_text(text)), error)) return FALSE;
  category_place(catalog, g_steal_pointer(&category), id);
  return TRUE;
}

/* TRUE when the table already says what the files say, so that opening an archive writes nothing. */
static gboolean is_current(Sql *sql, json_t *documents) {
  const char *name;
  json_t *document;
  json_object_foreach(documents, name, document) {
    const char *code = json_string_value(json_object_get(document, "code"));
    g_autofree char *text = json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT);
    g_autofree char *stored = code == NULL ? NULL : sql_string(sql, "SELECT definition FROM category WHERE code = $1", SQL_ARGS(sql_text(code)), NULL);
    if (g_strcmp0(text, stored) != 0) return FALSE;
  }
  return TRUE;
}

static gboolean codes_differ(json_t *documents, GError **error) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  const char *name;
  json_t *document;
  json_object_foreach(documents, name, document) {
    const char *code = json_string_value(json_object_get(document, "code"));
    if (code != NULL && !g_hash_table_add(seen, (gpointer)code)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：门类代码 %s 已在另一个文件中定义", name, code);
  }
  return TRUE;
}

static gboolean has_categories(const Catalog *catalog) {
  for (guint id = 1; id < G_N_ELEMENTS(catalog->by_id); id++)
    if (catalog->by_id[id] != NULL) return TRUE;
  return FALSE;
}

static gboolean load_categories(Catalog *catalog, SqlDb *db, const char *dir, GError **error) {
  json_auto_t *documents = load_documents(dir, error);
  if (documents == NULL || !codes_differ(documents, error)) return FALSE;
  gboolean current;
  {
    g_autoptr(Sql) sql = sql_read(db, error);
    if (sql == NULL || !load_stored(catalog, sql, error)) return FALSE;
    current = is_current(sql, documents);
  }
  if (current) return TRUE;
  g_autoptr(GError) local = NULL;
  g_autoptr(Sql) sql = sql_write(db, &local);
  gboolean readonly = g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE) && has_categories(catalog);
  if (sql == NULL && readonly) return TRUE; /* an archive opened for reading goes by what the table says */
  if (sql == NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  const char *name;
  json_t *document;
  json_object_foreach(documents, name, document) {
    if (!adopt(catalog, sql, name, document, error)) return FALSE;
  }
  return sql_commit(sql, error);
}

/* ---- retention terms ---- */

static void term_add(Catalog *catalog, gint64 id, const char *text) {
  g_mutex_lock(&catalog->lock);
  while ((gint64)catalog->terms->len <= id) g_ptr_array_add(catalog->terms, NULL);
  if (catalog->terms->pdata[id] == NULL) {
    catalog->terms->pdata[id] = g_strdup(text);
    g_hash_table_insert(catalog->term_ids, catalog->terms->pdata[id], GSIZE_TO_POINTER(id));
  }
  g_mutex_unlock(&catalog->lock);
}

static gboolean load_terms(Catalog *catalog, SqlDb *db, GError **error) {
  g_autoptr(Sql) sql = sql_read(db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, text FROM retention_term ORDER BY id", SQL_NONE, error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) term_add(catalog, sql_get_int(rows, "id"), sql_get_text(rows, "text"));
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

typedef struct { Catalog *catalog; gint64 id; char *text; } NewTerm;
static void new_term_free(gpointer data) {
  NewTerm *term = data;
  g_free(term->text);
  g_free(term);
}
static void new_term_committed(gpointer data) {
  const NewTerm *term = data;
  term_add(term->catalog, term->id, term->text);
}

static gint64 known_id(const Catalog *catalog, const char *text) {
  if (text == NULL || text[0] == '\0') return 0;
  GMutex *lock = (GMutex *)&catalog->lock;
  g_mutex_lock(lock);
  gint64 id = GPOINTER_TO_SIZE(g_hash_table_lookup(catalog->term_ids, text));
  g_mutex_unlock(lock);
  return id != 0 ? id : -1;
}

gint64 retention_id(Catalog *catalog, Sql *sql, const char *text, GError **error) {
  gint64 id = known_id(catalog, text);
  if (id >= 0) return id;
  g_autoptr(GError) local = NULL;
  id = sql_number(sql, "SELECT id FROM retention_term WHERE text = $1", SQL_ARGS(sql_text(text)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), -1;
  if (id != 0) return id;
  id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM retention_term", SQL_NONE, 0, error);
  if (id == 0 || !sql_exec(sql, "INSERT INTO retention_term (id, text) VALUES ($1, $2)", SQL_ARGS(sql_int(id), sql_text(text)), error)) return -1;
  NewTerm *term = g_new(NewTerm, 1);
  *term = (NewTerm){catalog, id, g_strdup(text)};
  sql_on_commit(sql, new_term_committed, term, new_term_free);
  return id;
}

guint8 retention_small(gint64 id) { return MIN(id, 255); }

guint8 catalog_retention_intern(Catalog *catalog, Sql *sql, const char *text, GError **error) {
  gint64 id = retention_id(catalog, sql, text, error);
  return id < 0 ? 0 : retention_small(id);
}

const char *catalog_retention_text(const Catalog *catalog, guint8 id) {
  if (id == 0) return "";
  if (id == 255) return "其他";
  GMutex *lock = (GMutex *)&catalog->lock;
  g_mutex_lock(lock);
  const char *text = id < catalog->terms->len ? catalog->terms->pdata[id] : NULL;
  g_mutex_unlock(lock);
  return text != NULL ? text : "";
}

/* ---- the public face ---- */

Catalog *catalog_open(SqlDb *db, const char *dir, GError **error) {
  if (!sql_migrate_room(db, "catalog", error)) return NULL;
  g_autoptr(Catalog) catalog = g_new0(Catalog, 1);
  catalog->strings = g_string_chunk_new(4096);
  catalog->categories = g_ptr_array_new();
  catalog->terms = g_ptr_array_new_with_free_func(g_free);
  catalog->term_ids = g_hash_table_new(g_str_hash, g_str_equal);
  g_mutex_init(&catalog->lock);
  if (!load_categories(catalog, db, dir, error) || !load_terms(catalog, db, error) || (catalog->rules = code_rules_load(dir, error)) == NULL) return NULL;
  for (guint id = 1; id < G_N_ELEMENTS(catalog->by_id); id++)
    if (catalog->by_id[id] != NULL) g_ptr_array_add(catalog->categories, (gpointer)catalog->by_id[id]);
  return g_steal_pointer(&catalog);
}

void catalog_close(Catalog *catalog) {
  if (catalog == NULL) return;
  for (guint id = 0; id < G_N_ELEMENTS(catalog->by_id); id++) category_free((CatalogCategory *)catalog->by_id[id]);
  g_hash_table_unref(catalog->term_ids);
  g_ptr_array_unref(catalog->terms);
  g_ptr_array_unref(catalog->categories);
  g_string_chunk_free(catalog->strings);
  code_rules_free(catalog->rules);
  g_mutex_clear(&catalog->lock);
  g_free(catalog);
}

const CodeRules *catalog_rules(const Catalog *catalog) { return catalog->rules; }

const CatalogCategory *catalog_category(const Catalog *catalog, guint8 id) { return catalog->by_id[id]; }

const CatalogCategory *catalog_category_by_code(const Catalog *catalog, const char *code) { return code == NULL ? NULL : category_by_code(catalog, code); }

const CatalogCategory *const *catalog_categories(const Catalog *catalog, guint *ret_count) {
  if (ret_count != NULL) *ret_count = catalog->categories->len;
  return (const CatalogCategory *const *)catalog->categories->pdata;
}

json_t *catalog_field_labels(const Catalog *catalog) {
  json_t *labels = json_object();
  for (guint i = 0; i < catalog->categories->len; i++) {
    const CatalogCategory *category = catalog->categories->pdata[i];
    for (guint k = 0; k < category->field_count; k++) {
      const CatalogField *field = &category->fields[k];
      if (json_object_get(labels, field->label) == NULL) json_object_set_new(labels, field->label, json_string(field->key));
    }
  }
  json_object_set_new(labels, common_field("note")->label, json_string("note"));
  json_object_set_new(labels, "原档号", json_string("former_code"));
  return labels;
}

char *catalog_title_make(const CatalogCategory *category, json_t *fields) {
  if (category == NULL || category->title_rule == NULL) return NULL;
  g_autoptr(GString) title = g_string_new(NULL);
  gboolean filled = FALSE;
  for (const char *c = category->title_rule; *c != '\0';) {
    const char *end = *c == '{' ? strchr(c, '}') : NULL;
    if (end == NULL) {
      const char *next = strchr(c + 1, '{');
      g_string_append_len(title, c, next == NULL ? -1 : next - c);
      c = next == NULL ? c + strlen(c) : next;
      continue;
    }
    g_autofree char *key = g_strndup(c + 1, end - c - 1);
    const char *value = json_string_value(json_object_get(fields, key));
    if (value != NULL && value[0] != '\0') {
      g_string_append(title, value);
      filled = TRUE;
    }
    c = end + 1;
  }
  return filled ? g_string_free(g_steal_pointer(&title), FALSE) : NULL;
}
