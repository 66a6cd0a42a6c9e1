/*
 * The rules of OCFL 1.0 and 1.1 that an inventory can be held against by itself, each under the code of the specification's list
 * (https://ocfl.io/1.1/spec/validation-codes). Digest algorithms, padded version numbers and content folders of other programs are understood.
 */
#include "content-internal.h"
#include <string.h>

typedef struct {
  Findings *findings;
  const char *name; /* of the inventory in messages */
  json_t *document;
  json_t *manifest; /* NULL if there is none */
} Rules;

static void add_finding(json_t *list, const char *code, const char *format, va_list arguments) {
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  json_t *finding = json_object();
  json_object_set_new(finding, "code", json_string(code));
  json_object_set_new(finding, "text", json_string(valid));
  json_array_append_new(list, finding);
}

void finding_error(Findings *findings, const char *code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  add_finding(findings->errors, code, format, arguments);
  va_end(arguments);
}

void finding_warning(Findings *findings, const char *code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  add_finding(findings->warnings, code, format, arguments);
  va_end(arguments);
}

static json_t *member(const Rules *rules, const char *key) { return json_object_get(rules->document, key); }

/* RFC 3986 as far as it matters here: a scheme and something after it. */
static gboolean is_uri(const char *text) {
  static const char scheme[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-";
  gsize length = strspn(text, scheme);
  return g_ascii_isalpha(text[0]) && text[length] == ':' && text[length + 1] != '\0' && strchr(text, ' ') == NULL;
}

static gboolean digits(const char **text, guint count) {
  for (guint i = 0; i < count; i++, (*text)++)
    if (!g_ascii_isdigit(**text)) return FALSE;
  return TRUE;
}

static gboolean literal(const char **text, const char *characters) {
  if (**text == '\0' || strchr(characters, **text) == NULL) return FALSE;
  (*text)++;
  return TRUE;
}

/* RFC 3339 date-time: to the second at least and with a zone. */
static gboolean is_date_time(const char *text) {
  const char *c = text;
  if (!(digits(&c, 4) && literal(&c, "-") && digits(&c, 2) && literal(&c, "-") && digits(&c, 2) && literal(&c, "Tt") && digits(&c, 2) && literal(&c, ":") &&
        digits(&c, 2) && literal(&c, ":") && digits(&c, 2)))
    return FALSE;
  if (*c == '.') {
    gsize fraction = strspn(c + 1, "0123456789");
    if (fraction == 0) return FALSE;
    c += 1 + fraction;
  }
  if (g_ascii_strcasecmp(c, "Z") != 0 && !(literal(&c, "+-") && digits(&c, 2) && literal(&c, ":") && digits(&c, 2) && *c == '\0')) return FALSE;
  g_autofree char *whole = g_ascii_strup(text, -1);
  g_autoptr(GDateTime) at = g_date_time_new_from_iso8601(whole, NULL);
  return at != NULL || strstr(whole, ":60") != NULL; /* a leap second is a valid time */
}

gboolean version_parse(const char *name, guint *ret_number, guint *ret_padding) {
  gsize length = strlen(name);
  if (name[0] != 'v' || length < 2 || length > 10 || strspn(name + 1, "0123456789") != length - 1) return FALSE;
  guint number = (guint)g_ascii_strtoull(name + 1, NULL, 10);
  if (number == 0) return FALSE;
  *ret_number = number;
  *ret_padding = name[1] == '0' ? (guint)length - 1 : 0;
  return TRUE;
}

static void check_identity(Rules *rules) {
  json_t *id = member(rules, "id"), *type = member(rules, "type");
  if (id == NULL) finding_error(rules->findings, "E036", "%s: 没有 id", rules->name);
  else if (json_string_length(id) == 0) finding_error(rules->findings, "E037", "%s: id 不是文本或为空", rules->name);
  else if (!is_uri(json_string_value(id))) finding_warning(rules->findings, "W005", "%s: id “%s”不是 URI", rules->name, json_string_value(id));
  if (type == NULL) finding_error(rules->findings, "E036", "%s: 没有 type", rules->name);
  else if (inventory_minor_version(rules->document) < 0) finding_error(rules->findings, "E038", "%s: type 不是 OCFL 清单的地址", rules->name);
}

int inventory_minor_version(json_t *document) {
  const char *type = json_string_value(json_object_get(document, "type"));
  if (g_strcmp0(type, "https://ocfl.io/1.0/spec/#inventory") == 0) return 0;
  return g_strcmp0(type, INVENTORY_TYPE) == 0 ? 1 : -1;
}

static void check_algorithm(Rules *rules) {
  json_t *algorithm = member(rules, "digestAlgorithm");
  const char *name = json_string_value(algorithm);
  if (algorithm == NULL) finding_error(rules->findings, "E036", "%s: 没有 digestAlgorithm", rules->name);
  else if (g_strcmp0(name, "sha256") == 0) finding_warning(rules->findings, "W004", "%s: 校验算法是 sha256,宜用 sha512", rules->name);
  else if (g_strcmp0(name, "sha512") != 0) finding_error(rules->findings, "E025", "%s: 校验算法不是 sha512 或 sha256", rules->name);
}

static void check_content_folder(Rules *rules) {
  json_t *folder = member(rules, "contentDirectory");
  if (folder == NULL) return;
  const char *name = json_string_value(folder);
  if (name == NULL || name[0] == '\0' || strchr(name, '/') != NULL) finding_error(rules->findings, "E017", "%s: contentDirectory 不合规", rules->name);
  else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) finding_error(rules->findings, "E018", "%s: contentDirectory 不得为 . 或 ..", rules->name);
}

