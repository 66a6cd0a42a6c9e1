/*
 * The index against the records: random small records with pages, random changes, loads, rollbacks, coverings, remakings, damage, reopenings and crashes, and in
 * between random questions by random askers, in the newest state, inside a transaction and in older snapshots. What is expected is told from the records alone, over
 * folded text; only what is a name, a number with ? and * or a day is asked of the room (name-test, query-test and day-test look at those).
 *
 * LANTAI_SEARCH_SECONDS: so long, one history after another, from LANTAI_SEARCH_SEED on; else one short history.
 */
#include "test-question.h"
#include "gram.h"
#include "block.h"
#include "error.h"
#include <glib/gstdio.h>
#include <locale.h>

enum { STEPS = 40, ASKED = 3, KEPT = 6, ONLY = 500, OLD = 2, FACETS = 6 };

typedef struct { Sql *sql; Model **models; gboolean damaged; } Snapshot; /* damaged: what is in force now was made anew since */
typedef struct {
  GRand *random;
  char *dir, *file;
  SqlDb *db;
  Search *search;
  Model **models;   /* by number, from 1; NULL: no record */
  gint64 frontier;  /* numbers up to this are used so far */
  gboolean damaged, meddles; /* meddles: records are saved while they are read */
  gboolean remaking;
  gint64 remade, remade_pages; /* the number, the page counted over all that were put last; -1: all */
  Snapshot old[OLD];
} World;

static gint dice(World *world, gint sides) { return g_rand_int_range(world->random, 0, sides); }

/* ---- the records ---- */

/* Replaces a record by another (either may be none); takes after. */
static void put_model(World *world, Sql *sql, gint64 number, Model *after) {
  g_autoptr(GError) error = NULL;
  g_autofree char *fields = NULL, *closed = NULL, *new_fields = NULL, *new_closed = NULL;
  Model *before = world->models[number];
  gint64 id = record_id(number);
  SearchDocument old = {0}, new = {0};
  if (before) old = document_of(before, id, &fields, &closed);
  if (after) new = document_of(after, id, &new_fields, &new_closed);
  search_put(world->search, sql, before ? &old : NULL, after ? &new : NULL, &error);
  for (guint i = 0; i < PAGES; i++) {
    const char *from = before ? before->pages[i].text : NULL, *to = after ? after->pages[i].text : NULL;
    if (g_strcmp0(from, to) != 0) search_page_put(world->search, sql, id, i + 1, from, to, &error);
  }
  tell(sql, id, &new, after, &error);
  g_assert_no_error(error);
  world->models[number] = after;
  model_unref(before);
}

static void meddle(World *world, Sql *sql);

static gboolean read_text(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  meddle(data, sql);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT title, creator, docno, fields, code, closed FROM told WHERE id = $1", SQL_ARGS(sql_int(id)), NULL);
  if (!sql_next(rows, NULL)) return FALSE;
  char **const texts[] = {&ret->title, &ret->creator, &ret->docno, &ret->fields, &ret->code, &ret->closed};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) *texts[i] = g_strdup(sql_text_at(rows, (int)i));
  return TRUE;
}

static gboolean read_pages(Sql *sql, gint64 first, gint64 last, SearchPageEach each, gpointer each_data, gpointer data, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, page, text FROM told_page WHERE id >= $1 AND id <= $2 ORDER BY id, page",
    SQL_ARGS(sql_int(first), sql_int(last)), error);
  if (rows == NULL) return FALSE;
  while (sql_next(rows, error)) {
    meddle(data, sql);
    if (!each(sql_int_at(rows, 0), (guint)sql_int_at(rows, 1), sql_text_at(rows, 2), each_data)) return TRUE;
  }
  return TRUE;
}

/* ---- scopes, filters, facets ---- */

typedef struct {
  Scope scope;
  SearchRequest request;
  gint64 only[ONLY];
  gint64 fonds[3], values[FACETS][3];
  Expression *expression; /* NULL: no words */
} Question;

static gsize random_values(GRand *random, gint64 *values, gint from, gint below) {
  gsize count = g_rand_int_range(random, 0, 5) == 0 ? (gsize)g_rand_int_range(random, 1, 4) : 0;
  for (gsize i = 0; i < count; i++) values[i] = g_rand_int_range(random, from, below);
  return count;
}

