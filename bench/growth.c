/*
 * Growth of the search engine, what of it is measured in C: the eight kinds of question that bench/growth.mjs also puts to the peers.
 *
 *   lantai-growth text ARCHIVE PAGES                      a page of text for each of the first PAGES records, of what the titles are made of
 *   lantai-growth export ARCHIVE FILE.tsv                 what search sees of each record, for the peers
 *   lantai-growth ask ARCHIVE READERS COUNT [writing]     COUNT questions of each kind; one JSON value: kinds: [{kind, warming: [line],
 *                                                         asked: [{line, hits, facets, first, ms, cpu_ms}]}], fresh: [ms]
 *   lantai-growth rebuild ARCHIVE                         makes the index anew while a reader searches and a writer saves: {seconds, asked, p50, p99, saved, save_p50,
 *                                                         save_most}: milliseconds
 *
 *   lantai-growth one ARCHIVE QUERY TIMES                 asks one question so many times, each as if it were the first: {hits, ms, cpu_ms}, medians; for profiles
 *
 * `ask` and `one` take limits of the engine (block.h) after that, to find out what they should be: light_us=N overdue_us=N door_us=N few=N dense=N step=N; and kinds=N, of
 * `ask` only those kinds, a bit for each, for profiles.
 *
 * 1. Everything drawn comes from Random with a fixed seed over the archive's own titles: every run asks the same questions.
 * 2. Each question is asked once, in one thread of so many, as SearchRequest and as the line that LucenePeer.java and the SQL of the peers are made from.
 *    WARMING others of the kind are asked before the clock counts, as Lucene is: the process is one that has answered for a while, and its memory is its own already.
 * 3. `writing`: meanwhile a record is saved every hundredth of a second, and each saving is timed until the next search has found the record.
 */
#include "app.h"
#include "block.h"
#include "error.h"
#include "text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 4000, READERS_MAX = 16, PAGE_TITLES = 14, BATCH = 5000, YEAR_FIRST = 1980, YEAR_LAST = 1990, PAUSE_US = 10000, WARMING = 1000 };
#define SEED G_GUINT64_CONSTANT(19490101)

typedef struct { guint64 state; } Random; /* SplitMix64 */

static guint draw(Random *random, guint below) {
  guint64 z = (random->state += G_GUINT64_CONSTANT(0x9E3779B97F4A7C15));
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94D049BB133111EB);
  return (guint)((z ^ (z >> 31)) % below);
}

/* ---- kinds of question ---- */

typedef enum { DRAW_TITLE, DRAW_COMMON, DRAW_CREATOR, DRAW_CODE, DRAW_NODE } Drawn;
typedef struct {
  const char *name;
  Drawn drawn;
  guint words, characters;
  const char *field; /* of the query; "" any */
  char letter;       /* of the peers' line */
  gboolean filtered; /* open, eleven years */
  SearchSort sort;
} Kind;
static const Kind KINDS[] = {
  {"one word, 2 characters", DRAW_TITLE, 1, 2, "", 'a', FALSE, SEARCH_SORT_RELEVANCE},
  {"phrase, 8 characters", DRAW_TITLE, 1, 8, "", 'a', FALSE, SEARCH_SORT_RELEVANCE},
  {"three words AND", DRAW_TITLE, 3, 2, "", 'a', FALSE, SEARCH_SORT_RELEVANCE},
  {"frequent word, newest first", DRAW_COMMON, 1, 2, "", 'a', FALSE, SEARCH_SORT_DATE_DESC},
  {"frequent word, open, 11 years", DRAW_COMMON, 1, 2, "", 'a', TRUE, SEARCH_SORT_DATE_DESC},
  {"creator as a field", DRAW_CREATOR, 1, 9, "责任者:", 'c', FALSE, SEARCH_SORT_DATE_DESC},
  {"beginning of a code", DRAW_CODE, 1, 0, "档号:", 'k', FALSE, SEARCH_SORT_CODE},
  {"children of a node by code, filtered", DRAW_NODE, 0, 0, "", 'n', TRUE, SEARCH_SORT_CODE},
  {"words on pages, 4 characters", DRAW_TITLE, 1, 4, "全文:", 't', FALSE, SEARCH_SORT_DATE_DESC}, /* the last: only where pages have text */
};
static const char *const COMMON[] = {"临江", "江市", "关于", "的通", "通知", "委员", "员会", "会关", "局关", "报告", "的报", "批复", "请示", "意见", "决定",
  "会议", "议纪", "纪要", "的会", "的批"};

