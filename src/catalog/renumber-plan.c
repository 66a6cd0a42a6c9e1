/*
 * A plan of renumbering: which records, what code each gets, what stands in the way, and in which order to go.
 *
 * 1. Only records of volumes and files that the asker may see are taken, and with a volume the files in it.
 * 2. Every category concerned must have a rule that somebody chose; of records picked one by one only those are taken that have one. What the chosen rule does not
 *    number, pieces beside volumes, goes by the rule that most of it follows already.
 * 3. A record whose new code is held by one that stays, by one outside the plan, or wanted twice, is refused and stays as it is.
 * 4. Who takes a code goes after the one who has it. Where codes go round in a circle, the circle's rows are joined: one transaction.
 */
#include "code-keeper.h"
#include "renumber.h"
#include "watch.h"
#include "settings.h"
#include <string.h>

enum { RECORDS_MAX = 100000, SEARCH_PAGE = 10000, DEPTH_MAX = 16 };

typedef struct {
  const House *house;
  Sql *sql;
  const Scope *scope;
  const RenumberAsk *ask;
  GPtrArray *rows;       /* RenumberRow*, in the order of their codes */
  GHashTable *by_id;     /* id → row */
  GHashTable *by_code;   /* "fonds\tcode" before → row */
  GHashTable *uses;      /* "fonds category" → CodeUse[2]: the rule's, and that of the rule that the others follow */
  GHashTable *counters;  /* scope → last number given */
  guint unchanged, refused, moving;
} Plan;

static void row_free(RenumberRow *row) {
  char *texts[] = {row->before, row->after, row->problem, row->prefix, row->scope};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) g_free(texts[i]);
  g_free(row);
}
static void use_free(CodeUse *use) {
  code_use_clear(use);
  g_free(use);
}

static gboolean moves(const RenumberRow *row) { return row->problem == NULL && row->after != NULL && !g_str_equal(row->before, row->after); }
static char *code_key(gint64 fonds_id, const char *code) { return g_strdup_printf("%" G_GINT64_FORMAT "\t%s", fonds_id, code); }

/* ---- which records ---- */

static const CodeUse *use_of(Plan *plan, const CatalogRecord *record, GError **error) {
  g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT " %u", record->fonds_id, record->category);
  CodeUse *use = g_hash_table_lookup(plan->uses, key);
  if (use == NULL) {
    use = g_new0(CodeUse, 2);
    g_hash_table_insert(plan->uses, g_steal_pointer(&key), use);
    if (!code_use_for(plan->house->catalog, plan->sql, record->fonds_id, record->category, use, error)) return NULL;
    use[1] = code_use_also(use);
  }
  if (use->chosen) return use;
  const CatalogCategory *category = catalog_category(plan->house->catalog, record->category);
  return throw_null(error, LANTAI_ERROR_INVALID, "全宗 %s 的“%s”还没有选定编号规则。请先在“档号”页选定，再改号", use->fonds, category ? category->title : "无门类档案");
}

