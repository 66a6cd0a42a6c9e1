/*
 * Creators and persons that occur often and are tied to no authority yet, with what they may be.
 *
 * 1. The survey (a job) reads every record twice: first for which texts are frequent (lossy counting: no more than KEPT texts in memory, none that occurs
 *    often is lost), then to count these exactly, by fonds, level of secrecy and opening, where the record is not tied to an authority of that name.
 * 2. A page shows of them what the asker's scope admits, and counts that alone.
 */
#include "internal.h"

enum { KEPT = 200000, TAKEN = 2000, LEAST = 3, PAGE = 40, MATCHES = 3, ENDING = 3, BATCH = 5000 };

typedef struct { guint count, error; } Tally;
typedef struct { gint64 fonds_id; int security, opening; guint count; } Bucket;
typedef struct { char *text; const char *kind; guint count; GArray *buckets, *authorities; } Candidate;
typedef struct { gint64 id, fonds_id; int security, opening; } Source;
typedef gboolean (*VisitText)(const char *text, gboolean person, const Source *source, gpointer data);

typedef struct {
  const House *house;
  Job *job;
  GHashTable *tallies;    /* "p"/"b" text → Tally */
  guint round;
  GHashTable *candidates; /* the same key → Candidate */
  Sql *sql;
  gint64 seen, total;
  const char *stage;
} Survey;

/* ---- reading: the creator, and the values of fields that hold persons ---- */

static GHashTable *person_fields(const Catalog *catalog) {
  GHashTable *keys = g_hash_table_new(g_str_hash, g_str_equal);
  guint count;
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  for (guint i = 0; i < count; i++)
    for (guint f = 0; f < categories[i]->field_count; f++)
      if (g_str_equal(categories[i]->fields[f].type, "person")) g_hash_table_add(keys, (gpointer)categories[i]->fields[f].key);
  return keys;
}

static gboolean visit_row(SqlRows *rows, GHashTable *persons, VisitText visit, gpointer data) {
  const Source source = {sql_get_int(rows, "id"), sql_get_int(rows, "fonds_id"), (int)sql_get_int(rows, "security"), (int)sql_get_int(rows, "opening")};
  const char *creator = sql_get_text(rows, "creator");
  if (*creator != '\0' && !visit(creator, FALSE, &source, data)) return FALSE;
  json_auto_t *fields = json_loads(sql_get_text(rows, "fields"), 0, NULL);
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value) {
    const char *text = g_hash_table_contains(persons, key) ? json_string_value(value) : NULL;
    if (text != NULL && *text != '\0' && !visit(text, !name_is_body(text), &source, data)) return FALSE;
  }
  return TRUE;
}

/* In lots of their own transactions: a survey does not hold the database's past. FALSE also when the job is to stop (then without error). */
static gboolean read_all(Survey *survey, VisitText visit, GError **error) {
  g_autoptr(GHashTable) persons = person_fields(survey->house->catalog);
  survey->seen = 0;
  for (gint64 last = 0, count = BATCH; count == BATCH;) {
    job_progress(survey->job, survey->seen, survey->total, "件", survey->stage);
    if (job_should_stop(survey->job)) return FALSE;
    g_autoptr(Sql) sql = sql_read(survey->house->db, error);
    g_autoptr(SqlRows) rows = sql == NULL ? NULL : sql_query(sql,
      "SELECT id, fonds_id, security, opening, creator, fields FROM record WHERE id > $1 AND level >= 3 ORDER BY id LIMIT 5000",
      SQL_ARGS(sql_int(last)), error);
    if (rows == NULL) return FALSE;
    survey->sql = sql;
    g_autoptr(GError) local = NULL;
    for (count = 0; sql_next(rows, &local); count++) {
      last = sql_get_int(rows, "id");
      visit_row(rows, persons, visit, survey);
    }
    survey->seen += count;
    g_clear_pointer(&rows, sql_rows_free);
    survey->sql = NULL;
    if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  }
  return TRUE;
}

/* ---- first reading ---- */

static gboolean is_rare(gpointer key, gpointer value, gpointer round) {
  const Tally *tally = value;
  return tally->count + tally->error <= GPOINTER_TO_UINT(round);
}

static gboolean tally(const char *text, gboolean person, const Source *source, gpointer data) {
  Survey *survey = data;
  g_autofree char *key = g_strconcat(person ? "p" : "b", text, NULL);
  Tally *known = g_hash_table_lookup(survey->tallies, key);
  if (known != NULL) return known->count++, TRUE;
  known = g_new(Tally, 1);
  *known = (Tally){1, survey->round};
  g_hash_table_insert(survey->tallies, g_steal_pointer(&key), known);
  if (g_hash_table_size(survey->tallies) < KEPT) return TRUE;
  survey->round++;
  g_hash_table_foreach_remove(survey->tallies, is_rare, GUINT_TO_POINTER(survey->round));
  return TRUE;
}

/* ---- second reading ---- */

