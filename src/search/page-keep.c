/*
 * The keeping of the grams of pages (gram.h): choosing them from a sample, covering block after block of a span.
 *
 * 1. Each block is read in one snapshot, what is found goes into a file of its own without a name; from these files the rows of the span are written in pieces
 *    between which others save. All the while the blocks' stale records stay stale, and of the others the rows before and after say the same; only then those are
 *    no longer stale that were so in the snapshot.
 * 2. Before blocks are read, their records are claimed: from then on every change of their pages is noted. Who claims last writes; who claimed before leaves off.
 * 3. What a kept gram begins with and ends with is kept, too: each stands wherever the gram does.
 * 4. Where the lines of all grams take more than search_limits.page_room bytes, the block's pages are read several times, for some of the grams each time.
 */
#include "gram.h"
#include "block.h"
#include "error.h"
#include "text.h"
#include <stdio.h>
#include <unistd.h>

enum { PIECE_US = 20000, PIECE_LOOK = 64, CLEARED_AT_ONCE = 20000, SAMPLE_PAGES = 8, SHARE = 500 /* kept from such a part of the pages on */,
  COMMON_SHARE = 80 /* common from such a part on */ };

/* ---- state ---- */

gboolean search_page_state(Sql *sql, PageState *ret, GError **error) {
  *ret = (PageState){0};
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT selection, covered, claimed, maker, pages, added FROM search_gram_page_state WHERE id = 1", SQL_NONE, error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  if (sql_next(rows, &failure))
    *ret = (PageState){sql_int_at(rows, 0), sql_int_at(rows, 1), sql_int_at(rows, 2), sql_int_at(rows, 3), sql_int_at(rows, 4), sql_int_at(rows, 5)};
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

gboolean search_page_note(Sql *sql, gint64 record_id, guint64 version, gboolean added, GError **error) {
  if (added && !sql_exec(sql, "UPDATE search_gram_page_state SET added = added + 1 WHERE id = 1", SQL_NONE, error)) return FALSE;
  return sql_exec(sql, "INSERT OR REPLACE INTO search_gram_page_stale (id, version) SELECT $1 AS id, $2 AS version FROM search_gram_page_state "
    "WHERE id = 1 AND claimed > $1",
    SQL_ARGS(sql_int(record_id), sql_int((gint64)version)), error);
}

PageSource search_page_source(Search *search) {
  g_mutex_lock(&search->lock);
  PageSource source = {search->pages_source, search->pages_source_data};
  g_mutex_unlock(&search->lock);
  return source;
}

/* ---- choosing ---- */

typedef struct {
  GPtrArray *texts;        /* folded */
  GArray *records;         /* guint, by text */
  guint looked, pages;     /* pages: of the record being read */
  GramSelection *numbers;  /* grams of one length that stand in the sample */
  GramSelection *chosen, *common;
  GArray *seen, *keys;     /* by number */
} Sample;
typedef struct { guint count, last; } Seen; /* records, and the last of them */

static gboolean sample_page(gint64 record_id, guint page, const char *text, gpointer data) {
  Sample *sample = data;
  g_ptr_array_add(sample->texts, text_fold(text));
  g_array_append_val(sample->records, sample->looked);
  return ++sample->pages < SAMPLE_PAGES;
}

static gboolean sample_read(Sample *sample, const PageSource *source, Sql *sql, const Columns *columns, GError **error) {
  guint64 lines = (guint64)columns->chunk_count * CHUNK_LINES, step = MAX(lines / MIN((guint64)search_limits.gram_sample, lines), 1);
  for (guint64 id = 0; id < lines; id += step) {
    if (columns_line(columns, (guint32)id) == NULL) continue;
    sample->looked++;
    sample->pages = 0;
    if (!source->source(sql, (gint64)id, (gint64)id, sample_page, sample, source->data, error)) return FALSE;
  }
  return TRUE;
}

static void sample_note(Sample *sample, guint64 key, guint record) {
  guint number = search_gram_selection_add(sample->numbers, key);
  if (number == sample->seen->len) {
    Seen none = {0};
    g_array_append_val(sample->seen, none);
    g_array_append_val(sample->keys, key);
  }
  Seen *seen = &g_array_index(sample->seen, Seen, number);
  if (seen->last != record) seen->count++;
  seen->last = record;
}

static gboolean is_in(const GramSelection *selection, const GArray *units, guint first, guint count) {
  return search_gram_number(selection, search_gram_key(search_stream("p"), search_gram_hash(units, first, count))) >= 0;
}

/* Whether the gram may be kept, by what it begins and ends with and what is within. */
static gboolean may_keep(const Sample *sample, const GArray *units, guint first, guint count) {
  return count == 1 || (is_in(sample->chosen, units, first, count - 1) && is_in(sample->chosen, units, first + 1, count - 1) &&
    (count == 2 || is_in(sample->common, units, first + 1, count - 2)));
}

/* Chooses of the grams of so many units those that stand in at least so many records of the sample; returns how many. */
static guint choose_length(Sample *sample, guint units_count, double least, GArray *keys) {
  guint64 stream = search_stream("p");
  guint before = keys->len;
  sample->numbers = search_gram_selection_new(0);
  g_array_set_size(sample->seen, 0);
  g_array_set_size(sample->keys, 0);
  for (guint t = 0; t < sample->texts->len; t++) {
    g_autoptr(GArray) units = search_units(g_ptr_array_index(sample->texts, t));
    for (guint i = 0; i + units_count <= units->len; i++)
      if (may_keep(sample, units, i, units_count))
        sample_note(sample, search_gram_key(stream, search_gram_hash(units, i, units_count)), g_array_index(sample->records, guint, t));
  }
  for (guint i = 0; i < sample->keys->len; i++) {
    guint count = g_array_index(sample->seen, Seen, i).count;
    guint64 key = g_array_index(sample->keys, guint64, i);
    if (count < 2 || (double)count < least) continue;
    search_gram_selection_add(sample->chosen, key);
    if ((double)count >= least * SHARE / COMMON_SHARE) search_gram_selection_add(sample->common, key);
    g_array_append_val(keys, key);
  }
  g_clear_pointer(&sample->numbers, search_gram_selection_unref);
  return keys->len - before;
}

static guint sampled_records(const Sample *sample) {
  guint count = 0;
  for (guint i = 0; i < sample->records->len; i++) count += i == 0 || g_array_index(sample->records, guint, i) != g_array_index(sample->records, guint, i - 1);
  return count;
}

/* The keys of grams that stand on the pages of enough records, g_array of guint64; NULL: error. ret_pages: how many records have pages. */
static GArray *choose(const PageSource *source, Sql *sql, const Columns *columns, gint64 living, gint64 *ret_pages, GError **error) {
  Sample sample = {g_ptr_array_new_with_free_func(g_free), g_array_new(FALSE, FALSE, sizeof(guint)), .seen = g_array_new(FALSE, FALSE, sizeof(Seen)),
    .keys = g_array_new(FALSE, FALSE, sizeof(guint64)), .chosen = search_gram_selection_new(0), .common = search_gram_selection_new(0)};
  g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(guint64));
  gboolean good = sample_read(&sample, source, sql, columns, error);
  if (good && sample.looked > 0) {
    *ret_pages = living * sampled_records(&sample) / sample.looked;
    double least = (double)MAX(search_limits.page_least, *ret_pages / SHARE) * sample.looked / (double)living;
    for (guint count = 1; count <= PAGE_GRAM_UNITS && choose_length(&sample, count, least, keys) > 0; count++) continue;
  }
  search_gram_selection_unref(sample.chosen);
  search_gram_selection_unref(sample.common);
  g_ptr_array_unref(sample.texts);
  g_array_unref(sample.records);
  g_array_unref(sample.seen);
  g_array_unref(sample.keys);
  return good ? g_steal_pointer(&keys) : NULL;
}

