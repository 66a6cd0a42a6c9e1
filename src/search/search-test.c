/*
 * The index against a scan: random small documents and pages, random queries, scopes, filters, facets and sorts, paging to the end, with updates, deletes,
 * loads, rollbacks and a rebuild in between. The scan is written over folded text alone and shares no code with the room.
 */
#include "gram.h"
#include "block.h"
#include "error.h"
#include "text.h"
#include <glib/gstdio.h>

enum { DOCUMENTS = 2000, PAGES = 3, VALUES = 2, ROUNDS = 40, QUERIES_PER_ROUND = 8, KEPT = 10, ONLY = 700 };

typedef struct {
  gboolean alive;
  char *title, *creator, *code, *docno, *keys[VALUES], *values[VALUES], *pages[PAGES];
  SearchColumns columns;
} Model;

typedef struct {
  GRand *random;
  SqlDb *db;
  Search *search;
  Model *models; /* by id; 0 unused */
} World;

/* Documents are counted here from 1; their record ids are spread over several blocks. */
static gint64 record_id(gint64 number) { return number * 83; }

/* ---- documents ---- */

static const char *const ALPHABET[] = {"档", "案", "檔", "国", "國", "发", "發", "文", "的", "a", "b", "Ａ", "1", "2", "１",
  "é", "e\314\201", "，", "-", "·", " ", "　", "《", "》", "\356\200\200", "\357\246\216", "年", "㈱", "\"", "(", ")", ":", "*"};

static char *random_text(GRand *random, gint most) {
  GString *text = g_string_new(NULL);
  gint length = g_rand_int_range(random, 0, most + 1);
  for (gint i = 0; i < length; i++) g_string_append(text, ALPHABET[g_rand_int_range(random, 0, g_rand_boolean(random) ? 14 : (gint)G_N_ELEMENTS(ALPHABET))]);
  return g_string_free(text, FALSE);
}

static void model_clear(Model *model) {
  g_free(model->title);
  g_free(model->creator);
  g_free(model->code);
  g_free(model->docno);
  for (guint i = 0; i < VALUES; i++) {
    g_free(model->keys[i]);
    g_free(model->values[i]);
  }
  for (guint i = 0; i < PAGES; i++) g_free(model->pages[i]);
  memset(model, 0, sizeof *model);
}

static void model_fill(Model *model, GRand *random) {
  static const char *const keys[] = {"nfxm", "bz", "密级"}; /* the last one is a delivery's own header */
  static const gint32 dates[] = {0, 19500101, 19581231, 19581230, 19580000, 20011130, 20240229};
  model->alive = TRUE;
  model->title = random_text(random, 12);
  model->creator = random_text(random, 5);
  model->code = g_strdup_printf("%c-%d·%d", g_rand_int_range(random, 'a', 'd'), g_rand_int_range(random, 1, 30), g_rand_int_range(random, 0, 3));
  model->docno = random_text(random, 4);
  for (guint i = 0; i < VALUES; i++) {
    model->keys[i] = g_strdup(keys[g_rand_int_range(random, 0, 3)]);
    model->values[i] = random_text(random, 5);
  }
  for (guint i = 0; i < PAGES; i++) model->pages[i] = g_rand_int_range(random, 0, 4) == 0 ? random_text(random, 30) : NULL;
  gint32 date = dates[g_rand_int_range(random, 0, G_N_ELEMENTS(dates))];
  model->columns = (SearchColumns){.parent_id = (guint32)g_rand_int_range(random, 0, 4), .fonds_id = (guint32)g_rand_int_range(random, 1, 130),
    .accession_id = (guint32)g_rand_int_range(random, 0, 3), .date_from = date, .year = (guint16)(date / 10000),
    .category = (guint8)g_rand_int_range(random, 0, 4),
    .level = (guint8)g_rand_int_range(random, LEVEL_FONDS, LEVEL_ITEM + 1), .retention = (guint8)g_rand_int_range(random, 0, 4),
    .opening = (guint8)g_rand_int_range(random, 0, 4), .security = (guint8)g_rand_int_range(random, 0, 5),
    .title_length = (guint8)text_length(model->title), .has_files = (guint8)g_rand_boolean(random)};
}

