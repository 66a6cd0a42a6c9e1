/* Pages of keeping: what needs attention, formats and their conversion, media. Titles and codes of records only within the asker's scope. */
#include "patrol.h"
#include "print.h"

enum { PAGE = 50 };

/* ---- /keep ---- */

static WebReply *page_home(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *warnings = sql ? keep_warnings(request, sql, error) : NULL;
  if (warnings == NULL) return NULL;
  json_auto_t *patrols = patrol_list(sql, 0, 1, error);
  json_t *model = json_pack("{s:s, s:o, s:o, s:b}", "title", "保管", "warnings", warnings, "disks", warning_disks(), "tab_home", TRUE);
  json_object_set_new(model, "notices", keep_notices(warnings));
  if (patrols == NULL) return json_decref(model), NULL;
  if (json_array_size(patrols)) json_object_set(model, "patrol", json_array_get(patrols, 0));
  return web_model(model);
}

/* ---- formats ---- */

static WebReply *page_risk(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *formats = sql ? formats_holdings(sql, error) : NULL;
  if (formats == NULL) return NULL;
  gint64 files = 0, bytes = 0, convert = 0, converted = 0, watch = 0;
  size_t i;
  json_t *format;
  json_array_foreach(formats, i, format) {
    files += json_number_of(format, "files");
    bytes += json_number_of(format, "bytes");
    if (g_str_equal(json_word(format, "policy"), "convert")) {
      convert += json_number_of(format, "files") - json_number_of(format, "converted");
      converted += json_number_of(format, "converted");
    }
    if (g_str_equal(json_word(format, "policy"), "watch")) watch += json_number_of(format, "files");
  }
  return web_model(json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "title", "格式与风险", "formats", formats,
    "all_files", (json_int_t)files, "all_bytes", (json_int_t)bytes, "convert", (json_int_t)convert, "converted_files",
    (json_int_t)converted, "watch", (json_int_t)watch, "tab_risk", TRUE,
    "may_manage", web_may(request, KEEP_MANAGE)));
}

/* One format: its rule, what a conversion would take, what failed, some of its records. */
static json_t *records_of_format(Sql *sql, const Scope *scope, const char *puid, const char *mime, gint64 *last, GError **error) {
  json_auto_t *rows = sql_json(sql, "SELECT id, record_id, name, size_bytes FROM file WHERE puid = $1 AND mime = $2 AND id > $3 ORDER BY id LIMIT $4",
    SQL_ARGS(sql_text(puid), sql_text(mime), sql_int(*last), sql_int(PAGE)), error);
  json_t *list = rows ? json_array() : NULL, *row;
  size_t i;
  *last = 0;
  json_array_foreach(rows, i, row) {
    if (json_array_size(rows) == PAGE) *last = json_number_of(row, "id");
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, json_number_of(row, "record_id"), NULL);
    if (record == NULL || !scope_admits_files(scope, record->fonds_id, record->security, record->opening)) continue;
    json_object_set_new(row, "code", json_string(record->code));
    json_object_set_new(row, "title", json_string(record->title));
    json_array_append(list, row);
  }
  return list;
}

static WebReply *page_format(WebRequest *request, GError **error) {
  const char *puid = web_text(request, "puid"), *mime = web_text(request, "mime");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *formats = sql ? formats_holdings(sql, error) : NULL;
  size_t i;
  json_t *format, *found = NULL, *largest = json_array_get(formats, 0);
  if (mime == NULL && largest != NULL) { /* none named: the one there is most of */
    puid = json_word(largest, "puid");
    mime = json_word(largest, "mime");
  }
  puid = puid ? puid : "";
  mime = mime ? mime : "";
  json_array_foreach(formats, i, format)
    if (g_str_equal(json_word(format, "puid"), puid) && g_str_equal(json_word(format, "mime"), mime)) found = format;
  if (formats == NULL) return NULL;
  if (found == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "馆藏中没有这种格式的文件");
  gint64 last = web_int(request, "after", 0);
  json_t *plan = convert_plan(sql, puid, mime, error), *failures = plan ? convert_failures(sql, web_scope(request), puid, mime, 0, error) : NULL;
  json_t *records = failures ? records_of_format(sql, web_scope(request), puid, mime, &last, error) : NULL;
  json_t *model = json_pack("{s:s, s:O, s:o?, s:o?, s:o?, s:b, s:b}", "title", json_word(found, "name"), "format", found, "plan", plan, "failures",
    failures, "records", records,
    "tab_risk", TRUE, "may_convert", web_may(request, KEEP_MANAGE) && json_object_get(found, "to") != NULL);
  if (records == NULL) return json_decref(model), NULL;
  if (last) json_object_set_new(model, "next", json_integer(last));
  json_t *assembly = g_str_equal(json_word(found, "kind"), "image") && web_may(request, KEEP_MANAGE) ? assemble_plan(sql, puid, mime, NULL) : NULL;
  if (assembly) json_object_set_new(model, "assembly", assembly);
  return web_model(model);
}

