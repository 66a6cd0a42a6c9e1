/*
 * Bringing objects of the primary to a copy.
 *
 * 1. What is new is uploaded to incoming/ and flushed before anything in store/ is touched.
 * 2. A new object comes into place by one rename, with those folders above it that are not there yet. An object that is there is renamed out to incoming/
 *    (with the folders above that have nothing else), changed, and renamed back: store/ has it whole or, for that moment, not at all, and never an empty
 *    folder. After a crash copy_settle brings it back from its newest whole version.
 * 3. What a copy has and the measure contradicts from the first version on is replaced only by a tombstone; else it is a fault, for a repair.
 */
#include "copy-internal.h"
#include <string.h>

typedef struct {
  const CopyObject *object;
  Measure measure;
  char *folder, *work;
  guint common; /* versions that the copy has already, equal to the primary's */
  gboolean there, ready, from_primary;
  GPtrArray *faults;
  gint64 bytes;
} Plan;

static void plan_clear(Plan *plan) {
  measure_clear(&plan->measure);
  g_free(plan->folder);
  g_free(plan->work);
  g_ptr_array_unref(plan->faults);
}

static char *join(const char *a, const char *b) { return g_strconcat(a, "/", b, NULL); }

static gboolean forward(GError **error, GError **reason) {
  g_propagate_error(error, g_steal_pointer(reason));
  return FALSE;
}

/* How many versions of the copy's object are the primary's. */
static gboolean find_common(Plan *plan, Target *target, GError **error) {
  for (guint version = plan->measure.version; version > 0; version--) {
    g_autofree char *folder = g_strdup_printf("%s/v%u", plan->folder, version);
    g_auto(CopyPair) pair = {NULL, NULL};
    g_autoptr(GError) reason = NULL;
    copy_pair_read(target, folder, &pair, &reason);
    if (reason != NULL) return forward(error, &reason);
    gboolean newest = version == plan->measure.version;
    if (!(newest ? pair.inventory != NULL && g_string_equal(pair.inventory, plan->measure.text) : copy_pair_is_version(&pair, &plan->measure, version)))
      continue;
    plan->common = version;
    break;
  }
  return TRUE;
}

/* The copy's object is the measure's already. */
static gboolean is_current(const Plan *plan, const CopyPair *root) {
  return root->inventory != NULL && root->sidecar != NULL && g_string_equal(root->inventory, plan->measure.text) &&
         strcmp(root->sidecar->str, plan->measure.sidecar) == 0;
}

static gboolean compare_copy(Plan *plan, Target *target, GError **error) {
  TargetInfo info;
  if (!target->methods->look(target, plan->folder, &info, error)) return FALSE;
  plan->there = info.kind != TARGET_ABSENT;
  plan->ready = TRUE;
  if (!plan->there) return TRUE;
  g_auto(CopyPair) root = {NULL, NULL};
  g_autoptr(GError) reason = NULL;
  copy_pair_read(target, plan->folder, &root, &reason);
  if (reason != NULL) return forward(error, &reason);
  plan->ready = !is_current(plan, &root);
  if (!plan->ready) return TRUE;
  if (!find_common(plan, target, error)) return FALSE;
  if (plan->common > 0 || plan->object->tomb) return TRUE;
  plan->ready = FALSE;
  copy_fault_add(plan->faults, COPY_DAMAGED, "inventory.json", "副本中的对象与主存储的从第一版起就不同");
  return TRUE;
}

/* One content file of the primary; damage there is a fault, not an error. */
static gboolean upload_file(Plan *plan, Target *primary, Target *target, const char *base, const char *path, const char *sha512, GError **error) {
  g_autofree char *from = join(plan->folder, path), *to = join(base, path);
  g_autoptr(GError) reason = NULL;
  CopyDigest digest = {"", 0};
  gboolean good = copy_transfer((CopyPlace){primary, from}, (CopyPlace){target, to}, &digest, &reason);
  if (!good && target_is_away(reason)) return forward(error, &reason);
  plan->bytes += digest.size_bytes;
  if (!good) copy_fault_of_error(plan->faults, path, reason);
  else if (strcmp(digest.sha512, sha512) != 0) copy_fault_add(plan->faults, COPY_DAMAGED, path, "主存储中的内容与清单不符，没有复制");
  return TRUE;
}

