/*
 * A report as DOCX (ISO/IEC 29500-1, transitional) in the layout of GB/T 9704-2012: A4, 37 mm above and 28 mm to the left of a type area of 156 × 225 mm,
 * 22 lines of 28 characters, 小标宋 for the title, 仿宋 of 16 points for the text, 黑体 and 楷体 for headings, the page's number outside.
 *
 * 1. Fonts are named, never embedded; the font table names what to take instead.
 * 2. The same report gives the same parts: nothing in them is the hour or the machine.
 */
#include "error.h"
#include "print.h"
#include "package-write.h"
#include "report-internal.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

/* Twips (1/20 point): A4, margins, and the pitch of the grid. 28.95 points a line, characters of 16 points drawn together to 15.79 (-0.21 × 4096). */
#define PAGE "<w:pgSz w:w=\"11906\" w:h=\"16838\"/>" \
  "<w:pgMar w:top=\"2098\" w:right=\"1474\" w:bottom=\"1985\" w:left=\"1588\" w:header=\"851\" w:footer=\"1588\" w:gutter=\"0\"/>"
#define GRID "<w:docGrid w:type=\"linesAndChars\" w:linePitch=\"579\" w:charSpace=\"-849\"/>"
#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define W "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\""
#define R "xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\""
#define OFFICE "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
#define WORD_TYPE "application/vnd.openxmlformats-officedocument.wordprocessingml."

static const char CONTENT_TYPES[] = XML "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">"
  "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
  "<Default Extension=\"xml\" ContentType=\"application/xml\"/><Default Extension=\"png\" ContentType=\"image/png\"/>"
  "<Override PartName=\"/word/document.xml\" ContentType=\"" WORD_TYPE "document.main+xml\"/>"
  "<Override PartName=\"/word/styles.xml\" ContentType=\"" WORD_TYPE "styles+xml\"/>"
  "<Override PartName=\"/word/settings.xml\" ContentType=\"" WORD_TYPE "settings+xml\"/>"
  "<Override PartName=\"/word/fontTable.xml\" ContentType=\"" WORD_TYPE "fontTable+xml\"/>"
  "<Override PartName=\"/word/footer1.xml\" ContentType=\"" WORD_TYPE "footer+xml\"/>"
  "<Override PartName=\"/word/footer2.xml\" ContentType=\"" WORD_TYPE "footer+xml\"/>"
  "<Override PartName=\"/docProps/core.xml\" ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/></Types>";

static const char RELATIONS[] = XML "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
  "<Relationship Id=\"rId1\" Type=\"" OFFICE "officeDocument\" Target=\"word/document.xml\"/>"
  "<Relationship Id=\"rId2\" Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties\" "
  "Target=\"docProps/core.xml\"/></Relationships>";

static const char DOCUMENT_RELATIONS[] = XML "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
  "<Relationship Id=\"rId1\" Type=\"" OFFICE "styles\" Target=\"styles.xml\"/><Relationship Id=\"rId2\" Type=\"" OFFICE "settings\" Target=\"settings.xml\"/>"
  "<Relationship Id=\"rId3\" Type=\"" OFFICE "fontTable\" Target=\"fontTable.xml\"/><Relationship Id=\"rId4\" Type=\"" OFFICE "footer\" Target=\"footer1.xml\"/>"
  "<Relationship Id=\"rId5\" Type=\"" OFFICE "footer\" Target=\"footer2.xml\"/>";

static const char SETTINGS[] = XML "<w:settings " W "><w:evenAndOddHeaders/><w:characterSpacingControl w:val=\"compressPunctuation\"/>"
  "<w:compat><w:compatSetting w:name=\"compatibilityMode\" w:uri=\"http://schemas.microsoft.com/office/word\" w:val=\"15\"/></w:compat></w:settings>";

