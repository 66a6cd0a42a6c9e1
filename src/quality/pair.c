/*
 * Faults that lie between records: records are put under digests of what must be equal, and a digest with several (or several forms) is a fault of each.
 *
 * 1. A fault of a group is admitted only for who may see all of it: its gate is made of all members.
 * 2. Persons written differently are no fault where one person of the authority records has all these names (ground.c keeps quality_name).
 * 3. A group of more than PAIR_MOST records is a series with one title and no fault; its members' faults go when it grows beyond.
 */
#include "internal.h"

typedef struct { gint64 record_id, fonds_id, form; Level level; Security security; guint openings; } Member;

static void touch(GHashTable *touched, const char *kind, gint64 hash) { g_hash_table_add(touched, g_strdup_printf("%s %" G_GINT64_FORMAT, kind, hash)); }

/* ---- the groups ---- */

static GArray *members_of(Sql *sql, const char *kind, gint64 hash, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT k.record_id, k.form, r.fonds_id, r.level, r.security, r.opening FROM quality_key AS k JOIN record AS r ON r.id = k.record_id "
    "WHERE k.kind = $1 AND k.hash = $2 ORDER BY k.record_id LIMIT $3", SQL_ARGS(sql_text(kind), sql_int(hash), sql_int(PAIR_MOST + 1)), error);
  if (rows == NULL) return NULL;
  GArray *members = g_array_new(FALSE, FALSE, sizeof(Member));
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    Member member = {sql_get_int(rows, "record_id"), sql_get_int(rows, "fonds_id"), sql_get_int(rows, "form"), (Level)sql_get_int(rows, "level"),
      (Security)sql_get_int(rows, "security"), 1u << sql_get_int(rows, "opening")};
    g_array_append_val(members, member);
  }
  if (failure == NULL) return members;
  g_array_unref(members);
  g_propagate_error(error, g_steal_pointer(&failure));
  return NULL;
}

static gboolean several(const QualityKind *kind, const GArray *members) {
  if (members->len > PAIR_MOST) return FALSE;
  for (guint i = 1; i < members->len; i++) {
    const Member *first = &g_array_index(members, Member, 0), *other = &g_array_index(members, Member, i);
    if (other->record_id != first->record_id && (!kind->by_form || other->form != first->form)) return TRUE;
  }
  return FALSE;
}

/* All forms are names of one person in the authority records. */
static gboolean all_of_one(Sql *sql, const GArray *members, gint64 authority_id, GError **error) {
  for (guint i = 0; i < members->len; i++)
    if (sql_number(sql, "SELECT 1 AS found FROM quality_name WHERE authority_id = $1 AND form = $2",
      SQL_ARGS(sql_int(authority_id), sql_int(g_array_index(members, Member, i).form)), 0, error) != 1) return FALSE;
  return TRUE;
}

static gboolean is_joined(Sql *sql, const GArray *members, GError **error) {
  json_auto_t *persons = sql_json(sql, "SELECT authority_id FROM quality_name WHERE form = $1 ORDER BY authority_id LIMIT 20",
    SQL_ARGS(sql_int(g_array_index(members, Member, 0).form)), error);
  size_t i;
  json_t *person;
  json_array_foreach(persons, i, person) {
    g_autoptr(GError) local = NULL;
    gboolean joined = all_of_one(sql, members, json_integer_value(json_object_get(person, "authority_id")), &local);
    if (local) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
    if (joined) return TRUE;
  }
  return FALSE;
}

static gboolean is_fault(Sql *sql, const QualityKind *kind, const GArray *members, gboolean *ret, GError **error) {
  g_autoptr(GError) local = NULL;
  *ret = several(kind, members) && !(kind->by_form && is_joined(sql, members, &local));
  return local == NULL || (g_propagate_error(error, g_steal_pointer(&local)), FALSE);
}

static gboolean has_fault(Sql *sql, const char *kind, gint64 record_id, GError **error) {
  return sql_number(sql, "SELECT 1 AS found FROM quality_fault WHERE kind = $1 AND record_id = $2", SQL_ARGS(sql_text(kind), sql_int(record_id)), 0, error) == 1;
}

/* A record with several keys of a kind (two persons) may be at fault by another one. */
static gboolean still_fault(Sql *sql, const QualityKind *kind, gint64 record_id, GError **error) {
  json_auto_t *keys = sql_json(sql, "SELECT DISTINCT hash FROM quality_key WHERE record_id = $1 AND kind = $2", SQL_ARGS(sql_int(record_id), sql_text(kind->key)), error);
  size_t i;
  json_t *key;
  json_array_foreach(keys, i, key) {
    g_autoptr(GArray) members = members_of(sql, kind->key, json_integer_value(json_object_get(key, "hash")), error);
    gboolean fault;
    if (members == NULL || !is_fault(sql, kind, members, &fault, error)) return FALSE;
    if (fault) return TRUE;
  }
  return FALSE;
}

