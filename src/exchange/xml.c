/*
 * XML written as it comes: names are ours, texts are escaped, what XML 1.0 has no sign for is left out. UTF-8 or GB18030, which has every character.
 */
#include "internal.h"
#include "error.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { HAND_ON_BYTES = 64 << 10, BASE64_BYTES = 57 * 512 };

struct Xml {
  XmlSink sink;
  gpointer data;
  gboolean gb18030, tag_open, leaf; /* tag_open: "<name …" without its ">"; leaf: text or nothing inside so far */
  GString *buffer;
  GPtrArray *open; /* names */
  GError *failure;
};

static void hand_on(Xml *xml) {
  if (xml->failure || xml->buffer->len == 0) return (void)g_string_truncate(xml->buffer, 0);
  g_autofree char *converted = NULL;
  gsize length = xml->buffer->len;
  if (xml->gb18030) converted = g_convert(xml->buffer->str, (gssize)length, "GB18030", "UTF-8", NULL, &length, &xml->failure);
  if (xml->failure == NULL) xml->sink(xml->data, converted ? converted : xml->buffer->str, length, &xml->failure);
  g_string_truncate(xml->buffer, 0);
}

static void hand_on_much(Xml *xml) {
  if (xml->buffer->len >= HAND_ON_BYTES) hand_on(xml);
}

Xml *xml_new(XmlSink sink, gpointer data, gboolean gb18030) {
  Xml *xml = g_new0(Xml, 1);
  xml->sink = sink;
  xml->data = data;
  xml->gb18030 = gb18030;
  xml->buffer = g_string_sized_new(HAND_ON_BYTES + 4096);
  xml->open = g_ptr_array_new_with_free_func(g_free);
  g_string_append_printf(xml->buffer, "<?xml version=\"1.0\" encoding=\"%s\"?>\n", gb18030 ? "GB18030" : "UTF-8");
  return xml;
}

static void append_escaped(GString *out, const char *text, gboolean attribute) {
  g_autofree char *made = g_utf8_validate(text, -1, NULL) ? NULL : g_utf8_make_valid(text, -1);
  for (const char *at = made ? made : text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (c == '&') g_string_append(out, "&amp;");
    else if (c == '<') g_string_append(out, "&lt;");
    else if (c == '>') g_string_append(out, "&gt;");
    else if (c == '\r' || (attribute && (c == '"' || c == '\n' || c == '\t'))) g_string_append_printf(out, "&#%u;", c);
    else if (c >= 0x20 ? c != 0xFFFE && c != 0xFFFF : c == '\t' || c == '\n') g_string_append_unichar(out, c);
  }
}

static void new_line(Xml *xml) {
  g_string_append_c(xml->buffer, '\n');
  for (guint i = 0; i < xml->open->len; i++) g_string_append(xml->buffer, "  ");
}

static void end_tag(Xml *xml) {
  if (xml->tag_open) g_string_append_c(xml->buffer, '>');
  xml->tag_open = FALSE;
}

void xml_open(Xml *xml, const char *name, ...) {
  end_tag(xml);
  if (xml->open->len > 0) new_line(xml);
  g_string_append_printf(xml->buffer, "<%s", name);
  va_list attributes;
  va_start(attributes, name);
  for (const char *attribute; (attribute = va_arg(attributes, const char *)) != NULL;) {
    const char *value = va_arg(attributes, const char *);
    if (value == NULL) continue;
    g_string_append_printf(xml->buffer, " %s=\"", attribute);
    append_escaped(xml->buffer, value, TRUE);
    g_string_append_c(xml->buffer, '"');
  }
  va_end(attributes);
  g_ptr_array_add(xml->open, g_strdup(name));
  xml->tag_open = xml->leaf = TRUE;
  hand_on_much(xml);
}

void xml_text(Xml *xml, const char *text) {
  if (*text == '\0') return;
  end_tag(xml);
  append_escaped(xml->buffer, text, FALSE);
  hand_on_much(xml);
}

void xml_close(Xml *xml) {
  g_autofree char *name = g_ptr_array_steal_index(xml->open, xml->open->len - 1);
  if (xml->tag_open) g_string_append(xml->buffer, "/>");
  else {
    if (!xml->leaf) new_line(xml);
    g_string_append_printf(xml->buffer, "</%s>", name);
  }
  xml->tag_open = xml->leaf = FALSE;
}

void xml_leaf(Xml *xml, const char *name, const char *text) {
  xml_open(xml, name, NULL);
  xml_text(xml, text);
  xml_close(xml);
}

void xml_optional(Xml *xml, const char *name, const char *text) {
  if (text != NULL && *text != '\0') xml_leaf(xml, name, text);
}

void xml_number(Xml *xml, const char *name, gint64 number) {
  g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, number);
  xml_leaf(xml, name, text);
}

void xml_base64(Xml *xml, int fd) {
  end_tag(xml);
  g_autofree guchar *bytes = g_malloc(BASE64_BYTES);
  gsize held = 0;
  for (gboolean ended = FALSE; !ended && xml->failure == NULL;) {
    ssize_t got = read(fd, bytes + held, BASE64_BYTES - held);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return (void)throw(&xml->failure, LANTAI_ERROR_UNAVAILABLE, "不能读取原文：%s", error_reason(errno));
    held += (gsize)got;
    ended = got == 0;
    if (!ended && held < BASE64_BYTES) continue;
    g_autofree char *text = g_base64_encode(bytes, held);
    g_string_append(xml->buffer, text);
    held = 0;
    hand_on_much(xml);
  }
}

gboolean xml_finish(Xml *xml, GError **error) {
  while (xml->open->len > 0) xml_close(xml);
  g_string_append_c(xml->buffer, '\n');
  hand_on(xml);
  if (xml->failure == NULL) return TRUE;
  g_propagate_error(error, g_steal_pointer(&xml->failure));
  return FALSE;
}

void xml_free(Xml *xml) {
  if (xml == NULL) return;
  g_clear_error(&xml->failure);
  g_string_free(xml->buffer, TRUE);
  g_ptr_array_unref(xml->open);
  g_free(xml);
}

gboolean xml_is_name(const char *text) {
  if (*text == '\0' || g_ascii_strncasecmp(text, "xml", 3) == 0) return FALSE;
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    gboolean letter = g_ascii_isalpha((char)MIN(c, 127)) || c == '_' || (c >= 0x4E00 && c <= 0x9FA5);
    if (!letter && (at == text || !(c < 128 && (g_ascii_isdigit((char)c) || c == '-')))) return FALSE;
  }
  return TRUE;
}
