/*
 * BagIt 1.0 (RFC 8493): data/catalogue.csv, and for each record data/records/<档号>/metadata.json with its files; SHA-512 for payload and tag files.
 * In an archive file everything is below one folder of the archive's name (RFC 8493 §4.2).
 */
#include "internal.h"
#include "error.h"
#include <string.h>

typedef struct {
  Spool *catalogue, *manifest, *tags;
  gint64 octets, streams;
} Bag;

/* As RFC 8493 §2.1.3 has paths: line ends and the per cent sign encoded. */
static gboolean manifest_add(Spool *manifest, const char *sha512, const char *path, GError **error) {
  g_autoptr(GString) line = g_string_new(sha512);
  g_string_append(line, "  ");
  for (const char *at = path; *at; at++) {
    if (*at == '%' || *at == '\r' || *at == '\n') g_string_append_printf(line, "%%%02X", (guint)(guchar)*at);
    else g_string_append_c(line, *at);
  }
  g_string_append_c(line, '\n');
  return spool_add(manifest, line->str, line->len, error);
}

static gboolean add_row(Export *export, const char *const *cells, GError **error) {
  const Bag *bag = export->state;
  g_autoptr(GString) line = g_string_new(NULL);
  csv_append(line, cells);
  return spool_add(bag->catalogue, line->str, line->len, error);
}

static gboolean begin_bag(Export *export, GError **error) {
  Bag *bag = export->state = g_new0(Bag, 1);
  return (bag->catalogue = spool_new(export, error)) && (bag->manifest = spool_new(export, error)) && (bag->tags = spool_new(export, error)) &&
    add_row(export, listing_header(export->listing), error);
}

static gboolean add_payload(Export *export, const char *path, const char *sha512, gint64 size_bytes, GError **error) {
  Bag *bag = export->state;
  bag->octets += size_bytes;
  bag->streams++;
  return manifest_add(bag->manifest, sha512, path, error);
}

static gboolean add_files(Export *export, const ExportItem *item, const char *folder, GString *documents, GError **error) {
  g_autoptr(Names) names = names_new();
  g_free(names_take(names, "metadata.json"));
  for (guint i = 0; i < item->files->len; i++) {
    const CatalogFile *file = item->files->pdata[i];
    g_autofree char *name = names_take(names, file->name);
    g_autofree char *path = g_strdup_printf("data/%s/%s", folder, name);
    if (!export_file(export, file, path, error) || !add_payload(export, path, file->sha512, file->size_bytes, error)) return FALSE;
    g_string_append_printf(documents, "%s%s/%s", documents->len ? "\n" : "", folder, name);
  }
  return TRUE;
}

static char *metadata_text(const Export *export, const ExportItem *item) {
  json_auto_t *json = catalog_record_json(export->house->catalog, item->record);
  static const char *const local[] = {"id", "rev", "parent_id", "fonds_id", "accession_id", "opening_tone", "security_tone", "file_count"};
  for (guint i = 0; i < G_N_ELEMENTS(local); i++) json_object_del(json, local[i]);
  json_object_set_new(json, "fonds", json_pack("{s:s, s:s}", "code", item->fonds->code, "title", item->fonds->title));
  if (item->volume) json_object_set_new(json, "volume", json_pack("{s:s, s:s}", "code", item->volume->code, "title", item->volume->title));
  json_t *files = json_array();
  for (guint i = 0; i < item->files->len; i++) {
    const CatalogFile *file = item->files->pdata[i];
    json_array_append_new(files, json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:i}", "name", file->name, "size", (json_int_t)file->size_bytes, "mime", file->mime,
      "puid", file->puid, "sha512", file->sha512, "sm3", file->sm3, "page_count", file->page_count));
  }
  json_object_set_new(json, "files", files);
  if (item->tombstone) json_object_set(json, "disposal", item->tombstone);
  char *text = json_dumps(json, JSON_INDENT(2)), *line = g_strconcat(text, "\n", NULL);
  free(text);
  return line;
}

static gboolean add_to_bag(Export *export, const ExportItem *item, GError **error) {
  g_autofree char *name = names_take(export->names, item->record->code), *folder = g_strconcat("records/", name, NULL);
  g_autofree char *text = metadata_text(export, item), *path = g_strdup_printf("data/%s/metadata.json", folder), *entry = export_name(export, path);
  char sha512[129];
  g_autoptr(GString) documents = g_string_new(NULL);
  if (!package_writer_bytes(export->out, entry, text, strlen(text), sha512, error) || !add_payload(export, path, sha512, (gint64)strlen(text), error)) return FALSE;
  if (!add_files(export, item, folder, documents, error)) return FALSE;
  const char *const *cells = listing_row(export->listing, item, documents->len ? documents->str : NO_DOCUMENTS, error);
  return cells && add_row(export, cells, error);
}

static gboolean add_tag(Export *export, const char *name, const char *text, GError **error) {
  const Bag *bag = export->state;
  g_autofree char *entry = export_name(export, name);
  char sha512[129];
  return package_writer_bytes(export->out, entry, text, strlen(text), sha512, error) && manifest_add(bag->tags, sha512, name, error);
}

/* A label's value stands on one line. */
static char *one_line(const char *text) { return g_strstrip(g_strdelimit(g_strdup(text), "\r\n\t", ' ')); }

static gboolean end_bag(Export *export, GError **error) {
  Bag *bag = export->state;
  char sha512[129];
  gint64 before = package_writer_size(export->out);
  if (!spool_into(bag->catalogue, export, "data/catalogue.csv", sha512, error) ||
    !add_payload(export, "data/catalogue.csv", sha512, package_writer_size(export->out) - before, error)) return FALSE;
  g_autofree char *organization = one_line(export->organization), *title = one_line(export->title), *day = export_day();
  g_autofree char *code = export->code == NULL ? g_strdup("") : g_strdup_printf("Archives-Code: %s\n", export->code); /* 档案馆代码; RFC 8493 §2.2.2: tags of one's own */
  g_autofree char *info = g_strdup_printf("Source-Organization: %s\n%sBagging-Date: %s\nExternal-Description: %s\nBag-Software-Agent: Lantai " LANTAI_VERSION "\n"
    "Payload-Oxum: %" G_GINT64_FORMAT ".%" G_GINT64_FORMAT "\n", organization, code, day, title, bag->octets, bag->streams);
  if (!add_tag(export, "bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", error) || !add_tag(export, "bag-info.txt", info, error)) return FALSE;
  return spool_into(bag->manifest, export, "manifest-sha512.txt", sha512, error) && manifest_add(bag->tags, sha512, "manifest-sha512.txt", error) &&
    spool_into(bag->tags, export, "tagmanifest-sha512.txt", NULL, error);
}

static void free_bag(Export *export) {
  Bag *bag = export->state;
  if (bag == NULL) return;
  spool_free(bag->catalogue);
  spool_free(bag->manifest);
  spool_free(bag->tags);
  g_free(bag);
}

const ExportFormat FORMAT_BAGIT = {"bagit", "BagIt 包", "目录（CSV）、每件的元数据和原文，带 SHA-512 清单；可由其他系统核验，也可原样导回", "zip", TRUE, begin_bag, add_to_bag, end_bag, free_bag};