static void random_scope(Question *question, GRand *random) {
  question->scope = (Scope){.opening_mask = g_rand_int_range(random, 0, 4) ? (guint)g_rand_int_range(random, 0, 16) | 2 : 2,
    .security = (Security)g_rand_int_range(random, 0, 5), .all_fonds = g_rand_boolean(random), .fonds = question->fonds};
  question->scope.files_mask = question->scope.opening_mask & (guint)g_rand_int_range(random, 0, 16);
  if (g_rand_int_range(random, 0, 3) == 0) question->scope = SCOPE_EVERYTHING;
  else if (!question->scope.all_fonds) {
    question->scope.fonds_count = 3;
    for (guint i = 0; i < 3; i++) question->fonds[i] = 1 + i * 40 + g_rand_int_range(random, 0, 40);
  }
}

static void random_question(Question *question, GRand *random) {
  memset(question, 0, sizeof *question);
  random_scope(question, random);
  SearchRequest *request = &question->request;
  *request = (SearchRequest){.sort = (SearchSort)g_rand_int_range(random, 0, SEARCH_SORT_FIELD_ASC + 1), .sort_field = "djrq", .facets = TRUE,
    .limit = (guint)g_rand_int_range(random, 1, 80)};
  if (g_rand_int_range(random, 0, 6) == 0) request->parent_id = g_rand_int_range(random, 1, 4);
  if (g_rand_int_range(random, 0, 6) == 0) request->accession_id = g_rand_int_range(random, 1, 3);
  if (g_rand_int_range(random, 0, 6) == 0) request->with_files = TRUE;
  if (g_rand_int_range(random, 0, 8) == 0) request->id_below = record_id(g_rand_int_range(random, 1, DOCUMENTS)) + g_rand_int_range(random, 0, 2);
  if (g_rand_int_range(random, 0, 8) == 0) {
    request->only_count = (gsize)g_rand_int_range(random, 0, ONLY + 1);
    for (gsize i = 0; i < request->only_count; i++) question->only[i] = record_id(g_rand_int_range(random, -1, DOCUMENTS + 100));
    request->only = question->only;
  }
  if (g_rand_int_range(random, 0, 6) == 0) request->year_from = 1955;
  if (g_rand_int_range(random, 0, 6) == 0) request->year_to = 2005;
  request->fonds = question->values[0], request->fonds_count = random_values(random, question->values[0], 1, 130);
  request->categories = question->values[1], request->categories_count = random_values(random, question->values[1], 0, 4);
  request->years = question->values[2], request->years_count = random_values(random, question->values[2], 1957, 1960);
  request->retentions = question->values[3], request->retentions_count = random_values(random, question->values[3], 0, 4);
  request->openings = question->values[4], request->openings_count = random_values(random, question->values[4], 0, 4);
  request->levels = question->values[5], request->levels_count = random_values(random, question->values[5], 1, 5);
  question->expression = g_rand_int_range(random, 0, 8) ? random_expression(random, 3) : NULL;
}

static gboolean is_in(const gint64 *values, gsize count, gint64 value) {
  gboolean in = count == 0;
  for (gsize i = 0; i < count; i++) in = in || values[i] == value;
  return in;
}

static gint64 facet_value(const Model *model, guint facet) {
  const SearchColumns *c = &model->columns;
  return ((const gint64[]){c->fonds_id, c->category, c->year, c->retention, c->opening, c->level})[facet];
}

static gboolean passes_facet(const Question *question, const Model *model, guint facet) {
  const SearchRequest *r = &question->request;
  const gint64 *const lists[] = {r->fonds, r->categories, r->years, r->retentions, r->openings, r->levels};
  const gsize counts[] = {r->fonds_count, r->categories_count, r->years_count, r->retentions_count, r->openings_count, r->levels_count};
  gint64 value = facet_value(model, facet);
  gboolean passes = is_in(lists[facet], counts[facet], value);
  if (facet == 2 && r->year_from) passes = passes && value >= r->year_from;
  if (facet == 2 && r->year_to) passes = passes && value > 0 && value <= r->year_to;
  return passes;
}

static Asker asker_of(const Question *question, Look look) { return (Asker){look, scope_admits_closed_fields(&question->scope)}; }

/* Found, in scope and passing everything but facet filters. */
static gboolean is_candidate(const Question *question, const Model *model, gint64 id) {
  const SearchRequest *r = &question->request;
  if (model == NULL) return FALSE;
  const SearchColumns *c = &model->columns;
  if (!scope_admits(&question->scope, c->level, c->fonds_id, c->security, c->opening)) return FALSE;
  if ((r->parent_id && c->parent_id != r->parent_id) || (r->accession_id && c->accession_id != r->accession_id)) return FALSE;
  if ((r->with_files && !c->has_files) || (r->id_below && id >= r->id_below)) return FALSE;
  if (r->only != NULL && (r->only_count == 0 || !is_in(r->only, r->only_count, id))) return FALSE;
  gboolean files = scope_admits_files(&question->scope, c->fonds_id, c->security, c->opening);
  return question->expression == NULL || scan(question->expression, model, asker_of(question, files ? LOOK_ALL : LOOK_DESCRIPTION));
}

