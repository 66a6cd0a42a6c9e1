/* Answers kept ready: made once, made again when what they read changes and only then, apart for those who see different things. */
#include "pages.h"
#include "test-fixture.h"
#include <locale.h>

typedef struct { Fixture *f; Sql *sql; const char *ledgers[3]; int made; } Asking;

/* How many entries the ledgers have together. */
static json_t *count_all(gpointer data, GError **error) {
  Asking *asking = data;
  gint64 count = 0;
  asking->made++;
  for (guint i = 0; asking->ledgers[i] != NULL; i++) {
    g_autoptr(LedgerTable) table = ledger_table(&asking->f->house, asking->sql, ledger_find(asking->ledgers[i]), error);
    if (table == NULL) return NULL;
    count += ledger_table_count(table);
  }
  return json_integer(count);
}

static gint64 ask(Asking *asking, const char *key) {
  asking->sql = good(sql_read(asking->f->db, error));
  json_auto_t *value = good(ledger_ready(asking->sql, key, count_all, asking, error));
  g_clear_pointer(&asking->sql, sql_end);
  return json_integer_value(value);
}

static void test_changes(void) {
  Fixture f;
  fixture_open(&f);
  Asking news = {&f, NULL, {"信息", NULL}, 0}, both = {&f, NULL, {"信息", "问题", NULL}, 0};
  g_assert_cmpint(ask(&news, "news"), ==, 0);
  gint64 id = put(&f, "{ledger: 信息, date: 2023-01-05, title: 甲}");
  g_assert_cmpint(ask(&news, "news"), ==, 1);
  g_assert_cmpint(ask(&news, "news"), ==, 1);
  g_assert_cmpint(ask(&both, "both"), ==, 1);
  g_assert_cmpint(news.made, ==, 2);
  put(&f, "{ledger: 问题, date: 2023-02-03, title: 漏雨, values: {来源: 巡察}}");
  g_assert_cmpint(ask(&news, "news"), ==, 1);
  g_assert_cmpint(news.made, ==, 2); /* another ledger's entry is nothing to it */
  g_assert_cmpint(ask(&both, "both"), ==, 2);
  g_assert_cmpint(both.made, ==, 2);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", id, "重复", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpint(ask(&news, "news"), ==, 0);
  g_assert_cmpint(ask(&both, "both"), ==, 1);
  fixture_close(&f);
}

static json_t *ask_parts(gpointer data, GError **error) {
  Asking *asking = data;
  Asking part = {asking->f, asking->sql, {"信息", NULL}, 0};
  asking->made++;
  return ledger_ready(asking->sql, "news", count_all, &part, error);
}

/* An answer of answers depends on all that they depend on, also when they were there already. */
static void test_parts(void) {
  Fixture f;
  fixture_open(&f);
  Asking news = {&f, NULL, {"信息", NULL}, 0}, whole = {&f, NULL, {NULL}, 0};
  g_assert_cmpint(ask(&news, "news"), ==, 0);
  for (int i = 0; i < 2; i++) {
    for (int again = 0; again < 2; again++) {
      whole.sql = good(sql_read(f.db, error));
      json_auto_t *value = good(ledger_ready(whole.sql, "whole", ask_parts, &whole, error));
      g_assert_cmpint(json_integer_value(value), ==, i);
      g_clear_pointer(&whole.sql, sql_end);
    }
    g_assert_cmpint(whole.made, ==, i + 1);
    put(&f, "{ledger: 信息, date: 2023-01-05, title: 甲}");
  }
  fixture_close(&f);
}

/* What a transaction sees that is then taken back is nobody's answer. */
static void test_writing(void) {
  Fixture f;
  fixture_open(&f);
  Asking news = {&f, NULL, {"信息", NULL}, 0};
  g_assert_cmpint(ask(&news, "news"), ==, 0);
  json_auto_t *entry = yaml("{ledger: 信息, date: 2023-01-05, title: 甲}");
  news.sql = good(sql_write(f.db, error));
  good(ledger_entry_put(news.sql, LEDGER_EVERYTHING, "zhang", entry, 0, error));
  json_auto_t *value = good(ledger_ready(news.sql, "news", count_all, &news, error));
  g_assert_cmpint(json_integer_value(value), ==, 1);
  g_clear_pointer(&news.sql, sql_end);
  g_assert_cmpint(ask(&news, "news"), ==, 0);
  g_assert_cmpint(news.made, ==, 2);
  fixture_close(&f);
}

