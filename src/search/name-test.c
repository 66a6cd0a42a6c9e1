/* Names by their sound, variant characters, words that stand for one another, whole values and numbers with ? and *: through the index and its updates. */
#include "query.h"
#include "error.h"
#include "text.h"

enum { RECORDS = 16 };

typedef struct {
  SqlDb *db;
  Search *search;
  SearchDocument documents[RECORDS]; /* by id; 0 unused */
} World;

static gboolean read_text(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  const World *world = data;
  if (id <= 0 || id >= RECORDS || world->documents[id].id == 0) return FALSE;
  const SearchDocument *document = &world->documents[id];
  *ret = (SearchText){g_strdup(document->title), g_strdup(document->creator), g_strdup(document->docno), g_strdup(document->fields), g_strdup(document->code)};
  return TRUE;
}

static void put(World *world, gint64 id, const char *title, const char *creator, const char *code, const char *docno, const char *fields) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(world->db, &error);
  SearchDocument old = world->documents[id], new = {.id = id, .title = title, .creator = creator, .code = code, .docno = docno, .fields = fields,
    .columns = {.fonds_id = 1, .level = LEVEL_ITEM, .opening = id % 2 ? OPENING_OPEN : OPENING_CONTROLLED}};
  search_put(world->search, sql, old.id ? &old : NULL, title ? &new : NULL, &error);
  g_assert_no_error(error);
  world->documents[id] = title ? new : (SearchDocument){0};
  sql_commit(sql, &error);
  g_assert_no_error(error);
}

static World *world_new(void) {
  World *world = g_new0(World, 1);
  world->db = sql_open(":memory:", NULL);
  world->search = search_open(world->db, NULL);
  json_auto_t *labels = json_pack("{s:[s, s, s], s:s}", "姓名", "xm", "nfxm", "nvxm", "男方姓名", "nfxm");
  search_set_fields(world->search, labels);
  search_set_text_source(world->search, read_text, world);
  put(world, 1, "结婚登记", NULL, "A001-HY·2003-Y-0001", "临婚〔2003〕12号", "nfxm\t张伟\nnvxm\t单晓红\n");
  put(world, 2, "退休档案", NULL, "A001-TX·2003-Y-0012", "临人〔2003〕123号", "xm\t张伟明\n");
  put(world, 3, "照片", "曾峯", "A001-ZP·2004-D10-0012", NULL, "rw\t仇和平、解小军\n");
  put(world, 4, "张伟同志任职的通知", "临江县革命委员会", "WS·2003·1·0034", NULL, "xm\t张　伟\n");
  put(world, 5, "来信", "吕布", "WS·2003·12·0034", NULL, "xm\t买买提·艾力\n");
  put(world, 6, "北京市政府文件", NULL, "WS·2003·2·9034", NULL, "xm\t章薇\nwz\t决定\n");
  put(world, 7, "北平市政府文件", "万俟喆", "X-1", NULL, "xm\t张卫国、李重阳\n");
  return world;
}

static void world_free(World *world) {
  search_close(world->search);
  sql_close(world->db);
  g_free(world);
}

static char *found_as(World *world, const char *query, const Scope *scope, char **ret_reading) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(world->db, &error);
  SearchRequest ask = {.query = query, .limit = 100, .sort = SEARCH_SORT_CODE};
  g_autoptr(SearchResult) result = search_run(world->search, sql, scope, &ask, &error);
  g_assert_no_error(error);
  guint8 hits[RECORDS] = {0};
  for (guint i = 0; i < result->ids->len; i++) hits[g_array_index(result->ids, gint64, i)] = 1;
  GString *ids = g_string_new(NULL);
  for (guint id = 1; id < RECORDS; id++)
    if (hits[id]) g_string_append_printf(ids, "%s%u", ids->len ? " " : "", id);
  if (ret_reading) *ret_reading = result->readings->len ? g_strdup(((SearchReading *)g_ptr_array_index(result->readings, 0))->text) : NULL;
  return g_string_free(ids, FALSE);
}

static void check(World *world, const char *query, const char *ids) {
  g_autofree char *got = found_as(world, query, &SCOPE_EVERYTHING, NULL);
  if (!g_str_equal(got, ids)) g_error("%s finds %s, not %s", query, got, ids);
}

