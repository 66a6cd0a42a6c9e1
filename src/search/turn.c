/*
 * Turns: in which order questions have the processors. Short ones go through at once; who has used `light_us` of processor time goes on only while fewer such
 * questions are at work than there are processors, in the order of coming. So many broad questions at once end one after the other, instead of all of them
 * late, and short ones share the processors with a few, not with all.
 *
 * 1. Nobody waits who holds a lock that others need: search_turn_check stands where none is held, and a question inside a write transaction takes no turn.
 * 2. Waiting ends: after WAIT_US a question goes on beside the others, and what it waited does not count against its own time (search_turn_clock).
 */
#include "block.h"
#include <time.h>

enum { WAIT_US = 1000000 };

static struct { GMutex lock; GCond ended; guint64 drawn, gone; } turns; /* drawn: numbers given out; gone: of those, how many have ended */
static _Thread_local Turn *current;

static gint64 processor_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (gint64)time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

void search_turn_begin(Turn *turn) {
  *turn = (Turn){FALSE, g_get_monotonic_time() + search_limits.light_us, processor_us() + search_limits.light_us};
  if (current == NULL) current = turn;
}

void search_turn_check(void) {
  Turn *turn = current;
  if (turn == NULL || turn->heavy || g_get_monotonic_time() < turn->not_before || processor_us() < turn->light_until) return;
  turn->heavy = TRUE;
  static guint processors; /* the same whoever writes it */
  if (g_atomic_int_get(&processors) == 0) g_atomic_int_set(&processors, g_get_num_processors());
  g_mutex_lock(&turns.lock);
  gint64 now = g_get_monotonic_time();
  for (guint64 number = turns.drawn++; number >= turns.gone + processors && g_cond_wait_until(&turns.ended, &turns.lock, now + WAIT_US);) continue;
  g_mutex_unlock(&turns.lock);
  turn->waited += g_get_monotonic_time() - now;
}

gint64 search_turn_clock(void) { return g_get_monotonic_time() - (current ? current->waited : 0); }

void search_turn_clear(Turn *turn) {
  if (current != turn) return;
  current = NULL;
  if (!turn->heavy) return;
  g_mutex_lock(&turns.lock);
  turns.gone++;
  g_cond_broadcast(&turns.ended);
  g_mutex_unlock(&turns.lock);
}
