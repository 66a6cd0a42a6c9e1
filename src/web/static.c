/*
 * The files below /static/ travel inside the program, or come from LANTAI_UI while working on them.
 *
 * 1. The tag is a digest of the content, so a changed file is fetched again and an unchanged one never.
 * 2. A name has only harmless characters and no segment that begins with a dot: nothing outside ui/static can be named.
 * 3. With ?v=… (the model's {{assets}}) a file may be kept for a year; without, the browser asks each time.
 */
#define G_LOG_DOMAIN "web"
#include "crypto.h"
#include "kernel.h"

#define PREFIX "/static/"

static GMutex tags_lock;
static GHashTable *tags; /* name → digest, for files inside the program */

gboolean static_is(const WebRequest *request) { return g_str_has_prefix(request->path, PREFIX); }

static const char *mime_of(const char *name) {
  static const struct { const char *suffix, *mime; } kinds[] = {
    {".css", "text/css; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"}, {".svg", "image/svg+xml"},
    {".png", "image/png"}, {".jpg", "image/jpeg"}, {".webp", "image/webp"}, {".ico", "image/x-icon"}, {".woff2", "font/woff2"}, {".ttf", "font/ttf"},
    {".pfb", "application/x-font-type1"},
    {".json", "application/json"}, {".webmanifest", "application/manifest+json"}, {".wasm", "application/wasm"}, 
    {".txt", "text/plain; charset=utf-8"}, {".map", "application/json"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (g_str_has_suffix(name, kinds[i].suffix)) return kinds[i].mime;
  return "application/octet-stream";
}

static gboolean is_name(const char *name) {
  static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
  return *name != '\0' && strlen(name) < 200 && strspn(name, letters) == strlen(name) && name[0] != '.' && name[0] != '/' && strstr(name, "/.") == NULL;
}

static GBytes *read_from_folder(const char *name) {
  const char *dir = g_getenv("LANTAI_UI");
  if (dir == NULL) return NULL;
  g_autofree char *path = g_build_filename(dir, "static", name, NULL);
  char *text = NULL;
  gsize length = 0;
  return g_file_get_contents(path, &text, &length, NULL) ? g_bytes_new_take(text, length) : NULL;
}

static GBytes *read_from_program(const char *name) {
  g_autofree char *path = g_strconcat("/lantai/ui/static/", name, NULL);
  return g_resources_lookup_data(path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

static char *digest_of(GBytes *bytes) {
  gsize length = 0;
  const void *data = g_bytes_get_data(bytes, &length);
  g_autofree char *hex = crypto_digest_hex(DIGEST_SHA256, data, length);
  return g_strdup_printf("\"%.32s\"", hex);
}

static char *program_tag(const char *name, GBytes *bytes) {
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tags_lock);
  if (tags == NULL) tags = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  const char *known = g_hash_table_lookup(tags, name);
  if (known != NULL) return g_strdup(known);
  char *tag = digest_of(bytes);
  g_hash_table_insert(tags, g_strdup(name), g_strdup(tag));
  return tag;
}

static WebReply *refuse(WebRequest *request, guint status, const char *message) {
  WebReply *reply = web_bytes(g_bytes_new(message, strlen(message)), "text/plain; charset=utf-8");
  reply->status = status;
  if (status == 405) reply_header(reply, "Allow", "GET, HEAD");
  reply_settle(reply, request);
  return reply;
}

WebReply *static_reply(WebRequest *request) {
  const char *name = request->path + strlen(PREFIX);
  if (strcmp(request->method, "GET") != 0) return refuse(request, 405, "这个网址只能读取。\n");
  g_autoptr(GBytes) from_folder = is_name(name) ? read_from_folder(name) : NULL;
  g_autoptr(GBytes) bytes = from_folder != NULL ? g_bytes_ref(from_folder) : is_name(name) ? read_from_program(name) : NULL;
  if (bytes == NULL) return refuse(request, 404, "没有这个文件。\n");
  g_autofree char *tag = from_folder != NULL ? digest_of(bytes) : program_tag(name, bytes);
  const char *known = request_header_get(request, "if-none-match");
  gboolean same = known != NULL && strstr(known, tag) != NULL;
  WebReply *reply = reply_new(REPLY_STATIC, same ? 304 : 200);
  reply->bytes = same ? g_bytes_new_static("", 0) : g_steal_pointer(&bytes);
  reply_header(reply, "Content-Type", mime_of(name));
  reply_header(reply, "ETag", tag);
  gboolean lasting = g_str_has_prefix(request->query, "v=") && from_folder == NULL;
  reply_header(reply, "Cache-Control", lasting ? "public, max-age=31536000, immutable" : "public, no-cache");
  reply_settle(reply, request);
  return reply;
}

/* All files, in the order of the resource, which is fixed when the program is built. */
static void add_folder(Digest *digest, const char *folder) {
  g_auto(GStrv) names = g_resources_enumerate_children(folder, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  for (gsize i = 0; names != NULL && names[i] != NULL; i++) {
    g_autofree char *path = g_strconcat(folder, names[i], NULL);
    if (g_str_has_suffix(path, "/")) {
      add_folder(digest, path);
      continue;
    }
    g_autoptr(GBytes) bytes = g_resources_lookup_data(path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    digest_update(digest, path, strlen(path) + 1);
    if (bytes != NULL) digest_update(digest, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
  }
}

char *static_version(void) {
  g_autoptr(Digest) digest = digest_new(DIGEST_SHA256);
  add_folder(digest, "/lantai/ui/static/");
  g_autofree char *hex = digest_finish_hex(digest);
  return g_strndup(hex, 12);
}
