/*
 * Pages of reports: templates and what was made of them, writing beside the preview, the rows behind a number, review and freezing, comparison, printing.
 *
 * 1. A draft or one in review is seen by those who write, review or approve reports; a frozen one by those who may see what it rests on, or whom it was released to.
 * 2. A preview computes with the asker's rights; the rows behind a number are loaded with them too.
 */
#include "error.h"
#include "pages.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { ISSUES_SHOWN = 50, PARAMETER_MAX = 500 };

static gboolean takes_part(WebRequest *request) {
  return web_may(request, PERMISSION_WRITE_REPORTS) || web_may(request, "report.review") || web_may(request, "report.approve");
}

static json_t *load_issue(WebRequest *request, Sql *sql, GError **error) {
  json_auto_t *issue = sql ? report_issue_load(sql, web_int(request, "id", 0), error) : NULL;
  if (issue == NULL) return NULL;
  gboolean seen = report_state(issue) == REPORT_FROZEN ? report_may_read(issue, ledger_asker(request)) : takes_part(request);
  if (!seen) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这份报告");
  return g_steal_pointer(&issue);
}

static void put_state(json_t *row) {
  ReportState state = report_state(row);
  FigurePeriod period = {(int)int_at(row, "from_day"), (int)int_at(row, "to_day"), NULL};
  g_autofree char *words = page_period_words(&period);
  json_object_set_new(row, "state_label", json_string(REPORT_STATE_LABELS[state]));
  json_object_set_new(row, "state_tone", json_string(state == REPORT_FROZEN ? "ok" : state == REPORT_DRAFT ? "muted" : "info"));
  json_object_set_new(row, "period", json_string(words));
}

/* ---- /reports ---- */

static json_t *template_rows(void) {
  json_auto_t *names = report_names();
  json_t *rows = json_array(), *name;
  size_t i;
  json_array_foreach(names, i, name) {
    json_t *definition = report_definition(json_string_value(name));
    FigurePeriod period = report_default_period(definition, 0);
    gboolean spans = period.from % 10000 != 101 || period.to % 10000 != 1231 || period.from / 10000 != period.to / 10000;
    json_array_append_new(rows, json_pack("{s:O, s:O, s:s, s:s, s:i, s:b}", "id", json_object_get(definition, "id"), "name", name, "about",
      text_at(definition, "about"), "unit", text_at(definition, "unit"), "year", period.to / 10000, "spans", spans));
    if (!spans) continue;
    json_t *row = json_array_get(rows, json_array_size(rows) - 1);
    json_object_set_new(row, "from", json_sprintf("%04d-%02d-%02d", period.from / 10000, period.from / 100 % 100, period.from % 100));
    json_object_set_new(row, "to", json_sprintf("%04d-%02d-%02d", period.to / 10000, period.to / 100 % 100, period.to % 100));
  }
  return rows;
}

/* Those that may be seen, newest first, from the one behind `after` on; one more than are shown when there are more. */
static json_t *issue_rows(WebRequest *request, Sql *sql, gint64 after, GError **error) {
  json_auto_t *rows = json_array();
  gint64 looked = ISSUES_SHOWN + 1;
  while (looked > ISSUES_SHOWN && json_array_size(rows) <= ISSUES_SHOWN) {
    json_auto_t *some = sql_json(sql, "SELECT id, name, heading, from_day, to_day, unit, state, made_by, changed_at, frozen_at, rests, released FROM report "
      "WHERE id < $1 AND (state = 'frozen' OR $2 = 1) ORDER BY id DESC LIMIT 51", SQL_ARGS(sql_int(after), sql_int(takes_part(request))), error);
    json_t *row;
    size_t i;
    if (some == NULL) return NULL;
    looked = (gint64)json_array_size(some);
    json_array_foreach(some, i, row) {
      after = int_at(row, "id");
      report_parse_audience(row);
      if (!report_may_read(row, ledger_asker(request)) || json_array_size(rows) > ISSUES_SHOWN) continue;
      put_state(row);
      json_array_append(rows, row);
    }
  }
  return g_steal_pointer(&rows);
}

/* The roles that may draft, as they are called: who has to begin. New string. */
static char *drafting_roles(void) {
  g_autoptr(GString) titles = g_string_new(NULL);
  json_t *role, *permission;
  size_t i, k;
  json_array_foreach(people_roles(), i, role)
    json_array_foreach(json_object_get(role, "permissions"), k, permission)
      if (g_strcmp0(json_string_value(permission), PERMISSION_WRITE_REPORTS) == 0)
        g_string_append_printf(titles, "%s%s", titles->len > 0 ? "、" : "", text_at(role, "title"));
  return g_string_free(g_steal_pointer(&titles), FALSE);
}

