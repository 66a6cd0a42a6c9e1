/* The real server over loopback sockets: ranges, keep-alive, uploads, slow and idle clients, closing. */
#include "web-fixture.h"

static Fixture fixture;

/* ---- a plain client ---- */

static GSocketConnection *dial(void) {
  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_autoptr(GError) error = NULL;
  g_socket_client_set_timeout(client, 20);
  GSocketConnection *connection = g_socket_client_connect_to_host(client, "127.0.0.1", (guint16)web_server_port(fixture.server), NULL, &error);
  g_assert_no_error(error);
  return connection;
}

static gboolean say(GSocketConnection *connection, const void *data, gsize length) {
  return g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), data, length, NULL, NULL, NULL);
}

static gssize hear(GSocketConnection *connection, char *buffer, gsize length) {
  return g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(connection)), buffer, length, NULL, NULL);
}

/* One whole reply (head and, unless it answers HEAD, the announced body); NULL when the connection ends first. */
static char *read_reply(GSocketConnection *connection, gboolean without_body) {
  g_autoptr(GString) text = g_string_new(NULL);
  char buffer[16384];
  for (;;) {
    const char *end = strstr(text->str, "\r\n\r\n");
    const char *length = end == NULL ? NULL : strcasestr(text->str, "\r\nContent-Length:");
    gsize wanted = length == NULL || length > end || without_body ? 0 : (gsize)g_ascii_strtoull(length + 17, NULL, 10);
    if (end != NULL && text->len >= (gsize)(end + 4 - text->str) + wanted) return g_string_free(g_steal_pointer(&text), FALSE);
    gssize count = hear(connection, buffer, sizeof buffer);
    if (count <= 0) return NULL;
    g_string_append_len(text, buffer, count);
  }
}

