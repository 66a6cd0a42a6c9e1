/* Formats that are not parsed further: their end mark or the length they tell must agree with the file. And texts: every byte is a character. */
#include "examine.h"
#include "table-sink.h"
#include "text.h"
#include <string.h>

enum { TAIL = 512, BLOCK = 256 << 10, SAMPLE = 1 << 20 };

static guint32 little(const guint8 *bytes) { return bytes[0] | (guint32)bytes[1] << 8 | (guint32)bytes[2] << 16 | (guint32)bytes[3] << 24; }
static guint32 big(const guint8 *bytes) { return bytes[3] | (guint32)bytes[2] << 8 | (guint32)bytes[1] << 16 | (guint32)bytes[0] << 24; }

/* How long the file says it is; 0: it does not. */
static guint64 told_size(const guint8 *head) {
  if (memcmp(head, "FWS", 3) == 0) return little(head + 4);
  if (memcmp(head + 40, " EMF", 4) == 0) return little(head + 48);
  if (memcmp(head, "SQLite format 3", 16) == 0) {
    guint page = (guint)head[16] << 8 | head[17];
    return (guint64)(page == 1 ? 65536 : page) * big(head + 28);
  }
  if (memcmp(head, "RIFF", 4) == 0) return (guint64)little(head + 4) + 8;
  return 0;
}

/* DBF: header, and as many rows as it tells. */
static void check_dbf(const ExamineFile *file, const guint8 *head, json_t *facts) {
  guint64 wanted = (head[8] | (guint64)head[9] << 8) + (guint64)little(head + 4) * (head[10] | (guint64)head[11] << 8);
  if (wanted > file->size) examine_problem(facts, "文件头记载有 %u 条记录，实际放不下，文件可能被截断", little(head + 4));
}

static void check_mark(const ExamineFile *file, const guint8 *head, json_t *facts) {
  static const struct {
    const char *head, *end, *name;
  } MARKS[] = {{"{\\rtf", "}", "RTF"}, {"ISO-10303-21;", "END-ISO-10303-21;", "STEP"}, {"%!PS", "%%EOF", "PostScript"}};
  char tail[TAIL + 1] = "";
  gsize length = MIN(file->size, TAIL);
  if (!examine_read(file, file->size - length, tail, length)) return examine_problem(facts, "文件读取失败");
  for (gsize i = 0; i < length; i++)
    if (tail[i] == '\0') tail[i] = ' ';
  g_strchomp(tail);
  gboolean is_drawing = head[0] == ' ' || g_ascii_isdigit(head[0]);
  if (is_drawing && !g_str_has_suffix(tail, "EOF")) return examine_problem(facts, "缺少 DXF 的结束标记（EOF），文件可能被截断");
  for (gsize i = 0; i < G_N_ELEMENTS(MARKS); i++)
    if (memcmp(head, MARKS[i].head, strlen(MARKS[i].head)) == 0 && strstr(tail, MARKS[i].end) == NULL)
      return examine_problem(facts, "缺少 %s 的结束标记，文件可能被截断", MARKS[i].name);
}

void examine_end(const ExamineFile *file, json_t *facts) {
  guint8 head[64] = {0};
  if (!examine_read(file, 0, head, MIN(file->size, sizeof head))) return examine_problem(facts, "文件读取失败");
  guint64 told = told_size(head);
  if (told > file->size) examine_problem(facts, "文件记载的长度是 %" G_GUINT64_FORMAT " 字节，实际只有 %" G_GUINT64_FORMAT " 字节，可能被截断", told, file->size);
  if (told == 0 && head[0] < 0x20 && head[2] <= 12) check_dbf(file, head, facts);
  else if (told == 0) check_mark(file, head, facts);
  if (json_object_get(facts, "opens") == NULL) json_object_set_new(facts, "opens", json_true());
}

/* ---- texts ---- */

void examine_text(const ExamineFile *file, json_t *facts) {
  g_autofree char *block = g_malloc(SAMPLE);
  gsize length = MIN(file->size, SAMPLE);
  if (!examine_read(file, 0, block, length)) return examine_problem(facts, "文件读取失败");
  const char *encoding = text_encoding_guess(block, length);
  g_autoptr(TableDecoder) decoder = table_decoder_new(encoding);
  g_autoptr(GString) text = g_string_new(NULL);
  guint64 broken = 0, first = 0, lines = 1;
  for (guint64 at = g_str_has_prefix(encoding, "UTF-16") ? 2 : 0; at < file->size; at += length) {
    length = MIN(file->size - at, BLOCK);
    if (!examine_read(file, at, block, length)) return examine_problem(facts, "文件读取失败");
    g_string_truncate(text, 0);
    broken += table_decode(decoder, block, length, at + length == file->size, text);
    for (gsize i = 0; i < text->len && first == 0; i++) {
      if ((guchar)text->str[i] == TABLE_BROKEN) first = lines;
      lines += text->str[i] == '\n';
    }
  }
  if (broken > 0) examine_problem(facts, "有 %" G_GUINT64_FORMAT " 处不是有效的 %s 文字，最先在第 %" G_GUINT64_FORMAT " 行", broken, encoding, first);
  else json_object_set_new(facts, "opens", json_true());
}
