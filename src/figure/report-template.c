/*
 * Templates of reports: {指标}, {指标.bare}, {参数}, {若 指标 > 0}…{否则}…{完}, and the paragraphs that they become.
 *
 * 1. Every mistake of syntax is told with its line and column; what can be understood in spite of it is kept, so that all mistakes are told at once.
 * 2. Text between places is printed as it is typed; a number stands only where a place or a typist put it.
 */
#include "error.h"
#include "report-internal.h"
#include <math.h>
#include <string.h>

enum { DEPTH_MAX = 16, WRITTEN_MAX = 200, LEAD_MAX = 60, NEAREST_MAX = 64 };

typedef enum { PART_TEXT, PART_PLACE, PART_IF } PartKind;
typedef struct Part {
  PartKind kind;
  int line, column;
  char *text;          /* typed text; the name of a place; the left side of a condition */
  char *right;         /* of a comparison; NULL: none */
  const char *compare; /* ">" … */
  GPtrArray *then, *otherwise;
} Part;

struct ReportTemplate {
  GPtrArray *parts;
};

static void part_free(Part *part) {
  g_free(part->text);
  g_free(part->right);
  if (part->then) g_ptr_array_unref(part->then);
  if (part->otherwise) g_ptr_array_unref(part->otherwise);
  g_free(part);
}

static GPtrArray *parts_new(void) { return g_ptr_array_new_with_free_func((GDestroyNotify)part_free); }

void report_template_free(ReportTemplate *template) {
  if (template == NULL) return;
  g_ptr_array_unref(template->parts);
  g_free(template);
}

/* ---- reading ---- */

typedef struct {
  const char *at;
  int line, column;
  GString *typed; /* text since typed_line, typed_column */
  int typed_line, typed_column;
  GPtrArray *open;   /* Part: conditions not yet ended */
  GPtrArray *lists;  /* GPtrArray of the list that is being filled, for each depth */
  json_t *faults;
} Reader;

static void add_fault(Reader *reader, int line, int column, const char *format, ...) G_GNUC_PRINTF(4, 5);
static void add_fault(Reader *reader, int line, int column, const char *format, ...) {
  if (json_array_size(reader->faults) >= REPORT_FAULTS_MAX) return;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  json_array_append_new(reader->faults, json_pack("{s:i, s:i, s:s}", "line", line, "column", column, "what", what));
}

static void advance(Reader *reader) {
  if (*reader->at == '\n') reader->line++, reader->column = 1;
  else reader->column++;
  reader->at = g_utf8_next_char(reader->at);
}

static Part *add_part(Reader *reader, PartKind kind, int line, int column, const char *text) {
  Part *part = g_new0(Part, 1);
  *part = (Part){.kind = kind, .line = line, .column = column, .text = g_strdup(text)};
  g_ptr_array_add(g_ptr_array_index(reader->lists, reader->lists->len - 1), part);
  return part;
}

static void flush_typed(Reader *reader) {
  if (reader->typed->len > 0) add_part(reader, PART_TEXT, reader->typed_line, reader->typed_column, reader->typed->str);
  g_string_truncate(reader->typed, 0);
}

static void type_character(Reader *reader) {
  if (reader->typed->len == 0) reader->typed_line = reader->line, reader->typed_column = reader->column;
  g_string_append_unichar(reader->typed, g_utf8_get_char(reader->at));
  advance(reader);
}

/* The comparison in a condition: its sign as we write it, and where left and right sides end and begin. */
static const char *find_comparison(const char *text, const char **ret_end, const char **ret_begin) {
  static const struct { const char *written, *sign; } signs[] = {{">=", ">="}, {"<=", "<="}, {"!=", "!="}, {"≥", ">="}, {"≤", "<="}, {"≠", "!="}, {">", ">"}, {"<", "<"},
    {"=", "="}, {"＞", ">"}, {"＜", "<"}, {"＝", "="}};
  for (const char *at = text; *at; at = g_utf8_next_char(at))
    for (guint i = 0; i < G_N_ELEMENTS(signs); i++)
      if (g_str_has_prefix(at, signs[i].written)) {
        *ret_end = at;
        *ret_begin = at + strlen(signs[i].written);
        if (**ret_begin == '=') (*ret_begin)++; /* == and ＞= */
        return signs[i].sign;
      }
  return NULL;
}

