/*
 * One row of a delivered table to its canonical line, with what is wrong with it.
 *
 * 1. The line depends on the values alone: not on file format, encoding, row number or column order; keys are sorted, empty values left out.
 * 2. A row is rejected for what would make it unfindable or unsafe: no key, no title (nor a rule to make one), a security level nobody understands, values
 *    too long,
 *    cells beyond the header. Everything else is kept as written and reported as a warning.
 * 3. Each row gives at most one entry of faults, with its first bad column; further reasons follow in the same entry.
 */
#include "delivery.h"
#include "error.h"
#include "retention.h"
#include "text.h"
#include <string.h>

typedef enum {
  ROLE_IGNORE, ROLE_FIELD, ROLE_CODE, ROLE_TITLE, ROLE_CREATOR, ROLE_DOCNO, ROLE_DATE, ROLE_YEAR, ROLE_RETENTION, ROLE_SECURITY, ROLE_OPENING,
    ROLE_PAGE_COUNT, ROLE_FONDS,
  ROLE_FONDS_TITLE, ROLE_CATEGORY, ROLE_LEVEL, ROLE_VOLUME, ROLE_NOTE, ROLE_FILE, ROLE_PARENT, ROLE_DOCUMENTS, ROLE_COUNT
} Role;

static const struct { const char *field; guint limit; gboolean stored; /* goes into fields under its own key */ } ROLES[ROLE_COUNT] = {
  [ROLE_FIELD] = {NULL, 32767, TRUE}, [ROLE_CODE] = {"code", 200}, [ROLE_TITLE] = {"title", 4000}, [ROLE_CREATOR] = {"creator", 2000},
    [ROLE_DOCNO] = {"docno", 500},
  [ROLE_DATE] = {"date", 200}, [ROLE_YEAR] = {"year", 100}, [ROLE_RETENTION] = {"retention", 50}, [ROLE_SECURITY] = {"security", 100},
    [ROLE_OPENING] = {"opening", 100},
  [ROLE_PAGE_COUNT] = {"page_count", 100}, [ROLE_FONDS] = {"fonds", 50}, [ROLE_FONDS_TITLE] = {"fonds_title", 200}, [ROLE_CATEGORY] = {"category", 100},
  [ROLE_LEVEL] = {"level", 50}, [ROLE_VOLUME] = {"volume", 200, TRUE}, [ROLE_NOTE] = {"note", 32767, TRUE}, [ROLE_FILE] = {"file", 4000, TRUE},
  [ROLE_PARENT] = {"parent", 200}, [ROLE_DOCUMENTS] = {"documents", 1 << 22},
};

typedef struct { /* under which keys a row of one category keeps its columns */
  const char **keys;
  guint *order; /* columns by key */
  const CatalogField **fields; /* by column, NULL: none of the category's own */
} PlanKeys;

typedef struct {
  Role role;
  char *header, *key; /* key: in fields; also for values that were not understood */
  gboolean is_date;
} PlanColumn;

struct RowPlan {
  const Catalog *catalog;
  const CatalogCategory *category;
  gboolean category_given, fonds_given;
  guint width;
  PlanColumn *columns;
  PlanKeys *keys[256]; /* by category id */
  int of[ROLE_COUNT]; /* column of a role, -1 */
  int key, date;      /* visible key; the date: its own column, else the category's first date field */
};

typedef struct {
  const char *column, *value;
  GString *reasons;
} Pending;

typedef struct {
  const RowPlan *plan;
  RowResult *result;
  char **values;     /* cleaned, plan->width of them */
  gboolean *keep;    /* value was not understood: kept in fields as written */
  Pending error, warning;
} RowWork;

/* ---- the plan ---- */

void row_plan_free(RowPlan *plan) {
  if (plan == NULL) return;
  for (guint i = 0; i < plan->width; i++) {
    g_free(plan->columns[i].header);
    g_free(plan->columns[i].key);
  }
  for (guint i = 0; i < G_N_ELEMENTS(plan->keys); i++) {
    if (plan->keys[i] == NULL) continue;
    g_free(plan->keys[i]->keys);
    g_free(plan->keys[i]->order);
    g_free(plan->keys[i]->fields);
    g_free(plan->keys[i]);
  }
  g_free(plan->columns);
  g_free(plan);
}

static Role role_of(const char *field) {
  if (!*field) return ROLE_IGNORE;
  for (Role role = ROLE_CODE; role < ROLE_COUNT; role++)
    if (g_str_equal(ROLES[role].field, field)) return role;
  return ROLE_FIELD;
}

