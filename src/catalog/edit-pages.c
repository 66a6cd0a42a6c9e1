/*
 * The forms: new, edit, delete. The category's own fields come as two parallel lists, key and value, since they are data.
 *
 * 1. A form sends every field (form=1): what is empty is meant to be empty. A JSON client sends what it changes.
 * 2. The form carries the rev it was made from. When the record has another one by now, nothing is saved: 409, with what stands there beside what was typed,
 *    and the form now carries the newer rev.
 * 3. Nobody can give a record a security level or opening status under which they would not see it any more.
 * 4. A refused form comes back with everything that was typed.
 */
#include "code-use.h"
#include "definition.h"
#include "retention.h"
#include "text.h"
#include <string.h>

enum { FOLLOW_TRIES = 100 };

static CatalogPropose propose_hook;
void catalog_set_propose(CatalogPropose propose) { propose_hook = propose; }

/* ---- from the request ---- */

static void set_text(char **place, WebRequest *request, const char *name) {
  const char *value = web_text(request, name);
  if (value == NULL && !web_flag(request, "form")) return;
  g_free(*place);
  *place = g_strdup(value ? value : "");
}

static int choose(const char *name, int current, const char *(*name_of)(int), int last) {
  for (int i = 0; name != NULL && i <= last; i++)
    if (g_str_equal(name_of(i), name)) return i;
  return current;
}
static const char *security_at(int i) { return security_name(i); }
static const char *opening_at(int i) { return opening_name(i); }

static void set_fields(CatalogRecord *record, WebRequest *request) {
  json_auto_t *fields = record_fields(record);
  gsize keys, values;
  const char *const *key = web_list(request, "key", &keys);
  const char *const *value = web_list(request, "value", &values);
  for (gsize i = 0; i < keys; i++) {
    if (key[i][0] == '\0' || common_field(key[i]) != NULL) continue;
    json_object_set_new(fields, key[i], json_string(i < values ? value[i] : "")); /* one empty value alone does not arrive */
  }
  if (web_text(request, "note") != NULL) json_object_set_new(fields, "note", json_string(web_text(request, "note")));
  else if (web_flag(request, "form")) json_object_del(fields, "note");
  g_free(record->fields);
  record->fields = fields_dump(fields);
}

static void set_date(CatalogRecord *record, const char *former) {
  if (g_str_equal(record->date_text, former)) return;
  record->date = (DateSpan){0, 0};
  date_parse(record->date_text, &record->date); /* what is not understood stays as written */
}

/* What was typed for a number, when it is none: the record keeps what it had, and the field comes back with it and with why. */
static void set_number(CatalogRecord *record, const Catalog *catalog, WebRequest *request, const char *key, json_t *refused) {
  const char *text = web_text(request, key);
  if (text == NULL && !web_flag(request, "form")) return;
  g_autofree char *former = catalog_value_get(record, key);
  g_autoptr(GError) problem = NULL;
  if (g_strcmp0(text, former) != 0 && !catalog_value_set(catalog, record, key, text ? text : "", &problem))
    json_object_set_new(refused, key, json_pack("{s:s, s:s}", "value", text, "error", problem->message));
}

/* A new one without 日期 has the date of its category's own, as a delivery takes it: of the public date fields the first that is listed, else the first. */
static void take_own_date(CatalogRecord *record, const CatalogCategory *category) {
  json_auto_t *fields = record_fields(record);
  for (int listed = 1; category != NULL && listed >= 0; listed--)
    for (guint i = 0; i < category->field_count; i++) {
      const CatalogField *field = &category->fields[i];
      const char *value = json_string_value(json_object_get(fields, field->key));
      if (field->staff || field->listed != listed || !g_str_equal(field->type, "date") || value == NULL || value[0] == '\0') continue;
      g_free(record->date_text);
      record->date_text = g_strdup(value);
      return;
    }
}

/* What was sent into the record; ret_refused: {field: {value, error}} of what could not be taken. */
static void fill(CatalogRecord *record, const Catalog *catalog, WebRequest *request, json_t **ret_refused) {
  json_t *refused = *ret_refused = json_object();
  g_autofree char *former_date = g_strdup(record->date_text);
  set_text(&record->code, request, "code");
  set_text(&record->title, request, "title");
  set_text(&record->creator, request, "creator");
  set_text(&record->docno, request, "docno");
  set_text(&record->date_text, request, "date");
  set_text(&record->retention, request, "retention");
  record->security = choose(web_text(request, "security"), record->security, security_at, SECURITY_TOP);
  record->opening = choose(web_text(request, "opening"), record->opening, opening_at, OPENING_DEFERRED);
  set_number(record, catalog, request, "page_count", refused);
  set_fields(record, request);
  if (record->id == 0 && record->level == LEVEL_ITEM && record->date_text[0] == '\0') take_own_date(record, catalog_category(catalog, record->category));
  set_date(record, former_date);
  set_number(record, catalog, request, "year", refused);
  if (record->year == 0 && record->level != LEVEL_FONDS) record->year = record->date.from / 10000;
  if (record->title[0] != '\0') return;
  json_auto_t *fields = record_fields(record);
  char *title = catalog_title_make(catalog_category(catalog, record->category), fields);
  if (title == NULL) return;
  g_free(record->title);
  record->title = title;
}

