/* The query language: what is read as what, and that nothing makes it fail but length. */
#include "query.h"
#include "error.h"

static gboolean show_forms; /* else a term's other ways of writing are left out */

static void write_node(GString *out, const SearchNode *node) {
  if (node->match == MATCH_DAYS) return g_string_append_printf(out, "%s=%d..%d", node->names, node->date_from, node->date_to), (void)0;
  gboolean expanded = node->kind == NODE_OR && ((SearchNode *)g_ptr_array_index(node->children, 1))->said;
  if (expanded && !show_forms) return write_node(out, g_ptr_array_index(node->children, 0));
  static const char *const fields[] = {"", "title:", "creator:", "code:", "docno:", "text:", "year:", "date:", ""};
  static const char *const matches[] = {"", "whole:", "glob:", "name:", "days:", "any:"};
  if (node->kind == NODE_DATES) return g_string_append_printf(out, "%d..%d", node->date_from, node->date_to), (void)0;
  if (node->kind == NODE_YEARS) return g_string_append_printf(out, "%u-%u", node->year_from, node->year_to), (void)0;
  if (node->kind == NODE_TERM) {
    g_autofree char *names = node->names ? g_strdelimit(g_strdup(node->names), "\t", '|') : NULL;
    if (names) g_string_append_printf(out, "%s=", names);
    return g_string_append_printf(out, "%s%s[%s]", fields[node->field], matches[node->match], node->pattern), (void)0;
  }
  g_string_append(out, node->kind == NODE_AND ? "(&" : node->kind == NODE_OR ? "(|" : "(!");
  for (guint i = 0; i < node->children->len; i++) {
    g_string_append_c(out, ' ');
    write_node(out, g_ptr_array_index(node->children, i));
  }
  g_string_append_c(out, ')');
}

static void check(const char *text, const char *tree, gboolean understood) {
  json_auto_t *labels = json_pack("{s:s, s:s, s:[s], s:s, s:[s], s:[s]}", "乡镇（街道）", "xz", "男方姓名", "nfxm", "姓名", "nfxm", "备 注", "bz", "djrq", "djrq",
    SEARCH_DATES, "djrq");
  g_autoptr(GHashTable) fields = search_query_fields(labels);
  g_autoptr(GError) error = NULL;
  g_autoptr(SearchQuery) query = search_query_parse(text, (SearchNames){fields, NULL}, &error);
  g_assert_no_error(error);
  g_autoptr(GString) got = g_string_new(NULL);
  if (query->root) write_node(got, query->root);
  g_assert_cmpstr(got->str, ==, tree);
  if (understood) g_assert_cmpstr(query->notice->str, ==, "");
  else g_assert_cmpuint(query->notice->len, >, 0);
}