/* Invariant 2: a node or a search is refused whole; of records picked one by one, which may be of many fonds, only those without a rule. */
static gboolean take_use(Plan *plan, const CatalogRecord *record, RenumberRow *row, GError **error) {
  g_autoptr(GError) local = NULL;
  row->use = use_of(plan, record, &local);
  if (row->use != NULL) return TRUE;
  if (plan->ask->ids == NULL || !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  row->problem = g_strdup(local->message);
  return TRUE;
}

static void set_use(RenumberRow *row, const CatalogRecord *record, const CodeUse *use) {
  row->use = use;
  row->step = code_step(use, record->level, record->page_count);
  row->later = use->rule->volume >= 0 && record->level == LEVEL_ITEM;
}

static gboolean add_record(Plan *plan, const CatalogRecord *record, GError **error) {
  if (record->level < LEVEL_VOLUME || g_hash_table_contains(plan->by_id, &record->id)) return TRUE;
  if (plan->ask->category != 0 && record->category != plan->ask->category) return TRUE;
  if (plan->rows->len == RECORDS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "所选超过 %d 件，请分批改号（选下一级类目，或缩小检索）", RECORDS_MAX);
  RenumberRow *row = g_new0(RenumberRow, 1);
  *row = (RenumberRow){.id = record->id, .parent_id = record->parent_id, .fonds_id = record->fonds_id, .level = record->level, .category = record->category};
  row->before = g_strdup(record->code);
  g_ptr_array_add(plan->rows, row);
  g_hash_table_insert(plan->by_id, &row->id, row);
  if (!take_use(plan, record, row, error)) return FALSE;
  if (row->use == NULL) return TRUE;
  set_use(row, record, row->use);
  if (row->later && row->use->also == NULL) return TRUE;
  g_autoptr(GError) problem = NULL;
  g_auto(CodePlace) place = {0};
  if (!code_place_of(plan->sql, row->use, record, &place, error)) return FALSE;
  CodeUse own = *row->use;
  if (code_use_in_place(&own, record, &place)) set_use(row, record, row->use + 1);
  if (row->later) return TRUE;
  row->prefix = code_prefix(row->use, record, place.volume, place.class_text, &row->scope, &problem);
  if (problem != NULL) row->problem = g_strdup(problem->message);
  return TRUE;
}

static gboolean add_below(Plan *plan, gint64 parent_id, int depth, GError **error) {
  g_autoptr(GArray) nodes = g_array_new(FALSE, FALSE, sizeof(gint64));
  {
    g_autoptr(SqlRows) rows = sql_query(plan->sql, RECORD_SELECT "WHERE r.parent_id = $1", SQL_ARGS(sql_int(parent_id)), error);
    if (rows == NULL) return FALSE;
    g_autoptr(GError) local = NULL;
    RecordRow columns = record_row(rows);
    while (sql_next(rows, &local)) {
      g_autoptr(CatalogRecord) record = record_at(rows, &columns);
      if (!scope_admits(plan->scope, record->level, record->fonds_id, record->security, record->opening)) continue;
      if (record->level < LEVEL_ITEM) g_array_append_val(nodes, record->id);
      if (!add_record(plan, record, error)) return FALSE;
    }
    if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  }
  for (guint i = 0; i < nodes->len && depth < DEPTH_MAX; i++)
    if (!add_below(plan, g_array_index(nodes, gint64, i), depth + 1, error)) return FALSE;
  return TRUE;
}

static gboolean add_one(Plan *plan, gint64 id, GError **error) {
  g_autoptr(CatalogRecord) record = catalog_record_load(plan->sql, plan->scope, id, error);
  if (record == NULL || !add_record(plan, record, error)) return FALSE;
  return record->level != LEVEL_VOLUME || add_below(plan, id, 0, error);
}

static gboolean add_found(Plan *plan, GError **error) {
  const gint64 levels[] = {LEVEL_VOLUME, LEVEL_ITEM};
  g_autofree char *after = NULL;
  do {
    SearchRequest ask = {.query = plan->ask->query, .fonds = &plan->ask->fonds, .fonds_count = plan->ask->fonds != 0, .categories = &plan->ask->category,
      .categories_count = plan->ask->category != 0,
      .accession_id = plan->ask->accession, .levels = levels, .levels_count = 2, .sort = SEARCH_SORT_CODE, .after = after, .limit = SEARCH_PAGE};
    g_autoptr(SearchResult) result = search_run_whole(plan->house->search, plan->sql, plan->scope, &ask, error);
    if (result == NULL) return FALSE;
    if (result->count > RECORDS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "检索到的超过 %d 件，请缩小检索，分批改号", RECORDS_MAX);
    for (guint i = 0; i < result->ids->len; i++)
      if (!add_one(plan, g_array_index(result->ids, gint64, i), error)) return FALSE;
    g_free(after);
    after = g_strdup(result->next);
  } while (after != NULL);
  return TRUE;
}

/* ---- what each gets ---- */

static gboolean digits_of(const char *text, guint *ret) {
  gsize length = text == NULL ? 0 : strspn(text, "0123456789");
  if (length == 0 || length > 9) return FALSE;
  *ret = (guint)g_ascii_strtoull(text, NULL, 10);
  return TRUE;
}

/* The running number that a code of whatever rule has: by the rule, by a known generation, else the digits it ends with. */
static gboolean number_of(const RenumberRow *row, guint *ret) {
  CodeMatch match;
  if (code_match(row->use, row->level, row->before, &match)) return *ret = match.number, TRUE;
  g_auto(CatalogCode) parsed = {0};
  catalog_code_parse(row->before, &parsed);
  if (row->level == LEVEL_ITEM && digits_of(parsed.item, ret)) return TRUE;
  if (row->level == LEVEL_VOLUME && digits_of(parsed.item && parsed.volume == NULL ? parsed.item : parsed.volume, ret)) return TRUE;
  const char *end = row->before + strlen(row->before);
  while (end > row->before && g_ascii_isdigit(end[-1])) end--;
  return digits_of(end, ret);
}

static char *code_from(const RenumberRow *row, guint number) {
  g_autofree char *digits = code_number_text(number, code_width(row->use, row->level));
  return g_strconcat(row->prefix, digits, NULL);
}

/* The record outside the plan that has this code, or the delivery that it is kept for; 0: none; -1: error. */
static gint64 outsider(Plan *plan, const RenumberRow *row, const char *code, GError **error) {
  const CatalogRecord record = {.id = row->id, .fonds_id = row->fonds_id};
  gint64 id = code_holder(plan->sql, row->use, &record, code, error);
  const RenumberRow *holder = g_hash_table_lookup(plan->by_id, &id);
  if (id == 0) return catalog_code_kept(plan->sql, row->fonds_id, code);
  return holder != NULL && holder->fonds_id == row->fonds_id ? 0 : id;
}

static gboolean number_anew(Plan *plan, RenumberRow *row, GError **error) {
  guint number = GPOINTER_TO_UINT(g_hash_table_lookup(plan->counters, row->scope));
  gint64 other;
  do {
    g_free(row->after);
    row->after = code_from(row, ++number);
    other = outsider(plan, row, row->after, error);
  } while (other > 0);
  g_hash_table_insert(plan->counters, g_strdup(row->scope), GUINT_TO_POINTER(number + row->step - 1));
  return other == 0;
}

/* It has no number: the next one behind all that its series has. */
static gboolean number_behind(Plan *plan, RenumberRow *row, GError **error) {
  if (!g_hash_table_contains(plan->counters, row->scope)) {
    g_autoptr(CatalogRecord) record = record_by_id(plan->sql, row->id, error);
    g_autoptr(GError) problem = NULL;
    g_autofree char *next = record != NULL ? catalog_code_generate(plan->house, plan->sql, record, &problem) : NULL;
    CodeMatch match = {0};
    if (record == NULL) return FALSE;
    if (problem != NULL) return row->problem = g_strdup(problem->message), TRUE;
    if (!code_match(row->use, row->level, next, &match)) return row->problem = g_strdup("看不出原来的顺序号"), TRUE;
    g_hash_table_insert(plan->counters, g_strdup(row->scope), GUINT_TO_POINTER(match.number - 1));
  }
  return number_anew(plan, row, error);
}

static gboolean number_row(Plan *plan, RenumberRow *row, GError **error) {
  if (row->later) {
    const RenumberRow *volume = g_hash_table_lookup(plan->by_id, &row->parent_id);
    g_autoptr(CatalogRecord) parent = volume != NULL ? NULL : record_by_id(plan->sql, row->parent_id, NULL);
    const char *code = volume != NULL ? (volume->after ? volume->after : volume->before) : parent && parent->level == LEVEL_VOLUME ? parent->code : NULL;
    const CatalogRecord draft = {.level = LEVEL_ITEM};
    g_autoptr(GError) problem = NULL;
    row->prefix = code_prefix(row->use, &draft, volume != NULL && volume->level != LEVEL_VOLUME ? NULL : code, NULL, &row->scope, &problem);
    if (problem != NULL) row->problem = g_strdup(problem->message);
  }
  if (row->problem != NULL) return TRUE;
  if (plan->ask->anew) return number_anew(plan, row, error);
  if (!number_of(row, &row->number)) return number_behind(plan, row, error);
  row->after = code_from(row, row->number);
  return TRUE;
}

static int compare_rows(gconstpointer a, gconstpointer b) {
  const RenumberRow *left = *(RenumberRow *const *)a, *right = *(RenumberRow *const *)b;
  return left->fonds_id != right->fonds_id ? (left->fonds_id < right->fonds_id ? -1 : 1) : catalog_code_compare(left->before, right->before);
}

static gboolean number_rows(Plan *plan, GError **error) {
  g_ptr_array_sort(plan->rows, compare_rows);
  for (Level level = LEVEL_VOLUME; level <= LEVEL_ITEM; level++)
    for (guint i = 0; i < plan->rows->len; i++) {
      RenumberRow *row = plan->rows->pdata[i];
      if (row->level == level && !number_row(plan, row, error)) return FALSE;
    }
  return TRUE;
}

/* ---- what stands in the way ---- */

static gboolean find_holders(Plan *plan, GError **error) {
  g_autoptr(GHashTable) wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < plan->rows->len; i++) {
    RenumberRow *row = plan->rows->pdata[i];
    g_hash_table_insert(plan->by_code, code_key(row->fonds_id, row->before), row);
  }
  for (guint i = 0; i < plan->rows->len; i++) {
    RenumberRow *row = plan->rows->pdata[i];
    if (!moves(row)) continue;
    g_autofree char *key = code_key(row->fonds_id, row->after);
    const RenumberRow *twin = g_hash_table_lookup(wanted, key);
    row->holder = g_hash_table_lookup(plan->by_code, key);
    gint64 other = twin != NULL || row->holder != NULL ? 0 : outsider(plan, row, row->after, error);
    if (other < 0) return FALSE;
    if (twin != NULL) row->problem = g_strdup_printf("新号与 %s 的新号相同", twin->before);
    else if (other > 0) row->problem = g_strdup_printf("新号 %s 已由所选范围以外的档案使用", row->after);
    else g_hash_table_insert(wanted, g_steal_pointer(&key), row);
  }
  return TRUE;
}