static void begin_condition(Reader *reader, int line, int column, const char *condition) {
  const char *end = NULL, *begin = NULL, *sign = find_comparison(condition, &end, &begin);
  g_autofree char *left = sign ? g_strndup(condition, (gsize)(end - condition)) : g_strdup(condition);
  g_autofree char *right = g_strdup(sign ? begin : "");
  g_strstrip(left);
  g_strstrip(right);
  if (left[0] == '\0') add_fault(reader, line, column, "“若”后面没有写条件，例如 {若 接待人次 > 0}");
  else if (sign && right[0] == '\0') add_fault(reader, line, column, "“%s”后面没有写比较的数", sign);
  if (reader->open->len >= DEPTH_MAX) return add_fault(reader, line, column, "“若”嵌套超过 %d 层", DEPTH_MAX);
  Part *part = add_part(reader, PART_IF, line, column, left);
  part->compare = sign;
  if (sign) part->right = g_strdup(right);
  part->then = parts_new();
  part->otherwise = parts_new();
  g_ptr_array_add(reader->open, part);
  g_ptr_array_add(reader->lists, part->then);
}

static void turn_condition(Reader *reader, int line, int column) {
  if (reader->open->len == 0) return add_fault(reader, line, column, "“{否则}”前面没有“{若 …}”");
  Part *part = g_ptr_array_index(reader->open, reader->open->len - 1);
  if (g_ptr_array_index(reader->lists, reader->lists->len - 1) == part->otherwise) return add_fault(reader, line, column, "同一个“若”有两个“{否则}”");
  g_ptr_array_index(reader->lists, reader->lists->len - 1) = part->otherwise;
}

static void end_condition(Reader *reader, int line, int column) {
  if (reader->open->len == 0) return add_fault(reader, line, column, "“{完}”前面没有“{若 …}”");
  g_ptr_array_set_size(reader->open, (int)reader->open->len - 1);
  g_ptr_array_set_size(reader->lists, (int)reader->lists->len - 1);
}

static gboolean is_condition(const char *written) { return g_str_has_prefix(written, "若 ") || g_str_has_prefix(written, "若　") || g_str_equal(written, "若"); }

static void read_place(Reader *reader) {
  int line = reader->line, column = reader->column;
  const char *begin = reader->at + 1, *end = begin + strcspn(begin, "{}\n");
  if (*end != '}') {
    add_fault(reader, line, column, "“{”没有对应的“}”；要印出“{”本身，请写“{{”");
    return type_character(reader);
  }
  g_autofree char *written = g_strndup(begin, (gsize)(end - begin));
  g_strstrip(written);
  flush_typed(reader);
  while (reader->at <= end) advance(reader);
  if (written[0] == '\0') add_fault(reader, line, column, "“{}”中没有名称");
  else if (g_utf8_strlen(written, -1) > WRITTEN_MAX) add_fault(reader, line, column, "“{…}”中超过 %d 字", WRITTEN_MAX);
  else if (is_condition(written)) {
    const char *condition = written + strlen("若");
    while (*condition && g_unichar_isspace(g_utf8_get_char(condition))) condition = g_utf8_next_char(condition);
    begin_condition(reader, line, column, condition);
  } else if (g_str_equal(written, "否则")) turn_condition(reader, line, column);
  else if (g_str_equal(written, "完")) end_condition(reader, line, column);
  else add_part(reader, PART_PLACE, line, column, written);
}

ReportTemplate *report_template_new(const char *text, json_t *faults) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  ReportTemplate *template = g_new0(ReportTemplate, 1);
  template->parts = parts_new();
  Reader reader = {.at = valid, .line = 1, .column = 1, .typed = g_string_new(NULL), .open = g_ptr_array_new(), .lists = g_ptr_array_new(), .faults = faults};
  g_ptr_array_add(reader.lists, template->parts);
  while (*reader.at) {
    gboolean twice = reader.at[0] == reader.at[1];
    if (*reader.at == '{' && !twice) read_place(&reader);
    else if ((*reader.at == '{' || *reader.at == '}') && twice) {
      flush_typed(&reader); /* columns behind it are those of the template again */
      advance(&reader);
      type_character(&reader);
    } else if (*reader.at == '\r') advance(&reader);
    else type_character(&reader);
  }
  flush_typed(&reader);
  for (guint i = 0; i < reader.open->len; i++) {
    const Part *part = g_ptr_array_index(reader.open, i);
    add_fault(&reader, part->line, part->column, "“{若 …}”没有“{完}”");
  }
  g_string_free(reader.typed, TRUE);
  g_ptr_array_unref(reader.open);
  g_ptr_array_unref(reader.lists);
  return template;
}

