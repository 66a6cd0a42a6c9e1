/*
 * The entries of the demonstration: the files of demo/ledgers, written as data and expanded here, put in place as anybody's entries are.
 *
 * 1. A block is a list of entries, or `repeat: N` of them spread evenly over from … to (`days: weekday`: none on a weekend); the same at every making.
 * 2. In a repeated block a list is taken in turn, item by item; for a field of many values a list of lists. {n} {date} {date+30} {next} {month} {quarter} are filled in.
 * 3. `total` are whole numbers that add up to exactly what is written.
 * 4. today, today-12, today+5 are days counted from the day of loading, for work that is under way.
 * 5. 附件 are names of files: each is drawn as one page that says what it is proof of, and attached when the file is loaded.
 * 6. A turn of a repeated block, and a state, of a day that has not come yet is left out.
 * 7. What an entry names in another ledger it names by its title, of an entry of the same file.
 */
#include "demo.h"
#include "date.h"
#include "error.h"
#include "ledger.h"
#include "json.h"
#include "print.h"
#include "settings.h"
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/lantai/demo/ledgers/"
enum { MOST_REPEATS = 20000 };

typedef struct {
  const char *file;
  GHashTable *titles;    /* "ledger\ntitle" → id */
  const LedgerDefinition *definition;
  json_t *block, *also;  /* borrowed */
  json_t *entries;       /* of the block */
  json_t *proofs;        /* of the file: [{id, title, names}] */
  int *serial;           /* of the file's entries: their key, so that none is loaded twice */
} Loading;

typedef struct { int number, count; GDate day; } Turn; /* number: from 0 */

static const LedgerField *find_field(const Loading *loading, const char *name) {
  const LedgerField *field = ledger_field(loading->definition, name);
  for (size_t i = 0; field == NULL && i < json_array_size(loading->also); i++) {
    const LedgerDefinition *other = ledger_find(json_string_value(json_array_get(loading->also, i)));
    if (other != NULL) field = ledger_field(other, name);
  }
  return field;
}

static char *day_text(const GDate *day) {
  return g_strdup_printf("%04d-%02d-%02d", g_date_get_year(day), (int)g_date_get_month(day), g_date_get_day(day));
}

/* "today-95/today-3" with the days themselves; anything else unchanged. */
static char *days_filled(const char *text) {
  static const char word[] = "today";
  g_autoptr(GString) filled = g_string_new(NULL);
  for (const char *from = text;;) {
    gboolean counted = g_str_has_prefix(from, word);
    char *end = (char *)from + strlen(word);
    gint64 days = counted && (*end == '-' || *end == '+') ? g_ascii_strtoll(end, &end, 10) : 0;
    if (!counted || (*end != '\0' && *end != '/') || ABS(days) > 3660) return g_strdup(text);
    GDate day;
    g_date_clear(&day, 1);
    g_date_set_time_t(&day, (time_t)(clock_now_us() / G_USEC_PER_SEC));
    if (days < 0) g_date_subtract_days(&day, (guint)-days);
    else g_date_add_days(&day, (guint)days);
    g_autofree char *date = day_text(&day);
    g_string_append(filled, date);
    if (*end == '\0') return g_strdup(filled->str);
    g_string_append_c(filled, *end);
    from = end + 1;
  }
}

static void fill_days(json_t *value) {
  size_t i;
  const char *key;
  json_t *member;
  if (json_is_string(value) && g_str_has_prefix(json_string_value(value), "today")) {
    g_autofree char *filled = days_filled(json_string_value(value));
    json_string_set(value, filled);
  }
  if (json_is_array(value)) json_array_foreach(value, i, member) fill_days(member);
  if (json_is_object(value)) json_object_foreach(value, key, member) fill_days(member);
}

/* ---- in turn ---- */

/* {date+30}: so many days after the entry's own. */
static void fill_later(GString *text, const GDate *day) {
  for (char *at; (at = strstr(text->str, "{date+")) != NULL;) {
    char *end = NULL;
    GDate later = *day;
    g_date_add_days(&later, (guint)CLAMP(g_ascii_strtoll(at + strlen("{date+"), &end, 10), 0, 3660));
    g_autofree char *date = day_text(&later);
    gssize from = at - text->str;
    g_string_erase(text, from, end - at + (*end == '}'));
    g_string_insert(text, from, date);
  }
}

