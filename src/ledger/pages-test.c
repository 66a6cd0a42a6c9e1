/* The room's pages through the router: forms and what comes back of them, lists and their filters, the gate, conflicts, bulk changes, definitions. */
#include "pages.h"
#include "settings.h"
#include "test-fixture.h"
#include <string.h>

typedef struct {
  Fixture f;
  WebServer *server;
} Place;

/* ---- who asks: the cookie's value is the name ---- */

static struct { const char *name, *title, *role; Security security; char *token; } askers[] = {{"zhang", "张三", "archivist", SECURITY_INTERNAL, NULL},
  {"li", "李四", "archivist", SECURITY_PUBLIC, NULL}, {"wang", "王馆长", "director", SECURITY_SECRET, NULL}, {"reader", "读者", "reader", SECURITY_PUBLIC, NULL}};
static SqlDb *identify_db;

static gpointer identify(const House *house, const char *session_token, const char *bearer_token, const Scope **ret_scope) {
  Person *person = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(askers); i++)
    if (g_strcmp0(session_token, askers[i].name) == 0) person = people_identify(identify_db, askers[i].token);
  *ret_scope = people_scope(person);
  return person;
}
static void identity_free(gpointer identity) { people_person_free(identity); }
static const char *actor(gpointer identity) { return people_name(identity); }
static gboolean may(const House *house, gpointer identity, const char *permission) { return people_may(identity, permission); }

static void place_open(Place *p) {
  static const WebRoute *const routes[] = {LEDGER_ROUTES, NULL};
  static const WebHooks hooks = {identify, identity_free, actor, may, NULL};
  fixture_open(&p->f);
  identify_db = p->f.db;
  for (guint i = 0; i < G_N_ELEMENTS(askers); i++) {
    g_autoptr(Person) person = fixture_person(&p->f, askers[i].name, askers[i].title, askers[i].role, askers[i].security);
    g_free(askers[i].token);
    askers[i].token = good(people_sign_in(p->f.db, askers[i].name, "Geheim-2026", "127.0.0.1", error));
  }
  p->server = good(web_server_new(&p->f.house, routes, &hooks, error));
}

static void place_close(Place *p) {
  web_server_free(p->server);
  fixture_close(&p->f);
}

/* One request; form: "名=值\n…", encoded here, or NULL. Returns the body. */
static char *encoded(const char *form) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_auto(GStrv) lines = g_strsplit(form, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *equals = strchr(lines[i], '=');
    if (equals == NULL) continue;
    g_autofree char *name = g_strndup(lines[i], (gsize)(equals - lines[i]));
    g_string_append_c(out, '&');
    g_string_append_uri_escaped(out, name, NULL, FALSE);
    g_string_append_c(out, '=');
    g_string_append_uri_escaped(out, equals + 1, NULL, FALSE);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *ask(Place *p, const char *who, const char *target, const char *form, const char *accept, guint expected) {
  g_autofree char *cookie = g_strdup_printf(WEB_SESSION_COOKIE "=%s", who), *token = web_csrf_token(p->server, who);
  g_autofree char *fields = form == NULL ? NULL : encoded(form), *body = form == NULL ? NULL : g_strdup_printf("csrf=%s%s", token, fields);
  g_autofree char *address = g_uri_escape_string(target, "/?&=%.:", FALSE);
  char *text = NULL;
  guint status = web_dispatch(p->server, form == NULL ? "GET" : "POST", address, cookie, body, accept, &text, NULL);
  if (status != expected) g_error("%s as %s: %u instead of %u: %s", target, who, status, expected, text);
  return text;
}

static json_t *model(Place *p, const char *who, const char *target, const char *form, guint expected) {
  g_autofree char *body = ask(p, who, target, form, "json", expected);
  json_t *json = json_loads(body, 0, NULL);
  g_assert_nonnull(json);
  return json;
}
static json_t *read_model(Place *p, const char *who, const char *target) { return model(p, who, target, NULL, 200); }

static void shows(Place *p, const char *who, const char *target, const char *part, gboolean there) {
  g_autofree char *page = ask(p, who, target, NULL, "html", 200);
  if ((strstr(page, part) != NULL) != there) g_error("%s as %s: “%s” %s in:\n%s", target, who, part, there ? "is not" : "is", page);
}

/* The id that the reply leads to. */
static gint64 made(Place *p, const char *who, const char *target, const char *form) {
  json_auto_t *reply = model(p, who, target, form, 200);
  const char *location = text_at(reply, "location"), *slash = strrchr(location, '/');
  g_assert_nonnull(slash);
  return g_ascii_strtoll(slash + 1, NULL, 10);
}

static char *address(const char *ledger, const char *rest) { return g_strdup_printf("/ledger/%d%s", (int)ledger_find(ledger)->id, rest); }

static gint64 problem(Place *p, const char *title, const char *more) {
  g_autofree char *to = address("问题", "/new"), *form = g_strdup_printf("v.标题=%s\n%s%s%s", title, strstr(more, "v.日期") ? "" : "v.日期=2023-05-12\n",
    strstr(more, "v.来源") ? "" : "v.来源=巡察\n", more);
  return made(p, "zhang", to, form);
}

static json_t *input_of(json_t *page, const char *name) {
  json_t *input;
  size_t i;
  const char *const lists[] = {"inputs", "more_inputs"};
  for (guint k = 0; k < G_N_ELEMENTS(lists); k++) json_array_foreach(json_object_get(page, lists[k]), i, input)
    if (g_str_equal(text_at(input, "name"), name)) return input;
  g_error("no input %s", name);
}

/* ---- forms ---- */

static void test_register(void) {
  Place p;
  place_open(&p);
  g_autofree char *to = address("信息", "/new");
  gint64 id = made(&p, "zhang", to, "v.标题=参阅一\nv.日期=2023年5月\nv.刊物=参阅\nv.期号=1,200\nv.采用=是\nv.主题词=水库\n"
    "v.送达=\nv.送达=市委\nv.批示=\nv.批示.0.批示人=周\nv.批示.0.级别=市\nv.批示.1.批示人=\nv.批示.1.级别=");
  json_auto_t *entry = entry_of(&p.f, id);
  json_t *values = json_object_get(entry, "values");
  g_assert_cmpint(json_integer_value(json_object_get(values, "期号")), ==, 1200);
  g_assert_true(json_is_true(json_object_get(values, "采用")));
  g_assert_cmpuint(json_array_size(json_object_get(values, "批示")), ==, 1); /* an empty row is none */
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(values, "送达"), 0)), ==, "市委");
  g_assert_cmpint(int_at(entry, "from"), ==, 20230501);
  g_assert_cmpint(int_at(entry, "to"), ==, 20230531);
  json_auto_t *refused = model(&p, "zhang", to, "v.标题=\nv.日期=昨天前\nv.刊物=日报\nv.期号=三\nv.批示.0.级别=市", 422);
  const char *const wrong[] = {"标题", "日期", "刊物", "期号", "批示"};
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) g_assert_cmpstr(text_at(input_of(refused, wrong[i]), "error"), !=, "");
  g_assert_cmpstr(text_at(input_of(refused, "期号"), "value"), ==, "三"); /* comes back as it was typed */
  g_autofree char *page = ask(&p, "zhang", to, "v.标题=<b>\nv.日期=x", "html", 422);
  g_assert_nonnull(strstr(page, "value=\"&lt;b&gt;\""));
  g_autofree char *next = g_strdup_printf("%s?like=%d", to, (int)id);
  json_auto_t *again = read_model(&p, "zhang", next);
  g_assert_cmpstr(text_at(input_of(again, "日期"), "value"), ==, "2023-05");
  g_assert_cmpstr(text_at(input_of(again, "标题"), "value"), ==, "");
  g_assert_cmpstr(text_at(input_of(again, "期号"), "value"), ==, "");
  json_auto_t *kept = model(&p, "zhang", to, "v.标题=二\nv.日期=2023\nnext=1", 200);
  g_assert_nonnull(strstr(text_at(kept, "location"), "/new?like="));
  place_close(&p);
}

