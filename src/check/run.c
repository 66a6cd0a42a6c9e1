/*
 * One run of a scheme: units come in one by one, two threads find out what their files are, the rules see them in the order they came.
 *
 * 1. At most WINDOW units are held; findings leave memory every BATCH. What is left of a run that was given up is deleted.
 * 2. Rules, findings and the database are the caller's thread's alone; worker threads touch only a unit's facts (facts.c).
 * 3. The caller holds no transaction for writing, and a unit's files stay where they are until the run has ended.
 */
#include "internal.h"
#include "settings.h"
#include <gio/gio.h>
#include <string.h>

enum { WINDOW = 64, BATCH = 2000, THREADS = 2 };

typedef struct {
  const char *item;
  gint64 sequence, row, record_id;
  char *code, *path, *reason;
  gboolean pending;
} Finding;

struct CheckRun {
  const House *house;
  const Scheme *scheme;
  char *subject_kind, *actor, *name, *category, *trust, *scanner, *scanner_reason;
  json_t *declared, *structure;
  gint64 id, subject_id, started_us, units, files, bytes;
  guint needs;
  struct Pace *pace;
  Probe *probes;
  GPtrArray *findings;
  GThreadPool *pool;
  GQueue waiting;
  GMutex lock;
  GCond ready;
  GError *failure; /* of writing; ends the run */
};

json_t *run_declared(const CheckRun *run) { return run->declared; }
json_t *run_structure(const CheckRun *run) { return run->structure; }
gint64 run_files(const CheckRun *run) { return run->files; }
gint64 run_units(const CheckRun *run) { return run->units; }
gint64 run_bytes(const CheckRun *run) { return run->bytes; }
Sql *run_sql(const CheckRun *run, GError **error) { return sql_read(run->house->db, error); }

const char *run_scanner(const CheckRun *run, const char **ret_reason) {
  *ret_reason = run->scanner_reason;
  return run->scanner;
}

const char *run_category_code(const CheckRun *run, json_t *record) {
  const char *code = json_string_value(json_object_get(record, "category"));
  return code && *code ? code : run->category ? run->category : "";
}

const CatalogCategory *run_category(const CheckRun *run, json_t *record) {
  const char *code = run_category_code(run, record);
  return run->house->catalog && *code ? catalog_category_by_code(run->house->catalog, code) : NULL;
}

/* ---- findings ---- */

static void finding_free(gpointer data) {
  Finding *finding = data;
  g_free(finding->code);
  g_free(finding->path);
  g_free(finding->reason);
  g_free(finding);
}

static gboolean flush(CheckRun *run, GError **error) {
  if (run->findings->len == 0) return TRUE;
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; i < run->findings->len; i++) {
    const Finding *f = run->findings->pdata[i];
    if (!sql_exec(sql, "INSERT INTO check_finding (task_id, item, sequence, row_number, record_id, code, path, reason, pending) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", SQL_ARGS(sql_int(run->id), sql_text(f->item), sql_int(f->sequence), sql_int(f->row), sql_int(f->record_id),
      sql_text(f->code), sql_text(f->path), sql_text(f->reason), sql_int(f->pending)), error)) return FALSE;
  }
  g_ptr_array_set_size(run->findings, 0);
  return sql_commit(sql, error);
}

static void add_finding(Probe *probe, const Unit *unit, const char *path, char *reason, gboolean pending) {
  CheckRun *run = (CheckRun *)probe->run;
  Finding *finding = g_new0(Finding, 1);
  g_autofree char *raw = reason;
  if (path == NULL && unit && unit->row == 0 && unit->record_id == 0 && unit->file_count) path = unit->files[0].path; /* nothing else tells which it is */
  *finding = (Finding){probe->item->code, ++probe->sequence, unit ? unit->row : 0, unit ? unit->record_id : 0,
    g_utf8_make_valid(unit ? record_code(unit->record) : "", -1), g_utf8_make_valid(path ? path : "", -1), g_utf8_make_valid(raw, -1), pending};
  *(pending ? &probe->pending : &probe->failed) += 1;
  g_ptr_array_add(run->findings, finding);
  if (run->findings->len >= BATCH && run->failure == NULL) flush(run, &run->failure);
  if (run->failure) g_ptr_array_set_size(run->findings, 0);
}

