/*
 * What came lately to the demonstration archive and what is kept of it: deliveries in every state and of every layout, a collecting project, a conversion,
 * a request to destroy, offline media. All of it through the functions that the pages call; a small archive of its own writes the packages that arrive.
 */
#include "app.h"
#include "date.h"
#include "demo.h"
#include "error.h"
#include "project.h"
#include <glib/gstdio.h>
#include <string.h>

typedef enum { FATE_RECEIVED, FATE_REHEARSED, FATE_RETURNED, FATE_DONE, FATE_DISCARDED } Fate;
typedef struct {
  DemoRecent recent;
  const char *arrives; /* "table" with a folder, "documents" by themselves, else a package's format */
  const char *actor, *note;
  Fate fate;
  gboolean flood; /* belongs to the collecting project */
  const char *stage; /* NULL: transfer */
} Plan;

#define FLOOD "2025年7月防汛救灾"
static const Plan PLANS[] = {
  {{"B009", "临江市水利局", "WS", "临江市水利局2024年度电子文件移交", DEMO_PAPERS, DEMO_PDF, 2024, 8, NULL, 0}, "eep", "archivist", NULL, FATE_DONE, FALSE},
  {{"B002", "临江市教育局", "WS", "临江市教育局2024年度电子文件移交", DEMO_PAPERS, DEMO_PDF, 2024, 8, NULL, 0}, "bagit", "archivist", NULL, FATE_DONE, FALSE},
  {{"B003", DEMO_BODY, "WS", "临江市民政局2023年社会救助专题移交", DEMO_PAPERS, DEMO_PDF, 2025, 6, "困难群众社会救助", 4}, "table", "transferor", NULL, FATE_RETURNED, FALSE},
  {{"B012", "临江市文化和旅游局", "WS", "临江市文化和旅游局2024年度文书档案（误传）", DEMO_PAPERS, DEMO_PDF, 2024, 3, NULL, 0}, "table", "archivist",
    "移交单位来电：所传为征求意见稿，不归档，另传定稿", FATE_DISCARDED, FALSE},
  {{"B010", "临江市农业农村局", "WS", "临江市农业农村局2024年版式文件", DEMO_PAPERS, DEMO_OFD, 2024, 5, NULL, 0}, "documents", "archivist",
    "没有目录，先按文件名入库，由本馆补著录", FATE_DONE, FALSE},
  {{"Q106", "临江拖拉机厂", "TX", "临江拖拉机厂退休人员档案移交", DEMO_PERSONS, DEMO_PDF, 2024, 8, NULL, 0}, "table", "archivist", NULL, FATE_DONE, FALSE},
  {{"Q106", "临江拖拉机厂", "WS", "临江拖拉机厂2010年到期文书移交", DEMO_PAPERS, DEMO_PDF, 2010, 3, NULL, 0, TRUE}, "table", "archivist", NULL, FATE_DONE, FALSE},
  {{"B009", "临江市水利局", "ZP", "临江市水利局防汛救灾照片", DEMO_PHOTOS, DEMO_IMAGES, 2025, 6, "防汛救灾", 0}, "table", "archivist", NULL, FATE_DONE, TRUE},
  {{"A012", "中共临江市委宣传部", "LY", "中共临江市委宣传部防汛救灾录音", DEMO_RECORDINGS, DEMO_SOUND, 2025, 3, "防汛救灾", 0}, "table", "archivist", NULL, FATE_DONE, TRUE},
  {{"B008", "临江市交通运输局", "WS", "临江市交通运输局防汛救灾文件扫描件", DEMO_PAPERS, DEMO_BITMAP, 2025, 2, "防汛救灾道路抢通", 0}, "table", "archivist",
    "扫描件为位图格式，不在规定格式之内：让步接收，入库后转换", FATE_DONE, TRUE},
  {{"B011", "临江市卫生健康委员会", "WS", "临江市卫生健康委员会防汛救灾文件", DEMO_PAPERS, DEMO_PDF, 2025, 4, "灾区卫生防疫", 0}, "bagit", "archivist", NULL, FATE_REHEARSED, TRUE},
  {{"B004", "临江市财政局", "WS", "临江市财政局2024年度电子文件移交", DEMO_PAPERS, DEMO_PDF, 2024, 5, NULL, 0}, "table", "archivist", NULL, FATE_RECEIVED, FALSE},
  {{"B013", "临江市档案馆", "WS", "本馆办公室2024年度归档", DEMO_PAPERS, DEMO_PDF, 2024, 4, "档案馆库房安全", 0}, "table", "archivist", NULL, FATE_REHEARSED, FALSE, "filing"},
  {{"B003", DEMO_BODY, "WS", "临江市民政局2024年度电子文件移交", DEMO_PAPERS, DEMO_PDF, 2024, 8, NULL, 0}, "dat93", "transferor", NULL, FATE_REHEARSED, FALSE},
};

