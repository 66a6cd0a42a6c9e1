/* Records: the gate, changes with their events and index, loads, undo, files, page text, replay. */
#include "test-fixture.h"

typedef struct {
  Fixture f;
  gint64 fonds, class, volume, item;
} Tree;

static gint64 create(Fixture *f, CatalogRecord *record) {
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  good(catalog_record_create(&f->house, sql, "tester", record, error));
  good(sql_commit(sql, error));
  gint64 id = record->id;
  catalog_record_free(record);
  return id;
}

static CatalogRecord *load(Fixture *f, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(catalog_record_load(sql, &SCOPE_EVERYTHING, id, error));
}

static void tree_open(Tree *t) {
  fixture_open(&t->f);
  g_autoptr(Sql) sql = good(sql_write(t->f.db, error));
  t->fonds = good(catalog_fonds_ensure(&t->f.house, sql, "tester", "Z109", "市档案局", error));
  t->class = good(catalog_class_ensure(&t->f.house, sql, "tester", t->fonds, 2, error));
  good(sql_commit(sql, error));
  g_clear_pointer(&sql, sql_end);
  t->volume = create(&t->f, record_of(t->class, LEVEL_VOLUME, 2, "Z109-HY·1958-001", "一九五八年婚姻登记"));
  CatalogRecord *item = record_of(t->volume, LEVEL_ITEM, 2, "Z109-HY·1958-001-001", "张三与李四结婚登记");
  item->opening = OPENING_OPEN;
  put_text(&item->creator, "民政局");
  put_text(&item->docno, "国发〔1958〕12号");
  put_text(&item->retention, "永久");
  put_text(&item->date_text, "一九五八年三月");
  g_assert_true(date_parse(item->date_text, &item->date));
  item->year = 1958;
  put_text(&item->fields, "{\"nvxm\": \"李四\", \"nfxm\":\"张三\",\"空\":\"\"}");
  t->item = create(&t->f, item);
}

static void tree_close(Tree *t) { fixture_close(&t->f); }

/* ---- create, load, the gate ---- */

static void test_create(void) {
  Tree t;
  tree_open(&t);
  g_autoptr(CatalogRecord) item = load(&t.f, t.item);
  g_assert_cmpint(item->fonds_id, ==, t.fonds);
  g_assert_cmpstr(item->fields, ==, "{\"nfxm\":\"张三\",\"nvxm\":\"李四\"}");
  g_assert_cmpstr(item->retention, ==, "永久");
  g_assert_cmpint(item->date.from, ==, 19580301);
  g_assert_cmpint(item->date.to, ==, 19580331);
  g_autoptr(CatalogRecord) fonds = load(&t.f, t.fonds);
  g_assert_cmpint(fonds->fonds_id, ==, t.fonds);
  g_assert_cmpint(fonds->rev, <, item->rev);
  g_assert_cmpint(count_of(&t.f, "张三"), ==, 1);
  g_assert_cmpint(count_of(&t.f, "nfxm:张三"), ==, 1);
  g_assert_cmpint(count_of(&t.f, "nvxm:张三"), ==, 0);
  g_autoptr(Sql) sql = good(sql_write(t.f.db, error));
  g_assert_cmpint(good(catalog_fonds_ensure(&t.f.house, sql, "tester", "Z109", "另一名称", error)), ==, t.fonds);
  g_assert_cmpint(good(catalog_class_ensure(&t.f.house, sql, "tester", t.fonds, 2, error)), ==, t.class);
  gint64 unnamed = good(catalog_fonds_ensure(&t.f.house, sql, "tester", "Z110", NULL, error));
  g_assert_cmpint(good(catalog_fonds_ensure(&t.f.house, sql, "tester", "Z110", "市民政局", error)), ==, unnamed);
  g_autoptr(CatalogRecord) named = good(catalog_record_load(sql, &SCOPE_EVERYTHING, unnamed, error));
  g_assert_cmpstr(named->title, ==, "市民政局");
  json_auto_t *path = good(catalog_record_path(sql, item, error));
  g_assert_cmpuint(json_array_size(path), ==, 3);
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(path, 0), "code")), ==, "Z109");
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(path, 1), "title")), ==, "婚姻登记档案");
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(path, 2), "title")), ==, ""); /* an unreviewed volume over an open item */
  json_auto_t *event = good(journal_of(sql, "record", t.item, 0, 10, error));
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(event, 0), "action")), ==, "record.create");
  g_clear_pointer(&sql, sql_end);
  tree_close(&t);
}