static gboolean upload_version(Plan *plan, Target *primary, Target *target, const char *base, guint version, GError **error) {
  g_autofree char *name = g_strdup_printf("v%u", version), *from = join(plan->folder, name), *to = join(base, name);
  g_autofree char *inventory = join(to, "inventory.json"), *sidecar = join(to, SIDECAR);
  if (version == plan->measure.version)
    return target_write_text(target, inventory, plan->measure.text->str, plan->measure.text->len, error) &&
           target_write_text(target, sidecar, plan->measure.sidecar, strlen(plan->measure.sidecar), error);
  g_auto(CopyPair) pair = {NULL, NULL};
  copy_pair_read(primary, from, &pair, NULL);
  if (!copy_pair_is_version(&pair, &plan->measure, version)) {
    g_autofree char *path = join(name, "inventory.json");
    copy_fault_add(plan->faults, COPY_DAMAGED, path, "主存储中旧版本的清单不对，没有复制");
    return TRUE;
  }
  return target_write_text(target, inventory, pair.inventory->str, pair.inventory->len, error) &&
         target_write_text(target, sidecar, pair.sidecar->str, pair.sidecar->len, error);
}

static gboolean upload_root(Plan *plan, Target *target, const char *base, GError **error) {
  g_autofree char *inventory = join(base, "inventory.json"), *sidecar = join(base, SIDECAR), *declaration = join(base, OBJECT_DECLARATION);
  return target_write_text(target, inventory, plan->measure.text->str, plan->measure.text->len, error) &&
         target_write_text(target, sidecar, plan->measure.sidecar, strlen(plan->measure.sidecar), error) &&
         (plan->common > 0 || target_write_text(target, declaration, OBJECT_DECLARATION_TEXT, strlen(OBJECT_DECLARATION_TEXT), error));
}

/* Invariant 1: into incoming/…/n what the copy does not have yet. */
static gboolean upload(Plan *plan, Target *primary, Target *target, GError **error) {
  g_autofree char *base = join(plan->work, "n");
  if (!target_remove_tree(target, plan->work, error) || !target_make_all(target, base, error) || !target->methods->make(target, base, error)) return FALSE;
  GHashTableIter iter;
  gpointer path, sha512;
  for (g_hash_table_iter_init(&iter, plan->measure.inventory->paths); g_hash_table_iter_next(&iter, &path, &sha512);)
    if (copy_path_version(path) > plan->common && !upload_file(plan, primary, target, base, path, sha512, error)) return FALSE;
  for (guint version = plan->common + 1; version <= plan->measure.version; version++)
    if (!upload_version(plan, primary, target, base, version, error)) return FALSE;
  if (!upload_root(plan, target, base, error)) return FALSE;
  plan->from_primary = plan->faults->len > 0;
  plan->ready = plan->faults->len == 0;
  return TRUE;
}

static gboolean move(Target *target, const char *from_folder, const char *to_folder, const char *name, gboolean replace, GError **error) {
  g_autofree char *from = join(from_folder, name), *to = join(to_folder, name);
  return target->methods->rename(target, from, to, replace, error);
}

/* Version folders above the common ones, which an undo left on the copy. */
static gboolean drop_versions(Target *target, const char *folder, guint common, GError **error) {
  g_autoptr(GPtrArray) entries = target->methods->list(target, folder, error);
  for (guint i = 0; entries != NULL && i < entries->len; i++) {
    const TargetEntry *entry = entries->pdata[i];
    g_autofree char *path = join(folder, entry->name);
    if (version_number(entry->name) > common && !target_remove_tree(target, path, error)) return FALSE;
  }
  return entries != NULL;
}

static gboolean change_aside(Plan *plan, Target *target, const char *aside, const char *fresh, GError **error) {
  if (!drop_versions(target, aside, plan->common, error)) return FALSE;
  for (guint version = plan->common + 1; version <= plan->measure.version; version++) {
    g_autofree char *name = g_strdup_printf("v%u", version);
    if (!move(target, fresh, aside, name, FALSE, error) || !pass_point("copy.sync.version", error)) return FALSE;
  }
  return move(target, fresh, aside, "inventory.json", TRUE, error) && pass_point("copy.sync.inventory", error) &&
         move(target, fresh, aside, SIDECAR, TRUE, error) && pass_point("copy.sync.sidecar", error);
}

