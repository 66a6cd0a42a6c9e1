/* Links: both ends through the gate, either end's word, many at once with preview and undoing, the history of a fonds; a rebuild gives the same rows. */
#include "test-fixture.h"
#include "watch.h"

static json_t *ties(Fixture *f, const Scope *scope, guint record) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  json_t *model = json_object();
  good(links_of_record(sql, scope, f->records[record], model, error));
  return model;
}

static void relate(Fixture *f, guint record, guint other, const char *said) {
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  RecordLink link;
  good(related_link(said, f->records[record], f->records[other], &link, error));
  good(link_add(sql, "tester", &link, error));
  good(sql_commit(sql, error));
}

static const char *related(json_t *model, guint i, const char *key) { return text_at(json_array_get(json_object_get(model, "related"), i), key); }

static void test_related(void) {
  Fixture f;
  fixture_open(&f);
  relate(&f, 1, 0, "reply-back"); /* 0 is answered by… : said from 1, it is what 1 replies to */
  relate(&f, 0, 1, "reply");      /* the same, said from the other end */
  relate(&f, 2, 0, "see");
  relate(&f, 0, 2, "see");
  relate(&f, 0, 5, "attachment"); /* 5 is closed */
  json_auto_t *zero = ties(&f, &SCOPE_EVERYTHING, 0), *one = ties(&f, &SCOPE_EVERYTHING, 1), *open = ties(&f, &OPEN_ONLY, 0);
  g_assert_cmpuint(json_array_size(json_object_get(zero, "related")), ==, 3);
  g_assert_cmpuint(json_array_size(json_object_get(one, "related")), ==, 1);
  g_assert_cmpstr(related(one, 0, "role_label"), ==, "被回复");
  g_assert_cmpstr(related(zero, 0, "role_label"), ==, "附件");
  g_assert_cmpstr(related(zero, 1, "role_label"), ==, "回复");
  g_assert_cmpuint(json_array_size(json_object_get(open, "related")), ==, 2); /* what may not be seen is not told */
  char *told = json_dumps(open, 0);
  g_assert_null(strstr(told, "A-WS-0005"));
  free(told);
  RecordLink link;
  fails(related_link("cousin", 1, 2, &link, error), LANTAI_ERROR_INVALID);
  fails(related_link("repl", 1, 2, &link, error), LANTAI_ERROR_INVALID);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(related_link("see", f.records[0], f.records[2], &link, error));
  good(link_remove(sql, "tester", &link, error));
  fails(link_remove(sql, "tester", &link, error), LANTAI_ERROR_NOT_FOUND);
  json_auto_t *events = good(journal_of(sql, "record", f.records[0], 0, 20, error));
  char *history = json_dumps(events, 0);
  g_assert_null(strstr(history, "A-WS-0005")); /* nor by the history of the one that may be seen */
  free(history);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_authorities(void) {
  Fixture f;
  fixture_open(&f);
  gint64 body = put_authority(&f, "body", "北京市人民政府", "1949", "北平市政府"), topic = put_authority(&f, "topic", "接管", "", NULL);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  fails(link_add(sql, "tester", &(RecordLink){.record_id = f.records[0], .target_id = body, .role = "topic"}, error), LANTAI_ERROR_INVALID);
  fails(link_add(sql, "tester", &(RecordLink){.record_id = f.records[0], .target_id = 999, .role = "creator"}, error), LANTAI_ERROR_NOT_FOUND);
  good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[0], .target_id = body, .role = "creator", .dates = "1949"}, error));
  good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[0], .target_id = body, .role = "creator"}, error)); /* stays as it was, and tells nothing */
  good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[0], .target_id = topic, .role = "topic"}, error));
  good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[5], .target_id = body, .role = "subject"}, error));
  json_auto_t *events = good(journal_of(sql, "record", f.records[0], 0, 20, error));
  g_assert_cmpuint(json_array_size(events), ==, 3); /* created, two links */
  json_auto_t *creators = good(record_creators(sql, f.records[0], error));
  g_assert_cmpuint(json_array_size(creators), ==, 1);
  g_assert_cmpstr(text_at(json_array_get(creators, 0), "dates"), ==, "1949");
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  json_auto_t *zero = ties(&f, &OPEN_ONLY, 0);
  g_assert_cmpuint(json_array_size(json_object_get(zero, "authorities")), ==, 1);
  g_assert_cmpuint(json_array_size(json_object_get(zero, "topics")), ==, 1);
  sql = good(sql_read(f.db, error));
  g_autoptr(GArray) all = good(authority_records(sql, body, NULL, error));
  SearchRequest ask = {.only = (const gint64 *)(gpointer)all->data, .only_count = all->len};
  g_autoptr(SearchResult) open = good(search_run(f.house.search, sql, &OPEN_ONLY, &ask, error));
  g_autoptr(SearchResult) everything = good(search_run(f.house.search, sql, &SCOPE_EVERYTHING, &ask, error));
  g_assert_cmpuint(open->count, ==, 1);
  g_assert_cmpuint(everything->count, ==, 2);
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static guint held(Sql *sql, gint64 topic, const char *role) {
  g_autoptr(GArray) ids = good(topic_records(sql, topic, role, error));
  return ids->len;
}

