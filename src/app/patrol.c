/* `lantai patrol`: the 长期保存 checks over all holdings here and now; goes on where a broken-off one was. */
#include "app.h"
#include "error.h"
#include "text.h"

static int patrol_rate = -1;

static const GOptionEntry *patrol_entries(void) {
  static const GOptionEntry entries[] = {
    {"rate", 0, 0, G_OPTION_ARG_INT, &patrol_rate, "每秒最多读多少 MB（0：不限；缺省按计划）", "MB"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  return entries;
}

static const char *word(json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

static json_int_t count_of(json_t *object, const char *key) { return json_integer_value(json_object_get(object, key)); }

static void append_item(GString *text, json_t *item) {
  size_t i;
  json_t *finding;
  if (count_of(item, "failed") == 0) return;
  g_string_append_printf(text, "%s %s：%" JSON_INTEGER_FORMAT " 处不符\n", word(item, "code"), word(item, "name"), count_of(item, "failed"));
  json_array_foreach(json_object_get(item, "findings"), i, finding)
    if (i < 10) g_string_append_printf(text, "  %s　%s　%s\n", word(finding, "code"), word(finding, "path"), word(finding, "reason"));
}

static gboolean run_patrol(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  json_t *patrol = archive ? keep_patrol_now(archive_house(archive), "system", patrol_rate, !line->json, error) : NULL, *item;
  if (patrol == NULL) return FALSE;
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *size = text_size((double)count_of(patrol, "bytes"));
  json_int_t failed = count_of(patrol, "failed");
  size_t i;
  g_string_append_printf(text, "\n%" JSON_INTEGER_FORMAT " 件，%" JSON_INTEGER_FORMAT " 个文件，%s。%s：不通过 %" JSON_INTEGER_FORMAT " 项，有提示 %" JSON_INTEGER_FORMAT
    " 项，待人工确认 %" JSON_INTEGER_FORMAT " 项，未进行 %" JSON_INTEGER_FORMAT " 项\n", count_of(patrol, "records"), count_of(patrol, "files"), size,
    word(patrol, "state_label"), failed, count_of(patrol, "warned"), count_of(patrol, "awaiting"), count_of(patrol, "not_performed"));
  json_array_foreach(json_object_get(patrol, "items"), i, item) append_item(text, item);
  command_print(line, patrol, "%s", text->str);
  return failed == 0 || throw(error, LANTAI_ERROR_INVALID, "长期保存检测有 %" JSON_INTEGER_FORMAT " 项不通过", failed);
}

const Command PATROL_COMMANDS[] = {
  {"patrol", "", "对全部馆藏做长期保存检测；中断后再次运行，从断处继续", patrol_entries, 0, 0, run_patrol},
  {NULL},
};
