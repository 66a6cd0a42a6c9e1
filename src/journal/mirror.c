/*
 * Mirror files: see mirror.h. Not locked here: journal.c calls the writing part under one lock; a reader belongs to one thread.
 */
#include "mirror.h"
#include "crypto.h"
#include "error.h"
#include "settings.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

const char JOURNAL_NO_HASH[] = "0000000000000000000000000000000000000000000000000000000000000000";
static const char HASH_KEY[] = ",\"hash\":\"";
enum { HASH_TAIL = sizeof HASH_KEY - 1 + JOURNAL_HASH + 2, READ_BYTES = 65536 };

/* ---- lines ---- */

void journal_line_append(GString *out, const JournalEvent *event, const char *previous, char hash[JOURNAL_HASH + 1]) {
  gsize start = out->len;
  g_autofree char *at = clock_format_iso(event->at_us);
  g_string_append_printf(out, "{\"id\":%" G_GINT64_FORMAT ",\"at\":\"%s\",\"actor\":", event->id, at);
  text_json_append(out, event->actor);
  g_string_append(out, ",\"action\":");
  text_json_append(out, event->action);
  g_string_append(out, ",\"subject\":{\"kind\":");
  text_json_append(out, event->subject_kind);
  g_string_append_printf(out, ",\"id\":%" G_GINT64_FORMAT "},\"data\":%s,\"previous\":\"%s\"}", event->subject_id, event->data, previous);
  g_autofree char *digest = crypto_digest_hex(DIGEST_SM3, out->str + start, out->len - start);
  g_string_truncate(out, out->len - 1);
  g_string_append_printf(out, "%s%s\"}", HASH_KEY, digest);
  g_strlcpy(hash, digest, JOURNAL_HASH + 1);
}

gint64 journal_line_id(const char *line) {
  static const char start[] = "{\"id\":";
  if (!g_str_has_prefix(line, start) || !g_ascii_isdigit(line[sizeof start - 1])) return -1;
  char *end;
  gint64 id = g_ascii_strtoll(line + sizeof start - 1, &end, 10);
  return *end == ',' ? id : -1;
}

gboolean journal_line_check(const char *line, gsize length, char hash[JOURNAL_HASH + 1]) {
  if (length < HASH_TAIL + 2) return FALSE;
  const char *tail = line + length - HASH_TAIL;
  if (strncmp(tail, HASH_KEY, sizeof HASH_KEY - 1) != 0) return FALSE;
  g_autoptr(Digest) digest = digest_new(DIGEST_SM3);
  digest_update(digest, line, length - HASH_TAIL);
  digest_update(digest, "}", 1);
  g_autofree char *expected = digest_finish_hex(digest);
  g_strlcpy(hash, tail + sizeof HASH_KEY - 1, JOURNAL_HASH + 1);
  return strcmp(hash, expected) == 0 && strcmp(tail + HASH_TAIL - 2, "\"}") == 0;
}

/* ---- files ---- */

static char *file_path(const char *folder, guint number) {
  g_autofree char *name = g_strdup_printf("%06u.ndjson", number);
  return g_build_filename(folder, name, NULL);
}

/* The highest number among the files; 0 when there are none. */
static guint last_file(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  guint last = 0;
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    char *end;
    guint64 number = g_ascii_strtoull(name, &end, 10);
    if (end >= name + 6 && strcmp(end, ".ndjson") == 0 && number > last && number < G_MAXUINT / 2) last = (guint)number;
  }
  return last;
}

struct Mirror {
  char *folder;
  int fd;              /* of the file that takes the next line; -1: not open */
  guint number;        /* of that file */
  gint64 size_bytes;   /* of its complete lines */
  gint64 last_id;
  char last_hash[JOURNAL_HASH + 1];
  gboolean dirty, broken; /* broken: a failed write could not be taken back; the next open repairs it */
};

gint64 mirror_last_id(const Mirror *mirror) { return mirror->last_id; }
const char *mirror_last_hash(const Mirror *mirror) { return mirror->last_hash; }

static gboolean sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FALSE;
  gboolean good = fsync(fd) == 0;
  close(fd);
  return good;
}

int mirror_take_dirty(Mirror *mirror) {
  int fd = mirror->dirty && mirror->fd >= 0 ? fcntl(mirror->fd, F_DUPFD_CLOEXEC, 0) : -1;
  if (fd >= 0) mirror->dirty = FALSE;
  return fd;
}