/* A refusal may be the reason for others: until there are no more. */
static void refuse_dependents(Plan *plan) {
  for (gboolean more = TRUE; more;) {
    more = FALSE;
    for (guint i = 0; i < plan->rows->len; i++) {
      RenumberRow *row = plan->rows->pdata[i];
      if (!moves(row)) continue;
      const RenumberRow *volume = row->later ? g_hash_table_lookup(plan->by_id, &row->parent_id) : NULL, *holder = row->holder;
      if (holder != NULL && holder != row && !moves(holder)) row->problem = g_strdup_printf("新号是 %s 现在的档号，而它不改号", holder->before);
      else if (volume != NULL && volume->problem != NULL) row->problem = g_strdup_printf("所在案卷 %s 的档号不能改", volume->before);
      more = more || row->problem != NULL;
    }
  }
}

/* ---- the order (invariant 4) ---- */

static void order_rows(Plan *plan) {
  guint turn = 0;
  g_autoptr(GPtrArray) stack = g_ptr_array_new();
  for (guint i = 0; i < plan->rows->len; i++) {
    RenumberRow *row = plan->rows->pdata[i];
    g_ptr_array_set_size(stack, 0);
    while (row != NULL && moves(row) && row->turn == 0) {
      row->turn = G_MAXUINT; /* on the stack */
      g_ptr_array_add(stack, row);
      row = row->holder;
    }
    gboolean circle = row != NULL && row->turn == G_MAXUINT;
    for (guint k = stack->len; k > 0; k--) {
      RenumberRow *next = stack->pdata[k - 1];
      next->turn = ++turn;
      next->joined = circle && k < stack->len;
    }
  }
  plan->moving = turn;
  for (guint i = 0; i < plan->rows->len; i++) {
    const RenumberRow *row = plan->rows->pdata[i];
    if (row->problem != NULL) plan->refused++;
    else if (row->turn == 0) plan->unchanged++;
  }
}

