/*
 * Rules: what becomes of one field of a record. A rule gives the new text from the old; whether the field can have it is catalog_value_set's to say.
 *
 * 1. A rule depends on the record and on itself only, but for the running number, which follows the order of the selection.
 * 2. Codes are not for rules: renumbering keeps the old ones findable and goes round circles.
 */
#include "internal.h"
#include "text.h"
#include <string.h>

const ReviseRule REVISE_RULES[] = {
  {"set", "改为", "所有选定的档案都改成这个内容", "value"},
  {"fill", "补填", "只填原来空着的，已有内容的不动", "value"},
  {"clear", "清空", "", ""},
  {"replace", "替换文字", "把其中出现的一段文字换成另一段；没有这段文字的不动", "find"},
  {"prefix", "前面加上", "空着的和已有这个开头的不动", "value"},
  {"suffix", "后面加上", "空着的和已有这个结尾的不动", "value"},
  {"trim", "整理空白", "去掉首尾空白，连续的空白并为一个，去掉汉字之间的空白", ""},
  {"narrow", "全角改半角", "全角的字母、数字和空格改为半角", ""},
  {"copy", "照另一项填写", "把另一著录项的内容抄过来", "from"},
  {"move", "从另一项移来", "把另一著录项的内容移过来，那一项清空；两项都有内容而不同的列出，不动", "from"},
  {"number", "顺序编号", "按档号的先后依次编号", "start"},
  {"date", "日期改写为公历", "民国纪年、年号纪年和各种写法改写为 1937-07-07 的形式；看不懂的列出，不改", ""},
  {"title", "按门类的规则拟写题名", "只对定有题名规则的门类", ""},
  {"delete", "删除条目", "整条删除，不论著录项；挂有原文、有下级、有关联或登记在台账里的不删，逐条说明。可以整批撤销", ""},
  {NULL},
};

static const char *rule_text(const RuleWork *work, const char *name) {
  const char *text = json_string_value(json_object_get(work->rule, name));
  return text != NULL ? text : "";
}

static char *make_value(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) { return g_strdup(rule_text(work, "value")); }
static char *make_fill(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) { return g_strdup(*old != '\0' ? old : rule_text(work, "value")); }
static char *make_empty(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) { return g_strdup(""); }

static char *make_replaced(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  g_auto(GStrv) parts = g_strsplit(old, rule_text(work, "find"), -1);
  return g_strjoinv(rule_text(work, "with"), parts);
}

static char *make_prefixed(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  const char *value = rule_text(work, "value");
  return *old == '\0' || g_str_has_prefix(old, value) ? g_strdup(old) : g_strconcat(value, old, NULL);
}

static char *make_suffixed(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  const char *value = rule_text(work, "value");
  return *old == '\0' || g_str_has_suffix(old, value) ? g_strdup(old) : g_strconcat(old, value, NULL);
}

static char *make_trimmed(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  g_autofree char *clean = text_clean(old, FALSE);
  GString *out = g_string_sized_new(strlen(clean));
  gunichar last = 0;
  gboolean blank = FALSE;
  for (const char *at = clean; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar character = g_utf8_get_char(at);
    if (g_unichar_isspace(character)) {
      blank = TRUE;
      continue;
    }
    if (blank && !(text_is_ideograph(last) && text_is_ideograph(character))) g_string_append_c(out, ' ');
    blank = FALSE;
    g_string_append_unichar(out, character);
    last = character;
  }
  return g_string_free(out, FALSE);
}

static char *make_narrow(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  GString *out = g_string_sized_new(strlen(old));
  for (const char *at = old; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar character = g_utf8_get_char(at), half = character >= 0xFF01 && character <= 0xFF5E ? character - 0xFEE0 : character;
    gboolean fit = character == 0x3000 || (half < 0x80 && (g_ascii_isalnum((char)half)));
    g_string_append_unichar(out, character == 0x3000 ? ' ' : fit ? half : character);
  }
  return g_string_free(out, FALSE);
}

static char *make_copied(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) { return catalog_value_get(record, rule_text(work, "from")); }

static char *make_moved(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  g_autofree char *other = catalog_value_get(record, rule_text(work, "from"));
  if (*other == '\0') return g_strdup(old);
  if (*old == '\0' || g_str_equal(old, other)) return g_steal_pointer(&other);
  return throw_null(error, LANTAI_ERROR_INVALID, "%s已有内容“%s”，另一项的“%s”没有移来", rule_field_label(work->catalog, work->field), old, other);
}

static char *make_number(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  int width = (int)CLAMP(json_integer_value(json_object_get(work->rule, "width")), 0, 12);
  return g_strdup_printf("%s%0*" G_GINT64_FORMAT, rule_text(work, "value"), width, work->next++);
}

static char *make_date(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  DateSpan span = {0, 0}, again = {0, 0};
  if (*old == '\0') return g_strdup("");
  if (!date_parse(old, &span)) return throw_null(error, LANTAI_ERROR_INVALID, "日期“%s”看不懂，没有改写", old);
  g_autofree char *text = date_format(span);
  if (!date_parse(text, &again) || again.from != span.from || again.to != span.to) return g_strdup(old); /* as written says it better */
  return g_steal_pointer(&text);
}

static char *make_title(RuleWork *work, const CatalogRecord *record, const char *old, GError **error) {
  const CatalogCategory *category = catalog_category(work->catalog, record->category);
  json_auto_t *fields = json_loads(record->fields, 0, NULL);
  char *title = category == NULL || fields == NULL ? NULL : catalog_title_make(category, fields);
  return title != NULL ? title : throw_null(error, LANTAI_ERROR_INVALID, "所属门类没有题名规则，或规则所用的著录项都空着");
}

