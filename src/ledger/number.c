/*
 * 编号: "XX{year}-{serial:3}". A serial counts under what stands before it with year and month filled in, and only rises, so that no number is given twice,
 * whatever was deleted since.
 */
#include "internal.h"

static const gint64 SERIAL_MAX = 1000000000000; /* what is typed in above it is no serial: the last one must be able to rise */

/* The pattern with {year} and {month} filled in, up to the serial; what follows it in ret_suffix. NULL: there is no serial. */
char *number_prefix(const char *pattern, int day, guint *ret_width, char **ret_suffix) {
  g_autoptr(GString) filled = g_string_new(pattern);
  g_autofree char *year = g_strdup_printf("%04d", day / 10000), *month = g_strdup_printf("%02d", day / 100 % 100);
  g_string_replace(filled, "{year}", year, 0);
  g_string_replace(filled, "{month}", month, 0);
  char *serial = strstr(filled->str, "{serial"), *end = serial != NULL ? strchr(serial, '}') : NULL;
  if (end == NULL) return NULL;
  *ret_width = serial[7] == ':' ? (guint)g_ascii_strtoull(serial + 8, NULL, 10) : 1;
  if (ret_suffix != NULL) *ret_suffix = g_strdup(end + 1);
  return g_strndup(filled->str, (gsize)(serial - filled->str));
}

/* Of its date, else when it was made: the same in a rebuild. */
static int entry_day(json_t *entry) {
  int day = (int)int_at(entry, "from");
  return day != 0 ? day : date_of_time(int_at(entry, "made_at"));
}

static gboolean last_raise(Sql *sql, gint64 ledger_id, const char *prefix, gint64 last, GError **error) {
  return sql_exec(sql, "INSERT INTO ledger_number (ledger_id, prefix, last) VALUES ($1, $2, $3) ON CONFLICT (ledger_id, prefix) DO UPDATE SET "
    "last = MAX(last, excluded.last)", SQL_ARGS(sql_int(ledger_id), sql_text(prefix), sql_int(last)), error);
}

/* What is given is counted when the entry is written (number_note). */
gboolean number_give(Sql *sql, const LedgerDefinition *definition, json_t *entry, GError **error) {
  if (definition->number == NULL || text_at(entry, "number")[0] != '\0') return TRUE;
  guint width = 1;
  g_autofree char *suffix = NULL;
  g_autofree char *prefix = number_prefix(definition->number, entry_day(entry), &width, &suffix);
  if (prefix == NULL) return TRUE;
  gint64 serial = sql_number(sql, "SELECT last FROM ledger_number WHERE ledger_id = $1 AND prefix = $2", SQL_ARGS(sql_int(definition->id), sql_text(prefix)), 0, NULL);
  const Foretold *foretold = foretold_of(sql, definition->id);
  if (foretold != NULL) serial = MAX(serial, (gint64)GPOINTER_TO_SIZE(g_hash_table_lookup(foretold->serials, prefix)));
  serial = MIN(serial, SERIAL_MAX);
  for (;;) { /* one typed in by hand in another form may lie ahead */
    g_autofree char *number = g_strdup_printf("%s%0*" G_GINT64_FORMAT "%s", prefix, (int)MIN(width, 12), ++serial, suffix);
    if (sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry WHERE ledger_id = $1 AND number = $2 AND number <> ''",
          SQL_ARGS(sql_int(definition->id), sql_text(number)), 0, NULL) > 0 || (foretold != NULL && g_hash_table_contains(foretold->numbers, number))) continue;
    json_object_set_new(entry, "number", json_string(number));
    return TRUE;
  }
}

/* The serial in a number under the pattern; 0: it is not of it. */
static gint64 serial_of(const char *pattern, json_t *entry, char **ret_prefix) {
  const char *number = text_at(entry, "number");
  if (pattern == NULL || number[0] == '\0') return 0;
  guint width;
  g_autofree char *suffix = NULL;
  g_autofree char *prefix = number_prefix(pattern, entry_day(entry), &width, &suffix);
  if (prefix == NULL || !g_str_has_prefix(number, prefix) || !g_str_has_suffix(number, suffix)) return 0;
  const char *digits = number + strlen(prefix);
  char *end;
  gint64 serial = g_ascii_strtoll(digits, &end, 10);
  if (end == digits || !g_str_equal(end, suffix) || serial <= 0 || serial > SERIAL_MAX) return 0;
  *ret_prefix = g_steal_pointer(&prefix);
  return serial;
}

gboolean number_note(Sql *sql, gint64 ledger_id, const char *pattern, json_t *entry, GError **error) {
  g_autofree char *prefix = NULL;
  gint64 serial = serial_of(pattern, entry, &prefix);
  return serial == 0 || last_raise(sql, ledger_id, prefix, serial, error);
}

/* ---- numbers to come ---- */

static const char FORETOLD[] = "ledger-foretold";

void foretold_attach(Sql *sql, const Foretold *foretold) { sql_set_data(sql, FORETOLD, (gpointer)foretold, NULL); }

const Foretold *foretold_of(Sql *sql, gint64 ledger) {
  const Foretold *foretold = sql_get_data(sql, FORETOLD);
  return foretold != NULL && foretold->ledger == ledger ? foretold : NULL;
}

void foretold_add(Foretold *foretold, const LedgerDefinition *definition, json_t *entry, guint row) {
  const char *number = text_at(entry, "number"), *title = text_at(entry, "title");
  g_autofree char *prefix = NULL;
  gsize serial = (gsize)serial_of(definition->number, entry, &prefix);
  if (number[0] != '\0') g_hash_table_insert(foretold->numbers, g_strdup(number), GUINT_TO_POINTER(row));
  if (serial > GPOINTER_TO_SIZE(prefix ? g_hash_table_lookup(foretold->serials, prefix) : NULL))
    g_hash_table_insert(foretold->serials, g_steal_pointer(&prefix), GSIZE_TO_POINTER(serial));
  if (title[0] != '\0') g_hash_table_insert(foretold->titles, g_strdup(title), GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(foretold->titles, title)) + 1));
}
