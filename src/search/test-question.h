/*
 * Random questions for search-test.c: how they are written, and what they mean, told from a record alone. Only what is a name, a number with ? and * or a day is asked of
 * the room (name-test, query-test and day-test look at those).
 */
#pragma once
#include "query.h"
#include "test-records.h"

/* ---- what a question means ---- */

typedef struct Expression {
  char kind; /* t text, w whole value, a any value, g number with ? and *, n name in letters, k day of a field, y years, d days, & | ! */
  char *field, *text, *core; /* core: folded, without the spaces at its ends */
  gboolean star;
  int from, to; /* y: years, d, k: days */
  struct Expression *left, *right;
} Expression;

typedef enum { LOOK_TITLE, LOOK_DESCRIPTION, LOOK_ALL } Look;
typedef struct { Look look; gboolean closed; } Asker; /* closed: fields that are closed count */

static void expression_free(Expression *expression) {
  if (expression == NULL) return;
  expression_free(expression->left);
  expression_free(expression->right);
  g_free(expression->field);
  g_free(expression->text);
  g_free(expression->core);
  g_free(expression);
}

static gboolean ends_word(const char *character) { return *character != ' ' && !text_is_ideograph(g_utf8_get_char(character)); }

static gboolean stands(const Expression *term, const Text *text) {
  const char *core = term->core;
  gsize length = strlen(core);
  for (const char *at = text->folded; at && (at = strstr(at, core)); at++) {
    if (ends_word(core) && at[-1] != ' ') continue;
    if (!term->star && ends_word(g_utf8_prev_char(core + length)) && at[length] != ' ') continue;
    return TRUE;
  }
  return FALSE;
}

static char *solid(const char *folded) {
  g_auto(GStrv) runs = g_strsplit(folded, " ", -1);
  return g_strjoinv("", runs);
}

static gboolean is_all(const Expression *term, const char *value) {
  g_autofree char *folded = text_fold(value), *own = solid(term->core), *its = solid(folded);
  const Text text = {NULL, folded};
  return g_str_equal(own, its) && (stands(term, &text) || (g_utf8_strlen(own, -1) == 2 && strlen(own) > 2));
}

/* The value, or of creators and in a category's field one of several. */
static gboolean is_whole(const Expression *term, const Text *text) {
  if (is_all(term, text->text)) return TRUE;
  g_auto(GStrv) parts = g_regex_split_simple("[、；;，,]", text->text, 0, 0);
  static const char *const columns[] = {"title", "code", "docno", NULL};
  gboolean found = FALSE;
  for (char **part = parts; *part && !g_strv_contains(columns, term->field) && !found; part++) found = is_all(term, *part);
  return found;
}

static gboolean is_match(const Expression *term, const Text *text) {
  g_autofree char *pattern = term->kind == 'g' ? search_glob_pattern(term->text) : NULL;
  switch (term->kind) {
  case 'w': return is_whole(term, text);
  case 'a': return *text->text != '\0';
  case 'g': return search_glob_in(pattern, text->text);
  case 'k': return stands(term, text) || search_days_touch((DateSpan){term->from, term->to}, text->text, strlen(text->text));
  default: return stands(term, text);
  }
}

/* Letters also mean names, in creators and values. */
static gboolean is_named(const Expression *term, const Text *text) {
  gboolean creators = term->field == NULL || g_str_equal(term->field, "creator");
  g_autofree char *pattern = search_name_pattern(term->text, term->star, !creators);
  return pattern && search_names_in(pattern, text->text, strlen(text->text), text->folded);
}

static gboolean is_field(const Expression *term, const char *field) { return term->field == NULL ? term->kind != 'g' : g_str_equal(term->field, field); }

static gboolean scan_values(const Expression *term, const Model *model, gboolean closed) {
  gboolean found = FALSE;
  for (guint i = 0; i < (closed ? VALUES : CLOSED); i++)
    if (is_field(term, model->keys[i])) found = found || is_match(term, &model->values[i]) || (strchr("tn", term->kind) && is_named(term, &model->values[i]));
  return found;
}