static WebReply *start_conversion(WebRequest *request, GError **error) {
  const char *puid = web_text(request, "puid") ? web_text(request, "puid") : "", *mime = web_text(request, "mime") ? web_text(request, "mime") : "";
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  gint64 file = sql_number(sql, "SELECT id FROM file WHERE puid = $1 AND mime = $2 LIMIT 1", SQL_ARGS(sql_text(puid), sql_text(mime)), 0, &local);
  g_autofree char *kind = file ? sql_string(sql, "SELECT kind FROM file WHERE id = $1", SQL_ARGS(sql_int(file)), &local) : NULL;
  if (kind == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "馆藏中没有这种格式的文件");
  const FormatRule *rule = formats_rule(puid, mime, kind);
  if (*rule->to == '\0') return throw_null(error, LANTAI_ERROR_CONFLICT, "政策没有规定这种格式转换成什么。请在 definitions/formats.yaml 中写明 to");
  const FormatConverter *converter = format_converter(rule->to);
  if (!format_converter_present(converter))
    return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "没有安装 %s，不能转换。请在服务器上安装软件包 %s 后再试", converter->tool, converter->package);
  json_auto_t *parameters = json_pack("{s:s, s:s, s:s}", "puid", puid, "mime", mime, "to", rule->to);
  if (job_queue(sql, "keep.convert", "format", file, parameters, web_actor(request), error) == 0 || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/keep/conversions");
  web_flash(reply, "转换已开始，进度见下");
  return reply;
}

static WebReply *page_conversions(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  gint64 record_id = web_int(request, "record", 0);
  if (sql && record_id && !record_admitted(sql, web_scope(request), record_id, TRUE)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这件档案");
  json_t *list = sql ? convert_list(sql, web_scope(request), record_id, web_int(request, "before", 0), PAGE, error) : NULL;
  if (list == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:o, s:b, s:b}", "title", "格式转换", "conversions", list, "tab_conversions", TRUE, "may_manage", web_may(request, KEEP_MANAGE));
  if (json_array_size(list) == PAGE) json_object_set(model, "next", json_object_get(json_array_get(list, PAGE - 1), "id"));
  gint64 job = sql_number(sql, "SELECT id FROM job WHERE state IN ('queued', 'running') AND kind = 'keep.convert' ORDER BY id DESC LIMIT 1", SQL_NONE, 0, NULL);
  json_t *running = job ? job_load(sql, job, NULL) : NULL;
  if (running) json_object_set_new(running, "running", json_boolean(g_str_equal(json_word(running, "state"), "running")));
  if (running) json_object_set_new(model, "job", running);
  if (record_id) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), record_id, error);
    if (record == NULL) return json_decref(model), NULL;
    gint64 images = assemble_images(sql, record_id, NULL);
    json_object_set_new(model, "of", json_pack("{s:I, s:s, s:s, s:I, s:b}", "id", (json_int_t)record_id, "code", record->code, "title", record->title, "images",
      (json_int_t)images, "may_assemble", images > 1 && !assemble_done(sql, record_id) && web_may(request, KEEP_MANAGE)));
  }
  return web_model(model);
}

