/*
 * What a file is, by its bytes. The formats that archives hold are told here by their signatures and by the directories of zip and OLE files, all
 * bounded look-ups in a few buffers; only the rest goes to libmagic, in the sandbox. PUIDs are PRONOM's; "" where the bytes do not decide one.
 */
#include "error.h"
#include "format.h"
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

/* ---- what we know, by MIME type; more than one row for a type: the first is its default ---- */

static const FormatInfo KNOWN[] = {
  {"image/jpeg", "fmt/41", "JPEG 图像", "image"},
  {"image/jpeg", "fmt/42", "JPEG 图像（JFIF 1.00）", "image"},
  {"image/jpeg", "fmt/43", "JPEG 图像（JFIF 1.01）", "image"},
  {"image/jpeg", "fmt/44", "JPEG 图像（JFIF 1.02）", "image"},
  {"image/jpeg", "x-fmt/390", "JPEG 图像（Exif 2.1）", "image"},
  {"image/jpeg", "x-fmt/391", "JPEG 图像（Exif 2.2）", "image"},
  {"image/jpeg", "fmt/645", "JPEG 图像（Exif 2.21）", "image"},
  {"image/tiff", "fmt/353", "TIFF 图像", "image"},
  {"image/png", "fmt/11", "PNG 图像", "image"},
  {"image/png", "fmt/12", "PNG 图像 1.1", "image"},
  {"image/png", "fmt/13", "PNG 图像 1.2", "image"},
  {"image/gif", "fmt/3", "GIF 图像 87a", "image"},
  {"image/gif", "fmt/4", "GIF 图像 89a", "image"},
  {"image/bmp", "", "BMP 图像", "image"},
  {"image/bmp", "fmt/115", "BMP 图像 2.0", "image"},
  {"image/bmp", "fmt/116", "BMP 图像 3.0", "image"},
  {"image/bmp", "fmt/118", "BMP 图像 4.0", "image"},
  {"image/bmp", "fmt/119", "BMP 图像 5.0", "image"},
  {"image/jp2", "x-fmt/392", "JPEG 2000 图像", "image"},
  {"image/jpx", "fmt/151", "JPEG 2000 图像（JPX）", "image"},
  {"image/x-jp2-codestream", "", "JPEG 2000 码流", "image"},
  {"image/webp", "", "WebP 图像", "image"},
  {"image/webp", "fmt/566", "WebP 图像（有损）", "image"},
  {"image/webp", "fmt/567", "WebP 图像（无损）", "image"},
  {"image/webp", "fmt/568", "WebP 图像（扩展）", "image"},
  {"image/heic", "fmt/1101", "HEIF 图像", "image"},
  {"application/pdf", "", "PDF 文件", "pdf"},
  {"application/pdf", "fmt/14", "PDF 1.0", "pdf"},
  {"application/pdf", "fmt/15", "PDF 1.1", "pdf"},
  {"application/pdf", "fmt/16", "PDF 1.2", "pdf"},
  {"application/pdf", "fmt/17", "PDF 1.3", "pdf"},
  {"application/pdf", "fmt/18", "PDF 1.4", "pdf"},
  {"application/pdf", "fmt/19", "PDF 1.5", "pdf"},
  {"application/pdf", "fmt/20", "PDF 1.6", "pdf"},
  {"application/pdf", "fmt/276", "PDF 1.7", "pdf"},
  {"application/pdf", "fmt/1129", "PDF 2.0", "pdf"},
  {"application/pdf", "fmt/95", "PDF/A-1a", "pdf"},
  {"application/pdf", "fmt/354", "PDF/A-1b", "pdf"},
  {"application/pdf", "fmt/476", "PDF/A-2a", "pdf"},
  {"application/pdf", "fmt/477", "PDF/A-2b", "pdf"},
  {"application/pdf", "fmt/478", "PDF/A-2u", "pdf"},
  {"application/pdf", "fmt/479", "PDF/A-3a", "pdf"},
  {"application/pdf", "fmt/480", "PDF/A-3b", "pdf"},
  {"application/pdf", "fmt/481", "PDF/A-3u", "pdf"},
  {"text/plain", "x-fmt/111", "纯文本", "text"},
  {"text/html", "fmt/96", "网页（HTML）", "text"},
  {"text/xml", "fmt/101", "XML 文件", "text"},
  {"text/rtf", "", "RTF 文档", "office"},
  {"application/msword", "fmt/40", "Word 文档 97-2003", "office"},
  {"application/vnd.ms-excel", "fmt/61", "Excel 表格 97-2003", "office"},
  {"application/vnd.ms-powerpoint", "fmt/126", "PowerPoint 演示文稿 97-2003", "office"},
  {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "fmt/412", "Word 文档（docx）", "office"},
  {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "fmt/214", "Excel 表格（xlsx）", "office"},
  {"application/vnd.openxmlformats-officedocument.presentationml.presentation", "fmt/215", "PowerPoint 演示文稿（pptx）", "office"},
  {"application/x-ole-encrypted", "fmt/494", "加密的 Office 文档", "office"},
  {"application/x-ole-storage", "fmt/111", "OLE 复合文档", "other"},
  {"application/ofd", "", "OFD 版式文件", "office"},
  {"application/vnd.oasis.opendocument.text", "", "OpenDocument 文档（odt）", "office"},
  {"application/vnd.oasis.opendocument.spreadsheet", "", "OpenDocument 表格（ods）", "office"},
  {"application/vnd.oasis.opendocument.presentation", "", "OpenDocument 演示文稿（odp）", "office"},
  {"application/epub+zip", "fmt/483", "EPUB 电子书", "office"},
  {"application/zip", "x-fmt/263", "ZIP 压缩包", "other"},
  {"application/x-rar", "", "RAR 压缩包", "other"},
  {"application/x-7z-compressed", "fmt/484", "7z 压缩包", "other"},
  {"application/gzip", "x-fmt/266", "GZIP 压缩文件", "other"},
  {"application/x-tar", "x-fmt/265", "TAR 打包文件", "other"},
  {"application/x-dbf", "", "DBF 数据表", "other"},
  {"application/vnd.sqlite3", "fmt/729", "SQLite 数据库", "other"},
  {"message/rfc822", "fmt/278", "电子邮件", "other"},
  {"application/json", "fmt/817", "JSON 数据", "text"},
  {"image/vnd.dwg", "", "AutoCAD 图纸（DWG）", "other"},
  {"application/postscript", "", "PostScript 文件", "other"},
  {"image/svg+xml", "", "SVG 矢量图", "other"},
  {"image/vnd.adobe.photoshop", "x-fmt/92", "Photoshop 图像", "other"},
  {"audio/x-wav", "fmt/6", "WAV 音频", "audio"},
  {"audio/mpeg", "fmt/134", "MP3 音频", "audio"},
  {"audio/flac", "fmt/279", "FLAC 音频", "audio"},
  {"audio/ogg", "", "Ogg 音频", "audio"},
  {"audio/x-m4a", "", "MPEG-4 音频", "audio"},
  {"audio/amr", "", "AMR 音频", "audio"},
  {"video/mp4", "fmt/199", "MP4 视频", "video"},
  {"video/quicktime", "x-fmt/384", "QuickTime 视频", "video"},
  {"video/x-msvideo", "fmt/5", "AVI 视频", "video"},
  {"video/x-matroska", "fmt/569", "Matroska 视频", "video"},
  {"video/mpeg", "", "MPEG 视频", "video"},
  {"video/x-flv", "x-fmt/382", "FLV 视频", "video"},
  {"video/x-ms-asf", "fmt/131", "Windows Media 音视频（ASF）", "video"},
  {"video/mp2t", "", "MPEG 传输流视频", "video"},
};
static const FormatInfo EMPTY = {"application/x-empty", "", "空文件", "other"}, UNKNOWN = {"application/octet-stream", "", "未识别的格式", "other"};
static const FormatInfo OTHERS[] = {
  {"image/x-unknown", "", "其他图像", "other"},
  {"audio/x-unknown", "", "其他音频", "audio"},
  {"video/x-unknown", "", "其他视频", "video"},
  {"text/plain", "x-fmt/111", "纯文本", "text"},
};

