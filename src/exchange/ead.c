/*
 * A finding aid in EAD 2002 (schema of 2008): one file, the tree as nested c elements, dao for files by the object's name in the store.
 * A selection within one fonds has that fonds as its archdesc; others have a collection with the fonds as its parts.
 */
#include "internal.h"
#include "authority.h"
#include "error.h"
#include <glib/gstdio.h>

typedef struct {
  Spool *spool;
  Xml *xml;
  Tree tree;
  gboolean begun, listed; /* archdesc is open; dsc is open */
} Finding;

static const char *level_of(const CatalogRecord *record) {
  static const char *const levels[] = {"otherlevel", "fonds", "class", "file", "item"};
  return levels[record->level <= LEVEL_ITEM ? record->level : 0];
}

/* ---- one unit ---- */

static void write_paragraph(Xml *xml, const char *element, const char *head, const char *text) {
  if (text == NULL || *text == '\0') return;
  xml_open(xml, element, NULL);
  xml_leaf(xml, "head", head);
  xml_leaf(xml, "p", text);
  xml_close(xml);
}

static void write_extent(Xml *xml, const CatalogRecord *record) {
  if (record->page_count == 0 && record->file_count == 0) return;
  xml_open(xml, "physdesc", NULL);
  g_autofree char *pages = g_strdup_printf("%d 页", record->page_count), *files = g_strdup_printf("%d 个电子文件", record->file_count);
  if (record->page_count) xml_leaf(xml, "extent", pages);
  if (record->file_count) xml_leaf(xml, "extent", files);
  xml_close(xml);
}

static void write_dao(Xml *xml, const CatalogFile *file) {
  g_autofree char *object = catalog_object_id(file->record_id), *path = g_uri_escape_string(file->path, "/", FALSE);
  g_autofree char *href = g_strconcat(object, "/", path, NULL);
  xml_open(xml, "dao", "xlink:type", "simple", "xlink:href", href, "xlink:title", file->name, "xlink:role", *file->mime ? file->mime : NULL, NULL);
  xml_close(xml);
}

/* The names as the authority records have them, beside the creator as it was written. */
static void write_creators(Xml *xml, const CatalogRecord *record, json_t *creators) {
  static const struct { const char *kind, *element; } elements[] = {{"body", "corpname"}, {"person", "persname"}, {"family", "famname"}};
  size_t i;
  json_t *creator;
  gboolean named = FALSE;
  json_array_foreach(creators, i, creator)
    for (guint k = 0; k < G_N_ELEMENTS(elements); k++) {
      if (g_strcmp0(elements[k].kind, json_string_value(json_object_get(creator, "kind"))) != 0) continue;
      const char *name = json_string_value(json_object_get(creator, "name"));
      g_autofree char *number = g_strdup_printf("authority-%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(creator, "id")));
      xml_open(xml, "origination", "label", "责任者", NULL);
      xml_open(xml, elements[k].element, "authfilenumber", number, "normal", name, NULL);
      xml_text(xml, json_array_size(creators) == 1 && *record->creator ? record->creator : name);
      xml_close(xml);
      xml_close(xml);
      named = TRUE;
    }
  if (named || *record->creator == '\0') return;
  xml_open(xml, "origination", "label", "责任者", NULL);
  xml_text(xml, record->creator);
  xml_close(xml);
}

static void write_did(Xml *xml, const CatalogRecord *record, GPtrArray *files, json_t *creators) {
  g_autofree char *date = record_date(record), *normal = date_format(record->date);
  xml_open(xml, "did", NULL);
  xml_leaf(xml, "unitid", record->code);
  if (*record->docno) {
    xml_open(xml, "unitid", "type", "文号", NULL);
    xml_text(xml, record->docno);
    xml_close(xml);
  }
  xml_leaf(xml, "unittitle", record->title);
  if (*date) {
    xml_open(xml, "unitdate", "normal", *normal ? normal : NULL, NULL);
    xml_text(xml, date);
    xml_close(xml);
  }
  write_creators(xml, record, creators);
  write_extent(xml, record);
  for (guint i = 0; files && i < files->len; i++) write_dao(xml, files->pdata[i]);
  xml_close(xml);
}

static void write_unit(Export *export, Xml *xml, const CatalogRecord *record, GPtrArray *files) {
  const CatalogCategory *category = catalog_category(export->house->catalog, record->category);
  g_autoptr(Sql) sql = sql_read(export->house->db, NULL);
  json_auto_t *creators = sql == NULL ? NULL : record_creators(sql, record->id, NULL);
  g_clear_pointer(&sql, sql_end);
  write_did(xml, record, files, creators);
  if (record_is_described(record)) {
    write_paragraph(xml, "accessrestrict", "开放标识", opening_label(record->opening));
    write_paragraph(xml, "accessrestrict", "密级", security_label(record->security));
  }
  write_paragraph(xml, "appraisal", "保管期限", record->retention);
  json_auto_t *fields = record_fields_of(record);
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value) write_paragraph(xml, "odd", record_field_label(category, key), json_string_value(value));
}