static char *ask_on(GSocketConnection *connection, const char *method, const char *target, const char *headers) {
  g_autofree char *text = g_strdup_printf("%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, target, headers);
  if (!say(connection, text, strlen(text))) return NULL;
  return read_reply(connection, strcmp(method, "HEAD") == 0);
}

static char *ask(const char *method, const char *target, const char *headers) {
  g_autoptr(GSocketConnection) connection = dial();
  char *reply = ask_on(connection, method, target, headers);
  g_assert_nonnull(reply);
  return reply;
}

static void has(const char *text, const char *part) {
  if (text == NULL || strstr(text, part) == NULL) g_error("no \"%s\" in:\n%s", part, text == NULL ? "(nothing)" : text);
}

static void lacks(const char *text, const char *part) {
  if (strstr(text, part) != NULL) g_error("\"%s\" in:\n%s", part, text);
}

static gsize resident_kib(void) {
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
  return (gsize)g_ascii_strtoull(strstr(text, "VmRSS:") + 6, NULL, 10);
}

/* ---- tests ---- */

static void test_page_and_keep_alive(void) {
  g_autoptr(GSocketConnection) connection = dial();
  for (int i = 0; i < 5; i++) {
    g_autofree char *page = ask_on(connection, "GET", "/?q=%E6%A1%A3", "Accept: text/html\r\n");
    has(page, "HTTP/1.1 200 OK\r\n");
    has(page, "&lt;b&gt;兰台&lt;/b&gt;|档|/");
    g_autofree char *missing = ask_on(connection, "GET", "/nothing", "Accept: application/json\r\n");
    has(missing, "HTTP/1.1 404");
    has(missing, "{\"error\"");
    g_autofree char *refused = ask_on(connection, "GET", "/code/%ff", "");
    has(refused, "HTTP/1.1 422");
    g_autofree char *file = ask_on(connection, "GET", "/static/a.css", "");
    has(file, "color: red");
  }
  const char *both = "GET /record/1.json HTTP/1.1\r\nHost: a\r\n\r\nGET /record/2.json HTTP/1.1\r\nHost: a\r\n\r\n"; /* pipelined */
  g_assert_true(say(connection, both, strlen(both)));
  g_autofree char *first = read_reply(connection, FALSE);
  has(first, "\"id\":1");
  if (strstr(first, "\"id\":2") == NULL) {
    g_autofree char *second = read_reply(connection, FALSE);
    has(second, "\"id\":2");
  }
}

static void test_head(void) {
  g_autoptr(GSocketConnection) connection = dial();
  g_autofree char *page = ask_on(connection, "HEAD", "/record/3.json", "");
  has(page, "HTTP/1.1 200");
  has(page, "Content-Length: 40\r\n");
  g_assert_true(g_str_has_suffix(page, "\r\n\r\n"));
  g_autofree char *file = ask_on(connection, "HEAD", "/file", "Range: bytes=0-9\r\n");
  has(file, "HTTP/1.1 206");
  has(file, "Content-Length: 10\r\n");
  g_assert_true(g_str_has_suffix(file, "\r\n\r\n"));
  g_autofree char *after = ask_on(connection, "GET", "/record/4.json", "");
  has(after, "\"id\":4");
}

static void test_ranges(void) {
  static const struct { const char *headers, *status, *range, *body; } cases[] = {
    {"", "200", NULL, "0000,0005,"},
    {"Range: bytes=0-0\r\n", "206", "bytes 0-0/1000", "\r\n\r\n0"},
    {"Range: bytes=5-9\r\n", "206", "bytes 5-9/1000", "\r\n\r\n0005,"},
    {"Range: bytes=995-\r\n", "206", "bytes 995-999/1000", "\r\n\r\n0995,"},
    {"Range: bytes=990-5000\r\n", "206", "bytes 990-999/1000", "\r\n\r\n0990,0995,"},
    {"Range: bytes=-5\r\n", "206", "bytes 995-999/1000", "\r\n\r\n0995,"},
    {"Range: bytes=-5000\r\n", "206", "bytes 0-999/1000", "\r\n\r\n0000,"},
    {"Range: bytes=0-0,5-9\r\n", "200", NULL, "0000,0005,"},
    {"Range: items=0-1\r\n", "200", NULL, "0000,0005,"},
    {"Range: bytes=1000-\r\n", "416", "bytes */1000", NULL},
    {"Range: bytes=-0\r\n", "416", "bytes */1000", NULL},
    {"Range: bytes=9-5\r\n", "416", "bytes */1000", NULL},
    {"Range: bytes=a-b\r\n", "416", "bytes */1000", NULL},
    {"Range: bytes=1-2x\r\n", "416", "bytes */1000", NULL},
    {"Range: bytes=99999999999999999999-\r\n", "416", "bytes */1000", NULL},
    {"Range: bytes=0-0\r\nIf-Range: \"abc\"\r\n", "206", "bytes 0-0/1000", NULL},
    {"Range: bytes=0-0\r\nIf-Range: \"old\"\r\n", "200", NULL, "0000,0005,"},
    {"Range: bytes=0-0\r\nIf-Range: Wed, 21 Oct 2015 07:28:00 GMT\r\n", "200", NULL, "0000,0005,"},
    {"If-None-Match: \"x\", W/\"abc\"\r\n", "304", NULL, NULL},
    {"If-None-Match: \"x\"\r\n", "200", NULL, NULL},
  };
  g_autoptr(GSocketConnection) connection = dial();
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *reply = ask_on(connection, "GET", "/file", cases[i].headers), *status = g_strdup_printf("HTTP/1.1 %s ", cases[i].status);
    if (reply == NULL || strstr(reply, status) == NULL) g_error("%s: no %s in %s", cases[i].headers, status, reply);
    if (cases[i].body != NULL) has(reply, cases[i].body);
    if (cases[i].range == NULL) lacks(reply, "Content-Range");
    else has(reply, cases[i].range);
  }
}

static void test_names_and_kinds(void) {
  g_autofree char *plain = ask("GET", "/file", "");
  has(plain, "Content-Disposition: inline; filename=\"__ 1.png\"; filename*=UTF-8''%E6%A0%B7%E6%9C%AC%201.png\r\n");
  has(plain, "ETag: \"abc\"\r\n");
  g_autofree char *hostile = ask("GET", "/file?name=a%22%3B%20x%3Dy%0D%0ASet-Cookie:%20z%2F..%5C%25%27", "");
  has(hostile, "Content-Disposition: inline; filename=\"a__ x=y Set-Cookie: z_..__'\"; filename*=UTF-8''a%22%3B%20x%3Dy%20Set-Cookie%3A%20z_.._%25%27\r\n");
  lacks(hostile, "\r\nSet-Cookie");
  g_autofree char *page = ask("GET", "/file?mime=text/html", "");
  has(page, "Content-Disposition: attachment;");
  g_autofree char *svg = ask("GET", "/file?mime=image/svg%2Bxml", "");
  has(svg, "Content-Disposition: attachment;");
  g_autofree char *mime = ask("GET", "/file?mime=image/png%0D%0AX-Evil:1", "");
  lacks(mime, "\r\nX-Evil");
}