/* Longer or deeper than any file system takes; such a path is not taken apart, so that a hostile inventory costs no more than its length. */
static gboolean is_monstrous(const char *path) {
  guint depth = 0;
  gsize length = 0;
  for (; path[length] != '\0' && length <= 4096 && depth <= 64; length++) depth += path[length] == '/';
  return path[length] != '\0';
}

/* Paths of one block: none may be the folder of another. */
static void check_unique(Rules *rules, GHashTable *paths, const char *code, const char *where) {
  GHashTableIter iter;
  gpointer path;
  for (g_hash_table_iter_init(&iter, paths); g_hash_table_iter_next(&iter, &path, NULL);) {
    if (is_monstrous(path)) continue;
    g_autofree char *folder = g_strdup(path);
    for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
      *slash = '\0';
      if (g_hash_table_contains(paths, folder))
        finding_error(rules->findings, code, "%s: %s 中“%.200s”与“%.200s”冲突", rules->name, where, folder, (char *)path);
    }
  }
}

static void check_content_path(Rules *rules, const char *path, const char *where) {
  PathFault fault = path_fault(path);
  if (fault == PATH_EDGE_SLASH) finding_error(rules->findings, "E100", "%s: %s 的路径“%.200s”以 / 开头或结尾", rules->name, where, path);
  if (fault == PATH_EMPTY_ELEMENT || fault == PATH_DOT_ELEMENT)
    finding_error(rules->findings, "E099", "%s: %s 的路径“%.200s”含有 .、.. 或空的一级", rules->name, where, path);
}

/* v1/content/… for a manifest of this inventory; its version must be one of the inventory's */
static void check_manifest_place(Rules *rules, const char *path) {
  if (path_fault(path) == PATH_EDGE_SLASH) return;
  g_auto(GStrv) parts = g_strsplit(path, "/", 3);
  const char *folder = inventory_content_folder(rules->document);
  if (g_strv_length(parts) < 3 || strcmp(parts[1], folder) != 0 || json_object_get(member(rules, "versions"), parts[0]) == NULL)
    finding_error(rules->findings, "E042", "%s: manifest 的路径“%.200s”不在某个版本的 %s 文件夹中", rules->name, path, folder);
}

