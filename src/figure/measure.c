/* What each entry behind a figure brings to it: the field that is summed, counted or compared, so that the column of the rows adds up to the number. */
#include "measure.h"
#include "compute.h"

enum { PATHS_MOST = 8 };
struct FigureMeasure {
  Ask ask;
  Selection selection;
  LedgerPath *paths[PATHS_MOST]; /* none: how often an entry counts (次数) */
  guint path_count;
  char *label;
  gboolean adds, rows; /* the column's sum is the figure; values are counted, not added */
};

void figure_measure_free(FigureMeasure *measure) {
  if (measure == NULL) return;
  for (guint i = 0; i < measure->path_count; i++) ledger_path_free(measure->paths[i]);
  selection_clear(&measure->selection);
  ask_clear(&measure->ask);
  g_free(measure->label);
  g_free(measure);
}

static gboolean add_paths(FigureMeasure *measure, json_t *given, GError **error) {
  json_auto_t *paths = json_is_array(given) ? json_incref(given) : json_pack("[O]", given);
  json_t *path;
  size_t i;
  g_autoptr(GString) label = g_string_new(NULL);
  if (json_array_size(paths) > PATHS_MOST) return throw(error, LANTAI_ERROR_TOO_LARGE, "相加的栏目太多");
  json_array_foreach(paths, i, path) {
    g_string_append_printf(label, "%s%s", i ? "＋" : "", json_string_value(path));
    LedgerPath *made = ledger_path_new(measure->ask.house, measure->ask.sql, measure->selection.table, json_string_value(path), error);
    if (made == NULL) return FALSE;
    measure->paths[measure->path_count++] = made;
  }
  measure->label = g_strdup(label->str);
  return TRUE;
}

static gboolean make(FigureMeasure *measure, json_t *figure, const char *kind, FigurePeriod period, GError **error) {
  json_t *year = json_object_get(figure, "year");
  if (json_is_integer(year)) period = period_shift(period, (int)json_integer_value(year));
  if (!selection_make(&measure->ask, figure, figure, NULL, period, &measure->selection, error)) return FALSE;
  measure->ask.trying = TRUE; /* no right: a row is told only where all that its values come from is seen */
  if (!selection_pass_gate(&measure->ask, figure, FALSE, &measure->selection, error)) return FALSE;
  measure->rows = g_str_equal(kind, "rows");
  measure->adds = measure->rows || g_str_equal(kind, "sum") || g_str_equal(kind, "count");
  if (!g_str_equal(kind, "count")) return add_paths(measure, json_object_get(figure, kind), error);
  measure->label = g_strdup("次数");
  return TRUE;
}

FigureMeasure *figure_measure_new(const House *house, Sql *sql, Asker asker, json_t *figure, FigurePeriod period, GError **error) {
  static const char *const kinds[] = {"count", "rows", "sum", "distinct", "max", "min", "last", NULL};
  const char *kind = figure_aggregate(figure);
  if (kind == NULL || !g_strv_contains(kinds, kind)) return NULL;
  g_autoptr(FigureMeasure) measure = g_new0(FigureMeasure, 1);
  ask_init(&measure->ask, house, sql, asker);
  return make(measure, figure, kind, period, error) ? g_steal_pointer(&measure) : NULL;
}

const char *figure_measure_label(const FigureMeasure *measure) { return measure->label; }
gboolean figure_measure_adds(const FigureMeasure *measure) { return measure->adds; }

typedef struct { double number; guint count; GString *text; } Brought;
static void take_value(const LedgerValue *value, gpointer data) {
  Brought *brought = data;
  brought->count++;
  brought->number += value->has_number ? value->number : value->from;
  if (brought->text && *value->text) g_string_append_printf(brought->text, "%s%s", brought->text->len ? "、" : "", value->text);
}

static double brings(const FigureMeasure *measure, guint index, GString *text) {
  Brought brought = {.text = text};
  for (guint i = 0; i < measure->path_count; i++)
    ledger_path_values(measure->paths[i], measure->selection.where, index, measure->selection.at, take_value, &brought);
  if (measure->path_count == 0) brought.number = ledger_table_quantity(measure->selection.table, index);
  if (measure->rows) brought.number = brought.count;
  if (text != NULL && measure->adds) g_string_printf(text, "%.10g", brought.number);
  return brought.number;
}

GHashTable *figure_measure_texts(const FigureMeasure *measure, const GArray *ids) {
  const Selection *selection = &measure->selection;
  GHashTable *texts = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
  for (guint i = 0; i < ids->len; i++) g_hash_table_insert(texts, GSIZE_TO_POINTER((gsize)g_array_index(ids, gint64, i)), NULL);
  for (guint i = 0; i < selection->indexes->len; i++) {
    guint index = g_array_index(selection->indexes, guint, i);
    gpointer id = GSIZE_TO_POINTER((gsize)ledger_table_id(selection->table, index));
    if (!g_hash_table_contains(texts, id)) continue;
    GString *text = g_string_new(NULL);
    brings(measure, index, text);
    g_hash_table_insert(texts, id, g_string_free(text, FALSE));
  }
  return texts;
}

/* ---- in order ---- */

typedef struct { double number; guint at; gint64 id; } Ranked;
static int by_number(gconstpointer a, gconstpointer b) {
  const Ranked *x = a, *y = b;
  return x->number != y->number ? (x->number > y->number) - (x->number < y->number) : (x->at > y->at) - (x->at < y->at);
}

void figure_measure_sort(const FigureMeasure *measure, GArray *ids, gboolean down) {
  const Selection *selection = &measure->selection;
  g_autoptr(GHashTable) places = g_hash_table_new(g_direct_hash, g_direct_equal);
  g_autoptr(GArray) ranked = g_array_sized_new(FALSE, FALSE, sizeof(Ranked), ids->len);
  for (guint i = 0; i < ids->len; i++) {
    Ranked row = {0, i, g_array_index(ids, gint64, i)};
    g_array_append_val(ranked, row);
    g_hash_table_insert(places, GSIZE_TO_POINTER((gsize)row.id), GUINT_TO_POINTER(i + 1));
  }
  for (guint i = 0; i < selection->indexes->len; i++) {
    guint index = g_array_index(selection->indexes, guint, i);
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, GSIZE_TO_POINTER((gsize)ledger_table_id(selection->table, index))));
    if (place) g_array_index(ranked, Ranked, place - 1).number = brings(measure, index, NULL) * (down ? -1 : 1);
  }
  g_array_sort(ranked, by_number);
  for (guint i = 0; i < ids->len; i++) g_array_index(ids, gint64, i) = g_array_index(ranked, Ranked, i).id;
}