static Model model_copy(const Model *model) {
  Model copy = *model;
  copy.title = g_strdup(model->title);
  copy.creator = g_strdup(model->creator);
  copy.code = g_strdup(model->code);
  copy.docno = g_strdup(model->docno);
  for (guint i = 0; i < VALUES; i++) {
    copy.keys[i] = g_strdup(model->keys[i]);
    copy.values[i] = g_strdup(model->values[i]);
  }
  for (guint i = 0; i < PAGES; i++) copy.pages[i] = g_strdup(model->pages[i]);
  return copy;
}

static SearchDocument document_of(const Model *model, gint64 id, char **ret_fields) {
  *ret_fields = g_strdup_printf("%s\t%s\n%s\t%s\n", model->keys[0], model->values[0], model->keys[1], model->values[1]);
  return (SearchDocument){id, model->title, model->creator, model->code, model->docno, *ret_fields, model->columns};
}

/* Replaces the stored state of one record by another (either may not live). */
static void put_model(World *world, Sql *sql, gint64 id, const Model *before, const Model *after) {
  g_autoptr(GError) error = NULL;
  g_autofree char *before_fields = NULL, *after_fields = NULL;
  SearchDocument old = {0}, new = {0};
  if (before->alive) old = document_of(before, record_id(id), &before_fields);
  if (after->alive) new = document_of(after, record_id(id), &after_fields);
  search_put(world->search, sql, before->alive ? &old : NULL, after->alive ? &new : NULL, &error);
  g_assert_no_error(error);
  for (guint i = 0; i < PAGES; i++) {
    if (g_strcmp0(before->pages[i], after->pages[i]) == 0) continue;
    search_page_put(world->search, sql, record_id(id), i + 1, before->pages[i], after->pages[i], &error);
    g_assert_no_error(error);
  }
}

/* ---- the scan ---- */

typedef struct Expression {
  char kind; /* t term, y years, & | ! */
  char *field, *text;
  gboolean star;
  int from, to;
  struct Expression *left, *right;
} Expression;

typedef enum { LOOK_TITLE, LOOK_DESCRIPTION, LOOK_ALL } Look;

static void expression_free(Expression *expression) {
  if (expression == NULL) return;
  expression_free(expression->left);
  expression_free(expression->right);
  g_free(expression->field);
  g_free(expression->text);
  g_free(expression);
}

static gboolean ends_word(const char *character) { return *character != ' ' && !text_is_ideograph(g_utf8_get_char(character)); }

static gboolean scan_text(const Expression *term, const char *text) {
  if (text == NULL) return FALSE;
  g_autofree char *folded = text_fold(text), *core = g_strstrip(text_fold(term->text));
  gsize length = strlen(core);
  for (const char *at = folded; (at = strstr(at, core)); at++) {
    if (ends_word(core) && at[-1] != ' ') continue;
    if (!term->star && ends_word(g_utf8_prev_char(core + length)) && at[length] != ' ') continue;
    return TRUE;
  }
  return FALSE;
}

static gboolean scan_term(const Expression *term, const Model *model, Look look) {
  const char *field = term->field;
  gboolean any = field == NULL, found = FALSE;
  if (any || g_str_equal(field, "title")) found = scan_text(term, model->title);
  if (any && look == LOOK_TITLE) return found;
  if (any || g_str_equal(field, "creator")) found |= scan_text(term, model->creator);
  if (any || g_str_equal(field, "code")) found |= scan_text(term, model->code);
  if (any || g_str_equal(field, "docno")) found |= scan_text(term, model->docno);
  for (guint i = 0; i < VALUES; i++) {
    if (any) found |= scan_text(term, model->values[i]);
    else if (g_str_equal(field, model->keys[i])) found |= scan_text(term, model->values[i]);
  }
  for (guint i = 0; look == LOOK_ALL && i < PAGES; i++)
    if (any || g_str_equal(field, "text")) found |= scan_text(term, model->pages[i]);
  return found;
}

