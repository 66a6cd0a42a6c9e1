/*
 * The stage of a delivery: 归档 (filing, from an office of the own body) or 移交与接收 (transfer, from another body). It names the scheme that checks it.
 *
 * 1. It is chosen when the delivery is registered or received and may be changed until it is accepted; what was checked before is checked anew then.
 */
#include "check.h"
#include "delivery.h"
#include "error.h"
#include "journal.h"

const char *stage_take(const char *code, GError **error) {
  CheckStage stage = code && *code ? check_stage_of(code) : CHECK_TRANSFER;
  if (stage == CHECK_FILING || stage == CHECK_TRANSFER) return check_stage_code(stage);
  return throw_null(error, LANTAI_ERROR_INVALID, "没有环节“%s”。可用的环节：%s（归档）、%s（移交与接收）", code, check_stage_code(CHECK_FILING), check_stage_code(CHECK_TRANSFER));
}

json_t *stage_choices(const char *chosen) {
  json_t *choices = json_array();
  static const CheckStage stages[] = {CHECK_TRANSFER, CHECK_FILING};
  for (guint i = 0; i < G_N_ELEMENTS(stages); i++) {
    const char *code = check_stage_code(stages[i]);
    json_array_append_new(choices, json_pack("{s:s, s:s, s:b}", "value", code, "label", check_stage_label(code), "selected",
      g_str_equal(code, chosen && *chosen ? chosen : "transfer")));
  }
  return choices;
}

gboolean stage_store(Sql *sql, gint64 id, const char *stage, GError **error) {
  return sql_exec(sql, "UPDATE accession SET stage = $1, check_id = 0 WHERE id = $2", SQL_ARGS(sql_text(*stage ? stage : "transfer"), sql_int(id)), error);
}

static gboolean change(Sql *sql, const char *actor, json_t *delivery, const char *stage, GError **error) {
  gint64 id = int_at(delivery, "id");
  if (!delivery_is(delivery, "registered received returned rehearsed"))
    return throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 现在是“%s”，不能再改环节。已入库的请先撤销，再重新接收", id,
      life_label(text_at(delivery, "state"), NULL));
  if (!delivery_idle(sql, id, error)) return FALSE;
  g_autofree char *note = g_strconcat("环节改为", check_stage_label(stage), NULL);
  if (delivery_is(delivery, "rehearsed") && !life_move(sql, actor, id, &(LifeStep){"received", note, NULL}, error)) return FALSE;
  json_t *event = json_pack("{s:s}", "stage", stage);
  gboolean good = stage_store(sql, id, stage, error) && journal_append(sql, actor, "accession.stage", "accession", id, event, error) != 0;
  json_decref(event);
  return good;
}

gboolean accession_set_stage(const House *house, const char *actor, gint64 id, const char *code, GError **error) {
  const char *stage = stage_take(code, error);
  g_autoptr(Sql) sql = stage ? sql_write(house->db, error) : NULL;
  json_t *delivery = sql ? delivery_load(sql, id, error) : NULL;
  if (delivery == NULL) return FALSE;
  gboolean same = g_str_equal(stage, text_at(delivery, "stage")), good = same || (change(sql, actor, delivery, stage, error) && sql_commit(sql, error));
  json_decref(delivery);
  return good;
}
