/* Rules over the whole: the package's structure, totals against the hand-over form, the scanner, files nobody claims, the catalogue after loading, a person. */
#include "internal.h"
#include <string.h>

/* ---- what the package's reader found ---- */

static gboolean structure_begin(Probe *probe, GError **error) {
  json_t *aspects = probe_with(probe, "aspects"), *aspect;
  size_t i;
  if (!json_is_array(aspects) || json_array_size(aspects) == 0) return throw(error, LANTAI_ERROR_INVALID, "aspects 应为列表，如 [readme, catalogue]");
  json_array_foreach(aspects, i, aspect)
    if (!json_is_string(aspect)) return throw(error, LANTAI_ERROR_INVALID, "aspects 只能是文字");
  return TRUE;
}

static void structure_end(Probe *probe) {
  json_t *entry, *aspect;
  size_t i, k;
  if (run_structure(probe->run) == NULL) {
    probe_explain(probe, "移交的不是信息包");
    return;
  }
  probe->checked++;
  json_array_foreach(run_structure(probe->run), i, entry)
    json_array_foreach(probe_with(probe, "aspects"), k, aspect) {
      if (g_strcmp0(json_string_value(json_object_get(entry, "aspect")), json_string_value(aspect)) != 0) continue;
      const char *reason = json_string_value(json_object_get(entry, "reason"));
      probe_fault(probe, NULL, json_string_value(json_object_get(entry, "path")), "%s", reason ? reason : "不合规定");
    }
}

/* ---- totals ---- */

typedef struct { gint64 items, volumes; char *first, *last; } Totals;

static void totals_clear(gpointer state) {
  Totals *totals = state;
  if (totals == NULL) return;
  g_free(totals->first);
  g_free(totals->last);
  g_free(totals);
}

static gboolean totals_begin(Probe *probe, GError **error) {
  probe->state = g_new0(Totals, 1);
  return TRUE;
}

static void totals_unit(Probe *probe, const Unit *unit) {
  Totals *totals = probe->state;
  const char *code = record_code(unit->record);
  *(record_is_item(unit->record) ? &totals->items : &totals->volumes) += 1;
  if (*code == '\0') return;
  if (totals->first == NULL || catalog_code_compare(code, totals->first) < 0) {
    g_free(totals->first);
    totals->first = g_strdup(code);
  }
  if (totals->last == NULL || catalog_code_compare(code, totals->last) > 0) {
    g_free(totals->last);
    totals->last = g_strdup(code);
  }
}

static void compare_count(Probe *probe, const char *key, const char *label, gint64 found) {
  json_t *declared = json_object_get(run_declared(probe->run), key);
  if (!json_is_number(declared)) return;
  probe->checked++;
  gint64 wanted = (gint64)json_number_value(declared);
  if (wanted != found) probe_fault(probe, NULL, NULL, "登记%s %" G_GINT64_FORMAT "，实际 %" G_GINT64_FORMAT, label, wanted, found);
}

static void compare_code(Probe *probe, const char *key, const char *label, const char *found) {
  const char *wanted = json_string_value(json_object_get(run_declared(probe->run), key));
  if (wanted == NULL || *wanted == '\0' || found == NULL) return;
  probe->checked++;
  if (catalog_code_compare(wanted, found) != 0) probe_fault(probe, NULL, NULL, "登记的%s是 %s，实际是 %s", label, wanted, found);
}

static void count_end(Probe *probe) {
  const Totals *totals = probe->state;
  compare_count(probe, "items", "件数", totals->items);
  compare_count(probe, "volumes", "卷数", totals->volumes);
  if (probe->checked == 0) probe_skip(probe, "没有登记件数（登记表或说明文件）");
  compare_code(probe, "first_code", "起始档号", totals->first);
  compare_code(probe, "last_code", "终止档号", totals->last);
}

/* A form's gigabytes have three decimals: a number that is no whole one is right within half of the last of them. */
static void bytes_end(Probe *probe) {
  json_t *declared = json_object_get(run_declared(probe->run), "bytes");
  gint64 found = run_bytes(probe->run);
  enum { HALF_OF_LAST_DECIMAL = 536871 };
  if (!json_is_number(declared)) {
    probe_skip(probe, "没有登记数据量（登记表或说明文件）");
    return;
  }
  double wanted = json_number_value(declared), off = wanted > (double)found ? wanted - (double)found : (double)found - wanted;
  probe->checked++;
  if (off > (json_is_integer(declared) ? 0 : HALF_OF_LAST_DECIMAL))
    probe_fault(probe, NULL, NULL, "登记 %" G_GINT64_FORMAT " 字节，实际 %" G_GINT64_FORMAT " 字节", (gint64)wanted, found);
}

/* ---- the rest ---- */

static void scanner_end(Probe *probe) {
  const char *reason;
  if (run_scanner(probe->run, &reason)) probe->checked++;
  else probe_skip(probe, "%s。如在别的机器上查杀，请人工确认", reason);
}

static void surplus_path(Probe *probe, const char *path) { probe_fault(probe, NULL, path, "目录中没有登记这个文件"); }
static void surplus_end(Probe *probe) { probe->checked += run_files(probe->run) + run_units(probe->run) + probe->failed; }

/* Records that are in the catalogue are read back from it. */
typedef struct { gint64 outside; } Loaded;

static gboolean loaded_begin(Probe *probe, GError **error) {
  probe->state = g_new0(Loaded, 1);
  return TRUE;
}

static void loaded_unit(Probe *probe, const Unit *unit) {
  Loaded *loaded = probe->state;
  if (unit->record_id == 0) {
    loaded->outside++;
    return;
  }
  g_autoptr(GError) problem = NULL;
  g_autoptr(Sql) sql = run_sql(probe->run, &problem);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_load(sql, &SCOPE_EVERYTHING, unit->record_id, &problem) : NULL;
  probe->checked++;
  if (record == NULL) probe_fault(probe, unit, NULL, "目录库中读不出这个条目：%s", problem ? problem->message : "原因不明");
  else if (!g_str_equal(record->code, record_code(unit->record))) probe_fault(probe, unit, NULL, "目录库中的档号是 %s", record->code);
}

static void loaded_end(Probe *probe) {
  if (((Loaded *)probe->state)->outside && probe->checked == 0) probe_skip(probe, "还没有入库，入库后才能检测");
}

static const char *const ASPECTS[] = {"aspects", NULL};

const Rule RULES_WHOLE[] = {
  {"structure", ASPECTS, 0, structure_begin, .end = structure_end},
  {"count", NULL, 0, totals_begin, totals_unit, .end = count_end, .clear = totals_clear},
  {"bytes", NULL, 0, .end = bytes_end},
  {"scanner", NULL, 0, .end = scanner_end},
  {"surplus", NULL, 0, .surplus = surplus_path, .end = surplus_end},
  {"loaded", NULL, 0, loaded_begin, loaded_unit, .end = loaded_end, .clear = g_free},
  {"person", NULL, 0},
  {NULL},
};
