/*
 * libmicrohttpd behind the kernel: a few epoll threads move bytes, worker threads run handlers. The only file that includes microhttpd.h.
 *
 * One exchange (request and reply) passes these stages; in ADMITTING and HANDLING its connection is suspended and a worker owns the exchange,
 * in all others the connection's epoll thread does:
 *   NEW → [ADMITTING → BODY | DRAINING] → [HANDLING] → READY (the reply is sent) → completed
 *
 * 1. A request with a body is admitted (route, identity, permission, size) before its body is read; a refused body is read and dropped up to a
 *    limit, because most clients read the answer only after sending; beyond the limit the connection is cut.
 * 2. No connection is without a deadline except while a worker owns its exchange.
 */
#define G_LOG_DOMAIN "web"
#include "kernel.h"
#include "settings.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define CONNECTION_MEMORY (256u << 10) /* address and header, and a node for each argument */
#define CLOSE_SECONDS 5

typedef enum { STAGE_NEW, STAGE_ADMITTING, STAGE_BODY, STAGE_DRAINING, STAGE_WAITING, STAGE_HANDLING, STAGE_READY } Stage;

typedef struct Listener {
  WebServer *server;
  struct MHD_Daemon *daemon;
  Share *workers;
  Deadlines *deadlines;
  GSocket *socket;
  guint port;
  gint active;  /* atomic: exchanges between begin and completed */
  gint closing; /* atomic */
} Listener;

typedef struct {
  Listener *listener;
  struct MHD_Connection *connection;
  char *target;
  WebRequest *request;
  WebReply *reply;
  Watch *watch;
  Stage stage;
  guint64 announced, drained;
  gint64 started_us;
} Exchange;

static void exchange_free(Exchange *exchange) {
  request_free(exchange->request);
  web_reply_free(exchange->reply);
  g_free(exchange->target);
  g_free(exchange);
}

/* ---- workers ---- */

/* Whose request it is, as far as can be told before anybody has looked who that is. */
static char *client_name(const WebRequest *request) {
  const char *session = web_cookie(request, WEB_SESSION_COOKIE), *bearer = request_bearer(request);
  return session ? g_strconcat("s ", session, NULL) : bearer ? g_strconcat("b ", bearer, NULL) : g_strconcat("a ", request->address, NULL);
}

static void work(gpointer data, gpointer user_data) {
  Exchange *exchange = data;
  Listener *listener = user_data;
  g_autofree char *client = client_name(exchange->request); /* the exchange may be gone at the end */
  WebRequest *request = exchange->request;
  const char *type = request_header_get(request, "content-type");
  gboolean has_body = exchange->stage == STAGE_ADMITTING;
  if (g_atomic_int_get(&exchange->listener->closing)) exchange->reply = reply_error(request, 503, "busy", "系统正在关闭，请稍后重试");
  else if (request->row == NULL) exchange->reply = dispatch_admit(request, has_body ? (type == NULL ? "" : type) : NULL, exchange->announced);
  if (!has_body && exchange->reply == NULL) exchange->reply = dispatch_run(request);
  MHD_resume_connection(exchange->connection);
  share_done(listener->workers, client);
}

static enum MHD_Result hand_over(Exchange *exchange, Stage stage) {
  exchange->stage = stage;
  deadlines_until(exchange->watch, -1);
  MHD_suspend_connection(exchange->connection);
  g_autofree char *client = client_name(exchange->request);
  share_push(exchange->listener->workers, client, exchange);
  return MHD_YES;
}

/* ---- sending ---- */

static void free_bytes(void *bytes) { g_bytes_unref(bytes); }

static struct MHD_Response *make_response(WebReply *reply) {
  struct MHD_Response *response = NULL;
  if (reply->fd >= 0 && reply->length > 0) {
    response = MHD_create_response_from_fd_at_offset64((uint64_t)reply->length, reply->fd, (uint64_t)reply->offset);
    if (response != NULL) reply->fd = -1;
    return response;
  }
  GBytes *bytes = reply->bytes != NULL ? g_bytes_ref(reply->bytes) : g_bytes_new_static("", 0);
  gsize length = 0;
  const void *data = g_bytes_get_data(bytes, &length);
  response = MHD_create_response_from_buffer_with_free_callback_cls(length, (void *)data, free_bytes, bytes);
  if (response == NULL) g_bytes_unref(bytes);
  return response;
}

