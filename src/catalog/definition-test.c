/* Definitions: what reads and what does not, YAML there and back, values and records against fields, drafts, versions, replay. */
#include "retention.h"
#include "definition.h"
#include "test-fixture.h"

static json_t *yaml(const char *text) { return good(yaml_load_text(text, "试", error)); }

#define BASE "code: CS\ntitle: 测试档案\nfields:\n  - key: xm\n    label: 姓名\n    type: person\n    required: true\n"
#define CHOICE BASE "  - key: hylb\n    label: 婚姻类别\n    type: choice\n    values: [初婚, 再婚]\n    default: 初婚\n    group: 登记\n" \
  "  - key: zfs\n    label: 总份数\n    type: number\n    levels: [volume]\n" \
  "common:\n  - key: creator\n    required: true\n  - key: date\n    expected: true\n  - key: retention\n    values: [永久, 30年]\n"

static void test_reading(void) {
  static const char *const bad[] = {
    BASE "    values: [a]\n", BASE "    type2: x\n", BASE "    form: false\n", BASE "    expected: 1\n", BASE "  - key: b\n    label: 乙\n    type: choice\n",
    BASE "  - key: b\n    label: 乙\n    type: choice\n    values: [x, x]\n", BASE "  - key: b\n    label: 乙\n    levels: [fonds]\n",
    BASE "  - key: b\n    label: 乙\n    type: number\n    default: 三\n", BASE "common:\n  - key: code\n", BASE "common:\n  - key: creator\n    values: [x]\n",
    BASE "common:\n  - key: creator\n  - key: creator\n", BASE "  - key: b\n    label: 乙\n    public: 不\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    json_auto_t *json = yaml(bad[i]);
    fails(definition_read(json, "试", error) != NULL, LANTAI_ERROR_INVALID);
  }
  json_auto_t *json = yaml(CHOICE);
  g_autoptr(CatalogCategory) category = good(definition_read(json, "试", error));
  g_assert_cmpuint(category->field_count, ==, 3);
  g_assert_cmpuint(category->common_count, ==, 3);
  g_assert_cmpstr(definition_field(category, "hylb")->values[1], ==, "再婚");
  g_assert_cmpstr(definition_field(category, "retention")->type, ==, "choice");
  g_assert_cmpuint(definition_field(category, "zfs")->levels, ==, 1u << LEVEL_VOLUME);
  g_assert_null(definition_field(category, "docno"));
  g_autofree char *text = definition_yaml(json);
  json_auto_t *again = yaml(text);
  g_assert_true(json_equal(json, again));
  json_auto_t *odd = yaml("code: CS\ntitle: \"甲: 乙 #1\"\ntitle_rule: \"{xm}登记\"\n"
    "fields:\n  - key: xm\n    label: \"true\"\n    aliases: [\"1\", \"a, b\", \"- c\", \"“引”\", \"null\"]\n    help: \"第一行\\\"引\\\"\"\n");
  g_autofree char *odd_text = definition_yaml(odd);
  json_auto_t *odd_again = yaml(odd_text);
  g_assert_true(json_equal(odd, odd_again));
}