static GSocketConnection *begin_upload(guint64 file_bytes, const char *extra, const char *target) {
  const char *part = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"big.zip\"\r\n\r\n";
  g_autofree char *head = g_strdup_printf("POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer b-user\r\nAccept: application/json\r\n%s"
                                          "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: %" G_GUINT64_FORMAT "\r\n\r\n",
                                          target, extra, strlen(part) + file_bytes + 9);
  GSocketConnection *connection = dial();
  g_assert_true(say(connection, head, strlen(head)));
  if (*extra == '\0') g_assert_true(say(connection, part, strlen(part)));
  return connection;
}

static void send_file(GSocketConnection *connection, guint megabytes) {
  g_autofree char *megabyte = g_strnfill(1 << 20, 'f');
  for (guint i = 0; i < megabytes && say(connection, megabyte, 1 << 20); i++) continue;
  say(connection, "\r\n--B--\r\n", 9);
}

static void test_upload_50_mb(void) {
  g_autofree char *warm_up = ask("GET", "/big?bytes=1000", "");
  has(warm_up, "200");
  gsize before = resident_kib();
  for (int i = 0; i < 2; i++) {
    g_autoptr(GSocketConnection) connection = begin_upload(50u << 20, "", "/upload");
    send_file(connection, 50);
    g_autofree char *reply = read_reply(connection, FALSE);
    has(reply, "HTTP/1.1 200");
    has(reply, "\"name\":\"big.zip\",\"bytes\":52428800,");
    const char *path = strstr(reply, "\"path\":\"") + 8;
    g_autofree char *file = g_strndup(path, strcspn(path, "\""));
    for (int wait = 0; wait < 200 && g_file_test(file, G_FILE_TEST_EXISTS); wait++) g_usleep(5000);
    g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
  }
  g_assert_cmpuint(resident_kib(), <, before + 8192);
}

static void test_upload_limits(void) {
  handled = 0;
  g_autoptr(GSocketConnection) announced = begin_upload(70u << 20, "", "/upload");
  send_file(announced, 70);
  g_autofree char *too_large = read_reply(announced, FALSE);
  has(too_large, "HTTP/1.1 413");
  has(too_large, "请拆分后上传");
  g_autoptr(GSocketConnection) measured = begin_upload(2u << 20, "", "/small"); /* within the whole body's limit, beyond the file's */
  send_file(measured, 2);
  g_autofree char *file_too_large = read_reply(measured, FALSE);
  has(file_too_large, "HTTP/1.1 413");
  has(file_too_large, "小文件“big.zip”超过 1 MB");
  g_autofree char *after = ask_on(measured, "GET", "/record/1.json", "");
  has(after, "\"id\":1"); /* the refused body was read over, the connection lives */
  g_autoptr(GSocketConnection) asks = begin_upload(70u << 20, "Expect: 100-continue\r\n", "/upload");
  g_autofree char *at_once = read_reply(asks, FALSE);
  has(at_once, "HTTP/1.1 413");
  g_autoptr(GSocketConnection) allowed = begin_upload(1, "Expect: 100-continue\r\n", "/upload");
  g_autofree char *go_on = read_reply(allowed, TRUE);
  has(go_on, "HTTP/1.1 100");
  g_autoptr(GSocketConnection) enormous = begin_upload(G_GUINT64_CONSTANT(1) << 50, "", "/upload");
  g_autofree char *refused = read_reply(enormous, FALSE);
  has(refused, "HTTP/1.1 413");
  g_autofree char *stranger = ask("POST", "/upload", "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n");
  has(stranger, "HTTP/1.1 303"); /* before any byte of the body */
  g_assert_cmpint(handled, ==, 0);
}

