/*
 * A record gathered from catalogue entry and metadata (DA/T 46 names, nested as in EEP or flat).
 *
 * 1. A name that the catalogue's own aliases know gets our label; another one is kept under its own name, so nothing is lost.
 * 2. The catalogue's entry goes before the metadata; where they disagree in what identifies a record, it is told.
 * 3. Documents: those of 主文档 first, then by 文档序号, then as they stand.
 */
#include "package-survey.h"
#include "text.h"
#include <string.h>
#include <unistd.h>

static const char *const APART[] = {"文件数据", "电子签名块", "锁定签名", "业务实体块", "机构人员实体块", "业务实体", "机构人员实体", "文件实体关系", "电子属性", "文档",
  "原封装包", "封装包格式描述", NULL};
#define EXPORTED "著录项〔"

static const char *const COMPARED[] = {"档号", "题名", "责任者", "文号", "日期", NULL};
static const char *const POSITION[] = {"顺序号", "序号", "元数据路径", "存储路径", NULL}; /* say where an entry stands, not what it is */

static void record_file_free(gpointer data) {
  RecordFile *file = data;
  if (file->data) unlink(file->data); /* what nobody took */
  g_free(file->name);
  g_free(file->wanted);
  g_free(file->data);
  json_decref(file->declared);
  g_free(file);
}

PackageRecord *package_record_new(void) {
  PackageRecord *record = g_new0(PackageRecord, 1);
  record->row = json_object();
  record->files = g_ptr_array_new_with_free_func(record_file_free);
  return record;
}

void package_record_free(PackageRecord *record) {
  if (record == NULL) return;
  json_decref(record->row);
  g_ptr_array_unref(record->files);
  g_free(record);
}

const char *package_record_get(const PackageRecord *record, const char *label) {
  const char *text = json_string_value(json_object_get(record->row, label));
  return text ? text : "";
}

void package_record_set(PackageRecord *record, const char *label, const char *value) {
  if (*value && !*package_record_get(record, label)) json_object_set_new(record->row, label, json_string(value));
}

/* ---- names ---- */

static GHashTable *labels_new(void) {
  static const char *const more[][2] = {{"聚合层次", "著录层级"}, {"著录层级", "著录层级"}, {"层级", "著录层级"}};
  GHashTable *labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  for (guint i = 0; i < count; i++) {
    if (g_str_equal(fields[i].key, "file")) continue;
    g_hash_table_insert(labels, header_squash(fields[i].label), (gpointer)fields[i].label);
    for (const char *const *alias = fields[i].aliases; alias && *alias; alias++) g_hash_table_insert(labels, header_squash(*alias), (gpointer)fields[i].label);
  }
  for (guint i = 0; i < G_N_ELEMENTS(more); i++) g_hash_table_insert(labels, header_squash(more[i][0]), (gpointer)more[i][1]);
  return labels;
}

const char *package_label(const char *name) {
  static GHashTable *labels;
  static gsize made;
  if (g_once_init_enter(&made)) {
    labels = labels_new();
    g_once_init_leave(&made, 1);
  }
  g_autofree char *squashed = header_squash(name);
  return g_hash_table_lookup(labels, squashed);
}

/* ---- fields ---- */

/* As values are compared: no spaces, forms and digits of dates only. */
static char *plain_value(const char *label, const char *value) {
  if (!g_str_equal(label, "日期")) return header_squash(value);
  GString *digits = g_string_new(NULL);
  for (const char *at = value; *at; at++)
    if (g_ascii_isdigit(*at)) g_string_append_c(digits, *at);
  return g_string_free(digits, FALSE);
}

static gboolean same_value(const char *label, const char *a, const char *b) {
  g_autofree char *x = plain_value(label, a), *y = plain_value(label, b);
  return g_str_equal(x, y) || (g_str_equal(label, "日期") && (g_str_has_prefix(x, y) || g_str_has_prefix(y, x)));
}