typedef struct {
  char *query, *line; /* as Lantai and as the peers take it */
  gint64 parent, first;
  guint64 hits, facets;
  double ms, cpu_ms;  /* by the clock on the wall; of the asking thread alone */
} Question;

typedef struct {
  const House *house;
  Scope scope;
  GArray *fonds, *nodes;       /* gint64 */
  GPtrArray *titles, *creators, *codes;
  Random random;
  const Kind *kind;
  Question *questions;
  gint count, next;            /* next: atomic */
  gint writing;                /* atomic */
  GArray *fresh;               /* double, ms */
} Session;

static const char *pick(Session *session, GPtrArray *from) { return g_ptr_array_index(from, draw(&session->random, from->len)); }

static char *cut(Session *session, const char *text, guint characters) {
  guint length = text_length(text), size = MIN(characters, length), at = draw(&session->random, length - size + 1);
  return g_utf8_substring(text, at, at + size);
}

static char *draw_term(Session *session, const char *title, guint number) {
  switch (session->kind->drawn) {
    case DRAW_TITLE: return cut(session, title, session->kind->characters);
    case DRAW_COMMON: return g_strdup(COMMON[number % G_N_ELEMENTS(COMMON)]);
    case DRAW_CREATOR: return cut(session, pick(session, session->creators), session->kind->characters);
    case DRAW_CODE: { /* up to the year */
      const char *code = pick(session, session->codes), *end = strrchr(code, '-');
      g_autofree char *head = g_strndup(code, (gsize)(end - code));
      char *dash = strrchr(head, '-');
      return g_strndup(head, (gsize)(dash - head));
    }
    case DRAW_NODE: break;
  }
  return NULL;
}

static void draw_question(Session *session, guint number) {
  const Kind *kind = session->kind;
  Question *question = &session->questions[number];
  g_autoptr(GString) query = g_string_new(NULL), line = g_string_new(kind->sort == SEARCH_SORT_CODE ? "s=code" : "s=date");
  const char *title = pick(session, session->titles);
  for (guint i = 0; i < kind->words; i++) {
    g_autofree char *term = draw_term(session, title, number);
    g_string_append_printf(query, "%s\"%s\"%s ", kind->field, term, kind->drawn == DRAW_CODE ? "*" : "");
    g_string_append_printf(line, "\t%c=%s", kind->letter, term);
  }
  if (kind->drawn == DRAW_NODE) {
    question->parent = g_array_index(session->nodes, gint64, number % session->nodes->len);
    g_string_append_printf(line, "\tn=%" G_GINT64_FORMAT, question->parent);
  }
  if (kind->filtered) g_string_append_printf(line, "\to=%d\ty=%d-%d", OPENING_OPEN, YEAR_FIRST, YEAR_LAST);
  g_string_append(line, "\tf=");
  for (guint i = 0; i < session->fonds->len; i++) g_string_append_printf(line, "%s%" G_GINT64_FORMAT, i ? "," : "", g_array_index(session->fonds, gint64, i));
  question->query = g_strdup(query->str);
  question->line = g_strdup(line->str);
}

