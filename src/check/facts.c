/*
 * What one file is, found out once: its form (format_examine), the digests that were declared for it, signatures in it, viruses.
 * Runs in the run's worker threads; touches nothing but its file.
 */
#include "beneath.h"
#include "crypto.h"
#include "internal.h"
#include "pace.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 << 10 };

static const struct { const char *name; int kind; GChecksumType checksum; } ALGORITHMS[] = {
  {"md5", -1, G_CHECKSUM_MD5}, {"sha1", -1, G_CHECKSUM_SHA1}, {"sha256", DIGEST_SHA256}, {"sha512", DIGEST_SHA512}, {"sm3", DIGEST_SM3},
};
typedef struct { Digest *digest[G_N_ELEMENTS(ALGORITHMS)]; GChecksum *checksum[G_N_ELEMENTS(ALGORITHMS)]; guint count; } Digests;

static void digests_clear(Digests *digests) {
  for (guint i = 0; i < G_N_ELEMENTS(ALGORITHMS); i++) {
    digest_free(digests->digest[i]);
    g_clear_pointer(&digests->checksum[i], g_checksum_free);
  }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Digests, digests_clear)

static void update_all(Digests *digests, const guchar *bytes, gsize length) {
  for (guint i = 0; i < G_N_ELEMENTS(ALGORITHMS); i++) {
    if (digests->digest[i]) digest_update(digests->digest[i], bytes, length);
    if (digests->checksum[i]) g_checksum_update(digests->checksum[i], bytes, (gssize)length);
  }
}

static void find_digests(FileFacts *facts, Pace *pace) {
  json_t *wanted = json_object_get(facts->declared, "digest");
  g_auto(Digests) digests = {0};
  for (guint i = 0; i < G_N_ELEMENTS(ALGORITHMS); i++) {
    if (json_object_get(wanted, ALGORITHMS[i].name) == NULL) continue;
    digests.count++;
    if (ALGORITHMS[i].kind >= 0) digests.digest[i] = digest_new((DigestKind)ALGORITHMS[i].kind);
    else digests.checksum[i] = g_checksum_new(ALGORITHMS[i].checksum);
  }
  if (digests.count == 0) return;
  int fd = beneath_open(facts->disk);
  g_autofree guchar *buffer = g_malloc(CHUNK_BYTES);
  gssize length = fd < 0 ? -1 : 0;
  while (fd >= 0 && ((length = read(fd, buffer, CHUNK_BYTES)) > 0 || (length < 0 && errno == EINTR)))
    if (length > 0) {
      if (!pace_wait(pace, length)) break;
      update_all(&digests, buffer, (gsize)length);
    }
  if (length > 0) facts->digest_problem = g_strdup("中途停止");
  if (length < 0) facts->digest_problem = g_strdup_printf("读取文件未成功：%s", error_reason(errno));
  if (fd >= 0) close(fd);
  if (length != 0) return;
  facts->digests = json_object();
  for (guint i = 0; i < G_N_ELEMENTS(ALGORITHMS); i++) {
    g_autofree char *hex = digests.digest[i] ? digest_finish_hex(digests.digest[i]) : digests.checksum[i] ? g_strdup(g_checksum_get_string(digests.checksum[i])) : NULL;
    if (hex) json_object_set_new(facts->digests, ALGORITHMS[i].name, json_string(hex));
  }
}

static void find_virus(FileFacts *facts, const char *scanner) {
  int fd = beneath_open(facts->disk);
  if (fd < 0) {
    facts->virus_detail = g_strdup_printf("读取文件未成功：%s", error_reason(errno));
    return;
  }
  facts->virus = format_virus_scan(scanner, fd, &facts->virus_detail);
  close(fd);
}

void facts_find(FileFacts *facts, guint needs, const char *scanner, const char *trust, Pace *pace) {
  if (!facts_there(facts)) return;
  g_autoptr(GError) problem = NULL;
  g_autoptr(GError) unsigned_problem = NULL;
  if (needs & NEED_DIGEST) find_digests(facts, pace);
  if (pace && pace_given_up(pace)) return;
  if (needs & NEED_VIRUS && scanner) find_virus(facts, scanner);
  if (needs & (NEED_EXAMINE | NEED_SIGNATURE)) facts->examined = format_examine(facts->disk, facts->path, &problem);
  if (problem) facts->problem = g_strdup(problem->message);
  if (!(needs & NEED_SIGNATURE)) return;
  json_t *known = json_object_get(facts->examined, "signatures");
  facts->signatures = known && trust == NULL ? json_incref(known) : format_signatures(facts->disk, trust, &unsigned_problem);
  if (unsigned_problem) facts->signature_problem = g_strdup(unsigned_problem->message);
}

void facts_clear(FileFacts *facts) {
  g_free(facts->path);
  g_free(facts->disk);
  json_decref(facts->declared);
  json_decref(facts->examined);
  json_decref(facts->digests);
  json_decref(facts->signatures);
  g_free(facts->problem);
  g_free(facts->digest_problem);
  g_free(facts->signature_problem);
  g_free(facts->virus_detail);
}

gboolean facts_there(const FileFacts *facts) { return facts->disk != NULL && facts->size_bytes >= 0; }
gboolean facts_attachment(const FileFacts *facts) { return json_is_true(json_object_get(facts->declared, "attachment")); }

const char *facts_text(const FileFacts *facts, const char *key) {
  const char *text = json_string_value(json_object_get(facts->examined, key));
  return text ? text : "";
}

const char *facts_unknown(const FileFacts *facts, const char *key) {
  if (facts->problem) return facts->problem;
  return json_string_value(json_object_get(json_object_get(facts->examined, "unknown"), key));
}

gint64 facts_number(const FileFacts *facts, const char *key) {
  json_t *value = json_object_get(facts->examined, key);
  return json_is_number(value) ? (gint64)json_number_value(value) : -1;
}
