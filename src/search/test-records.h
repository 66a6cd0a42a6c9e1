/*
 * Random records for search-test.c: Chinese words, letters, signs and characters written in several ways, names, dates, codes longer than the columns keep,
 * closed fields, pages; and what of them stands in the database, so that each snapshot has its own.
 */
#pragma once
#include "internal.h"
#include "text.h"

enum { DOCUMENTS = 1000, PAGES = 3, VALUES = 3, CLOSED = VALUES - 1 /* the last value is closed */ };

typedef struct { char *text, *folded; } Text; /* NULL: none */
typedef struct { /* immutable, counted */
  Text title, creator, code, docno, values[VALUES], pages[PAGES];
  const char *keys[VALUES];
  SearchColumns columns;
} Model;

/* Documents are counted here from 1; their record ids are spread over several blocks. */
static gint64 record_id(gint64 number) { return number * 139; }

static const char *const ALPHABET[] = {"档", "案", "檔", "国", "國", "发", "發", "文", "的", "a", "b", "Ａ", "1", "2", "１",
  "é", "e\314\201", "，", "-", "·", " ", "　", "《", "》", "\356\200\200", "\357\246\216", "か\343\202\231", "㈱", "\"", "(", ")", ":", "*"};

static char *random_text(GRand *random, gint most) {
  GString *text = g_string_new(NULL);
  gint length = g_rand_int_range(random, 0, most + 1);
  for (gint i = 0; i < length; i++) g_string_append(text, ALPHABET[g_rand_int_range(random, 0, g_rand_boolean(random) ? 14 : (gint)G_N_ELEMENTS(ALPHABET))]);
  return g_string_free(text, FALSE);
}

static const char *one_of(GRand *random, const char *const *list, guint count) { return list[g_rand_int_range(random, 0, (gint)count)]; }
#define ONE_OF(random, list) one_of((random), (list), G_N_ELEMENTS(list))

static const char *const PERSONS[] = {"张伟", "张 伟", "章薇", "王小明", "欧阳修", "张伟、王小明", "买买提·艾力"};
static const char *const DAYS[] = {"1958-03-01", "1958年3月", "195802", "1958", "1957年12月至1958年2月", "五八年", "197?"};
static const char *const KEYS[] = {"nfxm", "bz", "密级", "djrq"}; /* 密级 is a delivery's own header */

static Text text_take(char *text) { return (Text){text, text ? text_fold(text) : NULL}; }

static char *random_value(GRand *random, const char *key) {
  gint kind = g_rand_int_range(random, 0, 3);
  if (g_str_equal(key, "djrq") && kind) return g_strdup(ONE_OF(random, DAYS));
  return kind == 1 ? g_strdup(ONE_OF(random, PERSONS)) : random_text(random, 6);
}

static char *random_code(GRand *random) {
  g_autofree char *code = g_strdup_printf("%c-%d·%d", g_rand_int_range(random, 'a', 'd'), g_rand_int_range(random, 1, 30), g_rand_int_range(random, 0, 3));
  gint kind = g_rand_int_range(random, 0, 40);
  if (kind == 1) return g_strdup("");
  g_autoptr(GString) longer = g_string_new(NULL); /* than what the columns keep of it */
  for (guint i = 0; kind == 0 && i < CODE_MAX; i += 6) g_string_append(longer, "档案");
  return g_strconcat(longer->str, code, NULL);
}

static SearchColumns random_columns(GRand *random, const char *title) {
  static const struct { gint32 from, to; } dates[] = {{0, 0}, {19500101, 19500101}, {19581231, 19581231}, {19581230, 19590102}, {19580101, 19581231},
    {20011130, 20011130}, {20240229, 20240229}, {19490101, 19661231}};
  guint date = (guint)g_rand_int_range(random, 0, G_N_ELEMENTS(dates));
  if (g_rand_boolean(random)) /* many are alike */
    return (SearchColumns){.fonds_id = 1, .date_from = dates[date].from, .year = 1958, .level = LEVEL_ITEM, .title_length = (guint8)text_length(title),
      .date_span = search_date_span(dates[date].from, dates[date].to)};
  return (SearchColumns){.parent_id = (guint32)g_rand_int_range(random, 0, 4), .fonds_id = (guint32)g_rand_int_range(random, 1, 130),
    .accession_id = (guint32)g_rand_int_range(random, 0, 3), .date_from = dates[date].from, .year = (guint16)(dates[date].from / 10000),
    .category = (guint8)g_rand_int_range(random, 0, 4), .level = (guint8)g_rand_int_range(random, LEVEL_FONDS, LEVEL_ITEM + 1),
    .retention = (guint8)g_rand_int_range(random, 0, 4), .opening = (guint8)g_rand_int_range(random, 0, 4), .security = (guint8)g_rand_int_range(random, 0, 5),
    .title_length = (guint8)text_length(title), .has_files = (guint8)g_rand_boolean(random), .date_span = search_date_span(dates[date].from, dates[date].to)};
}

