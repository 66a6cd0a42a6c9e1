/* Dates: every form of date.h, what must be refused, formatting, and every date of the real catalogues. */
#include "date.h"
#include "settings.h"
#include <time.h>

#include <string.h>

#include "text.h"

typedef struct {
  const char *text;
  gint32 from, to;
} Case;

static void check_cases(const Case *cases, gsize count) {
  for (gsize i = 0; i < count; i++) {
    DateSpan span = {-1, -1};
    if (!date_parse(cases[i].text, &span)) g_error("%s is refused", cases[i].text);
    if (span.from != cases[i].from || span.to != cases[i].to) g_error("%s is %d to %d", cases[i].text, span.from, span.to);
  }
}

static void test_days(void) {
  static const Case cases[] = {
    {"", 0, 0}, {" 　", 0, 0}, {"20231229", 20231229, 20231229}, {"2023-12-29", 20231229, 20231229}, {"2023/12/29", 20231229, 20231229},
    {"2023.12.29", 20231229, 20231229}, {"2023年12月29日", 20231229, 20231229}, {"2023年12月29", 20231229, 20231229}, {"2023-1-5", 20230105, 20230105},
    {"2023 年 1 月 5 日", 20230105, 20230105}, {"２０２３年１２月２９日", 20231229, 20231229}, {"２０２３－１２－２９", 20231229, 20231229},
    {"２０２３．１２．２９", 20231229, 20231229}, {"2023—12—29", 20231229, 20231229}, {"20240229", 20240229, 20240229}, {"2000-02-29", 20000229, 20000229},
    {"二〇〇三年十月一日", 20031001, 20031001}, {"二零零三年十月一日", 20031001, 20031001}, {"二○○三年十月一日", 20031001, 20031001},
    {"二OO三年十月一日", 20031001, 20031001}, {"二00三年十月一日", 20031001, 20031001}, {"一九五八年十二月三十一日", 19581231, 19581231},
    {"一九五八年十月廿一日", 19581021, 19581021}, {"一九五八年十月卅一日", 19581031, 19581031}, {"一九五八年十月二十", 19581020, 19581020},
    {"一九五八年元月二十九日", 19580129, 19580129}, {"一九五八年一〇月二九日", 19581029, 19581029}, {"貳零零叁年拾月壹日", 20031001, 20031001},
    {"1958年3月5號", 19580305, 19580305}, {"2023-12-29 10:05:00", 20231229, 20231229}, {"2023/12/29 0:00", 20231229, 20231229},
    {"2023-12-29T23:59:59.123", 20231229, 20231229}, {"2023年12月29日 8:30", 20231229, 20231229},
  };
  check_cases(cases, G_N_ELEMENTS(cases));
}

static void test_unknown(void) {
  static const Case cases[] = {
    {"202312", 20231201, 20231231}, {"2023-12", 20231201, 20231231}, {"2023年12月", 20231201, 20231231}, {"2023", 20230101, 20231231},
    {"2023年", 20230101, 20231231}, {"20230000", 20230101, 20231231}, {"20231200", 20231201, 20231231}, {"2023-00-00", 20230101, 20231231},
    {"202300", 20230101, 20231231}, {"2023.2", 20230201, 20230228}, {"2024/02", 20240201, 20240229}, {"一九五八年三月", 19580301, 19580331},
    {"一九五八年", 19580101, 19581231}, {"一九五八", 19580101, 19581231}, {"[1958]", 19580101, 19581231}, {"［1958年3月］", 19580301, 19580331},
    {"〔1958〕年", 19580101, 19581231}, {"【1958-03-01】", 19580301, 19580301}, {"约1958年", 19580101, 19581231}, {"約1958年3月", 19580301, 19580331},
    {"[约1958]", 19580101, 19581231}, {"1958?", 19580101, 19581231}, {"1958？", 19580101, 19581231}, {"1958年?", 19580101, 19581231},
    {"[1958?]", 19580101, 19581231}, {"1958-03?", 19580301, 19580331}, {"195×", 19500101, 19591231}, {"195?", 19500101, 19591231},
    {"195×年", 19500101, 19591231}, {"195X", 19500101, 19591231}, {"一九五×年", 19500101, 19591231}, {"19××", 19000101, 19991231},
    {"19??", 19000101, 19991231}, {"[195?]", 19500101, 19591231}, {"1958年×月×日", 19580101, 19581231}, {"1958年3月××日", 19580301, 19580331},
    {"195803××", 19580301, 19580331}, {"1958××××", 19580101, 19581231},
  };
  check_cases(cases, G_N_ELEMENTS(cases));
}