/* A topic has what is in the topics within it, each record once; a body has nothing of other bodies. */
static void test_topics_within(void) {
  Fixture f;
  fixture_open(&f);
  gint64 whole = put_authority(&f, "topic", "重特大事件", "", NULL), part = put_authority(&f, "topic", "防汛救灾", "", NULL), least = put_authority(&f, "event", "大水", "", NULL);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(sql_exec(sql, "UPDATE authority SET parent_id = CASE id WHEN $1 THEN $2 ELSE $1 END WHERE id IN ($1, $3)",
    SQL_ARGS(sql_int(part), sql_int(whole), sql_int(least)), error));
  const struct { guint record; gint64 topic; } tied[] = {{0, part}, {1, part}, {1, least}, {2, least}};
  for (guint i = 0; i < G_N_ELEMENTS(tied); i++)
    good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[tied[i].record], .target_id = tied[i].topic, .role = "topic"}, error));
  g_assert_cmpuint(held(sql, whole, NULL), ==, 3);
  g_assert_cmpuint(held(sql, part, "topic"), ==, 3);
  g_assert_cmpuint(held(sql, least, NULL), ==, 2);
  g_assert_cmpuint(held(sql, whole, "creator"), ==, 0);
  good(sql_exec(sql, "UPDATE authority SET state = 'deleted' WHERE id = $1", SQL_ARGS(sql_int(least)), error));
  g_assert_cmpuint(held(sql, whole, NULL), ==, 2);
  g_autoptr(GArray) own = good(authority_records(sql, whole, NULL, error));
  g_assert_cmpuint(own->len, ==, 0); /* tied to itself is nothing */
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

/* ---- many at once ---- */

static gint64 plan(Fixture *f, const Scope *scope, gint64 target, const char *role, const char *query) {
  const SearchRequest search = {.query = query};
  const GatherAsk ask = {target, role, query ? &search : NULL, query};
  return good(gathering_plan(&f->house, scope, "tester", &ask, error));
}

static json_t *gathering(Fixture *f, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(gathering_load(sql, id, error));
}

static void carry_out(Fixture *f, gint64 id, gboolean undo) {
  json_auto_t *parameters = json_pack("{s:I, s:b}", "gathering", (json_int_t)id, "undo", undo);
  good(job_run_now(&f->house, gathering_run, parameters, "tester", FALSE, error));
}

static gint64 tied(Fixture *f, gint64 target) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  g_autoptr(GArray) ids = good(authority_records(sql, target, NULL, error));
  return ids->len;
}