/* puid NULL: the type's first row. */
static FormatInfo find(const char *mime, const char *puid) {
  for (gsize i = 0; i < G_N_ELEMENTS(KNOWN); i++)
    if (strcmp(KNOWN[i].mime, mime) == 0 && (puid == NULL || strcmp(KNOWN[i].puid, puid) == 0)) return KNOWN[i];
  return UNKNOWN;
}

static gboolean has(const Sample *sample, gsize at, const char *bytes, gsize length) {
  return at + length <= sample->length && memcmp(sample->bytes + at, bytes, length) == 0;
}
#define HAS(sample, at, literal) has(sample, at, literal, sizeof(literal) - 1)

static gboolean contains(const guint8 *bytes, gsize length, const char *text) { return memmem(bytes, length, text, strlen(text)) != NULL; }

/* ---- single families ---- */

static FormatInfo identify_jpeg(const Sample *sample) {
  static const char *const JFIF[] = {"fmt/42", "fmt/43", "fmt/44"};
  static const char *const EXIF[][2] = {{"0210", "x-fmt/390"}, {"0220", "x-fmt/391"}, {"0221", "fmt/645"}};
  if (HAS(sample, 6, "JFIF\0\1") && sample->length > 12 && sample->bytes[12] <= 2) return find("image/jpeg", JFIF[sample->bytes[12]]);
  gsize searched = MIN(sample->length, 65536);
  for (int order = 0; order < 2 && HAS(sample, 6, "Exif"); order++) {
    const guint8 *tag =
      memmem(sample->bytes, searched, order == 0 ? "\x90\x00\x00\x07\x00\x00\x00\x04" : "\x00\x90\x07\x00\x04\x00\x00\x00", 8); /* ExifVersion */
    for (gsize i = 0; tag != NULL && tag + 12 <= sample->bytes + searched && i < G_N_ELEMENTS(EXIF); i++)
      if (memcmp(tag + 8, EXIF[i][0], 4) == 0) return find("image/jpeg", EXIF[i][1]);
  }
  return find("image/jpeg", NULL);
}

