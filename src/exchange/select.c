/*
 * The records of a selection, one after another.
 *
 * 1. Every record passes the gate; who may see a record but not its files gets it without them. Both are counted, except for a search: what the asker may
 *    not see is no hit of his, and its number would tell of what closed records say.
 * 2. Ids are read in pages by key, in a transaction of their own each, so that an export of hours does not hold the database's past.
 * 3. A node is walked depth first, children by code; a volume that may not be seen still has items that may.
 */
#include "internal.h"
#include "authority.h"
#include "error.h"
#include <string.h>

enum { PAGE_IDS = 500, NODES_KEPT = 256, PATH_DEPTH = 16, LIST_IDS = 10000, SOURCES_MAX = 8 };

typedef enum { OF_RECORD, OF_NODE, OF_SEARCH, OF_LIST, OF_SOURCE } Of;

typedef struct {
  gint64 parent_id;
  char *after; /* the code reached */
  GArray *ids;
  guint at;
  gboolean ended;
} Frame;

struct Selection {
  const House *house;
  const Scope *scope;
  Of of;
  gint64 id, accession_id; /* the record or node; the delivery */
  const SelectionSource *source;
  json_t *what; /* of the source */
  json_t *filters;
  char *query, *after, *name, *sort_field;
  SearchSort sort; /* of a search */
  GPtrArray *frames;       /* Frame, the deepest last; of a search: one */
  gboolean begun;
  GHashTable *nodes;       /* id → CatalogRecord; NULL: not to be seen */
  CatalogRecord *record;
  GPtrArray *files;
  json_t *tombstone;
  const CatalogRecord *path[PATH_DEPTH];
  ExportCounts counts;
};

/* ---- what is asked for ---- */

static void frame_free(gpointer data) {
  Frame *frame = data;
  g_free(frame->after);
  g_array_unref(frame->ids);
  g_free(frame);
}

static void frame_push(Selection *selection, gint64 parent_id) {
  Frame *frame = g_new0(Frame, 1);
  frame->parent_id = parent_id;
  frame->after = g_strdup("");
  frame->ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_ptr_array_add(selection->frames, frame);
}

static void node_free(gpointer data) { catalog_record_free(data); }

void selection_free(Selection *selection) {
  if (selection == NULL) return;
  json_decref(selection->filters);
  json_decref(selection->what);
  g_free(selection->query);
  g_free(selection->sort_field);
  g_free(selection->after);
  g_free(selection->name);
  g_ptr_array_unref(selection->frames);
  g_hash_table_unref(selection->nodes);
  catalog_record_free(selection->record);
  if (selection->files) g_ptr_array_unref(selection->files);
  json_decref(selection->tombstone);
  g_free(selection);
}

static gboolean begin_record(Selection *selection, Sql *sql, gint64 id, GError **error) {
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, selection->scope, id, error);
  if (record == NULL) return FALSE;
  selection->id = id;
  selection->name = g_strdup_printf("%s %s %s", level_label(record->level), record->code, record->title);
  return TRUE;
}

static gboolean begin_list(Selection *selection, json_t *ids, GError **error) {
  if (json_array_size(ids) == 0 || json_array_size(ids) > LIST_IDS) return throw(error, LANTAI_ERROR_INVALID, "逐件选择的档案应为 1 至 %d 件", LIST_IDS);
  selection->of = OF_LIST;
  frame_push(selection, 0);
  Frame *frame = selection->frames->pdata[0];
  frame->ended = TRUE;
  size_t i;
  json_t *value;
  json_array_foreach(ids, i, value) {
    gint64 id = json_integer_value(value);
    g_array_append_val(frame->ids, id);
  }
  selection->name = g_strdup_printf("选定的 %zu 件", json_array_size(ids));
  return TRUE;
}

/* ---- ways to choose that other rooms bring ---- */

static const SelectionSource *sources[SOURCES_MAX];

void selection_source_add(const SelectionSource *source) {
  for (guint i = 0; i < SOURCES_MAX; i++) {
    if (sources[i] == source) return;
    if (sources[i] != NULL) continue;
    sources[i] = source;
    return;
  }
  g_assert_not_reached();
}

static const SelectionSource *source_of(json_t *asked) {
  for (guint i = 0; i < SOURCES_MAX && sources[i] != NULL; i++)
    if (json_object_get(asked, sources[i]->name) != NULL) return sources[i];
  return NULL;
}

