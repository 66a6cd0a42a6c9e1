/*
 * A code held against a rule, and a code made by one.
 *
 * 1. code_match compares bytes: a full-width dash is not the rule's dash. It tries the parts from left to right and goes back where a part may be left out or
 *    a class may have further levels; parts are few and short, so this ends at once.
 * 2. What code_prefix makes for a record, code_match takes apart into the same parts.
 */
#include "code-rule.h"
#include <string.h>

enum { CODE_MAX_BYTES = 600, DIGITS_MAX = 9 };

/* ---- taking apart ---- */

typedef struct {
  const CodeUse *use;
  const char *code;
  guint count;   /* parts that a code of this level has */
  CodeMatch *out;
} Matcher;

static gsize digits_at(const char *text) { return strspn(text, "0123456789"); }

static gboolean match_part(Matcher *m, guint index, const char *at);

static gboolean fail_at(Matcher *m, guint index, const char *at) {
  if ((guint)(at - m->code) >= m->out->failed_at) {
    m->out->failed = (int)index;
    m->out->failed_at = (guint)(at - m->code);
  }
  return FALSE;
}

/* The part is the bytes [at, at + length): goes on behind it. */
static gboolean take(Matcher *m, guint index, const char *at, gsize length) {
  m->out->part[index] = (int)(at - m->code);
  m->out->end[index] = (int)(at + length - m->code);
  return match_part(m, index + 1, at + length);
}

static gboolean take_words(Matcher *m, guint index, const char *at, json_t *map) {
  const char *key;
  json_t *value;
  json_object_foreach(map, key, value) {
    if (g_str_has_prefix(at, json_string_value(value)) && take(m, index, at, json_string_length(value))) return TRUE;
  }
  return fail_at(m, index, at);
}

static gboolean is_year(const char *at) { return digits_at(at) >= 4 && (at[0] == '1' || at[0] == '2'); }
static gsize level_at(const char *text) { return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"); }
/* What stands behind the category, where the year is to be, and looks like one is no level of the category: classes may be made for years, too. */
static gboolean stands_for_year(const CodePart *category, const char *at) { return category[1].kind == PART_YEAR && level_at(at) == 4 && is_year(at); }

/* The category's own code or what the rule writes for it, and further levels behind middle dots. */
static gboolean take_category(Matcher *m, guint index, const char *at) {
  const CodePart *part = &m->use->rule->parts[index];
  const char *mapped = json_string_value(json_object_get(part->map, m->use->category)), *forms[] = {m->use->category, mapped};
  for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
    if (forms[i] == NULL || !g_str_has_prefix(at, forms[i])) continue;
    for (gsize length = strlen(forms[i]); ;) {
      if (take(m, index, at, length)) return TRUE;
      if (!g_str_has_prefix(at + length, "·")) break;
      const char *segment = at + length + strlen("·");
      gsize more = level_at(segment);
      if (more == 0 || stands_for_year(part, segment)) break;
      length = (gsize)(segment - at) + more;
    }
  }
  return fail_at(m, index, at);
}

static gboolean take_number(Matcher *m, guint index, const char *at) {
  const CodeRule *rule = m->use->rule;
  gsize digits = digits_at(at);
  gboolean last = index + 1 == m->count;
  guint width = index == (guint)rule->volume ? m->use->volume_width : m->use->item_width;
  if (!last && rule->parts[index + 1].before[0] == '\0') digits = digits >= width ? width : 0; /* the next part follows at once */
  if (digits == 0 || digits > DIGITS_MAX) return fail_at(m, index, at);
  if (last) {
    m->out->number_at = (guint)(at - m->code);
    m->out->width = digits;
    m->out->number = (guint)g_ascii_strtoull(at, NULL, 10);
  }
  return take(m, index, at, digits);
}

static gboolean take_text(Matcher *m, guint index, const char *at) {
  guint width = m->use->rule->parts[index].width;
  gsize length = 0;
  for (guint i = 0; at[length] != '\0' && at[length] != '-' && at[length] != '/' && !g_str_has_prefix(at + length, "·") && (width == 0 || i < width); i++)
    length = (gsize)(g_utf8_next_char(at + length) - at);
  if (length == 0 || (width > 0 && g_utf8_strlen(at, (gssize)length) != (glong)width)) return fail_at(m, index, at);
  return take(m, index, at, length);
}

