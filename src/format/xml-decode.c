/* Bytes of XML to UTF-8 without CDATA sections (xml-decode.h). */
#include "xml-decode.h"
#include "error.h"
#include "table-sink.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 64 << 10, HEAD = 1024, ENCODING_MAX = 40, CERTAIN_UTF8 = 8, LIKELY_UTF8 = 3 };
#define SEARCH_MAX (G_GINT64_CONSTANT(64) << 20) /* ASCII beyond this decides for what is declared */

typedef enum { LEX_TEXT, LEX_TAG, LEX_QUOTE, LEX_COMMENT, LEX_INSTRUCTION, LEX_CDATA } LexState;
struct XmlDecoder {
  int fd;
  goffset offset;
  TableDecoder *decoder;
  const char *family; /* what the bytes are: a name for iconv */
  char *encoding;
  GString *plain, *text;
  LexState state;
  char quote;
  char held[12]; /* the beginning of a mark that the last piece cut */
  gsize held_length;
  gboolean ended;
};

/* ---- which encoding ---- */

static gssize read_at(int fd, void *buffer, gsize length, goffset offset) {
  gssize got;
  do got = pread(fd, buffer, length, offset);
  while (got < 0 && errno == EINTR);
  return got;
}

/* The declaration's encoding, upper case; "" without one. */
static void find_declared(const char *head, gsize length, char ret[ENCODING_MAX]) {
  ret[0] = '\0';
  const char *end = memmem(head, length, "?>", 2);
  if (length < 6 || memcmp(head, "<?xml", 5) != 0 || end == NULL) return;
  const char *at = memmem(head, (gsize)(end - head), "encoding", 8);
  if (at == NULL) return;
  for (at += 8; at < end && strchr(" \t\r\n=", *at) != NULL; at++) {}
  if (at >= end || (*at != '"' && *at != '\'')) return;
  char quote = *at++;
  gsize letters = 0;
  while (at + letters < end && at[letters] != quote && letters + 1 < ENCODING_MAX && g_ascii_isgraph(at[letters])) letters++;
  for (gsize i = 0; i < letters; i++) ret[i] = g_ascii_toupper(at[i]);
  ret[letters] = '\0';
}

typedef enum { BYTES_ASCII, BYTES_EITHER, BYTES_UTF8, BYTES_OTHER } ByteKind;

/* EITHER: so few characters beyond ASCII that a short GB18030 text could pass as UTF-8; the declaration is then believed. */
static ByteKind look_at_bytes(int fd, goffset offset) {
  g_autofree char *block = g_malloc(BLOCK);
  gsize kept = 0;
  guint certain = 0;
  gboolean foreign = FALSE;
  gssize got;
  for (goffset from = offset; from < offset + SEARCH_MAX && (got = read_at(fd, block + kept, BLOCK - kept, from)) > 0; from += got) {
    gsize length = kept + (gsize)got;
    const char *end;
    gboolean valid = g_utf8_validate_len(block, length, &end);
    for (const char *at = block; at < end; at++) {
      foreign |= (guchar)*at >= 0x80;
      certain += ((guchar)*at & 0xf0) == 0xe0;
    }
    if (certain >= CERTAIN_UTF8) return BYTES_UTF8;
    kept = valid ? 0 : length - (gsize)(end - block);
    if (kept >= 4 || (kept > 0 && g_utf8_get_char_validated(end, (gssize)kept) != (gunichar)-2)) return BYTES_OTHER;
    memmove(block, end, kept);
  }
  if (kept > 0) return BYTES_OTHER;
  return !foreign ? BYTES_ASCII : certain >= LIKELY_UTF8 ? BYTES_UTF8 : BYTES_EITHER;
}

static gboolean is_one_of(const char *name, const char *const *names) { return g_strv_contains(names, name); }