static void take_value(PackageRecord *record, const XmlNode *node, const char *value, GPtrArray *differences) {
  const char *label = package_label(node->name), *name = label ? label : node->name, *former = package_record_get(record, name);
  if (!*former) {
    json_object_set_new(record->row, name, json_string(value));
    return;
  }
  if (same_value(name, former, value)) return;
  if (label && differences && g_strv_contains(COMPARED, label)) g_ptr_array_add(differences, g_strdup_printf("%s\t%s\t%s", label, former, value));
  if (label && !g_str_equal(label, node->name)) { /* a second name of the same field: 立档单位名称 beside 全宗名称 */
    if (!*package_record_get(record, node->name)) json_object_set_new(record->row, node->name, json_string(value));
  } else if (label == NULL) {
    g_autofree char *joined = g_strconcat(former, "；", value, NULL);
    json_object_set_new(record->row, name, json_string(joined));
  }
}

/* 档号 of parts alone (DA/T 48 lets it stand so): by volume when there is a 目录号, else by piece. */
static char *compose_code(const XmlNode *node) {
  static const char *const by_volume[] = {"全宗号", "目录号", "馆编案卷号", "室编案卷号", "馆编件号", "室编件号", NULL};
  static const char *const by_piece[] = {"全宗号", "类别号", "年度", "保管期限", "机构或问题", "馆编件号", "室编件号", NULL};
  const XmlNode *inventory = xml_child(node, "目录号");
  const char *const *parts = inventory && inventory->text ? by_volume : by_piece;
  GString *code = g_string_new(NULL);
  gboolean volume = FALSE, item = FALSE;
  for (guint i = 0; parts[i]; i++) {
    const XmlNode *part = xml_child(node, parts[i]);
    g_autofree char *text = xml_node_text(part);
    gboolean *once = g_str_has_suffix(parts[i], "案卷号") ? &volume : g_str_has_suffix(parts[i], "件号") ? &item : NULL;
    if (!*text || (once && *once)) continue;
    if (once) *once = TRUE;
    g_string_append_printf(code, "%s%s", code->len ? "-" : "", text);
  }
  return g_string_free(code, FALSE);
}

static void gather_leaves(const XmlNode *node, GString *line) {
  if (xml_is_leaf(node)) {
    g_autofree char *text = xml_node_text(node);
    if (*text && !g_str_has_suffix(node->name, "标识符")) g_string_append_printf(line, "%s%s：%s", line->len ? "，" : "", node->name, text);
  }
  for (guint i = 0; node->children && i < node->children->len; i++) gather_leaves(node->children->pdata[i], line);
}

/* What was done to it and by whom, as text that can be read. */
static gboolean take_story(PackageRecord *record, const XmlNode *node) {
  static const char *const labels[][2] = {{"业务实体", "过程信息"}, {"机构人员实体", "机构人员"}, {"文件实体关系", "文件关系"}};
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
    if (!g_str_equal(node->name, labels[i][0])) continue;
    g_autoptr(GString) line = g_string_new(NULL);
    gather_leaves(node, line);
    const char *former = package_record_get(record, labels[i][1]);
    if (line->len && *former) {
      g_string_prepend(line, "；");
      g_string_prepend(line, former);
    }
    if (line->len) json_object_set_new(record->row, labels[i][1], json_string(line->str));
    return TRUE;
  }
  return FALSE;
}

/* Our own exports carry every field once more as 附注 "著录项〔label〕value": then these are the record, and nothing else is. */
static gboolean take_exported(PackageRecord *record, const XmlNode *node) {
  gboolean any = FALSE;
  for (guint i = 0; node->children && i < node->children->len; i++) {
    const XmlNode *note = node->children->pdata[i];
    if (!g_str_equal(note->name, "附注")) continue;
    g_autofree char *text = xml_node_text(note);
    const char *label = g_str_has_prefix(text, EXPORTED) ? text + strlen(EXPORTED) : NULL, *end = label ? strstr(label, "〕") : NULL;
    if (end == NULL || end == label) continue;
    g_autofree char *name = g_strndup(label, (gsize)(end - label));
    const char *ours = package_label(name);
    package_record_set(record, ours ? ours : name, end + strlen("〕"));
    record->exported = any = TRUE;
  }
  return any;
}