static void candidate_free(gpointer data) {
  Candidate *candidate = data;
  g_free(candidate->text);
  g_array_unref(candidate->buckets);
  g_array_unref(candidate->authorities);
  g_free(candidate);
}

static int more_first(gconstpointer a, gconstpointer b, gpointer tallies) {
  const Tally *x = g_hash_table_lookup(tallies, *(char *const *)a), *y = g_hash_table_lookup(tallies, *(char *const *)b);
  return x->count != y->count ? (x->count > y->count ? -1 : 1) : strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_same_name(Sql *sql, Candidate *candidate) {
  g_autofree char *key = name_key(candidate->text);
  json_auto_t *rows = sql_json(sql, "SELECT authority_id AS id FROM authority_name WHERE folded = $1 ORDER BY authority_id LIMIT 50",
    SQL_ARGS(sql_text(key)), NULL);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    gint64 id = int_at(row, "id");
    g_array_append_val(candidate->authorities, id);
  }
}

static gboolean choose(Survey *survey, GError **error) {
  g_autoptr(Sql) sql = sql_read(survey->house->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  GHashTableIter iterator;
  gpointer key;
  g_hash_table_iter_init(&iterator, survey->tallies);
  while (g_hash_table_iter_next(&iterator, &key, NULL)) g_ptr_array_add(keys, key);
  g_ptr_array_sort_with_data(keys, more_first, survey->tallies);
  for (guint i = 0; i < MIN(keys->len, TAKEN); i++) {
    const char *text = keys->pdata[i];
    Candidate *candidate = g_new0(Candidate, 1);
    candidate->text = g_strdup(text + 1);
    candidate->kind = *text == 'p' ? "person" : "body";
    candidate->buckets = g_array_new(FALSE, FALSE, sizeof(Bucket));
    candidate->authorities = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_hash_table_insert(survey->candidates, g_strdup(text), candidate);
    add_same_name(sql, candidate);
  }
  return TRUE;
}

static gboolean is_tied(Sql *sql, const Candidate *candidate, gint64 record_id) {
  for (guint i = 0; i < candidate->authorities->len; i++)
    if (sql_number(sql, "SELECT 1 AS tied FROM record_link WHERE record_id = $1 AND target_kind = 'authority' AND target_id = $2 LIMIT 1",
          SQL_ARGS(sql_int(record_id), sql_int(g_array_index(candidate->authorities, gint64, i))), 0, NULL) == 1) return TRUE;
  return FALSE;
}

static gboolean count_exactly(const char *text, gboolean person, const Source *source, gpointer data) {
  Survey *survey = data;
  g_autofree char *key = g_strconcat(person ? "p" : "b", text, NULL);
  Candidate *candidate = g_hash_table_lookup(survey->candidates, key);
  if (candidate == NULL || is_tied(survey->sql, candidate, source->id)) return TRUE;
  candidate->count++;
  for (guint i = 0; i < candidate->buckets->len; i++) {
    Bucket *bucket = &g_array_index(candidate->buckets, Bucket, i);
    if (bucket->fonds_id == source->fonds_id && bucket->security == source->security && bucket->opening == source->opening) return bucket->count++, TRUE;
  }
  Bucket bucket = {source->fonds_id, source->security, source->opening, 1};
  g_array_append_val(candidate->buckets, bucket);
  return TRUE;
}

static int most_first(gconstpointer a, gconstpointer b) {
  const Candidate *x = *(Candidate *const *)a, *y = *(Candidate *const *)b;
  return x->count != y->count ? (x->count > y->count ? -1 : 1) : strcmp(x->text, y->text);
}

static gboolean keep(Survey *survey, GError **error) {
  g_autoptr(GPtrArray) sorted = g_ptr_array_new();
  GHashTableIter iterator;
  gpointer value;
  g_hash_table_iter_init(&iterator, survey->candidates);
  while (g_hash_table_iter_next(&iterator, NULL, &value))
    if (((const Candidate *)value)->count >= LEAST) g_ptr_array_add(sorted, value);
  g_ptr_array_sort(sorted, most_first);
  g_autoptr(Sql) sql = sql_write(survey->house->db, error);
  if (sql == NULL || !sql_exec(sql, "DELETE FROM authority_candidate", SQL_NONE, error)) return FALSE;
  for (guint i = 0; i < sorted->len; i++) {
    const Candidate *candidate = sorted->pdata[i];
    for (guint b = 0; b < candidate->buckets->len; b++) {
      const Bucket *bucket = &g_array_index(candidate->buckets, Bucket, b);
      if (!sql_exec(sql, "INSERT INTO authority_candidate (text, kind, fonds_id, security, opening, records, rank) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            SQL_ARGS(sql_text(candidate->text), sql_text(candidate->kind), sql_int(bucket->fonds_id), sql_int(bucket->security), sql_int(bucket->opening),
              sql_int(bucket->count),
              sql_int(i + 1)), error)) return FALSE;
    }
  }
  return sql_commit(sql, error);
}

