/*
 * Fault points (settings.h): named places where a test makes the process die or fail. LANTAI_FAULT is read at every pass, so that a test may set it while it
 * runs; when it is not set, a pass is one look at the environment. The count starts anew when the text of LANTAI_FAULT changes.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "settings.h"

static GMutex guard;
static char *wanted;   /* the LANTAI_FAULT that `passes` counts for */
static gint64 passes;

/* TRUE exactly when this pass is the n-th. */
static gboolean count_pass(const char *fault, gint64 n) {
  g_mutex_lock(&guard);
  if (g_strcmp0(wanted, fault) != 0) {
    g_free(wanted);
    wanted = g_strdup(fault);
    passes = 0;
  }
  gboolean due = ++passes == n;
  g_mutex_unlock(&guard);
  return due;
}

gboolean fault_point(const char *name) {
  const char *fault = g_getenv("LANTAI_FAULT");
  if (G_LIKELY(fault == NULL || *fault == '\0')) return TRUE;
  gsize length = strlen(name);
  if (strncmp(fault, name, length) != 0 || fault[length] != ':') return TRUE;
  char *rest = NULL;
  gint64 n = g_ascii_strtoll(fault + length + 1, &rest, 10);
  if (n < 1 || (*rest != '\0' && strcmp(rest, ":error") != 0)) g_error("LANTAI_FAULT is not name:n or name:n:error: %s", fault);
  if (!count_pass(fault, n)) return TRUE;
  if (*rest == '\0') kill(getpid(), SIGKILL);
  return FALSE;
}