static gboolean begin_source(Selection *selection, json_t *asked, GError **error) {
  g_autoptr(Sql) sql = sql_read(selection->house->db, error);
  if (sql == NULL) return FALSE;
  selection->of = OF_SOURCE;
  selection->what = json_incref(json_object_get(asked, selection->source->name));
  frame_push(selection, 0);
  return (selection->name = selection->source->title(sql, selection->scope, selection->what, error)) != NULL;
}

static gint64 filter_number(json_t *filters, const char *name) { return json_integer_value(json_object_get(filters, name)); }

static gboolean name_topic(Selection *selection, Sql *sql, GError **error) {
  json_auto_t *topic = authority_load(sql, filter_number(selection->filters, "topic"), error);
  if (topic == NULL) return FALSE;
  selection->name = g_strdup_printf("专题：%s%s%s", json_string_value(json_object_get(topic, "name")), *selection->query ? " " : "", selection->query);
  return TRUE;
}

static gboolean begin(Selection *selection, json_t *asked, GError **error) {
  if (json_is_array(json_object_get(asked, "ids"))) return begin_list(selection, json_object_get(asked, "ids"), error);
  if ((selection->source = source_of(asked)) != NULL) return begin_source(selection, asked, error);
  json_t *record = json_object_get(asked, "record"), *node = json_object_get(asked, "node"), *query = json_object_get(asked, "query"),
    *delivery = json_object_get(asked, "delivery");
  if ((record != NULL) + (node != NULL) + (query != NULL) + (delivery != NULL) != 1)
    return throw(error, LANTAI_ERROR_INVALID, "没有说明导出什么：请在一件档案、一个全宗或案卷、一次检索、一个批次中选择一项");
  g_autoptr(Sql) sql = sql_read(selection->house->db, error);
  if (sql == NULL) return FALSE;
  selection->of = record ? OF_RECORD : node ? OF_NODE : OF_SEARCH;
  if (selection->of != OF_SEARCH) return begin_record(selection, sql, json_integer_value(record ? record : node), error);
  frame_push(selection, 0);
  selection->filters = json_incref(json_object_get(asked, "filters"));
  const char *order = json_string_value(json_object_get(asked, "order"));
  if (!search_sort_read(order ? order : "code", &selection->sort, &selection->sort_field)) return throw(error, LANTAI_ERROR_INVALID, "不认识的次序“%s”", order);
  selection->query = g_strdup(query ? json_string_value(query) : "");
  if (selection->query == NULL) return throw(error, LANTAI_ERROR_INVALID, "检索式应为文字");
  if (delivery == NULL && filter_number(selection->filters, "topic")) return name_topic(selection, sql, error);
  if (delivery == NULL) return selection->name = g_strdup_printf("检索%s%s", *selection->query ? "：" : "", selection->query), TRUE;
  selection->accession_id = json_integer_value(delivery);
  selection->name = g_strdup_printf("移交批次 %" G_GINT64_FORMAT, selection->accession_id);
  return selection->accession_id > 0 || throw(error, LANTAI_ERROR_INVALID, "批次号应为正整数");
}

Selection *selection_new(const House *house, const Scope *scope, json_t *asked, GError **error) {
  g_autoptr(Selection) selection = g_new0(Selection, 1);
  selection->house = house;
  selection->scope = scope;
  selection->frames = g_ptr_array_new_with_free_func(frame_free);
  selection->nodes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, node_free);
  return begin(selection, asked, error) ? g_steal_pointer(&selection) : NULL;
}

ExportCounts selection_counts(const Selection *selection) { return selection->counts; }
char *selection_name(const Selection *selection) { return g_strdup(selection->name); }
gboolean selection_single_fonds(const Selection *selection) { return selection->of <= OF_NODE; }

/* ---- pages of ids ---- */

