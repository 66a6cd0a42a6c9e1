/*
 * YAML read into JSON values (settings.h). libyaml parses; this file bounds and types.
 *
 * 1. One document of at most 16 MiB, nested at most 32 deep. Aliases (*name) are refused: they make small files huge.
 * 2. Mapping keys are scalars and unique. Plain true, false, null, ~, nothing and decimal integers are typed; an integer with leading zeros
 *    stays text, because in this trade it is a code (000123).
 * 3. Errors name file and line.
 */
#include <gio/gio.h>
#include <string.h>
#include <yaml.h>

#include "error.h"
#include "settings.h"

enum { MAX_BYTES = 16 * 1024 * 1024, MAX_DEPTH = 32 };

typedef struct {
  yaml_parser_t parser;
  const char *name;
} Source;

static void *refuse(const Source *source, const yaml_mark_t *mark, const char *what, GError **error) {
  return throw_null(error, LANTAI_ERROR_INVALID, "%s 第 %" G_GSIZE_FORMAT " 行：%s。", source->name, mark->line + 1, what);
}

/* The next event; FALSE with the error set when the text is no YAML. */
static gboolean next_event(Source *source, yaml_event_t *event, GError **error) {
  if (yaml_parser_parse(&source->parser, event)) return TRUE;
  const yaml_mark_t *mark = source->parser.problem_mark.line > 0 ? &source->parser.problem_mark : &source->parser.mark;
  const char *problem = source->parser.problem != NULL ? source->parser.problem : "";
  return throw(error, LANTAI_ERROR_INVALID, "%s 第 %" G_GSIZE_FORMAT " 行：不是有效的 YAML（%s）。请检查缩进、冒号和引号。", source->name, mark->line + 1, problem);
}

static gboolean is_integer(const char *text) {
  const char *digits = *text == '-' ? text + 1 : text;
  if (*digits == '0') return digits[1] == '\0' && digits == text;
  if (*digits == '\0') return FALSE;
  for (const char *p = digits; *p != '\0'; p++)
    if (!g_ascii_isdigit(*p)) return FALSE;
  return TRUE;
}

static json_t *scalar_value(const Source *source, const yaml_event_t *event, GError **error) {
  const char *text = (const char *) event->data.scalar.value;
  gsize length = event->data.scalar.length;
  gint64 number = 0;
  if (strlen(text) == length && event->data.scalar.plain_implicit && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
    if (length == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0) return json_null();
    if (strcmp(text, "true") == 0) return json_true();
    if (strcmp(text, "false") == 0) return json_false();
    if (is_integer(text) && g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL)) return json_integer(number);
  }
  json_t *value = strlen(text) == length ? json_stringn(text, length) : NULL;
  return value != NULL ? value : refuse(source, &event->start_mark, "文字中有不允许的字符", error);
}

static json_t *read_value(Source *source, const yaml_event_t *event, int depth, GError **error);

static json_t *read_sequence(Source *source, int depth, GError **error) {
  json_auto_t *array = json_array();
  for (;;) {
    yaml_event_t event;
    if (!next_event(source, &event, error)) return NULL;
    gboolean end = event.type == YAML_SEQUENCE_END_EVENT;
    json_t *value = end ? NULL : read_value(source, &event, depth, error);
    yaml_event_delete(&event);
    if (end) return json_incref(array);
    if (value == NULL) return NULL;
    json_array_append_new(array, value);
  }
}

/* Reads the value after a key, which stays the caller's, into the mapping. */
static gboolean read_member(Source *source, json_t *object, const yaml_event_t *key, int depth, GError **error) {
  const char *name = key->type == YAML_SCALAR_EVENT ? (const char *) key->data.scalar.value : NULL;
  if (name == NULL || strlen(name) != key->data.scalar.length) return refuse(source, &key->start_mark, "键必须是简单的文字", error) != NULL;
  if (json_object_get(object, name) != NULL) {
    g_autofree char *what = g_strdup_printf("键“%s”重复", name);
    return refuse(source, &key->start_mark, what, error) != NULL;
  }
  yaml_event_t event;
  if (!next_event(source, &event, error)) return FALSE;
  json_t *value = read_value(source, &event, depth, error);
  yaml_event_delete(&event);
  if (value == NULL) return FALSE;
  if (json_object_set_new(object, name, value) == 0) return TRUE;
  return refuse(source, &key->start_mark, "键中有不允许的字符", error) != NULL;
}

static json_t *read_mapping(Source *source, int depth, GError **error) {
  json_auto_t *object = json_object();
  for (;;) {
    yaml_event_t key;
    if (!next_event(source, &key, error)) return NULL;
    gboolean end = key.type == YAML_MAPPING_END_EVENT;
    gboolean ok = end || read_member(source, object, &key, depth, error);
    yaml_event_delete(&key);
    if (end) return json_incref(object);
    if (!ok) return NULL;
  }
}

