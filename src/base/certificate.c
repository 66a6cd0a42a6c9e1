/* Certificates by OpenSSL: reading, verifying signatures made with their keys, and whether they lead to a trusted one. */
#include "error.h"
#include "seal.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SM2_DEFAULT_ID "1234567812345678"
enum { NAME_MAX_BYTES = 500 };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)

void certificate_clear(Certificate *certificate) {
  g_free(certificate->subject);
  g_free(certificate->issuer);
}

static X509 *parse(GBytes *der) {
  gsize length;
  const unsigned char *bytes = der ? g_bytes_get_data(der, &length) : NULL;
  return bytes && length < G_MAXINT ? d2i_X509(NULL, &bytes, (long)length) : NULL;
}

GBytes *certificate_der(const void *bytes, gsize length) {
  const unsigned char *at = bytes;
  g_autoptr(X509) found = length < G_MAXINT ? d2i_X509(NULL, &at, (long)length) : NULL;
  if (found == NULL) {
    g_autoptr(BIO) memory = BIO_new_mem_buf(bytes, (int)MIN(length, (gsize)G_MAXINT));
    found = memory ? PEM_read_bio_X509(memory, NULL, NULL, NULL) : NULL;
  }
  unsigned char *out = NULL;
  int size = found ? i2d_X509(found, &out) : 0;
  GBytes *der = size > 0 ? g_bytes_new(out, (gsize)size) : NULL;
  OPENSSL_free(out);
  return der;
}

static char *name_text(const X509_NAME *name) {
  int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  unsigned char *utf8 = NULL;
  int length = at >= 0 ? ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) : -1;
  if (length > 0) {
    g_autofree char *raw = g_strndup((const char *)utf8, (gsize)MIN(length, NAME_MAX_BYTES));
    OPENSSL_free(utf8);
    return g_utf8_make_valid(raw, -1);
  }
  g_autoptr(BIO) memory = BIO_new(BIO_s_mem());
  if (memory == NULL || X509_NAME_print_ex(memory, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0) return g_strdup("");
  char *data = NULL;
  long size = BIO_get_mem_data(memory, &data);
  g_autofree char *raw = g_strndup(data, (gsize)CLAMP(size, 0, NAME_MAX_BYTES));
  return g_utf8_make_valid(raw, -1);
}

static gint64 when_us(const ASN1_TIME *when) {
  struct tm parts;
  if (ASN1_TIME_to_tm(when, &parts) != 1) return 0;
  g_autoptr(GDateTime) time = g_date_time_new_utc(parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return time ? g_date_time_to_unix(time) * G_USEC_PER_SEC : 0;
}

gboolean certificate_read(GBytes *der, Certificate *ret, GError **error) {
  g_autoptr(X509) x509 = parse(der);
  if (x509 == NULL) return throw(error, LANTAI_ERROR_INVALID, "证书不是有效的 X.509 证书");
  EVP_PKEY *key = X509_get0_pubkey(x509);
  *ret = (Certificate){name_text(X509_get_subject_name(x509)), name_text(X509_get_issuer_name(x509)), when_us(X509_get0_notBefore(x509)),
    when_us(X509_get0_notAfter(x509)), key && EVP_PKEY_is_a(key, "SM2")};
  return TRUE;
}

gboolean certificate_verify(GBytes *der, const char *digest, GBytes *data, GBytes *signature) {
  g_autoptr(X509) x509 = parse(der);
  EVP_PKEY *key = x509 ? X509_get0_pubkey(x509) : NULL;
  if (key == NULL || data == NULL || signature == NULL) return FALSE;
  gboolean sm2 = EVP_PKEY_is_a(key, "SM2");
  g_autoptr(EVP_PKEY_CTX) parameters = sm2 ? EVP_PKEY_CTX_new(key, NULL) : NULL;
  g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
  const EVP_MD *md = sm2 ? EVP_sm3() : EVP_get_digestbyname(digest);
  if (context == NULL || md == NULL) return FALSE;
  if (sm2 && (parameters == NULL || EVP_PKEY_CTX_set1_id(parameters, SM2_DEFAULT_ID, (int)strlen(SM2_DEFAULT_ID)) != 1)) return FALSE;
  if (sm2) EVP_MD_CTX_set_pkey_ctx(context, parameters);
  gsize data_length, length;
  const unsigned char *bytes = g_bytes_get_data(data, &data_length), *value = g_bytes_get_data(signature, &length);
  return EVP_DigestVerifyInit(context, NULL, md, NULL, key) == 1 && EVP_DigestVerify(context, value, length, bytes, data_length) == 1;
}

static gboolean issued_by(X509 *child, X509 *parent) {
  if (X509_check_issued(parent, child) != X509_V_OK) return FALSE;
  EVP_PKEY *key = X509_get0_pubkey(parent);
  if (key == NULL) return FALSE;
  if (EVP_PKEY_is_a(key, "SM2")) {
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    if (id == NULL || ASN1_OCTET_STRING_set(id, (const unsigned char *)SM2_DEFAULT_ID, (int)strlen(SM2_DEFAULT_ID)) != 1) return FALSE;
    X509_set0_distinguishing_id(child, id);
  }
  return X509_verify(child, key) == 1;
}

gboolean certificate_trusted(GBytes *der, GPtrArray *trusted, gint64 at_us, char **ret_reason) {
  g_autoptr(X509) current = parse(der);
  if (current == NULL) return *ret_reason = g_strdup("证书不是有效的 X.509 证书"), FALSE;
  if (at_us && (at_us < when_us(X509_get0_notBefore(current)) || at_us > when_us(X509_get0_notAfter(current))))
    return *ret_reason = g_strdup("签名时间不在证书的有效期内"), FALSE;
  for (guint i = 0; i < trusted->len; i++) {
    g_autoptr(X509) known = parse(g_ptr_array_index(trusted, i));
    if (known && (X509_cmp(known, current) == 0 || issued_by(current, known))) return TRUE;
  }
  g_autofree char *issuer = name_text(X509_get_issuer_name(current));
  *ret_reason = g_strdup_printf("签发者“%s”的证书不在信任的证书中，不能确认签名人", issuer);
  return FALSE;
}
