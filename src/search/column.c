/*
 * Columns of all records in memory and their rows in search_column.
 *
 * 1. A snapshot (Columns) and its chunks never change once made: a reader holds a reference and needs no lock.
 * 2. The writer makes drafts of the chunks it changes; after the commit they become chunks of the next snapshot, which shares all others,
 *    and the blocks (block.c) in which none has changed.
 * 3. A line with level 0 is no record.
 * 4. A code is kept up to CODE_MAX bytes; records whose codes agree that far are ordered by id.
 */
#include "error.h"
#include "block.h"

static void chunk_unref(Chunk *chunk) {
  if (chunk && g_atomic_ref_count_dec(&chunk->references)) g_free(chunk);
}

static Chunk *chunk_ref(Chunk *chunk) {
  if (chunk) g_atomic_ref_count_inc(&chunk->references);
  return chunk;
}

/* Finds the smallest and largest code of the living lines. */
static void chunk_bounds(Chunk *chunk) {
  for (guint i = 0; i < CHUNK_LINES; i++) {
    if (chunk->lines[i].level == 0) continue;
    const SearchColumns *line = &chunk->lines[i];
    gint32 from = line->date_from, to = search_date_to(line);
    if (from > 0 && (chunk->first_day == 0 || from < chunk->first_day)) chunk->first_day = from;
    if (from > 0) chunk->last_day = MAX(chunk->last_day, to);
    if (from > 0 && (from / 10000 != line->year || to / 10000 != line->year)) chunk->other_years = TRUE;
    const char *code = chunk->codes + chunk->code_at[i];
    if (chunk->first == NULL || strcmp(code, chunk->first) < 0) chunk->first = code;
    if (chunk->last == NULL || strcmp(code, chunk->last) > 0) chunk->last = code;
  }
}

static Chunk *chunk_new(const SearchColumns *lines, const char *codes, gsize codes_bytes) {
  Chunk *chunk = g_malloc(sizeof *chunk + codes_bytes);
  g_atomic_ref_count_init(&chunk->references);
  chunk->first = chunk->last = NULL;
  chunk->first_day = chunk->last_day = 0;
  chunk->other_years = FALSE;
  memcpy(chunk->lines, lines, sizeof chunk->lines);
  memcpy(chunk->codes, codes, codes_bytes);
  chunk->codes_bytes = codes_bytes;
  gsize at = 0;
  for (guint i = 0; i < CHUNK_LINES; i++) {
    chunk->code_at[i] = (guint32)at;
    at += strlen(chunk->codes + at) + 1;
  }
  chunk_bounds(chunk);
  return chunk;
}

/* ---- snapshots ---- */

Columns *search_columns_ref(Columns *columns) {
  g_atomic_ref_count_inc(&columns->references);
  return columns;
}

void search_columns_unref(Columns *columns) {
  if (columns == NULL || !g_atomic_ref_count_dec(&columns->references)) return;
  for (guint i = 0; i < columns->chunk_count; i++) chunk_unref(columns->chunks[i]);
  for (guint i = 0; i < columns->block_count; i++) search_block_unref(columns->blocks[i]);
  g_free(columns->blocks);
  g_free(columns);
}

static Columns *columns_new(guint64 version, guint chunk_count) {
  Columns *columns = g_malloc0(sizeof *columns + sizeof(Chunk *) * chunk_count);
  g_atomic_ref_count_init(&columns->references);
  columns->version = version;
  columns->chunk_count = chunk_count;
  columns->block_count = (chunk_count + BLOCK_CHUNKS - 1) / BLOCK_CHUNKS;
  columns->blocks = g_new0(Block *, columns->block_count + 1);
  return columns;
}

/* Blocks of base that no draft touches are shared. */
static void fill_blocks(Columns *columns, const Columns *base, GHashTable *drafts) {
  g_autofree guint8 *changed = g_malloc0((gsize)(columns->block_count + 1) * BLOCK_CHUNKS);
  GHashTableIter iter;
  gpointer key;
  if (drafts) g_hash_table_iter_init(&iter, drafts);
  while (drafts && g_hash_table_iter_next(&iter, &key, NULL)) changed[GPOINTER_TO_UINT(key)] = 1;
  for (guint i = 0; i < columns->block_count; i++) {
    const guint8 *mine = changed + (gsize)i * BLOCK_CHUNKS;
    Block *former = base && i < base->block_count ? base->blocks[i] : NULL;
    columns->blocks[i] = former && memchr(mine, 1, BLOCK_CHUNKS) == NULL ? search_block_ref(former) : search_block_new(former, mine);
  }
}