void probe_fault(Probe *probe, const Unit *unit, const char *path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  add_finding(probe, unit, path, g_strdup_vprintf(format, arguments), FALSE);
  va_end(arguments);
}

void probe_pending(Probe *probe, const Unit *unit, const char *path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  add_finding(probe, unit, path, g_strdup_vprintf(format, arguments), TRUE);
  va_end(arguments);
}

void probe_explain(Probe *probe, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_free(probe->explain);
  probe->explain = g_strdup_vprintf(format, arguments);
  va_end(arguments);
}

void probe_skip(Probe *probe, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_free(probe->explain);
  probe->explain = g_strdup_vprintf(format, arguments);
  probe->skipped = TRUE;
  va_end(arguments);
}

void probe_withdraw(Probe *probe) {
  probe->failed = probe->pending = 0;
  probe->withdrawn = TRUE;
}

json_t *probe_with(const Probe *probe, const char *key) { return json_object_get(probe->item->with, key); }

gboolean probe_number(const Probe *probe, const char *key, gint64 missing, gint64 *ret, GError **error) {
  json_t *value = probe_with(probe, key);
  if (value && !json_is_integer(value)) return throw(error, LANTAI_ERROR_INVALID, "%s 应为整数", key);
  *ret = value ? json_integer_value(value) : missing;
  return TRUE;
}

/* ---- units on their way ---- */

static void unit_free(Unit *unit) {
  for (gsize i = 0; i < unit->file_count; i++) facts_clear(&unit->files[i]);
  g_free(unit->files);
  json_decref(unit->record);
  g_free(unit);
}

static void examine(gpointer data, gpointer run_pointer) {
  CheckRun *run = run_pointer;
  Unit *unit = data;
  for (gsize i = 0; i < unit->file_count; i++) facts_find(&unit->files[i], run->needs, run->scanner, run->trust, run->pace);
  g_mutex_lock(&run->lock);
  unit->ready = TRUE;
  g_cond_signal(&run->ready);
  g_mutex_unlock(&run->lock);
}

static gboolean fits(const Item *item, const char *category) {
  size_t i;
  json_t *code;
  if (item->categories == NULL) return TRUE;
  json_array_foreach(item->categories, i, code)
    if (g_str_equal(json_string_value(code), category)) return TRUE;
  return FALSE;
}

static void apply(CheckRun *run, Unit *unit) {
  const char *category = run_category_code(run, unit->record);
  for (guint i = 0; i < run->scheme->count; i++) {
    Probe *probe = &run->probes[i];
    if (probe->item->rule->unit && fits(probe->item, category)) probe->item->rule->unit(probe, unit);
  }
}

/* Lets the rules see what is ready, in order; waits while more than `most` units are held. */
static gboolean drain(CheckRun *run, guint most, GError **error) {
  for (;;) {
    Unit *head = g_queue_peek_head(&run->waiting);
    if (head == NULL) break;
    g_mutex_lock(&run->lock);
    while (!head->ready && run->waiting.length > most) g_cond_wait(&run->ready, &run->lock);
    gboolean ready = head->ready;
    g_mutex_unlock(&run->lock);
    if (!ready) break;
    g_queue_pop_head(&run->waiting);
    apply(run, head);
    unit_free(head);
  }
  if (run->failure == NULL) return TRUE;
  if (error) *error = g_error_copy(run->failure);
  return FALSE;
}

