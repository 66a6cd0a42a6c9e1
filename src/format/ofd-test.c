/* OFD documents of many producers: what they are, what they say, and whether their signatures hold; EEP signatures made by the test with openssl. */
#include "crypto.h"
#include "test-fixture.h"
#include <gio/gio.h>

static gboolean collect(guint page, const char *text, gpointer data, GError **error) {
  g_string_append_printf(data, "[%u]%s", page, text);
  return TRUE;
}

static char *text_of(const char *path) {
  g_autoptr(GError) error = NULL;
  FormatInfo info = format_identify(path);
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_true(format_text_pages(path, &info, collect, out, &error));
  g_assert_no_error(error);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static const char *member(json_t *row, const char *key) {
  const char *text = json_string_value(json_object_get(row, key));
  return text ? text : "";
}

static void test_describe(void) {
  static const struct {
    const char *name;
    gint64 pages, attachments;
    const char *title, *text;
  } FILES[] = {
    {"ofdrw-layout-AddAttachment.ofd", 1, 1, "", "这是一个带有附件的OFD文件"},
    {"ofdrw-converter-testPathFillOpacity.ofd", 1, 0, "蚌埠市国土资源局", "关于加快南货场铁路涵洞下穿建设的函"},
    {"ofdrw-converter-999.ofd", 5, 1, "", "发票代码"},
    {"ofdrw-reader-chineseDir.ofd", 1, 0, "", "你好呀，OFD Reader&Writer"},
    {"ofdrw-reader-path_unstd.ofd", 2, 0, "", "立案决定书"},
    {"ofdrw-layout-no_page_container.ofd", 1, 1, "", "开票日期"},
    {"ofdrw-layout-AddWatermarkAnnot.ofd", 6, 0, "", "中华民国十五年三月二十五日"},
    {"ofdrw-converter-z.ofd", 4, 0, "11.4 字型变换", "[4]"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(FILES); i++) {
    g_autofree char *relative = g_build_filename("ofd", FILES[i].name, NULL), *path = fixture_shared(relative);
    if (path == NULL) return;
    g_autoptr(GError) error = NULL;
    json_t *facts = format_ofd_describe(path, &error);
    g_assert_no_error(error);
    g_assert_cmpint(json_integer_value(json_object_get(facts, "pages")), ==, FILES[i].pages);
    g_assert_cmpint(json_integer_value(json_object_get(facts, "attachments")), ==, FILES[i].attachments);
    g_assert_cmpstr(member(facts, "title"), ==, FILES[i].title);
    g_assert_cmpuint(json_array_size(json_object_get(facts, "problems")), ==, 0);
    json_decref(facts);
    FormatInfo info = format_identify(path);
    g_assert_cmpuint(format_page_count(path, &info), ==, FILES[i].pages);
    g_autofree char *text = text_of(path);
    g_assert_nonnull(strstr(text, FILES[i].text));
  }
}

static void assert_signature(const char *name, const char *trust, guint which, const char *kind, const char *state, const char *reason) {
  g_autofree char *relative = g_build_filename("ofd", name, NULL), *shared = *name == '/' ? g_strdup(name) : fixture_shared(relative);
  if (shared == NULL) return;
  g_autoptr(GError) error = NULL;
  json_t *rows = format_signatures(shared, trust, &error), *row = json_array_get(rows, which);
  g_assert_no_error(error);
  g_assert_cmpstr(member(row, "kind"), ==, kind);
  g_assert_cmpstr(member(row, "state"), ==, state);
  g_assert_nonnull(strstr(member(row, "reason"), reason));
  g_assert_null(json_object_get(row, "certificate"));
  json_decref(rows);
}

static void test_signatures(void) {
  assert_signature("ofdrw-sign-allprotected.ofd", NULL, 0, "ofd-seal", "unverifiable", "签名与内容相符，但签发者“OFD Reader and WriterROOT Certificate”");
  assert_signature("ofdrw-sign-signedFile.ofd", NULL, 0, "ofd-seal", "unverifiable", "签名与内容相符");
  assert_signature("ofdrw-converter-1.ofd", NULL, 0, "ofd-seal", "unverifiable", "签名与内容相符");
  assert_signature("ofdrw-layout-keyword.ofd", NULL, 0, "ofd-seal", "invalid", "OFD.xml 的摘要不符");
  assert_signature("ofdrw-converter-h.ofd", NULL, 0, "ofd-seal", "invalid", "Signatures.xml 的摘要不符");
  assert_signature("ofdrw-converter-h.ofd", NULL, 1, "ofd-seal", "unverifiable", "签名与内容相符");
  assert_signature("ofdrw-sign-DigitalSign.ofd", NULL, 0, "ofd-signature", "unverifiable", "没有证书");
  assert_signature("ofdrw-converter-testImageOverridePage.ofd", NULL, 0, "ofd-signature", "unverifiable", "签名与内容相符");
  assert_signature("ofdrw-converter-n.ofd", NULL, 0, "ofd-seal", "unverifiable", "不认识");
}

/* Runs a tool; FALSE when it is not there. */
static gboolean run(const char *const *arguments) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) tool = g_subprocess_newv(arguments, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error);
  return tool && g_subprocess_wait_check(tool, NULL, NULL);
}

