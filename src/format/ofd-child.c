/*
 * The child that reads OFD documents: opening parts of the zip, resolving names, and what a document consists of.
 *
 * 1. Inflated bytes are bounded for a part and for the whole; XML with a document type is refused; depth is libxml2's own limit.
 * 2. What is wrong inside costs a line of `problems`, not the document, as long as OFD.xml can be read.
 */
#include "ofd-child.h"
#include "error.h"
#include "sandbox.h"
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#define PART_BYTES_MAX ((guint64)256 << 20)
#define ALL_BYTES_MAX ((guint64)2 << 30)
enum { PROBLEMS_MAX = 100, ENTRIES_MAX = 200000 };

void ofd_problem(Ofd *ofd, const char *format, ...) {
  if (json_array_size(ofd->problems) >= PROBLEMS_MAX) return;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *raw = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *text = g_utf8_make_valid(raw, -1);
  json_array_append_new(ofd->problems, json_string(text));
}

gboolean ofd_open(int fd, Ofd *ret, GError **error) {
  zip_error_t why;
  zip_error_init(&why);
  zip_source_t *source = NULL;
  FILE *stream = fdopen(dup(fd), "rb");
  if (stream) source = zip_source_filep_create(stream, 0, -1, &why);
  zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
  if (zip == NULL && source) zip_source_free(source);
  else if (source == NULL && stream) fclose(stream);
  if (zip == NULL) return throw(error, LANTAI_ERROR_INVALID, "不是完整的 OFD 文件（zip 结构打不开：%s）", zip_error_strerror(&why));
  if (zip_get_num_entries(zip, 0) > ENTRIES_MAX) return zip_discard(zip), throw(error, LANTAI_ERROR_TOO_LARGE, "OFD 文件内的条目超过 %d 个", ENTRIES_MAX);
  *ret = (Ofd){zip, 0, json_array()};
  return TRUE;
}

void ofd_close(Ofd *ofd) {
  if (ofd->zip) zip_discard(ofd->zip);
  json_decref(ofd->problems);
}

static zip_int64_t locate(Ofd *ofd, const char *path) {
  while (*path == '/') path++;
  zip_int64_t index = zip_name_locate(ofd->zip, path, 0);
  return index >= 0 ? index : zip_name_locate(ofd->zip, path, ZIP_FL_NOCASE);
}

GBytes *ofd_part(Ofd *ofd, const char *path, gboolean wanted) {
  zip_int64_t index = locate(ofd, path);
  zip_stat_t about;
  if (index < 0 || zip_stat_index(ofd->zip, (zip_uint64_t)index, 0, &about) != 0) {
    if (wanted) ofd_problem(ofd, "缺少 %s", path);
    return NULL;
  }
  if (about.encryption_method != ZIP_EM_NONE || about.size > PART_BYTES_MAX || ofd->read_bytes + about.size > ALL_BYTES_MAX) {
    ofd_problem(ofd, about.encryption_method != ZIP_EM_NONE ? "%s 已加密" : "%s 解压后过大，没有读取", path);
    return NULL;
  }
  zip_file_t *file = zip_fopen_index(ofd->zip, (zip_uint64_t)index, 0);
  g_autofree guint8 *bytes = g_malloc(about.size + 1);
  guint64 filled = 0;
  for (zip_int64_t got = 1; file && filled < about.size && got > 0; filled += got > 0 ? (guint64)got : 0)
    got = zip_fread(file, bytes + filled, about.size - filled);
  zip_int64_t rest = file ? zip_fread(file, bytes + filled, 1) : -1; /* reads the checksum too */
  if (file) zip_fclose(file);
  ofd->read_bytes += filled;
  if (filled != about.size || rest != 0) {
    ofd_problem(ofd, "%s 已损坏，读不完整", path);
    return NULL;
  }
  return g_bytes_new_take(g_steal_pointer(&bytes), about.size);
}

