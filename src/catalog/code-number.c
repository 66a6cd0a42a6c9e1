/*
 * Which rule holds for a category of a fonds, the next number of a series, and a code held against its rule.
 *
 * 1. The rule is the one chosen; else the one that most of some records there follow; else the first that fits the category. A body that filed by volumes and
 *    later by pieces has codes of two rules: what the first does not number goes by the rule that most of it follows.
 * 2. The next number is one more than the highest there is. Numbers filled with zeros stand in the index in their order, so that the end of the series is
 *    looked at only; a series that counts across parts of the code, is not filled, or has run over its width is read through (its codes alone).
 */
#include "code-keeper.h"
#include "code-rule.h"
#include "code-use.h"
#include <string.h>

enum { SAMPLE_SIDE = 20, SAMPLE_DEPTH = 5, TAIL_LOOKED = 1000, NUMBER_TRIES = 10000 };

/* ---- some records of a category of a fonds ---- */

static gboolean add_samples(Sql *sql, gint64 parent_id, gboolean ascending, int depth, GPtrArray *samples, GError **error);

static gboolean sampled(GPtrArray *samples, gint64 id) {
  for (guint i = 0; i < samples->len; i++)
    if (((const CatalogRecord *)samples->pdata[i])->id == id) return TRUE;
  return FALSE;
}