static json_t *fill_text(const char *text, const Turn *turn) {
  GDate after = turn->day;
  g_date_add_days(&after, 1);
  g_autofree char *date = day_text(&turn->day), *next = day_text(&after), *number = g_strdup_printf("%d", turn->number + 1);
  g_autofree char *month = g_strdup_printf("%d", (int)g_date_get_month(&turn->day)), *quarter = g_strdup_printf("%d", ((int)g_date_get_month(&turn->day) + 2) / 3);
  g_autoptr(GString) filled = g_string_new(text);
  g_string_replace(filled, "{n}", number, 0);
  g_string_replace(filled, "{date}", date, 0);
  g_string_replace(filled, "{next}", next, 0);
  g_string_replace(filled, "{month}", month, 0);
  g_string_replace(filled, "{quarter}", quarter, 0);
  fill_later(filled, &turn->day);
  return json_string(filled->str);
}

static json_t *fill(json_t *value, const Turn *turn) {
  if (json_is_string(value)) return fill_text(json_string_value(value), turn);
  if (json_is_array(value)) {
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(value); i++) json_array_append_new(list, fill(json_array_get(value, i), turn));
    return list;
  }
  if (!json_is_object(value)) return json_incref(value);
  json_t *object = json_object(), *member;
  const char *key;
  json_object_foreach(value, key, member) json_object_set_new(object, key, fill(member, turn));
  return object;
}

static gboolean holds_list(json_t *list) { return json_is_array(json_array_get(list, 0)); }

/* How many brackets a single value of the field has: [x] of many, [[x, day]] of dated ones and of states. */
static gboolean in_turn(const LedgerField *field, const char *name, json_t *value) {
  if (!json_is_array(value) || json_array_size(value) == 0) return FALSE;
  gboolean history = g_str_equal(name, "状态") || (field != NULL && field->dated);
  if (history) return !holds_list(value) || holds_list(json_array_get(value, 0));
  return field != NULL && (field->many || field->type == FIELD_ROWS) ? holds_list(value) : TRUE;
}

static json_t *value_of_turn(const Loading *loading, const char *name, json_t *value, const Turn *turn) {
  if (in_turn(find_field(loading, name), name, value)) value = json_array_get(value, (size_t)turn->number % json_array_size(value));
  return fill(value, turn);
}

/* The i-th of whole numbers that differ a little and add up: what has been given out up to it, less what up to the one before. */
static gint64 part_of(gint64 total, int number, int count, guint salt) {
  gint64 weights[3] = {0, 0, 0}; /* before it, with it, of all */
  for (int i = 0; i < count; i++) {
    int weight = 80 + (int)(((guint)i * 37 + salt * 11) % 41);
    if (i < number) weights[0] += weight;
    if (i <= number) weights[1] += weight;
    weights[2] += weight;
  }
  return total * weights[1] / weights[2] - total * weights[0] / weights[2];
}

/* ---- one entry ---- */

static json_t *states_until_today(json_t *states) {
  json_t *kept = json_array(), *each;
  size_t i;
  json_array_foreach(states, i, each) {
    const char *day = json_string_value(json_array_get(each, 1));
    DateSpan span = {0, 0};
    if (i == 0 || day == NULL || !date_parse(day, &span) || span.from <= date_today()) json_array_append(kept, each);
  }
  return kept;
}

static void put_states(const Loading *loading, json_t *entry, json_t *values) {
  json_t *state = json_object_get(values, "状态");
  const char *first = loading->definition->states[0].name, *day = json_string_value(json_object_get(values, "日期"));
  DateSpan span = {0, 0};
  if (json_is_array(state)) json_object_set_new(entry, "states", states_until_today(state));
  else if (json_is_string(state) && !g_str_equal(json_string_value(state), first) && day != NULL && date_parse(day, &span))
    json_object_set_new(entry, "states", json_pack("[[s, i], [O, i]]", first, span.from, state, span.from));
  if (json_object_get(entry, "states") != NULL) json_object_del(values, "状态");
}

static json_t *name_to_id(const Loading *loading, const char *ledger, json_t *value) {
  if (json_is_array(value)) {
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(value); i++) json_array_append_new(list, name_to_id(loading, ledger, json_array_get(value, i)));
    return list;
  }
  g_autofree char *key = g_strconcat(ledger, "\n", json_is_string(value) ? json_string_value(value) : "", NULL);
  gpointer id = g_hash_table_lookup(loading->titles, key);
  return id != NULL ? json_integer(GPOINTER_TO_INT(id)) : json_incref(value);
}

static void put_references(const Loading *loading, json_t *values) {
  const char *name;
  json_t *value;
  json_auto_t *changed = json_object();
  json_object_foreach(values, name, value) {
    const LedgerField *field = find_field(loading, name);
    if (field != NULL && field->type == FIELD_ENTRY) json_object_set_new(changed, name, name_to_id(loading, field->ledger, value));
  }
  json_object_update(values, changed);
}

