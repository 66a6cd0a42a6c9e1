/*
 * What a PDF's bytes say without a parser: the PDF/A claim (in XMP that PDF/A leaves uncompressed), encryption, scripts and references to what lies outside,
 * and its end. Objects may be compressed; then what was not found is unknown, not absent.
 */
#include "examine.h"
#include <string.h>

enum { BLOCK = 1 << 20, OVERLAP = 256, TAIL = 4096 };
#define SCAN_MAX (G_GUINT64_CONSTANT(2) << 30)

typedef enum { SEEN_ENCRYPT, SEEN_SCRIPT, SEEN_OUTSIDE, SEEN_COMPRESSED, SEEN_PART, SEEN_COUNT } Seen;
typedef struct {
  gboolean seen[SEEN_COUNT];
  char claim[4]; /* "1b" */
} PdfScan;

/* The value behind an XMP name, as attribute or element: "> 1", "='1'". */
static char value_behind(const char *at, const char *end) {
  while (at < end && strchr("=\"'> \t\r\n", *at) != NULL && *at != '\0') at++;
  return at < end && g_ascii_isalnum(*at) ? *at : '\0';
}

static void take_claim(const char *part, const char *start, const char *end, PdfScan *scan) {
  static const char NAME[] = "pdfaid:conformance";
  const char *conformance = memmem(start, (gsize)(end - start), NAME, strlen(NAME));
  char number = value_behind(part, end), letter = conformance == NULL ? '\0' : value_behind(conformance + strlen(NAME), end);
  if (!g_ascii_isdigit(number)) return;
  scan->claim[0] = number;
  scan->claim[1] = (char)g_ascii_tolower(letter);
  scan->claim[2] = '\0';
}

static void scan_block(const char *start, const char *end, PdfScan *scan) {
  static const struct {
    const char *word;
    Seen seen;
    gboolean whole; /* no letter follows */
  } WORDS[] = {{"/Encrypt", SEEN_ENCRYPT, TRUE}, {"/JavaScript", SEEN_SCRIPT, TRUE}, {"/Launch", SEEN_OUTSIDE, TRUE}, {"/GoToR", SEEN_OUTSIDE, TRUE},
               {"/ImportData", SEEN_OUTSIDE, TRUE}, {"/SubmitForm", SEEN_OUTSIDE, TRUE}, {"/ObjStm", SEEN_COMPRESSED, TRUE}, {"pdfaid:part", SEEN_PART, FALSE}};
  for (gsize i = 0; i < G_N_ELEMENTS(WORDS); i++) {
    gsize length = strlen(WORDS[i].word);
    for (const char *at = start; !scan->seen[WORDS[i].seen] && (at = memmem(at, (gsize)(end - at), WORDS[i].word, length)) != NULL; at += length) {
      if (WORDS[i].whole && at + length < end && g_ascii_isalnum(at[length])) continue;
      scan->seen[WORDS[i].seen] = TRUE;
      if (WORDS[i].seen == SEEN_PART) take_claim(at + length, start, end, scan);
    }
  }
}

/* Anything but an end mark, and where the cross references begin, within the file. */
static void check_end(const ExamineFile *file, json_t *facts) {
  char tail[TAIL + 1] = "";
  gsize length = MIN(file->size, TAIL);
  if (!examine_read(file, file->size - length, tail, length)) return examine_problem(facts, "文件读取失败");
  const char *mark = memmem(tail, length, "%%EOF", 5), *start = memmem(tail, length, "startxref", 9);
  if (mark == NULL) return examine_problem(facts, "缺少 PDF 的结束标记（%%%%EOF），文件可能被截断");
  for (const char *next = start; next != NULL; next = memmem(next + 9, (gsize)(tail + length - next - 9), "startxref", 9)) start = next;
  if (start != NULL && g_ascii_strtoull(start + 9, NULL, 10) >= file->size) examine_problem(facts, "交叉引用表的位置在文件之外，文件可能被截断");
}

void examine_pdf(const ExamineFile *file, json_t *facts) {
  g_autofree char *block = g_malloc(BLOCK);
  PdfScan scan = {0};
  for (guint64 at = 0; at < MIN(file->size, SCAN_MAX);) {
    gsize length = MIN(file->size - at, BLOCK);
    if (!examine_read(file, at, block, length)) return examine_problem(facts, "文件读取失败");
    scan_block(block, block + length, &scan);
    at += length < BLOCK ? length : BLOCK - OVERLAP;
  }
  json_object_set_new(facts, "encrypted", json_boolean(scan.seen[SEEN_ENCRYPT]));
  json_object_set_new(facts, "pdf_a", json_string(scan.claim));
  if (scan.seen[SEEN_SCRIPT] || scan.seen[SEEN_OUTSIDE]) json_object_set_new(facts, "external", json_true());
  else if (scan.seen[SEEN_COMPRESSED] || file->size > SCAN_MAX) examine_unknown(facts, "external", "文件的对象经过压缩，没有逐一检查是否引用外部内容");
  else json_object_set_new(facts, "external", json_false());
  check_end(file, facts);
}
