/*
 * Signatures and seals of an OFD document, in the child: digests of the protected parts, then the signature over Signature.xml (GB/T 33190 §18, GB/T 38540).
 * Whether the signer is known is asked afterwards, with the certificates at hand (signature.c).
 */
#include "crypto.h"
#include "ofd-child.h"
#include "seal.h"
#include "signature.h"
#include <string.h>
#include <libxml/tree.h>

static const struct {
  const char *names[4]; /* as producers write the method */
  DigestKind kind;
} METHODS[] = {{{"1.2.156.10197.1.401", "SM3", "sm3"}, DIGEST_SM3}, {{"2.16.840.1.101.3.4.2.1", "SHA256", "SHA-256"}, DIGEST_SHA256},
  {{"SHA512", "SHA-512"}, DIGEST_SHA512}};

static gboolean method_of(const char *name, DigestKind *ret) {
  for (guint i = 0; i < G_N_ELEMENTS(METHODS); i++)
    for (guint k = 0; k < G_N_ELEMENTS(METHODS[i].names) && METHODS[i].names[k]; k++)
      if (g_ascii_strcasecmp(name, METHODS[i].names[k]) == 0) return *ret = METHODS[i].kind, TRUE;
  return FALSE;
}

static char *base64_hex(const char *base64) {
  gsize length;
  g_autofree guchar *bytes = g_base64_decode(base64, &length);
  GString *hex = g_string_new(NULL);
  for (gsize i = 0; i < length && i < 128; i++) g_string_append_printf(hex, "%02x", bytes[i]);
  return g_string_free(hex, FALSE);
}

/* Holds every protected part against its digest; adds their names to covers. NULL: all hold; else ret_state says how bad it is. */
static char *check_references(Ofd *ofd, const char *path, xmlNode *references, json_t *covers, const char **ret_state) {
  g_autofree char *method = ofd_attribute(references, "CheckMethod");
  DigestKind kind;
  *ret_state = "invalid";
  if (references == NULL) return g_strdup("签名没有列出受保护的部件");
  if (!method_of(*method ? method : "SM3", &kind)) return *ret_state = "unverifiable", g_strdup_printf("摘要算法 %s 不认识，不能核对受保护的部件", method);
  for (xmlNode *reference = NULL; (reference = ofd_child(references, "Reference", reference));) {
    g_autofree char *file = ofd_attribute(reference, "FileRef"), *value = ofd_text(reference, "CheckValue"), *wanted = base64_hex(value);
    g_autofree char *part = ofd_resolve(ofd, path, file);
    json_array_append_new(covers, json_string(part));
    g_autoptr(GBytes) bytes = ofd_part(ofd, part, FALSE);
    if (bytes == NULL) return g_strdup_printf("受保护的部件 %s 不在文件中", part);
    gsize length;
    const void *data = g_bytes_get_data(bytes, &length);
    g_autofree char *found = crypto_digest_hex(kind, data, length);
    if (!g_str_equal(found, wanted)) return g_strdup_printf("部件 %s 的摘要不符：签名后被改动过", part);
  }
  return json_array_size(covers) ? NULL : g_strdup("签名没有列出受保护的部件");
}

static void judge_seal(json_t *row, GBytes *value, GBytes *document) {
  g_auto(Seal) seal = {0};
  g_autoptr(GError) error = NULL;
  if (!seal_verify(value, document, &seal, NULL) && !signed_data_verify(value, document, &seal, &error)) {
    signature_judge(row, "unverifiable", "%s", error->message);
    return;
  }
  if (seal.seal_name) json_object_set_new(row, "seal", json_string(seal.seal_name));
  signature_certificate(row, seal.certificate, seal.at_us);
  if (!seal.good) signature_judge(row, "invalid", "%s", seal.reason);
  else signature_judge(row, "good", "%s", "");
}

/* A bare SM2 value names no signer: its certificate has to be at hand. */
static void judge_value(json_t *row, GBytes *value, GBytes *document) {
  gsize length;
  const guint8 *bytes = g_bytes_get_data(value, &length);
  g_autofree char *signature = g_base64_encode(bytes, length);
  const guint8 *content = g_bytes_get_data(document, &length);
  g_autofree char *signed_bytes = g_base64_encode(content, length);
  json_object_set_new(row, "value", json_string(signature));
  json_object_set_new(row, "content", json_string(signed_bytes));
  signature_judge(row, "unverifiable", "签名中没有证书，须有签名人的证书才能验证");
}

static json_t *judge(Ofd *ofd, xmlNode *entry, const char *list_path) {
  g_autofree char *reference = ofd_attribute(entry, "BaseLoc"), *path = ofd_resolve(ofd, list_path, reference), *type = ofd_attribute(entry, "Type");
  gboolean plain = g_ascii_strcasecmp(type, "Sign") == 0;
  json_t *covers = json_array(), *row = json_pack("{s:s, s:s, s:o}", "kind", plain ? "ofd-signature" : "ofd-seal", "path", path, "covers", covers);
  g_autoptr(GBytes) document = ofd_part(ofd, path, FALSE);
  xmlNode *root = document ? ofd_xml(ofd, path, FALSE) : NULL, *info = ofd_child(root, "SignedInfo", NULL);
  g_autofree char *value_reference = ofd_text(root, "SignedValue"), *value_path = ofd_resolve(ofd, path, value_reference),
                  *at = ofd_text(info, "SignatureDateTime");
  if (*at) json_object_set_new(row, "at", json_string(at));
  const char *state = "unverifiable";
  g_autofree char *wrong = info ? check_references(ofd, path, ofd_child(info, "References", NULL), covers, &state)
                                : g_strdup_printf("签名文件 %s 读不出来", path);
  g_autoptr(GBytes) value = info ? ofd_part(ofd, value_path, FALSE) : NULL;
  if (wrong) signature_judge(row, state, "%s", wrong);
  else if (value == NULL) signature_judge(row, "invalid", "%s", "签名值 SignedValue 不在文件中");
  else if (plain && g_bytes_get_size(value) < 200) judge_value(row, value, document);
  else judge_seal(row, value, document);
  ofd_xml_free(root);
  return row;
}

static gboolean judge_document(Ofd *ofd, xmlNode *body, const char *root_path, gpointer data) {
  g_autofree char *reference = ofd_text(body, "Signatures"), *path = *reference ? ofd_resolve(ofd, "OFD.xml", reference) : NULL;
  xmlNode *root = path ? ofd_xml(ofd, path, FALSE) : NULL, *entry = NULL;
  if (path && root == NULL) {
    json_t *row = json_pack("{s:s, s:s, s:[]}", "kind", "ofd-signature", "path", path, "covers");
    signature_judge(row, "unverifiable", "签名列表 %s 读不出来", path);
    json_array_append_new(data, row);
  }
  while ((entry = ofd_child(root, "Signature", entry)) && json_array_size(data) < 1000) json_array_append_new(data, judge(ofd, entry, path));
  ofd_xml_free(root);
  return TRUE;
}

json_t *ofd_signatures(Ofd *ofd) {
  json_t *rows = json_array();
  g_autoptr(GError) error = NULL;
  ofd_documents(ofd, judge_document, rows, &error);
  return rows;
}
