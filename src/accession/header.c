/*
 * The head of a table: which row names the columns, and what a column holds.
 *
 * 1. The header is the first row with two names we know; failing that, the first row of two or more different short texts. Title rows above it are skipped.
 * 2. A header of two rows (merged cells) is joined: the group's name stands before the names below it.
 * 3. A column without a name is called 列N. Behind the last named one it is a column only when half of the rows fill it; a few cells there are rows out of
 *    place.
 */
#include "delivery.h"
#include "error.h"
#include "text.h"
#include <string.h>

#define PROBE_ROWS 80
#define HEADER_WITHIN 20
#define SAMPLE_COUNT 3
#define HEADER_LENGTH 60

typedef struct { guint number; GPtrArray *cells; } ProbeRow;

static void probe_row_free(gpointer data) {
  ProbeRow *row = data;
  g_ptr_array_unref(row->cells);
  g_free(row);
}

static const char *cell(const ProbeRow *row, guint column) { return column < row->cells->len ? row->cells->pdata[column] : ""; }

char *header_squash(const char *header) {
  g_autofree char *folded = text_fold(header);
  char *to = folded;
  for (const char *from = folded; *from; from++)
    if (*from != ' ') *to++ = *from;
  *to = '\0';
  return g_steal_pointer(&folded);
}

/* ---- which row ---- */

static GHashTable *known_headers(void) {
  static GHashTable *known;
  static gsize made;
  if (g_once_init_enter(&made)) {
    known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guint count;
    const CatalogField *fields = catalog_common_fields(&count);
    for (guint i = 0; i < count; i++)
      for (const char *const *alias = fields[i].aliases; alias && *alias; alias++) g_hash_table_add(known, header_squash(*alias));
    static const char *const more[] = {"序号", "顺序号", "流水号", "目录号", "件号", "室编件号", "馆编件号", "姓名", "男方姓名", "女方姓名", "著录层级", "层级"};
    for (guint i = 0; i < G_N_ELEMENTS(more); i++) g_hash_table_add(known, header_squash(more[i]));
    g_once_init_leave(&made, 1);
  }
  return known;
}

static gboolean is_numberlike(const char *text) {
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (!g_unichar_isdigit(c) && strchr("-./:, +%", (int)(c < 128 ? c : 'x')) == NULL) return FALSE;
  }
  return TRUE;
}

static guint count_known(const ProbeRow *row) {
  guint found = 0;
  for (guint i = 0; i < row->cells->len; i++) {
    g_autofree char *squashed = header_squash(row->cells->pdata[i]);
    found += *squashed && g_hash_table_contains(known_headers(), squashed);
  }
  return found;
}

static gboolean looks_like_header(const ProbeRow *row) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  guint texts = 0;
  for (guint i = 0; i < row->cells->len; i++) {
    char *text = row->cells->pdata[i];
    if (!*text) continue;
    DateSpan span;
    if (is_numberlike(text) || text_length(text) > HEADER_LENGTH || date_parse(text, &span) || !g_hash_table_add(seen, text)) return FALSE;
    texts++;
  }
  return texts >= 2;
}

static int find_header(GPtrArray *rows) {
  for (guint i = 0; i < rows->len && i < HEADER_WITHIN; i++)
    if (count_known(rows->pdata[i]) >= 2) return (int)i;
  for (guint i = 0; i < rows->len && i < HEADER_WITHIN; i++)
    if (looks_like_header(rows->pdata[i])) return (int)i;
  return -1;
}

/* ---- two header rows ---- */

/* TRUE when `below` only names columns that `top` leaves open: cells merged across stand above several names, cells merged down leave theirs empty below. */
static gboolean is_second_header(const ProbeRow *top, const ProbeRow *below, guint width) {
  gboolean fills = FALSE, leaves = FALSE;
  for (guint i = 0; i < width; i++) {
    gboolean group = *cell(top, i) && i + 1 < width && !*cell(top, i + 1) && *cell(below, i + 1);
    if (*cell(below, i)) {
      if (*cell(top, i) && !group) return FALSE;
      if (is_numberlike(cell(below, i)) || text_length(cell(below, i)) > HEADER_LENGTH) return FALSE;
      fills |= !*cell(top, i);
    } else if (*cell(top, i)) leaves = TRUE;
  }
  return fills && leaves;
}

static char *joined_name(const ProbeRow *top, const ProbeRow *below, guint column) {
  const char *under = below ? cell(below, column) : "";
  if (!*under) return g_strdup(cell(top, column));
  const char *group = cell(top, column);
  for (guint i = column; !*group && i > 0; i--) group = cell(top, i - 1);
  g_autofree char *squashed = header_squash(under);
  if (g_hash_table_contains(known_headers(), squashed) || g_str_has_prefix(under, group)) return g_strdup(under);
  return g_strconcat(group, under, NULL);
}

/* ---- reading ---- */

