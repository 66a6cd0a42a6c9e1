/*
 * METS 1.12 with PREMIS 3: METS.xml as the map of all, and for each record records/<档号>/METS.xml (Dublin Core, our own description, PREMIS objects, events
 * and agents, files, structure) beside its files.
 */
#include "internal.h"
#include "error.h"
#include <string.h>

#define DESCRIPTION "urn:lantai:description"

typedef struct {
  Spool *spool;
  Xml *map;
  Tree tree;
} Mets;

/* ---- shared pieces ---- */

static void begin_mets(Xml *xml, const Export *export, const char *identity, const char *label) {
  g_autofree char *now = export_moment(clock_now_us());
  xml_open(xml, "mets", "xmlns", "http://www.loc.gov/METS/", "xmlns:xlink", "http://www.w3.org/1999/xlink", "xmlns:dc", "http://purl.org/dc/elements/1.1/",
    "xmlns:premis", "http://www.loc.gov/premis/v3", "xmlns:lantai", DESCRIPTION, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance", "OBJID", identity,
    "LABEL", label, NULL);
  xml_open(xml, "metsHdr", "CREATEDATE", now, NULL);
  xml_open(xml, "agent", "ROLE", "CREATOR", "TYPE", "ORGANIZATION", NULL);
  xml_leaf(xml, "name", export->organization);
  g_autofree char *code = export->code == NULL ? NULL : g_strconcat("档案馆代码 ", export->code, NULL);
  xml_optional(xml, "note", code);
  xml_close(xml);
  xml_open(xml, "agent", "ROLE", "CREATOR", "TYPE", "OTHER", "OTHERTYPE", "SOFTWARE", NULL);
  xml_leaf(xml, "name", "Lantai " LANTAI_VERSION);
  xml_close(xml);
  xml_close(xml);
}

static void open_wrap(Xml *xml, const char *section, const char *id, const char *type, const char *other) {
  xml_open(xml, section, "ID", id, NULL);
  xml_open(xml, "mdWrap", "MDTYPE", type, "OTHERMDTYPE", other, NULL);
  xml_open(xml, "xmlData", NULL);
}

static void close_times(Xml *xml, guint times) {
  for (guint i = 0; i < times; i++) xml_close(xml);
}

static void write_pair(Xml *xml, const char *outer, const char *stem, const char *type, const char *value) {
  g_autofree char *type_name = g_strconcat("premis:", stem, "Type", NULL), *value_name = g_strconcat("premis:", stem, "Value", NULL);
  xml_open(xml, outer, NULL);
  xml_leaf(xml, type_name, type);
  xml_leaf(xml, value_name, value);
  xml_close(xml);
}

/* ---- the description ---- */

static gboolean write_description(Export *export, Xml *xml, const ExportItem *item, GError **error) {
  const CatalogRecord *record = item->record;
  g_autofree char *date = date_format(record->date);
  open_wrap(xml, "dmdSec", "dmd1", "DC", NULL);
  xml_leaf(xml, "dc:identifier", record->code);
  xml_optional(xml, "dc:identifier", record->docno);
  xml_leaf(xml, "dc:title", record->title);
  xml_optional(xml, "dc:creator", record->creator);
  xml_optional(xml, "dc:date", date);
  xml_leaf(xml, "dc:publisher", item->fonds->title);
  xml_leaf(xml, "dc:rights", opening_label(record->opening));
  close_times(xml, 3);
  open_wrap(xml, "dmdSec", "dmd2", "OTHER", "LANTAI");
  xml_open(xml, "lantai:description", NULL);
  const char *const *header = listing_header(export->listing), *const *cells = listing_row(export->listing, item, "", error);
  if (cells == NULL) return FALSE;
  for (guint i = 0; header[i]; i++) {
    if (*cells[i] == '\0') continue;
    xml_open(xml, "lantai:field", "label", header[i], NULL);
    xml_text(xml, cells[i]);
    xml_close(xml);
  }
  close_times(xml, 4);
  return TRUE;
}

/* ---- PREMIS ---- */

static char *file_identity(const CatalogFile *file) {
  g_autofree char *object = catalog_object_id(file->record_id);
  return g_strconcat(object, "/", file->path, NULL);
}

static void write_fixity(Xml *xml, const char *algorithm, const char *digest) {
  if (*digest == '\0') return;
  xml_open(xml, "premis:fixity", NULL);
  xml_leaf(xml, "premis:messageDigestAlgorithm", algorithm);
  xml_leaf(xml, "premis:messageDigest", digest);
  xml_close(xml);
}