static void test_eras(void) {
  static const Case cases[] = {
    {"中華民國94年1月3日", 20050103, 20050103}, {"中华民国九十四年一月三日", 20050103, 20050103}, {"民国元年", 19120101, 19121231},
    {"民國二十六年", 19370101, 19371231}, {"民国26年7月7日", 19370707, 19370707}, {"民国26.7.7", 19370707, 19370707}, {"民国三十七年十二月", 19481201, 19481231},
    {"民国一百零三年", 20140101, 20141231}, {"民国一百一十二年三月", 20230301, 20230331}, {"民国廿六年", 19370101, 19371231}, {"民国37", 19480101, 19481231},
    {"民国六年", 19170101, 19171231}, {"中華民國 94 年 1 月 3 日", 20050103, 20050103}, {"光绪三十四年", 19080101, 19081231}, {"光緒三十四年", 19080101, 19081231},
    {"清光绪34年", 19080101, 19081231}, {"大清光绪元年", 18750101, 18751231}, {"清朝宣统三年", 19110101, 19111231}, {"宣统元年", 19090101, 19091231},
    {"同治元年", 18620101, 18621231}, {"同治十三年", 18740101, 18741231}, {"咸丰元年", 18510101, 18511231}, {"咸豐十一年", 18610101, 18611231},
    {"道光二十年", 18400101, 18401231}, {"嘉庆元年", 17960101, 17961231}, {"乾隆元年", 17360101, 17361231}, {"乾隆六十年", 17950101, 17951231},
    {"雍正元年", 17230101, 17231231}, {"康熙六十一年", 17220101, 17221231}, {"順治元年", 16440101, 16441231}, {"光绪三十四年十二月初八日", 19080101, 19081231},
    {"光绪三十四年闰四月", 19080101, 19081231}, {"宣统二年正月十五", 19100101, 19101231}, {"宣统二年腊月廿三日", 19100101, 19101231}, {"[光绪三十四年]", 19080101, 19081231},
  };
  check_cases(cases, G_N_ELEMENTS(cases));
}

static void test_parts(void) {
  static const Case cases[] = {
    {"1953年春", 19530101, 19530531}, {"一九五三年秋季", 19530701, 19531130}, {"1953年冬", 19531001, 19531231}, {"民国二十六年夏", 19370401, 19370831},
    {"1953年上半年", 19530101, 19530630}, {"1953年下半年", 19530701, 19531231}, {"1953年3月上旬", 19530301, 19530310}, {"1953年2月下旬", 19530221, 19530228},
    {"民国26年7月中旬", 19370711, 19370720}, {"1980年代", 19800101, 19891231}, {"八十年代", 19800101, 19891231}, {"80年代", 19800101, 19891231},
    {"20世纪50年代", 19500101, 19591231}, {"十九世纪四十年代", 18400101, 18491231}, {"上世纪五十年代", 19500101, 19591231}, {"五十年代至六十年代", 19500101, 19691231},
    {"约1980年代", 19800101, 19891231}, {"公元1937年", 19370101, 19371231}, {"康德元年", 19340101, 19341231}, {"康德十二年八月", 19450801, 19450831},
    {"大同二年", 19330101, 19331231}, {"洪宪元年", 19160101, 19161231}, {"光绪三十四年冬月初五", 19080101, 19081231},
  };
  check_cases(cases, G_N_ELEMENTS(cases));
}

