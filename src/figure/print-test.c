/* A report on paper: DOCX that other programs open, PDF with the standard's page, HTML and Markdown that escape. */
#include "error.h"
#include "print.h"
#include "report-internal.h"
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>

enum { PARAGRAPHS = 60 };

static json_t *sample(void) {
  json_t *paragraphs = json_array();
  json_array_append_new(paragraphs, json_pack("{s:s,s:s,s:i,s:[{s:s,s:b}]}", "kind", "h1", "lead", "h1", "line", 1, "runs", "text", "一、主要工作 <&>", "lead", TRUE));
  for (int i = 0; i < PARAGRAPHS; i++)
    json_array_append_new(paragraphs, json_pack("{s:s,s:s,s:i,s:[{s:s,s:b},{s:s},{s:s,s:s,s:f,s:i},{s:s}]}", "kind", "p", "lead", "h2", "line", i + 2, "runs", "text",
      "（一）抓好学习。", "lead", TRUE, "text", "全年共学习", "text", "27次", "figure", "学习次数", "value", 27.0, "entries", 27, "text",
      "，把党的创新理论与档案工作结合起来，全馆上下认真落实各项部署，推动档案事业在新的一年里取得新的成效*。"));
  json_array_append_new(paragraphs, json_pack("{s:s,s:i,s:[],s:[{s:b,s:[{s:[{s:s}]},{s:[{s:s}]}]},{s:[{s:[{s:s}]},{s:[]}]}]}", "kind", "table", "line", 70,
    "runs", "rows", "head", TRUE, "cells", "runs", "text", "项目", "runs", "text", "数", "cells", "runs", "text", "馆藏", "runs"));
  return json_pack("{s:s,s:s,s:s,s:o,s:s,s:s}", "heading", "市档案馆2023年工作报告", "unit", "市档案馆", "addressee", "市委：", "paragraphs", paragraphs, "signed", "市档案馆", "dated",
    "2023年12月31日");
}

static char *temporary(const char *name) {
  g_autofree char *folder = g_dir_make_tmp("lantai-report-XXXXXX", NULL);
  return g_build_filename(folder, name, NULL);
}

static void forget(const char *path) {
  g_autofree char *folder = g_path_get_dirname(path);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *file = g_build_filename(folder, name, NULL);
    g_unlink(file);
  }
  g_rmdir(folder);
}

static char *run(const char *const *arguments) {
  char *output = NULL;
  int status = -1;
  GError *error = NULL;
  g_spawn_sync(NULL, (char **)(void *)arguments, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output, NULL, &status, &error);
  g_assert_no_error(error);
  g_assert_cmpint(status, ==, 0);
  return output;
}

static int pages_of(const char *pdf) {
  const char *const arguments[] = {"pdfinfo", pdf, NULL};
  g_autofree char *info = run(arguments);
  g_assert_nonnull(strstr(info, "(A4)"));
  return (int)g_ascii_strtoll(strstr(info, "Pages:") + 6, NULL, 10);
}

static char *text_of_pdf(const char *pdf) {
  const char *const arguments[] = {"pdftotext", "-layout", pdf, "-", NULL};
  GString *text = g_string_new(NULL);
  g_autofree char *all = run(arguments);
  g_string_append(text, all);
  g_string_replace(text, " ", "", 0);
  return g_string_free(text, FALSE);
}

