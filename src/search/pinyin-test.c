/* Names by their sound, with real people's names: those who signed in an official gazette, in traditional characters, behind their offices. */
#include "query.h"
#include "error.h"
#include "text.h"

/* As Hanyu Pinyin has it; checked by hand. Characters of several readings stand with the one the name has: 曾 zeng, 長 chang, 盛 sheng, 行 xing. */
static const struct { const char *name, *pinyin, *initials; } GOLDEN[] = {
  {"郭瑤琪", "guoyaoqi", "gyq"}, {"何美玥", "hemeiyue", "hmy"}, {"杜正勝", "duzhengsheng", "dzs"}, {"蘇嘉全", "sujiaquan", "sjq"},
  {"龔照勝", "gongzhaosheng", "gzs"}, {"呂東英", "lvdongying", "ldy"}, {"吳當傑", "wudangjie", "wdj"}, {"陳晉源", "chenjinyuan", "cjy"},
  {"鄭宗典", "zhengzongdian", "zzd"}, {"林陵三", "linlingsan", "lls"}, {"侯勝茂", "houshengmao", "hsm"}, {"姚文智", "yaowenzhi", "ywz"}, {"林全", "linquan", "lq"},
  {"謝長廷", "xiechangting", "xct"}, {"陳菊", "chenju", "cj"}, {"曾國烈", "zengguolie", "zgl"}, {"曾參寶", "zengshenbao", "zsb"}, {"葉俊榮", "yejunrong", "yjr"},
  {"陳伸賢", "chenshenxian", "csx"}, {"施茂林", "shimaolin", "sml"}, {"郭芳煜", "guofangyu", "gfy"}, {"史哲", "shizhe", "sz"}, {"歐陽敏盛", "ouyangminsheng", "oyms"},
  {"俞邵武", "yushaowu", "ysw"}, {"宋餘俠", "songyuxia", "syx"}, {"彭淮南", "penghuainan", "phn"}, {"許璋瑤", "xuzhangyao", "xzy"}, {"郭旭崧", "guoxusong", "gxs"},
  {"魏寶生", "weibaosheng", "wbs"}, {"顏仁德", "yanrende", "yrd"}, {"何沙崙", "heshalun", "hsl"}, {"賴杉桂", "laishangui", "lsg"}, {"葉惠青", "yehuiqing", "yhq"},
  {"戴謙", "daiqian", "dq"}, {"藍順德", "lanshunde", "lsd"}, {"蔡練生", "cailiansheng", "cls"}, {"邱政茂", "qiuzhengmao", "qzm"}, {"石守謙", "shishouqian", "ssq"},
  {"梁樾", "liangyue", "ly"}, {"尹啟銘", "yinqiming", "yqm"}, {"吳釗燮", "wuzhaoxie", "wzx"}, {"賴幸媛", "laixingyuan", "lxy"}, {"劉兆玄", "liuzhaoxuan", "lzx"},
};
/* Surnames alone find whoever has them; and what sounds like nobody here finds nobody. */
static const char *const NOBODY[] = {"zhangsan", "guoyaoqin", "hemei", "zzy", "sheng"};

typedef struct { Search *search; SqlDb *db; GPtrArray *signers; } Gazette;

/* Each different value of 签署 once: lines without quotes are enough. */
static GPtrArray *read_signers(const char *path) {
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL)) return NULL;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  GPtrArray *signers = g_ptr_array_new_with_free_func(g_free);
  enum { SIGNER = 7, COLUMNS = 10 };
  for (char **line = lines + 1; *line; line++) {
    g_auto(GStrv) cells = strchr(*line, '"') ? NULL : g_strsplit(*line, ",", -1);
    if (cells == NULL || g_strv_length(cells) != COLUMNS || g_hash_table_contains(seen, cells[SIGNER])) continue;
    g_ptr_array_add(signers, g_strdup(cells[SIGNER]));
    g_hash_table_add(seen, signers->pdata[signers->len - 1]);
  }
  return signers;
}

/* Every signer of a row is a record's value of a field of persons, as an archive has them: 部長 杜正勝;署長 林吉昌. */
static void put_signers(Gazette *gazette) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(gazette->db, &error);
  for (guint i = 0; i < gazette->signers->len; i++) {
    g_autofree char *fields = g_strdup_printf("qs\t%s\n", (char *)gazette->signers->pdata[i]);
    SearchDocument document = {.id = i + 1, .title = "令", .fields = fields, .columns = {.fonds_id = 1, .level = LEVEL_ITEM, .opening = OPENING_OPEN}};
    g_assert_true(search_put(gazette->search, sql, NULL, &document, &error));
  }
  g_assert_true(sql_commit(sql, &error));
}

