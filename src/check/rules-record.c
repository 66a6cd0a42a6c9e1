/* Rules over one description at a time: lengths, types, ranges, plausibility, odd characters, the grammar of codes, what must be there. */
#include "date.h"
#include "internal.h"
#include "json.h"
#include "schedule.h"
#include "settings.h"
#include <stdlib.h>
#include <string.h>

/* Reads each of an object's members as an integer. */
static gboolean all_integers(json_t *object, const char *name, GError **error) {
  const char *key;
  json_t *value;
  if (object && !json_is_object(object)) return throw(error, LANTAI_ERROR_INVALID, "%s 应为“著录项: 数”的形式", name);
  json_object_foreach(object, key, value)
    if (!json_is_integer(value)) return throw(error, LANTAI_ERROR_INVALID, "%s 的 %s 应为整数", name, key);
  return TRUE;
}

static gboolean all_lists(json_t *object, const char *name, GError **error) {
  const char *key;
  json_t *value, *word;
  size_t i;
  if (object && !json_is_object(object)) return throw(error, LANTAI_ERROR_INVALID, "%s 应为“名称: [值, …]”的形式", name);
  json_object_foreach(object, key, value) {
    if (!json_is_array(value)) return throw(error, LANTAI_ERROR_INVALID, "%s 的 %s 应为列表", name, key);
    json_array_foreach(value, i, word)
      if (!json_is_string(word)) return throw(error, LANTAI_ERROR_INVALID, "%s 的 %s 只能是文字，数字请加引号", name, key);
  }
  return TRUE;
}

static char *words_of(json_t *list) {
  GString *out = g_string_new(NULL);
  for (size_t i = 0; i < json_array_size(list); i++) g_string_append_printf(out, "%s%s", i ? "、" : "", json_string_value(json_array_get(list, i)));
  return g_string_free(out, FALSE);
}

/* ---- length ---- */

static gboolean length_begin(Probe *probe, GError **error) {
  return all_integers(probe_with(probe, "most"), "most", error) && all_integers(probe_with(probe, "least"), "least", error);
}

static void length_unit(Probe *probe, const Unit *unit) {
  const char *key;
  json_t *limit;
  probe->checked++;
  json_object_foreach(probe_with(probe, "most"), key, limit) {
    g_autofree char *value = record_value(unit->record, key), *label = record_label(probe->run, unit->record, key);
    if (text_length(value) > json_integer_value(limit))
      probe_fault(probe, unit, NULL, "%s有 %u 字，超过 %d 字", label, text_length(value), (int)json_integer_value(limit));
  }
  json_object_foreach(probe_with(probe, "least"), key, limit) {
    g_autofree char *value = record_value(unit->record, key), *label = record_label(probe->run, unit->record, key);
    if (*value && text_length(value) < json_integer_value(limit))
      probe_fault(probe, unit, NULL, "%s“%s”只有 %u 字，至少应有 %d 字", label, value, text_length(value), (int)json_integer_value(limit));
  }
}

/* ---- type and format ---- */

typedef struct { gboolean day; GHashTable *patterns; /* key → GRegex */ } Types;

static void types_clear(gpointer state) {
  Types *types = state;
  if (types == NULL) return;
  g_hash_table_unref(types->patterns);
  g_free(types);
}

static GHashTable *read_patterns(json_t *object, const char *name, GError **error) {
  g_autoptr(GHashTable) patterns = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_regex_unref);
  const char *key;
  json_t *value;
  if (object && !json_is_object(object)) return throw_null(error, LANTAI_ERROR_INVALID, "%s 应为“名称: 正则表达式”的形式", name);
  json_object_foreach(object, key, value) {
    g_autoptr(GError) problem = NULL;
    GRegex *regex = json_is_string(value) ? g_regex_new(json_string_value(value), G_REGEX_OPTIMIZE | G_REGEX_DOLLAR_ENDONLY, 0, &problem) : NULL;
    if (regex == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "%s 的 %s 不是正则表达式：%s", name, key, problem ? problem->message : "应为文字");
    g_hash_table_insert(patterns, g_strdup(key), regex);
  }
  return g_steal_pointer(&patterns);
}

