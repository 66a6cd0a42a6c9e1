/*
 * The plain texts of packages: tag files of a bag (RFC 8493 §2), 说明文件.TXT. Pure: bytes in, values out; nothing is opened here.
 */
#pragma once
#include <glib.h>

typedef struct { char *label, *value; } TagField;

/* A tag file's bytes as UTF-8 in the encoding that bagit.txt declares; INVALID when they are not. A BOM is taken off. */
char *tag_decode(const char *bytes, gsize length, const char *encoding, GError **error);
/* bag-info.txt: fields in order, folded lines joined by a space. *ret_odd: lines that are neither a field nor go on with one;
 * *ret_spaced: white space before a colon. */
GArray *tag_fields(const char *text, guint *ret_odd, gboolean *ret_spaced);
/* bagit.txt, which must hold exactly its two lines: FALSE with the reason. Spaces behind a value are *ret_loose. */
gboolean tag_declaration(const char *text, guint *ret_major, guint *ret_minor, char **ret_encoding, gboolean *ret_loose, GError **error);
typedef struct {
  char *digest, *path; /* digest lower case; path as written but without the star of md5sum and a leading "./" */
  gboolean starred, dotted;
} TagEntry;
/* One line of a manifest ("digest path"); FALSE when it is none. */
gboolean tag_manifest_line(const char *line, TagEntry *ret);
void tag_entry_clear(TagEntry *entry);
/* One line of fetch.txt: "URL LENGTH PATH". length -1: "-". */
gboolean tag_fetch_line(const char *line, char **ret_url, gint64 *ret_length, char **ret_path);
/* A path decoded as RFC 8493 §2.1.3 says (%0A %0D %25 alone); NULL when nothing changes. */
char *tag_path_decode(const char *path);
/* Paths that lead out of a package, on any system: absolute, "..", drive letters, UNC, "~", "%VAR%". */
gboolean tag_path_escapes(const char *path);

/* 说明文件.TXT: lines 字段：值 (full or half width colon, or a tab); a line without one goes on with the field before. */
GArray *readme_fields(const char *text);
