/* The fields that every entry has, whatever its ledger. */
#include "internal.h"

const char *const BASIS_WORDS[] = {"逐条", "汇总上报", "推算", NULL};
const char *const SECRECY_WORDS[] = {"公开", "内部", "秘密", "机密", "绝密", NULL};
static const char *const LAYER_WORDS[] = {"中央", "国家", "省", "市", "区县", "乡镇", "本馆", NULL};

#define BASE(word, kind, ...) {.name = word, .type = kind, .base = TRUE, __VA_ARGS__}
static const LedgerField BASE_FIELDS[] = {
  BASE("编号", FIELD_TEXT, .list = TRUE), BASE("日期", FIELD_DATE, .list = TRUE), BASE("标题", FIELD_TEXT, .list = TRUE), BASE("状态", FIELD_CHOICE, .list = TRUE),
  BASE("单位", FIELD_BODY), BASE("层级", FIELD_CHOICE, .values = LAYER_WORDS, .open = TRUE), BASE("专题", FIELD_ENTRY, .many = TRUE, .ledger = "专项工作"),
  BASE("责任部门", FIELD_TEXT), BASE("责任人", FIELD_PERSON), BASE("次数", FIELD_NUMBER), BASE("口径", FIELD_CHOICE, .values = BASIS_WORDS),
  BASE("密级", FIELD_CHOICE, .values = SECRECY_WORDS), BASE("附件", FIELD_FILE, .many = TRUE), BASE("来源单位", FIELD_BODY), BASE("截止", FIELD_DATE, .list = TRUE),
  BASE("档案", FIELD_RECORD), BASE("归档档号", FIELD_TEXT), BASE("归档批次", FIELD_NUMBER),
  BASE("年度", FIELD_NUMBER), BASE("季度", FIELD_NUMBER), BASE("月份", FIELD_NUMBER), BASE("周次", FIELD_NUMBER),
};

const LedgerField *base_fields(guint *ret_count) {
  *ret_count = G_N_ELEMENTS(BASE_FIELDS);
  return BASE_FIELDS;
}

const LedgerField *base_field(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(BASE_FIELDS); i++)
    if (g_str_equal(BASE_FIELDS[i].name, name)) return &BASE_FIELDS[i];
  return NULL;
}

const char *base_key(const char *name) {
  static const char *const keys[][2] = {{"编号", "number"}, {"标题", "title"}, {"状态", "state"}, {"单位", "unit"}, {"责任部门", "department"}, {"责任人", "owner"},
    {"次数", "quantity"}, {"口径", "basis"}, {"密级", "secrecy"}, {"截止", "due"}, {"日期", "date"}, {"附件", "files"}};
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (g_str_equal(keys[i][0], name)) return keys[i][1];
  return NULL;
}

gboolean base_derived(const char *name) {
  static const char *const derived[] = {"年度", "季度", "月份", "周次", NULL};
  return g_strv_contains(derived, name);
}

gboolean base_tied(const char *name) {
  static const char *const tied[] = {"档案", "归档档号", "归档批次", NULL};
  return g_strv_contains(tied, name);
}
