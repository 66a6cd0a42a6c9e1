/*
 * From draft to a frozen report: 拟稿, 科室审核, 分管领导审核, 签发, each by another person; then text, figures and rows are kept, digested and signed.
 *
 * 1. What was frozen is an object of the store: report.json (text and figures), rows.ndjson (each entry behind a figure as it was), the printed files, and the
 *    signed manifest. The object is durable before the report is called frozen.
 * 2. The manifest is the SM3 of each file, a line each; the archives' SM2 key signs it. The key and the manifest stand in the journal too.
 * 3. A frozen report is read back only when its bytes are those of the manifest.
 * 4. Numbers and rows are of one moment: they are computed beside the writers, and again when an entry or a definition was changed meanwhile.
 */
#include "content.h"
#include "crypto.h"
#include "error.h"
#include "internal.h"
#include "journal.h"
#include "package-write.h"
#include "report-internal.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FREEZE_TRIES = 3 };

static const char *const STATES[] = {"draft", "office", "leader", "sign", "frozen"};
static const char *const KEPT[] = {"report.json", "rows.ndjson", "report.docx", "report.pdf", "report.html"};

char *report_object_id(gint64 id) { return g_strdup_printf("urn:lantai:report:%" G_GINT64_FORMAT, id); }

ReportState report_state(json_t *issue) {
  for (guint i = 0; i < G_N_ELEMENTS(STATES); i++)
    if (g_str_equal(text_at(issue, "state"), STATES[i])) return i;
  return REPORT_DRAFT;
}

/* ---- who may ---- */

/* Who has put a hand to it since it was last submitted; before: who made it. */
static gboolean took_part(Sql *sql, json_t *issue, const char *actor) {
  json_auto_t *steps = report_issue_steps(sql, int_at(issue, "id"), NULL);
  gboolean found = g_str_equal(text_at(issue, "made_by"), actor);
  for (size_t i = json_array_size(steps); i > 0 && !found; i--) {
    json_t *step = json_array_get(steps, i - 1);
    found = g_str_equal(text_at(step, "actor"), actor);
    if (g_str_equal(text_at(step, "from_state"), "draft")) break;
  }
  return found;
}

gboolean report_may_pass(Sql *sql, json_t *issue, const char *actor) { return !took_part(sql, issue, actor); }

static const char *submitter(json_t *steps) {
  for (size_t i = json_array_size(steps); i > 0; i--)
    if (g_str_equal(text_at(json_array_get(steps, i - 1), "from_state"), "draft")) return text_at(json_array_get(steps, i - 1), "actor");
  return "";
}

/* ---- what is put into the store ---- */

typedef struct { const House *house; Sql *sql; json_t *report, *index; FigurePeriod period; GHashTable *rows; GPtrArray *order; } Freezer;

/* index: {figure: [entry ids]}; rows: entry id → names of its figures. */
static gboolean gather_rows(Freezer *freezer, const char *figure, GError **error) {
  g_autoptr(GArray) ids = figure_entries(freezer->house, freezer->sql, LEDGER_EVERYTHING, figure, NULL, freezer->period, error);
  if (ids == NULL) return FALSE;
  json_t *list = json_array();
  for (guint i = 0; i < ids->len; i++) {
    gint64 id = g_array_index(ids, gint64, i);
    json_array_append_new(list, json_integer(id));
    json_t *names = g_hash_table_lookup(freezer->rows, GSIZE_TO_POINTER((gsize)id));
    if (names == NULL) {
      names = json_array();
      g_hash_table_insert(freezer->rows, GSIZE_TO_POINTER((gsize)id), names);
      g_ptr_array_add(freezer->order, GSIZE_TO_POINTER((gsize)id));
    }
    json_array_append_new(names, json_string(figure));
  }
  json_object_set_new(freezer->index, figure, list);
  return TRUE;
}

static void file_forget(gpointer path) {
  if (path) g_unlink(path);
  g_free(path);
}

static char *passing_path(const House *house, const char *suffix) {
  g_autofree char *token = crypto_random_token(9), *name = g_strdup_printf("report-%s%s", token, suffix), *folder = g_build_filename(house->dir, "tmp", NULL);
  g_mkdir_with_parents(folder, 0750);
  return g_build_filename(folder, name, NULL);
}

