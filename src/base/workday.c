#include "workday.h"
#include "date.h"
#include "error.h"
#include "settings.h"

enum { YEARS_MAX = 200, SPAN_MAX = 31, SHIFT_MAX = 3660 };

static GMutex lock;
static GHashTable *days, *years; /* day → 1 off, 2 worked; year */

static gboolean put_days(GHashTable *into, const char *year, json_t *list, int kind, GError **error) {
  size_t i;
  json_t *one;
  json_array_foreach(list, i, one) {
    DateSpan span = {0, 0};
    const char *text = json_string_value(one);
    if (text == NULL || !date_parse(text, &span) || span.from == 0) 
      return throw(error, LANTAI_ERROR_INVALID, "definitions/holidays.yaml %s年：“%s”不是日期", year, text ? text : "");
    int day = span.from;
    for (int n = 0; day <= span.to; day = date_shift(day, 1)) {
      if (++n > SPAN_MAX) return throw(error, LANTAI_ERROR_INVALID, "definitions/holidays.yaml %s年：“%s”太长", year, text);
      g_hash_table_insert(into, GINT_TO_POINTER(day), GINT_TO_POINTER(kind));
    }
  }
  return TRUE;
}

gboolean workdays_load(const char *dir, GError **error) {
  json_t *file = yaml_load_definition(dir, "holidays.yaml", error);
  if (file == NULL) return FALSE;
  g_autoptr(GHashTable) read = g_hash_table_new(NULL, NULL), named = g_hash_table_new(NULL, NULL);
  const char *year;
  json_t *row;
  gboolean good = json_object_size(file) <= YEARS_MAX || throw(error, LANTAI_ERROR_INVALID, "definitions/holidays.yaml 的年份太多");
  json_object_foreach(file, year, row) {
    good = good && put_days(read, year, json_object_get(row, "off"), 1, error) && put_days(read, year, json_object_get(row, "work"), 2, error);
    g_hash_table_add(named, GINT_TO_POINTER((int)g_ascii_strtoll(year, NULL, 10)));
  }
  json_decref(file);
  if (!good) return FALSE;
  g_mutex_lock(&lock);
  g_clear_pointer(&days, g_hash_table_unref);
  g_clear_pointer(&years, g_hash_table_unref);
  days = g_steal_pointer(&read);
  years = g_steal_pointer(&named);
  g_mutex_unlock(&lock);
  return TRUE;
}

gboolean workdays_known(int year) {
  g_mutex_lock(&lock);
  gboolean known = years != NULL && g_hash_table_contains(years, GINT_TO_POINTER(year));
  g_mutex_unlock(&lock);
  return known;
}

gboolean workday_is(int day) {
  GDate date;
  g_date_clear(&date, 1);
  if (!g_date_valid_dmy((GDateDay)(day % 100), (GDateMonth)(day / 100 % 100), (GDateYear)(day / 10000))) return FALSE;
  g_date_set_dmy(&date, (GDateDay)(day % 100), (GDateMonth)(day / 100 % 100), (GDateYear)(day / 10000));
  g_mutex_lock(&lock);
  int kind = days != NULL ? GPOINTER_TO_INT(g_hash_table_lookup(days, GINT_TO_POINTER(day))) : 0;
  g_mutex_unlock(&lock);
  return kind == 0 ? g_date_get_weekday(&date) <= G_DATE_FRIDAY : kind == 2;
}

int workday_shift(int day, int count) {
  int step = count < 0 ? -1 : 1;
  count = MIN(ABS(count), SHIFT_MAX);
  for (int next = day; count > 0 && (next = date_shift(day, step)) != day; day = next) count -= workday_is(next);
  return day;
}