/* Invariant 2: from comes to folder in one step that leaves no empty folder in sight. */
gboolean copy_put_in(Target *target, const char *from, const char *folder, const char *work, GError **error) {
  g_autofree char *top = g_strdup(folder);
  gsize depth = strlen("store");
  TargetInfo info = {TARGET_FOLDER, 0};
  while (info.kind == TARGET_FOLDER && folder[depth] != '\0') { /* the first folder of the path that is not there */
    depth += 1 + strcspn(folder + depth + 1, "/");
    top[depth] = '\0';
    if (!target->methods->look(target, top, &info, error)) return FALSE;
    if (folder[depth] != '\0' && info.kind == TARGET_FOLDER) top[depth] = '/';
    else break;
  }
  if (folder[depth] == '\0') return target->methods->rename(target, from, folder, FALSE, error);
  g_autofree char *made = g_strconcat(work, "/p", folder + depth, NULL), *made_top = join(work, "p");
  return target_make_all(target, made, error) && target->methods->rename(target, from, made, FALSE, error) &&
         target->methods->flush(target, error) && target->methods->rename(target, made_top, top, FALSE, error);
}

/* And out again, to work/<name>, with the folders above that hold only it. */
static gboolean take_out(Target *target, const char *folder, const char *work, const char *name, GError **error) {
  g_autofree char *top = g_strdup(folder), *to = join(work, name), *taken = join(work, "q");
  for (;;) {
    char *slash = strrchr(top, '/');
    g_autofree char *above = g_strndup(top, (gsize)(slash - top));
    if (strcmp(above, "store") == 0) break;
    g_autoptr(GPtrArray) entries = target->methods->list(target, above, error);
    if (entries == NULL) return FALSE;
    if (entries->len > 1) break;
    *slash = '\0';
  }
  const char *rest = folder + strlen(top);
  if (*rest == '\0') return target->methods->rename(target, folder, to, FALSE, error);
  g_autofree char *object = g_strconcat(taken, rest, NULL);
  return target->methods->rename(target, top, taken, FALSE, error) && target->methods->rename(target, object, to, FALSE, error) &&
         target_remove_tree(target, taken, error);
}

static gboolean place(Plan *plan, Target *target, GError **error) {
  g_autofree char *fresh = join(plan->work, "n"), *aside = join(plan->work, "o");
  if (plan->common == 0)
    return (!plan->there || take_out(target, plan->folder, plan->work, "x", error)) && pass_point("copy.sync.aside", error) &&
           copy_put_in(target, fresh, plan->folder, plan->work, error) && pass_point("copy.sync.placed", error);
  return take_out(target, plan->folder, plan->work, "o", error) && pass_point("copy.sync.aside", error) &&
         change_aside(plan, target, aside, fresh, error) && copy_put_in(target, aside, plan->folder, plan->work, error) && pass_point("copy.sync.placed", error);
}

static gboolean prepare(const CopyRun *run, Plan *plan, Target *target, GError **error) {
  Target *primary = run->targets->pdata[0];
  g_autoptr(GPtrArray) only = g_ptr_array_new();
  g_ptr_array_add(only, primary);
  CopyRun measured = *run;
  measured.targets = only;
  g_autoptr(GError) reason = NULL;
  if (!measure_load(&measured, plan->object, &plan->measure, &reason)) {
    copy_fault_add(plan->faults, COPY_DAMAGED, "inventory.json", "%s", reason->message);
    plan->from_primary = TRUE;
    return TRUE;
  }
  return compare_copy(plan, target, error) && (!plan->ready || upload(plan, primary, target, error));
}

static gboolean run_plans(const CopyRun *run, Plan *plans, gsize count, Target *target, GError **error) {
  gboolean any = FALSE;
  for (gsize i = 0; i < count; i++) {
    if (!prepare(run, &plans[i], target, error)) return FALSE;
    any = any || plans[i].ready;
  }
  if (!any) return TRUE;
  if (!target->methods->flush(target, error) || !pass_point("copy.sync.uploaded", error)) return FALSE;
  for (gsize i = 0; i < count; i++)
    if (plans[i].ready && !place(&plans[i], target, error)) return FALSE;
  if (!target->methods->flush(target, error)) return FALSE;
  for (gsize i = 0; i < count; i++)
    if (plans[i].work != NULL && !target_remove_tree(target, plans[i].work, error)) return FALSE;
  return TRUE;
}

