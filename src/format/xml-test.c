/* XML as events: encodings declared rightly and wrongly, what is refused, pieces of long text, children that lie. */
#include "test-fixture.h"
#include "xml-wire.h"
#include <unistd.h>

/* All events in a line: "<name{space} a=v|text|>"; pieces of text that follow one another are joined. NULL and the error when it fails. */
static char *read_all(const char *path, char **ret_encoding, GError **error) {
  g_autoptr(FormatXml) xml = format_xml_open(path, error);
  if (xml == NULL) return NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GError) failed = NULL;
  FormatXmlEvent event;
  while (format_xml_next(xml, &event, &failed)) {
    if (event.kind == FORMAT_XML_TEXT) g_string_append_len(out, event.text, (gssize)event.length);
    if (event.kind == FORMAT_XML_CLOSE) g_string_append_printf(out, "</%s:%u>", event.name, event.depth);
    if (event.kind != FORMAT_XML_OPEN) continue;
    g_string_append_printf(out, "<%s{%s}", event.name, event.space);
    for (const char *const *at = event.attributes; *at != NULL; at += 2) g_string_append_printf(out, " %s=%s", at[0], at[1]);
    g_string_append_c(out, '>');
  }
  if (ret_encoding != NULL) *ret_encoding = g_strdup(format_xml_encoding(xml));
  if (failed == NULL) return g_string_free(g_steal_pointer(&out), FALSE);
  g_propagate_error(error, g_steal_pointer(&failed));
  return NULL;
}