static gboolean scan(const Expression *expression, const Model *model, Look look) {
  switch (expression->kind) {
  case 't': return scan_term(expression, model, look);
  case 'y': return model->columns.year >= expression->from && model->columns.year <= expression->to;
  case '&': return scan(expression->left, model, look) && scan(expression->right, model, look);
  case '|': return scan(expression->left, model, look) || scan(expression->right, model, look);
  default: return !scan(expression->left, model, look == LOOK_TITLE ? LOOK_DESCRIPTION : look);
  }
}

/* ---- queries ---- */

static Expression *random_term(GRand *random) {
  static const char *const fields[] = {NULL, NULL, NULL, NULL, NULL, "title", "creator", "code", "docno", "nfxm", "bz", "密级", "text"};
  Expression *term = g_new0(Expression, 1);
  term->kind = 't';
  if (g_rand_int_range(random, 0, 12) == 0) {
    term->kind = 'y';
    term->from = g_rand_int_range(random, 1945, 1960);
    term->to = g_rand_boolean(random) ? term->from : 2001;
    return term;
  }
  term->field = g_strdup(fields[g_rand_int_range(random, 0, G_N_ELEMENTS(fields))]);
  for (g_autofree char *folded = NULL; folded == NULL || strlen(folded) < 3; folded = text_fold(term->text)) {
    g_clear_pointer(&folded, g_free);
    g_free(term->text);
    term->text = g_strdelimit(random_text(random, 3), "\"*", ' ');
  }
  term->star = g_rand_int_range(random, 0, 4) == 0;
  return term;
}

static Expression *random_expression(GRand *random, guint depth) {
  guint dice = (guint)g_rand_int_range(random, 0, depth ? 6 : 1);
  if (dice < 2) return random_term(random);
  Expression *expression = g_new0(Expression, 1);
  expression->kind = "&&|!"[dice - 2];
  expression->left = random_expression(random, depth - 1);
  if (expression->kind != '!') expression->right = random_expression(random, depth - 1);
  return expression;
}

static void write_expression(GString *out, const Expression *expression, GRand *random) {
  if (expression->kind == 'y') g_string_append_printf(out, expression->from == expression->to ? "年度:%d" : "year:%d-%d", expression->from, expression->to);
  else if (expression->kind == 't') {
    if (expression->field) g_string_append_printf(out, "%s%s", expression->field, g_rand_boolean(random) ? ":" : "：");
    g_string_append_printf(out, g_rand_boolean(random) ? "\"%s\"%s" : "“%s”%s", expression->text, expression->star ? "*" : "");
  } else if (expression->kind == '!') {
    g_string_append(out, g_rand_boolean(random) ? "-(" : "NOT （");
    write_expression(out, expression->left, random);
    g_string_append(out, ")");
  } else {
    static const char *const ands[] = {" ", " AND ", "　"}, *const ors[] = {" OR ", " 或 ", " ＯＲ "};
    g_string_append(out, "(");
    write_expression(out, expression->left, random);
    g_string_append(out, (expression->kind == '&' ? ands : ors)[g_rand_int_range(random, 0, 3)]);
    write_expression(out, expression->right, random);
    g_string_append(out, "）");
  }
}

/* ---- scopes, filters, facets ---- */

typedef struct {
  Scope scope;
  SearchRequest request;
  gint64 only[ONLY];
  gint64 fonds[3], values[6][3];
  Expression *expression; /* NULL: no words */
} Question;

static gsize random_values(GRand *random, gint64 *values, gint from, gint below) {
  gsize count = g_rand_int_range(random, 0, 3) == 0 ? (gsize)g_rand_int_range(random, 1, 4) : 0;
  for (gsize i = 0; i < count; i++) values[i] = g_rand_int_range(random, from, below);
  return count;
}