static char *(*const MAKERS[])(RuleWork *, const CatalogRecord *, const char *, GError **) = {make_value, make_fill, make_empty, make_replaced, make_prefixed,
  make_suffixed, make_trimmed, make_narrow, make_copied, make_moved, make_number, make_date, make_title};
G_STATIC_ASSERT(G_N_ELEMENTS(MAKERS) == G_N_ELEMENTS(REVISE_RULES) - 2); /* but for the last one, which makes no value */

/* ---- a rule ---- */

static int rule_index(const char *kind) {
  for (int i = 0; kind != NULL && REVISE_RULES[i].kind != NULL; i++)
    if (g_str_equal(REVISE_RULES[i].kind, kind)) return i;
  return -1;
}

const char *rule_field_label(const Catalog *catalog, const char *key) {
  guint count;
  const char *label = catalog_value_label(NULL, key);
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  for (guint i = 0; i < count && g_str_equal(label, key); i++) label = catalog_value_label(categories[i], key);
  return label;
}

static gboolean has_needs(const ReviseRule *rule, json_t *given, GError **error) {
  static const char *const labels[][2] = {{"value", "内容"}, {"find", "要找的文字"}, {"from", "照哪一项填写"}, {"start", "起始号"}};
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
    json_t *value = json_object_get(given, labels[i][0]);
    if (strstr(rule->needs, labels[i][0]) == NULL || json_is_integer(value) || json_string_length(value) > 0) continue;
    return throw(error, LANTAI_ERROR_INVALID, "“%s”还缺%s", rule->label, labels[i][1]);
  }
  return TRUE;
}

gboolean rule_deletes(json_t *rule) { return g_strcmp0(json_string_value(json_object_get(rule, "kind")), "delete") == 0; }

gboolean rule_begin(const Catalog *catalog, json_t *rule, RuleWork *ret, GError **error) {
  if (rule_deletes(rule)) return *ret = (RuleWork){catalog, rule, "delete", "", 0}, TRUE;
  const char *field = json_string_value(json_object_get(rule, "field"));
  int at = rule_index(json_string_value(json_object_get(rule, "kind")));
  if (field == NULL || *field == '\0') return throw(error, LANTAI_ERROR_INVALID, "请选择要修改的著录项");
  if (at < 0) return throw(error, LANTAI_ERROR_INVALID, "请选择怎样修改");
  if (g_str_equal(field, "code")) return throw(error, LANTAI_ERROR_INVALID, "档号不能这样批量修改，请用“改号”：它按规则编号，并保留原档号");
  const char *kind = REVISE_RULES[at].kind;
  if (g_str_equal(kind, "title") && !g_str_equal(field, "title")) return throw(error, LANTAI_ERROR_INVALID, "“按门类的规则拟写题名”只能用于题名");
  if (g_str_equal(kind, "clear") && g_str_equal(field, "title")) return throw(error, LANTAI_ERROR_INVALID, "题名不能清空");
  if (!has_needs(&REVISE_RULES[at], rule, error)) return FALSE;
  const char *from = json_string_value(json_object_get(rule, "from"));
  if (g_str_equal(kind, "move") && (g_strcmp0(from, field) == 0 || g_strcmp0(from, "code") == 0 || g_strcmp0(from, "title") == 0))
    return throw(error, LANTAI_ERROR_INVALID, "不能从%s移来：档号、题名不能清空，也不能移给自己", rule_field_label(catalog, from));
  *ret = (RuleWork){catalog, rule, kind, field, json_integer_value(json_object_get(rule, "start"))};
  return TRUE;
}

static gboolean take_out(RuleWork *work, CatalogRecord *record, const char *key, GError **error) {
  g_autofree char *text = catalog_value_get(record, key);
  return *text == '\0' || catalog_value_set(work->catalog, record, key, "", error);
}

gboolean rule_apply(RuleWork *work, CatalogRecord *record, GError **error) {
  if (!catalog_value_has(work->catalog, record, work->field)) {
    const CatalogCategory *category = catalog_category(work->catalog, record->category);
    return throw(error, LANTAI_ERROR_INVALID, "%s没有著录项“%s”", category != NULL ? category->title : "这件档案", rule_field_label(work->catalog, work->field));
  }
  g_autofree char *old = catalog_value_get(record, work->field);
  g_autofree char *text = MAKERS[rule_index(work->kind)](work, record, old, error);
  if (text == NULL) return FALSE;
  gboolean moved = g_str_equal(work->kind, "move") && *text != '\0';
  if (moved && !take_out(work, record, rule_text(work, "from"), error)) return FALSE;
  return g_str_equal(text, old) || catalog_value_set(work->catalog, record, work->field, text, error);
}

char *rule_title(const Catalog *catalog, json_t *rule) {
  if (rule_deletes(rule)) return g_strdup("删除条目");
  RuleWork work = {.rule = rule};
  const char *label = rule_field_label(catalog, json_string_value(json_object_get(rule, "field"))), *value = rule_text(&work, "value");
  int at = rule_index(json_string_value(json_object_get(rule, "kind")));
  const char *kind = REVISE_RULES[at].kind;
  if (g_str_equal(kind, "replace")) return g_strdup_printf("%s：“%s”换成“%s”", label, rule_text(&work, "find"), rule_text(&work, "with"));
  if (g_str_equal(kind, "move")) return g_strdup_printf("%s：从%s移来", label, rule_text(&work, "from"));
  if (g_str_equal(kind, "copy")) return g_strdup_printf("%s：照%s填写", label, rule_field_label(catalog, rule_text(&work, "from")));
  if (*value != '\0') return g_strdup_printf("%s：%s“%s”", label, REVISE_RULES[at].label, value);
  return g_strdup_printf("%s：%s", label, REVISE_RULES[at].label);
}
