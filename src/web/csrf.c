/*
 * Proof that a form was ours: a token bound to the session by the server's key, and messages sealed with it.
 *
 * 1. The key is in DIR/secret.key (0600), so that open forms survive a restart; whoever has it can forge forms, not sessions.
 * 2. A token is asked for when a session cookie came and no bearer token did: without a cookie there is nobody to ride on, and other
 *    sites cannot send an Authorization header.
 */
#include "crypto.h"
#include "kernel.h"
#include "settings.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define FLASH_SECONDS 300

static gboolean write_key(const char *path, const char *key, GError **error) {
  g_autofree char *fresh = g_strconcat(path, ".new-XXXXXX", NULL);
  int fd = g_mkstemp_full(fresh, O_WRONLY | O_CLOEXEC, 0600);
  gsize length = strlen(key);
  gboolean written = fd >= 0 && write(fd, key, length) == (ssize_t)length && fsync(fd) == 0;
  int reason = errno;
  if (fd >= 0) close(fd);
  if (!written) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入密钥文件 %s：%s", path, error_reason(reason));
  gboolean linked = link(fresh, path) == 0 || errno == EEXIST; /* another process may have been first: its key counts */
  reason = errno;
  g_unlink(fresh);
  return linked || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入密钥文件 %s：%s", path, error_reason(reason));
}

char *csrf_key_load(const char *dir, GError **error) {
  g_autofree char *fresh = crypto_random_token(32);
  if (dir == NULL) return g_steal_pointer(&fresh);
  g_autofree char *path = g_build_filename(dir, "secret.key", NULL);
  if (!g_file_test(path, G_FILE_TEST_EXISTS) && !write_key(path, fresh, error)) return NULL;
  g_autofree char *key = NULL;
  if (!g_file_get_contents(path, &key, NULL, NULL) || strlen(g_strstrip(key)) < 32)
    return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "密钥文件 %s 不能读取或已损坏。可以删除它，系统会重新生成（已打开的表单需要刷新）", path);
  return g_steal_pointer(&key);
}

char *csrf_token(const char *key, const char *session_token) {
  g_autofree char *text = g_strconcat("csrf\n", session_token == NULL ? "" : session_token, NULL);
  return crypto_hmac_hex(key, text);
}

gboolean csrf_passes(const WebRequest *request) {
  const char *site = request_header_get(request, "sec-fetch-site");
  const char *session = web_cookie(request, WEB_SESSION_COOKIE);
  if (site != NULL && g_ascii_strcasecmp(site, "cross-site") == 0 && request_bearer(request) == NULL) return FALSE;
  if (session == NULL || request_bearer(request) != NULL) return TRUE;
  g_autofree char *expected = csrf_token(request->server->secret, session);
  return crypto_equal(expected, request->csrf);
}

char *web_csrf_token(const WebServer *server, const char *session_token) { return csrf_token(server->secret, session_token); }

static char *flash_seal_of(const char *key, const char *payload) {
  g_autofree char *text = g_strconcat("flash\n", payload, NULL);
  return crypto_hmac_hex(key, text);
}

char *csrf_flash_seal(const char *key, const char *message) {
  gsize length = strlen(message);
  while (length > 1000 || (length > 0 && !g_utf8_validate(message, (gssize)length, NULL))) length--; /* a cookie holds 4 KiB */
  g_autofree char *text = g_base64_encode((const guchar *)message, length);
  g_autofree char *payload = g_strdup_printf("%" G_GINT64_FORMAT ".%s", clock_now_us() / G_USEC_PER_SEC + FLASH_SECONDS, text);
  g_autofree char *seal = flash_seal_of(key, payload);
  return g_strconcat(payload, ".", seal, NULL);
}

char *csrf_flash_open(const char *key, const char *sealed) {
  const char *dot = strrchr(sealed, '.');
  if (dot == NULL || strlen(sealed) > 4096) return NULL;
  g_autofree char *payload = g_strndup(sealed, (gsize)(dot - sealed));
  g_autofree char *seal = flash_seal_of(key, payload);
  char *text = strchr(payload, '.');
  if (!crypto_equal(seal, dot + 1) || text == NULL) return NULL;
  if (g_ascii_strtoll(payload, NULL, 10) < clock_now_us() / G_USEC_PER_SEC) return NULL;
  gsize length = 0;
  g_autofree guchar *message = g_base64_decode(text + 1, &length);
  return g_utf8_validate_len((const char *)message, length, NULL) ? g_strndup((const char *)message, length) : NULL;
}
