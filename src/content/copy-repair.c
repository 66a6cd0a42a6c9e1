/*
 * Replacing what is damaged or missing.
 *
 * 1. Good bytes are those with the SHA-512 of the measure, seen while they are read in this very run; where they come from does not matter.
 * 2. They lie flushed beside before anything is replaced, and come into place by rename.
 * 3. An object of the primary is claimed meanwhile, so that nobody publishes to it.
 */
#include "copy-internal.h"
#include <string.h>

void copy_repaired_free(gpointer data) {
  CopyRepaired *repaired = data;
  g_free(repaired->path);
  g_free(repaired->sha512);
  g_free(repaired->source);
  g_free(repaired);
}

typedef struct {
  const CopyRun *run;
  Target *target;
  const Measure *measure;
  char *folder, *work;
  gboolean absent; /* the whole object is made anew */
  GPtrArray *fetched, *lost; /* CopyRepaired, CopyFault */
} Repair;

static char *fetched_path(const Repair *repair, const char *path, guint number) {
  if (repair->absent) return g_strconcat(repair->work, "/n/", path, NULL);
  return g_strdup_printf("%s/f%u", repair->work, number);
}

static void note_fetched(Repair *repair, const char *path, CopyResult before, const char *source, const char *sha512, gint64 size_bytes) {
  CopyRepaired *fetched = g_new0(CopyRepaired, 1);
  *fetched = (CopyRepaired){g_strdup(path), g_strdup(sha512), g_strdup(source), before, size_bytes};
  g_ptr_array_add(repair->fetched, fetched);
}

/* The text of a file of the frame, and where it comes from; NULL: nobody has it. */
static GString *frame_text(const Repair *repair, const char *path, const char **ret_source) {
  const Measure *measure = repair->measure;
  guint version = copy_path_version(path);
  gboolean sidecar = g_str_has_suffix(path, "/" SIDECAR) || strcmp(path, SIDECAR) == 0;
  *ret_source = "主存储登记的清单";
  if (strcmp(path, OBJECT_DECLARATION) == 0) return g_string_new(OBJECT_DECLARATION_TEXT);
  if (version == 0 || version == measure->version)
    return sidecar ? g_string_new(measure->sidecar) : g_string_new_len(measure->text->str, (gssize)measure->text->len);
  for (guint i = 0; i < repair->run->targets->len; i++) {
    Target *source = repair->run->targets->pdata[i];
    g_autofree char *folder = g_strdup_printf("%s/v%u", repair->folder, version);
    g_auto(CopyPair) pair = {NULL, NULL};
    if (!copy_pair_read(source, folder, &pair, NULL) || !copy_pair_is_version(&pair, measure, version)) continue;
    *ret_source = source->place;
    return sidecar ? g_steal_pointer(&pair.sidecar) : g_steal_pointer(&pair.inventory);
  }
  return NULL;
}

static gboolean fetch_frame(Repair *repair, const CopyFault *fault, GError **error) {
  const char *source;
  GString *text = frame_text(repair, fault->path, &source);
  if (text == NULL) {
    copy_fault_add(repair->lost, fault->result, fault->path, "没有完好的副本");
    return TRUE;
  }
  g_autofree char *to = fetched_path(repair, fault->path, repair->fetched->len), *digest = crypto_digest_hex(DIGEST_SHA512, text->str, text->len);
  gboolean good = target_write_text(repair->target, to, text->str, text->len, error);
  if (good) note_fetched(repair, fault->path, fault->result, source, digest, (gint64)text->len);
  g_string_free(text, TRUE);
  return good;
}

static gboolean fetch_content(Repair *repair, const CopyFault *fault, const char *sha512, GError **error) {
  g_autofree char *from = g_strconcat(repair->folder, "/", fault->path, NULL), *to = fetched_path(repair, fault->path, repair->fetched->len);
  for (guint i = 0; i < repair->run->targets->len; i++) {
    Target *source = repair->run->targets->pdata[i];
    g_autoptr(GError) reason = NULL;
    CopyDigest digest = {"", 0};
    if (source == repair->target && repair->absent) continue;
    gboolean read = copy_transfer((CopyPlace){source, from}, (CopyPlace){repair->target, to}, &digest, &reason);
    if (read && strcmp(digest.sha512, sha512) == 0) {
      note_fetched(repair, fault->path, fault->result, source->place, sha512, digest.size_bytes);
      return TRUE;
    }
    if (!repair->target->methods->remove(repair->target, to, FALSE, error)) return FALSE;
  }
  copy_fault_add(repair->lost, fault->result, fault->path, "没有完好的副本");
  return TRUE;
}

static gboolean fetch(Repair *repair, const GPtrArray *faults, GError **error) {
  for (guint i = 0; i < faults->len; i++) {
    const CopyFault *fault = faults->pdata[i];
    const char *sha512 = g_hash_table_lookup(repair->measure->inventory->paths, fault->path);
    if (!(sha512 != NULL ? fetch_content(repair, fault, sha512, error) : fetch_frame(repair, fault, error))) return FALSE;
  }
  return TRUE;
}

