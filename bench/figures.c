/*
 * Figures over a ledger of very many entries: how long the first question takes, which reads them all, how long each kind of figure takes again, and what one more
 * entry costs. bench/ledgers.mjs asks the pages of the same archive.
 *
 *   lantai-figures DIRECTORY [ENTRIES]        makes an archive there (a million entries unless said otherwise) when there is none, and prints milliseconds as JSON
 *   lantai-figures DIRECTORY ENTRIES make     only makes it
 *
 * Entries are drawn with a fixed seed over ten years, four kinds, 2 000 persons and 300 bodies; every second one has one to three child rows, one in a hundred is
 * still open. They are written straight into the tables: what is measured is reading and computing, not entering.
 */
#include "app.h"
#include "error.h"
#include "journal.h"
#include <stdio.h>

enum { YEARS = 10, FIRST_YEAR = 2014, ROUNDS = 5, BATCH = 50000 };

static const char LEDGER[] =
  "name: 量\nuses: [次数, 口径, 责任人, 截止]\nfields:\n  - {name: 类型, type: choice, values: [甲, 乙, 丙, 丁]}\n  - {name: 人数, type: number}\n  - {name: 人员, type: person, many: true}\n"
  "  - {name: 对象, type: body}\n  - {name: 议题, type: rows, fields: [{name: 类别, type: choice, values: [学习, 人事, 财务]}, {name: 用时, type: number}]}\n"
  "states: [{name: 待办}, {name: 办理中}, {name: 已办, closed: true}]\n";

static const struct { const char *what, *figure; } FIGURES[] /* also put in force under 量 and their number, for the pages */ = {
  {"count under two conditions", "{ledger: 量, where: {类型: 甲, 人数: {min: 50}}, count: }"},
  {"count by a child row", "{ledger: 量, where: {议题: {row: {类别: 学习, 用时: {min: 20}}}}, count: }"},
  {"sum over all years", "{ledger: 量, period: all, sum: 人数}"},
  {"sum over child rows, all years", "{ledger: 量, period: all, where: {议题.类别: 学习}, sum: 议题.用时}"},
  {"different persons, all years", "{ledger: 量, period: all, distinct: 人员}"},
  {"by group, all years", "{ledger: 量, period: all, sum: 人数, group: 类型}"},
  {"share of two counts", "{rate: {part: {ledger: 量, where: {类型: 甲}, period: all, count: }, whole: {ledger: 量, period: all, count: }}}"},
  {"growth over a year", "{growth: {of: {ledger: 量, sum: 人数}, base: -1}}"},
  {"days with an entry", "{ledger: 量, coverage: {every: day}}"},
  {"run of years", "{ledger: 量, run: 年度}"},
  {"own and subordinate without double counting", "{ledger: 量, units: all, period: all, count: }"},
  {"list of three titles", "{ledger: 量, where: {类型: 丁, 人数: {min: 98}}, list: 标题, limit: 3, tail: 等}"},
};

static guint64 state = 20231231;
static guint draw(guint below) { /* SplitMix64 */
  guint64 z = (state += G_GUINT64_CONSTANT(0x9E3779B97F4A7C15));
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94D049BB133111EB);
  return (guint)((z ^ (z >> 31)) % below);
}

static char *values_of(void) {
  static const char *const kinds[] = {"甲", "乙", "丙", "丁"}, *const topics[] = {"学习", "人事", "财务"};
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "{\"人员\":[\"人%u\",\"人%u\"],\"人数\":%u,\"对象\":\"单位%u\",\"类型\":\"%s\"", draw(2000), draw(2000), draw(100), draw(300), kinds[draw(4)]);
  for (guint i = 0, rows = draw(2) * (1 + draw(3)); i < rows; i++)
    g_string_append_printf(text, "%s{\"用时\":%u,\"类别\":\"%s\"}%s", i ? "," : ",\"议题\":[", draw(60), topics[draw(3)], i + 1 == rows ? "]" : "");
  g_string_append_c(text, '}');
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean write_entry(Sql *sql, gint64 ledger, gint64 number, GError **error) {
  int day = (FIRST_YEAR + (int)draw(YEARS)) * 10000 + (1 + (int)draw(12)) * 100 + 1 + (int)draw(28);
  g_autofree char *values = values_of(), *title = g_strdup_printf("第%" G_GINT64_FORMAT "条", number), *unit = g_strdup_printf("区馆%u", draw(20));
  gboolean open = draw(100) == 0;
  const char *state_name = open ? draw(2) ? "待办" : "办理中" : "已办", *owner = open && draw(50) == 0 ? "bench" : "";
  g_autofree char *states = g_strdup_printf("[[\"%s\",%d]]", state_name, day);
  return sql_exec(sql,
    "INSERT INTO ledger_entry (ledger_id, version, rev, number, unit, from_date, to_date, title, state, closed, owner, department, due, quantity, basis, secrecy, key, "
    "deleted, made_us, made_by, changed_us, changed_by, moved_by, data, states, files) VALUES ($1, 1, $2, '', $3, $4, $4, $5, $6, $7, $8, '', $9, 1, $10, 0, '', 0, 0, "
    "'bench', 0, 'bench', '', $11, $12, '[]')",
    SQL_ARGS(sql_int(ledger), sql_int(number), sql_text(draw(3) ? "本馆" : unit), sql_int(day), sql_text(title), sql_text(state_name), sql_int(!open),
      sql_text(owner), sql_int(open ? day + 10000 : 0), sql_text(draw(50) ? "逐条" : "汇总上报"), sql_text(values), sql_text(states)), error);
}