static enum MHD_Result send_reply(Exchange *exchange) {
  WebReply *reply = exchange->reply;
  const Limits *limits = &exchange->listener->server->limits;
  struct MHD_Response *response = make_response(reply);
  if (response == NULL) return MHD_NO;
  for (guint i = 0; i < reply->headers->len; i++) {
    const Pair *header = &g_array_index(reply->headers, Pair, i);
    if (MHD_add_response_header(response, header->name, header->value) != MHD_YES) g_warning("header %s was not accepted", header->name);
  }
  exchange->stage = STAGE_READY;
  deadlines_rate(exchange->watch, limits->reply_ms, limits->reply_rate);
  enum MHD_Result result = MHD_queue_response(exchange->connection, reply->status, response);
  MHD_destroy_response(response);
  return result;
}

/* ---- receiving ---- */

static enum MHD_Result copy_header(void *data, enum MHD_ValueKind kind, const char *name, const char *value) {
  request_header(data, name, value == NULL ? "" : value);
  return MHD_YES;
}

static void read_address(Exchange *exchange) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == NULL || info->client_addr == NULL) return;
  gsize length = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  g_autoptr(GSocketAddress) address = g_socket_address_new_from_native((gpointer)info->client_addr, length);
  if (!G_IS_INET_SOCKET_ADDRESS(address)) return;
  g_free(exchange->request->address);
  exchange->request->address = g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
}

static gboolean read_body_length(Exchange *exchange) {
  const char *length = request_header_get(exchange->request, "content-length");
  if (length != NULL) exchange->announced = g_ascii_strtoull(length, NULL, 10);
  return exchange->announced > 0 || request_header_get(exchange->request, "transfer-encoding") != NULL;
}

/* Two statements of the body's length: a way to smuggle a request past a proxy. */
static gboolean has_two_lengths(const WebRequest *request) {
  return request_header_get(request, "content-length") != NULL && request_header_get(request, "transfer-encoding") != NULL;
}

static WebReply *refuse_early(Exchange *exchange) {
  g_autoptr(GError) error = NULL;
  WebRequest *request = exchange->request;
  if (!request_begin(request, &error)) return reply_gerror(request, error);
  if (has_two_lengths(request)) return reply_error(request, 400, "invalid", "请求的长度有两种说法");
  if (static_is(request)) return static_reply(request);
  g_autofree char *client = client_name(request);
  if (share_waiting(exchange->listener->workers, client) <= exchange->listener->server->limits.queue) return NULL;
  return reply_error(request, 503, "busy", "现在使用的人太多，请稍后重试");
}

/* A body that nobody wants is read and dropped, unless the client waits for leave to send it or it is too much. */
static enum MHD_Result drain_or_send(Exchange *exchange) {
  gboolean at_once = request_header_get(exchange->request, "expect") != NULL || has_two_lengths(exchange->request);
  if (at_once || exchange->announced > exchange->listener->server->limits.drain_bytes) return send_reply(exchange);
  exchange->stage = STAGE_DRAINING;
  deadlines_until(exchange->watch, exchange->listener->server->limits.form_ms);
  return MHD_YES;
}

static enum MHD_Result begin(Exchange *exchange, const char *method) {
  Listener *listener = exchange->listener;
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  exchange->watch = info->socket_context;
  exchange->started_us = g_get_monotonic_time();
  exchange->request = request_new(listener->server, method, exchange->target);
  MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, copy_header, exchange->request);
  read_address(exchange);
  gboolean has_body = read_body_length(exchange);
  exchange->reply = refuse_early(exchange);
  if (exchange->reply != NULL && has_body) return drain_or_send(exchange);
  if (has_body) return hand_over(exchange, STAGE_ADMITTING);
  exchange->stage = STAGE_WAITING; /* the library calls once more at the end of the request; answering before that would close the connection */
  return MHD_YES;
}

static enum MHD_Result drain(Exchange *exchange, size_t *length) {
  exchange->drained += *length;
  *length = 0;
  return exchange->drained <= exchange->listener->server->limits.drain_bytes ? MHD_YES : MHD_NO;
}

static void extend_body_deadline(const Exchange *exchange) {
  const WebRequest *request = exchange->request;
  const Limits *limits = &exchange->listener->server->limits;
  if (request->upload == NULL) return;
  gint64 allowed_ms = limits->form_ms + (gint64)(request->body_bytes * 1000 / (guint64)limits->upload_rate);
  deadlines_until(exchange->watch, MAX(allowed_ms - (g_get_monotonic_time() - exchange->started_us) / 1000, 0));
}

static enum MHD_Result take_body(Exchange *exchange, const char *data, size_t *length) {
  g_autoptr(GError) error = NULL;
  if (*length == 0) return hand_over(exchange, STAGE_HANDLING);
  if (!dispatch_body(exchange->request, data, *length, &error)) {
    exchange->reply = reply_gerror(exchange->request, error);
    exchange->stage = STAGE_DRAINING;
    return drain(exchange, length);
  }
  *length = 0;
  extend_body_deadline(exchange);
  return MHD_YES;
}

