/*
 * Signatures of documents: the child that knows the format does the mathematics (ofd-sign.c, and EEP here), a second child asks whether the signers are
 * among the certificates at hand. So neither the document nor a certificate from outside is parsed in the program itself.
 *
 * 1. "valid" needs both: the mathematics hold, and the signer's certificate is trusted. Either missing is "unverifiable" with the reason, or "invalid".
 * 2. An EEP's signature is over the canonical form of 被签名对象 (C14N 1.0, inclusive or exclusive: producers differ).
 */
#include "signature.h"
#include "error.h"
#include "format.h"
#include "ofd-child.h"
#include "sandbox.h"
#include "seal.h"
#include <fcntl.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XML_BYTES_MAX ((gint64)256 << 20)
#define ANSWER_BYTES_MAX ((gsize)64 << 20)
enum { TRUST_FILES_MAX = 2000, TRUST_BYTES_MAX = 1 << 20 };

void signature_judge(json_t *row, const char *state, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *raw = g_strdup_vprintf(format, arguments), *text = g_utf8_make_valid(raw, -1);
  va_end(arguments);
  json_object_set_new(row, "state", json_string(state));
  json_object_set_new(row, "reason", json_string(text));
}

static char *iso_text(gint64 at_us) {
  g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(at_us / G_USEC_PER_SEC);
  return when ? g_date_time_format(when, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("");
}

void signature_certificate(json_t *row, GBytes *der, gint64 at_us) {
  g_auto(Certificate) certificate = {0};
  gsize length;
  const guint8 *bytes = g_bytes_get_data(der, &length);
  g_autofree char *base64 = g_base64_encode(bytes, length);
  json_object_set_new(row, "certificate", json_string(base64));
  if (certificate_read(der, &certificate, NULL)) json_object_set_new(row, "signer", json_string(certificate.subject));
  if (at_us == 0) return;
  g_autofree char *at = iso_text(at_us);
  json_object_set_new(row, "at", json_string(at));
  json_object_set_new(row, "at_us", json_integer(at_us));
}

/* ---- EEP: the child ---- */

static void silent(void *data, const xmlError *problem) {}

static xmlDoc *read_xml(int fd, const char **ret_reason) {
  struct stat about;
  if (fstat(fd, &about) != 0 || about.st_size > XML_BYTES_MAX) return *ret_reason = "文件超过 256 MiB，不能在内存中规范化", NULL;
  xmlSetStructuredErrorFunc(NULL, (xmlStructuredErrorFunc)silent);
  xmlDoc *doc = xmlReadFd(fd, NULL, NULL, XML_PARSE_NONET | XML_PARSE_HUGE);
  if (doc == NULL || doc->intSubset) {
    *ret_reason = doc ? "XML 带有文档类型声明（DTD），没有读取" : "不是完整的 XML";
    g_clear_pointer(&doc, xmlFreeDoc);
  }
  return doc;
}

static xmlNode *find_element(xmlNode *node, const char *name) {
  for (xmlNode *at = node; at;) { /* without recursion: depth is the document's */
    if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0) return at;
    if (at->type == XML_ELEMENT_NODE && at->children) at = at->children;
    else {
      while (at && at != node && at->next == NULL) at = at->parent;
      at = at && at != node ? at->next : NULL;
    }
  }
  return NULL;
}

static int is_inside(void *top, xmlNode *node, xmlNode *parent) {
  for (xmlNode *at = node->type == XML_NAMESPACE_DECL ? parent : node; at; at = at->parent)
    if (at == top) return 1;
  return 0;
}

static GBytes *canonical(xmlNode *element, int mode) {
  xmlOutputBuffer *buffer = xmlAllocOutputBuffer(NULL);
  int written = buffer ? xmlC14NExecute(element->doc, is_inside, element, mode, NULL, 0, buffer) : -1;
  GBytes *bytes = written >= 0 && xmlOutputBufferGetSize(buffer) > 0 ? g_bytes_new(xmlOutputBufferGetContent(buffer), xmlOutputBufferGetSize(buffer)) : NULL;
  if (buffer) xmlOutputBufferClose(buffer);
  return bytes;
}

