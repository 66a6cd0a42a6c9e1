/*
 * Rebuilding: applies this room's events to a new archive in their order. The house's store is the old one (or a copy): canonical rows and files are read
 * from it.
 *
 * Revisions and ids come out as they were, because the same functions run in the same order; what the event noted of them is compared or set.
 */
#include "delivery.h"
#include "error.h"
#include <string.h>

typedef struct {
  const House *house;
  Sql *sql;
  gint64 id;
  const char *actor;
  json_t *data;
} Replay;

static gboolean replay_files_sent(Replay *r, GError **error) {
  json_t *d = r->data;
  g_autofree char *layout = json_dumps(json_object_get(d, "layout"), JSON_COMPACT | JSON_SORT_KEYS);
  g_autofree char *declared = json_dumps(json_object_get(d, "declared"), JSON_COMPACT | JSON_SORT_KEYS);
  return sql_exec(r->sql, "UPDATE accession SET name = $1, fonds = $2, fonds_title = $3, category = $4, source = $5, documents = $6, fingerprint = $7, "
    "layout = $8, kind = $9, package = $10, declared = $11, stage = $12, found = '{}' WHERE id = $13",
    SQL_ARGS(sql_text(text_at(d, "name")), sql_text(text_at(d, "fonds")), sql_text(text_at(d, "fonds_title")),
      sql_text(text_at(d, "category")), sql_text(text_at(d, "source")), sql_text(text_at(d, "documents")),
      sql_text(text_at(d, "fingerprint")), sql_text(layout ? layout : "{}"), sql_text(*text_at(d, "kind") ? text_at(d, "kind") : "table"),
      sql_text(text_at(d, "package")), sql_text(declared ? declared : "{}"),
      sql_text(*text_at(d, "stage") ? text_at(d, "stage") : "transfer"), sql_int(r->id)), error);
}

static gboolean replay_documents(Replay *r, GError **error) {
  return sql_exec(r->sql, "UPDATE accession SET documents = $1 WHERE id = $2", SQL_ARGS(sql_text(text_at(r->data, "documents")), sql_int(r->id)), error);
}

static gboolean replay_receive(Replay *r, GError **error) {
  json_t *d = r->data;
  g_autofree char *layout = json_dumps(json_object_get(d, "layout"), JSON_COMPACT | JSON_SORT_KEYS);
  return sql_exec(r->sql, "INSERT INTO accession (id, name, state, body, fonds, fonds_title, category, source, documents, fingerprint, layout, actor, "
    "created_at) "
    "VALUES ($1, $2, 'received', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    SQL_ARGS(sql_int(r->id), sql_text(text_at(d, "name")), sql_text(text_at(d, "body")), sql_text(text_at(d, "fonds")),
      sql_text(text_at(d, "fonds_title")),
      sql_text(text_at(d, "category")), sql_text(text_at(d, "source")), sql_text(text_at(d, "documents")), sql_text(text_at(d,
        "fingerprint")),
      sql_text(layout ? layout : "{}"), sql_text(r->actor), sql_int(int_at(d, "created_at"))), error) && replay_files_sent(r, error);
}

static json_t *columns_of(json_t *layout) {
  json_t *columns = json_object(), *column;
  size_t i;
  json_array_foreach(json_object_get(layout, "columns"), i, column) json_object_set(columns, text_at(column, "header"), json_object_get(column, "field"));
  return columns;
}

static gboolean replay_mapping(Replay *r, GError **error) {
  json_t *layout = json_object_get(r->data, "layout");
  g_autofree char *dump = json_dumps(layout, JSON_COMPACT | JSON_SORT_KEYS);
  if (!sql_exec(r->sql, "UPDATE accession SET layout = $1, category = $2, state = 'received' WHERE id = $3", SQL_ARGS(sql_text(dump ? dump : "{}"),
      sql_text(text_at(r->data, "category")), sql_int(r->id)), error)) return FALSE;
  if (json_object_get(r->data, "fonds") && !sql_exec(r->sql, "UPDATE accession SET fonds = $1 WHERE id = $2", SQL_ARGS(sql_text(text_at(r->data, "fonds")),
      sql_int(r->id)), error)) return FALSE;
  const char *name = text_at(r->data, "save_as");
  if (!*name) return TRUE;
  json_t *columns = columns_of(layout);
  gboolean good = mapping_save(r->sql, name, text_at(layout, "category"), columns, r->actor, error);
  json_decref(columns);
  return good;
}

/* The fonds of deliveries that name none, as place.c would have made it. */
static gboolean replay_own_fonds(Replay *r, GError **error) {
  json_t *own = json_object_get(r->data, "own_fonds");
  if (!json_is_object(own)) return TRUE;
  return sql_exec(r->sql, "INSERT INTO accession_fonds (id, body, stem, headers, key_header, code) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
    SQL_ARGS(sql_int(int_at(own, "id")), sql_text(text_at(own, "body")), sql_text(text_at(own, "stem")), sql_text(text_at(own,
      "headers")),
      sql_text(text_at(own, "key_header")), sql_text(text_at(own, "code"))), error);
}

