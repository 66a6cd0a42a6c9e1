/* An OFD document (GB/T 33190-2016) as the sandboxed child reads it: a zip of XML. Names are resolved as the standard says, and as producers get it wrong. */
#pragma once
#include <glib.h>
#include <jansson.h>

struct zip;
struct _xmlNode;

typedef struct {
  struct zip *zip;
  guint64 read_bytes; /* inflated so far: bounded over the whole document */
  json_t *problems; /* Chinese texts */
} Ofd;

gboolean ofd_open(int fd, Ofd *ret, GError **error);
void ofd_close(Ofd *ofd);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ofd, ofd_close)
void ofd_problem(Ofd *ofd, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A part by its name in the zip, whatever its case; NULL: not there, too large, or broken (told in problems when `wanted`). */
GBytes *ofd_part(Ofd *ofd, const char *path, gboolean wanted);
char *ofd_resolve(Ofd *ofd, const char *base, const char *reference); /* reference in the part `base`; the name as it stands in the zip */
struct _xmlNode *ofd_xml(Ofd *ofd, const char *path, gboolean wanted); /* the root; ofd_xml_free */
void ofd_xml_free(struct _xmlNode *root);
struct _xmlNode *ofd_child(struct _xmlNode *node, const char *name, struct _xmlNode *after); /* next child element of that local name; name NULL: any */
char *ofd_text(struct _xmlNode *node, const char *child); /* its text, trimmed; child NULL: the node's own; "" when there is none */
char *ofd_attribute(struct _xmlNode *node, const char *name); /* "" when there is none */

typedef gboolean (*OfdDocumentVisit)(Ofd *ofd, struct _xmlNode *body, const char *root_path, gpointer data); /* root_path: of Document.xml, "" */
gboolean ofd_documents(Ofd *ofd, OfdDocumentVisit visit, gpointer data, GError **error);

/* ofd-text.c, ofd-sign.c: what the child answers */
void ofd_write_text(Ofd *ofd); /* pages ended by form feeds, to the answer */
json_t *ofd_signatures(Ofd *ofd); /* as format_signatures, with `certificate` (DER in base64) where there is one */
