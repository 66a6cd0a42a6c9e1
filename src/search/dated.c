/*
 * The days of one field, of all records that have it, in memory: the order of hits by a category's own date.
 *
 * 1. Nothing is stored for it: the days are read from the tokens that stand in the index for questions (day.c), ten million in a second, and kept.
 * 2. A FieldDays never changes once made. The newest of each field is kept; a question takes it with what was saved since read anew from the records, or all of
 *    it anew when that is too much or the index was made anew (then the log of changes does not reach back).
 * 3. What is closed has days of its own, asked only for those who may see closed fields.
 * 4. A record stands by the beginning of its date. Of a date without day or month that is behind all of its month or year, in either direction; a record without
 *    a date in the field stands last.
 */
#include "block.h"
#include "dated.h"
#include "error.h"
#include "query.h"

enum { NAMES_MOST = 16, FOLLOWED_MOST = 2000, ROWS_EVERY = 4096, TERM_BYTES = 512 };
#define NEVER 0x3FFFFFu

typedef struct { /* immutable once made */
  gatomicrefcount references;
  guint32 first, last; /* of its days; 0: it has none */
  guint32 days[CHUNK_LINES];
} DayChunk;

struct FieldDays {
  gatomicrefcount references;
  guint64 version;
  guint chunk_count;
  DayChunk *chunks[];
};

struct SearchDated {
  guint count;
  FieldDays *fields[NAMES_MOST * 2];
};

/* ---- life ---- */

static DayChunk *chunk_ref(DayChunk *chunk) {
  if (chunk) g_atomic_ref_count_inc(&chunk->references);
  return chunk;
}

static void chunk_unref(DayChunk *chunk) {
  if (chunk && g_atomic_ref_count_dec(&chunk->references)) g_free(chunk);
}

static FieldDays *days_new(guint64 version, guint chunk_count) {
  FieldDays *days = g_malloc0(sizeof *days + sizeof(DayChunk *) * chunk_count);
  g_atomic_ref_count_init(&days->references);
  days->version = version;
  days->chunk_count = chunk_count;
  return days;
}

static FieldDays *days_ref(FieldDays *days) {
  g_atomic_ref_count_inc(&days->references);
  return days;
}

void search_field_days_unref(FieldDays *days) {
  if (days == NULL || !g_atomic_ref_count_dec(&days->references)) return;
  for (guint i = 0; i < days->chunk_count; i++) chunk_unref(days->chunks[i]);
  g_free(days);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FieldDays, search_field_days_unref)

void search_dated_free(SearchDated *dated) {
  if (dated == NULL) return;
  for (guint i = 0; i < dated->count; i++) search_field_days_unref(dated->fields[i]);
  g_free(dated);
}

/* ---- making ---- */

static void set_day(FieldDays *days, guint32 id, guint32 day) {
  DayChunk **chunk = &days->chunks[id / CHUNK_LINES];
  if (*chunk == NULL && day == 0) return;
  if (*chunk == NULL) {
    *chunk = g_new0(DayChunk, 1);
    g_atomic_ref_count_init(&(*chunk)->references);
  } else if (!g_atomic_ref_count_compare(&(*chunk)->references, 1)) {
    DayChunk *copy = g_memdup2(*chunk, sizeof **chunk);
    g_atomic_ref_count_init(&copy->references);
    chunk_unref(*chunk);
    *chunk = copy;
  }
  (*chunk)->days[id % CHUNK_LINES] = day;
  if (day && ((*chunk)->first == 0 || day < (*chunk)->first)) (*chunk)->first = day;
  (*chunk)->last = MAX((*chunk)->last, day);
}

static guint32 day_of(const FieldDays *days, guint32 id) {
  const DayChunk *chunk = id / CHUNK_LINES < days->chunk_count ? days->chunks[id / CHUNK_LINES] : NULL;
  return chunk ? chunk->days[id % CHUNK_LINES] : 0;
}

static guint32 earlier(guint32 a, guint32 b) { return a == 0 || (b && b < a) ? b : a; }

static SqlRows *query_terms(Sql *sql, gboolean closed, const char *from, const char *to, GError **error) {
  const SqlValue *args = SQL_ARGS(sql_text(from), sql_text(to));
  if (closed) return sql_query(sql, "SELECT term, doc AS id FROM search_closed_term WHERE term >= $1 AND term < $2", args, error);
  return sql_query(sql, "SELECT term, doc AS id FROM search_text_term WHERE term >= $1 AND term < $2", args, error);
}