static gboolean is_package(const Plan *plan) { return !g_str_equal(plan->arrives, "table") && !g_str_equal(plan->arrives, "documents"); }
static char *package_path(const char *folder, guint i) { return g_strdup_printf("%s/package-%u.zip", folder, i); }

GPtrArray *demo_life_deliveries(const DemoWords *words, const char *folder, GError **error) {
  g_autoptr(GPtrArray) deliveries = g_ptr_array_new_with_free_func((GDestroyNotify)demo_delivery_free);
  for (guint i = 0; i < G_N_ELEMENTS(PLANS); i++) {
    DemoDelivery *delivery = demo_recent(words, folder, 400 + i, &PLANS[i].recent, error);
    if (delivery == NULL) return NULL;
    g_ptr_array_add(deliveries, delivery);
  }
  return g_steal_pointer(&deliveries);
}

/* ---- packages ---- */

static AccessionSource source_of(const DemoDelivery *delivery) {
  return (AccessionSource){.path = delivery->path, .name = delivery->name, .files = delivery->files, .fonds = delivery->fonds, .fonds_title = delivery->fonds_title,
    .category = delivery->category, .body = delivery->body};
}

static gboolean run(const House *house, JobRun job, gint64 id, const char *actor, const char *note, GError **error) {
  json_auto_t *parameters = json_pack("{s:I, s:s*}", "accession", (json_int_t)id, "note", note);
  return job_run_now(house, job, parameters, actor, FALSE, error);
}

static gboolean write_package(const House *house, const DemoDelivery *delivery, const char *format, const char *target, GError **error) {
  AccessionSource source = source_of(delivery);
  gint64 id = accession_receive(house, "system", &source, error);
  json_auto_t *parameters = json_pack("{s:I, s:b}", "accession", (json_int_t)id, "check", 0);
  if (id == 0 || !job_run_now(house, accession_rehearse, parameters, "system", FALSE, error) || !run(house, accession_load, id, "system", NULL, error)) return FALSE;
  json_auto_t *selection = json_pack("{s:I}", "delivery", (json_int_t)id);
  json_auto_t *result = exchange_export(house, NULL, &SCOPE_EVERYTHING, selection, format, target, error);
  return result != NULL;
}

gboolean demo_life_package(GPtrArray *deliveries, const char *folder, GError **error) {
  g_autofree char *dir = g_build_filename(folder, "bodies", NULL);
  if (!archive_create(dir, error)) return FALSE;
  g_autoptr(Archive) archive = archive_open(dir, ARCHIVE_WRITE, error);
  gboolean good = archive != NULL;
  for (guint i = 0; good && i < G_N_ELEMENTS(PLANS); i++) {
    g_autofree char *target = package_path(folder, i);
    if (is_package(&PLANS[i])) good = write_package(archive_house(archive), g_ptr_array_index(deliveries, i), PLANS[i].arrives, target, error);
  }
  return good;
}

/* ---- deliveries ---- */

/* 0 when a package counts otherwise than its documents. */
static gint64 bytes_of(const Plan *plan, const DemoDelivery *delivery) {
  if (is_package(plan)) return 0;
  g_autoptr(GDir) dir = g_dir_open(delivery->files, 0, NULL);
  gint64 bytes = 0;
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(delivery->files, name, NULL);
    GStatBuf status;
    if (g_stat(path, &status) == 0) bytes += status.st_size;
  }
  return bytes;
}

static json_t *declared_of_plan(const Plan *plan, const DemoDelivery *delivery) {
  gboolean persons = plan->recent.what == DEMO_PERSONS;
  gint64 bytes = bytes_of(plan, delivery);
  json_t *declared = json_pack("{s:i, s:i}", "items", persons ? plan->recent.count * 3 : plan->recent.count, "volumes", persons ? plan->recent.count : 0);
  if (bytes) json_object_set_new(declared, "bytes", json_integer(bytes));
  json_object_update_new(declared, json_pack("{s:s, s:s, s:s, s:s, s:s}", "work_name", plan->recent.name, "description", plan->recent.name, "carrier", "在线",
    "filled_by", "经办人", "approved_by", "分管负责人"));
  return declared;
}

static gint64 receive(const House *house, const Plan *plan, DemoDelivery *delivery, const char *package, GError **error) {
  AccessionSource source = source_of(delivery);
  json_auto_t *declared = declared_of_plan(plan, delivery);
  source.declared = declared;
  source.stage = plan->stage;
  source.take_files = TRUE;
  if (g_str_equal(plan->arrives, "table")) return accession_receive(house, plan->actor, &source, error);
  source.path = is_package(plan) ? package : delivery->files;
  source.file_name = is_package(plan) ? "移交包.zip" : "版式文件";
  source.files = NULL;
  return accession_receive(house, plan->actor, &source, error);
}

