/*
 * Pages of schedules: which fonds have one in force, a fonds' versions, one version with its lines, the form, the spreadsheet, the printed table, deciding,
 * and putting lines to records.
 *
 * 1. A schedule is seen by whoever sees its fonds. A transferring body's account (delivery.own without delivery.read) sees those of the fonds of its body
 *    (body_fonds), and nothing else; it drafts, corrects, hands in and withdraws what its own body drafted. The archives approve or return.
 * 2. A spreadsheet is not saved: it comes back as the form, with what differs and what is wrong; saving is another step.
 */
#include "assign.h"
#include "authority.h"
#include "error.h"
#include "fonds.h"
#include "format.h"
#include "json.h"
#include "people.h"
#include "print.h"
#include "sheet.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { BLANK_ROWS = 5, HOME_SHOWN = 5 };
#define PERMISSION_STAFF "delivery.read"
#define PERMISSION_OWN "delivery.own"
#define PERMISSION_SEE PERMISSION_STAFF "|" PERMISSION_OWN
#define PERMISSION_EDIT_SCHEDULE "schedule.edit"
#define PERMISSION_APPROVE "schedule.approve"


static void put_day(json_t *row) {
  gint64 day = int_at(row, "from_date");
  g_autofree char *text = day == 0 ? g_strdup("") : date_format((DateSpan){(gint32)day, (gint32)day});
  json_object_set_new(row, "from_day", json_string(text));
}

/* Label and tone of a version's state; current: the one in force today. */
static void put_state(json_t *row, gint64 current) {
  const char *state = text_at(row, "state"), *label = "草稿", *tone = "muted";
  if (g_str_equal(state, "submitted")) label = "已提交，待批准", tone = "info";
  if (g_str_equal(state, "approved")) {
    gboolean future = int_at(row, "from_date") > date_today(), now = int_at(row, "id") == current;
    label = now ? "现行" : future ? "已批准，未到施行日" : "已被取代";
    tone = now ? "ok" : future ? "info" : "muted";
  }
  json_object_set_new(row, "state_label", json_string(label));
  json_object_set_new(row, "state_tone", json_string(tone));
  put_day(row);
}

static json_t *fonds_json(const CatalogRecord *fonds) { return json_pack("{s:I, s:s, s:s}", "id", (json_int_t)fonds->id, "code", fonds->code, "title", fonds->title); }

/* The body whose account asks; NULL: the archives' own people. */
static const char *own_body(WebRequest *request) { return web_may(request, PERMISSION_STAFF) ? NULL : people_body(web_identity(request)); }

/* The fonds is one of the body's. */
static gboolean owns(Sql *sql, const char *body, gint64 fonds_id) {
  g_autoptr(GArray) own = body_fonds(sql, body, NULL);
  gboolean found = FALSE;
  for (guint i = 0; own != NULL && i < own->len; i++) found = found || g_array_index(own, gint64, i) == fonds_id;
  return found;
}

static CatalogRecord *load_fonds(WebRequest *request, Sql *sql, gint64 id, GError **error) {
  const char *body = own_body(request);
  if (body != NULL && !owns(sql, body, id)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个全宗，或它不是您单位的");
  g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, body != NULL ? &SCOPE_EVERYTHING : web_scope(request), id, error);
  if (fonds != NULL && fonds->level != LEVEL_FONDS) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个全宗");
  return g_steal_pointer(&fonds);
}

/* The version of the path, when its fonds may be seen; ret_fonds is to be freed. */
static json_t *load_version(WebRequest *request, Sql *sql, CatalogRecord **ret_fonds, GError **error) {
  json_auto_t *row = schedule_load(sql, web_int(request, "id", 0), error);
  CatalogRecord *fonds = row == NULL ? NULL : load_fonds(request, sql, int_at(row, "fonds_id"), error);
  if (fonds == NULL) return NULL;
  if (ret_fonds != NULL) *ret_fonds = fonds;
  else catalog_record_free(fonds);
  return g_steal_pointer(&row);
}

