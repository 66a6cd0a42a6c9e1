/*
 * The parent's side of a table: starts the child, takes its frames apart, believes none of them (table-sink.h has the frames).
 *
 * 1. A row is validated before it is shown: the number of cells, the NUL at each end, UTF-8. Its cells point into the read buffer.
 * 2. An answer without END or ERROR is an error: rows that a dying child did not send are never taken for the end of the table.
 */
#include "error.h"
#include "format.h"
#include "sandbox.h"
#include "table-sink.h"
#include <string.h>
#include <unistd.h>

enum { CODEPAGE_BYTES = 24 };

struct TableReader {
  FrameReader frames;
  TableInfo info;
  const char **cells;
  guint cells_size;
  double position;
  guint replaced;
  GArray *flaws;
};

/* ---- single frames ---- */

static gboolean take_info(TableReader *reader, const guint8 *bytes, gsize length, GError **error) {
  static const char *const KINDS[] = {"csv", "xlsx", "xls", "dbf"};
  static const char *const ENCODINGS[] = {"UTF-8", "GB18030", "UTF-16LE", "UTF-16BE", "BIG5-HKSCS", TABLE_ENCODING_UNDONE};
  gint64 rows;
  const char *text[3];
  if (length < sizeof rows + 3 || length > 65536 || bytes[length - 1] != '\0') return frame_fail_garbage(&reader->frames, error);
  memcpy(&rows, bytes, sizeof rows);
  const char *at = (const char *)bytes + sizeof rows, *end = (const char *)bytes + length;
  for (int i = 0; i < 3; i++, at += strlen(at) + 1) {
    if (at >= end || !g_utf8_validate(at, -1, NULL)) return frame_fail_garbage(&reader->frames, error);
    text[i] = at;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(KINDS); i++)
    if (strcmp(text[0], KINDS[i]) == 0) reader->info.kind = KINDS[i];
  for (gsize i = 0; i < G_N_ELEMENTS(ENCODINGS); i++)
    if (strcmp(text[1], ENCODINGS[i]) == 0) reader->info.encoding = ENCODINGS[i];
  if (reader->info.kind == NULL || reader->info.encoding == NULL) return frame_fail_garbage(&reader->frames, error);
  reader->info.sheet = *text[2] == '\0' ? NULL : g_strdup(text[2]);
  reader->info.size_rows = rows < 0 ? -1 : rows;
  return TRUE;
}

static gboolean take_row(TableReader *reader, const guint8 *bytes, gsize length, TableRow *ret, GError **error) {
  FrameRow row;
  if (length < sizeof row) return frame_fail_garbage(&reader->frames, error);
  memcpy(&row, bytes, sizeof row);
  const char *at = (const char *)bytes + sizeof row, *end = (const char *)bytes + length;
  if (row.count == 0 || row.count > TABLE_COLUMNS_MAX || at == end || end[-1] != '\0') return frame_fail_garbage(&reader->frames, error);
  if (reader->cells_size < row.count) {
    reader->cells_size = row.count;
    reader->cells = g_renew(const char *, reader->cells, reader->cells_size);
  }
  for (guint i = 0; i < row.count; i++) {
    const char *zero = at < end ? memchr(at, '\0', (gsize)(end - at)) : NULL;
    if (zero == NULL || !g_utf8_validate(at, zero - at, NULL)) return frame_fail_garbage(&reader->frames, error);
    reader->cells[i] = at;
    at = zero + 1;
  }
  if (at != end) return frame_fail_garbage(&reader->frames, error);
  reader->position = MIN(row.position, (guint32)TABLE_POSITION_END) / (double)TABLE_POSITION_END;
  *ret = (TableRow){.number = row.number, .count = row.count, .cells = reader->cells};
  return TRUE;
}

static gboolean take_flaw(TableReader *reader, const guint8 *bytes, gsize length, GError **error) {
  FrameFlaw flaw;
  if (length != sizeof flaw) return frame_fail_garbage(&reader->frames, error);
  memcpy(&flaw, bytes, sizeof flaw);
  reader->replaced++;
  const TableFlaw known = {.row = flaw.row, .column = flaw.column};
  if (reader->flaws->len < TABLE_FLAWS_MAX) g_array_append_val(reader->flaws, known);
  return TRUE;
}