static void test_names(void) {
  World *world = world_new();
  check(world, "zhangwei", "1 4 6");
  check(world, "Zhang Wei", "1 4 6");
  check(world, "zhang wei", "1 4 6");
  check(world, "zw", "1 4 6");
  check(world, "ZW", "1 4 6"); /* as a phone writes them */
  check(world, "Zw", "1 4 6");
  check(world, "姓名:ZW", "1 4 6");
  check(world, "zhangweiming", "2");
  check(world, "zhangw*", "1 2 4 6 7");
  check(world, "zwm", "2");
  check(world, "shanxiaohong", "1");
  check(world, "danxiaohong", "1");
  check(world, "sxh", "1");
  check(world, "zengfeng", "3");
  check(world, "cengfeng", "3");
  check(world, "qiuheping", "3");
  check(world, "xiexiaojun", "3");
  check(world, "lichongyang", "7");
  check(world, "lizhongyang", "7");
  check(world, "moqizhe", "7");
  check(world, "lvbu", "5");
  check(world, "lübu", "5");
  static const char *const spellings[] = {"lyubu", "LYU Bu", "lü bu", "LÜ BU", "lvbu", "lubu", "Lv Bu", "bu lü", "Bu LYU", "l b", "lb", "b l"};
  for (guint i = 0; i < G_N_ELEMENTS(spellings); i++) check(world, spellings[i], "5");
  check(world, "wei zhang", "1 4 6");
  check(world, "Xiaohong SHAN", "1");
  check(world, "责任者:\"LÜ Bu\"", "5");
  check(world, "maimaitiaili", "5");
  check(world, "责任者:zengfeng", "3");
  check(world, "责任者:zhangwei", "");
  check(world, "男方姓名:zhangwei", "1");
  check(world, "姓名:zhang", "1 2 4 6 7");
  check(world, "姓名:zhang wei", "1 4 6"); /* one name, and with the surname last */
  check(world, "男方姓名:Wei ZHANG 结婚", "1");
  check(world, "姓名:zhang AND wei", "");
  check(world, "=zhangwei", "");
  check(world, "jueding", ""); /* 决 is no surname */
  check(world, "-zhangwei", "2 3 5 7");
  put(world, 4, NULL, NULL, NULL, NULL, NULL);
  put(world, 6, "来信", NULL, "WS·2003·2·9034", NULL, "xm\t王五\n");
  check(world, "zhangwei", "1");
  check(world, "wangwu", "6");
  world_free(world);
}

static void test_whole(void) {
  World *world = world_new();
  check(world, "姓名:张伟", "1 2");
  check(world, "姓名:=张伟", "1 4");
  check(world, "姓名:=\"张 伟\"", "1 4");
  check(world, "姓名:=\"张伟明\"", "2");
  check(world, "男方姓名:=张伟", "1");
  check(world, "题名:=北京市政府文件", "6");
  check(world, "题名:=北京市政府", "");
  check(world, "责任者:=曾峯", "3");
  put(world, 8, "联合通知", "教育局；水利局,财政局", NULL, NULL, NULL);
  check(world, "责任者:=水利局", "8");
  check(world, "责任者:=水利", "");
  check(world, "档号:=\"WS·2003·1·0034\"", "4");
  check(world, "档号:=\"2003·1\"", "");
  check(world, "文号:=临婚〔2003〕12号", "1");
  check(world, "题名:通知 姓名:=张伟", "4");
  check(world, "姓名:=李重阳", "7"); /* one of several in a field */
  check(world, "姓名:=张卫国、李重阳", "7");
  check(world, "姓名:=李重", "");
  world_free(world);
}

static void test_variants(void) {
  World *world = world_new();
  check(world, "曾峰", "3");
  check(world, "曾峯", "3");
  check(world, "万俟哲", "7");
  check(world, "=曾峰", "3"); /* folding knows it */
  check(world, "=万俟哲", "");
  check(world, "责任者:曾峰", "3");
  gunichar variants[8];
  g_assert_cmpuint(search_han_variants(g_utf8_get_char("后"), variants, 8), <=, 8);
  for (guint i = 0, count = search_han_variants(g_utf8_get_char("哲"), variants, 8); i <= count; i++) {
    g_assert_cmpuint(i, <, count);
    if (variants[i] == g_utf8_get_char("喆")) break;
  }
  g_assert_true(search_han_is_syllable("zhuang") && search_han_is_syllable("lv") && !search_han_is_syllable("zhx") && !search_han_is_syllable("ng"));
  world_free(world);
}