static gboolean define_figures(Sql *sql, GError **error) {
  json_auto_t *figures = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(FIGURES); i++) {
    json_t *figure = yaml_load_text(FIGURES[i].figure, "bench", error);
    if (figure == NULL) return FALSE;
    json_object_set_new(figure, "name", json_sprintf("量%02u", i + 1));
    json_object_set_new(figure, "about", json_string(FIGURES[i].what));
    json_array_append_new(figures, figure);
  }
  return figure_define(sql, "bench", figures, NULL, error);
}

static gboolean fill(const House *house, gint64 entries, GError **error) {
  json_auto_t *definition = yaml_load_text(LEDGER, "bench", error);
  g_autoptr(Sql) sql = definition ? sql_write(house->db, error) : NULL;
  gint64 ledger = sql ? ledger_define(sql, "bench", definition, error) : 0;
  for (gint64 number = 1; ledger != 0 && number <= entries; number++) {
    if (!write_entry(sql, ledger, number, error)) return FALSE;
    if (number % BATCH != 0) continue;
    if (!sql_commit(sql, error)) return FALSE;
    sql_end(g_steal_pointer(&sql));
    if ((sql = sql_write(house->db, error)) == NULL) return FALSE;
  }
  if (ledger == 0 || !sql_commit(sql, error)) return FALSE;
  sql_end(g_steal_pointer(&sql));
  return (sql = sql_write(house->db, error)) != NULL && define_figures(sql, error) && sql_commit(sql, error);
}

static double time_figure(const House *house, const char *text, json_t **ret, GError **error) {
  json_auto_t *figure = yaml_load_text(text, "bench", error);
  g_autoptr(Sql) sql = figure ? sql_read(house->db, error) : NULL;
  gint64 start = g_get_monotonic_time();
  *ret = sql ? figure_compute_definition(house, sql, LEDGER_EVERYTHING, figure, figure_year(FIRST_YEAR + YEARS - 1), error) : NULL;
  return (double)(g_get_monotonic_time() - start) / 1000;
}

static int compare(gconstpointer a, gconstpointer b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static gboolean measure(const House *house, json_t *out, GError **error) {
  json_t *result = NULL;
  double first = time_figure(house, FIGURES[0].figure, &result, error);
  if (result == NULL) return FALSE;
  json_decref(result);
  json_object_set_new(out, "first question, which reads the ledger", json_real(first));
  for (guint i = 0; i < G_N_ELEMENTS(FIGURES); i++) {
    double times[ROUNDS];
    json_auto_t *value = NULL;
    for (guint round = 0; round < ROUNDS; round++) {
      times[round] = time_figure(house, FIGURES[i].figure, &result, error);
      if (result == NULL) return FALSE;
      json_decref(value);
      value = json_incref(json_object_get(result, "value"));
      json_decref(result);
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    json_object_set_new(out, FIGURES[i].what, json_pack("{s:f, s:f, s:O}", "median", times[ROUNDS / 2], "slowest", times[ROUNDS - 1], "value", value));
  }
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 next = sql ? sql_number(sql, "SELECT MAX(rev) + 1 AS rev FROM ledger_entry", SQL_NONE, 0, error) : 0;
  if (next == 0 || !write_entry(sql, ledger_find("量")->id, next, error) || !sql_commit(sql, error)) return FALSE;
  sql_end(g_steal_pointer(&sql));
  double after = time_figure(house, FIGURES[0].figure, &result, error);
  json_decref(result);
  json_object_set_new(out, "after one more entry", json_real(after));
  return result != NULL;
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  gint64 entries = argc > 2 ? g_ascii_strtoll(argv[2], NULL, 10) : 1000000;
  if (argc < 2) return fprintf(stderr, "lantai-figures DIRECTORY [ENTRIES]\n"), 2;
  gboolean there = archive_exists(argv[1]), measured = argc < 4;
  if (!there && !archive_create(argv[1], &error)) return fprintf(stderr, "%s\n", error->message), 1;
  g_autoptr(Archive) archive = archive_open(argv[1], ARCHIVE_WRITE, &error);
  json_auto_t *out = json_object();
  if (archive == NULL || (!there && !fill(archive_house(archive), entries, &error)) || (measured && !measure(archive_house(archive), out, &error)))
    return fprintf(stderr, "%s\n", error->message), 1;
  g_autofree char *text = json_dumps(out, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
  return puts(text) < 0;
}