static gboolean give_back(const House *house, gint64 id, GError **error) {
  json_auto_t *items = json_pack("[{s:s, s:s}, {s:s, s:s}]", "kind", "file", "text", "B003-WS·2025-Y-BGS-0004：目录中有，没有收到原文", "kind", "other", "text",
    "批次名称写作2023年，目录中的年度是2025年，请核对");
  return accession_return(house, "archivist", id, "缺一件原文，请补齐后在本批次重新移交", items, error);
}

static gboolean follow(const House *house, const Plan *plan, gint64 id, GError **error) {
  if (plan->fate == FATE_DISCARDED) return accession_discard(house, plan->actor, id, plan->note, error);
  if (plan->fate == FATE_RECEIVED) return TRUE;
  if (!run(house, accession_rehearse, id, plan->actor, NULL, error)) return FALSE;
  if (plan->fate == FATE_RETURNED) return give_back(house, id, error);
  return plan->fate != FATE_DONE || run(house, accession_load, id, "archivist", plan->note, error);
}

/* ---- the collecting project ---- */

static char *day_from_now(int days) {
  int day = date_shift(date_today(), days);
  return date_format((DateSpan){day, day});
}

static gboolean change_project(Sql *sql, gint64 *id, const char *step, json_t *data, GError **error) {
  *id = project_change(sql, "archivist", *id, step, data, error);
  json_decref(data);
  return *id != 0;
}

static gboolean open_project(const House *house, const gint64 *ids, GError **error) {
  static const struct { const char *body, *owed, *contact, *chase; int due; gboolean settled; } owing[] = {
    {"临江市水利局", "汛情、调度记录，堤防巡查照片", "办公室", NULL, 30, TRUE}, {"中共临江市委宣传部", "新闻稿件，现场录音录像，亲历者口述", "宣传科", NULL, 30, FALSE},
    {"临江市交通运输局", "道路抢通文件", "办公室", NULL, 30, FALSE}, {"临江市卫生健康委员会", "灾区卫生防疫文件、统计", "应急办", NULL, 30, FALSE},
    {"临江市公安局", "群众转移、秩序维护记录", "指挥中心", "已电话联系，答复本月底前移交", -12, FALSE}, {DEMO_BODY, "受灾群众安置、救灾款物发放登记", "救灾科", NULL, 30, FALSE},
    {"临江市财政局", "救灾资金拨付文件", "预算科", NULL, 60, FALSE}};
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_autofree char *due = day_from_now(30);
  gint64 id = 0;
  gboolean good = sql && change_project(sql, &id, "open", json_pack("{s:s, s:s, s:s}", "title", FLOOD "档案收集", "note",
    "市防汛抗旱指挥部成员单位形成的文件、照片、录音录像，按重特大事件档案收集归档", "due_on", due), error);
  for (guint i = 0; good && i < G_N_ELEMENTS(owing); i++) {
    g_autofree char *day = day_from_now(owing[i].due);
    good = change_project(sql, &id, "body", json_pack("{s:s, s:s, s:s, s:s}", "body", owing[i].body, "owed", owing[i].owed, "due_on", day, "contact",
      owing[i].contact), error);
    if (good && owing[i].chase) good = change_project(sql, &id, "chase", json_pack("{s:s, s:s}", "body", owing[i].body, "note", owing[i].chase), error);
  }
  for (guint i = 0; good && i < G_N_ELEMENTS(PLANS); i++)
    if (PLANS[i].flood) good = change_project(sql, &id, "delivery", json_pack("{s:I}", "accession", (json_int_t)ids[i]), error);
  for (guint i = 0; good && i < G_N_ELEMENTS(owing); i++)
    if (owing[i].settled) good = change_project(sql, &id, "settle", json_pack("{s:s, s:b}", "body", owing[i].body, "settled", 1), error);
  return good && sql_commit(sql, error);
}

gboolean demo_life_topic(const House *house, const char *topic, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 project = sql ? sql_number(sql, "SELECT MAX(id) AS id FROM project", SQL_NONE, 0, error) : 0, named = sql ? authority_named(sql, NULL, topic) : 0;
  return project && change_project(sql, &project, "topic", json_pack("{s:I}", "topic", (json_int_t)named), error) && sql_commit(sql, error);
}

/* ---- keeping ---- */

static gboolean run_kept(const House *house, const char *name, json_t *parameters, GError **error) {
  const JobKind *kind = KEEP_JOBS;
  while (kind->kind && !g_str_equal(kind->kind, name)) kind++;
  if (kind->kind == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "没有任务 %s", name);
  return job_run_now(house, kind->run, parameters, "archivist", FALSE, error);
}