static void add_entry(const Loading *loading, json_t *values) {
  json_t *entry = json_pack("{s:s, s:O}", "ledger", loading->definition->name, "values", values), *unit = json_object_get(loading->block, "unit");
  json_object_set_new(entry, "key", json_sprintf("demo:%s:%d", loading->file, ++*loading->serial));
  if (unit != NULL && json_object_get(values, "单位") == NULL) json_object_set(entry, "unit", unit);
  if (loading->also != NULL) json_object_set(entry, "also", loading->also);
  json_object_set(entry, "proofs", json_object_get(values, "附件"));
  json_object_del(values, "附件");
  put_states(loading, entry, values);
  put_references(loading, values);
  json_array_append_new(loading->entries, entry);
}

/* ---- blocks ---- */

static gboolean get_day(const Loading *loading, const char *key, GDate *ret, GError **error) {
  const char *text = json_string_value(json_object_get(loading->block, key));
  DateSpan span = {0, 0};
  if (text == NULL || !date_parse(text, &span) || span.from == 0)
    return throw(error, LANTAI_ERROR_INVALID, "%s：台账“%s”的 repeat 要有 %s（日期）", loading->file, loading->definition->name, key);
  g_date_set_dmy(ret, (GDateDay)(span.from % 100), (GDateMonth)(span.from / 100 % 100), (GDateYear)(span.from / 10000));
  return TRUE;
}

static void repeat_once(const Loading *loading, const Turn *turn) {
  json_auto_t *values = json_object();
  if (g_date_get_year(&turn->day) * 10000 + (int)g_date_get_month(&turn->day) * 100 + g_date_get_day(&turn->day) > date_today()) return;
  g_autofree char *date = day_text(&turn->day);
  json_object_set_new(values, "日期", json_string(date));
  const char *name;
  json_t *value;
  json_object_foreach(json_object_get(loading->block, "values"), name, value)
    json_object_set_new(values, name, value_of_turn(loading, name, value, turn));
  json_object_foreach(json_object_get(loading->block, "total"), name, value)
    json_object_set_new(values, name, json_integer(part_of(json_integer_value(value), turn->number, turn->count, (guint)g_utf8_strlen(name, -1))));
  add_entry(loading, values);
}

static gboolean repeat(const Loading *loading, GError **error) {
  json_int_t count = json_integer_value(json_object_get(loading->block, "repeat"));
  GDate from, to;
  if (count < 1 || count > MOST_REPEATS) return throw(error, LANTAI_ERROR_INVALID, "%s：repeat 应在 1 到 %d 之间", loading->file, MOST_REPEATS);
  if (!get_day(loading, "from", &from, error) || !get_day(loading, "to", &to, error)) return FALSE;
  gboolean working = g_strcmp0(json_string_value(json_object_get(loading->block, "days")), "weekday") == 0;
  int days = g_date_days_between(&from, &to) + 1;
  for (int i = 0; i < (int)count; i++) {
    Turn turn = {i, (int)count, from};
    g_date_add_days(&turn.day, (guint)((gint64)i * days / count));
    int late = working ? (int)g_date_get_weekday(&turn.day) - (int)G_DATE_FRIDAY : 0;
    if (late > 0) g_date_subtract_days(&turn.day, (guint)MIN(late, g_date_days_between(&from, &turn.day)));
    repeat_once(loading, &turn);
  }
  return TRUE;
}

static void list(const Loading *loading) {
  size_t i;
  json_t *given;
  json_array_foreach(json_object_get(loading->block, "entries"), i, given) {
    json_t *common = json_object_get(loading->block, "values");
    json_auto_t *values = common != NULL ? json_deep_copy(common) : json_object();
    json_object_update(values, given);
    add_entry(loading, values);
  }
}

static void remember(const Loading *loading, GArray *ids) {
  for (guint i = 0; i < ids->len; i++) {
    const char *title = json_string_value(json_object_get(json_object_get(json_array_get(loading->entries, i), "values"), "标题"));
    gpointer id = GINT_TO_POINTER((int)g_array_index(ids, gint64, i));
    if (title != NULL) g_hash_table_replace(loading->titles, g_strconcat(loading->definition->name, "\n", title, NULL), id);
  }
}