static double thread_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void ask(Session *session, Question *question) {
  static const gint64 open[] = {OPENING_OPEN};
  SearchRequest request = {.query = question->query, .parent_id = question->parent, .limit = 20, .facets = TRUE, .sort = session->kind->sort};
  if (session->kind->filtered) request.openings = open, request.openings_count = 1, request.year_from = YEAR_FIRST, request.year_to = YEAR_LAST;
  g_autoptr(GError) error = NULL;
  gint64 begin = g_get_monotonic_time();
  double cpu = thread_ms();
  g_autoptr(Sql) sql = sql_read(session->house->db, &error);
  g_autoptr(SearchResult) result = sql ? search_run(session->house->search, sql, &session->scope, &request, &error) : NULL;
  question->ms = (double)(g_get_monotonic_time() - begin) / 1000;
  question->cpu_ms = thread_ms() - cpu;
  if (result == NULL) g_error("%s", error->message);
  question->hits = result->count;
  question->first = result->ids->len ? g_array_index(result->ids, gint64, 0) : 0;
  for (guint f = 0; f < result->facets->len; f++) {
    const SearchFacet *facet = g_ptr_array_index(result->facets, f);
    for (guint v = 0; v < facet->values->len; v++) {
      SearchFacetValue value = g_array_index(facet->values, SearchFacetValue, v);
      question->facets += (f + 1) * (guint64)value.value * value.count;
    }
  }
}

static gpointer run_reader(gpointer data) {
  Session *session = data;
  for (gint at; (at = g_atomic_int_add(&session->next, 1)) < session->count;) ask(session, &session->questions[at]);
  return NULL;
}

/* ---- a writer beside the readers ---- */

/* Saves one record and finds it; milliseconds. The record stands in a fonds that the asker does not see, so that his answers stay the same. */
static double save_and_find(Session *session, gint64 parent, guint number) {
  g_autoptr(GError) error = NULL;
  g_autoptr(CatalogRecord) record = catalog_record_new();
  g_autofree char *code = g_strdup_printf("临收-%u", number), *query = g_strdup_printf("档号:\"%s\"", code);
  record->parent_id = parent;
  g_free(record->code), g_free(record->title);
  record->code = g_strdup(code);
  record->title = g_strdup("新收文件");
  gint64 begin = g_get_monotonic_time();
  g_autoptr(Sql) sql = sql_write(session->house->db, &error);
  gboolean good = sql && catalog_record_create(session->house, sql, "bench", record, &error) && sql_commit(sql, &error);
  if (!good) g_error("%s", error->message);
  g_clear_pointer(&sql, sql_end);
  SearchRequest request = {.query = query, .limit = 1};
  g_autoptr(Sql) read = sql_read(session->house->db, &error);
  g_autoptr(SearchResult) result = read ? search_run(session->house->search, read, &SCOPE_EVERYTHING, &request, &error) : NULL;
  if (result == NULL || result->count != 1) g_error("a saved record is not found: %s", code);
  return (double)(g_get_monotonic_time() - begin) / 1000;
}

static gpointer run_writer(gpointer data) {
  Session *session = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(session->house->db, &error);
  gint64 parent = sql ? sql_number(sql, "SELECT id FROM record WHERE level = 1 AND code = 'X002'", SQL_NONE, 0, &error) : 0;
  guint number = sql ? (guint)sql_number(sql, "SELECT MAX(id) AS last FROM record", SQL_NONE, 0, &error) : 0; /* codes that no run before has given */
  g_clear_pointer(&sql, sql_end);
  while (g_atomic_int_get(&session->writing)) {
    double ms = save_and_find(session, parent, ++number);
    g_array_append_val(session->fresh, ms);
    g_usleep(PAUSE_US);
  }
  return NULL;
}

/* ---- ask ---- */

