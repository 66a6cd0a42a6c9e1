/*
 * The definitions in force.
 *
 * 1. A definition in memory is never changed nor freed before ledger_close; another takes its place. So readers hold what they have without a lock.
 * 2. There is one set of definitions in a process: of the archive that was opened last.
 */
#include "code-keeper.h"
#include "internal.h"
#include "people.h"
#include "watch.h"

static GMutex lock;
static GPtrArray *all_ever;   /* LedgerDefinition*, owned */
static GHashTable *by_id;     /* id → definition in force */
static GHashTable *by_name;   /* name → definition; behind it former names */

static gint compare_id(gconstpointer a, gconstpointer b) {
  const LedgerDefinition *left = *(const LedgerDefinition *const *)a, *right = *(const LedgerDefinition *const *)b;
  return left->id < right->id ? -1 : left->id > right->id;
}

/* Behind the lock; by id. */
static GPtrArray *in_force(void) {
  GPtrArray *list = g_ptr_array_new();
  GHashTableIter iter;
  gpointer definition;
  if (by_id == NULL) return list;
  g_hash_table_iter_init(&iter, by_id);
  while (g_hash_table_iter_next(&iter, NULL, &definition)) g_ptr_array_add(list, definition);
  g_ptr_array_sort(list, compare_id);
  return list;
}

static void name_former(LedgerDefinition *definition) {
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(definition->json, "was"), i, name) {
    if (!g_hash_table_contains(by_name, json_string_value(name))) g_hash_table_insert(by_name, (gpointer)json_string_value(name), definition);
  }
}

/* Behind the lock. Present names first, so that a former name never hides one. */
static void name_all(void) {
  g_hash_table_remove_all(by_name);
  g_autoptr(GPtrArray) list = in_force();
  for (guint i = 0; i < list->len; i++) {
    LedgerDefinition *definition = list->pdata[i];
    g_hash_table_insert(by_name, (gpointer)definition->name, definition);
  }
  for (guint i = 0; i < list->len; i++) name_former(list->pdata[i]);
}

void ledger_install(LedgerDefinition *definition) {
  g_mutex_lock(&lock);
  g_ptr_array_add(all_ever, definition);
  g_hash_table_insert(by_id, GSIZE_TO_POINTER((gsize)definition->id), definition);
  name_all();
  g_mutex_unlock(&lock);
  ledger_ready_renew();
}

const LedgerDefinition *ledger_find(const char *name) {
  g_mutex_lock(&lock);
  const LedgerDefinition *definition = by_name != NULL && name != NULL ? g_hash_table_lookup(by_name, name) : NULL;
  g_mutex_unlock(&lock);
  return definition;
}

const LedgerDefinition *ledger_of(gint64 id) {
  g_mutex_lock(&lock);
  const LedgerDefinition *definition = by_id != NULL ? g_hash_table_lookup(by_id, GSIZE_TO_POINTER((gsize)id)) : NULL;
  g_mutex_unlock(&lock);
  return definition;
}

typedef struct { const LedgerDefinition *definition; gint64 group; } Place; /* a group stands where its first ledger does */

static gint compare_place(gconstpointer a, gconstpointer b) {
  const Place *left = a, *right = b;
  if (left->group != right->group) return left->group < right->group ? -1 : 1;
  return left->definition->id < right->definition->id ? -1 : left->definition->id > right->definition->id;
}

const LedgerDefinition **ledger_all(void) {
  g_mutex_lock(&lock);
  g_autoptr(GPtrArray) list = in_force();
  g_mutex_unlock(&lock);
  g_autoptr(GHashTable) groups = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(Place));
  for (guint i = 0; i < list->len; i++) {
    const LedgerDefinition *definition = list->pdata[i];
    gpointer first = g_hash_table_lookup(groups, definition->group);
    if (first == NULL) g_hash_table_insert(groups, (gpointer)definition->group, first = GSIZE_TO_POINTER((gsize)definition->id));
    Place place = {definition, (gint64)GPOINTER_TO_SIZE(first)};
    g_array_append_val(places, place);
  }
  g_array_sort(places, compare_place);
  const LedgerDefinition **all = g_new0(const LedgerDefinition *, places->len + 1);
  for (guint i = 0; i < places->len; i++) all[i] = g_array_index(places, Place, i).definition;
  return all;
}

/* ---- opening ---- */

gboolean ledger_open(const House *house, GError **error) {
  ledger_close();
  g_mutex_lock(&lock);
  all_ever = g_ptr_array_new_with_free_func((GDestroyNotify)definition_drop);
  by_id = g_hash_table_new(NULL, NULL);
  by_name = g_hash_table_new(g_str_hash, g_str_equal);
  g_mutex_unlock(&lock);
  catalog_set_record_extra(ledger_record_extra);
  catalog_set_tie(record_used);
  people_set_duties_source(owed_words);
  people_set_reach_source(reach_names);
  authority_set_use_source(used_words);
  if (!workdays_load(house->dir, error)) return FALSE;
  if (!sql_is_readonly(house->db) && !sql_migrate_room(house->db, "ledger", error)) return FALSE;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  return sql != NULL && definitions_load_stored(sql, error);
}

void ledger_close(void) {
  ledger_tables_close();
  ready_close();
  g_mutex_lock(&lock);
  g_clear_pointer(&by_id, g_hash_table_unref);
  g_clear_pointer(&by_name, g_hash_table_unref);
  g_clear_pointer(&all_ever, g_ptr_array_unref);
  g_mutex_unlock(&lock);
}

/* ---- small things the room shares ---- */

gboolean json_is_empty(json_t *value) {
  return value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0) || (json_is_array(value) && json_array_size(value) == 0) ||
    (json_is_object(value) && json_object_size(value) == 0);
}

json_t *value_empty_dropped(json_t *object) {
  void *next;
  const char *key;
  json_t *value;
  json_object_foreach_safe(object, next, key, value) {
    if (json_is_empty(value)) json_object_del(object, key);
  }
  return object;
}
