/* The room's pages through the router: tree, record, forms, conflict, and that nothing beyond the scope shows. */
#include "test-fixture.h"

typedef struct {
  Fixture f;
  WebServer *server;
  gint64 fonds, class, item;
} Place;

/* ---- who asks: the cookie's value names the role ---- */

typedef struct {
  const char *name, *permissions;
  Scope scope;
} Asker;
static const Asker ASKERS[] = {
  {"public", "catalogue.read", {.opening_mask = 1 << OPENING_OPEN, .files_mask = 1 << OPENING_OPEN, .all_fonds = TRUE}},
  {"archivist", "catalogue.read record.create record.edit record.delete delivery.read", {.opening_mask = 15, .files_mask = 15, .security = SECURITY_SECRET,
  .all_fonds = TRUE}},
  {"auditor", "journal.read", {0}},
};

static gpointer identify(const House *house, const char *session_token, const char *bearer_token, const Scope **ret_scope) {
  for (guint i = 0; i < G_N_ELEMENTS(ASKERS); i++) {
    if (g_strcmp0(session_token ? session_token : "public", ASKERS[i].name) != 0) continue;
    *ret_scope = &ASKERS[i].scope;
    return (gpointer)&ASKERS[i];
  }
  return NULL;
}
static void identity_free(gpointer identity) {}
static const char *actor(gpointer identity) { return identity ? ((const Asker *)identity)->name : ""; }
static gboolean may(const House *house, gpointer identity, const char *permission) {
  return identity != NULL && strstr(((const Asker *)identity)->permissions, permission) != NULL;
}

static void place_open(Place *p) {
  static const WebRoute *const routes[] = {CATALOG_ROUTES, NULL};
  static const WebHooks hooks = {identify, identity_free, actor, may, NULL};
  fixture_open(&p->f);
  p->server = good(web_server_new(&p->f.house, routes, &hooks, error));
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  p->fonds = good(catalog_fonds_ensure(&p->f.house, sql, "tester", "Z109", "市民政局", error));
  p->class = good(catalog_class_ensure(&p->f.house, sql, "tester", p->fonds, 2, error));
  g_autoptr(CatalogRecord) item = record_of(p->class, LEVEL_ITEM, 2, "Z109-HY-0001", "张三与李四结婚登记 <b>");
  item->opening = OPENING_OPEN;
  put_text(&item->fields, "{\"djjg\":\"城关公社\",\"nfxm\":\"张三\",\"nvxm\":\"李四\",\"旧目录号\":\"12\"}");
  put_text(&item->date_text, "一九五八年三月");
  g_assert_true(date_parse(item->date_text, &item->date));
  good(catalog_record_create(&p->f.house, sql, "tester", item, error));
  p->item = item->id;
  g_autoptr(CatalogRecord) closed = record_of(p->class, LEVEL_ITEM, 2, "Z109-HY-0002", "王五与赵六离婚登记");
  closed->opening = OPENING_CONTROLLED;
  good(catalog_record_create(&p->f.house, sql, "tester", closed, error));
  good(sql_commit(sql, error));
}

static void place_close(Place *p) {
  web_server_free(p->server);
  fixture_close(&p->f);
}

/* One request as somebody; posts carry the token. Returns the body; the status must be as expected. */
static char *ask(Place *p, const char *who, const char *method, const char *target, const char *form, const char *accept, guint expected, char **ret_headers) {
  g_autofree char *cookie = g_str_equal(who, "public") ? NULL : g_strdup_printf(WEB_SESSION_COOKIE "=%s", who);
  g_autofree char *token = web_csrf_token(p->server, who);
  g_autofree char *body = form == NULL ? NULL : g_strdup_printf("csrf=%s&%s", token, form);
  char *text = NULL;
  g_autofree char *headers = NULL;
  guint status = web_dispatch(p->server, method, target, cookie, body, accept, &text, &headers);
  if (status != expected) g_error("%s %s as %s: %u instead of %u: %s", method, target, who, status, expected, text);
  if (ret_headers) *ret_headers = g_steal_pointer(&headers);
  return text;
}