static gboolean write_rows(Freezer *freezer, FILE *out, GError **error) {
  for (guint i = 0; i < freezer->order->len; i++) {
    gpointer key = g_ptr_array_index(freezer->order, i);
    json_t *entry = ledger_entry_load(freezer->sql, LEDGER_EVERYTHING, (gint64)GPOINTER_TO_SIZE(key), error);
    if (entry == NULL) return FALSE;
    json_auto_t *line = json_pack("{s:I, s:O, s:o}", "id", (json_int_t)GPOINTER_TO_SIZE(key), "figures", g_hash_table_lookup(freezer->rows, key), "entry", entry);
    if (json_dumpf(line, out, JSON_COMPACT | JSON_SORT_KEYS) != 0 || putc('\n', out) == EOF)
      return throw(error, LANTAI_ERROR_UNAVAILABLE, "报告依据的各行写不下：%s", error_reason(errno));
  }
  return TRUE;
}

/* However many, in a file that has no name any more. */
static GBytes *rows_bytes(Freezer *freezer, GError **error) {
  if (freezer->order->len == 0) return g_bytes_new_static("", 0);
  char *path = passing_path(freezer->house, ".rows");
  FILE *out = fopen(path, "wbx");
  gboolean good = out != NULL ? write_rows(freezer, out, error) : throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", path, error_reason(errno));
  if (out != NULL && fclose(out) != 0 && good) good = throw(error, LANTAI_ERROR_UNAVAILABLE, "报告依据的各行写不下：%s", error_reason(errno));
  g_autoptr(GMappedFile) mapped = good ? g_mapped_file_new(path, FALSE, error) : NULL;
  file_forget(path);
  return mapped != NULL ? g_mapped_file_get_bytes(mapped) : NULL;
}

static GBytes *printed(const House *house, json_t *report, gboolean (*print)(json_t *, const char *, GError **), const char *suffix, GError **error) {
  char *path = passing_path(house, suffix), *bytes = NULL;
  gsize length = 0;
  gboolean good = print(report, path, error) && g_file_get_contents(path, &bytes, &length, error);
  file_forget(path);
  return good ? g_bytes_new_take(bytes, length) : NULL;
}

static GBytes *text_bytes(char *text) { return text ? g_bytes_new_take(text, strlen(text)) : NULL; }

/* The ids of rows behind each figure go into the report; the rows themselves as lines. */
static GBytes *kept_rows(Freezer *freezer, GError **error) {
  const char *name;
  json_t *figure;
  json_object_foreach(json_object_get(freezer->report, "figures"), name, figure) {
    if (json_object_get(figure, "opens") == NULL && !gather_rows(freezer, name, error)) return NULL;
  }
  GBytes *rows = rows_bytes(freezer, error);
  if (rows != NULL) json_object_set(freezer->report, "rows", freezer->index);
  return rows;
}

/* The five files, in the order of KEPT; rows is taken. Needs no database. NULL on error. */
static GPtrArray *kept_files(const House *house, json_t *report, GBytes *rows, GError **error) {
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  report_draw(report);
  g_ptr_array_add(files, text_bytes(json_dumps(report, JSON_INDENT(1) | JSON_SORT_KEYS)));
  g_ptr_array_add(files, rows);
  GBytes *docx = printed(house, report, report_docx, ".docx", error);
  GBytes *pdf = docx ? printed(house, report, report_pdf, ".pdf", error) : NULL;
  if (docx) g_ptr_array_add(files, docx);
  if (pdf) g_ptr_array_add(files, pdf);
  if (pdf == NULL) return NULL;
  char *html = report_html(report);
  if (html == NULL) return throw_null(error, LANTAI_ERROR_INTERNAL, "不能生成网页");
  g_ptr_array_add(files, text_bytes(html));
  return g_steal_pointer(&files);
}