static gboolean add_side(Sql *sql, SqlRows *taken, int depth, GPtrArray *samples, GError **error) {
  g_autoptr(SqlRows) rows = taken;
  if (rows == NULL) return FALSE;
  RecordRow row = record_row(rows);
  g_autoptr(GError) local = NULL;
  g_autoptr(GArray) below = g_array_new(FALSE, FALSE, sizeof(gint64));
  while (sql_next(rows, &local)) {
    g_autoptr(CatalogRecord) record = record_at(rows, &row);
    if (sampled(samples, record->id)) continue; /* a short list is the same from both ends */
    if (record->level < LEVEL_ITEM && below->len < 2) g_array_append_val(below, record->id);
    if (record->level >= LEVEL_VOLUME) g_ptr_array_add(samples, g_steal_pointer(&record));
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  for (guint i = 0; i < below->len; i++)
    if (!add_samples(sql, g_array_index(below, gint64, i), TRUE, depth + 1, samples, error)) return FALSE;
  return TRUE;
}

static gboolean add_samples(Sql *sql, gint64 parent_id, gboolean ascending, int depth, GPtrArray *samples, GError **error) {
  if (depth > SAMPLE_DEPTH || samples->len > SAMPLE_SIDE * 20) return TRUE;
  const SqlValue *args = SQL_ARGS(sql_int(parent_id), sql_int(SAMPLE_SIDE));
  SqlRows *rows = ascending ? sql_query(sql, RECORD_SELECT "WHERE r.parent_id = $1 ORDER BY r.code LIMIT $2", args, error)
                            : sql_query(sql, RECORD_SELECT "WHERE r.parent_id = $1 ORDER BY r.code DESC LIMIT $2", args, error);
  return add_side(sql, rows, depth, samples, error);
}

GPtrArray *code_samples(Sql *sql, gint64 fonds_id, guint8 category, GError **error) {
  g_autoptr(GPtrArray) samples = g_ptr_array_new_with_free_func((GDestroyNotify)catalog_record_free);
  g_autoptr(GError) local = NULL;
  gint64 class_id = sql_number(sql, "SELECT id FROM record WHERE parent_id = $1 AND level = 2 AND category = $2", SQL_ARGS(sql_int(fonds_id), sql_int(category)),
    0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (class_id == 0) return g_steal_pointer(&samples);
  if (!add_samples(sql, class_id, TRUE, 0, samples, error) || !add_samples(sql, class_id, FALSE, 0, samples, error)) return NULL;
  return g_steal_pointer(&samples);
}

/* ---- the rule ---- */

void code_use_clear(CodeUse *use) {
  g_clear_pointer((char **)&use->fonds, g_free);
}

static void use_rule(CodeUse *use, const CodeRule *rule) {
  use->rule = rule;
  use->volume_width = rule->volume < 0 ? 0 : rule->parts[rule->volume].width;
  use->item_width = rule->parts[rule->count - 1].width;
}

/* How many of the samples have the rule's form; the widths most of them have, the least where none is filled with zeros: then 9 goes before 10. A rule without marks
 * keeps its widths. */
guint code_use_fit(CodeUse *use, const CodeRule *rule, GPtrArray *samples) {
  guint fits = 0, widths[2][10] = {0};
  gboolean filled[2] = {FALSE, FALSE};
  use_rule(use, rule);
  for (guint i = 0; i < samples->len; i++) {
    const CatalogRecord *record = samples->pdata[i];
    CodeMatch match;
    if (!code_match(use, record->level, record->code, &match)) continue;
    fits++;
    widths[record->level == LEVEL_ITEM][match.width]++;
    if (record->code[match.number_at] == '0') filled[record->level == LEVEL_ITEM] = TRUE;
  }
  for (Level level = LEVEL_VOLUME; level <= LEVEL_ITEM; level++) {
    const CodePart *part = code_number_part(rule, level);
    guint *seen = widths[level == LEVEL_ITEM], best = 0;
    if (part == NULL || part->before[0] == '\0' || part->width == 0) continue;
    for (guint width = 9; width > 0; width--)
      if (seen[width] > (filled[level == LEVEL_ITEM] ? seen[best] : 0)) best = width;
    if (best != 0) *(level == LEVEL_VOLUME ? &use->volume_width : &use->item_width) = best;
  }
  return fits;
}

CodeUse code_use_also(const CodeUse *use) {
  CodeUse other = *use;
  other.rule = use->also;
  other.volume_width = use->also_volume_width;
  other.item_width = use->also_item_width;
  other.also = NULL;
  return other;
}

CodeUse code_use_of(const CodeUse *use, Level level, const char *code) {
  CodeMatch match;
  if (use->also == NULL || code_match(use, level, code, &match)) return *use;
  CodeUse other = code_use_also(use);
  return code_match(&other, level, code, &match) ? other : *use;
}

/* Does the sample, a piece or a volume with what is in it, lie where the rule does not number? A volume that has samples is one itself. */
static gboolean beside_rule(const CodeUse *use, const CatalogRecord *record, GPtrArray *samples) {
  gboolean by_volume = record->level == LEVEL_VOLUME;
  for (guint i = 0; i < samples->len && !by_volume; i++) {
    const CatalogRecord *other = samples->pdata[i];
    by_volume = other->id == record->parent_id && other->level == LEVEL_VOLUME;
  }
  return by_volume != (use->rule->volume >= 0);
}

void code_use_find_also(const Catalog *catalog, CodeUse *use, GPtrArray *samples) {
  g_autoptr(GPtrArray) rest = g_ptr_array_new(); /* borrowed */
  CodeMatch match;
  use->also = NULL;
  for (guint i = 0; i < samples->len; i++) {
    const CatalogRecord *record = samples->pdata[i];
    if (use->chosen ? beside_rule(use, record, samples) : !code_match(use, record->level, record->code, &match)) g_ptr_array_add(rest, samples->pdata[i]);
  }
  guint best = rest->len / 2;
  for (guint i = 0; i < code_rules_count(catalog_rules(catalog)); i++) {
    CodeUse tried = *use;
    const CodeRule *rule = code_rules_at(catalog_rules(catalog), i);
    guint fits = (rule->volume >= 0) == (use->rule->volume >= 0) ? 0 : code_use_fit(&tried, rule, rest);
    if (fits <= best) continue;
    best = fits;
    use->also = rule;
    use->also_volume_width = tried.volume_width;
    use->also_item_width = tried.item_width;
  }
}

static gboolean use_chosen(const Catalog *catalog, Sql *sql, gint64 fonds_id, guint8 category, CodeUse *use, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT rule, volume_width, item_width FROM code_choice WHERE fonds_id = $1 AND category = $2",
    SQL_ARGS(sql_int(fonds_id), sql_int(category)), error);
  g_autoptr(GError) local = NULL;
  if (rows == NULL || !sql_next(rows, &local)) return local == NULL ? rows != NULL : (g_propagate_error(error, g_steal_pointer(&local)), FALSE);
  const CodeRule *rule = code_rules_find(catalog_rules(catalog), sql_get_text(rows, "rule"));
  if (rule == NULL) return TRUE; /* taken out of codes.yaml since: as if none were chosen */
  use_rule(use, rule);
  if (sql_get_int(rows, "volume_width") > 0) use->volume_width = (guint)sql_get_int(rows, "volume_width");
  if (sql_get_int(rows, "item_width") > 0) use->item_width = (guint)sql_get_int(rows, "item_width");
  use->chosen = use->followed = TRUE;
  return TRUE;
}

gboolean code_use_for(const Catalog *catalog, Sql *sql, gint64 fonds_id, guint8 category, CodeUse *ret, GError **error) {
  const CatalogCategory *definition = catalog_category(catalog, category);
  g_auto(CodeUse) use = {.category = definition != NULL ? definition->code : ""};
  g_autoptr(GError) local = NULL;
  use.fonds = sql_string(sql, "SELECT code FROM record WHERE id = $1 AND level = 1", SQL_ARGS(sql_int(fonds_id)), &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (use.fonds == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有这个全宗");
  if (!use_chosen(catalog, sql, fonds_id, category, &use, error)) return FALSE;
  g_autoptr(GPtrArray) samples = code_samples(sql, fonds_id, category, error);
  if (samples == NULL) return FALSE;
  guint best = 0;
  CodeUse tried = use;
  for (guint i = 0; !use.chosen && i < code_rules_count(catalog_rules(catalog)); i++) {
    guint fits = code_use_fit(&tried, code_rules_at(catalog_rules(catalog), i), samples);
    if (fits <= best) continue;
    best = fits;
    use = tried;
  }
  if (!use.chosen) use.followed = best * 2 > samples->len;
  if (!use.followed) use_rule(&use, code_rules_default(catalog_rules(catalog), use.category));
  else code_use_find_also(catalog, &use, samples);
  *ret = use;
  use.fonds = NULL;
  return TRUE;
}

/* ---- where a record lies ---- */

void code_place_clear(CodePlace *place) {
  g_free(place->volume);
  g_free(place->class_text);
}

/* 全宗号-类别 of a class node below the category's: its 类别, when it is one with further levels. */
static char *class_text_of(const CodeUse *use, const char *class_code) {
  if (!g_str_has_prefix(class_code, use->fonds) || class_code[strlen(use->fonds)] != '-') return NULL;
  const char *text = class_code + strlen(use->fonds) + 1, *level = strstr(text, "·");
  return level != NULL && strchr(text, '-') == NULL ? g_strdup(text) : NULL;
}

gboolean code_place_of(Sql *sql, const CodeUse *use, const CatalogRecord *record, CodePlace *ret, GError **error) {
  g_auto(CodePlace) place = {0};
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) parent = record->parent_id == 0 ? NULL : record_by_id(sql, record->parent_id, &local);
  if (parent != NULL && parent->level == LEVEL_VOLUME) {
    place.volume = g_strdup(parent->code);
    CatalogRecord *above = record_by_id(sql, parent->parent_id, &local);
    catalog_record_free(parent);
    parent = above;
  }
  if (local != NULL && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (parent != NULL && parent->level == LEVEL_CLASS) place.class_text = class_text_of(use, parent->code);
  *ret = place;
  place = (CodePlace){0};
  return TRUE;
}

/* ---- the next number ---- */

/* The first byte behind every text that begins so. */
static char *behind(const char *prefix) { return g_strconcat(prefix, "\xF4\x8F\xBF\xBF", NULL); }

typedef struct {
  guint number;
  gint64 id;
  gboolean certain;
} Highest;

/* The series end: from the last code down. Certain when the whole range was read, or its first numbers have the width and are not about to run over it. */
static gboolean highest_at_end(Sql *sql, const CodeUse *use, const CatalogRecord *record, const char *prefix, Highest *ret, GError **error) {
  g_autofree char *from = g_strconcat(prefix, "0", NULL), *to = g_strconcat(prefix, ":", NULL);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, code FROM record WHERE code >= $1 AND code < $2 AND fonds_id = $3 ORDER BY code DESC LIMIT $4",
    SQL_ARGS(sql_text(from), sql_text(to), sql_int(record->fonds_id), sql_int(TAIL_LOOKED)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  guint seen = 0, width = code_width(use, record->level), uniform = 0;
  while (sql_next(rows, &local)) {
    const char *digits = sql_get_text(rows, "code") + strlen(prefix);
    guint length = (guint)strspn(digits, "0123456789"), number = length < 10 ? (guint)g_ascii_strtoull(digits, NULL, 10) : 0;
    seen++;
    uniform += length == width;
    if (number <= ret->number) continue;
    ret->number = number;
    ret->id = sql_get_int(rows, "id");
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  guint limit = 9;
  for (guint i = 1; i < width; i++) limit *= 10;
  ret->certain = seen < TAIL_LOOKED || (width > 0 && uniform == seen && ret->number < limit);
  return TRUE;
}

/* The bytes that all codes of the scope begin with: the parts up to the first that the number does not start anew with. */
static char *scope_start(const CodeUse *use, const CatalogRecord *record, const char *prefix) {
  const CodePart *number = code_number_part(use->rule, record->level);
  g_autofree char *sample = g_strconcat(prefix, "1", NULL);
  CodeMatch match;
  if (!code_match(use, record->level, sample, &match)) return g_strdup(prefix);
  for (guint i = 0; &use->rule->parts[i] < number; i++)
    if (!use->rule->parts[i].in_counter && match.part[i] >= 0) return g_strndup(prefix, (gsize)match.part[i]);
  return g_strdup(prefix);
}

static gboolean highest_in_scope(Sql *sql, const CodeUse *use, const CatalogRecord *record, const char *start, const char *scope, Highest *ret, GError **error) {
  g_autofree char *to = behind(start);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, code FROM record WHERE code >= $1 AND code < $2 AND fonds_id = $3",
    SQL_ARGS(sql_text(start), sql_text(to), sql_int(record->fonds_id)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  int id = sql_column(rows, "id"), code = sql_column(rows, "code");
  while (sql_next(rows, &local)) {
    CodeMatch match;
    if (!code_match(use, record->level, sql_text_at(rows, code), &match) || match.number <= ret->number) continue;
    g_autofree char *theirs = code_scope(use, record->level, sql_text_at(rows, code), &match);
    gboolean in_volume = use->rule->volume >= 0 && record->level == LEVEL_ITEM; /* then the range is the volume's */
    if (!in_volume && !g_str_equal(theirs, scope)) continue;
    ret->number = match.number;
    ret->id = sql_int_at(rows, id);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

guint code_step(const CodeUse *use, Level level, gint64 page_count) {
  const CodePart *number = code_number_part(use->rule, level);
  return number != NULL && number->kind == PART_PAGE ? (guint)CLAMP(page_count, 1, CODE_PAGES_MAX) : 1;
}

static guint step_behind(Sql *sql, const CodeUse *use, const CatalogRecord *record, const Highest *highest) {
  if (highest->id == 0) return 1;
  return code_step(use, record->level, sql_number(sql, "SELECT page_count FROM record WHERE id = $1", SQL_ARGS(sql_int(highest->id)), 1, NULL));
}

static CatalogCodeKeeper code_keeper;

void catalog_set_code_keeper(CatalogCodeKeeper keeper) { code_keeper = keeper; }
gint64 catalog_code_kept(Sql *sql, gint64 fonds_id, const char *code) { return code_keeper != NULL ? code_keeper(sql, fonds_id, code) : 0; }

gint64 code_holder(Sql *sql, const CodeUse *use, const CatalogRecord *record, const char *code, GError **error) {
  g_autoptr(GError) local = NULL;
  gint64 holder = use->rule->unique_in_archive
    ? sql_number(sql, "SELECT id FROM record WHERE code = $1 AND id <> $2 ORDER BY fonds_id = $3 LIMIT 1",
        SQL_ARGS(sql_text(code), sql_int(record->id), sql_int(record->fonds_id)), 0, &local)
    : sql_number(sql, "SELECT id FROM record WHERE code = $1 AND fonds_id = $2 AND id <> $3",
        SQL_ARGS(sql_text(code), sql_int(record->fonds_id), sql_int(record->id)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), -1;
  return holder;
}

static char *first_free(Sql *sql, const CodeUse *use, const CatalogRecord *record, const char *prefix, guint number, GError **error) {
  for (guint i = 0; i < NUMBER_TRIES; i++) {
    g_autofree char *digits = code_number_text(number + i, code_width(use, record->level));
    g_autofree char *code = g_strconcat(prefix, digits, NULL);
    gint64 holder = code_holder(sql, use, record, code, error);
    if (holder < 0) return NULL;
    if (holder == 0 && catalog_code_kept(sql, record->fonds_id, code) == 0) return g_steal_pointer(&code);
  }
  return throw_null(error, LANTAI_ERROR_CONFLICT, "%s 之后没有空号", prefix);
}

gboolean code_use_in_place(CodeUse *use, const CatalogRecord *record, const CodePlace *place) {
  gboolean by_volume = record->level == LEVEL_VOLUME || place->volume != NULL;
  if (use->also == NULL || by_volume == (use->rule->volume >= 0)) return FALSE;
  *use = code_use_also(use);
  return TRUE;
}

/* A volume's inventory that no field describes is the one that volumes were last given: its fields with it; NULL: described, or none was given.
 * prefix: made with what the rule takes otherwise. */
static char *fields_as_before(Sql *sql, const CodeUse *use, const CatalogRecord *record, const char *prefix, GError **error) {
  const CodeRule *rule = use->rule;
  int index = 0;
  while (index < rule->volume && (rule->parts[index].kind != PART_TEXT || rule->parts[index].literal[0] == '\0' || rule->parts[index].fields[0] == NULL)) index++;
  if (record->level != LEVEL_VOLUME || index >= rule->volume) return NULL;
  g_autofree char *sample = g_strconcat(prefix, "1", NULL);
  json_auto_t *fields = record_fields(record);
  CodeMatch match;
  for (char **field = rule->parts[index].fields; *field != NULL; field++)
    if (json_string_length(json_object_get(fields, *field)) > 0) return NULL;
  if (!code_match(use, LEVEL_VOLUME, sample, &match)) return NULL;
  g_autofree char *start = g_strndup(prefix, (gsize)match.part[index]), *from = g_strconcat(start, "0", NULL), *to = g_strconcat(start, ":", NULL);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT code, level, category FROM record WHERE code >= $1 AND code < $2 AND fonds_id = $3 ORDER BY code DESC LIMIT $4",
    SQL_ARGS(sql_text(from), sql_text(to), sql_int(record->fonds_id), sql_int(TAIL_LOOKED)), error);
  if (rows == NULL) return NULL;
  while (sql_next(rows, error)) {
    if (sql_int_at(rows, 2) != record->category || !code_match(use, (Level)sql_int_at(rows, 1), sql_text_at(rows, 0), &match)) continue;
    g_autofree char *text = g_strndup(sql_text_at(rows, 0) + match.part[index], (gsize)(match.end[index] - match.part[index]));
    json_object_set_new(fields, rule->parts[index].fields[0], json_string(text));
    return json_dumps(fields, JSON_COMPACT);
  }
  return NULL;
}

char *catalog_code_generate(const House *house, Sql *sql, const CatalogRecord *record, GError **error) {
  g_auto(CodeUse) use = {0};
  g_auto(CodePlace) place = {0};
  g_autofree char *scope = NULL;
  if (record->level < LEVEL_VOLUME) return throw_null(error, LANTAI_ERROR_INVALID, "%s的代码不按规则编号", level_label(record->level));
  if (!code_use_for(house->catalog, sql, record->fonds_id, record->category, &use, error) || !code_place_of(sql, &use, record, &place, error)) return NULL;
  code_use_in_place(&use, record, &place);
  CatalogRecord bare = *record; /* by what is described, not by the code that it has or that somebody began to type */
  bare.code = NULL;
  g_autofree char *prefix = code_prefix(&use, &bare, place.volume, place.class_text, &scope, error);
  g_autoptr(GError) local = NULL;
  g_autofree char *fields = prefix == NULL ? NULL : fields_as_before(sql, &use, &bare, prefix, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (fields != NULL) {
    bare.fields = fields;
    g_clear_pointer(&prefix, g_free);
    g_clear_pointer(&scope, g_free);
    prefix = code_prefix(&use, &bare, place.volume, place.class_text, &scope, error);
  }
  if (prefix == NULL) return NULL;
  Highest highest = {0};
  g_autofree char *start = scope_start(&use, record, prefix);
  gboolean within = g_str_equal(start, prefix);
  if (within && !highest_at_end(sql, &use, record, prefix, &highest, error)) return NULL;
  if (!highest.certain && !highest_in_scope(sql, &use, record, start, scope, &highest, error)) return NULL;
  return first_free(sql, &use, record, prefix, highest.number + step_behind(sql, &use, record, &highest), error);
}

static char *check_with(const CodeUse *use, Sql *sql, const CatalogRecord *record, GError **error) {
  g_auto(CodePlace) place = {0};
  if (!use->followed || !code_place_of(sql, use, record, &place, error)) return NULL;
  CodeUse own = code_use_of(use, record->level, record->code);
  char *problem = code_problem(&own, record, place.volume, place.class_text);
  if (problem != NULL || !own.rule->unique_in_archive) return problem;
  return code_holder(sql, &own, record, record->code, error) > 0 ? g_strdup("馆内另有一件档案用这个档号，规则要求全馆唯一") : NULL;
}

char *catalog_code_check(const House *house, Sql *sql, const CatalogRecord *record, GError **error) {
  g_auto(CodeUse) use = {0};
  if (record->level < LEVEL_VOLUME || record->category == 0) return NULL;
  if (!code_use_for(house->catalog, sql, record->fonds_id, record->category, &use, error)) return NULL;
  return check_with(&use, sql, record, error);
}

struct CatalogCodeChecker {
  const House *house;
  GHashTable *uses; /* fonds << 8 | category → CodeUse */
};

static void use_free(gpointer data) {
  code_use_clear(data);
  g_free(data);
}

CatalogCodeChecker *catalog_code_checker_new(const House *house) {
  CatalogCodeChecker *checker = g_new0(CatalogCodeChecker, 1);
  checker->house = house;
  checker->uses = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, use_free);
  return checker;
}

void catalog_code_checker_free(CatalogCodeChecker *checker) {
  g_hash_table_unref(checker->uses);
  g_free(checker);
}

char *catalog_code_checker_check(CatalogCodeChecker *checker, Sql *sql, const CatalogRecord *record, GError **error) {
  if (record->level < LEVEL_VOLUME || record->category == 0) return NULL;
  gint64 key = record->fonds_id << 8 | record->category;
  CodeUse *use = g_hash_table_lookup(checker->uses, &key);
  if (use == NULL) {
    CodeUse made = {0};
    if (!code_use_for(checker->house->catalog, sql, record->fonds_id, record->category, &made, error)) return NULL;
    use = g_memdup2(&made, sizeof made);
    g_hash_table_insert(checker->uses, g_memdup2(&key, sizeof key), use);
  }
  return check_with(use, sql, record, error);
}
