/*
 * One file from others: page images to JPEG, JPEG 2000 or PNG, or together into one PDF; office documents to PDF/A-2b by LibreOffice. All decoding is done by
 * sandboxed children; here bytes are passed on and files written.
 *
 * 1. The target is written beside itself, flushed and renamed: it is whole or not there.
 * 2. Nothing of the source is changed. Whether the result is good is for the caller to see (format_examine).
 */
#include "convert.h"
#include "error.h"
#include "format.h"
#include "image.h"
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_HEAD = 64, OFFICE_RUNS = 2 };
#define IMAGE_BYTES_MAX ((gsize)512 << 20)
#define OFFICE_TOOL "/usr/lib/libreoffice/program/soffice.bin"

/* ---- what can be done ---- */

static const FormatConverter CONVERTERS[] = {
  {"pdfa", "PDF/A-2b", "pdf", "office", "LibreOffice", OFFICE_TOOL, "libreoffice-writer-nogui libreoffice-calc-nogui"},
  {"pdf", "PDF/A-2b（图像）", "pdf", "image", "libvips", NULL, NULL},
  {"jpeg", "JPEG", "jpg", "image", "libvips", NULL, NULL},
  {"jp2", "JPEG 2000（无损）", "jp2", "image", "libvips", NULL, NULL},
  {"png", "PNG", "png", "image", "libvips", NULL, NULL},
};

const FormatConverter *format_converter(const char *to) {
  for (gsize i = 0; i < G_N_ELEMENTS(CONVERTERS); i++)
    if (g_strcmp0(CONVERTERS[i].to, to) == 0) return &CONVERTERS[i];
  return NULL;
}

gboolean format_converter_present(const FormatConverter *converter) {
  return converter->program == NULL || g_file_test(converter->program, G_FILE_TEST_IS_EXECUTABLE);
}

/* ---- images ---- */

GByteArray *convert_page(const char *path, const FormatInfo *info, guint page, const char *to, ConvertPage *ret, GError **error) {
  int input = sandbox_open_input(path, error);
  if (input < 0) return NULL;
  char argument[40];
  g_snprintf(argument, sizeof argument, "%u:%s%s", page, to, strcmp(info->mime, "image/bmp") == 0 ? ":bmp" : "");
  g_autoptr(GByteArray) answer = sandbox_run("access", argument, input, IMAGE_BYTES_MAX, error);
  close(input);
  if (answer == NULL) return NULL;
  gint64 numbers[5] = {0};
  g_autofree char *head = answer->len > ANSWER_HEAD ? g_strndup((const char *)answer->data, ANSWER_HEAD - 1) : NULL;
  char *at = head;
  for (gsize i = 0; at != NULL && i < G_N_ELEMENTS(numbers); i++) numbers[i] = g_ascii_strtoll(at, &at, 10);
  if (numbers[0] < 1 || numbers[0] > 1000000 || numbers[1] < 1 || numbers[1] > 1000000 || (numbers[2] != 1 && numbers[2] != 3))
    return throw_null(error, LANTAI_ERROR_INVALID, "图像解析的结果不完整");
  *ret = (ConvertPage){(int)numbers[0], (int)numbers[1], (int)numbers[2], (int)CLAMP(numbers[3], 0, 100000), (int)CLAMP(numbers[4], 0, 100000)};
  g_byte_array_remove_range(answer, 0, ANSWER_HEAD);
  return g_steal_pointer(&answer);
}

static gboolean write_image(const char *source, const char *to, ConvertFile *file, GError **error) {
  FormatInfo info = format_identify(source);
  ConvertPage page;
  if (strcmp(info.kind, "image") != 0) return throw(error, LANTAI_ERROR_INVALID, "不是图像，不能转换为 %s", to);
  if (format_page_count(source, &info) > 1) return throw(error, LANTAI_ERROR_INVALID, "是多页图像，一个 %s 只能放一页：请转换为 PDF", to);
  g_autoptr(GByteArray) bytes = convert_page(source, &info, 1, to, &page, error);
  return bytes != NULL && convert_file_write(file, bytes->data, bytes->len, error);
}

/* ---- LibreOffice ---- */

static gboolean copy_file(const char *from, const char *to, GError **error) {
  g_autoptr(GFile) source = g_file_new_for_path(from);
  g_autoptr(GFile) target = g_file_new_for_path(to);
  return g_file_copy(source, target, G_FILE_COPY_NONE | G_FILE_COPY_TARGET_DEFAULT_PERMS, NULL, NULL, NULL, error);
}

/* Which of LibreOffice's exports, and the extension by which it knows the file: by what the file is, never by its name. */
static const struct { const char *mime, *filter, *extension; } OFFICE[] = {
  {"application/msword", "writer", "doc"},
  {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "writer", "docx"},
  {"application/vnd.oasis.opendocument.text", "writer", "odt"},
  {"text/rtf", "writer", "rtf"},
  {"application/vnd.ms-excel", "calc", "xls"},
  {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "calc", "xlsx"},
  {"application/vnd.oasis.opendocument.spreadsheet", "calc", "ods"},
};

