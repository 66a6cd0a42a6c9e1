/*
 * Pages of codes: /codes (how the codes of each fonds and category stand), one category with its gaps, repeats and strays, the choice of its rule,
 * and /record?code= that finds a record by the code it has or had.
 *
 * 1. What is counted and listed is what the asker's scope admits; who does not see everything is told that a gap may be a record closed to him.
 * 2. Lists are paged by key: the series and the number, or the code, last shown. They are worked out anew for each page.
 */
#include "code-survey.h"
#include "fonds.h"
#include "renumber.h"
#include <string.h>

enum { ROWS_SHOWN = 50, OVERVIEW_FONDS = 20, OVERVIEW_RECORDS = 200000, PREVIEW_ROWS = 6, FORMER_SHOWN = 100, WIDTH_MAX = 8 };

/* ---- /codes ---- */

static json_t *group_json(const Catalog *catalog, const CodeGroup *group) {
  const CatalogCategory *category = catalog_category(catalog, group->category);
  json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:b}", "category", group->category, "category_code", category ? category->code : "", "category_title",
    category ? category->title : "无门类", "rule", group->use.rule->key, "rule_title", group->use.rule->title, "chosen", group->use.chosen, "followed",
    group->use.followed);
  json_t *counts = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "count", (int)group->count, "follows", (int)group->follows, "strays",
    (int)(group->count - group->follows), "series", (int)group->series->len, "missing", (int)group->missing, "gaps", (int)group->gaps, "repeats",
    (int)group->repeats, "mixed", (int)group->mixed);
  json_object_update_missing_new(json, counts);
  if (group->use.also != NULL) json_object_set_new(json, "also_title", json_string(group->use.also->title));
  return json;
}

static gboolean sees_everything(const Scope *scope) { return scope->opening_mask == 0xF && scope->security >= SECURITY_SECRET; }

static gboolean add_fonds(json_t *rows, WebRequest *request, Sql *sql, const CatalogRecord *fonds, gsize *records, GError **error) {
  g_autoptr(GPtrArray) groups = code_survey(web_house(request), sql, web_scope(request), fonds, 0, error);
  if (groups == NULL) return FALSE;
  for (guint i = 0; i < groups->len; i++) {
    const CodeGroup *group = groups->pdata[i];
    json_t *row = group_json(web_house(request)->catalog, group);
    json_object_set_new(row, "fonds", json_integer(fonds->id));
    json_object_set_new(row, "fonds_code", json_string(fonds->code));
    json_object_set_new(row, "fonds_title", json_string(fonds->title));
    json_array_append_new(rows, row);
    *records += group->count;
  }
  return TRUE;
}

WebReply *page_codes(WebRequest *request, GError **error) {
  const char *after = web_text(request, "after"), *filter = web_text(request, "filter");
  gboolean more;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(GPtrArray) fonds = sql == NULL ? NULL : fonds_after(request, sql, after ? after : "", &more, error);
  if (fonds == NULL) return NULL;
  json_auto_t *rows = json_array();
  gsize records = 0;
  guint taken = 0;
  for (; taken < fonds->len && json_array_size(rows) < OVERVIEW_FONDS && records < OVERVIEW_RECORDS; taken++)
    if (!add_fonds(rows, request, sql, fonds->pdata[taken], &records, error)) return NULL;
  json_t *model = json_pack("{s:O, s:b, s:b, s:b, s:s}", "rows", rows, "partial", !sees_everything(web_scope(request)), "may_renumber",
    web_may(request, PERMISSION_RENUMBER), "paged", after != NULL, "filter", filter ? filter : "");
  if (taken > 0 && (more || taken < fonds->len)) {
    g_autofree char *query = web_query_with(request, "after", ((const CatalogRecord *)fonds->pdata[taken - 1])->code);
    json_object_set_new(model, "next", json_string(query));
  }
  return web_model(model);
}

/* ---- /codes/{fonds}/{category} ---- */