static json_t *read_value(Source *source, const yaml_event_t *event, int depth, GError **error) {
  if (event->type == YAML_SCALAR_EVENT) return scalar_value(source, event, error);
  if (event->type == YAML_ALIAS_EVENT) return refuse(source, &event->start_mark, "不支持引用（*名称），请写出完整内容", error);
  if (depth >= MAX_DEPTH) return refuse(source, &event->start_mark, "嵌套过深（最多 32 层）", error);
  return event->type == YAML_SEQUENCE_START_EVENT ? read_sequence(source, depth + 1, error) : read_mapping(source, depth + 1, error);
}

/* The value of the one document of the stream; null when there is none. */
static json_t *read_stream(Source *source, GError **error) {
  json_auto_t *root = NULL;
  for (;;) {
    yaml_event_t event;
    if (!next_event(source, &event, error)) return NULL;
    yaml_event_type_t type = event.type;
    gboolean is_value = type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT || type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
    gboolean second = is_value && root != NULL;
    if (second) refuse(source, &event.start_mark, "一个文件只能有一份文档", error);
    else if (is_value) root = read_value(source, &event, 0, error);
    yaml_event_delete(&event);
    if (second || (is_value && root == NULL)) return NULL;
    if (type == YAML_STREAM_END_EVENT) return root != NULL ? json_incref(root) : json_null();
  }
}

static json_t *load(const char *text, gsize length, const char *name, GError **error) {
  if (length > MAX_BYTES) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "%s 超过 16 MiB，不能作为 YAML 读取。", name);
  Source source = {.name = name};
  if (!yaml_parser_initialize(&source.parser)) return throw_null(error, LANTAI_ERROR_INTERNAL, "无法读取 %s：内存不足。", name);
  yaml_parser_set_input_string(&source.parser, (const unsigned char *) text, length);
  json_t *root = read_stream(&source, error);
  yaml_parser_delete(&source.parser);
  return root;
}

json_t *yaml_load_text(const char *text, const char *name, GError **error) { return load(text, strlen(text), name, error); }

json_t *yaml_load_file(const char *path, GError **error) {
  g_autoptr(GMappedFile) file = NULL;
  g_autoptr(GError) problem = NULL;
  if (!g_file_test(path, G_FILE_TEST_EXISTS)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "找不到文件 %s。", path);
  file = g_mapped_file_new(path, FALSE, &problem);
  if (file == NULL) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "无法读取 %s：%s。", path, problem->message);
  const char *bytes = g_mapped_file_get_contents(file);
  return load(bytes != NULL ? bytes : "", g_mapped_file_get_length(file), path, error);
}

/* ---- definitions ---- */

json_t *yaml_load_built_in(const char *path, GError **error) {
  g_autofree char *resource = g_strconcat("/lantai/", path, NULL);
  g_autoptr(GBytes) bytes = g_resources_lookup_data(resource, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (bytes == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "程序中没有 %s。", path);
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  return load(data != NULL ? data : "", length, path, error);
}

json_t *yaml_load_definition(const char *dir, const char *path, GError **error) {
  g_autofree char *own = dir != NULL ? g_build_filename(dir, "definitions", path, NULL) : NULL, *built_in = g_strconcat("definitions/", path, NULL);
  return own != NULL && g_file_test(own, G_FILE_TEST_EXISTS) ? yaml_load_file(own, error) : yaml_load_built_in(built_in, error);
}

static int compare_names(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *) a, *(char *const *) b); }

char **yaml_definition_names(const char *dir, const char *kind) {
  g_autofree char *folder = dir != NULL ? g_build_filename(dir, "definitions", kind, NULL) : NULL, *resource = g_strconcat("/lantai/definitions/", kind, NULL);
  g_autoptr(GDir) own = folder != NULL ? g_dir_open(folder, 0, NULL) : NULL;
  g_auto(GStrv) built_in = own != NULL ? NULL : g_resources_enumerate_children(resource, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  GPtrArray *names = g_ptr_array_new();
  const char *name;
  while (own != NULL && (name = g_dir_read_name(own)) != NULL)
    if (name[0] != '.' && g_str_has_suffix(name, ".yaml")) g_ptr_array_add(names, g_strdup(name));
  for (char **each = built_in; each != NULL && *each != NULL; each++) g_ptr_array_add(names, g_strdup(*each));
  g_ptr_array_sort(names, compare_names);
  g_ptr_array_add(names, NULL);
  return (char **) g_ptr_array_free(names, FALSE);
}

json_t *yaml_load_definitions(const char *dir, const char *kind, GError **error) {
  g_auto(GStrv) names = yaml_definition_names(dir, kind);
  json_t *documents = json_object();
  for (char **name = names; *name != NULL; name++) {
    g_autofree char *path = g_strdup_printf("%s/%s", kind, *name);
    json_t *document = yaml_load_definition(dir, path, error);
    if (document == NULL) {
      json_decref(documents);
      return NULL;
    }
    json_object_set_new(documents, *name, document);
  }
  return documents;
}