static GPtrArray *probe(TableReader *reader, GError **error) {
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(probe_row_free);
  TableRow row;
  GError *failure = NULL;
  while (rows->len < PROBE_ROWS && format_table_next(reader, &row, &failure)) {
    ProbeRow *kept = g_new0(ProbeRow, 1);
    kept->number = row.number;
    kept->cells = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < row.count; i++) g_ptr_array_add(kept->cells, text_clean(row.cells[i], FALSE));
    while (kept->cells->len > 0 && !*(char *)kept->cells->pdata[kept->cells->len - 1]) g_ptr_array_set_size(kept->cells, (int)kept->cells->len - 1);
    g_ptr_array_add(rows, kept);
  }
  if (failure) {
    g_propagate_error(error, failure);
    return NULL;
  }
  return g_steal_pointer(&rows);
}

static json_t *samples_of(GPtrArray *rows, guint from, guint column) {
  json_t *samples = json_array();
  for (guint i = from; i < rows->len && json_array_size(samples) < SAMPLE_COUNT; i++) {
    const char *text = cell(rows->pdata[i], column);
    if (*text) json_array_append_new(samples, json_string(text));
  }
  return samples;
}

/* Column names made different: two columns of one name would otherwise be one field. */
static char *different_name(GHashTable *seen, char *name) {
  for (guint n = 2; !g_hash_table_add(seen, g_strdup(name)); n++) {
    char *other = g_strdup_printf("%s（%u）", name, n);
    if (g_hash_table_contains(seen, other)) g_free(other);
    else {
      g_free(name);
      name = other;
    }
  }
  return name;
}

static json_t *columns_of(GPtrArray *rows, guint header, guint header_rows, guint width) {
  const ProbeRow *top = rows->pdata[header], *below = header_rows == 2 ? rows->pdata[header + 1] : NULL;
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  json_t *columns = json_array();
  for (guint i = 0; i < width; i++) {
    g_autofree char *name = joined_name(top, below, i);
    if (!*name) {
      g_free(name);
      name = g_strdup_printf("列%u", i + 1);
    }
    name = different_name(seen, g_steal_pointer(&name));
    json_array_append_new(columns, json_pack("{s:i, s:s, s:s, s:s, s:b, s:o}", "index", (int)i, "header", name, "field", KEEP_FIELD, "label", name, "certain",
      0, "samples",
      samples_of(rows, header + header_rows, i)));
  }
  return columns;
}

/* Up to the last column that is named, or that half of the rows fill. */
static guint table_width(GPtrArray *rows, guint header) {
  guint named = ((ProbeRow *)rows->pdata[header])->cells->len, width = named, most = named;
  if (header + 1 < rows->len && is_second_header(rows->pdata[header], rows->pdata[header + 1], COLUMNS_MAX)) width = named = MAX(named,
    ((ProbeRow *)rows->pdata[header + 1])->cells->len);
  for (guint i = header + 1; i < rows->len; i++) most = MAX(most, ((ProbeRow *)rows->pdata[i])->cells->len);
  for (guint column = named; column < MIN(most, COLUMNS_MAX + 1); column++) {
    guint filled = 0;
    for (guint i = header + 1; i < rows->len; i++) filled += *cell(rows->pdata[i], column) != '\0';
    if (filled * 2 >= rows->len - header - 1 && filled > 0) width = column + 1;
  }
  return width;
}

json_t *layout_read(const char *path, GError **error) {
  g_autoptr(TableReader) reader = format_table_open(path, error);
  if (reader == NULL) return NULL;
  g_autoptr(GPtrArray) rows = probe(reader, error);
  if (rows == NULL) return NULL;
  if (rows->len == 0) return throw_null(error, LANTAI_ERROR_INVALID, "文件中没有任何内容的行。请检查是不是选错了工作表或文件");
  int header = g_str_equal(format_table_info(reader)->kind, "dbf") ? 0 : find_header(rows); /* a DBF always names its fields */
  if (header < 0) return throw_null(error, LANTAI_ERROR_INVALID, "前 %d 行中没有找到表头：应有一行写明各列的名称（如 档号、题名、责任者）。请补上表头后再交", HEADER_WITHIN);
  guint width = table_width(rows, (guint)header), header_rows = 1;
  if (width > COLUMNS_MAX) return throw_null(error, LANTAI_ERROR_INVALID, "表中有 %u 列，最多可接收 %d 列。请删去无用的列", width, COLUMNS_MAX);
  if ((guint)header + 1 < rows->len && is_second_header(rows->pdata[header], rows->pdata[header + 1], width)) header_rows = 2;
  const ProbeRow *last = rows->pdata[(guint)header + header_rows - 1];
  const TableInfo *info = format_table_info(reader);
  return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:o}", "kind", info->kind ? info->kind : "", "encoding", info->encoding ? info->encoding : "", "sheet",
    info->sheet ? info->sheet : "",
    "header_row", (int)((ProbeRow *)rows->pdata[header])->number, "header_rows", (int)header_rows, "last_header_row", (int)last->number, "columns",
    columns_of(rows, (guint)header, header_rows, width));
}

guint layout_first_row(json_t *layout) { return (guint)json_integer_value(json_object_get(layout, "last_header_row")) + 1; }