static gboolean none_refused(json_t *refused, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  const char *key;
  json_t *each;
  json_object_foreach(refused, key, each) g_string_append_printf(text, "%s%s", text->len > 0 ? "；" : "", json_string_value(json_object_get(each, "error")));
  return text->len == 0 || throw(error, LANTAI_ERROR_INVALID, "%s。没有保存", text->str);
}

/* ---- the form's model ---- */

static json_t *option(const char *value, const char *label, gboolean chosen) {
  return json_pack("{s:s, s:s, s:b}", "value", value, "label", label, "chosen", chosen); }

static json_t *input(const char *name, const char *label, const char *value, const char *theirs) {
  json_t *json = json_pack("{s:s, s:s, s:s}", "name", name, "label", label, "value", value);
  if (theirs != NULL && !g_str_equal(theirs, value)) json_object_set_new(json, "theirs", json_string(theirs[0] != '\0' ? theirs : "（空）"));
  return json;
}

static void add_input(json_t *inputs, const char *name, const char *label, const char *value, const char *theirs, const char *flag) {
  json_t *json = input(name, label, value, theirs);
  if (flag != NULL) json_object_set_new(json, flag, json_true());
  json_array_append_new(inputs, json);
}

static json_t *security_options(Security chosen) {
  json_t *options = json_array();
  for (int i = 0; i <= SECURITY_TOP; i++) json_array_append_new(options, option(security_name(i), security_label(i), i == (int)chosen));
  return options;
}

static json_t *opening_options(Opening chosen) {
  json_t *options = json_array();
  for (int i = 0; i <= OPENING_DEFERRED; i++) json_array_append_new(options, option(opening_name(i), opening_label(i), i == (int)chosen));
  return options;
}

static void add_select(json_t *inputs, const char *name, const char *label, json_t *options, const char *theirs_label, const char *label_now) {
  json_t *json = input(name, label, label_now, theirs_label);
  json_object_set_new(json, "options", options);
  json_array_append_new(inputs, json);
}

static char *number_text(int number) { return number == 0 ? g_strdup("") : g_strdup_printf("%d", number); }

static json_t *common_inputs(const CatalogRecord *record, const CatalogRecord *theirs) {
  json_t *inputs = json_array();
  gboolean fonds = record->level == LEVEL_FONDS, class = record->level == LEVEL_CLASS;
  g_autofree char *year = number_text(record->year), *pages = number_text(record->page_count);
  g_autofree char *their_year = theirs ? number_text(theirs->year) : NULL, *their_pages = theirs ? number_text(theirs->page_count) : NULL;
  add_input(inputs, "code", level_word(record->level, "code"), record->code, theirs ? theirs->code : NULL, "required");
  add_input(inputs, "title", level_word(record->level, "title"), record->title, theirs ? theirs->title : NULL, "wide");
  if (record->level < LEVEL_VOLUME) json_object_set_new(json_array_get(inputs, 1), "required", json_true());
  if (!class || record->creator[0] != '\0') add_input(inputs, "creator", level_word(record->level, "creator"), record->creator, theirs ? theirs->creator : NULL, NULL);
  if (!class || record->date_text[0] != '\0')
    add_input(inputs, "date", level_word(record->level, "date"), record->date_text, theirs ? theirs->date_text : NULL, fonds ? "is_span" : "is_date");
  if (record->level < LEVEL_VOLUME) return inputs;
  add_input(inputs, "docno", "文号", record->docno, theirs ? theirs->docno : NULL, NULL);
  add_input(inputs, "year", "年度", year, their_year, "is_number");
  add_input(inputs, "retention", "保管期限", record->retention, theirs ? theirs->retention : NULL, "is_retention");
  add_input(inputs, "page_count", "页数", pages, their_pages, "is_number");
  add_select(inputs, "security", "密级", security_options(record->security), theirs ? security_label(theirs->security) : NULL, security_label(record->security));
  add_select(inputs, "opening", "开放标识", opening_options(record->opening), theirs ? opening_label(theirs->opening) : NULL, opening_label(record->opening));
  return inputs;
}

