/*
 * 归档: finished entries of a ledger go into the archives as records with files, the way everything does that comes in: as a delivery of one's own house, checked,
 * reviewed, loaded, told by the journal, and undone as deliveries are.
 *
 * 1. One delivery holds the entries of one ledger that were sent together: a table with a row each, and a folder each with the sheet (办理单) and the evidence files.
 * 2. Entries are tied to the delivery before it has files, in one transaction that refuses what changed meanwhile or is tied already: an entry never stands in two.
 * 3. What becomes of the delivery is read from the journal: loaded, each entry gets its record; returned, given up or undone, it is free again. Doing that twice
 *    changes nothing, so it needs no state of its own and a rebuilt archive comes to the same.
 */
#include "dossier.h"
#include "accession.h"
#include "date.h"
#include "error.h"
#include "json.h"
#include "print.h"
#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <glib/gstdio.h>
#include <string.h>

enum { EVENTS_STEP = 1000, STEPS_MAX = 20, SERIAL_TRIES = 10000, NAME_MAX_LENGTH = 120 };
#define FOLLOWED "归档" /* in the table of what follows the journal, under ledger 0 */

void dossier_free(Dossier *dossier) {
  json_decref(dossier->gathered);
  catalog_record_free(dossier->record);
  g_free(dossier);
}

/* ---- the record ---- */

char *dossier_fonds(const House *house, Sql *sql, const char *given, GError **error) {
  const char *own = given[0] ? given : settings_text(house->settings, "archive.fonds");
  if (own[0]) return g_strdup(own);
  char *named = sql_string(sql, "SELECT code FROM record WHERE level = 1 AND parent_id = 0 AND title = $1", SQL_ARGS(sql_text(settings_text(house->settings,
    "archive.name"))), NULL);
  if (named == NULL) throw(error, LANTAI_ERROR_INVALID, "不知道归入哪个全宗：请在 lantai.yaml 的 archive.fonds 写明本馆的全宗号，或在台账定义的 archives 中写 fonds");
  return named;
}

static const char *key_of(const CatalogCategory *category, const char *label) {
  guint count;
  const CatalogField *common = catalog_common_fields(&count);
  for (guint i = 0; i < count; i++)
    if (g_str_equal(common[i].label, label)) return common[i].key;
  for (guint i = 0; i < category->field_count; i++)
    if (g_str_equal(category->fields[i].label, label)) return category->fields[i].key;
  return NULL;
}

static gboolean fill_record(const House *house, CatalogRecord *record, const CatalogCategory *category, json_t *columns, GError **error) {
  const char *label;
  json_t *value;
  json_object_foreach(columns, label, value) {
    const char *key = key_of(category, label), *text = json_string_value(value);
    if (key == NULL) return throw(error, LANTAI_ERROR_INVALID, "门类“%s”没有著录项“%s”：请改台账定义的 archives.values", category->title, label);
    if (!catalog_value_set(house->catalog, record, key, text, error)) {
      g_prefix_error(error, "%s：", label);
      return FALSE;
    }
  }
  return TRUE;
}

gint64 dossier_code_kept(Sql *sql, gint64 fonds_id, const char *code) {
  return sql_number(sql, "SELECT a.id FROM ledger_link AS l JOIN ledger_entry AS e ON e.id = l.entry_id "
    "JOIN accession AS a ON a.id = json_extract(e.data, '$.\"归档批次\"') JOIN record AS f ON f.code = a.fonds AND f.level = 1 "
    "WHERE l.kind = 'code' AND l.target = $1 AND f.id = $2 AND json_extract(e.data, '$.\"档案\"') IS NULL", SQL_ARGS(sql_text(code), sql_int(fonds_id)), 0, NULL);
}

/* The catalogue knows what is loaded; behind it come those that are on their way and those of this go. */
static char *code_free(const House *house, Sql *sql, const CatalogRecord *record, GHashTable *given, GError **error) {
  g_autofree char *code = catalog_code_generate(house, sql, record, error);
  if (code == NULL) return NULL;
  gsize digits = 0, length = strlen(code);
  while (digits < length && g_ascii_isdigit(code[length - digits - 1])) digits++;
  g_autofree char *prefix = g_strndup(code, length - digits);
  gint64 serial = g_ascii_strtoll(code + length - digits, NULL, 10);
  for (int tries = 0; tries < SERIAL_TRIES; tries++, serial++) {
    g_autofree char *next = g_strdup_printf("%s%0*" G_GINT64_FORMAT, prefix, (int)digits, serial);
    if (!g_hash_table_contains(given, next) && dossier_code_kept(sql, record->fonds_id, next) == 0) return g_steal_pointer(&next);
  }
  return throw_null(error, LANTAI_ERROR_CONFLICT, "编不出档号：%s 之后的 %d 个都已有用", code, SERIAL_TRIES);
}