static void test_values(void) {
  static const struct { const char *type, *value; gboolean fits; } cases[] = {
    {"number", "12", TRUE}, {"number", "-1,234.50", TRUE}, {"number", "12页", FALSE}, {"number", "1.2.3", FALSE}, {"number", ",5", FALSE}, {"number", "", TRUE},
    {"date", "1958年3月", TRUE}, {"date", "三月间", FALSE}, {"person", "王建国；李秀英", TRUE}, {"person", "王建国2", FALSE}, {"flag", "是", TRUE}, {"flag", "1", FALSE},
    {"code", "A-01", TRUE}, {"code", "A 01", FALSE}, {"code", "A　01", FALSE}, {"body", "某局", TRUE}, {"text", "随便 1", TRUE}, {"longtext", "随便", TRUE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    CatalogField field = {.key = "x", .label = "项", .type = cases[i].type};
    g_assert_cmpint(catalog_value_problem(&field, cases[i].value) == NULL, ==, cases[i].fits);
  }
}

/* A fonds with two items and a volume of category CS, which is put in force without contradictions first. */
typedef struct {
  Fixture base;
  gint64 fonds, node, first, second, volume;
  guint8 category;
} Archive;

static void draft(Archive *a, const char *code, const char *text) {
  json_auto_t *json = yaml(text);
  {
    g_autoptr(Sql) sql = good(sql_write(a->base.db, error));
    good(definition_draft_save(&a->base.house, sql, "chen", code, json, "page", error));
    good(sql_commit(sql, error));
  }
  good(definition_check(&a->base.house, NULL, code, TRUE, error));
}

static void enforce(Archive *a, const char *code, gboolean accept) {
  g_autoptr(Sql) sql = good(sql_write(a->base.db, error));
  good(definition_enforce(&a->base.house, sql, &(DefinitionOrder){"chen", code, "试", accept, FALSE}, error));
  good(sql_commit(sql, error));
}

static gint64 add(Archive *a, gint64 parent, Level level, const char *code, const char *fields) {
  g_autoptr(Sql) sql = good(sql_write(a->base.db, error));
  g_autoptr(CatalogRecord) record = record_of(parent, level, level == LEVEL_FONDS ? 0 : a->category, code, "题名");
  record->fonds_id = a->fonds;
  put_text(&record->fields, fields);
  good(catalog_record_create(&a->base.house, sql, "chen", record, error));
  good(sql_commit(sql, error));
  return record->id;
}

static void archive_make(Archive *a) {
  memset(a, 0, sizeof *a);
  fixture_open(&a->base);
  draft(a, "CS", "code: CS\ntitle: 测试档案\nfields:\n  - key: xm\n    label: 姓名\n    type: person\n");
  enforce(a, "CS", FALSE);
  a->category = catalog_category_by_code(a->base.house.catalog, "CS")->id;
  a->fonds = add(a, 0, LEVEL_FONDS, "Q001", "{}");
  {
    g_autoptr(Sql) sql = good(sql_write(a->base.db, error));
    a->node = good(catalog_class_ensure(&a->base.house, sql, "chen", a->fonds, a->category, error));
    good(sql_commit(sql, error));
  }
  a->first = add(a, a->node, LEVEL_ITEM, "Q001-1", "{\"hylb\":\"初婚\",\"old\":\"旧\",\"xm\":\"王建国\"}");
  a->second = add(a, a->node, LEVEL_ITEM, "Q001-2", "{\"hylb\":\"复婚\"}");
  a->volume = add(a, a->node, LEVEL_VOLUME, "Q001-V1", "{\"xm\":\"李秀英\",\"zfs\":\"十份\"}");
}

static gint64 counted(json_t *check, const char *key, const char *what) {
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(check, "fields"), i, row) {
    if (g_str_equal(json_string_value(json_object_get(row, "key")), key)) return json_integer_value(json_object_get(row, what));
  }
  return 0;
}