Columns *search_columns_empty(void) { return columns_new(0, 0); }

static inline guint64 sum_on(guint64 hash, const guint8 *bytes, gsize length) {
  guint64 word = 0;
  memcpy(&word, bytes, length);
  hash = (hash ^ word) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
  return hash ^ hash >> 31;
}

/* In four lanes, as each step waits for the one before it; and in the registers for whole numbers, where there is a multiplication of 64 bits. */
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("no-tree-vectorize", "no-tree-slp-vectorize")))
#endif
guint32 search_sum(gconstpointer bytes, gsize length, guint32 sum) {
  enum { STEP = sizeof(guint64) };
  const guint8 *from = bytes;
  guint64 a = sum ^ length * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15), b = 1, c = 2, d = 3;
  gsize at = 0;
  for (; at + 4 * STEP <= length; at += 4 * STEP) {
    a = sum_on(a, from + at, STEP);
    b = sum_on(b, from + at + STEP, STEP);
    c = sum_on(c, from + at + 2 * STEP, STEP);
    d = sum_on(d, from + at + 3 * STEP, STEP);
  }
  const guint64 lanes[] = {b, c, d};
  for (guint i = 0; i < G_N_ELEMENTS(lanes); i++) a = sum_on(a, (const guint8 *)&lanes[i], STEP);
  for (; at < length; at += STEP) a = sum_on(a, from + at, MIN(STEP, length - at));
  return (guint32)(a ^ a >> 32);
}

static guint32 chunk_sum(gconstpointer lines, gsize lines_bytes, const char *codes, gsize codes_bytes) {
  return search_sum(codes, codes_bytes, search_sum(lines, lines_bytes, 1));
}

static gboolean is_sound(gint64 number, gsize lines_bytes, const char *codes, gsize codes_bytes) {
  if (number < 0 || number > G_MAXUINT32 / CHUNK_LINES || lines_bytes != sizeof(SearchColumns) * CHUNK_LINES || codes == NULL || codes_bytes == 0) return FALSE;
  guint ends = 0;
  const char *end = codes + codes_bytes;
  for (const char *at = codes; at < end && (at = memchr(at, '\0', (gsize)(end - at))); at++) ends++;
  return ends == CHUNK_LINES && end[-1] == '\0';
}

static Chunk *read_chunk(SqlRows *rows, gint64 number) {
  gsize lines_bytes, codes_bytes;
  gconstpointer lines = sql_blob_at(rows, sql_column(rows, "lines"), &lines_bytes);
  const char *codes = sql_blob_at(rows, sql_column(rows, "codes"), &codes_bytes);
  if (!is_sound(number, lines_bytes, codes, codes_bytes)) return NULL;
  gint64 sum = sql_get_int(rows, "sum"); /* -1: written before there were sums */
  return sum < 0 || sum == chunk_sum(lines, lines_bytes, codes, codes_bytes) ? chunk_new(lines, codes, codes_bytes) : NULL;
}

