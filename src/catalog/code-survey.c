/*
 * A survey of the codes of a fonds: how many follow their rule, and what is missing, repeated or of another width in the running numbers.
 *
 * 1. It reads codes from the index alone (record_code), and level, category and gate from the search columns in memory: no row of a record is read, except
 *    for the count of pages where the running number is a page number.
 * 2. Only what the scope admits is counted; so for somebody who does not see everything a gap may be a record that is closed to him.
 * 3. Codes that do not begin with the fonds' own code are read only when the index has more records of the fonds than codes were found.
 */
#include "code-survey.h"
#include <string.h>

typedef struct {
  const House *house;
  Sql *sql;
  const Scope *scope;
  const CatalogRecord *fonds;
  guint8 wanted;
  CodeGroup *groups[256];
  CodeSeries *last[256];   /* the series the code before was of: codes come in order */
  GHashTable *series[256]; /* "level prefix" → CodeSeries* */
  guint seen;
} Survey;

static void series_free(CodeSeries *series) {
  g_free(series->prefix);
  g_array_unref(series->numbers);
  g_free(series);
}

static void other_clear(gpointer data) { g_free(((CodeOther *)data)->code); }

static void group_free(CodeGroup *group) {
  code_use_clear(&group->use);
  g_ptr_array_unref(group->series);
  g_array_unref(group->others);
  g_free(group);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CodeGroup, group_free)

/* ---- one code ---- */

static CodeGroup *group_of(Survey *survey, guint8 category, GError **error) {
  if (survey->groups[category] != NULL) return survey->groups[category];
  g_autoptr(CodeGroup) group = g_new0(CodeGroup, 1);
  group->category = category;
  group->series = g_ptr_array_new_with_free_func((GDestroyNotify)series_free);
  group->others = g_array_new(FALSE, FALSE, sizeof(CodeOther));
  g_array_set_clear_func(group->others, other_clear);
  if (!code_use_for(survey->house->catalog, survey->sql, survey->fonds->id, category, &group->use, error)) return NULL;
  survey->series[category] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return survey->groups[category] = g_steal_pointer(&group);
}

static CodeSeries *series_of(Survey *survey, CodeGroup *group, const CodeUse *use, Level level, const char *code, const CodeMatch *match) {
  CodeSeries *last = survey->last[group->category];
  if (last != NULL && last->level == level && strncmp(last->prefix, code, match->number_at) == 0 && last->prefix[match->number_at] == '\0') return last;
  g_autofree char *prefix = code_series(use, level, code, match);
  g_autofree char *key = g_strdup_printf("%d%s", (int)level, prefix);
  CodeSeries *series = g_hash_table_lookup(survey->series[group->category], key);
  if (series == NULL) {
    series = g_new0(CodeSeries, 1);
    series->prefix = g_steal_pointer(&prefix);
    series->level = level;
    series->width = code_width(use, level);
    series->pages = code_number_part(use->rule, level)->kind == PART_PAGE;
    series->numbers = g_array_new(FALSE, FALSE, sizeof(CodeNumber));
    g_ptr_array_add(group->series, series);
    g_hash_table_insert(survey->series[group->category], g_steal_pointer(&key), series);
  }
  return survey->last[group->category] = series;
}

static gboolean add_code(Survey *survey, gint64 id, const char *code, GError **error) {
  SearchColumns columns;
  if (!search_columns(survey->house->search, id, &columns) || columns.level < LEVEL_VOLUME || (survey->wanted != 0 && columns.category != survey->wanted) ||
    !scope_admits(survey->scope, columns.level, survey->fonds->id, columns.security, columns.opening)) return TRUE;
  CodeGroup *group = group_of(survey, columns.category, error);
  if (group == NULL) return FALSE;
  group->count++;
  survey->seen++;
  CodeMatch match;
  CodeUse use = code_use_of(&group->use, columns.level, code);
  if (!code_match(&use, columns.level, code, &match)) {
    CodeOther other = {id, g_strdup(code)};
    g_array_append_val(group->others, other);
    return TRUE;
  }
  group->follows += code_strict(&use, columns.level, code, &match);
  CodeNumber number = {match.number, match.width, 1, id};
  g_array_append_val(series_of(survey, group, &use, columns.level, code, &match)->numbers, number);
  return TRUE;
}

