/*
 * The child that reads XML: libxml2's push parser over text that xml-decode.h gives, events into frames (xml-wire.h).
 *
 * 1. A document type declaration ends the run, so that no entity but the five predefined can exist; nothing is ever loaded.
 * 2. Memory does not grow with the file: text goes out in pieces, a tag or comment longer than XML_TAG_MAX ends the run.
 */
#include "error.h"
#include "table-sink.h"
#include "xml-decode.h"
#include "xml-wire.h"
#include <libxml/parser.h>
#include <string.h>

enum { FLUSH_AT = 256 << 10 };

typedef struct {
  xmlParserCtxtPtr parser;
  XmlAnswer answer;
  GByteArray *out;
  GString *text; /* of the current element, not yet sent */
  guint depth;
  guint64 events;
  GError *error;
} XmlRun;

static void stop(XmlRun *run, GError *error) {
  if (run->error == NULL) run->error = error;
  else g_error_free(error);
  xmlStopParser(run->parser);
}

#define STOP(run, ...) stop(run, g_error_new(LANTAI_ERROR, LANTAI_ERROR_INVALID, __VA_ARGS__))

static void flush(XmlRun *run) {
  run->answer(run->out->data, run->out->len);
  g_byte_array_set_size(run->out, 0);
}

static void send_text(XmlRun *run) {
  for (gsize at = 0; at < run->text->len;) {
    gsize length = MIN(run->text->len - at, XML_TEXT_MAX);
    while (at + length < run->text->len && ((guchar)run->text->str[at + length] & 0xc0) == 0x80) length--; /* not within a character */
    frame_append_head(run->out, XML_FRAME_TEXT, length);
    g_byte_array_append(run->out, (const guint8 *)run->text->str + at, (guint)length);
    at += length;
  }
  g_string_truncate(run->text, 0);
  if (run->out->len >= FLUSH_AT) flush(run);
}

/* ---- events ---- */

static void on_doctype(void *data, const xmlChar *name, const xmlChar *external, const xmlChar *system) {
  STOP(data, "带有文档类型声明（DOCTYPE），可能引用外部内容，已拒绝；请去掉声明后再试");
}

static void on_problem(void *data, const xmlError *problem) {}

static void on_open(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces, const xmlChar **spaces, int count,
                    int defaulted, const xmlChar **attributes) {
  XmlRun *run = data;
  run->events++;
  send_text(run);
  if (++run->depth > XML_DEPTH_MAX) return STOP(run, "元素嵌套超过 %d 层，可能是恶意文件，已停止", XML_DEPTH_MAX);
  const char *space = uri == NULL ? "" : (const char *)uri;
  if (strlen((const char *)name) > XML_NAME_MAX || strlen(space) > XML_NAME_MAX) return STOP(run, "元素名或命名空间超过 %d 字节", XML_NAME_MAX);
  if (count > XML_ATTRIBUTES_MAX) return STOP(run, "一个元素的属性超过 %d 个", XML_ATTRIBUTES_MAX);
  gsize length = strlen((const char *)name) + strlen(space) + 2;
  for (int i = 0; i < count; i++) length += strlen((const char *)attributes[5 * i]) + (gsize)(attributes[5 * i + 4] - attributes[5 * i + 3]) + 2;
  frame_append_head(run->out, XML_FRAME_OPEN, length);
  frame_append_text(run->out, (const char *)name);
  frame_append_text(run->out, space);
  for (int i = 0; i < count; i++) {
    const xmlChar *value = attributes[5 * i + 3];
    frame_append_text(run->out, (const char *)attributes[5 * i]);
    g_byte_array_append(run->out, value, (guint)(attributes[5 * i + 4] - value));
    g_byte_array_append(run->out, (const guint8 *)"", 1);
  }
}

static void on_close(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
  XmlRun *run = data;
  run->events++;
  send_text(run);
  run->depth--;
  frame_append_head(run->out, XML_FRAME_CLOSE, 0);
}

static void on_text(void *data, const xmlChar *text, int length) {
  XmlRun *run = data;
  run->events++;
  g_string_append_len(run->text, (const char *)text, length);
  if (run->text->len >= XML_TEXT_MAX) send_text(run);
}

/* ---- the run ---- */