static gboolean types_begin(Probe *probe, GError **error) {
  const char *date = json_string_value(probe_with(probe, "date"));
  if (probe_with(probe, "date") && (date == NULL || (!g_str_equal(date, "day") && !g_str_equal(date, "any"))))
    return throw(error, LANTAI_ERROR_INVALID, "date 只能是 any（能理解的日期）或 day（到日）");
  GHashTable *patterns = read_patterns(probe_with(probe, "patterns"), "patterns", error);
  if (patterns == NULL) return FALSE;
  Types *types = probe->state = g_new0(Types, 1);
  *types = (Types){date && g_str_equal(date, "day"), patterns};
  return TRUE;
}

static gboolean is_number(const char *text) {
  char *end;
  if (*text == '\0') return FALSE;
  g_ascii_strtod(text, &end);
  return *end == '\0';
}

static gboolean is_year(const char *text) {
  g_autofree char *bare = g_str_has_suffix(text, "度") ? g_strndup(text, strlen(text) - strlen("度")) : g_strdup(text);
  DateSpan span = {0, 0};
  return date_parse(bare, &span) && span.from != 0;
}

static void type_of_date(Probe *probe, const Unit *unit, const char *label, const char *value) {
  DateSpan span = {0, 0};
  if (*value == '\0') return;
  if (!date_parse(value, &span)) probe_fault(probe, unit, NULL, "%s“%s”不是日期", label, value);
  else if (((const Types *)probe->state)->day && span.from != span.to) probe_fault(probe, unit, NULL, "%s“%s”没有写到日", label, value);
}

static void type_of_fields(Probe *probe, const Unit *unit) {
  const CatalogCategory *category = run_category(probe->run, unit->record);
  for (guint i = 0; category && i < category->field_count; i++) {
    const CatalogField *field = &category->fields[i];
    const char *value = json_string_value(json_object_get(json_object_get(unit->record, "fields"), field->key));
    if (value == NULL || *value == '\0') continue;
    if (g_str_equal(field->type, "date")) type_of_date(probe, unit, field->label, value);
    if (g_str_equal(field->type, "number") && !is_number(value)) probe_fault(probe, unit, NULL, "%s“%s”不是数", field->label, value);
  }
}

static void types_unit(Probe *probe, const Unit *unit) {
  const Types *types = probe->state;
  g_autofree char *date = record_value(unit->record, "date"), *year = record_value(unit->record, "year"), *pages = record_value(unit->record, "page_count");
  probe->checked++;
  type_of_date(probe, unit, "日期", date);
  if (*year && !is_year(year)) probe_fault(probe, unit, NULL, "年度“%s”不是年份", year);
  char *end = pages;
  strtoll(pages, &end, 10);
  if (*pages && end == pages) probe_fault(probe, unit, NULL, "页数“%s”不是数", pages);
  type_of_fields(probe, unit);
  GHashTableIter iter;
  gpointer key, regex;
  g_hash_table_iter_init(&iter, types->patterns);
  while (g_hash_table_iter_next(&iter, &key, &regex)) {
    g_autofree char *value = record_value(unit->record, key), *label = record_label(probe->run, unit->record, key);
    if (*value && !g_regex_match(regex, value, 0, NULL)) probe_fault(probe, unit, NULL, "%s“%s”不合规定的格式", label, value);
  }
}

/* ---- ranges ---- */

