/* Authorities: checked, found by any part of any name, conflicting edits, merging and its undoing, relations, deletion; a rebuild gives the same rows. */
#include "test-fixture.h"

static json_t *load(Fixture *f, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(authority_load(sql, id, error));
}

static char *names_found(Fixture *f, const char *words, const char *kind) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  const AuthorityAsk ask = {.words = words, .kind = kind, .limit = 50};
  json_auto_t *list = good(authority_list(sql, &ask, error));
  GString *names = g_string_new(NULL);
  size_t i;
  json_t *row;
  json_array_foreach(list, i, row) g_string_append_printf(names, "%s%s", i ? " " : "", text_at(row, "name"));
  return g_string_free(names, FALSE);
}
#define assert_found(f, words, kind, expected) \
  do { \
    g_autofree char *is_found = names_found(f, words, kind); \
    g_assert_cmpstr(is_found, ==, expected); \
  } while (0)

static void refuse(Fixture *f, json_t *taken, LantaiError kind) {
  json_auto_t *authority = taken;
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  fails(authority_save(sql, "tester", authority, 0, error) != 0, kind);
}

static void test_checked(void) {
  Fixture f;
  fixture_open(&f);
  refuse(&f, json_pack("{s:s, s:s}", "kind", "ship", "name", "海辽轮"), LANTAI_ERROR_INVALID);
  refuse(&f, json_pack("{s:s, s:s}", "kind", "body", "name", "　 "), LANTAI_ERROR_INVALID);
  refuse(&f, json_pack("{s:s, s:s, s:s}", "kind", "body", "name", "甲局", "begin", "某年"), LANTAI_ERROR_INVALID);
  refuse(&f, json_pack("{s:s, s:s, s:s, s:s}", "kind", "body", "name", "甲局", "begin", "1958", "end", "1949"), LANTAI_ERROR_INVALID);
  refuse(&f, json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "kind", "body", "name", "甲局", "names", "name", "乙局", "type", "nick"), LANTAI_ERROR_INVALID);
  refuse(&f, json_pack("{s:s, s:s, s:i}", "kind", "body", "name", "甲局", "parent_id", 99), LANTAI_ERROR_NOT_FOUND);
  gint64 id = put_authority(&f, "body", " 北京市\t人民政府 ", "民国三十八年", "北平市政府");
  json_auto_t *row = load(&f, id);
  g_assert_cmpstr(text_at(row, "name"), ==, "北京市 人民政府");
  g_assert_cmpstr(text_at(row, "begin"), ==, "民国三十八年");
  refuse(&f, json_pack("{s:s, s:s, s:s}", "kind", "body", "name", "北京市 人民政府", "begin", "民国三十八年"), LANTAI_ERROR_CONFLICT);
  put_authority(&f, "person", "王建国", "1920", NULL);
  put_authority(&f, "person", "王建国", "1950", NULL); /* another of the same name, told apart by his years */
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_found(void) {
  Fixture f;
  fixture_open(&f);
  put_authority(&f, "body", "北京市人民政府", "1949", "北平市政府");
  put_authority(&f, "body", "市教育局", "1949", "文教科");
  put_authority(&f, "person", "端木蕻良", "1912", "曹漢文");
  put_authority(&f, "body", "中国人民政治协商会议全国委员会办公厅", "", NULL);
  assert_found(&f, NULL, NULL, "中国人民政治协商会议全国委员会办公厅 北京市人民政府 市教育局 端木蕻良");
  assert_found(&f, NULL, "person", "端木蕻良");
  assert_found(&f, "北平", NULL, "北京市人民政府");
  assert_found(&f, "平市政府", NULL, "北京市人民政府"); /* any part of a former name */
  assert_found(&f, "曹汉", NULL, "端木蕻良");            /* whichever characters it is written in */
  assert_found(&f, "市", "body", "北京市人民政府 市教育局");
  assert_found(&f, "政治协商会议全国委员会", NULL, "中国人民政治协商会议全国委员会办公厅"); /* longer than what the index keeps of an ending */
  assert_found(&f, "政治协商会议地方委员会", NULL, "");
  assert_found(&f, "%", NULL, "中国人民政治协商会议全国委员会办公厅 北京市人民政府 市教育局 端木蕻良"); /* nothing but signs asks for nothing */
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  const AuthorityAsk first = {.limit = 2};
  json_auto_t *page = good(authority_list(sql, &first, error));
  json_t *last = json_array_get(page, 1);
  const AuthorityAsk second = {.limit = 5, .after_name = text_at(last, "name"), .after_id = int_at(last, "id")};
  json_auto_t *rest = good(authority_list(sql, &second, error));
  g_assert_cmpuint(json_array_size(rest), ==, 2);
  g_assert_cmpstr(text_at(json_array_get(rest, 0), "name"), ==, "市教育局");
  g_assert_cmpint(authority_named(sql, "body", "北平市政府"), ==, 1);
  g_assert_cmpint(authority_named(sql, "body", "北平"), ==, 0);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

/* Parties of a case, applicants: persons and bodies in one field. */
static void test_bodies(void) {
  static const char *const bodies[] = {"临江市供电局", "临江第一纺织厂", "某某建筑工程公司", "青山乡人民政府水利站"};
  static const char *const persons[] = {"王建国", "欧阳震华", "张公社", "买买提·吐尔逊", "王社、李站、赵会", "端木蕻良", ""};
  for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) g_assert_true(name_is_body(bodies[i]));
  for (guint i = 0; i < G_N_ELEMENTS(persons); i++) g_assert_false(name_is_body(persons[i]));
}

