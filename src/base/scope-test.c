/* The one rule over all its inputs, and the words for opening status and security. Also errors. */
#include "scope.h"

#include "error.h"

static const gint64 some_fonds[] = {3, 7, 20};

/* The rule written again, plainly. */
static gboolean expected(const Scope *scope, Level level, gint64 fonds, int security, int opening) {
  gboolean has_fonds = scope->all_fonds;
  for (gsize i = 0; i < scope->fonds_count; i++) has_fonds = has_fonds || scope->fonds[i] == fonds;
  if (scope->opening_mask == 0 || !has_fonds) return FALSE;
  if (level <= LEVEL_CLASS) return TRUE;
  return security >= 0 && security <= (int) scope->security && opening >= 0 && opening <= 3 && (scope->opening_mask >> opening & 1) != 0;
}

static void check_scope(const Scope *scope) {
  for (Level level = LEVEL_FONDS; level <= LEVEL_ITEM; level++)
    for (gint64 fonds = 0; fonds < 25; fonds++)
      for (int security = -1; security <= SECURITY_TOP; security++)
        for (int opening = -1; opening <= OPENING_DEFERRED + 1; opening++)
          g_assert_cmpint(scope_admits(scope, level, fonds, (Security) security, (Opening) opening), ==, expected(scope, level, fonds, security, opening));
}

static void test_rule(void) {
  for (guint mask = 0; mask < 16; mask++)
    for (Security security = SECURITY_PUBLIC; security <= SECURITY_TOP; security++) {
      check_scope(&(Scope){.opening_mask = mask, .security = security, .all_fonds = TRUE});
      check_scope(&(Scope){.opening_mask = mask, .security = security, .fonds = some_fonds, .fonds_count = 3});
      check_scope(&(Scope){.opening_mask = mask, .security = security});
    }
}

/* Whoever sees a file sees its record. */
static void test_files(void) {
  for (guint mask = 0; mask < 16; mask++)
    for (guint files = 0; files < 16; files++) {
      Scope scope = {.opening_mask = mask, .files_mask = files, .security = SECURITY_SECRET, .fonds = some_fonds, .fonds_count = 3};
      for (int opening = 0; opening < 4; opening++) {
        g_assert_cmpint(scope_admits_files(&scope, 7, SECURITY_PUBLIC, (Opening) opening), ==, (mask & files) >> opening & 1);
        g_assert_false(scope_admits_files(&scope, 8, SECURITY_PUBLIC, (Opening) opening));
        g_assert_false(scope_admits_files(&scope, 7, SECURITY_TOP, (Opening) opening));
      }
    }
}

static void test_constants(void) {
  for (int opening = 0; opening < 4; opening++)
    for (int security = 0; security <= SECURITY_TOP; security++) {
      g_assert_false(scope_admits(&SCOPE_NOTHING, LEVEL_ITEM, 1, (Security) security, (Opening) opening));
      g_assert_true(scope_admits(&SCOPE_EVERYTHING, LEVEL_ITEM, 1, (Security) security, (Opening) opening));
      g_assert_true(scope_admits_files(&SCOPE_EVERYTHING, 1, (Security) security, (Opening) opening));
    }
  g_assert_false(scope_admits(&SCOPE_NOTHING, LEVEL_FONDS, 1, SECURITY_PUBLIC, OPENING_OPEN));
  g_assert_false(scope_admits(&SCOPE_EVERYTHING, (Level) 9, 1, SECURITY_PUBLIC, OPENING_OPEN));
}