static gboolean range_begin(Probe *probe, GError **error) {
  const char *key;
  json_t *value;
  if (!all_lists(probe_with(probe, "values"), "values", error)) return FALSE;
  json_object_foreach(probe_with(probe, "numbers"), key, value)
    if (!json_is_array(value) || json_array_size(value) != 2 || !json_is_integer(json_array_get(value, 0)) || !json_is_integer(json_array_get(value, 1)))
      return throw(error, LANTAI_ERROR_INVALID, "numbers 的 %s 应为 [最小, 最大]", key);
  return TRUE;
}

/* A level of secrecy may carry its term: 机密★10年. */
static gboolean fits_values(const char *key, const char *value, json_t *values) {
  Security security;
  if (json_lists(values, value)) return TRUE;
  return g_str_equal(key, "security") && *value && strstr(value, "★") && security_parse(value, &security) && json_lists(values, security_label(security));
}

static void range_unit(Probe *probe, const Unit *unit) {
  const char *key;
  json_t *range;
  probe->checked++;
  json_object_foreach(probe_with(probe, "values"), key, range) {
    g_autofree char *value = record_value(unit->record, key), *label = record_label(probe->run, unit->record, key);
    if (*value == '\0' || fits_values(key, value, range)) continue;
    g_autofree char *words = words_of(range);
    probe_fault(probe, unit, NULL, "%s“%s”不在规定的值域（%s）之内", label, value, words);
  }
  json_object_foreach(probe_with(probe, "numbers"), key, range) {
    g_autofree char *value = record_value(unit->record, key), *label = record_label(probe->run, unit->record, key);
    char *end = value;
    gint64 number = g_ascii_strtoll(value, &end, 10), least = json_integer_value(json_array_get(range, 0)), most = json_integer_value(json_array_get(range, 1));
    if (end != value && (number < least || number > most))
      probe_fault(probe, unit, NULL, "%s %s 不在 %d 至 %d 之间", label, value, (int)least, (int)most);
  }
}

/* ---- plausibility ---- */

typedef struct { gint64 lag, today, most_pages; } Plausible;

static gboolean plausible_begin(Probe *probe, GError **error) {
  Plausible *plausible = probe->state = g_new0(Plausible, 1);
  g_autofree char *now = clock_format(clock_now_us());
  DateSpan today = {0, 0};
  now[10] = '\0';
  date_parse(now, &today);
  plausible->today = today.from;
  return probe_number(probe, "year_lag", 1, &plausible->lag, error) && probe_number(probe, "most_pages", 100000, &plausible->most_pages, error);
}

static void plausible_unit(Probe *probe, const Unit *unit) {
  const Plausible *plausible = probe->state;
  g_autofree char *date = record_value(unit->record, "date"), *year_text = record_value(unit->record, "year"), *pages = record_value(unit->record, "page_count");
  DateSpan span = {0, 0}, years = {0, 0};
  probe->checked++;
  if (!date_parse(date, &span)) span = (DateSpan){0, 0};
  if (span.from && span.from > span.to) probe_fault(probe, unit, NULL, "日期“%s”起晚于止", date);
  if (span.from > plausible->today) probe_fault(probe, unit, NULL, "日期“%s”在今天之后", date);
  if (!date_parse(year_text, &years)) years = (DateSpan){0, 0};
  int from = years.from / 10000, to = years.to / 10000;
  if (from * 10000 > plausible->today) probe_fault(probe, unit, NULL, "年度 %s 在今年之后", year_text);
  if (from && span.from && (to < span.from / 10000 || from > span.to / 10000 + plausible->lag))
    probe_fault(probe, unit, NULL, "年度 %s 与日期 %s 不符", year_text, date);
  char *end = pages;
  gint64 count = g_ascii_strtoll(pages, &end, 10);
  if (end != pages && count <= 0) probe_fault(probe, unit, NULL, "页数 %s 应大于 0", pages);
  if (end != pages && count > plausible->most_pages) probe_fault(probe, unit, NULL, "页数 %s 大得不合常理（超过 %d）", pages, (int)plausible->most_pages);
}

/* ---- odd characters ---- */

typedef struct { gboolean private_use; } Characters;

