/* Documents of the demonstration archive that no library of ours draws: a small OFD (GB/T 33190) with text, a recording (WAV), a bitmap. */
#include "demo.h"
#include "error.h"
#include "package-write.h"
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

/* ---- OFD ---- */

#define OFD_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define OFD_SPACE "xmlns:ofd=\"http://www.ofdspec.org/2016\""
enum { LINE_LETTERS = 38 };

static gboolean put_part(PackageWriter *writer, const char *name, const char *text, GError **error) {
  return package_writer_bytes(writer, name, text, strlen(text), NULL, error);
}

static void put_line(GString *page, int *id, int *top, double size, const char *text) {
  g_autofree char *escaped = g_markup_escape_text(text, -1);
  char size_text[16];
  g_ascii_formatd(size_text, sizeof size_text, "%.1f", size);
  g_string_append_printf(page, "<ofd:TextObject ID=\"%d\" Boundary=\"25 %d 165 8\" Font=\"2\" Size=\"%s\"><ofd:TextCode X=\"0\" Y=\"6\" DeltaX=\"g %d %s\">%s"
    "</ofd:TextCode></ofd:TextObject>\n", (*id)++, *top, size_text, (int)MAX(g_utf8_strlen(text, -1) - 1, 1), size_text, escaped);
  *top += 8;
}

static char *page_text(const DemoDocument *document) {
  GString *page = g_string_new(OFD_HEAD "<ofd:Page " OFD_SPACE "><ofd:Content><ofd:Layer ID=\"3\" Type=\"Body\">\n");
  int id = 4, top = 30;
  put_line(page, &id, &top, 4, document->docno);
  put_line(page, &id, &top, 5, document->title);
  for (guint i = 0; i < document->lines->len; i++) {
    const char *line = g_ptr_array_index(document->lines, i);
    for (glong at = 0, length = g_utf8_strlen(line, -1); at < length; at += LINE_LETTERS) {
      g_autofree char *part = g_utf8_substring(line, at, MIN(at + LINE_LETTERS, length));
      put_line(page, &id, &top, 4, part);
    }
  }
  put_line(page, &id, &top, 4, document->creator);
  put_line(page, &id, &top, 4, document->date);
  g_string_append(page, "</ofd:Layer></ofd:Content></ofd:Page>\n");
  return g_string_free(page, FALSE);
}

