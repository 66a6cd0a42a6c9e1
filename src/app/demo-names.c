/*
 * What the demonstration archive knows of names: bodies with their forerunners and mergers, tied to their fonds and records; the persons that occur most;
 * topics filled by searches; the history of two fonds. All of it through the functions that the pages call.
 */
#include "app.h"
#include "demo.h"

enum { PERSONS = 12 };

typedef struct { const char *name, *kind, *begin, *end, *former, *type, *history, *functions, *fonds; } Name;
static const Name NAMES[] = {
  {"临江市人民政府", "body", "1949年9月", "", "临江市人民委员会", "former", "一九四九年九月临江解放，成立临江市人民政府；一九五五年改称临江市人民委员会；一九六八年称临江市革命委员会；一九八〇年恢复临江市人民政府名称。", "领导全市行政工作",
    "A002"},
  {"临江市民政局", "body", "1949年10月", "", "临江市民政科", "former", "一九四九年十月设民政科，一九八三年机构改革改为民政局。", "基层政权建设、救灾救济、婚姻登记、社会福利", "B003"},
  {"临江市农业农村局", "body", "2019年1月", "", "市农业农村局", "short", "二〇一九年机构改革，由临江市农业局与临江市畜牧水产局职责整合组建。", "农业农村经济、农业综合执法", "B010"},
  {"临江市农业局", "body", "1958年", "2019年1月", "临江市农林局", "former", "一九五八年由农林局分出，二〇一九年并入临江市农业农村局。", "种植业管理", NULL},
  {"临江市畜牧水产局", "body", "1984年", "2019年1月", "", "former", "一九八四年成立，二〇一九年并入临江市农业农村局。", "畜牧、渔业管理", NULL},
  {"临江市文化和旅游局", "body", "2019年2月", "", "", "former", "二〇一九年由临江市文化局与临江市旅游局合并组建。", "文化、文物、旅游", "B012"},
  {"临江市文化局", "body", "1952年", "2019年2月", "临江市文教局", "former", "一九五二年设文教局，一九七八年文化、教育分设，称文化局。", "文化、文物", NULL},
  {"临江市旅游局", "body", "1992年", "2019年2月", "", "former", "一九九二年成立，二〇一九年与文化局合并。", "旅游管理", NULL},
  {"临江市教育局", "body", "1978年", "", "市教育局", "short", "一九七八年由文教局分设。", "基础教育、职业教育", "B002"},
  {"临江市水利局", "body", "1958年3月", "", "临江市水利电力局", "former", "一九五八年三月成立；一九七一年至一九八三年称水利电力局。", "防汛抗旱、水利工程", "B009"},
};

static const struct { const char *from, *to, *kind, *dates; } RELATIONS[] = {
  {"临江市农业局", "临江市农业农村局", "merged", "2019年1月"}, {"临江市畜牧水产局", "临江市农业农村局", "merged", "2019年1月"},
  {"临江市文化局", "临江市文化和旅游局", "merged", "2019年2月"}, {"临江市旅游局", "临江市文化和旅游局", "merged", "2019年2月"},
  {"临江市文化局", "临江市教育局", "successor", "1978年"}, {"临江市民政局", "临江市人民政府", "superior", ""}, {"临江市水利局", "临江市人民政府", "superior", ""},
  {"临江市教育局", "临江市人民政府", "superior", ""},
};

static const struct { const char *name, *kind, *parent, *begin, *text, *query; } TOPICS[] = {
  {"重特大事件", "topic", NULL, "", "本市历次重大自然灾害、公共卫生事件的档案。", NULL},
  {"防汛救灾", "event", "重特大事件", "1954年", "一九五四年以来历次防汛、抗洪和水毁修复的档案，文件、照片、录音汇于一处。", "防汛 或 抗洪 或 水毁"},
  {"知识青年上山下乡", "topic", NULL, "1968年", "知青安置、回城、招工的档案，并及当年的批复和名册。", "知青 或 知识青年 或 上山下乡"},
};

static gint64 save(const House *house, json_t *taken, GError **error) {
  json_auto_t *authority = taken;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql ? authority_save(sql, "archivist", authority, 0, error) : 0;
  return id && sql_commit(sql, error) ? id : 0;
}

static gint64 named(const House *house, const char *name) {
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  return sql ? authority_named(sql, NULL, name) : 0;
}

static gint64 fonds_named(const House *house, const char *code) {
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  return sql ? sql_number(sql, "SELECT id FROM record WHERE code = $1 AND level = $2", SQL_ARGS(sql_text(code), sql_int(LEVEL_FONDS)), 0, NULL) : 0;
}

static gboolean gather(const House *house, gint64 target, const char *role, const char *query, GError **error) {
  const SearchRequest search = {.query = query};
  g_autofree char *title = query ? g_strdup_printf("检索“%s”的结果", query) : g_strdup("责任者是其名称的档案");
  gint64 id = gathering_plan(house, &SCOPE_EVERYTHING, "archivist", &(GatherAsk){target, role, query ? &search : NULL, title}, error);
  json_auto_t *parameters = json_pack("{s:I, s:b}", "gathering", (json_int_t)id, "undo", 0);
  return id != 0 && job_run_now(house, gathering_run, parameters, "archivist", FALSE, error);
}

