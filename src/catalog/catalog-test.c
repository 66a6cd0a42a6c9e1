/* Definitions of categories, their ids, retention terms, titles by rule, and the rules of archival codes. */
#include "definition.h"
#include "test-fixture.h"
#include "text.h"

/* ---- definitions ---- */

static gboolean has_alias(const CatalogField *field, const char *header) {
  g_autofree char *folded = text_fold(header);
  return g_strv_contains(field->aliases, folded);
}

static const CatalogField *own_field(const CatalogCategory *category, const char *key) {
  for (guint i = 0; i < category->field_count; i++)
    if (g_str_equal(category->fields[i].key, key)) return &category->fields[i];
  return NULL;
}

static void test_built_in(void) {
  Fixture f;
  fixture_open(&f);
  static const char *const codes[] = {"WS", "HY", "ZQ", "TX", "TD", "ZP", "KJ", "KU", "SW", "LY", "RS", "SS", "GZ", "ZG", "TY", "YJ", "WY", "SJ", "CY", "DB", "FP", "LQ"};
  guint count;
  const CatalogCategory *const *categories = catalog_categories(f.house.catalog, &count);
  g_assert_cmpuint(count, ==, G_N_ELEMENTS(codes));
  for (guint i = 0; i < count; i++) {
    g_assert_cmpstr(categories[i]->code, ==, codes[i]);
    g_assert_cmpuint(categories[i]->id, ==, i + 1);
    g_assert_true(catalog_category(f.house.catalog, i + 1) == categories[i]);
    g_assert_true(catalog_category_by_code(f.house.catalog, codes[i]) == categories[i]);
    g_autoptr(GError) error = NULL;
    g_assert_true(definition_agrees(f.house.catalog, categories[i], &error));
    g_assert_no_error(error);
  }
  const CatalogCategory *marriage = categories[1];
  const CatalogField *groom = own_field(marriage, "nfxm");
  g_assert_cmpstr(groom->label, ==, "男方姓名");
  g_assert_true(groom->listed);
  g_assert_true(has_alias(groom, "NFXM") && has_alias(groom, "ＮＦＸＭ") && has_alias(groom, " 男方姓名 ") && !has_alias(groom, "女方姓名"));
  g_assert_null(catalog_category(f.house.catalog, 0));
  g_assert_null(catalog_category_by_code(f.house.catalog, "NO"));
  fixture_close(&f);
}

/* Headers of real deliveries; and no header may mean two fields of one table. */
static void test_common_headers(void) {
  static const char *const expected[][2] = {
    {"档号", "code"}, {"DH", "code"}, {"題名", "title"}, {"TM", "title"}, {"文件题名", "title"}, {"责任者", "creator"}, {"RZZ", "creator"}, {"ZRZ", "creator"},
    {"文号", "docno"}, {"WH", "docno"}, {"日期", "date"}, {"WJRQ", "date"}, {"RQ", "date"}, {"年度", "year"}, {"保管期限", "retention"}, {"BGQX", "retention"},
    {"密级", "security"}, {"KFZT", "opening"}, {"页数", "page_count"}, {"YS", "page_count"}, {"QZH", "fonds"}, {"全宗名称", "fonds_title"}, {"AJH", "volume"},
    {"备注", "note"}, {"FZ", "note"}, {"电子档案名称", "file"}, {"原文路径", "file"}, {"流水号", NULL}, {"类别", NULL}, {"移交单位", NULL}, {"字数", NULL},
  };
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  for (guint e = 0; e < G_N_ELEMENTS(expected); e++) {
    const char *found = NULL;
    for (guint i = 0; i < count; i++)
      if (has_alias(&fields[i], expected[e][0])) found = fields[i].key;
    g_assert_cmpstr(found, ==, expected[e][1]);
  }
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < count; i++)
    for (const char *const *alias = fields[i].aliases; *alias; alias++) g_assert_true(g_hash_table_add(seen, (gpointer)*alias));
}