static gboolean is_of_body(Sql *sql, const char *account, const char *body) {
  json_auto_t *accounts = people_user_list(sql, NULL);
  size_t i;
  json_t *row;
  json_array_foreach(accounts, i, row)
    if (g_str_equal(text_at(row, "name"), account)) return *body != '\0' && g_str_equal(text_at(row, "body"), body);
  return FALSE;
}

/* May change and hand in this version while it is a draft. */
static gboolean may_draft(WebRequest *request, Sql *sql, json_t *version) {
  const char *body = own_body(request);
  return body != NULL ? is_of_body(sql, text_at(version, "made_by"), body) : web_may(request, PERMISSION_EDIT_SCHEDULE);
}

static gboolean may_begin(WebRequest *request) { return own_body(request) != NULL || web_may(request, PERMISSION_EDIT_SCHEDULE); }

/* The version of the path for who may change it. */
static json_t *load_draft(WebRequest *request, Sql *sql, CatalogRecord **ret_fonds, GError **error) {
  g_autoptr(CatalogRecord) fonds = NULL;
  json_auto_t *row = load_version(request, sql, &fonds, error);
  if (row != NULL && !may_draft(request, sql, row)) return throw_null(error, LANTAI_ERROR_DENIED, "这一版不是您单位起草的，不能改");
  if (row != NULL && ret_fonds != NULL) *ret_fonds = g_steal_pointer(&fonds);
  return g_steal_pointer(&row);
}

/* ---- /schedules ---- */

static json_t *fonds_row(Sql *sql, const CatalogRecord *fonds) {
  json_t *row = fonds_json(fonds);
  gint64 current = schedule_in_force(sql, fonds->id, date_today(), NULL);
  json_t *version = current == 0 ? NULL : schedule_load(sql, current, NULL);
  gint64 open = sql_number(sql, "SELECT id FROM schedule WHERE fonds_id = $1 AND state IN ('draft', 'submitted') LIMIT 1", SQL_ARGS(sql_int(fonds->id)), 0, NULL);
  json_t *waiting = open == 0 ? NULL : schedule_load(sql, open, NULL);
  if (version != NULL) {
    put_state(version, current);
    json_object_set_new(row, "current", version);
  }
  if (waiting != NULL) {
    put_state(waiting, current);
    json_object_set_new(row, "waiting", waiting);
  }
  json_object_set_new(row, "none", json_boolean(version == NULL));
  return row;
}

/* A body with one fonds goes there at once; else it sees those it has, or is told what is missing. */
static WebReply *page_own(Sql *sql, const char *body, GError **error) {
  g_autoptr(GArray) own = body_fonds(sql, body, error);
  if (own == NULL) return NULL;
  if (own->len == 1) return web_redirect("/schedules/%" G_GINT64_FORMAT, g_array_index(own, gint64, 0));
  json_auto_t *rows = json_array();
  for (guint i = 0; i < own->len; i++) {
    g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, &SCOPE_EVERYTHING, g_array_index(own, gint64, i), NULL);
    if (fonds != NULL) json_array_append_new(rows, fonds_row(sql, fonds));
  }
  return web_model(json_pack("{s:s, s:O, s:b, s:s}", "title", "三合一制度", "rows", rows, "own", TRUE, "body", body));
}

static WebReply *page_schedules(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql != NULL && own_body(request) != NULL) return page_own(sql, own_body(request), error);
  const char *after = web_text(request, "after"), *filter = web_text(request, "filter");
  gboolean only_none = web_flag(request, "none"), more = FALSE;
  g_autoptr(GPtrArray) fonds = sql == NULL ? NULL : fonds_after(request, sql, after ? after : "", &more, error);
  if (fonds == NULL) return NULL;
  json_t *rows = json_array();
  for (guint i = 0; i < fonds->len; i++) {
    json_auto_t *row = fonds_row(sql, fonds->pdata[i]);
    if (!only_none || json_is_true(json_object_get(row, "none"))) json_array_append(rows, row);
  }
  json_t *model = json_pack("{s:s, s:o, s:b, s:s}", "title", "三合一制度", "rows", rows, "only_none", only_none, "filter", filter ? filter : "");
  if (more) {
    g_autofree char *next = web_query_with(request, "after", ((const CatalogRecord *)fonds->pdata[fonds->len - 1])->code);
    json_object_set_new(model, "next", json_string(next));
  }
  return web_model(model);
}