static void test_refused(void) {
  Tree t;
  tree_open(&t);
  g_autofree char *before = rows_text(t.f.db);
  struct { CatalogRecord *record; LantaiError code; } bad[] = {
    {record_of(t.volume, LEVEL_ITEM, 2, "Z109-HY·1958-001-001", "重号"), LANTAI_ERROR_CONFLICT},
    {record_of(0, LEVEL_FONDS, 0, "Z109", "重号全宗"), LANTAI_ERROR_CONFLICT},
    {record_of(t.item, LEVEL_ITEM, 2, "X", "件下之件"), LANTAI_ERROR_INVALID},
    {record_of(t.volume, LEVEL_VOLUME, 2, "X", "卷下之卷"), LANTAI_ERROR_INVALID},
    {record_of(0, LEVEL_ITEM, 2, "X", "无上级"), LANTAI_ERROR_INVALID},
    {record_of(t.fonds, LEVEL_FONDS, 0, "X", "全宗之下"), LANTAI_ERROR_INVALID},
    {record_of(99999, LEVEL_ITEM, 2, "X", "上级不存在"), LANTAI_ERROR_INVALID},
    {record_of(t.volume, LEVEL_ITEM, 200, "X", "门类不存在"), LANTAI_ERROR_INVALID},
    {record_of(t.volume, LEVEL_ITEM, 2, "", "无档号"), LANTAI_ERROR_INVALID},
    {record_of(t.volume, LEVEL_ITEM, 2, "X", ""), LANTAI_ERROR_INVALID},
  };
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(Sql) sql = good(sql_write(t.f.db, error));
    fails(catalog_record_create(&t.f.house, sql, "tester", bad[i].record, error), bad[i].code);
    catalog_record_free(bad[i].record);
  }
  g_autofree char *after = rows_text(t.f.db);
  g_assert_cmpstr(before, ==, after);
  tree_close(&t);
}

static void test_gate(void) {
  Tree t;
  tree_open(&t);
  const gint64 other[] = {t.fonds + 1000};
  const Scope open_only = {.opening_mask = 1 << OPENING_OPEN, .files_mask = 0, .security = SECURITY_PUBLIC, .all_fonds = TRUE};
  const Scope elsewhere = {.opening_mask = 15, .files_mask = 15, .security = SECURITY_TOP, .fonds_count = 1, .fonds = other};
  g_autoptr(Sql) sql = good(sql_read(t.f.db, error));
  g_autoptr(CatalogRecord) item = good(catalog_record_load(sql, &open_only, t.item, error));
  fails(catalog_record_load(sql, &open_only, t.volume, error), LANTAI_ERROR_NOT_FOUND);
  fails(catalog_record_load(sql, &elsewhere, t.item, error), LANTAI_ERROR_NOT_FOUND);
  fails(catalog_record_load(sql, &SCOPE_NOTHING, t.fonds, error), LANTAI_ERROR_NOT_FOUND);
  fails(catalog_record_by_code(sql, &elsewhere, 0, item->code, error), LANTAI_ERROR_NOT_FOUND);
  fails(catalog_record_by_code(sql, &open_only, t.fonds, "Z109-HY·1958-001", error), LANTAI_ERROR_NOT_FOUND);
  g_autoptr(CatalogRecord) by_code = good(catalog_record_by_code(sql, &open_only, 0, item->code, error));
  g_assert_cmpint(by_code->id, ==, t.item);
  fails(catalog_files(sql, &open_only, t.item, error), LANTAI_ERROR_DENIED);
  fails(catalog_files(sql, &open_only, t.volume, error), LANTAI_ERROR_NOT_FOUND);
  fails(catalog_page_text(sql, &open_only, t.item, 1, error), LANTAI_ERROR_DENIED);
  const gint64 ids[] = {t.item, 12345, t.volume, t.fonds};
  g_autoptr(GPtrArray) records = good(catalog_records(sql, &open_only, ids, G_N_ELEMENTS(ids), error));
  g_assert_cmpuint(records->len, ==, 2);
  g_assert_cmpint(((CatalogRecord *)records->pdata[0])->id, ==, t.item);
  g_clear_pointer(&sql, sql_end);
  tree_close(&t);
}

