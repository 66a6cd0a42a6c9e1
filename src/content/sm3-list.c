/*
 * sm3.txt: the SM3 of every file of a version, kept in the object as one of its files, so that OCFL's own rules say nothing against it.
 *
 * 1. A line for each file of the version's state, sm3.txt itself left out: 64 lower-case hexadecimal digits, two spaces, the logical path, LF; sorted by
 *    the bytes of the paths. `cksum -a sm3 -c sm3.txt` of GNU reads it where the version is laid out by its logical paths.
 * 2. A list is believed only when its own bytes have the SHA-512 that the inventory says, and nothing of one that cannot be read to its end.
 * 3. Values are handed on by SHA-512: whatever names a content has, and in whichever version, it has one SM3.
 */
#include "content-internal.h"
#include <errno.h>
#include <string.h>

enum { PATH_AT = SM3_HEX + 2 };

GString *sm3_list_text(GHashTable *state, GHashTable *digests) {
  GString *text = g_string_new(NULL);
  g_autoptr(GPtrArray) paths = sorted_keys(state);
  for (guint i = 0; i < paths->len; i++) {
    const char *sm3 = g_hash_table_lookup(digests, g_hash_table_lookup(state, paths->pdata[i]));
    g_assert(sm3 != NULL); /* the stage has it from hashing or from the version before */
    g_string_append_printf(text, "%s  %s\n", sm3, (const char *)paths->pdata[i]);
  }
  return text;
}

/* One line without its LF: the digits and the path, cut apart in place. */
static gboolean cut_line(char *line, gsize length, const char *previous) {
  if (length <= PATH_AT || strlen(line) != length || line[SM3_HEX] != ' ' || line[SM3_HEX + 1] != ' ') return FALSE;
  line[SM3_HEX] = '\0';
  return is_hex(line, SM3_HEX) && path_fault(line + PATH_AT) == PATH_SAFE && strcmp(previous, line + PATH_AT) < 0;
}

/* Logical path → SM3, both within the text. */
static GHashTable *parse_list(GString *text, GError **error) {
  g_autoptr(GHashTable) list = g_hash_table_new(g_str_hash, g_str_equal);
  char *line = text->str, *end = text->str + text->len;
  const char *previous = "";
  for (guint number = 1; line < end; number++) {
    char *stop = memchr(line, '\n', (gsize)(end - line));
    if (stop != NULL) *stop = '\0';
    if (stop == NULL || !cut_line(line, (gsize)(stop - line), previous))
      return throw_null(error, LANTAI_ERROR_INVALID, "sm3.txt 第 %u 行不合格式,各文件的 SM3 未能核对", number);
    previous = line + PATH_AT;
    g_hash_table_insert(list, line + PATH_AT, line);
    line = stop + 1;
  }
  return g_steal_pointer(&list);
}

/* Logical path → SHA-512 of one version. */
static GHashTable *version_state(const Inventory *inventory, guint version) {
  g_autofree char *name = g_strdup_printf("v%u", version);
  return state_paths(json_object_get(json_object_get(inventory->document, "versions"), name));
}

const char *sm3_list_path(const Inventory *inventory, guint version) {
  g_autoptr(GHashTable) state = version_state(inventory, version);
  const char *digest = g_hash_table_lookup(state, SM3_LIST);
  return digest != NULL ? g_hash_table_lookup(inventory->contents, digest) : NULL;
}

/* The bytes of a list, if they are those of the inventory. */
static GString *read_list(const Inventory *inventory, GHashTable *state, int object_fd, GError **error) {
  const char *digest = g_hash_table_lookup(state, SM3_LIST), *path = digest != NULL ? g_hash_table_lookup(inventory->contents, digest) : NULL;
  if (path == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "本版本没有 sm3.txt,各文件的 SM3 未能核对");
  GString *text = NULL;
  if (!read_file(object_fd, path, INVENTORY_LIMIT_BYTES, &text))
    return throw_null(error, LANTAI_ERROR_INVALID, "sm3.txt 读不出(%s),各文件的 SM3 未能核对", error_reason(errno));
  g_autofree char *actual = crypto_digest_hex(DIGEST_SHA512, text->str, text->len);
  if (strcmp(actual, digest) == 0) return text;
  g_string_free(text, TRUE);
  return throw_null(error, LANTAI_ERROR_INVALID, "sm3.txt 已被改动,各文件的 SM3 未能核对");
}

/* Takes what the list says of the files of the state; FALSE with the first thing that is wrong, the rest is taken all the same. */
static gboolean take_values(GHashTable *state, GHashTable *list, GHashTable *digests, GError **error) {
  g_autoptr(GPtrArray) paths = sorted_keys(state);
  const char *fault = NULL, *where = NULL;
  for (guint i = 0; i < paths->len; i++) {
    const char *path = paths->pdata[i], *sha512 = g_hash_table_lookup(state, path), *sm3 = g_hash_table_lookup(list, path);
    if (strcmp(path, SM3_LIST) == 0) continue;
    const char *known = g_hash_table_lookup(digests, sha512), *wrong = NULL;
    if (sm3 == NULL) wrong = "未列文件";
    else if (known == NULL) g_hash_table_insert(digests, g_strdup(sha512), g_strdup(sm3));
    else if (strcmp(known, sm3) != 0) wrong = "与另一处所列的同一内容的 SM3 不同: 文件";
    g_hash_table_remove(list, path);
    if (wrong == NULL || fault != NULL) continue;
    fault = wrong;
    where = path;
  }
  if (fault != NULL) return throw(error, LANTAI_ERROR_INVALID, "sm3.txt %s %s", fault, where);
  if (g_hash_table_size(list) == 0) return TRUE;
  g_autoptr(GPtrArray) surplus = sorted_keys(list);
  return throw(error, LANTAI_ERROR_INVALID, "sm3.txt 列有本版本没有的文件 %s", (const char *)surplus->pdata[0]);
}

gboolean sm3_list_collect(const Inventory *inventory, guint version, int object_fd, GHashTable *digests, GError **error) {
  g_autoptr(GHashTable) state = version_state(inventory, version);
  GString *text = read_list(inventory, state, object_fd, error);
  if (text == NULL) return FALSE;
  g_autoptr(GHashTable) list = parse_list(text, error);
  gboolean done = list != NULL && take_values(state, list, digests, error);
  g_string_free(text, TRUE);
  return done;
}

GHashTable *sm3_digests_new(void) { return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free); }
