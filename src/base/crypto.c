/*
 * Digests, passwords, tokens, SM2 signatures over OpenSSL 3's EVP (crypto.h). No other file includes OpenSSL.
 *
 * 1. A failure of OpenSSL in a digest or in the random source cannot be answered sensibly and ends the program.
 * 2. A stored password hash is read with limits on its cost, so that a damaged row cannot stop the server.
 */
#include "crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>

#include "error.h"

#define SM2_ID "1234567812345678"
enum { SCRYPT_N = 16384, SCRYPT_R = 8, SCRYPT_P = 1, SCRYPT_N_MAX = 1 << 20, SALT_BYTES = 16, KEY_BYTES = 32, SIGNATURE_MAX = 256 };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

struct Digest {
  EVP_MD_CTX *context;
};

static void require(int ok, const char *what) {
  if (ok != 1) g_error("OpenSSL: %s", what);
}

static char *hex_of(const guchar *bytes, gsize length) {
  static const char digits[] = "0123456789abcdef";
  char *hex = g_malloc(length * 2 + 1);
  for (gsize i = 0; i < length; i++) {
    hex[2 * i] = digits[bytes[i] >> 4];
    hex[2 * i + 1] = digits[bytes[i] & 15];
  }
  hex[length * 2] = '\0';
  return hex;
}

/* The bytes of a hex text of at most max bytes; -1 when it is none. */
static gssize bytes_of(const char *hex, guchar *bytes, gsize max) {
  gsize length = strlen(hex);
  if (length % 2 != 0 || length / 2 > max) return -1;
  for (gsize i = 0; i < length; i += 2) {
    int high = g_ascii_xdigit_value(hex[i]), low = g_ascii_xdigit_value(hex[i + 1]);
    if (high < 0 || low < 0) return -1;
    bytes[i / 2] = (guchar) (high << 4 | low);
  }
  return (gssize) (length / 2);
}

static const struct {
  const char *name;
  guint length;
  const EVP_MD *(*algorithm)(void);
} KINDS[] = {
  [DIGEST_SHA512] = {"sha512", 128, EVP_sha512}, [DIGEST_SM3] = {"sm3", 64, EVP_sm3}, [DIGEST_SHA256] = {"sha256", 64, EVP_sha256},
  [DIGEST_MD5] = {"md5", 32, EVP_md5}, [DIGEST_SHA1] = {"sha1", 40, EVP_sha1}, [DIGEST_SHA224] = {"sha224", 56, EVP_sha224},
  [DIGEST_SHA384] = {"sha384", 96, EVP_sha384},
};

gboolean digest_kind_parse(const char *name, DigestKind *ret) {
  char plain[16];
  gsize length = 0;
  for (; *name != '\0' && length < sizeof plain - 1; name++)
    if (*name != '-' && *name != '_') plain[length++] = g_ascii_tolower(*name);
  plain[length] = '\0';
  for (guint i = 0; i < G_N_ELEMENTS(KINDS); i++)
    if (strcmp(plain, KINDS[i].name) == 0) {
      *ret = (DigestKind) i;
      return TRUE;
    }
  return FALSE;
}

const char *digest_kind_name(DigestKind kind) { return KINDS[kind].name; }
guint digest_kind_length(DigestKind kind) { return KINDS[kind].length; }

Digest *digest_new(DigestKind kind) {
  const EVP_MD *algorithm = KINDS[kind].algorithm();
  Digest *digest = g_new0(Digest, 1);
  digest->context = EVP_MD_CTX_new();
  require(digest->context != NULL && EVP_DigestInit_ex(digest->context, algorithm, NULL), "digest");
  return digest;
}

void digest_update(Digest *digest, const void *data, gsize length) {
  if (length > 0) require(EVP_DigestUpdate(digest->context, data, length), "digest");
}

char *digest_finish_hex(Digest *digest) {
  guchar value[EVP_MAX_MD_SIZE];
  guint length = 0;
  require(EVP_DigestFinal_ex(digest->context, value, &length), "digest");
  return hex_of(value, length);
}

void digest_free(Digest *digest) {
  if (digest == NULL) return;
  EVP_MD_CTX_free(digest->context);
  g_free(digest);
}