/* Rows of one text, or of one number when there is no list of texts; takes rows (NULL: failed). */
static gboolean gather(SqlRows *taken, GPtrArray *texts, GArray *ids, GError **error) {
  g_autoptr(SqlRows) rows = taken;
  g_autoptr(GError) local = NULL;
  while (rows && sql_next(rows, &local)) {
    gint64 id = texts ? 0 : sql_int_at(rows, 0);
    if (texts) g_ptr_array_add(texts, g_strdup(sql_text_at(rows, 0)));
    else g_array_append_val(ids, id);
  }
  if (local) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return rows != NULL;
}

/* What to draw from, without the records that a writer of an earlier run has saved (they have no creator); and the asker: an archivist of every second fonds, who may see what is 内部 at most. */
static gboolean session_open(Session *session, const House *house, GError **error) {
  *session = (Session){.house = house, .fonds = g_array_new(FALSE, FALSE, sizeof(gint64)), .nodes = g_array_new(FALSE, FALSE, sizeof(gint64)),
    .titles = g_ptr_array_new_with_free_func(g_free), .creators = g_ptr_array_new_with_free_func(g_free), .codes = g_ptr_array_new_with_free_func(g_free),
    .fresh = g_array_new(FALSE, FALSE, sizeof(double)), .random = {SEED}};
  g_autoptr(Sql) sql = sql_read(house->db, error);
  gint64 step = sql ? sql_number(sql, "SELECT MAX(id) AS last FROM record WHERE creator <> ''", SQL_NONE, 0, error) / SAMPLES + 1 : 0;
  if (step == 0 || !gather(sql_query(sql, "SELECT title FROM record WHERE id % $1 = 0 AND level = 4 AND creator <> '' ORDER BY id", SQL_ARGS(sql_int(step)), error), session->titles, NULL, error) ||
      !gather(sql_query(sql, "SELECT creator FROM record WHERE id % $1 = 0 AND level = 4 AND creator <> '' ORDER BY id", SQL_ARGS(sql_int(step)), error), session->creators, NULL, error) ||
      !gather(sql_query(sql, "SELECT code FROM record WHERE id % $1 = 0 AND level = 4 AND creator <> '' ORDER BY id", SQL_ARGS(sql_int(step)), error), session->codes, NULL, error) ||
      !gather(sql_query(sql, "SELECT id FROM record WHERE level = 1 ORDER BY code", SQL_NONE, error), NULL, session->fonds, error) ||
      !gather(sql_query(sql, "SELECT id FROM record WHERE level = 2 ORDER BY code, id", SQL_NONE, error), NULL, session->nodes, error)) return FALSE;
  for (guint i = session->fonds->len; i-- > 0;)
    if (i % 2 == 1) g_array_remove_index(session->fonds, i);
  session->scope = (Scope){.opening_mask = 15, .files_mask = 15, .security = SECURITY_INTERNAL, .fonds = (const gint64 *)(void *)session->fonds->data,
    .fonds_count = session->fonds->len};
  return TRUE;
}

static void ask_all(Session *session, guint readers, guint count, guint64 seed) {
  GThread *threads[READERS_MAX];
  session->count = (gint)count;
  session->next = 0;
  session->random.state = SEED + seed;
  session->questions = g_new0(Question, count);
  for (guint i = 0; i < count; i++) draw_question(session, i);
  for (guint i = 0; i < readers; i++) threads[i] = g_thread_new("reader", run_reader, session);
  for (guint i = 0; i < readers; i++) g_thread_join(threads[i]);
}

/* What was asked, as JSON; lines alone when it was only to warm. */
static json_t *take_asked(Session *session, gboolean warming) {
  json_t *list = json_array();
  for (gint i = 0; i < session->count; i++) {
    Question *question = &session->questions[i];
    json_array_append_new(list, warming ? json_string(question->line) : json_pack("{s:s, s:I, s:I, s:I, s:f, s:f}", "line", question->line,
      "hits", (json_int_t)question->hits, "facets", (json_int_t)question->facets, "first", (json_int_t)question->first, "ms", question->ms,
      "cpu_ms", question->cpu_ms));
    g_free(question->query);
    g_free(question->line);
  }
  g_clear_pointer(&session->questions, g_free);
  return list;
}

