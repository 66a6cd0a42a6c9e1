/*
 * Reigns, periods and the cycle of sixty.
 *
 * 1. The table is the program's own (definitions/eras.yaml), the same in every archive: a rebuild must understand a date as it was understood before.
 * 2. A year of the cycle alone means one year in sixty; a reign before it decides, unless the reign saw it twice (康熙壬寅).
 */
#include "date-names.h"

#include <jansson.h>
#include <string.h>

#include "settings.h"
#include "text.h"

enum { NAME_CHARACTERS = 16 };

gunichar date_fold(gunichar c) {
  gunichar folded[18];
  if (c > 0xFF00 && c < 0xFF5F) c -= 0xFEE0; /* full width; marks fold to nothing below and stay */
  return text_fold_character(c, folded) == 1 ? folded[0] : c;
}

static gunichar *fold_name(const char *name) {
  gunichar *text = g_utf8_to_ucs4_fast(name, -1, NULL);
  for (gunichar *p = text; *p != 0; p++) *p = date_fold(*p);
  return text;
}

/* As a key; NULL: nothing or too long for a name. */
static char *name_key(const char *name) {
  if (*name == '\0' || !g_utf8_validate(name, -1, NULL) || g_utf8_strlen(name, -1) > NAME_CHARACTERS) return NULL;
  g_autofree gunichar *folded = fold_name(name);
  return g_ucs4_to_utf8(folded, -1, NULL, NULL, NULL);
}

static int number_of(json_t *row, const char *key, int otherwise) {
  json_t *number = json_object_get(row, key);
  return json_is_integer(number) ? (int)json_integer_value(number) : otherwise;
}

static void add_period(GHashTable *periods, const char *name, DateSpan span) {
  char *key = name_key(name);
  if (key != NULL) g_hash_table_insert(periods, key, g_memdup2(&span, sizeof span));
}

static void add_reign_part(GHashTable *periods, const Era *era, const char *const *ends, int first, int last) {
  DateSpan span = {(era->before + first) * 10000 + 101, (era->before + last) * 10000 + 1231};
  for (; *ends; ends++) {
    g_autofree char *name = g_strconcat(era->name, *ends, NULL);
    add_period(periods, name, span);
  }
}

/* 光绪年间, 民国时期: all the years of a reign. 康熙初年, 光绪末年: a third of it, ten years at most; 道光中叶: what lies between. */
static void add_reign(GHashTable *periods, const Era *era) {
  static const char *const all[] = {"年间", "时期", "间", "朝", NULL}, *const early[] = {"初年", "初期", "初", "早期", NULL},
    *const middle[] = {"中叶", "中期", NULL}, *const late[] = {"末年", "末期", "末", "晚期", "后期", NULL};
  int reign = era->reign, part = CLAMP(reign / 3, 1, 10);
  add_reign_part(periods, era, all, 1, reign);
  add_reign_part(periods, era, early, 1, part);
  add_reign_part(periods, era, late, reign - part + 1, reign);
  if (reign >= 3) add_reign_part(periods, era, middle, part + 1, reign - part);
}

