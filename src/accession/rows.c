/*
 * Files of lines: written beside their name and renamed when they are whole and flushed, read line by line in bounded memory.
 */
#include "crypto.h"
#include "delivery.h"
#include "error.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (1 << 18)
#define LINE_LIMIT_BYTES (64 << 20)
#define SPARE_BUFFERS 3

struct RowReader {
  int fd;
  char *buffer;
  gsize capacity, from, to;
  gboolean ended;
};

static RowReader *reader_of(int fd) {
  RowReader *reader = g_new0(RowReader, 1);
  reader->fd = fd;
  reader->capacity = BUFFER_BYTES;
  reader->buffer = g_malloc(reader->capacity);
  return reader;
}

RowReader *row_reader_open(const char *path, GError **error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "不能打开 %s：%s", path, error_reason(errno));
  return reader_of(fd);
}

RowReader *row_reader_open_stored(const House *house, gint64 id, GError **error) {
  g_autofree char *object = delivery_object(id);
  gint64 size;
  int fd = content_read(house->content, object, ROWS_NAME, &size, error);
  return fd < 0 ? NULL : reader_of(fd);
}

void row_reader_free(RowReader *reader) {
  if (reader == NULL) return;
  close(reader->fd);
  g_free(reader->buffer);
  g_free(reader);
}

static gboolean reader_fill(RowReader *reader, GError **error) {
  memmove(reader->buffer, reader->buffer + reader->from, reader->to - reader->from);
  reader->to -= reader->from;
  reader->from = 0;
  if (reader->to == reader->capacity) {
    if (reader->capacity >= LINE_LIMIT_BYTES) return throw(error, LANTAI_ERROR_INTERNAL, "批次的规范行过长，文件可能已损坏。请运行 lantai check");
    reader->capacity *= 2;
    reader->buffer = g_realloc(reader->buffer, reader->capacity);
  }
  ssize_t got;
  do got = read(reader->fd, reader->buffer + reader->to, reader->capacity - reader->to);
  while (got < 0 && errno == EINTR);
  if (got < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "读规范行失败：%s", error_reason(errno));
  reader->ended = got == 0;
  reader->to += (gsize)got;
  return TRUE;
}

gboolean row_reader_next(RowReader *reader, const char **ret_line, gsize *ret_length, GError **error) {
  for (gsize searched = 0;;) {
    char *start = reader->buffer + reader->from, *end = memchr(start + searched, '\n', reader->to - reader->from - searched);
    searched = reader->to - reader->from;
    if (end) {
      *ret_line = start;
      *ret_length = (gsize)(end - start);
      *end = '\0';
      reader->from += *ret_length + 1;
      return TRUE;
    }
    if (reader->ended) return searched > 0 ? throw(error, LANTAI_ERROR_INTERNAL, "批次的规范行不完整。请运行 lantai check 检查存储") : FALSE;
    if (!reader_fill(reader, error)) return FALSE;
  }
}

gboolean row_reader_skip(RowReader *reader, gint64 count, GError **error) {
  const char *line;
  gsize length;
  GError *failure = NULL;
  for (gint64 i = 0; i < count; i++) {
    if (row_reader_next(reader, &line, &length, &failure)) continue;
    if (failure == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "批次的规范行比记录的少。请运行 lantai check 检查存储");
    g_propagate_error(error, failure);
    return FALSE;
  }
  return TRUE;
}

/*
 * A writer without a digest writes in the caller's thread. One with a digest hands full buffers to a thread of its own, which gives them back empty:
 * SPARE_BUFFERS bounds what lies between. Its failure is told at the next full buffer, or at the end.
 */
struct RowWriter {
  int fd;
  char *path, *part;
  GString *buffer;
  Digest *digest;
  GThread *thread; /* from the first full buffer on */
  GAsyncQueue *full, *empty; /* GString; the writer itself in full is the end */
  gint failed;     /* atomic */
  GError *failure; /* the thread's, until it is joined */
};