static void test_contradictions(void) {
  Archive a;
  archive_make(&a);
  draft(&a, "CS", CHOICE);
  {
    g_autoptr(Sql) sql = good(sql_read(a.base.db, error));
    json_auto_t *check = good(definition_check_load(sql, "CS", TRUE, error));
    g_assert_cmpint(json_integer_value(json_object_get(check, "records")), ==, 3);
    g_assert_cmpint(counted(check, "xm", "missing"), ==, 1);
    g_assert_cmpint(counted(check, "hylb", "value"), ==, 1);
    g_assert_cmpint(counted(check, "zfs", "type"), ==, 1);
    g_assert_cmpint(counted(check, "creator", "missing"), ==, 3);
    g_assert_cmpint(counted(check, "date", "expected"), ==, 3);
    g_assert_cmpint(json_integer_value(json_object_get(check, "blocking")), ==, 6);
    g_assert_cmpint(json_integer_value(json_object_get(check, "advised")), ==, 3);
    json_auto_t *found = good(definition_findings(sql, json_integer_value(json_object_get(check, "id")), "hylb", 0, 10, error));
    g_assert_cmpuint(json_array_size(found), ==, 1);
    g_assert_cmpint(json_integer_value(json_object_get(json_array_get(found, 0), "id")), ==, a.second);
  }
  {
    g_autoptr(Sql) sql = good(sql_write(a.base.db, error));
    fails(definition_enforce(&a.base.house, sql, &(DefinitionOrder){"chen", "CS", "", FALSE, FALSE}, error), LANTAI_ERROR_CONFLICT);
  }
  g_assert_cmpuint(catalog_category_by_code(a.base.house.catalog, "CS")->field_count, ==, 1); /* refused: nothing changed */
  const CatalogCategory *held = catalog_category_by_code(a.base.house.catalog, "CS");
  g_autofree char *before = rows_text(a.base.db);
  enforce(&a, "CS", TRUE);
  g_autofree char *after = rows_text(a.base.db);
  g_assert_cmpstr(before, ==, after); /* no record was touched */
  g_assert_cmpuint(catalog_category_by_code(a.base.house.catalog, "CS")->field_count, ==, 3);
  g_assert_cmpuint(held->field_count, ==, 1); /* what a reader held is still there */
  g_autoptr(Sql) sql = good(sql_read(a.base.db, error));
  json_auto_t *todo = good(definition_check_load(sql, "CS", FALSE, error));
  g_assert_cmpint(json_integer_value(json_object_get(todo, "blocking")), ==, 6);
  g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, a.second, error));
  g_autoptr(CatalogRecord) edited = catalog_record_dup(record);
  put_text(&edited->title, "另一题名");
  g_assert_true(catalog_record_fits(a.base.house.catalog, record, edited, NULL)); /* what was wrong before does not stop another correction */
  static const struct { const char *key, *text; gboolean fits; } values[] = {
    {"hylb", "未婚", FALSE}, {"hylb", "再婚", TRUE}, {"xm", "王建国2", FALSE}, {"xm", "王建国", TRUE}, {"zfs", "十份", FALSE}, {"zfs", "1,200", TRUE}, {"zfs", "", TRUE},
  };
  for (guint i = 0; i < G_N_ELEMENTS(values); i++) { /* one value is held to the same rules as a whole record */
    g_autoptr(CatalogRecord) one = catalog_record_dup(record);
    g_autoptr(GError) problem = NULL;
    g_assert_cmpint(catalog_value_set(a.base.house.catalog, one, values[i].key, values[i].text, &problem), ==, values[i].fits);
    g_assert_true(values[i].fits || g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID));
  }
  put_text(&edited->fields, "{\"hylb\":\"未婚\"}");
  fails(catalog_record_fits(a.base.house.catalog, record, edited, error), LANTAI_ERROR_INVALID);
  fails(catalog_record_fits(a.base.house.catalog, NULL, record, error), LANTAI_ERROR_INVALID); /* a new one must fit */
  put_text(&edited->fields, "{\"hylb\":\"再婚\",\"xm\":\"张三\"}");
  put_text(&edited->creator, "某局");
  g_assert_true(catalog_record_fits(a.base.house.catalog, NULL, edited, NULL));
  g_clear_pointer(&sql, sql_end);
  fixture_close(&a.base);
}

