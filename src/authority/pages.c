/* The room's rows of the route table, what is opened and what is replayed. */
#include "internal.h"
#include "watch.h"

gboolean authority_open(SqlDb *db, GError **error) {
  catalog_set_record_extra(record_page_extra);
  catalog_set_synonym_source(add_synonyms);
  catalog_set_tie(record_tied);
  return sql_migrate_room(db, "authority", error);
}

static gboolean replay_rows(Sql *sql, json_t *event, GError **error) {
  json_t *rows = json_object_get(json_object_get(event, "data"), "after"), *row;
  if (json_array_size(rows) == 0) return throw(error, LANTAI_ERROR_INVALID, "名称规范事件的内容不全");
  size_t i;
  json_array_foreach(rows, i, row) {
    if (!authority_write(sql, row, error)) return FALSE;
  }
  return TRUE;
}

gboolean authority_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  const char *action = text_at(event, "action");
  if (g_str_has_prefix(action, "link.")) return link_replay(house, sql, event, action, error);
  if (g_str_has_prefix(action, "dossier.")) return dossier_replay(sql, event, g_str_equal(action, "dossier.remove"), error);
  if (g_str_equal(action, "authority.relate") || g_str_equal(action, "authority.unrelate")) return relation_replay(sql, event, g_str_equal(action,
    "authority.unrelate"), error);
  return replay_rows(sql, event, error);
}

const JobKind AUTHORITY_JOBS[] = {
  {"authority.table", "导出名称规范", authority_table_job, JOB_HEAVY},
  {"link.gather", "批量关联", gathering_run, JOB_HEAVY},
  {"link.ungather", "撤销批量关联", gathering_run, JOB_HEAVY},
  {"topic.fill", "来件归入专题", topic_fill_run, JOB_HEAVY},
  {"authority.survey", "清点责任者和人名", authority_survey, JOB_HEAVY},
  {NULL},
};

#define LIST_PARAMETERS {"q", WEB_TEXT, FALSE, 200, "名称"}, {"kind", WEB_TEXT, FALSE, 20, "种类"}, {"after", WEB_TEXT, FALSE, 400, "起点"}, {"from", WEB_INT, FALSE, 0, "起点"}
#define ID_PARAMETER {"id", WEB_INT, TRUE, 0, "编号"}
static const WebParameter LIST[] = {LIST_PARAMETERS, {NULL}};
static const WebParameter ONE[] = {
  ID_PARAMETER, {"tab", WEB_TEXT, FALSE, 10, "标签"}, {"before", WEB_INT, FALSE, 0, "起点"}, {"find", WEB_TEXT, FALSE, 200, "查找"}, {"role", WEB_TEXT, FALSE, 20,
    "关系"},
  {"q", WEB_TEXT, FALSE, 2000, "检索式"}, {"after", WEB_TEXT, FALSE, 1000, "起点"}, {"sort", WEB_TEXT, FALSE, 10, "次序"}, {"fonds", WEB_INTS, FALSE, 0, "全宗"},
  {"category", WEB_INTS, FALSE, 0, "门类"}, {"year", WEB_INTS, FALSE, 0, "年度"}, {"opening", WEB_INTS, FALSE, 0, "开放状态"}, {NULL},
};
static const WebParameter ID_ONLY[] = {ID_PARAMETER, {NULL}};
static const WebParameter NEW[] = {{"kind", WEB_TEXT, FALSE, 20, "种类"}, {"name", WEB_TEXT, FALSE, 300, "规范名称"}, {"parent", WEB_INT, FALSE, 0, "上级专题"},
  {"id", WEB_INT, FALSE, 0, "编号"}, {NULL}};
static const WebParameter EDIT[] = {ID_PARAMETER, {"kind", WEB_TEXT, FALSE, 20, "种类"}, {"name", WEB_TEXT, FALSE, 300, "规范名称"}, {"parent", WEB_INT, FALSE, 0,
  "上级专题"}, {NULL}};
#define DESCRIPTION \
  {"kind", WEB_TEXT, TRUE, 20, "种类"}, {"name", WEB_TEXT, FALSE, 300, "规范名称"}, {"begin", WEB_TEXT, FALSE, 100, "起始时间"}, {"end", WEB_TEXT, FALSE, 100, "终止时间"}, \
  {"history", WEB_LINES, FALSE, 20000, "沿革"}, {"places", WEB_LINES, FALSE, 4000, "所在地"}, {"functions", WEB_LINES, FALSE, 4000, "职能"}, \
  {"sources", WEB_LINES, FALSE, 4000, "依据"}, {"note", WEB_LINES, FALSE, 4000, "附注"}, {"synonyms", WEB_FLAG, FALSE, 0, "检索时互为同义词"}, \
  {"other_name", WEB_LIST, FALSE, 100, "其他名称"}, {"other_type", WEB_LIST, FALSE, 100, "名称类型"}, {"other_dates", WEB_LIST, FALSE, 100, "使用年代"}, \
  {"parent_name", WEB_TEXT, FALSE, 300, "上级专题"}, {"cover_code", WEB_TEXT, FALSE, 200, "封面档案"}, {"rev", WEB_INT, FALSE, 0, "版本"}
