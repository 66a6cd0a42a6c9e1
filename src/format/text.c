/*
 * Text page by page: the text layer of a PDF by pdftotext and the text of an OFD (ofd-text.c) in the sandbox, plain text decoded here. What pages say is
 * cleaned; nothing is guessed: a page without text is not visited.
 */
#include "text.h"
#include "error.h"
#include "format.h"
#include "sandbox.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 << 10, PAGE_BYTES_MAX = 8 << 20, FILE_BYTES_MAX = 64 << 20, PAGES_MAX = 1000000, INFO_BYTES_MAX = 1 << 20 };

typedef struct {
  FormatTextVisit visit;
  gpointer data;
  GString *page;
  guint number; /* of the page being collected */
} PageRun;

static gboolean end_page(PageRun *run, GError **error) {
  g_autofree char *valid = g_utf8_make_valid(run->page->str, (gssize)run->page->len);
  g_autofree char *clean = text_clean(valid, TRUE);
  g_string_truncate(run->page, 0);
  guint number = run->number++;
  return *clean == '\0' || run->visit(number, clean, run->data, error);
}

/* Takes a piece of text in which form feeds end pages. */
static gboolean take(PageRun *run, const char *text, gsize length, GError **error) {
  while (length > 0) {
    const char *feed = memchr(text, '\f', length);
    gsize part = feed == NULL ? length : (gsize)(feed - text);
    if (run->page->len + part > PAGE_BYTES_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "第 %u 页的文字超过 8 MiB，已停止", run->number);
    g_string_append_len(run->page, text, (gssize)part);
    if (feed == NULL) return TRUE;
    if (!end_page(run, error)) return FALSE;
    text += part + 1;
    length -= part + 1;
  }
  return TRUE;
}

/* A child that writes pages ended by form feeds. */
static gboolean visit_pages(const char *kind, const char *argument, int fd, PageRun *run, GError **error) {
  g_autoptr(Sandbox) sandbox = sandbox_start(kind, argument, fd, error);
  if (sandbox == NULL) return FALSE;
  g_autofree char *block = g_malloc(BLOCK);
  gssize got;
  while ((got = sandbox_read(sandbox, block, BLOCK, NULL, error)) > 0)
    if (run->number > PAGES_MAX || !take(run, block, (gsize)got, error))
      return run->number > PAGES_MAX ? throw(error, LANTAI_ERROR_TOO_LARGE, "页数超过 %d", PAGES_MAX) : FALSE;
  return got == 0 && sandbox_finish(sandbox, error) && (run->page->len == 0 || end_page(run, error));
}

static gboolean visit_plain(int fd, PageRun *run, GError **error) {
  struct stat about;
  if (fstat(fd, &about) != 0 || about.st_size > FILE_BYTES_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "文字超过 64 MiB，不取全文");
  gsize size = (gsize)about.st_size, filled = 0;
  g_autofree char *bytes = g_malloc(size + 1);
  for (gssize got; filled < size && (got = read(fd, bytes + filled, size - filled)) > 0;) filled += (gsize)got;
  g_autofree char *text = text_decode(bytes, (gssize)filled, NULL, error);
  return text != NULL && take(run, text, strlen(text), error) && (run->page->len == 0 || end_page(run, error));
}

gboolean format_text_pages(const char *path, const FormatInfo *info, FormatTextVisit visit, gpointer data, GError **error) {
  gboolean is_pdf = strcmp(info->kind, "pdf") == 0, is_ofd = strcmp(info->mime, "application/ofd") == 0;
  if (!is_pdf && !is_ofd && strcmp(info->mime, "text/plain") != 0) return TRUE;
  int fd = sandbox_open_input(path, error);
  if (fd < 0) return FALSE;
  g_autoptr(GString) page = g_string_new(NULL);
  PageRun run = {.visit = visit, .data = data, .page = page, .number = 1};
  GError *failed = NULL;
  gboolean done = is_pdf ? visit_pages("pdftotext", NULL, fd, &run, &failed) : is_ofd ? visit_pages("ofd", "text", fd, &run, &failed) : visit_plain(fd, &run, &failed);
  close(fd);
  g_autofree char *name = g_filename_display_basename(path);
  if (failed != NULL) g_propagate_prefixed_error(error, failed, "“%s”：", name);
  return done;
}

/* The last line "Pages: N": a title before it may say the same. */
static guint count_pdf(int fd) {
  guint pages = 0;
  g_autoptr(GByteArray) answer = sandbox_run("pdfinfo", NULL, fd, INFO_BYTES_MAX, NULL);
  if (answer == NULL) return 0;
  g_autofree char *text = g_strndup((const char *)answer->data, answer->len);
  for (const char *line = text; line != NULL; line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1)
    if (g_str_has_prefix(line, "Pages:")) pages = (guint)MIN(g_ascii_strtoull(line + strlen("Pages:"), NULL, 10), (guint64)PAGES_MAX);
  return pages;
}

static guint count_tiff(int fd) {
  g_autoptr(GByteArray) answer = sandbox_run("pages", NULL, fd, 32, NULL);
  if (answer == NULL) return 0;
  g_autofree char *text = g_strndup((const char *)answer->data, answer->len);
  return (guint)MIN(g_ascii_strtoull(text, NULL, 10), (guint64)PAGES_MAX);
}

static guint count_ofd(const char *path) {
  json_t *facts = format_ofd_describe(path, NULL);
  guint pages = (guint)CLAMP(json_integer_value(json_object_get(facts, "pages")), 0, PAGES_MAX);
  json_decref(facts);
  return pages;
}

guint format_page_count(const char *path, const FormatInfo *info) {
  gboolean is_pdf = strcmp(info->kind, "pdf") == 0, is_tiff = strcmp(info->mime, "image/tiff") == 0;
  if (strcmp(info->mime, "application/ofd") == 0) return count_ofd(path);
  if (!is_pdf && !is_tiff) return strcmp(info->kind, "image") == 0 ? 1 : 0;
  int fd = sandbox_open_input(path, NULL);
  if (fd < 0) return 0;
  guint pages = is_pdf ? count_pdf(fd) : count_tiff(fd);
  close(fd);
  return pages;
}