static gboolean scan_term(const Expression *term, const Model *model, Asker asker) {
  gboolean any = term->field == NULL, number = any && term->kind == 'g', found = FALSE;
  if (is_field(term, "title")) found = is_match(term, &model->title);
  if (any && asker.look == LOOK_TITLE) return found;
  if (is_field(term, "creator")) found = found || is_match(term, &model->creator) || (strchr("tn", term->kind) && is_named(term, &model->creator));
  if (number || is_field(term, "code")) found = found || is_match(term, &model->code);
  if (number || is_field(term, "docno")) found = found || is_match(term, &model->docno);
  found = found || scan_values(term, model, asker.closed);
  for (guint i = 0; asker.look == LOOK_ALL && i < PAGES; i++)
    if (is_field(term, "text")) found = found || (model->pages[i].text && is_match(term, &model->pages[i]));
  return found;
}

static gboolean touches(const Model *model, gint32 from, gint32 to) {
  return model->columns.date_from > 0 && model->columns.date_from <= to && search_date_to(&model->columns) >= from;
}

static gboolean scan(const Expression *expression, const Model *model, Asker asker) {
  Asker outside = {asker.look == LOOK_TITLE ? LOOK_DESCRIPTION : asker.look, asker.closed};
  switch (expression->kind) {
  case 'y':
    return (model->columns.year >= expression->from && model->columns.year <= expression->to) ||
      touches(model, expression->from * 10000 + 101, expression->to * 10000 + 1231);
  case 'd': return touches(model, expression->from, expression->to);
  case '&': return scan(expression->left, model, asker) && scan(expression->right, model, asker);
  case '|': return scan(expression->left, model, asker) || scan(expression->right, model, asker);
  case '!': return !scan(expression->left, model, outside);
  default: return scan_term(expression, model, asker);
  }
}

/* Some word that is asked for stands on that page, and on none before. */
static gboolean explains(const Expression *expression, const Model *model, guint page, gboolean positive) {
  if (expression->kind == '!') return explains(expression->left, model, page, !positive);
  if (expression->left) return explains(expression->left, model, page, positive) || explains(expression->right, model, page, positive);
  if (!positive || !strchr("tn", expression->kind) || !is_field(expression, "text")) return FALSE;
  for (guint i = 0; i < page; i++)
    if (model->pages[i].text && stands(expression, &model->pages[i])) return i + 1 == page;
  return FALSE;
}

/* ---- queries ---- */

static char *random_words(GRand *random, const char *delimiters) {
  for (;;) {
    g_autofree char *text = g_strdelimit(random_text(random, 4), delimiters, ' '), *folded = text_fold(text);
    if (strlen(folded) >= 3) return g_steal_pointer(&text);
  }
}

static void random_times(Expression *term, GRand *random) {
  static const struct { char kind; const char *text; int from, to; } times[] = {{'y', "1958", 1958, 1958}, {'y', "1945-1958", 1945, 1958}, {'y', "1955-2001", 1955, 2001},
    {'d', "1958-12", 19581201, 19581231}, {'d', "1959-01-01", 19590101, 19590101}, {'d', "1958-12-31", 19581231, 19581231}, {'k', "1958-03", 19580301, 19580331},
    {'k', "1958-02-02", 19580202, 19580202}, {'k', "1957", 19570101, 19571231}, {'k', "1975", 19750101, 19751231}};
  guint which = (guint)g_rand_int_range(random, 0, G_N_ELEMENTS(times));
  term->kind = times[which].kind;
  term->field = g_strdup(term->kind == 'k' ? "djrq" : term->kind == 'y' ? "年度" : "日期");
  term->text = g_strdup(times[which].text);
  term->from = times[which].from;
  term->to = times[which].to;
}