typedef struct {
  json_t *rows;
  const char *after; /* the key last shown: prefix, TAB, number; or a code */
  char *last;
  gboolean more;
} Listing;

/* TRUE when the row stands behind the key and there is room; keeps its key. */
static gboolean wanted(Listing *list, const char *prefix, guint number) {
  if (list->more) return FALSE;
  g_auto(GStrv) key = g_strsplit(list->after ? list->after : "", "\t", 2);
  if (list->after != NULL) {
    int order = catalog_code_compare(prefix, key[0] ? key[0] : "");
    guint former = key[0] != NULL && key[1] != NULL ? (guint)g_ascii_strtoull(key[1], NULL, 10) : 0;
    if (order < 0 || (order == 0 && number <= former)) return FALSE;
  }
  if (json_array_size(list->rows) == ROWS_SHOWN) return list->more = TRUE, FALSE;
  g_free(list->last);
  list->last = g_strdup_printf("%s\t%u", prefix, number);
  return TRUE;
}

static char *widths_text(guint widths) {
  GString *text = g_string_new(NULL);
  for (guint i = 1; i < 32; i++)
    if (widths & (1u << i)) g_string_append_printf(text, "%s%u", text->len ? "、" : "", i);
  return g_string_free(text, FALSE);
}

static void list_series(Listing *list, const CodeGroup *group, gboolean only_mixed) {
  for (guint i = 0; i < group->series->len; i++) {
    const CodeSeries *series = group->series->pdata[i];
    if ((only_mixed && __builtin_popcount(series->widths) < 2) || !wanted(list, series->prefix, 1)) continue;
    const CodeNumber *first = &g_array_index(series->numbers, CodeNumber, 0), *last = &g_array_index(series->numbers, CodeNumber, series->numbers->len - 1);
    g_autofree char *widths = widths_text(series->widths);
    json_array_append_new(list->rows, json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:s, s:I, s:I}", "prefix", series->prefix, "level",
      level_label(series->level), "count", (int)series->numbers->len, "first", (int)first->number, "last", (int)last->number, "missing", (int)series->missing,
      "repeats", (int)series->repeats, "widths", widths, "first_id", (json_int_t)first->id, "last_id", (json_int_t)last->id));
  }
}

static void list_gaps(Listing *list, const CodeGroup *group) {
  for (guint i = 0; i < group->series->len; i++) {
    const CodeSeries *series = group->series->pdata[i];
    guint expected = 1;
    gint64 before = 0;
    for (guint k = 0; series->gaps > 0 && k < series->numbers->len; k++) {
      const CodeNumber *number = &g_array_index(series->numbers, CodeNumber, k);
      gboolean gap = number->number > expected && (k == 0 || number[-1].count > 0);
      if (gap && wanted(list, series->prefix, expected)) {
        g_autofree char *from = code_number_text(expected, series->width), *to = code_number_text(number->number - 1, series->width);
        json_t *row = json_pack("{s:s, s:s, s:s, s:i, s:b, s:I}", "prefix", series->prefix, "from", from, "to", to, "count", (int)(number->number - expected),
          "range", number->number - expected > 1, "next_id", (json_int_t)number->id);
        if (before != 0) json_object_set_new(row, "before_id", json_integer(before));
        json_array_append_new(list->rows, row);
      }
      expected = MAX(expected, code_number_behind(number));
      before = number->id;
    }
  }
}

static gboolean add_named(Listing *list, WebRequest *request, Sql *sql, gint64 id, const char *why) {
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), id, NULL);
  if (record == NULL) return FALSE;
  json_array_append_new(list->rows, json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)id, "code", record->code, "title", record->title, "why", why));
  return TRUE;
}