static gboolean decide(XmlDecoder *decoder, GError **error) {
  static const char *const WIDE[][3] = {{"\xff\xfe", "UTF-16LE", "m"}, {"\xfe\xff", "UTF-16BE", "m"}, {"<\0", "UTF-16LE", ""}, {"\0<", "UTF-16BE", ""}};
  static const char *const CHINESE[] = {"GB2312", "GB_2312-80", "GBK", "GB18030", "GB18030-2000", "GB18030-2005", "GB18030-2022", "CP936", "MS936", "WINDOWS-936", NULL};
  static const char *const UNICODE[] = {"", "UTF-8", "UTF8", "US-ASCII", "ASCII", NULL};
  static const char *const SIXTEEN[] = {"UTF-16", "UTF-16LE", "UTF-16BE", "UNICODE", NULL};
  char head[HEAD], declared[ENCODING_MAX];
  gssize got = read_at(decoder->fd, head, sizeof head, 0);
  if (got <= 0) return throw(error, LANTAI_ERROR_INVALID, "文件是空的或读不出来");
  for (gsize i = 0; i < G_N_ELEMENTS(WIDE) && got >= 2; i++) {
    if (memcmp(head, WIDE[i][0], 2) != 0) continue;
    decoder->offset = *WIDE[i][2] == '\0' ? 0 : 2;
    decoder->family = WIDE[i][1];
    decoder->encoding = g_strdup(WIDE[i][1]);
    return TRUE;
  }
  gboolean marked = got >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0;
  decoder->offset = marked ? 3 : 0;
  find_declared(head + decoder->offset, (gsize)(got - decoder->offset), declared);
  gboolean chinese = is_one_of(declared, CHINESE), known = chinese || is_one_of(declared, UNICODE) || is_one_of(declared, SIXTEEN);
  ByteKind kind = marked ? BYTES_UTF8 : look_at_bytes(decoder->fd, decoder->offset);
  if (!known && !marked && kind != BYTES_ASCII)
    return throw(error, LANTAI_ERROR_INVALID, "声明的编码 %s 不受支持；请另存为 UTF-8 或 GB18030 编码后再试", declared);
  gboolean is_chinese = kind == BYTES_OTHER || (kind != BYTES_UTF8 && chinese);
  decoder->family = is_chinese ? "GB18030" : "UTF-8";
  gboolean fits = is_chinese ? chinese : *declared == '\0' || is_one_of(declared, UNICODE) || !known;
  if (!fits) decoder->encoding = *declared == '\0' ? g_strdup_printf("%s（没有声明编码）", decoder->family) : g_strdup_printf("%s（声明为 %s）", decoder->family, declared);
  else decoder->encoding = g_strdup(chinese ? declared : decoder->family);
  return TRUE;
}

XmlDecoder *xml_decoder_new(int fd, GError **error) {
  g_autoptr(XmlDecoder) decoder = g_new0(XmlDecoder, 1);
  decoder->fd = fd;
  decoder->plain = g_string_new(NULL);
  decoder->text = g_string_new(NULL);
  if (!decide(decoder, error)) return NULL;
  decoder->decoder = table_decoder_new(decoder->family);
  return g_steal_pointer(&decoder);
}

void xml_decoder_free(XmlDecoder *decoder) {
  if (decoder == NULL) return;
  table_decoder_free(decoder->decoder);
  g_string_free(decoder->plain, TRUE);
  g_string_free(decoder->text, TRUE);
  g_free(decoder->encoding);
  g_free(decoder);
}

const char *xml_decoder_encoding(const XmlDecoder *decoder) { return decoder->encoding; }

/* ---- CDATA sections to text ---- */

/* 1: begins with the mark; 0: does not; -1: what there is could be its beginning. */
static int begins(const char *at, gsize left, const char *mark) {
  gsize length = strlen(mark), compared = MIN(length, left);
  if (memcmp(at, mark, compared) != 0) return 0;
  return left >= length ? 1 : -1;
}

/* At '<' in text: which construct begins. Returns the bytes used, 0 when more are needed. */
static gsize open_construct(XmlDecoder *decoder, const char *at, gsize left) {
  static const struct {
    const char *mark;
    LexState state;
  } OPENS[] = {{"<![CDATA[", LEX_CDATA}, {"<!--", LEX_COMMENT}, {"<?", LEX_INSTRUCTION}};
  for (gsize i = 0; i < G_N_ELEMENTS(OPENS); i++) {
    int match = begins(at, left, OPENS[i].mark);
    if (match < 0) return 0;
    if (match == 0) continue;
    decoder->state = OPENS[i].state;
    if (decoder->state != LEX_CDATA) g_string_append(decoder->text, OPENS[i].mark);
    return strlen(OPENS[i].mark);
  }
  decoder->state = LEX_TAG;
  g_string_append_c(decoder->text, '<');
  return 1;
}

