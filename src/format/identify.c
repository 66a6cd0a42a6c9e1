/*
 * What a file is, by its bytes. The formats that archives hold are told here by their signatures and by the directories of zip and OLE files, all
 * bounded look-ups in a few buffers; only the rest goes to libmagic, in the sandbox. PUIDs are PRONOM's; "" where the bytes do not decide one.
 */
#include "beneath.h"
#include "error.h"
#include "formats.h"
#include "sandbox.h"
#include "text.h"
#include <fcntl.h>
#include <magic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 256 << 10, TAIL = 1 << 20, MIME_MAX = 128 };

typedef struct {
  guint8 *bytes;
  gsize length; /* of the head in bytes */
  gsize size; /* of the file */
  int fd;
} Sample;

static const FormatInfo OTHERS[] = {
  {"image/x-unknown", "", "其他图像", "other"},
  {"audio/x-unknown", "", "其他音频", "audio"},
  {"video/x-unknown", "", "其他视频", "video"},
  {"text/plain", "x-fmt/111", "纯文本", "text"},
};

static gboolean has(const Sample *sample, gsize at, const char *bytes, gsize length) {
  return at + length <= sample->length && memcmp(sample->bytes + at, bytes, length) == 0;
}
#define HAS(sample, at, literal) has(sample, at, literal, sizeof(literal) - 1)

static gboolean contains(const guint8 *bytes, gsize length, const char *text) { return memmem(bytes, length, text, strlen(text)) != NULL; }

/* ---- single families ---- */

static FormatInfo identify_jpeg(const Sample *sample) {
  static const char *const JFIF[] = {"fmt/42", "fmt/43", "fmt/44"};
  static const char *const EXIF[][2] = {{"0210", "x-fmt/390"}, {"0220", "x-fmt/391"}, {"0221", "fmt/645"}};
  if (HAS(sample, 6, "JFIF\0\1") && sample->length > 12 && sample->bytes[12] <= 2) return formats_find("image/jpeg", JFIF[sample->bytes[12]]);
  gsize searched = MIN(sample->length, 65536);
  for (int order = 0; order < 2 && HAS(sample, 6, "Exif"); order++) {
    const guint8 *tag =
      memmem(sample->bytes, searched, order == 0 ? "\x90\x00\x00\x07\x00\x00\x00\x04" : "\x00\x90\x07\x00\x04\x00\x00\x00", 8); /* ExifVersion */
    for (gsize i = 0; tag != NULL && tag + 12 <= sample->bytes + searched && i < G_N_ELEMENTS(EXIF); i++)
      if (memcmp(tag + 8, EXIF[i][0], 4) == 0) return formats_find("image/jpeg", EXIF[i][1]);
  }
  return formats_find("image/jpeg", NULL);
}

static FormatInfo identify_png(const Sample *sample) {
  gsize searched = MIN(sample->length, 4096);
  if (contains(sample->bytes, searched, "iTXt")) return formats_find("image/png", "fmt/13");
  gboolean newer = contains(sample->bytes, searched, "iCCP") || contains(sample->bytes, searched, "sRGB") || contains(sample->bytes, searched, "sPLT");
  return formats_find("image/png", newer ? "fmt/12" : "fmt/11");
}

static FormatInfo identify_bmp(const Sample *sample) {
  switch (sample->length > 14 ? sample->bytes[14] : 0) {
    case 12: return formats_find("image/bmp", "fmt/115");
    case 40: return formats_find("image/bmp", "fmt/116");
    case 108: return formats_find("image/bmp", "fmt/118");
    case 124: return formats_find("image/bmp", "fmt/119");
    default: return formats_find("image/bmp", NULL);
  }
}

/* The PDF/A claim stands in the XMP, which PDF/A leaves uncompressed: as element or as attribute. */
static const char *pdfa_puid(const guint8 *bytes, gsize length) {
  static const char *const PUID[] = {"1A", "fmt/95",  "1B", "fmt/354", "2A", "fmt/476", "2B", "fmt/477",
                                     "2U", "fmt/478", "3A", "fmt/479", "3B", "fmt/480", "3U", "fmt/481", "4E", "fmt/1911", "4F", "fmt/1912"};
  const char *part = memmem(bytes, length, "pdfaid:part", 11), *conformance = memmem(bytes, length, "pdfaid:conformance", 18),
             *end = (const char *)bytes + length;
  if (part == NULL) return NULL;
  for (part += 11; part < end && strchr("=\"'> \n", *part) != NULL; part++) {}
  if (part < end && *part == '4' && conformance == NULL) return "fmt/1910";
  for (conformance = conformance == NULL ? end : conformance + 18; conformance < end && strchr("=\"'> \n", *conformance) != NULL; conformance++) {}
  for (gsize i = 0; i < G_N_ELEMENTS(PUID) && part < end && conformance < end; i += 2)
    if (PUID[i][0] == *part && PUID[i][1] == g_ascii_toupper(*conformance)) return PUID[i + 1];
  return NULL;
}

