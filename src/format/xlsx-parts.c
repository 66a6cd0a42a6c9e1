/* Workbook, relations, styles and shared strings of an .xlsx (xlsx-parts.h). */
#include "xlsx-parts.h"
#include "error.h"
#include <libxml/parser.h>
#include <string.h>
#include <zip.h>

enum { STRINGS_MAX = 32 << 20, STYLES_MAX = 1 << 17, SHEETS_MAX = 4096 };
#define STRING_BYTES_MAX (1u << 30)

void xlsx_book_clear(XlsxBook *book) {
  g_clear_pointer(&book->sheet_name, g_free);
  g_clear_pointer(&book->sheet_path, g_free);
  g_clear_pointer(&book->strings, g_ptr_array_unref);
  g_clear_pointer(&book->text, g_string_chunk_free);
  g_clear_pointer(&book->styles, g_byte_array_unref);
}

/* ---- one part ---- */

void xlsx_stop(XlsxRun *run, GError *error) {
  if (run->error == NULL) run->error = error;
  else g_error_free(error);
  xmlStopParser(run->parser);
}

static void on_doctype(void *data, const xmlChar *name, const xmlChar *external, const xmlChar *system) {
  xlsx_stop(data, g_error_new_literal(LANTAI_ERROR, LANTAI_ERROR_INVALID, "表格内部的 XML 带有文档类型声明（DTD），可能是恶意文件，已拒绝"));
}

static void on_xml_error(void *data, const xmlError *problem) {}

const char *xlsx_attribute(const xmlChar **attributes, int count, const char *name, gsize *ret_length) {
  for (int i = 0; i < count; i++, attributes += 5) {
    if (strcmp((const char *)attributes[0], name) != 0) continue;
    *ret_length = (gsize)(attributes[4] - attributes[3]);
    return (const char *)attributes[3];
  }
  return NULL;
}

static char *dup_attribute(const xmlChar **attributes, int count, const char *name) {
  gsize length;
  const char *value = xlsx_attribute(attributes, count, name, &length);
  return value == NULL ? NULL : g_strndup(value, length);
}

static gboolean is_true(const xmlChar **attributes, int count, const char *name) {
  g_autofree char *value = dup_attribute(attributes, count, name);
  return g_strcmp0(value, "1") == 0 || g_strcmp0(value, "true") == 0;
}

static gboolean pump(zip_file_t *part, const char *path, XlsxRun *run, guint limit_mib, GError **error) {
  g_autofree char *block = g_malloc(64 << 10);
  for (;;) {
    zip_int64_t got = zip_fread(part, block, 64 << 10);
    if (got < 0) return throw(error, LANTAI_ERROR_INVALID, "表格中的 %s 已损坏（%s）；请用原软件打开后另存再试", path, zip_file_strerror(part));
    run->read_bytes += (guint64)got;
    if (run->read_bytes > (guint64)limit_mib << 20)
      return throw(error, LANTAI_ERROR_TOO_LARGE, "表格中的 %s 解压后超过 %u MiB，可能是恶意文件，已停止", path, limit_mib);
    int result = xmlParseChunk(run->parser, block, (int)got, got == 0);
    if (run->error != NULL) {
      g_propagate_error(error, g_steal_pointer(&run->error));
      return FALSE;
    }
    if (result != XML_ERR_OK && !run->parser->wellFormed)
      return throw(error, LANTAI_ERROR_INVALID, "表格中的 %s 不是完整的 XML（第 %d 行附近）；请用原软件打开后另存再试", path,
                   xmlSAX2GetLineNumber(run->parser));
    if (got == 0) return TRUE;
  }
}