/* ---- kept ---- */

static gboolean keep_rows(const Plan *plan, Sql *sql, gint64 id, GError **error) {
  for (guint i = 0; i < plan->rows->len; i++) {
    const RenumberRow *row = plan->rows->pdata[i];
    if (row->problem == NULL && row->turn == 0) continue;
    if (!sql_exec(sql,
          "INSERT INTO renumber_row (renumber_id, place, turn, joined, record_id, code_before, code_after, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
          SQL_ARGS(sql_int(id), sql_int(i + 1), sql_int(row->problem ? 0 : row->turn), sql_int(row->joined), sql_int(row->id), sql_text(row->before),
            sql_text(row->after ? row->after : ""), sql_text(row->problem ? row->problem : "")), error)) return FALSE;
  }
  return TRUE;
}

static char *plan_title(Plan *plan) {
  g_autoptr(CatalogRecord) node = plan->ask->node == 0 ? NULL : record_by_id(plan->sql, plan->ask->node, NULL);
  if (node != NULL) return g_strdup_printf("%s %s", node->code, node->title);
  if (plan->ask->ids != NULL) return g_strdup(plan->ask->title);
  g_autoptr(CatalogRecord) fonds = plan->ask->fonds == 0 ? NULL : record_by_id(plan->sql, plan->ask->fonds, NULL);
  const CatalogCategory *category = plan->ask->category < 1 || plan->ask->category > 255 ? NULL : catalog_category(plan->house->catalog, plan->ask->category);
  if (fonds != NULL) return g_strdup_printf("%s %s%s%s", fonds->code, fonds->title, category != NULL ? "　" : "", category != NULL ? category->title : "");
  if (plan->ask->accession != 0) return g_strdup_printf("移交批次 %" G_GINT64_FORMAT, plan->ask->accession);
  return plan->ask->query != NULL && plan->ask->query[0] != '\0' ? g_strdup_printf("检索“%s”的结果", plan->ask->query) : g_strdup("检索结果");
}

