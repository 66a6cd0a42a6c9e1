/*
 * What `make bench` measures in C: rows and pages to import, and search through the room's interface. bench/run.mjs calls it
 * and puts the results beside the peers'.
 *
 *   lantai-bench make ROWS FILE.csv [FILE.xlsx]        a catalogue of ROWS descriptions
 *   lantai-bench page FILE.jpg WIDTH HEIGHT GRAIN      a scanned page; GRAIN makes it larger
 *   lantai-bench export ARCHIVE FILE.tsv               what search sees of each record, for the peers
 *   lantai-bench search ARCHIVE QUESTIONS              six kinds of question, 1 and 8 readers; one JSON value
 *   lantai-bench eight ARCHIVE QUESTIONS READERS       the eight kinds of EIGHT, each question cold, then warm: a line of figures a kind
 *   lantai-bench optimize ARCHIVE                      puts its index in order, as after a load
 *
 * 1. Everything drawn comes from Random with a fixed seed: every making gives the same bytes, every run asks the same questions.
 * 2. Texts hold only characters that folding leaves as they are, so that a peer that compares bytes must count the same.
 */
#include "app.h"
#include "error.h"
#include "jpeg.h"
#include "text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <xlsxwriter.h>

enum { WORDS = 12000, BODIES = 396, FONDS = 36, COLUMNS = 13, PERSONS = 200000, SAMPLES = 4000, COMMON_ASKED = 100, READERS = 8, YEAR_FIRST = 1949, YEARS = 75 };
#define SEED G_GUINT64_CONSTANT(19490101)

typedef struct { guint64 state; } Random; /* SplitMix64 */

static guint draw(Random *random, guint below) {
  guint64 z = (random->state += G_GUINT64_CONSTANT(0x9E3779B97F4A7C15));
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94D049BB133111EB);
  return (guint)((z ^ (z >> 31)) % below);
}

/* ---- words ---- */

typedef struct {
  Random random;
  char *characters[4096]; /* of GB 2312's first level, the everyday ones */
  guint character_count;
  char *words[WORDS], *bodies[BODIES];
  double weights[WORDS]; /* cumulative, by Zipf's law */
} Corpus;

static void load_characters(Corpus *corpus) {
  for (guint row = 0xB0; row <= 0xD7; row++)
    for (guint cell = 0xA1; cell <= 0xFE; cell++) {
      const char bytes[2] = {(char)row, (char)cell};
      g_autofree char *character = g_convert(bytes, 2, "UTF-8", "GB2312", NULL, NULL, NULL);
      gunichar folded[18];
      if (character && text_fold_character(g_utf8_get_char(character), folded) == 1 && folded[0] == g_utf8_get_char(character))
        corpus->characters[corpus->character_count++] = g_steal_pointer(&character);
    }
}

static Corpus *corpus_new(void) {
  Corpus *corpus = g_new0(Corpus, 1);
  corpus->random.state = SEED;
  load_characters(corpus);
  for (guint i = 0; i < WORDS; i++) {
    g_autoptr(GString) word = g_string_new(NULL);
    for (guint k = 0, length = i % 5 == 4 ? 3 : 2; k < length; k++) g_string_append(word, corpus->characters[draw(&corpus->random, corpus->character_count)]);
    corpus->words[i] = g_strdup(word->str);
    corpus->weights[i] = (i ? corpus->weights[i - 1] : 0) + 1.0 / (i + 20);
  }
  for (guint i = 0; i < BODIES; i++) corpus->bodies[i] = g_strconcat("临江市", corpus->words[i * 7], i % 3 ? "局" : "委员会", NULL);
  return corpus;
}

static const char *draw_word(Corpus *corpus) {
  double x = draw(&corpus->random, 1u << 30) / (double)(1u << 30) * corpus->weights[WORDS - 1];
  guint low = 0, high = WORDS - 1;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (corpus->weights[middle] < x) low = middle + 1;
    else high = middle;
  }
  return corpus->words[low];
}

/* ---- make: as a city archives' largest delivery looks, sorted by 档号; two thirds of it are one fonds ---- */

static const char *const HEADER[COLUMNS] = {
  "全宗号", "档号", "题名", "责任者", "文号", "日期", "年度", "保管期限", "密级", "页数", "开放状态", "文种", "人名"};
typedef char Row[COLUMNS][256];