static gboolean place_record(const House *house, Sql *sql, Dossier *dossier, GHashTable *given, GError **error) {
  const CatalogCategory *category = catalog_category_by_code(house->catalog, text_at(dossier->gathered, "category"));
  if (category == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有门类“%s”：请改台账定义的 archives.category", text_at(dossier->gathered, "category"));
  g_autofree char *fonds = dossier_fonds(house, sql, text_at(dossier->gathered, "fonds"), error);
  if (fonds == NULL) return FALSE;
  json_t *columns = json_object_get(dossier->gathered, "columns");
  if (g_str_equal(text_at(columns, "责任者"), "本馆")) json_object_set_new(columns, "责任者", json_string(settings_text(house->settings, "archive.name")));
  CatalogRecord *record = dossier->record = catalog_record_new();
  record->category = category->id;
  record->fonds_id = sql_number(sql, "SELECT id FROM record WHERE level = 1 AND code = $1", SQL_ARGS(sql_text(fonds)), 0, NULL);
  record->parent_id = record->fonds_id;
  json_object_set_new(dossier->gathered, "fonds", json_string(fonds));
  if (!fill_record(house, record, category, columns, error)) return FALSE;
  if (record->fonds_id == 0) return TRUE;
  g_autofree char *code = code_free(house, sql, record, given, error);
  if (code == NULL || !catalog_value_set(house->catalog, record, "code", code, error)) return FALSE;
  g_hash_table_add(given, g_steal_pointer(&code));
  return TRUE;
}

GPtrArray *dossiers_gather(const House *house, Sql *sql, Asker asker, GArray *ids, GError **error) {
  g_autoptr(GPtrArray) dossiers = g_ptr_array_new_with_free_func((GDestroyNotify)dossier_free);
  g_autoptr(GHashTable) given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < ids->len; i++) {
    Dossier *dossier = g_new0(Dossier, 1);
    g_ptr_array_add(dossiers, dossier);
    dossier->gathered = ledger_dossier(sql, asker, g_array_index(ids, gint64, i), error);
    if (dossier->gathered == NULL) return NULL;
    if (!place_record(house, sql, dossier, given, error)) {
      g_prefix_error(error, "“%s”：", text_at(dossier->gathered, "name"));
      return NULL;
    }
    if (!g_str_equal(text_at(dossier->gathered, "ledger"), text_at(((Dossier *)dossiers->pdata[0])->gathered, "ledger")))
      return throw_null(error, LANTAI_ERROR_INVALID, "一次归档的要在同一本台账中");
  }
  return g_steal_pointer(&dossiers);
}

/* ---- the delivery's table and files ---- */

static void append_cell(GString *line, const char *text) {
  g_autoptr(GString) quoted = g_string_new(text);
  g_string_replace(quoted, "\"", "\"\"", 0);
  g_string_append_printf(line, "%s\"%s\"", line->len > 0 ? "," : "", quoted->str);
}

static gboolean write_table(GPtrArray *dossiers, const char *path, GError **error) {
  json_auto_t *all = json_object();
  for (guint i = 0; i < dossiers->len; i++) json_object_update_missing(all, json_object_get(((Dossier *)dossiers->pdata[i])->gathered, "columns"));
  g_autoptr(GString) table = g_string_new(NULL), head = g_string_new(NULL);
  const char *label;
  json_t *value;
  append_cell(head, "档号");
  json_object_foreach(all, label, value) append_cell(head, label);
  g_string_append_printf(table, "%s\n", head->str);
  for (guint i = 0; i < dossiers->len; i++) {
    const Dossier *dossier = dossiers->pdata[i];
    g_autoptr(GString) line = g_string_new(NULL);
    append_cell(line, dossier->record->code);
    json_object_foreach(all, label, value) append_cell(line, text_at(json_object_get(dossier->gathered, "columns"), label));
    g_string_append_printf(table, "%s\n", line->str);
  }
  return g_file_set_contents(path, table->str, (gssize)table->len, error);
}

