/*
 * Looking through a made report: what was typed that a figure should print, and what is missing or not true.
 *
 * 1. A fault is {kind, place, line, column, text, what}: “stop” keeps the report from being frozen, “look” asks for a judgement.
 * 2. What stands in quotation marks or book-title marks, dates, ordinals, document numbers and the report's own `fixed` words are no numbers of work.
 * 3. A number of ten or more that a figure of this report has too, in the same measure, must be that figure; smaller ones may be alike by chance.
 */
#include "error.h"
#include "report-internal.h"
#include <math.h>
#include <string.h>

enum { EXCERPT = 12, CHANCE_BELOW = 10 };

void report_fault(json_t *faults, const char *kind, json_t *place, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  json_t *fault = place ? place : json_object();
  gint64 line = int_at(fault, "line"), column = int_at(fault, "column");
  json_object_set_new(fault, "kind", json_string(kind));
  json_object_set_new(fault, "stop", json_boolean(g_str_equal(kind, "stop")));
  json_object_set_new(fault, "what", json_string(what));
  json_object_set_new(fault, "place", line > 0 ? json_sprintf("第 %d 行第 %d 字", (int)line, (int)column) : json_string(""));
  if (json_array_size(faults) < REPORT_FAULTS_MAX) json_array_append(faults, fault);
  json_decref(fault);
}

/* ---- one paragraph, byte by byte ---- */

typedef enum { BYTE_TYPED, BYTE_NUMBER, BYTE_QUOTED, BYTE_FIXED, BYTE_PARAMETER, BYTE_FIGURE } ByteKind;
typedef struct {
  json_t *report, *paragraph, *faults;
  char *text;
  gsize length;
  guint8 *kinds; /* ByteKind */
} Line;
static void line_clear(Line *line) {
  g_free(line->text);
  g_free(line->kinds);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Line, line_clear)

static void mark(Line *line, gsize from, gsize to, ByteKind kind) {
  for (gsize i = from; i < to && i < line->length; i++)
    if (line->kinds[i] < BYTE_PARAMETER) line->kinds[i] = MAX(line->kinds[i], (guint8)kind);
}

static void mark_quotes(Line *line) {
  static const char *const pairs[][2] = {{"“", "”"}, {"‘", "’"}, {"《", "》"}, {"〈", "〉"}, {"「", "」"}, {"〔", "〕"}, {"\"", "\""}};
  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++)
    for (const char *at = line->text; (at = strstr(at, pairs[i][0]));) {
      const char *end = strstr(at + strlen(pairs[i][0]), pairs[i][1]);
      if (end == NULL) break;
      mark(line, (gsize)(at - line->text), (gsize)(end - line->text), BYTE_QUOTED);
      at = end + strlen(pairs[i][1]);
    }
}

static void mark_word(Line *line, const char *word) {
  for (const char *at = line->text; *word && (at = strstr(at, word)); at += strlen(word))
    mark(line, (gsize)(at - line->text), (gsize)(at - line->text) + strlen(word), BYTE_FIXED);
}

/* Names with numbers in them that everybody writes without quotation marks. */
static const char *const COMMON[] = {"八项规定", "三会一课", "两个维护", "两个确立", "四个意识", "四个自信", "三重一大", "一岗双责", "四种形态", "三个区分开来", "五位一体", "四个全面", "两学一做",
  "三严三实", "两个一百年", "一网通办", "三位一体", "双随机、一公开", "国际档案日", "六项纪律", "十件实事", "三个代表", "四个好", "两个服务", "三个走向"};

static Line line_new(json_t *report, json_t *paragraph, json_t *faults) {
  Line line = {.report = report, .paragraph = paragraph, .faults = faults, .text = report_paragraph_text(paragraph)};
  line.length = strlen(line.text);
  line.kinds = g_new0(guint8, line.length + 1);
  gsize at = 0;
  size_t i;
  json_t *run, *word;
  json_array_foreach(json_object_get(paragraph, "runs"), i, run) {
    gsize size = strlen(text_at(run, "text"));
    if (json_object_get(run, "figure")) memset(line.kinds + at, BYTE_FIGURE, size);
    else if (json_object_get(run, "parameter")) memset(line.kinds + at, BYTE_PARAMETER, size);
    at += size;
  }
  mark_quotes(&line);
  for (guint k = 0; k < G_N_ELEMENTS(COMMON); k++) mark_word(&line, COMMON[k]);
  json_array_foreach(json_object_get(report, "fixed"), i, word) mark_word(&line, json_string_value(word) ? json_string_value(word) : "");
  return line;
}