static GBytes *decode(const char *base64) {
  gsize length;
  g_autofree char *packed = g_strdup(base64);
  gsize kept = 0;
  for (const char *at = base64; *at; at++)
    if (!g_ascii_isspace(*at)) packed[kept++] = *at;
  packed[kept] = '\0';
  guchar *bytes = g_base64_decode(packed, &length);
  return g_bytes_new_take(bytes, length);
}

static const char *digest_named(const char *algorithm) {
  static const char *const NAMES[][2] = {{"SM3", "sm3"}, {"SHA512", "sha512"}, {"SHA384", "sha384"}, {"SHA256", "sha256"}, {"SHA1", "sha1"}};
  g_autofree char *upper = g_ascii_strup(algorithm, -1);
  g_autoptr(GString) plain = g_string_new(upper);
  g_string_replace(plain, "-", "", 0);
  for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++)
    if (strstr(plain->str, NAMES[i][0])) return NAMES[i][1];
  return "sha256";
}

static void judge_eep(json_t *row, xmlNode *signature, xmlNode *object) {
  static const int MODES[] = {XML_C14N_1_0, XML_C14N_EXCLUSIVE_1_0, XML_C14N_1_1};
  xmlNode *block = ofd_child(signature, "证书块", NULL);
  g_autofree char *value_text = ofd_text(signature, "签名结果"), *certificate_text = ofd_text(block, "证书"), *algorithm = ofd_text(signature, "签名算法标识"),
                  *at = ofd_text(signature, "签名时间"), *signer = ofd_text(signature, "签名人");
  if (*at) json_object_set_new(row, "at", json_string(at));
  if (*signer) json_object_set_new(row, "signer", json_string(signer));
  g_autoptr(GBytes) value = decode(value_text), raw = decode(certificate_text);
  gsize length;
  const void *bytes = g_bytes_get_data(raw, &length);
  g_autoptr(GBytes) certificate = length ? certificate_der(bytes, length) : NULL;
  if (certificate == NULL) {
    signature_judge(row, "unverifiable", "%s", length ? "证书块中的证书不是有效的 X.509 证书" : "封装包中没有证书，不能验证签名");
    return;
  }
  signature_certificate(row, certificate, 0);
  for (guint i = 0; i < G_N_ELEMENTS(MODES); i++) {
    g_autoptr(GBytes) content = canonical(object, MODES[i]);
    if (content && certificate_verify(certificate, digest_named(algorithm), content, value)) {
      signature_judge(row, "good", "%s", "");
      return;
    }
  }
  signature_judge(row, "invalid", "%s", "签名与被签名对象不符：内容在签名后被改动，或证书不是签名所用的证书");
}

json_t *eep_signatures(int fd) {
  json_t *rows = json_array();
  const char *reason = "";
  xmlDoc *doc = read_xml(fd, &reason);
  xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL, *object = find_element(root, "被签名对象"), *block = ofd_child(root, "电子签名块", NULL),
          *signature = NULL;
  if (doc == NULL) {
    json_t *row = json_pack("{s:s, s:[]}", "kind", "eep", "covers");
    signature_judge(row, "unverifiable", "%s", reason);
    json_array_append_new(rows, row);
  }
  while (object && (signature = ofd_child(block, "电子签名", signature)) && json_array_size(rows) < 1000) {
    json_t *row = json_pack("{s:s, s:[s]}", "kind", "eep", "covers", "被签名对象");
    judge_eep(row, signature, object);
    json_array_append_new(rows, row);
  }
  if (doc) xmlFreeDoc(doc);
  return rows;
}

static void answer(json_t *value) {
  g_autofree char *text = json_dumps(value, JSON_COMPACT);
  jail_answer(text, strlen(text));
  json_decref(value);
}