static const DateNames *read_names(void) {
  g_autoptr(GError) error = NULL;
  json_auto_t *document = yaml_load_built_in("definitions/eras.yaml", &error);
  if (document == NULL) g_error("%s", error->message); /* it travels in the program */
  json_t *rows = json_object_get(document, "eras"), *row, *name;
  Era *eras = g_new0(Era, json_array_size(rows));
  DateNames *names = g_new0(DateNames, 1);
  *names = (DateNames){eras, (guint)json_array_size(rows), g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
  size_t i, n;
  json_array_foreach(rows, i, row) {
    int years = number_of(row, "years", 0);
    const char *text = json_string_value(json_object_get(row, "name"));
    eras[i] = (Era){fold_name(text), g_strdup(text), number_of(row, "before", 0), years, number_of(row, "reign", years),
      json_is_true(json_object_get(row, "lunar")), json_is_true(json_object_get(row, "side"))};
    add_reign(names->periods, &eras[i]);
  }
  json_array_foreach(json_object_get(document, "periods"), i, row) {
    DateSpan span = {number_of(row, "from", 0), number_of(row, "to", 0)};
    json_array_foreach(json_object_get(row, "names"), n, name) add_period(names->periods, json_string_value(name), span);
  }
  return names;
}

const DateNames *date_names(void) {
  static const DateNames *names;
  static gsize made;
  if (g_once_init_enter(&made)) {
    names = read_names();
    g_once_init_leave(&made, 1);
  }
  return names;
}

gboolean date_period(const char *text, DateSpan *ret) {
  g_autofree char *key = name_key(text);
  const DateSpan *span = key == NULL ? NULL : g_hash_table_lookup(date_names()->periods, key);
  return span != NULL && (*ret = *span, TRUE);
}

const char *date_era(int year, int *ret_number) {
  const DateNames *names = date_names();
  for (guint i = 0; i < names->count; i++) {
    const Era *era = &names->eras[i];
    if (era->side || year <= era->before || year > era->before + era->reign) continue;
    *ret_number = year - era->before;
    return era->name;
  }
  return NULL;
}

/* ---- the cycle of sixty ---- */

static const char STEMS[] = "甲乙丙丁戊己庚辛壬癸", BRANCHES[] = "子丑寅卯辰巳午未申酉戌亥";

static int place_in(const char *names, gunichar c) {
  const char *at = c == 0 ? NULL : g_utf8_strchr(names, -1, c);
  return at == NULL ? -1 : (int)g_utf8_pointer_to_offset(names, at);
}

int date_cycle_at(const gunichar *p) {
  int stem = place_in(STEMS, p[0]), branch = stem < 0 ? -1 : place_in(BRANCHES, p[1]);
  if (branch < 0 || (stem - branch) % 2 != 0) return -1;
  int place = stem;
  while (place % 12 != branch) place += 10;
  return place;
}

guint date_cycle_years(int place, int from, int to, int *ret, guint most) {
  guint count = 0;
  int year = from + ((place - (from - 4)) % 60 + 60) % 60; /* the year 4 was a 甲子 */
  for (; year <= to; year += 60) {
    if (ret != NULL && count < most) ret[count] = year;
    count++;
  }
  return count;
}

char *date_cycle_name(int year) {
  int place = ((year - 4) % 60 + 60) % 60;
  const char *stem = g_utf8_offset_to_pointer(STEMS, place % 10), *branch = g_utf8_offset_to_pointer(BRANCHES, place % 12);
  return g_strdup_printf("%.*s%.*s", (int)(g_utf8_next_char(stem) - stem), stem, (int)(g_utf8_next_char(branch) - branch), branch);
}

/* The reign that the text begins with; NULL: none. */
static const Era *era_at(const gunichar *p, const gunichar **ret_after) {
  const DateNames *names = date_names();
  for (guint i = 0; i < names->count; i++) {
    const gunichar *name = names->eras[i].folded, *at = p;
    for (; *name != 0 && *name == *at; name++) at++;
    if (*name == 0) return *ret_after = at, &names->eras[i];
  }
  return NULL;
}

guint date_cycle_parse(const char *text, int last, int *ret, guint most) {
  if (!g_utf8_validate(text, -1, NULL) || g_utf8_strlen(text, -1) > NAME_CHARACTERS) return 0;
  g_autofree gunichar *folded = fold_name(text);
  const gunichar *p = folded;
  const Era *era = era_at(p, &p);
  int place = date_cycle_at(p);
  if (place < 0) return 0;
  p += 2;
  if (*p == 0x5E74) p++; /* 年 */
  else if (era == NULL) return 0;
  if (*p != 0) return 0;
  guint count = era == NULL ? date_cycle_years(place, DATE_CYCLE_FIRST, last, ret, most)
                            : date_cycle_years(place, era->before + 1, era->before + era->reign, ret, most);
  return MIN(count, most);
}
