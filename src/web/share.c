/*
 * How the worker threads are shared: one client's requests never hold all of them, so that nobody waits for another's dear questions, however many he asks at
 * once. What a client asks beyond its share waits outside the pool's queue, in the order of coming.
 *
 * 1. A client is a session, a bearer or else an address. Who changes them with every request is as many clients; that is not hindered here.
 * 2. Everything that is pushed is worked on, also while the share is closed.
 */
#include "kernel.h"

typedef struct {
  guint inside; /* pushed into the pool and not yet done */
  GQueue waiting;
} Client;

struct Share {
  GMutex lock; /* guards what follows */
  GThreadPool *pool;
  GHashTable *clients; /* name → Client, while it has something here */
  guint most;
  gboolean closing;
};

Share *share_new(guint threads, GFunc work, gpointer data) {
  Share *share = g_new0(Share, 1);
  g_mutex_init(&share->lock);
  share->most = MAX(threads, 2) - 1;
  share->clients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  share->pool = g_thread_pool_new(work, data, (gint)MAX(threads, 1), TRUE, NULL);
  return share;
}

void share_push(Share *share, const char *name, gpointer task) {
  g_mutex_lock(&share->lock);
  Client *client = g_hash_table_lookup(share->clients, name);
  if (client == NULL) g_hash_table_insert(share->clients, g_strdup(name), client = g_new0(Client, 1));
  if (client->inside < share->most || share->closing) {
    client->inside++;
    g_thread_pool_push(share->pool, task, NULL);
  } else g_queue_push_tail(&client->waiting, task);
  g_mutex_unlock(&share->lock);
}

void share_done(Share *share, const char *name) {
  g_mutex_lock(&share->lock);
  Client *client = g_hash_table_lookup(share->clients, name);
  gpointer next = g_queue_pop_head(&client->waiting);
  if (next == NULL) client->inside--;
  else g_thread_pool_push(share->pool, next, NULL);
  if (client->inside == 0) g_hash_table_remove(share->clients, name);
  g_mutex_unlock(&share->lock);
}

guint share_waiting(Share *share, const char *name) {
  g_mutex_lock(&share->lock);
  const Client *client = g_hash_table_lookup(share->clients, name);
  guint waiting = (client ? client->waiting.length : 0) + g_thread_pool_unprocessed(share->pool);
  g_mutex_unlock(&share->lock);
  return waiting;
}

void share_free(Share *share) {
  g_mutex_lock(&share->lock);
  share->closing = TRUE;
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, share->clients);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    Client *client = value;
    for (gpointer task; (task = g_queue_pop_head(&client->waiting)) != NULL; client->inside++) g_thread_pool_push(share->pool, task, NULL);
  }
  g_mutex_unlock(&share->lock);
  g_thread_pool_free(share->pool, FALSE, TRUE);
  g_hash_table_unref(share->clients);
  g_mutex_clear(&share->lock);
  g_free(share);
}
