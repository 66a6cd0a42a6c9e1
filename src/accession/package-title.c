/*
 * The title that a document carries itself: DocInfo/Title of an OFD, Title of a PDF. Programs write much there that is none, so it is taken only when it reads
 * like one; else the file's name is the better word.
 */
#include "error.h"
#include "package-survey.h"
#include "text.h"
#include <string.h>

enum { TITLE_LEAST = 2, TITLE_MOST = 200 };

/* What programs put there by themselves, after digits, spaces and brackets at the end are off. */
static const char *const EMPTY_WORDS[] = {"无标题", "未命名", "无题", "标题", "文档", "新建文档", "新建 microsoft word 文档", "新建 docx 文档", "新建 doc 文档",
  "microsoft word 文档", "演示文稿", "powerpoint 演示文稿", "工作簿", "工作表", "幻灯片", "扫描件", "扫描文档", "扫描的文档", "扫描全能王", "图片", "默认文件", "扫描全能王创建",
  "untitled", "untitled document", "new document", "document", "microsoft word document", "powerpoint presentation", "presentation", "scanned document", "scanned image",
  "print", NULL};
static const char *const PREFIXES[] = {"Microsoft Word - ", "Microsoft PowerPoint - ", "Microsoft Excel - ", "WPS 文字 - ", "WPS 演示 - ", NULL};
static const char *const ENDINGS[] = {".docx", ".doc", ".wps", ".pptx", ".ppt", ".xlsx", ".xls", ".pdf", ".ofd", ".txt", ".rtf", ".tif", ".jpg", ".indd", NULL};

static void take_off(char *title) {
  for (guint i = 0; PREFIXES[i]; i++)
    if (g_ascii_strncasecmp(title, PREFIXES[i], strlen(PREFIXES[i])) == 0) memmove(title, title + strlen(PREFIXES[i]), strlen(title + strlen(PREFIXES[i])) + 1);
  gsize length = strlen(title);
  for (guint i = 0; ENDINGS[i]; i++) {
    gsize ending = strlen(ENDINGS[i]);
    if (length <= ending || g_ascii_strcasecmp(title + length - ending, ENDINGS[i]) != 0) continue;
    title[length - ending] = '\0';
    break;
  }
  g_strstrip(title);
}

static gboolean is_empty_word(const char *title) {
  g_autofree char *folded = g_utf8_casefold(title, -1);
  gsize length = strlen(folded);
  while (length && strchr("0123456789 ()-_.", folded[length - 1])) folded[--length] = '\0';
  return length == 0 || g_strv_contains(EMPTY_WORDS, folded);
}

static gboolean is_ideograph(gunichar c) { return g_unichar_get_script(c) == G_UNICODE_SCRIPT_HAN; }

/* Two ideographs, or two words of letters; nothing that comes of a wrong encoding or is a path. */
static gboolean reads_well(const char *title) {
  guint ideographs = 0, words = 0, letters = 0, odd = 0;
  for (const char *at = title; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    ideographs += is_ideograph(c);
    odd += c == 0xFFFD || (c >= 0x80 && c <= 0xFF && c != 0xB7) || g_unichar_iscntrl(c) || g_unichar_type(c) == G_UNICODE_PRIVATE_USE || c == '\\';
    letters = g_unichar_isalpha(c) ? letters + 1 : 0;
    words += letters == 2;
  }
  return odd == 0 && (ideographs >= 2 || (words >= 2 && strchr(title, ' ') && strchr(title, '_') == NULL));
}

char *package_title_sensible(const char *written) {
  if (written == NULL || !g_utf8_validate(written, -1, NULL)) return NULL;
  g_autofree char *title = text_clean(written, FALSE);
  take_off(title);
  gsize length = text_length(title);
  if (length < TITLE_LEAST || length > TITLE_MOST || is_empty_word(title) || !reads_well(title)) return NULL;
  return g_steal_pointer(&title);
}

char *package_title(const char *path, const char *name) {
  static const char *const known[] = {"ofd", "pdf", NULL};
  if (!path_has_extension(name, known)) return NULL;
  g_autoptr(GError) ignored = NULL; /* what cannot be read is told by the checks */
  json_auto_t *examined = format_examine(path, name, &ignored);
  const char *title = json_string_value(json_object_get(examined, "title"));
  return package_title_sensible(title ? title : json_string_value(json_object_get(json_object_get(examined, "ofd"), "title")));
}
