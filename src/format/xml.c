/*
 * The parent's side of an XML file: starts the child, takes its frames apart (xml-wire.h), believes none of them.
 *
 * 1. Every text is validated, elements nest and close as they opened, and nothing follows the root: a child that says otherwise ends the reading.
 * 2. The names of open elements are kept here, so that CLOSE needs no word of the child.
 */
#include "error.h"
#include "format.h"
#include "xml-wire.h"
#include <string.h>
#include <unistd.h>

typedef struct {
  char *name, *space;
} XmlElement;

struct FormatXml {
  FrameReader frames;
  char *encoding;
  XmlElement open[XML_DEPTH_MAX];
  guint depth;
  gboolean root_seen;
  GPtrArray *attributes;
};

static void clear_element(XmlElement *element) {
  g_clear_pointer(&element->name, g_free);
  g_clear_pointer(&element->space, g_free);
}

static gboolean fail_garbage(FormatXml *xml, GError **error) { return frame_fail_garbage(&xml->frames, error); }

/* The NUL-ended text at *at, which moves behind it; NULL when there is none that is valid. */
static const char *take_text(const char **at, const char *end) {
  const char *text = *at, *zero = text < end ? memchr(text, '\0', (gsize)(end - text)) : NULL;
  if (zero == NULL || !g_utf8_validate(text, zero - text, NULL)) return NULL;
  *at = zero + 1;
  return text;
}

static gboolean take_info(FormatXml *xml, const guint8 *bytes, gsize length, GError **error) {
  const char *at = (const char *)bytes, *end = at + length, *encoding = take_text(&at, end);
  if (encoding == NULL || at != end || length > 256 || xml->encoding != NULL) return fail_garbage(xml, error);
  xml->encoding = g_strdup(encoding);
  return TRUE;
}

static gboolean take_open(FormatXml *xml, const guint8 *bytes, gsize length, FormatXmlEvent *ret, GError **error) {
  const char *at = (const char *)bytes, *end = at + length, *name = take_text(&at, end), *space = take_text(&at, end);
  if (name == NULL || space == NULL || *name == '\0' || strlen(name) > XML_NAME_MAX || strlen(space) > XML_NAME_MAX || xml->depth >= XML_DEPTH_MAX
      || (xml->depth == 0 && xml->root_seen))
    return fail_garbage(xml, error);
  g_ptr_array_set_size(xml->attributes, 0);
  while (at < end) {
    const char *attribute = take_text(&at, end), *value = take_text(&at, end);
    if (attribute == NULL || value == NULL || *attribute == '\0' || xml->attributes->len > 2 * XML_ATTRIBUTES_MAX) return fail_garbage(xml, error);
    g_ptr_array_add(xml->attributes, (gpointer)attribute);
    g_ptr_array_add(xml->attributes, (gpointer)value);
  }
  g_ptr_array_add(xml->attributes, NULL);
  XmlElement *element = &xml->open[xml->depth++];
  clear_element(element);
  *element = (XmlElement){.name = g_strdup(name), .space = g_strdup(space)};
  xml->root_seen = TRUE;
  *ret = (FormatXmlEvent){.kind = FORMAT_XML_OPEN,
                          .depth = xml->depth,
                          .name = element->name,
                          .space = element->space,
                          .attributes = (const char *const *)xml->attributes->pdata};
  return TRUE;
}

static gboolean take_content(FormatXml *xml, const guint8 *bytes, gsize length, FormatXmlEvent *ret, GError **error) {
  if (xml->depth == 0 || length == 0 || length > XML_TEXT_MAX || !g_utf8_validate_len((const char *)bytes, length, NULL)) return fail_garbage(xml, error);
  const XmlElement *element = &xml->open[xml->depth - 1];
  *ret = (FormatXmlEvent){.kind = FORMAT_XML_TEXT,
                          .depth = xml->depth,
                          .name = element->name,
                          .space = element->space,
                          .text = (const char *)bytes,
                          .length = length};
  return TRUE;
}

static gboolean take_close(FormatXml *xml, gsize length, FormatXmlEvent *ret, GError **error) {
  if (xml->depth == 0 || length != 0) return fail_garbage(xml, error);
  const XmlElement *element = &xml->open[--xml->depth];
  *ret = (FormatXmlEvent){.kind = FORMAT_XML_CLOSE, .depth = xml->depth + 1, .name = element->name, .space = element->space};
  return TRUE;
}

/* ---- the room's interface ---- */

FormatXml *xml_reader_new(Sandbox *sandbox, const char *name) {
  FormatXml *xml = g_new0(FormatXml, 1);
  frame_reader_init(&xml->frames, sandbox, name);
  xml->attributes = g_ptr_array_new();
  return xml;
}

FormatXml *format_xml_open(const char *path, GError **error) {
  int fd = sandbox_open_input(path, error);
  if (fd < 0) return NULL;
  Sandbox *sandbox = sandbox_start("xml", NULL, fd, error);
  close(fd);
  g_autofree char *name = g_filename_display_basename(path);
  return sandbox == NULL ? NULL : xml_reader_new(sandbox, name);
}

gboolean format_xml_next(FormatXml *xml, FormatXmlEvent *ret, GError **error) {
  while (!xml->frames.ended) {
    FrameHead head;
    const guint8 *bytes;
    if (!frame_next(&xml->frames, XML_TAG_MAX + XML_TEXT_MAX, &head, &bytes, error)) return FALSE;
    if (head.type == XML_FRAME_ERROR) return frame_take_error(&xml->frames, bytes, head.length, error);
    if ((xml->encoding == NULL) != (head.type == XML_FRAME_INFO)) return fail_garbage(xml, error);
    switch (head.type) {
      case XML_FRAME_INFO:
        if (!take_info(xml, bytes, head.length, error)) return FALSE;
        break;
      case XML_FRAME_OPEN: return take_open(xml, bytes, head.length, ret, error);
      case XML_FRAME_TEXT: return take_content(xml, bytes, head.length, ret, error);
      case XML_FRAME_CLOSE: return take_close(xml, head.length, ret, error);
      case XML_FRAME_END:
        if (xml->depth > 0 || !xml->root_seen || head.length != 0) return fail_garbage(xml, error);
        xml->frames.ended = TRUE;
        break;
      default: return fail_garbage(xml, error);
    }
  }
  return FALSE;
}

const char *format_xml_encoding(const FormatXml *xml) { return xml->encoding == NULL ? "" : xml->encoding; }

void format_xml_free(FormatXml *xml) {
  if (xml == NULL) return;
  frame_reader_clear(&xml->frames);
  for (guint i = 0; i < XML_DEPTH_MAX; i++) clear_element(&xml->open[i]);
  g_ptr_array_unref(xml->attributes);
  g_free(xml->encoding);
  g_free(xml);
}