static WebReply *page_reports(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *rows = sql ? issue_rows(request, sql, web_int(request, "after", G_MAXINT64), error) : NULL;
  if (rows == NULL) return NULL;
  g_autofree char *drafters = drafting_roles();
  json_t *model = json_pack("{s:s, s:O, s:o, s:b, s:i, s:s}", "title", "报告", "rows", rows, "templates", template_rows(), "may_write",
    web_may(request, PERMISSION_WRITE_REPORTS), "year", page_this_year(), "drafters", drafters);
  if (json_array_size(rows) > ISSUES_SHOWN) {
    json_array_remove(rows, ISSUES_SHOWN);
    json_object_set(model, "next", json_object_get(json_array_get(rows, ISSUES_SHOWN - 1), "id"));
  }
  return web_model(model);
}

static WebReply *make_report(WebRequest *request, GError **error) {
  json_t *definition = report_definition_of(web_int(request, "template", 0));
  if (definition == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个报告模板");
  FigurePeriod period;
  if (!page_period(request, report_default_period(definition, 0), &period, error)) return NULL;
  period.unit = web_text(request, "unit"); /* left empty: the archives itself */
  json_auto_t *parameters = json_object();
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  gint64 id = sql ? report_issue_new(sql, web_actor(request), text_at(definition, "name"), period, parameters, error) : 0;
  if (id == 0 || !sql_commit(sql, error)) return NULL;
  return web_redirect("/report/%" G_GINT64_FORMAT, id);
}

/* ---- the home page ---- */

/* Whether it is for the asker to pass on (awaiting), or came back to its writer (returned). */
static gboolean is_awaited(WebRequest *request, Sql *sql, json_t *row, gboolean *ret_returned) {
  ReportState state = report_state(row);
  if (state != REPORT_DRAFT) return web_may(request, REPORT_STATE_PERMISSIONS[state]) && report_may_pass(sql, row, web_actor(request));
  if (!g_str_equal(text_at(row, "made_by"), web_actor(request))) return FALSE;
  json_auto_t *steps = report_issue_steps(sql, int_at(row, "id"), NULL);
  json_t *last = json_array_get(steps, json_array_size(steps) - 1);
  if (last == NULL || g_str_equal(text_at(last, "actor"), web_actor(request))) return FALSE;
  json_object_set(row, "step", last);
  return *ret_returned = TRUE;
}

json_t *report_home(WebRequest *request, Sql *sql) {
  if (!takes_part(request)) return NULL;
  json_auto_t *rows = sql_json(sql, "SELECT id, name, from_day, to_day, unit, state, made_by, changed_at FROM report "
    "WHERE state <> 'frozen' ORDER BY id DESC LIMIT 50", SQL_NONE, NULL);
  json_auto_t *awaiting = json_array(), *returned = json_array();
  json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    gboolean back = FALSE;
    if (!is_awaited(request, sql, row, &back)) continue;
    put_state(row);
    json_array_append(back ? returned : awaiting, row);
  }
  if (json_array_size(awaiting) + json_array_size(returned) == 0) return NULL;
  return json_pack("{s:O, s:O}", "awaiting", awaiting, "returned", returned);
}

/* ---- /report/{id} ---- */

static char *rows_link(json_t *issue) { return g_strdup_printf("/report/%d/rows?figure=", (int)int_at(issue, "id")); }

void page_put_made(json_t *model, const char *link, json_t *report) {
  json_t *faults = json_object_get(report, "faults"), *fault;
  gint64 stops = 0;
  size_t i;
  json_array_foreach(faults, i, fault) stops += json_is_true(json_object_get(fault, "stop"));
  gboolean has_table = FALSE;
  json_t *paragraph;
  json_array_foreach(json_object_get(report, "paragraphs"), i, paragraph) has_table = has_table || json_object_get(paragraph, "rows");
  json_object_set_new(model, "paper", json_pack("{s:O, s:o, s:s, s:s, s:s}", "heading", json_object_get(report, "heading"), "paragraphs",
    report_shown(report, link), "addressee", text_at(report, "addressee"), "signed", text_at(report, "signed"), "dated", text_at(report, "dated")));
  json_object_set(model, "faults", faults);
  json_object_set_new(model, "stops", json_integer(stops));
  json_object_set_new(model, "has_table", json_boolean(has_table));
  json_object_set_new(model, "figure_count", json_integer((gint64)json_object_size(json_object_get(report, "figures"))));
}

static void put_made(json_t *model, json_t *issue, json_t *report) {
  g_autofree char *link = rows_link(issue);
  page_put_made(model, link, report);
}