/* ---- names ---- */

static gboolean is_number(const char *text) {
  char *end = NULL;
  g_ascii_strtod(text, &end);
  return *text != '\0' && *end == '\0';
}

/* “区级” as a text to compare with; NULL: it is a name. */
static char *quoted(const char *text) {
  gboolean plain = text[0] == '"' && strlen(text) > 1 && g_str_has_suffix(text, "\"");
  if (plain) return g_strndup(text + 1, strlen(text) - 2);
  if (!g_str_has_prefix(text, "“") || !g_str_has_suffix(text, "”")) return NULL;
  return g_strndup(text + strlen("“"), strlen(text) - strlen("“") - strlen("”"));
}

static void collect_names(GPtrArray *parts, json_t *names) {
  for (guint i = 0; i < parts->len; i++) {
    const Part *part = g_ptr_array_index(parts, i);
    if (part->kind == PART_TEXT) continue;
    json_array_append_new(names, json_pack("{s:s, s:i, s:i}", "name", part->text, "line", part->line, "column", part->column));
    if (part->kind != PART_IF) continue;
    g_autofree char *text = part->right ? quoted(part->right) : NULL;
    if (part->right && text == NULL && !is_number(part->right))
      json_array_append_new(names, json_pack("{s:s, s:i, s:i, s:b}", "name", part->right, "line", part->line, "column", part->column, "right", TRUE));
    collect_names(part->then, names);
    collect_names(part->otherwise, names);
  }
}

json_t *report_template_names(const ReportTemplate *template) {
  json_t *names = json_array();
  collect_names(template->parts, names);
  return names;
}

char *report_name_split(const char *written, json_t *known, char **ret_member) {
  *ret_member = NULL;
  if (json_object_get(known, written)) return g_strdup(written);
  const char *dot = strrchr(written, '.');
  g_autofree char *name = dot ? g_strndup(written, (gsize)(dot - written)) : NULL;
  if (name == NULL || json_object_get(known, name) == NULL) return NULL;
  *ret_member = g_strdup(dot + 1);
  return g_steal_pointer(&name);
}

/* Edit distance by characters; both at most NEAREST_MAX long. */
static guint distance(const gunichar *a, glong n, const gunichar *b, glong m) {
  guint row[NEAREST_MAX + 1];
  for (glong j = 0; j <= m; j++) row[j] = (guint)j;
  for (glong i = 1; i <= n; i++) {
    guint diagonal = row[0];
    row[0] = (guint)i;
    for (glong j = 1; j <= m; j++) {
      guint above = row[j], changed = diagonal + (a[i - 1] != b[j - 1]);
      row[j] = MIN(changed, MIN(above, row[j - 1]) + 1);
      diagonal = above;
    }
  }
  return row[m];
}

char *report_nearest(json_t *known, const char *name) {
  glong length;
  g_autofree gunichar *wanted = g_utf8_to_ucs4_fast(name, -1, &length);
  if (length > NEAREST_MAX) return NULL;
  const char *best = NULL, *key;
  guint best_distance = (guint)length / 2 + 1;
  json_t *value;
  json_object_foreach(known, key, value) {
    glong other_length;
    g_autofree gunichar *other = g_utf8_to_ucs4_fast(key, -1, &other_length);
    guint far = other_length > NEAREST_MAX ? G_MAXUINT : distance(wanted, length, other, other_length);
    if (far >= best_distance) continue;
    best = key;
    best_distance = far;
  }
  return g_strdup(best);
}

/* ---- filling ---- */

typedef struct {
  ReportLookup lookup;
  gpointer data;
  json_t *runs;
} Filler;