static void add_own(json_t *inputs, const CatalogField *field, const char *key, const char *label, json_t *fields, json_t *their_fields) {
  const char *value = json_string_value(json_object_get(fields, key)), *theirs = json_string_value(json_object_get(their_fields, key));
  json_t *json = input(key, label, value ? value : "", their_fields ? (theirs ? theirs : "") : NULL);
  if (value != NULL && g_utf8_strlen(value, -1) > 40) json_object_set_new(json, "wide", json_true());
  if (field != NULL) definition_decorate(json, field, value ? value : "");
  json_array_append_new(inputs, json);
}

/* The category's fields in their order, then what else the record has (columns that were not mapped). */
static json_t *own_inputs(const Catalog *catalog, const CatalogCategory *category, const CatalogRecord *record, const CatalogRecord *theirs) {
  json_t *inputs = json_array();
  json_auto_t *fields = record_fields(record);
  json_auto_t *their_fields = theirs ? record_fields(theirs) : NULL;
  for (guint i = 0; category != NULL && i < category->field_count; i++) {
    const CatalogField *field = &category->fields[i];
    if (definition_on_form(field, record->level) || json_object_get(fields, field->key) != NULL)
      add_own(inputs, field, field->key, field->label, fields, their_fields);
  }
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value) {
    gboolean known = g_str_equal(key, "note");
    for (guint i = 0; category != NULL && i < category->field_count; i++) known = known || g_str_equal(category->fields[i].key, key);
    if (!known) add_own(inputs, NULL, key, field_label_former(catalog, category, key), fields, their_fields);
  }
  return inputs;
}

static json_t *note_input(const CatalogRecord *record, const CatalogRecord *theirs) {
  json_auto_t *fields = record_fields(record);
  json_auto_t *their_fields = theirs ? record_fields(theirs) : NULL;
  const char *value = json_string_value(json_object_get(fields, "note")), *their_value = json_string_value(json_object_get(their_fields, "note"));
  return input("note", "备注", value ? value : "", theirs ? (their_value ? their_value : "") : NULL);
}

/* Offered are those that this record may have. */
static json_t *terms_list(const Catalog *catalog, const CatalogRecord *record) {
  json_t *terms = json_array();
  for (guint id = 1; id < 255 && json_array_size(terms) < 30; id++) {
    const char *text = catalog_retention_text(catalog, id);
    g_autofree char *problem = catalog_retention_problem(catalog, catalog_category(catalog, record->category), record->year, text);
    if (text[0] != '\0' && problem == NULL) json_array_append_new(terms, json_string(text));
  }
  return terms;
}

static json_t *form_model(const Catalog *catalog, const CatalogRecord *record, const CatalogRecord *theirs, const GError *problem) {
  const CatalogCategory *category = catalog_category(catalog, record->category);
  json_t *model = json_pack("{s:o, s:o, s:o, s:o, s:s}", "inputs", common_inputs(record, theirs), "own_inputs", own_inputs(catalog, category, record, theirs), "note",
    note_input(record, theirs), "retention_terms", terms_list(catalog, record), "level_label", level_label(record->level));
  if (category != NULL) json_object_set_new(model, "category", json_pack("{s:s, s:s}", "code", category->code, "title", category->title));
  if (problem != NULL) json_object_set_new(model, "problem", json_string(problem->message));
  form_decorate(model, catalog, record, theirs == NULL && problem != NULL);
  json_object_set_new(model, "may_number", json_boolean(record->level >= LEVEL_VOLUME && record->category != 0));
  return model;
}

/* What could not be taken stands in its field again, with why. */
static json_t *with_refused(json_t *model, json_t *refused) {
  size_t i;
  json_t *input;
  json_array_foreach(json_object_get(model, "inputs"), i, input)
    json_object_update(input, json_object_get(refused, json_string_value(json_object_get(input, "name"))));
  return model;
}

/* Why the code breaks its rule, beside its field. */
static json_t *with_code_warning(json_t *model, const House *house, Sql *sql, const CatalogRecord *record) {
  g_autofree char *warning = record->code[0] == '\0' ? NULL : catalog_code_check(house, sql, record, NULL);
  json_t *code = json_array_get(json_object_get(model, "inputs"), 0);
  if (warning != NULL) json_object_set_new(code, "warning", json_string(warning));
  return model;
}

/* The form again, with the next code by the rule in place of what was there; nothing is saved. */
static gboolean number_draft(const House *house, Sql *sql, CatalogRecord *record, GError **error) {
  char *code = catalog_code_generate(house, sql, record, error);
  if (code == NULL) return FALSE;
  g_free(record->code);
  record->code = code;
  return TRUE;
}