static void test_opening_words(void) {
  static const struct { const char *text; int opening; } cases[] = {
    {"", 0}, {"  ", 0}, {"未审核", 0}, {"开放", 1}, {"開放", 1}, {"公开", 1}, {"公开开放", 1}, {"是", 1}, {"K", 1}, {"k", 1}, {"Ｋ", 1}, {"1", 1}, {"１", 1},
    {"控制", 2}, {"划控", 2}, {"劃控", 2}, {"控制使用", 2}, {"不开放", 2}, {"否", 2}, {"F", 2}, {"0", 2}, {"延期开放", 3}, {"延期 開放", 3},
    {"也许", -1}, {"2", -1}, {"开放?开放", -1}, {"开放控制", -1}, {"10", -1}, {"开放？", -1}, {"—", -1}, {"\xFF", -1},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    Opening opening = (Opening) 99;
    g_assert_cmpint(opening_parse(cases[i].text, &opening), ==, cases[i].opening >= 0);
    g_assert_cmpint((int) opening, ==, cases[i].opening >= 0 ? cases[i].opening : 99);
  }
}

static void test_security_words(void) {
  static const struct { const char *text; int security; } cases[] = {
    {"", 0}, {"公开", 0}, {"无", 0}, {"無", 0}, {"内部", 1}, {"內部", 1}, {"国内", 1}, {"限制", 1}, {"秘密", 2}, {"秘密★", 2}, {"秘密★10年", 2}, {"秘密★１０年", 2},
    {"秘密 10年", 2}, {"机密", 3}, {"機密★20年", 3}, {"机密★长期", 3}, {"★机密", 3}, {"机密级", 3}, {"绝密", 4}, {"絕密★30年", 4}, {"绝密★6个月", 4},
    {"解密", -1}, {"秘密不", -1}, {"机密秘密", -1}, {"非常秘密", -1}, {"秘密★年", -1}, {"3", -1}, {"不公开", -1}, {"?", -1}, {"公开?", -1}, {"***", -1}, {"\xE5", -1}, {"㊙", -1},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    Security security = (Security) 99;
    if (security_parse(cases[i].text, &security) != (cases[i].security >= 0)) g_error("%s", cases[i].text);
    g_assert_cmpint((int) security, ==, cases[i].security >= 0 ? cases[i].security : 99);
  }
}

/* What is printed is understood. */
static void test_labels(void) {
  for (int i = 0; i < 4; i++) {
    Opening opening = (Opening) 99;
    g_assert_true(opening_parse(opening_label((Opening) i), &opening));
    g_assert_cmpint((int) opening, ==, i);
  }
  for (int i = 0; i <= SECURITY_TOP; i++) {
    Security security = (Security) 99;
    g_assert_true(security_parse(security_label((Security) i), &security));
    g_assert_cmpint((int) security, ==, i);
  }
  g_assert_cmpstr(level_label(LEVEL_FONDS), ==, "全宗");
  g_assert_cmpstr(level_label(LEVEL_ITEM), ==, "文件");
  g_assert_cmpstr(level_label((Level) 77), ==, "未知");
  g_assert_cmpstr(opening_label((Opening) -1), ==, "未知");
}

static void test_errors(void) {
  g_autoptr(GError) error = NULL;
  g_assert_false(throw(&error, LANTAI_ERROR_CONFLICT, "第 %d 行", 3));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_cmpstr(error->message, ==, "第 3 行");
  g_assert_cmpuint(error_http_status(error), ==, 409);
  g_assert_false(throw(&error, LANTAI_ERROR_DENIED, "后来的不覆盖先前的"));
  g_assert_cmpint(error->code, ==, LANTAI_ERROR_CONFLICT);
  g_assert_null(throw_null(NULL, LANTAI_ERROR_DENIED, "x"));
  g_autoptr(GError) foreign = g_error_new(G_FILE_ERROR, G_FILE_ERROR_NOENT, "x");
  g_assert_cmpuint(error_http_status(foreign), ==, 500);
  g_assert_cmpuint(error_http_status(NULL), ==, 500);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/scope/rule", test_rule);
  g_test_add_func("/scope/files", test_files);
  g_test_add_func("/scope/constants", test_constants);
  g_test_add_func("/scope/opening_words", test_opening_words);
  g_test_add_func("/scope/security_words", test_security_words);
  g_test_add_func("/scope/labels", test_labels);
  g_test_add_func("/scope/errors", test_errors);
  return g_test_run();
}