/* What a child is offered with, and that a reference is read back as the same entry. */
static void test_reference(void) {
  Place p;
  place_open(&p);
  gint64 parent = problem(&p, "漏雨", "");
  g_autofree char *to = address("措施", "/new"), *prefilled = g_strdup_printf("%s?v.所属问题=%%23%d", to, (int)parent), *page = g_strdup_printf("/entry/%d", (int)parent);
  json_auto_t *form = read_model(&p, "zhang", prefilled);
  g_autofree char *shown = g_strdup_printf("WT2023-001 漏雨 #%d", (int)parent), *post = g_strdup_printf("v.标题=补瓦\nv.所属问题=%s", shown);
  g_assert_cmpstr(text_at(input_of(form, "所属问题"), "value"), ==, shown);
  made(&p, "zhang", to, post);
  made(&p, "zhang", to, "v.标题=清沟\nv.所属问题=WT2023-001");
  json_auto_t *whole = read_model(&p, "zhang", page);
  json_t *children = json_array_get(json_object_get(whole, "children"), 0);
  g_assert_cmpint(int_at(children, "count"), ==, 2);
  json_auto_t *refused = model(&p, "zhang", to, "v.标题=x\nv.所属问题=没有的", 422);
  g_assert_nonnull(strstr(text_at(input_of(refused, "所属问题"), "error"), "没有的"));
  shows(&p, "zhang", page, "补瓦", TRUE);
  place_close(&p);
}

static char *base_of(Place *p, const char *who, const char *target, gint64 *ret_rev) {
  json_auto_t *form = read_model(p, who, target);
  *ret_rev = int_at(json_object_get(form, "entry"), "rev");
  return g_strdup(text_at(form, "base"));
}

