/*
 * The route table: which row serves a path.
 *
 * 1. A row without permission, with an unknown template, or equal to another row stops the program from starting.
 * 2. Among the rows that match, the more literal one is taken: /record/new before /record/{id}, digits before text.
 * 3. A {part} takes one or more characters of one segment; with a WEB_INT parameter only up to 18 digits.
 */
#include "kernel.h"

struct Table {
  GArray *rows; /* Row, in the order of matching */
};

static const WebParameter *part_parameter(const WebRoute *route, const char *name, gsize length) {
  for (const WebParameter *p = route->parameters; p != NULL && p->name != NULL; p++)
    if (strlen(p->name) == length && memcmp(p->name, name, length) == 0) return p;
  return NULL;
}

/* The row's shape: method, and the path with parts replaced by a mark (~ digits, DEL text) that sorts after literals.
 * Two rows of one shape would hide each other. */
static char *shape_of(const WebRoute *route) {
  GString *shape = g_string_new(NULL);
  for (const char *c = route->path; *c != '\0'; c++) {
    if (*c != '{') {
      g_string_append_c(shape, *c);
      continue;
    }
    gsize length = strcspn(c + 1, "}");
    const WebParameter *parameter = part_parameter(route, c + 1, length);
    g_string_append_c(shape, parameter != NULL && parameter->kind == WEB_INT ? '\x7e' : '\x7f');
    c += length + 1;
  }
  g_string_append_printf(shape, "\n%s", route->method);
  return g_string_free(shape, FALSE);
}

static gint compare_rows(gconstpointer a, gconstpointer b) {
  g_autofree char *first = shape_of(((const Row *)a)->route);
  g_autofree char *second = shape_of(((const Row *)b)->route);
  return strcmp(first, second);
}

static gboolean check_parts(const WebRoute *route, GError **error) {
  for (const char *open = strchr(route->path, '{'); open != NULL; open = strchr(open + 1, '{')) {
    gsize length = strcspn(open + 1, "}");
    if (open[1 + length] != '}' || part_parameter(route, open + 1, length) == NULL)
      return throw(error, LANTAI_ERROR_INTERNAL, "路由 %s %s 的 {%.*s} 没有声明为参数", route->method, route->path, (int)length, open + 1);
  }
  return TRUE;
}

static gboolean check_row(const WebRoute *route, GError **error) {
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", NULL};
  if (!g_strv_contains(methods, route->method)) return throw(error, LANTAI_ERROR_INTERNAL, "路由 %s 的方法 %s 不支持", route->path, route->method);
  if (route->path == NULL || route->path[0] != '/' || g_str_has_suffix(route->path, ".json"))
    return throw(error, LANTAI_ERROR_INTERNAL, "路由的路径不合规则：%s", route->path == NULL ? "(空)" : route->path);
  if (route->permission == NULL || route->permission[0] == '\0') return throw(error, LANTAI_ERROR_INTERNAL, "路由 %s %s 没有权限", route->method, route->path);
  if (route->handler == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "路由 %s %s 没有处理函数", route->method, route->path);
  return check_parts(route, error);
}

static gboolean add_row(Table *table, const WebRoute *route, GError **error) {
  Row row = {route, NULL, parameter_count(route->parameters)};
  if (!check_row(route, error)) return FALSE;
  if (route->template != NULL && (row.template = template_load(route->template, error)) == NULL) {
    g_prefix_error(error, "路由 %s %s: ", route->method, route->path);
    return FALSE;
  }
  g_array_append_val(table->rows, row);
  return TRUE;
}

