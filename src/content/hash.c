/*
 * Both digests of a stream, from one reading of it.
 *
 * 1. A byte is read once: the buffer it lands in goes to SHA-512, to SM3 and to the copy.
 * 2. SM3 is more than twice as slow as SHA-512, so it has a thread of its own beside the one that reads, hashes SHA-512 and writes;
 *    a ring of buffers lies between them. Zeros are hashed and left out of the copy as holes. Below 64 KiB waking a thread costs more than it gives.
 */
#include "content-internal.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 * 1024, SLOTS = 4, THREAD_FROM_BYTES = 64 * 1024 };

typedef struct {
  GMutex lock;
  GCond moved;
  Digest *sm3, *sha512;
  int out_fd;
  gint64 size_bytes;
  guchar *slot[SLOTS];
  gsize length[SLOTS];
  guint64 filled, hashed; /* slots filled and hashed so far */
  gboolean threaded, ended, finished;
} Ring;

static void ring_clear(gpointer data) {
  Ring *ring = data;
  for (guint i = 0; i < SLOTS; i++) g_free(ring->slot[i]);
  digest_free(ring->sm3);
  digest_free(ring->sha512);
  g_mutex_clear(&ring->lock);
  g_cond_clear(&ring->moved);
}

static void ring_release(Ring *ring) { g_atomic_rc_box_release_full(ring, ring_clear); }
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ring, ring_release)

static Ring *ring_new(int out_fd) {
  Ring *ring = g_atomic_rc_box_new0(Ring);
  g_mutex_init(&ring->lock);
  g_cond_init(&ring->moved);
  ring->sm3 = digest_new(DIGEST_SM3);
  ring->sha512 = digest_new(DIGEST_SHA512);
  ring->out_fd = out_fd;
  return ring;
}

/* The second thread: hashes slots in the order they are filled, until told that no more come. */
static void run_sm3(gpointer data, gpointer unused) {
  g_autoptr(Ring) ring = data;
  g_mutex_lock(&ring->lock);
  for (;;) {
    while (ring->hashed == ring->filled && !ring->ended) g_cond_wait(&ring->moved, &ring->lock);
    if (ring->hashed == ring->filled) break;
    guint i = ring->hashed % SLOTS;
    g_mutex_unlock(&ring->lock);
    digest_update(ring->sm3, ring->slot[i], ring->length[i]);
    g_mutex_lock(&ring->lock);
    ring->hashed++;
    g_cond_signal(&ring->moved);
  }
  ring->finished = TRUE;
  g_cond_signal(&ring->moved);
  g_mutex_unlock(&ring->lock);
}

static GThreadPool *sm3_threads(void) {
  static gsize pool = 0;
  if (g_once_init_enter(&pool)) g_once_init_leave(&pool, (gsize)g_thread_pool_new(run_sm3, NULL, -1, FALSE, NULL));
  return (GThreadPool *)pool;
}

static void ring_start(Ring *ring) {
  ring->threaded = TRUE;
  g_thread_pool_push(sm3_threads(), g_atomic_rc_box_acquire(ring), NULL);
}

/* The buffer to fill next; waits until SM3 has done with it. */
static guchar *ring_next(Ring *ring) {
  if (!ring->threaded) {
    if (ring->slot[0] == NULL) ring->slot[0] = g_malloc(CHUNK_BYTES);
    return ring->slot[0];
  }
  g_mutex_lock(&ring->lock);
  while (ring->filled - ring->hashed == SLOTS) g_cond_wait(&ring->moved, &ring->lock);
  guint i = ring->filled % SLOTS;
  g_mutex_unlock(&ring->lock);
  if (ring->slot[i] == NULL) ring->slot[i] = g_malloc(CHUNK_BYTES);
  return ring->slot[i];
}

static void ring_push(Ring *ring, gsize length) {
  if (!ring->threaded) {
    digest_update(ring->sm3, ring->slot[0], length);
    return;
  }
  g_mutex_lock(&ring->lock);
  ring->length[ring->filled % SLOTS] = length;
  ring->filled++;
  g_cond_signal(&ring->moved);
  g_mutex_unlock(&ring->lock);
}

static void ring_end(Ring *ring) {
  if (!ring->threaded) return;
  g_mutex_lock(&ring->lock);
  ring->ended = TRUE;
  g_cond_signal(&ring->moved);
  while (!ring->finished) g_cond_wait(&ring->moved, &ring->lock);
  g_mutex_unlock(&ring->lock);
}