char *crypto_digest_hex(DigestKind kind, const void *data, gsize length) {
  g_autoptr(Digest) digest = digest_new(kind);
  digest_update(digest, data, length);
  return digest_finish_hex(digest);
}

char *crypto_hmac_hex(const char *key, const char *text) {
  guchar value[EVP_MAX_MD_SIZE];
  guint length = 0;
  require(HMAC(EVP_sm3(), key, (int) strlen(key), (const guchar *) text, strlen(text), value, &length) != NULL, "HMAC");
  return hex_of(value, length);
}

char *crypto_random_token(gsize bytes) {
  g_autofree guchar *random = g_malloc(MAX(bytes, 1));
  require(RAND_bytes(random, (int) bytes), "random source");
  char *token = g_base64_encode(random, bytes);
  g_strdelimit(token, "+", '-');
  g_strdelimit(token, "/", '_');
  token[strcspn(token, "=")] = '\0';
  return token;
}

gboolean crypto_equal(const char *a, const char *b) {
  if (a == NULL || b == NULL) return a == b;
  gsize length = strlen(a);
  return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}

static gboolean scrypt(const char *password, const guchar *salt, gsize salt_length, const guint64 cost[3], guchar key[KEY_BYTES]) {
  guint64 memory = 128 * cost[1] * (cost[0] + cost[2] + 2) + (1 << 20);
  return EVP_PBE_scrypt(password, strlen(password), salt, salt_length, cost[0], cost[1], cost[2], memory, key, KEY_BYTES) == 1;
}

char *crypto_password_hash(const char *password) {
  guint64 cost[3] = {SCRYPT_N, SCRYPT_R, SCRYPT_P};
  const char *lower = g_getenv("LANTAI_SCRYPT_N");
  guint64 test_cost = lower != NULL ? g_ascii_strtoull(lower, NULL, 10) : 0;
  if (test_cost >= 2 && test_cost < SCRYPT_N && (test_cost & (test_cost - 1)) == 0) cost[0] = test_cost;
  guchar salt[SALT_BYTES], key[KEY_BYTES];
  require(RAND_bytes(salt, sizeof salt), "random source");
  require(scrypt(password, salt, sizeof salt, cost, key), "scrypt");
  g_autofree char *salt_hex = hex_of(salt, sizeof salt);
  g_autofree char *key_hex = hex_of(key, sizeof key);
  OPENSSL_cleanse(key, sizeof key);
  return g_strdup_printf("scrypt$%" G_GUINT64_FORMAT "$%" G_GUINT64_FORMAT "$%" G_GUINT64_FORMAT "$%s$%s", cost[0], cost[1], cost[2], salt_hex, key_hex);
}

/* Reads N, r and p of a stored hash, within limits. */
static gboolean read_cost(char **parts, guint64 cost[3]) {
  static const guint64 most[3] = {SCRYPT_N_MAX, 32, 16};
  for (int i = 0; i < 3; i++)
    if (!g_ascii_string_to_unsigned(parts[i], 10, 1, most[i], &cost[i], NULL)) return FALSE;
  return cost[0] >= 2 && (cost[0] & (cost[0] - 1)) == 0;
}

gboolean crypto_password_verify(const char *password, const char *hash) {
  if (password == NULL || hash == NULL) return FALSE;
  g_auto(GStrv) parts = g_strsplit(hash, "$", 7);
  guint64 cost[3];
  if (g_strv_length(parts) != 6 || strcmp(parts[0], "scrypt") != 0 || !read_cost(parts + 1, cost)) return FALSE;
  guchar salt[64], wanted[KEY_BYTES], key[KEY_BYTES];
  gssize salt_length = bytes_of(parts[4], salt, sizeof salt);
  if (salt_length < 8 || bytes_of(parts[5], wanted, sizeof wanted) != KEY_BYTES) return FALSE;
  gboolean equal = scrypt(password, salt, (gsize) salt_length, cost, key) && CRYPTO_memcmp(key, wanted, KEY_BYTES) == 0;
  OPENSSL_cleanse(key, sizeof key);
  return equal;
}

static char *pem_of(BIO *memory) {
  char *data = NULL;
  long length = BIO_get_mem_data(memory, &data);
  return length > 0 ? g_strndup(data, (gsize) length) : NULL;
}

