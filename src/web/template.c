/*
 * Templates: text to nodes, and the cache of loaded ones.
 *
 * 1. A template that loads cannot fail while rendering, except by the limits of node.h: syntax, filters, parts and places are checked here.
 * 2. {{x}} is only accepted where escaping protects: in text and in quoted attributes. A section ends in the place of HTML where it began.
 * 3. Loaded templates live as long as the program, so that nodes may be read without a lock.
 */
#include "error.h"
#include "node.h"
#include "web.h"
#include <gio/gio.h>
#include <string.h>

typedef struct {
  Node *node;
  HtmlPlace place;
  guint line;
} Open;

typedef struct {
  const char *name;
  const char *at, *end;
  guint line;
  HtmlPlace place;
  GArray *open; /* Open; [0] is the root */
  GPtrArray *parts;
  gboolean is_layout;
} Parser;

static void node_free(Node *node) {
  if (node == NULL) return;
  g_free(node->text);
  g_strfreev(node->path);
  if (node->children != NULL) g_ptr_array_unref(node->children);
  g_free(node);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Node, node_free)

static void template_free(Template *template) {
  g_free(template->name);
  g_free(template->source);
  node_free(template->root);
  g_free(template);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Template, template_free)

static Node *node_new(NodeKind kind) {
  Node *node = g_new0(Node, 1);
  node->kind = kind;
  if (kind == NODE_SECTION || kind == NODE_EMPTY) node->children = g_ptr_array_new_with_free_func((GDestroyNotify)node_free);
  return node;
}

static gboolean fail(const Parser *parser, GError **error, const char *problem, const char *detail) {
  return throw(error, LANTAI_ERROR_INTERNAL, "模板 %s.html:%u: %s%s", parser->name, parser->line, problem, detail);
}

static void append(Parser *parser, Node *node) {
  const Open *last = &g_array_index(parser->open, Open, parser->open->len - 1);
  g_ptr_array_add(last->node->children, node);
}

static gboolean append_text(Parser *parser, const char *text, gsize length, GError **error) {
  const char *problem = NULL;
  if (length == 0) return TRUE;
  Node *node = node_new(NODE_TEXT);
  node->text = g_strndup(text, length);
  node->length = length;
  append(parser, node);
  if (!html_advance(&parser->place, text, length, &problem)) return fail(parser, error, problem, "");
  return TRUE;
}

static gboolean is_name(const char *name) {
  if (strcmp(name, ".") == 0) return TRUE;
  if (*name == '@') return g_str_equal(name, "@first") || g_str_equal(name, "@last") || g_str_equal(name, "@index") || g_str_equal(name, "@number");
  if (*name == '\0' || *name == '.' || g_str_has_suffix(name, ".") || strstr(name, "..") != NULL) return FALSE;
  for (const char *c = name; *c != '\0'; c++)
    if (!g_ascii_isalnum(*c) && *c != '_' && *c != '-' && *c != '.' && (guchar)*c < 0x80) return FALSE;
  return TRUE;
}

static char **split_name(const char *name) { return strcmp(name, ".") == 0 ? g_new0(char *, 1) : g_strsplit(name, ".", -1); }

static gboolean parse_value(Parser *parser, char *tag, GError **error) {
  g_autoptr(Node) node = node_new(NODE_VALUE);
  char *filter = strchr(tag, '|');
  if (filter != NULL) {
    *filter++ = '\0';
    g_strstrip(filter);
    if (!filter_find(filter, strlen(filter), &node->filter)) return fail(parser, error, "没有这个过滤器: ", filter);
  }
  g_strstrip(tag);
  if (!is_name(tag)) return fail(parser, error, "名称不合规则: ", tag);
  if (!html_takes_value(&parser->place)) return fail(parser, error, "变量只能写在正文或带引号的属性里: ", tag);
  node->address = html_takes_address(&parser->place);
  node->path = split_name(tag);
  append(parser, g_steal_pointer(&node));
  return TRUE;
}

static gboolean parse_open(Parser *parser, NodeKind kind, const char *name, GError **error) {
  if (!is_name(name)) return fail(parser, error, "名称不合规则: ", name);
  if (parser->open->len > TEMPLATE_DEPTH_MAX) return fail(parser, error, "嵌套过深: ", name);
  Node *node = node_new(kind);
  node->text = g_strdup(name);
  node->path = split_name(name);
  append(parser, node);
  Open open = {node, parser->place, parser->line};
  g_array_append_val(parser->open, open);
  return TRUE;
}

