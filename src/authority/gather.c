/*
 * Tying many records at once: a plan (which records), the job that ties them in lots, its undoing, its replay.
 *
 * 1. A plan keeps the records that were found when it was made, within the planner's scope; the job ties these and no others.
 * 2. A lot and its event are one transaction. What was tied already stays as it was and is not untied by an undoing: record_link.gathering_id says whose a tie is.
 */
#include "internal.h"
#include "settings.h"

enum { PLAN_MOST = 200000, PAGE = 10000, LOT = 2000, TOPICS_MOST = 1000 };

json_t *gathering_load(Sql *sql, gint64 id, GError **error) {
  json_auto_t *rows = sql_json(sql, "SELECT id, at_us AS at, actor, title, target_id AS target, role, state, total, done FROM gathering WHERE id = $1",
    SQL_ARGS(sql_int(id)), error);
  if (rows == NULL) return NULL;
  if (json_array_size(rows) == 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号批量关联", id);
  return json_incref(json_array_get(rows, 0));
}

/* ---- the plan ---- */

typedef struct {
  const House *house;
  Sql *sql;
  const Scope *scope;
  const GatherAsk *ask;
  GArray *ids;
} Plan;

static gboolean add_found(Plan *plan, const SearchRequest *search, GHashTable *creators, GError **error) {
  SearchRequest ask = *search;
  ask.sort = SEARCH_SORT_CODE;
  ask.limit = PAGE;
  ask.facets = FALSE;
  g_autofree char *after = NULL;
  for (gboolean more = TRUE; more;) {
    ask.after = after;
    g_autoptr(SearchResult) result = search_run_whole(plan->house->search, plan->sql, plan->scope, &ask, error);
    if (result == NULL) return FALSE;
    if (creators == NULL && result->count > PLAN_MOST)
      return throw(error, LANTAI_ERROR_TOO_LARGE, "一次最多关联 %d 件，这次检索有 %" G_GUINT64_FORMAT " 件。请缩小范围，分几次进行", PLAN_MOST, result->count);
    for (guint i = 0; i < result->ids->len; i++) {
      gint64 id = g_array_index(result->ids, gint64, i);
      g_autofree char *creator = creators == NULL ? NULL : sql_string(plan->sql, "SELECT creator FROM record WHERE id = $1", SQL_ARGS(sql_int(id)), NULL);
      g_autofree char *key = creator == NULL ? NULL : name_key(creator);
      if (creators == NULL || (key != NULL && g_hash_table_contains(creators, key))) g_array_append_val(plan->ids, id);
    }
    g_free(after);
    after = g_steal_pointer(&result->next);
    more = after != NULL;
    if (plan->ids->len > PLAN_MOST) return throw(error, LANTAI_ERROR_TOO_LARGE, "一次最多关联 %d 件。请先按全宗检索，再分批关联", PLAN_MOST);
  }
  return TRUE;
}

/* Records whose creator is one of the names and nothing else: the index finds those that have the name, the row decides. */
static gboolean add_by_creator(Plan *plan, json_t *authority, GError **error) {
  g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  g_ptr_array_add(names, (gpointer)text_at(authority, "name"));
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(authority, "names"), i, row) g_ptr_array_add(names, (gpointer)text_at(row, "name"));
  for (guint n = 0; n < names->len; n++) g_hash_table_add(keys, name_key(names->pdata[n]));
  for (guint n = 0; n < names->len; n++) {
    g_autofree char *plain = g_strdelimit(g_strdup(names->pdata[n]), "\"*():", ' '), *query = g_strdup_printf("creator:\"%s\"", plain);
    if (!add_found(plan, &(SearchRequest){.query = query}, keys, error)) return FALSE;
  }
  GArray *unique = g_array_new(FALSE, FALSE, sizeof(gint64));
  for (guint k = 0; k < plan->ids->len; k++) /* names that hold one another find a record twice */
    if (g_hash_table_add(seen, &g_array_index(plan->ids, gint64, k))) g_array_append_val(unique, g_array_index(plan->ids, gint64, k));
  g_hash_table_remove_all(seen);
  g_array_unref(plan->ids);
  plan->ids = unique;
  return TRUE;
}