static gboolean characters_begin(Probe *probe, GError **error) {
  json_t *private_use = probe_with(probe, "private_use");
  if (private_use && !json_is_boolean(private_use)) return throw(error, LANTAI_ERROR_INVALID, "private_use 应为 true 或 false");
  Characters *characters = probe->state = g_new0(Characters, 1);
  characters->private_use = json_is_true(private_use);
  return TRUE;
}

static const char *oddness(const Characters *characters, gunichar c) {
  if (c == 0xFFFD) return "替换符（原来的字符已丢失）";
  if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c <= 0x9F)) return "控制字符";
  if ((c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c == 0xAD || c == 0x180E) return "看不见的字符";
  if ((c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE) return "非字符";
  if (g_unichar_type(c) == G_UNICODE_PRIVATE_USE) return characters->private_use ? NULL : "自造字（私用区），在别的机器上显示不出";
  if (g_unichar_type(c) == G_UNICODE_UNASSIGNED && (c >> 16) != 2 && (c >> 16) != 3) return "GB 18030 中没有的字符";
  return NULL;
}

static void look_for_odd(Probe *probe, const Unit *unit, const char *path, const char *label, const char *text) {
  static const char *const garbled[] = {"锟斤拷", "烫烫烫", "屯屯屯", "????", "？？？？"};
  if (!g_utf8_validate(text, -1, NULL)) {
    probe_fault(probe, unit, path, "%s含有无法识别的字节", label);
    return;
  }
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    const char *odd = oddness(probe->state, c);
    if (odd == NULL) continue;
    probe_fault(probe, unit, path, "%s第 %d 字 U+%04X 是%s", label, (int)g_utf8_pointer_to_offset(text, at) + 1, c, odd);
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS(garbled); i++)
    if (strstr(text, garbled[i])) {
      probe_fault(probe, unit, path, "%s含有乱码“%s”", label, garbled[i]);
      return;
    }
}

static void look_in_record(Probe *probe, const Unit *unit, json_t *object) {
  static const char *const not_text[] = {"flaws", "file", NULL};
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    if (!json_is_string(value) || g_strv_contains(not_text, key)) continue;
    g_autofree char *label = record_label(probe->run, unit->record, g_str_equal(key, "date_text") ? "date" : key);
    look_for_odd(probe, unit, NULL, label, json_string_value(value));
  }
}

static void characters_unit(Probe *probe, const Unit *unit) {
  size_t i;
  json_t *flaw;
  probe->checked++;
  look_in_record(probe, unit, unit->record);
  look_in_record(probe, unit, json_object_get(unit->record, "fields"));
  json_array_foreach(json_object_get(unit->record, "flaws"), i, flaw) probe_fault(probe, unit, NULL, "%s", json_string_value(flaw) ? json_string_value(flaw) : "");
  for (gsize f = 0; f < unit->file_count; f++) look_for_odd(probe, unit, unit->files[f].path, "文件名", unit->files[f].path);
}

/* ---- the grammar of codes ---- */

typedef struct { GHashTable *patterns; gboolean agree; } Codes;

static void codes_clear(gpointer state) {
  Codes *codes = state;
  if (codes == NULL) return;
  g_hash_table_unref(codes->patterns);
  g_free(codes);
}

static gboolean codes_begin(Probe *probe, GError **error) {
  json_t *agree = probe_with(probe, "agree");
  if (agree && !json_is_boolean(agree)) return throw(error, LANTAI_ERROR_INVALID, "agree 应为 true 或 false");
  GHashTable *patterns = read_patterns(probe_with(probe, "patterns"), "patterns", error);
  if (patterns == NULL) return FALSE;
  Codes *codes = probe->state = g_new0(Codes, 1);
  *codes = (Codes){patterns, agree == NULL || json_is_true(agree)};
  return TRUE;
}