static FormatInfo identify_png(const Sample *sample) {
  gsize searched = MIN(sample->length, 4096);
  if (contains(sample->bytes, searched, "iTXt")) return find("image/png", "fmt/13");
  gboolean newer = contains(sample->bytes, searched, "iCCP") || contains(sample->bytes, searched, "sRGB") || contains(sample->bytes, searched, "sPLT");
  return find("image/png", newer ? "fmt/12" : "fmt/11");
}

static FormatInfo identify_bmp(const Sample *sample) {
  switch (sample->length > 14 ? sample->bytes[14] : 0) {
    case 12: return find("image/bmp", "fmt/115");
    case 40: return find("image/bmp", "fmt/116");
    case 108: return find("image/bmp", "fmt/118");
    case 124: return find("image/bmp", "fmt/119");
    default: return find("image/bmp", NULL);
  }
}

/* The PDF/A claim stands in the XMP, which PDF/A leaves uncompressed: as element or as attribute. */
static const char *pdfa_puid(const guint8 *bytes, gsize length) {
  static const char *const PUID[] = {"1A", "fmt/95",  "1B", "fmt/354", "2A", "fmt/476", "2B", "fmt/477",
                                     "2U", "fmt/478", "3A", "fmt/479", "3B", "fmt/480", "3U", "fmt/481"};
  const char *part = memmem(bytes, length, "pdfaid:part", 11), *conformance = memmem(bytes, length, "pdfaid:conformance", 18),
             *end = (const char *)bytes + length;
  if (part == NULL || conformance == NULL) return NULL;
  for (part += 11; part < end && strchr("=\"'> \n", *part) != NULL; part++) {}
  for (conformance += 18; conformance < end && strchr("=\"'> \n", *conformance) != NULL; conformance++) {}
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
  if (claimed != NULL) return find("application/pdf", claimed);
  if (HAS(sample, at, "%PDF-2.0")) return find("application/pdf", "fmt/1129");
  guint minor = HAS(sample, at, "%PDF-1.") && sample->length > at + 7 ? sample->bytes[at + 7] - (guint)'0' : 99u;
  return find("application/pdf", minor < G_N_ELEMENTS(VERSIONS) ? VERSIONS[minor] : NULL);
}