/* ---- changes ---- */

static gboolean update(Fixture *f, const CatalogRecord *record, gint64 rev, GError **error) {
  g_autoptr(Sql) sql = sql_write(f->db, error);
  return sql && catalog_record_update(&f->house, sql, "editor", record, rev, error) && sql_commit(sql, error);
}

static void test_update(void) {
  Tree t;
  tree_open(&t);
  g_autoptr(CatalogRecord) item = load(&t.f, t.item);
  gint64 rev = item->rev;
  good(update(&t.f, item, rev, error)); /* equal: nothing happens */
  g_autoptr(CatalogRecord) same = load(&t.f, t.item);
  g_assert_cmpint(same->rev, ==, rev);
  put_text(&item->title, "王五与李四离婚登记");
  put_text(&item->fields, "{\"nfxm\":\"王五\",\"nvxm\":\"李四\"}");
  item->opening = OPENING_CONTROLLED;
  good(update(&t.f, item, rev, error));
  g_autoptr(CatalogRecord) changed = load(&t.f, t.item);
  g_assert_cmpint(changed->rev, >, rev);
  g_assert_cmpint(count_of(&t.f, "张三"), ==, 0);
  g_assert_cmpint(count_of(&t.f, "nfxm:王五"), ==, 1);
  SearchRequest controlled = {.openings = (const gint64[]){OPENING_CONTROLLED}, .openings_count = 1};
  g_autofree char *found = found_by(&t.f, &SCOPE_EVERYTHING, controlled), *expected = g_strdup_printf("%" G_GINT64_FORMAT " ", t.item);
  g_assert_cmpstr(found, ==, expected);
  fails(update(&t.f, item, rev, error), LANTAI_ERROR_CONFLICT); /* the rev it was read at is gone */
  put_text(&item->code, "Z109-HY·1958-001");
  fails(update(&t.f, item, 0, error), LANTAI_ERROR_CONFLICT); /* the volume's code */
  g_autoptr(Sql) sql = good(sql_read(t.f.db, error));
  json_auto_t *events = good(journal_of(sql, "record", t.item, 0, 10, error));
  json_t *changes = json_object_get(json_object_get(json_array_get(events, 0), "data"), "changes");
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(changes, "title"), 0)), ==, "张三与李四结婚登记");
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(changes, "fields.nfxm"), 1)), ==, "王五");
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(changes, "opening"), 1)), ==, "控制");
  g_assert_cmpuint(json_object_size(changes), ==, 3);
  g_clear_pointer(&sql, sql_end);
  tree_close(&t);
}

static void test_move(void) {
  Tree t;
  tree_open(&t);
  g_autoptr(CatalogRecord) item = load(&t.f, t.item);
  item->parent_id = t.class;
  good(update(&t.f, item, 0, error));
  SearchRequest children = {.parent_id = t.class};
  g_autofree char *found = found_by(&t.f, &SCOPE_EVERYTHING, children), *expected = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " ", t.volume,
    t.item);
  g_assert_cmpstr(found, ==, expected);
  gint64 other = create(&t.f, record_of(0, LEVEL_FONDS, 0, "Z200", "别的全宗"));
  item->parent_id = other;
  fails(update(&t.f, item, 0, error), LANTAI_ERROR_INVALID);
  g_autoptr(CatalogRecord) fonds = load(&t.f, t.fonds);
  fonds->level = LEVEL_ITEM;
  fails(update(&t.f, fonds, 0, error), LANTAI_ERROR_INVALID);
  tree_close(&t);
}

static gboolean delete(Fixture *f, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(f->db, error);
  return sql && catalog_record_delete(&f->house, sql, "editor", id, error) && sql_commit(sql, error);
}