static void test_conflict(void) {
  Place p;
  place_open(&p);
  gint64 id = problem(&p, "漏雨", "v.责任人=甲"), rev;
  g_autofree char *edit = g_strdup_printf("/entry/%d/edit", (int)id), *base = base_of(&p, "zhang", edit, &rev);
  g_autofree char *theirs = g_strdup_printf("rev=%d\nbase=%s\nv.标题=漏雨了\nv.责任人=乙", (int)rev, base);
  g_autofree char *mine = g_strdup_printf("rev=%d\nbase=%s\nv.标题=漏雨\nv.责任人=丙\nv.成效=补好", (int)rev, base);
  made(&p, "li", edit, theirs);
  json_auto_t *asked = model(&p, "zhang", edit, mine, 409);
  g_assert_cmpstr(text_at(input_of(asked, "责任人"), "theirs"), ==, "乙");
  g_assert_cmpstr(text_at(input_of(asked, "责任人"), "value"), ==, "丙");
  g_assert_cmpstr(text_at(input_of(asked, "标题"), "value"), ==, "漏雨了"); /* only the other changed it */
  g_assert_null(json_object_get(input_of(asked, "成效"), "theirs"));
  json_auto_t *between = entry_of(&p.f, id);
  g_assert_cmpstr(text_at(between, "owner"), ==, "乙"); /* nothing was saved */
  g_autofree char *newer = base_of(&p, "zhang", edit, &rev), *chosen = g_strdup_printf("rev=%d\nbase=%s\nv.标题=漏雨了\nv.责任人=丙\nv.成效=补好\ntake.责任人=theirs", (int)rev, newer);
  made(&p, "zhang", edit, chosen);
  json_auto_t *after = entry_of(&p.f, id);
  g_assert_cmpstr(text_at(after, "owner"), ==, "乙");
  g_assert_cmpstr(text_at(json_object_get(after, "values"), "成效"), ==, "补好");
  place_close(&p);
}

/* ---- lists ---- */

static gint64 count_of(Place *p, const char *who, const char *target) {
  json_auto_t *list = read_model(p, who, target);
  gint64 count = int_at(list, "count");
  if (json_object_get(list, "next") == NULL && json_object_get(list, "rows") != NULL) g_assert_cmpint((gint64)json_array_size(json_object_get(list, "rows")), ==, count);
  return count;
}

static void test_filters(void) {
  Place p;
  place_open(&p);
  problem(&p, "屋面漏雨", "v.责任人=张三\nv.截止=2023-06-01");
  problem(&p, "消防通道", "v.来源=调研\nv.责任人=李四\nv.截止=2999-01-01");
  problem(&p, "档案盒破损", "v.日期=2022-03-01");
  static const struct { const char *query; gint64 count; } cases[] = {{"", 3}, {"?f.来源=调研", 1}, {"?f.来源=调研&f.来源=巡察", 3}, {"?q=漏雨", 1}, {"?q=WT2023", 2},
    {"?year=2022", 1},
    {"?f.标题:has=档案", 1}, {"?f.日期:min=2023", 2}, {"?f.日期:max=2022-12", 1}, {"?overdue=1", 1}, {"?open=1", 3}, {"?mine=1", 1}, {"?f.责任人:set=0", 1}, {"?f.来源:not=巡察", 1},
    {"?open=1&f.状态=登记", 3}, {"?open=1&f.状态=已销号", 0}, {"?f.来源=", 3}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *target = address("问题", cases[i].query);
    gint64 count = count_of(&p, "zhang", target);
    if (count != cases[i].count) g_error("%s: %d instead of %d", cases[i].query, (int)count, (int)cases[i].count);
  }
  g_autofree char *all = address("问题", ""), *unknown = address("问题", "?f.没有=1"), *operator = address("问题", "?f.来源:like=1"), *sort = address("问题", "?sort=-标题");
  json_auto_t *list = read_model(&p, "zhang", all), *sorted = read_model(&p, "zhang", sort);
  json_t *to_do = json_array_get(json_object_get(list, "facets"), 0), *facet = json_array_get(json_object_get(list, "facets"), 1);
  static const struct { const char *label; gint64 count; } flags[] = {{"我负责的", 1}, {"未办结", 3}, {"已逾期", 1}};
  for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
    json_t *flag = json_array_get(json_object_get(to_do, "values"), i);
    g_assert_cmpstr(text_at(flag, "label"), ==, flags[i].label);
    g_assert_cmpint(int_at(flag, "count"), ==, flags[i].count);
  }
  g_assert_cmpstr(text_at(facet, "label"), ==, "来源");
  g_assert_cmpint(int_at(json_array_get(json_object_get(facet, "values"), 0), "count"), ==, 2);
  g_assert_cmpint(int_at(json_array_get(json_object_get(list, "years"), 1), "count"), ==, 1);
  g_assert_cmpstr(text_at(json_array_get(json_object_get(sorted, "entries"), 2), "title"), ==, "屋面漏雨");
  g_free(ask(&p, "zhang", unknown, NULL, "html", 422));
  g_free(ask(&p, "zhang", operator, NULL, "html", 422));
  place_close(&p);
}

static void test_shapes(void) {
  Place p;
  place_open(&p);
  problem(&p, "屋面漏雨", "v.责任人=张三\nv.截止=2023-05-20");
  static const struct { const char *query, *part; } pages[] = {{"", "屋面漏雨"}, {"?show=board", "data-lane=\"登记\""}, {"?show=board", "屋面漏雨"},
    {"?show=board", ">交办</button>"},
    {"?show=calendar&month=2023-05", "屋面漏雨"}, {"?show=calendar&month=2023-05", ">截止</span>"}, {"?print=1", "屋面漏雨"}, {"/new", "name=\"v.来源\""}, {"/bulk", "改哪一项"},
    {"/paste", "粘贴在这里"}, {"/import", "读入核对"}, {"/definition", "name: 问题"}, {"/compare", "比较"}};
  for (guint i = 0; i < G_N_ELEMENTS(pages); i++) {
    g_autofree char *target = address("问题", pages[i].query);
    shows(&p, "zhang", target, pages[i].part, TRUE);
  }
  g_autofree char *elsewhere = address("问题", "?show=calendar&month=2023-07"), *nonsense = address("问题", "?show=calendar&month=x");
  shows(&p, "zhang", elsewhere, "屋面漏雨", FALSE);
  g_free(ask(&p, "zhang", nonsense, NULL, "html", 422));
  json_auto_t *ledgers = read_model(&p, "zhang", "/ledgers");
  json_t *row = json_array_get(json_object_get(json_array_get(json_object_get(ledgers, "groups"), 0), "ledgers"), 0);
  g_assert_cmpint(int_at(row, "all") + int_at(row, "overdue"), ==, 2);
  shows(&p, "zhang", "/ledgers", "问题", TRUE);
  place_close(&p);
}