static gboolean sync_file(Mirror *mirror) {
  if (!mirror->dirty || mirror->fd < 0) return TRUE;
  if (fdatasync(mirror->fd) != 0) return FALSE;
  mirror->dirty = FALSE;
  return TRUE;
}

/* Opens the file that event id belongs to. */
static gboolean turn_to(Mirror *mirror, gint64 id) {
  guint number = (guint)((id - 1) / MIRROR_LINES + 1);
  if (mirror->fd >= 0 && mirror->number == number) return TRUE;
  if (!sync_file(mirror)) return FALSE;
  if (mirror->fd >= 0) close(mirror->fd);
  mirror->dirty = FALSE;
  g_autofree char *path = file_path(mirror->folder, number);
  mirror->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  mirror->number = number;
  mirror->size_bytes = mirror->fd < 0 ? 0 : lseek(mirror->fd, 0, SEEK_END);
  return mirror->fd >= 0 && sync_folder(mirror->folder);
}

static gboolean write_all(int fd, const char *bytes, gsize length) {
  while (length > 0) {
    gssize written = write(fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FALSE;
    bytes += written;
    length -= (gsize)written;
  }
  return TRUE;
}

/* The length of the first count lines. */
static gsize lines_length(const char *lines, gsize length, gint64 count) {
  const char *at = lines, *end = lines + length;
  for (; count > 0 && at < end; count--) {
    const char *newline = memchr(at, '\n', (gsize)(end - at));
    at = newline ? newline + 1 : end;
  }
  return (gsize)(at - lines);
}

static gboolean write_part(Mirror *mirror, gint64 first_id, gint64 count, const char *lines, gsize length) {
  if (!turn_to(mirror, first_id)) return FALSE;
  mirror->dirty = TRUE;
  gboolean good = fault_point("journal.mirror") && write_all(mirror->fd, lines, length);
  if (!good) mirror->broken = ftruncate(mirror->fd, mirror->size_bytes) != 0;
  if (!good) return FALSE;
  mirror->size_bytes += (gint64)length;
  mirror->last_id = first_id + count - 1;
  g_strlcpy(mirror->last_hash, lines + length - 1 - 2 - JOURNAL_HASH, JOURNAL_HASH + 1);
  return TRUE;
}

gboolean mirror_append(Mirror *mirror, gint64 first_id, guint count, const char *lines, gsize length) {
  gint64 end_id = first_id + count;
  if (mirror->broken || first_id > mirror->last_id + 1) return FALSE;
  if (first_id <= mirror->last_id) {
    gsize known = lines_length(lines, length, mirror->last_id + 1 - first_id);
    lines += known;
    length -= known;
    first_id = mirror->last_id + 1;
  }
  while (first_id < end_id) {
    gint64 part = MIN(end_id - first_id, MIRROR_LINES - (first_id - 1) % MIRROR_LINES);
    gsize part_length = lines_length(lines, length, part);
    if (!write_part(mirror, first_id, part, lines, part_length)) return FALSE;
    lines += part_length;
    length -= part_length;
    first_id += part;
  }
  return TRUE;
}

/* The length of what is complete: up to the last line end before any zero byte (a file system may leave zeros where a crash met a growing file). */
static gsize complete_length(const char *bytes, gsize length) {
  const char *zero = length ? memchr(bytes, 0, length) : NULL;
  if (zero) length = (gsize)(zero - bytes);
  const char *newline = length ? memrchr(bytes, '\n', length) : NULL;
  return newline ? (gsize)(newline - bytes) + 1 : 0;
}

/* Cuts the last file to its complete lines and reads the last of them; an unreadable line leaves last_hash empty, which no event's hash equals. */
static gboolean read_last(Mirror *mirror, guint number, gboolean *ret_empty, GError **error) {
  g_autofree char *path = file_path(mirror->folder, number), *bytes = NULL;
  gsize length;
  if (!g_file_get_contents(path, &bytes, &length, NULL)) return throw(error, LANTAI_ERROR_UNAVAILABLE, "读不出日志文件：%s。请检查磁盘和权限", path);
  gsize complete = complete_length(bytes, length);
  if (complete < length) {
    g_warning("%s: incomplete last line cut off (%" G_GSIZE_FORMAT " bytes)", path, length - complete);
    if (truncate(path, (off_t)complete) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "日志文件的末行不完整，又不能修复：%s：%s", path, error_reason(errno));
  }
  *ret_empty = complete == 0;
  if (complete == 0) return TRUE;
  bytes[complete - 1] = 0;
  const char *newline = memrchr(bytes, '\n', complete - 1);
  const char *line = newline ? newline + 1 : bytes;
  mirror->last_id = journal_line_id(line);
  if (mirror->last_id < 1 || !journal_line_check(line, strlen(line), mirror->last_hash)) {
    mirror->last_id = MAX(mirror->last_id, 1);
    mirror->last_hash[0] = 0;
  }
  return TRUE;
}

Mirror *mirror_open(const char *folder, GError **error) {
  if (g_mkdir_with_parents(folder, 0750) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "建不了日志目录 %s：%s。请检查权限和磁盘", folder, error_reason(errno));
  g_autoptr(Mirror) mirror = g_new0(Mirror, 1);
  mirror->folder = g_strdup(folder);
  mirror->fd = -1;
  g_strlcpy(mirror->last_hash, JOURNAL_NO_HASH, sizeof mirror->last_hash);
  gboolean empty = TRUE;
  for (guint number = last_file(folder); number > 0 && empty; number--)
    if (!read_last(mirror, number, &empty, error)) return NULL;
  return g_steal_pointer(&mirror);
}

void mirror_close(Mirror *mirror) {
  if (mirror == NULL) return;
  if (!sync_file(mirror)) g_warning("the mirror cannot be flushed to the disk: %s", error_reason(errno));
  if (mirror->fd >= 0) close(mirror->fd);
  g_free(mirror->folder);
  g_free(mirror);
}

/* ---- reading ---- */

struct MirrorReader {
  char *folder;
  guint number; /* of the open file; 0 before the first */
  int fd;
  GString *buffer;
  gsize at; /* where the next line begins in buffer */
};

MirrorReader *mirror_reader_new(const char *folder) {
  MirrorReader *reader = g_new0(MirrorReader, 1);
  reader->folder = g_strdup(folder);
  reader->fd = -1;
  reader->buffer = g_string_new(NULL);
  return reader;
}

void mirror_reader_free(MirrorReader *reader) {
  if (reader == NULL) return;
  if (reader->fd >= 0) close(reader->fd);
  g_string_free(reader->buffer, TRUE);
  g_free(reader->folder);
  g_free(reader);
}

gboolean mirror_reader_torn(const MirrorReader *reader) { return reader->at < reader->buffer->len; }

/* Adds bytes to the buffer: more of this file. 1: read; 0: at its end; -1: error. */
static int read_more(MirrorReader *reader, GError **error) {
  if (reader->fd < 0) return 0;
  g_string_erase(reader->buffer, 0, (gssize)reader->at);
  reader->at = 0;
  gsize held = reader->buffer->len;
  g_string_set_size(reader->buffer, held + READ_BYTES);
  gssize count = read(reader->fd, reader->buffer->str + held, READ_BYTES);
  int saved = errno;
  g_string_set_size(reader->buffer, held + (gsize)MAX(count, 0));
  if (count < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "读不出日志文件 %06u.ndjson：%s", reader->number, error_reason(saved)), -1;
  return count > 0;
}

/* Goes to the next file that exists. 1: gone; 0: there is none; -1: error. */
static int next_file(MirrorReader *reader, GError **error) {
  guint last = last_file(reader->folder);
  for (guint number = reader->number + 1; number <= last; number++) {
    g_autofree char *path = file_path(reader->folder, number);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) continue;
    if (fd < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "读不出日志文件 %s：%s", path, error_reason(errno)), -1;
    if (reader->fd >= 0) close(reader->fd);
    reader->fd = fd;
    reader->number = number;
    return 1;
  }
  return 0;
}

const char *mirror_reader_next(MirrorReader *reader, gsize *ret_length, GError **error) {
  gsize searched = reader->at;
  for (;;) {
    char *start = reader->buffer->str + reader->at;
    char *newline = memchr(reader->buffer->str + searched, '\n', reader->buffer->len - searched);
    if (newline) {
      *newline = 0;
      *ret_length = (gsize)(newline - start);
      reader->at = (gsize)(newline - reader->buffer->str) + 1;
      return start;
    }
    gsize held = reader->buffer->len - reader->at;
    int more = read_more(reader, error);
    searched = held;
    if (more == 0) {
      more = next_file(reader, error);
      /* a file inside the row that lacks its end: a faulty line of its own */
      if (more > 0 && mirror_reader_torn(reader)) g_string_append_c(reader->buffer, '\n');
    }
    if (more <= 0) return NULL;
  }
}