static void random_question(Question *question, GRand *random) {
  memset(question, 0, sizeof *question);
  question->scope = (Scope){.opening_mask = (guint)g_rand_int_range(random, 0, 16) | 2, .security = (Security)g_rand_int_range(random, 0, 5),
    .all_fonds = g_rand_boolean(random), .fonds = question->fonds};
  question->scope.files_mask = question->scope.opening_mask & (guint)g_rand_int_range(random, 0, 16);
  if (g_rand_int_range(random, 0, 3) == 0) question->scope = SCOPE_EVERYTHING;
  else if (!question->scope.all_fonds) {
    question->scope.fonds_count = 3;
    for (guint i = 0; i < 3; i++) question->fonds[i] = 1 + i * 40 + g_rand_int_range(random, 0, 40);
  }
  SearchRequest *request = &question->request;
  *request = (SearchRequest){.sort = (SearchSort)g_rand_int_range(random, 0, 4), .facets = TRUE, .limit = (guint)g_rand_int_range(random, 1, 40)};
  if (g_rand_int_range(random, 0, 6) == 0) request->parent_id = g_rand_int_range(random, 1, 4);
  if (g_rand_int_range(random, 0, 6) == 0) request->accession_id = g_rand_int_range(random, 1, 3);
  if (g_rand_int_range(random, 0, 6) == 0) request->with_files = TRUE;
  if (g_rand_int_range(random, 0, 6) == 0) {
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

/* Found, in scope and passing everything but facet filters. */
static gboolean is_candidate(const Question *question, const Model *model, gint64 id) {
  const SearchColumns *c = &model->columns;
  const SearchRequest *r = &question->request;
  if (!model->alive || !scope_admits(&question->scope, c->level, c->fonds_id, c->security, c->opening)) return FALSE;
  if ((r->parent_id && c->parent_id != r->parent_id) || (r->accession_id && c->accession_id != r->accession_id)) return FALSE;
  if (r->with_files && !c->has_files) return FALSE;
  if (r->only != NULL && (r->only_count == 0 || !is_in(r->only, r->only_count, record_id(id)))) return FALSE;
  if (question->expression == NULL) return TRUE;
  gboolean files = scope_admits_files(&question->scope, c->fonds_id, c->security, c->opening);
  return scan(question->expression, model, files ? LOOK_ALL : LOOK_DESCRIPTION);
}

typedef struct { gint64 id, tier, item, length, date; const char *code; gboolean by_page; } Expected;
static SearchSort sort_of_test;

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
  } else if (sort_of_test == SEARCH_SORT_DATE_ASC) order = compare_numbers(x_date, y_date);
  else if (sort_of_test == SEARCH_SORT_DATE_DESC) order = compare_numbers(y_date, x_date);
  else order = strcmp(x->code, y->code);
  return order ? order : compare_numbers(x->id, y->id);
}

static GArray *expect_hits(const World *world, const Question *question) {
  GArray *hits = g_array_new(FALSE, FALSE, sizeof(Expected));
  for (gint64 id = 1; id <= DOCUMENTS; id++) {
    const Model *model = &world->models[id];
    gboolean good = is_candidate(question, model, id);
    for (guint facet = 0; facet < 6 && good; facet++) good = passes_facet(question, model, facet);
    if (!good) continue;
    gboolean words = question->expression != NULL, described = !words || scan(question->expression, model, LOOK_DESCRIPTION);
    gint64 tier = !words ? 0 : !described ? 2 : scan(question->expression, model, LOOK_TITLE) ? 0 : 1;
    Expected hit = {id, tier, model->columns.level == LEVEL_ITEM, model->columns.title_length, model->columns.date_from, model->code, !described};
    g_array_append_val(hits, hit);
  }
  sort_of_test = question->request.sort;
  g_array_sort(hits, compare_expected);
  return hits;
}