static void test_cycle(void) {
  static const Case cases[] = {
    {"民国丁丑", 19370101, 19371231}, {"民国丁丑年", 19370101, 19371231}, {"民国丁丑年七月", 19370701, 19370731}, {"光绪戊戌年", 18980101, 18981231},
    {"光緒戊戌", 18980101, 18981231}, {"宣统辛亥年八月十九日", 19110101, 19111231}, {"光绪二十四年戊戌", 18980101, 18981231}, {"光绪二十四年（戊戌）", 18980101, 18981231},
    {"光绪二十四年（戊戌年）", 18980101, 18981231}, {"1937年丁丑", 19370101, 19371231}, {"1937年（丁丑）7月", 19370701, 19370731}, {"同治甲子", 18640101, 18641231},
    {"康熙甲子", 16840101, 16841231}, {"乾隆甲子年", 17440101, 17441231}, {"清光绪甲午年", 18940101, 18941231}, {"嘉靖元年", 15220101, 15221231},
    {"万历四十八年", 16200101, 16201231}, {"明崇祯十七年", 16440101, 16441231}, {"一九五几年", 19500101, 19591231}, {"195几年", 19500101, 19591231},
    {"（1958）", 19580101, 19581231}, {"太平天国三年", 18530101, 18531231},
  };
  check_cases(cases, G_N_ELEMENTS(cases));
  static const struct { const char *text; int years[8]; } sets[] = {
    {"辛亥年", {1671, 1731, 1791, 1851, 1911, 1971}}, {"戊戌年", {1658, 1718, 1778, 1838, 1898, 1958, 2018}}, {"甲子年", {1684, 1744, 1804, 1864, 1924, 1984}},
    {"癸亥年", {1683, 1743, 1803, 1863, 1923, 1983}}, {"康熙壬寅", {1662, 1722}}, {"民国丁丑", {1937}}, {"民國丁丑年", {1937}}, {"辛亥", {0}}, {"甲丑年", {0}},
    {"辛亥革命", {0}}, {"辛亥年间", {0}}, {"光绪乙丑", {0}}, {"", {0}}, {"年", {0}}};
  for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
    int years[8] = {0};
    date_cycle_parse(sets[i].text, 2025, years, 8);
    for (int n = 0; n < 8; n++)
      if (years[n] != sets[i].years[n]) g_error("%s: %d is not %d", sets[i].text, years[n], sets[i].years[n]);
  }
  for (int year = 1000; year < 3000; year++) { /* every name is of its year, and sixty follow one another */
    g_autofree char *name = date_cycle_name(year), *again = date_cycle_name(year + 60), *next = date_cycle_name(year + 1);
    g_autofree char *said = g_strdup_printf("%d年%s", year, name);
    DateSpan span;
    g_assert_cmpstr(name, ==, again);
    g_assert_cmpstr(name, !=, next);
    g_assert_true(date_parse(said, &span) && span.from == year * 10000 + 101);
  }
}

static void test_periods(void) {
  static const Case cases[] = {
    {"抗战时期", 19310918, 19450903}, {"抗戰時期", 19310918, 19450903}, {"抗日战争时期", 19310918, 19450903}, {"文革期间", 19660516, 19761006}, {"一五时期", 19530101, 19571231},
    {"光绪年间", 18750101, 19081231}, {"民国时期", 19120101, 19491231}, {"康熙朝", 16620101, 17221231}, {"乾隆年间", 17360101, 17951231}, {"解放初期", 19491001, 19561231}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    DateSpan span = {-1, -1}, ends[2];
    if (!date_period(cases[i].text, &span) || span.from != cases[i].from || span.to != cases[i].to) g_error("%s is %d to %d", cases[i].text, span.from, span.to);
    for (int end = 0; end < 2; end++) { /* real days */
      g_autofree char *day = g_strdup_printf("%d", end == 0 ? span.from : span.to);
      g_assert_true(date_parse(day, &ends[end]));
    }
  }
  DateSpan span;
  g_assert_false(date_period("抗战", &span) || date_period("", &span) || date_period("水库", &span) || date_period("\xE5", &span));
}