static json_t *run_kind(Session *session, const Kind *kind, guint readers, guint count) {
  guint64 seed = (guint64)(kind - KINDS) * 100 + readers;
  session->kind = kind;
  ask_all(session, readers, WARMING, seed + 10000);
  json_t *warming = take_asked(session, TRUE);
  ask_all(session, readers, count, seed);
  return json_pack("{s:s, s:o, s:o}", "kind", kind->name, "warming", warming, "asked", take_asked(session, FALSE));
}

static guint asked_kinds = G_MAXUINT; /* a bit for each of KINDS */

/* Whether `writing` is among the options; limits among them are set. */
static gboolean read_options(char **options) {
  gboolean writing = FALSE;
  for (char **option = options; *option; option++) {
    const char *value = strchr(*option, '=');
    gint64 number = value ? g_ascii_strtoll(value + 1, NULL, 10) : 0;
    if (g_str_has_prefix(*option, "light_us=")) search_limits.light_us = number;
    if (g_str_has_prefix(*option, "overdue_us=")) search_limits.overdue_us = number;
    if (g_str_has_prefix(*option, "door_us=")) search_limits.door_us = number;
    if (g_str_has_prefix(*option, "few=")) search_limits.few = (guint)number;
    if (g_str_has_prefix(*option, "dense=")) search_limits.dense = (guint)number;
    if (g_str_has_prefix(*option, "kinds=")) asked_kinds = (guint)number;
    if (g_str_has_prefix(*option, "step=")) search_limits.step = (guint)number;
    writing = writing || g_str_equal(*option, "writing");
  }
  return writing;
}

static gboolean run_ask(char **arguments, GError **error) {
  gboolean writing = read_options(arguments + 3);
  g_autoptr(Archive) archive = archive_open(arguments[0], writing ? ARCHIVE_WRITE : ARCHIVE_READ, error);
  Session session;
  if (archive == NULL || !session_open(&session, archive_house(archive), error)) return FALSE;
  g_autoptr(Sql) sql = sql_read(session.house->db, error);
  gint64 text = sql ? sql_number(sql, "SELECT EXISTS (SELECT 1 FROM page_text) AS found", SQL_NONE, 0, error) : 0;
  g_clear_pointer(&sql, sql_end);
  guint readers = CLAMP((guint)g_ascii_strtoull(arguments[1], NULL, 10), 1, READERS_MAX), count = (guint)g_ascii_strtoull(arguments[2], NULL, 10);
  search_warm(session.house->search); /* as the server does when it starts */
  session.writing = writing;
  GThread *writer = writing && count > 0 ? g_thread_new("writer", run_writer, &session) : NULL;
  json_t *kinds = json_array(), *fresh = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(KINDS) - (text ? 0 : 1); i++)
    if (asked_kinds >> i & 1) json_array_append_new(kinds, run_kind(&session, &KINDS[i], readers, count));
  g_atomic_int_set(&session.writing, FALSE);
  if (writer) g_thread_join(writer);
  for (guint i = 0; i < session.fresh->len; i++) json_array_append_new(fresh, json_real(g_array_index(session.fresh, double, i)));
  json_t *result = json_pack("{s:o, s:o}", "kinds", kinds, "fresh", fresh);
  json_dumpf(result, stdout, JSON_COMPACT);
  json_decref(result);
  return TRUE;
}

static int compare_times(gconstpointer a, gconstpointer b) { return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b; }

