/* The pages through the router: each state renders as page and as JSON, forms do what they say, and nobody sees what is not theirs. */
#include "accession-test.h"

static gboolean permitted = TRUE;
static Scope scope_now;
static const char *who;

static gpointer identify(const House *house, const char *session, const char *bearer, const Scope **ret_scope) {
  *ret_scope = &scope_now;
  return (gpointer)who;
}
static void identity_free(gpointer identity) {}
static const char *actor(gpointer identity) { return identity; }
static gboolean may(const House *house, gpointer identity, const char *permission) { return permitted; }
static void decorate(WebRequest *request, json_t *model) {}
static const WebHooks HOOKS = {identify, identity_free, actor, may, decorate};

typedef struct { TestHouse *t; WebServer *server; gint64 id; } Fixture;

static const WebRoute *const ROUTES[] = {ACCESSION_ROUTES, NULL};

static void set_up(Fixture *f, gconstpointer data) {
  GError *error = NULL;
  permitted = TRUE;
  scope_now = SCOPE_EVERYTHING;
  who = "tester";
  f->t = test_house_new();
  f->server = web_server_new(&f->t->house, ROUTES, &HOOKS, &error);
  g_assert_no_error(error);
  g_autofree char *path = test_write(f->t, "目录.csv", "档号,题名,日期,密级,怪列\nP-1,公开的题名,1950,,<b>甲</b>\nP-2,机密的题名,1951,机密,乙\nP-3,,1952,,丙\nP-4,日期怪,某日,,丁\n");
  AccessionSource source = {.path = path, .fonds = "Z001", .body = "民政局"};
  f->id = test_receive(f->t, &source);
}

static void tear_down(Fixture *f, gconstpointer data) {
  web_server_free(f->server);
  test_house_remove(f->t);
}

static char *get(Fixture *f, guint status, const char *accept, const char *format, ...) G_GNUC_PRINTF(4, 5);
static char *get(Fixture *f, guint status, const char *accept, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *target = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  char *body = NULL;
  guint got = web_dispatch(f->server, "GET", target, NULL, NULL, accept, &body, NULL);
  if (got != status) g_test_message("%s: %s", target, body ? body : "");
  g_assert_cmpuint(got, ==, status);
  return body;
}

static json_t *get_json(Fixture *f, const char *target) {
  g_autofree char *body = get(f, 200, "json", "%s", target);
  json_t *json = json_loads(body, 0, NULL);
  g_assert_nonnull(json);
  return json;
}

static guint post(Fixture *f, const char *body, const char *format, gint64 id) {
  g_autofree char *target = g_strdup_printf("/delivery/%" G_GINT64_FORMAT "/%s", id, format), *answer = NULL;
  return web_dispatch(f->server, "POST", target, NULL, body, "html", &answer, NULL);
}

static void run_queued(Fixture *f, JobRun run) {
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_read(f->t->house.db, NULL);
  json_t *job = job_latest(sql, "accession", f->id, NULL);
  g_assert_cmpstr(text_at(job, "state"), ==, "queued");
  g_clear_pointer(&sql, sql_end);
  g_assert_true(job_cancel(f->t->house.db, int_at(job, "id"), &error));
  json_decref(job);
  test_job(f->t, run, f->id, &error);
  g_assert_no_error(error);
}

static void test_states(Fixture *f, gconstpointer data) {
  g_autofree char *list = get(f, 200, "html", "/deliveries"), *form = get(f, 200, "html", "/delivery/new"), *received = get(f, 200, "html",
    "/delivery/%" G_GINT64_FORMAT, f->id);
  g_assert_nonnull(strstr(list, "目录.csv"));
  g_assert_nonnull(strstr(form, "multipart/form-data"));
  g_assert_nonnull(strstr(received, "检测"));
  g_assert_nonnull(strstr(received, "&lt;b&gt;甲")); /* escaped */
  g_assert_cmpuint(post(f, "field=code&field=title&field=date&field=security&field=-&rehearse=1", "mapping", f->id), ==, 303);
  g_autofree char *waiting = get(f, 200, "html", "/delivery/%" G_GINT64_FORMAT "/progress", f->id), *busy = get(f, 200, "html", "/delivery/%" G_GINT64_FORMAT,
    f->id);
  g_assert_nonnull(strstr(waiting, "排队"));
  g_assert_null(strstr(busy, "/load\"")); /* nothing else can be started meanwhile */
  g_assert_cmpuint(post(f, "", "load", f->id), ==, 409);
  run_queued(f, accession_rehearse);
  g_autofree char *rehearsed = get(f, 200, "html", "/delivery/%" G_GINT64_FORMAT, f->id);
  g_assert_nonnull(strstr(rehearsed, "接收入库 3 行"));
  g_assert_nonnull(strstr(rehearsed, "题名为空"));
  g_assert_nonnull(strstr(rehearsed, "公开的题名"));
  g_autofree char *sheet = get(f, 200, "html", "/delivery/%" G_GINT64_FORMAT "/faults.xlsx", f->id);
  g_assert_cmpuint(post(f, "", "load", f->id), ==, 422); /* its check failed: only with a note */
  g_assert_cmpuint(post(f, "note=" "%E8%AE%A9%E6%AD%A5", "load", f->id), ==, 303);
  run_queued(f, accession_load);
  json_t *model = get_json(f, "/delivery/1.json");
  g_assert_cmpstr(text_at(model, "state"), ==, "done");
  g_assert_cmpint(int_at(model, "created"), ==, 3);
  g_assert_true(json_is_true(json_object_get(model, "can_undo")));
  json_decref(model);
  g_autofree char *done = get(f, 200, "html", "/delivery/%" G_GINT64_FORMAT, f->id), *over = get(f, 200, "html", "/delivery/%" G_GINT64_FORMAT "/progress",
    f->id);
  g_assert_nonnull(strstr(done, "/search?delivery=1"));
  g_assert_nonnull(strstr(over, "hx-trigger=\"load\""));
  g_autoptr(CatalogRecord) record = test_record(f->t, "P-1");
  g_assert_null(strstr(record->fields, "怪列")); /* it was not to be taken */
  g_assert_cmpuint(post(f, "", "undo", f->id), ==, 303);
  run_queued(f, accession_undo);
  g_autofree char *undone = get(f, 200, "html", "/delivery/%" G_GINT64_FORMAT, f->id);
  g_assert_nonnull(strstr(undone, "已撤销"));
}