static int compare_keys(gconstpointer a, gconstpointer b, gpointer data) {
  const char **keys = data;
  return strcmp(keys[*(const guint *)a], keys[*(const guint *)b]);
}

/* In a table of several categories each row's own columns are those of its category, by their labels; another category's are kept under their headers. */
static const char *key_within(const RowPlan *plan, const CatalogCategory *category, const PlanColumn *column) {
  if (category == plan->category || (column->role != ROLE_FIELD)) return column->key;
  for (guint i = 0; i < category->field_count; i++)
    if (g_str_equal(category->fields[i].label, column->header)) return category->fields[i].key;
  return column->header;
}

static PlanKeys *keys_new(const RowPlan *plan, const CatalogCategory *category) {
  PlanKeys *keys = g_new(PlanKeys, 1);
  keys->keys = g_new(const char *, plan->width + 1);
  keys->order = g_new(guint, plan->width + 1);
  keys->fields = g_new0(const CatalogField *, plan->width + 1);
  for (guint i = 0; i < plan->width; i++) {
    keys->keys[i] = key_within(plan, category, &plan->columns[i]);
    keys->order[i] = i;
    for (guint f = 0; f < category->field_count; f++)
      if (plan->columns[i].role == ROLE_FIELD && g_str_equal(category->fields[f].key, keys->keys[i])) keys->fields[i] = &category->fields[f];
  }
  g_qsort_with_data(keys->order, (int)plan->width, sizeof *keys->order, compare_keys, keys->keys);
  return keys;
}

static void plan_column(RowPlan *plan, guint i, json_t *json) {
  PlanColumn *column = &plan->columns[i];
  const char *field = text_at(json, "field");
  column->role = role_of(field);
  column->header = g_strdup(text_at(json, "header"));
  column->key = g_strdup(g_str_equal(field, KEEP_FIELD) || !ROLES[column->role].stored ? column->header : field);
  for (guint f = 0; f < plan->category->field_count; f++)
    column->is_date |= column->role == ROLE_FIELD && g_str_equal(plan->category->fields[f].key, field) && g_str_equal(plan->category->fields[f].type, "date");
  if (column->role > ROLE_FIELD && plan->of[column->role] < 0) plan->of[column->role] = (int)i;
}

/* Where a record's date stands: the column of that name, else of the category's public date fields the first that is listed, else the first; never a birthday
 * that readers may not see. -1: nowhere. */
static int date_column(const RowPlan *plan) {
  if (plan->of[ROLE_DATE] >= 0) return plan->of[ROLE_DATE];
  for (guint pass = 0; pass < 2; pass++)
    for (guint f = 0; f < plan->category->field_count; f++) {
      const CatalogField *field = &plan->category->fields[f];
      if (field->staff || (pass == 0 && !field->listed)) continue;
      for (guint i = 0; i < plan->width; i++)
        if (plan->columns[i].is_date && g_str_equal(plan->columns[i].key, field->key)) return (int)i;
    }
  return -1;
}

RowPlan *row_plan_new(const Catalog *catalog, json_t *layout, int key_column, const char *category, const char *fonds, GError **error) {
  g_autoptr(RowPlan) plan = g_new0(RowPlan, 1);
  const char *code = *category ? category : text_at(layout, "category");
  plan->catalog = catalog;
  plan->category = catalog_category_by_code(catalog, code);
  if (plan->category == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "没有门类“%s”。请在导入页面上选择门类", code);
  plan->category_given = *category != '\0';
  if (layout_column_of(layout, "title") < 0 && layout_column_of(layout, "category") < 0 && plan->category->title_rule == NULL)
    return throw_null(error, LANTAI_ERROR_INVALID, "没有一列对应到题名，%s也没有据以拟写题名的规则。请在字段对应中选出题名所在的列", plan->category->title);
  plan->fonds_given = *fonds != '\0';
  json_t *columns = json_object_get(layout, "columns"), *column;
  guint count = (guint)json_array_size(columns);
  plan->columns = g_new0(PlanColumn, count);
  plan->width = count;
  plan->key = key_column;
  for (guint i = 0; i < ROLE_COUNT; i++) plan->of[i] = -1;
  size_t i;
  json_array_foreach(columns, i, column) plan_column(plan, (guint)i, column);
  plan->date = date_column(plan);
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  for (guint c = 0; c < count; c++) plan->keys[categories[c]->id] = keys_new(plan, categories[c]);
  return g_steal_pointer(&plan);
}

