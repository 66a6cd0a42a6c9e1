/*
 * The HTTP kernel: routes, parameters, identity, replies, templates. Only this room includes microhttpd.h. No rule of the trade here.
 *
 * 1. A handler turns a request into one JSON model, a redirect, or a stream. `Accept: application/json` or a path ending in .json gives the model; otherwise
 *    the route's template renders it. Access is checked once, before the handler, by the route's permission.
 * 2. Parameters are declared; a handler sees only declared ones, already checked. Form body, JSON body and query string pass the same declarations.
 * 3. Anything that changes state is not GET, and with a cookie needs the CSRF token (field or header X-CSRF-Token).
 * 4. Requests have absolute deadlines: header in 10 s, form body in 60 s (uploads: 100 KiB/s at least), reply written at 10 KiB/s at least.
 * 5. Handlers run in worker threads, never in MHD's.
 */
#pragma once
#include "house.h"
#include "scope.h"

typedef struct WebRequest WebRequest;
typedef struct WebReply WebReply;
typedef struct WebServer WebServer;

#define WEB_SESSION_COOKIE "session" /* the cookie whose value becomes identify's session_token */

typedef enum {
  WEB_TEXT, WEB_LINES /* text with line ends */, WEB_TABLE /* with tabs too: cells as spreadsheets copy them */,
  WEB_INT, WEB_FLAG, WEB_LIST /* repeated */, WEB_INTS /* repeated integers */,
  WEB_FILE /* upload, streamed to disk */, WEB_PASSWORD, WEB_FIELDS /* all of "name.…": fields that are data, not known to the program */
} WebKind;
typedef struct {
  const char *name;  /* also the name of a {part} of the path */
  WebKind kind;
  gboolean required;
  guint max;         /* characters (text), items (lists), or megabytes (file); 0: 1 000, 1 000, the setting upload.max_megabytes */
  const char *label; /* Chinese, for messages */
} WebParameter;

typedef WebReply *(*WebHandler)(WebRequest *request, GError **error);
typedef struct {
  const char *method;     /* "GET", "POST" */
  const char *path;       /* "/record/{id}"; {id} matches digits when the parameter is WEB_INT */
  const char *permission; /* "public" (anyone), "user" (anyone signed in), or a permission of definitions/roles.yaml; "a|b": either. NULL does not start */
  const WebParameter *parameters; /* ended by name NULL; NULL: none */
  const char *template;   /* "catalog/record" = ui/catalog/record.html; NULL when the handler never returns a model */
  WebHandler handler;
  const char *title;      /* Chinese page title when the model has none */
} WebRoute;

/* ---- what a handler reads ---- */
const House *web_house(const WebRequest *request);
const Scope *web_scope(const WebRequest *request);        /* never NULL */
const char *web_actor(const WebRequest *request);         /* user name, "" for the public */
gpointer web_identity(const WebRequest *request);         /* what the identify hook gave (people/'s Person), NULL for the public */
gboolean web_may(const WebRequest *request, const char *permission);
const char *web_text(const WebRequest *request, const char *name);   /* NULL when absent or empty */
gint64 web_int(const WebRequest *request, const char *name, gint64 missing);
gboolean web_flag(const WebRequest *request, const char *name);
const char *const *web_list(const WebRequest *request, const char *name, gsize *ret_count);
const gint64 *web_ints(const WebRequest *request, const char *name, gsize *ret_count);
/* WEB_FIELDS, borrowed, never NULL: from a form or query {"rest of the name": "text" or ["text", …]} with empty texts kept; from a JSON body as it was given. */
json_t *web_fields(const WebRequest *request, const char *name);
const char *web_file_path(const WebRequest *request, const char *name);  /* temporary file, removed after the reply unless stolen */
const char *web_file_name(const WebRequest *request, const char *name);  /* as the client said, cleaned: no path */
char *web_file_steal(WebRequest *request, const char *name);
const char *web_path(const WebRequest *request);          /* without .json */
const char *web_address(const WebRequest *request);       /* of the client */
const char *web_cookie(const WebRequest *request, const char *name);
/* Query string of this request with one name replaced (value NULL: removed), for links that keep query and filters: "q=…&year=1958". The place in the list (after)
   is left out when anything else is replaced: it would be a place in another list. */