static gboolean run_one(char **arguments, GError **error) {
  read_options(arguments + 3);
  g_autoptr(Archive) archive = archive_open(arguments[0], ARCHIVE_READ, error);
  Session session;
  if (archive == NULL || !session_open(&session, archive_house(archive), error)) return FALSE;
  search_warm(session.house->search);
  guint times = MAX((guint)g_ascii_strtoull(arguments[2], NULL, 10), 1);
  g_autofree double *ms = g_new(double, times), *cpu_ms = g_new(double, times);
  Question question = {0};
  session.kind = KINDS;
  for (guint i = 0; i < times; i++) {
    search_forget(session.house->search);
    question = (Question){.query = arguments[1]};
    ask(&session, &question);
    ms[i] = question.ms;
    cpu_ms[i] = question.cpu_ms;
  }
  qsort(ms, times, sizeof *ms, compare_times);
  qsort(cpu_ms, times, sizeof *cpu_ms, compare_times);
  printf("{\"hits\": %" G_GUINT64_FORMAT ", \"ms\": %.3f, \"cpu_ms\": %.3f}\n", question.hits, ms[times / 2], cpu_ms[times / 2]);
  return TRUE;
}

/* ---- rebuild ---- */

static gpointer search_on(gpointer data) {
  Session *session = data;
  session->kind = KINDS;
  session->questions = g_new0(Question, 1);
  while (g_atomic_int_get(&session->writing)) {
    draw_question(session, 0);
    ask(session, session->questions);
    g_array_append_val(session->fresh, session->questions->ms);
    g_free(session->questions->query);
    g_free(session->questions->line);
    g_usleep(PAUSE_US);
  }
  g_free(session->questions);
  return NULL;
}

static gboolean run_rebuild(char **arguments, GError **error) {
  g_autoptr(Archive) archive = archive_open(arguments[0], ARCHIVE_WRITE, error);
  Session session, saving;
  if (archive == NULL || !session_open(&session, archive_house(archive), error) || !session_open(&saving, archive_house(archive), error)) return FALSE;
  session.writing = saving.writing = TRUE;
  GThread *reader = g_thread_new("reader", search_on, &session), *writer = g_thread_new("writer", run_writer, &saving);
  gint64 begin = g_get_monotonic_time();
  gboolean good = catalog_reindex(session.house, NULL, NULL, error);
  double seconds = (double)(g_get_monotonic_time() - begin) / 1e6;
  g_atomic_int_set(&session.writing, FALSE);
  g_atomic_int_set(&saving.writing, FALSE);
  g_thread_join(reader);
  g_thread_join(writer);
  if (!good) return FALSE;
  g_array_sort(session.fresh, compare_times);
  g_array_sort(saving.fresh, compare_times);
  guint asked = session.fresh->len, saved = saving.fresh->len;
  const double *times = (const double *)(void *)session.fresh->data, *saves = (const double *)(void *)saving.fresh->data;
  json_t *result = json_pack("{s:f, s:i, s:f, s:f, s:i, s:f, s:f}", "seconds", seconds, "asked", (int)asked, "p50", times[asked / 2], "p99", times[(asked * 99 + 99) / 100 - 1],
    "saved", (int)saved, "save_p50", saves[saved / 2], "save_most", saves[saved - 1]);
  json_dumpf(result, stdout, JSON_COMPACT);
  json_decref(result);
  return TRUE;
}

/* ---- text and export ---- */