static RowWriter *writer_new(const char *path, gboolean digested, GError **error) {
  g_autofree char *part = g_strconcat(path, ".part", NULL);
  int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件 %s：%s", part, error_reason(errno));
  RowWriter *writer = g_new0(RowWriter, 1);
  writer->fd = fd;
  writer->path = g_strdup(path);
  writer->part = g_steal_pointer(&part);
  writer->buffer = g_string_sized_new(BUFFER_BYTES + 4096);
  if (digested) writer->digest = digest_new(DIGEST_SM3);
  return writer;
}

RowWriter *row_writer_new(const char *path, GError **error) { return writer_new(path, FALSE, error); }
RowWriter *row_writer_new_digested(const char *path, GError **error) { return writer_new(path, TRUE, error); }

static gboolean writer_flush(RowWriter *writer, GString *buffer, GError **error) {
  if (writer->digest) digest_update(writer->digest, buffer->str, buffer->len);
  gboolean good = file_write_all(writer->fd, buffer->str, buffer->len, error);
  g_string_truncate(buffer, 0);
  return good;
}

static gpointer write_behind(gpointer data) {
  RowWriter *writer = data;
  for (gpointer next; (next = g_async_queue_pop(writer->full)) != writer;) {
    GString *buffer = next;
    if (writer->failure == NULL && !writer_flush(writer, buffer, &writer->failure)) g_atomic_int_set(&writer->failed, 1);
    g_async_queue_push(writer->empty, buffer);
  }
  return NULL;
}

static void free_buffer(gpointer buffer) { g_string_free(buffer, TRUE); }

static void thread_start(RowWriter *writer) {
  writer->full = g_async_queue_new();
  writer->empty = g_async_queue_new_full(free_buffer);
  for (guint i = 0; i < SPARE_BUFFERS; i++) g_async_queue_push(writer->empty, g_string_sized_new(BUFFER_BYTES + 4096));
  writer->thread = g_thread_new("accession-write", write_behind, writer);
}

/* Waits until all is written. */
static gboolean thread_end(RowWriter *writer, GError **error) {
  if (writer->thread == NULL) return TRUE;
  g_async_queue_push(writer->full, writer);
  g_thread_join(g_steal_pointer(&writer->thread));
  g_clear_pointer(&writer->full, g_async_queue_unref);
  g_clear_pointer(&writer->empty, g_async_queue_unref);
  if (writer->failure == NULL) return TRUE;
  g_propagate_error(error, g_steal_pointer(&writer->failure));
  return FALSE;
}

static gboolean writer_hand_over(RowWriter *writer, GError **error) {
  if (writer->digest == NULL) return writer_flush(writer, writer->buffer, error);
  if (writer->thread == NULL) thread_start(writer);
  if (g_atomic_int_get(&writer->failed)) return thread_end(writer, error);
  g_async_queue_push(writer->full, writer->buffer);
  writer->buffer = g_async_queue_pop(writer->empty);
  return TRUE;
}

gboolean row_writer_add(RowWriter *writer, const char *text, gsize length, GError **error) {
  g_string_append_len(writer->buffer, text, (gssize)length);
  return writer->buffer->len < BUFFER_BYTES || writer_hand_over(writer, error);
}

gboolean row_writer_close(RowWriter *writer, GError **error) {
  if (!thread_end(writer, error) || !writer_flush(writer, writer->buffer, error)) return FALSE;
  if (fsync(writer->fd) != 0 || g_rename(writer->part, writer->path) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "文件 %s 没有写到磁盘：%s", writer->path,
    error_reason(errno));
  g_clear_pointer(&writer->part, g_free);
  return TRUE;
}

char *row_writer_digest(RowWriter *writer) { return digest_finish_hex(writer->digest); }

void row_writer_free(RowWriter *writer) {
  if (writer == NULL) return;
  thread_end(writer, NULL);
  close(writer->fd);
  if (writer->part) g_unlink(writer->part);
  g_clear_pointer(&writer->digest, digest_free);
  g_free(writer->part);
  g_free(writer->path);
  g_string_free(writer->buffer, TRUE);
  g_free(writer);
}
