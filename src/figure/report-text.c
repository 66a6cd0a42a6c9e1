/* A made report as Markdown and as a web page by itself; what PDF needs besides print/. */
#include "error.h"
#include "format.h"
#include "print.h"
#include "report-internal.h"
#include <gio/gio.h>
#include <string.h>

#define STYLE_MARK "<!--style-->"

/* ---- Markdown ---- */

static void append_escaped(GString *out, const char *text) {
  for (const char *at = text; *at; at++) {
    if (strchr("\\`*_[]<>#|", *at)) g_string_append_c(out, '\\');
    g_string_append_c(out, *at);
  }
}

static void append_table(GString *out, json_t *table) {
  json_t *row, *cell, *run;
  size_t i, k, n;
  json_array_foreach(json_object_get(table, "rows"), i, row) {
    json_t *cells = json_object_get(row, "cells");
    json_array_foreach(cells, k, cell) {
      g_string_append(out, "| ");
      json_array_foreach(json_object_get(cell, "runs"), n, run) append_escaped(out, text_at(run, "text"));
      g_string_append_c(out, ' ');
    }
    g_string_append(out, "|\n");
    for (k = 0; i == 0 && k < json_array_size(cells); k++) g_string_append(out, k + 1 < json_array_size(cells) ? "|---" : "|---|\n");
  }
  g_string_append_c(out, '\n');
}

static void append_markdown(GString *out, json_t *paragraph) {
  json_t *chart = json_object_get(paragraph, "chart");
  if (chart) {
    g_string_append(out, "**");
    append_escaped(out, text_at(chart, "title"));
    const char *unit = text_at(chart, "unit");
    g_string_append_printf(out, "　%s%s%s%s**\n\n", text_at(chart, "label"), *unit ? "（" : "", unit, *unit ? "）" : "");
  }
  if (json_object_get(paragraph, "rows")) return append_table(out, paragraph);
  const char *kind = text_at(paragraph, "kind");
  gboolean heading = kind[0] == 'h', lead = FALSE;
  json_t *run;
  size_t i;
  for (int level = heading ? kind[1] - '0' + 1 : 0; level > 0; level--) g_string_append(out, level == 1 ? "# " : "#");
  json_array_foreach(json_object_get(paragraph, "runs"), i, run) {
    gboolean leads = !heading && json_is_true(json_object_get(run, "lead"));
    if (leads != lead) g_string_append(out, "**");
    lead = leads;
    append_escaped(out, text_at(run, "text"));
  }
  g_string_append(out, lead ? "**\n\n" : "\n\n");
}

char *report_markdown(json_t *report) {
  GString *out = g_string_new("# ");
  json_t *paragraph;
  size_t i;
  append_escaped(out, text_at(report, "heading"));
  g_string_append(out, "\n\n");
  if (*text_at(report, "addressee")) {
    append_escaped(out, text_at(report, "addressee"));
    g_string_append(out, "\n\n");
  }
  json_array_foreach(json_object_get(report, "paragraphs"), i, paragraph) append_markdown(out, paragraph);
  if (*text_at(report, "signed")) {
    append_escaped(out, text_at(report, "signed"));
    g_string_append(out, "  \n");
    append_escaped(out, text_at(report, "dated"));
    g_string_append_c(out, '\n');
  }
  return g_string_free(out, FALSE);
}

/* ---- a web page by itself ---- */

static json_t *shown_runs(json_t *runs, const char *kind, const char *lead, const char *link) {
  json_t *shown = json_array(), *run;
  size_t i;
  json_array_foreach(runs, i, run) {
    json_t *piece = json_pack("{s:O}", "text", json_object_get(run, "text"));
    if (json_object_get(run, "figure")) {
      json_object_set(piece, "figure", json_object_get(run, "figure"));
      json_object_set(piece, "entries", json_object_get(run, "entries"));
      g_autofree char *name = g_uri_escape_string(text_at(run, "figure"), NULL, FALSE);
      if (link) json_object_set_new(piece, "href", json_sprintf("%s%s", link, name));
    }
    if (kind[0] != 'h' && json_is_true(json_object_get(run, "lead"))) json_object_set_new(piece, "lead", json_string(lead));
    json_array_append_new(shown, piece);
  }
  return shown;
}

static json_t *shown_rows(json_t *rows, const char *link) {
  json_t *shown = json_array(), *row, *cell;
  double widths[PRINT_COLUMNS_MAX];
  gboolean numbers[PRINT_COLUMNS_MAX] = {FALSE};
  size_t i, k, columns = json_array_size(json_object_get(json_array_get(rows, 0), "cells"));
  print_table_shape(rows, (guint)columns, 100, widths, numbers);
  json_array_foreach(rows, i, row) {
    json_t *cells = json_array();
    json_array_foreach(json_object_get(row, "cells"), k, cell)
      json_array_append_new(cells, json_pack("{s:o, s:b}", "runs", shown_runs(json_object_get(cell, "runs"), "", "", link), "number",
        k < PRINT_COLUMNS_MAX && numbers[k]));
    json_array_append_new(shown, json_pack("{s:o, s:O}", "cells", cells, "head", json_object_get(row, "head")));
  }
  return shown;
}

