/*
 * Archival codes (档号): what a code itself tells about its record, and the order of codes.
 *
 * 1. The code as given is never changed here; parts are copies. Dashes and middle dots of every width and shape count as '-' and '·'.
 * 2. A code that fits no rule has no parts: nothing is guessed (DA/T 13-1994, DA/T 22-2015 §5, DA/T 13-2022 §5, local fixed widths).
 */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

enum { CODE_MAX_BYTES = 600, CODE_MAX_PARTS = 7 };

/* ---- shapes of parts ---- */

static gboolean all_digits(const char *text) { return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0'; }

static gboolean is_fonds(const char *text) {
  return (g_ascii_isupper(text[0]) && strlen(text) == 4 && all_digits(text + 1)) || (strlen(text) <= 6 && all_digits(text)); }

static gboolean is_year(const char *text) { return strlen(text) == 4 && all_digits(text) && text[0] >= '1' && text[0] <= '2'; }

/* Y, D30, D10 (DA/T 13-2022), and the words that older codes use. */
static gboolean is_retention(const char *text) {
  static const char *const words[] = {"Y", "永久", "长期", "短期", "30年", "10年", "CQ", "DQ", "YJ", NULL};
  return (text[0] == 'D' && all_digits(text + 1)) || g_strv_contains(words, text);
}

static gboolean is_category(const char *text) {
  gsize length = strlen(text);
  return length >= 2 && length <= 4 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == length;
}

/* The last part may carry the page: 件号/页号. */
static void take_number(char **number, char **page, const char *text) {
  const char *slash = strchr(text, '/');
  *number = slash == NULL ? g_strdup(text) : g_strndup(text, slash - text);
  if (slash != NULL && slash[1] != '\0') *page = g_strdup(slash + 1);
}

static gboolean is_number(const char *text) {
  g_autofree char *number = NULL, *page = NULL;
  take_number(&number, &page, text);
  return all_digits(number) && strlen(number) <= 8 && (page == NULL || all_digits(page));
}

static char *normal_form(const char *code) {
  GString *out = g_string_new(NULL);
  for (const char *c = code; *c != '\0'; c = g_utf8_next_char(c)) {
    gunichar ch = g_utf8_get_char(c);
    if (g_unichar_isspace(ch)) continue;
    if (ch >= 0xFF01 && ch <= 0xFF5E) ch -= 0xFEE0;
    if (ch == 0x2010 || ch == 0x2011 || ch == 0x2012 || ch == 0x2013 || ch == 0x2014 || ch == 0x2212) ch = '-';
    if (ch == 0x2022 || ch == 0x30FB || ch == 0x2027 || ch == 0xFF65 || ch == 0x22C5) ch = 0xB7;
    g_string_append_unichar(out, ch);
  }
  return g_string_free(out, FALSE);
}

/* ---- the generations ---- */

/* 全宗号-门类·年度-保管期限-机构(问题)-件号 */
static gboolean parse_2015(char **part, guint count, CatalogCode *ret) {
  g_auto(GStrv) kind = g_strsplit(part[1], "·", -1);
  if (count < 4 || count > 5 || g_strv_length(kind) != 2 || !is_category(kind[0]) || !is_year(kind[1]) || !is_retention(part[2]) ||
    !is_number(part[count - 1])) return FALSE;
  ret->kind = CATALOG_CODE_PIECE_2015;
  ret->category = g_strdup(kind[0]);
  ret->year = g_strdup(kind[1]);
  ret->retention = g_strdup(part[2]);
  if (count == 5) ret->organ = g_strdup(part[3]);
  take_number(&ret->item, &ret->page, part[count - 1]);
  return TRUE;
}

/* 类别号: 门类[·二级·三级]·年度·保管期限·机构(问题), as far as the category needs them. */
static void parse_class(char **piece, CatalogCode *ret) {
  g_autoptr(GString) category = g_string_new(piece[0]);
  for (guint i = 1; piece[i] != NULL; i++) {
    if (ret->year == NULL && is_year(piece[i])) ret->year = g_strdup(piece[i]);
    else if (ret->retention == NULL && is_retention(piece[i])) ret->retention = g_strdup(piece[i]);
    else if (ret->year == NULL && ret->retention == NULL) g_string_append_printf(category, "·%s", piece[i]);
    else if (ret->organ == NULL) ret->organ = g_strdup(piece[i]);
  }
  ret->category = g_strdup(category->str);
}

/* 全宗号-类别号-件号, 全宗号-类别号-案卷号-件号/页号 */
static gboolean parse_2022(char **part, guint count, CatalogCode *ret) {
  g_auto(GStrv) piece = g_strsplit(part[1], "·", -1);
  if (count < 3 || count > 5 || piece[0] == NULL || !is_category(piece[0])) return FALSE;
  for (guint i = 2; i < count; i++)
    if (!is_number(part[i])) return FALSE;
  ret->kind = CATALOG_CODE_2022;
  parse_class(piece, ret);
  if (count > 3) ret->volume = g_strdup(part[2]);
  take_number(&ret->item, &ret->page, part[count > 3 ? 3 : 2]);
  if (count == 5 && ret->page == NULL) ret->page = g_strdup(part[4]);
  return TRUE;
}

/* 全宗号-案卷目录号-案卷号-件/页号 */
static gboolean parse_1994(char **part, guint count, CatalogCode *ret) {
  if (count < 3 || count > 4) return FALSE;
  for (guint i = 1; i < count; i++)
    if (!is_number(part[i])) return FALSE;
  ret->kind = CATALOG_CODE_VOLUME_1994;
  ret->inventory = g_strdup(part[1]);
  ret->volume = g_strdup(part[2]);
  if (count == 4) take_number(&ret->item, &ret->page, part[3]);
  return TRUE;
}

/* 全宗号4 年度4 then 目录号3 案卷号4 页号4, or 期限3 分类号4 件号4 */
static gboolean parse_fixed(const char *code, CatalogCode *ret) {
  if (strlen(code) != 19) return FALSE;
  g_autofree char *fonds = g_strndup(code, 4), *year = g_strndup(code + 4, 4), *third = g_strndup(code + 8, 3), *fourth = g_strndup(code + 11, 4);
  if (!is_fonds(fonds) || !is_year(year) || !all_digits(code + 15)) return FALSE;
  gboolean piece = third[0] == 'D' || third[0] == 'Y';
  if (!piece && (!all_digits(third) || !all_digits(fourth))) return FALSE;
  ret->kind = piece ? CATALOG_CODE_FIXED_PIECE : CATALOG_CODE_FIXED_VOLUME;
  ret->fonds = g_steal_pointer(&fonds);
  ret->year = g_steal_pointer(&year);
  *(piece ? &ret->retention : &ret->inventory) = g_steal_pointer(&third);
  *(piece ? &ret->organ : &ret->volume) = g_steal_pointer(&fourth);
  *(piece ? &ret->item : &ret->page) = g_strdup(code + 15);
  return TRUE;
}

void catalog_code_parse(const char *code, CatalogCode *ret) {
  *ret = (CatalogCode){0};
  if (code == NULL || strlen(code) > CODE_MAX_BYTES || !g_utf8_validate(code, -1, NULL)) return;
  g_autofree char *normal = normal_form(code);
  g_auto(GStrv) part = g_strsplit(normal, "-", CODE_MAX_PARTS);
  guint count = g_strv_length(part);
  if (count == 1) {
    parse_fixed(normal, ret);
    return;
  }
  if (count < 3 || !is_fonds(part[0])) return;
  if (parse_2015(part, count, ret) || parse_2022(part, count, ret) || parse_1994(part, count, ret)) ret->fonds = g_strdup(part[0]);
}

void catalog_code_clear(CatalogCode *code) {
  char **parts[] = {&code->fonds, &code->category, &code->year, &code->retention, &code->organ, &code->inventory, &code->volume, &code->item, &code->page};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) g_clear_pointer(parts[i], g_free);
}

/* ---- order ---- */

/* Compares the runs of digits at *a and *b as numbers of any length and moves behind them. */
static int compare_runs(const char **a, const char **b) {
  const char *left = *a + strspn(*a, "0"), *right = *b + strspn(*b, "0");
  gsize left_length = strspn(left, "0123456789"), right_length = strspn(right, "0123456789");
  *a = left + left_length;
  *b = right + right_length;
  if (left_length != right_length) return left_length < right_length ? -1 : 1;
  return memcmp(left, right, left_length);
}

int catalog_code_compare(const char *a, const char *b) {
  const char *left = a, *right = b;
  while (*left != '\0' && *right != '\0') {
    if (g_ascii_isdigit(*left) && g_ascii_isdigit(*right)) {
      int order = compare_runs(&left, &right);
      if (order != 0) return order;
    } else if (*left != *right) {
      return (guchar)*left < (guchar)*right ? -1 : 1;
    } else {
      left++;
      right++;
    }
  }
  if (*left != '\0' || *right != '\0') return *left == '\0' ? -1 : 1;
  return strcmp(a, b);
}
