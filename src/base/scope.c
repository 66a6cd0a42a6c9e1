/*
 * The one rule of who sees what (scope.h), and the words for opening status, security and level.
 *
 * 1. What is not understood is not admitted: an unknown opening status, security or level (a damaged row) is never shown.
 * 2. Words are compared folded, so traditional and full-width forms count too. A word that is not on the list is refused, not guessed.
 */
#include "scope.h"

#include <string.h>

#include "text.h"

#define ALL_OPENINGS (1u << OPENING_UNREVIEWED | 1u << OPENING_OPEN | 1u << OPENING_CONTROLLED | 1u << OPENING_DEFERRED)

const Scope SCOPE_NOTHING = {0};
const Scope SCOPE_EVERYTHING = {.opening_mask = ALL_OPENINGS, .files_mask = ALL_OPENINGS, .security = SECURITY_TOP, .all_fonds = TRUE};

static gboolean admits_fonds(const Scope *scope, gint64 fonds_id) {
  if (scope->all_fonds) return TRUE;
  gsize low = 0, high = scope->fonds_count;
  while (low < high) {
    gsize middle = low + (high - low) / 2;
    if (scope->fonds[middle] == fonds_id) return TRUE;
    if (scope->fonds[middle] < fonds_id) low = middle + 1;
    else high = middle;
  }
  return FALSE;
}

static gboolean admits_record(const Scope *scope, guint mask, Security security, Opening opening) {
  if ((guint) opening > OPENING_DEFERRED || (guint) security > SECURITY_TOP) return FALSE;
  return security <= scope->security && (mask & (1u << opening)) != 0;
}

gboolean scope_admits(const Scope *scope, Level level, gint64 fonds_id, Security security, Opening opening) {
  if (scope->opening_mask == 0 || !admits_fonds(scope, fonds_id)) return FALSE;
  if (level == LEVEL_FONDS || level == LEVEL_CLASS) return TRUE;
  if (level != LEVEL_VOLUME && level != LEVEL_ITEM) return FALSE;
  return admits_record(scope, scope->opening_mask, security, opening);
}

gboolean scope_admits_files(const Scope *scope, gint64 fonds_id, Security security, Opening opening) {
  return admits_fonds(scope, fonds_id) && admits_record(scope, scope->opening_mask & scope->files_mask, security, opening);
}

gboolean scope_admits_closed_fields(const Scope *scope) { return (scope->opening_mask & ALL_OPENINGS & ~(1u << OPENING_OPEN)) != 0; }

const char *opening_label(Opening opening) {
  static const char *const labels[] = {"未审核", "开放", "控制", "延期开放"};
  return (guint) opening < G_N_ELEMENTS(labels) ? labels[opening] : "未知";
}

const char *security_label(Security security) {
  static const char *const labels[] = {"公开", "内部", "秘密", "机密", "绝密"};
  return (guint) security < G_N_ELEMENTS(labels) ? labels[security] : "未知";
}

const char *level_label(Level level) {
  static const char *const labels[] = {"未知", "全宗", "类别", "案卷", "文件"};
  return (guint) level < G_N_ELEMENTS(labels) ? labels[level] : "未知";
}

typedef struct {
  const char *word; /* folded, without spaces */
  guint value;
} Word;

/* The folded text without white space and ★; NULL when it has other marks (开放？ is not 开放, — is not nothing). */
static char *fold_solid(const char *text) {
  g_autoptr(GString) solid = g_string_new(NULL);
  for (const char *p = text != NULL ? text : ""; *p != '\0'; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char_validated(p, -1), folded[18];
    if (c >= (gunichar) -2) return NULL;
    guint count = text_fold_character(c, folded);
    if (count == 0 && !g_unichar_isspace(c) && c != 0x2605 && c != 0x2606) return NULL;
    for (guint i = 0; i < count; i++) g_string_append_unichar(solid, folded[i]);
  }
  return g_string_free(g_steal_pointer(&solid), FALSE);
}

static gboolean find_word(const Word *words, gsize count, const char *text, guint *ret) {
  for (gsize i = 0; i < count; i++)
    if (strcmp(words[i].word, text) == 0) return *ret = words[i].value, TRUE;
  return FALSE;
}