static json_t *json_of(Place *p, const char *who, const char *target) {
  g_autofree char *body = ask(p, who, "GET", target, NULL, "json", 200, NULL);
  json_t *json = json_loads(body, 0, NULL);
  g_assert_nonnull(json);
  return json;
}

static void must_have(const char *page, const char *part) {
  if (strstr(page, part) == NULL) g_error("missing \"%s\" in:\n%s", part, page);
}
static void must_not_have(const char *page, const char *part) {
  if (strstr(page, part) != NULL) g_error("unwanted \"%s\" in:\n%s", part, page);
}

#define PATH(format, ...) g_strdup_printf(format, __VA_ARGS__)

/* ---- reading ---- */

static void test_catalog(void) {
  Place p;
  place_open(&p);
  json_auto_t *all = json_of(&p, "archivist", "/catalog");
  json_t *fonds = json_array_get(json_object_get(all, "fonds"), 0);
  g_assert_cmpint(json_integer_value(json_object_get(fonds, "items")), ==, 2);
  json_auto_t *open = json_of(&p, "public", "/catalog");
  g_assert_cmpint(json_integer_value(json_object_get(json_array_get(json_object_get(open, "fonds"), 0), "items")), ==, 1);
  json_auto_t *found = json_of(&p, "public", "/catalog?filter=z10");
  g_assert_cmpuint(json_array_size(json_object_get(found, "fonds")), ==, 1);
  json_auto_t *traditional = json_of(&p, "public", "/catalog?filter=%E6%B0%91%E6%94%BF");
  g_assert_cmpuint(json_array_size(json_object_get(traditional, "fonds")), ==, 1);
  json_auto_t *none = json_of(&p, "public", "/catalog?filter=nothing");
  g_assert_cmpuint(json_array_size(json_object_get(none, "fonds")), ==, 0);
  g_autofree char *page = ask(&p, "public", "GET", "/catalog", NULL, "html", 200, NULL);
  must_have(page, "市民政局");
  must_not_have(page, "新建全宗");
  g_autofree char *refused = ask(&p, "auditor", "GET", "/catalog", NULL, "html", 403, NULL);
  must_not_have(refused, "市民政局");
  place_close(&p);
}

static void test_node(void) {
  Place p;
  place_open(&p);
  g_autofree char *fonds = PATH("/catalog/%" G_GINT64_FORMAT, p.fonds), *class = PATH("/catalog/%" G_GINT64_FORMAT, p.class),
    *item = PATH("/catalog/%" G_GINT64_FORMAT, p.item);
  json_auto_t *classes = json_of(&p, "archivist", fonds);
  json_t *row = json_array_get(json_object_get(classes, "rows"), 0);
  g_assert_cmpstr(json_string_value(json_object_get(row, "title")), ==, "婚姻登记档案");
  g_assert_cmpint(json_integer_value(json_object_get(row, "items")), ==, 2);
  g_autofree char *fonds_page = ask(&p, "public", "GET", fonds, NULL, "html", 200, NULL);
  must_have(fonds_page, "婚姻登记档案");
  json_auto_t *children = json_of(&p, "public", class);
  g_assert_cmpint(json_integer_value(json_object_get(children, "count")), ==, 1);
  g_autofree char *page = ask(&p, "public", "GET", class, NULL, "html", 200, NULL);
  must_have(page, "张三与李四结婚登记 &lt;b&gt;");
  must_have(page, "男方姓名");
  must_have(page, "一九五八年三月");
  must_not_have(page, "王五");
  must_not_have(page, "证书编号"); /* a listed field that no row fills is no column */
  g_autofree char *sorted = PATH("/catalog/%" G_GINT64_FORMAT "?sort=newest", p.class);
  g_autofree char *sorted_page = ask(&p, "archivist", "GET", sorted, NULL, "html", 200, NULL);
  must_have(sorted_page, "王五");
  g_autofree char *headers = NULL;
  g_autofree char *moved = ask(&p, "public", "GET", item, NULL, "html", 303, &headers);
  must_have(headers, "/record/");
  g_free(ask(&p, "public", "GET", "/catalog/99999", NULL, "html", 404, NULL));
  place_close(&p);
}

