/*
 * How far a job is, how fast, how long still; and the line of the terminal that says so.
 */
#include "running.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TICK_US = 500000, SHOW_TERMINAL_US = 200000, SHOW_LOG_US = 5000000, SMOOTH_US = 10000000, STAGE_CHARACTERS = 24 };

static void replace(char **text, const char *value) {
  if (g_strcmp0(*text, value) == 0) return;
  g_free(*text);
  *text = g_strdup(value);
}

static void update_rate(Progress *progress, gint64 now_us) {
  gint64 elapsed_us = now_us - progress->tick_us;
  if (elapsed_us < TICK_US) return;
  double now_rate = (double)(progress->done - progress->tick_done) * G_USEC_PER_SEC / (double)elapsed_us;
  double weight = progress->rate > 0 ? 1 - exp(-(double)elapsed_us / SMOOTH_US) : 1;
  progress->rate += weight * (now_rate - progress->rate);
  progress->tick_us = now_us;
  progress->tick_done = progress->done;
}

void progress_set(Progress *progress, gint64 now_us, gint64 done, gint64 total, const char *unit, const char *stage) {
  gboolean another = progress->stage == NULL || g_strcmp0(progress->stage, stage ? stage : "") != 0 || done < progress->tick_done;
  replace(&progress->unit, unit ? unit : "");
  replace(&progress->stage, stage ? stage : "");
  progress->done = MAX(done, 0);
  progress->total = MAX(total, 0);
  if (another) {
    progress->rate = 0;
    progress->tick_us = now_us;
    progress->tick_done = progress->done;
  }
  update_rate(progress, now_us);
  gint64 left = progress->total - progress->done;
  if (progress->total == 0 || (left > 0 && progress->rate < 1e-9)) progress->remaining_seconds = -1;
  else progress->remaining_seconds = left <= 0 ? 0 : (gint64)fmin(ceil((double)left / progress->rate), 1e12);
}

void progress_clear(Progress *progress) {
  g_free(progress->unit);
  g_free(progress->stage);
}

/* ---- the line ---- */

static void append_amount(GString *out, double amount, const char *unit) {
  if (g_strcmp0(unit, "字节") == 0) {
    static const char *const units[] = {"字节", "KB", "MB", "GB", "TB"};
    guint i = 0;
    for (; amount >= 1024 && i + 1 < G_N_ELEMENTS(units); i++) amount /= 1024;
    g_string_append_printf(out, i ? "%.1f %s" : "%.0f %s", amount, units[i]);
    return;
  }
  char digits[32];
  g_snprintf(digits, sizeof digits, "%.0f", amount);
  gsize length = strlen(digits);
  for (gsize i = 0; i < length; i++) {
    if (i && (length - i) % 3 == 0) g_string_append_c(out, ',');
    g_string_append_c(out, digits[i]);
  }
}

static void append_duration(GString *out, gint64 seconds) {
  if (seconds < 60) g_string_append_printf(out, "%d 秒", (int)seconds);
  else if (seconds < 3600) g_string_append_printf(out, "%d 分 %d 秒", (int)(seconds / 60), (int)(seconds % 60));
  else g_string_append_printf(out, "%" G_GINT64_FORMAT " 小时 %d 分", seconds / 3600, (int)(seconds / 60 % 60));
}

/* A stage may name a file: control characters must not reach the terminal. */
static void append_stage(GString *out, const char *stage) {
  guint count = 0;
  for (const char *at = stage; *at && count < STAGE_CHARACTERS; at = g_utf8_next_char(at), count++) {
    gunichar character = g_utf8_get_char_validated(at, -1);
    if (character >= 0x110000) return;
    g_string_append_unichar(out, g_unichar_isprint(character) ? character : ' ');
  }
  if (count) g_string_append_c(out, ' ');
}

char *progress_line(const Progress *progress) {
  const char *unit = progress->unit ? progress->unit : "";
  gboolean bytes = g_str_equal(unit, "字节");
  g_autoptr(GString) out = g_string_new(NULL);
  append_stage(out, progress->stage ? progress->stage : "");
  append_amount(out, (double)progress->done, unit);
  if (progress->total) {
    g_string_append_c(out, '/');
    append_amount(out, (double)progress->total, unit);
  }
  if (!bytes && *unit) g_string_append_printf(out, " %s", unit);
  if (progress->total) g_string_append_printf(out, "（%d%%）", (int)(MIN(progress->done, progress->total) * 100.0 / (double)progress->total));
  if (progress->rate > 0) {
    g_string_append_c(out, ' ');
    append_amount(out, progress->rate, unit);
    g_string_append_printf(out, "%s%s/秒", bytes || !*unit ? "" : " ", bytes ? "" : unit);
  }
  if (progress->rate > 0 && progress->remaining_seconds > 0) {
    g_string_append(out, " 剩余 ");
    append_duration(out, progress->remaining_seconds);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

void job_show(Job *job, gint64 now_us) {
  if (!job->show || now_us < job->show_us) return;
  g_autofree char *line = progress_line(&job->progress);
  fprintf(stderr, job->terminal ? "\r%s\033[K" : "%s\n", line);
  fflush(stderr);
  job->show_us = now_us + (job->terminal ? SHOW_TERMINAL_US : SHOW_LOG_US);
}

void job_show_end(Job *job, gboolean good) {
  if (!job->show || job->progress.stage == NULL) return;
  gint64 used_us = MAX(1, g_get_monotonic_time() - job->begin_us);
  job->progress.rate = used_us < G_USEC_PER_SEC / 2 ? 0 : (double)job->progress.done * G_USEC_PER_SEC / (double)used_us; /* over the whole */
  job->progress.remaining_seconds = -1;
  g_autofree char *line = progress_line(&job->progress);
  g_autoptr(GString) used = g_string_new(NULL);
  append_duration(used, used_us / G_USEC_PER_SEC);
  const char *clear = job->terminal ? "\033[K" : "", *home = job->terminal ? "\r" : "";
  if (good) fprintf(stderr, "%s%s 用时 %s%s\n", home, line, used->str, clear);
  else fprintf(stderr, "%s%s 中断%s\n", home, line, clear);
}
