/*
 * A sheet's batch on its page: what the rehearsal found, writing it, its progress, what was left, taking it back.
 *
 * 1. A batch is shown to who planned it, as long as he may write the ledger; its entries pass the gate once more.
 */
#include "pages.h"
#include "format.h"

enum { ROWS_SHOWN = 100, BATCHES_SHOWN = 50, WRONG_AT_ONCE = 200, CORRECTED_HERE = 200 };

static const struct { const char *name, *label, *tone; } STATES[] = {{"planning", "正在核对", "info"}, {"planned", "还没有写入", "info"}, {"running", "正在写入", "warn"},
  {"done", "已写入", "ok"}, {"undoing", "正在撤销", "warn"}, {"undone", "已撤销", "muted"}};
static const struct { const char *show, *label; BatchState state; } LISTS[] = {{"wrong", "有误，不写入", BATCH_WRONG}, {"waiting", "将写入", BATCH_WAITING},
  {"made", "已写入", BATCH_MADE}, {"left", "没有写入", BATCH_LEFT}, {"undone", "已撤销", BATCH_UNDONE}, {"kept", "没有撤销", BATCH_KEPT}};

static json_t *load_own(LedgerPage *page, GError **error) {
  json_auto_t *batch = batch_load(page->sql, web_int(page->request, "id", 0), error);
  if (batch == NULL) return NULL;
  page->definition = ledger_of(int_at(batch, "ledger_id"));
  if (page->definition != NULL && g_str_equal(text_at(batch, "actor"), web_actor(page->request)) && ledger_may_write(page->definition, page->asker))
    return g_steal_pointer(&batch);
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一批，或不是您的");
}

static void add_state(json_t *model, json_t *batch) {
  for (guint i = 0; i < G_N_ELEMENTS(STATES); i++) {
    if (!g_str_equal(STATES[i].name, text_at(batch, "state"))) continue;
    put_text_at(model, "state_label", STATES[i].label);
    put_text_at(model, "state_tone", STATES[i].tone);
    json_object_set_new(model, "is_planned", json_boolean(g_str_equal(STATES[i].name, "planned")));
    json_object_set_new(model, "is_planning", json_boolean(g_str_equal(STATES[i].name, "planning")));
  }
}

/* TRUE: a job is at it, or will be. */
static gboolean add_job(json_t *model, Sql *sql, gint64 id) {
  json_auto_t *job = job_latest(sql, "ledger_batch", id, NULL);
  const char *state = job != NULL ? text_at(job, "state") : "";
  gboolean running = g_str_equal(state, "running"), active = running || g_str_equal(state, "queued");
  if (g_str_equal(state, "failed")) json_object_set(model, "problem", json_object_get(job, "error"));
  if (!active) return FALSE;
  json_object_set_new(job, "running", json_boolean(running));
  json_object_set(model, "job", job);
  return TRUE;
}

/* The lists that have rows, and of the chosen one a page. */
static gboolean add_lists(LedgerPage *page, json_t *model, gint64 id, GError **error) {
  const char *show = web_text(page->request, "show");
  json_t *lists = json_array(), *rows = NULL;
  json_object_set_new(model, "lists", lists);
  for (guint i = 0; i < G_N_ELEMENTS(LISTS); i++) {
    gint64 count = batch_count(page->sql, id, LISTS[i].state);
    json_object_set_new(model, LISTS[i].show, json_integer(count));
    if (count == 0) continue;
    gboolean chosen = rows == NULL && (show == NULL || g_str_equal(show, LISTS[i].show));
    if (chosen && (rows = batch_rows(page->sql, page->asker, id, LISTS[i].state, web_int(page->request, "after", 0), ROWS_SHOWN, error)) == NULL) return FALSE;
    json_array_append_new(lists, json_pack("{s:s, s:s, s:I, s:b}", "show", LISTS[i].show, "label", LISTS[i].label, "count", (json_int_t)count, "chosen", chosen));
    if (!chosen) continue;
    put_text_at(model, "show", LISTS[i].show);
    json_object_set_new(model, "wrong_shown", json_boolean(LISTS[i].state == BATCH_WRONG));
    if (json_array_size(rows) == ROWS_SHOWN) json_object_set(model, "next", json_object_get(json_array_get(rows, ROWS_SHOWN - 1), "turn"));
  }
  json_object_set_new(model, "rows", rows != NULL ? rows : json_array());
  return TRUE;
}

