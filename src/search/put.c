/*
 * Changes of the index inside a write transaction, and what follows in memory after its commit.
 *
 * 1. Everything a transaction changes is gathered in its Pending; nothing of it is seen by others before the commit, nothing remains after a rollback.
 * 2. FTS5 gathers terms in memory only while row ids rise (a lower id flushes them), so in bulk mode what goes back is put off and written in order.
 * 3. Chunks of columns are written at each put, in bulk mode at search_bulk_flush.
 * 4. A commit is seen in the database a moment before memory follows; a reader waits for that moment. The cache is brought up to the commit
 *    before the new columns are shown: who sees version n of the columns finds the cache at n or later.
 * 5. While the index is made anew (heal.c), slices fill a second set of FTS5 tables in the order of ids, and columns where they differ. A save also enters
 *    the second set when its record lies in a slice that is done; a later slice reads it from the records.
 */
#include "block.h"
#include "error.h"
#include "gram.h"
#include "query.h"
#include "text.h"

enum { TABLE_TITLE, TABLE_TEXT, TABLE_CLOSED, TABLE_PAGE, MADE /* those of the second set come behind */, TABLES = MADE * 2 };
enum { CHANGES_FOLLOWED = 64, PUT_OFF_BYTES = 32 << 20, TEXT_PARTS = 4, AUTOMERGE = 4, JOIN_EVERY = 4, LARGE_BULK_CHUNKS = 8, FOLLOW_US = 250000 };
static const char *const PENDING_KEY = "search", *const VIEW_KEY = "search view";

typedef struct { /* a document as tokens */
  gint64 id;
  SearchColumns columns;
  GString *code, *title, *text, *closed; /* title, text, closed: tokens */
  gsize ends[TEXT_PARTS];       /* creator, code, docno, fields end here in text */
  GString *folded;              /* scratch */
} Prepared;

typedef struct { /* one row of one table to be written or deleted */
  guint table, sequence;
  gboolean removes;
  gint64 rowid;
  const char *text;
  gsize ends[TEXT_PARTS];
  char *owned;
} Operation;

typedef struct {
  Search *search;
  Columns *base;   /* the state before */
  guint64 version; /* the state after */
  gboolean bulk, many, ended;
  gboolean shown[2];          /* is_first: of records, of pages */
  gboolean alone;             /* the tables that are asked are damaged and left as they are */
  gint64 made, made_page;     /* record ids and page rows up to which the second set has them; 0: none */
  GHashTable *drafts;
  guint draft_number;
  Draft *draft; /* the last one used */
  GPtrArray *changes;
  Prepared *before, *after;
  gint64 last_rowid[TABLES];
  gboolean last_removed[TABLES];
  GArray *put_off; /* Operation */
  gsize put_off_bytes;
  GramFollow *grams; /* NULL: nothing owed yet */
} Pending;

/* ---- text → tokens (preparing them in other threads was measured: what the writer saves it loses again in cache misses) ---- */

static Prepared *prepared_new(void) {
  Prepared *prepared = g_new0(Prepared, 1);
  prepared->code = g_string_new(NULL);
  prepared->title = g_string_sized_new(256);
  prepared->text = g_string_sized_new(256);
  prepared->closed = g_string_new(NULL);
  prepared->folded = g_string_sized_new(256);
  return prepared;
}

static void prepared_free(Prepared *prepared) {
  g_string_free(prepared->code, TRUE);
  g_string_free(prepared->title, TRUE);
  g_string_free(prepared->text, TRUE);
  g_string_free(prepared->closed, TRUE);
  g_string_free(prepared->folded, TRUE);
  g_free(prepared);
}

static void append_tokens(Prepared *prepared, GString *out, const char *text, gsize length) {
  g_string_truncate(prepared->folded, 0);
  text_fold_append(prepared->folded, text, (gssize)length);
  search_token_append(out, prepared->folded->str);
}

static void append_to(Prepared *prepared, GString *out, const char *key, const char *value, gsize length) {
  search_token_append_anchor(out, key);
  append_tokens(prepared, out, value, length);
  search_names_append(out, value, length, prepared->folded->str);
  search_days_append(out, key, value, length);
}