static void test_delete(void) {
  Tree t;
  tree_open(&t);
  fails(delete(&t.f, t.volume, error), LANTAI_ERROR_CONFLICT);
  good(delete(&t.f, t.item, error));
  fails(delete(&t.f, t.item, error), LANTAI_ERROR_NOT_FOUND);
  g_assert_cmpint(count_of(&t.f, "张三"), ==, 0);
  good(delete(&t.f, t.volume, error));
  gint64 again = create(&t.f, record_of(t.class, LEVEL_ITEM, 2, "Z109-HY·1958-001-001", "再建"));
  g_assert_cmpint(again, >, t.item); /* ids are never used twice */
  tree_close(&t);
}

/* ---- diff ---- */

static void test_diff(void) {
  g_autoptr(CatalogRecord) a = record_of(5, LEVEL_ITEM, 2, "A", "甲");
  g_autoptr(CatalogRecord) b = catalog_record_dup(a);
  b->id = 9, b->rev = 8, b->accession_id = 7, b->file_count = 6;
  g_assert_null(catalog_record_diff(a, b));
  put_text(&a->fields, "{\"x\":\"1\",\"y\":\"2\"}");
  put_text(&b->fields, "{\"y\":\"3\",\"z\":\"4\"}");
  b->level = LEVEL_VOLUME, b->category = 3, b->security = SECURITY_TOP, b->opening = OPENING_DEFERRED, b->year = 1949, b->page_count = 2, b->parent_id = 4,
    b->fonds_id = 3;
  b->date = (DateSpan){19490101, 19491231};
  put_text(&b->retention, "永久");
  put_text(&b->date_text, "1949");
  json_auto_t *diff = catalog_record_diff(a, b);
  g_assert_cmpuint(json_object_size(diff), ==, 15);
  g_autoptr(CatalogRecord) applied = catalog_record_dup(a);
  good(record_apply_diff(applied, diff, error));
  g_assert_null(catalog_record_diff(applied, b));
  json_auto_t *stored = record_store_json(b);
  g_autoptr(CatalogRecord) back = good(record_from_store_json(stored, error));
  json_auto_t *again = record_store_json(back);
  g_assert_true(json_equal(stored, again));
  json_object_set_new(stored, "level", json_string("别的"));
  fails(record_from_store_json(stored, error), LANTAI_ERROR_INVALID);
  json_auto_t *odd = json_pack("{s:[s,s]}", "no_such", "a", "b");
  fails(record_apply_diff(applied, odd, error), LANTAI_ERROR_INVALID);
}

/* ---- loads ---- */

static CatalogRecord *loaded(Tree *t, gint64 id, const char *code, const char *title) {
  CatalogRecord *record = record_of(t->class, LEVEL_ITEM, 2, code, title);
  record->id = id;
  record->fonds_id = t->fonds;
  record->accession_id = 77;
  return record;
}

static void test_put(void) {
  Tree t;
  tree_open(&t);
  g_autoptr(Sql) sql = good(sql_write(t.f.db, error));
  gint64 first = good(catalog_reserve_ids(sql, 3, error));
  g_assert_cmpint(first, >, t.item);
  catalog_bulk_begin(&t.f.house, sql);
  g_autoptr(CatalogRecord) a = loaded(&t, first, "Z109-HY-0001", "甲");
  put_text(&a->retention, "自定期限");
  g_assert_cmpint(good(catalog_record_put(&t.f.house, sql, a, NULL, error)), ==, CATALOG_PUT_CREATED);
  g_autoptr(CatalogRecord) again = loaded(&t, first + 1, "Z109-HY-0001", "甲");
  put_text(&again->retention, "自定期限");
  g_assert_cmpint(good(catalog_record_put(&t.f.house, sql, again, NULL, error)), ==, CATALOG_PUT_UNCHANGED);
  g_assert_cmpint(again->id, ==, first);
  g_assert_cmpint(again->rev, ==, a->rev);
  g_autoptr(CatalogRecord) other = loaded(&t, first + 2, "Z109-HY-0001", "乙");
  other->accession_id = 78;
  other->level = LEVEL_VOLUME;
  g_autoptr(CatalogRecord) before = NULL;
  g_assert_cmpint(good(catalog_record_put(&t.f.house, sql, other, &before, error)), ==, CATALOG_PUT_UPDATED);
  g_assert_cmpstr(before->title, ==, "甲");
  g_assert_cmpint(other->level, ==, LEVEL_ITEM);
  g_assert_cmpint(other->accession_id, ==, 77);
  g_autoptr(CatalogRecord) class_code = loaded(&t, first + 1, "Z109-HY", "与类别同号");
  fails(catalog_record_put(&t.f.house, sql, class_code, NULL, error), LANTAI_ERROR_CONFLICT);
  g_autoptr(CatalogRecord) fonds_code = loaded(&t, first + 1, "Z109", "与全宗同号");
  fails(catalog_record_put(&t.f.house, sql, fonds_code, NULL, error), LANTAI_ERROR_CONFLICT);
  g_autoptr(CatalogRecord) no_code = loaded(&t, first + 1, "", "无号");
  fails(catalog_record_put(&t.f.house, sql, no_code, NULL, error), LANTAI_ERROR_INVALID);
  gint64 last_rev = good(catalog_rev_last(sql, error));
  good(catalog_bulk_end(&t.f.house, sql, error));
  good(sql_commit(sql, error));
  g_clear_pointer(&sql, sql_end);
  g_assert_cmpint(count_of(&t.f, "乙"), ==, 1);
  g_assert_cmpint(count_of(&t.f, "title:甲"), ==, 0);
  gint64 next = create(&t.f, record_of(t.class, LEVEL_ITEM, 2, "Z109-HY-0002", "后来"));
  g_autoptr(CatalogRecord) later = load(&t.f, next);
  g_assert_cmpint(later->rev, ==, last_rev + 1); /* bulk wrote the sequence */
  g_assert_cmpint(later->id, ==, first + 3);
  tree_close(&t);
}