static gboolean clear_fault(Sql *sql, const QualityKind *kind, gint64 record_id, GError **error) {
  g_autoptr(GError) failure = NULL;
  gboolean clears = has_fault(sql, kind->key, record_id, &failure) && failure == NULL && !still_fault(sql, kind, record_id, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return !clears || fault_remove(sql, kind->key, record_id, error);
}

static gboolean settle(Sql *sql, const QualityKind *kind, gint64 hash, GError **error) {
  g_autoptr(GArray) members = members_of(sql, kind->key, hash, error);
  gboolean fault;
  if (members == NULL || !is_fault(sql, kind, members, &fault, error)) return FALSE;
  FaultGate gate = {0, LEVEL_ITEM, SECURITY_PUBLIC, 0};
  for (guint i = 0; i < members->len; i++) {
    const Member *member = &g_array_index(members, Member, i);
    gate.fonds_id = i == 0 || gate.fonds_id == member->fonds_id ? member->fonds_id : 0;
    gate.security = MAX(gate.security, member->security);
    gate.openings |= member->openings;
  }
  for (guint i = 0; i < members->len; i++) {
    gint64 id = g_array_index(members, Member, i).record_id;
    if (!(fault ? fault_put(sql, kind->key, id, &gate, "", error) : clear_fault(sql, kind, id, error))) return FALSE;
  }
  return TRUE;
}

GArray *pair_at_fault(Sql *sql, const QualityKind *kind, gint64 hash, GError **error) {
  g_autoptr(GArray) members = members_of(sql, kind->key, hash, error), ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  gboolean fault;
  if (members == NULL || !is_fault(sql, kind, members, &fault, error)) return NULL;
  g_autoptr(GError) local = NULL;
  for (guint i = 0; fault && i < members->len; i++) {
    gint64 id = g_array_index(members, Member, i).record_id;
    if ((i == 0 || id != g_array_index(members, Member, i - 1).record_id) && has_fault(sql, kind->key, id, &local)) g_array_append_val(ids, id);
  }
  if (local) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&ids);
}

/* ---- a record's keys ---- */

/* [kind, hash, form] as stored, taken out of the table when they are not among the present ones. */
static gboolean drop_former(Look *look, GHashTable *present, GHashTable *touched, GError **error) {
  g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
  {
    g_autoptr(SqlRows) rows = sql_query(look->sql, "SELECT kind, hash, form FROM quality_key WHERE record_id = $1", SQL_ARGS(sql_int(look->record->id)), error);
    if (rows == NULL) return FALSE;
    g_autoptr(GError) failure = NULL;
    while (sql_next(rows, &failure)) {
      g_autofree char *name =
        g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, sql_get_text(rows, "kind"), sql_get_int(rows, "hash"), sql_get_int(rows, "form"));
      if (!g_hash_table_remove(present, name)) g_ptr_array_add(gone, g_steal_pointer(&name));
    }
    if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  }
  for (guint i = 0; i < gone->len; i++) {
    g_auto(GStrv) parts = g_strsplit(g_ptr_array_index(gone, i), " ", 3);
    gint64 hash = g_ascii_strtoll(parts[1], NULL, 10), form = g_ascii_strtoll(parts[2], NULL, 10);
    if (!sql_exec(look->sql, "DELETE FROM quality_key WHERE kind = $1 AND hash = $2 AND record_id = $3 AND form = $4",
      SQL_ARGS(sql_text(parts[0]), sql_int(hash), sql_int(look->record->id), sql_int(form)), error) ||
      !clear_fault(look->sql, quality_kind(parts[0]), look->record->id, error)) return FALSE;
    touch(touched, parts[0], hash);
  }
  return TRUE;
}

gboolean pair_drop(Sql *sql, gint64 record_id, GHashTable *touched, GError **error) {
  json_auto_t *keys = sql_json(sql, "SELECT DISTINCT kind, hash FROM quality_key WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error);
  size_t i;
  json_t *key;
  json_array_foreach(keys, i, key) touch(touched, json_string_value(json_object_get(key, "kind")), json_integer_value(json_object_get(key, "hash")));
  return keys != NULL && sql_exec(sql, "DELETE FROM quality_key WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error) &&
    sql_exec(sql, "DELETE FROM quality_fault WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error);
}

gboolean pair_put(Look *look, GHashTable *touched, GError **error) {
  g_autoptr(GHashTable) present = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (const QualityKind *kind = QUALITY_KINDS; kind->key; kind++) {
    if (kind->keys == NULL) continue;
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(LookKey));
    kind->keys(look, keys);
    if (look->failure) return g_propagate_error(error, g_steal_pointer(&look->failure)), FALSE;
    for (guint i = 0; i < keys->len; i++) {
      const LookKey *key = &g_array_index(keys, LookKey, i);
      g_hash_table_add(present, g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, kind->key, key->hash, key->form));
      touch(touched, kind->key, key->hash); /* who may see the group may have changed though its members did not */
    }
  }
  if (!drop_former(look, present, touched, error)) return FALSE;
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, present);
  while (g_hash_table_iter_next(&iter, &name, NULL)) { /* what is new */
    g_auto(GStrv) parts = g_strsplit(name, " ", 3);
    if (!sql_exec(look->sql, "INSERT INTO quality_key (kind, hash, record_id, form) VALUES ($1, $2, $3, $4)", SQL_ARGS(sql_text(parts[0]),
      sql_int(g_ascii_strtoll(parts[1], NULL, 10)), sql_int(look->record->id), sql_int(g_ascii_strtoll(parts[2], NULL, 10))), error)) return FALSE;
  }
  return TRUE;
}

gboolean pair_settle(Sql *sql, GHashTable *touched, GError **error) {
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, touched);
  while (g_hash_table_iter_next(&iter, &name, NULL)) {
    g_auto(GStrv) parts = g_strsplit(name, " ", 2);
    const QualityKind *kind = quality_kind(parts[0]);
    if (kind && !settle(sql, kind, g_ascii_strtoll(parts[1], NULL, 10), error)) return FALSE;
  }
  return TRUE;
}