static void write_object(Xml *xml, const CatalogFile *file, guint number) {
  g_autofree char *id = g_strdup_printf("object%u", number), *identity = file_identity(file);
  open_wrap(xml, "techMD", id, "PREMIS:OBJECT", NULL);
  xml_open(xml, "premis:object", "xsi:type", "premis:file", NULL);
  write_pair(xml, "premis:objectIdentifier", "objectIdentifier", "lantai", identity);
  xml_open(xml, "premis:objectCharacteristics", NULL);
  write_fixity(xml, "SHA-512", file->sha512);
  write_fixity(xml, "SM3", file->sm3);
  xml_number(xml, "premis:size", file->size_bytes);
  xml_open(xml, "premis:format", NULL);
  xml_open(xml, "premis:formatDesignation", NULL);
  xml_leaf(xml, "premis:formatName", *file->mime ? file->mime : "application/octet-stream");
  xml_close(xml);
  if (*file->puid) {
    xml_open(xml, "premis:formatRegistry", NULL);
    xml_leaf(xml, "premis:formatRegistryName", "PRONOM");
    xml_leaf(xml, "premis:formatRegistryKey", file->puid);
    xml_close(xml);
  }
  close_times(xml, 2);
  xml_leaf(xml, "premis:originalName", file->name);
  close_times(xml, 4);
}

static void write_event(Xml *xml, json_t *event, guint number, const ExportItem *item) {
  g_autofree char *id = g_strdup_printf("event%u", number), *value = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(event, "id")));
  g_autofree char *moment = export_moment(json_integer_value(json_object_get(event, "at")));
  open_wrap(xml, "digiprovMD", id, "PREMIS:EVENT", NULL);
  xml_open(xml, "premis:event", NULL);
  write_pair(xml, "premis:eventIdentifier", "eventIdentifier", "lantai:journal", value);
  xml_leaf(xml, "premis:eventType", json_string_value(json_object_get(event, "type")));
  xml_leaf(xml, "premis:eventDateTime", moment);
  xml_open(xml, "premis:eventDetailInformation", NULL);
  xml_leaf(xml, "premis:eventDetail", json_string_value(json_object_get(event, "label")));
  xml_close(xml);
  write_pair(xml, "premis:linkingAgentIdentifier", "linkingAgentIdentifier", "lantai:user", json_string_value(json_object_get(event, "actor")));
  for (guint i = 0; i < item->files->len; i++) {
    g_autofree char *identity = file_identity(item->files->pdata[i]);
    write_pair(xml, "premis:linkingObjectIdentifier", "linkingObjectIdentifier", "lantai", identity);
  }
  close_times(xml, 4);
}

static void write_agent(Xml *xml, const char *name, guint number) {
  g_autofree char *id = g_strdup_printf("agent%u", number);
  gboolean software = g_str_equal(name, "system");
  open_wrap(xml, "digiprovMD", id, "PREMIS:AGENT", NULL);
  xml_open(xml, "premis:agent", NULL);
  write_pair(xml, "premis:agentIdentifier", "agentIdentifier", "lantai:user", name);
  xml_leaf(xml, "premis:agentName", software ? "Lantai " LANTAI_VERSION : name);
  xml_leaf(xml, "premis:agentType", software ? "software" : "person");
  close_times(xml, 4);
}

static gboolean write_provenance(Export *export, Xml *xml, const ExportItem *item, GError **error) {
  json_auto_t *events = origin_events(export, item->record, error);
  if (events == NULL) return FALSE;
  if (json_array_size(events) == 0 && item->files->len == 0) return TRUE;
  xml_open(xml, "amdSec", "ID", "amd1", NULL);
  for (guint i = 0; i < item->files->len; i++) write_object(xml, item->files->pdata[i], i + 1);
  g_autoptr(GPtrArray) agents = g_ptr_array_new();
  size_t i;
  json_t *event;
  json_array_foreach(events, i, event) {
    write_event(xml, event, (guint)i + 1, item);
    const char *actor = json_string_value(json_object_get(event, "actor"));
    if (!g_ptr_array_find_with_equal_func(agents, actor, g_str_equal, NULL)) g_ptr_array_add(agents, (gpointer)actor);
  }
  for (guint a = 0; a < agents->len; a++) write_agent(xml, agents->pdata[a], a + 1);
  xml_close(xml);
  return TRUE;
}

/* ---- files and structure ---- */

static void write_file_section(Xml *xml, const ExportItem *item, GPtrArray *names) {
  if (names->len == 0) return;
  xml_open(xml, "fileSec", NULL);
  xml_open(xml, "fileGrp", "USE", "ORIGINAL", NULL);
  for (guint i = 0; i < names->len; i++) {
    const CatalogFile *file = item->files->pdata[i];
    g_autofree char *id = g_strdup_printf("file%u", i + 1), *object = g_strdup_printf("object%u", i + 1);
    g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT, file->size_bytes), *href = g_uri_escape_string(names->pdata[i], NULL, FALSE);
    xml_open(xml, "file", "ID", id, "ADMID", object, "MIMETYPE", *file->mime ? file->mime : NULL, "SIZE", size, "CHECKSUM",
      file->sha512, "CHECKSUMTYPE", "SHA-512", NULL);
    xml_open(xml, "FLocat", "LOCTYPE", "URL", "xlink:type", "simple", "xlink:href", href, NULL);
    close_times(xml, 2);
  }
  close_times(xml, 2);
}