/* ---- /schedules/{fonds} ---- */

/* What a draft may begin with: templates, and versions in force elsewhere that the asker may see. */
static json_t *beginnings(WebRequest *request, Sql *sql, gint64 fonds_id) {
  json_auto_t *templates = schedule_templates(web_house(request)->dir, NULL);
  json_t *list = json_array(), *row;
  size_t i;
  json_array_foreach(templates, i, row)
    json_array_append_new(list, json_pack("{s:o, s:o}", "value", json_sprintf("template:%s", text_at(row, "name")), "label",
      json_sprintf("范本：%s", text_at(row, "title"))));
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, fonds_id, number FROM schedule WHERE state = 'approved' ORDER BY id DESC LIMIT 200", SQL_NONE, NULL);
  while (rows != NULL && sql_next(rows, NULL)) {
    g_autoptr(CatalogRecord) fonds = load_fonds(request, sql, sql_get_int(rows, "fonds_id"), NULL);
    if (fonds != NULL)
      json_array_append_new(list, json_pack("{s:o, s:o}", "value", json_sprintf("version:%d", (int)sql_get_int(rows, "id")), "label",
        json_sprintf("%s %s 第 %d 版", fonds->code, fonds->title, (int)sql_get_int(rows, "number"))));
  }
  return list;
}

static WebReply *page_fonds(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = sql == NULL ? NULL : load_fonds(request, sql, web_int(request, "fonds", 0), error);
  json_t *versions = fonds == NULL ? NULL : sql_json(sql, "SELECT s.id, s.number, s.state, s.from_date, s.made_by, s.made_at, s.decided_by, s.decided_at, s.note, "
    "(SELECT COUNT(*) FROM schedule_line AS l WHERE l.schedule_id = s.id) AS lines FROM schedule AS s WHERE s.fonds_id = $1 ORDER BY s.number DESC",
    SQL_ARGS(sql_int(fonds->id)), error), *row;
  if (versions == NULL) return NULL;
  gint64 current = schedule_in_force(sql, fonds->id, date_today(), NULL);
  gboolean open = FALSE;
  size_t i;
  json_array_foreach(versions, i, row) {
    open = open || !g_str_equal(text_at(row, "state"), "approved");
    put_state(row, current);
  }
  json_t *model = json_pack("{s:o, s:o, s:o, s:b}", "title", json_sprintf("%s的三合一制度", fonds->title), "fonds", fonds_json(fonds), "versions", versions, "may_begin",
    !open && may_begin(request));
  json_object_set_new(model, "own", json_boolean(own_body(request) != NULL));
  if (!open && may_begin(request)) json_object_set_new(model, "beginnings", beginnings(request, sql, fonds->id));
  return web_model(model);
}

static json_t *beginning_lines(WebRequest *request, Sql *sql, const char *from, GError **error) {
  if (from == NULL) return json_array();
  if (g_str_has_prefix(from, "template:")) return schedule_template_lines(web_house(request)->dir, from + strlen("template:"), error);
  json_auto_t *version = schedule_load(sql, g_str_has_prefix(from, "version:") ? g_ascii_strtoll(from + strlen("version:"), NULL, 10) : 0, error);
  g_autoptr(CatalogRecord) fonds = version == NULL ? NULL : load_fonds(request, sql, int_at(version, "fonds_id"), error);
  return fonds == NULL ? NULL : schedule_lines(sql, int_at(version, "id"), error);
}