static void append_field(const char *key, const char *value, gsize length, gpointer data) {
  Prepared *prepared = data;
  append_to(prepared, prepared->text, key, value, length);
}

static void append_closed(const char *key, const char *value, gsize length, gpointer data) {
  Prepared *prepared = data;
  append_to(prepared, prepared->closed, key, value, length);
}

static void prepare(Prepared *prepared, const SearchDocument *document) {
  prepared->id = document->id;
  prepared->columns = document->columns;
  g_string_assign(prepared->code, document->code ? document->code : "");
  g_string_truncate(prepared->title, 0);
  g_string_truncate(prepared->text, 0);
  g_string_truncate(prepared->closed, 0);
  if (document->title) append_tokens(prepared, prepared->title, document->title, strlen(document->title));
  const char *parts[] = {document->creator, document->code, document->docno};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    if (parts[i]) append_tokens(prepared, prepared->text, parts[i], strlen(parts[i]));
    if (parts[i] && i == 0) search_names_append(prepared->text, parts[i], strlen(parts[i]), prepared->folded->str);
    prepared->ends[i] = prepared->text->len;
  }
  search_fields_each(document->fields, append_field, prepared);
  prepared->ends[TEXT_PARTS - 1] = prepared->text->len;
  search_fields_each(document->closed, append_closed, prepared);
}

/* ---- rows of the FTS5 tables ---- */

#define ROW_OF(table, column) \
  static gboolean table##_row(Sql *sql, const Operation *op, GError **error) { \
    const SqlValue *args = SQL_ARGS(sql_int(op->rowid), sql_text_n(op->text, (gssize)op->ends[0])); \
    if (op->removes) return sql_exec(sql, "INSERT INTO " #table " (" #table ", rowid, " #column ") VALUES ('delete', $1, $2)", args, error); \
    return sql_exec(sql, "INSERT INTO " #table " (rowid, " #column ") VALUES ($1, $2)", args, error); \
  }
#define ROW_OF_TEXT(table) \
  static gboolean table##_row(Sql *sql, const Operation *op, GError **error) { \
    const char *text = op->text; \
    const gsize *ends = op->ends; \
    SqlValue id = sql_int(op->rowid), creator = sql_text_n(text, (gssize)ends[0]), code = sql_text_n(text + ends[0], (gssize)(ends[1] - ends[0])), \
      docno = sql_text_n(text + ends[1], (gssize)(ends[2] - ends[1])), fields = sql_text_n(text + ends[2], (gssize)(ends[3] - ends[2])); \
    if (op->removes) \
      return sql_exec(sql, "INSERT INTO " #table " (" #table ", rowid, creator, code, docno, fields) VALUES ('delete', $1, $2, $3, $4, $5)", \
        SQL_ARGS(id, creator, code, docno, fields), error); \
    return sql_exec(sql, "INSERT INTO " #table " (rowid, creator, code, docno, fields) VALUES ($1, $2, $3, $4, $5)", \
      SQL_ARGS(id, creator, code, docno, fields), error); \
  }
ROW_OF(search_title, title)
ROW_OF_TEXT(search_text)
ROW_OF(search_closed, fields)
ROW_OF(search_page, text)
ROW_OF(search_made_title, title)
ROW_OF_TEXT(search_made_text)
ROW_OF(search_made_closed, fields)
ROW_OF(search_made_page, text)

static gboolean write_operation(Sql *sql, const Operation *op, GError **error) {
  static gboolean (*const rows[TABLES])(Sql *sql, const Operation *op, GError **error) = {search_title_row, search_text_row, search_closed_row, search_page_row,
    search_made_title_row, search_made_text_row, search_made_closed_row, search_made_page_row};
  return rows[op->table](sql, op, error);
}

static gboolean write_now(Pending *pending, Sql *sql, const Operation *op, GError **error) {
  pending->last_rowid[op->table] = op->rowid;
  pending->last_removed[op->table] = op->removes;
  return write_operation(sql, op, error);
}

