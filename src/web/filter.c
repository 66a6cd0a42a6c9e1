/*
 * How values look on a page. Everything that leaves here is escaped for HTML text and for quoted attributes.
 *
 * 1. A value that a filter does not understand is shown as it is, escaped: never hidden, never an error in the reader's face.
 * 2. Times are integers of microseconds since 1970 or ISO text; integers below 100 000 000 are days written YYYYMMDD (00: unknown).
 */
#include "node.h"
#include "settings.h"
#include "web.h"
#include "text.h"
#include <string.h>

void escape_append(GString *out, const char *text) {
  for (;;) {
    gsize plain = strcspn(text, "&<>\"'");
    g_string_append_len(out, text, (gssize)plain);
    text += plain;
    switch (*text++) {
      case '&': g_string_append(out, "&amp;"); break;
      case '<': g_string_append(out, "&lt;"); break;
      case '>': g_string_append(out, "&gt;"); break;
      case '"': g_string_append(out, "&quot;"); break;
      case '\'': g_string_append(out, "&#39;"); break;
      default: return;
    }
  }
}

gboolean filter_find(const char *name, gsize length, Filter *ret) {
  static const struct { const char *name; Filter filter; } filters[] = {
    {"number", FILTER_NUMBER}, {"date", FILTER_DATE}, {"time", FILTER_TIME}, {"size", FILTER_SIZE}, {"url", FILTER_URL}, {"json", FILTER_JSON}, {"person", FILTER_PERSON},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(filters); i++) {
    if (strlen(filters[i].name) != length || memcmp(filters[i].name, name, length) != 0) continue;
    *ret = filters[i].filter;
    return TRUE;
  }
  return FALSE;
}

/* Puts commas between groups of three; digits is a run of ASCII digits. */
static void append_grouped(GString *out, const char *digits) {
  gsize length = strlen(digits);
  for (gsize i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) g_string_append_c(out, ',');
    g_string_append_c(out, digits[i]);
  }
}

/* "-1234567.50" → "-1,234,567.50"; FALSE when text is no decimal number. */
static gboolean append_number(GString *out, const char *text) {
  const char *at = *text == '-' ? text + 1 : text;
  gsize whole = strspn(at, "0123456789");
  const char *rest = at + whole;
  if (whole == 0 || (*rest != '\0' && !(*rest == '.' && rest[1] != '\0' && rest[1 + strspn(rest + 1, "0123456789")] == '\0'))) return FALSE;
  if (at != text) g_string_append_c(out, '-');
  g_autofree char *digits = g_strndup(at, whole);
  append_grouped(out, digits);
  g_string_append(out, rest);
  return TRUE;
}

static void append_plain(GString *out, const json_t *value) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  switch (json_typeof(value)) {
    case JSON_STRING: escape_append(out, json_string_value(value)); break;
    case JSON_INTEGER: g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
    case JSON_REAL: g_string_append(out, g_ascii_formatd(number, sizeof number, "%.15g", json_real_value(value))); break;
    case JSON_TRUE: g_string_append(out, "true"); break;
    default: break;
  }
}

static void append_number_value(GString *out, const json_t *value) {
  char number[64];
  if (json_is_integer(value)) g_snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  else if (json_is_real(value)) g_ascii_formatd(number, sizeof number, "%.15g", json_real_value(value));
  if (json_is_string(value) ? !append_number(out, json_string_value(value)) : !json_is_number(value) || !append_number(out, number)) append_plain(out, value);
}

/* YYYYMMDD with unknown parts: 19580300 → "1958-03". */
static void append_day(GString *out, gint64 day) {
  g_string_append_printf(out, "%04d", (int)(day / 10000));
  if (day / 100 % 100 == 0) return;
  g_string_append_printf(out, "-%02d", (int)(day / 100 % 100));
  if (day % 100 != 0) g_string_append_printf(out, "-%02d", (int)(day % 100));
}

static void append_time(GString *out, const json_t *value, gboolean with_clock) {
  gint64 at_us = 0;
  if (json_is_integer(value)) {
    at_us = json_integer_value(value);
    if (at_us == 0) return;
    if (at_us > 0 && at_us < 100000000) {
      append_day(out, at_us);
      return;
    }
  } else {
    const char *text = json_string_value(value);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = text != NULL && strchr(text, 'T') != NULL ? g_date_time_new_from_iso8601(text, utc) : NULL;
    if (time == NULL) {
      append_plain(out, value);
      return;
    }
    at_us = g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
  }
  g_autofree char *text = clock_format(at_us);
  if (!with_clock && strlen(text) > 10) text[10] = '\0';
  escape_append(out, text);
}

static void append_size(GString *out, const json_t *value) {
  if (!json_is_number(value) || json_number_value(value) < 0) {
    append_plain(out, value);
    return;
  }
  g_autofree char *text = text_size(json_number_value(value));
  g_string_append(out, text);
}

static void append_url(GString *out, const json_t *value) {
  g_autoptr(GString) plain = g_string_new(NULL);
  if (json_is_string(value)) g_string_append(plain, json_string_value(value));
  else append_plain(plain, value);
  g_string_append_uri_escaped(out, plain->str, NULL, FALSE);
}

static char *(*person_source)(const char *name);
void web_set_person_source(char *(*source)(const char *name)) { person_source = source; }

static void append_person(GString *out, const json_t *value) {
  const char *name = json_string_value(value);
  g_autofree char *title = person_source && name && *name ? person_source(name) : NULL;
  if (title) escape_append(out, title);
  else append_plain(out, value);
}

void filter_append(GString *out, Filter filter, const json_t *value) {
  if (filter == FILTER_JSON) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text != NULL) escape_append(out, text);
    free(text);
    return;
  }
  if (value == NULL) return;
  switch (filter) {
    case FILTER_NUMBER: append_number_value(out, value); break;
    case FILTER_DATE: append_time(out, value, FALSE); break;
    case FILTER_TIME: append_time(out, value, TRUE); break;
    case FILTER_SIZE: append_size(out, value); break;
    case FILTER_URL: append_url(out, value); break;
    case FILTER_PERSON: append_person(out, value); break;
    default: append_plain(out, value);
  }
}