static gboolean fail_xml(XmlRun *run, GError **error) {
  static const struct {
    int code;
    const char *reason;
  } REASONS[] = {
    {XML_ERR_DOCUMENT_EMPTY, "没有内容，或不以“<”开头"}, {XML_ERR_DOCUMENT_END, "文件不完整，中途结束"},  {XML_ERR_TAG_NOT_FINISHED, "文件不完整，有元素没有结束"},
    {XML_ERR_TAG_NAME_MISMATCH, "开始标签与结束标签不配对"}, {XML_ERR_UNDECLARED_ENTITY, "有未定义的实体"}, {XML_ERR_INVALID_CHAR, "有 XML 不允许的字符"},
    {XML_ERR_ATTRIBUTE_REDEFINED, "一个元素中有同名的属性"}, {XML_ERR_LT_IN_ATTRIBUTE, "属性值中有“<”"},
  };
  const char *reason = "不是合格的 XML";
  for (gsize i = 0; i < G_N_ELEMENTS(REASONS); i++)
    if (REASONS[i].code == run->parser->errNo) reason = REASONS[i].reason;
  if (run->parser->errNo == XML_ERR_DOCUMENT_END && run->depth == 0 && run->events > 0) reason = "根元素结束后还有内容";
  return throw(error, LANTAI_ERROR_INVALID, "第 %d 行附近%s；请用生成它的软件重新导出后再试", xmlSAX2GetLineNumber(run->parser), reason);
}

static gboolean feed(XmlRun *run, XmlDecoder *decoder, GError **error) {
  guint64 events = 0;
  for (gsize pending = 0;;) {
    const char *text;
    gsize length;
    guint lines = 0;
    GError *failed = NULL;
    if (!xml_decoder_next(decoder, &text, &length, &lines, &failed)) {
      g_propagate_prefixed_error(error, failed, "第 %u 行附近", (guint)xmlSAX2GetLineNumber(run->parser) + lines);
      return FALSE;
    }
    xmlParseChunk(run->parser, text, (int)length, length == 0);
    if (run->error != NULL) {
      g_propagate_prefixed_error(error, g_steal_pointer(&run->error), "第 %d 行附近", xmlSAX2GetLineNumber(run->parser));
      return FALSE;
    }
    if (!run->parser->wellFormed) return fail_xml(run, error);
    if (length == 0) return TRUE;
    pending = run->events == events ? pending + length : 0;
    events = run->events;
    if (pending > XML_TAG_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "第 %d 行附近的一个标签或注释超过 4 MiB，已停止", xmlSAX2GetLineNumber(run->parser));
  }
}

static gboolean parse(XmlRun *run, int fd, GError **error) {
  g_autoptr(XmlDecoder) decoder = xml_decoder_new(fd, error);
  if (decoder == NULL) return FALSE;
  frame_append_head(run->out, XML_FRAME_INFO, strlen(xml_decoder_encoding(decoder)) + 1);
  frame_append_text(run->out, xml_decoder_encoding(decoder));
  xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
                           .internalSubset = on_doctype,
                           .startElementNs = on_open,
                           .endElementNs = on_close,
                           .characters = on_text,
                           .ignorableWhitespace = on_text,
                           .serror = (xmlStructuredErrorFunc)on_problem};
  run->parser = xmlCreatePushParserCtxt(&handler, run, NULL, 0, NULL);
  /* NOENT only makes &amp; in attributes a plain character; HUGE: our own bounds are narrower, for text there is none */
  xmlCtxtUseOptions(run->parser, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_HUGE | XML_PARSE_IGNORE_ENC);
  gboolean done = feed(run, decoder, error);
  xmlFreeParserCtxt(run->parser);
  return done;
}

void xml_child_parse(int fd, XmlAnswer answer) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GByteArray) out = g_byte_array_sized_new(2 * FLUSH_AT);
  g_autoptr(GString) text = g_string_new(NULL);
  XmlRun run = {.answer = answer, .out = out, .text = text};
  if (parse(&run, fd, &error)) frame_append_head(out, XML_FRAME_END, 0);
  else frame_append_error(out, XML_FRAME_ERROR, error);
  g_clear_error(&run.error);
  flush(&run);
}

int child_xml(const char *argument) {
  xml_child_parse(SANDBOX_INPUT, jail_answer);
  return 0;
}
