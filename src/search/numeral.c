/*
 * The numbers of a term written the other way: 第12号 and 第十二号, 2003年 and 二〇〇三年, 〔2003〕12号 and 二〇〇三年第十二号.
 *
 * 1. A number counts when something says that it is one: 第 before it, a counter (号 年 月 届 …) behind it, or four digits that are a year. 统一 has none.
 * 2. Only numbers of 1 to 9999 without leading zeros; a term has at most FORMS forms, however many numbers stand in it.
 */
#include "query.h"
#include "text.h"

enum { TERM_CHARACTERS = 60, RUNS = 3, FORMS = 12, NUMBER_MAX = 9999 };

typedef struct {
  glong from, to;
  guint value;
  gboolean is_year; /* four digits, 1000 … 2999 */
} Run;

static gunichar fold_one(gunichar c) {
  gunichar folded[18];
  if (c == 0x25CB || c == 0x25EF) return 0x3007;
  return text_fold_character(c, folded) == 1 ? folded[0] : c;
}

static int digit_of(gunichar c) {
  static const gunichar digits[] = {0x3007, 0x4E00, 0x4E8C, 0x4E09, 0x56DB, 0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D};
  for (guint i = 0; i < G_N_ELEMENTS(digits); i++)
    if (c == digits[i] || (i == 0 && c == 0x96F6)) return (int)i;
  return -1;
}

static guint unit_of(gunichar c) { return c == 0x5341 ? 10 : c == 0x767E ? 100 : c == 0x5343 ? 1000 : 0; } /* 十百千 */

/* 十二, 一百零三, 二十; 0: no number in words. */
static guint words_value(const gunichar *text, glong length) {
  guint total = 0, last = 0, below = 10000;
  gboolean zero = FALSE;
  for (glong i = 0; i < length; i++) {
    guint unit = unit_of(text[i]);
    int digit = digit_of(text[i]);
    if (unit == 0 && digit < 0) return 0;
    if (unit == 0 && digit > 0 && last > 0) return 0; /* two digits side by side */
    if (unit == 0) {
      if (digit == 0 && (zero || last > 0 || i == 0)) return 0;
      zero = digit == 0;
      last = (guint)digit;
      continue;
    }
    if (unit >= below || (last == 0 && (unit != 10 || (i > 0 && !zero)))) return 0;
    total += (last == 0 ? 1 : last) * unit;
    below = unit;
    last = 0;
    zero = FALSE;
  }
  return zero || below == 10000 ? (length == 1 && last > 0 ? last : 0) : total + last;
}

static guint digits_value(const gunichar *text, glong length) {
  guint value = 0;
  for (glong i = 0; i < length; i++) {
    int digit = digit_of(text[i]);
    if (digit < 0 || (i == 0 && digit == 0)) return 0;
    value = value * 10 + (guint)digit;
  }
  return length >= 2 && length <= 4 ? value : 0;
}

static guint arabic_value(const gunichar *text, glong length) {
  guint value = 0;
  if (length > 4 || text[0] == '0') return 0;
  for (glong i = 0; i < length; i++) value = value * 10 + (guint)(text[i] - '0');
  return value;
}

static gboolean is_arabic(gunichar c) { return c >= '0' && c <= '9'; }
static gboolean is_word(gunichar c) { return digit_of(c) >= 0 || unit_of(c) > 0; }
static gboolean is_counter(gunichar c) {
  static const char counters[] = "号年月日届次期卷册条章节项款级类批组辑页件版回集师团军";
  return c != 0 && g_utf8_strchr(counters, -1, c) != NULL;
}

/* Letters beside digits make another word of them: A4, 12B; 廿 and 卅 are part of the number and are not rewritten. */
static gboolean touches_letter(const gunichar *text, const Run *run) {
  return (run->from > 0 && (text[run->from - 1] == 0x5EFF || text[run->from - 1] == 0x5345)) ||
    (run->from > 0 && g_unichar_isalpha(text[run->from - 1]) && !text_is_ideograph(text[run->from - 1])) ||
    (g_unichar_isalpha(text[run->to]) && !text_is_ideograph(text[run->to]));
}

static guint find_runs(const gunichar *text, Run runs[RUNS]) {
  guint count = 0;
  for (glong at = 0; text[at] && count < RUNS;) {
    gboolean arabic = is_arabic(text[at]);
    Run run = {.from = at, .to = at};
    while (arabic ? is_arabic(text[run.to]) : is_word(text[run.to])) run.to++;
    at = MAX(run.to, at + 1);
    glong length = run.to - run.from;
    if (length == 0 || touches_letter(text, &run)) continue;
    guint digits = arabic ? arabic_value(text + run.from, length) : digits_value(text + run.from, length);
    run.value = digits ? digits : words_value(text + run.from, length);
    run.is_year = length == 4 && digits >= 1000 && digits < 3000;
    gboolean counted = (run.from > 0 && text[run.from - 1] == 0x7B2C) || is_counter(text[run.to]);
    if (run.value >= 1 && run.value <= NUMBER_MAX && (run.is_year || counted)) runs[count++] = run;
  }
  return count;
}

/* ---- writing ---- */

char *search_numeral_digits(guint value, const char *zero) {
  static const char *const digits[] = {"", "一", "二", "三", "四", "五", "六", "七", "八", "九"};
  g_autofree char *plain = g_strdup_printf("%u", value);
  GString *out = g_string_new(NULL);
  for (const char *at = plain; *at; at++) g_string_append(out, *at == '0' ? zero : digits[*at - '0']);
  return g_string_free(out, FALSE);
}

