/* The catalogue's rows of the route table. Which records are seen is the scope's matter. */
#include "internal.h"

static const WebParameter CATALOG_PARAMETERS[] = {
  {"filter", WEB_TEXT, FALSE, 100, "筛选"}, {"after", WEB_TEXT, FALSE, 300, "起点"}, {NULL},
};
static const WebParameter NODE_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "编号"}, {"sort", WEB_TEXT, FALSE, 10, "排序"}, {"after", WEB_TEXT, FALSE, 1000, "起点"}, {"from", WEB_INT, FALSE, 0, "序号"},
  {"at", WEB_TEXT, FALSE, 200, "档号"}, {"end", WEB_FLAG, FALSE, 0, "末页"},
  {"filter", WEB_TEXT, FALSE, 2000, "筛选"}, {"year_from", WEB_INT, FALSE, 0, "起始年"}, {"year_to", WEB_INT, FALSE, 0, "终止年"}, {NULL},
};
static const WebParameter PICK_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "编号"}, {"ids", WEB_INTS, FALSE, 1000, "所选"}, {"do", WEB_TEXT, FALSE, 10, "操作"}, {"up", WEB_INT, FALSE, 0, "上移"},
  {"down", WEB_INT, FALSE, 0, "下移"}, {"before", WEB_TEXT, FALSE, 200, "排在其前的档号"}, {NULL},
};
#define MOVE_PARAMETERS {"node", WEB_INT, FALSE, 0, "所在类目"}, {"ids", WEB_INTS, FALSE, 1000, "所选"}, {"filter", WEB_TEXT, FALSE, 2000, "筛选"}
static const WebParameter MOVE_NEW_PARAMETERS[] = {MOVE_PARAMETERS, {NULL}};
static const WebParameter MOVE_PLAN_PARAMETERS[] = {MOVE_PARAMETERS, {"target", WEB_INT, FALSE, 0, "移到"}, {"code", WEB_TEXT, FALSE, 200, "移到"}, {NULL}};
static const WebParameter RECORD_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "编号"}, {"q", WEB_TEXT, FALSE, 10000, "检索式"}, {"tab", WEB_TEXT, FALSE, 10, "标签"}, {"after", WEB_INT, FALSE, 0, "起点"},
  {"s", WEB_TEXT, FALSE, 4000, "所在检索"}, {"n", WEB_INT, FALSE, 0, "序号"}, {NULL},
};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {NULL}};
static const WebParameter NEW_PARAMETERS[] = {
  {"like", WEB_INT, FALSE, 0, "上一件"}, {"copy", WEB_FLAG, FALSE, 0, "照抄"}, {"parent", WEB_INT, FALSE, 0, "上级"},
  {"category", WEB_TEXT, FALSE, 20, "门类"}, {"level", WEB_TEXT, FALSE, 10, "层级"}, {NULL},
};
#define DESCRIPTION_PARAMETERS \
  {"form", WEB_FLAG, FALSE, 0, "表单"}, {"number", WEB_FLAG, FALSE, 0, "按规则编号"}, {"code", WEB_TEXT, FALSE, 200, "档号"}, {"title", WEB_TEXT, FALSE, 4000, "题名"}, \
  {"creator", WEB_TEXT, FALSE, 4000, "责任者"}, {"docno", WEB_TEXT, FALSE, 1000, "文号"}, {"date", WEB_TEXT, FALSE, 200, "日期"}, \
  {"year", WEB_TEXT, FALSE, 200, "年度"}, {"retention", WEB_TEXT, FALSE, 200, "保管期限"}, {"security", WEB_TEXT, FALSE, 20, "密级"}, \
  {"opening", WEB_TEXT, FALSE, 20, "开放标识"}, {"page_count", WEB_TEXT, FALSE, 200, "页数"}, {"note", WEB_TEXT, FALSE, 4000, "备注"}, \
  {"key", WEB_LIST, FALSE, 400, "著录项"}, {"value", WEB_LIST, FALSE, 400, "著录项的内容"}