static void add_repeat(Listing *list, WebRequest *request, Sql *sql, const CodeSeries *series, const CodeNumber *number) {
  g_autofree char *why = series->pages && number->count > 1
    ? g_strdup_printf("%s 的第 %u–%u 页，页号相叠", series->prefix, number->number, code_number_behind(number) - 1)
    : g_strdup_printf(series->pages ? "%s 的第 %u 页，页号相叠" : "%s 的第 %u 号", series->prefix, number->number);
  add_named(list, request, sql, number->id, why);
}

/* Those that have one number, or whose pages overlap, stand together: a page of the list does not part them. */
static void list_repeats(Listing *list, WebRequest *request, Sql *sql, const CodeGroup *group) {
  for (guint i = 0; i < group->series->len; i++) {
    const CodeSeries *series = group->series->pdata[i];
    for (guint k = 0; series->repeats > 0 && k < series->numbers->len;) {
      const CodeNumber *first = &g_array_index(series->numbers, CodeNumber, k);
      guint count = 1;
      for (guint behind = code_number_behind(first); k + count < series->numbers->len && first[count].number < behind; count++)
        behind = MAX(behind, code_number_behind(&first[count]));
      k += count;
      if (count > 1 && wanted(list, series->prefix, first->number))
        for (guint each = 0; each < count; each++) add_repeat(list, request, sql, series, &first[each]);
    }
  }
}

/* Codes without the rule's form, and then those of another width. */
static gboolean list_strays(Listing *list, WebRequest *request, Sql *sql, const CodeGroup *group, GError **error) {
  for (guint i = 0; i < group->others->len && !list->more; i++) {
    const CodeOther *other = &g_array_index(group->others, CodeOther, i);
    if (!wanted(list, other->code, 1)) continue;
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), other->id, NULL);
    g_auto(CodePlace) place = {0};
    if (record == NULL) continue;
    if (!code_place_of(sql, &group->use, record, &place, error)) return FALSE;
    CodeUse use = code_use_of(&group->use, record->level, record->code);
    g_autofree char *why = code_problem(&use, record, place.volume, place.class_text);
    add_named(list, request, sql, other->id, why ? why : "");
  }
  return TRUE;
}

static CatalogRecord *load_fonds(WebRequest *request, Sql *sql, GError **error) {
  g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, web_scope(request), web_int(request, "fonds", 0), error);
  if (fonds == NULL) return NULL;
  gint64 category = web_int(request, "category", 0);
  if (fonds->level != LEVEL_FONDS || category < 0 || category > 255 || catalog_category(web_house(request)->catalog, category) == NULL)
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个全宗或门类");
  return g_steal_pointer(&fonds);
}

static gboolean list_tab(Listing *list, WebRequest *request, Sql *sql, const CodeGroup *group, const char *show, GError **error) {
  if (g_str_equal(show, "gaps")) list_gaps(list, group);
  else if (g_str_equal(show, "repeats")) list_repeats(list, request, sql, group);
  else if (g_str_equal(show, "widths")) list_series(list, group, TRUE);
  else if (g_str_equal(show, "strays")) return list_strays(list, request, sql, group, error);
  else list_series(list, group, FALSE);
  return TRUE;
}