static gboolean convert_bitmaps(const House *house, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *format = sql ? sql_row_json(sql, "SELECT puid, mime FROM file WHERE record_id IN (SELECT id FROM record WHERE code = $1) LIMIT 1",
    SQL_ARGS(sql_text("B008-WS·2025-Y-BGS-0001")), error) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (format == NULL) return FALSE;
  json_object_set_new(format, "to", json_string("pdf"));
  return run_kept(house, "keep.convert", format, error);
}

/* One fonds only: the yearly patrol over all takes longer than a visitor waits. */
static gboolean patrol_small(const House *house, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 fonds = sql ? sql_number(sql, "SELECT id FROM record WHERE code = $1 AND level = $2", SQL_ARGS(sql_text("Q106"), sql_int(LEVEL_FONDS)), 0, error) : 0;
  gint64 patrol = fonds ? patrol_start(sql, "archivist", fonds, error) : 0;
  if (patrol == 0 || !sql_commit(sql, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  json_auto_t *parameters = json_pack("{s:I, s:i, s:b}", "patrol", (json_int_t)patrol, "rate", 0, "any_hour", 1);
  return run_kept(house, "keep.patrol", parameters, error);
}

/* A few papers that were to be kept for ten years, and the time is over. */
static gboolean ask_for_destruction(const House *house, gint64 accession, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *rows = sql ? sql_json(sql, "SELECT r.id AS id FROM accession AS a JOIN record AS r ON r.id >= a.first_record_id "
    "AND r.id < a.first_record_id + a.reserved_count WHERE a.id = $1 ORDER BY r.id LIMIT 3", SQL_ARGS(sql_int(accession)), error) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (rows == NULL) return FALSE;
  gint64 records[3];
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) records[i] = json_integer_value(json_object_get(row, "id"));
  const DisposalRequest request = {"destroy", "保管期限10年已满，经鉴定小组审查无继续保存价值，依《机关文件材料归档范围和文书档案保管期限规定》提请销毁原文，目录保留", records,
    json_array_size(rows), FALSE};
  return request.count == 0 || disposal_request(house, &SCOPE_EVERYTHING, "archivist", &request, error) != 0;
}

static gboolean note_media(const House *house, GError **error) {
  static const struct { const char *name, *type, *content, *place, *result; int made, checked; } media[] = {
    {"GP-0001", "光盘", "婚姻登记档案数字化副本（一）", "异地备份库 3 列 2 节", "抽检 20 个文件，均可读", -1500, -380},
    {"GP-0002", "光盘", "婚姻登记档案数字化副本（二）", "异地备份库 3 列 2 节", "抽检 20 个文件，均可读", -1480, -800},
    {"CD-0001", "磁带", "2023年度全库备份", "异地备份库 磁带柜 1", "读取正常", -1000, -300}, {"YP-0001", "硬盘", "2020年接收进馆原始载体", "库房 数据柜 1", "", -1950, 0}};
  for (guint i = 0; i < G_N_ELEMENTS(media); i++) {
    g_autofree char *made = day_from_now(media[i].made), *checked = media[i].checked ? day_from_now(media[i].checked) : g_strdup("");
    json_auto_t *medium = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", 0, "name", media[i].name, "type", media[i].type, "content", media[i].content,
      "place", media[i].place, "made_on", made, "checked_on", checked, "check_result", media[i].result, "retired_on", "");
    if (!medium_put(house, "archivist", medium, error)) return FALSE;
  }
  return TRUE;
}

gboolean demo_life_fill(const House *house, GPtrArray *deliveries, const char *folder, GError **error) {
  gint64 ids[G_N_ELEMENTS(PLANS)], short_lived = 0;
  for (guint i = 0; i < G_N_ELEMENTS(PLANS); i++) {
    g_autofree char *package = package_path(folder, i);
    ids[i] = receive(house, &PLANS[i], g_ptr_array_index(deliveries, i), package, error);
    if (ids[i] == 0 || !follow(house, &PLANS[i], ids[i], error)) return g_prefix_error(error, "%s：", PLANS[i].recent.name), FALSE;
    if (PLANS[i].recent.short_lived) short_lived = ids[i];
  }
  json_auto_t *declared = json_pack("{s:s, s:s, s:s, s:i, s:s}", "work_name", "临江市民政局2025年度电子文件移交", "description", "2025年度机关文书档案", "filled_by", "经办人", "items",
    120, "carrier", "在线");
  const AccessionSource announced = {.name = "临江市民政局2025年度电子文件移交", .body = DEMO_BODY, .declared = declared};
  return accession_register(house, "transferor", &announced, error) != 0 && open_project(house, ids, error) &&
    convert_bitmaps(house, error) && ask_for_destruction(house, short_lived, error) && note_media(house, error) && patrol_small(house, error) &&
    demo_schedules(house, error);
}