/* The same in 元数据.XML of a transfer package: 著录项集 with an element for each label, or 著录项 {名称, 内容}. It goes before the catalogue's entry. */
static gboolean take_exported_set(PackageRecord *record, const XmlNode *node) {
  if (!g_str_equal(node->name, "著录项集")) return FALSE;
  json_object_clear(record->row);
  for (guint i = 0; node->children && i < node->children->len; i++) {
    const XmlNode *field = node->children->pdata[i], *named = xml_child(field, "名称");
    g_autofree char *name = named ? xml_node_text(named) : g_strdup(field->name), *value = xml_node_text(named ? xml_child(field, "内容") : field);
    const char *ours = package_label(name);
    package_record_set(record, ours ? ours : name, value);
  }
  return record->exported = TRUE;
}

static void take_node(PackageRecord *record, const XmlNode *node, GPtrArray *differences, guint depth) {
  if (record->exported || take_exported(record, node) || take_exported_set(record, node) || take_story(record, node) || xml_child(node, "计算机文件名")) return;
  if (g_str_equal(node->name, "业务实体块") || g_str_equal(node->name, "机构人员实体块") || !g_strv_contains(APART, node->name)) {
    g_autofree char *text = xml_node_text(node), *composed = NULL;
    gboolean position = g_strv_contains(POSITION, node->name);
    if (!*text && g_strcmp0(package_label(node->name), "档号") == 0 && node->children) text = (g_free(text), compose_code(node));
    if (*text && depth > 0 && !position) take_value(record, node, text, differences);
    for (guint i = 0; node->children && i < node->children->len; i++) take_node(record, node->children->pdata[i], differences, depth + 1);
  }
}

void package_record_take(PackageRecord *record, const XmlNode *node, GPtrArray *ret_differences) { take_node(record, node, ret_differences, 0); }

/* ---- documents ---- */

/* A digest anywhere below, with its algorithm by name, else by length. */
static void find_digest(const XmlNode *node, char **ret_hex, DigestKind *ret_kind, gboolean *ret_named) {
  if (node->text) {
    g_autofree char *text = xml_node_text(node), *lower = g_ascii_strdown(text, -1);
    gsize length = strlen(lower);
    DigestKind kind;
    if (digest_kind_parse(lower, &kind)) {
      *ret_kind = kind;
      *ret_named = TRUE;
    } else if (*ret_hex == NULL && (length == 32 || length == 40 || length == 56 || length == 64 || length == 96 || length == 128) &&
      strspn(lower, "0123456789abcdef") == length) *ret_hex = g_steal_pointer(&lower);
  }
  for (guint i = 0; node->children && i < node->children->len; i++) find_digest(node->children->pdata[i], ret_hex, ret_kind, ret_named);
}

static void declare_digest(RecordFile *file, const XmlNode *node) {
  static const struct { gsize length; DigestKind kind; } by_length[] = {{32, DIGEST_MD5}, {40, DIGEST_SHA1}, {56, DIGEST_SHA224}, {64, DIGEST_SHA256},
    {96, DIGEST_SHA384}, {128, DIGEST_SHA512}};
  g_autofree char *hex = NULL;
  DigestKind kind = DIGEST_SHA256;
  gboolean named = FALSE;
  find_digest(node, &hex, &kind, &named);
  if (hex == NULL) return;
  for (guint i = 0; i < G_N_ELEMENTS(by_length); i++)
    if ((!named || digest_kind_length(kind) != by_length[i].length) && strlen(hex) == by_length[i].length) kind = by_length[i].kind;
  json_t *digest = json_object();
  json_object_set_new(digest, digest_kind_name(kind), json_string(hex));
  json_object_set_new(file->declared, "digest", digest);
}

static void declare_text(RecordFile *file, const XmlNode *node, const char *const *names, const char *key) {
  for (; *names; names++) {
    const XmlNode *found = xml_child(node, *names);
    if (found == NULL) continue;
    g_autofree char *own = xml_node_text(found), *inner = found->children ? xml_node_text(found->children->pdata[0]) : g_strdup("");
    const char *text = *own ? own : inner;
    gboolean number = g_str_equal(key, "size") || g_str_equal(key, "pages");
    if (*text && number) json_object_set_new(file->declared, key, json_integer(g_ascii_strtoll(text, NULL, 10)));
    else if (*text) json_object_set_new(file->declared, key, json_string(text));
    if (*text) return;
  }
}

