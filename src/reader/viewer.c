/* The viewer's page and what it asks for: whole files, page images as tiles, thumbnails, page text. Each request passes the gate on its own. */
#include "error.h"
#include "format.h"
#include "reader.h"
#include <string.h>

enum { TILE_CACHE_SECONDS = 86400, MARKED_TEXT_LIMIT = 2000000 };

static CatalogFile *load_file(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  return sql ? catalog_file_load(sql, web_scope(request), web_int(request, "id", 0), error) : NULL;
}

WebReply *reader_file(WebRequest *request, GError **error) {
  g_autoptr(CatalogFile) file = load_file(request, error);
  if (file == NULL) return NULL;
  g_autofree char *object_id = catalog_object_id(file->record_id);
  gint64 size_bytes;
  int fd = content_read(web_house(request)->content, object_id, file->path, &size_bytes, error);
  if (fd < 0) return NULL;
  gboolean safe_inline = g_str_equal(file->kind, "pdf") || g_str_equal(file->kind, "image");
  return web_fd(fd, size_bytes, file->mime, file->name, safe_inline && !web_flag(request, "download"), file->sha512);
}

static char *pyramid_of(WebRequest *request, GError **error) {
  g_autoptr(CatalogFile) file = load_file(request, error);
  gint64 page = web_int(request, "page", 1);
  if (file == NULL) return NULL;
  if (page < 1 || page > MAX(1, file->page_count)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "“%s”没有第 %" G_GINT64_FORMAT " 页", file->name, page);
  return reader_pyramid_soon(web_house(request), file, (guint)page, error);
}

/* Still in the making: asked for again by the page. Any other failure is the caller's. */
static WebReply *preparing(GError *failure, GError **error) {
  if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_BUSY)) return web_model_status(json_pack("{s:s}", "state", "preparing"), 202);
  g_propagate_error(error, g_error_copy(failure));
  return NULL;
}

/* Size of a page image: {state: "ready", width, height, levels}, or {state: "preparing"} to be asked again. */
WebReply *reader_image(WebRequest *request, GError **error) {
  g_autoptr(GError) failure = NULL;
  g_autofree char *path = pyramid_of(request, &failure);
  if (path == NULL) return preparing(failure, error);
  PyramidInfo info;
  if (!format_pyramid_info(path, &info, error)) return NULL;
  return web_model(json_pack("{s:s, s:i, s:i, s:i}", "state", "ready", "width", info.width, "height", info.height, "levels", info.levels));
}

WebReply *reader_tile(WebRequest *request, GError **error) {
  g_autofree char *path = pyramid_of(request, error);
  GBytes *bytes = path ? format_pyramid_tile(path, (int)web_int(request, "level", 0), (int)web_int(request, "x", 0), (int)web_int(request, "y", 0), error)
                       : NULL;
  if (bytes == NULL) return NULL;
  WebReply *reply = web_bytes(bytes, "image/jpeg");
  web_reply_cache(reply, TILE_CACHE_SECONDS);
  return reply;
}

WebReply *reader_thumbnail(WebRequest *request, GError **error) {
  g_autoptr(GError) failure = NULL;
  g_autofree char *path = pyramid_of(request, &failure);
  if (path == NULL) return preparing(failure, error);
  GBytes *bytes = format_pyramid_thumbnail(path, 240, error);
  if (bytes == NULL) return NULL;
  WebReply *reply = web_bytes(bytes, "image/jpeg");
  web_reply_cache(reply, TILE_CACHE_SECONDS);
  return reply;
}

/* ---- the page ---- */

static char *view_address(gint64 record_id, guint page, const char *query) {
  g_autofree char *words = query ? g_uri_escape_string(query, NULL, FALSE) : NULL;
  return g_strdup_printf("/record/%" G_GINT64_FORMAT "/view?page=%u%s%s", record_id, page, words ? "&q=" : "", words ? words : "");
}

static json_t *page_strip(GPtrArray *files, gint64 record_id, guint current, const char *query) {
  json_t *list = json_array();
  guint first = 1;
  for (guint i = 0; i < files->len; i++) {
    const CatalogFile *file = g_ptr_array_index(files, i);
    guint pages = (guint)MAX(1, MAX(file->page_count, file->text_pages));
    g_autofree char *href = view_address(record_id, first, query);
    gboolean picture = g_str_equal(file->kind, "image") || g_str_equal(file->kind, "pdf");
    json_array_append_new(list,
      json_pack("{s:I, s:s, s:s, s:i, s:b, s:b}", "id", (json_int_t)file->id, "name", file->name, "href", href, "pages", (int)pages, "current",
        current >= first && current < first + pages, "picture", picture));
    first += pages;
  }
  return list;
}

