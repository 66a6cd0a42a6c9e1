/*
 * Reading the plain texts of packages (package-tag.h).
 *
 * 1. Whatever the bytes, a reader ends with values that are valid UTF-8 or with a reason.
 * 2. Line ends are LF, CR or CR LF (RFC 8493 §2.1.1).
 */
#include "package-tag.h"
#include "error.h"
#include "text.h"
#include <string.h>

#define VERSION_PART_MAX 999

static void tag_field_clear(gpointer data) {
  TagField *field = data;
  g_free(field->label);
  g_free(field->value);
}

static GArray *fields_new(void) {
  GArray *fields = g_array_new(FALSE, FALSE, sizeof(TagField));
  g_array_set_clear_func(fields, tag_field_clear);
  return fields;
}

/* The line that starts at *text, and *text behind its end; NULL at the end. */
static char *take_line(const char **text) {
  if (**text == '\0') return NULL;
  gsize length = strcspn(*text, "\r\n");
  char *line = g_strndup(*text, length);
  *text += length;
  if (**text == '\r' && (*text)[1] == '\n') (*text)++;
  if (**text) (*text)++;
  return line;
}

/* ---- encodings ---- */

static const char *skip_mark(const char *text) { return g_str_has_prefix(text, "\xEF\xBB\xBF") ? text + 3 : text; }

char *tag_decode(const char *bytes, gsize length, const char *encoding, GError **error) {
  if (g_ascii_strcasecmp(encoding, "UTF-8") == 0 || g_ascii_strcasecmp(encoding, "UTF8") == 0) {
    if (!g_utf8_validate_len(bytes, length, NULL)) return throw_null(error, LANTAI_ERROR_INVALID, "不是声明的 UTF-8 编码");
    g_autofree char *text = g_strndup(bytes, length);
    return g_strdup(skip_mark(text));
  }
  gsize written = 0;
  g_autoptr(GError) failure = NULL;
  g_autofree char *text = g_convert(bytes, (gssize)length, "UTF-8", encoding, NULL, &written, &failure);
  if (g_error_matches(failure, G_CONVERT_ERROR, G_CONVERT_ERROR_NO_CONVERSION)) return throw_null(error, LANTAI_ERROR_INVALID, "不认识的编码“%s”", encoding);
  if (text == NULL || strlen(text) != written || !g_utf8_validate(text, -1, NULL)) return throw_null(error, LANTAI_ERROR_INVALID, "不是声明的 %s 编码", encoding);
  return g_strdup(skip_mark(text));
}

/* ---- bag-info.txt ---- */

GArray *tag_fields(const char *text, guint *ret_odd, gboolean *ret_spaced) {
  GArray *fields = fields_new();
  *ret_odd = 0;
  *ret_spaced = FALSE;
  for (char *line; (line = take_line(&text)); g_free(line)) {
    if (*g_strchomp(line) == '\0') continue;
    char *colon = strchr(line, ':');
    if (*line == ' ' || *line == '\t') { /* folded */
      if (fields->len == 0) {
        (*ret_odd)++;
        continue;
      }
      TagField *last = &g_array_index(fields, TagField, fields->len - 1);
      char *joined = g_strconcat(last->value, *last->value ? " " : "", g_strchug(line), NULL);
      g_free(last->value);
      last->value = joined;
    } else if (colon == NULL || colon == line) (*ret_odd)++;
    else {
      *ret_spaced |= g_ascii_isspace(colon[-1]);
      *colon = '\0';
      TagField field = {g_strdup(g_strchomp(line)), g_strdup(g_strstrip(colon + 1))};
      if (*field.label) g_array_append_val(fields, field);
      else {
        (*ret_odd)++;
        tag_field_clear(&field);
      }
    }
  }
  return fields;
}

/* ---- bagit.txt ---- */

static gboolean number_part(const char **at, guint *ret) {
  guint value = 0, digits = 0;
  for (; g_ascii_isdigit(**at) && value <= VERSION_PART_MAX; (*at)++, digits++) value = value * 10 + (guint)(**at - '0');
  *ret = value;
  return digits > 0 && value <= VERSION_PART_MAX;
}

static gboolean declared_value(char *line, const char *label, const char **ret, gboolean *ret_loose, GError **error) {
  gsize length = strlen(label);
  if (line == NULL || strncmp(line, label, length) != 0) return throw(error, LANTAI_ERROR_INVALID, "缺少“%s”一行", label);
  char *value = line + length;
  if (*value == ' ') value++; /* 0.93 to 0.97 leave the space open */
  else *ret_loose = TRUE;
  gsize before = strlen(value);
  g_strchomp(value);
  *ret_loose |= strlen(value) != before || *value == ' ' || *value == '\t';
  *ret = g_strchug(value);
  return TRUE;
}

