/* Documents on paper, read back with pdftotext and pdfinfo as a reader would. */
#include "error.h"
#include "print.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct { char *text, *info; int pages; } Read;
static void read_clear(Read *r) {
  g_free(r->text);
  g_free(r->info);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Read, read_clear)

static char *run(const char *program, const char *path, const char *last) {
  const char *arguments[] = {program, path, last, NULL};
  char *output = NULL;
  int status;
  GError *error = NULL;
  g_spawn_sync(NULL, (char **)(void *)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, &status, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, 0);
  return output;
}

static Read read_pdf(GBytes *pdf) {
  GError *error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("lantai-print-XXXXXX.pdf", &path, &error);
  g_assert_no_error(error);
  g_close(fd, NULL);
  gsize length;
  const char *data = g_bytes_get_data(pdf, &length);
  g_file_set_contents(path, data, (gssize)length, &error);
  g_assert_no_error(error);
  Read r = {.text = run("pdftotext", path, "-"), .info = run("pdfinfo", path, NULL)};
  const char *pages = strstr(r.info, "Pages:");
  g_assert_nonnull(pages);
  r.pages = (int)g_ascii_strtoll(pages + 6, NULL, 10);
  g_unlink(path);
  return r;
}

static Read print_and_read(json_t *document) {
  GError *error = NULL;
  g_autoptr(GBytes) pdf = print_pdf(document, &error);
  g_assert_no_error(error);
  json_decref(document);
  return read_pdf(pdf);
}

static json_t *parse(const char *text) {
  json_error_t problem;
  json_t *json = json_loads(text, 0, &problem);
  if (json == NULL) g_error("%s: %s", problem.text, text);
  return json;
}

static int occurrences(const char *text, const char *word) {
  int count = 0;
  for (const char *at = text; (at = strstr(at, word)); at += strlen(word)) count++;
  return count;
}

/* Text without white space, since lines break where the cell ends. */
static char *squash(const char *text) {
  GString *out = g_string_new(NULL);
  for (; *text; text++)
    if (!g_ascii_isspace(*text)) g_string_append_c(out, *text);
  return g_string_free(out, FALSE);
}

static void test_all_kinds(void) {
  g_auto(Read) r = print_and_read(parse("{\"title\": \"登记表\", \"footer\": \"批次 7\", \"blocks\": ["
    "{\"kind\": \"heading\", \"text\": \"电子档案登记表\", \"level\": 1}, {\"kind\": \"text\", \"text\": \"一行说明\", \"align\": \"right\"},"
    "{\"kind\": \"fields\", \"columns\": 2, \"fields\": [{\"label\": \"名称\", \"value\": \"甲\", \"span\": 2},"
    "{\"label\": \"数量\", \"value\": 12}, {\"label\": \"单位\", \"value\": \"乙\"}, {\"label\": \"末行\", \"value\": \"丙\"}]},"
    "{\"kind\": \"table\", \"columns\": [{\"title\": \"列一\", \"width\": 2}, {\"title\": \"列二\", \"align\": \"center\"}], "
    "\"rows\": [[\"格一\", \"格二\"], [\"缺一格\"]]},"
    "{\"kind\": \"space\", \"mm\": 10}, "
    "{\"kind\": \"signatures\", \"parties\": [{\"title\": \"移交单位\", \"lines\": [\"签名：\"]}, {\"title\": \"接收单位\", \"lines\": [\"日期：\"]}]},"
    "{\"kind\": \"page\"}, {\"kind\": \"text\", \"text\": \"第二页的话\"}]}"));
  g_assert_cmpint(r.pages, ==, 2);
  static const char *const words[] = {"电子档案登记表", "一行说明", "名称", "12", "末行", "丙", "列一", "列二", "格一", "格二", "缺一格", "移交单位", "签名：", "接收单位", "第二页的话",
    "第1页", "第2页", "共2页", "批次 7"};
  g_autofree char *flat = squash(r.text);
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    g_autofree char *word = squash(words[i]);
    if (strstr(flat, word) == NULL) g_error("“%s” is not in the text:\n%s", words[i], r.text);
  }
  g_assert_nonnull(strstr(r.info, "Title:"));
  g_assert_nonnull(strstr(r.info, "登记表"));
  g_assert_nonnull(strstr(r.info, "595.276 x 841.89"));
}

static json_t *table_of(guint rows, const char *cell) {
  json_t *list = json_array();
  for (guint i = 1; i <= rows; i++) {
    g_autofree char *number = g_strdup_printf("号%05u止", i);
    json_array_append_new(list, json_pack("[s, s]", number, cell));
  }
  return json_pack("{s:s, s:b, s:[{s:s, s:[{s:s, s:i}, {s:s, s:i}], s:o}]}", "title", "长表", "landscape", 1, "blocks", "kind", "table", "columns",
    "title", "表头甲", "width", 1,
    "title", "表头乙", "width", 3, "rows", list);
}

static void test_thousand_rows(void) {
  g_auto(Read) r = print_and_read(table_of(1000, "关于水库加固工程的批复"));
  g_assert_cmpint(r.pages, >, 20);
  g_assert_cmpint(occurrences(r.text, "表头甲"), ==, r.pages);
  for (guint i = 1; i <= 1000; i++) {
    g_autofree char *number = g_strdup_printf("号%05u止", i);
    g_assert_cmpint(occurrences(r.text, number), ==, 1);
  }
  g_assert_nonnull(strstr(r.info, "841.89 x 595.276"));
  g_autofree char *last = g_strdup_printf("第%d页", r.pages);
  g_autofree char *flat = squash(r.text);
  g_assert_nonnull(strstr(flat, last));
}