/* "Y", "永久", "YJ" → "永久"; "D30", "30年", "定期30年" → "30": what can be compared; "" when it says neither. */
static char *term_of(const char *text) {
  if (g_str_equal(text, "Y") || g_str_equal(text, "YJ") || g_str_equal(text, "永久")) return g_strdup("永久");
  const char *digits = strpbrk(text, "0123456789");
  if (digits == NULL) return g_strdup("");
  return g_strndup(digits, strspn(digits, "0123456789"));
}

static void compare_part(Probe *probe, const Unit *unit, const char *label, const char *in_code, const char *in_record) {
  if (in_code && *in_code && *in_record && !g_str_equal(in_code, in_record))
    probe_fault(probe, unit, NULL, "档号中的%s是 %s，著录的是 %s", label, in_code, in_record);
}

static void codes_unit(Probe *probe, const Unit *unit) {
  const Codes *codes = probe->state;
  const char *code = record_code(unit->record);
  if (*code == '\0') return;
  probe->checked++;
  GRegex *pattern = g_hash_table_lookup(codes->patterns, run_category_code(probe->run, unit->record));
  g_auto(CatalogCode) parts = {0};
  catalog_code_parse(code, &parts);
  if (pattern ? !g_regex_match(pattern, code, 0, NULL) : parts.kind == CATALOG_CODE_OTHER) {
    probe_fault(probe, unit, NULL, pattern ? "档号“%s”不合本门类规定的写法" : "档号“%s”不合 DA/T 13、DA/T 22 的写法", code);
    return;
  }
  if (!codes->agree) return;
  g_autofree char *fonds = record_value(unit->record, "fonds"), *year = record_value(unit->record, "year"), *retention = record_value(unit->record, "retention");
  g_autofree char *term = term_of(retention), *term_in_code = term_of(parts.retention ? parts.retention : "");
  if (strlen(year) > 4) year[4] = '\0';
  compare_part(probe, unit, "全宗号", parts.fonds, fonds);
  compare_part(probe, unit, "年度", parts.year, year);
  compare_part(probe, unit, "保管期限", term_in_code, term);
}

/* ---- what must be there ---- */

static gboolean mandatory_begin(Probe *probe, GError **error) { return all_lists(probe->item->with, "with", error); }

static void mandatory_unit(Probe *probe, const Unit *unit) {
  json_t *keys = probe_with(probe, record_level(unit->record)), *key;
  size_t i;
  g_autoptr(GString) missing = g_string_new(NULL);
  if (json_array_size(keys) == 0) return;
  probe->checked++;
  json_array_foreach(keys, i, key) {
    g_autofree char *value = record_value(unit->record, json_string_value(key)), *label = record_label(probe->run, unit->record, json_string_value(key));
    if (*value == '\0') g_string_append_printf(missing, "%s%s", missing->len ? "、" : "", label);
  }
  if (missing->len) probe_fault(probe, unit, NULL, "没有填写：%s", missing->str);
}

/* ---- the scope of filing: class and term by the body's 三合一制度 in force at the record's date; without one, a term that the schedule of terms knows.
 * Whether the right things were kept, a person says ---- */

typedef struct {
  GHashTable *fonds;    /* 全宗号 → its record's id, 0: none yet */
  GHashTable *matchers; /* version → ScheduleMatcher */
} Scopes;

static void scopes_clear(gpointer state) {
  Scopes *scopes = state;
  if (scopes == NULL) return;
  g_hash_table_unref(scopes->fonds);
  g_hash_table_unref(scopes->matchers);
  g_free(scopes);
}

static gboolean scope_begin(Probe *probe, GError **error) {
  Scopes *scopes = g_new0(Scopes, 1);
  scopes->fonds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  scopes->matchers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)schedule_matcher_free);
  probe->state = scopes;
  return all_lists(probe->item->with, "with", error);
}