gboolean tag_declaration(const char *text, guint *ret_major, guint *ret_minor, char **ret_encoding, gboolean *ret_loose, GError **error) {
  if (text != skip_mark(text)) return throw(error, LANTAI_ERROR_INVALID, "开头有字节顺序标记（BOM），规范不允许");
  g_autofree char *first = take_line(&text), *second = take_line(&text);
  const char *version, *encoding;
  *ret_loose = FALSE;
  if (!declared_value(first, "BagIt-Version:", &version, ret_loose, error)) return FALSE;
  guint major, minor;
  const char *at = version;
  if (!number_part(&at, &major) || *at++ != '.' || !number_part(&at, &minor) || *at) return throw(error, LANTAI_ERROR_INVALID, "版本“%s”不是“数字.数字”", version);
  if (!declared_value(second, "Tag-File-Character-Encoding:", &encoding, ret_loose, error)) return FALSE;
  if (*encoding == '\0') return throw(error, LANTAI_ERROR_INVALID, "没有写明编码");
  while (*text == '\r' || *text == '\n') text++;
  if (*text) return throw(error, LANTAI_ERROR_INVALID, "在规定的两行之外还有内容");
  *ret_major = major;
  *ret_minor = minor;
  *ret_encoding = g_strdup(encoding);
  return TRUE;
}

/* ---- manifests and fetch.txt ---- */

gboolean tag_manifest_line(const char *line, TagEntry *ret) {
  gsize digits = strspn(line, "0123456789abcdefABCDEF"), space = strspn(line + digits, " \t");
  const char *path = line + digits + space;
  if (digits < 32 || digits > 128 || space == 0) return FALSE;
  TagEntry entry = {.starred = *path == '*' && path[1]};
  if (entry.starred) path++;
  while (g_str_has_prefix(path, "./")) {
    entry.dotted = TRUE;
    path += 2;
  }
  if (*path == '\0') return FALSE;
  entry.digest = g_ascii_strdown(line, (gssize)digits);
  entry.path = g_strdup(path);
  *ret = entry;
  return TRUE;
}

void tag_entry_clear(TagEntry *entry) {
  g_clear_pointer(&entry->digest, g_free);
  g_clear_pointer(&entry->path, g_free);
}

gboolean tag_fetch_line(const char *line, char **ret_url, gint64 *ret_length, char **ret_path) {
  gsize url = strcspn(line, " \t"), gap = strspn(line + url, " \t");
  const char *length = line + url + gap;
  gsize digits = strcspn(length, " \t"), behind = strspn(length + digits, " \t");
  const char *path = length + digits + behind;
  if (url == 0 || gap == 0 || digits == 0 || digits > 18 || behind == 0 || *path == '\0') return FALSE;
  gboolean unknown = digits == 1 && *length == '-';
  if (!unknown && strspn(length, "0123456789") != digits) return FALSE;
  while (g_str_has_prefix(path, "./")) path += 2;
  if (*path == '\0') return FALSE;
  *ret_url = g_strndup(line, url);
  *ret_length = unknown ? -1 : g_ascii_strtoll(length, NULL, 10);
  *ret_path = g_strdup(path);
  return TRUE;
}

char *tag_path_decode(const char *path) {
  if (strchr(path, '%') == NULL) return NULL;
  g_autoptr(GString) plain = g_string_new(NULL);
  for (const char *at = path; *at; at++) {
    static const struct { const char *code; char plain; } codes[] = {{"%0A", '\n'}, {"%0D", '\r'}, {"%25", '%'}};
    guint i = 0;
    while (i < G_N_ELEMENTS(codes) && g_ascii_strncasecmp(at, codes[i].code, 3) != 0) i++;
    g_string_append_c(plain, i < G_N_ELEMENTS(codes) ? codes[i].plain : *at);
    if (i < G_N_ELEMENTS(codes)) at += 2;
  }
  return g_str_equal(plain->str, path) ? NULL : g_string_free(g_steal_pointer(&plain), FALSE);
}

gboolean tag_path_escapes(const char *path) {
  if (*path == '\0' || *path == '/' || *path == '~' || *path == '\\') return TRUE;
  if (g_ascii_isalpha(*path) && path[1] == ':') return TRUE;
  if (*path == '%' && strpbrk(path + 1, "%/\\") && *strpbrk(path + 1, "%/\\") == '%' && strpbrk(path + 1, "/\\")) return TRUE;
  g_auto(GStrv) parts = g_strsplit_set(path, "/\\", -1);
  for (char **part = parts; *part; part++)
    if (g_str_equal(*part, "..")) return TRUE;
  return FALSE;
}

/* ---- 说明文件 ---- */

/* Where a line's label ends, and where its value starts; NULL: no label. */
static const char *label_end(const char *line, const char **ret_value) {
  static const char *const marks[] = {"：", ":", "\t", "＝", "="};
  const char *best = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(marks); i++) {
    const char *at = strstr(line, marks[i]);
    if (at == NULL || (best && at >= best)) continue;
    best = at;
    *ret_value = at + strlen(marks[i]);
  }
  return best && best > line && g_utf8_strlen(line, best - line) <= 30 ? best : NULL;
}

GArray *readme_fields(const char *text) {
  GArray *fields = fields_new();
  text = skip_mark(text);
  for (char *line; (line = take_line(&text)); g_free(line)) {
    g_autofree char *clean = text_clean(line, TRUE);
    if (!*clean) continue;
    const char *value = NULL, *start = g_strchug(line), *end = label_end(start, &value);
    if (end) {
      g_autofree char *label = g_strndup(start, (gsize)(end - start));
      TagField field = {text_clean(label, FALSE), text_clean(value, FALSE)};
      if (*field.label) g_array_append_val(fields, field);
      else tag_field_clear(&field);
    } else if (fields->len > 0) {
      TagField *last = &g_array_index(fields, TagField, fields->len - 1);
      char *joined = g_strconcat(last->value, *last->value ? "\n" : "", clean, NULL);
      g_free(last->value);
      last->value = joined;
    }
  }
  return fields;
}