static gpointer no_value(const Part *part, GError **error, const char *name) {
  return throw_null(error, LANTAI_ERROR_INVALID, "第 %d 行第 %d 字：没有叫“%s”的指标或参数", part->line, part->column, name);
}

/* What a written name stands for, and its member. */
static json_t *find(const Filler *filler, const Part *part, const char *written, char **ret_member, GError **error) {
  g_autoptr(GError) local = NULL;
  json_t *found = filler->lookup(written, filler->data, &local);
  const char *dot = strrchr(written, '.');
  if (found == NULL && local == NULL && dot != NULL) {
    g_autofree char *name = g_strndup(written, (gsize)(dot - written));
    found = filler->lookup(name, filler->data, &local);
    if (found) *ret_member = g_strdup(dot + 1);
  }
  if (local != NULL) {
    g_prefix_error(&local, "第 %d 行第 %d 字：", part->line, part->column);
    return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  }
  return found ? found : no_value(part, error, written);
}

static json_t *part_of(json_t *figure, const char *key) {
  json_t *part;
  size_t i;
  json_array_foreach(json_object_get(figure, "parts"), i, part) {
    if (g_str_equal(text_at(part, "key"), key)) return part;
  }
  return NULL;
}

static char *plain_number(double value) {
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup(g_ascii_formatd(buffer, sizeof buffer, fabs(value - round(value)) < 1e-9 ? "%.0f" : "%.10g", value));
}

/* Last year's text without its measure word. */
static char *last_bare(json_t *figure) {
  const char *text = text_at(json_object_get(figure, "last"), "text"), *unit = text_at(figure, "unit");
  return g_strndup(text, g_str_has_suffix(text, unit) ? strlen(text) - strlen(unit) : strlen(text));
}

/* The text of a member: bare, value, last, last_bare, or the key of a group (what a grouped figure has no rows of is 0); NULL: there is no such member. */
static char *member_text(json_t *figure, const char *member, json_t *group, double *value) {
  json_t *last = json_object_get(figure, "last");
  if (group) return g_strdup(text_at(group, "text"));
  if (g_str_equal(member, "bare")) return g_strdup(text_at(figure, "bare"));
  if (g_str_equal(member, "value")) return plain_number(*value);
  if (g_str_equal(member, "last") || g_str_equal(member, "last_bare")) {
    *value = json_number_value(json_object_get(last, "value"));
    return g_str_equal(member, "last") ? g_strdup(text_at(last, "text")) : last_bare(figure);
  }
  if (!json_is_array(json_object_get(figure, "parts"))) return NULL;
  *value = 0;
  return g_strdup_printf("0%s", text_at(figure, "unit"));
}

static gboolean is_member_word(const char *member) {
  static const char *const words[] = {"bare", "value", "last", "last_bare", NULL};
  return g_strv_contains(words, member);
}

static json_t *chart_run(const Part *part, json_t *found) {
  json_t *run = json_copy(found);
  json_object_set_new(run, "text", json_string(json_object_get(found, "chart") ? "" : "（图画不出）"));
  json_object_set_new(run, "line", json_integer(part->line));
  json_object_set_new(run, "column", json_integer(part->column));
  json_object_set_new(run, "drawn", json_true());
  return run;
}

/* The text that a place prints, as a run that knows its figure. */
static json_t *figure_run(const Part *part, json_t *figure, const char *member, GError **error) {
  json_t *group = member ? part_of(figure, member) : NULL, *shown = group ? group : figure;
  double value = json_number_value(json_object_get(shown, "value"));
  g_autofree char *text = member ? member_text(figure, member, group, &value) : g_strdup(text_at(figure, "text"));
  if (text == NULL)
    return throw_null(error, LANTAI_ERROR_INVALID, "第 %d 行第 %d 字：“%s”没有“.%s”；可用 .bare（不带单位）、.value（准数）、.last（上年）、.last_bare 或分组的名称", part->line,
      part->column, text_at(figure, "name"), member);
  gboolean closed = member && group == NULL && json_is_true(json_object_get(figure, "parts_hidden")) && !is_member_word(member);
  json_t *run = json_pack("{s:s, s:s, s:f, s:I, s:i, s:i}", "text", closed ? "（不能查看）" : text, "figure", text_at(figure, "name"), "value", value, "entries",
    (json_int_t)int_at(shown, "entries"), "line", part->line, "column", part->column);
  if (member) json_object_set_new(run, "member", json_string(member));
  if (json_object_get(figure, "failed")) json_object_set(run, "failed", json_object_get(figure, "failed"));
  if (closed) json_object_set_new(run, "failed", json_string("它的各部分您不能查看"));
  return run;
}

