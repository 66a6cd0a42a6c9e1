/*
 * The policy of formats: which are kept, watched or converted. Data (definitions/formats.yaml), read when the archive is opened.
 *
 * 1. The first rule that fits decides; the last one fits anything.
 * 2. What a rule names (policy, converter) is checked when it is read: a mistake stops the opening and names the row.
 */
#include "internal.h"
#include "settings.h"
#include <gio/gio.h>
#include <string.h>

static GPtrArray *rules;

static const struct { const char *policy, *label, *tone; } POLICIES[] = {{"keep", "保管", "ok"}, {"watch", "关注", "warn"}, {"convert", "应转换", "bad"}};

static void rule_free(gpointer data) {
  FormatRule *rule = data;
  char *texts[] = {rule->puid, rule->mime, rule->kind, rule->policy, rule->to, rule->why, rule->since};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) g_free(texts[i]);
  g_free(rule);
}

static guint policy_index(const char *policy) {
  guint i = 0;
  while (i < G_N_ELEMENTS(POLICIES) && !g_str_equal(POLICIES[i].policy, policy)) i++;
  return i;
}

static FormatRule *rule_of(json_t *row, const char *path, size_t number, GError **error) {
  static const char *const KEYS[] = {"puid", "mime", "kind", "policy", "to", "why", "since", "permitted", "name", "extensions"};
  const char *key;
  json_t *value;
  json_object_foreach(row, key, value) {
    gboolean known = FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(KEYS); i++) known |= g_str_equal(key, KEYS[i]);
    if (!known) return throw_null(error, LANTAI_ERROR_INVALID, "%s 第 %zu 条：不认识的项“%s”", path, number, key);
  }
  const char *to = json_word(row, "to");
  if (policy_index(json_word(row, "policy")) == G_N_ELEMENTS(POLICIES))
    return throw_null(error, LANTAI_ERROR_INVALID, "%s 第 %zu 条：policy 应为 keep、watch 或 convert", path, number);
  if ((*to != '\0' && format_converter(to) == NULL) || (*to == '\0' && g_str_equal(json_word(row, "policy"), "convert")))
    return throw_null(error, LANTAI_ERROR_INVALID, "%s 第 %zu 条：to 应为 pdfa、pdf、jpeg、jp2 或 png", path, number);
  FormatRule *rule = g_new0(FormatRule, 1);
  *rule = (FormatRule){g_strdup(json_word(row, "puid")), g_strdup(json_word(row, "mime")), g_strdup(json_word(row, "kind")), g_strdup(json_word(row, "policy")),
    g_strdup(to), g_strdup(json_word(row, "why")), g_strdup(json_word(row, "since")), json_is_true(json_object_get(row, "permitted"))};
  return rule;
}

gboolean formats_load(const char *dir, GError **error) {
  static const char path[] = "definitions/formats.yaml";
  json_auto_t *policy = yaml_load_definition(dir, "formats.yaml", error);
  if (policy == NULL) return FALSE;
  g_autoptr(GPtrArray) read = g_ptr_array_new_with_free_func(rule_free);
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(policy, "formats"), i, row) {
    FormatRule *rule = rule_of(row, path, i + 1, error);
    if (rule == NULL) return FALSE;
    g_ptr_array_add(read, rule);
  }
  const FormatRule *last = read->len ? read->pdata[read->len - 1] : NULL;
  if (last == NULL || *last->puid || *last->mime || *last->kind)
    return throw(error, LANTAI_ERROR_INVALID, "%s：最后一条应适用于其余所有格式（不写 puid、mime、kind）", path);
  json_auto_t *own = json_array(); /* formats that the archives name or whose extensions they fix */
  json_array_foreach(json_object_get(policy, "formats"), i, row)
    if (json_object_get(row, "name") != NULL || json_object_get(row, "extensions") != NULL) json_array_append(own, row);
  format_table_of_formats(own);
  g_clear_pointer(&rules, g_ptr_array_unref);
  rules = g_steal_pointer(&read);
  return TRUE;
}

static gboolean fits(const char *wanted, const char *is) { return *wanted == '\0' || g_str_equal(wanted, is); }

const FormatRule *formats_rule(const char *puid, const char *mime, const char *kind) {
  for (guint i = 0; i < rules->len; i++) {
    const FormatRule *rule = rules->pdata[i];
    if (fits(rule->puid, puid) && fits(rule->mime, mime) && fits(rule->kind, kind)) return rule;
  }
  return rules->pdata[rules->len - 1];
}

/* ---- what the holdings contain ---- */

static void dress(json_t *row, const FormatRule *rule) {
  guint policy = policy_index(rule->policy);
  const FormatConverter *converter = *rule->to ? format_converter(rule->to) : NULL;
  json_object_set_new(row, "policy", json_string(rule->policy));
  json_object_set_new(row, "policy_label", json_string(POLICIES[policy].label));
  json_object_set_new(row, "tone", json_string(POLICIES[policy].tone));
  json_object_set_new(row, "why", json_string(rule->why));
  json_object_set_new(row, "permitted", json_boolean(rule->permitted));
  if (converter == NULL) return;
  json_object_set_new(row, "to", json_string(rule->to));
  json_object_set_new(row, "to_name", json_string(converter->name));
  json_object_set_new(row, "ready", json_boolean(format_converter_present(converter)));
  if (!format_converter_present(converter)) json_object_set_new(row, "package", json_string(converter->package));
}

json_t *formats_holdings(Sql *sql, GError **error) {
  json_t *list = sql_json(sql, "SELECT puid, mime, COUNT(*) AS files, SUM(size_bytes) AS bytes FROM file GROUP BY puid, mime ORDER BY bytes DESC", SQL_NONE, error);
  size_t i;
  json_t *row;
  json_array_foreach(list, i, row) {
    g_autofree char *kind = sql_string(sql, "SELECT kind FROM file WHERE puid = $1 AND mime = $2 LIMIT 1", SQL_ARGS(sql_text(json_word(row, "puid")),
      sql_text(json_word(row, "mime"))), NULL);
    json_object_set_new(row, "kind", json_string(kind ? kind : "other"));
    json_object_set_new(row, "name", json_string(format_name(json_word(row, "puid"), json_word(row, "mime"))));
    json_object_set_new(row, "failed", json_integer(sql_number(sql, "SELECT COUNT(*) AS failed FROM keep_conversion_failure WHERE puid = $1 AND mime = $2",
      SQL_ARGS(sql_text(json_word(row, "puid")), sql_text(json_word(row, "mime"))), 0, NULL)));
    json_object_set_new(row, "converted", json_integer(sql_number(sql, "SELECT COUNT(*) AS converted FROM file AS f WHERE f.puid = $1 AND f.mime = $2 AND EXISTS "
      "(SELECT 1 FROM keep_conversion AS c WHERE c.record_id = f.record_id AND c.source_path = f.path AND c.undone_us = 0)", SQL_ARGS(sql_text(json_word(row,
      "puid")), sql_text(json_word(row, "mime"))), 0, NULL)));
    dress(row, formats_rule(json_word(row, "puid"), json_word(row, "mime"), kind ? kind : "other"));
  }
  return list;
}