static json_t *run_at(const Line *line, gsize offset, gsize *ret_begin) {
  gsize at = 0;
  size_t i;
  json_t *run, *last = NULL;
  json_array_foreach(json_object_get(line->paragraph, "runs"), i, run) {
    gsize size = strlen(text_at(run, "text"));
    if (last == NULL || size > 0) last = run, *ret_begin = at;
    if (offset < at + size) return run;
    at += size;
  }
  return last;
}

/* Where a byte is, with a few characters around it. */
static json_t *place_at(const Line *line, gsize from, gsize to) {
  gsize begin = 0;
  json_t *run = run_at(line, from, &begin);
  gint64 column = int_at(run, "column");
  if (!json_object_get(run, "figure") && from > begin) column += g_utf8_strlen(line->text + begin, (gssize)(from - begin));
  const char *a = line->text + from, *b = line->text + to;
  for (int i = 0; i < EXCERPT && a > line->text; i++) a = g_utf8_prev_char(a);
  for (int i = 0; i < EXCERPT && *b; i++) b = g_utf8_next_char(b);
  g_autofree char *excerpt = g_strndup(a, (gsize)(b - a));
  return json_pack("{s:I, s:I, s:s}", "line", (json_int_t)int_at(run, "line"), "column", (json_int_t)column, "text", excerpt);
}

static gboolean begins_with_any(const char *at, const char *const *words, guint count) {
  for (guint i = 0; i < count; i++)
    if (g_str_has_prefix(at, words[i])) return TRUE;
  return FALSE;
}
static gboolean ends_with_any(const char *text, gsize length, const char *const *words, guint count) {
  for (guint i = 0; i < count; i++) {
    gsize size = strlen(words[i]);
    if (length >= size && memcmp(text + length - size, words[i], size) == 0) return TRUE;
  }
  return FALSE;
}

/* ---- numbers typed by hand ---- */

/* “第3期”, “2023年”, “6月7日”, “十四五”, “一次”: no counts. */
static gboolean counts_nothing(const Line *line, gsize from, const char *number, const char *unit) {
  static const char *const calendar[] = {"年", "月", "日", "级", "天", "周", "季", "号"}, *const every[] = {"第", "每", "逐", "本", "这", "某", "哪", "上", "下", "前", "后"};
  static const char *const spans[] = {"连续"};
  const char *begin = line->text + from;
  while (begin > line->text && g_utf8_strchr("〇一二三四五六七八九十百", -1, g_utf8_get_char(g_utf8_prev_char(begin)))) begin = g_utf8_prev_char(begin); /* 第十二次 */
  if (ends_with_any(line->text, (gsize)(begin - line->text), every, G_N_ELEMENTS(every))) return TRUE;
  if (g_str_has_prefix(number, "一") && g_utf8_strlen(number, -1) == g_utf8_strlen(unit, -1) + 1) return TRUE;
  return begins_with_any(unit, calendar, G_N_ELEMENTS(calendar)) && !ends_with_any(line->text, from, spans, 1);
}

/* The figure of this report that has this number in this measure; NULL: none. */
static const char *figure_like(json_t *report, double low, double high, const char *unit, gboolean *ret_chance) {
  const char *name;
  json_t *figure;
  json_object_foreach(json_object_get(report, "figures"), name, figure) {
    double value = json_number_value(json_object_get(figure, "value"));
    if (!json_is_object(figure) || !g_str_equal(text_at(figure, "unit"), unit) || value < low || value > high) continue;
    *ret_chance = value < CHANCE_BELOW;
    return name;
  }
  return NULL;
}

