/*
 * The plain texts of packages. The first byte chooses the reader (bagit.txt, bag-info.txt, manifest, fetch.txt, 说明文件, decoding); the rest is its text.
 *
 * 1. Whatever is read is valid UTF-8 when the text was, and no path that leads out passes for one inside.
 * 2. A manifest line that is taken has a digest of hexadecimal digits and a path.
 */
#include "package-tag.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(gboolean holds, const char *what) {
  if (!holds) g_error("broken: %s", what);
}

static void check_fields(GArray *fields) {
  for (guint i = 0; i < fields->len; i++) {
    const TagField *field = &g_array_index(fields, TagField, i);
    require(*field->label && g_utf8_validate(field->label, -1, NULL) && g_utf8_validate(field->value, -1, NULL), "a field is text");
    require(strpbrk(field->label, "\r\n") == NULL, "a label is one line");
  }
  g_array_unref(fields);
}

static void check_path(const char *path) {
  g_autofree char *decoded = tag_path_decode(path);
  require(decoded == NULL || strlen(decoded) < strlen(path), "decoding shortens");
  if (tag_path_escapes(path)) return;
  require(*path && *path != '/' && *path != '~' && !g_str_has_prefix(path, "../") && strstr(path, "/../") == NULL && !g_str_has_suffix(path, "/.."), "a path stays inside");
}

static void check_line(const char *line) {
  TagEntry entry = {0};
  g_autofree char *url = NULL, *path = NULL;
  gint64 length;
  if (tag_manifest_line(line, &entry)) {
    require(strspn(entry.digest, "0123456789abcdef") == strlen(entry.digest) && strlen(entry.digest) >= 32 && *entry.path, "an entry has a digest and a path");
    check_path(entry.path);
  }
  tag_entry_clear(&entry);
  if (!tag_fetch_line(line, &url, &length, &path)) return;
  require(*url && *path && length >= -1, "a line of fetch.txt has its three parts");
  check_path(path);
}

static void check_declaration(const char *text) {
  guint major, minor;
  gboolean loose;
  g_autofree char *encoding = NULL;
  g_autoptr(GError) error = NULL;
  if (tag_declaration(text, &major, &minor, &encoding, &loose, &error)) require(*encoding && error == NULL, "a declaration is whole");
  else require(error != NULL, "a refusal has its reason");
}

static void check_decoding(const char *bytes, gsize size) {
  static const char *const encodings[] = {"UTF-8", "UTF-16", "GB18030", "ISO-8859-1", "NONE"};
  for (guint i = 0; i < G_N_ELEMENTS(encodings); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = tag_decode(bytes, size, encodings[i], &error);
    require(text ? g_utf8_validate(text, -1, NULL) : error != NULL, "what is decoded is UTF-8");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1 || size > 65536) return 0;
  g_autofree char *bytes = g_strndup((const char *)data + 1, size - 1), *text = g_utf8_make_valid(bytes, -1);
  guint odd;
  gboolean spaced;
  switch (data[0] % 5) {
  case 0: check_declaration(text); break;
  case 1: check_fields(tag_fields(text, &odd, &spaced)); break;
  case 2: check_line(text); break;
  case 3: check_fields(readme_fields(text)); break;
  default: check_decoding((const char *)data + 1, size - 1);
  }
  return 0;
}