static void assert_reads(const void *bytes, gsize length, const char *wanted, const char *encoding) {
  g_autofree char *path = fixture_write("a.xml", bytes, (gssize)length), *found = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *events = read_all(path, &found, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(events, ==, wanted);
  g_assert_cmpstr(found, ==, encoding);
}

static void assert_refused(const char *bytes, const char *word) {
  g_autofree char *path = fixture_write("bad.xml", bytes, -1);
  g_autoptr(GError) error = NULL;
  g_autofree char *events = read_all(path, NULL, &error);
  g_assert_null(events);
  g_assert_true(error->domain == LANTAI_ERROR && (error->code == LANTAI_ERROR_INVALID || error->code == LANTAI_ERROR_TOO_LARGE));
  if (strstr(error->message, word) == NULL) g_error("%s: wanted %s", error->message, word);
}

static void test_events(void) {
  const char *plain = "<?xml version='1.0' encoding='utf-8'?>\n"
                      "<a xmlns='urn:x' xmlns:p='urn:y' 号='1&amp;2' p:q=\"三\">甲&lt;&#20057;<p:b/>"
                      "<!-- <![CDATA[ no --><?p <![CDATA[?>"
                      "<c><![CDATA[<x>&amp;]]]]><![CDATA[>丁]]></c></a>\n";
  assert_reads(plain, strlen(plain), "<a{urn:x} 号=1&2 q=三>甲<乙<b{urn:y}></b:2><c{urn:x}><x>&amp;]]>丁</c:2></a:1>", "UTF-8");
}

static void test_encodings(void) {
  static const struct {
    const char *declared, *real, *found;
    gboolean marked;
  } CASES[] = {
    {"UTF-8", "UTF-8", "UTF-8", TRUE},
    {"", "UTF-8", "UTF-8", FALSE},
    {"GB2312", "GB2312", "GB2312", FALSE},
    {"gbk", "GBK", "GBK", FALSE},
    {"GB2312", "GB18030", "GB2312", FALSE},
    {"GB18030", "GB18030", "GB18030", FALSE},
    {"UTF-8", "GB18030", "GB18030（声明为 UTF-8）", FALSE},
    {"", "GB18030", "GB18030（没有声明编码）", FALSE},
    {"GB2312", "UTF-8", "UTF-8（声明为 GB2312）", FALSE},
    {"UTF-16", "UTF-8", "UTF-8（声明为 UTF-16）", FALSE},
    {"UTF-16", "UTF-16LE", "UTF-16LE", TRUE},
    {"UTF-16", "UTF-16BE", "UTF-16BE", FALSE},
    {"GB2312", "UTF-16LE", "UTF-16LE", TRUE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    gboolean narrow = strcmp(CASES[i].real, "GB2312") == 0; /* 镕 and 𠀀 are not in it */
    const char *words = narrow ? "关于印发档案工作意见的通知" : "关于朱镕基等同志𠀀档案工作意见的通知";
    if (strcmp(CASES[i].real, "GBK") == 0) words = "关于朱镕基等同志档案工作意见的通知";
    g_autofree char *head = *CASES[i].declared == '\0' ? g_strdup("<?xml version=\"1.0\"?>")
                                                       : g_strdup_printf("<?xml version=\"1.0\" encoding=\"%s\"?>", CASES[i].declared);
    g_autofree char *text = g_strdup_printf("%s%s<题名>%s</题名>", CASES[i].marked ? "\xef\xbb\xbf" : "", head, words);
    gsize length = 0;
    g_autofree char *bytes = g_convert(text, -1, CASES[i].real, "UTF-8", NULL, &length, NULL);
    g_autofree char *wanted = g_strdup_printf("<题名{}>%s</题名:1>", words);
    g_assert_nonnull(bytes);
    assert_reads(bytes, length, wanted, CASES[i].found);
  }
}

static void test_refused(void) {
  assert_refused("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "DOCTYPE");
  assert_refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "DOCTYPE");
  assert_refused("<a>&nbsp;</a>", "未定义的实体");
  assert_refused("<a>\n<b></a>", "第 2 行");
  assert_refused("<a><b>", "不完整");
  assert_refused("<a><![CDATA[x</a>", "CDATA");
  assert_refused("<a b='<![CDATA[x]]>'/>", "XML"); /* not allowed there: it is not taken away either */
  assert_refused("<a/><a/>", "根元素结束后");
  assert_refused("hello", "开头");
  assert_refused("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", "ISO-8859-1");
  assert_refused("<?xml version='1.0' encoding='UTF-8'?>\n<a>档案工作意见的通知书\n\xff</a>", "第 3 行");
  g_autoptr(GString) deep = g_string_new(NULL);
  for (int i = 0; i < 201; i++) g_string_append(deep, "<a>");
  assert_refused(deep->str, "200 层");
  g_autofree char *long_tag = g_strnfill(5 << 20, 'x'), *tag = g_strdup_printf("<a b='%s'/>", long_tag);
  assert_refused(tag, "4 MiB");
  g_autofree char *folder_error = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_null(format_xml_open(fixture_dir, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

/* 12 MiB in one CDATA section and as much in plain text, three-byte characters: pieces of at most 64 KiB, each valid, none lost. */
static void test_long(void) {
  enum { COUNT = 4 << 20 };
  g_autoptr(GString) text = g_string_new("<a><![CDATA[");
  for (int part = 0; part < 2; part++) {
    for (int i = 0; i < COUNT; i++) g_string_append(text, "档");
    g_string_append(text, part == 0 ? "]]><b/>" : "</a>");
  }
  g_autofree char *path = fixture_write("long.xml", text->str, (gssize)text->len);
  g_autoptr(GError) error = NULL;
  g_autoptr(FormatXml) xml = format_xml_open(path, &error);
  FormatXmlEvent event;
  gsize total = 0;
  guint pieces = 0;
  while (format_xml_next(xml, &event, &error)) {
    if (event.kind != FORMAT_XML_TEXT) continue;
    g_assert_cmpuint(event.length, <=, 64 << 10);
    g_assert_true(g_utf8_validate_len(event.text, event.length, NULL));
    total += event.length;
    pieces++;
  }
  g_assert_no_error(error);
  g_assert_cmpuint(total, ==, 2 * 3 * (gsize)COUNT);
  g_assert_cmpuint(pieces, <, 1000);
}

static void test_shared(void) {
  g_autofree char *path = fixture_shared("eep/volume.xml");
  if (path == NULL) return;
  g_autoptr(GError) error = NULL;
  g_autofree char *encoding = NULL, *events = read_all(path, &encoding, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(encoding, ==, "UTF-8");
  g_assert_nonnull(strstr(events, "<项目名称{http://www.saac.gov.cn/standards/ERM/encapsulation}>x字[2021]10010号</项目名称:6>"));
  g_autofree char *hostile = fixture_shared("hostile/testXXE.xml");
  g_autofree char *none = read_all(hostile, NULL, &error);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_null(none);
  g_assert_nonnull(strstr(error->message, "DOCTYPE"));
}

/* ---- children that lie: the probe echoes frames that a true child would never send ---- */

static void frame(GByteArray *out, guint type, const char *bytes, gsize length) {
  frame_append_head(out, type, length);
  g_byte_array_append(out, (const guint8 *)bytes, (guint)length);
}

static gboolean is_believed(GByteArray *frames) {
  g_autofree char *path = fixture_write("frames", frames->data, frames->len);
  int fd = sandbox_open_input(path, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(FormatXml) xml = xml_reader_new(sandbox_start("probe", "echo", fd, NULL), "x.xml");
  close(fd);
  FormatXmlEvent event;
  while (format_xml_next(xml, &event, &error)) {}
  g_assert_false(format_xml_next(xml, &event, NULL)); /* an end stays an end */
  return error == NULL;
}

static void test_liars(void) {
  static const struct {
    XmlFrameType type;
    const char *bytes;
    gsize length;
  } LIES[] = {
    {XML_FRAME_INFO, "UTF-8", 6}, {XML_FRAME_OPEN, "a\0", 2},      {XML_FRAME_OPEN, "\0\0", 2},       {XML_FRAME_OPEN, "b\0\0x\0", 5},
    {XML_FRAME_TEXT, "\xff", 1},  {XML_FRAME_TEXT, "", 0},         {XML_FRAME_CLOSE, "x", 1},         {XML_FRAME_END, "", 0},
    {(XmlFrameType)9, "", 0},     {XML_FRAME_OPEN, "b\0\0\0v\0", 6}, {XML_FRAME_OPEN, "\xff\0\0", 3},
  };
  g_autoptr(GByteArray) good = g_byte_array_new();
  frame(good, XML_FRAME_INFO, "UTF-8", 6);
  frame(good, XML_FRAME_OPEN, "a\0\0", 3);
  for (gsize i = 0; i < G_N_ELEMENTS(LIES); i++) {
    g_autoptr(GByteArray) frames = g_byte_array_new();
    g_byte_array_append(frames, good->data, good->len);
    frame(frames, LIES[i].type, LIES[i].bytes, LIES[i].length);
    g_assert_false(is_believed(frames));
  }
  g_assert_false(is_believed(good)); /* breaks off */
  frame(good, XML_FRAME_CLOSE, "", 0);
  frame(good, XML_FRAME_END, "", 0);
  g_assert_true(is_believed(good));
  g_autoptr(GByteArray) twice = g_byte_array_new();
  g_byte_array_append(twice, good->data, good->len - (guint)sizeof(FrameHead));
  frame(twice, XML_FRAME_OPEN, "a\0\0", 3);
  g_assert_false(is_believed(twice));
}

static void add_tests(void) {
  g_test_add_func("/xml/events", test_events);
  g_test_add_func("/xml/encodings", test_encodings);
  g_test_add_func("/xml/refused", test_refused);
  g_test_add_func("/xml/long", test_long);
  g_test_add_func("/xml/shared", test_shared);
  g_test_add_func("/xml/liars", test_liars);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