static gboolean load_block(Sql *sql, Loading loading, json_t *block, GError **error) {
  const char *name = json_string_value(json_object_get(block, "ledger"));
  json_auto_t *entries = json_array();
  loading.definition = ledger_find(name ? name : "");
  loading.block = block;
  loading.also = json_object_get(block, "also");
  loading.entries = entries;
  if (loading.definition == NULL) return throw(error, LANTAI_ERROR_INVALID, "%s：没有台账“%s”", loading.file, name ? name : "");
  if (json_object_get(block, "repeat") == NULL) list(&loading);
  else if (!repeat(&loading, error)) return FALSE;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  json_auto_t *given = json_deep_copy(entries); /* putting cleans them in place */
  for (size_t i = 0; i < json_array_size(given); i++) json_object_del(json_array_get(given, i), "proofs");
  if (!ledger_entry_put_many(sql, LEDGER_EVERYTHING, "archivist", given, ids, error)) {
    g_prefix_error(error, "%s：台账“%s”：", loading.file, name);
    return FALSE;
  }
  remember(&loading, ids);
  for (guint i = 0; i < ids->len; i++) {
    json_t *entry = json_array_get(entries, i), *names = json_object_get(entry, "proofs");
    if (json_array_size(names) == 0) continue;
    json_array_append_new(loading.proofs, json_pack("{s:I, s:O, s:O?}", "id", (json_int_t)g_array_index(ids, gint64, i), "names", names, "title",
      json_object_get(json_object_get(entry, "values"), "标题")));
  }
  return TRUE;
}

static gboolean attach_proof(const House *house, gint64 entry, const char *title, const char *name, GError **error) {
  json_auto_t *document = json_pack("{s:s, s:s, s:[{s:s, s:i, s:s}, {s:s, s:s}, {s:s, s:s}]}", "title", name, "paper", "A4", "blocks", "kind", "heading", "level", 1,
    "text", name, "kind", "text", "text", title, "kind", "text", "text", "演示用的佐证材料，内容从略。");
  g_autoptr(GBytes) pdf = print_pdf(document, error);
  g_autofree char *path = NULL, *file = g_strconcat(name, ".pdf", NULL);
  int fd = pdf != NULL ? g_file_open_tmp("lantai-proof-XXXXXX", &path, error) : -1;
  if (fd < 0) return FALSE;
  close(fd);
  gboolean good = g_file_set_contents(path, g_bytes_get_data(pdf, NULL), (gssize)g_bytes_get_size(pdf), error) &&
    ledger_entry_attach(house, LEDGER_EVERYTHING, "archivist", entry, file, path, error);
  g_unlink(path);
  return good;
}

static gboolean attach_proofs(const House *house, json_t *proofs, GError **error) {
  size_t i, k;
  json_t *proof, *name;
  json_array_foreach(proofs, i, proof)
    json_array_foreach(json_object_get(proof, "names"), k, name)
      if (!attach_proof(house, json_integer_value(json_object_get(proof, "id")), text_at(proof, "title"), json_string_value(name), error)) return FALSE;
  return TRUE;
}

static gboolean is_loaded(Sql *sql, const char *file, json_t *root) {
  const char *ledger = json_string_value(json_object_get(json_array_get(json_object_get(root, "blocks"), 0), "ledger"));
  const LedgerDefinition *definition = ledger_find(ledger ? ledger : "");
  g_autofree char *key = g_strdup_printf("demo:%s:1", file);
  return definition != NULL && sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> ''",
    SQL_ARGS(sql_int(definition->id), sql_text(key)), 0, NULL) != 0;
}

static gboolean load_file(const House *house, const char *file, GError **error) {
  g_autofree char *path = g_strconcat("demo/ledgers/", file, NULL);
  json_auto_t *root = yaml_load_built_in(path, error);
  g_autoptr(GHashTable) titles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(Sql) sql = root != NULL ? sql_write(house->db, error) : NULL;
  if (sql == NULL) return FALSE;
  int serial = 0;
  json_auto_t *proofs = json_array();
  Loading loading = {.file = file, .titles = titles, .serial = &serial, .proofs = proofs};
  fill_days(root);
  if (is_loaded(sql, file, root)) return throw(error, LANTAI_ERROR_CONFLICT, "演示的台账条目 %s 已经装入过", file);
  size_t i;
  json_t *block;
  json_array_foreach(json_object_get(root, "blocks"), i, block)
    if (!load_block(sql, loading, block, error)) return FALSE;
  if (!sql_commit(sql, error)) return FALSE;
  sql_end(g_steal_pointer(&sql));
  return attach_proofs(house, proofs, error);
}

gboolean demo_ledgers_fill(const House *house, GError **error) {
  g_auto(GStrv) files = g_resources_enumerate_children(FOLDER, 0, error);
  for (char **file = files; file != NULL && *file != NULL; file++)
    if (!load_file(house, *file, error)) return FALSE;
  return files != NULL;
}