static gint64 scope_fonds(Scopes *scopes, Sql *sql, const char *code) {
  gint64 *id = g_hash_table_lookup(scopes->fonds, code);
  if (id == NULL) {
    id = g_new(gint64, 1);
    *id = sql_number(sql, "SELECT id FROM record WHERE level = 1 AND code = $1", SQL_ARGS(sql_text(code)), 0, NULL);
    g_hash_table_insert(scopes->fonds, g_strdup(code), id);
  }
  return *id;
}

static const ScheduleMatcher *scope_matcher(Scopes *scopes, Sql *sql, gint64 version) {
  ScheduleMatcher *matcher = g_hash_table_lookup(scopes->matchers, &version);
  if (matcher != NULL) return matcher;
  json_auto_t *lines = schedule_lines(sql, version, NULL);
  matcher = schedule_matcher_new(lines);
  gint64 *key = g_new(gint64, 1);
  *key = version;
  g_hash_table_insert(scopes->matchers, key, matcher);
  return matcher;
}

/* TRUE when the body's schedule has a word on this record: it names a class, and a version is in force. */
static gboolean scope_by_schedule(Probe *probe, const Unit *unit, const char *retention) {
  g_autofree char *fonds = record_value(unit->record, "fonds"), *class_code = record_value(unit->record, "flh"), *class_text = record_value(unit->record, "jgwt");
  if (*fonds == '\0' || (*class_code == '\0' && *class_text == '\0')) return FALSE;
  g_autoptr(Sql) sql = run_sql(probe->run, NULL);
  if (sql == NULL) return FALSE;
  DateSpan date = {(gint32)record_number(unit->record, "date_from"), (gint32)record_number(unit->record, "date_to")};
  gint64 fonds_id = scope_fonds(probe->state, sql, fonds);
  gint64 version = fonds_id == 0 ? 0 : schedule_for(sql, fonds_id, date, (int)record_number(unit->record, "year"), NULL);
  if (version == 0) return FALSE;
  g_autofree char *why = NULL;
  schedule_match(scope_matcher(probe->state, sql, version), class_code, class_text, retention, &why);
  if (why != NULL) probe_fault(probe, unit, NULL, "不合立档单位当时的三合一制度：%s", why);
  return TRUE;
}

static void scope_unit(Probe *probe, const Unit *unit) {
  g_autofree char *retention = record_value(unit->record, "retention");
  json_t *terms = probe_with(probe, "retention");
  probe->checked++;
  if (scope_by_schedule(probe, unit, retention) || *retention == '\0' || json_lists(terms, retention)) return;
  g_autofree char *words = words_of(terms);
  probe_fault(probe, unit, NULL, "保管期限“%s”不在保管期限表（%s）之内", retention, words);
}

static const char *const LENGTH[] = {"most", "least", NULL}, *const TYPES[] = {"date", "patterns", NULL}, *const RANGE[] = {"values", "numbers", NULL};
static const char *const PLAUSIBLE[] = {"year_lag", "most_pages", NULL}, *const CHARACTERS[] = {"private_use", NULL}, *const CODES[] = {"patterns", "agree", NULL};
static const char *const MANDATORY[] = {"item", "volume", NULL}, *const SCOPE[] = {"retention", NULL};

const Rule RULES_RECORD[] = {
  {"length", LENGTH, 0, length_begin, length_unit},
  {"type", TYPES, 0, types_begin, types_unit, .clear = types_clear},
  {"range", RANGE, 0, range_begin, range_unit},
  {"plausible", PLAUSIBLE, 0, plausible_begin, plausible_unit, .clear = g_free},
  {"characters", CHARACTERS, 0, characters_begin, characters_unit, .clear = g_free},
  {"code", CODES, 0, codes_begin, codes_unit, .clear = codes_clear},
  {"mandatory", MANDATORY, 0, mandatory_begin, mandatory_unit},
  {"scope", SCOPE, 0, scope_begin, scope_unit, .clear = scopes_clear},
  {NULL},
};