static void test_docx(void) {
  static const char *const parts[] = {"[Content_Types].xml", "_rels/.rels", "word/document.xml", "word/_rels/document.xml.rels", "word/styles.xml", "word/settings.xml",
    "word/fontTable.xml", "word/footer1.xml", "word/footer2.xml", "docProps/core.xml"};
  g_autofree char *path = temporary("report.docx");
  json_auto_t *report = sample();
  GError *error = NULL;
  g_assert_true(report_docx(report, path, &error));
  g_assert_no_error(error);
  const char *const list[] = {"unzip", "-Z1", path, NULL};
  g_autofree char *names = run(list);
  g_auto(GStrv) found = g_strsplit(g_strchomp(names), "\n", -1);
  g_assert_cmpuint(g_strv_length(found), ==, G_N_ELEMENTS(parts));
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_assert_true(g_strv_contains((const char *const *)found, parts[i]));
    g_autofree char *pattern = g_strescape(parts[i], NULL);
    const char *const take[] = {"unzip", "-p", path, g_str_has_prefix(parts[i], "[") ? "?Content_Types?.xml" : parts[i], NULL};
    g_autofree char *xml = run(take);
    static const GMarkupParser nothing = {0};
    g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new(&nothing, 0, NULL, NULL);
    g_assert_true(g_markup_parse_context_parse(context, xml, -1, &error) && g_markup_parse_context_end_parse(context, &error));
    g_assert_no_error(error);
  }
  const char *const body[] = {"unzip", "-p", path, "word/document.xml", NULL};
  g_autofree char *xml = run(body);
  g_assert_nonnull(strstr(xml, "一、主要工作 &lt;&amp;&gt;"));
  g_assert_nonnull(strstr(xml, "w:top=\"2098\""));
  g_assert_true(report_docx(report, path, &error)); /* again, over what is there */
  forget(path);
}

static void test_office(void) {
  g_autofree char *office = g_find_program_in_path("soffice");
  if (office == NULL || g_getenv("LANTAI_OFFICE") == NULL) return g_test_skip("LANTAI_OFFICE is not set, or there is no LibreOffice");
  g_autofree char *path = temporary("report.docx"), *folder = g_path_get_dirname(path), *profile = g_strdup_printf("-env:UserInstallation=file://%s/profile", folder);
  json_auto_t *report = sample();
  g_assert_true(report_docx(report, path, NULL));
  const char *const convert[] = {"soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", folder, path, NULL};
  g_autofree char *said = run(convert), *pdf = g_build_filename(folder, "report.pdf", NULL), *text = text_of_pdf(pdf);
  g_assert_cmpint(pages_of(pdf), >=, 8);
  g_assert_nonnull(strstr(text, "市档案馆2023年工作报告"));
  g_assert_nonnull(strstr(text, "—2—"));
}

static void test_pdf(void) {
  g_autofree char *path = temporary("report.pdf");
  json_auto_t *report = sample();
  GError *error = NULL;
  g_assert_true(report_pdf(report, path, &error));
  g_assert_no_error(error);
  /* Three lines of the grid a paragraph, and 22 a page. */
  int pages = pages_of(path);
  g_assert_cmpint(pages, >=, PARAGRAPHS * 3 / 22);
  g_assert_cmpint(pages, <=, PARAGRAPHS * 4 / 22 + 2);
  g_autofree char *text = text_of_pdf(path), *last = g_strdup_printf("—%d—", pages);
  g_assert_nonnull(strstr(text, "—1—"));
  g_assert_nonnull(strstr(text, last));
  g_assert_nonnull(strstr(text, "2023年12月31日"));
  json_object_set_new(report, "heading", json_string("坏字\xef\xbf\xbe也能印"));
  g_assert_true(report_pdf(report, path, &error));
  forget(path);
}

static json_t *table_row(gboolean head, const char *first, const char *second, const char *third) {
  return json_pack("{s:b, s:[{s:[{s:s}]}, {s:[{s:s}]}, {s:[{s:s}]}]}", "head", head, "cells", "runs", "text", first, "runs", "text", second, "runs", "text", third);
}