/* Every child once, in order, however the pages are cut. */
static void test_paging(void) {
  Place p;
  place_open(&p);
  enum { CHILDREN = 250 };
  gint64 volume;
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    g_autoptr(CatalogRecord) node = record_of(p.class, LEVEL_VOLUME, 2, "Z109-HY-V", "案卷");
    node->opening = OPENING_OPEN;
    good(catalog_record_create(&p.f.house, sql, "tester", node, error));
    volume = node->id;
    gint64 first = good(catalog_reserve_ids(sql, CHILDREN, error));
    catalog_bulk_begin(&p.f.house, sql);
    for (int i = 0; i < CHILDREN; i++) {
      g_autofree char *code = PATH("Z109-HY-V-%04d", (i * 7919) % CHILDREN);
      g_autoptr(CatalogRecord) record = record_of(volume, LEVEL_ITEM, 2, code, "一件");
      record->id = first + i;
      record->fonds_id = p.fonds;
      record->opening = OPENING_OPEN;
      good(catalog_record_put(&p.f.house, sql, record, NULL, error));
    }
    good(catalog_bulk_end(&p.f.house, sql, error));
    good(sql_commit(sql, error));
  }
  g_autofree char *target = PATH("/catalog/%" G_GINT64_FORMAT, volume);
  int seen = 0, pages = 0;
  while (target != NULL) {
    json_auto_t *json = json_of(&p, "public", target);
    json_t *rows = json_object_get(json, "rows"), *row;
    size_t i;
    g_assert_cmpint(json_integer_value(json_object_get(json, "count")), ==, CHILDREN);
    json_array_foreach(rows, i, row) {
      g_autofree char *code = PATH("Z109-HY-V-%04d", seen++);
      g_assert_cmpstr(json_string_value(json_object_get(row, "code")), ==, code);
      g_assert_cmpint(json_integer_value(json_object_get(row, "number")), ==, seen);
    }
    const char *next = json_string_value(json_object_get(json, "next"));
    g_free(target);
    target = next ? PATH("/catalog/%" G_GINT64_FORMAT "?%s", volume, next) : NULL;
    g_assert_cmpint(++pages, <, 10);
  }
  g_assert_cmpint(seen, ==, CHILDREN);
  place_close(&p);
}

static void test_record(void) {
  Place p;
  place_open(&p);
  g_autofree char *plain = PATH("/record/%" G_GINT64_FORMAT, p.item), *marked = PATH("%s?q=%%E5%%BC%%A0%%E4%%B8%%89", plain),
    *closed = PATH("/record/%" G_GINT64_FORMAT, p.item + 1);
  g_autofree char *page = ask(&p, "public", "GET", marked, NULL, "html", 200, NULL);
  must_have(page, "<mark>张三</mark>与李四结婚登记 &lt;b&gt;");
  must_have(page, "旧目录号");
  must_have(page, "城关公社");
  must_have(page, "1958-03");
  must_have(page, "市民政局");
  must_not_have(page, "历史");
  must_not_have(page, "/edit");
  must_not_have(page, "Z109-HY-0002"); /* the next one is closed to the public */
  g_autofree char *mine = ask(&p, "archivist", "GET", plain, NULL, "html", 200, NULL);
  must_have(mine, "Z109-HY-0002");
  must_have(mine, "历史");
  must_have(mine, "rel=\"next\"");
  g_free(ask(&p, "public", "GET", closed, NULL, "html", 404, NULL));
  g_free(ask(&p, "public", "GET", closed, NULL, "json", 404, NULL));
  g_autofree char *edit = PATH("/record/%" G_GINT64_FORMAT "/edit", p.item);
  g_free(ask(&p, "public", "GET", edit, NULL, "json", 403, NULL));
  g_autofree char *history = PATH("/record/%" G_GINT64_FORMAT "?tab=history", p.item);
  g_autofree char *events = ask(&p, "archivist", "GET", history, NULL, "html", 200, NULL);
  must_have(events, "新建著录");
  json_auto_t *unseen = json_of(&p, "public", history);
  g_assert_null(json_object_get(unseen, "events"));
  place_close(&p);
}