static void add_typed(const Filler *filler, const char *text, int line, int column) {
  if (*text) json_array_append_new(filler->runs, json_pack("{s:s, s:i, s:i}", "text", text, "line", line, "column", column));
}

/* A paragraph ends where a line does: a null among the runs. */
static void fill_text(const Filler *filler, const Part *part) {
  g_auto(GStrv) lines = g_strsplit(part->text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    if (i > 0) json_array_append_new(filler->runs, json_null());
    add_typed(filler, lines[i], part->line + (int)i, i == 0 ? part->column : 1);
  }
}

static gboolean fill_place(const Filler *filler, const Part *part, GError **error) {
  g_autofree char *member = NULL;
  json_auto_t *found = find(filler, part, part->text, &member, error);
  if (found == NULL) return FALSE;
  gboolean drawn = g_str_has_prefix(part->text, "图 ");
  json_t *run = drawn ? chart_run(part, found) : json_is_object(found) ? figure_run(part, found, member, error)
    : json_pack("{s:O, s:s, s:i, s:i}", "text", found, "parameter", part->text, "line", part->line, "column", part->column);
  return run != NULL && json_array_append_new(filler->runs, run) == 0;
}

/* The number of one side; FALSE without error: it is a text (ret_text). */
static gboolean side_number(const Filler *filler, const Part *part, const char *written, double *ret, char **ret_text, GError **error) {
  *ret_text = quoted(written);
  if (*ret_text) return FALSE;
  if (is_number(written)) return *ret = g_ascii_strtod(written, NULL), TRUE;
  g_autofree char *member = NULL;
  json_auto_t *found = find(filler, part, written, &member, error);
  if (found == NULL) return FALSE;
  if (json_is_object(found)) {
    json_auto_t *run = figure_run(part, found, member, error);
    *ret = run ? json_number_value(json_object_get(run, "value")) : 0;
    return run != NULL;
  }
  const char *text = json_string_value(found);
  if (is_number(text)) return *ret = g_ascii_strtod(text, NULL), TRUE;
  *ret_text = g_strdup(text);
  return FALSE;
}

static gboolean compare_numbers(double left, const char *sign, double right) {
  gboolean equal = fabs(left - right) < 1e-9;
  if (sign[0] == '!') return !equal;
  if (sign[0] == '=') return equal;
  if (equal) return sign[1] == '=';
  return sign[0] == '>' ? left > right : left < right;
}