static WebReply *start_assembly(WebRequest *request, GError **error) {
  const char *puid = web_text(request, "puid"), *mime = web_text(request, "mime");
  AssembleWish wish = {web_int(request, "record", 0), puid ? puid : "", mime ? mime : ""};
  if (!assemble_queue(web_house(request), web_scope(request), web_actor(request), &wish, error)) return NULL;
  WebReply *reply = wish.record_id ? web_redirect("/keep/conversions?record=%" G_GINT64_FORMAT, wish.record_id) : web_redirect("/keep/conversions");
  web_flash(reply, "合并已开始，进度见下");
  return reply;
}

static WebReply *undo_conversion(WebRequest *request, GError **error) {
  if (!convert_undo(web_house(request), web_scope(request), web_actor(request), web_int(request, "id", 0), error)) return NULL;
  WebReply *reply = web_redirect("/keep/conversions");
  web_flash(reply, "已撤销：转换结果不再属于这件档案，原文未动");
  return reply;
}

static WebReply *print_conversion(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *model = sql ? convert_form(house, sql, web_scope(request), web_int(request, "id", 0), error) : NULL;
  GBytes *pdf = model ? print_form(house->dir, "a3-migration", model, error) : NULL;
  return pdf ? web_bytes(pdf, "application/pdf") : NULL;
}

/* ---- media ---- */

static WebReply *page_media(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *media = sql ? medium_list(sql, error) : NULL;
  if (media == NULL) return NULL;
  gint64 edit = web_int(request, "edit", 0);
  json_t *model = json_pack("{s:s, s:o, s:O, s:b, s:b}", "title", "脱机介质", "media", media, "types", medium_types(), "tab_media", TRUE, "may_manage",
    web_may(request, KEEP_MANAGE)), *medium, *form = json_object();
  size_t i;
  json_array_foreach(media, i, medium)
    if (json_number_of(medium, "id") == edit) json_object_update(form, medium);
  json_object_set_new(model, "form", form);
  json_t *choices = json_array(), *type;
  json_array_foreach(medium_types(), i, type) json_array_append_new(choices, json_pack("{s:s, s:b}", "type", json_word(type, "type"), "held",
    g_str_equal(json_word(type, "type"), json_word(form, "type"))));
  json_object_set_new(model, "types", choices);
  return web_model(model);
}

static WebReply *save_medium(WebRequest *request, GError **error) {
  static const char *const KEYS[] = {"name", "type", "content", "place", "made_on", "checked_on", "check_result", "retired_on"};
  json_auto_t *medium = json_pack("{s:I}", "id", (json_int_t)web_int(request, "id", 0));
  for (guint i = 0; i < G_N_ELEMENTS(KEYS); i++) json_object_set_new(medium, KEYS[i], json_string(web_text(request, KEYS[i]) ? web_text(request, KEYS[i]) : ""));
  if (!medium_put(web_house(request), web_actor(request), medium, error)) return NULL;
  WebReply *reply = web_redirect("/keep/media");
  web_flash(reply, "已登记");
  return reply;
}

static WebReply *print_media(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *media = sql ? medium_list(sql, error) : NULL;
  if (media == NULL) return NULL;
  g_autofree char *now = clock_format(clock_now_us());
  json_auto_t *model = json_pack("{s:o, s:o, s:s}", "archive", settings_archive(house->settings), "media", media, "printed_on", now);
  GBytes *pdf = print_form(house->dir, "a2-media", model, error);
  return pdf ? web_bytes(pdf, "application/pdf") : NULL;
}

/* ---- rows ---- */

static const WebParameter FORMAT_PARAMETERS[] = {{"puid", WEB_TEXT, FALSE, 40, "PRONOM 标识"}, {"mime", WEB_TEXT, FALSE, 200, "格式"}, {"after", WEB_INT,
  FALSE, 0, "起点"}, {NULL}};