static void test_files(void) {
  Place p;
  place_open(&p);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    for (int i = 0; i < 70; i++) {
      g_autoptr(CatalogFile) file = g_new0(CatalogFile, 1);
      file->record_id = p.item;
      file->name = PATH("%04d.jpg", i + 1);
      file->path = PATH("files/%04d.jpg", i + 1);
      file->kind = g_strdup("image");
      file->sha512 = g_strdup("aa");
      file->sm3 = g_strdup("bb");
      file->size_bytes = 1000;
      file->page_count = 1;
      good(catalog_file_add(&p.f.house, sql, file, error));
    }
    g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, p.item, error));
    record->opening = OPENING_OPEN;
    good(sql_commit(sql, error));
  }
  g_autofree char *plain = PATH("/record/%" G_GINT64_FORMAT, p.item), *files = PATH("%s?tab=files", plain), *rest = PATH("%s?tab=files&after=60", plain);
  g_autofree char *page = ask(&p, "public", "GET", plain, NULL, "html", 200, NULL);
  must_have(page, "/file/1/thumbnail");
  must_have(page, "/view");
  must_not_have(page, "0007.jpg");
  json_auto_t *first = json_of(&p, "public", files);
  json_auto_t *second = json_of(&p, "public", rest);
  g_assert_cmpuint(json_array_size(json_object_get(first, "files")), ==, 60);
  g_assert_cmpint(json_integer_value(json_object_get(first, "files_next")), ==, 60);
  g_assert_cmpuint(json_array_size(json_object_get(second, "files")), ==, 10);
  g_assert_null(json_object_get(second, "files_next"));
  g_assert_cmpint(json_integer_value(json_object_get(json_array_get(json_object_get(second, "files"), 0), "first_page")), ==, 61);
  g_autofree char *list = ask(&p, "public", "GET", rest, NULL, "html", 200, NULL);
  must_have(list, "0061.jpg");
  place_close(&p);
}

static void test_categories(void) {
  Place p;
  place_open(&p);
  g_autofree char *page = ask(&p, "public", "GET", "/categories", NULL, "html", 200, NULL);
  must_have(page, "婚姻登记档案");
  must_have(page, "{男方姓名}与{女方姓名}{婚姻状态}登记");
  must_have(page, "QZH");
  json_auto_t *json = json_of(&p, "public", "/categories");
  g_assert_cmpuint(json_array_size(json_object_get(json, "categories")), ==, 23);
  place_close(&p);
}

/* ---- forms ---- */

static CatalogRecord *load(Place *p, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  return good(catalog_record_load(sql, &SCOPE_EVERYTHING, id, error));
}