static json_t *edit_model(const Catalog *catalog, const CatalogRecord *record, gint64 rev, const CatalogRecord *theirs, const GError *problem) {
  json_t *model = form_model(catalog, record, theirs, problem);
  g_autofree char *action = g_strdup_printf("/record/%" G_GINT64_FORMAT "/edit", record->id), *back = g_strdup_printf("/record/%" G_GINT64_FORMAT, record->id);
  g_autofree char *title = g_strconcat("修改", level_label(record->level), NULL);
  json_object_set_new(model, "title", json_string(title));
  json_object_set_new(model, "action", json_string(action));
  json_object_set_new(model, "back", json_string(back));
  json_object_set_new(model, "rev", json_integer(rev));
  json_object_set_new(model, "conflict", json_boolean(theirs != NULL));
  json_object_set_new(model, "may_go_on", json_boolean(record->level >= LEVEL_VOLUME));
  return model;
}

/* ---- editing ---- */

/* What was delivered and accepted, or has files, is altered only by those who may; what was described by hand and nothing kept for it, by whoever describes. */
static gboolean must_propose(WebRequest *request, const CatalogRecord *record) {
  gboolean registered = record->accession_id != 0 || record->file_count > 0 || record->level < LEVEL_VOLUME;
  return registered && !web_may(request, PERMISSION_EDIT);
}

static json_t *with_proposal(json_t *model, WebRequest *request, const CatalogRecord *record) {
  json_object_set_new(model, "proposes", json_boolean(must_propose(request, record)));
  return model;
}

WebReply *page_record_edit(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) record = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
  if (record == NULL) return NULL;
  json_t *model = edit_model(web_house(request)->catalog, record, record->rev, NULL, NULL);
  return web_model(with_proposal(with_code_warning(model, web_house(request), sql, record), request, record));
}

static CatalogRecord *load_now(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  return sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
}

/* Nobody may save a record out of their own sight. */
static gboolean stays_visible(WebRequest *request, const CatalogRecord *record, GError **error) {
  if (record->level < LEVEL_VOLUME || scope_admits(web_scope(request), record->level, record->fonds_id, record->security, record->opening)) return TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "您无权查看“%s、%s”的档案，不能改成这样。请由有权限的人员修改", security_label(record->security),
    opening_label(record->opening));
}

static gboolean is_form_error(const GError *problem) {
  return g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) || g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID) ||
         g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_TOO_LARGE);
}

static WebReply *saved(const House *house, const CatalogRecord *record) {
  WebReply *reply = web_redirect("/record/%" G_GINT64_FORMAT, record->id);
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  g_autofree char *problem = sql == NULL ? NULL : catalog_code_check(house, sql, record, NULL);
  if (problem != NULL) {
    g_autofree char *warning = g_strdup_printf("已保存。请注意：档号不合规则，%s", problem);
    web_flash(reply, warning);
    return reply;
  }
  gboolean unclear = record->date_text[0] != '\0' && record->date.from == 0;
  g_autofree char *message = unclear ? g_strdup_printf("已保存。日期“%s”未能识别，已照原样保留，不能按日期检索", record->date_text) : g_strdup("已保存");
  web_flash(reply, message);
  return reply;
}

/* Under what names a fonds stands decides what those who work for it alone may see: they do not change it. */
static gboolean may_rename(WebRequest *request, const CatalogRecord *before, const CatalogRecord *after, GError **error) {
  if (before->level != LEVEL_FONDS || web_scope(request)->all_fonds) return TRUE;
  return (g_str_equal(before->code, after->code) && g_str_equal(before->title, after->title)) ||
    throw(error, LANTAI_ERROR_DENIED, "您只负责部分全宗，不能改全宗号和全宗名称。请由负责全馆的人员修改");
}

WebReply *edit_save(WebRequest *request, const CatalogRecord *before, const CatalogRecord *after, gint64 rev, const char *why, GError **error) {
  const House *house = web_house(request);
  if (!may_rename(request, before, after, error)) return NULL;
  if (!must_propose(request, before)) return catalog_record_save(house, web_actor(request), after, rev, error) ? saved(house, after) : NULL;
  if (propose_hook == NULL) return throw_null(error, LANTAI_ERROR_DENIED, "您没有修改的权限");
  if (rev != 0 && before->rev != rev) return throw_null(error, LANTAI_ERROR_CONFLICT, "档案 %s 已被他人修改，您的修改没有保存。请对照后再保存", before->code);
  gint64 id = propose_hook(house, web_scope(request), web_actor(request), before, after, why, error);
  if (id == 0) return NULL;
  WebReply *reply = web_redirect("/revise/%" G_GINT64_FORMAT, id);
  web_flash(reply, "已送审，批准后生效");
  return reply;
}