const char *inventory_content_folder(json_t *document) {
  const char *folder = json_string_value(json_object_get(document, "contentDirectory"));
  if (folder == NULL || folder[0] == '\0' || strchr(folder, '/') != NULL || strcmp(folder, ".") == 0 || strcmp(folder, "..") == 0) return "content";
  return folder;
}

typedef struct {
  const char *where, *duplicate_digest, *bad_value;
  gboolean manifest;
} BlockKind;

/* The manifest or one algorithm of the fixity block: {digest: [content path, …]} */
static void check_block(Rules *rules, json_t *block, const BlockKind *kind) {
  g_autoptr(GHashTable) digests_seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
  const char *digest;
  json_t *list;
  json_object_foreach(block, digest, list) {
    if (!g_hash_table_add(digests_seen, g_ascii_strdown(digest, -1)))
      finding_error(rules->findings, kind->duplicate_digest, "%s: %s 中校验值 %.16s… 重复", rules->name, kind->where, digest);
    if (!json_is_array(list)) finding_error(rules->findings, kind->bad_value, "%s: %s 中 %.16s… 的值不是数组", rules->name, kind->where, digest);
    gsize i;
    json_t *item;
    json_array_foreach(list, i, item) {
      const char *path = json_string_value(item);
      if (path == NULL) {
        finding_error(rules->findings, kind->bad_value, "%s: %s 中有路径不是文本", rules->name, kind->where);
        continue;
      }
      check_content_path(rules, path, kind->where);
      if (kind->manifest) check_manifest_place(rules, path);
      if (!g_hash_table_add(paths, (gpointer)path)) finding_error(rules->findings, "E101", "%s: %s 中路径“%.200s”重复", rules->name, kind->where, path);
    }
  }
  check_unique(rules, paths, "E101", kind->where);
}

static void check_manifest_keys(Rules *rules) {
  const char *algorithm = json_string_value(member(rules, "digestAlgorithm")), *digest;
  gboolean sha512 = g_strcmp0(algorithm, "sha512") == 0;
  if (!sha512 && g_strcmp0(algorithm, "sha256") != 0) return;
  json_t *list;
  json_object_foreach(rules->manifest, digest, list) {
    g_autofree char *lower = g_ascii_strdown(digest, -1);
    if (!is_hex(lower, sha512 ? 128 : 64))
      finding_error(rules->findings, sha512 ? "E031" : "E030", "%s: manifest 中“%.40s”不是 %s 值", rules->name, digest, algorithm);
  }
}

/* Every content is in some version's state. */
static void check_manifest_used(Rules *rules) {
  g_autoptr(GHashTable) used = g_hash_table_new(g_str_hash, g_str_equal);
  const char *digest, *name;
  json_t *list, *version;
  json_object_foreach(member(rules, "versions"), name, version) {
    json_object_foreach(json_object_get(version, "state"), digest, list) g_hash_table_add(used, (gpointer)digest);
  }
  json_object_foreach(rules->manifest, digest, list) {
    if (g_hash_table_contains(used, digest)) continue;
    g_autofree char *lower = g_ascii_strdown(digest, -1);
    gboolean twin = strcmp(lower, digest) != 0 && json_object_get(rules->manifest, lower) != NULL; /* already an E096 */
    if (!twin) finding_error(rules->findings, "E107", "%s: manifest 中 %.16s… 不在任何版本的 state 中", rules->name, digest);
  }
}

static void check_manifest(Rules *rules) {
  static const BlockKind kind = {"manifest", "E096", "E092", TRUE};
  json_t *manifest = member(rules, "manifest");
  if (manifest == NULL) finding_error(rules->findings, "E041", "%s: 没有 manifest", rules->name);
  else if (!json_is_object(manifest)) finding_error(rules->findings, "E106", "%s: manifest 不是 JSON 对象", rules->name);
  if (!json_is_object(manifest)) return;
  rules->manifest = manifest;
  check_manifest_keys(rules);
  check_block(rules, manifest, &kind);
  check_manifest_used(rules);
}