static gboolean condition_holds(const Filler *filler, const Part *part, gboolean *ret, GError **error) {
  g_autofree char *left_text = NULL, *right_text = NULL;
  g_autoptr(GError) local = NULL;
  double left = 0, right = 0;
  gboolean left_is_number = side_number(filler, part, part->text, &left, &left_text, &local);
  gboolean right_is_number = local == NULL && part->compare && side_number(filler, part, part->right, &right, &right_text, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (part->compare == NULL) *ret = left_is_number ? left != 0 : left_text[0] != '\0';
  else if (left_is_number && right_is_number) *ret = compare_numbers(left, part->compare, right);
  else {
    g_autofree char *a = left_is_number ? plain_number(left) : g_strdup(left_text), *b = right_is_number ? plain_number(right) : g_strdup(right_text);
    if (part->compare[0] != '=' && part->compare[0] != '!')
      return throw(error, LANTAI_ERROR_INVALID, "第 %d 行第 %d 字：“%s”和“%s”不都是数，只能用 = 或 != 比较", part->line, part->column, part->text, part->right);
    *ret = g_str_equal(a, b) == (part->compare[0] == '=');
  }
  return TRUE;
}

static gboolean fill(const Filler *filler, GPtrArray *parts, GError **error) {
  for (guint i = 0; i < parts->len; i++) {
    const Part *part = g_ptr_array_index(parts, i);
    if (part->kind == PART_TEXT) fill_text(filler, part);
    else if (part->kind == PART_PLACE) {
      if (!fill_place(filler, part, error)) return FALSE;
    } else {
      gboolean holds = FALSE;
      if (!condition_holds(filler, part, &holds, error) || !fill(filler, holds ? part->then : part->otherwise, error)) return FALSE;
    }
  }
  return TRUE;
}

/* ---- paragraphs ---- */

char *report_paragraph_text(json_t *paragraph) {
  GString *text = g_string_new(NULL);
  json_t *run;
  size_t i;
  json_array_foreach(json_object_get(paragraph, "runs"), i, run) g_string_append(text, text_at(run, "text"));
  return g_string_free(text, FALSE);
}

static const char *skip_set(const char *at, const char *set) {
  while (*at && g_utf8_strchr(set, -1, g_utf8_get_char(at))) at = g_utf8_next_char(at);
  return at;
}

#define HAN_NUMBERS "一二三四五六七八九十百"

/* Behind “一、” “（一）” “1.” “（1）”; NULL: none of them begins the text. */
static const char *behind_number(const char *text, const char **ret_kind) {
  static const char *const opening[] = {"（", "("}, *const closing[] = {"）", ")"};
  const char *at = skip_set(text, HAN_NUMBERS);
  if (at > text && g_str_has_prefix(at, "、")) return *ret_kind = "h1", at + strlen("、");
  at = skip_set(text, "0123456789");
  if (at > text && (g_str_has_prefix(at, "．") || (*at == '.' && !g_ascii_isdigit(at[1])))) return *ret_kind = "h3", g_utf8_next_char(at);
  for (guint i = 0; i < G_N_ELEMENTS(opening); i++) {
    if (!g_str_has_prefix(text, opening[i])) continue;
    const char *begin = text + strlen(opening[i]), *han = skip_set(begin, HAN_NUMBERS), *digits = skip_set(begin, "0123456789");
    at = han > begin ? han : digits;
    *ret_kind = han > begin ? "h2" : "h4";
    if (at == begin) continue;
    for (guint k = 0; k < G_N_ELEMENTS(closing); k++)
      if (g_str_has_prefix(at, closing[k])) return at + strlen(closing[k]);
  }
  return NULL;
}

gsize report_heading_length(const char *text, const char **ret_kind) {
  const char *begin = behind_number(text, ret_kind);
  if (begin == NULL) return 0;
  const char *stop = strstr(begin, "。"), *end = text + strlen(text);
  if (stop == NULL) return g_utf8_strlen(text, -1) <= LEAD_MAX ? (gsize)(end - text) : 0;
  gsize length = (gsize)(stop - text) + strlen("。");
  return g_utf8_strlen(text, (gssize)length) <= LEAD_MAX ? length : 0;
}

/* Cuts the runs where the heading ends, and marks those before. A figure's run is never cut. */
static void mark_lead(json_t *runs, gsize length) {
  gsize at = 0;
  for (size_t i = 0; i < json_array_size(runs) && at < length; i++) {
    json_t *run = json_array_get(runs, i);
    const char *text = text_at(run, "text");
    gsize size = strlen(text);
    if (at + size > length && !json_object_get(run, "figure")) {
      gsize head = length - at;
      json_t *rest = json_copy(run);
      json_object_set_new(rest, "text", json_string(text + head));
      json_object_set_new(rest, "column", json_integer(int_at(run, "column") + g_utf8_strlen(text, (gssize)head)));
      json_object_set_new(run, "text", json_stringn(text, head));
      json_array_insert_new(runs, i + 1, rest);
      size = head;
    }
    json_object_set_new(run, "lead", json_true());
    at += size;
  }
}

static void trim_begin(json_t *runs) {
  json_t *run = json_array_get(runs, 0);
  const char *text = text_at(run, "text"), *at = text;
  if (run == NULL || json_object_get(run, "figure")) return;
  while (*at && g_unichar_isspace(g_utf8_get_char(at))) at = g_utf8_next_char(at);
  if (at == text) return;
  json_object_set_new(run, "column", json_integer(int_at(run, "column") + g_utf8_strlen(text, at - text)));
  json_object_set_new(run, "text", json_string(at));
}

static void add_table_line(json_t *paragraphs, json_t *paragraph, const char *text);

static json_t *plain_cell(const char *text) { return json_pack("{s:[{s:s}]}", "runs", "text", text); }

/* What stands in a chart's table is looked through too (a name may be a group); its numbers are the figure's. */
static void add_label(json_t *runs, json_t *run, const char *label) {
  json_array_append_new(runs, json_pack("{s:o, s:s, s:O, s:O}", "text", json_sprintf("%s；", label), "parameter", "图", "line", json_object_get(run, "line"), "column",
    json_object_get(run, "column")));
}

static json_t *chart_runs(json_t *run, json_t *chart) {
  json_t *bare = json_copy(run), *runs = json_pack("[o]", bare), *each;
  size_t i;
  json_object_del(bare, "chart");
  json_array_foreach(json_object_get(chart, "columns"), i, each) add_label(runs, run, text_at(each, "label"));
  json_array_foreach(json_object_get(chart, "rows"), i, each) add_label(runs, run, text_at(each, "label"));
  return runs;
}

/* A chart stands by itself: its table, which a picture goes before. */
static void add_chart(json_t *paragraphs, json_t *run) {
  json_t *chart = json_object_get(run, "chart"), *rows = json_array(), *cells = json_array(), *each, *cell;
  size_t i, k;
  json_array_append_new(cells, plain_cell(text_at(chart, "first")));
  json_array_foreach(json_object_get(chart, "columns"), i, each) json_array_append_new(cells, plain_cell(text_at(each, "label")));
  json_array_append_new(rows, json_pack("{s:o, s:b}", "cells", cells, "head", TRUE));
  json_array_foreach(json_object_get(chart, "rows"), i, each) {
    json_array_append_new(rows, json_pack("{s:o, s:b}", "cells", cells = json_array(), "head", FALSE));
    json_array_append_new(cells, plain_cell(text_at(each, "label")));
    json_array_foreach(json_object_get(each, "cells"), k, cell) {
      g_autofree char *number = plain_number(json_number_value(json_object_get(cell, "value")));
      json_array_append_new(cells, plain_cell(*text_at(cell, "shown") ? text_at(cell, "shown") : json_is_number(json_object_get(cell, "value")) ? number : ""));
    }
  }
  json_array_append_new(paragraphs, json_pack("{s:s, s:O, s:O, s:O, s:o, s:o}", "kind", "chart", "line", json_object_get(run, "line"), "figure",
    json_object_get(run, "figure"), "chart", chart, "runs", chart_runs(run, chart), "rows", rows));
}

/* Takes the charts out of a line, each to stand behind what is left of it. */
static void add_charts(json_t *paragraphs, json_t *runs) {
  json_t *run;
  size_t i;
  json_array_foreach(runs, i, run) {
    if (json_object_get(run, "chart") == NULL) continue;
    add_chart(paragraphs, run);
    json_object_del(run, "chart");
  }
}

/* A cell has no room for a chart: it is told in its place, and nothing is frozen with it. */
static void refuse_charts(json_t *runs) {
  json_t *run;
  size_t i;
  json_array_foreach(runs, i, run) {
    if (json_object_get(run, "drawn") == NULL) continue;
    json_object_del(run, "chart");
    json_object_set_new(run, "text", json_string("（图）"));
    json_object_set_new(run, "failed", json_string("不能放在表格里，请另起一行"));
  }
}

static void add_paragraph(json_t *paragraphs, json_t *runs) {
  trim_begin(runs);
  json_t *paragraph = json_pack("{s:s, s:O, s:O}", "kind", "p", "runs", runs, "line", json_object_get(json_array_get(runs, 0), "line"));
  g_autofree char *text = report_paragraph_text(paragraph);
  const char *kind = "p";
  gsize lead = report_heading_length(text, &kind);
  if (*g_strstrip(text) == '\0') return add_charts(paragraphs, runs), json_decref(paragraph);
  if (*text == '|') {
    refuse_charts(runs);
    add_table_line(paragraphs, paragraph, text);
    return json_decref(paragraph);
  }
  if (lead > 0) {
    mark_lead(runs, lead);
    json_object_set_new(paragraph, "lead", json_string(kind));
    if (lead >= strlen(text)) json_object_set_new(paragraph, "kind", json_string(kind));
  }
  json_array_append_new(paragraphs, paragraph);
  add_charts(paragraphs, runs);
}

/* ---- tables: lines that begin with | ---- */

static void add_cell_text(json_t *cell, json_t *run, const char *text, gsize length) {
  json_t *piece = json_copy(run);
  g_autofree char *trimmed = g_strndup(text, length);
  g_strstrip(trimmed);
  json_object_set_new(piece, "text", json_string(trimmed));
  if (*trimmed) json_array_append(json_object_get(cell, "runs"), piece);
  json_decref(piece);
}

/* The cells of one line; NULL: it is the rule between head and body. */
static json_t *row_cells(json_t *runs) {
  json_t *cells = json_array(), *cell = NULL, *run;
  size_t i;
  json_array_foreach(runs, i, run) {
    const char *at = text_at(run, "text");
    if (json_object_get(run, "figure") || json_object_get(run, "parameter")) {
      if (cell) add_cell_text(cell, run, at, strlen(at));
      continue;
    }
    for (;;) {
      gsize length = strcspn(at, "|");
      if (cell) add_cell_text(cell, run, at, length);
      if (at[length] == '\0') break;
      at += length + 1;
      cell = json_pack("{s:[]}", "runs");
      json_array_append_new(cells, cell);
    }
  }
  size_t last = json_array_size(cells);
  if (last > 1 && json_array_size(json_object_get(cell, "runs")) == 0) json_array_remove(cells, last - 1); /* what stands behind the last | */
  return cells;
}

static gboolean is_rule(const char *text) { return strspn(text, "|-: ") == strlen(text); }

/* Joins the line to the table above it, or begins one. */
static void add_table_line(json_t *paragraphs, json_t *paragraph, const char *text) {
  json_t *table = json_array_get(paragraphs, json_array_size(paragraphs) - 1);
  if (table == NULL || !g_str_equal(text_at(table, "kind"), "table")) {
    table = json_pack("{s:s, s:O, s:[], s:[]}", "kind", "table", "line", json_object_get(paragraph, "line"), "runs", "rows");
    json_array_append_new(paragraphs, table);
  }
  if (is_rule(text)) return;
  json_t *rows = json_object_get(table, "rows"), *runs = json_object_get(paragraph, "runs");
  json_array_append_new(rows, json_pack("{s:o, s:b}", "cells", row_cells(runs), "head", json_array_size(rows) == 0));
  json_array_extend(json_object_get(table, "runs"), runs); /* all of them, to be looked through */
}

json_t *report_template_paragraphs(const ReportTemplate *template, ReportLookup lookup, gpointer data, GError **error) {
  json_auto_t *flat = json_array();
  Filler filler = {lookup, data, flat};
  if (!fill(&filler, template->parts, error)) return NULL;
  json_array_append_new(flat, json_null());
  json_t *paragraphs = json_array(), *run, *runs = json_array();
  size_t i;
  json_array_foreach(flat, i, run) {
    if (!json_is_null(run)) {
      json_array_append(runs, run);
      continue;
    }
    if (json_array_size(runs) > 0) add_paragraph(paragraphs, runs);
    json_decref(runs);
    runs = json_array();
  }
  json_decref(runs);
  return paragraphs;
}

char *report_template_line(const char *text, const char *where, ReportLookup lookup, gpointer data, GError **error) {
  json_auto_t *faults = json_array();
  g_autoptr(ReportTemplate) template = report_template_new(text, faults);
  if (json_array_size(faults) > 0)
    return throw_null(error, LANTAI_ERROR_INVALID, "%s：%s", where, text_at(json_array_get(faults, 0), "what"));
  json_auto_t *paragraphs = report_template_paragraphs(template, lookup, data, error);
  if (paragraphs == NULL) {
    if (error) g_prefix_error(error, "%s：", where);
    return NULL;
  }
  json_t *first = json_array_get(paragraphs, 0), *each;
  size_t i;
  json_array_foreach(paragraphs, i, each)
    if (g_str_equal(text_at(each, "kind"), "chart")) return throw_null(error, LANTAI_ERROR_INVALID, "%s：图只能放在正文里", where);
  return first ? report_paragraph_text(first) : g_strdup("");
}