WebReply *page_code_group(WebRequest *request, GError **error) {
  static const char *const shows[] = {"series", "gaps", "repeats", "widths", "strays", NULL};
  const char *show = web_text(request, "show");
  if (show == NULL || !g_strv_contains(shows, show)) show = "series";
  const Catalog *catalog = web_house(request)->catalog;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = sql == NULL ? NULL : load_fonds(request, sql, error);
  gint64 category = web_int(request, "category", 0);
  g_autoptr(GPtrArray) groups = fonds == NULL ? NULL : code_survey(web_house(request), sql, web_scope(request), fonds, category, error);
  if (groups == NULL) return NULL;
  json_auto_t *rows = json_array();
  Listing list = {.rows = rows, .after = web_text(request, "after")};
  json_t *model = json_pack("{s:O, s:b, s:b, s:b, s:s}", "rows", rows, "partial", !sees_everything(web_scope(request)), "may_renumber",
    web_may(request, PERMISSION_RENUMBER), "paged", list.after != NULL, "show", show);
  json_object_set_new(model, "fonds", json_pack("{s:I, s:s, s:s}", "id", (json_int_t)fonds->id, "code", fonds->code, "title", fonds->title));
  json_object_set_new(model, "category", json_pack("{s:I, s:s}", "id", (json_int_t)category, "title", catalog_category(catalog, category)->title));
  for (guint i = 0; shows[i] != NULL; i++) {
    g_autofree char *tab = g_strconcat("tab_", shows[i], NULL);
    json_object_set_new(model, tab, json_boolean(g_str_equal(show, shows[i])));
  }
  const CodeGroup *group = groups->len == 0 ? NULL : groups->pdata[0];
  if (group != NULL) json_object_set_new(model, "group", group_json(catalog, group));
  gboolean good = group == NULL || list_tab(&list, request, sql, group, show, error);
  if (list.more && list.last != NULL) json_object_set_new(model, "next", json_string(list.last));
  g_free(list.last);
  if (!good) return json_decref(model), NULL;
  return web_model(model);
}

/* ---- the rule ---- */

static guint number_of(const CodeUse *use, const CatalogRecord *record) {
  CodeMatch match;
  if (code_match(use, record->level, record->code, &match)) return match.number;
  const char *digits = record->code + strlen(record->code);
  while (digits > record->code && g_ascii_isdigit(digits[-1])) digits--;
  return (guint)g_ascii_strtoull(digits, NULL, 10);
}

/* The code that the record would have, in the volume's new one; it keeps its number. */
static char *code_by(Sql *sql, const CodeUse *use, const CatalogRecord *record, GError **error) {
  g_auto(CodePlace) place = {0};
  g_autofree char *scope = NULL;
  if (!code_place_of(sql, use, record, &place, error)) return NULL;
  CodeUse own = *use;
  if (code_use_in_place(&own, record, &place))
    return throw_null(error, LANTAI_ERROR_INVALID, "%s，另按“%s”", record->level == LEVEL_VOLUME ? "是案卷" : place.volume ? "在案卷中" : "不在案卷中", own.rule->title);
  if (place.volume != NULL && use->rule->volume >= 0) {
    g_autoptr(CatalogRecord) volume = record_by_id(sql, record->parent_id, error);
    g_free(place.volume);
    place.volume = volume == NULL ? NULL : code_by(sql, use, volume, error);
    if (place.volume == NULL) return NULL;
  }
  g_autofree char *prefix = code_prefix(use, record, place.volume, place.class_text, &scope, error);
  g_autofree char *digits = code_number_text(number_of(use, record), code_width(use, record->level));
  return prefix == NULL ? NULL : g_strconcat(prefix, digits, NULL);
}

/* What the rule would make of some records. */
static json_t *preview_rows(Sql *sql, const Scope *scope, const CodeUse *use, GPtrArray *samples) {
  json_t *rows = json_array();
  guint step = MAX(1, samples->len / PREVIEW_ROWS);
  for (guint i = 0; i < samples->len && json_array_size(rows) < PREVIEW_ROWS; i += step) {
    const CatalogRecord *record = samples->pdata[i];
    if (!scope_admits(scope, record->level, record->fonds_id, record->security, record->opening)) continue;
    g_autoptr(GError) problem = NULL;
    g_autofree char *code = code_by(sql, use, record, &problem);
    json_t *row = json_pack("{s:I, s:s, s:s, s:b}", "id", (json_int_t)record->id, "before", record->code, "after", code ? code : "", "same",
      g_strcmp0(code, record->code) == 0);
    if (problem != NULL) json_object_set_new(row, "problem", json_string(problem->message));
    json_array_append_new(rows, row);
  }
  return rows;
}

