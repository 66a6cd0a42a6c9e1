/*
 * XML of packages as trees (package-survey.h), over the events that a sandboxed child gives.
 *
 * 1. At most NODES_MAX elements and TEXT_MAX bytes of text are held at once, however long the file is: units are visited and dropped.
 * 2. The content of 编码数据 is decoded piece by piece into a file and is never in memory as a whole; a short one that is a digest stays text.
 */
#include "error.h"
#include "package-survey.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NODES_MAX 2000000
#define TEXT_MAX (64 << 20)
#define DATA_HEAD 192 /* longer than any digest */

typedef struct {
  const XmlReading *reading;
  XmlNode *root, *at;
  gsize nodes, text;
  GString *head;         /* of the 编码数据 that is open */
  int fd;
  gint state;
  guint save;
  gsize letters;
  gboolean inside, bad;
  char *part;
} Builder;

void xml_node_free(XmlNode *node) {
  if (node == NULL) return;
  g_free(node->name);
  if (node->text) g_string_free(node->text, TRUE);
  g_clear_pointer(&node->children, g_ptr_array_unref);
  g_free(node->data);
  g_free(node);
}

gboolean xml_is_leaf(const XmlNode *node) { return node->children == NULL; }

char *xml_node_text(const XmlNode *node) { return node && node->text ? text_clean(node->text->str, FALSE) : g_strdup(""); }

XmlNode *xml_child(const XmlNode *node, const char *name) {
  for (guint i = 0; node->children && i < node->children->len; i++) {
    XmlNode *child = node->children->pdata[i];
    if (g_str_equal(child->name, name)) return child;
  }
  return NULL;
}

XmlNode *xml_find(const XmlNode *node, const char *name) {
  if (g_str_equal(node->name, name)) return (XmlNode *)node;
  XmlNode *found = NULL;
  for (guint i = 0; !found && node->children && i < node->children->len; i++) found = xml_find(node->children->pdata[i], name);
  return found;
}

/* ---- 编码数据 ---- */

static gboolean data_write(Builder *builder, const char *text, gsize length, GError **error) {
  if (builder->fd < 0) {
    g_clear_pointer(&builder->part, g_free);
    builder->part = g_build_filename(builder->reading->extract, "part-XXXXXX", NULL);
    if ((builder->fd = g_mkstemp_full(builder->part, O_WRONLY | O_CLOEXEC, 0600)) < 0)
      return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写出封装包中的文件：%s", error_reason(errno));
  }
  for (gsize i = 0; i < length; i++) {
    if (g_ascii_isspace(text[i])) continue;
    builder->letters++;
    builder->bad |= !g_ascii_isalnum(text[i]) && strchr("+/=", text[i]) == NULL;
  }
  g_autofree guchar *plain = g_malloc(length / 4 * 3 + 8);
  gsize size = g_base64_decode_step(text, length, plain, &builder->state, &builder->save);
  return file_write_all(builder->fd, plain, size, error);
}

static gboolean data_text(Builder *builder, const char *text, gsize length, GError **error) {
  if (builder->reading->extract == NULL) return TRUE;
  if (builder->fd < 0 && builder->head->len + length <= DATA_HEAD) return g_string_append_len(builder->head, text, (gssize)length), TRUE;
  if (builder->fd < 0 && builder->head->len > 0) {
    gboolean good = data_write(builder, builder->head->str, builder->head->len, error);
    g_string_truncate(builder->head, 0);
    if (!good) return FALSE;
  }
  return data_write(builder, text, length, error);
}

static gboolean is_digest(const char *text) {
  gsize length = strlen(text);
  return (length == 32 || length == 40 || length == 56 || length == 64 || length == 96 || length == 128) && strspn(text, "0123456789abcdefABCDEF") == length;
}

static gboolean data_end(Builder *builder, GError **error) {
  builder->inside = FALSE;
  g_autofree char *head = g_strstrip(g_strdup(builder->head->str));
  g_string_truncate(builder->head, 0);
  if (builder->fd < 0 && (*head == '\0' || is_digest(head))) {
    builder->at->text = g_string_new(head);
    return TRUE;
  }
  if (builder->reading->extract == NULL) return TRUE;
  if (builder->fd < 0 && !data_write(builder, head, strlen(head), error)) return FALSE;
  close(builder->fd);
  builder->fd = -1;
  builder->at->data = g_steal_pointer(&builder->part);
  builder->at->data_bad = builder->bad || builder->letters % 4 != 0;
  return TRUE;
}