static Unit *copy_unit(CheckRun *run, const CheckUnit *given, gboolean *ret_examine) {
  Unit *unit = g_new0(Unit, 1);
  *unit = (Unit){given->row, given->record_id, given->record ? json_incref(given->record) : json_object(), g_new0(FileFacts, given->file_count), given->file_count};
  for (gsize i = 0; i < given->file_count; i++) {
    const CheckFile *file = &given->files[i];
    unit->files[i] = (FileFacts){.path = g_strdup(file->path), .disk = g_strdup(file->disk), .size_bytes = file->size_bytes,
      .declared = file->declared ? json_incref(file->declared) : json_object()};
    if (!facts_there(&unit->files[i])) continue;
    run->files++;
    run->bytes += file->size_bytes;
    *ret_examine |= run->needs != 0;
  }
  return unit;
}

gboolean check_unit(CheckRun *run, const CheckUnit *given, GError **error) {
  gboolean examined = FALSE;
  Unit *unit = copy_unit(run, given, &examined);
  unit->ready = !examined;
  run->units++;
  g_queue_push_tail(&run->waiting, unit);
  if (examined) g_thread_pool_push(run->pool, unit, NULL);
  return drain(run, WINDOW, error);
}

gboolean check_surplus(CheckRun *run, const char *path, GError **error) {
  for (guint i = 0; i < run->scheme->count; i++)
    if (run->probes[i].item->rule->surplus) run->probes[i].item->rule->surplus(&run->probes[i], path);
  return drain(run, WINDOW, error);
}

/* ---- beginning and end ---- */

static void ask_scanner(CheckRun *run) {
  const char *socket = run->house->settings ? settings_text(run->house->settings, "virus.socket") : "";
  if (*socket == '\0') {
    run->scanner_reason = g_strdup("没有配置病毒检测服务（设置项 virus.socket）");
    return;
  }
  g_autoptr(GFileIOStream) stream = NULL;
  g_autoptr(GFile) probe = g_file_new_tmp("lantai-virus-XXXXXX", &stream, NULL);
  g_autofree char *path = probe ? g_file_get_path(probe) : NULL, *detail = NULL;
  FILE *file = path ? fopen(path, "re") : NULL;
  FormatVirus answer = file ? format_virus_scan(socket, fileno(file), &detail) : FORMAT_VIRUS_UNKNOWN;
  if (file) fclose(file);
  if (probe) g_file_delete(probe, NULL, NULL);
  if (answer == FORMAT_VIRUS_NONE) run->scanner = g_strdup(socket);
  else run->scanner_reason = g_strdup_printf("病毒检测服务没有应答：%s", detail ? detail : "原因不明");
}

static gboolean begin_probes(CheckRun *run, GError **error) {
  run->probes = g_new0(Probe, run->scheme->count);
  for (guint i = 0; i < run->scheme->count; i++) {
    Probe *probe = &run->probes[i];
    *probe = (Probe){.item = &run->scheme->items[i], .run = run};
    run->needs |= probe->item->rule->needs;
    if (probe->item->rule->begin && !probe->item->rule->begin(probe, error)) return FALSE;
  }
  return TRUE;
}

static gboolean insert_task(CheckRun *run, GError **error) {
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  if (sql == NULL) return FALSE;
  if (!sql_exec(sql, "INSERT INTO check_task (stage, subject_kind, subject_id, name, category, actor, state, started_us) VALUES ($1, $2, $3, $4, $5, $6, 'running', $7)",
    SQL_ARGS(sql_text(STAGES[run->scheme->stage].code), sql_text(run->subject_kind), sql_int(run->subject_id), sql_text(run->name),
    sql_text(run->category ? run->category : ""), sql_text(run->actor), sql_int(run->started_us)), error)) return FALSE;
  run->id = sql_last_id(sql);
  return sql_commit(sql, error);
}