/* ---- the file ---- */

static gboolean begin_finding(Export *export, GError **error) {
  Finding *finding = export->state = g_new0(Finding, 1);
  g_autofree char *path = g_strconcat(export->target, ".partial", NULL), *day = export_day();
  if ((finding->spool = spool_open(path, error)) == NULL) return FALSE;
  Xml *xml = finding->xml = xml_aside(export, finding->spool);
  xml_open(xml, "ead", "xmlns", "urn:isbn:1-931666-22-9", "xmlns:xlink", "http://www.w3.org/1999/xlink", NULL);
  xml_open(xml, "eadheader", "langencoding", "iso639-2b", "dateencoding", "iso8601", NULL);
  xml_leaf(xml, "eadid", export->title);
  xml_open(xml, "filedesc", NULL);
  xml_open(xml, "titlestmt", NULL);
  xml_leaf(xml, "titleproper", export->title);
  xml_close(xml);
  xml_open(xml, "publicationstmt", NULL);
  xml_leaf(xml, "publisher", export->organization);
  xml_leaf(xml, "date", day);
  if (export->code != NULL) { /* mainagencycode is for codes of ISO 15511 alone */
    xml_open(xml, "num", "type", "archives-code", NULL);
    xml_text(xml, export->code);
    xml_close(xml);
  }
  xml_close(xml);
  xml_close(xml);
  xml_open(xml, "profiledesc", NULL);
  xml_leaf(xml, "creation", "兰台数字档案馆系统 " LANTAI_VERSION);
  xml_open(xml, "langusage", NULL);
  xml_open(xml, "language", "langcode", "chi", NULL);
  xml_text(xml, "中文");
  xml_close(xml);
  xml_close(xml);
  xml_close(xml);
  xml_close(xml);
  return TRUE;
}

static void begin_collection(Export *export, Finding *finding) {
  xml_open(finding->xml, "archdesc", "level", "collection", NULL);
  xml_open(finding->xml, "did", NULL);
  xml_leaf(finding->xml, "unittitle", export->title);
  xml_open(finding->xml, "repository", NULL);
  xml_text(finding->xml, export->organization);
  xml_close(finding->xml);
  xml_close(finding->xml);
  finding->begun = TRUE;
}

static void open_unit(Export *export, Finding *finding, const CatalogRecord *record, GPtrArray *files) {
  Xml *xml = finding->xml;
  if (!finding->begun) {
    finding->begun = TRUE;
    xml_open(xml, "archdesc", "level", level_of(record), NULL);
    return write_unit(export, xml, record, files);
  }
  if (!finding->listed) xml_open(xml, "dsc", "type", "combined", NULL);
  finding->listed = TRUE;
  xml_open(xml, "c", "level", level_of(record), NULL);
  write_unit(export, xml, record, files);
}

static gboolean add_to_finding(Export *export, const ExportItem *item, GError **error) {
  Finding *finding = export->state;
  if (!export->single_fonds && !finding->begun) begin_collection(export, finding);
  TreeStep step = tree_step(&finding->tree, item);
  for (guint i = 0; i < step.close; i++) xml_close(finding->xml);
  for (guint i = step.from; i < item->path_length; i++) open_unit(export, finding, item->path[i], NULL);
  open_unit(export, finding, item->record, item->files);
  g_autofree char *disposal = item_disposal(item);
  write_paragraph(finding->xml, "processinfo", "处置", disposal);
  export->files += item->files->len;
  return TRUE;
}

static gboolean end_finding(Export *export, GError **error) {
  Finding *finding = export->state;
  if (!finding->begun) begin_collection(export, finding);
  return xml_finish(finding->xml, error) && spool_close(finding->spool, error);
}

static void free_finding(Export *export) {
  Finding *finding = export->state;
  if (finding == NULL) return;
  xml_free(finding->xml);
  spool_free(finding->spool);
  g_free(finding);
}

const ExportFormat FORMAT_EAD = {"ead", "EAD 目录", "国际通用的多级著录检索工具（EAD 2002），一个 XML 文件，不含原文", "xml", FALSE, begin_finding, add_to_finding, end_finding, free_finding};