/* The MIME type by the names in the zip's directory; OFD is GB/T 33190. */
static FormatInfo identify_zip(const Sample *sample) {
  static const char *const NAMES[][2] = {
    {"OFD.xml", "application/ofd"},
    {"word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"ppt/presentation.xml", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
  };
  static const char *const OWN[] = {"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
                                    "application/vnd.oasis.opendocument.presentation", "application/epub+zip"};
  for (gsize i = 0; i < G_N_ELEMENTS(OWN) && HAS(sample, 30, "mimetype"); i++)
    if (has(sample, 38, OWN[i], strlen(OWN[i])) && !has(sample, 38 + strlen(OWN[i]), "-", 1)) return find(OWN[i], NULL);
  g_autofree guint8 *tail = g_malloc(TAIL);
  gsize length = MIN(sample->size, TAIL);
  if (pread(sample->fd, tail, length, (goffset)(sample->size - length)) != (gssize)length) return find("application/zip", NULL);
  for (const guint8 *at = tail; (at = memmem(at, (gsize)(tail + length - at), "PK\1\2", 4)) != NULL; at += 4) {
    if ((gsize)(tail + length - at) < 46) break;
    gsize name_length = at[28] | (gsize)at[29] << 8;
    for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++)
      if (name_length == strlen(NAMES[i][0]) && (gsize)(tail + length - at) >= 46 + name_length && memcmp(at + 46, NAMES[i][0], name_length) == 0)
        return find(NAMES[i][1], NULL);
  }
  return find("application/zip", NULL);
}

/* By the names of the streams in the first sectors of the container's directory (MS-CFB). */
static FormatInfo identify_ole(const Sample *sample) {
  static const char *const STREAMS[][2] = {
    {"EncryptedPackage", "application/x-ole-encrypted"},
    {"WordDocument", "application/msword"},
    {"Workbook", "application/vnd.ms-excel"},
    {"Book", "application/vnd.ms-excel"},
    {"PowerPoint Document", "application/vnd.ms-powerpoint"},
  };
  guint8 directory[16 << 10];
  if (sample->length < 512) return find("application/x-ole-storage", NULL);
  guint shift = sample->bytes[30] == 12 ? 12 : 9;
  guint64 sector = sample->bytes[48] | (guint64)sample->bytes[49] << 8 | (guint64)sample->bytes[50] << 16 | (guint64)sample->bytes[51] << 24;
  gssize got = pread(sample->fd, directory, sizeof directory, (goffset)((sector + 1) << shift));
  for (gsize i = 0; i < G_N_ELEMENTS(STREAMS); i++) {
    for (gssize at = 0; at + 128 <= got; at += 128) {
      gsize letters = strlen(STREAMS[i][0]);
      gboolean same = directory[at + 64] == 2 * (letters + 1) && directory[at + 65] == 0;
      for (gsize j = 0; j < letters && same; j++) same = directory[at + 2 * (gssize)j] == (guint8)STREAMS[i][0][j] && directory[at + 2 * (gssize)j + 1] == 0;
      if (same) return find(STREAMS[i][1], NULL);
    }
  }
  return find("application/x-ole-storage", NULL);
}