gboolean opening_parse(const char *text, Opening *ret) {
  static const Word words[] = {
    {"", OPENING_UNREVIEWED}, {"未审核", OPENING_UNREVIEWED}, {"未审", OPENING_UNREVIEWED}, {"待审核", OPENING_UNREVIEWED},
    {"待审", OPENING_UNREVIEWED}, {"未鉴定", OPENING_UNREVIEWED}, {"待鉴定", OPENING_UNREVIEWED}, {"未开放审核", OPENING_UNREVIEWED},
    {"未划控", OPENING_UNREVIEWED}, {"未定", OPENING_UNREVIEWED},
    {"开放", OPENING_OPEN}, {"公开", OPENING_OPEN}, {"公开开放", OPENING_OPEN}, {"已开放", OPENING_OPEN}, {"可开放", OPENING_OPEN},
    {"同意开放", OPENING_OPEN}, {"开放档案", OPENING_OPEN}, {"开放利用", OPENING_OPEN}, {"是", OPENING_OPEN}, {"k", OPENING_OPEN},
    {"1", OPENING_OPEN}, {"y", OPENING_OPEN}, {"yes", OPENING_OPEN}, {"true", OPENING_OPEN},
    {"控制", OPENING_CONTROLLED}, {"划控", OPENING_CONTROLLED}, {"已划控", OPENING_CONTROLLED}, {"控制使用", OPENING_CONTROLLED},
    {"控制利用", OPENING_CONTROLLED}, {"受控", OPENING_CONTROLLED}, {"不开放", OPENING_CONTROLLED}, {"未开放", OPENING_CONTROLLED},
    {"不公开", OPENING_CONTROLLED}, {"不予开放", OPENING_CONTROLLED}, {"不宜开放", OPENING_CONTROLLED}, {"限制", OPENING_CONTROLLED},
    {"限制利用", OPENING_CONTROLLED}, {"封闭", OPENING_CONTROLLED}, {"否", OPENING_CONTROLLED}, {"f", OPENING_CONTROLLED},
    {"0", OPENING_CONTROLLED}, {"n", OPENING_CONTROLLED}, {"no", OPENING_CONTROLLED}, {"false", OPENING_CONTROLLED},
    {"延期开放", OPENING_DEFERRED}, {"延期", OPENING_DEFERRED}, {"延迟开放", OPENING_DEFERRED}, {"暂缓开放", OPENING_DEFERRED},
    {"延期向社会开放", OPENING_DEFERRED},
  };
  g_autofree char *solid = fold_solid(text);
  guint value = 0;
  if (solid == NULL || !find_word(words, G_N_ELEMENTS(words), solid, &value)) return FALSE;
  *ret = (Opening) value;
  return TRUE;
}

/* TRUE for what may follow a level of secrecy: nothing, 级, 长期, a number of years or months (秘密★10年). */
static gboolean is_secrecy_term(const char *rest) {
  if (g_str_has_prefix(rest, "级")) rest += strlen("级");
  if (*rest == '\0' || strcmp(rest, "长期") == 0 || strcmp(rest, "永久") == 0) return TRUE;
  const char *unit = rest;
  while (g_ascii_isdigit(*unit)) unit++;
  if (unit == rest) return FALSE;
  return *unit == '\0' || strcmp(unit, "年") == 0 || strcmp(unit, "月") == 0 || strcmp(unit, "个月") == 0;
}

gboolean security_parse(const char *text, Security *ret) {
  static const Word plain[] = {
    {"", SECURITY_PUBLIC}, {"公开", SECURITY_PUBLIC}, {"公开级", SECURITY_PUBLIC}, {"无", SECURITY_PUBLIC},
    {"无密级", SECURITY_PUBLIC}, {"非密", SECURITY_PUBLIC}, {"不涉密", SECURITY_PUBLIC},
    {"内部", SECURITY_INTERNAL}, {"内部级", SECURITY_INTERNAL}, {"内部资料", SECURITY_INTERNAL}, {"国内", SECURITY_INTERNAL},
    {"国内级", SECURITY_INTERNAL}, {"限制", SECURITY_INTERNAL}, {"限制级", SECURITY_INTERNAL},
  };
  static const Word secret[] = {{"秘密", SECURITY_SECRET}, {"机密", SECURITY_CONFIDENTIAL}, {"绝密", SECURITY_TOP}};
  g_autofree char *solid = fold_solid(text);
  guint value = 0;
  if (solid == NULL) return FALSE;
  if (find_word(plain, G_N_ELEMENTS(plain), solid, &value)) {
    *ret = (Security) value;
    return TRUE;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(secret); i++)
    if (g_str_has_prefix(solid, secret[i].word) && is_secrecy_term(solid + strlen(secret[i].word))) return *ret = (Security) secret[i].value, TRUE;
  return FALSE;
}

/* ---- kept for a job ---- */

json_t *scope_json(const Scope *scope) {
  json_t *fonds = json_array();
  for (gsize i = 0; i < scope->fonds_count; i++) json_array_append_new(fonds, json_integer(scope->fonds[i]));
  return json_pack("{s:i, s:i, s:i, s:b, s:o}", "opening", (int)scope->opening_mask, "files", (int)scope->files_mask, "security", (int)scope->security, "all_fonds",
    scope->all_fonds, "fonds", fonds);
}

Scope *scope_from_json(json_t *json) {
  json_t *list = json_object_get(json, "fonds"), *value;
  gint64 *fonds = g_new0(gint64, json_array_size(list) + 1);
  size_t i;
  json_array_foreach(list, i, value) fonds[i] = json_integer_value(value);
  Scope *scope = g_new(Scope, 1);
  *scope = (Scope){.opening_mask = (guint)json_integer_value(json_object_get(json, "opening")), .files_mask = (guint)json_integer_value(json_object_get(json, "files")),
    .security = (Security)json_integer_value(json_object_get(json, "security")), .all_fonds = json_is_true(json_object_get(json, "all_fonds")),
    .fonds_count = json_array_size(list), .fonds = fonds};
  return scope;
}

void scope_free(Scope *scope) {
  if (scope == NULL) return;
  g_free((gpointer)scope->fonds);
  g_free(scope);
}