static void test_drafts(void) {
  Archive a;
  archive_make(&a);
  {
    g_autoptr(Sql) sql = good(sql_write(a.base.db, error));
    json_auto_t *other = yaml("code: CS\ntitle: 甲\nfields:\n  - key: nfxm\n    label: 另一回事\n");
    fails(definition_draft_save(&a.base.house, sql, "chen", "CS", other, "page", error), LANTAI_ERROR_INVALID); /* a key that is used otherwise */
    json_auto_t *label = yaml("code: CS\ntitle: 甲\nfields:\n  - key: nan\n    label: 男方姓名\n");
    fails(definition_draft_save(&a.base.house, sql, "chen", "CS", label, "page", error), LANTAI_ERROR_INVALID);
    json_auto_t *header = yaml("code: CS\ntitle: 甲\nfields:\n  - key: xm\n    label: 姓名\n    aliases: [题名]\n");
    fails(definition_draft_save(&a.base.house, sql, "chen", "CS", header, "page", error), LANTAI_ERROR_INVALID);
    json_auto_t *code = yaml("code: CX\ntitle: 甲\n");
    fails(definition_draft_save(&a.base.house, sql, "chen", "CS", code, "page", error), LANTAI_ERROR_INVALID);
    json_auto_t *fine = yaml(BASE);
    good(definition_draft_save(&a.base.house, sql, "chen", "CS", fine, "page", error));
    fails(definition_enforce(&a.base.house, sql, &(DefinitionOrder){"chen", "CS", "", TRUE, FALSE}, error), LANTAI_ERROR_CONFLICT); /* not compared yet */
    good(sql_commit(sql, error));
  }
  good(definition_check(&a.base.house, NULL, "CS", TRUE, error));
  {
    g_autoptr(Sql) sql = good(sql_write(a.base.db, error));
    json_auto_t *later = yaml(CHOICE);
    good(definition_draft_save(&a.base.house, sql, "chen", "CS", later, "page", error));
    fails(definition_enforce(&a.base.house, sql, &(DefinitionOrder){"chen", "CS", "", TRUE, FALSE}, error), LANTAI_ERROR_CONFLICT); /* compared with another draft */
    good(definition_draft_drop(sql, "CS", error));
    fails(definition_enforce(&a.base.house, sql, &(DefinitionOrder){"chen", "CS", "", TRUE, FALSE}, error), LANTAI_ERROR_NOT_FOUND);
    good(sql_commit(sql, error));
  }
  fixture_close(&a.base);
}

static void test_removed_field(void) {
  Archive a;
  archive_make(&a);
  draft(&a, "CS", "code: CS\ntitle: 测试档案\nfields:\n  - key: hylb\n    label: 婚姻类别\n");
  enforce(&a, "CS", FALSE);
  g_autoptr(Sql) sql = good(sql_read(a.base.db, error));
  json_auto_t *todo = good(definition_check_load(sql, "CS", FALSE, error));
  g_assert_cmpuint(json_array_size(json_object_get(todo, "unknown")), ==, 3); /* xm twice, old, zfs */
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(json_object_get(todo, "unknown"), 0), "text")), ==, "xm");
  g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, a.first, error));
  json_auto_t *groups = description_groups(a.base.house.catalog, record, NULL);
  json_t *others = json_array_get(groups, 2);
  g_assert_cmpstr(json_string_value(json_object_get(others, "title")), ==, "其他");
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(json_object_get(others, "rows"), 1), "label")), ==, "姓名"); /* its name of old */
  g_clear_pointer(&sql, sql_end);
  fixture_close(&a.base);
}

static void test_staff_only(void) {
  Archive a;
  archive_make(&a);
  draft(&a, "CS", BASE "    public: false\n");
  enforce(&a, "CS", TRUE);
  g_autoptr(Sql) sql = good(sql_read(a.base.db, error));
  g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, a.first, error));
  g_assert_nonnull(strstr(record->fields, "王建国"));
  const Scope open = {.opening_mask = 1u << OPENING_UNREVIEWED | 1u << OPENING_OPEN, .all_fonds = TRUE}, reader = {.opening_mask = 1u << OPENING_OPEN, .all_fonds = TRUE};
  g_autoptr(CatalogRecord) staff = good(catalog_record_load(sql, &open, a.first, error));
  g_assert_nonnull(strstr(staff->fields, "王建国"));
  record_hide(sql, &reader, record); /* the items themselves are not open */
  g_assert_null(strstr(record->fields, "王建国"));
  g_assert_nonnull(strstr(record->fields, "初婚"));
  g_clear_pointer(&sql, sql_end);
  fixture_close(&a.base);
}