static void check_fixity(Rules *rules) {
  json_t *fixity = member(rules, "fixity"), *block;
  if (fixity != NULL && !json_is_object(fixity)) finding_error(rules->findings, "E111", "%s: fixity 不是 JSON 对象", rules->name);
  const char *algorithm;
  json_object_foreach(fixity, algorithm, block) {
    g_autofree char *where = g_strconcat("fixity/", algorithm, NULL);
    const BlockKind kind = {where, "E097", "E057", FALSE};
    if (json_is_object(block)) check_block(rules, block, &kind);
    else finding_error(rules->findings, "E057", "%s: %s 不是 JSON 对象", rules->name, where);
  }
}

static void check_logical_path(Rules *rules, const char *version, const char *path) {
  PathFault fault = path_fault(path);
  if (fault == PATH_EDGE_SLASH) finding_error(rules->findings, "E053", "%s: 版本 %s 的路径“%.200s”以 / 开头或结尾", rules->name, version, path);
  if (fault == PATH_EMPTY_ELEMENT || fault == PATH_DOT_ELEMENT)
    finding_error(rules->findings, "E052", "%s: 版本 %s 的路径“%.200s”含有 .、.. 或空的一级", rules->name, version, path);
}

static void check_state(Rules *rules, const char *version, json_t *state) {
  g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
  const char *digest;
  json_t *list, *item;
  json_object_foreach(state, digest, list) {
    if (rules->manifest != NULL && json_object_get(rules->manifest, digest) == NULL)
      finding_error(rules->findings, "E050", "%s: 版本 %s 的校验值 %.16s… 不在 manifest 中", rules->name, version, digest);
    if (!json_is_array(list)) finding_error(rules->findings, "E051", "%s: 版本 %s 的 state 值不是数组", rules->name, version);
    gsize i;
    json_array_foreach(list, i, item) {
      const char *path = json_string_value(item);
      if (path == NULL) {
        finding_error(rules->findings, "E051", "%s: 版本 %s 有路径不是文本", rules->name, version);
        continue;
      }
      check_logical_path(rules, version, path);
      if (!g_hash_table_add(paths, (gpointer)path)) finding_error(rules->findings, "E095", "%s: 版本 %s 的路径“%.200s”重复", rules->name, version, path);
    }
  }
  check_unique(rules, paths, "E095", version);
}

static void check_user(Rules *rules, const char *version, json_t *user) {
  json_t *address = json_object_get(user, "address");
  if (json_string_length(json_object_get(user, "name")) == 0) finding_error(rules->findings, "E054", "%s: 版本 %s 的 user 没有 name", rules->name, version);
  else if (address == NULL) finding_warning(rules->findings, "W008", "%s: 版本 %s 的 user 没有 address", rules->name, version);
  else if (!json_is_string(address)) finding_error(rules->findings, "E054", "%s: 版本 %s 的 address 不是文本", rules->name, version);
  else if (!is_uri(json_string_value(address))) finding_warning(rules->findings, "W009", "%s: 版本 %s 的 address 不是 URI", rules->name, version);
}

static void check_version(Rules *rules, const char *name, json_t *version) {
  if (!json_is_object(version)) {
    finding_error(rules->findings, "E047", "%s: 版本 %s 不是 JSON 对象", rules->name, name);
    return;
  }
  json_t *created = json_object_get(version, "created"), *state = json_object_get(version, "state");
  json_t *message = json_object_get(version, "message"), *user = json_object_get(version, "user");
  if (created == NULL) finding_error(rules->findings, "E048", "%s: 版本 %s 没有 created", rules->name, name);
  else if (!json_is_string(created) || !is_date_time(json_string_value(created)))
    finding_error(rules->findings, "E049", "%s: 版本 %s 的 created 不是 RFC 3339 时间", rules->name, name);
  if (state == NULL) finding_error(rules->findings, "E048", "%s: 版本 %s 没有 state", rules->name, name);
  else if (!json_is_object(state)) finding_error(rules->findings, "E050", "%s: 版本 %s 的 state 不是 JSON 对象", rules->name, name);
  else check_state(rules, name, state);
  if (message == NULL || user == NULL) finding_warning(rules->findings, "W007", "%s: 版本 %s 缺少 message 或 user", rules->name, name);
  if (message != NULL && !json_is_string(message)) finding_error(rules->findings, "E094", "%s: 版本 %s 的 message 不是文本", rules->name, name);
  if (user != NULL) check_user(rules, name, user);
}