static gboolean take_end(TableReader *reader, const guint8 *bytes, gsize length, GError **error) {
  guint32 replaced;
  reader->frames.ended = TRUE;
  if (length != sizeof replaced) return frame_fail_garbage(&reader->frames, error);
  memcpy(&replaced, bytes, sizeof replaced);
  reader->replaced = MAX(reader->replaced, replaced);
  reader->position = 1;
  return TRUE;
}

/* ---- the room's interface ---- */

/* "GBK" from a .cpg file beside a .dbf; "" without one. */
static void read_codepage(const char *path, char ret[CODEPAGE_BYTES]) {
  ret[0] = '\0';
  gsize length = strlen(path);
  if (length < 5 || g_ascii_strcasecmp(path + length - 4, ".dbf") != 0) return;
  static const char *const ENDS[] = {".cpg", ".CPG"};
  for (gsize i = 0; i < G_N_ELEMENTS(ENDS); i++) {
    g_autofree char *side = g_strdup_printf("%.*s%s", (int)(length - 4), path, ENDS[i]);
    int fd = sandbox_open_input(side, NULL);
    if (fd < 0) continue;
    gssize got = read(fd, ret, CODEPAGE_BYTES - 1);
    close(fd);
    ret[MAX(got, 0)] = '\0';
    g_strstrip(ret);
    return;
  }
}

static gboolean read_info(TableReader *reader, GError **error) {
  FrameHead head;
  const guint8 *bytes;
  if (!frame_next(&reader->frames, TABLE_FRAME_MAX, &head, &bytes, error)) return FALSE;
  if (head.type == FRAME_ERROR) return frame_take_error(&reader->frames, bytes, head.length, error);
  return head.type == FRAME_INFO ? take_info(reader, bytes, head.length, error) : frame_fail_garbage(&reader->frames, error);
}

TableReader *table_reader_new(Sandbox *sandbox, const char *name, GError **error) {
  g_autoptr(TableReader) reader = g_new0(TableReader, 1);
  frame_reader_init(&reader->frames, sandbox, name);
  reader->flaws = g_array_new(FALSE, FALSE, sizeof(TableFlaw));
  return read_info(reader, error) ? g_steal_pointer(&reader) : NULL;
}

TableReader *format_table_open(const char *path, GError **error) {
  char codepage[CODEPAGE_BYTES];
  int fd = sandbox_open_input(path, error);
  if (fd < 0) return NULL;
  read_codepage(path, codepage);
  Sandbox *sandbox = sandbox_start("table", codepage, fd, error);
  close(fd);
  g_autofree char *name = g_filename_display_basename(path);
  return sandbox == NULL ? NULL : table_reader_new(sandbox, name, error);
}

const TableInfo *format_table_info(const TableReader *reader) { return &reader->info; }

gboolean format_table_next(TableReader *reader, TableRow *ret, GError **error) {
  while (!reader->frames.ended) {
    FrameHead head;
    const guint8 *bytes;
    if (!frame_next(&reader->frames, TABLE_FRAME_MAX, &head, &bytes, error)) return FALSE;
    switch (head.type) {
      case FRAME_ROW: return take_row(reader, bytes, head.length, ret, error);
      case FRAME_FLAW:
        if (!take_flaw(reader, bytes, head.length, error)) return FALSE;
        break;
      case FRAME_ERROR: return frame_take_error(&reader->frames, bytes, head.length, error);
      case FRAME_END:
        if (!take_end(reader, bytes, head.length, error)) return FALSE;
        break;
      default: return frame_fail_garbage(&reader->frames, error);
    }
  }
  return FALSE;
}

double format_table_position(const TableReader *reader) { return reader->position; }

guint format_table_replaced(const TableReader *reader) { return reader->replaced; }

const TableFlaw *format_table_flaws(const TableReader *reader, guint *ret_count) {
  *ret_count = reader->flaws->len;
  return (const TableFlaw *)(const void *)reader->flaws->data;
}

void format_table_free(TableReader *reader) {
  if (reader == NULL) return;
  frame_reader_clear(&reader->frames);
  g_free(reader->info.sheet);
  g_free(reader->cells);
  g_array_unref(reader->flaws);
  g_free(reader);
}
