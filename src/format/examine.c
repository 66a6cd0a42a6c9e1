/*
 * What a file is and whether it opens: the parent's side. One sandboxed child looks at the bytes (examine.h), tools at PDF and media; their words become the
 * members that format.h names.
 *
 * 1. Of a child's answer only known members of the known type are taken over.
 * 2. A child that dies or is killed is a problem of that file; a tool that is not there, or a sandbox that cannot start, is unknown and never "opens".
 */
#include "examine.h"
#include "beneath.h"
#include "error.h"
#include "formats.h"
#include "sandbox.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 << 10, TOOL_MAX = 4 << 20, TEXT_MAX = 1024 };

/* ---- which child looks at what ---- */

static const char *family_of(const FormatInfo *info) {
  static const char *const BY_TYPE[][2] = {
    {"image/jpeg", "jpeg"}, {"image/tiff", "tiff"}, {"image/png", "png"}, {"image/gif", "pixels"}, {"image/bmp", "pixels"}, {"image/webp", "pixels"},
    {"image/jp2", "pixels"}, {"image/jpx", "pixels"}, {"image/x-jp2-codestream", "pixels"}, {"image/heic", "pixels"}, {"application/pdf", "pdf"},
    {"application/ofd", "zip"}, {"application/zip", "zip"}, {"application/epub+zip", "zip"}, {"application/msword", "ole"}, {"application/vnd.ms-excel", "ole"},
    {"application/vnd.ms-powerpoint", "ole"}, {"application/vnd.ms-outlook", "ole"}, {"application/vnd.wps", "ole"}, {"application/vnd.wps-et", "ole"},
    {"application/vnd.wps-dps", "ole"}, {"application/x-ole-encrypted", "ole"}, {"application/x-ole-storage", "ole"}, {"application/x-rar", "archive"},
    {"application/x-7z-compressed", "archive"}, {"application/x-tar", "archive"}, {"application/gzip", "archive"}, {"application/x-bzip2", "archive"},
    {"application/x-xz", "archive"}, {"application/vnd.ms-cab-compressed", "archive"}, {"application/x-iso9660-image", "archive"},
    {"application/warc", "archive"}, {"text/rtf", "end"}, {"model/step", "end"}, {"image/vnd.dxf", "end"}, {"image/emf", "end"},
    {"application/x-shockwave-flash", "end"}, {"application/x-dbf", "end"}, {"application/vnd.sqlite3", "end"}, {"text/xml", "xml"}, {"image/svg+xml", "xml"},
    {"message/rfc822", "text"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(BY_TYPE); i++)
    if (strcmp(BY_TYPE[i][0], info->mime) == 0) return BY_TYPE[i][1];
  if (g_str_has_prefix(info->mime, "application/vnd.openxmlformats-") || g_str_has_prefix(info->mime, "application/vnd.oasis.")) return "zip";
  if (strcmp(info->kind, "audio") == 0 || strcmp(info->kind, "video") == 0) return "media";
  return strcmp(info->kind, "text") == 0 ? "text" : NULL;
}

/* ---- the child's answer ---- */

static gboolean is_colour(const char *text) { return strcmp(text, "bitonal") == 0 || strcmp(text, "grey") == 0 || strcmp(text, "colour") == 0; }

static void take_member(json_t *result, const char *name, json_t *value) {
  static const char *const FLAGS[] = {"opens", "encrypted", "external", NULL};
  static const char *const NUMBERS[] = {"pages", "width", "height", "dpi", "bits", NULL};
  static const char *const TEXTS[] = {"problem", "colour", "compression", "pdf_a", NULL};
  gboolean flag = json_is_boolean(value) && g_strv_contains(FLAGS, name);
  gboolean number = json_is_integer(value) && json_integer_value(value) >= 0 && g_strv_contains(NUMBERS, name);
  gboolean text = json_is_string(value) && json_string_length(value) <= TEXT_MAX && g_strv_contains(TEXTS, name)
                  && (strcmp(name, "colour") != 0 || is_colour(json_string_value(value)));
  if (flag || number || text) json_object_set(result, name, value);
}

static void take_facts(json_t *result, const json_t *facts) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)facts, name, value) take_member(result, name, value);
  json_object_foreach(json_object_get(facts, "unknown"), name, value)
    if (json_is_string(value) && strlen(name) < 32 && json_string_length(value) <= TEXT_MAX) examine_unknown(result, name, json_string_value(value));
}

/* A tool that is missing says nothing about the file. */
static void take_failure(json_t *result, const char *member, const GError *error) {
  if (g_error_matches(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE)) examine_unknown(result, member, error->message);
  else examine_problem(result, "%s", error->message);
}

