/*
 * Where rows go: the fonds and the class node of each pair (fonds, category) in a delivery.
 *
 * 1. The fonds is the one given, else the row's 全宗号, else a fonds of the delivery's own.
 * 2. A delivery's own fonds is found again by body, name and headers (half of them equal), so that a corrected file of the same name lands where the first
 *    one did,
 *    while another table that happens to have the same file name does not.
 */
#include "delivery.h"
#include "error.h"
#include <string.h>

#define SAME_HEADERS 0.5

/* ---- own fonds ---- */

static char *stem_of(json_t *delivery) {
  char *stem = g_strdup(text_at(delivery, "name"));
  char *dot = strrchr(stem, '.');
  if (dot && dot != stem && strlen(dot) <= 6) *dot = '\0';
  return stem;
}

static json_t *headers_of(json_t *delivery) {
  json_t *layout = json_loads(text_at(delivery, "layout"), 0, NULL), *headers = json_object(), *column;
  size_t i;
  json_array_foreach(json_object_get(layout, "columns"), i, column) json_object_set_new(headers, text_at(column, "header"), json_true());
  json_decref(layout);
  return headers;
}

static double headers_shared(json_t *a, json_t *b) {
  size_t both = 0;
  const char *header;
  json_t *value;
  json_object_foreach(a, header, value) both += json_object_get(b, header) != NULL;
  size_t all = json_object_size(a) + json_object_size(b) - both;
  return all ? (double)both / (double)all : 0;
}

json_t *own_fonds_find(Sql *sql, json_t *delivery, GError **error) {
  g_autofree char *stem = stem_of(delivery);
  json_t *rows = sql_json(sql, "SELECT id, body, stem, code, headers, key_header FROM accession_fonds WHERE stem = $1 AND body = $2 ORDER BY id",
    SQL_ARGS(sql_text(stem),
    sql_text(text_at(delivery, "body"))), error), *row, *best = NULL;
  if (rows == NULL) return NULL;
  json_t *headers = headers_of(delivery);
  double most = SAME_HEADERS;
  size_t i;
  json_array_foreach(rows, i, row) {
    json_t *others = json_loads(text_at(row, "headers"), 0, NULL);
    double shared = headers_shared(headers, others);
    if (shared >= most && json_object_get(headers, text_at(row, "key_header"))) {
      most = shared;
      json_decref(best);
      best = json_incref(row);
    }
    json_decref(others);
  }
  json_decref(headers);
  json_decref(rows);
  return best;
}

gint64 fonds_find(Sql *sql, const char *code) {
  g_autoptr(CatalogRecord) record = catalog_record_by_code(sql, &SCOPE_EVERYTHING, 0, code, NULL);
  return record && record->level == LEVEL_FONDS ? record->id : 0;
}

static char *own_fonds_insert(Sql *sql, json_t *delivery, const char *key_header, GError **error) {
  g_autofree char *stem = stem_of(delivery), *code = NULL;
  GError *failure = NULL;
  gint64 id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS last_id FROM accession_fonds", SQL_NONE, 0, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    return NULL;
  }
  do {
    g_free(code);
    code = g_strdup_printf("J%04" G_GINT64_FORMAT, ++id);
  } while (fonds_find(sql, code) != 0);
  json_t *headers = headers_of(delivery);
  g_autofree char *dump = json_dumps(headers, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(headers);
  if (!sql_exec(sql, "INSERT INTO accession_fonds (id, body, stem, headers, key_header, code) VALUES ($1, $2, $3, $4, $5, $6)", SQL_ARGS(sql_int(id),
      sql_text(text_at(delivery, "body")), sql_text(stem), sql_text(dump), sql_text(key_header), sql_text(code)), error)) return NULL;
  return g_steal_pointer(&code);
}

static char *own_fonds_ensure(Sql *sql, json_t *delivery, const char *key_header, GError **error) {
  GError *failure = NULL;
  json_t *row = own_fonds_find(sql, delivery, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    return NULL;
  }
  if (row == NULL) return own_fonds_insert(sql, delivery, key_header, error);
  char *code = g_strdup(text_at(row, "code"));
  json_decref(row);
  return code;
}

/* ---- making ---- */

typedef struct {
  const House *house;
  Sql *sql;
  const char *actor;
  json_t *delivery;
  const char *key_header;
  gint64 marker; /* ids rise, so a node beyond this one is of our making */
  gboolean one_fonds; /* the whole delivery is of one: the title given for it is that one's */
} Making;

