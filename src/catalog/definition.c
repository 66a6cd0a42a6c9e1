/*
 * Categories of records and their fields, read from YAML; the common fields; the dictionary of retention terms.
 *
 * 1. A category keeps its small id for ever (table category): by its code, whatever file it stands in. One whose file is gone lives on from the table.
 * 2. The table is the truth. A file of a category it does not know is taken in; one that says something else becomes a draft and is written anew.
 * 3. A definition never changes; another takes its place, and it stays readable. Terms are only added, when their transaction has committed.
 * 4. Terms are stored without limit; the search column has room for 254, the rest share 255 ("其他").
 */
#include "code-rule.h"
#include "definition.h"
#include "retention-rules.h"
#include "watch.h"
#include "crypto.h"
#include "text.h"
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

struct Catalog {
  char *dir;
  SqlDb *db;
  CodeRules *rules;
  json_t *retentions;
  char *digest; /* of rules and retentions */
  const CatalogCategory *by_id[256]; /* read and set atomically */
  GHashTable *file_names; /* code → its file in DIR/definitions/categories */
  GMutex lock;            /* guards what is below */
  GPtrArray *categories;  /* CatalogCategory*, by id: the last of lists */
  GHashTable *former;     /* "WS\nkey" → what a field was called before it was taken out */
  GPtrArray *lists, *definitions; /* all there ever were, so that readers may go on with what they have */
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

const CatalogField *catalog_common_fields(guint *ret_count) {
  static gsize made;
  if (g_once_init_enter(&made)) {
    for (guint i = 0; i < G_N_ELEMENTS(COMMON); i++) {
      g_auto(GStrv) words = g_strsplit(COMMON_ALIASES[i], "|", -1);
      g_autoptr(GPtrArray) more = g_ptr_array_new();
      for (char **word = words; *word != NULL; word++) g_ptr_array_add(more, *word);
      COMMON[i].aliases = definition_aliases(COMMON[i].key, COMMON[i].label, more);
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
  const CatalogField *common = common_field(key), *was = common != NULL ? NULL : definition_field_was(category, key);
  return common != NULL ? common->label : was != NULL ? was->label : key;
}

/* ---- the files and the table ---- */

/* {file name: document}: the archive's own definitions when there are any, else the built-in ones. */
static json_t *load_documents(const char *dir, gboolean *ret_built_in, GError **error) {
  g_autofree char *folder = dir == NULL ? NULL : g_build_filename(dir, "definitions", "categories", NULL);
  g_auto(GStrv) names = yaml_definition_names(dir, "categories");
  *ret_built_in = folder == NULL || names[0] == NULL || !g_file_test(folder, G_FILE_TEST_IS_DIR);
  return yaml_load_definitions(*ret_built_in ? NULL : dir, "categories", error);
}

static const CatalogCategory *category_at(const Catalog *catalog, guint id) { return g_atomic_pointer_get((gpointer *)&catalog->by_id[id]); }

static const CatalogCategory *category_by_code(const Catalog *catalog, const char *code) {
  for (guint i = 1; i < G_N_ELEMENTS(catalog->by_id); i++) {
    const CatalogCategory *category = category_at(catalog, i);
    if (category != NULL && g_str_equal(category->code, code)) return category;
  }
  return NULL;
}

/* Behind the lock. Labels are never forgotten, so what was given stays valid. */
static void remember_labels(Catalog *catalog, const CatalogCategory *category) {
  for (guint i = 0; i < category->field_count; i++) {
    g_autofree char *name = g_strconcat(category->code, "\n", category->fields[i].key, NULL);
    if (!g_hash_table_contains(catalog->former, name)) g_hash_table_insert(catalog->former, g_steal_pointer(&name), g_strdup(category->fields[i].label));
  }
}

const char *field_label_former(const Catalog *catalog, const CatalogCategory *category, const char *key) {
  const char *label = field_label(category, key);
  if (label != key || category == NULL) return label;
  g_autofree char *name = g_strconcat(category->code, "\n", key, NULL);
  GMutex *lock = (GMutex *)&catalog->lock;
  g_mutex_lock(lock);
  const char *former = g_hash_table_lookup(catalog->former, name);
  g_mutex_unlock(lock);
  return former != NULL ? former : key;
}

void definition_install(Catalog *catalog, CatalogCategory *category, guint8 id) {
  category->id = id;
  g_mutex_lock(&catalog->lock);
  remember_labels(catalog, category);
  g_ptr_array_add(catalog->definitions, category);
  g_atomic_pointer_set((gpointer *)&catalog->by_id[id], category);
  GPtrArray *list = g_ptr_array_new();
  for (guint i = 1; i < G_N_ELEMENTS(catalog->by_id); i++)
    if (catalog->by_id[i] != NULL) g_ptr_array_add(list, (gpointer)catalog->by_id[i]);
  g_ptr_array_add(catalog->lists, list);
  catalog->categories = list;
  g_mutex_unlock(&catalog->lock);
}

/* Names of fields that earlier versions had; those in force are remembered already. One that no longer reads tells nothing. */
static gboolean load_former(Catalog *catalog, Sql *sql, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT v.definition FROM category_version AS v LEFT JOIN category AS c ON c.id = v.category "
      "WHERE v.definition IS NOT c.definition ORDER BY v.category, v.version DESC", SQL_NONE, error);
  g_autoptr(GError) local = NULL;
  while (rows != NULL && sql_next(rows, &local)) {
    json_auto_t *json = json_loads(sql_get_text(rows, "definition"), 0, NULL);
    g_autoptr(CatalogCategory) category = definition_read(json, "", NULL);
    g_mutex_lock(&catalog->lock);
    if (category != NULL) remember_labels(catalog, category);
    g_mutex_unlock(&catalog->lock);
  }
  if (local != NULL) g_propagate_error(error, g_steal_pointer(&local));
  return rows != NULL && (error == NULL || *error == NULL);
}

static gboolean load_stored(Catalog *catalog, Sql *sql, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, code, definition FROM category ORDER BY id", SQL_NONE, error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    json_auto_t *json = json_loads(sql_get_text(rows, "definition"), 0, NULL);
    gint64 id = sql_get_int(rows, "id");
    CatalogCategory *category = definition_read(json, sql_get_text(rows, "code"), error);
    if (category == NULL) return FALSE;
    definition_install(catalog, category, CLAMP(id, 1, 255));
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

guint8 definition_id(const Catalog *catalog, const char *code, guint8 wanted) {
  const CatalogCategory *known = category_by_code(catalog, code);
  if (known != NULL) return known->id;
  if (wanted != 0 && category_at(catalog, wanted) == NULL) return wanted;
  for (guint id = 100; id <= 255; id++)
    if (category_at(catalog, id) == NULL) return id;
  return 0;
}

/* A category that the table does not know yet. */
static gboolean adopt(Catalog *catalog, Sql *sql, const char *name, json_t *document, GError **error) {
  g_autoptr(CatalogCategory) category = definition_read(document, name, error);
  if (category == NULL) return FALSE;
  guint8 id = definition_id(catalog, category->code, category->id);
  if (id == 0) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：门类已满 255 个", name);
  g_autofree char *text = json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT);
  if (!sql_exec(sql, "INSERT INTO category (id, code, definition) VALUES ($1, $2, $3)", SQL_ARGS(sql_int(id), sql_text(category->code), sql_text(text)), error) ||
    !sql_exec(sql, "INSERT INTO category_version (category, version, at_us, actor, note, contradictions, definition) VALUES ($1, 1, 0, 'system', '', 0, $2)",
      SQL_ARGS(sql_int(id), sql_text(text)), error)) return FALSE;
  definition_install(catalog, g_steal_pointer(&category), id);
  return TRUE;
}

/* A file that was changed by hand: its content becomes a draft (unless there is one: then the file is kept aside), and it follows the table again. */
static gboolean take_aside(const char *dir, Sql *sql, const char *name, json_t *document, GError **error) {
  g_autoptr(CatalogCategory) category = definition_read(document, name, error);
  if (category == NULL) return FALSE;
  g_autofree char *text = json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT);
  if (!sql_exec(sql, "INSERT INTO category_draft (code, definition, base, actor, at_us, origin) SELECT $1, $2, (SELECT MAX(v.version) FROM category_version AS v "
      "JOIN category AS c ON c.id = v.category WHERE c.code = $1), 'system', $3, 'file' WHERE NOT EXISTS (SELECT 1 FROM category_draft WHERE code = $1)",
      SQL_ARGS(sql_text(category->code), sql_text(text), sql_int(clock_now_us())), error)) return FALSE;
  g_autofree char *path = g_build_filename(dir, "definitions", "categories", name, NULL);
  g_autofree char *kept = g_strconcat(path, ".hand", NULL);
  if (sql_changes(sql) == 0 && g_rename(path, kept) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能改名 %s。请检查目录权限", path);
  g_autofree char *stored = sql_string(sql, "SELECT definition FROM category WHERE code = $1", SQL_ARGS(sql_text(category->code)), error);
  json_auto_t *in_force = stored == NULL ? NULL : json_loads(stored, 0, NULL);
  if (in_force == NULL) return FALSE;
  g_autofree char *yaml = definition_yaml(in_force);
  g_message("门类定义 %s 与现行定义不同，已作为草稿，请在“门类与著录项”页上预览后启用", name);
  return g_file_set_contents(path, yaml, -1, error);
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

/* Leaves in documents what the table does not say already. built_in: what the table knows is not asked again. */
static void drop_current(Catalog *catalog, Sql *sql, json_t *documents, gboolean built_in) {
  const char *name;
  json_t *document;
  void *next;
  json_object_foreach_safe(documents, next, name, document) {
    const char *code = json_string_value(json_object_get(document, "code"));
    g_autofree char *text = json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT);
    g_autofree char *stored = code == NULL ? NULL : sql_string(sql, "SELECT definition FROM category WHERE code = $1", SQL_ARGS(sql_text(code)), NULL);
    if (code != NULL && !built_in) g_hash_table_insert(catalog->file_names, g_strdup(code), g_strdup(name));
    if (stored != NULL && (built_in || g_str_equal(text, stored))) json_object_del(documents, name);
  }
}

static gboolean load_categories(Catalog *catalog, SqlDb *db, GError **error) {
  gboolean built_in;
  json_auto_t *documents = load_documents(catalog->dir, &built_in, error);
  if (documents == NULL || !codes_differ(documents, error)) return FALSE;
  {
    g_autoptr(Sql) sql = sql_read(db, error);
    if (sql == NULL || !load_stored(catalog, sql, error) || !load_former(catalog, sql, error)) return FALSE;
    drop_current(catalog, sql, documents, built_in);
  }
  if (json_object_size(documents) == 0) return TRUE;
  g_autoptr(GError) local = NULL;
  g_autoptr(Sql) sql = sql_write(db, &local);
  gboolean readonly = g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE) && catalog->categories->len > 0;
  if (sql == NULL && readonly) return TRUE; /* an archive opened for reading goes by what the table says */
  if (sql == NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  const char *name;
  json_t *document;
  json_object_foreach(documents, name, document) {
    const char *code = json_string_value(json_object_get(document, "code"));
    gboolean known = code != NULL && category_by_code(catalog, code) != NULL;
    if (known ? !take_aside(catalog->dir, sql, name, document, error) : !adopt(catalog, sql, name, document, error)) return FALSE;
  }
  return sql_commit(sql, error);
}

/* ---- beside the others ---- */

static gboolean field_agrees(const Catalog *catalog, const CatalogCategory *category, const CatalogField *field, GError **error) {
  guint count;
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  for (guint i = 0; i < count; i++) {
    const CatalogCategory *other = categories[i];
    for (guint k = 0; !g_str_equal(other->code, category->code) && k < other->field_count; k++) {
      gboolean key = g_str_equal(other->fields[k].key, field->key), label = g_str_equal(other->fields[k].label, field->label);
      if (key == label) continue;
      return throw(error, LANTAI_ERROR_INVALID, key ? "key“%s”在%s中是“%s”，检索时会混淆。请换一个 key" : "“%s”在%s中的 key 是“%s”，检索时会混淆。请用同一个 key，或换一个名称",
        key ? field->key : field->label, other->title, key ? other->fields[k].label : other->fields[k].key);
    }
  }
  return TRUE;
}

static gboolean headers_differ(GHashTable *seen, const CatalogField *field, GError **error) {
  for (const char *const *alias = field->aliases; alias != NULL && *alias != NULL; alias++) {
    const char *other = g_hash_table_lookup(seen, *alias);
    if (other != NULL)
      return throw(error, LANTAI_ERROR_INVALID, "表头“%s”已属于“%s”，不能又是“%s”", *alias + 1, other, field->label);
    g_hash_table_insert(seen, (gpointer)*alias, (gpointer)field->label);
  }
  return TRUE;
}

/* A title is seen by everybody who sees the record. */
static gboolean title_open(const CatalogCategory *category, GError **error) {
  for (guint i = 0; category->title_rule != NULL && i < category->field_count; i++) {
    g_autofree char *place = g_strdup_printf("{%s}", category->fields[i].key);
    if (category->fields[i].staff && strstr(category->title_rule, place) != NULL)
      return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 不公开，不能用在 title_rule 中", category->code, category->fields[i].key);
  }
  return TRUE;
}

gboolean definition_agrees(const Catalog *catalog, const CatalogCategory *category, GError **error) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  guint count;
  const CatalogField *common = catalog_common_fields(&count);
  for (guint i = 0; i < count; i++)
    if (!headers_differ(seen, &common[i], error)) return FALSE;
  for (guint i = 0; i < category->field_count; i++)
    if (!headers_differ(seen, &category->fields[i], error) || !field_agrees(catalog, category, &category->fields[i], error)) return FALSE;
  return title_open(category, error);
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

/* Which catalogue stands over which database: the gate of fields is asked where there is only a transaction. */
static GMutex catalogs_lock;
static GHashTable *catalogs;

const Catalog *catalog_of(SqlDb *db) {
  g_mutex_lock(&catalogs_lock);
  const Catalog *catalog = catalogs == NULL ? NULL : g_hash_table_lookup(catalogs, db);
  g_mutex_unlock(&catalogs_lock);
  return catalog;
}

static void catalog_register(SqlDb *db, Catalog *catalog) {
  g_mutex_lock(&catalogs_lock);
  if (catalogs == NULL) catalogs = g_hash_table_new(NULL, NULL);
  if (catalog != NULL) g_hash_table_insert(catalogs, db, catalog);
  else g_hash_table_remove(catalogs, db);
  g_mutex_unlock(&catalogs_lock);
}

Catalog *catalog_open(SqlDb *db, const char *dir, GError **error) {
  if (!sql_migrate_room(db, "catalog", error)) return NULL;
  g_autoptr(Catalog) catalog = g_new0(Catalog, 1);
  catalog->dir = g_strdup(dir);
  catalog->db = db;
  catalog->file_names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  catalog->former = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  catalog->categories = g_ptr_array_new();
  catalog->lists = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  g_ptr_array_add(catalog->lists, catalog->categories);
  catalog->definitions = g_ptr_array_new_with_free_func((GDestroyNotify)definition_free);
  catalog->terms = g_ptr_array_new_with_free_func(g_free);
  catalog->term_ids = g_hash_table_new(g_str_hash, g_str_equal);
  g_mutex_init(&catalog->lock);
  if (!load_categories(catalog, db, error) || !load_terms(catalog, db, error) || (catalog->rules = code_rules_load(dir, error)) == NULL ||
    (catalog->retentions = retention_load(dir, error)) == NULL) return NULL;
  g_autofree char *retentions = json_dumps(catalog->retentions, JSON_COMPACT | JSON_SORT_KEYS);
  g_autofree char *all = g_strconcat(code_rules_digest(catalog->rules), retentions, NULL);
  catalog->digest = crypto_digest_hex(DIGEST_SM3, all, strlen(all));
  catalog_register(db, catalog);
  return g_steal_pointer(&catalog);
}

void catalog_close(Catalog *catalog) {
  if (catalog == NULL) return;
  if (catalog_of(catalog->db) == catalog) catalog_register(catalog->db, NULL);
  g_hash_table_unref(catalog->term_ids);
  g_ptr_array_unref(catalog->terms);
  g_ptr_array_unref(catalog->lists);
  g_ptr_array_unref(catalog->definitions);
  g_hash_table_unref(catalog->file_names);
  g_hash_table_unref(catalog->former);
  code_rules_free(catalog->rules);
  json_decref(catalog->retentions);
  g_free(catalog->digest);
  g_mutex_clear(&catalog->lock);
  g_free(catalog->dir);
  g_free(catalog);
}

const CodeRules *catalog_rules(const Catalog *catalog) { return catalog->rules; }
json_t *catalog_retention_rules(const Catalog *catalog) { return catalog->retentions; }
const char *catalog_rules_digest(const Catalog *catalog) { return catalog->digest; }

const CatalogCategory *catalog_category(const Catalog *catalog, guint8 id) { return category_at(catalog, id); }

const CatalogCategory *catalog_category_by_code(const Catalog *catalog, const char *code) { return code == NULL ? NULL : category_by_code(catalog, code); }

const CatalogCategory *const *catalog_categories(const Catalog *catalog, guint *ret_count) {
  GMutex *lock = (GMutex *)&catalog->lock;
  g_mutex_lock(lock);
  const GPtrArray *list = catalog->categories;
  g_mutex_unlock(lock);
  if (ret_count != NULL) *ret_count = list->len;
  return (const CatalogCategory *const *)list->pdata;
}

/* The file of a category in the archive's directory; NULL when there is none to keep. */
char *definition_path(const Catalog *catalog, const char *code) {
  if (catalog->dir == NULL) return NULL;
  const char *known = g_hash_table_lookup(catalog->file_names, code);
  g_autofree char *name = known != NULL ? g_strdup(known) : g_strconcat(code, ".yaml", NULL);
  return g_build_filename(catalog->dir, "definitions", "categories", name, NULL);
}

static void add_label(json_t *labels, const char *label, const char *key) {
  json_t *keys = json_object_get(labels, label), *known;
  size_t i;
  if (keys == NULL) json_object_set_new(labels, label, keys = json_array());
  json_array_foreach(keys, i, known)
    if (g_str_equal(json_string_value(known), key)) return;
  json_array_append_new(keys, json_string(key));
}

/* Every name of the field finds what stands under this key. */
static void add_names(json_t *labels, const CatalogField *field, const char *key) {
  add_label(labels, field->label, key);
  for (const char *const *alias = field->aliases; alias != NULL && *alias != NULL; alias++) add_label(labels, *alias, key);
  if (g_str_equal(field->type, "date")) add_label(labels, SEARCH_DATES, key);
  if (!g_str_equal(field->type, "person")) return;
  add_label(labels, "姓名", key);
  add_label(labels, "人名", key);
}

json_t *catalog_field_labels(const Catalog *catalog) {
  json_t *labels = json_object();
  guint count;
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  for (guint i = 0; i < count; i++) {
    for (guint k = 0; k < categories[i]->field_count; k++) {
      const CatalogField *field = &categories[i]->fields[k];
      add_names(labels, field, field->key);
      for (const char *const *was = field->was; was != NULL && *was != NULL; was++) add_names(labels, field, *was);
    }
  }
  add_label(labels, common_field("note")->label, "note");
  add_label(labels, "原档号", "former_code");
  return labels;
}

char *catalog_title_make(const CatalogCategory *category, json_t *fields) {
  if (category == NULL || category->title_rule == NULL) return NULL;
  g_autoptr(GString) title = g_string_new(NULL);
  gboolean filled = FALSE;
  const char *at = category->title_rule;
  for (char *key; (key = text_next_blank(&at, title)) != NULL; g_free(key)) {
    const char *value = json_string_value(json_object_get(fields, key));
    if (value == NULL || value[0] == '\0') continue;
    g_string_append(title, value);
    filled = TRUE;
  }
  return filled ? g_string_free(g_steal_pointer(&title), FALSE) : NULL;
}
