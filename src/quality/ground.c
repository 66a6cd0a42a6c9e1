/*
 * What faults rest on besides the record itself, so that a survey sees when it is another: the first day and code of a fonds, the definition of a category, the
 * rule of codes, what stands above or below, the names that one person has, and today's date.
 *
 * 1. Nobody tells of a change: what is there is compared with what was there at the last look. So no way of changing it can be forgotten, a file changed by hand,
 *    a restored archive and a newer program with them.
 * 2. What many records rest on marks them by fonds, category or both, and they are found in the columns in memory (ground_meets); what few rest on is listed one
 *    by one in quality_again.
 * 3. Marks stand until the walk that began after them is through.
 */
#include "internal.h"
#include "authority.h"
#include "json.h"
#include "text.h"
#include "watch.h"

#define KINDS_STATE "2" /* another number when a look finds something else in the same record */

struct Ground {
  GHashTable *fonds, *categories, *choices; /* ids, the last as fonds << 8 | category */
};

static gboolean taken(GHashTable *ids, gint64 id) { return g_hash_table_contains(ids, &id); }
static void take(GHashTable *ids, gint64 id) { g_hash_table_add(ids, g_memdup2(&id, sizeof id)); }

/* ---- what is there now, and what was there ---- */

static const char *kinds_known(void) {
  static gsize made;
  static char *text;
  if (g_once_init_enter(&made)) {
    GString *kinds = g_string_new(KINDS_STATE);
    for (const QualityKind *kind = QUALITY_KINDS; kind->key; kind++) g_string_append_printf(kinds, " %s", kind->key);
    text = g_string_free(kinds, FALSE);
    g_once_init_leave(&made, 1);
  }
  return text;
}

static SqlRows *present(const House *house, Sql *sql, GError **error) {
  return sql_query(sql,
    "SELECT 'kinds' AS subject, 0 AS id, $1 AS value UNION ALL SELECT 'rules', 0, $2 "
    "UNION ALL SELECT 'day', 0, CAST($3 AS TEXT) WHERE EXISTS (SELECT 1 FROM quality_fault WHERE kind = 'date-future') "
    "UNION ALL SELECT 'fonds', id, code || ' ' || date_from FROM record WHERE level = 1 "
    "UNION ALL SELECT 'category', category, CAST(MAX(version) AS TEXT) FROM category_version GROUP BY category "
    "UNION ALL SELECT 'choice', fonds_id * 256 + category, rule || ' ' || volume_width || ' ' || item_width FROM code_choice "
    "UNION ALL SELECT 'person', id, CAST(rev AS TEXT) FROM authority WHERE topical = 0 AND (kind = 'person' OR id IN (SELECT authority_id FROM quality_name))",
    SQL_ARGS(sql_text(kinds_known()), sql_text(catalog_rules_digest(house->catalog)), sql_int(date_today())), error);
}

static char *name_of(SqlRows *rows) { return g_strdup_printf("%s %" G_GINT64_FORMAT, sql_get_text(rows, "subject"), sql_get_int(rows, "id")); }

static GHashTable *stored(Sql *sql, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT subject, id, value FROM quality_ground", SQL_NONE, error);
  if (rows == NULL) return NULL;
  g_autoptr(GHashTable) values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) g_hash_table_insert(values, name_of(rows), g_strdup(sql_get_text(rows, "value")));
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return g_steal_pointer(&values);
}

typedef struct { char *subject, *value; gint64 id; gboolean known; } Moved;

static void moved_free(gpointer data) {
  Moved *moved = data;
  g_free(moved->subject);
  g_free(moved->value);
  g_free(moved);
}

/* Moved*: what is new or another. */
static GPtrArray *moved(const House *house, Sql *sql, GError **error) {
  g_autoptr(GHashTable) before = stored(sql, error);
  g_autoptr(SqlRows) rows = before ? present(house, sql, error) : NULL;
  if (rows == NULL) return NULL;
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(moved_free);
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    g_autofree char *name = name_of(rows);
    const char *was = g_hash_table_lookup(before, name), *is = sql_get_text(rows, "value");
    if (g_strcmp0(was, is) == 0) continue;
    Moved each = {g_strdup(sql_get_text(rows, "subject")), g_strdup(is), sql_get_int(rows, "id"), was != NULL};
    g_ptr_array_add(list, g_memdup2(&each, sizeof each));
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return g_steal_pointer(&list);
}