static void test_conflict(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = put_authority(&f, "body", "市教育局", "1949", NULL);
  json_auto_t *mine = load(&f, id);
  json_auto_t *theirs = json_deep_copy(mine);
  set_text(mine, "history", "一九四九年成立。");
  set_text(theirs, "end", "1966");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(authority_save(sql, "tester", theirs, 1, error));
  fails(authority_save(sql, "tester", mine, 1, error) != 0, LANTAI_ERROR_CONFLICT);
  good(authority_save(sql, "tester", mine, 2, error)); /* knowing what the other did */
  json_auto_t *after = good(authority_load(sql, id, error));
  g_assert_cmpint(int_at(after, "rev"), ==, 3);
  good(authority_save(sql, "tester", after, 3, error)); /* nothing differs: nothing is written */
  g_assert_cmpint(good(sql_number(sql, "SELECT rev FROM authority WHERE id = $1", SQL_ARGS(sql_int(id)), 0, error)), ==, 3);
  json_auto_t *events = good(journal_of(sql, "authority", id, 0, 10, error));
  g_assert_cmpuint(json_array_size(events), ==, 3);
  json_auto_t *list = changes_list(json_object_get(json_object_get(json_array_get(events, 0), "data"), "changes"));
  g_assert_cmpuint(json_array_size(list), ==, 2); /* the history came, the end went */
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static gboolean note_names(gint64 id, const char *const *names, gpointer data) {
  g_autofree char *joined = g_strjoinv("|", (char **)names);
  g_string_append_printf(data, "%s;", joined);
  return TRUE;
}

static void test_merge(void) {
  Fixture f;
  fixture_open(&f);
  gint64 kept = put_authority(&f, "body", "北京市人民政府", "1949", "北平市政府"), twin = put_authority(&f, "body", "京市府", "", "北京市人民政府委员会"),
    person = put_authority(&f, "person", "王建国", "", NULL);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[0], .target_id = kept, .role = "creator"}, error));
  good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[3], .target_id = twin, .role = "creator"}, error));
  fails(authority_merge(sql, "tester", person, kept, error), LANTAI_ERROR_INVALID);
  fails(authority_merge(sql, "tester", kept, kept, error), LANTAI_ERROR_INVALID);
  json_auto_t *before = good(authority_load(sql, kept, error));
  good(authority_merge(sql, "tester", twin, kept, error));
  g_assert_cmpint(authority_resolve(sql, twin), ==, kept);
  g_autoptr(GArray) tied = good(authority_records(sql, kept, "creator", error));
  g_assert_cmpuint(tied->len, ==, 2);
  g_assert_cmpint(authority_named(sql, "body", "京市府"), ==, kept);
  g_autoptr(GString) groups = g_string_new(NULL);
  good(authority_synonyms(sql, note_names, groups, error));
  g_assert_cmpstr(groups->str, ==, "北京市人民政府|北平市政府|京市府|北京市人民政府委员会;");
  /* edited meanwhile: the merge can still be undone, and takes only its own names away */
  json_auto_t *edited = good(authority_load(sql, kept, error));
  set_text(edited, "history", "沿革。");
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(edited, "names"), i, name) json_object_del(name, "from"); /* as a form gives them */
  good(authority_save(sql, "tester", edited, 0, error));
  good(authority_unmerge(sql, "tester", twin, error));
  json_auto_t *after = good(authority_load(sql, kept, error));
  g_assert_true(json_equal(json_object_get(before, "names"), json_object_get(after, "names")));
  g_assert_cmpstr(text_at(after, "history"), ==, "沿革。");
  g_assert_cmpint(authority_resolve(sql, twin), ==, twin);
  g_autoptr(GArray) again = good(authority_records(sql, kept, NULL, error));
  g_assert_cmpuint(again->len, ==, 1);
  fails(authority_unmerge(sql, "tester", twin, error), LANTAI_ERROR_NOT_FOUND);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static json_t *relation(gint64 from, gint64 to, const char *kind) {
  return json_pack("{s:I, s:I, s:s, s:s, s:s}", "from", (json_int_t)from, "to", (json_int_t)to, "kind", kind, "dates", "1958年", "note", "");
}

