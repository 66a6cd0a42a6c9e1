/*
 * The documents of the demonstration archive: what a page shows is what its catalogue row says. A4 as JPEG pages, or PDF with a text layer, or plain text.
 */
#include "demo.h"
#include "error.h"
#include "jpeg.h"
#include "print.h"
#include <gio/gio.h>

int demo_document_pages(const DemoDocument *document) {
  gboolean one = document->kind != DEMO_PAPER || document->form == DEMO_TEXT || document->form == DEMO_OFD;
  return !one && document->lines->len > 7 ? 2 : 1;
}

static gboolean write_image(const DemoDocument *document, const PrintSheet *sheet, int page, GError **error) {
  int width, height;
  g_autofree guint8 *rgb = print_sheet_rgb(sheet, page, &width, &height);
  gboolean bitmap = document->form == DEMO_BITMAP;
  g_autofree char *path = g_strdup_printf("%s/%s-%03d.%s", document->folder, document->code, page, bitmap ? "bmp" : "jpg");
  if (bitmap) return demo_bitmap_write(path, rgb, width, height, PRINT_SHEET_DPI, error);
  return format_jpeg_write(path, rgb, width, height, PRINT_SHEET_DPI, error);
}

static gboolean write_plain(const DemoDocument *document, GError **error) {
  g_autofree char *path = g_strdup_printf("%s/%s.txt", document->folder, document->code);
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "%s\n%s\n\n", document->docno, document->title);
  for (guint i = 0; i < document->lines->len; i++) g_string_append_printf(text, "%s%s\n", i ? "　　" : "", (const char *)g_ptr_array_index(document->lines, i));
  g_string_append_printf(text, "\n%s\n%s\n", document->creator, document->date);
  return g_file_set_contents(path, text->str, (gssize)text->len, error);
}

gboolean demo_document_draw(const DemoDocument *document, GError **error) {
  const PrintSheet sheet = {.kind = document->kind == DEMO_PAPER ? PRINT_OFFICIAL : document->kind == DEMO_PHOTO ? PRINT_PHOTO : PRINT_CARD,
    .code = document->code, .title = document->title, .creator = document->creator, .docno = document->docno, .date = document->date,
    .lines = (const char *const *)document->lines->pdata, .line_count = document->lines->len, .pages = demo_document_pages(document), .seed = document->seed};
  if (document->form == DEMO_TEXT) return write_plain(document, error);
  if (document->form == DEMO_OFD) return demo_ofd_write(document, error);
  if (document->form == DEMO_SOUND) return demo_sound_write(document, error);
  g_autofree char *pdf = g_strdup_printf("%s/%s.pdf", document->folder, document->code);
  if (document->form == DEMO_PDF) return print_sheet_pdf(&sheet, pdf, error);
  for (int page = 1; page <= sheet.pages; page++)
    if (!write_image(document, &sheet, page, error)) return FALSE;
  return TRUE;
}