static void test_understood(void) {
  check("", "", TRUE);
  check("  　", "", TRUE);
  check("婚姻", "[婚姻]", TRUE);
  check("婚姻 登记　结婚", "(& [婚姻] [登记] [结婚])", TRUE);
  check("国发〔2015〕12号", "[国发 2015 12 号]", TRUE);
  check("A4", "[ a4 ]", TRUE);
  check("2015*", "[ 2015]", TRUE);
  check("J001-WS·2015-*", "[ j001 ws 2015]", TRUE);
  check("档案*", "[档案]", TRUE);
  check("\"人口 普查\"", "[人口 普查]", TRUE);
  check("“人口普查” 「资料」 『汇编』", "(& [人口普查] [资料] [汇编])", TRUE);
  check("\"ab\"*", "[ ab]", TRUE);
  check("甲 OR 乙 或 丙", "(| [甲] [乙] [丙])", TRUE);
  check("甲 乙 OR 丙 AND 丁", "(| (& [甲] [乙]) (& [丙] [丁]))", TRUE);
  check("甲　ＯＲ　乙", "(| [甲] [乙])", TRUE);
  check("甲 -乙 NOT 丙 非 丁", "(& [甲] (! [乙]) (! [丙]) (! [丁]))", TRUE);
  check("－乙", "(! [乙])", TRUE);
  check("（甲 或 乙） 丙", "(& (| [甲] [乙]) [丙])", TRUE);
  check("甲 -(乙 OR \"丙 丁\")", "(& [甲] (! (| [乙] [丙 丁])))", TRUE);
  check("title:甲 责任者：乙 档号:X001 文号:\"国发 12\" 全文:丙", "(& title:[甲] creator:[乙] code:[ x001 ] docno:[国发 12 ] text:[丙])", TRUE);
  check("题名：（甲 或 责任者:乙）", "(| title:[甲] creator:[乙])", TRUE);
  check("男方姓名:张三 nfxm:李四 备注： 甲", "(& nfxm|男方姓名=[张三] nfxm=[李四] bz|备注=[甲])", TRUE);
  check("備註:(甲 -乙) ＮＦＸＭ：丙", "(& (& bz|备注=[甲] (! bz|备注=[乙])) nfxm=[丙])", TRUE);
  check("年度:1958 year:1950-1959 year:1960— 年度：１９５０～１９５９年", "(& 1958-1958 1950-1959 1960-65535 1950-1959)", TRUE);
  check("姓名:LI Nyu 1958", "(& nfxm|姓名=[ li nyu ] [ 1958 ])", TRUE);
  check("男方姓名：=Jean-Paul O'Neil 结婚", "(& nfxm|男方姓名=whole:[ jean paul o neil ] [结婚])", TRUE);
  check("姓名:LI Nyu 题名:ab OR 姓名:LI AND Nyu", "(| (& nfxm|姓名=[ li nyu ] title:[ ab ]) (& nfxm|姓名=[ li ] [ nyu ]))", TRUE);
  check("姓名:(zhang wei 或 li na -wang) ab", "(& (| nfxm|姓名=[ zhang wei ] (& nfxm|姓名=[ li na ] (! nfxm|姓名=[ wang ]))) [ ab ])", TRUE);
  check("姓名:张 伟 备注:ab cd 姓名:A1 bc", "(& nfxm|姓名=[张] [伟] bz|备注=[ ab ] [ cd ] nfxm|姓名=[ a1 ] [ bc ])", TRUE);
  check("djrq:1979年2月", "(| djrq=[ 1979 年 2 月] djrq=19790201..19790228)", TRUE);
  check("djrq:1979-02..1980 -djrq:1979*", "(& (| djrq=[ 1979 02 1980 ] djrq=19790201..19801231) (! djrq=[ 1979]))", TRUE);
  check("djrq:1979- djrq:民国二十六年", "(& (| djrq=[ 1979 ] djrq=19790101..29991231) (| djrq=[民国二十六年] djrq=19370101..19371231))", TRUE);
  check("djrq:年底 djrq:=1979", "(& djrq=[年底] djrq=whole:[ 1979 ])", TRUE);
  check("乡镇（街道）:甲 乡镇(街道)：(乙 或 丙) 乡镇街道:丁", "(& xz|乡镇街道=[甲] (| xz|乡镇街道=[乙] xz|乡镇街道=[丙]) xz|乡镇街道=[丁])", TRUE);
  check("印发(试行:甲) (乡镇（街道）:甲)", "(& [印发 试行 甲] xz|乡镇街道=[甲])", TRUE);
  check("12:30 http://a", "(& [ 12 30 ] [ http a ])", TRUE);
  check("关于印发《办法（试行）》的通知", "[关于印发 办法 试行 的通知]", TRUE);
  check("(关于《办法（试行）》的通知 OR 甲)", "(| [关于 办法 试行 的通知] [甲])", TRUE);
  check("关于“十二五”规划", "[关于 十二五 规划]", TRUE);
  check("檔案", "[档案]", TRUE);
  check("or and not", "(& [ or ] [ and ] [ not ])", TRUE);
  check("2015-2016 甲-乙", "(& [ 2015 2016 ] [甲 乙])", TRUE);
}

