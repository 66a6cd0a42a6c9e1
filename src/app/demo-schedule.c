/* 三合一制度 of two bodies of the demonstration archive: one in force with lines given to some records and the next version handed in, one drafted by the body. */
#include "app.h"
#include "demo.h"
#include "error.h"
#include <string.h>

enum { CLASSED = 24 };

static gint64 fonds_id(const House *house, const char *code) {
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  return sql == NULL ? 0 : sql_number(sql, "SELECT id FROM record WHERE level = 1 AND code = $1", SQL_ARGS(sql_text(code)), 0, NULL);
}

static gint64 begin(const House *house, Sql *sql, const char *actor, const char *code, GError **error) {
  json_auto_t *lines = schedule_template_lines(house->dir, "jiguan-8", error);
  return lines == NULL ? 0 : schedule_draft(sql, actor, fonds_id(house, code), lines, error);
}

static gboolean in_force(const House *house, const char *code, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql == NULL ? 0 : begin(house, sql, "archivist", code, error);
  return id != 0 && schedule_decide(sql, "archivist", id, SCHEDULE_SUBMIT, 0, NULL, error) &&
    schedule_decide(sql, "director", id, SCHEDULE_APPROVE, 20070101, "按国家档案局令第8号编制", error) && sql_commit(sql, error);
}

/* The next version, a line changed and one added, waiting for approval. */
static gboolean next_version(const House *house, const char *code, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql == NULL ? 0 : begin(house, sql, "archivist", code, error);
  json_auto_t *lines = id == 0 ? NULL : schedule_lines(sql, id, error);
  if (lines == NULL) return FALSE;
  json_object_set_new(json_array_get(lines, 1), "retention", json_string("30年"));
  json_array_append_new(lines, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "code", "8.1.1", "path", "业务/防汛抗旱", "matter", "防汛抗旱方案、水情调度和重大险情处置的文件材料",
    "retention", "永久", "opening", "", "note", "2025年增补"));
  return schedule_lines_put(sql, id, lines, error) && schedule_decide(sql, "archivist", id, SCHEDULE_SUBMIT, 0, NULL, error) && sql_commit(sql, error);
}

/* By the clerk of the body itself. */
static gboolean drafted(const House *house, const char *code, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && begin(house, sql, "transferor", code, error) != 0 && sql_commit(sql, error);
}

/* Some papers get a class that has a line of their term. */
static gboolean classify(const House *house, gint64 fonds, GError **error) {
  static const char *const classes[][2] = {{"永久", "请示与批复"}, {"30年", "请示与批复"}, {"10年", "计划总结和统计"}, {"长期", "干部"}};
  const gint64 categories[] = {1}, levels[] = {LEVEL_ITEM};
  SearchRequest ask = {.fonds = &fonds, .fonds_count = 1, .categories = categories, .categories_count = 1, .levels = levels, .levels_count = 1, .limit = CLASSED};
  g_autoptr(GPtrArray) records = NULL;
  {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    g_autoptr(SearchResult) result = sql == NULL ? NULL : search_run(house->search, sql, &SCOPE_EVERYTHING, &ask, error);
    records = result == NULL ? NULL : catalog_records(sql, &SCOPE_EVERYTHING, (const gint64 *)(void *)result->ids->data, result->ids->len, error);
  }
  for (guint i = 0; records != NULL && i < records->len; i++) {
    CatalogRecord *record = records->pdata[i];
    json_auto_t *fields = json_loads(record->fields, 0, NULL);
    for (guint k = 0; k < G_N_ELEMENTS(classes); k++)
      if (strstr(record->retention, classes[k][0]) != NULL) json_object_set_new(fields, "jgwt", json_string(classes[k][1]));
    char *text = json_dumps(fields, JSON_SORT_KEYS | JSON_COMPACT);
    g_free(record->fields);
    record->fields = text;
    if (!catalog_record_save(house, "archivist", record, 0, error)) return FALSE;
  }
  return records != NULL;
}

static gboolean assign(const House *house, gint64 fonds, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql == NULL ? 0 : schedule_in_force(sql, fonds, date_today(), error);
  return id != 0 && schedule_assign(sql, "archivist", id, error) != 0 && sql_commit(sql, error);
}

gboolean demo_schedules(const House *house, GError **error) {
  gint64 fonds = fonds_id(house, "B009");
  if (fonds == 0 || fonds_id(house, "B003") == 0) return TRUE; /* too small an archive */
  return in_force(house, "B009", error) && next_version(house, "B009", error) && drafted(house, "B003", error) && classify(house, fonds, error) &&
    assign(house, fonds, error);
}
