/* The kinds of likely faults: what each is, why it matters, how it is found and put right. A new kind is a row here and a look. */
#include "internal.h"

const QualityKind QUALITY_KINDS[] = {
  {"title", "题名", "题名空缺或只是占位", "没有题名就检索不到，也不能提供利用", "按原文补写题名", look_title, NULL, FALSE, FIX_FIELD, "title", NULL},
  {"characters", "题名", "乱码、控制字符或自造字", "多半是转换编码时丢了字，检索和显示都会出错", "对照原文改正", look_characters, NULL, FALSE, FIX_FIELD, "title", NULL},
  {"spaces", "题名", "首尾或汉字之间有空格", "同样的词会被看成两样，导出、打印也不整齐", "一键去掉多余的空格", look_spaces, NULL, FALSE, FIX_OWN, NULL, mend_spaces},
  {"required", "著录项", "缺必填的著录项", "门类规定必填，移交和统计时会被退回", "补著录，或核对门类的规定", look_required, NULL, FALSE, FIX_FIELD, NULL, NULL},
  {"value", "著录项", "内容不合著录项的规定", "不在选项之内，或不是日期、数字，按这一项检索和统计会漏掉", "改成选项之一或规定的写法，或核对门类的定义", look_value_kind, NULL, FALSE, FIX_FIELD, NULL, NULL},
  {"retention", "著录项", "没有保管期限", "到期鉴定、销毁和统计都缺依据", "按保管期限表补上", look_retention, NULL, FALSE, FIX_FIELD, "retention", NULL},
  {"term", "著录项", "保管期限不合规定", "不是门类和年度允许的期限，到期鉴定和档号都算不出", "对照保管期限表改正", look_retention_term, NULL, FALSE, FIX_FIELD, "retention", NULL},
  {"date-unread", "日期", "日期不能识别", "不能按年度检索，也算不出开放和到期的时间", "改成 19580301、1958年3月 这样的写法", look_date_unread, NULL, FALSE, FIX_FIELD, "date", NULL},
  {"date-reversed", "日期", "起止日期颠倒", "止日早于起日，检索时按错的年代出现", "对照原文改正", look_date_reversed, NULL, FALSE, FIX_FIELD, "date", NULL},
  {"date-future", "日期", "日期在今天以后", "多半是录错了年份", "对照原文改正", look_date_future, NULL, FALSE, FIX_FIELD, "date", NULL},
  {"date-early", "日期", "早于全宗成立", "立档单位成立以前不会形成它的档案，可能归错了全宗", "核对日期和全宗", look_date_early, NULL, FALSE, FIX_FIELD, "date", NULL},
  {"date-year", "日期", "年度与日期不符", "按年度检索会漏掉，年度统计也不准", "一键把年度改成日期的年份；按归档年度立卷的请标为“不是问题”", look_date_year, NULL, FALSE, FIX_OWN, NULL, mend_date_year},
  {"date-width", "日期", "日期、文号里有全角数字", "写法不一，导出后别的系统不认", "一键改成半角", look_date_width, NULL, FALSE, FIX_OWN, NULL, mend_date_width},
  {"code", "档号", "档号不合规则", "同一全宗里编法不一，排架和调卷容易出错", "一键改成规则的写法（先预览，可撤销），或在档号页改选规则", look_code, NULL, FALSE, FIX_CODES, NULL, NULL},
  {"order", "档号", "卷内文件没有顺序号", "卷内次序定不下来，翻阅和装订会乱", "一键接着卷内最后一个号编（先预览，可撤销）", look_order, NULL, FALSE, FIX_CODES, NULL, NULL},
  {"pages", "数量", "页数与原文不符", "著录的页数和保存的原文对不上，可能漏扫或挂错", "核对原文，改正页数或重新挂接", look_pages, NULL, FALSE, FIX_FIELD, "page_count", NULL},
  {"pieces", "数量", "案卷件数与卷内不符", "卷内文件有缺，或件数录错", "核对卷内目录", look_pieces, NULL, FALSE, FIX_FIELD, NULL, NULL},
  {"duplicate", "重复", "疑似重复著录", "题名、日期、责任者、文号都相同，可能同一件著录了两次",
    "逐组核对，每组勾选保留的，多余的一次删除（先预览，可撤销）；确是两件的补上能区分的著录项，或标为“不是问题”", NULL, keys_duplicate, FALSE, FIX_FIELD, NULL, NULL},
  {"files", "重复", "原文完全相同", "两条著录挂着一样的文件，可能挂错或重复移交", "逐组核对原文，多余的提出误收删除，另一人批准后执行；一份原文确属几条的（如合订本）标为“不是问题”", NULL, keys_files, FALSE, FIX_FILES, NULL, NULL},
  {"name-spaces", "人名", "人名中有空格", "按姓名检索会漏掉", "一键去掉人名中的空格", look_name_spaces, NULL, FALSE, FIX_OWN, NULL, mend_name_spaces},
  {"person", "人名", "同一人的姓名写法不同", "证件号相同，或同日出生、同姓且读音相近，或只差繁简异体，却写成了两样，查全不易",
    "核对后改成一样，或记入人名规范，算同一人的异名（可撤销）；证件号相同而姓名全不同的，多半是证件号录错", NULL, keys_person, TRUE, FIX_FIELD, NULL, NULL},
  {NULL},
};

const QualityKind *quality_kind(const char *key) {
  for (const QualityKind *kind = QUALITY_KINDS; kind->key; kind++)
    if (g_strcmp0(kind->key, key) == 0) return kind;
  return NULL;
}