/* The template's parameters with this report's texts. */
static json_t *parameter_rows(json_t *issue) {
  json_t *definition = report_definition(text_at(issue, "name")), *rows = json_array(), *parameter;
  size_t i;
  json_array_foreach(json_object_get(definition, "parameters"), i, parameter) {
    const char *name = text_at(parameter, "name");
    json_t *given = json_object_get(json_object_get(issue, "parameters"), name);
    g_autofree char *missing = json_is_integer(json_object_get(parameter, "default")) ? g_strdup_printf("%d", (int)int_at(parameter, "default")) : NULL;
    const char *value = given ? json_string_value(given) : missing ? missing : text_at(parameter, "default");
    json_array_append_new(rows, json_pack("{s:s, s:s, s:i}", "name", name, "value", value, "at", (int)i));
  }
  return rows;
}

static void put_steps(WebRequest *request, Sql *sql, json_t *issue, json_t *model) {
  static const char *const names[] = {"draft", "office", "leader", "sign", "frozen"};
  ReportState state = report_state(issue);
  json_t *steps = report_issue_steps(sql, int_at(issue, "id"), NULL), *step, *stages = json_array();
  size_t i;
  json_array_foreach(steps, i, step)
    for (guint k = 0; k < G_N_ELEMENTS(names); k++)
      if (g_str_equal(text_at(step, "to_state"), names[k])) json_object_set_new(step, "to_label", json_string(k == 0 ? "退回拟稿" : REPORT_STATE_LABELS[k]));
  for (guint k = 0; k < G_N_ELEMENTS(names); k++)
    json_array_append_new(stages, json_pack("{s:s, s:b, s:b}", "label", REPORT_STATE_LABELS[k], "now", k == state, "done", k < state || state == REPORT_FROZEN));
  gboolean reviewing = state > REPORT_DRAFT && state < REPORT_FROZEN, may = reviewing && web_may(request, REPORT_STATE_PERMISSIONS[state]);
  gboolean free = may && report_may_pass(sql, issue, web_actor(request));
  json_object_set_new(model, "steps", steps);
  json_object_set_new(model, "stages", stages);
  json_object_set_new(model, "may_pass", json_boolean(free));
  json_object_set_new(model, "may_return", json_boolean(may));
  json_object_set_new(model, "took_part", json_boolean(may && !free));
  json_object_set_new(model, "signs", json_boolean(state == REPORT_SIGN));
  json_object_set_new(model, "may_withdraw", json_boolean(state == REPORT_OFFICE && web_may(request, PERMISSION_WRITE_REPORTS)));
}

/* Of a frozen report: the numbers that are others today. */
static void put_today(WebRequest *request, Sql *sql, json_t *issue, json_t *frozen, json_t *model) {
  json_auto_t *open = json_copy(issue);
  json_object_set_new(open, "state", json_string("draft"));
  g_autoptr(GError) local = NULL;
  json_auto_t *today = report_issue_make(web_house(request), sql, ledger_asker(request), open, &local);
  json_auto_t *rows = today ? report_compare(today, frozen) : json_array();
  json_t *others = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    json_t *figure = json_object_get(json_object_get(today, "figures"), text_at(row, "figure"));
    gboolean whole = figure && !json_object_get(figure, "failed") && !json_is_true(json_object_get(figure, "partial")); /* else it is the asker who sees less */
    if (json_is_true(json_object_get(row, "differs")) && whole) json_array_append(others, row);
  }
  json_object_set_new(model, "others", others);
}

/* Who reads it, and for its signer whom it can be released to. */
static void put_audience(WebRequest *request, Sql *sql, json_t *issue, json_t *model) {
  json_t *rests = json_object_get(issue, "rests");
  g_autofree char *words = rests ? figure_rests_words(rests) : g_strdup("定稿时没有记下");
  if (words == NULL) return;
  json_object_set_new(model, "closed", json_pack("{s:s, s:o, s:b}", "words", words, "audiences", report_audiences(issue), "may_release",
    report_is_signer(sql, issue, web_actor(request))));
}

static WebReply *page_report(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *issue = load_issue(request, sql, error);
  if (issue == NULL) return NULL;
  ReportState state = report_state(issue);
  gboolean frozen = state == REPORT_FROZEN;
  put_state(issue);
  json_auto_t *model = json_pack("{s:s, s:O, s:o, s:b, s:b}", "title", text_at(issue, "name"), "issue", issue, "parameters", parameter_rows(issue), "may_write",
    state == REPORT_DRAFT && web_may(request, PERMISSION_WRITE_REPORTS), "frozen", frozen);
  json_object_set(model, "template", json_object_get(report_definition(text_at(issue, "name")), "id"));
  put_steps(request, sql, issue, model);
  g_autoptr(GError) local = NULL;
  json_auto_t *report = frozen ? report_frozen_load(web_house(request), issue, &local) : report_issue_make(web_house(request), sql, ledger_asker(request), issue, &local);
  if (report == NULL) {
    json_object_set_new(model, "failed", json_string(local->message));
    return web_model(g_steal_pointer(&model));
  }
  put_made(model, issue, report);
  if (frozen) {
    json_object_del(model, "faults");
    put_audience(request, sql, issue, model);
    put_today(request, sql, issue, report, model);
  }
  return web_model(g_steal_pointer(&model));
}