Table *table_new(const WebRoute *const *routes, GError **error) {
  Table *table = g_new0(Table, 1);
  table->rows = g_array_new(FALSE, FALSE, sizeof(Row));
  gboolean fine = TRUE;
  for (gsize i = 0; fine && routes[i] != NULL; i++)
    for (const WebRoute *route = routes[i]; fine && route->method != NULL; route++) fine = add_row(table, route, error);
  g_array_sort(table->rows, compare_rows);
  for (guint i = 1; fine && i < table->rows->len; i++) {
    const Row *row = table_row(table, i);
    if (compare_rows(table_row(table, i - 1), row) == 0) fine = throw(error, LANTAI_ERROR_INTERNAL, "路由 %s %s 出现两次", row->route->method, row->route->path);
  }
  if (!fine) g_clear_pointer(&table, table_free);
  return table;
}

void table_free(Table *table) {
  if (table == NULL) return;
  g_array_unref(table->rows);
  g_free(table);
}

guint table_length(const Table *table) { return table->rows->len; }
const Row *table_row(const Table *table, guint index) { return &g_array_index(table->rows, Row, index); }

static void capture(GPtrArray *captures, const char *name, gsize name_length, const char *text, gsize length) {
  char *value = g_strndup(text, length);
  for (char *c = value; *c != '\0'; c++)
    if (*c == WEB_SLASH_MARK) *c = '/';
  g_ptr_array_add(captures, g_strndup(name, name_length));
  g_ptr_array_add(captures, value);
}

static gboolean match(const WebRoute *route, const char *pattern, const char *path, GPtrArray *captures) {
  for (; *pattern != '\0' && *pattern != '{'; pattern++, path++)
    if (*pattern != *path) return FALSE;
  if (*pattern == '\0') return *path == '\0';
  gsize name_length = strcspn(pattern + 1, "}");
  const char *rest = pattern + name_length + 2;
  const WebParameter *parameter = part_parameter(route, pattern + 1, name_length);
  gsize longest = parameter->kind == WEB_INT ? MIN(strspn(path, "0123456789"), 18) : strcspn(path, "/");
  gsize shortest = *rest == '\0' || *rest == '/' ? longest : 1; /* a part that fills its segment is taken whole */
  for (gsize length = longest; length >= MAX(shortest, 1); length--) {
    if (!match(route, rest, path + length, captures)) continue;
    capture(captures, pattern + 1, name_length, path, length);
    return TRUE;
  }
  return FALSE;
}

const Row *table_find(const Table *table, const char *method, const char *path, GPtrArray *captures, char **ret_allow) {
  g_autoptr(GString) allow = g_string_new(NULL);
  for (guint i = 0; i < table->rows->len; i++) {
    const Row *row = table_row(table, i);
    if (!match(row->route, row->route->path, path, captures)) continue;
    if (strcmp(row->route->method, method) == 0) return row;
    g_ptr_array_set_size(captures, 0);
    g_string_append_printf(allow, "%s%s%s", allow->len == 0 ? "" : ", ", row->route->method, strcmp(row->route->method, "GET") == 0 ? ", HEAD" : "");
  }
  if (allow->len > 0) *ret_allow = g_string_free(g_steal_pointer(&allow), FALSE);
  return NULL;
}

json_t *web_routes(const WebServer *server) {
  static const char *const kinds[] = {"text", "lines", "table", "int", "flag", "list", "ints", "file", "password", "fields"};
  json_t *list = json_array();
  for (guint i = 0; i < table_length(server->table); i++) {
    const WebRoute *route = table_row(server->table, i)->route;
    json_t *parameters = json_array();
    for (const WebParameter *p = route->parameters; p != NULL && p->name != NULL; p++) {
      json_t *parameter = json_pack("{s:s, s:s, s:b, s:i}", "name", p->name, "kind", kinds[p->kind], "required", p->required, "max", (int)p->max);
      if (p->label != NULL) json_object_set_new(parameter, "label", json_string(p->label));
      json_array_append_new(parameters, parameter);
    }
    json_t *row = json_pack("{s:s, s:s, s:s, s:o}", "method", route->method, "path", route->path, "permission", route->permission, "parameters", parameters);
    json_object_set_new(row, "template", route->template == NULL ? json_null() : json_string(route->template));
    json_array_append_new(list, row);
  }
  return list;
}