/* A certificate that signed one of the files is at hand: the very same document becomes valid, and one byte more makes it invalid. */
static void test_trusted(void) {
  g_autofree char *path = fixture_shared("ofd/ofdrw-sign-allprotected.ofd");
  if (path == NULL) return;
  g_autofree char *trust = fixture_path("trust"), *value = fixture_path("SignedValue.dat"), *certificate = g_build_filename(trust, "signer.cer", NULL);
  g_mkdir(trust, 0700);
  g_autofree char *script = g_strdup_printf(
    "unzip -p '%s' Doc_0/Signs/Sign_0/SignedValue.dat > '%s' && dd if='%s' of='%s' bs=1 skip=17113 count=528", path, value, value, certificate);
  if (!run((const char *const[]){"sh", "-c", script, NULL})) return g_test_skip("unzip is not there");
  assert_signature(path, trust, 0, "ofd-seal", "valid", "");
  g_autofree char *changed = fixture_path("changed.ofd"), *folder = fixture_path("changed");
  g_autofree char *change = g_strdup_printf(
    "mkdir -p '%s' && cd '%s' && unzip -qo '%s' && sed -i 's/你好/您好/' Doc_0/Pages/Page_0/Content.xml && zip -qr '%s' .", folder, folder, path, changed);
  if (!run((const char *const[]){"sh", "-c", change, NULL})) return g_test_skip("zip is not there");
  assert_signature(changed, trust, 0, "ofd-seal", "invalid", "Content.xml 的摘要不符");
}

/* ---- EEP: signed with openssl over the canonical form ---- */

static const char OBJECT[] = "<被签名对象 eep版本=\"2009\"><封装包类型>原始型</封装包类型><题名>关于 &amp; 之外</题名></被签名对象>";

static char *write_eep(const char *object, const char *signature, const char *certificate) {
  g_autofree char *text = g_strdup_printf(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<电子文件封装包 xmlns=\"http://www.saac.gov.cn/standards/ERM/encapsulation\"><版本>2009</版本>\n%s<电子签名块>"
    "<电子签名><签名标识符>修改0-签名1</签名标识符><签名时间>2020-01-02T03:04:05</签名时间><签名人>市档案局</签名人><签名结果>%s</签名结果><证书块><证书>%s</证书></证书块>"
    "<签名算法标识>SM3withSM2</签名算法标识></电子签名></电子签名块></电子文件封装包>",
    object, signature, certificate);
  return fixture_write("package.xml", text, -1);
}

static char *base64_file(const char *path) {
  g_autofree char *bytes = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
  return g_base64_encode((const guchar *)bytes, length);
}