static gboolean parse_close(Parser *parser, const char *name, GError **error) {
  const Open *open = &g_array_index(parser->open, Open, parser->open->len - 1);
  if (parser->open->len == 1) return fail(parser, error, "没有打开的区段: ", name);
  if (strcmp(open->node->text, name) != 0) return fail(parser, error, "与打开的区段不符, 应为 ", open->node->text);
  if (!html_same(&open->place, &parser->place)) return fail(parser, error, "区段首尾不在 HTML 的同一位置: ", name);
  g_array_set_size(parser->open, parser->open->len - 1);
  return TRUE;
}

static gboolean parse_part(Parser *parser, const char *name, GError **error) {
  if (*name == '\0' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_/") != strlen(name)) return fail(parser, error, "部件名不合规则: ", name);
  if (parser->place.state != HTML_TEXT) return fail(parser, error, "部件只能写在正文里: ", name);
  Node *node = node_new(NODE_PART);
  node->text = g_strdup(name);
  append(parser, node);
  g_ptr_array_add(parser->parts, node->text);
  return TRUE;
}

static gboolean parse_tag(Parser *parser, char *tag, GError **error) {
  char *name = g_strstrip(tag + (strchr("#^/>!", *tag) != NULL && *tag != '\0'));
  switch (*tag) {
    case '#': return parse_open(parser, NODE_SECTION, name, error);
    case '^': return parse_open(parser, NODE_EMPTY, name, error);
    case '/': return parse_close(parser, name, error);
    case '>': return parse_part(parser, name, error);
    case '!': return TRUE;
    default: return parse_value(parser, tag, error);
  }
}

static gboolean parse_content(Parser *parser, const char *tag, gsize length, GError **error) {
  if (!parser->is_layout || length != 7 || memcmp(tag, "content", 7) != 0) return fail(parser, error, "{{{…}}} 只能是 layout.html 里的 {{{content}}}", "");
  if (parser->place.state != HTML_TEXT) return fail(parser, error, "{{{content}}} 只能写在正文里", "");
  append(parser, node_new(NODE_CONTENT));
  return TRUE;
}

/* A section, part or comment tag alone on its line takes the line with it. Gives where literal text ends before and goes on after the tag. */
static void trim_line(const char *from, const char *source, const char **tag, const char **after, const char *end) {
  const char *start = *tag, *next = *after;
  while (start > from && (start[-1] == ' ' || start[-1] == '\t')) start--;
  while (next < end && (*next == ' ' || *next == '\t' || *next == '\r')) next++;
  if ((start > source && start[-1] != '\n') || (next < end && *next != '\n')) return;
  *tag = start;
  *after = next < end ? next + 1 : next;
}

static void count_lines(Parser *parser, const char *to) {
  for (const char *c = parser->at; c < to; c++) parser->line += *c == '\n';
  parser->at = to;
}

static gboolean parse(Parser *parser, GError **error) {
  const char *source = parser->at;
  for (const char *from = source;;) {
    const char *tag = memmem(from, (gsize)(parser->end - from), "{{", 2);
    if (tag == NULL) {
      gboolean fine = append_text(parser, from, (gsize)(parser->end - from), error);
      if (fine) count_lines(parser, parser->end);
      return fine;
    }
    gboolean triple = parser->end - tag > 2 && tag[2] == '{';
    const char *inner = tag + (triple ? 3 : 2);
    const char *close = memmem(inner, (gsize)(parser->end - inner), triple ? "}}}" : "}}", triple ? 3 : 2);
    const char *text_end = tag, *after = close == NULL ? NULL : close + (triple ? 3 : 2);
    if (close != NULL && !triple && strchr("#^/>!", *inner) != NULL) trim_line(from, source, &text_end, &after, parser->end);
    if (!append_text(parser, from, (gsize)(text_end - from), error)) return FALSE;
    count_lines(parser, tag);
    if (close == NULL || close - inner > 200) return fail(parser, error, "标签没有结束或过长", "");
    g_autofree char *copy = g_strndup(inner, (gsize)(close - inner));
    if (!(triple ? parse_content(parser, copy, strlen(copy), error) : parse_tag(parser, copy, error))) return FALSE;
    count_lines(parser, after);
    from = after;
  }
}

/* parts: names of the parts used, owned by the template. */
static Template *compile(const char *name, const char *source, gsize length, GPtrArray *parts, GError **error) {
  g_autoptr(Template) template = g_new0(Template, 1);
  template->name = g_strdup(name);
  template->source = g_strndup(source, length);
  template->root = node_new(NODE_SECTION);
  g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(Open));
  Parser parser = {name, template->source, template->source + length, 1, {HTML_TEXT, "", "", FALSE, FALSE}, open, parts, strcmp(name, "layout") == 0};
  Open root = {template->root, parser.place, 1};
  g_array_append_val(open, root);
  if (length > TEMPLATE_SOURCE_MAX) return fail(&parser, error, "模板过大", ""), NULL;
  if (!g_utf8_validate_len(source, length, NULL)) return fail(&parser, error, "不是有效的 UTF-8 文本", ""), NULL;
  if (!parse(&parser, error)) return NULL;
  if (open->len > 1) {
    const Open *last = &g_array_index(open, Open, open->len - 1);
    parser.line = last->line;
    return fail(&parser, error, "区段没有结束: ", last->node->text), NULL;
  }
  if (parser.place.state != HTML_TEXT) return fail(&parser, error, "文件在标签或属性中间结束", ""), NULL;
  return g_steal_pointer(&template);
}

