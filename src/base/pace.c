/* A rate kept by all threads together (pace.h): each piece books its time after the one before, so what one reads fast the next waits for. */
#include "pace.h"

enum { LOOK_US = 100000 };

struct Pace {
  gint64 rate;
  PaceStop stop;
  gpointer data;
  GMutex lock; /* of what follows */
  gint64 free_us, stopped_us;
  gboolean given_up;
};

Pace *pace_new(gint64 bytes_per_second, PaceStop stop, gpointer data) {
  Pace *pace = g_new0(Pace, 1);
  *pace = (Pace){.rate = bytes_per_second, .stop = stop, .data = data};
  g_mutex_init(&pace->lock);
  return pace;
}

void pace_free(Pace *pace) {
  if (pace == NULL) return;
  g_mutex_clear(&pace->lock);
  g_free(pace);
}

gint64 pace_turn(Pace *pace, gint64 bytes, gint64 now_us) {
  if (pace->rate <= 0) return now_us;
  g_mutex_lock(&pace->lock);
  gint64 turn_us = MAX(pace->free_us, now_us);
  pace->free_us = turn_us + (gint64)((double)bytes * 1e6 / (double)pace->rate);
  g_mutex_unlock(&pace->lock);
  return turn_us;
}

/* TRUE: go on reading at once. */
static gboolean settle_stop(Pace *pace, gint64 now_us) {
  g_mutex_lock(&pace->lock);
  if (pace->stopped_us == 0) pace->stopped_us = now_us;
  gboolean go_on = now_us - pace->stopped_us <= PACE_GRACE_US;
  pace->given_up |= !go_on;
  g_mutex_unlock(&pace->lock);
  return go_on;
}

gboolean pace_wait(Pace *pace, gint64 bytes) {
  if (pace == NULL) return TRUE;
  gint64 now_us = g_get_monotonic_time(), turn_us = pace_turn(pace, bytes, now_us);
  for (;; now_us = g_get_monotonic_time()) {
    if (pace->stop && pace->stop(pace->data)) return settle_stop(pace, now_us);
    if (now_us >= turn_us) return TRUE;
    g_usleep((gulong)MIN(turn_us - now_us, LOOK_US));
  }
}

gboolean pace_given_up(Pace *pace) {
  g_mutex_lock(&pace->lock);
  gboolean given_up = pace->given_up;
  g_mutex_unlock(&pace->lock);
  return given_up;
}
