/* The router without a socket: matching, faces, permission, CSRF, parameters, errors, redirects, static files. */
#include "web-fixture.h"

static Fixture fixture;
typedef struct { guint status; char *body, *headers; } Result;

static void result_clear(Result *result) {
  g_free(result->body);
  g_free(result->headers);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static Result call(const char *method, const char *target, const char *cookie, const char *body, const char *accept) {
  Result result = {0};
  result.status = web_dispatch(fixture.server, method, target, cookie, body, accept, &result.body, &result.headers);
  return result;
}

static Result get(const char *target) { return call("GET", target, NULL, NULL, "html"); }

static void has(const char *text, const char *part) {
  if (strstr(text, part) == NULL) g_error("no \"%s\" in:\n%s", part, text);
}

static void lacks(const char *text, const char *part) {
  if (strstr(text, part) != NULL) g_error("\"%s\" in:\n%s", part, text);
}

static void check(const char *target, guint status, const char *part) {
  g_auto(Result) result = get(target);
  if (result.status != status) g_error("%s: %u instead of %u: %s", target, result.status, status, result.body);
  if (part != NULL) has(result.body, part);
}

static void test_matching(void) {
  check("/record/12", 200, "<h1>12 </h1>");
  check("/record/new", 200, "new");
  check("/record/12a", 404, "没有这个页面");
  check("/record/", 404, NULL);
  check("/record/1/2", 404, NULL);
  check("/record/-1", 404, NULL);
  check("/record/9999999999999999999", 404, NULL);
  check("/code/WS%2F2003%C2%B730-0001", 200, "WS/2003·30-0001");
  check("/code/a/b", 404, NULL);
  check("/tile/7/10_20.jpg", 200, "7/10/20");
  check("/tile/7/10_20.png", 404, NULL);
  check("/%72ecord/5", 200, "<h1>5 </h1>");
  check("/nothing", 404, "回到首页");
}

static void test_methods(void) {
  g_auto(Result) wrong = call("GET", "/form", NULL, NULL, "html");
  g_assert_cmpuint(wrong.status, ==, 405);
  has(wrong.headers, "Allow: POST\n");
  g_auto(Result) deletion = call("DELETE", "/record/1", NULL, NULL, "json");
  g_assert_cmpuint(deletion.status, ==, 405);
  has(deletion.headers, "Allow: GET, HEAD\n");
  g_auto(Result) head = call("HEAD", "/record/1", NULL, NULL, "html");
  g_assert_cmpuint(head.status, ==, 200);
  g_assert_cmpstr(head.body, ==, "");
}

static void test_hostile_paths(void) {
  check("/code/..", 422, NULL);
  check("/code/%2e%2e", 422, NULL);
  check("/a/../record/1", 422, NULL);
  check("/code/%00", 422, NULL);
  check("/code/%ff", 422, NULL);
  check("/code/a%0d%0ab", 422, NULL);
  check("/code/a%01b", 422, NULL);
  check("/code/a%5cb", 422, NULL);
  check("/?q=%ff", 422, "UTF-8");
  check("/?q=a%00b", 200, "|ab|"); /* a question is what can be read of it */
  check("/?q=%00", 200, NULL);
  check("/?q%00=a", 422, "UTF-8");
  check("/?q=100%&x", 200, "|100%|");
  check("nothing", 422, NULL);
  g_autofree char *longest = g_strnfill(20000, 'a');
  longest[0] = '/';
  check(longest, 422, "过长");
}

static void test_faces(void) {
  g_auto(Result) page = get("/?q=%3Cscript%3E");
  has(page.body, "<title>首页</title>");
  has(page.body, "&lt;b&gt;兰台&lt;/b&gt;|&lt;script&gt;|/|q=%3Cscript%3E");
  has(page.headers, "Content-Type: text/html; charset=utf-8\n");
  g_auto(Result) json = call("GET", "/?q=a", "session=s-user", NULL, "json");
  g_assert_cmpstr(json.body, ==, "{\"text\":\"<b>兰台</b>\",\"q\":\"a\"}\n");
  has(json.headers, "Content-Type: application/json; charset=utf-8\n");
  g_auto(Result) suffix = get("/record/5.json");
  g_assert_cmpstr(suffix.body, ==, "{\"id\":5,\"actor\":\"\",\"where\":\"/record/5\"}\n");
  g_auto(Result) missing = get("/nothing.json");
  g_assert_cmpuint(missing.status, ==, 404);
  has(missing.body, "{\"error\":{\"code\":\"not_found\",\"message\":\"");
  lacks(missing.body, "<");
}

static void test_security_headers(void) {
  static const char *const targets[] = {"/", "/nothing", "/file", "/static/a.css", "/go?to=/", "/fail?code=7", NULL};
  for (gsize i = 0; targets[i] != NULL; i++) {
    g_auto(Result) result = get(targets[i]);
    has(result.headers, "Content-Security-Policy: default-src 'none'");
    has(result.headers, "frame-ancestors 'none'");
    has(result.headers, "X-Content-Type-Options: nosniff\n");
    has(result.headers, "Referrer-Policy: same-origin\n");
  }
  g_assert_true(was_logged("*internal error*"));
  g_auto(Result) page = get("/");
  has(page.headers, "script-src 'self'");
  lacks(page.headers, "unsafe-inline");
  lacks(page.headers, "'unsafe-eval'");
  has(page.headers, "Cache-Control: no-store\n");
}

static void test_permission(void) {
  g_auto(Result) page = get("/private?a=1&b=%E6%A1%A3");
  g_assert_cmpuint(page.status, ==, 303);
  has(page.headers, "Location: /login?next=%2Fprivate%3Fa%3D1%26b%3D%25E6%25A1%25A3\n");
  g_auto(Result) json = call("GET", "/private", NULL, NULL, "json");
  g_assert_cmpuint(json.status, ==, 401);
  has(json.body, "\"unauthenticated\"");
  g_auto(Result) user = call("GET", "/private", "a=b; session=s-user", NULL, "html");
  g_assert_cmpuint(user.status, ==, 200);
  has(user.body, "[user]");
  g_auto(Result) denied = call("GET", "/admin", "session=s-user", NULL, "html");
  g_assert_cmpuint(denied.status, ==, 403);
  has(denied.body, "没有权限");
  g_auto(Result) admin = call("GET", "/admin.json", "session=s-admin", NULL, "html");
  g_assert_cmpuint(admin.status, ==, 200);
  g_auto(Result) stale = call("GET", "/admin", "session=gone", NULL, "html");
  g_assert_cmpuint(stale.status, ==, 303);
}

static void test_csrf(void) {
  g_autofree char *token = web_csrf_token(fixture.server, "s-user"), *other = web_csrf_token(fixture.server, "s-admin");
  g_autofree char *good = g_strdup_printf("title=a&csrf=%s", token), *bad = g_strdup_printf("title=a&csrf=%s", other);
  handled = 0;
  g_auto(Result) without = call("POST", "/form", "session=s-user", "title=a", "html");
  g_assert_cmpuint(without.status, ==, 403);
  has(without.body, "失效");
  g_auto(Result) wrong = call("POST", "/form", "session=s-user", bad, "json");
  g_assert_cmpuint(wrong.status, ==, 403);
  g_autofree char *in_query = g_strdup_printf("/form?csrf=%s", token);
  g_auto(Result) query = call("POST", in_query, "session=s-user", "title=a", "json");
  g_assert_cmpuint(query.status, ==, 403);
  g_assert_cmpint(handled, ==, 0);
  g_auto(Result) right = call("POST", "/form", "session=s-user", good, "json");
  g_assert_cmpuint(right.status, ==, 200);
  g_auto(Result) anonymous = call("POST", "/form", NULL, "title=a", "json");
  g_assert_cmpuint(anonymous.status, ==, 200);
  g_auto(Result) page = call("GET", "/", "session=s-user", NULL, "html");
  has(page.body, token);
}

static void post(const char *body, guint status, const char *part) {
  g_auto(Result) result = call("POST", "/form?title=query", NULL, body, "json");
  if (result.status != status) g_error("%s: %u instead of %u: %s", body, result.status, status, result.body);
  has(result.body, part);
}

static void test_parameters(void) {
  post("title=%E6%A1%A3+%E6%A1%88&note=a%0D%0Ab&count=%EF%BC%91%EF%BC%92&open=on&year=1958&year=1961&tag=x&tag=&tag=y", 200,
       "{\"title\":\"档 案\",\"note\":\"a\\nb\",\"count\":12,\"open\":true,\"password\":null,\"years\":[1958,1961],\"tags\":[\"x\",\"\",\"y\"]}");
  post("count=+-5+&open=0&open=1", 200, "{\"title\":\"query\",\"note\":null,\"count\":-5,\"open\":true");
  post("title=a&title=b&unknown=1", 200, "{\"title\":\"b\"");
  post("title=+%E3%80%80+", 422, "\"fields\":{\"title\":\"请填写\"}");
  post("title=12345678901", 422, "题名：最多 10 个字，现有 11 个");
  post("title=%E6%A1%A3%E6%A1%A3%E6%A1%A3%E6%A1%A3%E6%A1%A3%E6%A1%A3%E6%A1%A3%E6%A1%A3%E6%A1%A3%E6%A1%A3", 200, "档档档");
  post("title=a&count=12x&open=maybe&year=1&year=2&year=3&year=4", 422, "件数：应为整数，不能是“12x”；开放：应为是或否，不能是“maybe”；年度：最多 3 项，现有 4 项");
  post("title=a&count=99999999999999999999", 422, "件数");
  post("title=%ff", 422, "UTF-8");
  post("title=a%00", 422, "title 含有空字符");
  post("title=a&password=+x%0A+", 200, "\"password\":\" x\\n \"");
  post("title=a&v.%E7%8A%B6%E6%80%81=x+&v.b=1&v.b=&v.c.0.d=2&v=4&w.b=5&v.=6", 200, "\"fields\":{\"状态\":\"x\",\"b\":[\"1\",\"\"],\"c.0.d\":\"2\"}");
  post("title=a&cells=+x%09%09y+%0D%0A%09z%0D%0A%0D%0A", 200, "\"cells\":\"x\\t\\ty\\n\\tz\"");
  post("title=a&v.b=123456", 422, "“b”最多 5 个字，现有 6 个");
  g_autoptr(GString) many = g_string_new("title=a");
  for (guint i = 0; i < WEB_PAIRS_MAX; i++) g_string_append(many, "&z=1");
  post(many->str, 413, "请分批");
  g_auto(Result) page = call("POST", "/form", NULL, "title=&count=%3Cb%3E", "html");
  g_assert_cmpuint(page.status, ==, 422);
  has(page.body, "<strong>题名</strong>：请填写");
  has(page.body, "&lt;b&gt;");
}

static Result send_typed(const char *target, const char *type, const char *body, gsize length) {
  g_autoptr(WebRequest) request = request_new(fixture.server, "POST", target);
  g_autoptr(WebReply) reply = NULL;
  g_autoptr(GError) error = NULL;
  request_header(request, "Content-Type", type);
  request_header(request, "Accept", "application/json");
  request_header(request, "Authorization", "Bearer b-user");
  g_assert_true(request_begin(request, NULL));
  reply = dispatch_admit(request, type, length);
  for (gsize i = 0; reply == NULL && i < length; i += 7) /* in small pieces, so that every boundary is cut somewhere */
    if (!dispatch_body(request, body + i, MIN(7, length - i), &error)) reply = reply_gerror(request, error);
  if (reply == NULL) reply = dispatch_run(request);
  return (Result){reply->status, g_strndup(g_bytes_get_data(reply->bytes, NULL), g_bytes_get_size(reply->bytes)), NULL};
}

static void test_json_body(void) {
  static const struct { const char *body; guint status; const char *part; } cases[] = {
    {"{\"title\":\"档\",\"count\":3,\"open\":true,\"year\":[1958,1961],\"note\":null,\"tag\":\"x\"}", 200,
     "{\"title\":\"档\",\"note\":null,\"count\":3,\"open\":true,\"password\":null,\"years\":[1958,1961],\"tags\":[\"x\"]}"},
    {"{\"title\":\"a\",\"count\":1.5}", 422, "count"}, {"{\"title\":[\"a\"]}", 422, "title"}, {"{\"title\":{}}", 422, "title"},
    {"[1]", 422, "JSON"}, {"{\"title\":", 422, "第 1 行"}, {"{\"title\":\"a\\u0000b\"}", 422, "JSON"}, {"{\"title\":\"\xff\"}", 422, "JSON"},
    {"{\"title\":\"a\",\"title\":\"b\"}", 422, "JSON"}, {"{\"title\":\"a\",\"other\":{\"deep\":[]}}", 200, "\"a\""},
    {"{\"title\":\"a\",\"v\":{\"b\":[{\"c\":\" x \"},2.5],\"d\":null}}", 200, "\"fields\":{\"b\":[{\"c\":\"x\"},2.5],\"d\":null}"},
    {"{\"title\":\"a\",\"v\":{\"b\":[[\"123456\"]]}}", 422, "最多 5 个字"}, {"{\"title\":\"a\",\"v\":[1]}", 422, "v 应是对象"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Result) result = send_typed("/form", "application/json; charset=utf-8", cases[i].body, strlen(cases[i].body));
    if (result.status != cases[i].status) g_error("%s: %u: %s", cases[i].body, result.status, result.body);
    has(result.body, cases[i].part);
  }
  g_auto(Result) other = send_typed("/form", "text/xml", "<a/>", 4);
  g_assert_cmpuint(other.status, ==, 415);
}

static void multipart(const char *target, const char *body, guint status, const char *part) {
  g_auto(Result) result = send_typed(target, "multipart/form-data; boundary=\"X--y\"", body, strlen(body));
  if (result.status != status) g_error("%s: %u: %s", body, result.status, result.body);
  has(result.body, part);
}

#define PART(name, rest) "--X--y\r\nContent-Disposition: form-data; name=\"" name "\"" rest "\r\n\r\n"

static void test_multipart(void) {
  multipart("/form", "preamble\r\n" PART("title", "") "档\r\n" PART("tag", "") "\r\n" PART("note", "") "a\r\n--X--\r\nb\r\n--X--y--\r\nrest", 200,
            "{\"title\":\"档\",\"note\":\"a\\n--X--\\nb\"");
  multipart("/upload", PART("file", "; filename=\"C:\\dir\\目录.xlsx\"\r\nContent-Type: a/b") "12345\r\n\r\n" "\r\n" PART("note", "") "n\r\n--X--y--", 200,
            "{\"name\":\"目录.xlsx\",\"bytes\":9,\"note\":\"n\"");
  multipart("/upload", PART("file", "; filename=\"../../etc/passwd\"") "\r\n--X--y--\r\n", 200, "{\"name\":\"passwd\",\"bytes\":0");
  multipart("/upload", PART("file", "; filename=\"..\"") "x\r\n--X--y--\r\n", 200, "未命名文件");
  multipart("/upload", PART("file", "; filename=\"\"") "\r\n--X--y--\r\n", 422, "目录文件：请选择文件");
  multipart("/upload", PART("file", "; filename=\"a\"") "x\r\n" PART("file", "; filename=\"b\"") "x\r\n--X--y--\r\n", 422, "一次只能上传一个");
  multipart("/upload", PART("file", "; filename=\"\xff\"") "x\r\n--X--y--\r\n", 422, "UTF-8");
  multipart("/upload", PART("file", "; filename=\"a\"") "cut", 422, "不完整");
  multipart("/upload", PART("other", "; filename=\"a\"") "x\r\n" PART("file", "; filename=\"b\"") "xy\r\n--X--y--\r\n", 200, "{\"name\":\"b\",\"bytes\":2");
  multipart("/form", PART("title", "; filename=\"a\"") "x\r\n--X--y--\r\n", 422, "请填写");
  multipart("/upload", PART("note", "") "\xff\r\n--X--y--\r\n", 422, "UTF-8");
  multipart("/upload", "--X--y\r\nContent-Type: a/b\r\n\r\nx\r\n--X--y--\r\n", 422, "没有名称");
  g_autofree char *mega = g_strnfill((1 << 20) + 1, 'z');
  g_autofree char *big = g_strconcat(PART("file", "; filename=\"a\""), mega, "\r\n--X--y--\r\n", NULL);
  multipart("/small", big, 413, "1 MB");
  g_auto(Result) without = send_typed("/upload", "multipart/form-data", "", 0);
  g_assert_cmpuint(without.status, ==, 422);
}

/* After each request the folder of uploads is empty again, except for what a handler stole. */
static void test_upload_files_go(void) {
  g_autofree char *folder = upload_folder(&fixture.house);
  const char *body = PART("steal", "") "1\r\n" PART("file", "; filename=\"a\"") "kept\r\n--X--y--\r\n";
  multipart("/upload", body, 200, "\"bytes\":4");
  guint left = 0;
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  g_assert_nonnull(dir);
  while (g_dir_read_name(dir) != NULL) left++;
  g_assert_cmpuint(left, ==, 1);
  upload_clean_folder(&fixture.house);
}

static void test_errors(void) {
  static const guint status[] = {422, 403, 404, 409, 413, 503, 503};
  for (guint i = 0; i < G_N_ELEMENTS(status); i++) {
    g_autofree char *target = g_strdup_printf("/fail?code=%u", i);
    check(target, status[i], "第 3 行：题名为空 &lt;secret&gt;");
  }
  g_auto(Result) hidden = get("/fail.json?code=7");
  g_assert_true(was_logged("*secret*"));
  g_assert_cmpuint(hidden.status, ==, 500);
  has(hidden.body, "编号");
  lacks(hidden.body, "secret");
  check("/fail?code=99", 500, "日志");
  g_assert_true(was_logged("*neither*"));
}

static void test_redirects(void) {
  static const struct { const char *to, *location; gboolean warns; } cases[] = {
    {"/record/1?a=b%26c", "/record/1?a=b&c", FALSE}, {"//evil.example", "/", TRUE}, {"/%5Cevil.example", "/", TRUE}, {"https://evil.example/", "/", TRUE},
    {"javascript:alert(1)", "/", TRUE}, {"/a%20%22%3C%E6%A1%A3", "/a%20%22%3C%E6%A1%A3", FALSE}, {"/a%0D%0ASet-Cookie:%20x=y", "/a%20Set-Cookie:%20x=y", FALSE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *target = g_strconcat("/go?to=", cases[i].to, NULL), *expected = g_strdup_printf("Location: %s\n", cases[i].location);
    g_auto(Result) result = get(target);
    g_assert_true(was_logged("*refused*") == cases[i].warns);
    g_assert_cmpuint(result.status, ==, 303);
    has(result.headers, expected);
    has(result.headers, "Set-Cookie: mark=a%20b%3Bc%0D%0AX:%20y; Path=/; HttpOnly; SameSite=Lax; Max-Age=60\n");
    lacks(result.headers, "\nX: y");
  }
  g_auto(Result) json = call("GET", "/go?to=/x", NULL, NULL, "json");
  g_assert_cmpuint(json.status, ==, 200);
  g_assert_cmpstr(json.body, ==, "{\"location\":\"/x\"}\n");
}

static void test_flash(void) {
  g_auto(Result) first = get("/go?to=/");
  const char *start = strstr(first.headers, "flash=");
  g_assert_nonnull(start);
  g_autofree char *cookie = g_strndup(start, strcspn(start, ";"));
  g_auto(Result) second = call("GET", "/", cookie, NULL, "html");
  has(second.body, "<i>已保存 &lt;1&gt; 件</i>");
  has(second.headers, "Set-Cookie: flash=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0\n");
  cookie[10] ^= 1;
  g_auto(Result) forged = call("GET", "/", cookie, NULL, "html");
  lacks(forged.body, "<i>");
}

static void test_static(void) {
  check("/static/a.css", 200, "color: red");
  check("/static/../outside.css", 422, NULL);
  check("/static/..%2foutside.css", 404, NULL);
  check("/static/%2e%2e/outside.css", 422, NULL);
  check("/static/.hidden", 404, NULL);
  check("/static/", 404, NULL);
  check("/static//etc/passwd", 404, NULL);
  check("/static/%2Fetc%2Fpasswd", 404, NULL);
  g_auto(Result) file = get("/static/a.css");
  has(file.headers, "Content-Type: text/css; charset=utf-8\n");
  has(file.headers, "ETag: \"");
  has(file.headers, "Cache-Control: public, no-cache\n");
  g_auto(Result) inside = get("/static/npm/htmx.org/dist/htmx.min.js?v=1");
  g_assert_cmpuint(inside.status, ==, 200);
  has(inside.headers, "immutable");
  g_auto(Result) post_there = call("POST", "/static/a.css", NULL, "", "html");
  g_assert_cmpuint(post_there.status, ==, 405);
}

static void test_table_refuses(void) {
  static const WebRoute no_permission[] = {{"GET", "/x", NULL, NULL, NULL, handle_new, NULL}, {NULL}};
  static const WebRoute no_template[] = {{"GET", "/x", "public", NULL, "t/missing", handle_new, NULL}, {NULL}};
  static const WebRoute twice[] = {{"GET", "/x/{id}", "public", ID, NULL, handle_new, NULL}, {"GET", "/x/{x}", "user", TILE, NULL, handle_new, NULL}, {NULL}};
  static const WebRoute undeclared[] = {{"GET", "/x/{id}", "public", NULL, NULL, handle_new, NULL}, {NULL}};
  static const WebRoute *const tables[][2] = {{no_permission}, {no_template}, {twice}, {undeclared}};
  static const char *const messages[] = {"权限", "t/missing", "两次", "参数"};
  for (gsize i = 0; i < G_N_ELEMENTS(tables); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(web_server_new(&fixture.house, tables[i], NULL, &error));
    has(error->message, messages[i]);
  }
  json_t *routes = web_routes(fixture.server);
  g_assert_cmpuint(json_array_size(routes), ==, G_N_ELEMENTS(ROUTES) - 1);
  json_decref(routes);
}

static void test_query_with(void) {
  g_autoptr(WebRequest) request = request_new(fixture.server, "GET", "/?q=a+b&year=1958&after=k7&year=1961&x=&z=%26"); /* the place in the list is not kept */
  g_assert_true(request_begin(request, NULL));
  g_autofree char *replaced = web_query_with(request, "year", "档"), *removed = web_query_with(request, "q", NULL);
  g_assert_cmpstr(replaced, ==, "q=a%20b&z=%26&year=%E6%A1%A3");
  g_assert_cmpstr(removed, ==, "year=1958&year=1961&z=%26");
}

static void test_secret_is_kept(void) {
  g_autofree char *path = g_build_filename(fixture.dir, "secret.key", NULL);
  GStatBuf info;
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
  g_autofree char *again = csrf_key_load(fixture.dir, NULL);
  g_assert_cmpstr(again, ==, fixture.server->secret);
  g_autofree char *broken = g_dir_make_tmp("lantai-key-XXXXXX", NULL);
  fixture_write(broken, "secret.key", "short");
  g_autoptr(GError) error = NULL;
  g_assert_null(csrf_key_load(broken, &error));
  remove_tree(broken);
  has(error->message, "secret.key");
}

int main(int argc, char **argv) {
  fixture_templates();
  g_test_init(&argc, &argv, NULL);
  catch_logs();
  fixture_open(&fixture);
  g_test_add_func("/route/matching", test_matching);
  g_test_add_func("/route/methods", test_methods);
  g_test_add_func("/route/hostile-paths", test_hostile_paths);
  g_test_add_func("/route/faces", test_faces);
  g_test_add_func("/route/security-headers", test_security_headers);
  g_test_add_func("/route/permission", test_permission);
  g_test_add_func("/route/csrf", test_csrf);
  g_test_add_func("/route/parameters", test_parameters);
  g_test_add_func("/route/json-body", test_json_body);
  g_test_add_func("/route/multipart", test_multipart);
  g_test_add_func("/route/upload-files-go", test_upload_files_go);
  g_test_add_func("/route/errors", test_errors);
  g_test_add_func("/route/redirects", test_redirects);
  g_test_add_func("/route/flash", test_flash);
  g_test_add_func("/route/static", test_static);
  g_test_add_func("/route/table-refuses", test_table_refuses);
  g_test_add_func("/route/query-with", test_query_with);
  g_test_add_func("/route/secret", test_secret_is_kept);
  int result = g_test_run();
  fixture_close(&fixture);
  remove_tree(fixture_ui);
  return result;
}