/* One of PERSONS people: a surname, one or two characters of a given name. "": the record is about nobody. */
static void make_person(Corpus *corpus, char *ret, gsize size) {
  static const char *const surnames[] = {"王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "高", "罗", "郑", "梁", "谢", "宋",
    "唐", "许", "邓", "韩", "冯", "曹", "彭", "曾", "肖", "田", "董", "潘", "袁", "蔡", "蒋", "余"};
  ret[0] = '\0';
  if (draw(&corpus->random, 6)) return;
  Random person = {SEED + draw(&corpus->random, PERSONS)};
  const char *surname = surnames[draw(&person, G_N_ELEMENTS(surnames))], *first = corpus->characters[draw(&person, 600)];
  g_snprintf(ret, size, "%s%s%s", surname, first, draw(&person, 5) ? corpus->characters[draw(&person, 600)] : "");
}

static void make_title(Corpus *corpus, const char *body, const char *type, const char *person, char *ret, gsize size) {
  g_autoptr(GString) title = g_string_new(draw(&corpus->random, 10) < 7 ? body : "");
  g_string_append_printf(title, "关于%s%s", person, *person ? "同志" : "");
  for (guint i = 0, count = 6 + draw(&corpus->random, 3); i < count; i++) g_string_append(title, draw_word(corpus));
  g_string_append_printf(title, "的%s", type);
  g_strlcpy(ret, title->str, size);
}

/* The row's fonds, and how far it stands in that (of so many). */
static guint place_row(guint id, guint rows, guint *ret_at, guint *ret_of) {
  guint largest = rows - rows / 3, share = MAX((rows - largest) / (FONDS - 1), 1);
  *ret_at = id < largest ? id : (id - largest) % share;
  *ret_of = id < largest ? largest : share;
  return id < largest ? 0 : MIN(1 + (id - largest) / share, FONDS - 1);
}

static void make_row(Corpus *corpus, guint id, guint rows, Row row) {
  static const char *const types[] = {"通知", "通知", "通知", "批复", "报告", "请示", "意见", "决定", "会议纪要", "函"};
  static const char *const retentions[] = {"永久", "30年", "10年"}, *const terms[] = {"Y", "D30", "D10"};
  static const char *const openings[] = {"开放", "控制", "延期开放", ""};
  Random *random = &corpus->random;
  guint at, of, fonds = place_row(id, rows, &at, &of), year = YEAR_FIRST + (guint)((guint64)at * YEARS / of), term = draw(random, 3), chance = draw(random, 1000);
  const char *body = corpus->bodies[fonds * (BODIES / FONDS) + draw(random, BODIES / FONDS)], *type = types[draw(random, G_N_ELEMENTS(types))];
  g_snprintf(row[0], sizeof row[0], "X%03u", fonds + 1);
  g_snprintf(row[1], sizeof row[1], "X%03u-WS·%u-%s-%07u", fonds + 1, year, terms[term], id + 1);
  make_person(corpus, row[12], sizeof row[12]);
  make_title(corpus, body, type, row[12], row[2], sizeof row[2]);
  g_strlcpy(row[3], body, sizeof row[3]);
  g_snprintf(row[4], sizeof row[4], "临发〔%u〕%u号", year, 1 + draw(random, 400));
  g_snprintf(row[5], sizeof row[5], "%u%02u%02u", year, 1 + draw(random, 12), 1 + draw(random, 28));
  g_snprintf(row[6], sizeof row[6], "%u", year);
  g_strlcpy(row[7], retentions[term], sizeof row[7]);
  g_strlcpy(row[8], chance < 12 ? "内部" : chance < 24 ? "秘密" : "", sizeof row[8]);
  g_snprintf(row[9], sizeof row[9], "%u", 1 + draw(random, 18));
  g_strlcpy(row[10], year > 1998 ? "" : openings[(chance >= 720) + (chance >= 900) + (chance >= 960)], sizeof row[10]);
  g_strlcpy(row[11], type, sizeof row[11]);
}

static void write_sheet_row(lxw_worksheet *sheet, guint at, const char *const *cells) {
  for (guint i = 0; sheet && i < COLUMNS; i++)
    if (*cells[i]) worksheet_write_string(sheet, at, (lxw_col_t)i, cells[i], NULL);
}