/* A fonds and a category that are new have no records that were looked at; a rule may be chosen for what is there already. */
static gboolean concerns(const Moved *moved) { return moved->known || !(g_str_equal(moved->subject, "fonds") || g_str_equal(moved->subject, "category")); }

static GroundChange change_of(GPtrArray *list) {
  GroundChange change = list ? GROUND_SAME : GROUND_ERROR;
  for (guint i = 0; list && i < list->len; i++) {
    const Moved *each = list->pdata[i];
    if (!concerns(each)) continue;
    change = MAX(change, g_str_equal(each->subject, "kinds") || g_str_equal(each->subject, "rules") ? GROUND_ALL : GROUND_SOME);
  }
  return change;
}

GroundChange ground_moved(const House *house, Sql *sql, GError **error) {
  g_autoptr(GPtrArray) list = moved(house, sql, error);
  return change_of(list);
}

/* What is found by a name of the person in any fonds is looked at again. */
static gboolean list_named(Sql *sql, gint64 authority_id, GError **error) {
  json_auto_t *found = sql_json(sql,
    "SELECT DISTINCT n.folded AS folded, r.id AS fonds FROM quality_name AS n CROSS JOIN record AS r WHERE n.authority_id = $1 AND r.level = 1",
    SQL_ARGS(sql_int(authority_id)), error);
  size_t i;
  json_t *row;
  json_array_foreach(found, i, row) {
    gint64 hash = look_person_hash(int_at(row, "fonds"), text_at(row, "folded"));
    if (!sql_exec(sql, "INSERT INTO quality_again (record_id) SELECT record_id FROM quality_key WHERE kind = 'person' AND hash = $1 ON CONFLICT (record_id) DO NOTHING",
      SQL_ARGS(sql_int(hash)), error)) return FALSE;
  }
  return found != NULL;
}

static gboolean put_name(Sql *sql, gint64 authority_id, const char *said, GError **error) {
  g_autofree char *name = look_name(said), *folded = text_fold(name);
  const char *const forms[] = {name, folded};
  for (guint i = 0; i < G_N_ELEMENTS(forms); i++)
    if (!sql_exec(sql, "INSERT INTO quality_name (authority_id, form, folded) VALUES ($1, $2, $3) ON CONFLICT (authority_id, form) DO NOTHING",
      SQL_ARGS(sql_int(authority_id), sql_int(look_digest(forms[i])), sql_text(folded)), error)) return FALSE;
  return TRUE;
}

/* The names of a person as they are now; listed: what had or has one of them is looked at again. */
static gboolean take_person(Sql *sql, gint64 id, gboolean listed, GError **error) {
  json_auto_t *person = authority_load(sql, id, error);
  if (person == NULL || (listed && !list_named(sql, id, error)) ||
    !sql_exec(sql, "DELETE FROM quality_name WHERE authority_id = $1", SQL_ARGS(sql_int(id)), error)) return FALSE;
  json_t *names = json_object_get(person, "names"), *name;
  if (!g_str_equal(text_at(person, "state"), "live") || !g_str_equal(text_at(person, "kind"), "person") || json_array_size(names) == 0) return TRUE;
  if (!put_name(sql, id, text_at(person, "name"), error)) return FALSE;
  size_t i;
  json_array_foreach(names, i, name)
    if (!put_name(sql, id, text_at(name, "name"), error)) return FALSE;
  return !listed || list_named(sql, id, error);
}