typedef struct { /* failed: facets, as bits */
  gint64 id, tier, item, length, date, field_date;
  const char *code;
  const Model *model;
  guint failed;
  gboolean by_page;
} Expected;
static SearchSort sort_of_test;

/* The earliest day in the field, so that numbers order it: what is not known of it stands behind what is, and none behind all. */
static gint64 field_date(const Model *model, Asker asker, SearchSort sort) {
  guint32 first = 0;
  gboolean down = sort == SEARCH_SORT_FIELD_DESC;
  for (guint i = 0; i < (asker.closed ? VALUES : CLOSED); i++) {
    guint32 day = g_str_equal(model->keys[i], "djrq") ? search_day_begins(model->values[i].text, strlen(model->values[i].text)) : 0;
    first = day && (first == 0 || day < first) ? day : first;
  }
  gint64 month = first >> 5 & 15, day = first & 31, none = down ? 0 : 99, number = (first >> 9) * 10000 + (month ? month : none) * 100 + (day ? day : none);
  return first == 0 ? G_MAXINT64 : down ? -number : number;
}

static int compare_numbers(gint64 a, gint64 b) { return a < b ? -1 : a > b; }

static int compare_expected(gconstpointer a, gconstpointer b) {
  const Expected *x = a, *y = b;
  int order = 0;
  gint64 none = sort_of_test == SEARCH_SORT_DATE_ASC ? 99999999 : 0;
  gint64 x_date = x->date ? x->date : none, y_date = y->date ? y->date : none;
  if (sort_of_test == SEARCH_SORT_RELEVANCE) {
    order = compare_numbers(x->tier, y->tier);
    if (!order) order = compare_numbers(x->item, y->item);
    if (!order) order = compare_numbers(x->length, y->length);
    if (!order) order = compare_numbers(y_date, x_date);
  } else if (sort_of_test >= SEARCH_SORT_FIELD_DESC) order = compare_numbers(x->field_date, y->field_date);
  else if (sort_of_test == SEARCH_SORT_DATE_ASC) order = compare_numbers(x_date, y_date);
  else if (sort_of_test == SEARCH_SORT_DATE_DESC) order = compare_numbers(y_date, x_date);
  else order = strncmp(x->code, y->code, CODE_MAX);
  return order ? order : compare_numbers(x->id, y->id);
}

static GArray *expect_candidates(Model *const *models, const Question *question, gboolean damaged) {
  GArray *all = g_array_new(FALSE, FALSE, sizeof(Expected));
  for (gint64 number = 1; number <= DOCUMENTS; number++) {
    const Model *model = models[number];
    if (!is_candidate(question, model, record_id(number))) continue;
    gboolean words = question->expression != NULL, described = !words || scan(question->expression, model, asker_of(question, LOOK_DESCRIPTION));
    gint64 tier = !words ? 0 : !described ? 2 : scan(question->expression, model, asker_of(question, LOOK_TITLE)) ? 0 : 1;
    const SearchColumns *c = &model->columns;
    Expected hit = {record_id(number), tier, c->level == LEVEL_ITEM, c->title_length, c->date_from,
      damaged ? 0 : field_date(model, asker_of(question, LOOK_DESCRIPTION), question->request.sort), model->code.text, model, 0, !described};
    for (guint facet = 0; facet < FACETS; facet++) hit.failed |= passes_facet(question, model, facet) ? 0 : 1u << facet;
    g_array_append_val(all, hit);
  }
  return all;
}

static GArray *expect_hits(const GArray *candidates, SearchSort sort) {
  GArray *hits = g_array_new(FALSE, FALSE, sizeof(Expected));
  for (guint i = 0; i < candidates->len; i++)
    if (g_array_index(candidates, Expected, i).failed == 0) g_array_append_val(hits, g_array_index(candidates, Expected, i));
  sort_of_test = sort;
  g_array_sort(hits, compare_expected);
  return hits;
}

