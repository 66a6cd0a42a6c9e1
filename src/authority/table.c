/*
 * The list of authorities as a table, out and in.
 *
 * 1. What is given out can be taken in again and changes nothing. A row is one that is there by its number, else by kind and name; else it is new.
 * 2. A rehearsal does what taking in does, in transactions that are not committed: what it says of a row is what would happen to it.
 * 3. Taken in a second time, a table changes nothing. An empty cell of a column that is there empties what was there; a column that is not there changes nothing.
 */
#include "internal.h"
#include "crypto.h"
#include "format.h"
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER, KIND, NAME, OTHERS, BEGIN, END, PLACES, FUNCTIONS, HISTORY, SOURCES, NOTE, SYNONYMS, COLUMNS };
static const char *const HEADER[] = {"编号", "种类", "规范名称", "其他名称", "起始时间", "终止时间", "所在地", "职能", "沿革（生平）", "依据", "附注", "检索同义", NULL};
static const char *const KEYS[] = {NULL, NULL, "name", NULL, "begin", "end", "places", "functions", "history", "sources", "note", NULL};

enum { PAGE = 500, AT_ONCE = 2000, ROWS_MOST = 20000, LOT = 500, FAULTS_SHOWN = 200, CHANGES_SHOWN = 200 };

/* ---- out ---- */

/* "旧称：北平市政府（1928—1949）；简称：市府" */
static char *names_cell(json_t *authority) {
  GString *cell = g_string_new(NULL);
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(authority, "names"), i, name) {
    const char *dates = text_at(name, "dates");
    g_string_append_printf(cell, "%s%s：%s%s%s%s", i ? "；" : "", word_label(NAME_TYPES, text_at(name, "type")), text_at(name, "name"), *dates ? "【" : "",
      dates, *dates ? "】" : "");
  }
  return g_string_free(cell, FALSE);
}

static gint64 count_live(Sql *sql) { return sql_number(sql, "SELECT COUNT(*) AS live FROM authority WHERE state = 'live' AND topical = 0", SQL_NONE, 0, NULL); }

typedef gboolean (*VisitRow)(const char *const *cells, gpointer data);

/* job: told how far it is; NULL: here and now. Told to stop it ends early and begins anew later. */
static gboolean each_row(const House *house, Job *job, VisitRow visit, gpointer data, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autofree char *after = NULL;
  gint64 after_id = 0, done = 0, total = sql == NULL || job == NULL ? 0 : count_live(sql);
  for (gboolean more = sql != NULL; more && (job == NULL || !job_should_stop(job)); done += PAGE) {
    if (job != NULL) job_progress(job, MIN(done, total), total, "条", "写表");
    const AuthorityAsk ask = {.after_name = after, .after_id = after_id, .limit = PAGE};
    json_auto_t *rows = authority_list(sql, &ask, error);
    if (rows == NULL) return FALSE;
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
      g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, int_at(row, "id")), *names = names_cell(row);
      const char *cells[COLUMNS + 1] = {number, word_label(AUTHORITY_KINDS, text_at(row, "kind")), NULL, names};
      for (guint k = 0; k < COLUMNS; k++)
        if (KEYS[k] != NULL) cells[k] = text_at(row, KEYS[k]);
      cells[SYNONYMS] = json_is_true(json_object_get(row, "synonyms")) ? "是" : "否";
      if (!visit(cells, data)) return FALSE;
    }
    more = json_array_size(rows) == PAGE;
    json_t *last = json_array_get(rows, json_array_size(rows) - 1);
    g_free(after);
    after = g_strdup(text_at(last, "name"));
    after_id = int_at(last, "id");
  }
  return sql != NULL;
}

static gboolean xlsx_row(const char *const *cells, gpointer data) {
  format_xlsx_row(data, cells);
  return TRUE;
}

static gboolean csv_row(const char *const *cells, gpointer data) {
  g_autoptr(GString) line = g_string_new(NULL);
  for (guint i = 0; cells[i] != NULL; i++) {
    g_auto(GStrv) parts = g_strsplit(cells[i], "\"", -1);
    g_autofree char *quoted = g_strjoinv("\"\"", parts);
    g_string_append_printf(line, "%s\"%s\"", i ? "," : "", quoted);
  }
  g_string_append(line, "\r\n");
  return fwrite(line->str, 1, line->len, data) == line->len;
}