static FormatInfo identify_pdf(const Sample *sample, gsize at) {
  static const char *const VERSIONS[] = {"fmt/14", "fmt/15", "fmt/16", "fmt/17", "fmt/18", "fmt/19", "fmt/20", "fmt/276"};
  const char *claimed = pdfa_puid(sample->bytes, sample->length);
  if (claimed == NULL && sample->size > sample->length) {
    g_autofree guint8 *tail = g_malloc(TAIL);
    gssize got = pread(sample->fd, tail, TAIL, (goffset)(sample->size > TAIL ? sample->size - TAIL : 0));
    if (got > 0) claimed = pdfa_puid(tail, (gsize)got);
  }
  if (claimed != NULL) return formats_find("application/pdf", claimed);
  if (HAS(sample, at, "%PDF-2.0")) return formats_find("application/pdf", "fmt/1129");
  guint minor = HAS(sample, at, "%PDF-1.") && sample->length > at + 7 ? sample->bytes[at + 7] - (guint)'0' : 99u;
  return formats_find("application/pdf", minor < G_N_ELEMENTS(VERSIONS) ? VERSIONS[minor] : NULL);
}

/* The type that one of the names in a zip's headers means: each begins with mark, has its name's length at length_at and the name at name_at. */
static const char *zip_member_type(const guint8 *bytes, gsize length, const char *mark, gsize length_at, gsize name_at, const char *const names[4][2]) {
  for (const guint8 *at = bytes, *end = bytes + length; (at = memmem(at, (gsize)(end - at), mark, 4)) != NULL; at += 4) {
    if ((gsize)(end - at) < name_at) break;
    gsize name_length = at[length_at] | (gsize)at[length_at + 1] << 8;
    for (gsize i = 0; i < 4; i++)
      if (name_length == strlen(names[i][0]) && (gsize)(end - at) >= name_at + name_length && memcmp(at + name_at, names[i][0], name_length) == 0)
        return names[i][1];
  }
  return NULL;
}

static guint32 zip_number(const guint8 *at) { return at[0] | (guint32)at[1] << 8 | (guint32)at[2] << 16 | (guint32)at[3] << 24; }

/* The beginning of the directory that the end record tells of: what stands before it may be other zips, kept as they are. NULL: the end is cut off or in 64 bits. */
static guint8 *zip_directory(const Sample *sample, const guint8 *tail, gsize length, gsize *ret_length) {
  for (gsize at = length >= 22 ? length - 22 + 1 : 0; at-- > 0;) {
    if (memcmp(tail + at, "PK\5\6", 4) != 0) continue;
    gsize size = zip_number(tail + at + 12), end = sample->size - length + at;
    if (size == 0xffffffffu || size > end) return NULL;
    *ret_length = MIN(size, TAIL);
    g_autofree guint8 *directory = g_malloc(*ret_length + 1);
    gboolean good = pread(sample->fd, directory, *ret_length, (goffset)(end - size)) == (gssize)*ret_length && (size < 4 || memcmp(directory, "PK\1\2", 4) == 0);
    return good ? g_steal_pointer(&directory) : NULL;
  }
  return NULL;
}