static void test_era_of_year(void) {
  static const struct { int year; const char *era; int number; } cases[] = {
    {1937, "民国", 26}, {1912, "民国", 1}, {1949, "民国", 38}, {1908, "光绪", 34}, {1911, "宣统", 3}, {1909, "宣统", 1}, {1736, "乾隆", 1}, {1644, "顺治", 1}};
  int number = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_assert_cmpstr(date_era(cases[i].year, &number), ==, cases[i].era);
    g_assert_cmpint(number, ==, cases[i].number);
  }
  g_assert_null(date_era(1950, &number));
  g_assert_cmpstr(date_era(1643, &number), ==, "崇祯");
  g_assert_cmpint(number, ==, 16);
  g_assert_null(date_era(1367, &number));
}

static void test_ranges(void) {
  static const Case cases[] = {
    {"1958-1961", 19580101, 19611231}, {"1958—1961", 19580101, 19611231}, {"1958——1961年", 19580101, 19611231}, {"1958年—1961年", 19580101, 19611231},
    {"19580301-19611231", 19580301, 19611231}, {"195803-196112", 19580301, 19611231}, {"1958年3月—1961年12月", 19580301, 19611231},
    {"1958-03-01—1961-12-31", 19580301, 19611231}, {"1958-03-01-1961-12-31", 19580301, 19611231}, {"1958.3.1-1961.12.31", 19580301, 19611231},
    {"1958.3-1961.12", 19580301, 19611231}, {"1958/1961", 19580101, 19611231}, {"1958-03-01/1961-12-31", 19580301, 19611231}, {"1958～1961", 19580101, 19611231},
    {"1958至1961", 19580101, 19611231}, {"1958年3月至5月", 19580301, 19580531}, {"1958年3月1日—5日", 19580301, 19580305},
    {"1958年3月1日—4月2日", 19580301, 19580402}, {"民国二十六年—三十四年", 19370101, 19451231}, {"民国26年7月—民国34年8月", 19370701, 19450831},
    {"光绪三十四年—宣统三年", 19080101, 19111231}, {"光绪三十年三月至三十四年", 19040101, 19081231}, {"宣统三年—民国元年", 19110101, 19121231},
    {"[1958-1961]", 19580101, 19611231}, {"[1958]-[1961]", 19580101, 19611231}, {"1958-1958", 19580101, 19581231}, {"195×-1961", 19500101, 19611231},
    {"一九五八年三月—一九六一年十二月", 19580301, 19611231}, {"约1958年—约1961年", 19580101, 19611231},
  };
  check_cases(cases, G_N_ELEMENTS(cases));
}