static WebReply *begin_draft(WebRequest *request, GError **error) {
  if (!may_begin(request)) return throw_null(error, LANTAI_ERROR_DENIED, "您没有起草的权限");
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = sql == NULL ? NULL : load_fonds(request, sql, web_int(request, "fonds", 0), error);
  json_auto_t *lines = fonds == NULL ? NULL : beginning_lines(request, sql, web_text(request, "from"), error);
  gint64 id = lines == NULL ? 0 : schedule_draft(sql, web_actor(request), fonds->id, lines, error);
  if (id == 0 || !sql_commit(sql, error)) return NULL;
  return web_redirect("/schedule/%" G_GINT64_FORMAT "/edit", id);
}

/* ---- /schedule/{id} ---- */

static WebReply *page_version(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = NULL;
  json_auto_t *row = sql == NULL ? NULL : load_version(request, sql, &fonds, error);
  json_auto_t *lines = row == NULL ? NULL : schedule_lines(sql, int_at(row, "id"), error);
  if (lines == NULL) return NULL;
  put_state(row, schedule_in_force(sql, fonds->id, date_today(), NULL));
  const char *state = text_at(row, "state"), *actor = web_actor(request);
  gboolean edit = may_draft(request, sql, row), own = g_str_equal(text_at(row, "made_by"), actor) || g_str_equal(text_at(row, "submitted_by"), actor);
  gboolean draft = g_str_equal(state, "draft"), submitted = g_str_equal(state, "submitted"), approved = g_str_equal(state, "approved");
  json_t *model = json_pack("{s:o, s:o, s:O, s:O, s:b, s:b, s:b, s:b, s:b}", "title", json_sprintf("%s三合一制度第 %d 版", fonds->title, (int)int_at(row, "number")),
    "fonds", fonds_json(fonds), "version", row, "lines", lines, "may_edit", draft && edit, "may_withdraw", submitted && edit, "may_approve",
    submitted && !own && web_may(request, PERMISSION_APPROVE), "waits_for_another", submitted && own, "may_assign", approved && own_body(request) == NULL && edit);
  gint64 with = web_int(request, "with", sql_number(sql, "SELECT id FROM schedule WHERE fonds_id = $1 AND number < $2 AND state = 'approved' "
    "ORDER BY number DESC LIMIT 1", SQL_ARGS(sql_int(fonds->id), sql_int(int_at(row, "number"))), 0, NULL));
  json_auto_t *other = with == 0 ? NULL : schedule_load(sql, with, NULL);
  if (other != NULL && int_at(other, "fonds_id") == fonds->id) {
    json_auto_t *before = schedule_lines(sql, with, NULL);
    json_object_set_new(model, "changes", schedule_compare(before, lines));
    json_object_set_new(model, "compared", json_incref(json_object_get(other, "number")));
  }
  json_object_set_new(model, "own", json_boolean(own_body(request) != NULL));
  if (approved && own_body(request) == NULL) json_object_set_new(model, "assignments", sql_json(sql,
    "SELECT id, at_us, actor, state = 'done' AS done, state = 'undone' AS undone, records FROM schedule_assignment WHERE schedule_id = $1 ORDER BY id DESC",
    SQL_ARGS(sql_int(int_at(row, "id"))), NULL));
  return web_model(model);
}

/* ---- the form and the spreadsheet ---- */

static json_t *form_model(const CatalogRecord *fonds, json_t *row, json_t *lines) {
  static const char *const openings[] = {"", "开放", "控制", "延期开放"};
  json_t *rows = json_array(), *faults = schedule_lines_faults(lines); /* each stands in its line, too */
  size_t count = json_array_size(lines);
  for (size_t i = 0; i < count + BLANK_ROWS; i++) {
    json_t *line = json_array_get(lines, i), *options = json_array();
    for (guint k = 0; k < G_N_ELEMENTS(openings); k++)
      json_array_append_new(options, json_pack("{s:s, s:b}", "value", openings[k], "chosen", g_str_equal(openings[k], text_at(line, "opening"))));
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O*}", "code", text_at(line, "code"), "path", text_at(line, "path"), "matter",
      text_at(line, "matter"), "retention", text_at(line, "retention"), "note", text_at(line, "note"), "openings", options, "fault",
      json_object_get(line, "fault")));
  }
  return json_pack("{s:s, s:o, s:O, s:o, s:o}", "title", "修改三合一制度", "fonds", fonds_json(fonds), "version", row, "rows", rows, "faults", faults);
}