static void judge_number(Line *line, json_t *number) {
  gsize from = (gsize)int_at(number, "from"), to = (gsize)int_at(number, "to");
  const char *unit = text_at(number, "unit"), *text = text_at(number, "text");
  gboolean chance = FALSE;
  if (to > line->length || from >= to || *unit == '\0') return;
  for (gsize i = from; i < to; i++)
    if (line->kinds[i] != BYTE_TYPED) return;
  if (counts_nothing(line, from, text, unit)) return;
  const char *like = figure_like(line->report, json_number_value(json_object_get(number, "low")), json_number_value(json_object_get(number, "high")), unit, &chance);
  if (like && !chance)
    return report_fault(line->faults, "stop", place_at(line, from, to), "手写的“%s”与指标“%s”是同一个数。请改用 {%s}，它变时这里才会跟着变", text, like, like);
  if (like) return report_fault(line->faults, "look", place_at(line, from, to), "手写的“%s”与指标“%s”相同。若是同一个数，请改用 {%s}", text, like, like);
  report_fault(line->faults, "look", place_at(line, from, to), "“%s”是手写的数，没有台账依据。请用指标代替；若是专名或固定说法，加入“固定说法”", text);
}

static void look_at_numbers(Line *line) {
  json_auto_t *numbers = wording_numbers(line->text);
  size_t i;
  json_t *number;
  json_array_foreach(numbers, i, number) {
    judge_number(line, number);
    mark(line, (gsize)int_at(number, "from"), (gsize)int_at(number, "to"), BYTE_NUMBER);
  }
}

/* ---- words of quantity typed around a figure ---- */

#define TYPED_WORD "“%s”%s面的约数词是手写的，数变了它就可能不真。请去掉它，在指标“%s”的措辞（say: style）中说明"

static void look_at_words(Line *line) {
  static const char *const before[] = {"近", "约", "逾", "超", "超过", "突破", "多达", "将近", "不到", "不足", "至少"};
  static const char *const innocent[] = {"附近", "最近", "新近", "邻近", "远近", "靠近", "节约", "预约", "契约", "大约束", "签约", "制约", "集约"};
  static const char *const after[] = {"余", "多", "以上", "以下", "以内", "左右", "上下"};
  gsize at = 0;
  size_t i;
  json_t *run;
  json_array_foreach(json_object_get(line->paragraph, "runs"), i, run) {
    const char *text = text_at(run, "text");
    gsize begin = at;
    at += strlen(text);
    if (json_object_get(run, "figure") == NULL) continue;
    gboolean plain = g_strcmp0(text_at(run, "member"), "bare") == 0 || g_strcmp0(text_at(run, "member"), "value") == 0;
    const char *name = text_at(run, "figure"), *behind = line->text + at;
    gboolean typed = begin > 0 && line->kinds[begin - 1] == BYTE_TYPED && ends_with_any(line->text, begin, before, G_N_ELEMENTS(before));
    if (typed && !ends_with_any(line->text, begin, innocent, G_N_ELEMENTS(innocent)))
      report_fault(line->faults, "stop", place_at(line, begin, at), TYPED_WORD, text, "前", name);
    if (*behind && line->kinds[at] == BYTE_TYPED && begins_with_any(behind, after, plain ? G_N_ELEMENTS(after) : 0))
      report_fault(line->faults, "stop", place_at(line, begin, at), TYPED_WORD, text, "后", name);
  }
}

/* ---- measure words without a number ---- */