/* Without those that are tied to it already. */
static gboolean drop_tied(Plan *plan, GError **error) {
  g_autoptr(GArray) tied = authority_records(plan->sql, plan->ask->target, plan->ask->role, error);
  if (tied == NULL) return FALSE;
  guint kept = 0;
  for (guint i = 0; i < plan->ids->len; i++) {
    gint64 id = g_array_index(plan->ids, gint64, i);
    guint low = 0, high = tied->len;
    while (low < high) {
      guint middle = low + (high - low) / 2;
      if (g_array_index(tied, gint64, middle) < id) low = middle + 1;
      else high = middle;
    }
    if (low < tied->len && g_array_index(tied, gint64, low) == id) continue;
    g_array_index(plan->ids, gint64, kept++) = id;
  }
  g_array_set_size(plan->ids, kept);
  return TRUE;
}

static gint64 keep_plan(const Plan *plan, const char *actor, GError **error) {
  g_autoptr(Sql) sql = sql_write(plan->house->db, error);
  if (sql == NULL) return 0;
  /* what this person looked at before and did not do */
  if (!sql_exec(sql, "DELETE FROM gathering_row WHERE gathering_id IN (SELECT id FROM gathering WHERE state = 'planned' AND actor = $1)",
    SQL_ARGS(sql_text(actor)), error) ||
    !sql_exec(sql, "DELETE FROM gathering WHERE state = 'planned' AND actor = $1", SQL_ARGS(sql_text(actor)), error)) return 0;
  if (!sql_exec(sql, "INSERT INTO gathering (id, at_us, actor, title, target_id, role, state, total, done) "
        "VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM gathering), $1, $2, $3, $4, $5, 'planned', $6, 0)",
        SQL_ARGS(sql_int(clock_now_us()), sql_text(actor), sql_text(plan->ask->title ? plan->ask->title : ""), sql_int(plan->ask->target),
          sql_text(plan->ask->role),
          sql_int(plan->ids->len)), error)) return 0;
  gint64 id = sql_last_id(sql);
  for (guint i = 0; i < plan->ids->len; i++)
    if (!sql_exec(sql, "INSERT INTO gathering_row (gathering_id, record_id) VALUES ($1, $2)", SQL_ARGS(sql_int(id), sql_int(g_array_index(plan->ids, gint64,
      i))), error))
      return 0;
  return sql_commit(sql, error) ? id : 0;
}

static gboolean check_role(json_t *authority, const char *role, GError **error) {
  gboolean topical = kind_is_topical(text_at(authority, "kind"));
  for (const LinkRole *each = LINK_ROLES; each->role != NULL; each++)
    if (g_strcmp0(each->role, role) == 0 && each->topical == topical) return TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "请选择“%s”与档案的关系（责任者、受文者……）", text_at(authority, "name"));
}

gint64 gathering_plan(const House *house, const Scope *scope, const char *actor, const GatherAsk *ask, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *authority = sql == NULL ? NULL : authority_load(sql, ask->target, error);
  if (authority == NULL) return 0;
  if (!g_str_equal(text_at(authority, "state"), "live")) return throw(error, LANTAI_ERROR_CONFLICT, "“%s”已合并或删除", text_at(authority, "name"));
  if (!check_role(authority, ask->role, error)) return 0;
  Plan plan = {house, sql, scope, ask, g_array_new(FALSE, FALSE, sizeof(gint64))};
  gboolean found = (ask->search != NULL ? add_found(&plan, ask->search, NULL, error) : add_by_creator(&plan, authority, error)) && drop_tied(&plan, error);
  sql_end(g_steal_pointer(&sql));
  gint64 id = found ? keep_plan(&plan, actor, error) : 0;
  g_array_unref(plan.ids);
  return id;
}

/* ---- the job ---- */

static GArray *read_lot(Sql *sql, json_t *gathering, gboolean undo, GError **error) {
  const SqlValue *args = SQL_ARGS(sql_int(int_at(gathering, "id")), sql_int(LOT));
  g_autoptr(SqlRows) rows = undo ? sql_query(sql,
    "SELECT record_id FROM record_link WHERE gathering_id = $1 AND gathering_id > 0 ORDER BY record_id LIMIT $2", args, error)
                                 : sql_query(sql, "SELECT record_id FROM gathering_row WHERE gathering_id = $1 ORDER BY record_id LIMIT $2", args, error);
  if (rows == NULL) return NULL;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    gint64 id = sql_get_int(rows, "record_id");
    g_array_append_val(ids, id);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&ids);
}