/* Fifty a page; every entry once. */
static void test_paging(void) {
  Place p;
  place_open(&p);
  json_auto_t *many = json_array();
  for (int i = 0; i < 120; i++)
    json_array_append_new(many, json_pack("{s:s, s:o, s:s, s:{s:s}}", "ledger", "问题", "title", json_sprintf("第 %03d", i), "date", "2023-01-02", "values",
      "来源", "巡察"));
  g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
  good(ledger_entry_put_many(sql, LEDGER_EVERYTHING, "zhang", many, NULL, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *target = address("问题", "?sort=标题");
  guint pages = 0;
  while (target != NULL && pages < 10) {
    json_auto_t *list = read_model(&p, "zhang", target);
    json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(list, "entries"), i, entry) g_assert_true(g_hash_table_add(seen, g_strdup(text_at(entry, "title"))));
    pages++;
    g_free(target);
    const char *next = json_string_value(json_object_get(list, "next"));
    target = next == NULL ? NULL : g_uri_unescape_string(next, "%");
  }
  g_assert_cmpuint(g_hash_table_size(seen), ==, 120);
  g_assert_cmpuint(pages, ==, 3);
  place_close(&p);
}

/* ---- one entry ---- */

static void test_entry(void) {
  Place p;
  place_open(&p);
  gint64 id = problem(&p, "漏雨", "");
  g_autofree char *page = g_strdup_printf("/entry/%d", (int)id), *move = g_strdup_printf("/entry/%d/move", (int)id);
  g_autofree char *comment = g_strdup_printf("/entry/%d/comment", (int)id);
  g_autofree char *edit = g_strdup_printf("/entry/%d/edit", (int)id), *restore = g_strdup_printf("/entry/%d/restore", (int)id);
  shows(&p, "zhang", page, "要填：责任人、截止", TRUE);
  g_free(ask(&p, "zhang", move, "to=整改中", "json", 422));
  made(&p, "zhang", edit, "v.责任人=张三\nv.截止=2023-06-01");
  made(&p, "zhang", move, "to=整改中\non=2023-05-13");
  made(&p, "wang", comment, "text=抓紧 <i>");
  shows(&p, "zhang", page, "抓紧 &lt;i&gt;", TRUE);
  json_auto_t *whole = read_model(&p, "zhang", page);
  g_assert_cmpstr(text_at(json_object_get(whole, "entry"), "state"), ==, "整改中");
  g_assert_cmpuint(json_array_size(json_object_get(whole, "history")), ==, 3);
  json_t *oldest = json_array_get(json_object_get(whole, "history"), 2);
  g_autofree char *rev = g_strdup_printf("rev=%d", (int)int_at(oldest, "rev"));
  made(&p, "zhang", restore, rev);
  json_auto_t *restored = entry_of(&p.f, id);
  g_assert_cmpstr(text_at(restored, "owner"), ==, "");
  g_free(ask(&p, "zhang", "/entry/9999", NULL, "html", 404));
  place_close(&p);
}

/* A decision becomes a task: the definition's `makes`, from a row and from the entry. */
static void test_makes(void) {
  Place p;
  place_open(&p);
  json_auto_t *definition = json_deep_copy(ledger_find("信息")->json);
  json_auto_t *makes = yaml("- {ledger: 问题, from: 批示, label: 立项, values: {标题: \"落实{批示人}批示：{标题}\", 来源: 调研}}\n- {ledger: 措施, values: {标题: \"{标题}\"}}\n");
  json_object_set(definition, "makes", makes);
  json_auto_t *wrong = yaml("- {ledger: 没有, from: 刊物, values: {标题: \"{没有的}\", 来源: 1}}\n");
  g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
  good(ledger_define(sql, "zhang", definition, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  json_object_set(definition, "makes", wrong);
  json_auto_t *faults = ledger_definition_faults(definition, NULL);
  g_assert_cmpuint(json_array_size(faults), ==, 4);
  gint64 id = put(&p.f, "{ledger: 信息, title: 参阅一, date: 2023-05-01, values: {批示: [{批示人: 周, 级别: 市}]}}");
  g_autofree char *page = g_strdup_printf("/entry/%d", (int)id);
  json_auto_t *whole = read_model(&p, "zhang", page);
  json_t *field = json_array_get(json_object_get(whole, "fields"), json_array_size(json_object_get(whole, "fields")) - 1);
  json_t *link = json_array_get(json_object_get(json_array_get(json_object_get(json_object_get(field, "table"), "rows"), 0), "makes"), 0);
  g_assert_cmpstr(text_at(link, "label"), ==, "立项");
  g_autofree char *target = g_uri_unescape_string(text_at(link, "href"), NULL);
  json_auto_t *form = read_model(&p, "zhang", target);
  g_assert_cmpstr(text_at(input_of(form, "标题"), "value"), ==, "落实周批示：参阅一");
  g_assert_cmpstr(text_at(input_of(form, "来源"), "value"), ==, "调研");
  shows(&p, "zhang", page, ">立项</a>", TRUE);
  shows(&p, "zhang", page, ">措施</a>", TRUE);
  place_close(&p);
}

/* ---- the gate ---- */

static void test_gate(void) {
  Place p;
  place_open(&p);
  gint64 own = put_as(&p.f, "zhang", "{ledger: 花名册, title: 甲, date: 2020, owner: 张三, values: {出生: 1980-02-03, 工资: 8123}}");
  gint64 other = put_as(&p.f, "wang", "{ledger: 花名册, title: 乙, date: 2020, owner: 王五, values: {出生: 1970, 工资: 9345}}");
  g_autofree char *list = address("花名册", ""), *filter = address("花名册", "?f.工资:min=1"), *sort = address("花名册", "?sort=工资"), *mine = g_strdup_printf("/entry/%d", (int)own);
  g_autofree char *theirs = g_strdup_printf("/entry/%d", (int)other), *edit = g_strdup_printf("/entry/%d/edit", (int)own);
  g_autofree char *edit_theirs = g_strdup_printf("%s/edit", theirs);
  g_assert_cmpint(count_of(&p, "wang", list), ==, 2);
  g_assert_cmpint(count_of(&p, "zhang", list), ==, 1);
  g_free(ask(&p, "zhang", filter, NULL, "html", 422));
  g_free(ask(&p, "zhang", sort, NULL, "html", 422));
  g_assert_cmpint(count_of(&p, "wang", filter), ==, 2);
  shows(&p, "zhang", mine, "8123", FALSE);
  shows(&p, "zhang", edit, "工资", FALSE);
  shows(&p, "wang", mine, "8123", TRUE);
  g_free(ask(&p, "zhang", theirs, NULL, "html", 404));
  g_free(ask(&p, "zhang", edit_theirs, "v.标题=改", "json", 404));
  made(&p, "zhang", edit, "v.标题=甲改\nv.工资=1"); /* what may not be seen is not written either */
  json_auto_t *entry = entry_of(&p.f, own);
  g_assert_cmpint(json_integer_value(json_object_get(json_object_get(entry, "values"), "工资")), ==, 8123);
  g_assert_cmpstr(text_at(entry, "title"), ==, "甲改");
  g_free(ask(&p, "reader", "/ledgers", NULL, "html", 403));
  g_free(ask(&p, "reader", list, NULL, "html", 403));
  place_close(&p);
}

/* ---- many at once ---- */

/* Plans a change; the page of its batch. */
static json_t *planned_bulk(Place *p, const char *target, const char *fields, char **ret_batch) {
  json_auto_t *reply = model(p, "zhang", target, fields, 200);
  g_free(*ret_batch);
  *ret_batch = g_strdup(text_at(reply, "location"));
  return model(p, "zhang", *ret_batch, NULL, 200);
}

static void act(Place *p, const char *batch, const char *what) {
  g_autofree char *target = g_strconcat(batch, what, NULL);
  json_decref(model(p, "zhang", target, "", 200));
}

static void test_bulk(void) {
  Place p;
  place_open(&p);
  gint64 first = problem(&p, "一", "v.责任人=张三"), second = problem(&p, "二", ""), third = problem(&p, "三", "");
  g_autofree char *bulk = address("问题", "/bulk"), *edit = g_strdup_printf("/entry/%d/edit", (int)third), *batch = NULL;
  json_auto_t *preview = planned_bulk(&p, bulk, "field=责任人\nvalue=李四\nf.来源=巡察", &batch);
  g_assert_cmpint(int_at(preview, "waiting"), ==, 3);
  json_t *change = json_array_get(json_object_get(json_array_get(json_object_get(preview, "rows"), 0), "changes"), 0);
  g_assert_cmpstr(text_at(change, "from"), ==, "张三");
  g_assert_cmpstr(text_at(change, "to"), ==, "李四");
  json_auto_t *untouched = entry_of(&p.f, second);
  g_assert_cmpstr(text_at(untouched, "owner"), ==, "");
  made(&p, "li", edit, "v.标题=三改"); /* between preview and change */
  g_free(ask(&p, "li", batch, NULL, "html", 404)); /* another's */
  act(&p, batch, "/make");
  json_auto_t *done = model(&p, "zhang", batch, NULL, 200);
  g_assert_cmpint(int_at(done, "made"), ==, 2);
  g_assert_cmpint(int_at(done, "left"), ==, 1);
  change = json_array_get(json_object_get(json_array_get(json_object_get(done, "rows"), 0), "changes"), 0);
  g_assert_cmpstr(text_at(change, "from"), ==, "张三");
  json_auto_t *changed = entry_of(&p.f, second), *left = entry_of(&p.f, third);
  g_assert_cmpstr(text_at(changed, "owner"), ==, "李四");
  g_assert_cmpstr(text_at(left, "owner"), ==, "");
  act(&p, batch, "/undo");
  json_auto_t *undone = entry_of(&p.f, first);
  g_assert_cmpstr(text_at(undone, "owner"), ==, "张三");
  json_auto_t *refused = planned_bulk(&p, bulk, "field=状态\nvalue=整改中", &batch);
  g_assert_cmpint(int_at(refused, "left"), ==, 3); /* no deadline yet */
  g_assert_true(json_is_false(json_object_get(refused, "may_make")));
  g_assert_nonnull(strstr(text_at(json_array_get(json_object_get(refused, "rows"), 0), "problem"), "截止"));
  g_free(ask(&p, "zhang", bulk, "field=状态\nvalue=没有", "html", 422));
  g_free(ask(&p, "zhang", bulk, "field=编号\nvalue=1", "html", 422));
  place_close(&p);
}

/* A move for many is a batch too: with its note in the history, and taken back to the state before. */
static void test_bulk_move(void) {
  Place p;
  place_open(&p);
  gint64 id = problem(&p, "一", "v.责任人=张三\nv.截止=2030-01-01");
  problem(&p, "二", "");
  g_autofree char *bulk = address("问题", "/bulk"), *batch = NULL;
  json_auto_t *preview = planned_bulk(&p, bulk, "field=状态\nvalue=整改中\nnote=按会议要求", &batch);
  g_assert_cmpint(int_at(preview, "waiting"), ==, 1);
  g_assert_cmpint(int_at(preview, "left"), ==, 1);
  act(&p, batch, "/make");
  json_auto_t *moved = entry_of(&p.f, id);
  g_assert_cmpstr(text_at(moved, "state"), ==, "整改中");
  g_assert_cmpuint(json_array_size(json_object_get(moved, "states")), ==, 2);
  g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
  g_autofree char *note = good(sql_string(sql, "SELECT note FROM ledger_entry_version WHERE entry_id = $1 ORDER BY rev DESC LIMIT 1", SQL_ARGS(sql_int(id)), error));
  g_assert_nonnull(strstr(note, "按会议要求"));
  sql_end(g_steal_pointer(&sql));
  act(&p, batch, "/undo");
  json_auto_t *back = entry_of(&p.f, id);
  g_assert_cmpstr(text_at(back, "state"), ==, "登记");
  g_assert_cmpuint(json_array_size(json_object_get(back, "states")), ==, 1);
  place_close(&p);
}

/* ---- definitions ---- */

static json_t *define(Place *p, const char *target, const char *yaml, const char *act, const char *more, guint expected) {
  g_autofree char *cookie = g_strdup(WEB_SESSION_COOKIE "=zhang"), *token = web_csrf_token(p->server, "zhang"), *escaped = g_uri_escape_string(yaml, NULL,
    FALSE), *rest = encoded(more);
  g_autofree char *body = g_strdup_printf("csrf=%s&act=%s&yaml=%s%s", token, act, escaped, rest), *text = NULL;
  guint status = web_dispatch(p->server, "POST", target, cookie, body, "json", &text, NULL);
  if (status != expected) g_error("%s: %u instead of %u: %s", act, status, expected, text);
  return json_loads(text, 0, NULL);
}

/* The form of a definition that nobody touched is the definition; what it does not show stays. */
static void test_design(void) {
  Place p;
  place_open(&p);
  json_auto_t *definition = json_deep_copy(ledger_find("问题")->json), *tree = ledger_design_tree(definition), *same = ledger_design_apply(definition, tree, TRUE);
  g_assert_true(json_equal(same, definition));
  json_t *fields = json_object_get(tree, "fields"), *first = json_object_get(fields, "0"), *states = json_object_get(tree, "states");
  g_autofree char *former = g_strdup(text_at(first, "name")), *state = g_strdup(text_at(json_object_get(states, "0"), "name"));
  put_text_at(first, "name", "另名");
  put_text_at(json_object_get(states, "0"), "name", "新状态");
  g_autofree char *moved = ledger_design_act(tree, "down fields.0"), *added = ledger_design_act(tree, "add states"), *unknown = ledger_design_act(tree, "burn fields.0"),
    *nowhere = ledger_design_act(tree, "drop nothing.0");
  g_assert_cmpstr(moved, ==, "down fields.1");
  g_assert_nonnull(added);
  g_assert_null(unknown);
  g_assert_null(nowhere);
  json_auto_t *other = ledger_design_apply(definition, tree, TRUE);
  json_t *second = json_array_get(json_object_get(other, "fields"), 1);
  g_assert_cmpstr(text_at(second, "name"), ==, "另名");
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(second, "was"), 0)), ==, former);
  g_assert_cmpuint(json_array_size(json_object_get(other, "states")), ==, json_array_size(json_object_get(definition, "states")) + 1);
  g_autofree char *moves = json_dumps(json_object_get(other, "moves"), JSON_COMPACT);
  g_assert_nonnull(strstr(moves, "新状态"));
  g_assert_null(strstr(moves, state));
  place_close(&p);
}