static gboolean add_codes(Survey *survey, SqlRows *taken, GError **error) {
  g_autoptr(SqlRows) rows = taken;
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  int id = sql_column(rows, "id"), code = sql_column(rows, "code");
  while (sql_next(rows, &local))
    if (!add_code(survey, sql_int_at(rows, id), sql_text_at(rows, code), error)) return FALSE;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

/* ---- the series ---- */

static int compare_numbers(gconstpointer a, gconstpointer b) {
  const CodeNumber *left = a, *right = b;
  return left->number != right->number ? (left->number < right->number ? -1 : 1) : left->id < right->id ? -1 : left->id > right->id;
}

static int compare_series(gconstpointer a, gconstpointer b) {
  const CodeSeries *left = *(CodeSeries *const *)a, *right = *(CodeSeries *const *)b;
  int order = catalog_code_compare(left->prefix, right->prefix);
  return order != 0 ? order : (int)left->level - (int)right->level;
}

static int compare_others(gconstpointer a, gconstpointer b) { return catalog_code_compare(((const CodeOther *)a)->code, ((const CodeOther *)b)->code); }

static gboolean widths_mixed(const CodeSeries *series, guint width) {
  for (guint i = 0; i < series->numbers->len && width > 0; i++) {
    const CodeNumber *number = &g_array_index(series->numbers, CodeNumber, i);
    guint needed = 1;
    for (guint rest = number->number; rest >= 10; rest /= 10) needed++;
    if (number->width != MAX(width, needed)) return TRUE;
  }
  return FALSE;
}

guint code_number_behind(const CodeNumber *number) { return number->number + MAX(number->count, 1); }

static gboolean count_pages(Sql *sql, CodeSeries *series, GError **error) {
  g_autoptr(GError) local = NULL;
  for (guint i = 0; series->pages && i < series->numbers->len && local == NULL; i++) {
    CodeNumber *number = &g_array_index(series->numbers, CodeNumber, i);
    number->count = (guint)CLAMP(sql_number(sql, "SELECT page_count FROM record WHERE id = $1", SQL_ARGS(sql_int(number->id)), 0, &local), 0, CODE_PAGES_MAX);
  }
  return local == NULL || (g_propagate_error(error, g_steal_pointer(&local)), FALSE);
}

static void finish_series(CodeGroup *group, CodeSeries *series) {
  g_array_sort(series->numbers, compare_numbers);
  guint expected = 1;
  for (guint i = 0; i < series->numbers->len; i++) {
    const CodeNumber *number = &g_array_index(series->numbers, CodeNumber, i);
    gboolean again = number->number < expected, next = i + 1 < series->numbers->len && number[1].number < code_number_behind(number);
    series->widths |= 1u << number->width;
    series->repeats += again || next;
    if (number->number > expected && (i == 0 || number[-1].count > 0)) {
      series->gaps++;
      series->missing += number->number - expected;
    }
    expected = MAX(expected, code_number_behind(number));
  }
  group->missing += series->missing;
  group->gaps += series->gaps;
  group->repeats += series->repeats;
  group->mixed += widths_mixed(series, series->width);
}

static gboolean read_fonds(Survey *survey, GError **error) {
  g_autofree char *to = g_strconcat(survey->fonds->code, "\xF4\x8F\xBF\xBF", NULL);
  const gint64 levels[] = {LEVEL_VOLUME, LEVEL_ITEM}, category = survey->wanted;
  SearchRequest ask = {.fonds = &survey->fonds->id, .fonds_count = 1, .levels = levels, .levels_count = 2, .categories = &category,
    .categories_count = category != 0};
  const SqlValue *args = SQL_ARGS(sql_text(survey->fonds->code), sql_text(to), sql_int(survey->fonds->id));
  if (!add_codes(survey, sql_query(survey->sql, "SELECT id, code FROM record WHERE code >= $1 AND code < $2 AND fonds_id = $3", args, error), error)) return FALSE;
  g_autoptr(SearchResult) all = search_run_whole(survey->house->search, survey->sql, survey->scope, &ask, error);
  if (all == NULL) return FALSE;
  if (all->count <= survey->seen) return TRUE;
  const SqlValue *below = SQL_ARGS(sql_text(survey->fonds->code), sql_int(survey->fonds->id)), *above = SQL_ARGS(sql_text(to), sql_int(survey->fonds->id));
  return add_codes(survey, sql_query(survey->sql, "SELECT id, code FROM record WHERE code < $1 AND fonds_id = $2", below, error), error) &&
         add_codes(survey, sql_query(survey->sql, "SELECT id, code FROM record WHERE code >= $1 AND fonds_id = $2", above, error), error);
}

GPtrArray *code_survey(const House *house, Sql *sql, const Scope *scope, const CatalogRecord *fonds, guint8 category, GError **error) {
  g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func((GDestroyNotify)group_free);
  Survey survey = {.house = house, .sql = sql, .scope = scope, .fonds = fonds, .wanted = category};
  gboolean good = read_fonds(&survey, error);
  for (guint i = 0; i < G_N_ELEMENTS(survey.groups); i++) {
    CodeGroup *group = survey.groups[i];
    if (group == NULL) continue;
    g_hash_table_unref(survey.series[i]);
    g_ptr_array_add(groups, group);
    g_ptr_array_sort(group->series, compare_series);
    g_array_sort(group->others, compare_others);
    for (guint k = 0; k < group->series->len && good; k++) {
      good = count_pages(sql, group->series->pdata[k], error);
      finish_series(group, group->series->pdata[k]);
    }
  }
  return good ? g_steal_pointer(&groups) : NULL;
}