/* "关于[张伟]的…": what of a text is marked for a query in a record, as on a row of results and on the record's page. */
static void assert_marked(World *world, const char *query, gint64 id, const char *text, const char *expected) {
  g_autoptr(Sql) sql = sql_read(world->db, NULL);
  SearchRequest ask = {.query = query, .limit = 100};
  g_autoptr(SearchResult) result = search_run(world->search, sql, &SCOPE_EVERYTHING, &ask, NULL);
  g_autoptr(GPtrArray) row = search_record_terms(world->search, sql, result->terms, id), page = search_terms(world->search, sql, query, id);
  for (guint i = 0; i < 2; i++) {
    json_auto_t *pieces = search_mark(i ? page : row, text, 0);
    g_autoptr(GString) shown = g_string_new(NULL);
    size_t k;
    json_t *piece;
    json_array_foreach(pieces, k, piece)
      g_string_append_printf(shown, json_object_get(piece, "m") ? "[%s]" : "%s", json_string_value(json_object_get(piece, "t")));
    g_assert_cmpstr(shown->str, ==, expected);
  }
}

static void test_marked(void) {
  World *world = world_new();
  assert_marked(world, "zhangwei", 1, "张伟", "[张伟]");
  assert_marked(world, "zhangwei", 1, "张伟与单晓红结婚登记", "[张伟]与单晓红结婚登记");
  assert_marked(world, "zhang wei", 4, "张伟同志任职的通知", "[张伟]同志任职的通知");
  assert_marked(world, "zw", 4, "张　伟", "[张　伟]");
  assert_marked(world, "zhangwei", 6, "章薇、张伟", "[章薇]、张伟"); /* the names of this record alone */
  assert_marked(world, "maimaitiaili", 5, "买买提·艾力", "[买买提·艾力]");
  assert_marked(world, "男方姓名:zhangwei", 1, "张伟", "[张伟]");
  assert_marked(world, "zhangwei", 2, "张伟明 zhangwei", "张伟明 [zhangwei]");
  json_auto_t *groups = json_pack("[[s, s]]", "北平", "北京");
  search_set_synonyms(world->search, groups);
  assert_marked(world, "北平", 6, "北京市政府文件，北平", "[北京]市政府文件，[北平]");
  assert_marked(world, "2003年", 1, "二〇〇三年", "[二〇〇三年]");
  world_free(world);
}

/* nü and lü as passports have them; an n that ends a syllable before yu stays. */
static void test_letters(void) {
  static const char *const cases[][2] = {{"chenyun", "chenyun"}, {"linyu", "linyu"}, {"jinyuanlu", "jinyuanlu"}, {"nyuwa", "nvwa"}, {"zhangnyu", "zhangnv"},
    {"linnyu", "linnv"}, {"lyubu", "lvbu"}, {"LI Nyu", "linv"}, {"li nü", "linv"}, {"Li Nv", "linv"}, {"LÜ NÜ", "lvnv"}, {"lǚ bu", "lvbu"},
    {"lin yu", "linyu"}, {"l n", "ln"}, {"L N", "ln"}, {"l nv", NULL}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *pattern = search_name_pattern(cases[i][0], FALSE, FALSE);
    g_assert_cmpstr(pattern, ==, cases[i][1]);
  }
}

static void test_synonyms(void) {
  World *world = world_new();
  check(world, "北平", "7");
  json_auto_t *groups = json_pack("[[s, s], [s, s, s], [s, s]]", "北平", "北京", "革委会", "革命委员会", "县革命委员会", "教育局", "市教育局");
  search_set_synonyms(world->search, groups);
  check(world, "北平", "6 7");
  check(world, "北京市政府", "6 7");
  check(world, "=北平", "7");
  check(world, "=\"北京市政府\"", "6");
  check(world, "题名:北平", "6 7");
  check(world, "责任者:革委会", "4");
  check(world, "临江县革委会", "4");
  check(world, "-北平", "1 2 3 4 5");
  g_autofree char *reading = NULL;
  g_autofree char *got = found_as(world, "北平", &SCOPE_EVERYTHING, &reading);
  g_assert_cmpstr(reading, ==, "“北平”还检索了“北京”");
  g_autoptr(GPtrArray) forms = search_synonym_forms(world->search->synonyms, "市教育局", 8);
  g_assert_cmpuint(forms->len, ==, 1);
  g_assert_cmpstr(g_ptr_array_index(forms, 0), ==, "教育局");
  json_auto_t *none = json_array();
  search_set_synonyms(world->search, none);
  check(world, "北平", "7");
  world_free(world);
}

static void assert_near(World *world, const Scope *scope, const char *word, const char *expected) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(world->db, &error);
  g_autoptr(GPtrArray) near = search_near(world->search, sql, scope, word, 3, &error);
  g_assert_no_error(error);
  g_ptr_array_add(near, NULL);
  g_autofree char *got = g_strjoinv(" ", (char **)near->pdata);
  g_assert_cmpstr(got, ==, expected);
}