/* Every ledger that ships goes through its form and comes out the same; so does what a row of the form cannot say but in YAML. */
static void test_design_shipped(void) {
  g_auto(GStrv) names = yaml_definition_names(NULL, "ledgers");
  g_assert_cmpuint(g_strv_length(names), >, 40);
  for (guint i = 0; names[i] != NULL; i++) {
    g_autofree char *path = g_strdup_printf("ledgers/%s", names[i]);
    json_auto_t *given = yaml_load_definition(NULL, path, NULL), *definition = definition_clean(given), *tree = ledger_design_tree(definition);
    json_auto_t *same = ledger_design_apply(definition, tree, TRUE);
    if (!json_equal(same, definition)) g_error("%s: %s", names[i], json_dumps(same, JSON_INDENT(1)));
  }
}

/* Each kind of condition has a row; what was typed becomes what the field holds. */
static void test_design_conditions(void) {
  Place p;
  place_open(&p);
  json_auto_t *given = yaml_load_text("name: 试\nrows: {of: [单位名]}\nfields:\n  - {name: 单位名}\n  - {name: 已查, type: bool, when: {单位名: {not: [甲, 乙]}}}\n"
    "  - {name: 份数, type: number, default: 3}\n  - {name: 类, type: choice, many: true, values: [一, 二], renamed: {壹: 一}}\n"
    "  - {name: 监测, type: rows, fields: [{name: 达标, type: bool}, {name: 值, type: number}]}\n"
    "states: [{name: 办, again: {after: 30, to: 结}}, {name: 结, closed: true, about: 办完}]\nmoves: [{from: 办, to: 结, sets: {份数: 1, 类: [一], 单位名: actor}}]\n"
    "duties: [{title: 月, every: month, values: {类: [一, 二]}, workdays: 3, from: 2026-01-01}]\nchecklist: {item: 类, answer: 份数}\n"
    "views: [{name: 看, where: {份数: {min: 1, under: 9}, 已查: false, 监测: {row: {达标: false, 值: 2}, count: {min: 2}}, 单位名: {set: false}, 类: [一, 二],"
    " any: [{已查: true}, {标题: {has: 水}}], 标题: {has: \"甲、乙\"}}}]\n", "定义", NULL);
  json_auto_t *definition = definition_clean(given), *tree = ledger_design_tree(definition), *same = ledger_design_apply(definition, tree, TRUE);
  g_assert_true(json_equal(same, definition));
  json_t *where = json_object_get(json_object_get(json_object_get(tree, "views"), "0"), "where"), *row = json_object_get(where, "0");
  g_autofree char *shown = json_dumps(where, JSON_COMPACT);
  g_assert_nonnull(strstr(shown, "{\"name\":\"监测\",\"op\":\"row\",\"value\":\"达标=否、值=2\"}"));
  g_assert_nonnull(strstr(shown, "{\"name\":\"any\",\"op\":\"yaml\","));
  put_text_at(row, "value", "2");
  g_autofree char *added = ledger_design_act(tree, "add views.0.where"), *more = ledger_design_act(tree, "add moves.0.sets"),
    *none = ledger_design_act(tree, "add views.0.name");
  g_assert_null(none);
  json_t *last = json_object_get(where, "9"), *set = json_object_get(json_object_get(json_object_get(json_object_get(tree, "moves"), "0"), "sets"), "3");
  put_text_at(last, "name", "监测.达标");
  put_text_at(last, "op", "is");
  put_text_at(last, "value", "是");
  put_text_at(set, "name", "已查");
  put_text_at(set, "value", "是");
  put_text_at(json_object_get(json_object_get(tree, "fields"), "2"), "default", "5");
  json_auto_t *other = ledger_design_apply(definition, tree, TRUE);
  json_t *made = json_object_get(json_array_get(json_object_get(other, "views"), 0), "where");
  json_t *sets = json_object_get(json_array_get(json_object_get(other, "moves"), 0), "sets");
  g_assert_cmpint(json_integer_value(json_object_get(json_object_get(made, "份数"), "min")), ==, 2);
  g_assert_true(json_is_true(json_object_get(made, "监测.达标")));
  g_assert_true(json_is_true(json_object_get(sets, "已查")));
  g_assert_cmpint(json_integer_value(json_object_get(json_array_get(json_object_get(other, "fields"), 2), "default")), ==, 5);
  g_assert_cmpstr(text_at(sets, "单位名"), ==, "actor");
  json_auto_t *hostile = yaml_load_text("name: 错\nuses: [{a: b}]\nfields: 一\nrows: 3\nmoves: [[1]]\nchecklist: x", "定义", NULL), *wrong = ledger_design_tree(hostile),
    *kept = ledger_design_apply(hostile, wrong, TRUE);
  g_assert_cmpstr(text_at(kept, "checklist"), ==, "x");
  place_close(&p);
}

