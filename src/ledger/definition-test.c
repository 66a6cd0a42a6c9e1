/* Definitions: what is wrong is told with its place; a new version is compared with the entries; names of former times; the files. */
#include "test-fixture.h"

static void assert_fault(const char *text, const char *where, const char *words) {
  json_auto_t *definition = yaml(text);
  json_auto_t *faults = ledger_definition_faults(definition, NULL);
  size_t i;
  json_t *fault;
  gboolean found = FALSE;
  json_array_foreach(faults, i, fault) found = found || (g_str_equal(text_at(fault, "where"), where) && strstr(text_at(fault, "what"), words) != NULL);
  g_autofree char *told = json_dumps(faults, JSON_COMPACT);
  if (!found) g_error("%s: not “%s” at %s but %s", text, words, where, told);
}

static void test_faults(void) {
  Fixture f;
  fixture_open(&f);
  assert_fault("[a]", "", "不是台账定义");
  assert_fault("{name: 甲, feilds: []}", "feilds", "是不是“fields”");
  assert_fault("{name: 甲, restricted: 也许}", "restricted", "true 或 false");
  assert_fault("{fields: []}", "name", "没有名称");
  assert_fault("{name: 甲, fields: [{name: a, type: nubmer}]}", "fields[0].type", "是不是“number”");
  assert_fault("{name: 甲, fields: [{name: a}, {name: a}]}", "fields[1]", "重复");
  assert_fault("{name: 甲, fields: [{name: 责任人}]}", "fields[0]", "uses");
  assert_fault("{name: 甲, fields: [{name: a, type: choice}]}", "fields[0]", "values");
  assert_fault("{name: 甲, fields: [{name: a, type: choice, values: [x, x]}]}", "fields[0]", "重复");
  assert_fault("{name: 甲, fields: [{name: a, type: entry, ledger: 问体}]}", "fields[0]", "是不是“问题”");
  assert_fault("{name: 甲, fields: [{name: a, type: rows, fields: [{name: b, type: rows, fields: [{name: c}]}]}]}", "fields[0].fields[0].type", "不能再有 rows");
  assert_fault("{name: 甲, fields: [{name: a, type: age, of: b}]}", "fields[0]", "哪个日期栏目");
  assert_fault("{name: 甲, fields: [{name: a, when: {a: 1}}]}", "fields[0].when", "取决于它自己");
  assert_fault("{name: 甲, fields: [{name: 甲栏}, {name: b, when: {甲拦: 1}}]}", "fields[1].when", "是不是“甲栏”");
  assert_fault("{name: 甲, fields: [{name: 甲栏}, {name: b, when: {甲栏: {mins: 1}}}]}", "fields[1].when", "是不是“min”");
  assert_fault("{name: 甲, uses: [责任]}", "uses", "不是每条都有的栏目");
  assert_fault("{name: 甲, states: [一, 二], moves: [{from: 一, to: 三}]}", "moves[0].to", "没有状态“三”");
  assert_fault("{name: 甲, states: [一, 二], moves: [{from: 一, to: 二, needs: [证据]}]}", "moves[0].needs", "没有栏目“证据”");
  assert_fault("{name: 甲, states: [一, 一]}", "states[1]", "重复");
  assert_fault("{name: 甲, states: [一, {name: 二, again: {after: 9, to: 一}}], moves: [{from: 一, to: 二}]}", "states[1].again", "没有从“二”到“一”的流转");
  assert_fault("{name: 甲, states: [一, {name: 二, again: {after: 0, to: 一}}], moves: [{from: 一, to: 二}, {from: 二, to: 一}]}", "states[1].again", "after");
  assert_fault("{name: 甲, fields: [a], states: [一, {name: 二, again: {after: 9, to: 一}}], moves: [{from: 一, to: 二}, {from: 二, to: 一, needs: [a]}]}",
    "states[1].again", "needs");
  assert_fault("{name: 甲, number: abc}", "number", "流水号");
  assert_fault("{name: 甲, duties: [{title: a, every: monthly}]}", "duties[0].every", "是不是“month”");
  assert_fault("{name: 甲, views: [{name: a, columns: [没有]}]}", "views[0].columns", "没有栏目");
  assert_fault("{name: 甲, feed: {from: 甲}}", "feed.from", "绕成了圈");
  json_auto_t *other = yaml("[{name: 乙, feed: {from: 甲}}]"), *one = yaml("{name: 甲, feed: {from: 乙}}");
  json_auto_t *faults = ledger_definition_faults(one, other);
  g_assert_cmpuint(json_array_size(faults), ==, 1);
  fixture_close(&f);
}