static const WebParameter CREATE[] = {DESCRIPTION, {"id", WEB_INT, FALSE, 0, "编号"}, {NULL}};
static const WebParameter SAVE[] = {ID_PARAMETER, DESCRIPTION, {NULL}};
static const WebParameter STATE[] = {ID_PARAMETER, {"act", WEB_TEXT, FALSE, 20, "操作"}, {NULL}};
static const WebParameter MERGE[] = {ID_PARAMETER, {"find", WEB_TEXT, FALSE, 200, "查找"}, {NULL}};
static const WebParameter MERGE_DO[] = {ID_PARAMETER, {"with", WEB_INT, FALSE, 0, "并入的记录"}, {NULL}};
static const WebParameter RELATE[] = {
  ID_PARAMETER, {"other", WEB_INT, FALSE, 0, "对方"}, {"relation", WEB_TEXT, FALSE, 20, "关系"}, {"dates", WEB_TEXT, FALSE, 100, "年代"}, {"note", WEB_TEXT,
    FALSE, 1000, "说明"}, {NULL},
};
static const WebParameter UNRELATE[] = {ID_PARAMETER, {"relation", WEB_INT, FALSE, 0, "关系"}, {NULL}};
static const WebParameter LINK[] = {
  ID_PARAMETER, {"target", WEB_INT, FALSE, 0, "名称或专题"}, {"role", WEB_TEXT, FALSE, 20, "关系"}, {"relation", WEB_TEXT, FALSE, 20, "与该档案的关系"}, {"code",
    WEB_TEXT, FALSE, 200, "档号"},
  {"dates", WEB_TEXT, FALSE, 100, "年代"}, {"note", WEB_TEXT, FALSE, 1000, "说明"}, {NULL},
};
#define SEARCH_PARAMETERS \
  {"q", WEB_TEXT, FALSE, 2000, "检索式"}, {"fonds", WEB_INTS, FALSE, 0, "全宗"}, {"category", WEB_INTS, FALSE, 0, "门类"}, {"year", WEB_INTS, FALSE, 0, "年度"}, \
  {"retention", WEB_INTS, FALSE, 0, "保管期限"}, {"opening", WEB_INTS, FALSE, 0, "开放状态"}, {"level", WEB_INTS, FALSE, 0, "层级"}, {"from", WEB_INT, FALSE, 0, "起始年度"}, \
  {"to", WEB_INT, FALSE, 0, "截止年度"}, {"delivery", WEB_INT, FALSE, 0, "批次"}, {"parent", WEB_INT, FALSE, 0, "案卷"}, {"files", WEB_FLAG, FALSE, 0, "有原文"}, \
  {"sort", WEB_TEXT, FALSE, 80, "次序"}
