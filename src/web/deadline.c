/*
 * Absolute deadlines of connections. libmicrohttpd only knows inactivity, which a client that drips bytes never reaches; here a thread looks
 * at every connection a few times a second and shuts the socket of those that are too late. The HTTP library then notices and closes.
 *
 * 1. A socket is only shut under the lock under which it is unwatched before closing: never somebody else's descriptor.
 * 2. While a reply goes out, progress is what the other side has acknowledged (TCP_INFO), not what our kernel has buffered.
 */
#include "kernel.h"
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define TICK_MS 100

struct Watch {
  Deadlines *deadlines;
  Watch *next, *previous;
  int fd;
  gint64 until_us;  /* 0: none */
  gint64 rate;      /* bytes per second, 0: no rate; then until_us is when grace ends */
  guint64 acknowledged;
};

struct Deadlines {
  GMutex lock;
  GCond changed;
  GThread *thread;
  Watch *first;
  gboolean closing;
};

static guint64 acknowledged(int fd) {
  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_bytes_acked : 0;
}

static gboolean is_late(const Watch *watch, gint64 now_us) {
  if (watch->until_us == 0 || now_us < watch->until_us) return FALSE;
  if (watch->rate == 0) return TRUE;
  guint64 taken = acknowledged(watch->fd) - watch->acknowledged;
  return (gdouble)(now_us - watch->until_us) / G_USEC_PER_SEC > (gdouble)taken / (gdouble)watch->rate;
}

static gpointer run(gpointer data) {
  Deadlines *deadlines = data;
  g_mutex_lock(&deadlines->lock);
  while (!deadlines->closing) {
    gint64 now_us = g_get_monotonic_time();
    for (Watch *watch = deadlines->first; watch != NULL; watch = watch->next) {
      if (!is_late(watch, now_us)) continue;
      shutdown(watch->fd, SHUT_RDWR);
      watch->until_us = 0;
    }
    if (deadlines->first == NULL) g_cond_wait(&deadlines->changed, &deadlines->lock);
    else g_cond_wait_until(&deadlines->changed, &deadlines->lock, now_us + TICK_MS * 1000);
  }
  g_mutex_unlock(&deadlines->lock);
  return NULL;
}

Deadlines *deadlines_new(void) {
  Deadlines *deadlines = g_new0(Deadlines, 1);
  g_mutex_init(&deadlines->lock);
  g_cond_init(&deadlines->changed);
  deadlines->thread = g_thread_new("deadlines", run, deadlines);
  return deadlines;
}

void deadlines_free(Deadlines *deadlines) {
  if (deadlines == NULL) return;
  g_mutex_lock(&deadlines->lock);
  deadlines->closing = TRUE;
  g_cond_signal(&deadlines->changed);
  g_mutex_unlock(&deadlines->lock);
  g_thread_join(deadlines->thread);
  g_mutex_clear(&deadlines->lock);
  g_cond_clear(&deadlines->changed);
  g_free(deadlines);
}

Watch *deadlines_watch(Deadlines *deadlines, int fd, gint64 after_ms) {
  Watch *watch = g_new0(Watch, 1);
  watch->deadlines = deadlines;
  watch->fd = fd;
  watch->until_us = g_get_monotonic_time() + after_ms * 1000;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deadlines->lock);
  watch->next = deadlines->first;
  if (watch->next != NULL) watch->next->previous = watch;
  else g_cond_signal(&deadlines->changed);
  deadlines->first = watch;
  return watch;
}

void deadlines_until(Watch *watch, gint64 after_ms) {
  gint64 until_us = after_ms < 0 ? 0 : g_get_monotonic_time() + after_ms * 1000;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&watch->deadlines->lock);
  watch->until_us = until_us;
  watch->rate = 0;
}

void deadlines_rate(Watch *watch, gint64 grace_ms, gint64 bytes_per_second) {
  guint64 before = acknowledged(watch->fd);
  gint64 until_us = g_get_monotonic_time() + grace_ms * 1000;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&watch->deadlines->lock);
  watch->until_us = until_us;
  watch->rate = bytes_per_second;
  watch->acknowledged = before;
}

void deadlines_unwatch(Watch *watch) {
  Deadlines *deadlines = watch->deadlines;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deadlines->lock);
  if (watch->previous != NULL) watch->previous->next = watch->next;
  else deadlines->first = watch->next;
  if (watch->next != NULL) watch->next->previous = watch->previous;
  g_free(watch);
}