static char *temporary(const House *house, GError **error) {
  g_autofree char *folder = g_build_filename(house->dir, "tmp", NULL), *path = g_build_filename(folder, "authorities-XXXXXX", NULL);
  g_mkdir_with_parents(folder, 0750);
  int made = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
  if (made < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写临时文件。请检查磁盘空间");
  close(made);
  return g_steal_pointer(&path);
}

static WebReply *send_file(const char *path, const char *mime, const char *name, GError **error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  g_unlink(path);
  if (fd < 0 || fstat(fd, &status) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能读临时文件。请再试一次");
  return web_fd(fd, status.st_size, mime, name, FALSE, NULL);
}

static gboolean write_xlsx(const House *house, Job *job, const char *path, GError **error) {
  TableWriter *writer = format_xlsx_new(path, "名称规范", HEADER, error);
  if (writer == NULL) return FALSE;
  gboolean read = each_row(house, job, xlsx_row, writer, error), closed = format_xlsx_close(writer, read ? error : NULL);
  return read && closed;
}

static gboolean write_csv(const House *house, Job *job, const char *path, GError **error) {
  FILE *file = g_fopen(path, "w");
  if (file == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写临时文件。请检查磁盘空间");
  g_autoptr(GError) local = NULL;
  gboolean written = fputs("\357\273\277", file) >= 0 && csv_row(HEADER, file) && each_row(house, job, csv_row, file, &local);
  written = fclose(file) == 0 && written;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return written || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写临时文件。请检查磁盘空间");
}

static const struct {
  const char *name, *label, *mime, *file;
  gboolean (*write)(const House *house, Job *job, const char *path, GError **error);
} TABLES[] = {{"xlsx", "Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "名称规范.xlsx", write_xlsx},
  {"csv", "CSV", "text/csv; charset=utf-8", "名称规范.csv", write_csv}};

/* A long list is written in the background, to be fetched: DIR/exports/authorities/table.csv, the last one made. */
static char *made_path(const House *house, guint table) {
  g_autofree char *name = g_strconcat("table.", TABLES[table].name, NULL);
  return g_build_filename(house->dir, "exports", "authorities", name, NULL);
}

gboolean authority_table_job(const House *house, Job *job, json_t *parameters, GError **error) {
  guint table = json_integer_value(json_object_get(parameters, "table")) == 1;
  g_autofree char *path = made_path(house, table), *folder = g_path_get_dirname(path), *part = g_strconcat(path, ".part", NULL);
  g_mkdir_with_parents(folder, 0750);
  if (!TABLES[table].write(house, job, part, error)) return g_unlink(part), FALSE;
  if (job_should_stop(job)) return g_unlink(part), TRUE;
  return g_rename(part, path) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件。请检查磁盘空间");
}

static WebReply *send_made(const House *house, guint table, GError **error) {
  g_autofree char *path = made_path(house, table);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这张表还没有制作，或已清理。请重新制作");
  return web_fd(fd, status.st_size, TABLES[table].mime, TABLES[table].file, FALSE, NULL);
}

static WebReply *send_table(WebRequest *request, guint table, GError **error) {
  const House *house = web_house(request);
  if (web_flag(request, "made")) return send_made(house, table, error);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return NULL;
  if (count_live(sql) > AT_ONCE) return web_redirect("/authorities/table");
  g_clear_pointer(&sql, sql_end);
  g_autofree char *path = temporary(house, error);
  if (path == NULL) return NULL;
  if (!TABLES[table].write(house, NULL, path, error)) return g_unlink(path), NULL;
  return send_file(path, TABLES[table].mime, TABLES[table].file, error);
}

WebReply *page_authorities_xlsx(WebRequest *request, GError **error) { return send_table(request, 0, error); }
WebReply *page_authorities_csv(WebRequest *request, GError **error) { return send_table(request, 1, error); }

/* ---- /authorities/table: what was made, and making it ---- */

WebReply *page_authorities_table(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return NULL;
  json_t *tables = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(TABLES); i++) {
    g_autofree char *path = made_path(house, i);
    struct stat status;
    gboolean made = stat(path, &status) == 0;
    json_t *row = json_pack("{s:s, s:s, s:b}", "name", TABLES[i].name, "label", TABLES[i].label, "made", made);
    if (made) json_object_set_new(row, "at", json_integer((json_int_t)status.st_mtime * G_USEC_PER_SEC));
    json_t *job = job_latest(sql, "authority.table", i, NULL);
    json_object_del(job, "actor"); /* who asked for it is for the staff */
    const char *state = text_at(job, "state");
    json_object_set_new(row, "job", g_str_equal(state, "queued") || g_str_equal(state, "running") ? json_incref(job) : json_null());
    if (g_str_equal(state, "failed")) json_object_set(row, "problem", json_object_get(job, "error"));
    json_decref(job);
    json_array_append_new(tables, row);
  }
  return web_model(json_pack("{s:s, s:I, s:o, s:b}", "title", "导出名称规范", "count", (json_int_t)count_live(sql), "tables", tables, "may_make",
    web_may(request, PERMISSION_EDIT)));
}

WebReply *make_authorities_table(WebRequest *request, GError **error) {
  guint table = g_strcmp0(web_text(request, "format"), TABLES[1].name) == 0;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *parameters = json_pack("{s:i}", "table", (int)table);
  if (sql == NULL || job_queue(sql, "authority.table", "authority.table", table, parameters, web_actor(request), error) == 0 || !sql_commit(sql, error)) return NULL;
  return web_redirect("/authorities/table");
}

WebReply *page_authority_eac(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  const Settings *settings = web_house(request)->settings;
  char *xml = sql == NULL ? NULL : authority_eac(sql, web_int(request, "id", 0), settings_text(settings, "archive.name"), settings_archive_code(settings), error);
  return xml == NULL ? NULL : web_bytes(g_bytes_new_take(xml, strlen(xml)), "application/xml; charset=utf-8");
}

/* ---- in: one row ---- */

typedef struct { int at[COLUMNS]; } Columns; /* -1: not there */

static Columns read_header(const TableRow *row) {
  Columns columns;
  for (guint k = 0; k < COLUMNS; k++) {
    columns.at[k] = -1;
    g_autofree char *wanted = name_key(HEADER[k]);
    for (guint i = 0; i < row->count; i++) {
      g_autofree char *is = name_key(row->cells[i]);
      if (columns.at[k] < 0 && g_str_equal(is, wanted)) columns.at[k] = (int)i;
    }
  }
  return columns;
}

static const char *cell(const TableRow *row, const Columns *columns, guint column) {
  int at = columns->at[column];
  return at < 0 || at >= (int)row->count ? "" : row->cells[at];
}

static const char *word_named(const Word *words, const char *label) {
  g_autofree char *key = name_key(label);
  for (; words->name != NULL; words++) {
    g_autofree char *is = name_key(words->label);
    if (*key != '\0' && (g_str_has_prefix(is, key) || strstr(is, key) != NULL)) return words->name;
  }
  return NULL;
}

/* One other name: "旧称：北平市政府【1928—1949】"; without a type: 其他. */
static gboolean read_name(const char *text, json_t *names, GError **error) {
  g_autofree char *whole = text_clean(text, FALSE);
  if (*whole == '\0') return TRUE;
  const char *type = "other", *colon = strstr(whole, "：");
  gsize width = colon ? strlen("：") : 1;
  if (colon == NULL) colon = strchr(whole, ':');
  g_autofree char *label = colon ? g_strndup(whole, (gsize)(colon - whole)) : NULL;
  if (label != NULL && (type = word_named(NAME_TYPES, label)) == NULL) return throw(error, LANTAI_ERROR_INVALID,
    "其他名称的类型“%s”不认识，可用：曾用名、旧称、简称、别名、字号、笔名、异体、外文名、其他", label);
  char *name = colon ? (char *)colon + width : whole, *open = strstr(name, "【");
  g_autofree char *dates = open ? g_strdup(open + strlen("【")) : g_strdup("");
  if (open != NULL) *open = '\0';
  if (strstr(dates, "】")) *strstr(dates, "】") = '\0';
  json_array_append_new(names, json_pack("{s:s, s:s, s:s}", "name", name, "type", type, "dates", dates));
  return TRUE;
}

static gboolean fill_names(json_t *authority, const char *text, GError **error) {
  json_t *names = json_array();
  json_object_set_new(authority, "names", names);
  g_autofree char *plain = g_strdup(text);
  for (char *at = plain; (at = strstr(at, "；")) != NULL; at += 3) memcpy(at, "\n\n\n", 3);
  g_auto(GStrv) parts = g_strsplit_set(plain, "\n;", -1);
  for (char **part = parts; *part != NULL; part++)
    if (!read_name(*part, names, error)) return FALSE;
  return TRUE;
}

static json_t *row_before(Sql *sql, const TableRow *row, const Columns *columns, const char *kind, GError **error) {
  const char *number = cell(row, columns, NUMBER);
  if (*number != '\0') {
    char *end;
    gint64 id = g_ascii_strtoll(number, &end, 10);
    if (id <= 0 || *end != '\0') return throw_null(error, LANTAI_ERROR_INVALID, "编号“%s”不是数字。新的记录编号留空", number);
    json_t *there = authority_load(sql, id, error);
    if (there != NULL && kind_is_topical(text_at(there, "kind"))) return json_decref(there), throw_null(error, LANTAI_ERROR_INVALID, "编号 %s 是专题，不是名称规范",
      number);
    return there;
  }
  gint64 id = authority_named(sql, kind, cell(row, columns, NAME));
  json_auto_t *same = id ? authority_load(sql, id, error) : NULL;
  if (same != NULL && g_str_equal(text_at(same, "name"), cell(row, columns, NAME))) return g_steal_pointer(&same);
  return json_pack("{s:i, s:s, s:b, s:[]}", "id", 0, "kind", kind, "synonyms", g_str_equal(kind, "body"), "names");
}

/* The state that the row asks for; NULL with the reason. */
static json_t *row_wanted(Sql *sql, const TableRow *row, const Columns *columns, GError **error) {
  const char *said = cell(row, columns, KIND), *kind = *said ? word_named(AUTHORITY_KINDS, said) : "body";
  if (kind == NULL || kind_is_topical(kind)) return throw_null(error, LANTAI_ERROR_INVALID, "种类“%s”不认识，应为机构、人物、家族或地名", said);
  json_auto_t *wanted = row_before(sql, row, columns, kind, error);
  if (wanted == NULL) return NULL;
  if (*said) set_text(wanted, "kind", kind);
  for (guint k = 0; k < COLUMNS; k++)
    if (KEYS[k] != NULL && columns->at[k] >= 0) set_text(wanted, KEYS[k], cell(row, columns, k));
  const char *synonyms = cell(row, columns, SYNONYMS);
  if (columns->at[SYNONYMS] >= 0 && *synonyms) json_object_set_new(wanted, "synonyms", json_boolean(g_str_equal(synonyms, "是")));
  if (columns->at[OTHERS] >= 0 && !fill_names(wanted, cell(row, columns, OTHERS), error)) return NULL;
  return g_steal_pointer(&wanted);
}

/* ---- in: the table ---- */

typedef struct {
  const House *house;
  const char *actor;
  gboolean rehearsal;
  gint64 created, changed, unchanged, rows;
  json_t *faults, *changes; /* the first of them */
  gint64 fault_count;
  Sql *sql;
} Taking;

static gboolean settle(Taking *taking, GError **error) {
  if (taking->sql == NULL || taking->rehearsal) return TRUE; /* a rehearsal goes on to its end in one transaction, so that rows see the rows before */
  if (!sql_commit(taking->sql, error)) return FALSE;
  g_clear_pointer(&taking->sql, sql_end);
  return TRUE;
}

static gboolean take_row(Taking *taking, const TableRow *row, const Columns *columns, GError **error) {
  if (taking->sql == NULL && (taking->sql = sql_write(taking->house->db, error)) == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  json_auto_t *wanted = row_wanted(taking->sql, row, columns, &local);
  gint64 before = wanted ? int_at(wanted, "id") : 0, rev = wanted ? int_at(wanted, "rev") : 0;
  gint64 id = wanted ? authority_save(taking->sql, taking->actor, wanted, 0, &local) : 0;
  taking->rows++;
  if (id == 0) {
    if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID) && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) &&
      !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
    if (taking->fault_count++ < FAULTS_SHOWN)
      json_array_append_new(taking->faults, json_pack("{s:i, s:s, s:s}", "row", (int)row->number, "name", cell(row, columns, NAME), "problem", local->message));
    return TRUE;
  }
  json_auto_t *after = authority_load(taking->sql, id, error);
  if (after == NULL) return FALSE;
  gboolean created = before == 0, changed = !created && int_at(after, "rev") != rev;
  *(created ? &taking->created : changed ? &taking->changed : &taking->unchanged) += 1;
  if ((created || changed) && json_array_size(taking->changes) < CHANGES_SHOWN)
    json_array_append_new(taking->changes, json_pack("{s:i, s:s, s:s}", "row", (int)row->number, "name", text_at(after, "name"), "what",
      created ? "新建" : "修改"));
  return TRUE;
}

static gboolean take_table(Taking *taking, const char *path, GError **error) {
  g_autoptr(TableReader) reader = format_table_open(path, error);
  if (reader == NULL) return FALSE;
  TableRow row;
  g_autoptr(GError) local = NULL;
  if (!format_table_next(reader, &row, &local)) return local ? (g_propagate_error(error, g_steal_pointer(&local)), FALSE) : throw(error,
    LANTAI_ERROR_INVALID, "表中没有内容");
  Columns columns = read_header(&row);
  if (columns.at[NAME] < 0) return throw(error, LANTAI_ERROR_INVALID, "第一行没有“规范名称”一栏。请先导出名称规范，按导出的栏目填写");
  while (format_table_next(reader, &row, &local)) {
    if (taking->rows >= ROWS_MOST) return throw(error, LANTAI_ERROR_TOO_LARGE, "一次最多导入 %d 行，请分几个文件", ROWS_MOST);
    if (!take_row(taking, &row, &columns, error)) return FALSE;
    if (taking->rows % LOT == 0 && !settle(taking, error)) return FALSE;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return settle(taking, error);
}

static json_t *take(const House *house, const char *actor, const char *path, gboolean rehearsal, GError **error) {
  Taking taking = {.house = house, .actor = actor, .rehearsal = rehearsal, .faults = json_array(), .changes = json_array()};
  gboolean taken = take_table(&taking, path, error);
  g_clear_pointer(&taking.sql, sql_end);
  if (!rehearsal) synonyms_changed(house);
  json_t *result = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:b}", "rows", (json_int_t)taking.rows, "created", (json_int_t)taking.created, "changed",
    (json_int_t)taking.changed,
    "unchanged", (json_int_t)taking.unchanged, "fault_count", (json_int_t)taking.fault_count, "faults", taking.faults, "changes", taking.changes,
      "rehearsal", rehearsal);
  if (taken) return result;
  json_decref(result);
  return NULL;
}

/* ---- in: the pages ---- */

WebReply *page_import(WebRequest *request, GError **error) { return web_model(json_pack("{s:b}", "fresh", TRUE)); }

/* A rehearsed file waits under a name that nobody can guess; it is taken in as it was rehearsed, by whoever rehearsed it. */
static char *waiting(const House *house, const char *actor, const char *token, GError **error) {
  for (const char *at = token; *at; at++)
    if (!g_ascii_isalnum(*at) && *at != '-' && *at != '_') return throw_null(error, LANTAI_ERROR_INVALID, "这个文件已不在，请重新选择文件预演");
  g_autofree char *name = g_strdup_printf("%s|%s", actor, token), *digest = crypto_digest_hex(DIGEST_SM3, name, strlen(name)),
    *file = g_strconcat("authorities-", digest, NULL);
  return g_build_filename(house->dir, "tmp", file, NULL);
}

WebReply *page_import_take(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const char *token = web_text(request, "token");
  if (!may_change(request, "body", error)) return NULL; /* a table may bring any kind */
  g_autofree char *fresh = crypto_random_token(18), *path = waiting(house, web_actor(request), token ? token : fresh, error);
  if (path == NULL) return NULL;
  if (token == NULL) {
    g_autofree char *upload = web_file_path(request, "file") ? web_file_steal(request, "file") : NULL, *folder = g_path_get_dirname(path);
    if (upload == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "请选择要导入的表格（xlsx、xls、csv、dbf）");
    g_mkdir_with_parents(folder, 0750);
    g_autoptr(GFile) from = g_file_new_for_path(upload);
    g_autoptr(GFile) to = g_file_new_for_path(path);
    if (!g_file_move(from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, error)) return NULL;
  } else if (!g_file_test(path, G_FILE_TEST_EXISTS)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这个文件已不在，请重新选择文件预演");
  json_t *model = take(house, web_actor(request), path, token == NULL, error);
  if (model == NULL && token == NULL) error_call_file(error, path, web_file_name(request, "file"));
  if (model == NULL || token != NULL) g_unlink(path);
  if (model == NULL) return NULL;
  if (token == NULL) json_object_set_new(model, "token", json_string(fresh));
  return web_model(model);
}