static gboolean is_facet(const GArray *candidates, const SearchFacet *facet, guint number) {
  g_autoptr(GHashTable) counts = g_hash_table_new(g_direct_hash, g_direct_equal);
  for (guint i = 0; i < candidates->len; i++) {
    const Expected *one = &g_array_index(candidates, Expected, i);
    gpointer key = GINT_TO_POINTER((gint)facet_value(one->model, number));
    if ((one->failed & ~(1u << number)) == 0) g_hash_table_insert(counts, key, GINT_TO_POINTER(GPOINTER_TO_INT(g_hash_table_lookup(counts, key)) + 1));
  }
  gboolean good = facet->values->len == g_hash_table_size(counts);
  for (guint i = 0; i < facet->values->len; i++) {
    const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, i);
    good = good && value->count == (guint)GPOINTER_TO_INT(g_hash_table_lookup(counts, GINT_TO_POINTER((gint)value->value)));
    good = good && (i == 0 || value->count <= g_array_index(facet->values, SearchFacetValue, i - 1).count);
  }
  return good;
}

static void tell_record(const Question *question, gint64 id, const Model *model, const char *how) {
  g_printerr("# %s: %s: %d", question->request.query, how, (gint)id);
  for (guint i = 0; model && i < VALUES; i++) g_printerr(" %s=%s", model->keys[i], model->values[i].text);
  for (guint i = 0; model && i < PAGES; i++) g_printerr(" page=%s", model->pages[i].text);
  if (model) g_printerr(" title=%s creator=%s code=%.90s docno=%s", model->title.text, model->creator.text, model->code.text, model->docno.text);
  g_printerr("\n");
}

static void tell_leaves(World *world, const Snapshot *at, const Question *question, const Expression *leaf, gint64 id, const Model *model) {
  if (leaf == NULL || model == NULL) return;
  if (leaf->left) {
    tell_leaves(world, at, question, leaf->left, id, model);
    tell_leaves(world, at, question, leaf->right, id, model);
    return;
  }
  g_autoptr(GString) query = g_string_new(NULL);
  write_term(query, leaf, world->random);
  SearchRequest request = {.query = query->str, .only = &id, .only_count = 1};
  g_autoptr(SearchResult) result = search_run(world->search, at->sql, &question->scope, &request, NULL);
  g_printerr("#   %s: %d, in the description %d, on pages %d\n", query->str, (gint)result->count, scan(leaf, model, asker_of(question, LOOK_DESCRIPTION)),
    scan(leaf, model, asker_of(question, LOOK_ALL)));
}

/* Tells which record makes the difference. */
static void tell_difference(World *world, const Snapshot *at, const Question *question, const GArray *expected) {
  const SearchRequest *asked = &question->request;
  Question whole = {.request = {.query = asked->query, .parent_id = asked->parent_id, .accession_id = asked->accession_id, .with_files = asked->with_files,
    .id_below = asked->id_below, .only = asked->only, .only_count = asked->only_count, .limit = LIMIT_MAX}};
  g_autoptr(SearchResult) result = search_run(world->search, at->sql, &question->scope, &whole.request, NULL);
  g_autoptr(GHashTable) found = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < result->ids->len; i++) g_hash_table_add(found, GINT_TO_POINTER((gint)g_array_index(result->ids, gint64, i)));
  for (guint i = 0; i < expected->len; i++) {
    const Expected *hit = &g_array_index(expected, Expected, i);
    if (!g_hash_table_remove(found, GINT_TO_POINTER((gint)hit->id))) {
      tell_record(question, hit->id, hit->model, "not found");
      tell_leaves(world, at, question, question->expression, hit->id, hit->model);
    }
  }
  GHashTableIter iter;
  gpointer id;
  g_hash_table_iter_init(&iter, found);
  while (g_hash_table_iter_next(&iter, &id, NULL)) {
    const Model *model = at->models[GPOINTER_TO_INT(id) / record_id(1)];
    tell_record(question, GPOINTER_TO_INT(id), model, "found");
    tell_leaves(world, at, question, question->expression, GPOINTER_TO_INT(id), model);
  }
}

/* The hits of one answer against those expected from `seen` on. */
static void check_answer(const Question *question, const SearchResult *result, const GArray *expected, guint seen, gboolean damaged) {
  g_assert_cmpint(result->notice != NULL, ==, damaged);
  for (guint i = 0; i < result->ids->len; i++) {
    const Expected *hit = &g_array_index(expected, Expected, seen + i);
    guint page = g_array_index(result->pages, guint, i);
    g_assert_cmpint(g_array_index(result->ids, gint64, i), ==, hit->id);
    g_assert_cmpint(page > 0, ==, hit->by_page);
    if (page) g_assert_true(page <= PAGES && explains(question->expression, hit->model, page, TRUE));
  }
}