static gboolean replay_load(Replay *r, gint64 event_id, GError **error) {
  json_t *d = r->data;
  return catalog_ids_used(r->sql, int_at(d, "last_id"), error) && place_store(r->sql, r->id, json_object_get(d, "places"), error) && replay_own_fonds(r,
    error) &&
    sql_exec(r->sql, "UPDATE accession SET state = 'loading', first_record_id = $1, reserved_count = $2, load_event = $3, digest = $4, row_count = $5, "
      "accepted_count = $6, volume_count = $7, "
      "rejected_count = $8, warning_count = $9, survey = $10, loaded_at = $11, category = $12 WHERE id = $13",
      SQL_ARGS(sql_int(int_at(d, "first_id")), sql_int(int_at(d, "reserved")), sql_int(event_id), sql_text(text_at(d, "digest")),
        sql_int(int_at(d, "row_count")),
        sql_int(int_at(d, "accepted_count")), sql_int(int_at(d, "volume_count")), sql_int(int_at(d, "rejected_count")),
          sql_int(int_at(d, "warning_count")),
        sql_text(text_at(d, "survey")), sql_int(int_at(d, "loaded_at")), sql_text(text_at(d, "category")), sql_int(r->id)), error);
}

static gboolean replay_rows(Replay *r, GError **error) {
  json_t *delivery = delivery_load(r->sql, r->id, error);
  if (delivery == NULL) return FALSE;
  gint64 from = int_at(r->data, "from"), to = int_at(r->data, "to");
  g_autoptr(LoadState) state = load_state_new(r->house, r->sql, delivery, error);
  json_decref(delivery);
  g_autoptr(RowReader) reader = state ? row_reader_open_stored(r->house, r->id, error) : NULL;
  if (reader == NULL || !row_reader_skip(reader, from, error)) return FALSE;
  load_state_keep_out(state, json_object_get(r->data, "kept"));
  catalog_bulk_begin(r->house, r->sql);
  for (gint64 row = from; row < to; row++) {
    const char *line;
    gsize length;
    DecodedRow decoded;
    if (!row_reader_next(reader, &line, &length, error)) return error && *error ? FALSE : throw(error, LANTAI_ERROR_INTERNAL,
      "批次 %" G_GINT64_FORMAT " 的规范行不全", r->id);
    if (!row_decode(line, length, &decoded, error)) return FALSE;
    gboolean good = load_state_put(state, r->sql, row, &decoded, error);
    row_decoded_clear(&decoded);
    if (!good) return FALSE;
  }
  return catalog_bulk_end(r->house, r->sql, error) && load_state_save(state, r->sql, to, error);
}

static gboolean replay_files(Replay *r, GError **error) {
  size_t i;
  json_t *change;
  catalog_bulk_begin(r->house, r->sql);
  json_array_foreach(json_object_get(r->data, "records"), i, change)
    if (!attach_apply(r->house, r->sql, r->id, change, NULL, error)) return FALSE;
  return catalog_bulk_end(r->house, r->sql, error) &&
    sql_exec(r->sql, "UPDATE accession SET attach_row = $1, attached_count = attached_count + $2, attached_bytes = attached_bytes + $3 WHERE id = $4",
      SQL_ARGS(sql_int(int_at(r->data, "row")), sql_int(int_at(r->data, "files")), sql_int(int_at(r->data, "bytes")), sql_int(r->id)), error);
}

/* What the undo removed from the store is not there any more, so nothing is left to be removed. */
static gboolean replay_undo(Replay *r, GError **error) {
  catalog_bulk_begin(r->house, r->sql);
  return undo_apply(r->house, r->sql, r->id, r->data, error) && catalog_bulk_end(r->house, r->sql, error) &&
    sql_exec(r->sql, "DELETE FROM accession_removal WHERE accession_id = $1", SQL_ARGS(sql_int(r->id)), error);
}

static gboolean replay_state(Replay *r, GError **error) {
  return life_replay(r->sql, r->actor, r->id, r->data, error) &&
    (json_object_get(r->data, "missing") == NULL || sql_exec(r->sql, "UPDATE accession SET missing_count = $1, surplus_count = $2 WHERE id = $3",
      SQL_ARGS(sql_int(int_at(r->data, "missing")), sql_int(int_at(r->data, "surplus")), sql_int(r->id)), error));
}

static gboolean apply(Replay *r, const char *action, json_t *event, GError **error) {
  if (g_str_equal(action, "accession.receive")) return replay_receive(r, error);
  if (g_str_equal(action, "accession.source")) return replay_files_sent(r, error);
  if (g_str_equal(action, "accession.documents")) return replay_documents(r, error);
  if (g_str_equal(action, "accession.stage")) return stage_store(r->sql, r->id, text_at(r->data, "stage"), error);
  if (g_str_equal(action, "accession.survey")) return survey_store(r->sql, r->id, r->data, error);
  if (g_str_equal(action, "accession.mapping")) return replay_mapping(r, error);
  if (g_str_equal(action, "accession.load")) return replay_load(r, int_at(event, "id"), error);
  if (g_str_equal(action, "accession.rows")) return replay_rows(r, error);
  if (g_str_equal(action, "accession.files")) return replay_files(r, error);
  if (g_str_equal(action, "accession.undo")) return replay_undo(r, error);
  if (g_str_equal(action, "accession.state")) return replay_state(r, error);
  return throw(error, LANTAI_ERROR_INTERNAL, "不认识的事件 %s：日志由更新的程序写成。请用新版本重建", action);
}

gboolean accession_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  Replay replay = {house, sql, int_at(json_object_get(event, "subject"), "id"), text_at(event, "actor"), json_object_get(event, "data")};
  gboolean noted = json_object_get(replay.data, "rev") != NULL;
  if (noted && !catalog_rev_seek(sql, int_at(replay.data, "rev_before"), error)) return FALSE;
  if (!apply(&replay, text_at(event, "action"), event, error)) return FALSE;
  return !noted || catalog_rev_last(sql, error) == int_at(replay.data, "rev") ||
    throw(error, LANTAI_ERROR_INTERNAL, "重放批次 %" G_GINT64_FORMAT " 得到的修订号与日志不符：规范行或原文与当时不同。请运行 lantai check", replay.id);
}