/* What is nearly the word, and only what the asker finds. */
static void test_near(void) {
  World *world = world_new();
  assert_near(world, &SCOPE_EVERYTHING, "婚结登记", "结婚登记"); /* exchanged */
  assert_near(world, &SCOPE_EVERYTHING, "退休的档案", "退休档案"); /* one too many */
  assert_near(world, &SCOPE_EVERYTHING, "退休挡案", "退休档案"); /* another */
  assert_near(world, &SCOPE_EVERYTHING, "临江革命委员会", "临江县革命委员会"); /* missing */
  assert_near(world, &SCOPE_EVERYTHING, "北海市政府文件", "北京市政府文件 北平市政府文件");
  assert_near(world, &SCOPE_EVERYTHING, "張薇", "张伟 章薇"); /* sounds so */
  assert_near(world, &SCOPE_EVERYTHING, "zhangwie", "zhangwei");
  put(world, 9, "关于防汛的通知", NULL, "X-3", NULL, NULL);
  assert_near(world, &SCOPE_EVERYTHING, "防讯", "防汛");
  assert_near(world, &SCOPE_EVERYTHING, "北京式", "北京市"); /* in three: what is between or behind */
  assert_near(world, &SCOPE_EVERYTHING, "火箭", "");
  put(world, 8, "十三一年表", NULL, "X-2", NULL, NULL);
  assert_near(world, &SCOPE_EVERYTHING, "三十一年表", ""); /* 十三 is another year */
  assert_near(world, &SCOPE_EVERYTHING, "题名:火箭 或", "");
  static const Scope open_only = {.opening_mask = 1 << OPENING_OPEN, .files_mask = 1 << OPENING_OPEN, .all_fonds = TRUE};
  assert_near(world, &open_only, "张薇", "张伟");
  assert_near(world, &open_only, "北海市政府文件", "北平市政府文件");
  assert_near(world, &open_only, "退休挡案", "");
  assert_near(world, &open_only, "退修", "");
  world_free(world);
}

static void test_globs(void) {
  World *world = world_new();
  check(world, "档号:WS·2003·?·00??", "4");
  check(world, "WS·2003·?·00??", "4");
  check(world, "档号:WS·2003·*·0034", "4 5");
  check(world, "档号:*0012", "2 3");
  check(world, "档号:*034", "4 5 6");
  check(world, "A001-*-Y-00??", "1 2");
  check(world, "档号：Ａ００１－？？·2003-Y-*", "1 2");
  check(world, "文号:临?〔2003〕12?号", "2");
  check(world, "文号:临*12号", "1");
  check(world, "文号:*〔2003〕*", "1 2");
  check(world, "WS·2003·*", "4 5 6");
  check(world, "-档号:WS·2003·?·00??", "1 2 3 5 6 7");
  check(world, "姓名:*", "1 2 4 5 6 7");
  check(world, "男方姓名:*", "1");
  check(world, "档号:A001-* 非 姓名:*", "3");
  check(world, "😀", "");
  check(world, "*", "1 2 3 4 5 6 7");
  g_autofree char *nothing = search_glob_pattern("??**");
  g_assert_null(nothing);
  g_autoptr(GString) longer = g_string_new(NULL); /* than what is kept of codes in memory */
  for (guint i = 0; i < 100; i++) g_string_append(longer, "卷");
  g_string_append(longer, "-e\314\2011·77"); /* with an accent of its own, which is no sign between */
  put(world, 7, "北平市政府文件", NULL, longer->str, NULL, NULL);
  check(world, "档号:*é1·7?", "7");
  check(world, "档号:*e·1·7?", "");
  g_autoptr(GString) bomb = g_string_new("a1"), value = g_string_new(NULL);
  for (guint i = 0; i < 45; i++) g_string_append(bomb, "*a");
  g_string_append(bomb, "b");
  for (guint i = 0; i < 20000; i++) g_string_append_c(value, 'a');
  g_autofree char *pattern = search_glob_pattern(bomb->str);
  gint64 begin = g_get_monotonic_time();
  g_assert_false(search_glob_in(pattern, value->str));
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 2000000);
  check(world, bomb->str, "");
  world_free(world);
}

/* However many terms look into the records themselves, the time is that of one question. */
typedef struct { guint reads; } Slow;
static gboolean read_slowly(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  g_usleep(6000);
  ((Slow *)data)->reads++;
  *ret = (SearchText){g_strdup(""), g_strdup(""), g_strdup("临婚〔2003〕12号"), g_strdup("bz\t甲乙\n")};
  return TRUE;
}