static void test_closed_stays(void) {
  Archive a;
  archive_make(&a);
  draft(&a, "CS", BASE "    public: false\n");
  enforce(&a, "CS", TRUE);
  draft(&a, "CS", "code: CS\ntitle: 测试档案\nfields:\n  - key: hylb\n    label: 婚姻类别\n");
  {
    g_autoptr(Sql) sql = good(sql_write(a.base.db, error));
    fails(definition_enforce(&a.base.house, sql, &(DefinitionOrder){"chen", "CS", "", TRUE, FALSE}, error), LANTAI_ERROR_CONFLICT); /* would be open */
  }
  draft(&a, "CS", "code: CS\ntitle: 测试档案\nfields:\n  - key: hylb\n    label: 婚姻类别\n  - key: xm2\n    label: 当事人\n    public: false\n    was: [xm]\n");
  enforce(&a, "CS", TRUE);
  fixture_close(&a.base);
}

/* What readers and the staff find, as ids. */
static void finds(Archive *a, const char *query, const char *reader_ids, const char *staff_ids) {
  const Scope reader = {.opening_mask = 1u << OPENING_OPEN, .all_fonds = TRUE};
  SearchRequest ask = {.query = query};
  g_autofree char *open = found_by(&a->base, &reader, ask), *all = found_by(&a->base, &SCOPE_EVERYTHING, ask);
  g_assert_cmpstr(open, ==, reader_ids);
  g_assert_cmpstr(all, ==, staff_ids);
}

/* What is joined is taken away afterwards, which fails or not. */
static void forbid_joining(Archive *a, gboolean forbidden) {
  if (forbidden) good(search_optimize(a->base.house.search, error));
  g_autoptr(Sql) sql = good(sql_write(a->base.db, error));
  sql_guard(sql, FALSE);
  if (forbidden) good(sql_exec(sql, "CREATE TRIGGER forbidden BEFORE DELETE ON search_text_data BEGIN SELECT RAISE(ABORT, 'forbidden'); END", SQL_NONE, error));
  else good(sql_exec(sql, "DROP TRIGGER forbidden", SQL_NONE, error));
  sql_guard(sql, TRUE);
  good(sql_commit(sql, error));
}

/* The index is what the records say. */
static void index_is_right(Archive *a) {
  search_set_records_source(a->base.house.search, catalog_search_records, &a->base.house);
  for (gint64 after = 0; (after = search_compare(a->base.house.search, after, 100)) != 0;) continue;
  g_assert_false(search_needs_rebuild(a->base.house.search));
}