static void test_aliases_of_categories(void) {
  Fixture f;
  fixture_open(&f);
  guint count, common_count;
  const CatalogCategory *const *categories = catalog_categories(f.house.catalog, &count);
  const CatalogField *common = catalog_common_fields(&common_count);
  for (guint c = 0; c < count; c++) {
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < common_count; i++)
      for (const char *const *alias = common[i].aliases; *alias; alias++) g_hash_table_add(seen, (gpointer)*alias);
    for (guint i = 0; i < categories[c]->field_count; i++)
      for (const char *const *alias = categories[c]->fields[i].aliases; *alias; alias++)
        if (!g_hash_table_add(seen, (gpointer)*alias)) g_error("%s: header \"%s\" means two fields", categories[c]->code, *alias);
  }
  json_auto_t *labels = catalog_field_labels(f.house.catalog);
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(labels, "男方姓名"), 0)), ==, "nfxm");
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(labels, "备注"), 0)), ==, "note");
  g_assert_cmpuint(json_array_size(json_object_get(labels, "姓名")), >=, 4); /* of every category: 男方, 女方, 权利人, … */
  g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal); /* one key, one meaning: field:value goes by it */
  for (guint c = 0; c < count; c++)
    for (guint i = 0; i < categories[c]->field_count; i++) {
      const CatalogField *field = &categories[c]->fields[i];
      const char *label = g_hash_table_lookup(keys, field->key);
      if (label != NULL) g_assert_cmpstr(label, ==, field->label);
      g_hash_table_insert(keys, (gpointer)field->key, (gpointer)field->label);
      json_t *own = json_object_get(labels, field->label), *one;
      gboolean found = FALSE;
      size_t at;
      json_array_foreach(own, at, one) found = found || g_str_equal(json_string_value(one), field->key);
      g_assert_true(found);
    }
  fixture_close(&f);
}

static void write_definition(const char *dir, const char *name, const char *text) {
  g_autofree char *folder = g_build_filename(dir, "definitions", "categories", NULL), *path = g_build_filename(folder, name, NULL);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void remove_definitions(const char *dir) {
  g_autofree char *folder = g_build_filename(dir, "definitions", "categories", NULL);
  g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
  for (const char *name; names && (name = g_dir_read_name(names));) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_unlink(path);
  }
  g_autofree char *above = g_path_get_dirname(folder);
  g_rmdir(folder);
  g_rmdir(above);
  g_rmdir(dir);
}

/* An id belongs to its code for ever: when definitions change order, move or go. */
static void test_ids_stay(void) {
  g_autofree char *dir = g_dir_make_tmp("lantai-catalog-XXXXXX", NULL);
  g_autoptr(SqlDb) db = good(sql_open(":memory:", error));
  write_definition(dir, "b.yaml", "code: BB\ntitle: 乙\nfields:\n  - key: x\n    label: 甲项\n    aliases: [XX]\n");
  Catalog *catalog = good(catalog_open(db, dir, error));
  g_assert_cmpuint(catalog_category_by_code(catalog, "BB")->id, ==, 100);
  catalog_close(catalog);
  write_definition(dir, "a.yaml", "code: AA\nid: 7\ntitle: 甲\n");
  write_definition(dir, "b.yaml", "code: BB\nid: 7\ntitle: 乙改\n");
  catalog = good(catalog_open(db, dir, error));
  g_assert_cmpuint(catalog_category_by_code(catalog, "AA")->id, ==, 7);
  g_assert_cmpuint(catalog_category_by_code(catalog, "BB")->id, ==, 100);
  g_assert_cmpstr(catalog_category(catalog, 100)->title, ==, "乙"); /* a change by hand becomes a draft, and the file says what is in force again */
  g_assert_cmpuint(catalog_category(catalog, 100)->field_count, ==, 1);
  {
    g_autoptr(Sql) sql = good(sql_read(db, error));
    g_autofree char *draft = good(sql_string(sql, "SELECT definition FROM category_draft WHERE code = 'BB' AND origin = 'file'", SQL_NONE, error));
    g_assert_nonnull(strstr(draft, "乙改"));
    g_autofree char *path = g_build_filename(dir, "definitions", "categories", "b.yaml", NULL);
    json_auto_t *file = good(yaml_load_file(path, error));
    g_assert_cmpstr(json_string_value(json_object_get(file, "title")), ==, "乙");
  }
  catalog_close(catalog);
  remove_definitions(dir); /* then the built-in ones are taken, and what records use lives on */
  catalog = good(catalog_open(db, dir, error));
  g_assert_cmpstr(catalog_category(catalog, 100)->title, ==, "乙");
  g_assert_cmpuint(catalog_category_by_code(catalog, "KJ")->id, ==, 101); /* its own id 7 is AA's here */
  g_assert_cmpuint(catalog_category_by_code(catalog, "HY")->id, ==, 2);
  catalog_close(catalog);
}

