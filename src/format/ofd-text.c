/*
 * The text of OFD pages in reading order. Text stands in TextCode pieces at places of the page; pieces of one line are joined from left to right, with a
 * space where a gap is wider than a character, and lines follow from top to bottom.
 */
#include "ofd-child.h"
#include "sandbox.h"
#include <libxml/tree.h>
#include <string.h>

enum { PIECES_MAX = 200000, DEPTH_MAX = 64 };

typedef struct {
  double x, y, size, width;
  char *text;
} Piece;
typedef struct {
  GArray *pieces;
  guint depth;
} Page;

static void piece_clear(gpointer data) { g_free(((Piece *)data)->text); }

static double number_at(const char *text, guint at) {
  g_auto(GStrv) parts = g_strsplit_set(text, " ,\t\n", -1);
  guint seen = 0;
  for (char **part = parts; *part; part++)
    if (**part && seen++ == at) return g_ascii_strtod(*part, NULL);
  return 0;
}

static double attribute_number(xmlNode *node, const char *name, double missing) {
  g_autofree char *text = ofd_attribute(node, name);
  return *text ? g_ascii_strtod(text, NULL) : missing;
}

static void take_text_object(Page *page, xmlNode *object) {
  g_autofree char *boundary = ofd_attribute(object, "Boundary");
  double left = number_at(boundary, 0), top = number_at(boundary, 1), size = attribute_number(object, "Size", 4), x = 0, y = 0;
  for (xmlNode *code = NULL; (code = ofd_child(object, "TextCode", code)) && page->pieces->len < PIECES_MAX;) {
    g_autofree char *text = ofd_text(code, NULL);
    x = attribute_number(code, "X", x);
    y = attribute_number(code, "Y", y);
    if (!*text) continue;
    Piece piece = {left + x, top + y, size > 0 ? size : 4, 0, g_steal_pointer(&text)};
    for (const char *at = piece.text; *at; at = g_utf8_next_char(at)) piece.width += g_unichar_iswide(g_utf8_get_char(at)) ? piece.size : piece.size / 2;
    g_array_append_val(page->pieces, piece);
  }
}

static void collect(Page *page, xmlNode *node) {
  if (page->depth >= DEPTH_MAX) return;
  page->depth++;
  for (xmlNode *child = NULL; (child = ofd_child(node, NULL, child));) {
    if (strcmp((const char *)child->name, "TextObject") == 0) take_text_object(page, child);
    else collect(page, child);
  }
  page->depth--;
}

static int by_place(gconstpointer a, gconstpointer b) {
  const Piece *one = a, *other = b;
  if (one->y != other->y) return one->y < other->y ? -1 : 1;
  return one->x < other->x ? -1 : one->x > other->x;
}

static int by_column(gconstpointer a, gconstpointer b) {
  const Piece *one = a, *other = b;
  return one->x < other->x ? -1 : one->x > other->x;
}

static void write_lines(Page *page, GString *out) {
  g_array_sort(page->pieces, by_place);
  for (guint start = 0, end; start < page->pieces->len; start = end) {
    Piece *first = &g_array_index(page->pieces, Piece, start);
    double line = first->y, tolerance = first->size / 2;
    for (end = start + 1; end < page->pieces->len && g_array_index(page->pieces, Piece, end).y - line <= tolerance;) end++;
    qsort(first, end - start, sizeof(Piece), by_column);
    for (guint i = start; i < end; i++) {
      const Piece *piece = &g_array_index(page->pieces, Piece, i), *before = i > start ? piece - 1 : NULL;
      if (before && piece->x - before->x - before->width > piece->size) g_string_append_c(out, ' ');
      g_string_append(out, piece->text);
    }
    g_string_append_c(out, '\n');
  }
}

typedef struct {
  GHashTable *templates; /* id → path */
  const char *root_path;
} Document;

static void collect_part(Ofd *ofd, Page *page, const char *path) {
  xmlNode *root = ofd_xml(ofd, path, FALSE);
  if (root) collect(page, root);
  ofd_xml_free(root);
}

/* A page's own text, with the text of the templates it lies on (the printed words of a form). */
static void write_page(Ofd *ofd, Document *document, xmlNode *page_node) {
  g_autofree char *reference = ofd_attribute(page_node, "BaseLoc"), *path = ofd_resolve(ofd, document->root_path, reference);
  Page page = {g_array_new(FALSE, FALSE, sizeof(Piece)), 0};
  g_array_set_clear_func(page.pieces, piece_clear);
  xmlNode *root = ofd_xml(ofd, path, FALSE), *template = NULL;
  while ((template = ofd_child(root, "Template", template))) {
    g_autofree char *id = ofd_attribute(template, "TemplateID");
    const char *template_path = g_hash_table_lookup(document->templates, id);
    if (template_path) collect_part(ofd, &page, template_path);
  }
  if (root) collect(&page, root);
  ofd_xml_free(root);
  g_autoptr(GString) text = g_string_new(NULL);
  write_lines(&page, text);
  g_string_append_c(text, '\f');
  jail_answer(text->str, text->len);
  g_array_unref(page.pieces);
}

static gboolean write_document(Ofd *ofd, xmlNode *body, const char *root_path, gpointer data) {
  xmlNode *root = *root_path ? ofd_xml(ofd, root_path, FALSE) : NULL, *common = ofd_child(root, "CommonData", NULL), *node = NULL;
  g_autoptr(GHashTable) templates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  Document document = {templates, root_path};
  while ((node = ofd_child(common, "TemplatePage", node))) {
    g_autofree char *reference = ofd_attribute(node, "BaseLoc");
    g_hash_table_insert(templates, ofd_attribute(node, "ID"), ofd_resolve(ofd, root_path, reference));
  }
  for (xmlNode *list = ofd_child(root, "Pages", NULL); (node = ofd_child(list, "Page", node));) write_page(ofd, &document, node);
  ofd_xml_free(root);
  return TRUE;
}

void ofd_write_text(Ofd *ofd) {
  g_autoptr(GError) error = NULL;
  ofd_documents(ofd, write_document, NULL, &error);
}