static gint64 keep_plan(const Plan *plan, const char *title, const char *actor, GError **error) {
  g_autoptr(Sql) sql = sql_write(plan->house->db, error);
  if (sql == NULL) return 0;
  /* what this person looked at before and did not do */
  if (!sql_exec(sql, "DELETE FROM renumber_row WHERE renumber_id IN (SELECT id FROM renumber WHERE state = 'planned' AND actor = $1)", SQL_ARGS(sql_text(actor)),
        error) || !sql_exec(sql, "DELETE FROM renumber WHERE state = 'planned' AND actor = $1", SQL_ARGS(sql_text(actor)), error)) return 0;
  if (!sql_exec(sql,
        "INSERT INTO renumber (id, at_us, actor, title, mode, state, total, done, unchanged, refused) "
        "VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM renumber), $1, $2, $3, $4, 'planned', $5, 0, $6, $7)",
        SQL_ARGS(sql_int(clock_now_us()), sql_text(actor), sql_text(title), sql_text(plan->ask->anew ? "anew" : "keep"), sql_int(plan->moving),
          sql_int(plan->unchanged), sql_int(plan->refused)), error)) return 0;
  gint64 id = sql_last_id(sql);
  return keep_rows(plan, sql, id, error) && sql_commit(sql, error) ? id : 0;
}

static gboolean make_plan(Plan *plan, GError **error) {
  if (plan->ask->ids != NULL) {
    for (gsize i = 0; i < plan->ask->count; i++) {
      g_autoptr(GError) local = NULL;
      if (add_one(plan, plan->ask->ids[i], &local) || g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) continue; /* gone since it was listed */
      return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
    }
  } else if (plan->ask->node != 0) {
    g_autoptr(CatalogRecord) node = catalog_record_load(plan->sql, plan->scope, plan->ask->node, error);
    if (node == NULL || !add_record(plan, node, error) || !add_below(plan, node->id, 0, error)) return FALSE;
  } else if (!add_found(plan, error)) return FALSE;
  if (plan->rows->len == 0) return throw(error, LANTAI_ERROR_INVALID, "所选范围中没有案卷或文件，没有可改的档号");
  if (!number_rows(plan, error) || !find_holders(plan, error)) return FALSE;
  refuse_dependents(plan);
  order_rows(plan);
  return TRUE;
}

gint64 catalog_renumber_plan(const House *house, const Scope *scope, const char *actor, const gint64 *ids, gsize count, const char *title, GError **error) {
  const RenumberAsk ask = {.ids = ids, .count = count, .title = title};
  return renumber_plan(house, scope, actor, &ask, error);
}

gint64 renumber_plan(const House *house, const Scope *scope, const char *actor, const RenumberAsk *ask, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return 0;
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  g_autoptr(GHashTable) by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
  g_autoptr(GHashTable) by_code = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) uses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)use_free);
  g_autoptr(GHashTable) counters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  Plan plan = {house, sql, scope, ask, rows, by_id, by_code, uses, counters, 0, 0, 0};
  if (!make_plan(&plan, error)) return 0;
  g_autofree char *title = plan_title(&plan);
  sql_end(g_steal_pointer(&sql));
  return keep_plan(&plan, title, actor, error);
}
