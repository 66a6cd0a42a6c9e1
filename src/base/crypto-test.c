/* Known answers of digests, SM2 and scrypt; tampering is noticed. */
#include "crypto.h"

#include <string.h>

#include "error.h"

static void check_digest(DigestKind kind, const char *text, const char *hex) {
  g_autofree char *got = crypto_digest_hex(kind, text, strlen(text));
  g_assert_cmpstr(got, ==, hex);
}

static void test_digests(void) {
  check_digest(DIGEST_SM3, "abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  check_digest(DIGEST_SM3, "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd",
    "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
  check_digest(DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  check_digest(DIGEST_SHA512, "abc",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  check_digest(DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72");
  check_digest(DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
  check_digest(DIGEST_SHA224, "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
  check_digest(DIGEST_SHA384, "abc", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  DigestKind kind;
  g_assert_true(digest_kind_parse("SHA-256", &kind) && kind == DIGEST_SHA256);
  g_assert_true(digest_kind_parse("sm3", &kind) && digest_kind_length(kind) == 64);
  g_assert_cmpstr(digest_kind_name(DIGEST_SHA384), ==, "sha384");
  g_assert_false(digest_kind_parse("sha3", &kind) || digest_kind_parse("", &kind) || digest_kind_parse("sha2561", &kind));
  check_digest(DIGEST_SM3, "", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b");
}

static void test_pieces(void) {
  g_autofree char *bytes = g_malloc0(100000);
  g_autofree char *whole = crypto_digest_hex(DIGEST_SM3, bytes, 100000);
  g_autoptr(Digest) digest = digest_new(DIGEST_SM3);
  for (gsize at = 0; at < 100000;) {
    gsize random = (gsize) g_test_rand_int_range(0, 300);
    gsize size = MIN(random, 100000 - at);
    digest_update(digest, bytes + at, size);
    at += size;
  }
  g_autofree char *pieces = digest_finish_hex(digest);
  g_assert_cmpstr(pieces, ==, whole);
}

/* HMAC by its definition (RFC 2104) over our own SM3. */
static void test_hmac(void) {
  guchar inner[64 + 3], outer[64 + 32];
  memset(inner, 0x36, 64);
  memset(outer, 0x5c, 64);
  for (int i = 0; i < 3; i++) {
    inner[i] ^= (guchar) "key"[i];
    outer[i] ^= (guchar) "key"[i];
  }
  memcpy(inner + 64, "abc", 3);
  g_autofree char *middle = crypto_digest_hex(DIGEST_SM3, inner, sizeof inner);
  for (int i = 0; i < 32; i++) outer[64 + i] = (guchar) (g_ascii_xdigit_value(middle[2 * i]) << 4 | g_ascii_xdigit_value(middle[2 * i + 1]));
  g_autofree char *expected = crypto_digest_hex(DIGEST_SM3, outer, sizeof outer);
  g_autofree char *got = crypto_hmac_hex("key", "abc");
  g_assert_cmpstr(got, ==, expected);
}

static void test_tokens(void) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (int i = 0; i < 1000; i++) {
    char *token = crypto_random_token(32);
    g_assert_cmpuint(strlen(token), ==, 43);
    g_assert_cmpuint(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), ==, 43);
    g_assert_true(g_hash_table_add(seen, token));
  }
}

static void test_equal(void) {
  g_assert_true(crypto_equal("abc", "abc") && crypto_equal("", "") && crypto_equal(NULL, NULL));
  g_assert_false(crypto_equal("abc", "abd") || crypto_equal("abc", "ab") || crypto_equal(NULL, "") || crypto_equal("a", NULL));
}

static void test_passwords(void) {
  g_autofree char *hash = crypto_password_hash("正确的密码");
  g_autofree char *other = crypto_password_hash("正确的密码");
  g_assert_true(g_str_has_prefix(hash, "scrypt$16$8$1$"));
  g_assert_cmpstr(hash, !=, other);
  g_assert_true(crypto_password_verify("正确的密码", hash) && crypto_password_verify("正确的密码", other));
  g_assert_false(crypto_password_verify("错误的密码", hash) || crypto_password_verify("", hash) || crypto_password_verify(NULL, hash));
  /* RFC 7914, section 12 (the first 32 bytes of the 64: PBKDF2 makes them block by block) */
  g_assert_true(crypto_password_verify("pleaseletmein",
    "scrypt$16384$8$1$536f6469756d43686c6f72696465$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"));
  hash[strlen(hash) - 1] = hash[strlen(hash) - 1] == '0' ? '1' : '0';
  g_assert_false(crypto_password_verify("正确的密码", hash));
}

static void test_bad_hashes(void) {
  static const char *const hashes[] = {"", "scrypt", "scrypt$16$8$1$00$00", "md5$16$8$1$0011223344556677$00",
    "scrypt$15$8$1$0011223344556677$00", "scrypt$1$8$1$0011223344556677$00",
    "scrypt$1073741824$8$1$00112233445566778899aabbccddeeff$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
    "scrypt$16$8$1$zz112233445566778899aabbccddeeff$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
    "scrypt$16$8$-1$0011223344556677$00", "$$$$$"};
  for (gsize i = 0; i < G_N_ELEMENTS(hashes); i++) g_assert_false(crypto_password_verify("x", hashes[i]));
  g_assert_false(crypto_password_verify("x", NULL));
}

/* GB/T 32918.5, annex A: another maker's signature under the default id. */
static void test_sm2_known(void) {
  static const char key[] = "3059301306072a8648ce3d020106082a811ccf5501822d034200"
                            "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
                            "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
  static const char signature[] = "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
                                  "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
  guchar der[(sizeof key - 1) / 2];
  for (gsize i = 0; i < sizeof der; i++) der[i] = (guchar) (g_ascii_xdigit_value(key[2 * i]) << 4 | g_ascii_xdigit_value(key[2 * i + 1]));
  g_autofree char *base64 = g_base64_encode(der, sizeof der);
  g_autofree char *pem = g_strdup_printf("-----BEGIN PUBLIC KEY-----\n%.64s\n%s\n-----END PUBLIC KEY-----\n", base64, base64 + 64);
  g_assert_true(crypto_sm2_verify(pem, "message digest", signature));
  g_assert_false(crypto_sm2_verify(pem, "message digesT", signature));
}

static void test_sm2(void) {
  g_autofree char *secret = NULL, *open = NULL, *other_secret = NULL, *other_open = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_true(crypto_sm2_generate(&secret, &open, &error));
  g_assert_true(crypto_sm2_generate(&other_secret, &other_open, &error));
  g_autofree char *signature = crypto_sm2_sign(secret, "日志头 12345", &error);
  g_assert_no_error(error);
  g_assert_true(crypto_sm2_verify(open, "日志头 12345", signature));
  g_assert_false(crypto_sm2_verify(open, "日志头 12346", signature) || crypto_sm2_verify(other_open, "日志头 12345", signature));
  g_assert_false(crypto_sm2_verify(open, "日志头 12345", "") || crypto_sm2_verify(open, "日志头 12345", "3045zz") || crypto_sm2_verify(open, "x", NULL));
  g_assert_false(crypto_sm2_verify("", "x", signature) || crypto_sm2_verify(secret, "日志头 12345", signature));
  for (gsize i = 0; i < strlen(signature); i += 7) {
    char was = signature[i];
    signature[i] = was == '0' ? '1' : '0';
    g_assert_false(crypto_sm2_verify(open, "日志头 12345", signature));
    signature[i] = was;
  }
  g_assert_null(crypto_sm2_sign(open, "x", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

int main(int argc, char **argv) {
  g_setenv("LANTAI_SCRYPT_N", "16", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/crypto/digests", test_digests);
  g_test_add_func("/crypto/pieces", test_pieces);
  g_test_add_func("/crypto/hmac", test_hmac);
  g_test_add_func("/crypto/tokens", test_tokens);
  g_test_add_func("/crypto/equal", test_equal);
  g_test_add_func("/crypto/passwords", test_passwords);
  g_test_add_func("/crypto/bad_hashes", test_bad_hashes);
  g_test_add_func("/crypto/sm2_known", test_sm2_known);
  g_test_add_func("/crypto/sm2", test_sm2);
  return g_test_run();
}