static gboolean is_encrypted(zip_t *zip, zip_int64_t index) {
  zip_stat_t about;
  return zip_stat_index(zip, (zip_uint64_t)index, 0, &about) == 0 && (about.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && about.encryption_method != ZIP_EM_NONE;
}

gboolean xlsx_run(zip_t *zip, const char *path, xmlSAXHandler *handler, XlsxRun *run, guint limit_mib, gboolean *ret_found, GError **error) {
  zip_int64_t index = zip_name_locate(zip, path, ZIP_FL_NOCASE);
  if (ret_found != NULL) *ret_found = index >= 0;
  if (index < 0) return ret_found != NULL || throw(error, LANTAI_ERROR_INVALID, "表格中缺少 %s，文件不完整；请用原软件打开后另存再试", path);
  if (is_encrypted(zip, index)) return throw(error, LANTAI_ERROR_INVALID, "表格已加密；请用原软件去掉密码后另存再试");
  zip_stat_t about;
  if (zip_stat_index(zip, (zip_uint64_t)index, 0, &about) == 0) run->size_bytes = about.size;
  zip_file_t *part = zip_fopen_index(zip, (zip_uint64_t)index, 0);
  if (part == NULL) return throw(error, LANTAI_ERROR_INVALID, "表格中的 %s 打不开（%s）；文件可能损坏", path, zip_strerror(zip));
  handler->initialized = XML_SAX2_MAGIC;
  handler->internalSubset = on_doctype;
  handler->serror = (xmlStructuredErrorFunc)on_xml_error;
  run->parser = xmlCreatePushParserCtxt(handler, run, NULL, 0, NULL);
  /* NOENT only makes &amp; in attributes a plain character: declared entities cannot exist without a DTD */
  xmlCtxtUseOptions(run->parser, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_COMPACT);
  gboolean done = pump(part, path, run, limit_mib, error);
  xmlFreeParserCtxt(run->parser);
  run->parser = NULL;
  g_clear_error(&run->error);
  zip_fclose(part);
  return done;
}

/* ---- the workbook: the first sheet that is shown ---- */

typedef struct {
  char *name, *relation, *path;
  gboolean hidden;
} Sheet;
typedef struct {
  XlsxRun run;
  GArray *sheets;
  gboolean since_1904;
  const char *folder;
  char *main_path;
} BookRun;

static void clear_sheet(Sheet *sheet) {
  g_free(sheet->name);
  g_free(sheet->relation);
  g_free(sheet->path);
}

static void on_workbook_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces, const xmlChar **spaces, int count,
                              int defaulted, const xmlChar **attributes) {
  BookRun *book = data;
  if (strcmp((const char *)name, "workbookPr") == 0) book->since_1904 = is_true(attributes, count, "date1904");
  if (strcmp((const char *)name, "sheet") != 0 || book->sheets->len >= SHEETS_MAX) return;
  g_autofree char *state = dup_attribute(attributes, count, "state");
  Sheet sheet = {.name = dup_attribute(attributes, count, "name"),
                 .relation = dup_attribute(attributes, count, "id"),
                 .hidden = g_strcmp0(state, "hidden") == 0 || g_strcmp0(state, "veryHidden") == 0};
  g_array_append_val(book->sheets, sheet);
}

/* A relation's target as a path in the zip: relative to the folder of the part that has the relation, or absolute. "" when it leaves the zip. */
static char *resolve(const char *folder, const char *target) {
  g_autofree char *joined = target[0] == '/' ? g_strdup(target) : g_strdup_printf("/%s%s", folder, target);
  g_strdelimit(joined, "\\", '/');
  g_autofree char *path = g_canonicalize_filename(joined, "/");
  return g_strdup(path + 1);
}

static void on_relation_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces, const xmlChar **spaces, int count,
                              int defaulted, const xmlChar **attributes) {
  BookRun *book = data;
  if (strcmp((const char *)name, "Relationship") != 0) return;
  g_autofree char *id = dup_attribute(attributes, count, "Id");
  g_autofree char *type = dup_attribute(attributes, count, "Type");
  g_autofree char *target = dup_attribute(attributes, count, "Target");
  if (id == NULL || type == NULL || target == NULL) return;
  if (g_str_has_suffix(type, "/officeDocument") && book->main_path == NULL) book->main_path = resolve(book->folder, target);
  if (!g_str_has_suffix(type, "/worksheet") || book->sheets == NULL) return;
  for (guint i = 0; i < book->sheets->len; i++) {
    Sheet *sheet = &g_array_index(book->sheets, Sheet, i);
    if (sheet->path == NULL && g_strcmp0(sheet->relation, id) == 0) sheet->path = resolve(book->folder, target);
  }
}