static char *join(const char *folder, const char *reference) {
  g_autoptr(GPtrArray) kept = g_ptr_array_new();
  g_autofree char *all = g_strjoin("/", folder, reference, NULL);
  g_strdelimit(all, "\\", '/');
  g_auto(GStrv) parts = g_strsplit(all, "/", -1);
  for (char **part = parts; *part; part++) {
    if (!**part || g_str_equal(*part, ".")) continue;
    if (!g_str_equal(*part, "..")) g_ptr_array_add(kept, *part);
    else if (kept->len) g_ptr_array_remove_index(kept, kept->len - 1);
  }
  g_ptr_array_add(kept, NULL);
  return g_strjoinv("/", (char **)kept->pdata);
}

/* An absolute name counts from the root, another from the part it stands in; producers mix them up, and leave out the document's folder. */
char *ofd_resolve(Ofd *ofd, const char *base, const char *reference) {
  g_autofree char *folder = g_path_get_dirname(base), *top = g_strndup(base, strcspn(base, "/"));
  g_autofree char *own = *reference == '/' ? join("", reference) : join(folder, reference);
  if (locate(ofd, own) >= 0) return g_steal_pointer(&own);
  const char *const folders[] = {folder, "", top};
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *other = join(folders[i], reference);
    if (locate(ofd, other) >= 0) return g_steal_pointer(&other);
  }
  return g_steal_pointer(&own);
}

static void silent(void *data, const xmlError *problem) {}

xmlNode *ofd_xml(Ofd *ofd, const char *path, gboolean wanted) {
  g_autoptr(GBytes) bytes = ofd_part(ofd, path, wanted);
  if (bytes == NULL) return NULL;
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  xmlSetStructuredErrorFunc(NULL, (xmlStructuredErrorFunc)silent);
  xmlDoc *doc = length < G_MAXINT ? xmlReadMemory(data, (int)length, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_COMPACT) : NULL;
  if (doc == NULL || doc->intSubset != NULL || xmlDocGetRootElement(doc) == NULL) {
    ofd_problem(ofd, doc && doc->intSubset ? "%s 带有文档类型声明（DTD），没有读取" : "%s 不是完整的 XML", path);
    if (doc) xmlFreeDoc(doc);
    return NULL;
  }
  return xmlDocGetRootElement(doc);
}

void ofd_xml_free(xmlNode *root) {
  if (root) xmlFreeDoc(root->doc);
}

xmlNode *ofd_child(xmlNode *node, const char *name, xmlNode *after) {
  for (xmlNode *child = after ? after->next : node ? node->children : NULL; child; child = child->next)
    if (child->type == XML_ELEMENT_NODE && (name == NULL || strcmp((const char *)child->name, name) == 0)) return child;
  return NULL;
}

static char *taken(xmlChar *text) {
  char *copy = g_strstrip(g_strdup(text ? (const char *)text : ""));
  xmlFree(text);
  return copy;
}

char *ofd_text(xmlNode *node, const char *child) {
  xmlNode *found = child ? ofd_child(node, child, NULL) : node;
  return taken(found ? xmlNodeGetContent(found) : NULL);
}

char *ofd_attribute(xmlNode *node, const char *name) { return taken(node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL); }

gboolean ofd_documents(Ofd *ofd, OfdDocumentVisit visit, gpointer data, GError **error) {
  xmlNode *root = ofd_xml(ofd, "OFD.xml", TRUE);
  if (root == NULL) return throw(error, LANTAI_ERROR_INVALID, "OFD 文件没有可读的 OFD.xml");
  gboolean go_on = TRUE;
  for (xmlNode *body = NULL; go_on && (body = ofd_child(root, "DocBody", body));) {
    g_autofree char *reference = ofd_text(body, "DocRoot"), *path = *reference ? ofd_resolve(ofd, "OFD.xml", reference) : g_strdup("");
    go_on = visit(ofd, body, path, data);
  }
  ofd_xml_free(root);
  return TRUE;
}

/* ---- what it is ---- */