/* The texts of the form: parameters in the template's order. */
static json_t *given_parameters(WebRequest *request, json_t *issue) {
  json_t *definition = report_definition(text_at(issue, "name")), *parameters = json_object(), *parameter;
  gsize count = 0;
  const char *const *values = web_list(request, "parameter", &count);
  size_t i;
  json_array_foreach(json_object_get(definition, "parameters"), i, parameter) {
    if (i < count && !g_str_equal(values[i], text_at(parameter, "default"))) json_object_set_new(parameters, text_at(parameter, "name"), json_string(values[i]));
  }
  return parameters;
}

static WebReply *preview(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *issue = load_issue(request, sql, error);
  if (issue == NULL) return NULL;
  json_object_set_new(issue, "text", json_string(web_text(request, "text") ? web_text(request, "text") : ""));
  json_object_set_new(issue, "parameters", given_parameters(request, issue));
  g_autoptr(GError) local = NULL;
  json_auto_t *report = report_issue_make(web_house(request), sql, ledger_asker(request), issue, &local), *model = json_object();
  json_object_set(model, "issue", issue);
  if (report) put_made(model, issue, report);
  else json_object_set_new(model, "failed", json_string(local->message));
  return web_model(g_steal_pointer(&model));
}

static gboolean write_template(Sql *sql, const char *actor, json_t *issue, const char *text, GError **error) {
  json_t *former = report_definition(text_at(issue, "name"));
  if (former == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有叫“%s”的模板", text_at(issue, "name"));
  json_auto_t *definition = json_copy(former);
  json_object_del(definition, "id");
  json_object_set_new(definition, "text", json_string(text));
  return report_define(sql, actor, definition, error);
}

static WebReply *write_text(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  const char *text = web_text(request, "text") ? web_text(request, "text") : "";
  gboolean template = web_flag(request, "template");
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *issue = load_issue(request, sql, error), *parameters = issue ? given_parameters(request, issue) : NULL;
  if (issue == NULL || !report_issue_write(sql, web_actor(request), id, web_int(request, "rev", 0), text, parameters, error)) return NULL;
  if (template && !write_template(sql, web_actor(request), issue, text, error)) return NULL;
  if (!sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/report/%" G_GINT64_FORMAT, id);
  web_flash(reply, template ? "已保存，模板也改成了这样。" : "已保存。");
  return reply;
}

/* ---- the rows behind a number ---- */

/* As it was when frozen, when the asker may see it; what became of it since. */
static json_t *frozen_row(WebRequest *request, Sql *sql, json_t *entry) {
  const LedgerDefinition *ledger = ledger_find(text_at(entry, "ledger"));
  Asker asker = ledger_asker(request);
  if (ledger == NULL || !ledger_may_read(ledger, asker) || !ledger_admits(ledger, asker, entry)) return NULL;
  json_auto_t *now = ledger_entry_load(sql, asker, int_at(entry, "id"), NULL);
  if (now == NULL) return NULL; /* closed to the asker since */
  json_t *row = page_entry_row(entry);
  if (json_is_true(json_object_get(now, "deleted"))) json_object_set_new(row, "changed", json_string("现已删除"));
  else if (int_at(now, "rev") != int_at(entry, "rev")) json_object_set_new(row, "changed", json_string("定稿后改过"));
  return row;
}

/* The number as it was frozen; its parts and gaps only for who may see what they are made from. */
static json_t *frozen_result(WebRequest *request, json_t *result, const char *name) {
  json_t *told = result ? json_copy(result) : json_object(), *figure = figure_definition(name);
  if (figure && figure_is_open(figure, ledger_asker(request))) return told;
  json_object_del(told, "parts");
  json_object_del(told, "missing");
  return told;
}

/* Entries of the ids from begin to end. */
static json_t *frozen_entries(WebRequest *request, json_t *issue, json_t *ids, size_t begin, size_t end, GError **error) {
  g_autoptr(GHashTable) wanted = g_hash_table_new(NULL, NULL);
  for (size_t i = begin; i < end; i++) g_hash_table_add(wanted, GSIZE_TO_POINTER((gsize)json_integer_value(json_array_get(ids, i))));
  return report_frozen_rows(web_house(request), issue, wanted, error);
}

static gboolean put_frozen_rows(WebRequest *request, Sql *sql, json_t *issue, const char *figure, json_t *model, GError **error) {
  json_auto_t *report = report_frozen_load(web_house(request), issue, error), *entries = NULL, *rows = json_array();
  if (report == NULL) return FALSE;
  json_t *ids = json_object_get(json_object_get(report, "rows"), figure);
  gint64 after = web_int(request, "after", 0), hidden = 0, last = 0;
  size_t at = 0, held = 0, most = ROWS_SHOWN;
  for (size_t i = 0; after != 0 && i < json_array_size(ids); i++)
    if (json_integer_value(json_array_get(ids, i)) == after) at = i + 1;
  for (held = at; at < json_array_size(ids) && json_array_size(rows) < ROWS_SHOWN; at++) {
    if (at == held) { /* of many that the asker does not see, more at a time */
      json_decref(entries);
      held = MIN(json_array_size(ids), at + most), most *= 8;
      if ((entries = frozen_entries(request, issue, ids, at, held, error)) == NULL) return FALSE;
    }
    last = json_integer_value(json_array_get(ids, at));
    g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT, last);
    json_t *row = frozen_row(request, sql, json_object_get(entries, key));
    if (row) json_array_append_new(rows, row);
    else hidden++;
  }
  json_object_set(model, "rows", rows);
  json_object_set_new(model, "result", frozen_result(request, json_object_get(json_object_get(report, "figures"), figure), figure));
  if (hidden > 0) json_object_set_new(model, "hidden", json_integer(hidden));
  if (at < json_array_size(ids)) {
    g_autofree char *next = g_strdup_printf("%d", (int)last), *query = web_query_with(request, "after", next);
    json_object_set_new(model, "next", json_string(query));
  }
  return TRUE;
}

static gboolean put_live_rows(WebRequest *request, Sql *sql, json_t *issue, const char *figure, json_t *model, GError **error) {
  json_auto_t *definition = report_issue_definition(issue);
  FigurePeriod period = report_issue_period(issue);
  if (period.unit == NULL && *text_at(definition, "unit")) period.unit = text_at(definition, "unit");
  json_t *result = figure_ready(web_house(request), sql, ledger_asker(request), figure, period, error);
  if (result == NULL) return FALSE;
  json_object_set_new(model, "result", result);
  if (json_object_get(result, "opens")) return json_object_set(model, "opens", json_object_get(result, "opens")) == 0;
  g_autoptr(GArray) ids = figure_entries(web_house(request), sql, ledger_asker(request), figure, NULL, period, error);
  if (ids != NULL && json_is_true(json_object_get(result, "restricted"))) return page_put_hidden(ids->len, model), TRUE;
  return ids != NULL && page_put_entries(request, sql, ids, model, error);
}

static WebReply *page_rows(WebRequest *request, GError **error) {
  const char *figure = web_text(request, "figure") ? web_text(request, "figure") : "";
  json_t *definition = figure_definition(figure);
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *issue = load_issue(request, sql, error);
  if (issue == NULL) return NULL;
  gboolean frozen = report_state(issue) == REPORT_FROZEN;
  if (!frozen && definition == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有叫“%s”的指标", figure);
  put_state(issue);
  json_auto_t *model = json_pack("{s:s, s:O, s:s, s:b}", "title", figure, "issue", issue, "name", figure, "frozen", frozen);
  if (definition) json_object_set(model, "figure_id", json_object_get(definition, "id"));
  if (!(frozen ? put_frozen_rows : put_live_rows)(request, sql, issue, figure, model, error)) return NULL;
  return web_model(g_steal_pointer(&model));
}

/* ---- steps ---- */

static WebReply *decide(WebRequest *request, GError **error) {
  static const struct { const char *word; ReportVerdict verdict; const char *said; } verdicts[] = {{"submit", REPORT_SUBMIT, "已送科室审核。"}, {"pass", REPORT_PASS, "已通过。"},
    {"return", REPORT_RETURN, "已退回拟稿。"}, {"withdraw", REPORT_WITHDRAW, "已撤回。"}, {"drop", REPORT_DROP, "草稿已删除。"}};
  const char *word = web_text(request, "verdict");
  gint64 id = web_int(request, "id", 0);
  guint at = 0;
  while (at < G_N_ELEMENTS(verdicts) && !g_str_equal(verdicts[at].word, word)) at++;
  if (at == G_N_ELEMENTS(verdicts)) return throw_null(error, LANTAI_ERROR_INVALID, "没有这一步");
  ReportVerdict verdict = verdicts[at].verdict;
  const char *needed = PERMISSION_WRITE_REPORTS;
  if (verdict == REPORT_PASS || verdict == REPORT_RETURN) {
    g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
    json_auto_t *issue = load_issue(request, sql, error);
    if (issue == NULL) return NULL;
    needed = REPORT_STATE_PERMISSIONS[report_state(issue)];
  }
  if (*needed && !web_may(request, needed)) return throw_null(error, LANTAI_ERROR_DENIED, "您没有办这一步的权限");
  if (!report_issue_decide(web_house(request), ledger_asker(request), web_actor(request), id, verdict, web_text(request, "note"), error)) return NULL;
  WebReply *reply = verdict == REPORT_DROP ? web_redirect("/reports") : web_redirect("/report/%" G_GINT64_FORMAT, id);
  web_flash(reply, verdicts[at].said);
  return reply;
}

static WebReply *release(WebRequest *request, GError **error) {
  gsize count = 0;
  const char *const *codes = web_list(request, "role", &count);
  json_auto_t *roles = json_array();
  for (gsize i = 0; i < count; i++) json_array_append_new(roles, json_string(codes[i]));
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *issue = load_issue(request, sql, error);
  gint64 id = web_int(request, "id", 0);
  if (issue == NULL || !report_issue_release(sql, ledger_asker(request), web_actor(request), id, roles, web_text(request, "note"), error) || !sql_commit(sql, error))
    return NULL;
  WebReply *reply = web_redirect("/report/%" G_GINT64_FORMAT, id);
  web_flash(reply, count ? "已发给选定的人。" : "已收回，只有能查看依据的人读得到。");
  return reply;
}

/* ---- comparing ---- */

static json_t *made_of(WebRequest *request, Sql *sql, json_t *issue, GError **error) {
  if (report_state(issue) == REPORT_FROZEN) return report_frozen_load(web_house(request), issue, error);
  return report_issue_make(web_house(request), sql, ledger_asker(request), issue, error);
}

/* Last year's: the frozen report of the year before, else its numbers as they are today. */
static json_t *year_before(WebRequest *request, Sql *sql, json_t *issue, json_t *model, GError **error) {
  int from = (int)int_at(issue, "from_day") - 10000, to = (int)int_at(issue, "to_day") - 10000;
  gint64 id = sql_number(sql, "SELECT id FROM report WHERE name = $1 AND from_day = $2 AND to_day = $3 AND state = 'frozen' ORDER BY id DESC LIMIT 1",
    SQL_ARGS(sql_text(text_at(issue, "name")), sql_int(from), sql_int(to)), 0, NULL);
  FigurePeriod period = {from, to, NULL};
  g_autofree char *words = page_period_words(&period);
  json_object_set_new(model, "before_period", json_string(words));
  json_auto_t *former = id ? report_issue_load(sql, id, error) : json_copy(issue);
  if (former == NULL) return NULL;
  if (id && !report_may_read(former, ledger_asker(request))) {
    json_decref(former);
    former = json_copy(issue);
    id = 0;
  }
  json_object_set_new(model, "before_frozen", json_boolean(id != 0));
  if (id == 0) {
    json_object_set_new(former, "from_day", json_integer(from));
    json_object_set_new(former, "to_day", json_integer(to));
    json_object_set_new(former, "state", json_string("draft"));
  }
  return made_of(request, sql, former, error);
}

static WebReply *page_compare(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *issue = load_issue(request, sql, error);
  if (issue == NULL) return NULL;
  put_state(issue);
  json_auto_t *model = json_pack("{s:s, s:O}", "title", "与上年比较", "issue", issue);
  json_auto_t *now = made_of(request, sql, issue, error), *before = now ? year_before(request, sql, issue, model, error) : NULL;
  if (before == NULL) return NULL;
  json_t *rows = report_compare(now, before), *row;
  g_autofree char *link = rows_link(issue);
  size_t i;
  json_array_foreach(rows, i, row) {
    g_autofree char *name = g_uri_escape_string(text_at(row, "figure"), NULL, FALSE);
    json_object_set_new(row, "href", json_sprintf("%s%s", link, name));
  }
  json_object_set_new(model, "rows", rows);
  return web_model(g_steal_pointer(&model));
}

/* ---- files ---- */

static GBytes *signed_package(const House *house, json_t *issue, GError **error) {
  g_autofree char *token = g_uuid_string_random(), *name = g_strdup_printf("report-%s.zip", token), *bytes = NULL;
  g_autofree char *path = g_build_filename(house->dir, "tmp", name, NULL);
  gsize length = 0;
  gboolean good = report_frozen_package(house, issue, path, error) && g_file_get_contents(path, &bytes, &length, error);
  g_unlink(path);
  return good ? g_bytes_new_take(g_steal_pointer(&bytes), length) : NULL;
}

static const struct { const char *format, *kept, *mime; } FORMATS[] = {{"docx", "report.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
  {"pdf", "report.pdf", "application/pdf"}, {"html", "report.html", "text/html; charset=utf-8"},
  {"xlsx", NULL, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}, {"md", NULL, "text/markdown; charset=utf-8"},
  {"zip", NULL, "application/zip"}};

static GBytes *print_now(const House *house, json_t *report, const char *format, GError **error) {
  gboolean docx = g_str_equal(format, "docx"), sheet = g_str_equal(format, "xlsx");
  if (!docx && !sheet && !g_str_equal(format, "pdf")) {
    char *text = g_str_equal(format, "html") ? report_html(report) : report_markdown(report);
    return text ? g_bytes_new_take(text, strlen(text)) : throw_null(error, LANTAI_ERROR_INTERNAL, "不能生成网页");
  }
  g_autofree char *token = g_uuid_string_random(), *name = g_strdup_printf("report-%s.%s", token, format), *folder = g_build_filename(house->dir, "tmp", NULL);
  g_autofree char *path = g_build_filename(folder, name, NULL), *bytes = NULL;
  gsize length = 0;
  g_mkdir_with_parents(folder, 0750);
  gboolean good = (docx ? report_docx : sheet ? report_xlsx : report_pdf)(report, path, error) && g_file_get_contents(path, &bytes, &length, error);
  g_unlink(path);
  return good ? g_bytes_new_take(g_steal_pointer(&bytes), length) : NULL;
}

/* Bytes under a proposed name: a file that has no name any more. */
static WebReply *send_file(const House *house, GBytes *bytes, const char *mime, const char *name, GError **error) {
  g_autofree char *folder = g_build_filename(house->dir, "tmp", NULL), *path = g_build_filename(folder, "report-XXXXXX", NULL);
  g_mkdir_with_parents(folder, 0750); /* a recovered archive has none yet */
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  int fd = g_mkstemp(path);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写临时文件");
  g_unlink(path);
  gboolean written = write(fd, data, length) == (gssize)length && lseek(fd, 0, SEEK_SET) == 0;
  if (!written) return close(fd), throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写临时文件");
  return web_fd(fd, (gint64)length, mime, name, FALSE, NULL);
}

static WebReply *print_file(WebRequest *request, GError **error) {
  const char *format = web_text(request, "format") ? web_text(request, "format") : "docx";
  const House *house = web_house(request);
  guint at = 0;
  while (at < G_N_ELEMENTS(FORMATS) && !g_str_equal(FORMATS[at].format, format)) at++;
  if (at == G_N_ELEMENTS(FORMATS)) return throw_null(error, LANTAI_ERROR_INVALID, "格式只有 docx、pdf、xlsx、html、md、zip");
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *issue = load_issue(request, sql, error);
  if (issue == NULL) return NULL;
  g_autoptr(GBytes) bytes = NULL;
  gboolean frozen = report_state(issue) == REPORT_FROZEN, package = g_str_equal(format, "zip");
  if (package && !frozen) return throw_null(error, LANTAI_ERROR_INVALID, "定稿以后才有签名");
  if (package) bytes = signed_package(house, issue, error);
  else if (frozen && FORMATS[at].kept) bytes = report_frozen_file(house, issue, FORMATS[at].kept, error);
  else {
    json_auto_t *report = made_of(request, sql, issue, error);
    bytes = report ? print_now(house, report, format, error) : NULL;
  }
  g_autofree char *name = g_strdup_printf("%s.%s", text_at(issue, "name"), format);
  return bytes ? send_file(house, bytes, FORMATS[at].mime, name, error) : NULL;
}

static const WebParameter LIST_PARAMETERS[] = {{"after", WEB_INT, FALSE, 0, "翻页"}, {NULL}};
static const WebParameter NEW_PARAMETERS[] = {{"template", WEB_INT, TRUE, 0, "模板"}, {"year", WEB_INT, FALSE, 0, "年度"}, {"from", WEB_TEXT, FALSE, 20, "开始"},
  {"to", WEB_TEXT, FALSE, 20, "结束"}, {"unit", WEB_TEXT, FALSE, 100, "单位"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "报告"}, {NULL}};
static const WebParameter TEXT_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "报告"}, {"rev", WEB_INT, FALSE, 0, "版本"}, {"text", WEB_LINES, FALSE, REPORT_TEXT_MAX / 3, "正文"},
  {"parameter", WEB_LIST, FALSE, 200, "参数"}, {"template", WEB_FLAG, FALSE, 0, "改模板"}, {NULL}};
static const WebParameter ROWS_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "报告"}, {"figure", WEB_TEXT, FALSE, 200, "指标"}, {"after", WEB_INT, FALSE, 0, "翻页"}, {NULL}};
static const WebParameter DECIDE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "报告"}, {"verdict", WEB_TEXT, TRUE, 20, "办理"}, {"note", WEB_TEXT, FALSE, 500, "意见"}, {NULL}};
static const WebParameter RELEASE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "报告"}, {"role", WEB_LIST, FALSE, 100, "发给"}, {"note", WEB_TEXT, FALSE, 500, "说明"}, {NULL}};
static const WebParameter FILE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "报告"}, {"format", WEB_TEXT, FALSE, 10, "格式"}, {NULL}};
#define TEMPLATE {"name", WEB_TEXT, FALSE, 100, "名称"}, {"group", WEB_TEXT, FALSE, 100, "分组"}, {"about", WEB_TEXT, FALSE, 300, "说明"}, \
  {"unit", WEB_TEXT, FALSE, 100, "单位"}, {"heading", WEB_TEXT, FALSE, 300, "标题"}, {"addressee", WEB_TEXT, FALSE, 300, "主送"}, \
  {"signed", WEB_TEXT, FALSE, 300, "落款"}, {"text", WEB_LINES, FALSE, REPORT_TEXT_MAX / 3, "正文"}, {"from", WEB_TEXT, FALSE, 20, "开始"}, \
  {"to", WEB_TEXT, FALSE, 20, "结束"}, {"monthly", WEB_FLAG, FALSE, 0, "每月一期"}, \
  {"parameters", WEB_LINES, FALSE, 5000, "参数"}, {"fixed", WEB_LINES, FALSE, 5000, "固定说法"}, {"year", WEB_INT, FALSE, 0, "年度"}