static char *manifest_of(GPtrArray *files) {
  GString *manifest = g_string_new(NULL);
  for (guint i = 0; i < files->len; i++) {
    gsize length;
    const char *data = g_bytes_get_data(g_ptr_array_index(files, i), &length);
    g_autofree char *digest = crypto_digest_hex(DIGEST_SM3, data, length);
    g_string_append_printf(manifest, "%s  %s\n", digest, KEPT[i]);
  }
  return g_string_free(manifest, FALSE);
}

/* The archives' key for reports: keys/report, made when it is first needed. */
static char *signing_key(const House *house, char **ret_public, GError **error) {
  g_autofree char *folder = g_build_filename(house->dir, "keys", NULL), *path = g_build_filename(folder, "report", NULL), *public_path = g_strconcat(path, ".pub", NULL);
  char *private_pem = NULL;
  if (g_file_get_contents(path, &private_pem, NULL, NULL) && g_file_get_contents(public_path, ret_public, NULL, NULL)) return private_pem;
  g_clear_pointer(&private_pem, g_free);
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  if (!crypto_sm2_generate(&private_pem, ret_public, error)) return NULL;
  if (g_file_set_contents_full(path, private_pem, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error) && g_file_set_contents(public_path, *ret_public, -1, error))
    return private_pem;
  g_free(private_pem);
  return NULL;
}

static gboolean stage_files(ContentStage *stage, GPtrArray *files, json_t *row, GError **error) {
  for (guint i = 0; i < files->len; i++) {
    gsize length;
    const char *data = g_bytes_get_data(g_ptr_array_index(files, i), &length);
    if (content_stage_add_bytes(stage, KEPT[i], data, length, error) == NULL) return FALSE;
  }
  static const char *const signed_parts[] = {"manifest", "signature", "public_key"};
  static const char *const names[] = {"manifest.txt", "manifest.sig", "public.pem"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    const char *text = text_at(row, signed_parts[i]);
    if (content_stage_add_bytes(stage, names[i], text, strlen(text), error) == NULL) return FALSE;
  }
  return TRUE;
}

/* Puts the signed manifest into row, and makes the object durable. */
static ContentBatch *publish(const House *house, const char *actor, GPtrArray *files, json_t *row, GError **error) {
  g_autofree char *public_pem = NULL, *private_pem = signing_key(house, &public_pem, error), *manifest = manifest_of(files);
  g_autofree char *signature = private_pem ? crypto_sm2_sign(private_pem, manifest, error) : NULL;
  if (signature == NULL) return NULL;
  json_object_set_new(row, "manifest", json_string(manifest));
  json_object_set_new(row, "signature", json_string(signature));
  json_object_set_new(row, "public_key", json_string(public_pem));
  g_autofree char *object = report_object_id(int_at(row, "id"));
  g_autoptr(ContentStage) stage = content_stage_new(house->content, object, actor, "报告定稿", error);
  if (stage == NULL || !stage_files(stage, files, row, error)) return NULL;
  g_autoptr(ContentBatch) batch = content_batch_new(house->content);
  content_batch_take(batch, g_steal_pointer(&stage));
  return content_batch_publish(batch, error) ? g_steal_pointer(&batch) : NULL;
}

/* ---- steps ---- */

static gboolean refuse_stops(json_t *report, GError **error) {
  json_t *fault;
  size_t i, stops = 0;
  json_t *first = NULL;
  json_array_foreach(json_object_get(report, "faults"), i, fault) {
    if (!g_str_equal(text_at(fault, "kind"), "stop")) continue;
    if (stops++ == 0) first = fault;
  }
  if (stops == 0) return TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "还有 %d 处必须改正：%s%s%s", (int)stops, text_at(first, "place"), *text_at(first, "place") ? "，" : "", text_at(first, "what"));
}

static json_t *step_new(const char *actor, json_t *issue, ReportState to, const char *note) {
  return json_pack("{s:I, s:s, s:O, s:s, s:s}", "at_us", (json_int_t)clock_now_us(),
    "actor", actor, "from_state", json_object_get(issue, "state"), "to_state", STATES[to],
    "note", note ? note : "");
}

static json_t *numbers_of(json_t *report) {
  json_t *numbers = json_object(), *figure;
  const char *name;
  json_object_foreach(json_object_get(report, "figures"), name, figure)
    json_object_set_new(numbers, name, json_pack("{s:O, s:O}", "value", json_object_get(figure, "value"), "text", json_object_get(figure, "text")));
  return numbers;
}

