/*
 * A delivery's rows and documents handed to the four properties' checks of its stage (归档, 移交与接收), as the rehearsal meets them.
 *
 * 1. Each accepted row is a unit with the files that are its own; a rejected row is one too, as far as it could be read; then come the files nobody claims.
 * 2. What is declared is the hand-over form's, and where that is silent the package's own. Nothing of it is believed here.
 * 3. Nothing is kept before the end: a check that was killed leaves no result, and the next rehearsal runs it again.
 */
#include "beneath.h"
#include "check.h"
#include "delivery.h"
#include "error.h"
#include <string.h>

struct Checking {
  CheckRun *run;
  char *folder, *fonds;  /* documents; the fonds given for all rows */
  GHashTable *declared;  /* path → its line of what the package declares of its files */
  GHashTable *expected;  /* the package's own files: no surplus */
  GHashTable *flawed;    /* numbers of rows whose characters were cleaned → the column */
  json_t *holders;       /* what the run's subject borrows */
  gboolean documents;
};

void checking_free(Checking *checking) {
  if (checking == NULL) return;
  g_clear_pointer(&checking->run, check_free);
  g_clear_pointer(&checking->declared, g_hash_table_unref);
  g_clear_pointer(&checking->expected, g_hash_table_unref);
  g_clear_pointer(&checking->flawed, g_hash_table_unref);
  json_decref(checking->holders);
  g_free(checking->folder);
  g_free(checking->fonds);
  g_free(checking);
}