/* A long table says its head on each page; narrow columns are narrow; numbers are known as such. */
static void test_table(void) {
  g_autofree char *path = temporary("table.pdf");
  json_t *rows = json_array();
  json_array_append_new(rows, table_row(TRUE, "序", "事项名称", "件数"));
  for (int i = 1; i <= 120; i++) {
    g_autofree char *number = g_strdup_printf("%d", i);
    json_array_append_new(rows, table_row(FALSE, number, "馆藏纸质档案数字化加工和质量抽检，按月通报进度并逐项销号", i % 7 ? "1,234件" : "—"));
  }
  double widths[3];
  gboolean numbers[3];
  print_table_shape(rows, 3, 73, widths, numbers);
  g_assert_true(numbers[0] && !numbers[1] && numbers[2]);
  g_assert_cmpfloat(widths[0] + widths[1] + widths[2], <, 73.01);
  g_assert_cmpfloat(widths[1], >, 4 * widths[0]);
  json_auto_t *report = json_pack("{s:s, s:[{s:s, s:i, s:o}]}", "heading", "有长表的报告", "paragraphs", "kind", "table", "line", 1, "rows", rows);
  g_assert_true(report_pdf(report, path, NULL));
  g_autofree char *text = text_of_pdf(path);
  g_auto(GStrv) heads = g_strsplit(text, "事项名称", -1);
  g_assert_cmpint(pages_of(path), >, 3);
  g_assert_cmpint((int)g_strv_length(heads) - 1, ==, pages_of(path));
  forget(path);
}

static void test_html(void) {
  json_auto_t *report = sample();
  json_object_set_new(report, "link", json_string("/report/7/rows?figure="));
  g_autofree char *html = report_html(report);
  g_assert_nonnull(html);
  g_assert_true(g_str_has_prefix(html, "<!DOCTYPE html>"));
  g_assert_nonnull(strstr(html, "一、主要工作 &lt;&amp;&gt;"));
  g_assert_nonnull(strstr(html, "href=\"/report/7/rows?figure=%E5%AD%A6"));
  g_assert_nonnull(strstr(html, "text-indent"));
  json_object_del(report, "link");
  g_autofree char *plain = report_html(report);
  g_assert_null(strstr(plain, "href="));
}

static void test_xlsx(void) {
  g_autofree char *path = temporary("report.xlsx");
  json_auto_t *report = sample();
  json_object_set_new(report, "name", json_string("年报"));
  json_t *cells = json_object_get(json_array_get(json_object_get(json_array_get(json_object_get(report, "paragraphs"), PARAGRAPHS + 1), "rows"), 1), "cells");
  json_object_set_new(json_array_get(cells, 1), "runs", json_pack("[{s:s}]", "text", "1234.5"));
  GError *error = NULL;
  g_assert_true(report_xlsx(report, path, &error));
  g_assert_no_error(error);
  const char *const take[] = {"unzip", "-p", path, "xl/worksheets/sheet1.xml", NULL};
  g_autofree char *xml = run(take);
  g_assert_nonnull(strstr(xml, "<v>1234.5</v>"));
  forget(path);
  json_array_clear(json_object_get(report, "paragraphs"));
  g_assert_false(report_xlsx(report, path, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
}

static void test_markdown(void) {
  json_auto_t *report = sample();
  g_autofree char *text = report_markdown(report);
  g_assert_true(g_str_has_prefix(text, "# 市档案馆2023年工作报告\n\n市委：\n\n## 一、主要工作 \\<&\\>\n\n**（一）抓好学习。**全年共学习27次，"));
  g_assert_nonnull(strstr(text, "成效\\*。\n"));
  g_assert_nonnull(strstr(text, "| 项目 | 数 |\n|---|---|\n| 馆藏 |  |\n"));
  g_assert_true(g_str_has_suffix(text, "市档案馆  \n2023年12月31日\n"));
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "C.UTF-8");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/report/docx", test_docx);
  g_test_add_func("/report/office", test_office);
  g_test_add_func("/report/pdf", test_pdf);
  g_test_add_func("/report/table", test_table);
  g_test_add_func("/report/html", test_html);
  g_test_add_func("/report/xlsx", test_xlsx);
  g_test_add_func("/report/markdown", test_markdown);
  return g_test_run();
}