static void test_bad_definitions(void) {
  static const char *const bad[] = {
    "code: ws\ntitle: 小写\n", "code: AA\n", "title: 无代码\n", "code: AA\ntitle: 甲\nfileds: []\n", "code: AA\ntitle: 甲\nid: 0\n", "code: AA\ntitle: 甲\nid: 300\n",
    "code: AA\ntitle: 甲\nfields: 1\n", "code: AA\ntitle: 甲\nfields:\n  - key: Title\n    label: 大写\n",
    "code: AA\ntitle: 甲\nfields:\n  - key: title\n    label: 同名\n",
    "code: AA\ntitle: 甲\nfields:\n  - key: x\n", "code: AA\ntitle: 甲\nfields:\n  - key: x\n    label: 甲\n    type: money\n",
    "code: AA\ntitle: 甲\nfields:\n  - key: x\n    label: 甲\n    aliases: [1]\n",
    "code: AA\ntitle: 甲\nfields:\n  - key: x\n    label: 甲\n  - key: x\n    label: 乙\n",
    "[1, 2]", "code: AA\ntitle: 甲\ntitle_rule: 5\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autofree char *dir = g_dir_make_tmp("lantai-catalog-XXXXXX", NULL);
    g_autoptr(SqlDb) db = good(sql_open(":memory:", error));
    write_definition(dir, "a.yaml", bad[i]);
    fails(catalog_open(db, dir, error), LANTAI_ERROR_INVALID);
    remove_definitions(dir);
  }
  g_autofree char *dir = g_dir_make_tmp("lantai-catalog-XXXXXX", NULL);
  g_autoptr(SqlDb) db = good(sql_open(":memory:", error));
  write_definition(dir, "a.yaml", "code: AA\ntitle: 甲\n");
  write_definition(dir, "b.yaml", "code: AA\ntitle: 乙\n");
  fails(catalog_open(db, dir, error), LANTAI_ERROR_INVALID);
  remove_definitions(dir);
}

static void test_title_rule(void) {
  Fixture f;
  fixture_open(&f);
  const CatalogCategory *marriage = catalog_category_by_code(f.house.catalog, "HY");
  json_auto_t *fields = json_pack("{s:s, s:s, s:s}", "nfxm", "张三", "nvxm", "李四", "hyzt", "结婚");
  g_autofree char *title = catalog_title_make(marriage, fields);
  g_assert_cmpstr(title, ==, "张三与李四结婚登记");
  json_auto_t *nothing = json_pack("{s:s}", "zsbh", "1");
  g_assert_null(catalog_title_make(marriage, nothing));
  g_assert_null(catalog_title_make(catalog_category_by_code(f.house.catalog, "WS"), fields));
  CatalogCategory odd = {.title_rule = "a{b"};
  g_assert_null(catalog_title_make(&odd, fields));
  fixture_close(&f);
}

/* ---- retention ---- */

static void test_retention(void) {
  Fixture f;
  fixture_open(&f);
  Catalog *catalog = f.house.catalog;
  guint8 first;
  {
    g_autoptr(Sql) sql = good(sql_write(f.db, error));
    g_assert_cmpuint(good(catalog_retention_intern(catalog, sql, "", error)), ==, 0);
    g_assert_cmpuint(good(catalog_retention_intern(catalog, sql, "永久", error)), ==, 1);
    first = good(catalog_retention_intern(catalog, sql, "定期六十年", error));
    g_assert_cmpuint(good(catalog_retention_intern(catalog, sql, "定期六十年", error)), ==, first);
    g_assert_cmpstr(catalog_retention_text(catalog, first), ==, ""); /* not before the commit */
  }
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  g_assert_cmpuint(good(catalog_retention_intern(catalog, sql, "别的", error)), ==, first); /* the first was rolled back */
  for (guint i = 0; i < 300; i++) {
    g_autofree char *text = g_strdup_printf("写法 %u", i);
    good(catalog_retention_intern(catalog, sql, text, error));
  }
  g_assert_cmpuint(good(catalog_retention_intern(catalog, sql, "写法 299", error)), ==, 255);
  good(sql_commit(sql, error));
  g_assert_cmpstr(catalog_retention_text(catalog, first), ==, "别的");
  g_assert_cmpstr(catalog_retention_text(catalog, 255), ==, "其他");
  g_assert_cmpstr(catalog_retention_text(catalog, 0), ==, "");
  g_clear_pointer(&sql, sql_end);
  fixture_close(&f);
}

/* ---- codes ---- */