/* A code of these records by the rule, best one that is so already; NULL: none of them could have one. */
static const char *example_of(json_t *preview) {
  const char *example = NULL;
  size_t i;
  json_t *row;
  json_array_foreach(preview, i, row) {
    const char *after = json_string_value(json_object_get(row, "after"));
    if (*after == '\0') continue;
    if (json_is_true(json_object_get(row, "same"))) return after;
    if (example == NULL) example = after;
  }
  return example;
}

/* Why none of the records could have a number by the rule; NULL: some could. */
static const char *why_unfit(json_t *preview) {
  const char *why = NULL;
  size_t i;
  json_t *row;
  json_array_foreach(preview, i, row) {
    why = json_string_value(json_object_get(row, "problem"));
    if (why == NULL) return NULL;
  }
  return why;
}

static json_t *rule_json(WebRequest *request, Sql *sql, const CodeUse *holds, const CodeRule *rule, GPtrArray *samples) {
  CodeUse use = *holds;
  guint fits = code_use_fit(&use, rule, samples);
  use.chosen = TRUE; /* as if it were */
  code_use_find_also(web_house(request)->catalog, &use, samples);
  gboolean current = holds->rule == rule;
  if (current) {
    use.volume_width = holds->volume_width;
    use.item_width = holds->item_width;
  }
  json_t *json = json_pack("{s:s, s:s, s:i, s:i, s:b, s:b, s:i, s:i, s:o}", "key", rule->key, "title", rule->title, "fits", (int)fits, "samples",
    (int)samples->len, "current", current, "by_volume", rule->volume >= 0, "volume_width", (int)use.volume_width, "item_width", (int)use.item_width,
    "preview", preview_rows(sql, web_scope(request), &use, samples));
  const char *example = example_of(json_object_get(json, "preview")), *unfit = why_unfit(json_object_get(json, "preview"));
  json_object_set_new(json, "example", json_string(example ? example : rule->example));
  json_object_set_new(json, "example_elsewhere", json_boolean(example == NULL));
  if (unfit == NULL || current) return json;
  json_object_set_new(json, "unfit", json_string(unfit));
  json_object_set_new(json, "preview", json_array());
  return json;
}

WebReply *page_code_rule(WebRequest *request, GError **error) {
  const Catalog *catalog = web_house(request)->catalog;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = sql == NULL ? NULL : load_fonds(request, sql, error);
  gint64 category = web_int(request, "category", 0);
  g_auto(CodeUse) use = {0};
  if (fonds == NULL || !code_use_for(catalog, sql, fonds->id, category, &use, error)) return NULL;
  g_autoptr(GPtrArray) samples = code_samples(sql, fonds->id, category, error);
  if (samples == NULL) return NULL;
  json_t *rules = json_array();
  size_t fit = 0; /* the one in use first, those that suit none of the records last */
  for (guint i = 0; i < code_rules_count(catalog_rules(catalog)); i++) {
    const CodeRule *rule = code_rules_at(catalog_rules(catalog), i);
    json_t *json = rule_json(request, sql, &use, rule, samples);
    gboolean unfit = json_object_get(json, "unfit") != NULL;
    json_array_insert_new(rules, rule == use.rule ? 0 : unfit ? json_array_size(rules) : fit, json);
    fit += !unfit;
  }
  json_t *model = json_pack("{s:o, s:b, s:b}", "rules", rules, "chosen", use.chosen, "followed", use.followed);
  json_object_set_new(model, "fonds", json_pack("{s:I, s:s, s:s}", "id", (json_int_t)fonds->id, "code", fonds->code, "title", fonds->title));
  json_object_set_new(model, "category", json_pack("{s:I, s:s}", "id", (json_int_t)category, "title", catalog_category(catalog, category)->title));
  return web_model(model);
}

