/*
 * Documents that are zip files (OOXML, OpenDocument, OFD) and archives: every entry is read through, so that its checksum is proved; the parts that
 * a document cannot do without must be well-formed XML without DOCTYPE.
 */
#include "error.h"
#include "examine.h"
#include "sandbox.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

enum { BLOCK = 64 << 10, ENTRIES_MAX = 200000, PART_MAX = 256 << 20, SMALL_PART_MAX = 1 << 20 };
#define BYTES_MAX (G_GUINT64_CONSTANT(4) << 30)

/* ---- zip ---- */

typedef struct {
  zip_t *zip;
  json_t *facts;
  char *block;
  guint64 bytes;
  guint encrypted;
} ZipRun;

static const char *const MAIN_PARTS[] = {"word/document.xml", "xl/workbook.xml", "ppt/presentation.xml", "content.xml", "OFD.xml", "[Content_Types].xml",
                                         "META-INF/manifest.xml", "META-INF/container.xml", NULL};

static void on_doctype(void *data, const xmlChar *name, const xmlChar *external, const xmlChar *system) { *(gboolean *)data = TRUE; }
static void on_problem(void *data, const xmlError *problem) {}

/* Reads one entry to its end; where it is a main part, through the XML parser. FALSE after a problem or at the limit. */
static gboolean read_entry(ZipRun *run, zip_uint64_t index, const char *name) {
  gboolean has_doctype = FALSE, is_main = g_strv_contains(MAIN_PARTS, name);
  zip_file_t *part = zip_fopen_index(run->zip, index, 0);
  if (part == NULL) return examine_problem(run->facts, "其中的“%s”打不开，文件可能损坏", name), FALSE;
  xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC, .internalSubset = on_doctype, .serror = (xmlStructuredErrorFunc)on_problem};
  xmlParserCtxtPtr parser = is_main ? xmlCreatePushParserCtxt(&handler, &has_doctype, NULL, 0, NULL) : NULL;
  if (parser != NULL) xmlCtxtUseOptions(parser, XML_PARSE_NONET);
  zip_int64_t got;
  guint64 total = 0;
  while ((got = zip_fread(part, run->block, BLOCK)) > 0 && (total += (guint64)got) + run->bytes <= BYTES_MAX)
    if (parser != NULL && total < PART_MAX && !has_doctype) xmlParseChunk(parser, run->block, (int)got, 0);
  if (parser != NULL && !has_doctype) xmlParseChunk(parser, NULL, 0, 1);
  gboolean well = parser == NULL || parser->wellFormed;
  if (parser != NULL) xmlFreeParserCtxt(parser);
  gboolean closed = zip_fclose(part) == 0;
  run->bytes += total;
  if (got < 0 || (got == 0 && !closed)) examine_problem(run->facts, "其中的“%s”已损坏（解压失败或校验不符）", name);
  else if (has_doctype) examine_problem(run->facts, "其中的“%s”带有文档类型声明（DOCTYPE），可能是恶意文件", name);
  else if (!well && total < PART_MAX) examine_problem(run->facts, "其中的“%s”不是完整的 XML", name);
  else if (got > 0) examine_unknown(run->facts, "content", "内容解压后超过 4 GiB，没有全部核对");
  return got == 0;
}

static char *dup_small_part(ZipRun *run, const char *name) {
  zip_stat_t about;
  if (zip_stat(run->zip, name, 0, &about) != 0 || about.size > SMALL_PART_MAX) return NULL;
  zip_file_t *part = zip_fopen(run->zip, name, 0);
  char *text = part == NULL ? NULL : g_malloc0(about.size + 1);
  if (part != NULL) zip_fread(part, text, about.size);
  if (part != NULL) zip_fclose(part);
  return text;
}

/* Pages as the program that saved it counted them, in docProps/app.xml (DOCX: Pages, PPTX: Slides). */
static void take_pages(ZipRun *run) {
  static const char *const TAGS[] = {"<Pages>", "<Slides>"};
  g_autofree char *text = dup_small_part(run, "docProps/app.xml");
  for (gsize i = 0; text != NULL && i < G_N_ELEMENTS(TAGS); i++) {
    const char *at = strstr(text, TAGS[i]);
    guint64 pages = at == NULL ? 0 : g_ascii_strtoull(at + strlen(TAGS[i]), NULL, 10);
    if (pages > 0 && pages < 1000000) json_object_set_new(run->facts, "pages", json_integer((json_int_t)pages));
  }
}

static gboolean refers_outside(ZipRun *run, const char *name) {
  if (g_str_has_suffix(name, "vbaProject.bin")) return TRUE;
  if (!g_str_has_suffix(name, ".rels")) return FALSE;
  g_autofree char *text = dup_small_part(run, name);
  for (const char *at = text; at != NULL && (at = strstr(at, "<Relationship ")) != NULL; at++) {
    g_autofree char *one = g_strndup(at, strcspn(at, ">"));
    if (strstr(one, "TargetMode=\"External\"") != NULL && strstr(one, "/hyperlink\"") == NULL) return TRUE;
  }
  return FALSE;
}