/* What else a zip may be, so that the message helps. */
static gboolean explain_zip(zip_t *zip, GError **error) {
  static const char *const KNOWN[][2] = {
    {"xl/workbook.bin", "是 Excel 二进制工作簿（.xlsb）"}, {"word/document.xml", "是 Word 文档，不是表格"},
    {"ppt/presentation.xml", "是演示文稿，不是表格"},      {"OFD.xml", "是 OFD 版式文件，不是表格"},
    {"content.xml", "是 OpenDocument 文件（.ods 等）"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(KNOWN); i++)
    if (zip_name_locate(zip, KNOWN[i][0], 0) >= 0) return throw(error, LANTAI_ERROR_INVALID, "%s；请用原软件另存为 .xlsx 或 CSV 再试", KNOWN[i][1]);
  return throw(error, LANTAI_ERROR_INVALID, "是 zip 压缩包，里面没有 Excel 工作簿；请解压后选择其中的表格");
}

static gboolean find_sheet(zip_t *zip, BookRun *book, XlsxBook *ret, GError **error) {
  xmlSAXHandler relations = {.startElementNs = on_relation_start}, workbook = {.startElementNs = on_workbook_start};
  book->folder = "";
  if (!xlsx_run(zip, "_rels/.rels", &relations, &book->run, XLSX_SMALL_MIB, &(gboolean){0}, error)) return FALSE;
  if (book->main_path == NULL || zip_name_locate(zip, book->main_path, ZIP_FL_NOCASE) < 0) {
    g_free(book->main_path);
    book->main_path = g_strdup("xl/workbook.xml");
  }
  if (zip_name_locate(zip, book->main_path, ZIP_FL_NOCASE) < 0 || !g_str_has_suffix(book->main_path, ".xml") || g_str_has_prefix(book->main_path, "word/"))
    return explain_zip(zip, error);
  book->run = (XlsxRun){0};
  if (!xlsx_run(zip, book->main_path, &workbook, &book->run, XLSX_SMALL_MIB, NULL, error)) return FALSE;
  const char *slash = strrchr(book->main_path, '/');
  g_autofree char *folder = slash == NULL ? g_strdup("") : g_strndup(book->main_path, (gsize)(slash + 1 - book->main_path));
  g_autofree char *relations_path = g_strdup_printf("%s_rels/%s.rels", folder, slash == NULL ? book->main_path : slash + 1);
  book->folder = folder;
  book->run = (XlsxRun){0};
  if (!xlsx_run(zip, relations_path, &relations, &book->run, XLSX_SMALL_MIB, NULL, error)) return FALSE;
  ret->since_1904 = book->since_1904;
  for (guint i = 0; i < book->sheets->len; i++) {
    Sheet *sheet = &g_array_index(book->sheets, Sheet, i);
    if (sheet->hidden || sheet->path == NULL) continue;
    ret->sheet_name = g_steal_pointer(&sheet->name);
    ret->sheet_path = g_steal_pointer(&sheet->path);
    return TRUE;
  }
  return throw(error, LANTAI_ERROR_INVALID, "工作簿里没有可见的工作表");
}

/* ---- styles: which are dates ---- */

typedef struct {
  XlsxRun run;
  GHashTable *formats; /* number format id -> TableDateKind */
  GByteArray *styles;
  gboolean in_cell_styles;
} StyleRun;

/* Skips what says nothing of the kind: "年", \年, _), *x, [Red], [$-804], AM/PM; elapsed time [h] is kept. Returns the next position. */
static const char *skip_literal(const char *at) {
  if (*at == '"') {
    const char *end = strchr(at + 1, '"');
    return end == NULL ? at + strlen(at) : end + 1;
  }
  if ((*at == '\\' || *at == '_' || *at == '*') && at[1] != '\0') return g_utf8_next_char(at + 1);
  if (g_ascii_strncasecmp(at, "AM/PM", 5) == 0) return at + 5;
  if (g_ascii_strncasecmp(at, "A/P", 3) == 0) return at + 3;
  if (*at == '[') {
    const char *end = strchr(at, ']');
    if (end != NULL && !(end - at >= 2 && strspn(at + 1, "hHmMsS") == (gsize)(end - at - 1))) return end + 1;
  }
  return at;
}

TableDateKind xlsx_format_kind(const char *code) {
  gboolean year = FALSE, month = FALSE, day = FALSE, time = FALSE;
  for (const char *at = code; *at != '\0' && *at != ';';) {
    const char *next = skip_literal(at);
    if (next != at) {
      at = next;
      continue;
    }
    if (g_ascii_strncasecmp(at, "general", 7) == 0 || g_str_has_prefix(at, "G/")) return DATE_NONE;
    char letter = g_ascii_tolower(*at);
    gboolean exponent = letter == 'e' && (at[1] == '+' || at[1] == '-');
    if (strchr("0#?", letter) != NULL && !time) return DATE_NONE; /* digits are pictured: a number (seconds may have .0) */
    year |= letter == 'y' || (letter == 'e' && !exponent);
    month |= letter == 'm';
    day |= letter == 'd' || letter == 'a';
    time |= letter == 'h' || letter == 's';
    at++;
  }
  if (day || (time && year)) return DATE_DAY;
  if (time) return DATE_TIME;
  if (year) return month ? DATE_MONTH : DATE_YEAR;
  return month ? DATE_DAY : DATE_NONE;
}

/* ECMA-376 §18.8.30 with the ids of the East Asian locales. */
static TableDateKind builtin_kind(guint64 id) {
  if (id == 17 || id == 27 || id == 36 || id == 50 || id == 52 || id == 57) return DATE_MONTH;
  if ((id >= 14 && id <= 16) || id == 22 || (id >= 28 && id <= 31) || id == 51 || id == 53 || id == 54 || id == 58) return DATE_DAY;
  if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || (id >= 45 && id <= 47) || id == 55 || id == 56) return DATE_TIME;
  return DATE_NONE;
}