static const char *const LONELY[] = {"人次", "件次", "卷次", "万元", "亿元", "次", "项", "个", "件", "卷", "期", "篇", "条", "场", "名", "位", "册", "份", "轮", "幅", "张", "套"};
/* Words that end like a measure word. */
static const char *const WHOLE_WORDS[] = {"依次", "层次", "档次", "名次", "班次", "批次", "场次", "屡次", "事项", "款项", "奖项", "专项", "选项", "强项", "义项", "各项", "逐项", "单项", "立项",
  "逐个", "整个", "个个", "文件", "条件", "案件", "附件", "硬件", "软件", "事件", "邮件", "稿件", "要件", "证件", "信件", "零件", "课件", "组件", "构件", "部件", "原件", "复印件", "复制件", "要件", "物件", "急件",
  "密件", "收件", "发件", "抄件", "急件", "卷件", "件件", "逐件", "案卷", "试卷", "答卷", "问卷", "开卷", "画卷", "组卷", "立卷", "阅卷", "逐卷", "全卷", "首卷", "上卷", "下卷", "书卷", "长期", "定期", "近期", "日期",
  "学期", "中期", "初期", "后期", "假期", "周期", "同期", "工期", "前期", "逾期", "延期", "到期", "时期", "预期", "短期", "分期", "如期", "汛期", "任期", "早期", "晚期", "末期", "按期", "限期", "刑期", "远期", "星期",
  "为期", "逐期", "当期", "本期", "上期", "诗篇", "开篇", "长篇", "全篇", "名篇", "新篇", "短篇", "逐篇", "信条", "线条", "链条", "教条", "头条", "法条", "逐条", "现场", "会场", "市场", "立场", "广场", "到场", "在场", "出场",
  "商场", "战场", "考场", "剧场", "农场", "机场", "专场", "主场", "进场", "入场", "退场", "职场", "展场", "牧场", "场场", "姓名", "题名", "报名", "命名", "著名", "署名", "签名", "知名", "提名", "有名", "无名", "匿名",
  "实名", "专名", "地名", "人名", "书名", "更名", "改名", "冠名", "联名", "排名", "罪名", "成名", "记名", "点名", "别名", "全名", "品名", "闻名", "起名", "正名", "单位", "岗位", "部位", "地位", "职位", "学位", "到位", "席位",
  "定位", "方位", "诸位", "各位", "上位", "首位", "库位", "架位", "错位", "缺位", "越位", "数位", "全方位", "就位", "本位", "站位", "手册", "名册", "注册", "画册", "清册", "分册", "上册", "下册", "图册", "簿册", "年份",
  "月份", "身份", "省份", "股份", "成份", "备份", "县份", "一份", "首轮", "本轮", "上轮", "下轮", "新一轮", "多轮", "巨幅", "篇幅", "大幅", "增幅", "降幅", "涨幅", "主张", "扩张", "紧张", "夸张", "铺张", "开张",
  "慌张", "伸张", "纸张", "配套", "成套", "全套", "整套", "圈套", "封套", "卷套", "河套", "这个", "那个", "哪个", "某个", "首个", "下个", "上个", "其次", "再次", "首次", "初次", "上次", "下次", "本次", "此次", "多次",
  "每次", "历次", "数次", "几次", "逐次", "主次", "席次", "位次", "届次", "期次", "季次"};
static const char *const BEFORE_MEASURE[] = {"数", "几", "多", "每", "各", "该", "此", "本", "首", "末", "历", "某", "诸", "整", "半", "两", "单", "双", "〇", "零",
  "一", "二", "三", "四", "五", "六", "七", "八", "九",
  "十", "百", "千", "万", "亿", "这", "那", "哪", "若干", "第", "按", "以", "和", "或", "为", "到", "人", "件", "卷", "份", "之", "的", "分"};

static gboolean ends_clause(const char *at) {
  static const char *const stops[] = {"，", "。", "；", "、", "）", ")", ",", ";", "：", "！"};
  return *at == '\0' || begins_with_any(at, stops, G_N_ELEMENTS(stops));
}

static gboolean is_word(const Line *line, gsize end) { return ends_with_any(line->text, end, WHOLE_WORDS, G_N_ELEMENTS(WHOLE_WORDS)); }

static const char *measure_at(const char *at) {
  for (guint i = 0; i < G_N_ELEMENTS(LONELY); i++)
    if (g_str_has_prefix(at, LONELY[i])) return LONELY[i];
  return NULL;
}

static void look_for_gaps(Line *line) {
  for (const char *at = line->text; *at;) {
    const char *measure = measure_at(at);
    gsize from = (gsize)(at - line->text), size = measure ? strlen(measure) : 0;
    if (measure == NULL || from == 0 || !ends_clause(at + size) || line->kinds[from] != BYTE_TYPED || line->kinds[from - 1] != BYTE_TYPED) {
      at = g_utf8_next_char(at);
      continue;
    }
    gunichar before = g_utf8_get_char(g_utf8_prev_char(at));
    gboolean innocent = g_unichar_get_script(before) != G_UNICODE_SCRIPT_HAN || is_word(line, from + size) ||
      ends_with_any(line->text, from, BEFORE_MEASURE, G_N_ELEMENTS(BEFORE_MEASURE));
    if (!innocent) report_fault(line->faults, "stop", place_at(line, from, from + size), "“%s”前面没有数。请插入指标；若不是量词，把这个词加入“固定说法”", measure);
    at += size;
  }
}