static const WebParameter SAVE_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "编号"}, {"rev", WEB_INT, FALSE, 0, "版本"}, {"base", WEB_INT, FALSE, 0, "原版本"}, {"open", WEB_LIST, FALSE, 400, "待选定的项"},
  {"choice", WEB_LIST, FALSE, 400, "选定"}, {"next", WEB_FLAG, FALSE, 0, "下一件"}, DESCRIPTION_PARAMETERS, {NULL},
};
static const WebParameter RESTORE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"event", WEB_INT, TRUE, 0, "历史"}, {"key", WEB_TEXT, TRUE, 400, "著录项"}, {NULL}};
static const WebParameter CREATE_PARAMETERS[] = {
  {"next", WEB_FLAG, FALSE, 0, "下一件"}, {"like", WEB_INT, FALSE, 0, "上一件"},
  {"parent", WEB_INT, FALSE, 0, "上级"}, {"category", WEB_TEXT, FALSE, 20, "门类"}, {"level", WEB_TEXT, FALSE, 10, "层级"}, DESCRIPTION_PARAMETERS, {NULL},
};

static const WebParameter CODES_PARAMETERS[] = {{"filter", WEB_TEXT, FALSE, 100, "筛选"}, {"after", WEB_TEXT, FALSE, 300, "起点"}, {NULL}};
#define GROUP_PARAMETERS {"fonds", WEB_INT, TRUE, 0, "全宗"}, {"category", WEB_INT, TRUE, 0, "门类"}
static const WebParameter CODE_GROUP_PARAMETERS[] = {GROUP_PARAMETERS, {"show", WEB_TEXT, FALSE, 20, "内容"}, {"after", WEB_TEXT, FALSE, 1000, "起点"}, {NULL}};
static const WebParameter CODE_RULE_PARAMETERS[] = {GROUP_PARAMETERS, {NULL}};
static const WebParameter CODE_CHOOSE_PARAMETERS[] = {
  GROUP_PARAMETERS, {"rule", WEB_TEXT, TRUE, 60, "规则"}, {"volume_width", WEB_INT, FALSE, 0, "案卷号位数"}, {"item_width", WEB_INT, FALSE, 0, "件号位数"}, {NULL},
};
static const WebParameter RENUMBER_PARAMETERS[] = {
  {"node", WEB_INT, FALSE, 0, "类目或案卷"}, {"q", WEB_TEXT, FALSE, 2000, "检索式"}, {"fonds", WEB_INT, FALSE, 0, "全宗"}, {"category", WEB_INT, FALSE, 0, "门类"},
  {"delivery", WEB_INT, FALSE, 0, "移交批次"}, {"mode", WEB_TEXT, FALSE, 10, "编号方式"}, {"sort", WEB_TEXT, FALSE, 20, "排序"}, {NULL},
};
static const WebParameter RENUMBER_ONE_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "编号"}, {"show", WEB_TEXT, FALSE, 10, "内容"}, {"after", WEB_INT, FALSE, 0, "起点"}, {NULL},
};
static const WebParameter SYNONYM_PARAMETERS[] = {{"list", WEB_LINES, FALSE, 400000, "同义词表"}, {"seen", WEB_TEXT, FALSE, 64, "打开时的表"}, {NULL}};
static const WebParameter FIND_PARAMETERS[] = {{"code", WEB_TEXT, FALSE, 200, "档号"}, {NULL}};