static const char FONTS[] = XML "<w:fonts " W ">"
  "<w:font w:name=\"方正小标宋简体\"><w:altName w:val=\"小标宋体\"/><w:charset w:val=\"86\"/><w:family w:val=\"roman\"/><w:pitch w:val=\"variable\"/></w:font>"
  "<w:font w:name=\"仿宋_GB2312\"><w:altName w:val=\"仿宋\"/><w:charset w:val=\"86\"/><w:family w:val=\"modern\"/><w:pitch w:val=\"fixed\"/></w:font>"
  "<w:font w:name=\"楷体_GB2312\"><w:altName w:val=\"楷体\"/><w:charset w:val=\"86\"/><w:family w:val=\"modern\"/><w:pitch w:val=\"fixed\"/></w:font>"
  "<w:font w:name=\"黑体\"><w:altName w:val=\"SimHei\"/><w:charset w:val=\"86\"/><w:family w:val=\"modern\"/><w:pitch w:val=\"fixed\"/></w:font>"
  "<w:font w:name=\"宋体\"><w:altName w:val=\"SimSun\"/><w:charset w:val=\"86\"/><w:family w:val=\"auto\"/><w:pitch w:val=\"variable\"/></w:font></w:fonts>";

#define FONT(name) "<w:rFonts w:ascii=\"" name "\" w:hAnsi=\"" name "\" w:eastAsia=\"" name "\" w:cs=\"" name "\"/>"
#define LINE "<w:spacing w:line=\"579\" w:lineRule=\"exact\"/>"
#define STYLE(kind, id, name, based, paragraph, run) "<w:style w:type=\"" kind "\" w:styleId=\"" id "\"><w:name w:val=\"" name "\"/>" based paragraph run "</w:style>"
#define BASED "<w:basedOn w:val=\"Normal\"/>"
#define OUTLINE(level) "<w:pPr><w:outlineLvl w:val=\"" level "\"/></w:pPr>"

static const char STYLES[] = XML "<w:styles " W "><w:docDefaults><w:rPrDefault><w:rPr>" FONT("仿宋_GB2312") "<w:sz w:val=\"32\"/><w:szCs w:val=\"32\"/>"
  "<w:lang w:val=\"zh-CN\" w:eastAsia=\"zh-CN\"/></w:rPr></w:rPrDefault></w:docDefaults>"
  "<w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Normal\"><w:name w:val=\"Normal\"/><w:pPr>" LINE
  "<w:ind w:firstLineChars=\"200\" w:firstLine=\"632\"/><w:jc w:val=\"both\"/></w:pPr></w:style>"
  STYLE("paragraph", "Title", "Title", BASED, "<w:pPr><w:keepNext/>"
    "<w:spacing w:line=\"700\" w:lineRule=\"exact\"/><w:ind w:firstLineChars=\"0\" w:firstLine=\"0\"/><w:jc w:val=\"center\"/></w:pPr>",
    "<w:rPr>" FONT("方正小标宋简体") "<w:sz w:val=\"44\"/><w:szCs w:val=\"44\"/></w:rPr>")
  STYLE("paragraph", "Heading1", "heading 1", BASED, "<w:pPr><w:keepNext/><w:outlineLvl w:val=\"0\"/></w:pPr>", "<w:rPr>" FONT("黑体") "</w:rPr>")
  STYLE("paragraph", "Heading2", "heading 2", BASED, "<w:pPr><w:keepNext/><w:outlineLvl w:val=\"1\"/></w:pPr>", "<w:rPr>" FONT("楷体_GB2312") "</w:rPr>")
  STYLE("paragraph", "Heading3", "heading 3", BASED, "<w:pPr><w:keepNext/><w:outlineLvl w:val=\"2\"/></w:pPr>", "<w:rPr><w:b/></w:rPr>")
  STYLE("paragraph", "Heading4", "heading 4", BASED, "<w:pPr><w:keepNext/><w:outlineLvl w:val=\"3\"/></w:pPr>", "")
  STYLE("paragraph", "Plain", "addressee", BASED, "<w:pPr><w:ind w:firstLineChars=\"0\" w:firstLine=\"0\"/></w:pPr>", "")
  STYLE("paragraph", "Signed", "signed", BASED, "<w:pPr><w:keepLines/>"
    "<w:ind w:firstLineChars=\"0\" w:firstLine=\"0\" w:rightChars=\"400\" w:right=\"1263\"/><w:jc w:val=\"right\"/></w:pPr>", "")
  STYLE("paragraph", "Cell", "cell", BASED, "<w:pPr><w:spacing w:line=\"360\" w:lineRule=\"atLeast\"/>"
    "<w:ind w:firstLineChars=\"0\" w:firstLine=\"0\"/><w:jc w:val=\"left\"/></w:pPr>",
    "<w:rPr><w:sz w:val=\"24\"/><w:szCs w:val=\"24\"/></w:rPr>")
  STYLE("character", "Lead1", "lead 1", "", "", "<w:rPr>" FONT("黑体") "</w:rPr>") STYLE("character", "Lead2", "lead 2", "", "", "<w:rPr>" FONT("楷体_GB2312") "</w:rPr>")
  STYLE("character", "Lead3", "lead 3", "", "", "<w:rPr><w:b/></w:rPr>") "</w:styles>";