static void test_edit(void) {
  Place p;
  place_open(&p);
  g_autofree char *target = PATH("/record/%" G_GINT64_FORMAT "/edit", p.item), *history = PATH("/record/%" G_GINT64_FORMAT "?tab=history", p.item);
  g_autofree char *form = ask(&p, "archivist", "GET", target, NULL, "html", 200, NULL);
  must_have(form, "value=\"张三\"");
  must_have(form, "旧目录号");
  must_have(form, "data-save");
  g_autoptr(CatalogRecord) before = load(&p, p.item);
  g_autofree char *fields = PATH("form=1&rev=%" G_GINT64_FORMAT "&code=Z109-HY-0001&title=New&creator=A&date=1959&security=internal&opening=open"
                                 "&note=Memo&year=&page_count=3&key=nfxm&value=Zhang&key=nvxm&value=&key=djjg&value=Office", before->rev);
  g_free(ask(&p, "archivist", "POST", target, fields, "html", 303, NULL));
  g_autoptr(CatalogRecord) after = load(&p, p.item);
  g_assert_cmpstr(after->title, ==, "New");
  g_assert_cmpstr(after->fields, ==, "{\"djjg\":\"Office\",\"nfxm\":\"Zhang\",\"note\":\"Memo\",\"旧目录号\":\"12\"}");
  g_assert_cmpint(after->date.from, ==, 19590101);
  g_assert_cmpint(after->year, ==, 1959);
  g_assert_cmpint(after->security, ==, SECURITY_INTERNAL);
  g_assert_cmpint(after->page_count, ==, 3);
  g_assert_cmpint(count_of(&p.f, "Office"), ==, 1); /* found at once */
  g_autofree char *shown = ask(&p, "archivist", "GET", history, NULL, "html", 200, NULL);
  must_have(shown, "<del>张三与李四结婚登记 &lt;b&gt;</del>");
  must_have(shown, "<ins>New</ins>");
  must_have(shown, "女方姓名");
  must_have(shown, "archivist");

  g_autofree char *late = PATH("form=1&rev=%" G_GINT64_FORMAT "&code=Z109-HY-0001&title=Mine&opening=open&key=nfxm&value=Zhang", before->rev);
  g_autofree char *conflict = ask(&p, "archivist", "POST", target, late, "html", 409, NULL);
  must_have(conflict, "value=\"Mine\"");
  must_have(conflict, "现在的内容：New");
  g_autofree char *newer = PATH("name=\"rev\" value=\"%" G_GINT64_FORMAT "\"", after->rev);
  must_have(conflict, newer);
  g_autoptr(CatalogRecord) kept = load(&p, p.item);
  g_assert_cmpint(kept->rev, ==, after->rev);

  g_free(ask(&p, "archivist", "POST", target, "form=1&code=Z109-HY-0002&title=X", "html", 409, NULL)); /* the code is another's */
  g_autofree char *empty = ask(&p, "archivist", "POST", target, "form=1&code=&title=Kept", "html", 422, NULL);
  must_have(empty, "value=\"Kept\"");
  g_free(ask(&p, "archivist", "POST", target, "title=Only", "html", 303, NULL)); /* as a program sends it: the rest stays */
  g_autoptr(CatalogRecord) partly = load(&p, p.item);
  g_assert_cmpstr(partly->title, ==, "Only");
  g_assert_cmpstr(partly->code, ==, "Z109-HY-0001");
  g_assert_cmpint(partly->page_count, ==, 3);
  g_free(ask(&p, "archivist", "POST", target, "security=top", "html", 422, NULL)); /* beyond their own sight */
  g_free(ask(&p, "public", "POST", target, "form=1&code=Z&title=Z", "json", 403, NULL));
  place_close(&p);
}

/* A word where a number belongs comes back in its field with why, and everything else as it was typed. */
static void test_numbers(void) {
  Place p;
  place_open(&p);
  g_autofree char *target = PATH("/record/%" G_GINT64_FORMAT "/edit", p.item), *under = PATH("parent=%" G_GINT64_FORMAT "&category=HY", p.class);
  g_autofree char *refused = ask(&p, "archivist", "POST", target,
    "form=1&code=Z109-HY-0001&title=Kept&year=soon&page_count=many&key=nfxm&value=Zhang", "html", 422, NULL);
  must_have(refused, "name=\"year\" value=\"soon\"");
  must_have(refused, "<span class=\"error\">年度应为 1000 至 2999 的整数，不能是“soon”</span>");
  must_have(refused, "name=\"page_count\" value=\"many\"");
  must_have(refused, "<span class=\"error\">页数应为 0 至 999999 的整数，不能是“many”</span>");
  must_have(refused, "value=\"Kept\"");
  must_have(refused, "value=\"Zhang\"");
  g_autoptr(CatalogRecord) kept = load(&p, p.item);
  g_assert_cmpstr(kept->title, ==, "张三与李四结婚登记 <b>");
  g_autofree char *fields = PATH("%s&form=1&code=Z109-HY-0009&title=Made&year=99999", under);
  g_autofree char *new = ask(&p, "archivist", "POST", "/record/new", fields, "html", 422, NULL);
  must_have(new, "name=\"year\" value=\"99999\"");
  must_have(new, "value=\"Made\"");
  g_free(ask(&p, "archivist", "POST", target, "year=%EF%BC%91%EF%BC%99%EF%BC%95%EF%BC%97&page_count=0", "html", 303, NULL)); /* full-width 1957 */
  g_autoptr(CatalogRecord) saved = load(&p, p.item);
  g_assert_cmpint(saved->year, ==, 1957);
  place_close(&p);
}