gboolean copy_sync(const CopyRun *run, Target *target, const CopyObject *objects, gsize count, CopyTold told, gpointer data, GError **error) {
  g_autofree Plan *plans = g_new0(Plan, count);
  for (gsize i = 0; i < count; i++) {
    plans[i].object = &objects[i];
    plans[i].folder = copy_object_folder(objects[i].object_id);
    plans[i].work = copy_work_name(COPY_INCOMING, objects[i].object_id);
    plans[i].faults = g_ptr_array_new_with_free_func(copy_fault_free);
  }
  gboolean good = run_plans(run, plans, count, target, error);
  for (gsize i = 0; i < count; i++) {
    if (good) told(&objects[i], plans[i].from_primary, plans[i].faults, plans[i].bytes, data);
    plan_clear(&plans[i]);
  }
  return good;
}

gboolean copy_remove(Target *target, const char *object_id, GError **error) {
  g_autofree char *folder = copy_object_folder(object_id), *work = copy_work_name(COPY_INCOMING, object_id), *old = join(work, "x");
  TargetInfo info;
  if (!target->methods->look(target, folder, &info, error)) return FALSE;
  if (info.kind == TARGET_ABSENT) return TRUE;
  return target_make_all(target, old, error) && take_out(target, folder, work, "x", error) && target_remove_tree(target, work, error);
}

/* ---- after a crash ---- */

/* The newest version whose inventory is whole becomes the object's again. */
static gboolean settle_aside(Target *target, const char *aside, GError **error) {
  g_autoptr(GPtrArray) entries = target->methods->list(target, aside, error);
  if (entries == NULL) return FALSE;
  guint newest = 0;
  for (guint i = 0; i < entries->len; i++) newest = MAX(newest, version_number(((const TargetEntry *)entries->pdata[i])->name));
  for (guint version = newest; version > 0; version--) {
    g_autofree char *folder = g_strdup_printf("%s/v%u", aside, version), *inventory = join(aside, "inventory.json"), *sidecar = join(aside, SIDECAR);
    g_auto(CopyPair) pair = {NULL, NULL};
    if (!copy_pair_read(target, folder, &pair, NULL) || !sidecar_matches(pair.sidecar, pair.inventory)) continue;
    return drop_versions(target, aside, version, error) && target_put(target, inventory, pair.inventory->str, pair.inventory->len, error) &&
           target_put(target, sidecar, pair.sidecar->str, pair.sidecar->len, error);
  }
  return TRUE;
}

/* Where in its work folder an object lies that is not in its place: changed or not ("o"), or on its way in ("p") or out ("q"). */
static char *find_aside(Target *target, const char *work, const char *path) {
  static const char *const names[] = {"o", "kept", "p", "q"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    for (const char *rest = path; rest != NULL; rest = strchr(rest + 1, '/')) { /* "", then the folders below the one that was moved */
      g_autofree char *object = rest == path ? g_strdup_printf("%s/%s", work, names[i]) : g_strdup_printf("%s/%s%s", work, names[i], rest);
      g_autofree char *first = join(object, "v1");
      TargetInfo info;
      if (target->methods->look(target, first, &info, NULL) && info.kind == TARGET_FOLDER) return g_steal_pointer(&object);
    }
  }
  return NULL;
}

static gboolean settle_work(Target *target, const char *name, GError **error) {
  g_autofree char *work = join(COPY_INCOMING, name), *path = g_strdup(name);
  g_strdelimit(path, ".", '/');
  g_autofree char *folder = join("store", path), *aside = NULL, *kept = join(work, "kept");
  TargetInfo there;
  if (!target->methods->look(target, folder, &there, error)) return FALSE;
  if (there.kind == TARGET_ABSENT) aside = find_aside(target, work, path);
  if (aside != NULL) {
    if (!settle_aside(target, aside, error) || !target->methods->rename(target, aside, kept, FALSE, error)) return FALSE;
    g_autofree char *old = join(work, "p");
    if (!target_remove_tree(target, old, error) || !copy_put_in(target, kept, folder, work, error)) return FALSE;
  }
  return target_remove_tree(target, work, error);
}

gboolean copy_settle(Target *target, GError **error) {
  if (!target->methods->make(target, COPY_INCOMING, error)) return FALSE;
  g_autoptr(GPtrArray) entries = target->methods->list(target, COPY_INCOMING, error);
  if (entries == NULL) return FALSE;
  for (guint i = 0; i < entries->len; i++)
    if (!settle_work(target, ((const TargetEntry *)entries->pdata[i])->name, error)) return FALSE;
  return entries->len == 0 || target->methods->flush(target, error);
}
