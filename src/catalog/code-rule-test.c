/* Rules of codes: every generation taken apart, made and held against its rule; the next number; broken rules in YAML; former codes. */
#include "code-survey.h"
#include "settings.h"
#include "test-fixture.h"

static CodeUse use_of(const CodeRules *rules, const char *key, const char *fonds, const char *category) {
  CodeUse use = {.fonds = fonds, .category = category};
  g_autoptr(GPtrArray) none = g_ptr_array_new();
  code_use_fit(&use, code_rules_find(rules, key), none);
  return use;
}

static void test_generations(void) {
  static const struct { const char *rule, *fonds, *category, *code; Level level; guint number, width; const char *scope; } cases[] = {
    {"dat13-2022-piece", "Z109", "WS", "Z109-WS·2011·Y·办公室-0001", LEVEL_ITEM, 1, 4, "i\tZ109\tWS\t2011\tY\t办公室"},
    {"dat13-2022-piece", "Z008", "WS", "Z008-WS·2019·Y-037", LEVEL_ITEM, 37, 3, "i\tZ008\tWS\t2019\tY"},
    {"dat13-2022-piece", "A439", "WS", "A439-WS·2015·D30·003-005", LEVEL_ITEM, 5, 3, "i\tA439\tWS\t2015\tD30\t003"},
    {"dat13-2022-piece", "K021", "ZP", "K021-ZP·2019·D30-025", LEVEL_ITEM, 25, 3, "i\tK021\tZP\t2019\tD30"},
    {"dat13-2022-piece", "Q001", "HY", "Q001-ZY·HY·1998·Y-0012", LEVEL_ITEM, 12, 4, "i\tQ001\tZY·HY\t1998\tY"},
    {"dat13-2022-piece", "C015", "WY", "C015-WY·TZGG·2019·D10-00001", LEVEL_ITEM, 1, 5, "i\tC015\tWY·TZGG\t2019\tD10"},
    {"dat13-2022-volume", "J019", "ZY", "J019-ZY·JC·CC·2019·D30-001", LEVEL_VOLUME, 1, 3, "v\tJ019\tZY·JC·CC\t2019\tD30"},
    {"dat13-2022-volume", "J019", "ZY", "J019-ZY·JC·CC·2019·D30-001-007", LEVEL_ITEM, 7, 3, "i\tJ019\tZY·JC·CC\t2019\tD30\t001"},
    {"dat13-2022-volume-year", "J019", "KU", "J019-KU·01·2017-001-001", LEVEL_ITEM, 1, 3, "i\tJ019\tKU·01\t2017\t001"},
    {"dat13-2022-project", "X032", "KJ", "X032-KJ·JJ·02-005-054", LEVEL_ITEM, 54, 3, "i\tX032\tKJ·JJ\t02\t005"},
    {"dat13-2022-volume", "K021", "ZP", "K021-ZP·2019·D30-025-005", LEVEL_ITEM, 5, 3, "i\tK021\tZP\t2019\tD30\t025"},
    {"dat13-2022-piece", "B168", "SW", "B168-SW·2015·Y-001", LEVEL_ITEM, 1, 3, "i\tB168\tSW\t2015\tY"},
    {"dat13-2022-project-piece", "X032", "KJ", "X032-KJ·KY·01-003", LEVEL_ITEM, 3, 3, "i\tX032\tKJ·KY\t01"},
    {"dat13-1994-page", "C038", "WS", "C038-001-002-003", LEVEL_ITEM, 3, 3, "i\tC038\t001\t002"},
    {"dat13-2022-plain", "A002", "RS", "A002-RS-001-002", LEVEL_ITEM, 2, 3, "i\tA002\tRS\t001"},
    {"dat22-2015-piece", "Z109", "WS", "Z109-WS·2011-Y-BGS-0001", LEVEL_ITEM, 1, 4, "i\tZ109\tWS\t2011\tY\tBGS"},
    {"dat22-2015-piece", "Z109", "WS", "Z109-WS·2011-D30-0410", LEVEL_ITEM, 410, 4, "i\tZ109\tWS\t2011\tD30"},
    {"dat13-1994-volume", "C038", "WS", "C038-001-002", LEVEL_VOLUME, 2, 3, "v\tC038\t001"},
    {"dat13-1994-volume", "C038", "WS", "C038-001-002-003", LEVEL_ITEM, 3, 3, "i\tC038\t001\t002"},
    {"fixed-volume", "A001", "WS", "A001195800100120034", LEVEL_ITEM, 34, 4, "i\tA001\t1958\t001\t0012"},
    {"fixed-piece", "A001", "WS", "A0012011D3000010007", LEVEL_ITEM, 7, 4, "i\tA001\t2011\tD30\t0001"},
  };
  g_autoptr(CodeRules) rules = good(code_rules_load(NULL, error));
  g_assert_cmpuint(code_rules_count(rules), ==, 11);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    CodeUse use = use_of(rules, cases[i].rule, cases[i].fonds, cases[i].category);
    CodeMatch match;
    g_test_message("%s", cases[i].code);
    g_assert_true(code_match(&use, cases[i].level, cases[i].code, &match));
    g_assert_cmpuint(match.number, ==, cases[i].number);
    g_assert_cmpuint(match.width, ==, cases[i].width);
    g_autofree char *scope = code_scope(&use, cases[i].level, cases[i].code, &match);
    g_assert_cmpstr(scope, ==, cases[i].scope);
    g_autofree char *wide = g_strconcat(cases[i].code, "x", NULL), *other = g_strconcat("Y", cases[i].code + 1, NULL);
    g_assert_false(code_match(&use, cases[i].level, wide, &match) || code_match(&use, cases[i].level, other, &match));
  }
  for (guint i = 0; i < code_rules_count(rules); i++) { /* each rule's example is one */
    const CodeRule *rule = code_rules_at(rules, i);
    g_autofree char *fonds = g_strndup(rule->example, 4), *category = g_strdup(strlen(rule->example) > 7 ? rule->example + 5 : "WS");
    category[strspn(category, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] = '\0';
    CodeUse use = use_of(rules, rule->key, fonds, category[0] ? category : "WS");
    CodeMatch match;
    g_assert_true(code_match(&use, LEVEL_ITEM, rule->example, &match));
  }
}

