/*
 * Any OCFL object against the specification: the folder, its inventories against each other, and the bytes against the inventories.
 * The codes are those of https://ocfl.io/1.1/spec/validation-codes; what one inventory can be held to by itself is in validate-inventory.c.
 *
 * 1. Every content file is read once, with all digests that any inventory gives for it.
 * 2. A digest that this program cannot compute is named as unverified, never passed over.
 */
#include "content-internal.h"
#include "json.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { ALGORITHMS = 4, WALK_DEPTH_LIMIT = 128, READ_BYTES = 256 * 1024 };

static const struct {
  const char *name;
  gboolean ours; /* computed by base/; the others by GLib */
  DigestKind kind;
  GChecksumType checksum;
} ALGORITHM[ALGORITHMS] = {
  {"sha512", TRUE, DIGEST_SHA512, 0},
  {"sha256", TRUE, DIGEST_SHA256, 0},
  {"md5", FALSE, 0, G_CHECKSUM_MD5},
  {"sha1", FALSE, 0, G_CHECKSUM_SHA1},
};

typedef struct {
  char *name;    /* "inventory.json", "v2/inventory.json" */
  guint version; /* the number it should describe; of the root its head */
  json_t *json;
  GString *text;
} Document;

typedef struct {
  Findings findings;
  int fd, minor; /* of the declared OCFL version; -1 */
  GPtrArray *names;
  Document *root;
  GPtrArray *documents; /* root, then the versions' that differ from it */
  GHashTable *files;    /* content path → char *[ALGORITHMS], filled when hashed */
  guint needed;         /* bits of ALGORITHM */
} Validation;

static void document_free(gpointer data) {
  Document *document = data;
  json_decref(document->json);
  if (document->text != NULL) g_string_free(document->text, TRUE);
  g_free(document->name);
  g_free(document);
}

static void digests_free(gpointer data) {
  char **digests = data;
  for (guint i = 0; i < ALGORITHMS; i++) g_free(digests[i]);
  g_free(digests);
}

static int algorithm_of(const char *name) {
  for (int i = 0; i < ALGORITHMS; i++)
    if (g_strcmp0(ALGORITHM[i].name, name) == 0) return i;
  return -1;
}