int child_eep(const char *argument) {
  answer(eep_signatures(SANDBOX_INPUT));
  return 0;
}

/* The canonical form of the first element of that name; nothing when there is none. */
int child_canonical(const char *argument) {
  const char *reason = "";
  xmlDoc *doc = read_xml(SANDBOX_INPUT, &reason);
  xmlNode *element = doc ? find_element(xmlDocGetRootElement(doc), argument) : NULL;
  g_autoptr(GBytes) bytes = element ? canonical(element, XML_C14N_EXCLUSIVE_1_0) : NULL;
  if (bytes == NULL) return 0;
  gsize length;
  const void *data = g_bytes_get_data(bytes, &length);
  jail_answer(data, length);
  return 0;
}

/* ---- who signed: a child with the certificates at hand ---- */

static GBytes *member_bytes(json_t *row, const char *member) {
  const char *text = json_string_value(json_object_get(row, member));
  return text ? decode(text) : NULL;
}

static void settle(json_t *row, GPtrArray *trusted) {
  g_autoptr(GBytes) certificate = member_bytes(row, "certificate"), value = member_bytes(row, "value"), content = member_bytes(row, "content");
  const char *state = json_string_value(json_object_get(row, "state"));
  if (g_strcmp0(state, "good") == 0) {
    g_autofree char *reason = NULL;
    if (certificate_trusted(certificate, trusted, json_integer_value(json_object_get(row, "at_us")), &reason)) signature_judge(row, "valid", "%s", "");
    else signature_judge(row, "unverifiable", "签名与内容相符，但%s", reason);
  }
  for (guint i = 0; value && content && i < trusted->len; i++) {
    GBytes *known = g_ptr_array_index(trusted, i);
    if (!certificate_verify(known, "sm3", content, value)) continue;
    signature_certificate(row, known, 0);
    signature_judge(row, "valid", "%s", "");
    break;
  }
  static const char *const INNER[] = {"certificate", "value", "content", "at_us", "path"};
  for (guint i = 0; i < G_N_ELEMENTS(INNER); i++) json_object_del(row, INNER[i]);
}

/* Input: {"trust": [DER in base64], "rows": […]}; answer: the rows. */
int child_trust(const char *argument) {
  json_t *input = json_loadfd(SANDBOX_INPUT, 0, NULL), *rows = json_object_get(input, "rows"), *row, *entry;
  g_autoptr(GPtrArray) trusted = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  size_t i;
  json_array_foreach(json_object_get(input, "trust"), i, entry) {
    g_autoptr(GBytes) raw = decode(json_string_value(entry) ? json_string_value(entry) : "");
    gsize length;
    const void *bytes = g_bytes_get_data(raw, &length);
    GBytes *der = length ? certificate_der(bytes, length) : NULL;
    if (der) g_ptr_array_add(trusted, der);
  }
  json_array_foreach(rows, i, row) settle(row, trusted);
  answer(rows ? json_incref(rows) : json_array());
  json_decref(input);
  return 0;
}

/* ---- the program's side ---- */

static json_t *run_child(const char *kind, const char *argument, int fd, GError **error) {
  g_autoptr(GByteArray) bytes = sandbox_run(kind, argument, fd, ANSWER_BYTES_MAX, error);
  json_t *value = bytes ? json_loadb((const char *)bytes->data, bytes->len, 0, NULL) : NULL;
  if (bytes && value == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "解析程序没有给出结果");
  const char *refusal = json_string_value(json_object_get(value, "error"));
  if (refusal == NULL) return value;
  throw(error, LANTAI_ERROR_INVALID, "%s", refusal);
  json_decref(value);
  return NULL;
}