static void test_read_as_words(void) {
  check("或", "[或]", FALSE);
  check("甲 OR", "(& [甲] [ or ])", FALSE);
  check("OR 甲", "(& [ or ] [甲])", FALSE);
  check("非", "[非]", FALSE);
  check("甲 OR OR 乙", "(| (& [甲] [ or ]) [乙])", FALSE);
  check("(甲 OR 乙", "(| [甲] [乙])", FALSE);
  check("甲 ) 乙", "(& [甲] [乙])", FALSE);
  check("\"人口 普查", "[人口 普查]", FALSE);
  check("year:甲", "[甲]", FALSE);
  check("title:", "[ title ]", FALSE);
  check("(title:)", "[ title ]", FALSE);
  check("，。、", "", FALSE);
  check("甲 ***", "[甲]", TRUE);
  check("时间:下午", "[时间 下午]", FALSE);
  check("时间:", "[时间]", TRUE);
  check("\"时间:下午\"", "[时间 下午]", TRUE);
  check("关于进一步加强城市规划工作的通知:附件", "[关于进一步加强城市规划工作的通知 附件]", TRUE);
  check("()", "", TRUE);
}

static void test_times(void) {
  check("年度:民国二十六年", "1937-1937", TRUE);
  check("年:民国二十六年至三十四年 year:1937..1945", "(& 1937-1945 1937-1945)", TRUE);
  check("年度:1980年代 年度：五十年代 年度:光绪三十四年 年度:195X", "(& 1980-1989 1950-1959 1908-1908 1950-1959)", TRUE);
  check("年度:1953年5月", "19530501..19530531", TRUE);
  check("日期:1937-07 date:1937年7月7日 日期:1950-1959 日期:约1950", "(& 19370701..19370731 19370707..19370707 19500101..19591231 19500101..19501231)", TRUE);
  check("日期:民国二十六年七月至九月", "19370701..19370930", TRUE);
  check("日期:昨天", "[昨天]", FALSE);
  check("年度:戊戌", "(| 1658-1658 1718-1718 1778-1778 1838-1838 1898-1898 1958-1958 2018-2018)", TRUE);
  check("年度:辛亥年 日期:民国丁丑", "(& (| 1671-1671 1731-1731 1791-1791 1851-1851 1911-1911 1971-1971) 19370101..19371231)", TRUE);
  check("日期:抗战时期 年度:光绪年间 日期:康熙壬寅", "(& 19310918..19450903 1875-1908 (| 16620101..16621231 17220101..17221231))", TRUE);
  check("年度:(1950 OR 民国元年)", "(| 1950-1950 1912-1912)", TRUE);
  check("年度:康熙 日期:乾隆末年 年度:道光中叶", "(& 1662-1722 17860101..17951231 1831-1840)", TRUE);
  check("日期:1949年10月以前 年度:1949年及以前 日期:1937年7月7日止", "(& 10101..19490930 1-1949 10101..19370707)", TRUE);
  check("日期:1958年以来 年度：民国二十六年起 日期:>1958 日期:＞＝1958", "(& 19580101..655351231 1937-65535 19590101..655351231 19580101..655351231)", TRUE);
  check("日期:解放前 日期:建国后 日期:清末以前", "(& 10101..19490930 19491001..655351231 10101..18391231)", TRUE);
  check("年度:58 年度:五八年 年度:03年 年度:58-60", "(& 1958-1958 1958-1958 (| 1903-1903 2003-2003) 1958-1960)", TRUE);
  check("年度:2019、2021 日期:1950年代，1971", "(& (| 2019-2019 2021-2021) (| 19500101..19591231 19710101..19711231))", TRUE);
  check("年度:以前", "[以前]", FALSE);
  check("年度:7", "[ 7 ]", FALSE);
}