static void data_begin(Builder *builder) {
  builder->inside = TRUE;
  builder->state = 0;
  builder->save = 0;
  builder->letters = 0;
  builder->bad = FALSE;
}

/* ---- the tree ---- */

static gboolean too_large(GError **error) { return throw(error, LANTAI_ERROR_TOO_LARGE, "内容过多，超过一次能读的元素数或字数"); }

static gboolean node_open(Builder *builder, const FormatXmlEvent *event, GError **error) {
  if (++builder->nodes > NODES_MAX) return too_large(error);
  XmlNode *node = g_new0(XmlNode, 1);
  node->name = g_strdup(event->name);
  node->parent = builder->at;
  if (builder->at == NULL) builder->root = node;
  else {
    if (builder->at->children == NULL) builder->at->children = g_ptr_array_new_with_free_func((GDestroyNotify)xml_node_free);
    g_ptr_array_add(builder->at->children, node);
  }
  builder->at = node;
  if (!builder->inside && g_str_equal(node->name, "编码数据")) data_begin(builder);
  return TRUE;
}

static gboolean node_text(Builder *builder, const FormatXmlEvent *event, GError **error) {
  if (builder->inside) return data_text(builder, event->text, event->length, error);
  if (builder->at->text == NULL && builder->at->children && strspn(event->text, " \t\r\n") >= event->length) return TRUE; /* between elements */
  if ((builder->text += event->length) > TEXT_MAX) return too_large(error);
  if (builder->at->text == NULL) builder->at->text = g_string_new(NULL);
  g_string_append_len(builder->at->text, event->text, (gssize)event->length);
  return TRUE;
}

static void count_out(Builder *builder, const XmlNode *node) {
  builder->nodes--;
  if (node->text) builder->text -= MIN(builder->text, node->text->len);
  for (guint i = 0; node->children && i < node->children->len; i++) count_out(builder, node->children->pdata[i]);
}

static gboolean node_close(Builder *builder, GError **error) {
  XmlNode *node = builder->at;
  if (builder->inside && g_str_equal(node->name, "编码数据") && !data_end(builder, error)) return FALSE;
  builder->at = node->parent;
  const XmlReading *reading = builder->reading;
  if (node->parent == NULL || reading->is_unit == NULL || !reading->is_unit(node)) return TRUE;
  gboolean good = reading->visit(node, reading->data, error);
  count_out(builder, node);
  g_ptr_array_remove_index(node->parent->children, node->parent->children->len - 1); /* frees it */
  return good;
}

static gboolean build(Builder *builder, FormatXml *xml, GError **error) {
  FormatXmlEvent event;
  GError *failure = NULL;
  while (format_xml_next(xml, &event, &failure)) {
    gboolean good = event.kind == FORMAT_XML_OPEN ? node_open(builder, &event, error) :
      event.kind == FORMAT_XML_TEXT ? node_text(builder, &event, error) : node_close(builder, error);
    if (!good) return FALSE;
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

XmlNode *xml_tree_read(const char *path, const XmlReading *reading, char **ret_encoding, GError **error) {
  g_autoptr(FormatXml) xml = format_xml_open(path, error);
  if (xml == NULL) return NULL;
  Builder builder = {.reading = reading, .fd = -1, .head = g_string_new(NULL)};
  gboolean good = build(&builder, xml, error);
  if (good && builder.root == NULL) good = throw(error, LANTAI_ERROR_INVALID, "没有任何元素");
  if (good && ret_encoding) *ret_encoding = g_strdup(format_xml_encoding(xml));
  if (builder.fd >= 0) close(builder.fd);
  if (builder.part) unlink(builder.part);
  g_free(builder.part);
  g_string_free(builder.head, TRUE);
  if (!good) g_clear_pointer(&builder.root, xml_node_free);
  return builder.root;
}

gboolean xml_root_is(const char *path, const char *name) {
  g_autoptr(FormatXml) xml = format_xml_open(path, NULL);
  FormatXmlEvent event;
  return xml && format_xml_next(xml, &event, NULL) && event.kind == FORMAT_XML_OPEN && g_str_equal(event.name, name);
}