static const WebParameter GATHER_NEW[] = {SEARCH_PARAMETERS, {"target", WEB_INT, FALSE, 0, "名称或专题"}, {"find", WEB_TEXT, FALSE, 200, "查找"}, {NULL}};
static const WebParameter GATHER[] = {SEARCH_PARAMETERS, {"target", WEB_INT, FALSE, 0, "名称或专题"}, {"role", WEB_TEXT, FALSE, 20, "关系"}, {NULL}};
static const WebParameter AFTER[] = {{"after", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter TABLE[] = {{"made", WEB_FLAG, FALSE, 0, "已制作的"}, {NULL}};
static const WebParameter TABLE_MAKE[] = {{"format", WEB_TEXT, TRUE, 10, "格式"}, {NULL}};
static const WebParameter IMPORT[] = {{"file", WEB_FILE, FALSE, 50, "表格"}, {"token", WEB_TEXT, FALSE, 60, "预演过的文件"}, {NULL}};
static const WebParameter DOSSIER[] = {ID_PARAMETER, {"edit", WEB_INT, FALSE, 0, "修改哪一条"}, {"part", WEB_TEXT, FALSE, 20, "部分"}, {NULL}};
static const WebParameter DOSSIER_SAVE[] = {
  ID_PARAMETER, {"entry", WEB_INT, FALSE, 0, "条目"}, {"rev", WEB_INT, FALSE, 0, "版本"}, {"part", WEB_TEXT, FALSE, 20, "部分"}, {"date", WEB_TEXT, FALSE, 100, "日期"},
  {"title", WEB_TEXT, FALSE, 300, "标题"}, {"text", WEB_LINES, FALSE, 20000, "内容"}, {"codes", WEB_LINES, FALSE, 10000, "档号"}, {"edit", WEB_INT, FALSE, 0,
    "修改哪一条"}, {NULL},
};
static const WebParameter DOSSIER_REMOVE[] = {ID_PARAMETER, {"entry", WEB_INT, FALSE, 0, "条目"}, {NULL}};

const WebRoute AUTHORITY_ROUTES[] = {
  {"GET", "/authorities", PERMISSION_READ, LIST, "authority/authorities", page_authorities, "名称规范"},
  {"GET", "/authorities/table", PERMISSION_READ, NULL, "authority/table", page_authorities_table, "导出名称规范"},
  {"POST", "/authorities/table", PERMISSION_EDIT, TABLE_MAKE, NULL, make_authorities_table, NULL},
  {"GET", "/authorities/table.xlsx", PERMISSION_READ, TABLE, NULL, page_authorities_xlsx, NULL},
  {"GET", "/authorities/table.csv", PERMISSION_READ, TABLE, NULL, page_authorities_csv, NULL},
  {"GET", "/authorities/import", PERMISSION_EDIT, NULL, "authority/import", page_import, "导入名称规范"},
  {"POST", "/authorities/import", PERMISSION_EDIT, IMPORT, "authority/import", page_import_take, "导入名称规范"},
  {"GET", "/authorities/candidates", PERMISSION_EDIT, AFTER, "authority/candidates", page_candidates, "待规范的责任者和人名"},
  {"POST", "/authorities/candidates", PERMISSION_EDIT, NULL, NULL, page_candidates_survey, NULL},
  {"GET", "/authority/new", PERMISSION_EITHER, NEW, "authority/edit", page_authority_form, "新建名称规范"},
  {"POST", "/authority/new", PERMISSION_EITHER, CREATE, "authority/edit", page_authority_save, "新建名称规范"},
  {"GET", "/authority/{id}", PERMISSION_READ, ONE, "authority/authority", page_authority, "名称规范"},
  {"GET", "/authority/{id}/edit", PERMISSION_EITHER, EDIT, "authority/edit", page_authority_form, "修改"},
  {"POST", "/authority/{id}/edit", PERMISSION_EITHER, SAVE, "authority/edit", page_authority_save, "修改"},
  {"POST", "/authority/{id}/state", PERMISSION_EITHER, STATE, NULL, page_authority_state, NULL},
  {"GET", "/authority/{id}/merge", PERMISSION_EITHER, MERGE, "authority/merge", page_authority_merge, "合并"},
  {"POST", "/authority/{id}/merge", PERMISSION_EITHER, MERGE_DO, NULL, page_authority_merge_do, NULL},
  {"POST", "/authority/{id}/relate", PERMISSION_EITHER, RELATE, NULL, page_authority_relate, NULL},
  {"POST", "/authority/{id}/unrelate", PERMISSION_EITHER, UNRELATE, NULL, page_authority_unrelate, NULL},
  {"GET", "/authority/{id}/eac.xml", PERMISSION_READ, ID_ONLY, NULL, page_authority_eac, NULL},
  {"GET", "/topics", PERMISSION_READ, LIST, "authority/topics", page_topics, "专题"},
  {"GET", "/topics/{id}", PERMISSION_READ, ONE, "authority/topic", page_topic, "专题"},
  {"GET", "/record/{id}/links", PERMISSION_EITHER, MERGE, "authority/links", page_record_links, "关联"},
  {"POST", "/record/{id}/links", PERMISSION_EITHER, LINK, "authority/links", page_link_add, "关联"},
  {"POST", "/record/{id}/links/remove", PERMISSION_EITHER, LINK, "authority/links", page_link_remove, "关联"},
  {"GET", "/gather", PERMISSION_EITHER, GATHER_NEW, "authority/gather-new", page_gather_new, "批量关联"},
  {"POST", "/gather", PERMISSION_EITHER, GATHER, NULL, page_gather_plan, NULL},
  {"GET", "/gather/{id}", PERMISSION_EITHER, ID_ONLY, "authority/gather", page_gather, "批量关联"},
  {"POST", "/gather/{id}/start", PERMISSION_EITHER, ID_ONLY, NULL, page_gather_start, NULL},
  {"POST", "/gather/{id}/undo", PERMISSION_EITHER, ID_ONLY, NULL, page_gather_undo, NULL},
  {"GET", "/fonds/{id}/history", PERMISSION_READ, DOSSIER, "authority/fonds", page_fonds_history, "全宗卷"},
  {"POST", "/fonds/{id}/history", PERMISSION_EDIT, DOSSIER_SAVE, "authority/fonds", page_dossier_save, "全宗卷"},
  {"POST", "/fonds/{id}/history/remove", PERMISSION_EDIT, DOSSIER_REMOVE, NULL, page_dossier_remove, NULL},
  {NULL},
};