static void test_index_follows(void) {
  Archive a;
  archive_make(&a);
  {
    g_autoptr(Sql) sql = good(sql_write(a.base.db, error));
    g_autoptr(CatalogRecord) record = good(record_by_id(sql, a.first, error)), open = catalog_record_dup(record);
    open->opening = OPENING_OPEN;
    open->security = SECURITY_PUBLIC;
    good(catalog_record_update(&a.base.house, sql, "chen", open, 0, error));
    good(sql_commit(sql, error));
  }
  g_autofree char *first = g_strdup_printf("%" G_GINT64_FORMAT " ", a.first);
  finds(&a, "王建国", first, first);
  draft(&a, "CS", BASE "    public: false\n");
  json_auto_t *order = json_pack("{s:s, s:s, s:b, s:I}", "code", "CS", "note", "收", "accept", 1, "draft", (json_int_t)1);
  fails(job_run_now(&a.base.house, definition_enforce_job, order, "chen", FALSE, error), LANTAI_ERROR_CONFLICT); /* another draft than the one that was read */
  {
    g_autoptr(Sql) sql = good(sql_read(a.base.db, error));
    json_auto_t *read = good(definition_draft_load(sql, "CS", error));
    json_object_set(order, "draft", json_object_get(read, "at"));
  }
  forbid_joining(&a, TRUE);
  GLogLevelFlags fatal = g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK); /* it is a warning */
  good(job_run_now(&a.base.house, definition_enforce_job, order, "chen", FALSE, error)); /* it is in force, joined or not */
  g_log_set_always_fatal(fatal);
  g_assert_false(search_optimize(a.base.house.search, NULL));
  forbid_joining(&a, FALSE);
  good(job_run_now(&a.base.house, definition_enforce_job, order, "chen", FALSE, error)); /* again after a crash: nothing is left to do */
  g_assert_false(search_needs_rebuild(a.base.house.search));
  finds(&a, "王建国", "", first);
  finds(&a, "姓名:王建国", "", first);
  finds(&a, "旧", first, first);
  {
    g_autoptr(Sql) sql = good(sql_read(a.base.db, error));
    json_auto_t *versions = good(definition_versions(sql, a.category, error));
    g_assert_cmpuint(json_array_size(versions), ==, 2);
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(versions, 0), "note")), ==, "收");
  }
  draft(&a, "CS", BASE);
  good(job_run_now(&a.base.house, definition_enforce_job, order, "chen", FALSE, error)); /* nor when the next draft is there already, which stays one */
  finds(&a, "王建国", "", first);
  json_object_set_new(order, "note", json_string("又"));
  fails(job_run_now(&a.base.house, definition_enforce_job, order, "chen", FALSE, error), LANTAI_ERROR_CONFLICT);
  enforce(&a, "CS", TRUE);
  finds(&a, "王建国", first, first);
  index_is_right(&a);
  fixture_close(&a.base);
}

/* So many slices of one record each toward these keys being closed. */
static void steps(Archive *a, const char *aim, int count) {
  gboolean more = TRUE;
  gint64 reached;
  for (int i = 0; i < count && more; i++) good(closing_step(&a->base.house, a->category, aim, 0, &more, &reached, error));
}

static void rename_to(Archive *a, gint64 id, const char *fields) {
  g_autoptr(Sql) sql = good(sql_write(a->base.db, error));
  g_autoptr(CatalogRecord) record = good(record_by_id(sql, id, error)), open = catalog_record_dup(record);
  open->opening = OPENING_OPEN;
  open->security = SECURITY_PUBLIC;
  put_text(&open->fields, fields);
  good(catalog_record_update(&a->base.house, sql, "chen", open, 0, error));
  good(sql_commit(sql, error));
}

static gint64 closing_rows(Archive *a) {
  g_autoptr(Sql) sql = good(sql_read(a->base.db, error));
  return sql_number(sql, "SELECT COUNT(*) AS n FROM category_closing", SQL_NONE, -1, NULL);
}