/* The workbook is not written in constant memory, so that it has a table of shared strings, as office programs write it. */
static gboolean run_make(char **arguments, GError **error) {
  guint rows = (guint)g_ascii_strtoull(arguments[0], NULL, 10);
  lxw_workbook *book = arguments[2] ? workbook_new(arguments[2]) : NULL;
  lxw_worksheet *sheet = book ? workbook_add_worksheet(book, NULL) : NULL;
  FILE *file = fopen(arguments[1], "w");
  if (file == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "cannot write %s", arguments[1]);
  Corpus *corpus = corpus_new();
  write_sheet_row(sheet, 0, HEADER);
  for (guint i = 0; i < COLUMNS; i++) fprintf(file, "%s%c", HEADER[i], i + 1 < COLUMNS ? ',' : '\n');
  for (guint id = 0; id < rows; id++) {
    Row row;
    const char *cells[COLUMNS];
    make_row(corpus, id, rows, row);
    for (guint i = 0; i < COLUMNS; i++) fprintf(file, "%s%c", cells[i] = row[i], i + 1 < COLUMNS ? ',' : '\n');
    write_sheet_row(sheet, id + 1, cells);
  }
  gboolean good = fclose(file) == 0 && (book == NULL || workbook_close(book) == LXW_NO_ERROR);
  return good || throw(error, LANTAI_ERROR_UNAVAILABLE, "cannot write %s", arguments[1]);
}

static gboolean run_page(char **arguments, GError **error) {
  int width = (int)g_ascii_strtoll(arguments[1], NULL, 10), height = (int)g_ascii_strtoll(arguments[2], NULL, 10);
  guint grain = (guint)g_ascii_strtoull(arguments[3], NULL, 10);
  Random random = {SEED};
  g_autofree guint8 *rgb = g_malloc((gsize)width * (gsize)height * 3);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      gboolean ink = y % 60 > 20 && x % 48 > 12 && (x / 8 * 31 + y / 8 * 17) % 5 > 1;
      memset(rgb + ((gsize)y * (gsize)width + (gsize)x) * 3, (int)((ink ? 40 : 225) + draw(&random, grain + 1)), 3);
    }
  return format_jpeg_write(arguments[0], rgb, width, height, 200, error);
}

/* ---- export ---- */

static void append_values(GString *line, const char *fields) {
  json_t *object = json_loads(fields, 0, NULL), *value;
  const char *key;
  json_object_foreach(object, key, value) g_string_append_printf(line, "\x1f%s", json_string_value(value));
  json_decref(object);
}

/* id, all texts of the record (separated by U+001F), and the columns of the gate, the filters and the order. */
static gboolean run_export(char **arguments, GError **error) {
  g_autoptr(Archive) archive = archive_open(arguments[0], ARCHIVE_READ, error);
  g_autoptr(Sql) sql = archive ? sql_read(archive_house(archive)->db, error) : NULL;
  g_autoptr(SqlRows) rows = sql == NULL ? NULL :
    sql_query(sql, "SELECT id, title, creator, code, docno, fields, fonds_id, category, year, retention, opening, "
      "security, level, date_from FROM record ORDER BY id", SQL_NONE, error);
  FILE *file = rows ? fopen(arguments[1], "w") : NULL;
  if (file == NULL) return rows ? throw(error, LANTAI_ERROR_UNAVAILABLE, "cannot write %s", arguments[1]) : FALSE;
  g_autoptr(GString) line = g_string_new(NULL);
  GError *failure = NULL;
  while (sql_next(rows, &failure)) {
    g_string_printf(line, "%" G_GINT64_FORMAT "\t%s", sql_int_at(rows, 0), sql_text_at(rows, 1));
    for (int column = 2; column <= 4; column++) g_string_append_printf(line, "\x1f%s", sql_text_at(rows, column));
    append_values(line, sql_text_at(rows, 5));
    for (int column = 6; column <= 13; column++) g_string_append_printf(line, "\t%" G_GINT64_FORMAT, sql_int_at(rows, column));
    fprintf(file, "%s\n", line->str);
  }
  if (failure) g_propagate_error(error, failure);
  return fclose(file) == 0 && failure == NULL;
}

/* ---- search ---- */

typedef enum { KIND_TWO, KIND_FOUR, KIND_THREE_WORDS, KIND_PHRASE, KIND_FILTERED, KIND_COMMON, KINDS } Kind;
static const struct { guint words, characters; } SHAPES[KINDS] = {{1, 2}, {1, 4}, {3, 2}, {1, 8}, {2, 2}, {1, 2}};
static const char *const COMMON[] = {"临江", "江市", "关于", "的通", "通知", "委员", "员会", "会关", "局关", "报告", "的报", "批复", "请示", "意见", "决定",
  "会议", "议纪", "纪要", "的会", "的批"};

