/*
 * The row of a gram of pages (gram.h): lines of each block of a span that have it, and how often.
 *
 * 1. For each block the length of what follows of it. Of a block: count - 1 (16 bits), the lines; where some have the gram more than once: their number - 1, those
 *    lines, and half a byte for each: times - 2, at most 15.
 * 2. Lines are written in the way that their number makes shortest: up to FEW 16-bit numbers; then for each its low byte, and for its high byte a bit in a
 *    row of bits, at the number of lines before it plus the high byte (Elias and Fano); then a bit for each line of the block.
 */
#include "gram.h"
#include "block.h"

enum { FEW = 37, BITS_BYTES = BLOCK_LINES / 8 };

/* ---- lines in the shortest way ---- */

static gsize high_bytes(guint count) { return (count + 256 + 7) / 8; }

static gsize lines_bytes(guint count) {
  if (count < FEW) return count * sizeof(guint16);
  return MIN(count + high_bytes(count), (gsize)BITS_BYTES);
}

static gboolean is_bits(guint count) { return lines_bytes(count) == BITS_BYTES; }

static void append_lines(GByteArray *out, const guint16 *lines, guint count) {
  guint start = out->len;
  if (count < FEW) {
    g_byte_array_append(out, (const guint8 *)lines, (guint)(count * sizeof *lines));
    return;
  }
  g_byte_array_set_size(out, start + (guint)lines_bytes(count));
  guint8 *bytes = out->data + start;
  memset(bytes, 0, lines_bytes(count));
  for (guint i = 0; i < count; i++) {
    guint at = is_bits(count) ? lines[i] : count * 8 + i + (lines[i] >> 8);
    bytes[at / 8] |= (guint8)(1 << at % 8);
    if (!is_bits(count)) bytes[i] = (guint8)lines[i];
  }
}

/* A list of lines, not of the kind that is_bits; FALSE: bytes that are none. */
static gboolean list_lines(const guint8 *bytes, guint count, guint16 *lines) {
  if (count < FEW) return memcpy(lines, bytes, count * sizeof *lines), TRUE;
  const guint8 *high = bytes + count;
  guint found = 0;
  for (guint i = 0; i < high_bytes(count); i++)
    for (guint byte = high[i]; byte; byte &= byte - 1) {
      guint at = i * 8 + (guint)__builtin_ctz(byte);
      if (found == count || at - found > 255) return FALSE;
      lines[found] = (guint16)((at - found) << 8 | bytes[found]);
      found++;
    }
  return found == count;
}

/* ---- rows ---- */