#define PAGE_FONT "<w:rPr>" FONT("宋体") "<w:sz w:val=\"28\"/></w:rPr>"
#define PAGE_TEXT(text) "<w:r>" PAGE_FONT "<w:t xml:space=\"preserve\">" text "</w:t></w:r>"
#define FOOTER(side, indent) XML "<w:ftr " W "><w:p><w:pPr>" \
  "<w:ind w:firstLineChars=\"0\" w:firstLine=\"0\" " indent "/><w:jc w:val=\"" side "\"/></w:pPr>" PAGE_TEXT("— ") \
  "<w:r>" PAGE_FONT "<w:fldChar w:fldCharType=\"begin\"/></w:r>" \
  "<w:r>" PAGE_FONT "<w:instrText xml:space=\"preserve\"> PAGE </w:instrText></w:r>" \
  "<w:r>" PAGE_FONT "<w:fldChar w:fldCharType=\"separate\"/></w:r>" PAGE_TEXT("1") \
  "<w:r>" PAGE_FONT "<w:fldChar w:fldCharType=\"end\"/></w:r>" PAGE_TEXT(" —") "</w:p></w:ftr>"
static const char FOOTER_ODD[] = FOOTER("right", "w:rightChars=\"100\" w:right=\"280\""), FOOTER_EVEN[] = FOOTER("left", "w:leftChars=\"100\" w:left=\"280\"");

/* What XML 1.0 may hold, escaped. */
static void append_text(GString *out, const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if ((c < 0x20 && c != '\t') || c == 0xFFFE || c == 0xFFFF) continue;
    if (c == '&') g_string_append(out, "&amp;");
    else if (c == '<') g_string_append(out, "&lt;");
    else if (c == '>') g_string_append(out, "&gt;");
    else if (c == '"') g_string_append(out, "&quot;");
    else g_string_append_unichar(out, c);
  }
}

static void append_run(GString *out, const char *text, const char *style) {
  if (*text == '\0') return;
  g_string_append(out, "<w:r>");
  if (style) g_string_append_printf(out, "<w:rPr><w:rStyle w:val=\"%s\"/></w:rPr>", style);
  g_string_append(out, "<w:t xml:space=\"preserve\">");
  append_text(out, text);
  g_string_append(out, "</w:t></w:r>");
}

static void begin_paragraph(GString *out, const char *style) {
  g_string_append(out, "<w:p>");
  if (style) g_string_append_printf(out, "<w:pPr><w:pStyle w:val=\"%s\"/></w:pPr>", style);
}

static void append_line(GString *out, const char *style, const char *text) {
  begin_paragraph(out, style);
  append_run(out, text, NULL);
  g_string_append(out, "</w:p>");
}

static int level_of(json_t *paragraph, const char *key) {
  const char *kind = text_at(paragraph, key);
  return kind[0] == 'h' && kind[1] >= '1' && kind[1] <= '4' ? kind[1] - '0' : 0;
}

static void append_paragraph(GString *out, json_t *paragraph) {
  static const char *const headings[] = {NULL, "Heading1", "Heading2", "Heading3", "Heading4"}, *const leads[] = {NULL, "Lead1", "Lead2", "Lead3", NULL};
  int whole = level_of(paragraph, "kind"), lead = whole ? 0 : level_of(paragraph, "lead");
  json_t *run;
  size_t i;
  begin_paragraph(out, headings[whole]);
  json_array_foreach(json_object_get(paragraph, "runs"), i, run)
    append_run(out, text_at(run, "text"), json_is_true(json_object_get(run, "lead")) ? leads[lead] : NULL);
  g_string_append(out, "</w:p>");
}

#define BORDER(side) "<w:" side " w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"000000\"/>"
#define BORDERS "<w:tblBorders>" BORDER("top") BORDER("left") BORDER("bottom") BORDER("right") BORDER("insideH") BORDER("insideV") "</w:tblBorders>"