/* The MIME type by the names in the zip's directory; OFD is GB/T 33190. */
static FormatInfo identify_zip(const Sample *sample) {
  static const char *const NAMES[4][2] = {
    {"OFD.xml", "application/ofd"},
    {"word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"ppt/presentation.xml", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
  };
  static const char *const OWN[] = {"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
                                    "application/vnd.oasis.opendocument.presentation", "application/epub+zip"};
  for (gsize i = 0; i < G_N_ELEMENTS(OWN) && HAS(sample, 30, "mimetype"); i++)
    if (has(sample, 38, OWN[i], strlen(OWN[i])) && !has(sample, 38 + strlen(OWN[i]), "-", 1)) return formats_find(OWN[i], NULL);
  g_autofree guint8 *tail = g_malloc(TAIL);
  gsize length = MIN(sample->size, TAIL);
  if (pread(sample->fd, tail, length, (goffset)(sample->size - length)) != (gssize)length) return formats_find("application/zip", NULL);
  g_autofree guint8 *directory = zip_directory(sample, tail, length, &length);
  const char *mime = zip_member_type(directory ? directory : tail, length, "PK\1\2", 28, 46, NAMES);
  if (mime == NULL && directory == NULL) mime = zip_member_type(sample->bytes, sample->length, "PK\3\4", 26, 30, NAMES); /* the directory is cut off or far away */
  if (mime != NULL) return formats_find(mime, NULL);
  return formats_find("application/zip", NULL);
}

/* By the names of the streams in the first sectors of the container's directory (MS-CFB). */
static FormatInfo identify_ole(const Sample *sample) {
  static const char *const STREAMS[][2] = {
    {"EncryptedPackage", "application/x-ole-encrypted"},
    {"WordDocument", "application/msword"},
    {"Workbook", "application/vnd.ms-excel"},
    {"Book", "application/vnd.ms-excel"},
    {"PowerPoint Document", "application/vnd.ms-powerpoint"},
    {"__properties_version1.0", "application/vnd.ms-outlook"},
  };
  guint8 directory[16 << 10];
  if (sample->length < 512) return formats_find("application/x-ole-storage", NULL);
  guint shift = sample->bytes[30] == 12 ? 12 : 9;
  guint64 sector = sample->bytes[48] | (guint64)sample->bytes[49] << 8 | (guint64)sample->bytes[50] << 16 | (guint64)sample->bytes[51] << 24;
  gssize got = pread(sample->fd, directory, sizeof directory, (goffset)((sector + 1) << shift));
  for (gsize i = 0; i < G_N_ELEMENTS(STREAMS); i++) {
    for (gssize at = 0; at + 128 <= got; at += 128) {
      gsize letters = strlen(STREAMS[i][0]);
      gboolean same = directory[at + 64] == 2 * (letters + 1) && directory[at + 65] == 0;
      for (gsize j = 0; j < letters && same; j++) same = directory[at + 2 * (gssize)j] == (guint8)STREAMS[i][0][j] && directory[at + 2 * (gssize)j + 1] == 0;
      if (same) return formats_find(STREAMS[i][1], NULL);
    }
  }
  return formats_find("application/x-ole-storage", NULL);
}

static FormatInfo identify_brand(const Sample *sample) {
  static const char *const BRANDS[][2] = {
    {"heic", "image/heic"}, {"heix", "image/heic"}, {"mif1", "image/heic"}, {"qt  ", "video/quicktime"}, {"M4A ", "audio/x-m4a"},
    {"isom", "video/mp4"},  {"iso2", "video/mp4"},  {"mp41", "video/mp4"},  {"mp42", "video/mp4"},       {"avc1", "video/mp4"},
    {"M4V ", "video/mp4"},  {"MSNV", "video/mp4"},  {"dash", "video/mp4"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(BRANDS); i++)
    if (has(sample, 8, BRANDS[i][0], 4)) return formats_find(BRANDS[i][1], NULL);
  return FORMAT_UNKNOWN;
}

static FormatInfo identify_riff(const Sample *sample) {
  if (HAS(sample, 8, "WAVE")) return formats_find("audio/x-wav", NULL);
  if (HAS(sample, 8, "AVI ")) return formats_find("video/x-msvideo", NULL);
  if (HAS(sample, 8, "WEBPVP8 ")) return formats_find("image/webp", "fmt/566");
  if (HAS(sample, 8, "WEBPVP8L")) return formats_find("image/webp", "fmt/567");
  return HAS(sample, 8, "WEBPVP8X") ? formats_find("image/webp", "fmt/568") : FORMAT_UNKNOWN;
}

/* By the kinds of streams that the header announces: any picture makes it a video. */
static FormatInfo identify_asf(const Sample *sample) {
  gsize searched = MIN(sample->length, 64 << 10);
  if (memmem(sample->bytes, searched, "\xc0\xef\x19\xbc\x4d\x5b\xcf\x11", 8) != NULL) return formats_find("video/x-ms-wmv", NULL);
  gboolean sound = memmem(sample->bytes, searched, "\x40\x9e\x69\xf8\x4d\x5b\xcf\x11", 8) != NULL;
  return formats_find(sound ? "audio/x-ms-wma" : "video/x-ms-asf", NULL);
}

/* No magic number: a known version, a possible date, sizes that fit each other, a first field's name that ends. */
static gboolean is_dbf(const Sample *sample) {
  static const guint8 VERSIONS[] = {0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8b, 0x8e, 0xcb, 0xf5};
  const guint8 *head = sample->bytes;
  if (sample->length < 65 || memchr(VERSIONS, head[0], sizeof VERSIONS) == NULL) return FALSE;
  guint start = head[8] | (guint)head[9] << 8, row = head[10] | (guint)head[11] << 8;
  return head[2] >= 1 && head[2] <= 12 && head[3] >= 1 && head[3] <= 31 && start >= 65 && row > 0 && memchr(head + 32, 0, 11) != NULL
         && g_ascii_isupper(head[43]) && (start > sample->length || sample->bytes[start - 1] == 0x0d || head[0] == 0x30 || head[0] == 0x31);
}

static FormatInfo identify_dbf(const Sample *sample) {
  static const struct {
    guint8 version;
    const char *puid;
  } VERSIONS[] = {{0x03, "x-fmt/9"}, {0x83, "x-fmt/9"}, {0x04, "x-fmt/10"}, {0x8b, "x-fmt/10"}, {0x30, "fmt/374"}, {0x31, "fmt/374"}, {0xf5, "fmt/373"}};
  for (gsize i = 0; i < G_N_ELEMENTS(VERSIONS); i++)
    if (VERSIONS[i].version == sample->bytes[0]) return formats_find("application/x-dbf", VERSIONS[i].puid);
  return formats_find("application/x-dbf", NULL);
}

/* ---- all families ---- */

static FormatInfo identify_signature(const Sample *sample) {
  static const struct {
    const char *bytes;
    gsize length, at;
    const char *mime, *puid;
  } SIMPLE[] = {
    {"II*\0", 4, 0, "image/tiff", NULL},
    {"MM\0*", 4, 0, "image/tiff", NULL},
    {"II+\0", 4, 0, "image/tiff", NULL},
    {"MM\0+", 4, 0, "image/tiff", NULL},
    {"GIF87a", 6, 0, "image/gif", "fmt/3"},
    {"GIF89a", 6, 0, "image/gif", "fmt/4"},
    {"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14"
     "ftypjpx ",
     24, 0, "image/jpx", NULL},
    {"\0\0\0\x0cjP  \r\n\x87\n", 12, 0, "image/jp2", NULL},
    {"\xff\x4f\xff\x51", 4, 0, "image/x-jp2-codestream", NULL},
    {"7z\xbc\xaf\x27\x1c", 6, 0, "application/x-7z-compressed", NULL},
    {"\x1f\x8b\x08", 3, 0, "application/gzip", NULL},
    {"ustar", 5, 257, "application/x-tar", NULL},
    {"{\\rtf", 5, 0, "text/rtf", NULL},
    {"SQLite format 3\0", 16, 0, "application/vnd.sqlite3", NULL},
    {"AC1009", 6, 0, "image/vnd.dwg", "fmt/32"},
    {"AC1012", 6, 0, "image/vnd.dwg", "fmt/33"},
    {"AC1014", 6, 0, "image/vnd.dwg", "fmt/34"},
    {"AC1015", 6, 0, "image/vnd.dwg", "fmt/35"},
    {"AC1018", 6, 0, "image/vnd.dwg", "fmt/36"},
    {"AC1021", 6, 0, "image/vnd.dwg", "x-fmt/455"},
    {"AC1024", 6, 0, "image/vnd.dwg", "fmt/434"},
    {"AC1027", 6, 0, "image/vnd.dwg", "fmt/531"},
    {"AC10", 4, 0, "image/vnd.dwg", NULL},
    {"Rar!\x1a\7\1\0", 8, 0, "application/x-rar", "fmt/613"},
    {"Rar!\x1a\7", 6, 0, "application/x-rar", NULL},
    {"\x97JB2\r\n\x1a\n", 8, 0, "image/x-jbig2", NULL},
    {"\xd7\xcd\xc6\x9a", 4, 0, "image/wmf", NULL},
    {"\1\0\t\0\0\3", 6, 0, "image/wmf", NULL},
    {" EMF", 4, 40, "image/emf", NULL},
    {"\xc5\xd0\xd3\xc6", 4, 0, "image/eps", NULL},
    {"%!PS-Adobe-2.0 EPSF", 19, 0, "image/eps", NULL},
    {"%!PS-Adobe-3.0 EPSF", 19, 0, "image/eps", NULL},
    {"FWS", 3, 0, "application/x-shockwave-flash", NULL},
    {"CWS", 3, 0, "application/x-shockwave-flash", NULL},
    {"AutoCAD Binary DXF", 18, 0, "image/vnd.dxf", NULL},
    {"ISO-10303-21;", 13, 0, "model/step", NULL},
    {"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02", 14, 0, "application/mxf", NULL},
    {"\0\1\0\0Standard Jet DB", 19, 0, "application/x-msaccess", NULL},
    {"\0\1\0\0Standard ACE DB", 19, 0, "application/x-msaccess-2007", NULL},
    {"WARC/", 5, 0, "application/warc", NULL},
    {"\xff\xf1", 2, 0, "audio/aac", NULL},
    {"\xff\xf9", 2, 0, "audio/aac", NULL},
    {"\xff\xfb", 2, 0, "audio/mpeg", NULL},
    {"\xff\xfa", 2, 0, "audio/mpeg", NULL},
    {"\xff\xf3", 2, 0, "audio/mpeg", NULL},
    {"MThd", 4, 0, "audio/midi", NULL},
    {"BZh", 3, 0, "application/x-bzip2", NULL},
    {"\xfd""7zXZ", 5, 0, "application/x-xz", NULL},
    {"MSCF\0\0\0\0", 8, 0, "application/vnd.ms-cab-compressed", NULL},
    {"CD001", 5, 32769, "application/x-iso9660-image", NULL},
    {"8BPS", 4, 0, "image/vnd.adobe.photoshop", NULL},
    {"%!PS", 4, 0, "application/postscript", NULL},
    {"ID3", 3, 0, "audio/mpeg", NULL},
    {"fLaC", 4, 0, "audio/flac", NULL},
    {"#!AMR", 5, 0, "audio/amr", NULL},
    {"\x1a\x45\xdf\xa3", 4, 0, "video/x-matroska", NULL},
    {"FLV\1", 4, 0, "video/x-flv", NULL},
    {"\0\0\1\xba", 4, 0, "video/mpeg", NULL},
    {"\0\0\1\xb3", 4, 0, "video/mpeg", NULL},
  };
  if (HAS(sample, 0, "\xff\xd8\xff")) return identify_jpeg(sample);
  if (HAS(sample, 0, "\x89PNG\r\n\x1a\n")) return identify_png(sample);
  if (HAS(sample, 0, "BM") && sample->length > 26 && sample->bytes[15] == 0 && sample->bytes[16] == 0) return identify_bmp(sample);
  if (HAS(sample, 0, "PK\3\4")) return identify_zip(sample);
  if (HAS(sample, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) return identify_ole(sample);
  if (HAS(sample, 0, "RIFF")) return identify_riff(sample);
  if (HAS(sample, 4, "ftyp")) return identify_brand(sample);
  if (HAS(sample, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11")) return identify_asf(sample);
  if (HAS(sample, 0, "OggS")) return formats_find(contains(sample->bytes, MIN(sample->length, 512), "\x80theora") ? "video/ogg" : "audio/ogg", NULL);
  if (HAS(sample, 0, "FORM") && (HAS(sample, 8, "AIFF") || HAS(sample, 8, "AIFC"))) return formats_find("audio/x-aiff", NULL);
  if (is_dbf(sample)) return identify_dbf(sample);
  const guint8 *pdf = memmem(sample->bytes, MIN(sample->length, 1024), "%PDF-", 5); /* readers allow some bytes before it */
  if (pdf != NULL) return identify_pdf(sample, (gsize)(pdf - sample->bytes));
  for (gsize i = 0; i < G_N_ELEMENTS(SIMPLE); i++)
    if (has(sample, SIMPLE[i].at, SIMPLE[i].bytes, SIMPLE[i].length)) return formats_find(SIMPLE[i].mime, SIMPLE[i].puid);
  return FORMAT_UNKNOWN;
}

/* Text: hardly any control characters, no NUL, and all of it readable in one of our encodings (up to the last line end of the sample). */
static gboolean is_text(const Sample *sample) {
  gboolean wide = HAS(sample, 0, "\xff\xfe") || HAS(sample, 0, "\xfe\xff");
  gsize length = MIN(sample->length, 64 << 10);
  gsize controls = 0;
  for (gsize i = 0; i < length; i++) controls += sample->bytes[i] < ' ' && memchr("\t\n\r\f\x1a\x1b", sample->bytes[i], 6) == NULL;
  if (!wide && controls * 100 > length) return FALSE;
  if (wide) return text_encoding_guess((const char *)sample->bytes, (gssize)length) != NULL;
  for (gsize cut = length < sample->size ? length : 0; cut > 0 && cut + 4096 > length; cut--)
    if (sample->bytes[cut - 1] == '\n') {
      length = cut;
      break;
    }
  g_autofree char *text = text_decode((const char *)sample->bytes, (gssize)length, NULL, NULL);
  return text != NULL;
}

static gboolean is_dxf(const char *text) {
  const char *line = text[0] == '0' ? text + 1 + strspn(text + 1, "\r\n \t") : "";
  return g_str_has_prefix(line, "SECTION");
}

/* Header lines from the first line on, among them one that only letters have. */
static gboolean is_mail(const char *text) {
  static const char *const MARKS[] = {"\nmessage-id:", "\nmime-version:", "\nreceived:", "\nx-mailer:", "\nreturn-path:"};
  const char *colon = strchr(text, ':'), *end = strchr(text, '\n');
  if (colon == NULL || end == NULL || colon > end || colon == text) return FALSE;
  for (const char *at = text; at < colon; at++)
    if (!g_ascii_isalnum(*at) && *at != '-') return FALSE;
  g_autofree char *lower = g_ascii_strdown(text, -1), *lines = g_strconcat("\n", lower, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(MARKS); i++)
    if (strstr(lines, MARKS[i]) != NULL && (strstr(lines, "\nfrom:") != NULL || strstr(lines, "\ndate:") != NULL || i == 2)) return TRUE;
  return FALSE;
}

static FormatInfo identify_text(const Sample *sample) {
  g_autofree char *start = g_strndup((const char *)sample->bytes, MIN(sample->length, 4096));
  const char *text = g_str_has_prefix(start, "\xef\xbb\xbf") ? start + 3 : start;
  while (g_ascii_isspace(*text)) text++;
  if (g_ascii_strncasecmp(text, "<!doctype html", 14) == 0 || g_ascii_strncasecmp(text, "<html", 5) == 0) return formats_find("text/html", NULL);
  if (g_str_has_prefix(text, "<?xml")) return formats_find(strstr(text, "<svg") != NULL ? "image/svg+xml" : "text/xml", NULL);
  if (strstr(text, "<svg") == text) return formats_find("image/svg+xml", NULL);
  if (is_dxf(text)) return formats_find("image/vnd.dxf", NULL);
  if (is_mail(text)) return formats_find("message/rfc822", NULL);
  return formats_find("text/plain", NULL);
}

static FormatInfo identify_by_magic(const Sample *sample) {
  g_autoptr(GByteArray) answer = sandbox_run("magic", NULL, sample->fd, MIME_MAX, NULL);
  if (answer == NULL || answer->len == 0) return FORMAT_UNKNOWN;
  g_autofree char *mime = g_strndup((const char *)answer->data, answer->len);
  FormatInfo known = formats_find(mime, NULL);
  if (known.mime != FORMAT_UNKNOWN.mime) return known;
  for (gsize i = 0; i < G_N_ELEMENTS(OTHERS); i++)
    if (strncmp(mime, OTHERS[i].mime, 5) == 0) return OTHERS[i];
  return FORMAT_UNKNOWN;
}

FormatInfo format_identify(const char *path) {
  struct stat about;
  int fd = beneath_open(path);
  FormatInfo info = FORMAT_UNKNOWN;
  if (fd < 0) return info;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
    Sample sample = {.bytes = g_malloc(HEAD), .size = (gsize)about.st_size, .fd = fd};
    gssize got = pread(fd, sample.bytes, HEAD, 0);
    sample.length = got > 0 ? (gsize)got : 0;
    info = sample.length == 0 ? FORMAT_EMPTY : identify_signature(&sample);
    if (info.mime == FORMAT_UNKNOWN.mime) info = is_text(&sample) ? identify_text(&sample) : identify_by_magic(&sample);
    g_free(sample.bytes);
  }
  close(fd);
  return info;
}

/* ---- the child ---- */

static magic_t magic_book;

void child_magic_prepare(void) {
  if (magic_book != NULL) return;
  magic_book = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR);
  if (magic_book != NULL) magic_load(magic_book, NULL);
}

int child_magic(const char *argument) {
  const char *mime = magic_book == NULL ? NULL : magic_descriptor(magic_book, SANDBOX_INPUT);
  if (mime == NULL) return 1;
  jail_answer(mime, MIN(strlen(mime), MIME_MAX - 1));
  return 0;
}