/* Changes the state in a transaction of its own, unless somebody was faster. */
static gboolean take_step(const House *house, const char *actor, json_t *issue, ReportState to, const char *note, ContentBatch *batch, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *now = sql ? report_issue_load(sql, int_at(issue, "id"), error) : NULL;
  if (now == NULL) return FALSE;
  if (int_at(now, "rev") != int_at(issue, "rev")) return throw(error, LANTAI_ERROR_CONFLICT, "%s刚才办过这份报告。请刷新后再办", text_at(now, "changed_by"));
  json_auto_t *step = step_new(actor, issue, to, note);
  json_object_set_new(issue, "state", json_string(STATES[to]));
  const char *action = to == REPORT_FROZEN ? "report.freeze" : "report.step";
  return report_issue_put(sql, actor, action, issue, step, error) && (batch == NULL || content_batch_acknowledge(batch, sql, error)) && sql_commit(sql, error);
}

static gboolean submit(const House *house, Asker asker, const char *actor, json_t *issue, const char *note, GError **error) {
  json_auto_t *report = NULL;
  {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    report = sql ? report_issue_make(house, sql, asker, issue, error) : NULL;
  }
  if (report == NULL || !refuse_stops(report, error)) return FALSE;
  json_object_set_new(issue, "drafted", numbers_of(report));
  json_object_set(issue, "heading", json_object_get(report, "heading"));
  return take_step(house, actor, issue, REPORT_OFFICE, note, NULL, error);
}

/* The report as the transaction sees it; what is printed of it is printed later. rows: NULL on error. */
static json_t *report_seen(const House *house, Sql *sql, Asker asker, json_t *issue, GBytes **ret_rows, GError **error) {
  json_auto_t *report = report_issue_make(house, sql, asker, issue, error);
  if (report == NULL || !refuse_stops(report, error)) return NULL;
  json_object_set(issue, "heading", json_object_get(report, "heading"));
  json_object_set(issue, "rests", json_object_get(report, "rests"));
  json_object_set_new(issue, "frozen_at", json_integer(clock_now_us()));
  json_object_set(report, "frozen_at", json_object_get(issue, "frozen_at"));
  json_object_set(report, "issue", json_object_get(issue, "id"));
  json_auto_t *index = json_object();
  FigurePeriod period = report_issue_period(issue);
  period.unit = json_string_value(json_object_get(json_object_get(report, "period"), "unit"));
  g_autoptr(GHashTable) rows = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)json_decref);
  g_autoptr(GPtrArray) order = g_ptr_array_new();
  Freezer freezer = {house, sql, report, index, period, rows, order};
  *ret_rows = kept_rows(&freezer, error);
  return *ret_rows ? g_steal_pointer(&report) : NULL;
}

