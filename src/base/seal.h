/*
 * Certificates (X.509), signatures made with them, and electronic seals (GB/T 38540-2020 version 4, GM/T 0031-2014 version 1): SM2 with SM3, RSA and
 * ECDSA with SHA.
 * Everything here parses DER from outside: call it in the sandboxed child only.
 */
#pragma once
#include <glib.h>

typedef struct {
  char *subject, *issuer; /* readable: common name, else the whole name */
  gint64 from_us, to_us; /* validity */
  gboolean sm2;
} Certificate;
void certificate_clear(Certificate *certificate);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Certificate, certificate_clear)
gboolean certificate_read(GBytes *der, Certificate *ret, GError **error);
/* One certificate or key holder from DER or PEM bytes as DER; NULL when there is none. */
GBytes *certificate_der(const void *bytes, gsize length);
/* The signature over data by the certificate's key; digest: "sm3", "sha1", "sha256" … for keys that leave a choice (SM2 always takes SM3). */
gboolean certificate_verify(GBytes *der, const char *digest, GBytes *data, GBytes *signature);
/* Whether `der` is one of `trusted` (GBytes) or was issued by one of them (an intermediate authority has to be among them too). ret_reason: Chinese, when not. */
gboolean certificate_trusted(GBytes *der, GPtrArray *trusted, gint64 at_us, char **ret_reason);

typedef struct {
  int version; /* 1, 4 */
  char *seal_name, *seal_id; /* of the seal itself */
  GBytes *certificate; /* the signer's */
  GBytes *maker; /* the seal maker's */
  gint64 at_us; /* the signer's own word; 0: none */
  gboolean good; /* digest, signature, seal and certificate list all hold */
  char *reason; /* Chinese, why not */
} Seal;
void seal_clear(Seal *seal);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Seal, seal_clear)
/* signed_value: DER of SES_Signature; document: the bytes that were sealed (Signature.xml). FALSE: no seal at all. */
gboolean seal_verify(GBytes *signed_value, GBytes *document, Seal *ret, GError **error);
/* The same for signed data without a seal (GB/T 35275); version 0, no seal, no maker. */
gboolean signed_data_verify(GBytes *value, GBytes *document, Seal *ret, GError **error);