/* Every file the object should have, as missing: for one that is gone altogether. */
static GPtrArray *all_missing(const Measure *measure) {
  GPtrArray *faults = g_ptr_array_new_with_free_func(copy_fault_free);
  static const char *const names[] = {OBJECT_DECLARATION, "inventory.json", SIDECAR};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) copy_fault_add(faults, COPY_MISSING, names[i], "没有");
  for (guint version = 1; version <= measure->version; version++) {
    for (guint i = 1; i < G_N_ELEMENTS(names); i++) {
      g_autofree char *path = g_strdup_printf("v%u/%s", version, names[i]);
      copy_fault_add(faults, COPY_MISSING, path, "没有");
    }
  }
  g_autoptr(GPtrArray) paths = sorted_keys(measure->inventory->paths);
  for (guint i = 0; i < paths->len; i++) copy_fault_add(faults, COPY_MISSING, paths->pdata[i], "没有");
  return faults;
}

/* Whatever stands in the way and is no file (a folder, a link) goes first. */
static gboolean put_in_place(const Repair *repair, guint number, GError **error) {
  const CopyRepaired *fetched = repair->fetched->pdata[number];
  g_autofree char *from = fetched_path(repair, fetched->path, number), *to = g_strconcat(repair->folder, "/", fetched->path, NULL);
  TargetInfo info;
  Target *target = repair->target;
  if (!target_make_all(target, to, error) || !target->methods->look(target, to, &info, error)) return FALSE;
  if (info.kind == TARGET_FOLDER && !target_remove_tree(target, to, error)) return FALSE;
  return target->methods->rename(target, from, to, TRUE, error) && pass_point("copy.repair.placed", error);
}

/* An object that is made anew must be whole: with something lost it is not begun, what could be found stays with those who have it. */
static gboolean put_all(const Repair *repair, GError **error) {
  Target *target = repair->target;
  if (!target->methods->flush(target, error) || !pass_point("copy.repair.fetched", error)) return FALSE;
  if (repair->absent) {
    g_autofree char *fresh = g_strconcat(repair->work, "/n", NULL);
    if (repair->lost->len == 0 && !copy_put_in(target, fresh, repair->folder, repair->work, error))
      return FALSE;
    if (repair->lost->len > 0) g_ptr_array_set_size(repair->fetched, 0);
  }
  for (guint i = 0; !repair->absent && i < repair->fetched->len; i++)
    if (!put_in_place(repair, i, error)) return FALSE;
  return target->methods->flush(target, error) && target_remove_tree(target, repair->work, error);
}

static CopyChecked *look(const CopyRun *run, Target *target, const CopyObject *object, GError **error) {
  g_autoptr(CopyScrub) scrub = copy_scrub_new(run, target, 0);
  return copy_scrub_push(scrub, object, error) ? copy_scrub_pop(scrub, TRUE, error) : NULL;
}

static gboolean repair_faults(Repair *repair, const CopyChecked *checked, GError **error) {
  repair->absent = checked->faults->len == 1 && ((const CopyFault *)checked->faults->pdata[0])->path[0] == '\0';
  g_autoptr(GPtrArray) all = repair->absent ? all_missing(repair->measure) : NULL;
  g_autofree char *inside = g_strconcat(repair->work, "/x", NULL);
  return target_remove_tree(repair->target, repair->work, error) && target_make_all(repair->target, inside, error) &&
         fetch(repair, all != NULL ? all : checked->faults, error) && put_all(repair, error);
}

static gboolean repair_object(const CopyRun *run, Target *target, const CopyObject *object, GPtrArray *repaired, GPtrArray *lost, GError **error) {
  g_autoptr(CopyChecked) checked = look(run, target, object, error);
  if (checked == NULL) return FALSE;
  if (checked->faults->len == 0) return TRUE;
  if (checked->unmeasured) {
    copy_fault_add(lost, COPY_DAMAGED, "inventory.json", "没有完好的副本：各处的清单都不可信");
    return TRUE;
  }
  g_auto(Measure) measure = {NULL, NULL, NULL, 0};
  if (!measure_load(run, object, &measure, error)) return FALSE;
  g_autofree char *folder = copy_object_folder(object->object_id), *work = copy_work_name(copy_incoming(run, target), object->object_id);
  g_autoptr(GPtrArray) fetched = g_ptr_array_new_with_free_func(copy_repaired_free);
  Repair repair = {run, target, &measure, folder, work, FALSE, fetched, lost};
  if (!repair_faults(&repair, checked, error)) return FALSE;
  while (fetched->len > 0) g_ptr_array_add(repaired, g_ptr_array_steal_index(fetched, 0));
  return TRUE;
}

gboolean copy_repair(const CopyRun *run, Target *target, const CopyObject *object, GPtrArray *repaired, GPtrArray *lost, GError **error) {
  if (run->targets->pdata[0] != target) return repair_object(run, target, object, repaired, lost, error);
  if (!content_claim(run->content, object->object_id, error)) return FALSE;
  gboolean good = repair_object(run, target, object, repaired, lost, error);
  object_forget_cached(run->content, object->object_id);
  content_unclaim(run->content, object->object_id);
  return good;
}