/* Entries in memory may be newer than a reading transaction: what was made counts only when none is. Where there is no end of changes, the writers wait. */
static json_t *frozen_report(const House *house, Asker asker, json_t *issue, GBytes **ret_rows, GError **error) {
  for (guint i = 0; i < FREEZE_TRIES; i++) {
    LedgerMoment before, after;
    g_autoptr(Sql) sql = sql_read(house->db, error);
    if (sql == NULL || !ledger_moment(sql, &before, error)) return NULL;
    g_autoptr(GBytes) rows = NULL;
    g_autoptr(GError) local = NULL;
    json_auto_t *report = report_seen(house, sql, asker, issue, &rows, &local);
    g_autoptr(Sql) later = sql_read(house->db, error);
    if (later == NULL || !ledger_moment(later, &after, error)) return NULL;
    if (before.rev != after.rev || before.era != after.era) continue;
    if (report == NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
    *ret_rows = g_steal_pointer(&rows);
    return g_steal_pointer(&report);
  }
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql ? report_seen(house, sql, asker, issue, ret_rows, error) : NULL;
}

static GPtrArray *frozen_files(const House *house, Asker asker, json_t *issue, GError **error) {
  GBytes *rows = NULL;
  json_auto_t *report = frozen_report(house, asker, issue, &rows, error);
  return report ? kept_files(house, report, rows, error) : NULL;
}

static gboolean freeze(const House *house, Asker asker, const char *actor, json_t *issue, const char *note, GError **error) {
  g_autoptr(GPtrArray) files = frozen_files(house, asker, issue, error);
  g_autoptr(ContentBatch) batch = files ? publish(house, actor, files, issue, error) : NULL;
  return batch != NULL && take_step(house, actor, issue, REPORT_FROZEN, note, batch, error);
}

static gboolean drop(const House *house, const char *actor, json_t *issue, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = int_at(issue, "id");
  json_auto_t *data = json_pack("{s:I, s:O}", "id", (json_int_t)id, "name", json_object_get(issue, "name"));
  return sql != NULL && sql_exec(sql, "DELETE FROM report_step WHERE report_id = $1", SQL_ARGS(sql_int(id)), error) &&
    sql_exec(sql, "DELETE FROM report WHERE id = $1 AND state = 'draft'", SQL_ARGS(sql_int(id)), error) &&
    journal_append(sql, actor, "report.drop", "report", id, data, error) != 0 && sql_commit(sql, error);
}

static gboolean load_for(const House *house, const char *actor, gint64 id, ReportVerdict verdict, json_t **ret, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *issue = sql ? report_issue_load(sql, id, error) : NULL;
  if (issue == NULL) return FALSE;
  ReportState state = report_state(issue);
  gboolean draft_only = verdict == REPORT_SUBMIT || verdict == REPORT_DROP;
  if (state == REPORT_FROZEN) return throw(error, LANTAI_ERROR_CONFLICT, "报告已定稿，不能再改");
  if (draft_only != (state == REPORT_DRAFT)) return throw(error, LANTAI_ERROR_CONFLICT, "报告的状态已变，请刷新后再办");
  if (verdict == REPORT_PASS && took_part(sql, issue, actor)) return throw(error, LANTAI_ERROR_DENIED, "拟稿、审核、签发须是不同的人：您已办过其中一步");
  json_auto_t *steps = report_issue_steps(sql, id, NULL);
  if (verdict == REPORT_WITHDRAW && (state != REPORT_OFFICE || !g_str_equal(submitter(steps), actor)))
    return throw(error, LANTAI_ERROR_DENIED, "只有送审的人可以在科室审核前撤回");
  *ret = g_steal_pointer(&issue);
  return TRUE;
}

gboolean report_issue_decide(const House *house, Asker asker, const char *actor, gint64 id, ReportVerdict verdict, const char *note, GError **error) {
  json_auto_t *issue = NULL;
  if (!load_for(house, actor, id, verdict, &issue, error)) return FALSE;
  ReportState state = report_state(issue);
  switch (verdict) {
  case REPORT_SUBMIT: return submit(house, asker, actor, issue, note, error);
  case REPORT_PASS:
    if (state == REPORT_SIGN) return freeze(house, asker, actor, issue, note, error);
    return take_step(house, actor, issue, state + 1, note, NULL, error);
  case REPORT_RETURN:
    if (note == NULL || *note == '\0') return throw(error, LANTAI_ERROR_INVALID, "退回请写明理由");
    return take_step(house, actor, issue, REPORT_DRAFT, note, NULL, error);
  case REPORT_WITHDRAW: return take_step(house, actor, issue, REPORT_DRAFT, note, NULL, error);
  case REPORT_DROP: return drop(house, actor, issue, error);
  }
  return FALSE;
}

/* ---- reading back ---- */

static gboolean manifest_has(const char *manifest, const char *name, const char *digest) {
  g_autofree char *line = g_strdup_printf("%s  %s\n", digest, name);
  return strstr(manifest, line) != NULL;
}

static gboolean is_as_signed(json_t *issue, const char *name, const char *digest, GError **error) {
  const char *manifest = text_at(issue, "manifest");
  if (manifest_has(manifest, name, digest) && crypto_sm2_verify(text_at(issue, "public_key"), manifest, text_at(issue, "signature"))) return TRUE;
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "定稿的 %s 与签名不符，可能已损坏。请运行 lantai check，并从副本修复", name);
}