CheckRun *check_begin(const House *house, const CheckSubject *subject, GError **error) {
  const Scheme *scheme = subject->stage >= CHECK_FILING && subject->stage <= CHECK_PRESERVATION ? scheme_of(subject->stage) : NULL;
  if (scheme == NULL) return throw_null(error, LANTAI_ERROR_INTERNAL, "检测方案还没有载入");
  g_autoptr(CheckRun) run = g_new0(CheckRun, 1);
  run->house = house;
  run->scheme = scheme;
  run->subject_kind = g_strdup(subject->subject_kind);
  run->subject_id = subject->subject_id;
  run->actor = g_strdup(subject->actor ? subject->actor : "system");
  run->name = g_strdup(subject->name ? subject->name : "");
  run->category = g_strdup(subject->category);
  run->declared = json_incref(subject->declared);
  run->structure = json_incref(subject->structure);
  run->pace = subject->pace;
  run->started_us = clock_now_us();
  run->findings = g_ptr_array_new_with_free_func(finding_free);
  g_mutex_init(&run->lock);
  g_cond_init(&run->ready);
  run->trust = house->dir ? g_build_filename(house->dir, "trust", NULL) : NULL;
  if (run->trust && !g_file_test(run->trust, G_FILE_TEST_IS_DIR)) g_clear_pointer(&run->trust, g_free);
  ask_scanner(run);
  run->pool = g_thread_pool_new(examine, run, THREADS, FALSE, NULL);
  if (!begin_probes(run, error) || !insert_task(run, error)) return NULL;
  return g_steal_pointer(&run);
}

gint64 check_end(CheckRun *given, GError **error) {
  g_autoptr(CheckRun) run = given;
  if (!drain(run, 0, error)) return 0;
  g_autofree Probe **probes = g_new0(Probe *, run->scheme->count);
  for (guint i = 0; i < run->scheme->count; i++) {
    probes[i] = &run->probes[i];
    if (probes[i]->item->rule->end) probes[i]->item->rule->end(probes[i]);
  }
  if (!drain(run, 0, error) || !flush(run, error)) return 0;
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  if (sql == NULL || !result_put(sql, run->id, probes, run->scheme->count, error)) return 0;
  json_auto_t *task = json_pack("{s:s, s:s, s:I, s:s, s:s?, s:I, s:I, s:I, s:I}", "stage", STAGES[run->scheme->stage].code, "subject_kind", run->subject_kind,
    "subject_id", (json_int_t)run->subject_id, "name", run->name, "category", run->category, "units", (json_int_t)run->units, "files", (json_int_t)run->files,
    "bytes", (json_int_t)run->bytes, "started_us", (json_int_t)run->started_us);
  if (!result_finish(sql, run->id, run->actor, task, error) || !sql_commit(sql, error)) return 0;
  gint64 id = run->id;
  run->id = 0;
  return id;
}

static void forget(CheckRun *run) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(Sql) sql = sql_write(run->house->db, &problem);
  if (sql && sql_exec(sql, "DELETE FROM check_finding WHERE task_id = $1", SQL_ARGS(sql_int(run->id)), &problem) &&
      sql_exec(sql, "DELETE FROM check_task WHERE id = $1", SQL_ARGS(sql_int(run->id)), &problem)) sql_commit(sql, &problem);
  if (problem) g_warning("the rest of check %" G_GINT64_FORMAT " could not be deleted: %s", run->id, problem->message);
}

void check_free(CheckRun *run) {
  if (run == NULL) return;
  if (run->pool) g_thread_pool_free(run->pool, FALSE, TRUE);
  for (Unit *unit; (unit = g_queue_pop_head(&run->waiting));) unit_free(unit);
  if (run->id) forget(run);
  for (guint i = 0; run->probes && i < run->scheme->count; i++) {
    if (run->probes[i].item && run->probes[i].item->rule->clear) run->probes[i].item->rule->clear(run->probes[i].state);
    g_free(run->probes[i].explain);
  }
  g_free(run->probes);
  g_ptr_array_unref(run->findings);
  g_free(run->subject_kind);
  g_free(run->actor);
  g_free(run->name);
  g_free(run->category);
  g_free(run->trust);
  g_free(run->scanner);
  g_free(run->scanner_reason);
  json_decref(run->declared);
  json_decref(run->structure);
  g_clear_error(&run->failure);
  g_mutex_clear(&run->lock);
  g_cond_clear(&run->ready);
  g_free(run);
}