static void test_gathering(void) {
  Fixture f;
  fixture_open(&f);
  gint64 body = put_authority(&f, "body", "北京市人民政府", "1949", "北平市政府"), topic = put_authority(&f, "topic", "接管", "", NULL);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(link_add(sql, "tester", &(RecordLink){.record_id = f.records[1], .target_id = body, .role = "creator"}, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  /* exactly one of its names: not the secretariat, not the one tied already; the closed one only for who sees it */
  json_auto_t *open = gathering(&f, plan(&f, &OPEN_ONLY, body, "creator", NULL));
  g_assert_cmpint(int_at(open, "total"), ==, 3);
  gint64 id = plan(&f, &SCOPE_EVERYTHING, body, "creator", NULL);
  json_auto_t *planned = gathering(&f, id);
  g_assert_cmpint(int_at(planned, "total"), ==, 4);
  g_assert_cmpint(tied(&f, body), ==, 1); /* a preview changes nothing */
  carry_out(&f, id, FALSE);
  carry_out(&f, id, FALSE); /* once more, as after a crash */
  g_assert_cmpint(tied(&f, body), ==, 5);
  json_auto_t *done = gathering(&f, id);
  g_assert_cmpstr(text_at(done, "state"), ==, "done");
  assert_rebuilds(&f);
  gint64 second = plan(&f, &OPEN_ONLY, topic, "topic", "通知");
  carry_out(&f, second, FALSE);
  g_assert_cmpint(tied(&f, topic), ==, 7);
  carry_out(&f, id, TRUE);
  g_assert_cmpint(tied(&f, body), ==, 1); /* what was tied by hand stays */
  g_assert_cmpint(tied(&f, topic), ==, 7);
  json_auto_t *undone = gathering(&f, id);
  g_assert_cmpstr(text_at(undone, "state"), ==, "undone");
  assert_rebuilds(&f);
  const GatherAsk wrong = {topic, "creator", NULL, NULL};
  fails(gathering_plan(&f.house, &SCOPE_EVERYTHING, "tester", &wrong, error) != 0, LANTAI_ERROR_INVALID);
  fixture_close(&f);
}

static void test_survey(void) {
  Fixture f;
  fixture_open(&f);
  json_auto_t *none = json_object();
  good(job_run_now(&f.house, authority_survey, none, "tester", FALSE, error));
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *rows = good(sql_json(sql, "SELECT text, opening, records FROM authority_candidate ORDER BY rank, opening", SQL_NONE, error));
  g_assert_cmpuint(json_array_size(rows), ==, 2); /* three open ones and one closed; what occurs less than three times is none */
  g_assert_cmpstr(text_at(json_array_get(rows, 0), "text"), ==, "北平市政府");
  g_assert_cmpint(int_at(json_array_get(rows, 0), "records"), ==, 3);
  g_assert_cmpint(int_at(json_array_get(rows, 1), "records"), ==, 1);
  sql_end(g_steal_pointer(&sql));
  gint64 body = put_authority(&f, "body", "北京市人民政府", "1949", "北平市政府");
  carry_out(&f, plan(&f, &SCOPE_EVERYTHING, body, "creator", NULL), FALSE);
  good(job_run_now(&f.house, authority_survey, none, "tester", FALSE, error));
  sql = good(sql_read(f.db, error));
  g_assert_cmpint(good(sql_number(sql, "SELECT COUNT(*) AS n FROM authority_candidate", SQL_NONE, -1, error)), ==, 0);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

/* What is written under one name of a body is found by the others; of a person's only where it is marked so. */
static void test_synonyms(void) {
  Fixture f;
  fixture_open(&f);
  put_authority(&f, "body", "北京市人民政府", "1949", "北平市政府");
  put_authority(&f, "person", "教育局", "", "文教局"); /* not marked */
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  const SearchRequest now = {.query = "北京市人民政府"}, other = {.query = "文教局"};
  g_autoptr(SearchResult) before = good(search_run(f.house.search, sql, &SCOPE_EVERYTHING, &now, error));
  g_assert_cmpuint(before->count, ==, 1);
  sql_end(g_steal_pointer(&sql));
  synonyms_changed(&f.house);
  sql = good(sql_read(f.db, error));
  g_autoptr(SearchResult) after = good(search_run(f.house.search, sql, &SCOPE_EVERYTHING, &now, error));
  g_assert_cmpuint(after->count, ==, 6); /* and the secretariat, in whose name it stands */
  g_autoptr(SearchResult) none = good(search_run(f.house.search, sql, &SCOPE_EVERYTHING, &other, error));
  g_assert_cmpuint(none->count, ==, 0);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

/* ---- 全宗卷 ---- */

static void test_dossier(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  json_auto_t *entry = json_pack("{s:I, s:s, s:s, s:s, s:s, s:[I]}", "fonds_id", (json_int_t)f.fonds, "part", "introduction", "date", "2012年5月", "title",
    "全宗指南", "text", "本全宗……",
    "records", (json_int_t)f.records[0]);
  json_auto_t *bad_date = json_deep_copy(entry), *bad_part = json_deep_copy(entry);
  set_text(bad_date, "date", "昨天");
  set_text(bad_part, "part", "poems");
  fails(dossier_save(sql, "tester", bad_date, 0, error) != 0, LANTAI_ERROR_INVALID);
  fails(dossier_save(sql, "tester", bad_part, 0, error) != 0, LANTAI_ERROR_INVALID);
  gint64 id = good(dossier_save(sql, "tester", entry, 0, error));
  json_object_set_new(entry, "id", json_integer(id));
  set_text(entry, "text", "本全宗形成于一九四九年。");
  good(dossier_save(sql, "tester", entry, 1, error));
  fails(dossier_save(sql, "tester", entry, 1, error) != 0, LANTAI_ERROR_CONFLICT);
  json_auto_t *another = json_deep_copy(entry);
  json_object_set_new(another, "id", json_integer(0));
  gint64 gone = good(dossier_save(sql, "tester", another, 0, error));
  fails(dossier_remove(sql, "tester", f.other, gone, error), LANTAI_ERROR_NOT_FOUND); /* not of that fonds */
  good(dossier_remove(sql, "tester", f.fonds, gone, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

/* What a delivery brought is tied to a topic by a job of its own, once, and whatever the topic was merged into. */
static void test_fill(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Jobs) jobs = good(jobs_open(f.db, AUTHORITY_JOBS, error));
  gint64 topic = put_authority(&f, "event", "防汛", "", NULL), whole = put_authority(&f, "event", "防汛救灾", "", NULL), body = put_authority(&f, "body", "水利局", "", NULL);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  json_auto_t *all = good(topic_named(sql, 0, error)), *none = good(topic_named(sql, body, error));
  g_assert_cmpuint(json_array_size(all), ==, 2);
  g_assert_cmpuint(json_array_size(none), ==, 0); /* a body is no topic */
  g_autoptr(CatalogRecord) record = catalog_record_new();
  record->parent_id = f.class;
  record->level = LEVEL_ITEM;
  record->category = 1;
  record->accession_id = 7;
  record->code = (g_free(record->code), g_strdup("A-WS-0100"));
  record->title = (g_free(record->title), g_strdup("汛情通报"));
  good(catalog_record_create(&f.house, sql, "tester", record, error));
  good(authority_merge(sql, "tester", topic, whole, error));
  json_auto_t *named = good(topic_named(sql, topic, error));
  g_assert_cmpstr(text_at(json_array_get(named, 0), "name"), ==, "防汛救灾");
  good(topic_fill(sql, "clerk", topic, 7, "收集项目", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  json_auto_t *asked = json_pack("{s:I, s:i, s:s}", "topic", (json_int_t)topic, "delivery", 7, "title", "收集项目");
  good(job_run_now(&f.house, topic_fill_run, asked, "clerk", FALSE, error));
  json_auto_t *gathering = json_pack("{s:i, s:b}", "gathering", 1, "undo", 0);
  good(job_run_now(&f.house, gathering_run, gathering, "clerk", FALSE, error));
  good(job_run_now(&f.house, topic_fill_run, asked, "clerk", FALSE, error)); /* finds nothing left to tie */
  sql = good(sql_read(f.db, error));
  g_autoptr(GArray) tied = good(authority_records(sql, whole, "topic", error));
  g_assert_cmpuint(tied->len, ==, 1);
  g_assert_cmpint(g_array_index(tied, gint64, 0), ==, record->id);
  g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM job WHERE kind = 'link.gather'", SQL_NONE, 0, NULL), ==, 1);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

/* What keeps a record from being deleted, told all together; what bulk gave its creator does not. */
static void test_tied(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  gint64 first = f.records[0], body, topic;
  json_auto_t *maker = json_pack("{s:i, s:s, s:s, s:[]}", "id", 0, "kind", "body", "name", "北平市政府", "names");
  body = good(authority_save(sql, "tester", maker, 0, error));
  const RecordLink made = {.record_id = first, .target_id = body, .role = "creator"};
  good(link_add(sql, "tester", &made, error));
  good(sql_exec(sql, "UPDATE record_link SET gathering_id = 3", SQL_NONE, error));
  g_assert_null(record_tied(sql, first, NULL));
  g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, first, error));
  good(catalog_record_may_go(sql, record, error));
  json_auto_t *flood = json_pack("{s:i, s:s, s:s, s:I, s:[]}", "id", 0, "kind", "topic", "name", "防汛", "cover", (json_int_t)first, "names");
  topic = good(authority_save(sql, "tester", flood, 0, error));
  const RecordLink within = {.record_id = first, .target_id = topic, .role = "topic"};
  const RecordLink see = {.record_id = f.records[1], .to_record = TRUE, .target_id = first, .role = "see"};
  good(link_add(sql, "tester", &within, error) && link_add(sql, "tester", &see, error));
  json_auto_t *entry = json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:[I, I]}", "id", 0, "fonds_id", (json_int_t)f.fonds, "part", "introduction", "date", "1949",
    "title", "接管", "text", "", "records", (json_int_t)f.records[2], (json_int_t)first);
  good(dossier_save(sql, "tester", entry, 0, error));
  g_autofree char *tied = record_tied(sql, first, NULL), *other = record_tied(sql, f.records[3], NULL);
  g_assert_cmpstr(tied, ==, "与 1 个机构、人物或专题有关联，与 1 件档案有关联，列在 1 条全宗卷里，是 1 个专题的封面");
  g_assert_null(other);
  fails(catalog_record_delete(&f.house, sql, "tester", first, error), LANTAI_ERROR_CONFLICT);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/link/related", test_related);
  g_test_add_func("/link/topics-within", test_topics_within);
  g_test_add_func("/link/authorities", test_authorities);
  g_test_add_func("/link/gathering", test_gathering);
  g_test_add_func("/link/survey", test_survey);
  g_test_add_func("/link/synonyms", test_synonyms);
  g_test_add_func("/link/dossier", test_dossier);
  g_test_add_func("/link/fill", test_fill);
  g_test_add_func("/link/tied", test_tied);
  return g_test_run();
}