static gboolean read_declared(Checking *checking, const House *house, gint64 id, GError **error) {
  g_autofree char *path = delivery_path(house, id, DECLARED_NAME);
  if (!g_file_test(path, G_FILE_TEST_EXISTS)) return TRUE;
  g_autoptr(RowReader) reader = row_reader_open(path, error);
  if (reader == NULL) return FALSE;
  const char *line;
  gsize length;
  GError *failure = NULL;
  while (row_reader_next(reader, &line, &length, &failure)) {
    json_t *file = json_loadb(line, length, 0, NULL);
    if (*delivery_text(file, "path")) g_hash_table_replace(checking->declared, g_strdup(delivery_text(file, "path")), g_strndup(line, length));
    json_decref(file);
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

/* Rows are cleaned of control characters before they are checked; that they had some is told from the warnings. */
static gboolean read_flaws(Checking *checking, const House *house, gint64 id, GError **error) {
  g_autofree char *path = delivery_path(house, id, FAULTS_NAME);
  if (!g_file_test(path, G_FILE_TEST_EXISTS)) return TRUE;
  g_autoptr(RowReader) reader = row_reader_open(path, error);
  if (reader == NULL) return FALSE;
  const char *line;
  gsize length;
  GError *failure = NULL;
  while (row_reader_next(reader, &line, &length, &failure)) {
    if (memmem(line, length, "控制字符", strlen("控制字符")) == NULL) continue;
    json_t *fault = json_loadb(line, length, 0, NULL);
    g_hash_table_replace(checking->flawed, GINT_TO_POINTER((int)delivery_int(fault, "row")), g_strdup(delivery_text(fault, "column")));
    json_decref(fault);
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

json_t *declared_of(json_t *delivery) {
  json_t *found = json_loads(delivery_text(delivery, "found"), 0, NULL), *form = json_loads(delivery_text(delivery, "declared"), 0, NULL), *value;
  json_t *declared = json_is_object(json_object_get(found, "declared")) ? json_copy(json_object_get(found, "declared")) : json_object();
  const char *key;
  json_object_foreach(form, key, value)
    if (!json_is_null(value) && !(json_is_string(value) && !*json_string_value(value))) json_object_set(declared, key, value);
  json_decref(found);
  json_decref(form);
  return declared;
}

/* What was wrong with a table's documents as such; NULL: nothing, so that nothing is said of a package's structure. */
static json_t *loose_structure(const House *house, gint64 id, const FileIndex *index) {
  json_auto_t *unpacked = unpacked_read(house, id);
  json_t *structure = json_array();
  unpacked_tell(unpacked, structure);
  if (index) json_array_extend(structure, file_index_faults(index));
  if (json_array_size(structure)) return structure;
  json_decref(structure);
  return NULL;
}

Checking *checking_new(const House *house, const char *actor, json_t *delivery, const char *folder, const FileIndex *index, GError **error) {
  g_autoptr(Checking) checking = g_new0(Checking, 1);
  gint64 id = delivery_int(delivery, "id");
  checking->folder = g_strdup(folder);
  checking->fonds = g_strdup(delivery_text(delivery, "fonds"));
  checking->declared = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  checking->expected = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  checking->flawed = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  if (!read_declared(checking, house, id, error) || !read_flaws(checking, house, id, error)) return NULL;
  gboolean package = g_str_equal(delivery_text(delivery, "kind"), "package");
  json_t *found = package ? survey_found(house, id) : NULL, *declared = declared_of(delivery), *path;
  size_t i;
  json_array_foreach(json_object_get(found, "surplus_expected"), i, path) g_hash_table_add(checking->expected, g_strdup(json_string_value(path)));
  json_t *loose = package ? NULL : loose_structure(house, id, index), *structure = loose ? loose : json_object_get(found, "structure");
  checking->holders = json_pack("{s:o, s:o, s:o*}", "declared", declared, "found", found ? found : json_null(), "loose", loose);
  const CheckSubject subject = {.stage = check_stage_of(delivery_text(delivery, "stage")), .subject_kind = "accession", .subject_id = id,
    .actor = actor, .name = delivery_text(delivery, "name"),
    .category = *delivery_text(delivery, "category") ? delivery_text(delivery, "category") : NULL, .declared = json_object_size(declared) ? declared : NULL,
    .structure = structure};
  checking->run = check_begin(house, &subject, error);
  return checking->run ? g_steal_pointer(&checking) : NULL;
}

static json_t *declared_file(const Checking *checking, const char *path) {
  const char *line = g_hash_table_lookup(checking->declared, path);
  return line ? json_loads(line, 0, NULL) : NULL;
}

/* The lines of what was looked for that are not among those found. */
static GPtrArray *still_missing(const CheckedFiles *found) {
  GPtrArray *missing = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) lines = g_strsplit(found->wanted ? found->wanted : "", "\n", -1);
  for (char **line = lines; *line; line++) {
    gboolean there = **line == '\0';
    for (guint i = 0; !there && found->paths && i < found->paths->len; i++) there = g_str_equal(found->paths->pdata[i], *line);
    if (!there) g_ptr_array_add(missing, g_strdup(*line));
  }
  return missing;
}

/* record is taken; paths: its documents, wanted: what was looked for and is not all there, both may be NULL. */
static gboolean hand_in(Checking *checking, json_t *record, gint64 row, gint64 record_id, const CheckedFiles *found, GError **error) {
  g_autoptr(GPtrArray) missing = still_missing(found);
  guint count = found->paths ? found->paths->len : 0, total = 0;
  g_autofree CheckFile *files = g_new0(CheckFile, count + missing->len + 1);
  g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < count; i++) {
    const char *path = found->paths->pdata[i];
    if (checking_expects(checking, path)) continue; /* the package's own, lying beside the documents */
    g_ptr_array_add(disks, beneath_path(checking->folder, path));
    files[total++] = (CheckFile){path, disks->pdata[disks->len - 1], file_index_size(found->index, path), declared_file(checking, path)};
  }
  for (guint i = 0; i < missing->len; i++) files[total++] = (CheckFile){missing->pdata[i], NULL, -1, declared_file(checking, missing->pdata[i])};
  if (*checking->fonds) json_object_set_new(record, "fonds", json_string(checking->fonds));
  const char *flawed = g_hash_table_lookup(checking->flawed, GINT_TO_POINTER((int)row));
  g_autofree char *flaw = flawed ? g_strdup_printf("%s含控制字符或无法识别的字符", flawed) : NULL;
  if (flaw) json_object_set_new(record, "flaws", json_pack("[s]", flaw));
  const CheckUnit unit = {row, record_id, record, files, total};
  gboolean good = check_unit(checking->run, &unit, error);
  for (guint i = 0; i < total; i++) json_decref(files[i].declared);
  json_decref(record);
  return good;
}

gboolean checking_row(Checking *checking, const RowLine *line, gint64 row, gint64 record_id, const CheckedFiles *files, GError **error) {
  json_t *record = json_loadb(line->text, line->length, 0, NULL);
  return record == NULL || hand_in(checking, record, row, record_id, files, error);
}

gboolean checking_rejected(Checking *checking, const char *path, GError **error) {
  g_autoptr(RowReader) reader = row_reader_open(path, error);
  if (reader == NULL) return FALSE;
  RowLine line;
  GError *failure = NULL;
  static const CheckedFiles none = {NULL, NULL, NULL};
  while (row_reader_next(reader, &line.text, &line.length, &failure)) {
    json_t *record = json_loadb(line.text, line.length, 0, NULL);
    gint64 row = delivery_int(record, "row");
    json_object_del(record, "row");
    if (record && !hand_in(checking, record, row, 0, &none, &failure)) break;
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

gboolean checking_expects(const Checking *checking, const char *path) { return g_hash_table_contains(checking->expected, path); }

gboolean checking_surplus(Checking *checking, const char *path, GError **error) {
  return checking_expects(checking, path) || check_surplus(checking->run, path, error);
}

gint64 checking_end(Checking *checking, GError **error) { return check_end(g_steal_pointer(&checking->run), error); }

/* ---- before it is accepted ---- */

gboolean accession_may_accept(Sql *sql, gint64 id, const char *note, GError **error) {
  GError *failure = NULL;
  g_autofree char *state = sql_string(sql, "SELECT state FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), &failure);
  json_t *check = failure ? NULL : check_latest(sql, "accession", id, &failure);
  gboolean failed = g_str_equal(delivery_text(check, "state"), "failed");
  json_decref(check);
  if (failure) return g_propagate_error(error, failure), FALSE;
  const char *const ready[] = {"rehearsed", "loading", "attaching", NULL};
  if (state == NULL || !g_strv_contains(ready, state)) return throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT
    " 现在是“%s”，不能审核入库。请刷新页面，按现在的状态办理", id, life_label(state ? state : "", NULL));
  return !failed || (note && *note) || throw(error, LANTAI_ERROR_INVALID, "四性检测没有通过。要让步接收，请写明理由；否则请退回移交单位");
}