/* At every slice others save records that it has passed and such that it has not; the job that goes on, or gives up, finds its way from there. */
static void test_slices(void) {
  for (int slices = 1; slices <= 6; slices++) {
    Archive a;
    archive_make(&a);
    rename_to(&a, a.first, "{\"xm\":\"赵小川\"}");
    rename_to(&a, a.second, "{\"xm\":\"赵小川\"}");
    g_autofree char *both = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " ", a.first, a.second);
    g_autofree char *second = g_strdup_printf("%" G_GINT64_FORMAT " ", a.second);
    finds(&a, "赵小川", both, both);
    draft(&a, "CS", BASE "    public: false\n");
    steps(&a, "xm", slices);
    rename_to(&a, a.first, "{\"xm\":\"钱大海\"}");
    index_is_right(&a);
    finds(&a, "钱大海 OR 赵小川", slices <= 2 ? both : slices == 3 ? second : "", both); /* fonds, class, first, second, volume */
    gint64 late = add(&a, a.node, LEVEL_ITEM, "C-9", "{\"xm\":\"孙一\"}");
    if (slices % 2 == 0) { /* another draft came in between: back to what is in force */
      json_auto_t *old = json_pack("{s:s, s:s, s:b, s:I}", "code", "CS", "note", "收", "accept", 1, "draft", (json_int_t)1);
      fails(job_run_now(&a.base.house, definition_enforce_job, old, "chen", FALSE, error), LANTAI_ERROR_CONFLICT);
      g_assert_cmpint(closing_rows(&a), ==, 0);
      finds(&a, "钱大海 OR 赵小川", both, both);
      index_is_right(&a);
    }
    json_auto_t *order = json_pack("{s:s, s:s, s:b}", "code", "CS", "note", "收", "accept", 1);
    {
      g_autoptr(Sql) sql = good(sql_read(a.base.db, error));
      json_auto_t *read = good(definition_draft_load(sql, "CS", error));
      json_object_set(order, "draft", json_object_get(read, "at"));
    }
    good(job_run_now(&a.base.house, definition_enforce_job, order, "chen", FALSE, error));
    finds(&a, "钱大海 OR 赵小川", "", both);
    rename_to(&a, late, "{\"xm\":\"赵小川\"}");
    rename_to(&a, late, "{\"xm\":\"孙一\"}");
    finds(&a, "赵小川", "", second);
    g_assert_cmpint(closing_rows(&a), ==, 0);
    index_is_right(&a);
    draft(&a, "CS", BASE);
    {
      g_autoptr(Sql) sql = good(sql_write(a.base.db, error));
      good(definition_enforce(&a.base.house, sql, &(DefinitionOrder){"chen", "CS", "试", TRUE, TRUE}, error)); /* and here the program died */
      good(sql_commit(sql, error));
    }
    finds(&a, "钱大海 OR 赵小川", "", both);
    steps(&a, "", slices);
    rename_to(&a, a.second, "{\"xm\":\"李四维\"}");
    index_is_right(&a);
    gboolean stopped;
    good(closing_move(&a.base.house, a.category, "", NULL, &stopped, error));
    finds(&a, "钱大海 OR 李四维", both, both);
    g_assert_cmpint(closing_rows(&a), ==, 0);
    index_is_right(&a);
    fixture_close(&a.base);
  }
}

static char *versions_text(SqlDb *db) {
  g_autoptr(Sql) sql = good(sql_read(db, error));
  json_auto_t *all = json_pack("[o, o]", good(sql_json(sql, "SELECT * FROM category ORDER BY id", SQL_NONE, error)),
    good(sql_json(sql, "SELECT * FROM category_version ORDER BY category, version", SQL_NONE, error)));
  return json_dumps(all, JSON_SORT_KEYS);
}

static void test_replay(void) {
  Archive a;
  archive_make(&a);
  draft(&a, "CS", CHOICE);
  enforce(&a, "CS", TRUE);
  draft(&a, "WS", "id: 1\ncode: WS\ntitle: 文书\nfields:\n  - key: wz\n    label: 文种\n");
  enforce(&a, "WS", FALSE);
  g_autofree char *wanted = versions_text(a.base.db);
  Fixture other;
  fixture_open(&other);
  {
    g_autoptr(Sql) from = good(sql_read(a.base.db, error));
    json_auto_t *events = good(journal_list(from, NULL, "category.", 0, 100, error));
    g_assert_cmpuint(json_array_size(events), ==, 3);
    for (gsize i = json_array_size(events); i-- > 0;) {
      g_autoptr(Sql) sql = good(sql_write(other.db, error));
      good(catalog_category_replay(&other.house, sql, json_array_get(events, i), error));
      good(sql_commit(sql, error));
    }
  }
  g_autofree char *rebuilt = versions_text(other.db);
  g_assert_cmpstr(rebuilt, ==, wanted);
  g_assert_cmpstr(catalog_category_by_code(other.house.catalog, "WS")->title, ==, "文书");
  fixture_close(&other);
  fixture_close(&a.base);
}