/* Who may take a step, and what comes round by whom, need no YAML; a number that is none stays as typed, for the check to name. */
static void test_design_duties(void) {
  Place p;
  place_open(&p);
  json_auto_t *definition = json_deep_copy(ledger_find("问题")->json), *tree = ledger_design_tree(definition);
  g_autofree char *added = ledger_design_act(tree, "add duties");
  g_assert_cmpstr(added, ==, "add duties.0");
  json_t *duty = json_object_get(json_object_get(tree, "duties"), "0");
  put_text_at(duty, "title", "月评");
  put_text_at(duty, "every", "month");
  put_text_at(duty, "days", "5");
  put_text_at(duty, "owner", "archivist");
  put_text_at(json_object_get(json_object_get(tree, "moves"), "0"), "roles", "archivist、director");
  json_auto_t *made = ledger_design_apply(definition, tree, TRUE), *model = ledger_design_model(tree, NULL), *again = ledger_design_tree(made);
  json_auto_t *same = ledger_design_apply(made, again, TRUE);
  json_t *first = json_array_get(json_object_get(made, "duties"), 0), *roles = json_object_get(json_array_get(json_object_get(made, "moves"), 0), "roles");
  g_autofree char *text = json_dumps(first, JSON_COMPACT | JSON_SORT_KEYS), *who = json_dumps(roles, JSON_COMPACT);
  g_assert_cmpstr(text, ==, "{\"days\":5,\"every\":\"month\",\"owner\":\"archivist\",\"title\":\"月评\"}");
  g_assert_cmpstr(who, ==, "[\"archivist\",\"director\"]");
  g_assert_true(json_equal(same, made));
  g_assert_cmpuint(json_array_size(json_object_get(json_array_get(json_object_get(model, "duties"), 0), "rhythms")), >, 8);
  put_text_at(duty, "days", "几天");
  json_auto_t *wrong = ledger_design_apply(definition, tree, TRUE);
  g_assert_true(json_is_string(json_object_get(json_array_get(json_object_get(wrong, "duties"), 0), "days")));
  place_close(&p);
}