static gboolean tie(Sql *sql, json_t *gathering, gint64 record, GError **error) {
  return sql_exec(sql, "INSERT INTO record_link (record_id, target_kind, target_id, role, dates, note, gathering_id) VALUES ($1, 'authority', $2, $3, '', '', $4) "
    "ON CONFLICT DO NOTHING", SQL_ARGS(sql_int(record), sql_int(int_at(gathering, "target")), sql_text(text_at(gathering, "role")),
      sql_int(int_at(gathering, "id"))), error) &&
    sql_exec(sql, "DELETE FROM gathering_row WHERE gathering_id = $1 AND record_id = $2", SQL_ARGS(sql_int(int_at(gathering, "id")), sql_int(record)), error);
}

static gboolean untie(Sql *sql, json_t *gathering, gint64 record, GError **error) {
  return sql_exec(sql, "DELETE FROM record_link WHERE record_id = $1 AND target_kind = 'authority' AND target_id = $2 AND role = $3 AND gathering_id = $4",
    SQL_ARGS(sql_int(record), sql_int(int_at(gathering, "target")), sql_text(text_at(gathering, "role")), sql_int(int_at(gathering, "id"))), error);
}

static gboolean apply(Sql *sql, json_t *gathering, json_t *ids, gboolean undo, GError **error) {
  size_t i;
  json_t *id;
  json_array_foreach(ids, i, id) {
    gint64 record = json_integer_value(id);
    if (!(undo ? untie(sql, gathering, record, error) : tie(sql, gathering, record, error))) return FALSE;
  }
  return TRUE;
}

static gboolean mark(Sql *sql, gint64 id, gint64 done, const char *state, GError **error) {
  return sql_exec(sql, "UPDATE gathering SET done = $1, state = $2 WHERE id = $3", SQL_ARGS(sql_int(done), sql_text(state), sql_int(id)), error);
}

static gboolean apply_lot(const House *house, json_t *gathering, const char *actor, GArray *lot, gboolean undo, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  json_auto_t *ids = json_array();
  for (guint i = 0; i < lot->len; i++) json_array_append_new(ids, json_integer(g_array_index(lot, gint64, i)));
  gint64 id = int_at(gathering, "id"), done = int_at(gathering, "done") + (undo ? -(gint64)lot->len : (gint64)lot->len);
  if (!apply(sql, gathering, ids, undo, error) || !mark(sql, id, MAX(done, 0), undo ? "undoing" : "running", error)) return FALSE;
  json_auto_t *data = json_pack("{s:O, s:O}", "gathering", gathering, "records", ids);
  return journal_append(sql, actor, undo ? "link.ungather" : "link.gather", "authority", int_at(gathering, "target"), data, error) != 0 && sql_commit(sql,
    error);
}

static gboolean finish(const House *house, json_t *gathering, gboolean undo, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && mark(sql, int_at(gathering, "id"), undo ? 0 : int_at(gathering, "done"), undo ? "undone" : "done", error) && sql_commit(sql, error);
}

gboolean gathering_run(const House *house, Job *job, json_t *parameters, GError **error) {
  gboolean undo = json_is_true(json_object_get(parameters, "undo"));
  for (;;) {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    json_auto_t *gathering = sql == NULL ? NULL : gathering_load(sql, int_at(parameters, "gathering"), error);
    g_autoptr(GArray) lot = gathering == NULL ? NULL : read_lot(sql, gathering, undo, error);
    if (lot == NULL) return FALSE;
    gint64 done = int_at(gathering, "done"), total = int_at(gathering, "total");
    job_progress(job, undo ? total - done : done, total, "件", undo ? "取消关联" : "关联档案");
    if (job_should_stop(job)) return TRUE;
    sql_end(g_steal_pointer(&sql));
    if (lot->len == 0) return finish(house, gathering, undo, error);
    if (!apply_lot(house, gathering, job_actor(job), lot, undo, error)) return FALSE;
  }
}