/* From the file's beginning: children share its position, and some read from there. */
static GByteArray *ask(const char *kind, const char *argument, int fd, gsize limit, GError **error) {
  lseek(fd, 0, SEEK_SET);
  return sandbox_run(kind, argument, fd, limit, error);
}

static void ask_child(int fd, const char *family, json_t *result) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GByteArray) answer = ask("examine", family, fd, ANSWER_MAX, &error);
  if (answer == NULL) return take_failure(result, "opens", error);
  json_t *facts = json_loadb((const char *)answer->data, answer->len, 0, NULL);
  if (json_is_object(facts)) take_facts(result, facts);
  else examine_problem(result, "解析结果不合规约；文件可能被恶意构造");
  json_decref(facts);
}

/* ---- PDF ---- */

static char *line_of(const char *text, const char *label) {
  for (const char *line = text; line != NULL; line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1)
    if (g_str_has_prefix(line, label)) return g_strstrip(g_strndup(line + strlen(label), strcspn(line + strlen(label), "\n")));
  return NULL;
}

static void look_for_text(int fd, json_t *result) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GByteArray) answer = ask("pdfhead", NULL, fd, TOOL_MAX, &error);
  if (answer == NULL && !g_error_matches(error, LANTAI_ERROR, LANTAI_ERROR_TOO_LARGE)) return examine_unknown(result, "text_layer", error->message);
  gboolean has_text = answer == NULL;
  for (guint i = 0; answer != NULL && i < answer->len && !has_text; i++) has_text = answer->data[i] > ' ';
  json_object_set_new(result, "text_layer", json_boolean(has_text));
}

static void ask_poppler(int fd, json_t *result) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GByteArray) answer = ask("pdfinfo", NULL, fd, TOOL_MAX, &error);
  gboolean locked = json_is_true(json_object_get(result, "encrypted"));
  if (answer == NULL && locked && !g_error_matches(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE)) return examine_problem(result, "已加密，需要密码才能打开");
  if (answer == NULL) return take_failure(result, "opens", error);
  g_autofree char *words = g_strndup((const char *)answer->data, answer->len), *pages = line_of(words, "Pages:");
  g_autofree char *encrypted = line_of(words, "Encrypted:"), *scripts = line_of(words, "JavaScript:");
  gint64 count = pages == NULL ? 0 : (gint64)g_ascii_strtoull(pages, NULL, 10);
  g_autofree char *title = line_of(words, "Title:"), *valid = title ? g_utf8_make_valid(title, -1) : NULL;
  if (valid && *valid) json_object_set_new(result, "title", json_string(valid));
  if (encrypted != NULL) json_object_set_new(result, "encrypted", json_boolean(g_str_has_prefix(encrypted, "yes")));
  if (g_strcmp0(scripts, "yes") == 0) {
    json_object_set_new(result, "external", json_true());
    json_object_del(json_object_get(result, "unknown"), "external");
  }
  if (count <= 0) return examine_problem(result, "PDF 中没有页");
  json_object_set_new(result, "pages", json_integer(count));
  if (json_object_get(result, "opens") == NULL) json_object_set_new(result, "opens", json_true());
  look_for_text(fd, result);
}

/* ---- sound and pictures that move ---- */

static const char *text_of(const json_t *track, const char *name) {
  const char *text = json_string_value(json_object_get(track, name));
  return text == NULL ? "" : text;
}

static void take_track(json_t *result, const json_t *track, GString *codecs, gboolean *truncated) {
  const char *type = text_of(track, "@type");
  gboolean picture = strcmp(type, "Video") == 0, general = strcmp(type, "General") == 0;
  double seconds = g_ascii_strtod(text_of(track, "Duration"), NULL);
  if (general || picture || strcmp(type, "Audio") == 0) {
    gint64 known = json_integer_value(json_object_get(result, "duration_ms"));
    if (seconds > 0 && seconds < 1e9 && (gint64)(seconds * 1000) > known) json_object_set_new(result, "duration_ms", json_integer((gint64)(seconds * 1000 + 0.5)));
  }
  if (general) *truncated |= strcmp(text_of(json_object_get(track, "extra"), "IsTruncated"), "Yes") == 0 || strcmp(text_of(track, "IsTruncated"), "Yes") == 0;
  if (picture) {
    guint64 width = g_ascii_strtoull(text_of(track, "Width"), NULL, 10), height = g_ascii_strtoull(text_of(track, "Height"), NULL, 10);
    if (width > 0 && width < G_MAXINT) json_object_set_new(result, "width", json_integer((json_int_t)width));
    if (height > 0 && height < G_MAXINT) json_object_set_new(result, "height", json_integer((json_int_t)height));
  }
  if ((picture || strcmp(type, "Audio") == 0) && codecs->len < 200 && *text_of(track, "Format") != '\0')
    g_string_append_printf(codecs, "%s%.64s", codecs->len > 0 ? " / " : "", text_of(track, "Format"));
}

