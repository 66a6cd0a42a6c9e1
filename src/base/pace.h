/* A rate that several threads keep together: who has read bytes waits for their turn. */
#pragma once
#include <glib.h>

typedef struct Pace Pace;
typedef gboolean (*PaceStop)(gpointer data);
/* bytes_per_second 0: unbounded. stop (may be NULL) is asked while waiting, by any thread. */
Pace *pace_new(gint64 bytes_per_second, PaceStop stop, gpointer data);
void pace_free(Pace *pace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pace, pace_free)
/* When these bytes may be read (monotonic microseconds, not before now_us); the time they take is booked. */
gint64 pace_turn(Pace *pace, gint64 bytes, gint64 now_us);
/* Waits for the turn of these bytes. Once stop has said so nobody waits any more; FALSE when that was more than PACE_GRACE_US ago: give up. NULL: TRUE. */
gboolean pace_wait(Pace *pace, gint64 bytes);
gboolean pace_given_up(Pace *pace); /* pace_wait has said FALSE to somebody */
#define PACE_GRACE_US (G_GINT64_CONSTANT(2) * G_USEC_PER_SEC)