static gint64 records_there(const House *house, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  return sql == NULL ? -1 : sql_number(sql, "SELECT MAX(id) AS last FROM record", SQL_NONE, 0, error);
}

gboolean authority_survey(const House *house, Job *job, json_t *parameters, GError **error) {
  g_autoptr(GHashTable) tallies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(GHashTable) candidates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, candidate_free);
  Survey survey = {.house = house, .job = job, .tallies = tallies, .candidates = candidates, .total = records_there(house, error), .stage = "查找常见的责任者和人名"};
  g_autoptr(GError) local = NULL;
  if (survey.total < 0) return FALSE;
  gboolean read = read_all(&survey, tally, &local) && choose(&survey, &local);
  survey.stage = "计数";
  read = read && read_all(&survey, count_exactly, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return !read || keep(&survey, error); /* not read: it is to stop, and begins anew */
}

/* ---- the page ---- */

static json_t *matches_of(Sql *sql, const char *text) {
  const AuthorityAsk ask = {.words = text, .limit = MATCHES};
  json_auto_t *list = authority_list(sql, &ask, NULL);
  const char *ending = text; /* none has all of it: those that end alike, as 市教育局 for 县教育局; 委员会 alone says nothing of whom it is of */
  gboolean plain = g_str_has_suffix(text, "委员会") || g_str_has_suffix(text, "办公室");
  for (glong length = g_utf8_strlen(text, -1); length > (plain ? 2 * ENDING : ENDING); length--) ending = g_utf8_next_char(ending);
  if (json_array_size(list) == 0 && ending != text) {
    const AuthorityAsk alike = {.words = ending, .limit = MATCHES};
    json_decref(list);
    list = authority_list(sql, &alike, NULL);
  }
  json_t *matches = json_array(), *row;
  size_t i;
  json_array_foreach(list, i, row) {
    g_autofree char *alive = dates_shown(row);
    json_array_append_new(matches, json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)int_at(row, "id"), "name", text_at(row, "name"), "alive", alive,
      "kind_label",
      word_label(AUTHORITY_KINDS, text_at(row, "kind"))));
  }
  return matches;
}

/* Lines of one text are together; so many texts that the scope admits something of. */
static json_t *candidates_from(WebRequest *request, Sql *sql, gint64 after, gint64 *ret_last, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT text, kind, fonds_id, security, opening, records, rank FROM authority_candidate WHERE rank > $1 ORDER BY rank, fonds_id, security, opening",
    SQL_ARGS(sql_int(after)), error);
  if (rows == NULL) return NULL;
  json_t *list = json_array(), *last = NULL;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    gint64 rank = sql_get_int(rows, "rank");
    if (!scope_admits(web_scope(request), LEVEL_ITEM, sql_get_int(rows, "fonds_id"), (Security)sql_get_int(rows, "security"), (Opening)sql_get_int(rows,
      "opening"))) continue;
    if (last == NULL || int_at(last, "rank") != rank) {
      if (json_array_size(list) == PAGE) {
        *ret_last = int_at(last, "rank");
        break;
      }
      last = json_pack("{s:s, s:s, s:s, s:I, s:i}", "text", sql_get_text(rows, "text"), "kind", sql_get_text(rows, "kind"), "kind_label",
        word_label(AUTHORITY_KINDS, sql_get_text(rows, "kind")), "rank", (json_int_t)rank, "records", 0);
      json_array_append_new(list, last);
    }
    json_object_set_new(last, "records", json_integer(int_at(last, "records") + sql_get_int(rows, "records")));
  }
  if (local != NULL) return json_decref(list), g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return list;
}

WebReply *page_candidates(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  gint64 last = 0;
  json_t *list = sql == NULL ? NULL : candidates_from(request, sql, web_int(request, "after", 0), &last, error), *row;
  if (list == NULL) return NULL;
  size_t i;
  json_array_foreach(list, i, row) json_object_set_new(row, "matches", matches_of(sql, text_at(row, "text")));
  json_t *model = json_pack("{s:o, s:b}", "rows", list, "paged", web_int(request, "after", 0) != 0);
  if (last != 0) json_object_set_new(model, "next", json_integer(last));
  json_auto_t *job = job_latest(sql, "authority", 0, NULL);
  if (job != NULL) {
    const char *state = text_at(job, "state");
    json_object_set_new(job, "running", json_boolean(g_str_equal(state, "running")));
    if (g_str_equal(state, "queued") || g_str_equal(state, "running")) json_object_set(model, "job", job);
    if (g_str_equal(state, "done")) json_object_set(model, "surveyed", json_object_get(job, "finished"));
    if (g_str_equal(state, "failed")) json_object_set(model, "failure", json_object_get(job, "error"));
  }
  return web_model(model);
}

WebReply *page_candidates_survey(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || job_queue(sql, "authority.survey", "authority", 0, NULL, web_actor(request), error) == 0 || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/authorities/candidates");
  web_flash(reply, "已开始清点，可以离开本页");
  return reply;
}
