/*
 * Turns: in which order questions have the processors. Short ones go through at once; who has used `light_us` of processor time goes on only while fewer such
 * questions are at work than there are processors, in the order of coming. So many broad questions at once end one after the other, instead of all of them
 * late, and short ones share the processors with a few, not with all.
 * Where one that waits has done so for `overdue_us`, who comes waits at the door, `door_us` at most: else those of many short questions that are not would come last.
 *
 * 1. Nobody waits who holds a lock that others need: search_turn_check stands where none is held, and a question inside a write transaction takes no turn.
 * 2. Waiting ends: after WAIT_US a question goes on beside the others, and what it waited does not count against its own time (search_turn_clock).
 */
#include "block.h"
#include <time.h>

enum { WAIT_US = 1000000, NUMBERS = 1024 };

static struct {
  GMutex lock;
  GCond ended;
  guint64 drawn, gone;   /* numbers given out; of those, how many have ended */
  gint64 begun[NUMBERS]; /* by number: when its question began; G_MAXINT64: it waits no more */
} turns;
static _Thread_local Turn *current;

static gint64 processor_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (gint64)time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

static guint processors(void) {
  static guint known; /* the same whoever writes it */
  if (g_atomic_int_get(&known) == 0) g_atomic_int_set(&known, g_get_num_processors());
  return (guint)g_atomic_int_get(&known);
}

/* The first of those that wait has done so for long. Under the lock. */
static gboolean is_overdue(gint64 now) {
  guint64 first = turns.gone + processors();
  while (first < turns.drawn && turns.begun[first % NUMBERS] == G_MAXINT64) first++;
  return first < turns.drawn && now - turns.begun[first % NUMBERS] > search_limits.overdue_us;
}

static void wait_at_door(void) {
  g_mutex_lock(&turns.lock);
  gint64 now = g_get_monotonic_time(), until = now + search_limits.door_us;
  while (is_overdue(now) && g_cond_wait_until(&turns.ended, &turns.lock, until)) now = g_get_monotonic_time();
  g_mutex_unlock(&turns.lock);
}

void search_turn_begin(Turn *turn) {
  gint64 now = g_get_monotonic_time();
  if (current == NULL) {
    wait_at_door();
    current = turn;
  }
  *turn = (Turn){.begun = now, .not_before = g_get_monotonic_time() + search_limits.light_us, .light_until = processor_us() + search_limits.light_us};
  turn->waited = g_get_monotonic_time() - now;
}

void search_turn_check(void) {
  Turn *turn = current;
  if (turn == NULL || turn->heavy || g_get_monotonic_time() < turn->not_before || processor_us() < turn->light_until) return;
  turn->heavy = TRUE;
  g_mutex_lock(&turns.lock);
  gint64 now = g_get_monotonic_time();
  guint64 number = turns.drawn++;
  turns.begun[number % NUMBERS] = turn->begun;
  for (; number >= turns.gone + processors() && g_cond_wait_until(&turns.ended, &turns.lock, now + WAIT_US);) continue;
  turns.begun[number % NUMBERS] = G_MAXINT64;
  g_cond_broadcast(&turns.ended); /* who waits at the door for this one */
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
