/*
 * Loads generated descriptions into an index and times questions of several kinds. Usage: search-bench FILE ROWS
 * Titles are formulas of the trade around words drawn by Zipf's law; deterministic. Prints one line per measure.
 */
#include "internal.h"
#include <gio/gio.h>
#include <stdio.h>
#include <time.h>

enum { WORDS = 20000, BODIES = 400, BATCH = 50000, FONDS = 300, CHARACTERS = 3000, QUERIES = 300 };

typedef struct { guint64 state; } Random;
typedef struct {
  Random random;
  char *words[WORDS];
  double *weights; /* cumulative */
  char *bodies[BODIES];
  GPtrArray *titles; /* of the rows a query may be drawn from */
} Corpus;

static guint32 draw(Random *random, guint32 below) {
  random->state = random->state * 6364136223846793005ull + 1442695040888963407ull;
  return (guint32)((random->state >> 33) % below);
}

static const char *draw_word(Corpus *corpus) {
  double x = (double)draw(&corpus->random, 1u << 30) / (1u << 30) * corpus->weights[WORDS - 1];
  guint low = 0, high = WORDS - 1;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (corpus->weights[middle] < x) low = middle + 1;
    else high = middle;
  }
  return corpus->words[low];
}

static void append_han(GString *out, Random *random) { g_string_append_unichar(out, 0x4E00 + draw(random, CHARACTERS) * 6); }

static Corpus *corpus_new(void) {
  Corpus *corpus = g_new0(Corpus, 1);
  corpus->random.state = 42;
  corpus->weights = g_new0(double, WORDS);
  for (guint i = 0; i < WORDS; i++) {
    GString *word = g_string_new(NULL);
    guint length = i % 5 == 4 ? 3 : 2;
    for (guint k = 0; k < length; k++) append_han(word, &corpus->random);
    corpus->words[i] = g_string_free(word, FALSE);
    corpus->weights[i] = (i ? corpus->weights[i - 1] : 0) + 1.0 / (i + 20);
  }
  for (guint i = 0; i < BODIES; i++) corpus->bodies[i] = g_strconcat("市", corpus->words[i * 7], corpus->words[i * 11 + 3], i % 2 ? "局" : "委员会", NULL);
  corpus->titles = g_ptr_array_new_with_free_func(g_free);
  return corpus;
}

typedef struct { char title[256], code[64], docno[64], fields[128]; const char *creator; SearchDocument document; } Row;

static void make_row(Corpus *corpus, guint id, Row *row) {
  static const char *const endings[] = {"的通知", "的批复", "的请示", "的报告", "的函", "的意见", "的决定", "的会议纪要"};
  Random *random = &corpus->random;
  guint fonds = (guint)((guint64)draw(random, 1000) * draw(random, 1000) / 1000 * FONDS / 1000), year = 1949 + id / 40 % 75;
  row->creator = corpus->bodies[draw(random, BODIES)];
  GString *title = g_string_new(row->creator);
  g_string_append(title, "关于");
  if (draw(random, 3) == 0) g_string_append(title, "印发《");
  gboolean quoted = title->str[title->len - 1] == '\x8a';
  for (guint i = 0, count = 4 + draw(random, 5); i < count; i++) g_string_append(title, draw_word(corpus));
  if (quoted) g_string_append(title, "办法》");
  g_string_append(title, endings[draw(random, G_N_ELEMENTS(endings))]);
  g_strlcpy(row->title, title->str, sizeof row->title);
  g_string_free(title, TRUE);
  g_snprintf(row->code, sizeof row->code, "X%03u-WS·%u-Y-%06u", fonds + 1, year, id);
  g_snprintf(row->docno, sizeof row->docno, "市发〔%u〕%u号", year, draw(random, 400));
  g_snprintf(row->fields, sizeof row->fields, "bz\t%s%s\n", draw_word(corpus), draw_word(corpus));
  guint8 length = (guint8)g_utf8_strlen(row->title, -1);
  row->document = (SearchDocument){.id = id, .title = row->title, .creator = row->creator, .code = row->code, .docno = row->docno, .fields = row->fields,
    .columns = {.parent_id = id <= 200000 ? 7 : 8 + id / 500, .fonds_id = fonds + 1, .accession_id = 1,
      .date_from = (gint32)(year * 10000 + 101 + draw(random, 12) * 100),
      .year = (guint16)year, .category = (guint8)(1 + draw(random, 6)), .level = LEVEL_ITEM, .retention = (guint8)(1 + draw(random, 3)),
      .opening = draw(random, 100) < 28 ? OPENING_OPEN : OPENING_CONTROLLED, .title_length = length}};
}

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_since(gint64 begin) { return (double)(g_get_monotonic_time() - begin) / 1e6; }