static gboolean only_files_changed(const House *house, const CatalogRecord *stored, gint64 rev) {
  if (rev == 0 || stored->rev == rev) return FALSE;
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  return sql != NULL && edit_only_files_changed(sql, stored, rev);
}

/* Who changed it last, and when: with whom to speak. */
static void add_other(json_t *model, Sql *sql, gint64 record_id) {
  json_auto_t *events = catalog_history(sql, record_id, 0, 1, NULL);
  json_t *last = json_array_get(events, 0);
  if (last != NULL) json_object_set_new(model, "other", json_pack("{s:O, s:O}", "actor", json_object_get(last, "actor"), "at", json_object_get(last, "at")));
}

/* The form again, with what was typed, what stands there now, and what both were made from. */
static WebReply *conflict_form(WebRequest *request, const CatalogRecord *mine, gint64 rev, json_t *refused, const GError *problem,
  GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) now = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), mine->id, error);
  if (now == NULL) return NULL;
  g_autoptr(CatalogRecord) base = catalog_record_as_of(sql, now, rev, NULL);
  g_autoptr(CatalogRecord) merged = edit_merged(base, now, mine, error);
  if (merged == NULL) return NULL;
  json_t *model = edit_model(house->catalog, merged, now->rev, NULL, problem);
  edit_annotate(model, base, now, mine);
  json_object_set_new(model, "conflict", json_true());
  json_object_set_new(model, "base", json_integer(rev));
  add_other(model, sql, mine->id);
  return web_model_status(with_proposal(with_refused(model, refused), request, now), error_http_status(problem));
}

/* To the next form in a row, when that was asked for. */
static WebReply *onward(WebRequest *request, const CatalogRecord *record, WebReply *taken) {
  if (!web_flag(request, "next") || must_propose(request, record)) return taken;
  g_autoptr(WebReply) reply = taken;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, NULL);
  gint64 next = sql == NULL ? 0 : record_next_seen(sql, web_scope(request), record);
  if (next == 0) return g_steal_pointer(&reply);
  WebReply *onward_reply = web_redirect("/record/%" G_GINT64_FORMAT "/edit", next);
  g_autofree char *message = g_strdup_printf("已保存 %s，接着修改下一件", record->code);
  web_flash(onward_reply, message);
  return onward_reply;
}

