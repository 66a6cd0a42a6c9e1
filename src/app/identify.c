/* `lantai identify`: what files are, and whether they open. */
#include "app.h"
#include "error.h"
#include "format.h"
#include "text.h"

static char *remark_text(const json_t *facts, const char *member, const char *before, const char *after) {
  const json_t *value = json_object_get(facts, member);
  if (json_is_integer(value)) return g_strdup_printf("%s%" JSON_INTEGER_FORMAT "%s", before, json_integer_value(value), after);
  return json_is_string(value) && *json_string_value(value) != '\0' ? g_strdup_printf("%s%s%s", before, json_string_value(value), after) : NULL;
}

static void append(GString *line, char *text) {
  if (text != NULL) g_string_append_printf(line, "%s%s", line->len > 0 ? "；" : "", text);
  g_free(text);
}

/* What one should know of a file, in a line: first what is wrong, then its measures. */
static char *remarks(const json_t *facts) {
  g_autoptr(GString) line = g_string_new(NULL);
  const json_t *unknown = json_object_get(facts, "unknown");
  append(line, remark_text(facts, "problem", "", ""));
  if (json_is_true(json_object_get(facts, "encrypted"))) append(line, g_strdup("已加密"));
  if (json_is_false(json_object_get(facts, "name_fits"))) append(line, g_strdup("扩展名与内容不符"));
  if (json_is_true(json_object_get(facts, "external"))) append(line, g_strdup("引用外部内容或带有脚本"));
  append(line, remark_text(facts, "pdf_a", "声明为 PDF/A-", ""));
  append(line, remark_text(facts, "pages", "", " 页"));
  if (json_object_get(facts, "width") != NULL)
    append(line, g_strdup_printf("%" JSON_INTEGER_FORMAT "×%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(facts, "width")),
                                 json_integer_value(json_object_get(facts, "height"))));
  append(line, remark_text(facts, "dpi", "", " dpi"));
  append(line, remark_text(facts, "compression", "", ""));
  if (json_object_get(facts, "duration_ms") != NULL)
    append(line, g_strdup_printf("%.1f 秒", (double)json_integer_value(json_object_get(facts, "duration_ms")) / 1000));
  append(line, remark_text(facts, "codec", "", ""));
  append(line, remark_text(unknown, "opens", "", ""));
  return g_string_free(g_steal_pointer(&line), FALSE);
}

static gboolean run_identify(const CommandLine *line, GError **error) {
  json_t *files = json_array();
  g_autoptr(GString) text = g_string_new("文件\t格式\tPRONOM\t大小\t备注\n");
  guint unread = 0;
  for (int i = 0; i < line->count; i++) {
    g_autoptr(GError) failed = NULL;
    g_autofree char *shown = g_filename_display_name(line->arguments[i]);
    json_t *facts = format_examine(line->arguments[i], NULL, &failed);
    if (facts == NULL) {
      unread++;
      json_array_append_new(files, json_pack("{s:s, s:s}", "file", shown, "error", failed->message));
      g_string_append_printf(text, "%s\t—\t—\t—\t%s\n", shown, failed->message);
      continue;
    }
    g_autofree char *said = remarks(facts);
    const char *puid = json_string_value(json_object_get(facts, "puid"));
    g_autofree char *size = text_size((double)json_integer_value(json_object_get(facts, "size")));
    g_string_append_printf(text, "%s\t%s\t%s\t%s\t%s\n", shown, json_string_value(json_object_get(facts, "format")), *puid == '\0' ? "—" : puid, size, said);
    json_object_set_new(facts, "file", json_string(shown));
    json_array_append_new(files, facts);
  }
  command_print(line, json_pack("{s:o}", "files", files), "%s", text->str);
  return unread == 0 || throw(error, LANTAI_ERROR_INVALID, "有 %u 个文件读不出来", unread);
}

const Command IDENTIFY_COMMANDS[] = {
  {"identify", "文件…", "识别文件的格式，检查能否打开、是否加密、页数和图像参数", NULL, 1, G_MAXINT, run_identify},
  {NULL},
};
