/*
 * Rows from a spreadsheet, pasted or as a file: planned as a batch; what is wrong is told row by row, and nothing is written until it is confirmed on the batch's page
 * (pages-batch.c).
 *
 * 1. A small sheet is planned in the request, a large one by a job; until then its file waits in the archive's tmp/. What is left there goes after a day.
 */
#include "pages.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITING "ledger-import-"
enum { PASTE_SHOWN = 200, PROBLEMS_SHOWN = 500, WAITING_SECONDS = 86400, INLINE_ROWS = 1000 };

static gboolean begin(LedgerPage *page, WebRequest *request, GError **error) {
  if (!page_begin(page, request, FALSE, error) || !page_ledger(page, error)) return FALSE;
  return ledger_may_write(page->definition, page->asker) || throw(error, LANTAI_ERROR_DENIED, "您不能在台账“%s”中登记", page->definition->name);
}

/* The head row that all of them make, to be copied into a spreadsheet. */
static char *head_row(json_t *columns) {
  g_autoptr(GString) row = g_string_new(NULL);
  size_t i;
  json_t *column;
  json_array_foreach(columns, i, column) g_string_append_printf(row, "%s%s", i > 0 ? "\t" : "", text_at(column, "name"));
  return g_string_free(g_steal_pointer(&row), FALSE);
}

static void add_column(json_t *columns, const char *name, gboolean required) {
  json_array_append_new(columns, json_pack("{s:s, s:b}", "name", name, "required", required));
}

static json_t *frame(const LedgerPage *page, const char *title) {
  json_t *columns = json_array();
  const char *const first[] = {"标题", "日期"};
  if (page->definition->number != NULL) add_column(columns, "编号", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS(first); i++) {
    const LedgerField *field = ledger_field(page->definition, first[i]);
    add_column(columns, shown_label(page->definition, field), field->required);
  }
  for (guint i = 0; i < page->definition->field_count; i++) {
    const LedgerField *field = &page->definition->fields[i];
    gboolean there = g_str_equal(field->name, first[0]) || g_str_equal(field->name, first[1]);
    if (!there && field->type != FIELD_ROWS && form_shows(page, field) && !g_str_equal(field->name, "编号"))
      add_column(columns, field->name, field->required && field->when == NULL);
  }
  g_autofree char *head = head_row(columns);
  return json_pack("{s:o, s:o, s:o, s:s, s:b}", "title", json_sprintf("%s：%s", page->definition->name, title), "ledger", page_ledger_model(page), "known_columns",
    columns, "head_row", head, "has_number", page->definition->number != NULL);
}