static gboolean read_children(Frame *frame, Sql *sql, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, code FROM record WHERE parent_id = $1 AND code > $2 ORDER BY code LIMIT 500",
    SQL_ARGS(sql_int(frame->parent_id), sql_text(frame->after)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  g_autofree char *last = NULL;
  while (sql_next(rows, &local)) {
    gint64 id = sql_get_int(rows, "id");
    g_array_append_val(frame->ids, id);
    g_free(last);
    last = g_strdup(sql_get_text(rows, "code"));
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  frame->ended = frame->ids->len < PAGE_IDS;
  if (last != NULL) {
    g_free(frame->after);
    frame->after = g_steal_pointer(&last);
  }
  return TRUE;
}

/* A filter's numbers, owned by the caller. */
static gint64 *filter_numbers(json_t *filters, const char *name, gsize *ret_count) {
  json_t *list = json_object_get(filters, name), *value;
  gsize count = json_is_array(list) ? json_array_size(list) : list ? 1 : 0, i;
  gint64 *numbers = g_new0(gint64, count + 1);
  if (count == 1 && !json_is_array(list)) numbers[0] = json_integer_value(list);
  json_array_foreach(list, i, value) numbers[i] = json_integer_value(value);
  *ret_count = count;
  return numbers;
}

/* The search of a selection: a page of it, or (facets) only how many of volumes and files there are. */
static SearchResult *run_search(Selection *selection, Sql *sql, gboolean facets, GError **error) {
  static const gint64 DESCRIBED[] = {LEVEL_VOLUME, LEVEL_ITEM};
  json_t *filters = selection->filters;
  SearchRequest request = {.query = selection->query, .accession_id = selection->accession_id, .limit = facets ? 0 : PAGE_IDS, .facets = facets,
    .after = facets ? NULL : selection->after};
  g_autofree gint64 *fonds = filter_numbers(filters, "fonds", &request.fonds_count), *years = filter_numbers(filters, "year", &request.years_count);
  g_autofree gint64 *categories = filter_numbers(filters, "category", &request.categories_count);
  g_autofree gint64 *retentions = filter_numbers(filters, "retention", &request.retentions_count);
  g_autofree gint64 *openings = filter_numbers(filters, "opening", &request.openings_count), *levels = filter_numbers(filters, "level", &request.levels_count);
  request.fonds = fonds;
  request.categories = categories;
  request.years = years;
  request.retentions = retentions;
  request.openings = openings;
  request.levels = levels;
  if (facets && request.levels_count == 0) request.levels = DESCRIBED, request.levels_count = G_N_ELEMENTS(DESCRIBED);
  request.year_from = (int)CLAMP(filter_number(filters, "from"), 0, 9999);
  request.year_to = (int)CLAMP(filter_number(filters, "to"), 0, 9999);
  request.parent_id = filter_number(filters, "parent");
  if (filter_number(filters, "delivery")) request.accession_id = filter_number(filters, "delivery");
  request.with_files = json_is_true(json_object_get(filters, "files"));
  gint64 topic = filter_number(filters, "topic");
  g_autoptr(GArray) tied = topic ? topic_records(sql, topic, NULL, error) : NULL;
  if (topic && tied == NULL) return NULL;
  if (tied != NULL) request.only = (const gint64 *)(gpointer)tied->data, request.only_count = tied->len;
  request.sort = selection->sort;
  request.sort_field = selection->sort_field;
  return search_run_whole(selection->house->search, sql, selection->scope, &request, error);
}

static gboolean read_hits(Selection *selection, Frame *frame, Sql *sql, GError **error) {
  g_autoptr(SearchResult) result = run_search(selection, sql, FALSE, error);
  if (result == NULL) return FALSE;
  g_array_append_vals(frame->ids, result->ids->data, result->ids->len);
  g_free(selection->after);
  selection->after = g_strdup(result->next);
  frame->ended = result->next == NULL;
  return TRUE;
}

static gboolean read_source(Selection *selection, Frame *frame, Sql *sql, GError **error) {
  if (!selection->source->ids(sql, selection->scope, selection->what, &frame->parent_id, frame->ids, error)) return FALSE;
  frame->ended = frame->parent_id < 0;
  return TRUE;
}

static gboolean read_page(Selection *selection, Frame *frame, Sql *sql, GError **error) {
  if (selection->of == OF_SOURCE) return read_source(selection, frame, sql, error);
  return selection->of == OF_SEARCH ? read_hits(selection, frame, sql, error) : read_children(frame, sql, error);
}

/* The id after the last one in the order of the selection; FALSE at the end, and on error. */
static gboolean next_id(Selection *selection, Sql *sql, gint64 *ret, GError **error) {
  if (selection->of <= OF_NODE && !selection->begun) {
    selection->begun = TRUE;
    *ret = selection->id;
    return TRUE;
  }
  while (selection->frames->len > 0) {
    Frame *frame = selection->frames->pdata[selection->frames->len - 1];
    if (frame->at < frame->ids->len) return *ret = g_array_index(frame->ids, gint64, frame->at++), TRUE;
    g_array_set_size(frame->ids, 0);
    frame->at = 0;
    if (frame->ended) g_ptr_array_set_size(selection->frames, (int)selection->frames->len - 1);
    else if (!read_page(selection, frame, sql, error)) return FALSE;
  }
  return FALSE;
}

/* ---- how many there are ---- */

static void add_many(GHashTable *counts, gint64 id, gint64 many) {
  gint64 *kept = g_hash_table_lookup(counts, &id);
  if (kept) *kept += many;
  else g_hash_table_insert(counts, g_memdup2(&id, sizeof id), g_memdup2(&many, sizeof many));
}

/* A facet counts what its own filter leaves out, too. */
static void add_facet(Selection *selection, const SearchFacet *facet, GHashTable *counts) {
  gsize wanted_count;
  g_autofree gint64 *wanted = filter_numbers(selection->filters, facet->name, &wanted_count);
  for (guint i = 0; i < facet->values->len; i++) {
    const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, i);
    gboolean is = wanted_count == 0;
    for (gsize k = 0; k < wanted_count; k++) is = is || wanted[k] == value->value;
    if (is) add_many(counts, value->value, value->count);
  }
}

static gboolean tally_search(Selection *selection, Sql *sql, SelectionTally *tally, GError **error) {
  g_autoptr(SearchResult) result = run_search(selection, sql, TRUE, error);
  if (result == NULL) return FALSE;
  tally->records = (gint64)result->count;
  for (guint i = 0; i < result->facets->len; i++) {
    const SearchFacet *facet = result->facets->pdata[i];
    if (g_str_equal(facet->name, "fonds")) add_facet(selection, facet, tally->fonds);
    if (g_str_equal(facet->name, "category")) add_facet(selection, facet, tally->categories);
  }
  return TRUE;
}

gboolean selection_tally(Selection *selection, gint64 budget_us, SelectionTally *tally, GError **error) {
  g_autoptr(Sql) sql = sql_read(selection->house->db, error);
  g_autoptr(GError) local = NULL;
  gint64 until = g_get_monotonic_time() + budget_us, id;
  *tally = (SelectionTally){.fonds = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free),
    .categories = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free)};
  if (sql == NULL) return FALSE;
  if (selection->of == OF_SEARCH) return tally_search(selection, sql, tally, error);
  while (!tally->more && next_id(selection, sql, &id, &local)) {
    SearchColumns line;
    if (!search_columns(selection->house->search, id, &line)) continue;
    if (selection->of == OF_NODE && line.level < LEVEL_ITEM) frame_push(selection, id);
    tally->more = g_get_monotonic_time() > until;
    if (line.level < LEVEL_VOLUME || !scope_admits(selection->scope, line.level, line.fonds_id, line.security, line.opening)) continue;
    tally->records++;
    add_many(tally->fonds, line.fonds_id, 1);
    add_many(tally->categories, line.category, 1);
  }
  return local == NULL || (g_propagate_error(error, g_steal_pointer(&local)), FALSE);
}