static int compare_operations(gconstpointer a, gconstpointer b) {
  const Operation *x = a, *y = b;
  if (x->table != y->table) return x->table < y->table ? -1 : 1;
  if (x->rowid != y->rowid) return x->rowid < y->rowid ? -1 : 1;
  return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static void operation_clear(gpointer data) { g_free(((Operation *)data)->owned); }

static gboolean write_put_off(Pending *pending, Sql *sql, GError **error) {
  g_array_sort(pending->put_off, compare_operations);
  for (guint i = 0; i < pending->put_off->len; i++)
    if (!write_now(pending, sql, &g_array_index(pending->put_off, Operation, i), error)) return FALSE;
  g_array_set_size(pending->put_off, 0);
  pending->put_off_bytes = 0;
  return TRUE;
}

static gboolean write_row(Pending *pending, Sql *sql, Operation op, GError **error) {
  gsize length = op.ends[op.table % MADE == TABLE_TEXT ? TEXT_PARTS - 1 : 0];
  if (length == 0) return TRUE;
  gint64 last = pending->last_rowid[op.table];
  if (!pending->bulk || op.rowid > last || (op.rowid == last && pending->last_removed[op.table])) return write_now(pending, sql, &op, error);
  op.sequence = pending->put_off->len;
  op.text = op.owned = g_memdup2(op.text, length);
  g_array_append_val(pending->put_off, op);
  pending->put_off_bytes += length + sizeof op;
  return pending->put_off_bytes < PUT_OFF_BYTES || write_put_off(pending, sql, error);
}

/* ---- the transaction's state ---- */

static void pending_free(gpointer data) {
  Pending *pending = data;
  search_columns_unref(pending->base);
  g_hash_table_unref(pending->drafts);
  g_clear_pointer(&pending->changes, g_ptr_array_unref);
  prepared_free(pending->before);
  prepared_free(pending->after);
  g_array_unref(pending->put_off);
  search_gram_follow_free(pending->grams);
  g_free(pending);
}

static gboolean is_flushed(Pending *pending) {
  GHashTableIter iter;
  gpointer draft;
  g_hash_table_iter_init(&iter, pending->drafts);
  while (g_hash_table_iter_next(&iter, NULL, &draft))
    if (((Draft *)draft)->dirty) return FALSE;
  return pending->put_off->len == 0;
}

/* Shows a newer state to everybody; takes columns. */
static void adopt(Search *search, Columns *columns) {
  g_mutex_lock(&search->lock);
  Columns *gone = columns;
  if (columns->version > search->current->version) {
    gone = search->history[HISTORY - 1];
    memmove(search->history + 1, search->history, sizeof search->history - sizeof search->history[0]);
    search->history[0] = search->current;
    search->current = columns;
    g_cond_broadcast(&search->moved);
  }
  g_mutex_unlock(&search->lock);
  search_columns_unref(gone);
}

/* Right after the commit: memory follows. */
static void publish(gpointer data) {
  Pending *pending = data;
  Search *search = pending->search;
  gboolean flushed = is_flushed(pending);
  if (!flushed && !search_is_damaged(search)) g_critical("search: a load was committed without search_bulk_flush");
  Columns *columns = search_columns_with(pending->base, pending->version, pending->drafts);
  search_cache_commit(search->cache, pending->version, pending->many ? NULL : g_steal_pointer(&pending->changes));
  if (pending->many) search_tallies_forget(search->tallies);
  adopt(search, columns); /* before it counts as sound: search_columns asks memory from then on */
  g_mutex_lock(&search->lock);
  if (pending->ended && search->damaged) search->sound_from = pending->version;
  if (pending->ended) search->needs_rebuild = search->damaged = search->remade.going = FALSE;
  if (!flushed) search->needs_rebuild = search->damaged = TRUE;
  g_mutex_unlock(&search->lock);
}

/* The newest state there is in memory by `version` at the latest; waits for it until `until`, but not where tables were made anew, which memory does not follow. */
static Columns *take_columns(Search *search, guint64 version, gint64 until) {
  g_mutex_lock(&search->lock);
  while (search->current->version < version && search->current->version >= search->version_floor && g_cond_wait_until(&search->moved, &search->lock, until)) continue;
  Columns *columns = search->current;
  for (guint i = 0; columns->version > version && i < HISTORY && search->history[i]; i++) columns = search->history[i];
  search_columns_ref(columns);
  g_mutex_unlock(&search->lock);
  return columns;
}

/* The columns of exactly the version that sql sees. When memory does not get there, another process has written: it is read anew. */
static Columns *columns_of(Search *search, Sql *sql, guint64 version, GError **error) {
  g_autoptr(Columns) columns = take_columns(search, version, g_get_monotonic_time() + FOLLOW_US);
  if (columns->version == version) return g_steal_pointer(&columns);
  gboolean damaged = FALSE, newer = columns->version < version; /* else one from before all that memory keeps */
  g_autoptr(Columns) loaded = search_columns_load(sql, &damaged, error);
  if (loaded == NULL) return NULL;
  if (newer) {
    search_cache_commit(search->cache, loaded->version, NULL);
    adopt(search, search_columns_ref(loaded));
  }
  return g_steal_pointer(&loaded);
}

static Pending *pending_get(Search *search, Sql *sql, GError **error) {
  Pending *pending = sql_get_data(sql, PENDING_KEY);
  if (pending) return pending;
  g_autoptr(GError) failure = NULL;
  gint64 version = sql_number(sql, "SELECT version FROM search_state WHERE id = 1", SQL_NONE, 0, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  g_autoptr(Columns) base = columns_of(search, sql, (guint64)version, error);
  /* FTS5 joins by itself after every 64 pages only, and each save leaves a segment of one: till then a search would ask dozens of them. */
  if (base && version % JOIN_EVERY == 0 && !search_is_damaged(search) && !search_join(sql, error)) return NULL;
  if (base == NULL || !sql_exec(sql, "UPDATE search_state SET version = version + 1 WHERE id = 1", SQL_NONE, error)) return NULL;
  pending = g_new0(Pending, 1);
  pending->search = search;
  pending->base = g_steal_pointer(&base);
  pending->version = (guint64)version + 1;
  g_mutex_lock(&search->lock);
  pending->alone = search->damaged;
  if (search->remade.going) pending->made = search->remade.record, pending->made_page = search->remade.page;
  g_mutex_unlock(&search->lock);
  pending->drafts = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, (GDestroyNotify)search_draft_free);
  pending->changes = g_ptr_array_new_with_free_func((GDestroyNotify)search_change_free);
  pending->before = prepared_new();
  pending->after = prepared_new();
  pending->put_off = g_array_new(FALSE, FALSE, sizeof(Operation));
  g_array_set_clear_func(pending->put_off, operation_clear);
  sql_set_data(sql, PENDING_KEY, pending, NULL);
  sql_on_commit(sql, publish, pending, pending_free);
  return pending;
}

static void note_change(Pending *pending, Change *change) {
  if (change == NULL) return;
  if (pending->changes->len >= CHANGES_FOLLOWED) pending->many = TRUE;
  if (!pending->many) g_ptr_array_add(pending->changes, change);
  else search_change_free(change);
}

static gboolean put_columns(Pending *pending, Sql *sql, gint64 id, const Prepared *after, GError **error) {
  guint number = (guint)(id / CHUNK_LINES);
  if (pending->draft == NULL || pending->draft_number != number) {
    Draft *draft = g_hash_table_lookup(pending->drafts, GUINT_TO_POINTER(number));
    if (draft == NULL) {
      const Columns *columns = pending->base;
      draft = search_draft_new(number < columns->chunk_count ? columns->chunks[number] : NULL);
      g_hash_table_insert(pending->drafts, GUINT_TO_POINTER(number), draft);
    }
    pending->draft = draft;
    pending->draft_number = number;
  }
  search_draft_set(pending->draft, (guint32)id, after ? &after->columns : NULL, after ? after->code->str : NULL);
  return pending->bulk || search_draft_write(pending->draft, sql, number, error);
}

typedef struct { guint set; gboolean removes, same_title, same_text, same_closed; } Put;
static gboolean put_words(Pending *pending, Sql *sql, const Prepared *prepared, Put how, GError **error) {
  Operation title = {how.set + TABLE_TITLE, 0, how.removes, prepared->id, prepared->title->str, {prepared->title->len}, NULL};
  Operation text = {how.set + TABLE_TEXT, 0, how.removes, prepared->id, prepared->text->str, {0}, NULL};
  Operation closed = {how.set + TABLE_CLOSED, 0, how.removes, prepared->id, prepared->closed->str, {prepared->closed->len}, NULL};
  memcpy(text.ends, prepared->ends, sizeof text.ends);
  return (how.same_title || write_row(pending, sql, title, error)) && (how.same_text || write_row(pending, sql, text, error)) &&
    (how.same_closed || write_row(pending, sql, closed, error));
}

static gboolean put(Pending *pending, Sql *sql, const Prepared *before, const Prepared *after, GError **error) {
  gint64 id = after ? after->id : before->id;
  if (id <= 0 || id >= G_MAXUINT32 || (before && before->id != id)) return throw(error, LANTAI_ERROR_INTERNAL, "记录号 %" G_GINT64_FORMAT " 超出检索库的范围", id);
  gboolean same_title = before && after && g_string_equal(before->title, after->title);
  gboolean same_text = before && after && g_string_equal(before->text, after->text) && memcmp(before->ends, after->ends, sizeof before->ends) == 0;
  gboolean same_closed = before && after && g_string_equal(before->closed, after->closed);
  for (guint set = 0; set <= MADE; set += MADE) {
    if (set ? id > pending->made : pending->alone) continue;
    if (before && !put_words(pending, sql, before, (Put){set, TRUE, same_title, same_text, same_closed}, error)) return FALSE;
    if (after && !put_words(pending, sql, after, (Put){set, FALSE, same_title, same_text, same_closed}, error)) return FALSE;
  }
  return put_columns(pending, sql, id, after, error);
}

/* A damaged index is left as it is until it is made anew from the records; only that it is so must be remembered. */
static gboolean is_left_alone(Search *search) {
  g_mutex_lock(&search->lock);
  gboolean alone = search->damaged && !search->remade.going;
  g_mutex_unlock(&search->lock);
  return alone;
}

/* What a change met of damage is not its own: it is saved without the index from now on. */
static gboolean goes_on(Search *search, Sql *sql, GError **failure, GError **error) {
  if (search_is_damage(*failure)) {
    search_note_damage(search, (*failure)->message);
    g_clear_error(failure);
    return search_damage_remember(sql, error);
  }
  g_propagate_error(error, g_steal_pointer(failure));
  return FALSE;
}

/* FTS5 writes at the commit what it has gathered, and would fail that: the transaction's first change of a kind shows beforehand whether it can. */
static gboolean is_first(Pending *pending, gboolean page) {
  gboolean first = !pending->bulk && !pending->shown[page];
  pending->shown[page] = TRUE;
  return first;
}

static gboolean put_document(Pending *pending, Sql *sql, const SearchDocument *before, const SearchDocument *after, GError **error) {
  if (before) prepare(pending->before, before);
  if (after) prepare(pending->after, after);
  if (!put(pending, sql, before ? pending->before : NULL, after ? pending->after : NULL, error)) return FALSE;
  if (pending->alone) return TRUE;
  if (pending->grams == NULL && (pending->grams = search_gram_follow_new(pending->search, sql, error)) == NULL) return FALSE;
  if (!search_gram_follow(pending->grams, sql, pending->base, before, after, pending->bulk, error)) return FALSE;
  if (!pending->many) note_change(pending, search_change_document(after ? after->id : before->id, after));
  return TRUE;
}

gboolean search_put(Search *search, Sql *sql, const SearchDocument *before, const SearchDocument *after, GError **error) {
  if (before == NULL && after == NULL) return TRUE;
  if (is_left_alone(search)) return search_damage_remember(sql, error);
  g_autoptr(GError) failure = NULL;
  Pending *pending = pending_get(search, sql, &failure);
  gboolean first = pending && is_first(pending, FALSE);
  gboolean good = pending && (!first || sql_part_begin(sql, &failure)) && put_document(pending, sql, before, after, &failure);
  if (first) good = sql_part_end(sql, good, &failure);
  return good || goes_on(search, sql, &failure, error);
}

static gboolean put_page(Pending *pending, Sql *sql, gint64 rowid, const char *before, const char *after, GError **error) {
  Prepared *scratch = pending->after;
  const char *texts[] = {before, after};
  for (guint pass = 0; pass < 2; pass++) {
    if (texts[pass] == NULL) continue;
    g_string_truncate(scratch->text, 0);
    append_tokens(scratch, scratch->text, texts[pass], strlen(texts[pass]));
    Operation op = {TABLE_PAGE, 0, pass == 0, rowid, scratch->text->str, {scratch->text->len}, NULL};
    if (!pending->alone && !write_row(pending, sql, op, error)) return FALSE;
    op.table += MADE;
    if (op.rowid <= pending->made_page && !write_row(pending, sql, op, error)) return FALSE;
  }
  if (!pending->alone && !search_page_note(sql, rowid >> 16, pending->version, before == NULL, error)) return FALSE;
  if (!pending->many) note_change(pending, search_change_page(rowid >> 16, before, after));
  return TRUE;
}

gboolean search_page_put(Search *search, Sql *sql, gint64 record_id, guint page, const char *before, const char *after, GError **error) {
  if (is_left_alone(search)) return search_damage_remember(sql, error);
  if (record_id <= 0 || record_id >= G_MAXUINT32 || page < 1 || page > 0xffff)
    return throw(error, LANTAI_ERROR_INVALID, "第 %u 页超出范围：一份文件最多 65 535 页可作全文检索", page);
  g_autoptr(GError) failure = NULL;
  Pending *pending = pending_get(search, sql, &failure);
  gboolean first = pending && is_first(pending, TRUE);
  gboolean good = pending && (!first || sql_part_begin(sql, &failure)) && put_page(pending, sql, record_id << 16 | page, before, after, &failure);
  if (first) good = sql_part_end(sql, good, &failure);
  return good || goes_on(search, sql, &failure, error);
}

/* ---- loads and rebuilding ---- */

/* Segments are joined in the background of single saves; a load only writes them (search_optimize joins them afterwards). */
static gboolean set_automerge(Sql *sql, gint64 segments, GError **error) {
  return sql_exec(sql, "INSERT INTO search_title (search_title, rank) VALUES ('automerge', $1)", SQL_ARGS(sql_int(segments)), error) &&
    sql_exec(sql, "INSERT INTO search_text (search_text, rank) VALUES ('automerge', $1)", SQL_ARGS(sql_int(segments)), error) &&
    sql_exec(sql, "INSERT INTO search_closed (search_closed, rank) VALUES ('automerge', $1)", SQL_ARGS(sql_int(segments)), error) &&
    sql_exec(sql, "INSERT INTO search_page (search_page, rank) VALUES ('automerge', $1)", SQL_ARGS(sql_int(segments)), error);
}

gboolean search_automerge_restore(Sql *sql, GError **error) { return set_automerge(sql, AUTOMERGE, error); }

void search_bulk_begin(Search *search, Sql *sql) {
  if (is_left_alone(search)) return;
  Pending *pending = pending_get(search, sql, NULL); /* an error shows at the first put */
  if (pending == NULL || pending->bulk) return;
  pending->bulk = pending->many = TRUE;
  set_automerge(sql, 0, NULL);
}

static gboolean flush(Pending *pending, Sql *sql, GError **error) {
  if (!write_put_off(pending, sql, error) || (pending->grams && !search_gram_follow_flush(pending->grams, sql, error))) return FALSE;
  /* FTS5 writes its terms at the commit: after a large batch joining stays off until search_optimize, or every batch would join what that joins again. */
  gboolean large = g_hash_table_size(pending->drafts) >= LARGE_BULK_CHUNKS;
  if (pending->bulk && !large && !set_automerge(sql, AUTOMERGE, error)) return FALSE;
  GHashTableIter iter;
  gpointer number, draft;
  g_hash_table_iter_init(&iter, pending->drafts);
  while (g_hash_table_iter_next(&iter, &number, &draft))
    if (!search_draft_write(draft, sql, GPOINTER_TO_UINT(number), error)) return FALSE;
  return TRUE;
}

gboolean search_bulk_flush(Search *search, Sql *sql, GError **error) {
  Pending *pending = sql_get_data(sql, PENDING_KEY);
  if (pending == NULL) return TRUE;
  if (is_left_alone(search)) return search_damage_remember(sql, error);
  g_autoptr(GError) failure = NULL;
  return flush(pending, sql, &failure) || goes_on(search, sql, &failure, error);
}

/* ---- slices ----
 * A slice is a write transaction like any other, but nothing of what is asked changes by it unless columns differ.
 */

static const char *const SLICE_KEY = "search slice";
typedef struct {
  Search *search;
  Columns *base;
  Prepared *prepared;
  gint64 record, page; /* how far the second set will have come */
} Slice;

static void slice_free(gpointer data) {
  Slice *slice = data;
  search_columns_unref(slice->base);
  prepared_free(slice->prepared);
  g_free(slice);
}

static void slice_done(gpointer data) {
  Slice *slice = data;
  g_mutex_lock(&slice->search->lock);
  slice->search->remade.record = slice->record;
  slice->search->remade.page = slice->page;
  g_mutex_unlock(&slice->search->lock);
}

static Slice *slice_get(Search *search, Sql *sql, GError **error) {
  Slice *slice = sql_get_data(sql, SLICE_KEY);
  if (slice) return slice;
  g_mutex_lock(&search->lock);
  gboolean going = search->remade.going;
  gint64 record = search->remade.record, page = search->remade.page;
  g_mutex_unlock(&search->lock);
  if (!going) return throw_null(error, LANTAI_ERROR_CONFLICT, "检索索引在重建中又有损坏");
  g_autoptr(GError) failure = NULL;
  gint64 version = sql_number(sql, "SELECT version FROM search_state WHERE id = 1", SQL_NONE, 0, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  g_autoptr(Columns) base = columns_of(search, sql, (guint64)version, error);
  if (base == NULL) return NULL;
  slice = g_new0(Slice, 1);
  *slice = (Slice){search, g_steal_pointer(&base), prepared_new(), record, page};
  sql_set_data(sql, SLICE_KEY, slice, NULL);
  sql_on_commit(sql, slice_done, slice, slice_free);
  return slice;
}

static gboolean correct_columns(const Slice *slice, Sql *sql, gint64 id, const Prepared *right, GError **error) {
  Pending *pending = pending_get(slice->search, sql, error);
  if (pending == NULL) return FALSE;
  pending->bulk = pending->many = TRUE;
  return put_columns(pending, sql, id, right, error);
}

/* No record has an id between the two. */
static gboolean correct_gap(const Slice *slice, Sql *sql, gint64 after, gint64 before, GError **error) {
  for (gint64 id = after + 1; id < before && id < (gint64)slice->base->chunk_count * CHUNK_LINES; id++)
    if (columns_line(slice->base, (guint32)id) && !correct_columns(slice, sql, id, NULL, error)) return FALSE;
  return TRUE;
}

gboolean search_remake_put(Search *search, Sql *sql, const SearchDocument *document, GError **error) {
  Slice *slice = slice_get(search, sql, error);
  if (slice == NULL || !correct_gap(slice, sql, slice->record, document ? document->id : G_MAXUINT32, error)) return FALSE;
  if (document == NULL) return slice->record = G_MAXINT64, TRUE;
  Prepared *prepared = slice->prepared;
  prepare(prepared, document);
  const SearchColumns *line = columns_line(slice->base, (guint32)document->id);
  gboolean right = line && memcmp(line, &document->columns, sizeof *line) == 0 &&
    strncmp(columns_code(slice->base, (guint32)document->id), prepared->code->str, CODE_MAX) == 0;
  if (!right && !correct_columns(slice, sql, document->id, prepared, error)) return FALSE;
  slice->record = document->id;
  Operation rows[] = {{MADE + TABLE_TITLE, 0, FALSE, document->id, prepared->title->str, {prepared->title->len}, NULL},
    {MADE + TABLE_TEXT, 0, FALSE, document->id, prepared->text->str, {0}, NULL},
    {MADE + TABLE_CLOSED, 0, FALSE, document->id, prepared->closed->str, {prepared->closed->len}, NULL}};
  memcpy(rows[1].ends, prepared->ends, sizeof rows[1].ends);
  return (prepared->title->len == 0 || write_operation(sql, &rows[0], error)) && (prepared->text->len == 0 || write_operation(sql, &rows[1], error)) &&
    (prepared->closed->len == 0 || write_operation(sql, &rows[2], error));
}

gboolean search_remake_page(Search *search, Sql *sql, gint64 record_id, guint page, const char *text, GError **error) {
  Slice *slice = slice_get(search, sql, error);
  if (slice == NULL) return FALSE;
  if (text == NULL) return slice->page = G_MAXINT64, TRUE;
  GString *tokens = slice->prepared->text;
  g_string_truncate(tokens, 0);
  append_tokens(slice->prepared, tokens, text, strlen(text));
  Operation op = {MADE + TABLE_PAGE, 0, FALSE, record_id << 16 | page, tokens->str, {tokens->len}, NULL};
  slice->page = op.rowid;
  return tokens->len == 0 || write_operation(sql, &op, error);
}

gboolean search_remake_end(Search *search, Sql *sql, GError **error) {
  Slice *slice = slice_get(search, sql, error);
  if (slice == NULL) return FALSE;
  if (slice->record != G_MAXINT64 || slice->page != G_MAXINT64) return throw(error, LANTAI_ERROR_INTERNAL, "重建检索索引时有条目或页面没有读完");
  Pending *pending = pending_get(search, sql, error);
  if (pending == NULL) return FALSE;
  pending->bulk = pending->many = pending->ended = TRUE;
  return search_bulk_flush(search, sql, error) && search_damage_forget(sql, error) &&
    sql_exec(sql, "UPDATE search_state SET ready = 1 WHERE id = 1", SQL_NONE, error);
}

/* ---- what a reader sees ---- */

static gboolean read_states(Search *search, SqlRows *rows, SearchView *ret, GError **error) {
  g_autoptr(GError) failure = NULL;
  gboolean whole = rows && sql_next(rows, &failure) && !sql_is_null(rows, "selection") && !sql_is_null(rows, "page_selection");
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  if (!whole) return rows && search_damage(search, error);
  ret->version = (guint64)sql_int_at(rows, 0);
  ret->grams = (GramState){sql_int_at(rows, 1), (guint)CLAMP(sql_int_at(rows, 2), 0, BLOCK_LINES), sql_int_at(rows, 3)};
  ret->pages = (PageState){sql_int_at(rows, 4), sql_int_at(rows, 5), sql_int_at(rows, 6), sql_int_at(rows, 7), sql_int_at(rows, 8), sql_int_at(rows, 9)};
  ret->no_pages = sql_int_at(rows, 10) == 0;
  ret->no_closed = sql_int_at(rows, 11) == 0;
  return TRUE;
}

/* A reading transaction keeps the first it has been given. */
static Columns *kept_columns(Search *search, Sql *sql, guint64 version, GError **error) {
  Columns *columns = sql_get_data(sql, VIEW_KEY);
  if (columns && columns->version == version) return search_columns_ref(columns);
  columns = columns_of(search, sql, version, error);
  if (columns && !sql_is_writing(sql)) sql_set_data(sql, VIEW_KEY, search_columns_ref(columns), (GDestroyNotify)search_columns_unref);
  return columns;
}

gboolean search_view_open(Search *search, Sql *sql, SearchView *ret, GError **error) {
  Pending *pending = sql_get_data(sql, PENDING_KEY);
  *ret = (SearchView){.caching = pending == NULL};
  if (pending && !search_bulk_flush(search, sql, error)) return FALSE;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT s.version, g.selection, g.covered, g.records, p.selection AS page_selection, p.covered AS page_covered, p.claimed, "
    "p.maker, p.pages, p.added, EXISTS (SELECT 1 FROM search_page_idx) AS paged, EXISTS (SELECT 1 FROM search_closed_idx) AS closed "
    "FROM search_state s LEFT JOIN search_gram_state g ON g.id = 1 LEFT JOIN search_gram_page_state p ON p.id = 1 WHERE s.id = 1", SQL_NONE, error);
  if (!read_states(search, rows, ret, error)) return FALSE;
  if (pending) { /* FTS5 has written nothing yet */
    ret->version = pending->version;
    ret->no_pages = ret->no_closed = FALSE;
  }
  ret->columns = pending ? search_columns_with(pending->base, pending->version, pending->drafts) : kept_columns(search, sql, ret->version, error);
  return ret->columns != NULL;
}

gboolean search_view_sound(Search *search, const SearchView *view) {
  g_mutex_lock(&search->lock);
  gboolean sound = view->version >= search->sound_from;
  g_mutex_unlock(&search->lock);
  return sound;
}