/* What was kept before is given up at once, and taken away a piece at a time; *ret_mine FALSE: another has chosen meanwhile, and what is there is his. */
static gboolean clear_former(Search *search, gboolean *ret_mine, GError **error) {
  g_autoptr(Sql) sql = sql_write(search->db, error);
  if (sql == NULL || !sql_exec(sql, "UPDATE search_gram_page_state SET selection = 0, covered = 0, claimed = 0, maker = 0 WHERE id = 1", SQL_NONE, error) ||
    !sql_exec(sql, "DELETE FROM search_gram_page_stale", SQL_NONE, error) || !sql_commit(sql, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  for (gboolean more = *ret_mine = TRUE; more;) {
    sql = sql_write(search->db, error);
    PageState state;
    if (sql == NULL || !search_page_state(sql, &state, error)) return FALSE;
    *ret_mine = state.selection == 0;
    if (!*ret_mine) return TRUE;
    if (!sql_exec(sql, "DELETE FROM search_gram_page WHERE id IN (SELECT id FROM search_gram_page LIMIT $1)", SQL_ARGS(sql_int(CLEARED_AT_ONCE)), error)) return FALSE;
    more = sql_changes(sql) == CLEARED_AT_ONCE;
    if (!sql_commit(sql, error)) return FALSE;
    g_clear_pointer(&sql, sql_end);
  }
  return TRUE;
}

static gboolean write_selection(Search *search, const GArray *keys, gint64 pages, GError **error) {
  g_autoptr(Sql) sql = sql_write(search->db, error);
  PageState state;
  if (sql == NULL || !search_page_state(sql, &state, error)) return FALSE;
  if (state.selection != 0) return TRUE; /* another has chosen meanwhile */
  if (!sql_exec(sql, "DELETE FROM search_gram_page_key", SQL_NONE, error)) return FALSE;
  for (guint i = 0; i < keys->len; i++)
    if (!sql_exec(sql, "INSERT INTO search_gram_page_key (number, key) VALUES ($1, $2)", SQL_ARGS(sql_int(i), sql_int((gint64)g_array_index(keys, guint64, i))), error))
      return FALSE;
  return sql_exec(sql, "INSERT INTO search_gram_page_key (number, key) VALUES ($1, $2)", SQL_ARGS(sql_int(GRAM_KEYS_SUM), sql_int(search_gram_keys_sum(keys))), error) &&
    sql_exec(sql, "UPDATE search_gram_page_state SET selection = $1, covered = 0, claimed = 0, maker = 0, pages = $2, added = 0 WHERE id = 1",
      SQL_ARGS(sql_int(keys->len ? g_get_real_time() : 0), sql_int(MAX(pages, search_limits.gram_records / 2))), error) && sql_commit(sql, error);
}

/* ---- covering ---- */

typedef struct { guint16 *lines; guint count, room; } Lines;
typedef struct { Lines once, repeated; GByteArray *times; } Posting;
typedef struct {
  const GramSelection *selection;
  guint64 stream;
  guint size, from, to; /* numbers; from … to are noted */
  gsize room;           /* bytes of all lines */
  Posting *postings;    /* by number */
  guint32 *last;     /* by number: the line it was noted for last, + 1 */
  guint8 *times;     /* how often in that line */
  GArray *more;      /* guint32: numbers that the line has more than once */
  gint64 record;     /* the one being read; -1: none */
  GString *folded;
} Cover;

static void lines_add(Cover *cover, Lines *lines, guint16 line) {
  if (lines->count == lines->room) {
    guint more = MAX(lines->room / 2, 8);
    lines->lines = g_renew(guint16, lines->lines, lines->room += more);
    cover->room += more * sizeof line;
  }
  lines->lines[lines->count++] = line;
}

static void cover_begin(Cover *cover, const GramSelection *selection, guint from) {
  guint size = search_gram_selection_size(selection);
  *cover = (Cover){selection, search_stream("p"), size, from, size, 0, g_new0(Posting, size + 1), g_new0(guint32, size + 1), g_new0(guint8, size + 1),
    g_array_new(FALSE, FALSE, sizeof(guint32)), -1, g_string_new(NULL)};
}

static void cover_drop(Cover *cover, guint number) {
  Posting *posting = &cover->postings[number];
  cover->room -= (posting->once.room + posting->repeated.room) * sizeof(guint16);
  g_free(posting->once.lines);
  g_free(posting->repeated.lines);
  if (posting->times) g_byte_array_unref(posting->times);
  *posting = (Posting){0};
}

/* The upper half of the grams is left for another time. */
static void cover_halve(Cover *cover) {
  guint to = cover->from + MAX((cover->to - cover->from) / 2, 1);
  while (cover->to > to) cover_drop(cover, --cover->to);
}

static void cover_clear(Cover *cover) {
  if (cover->postings == NULL) return;
  for (guint i = cover->from; i < cover->to; i++) cover_drop(cover, i);
  g_clear_pointer(&cover->postings, g_free);
  g_free(cover->last);
  g_free(cover->times);
  g_array_unref(cover->more);
  g_string_free(cover->folded, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Cover, cover_clear)

/* All pages of the record are read. */
static void cover_end_record(Cover *cover) {
  for (guint i = 0; i < cover->more->len; i++) {
    guint32 number = g_array_index(cover->more, guint32, i);
    Posting *posting = &cover->postings[number];
    if (posting->times == NULL) posting->times = g_byte_array_new();
    lines_add(cover, &posting->repeated, (guint16)(cover->record % BLOCK_LINES));
    g_byte_array_append(posting->times, &cover->times[number], 1);
  }
  g_array_set_size(cover->more, 0);
  if (cover->room > search_limits.page_room) cover_halve(cover);
}

static void cover_note(Cover *cover, guint32 number) {
  guint32 line = (guint32)(cover->record % BLOCK_LINES) + 1;
  if (number < cover->from || number >= cover->to) return;
  if (cover->last[number] != line) {
    cover->last[number] = line;
    cover->times[number] = 1;
    lines_add(cover, &cover->postings[number].once, (guint16)(line - 1));
  } else if (cover->times[number] < REPEATS_MOST && ++cover->times[number] == 2) g_array_append_val(cover->more, number);
}

static gboolean cover_page(gint64 record_id, guint page, const char *text, gpointer data) {
  Cover *cover = data;
  if (record_id != cover->record) cover_end_record(cover);
  cover->record = record_id;
  g_string_truncate(cover->folded, 0);
  text_fold_append(cover->folded, text, -1);
  g_autoptr(GArray) units = search_units(cover->folded->str);
  const Unit *all = (const Unit *)(gpointer)units->data;
  for (guint i = 0; i < units->len; i++) {
    guint64 hash = all[i].hash;
    for (guint count = 1; count <= MIN(PAGE_GRAM_UNITS, units->len - i); count++) { /* what does not begin a kept gram ends here */
      if (count > 1) hash = search_gram_hash_on(hash, &all[i + count - 1]);
      gint64 number = search_gram_number(cover->selection, search_gram_key(cover->stream, hash));
      if (number < 0) break;
      cover_note(cover, (guint32)number);
    }
  }
  return TRUE;
}

/* ---- rows ---- */

typedef struct { FILE *rows; guint64 version; GByteArray *bytes; } Made; /* of a block: for each number a length and so many bytes; bytes: of the number at hand */
typedef struct {
  Search *search;
  guint first, count; /* blocks of one span */
  gint64 upto, maker;
  guint size;         /* numbers */
  Made made[SPAN_BLOCKS];
  GByteArray *former, *row;
} Covering;

static void covering_clear(Covering *covering) {
  for (guint i = 0; i < covering->count; i++) {
    if (covering->made[i].rows) fclose(covering->made[i].rows);
    g_byte_array_unref(covering->made[i].bytes);
  }
  g_byte_array_unref(covering->former);
  g_byte_array_unref(covering->row);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Covering, covering_clear)

static gboolean fail_file(GError **error) {
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "全文的索引写不了临时文件：%s", error_reason(errno));
}

static FILE *open_nameless(GError **error) {
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("lantai-pages-XXXXXX", &path, error);
  if (fd < 0) return NULL;
  unlink(path);
  FILE *file = fdopen(fd, "w+b");
  if (file == NULL) close(fd), fail_file(error);
  return file;
}

static gboolean write_made(const Cover *cover, Made *made, GError **error) {
  for (guint number = cover->from; number < cover->to; number++) {
    const Posting *posting = &cover->postings[number];
    g_byte_array_set_size(made->bytes, 0);
    const guint8 *times = posting->times ? posting->times->data : NULL;
    if (posting->once.count > 0)
      search_page_lines_append(made->bytes, posting->once.lines, posting->once.count, posting->repeated.lines, times, posting->repeated.count);
    guint16 length = (guint16)made->bytes->len;
    if (fwrite(&length, sizeof length, 1, made->rows) != 1 || fwrite(made->bytes->data, 1, length, made->rows) != length) return fail_file(error);
  }
  return TRUE;
}

static gboolean read_made(Made *made, GError **error) {
  guint16 length;
  if (fread(&length, sizeof length, 1, made->rows) != 1) return fail_file(error);
  g_byte_array_set_size(made->bytes, length);
  return fread(made->bytes->data, 1, length, made->rows) == length || fail_file(error);
}

/* The row as it stands, borrowed from covering->former. */
static gboolean read_former(Covering *covering, Sql *sql, gint64 row, PageSpan *ret, GError **error) {
  g_autoptr(GError) failure = NULL;
  return search_page_row_read(sql, row, covering->former, ret, &failure) || (failure ? (g_propagate_error(error, g_steal_pointer(&failure)), FALSE) :
    search_damage(covering->search, error));
}

/* others: the span has other blocks, of which the row says what it did. */
static gboolean write_row(Covering *covering, Sql *sql, guint number, gboolean others, GError **error) {
  gint64 row = search_page_gram_row(covering->first / SPAN_BLOCKS, number);
  PageSpan span = {0};
  gsize length = 0;
  if (others && !read_former(covering, sql, row, &span, error)) return FALSE;
  for (guint i = 0; i < covering->count; i++) {
    Made *made = &covering->made[i];
    if (!read_made(made, error)) return FALSE;
    span.bytes[(covering->first + i) % SPAN_BLOCKS] = made->bytes->data;
    span.lengths[(covering->first + i) % SPAN_BLOCKS] = (guint16)made->bytes->len;
  }
  for (guint i = 0; i < SPAN_BLOCKS; i++) length += span.lengths[i];
  if (length == 0) return sql_exec(sql, "DELETE FROM search_gram_page WHERE id = $1", SQL_ARGS(sql_int(row)), error);
  g_byte_array_set_size(covering->row, 0);
  search_page_span_append(covering->row, &span);
  guint32 sum = search_sum(covering->row->data, covering->row->len, (guint32)(row ^ row >> 32));
  g_byte_array_append(covering->row, (const guint8 *)&sum, sizeof sum);
  return sql_exec(sql, "INSERT INTO search_gram_page (id, lines) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET lines = excluded.lines",
    SQL_ARGS(sql_int(row), sql_blob(covering->row->data, (gssize)covering->row->len)), error);
}

/* The rows say it all: what was stale when they were read is so no longer. */
static gboolean finish(const Covering *covering, Sql *sql, GError **error) {
  if (!sql_exec(sql, "UPDATE search_gram_page_state SET covered = MAX(covered, $1) WHERE id = 1", SQL_ARGS(sql_int(covering->upto)), error)) return FALSE;
  for (guint i = 0; i < covering->count; i++) {
    gint64 first = (gint64)(covering->first + i) * BLOCK_LINES;
    if (!sql_exec(sql, "DELETE FROM search_gram_page_stale WHERE id >= $1 AND id < $2 AND version <= $3",
      SQL_ARGS(sql_int(first), sql_int(MIN(first + BLOCK_LINES, covering->upto)), sql_int((gint64)covering->made[i].version)), error)) return FALSE;
  }
  return TRUE;
}

/* A transaction's worth of rows; *ret_mine FALSE: another has taken over. */
static gboolean write_piece(Covering *covering, guint *number, gboolean *ret_mine, GError **error) {
  g_autoptr(Sql) sql = sql_write(covering->search->db, error);
  PageState state;
  if (sql == NULL || !search_page_state(sql, &state, error)) return FALSE;
  *ret_mine = state.maker == covering->maker;
  if (!*ret_mine) return TRUE;
  gint64 span_end = (gint64)(covering->first / SPAN_BLOCKS + 1) * SPAN_BLOCKS * BLOCK_LINES;
  gboolean others = covering->first % SPAN_BLOCKS > 0 || MIN(state.covered, span_end) > (gint64)(covering->first + covering->count) * BLOCK_LINES;
  gint64 until = g_get_monotonic_time() + PIECE_US;
  for (; *number < covering->size && (*number % PIECE_LOOK || g_get_monotonic_time() < until); ++*number)
    if (!write_row(covering, sql, *number, others, error)) return FALSE;
  return (*number < covering->size || finish(covering, sql, error)) && sql_commit(sql, error);
}

static gboolean claim(const Covering *covering, GError **error) {
  g_autoptr(Sql) sql = sql_write(covering->search->db, error);
  return sql != NULL && sql_exec(sql, "UPDATE search_gram_page_state SET claimed = MAX(claimed, $1), maker = $2 WHERE id = 1",
    SQL_ARGS(sql_int(covering->upto), sql_int(covering->maker)), error) && sql_commit(sql, error);
}

/* From the pages of a block its file. */
static gboolean make_block(Covering *covering, guint block, Made *made, GError **error) {
  PageSource source = search_page_source(covering->search);
  g_autoptr(Sql) sql = sql_read(covering->search->db, error);
  SearchView view = {0};
  if (sql == NULL || !search_view_open(covering->search, sql, &view, error)) return FALSE;
  search_columns_unref(view.columns);
  made->version = view.version;
  g_autoptr(GramSelection) selection = search_gram_selection(covering->search, sql, GRAMS_PAGE, view.pages.selection, error);
  if (selection == NULL || (made->rows = open_nameless(error)) == NULL) return FALSE;
  covering->size = search_gram_selection_size(selection);
  gint64 last = MIN((gint64)(block + 1) * BLOCK_LINES, covering->upto) - 1;
  for (guint number = 0; number < covering->size;) {
    g_auto(Cover) cover;
    cover_begin(&cover, selection, number);
    if (!source.source(sql, (gint64)block * BLOCK_LINES, last, cover_page, &cover, source.data, error)) return FALSE;
    cover_end_record(&cover);
    if (!write_made(&cover, made, error)) return FALSE;
    number = cover.to;
  }
  return fseek(made->rows, 0, SEEK_SET) == 0 || fail_file(error);
}

/* Makes what rows have of some blocks of a span, from the one that has `first` to the one before `upto`, for records below that. */
static gboolean cover_blocks(Search *search, gint64 first, gint64 upto, GError **error) {
  g_auto(Covering) covering = {search, (guint)(first / BLOCK_LINES), (guint)((upto - 1) / BLOCK_LINES - first / BLOCK_LINES + 1), upto,
    (gint64)g_random_int() << 31 | g_random_int(), 0, .former = g_byte_array_new(), .row = g_byte_array_new()};
  for (guint i = 0; i < covering.count; i++) covering.made[i].bytes = g_byte_array_new();
  if (!claim(&covering, error)) return FALSE;
  for (guint i = 0; i < covering.count; i++)
    if (!make_block(&covering, covering.first + i, &covering.made[i], error)) return FALSE;
  gboolean mine = TRUE;
  for (guint number = 0; mine && number < covering.size;)
    if (!write_piece(&covering, &number, &mine, error)) return FALSE;
  return TRUE;
}

static gint64 span_end(gint64 record) { return (record / BLOCK_LINES / SPAN_BLOCKS + 1) * SPAN_BLOCKS * BLOCK_LINES; }

/* The block with the most stale records, when there are enough; -1: none. */
static gint64 stale_block(Sql *sql, GError **error) {
  return sql_number(sql, "SELECT id >> 16 AS block FROM search_gram_page_stale GROUP BY 1 HAVING COUNT(*) > $1 ORDER BY COUNT(*) DESC LIMIT 1",
    SQL_ARGS(sql_int(search_limits.page_stale)), -1, error);
}

static gint64 count_living(const Columns *columns) {
  gint64 count = 0;
  for (guint i = 0; i < columns->block_count; i++) count += search_block_kinds(columns, i)->living;
  return count;
}

gboolean search_page_grams_extend(Search *search, gboolean *ret_more, GError **error) {
  *ret_more = FALSE;
  PageSource source = search_page_source(search);
  g_autoptr(Sql) sql = sql_read(search->db, error);
  SearchView view = {0};
  PageState state;
  if (sql == NULL || !search_page_state(sql, &state, error) || !search_view_open(search, sql, &view, error)) return FALSE;
  g_autoptr(Columns) columns = view.columns;
  gint64 living = count_living(columns), end = (gint64)columns->chunk_count * CHUNK_LINES;
  if (source.source == NULL || search_is_damaged(search) || living < search_limits.gram_records) return TRUE;
  if (state.added > state.pages) {
    gint64 pages = 0;
    g_autoptr(GArray) keys = choose(&source, sql, columns, living, &pages, error);
    g_clear_pointer(&sql, sql_end);
    *ret_more = TRUE;
    gboolean mine = FALSE;
    return keys != NULL && clear_former(search, &mine, error) && (!mine || write_selection(search, keys, pages, error));
  }
  if (state.selection == 0) return TRUE;
  g_autoptr(GError) failure = NULL;
  gint64 full = end - end % BLOCK_LINES, stale = stale_block(sql, &failure);
  g_clear_pointer(&sql, sql_end);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  gint64 upto = MIN(end - MAX(full, state.covered) > search_limits.page_behind ? end : full, span_end(state.covered));
  *ret_more = upto > state.covered || stale >= 0;
  if (upto > state.covered) return cover_blocks(search, state.covered, upto, error);
  return stale < 0 || cover_blocks(search, stale * BLOCK_LINES, MIN((stale + 1) * BLOCK_LINES, end), error);
}

gboolean search_page_grams_renew(Search *search, GError **error) {
  for (gint64 first = 0;; first = span_end(first)) {
    g_autoptr(Sql) sql = sql_read(search->db, error);
    PageState state;
    if (sql == NULL || !search_page_state(sql, &state, error)) return FALSE;
    g_clear_pointer(&sql, sql_end);
    if (state.selection == 0 || first >= state.covered) return TRUE;
    if (!cover_blocks(search, first, MIN(span_end(first), state.covered), error)) return FALSE;
  }
}