static FormatInfo identify_brand(const Sample *sample) {
  static const char *const BRANDS[][2] = {
    {"heic", "image/heic"}, {"heix", "image/heic"}, {"mif1", "image/heic"}, {"qt  ", "video/quicktime"}, {"M4A ", "audio/x-m4a"},
    {"isom", "video/mp4"},  {"iso2", "video/mp4"},  {"mp41", "video/mp4"},  {"mp42", "video/mp4"},       {"avc1", "video/mp4"},
    {"M4V ", "video/mp4"},  {"MSNV", "video/mp4"},  {"dash", "video/mp4"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(BRANDS); i++)
    if (has(sample, 8, BRANDS[i][0], 4)) return find(BRANDS[i][1], NULL);
  return UNKNOWN;
}

static FormatInfo identify_riff(const Sample *sample) {
  if (HAS(sample, 8, "WAVE")) return find("audio/x-wav", NULL);
  if (HAS(sample, 8, "AVI ")) return find("video/x-msvideo", NULL);
  if (HAS(sample, 8, "WEBPVP8 ")) return find("image/webp", "fmt/566");
  if (HAS(sample, 8, "WEBPVP8L")) return find("image/webp", "fmt/567");
  return HAS(sample, 8, "WEBPVP8X") ? find("image/webp", "fmt/568") : UNKNOWN;
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
    {"GIF87a", 6, 0, "image/gif", "fmt/3"},
    {"GIF89a", 6, 0, "image/gif", "fmt/4"},
    {"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14"
     "ftypjpx ",
     24, 0, "image/jpx", NULL},
    {"\0\0\0\x0cjP  \r\n\x87\n", 12, 0, "image/jp2", NULL},
    {"\xff\x4f\xff\x51", 4, 0, "image/x-jp2-codestream", NULL},
    {"Rar!\x1a\7", 6, 0, "application/x-rar", NULL},
    {"7z\xbc\xaf\x27\x1c", 6, 0, "application/x-7z-compressed", NULL},
    {"\x1f\x8b\x08", 3, 0, "application/gzip", NULL},
    {"ustar", 5, 257, "application/x-tar", NULL},
    {"{\\rtf", 5, 0, "text/rtf", NULL},
    {"SQLite format 3\0", 16, 0, "application/vnd.sqlite3", NULL},
    {"AC10", 4, 0, "image/vnd.dwg", NULL},
    {"8BPS", 4, 0, "image/vnd.adobe.photoshop", NULL},
    {"%!PS", 4, 0, "application/postscript", NULL},
    {"ID3", 3, 0, "audio/mpeg", NULL},
    {"fLaC", 4, 0, "audio/flac", NULL},
    {"#!AMR", 5, 0, "audio/amr", NULL},
    {"\x1a\x45\xdf\xa3", 4, 0, "video/x-matroska", NULL},
    {"FLV\1", 4, 0, "video/x-flv", NULL},
    {"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 8, 0, "video/x-ms-asf", NULL},
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
  const guint8 *pdf = memmem(sample->bytes, MIN(sample->length, 1024), "%PDF-", 5); /* readers allow some bytes before it */
  if (pdf != NULL) return identify_pdf(sample, (gsize)(pdf - sample->bytes));
  for (gsize i = 0; i < G_N_ELEMENTS(SIMPLE); i++)
    if (has(sample, SIMPLE[i].at, SIMPLE[i].bytes, SIMPLE[i].length)) return find(SIMPLE[i].mime, SIMPLE[i].puid);
  return UNKNOWN;
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

static FormatInfo identify_text(const Sample *sample) {
  g_autofree char *start = g_strndup((const char *)sample->bytes, MIN(sample->length, 1024));
  const char *text = g_str_has_prefix(start, "\xef\xbb\xbf") ? start + 3 : start;
  while (g_ascii_isspace(*text)) text++;
  if (g_ascii_strncasecmp(text, "<!doctype html", 14) == 0 || g_ascii_strncasecmp(text, "<html", 5) == 0) return find("text/html", NULL);
  if (g_str_has_prefix(text, "<?xml")) return find(strstr(text, "<svg") != NULL ? "image/svg+xml" : "text/xml", NULL);
  return find("text/plain", NULL);
}

static FormatInfo identify_by_magic(const Sample *sample) {
  g_autoptr(GByteArray) answer = sandbox_run("magic", NULL, sample->fd, MIME_MAX, NULL);
  if (answer == NULL || answer->len == 0) return UNKNOWN;
  g_autofree char *mime = g_strndup((const char *)answer->data, answer->len);
  FormatInfo known = find(mime, NULL);
  if (known.mime != UNKNOWN.mime) return known;
  for (gsize i = 0; i < G_N_ELEMENTS(OTHERS); i++)
    if (strncmp(mime, OTHERS[i].mime, 5) == 0) return OTHERS[i];
  return UNKNOWN;
}

FormatInfo format_identify(const char *path) {
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  FormatInfo info = UNKNOWN;
  if (fd < 0) return info;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
    Sample sample = {.bytes = g_malloc(HEAD), .size = (gsize)about.st_size, .fd = fd};
    gssize got = pread(fd, sample.bytes, HEAD, 0);
    sample.length = got > 0 ? (gsize)got : 0;
    info = sample.length == 0 ? EMPTY : identify_signature(&sample);
    if (info.mime == UNKNOWN.mime) info = is_text(&sample) ? identify_text(&sample) : identify_by_magic(&sample);
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