static gboolean run_office(const char *folder, const char *argument, GError **error) {
  for (int run = 1;; run++) {
    int input = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (input < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "打不开工作目录 %s：%s", folder, error_reason(errno));
    g_autoptr(GError) failure = NULL;
    g_autoptr(GByteArray) answer = sandbox_run("office", argument, input, 1 << 20, &failure);
    close(input);
    if (answer != NULL) return TRUE;
    if (run < OFFICE_RUNS && g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_BUSY)) continue;
    return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  }
}

/* The version stands in the result's XMP, which PDF/A leaves readable. */
static char *office_version(const char *pdf, gsize length) {
  const char *at = memmem(pdf, length, "<pdf:Producer>", 14), *end = at ? memchr(at, '/', MIN((gsize)(pdf + length - at), 200)) : NULL;
  if (at == NULL || end == NULL || end - at < 16) return g_strdup("LibreOffice");
  char *text = g_strndup(at + 14, (gsize)(end - 1 - (at + 14)));
  if (g_utf8_validate(text, -1, NULL)) return text;
  g_free(text);
  return g_strdup("LibreOffice");
}

static gboolean write_office(const char *source, const char *scratch, ConvertFile *file, char **ret_tool, GError **error) {
  FormatInfo info = format_identify(source);
  gsize i = 0;
  while (i < G_N_ELEMENTS(OFFICE) && strcmp(OFFICE[i].mime, info.mime) != 0) i++;
  if (i == G_N_ELEMENTS(OFFICE)) return throw(error, LANTAI_ERROR_INVALID, "%s不能由 LibreOffice 转换为 PDF/A", info.name);
  g_autofree char *name = g_strconcat("in.", OFFICE[i].extension, NULL), *input = g_build_filename(scratch, name, NULL);
  g_autofree char *result = g_build_filename(scratch, "out", "in.pdf", NULL), *argument = g_strconcat(OFFICE[i].filter, ":", OFFICE[i].extension, NULL);
  if (!copy_file(source, input, error) || !run_office(scratch, argument, error)) return FALSE;
  struct stat about;
  if (lstat(result, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0)
    return throw(error, LANTAI_ERROR_INVALID, "LibreOffice 没有生成结果：文件可能加密、损坏或不受支持。请用原软件打开检查");
  g_autoptr(GMappedFile) mapped = g_mapped_file_new(result, FALSE, error);
  if (mapped == NULL || !convert_file_write(file, g_mapped_file_get_contents(mapped), g_mapped_file_get_length(mapped), error)) return FALSE;
  *ret_tool = office_version(g_mapped_file_get_contents(mapped), g_mapped_file_get_length(mapped));
  return TRUE;
}

/* ---- the target ---- */

gboolean convert_file_write(ConvertFile *file, const void *bytes, gsize length, GError **error) {
  const char *at = bytes;
  for (gsize left = length; left > 0;) {
    gssize wrote = write(file->fd, at, left);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写转换结果：%s", error_reason(errno));
    at += wrote;
    left -= (gsize)wrote;
  }
  file->at += (gint64)length;
  return TRUE;
}

/* The tool's scratch folder goes with whatever it left there; links are not followed. */
static void remove_tree(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *below = g_build_filename(path, name, NULL);
    struct stat about;
    if (lstat(below, &about) == 0 && S_ISDIR(about.st_mode)) remove_tree(below);
    else g_unlink(below);
  }
  g_rmdir(path);
}

static gboolean fill(const FormatConverter *converter, const char *const *sources, ConvertFile *file, const char *folder, char **ret_tool, GError **error) {
  if (g_str_equal(converter->to, "pdfa")) {
    g_autofree char *scratch = g_build_filename(folder, "convert-XXXXXX", NULL);
    if (g_mkdtemp_full(scratch, 0700) == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能在 %s 建立工作目录：%s", folder, error_reason(errno));
    gboolean done = write_office(sources[0], scratch, file, ret_tool, error);
    remove_tree(scratch);
    return done;
  }
  *ret_tool = g_strdup_printf("libvips %s", vips_version_string());
  if (g_str_equal(converter->to, "pdf")) return convert_pdf_write(sources, file, error);
  return write_image(sources[0], converter->to, file, error);
}

gboolean format_convert(const char *const *sources, const char *to, const char *target, char **ret_tool, GError **error) {
  const FormatConverter *converter = format_converter(to);
  if (converter == NULL || sources[0] == NULL || (sources[1] != NULL && !g_str_equal(to, "pdf")))
    return throw(error, LANTAI_ERROR_INVALID, "不认识的转换目标“%s”", to);
  if (!format_converter_present(converter))
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "没有安装 %s，不能转换。请在服务器上安装软件包 %s 后再试", converter->tool, converter->package);
  g_autofree char *part = g_strdup_printf("%s.XXXXXX", target), *folder = g_path_get_dirname(target), *tool = NULL;
  ConvertFile file = {.fd = g_mkstemp_full(part, O_RDWR | O_CLOEXEC, 0640)};
  if (file.fd < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写 %s：%s", target, error_reason(errno));
  gboolean done = fill(converter, sources, &file, folder, &tool, error);
  if (done && fdatasync(file.fd) != 0) done = throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写 %s：%s", target, error_reason(errno));
  close(file.fd);
  if (done && g_rename(part, target) != 0) done = throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写 %s：%s", target, error_reason(errno));
  if (!done) g_unlink(part);
  else *ret_tool = g_steal_pointer(&tool);
  return done;
}