/* Each rule, with the examples of DA/T 13-2022 and DA/T 22-2015: the record before, the code of the next one as the program numbers it, and that it finds no fault in it,
 * but one when the code says something else than the description. */
typedef struct {
  const char *rule, *category, *class, *volume; /* class: code of a class node below the category's; volume: code of the volume; NULL: none */
  Level level;
  int year;
  const char *retention, *fields, *before;
  int before_pages;
  const char *next, *wrong, *problem;
} Made;
static const Made MADE[] = {
  {"dat13-2022-piece", "WS", NULL, NULL, LEVEL_ITEM, 2011, "永久", "{\"jgwt\":\"办公室\"}", NULL, 0, "Z109-WS·2011·Y·办公室-0001", "Z109-WS·2011·Y·人事科-0001", "机构"},
  {"dat13-2022-piece", "WS", NULL, NULL, LEVEL_ITEM, 2019, "永久", "{}", "Z008-WS·2019·Y-036", 0, "Z008-WS·2019·Y-037", "Z008-WS·2018·Y-037", "年度"},
  {"dat13-2022-piece", "WS", NULL, NULL, LEVEL_ITEM, 2015, "30年", "{\"jgwt\":\"003\"}",
    "A439-WS·2015·D30·003-004", 0, "A439-WS·2015·D30·003-005", "A439-WS·2015·D10·003-005", "保管期限"},
  {"dat13-2022-piece", "WY", "C015-WY·TZGG", NULL, LEVEL_ITEM, 2019, "10年", "{}",
    "C015-WY·TZGG·2019·D10-00000", 0, "C015-WY·TZGG·2019·D10-00001", "C015-WY·TZGG·2019·D10-0001", "应为 5 位"},
  {"dat13-2022-piece", "SW", NULL, NULL, LEVEL_ITEM, 2015, "永久", "{}", "B168-SW·2015·Y-000", 0, "B168-SW·2015·Y-001", "B168-SW·2015-001", "保管期限"},
  {"dat13-2022-piece", "HY", NULL, NULL, LEVEL_ITEM, 1998, "永久", "{}", "Q001-ZY·HY·1998·Y-0011", 0, "Q001-ZY·HY·1998·Y-0012", "Q001-ZY·1998·Y-0012", "类别号"},
  {"dat13-2022-piece", "WS", "Z109-WS·2011", NULL, LEVEL_ITEM, 2011, "永久", "{}", NULL, 0, "Z109-WS·2011·Y-0001", "Z109-WS·2011·2011·Y-0001", "保管期限"},
  {"dat13-2022-piece", "HY", "Q001-HY·1998·Y", NULL, LEVEL_ITEM, 1998, "永久", "{}", NULL, 0, "Q001-ZY·HY·1998·Y-0001", "Q001-ZY·HY·1998-0001", "保管期限"},
  {"dat13-2022-volume", "SS", "J019-ZY·SS·CC·2019", NULL, LEVEL_VOLUME, 2019, "30年", "{}",
    NULL, 0, "J019-ZY·SS·CC·2019·D30-001", "J019-ZY·SS·CC·2018·D30-001", "年度"},
  {"dat13-2022-volume", "SS", "J019-ZY·SS·CC", NULL, LEVEL_VOLUME, 2019, "30年", "{}",
    "J019-ZY·SS·CC·2019·D30-001", 0, "J019-ZY·SS·CC·2019·D30-002", "J019-ZY·SS·CC·2019·D30-2", "案卷号有 1 位"},
  {"dat13-2022-volume", "SS", "J019-ZY·SS·CC", "J019-ZY·SS·CC·2019·D30-001", LEVEL_ITEM, 2019, "30年", "{}",
    NULL, 0, "J019-ZY·SS·CC·2019·D30-001-001", "J019-ZY·SS·CC·2019·D30-002-001", "所在案卷"},
  {"dat13-2022-volume", "ZP", NULL, "K021-ZP·2019·D30-025", LEVEL_ITEM, 2019, "30年", "{}",
    "K021-ZP·2019·D30-025-004", 0, "K021-ZP·2019·D30-025-005", "K021-ZP·2019·D30-025", "件号"},
  {"dat13-2022-volume-year", "KU", "J019-KU·01", NULL, LEVEL_VOLUME, 2017, "", "{}", "J019-KU·01·2017-004", 0, "J019-KU·01·2017-005", "J019-KU·01·2016-005", "年度"},
  {"dat13-2022-volume-year", "KU", "J019-KU·01", "J019-KU·01·2017-001", LEVEL_ITEM, 2017, "", "{}",
    NULL, 0, "J019-KU·01·2017-001-001", "J019-KU·01·2017-001-01", "件号有 2 位"},
  {"dat13-2022-project", "KJ", "X032-KJ·JJ", NULL, LEVEL_VOLUME, 0, "", "{\"xmbh\":\"02\"}",
    "X032-KJ·JJ·02-004", 0, "X032-KJ·JJ·02-005", "X032-KJ·JJ·03-005", "项目号"},
  {"dat13-2022-project", "KJ", "X032-KJ·JJ", "X032-KJ·JJ·02-005", LEVEL_ITEM, 0, "", "{}",
    "X032-KJ·JJ·02-005-053", 0, "X032-KJ·JJ·02-005-054", "X032-KJ·JJ·02-005-054/3", "末尾多出"},
  {"dat13-2022-project-piece", "KJ", "X032-KJ·KY", NULL, LEVEL_ITEM, 0, "", "{\"xmbh\":\"01\"}",
    "X032-KJ·KY·01-002", 0, "X032-KJ·KY·01-003", "X032-KJ·KY·02-003", "项目号"},
  {"dat13-2022-plain", "RS", NULL, NULL, LEVEL_VOLUME, 0, "", "{}", NULL, 0, "A002-RS-001", "A002-RS-1", "案卷号有 1 位"},
  {"dat13-2022-plain", "RS", NULL, "A002-RS-001", LEVEL_ITEM, 0, "", "{}", "A002-RS-001-001", 0, "A002-RS-001-002", "A002-KJ-001-002", "类别号"},
  {"dat22-2015-piece", "WS", NULL, NULL, LEVEL_ITEM, 2011, "永久", "{\"jgwt\":\"BGS\"}", NULL, 0, "Z109-WS·2011-Y-BGS-0001", "Z109-WS·2011·Y·BGS-0001", "应为“-”和保管期限"},
  {"dat22-2015-piece", "WS", NULL, NULL, LEVEL_ITEM, 2011, "30年", "{}", "Z109-WS·2011-D30-0409", 0, "Z109-WS·2011-D30-0410", "Z109-WS·2011-D30-410", "应为 4 位"},
  {"dat13-1994-volume", "WS", NULL, NULL, LEVEL_VOLUME, 1958, "", "{}", "C038-001-001", 0, "C038-001-002", "C038-1958-01-002", "末尾多出"},
  {"dat13-1994-volume", "WS", NULL, "C038-001-002", LEVEL_ITEM, 1958, "", "{}", "C038-001-002-002", 7, "C038-001-002-003", "C038-001-003-003", "所在案卷"},
  {"dat13-1994-page", "WS", NULL, "C038-001-002", LEVEL_ITEM, 1958, "", "{}", "C038-001-002-003", 7, "C038-001-002-010", "C038-001-002-10", "页号有 2 位"},
  {"fixed-volume", "WS", NULL, NULL, LEVEL_VOLUME, 1958, "", "{\"mlh\":\"7\"}", NULL, 0, "A00119580070001", "A0011958007001", "案卷号有 3 位"},
  {"fixed-volume", "WS", NULL, "A00119580010012", LEVEL_ITEM, 1958, "", "{}", "A001195800100120034", 5, "A001195800100120039", "A001195800100130039", "所在案卷"},
  {"fixed-volume", "WS", NULL, "A00119580010012", LEVEL_ITEM, 1958, "", "{}", "A001195800100120034", 0, "A001195800100120035", "A001195900100120035", "所在案卷"},
  {"fixed-piece", "WS", NULL, NULL, LEVEL_ITEM, 2011, "永久", "{\"flh\":\"12\"}", "A0012011YJ000120006", 0, "A0012011YJ000120007", "A0012011D3000120007", "保管期限"},
};