/* Numbers 1, 2, 3 … without a gap, all padded to one width or none. */
static guint check_version_names(Rules *rules, json_t *versions) {
  g_autoptr(GHashTable) numbers = g_hash_table_new(g_direct_hash, g_direct_equal);
  guint highest = 0, width = 0, mixed = 0;
  const char *name;
  json_t *version;
  json_object_foreach(versions, name, version) {
    guint number, padding;
    if (!version_parse(name, &number, &padding)) {
      finding_error(rules->findings, "E046", "%s: 版本名“%.40s”不合规", rules->name, name);
      continue;
    }
    g_hash_table_add(numbers, GUINT_TO_POINTER(number));
    highest = MAX(highest, number);
    if (padding > 0 && width > 0 && padding != width) finding_error(rules->findings, "E012", "%s: 版本名“%s”的位数与其他版本不同", rules->name, name);
    if (padding > 0) width = padding;
    else mixed++;
  }
  if (width > 0) finding_warning(rules->findings, "W001", "%s: 版本名前有补零", rules->name);
  if (width > 0 && mixed > 0) {
    finding_error(rules->findings, "E011", "%s: 补零的版本名必须以 v0 开头", rules->name);
    finding_error(rules->findings, "E013", "%s: 后来的版本没有沿用先前的版本命名", rules->name);
  }
  if (highest > 0 && !g_hash_table_contains(numbers, GUINT_TO_POINTER(1))) finding_error(rules->findings, "E009", "%s: 版本不是从 1 开始", rules->name);
  if (g_hash_table_size(numbers) < highest) finding_error(rules->findings, "E010", "%s: 版本号不连续", rules->name);
  return highest;
}

static void check_versions(Rules *rules) {
  json_t *versions = member(rules, "versions"), *head = member(rules, "head"), *version;
  if (versions == NULL) finding_error(rules->findings, "E043", "%s: 没有 versions", rules->name);
  else if (!json_is_object(versions)) finding_error(rules->findings, "E044", "%s: versions 不是 JSON 对象", rules->name);
  else if (json_object_size(versions) == 0) finding_error(rules->findings, "E008", "%s: 一个版本也没有", rules->name);
  guint highest = check_version_names(rules, versions), number = 0, padding;
  if (head == NULL) finding_error(rules->findings, "E036", "%s: 没有 head", rules->name);
  else if (!json_is_string(head) || !version_parse(json_string_value(head), &number, &padding) || number != highest ||
           json_object_get(versions, json_string_value(head)) == NULL)
    finding_error(rules->findings, "E040", "%s: head 不是最新的版本", rules->name);
  const char *name;
  json_object_foreach(versions, name, version) check_version(rules, name, version);
}

static void check_keys(Rules *rules) {
  static const char *const known[] = {"id", "type", "digestAlgorithm", "head", "contentDirectory", "manifest", "versions", "fixity", NULL};
  const char *key;
  json_t *value;
  json_object_foreach(rules->document, key, value)
    if (!g_strv_contains(known, key)) finding_error(rules->findings, "E102", "%s: 有规范之外的键“%.40s”", rules->name, key);
}

void validate_inventory(json_t *document, const char *name, Findings *findings) {
  Rules rules = {findings, name, document, NULL};
  if (!json_is_object(document)) {
    finding_error(findings, "E033", "%s: 不是 JSON 对象", name);
    return;
  }
  check_keys(&rules);
  check_identity(&rules);
  check_algorithm(&rules);
  check_content_folder(&rules);
  check_manifest(&rules);
  check_versions(&rules);
  check_fixity(&rules);
}
