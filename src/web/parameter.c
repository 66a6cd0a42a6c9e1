/*
 * From bytes to declared, checked values. Path, query string, form body and JSON body all end in parameter_add.
 *
 * 1. Only declared names are kept. The path is stronger than the body, the body stronger than the query; of a repeated single value the last counts.
 * 2. Names and values are valid UTF-8 without NUL; text is cleaned as it would be stored (passwords are not touched).
 * 3. Violations are collected with the parameter's label, so that the user sees all of them at once.
 */
#include "kernel.h"
#include "settings.h"
#include "text.h"
#include <errno.h>
#include <glib/gstdio.h>

guint parameter_count(const WebParameter *parameters) {
  guint count = 0;
  while (parameters != NULL && parameters[count].name != NULL) count++;
  return count;
}

static int hex_value(char c) { return g_ascii_isxdigit(c) ? g_ascii_xdigit_value(c) : -1; }

static char *decode(const char *text, gsize length, gboolean plus_is_space, gsize *ret_length) {
  char *out = g_malloc(length + 1);
  gsize used = 0;
  for (gsize i = 0; i < length; i++) {
    if (text[i] == '%' && i + 2 < length && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out[used++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out[used++] = plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  out[used] = '\0';
  *ret_length = used;
  return out;
}

char *parameter_decode(const char *text, gsize length, gboolean plus_is_space) {
  gsize used;
  g_autofree char *out = decode(text, length, plus_is_space, &used);
  return g_utf8_validate_len(out, used, NULL) ? g_steal_pointer(&out) : NULL; /* refuses NUL too */
}

/* A value of a form. A NUL in a question is left out like every other control character; what is to be stored does not change unnoticed. */
static char *decode_value(Source source, const char *name, const char *text, gsize length, GError **error) {
  gsize used, kept = 0;
  g_autofree char *out = decode(text, length, TRUE, &used);
  for (gsize i = 0; i < used && source == FROM_QUERY; i++)
    if (out[i] != '\0') out[kept++] = out[i];
  if (source == FROM_QUERY) out[used = kept] = '\0';
  if (g_utf8_validate_len(out, used, NULL)) return g_steal_pointer(&out);
  return throw_null(error, LANTAI_ERROR_INVALID, "提交的内容：%s%s，请重新输入", name, memchr(out, '\0', used) ? " 含有空字符（NUL）" : " 不是有效的 UTF-8 文字");
}

Value *parameter_value(const WebRequest *request, const char *name, const WebParameter **ret_parameter) {
  if (request->row == NULL) return NULL;
  for (guint i = 0; i < request->row->parameters; i++) {
    const WebParameter *parameter = &request->row->route->parameters[i];
    if (strcmp(parameter->name, name) != 0) continue;
    if (ret_parameter != NULL) *ret_parameter = parameter;
    return &request->values[i];
  }
  return NULL;
}

/* "name.rest" of a declared family of fields; ret_rest: behind the dot. */
static Value *family_value(const WebRequest *request, const char *name, const char **ret_rest) {
  const char *dot = strchr(name, '.');
  if (dot == NULL || dot[1] == '\0') return NULL;
  g_autofree char *family = g_strndup(name, (gsize)(dot - name));
  const WebParameter *parameter = NULL;
  Value *value = parameter_value(request, family, &parameter);
  if (value == NULL || parameter->kind != WEB_FIELDS) return NULL;
  *ret_rest = dot + 1;
  return value;
}

static void add_field(Value *kept, Source source, const char *name, const char *value) {
  if (kept->source > source) return;
  if (kept->fields == NULL || kept->source != source) {
    json_decref(kept->fields);
    kept->fields = json_object();
  }
  kept->source = source;
  g_autofree char *clean = text_clean(value, TRUE), *clean_name = text_clean(name, FALSE);
  json_t *former = json_object_get(kept->fields, clean_name);
  if (former == NULL) json_object_set_new(kept->fields, clean_name, json_string(clean));
  else if (json_is_array(former)) json_array_append_new(former, json_string(clean));
  else json_object_set_new(kept->fields, clean_name, json_pack("[O, s]", former, clean));
}

gboolean parameter_add(WebRequest *request, Source source, const char *name, const char *value, GError **error) {
  if (++request->pairs > WEB_PAIRS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "一次提交的项目超过 %u 个，请分批提交", WEB_PAIRS_MAX);
  if (source == FROM_BODY && strcmp(name, "csrf") == 0) {
    g_free(request->csrf);
    request->csrf = g_strdup(value);
    return TRUE;
  }
  const WebParameter *parameter = NULL;
  const char *rest = NULL;
  Value *family = family_value(request, name, &rest), *kept = parameter_value(request, name, &parameter);
  if (family != NULL) add_field(family, source, rest, value);
  if (kept == NULL || kept->source > source || parameter->kind == WEB_FILE || parameter->kind == WEB_FIELDS) return TRUE;
  if (kept->texts == NULL) kept->texts = g_ptr_array_new_null_terminated(4, g_free, TRUE);
  if (kept->source != source) g_ptr_array_set_size(kept->texts, 0);
  kept->source = source;
  g_ptr_array_add(kept->texts, g_strdup(value));
  return TRUE;
}

gboolean parameter_add_encoded(WebRequest *request, Source source, const char *text, gsize length, GError **error) {
  const char *end = text + length;
  while (text < end) {
    const char *ampersand = memchr(text, '&', (gsize)(end - text));
    const char *stop = ampersand == NULL ? end : ampersand;
    const char *equals = memchr(text, '=', (gsize)(stop - text));
    g_autofree char *name = parameter_decode(text, (gsize)((equals == NULL ? stop : equals) - text), TRUE);
    if (name == NULL) return throw(error, LANTAI_ERROR_INVALID, "提交的内容不是有效的 UTF-8 文字，请重新输入");
    g_autofree char *value = equals == NULL ? g_strdup("") : decode_value(source, name, equals + 1, (gsize)(stop - equals - 1), error);
    if (value == NULL) return FALSE;
    if (stop > text && !parameter_add(request, source, name, value, error)) return FALSE;
    text = stop + 1;
  }
  return TRUE;
}

static gboolean add_json_value(WebRequest *request, const char *name, json_t *value, GError **error) {
  char number[32];
  switch (json_typeof(value)) {
    case JSON_NULL: return TRUE;
    case JSON_TRUE: return parameter_add(request, FROM_BODY, name, "1", error);
    case JSON_FALSE: return parameter_add(request, FROM_BODY, name, "0", error);
    case JSON_STRING: return parameter_add(request, FROM_BODY, name, json_string_value(value), error);
    case JSON_INTEGER:
      g_snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
      return parameter_add(request, FROM_BODY, name, number, error);
    default: return throw(error, LANTAI_ERROR_INVALID, "JSON 的 %s 应是文字、整数、真假或它们的数组", name);
  }
}

/* Text within a JSON value, cleaned as a form's. New reference. */
static json_t *clean_json(json_t *value) {
  if (json_is_string(value)) {
    g_autofree char *clean = text_clean(json_string_value(value), TRUE);
    return json_string(clean);
  }
  if (json_is_array(value)) {
    json_t *array = json_array(), *item = NULL;
    size_t index = 0;
    json_array_foreach(value, index, item) json_array_append_new(array, clean_json(item));
    return array;
  }
  if (!json_is_object(value)) return json_incref(value);
  json_t *object = json_object(), *item = NULL;
  const char *name = NULL;
  json_object_foreach(value, name, item) json_object_set_new(object, name, clean_json(item));
  return object;
}

static gboolean take_fields(WebRequest *request, Value *kept, const char *name, json_t *value, GError **error) {
  if (!json_is_object(value)) return throw(error, LANTAI_ERROR_INVALID, "JSON 的 %s 应是对象", name);
  json_decref(kept->fields);
  kept->fields = clean_json(value);
  kept->source = FROM_BODY;
  return TRUE;
}

gboolean parameter_add_json(WebRequest *request, const char *text, gsize length, GError **error) {
  json_error_t problem;
  g_autoptr(GString) copy = g_string_new_len(text, (gssize)length);
  json_t *body = json_loadb(copy->str, copy->len, JSON_REJECT_DUPLICATES, &problem);
  if (!json_is_object(body)) {
    json_decref(body);
    return throw(error, LANTAI_ERROR_INVALID, "请求体不是 JSON 对象（第 %d 行第 %d 列）", body == NULL ? problem.line : 1, body == NULL ? problem.column : 1);
  }
  const char *name = NULL;
  json_t *value = NULL, *item = NULL;
  size_t index = 0;
  gboolean fine = TRUE;
  json_object_foreach(body, name, value) {
    const WebParameter *parameter = NULL;
    if (!fine) break;
    Value *kept = parameter_value(request, name, &parameter);
    if (parameter != NULL && parameter->kind == WEB_FIELDS) {
      fine = take_fields(request, kept, name, value, error);
      continue;
    }
    if (strcmp(name, "csrf") != 0 && kept == NULL) continue;
    gboolean takes_many = parameter != NULL && (parameter->kind == WEB_LIST || parameter->kind == WEB_INTS);
    if (!json_is_array(value) || !takes_many) {
      fine = add_json_value(request, name, value, error);
      continue;
    }
    json_array_foreach(value, index, item) {
      if (fine) fine = add_json_value(request, name, item, error);
    }
  }
  json_decref(body);
  return fine;
}

/* ---- checking ---- */

static const char *label_of(const WebParameter *parameter) { return parameter->label == NULL ? parameter->name : parameter->label; }

void parameter_problem(WebRequest *request, const WebParameter *parameter, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Problem problem = {label_of(parameter), g_strdup(parameter->name), g_strdup_vprintf(format, arguments)};
  va_end(arguments);
  if (request->problems == NULL) request->problems = g_array_new(FALSE, FALSE, sizeof(Problem));
  g_array_append_val(request->problems, problem);
}

/* White space around, full-width digits and a sign are understood. */
static gboolean parse_int(const char *text, gint64 *ret) {
  char digits[24];
  gsize used = 0;
  for (const char *c = text; *c != '\0'; c = g_utf8_next_char(c)) {
    gunichar character = g_utf8_get_char(c);
    int digit = g_unichar_digit_value(character);
    if (used + 1 >= sizeof digits || (digit < 0 && !(used == 0 && (character == '-' || character == '+')))) return FALSE;
    digits[used++] = digit < 0 ? (char)character : (char)('0' + digit);
  }
  digits[used] = '\0';
  return g_ascii_string_to_signed(*digits == '+' ? digits + 1 : digits, 10, G_MININT64, G_MAXINT64, ret, NULL);
}

static gboolean parse_flag(const char *text, gint64 *ret) {
  static const char *const yes[] = {"1", "true", "on", "yes", "是", NULL}, *const no[] = {"0", "false", "off", "no", "否", NULL};
  *ret = g_strv_contains(yes, text);
  return *ret || g_strv_contains(no, text);
}

/* Line by line and cell by cell, so that empty cells keep their places. New string. */
static char *clean_table(const char *raw) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_auto(GStrv) lines = g_regex_split_simple("\r\n|\n|\r", raw, 0, 0);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) cells = g_strsplit(lines[i], "\t", -1);
    for (guint k = 0; cells[k] != NULL; k++) {
      g_autofree char *clean = text_clean(cells[k], FALSE);
      g_string_append_printf(out, "%s%s", k > 0 ? "\t" : i > 0 ? "\n" : "", clean);
    }
    if (cells[0] == NULL && i > 0) g_string_append_c(out, '\n');
  }
  while (out->len > 0 && out->str[out->len - 1] == '\n') g_string_truncate(out, out->len - 1);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void clean_texts(const WebParameter *parameter, Value *value) {
  if (parameter->kind == WEB_PASSWORD) return;
  for (guint i = 0; i < value->texts->len; i++) {
    char *raw = g_ptr_array_index(value->texts, i);
    value->texts->pdata[i] = parameter->kind == WEB_TABLE ? clean_table(raw) : text_clean(raw, parameter->kind == WEB_LINES);
    g_free(raw);
  }
}

static gboolean is_many(const WebParameter *parameter) { return parameter->kind == WEB_LIST || parameter->kind == WEB_INTS; }

/* Single values: the last one stands. Empty text is no value; in a list of several it keeps its place. */
static void drop_empty(const WebParameter *parameter, Value *value) {
  if (!is_many(parameter) && value->texts->len > 1) g_ptr_array_remove_range(value->texts, 0, value->texts->len - 1);
  gboolean keeps_empty = parameter->kind == WEB_LIST && value->texts->len > 1;
  for (guint i = value->texts->len; i > 0 && !keeps_empty; i--)
    if (*(const char *)g_ptr_array_index(value->texts, i - 1) == '\0') g_ptr_array_remove_index(value->texts, i - 1);
}

static void check_length(WebRequest *request, const WebParameter *parameter, const Value *value) {
  guint max = is_many(parameter) || parameter->max == 0 ? 1000 : parameter->max;
  guint items = parameter->max == 0 ? 1000 : parameter->max;
  if (is_many(parameter) && value->texts->len > items) parameter_problem(request, parameter, "最多 %u 项，现有 %u 项", items, value->texts->len);
  for (guint i = 0; i < value->texts->len; i++) {
    guint length = text_length(g_ptr_array_index(value->texts, i));
    if (length <= max) continue;
    parameter_problem(request, parameter, "最多 %u 个字，现有 %u 个", max, length);
    return;
  }
}

static void check_fields(WebRequest *request, const WebParameter *parameter, json_t *value, const char *name) {
  guint max = parameter->max == 0 ? 1000 : parameter->max;
  json_t *item = NULL;
  size_t index = 0;
  if (json_is_object(value)) json_object_foreach(value, name, item) check_fields(request, parameter, item, name);
  if (json_is_array(value)) json_array_foreach(value, index, item) check_fields(request, parameter, item, name);
  if (json_is_string(value) && text_length(json_string_value(value)) > max)
    parameter_problem(request, parameter, "“%.60s”最多 %u 个字，现有 %u 个", name, max, text_length(json_string_value(value)));
}

static void check_numbers(WebRequest *request, const WebParameter *parameter, Value *value) {
  g_autofree gint64 *ints = g_new0(gint64, value->texts->len + 1);
  for (guint i = 0; i < value->texts->len; i++) {
    const char *text = g_ptr_array_index(value->texts, i);
    if (parameter->kind == WEB_FLAG ? parse_flag(text, &ints[i]) : parse_int(text, &ints[i])) continue;
    g_autofree char *start = g_utf8_substring(text, 0, MIN(g_utf8_strlen(text, -1), 20));
    parameter_problem(request, parameter, parameter->kind == WEB_FLAG ? "应为是或否，不能是“%s”" : "应为整数，不能是“%s”", start);
    return;
  }
  if (value->texts->len > 0) value->ints = g_steal_pointer(&ints);
}

static void check_one(WebRequest *request, const WebParameter *parameter, Value *value) {
  gboolean is_file = parameter->kind == WEB_FILE;
  if (value->texts != NULL && !is_file) {
    clean_texts(parameter, value);
    drop_empty(parameter, value);
    check_length(request, parameter, value);
    if (parameter->kind == WEB_INT || parameter->kind == WEB_INTS || parameter->kind == WEB_FLAG) check_numbers(request, parameter, value);
  }
  if (value->fields != NULL) check_fields(request, parameter, value->fields, parameter->name);
  gboolean missing = is_file ? value->file_path == NULL : value->texts == NULL || value->texts->len == 0;
  if (parameter->required && missing) parameter_problem(request, parameter, is_file ? "请选择文件" : "请填写");
}

void parameter_check(WebRequest *request) {
  for (guint i = 0; i < request->row->parameters; i++) check_one(request, &request->row->route->parameters[i], &request->values[i]);
}

guint64 parameter_file_max(const WebRequest *request, const WebParameter *parameter) {
  gint64 megabytes = parameter->max;
  if (megabytes == 0) megabytes = request->house->settings != NULL ? settings_int(request->house->settings, "upload.max_megabytes") : 1024;
  return (guint64)MAX(megabytes, 0) << 20;
}

void parameter_clear(WebRequest *request) {
  for (guint i = 0; request->row != NULL && request->values != NULL && i < request->row->parameters; i++) {
    Value *value = &request->values[i];
    if (value->texts != NULL) g_ptr_array_unref(value->texts);
    if (value->file_path != NULL && g_unlink(value->file_path) != 0 && errno != ENOENT) g_warning("temporary file %s: %s", value->file_path, error_reason(errno));
    g_free(value->ints);
    json_decref(value->fields);
    g_free(value->file_path);
    g_free(value->file_name);
  }
  g_clear_pointer(&request->values, g_free);
  for (guint i = 0; request->problems != NULL && i < request->problems->len; i++) {
    g_free(g_array_index(request->problems, Problem, i).name);
    g_free(g_array_index(request->problems, Problem, i).message);
  }
  if (request->problems != NULL) g_array_unref(g_steal_pointer(&request->problems));
}