/* FALSE: it is of a sheet. */
static gboolean add_report(json_t *model, json_t *batch) {
  json_t *report = json_object_get(batch, "report");
  gboolean is_change = g_str_equal(text_at(batch, "kind"), BULK_KIND);
  if (is_change) json_object_set(model, "change", report);
  return is_change;
}

WebReply *page_batch(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error)) return NULL;
  json_auto_t *batch = load_own(&page, error);
  if (batch == NULL) return NULL;
  gint64 id = int_at(batch, "id");
  json_auto_t *model = json_pack("{s:s, s:o, s:O, s:i}", "title", text_at(batch, "kind"), "ledger", page_ledger_model(&page), "batch", batch, "days", BATCH_UNDO_DAYS);
  add_state(model, batch);
  gboolean idle = !add_job(model, page.sql, id);
  if (!add_lists(&page, model, id, error)) return NULL;
  gboolean planned = json_is_true(json_object_get(model, "is_planned")), broken = g_str_equal(text_at(batch, "state"), "running");
  if (!add_report(model, batch) && planned) import_result(model, json_object_get(batch, "report"));
  json_object_set_new(model, "may_make", json_boolean(idle && (planned || broken) && int_at(model, "waiting") > 0));
  json_object_set_new(model, "may_undo", json_boolean(idle && !planned && int_at(model, "made") > 0 && batch_may_undo(batch)));
  json_object_set_new(model, "corrected_here", json_boolean(int_at(model, "wrong") <= CORRECTED_HERE));
  for (const char *const *own = (const char *const[]){"path", "digest", "report", "everything", NULL}; *own != NULL; own++) json_object_del(batch, *own);
  return web_model(g_steal_pointer(&model));
}

/* ---- the rows that were wrong, as they were, to be corrected ---- */

static gboolean write_wrong(Sql *sql, gint64 id, guint columns, TableWriter *sheet, GError **error) {
  for (gint64 after = 0;;) {
    json_auto_t *rows = batch_wrong(sql, id, after, WRONG_AT_ONCE, error);
    size_t i, k;
    json_t *row, *line;
    if (rows == NULL) return FALSE;
    json_array_foreach(rows, i, row) {
      g_autofree char *why = g_strdup_printf("第 %d 行：%s", (int)int_at(row, "row"), text_at(row, "problem"));
      json_auto_t *none = json_pack("[[]]"), *lines = json_incref(json_object_get(row, "lines"));
      json_array_foreach(json_is_array(lines) ? lines : none, k, line) {
        g_autofree const char **cells = g_new0(const char *, columns + 2);
        cells[0] = k == 0 ? why : "";
        for (guint c = 0; c < columns; c++) cells[c + 1] = json_string_value(json_array_get(line, c)) ?: "";
        format_xlsx_row(sheet, cells);
      }
      after = int_at(row, "turn");
    }
    if (json_array_size(rows) < WRONG_AT_ONCE) return TRUE;
  }
}

WebReply *page_wrong(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error)) return NULL;
  json_auto_t *batch = load_own(&page, error);
  if (batch == NULL) return NULL;
  json_t *columns = json_object_get(json_object_get(batch, "report"), "columns"), *column;
  g_autoptr(GPtrArray) headings = g_ptr_array_new();
  size_t i;
  g_ptr_array_add(headings, (gpointer)FAULT_COLUMN);
  json_array_foreach(columns, i, column) g_ptr_array_add(headings, (gpointer)text_at(column, "heading"));
  g_ptr_array_add(headings, NULL);
  g_autofree char *path = sheet_begin(page.house, ".xlsx", error), *name = g_strdup_printf("%s（待改）.xlsx", page.definition->name);
  TableWriter *sheet = path == NULL ? NULL : format_xlsx_new(path, page.definition->name, (const char *const *)headings->pdata, error);
  if (sheet == NULL) return NULL;
  gboolean written = write_wrong(page.sql, int_at(batch, "id"), (guint)json_array_size(columns), sheet, error);
  return sheet_reply(path, name, format_xlsx_close(sheet, written ? error : NULL) && written, error);
}

