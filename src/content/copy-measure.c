/*
 * The measure of an object, and what syncing, scrubbing and repairing have in common.
 *
 * 1. An inventory is trusted when it has the SHA-512 that the log took down; where the log knows none, when it agrees with its sidecar and the catalogue.
 * 2. Errors of one file become faults; only a target that is away ends a run.
 */
#include "copy-internal.h"
#include <string.h>

const char *copy_result_name(CopyResult result) {
  static const char *const names[] = {"good", "damaged", "missing", "unreadable"};
  return names[result];
}

void copy_fault_free(gpointer data) {
  CopyFault *fault = data;
  g_free(fault->path);
  g_free(fault->detail);
  g_free(fault);
}

void copy_fault_add(GPtrArray *faults, CopyResult result, const char *path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  CopyFault *fault = g_new0(CopyFault, 1);
  *fault = (CopyFault){g_utf8_make_valid(path, -1), g_strdup_vprintf(format, arguments), result};
  va_end(arguments);
  g_ptr_array_add(faults, fault);
}

gboolean target_is_away(const GError *error) {
  return g_error_matches(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE) || g_error_matches(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
}

void copy_fault_of_error(GPtrArray *faults, const char *path, const GError *reason) {
  gboolean missing = g_error_matches(reason, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  copy_fault_add(faults, missing ? COPY_MISSING : COPY_UNREADABLE, path, "%s", reason->message);
}

char *copy_object_folder(const char *object_id) {
  g_autofree char *path = object_path(object_id);
  return g_strconcat("store/", path, NULL);
}

guint copy_path_version(const char *content_path) {
  g_autofree char *folder = g_strndup(content_path, strcspn(content_path, "/"));
  return version_number(folder);
}

const char *copy_incoming(const CopyRun *run, const Target *target) {
  return run->targets->len > 0 && run->targets->pdata[0] == target ? COPY_PRIMARY_INCOMING : COPY_INCOMING;
}

/* Reversible: no part of an object's path has a dot. */
char *copy_work_name(const char *incoming, const char *object_id) {
  g_autofree char *path = object_path(object_id);
  g_strdelimit(path, "/", '.');
  return g_strconcat(incoming, "/", path, NULL);
}

void copy_pair_clear(CopyPair *pair) {
  if (pair->inventory != NULL) g_string_free(pair->inventory, TRUE);
  if (pair->sidecar != NULL) g_string_free(pair->sidecar, TRUE);
}

static GString *read_optional(Target *target, const char *folder, const char *name, gsize limit, GError **error) {
  g_autofree char *path = g_strconcat(folder, "/", name, NULL);
  g_autoptr(GError) reason = NULL;
  GString *text = target_read(target, path, limit, &reason);
  if (text == NULL && target_is_away(reason)) g_propagate_error(error, g_steal_pointer(&reason));
  return text;
}

gboolean copy_pair_read(Target *target, const char *folder, CopyPair *ret, GError **error) {
  g_autoptr(GError) reason = NULL;
  ret->inventory = read_optional(target, folder, "inventory.json", INVENTORY_LIMIT_BYTES, &reason);
  if (reason == NULL) ret->sidecar = read_optional(target, folder, SIDECAR, 1024, &reason);
  if (reason != NULL) g_propagate_error(error, g_steal_pointer(&reason));
  return ret->inventory != NULL && ret->sidecar != NULL;
}

gboolean copy_pair_is_version(const CopyPair *pair, const Measure *measure, guint version) {
  if (pair->inventory == NULL || pair->sidecar == NULL || !sidecar_matches(pair->sidecar, pair->inventory)) return FALSE;
  g_autoptr(Inventory) inventory = inventory_parse(pair->inventory->str, pair->inventory->len, NULL);
  if (inventory == NULL || inventory->head != version || strcmp(inventory->id, measure->inventory->id) != 0) return FALSE;
  const char *name;
  json_t *block, *expected = json_object_get(measure->inventory->document, "versions");
  json_object_foreach(json_object_get(inventory->document, "versions"), name, block)
    if (!json_equal(block, json_object_get(expected, name))) return FALSE;
  GHashTableIter iter;
  gpointer path, digest;
  for (g_hash_table_iter_init(&iter, inventory->paths); g_hash_table_iter_next(&iter, &path, &digest);)
    if (g_strcmp0(g_hash_table_lookup(measure->inventory->paths, path), digest) != 0) return FALSE;
  return TRUE;
}

void measure_clear(Measure *measure) {
  g_clear_pointer(&measure->inventory, inventory_unref);
  if (measure->text != NULL) g_string_free(measure->text, TRUE);
  g_free(measure->sidecar);
}

static gboolean is_trusted(const CopyRun *run, const CopyObject *object, const CopyPair *pair, const char *digest, Inventory *inventory) {
  if (strcmp(inventory->id, object->object_id) != 0 || inventory->head != object->version) return FALSE;
  if (object->inventory_sha512 != NULL) return strcmp(digest, object->inventory_sha512) == 0;
  if (pair->sidecar == NULL || !sidecar_matches(pair->sidecar, pair->inventory)) return FALSE;
  if (run->agree == NULL) return TRUE;
  g_autofree char *head = g_strdup_printf("v%u", inventory->head);
  g_autoptr(GHashTable) state = state_paths(json_object_get(json_object_get(inventory->document, "versions"), head));
  return run->agree(object->object_id, state, run->agree_data);
}

static gboolean try_measure(const CopyRun *run, Target *target, const char *folder, const CopyObject *object, Measure *ret) {
  g_auto(CopyPair) pair = {NULL, NULL};
  copy_pair_read(target, folder, &pair, NULL);
  if (pair.inventory == NULL) return FALSE;
  g_autofree char *digest = crypto_digest_hex(DIGEST_SHA512, pair.inventory->str, pair.inventory->len);
  g_autoptr(Inventory) inventory = inventory_parse(pair.inventory->str, pair.inventory->len, NULL);
  if (inventory == NULL || !is_trusted(run, object, &pair, digest, inventory)) return FALSE;
  *ret = (Measure){g_steal_pointer(&inventory), g_steal_pointer(&pair.inventory), g_strdup_printf("%s inventory.json\n", digest), object->version};
  return TRUE;
}

gboolean measure_load(const CopyRun *run, const CopyObject *object, Measure *ret, GError **error) {
  g_autofree char *folder = copy_object_folder(object->object_id), *version = g_strdup_printf("%s/v%u", folder, object->version);
  for (guint i = 0; i < run->targets->len; i++) {
    Target *target = run->targets->pdata[i];
    if (try_measure(run, target, version, object, ret) || try_measure(run, target, folder, object, ret)) return TRUE;
  }
  return throw(error, LANTAI_ERROR_INVALID, "对象 %s 第 %u 版的清单在主存储和现有副本中都没有可信的", object->object_id, object->version);
}

/* ---- bytes ---- */

enum { BUFFER_BYTES = 1 << 20 };

typedef struct {
  TargetFile *file;
  Digest *digest;
  gint64 size_bytes;
} Tee;

static gssize read_tee(gpointer data, void *buffer, gsize capacity, GError **error) {
  Tee *tee = data;
  gssize n = target_stream(tee->file, buffer, capacity, error);
  if (n > 0) digest_update(tee->digest, buffer, (gsize)n);
  tee->size_bytes += MAX(n, 0);
  return n;
}

static void finish_digest(Tee *tee, CopyDigest *ret) {
  g_autofree char *hex = digest_finish_hex(tee->digest);
  g_strlcpy(ret->sha512, hex, sizeof ret->sha512);
  ret->size_bytes = tee->size_bytes;
}

gboolean copy_transfer(CopyPlace from, CopyPlace to, CopyDigest *ret, GError **error) {
  Tee tee = {from.target->methods->open(from.target, from.path, NULL, error), NULL, 0};
  if (tee.file == NULL) return FALSE;
  tee.digest = digest_new(DIGEST_SHA512);
  gboolean good = target_make_all(to.target, to.path, error) && to.target->methods->write(to.target, to.path, read_tee, &tee, error);
  if (good) finish_digest(&tee, ret);
  digest_free(tee.digest);
  from.target->methods->finish(tee.file);
  return good;
}

gboolean copy_hash(CopyPlace from, guchar *buffer, gsize capacity, CopyPace pace, gpointer data, CopyDigest *ret, GError **error) {
  Tee tee = {from.target->methods->open(from.target, from.path, NULL, error), NULL, 0};
  if (tee.file == NULL) return FALSE;
  tee.digest = digest_new(DIGEST_SHA512);
  gssize n;
  while ((n = read_tee(&tee, buffer, capacity, error)) > 0)
    if (pace != NULL) pace(n, data);
  if (n == 0) finish_digest(&tee, ret);
  digest_free(tee.digest);
  from.target->methods->finish(tee.file);
  return n == 0;
}

/* ---- the frame of an object ---- */

typedef struct {
  Target *target;
  const char *folder;
  GPtrArray *faults;
} Frame;

/* Holds a small file against the text it should have. FALSE: the target is away. */
static gboolean check_text(const Frame *frame, const char *name, const char *expected, gsize length, GError **error) {
  g_autofree char *path = g_strconcat(frame->folder, "/", name, NULL);
  g_autoptr(GError) reason = NULL;
  GString *text = target_read(frame->target, path, INVENTORY_LIMIT_BYTES, &reason);
  if (text == NULL && target_is_away(reason)) return g_propagate_error(error, g_steal_pointer(&reason)), FALSE;
  if (text == NULL) copy_fault_of_error(frame->faults, name, reason);
  else if (text->len != length || memcmp(text->str, expected, length) != 0) copy_fault_add(frame->faults, COPY_DAMAGED, name, "与应有的内容不同");
  if (text != NULL) g_string_free(text, TRUE);
  return TRUE;
}

static gboolean check_version(const Frame *frame, const Measure *measure, guint version, GError **error) {
  g_autofree char *name = g_strdup_printf("v%u/inventory.json", version), *sidecar = g_strdup_printf("v%u/" SIDECAR, version);
  if (version == measure->version)
    return check_text(frame, name, measure->text->str, measure->text->len, error) && check_text(frame, sidecar, measure->sidecar, strlen(measure->sidecar), error);
  g_autofree char *folder = g_strdup_printf("%s/v%u", frame->folder, version);
  g_auto(CopyPair) pair = {NULL, NULL};
  g_autoptr(GError) reason = NULL;
  copy_pair_read(frame->target, folder, &pair, &reason);
  if (reason != NULL) return g_propagate_error(error, g_steal_pointer(&reason)), FALSE;
  if (pair.inventory == NULL) copy_fault_add(frame->faults, COPY_MISSING, name, "没有或读不出");
  if (pair.sidecar == NULL) copy_fault_add(frame->faults, COPY_MISSING, sidecar, "没有或读不出");
  if (pair.inventory == NULL || pair.sidecar == NULL || copy_pair_is_version(&pair, measure, version)) return TRUE;
  copy_fault_add(frame->faults, COPY_DAMAGED, name, "与应有的清单或其校验文件不同");
  copy_fault_add(frame->faults, COPY_DAMAGED, sidecar, "与应有的清单或其校验文件不同");
  return TRUE;
}

gboolean copy_check_frame(Target *target, const Measure *measure, const char *folder, GPtrArray *faults, GError **error) {
  const Frame frame = {target, folder, faults};
  gboolean here = check_text(&frame, OBJECT_DECLARATION, OBJECT_DECLARATION_TEXT, strlen(OBJECT_DECLARATION_TEXT), error) &&
                  check_text(&frame, "inventory.json", measure->text->str, measure->text->len, error) &&
                  check_text(&frame, SIDECAR, measure->sidecar, strlen(measure->sidecar), error);
  for (guint version = 1; here && version <= measure->version; version++) here = check_version(&frame, measure, version, error);
  return here;
}

json_t *content_paths(Content *content, const char *object_id, GError **error) {
  g_autoptr(Inventory) inventory = object_load(content, object_id, error);
  if (inventory == NULL) return NULL;
  json_t *list = json_array();
  g_autoptr(GPtrArray) paths = sorted_keys(inventory->paths);
  for (guint i = 0; i < paths->len; i++) json_array_append_new(list, json_string(paths->pdata[i]));
  return list;
}