/* What the room says of one row: text, list or {field: message}. */
static char *problem_words(json_t *problem) {
  g_autoptr(GString) out = g_string_new(NULL);
  const char *field;
  json_t *each;
  size_t i;
  if (json_is_string(problem)) return g_strdup(json_string_value(problem));
  if (json_is_array(problem)) json_array_foreach(problem, i, each) {
    g_autofree char *words = problem_words(each);
    g_string_append_printf(out, "%s%s", i ? "；" : "", words);
  }
  json_object_foreach(problem, field, each) {
    g_autofree char *words = problem_words(each);
    g_string_append_printf(out, "%s%s：%s", out->len ? "；" : "", field, words);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static json_t *problems_model(json_t *result) {
  json_t *problems = json_array(), *each;
  size_t i;
  json_array_foreach(json_object_get(result, "problems"), i, each) {
    if (i >= PROBLEMS_SHOWN) break;
    g_autofree char *words = problem_words(json_object_get(each, "problems"));
    json_array_append_new(problems, json_pack("{s:O?, s:s}", "row", json_object_get(each, "row"), "text", words));
  }
  return problems;
}

void import_result(json_t *model, json_t *result) {
  json_t *copy = json_copy(result);
  json_object_set_new(copy, "problems", problems_model(result));
  json_object_set_new(copy, "bad", json_integer((json_int_t)json_array_size(json_object_get(result, "problems"))));
  json_object_set_new(copy, "fine", json_boolean(int_at(result, "created") + int_at(result, "changed") > 0));
  json_object_set_new(model, "result", copy);
}

/* ---- a plan ---- */

typedef struct { const char *kind, *title, *path; guint limit; } Sheet;

/* The batch, planned; more than limit rows wait for a job, which removes the file afterwards. 0: it cannot be read. */
static gint64 plan_sheet(const LedgerPage *page, const Sheet *sheet, gboolean *ret_more, GError **error) {
  BatchNew as = {page->definition, page->asker, web_actor(page->request), sheet->kind, sheet->title, sheet->path, ""};
  g_autoptr(Sql) sql = sql_write(page->house->db, error);
  gint64 id = sql == NULL ? 0 : batch_new(sql, &as, error);
  if (id == 0 || !sql_commit(sql, error)) return 0;
  g_clear_pointer(&sql, sql_end);
  if (!import_plan(page->house, NULL, id, page->asker, sheet->limit, ret_more, error)) {
    batch_drop(page->house, id, NULL);
    return 0;
  }
  if (!*ret_more) return id;
  json_auto_t *parameters = json_pack("{s:I, s:s}", "batch", (json_int_t)id, "path", sheet->path);
  sql = sql_write(page->house->db, error);
  return sql != NULL && job_queue(sql, "ledger.plan", "ledger_batch", id, parameters, as.actor, error) != 0 && sql_commit(sql, error) ? id : 0;
}

static LedgerPage without_sql(LedgerPage *page) {
  LedgerPage after = *page;
  page_end(page); /* planning reads and writes on its own */
  after.sql = NULL;
  return after;
}

/* What cannot be read at all is told on the form it came from, with what was typed; other failures pass. */
static WebReply *unread(json_t *model, const char *key, const char *value, GError **error) {
  if (error == NULL || !g_error_matches(*error, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return NULL;
  put_text_at(model, "problem", (*error)->message);
  if (key != NULL) put_text_at(model, key, value);
  g_clear_error(error);
  return web_model_status(json_incref(model), 422);
}

/* ---- pasted ---- */

/* The rows as they were pasted, with what is wrong beside each. */
static json_t *pasted_rows(const char *text, json_t *problems) {
  json_t *rows = json_array(), *problem;
  g_auto(GStrv) lines = g_strsplit(text, "\n", PASTE_SHOWN + 1);
  gsize i;
  for (guint n = 0; lines[n] != NULL && n < PASTE_SHOWN; n++) {
    if (*g_strchomp(lines[n]) == '\0') continue;
    g_auto(GStrv) cells = g_strsplit(lines[n], "\t", 100);
    json_t *row = json_pack("{s:i, s:[]}", "row", (int)n + 1, "cells");
    for (guint k = 0; cells[k] != NULL; k++) json_array_append_new(json_object_get(row, "cells"), json_string(cells[k]));
    json_array_foreach(problems, i, problem)
      if (int_at(problem, "row") == (gint64)n + 1) json_object_set(row, "fault", json_object_get(problem, "text"));
    json_array_append_new(rows, row);
  }
  return rows;
}

static char *tmp_folder(const House *house) { return g_build_filename(house->dir != NULL ? house->dir : g_get_tmp_dir(), "tmp", NULL); }

static char *write_paste(const House *house, const char *text, GError **error) {
  g_autofree char *folder = tmp_folder(house), *path = g_strdup_printf("%s/ledger-paste-XXXXXX.tsv", folder);
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立临时目录：%s", error_reason(errno));
  int fd = g_mkstemp_full(path, O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立临时文件：%s", error_reason(errno));
  gsize length = strlen(text);
  gboolean fine = write(fd, text, length) == (ssize_t)length && write(fd, "\n", 1) == 1;
  close(fd);
  if (fine) return g_steal_pointer(&path);
  g_unlink(path);
  return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写临时文件，请检查磁盘空间");
}

WebReply *paste_page(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!begin(&page, request, error)) return NULL;
  json_auto_t *model = frame(&page, "粘贴表格");
  json_object_set_new(model, "is_paste", json_true());
  gint64 corrected = web_int(request, "batch", 0);
  g_autofree char *text = corrected == 0 ? NULL : batch_corrections(&page, corrected, error);
  if (corrected != 0 && text == NULL) return NULL;
  put_text_at(model, "text", text != NULL ? text : "");
  return web_model(g_steal_pointer(&model));
}

WebReply *take_paste(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!begin(&page, request, error)) return NULL;
  const char *text = web_text(request, "text");
  json_auto_t *model = frame(&page, "粘贴表格");
  json_object_set_new(model, "is_paste", json_true());
  g_autofree char *path = write_paste(page.house, text, error);
  if (path == NULL) return NULL;
  LedgerPage after = without_sql(&page);
  gboolean more = FALSE;
  gint64 id = plan_sheet(&after, &(Sheet){"粘贴表格", "", path, INLINE_ROWS}, &more, error);
  if (!more) g_unlink(path);
  if (id == 0) return unread(model, "text", text, error);
  if (more) return web_redirect("/ledger-batch/%" G_GINT64_FORMAT, id);
  g_autoptr(Sql) sql = sql_read(after.house->db, error);
  json_auto_t *batch = sql == NULL ? NULL : batch_load(sql, id, error);
  if (batch == NULL) return NULL;
  import_result(model, json_object_get(batch, "report"));
  json_object_set_new(model, "batch", json_integer(id));
  put_text_at(model, "text", text);
  json_object_set_new(model, "pasted", pasted_rows(text, json_object_get(json_object_get(model, "result"), "problems")));
  return web_model(g_steal_pointer(&model));
}

/* ---- a file ---- */

static void forget_old(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GStatBuf info;
    if (g_str_has_prefix(name, WAITING) && g_stat(path, &info) == 0 && info.st_mtime + WAITING_SECONDS < time(NULL)) g_unlink(path);
  }
}

/* Keeps the upload until it has been read. */
static char *keep_upload(WebRequest *request, GError **error) {
  g_autofree char *folder = tmp_folder(web_house(request)), *random = g_uuid_string_random(), *path = NULL;
  const char *name = web_file_name(request, "file"), *dot = name == NULL ? NULL : strrchr(name, '.');
  char ending[8] = "";
  for (guint i = 0; dot != NULL && i + 1 < sizeof ending && (i == 0 || g_ascii_isalnum(dot[i])) && dot[i]; i++) ending[i] = dot[i];
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立临时目录：%s", error_reason(errno));
  forget_old(folder);
  g_autofree char *token = g_strconcat(WAITING, random, ending, NULL);
  path = g_build_filename(folder, token, NULL);
  g_autofree char *upload = web_file_steal(request, "file");
  if (g_rename(upload, path) != 0) {
    g_unlink(upload);
    return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能保存上传的表格：%s", error_reason(errno));
  }
  return g_steal_pointer(&path);
}

WebReply *import_page(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  return begin(&page, request, error) ? web_model(frame(&page, "导入表格")) : NULL;
}

WebReply *take_import(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!begin(&page, request, error)) return NULL;
  json_auto_t *model = frame(&page, "导入表格");
  if (web_file_path(request, "file") == NULL) return throw(error, LANTAI_ERROR_INVALID, "请选择电子表格文件"), unread(model, NULL, NULL, error);
  const char *name = web_file_name(request, "file");
  g_autofree char *path = keep_upload(request, error);
  if (path == NULL) return NULL;
  LedgerPage after = without_sql(&page);
  gboolean more = FALSE;
  gint64 id = plan_sheet(&after, &(Sheet){"表格导入", name != NULL ? name : "", path, INLINE_ROWS}, &more, error);
  if (!more) g_unlink(path);
  return id == 0 ? unread(model, NULL, NULL, error) : web_redirect("/ledger-batch/%" G_GINT64_FORMAT, id);
}