static gboolean read_text(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  const Gazette *gazette = data;
  *ret = (SearchText){.title = g_strdup("令"), .fields = g_strdup_printf("qs\t%s\n", (char *)gazette->signers->pdata[id - 1])};
  return TRUE;
}

/* Hits of the query, and how many of them have the name. */
static guint64 ask(Gazette *gazette, const char *query, const char *name, guint *ret_named) {
  g_autoptr(Sql) sql = sql_read(gazette->db, NULL);
  SearchRequest request = {.query = query, .limit = 1000};
  g_autoptr(SearchResult) result = search_run(gazette->search, sql, &SCOPE_EVERYTHING, &request, NULL);
  for (guint i = 0; ret_named && i < result->ids->len; i++)
    *ret_named += strstr(gazette->signers->pdata[g_array_index(result->ids, gint64, i) - 1], name) != NULL;
  return result->count;
}

static void check_name(Gazette *gazette, const char *name, const char *pinyin, const char *initials) {
  guint there = 0, named = 0, begun = 0;
  for (guint i = 0; i < gazette->signers->len; i++) there += strstr(gazette->signers->pdata[i], name) != NULL;
  if (there == 0) g_error("%s is not among the signers", name);
  guint64 found = ask(gazette, pinyin, name, &named);
  if (named != there || found != there) g_error("%s: %s found %u of %u, and %" G_GUINT64_FORMAT " in all", name, pinyin, named, there, found);
  ask(gazette, initials, name, &begun);
  if (begun != there) g_error("%s: %s found %u of %u", name, initials, begun, there);
}

static void test_signers(void) {
  const char *shared = g_getenv("LANTAI_SHARED");
  g_autofree char *path = g_build_filename(shared != NULL ? shared : "", "data/gazette/catalogue.csv", NULL);
  Gazette gazette = {.signers = read_signers(path)};
  if (gazette.signers == NULL) return g_test_skip("the shared data is not there (LANTAI_SHARED)");
  g_assert_cmpuint(gazette.signers->len, >, 100);
  gazette.db = sql_open(":memory:", NULL);
  gazette.search = search_open(gazette.db, NULL);
  search_set_text_source(gazette.search, read_text, &gazette);
  put_signers(&gazette);
  for (guint i = 0; i < G_N_ELEMENTS(GOLDEN); i++) check_name(&gazette, GOLDEN[i].name, GOLDEN[i].pinyin, GOLDEN[i].initials);
  for (guint i = 0; i < G_N_ELEMENTS(NOBODY); i++) g_assert_cmpuint(ask(&gazette, NOBODY[i], "", NULL), ==, 0);
  search_close(gazette.search);
  sql_close(gazette.db);
  g_ptr_array_unref(gazette.signers);
}

/* Beginnings and initials of some of the characters, in what is folded; nothing else. */
static void test_sounds(void) {
  static const struct { const char *letters, *text; gboolean found; } cases[] = {{"czj", "市财政局", TRUE}, {"caizhengj", "市财政局", TRUE}, {"shicz", "市财政局", TRUE},
    {"zj", "市财政局", TRUE}, {"cj", "市财政局", FALSE}, {"czju", "市财政局", TRUE}, {"czjx", "市财政局", FALSE}, {"", "市财政局", FALSE}, {"CZJ", "市财政局", FALSE},
    {"a", "", FALSE}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *folded = text_fold(cases[i].text);
    if (search_sounds_in(cases[i].letters, folded) != cases[i].found) g_error("%s in %s", cases[i].letters, cases[i].text);
  }
}

static void test_initials(void) {
  static const char *const cases[][2] = {{"展览经历", "zljl"}, {"A4 纸", "a4z"}, {"檔案", "da"}, {"（）", ""}, {"", ""}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *initials = search_initials(cases[i][0]);
    g_assert_cmpstr(initials, ==, cases[i][1]);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pinyin/signers", test_signers);
  g_test_add_func("/pinyin/sounds", test_sounds);
  g_test_add_func("/pinyin/initials", test_initials);
  return g_test_run();
}
