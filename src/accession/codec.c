/*
 * Canonical rows to records, and records to and from JSON for the undo.
 *
 * row_decode reads only what canonical.c writes (one object, strings, integers, one flat object "fields"), but trusts none of it:
 * it never reads beyond the line, and anything else is an error. It is hand-made because it is on the way of every row of a load.
 */
#include "delivery.h"
#include "error.h"
#include <string.h>

/* ---- rows ---- */

typedef struct { const char *at, *end; } Scan;

static gboolean scan_char(Scan *scan, char expected) {
  if (scan->at >= scan->end || *scan->at != expected) return FALSE;
  scan->at++;
  return TRUE;
}

static int hex4(const char *at) {
  int value = 0;
  for (int i = 0; i < 4; i++) {
    int digit = g_ascii_xdigit_value(at[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* One escape after the backslash, written to out; its length, 0 when it is none. */
static int scan_escape(Scan *scan, char *out) {
  if (scan->at >= scan->end) return 0;
  char c = *scan->at++;
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *simple = c ? strchr(from, c) : NULL;
  if (simple) return *out = to[simple - from], 1;
  if (c != 'u' || scan->end - scan->at < 4) return 0;
  int high = hex4(scan->at);
  scan->at += 4;
  gunichar character = (gunichar)high;
  if (high >= 0xD800 && high < 0xDC00) {
    if (scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u') return 0;
    int low = hex4(scan->at + 2);
    if (low < 0xDC00 || low > 0xDFFF) return 0;
    scan->at += 6;
    character = 0x10000 + (((gunichar)high - 0xD800) << 10) + ((gunichar)low - 0xDC00);
  } else if (high <= 0 || (high >= 0xDC00 && high <= 0xDFFF)) return 0;
  return g_unichar_to_utf8(character, out);
}

static char *scan_string(Scan *scan) {
  if (!scan_char(scan, '"')) return NULL;
  const char *close = memchr(scan->at, '"', (gsize)(scan->end - scan->at));
  if (close == NULL) return NULL;
  if (memchr(scan->at, '\\', (gsize)(close - scan->at)) == NULL) {
    char *plain = g_strndup(scan->at, (gsize)(close - scan->at));
    scan->at = close + 1;
    return plain;
  }
  char *text = g_malloc((gsize)(scan->end - scan->at) + 1), *to = text;
  while (scan->at < scan->end && *scan->at != '"') {
    if (*scan->at != '\\') {
      *to++ = *scan->at++;
      continue;
    }
    scan->at++;
    int length = scan_escape(scan, to);
    if (length == 0) break;
    to += length;
  }
  *to = '\0';
  if (scan_char(scan, '"')) return text;
  g_free(text);
  return NULL;
}

static gboolean scan_number(Scan *scan, gint64 *ret) {
  gboolean negative = scan_char(scan, '-');
  gint64 value = 0;
  int digits = 0;
  for (; scan->at < scan->end && g_ascii_isdigit(*scan->at) && digits < 18; digits++) value = value * 10 + (*scan->at++ - '0');
  if (digits == 0) return FALSE;
  *ret = negative ? -value : value;
  return TRUE;
}

/* A flat object as it stands, for the record's fields. */
static char *scan_object(Scan *scan) {
  const char *start = scan->at;
  if (!scan_char(scan, '{')) return NULL;
  gboolean quoted = FALSE;
  for (; scan->at < scan->end; scan->at++) {
    if (quoted && *scan->at == '\\') scan->at++;
    else if (*scan->at == '"') quoted = !quoted;
    else if (!quoted && *scan->at == '}') return scan->at++, g_strndup(start, (gsize)(scan->at - start));
    else if (!quoted && *scan->at == '{') return NULL;
  }
  return NULL;
}

static char **text_slot(DecodedRow *row, const char *key, gsize length) {
  CatalogRecord *record = row->record;
  const struct { const char *key; char **slot; } slots[] = {
    {"category", &row->category}, {"code", &record->code}, {"creator", &record->creator}, {"date_text", &record->date_text}, {"docno", &record->docno},
      {"file", &row->file},
    {"fonds", &row->fonds}, {"fonds_title", &row->fonds_title}, {"retention", &record->retention}, {"title", &record->title}, {"volume", &row->volume},
  };
  for (guint i = 0; i < G_N_ELEMENTS(slots); i++)
    if (strlen(slots[i].key) == length && memcmp(slots[i].key, key, length) == 0) return slots[i].slot;
  return NULL;
}

static gboolean number_put(CatalogRecord *record, const char *key, gsize length, gint64 value) {
#define IS(name) (length == sizeof name - 1 && memcmp(key, name, sizeof name - 1) == 0)
  if (value < 0 || value > G_MAXINT32) return FALSE;
  if (IS("date_from")) record->date.from = (gint32)value;
  else if (IS("date_to")) record->date.to = (gint32)value;
  else if (IS("level")) record->level = (Level)value;
  else if (IS("opening")) record->opening = (Opening)value;
  else if (IS("page_count")) record->page_count = (int)value;
  else if (IS("security")) record->security = (Security)value;
  else if (IS("year")) record->year = (int)value;
  else return FALSE;
  return TRUE;
#undef IS
}

static gboolean scan_member(Scan *scan, DecodedRow *row) {
  if (!scan_char(scan, '"')) return FALSE;
  const char *key = scan->at, *close = memchr(key, '"', (gsize)(scan->end - key));
  if (close == NULL) return FALSE;
  gsize length = (gsize)(close - key);
  scan->at = close + 1;
  if (!scan_char(scan, ':') || scan->at >= scan->end) return FALSE;
  gint64 number;
  if (*scan->at == '{') {
    char *fields = scan_object(scan);
    if (fields == NULL || length != 6 || memcmp(key, "fields", 6) != 0) return g_free(fields), FALSE;
    g_free(row->record->fields);
    row->record->fields = fields;
    return TRUE;
  }
  if (*scan->at != '"') return scan_number(scan, &number) && number_put(row->record, key, length, number);
  char **slot = text_slot(row, key, length), *text = slot ? scan_string(scan) : NULL;
  if (text == NULL) return FALSE;
  g_free(*slot);
  *slot = text;
  return TRUE;
}

void row_decoded_clear(DecodedRow *row) {
  g_clear_pointer(&row->record, catalog_record_free);
  g_clear_pointer(&row->fonds, g_free);
  g_clear_pointer(&row->fonds_title, g_free);
  g_clear_pointer(&row->category, g_free);
  g_clear_pointer(&row->file, g_free);
  g_clear_pointer(&row->volume, g_free);
}

gboolean row_decode(const char *line, gsize length, DecodedRow *ret, GError **error) {
  DecodedRow row = {.record = catalog_record_new()};
  Scan scan = {line, line + length};
  gboolean good = scan_char(&scan, '{');
  for (gboolean more = good; more;) {
    good = scan_member(&scan, &row);
    more = good && scan_char(&scan, ',');
  }
  good = good && scan_char(&scan, '}') && scan.at == scan.end && *row.record->code && row.record->level <= LEVEL_ITEM &&
    row.record->opening <= OPENING_DEFERRED &&
    row.record->security <= SECURITY_TOP;
  if (!good) {
    row_decoded_clear(&row);
    return throw(error, LANTAI_ERROR_INTERNAL, "批次的规范行已损坏（%.60s…）。请运行 lantai check 检查存储", line);
  }
  char **texts[] = {&row.fonds, &row.fonds_title, &row.category, &row.file, &row.volume};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (*texts[i] == NULL) *texts[i] = g_strdup("");
  *ret = row;
  return TRUE;
}

/* ---- records and files as they were ---- */

char *record_to_json(const CatalogRecord *r) {
  json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:i, s:i, s:s}", "id",
    (json_int_t)r->id, "rev", (json_int_t)r->rev,
    "parent_id", (json_int_t)r->parent_id, "fonds_id", (json_int_t)r->fonds_id, "accession_id", (json_int_t)r->accession_id, "level", (int)r->level,
      "category", (int)r->category,
    "security", (int)r->security, "opening", (int)r->opening, "code", r->code, "title", r->title, "creator", r->creator, "docno", r->docno, "date_text",
      r->date_text, "date_from",
    r->date.from, "date_to", r->date.to, "year", r->year, "retention", r->retention, "page_count", r->page_count, "file_count", r->file_count, "fields",
      r->fields);
  char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(json);
  return text;
}

static char *dup_text(json_t *json, const char *key) { return g_strdup(text_at(json, key)); }
static void set_text(char **slot, json_t *json, const char *key) {
  g_free(*slot);
  *slot = dup_text(json, key);
}

CatalogRecord *record_from_json(const char *text, GError **error) {
  json_t *json = json_loads(text, 0, NULL);
  if (!json_is_object(json)) {
    json_decref(json);
    return throw_null(error, LANTAI_ERROR_INTERNAL, "条目的旧状态已损坏，不能恢复。请用备份核对");
  }
  CatalogRecord *r = catalog_record_new();
  r->id = int_at(json, "id");
  r->rev = int_at(json, "rev");
  r->parent_id = int_at(json, "parent_id");
  r->fonds_id = int_at(json, "fonds_id");
  r->accession_id = int_at(json, "accession_id");
  r->level = (Level)int_at(json, "level");
  r->category = (guint8)int_at(json, "category");
  r->security = (Security)int_at(json, "security");
  r->opening = (Opening)int_at(json, "opening");
  r->date.from = (gint32)int_at(json, "date_from");
  r->date.to = (gint32)int_at(json, "date_to");
  r->year = (int)int_at(json, "year");
  r->page_count = (int)int_at(json, "page_count");
  r->file_count = (int)int_at(json, "file_count");
  char **slots[] = {&r->code, &r->title, &r->creator, &r->docno, &r->date_text, &r->retention, &r->fields};
  static const char *const keys[] = {"code", "title", "creator", "docno", "date_text", "retention", "fields"};
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++) set_text(slots[i], json, keys[i]);
  json_decref(json);
  return r;
}

json_t *file_to_json(const CatalogFile *f) {
  return json_pack("{s:I, s:I, s:I, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:i, s:i}", "id", (json_int_t)f->id, "record_id", (json_int_t)f->record_id,
    "accession_id",
    (json_int_t)f->accession_id, "sequence", f->sequence, "name", f->name, "path", f->path, "mime", f->mime, "puid", f->puid, "kind", f->kind, "size",
      (json_int_t)f->size_bytes,
    "sha512", f->sha512, "sm3", f->sm3, "page_count", f->page_count, "text_pages", f->text_pages);
}

CatalogFile *file_from_json(json_t *json) {
  CatalogFile *f = g_new0(CatalogFile, 1);
  f->record_id = int_at(json, "record_id");
  f->accession_id = int_at(json, "accession_id");
  f->sequence = (int)int_at(json, "sequence");
  f->name = dup_text(json, "name");
  f->path = dup_text(json, "path");
  f->mime = dup_text(json, "mime");
  f->puid = dup_text(json, "puid");
  f->kind = dup_text(json, "kind");
  f->size_bytes = int_at(json, "size");
  f->sha512 = dup_text(json, "sha512");
  f->sm3 = dup_text(json, "sm3");
  f->page_count = (int)int_at(json, "page_count");
  f->text_pages = (int)int_at(json, "text_pages");
  return f;
}