/* In a comment, an instruction or a CDATA section: up to its end mark. */
static gsize pass_section(XmlDecoder *decoder, const char *at, gsize left) {
  const char *mark = decoder->state == LEX_COMMENT ? "-->" : decoder->state == LEX_INSTRUCTION ? "?>" : "]]>";
  gboolean is_data = decoder->state == LEX_CDATA;
  int match = begins(at, left, mark);
  if (match < 0) return 0;
  if (match > 0) {
    decoder->state = LEX_TEXT;
    if (!is_data) g_string_append(decoder->text, mark);
    return strlen(mark);
  }
  gsize run = 0;
  while (run < left && (run == 0 || *mark != at[run]) && !(is_data && strchr("<>&", at[run]) != NULL)) run++;
  if (run > 0) {
    g_string_append_len(decoder->text, at, (gssize)run);
    return run;
  }
  g_string_append(decoder->text, *at == '<' ? "&lt;" : *at == '>' ? "&gt;" : "&amp;");
  return 1;
}

static gsize pass_tag(XmlDecoder *decoder, const char *at, gsize left) {
  gsize run = 0;
  for (; run < left; run++) {
    char now = at[run];
    if (decoder->state == LEX_QUOTE) {
      if (now == decoder->quote) decoder->state = LEX_TAG;
    } else if (now == '"' || now == '\'') {
      decoder->quote = now;
      decoder->state = LEX_QUOTE;
    } else if (now == '>') {
      decoder->state = LEX_TEXT;
      run++;
      break;
    }
  }
  g_string_append_len(decoder->text, at, (gssize)run);
  return run;
}

static gsize pass(XmlDecoder *decoder, const char *at, gsize left) {
  if (decoder->state == LEX_TAG || decoder->state == LEX_QUOTE) return pass_tag(decoder, at, left);
  if (decoder->state != LEX_TEXT) return pass_section(decoder, at, left);
  if (*at == '<') return open_construct(decoder, at, left);
  const char *next = memchr(at, '<', left);
  gsize run = next == NULL ? left : (gsize)(next - at);
  g_string_append_len(decoder->text, at, (gssize)run);
  return run;
}

/* decoder->plain to decoder->text; a mark cut by the end is held back until the next piece, or given as it is at the end of all. */
static void rewrite(XmlDecoder *decoder) {
  g_string_insert_len(decoder->plain, 0, decoder->held, (gssize)decoder->held_length);
  decoder->held_length = 0;
  const char *at = decoder->plain->str, *end = at + decoder->plain->len;
  while (at < end) {
    gsize used = pass(decoder, at, (gsize)(end - at));
    if (used == 0) break;
    at += used;
  }
  if (at == end) return;
  if (decoder->ended) {
    g_string_append_len(decoder->text, at, end - at);
    return;
  }
  decoder->held_length = (gsize)(end - at);
  memcpy(decoder->held, at, decoder->held_length);
}

gboolean xml_decoder_next(XmlDecoder *decoder, const char **ret_text, gsize *ret_length, guint *ret_lines, GError **error) {
  char block[BLOCK];
  g_string_truncate(decoder->text, 0);
  while (decoder->text->len == 0 && !decoder->ended) {
    gssize got = read_at(decoder->fd, block, sizeof block, decoder->offset);
    if (got < 0) return throw(error, LANTAI_ERROR_INVALID, "读取失败：%s", error_reason(errno));
    decoder->offset += got;
    decoder->ended = got == 0;
    g_string_truncate(decoder->plain, 0);
    guint broken = table_decode(decoder->decoder, block, (gsize)got, decoder->ended, decoder->plain);
    if (broken > 0) {
      *ret_lines = 0;
      for (const char *at = decoder->plain->str; (guchar)*at != TABLE_BROKEN; at++) *ret_lines += *at == '\n';
      return throw(error, LANTAI_ERROR_INVALID, "有不是 %s 编码的字节；文件可能损坏，或混用了两种编码", decoder->family);
    }
    rewrite(decoder);
  }
  if (decoder->ended && decoder->state == LEX_CDATA && decoder->text->len == 0)
    return throw(error, LANTAI_ERROR_INVALID, "CDATA 段没有结束，文件不完整");
  *ret_text = decoder->text->str;
  *ret_length = decoder->text->len;
  return TRUE;
}