static void test_codes(void) {
  static const struct { const char *code; CatalogCodeKind kind; const char *parts; } cases[] = {
    {"Z109-WS·2011-Y-BGS-0001", CATALOG_CODE_PIECE_2015, "Z109 WS 2011 Y BGS - - 0001 -"},
    {"Z109-WS·2011·Y·办公室-0001", CATALOG_CODE_2022, "Z109 WS 2011 Y 办公室 - - 0001 -"},
    {"Z008-WS·2019·Y-037", CATALOG_CODE_2022, "Z008 WS 2019 Y - - - 037 -"},
    {"A439-WS·2015·D30·003-005", CATALOG_CODE_2022, "A439 WS 2015 D30 003 - - 005 -"},
    {"J019-ZY·JC·CC·2019·D30-001-001", CATALOG_CODE_2022, "J019 ZY·JC·CC 2019 D30 - - 001 001 -"},
    {"J019-KU·01·2017-001-001", CATALOG_CODE_2022, "J019 KU·01 2017 - - - 001 001 -"},
    {"A002-RS-001-002", CATALOG_CODE_2022, "A002 RS - - - - 001 002 -"},
    {"X032-KJ·KY·01-003", CATALOG_CODE_2022, "X032 KJ·KY·01 - - - - - 003 -"},
    {"C038-001-002-003", CATALOG_CODE_VOLUME_1994, "C038 - - - - 001 002 003 -"},
    {"C038-001-002-003/012", CATALOG_CODE_VOLUME_1994, "C038 - - - - 001 002 003 012"},
    {"Ｂ１６８－ＳＷ•２０１５•Ｙ－００１", CATALOG_CODE_2022, "B168 SW 2015 Y - - - 001 -"},
    {"Z001195800100020003", CATALOG_CODE_FIXED_VOLUME, "Z001 - 1958 - - 001 0002 - 0003"},
    {"Z0011998D3000120003", CATALOG_CODE_FIXED_PIECE, "Z001 - 1998 D30 0012 - - 0003 -"},
    {"", CATALOG_CODE_OTHER, NULL}, {"随便写的", CATALOG_CODE_OTHER, NULL}, {"Z109-WS", CATALOG_CODE_OTHER, NULL}, {"Z109-WS·2011-Y-BGS-x", CATALOG_CODE_OTHER,
    NULL},
    {"---", CATALOG_CODE_OTHER, NULL}, {"Z109-·-1", CATALOG_CODE_OTHER, NULL}, {"\xff\xfe-1-2", CATALOG_CODE_OTHER, NULL}, {"1-2-3-4-5-6-7-8-9",
    CATALOG_CODE_OTHER, NULL},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(CatalogCode) code;
    catalog_code_parse(cases[i].code, &code);
    g_assert_cmpint(code.kind, ==, cases[i].kind);
    const char *parts[] = {code.fonds, code.category, code.year, code.retention, code.organ, code.inventory, code.volume, code.item, code.page};
    g_autoptr(GString) text = g_string_new(NULL);
    gboolean any = FALSE;
    for (guint k = 0; k < G_N_ELEMENTS(parts); k++) {
      g_string_append_printf(text, "%s%s", k ? " " : "", parts[k] ? parts[k] : "-");
      any = any || parts[k];
    }
    if (cases[i].parts) g_assert_cmpstr(text->str, ==, cases[i].parts);
    else g_assert_false(any);
  }
}

static void test_code_order(void) {
  static const char *const ordered[] = {"", "A-1", "A-01", "A-2", "A-10", "A-10-2", "A-10-11", "A-99999999999999999999", "A-100000000000000000000", "B",
    "档-2", "档-10"};
  for (guint i = 0; i < G_N_ELEMENTS(ordered); i++)
    for (guint k = 0; k < G_N_ELEMENTS(ordered); k++) {
      int order = catalog_code_compare(ordered[i], ordered[k]);
      if (i == 1 && k == 2) g_assert_cmpint(order, !=, 0); /* the same number, written differently: some order, the same both ways */
      else if (i == 2 && k == 1) g_assert_cmpint(order, !=, 0);
      else g_assert_cmpint((order > 0) - (order < 0), ==, (i > k) - (i < k));
      g_assert_cmpint((order > 0) - (order < 0), ==, -((catalog_code_compare(ordered[k], ordered[i]) > 0) - (catalog_code_compare(ordered[k],
        ordered[i]) < 0)));
    }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/catalog/definition/built-in", test_built_in);
  g_test_add_func("/catalog/definition/common-headers", test_common_headers);
  g_test_add_func("/catalog/definition/aliases", test_aliases_of_categories);
  g_test_add_func("/catalog/definition/ids-stay", test_ids_stay);
  g_test_add_func("/catalog/definition/bad", test_bad_definitions);
  g_test_add_func("/catalog/definition/title-rule", test_title_rule);
  g_test_add_func("/catalog/retention", test_retention);
  g_test_add_func("/catalog/code/parts", test_codes);
  g_test_add_func("/catalog/code/order", test_code_order);
  return g_test_run();
}