static gboolean found_fonds(const House *house, gint64 authority, const char *code, const char *since, GError **error) {
  gint64 fonds = code ? fonds_named(house, code) : 0;
  if (fonds == 0) return TRUE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && link_add(sql, "archivist", &(RecordLink){.record_id = fonds, .target_id = authority, .role = "founder", .dates = since}, error) &&
    sql_commit(sql, error);
}

static gboolean make_bodies(const House *house, GError **error) {
  for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
    const Name *name = &NAMES[i];
    gint64 id = save(house, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:[{s:s, s:s, s:s}]}", "kind", name->kind, "name", name->name, "begin",
      name->begin, "end",
      name->end, "synonyms", TRUE, "history", name->history, "functions", name->functions, "sources", "《临江市志·机构编制志》", "names", "name", name->former, "type",
        name->type,
      "dates", ""), error);
    if (id == 0 || !found_fonds(house, id, name->fonds, name->begin, error) || !gather(house, id, "creator", NULL, error)) return FALSE;
  }
  for (guint i = 0; i < G_N_ELEMENTS(RELATIONS); i++) {
    json_auto_t *relation = json_pack("{s:I, s:I, s:s, s:s}", "from", (json_int_t)named(house, RELATIONS[i].from), "to", (json_int_t)named(house,
      RELATIONS[i].to), "kind",
      RELATIONS[i].kind, "dates", RELATIONS[i].dates);
    g_autoptr(Sql) sql = sql_write(house->db, error);
    if (sql == NULL || !authority_relate(sql, "archivist", relation, error) || !sql_commit(sql, error)) return FALSE;
  }
  return TRUE;
}

/* Those that the survey finds most often: they really occur. */
static gboolean make_persons(const House *house, GError **error) {
  json_auto_t *none = json_object();
  if (!job_run_now(house, authority_survey, none, "archivist", FALSE, error)) return FALSE;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *rows = sql ? sql_json(sql, "SELECT text, MIN(rank) AS rank FROM authority_candidate WHERE kind = 'person' GROUP BY text ORDER BY 2 LIMIT $1",
    SQL_ARGS(sql_int(PERSONS)), error) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (rows == NULL) return FALSE;
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    const char *name = json_string_value(json_object_get(row, "text"));
    gint64 id = save(house, json_pack("{s:s, s:s, s:s}", "kind", "person", "name", name, "note", "名册、登记表中多次出现；是否同一人待核。"), error);
    g_autofree char *query = g_strdup_printf("\"%s\"", name);
    if (id == 0 || !gather(house, id, "subject", query, error)) return FALSE;
  }
  return json_array_size(rows) == 0 || job_run_now(house, authority_survey, none, "archivist", FALSE, error);
}

static gboolean make_topics(const House *house, GError **error) {
  for (guint i = 0; i < G_N_ELEMENTS(TOPICS); i++) {
    gint64 id = save(house, json_pack("{s:s, s:s, s:I, s:s, s:s}", "kind", TOPICS[i].kind, "name", TOPICS[i].name, "parent_id",
      (json_int_t)(TOPICS[i].parent ? named(house, TOPICS[i].parent) : 0), "begin", TOPICS[i].begin, "history", TOPICS[i].text), error);
    if (id == 0 || (TOPICS[i].query && !gather(house, id, "topic", TOPICS[i].query, error))) return FALSE;
  }
  return TRUE;
}

static gboolean write_histories(const House *house, GError **error) {
  static const struct { const char *fonds, *part, *date, *title, *text; } entries[] = {
    {"B010", "introduction", "2021年6月", "全宗介绍", "本全宗为临江市农业农村局形成的文书档案，二〇一九年以前由临江市农业局、临江市畜牧水产局形成的档案分别立卷，合并后并入本全宗续编。"},
    {"B010", "receiving", "2021年5月", "接收工作说明", "首批接收文书档案，目录与实体核对一致；缺二〇〇三年会议记录一册，立档单位出具说明。"},
    {"B010", "appraisal", "2024年10月", "到期鉴定工作报告", "保管期限十年的到期档案逐件鉴定，续存三分之一，其余列入销毁清册。"},
    {"A002", "introduction", "2012年5月", "全宗介绍", "本全宗反映临江市一九四九年以来历届政府的工作，以文书档案为主。"},
    {"A002", "keeping", "2018年9月", "全宗排架变动", "由旧馆三号库移至新馆二号库，逐盒清点，无缺失。"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
    gint64 fonds = fonds_named(house, entries[i].fonds);
    json_auto_t *entry = json_pack("{s:I, s:s, s:s, s:s, s:s}", "fonds_id", (json_int_t)fonds, "part", entries[i].part, "date", entries[i].date, "title",
      entries[i].title, "text",
      entries[i].text);
    g_autoptr(Sql) sql = sql_write(house->db, error);
    if (sql == NULL || (fonds && !dossier_save(sql, "archivist", entry, 0, error)) || !sql_commit(sql, error)) return FALSE;
  }
  return TRUE;
}

gboolean demo_names_fill(const House *house, GError **error) {
  return make_bodies(house, error) && make_persons(house, error) && make_topics(house, error) && write_histories(house, error);
}
