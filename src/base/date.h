/*
 * Dates as archives write them. A date is a span of days, because half of them are partly unknown.
 */
#pragma once
#include <glib.h>

typedef struct {
  gint32 from, to; /* YYYYMMDD, both inclusive; 0,0 when there is no date */
} DateSpan;

/* Understands 20231229, 2023-12-29, 2023/12/29, 2023.12.29, 2023年12月29日, 202312, 2023-12, 2023年12月, 2023, 2023年, 20230000 and 20231200
 * (zeros: unknown), 中華民國94年1月3日, 民国二十六年, 一九五八年三月, 二〇〇三年十月一日, 光绪三十四年 and other 清 reign years (lunar months stay unknown),
 * [1958] and 约1958年 (inferred), 1958?, 195× / 195? (decade), ranges 1958-1961, 19580301-19611231, 1958年3月—1961年12月, full-width digits. A range's end may
 * leave out what its beginning says (1958年3月—5月).
 * Also 1953年春 (季), 上半年, 3月上旬, 1980年代, 五十年代 (of the 20th century), 20世纪80年代, 公元1953年, 洪宪, and the 大同 and 康德 of 1932 to 1945.
 * A time of day behind a day (2023-12-29 10:05:00) must be one and is dropped. Years 1000 to 2999.
 * Years of the cycle of sixty where a reign decides (民国丁丑, 光绪戊戌年) or beside a year whose they are (光绪二十四年（戊戌）). Reigns: definitions/eras.yaml.
 * Returns FALSE (ret untouched) for anything else and for days that do not exist; empty text gives TRUE and 0,0. */
gboolean date_parse(const char *text, DateSpan *ret);
/* "1958-03-01", "1958-03", "1958", "1958-03-01/1961-12-31", "" : the shortest form that says the span. */
char *date_format(DateSpan span);
/* A period by its name, as definitions/eras.yaml has it (抗战时期, 文革期间, 一五时期), a whole reign (光绪年间, 民国时期) and a part of one
 * (康熙初年, 道光中叶, 光绪末年: thirds, the first and last of ten years at most). FALSE: not one. */
gboolean date_period(const char *text, DateSpan *ret);
/* The years that a name of the cycle of sixty may mean (辛亥年: 1671, 1731 … up to last; 康熙壬寅: 1662, 1722), ascending; alone it needs its 年.
 * Writes at most `most` and returns how many; 0: it is none. */
guint date_cycle_parse(const char *text, int last, int *ret, guint most);
enum { DATE_CYCLE_FIRST = 1644 }; /* alone, none before the Qing are meant */
char *date_cycle_name(int year); /* 丁丑 for 1937 */
/* The reign of a year of 1368 to 1949 and the number of the year in it: 民国 26 for 1937, 光绪 34 for 1908; NULL for other years. */
const char *date_era(int year, int *ret_number);

/* Days as YYYYMMDD, in local time. */
int date_today(void); /* by the clock of settings.h */
int date_of_time(gint64 at_us);
int date_shift(int day, int days); /* day itself when there is no such day */