static gboolean match_present(Matcher *m, guint index, const char *at) {
  const CodePart *part = &m->use->rule->parts[index];
  if (!g_str_has_prefix(at, part->before)) return fail_at(m, index, at);
  at += strlen(part->before);
  switch (part->kind) {
  case PART_FONDS: return g_str_has_prefix(at, m->use->fonds) ? take(m, index, at, strlen(m->use->fonds)) : fail_at(m, index, at);
  case PART_CATEGORY: return take_category(m, index, at);
  case PART_YEAR: return is_year(at) ? take(m, index, at, 4) : fail_at(m, index, at);
  case PART_RETENTION: return take_words(m, index, at, part->map);
  case PART_TEXT: return take_text(m, index, at);
  case PART_VOLUME:
  case PART_ITEM:
  case PART_PAGE: return take_number(m, index, at);
  }
  return FALSE;
}

static gboolean match_part(Matcher *m, guint index, const char *at) {
  if (index == m->count) return *at == '\0' || fail_at(m, CODE_PARTS_MAX, at);
  if (match_present(m, index, at)) return TRUE;
  m->out->part[index] = m->out->end[index] = -1;
  return m->use->rule->parts[index].optional && match_part(m, index + 1, at);
}

const CodePart *code_number_part(const CodeRule *rule, Level level) {
  if (level == LEVEL_VOLUME) return rule->volume < 0 ? NULL : &rule->parts[rule->volume];
  return &rule->parts[rule->count - 1];
}

guint code_width(const CodeUse *use, Level level) { return level == LEVEL_VOLUME ? use->volume_width : use->item_width; }

gboolean code_match(const CodeUse *use, Level level, const char *code, CodeMatch *ret) {
  *ret = (CodeMatch){.failed = 0};
  const CodePart *number = code_number_part(use->rule, level);
  if (number == NULL || level < LEVEL_VOLUME || strlen(code) > CODE_MAX_BYTES) return FALSE;
  Matcher m = {use, code, (guint)(number - use->rule->parts) + 1, ret};
  return match_part(&m, 0, code);
}

/* Filled to its width; a number that needs more digits has no zeros before it. */
static gboolean digits_right(const char *digits, guint length, guint width) {
  return length == width || (length > width && digits[0] != '0') || (width == 0 && digits[0] != '0');
}

/* The number of the volume that an item's code has within. */
static gboolean volume_right(const CodeUse *use, Level level, const char *code, const CodeMatch *match) {
  int volume = use->rule->volume;
  return level != LEVEL_ITEM || volume < 0 || match->part[volume] < 0 ||
    digits_right(code + match->part[volume], (guint)(match->end[volume] - match->part[volume]), use->volume_width);
}

gboolean code_strict(const CodeUse *use, Level level, const char *code, const CodeMatch *match) {
  return volume_right(use, level, code, match) && digits_right(code + match->number_at, match->width, code_width(use, level));
}

char *code_scope(const CodeUse *use, Level level, const char *code, const CodeMatch *match) {
  const CodePart *number = code_number_part(use->rule, level);
  GString *scope = g_string_new(level == LEVEL_VOLUME ? "v" : "i");
  for (guint i = 0; &use->rule->parts[i] < number; i++)
    if (use->rule->parts[i].in_counter && match->part[i] >= 0) {
      g_string_append_c(scope, '\t');
      g_string_append_len(scope, code + match->part[i], match->end[i] - match->part[i]);
    }
  return g_string_free(scope, FALSE);
}

char *code_series(const CodeUse *use, Level level, const char *code, const CodeMatch *match) {
  const CodePart *number = code_number_part(use->rule, level);
  gboolean in_volume = level == LEVEL_ITEM && use->rule->volume >= 0; /* its number counts within its volume, wherever that one counts */
  GString *series = g_string_new(NULL);
  for (guint i = 0; &use->rule->parts[i] < number; i++) {
    const CodePart *part = &use->rule->parts[i];
    if (match->part[i] < 0) continue;
    g_string_append(series, part->before);
    if (part->in_counter || in_volume) g_string_append_len(series, code + match->part[i], match->end[i] - match->part[i]);
    else g_string_append(series, "…");
  }
  g_string_append(series, number->before);
  return g_string_free(series, FALSE);
}

/* ---- making ---- */

char *code_number_text(guint number, guint width) { return g_strdup_printf("%0*u", (int)width, number); }

/* What nobody described but the record's present code says, by this rule or by a known generation: the inventory, the organ. NULL: nothing. */
static char *text_in_code(const CodeUse *use, const CodePart *part, const CatalogRecord *record) {
  CodeMatch match;
  gsize index = (gsize)(part - use->rule->parts);
  if (record->code == NULL || record->code[0] == '\0') return NULL;
  if (code_match(use, record->level, record->code, &match))
    return match.part[index] < 0 ? NULL : g_strndup(record->code + match.part[index], (gsize)(match.end[index] - match.part[index]));
  g_auto(CatalogCode) parsed = {0};
  catalog_code_parse(record->code, &parsed);
  const char *const *fields = (const char *const *)part->fields;
  return g_strdup(g_strv_contains(fields, "mlh") ? parsed.inventory : g_strv_contains(fields, "jgwt") ? parsed.organ : NULL);
}