static void ask_mediainfo(int fd, json_t *result) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GByteArray) answer = ask("mediainfo", NULL, fd, TOOL_MAX, &error);
  if (answer == NULL) return take_failure(result, "opens", error);
  json_t *report = json_loadb((const char *)answer->data, answer->len, 0, NULL), *track;
  json_t *tracks = json_object_get(json_object_get(report, "media"), "track");
  g_autoptr(GString) codecs = g_string_new(NULL);
  gboolean truncated = FALSE;
  gsize index;
  json_array_foreach(tracks, index, track) take_track(result, track, codecs, &truncated);
  json_decref(report);
  g_autofree char *valid = g_utf8_make_valid(codecs->str, -1);
  if (codecs->len == 0) return examine_problem(result, "其中没有认得出的音频或视频流，文件可能损坏或被截断");
  json_object_set_new(result, "codec", json_string(valid));
  if (json_object_get(result, "duration_ms") == NULL) return examine_problem(result, "时长为 0，文件可能损坏或被截断");
  if (truncated) return examine_problem(result, "数据不完整，文件可能被截断");
  if (json_object_get(result, "opens") == NULL) json_object_set_new(result, "opens", json_true());
}

/* ---- XML ---- */

static void read_xml(const char *path, json_t *result) {
  g_autoptr(GError) error = NULL;
  g_autoptr(FormatXml) xml = format_xml_open(path, &error);
  FormatXmlEvent event;
  while (xml != NULL && format_xml_next(xml, &event, &error)) {}
  if (error != NULL) take_failure(result, "opens", error);
  else json_object_set_new(result, "opens", json_true());
}

/* ---- the room's interface ---- */

static void examine_family(const char *path, int fd, const FormatInfo *info, json_t *result) {
  const char *family = family_of(info);
  gboolean is_riff = strcmp(info->mime, "audio/x-wav") == 0 || strcmp(info->mime, "video/x-msvideo") == 0;
  if (family == NULL) return examine_unknown(result, "opens", "没有打开这种格式的工具，未检查能否打开");
  if (strcmp(family, "xml") == 0) return read_xml(path, result);
  if (strcmp(family, "media") != 0 || is_riff) ask_child(fd, strcmp(family, "media") == 0 ? "end" : family, result);
  if (strcmp(family, "pdf") == 0) ask_poppler(fd, result);
  if (strcmp(family, "media") == 0) ask_mediainfo(fd, result);
}

/* Members that other parts of this room describe. */
static void add_members(const char *path, const FormatInfo *info, json_t *result) {
  if (strcmp(info->mime, "application/ofd") != 0) return;
  g_autoptr(GError) error = NULL;
  json_t *ofd = format_ofd_describe(path, &error);
  if (ofd == NULL) return take_failure(result, "ofd", error);
  json_object_set_new(result, "ofd", ofd);
  if (json_is_integer(json_object_get(ofd, "pages"))) json_object_set(result, "pages", json_object_get(ofd, "pages"));
  json_t *signatures = format_signatures(path, NULL, &error);
  if (signatures != NULL) json_object_set_new(result, "signatures", signatures);
  else examine_unknown(result, "signatures", error->message);
}

json_t *format_examine(const char *path, const char *name, GError **error) {
  struct stat about;
  g_autofree char *own_name = name == NULL ? g_filename_display_basename(path) : g_utf8_make_valid(name, -1);
  int fd = beneath_open(path);
  if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
    if (fd >= 0) close(fd);
    return sandbox_open_input(path, error) < 0 ? NULL : throw_null(error, LANTAI_ERROR_INVALID, "“%s”不是普通文件", own_name);
  }
  FormatInfo info = formats_refine(format_identify(path), own_name);
  json_t *result = json_pack("{s:s, s:s, s:s, s:s, s:I}", "puid", info.puid, "mime", info.mime, "format", info.name, "kind", info.kind, "size",
                             (json_int_t)about.st_size);
  gboolean fits;
  if (formats_name_fits(&info, own_name, &fits)) json_object_set_new(result, "name_fits", json_boolean(fits));
  else examine_unknown(result, "name_fits", "没有这种格式的扩展名表");
  if (about.st_size == 0) examine_problem(result, "是空文件（0 字节）");
  else examine_family(path, fd, &info, result);
  if (about.st_size > 0) add_members(path, &info, result);
  if (json_is_true(json_object_get(result, "opens"))) json_object_del(result, "problem");
  close(fd);
  return result;
}