static void test_forms(void) {
  show_forms = TRUE;
  check("民国二十六年", "(| [民国二十六年] [ 1937 年] [一九三七年] [民国 26 年] [民国丁丑] 19370101..19371231)", TRUE);
  check("1908年", "(| [ 1908 年] [一九〇八年] [光绪三十四年] [光绪 34 年] [光绪戊申] 19080101..19081231 [一九零八年])", TRUE);
  check("宣统元年", "(| [宣统元年] [ 1909 年] [一九〇九年] [宣统 1 年] [宣统己酉] 19090101..19091231)", TRUE);
  check("民国丁丑", "(| [民国丁丑] [ 1937 年] [一九三七年] [民国二十六年] [民国 26 年] 19370101..19371231 [民囯丁丑])", TRUE);
  check("光绪戊戌年", "(| [光绪戊戌年] [ 1898 年] [一八九八年] [光绪二十四年] [光绪 24 年] [光绪戊戌] 18980101..18981231)", TRUE);
  check("辛亥年", "(| [辛亥年] 19710101..19711231 19110101..19111231 18510101..18511231 17910101..17911231 17310101..17311231 16710101..16711231)", TRUE);
  check("辛亥革命", "[辛亥革命]", TRUE);
  check("=辛亥年", "[辛亥年]", TRUE);
  check("抗战时期", "(| [抗战时期] 19310918..19450903 [抗战旹期])", TRUE);
  check("光绪年间", "(| [光绪年间] 18750101..19081231)", TRUE);
  check("康熙六十一年", "(| [康熙六十一年] [ 1722 年] [一七二二年] [康熙 61 年] [康熙壬寅] 17220101..17221231)", TRUE);
  check("民国廿六年", "(| [民国廿六年] [ 1937 年] [一九三七年] [民国二十六年] [民国 26 年] [民国丁丑] 19370101..19371231)", TRUE);
  check("二十世纪五十年代", "(| [二十世纪五十年代] 19500101..19591231 [二十世纪 50 年代])", TRUE);
  check("一九五几年", "(| [一九五几年] 19500101..19591231)", TRUE);
  check("1937年7月7日", "(| [ 1937 年 7 月 7 日] [一九三七年七月七日] [民国二十六年七月七日] [民国 26 年 7 月 7 日] 19370707..19370707)", TRUE);
  check("民国二十六年七月", "(| [民国二十六年七月] [ 1937 年 7 月] [一九三七年七月] [民国 26 年 7 月] 19370701..19370731 [民国二十六年 7 月] [民国 26 年七月])", TRUE);
  check("1937-07-07", "(| [ 1937 07 07 ] [ 1937 年 7 月 7 日] [一九三七年七月七日] [民国二十六年七月七日] [民国 26 年 7 月 7 日] 19370707..19370707)", TRUE);
  check("光绪三十四年正月", "(| [光绪三十四年正月] [ 1908 年] [一九〇八年] [光绪三十四年] [光绪 34 年] [光绪戊申] 19080101..19081231 [光绪 34 年正月])", TRUE);
  check("康熙初年", "(| [康熙初年] 16620101..16711231)", TRUE);
  check("1949-195?", "(| glob:[* 1949 195? *] 19490101..19591231)", TRUE);
  check("五八年", "(| [五八年] [ 1958 年] [一九五八年] 19580101..19581231 [ 58 年] [五十八年])", TRUE);
  check("58年", "(| [ 58 年] [五十八年])", TRUE);
  check("2019-0001", "[ 2019 0001 ]", TRUE);
  check("五十年代", "(| [五十年代] 19500101..19591231 [ 50 年代])", TRUE);
  check("第十二号", "(| [第十二号] [第 12 号])", TRUE);
  check("第１２號", "(| [第 12 号] [第十二号])", TRUE);
  check("二〇〇三", "(| [二〇〇三] [ 2003 ] [二零零三])", TRUE);
  check("二○○三年度", "(| [二〇〇三年度] [ 2003 年度] [二零零三年度])", TRUE);
  check("2003", "(| [ 2003 ] [二〇〇三] [二零零三])", TRUE);
  check("国发〔2003〕12号", "(| [国发 2003 12 号] [国发 二〇〇三 十二号] [国发 2003 第 12 号] [国发 二〇〇三 第十二号] [国发 2003 年第 12 号] [国发二〇〇三年第十二号] "
    "[国发 2003 年 12 号] [国发二〇〇三年十二号])", TRUE);
  check("(2003)第12号", "(| [ 2003 第 12 号] [ 2003 12 号] [二〇〇三 十二号] [二〇〇三 第十二号] [ 2003 年第 12 号] [二〇〇三年第十二号] [ 2003 年 12 号] [二〇〇三年十二号])", TRUE);
  check("title:第三届", "(| title:[第三届] title:[第 3 届])", TRUE);
  check("统一", "[统一]", TRUE);
  check("男方姓名:* 非 男方姓名:*", "(& nfxm|男方姓名=any:[] (! nfxm|男方姓名=any:[]))", TRUE);
  check("题名:* 甲", "[甲]", FALSE);
  check("A4 12B 0012 J001-WS·2015-Y-0001 档号:2003 2015*", "(& [ a4 ] [ 12b ] [ 0012 ] [ j001 ws 2015 y 0001 ] code:[ 2003 ] [ 2015])", TRUE);
  check("=民国二十六年 =\"第十二号\" 题名:(=\"第三届\")", "(& [民国二十六年] [第十二号] title:[第三届])", TRUE);
  check("题名:=\"第三届\" 男方姓名:=张伟 责任者:＝甲", "(& title:whole:[第三届] nfxm|男方姓名=whole:[张伟] creator:whole:[甲])", TRUE);
  show_forms = FALSE;
}

