/*
 * Whether the result of a conversion may be kept, seen with fresh eyes: nothing that the converter says of itself counts.
 *
 * 1. It is identified as what was asked for, and a PDF declares PDF/A-2, as the policy's targets promise.
 * 2. It opens without a password, has as many pages as wanted, and its first page can be drawn. What could not be found out is no "yes".
 */
#include "internal.h"
#include <glib/gstdio.h>

static const struct { const char *to, *mime, *pdf_a; } EXPECTED[] = {{"pdfa", "application/pdf", "2"}, {"pdf", "application/pdf", "2"},
  {"jpeg", "image/jpeg", ""}, {"jp2", "image/jp2", ""}, {"png", "image/png", ""}};

static gboolean check_examined(json_t *about, const char *pdf_a, GError **error) {
  const char *problem = json_word(about, "problem"), *declared = json_word(about, "pdf_a");
  if (json_is_true(json_object_get(about, "encrypted"))) return throw(error, LANTAI_ERROR_INVALID, "转换结果是加密的，没有采用");
  if (!json_is_true(json_object_get(about, "opens"))) return throw(error, LANTAI_ERROR_INVALID, "转换结果打不开，没有采用：%s", *problem ? problem : "查不出原因");
  if (!g_str_has_prefix(declared, pdf_a))
    return throw(error, LANTAI_ERROR_INVALID, "转换结果没有声明为 PDF/A-%s（声明：%s），没有采用", pdf_a, *declared ? declared : "无");
  return TRUE;
}

gboolean convert_check(const char *made, const char *to, guint wanted_pages, FormatInfo *ret_info, guint *ret_pages, GError **error) {
  const char *pdf_a = "";
  *ret_info = format_identify(made);
  for (guint i = 0; i < G_N_ELEMENTS(EXPECTED); i++) {
    if (!g_str_equal(EXPECTED[i].to, to)) continue;
    if (!g_str_equal(EXPECTED[i].mime, ret_info->mime)) return throw(error, LANTAI_ERROR_INVALID, "转换结果是%s，不是所要的格式，没有采用", ret_info->name);
    pdf_a = EXPECTED[i].pdf_a;
  }
  json_auto_t *about = format_examine(made, NULL, error);
  if (about == NULL || !check_examined(about, pdf_a, error)) return FALSE;
  json_t *pages = json_object_get(about, "pages");
  *ret_pages = pages ? (guint)json_integer_value(pages) : format_page_count(made, ret_info);
  if (*ret_pages == 0 || (wanted_pages != 0 && *ret_pages != wanted_pages))
    return throw(error, LANTAI_ERROR_INVALID, "转换结果有 %u 页，原文有 %u 页，没有采用", *ret_pages, wanted_pages);
  g_autofree char *drawn = g_strconcat(made, ".page", NULL);
  gboolean opens = format_pyramid_make(made, ret_info, 1, drawn, error);
  g_unlink(drawn);
  if (!opens) g_prefix_error(error, "转换结果不能显示，没有采用：");
  return opens;
}