/* ---- faults ---- */

void row_fault(GString *faults, guint row, const char *column, const char *value, const char *reason, gboolean warning) {
  g_string_append_printf(faults, "{\"row\":%u,\"column\":", row);
  text_json_append(faults, column);
  g_string_append(faults, ",\"value\":");
  const char *cut = g_utf8_strlen(value, -1) > 200 ? g_utf8_offset_to_pointer(value, 200) : value + strlen(value);
  g_autofree char *shown = g_strdup_printf("%.*s%s", (int)(cut - value), value, *cut ? "…" : "");
  text_json_append(faults, shown);
  g_string_append(faults, ",\"reason\":");
  text_json_append(faults, reason);
  g_string_append(faults, warning ? ",\"warning\":true}\n" : "}\n");
}

static void complain(RowWork *work, gboolean warning, int column, const char *reason) {
  Pending *pending = warning ? &work->warning : &work->error;
  const char *header = column >= 0 ? work->plan->columns[column].header : "";
  if (pending->reasons) {
    g_string_append_printf(pending->reasons, "；%s：%s", header, reason);
    return;
  }
  pending->column = header;
  pending->value = column >= 0 ? work->values[column] : "";
  pending->reasons = g_string_new(reason);
}

/* ---- values ---- */

static const char *value_of(const RowWork *work, Role role) { return work->plan->of[role] >= 0 ? work->values[work->plan->of[role]] : ""; }

static gboolean has_odd_bytes(const char *text) {
  for (const guchar *at = (const guchar *)text; *at; at++)
    if ((*at < 0x20 && *at != '\t' && *at != '\n' && *at != '\r') || *at == 0x7F) return TRUE;
  return strstr(text, "\xEF\xBF\xBD") != NULL;
}

static void take_values(RowWork *work, const TableRow *row) {
  const RowPlan *plan = work->plan;
  for (guint i = 0; i < plan->width; i++) {
    const char *raw = i < row->count && plan->columns[i].role != ROLE_IGNORE ? row->cells[i] : "";
    g_autofree char *valid = NULL;
    if (!*raw) {
      work->values[i] = g_strdup("");
      continue;
    }
    if (!g_utf8_validate(raw, -1, NULL)) raw = valid = g_utf8_make_valid(raw, -1);
    work->values[i] = text_clean(raw, plan->columns[i].role == ROLE_DOCUMENTS); /* paths, one a line */
    if (has_odd_bytes(raw)) complain(work, TRUE, (int)i, "含控制字符或无法识别的字符，控制字符已去除");
    guint limit = ROLES[plan->columns[i].role].limit;
    if (strlen(work->values[i]) > limit && text_length(work->values[i]) > limit) {
      g_autofree char *reason = g_strdup_printf("内容过长：%u 字，最多 %u 字", text_length(work->values[i]), limit);
      complain(work, FALSE, (int)i, reason);
    }
  }
  for (guint i = plan->width; i < row->count; i++) {
    if (!*row->cells[i]) continue;
    g_autofree char *reason = g_strdup_printf("第 %u 列没有表头却有内容“%.60s”：可能是单元格错位，或未加引号的逗号", i + 1, row->cells[i]);
    complain(work, FALSE, -1, g_utf8_validate(reason, -1, NULL) ? reason : "没有表头的列中有内容：可能是单元格错位，或未加引号的逗号");
    return;
  }
}

/* A number among the beginning of the text, full-width digits too; a unit may follow. -1: none. */
static int whole_number(const char *text) {
  gint64 value = 0;
  int digits = 0;
  for (; *text && digits < 9; text = g_utf8_next_char(text), digits++) {
    int digit = g_unichar_digit_value(g_utf8_get_char(text));
    if (digit < 0) break;
    value = value * 10 + digit;
  }
  static const char *const units[] = {"", "页", "张", "件", "P", "p"};
  gboolean unit = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(units); i++) unit |= g_str_equal(text, units[i]);
  return digits > 0 && unit ? (int)value : -1;
}

static void append_number(GString *line, const char *key, gint64 value) {
  if (value == 0) return;
  char digits[24], *at = digits + sizeof digits;
  *--at = '\0';
  for (guint64 left = (guint64)ABS(value); left > 0; left /= 10) *--at = (char)('0' + left % 10);
  if (value < 0) *--at = '-';
  g_string_append_c(line, '"');
  g_string_append(line, key);
  g_string_append(line, "\":");
  g_string_append(line, at);
  g_string_append_c(line, ',');
}