static void check_facet(const World *world, const Question *question, const SearchFacet *facet, guint number) {
  g_autoptr(GHashTable) counts = g_hash_table_new(g_direct_hash, g_direct_equal);
  for (gint64 id = 1; id <= DOCUMENTS; id++) {
    const Model *model = &world->models[id];
    gboolean good = is_candidate(question, model, id);
    for (guint other = 0; other < 6 && good; other++) good = other == number || passes_facet(question, model, other);
    gpointer key = GINT_TO_POINTER((gint)facet_value(model, number));
    if (good) g_hash_table_insert(counts, key, GINT_TO_POINTER(GPOINTER_TO_INT(g_hash_table_lookup(counts, key)) + 1));
  }
  g_assert_cmpuint(facet->values->len, ==, g_hash_table_size(counts));
  for (guint i = 0; i < facet->values->len; i++) {
    const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, i);
    g_assert_cmpuint(value->count, ==, (guint)GPOINTER_TO_INT(g_hash_table_lookup(counts, GINT_TO_POINTER((gint)value->value))));
    if (i) g_assert_cmpuint(value->count, <=, g_array_index(facet->values, SearchFacetValue, i - 1).count);
  }
}

static void check_page_number(const Model *model, const Expected *hit, guint page) {
  if (!hit->by_page) g_assert_cmpuint(page, ==, 0);
  else g_assert_cmpuint(page, <=, PAGES);
  if (page) g_assert_nonnull(model->pages[page - 1]);
}

/* Asks page by page to the end and compares everything with the scan. */
static void check_question(World *world, Sql *sql, Question *question) {
  g_autoptr(GString) query = g_string_new(NULL);
  if (question->expression) write_expression(query, question->expression, world->random);
  question->request.query = query->str;
  g_autoptr(GArray) expected = expect_hits(world, question);
  g_autofree char *after = NULL;
  guint seen = 0;
  do {
    g_autoptr(GError) error = NULL;
    question->request.after = after;
    g_autoptr(SearchResult) result = search_run(world->search, sql, &question->scope, &question->request, &error);
    g_assert_no_error(error);
    if (result->count != expected->len) g_test_message("query: %s", query->str);
    g_assert_cmpuint(result->count, ==, expected->len);
    g_assert_null(result->notice);
    for (guint i = 0; i < result->ids->len; i++, seen++) {
      const Expected *hit = &g_array_index(expected, Expected, seen);
      g_assert_cmpint(g_array_index(result->ids, gint64, i), ==, record_id(hit->id));
      check_page_number(&world->models[hit->id], hit, g_array_index(result->pages, guint, i));
    }
    for (guint facet = 0; seen <= question->request.limit && facet < 6; facet++) check_facet(world, question, g_ptr_array_index(result->facets, facet), facet);
    g_assert_cmpint(result->next != NULL, ==, seen < expected->len);
    g_free(after);
    after = g_strdup(result->next);
  } while (after);
  g_assert_cmpuint(seen, ==, expected->len);
}

/* ---- the world's history ---- */

static gboolean read_fields(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  const World *world = data;
  const Model *model = &world->models[id / record_id(1)];
  if (!model->alive) return FALSE;
  document_of(model, id, &ret->fields);
  ret->title = g_strdup(model->title);
  ret->creator = g_strdup(model->creator);
  ret->docno = g_strdup(model->docno);
  ret->code = g_strdup(model->code);
  return TRUE;
}

static gboolean read_pages(Sql *sql, gint64 first, gint64 last, SearchPageEach each, gpointer each_data, gpointer data, GError **error) {
  const World *world = data;
  for (gint64 id = (first + record_id(1) - 1) / record_id(1); id <= last / record_id(1) && id <= DOCUMENTS; id++)
    for (guint i = 0; world->models[id].alive && i < PAGES; i++)
      if (world->models[id].pages[i] && !each(record_id(id), i + 1, world->models[id].pages[i], each_data)) return TRUE;
  return TRUE;
}

static void world_open(World *world) {
  g_autoptr(GError) error = NULL;
  world->search = search_open(world->db, &error);
  g_assert_no_error(error);
  g_assert_false(search_needs_rebuild(world->search));
  search_cache_keep_all(world->search->cache);
  json_auto_t *labels = json_pack("{s:s, s:s}", "男方姓名", "nfxm", "其他", "bz");
  search_set_fields(world->search, labels);
  search_set_text_source(world->search, read_fields, world);
  search_set_pages_source(world->search, read_pages, world);
}