/* The nearest enclosing element that holds its content. */
static const XmlNode *data_of(const XmlNode *facts) {
  for (const XmlNode *at = facts; at && !g_str_equal(at->name, "文档"); at = at->parent) {
    const XmlNode *data = xml_child(at, "编码数据");
    if (data) return data;
    if (g_str_equal(at->name, "编码")) break;
  }
  return NULL;
}

static const XmlNode *enclosing(const XmlNode *node, const char *name) {
  while (node && !g_str_equal(node->name, name)) node = node->parent;
  return node;
}

static char *name_of(const XmlNode *facts, const XmlNode *holder, guint number) {
  const XmlNode *written = facts ? xml_child(facts, "计算机文件名") : NULL;
  g_autofree char *name = xml_node_text(written);
  if (*name) return g_steal_pointer(&name);
  g_autofree char *extension = xml_node_text(xml_child(holder, "反编码关键字"));
  return *extension ? g_strdup_printf("文档%u.%s", number, extension) : g_strdup_printf("文档%u", number);
}

static void add_file(PackageRecord *record, const XmlNode *facts, const XmlNode *holder, gboolean original) {
  static const char *const sizes[] = {"计算机文件大小", "文件大小", NULL}, *const formats[] = {"格式信息", "格式名称", NULL},
    *const created[] = {"创建时间", "文档创建时间", "文件创建时间", NULL}, *const pages[] = {"页数", NULL};
  RecordFile *file = g_new0(RecordFile, 1);
  XmlNode *data = (XmlNode *)data_of(facts ? facts : holder);
  const XmlNode *document = enclosing(holder, "文档");
  file->name = name_of(facts, holder, record->files->len + 1);
  file->declared = json_pack("{s:s}", "name", file->name);
  file->original = original;
  file->order = (gint64)record->files->len;
  if (document) {
    g_autofree char *role = xml_node_text(xml_child(document, "文档主从声明")), *number = xml_node_text(xml_child(document, "文档序号"));
    file->attachment = g_str_has_prefix(role, "附");
    if (*number) file->order = g_ascii_strtoll(number, NULL, 10);
  }
  json_object_set_new(file->declared, "attachment", json_boolean(file->attachment));
  if (facts) {
    declare_text(file, facts, sizes, "size");
    declare_text(file, facts, formats, "format");
    declare_text(file, facts, created, "created");
    declare_text(file, facts, pages, "pages");
    declare_digest(file, facts);
  }
  if (data && data->text && json_object_get(file->declared, "digest") == NULL) declare_digest(file, data);
  if (data && data->data) {
    file->data = g_steal_pointer(&data->data);
    file->data_bad = data->data_bad;
  }
  g_ptr_array_add(record->files, file);
}

static void find_files(PackageRecord *record, const XmlNode *node, gboolean original) {
  if (g_str_equal(node->name, "原封装包") && !original) return;
  if (xml_child(node, "计算机文件名")) {
    const XmlNode *coding = enclosing(node, "编码");
    add_file(record, node, coding ? coding : node, original);
  } else if (xml_child(node, "编码数据") && xml_find(node, "计算机文件名") == NULL) add_file(record, NULL, node, original);
  for (guint i = 0; node->children && i < node->children->len; i++) find_files(record, node->children->pdata[i], original);
}

static int compare_files(gconstpointer a, gconstpointer b) {
  const RecordFile *x = *(RecordFile *const *)a, *y = *(RecordFile *const *)b;
  if (x->original != y->original) return x->original - y->original;
  if (x->attachment != y->attachment) return x->attachment - y->attachment;
  return x->order < y->order ? -1 : x->order > y->order;
}

void package_record_files(PackageRecord *record, const XmlNode *node, gboolean original) {
  find_files(record, node, original);
  g_ptr_array_sort(record->files, compare_files); /* merge sort: stable */
}