/* ---- cache ---- */

static GRecMutex cache_lock;
static GHashTable *cache; /* name → Template, until the program ends */
static GPtrArray *outdated; /* templates replaced while working on LANTAI_UI; renderers may still walk them */

static GBytes *read_source(const char *name, GError **error) {
  const char *dir = g_getenv("LANTAI_UI");
  if (dir != NULL) {
    g_autofree char *path = g_strdup_printf("%s/%s.html", dir, name);
    char *text = NULL;
    gsize length = 0;
    if (g_file_get_contents(path, &text, &length, NULL)) return g_bytes_new_take(text, length);
  }
  g_autofree char *path = g_strdup_printf("/lantai/ui/%s.html", name);
  GBytes *bytes = g_resources_lookup_data(path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (bytes == NULL) return throw_null(error, LANTAI_ERROR_INTERNAL, "没有模板 ui/%s.html", name);
  return bytes;
}

static void retire(const char *name) {
  gpointer old = NULL;
  if (!g_hash_table_steal_extended(cache, name, NULL, &old)) return;
  if (outdated == NULL) outdated = g_ptr_array_new();
  g_ptr_array_add(outdated, old);
}

static const Template *load_locked(const char *name, GError **error) {
  Template *known = g_hash_table_lookup(cache, name);
  if (known != NULL && g_getenv("LANTAI_UI") == NULL) return known;
  g_autoptr(GBytes) bytes = read_source(name, error);
  if (bytes == NULL) return NULL;
  gsize length = 0;
  const char *source = g_bytes_get_data(bytes, &length);
  if (known != NULL && strlen(known->source) == length && memcmp(known->source, source, length) == 0) return known;
  g_autoptr(GPtrArray) parts = g_ptr_array_new();
  Template *template = compile(name, source, length, parts, error);
  if (template == NULL) return NULL;
  retire(name);
  g_hash_table_insert(cache, template->name, template);
  for (guint i = 0; i < parts->len; i++) {
    if (load_locked(g_ptr_array_index(parts, i), error) != NULL) continue;
    g_prefix_error(error, "模板 %s.html 的部件: ", name);
    retire(name);
    return NULL;
  }
  return template;
}

Template *template_load(const char *name, GError **error) {
  g_autoptr(GRecMutexLocker) locker = g_rec_mutex_locker_new(&cache_lock);
  if (cache == NULL) cache = g_hash_table_new(g_str_hash, g_str_equal);
  return (Template *)load_locked(name, error);
}

char *template_render_text(const char *source, json_t *model, GError **error) {
  g_autoptr(GPtrArray) parts = g_ptr_array_new();
  g_autoptr(Template) template = compile("text", source, strlen(source), parts, error);
  if (template == NULL) return NULL;
  for (guint i = 0; i < parts->len; i++)
    if (template_load(g_ptr_array_index(parts, i), error) == NULL) return NULL;
  char *text = render_nodes(template, model, NULL);
  if (text == NULL) throw(error, LANTAI_ERROR_TOO_LARGE, "页面超过大小或嵌套的限度");
  return text;
}