/* Some records change; what was before is put back when the transaction is not committed. */
static void change_some(World *world, guint count, gboolean bulk, gboolean commits) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(world->db, &error);
  g_assert_no_error(error);
  if (bulk) search_bulk_begin(world->search, sql);
  g_autofree Model *kept = g_memdup2(world->models, sizeof(Model) * (DOCUMENTS + 1));
  for (gint64 id = 1; !commits && id <= DOCUMENTS; id++) kept[id] = model_copy(&world->models[id]);
  for (guint i = 0; i < count; i++) {
    gint64 id = g_rand_int_range(world->random, 1, DOCUMENTS + 1);
    Model before = world->models[id], after = {0};
    if (!before.alive || g_rand_int_range(world->random, 0, 4)) model_fill(&after, world->random);
    if (before.alive && after.alive && g_rand_boolean(world->random)) { /* only columns change */
      SearchColumns columns = after.columns;
      model_clear(&after);
      after = model_copy(&before);
      after.columns = columns;
    }
    put_model(world, sql, id, &before, &after);
    world->models[id] = after;
    model_clear(&before);
  }
  Question question;
  random_question(&question, world->random);
  check_question(world, sql, &question); /* inside the transaction: it sees its own changes */
  expression_free(question.expression);
  if (bulk) search_bulk_flush(world->search, sql, &error);
  if (commits) sql_commit(sql, &error);
  g_assert_no_error(error);
  for (gint64 id = 1; !commits && id <= DOCUMENTS; id++) {
    model_clear(&world->models[id]);
    world->models[id] = kept[id];
  }
}

static void remake_model(World *world, Sql *sql, gint64 id) {
  g_autofree char *fields = NULL;
  SearchDocument document = document_of(&world->models[id], record_id(id), &fields);
  g_assert_true(search_remake_put(world->search, sql, &document, NULL));
}

static void remake_pages(World *world, Sql *sql, gint64 id) {
  for (guint i = 0; i < PAGES; i++)
    if (world->models[id].pages[i]) g_assert_true(search_remake_page(world->search, sql, record_id(id), i + 1, world->models[id].pages[i], NULL));
}

/* In slices, between which records are changed. */
static void rebuild(World *world) {
  g_autoptr(GError) error = NULL;
  g_assert_true(search_remake_begin(world->search, &error));
  for (gint64 from = 1; from <= DOCUMENTS; from += DOCUMENTS / 4) {
    change_some(world, 20, FALSE, TRUE);
    g_autoptr(Sql) sql = sql_write(world->db, &error);
    for (gint64 id = from; id < MIN(from + DOCUMENTS / 4, DOCUMENTS + 1); id++)
      if (world->models[id].alive) remake_model(world, sql, id);
    if (from + DOCUMENTS / 4 > DOCUMENTS) search_remake_put(world->search, sql, NULL, &error);
    g_assert_true(search_bulk_flush(world->search, sql, &error) && sql_commit(sql, &error));
  }
  change_some(world, 20, FALSE, TRUE);
  for (gint64 from = 1; from <= DOCUMENTS; from += DOCUMENTS / 2) {
    g_autoptr(Sql) sql = sql_write(world->db, &error);
    for (gint64 id = from; id < MIN(from + DOCUMENTS / 2, DOCUMENTS + 1); id++)
      if (world->models[id].alive) remake_pages(world, sql, id);
    if (from + DOCUMENTS / 2 > DOCUMENTS) search_remake_page(world->search, sql, 0, 0, NULL, &error);
    g_assert_true(sql_commit(sql, &error));
    g_clear_pointer(&sql, sql_end);
    change_some(world, 20, FALSE, TRUE);
  }
  g_assert_true(search_remake_finish(world->search, &error));
  g_assert_no_error(error);
}

