/*
 * A delivery's rows and documents handed to the four properties' checks of its stage (归档, 移交与接收), as the rehearsal meets them.
 *
 * 1. Each accepted row is a unit with the files that are its own; a rejected row is one too, as far as it could be read; then come the files nobody claims.
 * 2. What is declared is the hand-over form's, and where that is silent the package's own. Nothing of it is believed here.
 * 3. Of what may be declared of millions of files only places are kept in memory; the line is read again when its file is met.
 * 4. Nothing is kept before the end: a check that was killed leaves no result, and the next rehearsal runs it again.
 */
#include "beneath.h"
#include "check.h"
#include "delivery.h"
#include "error.h"
#include "keymap.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct Checking {
  CheckRun *run;
  char *folder, *fonds;  /* documents; the fonds given for all rows */
  KeyMap *declared;      /* path → where its line of DECLARED_NAME begins, from 1 */
  int declared_fd;       /* -1: a package declares nothing */
  KeyMap *expected;      /* the package's own files: no surplus */
  GHashTable *flawed;    /* numbers of rows whose characters were cleaned → the column */
  GStringChunk *columns; /* their names */
  json_t *holders;       /* what the run's subject borrows */
  gboolean documents;    /* by themselves: the rows are our own, and nobody has seen their numbers */
};

void checking_free(Checking *checking) {
  if (checking == NULL) return;
  g_clear_pointer(&checking->run, check_free);
  g_clear_pointer(&checking->declared, keymap_free);
  g_clear_pointer(&checking->expected, keymap_free);
  g_clear_pointer(&checking->flawed, g_hash_table_unref);
  g_clear_pointer(&checking->columns, g_string_chunk_free);
  if (checking->declared_fd >= 0) close(checking->declared_fd);
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
  gint64 at = 0;
  GError *failure = NULL;
  while (row_reader_next(reader, &line, &length, &failure)) {
    json_auto_t *file = json_loadb(line, length, 0, NULL);
    const char *declared = text_at(file, "path");
    if (at >= G_MAXUINT32) return throw(error, LANTAI_ERROR_TOO_LARGE, "信息包对文件的说明超过 4 GB，不能检测。请分成几批移交");
    if (*declared) keymap_set(checking->declared, declared, strlen(declared), (guint32)at + 1);
    at += (gint64)length + 1;
  }
  if (failure) g_propagate_error(error, failure);
  else checking->declared_fd = open(path, O_RDONLY | O_CLOEXEC);
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
    g_hash_table_replace(checking->flawed, GINT_TO_POINTER((int)int_at(fault, "row")), g_string_chunk_insert_const(checking->columns,
      text_at(fault, "column")));
    json_decref(fault);
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

json_t *declared_of(json_t *delivery) {
  json_t *found = json_loads(text_at(delivery, "found"), 0, NULL), *form = json_loads(text_at(delivery, "declared"), 0, NULL), *value;
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
  gint64 id = int_at(delivery, "id");
  checking->folder = g_strdup(folder);
  checking->fonds = g_strdup(text_at(delivery, "fonds"));
  checking->declared = keymap_new();
  checking->declared_fd = -1;
  checking->flawed = g_hash_table_new(NULL, NULL);
  checking->columns = g_string_chunk_new(1 << 10);
  if (!read_declared(checking, house, id, error) || !read_flaws(checking, house, id, error)) return NULL;
  gboolean package = g_str_equal(text_at(delivery, "kind"), "package");
  json_t *found = package ? survey_found(house, id) : NULL, *declared = declared_of(delivery);
  checking->documents = g_str_equal(text_at(found, "layout"), "documents");
  checking->expected = survey_own_paths(found);
  json_object_del(found, "surplus_expected");
  json_t *loose = package ? NULL : loose_structure(house, id, index), *structure = loose ? loose : json_object_get(found, "structure");
  checking->holders = json_pack("{s:o, s:o, s:o*}", "declared", declared, "found", found ? found : json_null(), "loose", loose);
  const CheckSubject subject = {.stage = check_stage_of(text_at(delivery, "stage")), .subject_kind = "accession", .subject_id = id,
    .actor = actor, .name = text_at(delivery, "name"),
    .category = *text_at(delivery, "category") ? text_at(delivery, "category") : NULL, .declared = json_object_size(declared) ? declared : NULL,
    .structure = structure};
  checking->run = check_begin(house, &subject, error);
  return checking->run ? g_steal_pointer(&checking) : NULL;
}

static json_t *declared_file(const Checking *checking, const char *path) {
  enum { STEP = 1024, DECLARED_LINE_MAX = 16 << 20 };
  guint32 place = keymap_get(checking->declared, path, strlen(path));
  if (place == 0 || checking->declared_fd < 0) return NULL;
  g_autoptr(GString) line = g_string_new(NULL);
  char *end = NULL;
  for (gssize got = 1; got > 0 && end == NULL && line->len < DECLARED_LINE_MAX;) {
    gsize length = line->len;
    g_string_set_size(line, length + STEP);
    got = pread(checking->declared_fd, line->str + length, STEP, (off_t)(place - 1 + length));
    g_string_set_size(line, length + (gsize)MAX(got, 0));
    end = memchr(line->str + length, '\n', line->len - length);
  }
  return end ? json_loadb(line->str, (size_t)(end - line->str), 0, NULL) : NULL;
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
  const CheckUnit unit = {checking->documents && total ? 0 : row, record_id, record, files, total};
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
    gint64 row = int_at(record, "row");
    json_object_del(record, "row");
    if (record && !hand_in(checking, record, row, 0, &none, &failure)) break;
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

gboolean checking_expects(const Checking *checking, const char *path) { return keymap_get(checking->expected, path, strlen(path)) != 0; }

gboolean checking_surplus(Checking *checking, const char *path, GError **error) {
  return checking_expects(checking, path) || check_surplus(checking->run, path, error);
}

gint64 checking_end(Checking *checking, GError **error) { return check_end(g_steal_pointer(&checking->run), error); }

/* ---- before it is accepted ---- */

gboolean accession_may_accept(Sql *sql, gint64 id, const char *note, gint64 seen, GError **error) {
  json_auto_t *delivery = sql_row_json(sql, "SELECT state, check_id FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (delivery == NULL) return FALSE;
  GError *failure = NULL;
  json_auto_t *check = check_latest(sql, "accession", id, &failure);
  if (failure) return g_propagate_error(error, failure), FALSE;
  if (!delivery_is(delivery, "rehearsed loading attaching")) return throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT
    " 现在是“%s”，不能审核入库。请刷新页面，按现在的状态办理", id, life_label(text_at(delivery, "state"), NULL));
  if (seen >= 0 && delivery_is(delivery, "rehearsed") && seen != int_at(delivery, "check_id")) return throw(error, LANTAI_ERROR_CONFLICT,
    "批次 %" G_GINT64_FORMAT " 在您打开页面之后又检测过，您看到的不是现在的检测结果，没有入库。请看过新的结果再审核", id);
  gboolean failed = g_str_equal(text_at(check, "state"), "failed");
  return !failed || (note && *note) || throw(error, LANTAI_ERROR_INVALID, "四性检测没有通过。要让步接收，请写明理由；否则请退回移交单位");
}