char *web_query_with(const WebRequest *request, const char *name, const char *value);

/* ---- what a handler returns ---- */
WebReply *web_model(json_t *model);                       /* takes the reference */
WebReply *web_model_status(json_t *model, guint status);  /* e.g. 422 with {"errors": {field: message}} and the form's values */
WebReply *web_redirect(const char *format, ...) G_GNUC_PRINTF(1, 2); /* 303 within this site (anything else goes to "/"); JSON clients get 200 {"location"} */
WebReply *web_bytes(GBytes *bytes, const char *mime);     /* takes the reference */
/* Streams a descriptor (taken) with Range, If-Range, ETag. name: proposed file name; inline_view: shown, not saved. etag: strong, without quotes. */
WebReply *web_fd(int fd, gint64 size_bytes, const char *mime, const char *name, gboolean inline_view, const char *etag);
void web_reply_cookie(WebReply *reply, const char *name, const char *value, gint64 max_age_seconds); /* HttpOnly, SameSite=Lax; value NULL clears */
void web_reply_cache(WebReply *reply, gint64 seconds);    /* private cache; default is no-store */
void web_flash(WebReply *reply, const char *message);     /* shown once on the next page */
void web_reply_free(WebReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebReply, web_reply_free)

/* ---- hooks that people/ and app/ give ---- */
typedef struct {
  gpointer (*identify)(const House *house, const char *session_token, const char *bearer_token, const Scope **ret_scope); /* NULL: public (scope still set) */
  void (*identity_free)(gpointer identity);
  const char *(*actor)(gpointer identity);
  gboolean (*may)(const House *house, gpointer identity, const char *permission);
  void (*decorate)(WebRequest *request, json_t *model); /* adds me, menu, … for templates (not to the JSON face) */
} WebHooks;

/* routes: arrays ended by method NULL, the list itself by NULL. Fails when a row is wrong (no permission, no template file, two equal rows). */
WebServer *web_server_new(const House *house, const WebRoute *const *routes, const WebHooks *hooks, GError **error);
gboolean web_server_listen(WebServer *server, const char *address, guint port, GError **error); /* port 0: any; UNAVAILABLE when taken, with what to do */
guint web_server_port(const WebServer *server);
void web_server_free(WebServer *server); /* finishes running requests (5 s), closes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebServer, web_server_free)
json_t *web_routes(const WebServer *server); /* [{method, path, permission, parameters, template}] for `lantai routes` */

/* The router without a socket, for tests: body NULL or form-encoded; accept "json" or "html".
 * Returns the status; ret_body new string; headers as "Name: value\n". */
guint web_dispatch(WebServer *server, const char *method, const char *target, const char *cookie, const char *body, const char *accept,
                   char **ret_body, char **ret_headers);

/* The token that forms of this session carry in the field csrf (for tests that post as somebody). */
char *web_csrf_token(const WebServer *server, const char *session_token);

/* ---- templates (ui/<room>/<name>.html in GResource /lantai/ui, or LANTAI_UI=dir while working on them) ----
 * {{name}} escaped, {{a.b}}, {{.}}, {{name|filter}} with number (1,234), date, time, size (1.2 MB), url (percent-encoded), json (escaped JSON for attributes), person;
 * {{#name}}…{{/name}} for true/object/array, {{^name}}…{{/name}} when empty, {{>room/part}}. Names are looked up outwards.
 * Inside a list: @first, @last, @index (from 0), @number (from 1). Values may stand only in text and in quoted attributes; style=, on…= and values in
 * <script> are parse errors. Always escaped; layout.html alone has {{{content}}}. Besides its model a page has csrf, path, query, title, flash, assets
 * (for /static/x?v={{assets}}). A page fragment (request header HX-Request) is rendered without layout. */
/* {{name|person}} shows who a sign-in name belongs to, by this source (new string; NULL: unknown, the name itself is shown). */
void web_set_person_source(char *(*source)(const char *name));
typedef struct Template Template;
Template *template_load(const char *name, GError **error); /* cached; parse errors say file and line */
char *template_render(const Template *template, json_t *model); /* NULL (logged) when the page exceeds 16 MiB or parts nest deeper than 32 */
char *template_render_text(const char *source, json_t *model, GError **error); /* for tests */