static gboolean run_text(char **arguments, GError **error) {
  g_autoptr(Archive) archive = archive_open(arguments[0], ARCHIVE_WRITE, error);
  Session session;
  if (archive == NULL || !session_open(&session, archive_house(archive), error)) return FALSE;
  gint64 pages = g_ascii_strtoll(arguments[1], NULL, 10);
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(Sql) sql = sql_read(session.house->db, error);
  if (sql == NULL || !gather(sql_query(sql, "SELECT id FROM record WHERE level = 4 ORDER BY id", SQL_NONE, error), NULL, ids, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  gint64 begin = g_get_monotonic_time();
  for (gint64 at = 0; at < MIN(pages, (gint64)ids->len); at += BATCH) {
    sql = sql_write(session.house->db, error);
    if (sql == NULL) return FALSE;
    catalog_bulk_begin(session.house, sql);
    for (gint64 i = at; i < MIN(MIN(pages, (gint64)ids->len), at + BATCH); i++) {
      g_autoptr(GString) text = g_string_new(NULL);
      for (guint k = 0; k < PAGE_TITLES; k++) g_string_append_printf(text, "%s。", pick(&session, session.titles));
      if (!catalog_page_text_put(session.house, sql, g_array_index(ids, gint64, i), 0, 1, text->str, error)) return FALSE;
    }
    if (!catalog_bulk_end(session.house, sql, error) || !sql_commit(sql, error)) return FALSE;
    g_clear_pointer(&sql, sql_end);
  }
  if (!search_optimize(session.house->search, error)) return FALSE;
  printf("{\"seconds\": %.3f}\n", (double)(g_get_monotonic_time() - begin) / 1e6);
  return TRUE;
}

static void append_values(GString *line, const char *fields) {
  json_t *object = json_loads(fields, 0, NULL), *value;
  const char *key;
  gsize start = line->len;
  json_object_foreach(object, key, value) g_string_append_printf(line, "%s%s", line->len > start ? "\x1f" : "", json_string_value(value));
  json_decref(object);
}

/* id, title, creator, code, docno, other values (separated by U+001F), parent, the columns of the gate, the filters and the order, text of the page. */
static gboolean run_export(char **arguments, GError **error) {
  g_autoptr(Archive) archive = archive_open(arguments[0], ARCHIVE_READ, error);
  g_autoptr(Sql) sql = archive ? sql_read(archive_house(archive)->db, error) : NULL;
  g_autoptr(SqlRows) rows = sql == NULL ? NULL :
    sql_query(sql, "SELECT r.id, r.title, r.creator, r.code, r.docno, r.fields, r.parent_id, r.fonds_id, r.category, r.year, r.retention, r.opening, r.security, "
      "r.level, r.date_from, COALESCE(p.text, '') AS page FROM record AS r LEFT JOIN page_text AS p ON p.record_id = r.id AND p.page = 1 ORDER BY r.id",
      SQL_NONE, error);
  FILE *file = rows ? fopen(arguments[1], "w") : NULL;
  if (file == NULL) return rows ? throw(error, LANTAI_ERROR_UNAVAILABLE, "cannot write %s", arguments[1]) : FALSE;
  g_autoptr(GString) line = g_string_new(NULL);
  GError *failure = NULL;
  while (sql_next(rows, &failure)) {
    g_string_printf(line, "%" G_GINT64_FORMAT, sql_int_at(rows, 0));
    for (int column = 1; column <= 4; column++) g_string_append_printf(line, "\t%s", sql_text_at(rows, column));
    g_string_append_c(line, '\t');
    append_values(line, sql_text_at(rows, 5));
    for (int column = 6; column <= 14; column++) g_string_append_printf(line, "\t%" G_GINT64_FORMAT, sql_int_at(rows, column));
    fprintf(file, "%s\t%s\n", line->str, sql_text_at(rows, 15));
  }
  if (failure) g_propagate_error(error, failure);
  return fclose(file) == 0 && failure == NULL;
}

int main(int argc, char **argv) {
  static const struct { const char *name; int minimum; gboolean (*run)(char **arguments, GError **error); } verbs[] = {
    {"text", 2, run_text}, {"export", 2, run_export}, {"ask", 3, run_ask}, {"one", 3, run_one}, {"rebuild", 1, run_rebuild}};
  log_init();
  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS(verbs); i++) {
    if (!g_str_equal(argv[1], verbs[i].name) || argc - 2 < verbs[i].minimum) continue;
    g_autoptr(GError) error = NULL;
    if (verbs[i].run(argv + 2, &error)) return 0;
    return fprintf(stderr, "lantai-growth: %s\n", error->message), 1;
  }
  return fprintf(stderr, "lantai-growth: see the head of bench/growth.c\n"), 2;
}