gboolean demo_ofd_write(const DemoDocument *document, GError **error) {
  g_autofree char *path = g_strdup_printf("%s/%s.ofd", document->folder, document->code), *aside = g_strconcat(path, ".zip", NULL);
  g_autofree char *page = page_text(document), *title = g_markup_escape_text(document->title, -1), *creator = g_markup_escape_text(document->creator, -1);
  g_autofree char *root = g_strdup_printf(OFD_HEAD "<ofd:OFD " OFD_SPACE " DocType=\"OFD\" Version=\"1.1\"><ofd:DocBody><ofd:DocInfo><ofd:DocID>%032" G_GINT64_MODIFIER
    "x</ofd:DocID><ofd:Title>%s</ofd:Title><ofd:Author>%s</ofd:Author></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>\n",
    document->seed, title, creator);
  g_autoptr(PackageWriter) writer = package_writer_new(aside, error);
  gboolean good = writer && put_part(writer, "OFD.xml", root, error) &&
    put_part(writer, "Doc_0/Document.xml", OFD_HEAD "<ofd:Document " OFD_SPACE "><ofd:CommonData><ofd:MaxUnitID>999</ofd:MaxUnitID><ofd:PageArea><ofd:PhysicalBox>"
      "0 0 210 297</ofd:PhysicalBox></ofd:PageArea><ofd:PublicRes>PublicRes.xml</ofd:PublicRes></ofd:CommonData><ofd:Pages><ofd:Page ID=\"1\" "
      "BaseLoc=\"Pages/Page_0/Content.xml\"/></ofd:Pages></ofd:Document>\n", error) &&
    put_part(writer, "Doc_0/PublicRes.xml", OFD_HEAD "<ofd:Res " OFD_SPACE " BaseLoc=\"Res\"><ofd:Fonts><ofd:Font ID=\"2\" FontName=\"宋体\" FamilyName=\"宋体\"/>"
      "</ofd:Fonts></ofd:Res>\n", error) &&
    put_part(writer, "Doc_0/Pages/Page_0/Content.xml", page, error) && package_writer_close(g_steal_pointer(&writer), error);
  return good && (g_rename(aside, path) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写 %s", path));
}

/* ---- a recording, a bitmap ---- */

static void put_number(GByteArray *bytes, guint32 value, guint width) {
  for (guint i = 0; i < width; i++) g_byte_array_append(bytes, (const guint8[]){(guint8)(value >> 8 * i)}, 1);
}

/* A chime: a few tones, one after the other, each fading. */
gboolean demo_sound_write(const DemoDocument *document, GError **error) {
  enum { RATE = 8000, SECONDS = 6 };
  static const double tones[] = {523.25, 659.25, 783.99, 659.25, 523.25, 391.995};
  g_autoptr(GByteArray) bytes = g_byte_array_sized_new(44 + 2 * RATE * SECONDS);
  g_byte_array_append(bytes, (const guint8 *)"RIFF", 4);
  put_number(bytes, 36 + 2 * RATE * SECONDS, 4);
  g_byte_array_append(bytes, (const guint8 *)"WAVEfmt ", 8);
  static const struct { guint32 value; guint width; } format[] = {{16, 4}, {1, 2}, {1, 2}, {RATE, 4}, {2 * RATE, 4}, {2, 2}, {16, 2}};
  for (guint i = 0; i < G_N_ELEMENTS(format); i++) put_number(bytes, format[i].value, format[i].width);
  g_byte_array_append(bytes, (const guint8 *)"data", 4);
  put_number(bytes, 2 * RATE * SECONDS, 4);
  int first = (int)(document->seed % G_N_ELEMENTS(tones));
  for (int at = 0; at < RATE * SECONDS; at++) {
    double tone = tones[(first + at / RATE) % (int)G_N_ELEMENTS(tones)], fade = 1.0 - (double)(at % RATE) / RATE;
    put_number(bytes, (guint16)(gint16)lrint(9000 * fade * sin(2 * G_PI * tone * at / RATE)), 2);
  }
  g_autofree char *path = g_strdup_printf("%s/%s.wav", document->folder, document->code);
  return g_file_set_contents(path, (const char *)bytes->data, (gssize)bytes->len, error);
}

gboolean demo_bitmap_write(const char *path, const guint8 *rgb, int width, int height, int dots_per_inch, GError **error) {
  guint row = ((guint)width * 3 + 3) & ~3u, size = row * (guint)height, per_metre = (guint)(dots_per_inch * 10000 / 254);
  g_autoptr(GByteArray) bytes = g_byte_array_sized_new(54 + size);
  g_byte_array_append(bytes, (const guint8 *)"BM", 2);
  const struct { guint32 value; guint width; } head[] = {{54 + size, 4}, {0, 4}, {54, 4}, {40, 4}, {(guint32)width, 4}, {(guint32)height, 4}, {1, 2}, {24, 2}, {0, 4},
    {size, 4}, {per_metre, 4}, {per_metre, 4}, {0, 4}, {0, 4}};
  for (guint i = 0; i < G_N_ELEMENTS(head); i++) put_number(bytes, head[i].value, head[i].width);
  g_byte_array_set_size(bytes, 54 + size);
  memset(bytes->data + 54, 0, size);
  for (int y = 0; y < height; y++) {
    const guint8 *from = rgb + (gsize)(height - 1 - y) * (gsize)width * 3;
    guint8 *to = bytes->data + 54 + (gsize)y * row;
    for (int x = 0; x < width; x++, from += 3, to += 3) to[0] = from[2], to[1] = from[1], to[2] = from[0];
  }
  return g_file_set_contents(path, (const char *)bytes->data, (gssize)bytes->len, error);
}