static void append_text(GString *line, const char *key, const char *value) {
  if (!*value) return;
  g_string_append_c(line, '"');
  g_string_append(line, key);
  g_string_append(line, "\":");
  text_json_append(line, value);
  g_string_append_c(line, ',');
}

static void append_fields(const RowWork *work, GString *line) {
  const RowPlan *plan = work->plan;
  const PlanKeys *keys = plan->keys[work->result->category->id];
  gboolean any = FALSE;
  for (guint i = 0; i < plan->width; i++) {
    guint at = keys->order[i];
    const PlanColumn *column = &plan->columns[at];
    if (!*work->values[at] || !(ROLES[column->role].stored || work->keep[at])) continue;
    g_string_append(line, any ? "," : "\"fields\":{");
    text_json_append(line, keys->keys[at]);
    g_string_append_c(line, ':');
    text_json_append(line, work->values[at]);
    any = TRUE;
  }
  if (any) g_string_append(line, "},");
}

static void keep_as_written(RowWork *work, Role role, const char *reason) {
  int column = work->plan->of[role];
  work->keep[column] = TRUE;
  complain(work, TRUE, column, reason);
}

static const CatalogCategory *category_of(RowWork *work) {
  const RowPlan *plan = work->plan;
  const char *text = value_of(work, ROLE_CATEGORY);
  if (plan->category_given || !*text) return plan->category;
  guint count;
  const CatalogCategory *const *categories = catalog_categories(plan->catalog, &count);
  for (guint i = 0; i < count; i++)
    if (g_ascii_strcasecmp(categories[i]->code, text) == 0 || g_str_equal(categories[i]->title, text)) return categories[i];
  for (guint i = 0; i < count; i++)
    if (g_str_has_prefix(categories[i]->title, text)) return categories[i];
  g_autofree char *reason = g_strdup_printf("没有这个门类，按%s收", plan->category->title);
  keep_as_written(work, ROLE_CATEGORY, reason);
  return plan->category;
}

static Level level_of(RowWork *work) {
  const char *text = value_of(work, ROLE_LEVEL);
  if (!*text || g_str_has_prefix(text, "文件") || g_str_has_prefix(text, "件") || g_str_has_prefix(text, "卷内")) return LEVEL_ITEM;
  if (g_str_has_prefix(text, "案卷") || g_str_equal(text, "卷") || g_str_equal(text, "卷级")) return LEVEL_VOLUME;
  keep_as_written(work, ROLE_LEVEL, "著录层级不认识（应为 案卷 或 文件），按文件收");
  return LEVEL_ITEM;
}

static const char *field_value(const RowWork *work, const char *key) {
  for (guint i = 0; i < work->plan->width; i++) {
    const PlanColumn *column = &work->plan->columns[i];
    const char *name = column->role > ROLE_FIELD ? ROLES[column->role].field : column->key;
    if (column->role != ROLE_IGNORE && g_str_equal(name, key)) return work->values[i];
  }
  return "";
}

/* "{nfxm}与{nvxm}{hyzt}登记": NULL when none of the named values is there. */
static char *title_by_rule(const RowWork *work, const char *rule) {
  GString *title = g_string_new(NULL);
  gboolean any = FALSE;
  for (char *name; (name = text_next_blank(&rule, title)) != NULL; g_free(name)) {
    const char *value = field_value(work, name);
    any |= *value != '\0';
    g_string_append(title, *value ? value : "〔不详〕");
  }
  return g_string_free(title, !any);
}

typedef struct {
  DateSpan date;
  const char *date_text;
  int year, page_count;
  Opening opening;
  Security security;
} Understood;

static void read_dates(RowWork *work, Understood *u) {
  const RowPlan *plan = work->plan;
  u->date_text = plan->date >= 0 ? work->values[plan->date] : "";
  for (guint i = 0; i < plan->width; i++) {
    DateSpan span;
    gboolean main_date = (int)i == plan->date;
    if ((!main_date && !plan->columns[i].is_date) || !*work->values[i]) continue;
    if (!date_parse(work->values[i], &span)) complain(work, TRUE, (int)i, "不是能理解的日期，照原样保留");
    else if (main_date) u->date = span;
  }
  const char *year = value_of(work, ROLE_YEAR);
  DateSpan span = {0, 0};
  g_autofree char *bare = g_str_has_suffix(year, "度") ? g_strndup(year, strlen(year) - strlen("度")) : g_strdup(year);
  if (*bare && (!date_parse(bare, &span) || span.from == 0)) keep_as_written(work, ROLE_YEAR, "不是能理解的年度，照原样保留");
  u->year = span.from ? span.from / 10000 : u->date.from / 10000;
  if (span.from && span.to / 10000 != u->year) work->keep[plan->of[ROLE_YEAR]] = TRUE;
}