static void fail(const GError *error) { g_error("%s", error->message); }

static void load(Corpus *corpus, SqlDb *db, Search *search, guint rows) {
  g_autoptr(GError) error = NULL;
  gint64 writing = 0;
  double cpu = 0;
  Row *batch = g_new(Row, BATCH);
  for (guint from = 1; from <= rows; from += BATCH) {
    guint count = MIN(BATCH, rows - from + 1);
    for (guint i = 0; i < count; i++) {
      make_row(corpus, from + i, &batch[i]);
      batch[i].document.title = batch[i].title;
      if ((from + i) % 500 == 0) g_ptr_array_add(corpus->titles, g_strdup(batch[i].title));
    }
    gint64 begin = g_get_monotonic_time();
    double cpu_begin = cpu_seconds();
    g_autoptr(Sql) sql = sql_write(db, &error);
    if (sql == NULL) fail(error);
    search_bulk_begin(search, sql);
    for (guint i = 0; i < count; i++) {
      Row *row = &batch[i];
      row->document.title = row->title, row->document.code = row->code, row->document.docno = row->docno, row->document.fields = row->fields;
      if (!search_put(search, sql, NULL, &row->document, &error)) fail(error);
    }
    if (!search_bulk_flush(search, sql, &error) || !sql_commit(sql, &error)) fail(error);
    writing += g_get_monotonic_time() - begin;
    cpu += cpu_seconds() - cpu_begin;
  }
  printf("load %u rows: %.0f rows/s in the writer, %.0f rows per second of CPU\n", rows, rows / ((double)writing / 1e6), rows / cpu);
  g_free(batch);
}

static int compare_times(gconstpointer a, gconstpointer b) { return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b; }

typedef void (*MakeQuery)(Corpus *corpus, GString *query, SearchRequest *request);

static char *cut(Corpus *corpus, guint characters) {
  const char *title = g_ptr_array_index(corpus->titles, draw(&corpus->random, corpus->titles->len));
  glong length = g_utf8_strlen(title, -1);
  glong from = length > (glong)characters ? (glong)draw(&corpus->random, (guint32)(length - characters)) : 0;
  return g_utf8_substring(title, from, MIN(length, from + characters));
}

static void query_cut(Corpus *corpus, GString *query, guint characters) {
  g_autofree char *text = cut(corpus, characters);
  g_string_append_printf(query, "\"%s\" ", text);
}
static void class_a(Corpus *corpus, GString *query, SearchRequest *request) { g_string_append(query, corpus->words[draw(&corpus->random, WORDS)]); }
static void class_b(Corpus *corpus, GString *query, SearchRequest *request) { query_cut(corpus, query, 4); }
static void class_c(Corpus *corpus, GString *query, SearchRequest *request) { for (guint i = 0; i < 3; i++) query_cut(corpus, query, 2); }
static void class_d(Corpus *corpus, GString *query, SearchRequest *request) { query_cut(corpus, query, 8); }
static void class_e(Corpus *corpus, GString *query, SearchRequest *request) {
  static const gint64 open[] = {OPENING_OPEN};
  query_cut(corpus, query, 2);
  query_cut(corpus, query, 2);
  *request = (SearchRequest){.openings = open, .openings_count = 1, .year_from = 1980, .year_to = 1990, .facets = TRUE, .limit = 20};
}
static void class_f(Corpus *corpus, GString *query, SearchRequest *request) {
  static const char *const common[] = {"关于", "委员", "员会", "会关", "局关", "印发", "办法", "的通", "通知", "报告"};
  guint n = draw(&corpus->random, 20);
  g_string_append(query, n < 10 ? common[n] : corpus->words[n - 10]);
  request->sort = SEARCH_SORT_DATE_DESC;
}
static void class_g(Corpus *corpus, GString *query, SearchRequest *request) { query_cut(corpus, query, 1); }
static void class_all_facets(Corpus *corpus, GString *query, SearchRequest *request) { request->facets = TRUE; }
static void class_all_code(Corpus *corpus, GString *query, SearchRequest *request) { request->sort = SEARCH_SORT_CODE; }
static void class_children(Corpus *corpus, GString *query, SearchRequest *request) { request->parent_id = 7, request->sort = SEARCH_SORT_CODE; }
static void class_common_facets(Corpus *corpus, GString *query, SearchRequest *request) { g_string_append(query, "关于"), request->facets = TRUE; }
static void class_code(Corpus *corpus, GString *query, SearchRequest *request) {
  g_string_append_printf(query, "code:X%03u-WS·%u-Y*", 1 + draw(&corpus->random, 50), 1949 + draw(&corpus->random, 75));
}