static json_t *place_make(const Making *making, json_t *wanted, GError **error) {
  const House *house = making->house;
  Sql *sql = making->sql;
  json_t *delivery = making->delivery;
  const char *fonds = text_at(delivery, "fonds"), *title = text_at(delivery, "fonds_title");
  g_autofree char *own = NULL, *made_title = NULL, *stem = stem_of(delivery);
  if (!*fonds && *text_at(wanted, "fonds")) {
    fonds = text_at(wanted, "fonds");
    if (!making->one_fonds || *text_at(wanted, "fonds_title")) title = text_at(wanted, "fonds_title");
  } else if (!*fonds) {
    if ((own = own_fonds_ensure(sql, delivery, making->key_header, error)) == NULL) return NULL;
    fonds = own;
    if (!*title) title = made_title = g_strconcat(stem, "（移交）", NULL);
  }
  if (!*title) title = made_title = g_strdup_printf("%s 全宗", fonds);
  const CatalogCategory *category = catalog_category_by_code(house->catalog, text_at(wanted, "category"));
  if (category == NULL) return throw_null(error, LANTAI_ERROR_CONFLICT, "门类“%s”在检测之后已不存在。请重新检测", text_at(wanted, "category"));
  gint64 fonds_id = catalog_fonds_ensure(house, sql, making->actor, fonds, title, error);
  gint64 class_id = fonds_id ? catalog_class_ensure(house, sql, making->actor, fonds_id, category->id, error) : 0;
  if (class_id == 0) return NULL;
  return json_pack("{s:s, s:s, s:I, s:I, s:i, s:i}", "fonds", text_at(wanted, "fonds"), "category", category->code, "fonds_id", (json_int_t)fonds_id,
    "class_id",
    (json_int_t)class_id, "made_fonds", fonds_id > making->marker, "made_class", class_id > making->marker);
}

gboolean place_store(Sql *sql, gint64 accession_id, json_t *places, GError **error) {
  size_t i;
  json_t *place;
  json_array_foreach(places, i, place)
    if (!sql_exec(sql, "INSERT INTO accession_place (accession_id, fonds, category, fonds_id, class_id, made_fonds, made_class) VALUES ($1, $2, $3, $4, $5, "
      "$6, $7)",
        SQL_ARGS(sql_int(accession_id), sql_text(text_at(place, "fonds")), sql_text(text_at(place, "category")), sql_int(int_at(place,
          "fonds_id")),
          sql_int(int_at(place, "class_id")), sql_int(int_at(place, "made_fonds")), sql_int(int_at(place, "made_class"))),
            error)) return FALSE;
  return TRUE;
}

gboolean place_make_all(const House *house, Sql *sql, const char *actor, json_t *delivery, GError **error) {
  gint64 marker = catalog_reserve_ids(sql, 1, error);
  if (marker == 0) return FALSE;
  json_t *survey = json_loads(text_at(delivery, "survey"), 0, NULL), *places = json_array(), *wanted;
  json_t *all = json_object_get(survey, "places");
  gboolean good = TRUE, one_fonds = TRUE;
  size_t i;
  json_array_foreach(all, i, wanted) one_fonds = one_fonds && g_str_equal(text_at(wanted, "fonds"), text_at(json_array_get(all, 0), "fonds"));
  const Making making = {house, sql, actor, delivery, text_at(survey, "key_header"), marker, one_fonds};
  json_array_foreach(all, i, wanted) {
    json_t *place = good ? place_make(&making, wanted, error) : NULL;
    good = good && place != NULL && json_array_append_new(places, place) == 0;
  }
  good = good && place_store(sql, int_at(delivery, "id"), places, error);
  json_decref(places);
  json_decref(survey);
  return good;
}

json_t *place_json(Sql *sql, gint64 accession_id, GError **error) {
  return sql_json(sql, "SELECT fonds, category, fonds_id, class_id, made_fonds, made_class FROM accession_place WHERE accession_id = $1 ORDER BY fonds, "
    "category",
    SQL_ARGS(sql_int(accession_id)), error);
}

/* ---- finding ---- */

struct PlaceTable {
  GHashTable *places;  /* "fonds\ncategory" → Place */
  const char *last_key; /* the one found last, for rows come in runs */
  const Place *last;
};

PlaceTable *place_table_load(const House *house, Sql *sql, gint64 accession_id, GError **error) {
  json_t *places = place_json(sql, accession_id, error), *json;
  if (places == NULL) return NULL;
  PlaceTable *table = g_new0(PlaceTable, 1);
  table->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  size_t i;
  json_array_foreach(places, i, json) {
    const CatalogCategory *category = catalog_category_by_code(house->catalog, text_at(json, "category"));
    Place *place = g_new0(Place, 1);
    place->fonds_id = int_at(json, "fonds_id");
    place->class_id = int_at(json, "class_id");
    place->category = category ? category->id : 0;
    g_hash_table_insert(table->places, g_strconcat(text_at(json, "fonds"), "\n", text_at(json, "category"), NULL), place);
  }
  json_decref(places);
  return table;
}

static gboolean is_key(const char *key, const char *fonds, const char *category) {
  gsize length = strlen(fonds);
  return key != NULL && strncmp(key, fonds, length) == 0 && key[length] == '\n' && strcmp(key + length + 1, category) == 0;
}

const Place *place_find(PlaceTable *table, const char *fonds, const char *category) {
  if (is_key(table->last_key, fonds, category)) return table->last;
  g_autofree char *key = g_strconcat(fonds, "\n", category, NULL);
  gpointer known, place;
  if (!g_hash_table_lookup_extended(table->places, key, &known, &place)) return NULL;
  table->last_key = known;
  return table->last = place;
}

void place_table_free(PlaceTable *table) {
  if (table == NULL) return;
  g_hash_table_unref(table->places);
  g_free(table);
}
