/*
 * Log lines on standard error: "time level room message", one write(2) each, so that threads do not mix.
 *
 * 1. A message is one line: control characters in it (they may come from users) are written as spaces.
 * 2. The room is the folder under src/ of the file that logs, else the log domain (a library's), else "-". A library's information is detail (debug) to us.
 */
#include <string.h>
#include <unistd.h>

#include "settings.h"

static GLogLevelFlags lowest = G_LOG_LEVEL_INFO; /* the least important level that is written */

static const char *level_name(GLogLevelFlags level) {
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) return "error";
  if (level & G_LOG_LEVEL_WARNING) return "warning";
  return level & G_LOG_LEVEL_DEBUG ? "debug" : "info";
}

static const char *field_text(const GLogField *fields, gsize count, const char *key) {
  for (gsize i = 0; i < count; i++)
    if (strcmp(fields[i].key, key) == 0 && fields[i].length < 0) return fields[i].value;
  return NULL;
}

static void append_room(GString *line, const GLogField *fields, gsize count) {
  const char *file = field_text(fields, count, "CODE_FILE");
  const char *domain = field_text(fields, count, "GLIB_DOMAIN");
  const char *room = file != NULL ? g_strrstr(file, "src/") : NULL;
  const char *end = room != NULL ? strchr(room + 4, '/') : NULL;
  if (end != NULL) g_string_append_len(line, room + 4, end - room - 4);
  else g_string_append(line, domain != NULL ? domain : "-");
}

static GLogWriterOutput write_line(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data) {
  if ((level & G_LOG_LEVEL_MASK) > lowest) return G_LOG_WRITER_HANDLED;
  const char *file = field_text(fields, count, "CODE_FILE"), *message = field_text(fields, count, "MESSAGE");
  if ((level & G_LOG_LEVEL_INFO) && lowest < G_LOG_LEVEL_DEBUG && (file == NULL || strstr(file, "src/") == NULL)) return G_LOG_WRITER_HANDLED;
  g_autofree char *time = clock_format_iso(clock_now_us());
  g_autoptr(GString) line = g_string_new(time);
  g_string_append_printf(line, " %s ", level_name(level));
  append_room(line, fields, count);
  g_string_append_c(line, ' ');
  gsize start = line->len;
  g_string_append(line, message != NULL ? message : "");
  for (gsize i = start; i < line->len; i++)
    if ((guchar) line->str[i] < 0x20 || line->str[i] == 0x7F) line->str[i] = ' ';
  g_string_append_c(line, '\n');
  return write(STDERR_FILENO, line->str, line->len) < 0 ? G_LOG_WRITER_UNHANDLED : G_LOG_WRITER_HANDLED;
}

void log_init(void) {
  const char *level = g_getenv("LANTAI_LOG");
  if (g_strcmp0(level, "debug") == 0) lowest = G_LOG_LEVEL_DEBUG;
  else if (g_strcmp0(level, "warning") == 0) lowest = G_LOG_LEVEL_WARNING;
  else lowest = G_LOG_LEVEL_INFO;
  static gsize installed = 0; /* GLib takes a writer once */
  if (!g_once_init_enter(&installed)) return;
  g_log_set_writer_func(write_line, NULL, NULL);
  g_once_init_leave(&installed, 1);
}