static void test_new(void) {
  Place p;
  place_open(&p);
  g_autofree char *under_fonds = PATH("/record/new?parent=%" G_GINT64_FORMAT, p.fonds), *chosen = PATH("%s&category=ZQ", under_fonds);
  g_autofree char *choice = ask(&p, "archivist", "GET", under_fonds, NULL, "html", 200, NULL);
  must_have(choice, "category=ZQ");
  must_not_have(choice, "data-save");
  g_autofree char *form = ask(&p, "archivist", "GET", chosen, NULL, "html", 200, NULL);
  must_have(form, "下乡地点");
  g_autofree char *fields = PATH("form=1&parent=%" G_GINT64_FORMAT "&category=ZQ&level=item&code=Z109-ZQ-1&title="
    "&key=xm&value=%%E9%%99%%88%%E4%%B8%%83&key=xb&value=", p.fonds);
  g_autofree char *headers = NULL;
  g_free(ask(&p, "archivist", "POST", "/record/new", fields, "html", 303, &headers));
  g_assert_cmpint(count_of(&p.f, "title:陈七知识青年上山下乡登记"), ==, 1);
  g_autofree char *again = ask(&p, "archivist", "POST", "/record/new", fields, "html", 409, NULL);
  must_have(again, "Z109-ZQ-1");
  must_have(again, "value=\"陈七\"");
  g_free(ask(&p, "archivist", "POST", "/record/new", "form=1&code=Z300&title=F", "html", 303, NULL));
  g_autofree char *bad = PATH("/record/new?parent=%" G_GINT64_FORMAT "&category=XX", p.fonds);
  g_free(ask(&p, "archivist", "GET", bad, NULL, "html", 422, NULL));
  g_free(ask(&p, "archivist", "GET", "/record/new", NULL, "html", 200, NULL));
  g_autofree char *below_item = PATH("/record/new?parent=%" G_GINT64_FORMAT, p.item);
  g_free(ask(&p, "archivist", "GET", below_item, NULL, "html", 422, NULL));
  place_close(&p);
}

static void test_delete(void) {
  Place p;
  place_open(&p);
  g_autofree char *class = PATH("/record/%" G_GINT64_FORMAT "/delete", p.class), *item = PATH("/record/%" G_GINT64_FORMAT "/delete", p.item);
  g_free(ask(&p, "archivist", "POST", class, "x=1", "html", 409, NULL));
  g_free(ask(&p, "public", "POST", item, "x=1", "json", 403, NULL));
  g_free(ask(&p, "archivist", "POST", item, "x=1", "html", 303, NULL));
  g_autofree char *gone = PATH("/record/%" G_GINT64_FORMAT, p.item);
  g_free(ask(&p, "archivist", "GET", gone, NULL, "html", 404, NULL));
  place_close(&p);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/catalog/pages/catalog", test_catalog);
  g_test_add_func("/catalog/pages/node", test_node);
  g_test_add_func("/catalog/pages/paging", test_paging);
  g_test_add_func("/catalog/pages/record", test_record);
  g_test_add_func("/catalog/pages/files", test_files);
  g_test_add_func("/catalog/pages/categories", test_categories);
  g_test_add_func("/catalog/pages/edit", test_edit);
  g_test_add_func("/catalog/pages/numbers", test_numbers);
  g_test_add_func("/catalog/pages/new", test_new);
  g_test_add_func("/catalog/pages/delete", test_delete);
  return g_test_run();
}