static void test_chunked(void) {
  g_autoptr(GSocketConnection) connection = dial();
  const char *text = "POST /form HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n"
                     "8\r\ntitle=%E\r\n8\r\n6%A1%A3x\r\n0\r\n\r\n";
  g_assert_true(say(connection, text, strlen(text)));
  g_autofree char *reply = read_reply(connection, FALSE);
  has(reply, "{\"title\":\"档x\"");
  g_autofree char *both = ask("POST", "/form", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
  has(both, "HTTP/1.1 400");
}

static void test_fragment(void) {
  g_autofree char *fragment = ask("GET", "/", "HX-Request: true\r\n"), *boosted = ask("GET", "/", "HX-Request: true\r\nHX-Boosted: true\r\n");
  lacks(fragment, "<!DOCTYPE");
  has(fragment, "<p>");
  has(boosted, "<!DOCTYPE");
  g_autofree char *signed_out = ask("GET", "/private", "HX-Request: true\r\n");
  has(signed_out, "HTTP/1.1 401");
  has(signed_out, "HX-Redirect: /login\r\n");
}

static void test_cross_site(void) {
  g_autofree char *reply = ask("POST", "/form", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n");
  has(reply, "HTTP/1.1 403");
  g_autofree char *secure = ask("GET", "/go?to=/", "X-Forwarded-Proto: https\r\n");
  has(secure, "; Secure\r\n");
}

static void test_who(void) {
  g_autofree char *plain = ask("GET", "/who", "");
  has(plain, "{\"actor\":\"\",\"address\":\"127.0.0.1\"}");
  has(plain, "Cache-Control: private, max-age=60\r\n");
  has(plain, "Vary: Accept, Cookie, HX-Request\r\n");
  g_autofree char *bearer = ask("GET", "/who", "Authorization: Bearer b-user\r\nX-Forwarded-For: 6.6.6.6, 10.1.2.3\r\n");
  has(bearer, "{\"actor\":\"user\",\"address\":\"10.1.2.3\"}"); /* the entry of the proxy itself, not what the client claims */
  g_autofree char *nonsense = ask("GET", "/who", "X-Forwarded-For: <script>\r\nAuthorization: Basic YTpi\r\n");
  has(nonsense, "{\"actor\":\"\",\"address\":\"127.0.0.1\"}");
}

/* Bodies held in memory are bounded over all requests together. */
static void test_form_memory(void) {
  fixture.server->limits.form_memory = 1 << 10;
  g_autoptr(GString) request = g_string_new("POST /form HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n"
                                            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 300000\r\n\r\n");
  g_autofree char *body = g_strnfill(300000, 'a');
  g_autoptr(GSocketConnection) connection = dial();
  g_string_append(request, body);
  g_assert_true(say(connection, request->str, request->len));
  g_autofree char *reply = read_reply(connection, FALSE);
  has(reply, "HTTP/1.1 503");
  fixture.server->limits.form_memory = 256u << 20;
  for (int wait = 0; wait < 200 && g_atomic_int_get(&fixture.server->form_memory_kib) != 0; wait++) g_usleep(5000);
  g_assert_cmpint(g_atomic_int_get(&fixture.server->form_memory_kib), ==, 0);
}

static gboolean is_closed_within(GSocketConnection *connection, guint ms) {
  char buffer[64];
  g_socket_set_timeout(g_socket_connection_get_socket(connection), 1 + ms / 1000);
  gint64 start_us = g_get_monotonic_time();
  gssize count = hear(connection, buffer, sizeof buffer);
  return count <= 0 && g_get_monotonic_time() - start_us < (gint64)ms * 1000;
}

/* Clients that send something every 100 ms for ever are cut at the deadline, and the server answers others meanwhile. */
static void test_slow_drip(void) {
  g_autoptr(GSocketConnection) header = dial(), body = dial(), second = dial();
  const char *start = "POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n";
  g_assert_true(say(header, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28));
  g_assert_true(say(body, start, strlen(start)));
  g_autofree char *first = ask_on(second, "GET", "/record/1.json", "");
  has(first, "200");
  gint64 start_us = g_get_monotonic_time();
  gint64 cut_us[3] = {0};
  GSocketConnection *const all[] = {header, body, second};
  while (g_get_monotonic_time() - start_us < 3 * G_USEC_PER_SEC && (cut_us[0] == 0 || cut_us[1] == 0 || cut_us[2] == 0)) {
    for (int i = 0; i < 3; i++) {
      if (cut_us[i] != 0) continue;
      gboolean readable = (g_socket_condition_check(g_socket_connection_get_socket(all[i]), G_IO_IN | G_IO_HUP) & (G_IO_IN | G_IO_HUP)) != 0;
      if (readable || !say(all[i], "x", 1)) cut_us[i] = g_get_monotonic_time() - start_us;
    }
    g_autofree char *other = ask("GET", "/record/2.json", "");
    has(other, "\"id\":2");
    g_usleep(50000);
  }
  for (int i = 0; i < 3; i++) g_assert_true(cut_us[i] > 0 && cut_us[i] < 2 * G_USEC_PER_SEC);
}

/* A reader that does not read is cut; one that reads slowly but fast enough is not. */
static void test_slow_reader(void) {
  g_autoptr(GSocketConnection) connection = dial();
  const char *text = "GET /big?bytes=30000000 HTTP/1.1\r\nHost: a\r\n\r\n";
  g_assert_true(say(connection, text, strlen(text)));
  g_usleep(1500000);
  char buffer[65536];
  gsize total = 0;
  gssize count = 0;
  while ((count = hear(connection, buffer, sizeof buffer)) > 0) total += (gsize)count;
  g_assert_cmpuint(total, <, 30000000);
  g_autoptr(GSocketConnection) patient = dial();
  const char *small = "GET /big?bytes=12000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  g_assert_true(say(patient, small, strlen(small)));
  total = 0;
  while ((count = hear(patient, buffer, sizeof buffer)) > 0) {
    total += (gsize)count;
    if (total % 5 == 0) g_usleep(8000);
  }
  g_assert_cmpuint(total, >, 12000000);
}

static void test_idle_connections(void) {
  GPtrArray *idle = g_ptr_array_new_with_free_func(g_object_unref);
  for (int i = 0; i < 500; i++) {
    GSocketConnection *connection = dial();
    if (i % 2 == 0) g_assert_true(say(connection, "GET / HT", 8));
    g_ptr_array_add(idle, connection);
  }
  gint64 start_us = g_get_monotonic_time();
  for (int i = 0; i < 20; i++) {
    g_autofree char *reply = ask("GET", "/record/9.json", "");
    has(reply, "\"id\":9");
  }
  g_assert_cmpint(g_get_monotonic_time() - start_us, <, 2 * G_USEC_PER_SEC);
  g_assert_true(is_closed_within(g_ptr_array_index(idle, 499), 3000));
  g_ptr_array_unref(idle);
}

static gpointer slow_client(gpointer data) { return ask("GET", "/slow?ms=150", "Accept: application/json\r\n"); }

/* Handlers that wait hold no thread of the network: static files and the queue go on. */
static void test_workers(void) {
  GThread *threads[8];
  for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) threads[i] = g_thread_new("client", slow_client, NULL);
  g_usleep(20000);
  gint64 start_us = g_get_monotonic_time();
  g_autofree char *file = ask("GET", "/static/a.css", "");
  g_assert_cmpint(g_get_monotonic_time() - start_us, <, 100000);
  has(file, "color");
  for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
    g_autofree char *reply = g_thread_join(threads[i]);
    has(reply, "{\"text\":\"new\"}");
  }
}

/* One client's slow requests, however many, leave a thread for others, who do not wait for them. */
static void test_shared(void) {
  GThread *threads[12];
  fixture.server->limits.queue = G_N_ELEMENTS(threads);
  for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) threads[i] = g_thread_new("client", slow_client, NULL);
  g_usleep(30000);
  fixture.server->limits.queue = 1; /* what waits behind itself is no crowd to others */
  gint64 start_us = g_get_monotonic_time();
  for (guint i = 0; i < 3; i++) {
    g_autofree char *reply = ask("GET", "/record/9.json", "Cookie: " WEB_SESSION_COOKIE "=another\r\n");
    has(reply, "\"id\":9");
  }
  g_assert_cmpint(g_get_monotonic_time() - start_us, <, 250000); /* behind them it would be 400 ms and more */
  fixture.server->limits.queue = 1000;
  for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
    g_autofree char *reply = g_thread_join(threads[i]);
    has(reply, "{\"text\":\"new\"}");
  }
}