static void test_wrong_mapping(Fixture *f, gconstpointer data) {
  g_assert_cmpuint(post(f, "field=code&field=title&field=title&field=security&field=*", "mapping", f->id), ==, 422);
  g_assert_cmpuint(post(f, "field=code&field=title", "mapping", f->id), ==, 422);
  g_assert_cmpuint(post(f, "field=code&field=title&field=date&field=security&field=nonsense", "mapping", f->id), ==, 422);
  g_assert_cmpuint(post(f, "", "rehearse", 999), ==, 404);
  g_assert_cmpuint(post(f, "category=HY&former_category=WS&field=code&field=title&field=date&field=security&field=*", "mapping", f->id), ==, 303);
  json_t *mapping = accession_mapping(&f->t->house, f->id, NULL);
  g_assert_cmpstr(text_at(mapping, "category"), ==, "HY");
  json_decref(mapping);
}

/* Sample rows above the asker's level are not shown; a delivery into other fonds is not there at all. */
static void test_gate(Fixture *f, gconstpointer data) {
  GError *error = NULL;
  test_job(f->t, accession_rehearse, f->id, &error);
  test_job(f->t, accession_load, f->id, &error);
  g_assert_no_error(error);
  scope_now.security = SECURITY_INTERNAL;
  who = "colleague";
  g_autofree char *shown = get(f, 200, "html", "/delivery/%" G_GINT64_FORMAT, f->id);
  g_assert_nonnull(strstr(shown, "公开的题名"));
  g_autofree char *json = get(f, 200, "json", "/delivery/%" G_GINT64_FORMAT, f->id);
  g_assert_null(strstr(json, "机密的题名"));
  g_assert_nonnull(strstr(json, "密级较高"));
  g_autofree char *sheet = get(f, 403, "json", "/delivery/%" G_GINT64_FORMAT "/faults.xlsx", f->id);
  g_autoptr(CatalogRecord) fonds = test_record(f->t, "Z001");
  gint64 other = fonds->id + 1000;
  g_autoptr(Sql) sql = sql_read(f->t->house.db, NULL);
  const Scope elsewhere = {.opening_mask = 15, .files_mask = 15, .security = SECURITY_TOP, .fonds = &other, .fonds_count = 1}, here = {.opening_mask = 15,
    .security = SECURITY_TOP, .fonds = &fonds->id, .fonds_count = 1};
  json_t *none = accession_list(&f->t->house, sql, &elsewhere, 0, 10, NULL), *some = accession_list(&f->t->house, sql, &here, 0, 10, NULL),
    *nothing = accession_list(&f->t->house, sql, &SCOPE_NOTHING, 0, 10, NULL);
  g_assert_cmpuint(json_array_size(none), ==, 0);
  g_assert_cmpuint(json_array_size(some), ==, 1);
  g_assert_cmpuint(json_array_size(nothing), ==, 0);
  json_decref(none);
  json_decref(some);
  json_decref(nothing);
  g_clear_pointer(&sql, sql_end);
  scope_now = SCOPE_NOTHING;
  static const char *const paths[] = {"", "/progress", "/faults.xlsx"};
  for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
    g_autofree char *hidden = get(f, 404, "json", "/delivery/%" G_GINT64_FORMAT "%s", f->id, paths[i]);
  }
  static const char *const actions[] = {"mapping", "rehearse", "load", "stop", "undo"};
  for (guint i = 0; i < G_N_ELEMENTS(actions); i++) g_assert_cmpuint(post(f, "", actions[i], f->id), ==, 404);
  permitted = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(actions); i++) g_assert_cmpuint(post(f, "", actions[i], f->id), ==, 403);
  g_autofree char *denied = get(f, 403, "json", "/deliveries");
}

static void test_paging(Fixture *f, gconstpointer data) {
  for (guint i = 0; i < 60; i++) {
    g_autofree char *name = g_strdup_printf("批%u.csv", i), *path = test_write(f->t, name, "档号,题名\nQ-1,甲\n");
    AccessionSource source = {.path = path};
    test_receive(f->t, &source);
  }
  json_t *first = get_json(f, "/deliveries.json");
  g_assert_cmpuint(json_array_size(json_object_get(first, "deliveries")), ==, 50);
  g_autofree char *next = g_strdup_printf("/deliveries.json?before=%" G_GINT64_FORMAT, int_at(first, "next"));
  json_t *second = get_json(f, next);
  g_assert_cmpuint(json_array_size(json_object_get(second, "deliveries")), ==, 11);
  g_assert_null(json_object_get(second, "next"));
  json_decref(first);
  json_decref(second);
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add("/pages/states", Fixture, NULL, set_up, test_states, tear_down);
  g_test_add("/pages/wrong-mapping", Fixture, NULL, set_up, test_wrong_mapping, tear_down);
  g_test_add("/pages/gate", Fixture, NULL, set_up, test_gate, tear_down);
  g_test_add("/pages/paging", Fixture, NULL, set_up, test_paging, tear_down);
  return g_test_run();
}