/* “XX余次”, “××家”: places of a form nobody filled. */
static void look_for_blanks(Line *line) {
  g_autoptr(GRegex) regex = g_regex_new("(?:[XＸ]{2,}|[×]{2,})[余多万%％]*(次|项|个|件|卷|期|篇|条|场|名|位|册|份|轮|幅|张|套|人|家|部|％|%)?", 0, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  g_regex_match(regex, line->text, 0, &match);
  for (; g_match_info_matches(match); g_match_info_next(match, NULL)) {
    int from = 0, to = 0, measure = -1, end = 0;
    g_match_info_fetch_pos(match, 0, &from, &to);
    gboolean counted = g_match_info_fetch_pos(match, 1, &measure, &end) && measure >= 0;
    if (line->kinds[from] == BYTE_FIXED || line->kinds[from] == BYTE_FIGURE) continue;
    g_autofree char *text = g_match_info_fetch(match, 0);
    report_fault(line->faults, counted ? "stop" : "look", place_at(line, (gsize)from, (gsize)to), "“%s”还没有填。%s", text, counted ? "请插入指标" : "请写明，或设为参数");
    mark(line, (gsize)from, (gsize)to, BYTE_NUMBER);
  }
}

/* ---- names ---- */

/* Said to be meant: a name in a parameter or a chart is no typed word that could be marked. */
static gboolean is_fixed(const Line *line, const char *name) {
  json_t *word;
  size_t i;
  json_array_foreach(json_object_get(line->report, "fixed"), i, word)
    if (json_is_string(word) && g_str_equal(json_string_value(word), name)) return TRUE;
  return FALSE;
}

static void look_for_names(Line *line, json_t *names) {
  const char *name;
  json_t *known;
  json_object_foreach(names, name, known) {
    glong length = g_utf8_strlen(name, -1);
    for (const char *at = line->text; length >= 2 && (at = strstr(at, name)); at += strlen(name)) {
      gsize from = (gsize)(at - line->text);
      if (line->kinds[from] == BYTE_FIXED || is_fixed(line, name)) continue;
      /* Two characters may be any word. */
      report_fault(line->faults, length > 2 ? "stop" : "look", place_at(line, from, from + strlen(name)),
        "“%s”是限制查看的台账中的人名，公开的报告中应隐去（如“%.*s*”）。若确需写明，加入“固定说法”", name,
        (int)(g_utf8_next_char(name) - name), name);
    }
  }
}

/* ---- figures ---- */

/* Lists, spans, years and sentences (均已完成) are for the figure itself to answer for. */
static gboolean is_one_number(const char *text, const char *unit) {
  json_auto_t *numbers = wording_numbers(text);
  json_t *first = json_array_get(numbers, 0);
  return json_array_size(numbers) == 1 && int_at(first, "from") == 0 && (gsize)int_at(first, "to") == strlen(text) && *unit &&
    g_str_equal(text_at(first, "unit"), unit);
}

static void look_at_run(const Line *line, json_t *run, gsize begin, GHashTable *seen) {
  const char *name = text_at(run, "figure"), *text = text_at(run, "text"), *member = text_at(run, "member");
  json_t *figure = json_object_get(json_object_get(line->report, "figures"), name);
  json_t *place = place_at(line, begin, begin + strlen(text)), *warning;
  if (json_object_get(run, "drawn")) {
    gboolean partial = json_is_true(json_object_get(figure, "partial"));
    const char *why = json_object_get(run, "failed") ? text_at(run, "failed") : json_object_get(figure, "failed") ? text_at(figure, "failed") : partial
      ? "有您不能查看的条目没有计入" : NULL;
    if (why) report_fault(line->faults, "stop", place, "“%s”的图：%s", name, why);
    else json_decref(place);
    return;
  }
  if (*text == '\0' && !g_str_equal(member, "last")) report_fault(line->faults, "look", json_copy(place), "指标“%s”印出来是空的", name);
  gboolean told = *member == '\0' && !json_object_get(run, "failed") && is_one_number(text, text_at(figure, "unit"));
  if (told && !wording_true(text, json_number_value(json_object_get(run, "value"))))
    report_fault(line->faults, "stop", json_copy(place), "印出的“%s”与指标“%s”的准数 %.10g 不符", text, name, json_number_value(json_object_get(run, "value")));
  size_t i;
  if (g_hash_table_add(seen, (gpointer)name)) {
    if (json_object_get(run, "failed")) report_fault(line->faults, "stop", json_copy(place), "指标“%s”：%s", name, text_at(run, "failed"));
    else if (json_is_true(json_object_get(figure, "partial")))
      report_fault(line->faults, "stop", json_copy(place), "指标“%s”有您不能查看的条目没有计入。请由能查看的人送审、签发，或者把指标定为只报数（restricted）", name);
    else if (int_at(figure, "entries") == 0 && json_number_value(json_object_get(figure, "value")) == 0 && json_object_get(figure, "opens") == NULL)
      report_fault(line->faults, "look", json_copy(place), "指标“%s”后面没有一行台账。请核实是确实没有，还是漏登", name);
    json_array_foreach(json_object_get(figure, "warnings"), i, warning)
      report_fault(line->faults, "look", json_copy(place), "指标“%s”：%s", name, json_string_value(warning));
  }
  json_decref(place);
}

static void look_at_figures(Line *line, GHashTable *seen) {
  gsize at = 0;
  size_t i;
  json_t *run;
  json_array_foreach(json_object_get(line->paragraph, "runs"), i, run) {
    if (json_object_get(run, "figure")) look_at_run(line, run, at, seen);
    at += strlen(text_at(run, "text"));
  }
}

static json_t *first_place(json_t *report, const char *figure) {
  json_t *paragraph, *run;
  size_t i, k;
  json_array_foreach(json_object_get(report, "paragraphs"), i, paragraph) {
    json_array_foreach(json_object_get(paragraph, "runs"), k, run) {
      if (g_str_equal(text_at(run, "figure"), figure))
        return json_pack("{s:O, s:O, s:s}", "line", json_object_get(run, "line"), "column", json_object_get(run, "column"), "text", text_at(run, "text"));
    }
  }
  return NULL;
}

/* Numbers that are no longer those that were submitted. */
static void look_at_changes(json_t *report, json_t *faults) {
  const char *name;
  json_t *drafted;
  json_object_foreach(json_object_get(report, "drafted"), name, drafted) {
    json_t *figure = json_object_get(json_object_get(report, "figures"), name), *place = figure ? first_place(report, name) : NULL;
    double value = json_number_value(json_object_get(figure, "value")), former = json_number_value(json_object_get(drafted, "value"));
    gboolean printed = !g_str_equal(text_at(figure, "text"), text_at(drafted, "text"));
    if (place == NULL || (!printed && fabs(value - former) < 1e-9)) json_decref(place);
    else if (printed)
      report_fault(faults, "stop", place, "指标“%s”送审时是“%s”，现在是“%s”。请退回拟稿人核实后重新送审", name, text_at(drafted, "text"), text_at(figure, "text"));
    else report_fault(faults, "look", place, "指标“%s”的准数送审时是 %.10g，现在是 %.10g，印出的字没有变", name, former, value);
  }
}

json_t *report_lint_text(json_t *report, json_t *names) {
  json_t *faults = json_array(), *paragraph;
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_array_foreach(json_object_get(report, "paragraphs"), i, paragraph) {
    g_auto(Line) line = line_new(report, paragraph, faults);
    look_at_words(&line);
    look_at_numbers(&line);
    look_for_blanks(&line);
    look_for_gaps(&line);
    look_for_names(&line, names);
    look_at_figures(&line, seen);
  }
  look_at_changes(report, faults);
  return faults;
}