static const struct { const char *name; MakeQuery make; guint queries; } CLASSES[] = {
  {"a two characters", class_a, QUERIES}, {"b four characters", class_b, QUERIES}, {"c three pairs AND", class_c, QUERIES}, {"d phrase of 8", class_d, QUERIES},
  {"e 2 pairs, filters, facets", class_e, QUERIES}, {"f commonest pairs, by date", class_f, 100},
  {"g one character", class_g, 60}, {"code prefix", class_code, 60},
  {"common word, facets", class_common_facets, 20}, {"no words, facets", class_all_facets, 20}, {"no words, by code", class_all_code, 20},
  {"200 000 children by code", class_children, 20}};

static void time_class(Corpus *corpus, SqlDb *db, Search *search, guint number, const char *state) {
  guint queries = CLASSES[number].queries, last = (guint)(queries * 0.99);
  g_autofree double *times = g_new(double, queries), *cpu = g_new(double, queries);
  guint64 hits = 0;
  corpus->random.state = 1000 + number;
  for (guint i = 0; i < queries; i++) {
    g_autoptr(GString) query = g_string_new(NULL);
    SearchRequest request = {.limit = 20};
    CLASSES[number].make(corpus, query, &request);
    request.query = query->str;
    g_autoptr(GError) error = NULL;
    gint64 begin = g_get_monotonic_time();
    double cpu_begin = cpu_seconds();
    g_autoptr(Sql) sql = sql_read(db, &error);
    g_autoptr(SearchResult) result = search_run(search, sql, &SCOPE_EVERYTHING, &request, &error);
    times[i] = seconds_since(begin) * 1000;
    cpu[i] = (cpu_seconds() - cpu_begin) * 1000;
    if (result == NULL) fail(error);
    hits += result->count;
  }
  qsort(times, queries, sizeof(double), compare_times);
  qsort(cpu, queries, sizeof(double), compare_times);
  printf("%-28s %-6s p50 %8.3f  p99 %8.3f ms   CPU p50 %8.3f  p99 %8.3f ms   %.0f hits on average\n", CLASSES[number].name, state, times[queries / 2], times[last],
    cpu[queries / 2], cpu[last], (double)hits / queries);
}

static void time_saves(Corpus *corpus, SqlDb *db, Search *search, guint rows) {
  g_autofree double *times = g_new(double, QUERIES);
  for (guint i = 0; i < QUERIES; i++) {
    Row row;
    make_row(corpus, rows + 1 + i, &row);
    g_autoptr(GError) error = NULL;
    gint64 begin = g_get_monotonic_time();
    g_autoptr(Sql) sql = sql_write(db, &error);
    if (!search_put(search, sql, NULL, &row.document, &error) || !sql_commit(sql, &error)) fail(error);
    times[i] = seconds_since(begin) * 1000;
  }
  qsort(times, QUERIES, sizeof(double), compare_times);
  printf("one document saved, durable: p50 %.3f  p99 %.3f ms; cache %.1f MB\n",
    times[QUERIES / 2], times[(gsize)(QUERIES * 0.99)], (double)search_cache_bytes(search->cache) / 1e6);
}

/* ---- many readers ---- */

enum { READERS = 8, CONCURRENT_SECONDS = 4 };
typedef struct { Corpus corpus; SqlDb *db; Search *search; gint64 until; GArray *times; } Reader;