static void test_time(void) {
  enum { MANY = 300, TERMS = 40 };
  World *world = g_new0(World, 1);
  Slow slow = {0};
  g_autoptr(GError) error = NULL;
  world->db = sql_open(":memory:", NULL);
  world->search = search_open(world->db, NULL);
  g_autoptr(Sql) writing = sql_write(world->db, NULL);
  for (gint64 id = 1; id <= MANY; id++) {
    SearchDocument document = {.id = id, .docno = "临婚〔2003〕12号", .fields = "bz\t甲乙\n", .columns = {.fonds_id = 1, .level = LEVEL_ITEM}};
    g_assert_true(search_put(world->search, writing, NULL, &document, NULL));
  }
  g_assert_true(sql_commit(writing, NULL));
  g_clear_pointer(&writing, sql_end);
  search_set_text_source(world->search, read_slowly, &slow);
  g_autoptr(GString) query = g_string_new("文号:*0* 或 bz:乙");
  for (guint i = 0; i < TERMS; i++) g_string_append_printf(query, " 或 文号:*%u*", i + 10);
  g_autoptr(Sql) sql = sql_read(world->db, NULL);
  SearchRequest ask = {.query = query->str};
  g_assert_null(search_run(world->search, sql, &SCOPE_EVERYTHING, &ask, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_nonnull(strstr(error->message, "再加一个检索词"));
  g_assert_cmpuint(slow.reads, <, 3 * MANY);
  g_clear_pointer(&sql, sql_end);
  world_free(world);
}

/* What only closed records say is not told to who may not see them. */
static void test_gate(void) {
  World *world = world_new();
  json_auto_t *groups = json_pack("[[s, s]]", "来信", "退休档案");
  search_set_synonyms(world->search, groups);
  const Scope open = {.opening_mask = 1u << OPENING_OPEN, .files_mask = 1u << OPENING_OPEN, .all_fonds = TRUE};
  g_autofree char *all_reading = NULL, *open_reading = NULL;
  g_autofree char *all = found_as(world, "来信", &SCOPE_EVERYTHING, &all_reading), *some = found_as(world, "来信", &open, &open_reading);
  g_assert_cmpstr(all, ==, "2 5");
  g_assert_cmpstr(some, ==, "5");
  g_assert_cmpstr(all_reading, ==, "“来信”还检索了“退休档案”");
  g_assert_null(open_reading);
  world_free(world);
}

static void check_suggestion(World *world, const char *beginning, const Scope *scope, const char *texts) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(world->db, &error);
  json_auto_t *list = search_suggest(world->search, sql, scope, beginning, 10, &error);
  g_assert_no_error(error);
  g_autoptr(GString) got = g_string_new(NULL);
  size_t i;
  json_t *one;
  json_array_foreach(list, i, one) g_string_append_printf(got, "%s%s", i ? "|" : "", json_string_value(json_object_get(one, "text")));
  if (!g_str_equal(got->str, texts)) g_error("%s suggests %s, not %s", beginning, got->str, texts);
}

static void test_suggestions(void) {
  World *world = world_new();
  const Scope open = {.opening_mask = 1u << OPENING_OPEN, .files_mask = 1u << OPENING_OPEN, .all_fonds = TRUE};
  check_suggestion(world, "zw", &SCOPE_EVERYTHING, "张伟|章薇");
  check_suggestion(world, "zhangwei", &SCOPE_EVERYTHING, "张伟|章薇|张伟明|张卫国");
  check_suggestion(world, "zhangw", &open, "张伟|张卫国"); /* 章薇 and 张伟明 stand in closed records alone */
  check_suggestion(world, "qiu", &SCOPE_EVERYTHING, "仇和平");
  check_suggestion(world, "WS·2003·1", &SCOPE_EVERYTHING, "WS·2003·1·0034|WS·2003·12·0034");
  check_suggestion(world, "WS·2003·1", &open, "WS·2003·12·0034");
  check_suggestion(world, "北", &SCOPE_EVERYTHING, "北京市政府文件|北平市政府文件");
  world_free(world);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/name/names", test_names);
  g_test_add_func("/name/whole", test_whole);
  g_test_add_func("/name/variants", test_variants);
  g_test_add_func("/name/marked", test_marked);
  g_test_add_func("/name/letters", test_letters);
  g_test_add_func("/name/near", test_near);
  g_test_add_func("/name/synonyms", test_synonyms);
  g_test_add_func("/name/globs", test_globs);
  g_test_add_func("/name/time", test_time);
  g_test_add_func("/name/gate", test_gate);
  g_test_add_func("/name/suggestions", test_suggestions);
  return g_test_run();
}
