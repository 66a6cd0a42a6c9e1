/* What the files of web/ share; nobody outside includes it. */
#pragma once
#include "error.h"
#include "web.h"
#include <gio/gio.h>
#include <string.h>

#define WEB_FORM_MAX (4u << 20)       /* bytes of all fields of one body that are not files */
#define WEB_PAIRS_MAX 10000u          /* names and values in one request */
#define WEB_TARGET_MAX 16384u         /* bytes of path and query */
#define WEB_SLASH_MARK '\001'         /* stands for %2F in a decoded path, so that it separates nothing */

/* ---- one request ---- */
typedef struct { char *name, *value; } Pair; /* header names are lower case */
typedef enum { FROM_NOWHERE, FROM_QUERY, FROM_BODY, FROM_PATH } Source;
typedef struct {
  Source source;       /* the strongest place it came from; weaker ones are dropped */
  GPtrArray *texts;    /* char*, valid UTF-8 without NUL */
  gint64 *ints;
  json_t *fields;      /* WEB_FIELDS */
  char *file_path, *file_name;
  guint64 file_bytes;
} Value;
typedef struct { const char *label; char *name, *message; } Problem;

typedef struct Upload Upload;
typedef struct Row Row;

struct WebRequest {
  struct WebServer *server;
  const House *house;
  char *method;      /* "GET" also for HEAD */
  char *target;      /* as it came: path?query, percent-encoded */
  char *path;        /* decoded, without .json; %2F as WEB_SLASH_MARK */
  char *shown_path;  /* web_path */
  const char *query; /* within target, after '?'; "" when none */
  char *address;
  GArray *headers;   /* Pair */
  gboolean head, json, fragment, secure;
  const Row *row;    /* NULL: no such route */
  GArray *cookies;   /* Pair, decoded */
  char *flash;       /* message from the previous reply */
  gpointer identity;
  const Scope *scope;
  gboolean identified;
  Value *values;     /* beside row's parameters */
  guint pairs;
  GArray *problems;  /* Problem */
  char *csrf;        /* from the field or the header */
  GByteArray *form;  /* body that is parsed as a whole */
  Upload *upload;    /* multipart body being read */
  guint64 body_bytes, body_max;
  gint charged_kib;  /* of the server's memory for bodies */
};

WebRequest *request_new(struct WebServer *server, const char *method, const char *target);
void request_header(WebRequest *request, const char *name, const char *value);
/* Reads target and headers. FALSE with INVALID for what is no request of ours. */
gboolean request_begin(WebRequest *request, GError **error);
const char *request_header_get(const WebRequest *request, const char *lower_name);
const char *request_bearer(const WebRequest *request);
void request_free(WebRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebRequest, request_free)

/* ---- share.c: worker threads, of which one client never holds all ---- */
typedef struct Share Share;
Share *share_new(guint threads, GFunc work, gpointer data); /* work(task, data) calls share_done when it is done */
void share_push(Share *share, const char *client, gpointer task);
void share_done(Share *share, const char *client);
guint share_waiting(Share *share, const char *client); /* tasks that no thread has begun and that its next one would wait for */
void share_free(Share *share);     /* when all is worked on */

/* ---- parameter.c ---- */
/* Percent-decoding; NULL when the result is not UTF-8 or has a NUL. */
char *parameter_decode(const char *text, gsize length, gboolean plus_is_space);
gboolean parameter_add(WebRequest *request, Source source, const char *name, const char *value, GError **error);
gboolean parameter_add_encoded(WebRequest *request, Source source, const char *text, gsize length, GError **error);
gboolean parameter_add_json(WebRequest *request, const char *text, gsize length, GError **error);
Value *parameter_value(const WebRequest *request, const char *name, const WebParameter **ret_parameter); /* NULL when not declared */
void parameter_problem(WebRequest *request, const WebParameter *parameter, const char *format, ...) G_GNUC_PRINTF(3, 4);
void parameter_check(WebRequest *request); /* fills problems */
void parameter_clear(WebRequest *request);
guint parameter_count(const WebParameter *parameters);
guint64 parameter_file_max(const WebRequest *request, const WebParameter *parameter); /* bytes */

/* ---- upload.c: multipart/form-data as a stream ---- */
Upload *upload_new(WebRequest *request, const char *content_type, GError **error);
gboolean upload_feed(Upload *upload, const char *data, gsize length, GError **error);
gboolean upload_end(Upload *upload, GError **error);
void upload_free(Upload *upload);
char *upload_folder(const House *house);      /* where temporary files go */
void upload_clean_folder(const House *house); /* removes what a killed server left */