static void test_numerals(void) {
  static const struct { guint value; const char *words; } cases[] = {{1, "一"}, {10, "十"}, {12, "十二"}, {20, "二十"}, {100, "一百"}, {103, "一百零三"},
    {110, "一百一十"}, {112, "一百一十二"}, {1001, "一千零一"}, {1010, "一千零一十"}, {1100, "一千一百"}, {9999, "九千九百九十九"}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *words = search_numeral_words(cases[i].value);
    g_assert_cmpstr(words, ==, cases[i].words);
  }
  for (guint value = 1; value <= 9999; value++) { /* what is written is read as the same number */
    g_autofree char *words = search_numeral_words(value), *term = g_strdup_printf("第%s号", words), *figures = g_strdup_printf("第%u号", value);
    g_autoptr(GPtrArray) forms = search_numeral_forms(term, 8), back = search_numeral_forms(figures, 8);
    g_assert_true(g_ptr_array_find_with_equal_func(forms, figures, g_str_equal, NULL));
    g_assert_true(value == 0 || (value >= 1000 && value < 3000) || g_ptr_array_find_with_equal_func(back, term, g_str_equal, NULL));
  }
}

/* Each reading's query finds the same without that meaning. */
static void test_readings(void) {
  static const struct { const char *query, *term, *exact; } cases[] = {
    {"水库 民国二十六年 -甲", "民国二十六年", "水库 =\"民国二十六年\" -甲"}, {"题名:第三届 乙", "第三届", "题名:(=\"第三届\") 乙"},
    {"(\"第十二号\" OR 甲)", "第十二号", "(=\"第十二号\" OR 甲)"}, {"关于“十二五”第一期", "关于“十二五”第一期", "=\"关于 十二五 第一期\""}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(SearchQuery) query = search_query_parse(cases[i].query, (SearchNames){0}, NULL);
    g_assert_cmpuint(query->readings->len, ==, 1);
    const QueryReading *reading = g_ptr_array_index(query->readings, 0);
    g_assert_cmpstr(reading->term, ==, cases[i].term);
    g_assert_cmpstr(reading->exact, ==, cases[i].exact);
    g_autoptr(SearchQuery) exact = search_query_parse(reading->exact, (SearchNames){0}, NULL);
    g_assert_cmpuint(exact->readings->len, ==, 0);
    g_autoptr(GString) got = g_string_new(NULL), plain = g_string_new(NULL);
    write_node(got, query->root);
    write_node(plain, exact->root);
    g_assert_cmpstr(got->str, ==, plain->str);
  }
}