/* A cell as a spreadsheet would copy it: on one line. */
static void append_cell(GString *text, const char *cell) {
  g_autofree char *line = g_strdelimit(g_strdup(cell), "\t\r\n", ' ');
  g_string_append(text, line);
}

char *batch_corrections(LedgerPage *page, gint64 id, GError **error) {
  json_auto_t *batch = batch_load(page->sql, id, error), *rows = batch == NULL ? NULL : batch_wrong(page->sql, id, 0, CORRECTED_HERE, error);
  if (rows == NULL) return NULL;
  if (int_at(batch, "ledger_id") != page->definition->id || !g_str_equal(text_at(batch, "actor"), web_actor(page->request)))
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次导入，或不是您导入的");
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i, k, c;
  json_t *row, *line, *cell;
  json_array_foreach(json_object_get(json_object_get(batch, "report"), "columns"), i, cell) {
    if (i > 0) g_string_append_c(text, '\t');
    append_cell(text, text_at(cell, "heading"));
  }
  json_array_foreach(rows, i, row)
    json_array_foreach(json_object_get(row, "lines"), k, line) {
      g_string_append_c(text, '\n');
      json_array_foreach(line, c, cell) {
        if (c > 0) g_string_append_c(text, '\t');
        append_cell(text, json_string_value(cell));
      }
    }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static WebReply *begin_batch(WebRequest *request, gboolean undo, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error)) return NULL;
  json_auto_t *batch = load_own(&page, error);
  if (batch == NULL) return NULL;
  gint64 id = int_at(batch, "id");
  page_end(&page);
  if (!batch_begin(page.house, id, web_actor(request), undo, FALSE, error)) return NULL;
  return web_redirect("/ledger-batch/%" G_GINT64_FORMAT, id);
}

WebReply *make_batch(WebRequest *request, GError **error) { return begin_batch(request, FALSE, error); }
WebReply *undo_batch(WebRequest *request, GError **error) { return begin_batch(request, TRUE, error); }

json_t *batches_model(const LedgerPage *page, GError **error) {
  gint64 before = web_int(page->request, "before", 0);
  json_t *batches = sql_json(page->sql, "SELECT id, at_us AS at, kind, title, state, total FROM ledger_batch WHERE ledger_id = $1 AND actor = $2 AND id < $3 "
    "AND state <> 'dropping' ORDER BY id DESC LIMIT $4", SQL_ARGS(sql_int(page->definition->id), sql_text(web_actor(page->request)),
      sql_int(before > 0 ? before : G_MAXINT64), sql_int(BATCHES_SHOWN)), error), *batch;
  if (batches == NULL) return NULL;
  size_t i;
  json_array_foreach(batches, i, batch) add_state(batch, batch);
  json_t *model = json_pack("{s:o}", "batches", batches);
  if (json_array_size(batches) == BATCHES_SHOWN) json_object_set(model, "next", json_object_get(json_array_get(batches, BATCHES_SHOWN - 1), "id"));
  return model;
}

const JobKind LEDGER_JOBS[] = {
  {"ledger.plan", "核对台账表格", import_job, JOB_HEAVY},
  {"ledger.change", "核对台账成批修改", bulk_job, JOB_HEAVY},
  {"ledger.batch", "台账成批写入", batch_run, JOB_HEAVY},
  {"ledger.unbatch", "撤销台账成批写入", batch_run, JOB_HEAVY},
  {NULL},
};