/* The tokens of one range of kinds; head: what stands before the kind. */
static gboolean read_terms(Sql *sql, gboolean closed, const char *head, const char *kinds, FieldDays *days, GError **error) {
  char from[TERM_BYTES], to[TERM_BYTES];
  gsize length = strlen(head);
  if (length + 2 > sizeof from) return TRUE; /* no field of a definition has such a name */
  g_snprintf(from, sizeof from, "%s%c", head, kinds[0]);
  g_snprintf(to, sizeof to, "%s%c", head, kinds[1]);
  g_autoptr(SqlRows) rows = query_terms(sql, closed, from, to, error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  int term = sql_column(rows, "term"), id = sql_column(rows, "id");
  for (guint seen = 1; sql_next(rows, &failure); seen++) {
    gint64 record = sql_int_at(rows, id);
    if (seen % ROWS_EVERY == 0) search_turn_check();
    if (record <= 0 || record >= (gint64)days->chunk_count * CHUNK_LINES) continue;
    set_day(days, (guint32)record, earlier(day_of(days, (guint32)record), search_day_read(sql_text_at(rows, term) + length)));
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

static FieldDays *days_read(Sql *sql, const SearchView *view, const char *name, gboolean closed, GError **error) {
  g_autoptr(FieldDays) days = days_new(view->version, view->columns->chunk_count);
  g_autofree char *head = search_day_head(name);
  gboolean good = read_terms(sql, closed, head, "de", days, error) && read_terms(sql, closed, head, "vx", days, error);
  return good ? g_steal_pointer(&days) : NULL;
}

/* ---- following ---- */

typedef struct { const char *name; GString *scratch; guint32 day; } Look;
static void look_at_value(const char *key, const char *value, gsize length, gpointer data) {
  Look *look = data;
  g_string_truncate(look->scratch, 0);
  search_name_append(look->scratch, key);
  if (g_str_equal(look->scratch->str, look->name)) look->day = earlier(look->day, search_day_begins(value, length));
}

static int compare_ids(gconstpointer a, gconstpointer b) {
  guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;
  return x < y ? -1 : x > y;
}

/* What was, with what was saved since read from the records; NULL: it is too much, or cannot be told. */
static FieldDays *days_follow(Search *search, Sql *sql, const SearchView *view, const FieldDays *base, const char *name, gboolean closed) {
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_mutex_lock(&search->lock);
  SearchTextSource source = search->text_source;
  gpointer source_data = search->text_source_data;
  g_mutex_unlock(&search->lock);
  if (source == NULL || !search_cache_changed(search->cache, MIN(base->version, view->version), ids)) return NULL;
  g_array_sort(ids, compare_ids);
  guint chunk_count = view->columns->chunk_count;
  if (ids->len > FOLLOWED_MOST) return NULL;
  FieldDays *days = days_new(view->version, chunk_count);
  for (guint i = 0; i < MIN(chunk_count, base->chunk_count); i++) days->chunks[i] = chunk_ref(base->chunks[i]);
  g_autoptr(GString) scratch = g_string_new(NULL);
  for (guint i = 0; i < ids->len; i++) {
    guint32 id = g_array_index(ids, guint32, i);
    if (id >= chunk_count * CHUNK_LINES || (i && id == g_array_index(ids, guint32, i - 1))) continue;
    Look look = {name, scratch, 0};
    SearchText text = {0};
    if (source(sql, id, &text, source_data)) search_fields_each(closed ? text.closed : text.fields, look_at_value, &look);
    search_text_clear(&text);
    if (look.day != day_of(days, id)) set_day(days, id, look.day);
  }
  return days;
}

static FieldDays *days_kept(Search *search, const char *key) {
  g_mutex_lock(&search->lock);
  FieldDays *days = g_hash_table_lookup(search->dated.fields, key);
  if (days) days_ref(days);
  g_mutex_unlock(&search->lock);
  return days;
}

static FieldDays *days_load(Search *search, Sql *sql, const SearchView *view, const char *name, gboolean closed, GError **error) {
  g_autofree char *key = g_strconcat(closed ? "-" : "+", name, NULL);
  g_autoptr(FieldDays) kept = view->caching ? days_kept(search, key) : NULL;
  if (kept && kept->version == view->version) return g_steal_pointer(&kept);
  FieldDays *days = kept ? days_follow(search, sql, view, kept, name, closed) : NULL;
  if (days == NULL && (days = days_read(sql, view, name, closed, error)) == NULL) return NULL;
  g_mutex_lock(&search->lock);
  const FieldDays *newest = g_hash_table_lookup(search->dated.fields, key);
  if (view->caching && (newest == NULL || newest->version < days->version)) g_hash_table_replace(search->dated.fields, g_steal_pointer(&key), days_ref(days));
  g_mutex_unlock(&search->lock);
  return days;
}

/* ---- of a question ---- */

/* Names of the label's fields that are dates, joined by tabs; NULL: none is. */
static char *date_names(GHashTable *fields, const char *label) {
  g_autofree char *name = search_name(label ? label : "");
  const char *names = g_hash_table_lookup(fields, name), *dates = g_hash_table_lookup(fields, FIELDS_OF_DAYS);
  g_auto(GStrv) list = g_strsplit(names && dates ? names : "", "\t", NAMES_MOST);
  for (char **at = list; *at; at++)
    if (search_name_listed(dates, *at)) return g_strdup(names);
  return NULL;
}

SearchDated *search_dated_load(Search *search, Sql *sql, const SearchView *view, GHashTable *fields, const DatedAsk *ask, GError **error) {
  g_autofree char *names = date_names(fields, ask->label);
  if (names == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "没有叫“%.60s”的日期项，不能按它排列", ask->label ? ask->label : "");
  SearchDated *dated = g_new0(SearchDated, 1);
  if (!ask->indexed) return dated;
  g_auto(GStrv) list = g_strsplit(names, "\t", 0);
  for (guint i = 0; list[i] && i < NAMES_MOST; i++)
    for (gboolean closed = FALSE; closed <= ask->closed; closed++) {
      FieldDays *days = days_load(search, sql, view, list[i], closed, error);
      if (days == NULL) return search_dated_free(dated), NULL;
      dated->fields[dated->count++] = days;
    }
  return dated;
}

static gboolean warm(Search *search, GError **error) {
  g_autoptr(Sql) sql = sql_read(search->db, error);
  g_mutex_lock(&search->lock);
  g_autoptr(GHashTable) fields = g_hash_table_ref(search->fields);
  gboolean sound = !search->needs_rebuild;
  g_mutex_unlock(&search->lock);
  SearchView view;
  const char *dates = g_hash_table_lookup(fields, FIELDS_OF_DAYS);
  if (sql == NULL || !sound || dates == NULL) return sql != NULL;
  if (!search_view_open(search, sql, &view, error)) return FALSE;
  g_autoptr(Columns) columns = view.columns;
  gboolean still = view.version == search->dated.seen, good = TRUE; /* of the tick alone */
  search->dated.seen = view.version;
  g_auto(GStrv) list = g_strsplit(dates, "\t", 0);
  for (guint i = 0; list[i] && good; i++)
    for (guint closed = 0; closed <= 1 && good; closed++) {
      g_autofree char *key = g_strconcat(closed ? "-" : "+", list[i], NULL);
      g_autoptr(FieldDays) kept = days_kept(search, key);
      if (kept && (kept->version >= view.version || !still)) continue;
      FieldDays *days = days_load(search, sql, &view, list[i], (gboolean)closed, error);
      good = days != NULL;
      search_field_days_unref(days);
    }
  return good;
}

void search_dated_warm(Search *search) {
  g_autoptr(GError) error = NULL;
  if (!warm(search, &error)) g_debug("search: the days of fields were not read: %s", error->message);
}

/* ---- order ---- */

/* A number that orders days: upward or downward, what is unknown of one behind what is known. */
static guint32 rank_of(guint32 day, gboolean down) {
  if (day == 0) return NEVER;
  guint32 year = day >> 9, month = day >> 5 & 15, number = day & 31;
  if (down) return NEVER - 1 - ((year * 14 + month) * 33 + number);
  return (year * 14 + (month ? month : 13)) * 33 + (number ? number : 32);
}

guint32 search_dated_rank(const SearchDated *dated, guint32 id, gboolean down) {
  guint32 day = 0;
  for (guint i = 0; i < dated->count; i++) day = earlier(day, day_of(dated->fields[i], id));
  return rank_of(day, down);
}

guint32 search_dated_least(const SearchDated *dated, guint chunk, gboolean down) {
  guint32 first = 0, last = 0;
  for (guint i = 0; i < dated->count; i++) {
    const DayChunk *days = chunk < dated->fields[i]->chunk_count ? dated->fields[i]->chunks[chunk] : NULL;
    if (days) first = earlier(first, days->first), last = MAX(last, days->last);
  }
  if (first == 0 || down) return rank_of(last, down);
  return ((first >> 9) * 14 + (first >> 5 & 15)) * 33 + (first & 31); /* no day in it is before */
}