/* Grams are chosen and blocks covered, some steps of it, while records go on changing. */
static void extend_grams(World *world, guint steps) {
  for (gboolean more = TRUE; more && steps > 0; steps--) {
    g_autoptr(GError) error = NULL;
    gboolean more_pages;
    g_assert_true(search_grams_extend(world->search, &more, &error) && search_page_grams_extend(world->search, &more_pages, &error));
    g_assert_no_error(error);
    more = more || more_pages;
  }
}

static guint covered_blocks(World *world) {
  g_autoptr(Sql) sql = sql_read(world->db, NULL);
  GramState state;
  PageState pages;
  g_assert_true(search_gram_state(sql, &state, NULL) && search_page_state(sql, &pages, NULL));
  return MIN(state.covered, (guint)(pages.covered / BLOCK_LINES));
}

static void test_against_scan(void) {
  g_autoptr(GError) error = NULL;
  World world = {.random = g_rand_new_with_seed(7), .models = g_new0(Model, DOCUMENTS + 1)};
  g_autofree char *dir = g_dir_make_tmp(NULL, &error), *file = g_build_filename(dir, "search.db", NULL);
  world.db = sql_open(file, &error);
  g_assert_no_error(error);
  world_open(&world);
  change_some(&world, DOCUMENTS, TRUE, TRUE);
  Question kept[KEPT]; /* asked again every round: their terms are in the cache while the records change */
  for (guint i = 0; i < KEPT; i++) {
    random_question(&kept[i], world.random);
    kept[i].scope = i % 2 ? SCOPE_EVERYTHING : kept[i].scope;
    kept[i].request = (SearchRequest){.facets = TRUE, .limit = 100};
    expression_free(kept[i].expression);
    kept[i].expression = random_expression(world.random, i % 3);
  }
  for (guint round = 0; round < ROUNDS; round++) {
    guint kind = round % 8;
    search_limits = (SearchLimits){.few = round % 3 ? 3 : 700, .dense = round % 5 ? 20 : 2048, .in_order = round % 4 ? 10 : 3000,
      .gram_records = 1, .gram_least = 5 + round % 7, .gram_sample = 100000, .gram_owed = round % 3 ? 50 : 1000000,
      .page_least = 3 + round % 5 * 20, .page_behind = round % 2 ? 1000 : 30000, .page_stale = round % 3 * 20, .page_looked = round % 4 ? 3000 : 40,
      .page_room = round % 3 ? 256 << 20 : 20000};
    extend_grams(&world, (guint)g_rand_int_range(world.random, 0, 3));
    change_some(&world, kind == 3 ? 200 : (guint)g_rand_int_range(world.random, 1, 6), kind == 3 || kind == 5, kind != 6);
    if (kind == 4) g_assert_true(search_optimize(world.search, NULL));
    if (round == 20) rebuild(&world);
    if (kind == 7) { /* what is read back from disk is the same */
      search_close(world.search);
      world_open(&world);
    }
    for (guint i = 0; i < QUERIES_PER_ROUND; i++) {
      Question question;
      random_question(&question, world.random);
      g_autoptr(Sql) sql = sql_read(world.db, &error);
      check_question(&world, sql, &question);
      expression_free(question.expression);
    }
    g_autoptr(Sql) sql = sql_read(world.db, &error);
    for (guint i = 0; i < KEPT; i++) check_question(&world, sql, &kept[i]);
  }
  for (guint i = 0; i < KEPT; i++) expression_free(kept[i].expression);
  g_assert_cmpuint(covered_blocks(&world), >, 0);
  g_assert_cmpuint(search_cache_bytes(world.search->cache), >, 0);
  for (gint64 id = 1; id <= DOCUMENTS; id++) model_clear(&world.models[id]);
  g_free(world.models);
  search_close(world.search);
  sql_close(world.db);
  for (guint i = 0; i < 3; i++) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    g_autofree char *name = g_strconcat(file, ends[i], NULL);
    g_unlink(name);
  }
  g_rmdir(dir);
  g_rand_free(world.random);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/search/against-scan", test_against_scan);
  return g_test_run();
}