Columns *search_columns_load(Sql *sql, gboolean *ret_damaged, GError **error) {
  g_autoptr(GError) failure = NULL;
  gint64 version = sql_number(sql, "SELECT version FROM search_state WHERE id = 1", SQL_NONE, 0, &failure);
  gint64 last = failure ? -1 : sql_number(sql, "SELECT max(chunk) AS last FROM search_column", SQL_NONE, -1, &failure);
  gint64 left = failure ? -1 : sql_number(sql, "SELECT chunks FROM search_state WHERE id = 1", SQL_NONE, 0, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  gboolean damaged = last > G_MAXUINT32 / CHUNK_LINES;
  g_autoptr(Columns) columns = columns_new((guint64)version, damaged ? 0 : (guint)(last + 1));
  /* A full scan on purpose: once, at opening. */
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT chunk, lines, codes, COALESCE(sum, -1) AS sum FROM search_column ORDER BY chunk", SQL_NONE, error);
  if (rows == NULL) return NULL;
  while (sql_next(rows, &failure)) {
    gint64 number = sql_get_int(rows, "chunk");
    Chunk *chunk = read_chunk(rows, number);
    if (chunk && number < columns->chunk_count) columns->chunks[number] = chunk;
    else damaged = TRUE;
    left--;
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  *ret_damaged = damaged || left != 0;
  fill_blocks(columns, NULL, NULL);
  return g_steal_pointer(&columns);
}

/* ---- drafts ---- */

Draft *search_draft_new(Chunk *base) {
  Draft *draft = g_new0(Draft, 1);
  draft->base = chunk_ref(base);
  draft->strings = g_string_chunk_new(1024);
  for (guint i = 0; i < CHUNK_LINES; i++) draft->codes[i] = base ? base->codes + base->code_at[i] : "";
  if (base) memcpy(draft->lines, base->lines, sizeof draft->lines);
  return draft;
}

void search_draft_free(Draft *draft) {
  chunk_unref(draft->base);
  g_string_chunk_free(draft->strings);
  g_free(draft);
}

void search_draft_set(Draft *draft, guint32 id, const SearchColumns *columns, const char *code) {
  guint line = id % CHUNK_LINES;
  static const SearchColumns none;
  draft->lines[line] = columns ? *columns : none;
  if (columns == NULL || code == NULL) code = "";
  if (strncmp(draft->codes[line], code, CODE_MAX) != 0) draft->codes[line] = g_string_chunk_insert_len(draft->strings, code, (gssize)strnlen(code, CODE_MAX));
  draft->dirty = TRUE;
}

static GString *join_codes(const Draft *draft) {
  GString *codes = g_string_sized_new(CHUNK_LINES * 32);
  for (guint i = 0; i < CHUNK_LINES; i++) g_string_append_len(codes, draft->codes[i], (gssize)strlen(draft->codes[i]) + 1);
  return codes;
}

gboolean search_draft_write(Draft *draft, Sql *sql, guint chunk, GError **error) {
  if (!draft->dirty) return TRUE;
  g_autoptr(GString) codes = join_codes(draft);
  gboolean good = sql_exec(sql, "INSERT INTO search_column (chunk, lines, codes, sum) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (chunk) DO UPDATE SET lines = excluded.lines, codes = excluded.codes, sum = excluded.sum",
    SQL_ARGS(sql_int(chunk), sql_blob(draft->lines, sizeof draft->lines), sql_blob(codes->str, (gssize)codes->len),
      sql_int(chunk_sum(draft->lines, sizeof draft->lines, codes->str, codes->len))), error);
  if (good && draft->base == NULL && !draft->counted) {
    good = sql_exec(sql, "UPDATE search_state SET chunks = chunks + 1 WHERE id = 1", SQL_NONE, error);
    draft->counted = TRUE;
  }
  if (good) draft->dirty = FALSE;
  return good;
}

gboolean search_chunk_sum_write(const Chunk *chunk, Sql *sql, guint number, GError **error) {
  return sql_exec(sql, "UPDATE search_column SET sum = $1 WHERE chunk = $2 AND sum IS NULL",
    SQL_ARGS(sql_int(chunk_sum(chunk->lines, sizeof chunk->lines, chunk->codes, chunk->codes_bytes)), sql_int(number)), error);
}

Columns *search_columns_with(const Columns *base, guint64 version, GHashTable *drafts) {
  guint count = base->chunk_count;
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init(&iter, drafts);
  while (g_hash_table_iter_next(&iter, &key, &value)) count = MAX(count, GPOINTER_TO_UINT(key) + 1);
  Columns *columns = columns_new(version, count);
  for (guint i = 0; i < base->chunk_count; i++)
    if (!g_hash_table_contains(drafts, GUINT_TO_POINTER(i))) columns->chunks[i] = chunk_ref(base->chunks[i]);
  g_hash_table_iter_init(&iter, drafts);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    Draft *draft = value;
    g_autoptr(GString) codes = join_codes(draft);
    columns->chunks[GPOINTER_TO_UINT(key)] = chunk_new(draft->lines, codes->str, codes->len);
  }
  fill_blocks(columns, base, drafts);
  return columns;
}