gboolean search_page_row_read(Sql *sql, gint64 row, GByteArray *bytes, PageSpan *ret, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT lines FROM search_gram_page WHERE id = $1", SQL_ARGS(sql_int(row)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  gboolean sound = TRUE;
  *ret = (PageSpan){0};
  g_byte_array_set_size(bytes, 0);
  if (sql_next(rows, &failure)) {
    gsize length;
    guint32 sum;
    const guint8 *read = sql_blob_at(rows, 0, &length);
    sound = length > sizeof sum;
    if (sound) {
      length -= sizeof sum;
      memcpy(&sum, read + length, sizeof sum);
      g_byte_array_append(bytes, read, (guint)length);
      sound = sum == search_sum(read, length, (guint32)(row ^ row >> 32)) && search_page_span_read(bytes->data, length, ret);
    }
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return sound;
}

void search_page_span_append(GByteArray *out, const PageSpan *span) {
  g_byte_array_append(out, (const guint8 *)span->lengths, sizeof span->lengths);
  for (guint i = 0; i < SPAN_BLOCKS; i++) g_byte_array_append(out, span->bytes[i], span->lengths[i]);
}

gboolean search_page_span_read(const guint8 *bytes, gsize length, PageSpan *ret) {
  const guint8 *end = bytes + length;
  *ret = (PageSpan){0};
  if (length < sizeof ret->lengths) return FALSE;
  memcpy(ret->lengths, bytes, sizeof ret->lengths);
  bytes += sizeof ret->lengths;
  for (guint i = 0; i < SPAN_BLOCKS; bytes += ret->lengths[i++]) {
    if (end - bytes < ret->lengths[i]) return FALSE;
    ret->bytes[i] = bytes;
  }
  return bytes == end;
}

void search_page_lines_append(GByteArray *out, const guint16 *lines, guint count, const guint16 *repeated, const guint8 *times, guint more) {
  guint16 head = (guint16)(count - 1);
  g_byte_array_append(out, (const guint8 *)&head, sizeof head);
  append_lines(out, lines, count);
  if (more == 0) return;
  head = (guint16)(more - 1);
  g_byte_array_append(out, (const guint8 *)&head, sizeof head);
  append_lines(out, repeated, more);
  for (guint i = 0; i < more; i += 2) {
    guint8 second = i + 1 < more ? (guint8)(MIN(times[i + 1], REPEATS_MOST) - 2) : 0, both = (guint8)(MIN(times[i], REPEATS_MOST) - 2) | (guint8)(second << 4);
    g_byte_array_append(out, &both, 1);
  }
}

static gboolean take_lines(const guint8 **at, const guint8 *end, guint *count, const guint8 **lines) {
  guint16 head;
  if (end - *at < (gssize)sizeof head) return FALSE;
  memcpy(&head, *at, sizeof head);
  *count = head + 1U;
  *lines = *at + sizeof head;
  if ((gsize)(end - *lines) < lines_bytes(*count)) return FALSE;
  *at = *lines + lines_bytes(*count);
  return TRUE;
}

gboolean search_page_lines_read(const guint8 *bytes, gsize length, PageLines *ret) {
  const guint8 *end = bytes + length;
  *ret = (PageLines){0};
  if (!take_lines(&bytes, end, &ret->count, &ret->lines)) return FALSE;
  if (bytes == end) return TRUE;
  if (!take_lines(&bytes, end, &ret->more, &ret->repeated)) return FALSE;
  ret->times = bytes;
  return (gsize)(end - bytes) == (ret->more + 1) / 2;
}

gboolean search_page_lines_and(const PageLines *lines, guint64 *words) {
  guint64 found[BLOCK_WORDS], left = 0;
  if (is_bits(lines->count)) memcpy(found, lines->lines, sizeof found);
  else {
    guint16 list[BITS_BYTES];
    memset(found, 0, sizeof found);
    if (list_lines(lines->lines, lines->count, list))
      for (guint i = 0; i < lines->count; i++) found[list[i] / 64] |= G_GUINT64_CONSTANT(1) << list[i] % 64;
  }
  for (guint i = 0; i < BLOCK_WORDS; i++) left |= words[i] &= found[i];
  return left != 0;
}

static gint32 excess_at(const PageLines *lines, guint i, gint sign) {
  gint32 excess = (lines->times[i / 2] >> i % 2 * 4 & 15) + 1;
  return sign < 0 && excess + 1 == REPEATS_MOST ? BLOCK_LINES : excess; /* how often it is not known: any number of times */
}

void search_page_lines_excess(const PageLines *lines, const guint64 *words, gint sign, gint32 *slack) {
  if (lines->more == 0) return;
  if (!is_bits(lines->more)) {
    guint16 list[BITS_BYTES];
    if (!list_lines(lines->repeated, lines->more, list)) return;
    for (guint i = 0; i < lines->more; i++)
      if (words[list[i] / 64] >> list[i] % 64 & 1) slack[list[i]] += sign * excess_at(lines, i, sign);
    return;
  }
  for (guint i = 0, before = 0; i < BLOCK_WORDS; i++) {
    guint64 word;
    memcpy(&word, lines->repeated + i * sizeof word, sizeof word);
    for (guint64 both = word & words[i]; both; both &= both - 1) {
      guint bit = (guint)__builtin_ctzll(both);
      slack[i * 64 + bit] += sign * excess_at(lines, before + (guint)__builtin_popcountll(word & ((G_GUINT64_CONSTANT(1) << bit) - 1)), sign);
    }
    before += (guint)__builtin_popcountll(word);
  }
}