static gint64 put_record(Fixture *f, Sql *sql, gint64 parent, Level level, guint8 category, const char *code, int pages) {
  g_autoptr(CatalogRecord) record = record_of(parent, level, category, code, "题名");
  record->page_count = pages;
  good(catalog_record_create(&f->house, sql, "t", record, error));
  return record->id;
}

static void test_made(void) {
  g_autoptr(GHashTable) made = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < G_N_ELEMENTS(MADE); i++) {
    const Made *m = &MADE[i];
    Fixture f;
    fixture_open(&f);
    g_autoptr(Sql) sql = good(sql_write(f.db, error));
    g_autofree char *fonds_code = g_strndup(m->next, 4);
    gint64 fonds = good(catalog_fonds_ensure(&f.house, sql, "t", fonds_code, "某局", error));
    guint8 category = catalog_category_by_code(f.house.catalog, m->category)->id;
    gint64 parent = good(catalog_class_ensure(&f.house, sql, "t", fonds, category, error));
    if (m->class != NULL) parent = put_record(&f, sql, parent, LEVEL_CLASS, category, m->class, 0);
    if (m->volume != NULL) parent = put_record(&f, sql, parent, LEVEL_VOLUME, category, m->volume, 0);
    json_auto_t *chosen = json_pack("{s:s, s:{s:I, s:i, s:s, s:i, s:i}}", "action", "code.choose", "data", "fonds", (json_int_t)fonds, "category", category, "rule",
      m->rule, "volume_width", 0, "item_width",
        m->before == NULL ? 0 : (int)strlen(m->before) - (int)(strrchr(m->before, '-') ? strrchr(m->before, '-') + 1 - m->before : 15));
    good(catalog_code_replay(&f.house, sql, chosen, error));
    if (m->before != NULL) put_record(&f, sql, parent, m->level, category, m->before, m->before_pages);
    g_autoptr(CatalogRecord) record = record_of(parent, m->level, category, "", "题名");
    record->fonds_id = fonds;
    record->year = m->year;
    put_text(&record->retention, m->retention);
    put_text(&record->fields, m->fields);
    g_test_message("%s %s", m->rule, m->next);
    record->code = (g_free(record->code), good(catalog_code_generate(&f.house, sql, record, error)));
    g_assert_cmpstr(record->code, ==, m->next);
    g_autofree char *right = good(catalog_code_check(&f.house, sql, record, error));
    g_assert_cmpstr(right, ==, NULL);
    put_text(&record->code, m->wrong);
    g_autofree char *wrong = good(catalog_code_check(&f.house, sql, record, error));
    if (wrong == NULL || strstr(wrong, m->problem) == NULL) g_error("%s: %s", m->wrong, wrong ? wrong : "(none)");
    g_hash_table_add(made, (gpointer)m->rule);
    sql_end(g_steal_pointer(&sql));
    fixture_close(&f);
  }
  g_autoptr(CodeRules) rules = good(code_rules_load(NULL, error));
  g_assert_cmpuint(g_hash_table_size(made), ==, code_rules_count(rules)); /* a rule that comes to codes.yaml comes here too */
}

