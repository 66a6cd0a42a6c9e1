/*
 * What records are compared by: the keys of duplicates, of equal files, of persons.
 *
 * 1. A key holds only digests; what it was made of is read again from the records when it is shown.
 */
#include "internal.h"
#include "text.h"

enum { TITLE_LEAST = 4, NAME_LEAST = 2, NAME_MOST = 20 };

gint64 look_digest(const char *text) { /* FNV-1a, 64 bits; never 0 */
  guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);
  for (const char *at = text; *at; at++) hash = (hash ^ (guchar)*at) * G_GUINT64_CONSTANT(0x100000001b3);
  return (gint64)(hash ? hash : 1);
}

static void add_key(GArray *keys, gint64 hash, gint64 form) {
  LookKey key = {hash, form};
  for (guint i = 0; i < keys->len; i++)
    if (g_array_index(keys, LookKey, i).hash == key.hash && g_array_index(keys, LookKey, i).form == key.form) return;
  g_array_append_val(keys, key);
}

void keys_duplicate(Look *look, GArray *keys) {
  const CatalogRecord *record = look->record;
  if (record->level < LEVEL_VOLUME || record->date.from == 0 || g_utf8_strlen(record->title, -1) < TITLE_LEAST) return;
  g_autofree char *title = text_fold(record->title), *creator = text_fold(record->creator), *docno = text_fold(record->docno);
  g_autoptr(GString) all = g_string_new(NULL);
  g_string_append_printf(all, "%d\n%d\n%d\n%s\n%s\n%s", record->level, record->date.from, record->date.to, title, creator, docno);
  for (guint i = 0; look->category && i < look->category->field_count; i++) /* forms with one title differ by whom they are about */
    if (g_str_equal(look->category->fields[i].type, "person")) g_string_append_printf(all, "\n%s", look_value(look, look->category->fields[i].key));
  add_key(keys, look_digest(all->str), 0);
}

void keys_files(Look *look, GArray *keys) {
  if (look->record->file_count == 0 || look->failure) return;
  g_autoptr(SqlRows) rows = sql_query(look->sql, "SELECT sha512 FROM file WHERE record_id = $1 ORDER BY sha512", SQL_ARGS(sql_int(look->record->id)), &look->failure);
  if (rows == NULL) return;
  g_autoptr(GString) all = g_string_new(NULL);
  while (sql_next(rows, &look->failure)) g_string_append(all, sql_get_text(rows, "sha512"));
  if (all->len && look->failure == NULL) add_key(keys, look_digest(all->str), 0);
}

/* What tells a person apart, of the fields that go with the name (男方姓名: 男方证件号). */
typedef struct { const char *paper, *born; } Telling;

static const char *value_with(const Look *look, const CatalogField *name, const char *word) {
  guint persons = 0;
  for (guint i = 0; i < look->category->field_count; i++) persons += g_str_equal(look->category->fields[i].type, "person");
  for (guint i = 0; i < look->category->field_count; i++) {
    const CatalogField *field = &look->category->fields[i];
    const char *second = g_utf8_offset_to_pointer(name->label, MIN(2, g_utf8_strlen(name->label, -1)));
    gboolean together = persons == 1 || strncmp(field->label, name->label, (gsize)(second - name->label)) == 0;
    if (strstr(field->label, word) && together && *look_value(look, field->key)) return look_value(look, field->key);
  }
  return "";
}

/* 无, 0000 and 4208**** are nobody's number. */
static Telling telling_of(const Look *look, const CatalogField *name) {
  static const char *const NUMBERS[] = {"证件号", "身份证"};
  Telling telling = {"", value_with(look, name, "出生日期")};
  for (guint i = 0; i < G_N_ELEMENTS(NUMBERS) && *telling.paper == '\0'; i++) telling.paper = value_with(look, name, NUMBERS[i]);
  if (strpbrk(telling.paper, "123456789") == NULL || strchr(telling.paper, '*') != NULL) telling.paper = "";
  return telling;
}

gint64 look_person_hash(gint64 fonds_id, const char *folded) { /* only the writing differs */
  g_autofree char *same = g_strdup_printf("%" G_GINT64_FORMAT "\n%s", fonds_id, folded);
  return look_digest(same);
}

static gint64 paper_hash(const char *paper) { /* one paper, two names */
  g_autofree char *id = text_fold(paper), *known = g_strdup_printf("id\n%s", id);
  return look_digest(known);
}

/* One day, one surname, one sound; 0: the day is not known. The day alone tells of nobody: in a county's marriages it is that of nearly everybody else, too. */
static gint64 born_hash(const char *born, const char *folded) {
  DateSpan day = {0, 0};
  if (*born == '\0' || !date_parse(born, &day) || day.from != day.to) return 0;
  g_autofree char *initials = search_initials(folded), *name = g_strstrip(g_strdup(folded)), *surname = g_utf8_substring(name, 0, 1);
  g_autofree char *known = g_strdup_printf("born\n%d\n%s\n%s", day.from, surname, initials);
  return look_digest(known);
}

/* Each person with the hash he is found by, once or, where something tells who he is, twice. */
static void visit_person(Look *look, const char *said, Telling telling, PersonVisit visit, gpointer data) {
  g_autofree char *name = look_name(said), *folded = text_fold(name);
  glong length = g_utf8_strlen(name, -1);
  if (length < NAME_LEAST || length > NAME_MOST) return;
  visit(look_person_hash(look->record->fonds_id, folded), "", name, name, data);
  gint64 known = *telling.paper ? paper_hash(telling.paper) : born_hash(telling.born, folded);
  if (known != 0) visit(known, *telling.paper ? "证件号相同" : "同日出生，读音相近", name, folded, data);
}

void look_persons(Look *look, PersonVisit visit, gpointer data) {
  for (guint i = 0; look->category && i < look->category->field_count; i++) {
    const CatalogField *field = &look->category->fields[i];
    if (!g_str_equal(field->type, "person")) continue;
    g_auto(GStrv) names = g_regex_split_simple("[、；;，,/]", look_value(look, field->key), 0, 0);
    gboolean alone = names[0] != NULL && names[1] == NULL;
    for (char **each = names; *each; each++) visit_person(look, *each, alone ? telling_of(look, field) : (Telling){"", ""}, visit, data);
  }
}

static void add_person(gint64 hash, const char *sign, const char *name, const char *form, gpointer keys) { add_key(keys, hash, look_digest(form)); }

void keys_person(Look *look, GArray *keys) { look_persons(look, add_person, keys); }