static void test_relations(void) {
  Fixture f;
  fixture_open(&f);
  gint64 old = put_authority(&f, "body", "农林局", "1950", NULL), now = put_authority(&f, "body", "农业局", "1958", NULL);
  json_auto_t *successor = relation(old, now, "successor"), *unknown = relation(old, now, "neighbour"), *self = relation(old, old, "kin");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(authority_relate(sql, "tester", successor, error));
  fails(authority_relate(sql, "tester", successor, error), LANTAI_ERROR_CONFLICT);
  fails(authority_relate(sql, "tester", unknown, error), LANTAI_ERROR_INVALID);
  fails(authority_relate(sql, "tester", self, error), LANTAI_ERROR_INVALID);
  json_auto_t *of_old = good(relations_of(sql, old, error)), *of_now = good(relations_of(sql, now, error));
  g_assert_cmpstr(text_at(json_array_get(of_old, 0), "label"), ==, "后继");
  g_assert_cmpstr(text_at(json_array_get(of_now, 0), "label"), ==, "前身");
  g_assert_cmpstr(text_at(json_array_get(of_now, 0), "name"), ==, "农林局");
  fails(authority_delete(sql, "tester", old, error), LANTAI_ERROR_CONFLICT); /* something is tied to it */
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  sql = good(sql_write(f.db, error));
  good(authority_unrelate(sql, "tester", now, int_at(json_array_get(of_now, 0), "id"), error));
  good(authority_delete(sql, "tester", old, error));
  g_assert_cmpint(authority_named(sql, NULL, "农林局"), ==, 0);
  good(authority_restore(sql, "tester", old, error));
  g_assert_cmpint(authority_named(sql, NULL, "农林局"), ==, old);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_topics(void) {
  Fixture f;
  fixture_open(&f);
  gint64 flood = put_authority(&f, "event", "1998年抗洪", "1998年", NULL), disasters = put_authority(&f, "topic", "重特大灾害", "", NULL);
  json_auto_t *row = load(&f, flood);
  json_object_set_new(row, "parent_id", json_integer(disasters));
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(authority_save(sql, "tester", row, 0, error));
  json_auto_t *above = good(authority_load(sql, disasters, error));
  json_object_set_new(above, "parent_id", json_integer(flood));
  fails(authority_save(sql, "tester", above, 0, error) != 0, LANTAI_ERROR_INVALID); /* no circle */
  fails(authority_delete(sql, "tester", disasters, error), LANTAI_ERROR_CONFLICT);
  fails(link_add(sql, "tester", &(RecordLink){.record_id = f.records[0], .target_id = flood, .role = "creator"}, error), LANTAI_ERROR_INVALID);
  good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[0], .target_id = flood, .role = "topic"}, error));
  json_object_set_new(row, "kind", json_string("body"));
  fails(authority_save(sql, "tester", row, 0, error) != 0, LANTAI_ERROR_INVALID);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_eac(void) {
  Fixture f;
  fixture_open(&f);
  gint64 old = put_authority(&f, "body", "农林局 <旧> & \"新\"", "1950年3月", "农林科"), now = put_authority(&f, "body", "农业局", "1958", NULL),
    topic = put_authority(&f, "topic", "春耕", "", NULL);
  json_auto_t *successor = relation(old, now, "successor");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(authority_relate(sql, "tester", successor, error));
  g_autofree char *xml = good(authority_eac(sql, old, "某市档案馆", "110101", error));
  const char *at = xml;
  static const char *const order[] = {"<eac-cpf xmlns=\"urn:isbn:1-931666-33-4\"", "<control>", "<recordId>authority-1</recordId>",
    "<maintenanceStatus>new", "<otherAgencyCode>110101<", "<agencyName>某市档案馆",
    "<maintenanceHistory>", "</control>", "<cpfDescription>", "<entityType>corporateBody</entityType>", "<part>农林局 &lt;旧&gt; &amp; &quot;新&quot;</part>",
      "<part>农林科</part>", "<existDates>",
    "<fromDate standardDate=\"1950-03\">1950年3月</fromDate>", "cpfRelationType=\"temporal-later\"", "xlink:href=\"authority-2\"", "<relationEntry>农业局",
      "</eac-cpf>"};
  for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
    at = strstr(at, order[i]);
    if (at == NULL) g_error("%s is not there, or not in its place:\n%s", order[i], xml);
  }
  g_autofree char *uncoded = good(authority_eac(sql, old, "某市档案馆", NULL, error));
  g_assert_null(strstr(uncoded, "AgencyCode")); /* none is made up */
  fails(authority_eac(sql, topic, "某市档案馆", NULL, error) != NULL, LANTAI_ERROR_NOT_FOUND);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/authority/checked", test_checked);
  g_test_add_func("/authority/found", test_found);
  g_test_add_func("/authority/bodies", test_bodies);
  g_test_add_func("/authority/conflict", test_conflict);
  g_test_add_func("/authority/merge", test_merge);
  g_test_add_func("/authority/relations", test_relations);
  g_test_add_func("/authority/topics", test_topics);
  g_test_add_func("/authority/eac", test_eac);
  return g_test_run();
}