static const WebParameter TEMPLATE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "模板"}, TEMPLATE, {NULL}};
static const WebParameter TEMPLATE_NEW_PARAMETERS[] = {TEMPLATE, {NULL}};
#define PERMISSION_DECIDE "report.edit|report.review|report.approve"

const WebRoute REPORT_ROUTES[] = {
  {"GET", "/reports", PERMISSION_SEE_FIGURES, LIST_PARAMETERS, "figure/reports", page_reports, "报告"},
  {"POST", "/reports/new", PERMISSION_WRITE_REPORTS, NEW_PARAMETERS, NULL, make_report, NULL},
  {"GET", "/report-template/{id}", PERMISSION_WRITE_REPORTS, TEMPLATE_PARAMETERS, "figure/template", page_template, "报告模板"},
  {"POST", "/report-template/{id}", PERMISSION_WRITE_REPORTS, TEMPLATE_PARAMETERS, "figure/template", save_template, "报告模板"},
  {"POST", "/report-template/{id}/preview", PERMISSION_WRITE_REPORTS, TEMPLATE_PARAMETERS, "figure/preview", preview_template, "预览"},
  {"GET", "/report-templates/new", PERMISSION_WRITE_REPORTS, TEMPLATE_NEW_PARAMETERS, "figure/template", page_template, "新建报告模板"},
  {"POST", "/report-templates/new", PERMISSION_WRITE_REPORTS, TEMPLATE_NEW_PARAMETERS, "figure/template", save_template, "新建报告模板"},
  {"POST", "/report-templates/preview", PERMISSION_WRITE_REPORTS, TEMPLATE_NEW_PARAMETERS, "figure/preview", preview_template, "预览"},
  {"GET", "/report/{id}", PERMISSION_SEE_FIGURES, ID_PARAMETERS, "figure/report", page_report, "报告"},
  {"POST", "/report/{id}/text", PERMISSION_WRITE_REPORTS, TEXT_PARAMETERS, NULL, write_text, NULL},
  {"POST", "/report/{id}/preview", PERMISSION_WRITE_REPORTS, TEXT_PARAMETERS, "figure/preview", preview, "预览"},
  {"GET", "/report/{id}/rows", PERMISSION_SEE_FIGURES, ROWS_PARAMETERS, "figure/report-rows", page_rows, "依据"},
  {"POST", "/report/{id}/decide", PERMISSION_DECIDE, DECIDE_PARAMETERS, NULL, decide, NULL},
  {"POST", "/report/{id}/release", "report.approve", RELEASE_PARAMETERS, NULL, release, NULL},
  {"GET", "/report/{id}/compare", PERMISSION_SEE_FIGURES, ID_PARAMETERS, "figure/compare", page_compare, "与上年比较"},
  {"GET", "/report/{id}/file", PERMISSION_SEE_FIGURES, FILE_PARAMETERS, NULL, print_file, NULL},
  {NULL},
};