/* ---- one reply ---- */
typedef enum { REPLY_MODEL, REPLY_REDIRECT, REPLY_BYTES, REPLY_FD, REPLY_STATIC, REPLY_SETTLED } ReplyKind;
struct WebReply {
  ReplyKind kind;
  guint status;
  GArray *headers;   /* Pair, as they are sent */
  json_t *model;
  char *location;
  GBytes *bytes;     /* the body, unless fd */
  int fd;            /* -1: none */
  gint64 offset, length;
  char *mime, *name, *etag;
  gboolean inline_view;
  gint64 cache_seconds; /* -1: no-store */
  char *flash;
  GArray *cookies;   /* Cookie */
  const Template *template; /* instead of the route's */
};
WebReply *reply_new(ReplyKind kind, guint status);
void reply_header(WebReply *reply, const char *name, const char *value); /* control characters are removed from value */
/* Makes status, headers and body final. After it the reply needs the request no more. */
void reply_settle(WebReply *reply, WebRequest *request);
WebReply *reply_error(WebRequest *request, guint status, const char *code, const char *message);
WebReply *reply_gerror(WebRequest *request, const GError *error);
WebReply *reply_problems(WebRequest *request);
const char *reply_page_permit(void); /* the Content-Security-Policy of pages */
/* stream.c */
void stream_settle(WebReply *reply, const WebRequest *request);
char *stream_disposition(const char *name, gboolean inline_view);
typedef enum { RANGE_WHOLE, RANGE_PART, RANGE_OUTSIDE } RangeKind;
RangeKind stream_range(const char *header, gint64 size, gint64 *ret_offset, gint64 *ret_length);

/* ---- csrf.c ---- */
char *csrf_key_load(const char *dir, GError **error); /* DIR/secret.key, made when missing; dir NULL: a passing one */
char *csrf_token(const char *key, const char *session_token);
gboolean csrf_passes(const WebRequest *request);
char *csrf_flash_seal(const char *key, const char *message);
char *csrf_flash_open(const char *key, const char *sealed); /* NULL: not ours or too old */

/* ---- route.c ---- */
struct Row {
  const WebRoute *route;
  const Template *template;
  guint parameters;
};
typedef struct Table Table;
Table *table_new(const WebRoute *const *routes, GError **error);
void table_free(Table *table);
const Row *table_find(const Table *table, const char *method, const char *path, GPtrArray *captures, char **ret_allow); /* captures: name, value, … */
guint table_length(const Table *table);
const Row *table_row(const Table *table, guint index);
/* dispatch.c: the two halves of serving. admit: NULL when the body may come (or there is none) and dispatch_run follows. Replies are settled. */
WebReply *dispatch_admit(WebRequest *request, const char *content_type, guint64 body_bytes_announced);
gboolean dispatch_body(WebRequest *request, const char *data, gsize length, GError **error);
WebReply *dispatch_run(WebRequest *request);
/* static.c */
gboolean static_is(const WebRequest *request);
WebReply *static_reply(WebRequest *request);
char *static_version(void); /* changes when any static file changes */

/* ---- the server ---- */
typedef struct {
  guint connections, connections_per_address;
  gint64 header_ms, idle_ms, form_ms, reply_ms; /* reply_ms: grace before the rate counts */
  gint64 upload_rate, reply_rate;               /* bytes per second at least */
  guint queue;                                  /* waiting requests beyond which we say 503 */
  guint64 drain_bytes, form_memory;             /* unwanted body read to be able to answer; bodies held in memory by all requests */
} Limits;
struct Listener;
struct WebServer {
  const House *house;
  WebHooks hooks;
  Table *table;
  char *secret;         /* key of csrf.c */
  char *static_version;
  const Template *layout, *error_page;
  Limits limits;        /* tests may change them before listening */
  gint form_memory_kib; /* atomic */
  struct Listener *listener;
};
void listener_free(struct Listener *listener);

/* deadline.c: cuts connections that are too slow */
typedef struct Deadlines Deadlines;
typedef struct Watch Watch;
Deadlines *deadlines_new(void);
void deadlines_free(Deadlines *deadlines);
Watch *deadlines_watch(Deadlines *deadlines, int fd, gint64 after_ms);
void deadlines_until(Watch *watch, gint64 after_ms);                        /* absolute; negative: none */
void deadlines_rate(Watch *watch, gint64 grace_ms, gint64 bytes_per_second); /* as many bytes must be taken by the other side */
void deadlines_unwatch(Watch *watch);
