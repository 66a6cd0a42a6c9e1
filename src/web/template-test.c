/* Templates: escaping in every place, filters, sections, parts, and errors that name file and line. */
#include "log-fixture.h"
#include "web.h"
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

static char *ui_dir;

static void write_template(const char *name, const char *text) {
  g_autofree char *path = g_strdup_printf("%s/%s.html", ui_dir, name);
  g_autofree char *folder = g_path_get_dirname(path);
  g_mkdir_with_parents(folder, 0700);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void check(const char *source, const char *model, const char *expected) {
  g_autoptr(GError) error = NULL;
  json_t *value = json_loads(model, JSON_DECODE_ANY, NULL);
  g_assert_nonnull(value);
  g_autofree char *text = template_render_text(source, value, &error);
  json_decref(value);
  g_assert_no_error(error);
  g_assert_cmpstr(text, ==, expected);
}

static void check_fails(const char *source, const char *part_of_message) {
  g_autoptr(GError) error = NULL;
  json_t *model = json_object();
  g_autofree char *text = template_render_text(source, model, &error);
  json_decref(model);
  if (text != NULL) g_error("%s was taken: %s", source, text);
  if (strstr(error->message, part_of_message) == NULL) g_error("%s: %s", source, error->message);
}

static void test_escaping(void) {
  const char *model = "{\"x\":\"<a href=\\\"j\\\">&'</a>\",\"l\":[\"<\",\">\"],\"o\":{\"p\":\"\\\"\"}}";
  check("{{x}}", model, "&lt;a href=&quot;j&quot;&gt;&amp;&#39;&lt;/a&gt;");
  check("<p title=\"{{o.p}}\" data-x='{{x}}'>", model, "<p title=\"&quot;\" data-x='&lt;a href=&quot;j&quot;&gt;&amp;&#39;&lt;/a&gt;'>");
  check("{{#l}}{{.}}{{/l}}", model, "&lt;&gt;");
  check("{{x|json}}", model, "&quot;&lt;a href=\\&quot;j\\&quot;&gt;&amp;&#39;&lt;/a&gt;&quot;");
  check("{{x|number}}{{x|date}}{{x|time}}{{x|size}}", "{\"x\":\"<\"}", "&lt;&lt;&lt;&lt;");
  check("{{x|url}}", "{\"x\":\"<\\\"'&=档 /?\"}", "%3C%22%27%26%3D%E6%A1%A3%20%2F%3F");
  check("{{l|json}}", model, "[&quot;&lt;&quot;,&quot;&gt;&quot;]");
  check("<title>{{x}}</title><textarea>{{x}}</textarea>", "{\"x\":\"</textarea><script>\"}",
        "<title>&lt;/textarea&gt;&lt;script&gt;</title><textarea>&lt;/textarea&gt;&lt;script&gt;</textarea>");
}

static void test_unsafe_places(void) {
  check_fails("<p {{x}}>", "text.html:1");
  check_fails("<p title={{x}}>", "带引号");
  check_fails("<{{x}}>", "带引号");
  check_fails("<script>let a = \"{{x}}\"</script>", "带引号");
  check_fails("<style>{{x}}</style>", "带引号");
  check_fails("<!-- {{x}} -->", "带引号");
  check_fails("\n\n<p onclick=\"a()\">", "事件属性");
  check_fails("<p style=\"color:red\">", "style");
  check_fails("<p hx-on:click='a()'>", "事件属性");
  check_fails("<p title=\"{{#x}}\">{{/x}}", "同一位置");
  check_fails("<p {{>part}}>", "部件");
  check_fails("{{{x}}}", "layout.html");
  check_fails("<p title=\"", "中间结束");
  check("<p title=\"a{{#x}} b{{/x}}\"{{#x}} hidden{{/x}}>{{x}}</p>", "{\"x\":true}", "<p title=\"a b\" hidden>true</p>");
  check("<script src=\"{{x}}\"></script>{{x}}", "{\"x\":\"/a.js\"}", "<script src=\"/a.js\"></script>/a.js");
  check("a < b {{x}} <!-- c > d --> {{x}}", "{\"x\":1}", "a < b 1 <!-- c > d --> 1");
}

static void test_addresses(void) {
  check("<a href=\"{{x}}\">", "{\"x\":\"javascript:alert(1)\"}", "<a href=\"#\">");
  check("<a href=\"{{x}}\">", "{\"x\":\" \\tJaVaScRiPt:alert(1)\"}", "<a href=\"#\">");
  check("<a href=\"{{#x}}{{.}}{{/x}}\">", "{\"x\":\"data:text/html,1\"}", "<a href=\"#\">");
  check("<img src='{{x}}'>", "{\"x\":\"data:image/png;base64,AA\"}", "<img src='data:image/png;base64,AA'>");
  check("<a href=\"{{x}}\">", "{\"x\":\"/record/1?a=b:c\"}", "<a href=\"/record/1?a=b:c\">");
  check("<a href=\"?q={{x}}\" title=\"{{x}}\">", "{\"x\":\"title:档\"}", "<a href=\"?q=title:档\" title=\"title:档\">");
  check("<a href=\"{{x}}\">", "{\"x\":\"https://a/b\"}", "<a href=\"https://a/b\">");
}

static char *known_person(const char *name) { return strcmp(name, "li") == 0 ? g_strdup("李<某>") : NULL; }

static void test_person(void) {
  web_set_person_source(known_person);
  check("{{a|person}} {{b|person}} {{c|person}}{{d|person}}", "{\"a\":\"li\",\"b\":\"wang\",\"c\":\"\"}", "李&lt;某&gt; wang ");
  web_set_person_source(NULL);
}

static void test_filters(void) {
  g_setenv("TZ", "Asia/Shanghai", TRUE);
  check("{{a|number}} {{b|number}} {{c|number}} {{d|number}} {{e|number}} {{f|number}}",
        "{\"a\":1234567,\"b\":-1234,\"c\":999,\"d\":1234.5,\"e\":\"1000000\",\"f\":0}",
        "1,234,567 -1,234 999 1,234.5 1,000,000 0");
  check("{{x|number}}", "{\"x\":\"12a\"}", "12a");
  check("{{x|number}}{{y|number}}", "{\"x\":null}", "");
  check("{{t|time}} {{t|date}}", "{\"t\":1795327500000000}", "2026-11-22 14:05 2026-11-22");
  check("{{t|time}} {{t|date}}", "{\"t\":\"2026-11-22T06:05:00.000000Z\"}", "2026-11-22 14:05 2026-11-22");
  check("{{a|date}} {{b|date}} {{c|date}} {{d|date}}", "{\"a\":19580301,\"b\":19580300,\"c\":19580000,\"d\":\"约1958年\"}", "1958-03-01 1958-03 1958 约1958年");
  check("{{a|size}} {{b|size}} {{c|size}} {{d|size}} {{e|size}}",
        "{\"a\":0,\"b\":1023,\"c\":1024,\"d\":1258291,\"e\":1048575}", "0 字节 1023 字节 1.0 KB 1.2 MB 1.0 MB");
  check("{{x|url}}", "{\"x\":12}", "12");
  check("{{x|json}}{{y|json}}", "{\"x\":{\"a\":[1,null]}}", "{&quot;a&quot;:[1,null]}");
  check("{{x}} {{y}} {{z}} {{n}}", "{\"x\":1.5,\"y\":true,\"z\":false,\"n\":null}", "1.5 true  ");
  check_fails("a\n{{x|nonsense}}", "text.html:2");
}

static void test_sections(void) {
  const char *model = "{\"n\":\"外\",\"l\":[{\"n\":\"一\"},{\"m\":2},{\"n\":\"三\"}],\"o\":{\"p\":{\"q\":7}},\"e\":[],\"z\":0,\"s\":\"\",\"eo\":{}}";
  check("{{#l}}{{@number}}{{n}}{{^@last}},{{/@last}}{{/l}}", model, "1一,2外,3三");
  check("{{#l}}{{#@first}}首{{/@first}}{{@index}}{{/l}}", model, "首012");
  check("{{#l}}{{#m}}{{@index}}{{.}}{{/m}}{{/l}}", model, "12");
  check("{{o.p.q}}{{o.x.q}}{{#o.p}}{{q}}{{n}}{{/o.p}}", model, "77外");
  check("{{#e}}a{{/e}}{{^e}}空{{/e}}{{^z}}零{{/z}}{{^s}}无{{/s}}{{^eo}}无{{/eo}}{{^nope}}缺{{/nope}}", model, "空零无无缺");
  check("a\n  {{#o}}\nb\n  {{/o}}\n{{! note }}\nc{{#o}} d {{/o}}\n", model, "a\nb\nc d \n");
  check("{{#l}}{{#l}}{{n}}{{/l}}{{/l}}", "{\"l\":[{\"l\":[{\"n\":1},{\"n\":2}]},{\"l\":[{\"n\":3}]}]}", "123");
  check("{{@first}}{{.}}", "{\"a\":1}", "");
}

static void test_errors(void) {
  check_fails("a\nb\n{{#x}}\n", "text.html:3");
  check_fails("a\n{{/x}}", "text.html:2");
  check_fails("{{#x}}\n{{#y}}\n{{/x}}{{/y}}", "text.html:3");
  check_fails("a {{x", "没有结束");
  check_fails("{{}}", "名称");
  check_fails("{{a b}}", "名称");
  check_fails("{{a..b}}", "名称");
  check_fails("{{@nope}}", "名称");
  check_fails("{{>../../etc/passwd}}", "部件名");
  check_fails("{{>no/such}}", "no/such");
  g_autoptr(GString) deep = g_string_new(NULL);
  for (int i = 0; i < 40; i++) g_string_append(deep, "{{#a}}");
  check_fails(deep->str, "过深");
}

static void test_parts(void) {
  write_template("room/row", "<li>{{n}}</li>\n");
  write_template("room/tree", "{{n}}({{#l}}{{>room/tree}}{{/l}})");
  check("<ul>\n  {{>room/row}}\n</ul>", "{\"n\":\"<\"}", "<ul>\n<li>&lt;</li>\n</ul>");
  check("{{>room/tree}}", "{\"n\":1,\"l\":[{\"n\":2,\"l\":[{\"n\":3,\"l\":[]}]},{\"n\":4,\"l\":[]}]}", "1(2(3())4())");
  write_template("room/broken", "ok\n\n{{#x}}");
  g_autoptr(GError) error = NULL;
  g_assert_null(template_load("room/broken", &error));
  g_assert_nonnull(strstr(error->message, "room/broken.html:3"));
  write_template("room/broken", "now {{x}}");
  g_assert_nonnull(template_load("room/broken", NULL));
}

static void test_limits(void) {
  write_template("room/endless", "x{{>room/endless}}");
  g_autoptr(GError) error = NULL;
  json_t *model = json_object();
  g_assert_null(template_render_text("{{>room/endless}}", model, &error));
  g_assert_true(was_logged("*nests too deep*limit*"));
  json_t *list = json_array();
  for (int i = 0; i < 1200; i++) json_array_append_new(list, json_integer(i));
  json_object_set_new(model, "l", list);
  g_autofree char *long_text = g_strnfill(20, 'x');
  g_autofree char *source = g_strdup_printf("{{#l}}{{#l}}%s{{/l}}{{/l}}", long_text);
  g_clear_error(&error);
  g_assert_null(template_render_text(source, model, &error));
  g_assert_true(was_logged("*limit*"));
  json_decref(model);
}

static void load_all(const char *folder) {
  g_auto(GStrv) names = g_resources_enumerate_children(folder, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  for (gsize i = 0; names != NULL && names[i] != NULL; i++) {
    g_autofree char *path = g_strconcat(folder, names[i], NULL);
    if (g_str_has_suffix(path, "/") && strcmp(names[i], "static/") != 0) load_all(path);
    if (!g_str_has_suffix(path, ".html")) continue;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strndup(path + strlen("/lantai/ui/"), strlen(path) - strlen("/lantai/ui/.html"));
    if (template_load(name, &error) == NULL) g_printerr("# %s\n", error->message);
    if (error != NULL) g_test_fail();
  }
}

/* Every template that travels inside the program. */
static void test_all_of_ours(void) {
  g_assert_nonnull(template_load("error", NULL));
  load_all("/lantai/ui/");
}

int main(int argc, char **argv) {
  ui_dir = g_dir_make_tmp("lantai-template-XXXXXX", NULL);
  g_setenv("LANTAI_UI", ui_dir, TRUE);
  g_setenv("TZ", "Asia/Shanghai", TRUE);
  g_test_init(&argc, &argv, NULL);
  catch_logs();
  g_test_add_func("/template/escaping", test_escaping);
  g_test_add_func("/template/unsafe-places", test_unsafe_places);
  g_test_add_func("/template/addresses", test_addresses);
  g_test_add_func("/template/filters", test_filters);
  g_test_add_func("/template/person", test_person);
  g_test_add_func("/template/sections", test_sections);
  g_test_add_func("/template/errors", test_errors);
  g_test_add_func("/template/parts", test_parts);
  g_test_add_func("/template/limits", test_limits);
  g_test_add_func("/template/all-of-ours", test_all_of_ours);
  int result = g_test_run();
  remove_tree(ui_dir);
  return result;
}