enum { TEXT_WIDTH = 8844, CELL_HALVES = TEXT_WIDTH / 120 }; /* twentieths of a point: 156 mm; half characters of 12 points in it */

static void append_cell(GString *out, json_t *cell, gboolean head, gboolean number, int width) {
  json_t *run;
  size_t n;
  g_string_append_printf(out, "<w:tc><w:tcPr><w:tcW w:w=\"%d\" w:type=\"dxa\"/></w:tcPr><w:p><w:pPr><w:pStyle w:val=\"Cell\"/>%s</w:pPr>", width,
    number ? "<w:jc w:val=\"right\"/>" : "");
  json_array_foreach(json_object_get(cell, "runs"), n, run) append_run(out, text_at(run, "text"), head ? "Lead1" : NULL);
  g_string_append(out, "</w:p></w:tc>");
}

static void append_table(GString *out, json_t *table) {
  json_t *rows = json_object_get(table, "rows"), *row, *cell;
  size_t i, k, columns = MIN(json_array_size(json_object_get(json_array_get(rows, 0), "cells")), (size_t)PRINT_COLUMNS_MAX);
  double widths[PRINT_COLUMNS_MAX];
  gboolean numbers[PRINT_COLUMNS_MAX] = {FALSE};
  print_table_shape(rows, (guint)columns, CELL_HALVES, widths, numbers);
  g_string_append(out, "<w:tbl><w:tblPr><w:tblW w:w=\"5000\" w:type=\"pct\"/>" BORDERS "</w:tblPr><w:tblGrid>");
  for (k = 0; k < columns; k++) g_string_append_printf(out, "<w:gridCol w:w=\"%d\"/>", (int)(widths[k] * TEXT_WIDTH / CELL_HALVES));
  g_string_append(out, "</w:tblGrid>");
  json_array_foreach(rows, i, row) {
    gboolean head = json_is_true(json_object_get(row, "head"));
    g_string_append(out, head ? "<w:tr><w:trPr><w:tblHeader/></w:trPr>" : "<w:tr>");
    json_array_foreach(json_object_get(row, "cells"), k, cell)
      append_cell(out, cell, head, k < columns && numbers[k], k < columns ? (int)(widths[k] * TEXT_WIDTH / CELL_HALVES) : TEXT_WIDTH / PRINT_COLUMNS_MAX);
    g_string_append(out, "</w:tr>");
  }
  g_string_append(out, "</w:tbl>");
  append_line(out, "Plain", "");
}

/* ---- pictures ---- */

#define EMU_PER_MM 36000
#define DRAWING "http://schemas.openxmlformats.org/drawingml/2006/"

/* In the line, as wide as the text; pictures: GBytes, in the order of their relationships rIdC1 … */
static void append_picture(GString *out, json_t *chart, GPtrArray *pictures) {
  double width, height;
  GBytes *png = report_picture(chart, &width, &height);
  if (png == NULL) return append_line(out, "Plain", text_at(chart, "title"));
  g_ptr_array_add(pictures, png);
  guint number = pictures->len;
  gint64 across = (gint64)(width * EMU_PER_MM), down = (gint64)(height * EMU_PER_MM);
  g_string_append_printf(out, "<w:p><w:pPr><w:pStyle w:val=\"Plain\"/><w:keepNext/><w:spacing w:line=\"240\" w:lineRule=\"auto\"/></w:pPr><w:r><w:drawing>"
    "<wp:inline xmlns:wp=\"" DRAWING "wordprocessingDrawing\" distT=\"0\" distB=\"0\" distL=\"0\" distR=\"0\">"
    "<wp:extent cx=\"%" G_GINT64_FORMAT "\" cy=\"%" G_GINT64_FORMAT "\"/><wp:docPr id=\"%u\" name=\"chart%u\" descr=\"", across, down, number, number);
  append_text(out, text_at(chart, "title"));
  g_string_append_printf(out, "\"/><a:graphic xmlns:a=\"" DRAWING "main\"><a:graphicData uri=\"" DRAWING "picture\"><pic:pic xmlns:pic=\"" DRAWING "picture\">"
    "<pic:nvPicPr><pic:cNvPr id=\"%u\" name=\"chart%u.png\"/><pic:cNvPicPr/></pic:nvPicPr>"
    "<pic:blipFill><a:blip r:embed=\"rIdC%u\"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>"
    "<pic:spPr><a:xfrm><a:off x=\"0\" y=\"0\"/><a:ext cx=\"%" G_GINT64_FORMAT "\" cy=\"%" G_GINT64_FORMAT "\"/></a:xfrm>"
    "<a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>",
    number, number, number, across, down);
}