static enum MHD_Result admitted(Exchange *exchange) {
  if (exchange->reply != NULL) return drain_or_send(exchange);
  exchange->stage = STAGE_BODY;
  exchange->started_us = g_get_monotonic_time();
  deadlines_until(exchange->watch, exchange->listener->server->limits.form_ms);
  return MHD_YES;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *length, void **context) {
  Exchange *exchange = *context;
  switch (exchange->stage) {
    case STAGE_NEW: return begin(exchange, method);
    case STAGE_ADMITTING: return admitted(exchange);
    case STAGE_BODY: return take_body(exchange, upload, length);
    case STAGE_DRAINING: return *length > 0 ? drain(exchange, length) : send_reply(exchange);
    case STAGE_WAITING: return exchange->reply != NULL ? send_reply(exchange) : hand_over(exchange, STAGE_HANDLING);
    case STAGE_HANDLING: return send_reply(exchange);
    default: return MHD_YES;
  }
}

/* ---- what the library tells ---- */

static void *on_target(void *data, const char *target, struct MHD_Connection *connection) {
  Exchange *exchange = g_new0(Exchange, 1);
  exchange->listener = data;
  exchange->connection = connection;
  exchange->target = g_strdup(target);
  /* We read the arguments from our copy. The library would keep a node for each in the connection's memory and, when that is full, neither answer nor close: it
   * gets to see one argument only. */
  for (char *c = strchr(target, '&'); c != NULL; c = strchr(c, '&')) *c = '_';
  g_atomic_int_inc(&exchange->listener->active);
  return exchange;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code) {
  Exchange *exchange = *context;
  Listener *listener = data;
  if (exchange == NULL) return;
  if (exchange->watch != NULL) deadlines_until(exchange->watch, listener->server->limits.idle_ms);
  if (exchange->reply != NULL)
    g_debug("%s %s %s → %u, %.1f ms", exchange->request->address, exchange->request->method, exchange->request->shown_path, exchange->reply->status,
            (gdouble)(g_get_monotonic_time() - exchange->started_us) / 1000);
  exchange_free(exchange);
  *context = NULL;
  g_atomic_int_add(&listener->active, -1);
}

static void on_connection(void *data, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code) {
  Listener *listener = data;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    deadlines_unwatch(*context);
    return;
  }
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  *context = deadlines_watch(listener->deadlines, info->connect_fd, listener->server->limits.header_ms);
}

static void on_library_message(void *data, const char *format, va_list arguments) {
  g_autofree char *message = g_strdup_vprintf(format, arguments);
  g_debug("microhttpd: %s", g_strchomp(message));
}

/* ---- the server ---- */

WebServer *web_server_new(const House *house, const WebRoute *const *routes, const WebHooks *hooks, GError **error) {
  g_autoptr(WebServer) server = g_new0(WebServer, 1);
  server->house = house;
  if (hooks != NULL) server->hooks = *hooks;
  server->limits = (Limits){.connections = 4000, .connections_per_address = 1000, .header_ms = 10000, .idle_ms = 30000, .form_ms = 60000, .reply_ms = 30000,
                            .upload_rate = 100 << 10, .reply_rate = 10 << 10, .queue = 1000, .drain_bytes = 256u << 20, .form_memory = 256u << 20};
  server->layout = template_load("layout", error);
  server->error_page = server->layout == NULL ? NULL : template_load("error", error);
  if (server->error_page == NULL || (server->table = table_new(routes, error)) == NULL) return NULL;
  if ((server->secret = csrf_key_load(house->dir, error)) == NULL) return NULL;
  server->static_version = static_version();
  return g_steal_pointer(&server);
}

static GInetAddress *find_address(const char *address, GError **error) {
  GInetAddress *inet = g_inet_address_new_from_string(address);
  if (inet != NULL) return inet;
  g_autoptr(GResolver) resolver = g_resolver_get_default();
  GList *found = g_resolver_lookup_by_name(resolver, address, NULL, NULL);
  if (found == NULL) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "监听地址 %s 不能识别。请用本机的 IP 地址（127.0.0.1 只供本机，0.0.0.0 供局域网），"
                                         "见 --address 或 lantai.yaml 的 server.address", address);
  inet = g_object_ref(found->data);
  g_resolver_free_addresses(found);
  return inet;
}