/* Kept as it came, but told: the list of what is wrong is there before anything is taken over. */
static void read_retention(RowWork *work, const Understood *u) {
  g_autofree char *problem = catalog_retention_problem(work->plan->catalog, work->result->category, u->year, value_of(work, ROLE_RETENTION));
  g_autofree char *reason = problem ? g_strdup_printf("%s；照原样保留", problem) : NULL;
  if (reason) complain(work, TRUE, work->plan->of[ROLE_RETENTION], reason);
}

static Understood read_values(RowWork *work) {
  Understood u = {.opening = OPENING_UNREVIEWED, .security = SECURITY_PUBLIC};
  read_dates(work, &u);
  const char *pages = value_of(work, ROLE_PAGE_COUNT);
  int count = *pages ? whole_number(pages) : 0;
  if (count < 0) keep_as_written(work, ROLE_PAGE_COUNT, "不是页数，照原样保留");
  else if (*pages && count == 0) keep_as_written(work, ROLE_PAGE_COUNT, "页数应大于 0，照原样保留");
  u.page_count = MAX(count, 0);
  read_retention(work, &u);
  if (!security_parse(value_of(work, ROLE_SECURITY), &u.security)) {
    work->keep[work->plan->of[ROLE_SECURITY]] = TRUE; /* for the check of the rejected row */
    complain(work, FALSE, work->plan->of[ROLE_SECURITY], "密级不认识（应为 公开、内部、秘密、机密、绝密）");
  }
  if (!opening_parse(value_of(work, ROLE_OPENING), &u.opening)) keep_as_written(work, ROLE_OPENING, "开放标识不认识（应为 开放、控制、延期开放、未审核），按未审核收");
  return u;
}

/* ---- what the category's definition asks ---- */

static gboolean concerns(const CatalogField *field, Level level) { return field->levels == 0 || (field->levels & 1u << level) != 0; }

static void ask_for(RowWork *work, const CatalogField *field, const char *value, int column) {
  if (!field->required || *value || !concerns(field, work->result->level)) return;
  g_autofree char *reason = g_strdup_printf("“%s”必著，没有内容", field->label);
  complain(work, FALSE, column, reason);
}

/* Values that do not fit are kept and told; what must be there and is not refuses the row. */
static void check_definition(RowWork *work) {
  const CatalogCategory *category = work->result->category;
  const PlanKeys *keys = work->plan->keys[category->id];
  for (guint i = 0; i < work->plan->width; i++) {
    const CatalogField *field = keys->fields[i];
    const char *problem = field == NULL || g_str_equal(field->type, "date") ? NULL : catalog_value_problem(field, work->values[i]);
    if (problem == NULL) continue;
    g_autofree char *reason = g_strdup_printf("%s，照原样保留", problem);
    complain(work, TRUE, (int)i, reason);
  }
  for (guint f = 0; f < category->field_count; f++) {
    if (!category->fields[f].required) continue;
    int column = -1;
    for (guint i = 0; i < work->plan->width; i++)
      if (keys->fields[i] == &category->fields[f]) column = (int)i;
    ask_for(work, &category->fields[f], column >= 0 ? work->values[column] : "", column);
  }
  for (guint f = 0; f < category->common_count; f++) {
    Role role = role_of(category->common[f].key);
    ask_for(work, &category->common[f], value_of(work, role), work->plan->of[role]);
  }
}

/* ---- the row ---- */