static json_t *read_trust(const char *folder) {
  json_t *list = json_array();
  g_autoptr(GDir) dir = folder ? g_dir_open(folder, 0, NULL) : NULL;
  const char *name;
  while (dir && (name = g_dir_read_name(dir)) && json_array_size(list) < TRUST_FILES_MAX) {
    g_autofree char *path = g_build_filename(folder, name, NULL), *bytes = NULL;
    gsize length;
    struct stat about;
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size > TRUST_BYTES_MAX || !g_file_get_contents(path, &bytes, &length, NULL)) continue;
    g_autofree char *base64 = g_base64_encode((const guchar *)bytes, length);
    json_array_append_new(list, json_string(base64));
  }
  return list;
}

static json_t *ask_trust(json_t *rows, const char *trust, GError **error) {
  json_t *input = json_pack("{s:o, s:O}", "trust", read_trust(trust), "rows", rows);
  g_autofree char *text = json_dumps(input, JSON_COMPACT);
  json_decref(input);
  int fd = memfd_create("trust", MFD_CLOEXEC);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "内存不足，不能核对证书");
  gsize length = strlen(text), done = 0;
  for (gssize put; done < length && (put = write(fd, text + done, length - done)) > 0;) done += (gsize)put;
  lseek(fd, 0, SEEK_SET);
  json_t *settled = done == length ? run_child("trust", NULL, fd, error) : throw_null(error, LANTAI_ERROR_UNAVAILABLE, "内存不足，不能核对证书");
  close(fd);
  return settled;
}

enum { PDF_BLOCK = 1 << 16 };

/* A PDF's own signatures are not verified here; that there are some is told. */
static json_t *pdf_signatures(int fd) {
  json_t *rows = json_array();
  char block[PDF_BLOCK + 16];
  gsize kept = 0;
  for (gssize got; json_array_size(rows) == 0 && (got = read(fd, block + kept, PDF_BLOCK)) > 0;) {
    gsize filled = kept + (gsize)got;
    if (memmem(block, filled, "/ByteRange", 10)) {
      json_t *row = json_pack("{s:s, s:[]}", "kind", "pdf", "covers");
      signature_judge(row, "unverifiable", "%s", "PDF 带有电子签名；本系统不验证 PDF 签名，请用签名单位提供的工具验证");
      json_array_append_new(rows, row);
    }
    kept = MIN(filled, 10);
    memmove(block, block + filled - kept, kept);
  }
  return rows;
}

json_t *format_signatures(const char *path, const char *trust, GError **error) {
  FormatInfo info = format_identify(path);
  gboolean ofd = g_str_equal(info.mime, "application/ofd"), xml = g_str_equal(info.mime, "text/xml"), pdf = g_str_equal(info.kind, "pdf");
  if (!ofd && !xml && !pdf) return json_array();
  int fd = sandbox_open_input(path, error);
  if (fd < 0) return NULL;
  json_t *rows = pdf ? pdf_signatures(fd) : ofd ? run_child("ofd", "signatures", fd, error) : run_child("eep", NULL, fd, error);
  close(fd);
  if (rows == NULL || pdf || json_array_size(rows) == 0) return rows;
  json_t *settled = ask_trust(rows, trust, error);
  json_decref(rows);
  return settled;
}

json_t *format_ofd_describe(const char *path, GError **error) {
  int fd = sandbox_open_input(path, error);
  if (fd < 0) return NULL;
  json_t *facts = run_child("ofd", "describe", fd, error);
  close(fd);
  return facts;
}

GBytes *format_xml_canonical(const char *path, const char *element, GError **error) {
  if (strlen(element) >= SANDBOX_ARGUMENT_MAX) return throw_null(error, LANTAI_ERROR_INVALID, "元素名过长");
  int fd = sandbox_open_input(path, error);
  if (fd < 0) return NULL;
  g_autoptr(GByteArray) bytes = sandbox_run("canonical", element, fd, (gsize)XML_BYTES_MAX * 2, error);
  close(fd);
  if (bytes == NULL) return NULL;
  if (bytes->len == 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "XML 中没有元素 %s，或不是完整的 XML", element);
  return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}