static WebReply *page_edit(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = NULL;
  json_auto_t *row = sql == NULL ? NULL : load_draft(request, sql, &fonds, error);
  json_auto_t *lines = row == NULL ? NULL : schedule_lines(sql, int_at(row, "id"), error);
  return lines == NULL ? NULL : web_model(form_model(fonds, row, lines));
}

static const char *list_at(WebRequest *request, const char *name, gsize row) {
  gsize count;
  const char *const *list = web_list(request, name, &count);
  return row < count ? list[row] : "";
}

/* Rows without any text are left out. */
static json_t *lines_from(WebRequest *request) {
  static const char *const names[] = {"code", "path", "matter", "retention", "opening", "note"};
  json_t *lines = json_array();
  gsize count;
  web_list(request, "code", &count);
  for (gsize i = 0; i < count; i++) {
    json_t *line = json_object();
    gboolean any = FALSE;
    for (guint k = 0; k < G_N_ELEMENTS(names); k++) {
      const char *text = list_at(request, names[k], i);
      any = any || text[0] != '\0';
      json_object_set_new(line, names[k], json_string(text));
    }
    if (any) json_array_append(lines, line);
    json_decref(line);
  }
  return lines;
}

static WebReply *save_lines(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = NULL;
  json_auto_t *row = sql == NULL ? NULL : load_draft(request, sql, &fonds, error);
  if (row == NULL) return NULL;
  json_auto_t *lines = lines_from(request);
  g_autoptr(GError) problem = NULL;
  if (schedule_lines_put(sql, int_at(row, "id"), lines, &problem)) {
    if (!sql_commit(sql, error)) return NULL;
    WebReply *reply = web_redirect("/schedule/%" G_GINT64_FORMAT, (gint64)int_at(row, "id"));
    web_flash(reply, "已保存");
    return reply;
  }
  if (!g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  return web_model_status(form_model(fonds, row, lines), 422);
}

static WebReply *import_sheet(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = NULL;
  json_auto_t *row = sql == NULL ? NULL : load_draft(request, sql, &fonds, error);
  json_auto_t *before = row == NULL ? NULL : schedule_lines(sql, int_at(row, "id"), error);
  const char *path = web_file_path(request, "table");
  if (before == NULL) return NULL;
  if (path == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "请选择电子表格文件");
  json_auto_t *sheet = schedule_sheet_read(path, error);
  if (sheet == NULL) return error_call_file(error, path, web_file_name(request, "table")), NULL;
  json_t *lines = json_object_get(sheet, "lines");
  json_t *model = form_model(fonds, row, lines);
  json_object_set_new(model, "imported", json_integer((json_int_t)json_array_size(lines)));
  json_object_set(model, "ignored", json_object_get(sheet, "ignored"));
  json_object_set_new(model, "changes", schedule_compare(before, lines));
  return web_model(model);
}

static WebReply *export_sheet(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = NULL;
  json_auto_t *row = sql == NULL ? NULL : load_version(request, sql, &fonds, error);
  json_auto_t *lines = row == NULL ? NULL : schedule_lines(sql, int_at(row, "id"), error);
  int fd = lines == NULL ? -1 : schedule_sheet_write(lines, error);
  if (fd < 0) return NULL;
  g_autofree char *name = g_strdup_printf("%s三合一制度第%d版.xlsx", fonds->title, (int)int_at(row, "number"));
  gint64 size = lseek(fd, 0, SEEK_END);
  lseek(fd, 0, SEEK_SET);
  return web_fd(fd, size, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", name, FALSE, NULL);
}

static WebReply *print_table(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) fonds = NULL;
  json_auto_t *row = sql == NULL ? NULL : load_version(request, sql, &fonds, error);
  json_auto_t *lines = row == NULL ? NULL : schedule_lines(sql, int_at(row, "id"), error);
  if (lines == NULL) return NULL;
  put_state(row, schedule_in_force(sql, fonds->id, date_today(), NULL));
  g_autofree char *decided = int_at(row, "decided_at") == 0 ? g_strdup("") : clock_format(int_at(row, "decided_at"));
  json_object_set_new(row, "decided_on", json_string(decided));
  json_auto_t *model = json_pack("{s:o, s:o, s:O, s:O}", "archive", settings_archive(house->settings), "fonds", fonds_json(fonds),
    "version", row, "lines", lines);
  GBytes *pdf = print_form(house->dir, "schedule", model, error);
  return pdf == NULL ? NULL : web_bytes(pdf, "application/pdf");
}

/* ---- deciding ---- */

static WebReply *decide(WebRequest *request, GError **error) {
  static const struct { const char *word; ScheduleVerdict verdict; const char *permission, *done; } VERDICTS[] = {
    {"submit", SCHEDULE_SUBMIT, PERMISSION_EDIT_SCHEDULE, "已提交，等待另一人批准"}, {"withdraw", SCHEDULE_WITHDRAW, PERMISSION_EDIT_SCHEDULE, "已撤回，可以再改"},
    {"approve", SCHEDULE_APPROVE, PERMISSION_APPROVE, "已批准"}, {"return", SCHEDULE_RETURN, PERMISSION_APPROVE, "已退回"},
    {"drop", SCHEDULE_DROP, PERMISSION_EDIT_SCHEDULE, "草稿已放弃"}};
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *row = sql == NULL ? NULL : load_version(request, sql, NULL, error);
  if (row == NULL) return NULL;
  const char *word = web_text(request, "verdict"), *from = web_text(request, "from");
  DateSpan day = {0, 0};
  if (from != NULL && (!date_parse(from, &day) || day.from != day.to)) return throw_null(error, LANTAI_ERROR_INVALID, "施行日期“%s”应为一天，如 2026-01-01", from);
  for (guint i = 0; i < G_N_ELEMENTS(VERDICTS); i++) {
    if (g_strcmp0(word, VERDICTS[i].word) != 0) continue;
    gboolean drafter = g_str_equal(VERDICTS[i].permission, PERMISSION_EDIT_SCHEDULE);
    if (drafter ? !may_draft(request, sql, row) : !web_may(request, VERDICTS[i].permission)) return throw_null(error, LANTAI_ERROR_DENIED, "您没有办理这一步的权限");
    if (!schedule_decide(sql, web_actor(request), int_at(row, "id"), VERDICTS[i].verdict, day.from, web_text(request, "note"), error) || !sql_commit(sql, error))
      return NULL;
    WebReply *reply = VERDICTS[i].verdict == SCHEDULE_DROP ? web_redirect("/schedules/%" G_GINT64_FORMAT, int_at(row, "fonds_id"))
                                                         : web_redirect("/schedule/%" G_GINT64_FORMAT, int_at(row, "id"));
    web_flash(reply, VERDICTS[i].done);
    return reply;
  }
  return throw_null(error, LANTAI_ERROR_INVALID, "请选择要办的事");
}

/* ---- lines to records ---- */

static gboolean name_samples(WebRequest *request, Sql *sql, json_t *rows) {
  size_t i, k;
  json_t *row, *id;
  json_array_foreach(rows, i, row) {
    json_t *samples = json_array();
    json_array_foreach(json_object_get(row, "ids"), k, id) {
      g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), json_integer_value(id), NULL);
      if (record != NULL)
        json_array_append_new(samples, json_pack("{s:I, s:s, s:s}", "id", (json_int_t)record->id, "code", record->code, "title", record->title));
    }
    json_object_set_new(row, "samples", samples);
    json_object_del(row, "ids");
  }
  return TRUE;
}