static void test_definition(void) {
  Place p;
  place_open(&p);
  problem(&p, "漏雨", "");
  g_autofree char *target = address("问题", "/definition"), *second = address("问题", "/definition?version=2");
  json_auto_t *shown = read_model(&p, "zhang", target);
  const char *yaml = text_at(shown, "yaml");
  json_auto_t *same = define(&p, target, yaml, "check", "", 200);
  g_assert_true(json_is_true(json_object_get(same, "sound"))); /* what is written is read as the same */
  g_assert_cmpuint(json_array_size(json_object_get(same, "changes")), ==, 0);
  json_auto_t *broken = define(&p, target, "name: [", "check", "", 422);
  g_assert_cmpuint(json_array_size(json_object_get(broken, "faults")), ==, 1);
  g_autoptr(GString) longer = g_string_new(yaml);
  g_string_replace(longer, "states:", "  - {name: 等级, type: choice, values: [高, 中, 低], list: true}\nstates:", 1);
  json_auto_t *added = define(&p, target, longer->str, "yaml", "", 200);
  g_assert_nonnull(strstr(text_at(added, "yaml"), "values: [高, 中, 低]"));
  g_assert_cmpuint(json_array_size(json_object_get(added, "changes")), ==, 1);
  json_auto_t *saved = define(&p, target, text_at(added, "yaml"), "save", "seen=1", 200);
  g_assert_nonnull(strstr(text_at(saved, "location"), "/definition"));
  g_assert_cmpint(ledger_find("问题")->version, ==, 2);
  g_assert_nonnull(ledger_field(ledger_find("问题"), "等级"));
  json_auto_t *compared = read_model(&p, "zhang", second);
  g_assert_cmpuint(json_array_size(json_object_get(compared, "changes")), ==, 1);
  json_auto_t *late = define(&p, target, yaml, "save", "seen=1", 409);
  g_assert_nonnull(json_object_get(late, "error"));
  g_autoptr(GString) without = g_string_new(text_at(added, "yaml"));
  g_string_replace(without, "[巡察, 调研]", "[调研]", 0);
  json_auto_t *refused = define(&p, target, without->str, "check", "", 200);
  g_assert_cmpint(int_at(refused, "conflict_count"), ==, 1); /* an entry has what would be no choice any more */
  json_auto_t *not_saved = define(&p, target, without->str, "save", "seen=2", 409);
  g_assert_cmpint(int_at(not_saved, "conflict_count"), ==, 1);
  json_auto_t *anew = define(&p, "/ledger-definition/new", "name: 参观\ngroup: 利用\nfields: [{name: 人数, type: number}]\n", "save", "", 200);
  g_assert_nonnull(ledger_find("参观"));
  place_close(&p);
}

int main(int argc, char **argv) {
  g_setenv("LANTAI_SCRYPT_N", "16", FALSE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger-pages/register", test_register);
  g_test_add_func("/ledger-pages/reference", test_reference);
  g_test_add_func("/ledger-pages/conflict", test_conflict);
  g_test_add_func("/ledger-pages/filters", test_filters);
  g_test_add_func("/ledger-pages/shapes", test_shapes);
  g_test_add_func("/ledger-pages/paging", test_paging);
  g_test_add_func("/ledger-pages/entry", test_entry);
  g_test_add_func("/ledger-pages/makes", test_makes);
  g_test_add_func("/ledger-pages/gate", test_gate);
  g_test_add_func("/ledger-pages/bulk", test_bulk);
  g_test_add_func("/ledger-pages/bulk-move", test_bulk_move);
  g_test_add_func("/ledger-pages/design", test_design);
  g_test_add_func("/ledger-pages/design-duties", test_design_duties);
  g_test_add_func("/ledger-pages/design-shipped", test_design_shipped);
  g_test_add_func("/ledger-pages/design-conditions", test_design_conditions);
  g_test_add_func("/ledger-pages/definition", test_definition);
  return g_test_run();
}
