/*
 * Walks a compiled template over a model.
 *
 * 1. Names are looked up outwards through the enclosing sections; a missing name is empty text.
 * 2. Output and nesting are bounded: a page that passes a limit is not made at all.
 */
#define G_LOG_DOMAIN "web"
#include "node.h"
#include "web.h"
#include <string.h>

typedef struct Frame {
  json_t *value;
  const struct Frame *outer;
  gboolean in_list;
  gsize index, count;
  json_t *position; /* @index or @number, made when asked for */
} Frame;

typedef struct {
  GString *out;
  const char *content;
  guint depth; /* of parts */
  gboolean failed;
} Render;

static void render_children(Render *render, const Node *node, Frame *frame);

static gboolean is_filled(const json_t *value) {
  switch (value == NULL ? JSON_NULL : json_typeof(value)) {
    case JSON_TRUE: return TRUE;
    case JSON_STRING: return json_string_length(value) > 0;
    case JSON_INTEGER: return json_integer_value(value) != 0;
    case JSON_REAL: return json_real_value(value) != 0;
    case JSON_ARRAY: return json_array_size(value) > 0;
    case JSON_OBJECT: return json_object_size(value) > 0;
    default: return FALSE;
  }
}

static json_t *list_value(Frame *frame, const char *name) {
  Frame *list = frame;
  while (list != NULL && !list->in_list) list = (Frame *)list->outer;
  if (list == NULL) return NULL;
  if (strcmp(name, "@first") == 0) return json_boolean(list->index == 0);
  if (strcmp(name, "@last") == 0) return json_boolean(list->index + 1 == list->count);
  json_decref(list->position);
  list->position = json_integer((json_int_t)list->index + (strcmp(name, "@number") == 0));
  return list->position;
}

/* Borrowed; NULL when no enclosing value has the name. */
static json_t *lookup(Frame *frame, char *const *path) {
  if (path[0] == NULL) return frame->value;
  if (path[0][0] == '@') return list_value(frame, path[0]);
  json_t *value = NULL;
  for (const Frame *f = frame; f != NULL && value == NULL; f = f->outer) value = json_object_get(f->value, path[0]);
  for (gsize i = 1; path[i] != NULL && value != NULL; i++) value = json_object_get(value, path[i]);
  return value;
}

/* An address may not begin with a scheme that runs code or leads into another program. */
static gboolean is_safe_address(const json_t *value) {
  static const char *const schemes[] = {"http", "https", "mailto", "tel", NULL};
  const char *text = json_string_value(value);
  if (text == NULL) return TRUE;
  while (*text != '\0' && (guchar)*text <= ' ') text++;
  gsize length = strcspn(text, ":/?#");
  if (text[length] != ':') return TRUE;
  g_autofree char *scheme = g_ascii_strdown(text, (gssize)length);
  return g_strv_contains(schemes, scheme) || g_ascii_strncasecmp(text, "data:image/", 11) == 0;
}

static void render_value(Render *render, const Node *node, Frame *frame) {
  json_t *value = lookup(frame, node->path);
  if (node->address && node->filter == FILTER_NONE && !is_safe_address(value)) g_string_append_c(render->out, '#');
  else if (value != NULL || node->filter == FILTER_JSON) filter_append(render->out, node->filter, value);
}

static void render_section(Render *render, const Node *node, Frame *frame) {
  json_t *value = lookup(frame, node->path);
  if (!is_filled(value)) return;
  gboolean in_list = json_is_array(value);
  gsize count = in_list ? json_array_size(value) : 1;
  for (gsize i = 0; i < count && !render->failed; i++) {
    Frame inner = {in_list ? json_array_get(value, i) : value, frame, in_list, i, count, NULL};
    render_children(render, node, &inner);
    json_decref(inner.position);
  }
}

static void render_part(Render *render, const Node *node, Frame *frame) {
  const Template *part = render->depth < TEMPLATE_DEPTH_MAX ? template_load(node->text, NULL) : NULL;
  if (part == NULL) {
    render->failed = TRUE;
    g_warning("part %s cannot be loaded or nests too deep", node->text);
    return;
  }
  render->depth++;
  render_children(render, part->root, frame);
  render->depth--;
}

static void render_node(Render *render, const Node *node, Frame *frame) {
  switch (node->kind) {
    case NODE_TEXT: g_string_append_len(render->out, node->text, (gssize)node->length); break;
    case NODE_VALUE: render_value(render, node, frame); break;
    case NODE_SECTION: render_section(render, node, frame); break;
    case NODE_EMPTY:
      if (!is_filled(lookup(frame, node->path))) render_children(render, node, frame);
      break;
    case NODE_PART: render_part(render, node, frame); break;
    case NODE_CONTENT:
      if (render->content != NULL) g_string_append(render->out, render->content);
      break;
  }
}

static void render_children(Render *render, const Node *node, Frame *frame) {
  for (guint i = 0; i < node->children->len && !render->failed; i++) {
    render_node(render, g_ptr_array_index(node->children, i), frame);
    if (render->out->len > TEMPLATE_OUTPUT_MAX) render->failed = TRUE;
  }
}

char *render_nodes(const Template *template, json_t *model, const char *content) {
  Render render = {g_string_sized_new(8192), content, 0, FALSE};
  Frame frame = {model, NULL, FALSE, 0, 0, NULL};
  render_children(&render, template->root, &frame);
  json_decref(frame.position);
  if (!render.failed) return g_string_free(render.out, FALSE);
  g_warning("template %s: the page passed a limit of size or depth and was not made", template->name);
  g_string_free(render.out, TRUE);
  return NULL;
}

char *template_render(const Template *template, json_t *model) { return render_nodes(template, model, NULL); }
