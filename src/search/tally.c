/*
 * Tallies: how many hits of a word are of each kind of line, kept ready by block, so that a frequent word that is asked again costs what is listed of it, not
 * its hits. They say nothing of an asker: kinds are judged for each question (pass.c).
 *
 * 1. A tally is of the union of some leaves, a part of it of one block: both go by serial numbers, which whatever is changed gets anew.
 * 2. It is made when a word is asked for the second time: it counts all kinds, also those that who asks may not see, and most words are asked once.
 */
#include "block.h"

enum { KEPT = 128, KEPT_BYTES = 64 << 20 };

typedef struct { guint64 serial; guint count; guint32 found[]; } Part; /* of the block; kinds */

struct Tally {
  gatomicrefcount references;
  GMutex lock; /* guards the parts and their bytes */
  guint64 leaves[TALLY_LEAVES];
  gsize bytes;
  guint block_count;
  Part *parts[];
};

struct Tallies {
  GMutex lock;
  GQueue recent; /* Tally, the one used last first */
};

static gsize part_bytes(const Part *part) { return part ? sizeof *part + part->count * sizeof *part->found : 0; }

guint64 search_serial(void) {
  static guint64 last;
  return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

static Tally *tally_ref(Tally *tally) {
  g_atomic_ref_count_inc(&tally->references);
  return tally;
}

void search_tally_unref(Tally *tally) {
  if (tally == NULL || !g_atomic_ref_count_dec(&tally->references)) return;
  for (guint i = 0; i < tally->block_count; i++) g_free(tally->parts[i]);
  g_mutex_clear(&tally->lock);
  g_free(tally);
}

Tallies *search_tallies_new(void) {
  Tallies *tallies = g_new0(Tallies, 1);
  g_mutex_init(&tallies->lock);
  g_queue_init(&tallies->recent);
  return tallies;
}

void search_tallies_forget(Tallies *tallies) {
  g_mutex_lock(&tallies->lock);
  g_queue_clear_full(&tallies->recent, (GDestroyNotify)search_tally_unref);
  g_mutex_unlock(&tallies->lock);
}

void search_tallies_free(Tallies *tallies) {
  if (tallies == NULL) return;
  search_tallies_forget(tallies);
  g_mutex_clear(&tallies->lock);
  g_free(tallies);
}

static Tally *tally_new(const guint64 *leaves, guint block_count) {
  Tally *tally = g_malloc0(sizeof *tally + block_count * sizeof *tally->parts);
  g_atomic_ref_count_init(&tally->references);
  g_mutex_init(&tally->lock);
  memcpy(tally->leaves, leaves, sizeof tally->leaves);
  tally->block_count = block_count;
  return tally;
}

static gsize tally_bytes(Tally *tally) {
  g_mutex_lock(&tally->lock);
  gsize bytes = tally->bytes;
  g_mutex_unlock(&tally->lock);
  return bytes;
}

/* Drops the ones not used for longest, beyond what may be kept. Under the lock. */
static void drop_oldest(Tallies *tallies) {
  gsize bytes = 0;
  guint kept = 0;
  for (GList *link = tallies->recent.head; link && kept < KEPT; link = link->next, kept++)
    if ((bytes += tally_bytes(link->data)) > KEPT_BYTES) break;
  while (tallies->recent.length > MAX(kept, 1)) search_tally_unref(g_queue_pop_tail(&tallies->recent));
}

Tally *search_tally_of(Tallies *tallies, const guint64 *leaves, guint block_count) {
  g_mutex_lock(&tallies->lock);
  GList *link = tallies->recent.head;
  while (link && memcmp(((Tally *)link->data)->leaves, leaves, sizeof ((Tally *)link->data)->leaves) != 0) link = link->next;
  gboolean again = link != NULL;
  if (again) g_queue_unlink(&tallies->recent, link);
  else link = g_list_append(NULL, tally_new(leaves, block_count));
  g_queue_push_head_link(&tallies->recent, link);
  Tally *tally = again ? tally_ref(link->data) : NULL;
  drop_oldest(tallies);
  g_mutex_unlock(&tallies->lock);
  return tally;
}

gboolean search_tally_read(Tally *tally, guint number, guint64 serial, guint32 *found, guint count) {
  if (number >= tally->block_count) return FALSE;
  g_mutex_lock(&tally->lock);
  const Part *part = tally->parts[number];
  gboolean known = part && part->serial == serial && part->count == count;
  if (known) memcpy(found, part->found, count * sizeof *found);
  g_mutex_unlock(&tally->lock);
  return known;
}

void search_tally_keep(Tally *tally, guint number, guint64 serial, const guint32 *found, guint count) {
  if (number >= tally->block_count) return;
  Part *part = g_malloc(sizeof *part + count * sizeof *found);
  *part = (Part){serial, count};
  memcpy(part->found, found, count * sizeof *found);
  g_mutex_lock(&tally->lock);
  Part *former = tally->parts[number];
  tally->parts[number] = part;
  tally->bytes += part_bytes(part) - part_bytes(former);
  g_mutex_unlock(&tally->lock);
  g_free(former);
}