static void test_busy(void) {
  fixture.server->limits.queue = 0;
  GThread *threads[10];
  guint refused = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) threads[i] = g_thread_new("client", slow_client, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
    g_autofree char *reply = g_thread_join(threads[i]);
    refused += strstr(reply, "HTTP/1.1 503") != NULL;
  }
  fixture.server->limits.queue = 1000;
  g_assert_cmpuint(refused, >, 0);
  g_assert_cmpuint(refused, <, G_N_ELEMENTS(threads));
}

static void test_garbage(void) {
  static const char *const texts[] = {"\r\n\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02", "GET / HTTP/9.9\r\n\r\n",
                                      "GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n", "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n"};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GSocketConnection) connection = dial();
    say(connection, texts[i], strlen(texts[i]));
    g_socket_shutdown(g_socket_connection_get_socket(connection), FALSE, TRUE, NULL);
    char buffer[4096];
    while (hear(connection, buffer, sizeof buffer) > 0) continue;
  }
  g_autofree char *after = ask("GET", "/record/1.json", "");
  has(after, "\"id\":1");
}

static void test_port_taken(void) {
  g_autoptr(GError) error = NULL;
  Fixture other = {0};
  fixture_open(&other);
  g_assert_false(web_server_listen(other.server, "127.0.0.1", web_server_port(fixture.server), &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
  has(error->message, "已被占用");
  fixture_close(&other);
}

/* Closing lets the running request finish and then refuses connections. */
static void test_close(void) {
  GThread *thread = g_thread_new("client", slow_client, NULL);
  g_usleep(50000);
  guint port = web_server_port(fixture.server);
  g_clear_pointer(&fixture.server, web_server_free);
  g_autofree char *reply = g_thread_join(thread);
  has(reply, "{\"text\":\"new\"}");
  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_assert_null(g_socket_client_connect_to_host(client, "127.0.0.1", (guint16)port, NULL, NULL));
}

int main(int argc, char **argv) {
  fixture_templates();
  g_test_init(&argc, &argv, NULL);
  catch_logs();
  fixture_open(&fixture);
  fixture.server->limits.header_ms = fixture.server->limits.form_ms = fixture.server->limits.idle_ms = 1000;
  fixture.server->limits.reply_ms = 500;
  fixture.server->limits.reply_rate = 1 << 20;
  g_autoptr(GError) error = NULL;
  g_assert_true(web_server_listen(fixture.server, "127.0.0.1", 0, &error));
  g_assert_no_error(error);
  g_test_add_func("/server/page-and-keep-alive", test_page_and_keep_alive);
  g_test_add_func("/server/head", test_head);
  g_test_add_func("/server/ranges", test_ranges);
  g_test_add_func("/server/names-and-kinds", test_names_and_kinds);
  g_test_add_func("/server/upload-50-mb", test_upload_50_mb);
  g_test_add_func("/server/upload-limits", test_upload_limits);
  g_test_add_func("/server/chunked", test_chunked);
  g_test_add_func("/server/fragment", test_fragment);
  g_test_add_func("/server/cross-site", test_cross_site);
  g_test_add_func("/server/who", test_who);
  g_test_add_func("/server/form-memory", test_form_memory);
  g_test_add_func("/server/slow-drip", test_slow_drip);
  g_test_add_func("/server/slow-reader", test_slow_reader);
  g_test_add_func("/server/idle-connections", test_idle_connections);
  g_test_add_func("/server/workers", test_workers);
  g_test_add_func("/server/shared", test_shared);
  g_test_add_func("/server/busy", test_busy);
  g_test_add_func("/server/garbage", test_garbage);
  g_test_add_func("/server/port-taken", test_port_taken);
  g_test_add_func("/server/close", test_close);
  int result = g_test_run();
  fixture_close(&fixture);
  remove_tree(fixture_ui);
  return result;
}