gboolean gathering_queue(Sql *sql, gint64 id, gboolean undo, const char *actor, GError **error) {
  json_auto_t *parameters = json_pack("{s:I, s:b}", "gathering", (json_int_t)id, "undo", undo);
  return sql_exec(sql, "UPDATE gathering SET state = $1 WHERE id = $2", SQL_ARGS(sql_text(undo ? "undoing" : "running"), sql_int(id)), error) &&
    (!undo || sql_exec(sql, "DELETE FROM gathering_row WHERE gathering_id = $1", SQL_ARGS(sql_int(id)), error)) &&
    job_queue(sql, undo ? "link.ungather" : "link.gather", "gathering", id, parameters, actor, error) != 0;
}

/* ---- topics that fill by themselves ---- */

json_t *topic_named(Sql *sql, gint64 id, GError **error) {
  gint64 living = id == 0 ? 0 : authority_resolve(sql, id);
  return sql_json(sql, "SELECT id, name FROM authority WHERE topical = 1 AND state = 'live' AND ($1 = 0 OR id = $2) ORDER BY name, id LIMIT $3",
    SQL_ARGS(sql_int(id), sql_int(living), sql_int(TOPICS_MOST)), error);
}

gboolean topic_fill(Sql *sql, const char *actor, gint64 topic, gint64 accession_id, const char *title, GError **error) {
  json_auto_t *parameters = json_pack("{s:I, s:I, s:s}", "topic", (json_int_t)topic, "delivery", (json_int_t)accession_id, "title", title);
  return job_queue(sql, "topic.fill", "topic_delivery", accession_id, parameters, actor, error) != 0;
}

/* Plans, and queues what ties them; the plan is the system's, so that it takes no preview from a person. */
gboolean topic_fill_run(const House *house, Job *job, json_t *parameters, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  gint64 topic = sql == NULL ? 0 : authority_resolve(sql, int_at(parameters, "topic"));
  if (sql == NULL) return FALSE;
  sql_end(g_steal_pointer(&sql));
  if (topic == 0) return throw(error, LANTAI_ERROR_NOT_FOUND, "收集项目的专题已删除，这一批没有归入。请为项目另选专题");
  const SearchRequest search = {.accession_id = int_at(parameters, "delivery")};
  gint64 id = gathering_plan(house, &SCOPE_EVERYTHING, "system", &(GatherAsk){topic, "topic", &search, text_at(parameters, "title")}, error);
  if (id == 0 || (sql = sql_write(house->db, error)) == NULL) return FALSE;
  json_auto_t *gathering = gathering_load(sql, id, error);
  if (gathering == NULL) return FALSE;
  return int_at(gathering, "total") == 0 || (gathering_queue(sql, id, FALSE, job_actor(job), error) && sql_commit(sql, error));
}

/* ---- rebuilding ---- */

gboolean gathering_replay(Sql *sql, json_t *event, gboolean undo, GError **error) {
  json_t *data = json_object_get(event, "data"), *gathering = json_object_get(data, "gathering"), *ids = json_object_get(data, "records");
  if (gathering == NULL || !json_is_array(ids)) return throw(error, LANTAI_ERROR_INVALID, "批量关联事件的内容不全");
  gint64 id = int_at(gathering, "id"), count = (gint64)json_array_size(ids), done = MAX(int_at(gathering, "done") + (undo ? -count : count), 0);
  const char *state = undo ? done == 0 ? "undone" : "undoing" : done == int_at(gathering, "total") ? "done" : "running";
  return sql_exec(sql, "INSERT INTO gathering (id, at_us, actor, title, target_id, role, state, total, done) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0) "
    "ON CONFLICT (id) DO NOTHING",
    SQL_ARGS(sql_int(id), sql_int(int_at(gathering, "at")), sql_text(text_at(gathering, "actor")), sql_text(text_at(gathering, "title")),
      sql_int(int_at(gathering, "target")),
      sql_text(text_at(gathering, "role")), sql_text(state), sql_int(int_at(gathering, "total"))), error) &&
    apply(sql, gathering, ids, undo, error) && mark(sql, id, done, state, error);
}