static char *frozen_path(const House *house, json_t *issue, const char *name, GError **error) {
  g_autofree char *object = report_object_id(int_at(issue, "id"));
  return content_path(house->content, object, name, error);
}

GBytes *report_frozen_file(const House *house, json_t *issue, const char *name, GError **error) {
  g_autofree char *path = frozen_path(house, issue, name, error), *bytes = NULL;
  gsize length = 0;
  if (path == NULL || !g_file_get_contents(path, &bytes, &length, error)) return NULL;
  g_autofree char *digest = crypto_digest_hex(DIGEST_SM3, bytes, length);
  return is_as_signed(issue, name, digest, error) ? g_bytes_new_take(g_steal_pointer(&bytes), length) : NULL;
}

/* A line's keys are sorted, so that it ends in its id: ,"id":12} */
static gint64 id_of_line(const char *line, gssize length) {
  gssize end = length > 0 && line[length - 1] == '\n' ? length - 2 : length - 1, at = end;
  while (at > 0 && g_ascii_isdigit(line[at - 1])) at--;
  return at < end ? g_ascii_strtoll(line + at, NULL, 10) : 0;
}

json_t *report_frozen_rows(const House *house, json_t *issue, GHashTable *ids, GError **error) {
  static const char name[] = "rows.ndjson";
  g_autofree char *path = frozen_path(house, issue, name, error);
  FILE *in = path ? fopen(path, "rb") : NULL;
  if (path == NULL) return NULL;
  if (in == NULL) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "打不开定稿的 %s：%s", name, error_reason(errno));
  json_auto_t *entries = json_object();
  g_autoptr(Digest) running = digest_new(DIGEST_SM3);
  char *line = NULL;
  size_t room = 0;
  for (ssize_t length; (length = getline(&line, &room, in)) >= 0;) {
    digest_update(running, line, (gsize)length);
    gint64 id = id_of_line(line, length);
    if (!g_hash_table_contains(ids, GSIZE_TO_POINTER((gsize)id))) continue;
    json_auto_t *row = json_loadb(line, (size_t)length, 0, NULL);
    g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT, id);
    json_object_set(entries, key, json_object_get(row, "entry"));
  }
  free(line);
  gboolean whole = !ferror(in);
  fclose(in);
  g_autofree char *digest = digest_finish_hex(running);
  if (!whole) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "定稿的 %s 不能读出", name);
  return is_as_signed(issue, name, digest, error) ? g_steal_pointer(&entries) : NULL;
}

static const char CHECKING[] = "这份报告定稿时由本馆签名。不用兰台也能核对（OpenSSL 3）：\n\n"
  "1. 各文件是不是签名时的：openssl dgst -sm3 -r report.pdf，与 manifest.txt 里的一行比较。\n"
  "2. manifest.txt 是不是本馆签的：\n"
  "   openssl dgst -sm3 -verify public.pem -sigopt distid:1234567812345678 -signature manifest.sig manifest.txt\n"
  "   说 Verified OK 就是。public.pem 须与本馆另行公布的一致。\n";

/* manifest.sig is the signature in DER, as openssl reads it. */
static gboolean write_signed(PackageWriter *writer, json_t *issue, GError **error) {
  g_autoptr(GByteArray) der = g_byte_array_new();
  for (const char *at = text_at(issue, "signature"); at[0] && at[1]; at += 2) {
    guint8 byte = (guint8)(g_ascii_xdigit_value(at[0]) * 16 + g_ascii_xdigit_value(at[1]));
    g_byte_array_append(der, &byte, 1);
  }
  const char *manifest = text_at(issue, "manifest"), *key = text_at(issue, "public_key");
  return package_writer_bytes(writer, "manifest.txt", manifest, strlen(manifest), NULL, error) &&
    package_writer_bytes(writer, "manifest.sig", der->data, der->len, NULL, error) && package_writer_bytes(writer, "public.pem", key, strlen(key), NULL, error) &&
    package_writer_bytes(writer, "怎样核对.txt", CHECKING, strlen(CHECKING), NULL, error);
}