/* Reasons name values of records: they are told to those who see a record of them. */
static void gate_reasons(json_t *rows) {
  for (size_t i = json_array_size(rows); i-- > 0;)
    if (json_array_size(json_object_get(json_array_get(rows, i), "samples")) == 0) json_object_set_new(json_array_get(rows, i), "text", json_string("（不在您的范围内）"));
}

static WebReply *page_assign(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = NULL;
  json_auto_t *row = sql == NULL ? NULL : load_version(request, sql, &fonds, error);
  json_auto_t *preview = row == NULL ? NULL : schedule_preview(sql, int_at(row, "id"), error);
  if (preview == NULL) return NULL;
  name_samples(request, sql, json_object_get(preview, "lines"));
  name_samples(request, sql, json_object_get(preview, "reasons"));
  gate_reasons(json_object_get(preview, "reasons"));
  return web_model(json_pack("{s:s, s:o, s:O, s:O}", "title", "挂接条款", "fonds", fonds_json(fonds), "version", row, "preview", preview));
}

static WebReply *start_assign(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *row = sql == NULL ? NULL : load_version(request, sql, NULL, error);
  if (row == NULL || schedule_assign(sql, web_actor(request), int_at(row, "id"), error) == 0 || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/schedule/%" G_GINT64_FORMAT, int_at(row, "id"));
  web_flash(reply, "正在挂接，可以离开本页");
  return reply;
}

static WebReply *release_assign(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *row = sql == NULL ? NULL : load_version(request, sql, NULL, error);
  if (row == NULL) return NULL;
  gint64 assignment = web_int(request, "assignment", 0), id = int_at(row, "id");
  if (sql_number(sql, "SELECT schedule_id FROM schedule_assignment WHERE id = $1", SQL_ARGS(sql_int(assignment)), 0, NULL) != id)
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次挂接");
  if (!schedule_release(sql, web_actor(request), assignment, error) || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/schedule/%" G_GINT64_FORMAT, id);
  web_flash(reply, "已撤销这次挂接");
  return reply;
}

/* ---- the home page ---- */

/* Versions in a state whose fonds the asker sees: [{id, number, fonds, by, at, note}]. */
static json_t *home_rows(WebRequest *request, Sql *sql, const char *state, gboolean returned) {
  g_autoptr(SqlRows) found = sql_query(sql, "SELECT id, fonds_id FROM schedule WHERE state = $1 AND (decided_at > 0) = $2 ORDER BY id DESC LIMIT 50",
    SQL_ARGS(sql_text(state), sql_int(returned)), NULL);
  json_t *rows = json_array();
  while (found != NULL && sql_next(found, NULL) && json_array_size(rows) < HOME_SHOWN) {
    g_autoptr(CatalogRecord) fonds = load_fonds(request, sql, sql_get_int(found, "fonds_id"), NULL);
    json_auto_t *version = fonds == NULL ? NULL : schedule_load(sql, sql_get_int(found, "id"), NULL);
    if (version == NULL || (returned ? !may_draft(request, sql, version) : g_str_equal(text_at(version, "submitted_by"), web_actor(request)))) continue;
    json_object_set_new(version, "fonds", json_string(fonds->title));
    json_array_append(rows, version);
  }
  return rows;
}

json_t *schedule_home(WebRequest *request, Sql *sql) {
  json_t *home = json_object();
  if (web_may(request, PERMISSION_APPROVE)) json_object_set_new(home, "awaiting", home_rows(request, sql, "submitted", FALSE));
  if (web_may(request, PERMISSION_EDIT_SCHEDULE "|" PERMISSION_OWN)) json_object_set_new(home, "returned", home_rows(request, sql, "draft", TRUE));
  if (json_array_size(json_object_get(home, "awaiting")) + json_array_size(json_object_get(home, "returned")) > 0) return home;
  json_decref(home);
  return NULL;
}

/* ---- routes ---- */

#define ID {"id", WEB_INT, TRUE, 0, "版本"}
#define LINES(name, label) {name, WEB_LIST, FALSE, SCHEDULE_LINES_MAX + 10, label}
static const WebParameter LIST_PARAMETERS[] = {{"after", WEB_TEXT, FALSE, 200, "起点"}, {"none", WEB_FLAG, FALSE, 0, "只看没有现行制度的"},
  {"filter", WEB_TEXT, FALSE, 100, "全宗号或名称"}, {NULL}};
static const WebParameter FONDS_PARAMETERS[] = {{"fonds", WEB_INT, TRUE, 0, "全宗"}, {NULL}};
static const WebParameter BEGIN_PARAMETERS[] = {{"fonds", WEB_INT, TRUE, 0, "全宗"}, {"from", WEB_TEXT, FALSE, 100, "从哪里起草"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {ID, {NULL}};
static const WebParameter VERSION_PARAMETERS[] = {ID, {"with", WEB_INT, FALSE, 0, "与哪一版比较"}, {NULL}};
static const WebParameter LINES_PARAMETERS[] = {ID, LINES("code", "编号"), LINES("path", "类目"), LINES("matter", "归档范围"), LINES("retention", "保管期限"),
  LINES("opening", "开放意见"), LINES("note", "备注"), {NULL}};
static const WebParameter SHEET_PARAMETERS[] = {ID, {"table", WEB_FILE, FALSE, 0, "电子表格"}, {NULL}};
static const WebParameter DECIDE_PARAMETERS[] = {ID, {"verdict", WEB_TEXT, TRUE, 20, "办理"}, {"from", WEB_TEXT, FALSE, 40, "施行日期"},
  {"note", WEB_TEXT, FALSE, 500, "说明"}, {NULL}};
static const WebParameter RELEASE_PARAMETERS[] = {ID, {"assignment", WEB_INT, TRUE, 0, "挂接"}, {NULL}};

const WebRoute SCHEDULE_ROUTES[] = {
  {"GET", "/schedules", PERMISSION_SEE, LIST_PARAMETERS, "schedule/list", page_schedules, "三合一制度"},
  {"GET", "/schedules/{fonds}", PERMISSION_SEE, FONDS_PARAMETERS, "schedule/fonds", page_fonds, "三合一制度"},
  {"POST", "/schedules/{fonds}/draft", PERMISSION_EDIT_SCHEDULE "|" PERMISSION_OWN, BEGIN_PARAMETERS, NULL, begin_draft, NULL},
  {"GET", "/schedule/{id}", PERMISSION_SEE, VERSION_PARAMETERS, "schedule/version", page_version, "三合一制度"},
  {"GET", "/schedule/{id}/edit", PERMISSION_EDIT_SCHEDULE "|" PERMISSION_OWN, ID_PARAMETERS, "schedule/edit", page_edit, "修改三合一制度"},
  {"POST", "/schedule/{id}/edit", PERMISSION_EDIT_SCHEDULE "|" PERMISSION_OWN, LINES_PARAMETERS, "schedule/edit", save_lines, "修改三合一制度"},
  {"POST", "/schedule/{id}/import", PERMISSION_EDIT_SCHEDULE "|" PERMISSION_OWN, SHEET_PARAMETERS, "schedule/edit", import_sheet, "修改三合一制度"},
  {"GET", "/schedule/{id}/lines.xlsx", PERMISSION_SEE, ID_PARAMETERS, NULL, export_sheet, NULL},
  {"GET", "/schedule/{id}/table.pdf", PERMISSION_SEE, ID_PARAMETERS, NULL, print_table, NULL},
  {"POST", "/schedule/{id}/decide", PERMISSION_EDIT_SCHEDULE "|" PERMISSION_APPROVE "|" PERMISSION_OWN, DECIDE_PARAMETERS, NULL, decide, NULL},
  {"GET", "/schedule/{id}/assign", PERMISSION_EDIT_SCHEDULE, ID_PARAMETERS, "schedule/assign", page_assign, "挂接条款"},
  {"POST", "/schedule/{id}/assign", PERMISSION_EDIT_SCHEDULE, ID_PARAMETERS, NULL, start_assign, NULL},
  {"POST", "/schedule/{id}/release", PERMISSION_EDIT_SCHEDULE, RELEASE_PARAMETERS, NULL, release_assign, NULL},
  {NULL},
};