static void write_structure(Xml *xml, const ExportItem *item) {
  xml_open(xml, "structMap", "TYPE", "logical", NULL);
  xml_open(xml, "div", "TYPE", level_label(item->record->level), "LABEL", item->record->title, "DMDID", "dmd1 dmd2", NULL);
  for (guint i = 0; i < item->files->len; i++) {
    const CatalogFile *file = item->files->pdata[i];
    g_autofree char *id = g_strdup_printf("file%u", i + 1), *order = g_strdup_printf("%u", i + 1);
    xml_open(xml, "div", "ORDER", order, "LABEL", file->name, NULL);
    xml_open(xml, "fptr", "FILEID", id, NULL);
    close_times(xml, 2);
  }
  close_times(xml, 2);
}

static gboolean write_record(Export *export, const ExportItem *item, const char *folder, GPtrArray *names, GError **error) {
  g_autofree char *path = g_strconcat(folder, "/METS.xml", NULL), *entry = export_name(export, path), *identity = catalog_object_id(item->record->id);
  if (!package_writer_begin(export->out, entry, -1, error)) return FALSE;
  g_autoptr(Xml) xml = xml_entry(export);
  begin_mets(xml, export, identity, item->record->title);
  if (!write_description(export, xml, item, error) || !write_provenance(export, xml, item, error)) return FALSE;
  write_file_section(xml, item, names);
  write_structure(xml, item);
  return xml_finish(xml, error) && package_writer_end(export->out, NULL, error);
}

/* ---- the package ---- */

static gboolean begin_package(Export *export, GError **error) {
  Mets *mets = export->state = g_new0(Mets, 1);
  if ((mets->spool = spool_new(export, error)) == NULL) return FALSE;
  mets->map = xml_aside(export, mets->spool);
  begin_mets(mets->map, export, NULL, export->title);
  xml_open(mets->map, "structMap", "TYPE", "logical", NULL);
  xml_open(mets->map, "div", "LABEL", export->title, NULL);
  return TRUE;
}

static void open_div(Xml *map, const CatalogRecord *record, const char *href) {
  xml_open(map, "div", "TYPE", level_label(record->level), "LABEL", record->title, NULL);
  if (href == NULL) return;
  xml_open(map, "mptr", "LOCTYPE", "URL", "xlink:type", "simple", "xlink:href", href, NULL);
  xml_close(map);
}

static gboolean add_to_package(Export *export, const ExportItem *item, GError **error) {
  Mets *mets = export->state;
  g_autofree char *name = names_take(export->names, item->record->code), *folder = g_strconcat("records/", name, NULL);
  g_autofree char *map_path = g_strconcat(folder, "/METS.xml", NULL), *href = g_uri_escape_string(map_path, "/", FALSE);
  TreeStep step = tree_step(&mets->tree, item);
  close_times(mets->map, step.close);
  for (guint i = step.from; i < item->path_length; i++) open_div(mets->map, item->path[i], NULL);
  open_div(mets->map, item->record, href);
  g_autoptr(Names) taken = names_new();
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_free(names_take(taken, "METS.xml"));
  for (guint i = 0; i < item->files->len; i++) g_ptr_array_add(names, names_take(taken, ((const CatalogFile *)item->files->pdata[i])->name));
  if (!write_record(export, item, folder, names, error)) return FALSE;
  for (guint i = 0; i < item->files->len; i++) {
    g_autofree char *path = g_strdup_printf("%s/%s", folder, (const char *)names->pdata[i]);
    if (!export_file(export, item->files->pdata[i], path, error)) return FALSE;
  }
  return TRUE;
}

static gboolean end_package(Export *export, GError **error) {
  const Mets *mets = export->state;
  return xml_finish(mets->map, error) && spool_into(mets->spool, export, "METS.xml", NULL, error);
}

static void free_package(Export *export) {
  Mets *mets = export->state;
  if (mets == NULL) return;
  xml_free(mets->map);
  spool_free(mets->spool);
  g_free(mets);
}

const ExportFormat FORMAT_METS = {"mets", "METS 与 PREMIS", "每件一个 METS，含都柏林核心著录、保存元数据（PREMIS）和原文", "zip", TRUE, begin_package, add_to_package, end_package, free_package};