static void test_undo(void) {
  Tree t;
  tree_open(&t);
  g_autoptr(CatalogRecord) former = load(&t.f, t.item);
  g_autoptr(Sql) sql = good(sql_write(t.f.db, error));
  gint64 id = good(catalog_reserve_ids(sql, 1, error));
  g_autoptr(CatalogRecord) new = loaded(&t, id, "Z109-HY-0009", "新来的");
  good(catalog_record_put(&t.f.house, sql, new, NULL, error));
  g_autoptr(CatalogRecord) over = catalog_record_dup(former);
  put_text(&over->title, "改过的");
  g_autoptr(CatalogRecord) before = NULL;
  g_assert_cmpint(good(catalog_record_put(&t.f.house, sql, over, &before, error)), ==, CATALOG_PUT_UPDATED);
  good(catalog_record_restore(&t.f.house, sql, before, error));
  good(catalog_record_purge(&t.f.house, sql, id, error));
  good(catalog_record_purge(&t.f.house, sql, id, error)); /* again: nothing to do */
  fails(catalog_record_purge(&t.f.house, sql, t.volume, error), LANTAI_ERROR_CONFLICT);
  good(sql_commit(sql, error));
  g_clear_pointer(&sql, sql_end);
  g_autoptr(CatalogRecord) now = load(&t.f, t.item);
  g_assert_null(catalog_record_diff(former, now));
  g_assert_cmpint(now->rev, >, former->rev);
  g_assert_cmpint(count_of(&t.f, "改过的"), ==, 0);
  g_assert_cmpint(count_of(&t.f, "新来的"), ==, 0);
  g_assert_cmpint(count_of(&t.f, "张三"), ==, 1);
  tree_close(&t);
}

/* ---- files and pages ---- */

static gint64 add_file(Fixture *f, Sql *sql, gint64 record_id, const char *name, int pages) {
  g_autoptr(CatalogFile) file = g_new0(CatalogFile, 1);
  file->record_id = record_id;
  file->name = g_strdup(name);
  file->path = g_strconcat("files/", name, NULL);
  file->kind = g_strdup("pdf");
  file->sha512 = g_strdup("aa");
  file->sm3 = g_strdup("bb");
  file->page_count = pages;
  good(catalog_file_add(&f->house, sql, file, error));
  return file->id;
}