static gboolean is_folder(int dirfd, const char *name) {
  struct stat info;
  return fstatat(dirfd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

/* ---- the folder ---- */

static void check_declaration(Validation *validation) {
  const char *declaration = NULL;
  guint count = 0;
  for (guint i = 0; i < validation->names->len; i++) {
    if (!g_str_has_prefix(validation->names->pdata[i], "0=")) continue;
    declaration = validation->names->pdata[i];
    count++;
  }
  if (count != 1) finding_error(&validation->findings, "E003", "对象标志文件(0=ocfl_object_…)应有一个,现有 %u 个", count);
  if (count != 1) return;
  validation->minor = strcmp(declaration, "0=ocfl_object_1.0") == 0 ? 0 : strcmp(declaration, OBJECT_DECLARATION) == 0 ? 1 : -1;
  if (validation->minor < 0) finding_error(&validation->findings, "E006", "对象标志文件名“%s”不是 OCFL 1.0 或 1.1 的", declaration);
  g_autofree char *expected = g_strconcat(declaration + 2, "\n", NULL);
  GString *text = NULL;
  if (!read_file(validation->fd, declaration, 1024, &text) || strcmp(text->str, expected) != 0)
    finding_error(&validation->findings, "E007", "对象标志文件 %s 的内容不对", declaration);
  if (text != NULL) g_string_free(text, TRUE);
}

static void check_sidecar(Validation *validation, const Document *document) {
  const char *algorithm = text_in(document->json, "digestAlgorithm");
  if (g_strcmp0(algorithm, "sha512") != 0 && g_strcmp0(algorithm, "sha256") != 0) return; /* E025 was said */
  g_autofree char *path = g_strdup_printf("%s.%s", document->name, algorithm);
  GString *text = NULL;
  if (!read_file(validation->fd, path, 4096, &text)) {
    finding_error(&validation->findings, "E058", "没有清单的校验文件 %s", path);
    return;
  }
  gsize length = strspn(text->str, "0123456789abcdefABCDEF"), blanks = strspn(text->str + length, " \t");
  const char *name = text->str + length + blanks;
  gboolean formed = length > 0 && blanks > 0 && (strcmp(name, "inventory.json\n") == 0 || strcmp(name, "inventory.json") == 0);
  if (formed) {
    g_autofree char *digest = crypto_digest_hex(ALGORITHM[algorithm_of(algorithm)].kind, document->text->str, document->text->len);
    if (strlen(digest) != length || g_ascii_strncasecmp(digest, text->str, length) != 0)
      finding_error(&validation->findings, "E060", "%s 与清单不符", path);
  } else {
    finding_error(&validation->findings, "E061", "%s 的格式不对", path);
  }
  g_string_free(text, TRUE);
}

/* Reads one inventory; NULL with a finding, or without one where there is none. */
static Document *load_document(Validation *validation, const char *name, guint version) {
  GString *text = NULL;
  if (!read_file(validation->fd, name, INVENTORY_LIMIT_BYTES, &text)) {
    if (errno != ENOENT) finding_error(&validation->findings, "E033", "%s 读不出: %s", name, errno == EFBIG ? "超过 64 MiB" : error_reason(errno));
    return NULL;
  }
  json_error_t reason;
  Document *document = g_new0(Document, 1);
  document->name = g_strdup(name);
  document->text = text;
  document->version = version;
  document->json = json_loadb(text->str, text->len, JSON_REJECT_DUPLICATES, &reason);
  if (document->json != NULL) return document;
  finding_error(&validation->findings, "E033", "%s 不是有效的 JSON(第 %d 行)", name, reason.line);
  document_free(document);
  return NULL;
}

static void load_root(Validation *validation) {
  struct stat info;
  if (fstatat(validation->fd, "inventory.json", &info, AT_SYMLINK_NOFOLLOW) != 0) {
    finding_error(&validation->findings, "E063", "没有清单 inventory.json");
    return;
  }
  Document *root = load_document(validation, "inventory.json", 0);
  if (root == NULL) return;
  guint padding;
  const char *head = text_in(root->json, "head");
  if (head == NULL || !version_parse(head, &root->version, &padding)) root->version = 0;
  validation->root = root;
  g_ptr_array_add(validation->documents, root);
  validate_inventory(root->json, root->name, &validation->findings);
  check_sidecar(validation, root);
  int minor = inventory_minor_version(root->json);
  if (minor >= 0 && validation->minor >= 0 && minor != validation->minor)
    finding_error(&validation->findings, "E038", "inventory.json 的 type 与对象标志文件的版本不同");
}

static void check_extensions(Validation *validation) {
  static const char *const registered[] = {
    "0000-example-extension", "0001-digest-algorithms", "0002-flat-direct-storage-layout", "0003-hash-and-id-n-tuple-storage-layout",
    "0004-hashed-n-tuple-storage-layout", "0005-mutable-head", "0006-flat-omit-prefix-storage-layout", "0007-n-tuple-omit-prefix-storage-layout",
    "0008-schema-registry", "0009-digest-algorithms", "0010-differential-n-tuple-omit-prefix-storage-layout", "0011-direct-clean-path-layout", "initial", NULL};
  autofd folder = open_beneath(validation->fd, "extensions", O_RDONLY | O_DIRECTORY);
  g_autoptr(GPtrArray) names = folder >= 0 ? list_folder(folder) : NULL;
  for (guint i = 0; names != NULL && i < names->len; i++) {
    const char *name = names->pdata[i];
    if (!is_folder(folder, name)) finding_error(&validation->findings, "E067", "extensions 中有不是文件夹的“%s”", name);
    else if (!g_strv_contains(registered, name)) finding_warning(&validation->findings, "W013", "扩展“%s”没有登记", name);
  }
}

/* inventory.json and its sidecar of any algorithm */
static gboolean is_inventory_name(const char *name) { return g_str_has_prefix(name, "inventory.json") && (name[14] == '\0' || name[14] == '.'); }

static void check_names(Validation *validation) {
  json_t *versions = validation->root != NULL ? json_object_get(validation->root->json, "versions") : NULL;
  const char *algorithm = validation->root != NULL ? text_in(validation->root->json, "digestAlgorithm") : NULL;
  for (guint i = 0; i < validation->names->len; i++) {
    const char *name = validation->names->pdata[i];
    guint number, padding;
    gboolean folder = is_folder(validation->fd, name);
    gboolean sidecar = !folder && g_str_has_prefix(name, "inventory.json.") && (algorithm == NULL || strcmp(name + 15, algorithm) == 0);
    if (g_str_has_prefix(name, "0=") || sidecar || (!folder && strcmp(name, "inventory.json") == 0)) continue;
    if (folder && (strcmp(name, "logs") == 0 || strcmp(name, "extensions") == 0)) continue;
    if (!folder || !version_parse(name, &number, &padding)) finding_error(&validation->findings, "E001", "对象文件夹中有不该有的“%s”", name);
    else if (validation->root != NULL && json_object_get(versions, name) == NULL)
      finding_error(&validation->findings, "E046", "版本文件夹 %s 不在清单中", name);
  }
  const char *name;
  json_t *version;
  json_object_foreach(versions, name, version) {
    guint number, padding;
    if (!version_parse(name, &number, &padding) || is_folder(validation->fd, name)) continue;
    finding_error(&validation->findings, number < validation->root->version ? "E010" : "E046", "没有版本文件夹 %s", name);
  }
}

/* ---- versions ---- */

static void walk_content(Validation *validation, int dirfd, const char *path, guint depth) {
  g_autoptr(GPtrArray) names = depth <= WALK_DEPTH_LIMIT ? list_folder(dirfd) : NULL;
  if (names == NULL) finding_error(&validation->findings, "E092", "文件夹 %s 读不出或过深", path);
  if (names == NULL) return;
  if (names->len == 0 && depth > 0) finding_error(&validation->findings, "E024", "空文件夹 %s", path);
  if (names->len == 0 && depth == 0) finding_warning(&validation->findings, "W003", "%s 中没有文件", path);
  for (guint i = 0; i < names->len; i++) {
    struct stat info;
    g_autofree char *below = g_strconcat(path, "/", names->pdata[i], NULL);
    if (fstatat(dirfd, names->pdata[i], &info, AT_SYMLINK_NOFOLLOW) != 0) info.st_mode = 0;
    if (S_ISREG(info.st_mode)) {
      g_hash_table_insert(validation->files, g_steal_pointer(&below), g_new0(char *, ALGORITHMS));
    } else if (S_ISDIR(info.st_mode)) {
      autofd folder = openat(dirfd, names->pdata[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      walk_content(validation, folder, below, depth + 1);
    } else {
      finding_error(&validation->findings, "E090", "%s 是链接或特殊文件", below);
    }
  }
}

static void check_version_folder(Validation *validation, const char *name) {
  const char *content = validation->root != NULL ? inventory_content_folder(validation->root->json) : "content";
  autofd folder = open_beneath(validation->fd, name, O_RDONLY | O_DIRECTORY);
  g_autoptr(GPtrArray) names = folder >= 0 ? list_folder(folder) : NULL;
  gboolean inventory = FALSE;
  for (guint i = 0; names != NULL && i < names->len; i++) {
    const char *entry = names->pdata[i];
    g_autofree char *path = g_strconcat(name, "/", entry, NULL);
    inventory = inventory || strcmp(entry, "inventory.json") == 0;
    if (!is_folder(folder, entry)) {
      if (!is_inventory_name(entry)) finding_error(&validation->findings, "E015", "版本文件夹中有不该有的文件 %s", path);
    } else if (strcmp(entry, content) == 0) {
      autofd below = openat(folder, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      walk_content(validation, below, path, 0);
    } else {
      finding_warning(&validation->findings, "W002", "版本文件夹中有规范之外的文件夹 %s", path);
    }
  }
  if (!inventory) finding_warning(&validation->findings, "W010", "版本 %s 没有自己的清单", name);
}

static gboolean array_contains(json_t *array, json_t *value) {
  gsize i;
  json_t *item;
  json_array_foreach(array, i, item)
    if (json_equal(item, value)) return TRUE;
  return FALSE;
}

/* The same content under two inventories: the same digest, or with different algorithms the same content paths. */
static gboolean same_content(const Document *older, const char *older_digest, const Document *root, const char *root_digest) {
  if (g_strcmp0(text_in(older->json, "digestAlgorithm"), text_in(root->json, "digestAlgorithm")) == 0)
    return g_ascii_strcasecmp(older_digest, root_digest) == 0;
  json_t *older_paths = json_object_get(json_object_get(older->json, "manifest"), older_digest);
  json_t *root_paths = json_object_get(json_object_get(root->json, "manifest"), root_digest), *path;
  gsize i;
  json_array_foreach(older_paths, i, path)
    if (!array_contains(root_paths, path)) return FALSE;
  return json_array_size(older_paths) > 0;
}

static gboolean same_state(const Document *older, json_t *older_version, const Document *root, json_t *root_version) {
  g_autoptr(GHashTable) before = state_paths(older_version), now = state_paths(root_version);
  if (g_hash_table_size(before) != g_hash_table_size(now)) return FALSE;
  GHashTableIter iter;
  gpointer path, digest;
  for (g_hash_table_iter_init(&iter, before); g_hash_table_iter_next(&iter, &path, &digest);) {
    const char *other = g_hash_table_lookup(now, path);
    if (other == NULL || !same_content(older, digest, root, other)) return FALSE;
  }
  return TRUE;
}

static void compare_with_root(Validation *validation, const Document *older) {
  const Document *root = validation->root;
  const char *name;
  json_t *version;
  json_object_foreach(json_object_get(older->json, "versions"), name, version) {
    json_t *now = json_object_get(json_object_get(root->json, "versions"), name);
    if (!same_state(older, version, root, now)) finding_error(&validation->findings, "E066", "%s 所记版本 %s 与 inventory.json 不同", older->name, name);
    static const char *const described[] = {"created", "message", "user"};
    for (gsize i = 0; i < G_N_ELEMENTS(described); i++) {
      json_t *a = json_object_get(version, described[i]), *b = json_object_get(now, described[i]);
      if (a != b && !json_equal(a, b)) finding_warning(&validation->findings, "W011", "%s 中版本 %s 的 %s 与 inventory.json 不同", older->name, name, described[i]);
    }
  }
  if (g_strcmp0(text_in(older->json, "id"), text_in(root->json, "id")) != 0)
    finding_error(&validation->findings, "E037", "%s 的 id 与 inventory.json 不同", older->name);
  if (strcmp(inventory_content_folder(older->json), inventory_content_folder(root->json)) != 0)
    finding_error(&validation->findings, "E019", "%s 的 contentDirectory 与 inventory.json 不同", older->name);
}

static void check_version_document(Validation *validation, const char *name, guint number, int *minor_before) {
  g_autofree char *path = g_strconcat(name, "/inventory.json", NULL);
  Document *document = load_document(validation, path, number);
  if (document == NULL) return;
  const Document *root = validation->root;
  gboolean newest = root != NULL && number == root->version, same = newest && g_string_equal(document->text, root->text);
  check_sidecar(validation, document);
  if (newest && !same) finding_error(&validation->findings, "E064", "%s 与 inventory.json 不同", path);
  int minor = inventory_minor_version(document->json);
  if (minor >= 0 && minor < *minor_before) finding_error(&validation->findings, "E103", "%s 的 OCFL 版本低于前一版本", path);
  *minor_before = MAX(*minor_before, minor);
  if (!same) {
    validate_inventory(document->json, path, &validation->findings);
    if (g_strcmp0(text_in(document->json, "head"), name) != 0) finding_error(&validation->findings, "E040", "%s 的 head 不是 %s", path, name);
    if (root != NULL) compare_with_root(validation, document);
    g_ptr_array_add(validation->documents, document);
  } else {
    document_free(document);
  }
}

static int ascending_versions(gconstpointer a, gconstpointer b) {
  guint one = 0, two = 0, padding;
  version_parse(*(char *const *)a, &one, &padding);
  version_parse(*(char *const *)b, &two, &padding);
  return one < two ? -1 : one > two ? 1 : 0;
}

static void check_versions(Validation *validation) {
  g_autoptr(GPtrArray) versions = g_ptr_array_new();
  guint number, padding;
  for (guint i = 0; i < validation->names->len; i++)
    if (version_parse(validation->names->pdata[i], &number, &padding) && is_folder(validation->fd, validation->names->pdata[i]))
      g_ptr_array_add(versions, validation->names->pdata[i]);
  g_ptr_array_sort(versions, ascending_versions);
  int minor = -1;
  for (guint i = 0; i < versions->len; i++) {
    version_parse(versions->pdata[i], &number, &padding);
    check_version_folder(validation, versions->pdata[i]);
    check_version_document(validation, versions->pdata[i], number, &minor);
  }
}

/* ---- bytes ---- */

static void note_unverified(Validation *validation, const char *algorithm) {
  json_t *name = json_string(algorithm);
  if (!array_contains(validation->findings.unverified, name)) json_array_append(validation->findings.unverified, name);
  json_decref(name);
}

static void collect_algorithms(Validation *validation) {
  for (guint i = 0; i < validation->documents->len; i++) {
    json_t *json = ((const Document *)validation->documents->pdata[i])->json, *block;
    int manifest = algorithm_of(text_in(json, "digestAlgorithm"));
    if (manifest >= 0) validation->needed |= 1u << manifest;
    const char *name;
    json_object_foreach(json_object_get(json, "fixity"), name, block) {
      int algorithm = algorithm_of(name);
      if (algorithm >= 0) validation->needed |= 1u << algorithm;
      else note_unverified(validation, name);
    }
  }
}

static gboolean hash_into(int fd, guint needed, char **digests) {
  Digest *ours[ALGORITHMS] = {NULL};
  GChecksum *others[ALGORITHMS] = {NULL};
  for (guint i = 0; i < ALGORITHMS; i++) {
    if ((needed & 1u << i) == 0) continue;
    if (ALGORITHM[i].ours) ours[i] = digest_new(ALGORITHM[i].kind);
    else others[i] = g_checksum_new(ALGORITHM[i].checksum);
  }
  g_autofree guchar *buffer = g_malloc(READ_BYTES);
  gssize length;
  while ((length = read_descriptor(&fd, buffer, READ_BYTES, NULL)) > 0) {
    for (guint i = 0; i < ALGORITHMS; i++) {
      if (ours[i] != NULL) digest_update(ours[i], buffer, (gsize)length);
      if (others[i] != NULL) g_checksum_update(others[i], buffer, length);
    }
  }
  for (guint i = 0; i < ALGORITHMS; i++) {
    if (ours[i] != NULL && length == 0) digests[i] = digest_finish_hex(ours[i]);
    if (others[i] != NULL && length == 0) digests[i] = g_strdup(g_checksum_get_string(others[i]));
    g_clear_pointer(&ours[i], digest_free);
    g_clear_pointer(&others[i], g_checksum_free);
  }
  return length == 0;
}

static void hash_files(Validation *validation) {
  GHashTableIter iter;
  gpointer path, digests;
  for (g_hash_table_iter_init(&iter, validation->files); g_hash_table_iter_next(&iter, &path, &digests);) {
    autofd fd = open_beneath(validation->fd, path, O_RDONLY);
    if (fd < 0 || !hash_into(fd, validation->needed, digests)) finding_error(&validation->findings, "E092", "文件 %s 读不出", (char *)path);
  }
}

/* One {digest: [path]} block against the files. */
static void compare_block(Validation *validation, const Document *document, json_t *block, int algorithm, const char *code) {
  const char *digest;
  json_t *list, *item;
  json_object_foreach(block, digest, list) {
    gsize i;
    json_array_foreach(list, i, item) {
      const char *path = json_string_value(item);
      char **actual = path != NULL ? g_hash_table_lookup(validation->files, path) : NULL;
      if (actual == NULL) finding_error(&validation->findings, code, "%s 所记文件“%.200s”不存在", document->name, path != NULL ? path : "(非文本)");
      else if (algorithm >= 0 && actual[algorithm] != NULL && g_ascii_strcasecmp(actual[algorithm], digest) != 0)
        finding_error(&validation->findings, code, "文件 %s 与 %s 的 %s 值不符", path, document->name, ALGORITHM[algorithm].name);
    }
  }
}

static void check_listed(Validation *validation, const Document *document) {
  g_autoptr(GHashTable) listed = g_hash_table_new(g_str_hash, g_str_equal);
  const char *digest;
  json_t *list, *item;
  json_object_foreach(json_object_get(document->json, "manifest"), digest, list) {
    gsize i;
    json_array_foreach(list, i, item)
      if (json_is_string(item)) g_hash_table_add(listed, (gpointer)json_string_value(item));
  }
  GHashTableIter iter;
  gpointer path;
  for (g_hash_table_iter_init(&iter, validation->files); g_hash_table_iter_next(&iter, &path, NULL);) {
    g_autofree char *version = g_strndup(path, strcspn(path, "/"));
    guint number = 0, padding;
    if (version_parse(version, &number, &padding) && number <= document->version && !g_hash_table_contains(listed, path))
      finding_error(&validation->findings, "E023", "文件 %s 不在 %s 的 manifest 中", (char *)path, document->name);
  }
}

static void check_bytes(Validation *validation) {
  collect_algorithms(validation);
  hash_files(validation);
  for (guint i = 0; i < validation->documents->len; i++) {
    const Document *document = validation->documents->pdata[i];
    check_listed(validation, document);
    compare_block(validation, document, json_object_get(document->json, "manifest"), algorithm_of(text_in(document->json, "digestAlgorithm")), "E092");
    const char *name;
    json_t *block;
    json_object_foreach(json_object_get(document->json, "fixity"), name, block) compare_block(validation, document, block, algorithm_of(name), "E093");
  }
}

json_t *content_validate_object(const char *object_dir) {
  Validation validation = {{json_array(), json_array(), json_array()}, -1, -1, NULL, NULL, NULL, NULL, 0};
  autofd fd = open(object_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr(GPtrArray) names = fd >= 0 ? list_folder(fd) : NULL;
  g_autoptr(GPtrArray) documents = g_ptr_array_new_with_free_func(document_free);
  g_autoptr(GHashTable) files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, digests_free);
  if (names != NULL) {
    validation.fd = fd;
    validation.names = names;
    validation.documents = documents;
    validation.files = files;
    check_declaration(&validation);
    load_root(&validation);
    check_names(&validation);
    check_extensions(&validation);
    check_versions(&validation);
    check_bytes(&validation);
  } else {
    finding_error(&validation.findings, "E003", "对象文件夹 %s 读不出: %s", object_dir, error_reason(errno));
  }
  json_t *result = json_object();
  json_object_set_new(result, "errors", validation.findings.errors);
  json_object_set_new(result, "warnings", validation.findings.warnings);
  json_object_set_new(result, "unverified", validation.findings.unverified);
  return result;
}