static gboolean keep(Sql *sql, const Moved *each, gboolean all, GError **error) {
  gboolean day = g_str_equal(each->subject, "day"), person = g_str_equal(each->subject, "person");
  if (person && !take_person(sql, each->id, !all, error)) return FALSE;
  return sql_exec(sql,
    "INSERT INTO quality_ground (subject, id, value, again) VALUES ($1, $2, $3, $4) ON CONFLICT (subject, id) "
    "DO UPDATE SET value = excluded.value, again = excluded.again",
    SQL_ARGS(sql_text(each->subject), sql_int(each->id), sql_text(each->value), sql_int(concerns(each) && !day && !person)), error) &&
    (!day || sql_exec(sql, "INSERT INTO quality_again (record_id) SELECT record_id FROM quality_fault WHERE kind = 'date-future' ON CONFLICT (record_id) DO NOTHING",
      SQL_NONE, error));
}

GroundChange ground_take(const House *house, Sql *sql, GError **error) {
  g_autoptr(GPtrArray) list = moved(house, sql, error);
  GroundChange change = change_of(list);
  for (guint i = 0; list && i < list->len; i++)
    if (!keep(sql, list->pdata[i], change == GROUND_ALL, error)) return GROUND_ERROR;
  return change;
}

gboolean ground_settled(Sql *sql, GError **error) { return sql_exec(sql, "UPDATE quality_ground SET again = 0 WHERE again = 1", SQL_NONE, error); }

/* ---- whom it concerns ---- */

Ground *ground_marks(Sql *sql, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT subject, id FROM quality_ground WHERE again = 1", SQL_NONE, error);
  if (rows == NULL) return NULL;
  g_autoptr(Ground) ground = g_new0(Ground, 1);
  GHashTable **sets[] = {&ground->fonds, &ground->categories, &ground->choices};
  for (guint i = 0; i < G_N_ELEMENTS(sets); i++) *sets[i] = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    const char *subject = sql_get_text(rows, "subject");
    take(g_str_equal(subject, "fonds") ? ground->fonds : g_str_equal(subject, "category") ? ground->categories : ground->choices, sql_get_int(rows, "id"));
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return g_steal_pointer(&ground);
}

void ground_free(Ground *ground) {
  g_clear_pointer(&ground->fonds, g_hash_table_unref);
  g_clear_pointer(&ground->categories, g_hash_table_unref);
  g_clear_pointer(&ground->choices, g_hash_table_unref);
  g_free(ground);
}

gboolean ground_any(const Ground *ground) {
  return g_hash_table_size(ground->fonds) + g_hash_table_size(ground->categories) + g_hash_table_size(ground->choices) > 0;
}

gboolean ground_meets(const Ground *ground, const SearchColumns *line) {
  return taken(ground->fonds, line->fonds_id) || taken(ground->categories, line->category) ||
    taken(ground->choices, (gint64)line->fonds_id << 8 | line->category);
}

/* ---- one by one ---- */

/* An item that left its volume, or is no more: the volume's pieces are others, and what was compared with it. */
static gboolean record_left(Sql *sql, gint64 record_id, gint64 parent_id, GError **error) {
  return sql_exec(sql,
    "INSERT INTO quality_again (record_id) SELECT id FROM (SELECT $1 AS id UNION ALL SELECT $2) AS both WHERE EXISTS (SELECT 1 FROM quality_state WHERE rev > 0) "
    "ON CONFLICT (record_id) DO NOTHING", SQL_ARGS(sql_int(record_id), sql_int(parent_id)), error);
}

void ground_watch(void) { catalog_set_left(record_left); }

gboolean ground_below(Sql *sql, const CatalogRecord *record, gint64 rev, GError **error) {
  if (record->level != LEVEL_VOLUME && (record->level != LEVEL_CLASS || strstr(record->code, "·") == NULL)) return TRUE; /* only such stand in the codes below */
  return sql_exec(sql,
    "INSERT INTO quality_again (record_id) SELECT id FROM record WHERE rev <= $1 AND (parent_id = $2 OR parent_id IN (SELECT id FROM record WHERE parent_id = $2)) "
    "ON CONFLICT (record_id) DO NOTHING", SQL_ARGS(sql_int(rev), sql_int(record->id)), error);
}
