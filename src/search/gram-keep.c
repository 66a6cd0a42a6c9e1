/*
 * The keeping of grams (gram.h): following changes of records, choosing which grams to keep, covering block after block.
 *
 * 1. There are no rows of blocks from GramState.covered on. A load that goes on in the last covered block uncovers it.
 * 2. A block is covered in one transaction, with what was read before it; records that were saved in between are read again in it. When it is not known which
 *    those are (a load), all is read in it.
 */
#include "gram.h"
#include "error.h"
#include "block.h"
#include "text.h"

enum { BITS_BYTES = sizeof(guint64) * BLOCK_WORDS, ARRAY_MOST = 4095, TRIES = 2 };

/* ---- the kept grams of a record ---- */

typedef struct {
  const GramSelection *selection;
  GArray *numbers; /* guint32, with repetition */
  GString *folded, *stream;
} Collector;

static Collector collector_new(const GramSelection *selection) {
  return (Collector){selection, g_array_new(FALSE, FALSE, sizeof(guint32)), g_string_new(NULL), g_string_new(NULL)};
}

static void collector_clear(Collector *collector) {
  g_array_unref(collector->numbers);
  g_string_free(collector->folded, TRUE);
  g_string_free(collector->stream, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Collector, collector_clear)

/* What is done with each gram of a text: of the selection its number is noted; when a sample is counted, other things are. */
typedef void (*KeyFunc)(guint64 key, gpointer data);

static void each_key(const char *folded, const guint64 *streams, guint stream_count, KeyFunc func, gpointer data) {
  g_autoptr(GArray) units = search_units(folded);
  for (guint i = 0; i < units->len; i++)
    for (guint count = 1; count <= MIN(GRAM_UNITS, units->len - i); count++) {
      guint64 hash = search_gram_hash(units, i, count);
      for (guint s = 0; s < stream_count; s++) func(search_gram_key(streams[s], hash), data);
    }
}

typedef struct {
  KeyFunc func;
  gpointer data;
  GString *folded, *stream;
} Walk;

static void walk_text(Walk *walk, const char *text, gsize length, const char *stream) {
  guint64 streams[] = {search_stream(stream), search_stream("o")};
  g_string_truncate(walk->folded, 0);
  text_fold_append(walk->folded, text, (gssize)length);
  each_key(walk->folded->str, streams, *stream == 't' ? 1 : 2, walk->func, walk->data);
}

static void walk_field(const char *key, const char *value, gsize length, gpointer data) {
  Walk *walk = data;
  g_string_assign(walk->stream, "f");
  search_name_append(walk->stream, key);
  walk_text(walk, value, length, walk->stream->str);
}

static void walk_record(Walk *walk, const GramText *text) {
  const struct { const char *text, *stream; } parts[] = {{text->title, "t"}, {text->creator, "c"}, {text->code, "k"}, {text->docno, "d"}};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (parts[i].text) walk_text(walk, parts[i].text, strlen(parts[i].text), parts[i].stream);
  search_fields_each(text->fields, walk_field, walk);
}

static void note_number(guint64 key, gpointer data) {
  Collector *collector = data;
  gint64 number = search_gram_number(collector->selection, key);
  guint32 kept = (guint32)number;
  if (number >= 0) g_array_append_val(collector->numbers, kept);
}

static int compare_numbers(gconstpointer a, gconstpointer b) {
  guint32 x = *(const guint32 *)a, y = *(const guint32 *)b;
  return x < y ? -1 : x > y;
}

/* number << 2 | times, ascending, into out. */
static void collect(Collector *collector, const GramText *text, GArray *out) {
  g_array_set_size(collector->numbers, 0);
  g_array_set_size(out, 0);
  Walk walk = {note_number, collector, collector->folded, collector->stream};
  walk_record(&walk, text);
  g_array_sort(collector->numbers, compare_numbers);
  const guint32 *all = (const guint32 *)(gpointer)collector->numbers->data;
  for (guint i = 0; i < collector->numbers->len; i++) {
    guint32 times = 0;
    while (times < GRAM_TIMES && i > times && all[i] == all[i - times - 1]) times++;
    guint32 kept = all[i] << 2 | times;
    if (times < GRAM_TIMES) g_array_append_val(out, kept);
  }
}

/* ---- rows ---- */

static gboolean write_row(Sql *sql, gint64 row, const guint64 *words, GError **error) {
  guint count = search_words_count(words);
  if (count == 0) return sql_exec(sql, "DELETE FROM search_gram WHERE id = $1", SQL_ARGS(sql_int(row)), error);
  guint16 lines[BLOCK_LINES / 8];
  gboolean few = count <= ARRAY_MOST;
  if (few) search_words_list(words, lines);
  guint8 bytes[BITS_BYTES + sizeof(guint32)];
  gsize length = few ? count * sizeof *lines : BITS_BYTES;
  memcpy(bytes, few ? (const void *)lines : words, length);
  guint32 sum = search_sum(bytes, length, (guint32)row);
  memcpy(bytes + length, &sum, sizeof sum);
  return sql_exec(sql, "INSERT INTO search_gram (id, bits) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET bits = excluded.bits",
    SQL_ARGS(sql_int(row), sql_blob(bytes, (gssize)(length + sizeof sum))), error);
}

gboolean search_gram_sound(gint64 row, const guint8 *bytes, gsize *length) {
  guint32 sum;
  if (*length <= sizeof sum) return FALSE;
  *length -= sizeof sum;
  memcpy(&sum, bytes + *length, sizeof sum);
  return sum == search_sum(bytes, *length, (guint32)row);
}

static gboolean read_row(Sql *sql, gint64 row, guint64 *words, GError **error) {
  memset(words, 0, BITS_BYTES);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT bits FROM search_gram WHERE id = $1", SQL_ARGS(sql_int(row)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  if (sql_next(rows, &failure)) {
    gsize length;
    const guint8 *bytes = sql_blob_at(rows, 0, &length);
    if (!search_gram_sound(row, bytes, &length)) return throw(error, LANTAI_ERROR_INTERNAL, "检索索引的位图 %" G_GINT64_FORMAT " 已损坏", row);
    if (length == BITS_BYTES) memcpy(words, bytes, length);
    else
      for (gsize i = 0; i + 1 < length; i += 2) {
        guint16 line;
        memcpy(&line, bytes + i, sizeof line);
        words[line / 64] |= G_GUINT64_CONSTANT(1) << line % 64;
      }
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

/* ---- following changes ---- */

typedef struct { gint64 row; guint32 sequence; guint16 line; gboolean set; } Owed;

struct GramFollow {
  Search *search;
  GramState state;
  GramSelection *selection; /* NULL: nothing is kept */
  GArray *owed;
  Collector collector;
};

GramFollow *search_gram_follow_new(Search *search, Sql *sql, GError **error) {
  GramState state;
  if (!search_gram_state(sql, &state, error)) return NULL;
  g_autoptr(GramSelection) selection = state.selection ? search_gram_selection(search, sql, GRAMS_RECORD, state.selection, error) : NULL;
  if (state.selection && selection == NULL) return NULL;
  GramFollow *follow = g_new0(GramFollow, 1);
  follow->search = search;
  follow->state = state;
  follow->owed = g_array_new(FALSE, FALSE, sizeof(Owed));
  follow->collector = collector_new(selection);
  follow->selection = g_steal_pointer(&selection);
  return follow;
}

void search_gram_follow_free(GramFollow *follow) {
  if (follow == NULL) return;
  search_gram_selection_unref(follow->selection);
  g_array_unref(follow->owed);
  collector_clear(&follow->collector);
  g_free(follow);
}

static gboolean set_covered(GramFollow *follow, Sql *sql, guint covered, GError **error) {
  follow->state.covered = covered;
  return sql_exec(sql, "UPDATE search_gram_state SET covered = $1 WHERE id = 1", SQL_ARGS(sql_int(covered)), error);
}

static gboolean uncover_last(GramFollow *follow, Sql *sql, GError **error) {
  guint block = follow->state.covered - 1;
  for (guint number = 0; number < search_gram_selection_size(follow->selection); number++)
    if (!sql_exec(sql, "DELETE FROM search_gram WHERE id IN ($1, $2, $3)", SQL_ARGS(sql_int(search_gram_row(number, GRAM_ONCE, block)),
          sql_int(search_gram_row(number, GRAM_TWICE, block)), sql_int(search_gram_row(number, GRAM_THRICE, block))), error))
      return FALSE;
  return set_covered(follow, sql, block, error);
}

static void owe(GramFollow *follow, guint32 id, guint32 kept, gboolean set) {
  Owed one = {search_gram_row(kept >> 2, kept & 3, id / BLOCK_LINES), follow->owed->len, (guint16)(id % BLOCK_LINES), set};
  g_array_append_val(follow->owed, one);
}

static void owe_differences(GramFollow *follow, guint32 id, const GArray *before, const GArray *after) {
  for (guint i = 0, k = 0; i < before->len || k < after->len;) {
    guint32 x = i < before->len ? g_array_index(before, guint32, i) : G_MAXUINT32, y = k < after->len ? g_array_index(after, guint32, k) : G_MAXUINT32;
    if (x != y) owe(follow, id, MIN(x, y), y < x);
    i += x <= y;
    k += y <= x;
  }
}

static GramText text_of(const SearchDocument *document) {
  if (document == NULL) return (GramText){0};
  return (GramText){document->title, document->creator, document->code, document->docno, document->fields};
}

gboolean search_gram_follow(GramFollow *follow, Sql *sql, const Columns *base, const SearchDocument *before, const SearchDocument *after, gboolean bulk, GError **error) {
  guint32 id = (guint32)(after ? after->id : before->id);
  guint block = id / BLOCK_LINES;
  if (follow->selection == NULL || follow->state.covered == 0) return TRUE;
  if (!bulk && block == follow->state.covered && block >= base->block_count && !set_covered(follow, sql, block + 1, error)) return FALSE;
  if (block >= follow->state.covered) return TRUE;
  if (bulk && before == NULL && block + 1 == follow->state.covered) return uncover_last(follow, sql, error);
  g_autoptr(GArray) old = g_array_new(FALSE, FALSE, sizeof(guint32)), new = g_array_new(FALSE, FALSE, sizeof(guint32));
  GramText old_text = text_of(before), new_text = text_of(after);
  collect(&follow->collector, &old_text, old);
  collect(&follow->collector, &new_text, new);
  owe_differences(follow, id, old, new);
  return (bulk && follow->owed->len < search_limits.gram_owed) || search_gram_follow_flush(follow, sql, error);
}

static int compare_owed(gconstpointer a, gconstpointer b) {
  const Owed *x = a, *y = b;
  if (x->row != y->row) return x->row < y->row ? -1 : 1;
  return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

gboolean search_gram_follow_flush(GramFollow *follow, Sql *sql, GError **error) {
  GArray *owed = follow->owed;
  g_array_sort(owed, compare_owed);
  for (guint i = 0; i < owed->len;) {
    gint64 row = g_array_index(owed, Owed, i).row;
    guint64 words[BLOCK_WORDS];
    gboolean kept = (guint)(row & 0xffff) < follow->state.covered;
    if (kept && !read_row(sql, row, words, error)) return FALSE;
    for (; i < owed->len && g_array_index(owed, Owed, i).row == row; i++) {
      const Owed *one = &g_array_index(owed, Owed, i);
      guint64 bit = G_GUINT64_CONSTANT(1) << one->line % 64;
      if (kept && one->set) words[one->line / 64] |= bit;
      else if (kept) words[one->line / 64] &= ~bit;
    }
    if (kept && !write_row(sql, row, words, error)) return FALSE;
  }
  g_array_set_size(owed, 0);
  return TRUE;
}

gboolean search_grams_agree(Search *search, Sql *sql, const SearchDocument *document) {
  g_autoptr(GramFollow) follow = search_gram_follow_new(search, sql, NULL);
  if (follow == NULL) return FALSE;
  if (follow->selection == NULL || document->id / BLOCK_LINES >= follow->state.covered) return TRUE;
  g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(guint32));
  GramText text = text_of(document);
  collect(&follow->collector, &text, kept);
  gboolean agrees = TRUE;
  for (guint i = 0; agrees && i < MIN(kept->len, GRAMS_COMPARED); i++) {
    guint32 one = g_array_index(kept, guint32, g_random_int_range(0, (gint32)kept->len));
    guint64 words[BLOCK_WORDS];
    guint line = document->id % BLOCK_LINES;
    agrees = read_row(sql, search_gram_row(one >> 2, one & 3, (guint)(document->id / BLOCK_LINES)), words, NULL) && (words[line / 64] >> line % 64 & 1);
  }
  return agrees;
}

static gboolean clear(Sql *sql, GError **error) {
  return sql_exec(sql, "DELETE FROM search_gram", SQL_NONE, error) && sql_exec(sql, "DELETE FROM search_gram_key", SQL_NONE, error) &&
    sql_exec(sql, "UPDATE search_gram_state SET selection = 0, covered = 0, records = 0 WHERE id = 1", SQL_NONE, error);
}

/* ---- reading records ---- */

typedef struct {
  Search *search;
  Sql *sql;
  const Columns *columns;
  SearchTextSource source;
  gpointer source_data;
} Reader;

static gboolean read_record(const Reader *reader, guint32 id, Walk *walk) {
  SearchText text = {0};
  gboolean good = reader->source && reader->source(reader->sql, id, &text, reader->source_data);
  if (good) {
    GramText record = {text.title, text.creator, columns_code(reader->columns, id), text.docno, text.fields};
    if (text.code) record.code = text.code;
    walk_record(walk, &record);
  }
  search_text_clear(&text);
  return good;
}

static Reader reader_of(Search *search, Sql *sql, const Columns *columns) {
  g_mutex_lock(&search->lock);
  Reader reader = {search, sql, columns, search->text_source, search->text_source_data};
  g_mutex_unlock(&search->lock);
  return reader;
}

static gint64 count_living(const Columns *columns) {
  gint64 count = 0;
  for (guint i = 0; i < columns->block_count; i++) count += search_block_kinds(columns, i)->living;
  return count;
}

/* ---- choosing ---- */

typedef struct { guint count, last; } Seen; /* of a gram in the sample: records, and the last of them */
typedef struct {
  GramSelection *numbers; /* all grams of the sample */
  GArray *seen, *keys;    /* by number */
  guint record;
} Sample;

static void note_sample(guint64 key, gpointer data) {
  Sample *sample = data;
  guint number = search_gram_selection_add(sample->numbers, key);
  if (number == sample->seen->len) {
    Seen none = {0};
    g_array_append_val(sample->seen, none);
    g_array_append_val(sample->keys, key);
  }
  Seen *seen = &g_array_index(sample->seen, Seen, number);
  if (seen->last != sample->record) seen->count++;
  seen->last = sample->record;
}

static void sample_records(const Reader *reader, Sample *sample) {
  guint64 lines = (guint64)reader->columns->chunk_count * CHUNK_LINES;
  guint64 step = MAX(lines / MIN((guint64)search_limits.gram_sample, lines), 1);
  g_autoptr(GString) folded = g_string_new(NULL), stream = g_string_new(NULL);
  Walk walk = {note_sample, sample, folded, stream};
  for (guint64 id = 0; id < lines; id += step) {
    if (columns_line(reader->columns, (guint32)id) == NULL) continue;
    sample->record++;
    read_record(reader, (guint32)id, &walk);
  }
}

/* The keys of grams that stand in enough of the sample, g_array of guint64. */
static GArray *choose(const Reader *reader, gint64 living) {
  Sample sample = {search_gram_selection_new(0), g_array_new(FALSE, FALSE, sizeof(Seen)), g_array_new(FALSE, FALSE, sizeof(guint64)), 0};
  sample_records(reader, &sample);
  GArray *chosen = g_array_new(FALSE, FALSE, sizeof(guint64));
  gint64 least = MAX(search_limits.gram_least, living / 1000);
  for (guint i = 0; i < sample.seen->len; i++)
    if ((gint64)g_array_index(sample.seen, Seen, i).count * living >= least * sample.record && g_array_index(sample.seen, Seen, i).count > 1)
      g_array_append_val(chosen, g_array_index(sample.keys, guint64, i));
  search_gram_selection_unref(sample.numbers);
  g_array_unref(sample.seen);
  g_array_unref(sample.keys);
  return chosen;
}

static gboolean write_selection(Sql *sql, const GArray *chosen, gint64 living, GError **error) {
  if (!clear(sql, error)) return FALSE;
  for (guint i = 0; i < chosen->len; i++)
    if (!sql_exec(sql, "INSERT INTO search_gram_key (number, key) VALUES ($1, $2)", SQL_ARGS(sql_int(i), sql_int((gint64)g_array_index(chosen, guint64, i))), error))
      return FALSE;
  gint64 sum = search_gram_keys_sum(chosen);
  if (!sql_exec(sql, "INSERT INTO search_gram_key (number, key) VALUES ($1, $2)", SQL_ARGS(sql_int(GRAM_KEYS_SUM), sql_int(sum)), error)) return FALSE;
  return sql_exec(sql, "UPDATE search_gram_state SET selection = $1, records = $2 WHERE id = 1", SQL_ARGS(sql_int(g_get_real_time()), sql_int(living)), error);
}

/* ---- covering ---- */

static void append_line(GByteArray **lines, guint16 line) {
  if (*lines == NULL) *lines = g_byte_array_new();
  g_byte_array_append(*lines, (const guint8 *)&line, sizeof line);
}

typedef struct {
  const GramSelection *selection;
  guint size;
  guint32 *last;      /* by number: the line it was noted for last, + 1 */
  guint8 *times;      /* how often in that line */
  GByteArray **lines; /* number * GRAM_TIMES + times → 16-bit numbers */
  guint16 line;
} Cover;

static void note_cover(guint64 key, gpointer data) {
  Cover *cover = data;
  gint64 number = search_gram_number(cover->selection, key);
  if (number < 0) return;
  guint32 line = (guint32)cover->line + 1;
  if (cover->last[number] != line) cover->times[number] = 0;
  if (cover->times[number] < GRAM_TIMES) append_line(&cover->lines[number * GRAM_TIMES + cover->times[number]++], cover->line);
  cover->last[number] = line;
}

/* only: bits of the lines that are read; NULL: all. */
static void cover_read(Cover *cover, const Reader *reader, const GramSelection *selection, guint block, const guint64 *only) {
  *cover = (Cover){.selection = selection, .size = search_gram_selection_size(selection)};
  cover->last = g_new0(guint32, cover->size + 1);
  cover->times = g_new0(guint8, cover->size + 1);
  cover->lines = g_new0(GByteArray *, cover->size * GRAM_TIMES + 1);
  g_autoptr(GString) folded = g_string_new(NULL), stream = g_string_new(NULL);
  Walk walk = {note_cover, cover, folded, stream};
  for (guint line = 0; line < BLOCK_LINES; line++) {
    guint32 id = block * BLOCK_LINES + line;
    cover->line = (guint16)line;
    gboolean wanted = only == NULL || (only[line / 64] >> line % 64 & 1);
    if (wanted && columns_line(reader->columns, id)) read_record(reader, id, &walk);
  }
}

static void cover_clear(Cover *cover) {
  for (guint i = 0; cover->lines && i < cover->size * GRAM_TIMES; i++) g_clear_pointer(&cover->lines[i], g_byte_array_unref);
  g_clear_pointer(&cover->lines, g_free);
  g_clear_pointer(&cover->last, g_free);
  g_clear_pointer(&cover->times, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Cover, cover_clear)

static void add_lines(guint64 *words, const GByteArray *lines) {
  const guint16 *all = lines ? (const guint16 *)(gpointer)lines->data : NULL;
  for (guint i = 0; all && i < lines->len / 2; i++) words[all[i] / 64] |= G_GUINT64_CONSTANT(1) << all[i] % 64;
}

/* again: what `cover` says of the lines in `redone` counts no more, but what this says. renews: there may be rows of the block. */
static gboolean cover_write(const Cover *cover, const Cover *again, const guint64 *redone, Sql *sql, guint block, gboolean renews, GError **error) {
  for (guint i = 0; i < cover->size * GRAM_TIMES; i++) {
    guint64 words[BLOCK_WORDS] = {0};
    if (cover->lines[i] == NULL && again->lines[i] == NULL && !renews) continue;
    add_lines(words, cover->lines[i]);
    for (guint k = 0; k < BLOCK_WORDS; k++) words[k] &= ~redone[k];
    add_lines(words, again->lines[i]);
    if (!write_row(sql, search_gram_row(i / GRAM_TIMES, i % GRAM_TIMES, block), words, error)) return FALSE;
  }
  return renews || sql_exec(sql, "UPDATE search_gram_state SET covered = $1 WHERE id = 1", SQL_ARGS(sql_int(block + 1)), error);
}

/* The lines of the block whose records were saved after a version; FALSE: that is not known. */
static gboolean lines_saved(Search *search, guint64 version, guint block, guint64 *words) {
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
  memset(words, 0, BITS_BYTES);
  if (!search_cache_changed(search->cache, version, ids)) return FALSE;
  for (guint i = 0; i < ids->len; i++) {
    guint32 id = g_array_index(ids, guint32, i);
    if (id / BLOCK_LINES == block) words[id % BLOCK_LINES / 64] |= G_GUINT64_CONSTANT(1) << id % 64;
  }
  return TRUE;
}

static gboolean view_of(Search *search, Sql *sql, SearchView *view, GramState *state, GError **error) {
  gboolean good = search_view_open(search, sql, view, error);
  *state = view->grams;
  return good;
}

/* Covers a block (`next`: the first that is not covered yet; else one that is, anew) with what is read before, or (within) in the writing transaction itself.
 * ret_done FALSE: that cannot be brought together with what others have written meanwhile. What another has covered, uncovered or chosen anew is left to him.
 * Reading ends before writing begins, else the log of the database could not begin anew and would grow with every block. */
static gboolean cover_block(Search *search, guint block, gboolean next, gboolean within, gboolean *ret_done, GError **error) {
  g_autoptr(Sql) reading = within ? NULL : sql_read(search->db, error), writing = within ? sql_write(search->db, error) : NULL;
  Sql *sql = within ? writing : reading;
  SearchView view = {0}, now = {0};
  GramState state, state_now;
  if (sql == NULL || !view_of(search, sql, &view, &state, error)) return FALSE;
  g_autoptr(Columns) columns = view.columns;
  *ret_done = state.selection == 0 || (next ? state.covered >= columns->block_count : block >= state.covered);
  if (*ret_done) return TRUE; /* there is no such block any more */
  g_autoptr(GramSelection) selection = search_gram_selection(search, sql, GRAMS_RECORD, state.selection, error);
  if (selection == NULL) return FALSE;
  if (next) block = state.covered;
  Reader reader = reader_of(search, sql, columns);
  g_auto(Cover) cover, again = {0};
  cover_read(&cover, &reader, selection, block, NULL);
  g_clear_pointer(&reading, sql_end);
  if (!within) writing = sql_write(search->db, error);
  if (writing == NULL || !view_of(search, writing, &now, &state_now, error)) return FALSE;
  g_autoptr(Columns) columns_now = now.columns;
  guint64 redone[BLOCK_WORDS];
  *ret_done = state_now.selection != state.selection || (next ? state_now.covered != state.covered : block >= state_now.covered);
  if (*ret_done && !within) return TRUE;
  *ret_done = lines_saved(search, view.version, block, redone);
  if (!*ret_done && !within) return TRUE;
  Reader reader_now = reader_of(search, writing, columns_now);
  if (within) memset(redone, 0, sizeof redone);
  cover_read(&again, &reader_now, selection, block, redone);
  *ret_done = TRUE;
  return cover_write(&cover, &again, redone, writing, block, !next, error) && sql_commit(writing, error);
}

gboolean search_grams_renew(Search *search, GError **error) {
  for (guint block = 0;; block++) {
    g_autoptr(Sql) sql = sql_read(search->db, error);
    GramState state;
    if (sql == NULL || !search_gram_state(sql, &state, error)) return FALSE;
    g_clear_pointer(&sql, sql_end);
    gboolean done = state.selection == 0 || block >= state.covered;
    if (done) return TRUE;
    if (!cover_block(search, block, FALSE, FALSE, &done, error) || (!done && !cover_block(search, block, FALSE, TRUE, &done, error))) return FALSE;
  }
}

static gboolean choose_grams(Search *search, Sql **reading, const Columns *columns, gint64 living, GError **error) {
  Reader reader = reader_of(search, *reading, columns);
  g_autoptr(GArray) chosen = choose(&reader, living);
  g_clear_pointer(reading, sql_end);
  g_autoptr(Sql) sql = sql_write(search->db, error);
  return sql != NULL && write_selection(sql, chosen, living, error) && sql_commit(sql, error);
}

gboolean search_grams_extend(Search *search, gboolean *ret_more, GError **error) {
  *ret_more = FALSE;
  g_autoptr(Sql) reading = sql_read(search->db, error);
  SearchView view = {0};
  GramState state;
  if (reading == NULL || !view_of(search, reading, &view, &state, error)) return FALSE;
  g_autoptr(Columns) columns = view.columns;
  gint64 living = count_living(columns);
  Reader reader = reader_of(search, reading, columns);
  if (reader.source == NULL || search_is_damaged(search) || living < search_limits.gram_records) return TRUE;
  *ret_more = TRUE;
  if (state.selection == 0 || living > state.records * 2) return choose_grams(search, &reading, columns, living, error);
  *ret_more = state.covered < columns->block_count;
  g_clear_pointer(&reading, sql_end);
  gboolean done = !*ret_more;
  if (!done && !cover_block(search, 0, TRUE, FALSE, &done, error)) return FALSE;
  return done || cover_block(search, 0, TRUE, TRUE, &done, error);
}