static const WebParameter BEFORE_PARAMETERS[] = {{"before", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter CONVERSIONS_PARAMETERS[] = {{"before", WEB_INT, FALSE, 0, "起点"}, {"record", WEB_INT, FALSE, 0, "条目"}, {NULL}};
static const WebParameter ASSEMBLE_PARAMETERS[] = {{"record", WEB_INT, FALSE, 0, "条目"}, {"puid", WEB_TEXT, FALSE, 40, "PRONOM 标识"},
  {"mime", WEB_TEXT, FALSE, 200, "格式"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {NULL}};
static const WebParameter MEDIA_PARAMETERS[] = {{"edit", WEB_INT, FALSE, 0, "编号"}, {NULL}};
static const WebParameter MEDIUM_PARAMETERS[] = {{"id", WEB_INT, FALSE, 0, "编号"}, {"name", WEB_TEXT, FALSE, 100, "介质编号"}, {"type", WEB_TEXT, FALSE, 40, "类型"},
  {"content", WEB_TEXT, FALSE, 1000, "内容"}, {"place", WEB_TEXT, FALSE, 200, "存放位置"}, {"made_on", WEB_TEXT, FALSE, 10, "制成日期"},
  {"checked_on", WEB_TEXT, FALSE, 10, "检查日期"}, {"check_result", WEB_TEXT, FALSE, 500, "检查情况"}, {"retired_on", WEB_TEXT, FALSE, 10, "停用日期"}, {NULL}};
static const WebParameter DISPOSAL_PARAMETERS[] = {{"record", WEB_INT, FALSE, 0, "条目"}, {"codes", WEB_LINES, FALSE, 200000, "档号"}, {"below", WEB_FLAG,
  FALSE, 0, "连同下级"},
  {"kind", WEB_TEXT, FALSE, 20, "类别"}, {"reason", WEB_LINES, FALSE, 2000, "理由"}, {NULL}};
static const WebParameter DECIDE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"verdict", WEB_TEXT, FALSE, 20, "决定"}, {"note", WEB_LINES, FALSE, 2000,
  "意见"}, {NULL}};

const WebRoute KEEP_ROUTES[] = {
  {"GET", "/keep", KEEP_READ, NULL, "keep/home", page_home, "保管"},
  {"GET", "/keep/risk", KEEP_READ, NULL, "keep/risk", page_risk, "格式与风险"},
  {"GET", "/keep/format", KEEP_READ, FORMAT_PARAMETERS, "keep/format", page_format, "格式"},
  {"POST", "/keep/format/convert", KEEP_MANAGE, FORMAT_PARAMETERS, NULL, start_conversion, NULL},
  {"POST", "/keep/assemble", KEEP_MANAGE, ASSEMBLE_PARAMETERS, NULL, start_assembly, NULL},
  {"GET", "/keep/conversions", KEEP_READ, CONVERSIONS_PARAMETERS, "keep/conversions", page_conversions, "格式转换"},
  {"GET", "/keep/conversion/{id}/form.pdf", KEEP_READ, ID_PARAMETERS, NULL, print_conversion, NULL},
  {"POST", "/keep/conversion/{id}/undo", KEEP_MANAGE, ID_PARAMETERS, NULL, undo_conversion, NULL},
  {"GET", "/keep/media", KEEP_READ, MEDIA_PARAMETERS, "keep/media", page_media, "脱机介质"},
  {"POST", "/keep/media", KEEP_MANAGE, MEDIUM_PARAMETERS, NULL, save_medium, NULL},
  {"GET", "/keep/media/form.pdf", KEEP_READ, NULL, NULL, print_media, NULL},
  {"GET", "/keep/disposals", KEEP_READ, BEFORE_PARAMETERS, "keep/disposals", page_disposals, "销毁"},
  {"GET", "/keep/disposal/new", "disposal.request", DISPOSAL_PARAMETERS, "keep/disposal-new", page_disposal_new, "提出销毁"},
  {"POST", "/keep/disposal/new", "disposal.request", DISPOSAL_PARAMETERS, "keep/disposal-new", save_disposal, "提出销毁"},
  {"GET", "/keep/disposal/{id}", KEEP_READ, ID_PARAMETERS, "keep/disposal", page_disposal, "销毁单"},
  {"GET", "/keep/disposal/{id}/form.pdf", KEEP_READ, ID_PARAMETERS, NULL, print_disposal, NULL},
  {"POST", "/keep/disposal/{id}", KEEP_READ, DECIDE_PARAMETERS, NULL, decide_disposal, NULL},
  {NULL},
};
