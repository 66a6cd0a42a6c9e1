/* Digests, passwords, random tokens and signatures. OpenSSL stays behind this header so that a certified device can replace it. */
#pragma once
#include <glib.h>

/* The last four only to read what others digested; we write SHA-512 and SM3. */
typedef enum { DIGEST_SHA512, DIGEST_SM3, DIGEST_SHA256, DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA224, DIGEST_SHA384 } DigestKind;
/* By name in any case, with or without "-" ("SHA-256", "md5", "SM3"). FALSE: not one of ours. */
gboolean digest_kind_parse(const char *name, DigestKind *ret);
const char *digest_kind_name(DigestKind kind); /* "sha512" */
guint digest_kind_length(DigestKind kind);     /* hex digits */
typedef struct Digest Digest; /* one running digest */
Digest *digest_new(DigestKind kind);
void digest_update(Digest *digest, const void *data, gsize length);
/* Ends the digest; lower-case hex. Call once. */
char *digest_finish_hex(Digest *digest);
void digest_free(Digest *digest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Digest, digest_free)
char *crypto_digest_hex(DigestKind kind, const void *data, gsize length);
char *crypto_hmac_hex(const char *key, const char *text); /* HMAC-SM3 */

/* bytes random bytes as base64url without padding. */
char *crypto_random_token(gsize bytes);
gboolean crypto_equal(const char *a, const char *b); /* constant time; NULL-safe */
/* scrypt (N=16384, r=8, p=1) with its parameters and salt in the text; about 50 ms. LANTAI_SCRYPT_N lowers N for tests. */
char *crypto_password_hash(const char *password);
gboolean crypto_password_verify(const char *password, const char *hash);

/* SM2 keys in PEM, signatures as hex DER over SM3 with the default id 1234567812345678 (GB/T 32918). */
gboolean crypto_sm2_generate(char **ret_private_pem, char **ret_public_pem, GError **error);
char *crypto_sm2_sign(const char *private_pem, const char *text, GError **error);
gboolean crypto_sm2_verify(const char *public_pem, const char *text, const char *signature_hex);