const WebRoute CATALOG_ROUTES[] = {
  {"GET", "/codes", PERMISSION_READ, CODES_PARAMETERS, "catalog/codes", page_codes, "档号"},
  {"GET", "/codes/{fonds}/{category}", PERMISSION_READ, CODE_GROUP_PARAMETERS, "catalog/code-group", page_code_group, "档号"},
  {"GET", "/codes/{fonds}/{category}/rule", PERMISSION_RENUMBER, CODE_RULE_PARAMETERS, "catalog/code-rule", page_code_rule, "档号规则"},
  {"POST", "/codes/{fonds}/{category}/rule", PERMISSION_RENUMBER, CODE_CHOOSE_PARAMETERS, NULL, page_code_choose, NULL},
  {"GET", "/renumber", PERMISSION_RENUMBER, RENUMBER_PARAMETERS, "catalog/renumber-new", page_renumber_new, "改号"},
  {"POST", "/renumber", PERMISSION_RENUMBER, RENUMBER_PARAMETERS, NULL, page_renumber_plan, NULL},
  {"GET", "/renumber/{id}", PERMISSION_RENUMBER, RENUMBER_ONE_PARAMETERS, "catalog/renumber", page_renumber, "改号"},
  {"POST", "/renumber/{id}/start", PERMISSION_RENUMBER, ID_PARAMETERS, NULL, page_renumber_start, NULL},
  {"POST", "/renumber/{id}/undo", PERMISSION_RENUMBER, ID_PARAMETERS, NULL, page_renumber_undo, NULL},
  {"GET", "/synonyms", PERMISSION_READ, NULL, "catalog/synonyms", page_synonyms, "同义词表"},
  {"POST", "/synonyms", PERMISSION_SYNONYM, SYNONYM_PARAMETERS, NULL, page_synonyms_save, NULL},
  {"GET", "/record", PERMISSION_READ, FIND_PARAMETERS, "catalog/code-former", page_record_find, "档号"},
  {"GET", "/catalog", PERMISSION_READ, CATALOG_PARAMETERS, "catalog/catalog", page_catalog, "馆藏目录"},
  {"GET", "/catalog/{id}", PERMISSION_READ, NODE_PARAMETERS, "catalog/node", page_node, "馆藏目录"},
  {"POST", "/catalog/{id}/pick", PERMISSION_MOVE, PICK_PARAMETERS, NULL, page_pick, NULL},
  {"POST", "/catalog/{id}/unordered", PERMISSION_MOVE, ID_PARAMETERS, NULL, page_order_drop, NULL},
  {"GET", "/move", PERMISSION_MOVE, MOVE_NEW_PARAMETERS, "catalog/move-new", page_move_new, "移动"},
  {"POST", "/move", PERMISSION_MOVE, MOVE_PLAN_PARAMETERS, "catalog/move-new", page_move_plan, "移动"},
  {"GET", "/move/{id}", PERMISSION_MOVE, RENUMBER_ONE_PARAMETERS, "catalog/move", page_move, "移动"},
  {"POST", "/move/{id}/start", PERMISSION_MOVE, ID_PARAMETERS, NULL, page_move_start, NULL},
  {"POST", "/move/{id}/undo", PERMISSION_MOVE, ID_PARAMETERS, NULL, page_move_undo, NULL},
  {"GET", "/categories", PERMISSION_READ, NULL, "catalog/categories", page_categories, "门类与著录项"},
  {"GET", "/record/new", PERMISSION_CREATE, NEW_PARAMETERS, "catalog/edit", page_record_new, "新建著录"},
  {"POST", "/record/new", PERMISSION_CREATE, CREATE_PARAMETERS, "catalog/edit", page_record_create, "新建著录"},
  {"GET", "/record/{id}", PERMISSION_READ, RECORD_PARAMETERS, "catalog/record", page_record, "档案"},
  {"GET", "/record/{id}/edit", PERMISSION_EDIT "|" PERMISSION_PROPOSE, ID_PARAMETERS, "catalog/edit", page_record_edit, "修改著录"},
  {"POST", "/record/{id}/edit", PERMISSION_EDIT "|" PERMISSION_PROPOSE, SAVE_PARAMETERS, "catalog/edit", page_record_save, "修改著录"},
  {"POST", "/record/{id}/restore", PERMISSION_EDIT "|" PERMISSION_PROPOSE, RESTORE_PARAMETERS, NULL, page_record_restore, NULL},
  {"POST", "/record/{id}/delete", PERMISSION_DELETE, ID_PARAMETERS, NULL, page_record_delete, NULL},
  {NULL},
};
