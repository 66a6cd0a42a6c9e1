/*
 * `lantai ocfl verify` and `lantai bag verify`: other programs' objects and bags held against their specifications.
 * Exit status: 0 everything accepted, 1 something rejected (with its codes), 2 wrong use. Needs no archive.
 */
#include "app.h"
#include "error.h"
#include "package.h"
#include <string.h>

enum { FINDINGS_SHOWN = 20, OBJECTS_LISTED = 10000 };

typedef struct {
  const char *base; /* the root that is walked */
  json_t *list;
  GString *text;
  gint64 checked, rejected, warned;
} Proof;

static void append_findings(GString *text, json_t *findings) {
  size_t i;
  json_t *finding;
  json_array_foreach(findings, i, finding) {
    if (i == FINDINGS_SHOWN) g_string_append_printf(text, "    …（共 %zu 处，其余见 --json）\n", json_array_size(findings));
    if (i < FINDINGS_SHOWN)
      g_string_append_printf(text, "    %s %s%s%s\n", json_string_value(json_object_get(finding, "code")),
        json_string_length(json_object_get(finding, "path")) ? json_string_value(json_object_get(finding, "path")) : "",
        json_string_length(json_object_get(finding, "path")) ? "：" : "", json_string_value(json_object_get(finding, "text")));
  }
}

/* Of a big root only what is not clean is listed one by one; the counts are of all. */
static void take_result(Proof *proof, const char *path, const char *kind, json_t *result) {
  json_t *errors = json_object_get(result, "errors"), *warnings = json_object_get(result, "warnings");
  gboolean rejected = json_array_size(errors) > 0, clean = !rejected && json_array_size(warnings) == 0;
  proof->checked++;
  proof->rejected += rejected;
  proof->warned += !rejected && !clean;
  if (clean && proof->checked > OBJECTS_LISTED) return;
  json_t *row = json_pack("{s:s, s:s, s:b}", "path", path, "kind", kind, "accepted", !rejected);
  json_object_update(row, result);
  json_array_append_new(proof->list, row);
  if (clean && proof->base != NULL) return;
  g_string_append_printf(proof->text, "%s　%s\n", rejected ? "不合格" : clean ? "合格　" : "合格，有提示", path);
  append_findings(proof->text, errors);
  append_findings(proof->text, warnings);
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(result, "unverified"), i, name) g_string_append_printf(proof->text, "    %s 摘要未核对：没有这种算法\n", json_string_value(name));
}

static void on_object(const char *path, json_t *result, gpointer data) {
  Proof *proof = data;
  g_autofree char *full = g_build_filename(proof->base, path, NULL);
  take_result(proof, full, "object", result);
}

static void verify_path(Proof *proof, const char *path) {
  json_t *result;
  gboolean root = content_is_root(path);
  proof->base = root ? path : NULL;
  if (root) result = content_validate_root(path, on_object, proof);
  else result = content_validate_object(path);
  take_result(proof, path, root ? "root" : "object", result);
  json_decref(result);
}

/* A bag in an archive file lies in it as it is, or in its only folder. */
static char *bag_inside(const char *folder) {
  g_autofree char *own = g_build_filename(folder, "bagit.txt", NULL);
  if (g_file_test(own, G_FILE_TEST_EXISTS)) return g_strdup(folder);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name = dir ? g_dir_read_name(dir) : NULL;
  g_autofree char *inner = name && g_dir_read_name(dir) == NULL ? g_build_filename(folder, name, NULL) : NULL;
  return inner && g_file_test(inner, G_FILE_TEST_IS_DIR) ? g_steal_pointer(&inner) : g_strdup(folder);
}

/* An archive file is unpacked aside. */
static json_t *bag_in_archive(const char *path) {
  g_autoptr(GError) failure = NULL;
  g_autofree char *aside = g_dir_make_tmp("lantai-bag-XXXXXX", &failure);
  json_t *result = NULL;
  if (aside != NULL && package_unpack(path, aside, &failure)) {
    g_autofree char *bag = bag_inside(aside);
    result = package_bag_verify(bag);
  } else
    result = json_pack("{s:s, s:[{s:s, s:s, s:s}], s:[], s:i, s:i}", "version", "", "errors", "code", "BAG-UNREADABLE", "path", path, "text", failure->message,
      "warnings", "files", 0, "bytes", 0);
  if (aside != NULL) package_folder_remove(aside);
  return result;
}

static void verify_bag(Proof *proof, const char *path) {
  json_t *result = g_file_test(path, G_FILE_TEST_IS_DIR) ? package_bag_verify(path) : bag_in_archive(path);
  take_result(proof, path, "bag", result);
  json_decref(result);
}

static gboolean run_proof(const CommandLine *line, void (*verify)(Proof *proof, const char *path), GError **error) {
  Proof proof = {.list = json_array(), .text = g_string_new(NULL)};
  for (int i = 1; i < line->count; i++) verify(&proof, line->arguments[i]);
  g_string_append_printf(proof.text, "核对 %" G_GINT64_FORMAT " 个：不合格 %" G_GINT64_FORMAT "，合格但有提示 %" G_GINT64_FORMAT "。\n", proof.checked,
    proof.rejected, proof.warned);
  json_t *value = json_pack("{s:I, s:I, s:I, s:o}", "checked", (json_int_t)proof.checked, "rejected", (json_int_t)proof.rejected, "warned",
    (json_int_t)proof.warned, "results", proof.list);
  command_print(line, value, "%s", proof.text->str);
  g_string_free(proof.text, TRUE);
  return proof.rejected == 0 || throw(error, LANTAI_ERROR_INVALID, "核对没有通过：%" G_GINT64_FORMAT " 个不合格", proof.rejected);
}

static gboolean run_ocfl(const CommandLine *line, GError **error) {
  if (g_str_equal(line->arguments[0], "verify")) return run_proof(line, verify_path, error);
  return throw(error, LANTAI_ERROR_INVALID, "没有命令 ocfl %s。用法：lantai ocfl verify 对象或存储根的目录…", line->arguments[0]);
}

static gboolean run_bag(const CommandLine *line, GError **error) {
  if (g_str_equal(line->arguments[0], "verify")) return run_proof(line, verify_bag, error);
  return throw(error, LANTAI_ERROR_INVALID, "没有命令 bag %s。用法：lantai bag verify 包的目录或压缩包…", line->arguments[0]);
}

const Command PROOF_COMMANDS[] = {
  {"ocfl", "verify 目录…", "按 OCFL 1.0/1.1 规范逐字节核对对象或存储根（任何程序写的）", NULL, 2, 100000, run_ocfl},
  {"bag", "verify 路径…", "按 BagIt 0.93—1.0 规范逐字节核对包（目录，或 zip、tar）", NULL, 2, 100000, run_bag},
  {NULL},
};
