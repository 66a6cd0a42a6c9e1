/* Schemes and what is wrong with them; states; sign-off; the pages, the paper and the table; a rebuild from events. */
#include "check-fixture.h"
#include "people.h"

/* ---- schemes ---- */

#define ITEM "title: 试\nitems:\n  - code: GD-1-2\n    name: 长度\n    property: 真实性\n    rule: length\n"
static const struct { const char *text, *told; } BAD[] = {
  {"title: 试\nitems: []\n", "items 应为检测项的列表"},
  {"title: 试\nitem: []\n", "不认识“item”"},
  {ITEM "    severety: error\n", "第 1 项 GD-1-2：检测项中不认识“severety”"},
  {ITEM "    severity: fatal\n", "severity 应为 error 或 warning"},
  {ITEM "    manual: program\n", "manual 只能是 person"},
  {ITEM "    with: {most: {title: long}}\n", "most 的 title 应为整数"},
  {ITEM "    with: {longest: 3}\n", "不认识“longest”"},
  {ITEM "    categories: WS\n", "categories 应为门类代码的列表"},
  {"items:\n  - code: A\n    name: 甲\n    property: 真实性\n    rule: guess\n", "没有规则“guess”"},
  {"items:\n  - code: A\n    name: 甲\n    property: 美观性\n    rule: length\n", "property 只能是"},
  {"items:\n  - name: 甲\n    property: 真实性\n    rule: length\n", "第 1 项"},
  {ITEM "  - code: GD-1-2\n    name: 又\n    property: 真实性\n    rule: person\n", "代码 GD-1-2 出现两次"},
  {"items:\n  - code: A\n    name: 甲\n    property: 真实性\n    rule: code\n    with: {patterns: {WS: \"(\"}}\n", "patterns 的 WS 不是正则表达式"},
  {"items: [\n", "filing.yaml"},
};