static gboolean copy_evidence(const House *house, Sql *sql, json_t *file, const char *path, GError **error) {
  gint64 size;
  int fd = ledger_entry_file_open(house, sql, LEDGER_EVERYTHING, int_at(file, "entry"), text_at(file, "name"), &size, error); /* gathered under the asker's rights */
  if (fd < 0) return FALSE;
  g_autoptr(GInputStream) from = g_unix_input_stream_new(fd, TRUE);
  g_autoptr(GFile) place = g_file_new_for_path(path);
  g_autoptr(GError) local = NULL;
  g_autoptr(GFileOutputStream) to = g_file_create(place, G_FILE_CREATE_PRIVATE, NULL, &local);
  GOutputStreamSpliceFlags both = G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE | G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET;
  if (to != NULL && g_output_stream_splice(G_OUTPUT_STREAM(to), from, both, NULL, &local) == (gssize)size) return TRUE;
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "附件“%s”不能复制：%s", text_at(file, "name"), local != NULL ? local->message : "不完整");
}

static gboolean write_files(const House *house, Sql *sql, const Dossier *dossier, const char *folder, GError **error) {
  g_autofree char *name = g_strdup(dossier->record->code);
  g_autofree char *own = g_build_filename(folder, g_strdelimit(name, "/\\:*?\"<>|", '_'), NULL), *sheet = g_build_filename(own, "001 办理单.pdf", NULL);
  if (g_mkdir(own, 0700) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", own, error_reason(errno));
  g_autoptr(GBytes) pdf = print_pdf(json_object_get(dossier->gathered, "document"), error);
  if (pdf == NULL || !g_file_set_contents(sheet, g_bytes_get_data(pdf, NULL), (gssize)g_bytes_get_size(pdf), error)) return FALSE;
  size_t i;
  json_t *file;
  json_array_foreach(json_object_get(dossier->gathered, "files"), i, file) {
    g_autofree char *path = g_build_filename(own, text_at(file, "as"), NULL);
    if (!copy_evidence(house, sql, file, path, error)) return FALSE;
  }
  return TRUE;
}

/* table.csv and files/ below a new folder of the archive's tmp/; NULL on error, then nothing is left. */
static char *write_package(const House *house, Sql *sql, GPtrArray *dossiers, GError **error) {
  g_autofree char *tmp = g_build_filename(house->dir, "tmp", NULL), *folder = g_build_filename(tmp, "dossier-XXXXXX", NULL);
  if (g_mkdir_with_parents(tmp, 0700) != 0 || g_mkdtemp_full(folder, 0700) == NULL)
    return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", tmp, error_reason(errno));
  g_autofree char *table = g_build_filename(folder, "table.csv", NULL), *files = g_build_filename(folder, "files", NULL);
  gboolean good = write_table(dossiers, table, error) && (g_mkdir(files, 0700) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s", files));
  for (guint i = 0; good && i < dossiers->len; i++) good = write_files(house, sql, dossiers->pdata[i], files, error);
  if (!good) tree_remove(folder);
  return good ? g_steal_pointer(&folder) : NULL;
}

/* ---- sending ---- */

static gboolean tie_all(const House *house, const char *actor, GPtrArray *dossiers, gint64 delivery, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; i < dossiers->len; i++) {
    const Dossier *dossier = dossiers->pdata[i];
    LedgerTie tie = {int_at(dossier->gathered, "id"), int_at(dossier->gathered, "rev"), delivery, dossier->record->code};
    if (dossier_code_kept(sql, dossier->record->fonds_id, tie.code) != 0) return throw(error, LANTAI_ERROR_CONFLICT, "档号 %s 刚被别的归档用去，请再按一次", tie.code);
    if (!ledger_entry_tie(sql, actor, &tie, error)) return FALSE;
  }
  return sql_commit(sql, error);
}

static gboolean settle(const House *house, gint64 delivery, GError **error);

static gint64 send_package(const House *house, const char *actor, GPtrArray *dossiers, const char *folder, GError **error) {
  const Dossier *first = dossiers->pdata[0];
  g_autofree char *table = g_build_filename(folder, "table.csv", NULL), *files = g_build_filename(folder, "files", NULL), *name = dossiers->len == 1 ?
    g_strdup_printf("台账归档：%s", text_at(first->gathered, "name")) : g_strdup_printf("台账归档：%s %u 件", text_at(first->gathered, "ledger"), dossiers->len);
  g_autofree char *shown = g_utf8_strlen(name, -1) > NAME_MAX_LENGTH ? g_utf8_substring(name, 0, NAME_MAX_LENGTH) : g_strdup(name);
  AccessionSource source = {.path = table, .name = shown, .files = files, .fonds = text_at(first->gathered, "fonds"), .fonds_title = settings_text(house->settings,
    "archive.name"), .category = text_at(first->gathered, "category"), .body = settings_text(house->settings, "archive.name"), .file_name = "台账归档.csv",
    .take_files = TRUE, .table_only = TRUE, .stage = "filing"};
  gint64 delivery = accession_register(house, actor, &source, error);
  if (delivery == 0) return 0;
  source.delivery = delivery;
  if (tie_all(house, actor, dossiers, delivery, error) && accession_receive(house, actor, &source, error) != 0) return delivery;
  g_autoptr(GError) left = NULL; /* what was tied comes free with it; if not now, then when the journal is read */
  if (!accession_discard(house, "system", delivery, "台账条目没有归档成", &left) || !settle(house, delivery, &left)) g_warning("归档批次没有作废：%s", left->message);
  return 0;
}

/* A 档号 needs its fonds; the node of the category is made when the delivery is loaded. */
static gboolean ensure_fonds(const House *house, const char *actor, GPtrArray *dossiers, gboolean *ret_made, GError **error) {
  const Dossier *first = dossiers->pdata[0];
  *ret_made = first->record->fonds_id == 0;
  if (!*ret_made) return TRUE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && catalog_fonds_ensure(house, sql, actor, text_at(first->gathered, "fonds"), settings_text(house->settings, "archive.name"), error) != 0 &&
    sql_commit(sql, error);
}

/* Who works for some fonds only brings nothing into another. */
static gboolean may_send_to(Asker asker, const Dossier *dossier, GError **error) {
  const Scope *scope = asker.everything ? &SCOPE_EVERYTHING : people_scope(asker.person);
  gboolean may = scope->all_fonds;
  for (gsize i = 0; i < scope->fonds_count && !may; i++) may = scope->fonds[i] == dossier->record->fonds_id;
  return may || throw(error, LANTAI_ERROR_DENIED, "您不能向全宗 %s 归档", text_at(dossier->gathered, "fonds"));
}

gint64 dossiers_send(const House *house, Asker asker, const char *actor, GArray *ids, GError **error) {
  if (ids->len == 0) return throw(error, LANTAI_ERROR_INVALID, "没有选中条目"), 0;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(GPtrArray) dossiers = sql != NULL ? dossiers_gather(house, sql, asker, ids, error) : NULL;
  gboolean made;
  if (dossiers == NULL || !may_send_to(asker, dossiers->pdata[0], error) || !ensure_fonds(house, actor, dossiers, &made, error)) return 0;
  if (made) {
    g_clear_pointer(&dossiers, g_ptr_array_unref);
    sql_end(g_steal_pointer(&sql));
    if ((sql = sql_read(house->db, error)) == NULL || (dossiers = dossiers_gather(house, sql, asker, ids, error)) == NULL) return 0;
  }
  g_autofree char *folder = write_package(house, sql, dossiers, error);
  sql_end(g_steal_pointer(&sql));
  gint64 delivery = folder != NULL ? send_package(house, actor, dossiers, folder, error) : 0;
  if (folder != NULL) tree_remove(folder);
  return delivery;
}

gboolean dossiers_queue(const House *house, const char *actor, gint64 delivery, gboolean accept, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *parameters = json_pack("{s:I, s:b}", "accession", (json_int_t)delivery, "accept", accept);
  return sql != NULL && job_queue(sql, "dossier.take", "accession", delivery, parameters, actor, error) != 0 && sql_commit(sql, error);
}

/* ---- taking it in ---- */

static char *state_of(const House *house, gint64 delivery) {
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  char *state = sql != NULL ? sql_string(sql, "SELECT state FROM accession WHERE id = $1", SQL_ARGS(sql_int(delivery)), NULL) : NULL;
  return state != NULL ? state : g_strdup("");
}

/* Whatever its check or its rows raise waits for a person who looks at it. */
static gboolean raises_nothing(const House *house, gint64 delivery) {
  json_auto_t *report = accession_report(house, delivery, 1, NULL);
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  return report != NULL && sql != NULL && int_at(report, "rejected_count") == 0 && int_at(report, "missing_count") == 0 && int_at(report, "surplus_count") == 0 &&
    int_at(report, "updated") == 0 && int_at(report, "unchanged") == 0 && /* a dossier is a new record: one that has its 档号 by now is another's */
    accession_may_accept(sql, delivery, NULL, -1, NULL);
}

static gboolean take(const House *house, Job *job, json_t *parameters, GError **error) {
  gint64 delivery = int_at(parameters, "accession");
  json_auto_t *plain = json_pack("{s:I}", "accession", (json_int_t)delivery);
  g_autofree char *before = state_of(house, delivery);
  gboolean fresh = g_str_equal(before, "received") || g_str_equal(before, "checking");
  if (fresh && !accession_rehearse(house, job, plain, error)) return FALSE;
  g_autofree char *checked = state_of(house, delivery);
  gboolean go_on = g_str_equal(checked, "loading") || g_str_equal(checked, "attaching");
  if (json_is_true(json_object_get(parameters, "accept")) && (go_on || (g_str_equal(checked, "rehearsed") && raises_nothing(house, delivery))) &&
    !accession_load(house, job, plain, error)) return FALSE;
  return settle(house, delivery, error);
}

const JobKind DOSSIER_JOBS[] = {{"dossier.take", "台账归档", take, JOB_HEAVY}, {NULL}};

/* ---- what became of it ---- */

static gboolean settle_entry(Sql *sql, gint64 delivery, const char *state, json_t *tied, GError **error) {
  gint64 record = int_at(tied, "record"), id = int_at(tied, "id");
  gboolean done = g_str_equal(state, "done"), undone = g_str_equal(state, "undone"), dropped = g_str_equal(state, "discarded");
  gint64 found = !done && !undone ? 0 : sql_number(sql, "SELECT id FROM record WHERE accession_id = $1 AND code = $2", SQL_ARGS(sql_int(delivery),
    sql_text(text_at(tied, "code"))), 0, NULL);
  if (found == 0 && record != 0) /* its 档号 was changed since */
    found = sql_number(sql, "SELECT id FROM record WHERE id = $1 AND accession_id = $2", SQL_ARGS(sql_int(record), sql_int(delivery)), 0, NULL);
  if (done && record != 0) return TRUE;
  if (found != 0) return record == found || ledger_entry_archived(sql, id, found, "已归档", error);
  if (!done && !undone && !dropped) return TRUE; /* on its way */
  return ledger_entry_archived(sql, id, 0, done ? "入库时没有收下，可以再归档" : undone ? "归档已撤销" : "归档批次已作废", error);
}

/* Entries that were returned with their delivery can be put right and are sent anew: that delivery is at its end. */
static gboolean give_up_returned(const House *house, gint64 delivery, GError **error) {
  return accession_discard(house, "system", delivery, "已退回台账", error);
}

static gboolean settle(const House *house, gint64 delivery, GError **error) {
  g_autofree char *before = state_of(house, delivery);
  g_autoptr(Sql) read = sql_read(house->db, error);
  json_auto_t *tied = read != NULL ? ledger_tied(read, delivery, error) : NULL;
  sql_end(g_steal_pointer(&read));
  if (json_array_size(tied) == 0) return tied != NULL;
  if (g_str_equal(before, "returned") && !give_up_returned(house, delivery, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  g_autofree char *state = sql_string(sql, "SELECT state FROM accession WHERE id = $1", SQL_ARGS(sql_int(delivery)), NULL); /* what holds until this commits */
  json_auto_t *held = ledger_tied(sql, delivery, error);
  size_t i;
  json_t *one;
  if (held == NULL) return FALSE;
  json_array_foreach(held, i, one)
    if (!settle_entry(sql, delivery, state != NULL ? state : "", one, error)) return FALSE;
  return sql_commit(sql, error);
}

/* ---- following the journal ---- */

static gboolean follow(const House *house, gboolean *ret_more, GError **error) {
  g_autoptr(Sql) reading = sql_read(house->db, error);
  if (reading == NULL) return FALSE;
  gint64 before = sql_number(reading, "SELECT event_id FROM feed WHERE ledger_id = 0 AND source = $1", SQL_ARGS(sql_text(FOLLOWED)), 0, NULL), last = before;
  g_autoptr(GArray) deliveries = feed_told(reading, "accession.", "accession", before, &last, error);
  if (deliveries == NULL) return FALSE;
  *ret_more = last - before >= EVENTS_STEP;
  sql_end(g_steal_pointer(&reading));
  if (deliveries->len == 0 && !*ret_more) return TRUE;
  for (guint i = 0; i < deliveries->len; i++)
    if (!settle(house, g_array_index(deliveries, gint64, i), error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && sql_exec(sql, "INSERT INTO feed (ledger_id, source, event_id) VALUES (0, $1, $2) ON CONFLICT (ledger_id, source) DO UPDATE SET "
    "event_id = excluded.event_id", SQL_ARGS(sql_text(FOLLOWED), sql_int(last)), error) && sql_commit(sql, error);
}

static void dossiers_follow(const House *house) {
  g_autoptr(GError) failure = NULL;
  gboolean more = TRUE;
  for (guint step = 0; more && step < STEPS_MAX; step++)
    if (!follow(house, &more, &failure)) more = FALSE;
  if (failure && !g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_BUSY)) g_warning("台账归档没有跟上日志：%s", failure->message);
}

const JobTick DOSSIER_TICKS[] = {dossiers_follow, NULL};