typedef struct {
  json_t *terms; /* [text] */
  char *query;
  guint64 hits, facets; /* facets: sum of (facet number × value × count), which the peers can compute too */
  double ms;
} Question;

typedef struct {
  const House *house;
  Scope scope;
  Kind kind;
  GPtrArray *titles;
  Random random;
  Question *questions;
  gint count, next; /* next: atomic */
} Session;

static void ask(Session *session, Question *question) {
  static const gint64 open[] = {OPENING_OPEN};
  SearchRequest request = {.query = question->query, .limit = 20, .facets = TRUE};
  if (session->kind == KIND_FILTERED) request.openings = open, request.openings_count = 1, request.year_from = 1980, request.year_to = 1990;
  if (session->kind == KIND_COMMON) request.sort = SEARCH_SORT_DATE_DESC;
  g_autoptr(GError) error = NULL;
  gint64 begin = g_get_monotonic_time();
  g_autoptr(Sql) sql = sql_read(session->house->db, &error);
  g_autoptr(SearchResult) result = sql ? search_run(session->house->search, sql, &session->scope, &request, &error) : NULL;
  question->ms = (double)(g_get_monotonic_time() - begin) / 1000;
  if (result == NULL) g_error("%s", error->message);
  question->hits = result->count;
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

/* All words of a question come from one title. */
static void draw_question(Session *session, guint number) {
  const char *title = g_ptr_array_index(session->titles, draw(&session->random, session->titles->len));
  guint length = text_length(title), characters = MIN(SHAPES[session->kind].characters, length);
  g_autoptr(GString) query = g_string_new(NULL);
  json_t *terms = json_array();
  for (guint i = 0; i < SHAPES[session->kind].words; i++) {
    guint at = draw(&session->random, length - characters + 1);
    g_autofree char *cut = g_utf8_substring(title, at, at + characters);
    const char *term = session->kind == KIND_COMMON ? COMMON[number % G_N_ELEMENTS(COMMON)] : cut;
    json_array_append_new(terms, json_string(term));
    g_string_append_printf(query, "\"%s\" ", term);
  }
  session->questions[number] = (Question){.terms = terms, .query = g_strdup(query->str)};
}

/* [{terms, hits, facets, ms}] in the order asked. */
static json_t *run_questions(Session *session, Kind kind, guint readers, guint count) {
  session->kind = kind;
  session->count = (gint)count;
  session->next = 0;
  session->random.state = SEED + kind * 100 + readers;
  session->questions = g_new0(Question, count);
  for (guint i = 0; i < count; i++) draw_question(session, i);
  GThread *threads[READERS];
  for (guint i = 0; i < readers; i++) threads[i] = g_thread_new("reader", run_reader, session);
  for (guint i = 0; i < readers; i++) g_thread_join(threads[i]);
  json_t *list = json_array();
  for (guint i = 0; i < count; i++) {
    Question *question = &session->questions[i];
    json_array_append_new(list, json_pack("{s:o, s:I, s:I, s:f}", "terms", question->terms, "hits", (json_int_t)question->hits, "facets",
      (json_int_t)question->facets, "ms", question->ms));
    g_free(question->query);
  }
  g_free(session->questions);
  return list;
}

/* Titles to draw from; and the asker: an archivist of every second fonds, who may see what is 内部 at most. */
static gboolean session_open(Session *session, GArray *fonds, GError **error) {
  g_autoptr(Sql) sql = sql_read(session->house->db, error);
  gint64 step = sql ? sql_number(sql, "SELECT MAX(id) AS last FROM record", SQL_NONE, 0, error) / SAMPLES + 1 : 0;
  g_autoptr(SqlRows) titles = step ?
    sql_query(sql, "SELECT title FROM record WHERE id IN (WITH RECURSIVE n (id) AS (SELECT $1 UNION ALL SELECT id + $1 FROM n "
      "WHERE id < (SELECT MAX(id) FROM record)) SELECT id FROM n) AND level = 4 ORDER BY id", SQL_ARGS(sql_int(step)), error) : NULL;
  g_autoptr(SqlRows) nodes = titles ? sql_query(sql, "SELECT id FROM record WHERE level = 1 ORDER BY code", SQL_NONE, error) : NULL;
  if (nodes == NULL) return FALSE;
  session->titles = g_ptr_array_new_with_free_func(g_free);
  while (sql_next(titles, error)) g_ptr_array_add(session->titles, g_strdup(sql_text_at(titles, 0)));
  for (gboolean wanted = TRUE; sql_next(nodes, error); wanted = !wanted) {
    gint64 id = sql_int_at(nodes, 0);
    if (wanted) g_array_append_val(fonds, id);
  }
  session->scope = (Scope){.opening_mask = 15, .files_mask = 15, .security = SECURITY_INTERNAL, .fonds = (const gint64 *)(void *)fonds->data,
    .fonds_count = fonds->len};
  return TRUE;
}

static int compare_ids(gconstpointer a, gconstpointer b) { return *(const gint64 *)a < *(const gint64 *)b ? -1 : *(const gint64 *)a > *(const gint64 *)b; }

static gboolean run_search(char **arguments, GError **error) {
  g_autoptr(Archive) archive = archive_open(arguments[0], ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  g_autoptr(GArray) fonds = g_array_new(FALSE, FALSE, sizeof(gint64));
  Session session = {.house = archive_house(archive)};
  if (!session_open(&session, fonds, error)) return FALSE;
  g_array_sort(fonds, compare_ids);
  json_t *result = json_object(), *ids = json_array();
  guint count = (guint)g_ascii_strtoull(arguments[1], NULL, 10);
  for (guint i = 0; i < fonds->len; i++) json_array_append_new(ids, json_integer(g_array_index(fonds, gint64, i)));
  json_object_set_new(result, "fonds", ids);
  for (guint readers = 1; readers <= READERS; readers += READERS - 1) {
    json_t *kinds = json_array();
    for (Kind kind = 0; kind < KINDS; kind++)
      json_array_append_new(kinds, run_questions(&session, kind, readers, kind == KIND_COMMON ? MIN(count, COMMON_ASKED) : count));
    json_object_set_new(result, readers == 1 ? "1" : "8", kinds);
  }
  json_dumpf(result, stdout, JSON_COMPACT);
  json_decref(result);
  return TRUE;
}

/* ---- the eight kinds ---- */

typedef enum { FROM_TITLE, FROM_COMMON, FROM_NUMBER, FROM_PERSON, FROM_NOTHING, FROM_FIELD, FROM_NODE } Source;
static const struct { const char *name; Source source; guint words, characters; SearchSort sort; gboolean filtered; } EIGHT[] = {
  {"rare word", FROM_TITLE, 1, 2, SEARCH_SORT_RELEVANCE, FALSE},
  {"two words AND", FROM_TITLE, 2, 2, SEARCH_SORT_RELEVANCE, FALSE},
  {"frequent word, newest first", FROM_COMMON, 1, 2, SEARCH_SORT_DATE_DESC, FALSE},
  {"prefix or number", FROM_NUMBER, 1, 0, SEARCH_SORT_RELEVANCE, FALSE},
  {"person", FROM_PERSON, 1, 0, SEARCH_SORT_RELEVANCE, FALSE},
  {"filter, no words", FROM_NOTHING, 0, 0, SEARCH_SORT_DATE_DESC, TRUE},
  {"field", FROM_FIELD, 1, 0, SEARCH_SORT_RELEVANCE, FALSE},
  {"children of a large node by code", FROM_NODE, 0, 0, SEARCH_SORT_CODE, FALSE},
  {"(phrase, 8 characters)", FROM_TITLE, 1, 8, SEARCH_SORT_RELEVANCE, FALSE},
  {"(one character)", FROM_TITLE, 1, 1, SEARCH_SORT_RELEVANCE, FALSE},
};

typedef struct { char *title, *creator, *docno, *code, *person; } Sample;
typedef struct {
  const House *house;
  Scope scope;
  GArray *samples;
  Random random;
  guint kind;
  gint64 node;
  SearchRequest *requests;
  double *times;
  gint64 (*clock)(void); /* µs */
  gint count, next;
} Series;

/* On a machine that others use too: what the question cost, not how long it waited. BENCH_CPU=1 asks for it. */
static gint64 processor_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static char *quote_cut(Series *series, const char *text, guint characters) {
  guint length = text_length(text), take = MIN(characters, length);
  guint at = draw(&series->random, length - take + 1);
  g_autofree char *cut = g_utf8_substring(text, at, at + take);
  return g_strdup_printf("\"%s\"", cut);
}

static const char *some_person(Series *series) {
  for (guint tries = 0; tries < 1000; tries++) {
    const Sample *sample = &g_array_index(series->samples, Sample, draw(&series->random, series->samples->len));
    if (sample->person) return sample->person;
  }
  return "王某";
}

static char *draw_words(Series *series, guint number) {
  const Sample *sample = &g_array_index(series->samples, Sample, draw(&series->random, series->samples->len));
  guint length = (guint)strlen(sample->code);
  switch (EIGHT[series->kind].source) {
  case FROM_COMMON: return g_strdup_printf("\"%s\"", COMMON[number % G_N_ELEMENTS(COMMON)]);
  case FROM_NUMBER: return number % 2 ? g_strdup_printf("\"%s\"", sample->docno) : g_strdup_printf("%.*s*", (int)(length - 2), sample->code);
  case FROM_PERSON: return g_strdup(some_person(series));
  case FROM_FIELD:
    return number % 3 == 0 ? g_strdup_printf("责任者:%s", sample->creator) : number % 3 == 1 ? g_strdup_printf("人名:%s", some_person(series)) :
      g_strdup_printf("文号:\"%s\"", sample->docno);
  case FROM_TITLE: {
    g_autofree char *one = quote_cut(series, sample->title, EIGHT[series->kind].characters);
    g_autofree char *other = EIGHT[series->kind].words > 1 ? quote_cut(series, sample->title, EIGHT[series->kind].characters) : g_strdup("");
    return g_strconcat(one, " ", other, NULL);
  }
  default: return NULL;
  }
}

static void draw_request(Series *series, guint number) {
  static const gint64 open[] = {OPENING_OPEN}, retentions[] = {1};
  SearchRequest *request = &series->requests[number];
  *request = (SearchRequest){.query = draw_words(series, number), .limit = 20, .facets = TRUE, .sort = EIGHT[series->kind].sort};
  if (EIGHT[series->kind].source == FROM_NODE) request->parent_id = series->node;
  if (!EIGHT[series->kind].filtered) return;
  request->year_from = YEAR_FIRST + (int)draw(&series->random, YEARS - 20);
  request->year_to = request->year_from + (int)draw(&series->random, 20);
  if (number % 2) request->openings = open, request->openings_count = 1;
  if (number % 3 == 0) request->retentions = retentions, request->retentions_count = 1;
}

static gpointer run_series(gpointer data) {
  Series *series = data;
  for (gint at; (at = g_atomic_int_add(&series->next, 1)) < series->count;)
    for (guint warm = 0; warm < 2; warm++) {
      g_autoptr(GError) error = NULL;
      if (!warm) search_forget(series->house->search);
      gint64 begin = series->clock();
      g_autoptr(Sql) sql = sql_read(series->house->db, &error);
      g_autoptr(SearchResult) result = sql ? search_run(series->house->search, sql, &series->scope, &series->requests[at], &error) : NULL;
      series->times[at * 2 + (gint)warm] = (double)(series->clock() - begin) / 1000;
      if (result == NULL) g_error("%s", error->message);
      if (g_getenv("BENCH_TELL") && series->times[at * 2] > g_ascii_strtod(g_getenv("BENCH_TELL"), NULL) && !warm)
        fprintf(stderr, "%.1f ms: %s, %" G_GUINT64_FORMAT " hits\n", series->times[at * 2], series->requests[at].query, result->count);
    }
  return NULL;
}

static int compare_times(gconstpointer a, gconstpointer b) { return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b; }

static void tell_times(const Series *series, guint warm) {
  g_autofree double *times = g_new(double, series->count);
  for (gint i = 0; i < series->count; i++) times[i] = series->times[i * 2 + (gint)warm];
  qsort(times, (size_t)series->count, sizeof *times, compare_times);
  printf("  %s p50 %8.3f p99 %8.3f max %8.3f", warm ? "warm" : "cold", times[series->count / 2], times[(series->count * 99 + 99) / 100 - 1], times[series->count - 1]);
}

static gboolean load_samples(Series *series, GError **error) {
  g_autoptr(Sql) sql = sql_read(series->house->db, error);
  gint64 step = sql ? sql_number(sql, "SELECT MAX(id) AS last FROM record", SQL_NONE, 0, error) / SAMPLES + 1 : 0;
  g_autoptr(SqlRows) rows = step ? sql_query(sql, "SELECT title, creator, docno, code, fields ->> 'rm' AS person FROM record WHERE id IN "
    "(WITH RECURSIVE n (id) AS (SELECT $1 UNION ALL SELECT id + $1 FROM n WHERE id < (SELECT MAX(id) FROM record)) SELECT id FROM n) AND level = 4 ORDER BY id",
    SQL_ARGS(sql_int(step)), error) : NULL;
  if (rows == NULL) return FALSE;
  series->samples = g_array_new(FALSE, FALSE, sizeof(Sample));
  while (sql_next(rows, error)) {
    Sample sample = {g_strdup(sql_text_at(rows, 0)), g_strdup(sql_text_at(rows, 1)), g_strdup(sql_text_at(rows, 2)), g_strdup(sql_text_at(rows, 3)),
      g_strdup(sql_text_at(rows, 4))};
    g_array_append_val(series->samples, sample);
  }
  SearchColumns columns;
  g_autoptr(SearchResult) first = search_run(series->house->search, sql, &SCOPE_EVERYTHING, &(SearchRequest){.limit = 1, .sort = SEARCH_SORT_DATE_DESC}, error);
  if (first && search_columns(series->house->search, g_array_index(first->ids, gint64, 0), &columns)) series->node = columns.parent_id;
  return first != NULL;
}

static gboolean run_eight(char **arguments, GError **error) {
  g_autoptr(Archive) archive = archive_open(arguments[0], ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  g_autoptr(GArray) fonds = g_array_new(FALSE, FALSE, sizeof(gint64));
  Session session = {.house = archive_house(archive)};
  if (!session_open(&session, fonds, error)) return FALSE;
  g_array_sort(fonds, compare_ids);
  Series series = {.house = session.house, .scope = session.scope, .random.state = SEED, .count = (gint)g_ascii_strtoll(arguments[1], NULL, 10)};
  guint readers = (guint)g_ascii_strtoull(arguments[2], NULL, 10);
  series.clock = g_getenv("BENCH_CPU") ? processor_time : g_get_monotonic_time;
  series.scope.fonds = (const gint64 *)(void *)fonds->data;
  search_warm(session.house->search); /* as the server does */
  if (!load_samples(&series, error)) return FALSE;
  for (series.kind = 0; series.kind < G_N_ELEMENTS(EIGHT); series.kind++) {
    series.requests = g_new0(SearchRequest, series.count);
    series.times = g_new0(double, series.count * 2);
    series.next = 0;
    for (gint i = 0; i < series.count; i++) draw_request(&series, (guint)i);
    g_autoptr(GPtrArray) threads = g_ptr_array_new();
    for (guint i = 0; i < readers; i++) g_ptr_array_add(threads, g_thread_new("reader", run_series, &series));
    for (guint i = 0; i < readers; i++) g_thread_join(g_ptr_array_index(threads, i));
    printf("%-34s", EIGHT[series.kind].name);
    for (guint warm = 0; warm < 2; warm++) tell_times(&series, warm);
    printf("\n");
    fflush(stdout);
  }
  return TRUE;
}

/* The index put in order, as after a load. */
static gboolean run_optimize(char **arguments, GError **error) {
  g_autoptr(Archive) archive = archive_open(arguments[0], ARCHIVE_WRITE, error);
  return archive && search_optimize(archive_house(archive)->search, error);
}

int main(int argc, char **argv) {
  static const struct { const char *name; int minimum; gboolean (*run)(char **arguments, GError **error); } verbs[] = {
    {"make", 2, run_make}, {"page", 4, run_page}, {"export", 2, run_export}, {"search", 2, run_search}, {"eight", 3, run_eight}, {"optimize", 1, run_optimize}};
  log_init();
  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS(verbs); i++) {
    if (!g_str_equal(argv[1], verbs[i].name) || argc - 2 < verbs[i].minimum) continue;
    g_autoptr(GError) error = NULL;
    if (verbs[i].run(argv + 2, &error)) return 0;
    return fprintf(stderr, "lantai-bench: %s\n", error->message), 1;
  }
  return fprintf(stderr, "lantai-bench: see the head of bench/bench.c\n"), 2;
}