static char *text_value(const CodeUse *use, const CodePart *part, const CatalogRecord *record) {
  json_auto_t *fields = record_fields(record);
  g_autofree char *written = NULL;
  const char *value = NULL;
  for (char **field = part->fields; *field != NULL && (value == NULL || value[0] == '\0'); field++) value = json_string_value(json_object_get(fields, *field));
  if (value == NULL || value[0] == '\0') value = written = text_in_code(use, part, record);
  if (value == NULL || value[0] == '\0') value = part->literal;
  const char *mapped = json_string_value(json_object_get(part->map, value));
  if (mapped != NULL) value = mapped;
  gboolean filled = written != NULL && part->width == 0 && use->volume_width > 1 && part->literal[digits_at(part->literal)] == '\0';
  gsize width = filled ? strlen(part->literal) : part->width; /* inventory 1 is 001 where volume 5 is 005 */
  gboolean number = value[0] != '\0' && value[digits_at(value)] == '\0' && strlen(value) < width;
  return value[0] == '\0' ? NULL : number ? g_strdup_printf("%0*u", (int)width, (guint)g_ascii_strtoull(value, NULL, 10)) : g_strdup(value);
}

/* The class's levels before one for a year; without any it says no more than the category. */
static char *category_text(const CodeUse *use, const CodePart *part, const char *class_text) {
  const char *mapped = json_string_value(json_object_get(part->map, use->category)), *first = class_text ? strstr(class_text, "·") : NULL, *end = first;
  while (end != NULL && !stands_for_year(part, end + strlen("·"))) end = strstr(end + strlen("·"), "·");
  if (first == NULL || end == first) return g_strdup(mapped != NULL ? mapped : use->category);
  return end != NULL ? g_strndup(class_text, (gsize)(end - class_text)) : g_strdup(class_text);
}

char *code_part_text(const CodeUse *use, const CodePart *part, const CatalogRecord *record, const char *class_text) {
  switch (part->kind) {
  case PART_FONDS: return g_strdup(use->fonds);
  case PART_CATEGORY: return category_text(use, part, class_text);
  case PART_YEAR: return record->year >= 1000 ? g_strdup_printf("%d", record->year) : NULL;
  case PART_RETENTION: return g_strdup(json_string_value(json_object_get(part->map, record->retention)));
  case PART_TEXT: return text_value(use, part, record);
  default: return NULL;
  }
}

static char *missing(const CodeUse *use, const CodePart *part, const CatalogRecord *record) {
  if (part->kind == PART_RETENTION && record->retention[0] != '\0')
    return g_strdup_printf("规则“%s”没有说明保管期限“%s”在档号中怎样写", use->rule->title, record->retention);
  return g_strdup_printf("没有%s，规则“%s”要用它", part->label, use->rule->title);
}

/* What could be mistaken for a mark between parts cannot stand inside one. */
static gboolean part_clean(const CodePart *part, const char *text) {
  return part->kind != PART_TEXT || (strpbrk(text, "-/") == NULL && strstr(text, "·") == NULL &&
                                      (part->width == 0 || g_utf8_strlen(text, -1) == (glong)part->width));
}

/* An item within a volume goes on from the volume's code. */
static char *prefix_in_volume(const CodeUse *use, const char *volume, char **ret_scope, GError **error) {
  const CodePart *number = &use->rule->parts[use->rule->count - 1];
  CodeMatch match;
  if (volume == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "规则“%s”按卷编号，这件档案不在案卷中。请先放进案卷，或为本门类另选规则", use->rule->title);
  if (!code_match(use, LEVEL_VOLUME, volume, &match))
    return throw_null(error, LANTAI_ERROR_INVALID, "所在案卷的档号 %s 不合规则“%s”，请先改正案卷的档号", volume, use->rule->title);
  *ret_scope = g_strconcat("i\t", volume, NULL);
  return g_strconcat(volume, number->before, NULL);
}