static char *relations_xml(GPtrArray *pictures) {
  GString *out = g_string_new(DOCUMENT_RELATIONS);
  for (guint i = 1; i <= pictures->len; i++) g_string_append_printf(out, "<Relationship Id=\"rIdC%u\" Type=\"" OFFICE "image\" Target=\"media/chart%u.png\"/>", i, i);
  return g_string_free(g_string_append(out, "</Relationships>"), FALSE);
}

static gboolean write_pictures(PackageWriter *writer, GPtrArray *pictures, GError **error) {
  for (guint i = 0; i < pictures->len; i++) {
    g_autofree char *name = g_strdup_printf("word/media/chart%u.png", i + 1);
    gsize length;
    const void *data = g_bytes_get_data(pictures->pdata[i], &length);
    if (!package_writer_bytes(writer, name, data, length, NULL, error)) return FALSE;
  }
  return TRUE;
}

static char *document_xml(json_t *report, GPtrArray *pictures) {
  GString *out = g_string_new(XML "<w:document " W " " R "><w:body>");
  json_t *paragraph;
  size_t i;
  append_line(out, "Title", text_at(report, "heading"));
  append_line(out, "Plain", "");
  if (*text_at(report, "addressee")) append_line(out, "Plain", text_at(report, "addressee"));
  json_array_foreach(json_object_get(report, "paragraphs"), i, paragraph) {
    if (json_object_get(paragraph, "chart")) append_picture(out, json_object_get(paragraph, "chart"), pictures);
    if (json_object_get(paragraph, "rows")) append_table(out, paragraph);
    else append_paragraph(out, paragraph);
  }
  if (*text_at(report, "signed")) {
    append_line(out, "Plain", "");
    append_line(out, "Signed", text_at(report, "signed"));
    append_line(out, "Signed", text_at(report, "dated"));
  }
  g_string_append(out, "<w:sectPr><w:footerReference w:type=\"default\" r:id=\"rId4\"/>"
    "<w:footerReference w:type=\"even\" r:id=\"rId5\"/>" PAGE GRID "</w:sectPr></w:body></w:document>");
  return g_string_free(out, FALSE);
}

static char *core_xml(json_t *report) {
  GString *out = g_string_new(XML "<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" "
    "xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>");
  append_text(out, text_at(report, "heading"));
  g_string_append(out, "</dc:title><dc:creator>");
  append_text(out, text_at(report, "unit"));
  g_string_append(out, "</dc:creator></cp:coreProperties>");
  return g_string_free(out, FALSE);
}

gboolean report_docx(json_t *report, const char *path, GError **error) {
  g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  g_autofree char *document = document_xml(report, pictures), *relations = relations_xml(pictures), *core = core_xml(report);
  g_autofree char *made = g_strdup_printf("%s.making.zip", path);
  const struct { const char *name, *text; } parts[] = {{"[Content_Types].xml", CONTENT_TYPES}, {"_rels/.rels", RELATIONS}, {"word/document.xml", document},
    {"word/_rels/document.xml.rels", relations}, {"word/styles.xml", STYLES}, {"word/settings.xml", SETTINGS}, {"word/fontTable.xml", FONTS},
    {"word/footer1.xml", FOOTER_ODD}, {"word/footer2.xml", FOOTER_EVEN}, {"docProps/core.xml", core}};
  g_unlink(made);
  g_autoptr(PackageWriter) writer = package_writer_new(made, error);
  if (writer == NULL) return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (!package_writer_bytes(writer, parts[i].name, parts[i].text, strlen(parts[i].text), NULL, error)) return FALSE;
  if (!write_pictures(writer, pictures, error) || !package_writer_close(g_steal_pointer(&writer), error)) return FALSE;
  if (g_rename(made, path) == 0) return TRUE;
  int number = errno;
  g_unlink(made);
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写 %s：%s", path, error_reason(number));
}