char *search_numeral_words(guint value) {
  static const struct { guint value; const char *name; } units[] = {{1000, "千"}, {100, "百"}, {10, "十"}, {1, ""}};
  static const char *const digits[] = {"", "一", "二", "三", "四", "五", "六", "七", "八", "九"};
  GString *out = g_string_new(NULL);
  gboolean gap = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
    guint digit = value / units[i].value % 10;
    if (digit == 0) {
      gap = out->len > 0;
      continue;
    }
    if (gap) g_string_append(out, "零");
    gap = FALSE;
    if (units[i].value != 10 || digit != 1 || out->len > 0) g_string_append(out, digits[digit]);
    g_string_append(out, units[i].name);
  }
  return g_string_free(out, FALSE);
}

enum { WRITTEN_ARABIC, WRITTEN_CHINESE, WRITTEN_ZERO, WAYS }; /* the last: with 零 where a year has 〇 */

/* NULL: the same as another way. */
static char *write_run(const Run *run, guint way) {
  if (way == WRITTEN_ARABIC) return g_strdup_printf("%u", run->value);
  if (way == WRITTEN_CHINESE) return run->is_year ? search_numeral_digits(run->value, "〇") : search_numeral_words(run->value);
  if (!run->is_year) return NULL;
  g_autofree char *digits = search_numeral_digits(run->value, "零");
  return strstr(digits, "零") ? g_steal_pointer(&digits) : NULL;
}

static void append_slice(GString *out, const gunichar *text, glong from, glong to) {
  for (glong i = from; i < to; i++) g_string_append_unichar(out, text[i]);
}

static void add_form(GPtrArray *forms, char *form, guint most) {
  if (forms->len < MIN(most, FORMS) && !g_ptr_array_find_with_equal_func(forms, form, g_str_equal, NULL)) g_ptr_array_add(forms, form);
  else g_free(form);
}

/* Every way of every run; of three (a day) all in one way. */
static void add_combinations(GPtrArray *forms, const gunichar *text, const Run *runs, guint count, guint most) {
  guint all = count == 2 ? WAYS * WAYS : WAYS;
  for (guint combination = 0; combination < all; combination++) {
    g_autoptr(GString) form = g_string_new(NULL);
    glong at = 0;
    gboolean good = TRUE;
    for (guint i = 0, rest = combination; i < count && good; i++, rest /= WAYS) {
      g_autofree char *written = write_run(&runs[i], count < RUNS ? rest % WAYS : runs[i].is_year ? combination : MIN(combination, WRITTEN_CHINESE));
      good = written != NULL;
      append_slice(form, text, at, runs[i].from);
      if (good) g_string_append(form, written);
      at = runs[i].to;
    }
    glong end = at;
    while (text[end]) end++;
    append_slice(form, text, at, end);
    if (good) add_form(forms, g_strdup(form->str), most);
  }
}

/* ---- numbers of documents: a year in brackets or before 年, then a number before 号 ---- */

static gboolean is_document_number(const gunichar *text, const Run *year, const Run *number) {
  gboolean said = FALSE;
  for (glong i = year->to; i < number->from; i++) {
    gunichar folded[18], c = text[i];
    gboolean mark = text_fold_character(c, folded) == 0; /* brackets, spaces */
    if (!mark && c != 0x5E74 && c != 0x7B2C) return FALSE;
    said = said || mark || c == 0x5E74;
  }
  return said && year->is_year && text[number->to] == 0x53F7; /* 号 */
}

static void add_document_numbers(GPtrArray *forms, const gunichar *text, const Run *year, const Run *number, guint most) {
  static const char *const joints[][3] = {{"〔", "〕", ""}, {"〔", "〕", "第"}, {"", "年", "第"}, {"", "年", ""}};
  glong end = number->to, from = year->from;
  gunichar folded[18];
  while (text[end]) end++;
  if (from > 0 && text_fold_character(text[from - 1], folded) == 0) from--; /* the bracket */
  for (guint i = 0; i < G_N_ELEMENTS(joints); i++)
    for (guint way = WRITTEN_ARABIC; way <= WRITTEN_CHINESE; way++) {
      g_autofree char *first = write_run(year, way), *second = write_run(number, way);
      GString *form = g_string_new(NULL);
      append_slice(form, text, 0, from);
      g_string_append_printf(form, "%s%s%s%s%s", joints[i][0], first, joints[i][1], joints[i][2], second);
      append_slice(form, text, number->to, end);
      add_form(forms, g_string_free(form, FALSE), most);
    }
}

GPtrArray *search_numeral_forms(const char *term, guint most) {
  GPtrArray *forms = g_ptr_array_new_with_free_func(g_free);
  glong length;
  g_autofree gunichar *text = g_utf8_to_ucs4_fast(term, -1, &length);
  if (length > TERM_CHARACTERS) return forms;
  for (glong i = 0; i < length; i++) text[i] = fold_one(text[i]);
  Run runs[RUNS];
  gboolean ideographs = FALSE;
  for (glong i = 0; i < length; i++) ideographs = ideographs || text_is_ideograph(text[i]);
  guint count = find_runs(text, runs);
  if (!ideographs && (count != 1 || runs[0].to - runs[0].from != length)) return forms; /* a code */
  for (guint i = 0; i + 1 < count; i++)
    if (is_document_number(text, &runs[i], &runs[i + 1])) return add_document_numbers(forms, text, &runs[i], &runs[i + 1], most), forms;
  if (count > 0) add_combinations(forms, text, runs, count, most);
  return forms;
}