char *code_prefix(const CodeUse *use, const CatalogRecord *record, const char *volume, const char *class_text, char **ret_scope, GError **error) {
  const CodePart *number = code_number_part(use->rule, record->level);
  if (number == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "规则“%s”按件编号，没有案卷的档号", use->rule->title);
  if (use->rule->volume >= 0 && record->level == LEVEL_ITEM) return prefix_in_volume(use, volume, ret_scope, error);
  g_autoptr(GString) prefix = g_string_new(NULL);
  g_autoptr(GString) scope = g_string_new(record->level == LEVEL_VOLUME ? "v" : "i");
  for (const CodePart *part = use->rule->parts; part < number; part++) {
    g_autofree char *text = code_part_text(use, part, record, class_text);
    if (text == NULL && part->optional) continue;
    g_autofree char *problem = text == NULL ? missing(use, part, record) : NULL;
    if (problem != NULL) return throw_null(error, LANTAI_ERROR_INVALID, "%s", problem);
    if (!part_clean(part, text)) return throw_null(error, LANTAI_ERROR_INVALID, "%s“%s”中有连接号，或不是 %u 位，不能用在档号中", part->label, text, part->width);
    g_string_append_printf(prefix, "%s%s", part->before, text);
    if (part->in_counter) g_string_append_printf(scope, "\t%s", text);
  }
  g_string_append(prefix, number->before);
  *ret_scope = g_string_free(g_steal_pointer(&scope), FALSE);
  return g_string_free(g_steal_pointer(&prefix), FALSE);
}

/* ---- saying why ---- */

/* The rule's example as one of this fonds; without marks the code of a fonds has four characters (DA/T 13 in fixed widths). */
static char *example_here(const CodeUse *use) {
  const char *example = use->rule->example, *mark = strchr(example, '-');
  return g_strconcat(use->fonds, mark ? mark : example + strnlen(example, 4), NULL);
}

static char *form_problem(const CodeUse *use, const char *code, const CodeMatch *match) {
  const CodeRule *rule = use->rule;
  const char *rest = code + match->failed_at;
  g_autofree char *example = example_here(use);
  if (match->failed == CODE_PARTS_MAX) return g_strdup_printf("末尾多出“%s”，规则“%s”的例子是 %s", rest, rule->title, example);
  const CodePart *part = &rule->parts[match->failed];
  const char *value = part->kind == PART_FONDS ? use->fonds : part->kind == PART_CATEGORY ? use->category : "";
  g_autofree char *found = rest[0] == '\0' ? g_strdup("末尾") : g_strdup_printf("“%s”处", rest);
  gboolean mark = part->before[0] != '\0' && !g_str_has_prefix(rest, part->before) && match->failed_at > 0;
  return g_strdup_printf("%s应为%s%s%s%s%s，规则“%s”的例子是 %s", found, mark ? "“" : "", mark ? part->before : "", mark ? "”和" : "", part->label, value, rule->title,
    example);
}

static char *width_problem(const CodeUse *use, const CatalogRecord *record, const CodeMatch *match) {
  guint width = code_width(use, record->level);
  if (!volume_right(use, record->level, record->code, match)) return g_strdup_printf("案卷号不是 %u 位", use->volume_width);
  if (width == 0) return g_strdup_printf("%s前面不应补 0", code_number_part(use->rule, record->level)->label);
  return g_strdup_printf("%s有 %u 位，应为 %u 位", code_number_part(use->rule, record->level)->label, match->width, width);
}

char *code_problem(const CodeUse *use, const CatalogRecord *record, const char *volume, const char *class_text) {
  CodeMatch match;
  const CodePart *number = code_number_part(use->rule, record->level);
  if (number == NULL) return g_strdup_printf("规则“%s”按件编号，没有案卷的档号", use->rule->title);
  if (!code_match(use, record->level, record->code, &match)) return form_problem(use, record->code, &match);
  if (!code_strict(use, record->level, record->code, &match)) return width_problem(use, record, &match);
  if (volume != NULL && use->rule->volume >= 0 && record->level == LEVEL_ITEM) {
    g_autofree char *start = g_strconcat(volume, number->before, NULL);
    if (!g_str_has_prefix(record->code, start)) return g_strdup_printf("与所在案卷的档号 %s 不一致", volume);
  }
  for (guint i = 1; &use->rule->parts[i] < number; i++) {
    const CodePart *part = &use->rule->parts[i];
    gboolean compared = part->kind == PART_YEAR || part->kind == PART_RETENTION || (part->kind == PART_TEXT && part->literal[0] == '\0');
    g_autofree char *described = compared ? code_part_text(use, part, record, class_text) : NULL;
    g_autofree char *written = match.part[i] < 0 ? NULL : g_strndup(record->code + match.part[i], (gsize)(match.end[i] - match.part[i]));
    if (described != NULL && written != NULL && !g_str_equal(described, written))
      return g_strdup_printf("档号中的%s是“%s”，著录的%s应写作“%s”", part->label, written, part->label, described);
  }
  return NULL;
}