static gboolean describe_document(Ofd *ofd, xmlNode *body, const char *root_path, gpointer data) {
  json_t *facts = data;
  guint pages = 0, attachments = 0;
  xmlNode *info = ofd_child(body, "DocInfo", NULL), *root = *root_path ? ofd_xml(ofd, root_path, TRUE) : NULL, *page = NULL;
  for (xmlNode *list = ofd_child(root, "Pages", NULL); (page = ofd_child(list, "Page", page));) {
    g_autofree char *reference = ofd_attribute(page, "BaseLoc"), *path = ofd_resolve(ofd, root_path, reference);
    pages++;
    xmlNode *content = ofd_xml(ofd, path, TRUE); /* a page that cannot be read is a problem of the document */
    ofd_xml_free(content);
  }
  g_autofree char *attached = ofd_text(root, "Attachments"), *list_path = *attached ? ofd_resolve(ofd, root_path, attached) : NULL;
  xmlNode *attachment_list = list_path ? ofd_xml(ofd, list_path, FALSE) : NULL, *attachment = NULL;
  while ((attachment = ofd_child(attachment_list, "Attachment", attachment))) attachments++;
  static const char *const TEXTS[][2] = {{"Title", "title"}, {"Author", "author"}, {"CreationDate", "created"}, {"Creator", "creator"}};
  for (guint i = 0; info && i < G_N_ELEMENTS(TEXTS); i++) {
    g_autofree char *text = ofd_text(info, TEXTS[i][0]);
    if (*text && json_object_get(facts, TEXTS[i][1]) == NULL) json_object_set_new(facts, TEXTS[i][1], json_string(text));
  }
  if (root == NULL || pages == 0) ofd_problem(ofd, *root_path ? "%s 中没有页面" : "OFD.xml 没有指明文档（DocRoot）%s", root_path);
  json_object_set_new(facts, "pages", json_integer(json_integer_value(json_object_get(facts, "pages")) + pages));
  json_object_set_new(facts, "attachments", json_integer(json_integer_value(json_object_get(facts, "attachments")) + attachments));
  json_object_set_new(facts, "documents", json_integer(json_integer_value(json_object_get(facts, "documents")) + 1));
  ofd_xml_free(attachment_list);
  ofd_xml_free(root);
  return TRUE;
}

static json_t *describe(Ofd *ofd, GError **error) {
  json_t *facts = json_pack("{s:i, s:i, s:i}", "documents", 0, "pages", 0, "attachments", 0);
  xmlNode *root = ofd_xml(ofd, "OFD.xml", FALSE);
  g_autofree char *version = ofd_attribute(root, "Version"), *type = ofd_attribute(root, "DocType");
  ofd_xml_free(root);
  json_object_set_new(facts, "version", json_string(version));
  json_object_set_new(facts, "doc_type", json_string(type));
  gboolean encrypted = locate(ofd, "Encryptions.xml") >= 0;
  json_object_set_new(facts, "encrypted", json_boolean(encrypted));
  if (!encrypted && !ofd_documents(ofd, describe_document, facts, error)) {
    json_decref(facts);
    return NULL;
  }
  json_object_set(facts, "problems", ofd->problems);
  return facts;
}

static void answer_json(json_t *value) {
  g_autofree char *text = json_dumps(value, JSON_COMPACT);
  jail_answer(text, strlen(text));
  json_decref(value);
}

/* argument: "describe", "text" or "signatures". A refusal is {"error": text}. */
int child_ofd(const char *argument) {
  g_autoptr(GError) error = NULL;
  g_auto(Ofd) ofd = {0};
  json_t *value = NULL;
  if (ofd_open(SANDBOX_INPUT, &ofd, &error)) {
    if (g_str_equal(argument, "text")) return ofd_write_text(&ofd), 0;
    value = g_str_equal(argument, "signatures") ? ofd_signatures(&ofd) : describe(&ofd, &error);
  }
  answer_json(value ? value : json_pack("{s:s}", "error", error ? error->message : "OFD 文件读不出来"));
  return 0;
}