/* At a hole: zeros up to where it ends, without the system making pages of them (three seconds of a processor for each GB). 0: not at a hole. */
static gssize read_hole(int fd, void *buffer, gsize capacity) {
  struct stat info;
  off_t at = lseek(fd, 0, SEEK_CUR), data = at < 0 ? at : lseek(fd, at, SEEK_DATA);
  if (at < 0 || data == at) return 0; /* a pipe has neither */
  off_t end = data > at ? data : errno == ENXIO && fstat(fd, &info) == 0 ? info.st_size : at;
  gsize length = end > at ? (gsize)MIN(end - at, (off_t)capacity) : 0;
  if (lseek(fd, at + (off_t)length, SEEK_SET) < 0) return -1;
  memset(buffer, 0, length);
  return (gssize)length;
}

gssize read_descriptor(gpointer source, void *buffer, gsize capacity, GError **error) {
  gssize n = read_hole(*(int *)source, buffer, capacity);
  if (n == 0)
    do n = read(*(int *)source, buffer, capacity);
    while (n < 0 && errno == EINTR);
  if (n < 0) throw(error, LANTAI_ERROR_UNAVAILABLE, "读取文件未成功: %s", error_reason(errno));
  return n;
}

/* Fills the buffer as far as the stream goes; -1 on error. */
static gssize fill(ContentRead read, gpointer source, guchar *buffer, GError **error) {
  gsize length = 0;
  while (length < CHUNK_BYTES) {
    gssize n = read(source, buffer + length, CHUNK_BYTES - length, error);
    if (n < 0) return -1;
    if (n == 0) break;
    length += (gsize)n;
  }
  return (gssize)length;
}

static gboolean write_all(int fd, const guchar *data, gsize length, GError **error) {
  while (length > 0) {
    gssize n = write(fd, data, length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return throw_errno(error, "写入", "暂存文件");
    data += n;
    length -= (gsize)n;
  }
  return TRUE;
}

/* A buffer of zeros is left out of the copy as a hole, so that a sparse file takes no more room here than where it came from. */
static gboolean copy_out(int fd, const guchar *data, gsize length, GError **error) {
  if (length == CHUNK_BYTES && is_zero(data, length)) return lseek(fd, (off_t)length, SEEK_CUR) >= 0 || throw_errno(error, "写入", "暂存文件");
  return write_all(fd, data, length, error);
}

static gboolean run_stream(Ring *ring, ContentRead read, gpointer source, gboolean parallel, GError **error) {
  for (;;) {
    guchar *buffer = ring_next(ring);
    gssize length = fill(read, source, buffer, error);
    if (length < 0) return FALSE;
    if (length == 0) return TRUE;
    if (ring->size_bytes == 0 && parallel && length >= THREAD_FROM_BYTES) ring_start(ring);
    ring_push(ring, (gsize)length);
    digest_update(ring->sha512, buffer, (gsize)length);
    if (ring->out_fd >= 0 && !copy_out(ring->out_fd, buffer, (gsize)length, error)) return FALSE;
    ring->size_bytes += length;
    if (length < CHUNK_BYTES) return TRUE;
  }
}

gboolean hash_stream(ContentRead read, gpointer source, int out_fd, gboolean parallel, FileDigests *ret, GError **error) {
  g_autoptr(Ring) ring = ring_new(out_fd);
  gboolean done = run_stream(ring, read, source, parallel, error);
  ring_end(ring);
  if (!done) return FALSE;
  if (out_fd >= 0 && ftruncate(out_fd, ring->size_bytes) != 0) return throw_errno(error, "写入", "暂存文件"); /* a hole at the end */
  g_autofree char *sha512 = digest_finish_hex(ring->sha512);
  g_autofree char *sm3 = digest_finish_hex(ring->sm3);
  g_strlcpy(ret->sha512, sha512, sizeof ret->sha512);
  g_strlcpy(ret->sm3, sm3, sizeof ret->sm3);
  ret->size_bytes = ring->size_bytes;
  return TRUE;
}

gssize hash_read_bytes(gpointer source, void *buffer, gsize capacity, GError **error) {
  HashBytes *bytes = source;
  gsize length = MIN(bytes->left, capacity);
  if (length > 0) memcpy(buffer, bytes->bytes, length);
  bytes->bytes += length;
  bytes->left -= length;
  return (gssize)length;
}