/* A cell of 10 000 characters, each group of them numbered: all are there, over several pages, in order. */
static void test_long_cell(void) {
  g_autoptr(GString) cell = g_string_new(NULL);
  for (int i = 0; i < 1250; i++) g_string_append_printf(cell, "文%05d字尾", i);
  g_assert_cmpint(g_utf8_strlen(cell->str, -1), >=, 10000);
  g_auto(Read) r = print_and_read(table_of(1, cell->str));
  g_assert_cmpint(r.pages, >, 2);
  g_assert_cmpint(occurrences(r.text, "表头甲"), ==, r.pages);
  g_autofree char *text = squash(r.text);
  for (int i = 0; i < 1250; i++) {
    g_autofree char *word = g_strdup_printf("%05d", i);
    g_assert_cmpint(occurrences(text, word), >=, 1);
  }
}

/* Every kind of block holds a text higher than a page. */
static void test_long_everywhere(void) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (int i = 0; i < 900; i++) g_string_append(text, "长文字");
  g_string_append(text, "末尾");
  static const char *const shapes[] = {"{\"kind\": \"text\", \"text\": \"%s\"}", "{\"kind\": \"heading\", \"text\": \"%s\"}",
    "{\"kind\": \"fields\", \"columns\": 1, \"fields\": [{\"label\": \"%s\", \"value\": \"短\"}]}",
    "{\"kind\": \"table\", \"columns\": [{\"title\": \"%s\", \"width\": 1}, {\"title\": \"乙\", \"width\": 9}], \"rows\": [[\"一\", \"二\"]]}",
    "{\"kind\": \"signatures\", \"parties\": [{\"title\": \"甲\", \"lines\": [\"%s\"]}, {\"title\": \"乙\", \"lines\": []}]}"};
  for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
    g_auto(GStrv) parts = g_strsplit(shapes[i], "%s", 2);
    g_autofree char *document = g_strconcat("{\"title\": \"长\", \"blocks\": [", parts[0], text->str, parts[1], "]}", NULL);
    g_auto(Read) r = print_and_read(parse(document));
    g_assert_cmpint(r.pages, >, 1);
    g_assert_cmpint(r.pages, <, 200);
    g_autofree char *flat = squash(r.text);
    g_assert_nonnull(strstr(flat, "末尾"));
  }
}

static void test_hostile(void) {
  json_t *document = json_pack("{s:s, s:[{s:s, s:s}]}", "title", "敌\xe2\x80\xae意", "blocks", "kind", "fields", "x", "y");
  json_t *fields = json_array();
  static const char *const values[] = {"控制\x01\x02\x1b[31m字符", "שלום עולם", "\xe2\x80\xae倒写\xe2\x80\xac正", "a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85", 
    "<b>&amp;</b>", "{archive.name}",
    "𠮷𡘙", "😀", "", "行一\n行二\r\n行三\t后", "非\xef\xbf\xbe字\xf0\x9f\xbf\xbf符\xef\xb7\x90完"};
  for (guint i = 0; i < G_N_ELEMENTS(values); i++) json_array_append_new(fields, json_pack("{s:s, s:s}", "label", "值", "value", values[i]));
  json_object_set_new(json_array_get(json_object_get(document, "blocks"), 0), "fields", fields);
  g_auto(Read) r = print_and_read(document);
  g_assert_cmpint(r.pages, ==, 1);
  g_assert_nonnull(strstr(r.text, "控制[31m字符"));
  g_assert_nonnull(strstr(r.text, "倒写正"));
  g_assert_nonnull(strstr(r.text, "<b>&amp;</b>"));
  g_assert_nonnull(strstr(r.text, "{archive.name}"));
  g_assert_nonnull(strstr(r.text, "行三"));
  g_assert_nonnull(strstr(r.text, "完"));
  g_assert_null(strchr(r.text, 0x1b));
}

static void test_deterministic(void) {
  g_setenv("LANTAI_NOW", "2026-11-22T06:05:00Z", TRUE);
  json_t *document = table_of(60, "相同");
  g_autoptr(GBytes) a = print_pdf(document, NULL), b = print_pdf(document, NULL);
  g_unsetenv("LANTAI_NOW");
  g_assert_true(g_bytes_equal(a, b));
  json_decref(document);
  g_auto(Read) r = read_pdf(a);
  g_assert_nonnull(strstr(r.info, "2026"));
}

static void test_refused(void) {
  static const struct { const char *document, *message; } cases[] = {
    {"{}", "blocks"}, {"{\"blocks\": [{\"kind\": \"text\", \"text\": \"a\"}, {\"kind\": \"picture\"}]}", "第 2 块"}, {"{\"paper\": \"A3\", \"blocks\": []}", "A4"},
    {"{\"blocks\": [{\"kind\": \"fields\", \"columns\": 9, \"fields\": []}]}", "第 1 块"}, 
    {"{\"blocks\": [{\"kind\": \"table\", \"columns\": [], \"rows\": []}]}", "第 1 块"},
    {"{\"blocks\": [{\"kind\": \"table\", \"columns\": [{\"width\": 1}, {\"width\": 900}], \"rows\": []}]}", "太窄"},
    {"{\"blocks\": [{\"kind\": \"signatures\"}]}", "parties"}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    GError *error = NULL;
    json_t *document = parse(cases[i].document);
    g_assert_null(print_pdf(document, &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, cases[i].message));
    g_error_free(error);
    json_decref(document);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/print/kinds", test_all_kinds);
  g_test_add_func("/print/thousand-rows", test_thousand_rows);
  g_test_add_func("/print/long-cell", test_long_cell);
  g_test_add_func("/print/long-everywhere", test_long_everywhere);
  g_test_add_func("/print/hostile", test_hostile);
  g_test_add_func("/print/deterministic", test_deterministic);
  g_test_add_func("/print/refused", test_refused);
  return g_test_run();
}