void selection_tally_clear(SelectionTally *tally) {
  g_clear_pointer(&tally->fonds, g_hash_table_unref);
  g_clear_pointer(&tally->categories, g_hash_table_unref);
}

/* ---- a record with what is around it ---- */

/* NULL without error: not to be seen. */
static gboolean node_load(Selection *selection, Sql *sql, gint64 id, const CatalogRecord **ret, GError **error) {
  gpointer found;
  if (g_hash_table_lookup_extended(selection->nodes, &id, NULL, &found)) return *ret = found, TRUE;
  g_autoptr(GError) local = NULL;
  CatalogRecord *node = catalog_record_load(sql, selection->scope, id, &local);
  if (node == NULL && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  g_hash_table_insert(selection->nodes, g_memdup2(&id, sizeof id), node);
  *ret = node;
  return TRUE;
}

static gboolean find_path(Selection *selection, Sql *sql, ExportItem *item, GError **error) {
  if (g_hash_table_size(selection->nodes) > NODES_KEPT) g_hash_table_remove_all(selection->nodes);
  const CatalogRecord *up[PATH_DEPTH], *node;
  guint count = 0;
  SearchColumns columns;
  for (gint64 id = selection->record->parent_id; id != 0 && count < PATH_DEPTH;) {
    if (!node_load(selection, sql, id, &node, error)) return FALSE;
    if (node) up[count++] = node;
    id = node ? node->parent_id : search_columns(selection->house->search, id, &columns) ? (gint64)columns.parent_id : 0;
  }
  for (guint i = 0; i < count; i++) selection->path[i] = up[count - 1 - i];
  item->path = selection->path;
  item->path_length = count;
  item->fonds = count > 0 ? selection->path[0] : selection->record;
  item->volume = count > 0 && up[0]->level == LEVEL_VOLUME ? up[0] : NULL;
  return TRUE;
}

static gboolean find_files(Selection *selection, Sql *sql, GError **error) {
  const CatalogRecord *record = selection->record;
  g_clear_pointer(&selection->files, g_ptr_array_unref);
  gboolean seen = scope_admits_files(selection->scope, record->fonds_id, record->security, record->opening);
  if (record->file_count > 0 && seen) return (selection->files = catalog_files(sql, selection->scope, record->id, error)) != NULL;
  selection->files = g_ptr_array_new();
  selection->counts.files_left_out += record->file_count > 0;
  return TRUE;
}

/* That its files were destroyed is part of what a record is; why and by whom is told by the journal to those who may read it. */
static gboolean find_tombstone(Selection *selection, Sql *sql, GError **error) {
  static const char *const STAFF[] = {"reason", "requested_by", "requested_at", "approved_by", "approved_at", "disposal", "record"};
  const CatalogRecord *record = selection->record;
  json_decref(selection->tombstone);
  selection->tombstone = NULL;
  if (record->file_count > 0 || !record_is_described(record)) return TRUE;
  g_autoptr(GError) local = NULL;
  selection->tombstone = catalog_tombstone(sql, record->id, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (selection->tombstone == NULL) return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(STAFF); i++) json_object_del(selection->tombstone, STAFF[i]);
  if (!scope_admits_files(selection->scope, record->fonds_id, record->security, record->opening)) json_object_del(selection->tombstone, "files");
  return TRUE;
}

static void count_item(Selection *selection) {
  if (record_is_described(selection->record)) selection->counts.records++;
  if (selection->record->level == LEVEL_VOLUME) selection->counts.volumes++;
  selection->counts.files += selection->files->len;
  for (guint i = 0; i < selection->files->len; i++) selection->counts.bytes += ((const CatalogFile *)selection->files->pdata[i])->size_bytes;
}

/* The record of this id, and its place among the nodes to be walked. */
static gboolean load_record(Selection *selection, Sql *sql, gint64 id, gboolean *ret_found, GError **error) {
  SearchColumns columns = {0};
  gboolean known = search_columns(selection->house->search, id, &columns);
  if (selection->of == OF_NODE && known && columns.level < LEVEL_ITEM) frame_push(selection, id);
  g_clear_pointer(&selection->record, catalog_record_free);
  g_autoptr(GError) local = NULL;
  selection->record = catalog_record_load(sql, selection->scope, id, &local);
  *ret_found = selection->record != NULL;
  if (*ret_found) return TRUE;
  if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (known) selection->counts.left_out++; /* else it was deleted meanwhile */
  return TRUE;
}

static gboolean load_item(Selection *selection, Sql *sql, gint64 id, ExportItem *ret, gboolean *ret_found, GError **error) {
  if (!load_record(selection, sql, id, ret_found, error) || !*ret_found) return error == NULL || *error == NULL;
  *ret = (ExportItem){.record = selection->record, .category = catalog_category(selection->house->catalog, selection->record->category)};
  if (!find_path(selection, sql, ret, error) || !find_files(selection, sql, error) || !find_tombstone(selection, sql, error)) return FALSE;
  ret->files = selection->files;
  ret->tombstone = selection->tombstone;
  count_item(selection);
  return TRUE;
}

gboolean selection_next_records(Selection *selection, guint most, GPtrArray *records, GError **error) {
  g_ptr_array_set_size(records, 0);
  g_autoptr(Sql) sql = sql_read(selection->house->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  gint64 id;
  gboolean found;
  while (records->len < most && next_id(selection, sql, &id, &local)) {
    if (!load_record(selection, sql, id, &found, &local)) break;
    if (found) g_ptr_array_add(records, g_steal_pointer(&selection->record));
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return records->len > 0;
}

/* A delivery's records that the asker may not see, which no search of his finds. */
static gboolean count_hidden(Selection *selection, Sql *sql, GError **error) {
  if (selection->of != OF_SEARCH || selection->accession_id == 0) return TRUE;
  SearchRequest request = {.accession_id = selection->accession_id};
  g_autoptr(SearchResult) all = search_run_whole(selection->house->search, sql, &SCOPE_EVERYTHING, &request, error);
  g_autoptr(SearchResult) mine = all ? search_run_whole(selection->house->search, sql, selection->scope, &request, error) : NULL;
  if (mine == NULL) return FALSE;
  if (mine->count > 0) selection->counts.left_out = (gint64)(all->count - mine->count); /* of a delivery that is not his at all, nothing is told */
  return TRUE;
}

gboolean selection_next(Selection *selection, ExportItem *ret, GError **error) {
  g_autoptr(Sql) sql = sql_read(selection->house->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  gint64 id;
  gboolean found = FALSE;
  while (!found && next_id(selection, sql, &id, &local))
    if (!load_item(selection, sql, id, ret, &found, &local)) break;
  if (!found && local == NULL) count_hidden(selection, sql, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return found;
}