static gpointer read_on(gpointer data) {
  Reader *reader = data;
  for (guint i = 0; g_get_monotonic_time() < reader->until; i++) {
    g_autoptr(GString) query = g_string_new(NULL);
    SearchRequest request = {.limit = 20};
    CLASSES[i % 5].make(&reader->corpus, query, &request);
    request.query = query->str;
    gint64 begin = g_get_monotonic_time();
    g_autoptr(Sql) sql = sql_read(reader->db, NULL);
    g_autoptr(SearchResult) result = search_run(reader->search, sql, &SCOPE_EVERYTHING, &request, NULL);
    double time = seconds_since(begin) * 1000;
    if (result) g_array_append_val(reader->times, time);
  }
  return NULL;
}

static void time_readers(Corpus *corpus, SqlDb *db, Search *search, guint next_id, gboolean writes) {
  Reader readers[READERS];
  GThread *threads[READERS];
  gint64 until = g_get_monotonic_time() + CONCURRENT_SECONDS * G_TIME_SPAN_SECOND;
  for (guint i = 0; i < READERS; i++) {
    readers[i] = (Reader){*corpus, db, search, until, g_array_new(FALSE, FALSE, sizeof(double))};
    readers[i].corpus.random.state = 77 + i + (writes ? 100 : 0);
    threads[i] = g_thread_new("reader", read_on, &readers[i]);
  }
  guint saved = 0;
  while (g_get_monotonic_time() < until) {
    if (!writes) {
      g_usleep(10000);
      continue;
    }
    Row row;
    make_row(corpus, next_id + saved++, &row);
    g_autoptr(Sql) sql = sql_write(db, NULL);
    if (!search_put(search, sql, NULL, &row.document, NULL) || !sql_commit(sql, NULL)) g_error("save failed");
  }
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
  for (guint i = 0; i < READERS; i++) {
    g_thread_join(threads[i]);
    g_array_append_vals(times, readers[i].times->data, readers[i].times->len);
    g_array_unref(readers[i].times);
  }
  g_array_sort(times, compare_times);
  printf("%u readers%s: %.0f queries/s, p50 %.2f  p99 %.2f ms; %.0f saves/s\n", READERS, writes ? " and a writer" : "", (double)times->len / CONCURRENT_SECONDS,
    g_array_index(times, double, times->len / 2), g_array_index(times, double, (guint)(times->len * 0.99)), (double)saved / CONCURRENT_SECONDS);
}

static void print_memory(const char *when) {
  g_autofree char *status = NULL;
  if (!g_file_get_contents("/proc/self/status", &status, NULL, NULL)) return;
  const char *rss = strstr(status, "VmRSS:"), *anonymous = strstr(status, "RssAnon:");
  printf("memory %s: %.24s  %.26s\n", when, rss ? rss : "", anonymous ? anonymous : "");
}

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: search-bench FILE ROWS\n"), 1;
  guint rows = (guint)g_ascii_strtoull(argv[2], NULL, 10);
  g_autoptr(GError) error = NULL;
  Corpus *corpus = corpus_new();
  g_autoptr(SqlDb) db = sql_open(argv[1], &error);
  if (db == NULL) fail(error);
  g_autoptr(Search) search = search_open(db, &error);
  if (search == NULL) fail(error);
  load(corpus, db, search, rows);
  time_class(corpus, db, search, 1, "raw");
  gint64 begin = g_get_monotonic_time();
  if (!search_optimize(search, &error)) fail(error);
  printf("optimize: %.2f s\n", seconds_since(begin));
  search_close(g_steal_pointer(&search));
  begin = g_get_monotonic_time();
  search = search_open(db, &error);
  printf("open: %.1f ms\n", seconds_since(begin) * 1000);
  print_memory("after opening");
  for (guint i = 0; i < G_N_ELEMENTS(CLASSES); i++) time_class(corpus, db, search, i, "first");
  for (guint i = 0; i < G_N_ELEMENTS(CLASSES); i++) time_class(corpus, db, search, i, "again");
  print_memory("at the end");
  time_saves(corpus, db, search, rows);
  time_readers(corpus, db, search, 0, FALSE);
  time_readers(corpus, db, search, rows + QUERIES + 1, TRUE);
  search_close(g_steal_pointer(&search));
  return 0;
}