static void test_broken_definitions(void) {
  static const struct { const char *yaml, *word; } cases[] = {
    {"rules: []", "rules"},
    {"rule: 1", "不认识“rule”"},
    {"rules: [{key: a, title: 甲, parts: [{part: fonds}, {part: item}, {part: year}]}]", "第 2 个组成部分"},
    {"rules: [{key: a, title: 甲, parts: [{part: fonds}, {part: nothing, before: \"-\"}]}]", "part 应为"},
    {"rules: [{key: a, title: 甲, parts: [{part: fonds}, {part: category, before: \"-\"}, {part: item, width: 4}]}]", "歧义"},
    {"rules: [{key: a, title: 甲, parts: [{part: fonds}, {part: item, before: \"-\", width: 40}]}]", "width"},
    {"rules: [{key: a, title: 甲, parts: [{part: fonds}, {part: retention, before: \"-\"}, {part: item, before: \"-\"}]}]", "没有 map"},
    {"rules: [{key: a, title: 甲, counter: [year], parts: [{part: fonds}, {part: item, before: \"-\"}]}]", "counter"},
    {"rules: [{key: a, title: 甲, parts: [{part: fonds}, {part: item, before: \"-\"}]}, "
     "{key: a, title: 乙, parts: [{part: fonds}, {part: item, before: \"-\"}]}]", "第 2 条规则 a"},
    {"rules: [{key: a, title: 甲, unique: town, parts: [{part: fonds}, {part: item, before: \"-\"}]}]", "unique"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    json_auto_t *document = yaml_load_text(cases[i].yaml, "codes.yaml", &error);
    g_assert_no_error(error);
    g_assert_null(code_rules_read(document, "codes.yaml", &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "codes.yaml"));
    if (strstr(error->message, cases[i].word) == NULL) g_error("%s: %s", cases[i].yaml, error->message);
  }
}

/* ---- over records ---- */

typedef struct { Fixture f; gint64 fonds, class; } Place;

static Sql *place_open(Place *p) {
  fixture_open(&p->f);
  Sql *sql = good(sql_write(p->f.db, error));
  p->fonds = good(catalog_fonds_ensure(&p->f.house, sql, "t", "Z109", "某局", error));
  p->class = good(catalog_class_ensure(&p->f.house, sql, "t", p->fonds, 1, error));
  return sql;
}

static CatalogRecord *piece(const Place *p, int year, const char *retention, const char *organ, const char *code) {
  CatalogRecord *record = record_of(p->class, LEVEL_ITEM, 1, code, "题名");
  record->fonds_id = p->fonds;
  record->year = year;
  put_text(&record->retention, retention);
  if (organ != NULL) {
    g_free(record->fields);
    record->fields = g_strdup_printf("{\"jgwt\":\"%s\"}", organ);
  }
  return record;
}

static gint64 keep(Place *p, Sql *sql, int year, const char *retention, const char *organ, const char *code) {
  g_autoptr(CatalogRecord) record = piece(p, year, retention, organ, code);
  good(catalog_record_create(&p->f.house, sql, "t", record, error));
  return record->id;
}

static void assert_next(Place *p, Sql *sql, int year, const char *retention, const char *organ, const char *expected) {
  g_autoptr(CatalogRecord) record = piece(p, year, retention, organ, "");
  g_autofree char *code = good(catalog_code_generate(&p->f.house, sql, record, error));
  g_assert_cmpstr(code, ==, expected);
}

static void test_next_number(void) {
  Place p;
  g_autoptr(Sql) sql = place_open(&p);
  assert_next(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011·Y·BGS-0001"); /* nothing there: the first rule */
  keep(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0001");
  keep(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0009");
  keep(&p, sql, 2011, "30年", "BGS", "Z109-WS·2011-D30-BGS-0041");
  assert_next(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0010"); /* what is there follows another one */
  assert_next(&p, sql, 2011, "定期30年", "BGS", "Z109-WS·2011-D30-BGS-0042");
  assert_next(&p, sql, 2012, "永久", NULL, "Z109-WS·2012-Y-0001");
  keep(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-9999");
  assert_next(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-10000");
  keep(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-10000");
  assert_next(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-10001"); /* behind 9999 in number, before it in the index */
  keep(&p, sql, 2011, "30年", "BGS", "Z109-WS·2011-D30-BGS-0100");
  keep(&p, sql, 2011, "30年", "BGS", "Z109-WS·2011-D30-BGS-099"); /* of another width */
  assert_next(&p, sql, 2011, "30年", "BGS", "Z109-WS·2011-D30-BGS-0101");
  g_autoptr(CatalogRecord) bare = piece(&p, 0, "永久", "BGS", "");
  fails(catalog_code_generate(&p.f.house, sql, bare, error), LANTAI_ERROR_INVALID);
  g_autoptr(CatalogRecord) marked = piece(&p, 2011, "永久", "甲-乙", "");
  fails(catalog_code_generate(&p.f.house, sql, marked, error), LANTAI_ERROR_INVALID);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&p.f);
}

static void assert_problem(Place *p, Sql *sql, int year, const char *retention, const char *code, const char *word) {
  g_autoptr(CatalogRecord) record = piece(p, year, retention, "BGS", code);
  g_autofree char *problem = good(catalog_code_check(&p->f.house, sql, record, error));
  if (word == NULL) g_assert_cmpstr(problem, ==, NULL);
  else if (problem == NULL || strstr(problem, word) == NULL) g_error("%s: %s", code, problem ? problem : "(none)");
}

static void test_problems(void) {
  Place p;
  g_autoptr(Sql) sql = place_open(&p);
  assert_problem(&p, sql, 2011, "永久", "随便写的", NULL); /* no rule holds where nothing is */
  keep(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0001");
  assert_problem(&p, sql, 2011, "永久", "Z109-WS·2011-Y-BGS-0002", NULL);
  assert_problem(&p, sql, 2011, "永久", "Z109-WS·2011-Y-BGS-12", "件号有 2 位，应为 4 位");
  assert_problem(&p, sql, 2012, "永久", "Z109-WS·2011-Y-BGS-0002", "年度");
  assert_problem(&p, sql, 2011, "30年", "Z109-WS·2011-Y-BGS-0002", "应写作“D30”");
  assert_problem(&p, sql, 2011, "永久", "Z109-KJ·2011-Y-BGS-0002", "类别号WS");
  assert_problem(&p, sql, 2011, "永久", "Z109－WS·2011-Y-BGS-0002", "应为");
  assert_problem(&p, sql, 2011, "永久", "Z109-WS·2011-Y-BGS-0002号", "末尾多出“号”");
  assert_problem(&p, sql, 2011, "永久", "Z109-WS·2011-Q-BGS-0002", "保管期限");
  sql_end(g_steal_pointer(&sql));
  fixture_close(&p.f);
}

/* Volumes 1, 2, 10, 11, 12 and items 1, 2: what is not filled with zeros has no fault of width, however many digits most have. */
static void test_unfilled(void) {
  static const char *const volumes[] = {"Z109-1-1", "Z109-1-2", "Z109-1-10", "Z109-1-11", "Z109-1-12"};
  Place p;
  g_autoptr(Sql) sql = place_open(&p);
  gint64 first = 0;
  for (guint i = 0; i < G_N_ELEMENTS(volumes); i++) {
    g_autoptr(CatalogRecord) volume = record_of(p.class, LEVEL_VOLUME, 1, volumes[i], "卷");
    good(catalog_record_create(&p.f.house, sql, "t", volume, error));
    if (i == 0) first = volume->id;
  }
  for (guint i = 1; i < 12; i++) {
    g_autoptr(CatalogRecord) item = record_of(first, LEVEL_ITEM, 1, "", "件");
    item->fonds_id = p.fonds;
    item->code = (g_free(item->code), i == 1 ? g_strdup("Z109-1-1-1") : good(catalog_code_generate(&p.f.house, sql, item, error)));
    g_autofree char *expected = g_strdup_printf("Z109-1-1-%u", i), *problem = good(catalog_code_check(&p.f.house, sql, item, error));
    g_assert_cmpstr(item->code, ==, expected);
    if (i > 1) g_assert_cmpstr(problem, ==, NULL); /* what the program itself proposes is right */
    good(catalog_record_create(&p.f.house, sql, "t", item, error));
  }
  g_autoptr(CatalogRecord) next = record_of(p.class, LEVEL_VOLUME, 1, "", "卷");
  next->fonds_id = p.fonds;
  g_autofree char *in_same = good(catalog_code_generate(&p.f.house, sql, next, error));
  g_assert_cmpstr(in_same, ==, "Z109-1-13"); /* in the inventory that is there, not in 001 */
  put_text(&next->fields, "{\"mlh\":\"2\"}");
  g_autofree char *described = good(catalog_code_generate(&p.f.house, sql, next, error));
  g_assert_cmpstr(described, ==, "Z109-2-1");
  g_autoptr(CatalogRecord) filled = record_of(p.class, LEVEL_VOLUME, 1, "Z109-1-009", "卷");
  filled->fonds_id = p.fonds;
  g_autofree char *problem = good(catalog_code_check(&p.f.house, sql, filled, error));
  g_assert_nonnull(strstr(problem, "案卷号有 3 位，应为 1 位"));
  sql_end(g_steal_pointer(&sql));
  fixture_close(&p.f);
}

/* Volumes of former years, pieces of later ones: each code is judged by the rule whose form it has. */
static void test_two_rules(void) {
  static const struct { Level level; const char *code; } kept[] = {{LEVEL_VOLUME, "Z109-001-0007"}, {LEVEL_VOLUME, "Z109-001-0008"}, {LEVEL_VOLUME, "Z109-001-0009"}};
  Place p;
  g_autoptr(Sql) sql = place_open(&p);
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
    g_autoptr(CatalogRecord) record = record_of(p.class, kept[i].level, 1, kept[i].code, "卷");
    good(catalog_record_create(&p.f.house, sql, "t", record, error));
  }
  assert_problem(&p, sql, 2011, "永久", "Z109-WS·2011-Y-BGS-0001", "应为"); /* the first of its kind */
  keep(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0001");
  keep(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0002");
  assert_problem(&p, sql, 2011, "永久", "Z109-WS·2011-Y-BGS-0002", NULL);
  assert_problem(&p, sql, 2011, "永久", "Z109-WS·2011-Y-BGS-12", "件号有 2 位，应为 4 位");
  assert_problem(&p, sql, 2012, "永久", "Z109-WS·2011-Y-BGS-0002", "年度");
  assert_problem(&p, sql, 2011, "永久", "随便写的", "DA/T 13-1994）”的例子是 Z109-"); /* what is neither is measured by the first, as it would be here */
  assert_next(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0003"); /* in no volume: a piece */
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  sql = good(sql_read(p.f.db, error));
  g_autoptr(CatalogRecord) fonds = good(catalog_record_load(sql, &SCOPE_EVERYTHING, p.fonds, error));
  g_autoptr(GPtrArray) groups = good(code_survey(&p.f.house, sql, &SCOPE_EVERYTHING, fonds, 1, error));
  const CodeGroup *group = groups->pdata[0];
  g_assert_cmpuint(group->count, ==, 5);
  g_assert_cmpuint(group->follows, ==, 5);
  g_assert_cmpuint(group->series->len, ==, 2);
  g_assert_cmpuint(group->mixed, ==, 0); /* four digits here and there, each by its own rule */
  g_assert_cmpuint(group->missing, ==, 6);
  sql_end(g_steal_pointer(&sql));
  sql = good(sql_write(p.f.db, error));
  json_auto_t *chosen = json_pack("{s:s, s:{s:I, s:i, s:s, s:i, s:i}}", "action", "code.choose", "data", "fonds", (json_int_t)p.fonds, "category", 1, "rule",
    "dat13-1994-volume", "volume_width", 4, "item_width", 3);
  good(catalog_code_replay(&p.f.house, sql, chosen, error));
  assert_next(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0003"); /* choosing the rule of the volumes says nothing against the pieces */
  assert_problem(&p, sql, 2011, "永久", "Z109-WS·2011-Y-BGS-0002", NULL);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&p.f);
}

static void assert_survey(Place *p, const char *series, guint missing, guint gaps, guint repeats) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  g_autoptr(CatalogRecord) fonds = good(catalog_record_load(sql, &SCOPE_EVERYTHING, p->fonds, error));
  g_autoptr(GPtrArray) groups = good(code_survey(&p->f.house, sql, &SCOPE_EVERYTHING, fonds, 1, error));
  const CodeGroup *group = groups->pdata[0];
  g_assert_cmpuint(group->missing, ==, missing);
  g_assert_cmpuint(group->gaps, ==, gaps);
  g_assert_cmpuint(group->repeats, ==, repeats);
  g_assert_cmpstr(((const CodeSeries *)group->series->pdata[0])->prefix, ==, series);
}

/* A code begins where the pages of the one before end: what is between is missing, what begins earlier overlaps, and behind unknown pages nothing is told. */
static void test_page_numbers(void) {
  static const struct { const char *code; int pages; } kept[] = {{"Z10919580010012", 0}, {"Z109195800100120001", 5}, {"Z109195800100120006", 4},
    {"Z109195800100120013", 8}, {"Z109195800100120020", 0}, {"Z109195800100120030", 2}, {"Z109195800100120032", 1}};
  Place p;
  Sql *sql = place_open(&p);
  gint64 volume = 0;
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
    gint64 id = put_record(&p.f, sql, i == 0 ? p.class : volume, i == 0 ? LEVEL_VOLUME : LEVEL_ITEM, 1, kept[i].code, kept[i].pages);
    if (i == 0) volume = id;
  }
  good(sql_commit(sql, error));
  sql_end(sql);
  assert_survey(&p, "Z1091958001", 11 + 3, 2, 2); /* volumes 1–11; pages 10–12; 20 is the last page of 13–20 */
  fixture_close(&p.f);
}

static Sql *again_with(Place *p, Sql *sql, const char *rules) {
  good(sql_commit(sql, error));
  sql_end(sql);
  fixture_rules(&p->f, rules);
  return good(sql_write(p->f.db, error));
}

/* The volumes count on from one inventory to the next, and no code may be twice in the archive. */
static void test_own_rules(void) {
  static const char rules[] = "rules: [{key: own, title: 流水, unique: archive, counter: [fonds], parts: [{part: fonds}, "
    "{part: text, before: \"-\", fields: [mlh], literal: \"1\"}, {part: volume, before: \"-\", width: 2}, {part: item, before: \"-\", width: 2}]}]";
  static const char *const kept[] = {"Z109-1-01", "Z109-1-02", "Z109-2-03", "Z109-2-05", "Z109-2-02"};
  Place p;
  Sql *sql = place_open(&p);
  sql = again_with(&p, sql, rules);
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) put_record(&p.f, sql, p.class, LEVEL_VOLUME, 1, kept[i], 0);
  g_autoptr(CatalogRecord) next = record_of(p.class, LEVEL_VOLUME, 1, "", "卷");
  next->fonds_id = p.fonds;
  g_autofree char *free_everywhere = good(catalog_code_generate(&p.f.house, sql, next, error));
  g_assert_cmpstr(free_everywhere, ==, "Z109-2-06"); /* in the inventory of the last volume */
  put_text(&next->fields, "{\"mlh\":\"3\"}");
  g_autofree char *counted_on = good(catalog_code_generate(&p.f.house, sql, next, error));
  g_assert_cmpstr(counted_on, ==, "Z109-3-06");
  put_text(&next->fields, "{}");
  gint64 other = good(catalog_fonds_ensure(&p.f.house, sql, "t", "Z110", "另一局", error));
  put_record(&p.f, sql, good(catalog_class_ensure(&p.f.house, sql, "t", other, 1, error)), LEVEL_VOLUME, 1, "Z109-2-06", 0);
  g_autofree char *held = good(catalog_code_generate(&p.f.house, sql, next, error));
  g_assert_cmpstr(held, ==, "Z109-2-07");
  put_text(&next->code, "Z109-2-06");
  g_autofree char *twice = good(catalog_code_check(&p.f.house, sql, next, error));
  g_assert_nonnull(strstr(twice, "全馆唯一"));
  sql = again_with(&p, sql, "rules: [{key: own, title: 流水, parts: [{part: fonds}, {part: text, before: \"-\", fields: [mlh], literal: \"1\"}, "
    "{part: volume, before: \"-\", width: 2}, {part: item, before: \"-\", width: 2}]}]");
  g_autofree char *apart = good(catalog_code_generate(&p.f.house, sql, next, error)), *once = good(catalog_code_check(&p.f.house, sql, next, error));
  g_assert_cmpstr(apart, ==, "Z109-2-06"); /* another fonds has codes of its own */
  g_assert_cmpstr(once, ==, NULL);
  good(sql_commit(sql, error));
  sql_end(sql);
  assert_survey(&p, "Z109-1-", 2, 2, 0); /* 01 and 04 of inventory 2 */
  fixture_rules(&p.f, rules);
  assert_survey(&p, "Z109-…-", 1, 1, 2); /* 04; 02 of both */
  sql = good(sql_write(p.f.db, error));
  sql = again_with(&p, sql, "rules: [{key: own, title: 两处, parts: [{part: fonds}, {part: text, before: \"-\", fields: [mlh], literal: \"1\"}, "
    "{part: text, before: \"-\", width: 1, fields: [mlh], literal: \"1\"}, {part: volume, before: \"-\", width: 2}, {part: item, before: \"-\", width: 2}]}]");
  put_record(&p.f, sql, p.class, LEVEL_VOLUME, 1, "Z109-12-1-01", 0);
  g_autoptr(GError) unfit = NULL; /* the inventory of the last volume does not suit the second place */
  g_assert_null(catalog_code_generate(&p.f.house, sql, next, &unfit));
  g_assert_error(unfit, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  sql_end(sql);
  fixture_close(&p.f);
}

static void test_volumes(void) {
  Place p;
  g_autoptr(Sql) sql = place_open(&p);
  g_autoptr(CatalogRecord) first = record_of(p.class, LEVEL_VOLUME, 1, "Z109-001-0007", "卷");
  good(catalog_record_create(&p.f.house, sql, "t", first, error));
  g_autoptr(CatalogRecord) item = record_of(first->id, LEVEL_ITEM, 1, "Z109-001-0007-002", "件");
  good(catalog_record_create(&p.f.house, sql, "t", item, error));
  g_autofree char *in_volume = good(catalog_code_generate(&p.f.house, sql, item, error));
  g_assert_cmpstr(in_volume, ==, "Z109-001-0007-003");
  first->id = 0;
  g_autofree char *volume = good(catalog_code_generate(&p.f.house, sql, first, error));
  g_assert_cmpstr(volume, ==, "Z109-001-0008"); /* of the width that is there */
  put_text(&item->code, "Z109-001-0008-002");
  g_autofree char *problem = good(catalog_code_check(&p.f.house, sql, item, error));
  g_assert_nonnull(strstr(problem, "所在案卷"));
  item->parent_id = p.class;
  fails(catalog_code_generate(&p.f.house, sql, item, error), LANTAI_ERROR_INVALID);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&p.f);
}

static void test_former(void) {
  Place p;
  g_autoptr(Sql) sql = place_open(&p);
  gint64 id = keep(&p, sql, 2011, "永久", "BGS", "Z109-WS·2011-Y-BGS-0001");
  static const char *const codes[] = {"Z109-QQ-7", "Z109-RR-8", "Z109-QQ-7"};
  for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
    g_autoptr(CatalogRecord) record = good(record_by_id(sql, id, error));
    put_text(&record->code, codes[i]);
    good(catalog_record_update(&p.f.house, sql, "t", record, 0, error));
  }
  g_autoptr(CatalogRecord) now = good(record_by_id(sql, id, error));
  g_assert_cmpstr(now->former, ==, "Z109-RR-8\nZ109-WS·2011-Y-BGS-0001"); /* not the one it has again */
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpint(count_of(&p.f, "Z109-RR-8"), ==, 1);
  g_assert_cmpint(count_of(&p.f, "原档号:Z109-RR-8"), ==, 1);
  g_assert_cmpint(count_of(&p.f, "原档号:Z109-QQ-7"), ==, 0);
  good(catalog_reindex(&p.f.house, NULL, NULL, error));
  g_assert_cmpint(count_of(&p.f, "Z109-RR-8"), ==, 1);
  sql = good(sql_write(p.f.db, error));
  good(catalog_record_delete(&p.f.house, sql, "t", id, error) && sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpint(count_of(&p.f, "Z109-RR-8"), ==, 0); /* and nothing of it is left in the index */
  fixture_close(&p.f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/code-rule/generations", test_generations);
  g_test_add_func("/code-rule/made", test_made);
  g_test_add_func("/code-rule/broken-definitions", test_broken_definitions);
  g_test_add_func("/code-rule/next-number", test_next_number);
  g_test_add_func("/code-rule/problems", test_problems);
  g_test_add_func("/code-rule/page-numbers", test_page_numbers);
  g_test_add_func("/code-rule/own-rules", test_own_rules);
  g_test_add_func("/code-rule/volumes", test_volumes);
  g_test_add_func("/code-rule/unfilled", test_unfilled);
  g_test_add_func("/code-rule/two-rules", test_two_rules);
  g_test_add_func("/code-rule/former", test_former);
  return g_test_run();
}