static void random_special(Expression *term, GRand *random) {
  static const char *const globs[] = {"a-1?·*", "b-1?·2", "*-2·1", "c*1", "?-1*"}, *const names[] = {"zhangwei", "zw", "wangxiaoming", "zhangw", "ouyangxiu", "wxm"},
    *const whole[] = {"title", "creator", "code", "docno", "nfxm", "bz", "密级"}, *const named[] = {NULL, "creator", "nfxm", "bz"},
    *const numbers[] = {NULL, "code", "docno", "bz"}, *const wider[] = {"b*档*·?-*", "a-?·*"}; /* wider: what in words at large is no number */
  gint kind = g_rand_int_range(random, 0, 5);
  if (kind == 0) return random_times(term, random);
  term->kind = "twagn"[kind];
  if (kind == 1) {
    term->field = g_strdup(ONE_OF(random, whole));
    term->text = g_str_equal(term->field, "code") ? random_code(random) : g_rand_boolean(random) ? g_strdup(ONE_OF(random, PERSONS)) : random_words(random, "\"*");
    if (*term->text == '\0') g_free(term->text), term->text = g_strdup("a");
  } else if (kind == 2) term->field = g_strdup(ONE_OF(random, KEYS)), term->text = g_strdup("a");
  else if (kind == 3) {
    term->field = g_strdup(ONE_OF(random, numbers));
    gboolean wide = term->field && !g_str_equal(term->field, "bz") && g_rand_boolean(random);
    term->text = g_strdup(wide ? ONE_OF(random, wider) : ONE_OF(random, globs));
  }
  else term->field = g_strdup(ONE_OF(random, named)), term->text = g_strdup(ONE_OF(random, names)), term->star = g_rand_int_range(random, 0, 4) == 0;
}

static Expression *random_term(GRand *random) {
  static const char *const fields[] = {NULL, NULL, NULL, NULL, NULL, "title", "creator", "code", "docno", "nfxm", "bz", "密级", "text", "text"};
  Expression *term = g_new0(Expression, 1);
  if (g_rand_int_range(random, 0, 4) == 0) random_special(term, random);
  if (term->text == NULL) {
    term->kind = 't';
    term->field = g_strdup(ONE_OF(random, fields));
    term->text = random_words(random, "\"*");
    term->star = g_rand_int_range(random, 0, 4) == 0;
  }
  term->core = g_strstrip(text_fold(term->text));
  return term;
}

static Expression *random_expression(GRand *random, guint depth) {
  guint which = (guint)g_rand_int_range(random, 0, depth ? 6 : 1);
  if (which < 2) return random_term(random);
  Expression *expression = g_new0(Expression, 1);
  expression->kind = "&&|!"[which - 2];
  expression->left = random_expression(random, depth - 1);
  if (expression->kind != '!') expression->right = random_expression(random, depth - 1);
  return expression;
}

static void write_term(GString *out, const Expression *term, GRand *random) {
  if (term->field) g_string_append_printf(out, "%s%s", term->field, g_rand_boolean(random) ? ":" : "：");
  if (strchr("ydkgn", term->kind)) g_string_append_printf(out, "%s%s", term->text, term->star ? "*" : "");
  else if (term->kind == 'a') g_string_append(out, "*");
  else if (term->kind == 'w') g_string_append_printf(out, "=\"%s\"", term->text);
  else g_string_append_printf(out, g_rand_boolean(random) ? "\"%s\"%s" : "“%s”%s", term->text, term->star ? "*" : "");
}

static void write_expression(GString *out, const Expression *expression, GRand *random) {
  static const char *const ands[] = {" ", " AND ", "　"}, *const ors[] = {" OR ", " 或 ", " ＯＲ "};
  if (expression->left == NULL) return write_term(out, expression, random);
  if (expression->kind == '!') {
    g_string_append(out, g_rand_boolean(random) ? "-(" : "NOT （");
    write_expression(out, expression->left, random);
    g_string_append(out, ")");
    return;
  }
  g_string_append(out, "(");
  write_expression(out, expression->left, random);
  g_string_append(out, expression->kind == '&' ? ONE_OF(random, ands) : ONE_OF(random, ors));
  write_expression(out, expression->right, random);
  g_string_append(out, "）");
}