static void test_changes(void) {
  json_auto_t *before = yaml(BASE);
  json_auto_t *after = yaml(CHOICE);
  json_auto_t *changes = definition_changes(before, after);
  g_assert_cmpuint(json_array_size(changes), ==, 5);
  json_auto_t *same = definition_changes(after, after);
  g_assert_cmpuint(json_array_size(same), ==, 0);
  json_auto_t *turned = json_deep_copy(after);
  json_t *fields = json_object_get(turned, "fields");
  json_array_insert(fields, 0, json_array_get(fields, 2));
  json_array_remove(fields, 3);
  json_auto_t *order = definition_changes(after, turned);
  g_assert_cmpuint(json_array_size(order), ==, 1);
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(order, 0), "after")), ==, "总份数、姓名、婚姻类别");
}

/* Which 保管期限 may be written where; what a category lists comes before all else. */
static void test_retention(void) {
  Fixture f;
  fixture_open(&f);
  const Catalog *catalog = f.house.catalog;
  const CatalogCategory *papers = catalog_category_by_code(catalog, "WS"), *marriages = catalog_category_by_code(catalog, "HY");
  static const struct { const char *text; int year; gboolean papers, marriages; } CASES[] = {
    {"", 2010, TRUE, TRUE}, {"永久", 2010, TRUE, TRUE},
    {"30年", 2010, TRUE, TRUE}, {"定期30年", 2010, TRUE, TRUE}, {"定期（10年）", 2010, TRUE, TRUE}, {"D30", 2010, TRUE, TRUE},
    {"100年", 1950, TRUE, TRUE}, {"长期", 1999, TRUE, TRUE}, {"长期", 2006, TRUE, TRUE}, {"长期", 2007, FALSE, TRUE}, {"短期", 2010, FALSE, TRUE}, {"长期", 0, TRUE, TRUE},
    {"永远", 1999, FALSE, FALSE}, {"长长期", 1999, FALSE, FALSE},
    {"101年", 1999, FALSE, FALSE}, {"0年", 1999, FALSE, FALSE}, {"年", 1999, FALSE, FALSE}, {"30", 1999, FALSE, FALSE},
    {"30年期", 1999, FALSE, FALSE}, {"定期（30年", 1999, FALSE, FALSE}, {"D", 1999, TRUE, TRUE},
    {"30 年", 1999, FALSE, FALSE}, {"9999999999999999年", 1999, FALSE, FALSE}};
  for (guint i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autofree char *first = catalog_retention_problem(catalog, papers, CASES[i].year, CASES[i].text);
    g_autofree char *second = catalog_retention_problem(catalog, marriages, CASES[i].year, CASES[i].text);
    g_test_message("%s %d: %s", CASES[i].text, CASES[i].year, first ? first : "");
    g_assert_true((first == NULL) == CASES[i].papers && (second == NULL) == CASES[i].marriages);
  }
  const char *const listed[] = {"永久", "100年", NULL};
  const CatalogField only = {.key = "retention", .label = "保管期限", .type = "choice", .values = listed};
  const CatalogCategory strict = {.code = "HY", .title = "婚姻档案", .common_count = 1, .common = &only};
  g_autofree char *refused = catalog_retention_problem(catalog, &strict, 1999, "30年"), *kept = catalog_retention_problem(catalog, &strict, 1999, "100年");
  g_assert_cmpstr(refused, ==, "婚姻档案的保管期限只能是永久、100年");
  g_assert_null(kept);
  fixture_close(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/definition/reading", test_reading);
  g_test_add_func("/definition/values", test_values);
  g_test_add_func("/definition/contradictions", test_contradictions);
  g_test_add_func("/definition/drafts", test_drafts);
  g_test_add_func("/definition/removed-field", test_removed_field);
  g_test_add_func("/definition/staff-only", test_staff_only);
  g_test_add_func("/definition/closed-stays", test_closed_stays);
  g_test_add_func("/definition/index-follows", test_index_follows);
  g_test_add_func("/definition/slices", test_slices);
  g_test_add_func("/definition/replay", test_replay);
  g_test_add_func("/definition/changes", test_changes);
  g_test_add_func("/definition/retention", test_retention);
  return g_test_run();
}