gboolean report_frozen_package(const House *house, json_t *issue, const char *path, GError **error) {
  g_autoptr(PackageWriter) writer = package_writer_new(path, error);
  if (writer == NULL) return FALSE;
  static const char *const printed[] = {"report.docx", "report.pdf", "report.html"};
  for (guint i = 0; i < G_N_ELEMENTS(printed); i++) {
    g_autoptr(GBytes) bytes = report_frozen_file(house, issue, printed[i], error);
    if (bytes == NULL) return FALSE;
    if (!package_writer_bytes(writer, printed[i], g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), NULL, error)) return FALSE;
  }
  return write_signed(writer, issue, error) && package_writer_close(g_steal_pointer(&writer), error);
}

json_t *report_frozen_load(const House *house, json_t *issue, GError **error) {
  g_autoptr(GBytes) bytes = report_frozen_file(house, issue, "report.json", error);
  if (bytes == NULL) return NULL;
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  json_t *report = json_loadb(data, length, 0, NULL);
  return report ? report : throw_null(error, LANTAI_ERROR_INTERNAL, "定稿的报告不能读出");
}

/* ---- comparing ---- */

static char *change_words(double now, double before) {
  if (fabs(now - before) < 1e-9) return g_strdup("持平");
  if (fabs(before) < 1e-9) return g_strdup(now > before ? "增加" : "减少");
  return g_strdup_printf("%s%.1f%%", now > before ? "增长" : "下降", fabs(now - before) / fabs(before) * 100);
}

/* What a figure's numbers may be compared as: of a share the points between; of what is itself a comparison, or no amount, the direction alone. How each was
 * computed stands in its report, whatever the figure is today. */
static char *figure_change(json_t *figure, json_t *former) {
  static const char *const shares[] = {"rate", "points", NULL}, *const directions[] = {"growth", "multiple", "list", "span", "", NULL};
  double now = json_number_value(json_object_get(figure, "value")), before = json_number_value(json_object_get(former, "value"));
  const char *aggregate = text_at(figure, "aggregate"), *was = text_at(former, "aggregate");
  if (*aggregate && *was && !g_str_equal(aggregate, was)) return g_strdup("算法已改，不能比较");
  if (*aggregate == '\0') aggregate = was;
  if (fabs(now - before) < 1e-9) return change_words(now, before);
  if (g_strv_contains(shares, aggregate)) {
    g_autofree char *points = fabs(now - before) < 0.05 ? g_strdup("不到0.1") : g_strdup_printf("%.1f", fabs(now - before));
    if (g_str_has_suffix(points, ".0")) points[strlen(points) - 2] = '\0';
    return g_strdup_printf("%s%s个百分点", now > before ? "上升" : "下降", points);
  }
  return g_strv_contains(directions, aggregate) ? g_strdup(now > before ? "增加" : "减少") : change_words(now, before);
}

json_t *report_compare(json_t *now, json_t *before) {
  json_t *rows = json_array(), *figure, *befores = json_object_get(before, "figures"), *nows = json_object_get(now, "figures");
  const char *name;
  json_object_foreach(nows, name, figure) {
    json_t *former = json_object_get(befores, name);
    double value = json_number_value(json_object_get(figure, "value")), was = json_number_value(json_object_get(former, "value"));
    gboolean differs = former == NULL || fabs(value - was) > 1e-9 || !g_str_equal(text_at(figure, "text"), text_at(former, "text"));
    g_autofree char *change = former ? figure_change(figure, former) : g_strdup("上次没有");
    json_array_append_new(rows, json_pack("{s:s, s:f, s:s, s:f, s:s, s:s, s:b}", "figure", name, "value", value, "text", text_at(figure, "text"), "before", was,
      "before_text", text_at(former, "text"), "change", change, "differs", differs));
  }
  json_object_foreach(befores, name, figure) {
    if (json_object_get(nows, name) == NULL)
      json_array_append_new(rows, json_pack("{s:s, s:s, s:O, s:O, s:s, s:b}", "figure", name, "text", "", "before", json_object_get(figure, "value"), "before_text",
        json_object_get(figure, "text"), "change", "这次没有", "differs", TRUE));
  }
  return rows;
}