/* A field that depends on how much another says is there only then. */
static void test_when(void) {
  static const struct { const char *when; gboolean meets; } cases[] = {{"{数: {min: 1}}", TRUE}, {"{数: {over: 3}}", FALSE}, {"{数: {min: 1, under: 3}}", FALSE},
    {"{数: {max: 3}}", TRUE}, {"{缺: {min: 0}}", FALSE}, {"{文: {has: 堤}}", TRUE}, {"{多: {has: 渠}}", TRUE}, {"{文: {has: 渠}}", FALSE}, {"{文: {not: [东堤, 西堤]}}", FALSE},
    {"{缺: {set: false}, 数: 3}", TRUE}, {"{文: 西堤}", FALSE}};
  json_auto_t *values = yaml("{数: 3, 文: 东堤, 多: [堤防, 渠道]}");
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *when = yaml(cases[i].when);
    if (field_when(when, values, NULL) != cases[i].meets) g_error("%s", cases[i].when);
  }
}

/* What an archives gets on its first day. */
static void test_built_in(void) {
  Fixture f;
  fixture_bare(&f);
  good(ledger_definitions_load(&f.house, error));
  g_autofree const LedgerDefinition **all = ledger_all();
  guint count = 0;
  while (all[count] != NULL) count++;
  g_assert_cmpuint(count, >=, 43);
  for (guint i = 0; i < count; i++) g_assert_true(all[i]->state_count > 0 && all[i]->about[0] != '\0');
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  gint64 versions = good(sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_version", SQL_NONE, 0, error));
  sql_end(g_steal_pointer(&sql));
  good(ledger_definitions_load(&f.house, error)); /* nothing new */
  g_autoptr(Sql) again = good(sql_read(f.db, error));
  g_assert_cmpint(good(sql_number(again, "SELECT COUNT(*) AS n FROM ledger_version", SQL_NONE, 0, error)), ==, versions);
  sql_end(g_steal_pointer(&again));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static gint64 define(Fixture *f, json_t *definition, GError **ret_error) {
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  gint64 id = ledger_define(sql, "wang", definition, ret_error);
  return id != 0 && sql_commit(sql, ret_error) ? id : 0;
}

static void test_change(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = put(&f, "{ledger: 信息, title: 一则, date: 2023-05-12, values: {期号: 3, 主题词: [档案], 批示: [{批示人: 甲, 级别: 市}]}}");
  json_auto_t *definition = json_deep_copy(ledger_find("信息")->json);
  int version = ledger_find("信息")->version;
  g_assert_cmpint(good(define(&f, definition, error)), ==, ledger_find("信息")->id);
  g_assert_cmpint(ledger_find("信息")->version, ==, version); /* it says what is in force */
  json_t *fields = json_object_get(definition, "fields");
  json_array_set_new(fields, 0, yaml("{name: 刊物, type: choice, values: [简报]}"));
  json_array_set_new(fields, 1, yaml("{name: 期号, type: date}"));
  g_autoptr(GError) local = NULL;
  g_assert_cmpint(define(&f, definition, &local), ==, 0);
  g_assert_error(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_nonnull(strstr(local->message, "2 处"));
  g_assert_nonnull(strstr(local->message, "XX2023-01"));
  json_array_set_new(fields, 0, yaml("{name: 刊名, type: choice, values: [参阅, 简报], was: [刊物]}"));
  json_array_set_new(fields, 1, yaml("{name: 期号, type: text}"));
  json_array_set_new(fields, 5, yaml("{name: 书名, type: text}"));
  json_object_set_new(definition, "name", json_string("信息报送"));
  json_object_set_new(definition, "was", json_pack("[s]", "信息"));
  g_clear_error(&local);
  gint64 ledger = define(&f, definition, &local);
  g_assert_no_error(local);
  g_assert_cmpint(ledger, ==, ledger_find("信息")->id); /* by the former name */
  g_assert_cmpint(ledger_find("信息报送")->version, ==, version + 1);
  json_auto_t *entry = entry_of(&f, id);
  g_assert_cmpint(int_at(entry, "version"), ==, version);
  g_assert_cmpstr(text_at(json_object_get(entry, "values"), "刊名"), ==, "参阅"); /* under the present name */
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *former = good(ledger_definition_version(sql, ledger, version, error));
  g_assert_cmpstr(text_at(former, "name"), ==, "信息");
  sql_end(g_steal_pointer(&sql));
  g_autofree char *change = g_strdup_printf("{id: %d, values: {刊物: 简报}}", (int)id);
  put(&f, change);
  json_auto_t *after = entry_of(&f, id);
  g_assert_cmpint(int_at(after, "version"), ==, version + 1);
  g_assert_cmpstr(text_at(json_object_get(after, "values"), "刊名"), ==, "简报");
  assert_rebuilds(&f);
  fixture_close(&f);
}

/* A state and choices under other names: old entries are read, counted and moved by them, and stay as they were written. */
static void test_renamed(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = put(&f, "{ledger: 问题, title: 漏, date: 2023-05-12, owner: 王, due: 2023-12-31, values: {来源: 巡察}}"), dated = put(&f, "{ledger: 花名册, title: 甲, "
    "date: 2020-01-01, values: {职级: [[科员, 2020-01-01], [科长, 2021-03-01]]}}");
  json_auto_t *definition = json_deep_copy(ledger_find("问题")->json), *people = json_deep_copy(ledger_find("花名册")->json);
  json_array_set_new(json_object_get(definition, "fields"), 0, yaml("{name: 来源, type: choice, values: [巡视巡察, 调研], renamed: {巡察: 巡视巡察}}"));
  json_array_set_new(json_object_get(definition, "states"), 0, yaml("{name: 已受理}"));
  json_array_set_new(json_object_get(json_array_get(json_object_get(definition, "moves"), 0), "from"), 0, json_string("已受理"));
  g_autoptr(GError) local = NULL;
  g_assert_cmpint(define(&f, definition, &local), ==, 0); /* the entry's state is none of them */
  g_assert_nonnull(strstr(local->message, "没有这个状态"));
  g_clear_error(&local);
  json_array_set_new(json_object_get(definition, "states"), 0, yaml("{name: 已受理, was: [登记]}"));
  good(define(&f, definition, error) != 0);
  json_array_set_new(json_object_get(people, "fields"), 0, yaml("{name: 职级, type: choice, values: [科员, 正科, 处长], dated: true, renamed: {科长: 正科}}"));
  good(define(&f, people, error) != 0);
  json_auto_t *entry = entry_of(&f, id), *person = entry_of(&f, dated);
  g_assert_cmpstr(text_at(entry, "state"), ==, "已受理");
  g_assert_cmpstr(text_at(json_object_get(entry, "values"), "来源"), ==, "巡视巡察");
  json_t *last = json_array_get(json_object_get(json_object_get(person, "values"), "职级"), 1);
  g_assert_cmpstr(json_string_value(json_array_get(last, 0)), ==, "正科");
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  static const char *const asked[] = {"{状态: 已受理, 来源: 巡视巡察}", "{状态: 整改中}"};
  for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
    json_auto_t *where = yaml(asked[i]);
    LedgerAsk ask = {.definition = ledger_find("问题"), .where = where, .limit = 10};
    json_auto_t *found = good(ledger_list(&f.house, sql, LEDGER_EVERYTHING, &ask, error));
    g_assert_cmpint(int_at(found, "count"), ==, i == 0 ? 1 : 0);
  }
  LedgerAsk past = {.definition = ledger_find("问题"), .on = date_today(), .limit = 10};
  json_auto_t *then = good(ledger_list(&f.house, sql, LEDGER_EVERYTHING, &past, error));
  g_assert_cmpstr(text_at(json_array_get(json_object_get(then, "entries"), 0), "state"), ==, "已受理");
  g_autofree char *stored = good(sql_string(sql, "SELECT state FROM ledger_entry WHERE id = $1", SQL_ARGS(sql_int(id)), error));
  g_assert_cmpstr(stored, ==, "登记");
  sql_end(g_steal_pointer(&sql));
  sql = good(sql_write(f.db, error));
  good(ledger_entry_move(sql, LEDGER_EVERYTHING, "zhang", id, "整改中", 0, NULL, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  put(&f, "{ledger: 问题, title: 又, date: 2023-05-12, values: {来源: 巡察}}"); /* as an older sheet says it */
  json_auto_t *next = entry_of(&f, dated + 1);
  g_assert_cmpstr(text_at(json_object_get(next, "values"), "来源"), ==, "巡视巡察");
  assert_rebuilds(&f);
  fixture_close(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/definition/faults", test_faults);
  g_test_add_func("/ledger/definition/when", test_when);
  g_test_add_func("/ledger/definition/built-in", test_built_in);
  g_test_add_func("/ledger/definition/change", test_change);
  g_test_add_func("/ledger/definition/renamed", test_renamed);
  return g_test_run();
}