typedef enum { NEW_ALL, NEW_COLUMNS, NEW_PAGES } News;

/* A new record, or one like `former` but for its columns, or its pages. */
static Model *model_new(GRand *random, const Model *former, News news) {
  Model *model = g_atomic_rc_box_new0(Model);
  gboolean all = former == NULL || news == NEW_ALL;
  model->title = text_take(all ? random_text(random, 12) : g_strdup(former->title.text));
  model->creator = text_take(!all ? g_strdup(former->creator.text) : g_rand_int_range(random, 0, 3) ? random_text(random, 5) : g_strdup(ONE_OF(random, PERSONS)));
  model->code = text_take(all ? random_code(random) : g_strdup(former->code.text));
  model->docno = text_take(all ? random_text(random, 4) : g_strdup(former->docno.text));
  for (guint i = 0; i < VALUES; i++) {
    model->keys[i] = all ? ONE_OF(random, KEYS) : former->keys[i];
    model->values[i] = text_take(all ? random_value(random, model->keys[i]) : g_strdup(former->values[i].text));
  }
  for (guint i = 0; i < PAGES; i++)
    model->pages[i] = text_take(!all && news != NEW_PAGES ? g_strdup(former->pages[i].text) : g_rand_int_range(random, 0, 3) ? NULL : random_text(random, 30));
  model->columns = all || news == NEW_COLUMNS ? random_columns(random, model->title.text) : former->columns;
  return model;
}

static void text_clear(Text *text) {
  g_free(text->text);
  g_free(text->folded);
}

static void model_clear(gpointer data) {
  Model *model = data;
  Text *const texts[] = {&model->title, &model->creator, &model->code, &model->docno};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) text_clear(texts[i]);
  for (guint i = 0; i < VALUES; i++) text_clear(&model->values[i]);
  for (guint i = 0; i < PAGES; i++) text_clear(&model->pages[i]);
}

static void model_unref(Model *model) {
  if (model) g_atomic_rc_box_release_full(model, model_clear);
}

static Model **models_copy(Model *const *models) {
  Model **copy = g_memdup2(models, sizeof *models * (DOCUMENTS + 1));
  for (gint64 i = 1; i <= DOCUMENTS; i++)
    if (copy[i]) g_atomic_rc_box_acquire(copy[i]);
  return copy;
}

static void models_free(Model **models) {
  for (gint64 i = 1; models && i <= DOCUMENTS; i++) model_unref(models[i]);
  g_free(models);
}

/* ---- in the database ---- */

static SearchDocument document_of(const Model *model, gint64 id, char **ret_fields, char **ret_closed) {
  *ret_fields = g_strdup_printf("%s\t%s\n%s\t%s\n", model->keys[0], model->values[0].text, model->keys[1], model->values[1].text);
  *ret_closed = g_strdup_printf("%s\t%s\n", model->keys[CLOSED], model->values[CLOSED].text);
  return (SearchDocument){id, model->title.text, model->creator.text, model->code.text, model->docno.text, *ret_fields, model->columns, *ret_closed};
}

static void tell(Sql *sql, gint64 id, const SearchDocument *document, const Model *model, GError **error) {
  sql_exec(sql, "DELETE FROM told WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  sql_exec(sql, "DELETE FROM told_page WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (model == NULL) return;
  sql_exec(sql, "INSERT INTO told (id, title, creator, code, docno, fields, closed, lines) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    SQL_ARGS(sql_int(id), sql_text(document->title), sql_text(document->creator), sql_text(document->code), sql_text(document->docno), sql_text(document->fields),
      sql_text(document->closed), sql_blob(&document->columns, sizeof document->columns)), error);
  for (guint i = 0; i < PAGES; i++)
    if (model->pages[i].text)
      sql_exec(sql, "INSERT INTO told_page (id, page, text) VALUES ($1, $2, $3)", SQL_ARGS(sql_int(id), sql_int(i + 1), sql_text(model->pages[i].text)), error);
}

static gboolean read_records(Sql *sql, gint64 after, SearchEach each, gpointer each_data, gpointer data, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, title, creator, code, docno, fields, closed, lines FROM told WHERE id > $1 ORDER BY id",
    SQL_ARGS(sql_int(after)), error);
  if (rows == NULL) return FALSE;
  while (sql_next(rows, error)) {
    gsize length;
    SearchDocument document = {sql_int_at(rows, 0), sql_text_at(rows, 1), sql_text_at(rows, 2), sql_text_at(rows, 3), sql_text_at(rows, 4), sql_text_at(rows, 5),
      .closed = sql_text_at(rows, 6)};
    memcpy(&document.columns, sql_blob_at(rows, 7, &length), sizeof document.columns);
    if (!each(&document, each_data)) return TRUE;
  }
  return TRUE;
}