static void test_files(void) {
  Tree t;
  tree_open(&t);
  g_autoptr(Sql) sql = good(sql_write(t.f.db, error));
  gint64 one = add_file(&t.f, sql, t.item, "1.pdf", 2), two = add_file(&t.f, sql, t.item, "2.pdf", 1), three = add_file(&t.f, sql, t.item, "3.pdf", 2);
  good(catalog_page_text_put(&t.f.house, sql, t.item, one, 1, "第一页甘肃", error));
  good(catalog_page_text_put(&t.f.house, sql, t.item, two, 3, "第三页青海", error));
  good(catalog_page_text_put(&t.f.house, sql, t.item, three, 5, "第五页新疆", error));
  good(catalog_page_text_put(&t.f.house, sql, t.item, three, 4, "第四页", error));
  good(catalog_page_text_put(&t.f.house, sql, t.item, three, 4, NULL, error));
  fails(catalog_page_text_put(&t.f.house, sql, t.item, three, 0, "x", error), LANTAI_ERROR_INVALID);
  fails(catalog_page_text_put(&t.f.house, sql, t.item, three, 70000, "x", error), LANTAI_ERROR_INVALID);
  good(sql_commit(sql, error));
  g_clear_pointer(&sql, sql_end);
  g_assert_cmpint(count_of(&t.f, "青海"), ==, 1);
  g_assert_cmpint(count_of(&t.f, "第四页"), ==, 0);
  fails(delete(&t.f, t.item, error), LANTAI_ERROR_CONFLICT);

  sql = good(sql_write(t.f.db, error));
  g_autoptr(GPtrArray) files = good(catalog_files(sql, &SCOPE_EVERYTHING, t.item, error));
  g_assert_cmpuint(files->len, ==, 3);
  g_assert_cmpint(((CatalogFile *)files->pdata[2])->sequence, ==, 3);
  g_assert_cmpint(((CatalogFile *)files->pdata[2])->text_pages, ==, 1);
  good(catalog_file_remove(&t.f.house, sql, one, error)); /* two pages go: the third becomes the first, the fifth the third */
  g_autofree char *first = good(catalog_page_text(sql, &SCOPE_EVERYTHING, t.item, 1, error)), *third = good(catalog_page_text(sql, &SCOPE_EVERYTHING, t.item,
    3, error));
  g_assert_cmpstr(first, ==, "第三页青海");
  g_assert_cmpstr(third, ==, "第五页新疆");
  g_assert_null(good(catalog_page_text(sql, &SCOPE_EVERYTHING, t.item, 5, error)));
  good(sql_commit(sql, error));
  g_clear_pointer(&sql, sql_end);
  g_assert_cmpint(count_of(&t.f, "甘肃"), ==, 0);
  g_autoptr(CatalogRecord) item = load(&t.f, t.item);
  g_assert_cmpint(item->file_count, ==, 2);
  g_autofree char *with_files = found_by(&t.f, &SCOPE_EVERYTHING, (SearchRequest){.query = "新疆", .with_files = TRUE});
  g_assert_cmpuint(strlen(with_files), >, 0);

  sql = good(sql_write(t.f.db, error));
  good(catalog_record_purge(&t.f.house, sql, t.item, error));
  fails(catalog_file_load(sql, &SCOPE_EVERYTHING, two, error), LANTAI_ERROR_NOT_FOUND);
  good(sql_commit(sql, error));
  g_clear_pointer(&sql, sql_end);
  g_assert_cmpint(count_of(&t.f, "新疆"), ==, 0);
  tree_close(&t);
}

/* ---- rebuilding ---- */

/* Everything that happened to one archive, applied to an empty one, gives the same rows. */
static void test_replay(void) {
  Tree t;
  tree_open(&t);
  g_autoptr(CatalogRecord) item = load(&t.f, t.item);
  put_text(&item->title, "“改”\t过\n的题名");
  put_text(&item->fields, "{\"a\\\"b\":\"引\\\"号\",\"未映射 列\":\"值\"}");
  item->security = SECURITY_SECRET;
  good(update(&t.f, item, 0, error));
  gint64 gone = create(&t.f, record_of(t.class, LEVEL_ITEM, 2, "Z109-HY-0003", "要删的"));
  good(delete(&t.f, gone, error));
  Fixture copy;
  fixture_open(&copy);
  g_autoptr(Sql) from = good(sql_read(t.f.db, error));
  json_auto_t *events = good(journal_list(from, NULL, "record.", 0, 1000, error));
  for (gsize i = json_array_size(events); i > 0; i--) {
    g_autoptr(Sql) sql = good(sql_write(copy.db, error));
    good(catalog_replay(&copy.house, sql, json_array_get(events, i - 1), error));
    good(sql_commit(sql, error));
  }
  g_autofree char *old = rows_text(t.f.db), *new = rows_text(copy.db);
  g_assert_cmpstr(old, ==, new);
  g_assert_cmpint(count_of(&copy, "改 过"), ==, 1);
  g_assert_cmpint(count_of(&copy, "未映射列:值") + count_of(&copy, "ab:号"), ==, 2); /* own headers, in canonical JSON with escapes */
  json_auto_t *odd = json_pack("{s:s}", "action", "record.what");
  g_autoptr(Sql) sql = good(sql_write(copy.db, error));
  fails(catalog_replay(&copy.house, sql, odd, error), LANTAI_ERROR_INVALID);
  g_clear_pointer(&sql, sql_end);
  g_clear_pointer(&from, sql_end);
  fixture_close(&copy);
  tree_close(&t);
}