/* Asks page by page to the end and compares everything with what is expected of the models. */
static void check_question(World *world, const Snapshot *at, Question *question) {
  g_autoptr(GString) query = g_string_new(NULL);
  if (question->expression) write_expression(query, question->expression, world->random);
  question->request.query = query->str;
  g_autoptr(GArray) candidates = expect_candidates(at->models, question, world->damaged || at->damaged), expected = expect_hits(candidates, question->request.sort);
  g_autofree char *after = NULL;
  gboolean damaged = world->damaged || at->damaged;
  guint seen = 0;
  g_test_message("query: %s", query->str);
  do {
    g_autoptr(GError) error = NULL;
    question->request.after = after;
    g_autoptr(SearchResult) result = search_run(world->search, at->sql, &question->scope, &question->request, &error);
    if (damaged && g_error_matches(error, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return; /* on a machine that is too slow to look into all records in time */
    g_assert_no_error(error);
    gboolean good = result->count == expected->len;
    for (guint facet = 0; good && seen == 0 && facet < FACETS; facet++) good = is_facet(candidates, g_ptr_array_index(result->facets, facet), facet);
    if (!good) tell_difference(world, at, question, candidates);
    g_assert_true(good);
    check_answer(question, result, expected, seen, damaged);
    seen += result->ids->len;
    g_assert_cmpint(result->next != NULL, ==, seen < expected->len);
    g_free(after);
    after = g_strdup(result->next);
  } while (after);
  g_assert_cmpuint(seen, ==, expected->len);
}

static void ask(World *world, const Snapshot *at, guint times) {
  for (guint i = 0; i < times; i++) {
    Question question;
    random_question(&question, world->random);
    check_question(world, at, &question);
    expression_free(question.expression);
  }
}

static Snapshot snapshot_of(World *world) {
  Sql *sql = sql_read(world->db, NULL);
  g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM told", SQL_NONE, -1, NULL), >=, 0); /* it begins with the first look */
  return (Snapshot){sql, models_copy(world->models), FALSE};
}

static void snapshot_clear(Snapshot *snapshot) {
  if (snapshot->sql) sql_end(snapshot->sql);
  models_free(snapshot->models);
  *snapshot = (Snapshot){0};
}

static void ask_now(World *world, guint times) {
  Snapshot now = snapshot_of(world);
  ask(world, &now, times);
  snapshot_clear(&now);
}

/* ---- what is offered: only what stands in records that the asker may see ---- */

static gboolean is_admitted(const Scope *scope, const Model *model) {
  return model && scope_admits(scope, model->columns.level, model->columns.fonds_id, model->columns.security, model->columns.opening);
}

static gboolean is_told(Model *const *models, const Scope *scope, const char *text) {
  gboolean told = FALSE;
  for (gint64 number = 1; number <= DOCUMENTS && !told; number++) {
    const Model *model = models[number];
    if (!is_admitted(scope, model)) continue;
    const Text *const texts[] = {&model->title, &model->creator, &model->docno, &model->code, &model->values[0], &model->values[1]};
    for (guint i = 0; i < G_N_ELEMENTS(texts) && !told; i++) {
      g_autofree char *name = solid(texts[i]->folded); /* offered without its dot */
      told = (i < 4 && g_str_equal(texts[i]->text, text)) || ((i == 1 || i >= 4) && strstr(name, text) != NULL);
    }
  }
  return told;
}

static void check_offers(World *world, const Snapshot *at) {
  static const char *const beginnings[] = {"档", "国发", "a", "张", "zhangw", "wxm", "b-2", "文的"};
  Question question;
  random_question(&question, world->random);
  expression_free(question.expression);
  const char *beginning = ONE_OF(world->random, beginnings);
  json_auto_t *offers = search_suggest(world->search, at->sql, &question.scope, beginning, 10, NULL);
  json_t *one;
  size_t i;
  json_array_foreach(offers, i, one) {
    const char *text = json_string_value(json_object_get(one, "text"));
    g_test_message("offered for %s: %s", beginning, text);
    g_assert_true(is_told(at->models, &question.scope, text));
  }
  gint64 number = 1 + dice(world, (gint)world->frontier);
  g_autoptr(GArray) alike = at->models[number] ? search_like(world->search, at->sql, &question.scope, record_id(number), 10, NULL) : NULL;
  for (guint k = 0; alike && k < alike->len; k++) {
    gint64 id = g_array_index(alike, SearchLike, k).id;
    g_assert_true(id != record_id(number) && is_admitted(&question.scope, at->models[id / record_id(1)]));
  }
}

/* ---- the world's history ---- */

static void world_open(World *world) {
  g_autoptr(GError) error = NULL;
  world->search = search_open(world->db, &error);
  g_assert_no_error(error);
  g_assert_cmpint(search_needs_rebuild(world->search), ==, world->damaged);
  search_cache_keep_all(world->search->cache);
  json_auto_t *labels = json_pack("{s:s, s:s, s:s, s:[s]}", "男方姓名", "nfxm", "其他", "bz", "djrq", "djrq", SEARCH_DATES, "djrq");
  search_set_fields(world->search, labels);
  search_set_text_source(world->search, read_text, world);
  search_set_pages_source(world->search, read_pages, world);
  search_set_records_source(world->search, read_records, world);
}

static void change_one(World *world, Sql *sql, gboolean grows) {
  if (grows && world->frontier < DOCUMENTS) return put_model(world, sql, ++world->frontier, model_new(world->random, NULL, NEW_ALL));
  gint64 number = 1 + dice(world, (gint)world->frontier);
  Model *former = world->models[number];
  gboolean ends = former && dice(world, 5) == 0;
  put_model(world, sql, number, ends ? NULL : model_new(world->random, former, (News)dice(world, 3)));
}

static void put_away(const char *file) {
  static const char *const ends[] = {"", "-wal", "-shm"};
  for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
    g_autofree char *name = g_strconcat(file, ends[i], NULL);
    g_unlink(name);
  }
}

static void compare_all(World *world) {
  for (gint64 after = 0; (after = search_compare(world->search, after, 1 + (guint)dice(world, 600)));) continue;
  g_assert_cmpint(search_needs_rebuild(world->search), ==, world->damaged);
}

/* The files as they are at this moment, opened by another process: what was committed is there, and the index says the same as the records. */
static void check_crash(World *world, Model **models) {
  static const char *const ends[] = {"-wal", ""}; /* in this order: what is moved meanwhile from the log to the other stands in both */
  World other = {.random = world->random, .models = models, .frontier = world->frontier, .damaged = world->damaged};
  other.file = g_build_filename(world->dir, "crashed.db", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
    g_autofree char *from = g_strconcat(world->file, ends[i], NULL), *to = g_strconcat(other.file, ends[i], NULL), *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(from, &bytes, &length, NULL) && g_file_set_contents_full(to, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
  }
  other.db = sql_open(other.file, NULL);
  world_open(&other);
  ask_now(&other, 3);
  compare_all(&other);
  search_close(other.search);
  sql_close(other.db);
  put_away(other.file);
  g_free(other.file);
}

/* Some records change; what was before is put back when the transaction is not committed. */
static void change_some(World *world, guint count, gboolean bulk, gboolean commits) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(world->db, &error);
  g_assert_no_error(error);
  if (bulk) search_bulk_begin(world->search, sql);
  Model **kept = commits ? NULL : models_copy(world->models);
  gint64 frontier = world->frontier;
  gboolean grows = dice(world, 4) == 0;
  for (guint i = 0; i < count; i++) change_one(world, sql, grows || frontier == 0);
  if (dice(world, 3) == 0) ask(world, &(Snapshot){sql, world->models, FALSE}, 1); /* it sees its own changes */
  if (bulk) g_assert_true(search_bulk_flush(world->search, sql, &error));
  if (!commits && dice(world, 3) == 0) check_crash(world, kept);
  if (commits) sql_commit(sql, &error);
  g_assert_no_error(error);
  if (commits) return;
  models_free(world->models);
  world->models = kept;
  world->frontier = frontier;
}

/* While something is read for the index, or for a question, others save. */
static void meddle(World *world, Sql *sql) {
  if (!world->meddles || sql_is_writing(sql) || dice(world, 300)) return;
  world->meddles = FALSE;
  change_some(world, 1 + (guint)dice(world, 3), dice(world, 4) == 0, TRUE);
  if (dice(world, 4) == 0) g_assert_true(search_tend(world->search, NULL)); /* as the tick does beside a load that ends */
  world->meddles = TRUE;
}

static void extend(World *world) {
  g_autoptr(GError) error = NULL;
  gboolean more = TRUE, more_pages;
  world->meddles = dice(world, 3) > 0;
  if (dice(world, 4) == 0) g_assert_true(search_optimize(world->search, &error));
  for (gint steps = dice(world, 5); more && steps > 0; steps--) {
    g_assert_true(search_grams_extend(world->search, &more, &error) && search_page_grams_extend(world->search, &more_pages, &error));
    more = more || more_pages;
    ask_now(world, 1);
  }
  search_warm(world->search);
  g_assert_true(search_tend(world->search, &error));
  world->meddles = FALSE;
}

static void remake_records(World *world, Sql *sql) {
  gint64 number = world->remade + 1;
  for (gint64 left = 100 + dice(world, 800); left > 0 && number <= DOCUMENTS; left--, number++) {
    const Model *model = world->models[number];
    if (model == NULL) continue;
    g_autofree char *fields = NULL, *closed = NULL;
    SearchDocument document = document_of(model, record_id(number), &fields, &closed);
    g_assert_true(search_remake_put(world->search, sql, &document, NULL));
    world->remade = number; /* the next slice goes on from the last one put */
  }
  if (number <= DOCUMENTS) return;
  g_assert_true(search_remake_put(world->search, sql, NULL, NULL));
  world->remade = -1;
}

static void remake_pages(World *world, Sql *sql) {
  gint64 page = world->remade_pages + 1;
  for (gint64 left = 300 + dice(world, 3000); left > 0 && page < (DOCUMENTS + 1) * PAGES; left--, page++) {
    const Model *model = world->models[page / PAGES];
    const char *text = model ? model->pages[page % PAGES].text : NULL;
    if (text == NULL) continue;
    g_assert_true(search_remake_page(world->search, sql, record_id(page / PAGES), page % PAGES + 1, text, NULL));
    world->remade_pages = page;
  }
  if (page < (DOCUMENTS + 1) * PAGES) return;
  g_assert_true(search_remake_page(world->search, sql, 0, 0, NULL, NULL));
  world->remade_pages = -1;
}

/* One slice. */
static void remake(World *world) {
  g_autoptr(GError) error = NULL;
  if (!world->remaking) {
    g_assert_true(search_remake_begin(world->search, &error));
    world->remaking = TRUE;
    world->remade = world->remade_pages = 0;
    return;
  }
  if (world->remade < 0 && world->remade_pages < 0) {
    world->meddles = !world->damaged && dice(world, 2);
    g_assert_true(search_remake_finish(world->search, &error));
    for (guint i = 0; i < OLD; i++) world->old[i].damaged = world->old[i].damaged || world->damaged;
    world->remaking = world->damaged = world->meddles = FALSE;
    return;
  }
  g_autoptr(Sql) sql = sql_write(world->db, &error);
  if (world->remade >= 0) remake_records(world, sql);
  else remake_pages(world, sql);
  g_assert_true(search_bulk_flush(world->search, sql, &error) && sql_commit(sql, &error));
}

static void stop_remaking(World *world) {
  if (world->remaking) g_assert_true(search_remake_stop(world->search, NULL));
  world->remaking = FALSE;
}

static void outdate(World *world) {
  g_autoptr(Sql) sql = sql_write(world->db, NULL);
  g_assert_true(search_outdate(world->search, sql, NULL) && sql_commit(sql, NULL));
  world->damaged = TRUE;
  world->remaking = FALSE;
}

static void look_back(World *world) {
  Snapshot *old = &world->old[dice(world, OLD)];
  if (old->sql == NULL) *old = snapshot_of(world), old->damaged = world->damaged;
  ask(world, old, 2);
  if (dice(world, 6) == 0) snapshot_clear(old);
}

static void reopen(World *world) {
  for (guint i = 0; i < OLD; i++) snapshot_clear(&world->old[i]);
  search_close(world->search);
  world->remaking = FALSE;
  world_open(world);
}

static void step(World *world) {
  gint kind = dice(world, 30);
  g_test_message("step %d%s%s", kind, world->damaged ? ", damaged" : "", world->remaking ? ", remaking" : "");
  if (kind < 10) change_some(world, 1 + (guint)dice(world, 5), FALSE, TRUE);
  else if (kind < 12) change_some(world, 1 + (guint)dice(world, 200), TRUE, TRUE);
  else if (kind < 14) change_some(world, 1 + (guint)dice(world, 20), kind == 12, FALSE);
  else if (kind < 20) extend(world);
  else if (kind < 24 || (world->damaged && kind < 28)) remake(world);
  else if (kind == 24) compare_all(world);
  else if (kind == 25) search_forget(world->search);
  else if (kind == 26) check_crash(world, world->models);
  else if (kind == 27) reopen(world);
  else if (dice(world, 3)) look_back(world);
  else if (dice(world, 3)) stop_remaking(world);
  else outdate(world);
}

static void random_limits(World *world) {
  search_limits = (SearchLimits){.few = dice(world, 3) ? 3 : 700, .dense = dice(world, 2) ? 20 : 2048, .step = dice(world, 3) * 100,
    .gram_records = 1, .gram_least = 5 + dice(world, 9), .gram_sample = 100000, .gram_owed = dice(world, 2) ? 50 : 1000000,
    .page_least = 3 + dice(world, 5) * 20, .page_behind = dice(world, 2) ? 1000 : 30000, .page_stale = (guint)dice(world, 3) * 20,
    .tallied = dice(world, 3) ? 1 : 50, .page_looked = dice(world, 4) ? 3000 : 40, .page_room = dice(world, 2) ? 256 << 20 : 20000};
}

static gboolean is_covered(World *world) {
  g_autoptr(Sql) sql = sql_read(world->db, NULL);
  GramState state;
  PageState pages;
  g_assert_true(search_gram_state(sql, &state, NULL) && search_page_state(sql, &pages, NULL));
  return state.covered > 0 && pages.covered > 0;
}

static void world_begin(World *world, guint32 seed) {
  g_autoptr(GError) error = NULL;
  *world = (World){.random = g_rand_new_with_seed(seed), .dir = g_dir_make_tmp(NULL, NULL), .models = g_new0(Model *, DOCUMENTS + 1)};
  world->file = g_build_filename(world->dir, "search.db", NULL);
  world->db = sql_open(world->file, &error);
  g_autoptr(Sql) sql = sql_write(world->db, &error);
  sql_exec(sql, "CREATE TABLE told (id INTEGER PRIMARY KEY, title TEXT, creator TEXT, code TEXT, docno TEXT, fields TEXT, closed TEXT, lines BLOB)", SQL_NONE, &error);
  sql_exec(sql, "CREATE TABLE told_page (id INTEGER, page INTEGER, text TEXT, PRIMARY KEY (id, page)) WITHOUT ROWID", SQL_NONE, &error);
  sql_commit(sql, &error);
  g_assert_no_error(error);
  g_clear_pointer(&sql, sql_end);
  world_open(world);
  random_limits(world);
  change_some(world, DOCUMENTS / 2 + (guint)dice(world, DOCUMENTS / 2), TRUE, TRUE);
}

static void world_end(World *world) {
  for (guint i = 0; i < OLD; i++) snapshot_clear(&world->old[i]);
  search_close(world->search);
  sql_close(world->db);
  put_away(world->file);
  g_rmdir(world->dir);
  models_free(world->models);
  g_rand_free(world->random);
  g_free(world->file);
  g_free(world->dir);
}

/* After how many steps frequent strings of records and of pages had bitmaps. */
static guint run_history(guint32 seed) {
  World world;
  Question kept[KEPT]; /* asked again and again: their terms are in the cache while the records change */
  guint covered = 0;
  world_begin(&world, seed);
  for (guint i = 0; i < KEPT; i++) {
    random_question(&kept[i], world.random);
    kept[i].request = (SearchRequest){.facets = TRUE, .limit = 100};
    expression_free(kept[i].expression);
    kept[i].expression = random_expression(world.random, i % 3);
  }
  for (guint i = 0; i < STEPS; i++) {
    if (dice(&world, 4) == 0) random_limits(&world);
    step(&world);
    covered += !world.damaged && is_covered(&world);
    Snapshot now = snapshot_of(&world);
    ask(&world, &now, ASKED);
    for (guint k = i % 3; k < KEPT; k += 3) check_question(&world, &now, &kept[k]);
    if (!world.damaged) check_offers(&world, &now);
    snapshot_clear(&now);
  }
  for (guint i = 0; i < KEPT; i++) expression_free(kept[i].expression);
  world_end(&world);
  return covered;
}

static void test_against_records(void) {
  const char *seconds = g_getenv("LANTAI_SEARCH_SECONDS"), *seed = g_getenv("LANTAI_SEARCH_SEED");
  gint64 until = g_get_monotonic_time() + (seconds ? g_ascii_strtoll(seconds, NULL, 10) : 0) * G_USEC_PER_SEC;
  guint covered = 0;
  guint32 number = seed ? (guint32)g_ascii_strtoull(seed, NULL, 10) : 7;
  do {
    g_test_message("history %u", number);
    covered += run_history(number++);
  } while (g_get_monotonic_time() < until);
  g_assert_cmpuint(covered, >, 0);
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/search/against-records", test_against_records);
  return g_test_run();
}