static void test_schemes(void) {
  Fixture f;
  fixture_open(&f);
  g_autofree char *folder = g_build_filename(f.dir, "definitions", "checks", NULL);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  const Scheme *before = scheme_of(CHECK_FILING);
  for (guint i = 0; i < G_N_ELEMENTS(BAD); i++) {
    g_autoptr(GError) error = NULL;
    g_free(fixture_write(&f, "definitions/checks/filing.yaml", BAD[i].text, -1));
    g_assert_false(check_open(f.db, f.dir, &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    if (strstr(error->message, BAD[i].told) == NULL || strstr(error->message, "filing.yaml") == NULL) g_error("%s does not say %s", error->message, BAD[i].told);
    g_assert_true(scheme_of(CHECK_FILING) == before); /* the one in use stays */
  }
  g_free(fixture_write(&f, "definitions/checks/filing.yaml", ITEM "    categories: [KJ]\n    severity: warning\n    with: {most: {title: 3}}\n", -1));
  g_assert_true(good(check_open(f.db, f.dir, error)));
  g_assert_cmpuint(scheme_of(CHECK_FILING)->count, ==, 1);
  g_assert_cmpuint(scheme_of(CHECK_TRANSFER)->count, >, 30);
  json_t *records = clean_records(2);
  json_object_set_new(json_array_get(records, 1), "category", json_string("KJ"));
  json_auto_t *report = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  g_assert_cmpstr(state_of(report, "GD-1-2"), ==, "warned"); /* of the two only the one in its category */
  g_assert_cmpint(json_integer_value(json_object_get(item_of(report, "GD-1-2"), "checked")), ==, 1);
  g_assert_cmpstr(text_at(report, "state"), ==, "passed");
  g_assert_cmpint(json_integer_value(json_object_get(report, "warned")), ==, 1);
  g_assert_true(good(check_open(f.db, NULL, error)));
  fixture_close(&f);
}

/* Every row of the standard's table is there, each with a rule that knows it; transfer mirrors filing. */
static void test_built_in(void) {
  static const guint counts[] = {14, 11, 8, 7};
  Fixture f;
  fixture_open(&f);
  for (CheckStage stage = CHECK_FILING; stage <= CHECK_TRANSFER; stage++) {
    const Scheme *scheme = scheme_of(stage);
    guint at = 0;
    for (guint c = 0; c < G_N_ELEMENTS(counts); c++)
      for (guint n = 1; n <= counts[c]; n++, at++) {
        g_autofree char *code = g_strdup_printf("%s-%u-%u", stage == CHECK_FILING ? "GD" : "YJ", c + 1, n);
        g_assert_cmpstr(scheme->items[at].code, ==, code);
        g_assert_cmpstr(scheme->items[at].property, ==, PROPERTIES[c]);
      }
    g_assert_cmpuint(at, ==, scheme->count);
  }
  fixture_close(&f);
}

/* ---- states and signatures ---- */

static gboolean sign(Fixture *f, gint64 id, const char *code, gboolean passed, const char *note, GError **error) {
  g_autoptr(Sql) sql = sql_write(f->db, error);
  return sql && result_sign(&f->house, sql, "director", id, &code, 1, passed, note, error) && sql_commit(sql, error);
}

static json_t *report_of(Fixture *f, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(check_report(sql, id, 10, error));
}

static void sign_all(Fixture *f, gint64 id) {
  json_auto_t *report = report_of(f, id);
  json_t *item;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item)
    if (json_is_true(json_object_get(item, "signable"))) g_assert_true(good(sign(f, id, text_at(item, "code"), TRUE, "核对无误", error)));
}

static void test_sign(void) {
  Fixture f;
  fixture_open(&f);
  json_auto_t *first = run_over(&f, CHECK_FILING, clean_records(2), NULL, NULL, NULL);
  gint64 id = json_integer_value(json_object_get(first, "id"));
  g_autoptr(GError) problem = NULL;
  g_assert_cmpstr(text_at(first, "state"), ==, "awaiting");
  g_assert_false(sign(&f, id, "GD-4-5", TRUE, "", &problem));
  g_assert_error(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&problem);
  g_assert_false(sign(&f, id, "GD-1-5", FALSE, "不信", &problem)); /* what the program decided is not a person's */
  g_assert_error(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_true(good(sign(&f, id, "GD-4-5", FALSE, "盘面有划痕", error)));
  json_auto_t *scratched = report_of(&f, id);
  g_assert_cmpstr(text_at(scratched, "state"), ==, "failed");
  g_assert_cmpstr(state_of(scratched, "GD-4-5"), ==, "failed");
  g_assert_cmpstr(text_at(item_of(scratched, "GD-4-5"), "outcome"), ==, "awaiting");
  g_assert_cmpstr(text_at(item_of(scratched, "GD-4-5"), "signed_by"), ==, "director");
  g_assert_cmpstr(text_at(item_of(scratched, "GD-4-5"), "note"), ==, "盘面有划痕");
  sign_all(&f, id); /* again, the other way */
  json_auto_t *done = report_of(&f, id);
  g_assert_cmpstr(text_at(done, "state"), ==, "passed");
  g_assert_cmpint(json_integer_value(json_object_get(done, "awaiting")), ==, 0);
  g_assert_cmpint(json_integer_value(json_object_get(done, "not_performed")), ==, 0);
  fixture_close(&f);
}

static gint64 id_of(json_t *report) { return json_integer_value(json_object_get(report, "id")); }

static json_t *earlier_of(Fixture *f, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(result_earlier(sql, id, error));
}

static gboolean take_over(Fixture *f, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(f->db, error);
  return sql && result_take_over(&f->house, sql, "archivist", id, error) && sql_commit(sql, error);
}

/* Of what was signed before, only what is as it was is taken over, as this person's word with the other's beside it. */
static void test_earlier(void) {
  Fixture f;
  fixture_open(&f);
  json_auto_t *first = run_over(&f, CHECK_FILING, clean_records(2), NULL, NULL, NULL);
  json_auto_t *none = earlier_of(&f, id_of(first));
  g_assert_cmpint(json_integer_value(json_object_get(none, "check")), ==, 0);
  g_assert_true(good(sign(&f, id_of(first), "GD-4-5", TRUE, "盘面完好", error)));
  g_assert_true(good(sign(&f, id_of(first), "GD-4-6", FALSE, "错误率高", error)));
  json_auto_t *elsewhere = run_over(&f, CHECK_TRANSFER, clean_records(2), NULL, NULL, NULL), *other_stage = earlier_of(&f, id_of(elsewhere));
  g_assert_cmpint(json_integer_value(json_object_get(other_stage, "check")), ==, 0);
  json_auto_t *more = run_over(&f, CHECK_FILING, clean_records(3), NULL, NULL, NULL), *changed = earlier_of(&f, id_of(more));
  g_assert_cmpint(json_integer_value(json_object_get(changed, "signed")), ==, 2);
  g_assert_cmpint(json_integer_value(json_object_get(changed, "same")), ==, 0); /* there is one record more */
  g_autoptr(GError) problem = NULL;
  g_assert_false(take_over(&f, id_of(more), &problem));
  g_assert_error(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  json_auto_t *second = run_over(&f, CHECK_FILING, clean_records(2), NULL, NULL, NULL), *same = earlier_of(&f, id_of(second));
  g_assert_cmpint(json_integer_value(json_object_get(same, "check")), ==, id_of(first));
  g_assert_cmpint(json_integer_value(json_object_get(same, "same")), ==, 1); /* what was signed as failed is not */
  g_assert_true(good(take_over(&f, id_of(second), error)));
  json_auto_t *after = report_of(&f, id_of(second));
  g_assert_cmpstr(state_of(after, "GD-4-5"), ==, "passed");
  g_assert_cmpstr(text_at(item_of(after, "GD-4-5"), "signed_by"), ==, "archivist");
  g_autofree char *note = g_strdup_printf("沿用第 %d 号检测中director的签署：盘面完好", (int)id_of(first));
  g_assert_cmpstr(text_at(item_of(after, "GD-4-5"), "note"), ==, note);
  g_assert_cmpstr(state_of(after, "GD-4-6"), ==, "awaiting");
  fixture_close(&f);
}

static void test_failed_stays(void) {
  Fixture f;
  fixture_open(&f);
  json_t *records = clean_records(2);
  json_object_set_new(json_array_get(records, 0), "creator", json_string(""));
  json_auto_t *report = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  gint64 id = json_integer_value(json_object_get(report, "id"));
  g_autoptr(GError) problem = NULL;
  g_assert_false(sign(&f, id, "GD-2-4", TRUE, "无妨", &problem));
  g_assert_error(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  sign_all(&f, id);
  json_auto_t *after = report_of(&f, id);
  g_assert_cmpstr(text_at(after, "state"), ==, "failed");
  fixture_close(&f);
}

/* Events of one archive make the same results in another; only the findings stay behind. */
static gboolean replay_one(Fixture *to, json_t *row) {
  json_auto_t *event = json_pack("{s:O, s:O, s:O, s:{s:O, s:O}, s:O}", "id", json_object_get(row, "id"), "actor", json_object_get(row, "actor"), "action",
    json_object_get(row, "action"), "subject", "kind", json_object_get(row, "subject_kind"), "id", json_object_get(row, "subject_id"), "data",
    json_object_get(row, "data"));
  g_autofree char *at = clock_format_iso(json_integer_value(json_object_get(row, "at")));
  json_object_set_new(event, "at", json_string(at));
  g_autoptr(Sql) sql = good(sql_write(to->db, error));
  return good(check_replay(&to->house, sql, event, error)) && good(sql_commit(sql, error));
}

static void test_replay(void) {
  Fixture f, other;
  fixture_open(&f);
  fixture_open(&other);
  json_t *records = clean_records(2);
  json_object_set_new(json_array_get(records, 0), "creator", json_string(""));
  json_auto_t *report = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  gint64 id = json_integer_value(json_object_get(report, "id"));
  sign_all(&f, id);
  {
    g_autoptr(Sql) sql = good(sql_read(f.db, error));
    json_auto_t *events = good(journal_list(sql, NULL, "check.", 0, 1000, error));
    for (size_t i = json_array_size(events); i-- > 0;) g_assert_true(replay_one(&other, json_array_get(events, i)));
  }
  json_auto_t *before = report_of(&f, id), *after = report_of(&other, id);
  g_assert_cmpuint(json_array_size(json_object_get(item_of(before, "GD-2-4"), "findings")), ==, 1);
  g_autofree char *a = json_dumps(before, JSON_SORT_KEYS | JSON_INDENT(1)), *b = json_dumps(after, JSON_SORT_KEYS | JSON_INDENT(1));
  g_assert_cmpstr(a, ==, b);
  fixture_close(&other);
  fixture_close(&f);
}

/* Of very many the journal is told the first; the run says how many, and a rebuilt archive has just these. */
static void test_replay_many(void) {
  Fixture f, other;
  fixture_open(&f);
  fixture_open(&other);
  json_t *records = clean_records(FINDINGS_KEPT + 150), *record;
  size_t i;
  json_array_foreach(records, i, record) json_object_set_new(record, "security", json_string("不知道"));
  json_auto_t *report = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  gint64 id = id_of(report);
  {
    g_autoptr(Sql) sql = good(sql_read(f.db, error));
    json_auto_t *events = good(journal_list(sql, NULL, "check.", 0, 1000, error));
    for (i = json_array_size(events); i-- > 0;) g_assert_true(replay_one(&other, json_array_get(events, i)));
  }
  Fixture *const both[] = {&f, &other};
  json_t *lists[2];
  for (guint k = 0; k < 2; k++) {
    g_autoptr(Sql) sql = good(sql_read(both[k]->db, error));
    lists[k] = good(result_findings(sql, id, "GD-1-4", 0, 10000, error));
    g_assert_cmpint(sql_number(sql, "SELECT findings_kept FROM check_task WHERE id = $1", SQL_ARGS(sql_int(id)), 0, NULL), ==, FINDINGS_KEPT);
  }
  g_assert_cmpuint(json_array_size(lists[0]), ==, FINDINGS_KEPT + 150);
  g_assert_cmpuint(json_array_size(lists[1]), ==, FINDINGS_KEPT);
  for (i = 0; i < FINDINGS_KEPT; i++) g_assert_true(json_equal(json_array_get(lists[0], i), json_array_get(lists[1], i)));
  json_decref(lists[0]);
  json_decref(lists[1]);
  fixture_close(&other);
  fixture_close(&f);
}

/* ---- pages ---- */

static gboolean may_sign = TRUE;
static gpointer identify(const House *house, const char *session, const char *bearer, const Scope **ret_scope) {
  *ret_scope = &SCOPE_EVERYTHING;
  return session ? (gpointer) "archivist" : NULL;
}
static void forget(gpointer identity) {}
static const char *actor(gpointer identity) { return identity ? identity : ""; }
static gboolean may(const House *house, gpointer identity, const char *permission) {
  return g_str_equal(permission, "public") || (identity && (!g_str_equal(permission, "check.sign") || may_sign));
}
static gboolean sees_even(WebRequest *request, Sql *sql, gint64 subject_id) { return subject_id % 2 == 1; }

static guint ask(WebServer *server, const char *method, const char *target, const char *form, const char *accept, char **ret_body) {
  g_autofree char *csrf = web_csrf_token(server, "s"), *body = form ? g_strdup_printf("%s&csrf=%s", form, csrf) : NULL;
  g_free(*ret_body);
  return web_dispatch(server, method, target, WEB_SESSION_COOKIE "=s", body, accept, ret_body, NULL);
}

static void test_pages(void) {
  static const WebHooks hooks = {identify, forget, actor, may, NULL};
  static const WebRoute *const routes[] = {CHECK_ROUTES, NULL};
  Fixture f;
  fixture_open(&f);
  g_autoptr(WebServer) server = good(web_server_new(&f.house, routes, &hooks, error));
  json_t *records = clean_records(120);
  for (int i = 0; i < 110; i++) json_object_set_new(json_array_get(records, i), "creator", json_string(""));
  json_object_set_new(json_array_get(records, 0), "title", json_string("<b>题名\uE000"));
  json_auto_t *report = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  g_autofree char *body = NULL;
  g_assert_cmpuint(ask(server, "GET", "/check/1", NULL, "html", &body), ==, 404); /* no room has said who may see it */
  check_set_visible("accession", sees_even, "/delivery/");
  g_assert_cmpuint(ask(server, "GET", "/check/1", NULL, "html", &body), ==, 200);
  g_assert_nonnull(strstr(body, "href=\"/delivery/7\""));
  g_assert_nonnull(strstr(body, "GD-2-4"));
  g_assert_nonnull(strstr(body, "全部 110 处"));
  g_assert_null(strstr(body, "<b>"));
  g_assert_true(strstr(body, "GD-1-6") < strstr(body, "GD-1-2")); /* failing first */
  g_assert_cmpuint(ask(server, "GET", "/check/99", NULL, "html", &body), ==, 404);
  g_assert_cmpuint(ask(server, "GET", "/check/1?item=GD-2-4", NULL, "html", &body), ==, 200);
  g_assert_nonnull(strstr(body, "item=GD-2-4&amp;after=100"));
  g_assert_cmpuint(ask(server, "GET", "/check/1?item=GD-2-4&after=100", NULL, "json", &body), ==, 200);
  json_auto_t *page = json_loads(body, 0, NULL);
  g_assert_cmpint(json_array_size(json_object_get(json_object_get(page, "list"), "findings")), ==, 10);
  g_assert_cmpint(json_array_size(json_object_get(page, "items")), ==, 40);
  g_assert_cmpuint(ask(server, "GET", "/check/1/report.pdf", NULL, "html", &body), ==, 200);
  g_assert_true(g_str_has_prefix(body, "%PDF-"));
  g_assert_cmpuint(ask(server, "GET", "/check/1/findings.xlsx", NULL, "html", &body), ==, 200);
  g_assert_true(g_str_has_prefix(body, "PK"));
  g_assert_cmpuint(ask(server, "GET", "/checks/scheme", NULL, "html", &body), ==, 200);
  g_assert_nonnull(strstr(body, "YJ-4-7"));
  g_assert_cmpuint(ask(server, "POST", "/check/1/sign", "items=GD-4-5&verdict=passed", "html", &body), ==, 422);
  g_assert_nonnull(strstr(body, "请写明检测情况"));
  g_assert_cmpuint(ask(server, "POST", "/check/1/sign", "items=GD-4-5&items=GD-4-6&verdict=passed&note=%E5%9C%A8%E7%BA%BF", "html", &body), ==, 303);
  g_assert_cmpuint(ask(server, "POST", "/check/1/sign", "items=GD-2-4&verdict=passed&note=x", "html", &body), ==, 409);
  g_assert_cmpuint(ask(server, "POST", "/check/1/sign", "items=GD-4-5&verdict=maybe&note=x", "html", &body), ==, 422);
  json_auto_t *after = report_of(&f, 1);
  g_assert_cmpstr(state_of(after, "GD-4-5"), ==, "passed");
  g_assert_cmpstr(state_of(after, "GD-4-6"), ==, "passed");
  may_sign = FALSE;
  g_assert_cmpuint(ask(server, "POST", "/check/1/sign", "items=GD-4-4&verdict=passed&note=x", "html", &body), ==, 403);
  g_assert_cmpuint(ask(server, "GET", "/check/1", NULL, "html", &body), ==, 200);
  g_assert_null(strstr(body, "type=\"checkbox\""));
  may_sign = TRUE;
  g_clear_pointer(&server, web_server_free);
  fixture_close(&f);
}

/* The paper has every item and each finding up to its limit, and says when there are more. */
static void test_document(void) {
  Fixture f;
  fixture_open(&f);
  json_t *records = clean_records(30);
  for (int i = 0; i < 12; i++) json_object_set_new(json_array_get(records, i), "creator", json_string(""));
  json_auto_t *ran = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  json_auto_t *report = report_of(&f, json_integer_value(json_object_get(ran, "id"))); /* the first ten findings */
  json_auto_t *document = result_document(report);
  g_autofree char *text = json_dumps(document, 0);
  json_t *item;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item) {
    g_autofree char *cell = g_strdup_printf("[\"%s\", ", text_at(item, "code"));
    g_assert_nonnull(strstr(text, cell));
  }
  g_assert_nonnull(strstr(text, "GD-2-4 元数据必填著录项目检测：12 处"));
  g_assert_nonnull(strstr(text, "以上是前 10 处，全部 12 处"));
  fixture_close(&f);
}

static void add_tests(void) {
  g_test_add_func("/check/schemes", test_schemes);
  g_test_add_func("/check/built-in", test_built_in);
  g_test_add_func("/check/sign", test_sign);
  g_test_add_func("/check/earlier", test_earlier);
  g_test_add_func("/check/failed-stays", test_failed_stays);
  g_test_add_func("/check/replay", test_replay);
  g_test_add_func("/check/replay-many", test_replay_many);
  g_test_add_func("/check/pages", test_pages);
  g_test_add_func("/check/document", test_document);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