gboolean crypto_sm2_generate(char **ret_private_pem, char **ret_public_pem, GError **error) {
  g_autoptr(EVP_PKEY) pair = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
  g_autoptr(BIO) private_key = BIO_new(BIO_s_mem());
  g_autoptr(BIO) public_key = BIO_new(BIO_s_mem());
  if (pair == NULL || private_key == NULL || public_key == NULL || PEM_write_bio_PrivateKey(private_key, pair, NULL, NULL, 0, NULL, NULL) != 1 ||
      PEM_write_bio_PUBKEY(public_key, pair) != 1)
    return throw(error, LANTAI_ERROR_INTERNAL, "无法生成 SM2 密钥，请检查本机 OpenSSL 是否支持国密算法。");
  *ret_private_pem = pem_of(private_key);
  *ret_public_pem = pem_of(public_key);
  return TRUE;
}

/* No password prompt for an encrypted key: it is refused. */
static int refuse_password(char *buffer, int size, int writing, void *data) { return -1; }

static EVP_PKEY *read_key(const char *pem, gboolean secret) {
  g_autoptr(BIO) memory = BIO_new_mem_buf(pem, -1);
  if (memory == NULL) return NULL;
  g_autoptr(EVP_PKEY) key = secret ? PEM_read_bio_PrivateKey(memory, NULL, refuse_password, NULL) : PEM_read_bio_PUBKEY(memory, NULL, refuse_password, NULL);
  return key != NULL && EVP_PKEY_is_a(key, "SM2") ? g_steal_pointer(&key) : NULL;
}

/* A context for SM2 over SM3 with the default id; the caller owns *ret_parameters as long as the context. */
static EVP_MD_CTX *sm2_context(EVP_PKEY *key, gboolean sign, EVP_PKEY_CTX **ret_parameters) {
  g_autoptr(EVP_PKEY_CTX) parameters = EVP_PKEY_CTX_new(key, NULL);
  g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new(); /* freed before the parameters it points to */
  if (context == NULL || parameters == NULL || EVP_PKEY_CTX_set1_id(parameters, SM2_ID, (int) strlen(SM2_ID)) != 1) return NULL;
  EVP_MD_CTX_set_pkey_ctx(context, parameters);
  int ok = sign ? EVP_DigestSignInit(context, NULL, EVP_sm3(), NULL, key) : EVP_DigestVerifyInit(context, NULL, EVP_sm3(), NULL, key);
  if (ok != 1) return NULL;
  *ret_parameters = g_steal_pointer(&parameters);
  return g_steal_pointer(&context);
}

char *crypto_sm2_sign(const char *private_pem, const char *text, GError **error) {
  g_autoptr(EVP_PKEY) key = read_key(private_pem, TRUE);
  if (key == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "签名私钥不是有效的 SM2 私钥（PEM），请检查密钥文件。");
  g_autoptr(EVP_PKEY_CTX) parameters = NULL;
  g_autoptr(EVP_MD_CTX) context = sm2_context(key, TRUE, &parameters);
  guchar signature[SIGNATURE_MAX];
  gsize length = sizeof signature;
  if (context == NULL || EVP_DigestSign(context, signature, &length, (const guchar *) text, strlen(text)) != 1)
    return throw_null(error, LANTAI_ERROR_INTERNAL, "SM2 签名失败，请检查密钥文件和本机 OpenSSL。");
  return hex_of(signature, length);
}

gboolean crypto_sm2_verify(const char *public_pem, const char *text, const char *signature_hex) {
  guchar signature[SIGNATURE_MAX];
  if (public_pem == NULL || text == NULL || signature_hex == NULL) return FALSE;
  gssize length = bytes_of(signature_hex, signature, sizeof signature);
  g_autoptr(EVP_PKEY) key = read_key(public_pem, FALSE);
  if (key == NULL || length <= 0) return FALSE;
  g_autoptr(EVP_PKEY_CTX) parameters = NULL;
  g_autoptr(EVP_MD_CTX) context = sm2_context(key, FALSE, &parameters);
  return context != NULL && EVP_DigestVerify(context, signature, (gsize) length, (const guchar *) text, strlen(text)) == 1;
}
