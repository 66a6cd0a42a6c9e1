/*
 * What an export is for: asked of who makes it, told in its event, so that the ledgers of use and of published catalogues need not ask again.
 *
 * 1. What goes to a user names who that is. What is to be published holds what the public may see, whoever makes it.
 */
#include "internal.h"
#include "error.h"
#include "json.h"
#include "people.h"
#include "text.h"

typedef struct { const char *name, *hint; } Purpose;
static const Purpose PURPOSES[] = {{PURPOSE_USE, "提供给利用者：自动记入“利用登记”台账"}, {"编研", "本馆编史修志、办展用：自动记入“利用登记”台账"},
  {PURPOSE_PUBLISH, "只含公众看得到的条目：自动在“目录公布”台账记一批，公布后由另一人办结"}, {"移交交换", "移交、报送、与其他系统交换"}, {PURPOSE_WORK, "核对、修改、备份等"}};
static const char *const AIMS[] = {"民生", "编史", "工作", "学术"}, *const WAYS[] = {"来馆", "函电", "网上", "跨馆"};

static gboolean is_one(const char *given, const char *const *words, gsize count) {
  for (gsize i = 0; i < count; i++)
    if (g_strcmp0(given, words[i]) == 0) return TRUE;
  return given == NULL || *given == '\0';
}

json_t *export_purpose_take(const ExportPurpose *given, GError **error) {
  gboolean known = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(PURPOSES); i++) known = known || g_strcmp0(given->purpose, PURPOSES[i].name) == 0;
  if (!known) return throw_null(error, LANTAI_ERROR_INVALID, "请选择用途：提供利用、编研、公布目录、移交交换或内部工作");
  const char *const texts[][2] = {{"user", given->user}, {"body", given->body}, {"way", given->way}, {"aim", given->aim}, {"note", given->note}};
  json_auto_t *taken = json_pack("{s:s}", "purpose", given->purpose);
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *clean = text_clean(texts[i][1] ? texts[i][1] : "", FALSE);
    if (text_length(clean) > 200) return throw_null(error, LANTAI_ERROR_INVALID, "用途的说明过长，每项最多 200 字");
    if (*clean) json_object_set_new(taken, texts[i][0], json_string(clean));
  }
  if (!is_one(text_at(taken, "aim"), AIMS, G_N_ELEMENTS(AIMS)) || !is_one(text_at(taken, "way"), WAYS, G_N_ELEMENTS(WAYS)))
    return throw_null(error, LANTAI_ERROR_INVALID, "利用的目的应为民生、编史、工作、学术之一，方式应为来馆、函电、网上、跨馆之一");
  if (g_str_equal(given->purpose, PURPOSE_USE) && !*text_at(taken, "user") && !*text_at(taken, "body"))
    return throw_null(error, LANTAI_ERROR_INVALID, "提供利用的，请写明利用者或利用者单位");
  return g_steal_pointer(&taken);
}

const Scope *export_purpose_scope(json_t *purpose, const Scope *scope) {
  return g_str_equal(text_at(purpose, "purpose"), PURPOSE_PUBLISH) ? people_scope(NULL) : scope;
}

/* Whether a ledger tells of it: then it may be told that nothing was handed out after all. */
gboolean export_purpose_is_told(json_t *purpose) {
  const char *name = text_at(purpose, "purpose");
  return g_str_equal(name, PURPOSE_USE) || g_str_equal(name, PURPOSE_PUBLISH) || g_str_equal(name, "编研");
}

static json_t *words_model(const char *const *words, gsize count) {
  json_t *list = json_array();
  for (gsize i = 0; i < count; i++) json_array_append_new(list, json_string(words[i]));
  return list;
}

void export_purpose_model(json_t *model) {
  json_t *list = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(PURPOSES); i++) json_array_append_new(list, json_pack("{s:s, s:s}", "name", PURPOSES[i].name, "hint", PURPOSES[i].hint));
  json_object_set_new(model, "purposes", list);
  json_object_set_new(model, "aims", words_model(AIMS, G_N_ELEMENTS(AIMS)));
  json_object_set_new(model, "ways", words_model(WAYS, G_N_ELEMENTS(WAYS)));
}