static void test_positive_terms(void) {
  g_autoptr(GPtrArray) terms = search_terms(NULL, NULL, "甲* -乙 (丙 OR NOT (丁 -戊)) 题名:己 甲* ab* 男方姓名：张三", 0);
  g_autoptr(GString) all = g_string_new(NULL);
  for (guint i = 0; i < terms->len; i++) g_string_append_printf(all, "%s|", (char *)g_ptr_array_index(terms, i));
  g_assert_cmpstr(all->str, ==, "甲*|丙|戊|己|ab*|男方姓名：张三|张三|");
}

static void test_limits(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < 10000; i++) g_string_append(text, "档");
  g_assert_null(search_query_parse(text->str, (SearchNames){0}, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_string_truncate(text, strlen("档") * QUERY_CHARACTERS);
  g_autoptr(SearchQuery) longest = search_query_parse(text->str, (SearchNames){0}, &error);
  g_assert_no_error(error);
  g_string_truncate(text, 0);
  for (guint i = 0; i < QUERY_TERMS; i++) g_string_append_printf(text, "%u ", i);
  g_autoptr(SearchQuery) most = search_query_parse(text->str, (SearchNames){0}, &error);
  g_assert_no_error(error);
  g_string_append(text, "甲");
  g_assert_null(search_query_parse(text->str, (SearchNames){0}, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_autoptr(GPtrArray) none = search_terms(NULL, NULL, text->str, 0);
  g_assert_cmpuint(none->len, ==, 0);
}

static guint tree_depth(const SearchNode *node) {
  guint deepest = 0;
  for (guint i = 0; node && node->children && i < node->children->len; i++) deepest = MAX(deepest, tree_depth(g_ptr_array_index(node->children, i)));
  return deepest + 1;
}

static void test_garbage(void) {
  static const char *const parts[] = {"(", ")", "（", "）", "\"", "“", "”", "「", "」", "-", "－", "--", " ", "　",
    "OR", "或", "AND", "NOT", "非", " OR ", " NOT ", "title:", "题名：",
    "year:", "年度:1950-", ":", "：", "*", "甲", "乙", "ab", "12", "，", "\377", "\357\277\277", "\001", "\360\237\230\200", "\314\201", "\342\200\213", "nfxm:"};
  g_autoptr(GRand) random = g_rand_new_with_seed(11);
  for (guint round = 0; round < 20000; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (gint i = g_rand_int_range(random, 0, 24); i > 0; i--) g_string_append(text, parts[g_rand_int_range(random, 0, G_N_ELEMENTS(parts))]);
    g_autoptr(GError) error = NULL;
    g_autoptr(SearchQuery) query = search_query_parse(text->str, (SearchNames){0}, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < query->leaves->len; i++) g_assert_cmpuint(((SearchNode *)g_ptr_array_index(query->leaves, i))->leaf, ==, i);
  }
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) { /* each of them 2 000 characters long */
    g_autoptr(GString) text = g_string_new(NULL);
    while (g_utf8_strlen(text->str, -1) < QUERY_CHARACTERS - 12) g_string_append(text, parts[i]);
    g_autoptr(SearchQuery) query = search_query_parse(text->str, (SearchNames){0}, NULL);
    if (query) g_assert_cmpuint(tree_depth(query->root), <=, 4 * QUERY_DEPTH);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/query/understood", test_understood);
  g_test_add_func("/query/read-as-words", test_read_as_words);
  g_test_add_func("/query/times", test_times);
  g_test_add_func("/query/forms", test_forms);
  g_test_add_func("/query/numerals", test_numerals);
  g_test_add_func("/query/readings", test_readings);
  g_test_add_func("/query/positive-terms", test_positive_terms);
  g_test_add_func("/query/limits", test_limits);
  g_test_add_func("/query/garbage", test_garbage);
  return g_test_run();
}
