/*
 * A PDF/A-2b of page images: each page is one JPEG in a page of its size; metadata, output intent (sRGB) and file id as ISO 19005-2 asks.
 *
 * 1. One page is in memory at a time; offsets are kept, the table of them and the page tree come last.
 * 2. The same images give the same bytes: the id is made of their digests, and no time is written.
 */
#include "convert.h"
#include "error.h"
#include "image.h"
#include <string.h>

/* Objects with fixed numbers; page n has three from FIRST_PAGE on: page, contents, image. */
enum { CATALOG = 1, PAGES, METADATA, INTENT, PROFILE, FIRST_PAGE };
enum { DPI_UNKNOWN = 200, DPI_LEAST = 50, PAGES_MAX = 20000 };
#define POINTS_MAX 14400.0

typedef struct {
  ConvertFile *file;
  GArray *offsets; /* gint64, by object number */
  guint pages;
  GChecksum *id;
} Pdf;

static gboolean put(Pdf *pdf, const char *text, GError **error) { return convert_file_write(pdf->file, text, strlen(text), error); }

static gboolean begin(Pdf *pdf, guint number, GError **error) {
  if (pdf->offsets->len <= number) g_array_set_size(pdf->offsets, number + 1);
  g_array_index(pdf->offsets, gint64, number) = pdf->file->at;
  g_autofree char *head = g_strdup_printf("%u 0 obj\n", number);
  return put(pdf, head, error);
}

static gboolean put_stream(Pdf *pdf, guint number, const char *entries, const void *bytes, gsize length, GError **error) {
  g_autofree char *head = g_strdup_printf("<< %s /Length %" G_GSIZE_FORMAT " >>\nstream\n", entries, length);
  return begin(pdf, number, error) && put(pdf, head, error) && convert_file_write(pdf->file, bytes, length, error) && put(pdf, "\nendstream\nendobj\n", error);
}

static gboolean put_object(Pdf *pdf, guint number, const char *text, GError **error) {
  return begin(pdf, number, error) && put(pdf, text, error) && put(pdf, "\nendobj\n", error);
}

static double points(int pixels, int dpi) { return MIN(pixels * 72.0 / (dpi < DPI_LEAST ? DPI_UNKNOWN : dpi), POINTS_MAX); }

static gboolean put_page(Pdf *pdf, const char *source, const FormatInfo *info, guint number, GError **error) {
  ConvertPage page;
  g_autoptr(GByteArray) jpeg = convert_page(source, info, number, "jpeg", &page, error);
  if (jpeg == NULL) return FALSE;
  guint object = FIRST_PAGE + 3 * pdf->pages++;
  char width[G_ASCII_DTOSTR_BUF_SIZE], height[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_formatd(width, sizeof width, "%.2f", points(page.width, page.dpi_x));
  g_ascii_formatd(height, sizeof height, "%.2f", points(page.height, page.dpi_y));
  g_checksum_update(pdf->id, jpeg->data, jpeg->len);
  g_autofree char *leaf = g_strdup_printf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s] /Resources << /XObject << /I %u 0 R >> >> /Contents %u 0 R >>",
    PAGES, width, height, object + 2, object + 1);
  g_autofree char *drawing = g_strdup_printf("q %s 0 0 %s 0 0 cm /I Do Q", width, height);
  g_autofree char *entries = g_strdup_printf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /Device%s /BitsPerComponent 8 /Filter /DCTDecode",
    page.width, page.height, page.bands == 1 ? "Gray" : "RGB");
  return put_object(pdf, object, leaf, error) && put_stream(pdf, object + 1, "", drawing, strlen(drawing), error) &&
    put_stream(pdf, object + 2, entries, jpeg->data, jpeg->len, error);
}

static gboolean put_pages(Pdf *pdf, const char *const *sources, GError **error) {
  for (const char *const *source = sources; *source != NULL; source++) {
    FormatInfo info = format_identify(*source);
    g_autofree char *name = g_path_get_basename(*source);
    if (strcmp(info.kind, "image") != 0) return throw(error, LANTAI_ERROR_INVALID, "“%s”不是图像，不能合成 PDF", name);
    guint count = MAX(format_page_count(*source, &info), 1);
    if (pdf->pages + count > PAGES_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "超过 %d 页，不合成一个 PDF", PAGES_MAX);
    for (guint page = 1; page <= count; page++)
      if (!put_page(pdf, *source, &info, page, error)) return g_prefix_error(error, "“%s”第 %u 页：", name, page), FALSE;
  }
  return TRUE;
}

static gboolean put_frame(Pdf *pdf, GError **error) {
  static const char XMP[] = "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
    "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">"
    "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>";
  VipsBlob *profile = NULL;
  image_library_start();
  if (vips_profile_load("srgb", &profile, NULL) != 0) return throw(error, LANTAI_ERROR_INTERNAL, "libvips 没有 sRGB 色彩描述");
  size_t length;
  const void *bytes = vips_blob_get(profile, &length);
  g_autofree char *catalog = g_strdup_printf("<< /Type /Catalog /Pages %d 0 R /Metadata %d 0 R /OutputIntents [%d 0 R] >>", PAGES, METADATA, INTENT);
  g_autofree char *intent = g_strdup_printf("<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB) /DestOutputProfile %d 0 R >>",
    PROFILE);
  gboolean done = put_object(pdf, CATALOG, catalog, error) && put_stream(pdf, METADATA, "/Type /Metadata /Subtype /XML", XMP, sizeof XMP - 1, error) &&
    put_object(pdf, INTENT, intent, error) && put_stream(pdf, PROFILE, "/N 3", bytes, length, error);
  vips_area_unref(VIPS_AREA(profile));
  return done;
}

static gboolean put_end(Pdf *pdf, GError **error) {
  g_autoptr(GString) tree = g_string_new("<< /Type /Pages /Kids [");
  for (guint i = 0; i < pdf->pages; i++) g_string_append_printf(tree, "%s%d 0 R", i % 16 ? " " : "\n", FIRST_PAGE + 3 * i);
  g_string_append_printf(tree, "] /Count %u >>", pdf->pages);
  if (!put_object(pdf, PAGES, tree->str, error)) return FALSE;
  gint64 table = pdf->file->at;
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "xref\n0 %u\n0000000000 65535 f \n", pdf->offsets->len);
  for (guint i = 1; i < pdf->offsets->len; i++) g_string_append_printf(text, "%010" G_GINT64_FORMAT " 00000 n \n", g_array_index(pdf->offsets, gint64, i));
  const char *id = g_checksum_get_string(pdf->id);
  g_string_append_printf(text, "trailer\n<< /Size %u /Root %d 0 R /ID [<%.32s> <%.32s>] >>\nstartxref\n%" G_GINT64_FORMAT "\n%%%%EOF\n",
    pdf->offsets->len, CATALOG, id, id, table);
  return put(pdf, text->str, error);
}

gboolean convert_pdf_write(const char *const *sources, ConvertFile *file, GError **error) {
  Pdf pdf = {file, g_array_new(FALSE, TRUE, sizeof(gint64)), 0, g_checksum_new(G_CHECKSUM_SHA256)};
  gboolean done = put(&pdf, "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", error) && put_frame(&pdf, error) && put_pages(&pdf, sources, error) && put_end(&pdf, error);
  g_array_unref(pdf.offsets);
  g_checksum_free(pdf.id);
  return done;
}