static void test_eep(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *unsigned_path = write_eep(OBJECT, "", "");
  g_autoptr(GBytes) canonical = format_xml_canonical(unsigned_path, "被签名对象", &error);
  g_assert_no_error(error);
  g_assert_null(format_xml_canonical(unsigned_path, "没有", NULL));
  g_autofree char *content = fixture_write("content", g_bytes_get_data(canonical, NULL), (gssize)g_bytes_get_size(canonical));
  g_autofree char *key = fixture_path("eep.key"), *der = fixture_path("eep-trust/eep.cer"), *signature = fixture_path("eep.sig"),
                  *trust = fixture_path("eep-trust");
  g_mkdir(trust, 0700);
  g_autofree char *script = g_strdup_printf(
    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out '%s' && openssl req -new -x509 -key '%s' -sm3 -sigopt distid:1234567812345678 "
    "-subj '/CN=测试签名证书' -days 36500 -outform DER -out '%s' -utf8 && openssl dgst -sm3 -sign '%s' -sigopt distid:1234567812345678 -out '%s' '%s'",
    key, key, der, key, signature, content);
  if (!run((const char *const[]){"sh", "-c", script, NULL})) return g_test_skip("openssl cannot make SM2 certificates here");
  g_autofree char *value = base64_file(signature), *certificate = base64_file(der);
  g_autofree char *good = write_eep(OBJECT, value, certificate);
  assert_signature(good, trust, 0, "eep", "valid", "");
  assert_signature(good, NULL, 0, "eep", "unverifiable", "测试签名证书");
  g_autofree char *changed = write_eep("<被签名对象 eep版本=\"2009\"><封装包类型>修改型</封装包类型></被签名对象>", value, certificate);
  assert_signature(changed, trust, 0, "eep", "invalid", "内容在签名后被改动");
  g_autofree char *bare = write_eep(OBJECT, value, "");
  assert_signature(bare, trust, 0, "eep", "unverifiable", "没有证书");
  g_autofree char *broken = write_eep(OBJECT, value, "AAAA");
  assert_signature(broken, trust, 0, "eep", "unverifiable", "不是有效的 X.509");
}

static void test_damaged(void) {
  g_autofree char *path = fixture_shared("ofd/ofdrw-sign-signedFile.ofd"), *bytes = NULL;
  gsize length;
  if (path == NULL || !g_file_get_contents(path, &bytes, &length, NULL)) return;
  for (gsize cut = 1; cut < length; cut += length / 7) {
    g_autofree char *part = fixture_write("cut.ofd", bytes, (gssize)cut);
    g_autoptr(GError) error = NULL;
    json_t *facts = format_ofd_describe(part, &error);
    g_assert_null(facts);
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  }
  for (gsize at = 100; at < length - 1000; at += length / 23) { /* a flipped byte is a problem told, or hurts nothing that is read; never a crash */
    bytes[at] ^= 0x55;
    g_autofree char *flipped = fixture_write("flipped.ofd", bytes, (gssize)length);
    json_t *facts = format_ofd_describe(flipped, NULL), *rows = format_signatures(flipped, NULL, NULL);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) g_assert_cmpstr(member(row, "state"), !=, "valid");
    json_decref(facts);
    json_decref(rows);
    bytes[at] ^= 0x55;
  }
}

static void test_pdf_is_told(void) {
  g_autofree char *path = fixture_write("signed.pdf", "%PDF-1.4\n1 0 obj\n<</Type/Sig/ByteRange[0 1 2 3]>>\nendobj\n%%EOF\n", -1);
  assert_signature(path, NULL, 0, "pdf", "unverifiable", "不验证 PDF 签名");
}

static void add_tests(void) {
  g_test_add_func("/format/ofd/describe", test_describe);
  g_test_add_func("/format/ofd/signatures", test_signatures);
  g_test_add_func("/format/ofd/trusted", test_trusted);
  g_test_add_func("/format/ofd/damaged", test_damaged);
  g_test_add_func("/format/signature/eep", test_eep);
  g_test_add_func("/format/signature/pdf", test_pdf_is_told);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