static gboolean note_progress(gint64 done, gint64 total, gpointer data) {
  *(gint64 *)data = done == total ? done : -1;
  return TRUE;
}

static gboolean stop_at_once(gint64 done, gint64 total, gpointer unused) { return FALSE; }

static void test_reindex(void) {
  Tree t;
  tree_open(&t);
  g_autoptr(Sql) sql = good(sql_write(t.f.db, error));
  gint64 file = add_file(&t.f, sql, t.item, "1.pdf", 1);
  good(catalog_page_text_put(&t.f.house, sql, t.item, file, 1, "正文有敦煌", error));
  good(sql_commit(sql, error));
  g_clear_pointer(&sql, sql_end);
  g_autofree char *all = found_by(&t.f, &SCOPE_EVERYTHING, (SearchRequest){0});
  gint64 done = 0;
  good(catalog_reindex(&t.f.house, note_progress, &done, error));
  g_assert_cmpint(done, ==, 5);
  g_autofree char *again = found_by(&t.f, &SCOPE_EVERYTHING, (SearchRequest){0});
  g_assert_cmpstr(all, ==, again);
  g_assert_cmpint(count_of(&t.f, "敦煌"), ==, 1);
  g_assert_cmpint(count_of(&t.f, "nfxm:张三"), ==, 1);
  g_autoptr(GError) stopped = NULL; /* what was sound stays so */
  g_assert_false(catalog_reindex(&t.f.house, stop_at_once, NULL, &stopped));
  g_assert_error(stopped, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_false(search_needs_rebuild(t.f.house.search));
  g_assert_cmpint(count_of(&t.f, "敦煌"), ==, 1);
  g_autoptr(CatalogRecord) item = load(&t.f, t.item);
  put_text(&item->title, "又改");
  good(update(&t.f, item, 0, error)); /* what the rebuild put can be taken out again */
  g_assert_cmpint(count_of(&t.f, "title:张三"), ==, 0);
  tree_close(&t);
}

/* ---- with the object's own description ---- */

static void remove_tree(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    if (g_file_test(child, G_FILE_TEST_IS_DIR)) remove_tree(child);
    else g_unlink(child);
  }
  g_rmdir(path);
}

static char *metadata_title(Content *content, const char *object_id) {
  g_autofree char *path = good(content_path(content, object_id, "metadata.json", error));
  json_auto_t *json = json_load_file(path, 0, NULL);
  return g_strdup(json_string_value(json_object_get(json, "title")));
}

