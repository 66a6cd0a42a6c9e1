/*
 * Fuzz target of figure/: the text of a report's template, filled and looked through, and the YAML of a figure. Any text either has its faults told by line and column or
 * is filled, whatever the figures say.
 */
#include "report-internal.h"
#include "format.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void require(gboolean holds, const char *what) {
  if (!holds) g_error("broken: %s", what);
}

static json_t *look_up(const char *name, gpointer data, GError **error) {
  if (strchr(name, '.') != NULL) return NULL;
  return json_pack("{s:s, s:i, s:s, s:s, s:s, s:i, s:[{s:s, s:i, s:s, s:i}], s:{s:i, s:s}}", "name", name, "value", 12, "text", "10余<次>", "bare", "10余", "unit", "次",
    "entries", 12, "parts", "key", "甲", "value", 3, "text", "3次", "entries", 3, "last", "value", 9, "text", "9次");
}

static void try_template(const char *text) {
  json_auto_t *faults = json_array();
  g_autoptr(GError) failure = NULL;
  ReportTemplate *template = report_template_new(text, faults);
  json_auto_t *names = report_template_names(template);
  json_auto_t *paragraphs = json_array_size(faults) == 0 ? report_template_paragraphs(template, look_up, NULL, &failure) : NULL;
  require(json_is_array(names), "a template has names");
  require(paragraphs != NULL || failure != NULL || json_array_size(faults) > 0, "it is filled, or it is said what is wrong");
  report_template_free(template);
  if (paragraphs == NULL) return;
  json_auto_t *report = json_pack("{s:s, s:s, s:O, s:{}}", "name", "总结", "heading", "总结", "paragraphs", paragraphs, "figures");
  json_auto_t *names_masked = json_pack("{s:s}", "张小明", "谈话"), *found = report_lint_text(report, names_masked);
  require(json_is_array(found), "it is looked through");
  g_autofree char *page = report_html(report), *plain = report_markdown(report);
  require(page != NULL && plain != NULL, "it is printed");
  require(strstr(page, "<script") == NULL, "what was typed is escaped");
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  if (size > 8192) return 0;
  g_autofree char *text = g_strndup((const char *)data, size);
  if (!g_utf8_validate(text, -1, NULL)) return 0;
  try_template(text);
  json_auto_t *figure = yaml_load_text(text, "定义", NULL);
  json_auto_t *faults = figure ? figure_definition_faults(figure, NULL) : NULL;
  require(figure == NULL || json_is_array(faults), "a definition has its faults");
  return 0;
}
