/* For tests: catches log lines (structured logging does not know g_test_expect_message; a critical ends the test) and removes folders. */
#pragma once
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>

static GString *logged;
static GMutex logged_lock;

static GLogWriterOutput catch_log(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data) {
  if (level & (G_LOG_LEVEL_DEBUG | G_LOG_LEVEL_INFO)) return G_LOG_WRITER_HANDLED;
  if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR)) {
    g_log_writer_standard_streams(level, fields, count, data);
    abort();
  }
  g_autofree char *line = g_log_writer_format_fields(level, fields, count, FALSE);
  g_mutex_lock(&logged_lock);
  g_string_append(logged, line);
  g_mutex_unlock(&logged_lock);
  return G_LOG_WRITER_HANDLED;
}

static inline void catch_logs(void) {
  logged = g_string_new(NULL);
  g_log_set_always_fatal(G_LOG_FATAL_MASK);
  g_log_set_writer_func(catch_log, NULL, NULL);
}

static inline void remove_tree(const char *path) {
  g_autoptr(GDir) dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
  const char *name = NULL;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *inner = g_build_filename(path, name, NULL);
    remove_tree(inner);
  }
  g_remove(path);
}

/* Whether a line since the last call matches. */
static inline gboolean was_logged(const char *pattern) {
  g_mutex_lock(&logged_lock);
  gboolean found = g_pattern_match_simple(pattern, logged->str);
  g_string_truncate(logged, 0);
  g_mutex_unlock(&logged_lock);
  return found;
}