/* The page's text in segments, and the exact strings that matched, so that the browser can mark them in a PDF. */
static void add_text(json_t *model, Sql *sql, WebRequest *request, gint64 record_id, guint page, const char *query) {
  g_autofree char *text = catalog_page_text(sql, web_scope(request), record_id, (int)page, NULL);
  if (text == NULL) return;
  g_autoptr(GPtrArray) terms = search_terms(web_house(request)->search, sql, query, record_id);
  json_t *segments = strlen(text) <= MARKED_TEXT_LIMIT ? search_mark(terms, text, 0) : json_pack("[{s:s}]", "t", text), *segment, *matches = json_array();
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_array_foreach(segments, i, segment) {
    const char *match = json_string_value(json_object_get(segment, "t"));
    if (json_is_true(json_object_get(segment, "m")) && g_hash_table_add(seen, (gpointer)match)) json_array_append_new(matches, json_string(match));
  }
  json_object_set_new(model, "text", segments);
  json_object_set_new(model, "matches", matches);
}

static void add_neighbours(json_t *model, gint64 record_id, guint page, guint pages, const char *query) {
  if (page > 1) {
    g_autofree char *href = view_address(record_id, page - 1, query);
    json_object_set_new(model, "previous_href", json_string(href));
  }
  if (page < pages) {
    g_autofree char *href = view_address(record_id, page + 1, query);
    json_object_set_new(model, "next_href", json_string(href));
  }
}

/* The pages of this record where the words of the search stand: the nearest ones before and after this, and how many there are. */
static gboolean add_hits(json_t *model, WebRequest *request, Sql *sql, gint64 record_id, guint page, GError **error) {
  const char *query = web_text(request, "q");
  if (query == NULL) return TRUE;
  g_autoptr(GArray) hits = search_record_pages(web_house(request)->search, sql, query, record_id, NULL, error);
  if (hits == NULL) return FALSE;
  guint before = 0, behind = 0;
  for (guint i = 0; i < hits->len; i++) {
    guint at = g_array_index(hits, SearchPageHit, i).page;
    if (at < page) before = at;
    if (at > page && behind == 0) behind = at;
  }
  if (hits->len) json_object_set_new(model, "hits", json_integer(hits->len));
  g_autofree char *previous = view_address(record_id, before, query), *next = view_address(record_id, behind, query);
  if (before) json_object_set_new(model, "previous_hit", json_string(previous));
  if (behind) json_object_set_new(model, "next_hit", json_string(next));
  return TRUE;
}

WebReply *reader_view(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error) : NULL;
  g_autoptr(GPtrArray) files = record ? catalog_files(sql, web_scope(request), record->id, error) : NULL;
  if (files == NULL) return NULL;
  if (files->len == 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "“%s”（%s）没有电子原文，可到馆查阅实体", record->title, record->code);
  const char *query = web_text(request, "q");
  guint pages = reader_page_count(files), page = (guint)CLAMP(web_int(request, "page", 1), 1, pages), inside = 1;
  const CatalogFile *file = reader_page_of(files, page, &inside);
  json_t *model = json_pack("{s:s, s:o, s:o, s:i, s:i, s:i, s:b, s:b, s:b, s:s?}", "title", record->title, "record",
    catalog_record_json(house->catalog, record), "file", catalog_file_json(file), "page", (int)page, "pages", (int)pages, "page_in_file", (int)inside,
    "is_image", g_str_equal(file->kind, "image"), "is_pdf", g_str_equal(file->kind, "pdf"), "is_text", g_str_equal(file->kind, "text"), "q", query);
  json_object_set_new(model, "files", page_strip(files, record->id, page, query));
  json_object_set_new(model, "many", json_boolean(files->len > 1));
  add_text(model, sql, request, record->id, page, query);
  gboolean sound = g_str_equal(file->kind, "audio"), film = g_str_equal(file->kind, "video");
  gboolean shown = g_str_equal(file->kind, "image") || g_str_equal(file->kind, "pdf") || g_str_equal(file->kind, "text") || sound || film;
  gboolean extracted = !shown && json_object_get(model, "text") != NULL; /* OFD: its words, until it can be drawn */
  json_object_set_new(model, "is_sound", json_boolean(sound));
  json_object_set_new(model, "is_film", json_boolean(film));
  json_object_set_new(model, "is_extracted", json_boolean(extracted));
  json_object_set_new(model, "is_other", json_boolean(!shown && !extracted));
  add_neighbours(model, record->id, page, pages, query);
  if (web_int(request, "n", 0) > 0 && web_text(request, "s")) {
    json_object_set_new(model, "s", json_string(web_text(request, "s")));
    json_object_set_new(model, "n", json_integer(web_int(request, "n", 0)));
  }
  if (!add_hits(model, request, sql, record->id, page, error)) return json_decref(model), NULL;
  return web_model(model);
}

WebReply *reader_text(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  gint64 page = web_int(request, "page", 1);
  g_autoptr(GError) failure = NULL;
  g_autofree char *text = catalog_page_text(sql, web_scope(request), web_int(request, "id", 0), (int)page, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (text == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "第 %" G_GINT64_FORMAT " 页没有文字层", page);
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
  if (record == NULL) return NULL;
  return web_model(json_pack("{s:s, s:o, s:I, s:s}", "title", record->title, "record", catalog_record_json(web_house(request)->catalog, record), "page",
    (json_int_t)page, "text", text));
}