GBytes *report_picture(json_t *chart, double *ret_width_mm, double *ret_height_mm) {
  gsize length = 0;
  if (json_object_get(chart, "png") != NULL) {
    guchar *data = g_base64_decode(text_at(chart, "png"), &length);
    *ret_width_mm = json_number_value(json_object_get(chart, "width_mm"));
    *ret_height_mm = json_number_value(json_object_get(chart, "height_mm"));
    return length ? g_bytes_new_take(data, length) : (g_free(data), NULL);
  }
  GBytes *png = print_chart_png(chart, ret_width_mm, ret_height_mm);
  g_autofree char *text = png ? g_base64_encode(g_bytes_get_data(png, NULL), g_bytes_get_size(png)) : g_strdup("");
  json_object_set_new(chart, "png", json_string(text));
  if (png == NULL) return NULL;
  json_object_set_new(chart, "width_mm", json_real(*ret_width_mm));
  json_object_set_new(chart, "height_mm", json_real(*ret_height_mm));
  return png;
}

void report_draw(json_t *report) {
  json_t *paragraph;
  size_t i;
  json_array_foreach(json_object_get(report, "paragraphs"), i, paragraph) {
    double width, height;
    g_autoptr(GBytes) png = json_object_get(paragraph, "chart") ? report_picture(json_object_get(paragraph, "chart"), &width, &height) : NULL;
  }
}

/* The picture as it will be printed, its name for who does not see it, and the figure that it is of. */
static json_t *shown_picture(json_t *paragraph, const char *link) {
  json_t *chart = json_object_get(paragraph, "chart");
  double width, height;
  g_autoptr(GBytes) png = report_picture(chart, &width, &height);
  json_t *picture = json_pack("{s:s, s:s, s:s, s:s}", "title", text_at(chart, "title"), "label", text_at(chart, "label"), "unit", text_at(chart, "unit"), "said",
    text_at(chart, "said"));
  g_autofree char *name = g_uri_escape_string(text_at(paragraph, "figure"), NULL, FALSE);
  if (link) json_object_set_new(picture, "href", json_sprintf("%s%s", link, name));
  if (png == NULL) return picture;
  json_object_set(picture, "png", json_object_get(chart, "png"));
  return picture;
}

json_t *report_shown(json_t *report, const char *link) {
  json_t *shown = json_array(), *paragraph;
  size_t i;
  json_array_foreach(json_object_get(report, "paragraphs"), i, paragraph) {
    const char *kind = text_at(paragraph, "kind");
    json_t *row = json_pack("{s:O, s:b}", "line", json_object_get(paragraph, "line"), kind, TRUE);
    if (g_str_equal(kind, "chart")) {
      json_object_set_new(row, "table", json_true());
      json_object_set_new(row, "picture", shown_picture(paragraph, link));
    }
    if (json_object_get(paragraph, "rows")) json_object_set_new(row, "rows", shown_rows(json_object_get(paragraph, "rows"), link));
    else json_object_set_new(row, "runs", shown_runs(json_object_get(paragraph, "runs"), kind, text_at(paragraph, "lead"), link));
    json_array_append_new(shown, row);
  }
  return shown;
}

char *report_html(json_t *report) {
  g_autoptr(GError) error = NULL;
  const Template *template = template_load("figure/paper", &error);
  g_autoptr(GBytes) style = g_resources_lookup_data("/lantai/ui/static/report.css", G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (template == NULL) {
    g_warning("%s", error->message);
    return NULL;
  }
  json_auto_t *model = json_pack("{s:O, s:o, s:s, s:s, s:s, s:s}", "heading", json_object_get(report, "heading"), "paragraphs",
    report_shown(report, json_string_value(json_object_get(report, "link"))), "addressee", text_at(report, "addressee"), "signed", text_at(report, "signed"), "dated",
    text_at(report, "dated"), "frozen", text_at(report, "frozen"));
  g_autofree char *page = template_render(template, model);
  if (page == NULL) return NULL;
  g_autoptr(GString) whole = g_string_new(page), css = g_string_new("<style>");
  gsize length = 0;
  const char *rules = style ? g_bytes_get_data(style, &length) : "";
  g_string_append_len(css, rules, (gssize)length);
  g_string_append(css, "</style>");
  g_string_replace(whole, STYLE_MARK, css->str, 1);
  return g_string_free(g_steal_pointer(&whole), FALSE);
}

gboolean report_pdf(json_t *report, const char *path, GError **error) {
  g_autoptr(GBytes) pdf = print_official(report, error);
  gsize length = 0;
  const char *data = pdf ? g_bytes_get_data(pdf, &length) : NULL;
  return data != NULL && g_file_set_contents(path, data, (gssize)length, error);
}

/* ---- the tables of a report as a spreadsheet ---- */

static GStrv cells_of(json_t *row) {
  GStrvBuilder *builder = g_strv_builder_new();
  json_t *cell;
  size_t i;
  json_array_foreach(json_object_get(row, "cells"), i, cell) {
    g_autofree char *text = report_paragraph_text(cell);
    g_strv_builder_add(builder, text);
  }
  GStrv cells = g_strv_builder_end(builder);
  g_strv_builder_unref(builder);
  return cells;
}

gboolean report_xlsx(json_t *report, const char *path, GError **error) {
  TableWriter *writer = NULL;
  json_t *paragraph, *row;
  size_t i, k;
  json_array_foreach(json_object_get(report, "paragraphs"), i, paragraph) {
    json_array_foreach(json_object_get(paragraph, "rows"), k, row) {
      g_auto(GStrv) cells = cells_of(row);
      if (writer != NULL) format_xlsx_row_numbers(writer, (const char *const *)cells);
      else if ((writer = format_xlsx_new(path, text_at(report, "name"), (const char *const *)cells, error)) == NULL) return FALSE;
    }
  }
  if (writer == NULL) return throw(error, LANTAI_ERROR_INVALID, "这份报告中没有表格，不能导出电子表格");
  return format_xlsx_close(writer, error);
}