static void test_refused(void) {
  static const char *const texts[] = {
    "20231301", "20231232", "20230229", "2023-02-29", "1900-02-29", "2023年2月30日", "2023年13月", "2023-4-31", "20230015", "2023-00-05", "00000000", "0000",
    "999", "58", "580301", "1958-61", "1961-1958", "1958-", "-1958", "—", "1958年3月-", "1958--", "abc", "不详", "日期", "年", "1958年年", "1958年3月月", "1958月3",
    "2023-12-29-30", "2023-12.29", "2023/12-29", "19581", "1958030", "195803011", "199999999999", "１９５８a", "[1958", "1958]", "[]", "[[1958]]", "19[58]",
    "1958 3", "约", "?", "195×年3月", "19×8", "1×58", "×", "××××", "1958年1×月", "光绪三十五年", "光绪零年", "宣统四年", "民国零年", "光绪", "民国年", "光绪三十四年十三月",
    "光绪三十四年三月三十一日", "光绪三十四年初三", "1958年闰三月", "1958年正月", "1958年三月初五", "民国26年正月", "嘉靖四十六年", "民国辛亥", "康熙壬寅年", "光绪甲丑年", "光绪二十四年（己亥）", "1937年戊寅", "丁丑年", "抗战时期", 
    "2023-12-29 24:00", "2023-12-29 10:60", "2023-12-29T",
    "2023-12 10:00", "2023-12-29 10", "十年", "一九五", "一九五八年三十月", "1958元年", "元年", "民国光绪三年", "1958年3月—2月", "1958-3月", "3月", "3月-1958年4月", "1958年-3月",
    "民国二六十年", "民国二十三四年", "一九五八年二廿日", "一九五八年〇十月", "民国十二十年",
    "45289", "2023-12-29Z", "3023-01-01", "2023-12-29\xFF", "\xE5", "1958-1961-1963", "1958,1961", "1958、1961", "一九五八年三百月", "民国九十九百年", "民国三百年",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    DateSpan span = {7, 8};
    if (date_parse(texts[i], &span)) g_error("%s is taken for %d to %d", texts[i], span.from, span.to);
    g_assert_true(span.from == 7 && span.to == 8);
  }
}

static void test_format(void) {
  static const struct { DateSpan span; const char *text; } cases[] = {
    {{0, 0}, ""}, {{19580301, 19580301}, "1958-03-01"}, {{19580301, 19580331}, "1958-03"}, {{19600201, 19600229}, "1960-02"},
    {{19580101, 19581231}, "1958"}, {{19500101, 19591231}, "1950/1959"}, {{19580301, 19611231}, "1958-03-01/1961-12-31"},
    {{19580301, 19580330}, "1958-03-01/1958-03-30"}, {{19580302, 19580331}, "1958-03-02/1958-03-31"}, {{19600201, 19600228}, "1960-02-01/1960-02-28"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = date_format(cases[i].span);
    DateSpan span = {-1, -1};
    g_assert_cmpstr(text, ==, cases[i].text);
    g_assert_true(date_parse(text, &span));
    g_assert_cmpint(span.from, ==, cases[i].span.from);
    g_assert_cmpint(span.to, ==, cases[i].span.to);
  }
}

/* Every day of 400 years, in five forms; what is formatted is read back. */
static void test_every_day(void) {
  static const char *const forms[] = {"%Y%m%d", "%Y-%m-%d", "%Y/%-m/%-d", "%Y.%m.%d", "%Y年%-m月%-d日"};
  g_autoptr(GDateTime) day = g_date_time_new_utc(1700, 1, 1, 0, 0, 0);
  for (int i = 0; i < 146097; i++) {
    g_autofree char *text = g_date_time_format(day, forms[i % 5]);
    gint32 number = g_date_time_get_year(day) * 10000 + g_date_time_get_month(day) * 100 + g_date_time_get_day_of_month(day);
    DateSpan span = {-1, -1};
    if (!date_parse(text, &span) || span.from != number || span.to != number) g_error("%s", text);
    g_autoptr(GDateTime) next = g_date_time_add_days(day, 1);
    g_date_time_unref(g_steal_pointer(&day));
    day = g_steal_pointer(&next);
  }
}

/* No text of date characters breaks the parser; what it takes is a real span that formats and reads back. */
static void test_random(void) {
  static const char *const pool[] = {"1", "9", "5", "8", "0", "19", "2003", "12", "31", "年", "月", "日", "-", "—", "/", ".", "[", "]", "约", "?", "×",
    "民国", "光绪", "元",
    "十", "廿", "三", "〇", "百", "丁丑", "戊戌", "几", "(", ")", "闰", "初", "正", " ", ":", "T", "至", "清"};
  guint taken = 0;
  for (int round = 0; round < 300000; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = g_test_rand_int_range(1, 12); i > 0; i--) g_string_append(text, pool[g_test_rand_int_range(0, G_N_ELEMENTS(pool))]);
    DateSpan span, again;
    if (!date_parse(text->str, &span) || span.from == 0) continue;
    taken++;
    g_autofree char *formatted = date_format(span);
    if (!date_parse(formatted, &again) || again.from != span.from || again.to != span.to || span.from > span.to) g_error("%s gives %s", text->str, formatted);
  }
  g_assert_cmpuint(taken, >, 100);
}

