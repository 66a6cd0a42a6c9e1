/* Figures kept ready: computed once for a period and for what the asker may see, again when something that they read changes (ledger/ready.c sees to that). */
#include "internal.h"
#include "json.h"
#include "settings.h"

typedef struct { const House *house; Sql *sql; Asker asker; const char *name; json_t *definition; FigurePeriod period; } Wanted;

static json_t *make(gpointer data, GError **error) {
  const Wanted *wanted = data;
  gboolean trying = json_is_true(json_object_get(wanted->definition, "trying")); /* asked on the spot, over a ledger (never records: their scope is not in the key) */
  if (trying) return figure_try(wanted->house, wanted->sql, wanted->asker, wanted->definition, wanted->period, error);
  if (wanted->definition) return figure_compute_definition(wanted->house, wanted->sql, wanted->asker, wanted->definition, wanted->period, error);
  return figure_compute(wanted->house, wanted->sql, wanted->asker, wanted->name, wanted->period, error);
}

static json_t *ready(const Wanted *wanted, GError **error) {
  g_autofree char *view = ledger_view(wanted->asker);
  const char *archive = wanted->house->settings ? settings_text(wanted->house->settings, "archive.name") : "";
  json_auto_t *asked = json_pack("[s, s, s?, O?, i, i, s, s]", "figure", view, wanted->name, wanted->definition, wanted->period.from, wanted->period.to,
    wanted->period.unit ? wanted->period.unit : "", archive ? archive : "");
  g_autofree char *key = json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS);
  return ledger_ready(wanted->sql, key, make, (gpointer)wanted, error);
}

json_t *figure_ready(const House *house, Sql *sql, Asker asker, const char *name, FigurePeriod period, GError **error) {
  return ready(&(Wanted){house, sql, asker, name, NULL, period}, error);
}

json_t *figure_ready_definition(const House *house, Sql *sql, Asker asker, json_t *definition, FigurePeriod period, GError **error) {
  return ready(&(Wanted){house, sql, asker, NULL, definition, period}, error);
}