static GSocket *open_socket(const char *address, guint port, guint *ret_port, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(GInetAddress) inet = find_address(address, error);
  if (inet == NULL) return NULL;
  g_autoptr(GSocketAddress) wanted = g_inet_socket_address_new(inet, (guint16)port);
  g_autoptr(GSocket) opened = g_socket_new(g_inet_address_get_family(inet), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &problem);
  if (opened != NULL) g_socket_set_listen_backlog(opened, 1024);
  if (opened == NULL || !g_socket_bind(opened, wanted, TRUE, &problem) || !g_socket_listen(opened, &problem)) {
    if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
      return throw_null(error, LANTAI_ERROR_UNAVAILABLE,
                        "端口 %u 已被占用。请换一个端口（PORT=端口号 或 lantai.yaml 的 server.port），或停止占用它的程序", port);
    if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
      return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "没有权限使用端口 %u。1024 以下的端口要由系统管理员开放，请换一个端口", port);
    return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能在 %s 的端口 %u 上监听：这个地址不属于本机，或没有使用这个端口的权限。请换一个地址或端口", address, port);
  }
  g_autoptr(GSocketAddress) local = g_socket_get_local_address(opened, NULL);
  *ret_port = local == NULL ? port : g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local));
  return g_steal_pointer(&opened);
}

/* As many connections as descriptors allow, with room for the database and files. */
static guint fitting_connections(guint wanted) {
  struct rlimit limit = {0};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return MIN(wanted, 500);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  guint64 descriptors = limit.rlim_cur == RLIM_INFINITY ? 65536 : limit.rlim_cur;
  return (guint)MIN(wanted, MAX(descriptors / 3, 64));
}

static struct MHD_Daemon *start_daemon(Listener *listener, int fd) {
  const Limits *limits = &listener->server->limits;
  guint threads = MIN(g_get_num_processors(), 4);
  struct MHD_OptionItem options[] = {
    {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
    {MHD_OPTION_THREAD_POOL_SIZE, MAX(threads, 2), NULL},
    {MHD_OPTION_CONNECTION_LIMIT, fitting_connections(limits->connections), NULL},
    {MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits->connections_per_address, NULL},
    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
    {MHD_OPTION_CONNECTION_TIMEOUT, 0, NULL},
    {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
    {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, listener},
    {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, listener},
    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, listener},
    {MHD_OPTION_END, 0, NULL},
  };
  unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;
  return MHD_start_daemon(flags, 0, NULL, NULL, on_request, listener, MHD_OPTION_EXTERNAL_LOGGER, on_library_message, NULL, MHD_OPTION_ARRAY, options,
                          MHD_OPTION_END);
}

gboolean web_server_listen(WebServer *server, const char *address, guint port, GError **error) {
  guint opened_port = 0;
  g_return_val_if_fail(server->listener == NULL, FALSE);
  g_autoptr(GSocket) opened = open_socket(address, port, &opened_port, error);
  if (opened == NULL) return FALSE;
  signal(SIGPIPE, SIG_IGN); /* a client that went away is an error of write, not the end of the program */
  upload_clean_folder(server->house);
  Listener *listener = g_new0(Listener, 1);
  server->listener = listener;
  listener->server = server;
  listener->port = opened_port;
  gint threads = server->house->settings == NULL ? 4 : (gint)settings_int(server->house->settings, "server.threads");
  listener->workers = share_new((guint)MAX(threads, 1), work, listener);
  listener->deadlines = deadlines_new();
  int fd = fcntl(g_socket_get_fd(opened), F_DUPFD_CLOEXEC, 0);
  listener->daemon = fd < 0 ? NULL : start_daemon(listener, fd);
  if (listener->daemon == NULL) {
    if (fd >= 0) close(fd);
    listener_free(g_steal_pointer(&server->listener));
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "网络服务不能启动，请检查系统的文件句柄与线程限制");
  }
  listener->socket = g_steal_pointer(&opened);
  return TRUE;
}

guint web_server_port(const WebServer *server) { return server->listener == NULL ? 0 : server->listener->port; }

void listener_free(Listener *listener) {
  if (listener == NULL) return;
  int fd = listener->daemon == NULL ? -1 : (int)MHD_quiesce_daemon(listener->daemon);
  if (fd >= 0) close(fd);
  g_clear_object(&listener->socket);
  gint64 end_us = g_get_monotonic_time() + CLOSE_SECONDS * G_USEC_PER_SEC;
  while (g_atomic_int_get(&listener->active) > 0 && g_get_monotonic_time() < end_us) g_usleep(2000);
  g_atomic_int_set(&listener->closing, TRUE);
  share_free(listener->workers); /* what still waits is answered with 503: every suspended connection is resumed */
  if (listener->daemon != NULL) MHD_stop_daemon(listener->daemon);
  deadlines_free(listener->deadlines);
  g_free(listener);
}

void web_server_free(WebServer *server) {
  if (server == NULL) return;
  listener_free(server->listener);
  table_free(server->table);
  g_free(server->secret);
  g_free(server->static_version);
  g_free(server);
}