static void test_definition(void) {
  Fixture f;
  fixture_open(&f);
  Asking news = {&f, NULL, {"信息", NULL}, 0};
  ask(&news, "news");
  json_auto_t *definition = yaml("name: 新账\nfields: [{name: 甲, type: text}]\n");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(ledger_define(sql, "zhang", definition, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  ask(&news, "news");
  g_assert_cmpint(news.made, ==, 2);
  fixture_close(&f);
}

static gint64 tally_of(Fixture *f, const Person *person, const char *ledger, const char *condition, const char *field, const char *value) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  json_auto_t *where = condition ? yaml(condition) : NULL;
  const LedgerAsk asked = {.definition = ledger_find(ledger), .where = where};
  json_auto_t *tally = good(ledger_tally(&f->house, sql, (Asker){person, FALSE}, &asked, (const char *const[]){field, NULL}, 10, error));
  json_t *row;
  size_t i;
  if (value == NULL) return int_at(tally, "count");
  json_array_foreach(json_object_get(json_object_get(tally, "fields"), field), i, row)
    if (g_str_equal(text_at(row, "value"), value)) return int_at(row, "count");
  return 0;
}

/* Counted by text, number, yes and no, and year; each sees what is his. */
static void test_tally(void) {
  Fixture f;
  fixture_open(&f);
  put(&f, "{ledger: 信息, date: 2023-01-05, title: 甲, values: {期号: 3, 采用: true, 主题词: [水利, 民生]}}");
  put(&f, "{ledger: 信息, date: 2022-01-05, title: 乙, values: {期号: 3, 采用: false, 主题词: [民生]}}");
  put_as(&f, "li", "{ledger: 花名册, date: 2023-01-01, title: 李, owner: li, values: {职级: 科长}}");
  put_as(&f, "wang", "{ledger: 花名册, date: 2023-01-01, title: 王, owner: wang, values: {职级: 科长}}");
  g_autoptr(Person) li = fixture_person(&f, "li", "李", "archivist", SECURITY_PUBLIC), wang = fixture_person(&f, "wang", "王", "archivist", SECURITY_PUBLIC),
    director = fixture_person(&f, "head", "主任", "director", SECURITY_PUBLIC);
  for (int again = 0; again < 2; again++) {
    g_assert_cmpint(tally_of(&f, li, "信息", NULL, "主题词", "民生"), ==, 2);
    g_assert_cmpint(tally_of(&f, li, "信息", "{采用: true}", "主题词", "民生"), ==, 1);
    g_assert_cmpint(tally_of(&f, li, "信息", NULL, "期号", "3"), ==, 2);
    g_assert_cmpint(tally_of(&f, li, "信息", NULL, "采用", "是"), ==, 1);
    g_assert_cmpint(tally_of(&f, li, "信息", NULL, "年度", "2022"), ==, 1);
    g_assert_cmpint(tally_of(&f, li, "花名册", NULL, "职级", NULL), ==, 1);
    g_assert_cmpint(tally_of(&f, wang, "花名册", "{责任人: wang}", "职级", NULL), ==, 1);
    g_assert_cmpint(tally_of(&f, li, "花名册", "{责任人: wang}", "职级", NULL), ==, 0);
    g_assert_cmpint(tally_of(&f, director, "花名册", NULL, "职级", "科长"), ==, 2);
  }
  fixture_close(&f);
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ready/changes", test_changes);
  g_test_add_func("/ready/parts", test_parts);
  g_test_add_func("/ready/writing", test_writing);
  g_test_add_func("/ready/definition", test_definition);
  g_test_add_func("/ready/tally", test_tally);
  return g_test_run();
}