/* Checks the column of dates of a CSV file without quoted commas before it; returns how many there were. */
static guint check_column(const char *csv, int column) {
  g_auto(GStrv) lines = g_strsplit(csv, "\n", -1);
  guint dates = 0;
  for (guint i = 1; lines[i] != NULL && *lines[i] != '\0'; i++) {
    g_auto(GStrv) cells = g_strsplit(lines[i], ",", column + 2);
    DateSpan span = {0, 0};
    if ((int) g_strv_length(cells) <= column || strchr(cells[column], '"') != NULL || *cells[column] == '\0') continue;
    if (!date_parse(cells[column], &span) || span.from == 0) g_error("row %u: %s", i + 1, cells[column]);
    dates++;
  }
  return dates;
}

static void test_catalogues(void) {
  const char *shared = g_getenv("LANTAI_SHARED");
  g_autofree char *laws_path = g_build_filename(shared != NULL ? shared : "", "data/laws/catalogue.csv", NULL);
  g_autofree char *gazette_path = g_build_filename(shared != NULL ? shared : "", "data/gazette/catalogue.csv", NULL);
  g_autofree char *laws = NULL, *gazette = NULL;
  if (!g_file_get_contents(laws_path, &laws, NULL, NULL) || !g_file_get_contents(gazette_path, &gazette, NULL, NULL)) {
    g_test_skip("no shared data");
    return;
  }
  guint of_laws = check_column(laws, 4), of_gazette = check_column(gazette, 2);
  g_test_message("dates: %u laws, %u gazette", of_laws, of_gazette);
  g_assert_cmpuint(of_laws, >, 1000);
  g_assert_cmpuint(of_gazette, >, 4000);
}

/* A day is that of the place, not of Greenwich. */
static void test_local_days(void) {
  g_setenv("TZ", "UTC", TRUE);
  tzset();
  g_setenv("LANTAI_NOW", "2024-02-28T16:00:00Z", TRUE);
  g_assert_cmpint(date_today(), ==, 20240228);
  clock_set_zone("Asia/Shanghai"); /* whatever the machine says */
  g_assert_cmpint(date_today(), ==, 20240229);
  g_autofree char *midnight = clock_format(clock_now_us());
  g_assert_cmpstr(midnight, ==, "2024-02-29 00:00");
  g_setenv("LANTAI_NOW", "2024-02-28T18:30:00Z", TRUE);
  g_assert_cmpint(date_today(), ==, 20240229);
  g_unsetenv("LANTAI_NOW");
  g_assert_cmpint(date_of_time(0), ==, 19700101);
  g_assert_cmpint(date_shift(20240228, 2), ==, 20240301);
  g_assert_cmpint(date_shift(20240101, -1), ==, 20231231);
  g_assert_cmpint(date_shift(20240230, 1), ==, 20240230);
  g_unsetenv("TZ");
  tzset();
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/date/days", test_days);
  g_test_add_func("/date/unknown", test_unknown);
  g_test_add_func("/date/eras", test_eras);
  g_test_add_func("/date/parts", test_parts);
  g_test_add_func("/date/era_of_year", test_era_of_year);
  g_test_add_func("/date/cycle", test_cycle);
  g_test_add_func("/date/periods", test_periods);
  g_test_add_func("/date/ranges", test_ranges);
  g_test_add_func("/date/refused", test_refused);
  g_test_add_func("/date/format", test_format);
  g_test_add_func("/date/every_day", test_every_day);
  g_test_add_func("/date/random", test_random);
  g_test_add_func("/date/catalogues", test_catalogues);
  g_test_add_func("/date/local-days", test_local_days);
  return g_test_run();
}
