/*
 * Files to the reader: ranges (RFC 9110 §14), validators, and what the browser may do with them.
 *
 * 1. One range is served as 206. Several, or a unit we do not know, give the whole file, as the RFC allows; one that cannot be met or is malformed gives 416.
 * 2. What a browser could run as a page of ours (HTML, SVG, XML …) is never shown inline.
 */
#include "kernel.h"
#include <unistd.h>

static gboolean read_number(const char **at, gint64 *ret) {
  gsize length = strspn(*at, "0123456789");
  if (length == 0 || length > 18) return FALSE;
  *ret = g_ascii_strtoll(*at, NULL, 10);
  *at += length;
  return TRUE;
}

RangeKind stream_range(const char *header, gint64 size, gint64 *ret_offset, gint64 *ret_length) {
  gint64 first = 0, last = size - 1;
  if (header == NULL || g_ascii_strncasecmp(header, "bytes=", 6) != 0 || strchr(header, ',') != NULL) return RANGE_WHOLE;
  const char *at = header + 6;
  while (*at == ' ') at++;
  if (*at == '-') {
    at++;
    if (!read_number(&at, &last) || last == 0) return RANGE_OUTSIDE;
    first = MAX(size - last, 0);
    last = size - 1;
  } else {
    if (!read_number(&at, &first) || *at++ != '-') return RANGE_OUTSIDE;
    if (g_ascii_isdigit(*at) && !read_number(&at, &last)) return RANGE_OUTSIDE;
  }
  while (*at == ' ') at++;
  last = MIN(last, size - 1);
  if (*at != '\0' || first >= size || last < first) return RANGE_OUTSIDE;
  *ret_offset = first;
  *ret_length = last - first + 1;
  return RANGE_PART;
}

/* Any of the listed tags, compared weakly, or "*". */
static gboolean lists_tag(const char *header, const char *tag) {
  g_auto(GStrv) tags = g_strsplit(header, ",", 100);
  for (gsize i = 0; tags[i] != NULL; i++) {
    const char *one = g_strstrip(tags[i]);
    if (g_str_has_prefix(one, "W/")) one += 2;
    if (strcmp(one, "*") == 0 || strcmp(one, tag) == 0) return TRUE;
  }
  return FALSE;
}

static gboolean is_safe_inline(const char *mime) {
  if (g_str_has_prefix(mime, "image/")) return !g_str_has_prefix(mime, "image/svg");
  if (g_str_has_prefix(mime, "audio/") || g_str_has_prefix(mime, "video/")) return TRUE;
  return g_str_has_prefix(mime, "text/plain") || g_str_has_prefix(mime, "application/pdf") || g_str_has_prefix(mime, "application/json");
}

char *stream_disposition(const char *name, gboolean inline_view) {
  const char *kind = inline_view ? "inline" : "attachment";
  if (name == NULL || *name == '\0') return g_strdup(kind);
  g_autofree char *valid = g_utf8_make_valid(name, -1);
  g_autoptr(GString) plain = g_string_new(NULL), clean = g_string_new(NULL);
  for (const char *c = valid; *c != '\0'; c = g_utf8_next_char(c)) {
    gunichar character = g_utf8_get_char(c);
    gboolean unsafe = g_unichar_iscntrl(character) || strchr("/\\", *c) != NULL;
    g_string_append_unichar(clean, unsafe ? '_' : character);
    g_string_append_c(plain, unsafe || character >= 0x7f || strchr("\"%;", *c) != NULL ? '_' : *c);
  }
  g_autofree char *encoded = g_uri_escape_string(clean->str, "!#$&+^`|", FALSE);
  return g_strdup_printf("%s; filename=\"%s\"; filename*=UTF-8''%s", kind, plain->str, encoded);
}

static void no_body(WebReply *reply, guint status) {
  reply->status = status;
  close(reply->fd);
  reply->fd = -1;
  reply->bytes = g_bytes_new_static("", 0);
}

void stream_settle(WebReply *reply, const WebRequest *request) {
  gint64 size = reply->length;
  const char *mime = reply->mime == NULL || *reply->mime == '\0' ? "application/octet-stream" : reply->mime;
  gboolean shown = reply->inline_view && is_safe_inline(mime);
  g_autofree char *disposition = stream_disposition(reply->name, shown);
  g_autofree char *tag = reply->etag == NULL ? NULL : g_strdup_printf("\"%s\"", reply->etag);
  const char *known = request_header_get(request, "if-none-match"), *if_range = request_header_get(request, "if-range");
  reply_header(reply, "Content-Type", mime);
  reply_header(reply, "Content-Disposition", disposition);
  reply_header(reply, "Accept-Ranges", "bytes");
  if (tag != NULL) reply_header(reply, "ETag", tag);
  if (tag != NULL && known != NULL && lists_tag(known, tag)) {
    no_body(reply, 304);
    return;
  }
  if (if_range != NULL && (tag == NULL || strcmp(if_range, tag) != 0)) return;
  RangeKind kind = stream_range(request_header_get(request, "range"), size, &reply->offset, &reply->length);
  if (kind == RANGE_WHOLE) return;
  g_autoptr(GString) range = g_string_new("bytes ");
  if (kind == RANGE_PART) g_string_append_printf(range, "%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, reply->offset, reply->offset + reply->length - 1);
  else g_string_append_c(range, '*');
  g_string_append_printf(range, "/%" G_GINT64_FORMAT, size);
  reply_header(reply, "Content-Range", range->str);
  if (kind == RANGE_PART) reply->status = 206;
  else no_body(reply, 416);
}