static void on_styles_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces, const xmlChar **spaces, int count,
                            int defaulted, const xmlChar **attributes) {
  StyleRun *run = data;
  if (strcmp((const char *)name, "cellXfs") == 0) run->in_cell_styles = TRUE;
  gboolean is_format = strcmp((const char *)name, "numFmt") == 0, is_style = run->in_cell_styles && strcmp((const char *)name, "xf") == 0;
  if ((!is_format && !is_style) || run->styles->len >= STYLES_MAX || g_hash_table_size(run->formats) >= STYLES_MAX) return;
  g_autofree char *id_text = dup_attribute(attributes, count, "numFmtId");
  guint64 id = id_text == NULL ? 0 : g_ascii_strtoull(id_text, NULL, 10) & G_MAXUINT32;
  if (is_format) {
    g_autofree char *code = dup_attribute(attributes, count, "formatCode");
    g_hash_table_insert(run->formats, GSIZE_TO_POINTER(id), GUINT_TO_POINTER(code == NULL ? DATE_NONE : xlsx_format_kind(code)));
    return;
  }
  gpointer kind;
  gboolean custom = g_hash_table_lookup_extended(run->formats, GSIZE_TO_POINTER(id), NULL, &kind);
  guint8 style = (guint8)(custom ? GPOINTER_TO_UINT(kind) : builtin_kind(id));
  g_byte_array_append(run->styles, &style, 1);
}

static void on_styles_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
  if (strcmp((const char *)name, "cellXfs") == 0) ((StyleRun *)data)->in_cell_styles = FALSE;
}

static gboolean load_styles(zip_t *zip, const char *folder, XlsxBook *book, GError **error) {
  g_autofree char *path = g_strdup_printf("%sstyles.xml", folder);
  g_autoptr(GHashTable) formats = g_hash_table_new(NULL, NULL);
  StyleRun run = {.formats = formats, .styles = book->styles};
  xmlSAXHandler handler = {.startElementNs = on_styles_start, .endElementNs = on_styles_end};
  return xlsx_run(zip, path, &handler, &run.run, XLSX_SMALL_MIB, &(gboolean){0}, error);
}

/* ---- shared strings ---- */

typedef struct {
  XlsxRun run;
  XlsxBook *book;
  GString *text;
  gsize bytes;
  guint phonetic; /* depth of rPh: readings beside the characters, not text */
  gboolean in_text;
} StringRun;