WebReply *page_record_save(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(CatalogRecord) stored = load_now(request, error);
  if (stored == NULL) return NULL;
  g_autoptr(CatalogRecord) record = catalog_record_dup(stored);
  json_auto_t *refused = NULL;
  fill(record, house->catalog, request, &refused);
  gint64 rev = web_int(request, "rev", 0);
  g_autoptr(GError) problem = NULL;
  if (web_flag(request, "number")) {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    if (sql == NULL) return NULL;
    gboolean numbered = number_draft(house, sql, record, &problem);
    return web_model_status(with_refused(edit_model(house->catalog, record, rev, NULL, problem), refused), numbered ? 200 : error_http_status(problem));
  }
  if (!edit_take_choices(request, stored, record, &problem)) return conflict_form(request, record, web_int(request, "base", rev), refused, problem, error);
  gint64 expected = only_files_changed(house, stored, rev) ? stored->rev : rev;
  gboolean fits = none_refused(refused, &problem) && stays_visible(request, record, &problem) && catalog_record_fits(house->catalog, stored, record, &problem);
  WebReply *reply = !fits ? NULL :
    edit_save(request, stored, record, expected, "修改著录", &problem);
  if (reply != NULL) return onward(request, record, reply);
  if (!is_form_error(problem)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  g_autoptr(CatalogRecord) now = load_now(request, error);
  if (now == NULL) return NULL;
  if (expected != 0 && now->rev != expected) return conflict_form(request, record, rev, refused, problem, error);
  json_t *model = with_refused(edit_model(house->catalog, record, rev, NULL, problem), refused);
  return web_model_status(with_proposal(model, request, now), error_http_status(problem));
}

/* ---- new ---- */

/* What a new record under this parent is: level, category; parent NULL: a fonds. Without a category one is to be chosen first. */
static CatalogRecord *draft_under(WebRequest *request, const CatalogRecord *parent, GError **error) {
  const Catalog *catalog = web_house(request)->catalog;
  g_autoptr(CatalogRecord) record = catalog_record_new();
  if (parent == NULL) {
    record->level = LEVEL_FONDS;
    return g_steal_pointer(&record);
  }
  if (parent->level == LEVEL_ITEM) return throw_null(error, LANTAI_ERROR_INVALID, "文件之下不能再新建档案");
  const char *code = web_text(request, "category");
  const CatalogCategory *category = parent->category != 0 ? catalog_category(catalog, parent->category) : catalog_category_by_code(catalog, code);
  if (category == NULL && code != NULL) return throw_null(error, LANTAI_ERROR_INVALID, "没有门类“%s”，请从门类列表中选择", code);
  record->parent_id = parent->id;
  record->fonds_id = parent->fonds_id;
  record->category = category != NULL ? category->id : 0;
  const char *level = web_text(request, "level");
  record->level = LEVEL_ITEM;
  if (parent->level < LEVEL_VOLUME && g_strcmp0(level, "volume") == 0) record->level = LEVEL_VOLUME;
  if (parent->level < LEVEL_VOLUME && g_strcmp0(level, "class") == 0) record->level = LEVEL_CLASS;
  return g_steal_pointer(&record);
}

static json_t *category_choices(const Catalog *catalog) {
  guint count;
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  json_t *choices = json_array();
  for (guint i = 0; i < count; i++) json_array_append_new(choices, json_pack("{s:s, s:s}", "code", categories[i]->code, "title", categories[i]->title));
  return choices;
}

static json_t *new_model(const Catalog *catalog, const CatalogRecord *record, const CatalogRecord *parent, const GError *problem) {
  json_t *model = form_model(catalog, record, NULL, problem);
  g_autofree char *title = g_strconcat("新建", level_label(record->level), NULL);
  json_object_set_new(model, "title", json_string(title));
  json_object_set_new(model, "is_new", json_true());
  json_object_set_new(model, "may_go_on", json_boolean(parent != NULL));
  const CatalogCategory *category = catalog_category(catalog, record->category);
  if (category != NULL && category->title_rule != NULL) json_object_set_new(json_array_get(json_object_get(model, "inputs"), 1), "help", json_string("留空则由各著录项拟题"));
  json_object_set_new(model, "action", json_string("/record/new"));
  g_autofree char *back = parent == NULL ? g_strdup("/catalog") : g_strdup_printf("/catalog/%" G_GINT64_FORMAT, parent->id);
  json_object_set_new(model, "back", json_string(back));
  if (parent == NULL) return model;
  json_object_set_new(model, "parent", json_pack("{s:I, s:s, s:s}", "id", (json_int_t)parent->id, "code", parent->code, "title", parent->title));
  if (record->category == 0) json_object_set_new(model, "choices", category_choices(catalog));
  const Level levels[] = {LEVEL_ITEM, LEVEL_VOLUME, LEVEL_CLASS};
  json_t *offered = json_array();
  for (guint i = 0; parent->level < LEVEL_VOLUME && i < G_N_ELEMENTS(levels); i++)
    json_array_append_new(offered, option(level_name(levels[i]), level_label(levels[i]), record->level == levels[i]));
  json_object_set_new(model, "levels", offered);
  json_object_set_new(model, "level", json_string(level_name(record->level)));
  return model;
}

/* The rule that the records of its fonds and category follow; FALSE: none that gives a number to one of its level. */
static gboolean rule_numbers(WebRequest *request, Sql *sql, const CatalogRecord *record, CodeUse *ret) {
  if (record->level < LEVEL_VOLUME || record->category == 0) return FALSE;
  g_auto(CodePlace) place = {0};
  if (!code_use_for(web_house(request)->catalog, sql, record->fonds_id, record->category, ret, NULL) || !code_place_of(sql, ret, record, &place, NULL)) return FALSE;
  code_use_in_place(ret, record, &place);
  return ret->followed && code_number_part(ret->rule, record->level) != NULL;
}

/* Where nobody said: what the rule counts under a class, a volume or an item. */
static Level usual_level(WebRequest *request, Sql *sql, const CatalogRecord *parent, const CatalogRecord *record) {
  g_auto(CodeUse) use = {0};
  return parent->level < LEVEL_VOLUME && rule_numbers(request, sql, record, &use) && use.rule->volume >= 0 ? LEVEL_VOLUME : record->level;
}

/* Beside the code by which rule it is given; then an empty one is numbered when it is saved. */
static void add_rule(WebRequest *request, json_t *model, Sql *sql, const CatalogRecord *record) {
  g_auto(CodeUse) use = {0};
  json_t *code = json_array_get(json_object_get(model, "inputs"), 0);
  gboolean numbers = rule_numbers(request, sql, record, &use);
  if (use.rule == NULL) return;
  json_object_set_new(code, "rule", json_string(use.rule->title));
  json_object_set_new(code, "by_rule", json_boolean(numbers));
  if (numbers) json_object_del(code, "required");
  if (!web_may(request, PERMISSION_RENUMBER)) return;
  json_object_set_new(code, "rule_page", json_sprintf("/codes/%" G_GINT64_FORMAT "/%d/rule", record->fonds_id, record->category));
}

/* A new one with its number, where a rule is followed; else what its code begins with, to be written on. */
static void draft_code(WebRequest *request, Sql *sql, const CatalogRecord *parent, CatalogRecord *record) {
  g_auto(CodeUse) use = {0};
  const CatalogCategory *category = catalog_category(web_house(request)->catalog, record->category);
  if (rule_numbers(request, sql, record, &use)) {
    number_draft(web_house(request), sql, record, NULL);
    return;
  }
  g_free(record->code);
  gboolean first = parent->level == LEVEL_FONDS && record->level == LEVEL_CLASS && category != NULL; /* stands in the category's own class */
  record->code = first ? g_strconcat(parent->code, "-", category->code, "-", NULL) : g_strconcat(parent->code, "-", NULL);
}

/* What lies in a volume is of its year, kept as long and closed as it is, until somebody says otherwise. */
static void take_from_volume(const CatalogRecord *parent, CatalogRecord *record) {
  if (parent->level != LEVEL_VOLUME) return;
  record->year = parent->year;
  record->security = parent->security;
  record->opening = parent->opening;
  if (parent->retention[0] == '\0') return;
  g_free(record->retention);
  record->retention = g_strdup(parent->retention);
}

/* Where typing begins: at the code while it is to be written, else at the title. */
static void focus_first(json_t *model, const CatalogRecord *record) {
  json_t *code = json_array_get(json_object_get(model, "inputs"), 0);
  gboolean open = g_str_has_suffix(record->code, "-") || (record->code[0] == '\0' && !json_is_true(json_object_get(code, "by_rule")));
  json_object_set_new(open ? code : json_array_get(json_object_get(model, "inputs"), 1), "focus", json_true());
}

/* What the program made of the other fields is not what was typed: it is made anew from what is corrected. */
static void as_typed(json_t *model, WebRequest *request) {
  size_t i;
  json_t *input;
  json_array_foreach(json_object_get(model, "inputs"), i, input) {
    const char *name = json_string_value(json_object_get(input, "name"));
    if ((g_str_equal(name, "title") || g_str_equal(name, "date")) && web_text(request, name) == NULL) json_object_set_new(input, "value", json_string(""));
  }
}

/* The form of a new one again, as it was typed; problem NULL: it was only numbered. */
static WebReply *new_again(WebRequest *request, Sql *sql, const CatalogRecord *parent, const CatalogRecord *record, json_t *refused, const GError *problem) {
  gboolean numbering = web_flag(request, "number");
  json_t *model = with_refused(new_model(web_house(request)->catalog, record, parent, numbering ? NULL : problem), refused);
  as_typed(model, request);
  if (parent != NULL) add_rule(request, model, sql, record);
  if (numbering) focus_first(model, record);
  if (numbering && problem != NULL) json_object_set_new(model, "problem", json_string(problem->message));
  return web_model_status(model, problem == NULL ? 200 : error_http_status(problem));
}

/* Where no rule numbers: the number after that of the one before, the next that is free. */
static gboolean follow_code(Sql *sql, CatalogRecord *record, const CatalogRecord *like, GError **error) {
  const char *digits = like->code + strlen(like->code);
  while (digits > like->code && g_ascii_isdigit(digits[-1])) digits--;
  int width = (int)strlen(digits);
  if (width == 0 || width > 9 || like->fonds_id != record->fonds_id || like->level != record->level) return TRUE;
  g_autofree char *prefix = g_strndup(like->code, (gsize)(digits - like->code));
  guint64 number = g_ascii_strtoull(digits, NULL, 10);
  for (guint tries = 1; tries <= FOLLOW_TRIES; tries++) {
    g_autofree char *code = g_strdup_printf("%s%0*" G_GUINT64_FORMAT, prefix, width, number + tries);
    g_autoptr(GError) local = NULL;
    gboolean taken = sql_number(sql, "SELECT id FROM record WHERE fonds_id = $1 AND code = $2", SQL_ARGS(sql_int(record->fonds_id), sql_text(code)), 0, &local) != 0;
    if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
    if (taken) continue;
    g_free(record->code);
    record->code = g_steal_pointer(&code);
    break;
  }
  return TRUE;
}

/* The parent named by the request; NULL without error: none named. */
static CatalogRecord *load_parent(WebRequest *request, Sql *sql, GError **error) {
  gint64 id = web_int(request, "parent", 0);
  return id == 0 ? NULL : catalog_record_load(sql, web_scope(request), id, error);
}

WebReply *page_record_new(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) parent = load_parent(request, sql, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  g_autoptr(CatalogRecord) record = draft_under(request, parent, error);
  if (record == NULL) return NULL;
  if (parent != NULL && web_text(request, "level") == NULL) record->level = usual_level(request, sql, parent, record);
  definition_fill(catalog_category(web_house(request)->catalog, record->category), record);
  if (parent != NULL) take_from_volume(parent, record);
  if (parent != NULL && parent->code[0] != '\0') draft_code(request, sql, parent, record);
  g_autoptr(CatalogRecord) like = web_int(request, "like", 0) == 0 ? NULL : catalog_record_load(sql, web_scope(request), web_int(request, "like", 0), NULL);
  if (like != NULL && web_flag(request, "copy")) edit_copy_from(record, like);
  if (like != NULL && !number_draft(web_house(request), sql, record, NULL) && !follow_code(sql, record, like, error)) return NULL;
  json_t *model = new_model(web_house(request)->catalog, record, parent, NULL);
  g_autofree char *query = web_query_with(request, "copy", "1"), *copy = g_strconcat("/record/new?", query, NULL);
  if (like != NULL) edit_add_like(model, like, copy);
  if (parent != NULL) add_rule(request, model, sql, record);
  focus_first(model, record);
  return web_model(model);
}

/* The form for the next one, when that was asked for. */
static WebReply *created(WebRequest *request, const CatalogRecord *parent, const CatalogRecord *record) {
  if (!web_flag(request, "next") || parent == NULL) return saved(web_house(request), record);
  const CatalogCategory *category = catalog_category(web_house(request)->catalog, record->category);
  WebReply *reply = web_redirect("/record/new?parent=%" G_GINT64_FORMAT "&category=%s&level=%s&like=%" G_GINT64_FORMAT, parent->id,
    category != NULL ? category->code : "", level_name(record->level), record->id);
  g_autofree char *message = g_strdup_printf("已保存 %s，接着新建下一件", record->code);
  web_flash(reply, message);
  return reply;
}

/* Under a fonds a record goes to the class node of its category; what has no number is given one by the rule. */
static gboolean create_in(const House *house, Sql *sql, const char *actor, const CatalogRecord *parent, CatalogRecord *record, GError **error) {
  if (parent != NULL && parent->level == LEVEL_FONDS) {
    if (record->category == 0) return throw(error, LANTAI_ERROR_INVALID, "请先选择门类");
    record->parent_id = catalog_class_ensure(house, sql, actor, parent->id, record->category, error);
    if (record->parent_id == 0) return FALSE;
  }
  if (record->code[0] == '\0' && record->level >= LEVEL_VOLUME && !number_draft(house, sql, record, error)) return FALSE;
  return catalog_record_create(house, sql, actor, record, error) && sql_commit(sql, error);
}

WebReply *page_record_create(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return NULL;
  g_autoptr(GError) problem = NULL;
  g_autoptr(CatalogRecord) parent = load_parent(request, sql, &problem);
  if (problem != NULL) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  g_autoptr(CatalogRecord) record = draft_under(request, parent, error);
  if (record == NULL) return NULL;
  json_auto_t *refused = NULL;
  fill(record, house->catalog, request, &refused);
  if (web_flag(request, "number")) {
    number_draft(house, sql, record, &problem);
    return new_again(request, sql, parent, record, refused, problem);
  }
  if (none_refused(refused, &problem) && stays_visible(request, record, &problem) && catalog_record_fits(house->catalog, NULL, record, &problem) &&
    create_in(house, sql, web_actor(request), parent, record, &problem)) {
    sql_end(g_steal_pointer(&sql));
    return created(request, parent, record);
  }
  if (!is_form_error(problem)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  return new_again(request, sql, parent, record, refused, problem);
}

/* ---- delete ---- */

WebReply *page_record_delete(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_autoptr(CatalogRecord) record = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
  if (record == NULL || !catalog_record_delete(house, sql, web_actor(request), record->id, error) || !sql_commit(sql, error)) return NULL;
  WebReply *reply = record->parent_id == 0 ? web_redirect("/catalog") : web_redirect("/catalog/%" G_GINT64_FORMAT, record->parent_id);
  g_autofree char *message = g_strdup_printf("已删除 %s %s", record->code, record->title);
  web_flash(reply, message);
  return reply;
}