static void write_line(RowWork *work, const Understood *u, const char *title) {
  const RowPlan *plan = work->plan;
  RowResult *result = work->result;
  GString *line = result->line;
  g_string_append_c(line, '{');
  append_text(line, "category", result->category->code);
  append_text(line, "code", result->code);
  append_text(line, "creator", value_of(work, ROLE_CREATOR));
  append_number(line, "date_from", u->date.from);
  append_text(line, "date_text", u->date_text);
  append_number(line, "date_to", u->date.to);
  append_text(line, "docno", value_of(work, ROLE_DOCNO));
  append_fields(work, line);
  append_text(line, "file", result->file);
  if (!plan->fonds_given) {
    append_text(line, "fonds", result->fonds);
    append_text(line, "fonds_title", result->fonds_title);
  }
  append_number(line, "level", result->level);
  append_number(line, "opening", u->opening);
  append_number(line, "page_count", u->page_count);
  append_text(line, "retention", value_of(work, ROLE_RETENTION));
  append_number(line, "security", u->security);
  append_text(line, "title", title);
  append_text(line, "volume", result->volume);
  append_number(line, "year", u->year);
  line->str[line->len - 1] = '}'; /* level is never 0, so there is a comma */
  g_string_append_c(line, '\n');
}

static void flush_pending(RowWork *work, guint row, Pending *pending, gboolean warning) {
  if (pending->reasons == NULL) return;
  row_fault(work->result->faults, row, pending->column, pending->value, pending->reasons->str, warning);
  g_string_free(pending->reasons, TRUE);
  pending->reasons = NULL;
}

void row_result_clear(RowResult *result) {
  if (result->line == NULL) {
    result->line = g_string_sized_new(1024);
    result->faults = g_string_sized_new(256);
  }
  g_string_truncate(result->line, 0);
  g_string_truncate(result->faults, 0);
  g_clear_pointer(&result->code, g_free);
  g_clear_pointer(&result->fonds, g_free);
  g_clear_pointer(&result->fonds_title, g_free);
  g_clear_pointer(&result->file, g_free);
  g_clear_pointer(&result->volume, g_free);
  result->category = NULL;
  result->level = LEVEL_ITEM;
  result->errors = result->warnings = 0;
  result->security = SECURITY_PUBLIC;
}

void row_plan_apply(const RowPlan *plan, const TableRow *row, RowResult *result) {
  row_result_clear(result);
  g_autofree char **values = g_new0(char *, plan->width + 1);
  g_autofree gboolean *keep = g_new0(gboolean, plan->width + 1);
  RowWork work = {plan, result, values, keep, {0}, {0}};
  take_values(&work, row);
  result->category = category_of(&work);
  result->level = level_of(&work);
  result->code = g_strdup(plan->key >= 0 ? values[plan->key] : "");
  result->fonds = g_strdup(plan->fonds_given ? "" : value_of(&work, ROLE_FONDS)); /* the one given is every row's */
  result->fonds_title = g_strdup(plan->fonds_given ? "" : value_of(&work, ROLE_FONDS_TITLE));
  result->file = g_strdup(value_of(&work, *value_of(&work, ROLE_DOCUMENTS) ? ROLE_DOCUMENTS : ROLE_FILE));
  result->volume = g_strdup(value_of(&work, *value_of(&work, ROLE_PARENT) ? ROLE_PARENT : ROLE_VOLUME));
  Understood understood = read_values(&work);
  result->security = understood.security;
  if (!*result->code) complain(&work, FALSE, plan->key, plan->of[ROLE_CODE] >= 0 ? "档号为空" : "作为标识的列为空");
  else if (plan->key != plan->of[ROLE_CODE] && text_length(result->code) > ROLES[ROLE_CODE].limit) complain(&work, FALSE, plan->key, "作为标识的内容过长，最多 200 字");
  if (!plan->fonds_given && plan->of[ROLE_FONDS] >= 0 && !*result->fonds) complain(&work, FALSE, plan->of[ROLE_FONDS], "全宗号为空");
  const char *title = value_of(&work, ROLE_TITLE);
  g_autofree char *made = !*title && result->category->title_rule ? title_by_rule(&work, result->category->title_rule) : NULL;
  if (!*title && made == NULL) complain(&work, FALSE, plan->of[ROLE_TITLE], plan->of[ROLE_TITLE] >= 0 ? "题名为空" : "没有题名列，也没有可以据以生成题名的内容");
  check_definition(&work);
  result->errors = work.error.reasons != NULL;
  result->warnings = !result->errors && work.warning.reasons != NULL;
  write_line(&work, &understood, made ? made : title); /* of a rejected row too: as far as it could be read */
  if (result->errors && work.warning.reasons) g_string_free(g_steal_pointer(&work.warning.reasons), TRUE);
  flush_pending(&work, row->number, &work.error, FALSE);
  flush_pending(&work, row->number, &work.warning, TRUE);
  for (guint i = 0; i < plan->width; i++) g_free(values[i]);
}