static void test_save_with_object(void) {
  Tree t;
  tree_open(&t);
  g_autofree char *dir = g_dir_make_tmp("lantai-catalog-XXXXXX", NULL);
  Content *content = t.f.house.content = good(content_open(dir, t.f.db, error));
  g_autofree char *object_id = catalog_object_id(t.item);
  ContentStage *stage = good(content_stage_new(content, object_id, "tester", "接收", error));
  good(content_stage_add_bytes(stage, "files/1.pdf", "pdf", 3, error));
  ContentBatch *batch = content_batch_new(content);
  content_batch_take(batch, stage);
  good(content_batch_publish(batch, error));
  g_autoptr(Sql) sql = good(sql_write(t.f.db, error));
  add_file(&t.f, sql, t.item, "1.pdf", 1);
  good(content_batch_acknowledge(batch, sql, error));
  good(sql_commit(sql, error));
  g_clear_pointer(&sql, sql_end);
  content_batch_free(batch);

  g_autoptr(CatalogRecord) item = load(&t.f, t.item);
  gint64 rev = item->rev;
  put_text(&item->title, "改过一次");
  good(catalog_record_save(&t.f.house, "editor", item, rev, error));
  g_autofree char *title = metadata_title(content, object_id);
  g_assert_cmpstr(title, ==, "改过一次");
  put_text(&item->title, "迟到的修改");
  fails(catalog_record_save(&t.f.house, "late", item, rev, error), LANTAI_ERROR_CONFLICT);
  put_text(&item->title, "移到别的全宗");
  item->parent_id = create(&t.f, record_of(0, LEVEL_FONDS, 0, "Z200", "别的全宗"));
  fails(catalog_record_save(&t.f.house, "editor", item, 0, error), LANTAI_ERROR_INVALID); /* refused after the version was published: it is taken back */
  g_autofree char *unmoved = metadata_title(content, object_id);
  g_assert_cmpstr(unmoved, ==, "改过一次");
  content_close(content);
  content = t.f.house.content = good(content_open(dir, t.f.db, error)); /* recovery finds nothing to take back */
  g_autofree char *still = metadata_title(content, object_id);
  g_assert_cmpstr(still, ==, "改过一次");
  g_autoptr(CatalogRecord) now = load(&t.f, t.item);
  g_assert_cmpstr(now->title, ==, "改过一次");
  content_close(content);
  remove_tree(dir);
  tree_close(&t);
}

/* ---- speed: rows/s of new records, shown, not judged ---- */

static void test_rate(void) {
  if (!g_test_perf()) {
    g_test_skip("run with -m perf");
    return;
  }
  Tree t;
  tree_open(&t);
  enum { ROWS = 100000 };
  gint64 first = 0;
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)catalog_record_free);
  g_autoptr(Sql) sql = good(sql_write(t.f.db, error));
  first = good(catalog_reserve_ids(sql, ROWS, error));
  for (int i = 0; i < ROWS; i++) {
    g_autofree char *code = g_strdup_printf("Z109-HY·%d·Y-%06d", 1949 + i % 70, i), *title = g_strdup_printf("关于印发第%d号市民政局工作要点的通知", i);
    CatalogRecord *record = loaded(&t, first + i, code, title);
    put_text(&record->creator, "市民政局");
    put_text(&record->retention, "永久");
    put_text(&record->fields, "{\"djjg\":\"市民政局\",\"nfxm\":\"张三丰\",\"nvxm\":\"李四娘\"}");
    g_ptr_array_add(records, record);
  }
  catalog_bulk_begin(&t.f.house, sql);
  gint64 start = g_get_monotonic_time();
  for (int i = 0; i < ROWS; i++) good(catalog_record_put(&t.f.house, sql, records->pdata[i], NULL, error));
  gint64 end = g_get_monotonic_time();
  good(catalog_bulk_end(&t.f.house, sql, error));
  good(sql_commit(sql, error));
  gint64 committed = g_get_monotonic_time();
  g_test_message("put %.0f rows/s, with flush and commit %.0f rows/s", ROWS * 1e6 / (end - start), ROWS * 1e6 / (committed - start));
  g_clear_pointer(&sql, sql_end);
  tree_close(&t);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/catalog/record/create", test_create);
  g_test_add_func("/catalog/record/refused", test_refused);
  g_test_add_func("/catalog/record/gate", test_gate);
  g_test_add_func("/catalog/record/update", test_update);
  g_test_add_func("/catalog/record/move", test_move);
  g_test_add_func("/catalog/record/delete", test_delete);
  g_test_add_func("/catalog/record/diff", test_diff);
  g_test_add_func("/catalog/bulk/put", test_put);
  g_test_add_func("/catalog/bulk/undo", test_undo);
  g_test_add_func("/catalog/file", test_files);
  g_test_add_func("/catalog/replay", test_replay);
  g_test_add_func("/catalog/reindex", test_reindex);
  g_test_add_func("/catalog/save-with-object", test_save_with_object);
  g_test_add_func("/catalog/bulk/rate", test_rate);
  return g_test_run();
}