static gboolean choose(Sql *sql, gint64 fonds, gint64 category, const char *rule, gint64 volume_width, gint64 item_width, GError **error) {
  return sql_exec(sql,
    "INSERT INTO code_choice (fonds_id, category, rule, volume_width, item_width) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (fonds_id, category) "
    "DO UPDATE SET rule = excluded.rule, volume_width = excluded.volume_width, item_width = excluded.item_width",
    SQL_ARGS(sql_int(fonds), sql_int(category), sql_text(rule), sql_int(volume_width), sql_int(item_width)), error);
}

WebReply *page_code_choose(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const CodeRule *rule = code_rules_find(catalog_rules(house->catalog), web_text(request, "rule"));
  gint64 category = web_int(request, "category", 0), volume = web_int(request, "volume_width", 0), item = web_int(request, "item_width", 0);
  if (rule == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "请选择一条规则");
  if (volume < 0 || volume > WIDTH_MAX || item < 0 || item > WIDTH_MAX) return throw_null(error, LANTAI_ERROR_INVALID, "位数应为 1 至 %d，或不填", WIDTH_MAX);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_autoptr(CatalogRecord) fonds = sql == NULL ? NULL : load_fonds(request, sql, error);
  if (fonds == NULL || !choose(sql, fonds->id, category, rule->key, volume, item, error)) return NULL;
  json_auto_t *data = json_pack("{s:I, s:I, s:s, s:s, s:I, s:I}", "fonds", (json_int_t)fonds->id, "category", (json_int_t)category, "rule", rule->key, "title",
    rule->title, "volume_width", (json_int_t)volume, "item_width", (json_int_t)item);
  if (journal_append(sql, web_actor(request), "code.choose", "record", fonds->id, data, error) == 0 || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/codes/%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, fonds->id, category);
  web_flash(reply, "规则已选定。现有档号没有改动；要改成合规则的，请用“改号”");
  return reply;
}

gboolean catalog_code_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  const char *action = json_string_value(json_object_get(event, "action"));
  json_t *data = json_object_get(event, "data");
  if (g_strcmp0(action, "code.renumber") == 0 || g_strcmp0(action, "code.renumber_undo") == 0) return renumber_replay(house, sql, event, error);
  const char *rule = json_string_value(json_object_get(data, "rule"));
  if (g_strcmp0(action, "code.choose") != 0 || rule == NULL) return throw(error, LANTAI_ERROR_INVALID, "不认识的档号事件“%s”", action ? action : "");
  return choose(sql, json_integer_value(json_object_get(data, "fonds")), json_integer_value(json_object_get(data, "category")), rule,
    json_integer_value(json_object_get(data, "volume_width")), json_integer_value(json_object_get(data, "item_width")), error);
}

/* ---- /record?code= ---- */

WebReply *page_record_find(WebRequest *request, GError **error) {
  const char *code = web_text(request, "code");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  if (code == NULL) return web_model(json_pack("{s:s, s:[]}", "title", "按档号查找", "rows"));
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) record = catalog_record_by_code(sql, web_scope(request), 0, code, &local);
  if (record != NULL) return web_redirect("/record/%" G_GINT64_FORMAT, record->id);
  if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  json_auto_t *found = sql_json(sql, "SELECT record_id AS id FROM record_code_former WHERE code = $1 ORDER BY record_id LIMIT $2",
    SQL_ARGS(sql_text(code), sql_int(FORMER_SHOWN)), error);
  if (found == NULL) return NULL;
  json_t *rows = json_array(), *row;
  size_t i;
  json_array_foreach(found, i, row) {
    g_autoptr(CatalogRecord) former = catalog_record_load(sql, web_scope(request), json_integer_value(json_object_get(row, "id")), NULL);
    if (former != NULL) json_array_append_new(rows, json_pack("{s:I, s:s, s:s}", "id", (json_int_t)former->id, "code", former->code, "title", former->title));
  }
  gboolean none = json_array_size(rows) == 0;
  return web_model_status(json_pack("{s:s, s:s, s:o, s:b}", "title", "按档号查找", "code", code, "rows", rows, "none", none), none ? 404 : 200);
}