void xlsx_unescape(GString *text) {
  if (strstr(text->str, "_x") == NULL) return;
  gsize to = 0;
  for (gsize at = 0; at < text->len;) {
    const char *escape = text->str + at;
    gboolean is_escape = text->len - at >= 7 && escape[0] == '_' && escape[1] == 'x' && escape[6] == '_';
    for (int i = 2; i < 6 && is_escape; i++) is_escape = g_ascii_isxdigit(escape[i]);
    gunichar character = 0;
    for (int i = 2; i < 6 && is_escape; i++) character = character * 16 + (gunichar)g_ascii_xdigit_value(escape[i]);
    if (!is_escape || (character >= 0xd800 && character <= 0xdfff)) {
      text->str[to++] = text->str[at++];
      continue;
    }
    char utf8[6];
    int length = g_unichar_to_utf8(character, utf8);
    if (character < ' ' && character != '\n' && character != '\t') length = 0;
    memcpy(text->str + to, utf8, (gsize)length);
    to += (gsize)length;
    at += 7;
  }
  g_string_truncate(text, to);
}

static void on_strings_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces, const xmlChar **spaces, int count,
                             int defaulted, const xmlChar **attributes) {
  StringRun *run = data;
  const char *element = (const char *)name;
  if (strcmp(element, "si") == 0) g_string_truncate(run->text, 0);
  else if (strcmp(element, "rPh") == 0) run->phonetic++;
  else if (strcmp(element, "t") == 0) run->in_text = run->phonetic == 0;
}

static void on_strings_text(void *data, const xmlChar *text, int length) {
  StringRun *run = data;
  if (run->in_text) g_string_append_len(run->text, (const char *)text, length);
}

static void on_strings_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
  StringRun *run = data;
  const char *element = (const char *)name;
  if (strcmp(element, "t") == 0) run->in_text = FALSE;
  if (strcmp(element, "rPh") == 0 && run->phonetic > 0) run->phonetic--;
  if (strcmp(element, "si") != 0) return;
  xlsx_unescape(run->text);
  run->bytes += run->text->len + sizeof(char *);
  if (run->bytes > STRING_BYTES_MAX || run->book->strings->len >= STRINGS_MAX) {
    xlsx_stop(&run->run, g_error_new_literal(LANTAI_ERROR, LANTAI_ERROR_TOO_LARGE, "表格的文字总量超过 1 GiB，已停止；请拆成几个表格，或另存为 CSV"));
    return;
  }
  g_ptr_array_add(run->book->strings, g_string_chunk_insert_len(run->book->text, run->text->str, (gssize)run->text->len));
}

static gboolean load_strings(zip_t *zip, const char *folder, XlsxBook *book, GError **error) {
  g_autofree char *path = g_strdup_printf("%ssharedStrings.xml", folder);
  g_autoptr(GString) text = g_string_new(NULL);
  StringRun run = {.book = book, .text = text};
  xmlSAXHandler handler = {.startElementNs = on_strings_start, .endElementNs = on_strings_end, .characters = on_strings_text, .cdataBlock = on_strings_text};
  return xlsx_run(zip, path, &handler, &run.run, XLSX_STRINGS_MIB, &(gboolean){0}, error);
}

gboolean xlsx_book_load(zip_t *zip, XlsxBook *ret, GError **error) {
  BookRun book = {.sheets = g_array_new(FALSE, FALSE, sizeof(Sheet))};
  g_array_set_clear_func(book.sheets, (GDestroyNotify)clear_sheet);
  gboolean found = find_sheet(zip, &book, ret, error);
  const char *slash = book.main_path == NULL ? NULL : strrchr(book.main_path, '/');
  g_autofree char *folder = slash == NULL ? g_strdup("") : g_strndup(book.main_path, (gsize)(slash + 1 - book.main_path));
  g_array_unref(book.sheets);
  g_free(book.main_path);
  if (!found) return FALSE;
  ret->strings = g_ptr_array_new();
  ret->text = g_string_chunk_new(1 << 20);
  ret->styles = g_byte_array_new();
  return load_styles(zip, folder, ret, error) && load_strings(zip, folder, ret, error);
}