static void walk_zip(ZipRun *run) {
  zip_int64_t count = zip_get_num_entries(run->zip, 0);
  gboolean outside = FALSE, readable = TRUE;
  if (count > ENTRIES_MAX) examine_unknown(run->facts, "content", "条目超过 200000 个，没有全部核对");
  for (zip_int64_t i = 0; i < MIN(count, ENTRIES_MAX) && readable; i++) {
    zip_stat_t about;
    if (zip_stat_index(run->zip, (zip_uint64_t)i, ZIP_FL_ENC_GUESS, &about) != 0 || about.name == NULL) {
      examine_problem(run->facts, "第 %d 个条目的目录项已损坏", (int)i + 1);
      continue;
    }
    gboolean locked = (about.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && about.encryption_method != ZIP_EM_NONE;
    run->encrypted += locked || strcmp(about.name, "Encryptions.xml") == 0;
    if (strcmp(about.name, "META-INF/manifest.xml") == 0 && !locked) {
      g_autofree char *manifest = dup_small_part(run, about.name);
      run->encrypted += manifest != NULL && strstr(manifest, "encryption-data") != NULL;
    }
    outside |= refers_outside(run, about.name);
    if (!locked) readable = read_entry(run, (zip_uint64_t)i, about.name);
  }
  json_object_set_new(run->facts, "encrypted", json_boolean(run->encrypted > 0));
  json_object_set_new(run->facts, "external", json_boolean(outside));
  if (run->encrypted > 0) examine_problem(run->facts, "有加密的内容，需要密码才能打开");
}

void examine_zip(const ExamineFile *file, json_t *facts) {
  int copy = fcntl(file->fd, F_DUPFD_CLOEXEC, 0), code = 0;
  lseek(copy, 0, SEEK_SET);
  zip_t *zip = copy < 0 ? NULL : zip_fdopen(copy, 0, &code);
  if (zip == NULL) return examine_problem(facts, "压缩包的目录读不出来，文件可能被截断或损坏");
  ZipRun run = {.zip = zip, .facts = facts, .block = g_malloc(BLOCK)};
  if (zip_get_num_entries(zip, 0) == 0) examine_problem(facts, "压缩包是空的");
  walk_zip(&run);
  take_pages(&run);
  if (json_object_get(facts, "opens") == NULL) json_object_set_new(facts, "opens", json_true());
  g_free(run.block);
  zip_discard(zip);
}

/* ---- RAR, 7z, TAR and their like ---- */

static gboolean fail_archive(struct archive *archive, json_t *facts) {
  gboolean locked = archive_read_has_encrypted_entries(archive) > 0;
  if (locked) json_object_set_new(facts, "encrypted", json_true());
  else examine_problem(facts, "压缩包已损坏或不完整");
  return FALSE;
}

/* FALSE at the end, after a problem or at a limit. */
static gboolean read_next(struct archive *archive, guint64 *bytes, json_t *facts) {
  struct archive_entry *entry;
  int result = archive_read_next_header(archive, &entry);
  if (result == ARCHIVE_EOF) return FALSE;
  if (result < ARCHIVE_WARN) return fail_archive(archive, facts);
  if (archive_entry_is_encrypted(entry)) {
    json_object_set_new(facts, "encrypted", json_true());
    return TRUE;
  }
  const void *block;
  size_t length;
  la_int64_t offset;
  while ((result = archive_read_data_block(archive, &block, &length, &offset)) == ARCHIVE_OK)
    if ((*bytes += length) > BYTES_MAX) return examine_unknown(facts, "content", "内容解压后超过 4 GiB，没有全部核对"), FALSE;
  return result == ARCHIVE_EOF || fail_archive(archive, facts);
}

void examine_archive(const ExamineFile *file, json_t *facts) {
  struct archive *archive = archive_read_new();
  archive_read_support_filter_all(archive);
  archive_read_support_format_all(archive);
  archive_read_support_format_raw(archive); /* gzip of one file */
  json_object_set_new(facts, "encrypted", json_false());
  lseek(file->fd, 0, SEEK_SET);
  guint64 bytes = 0;
  guint entries = 0;
  if (archive_read_open_fd(archive, file->fd, BLOCK) != ARCHIVE_OK) fail_archive(archive, facts);
  else
    while (entries < ENTRIES_MAX && read_next(archive, &bytes, facts)) entries++;
  if (entries == ENTRIES_MAX) examine_unknown(facts, "content", "条目超过 200000 个，没有全部核对");
  if (archive_read_has_encrypted_entries(archive) > 0) json_object_set_new(facts, "encrypted", json_true());
  if (json_is_true(json_object_get(facts, "encrypted"))) examine_problem(facts, "有加密的内容，需要密码才能打开");
  if (json_object_get(facts, "opens") == NULL) json_object_set_new(facts, "opens", json_true());
  archive_read_free(archive);
}
