/* Rules over a unit's files: declared facts against those found, digests and signatures, links, pages, formats, readability, images, viruses. */
#include "internal.h"
#include "json.h"
#include <string.h>

#define each_file(file, unit) for (const FileFacts *file = (unit)->files; file < (unit)->files + (unit)->file_count; file++)

static gboolean lists_only(Probe *probe, GError **error) {
  const char *key;
  json_t *value, *word;
  size_t i;
  json_object_foreach(probe->item->with, key, value) {
    if (!json_is_array(value)) return throw(error, LANTAI_ERROR_INVALID, "%s 应为列表", key);
    json_array_foreach(value, i, word)
      if (!json_is_string(word)) return throw(error, LANTAI_ERROR_INVALID, "%s 只能是文字", key);
  }
  return TRUE;
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static const char *shown_format(const FileFacts *file) {
  const char *name = facts_text(file, "format");
  return *name ? name : *facts_text(file, "mime") ? facts_text(file, "mime") : "未识别的格式";
}

/* ---- what was declared of a file against what it is (电子属性) ---- */

/* "JPEG", "image/jpeg", ".jpg" → "jpg". */
static char *plain_format(const char *text) {
  static const char *const same[][2] = {{"jpeg", "jpg"}, {"tiff", "tif"}, {"htm", "html"}, {"mpeg", "mpg"}, {"plain", "txt"}, {"text", "txt"}};
  const char *slash = strrchr(text, '/');
  g_autofree char *lower = g_ascii_strdown(slash ? slash + 1 : text, -1);
  char *bare = g_strstrip(lower);
  while (*bare == '.' || *bare == '*') bare++;
  for (guint i = 0; i < G_N_ELEMENTS(same); i++)
    if (g_str_equal(bare, same[i][0])) return g_strdup(same[i][1]);
  return g_strdup(bare);
}

static gboolean format_agrees(const FileFacts *file, const char *declared) {
  const char *dot = strrchr(last_part(file->path), '.');
  g_autofree char *wanted = plain_format(declared), *extension = plain_format(dot ? dot + 1 : ""), *mime = plain_format(facts_text(file, "mime"));
  g_autofree char *name = g_ascii_strdown(facts_text(file, "format"), -1), *lower = g_ascii_strdown(declared, -1);
  if (*wanted == '\0') return TRUE;
  if (g_str_equal(facts_text(file, "puid"), declared) || g_str_equal(wanted, mime) || g_str_equal(wanted, extension)) return TRUE;
  return strstr(name, wanted) || strstr(name, lower) || (*name && strstr(lower, name));
}

static void properties_unit(Probe *probe, const Unit *unit) {
  each_file(file, unit) {
    if (!facts_there(file)) continue;
    const char *name = json_string_value(json_object_get(file->declared, "name")), *format = json_string_value(json_object_get(file->declared, "format"));
    json_t *size = json_object_get(file->declared, "size");
    probe->checked++;
    if (name && *name && !g_str_equal(last_part(name), last_part(file->path))) probe_fault(probe, unit, file->path, "登记的文件名是“%s”", name);
    if (json_is_integer(size) && json_integer_value(size) != file->size_bytes)
      probe_fault(probe, unit, file->path, "登记的大小是 %" JSON_INTEGER_FORMAT " 字节，实际 %" G_GINT64_FORMAT " 字节", json_integer_value(size), file->size_bytes);
    if (file->size_bytes == 0 || file->examined == NULL) continue;
    if (json_is_false(json_object_get(file->examined, "name_fits"))) probe_fault(probe, unit, file->path, "扩展名与内容不符：内容是%s", shown_format(file));
    else if (format && !format_agrees(file, format)) probe_fault(probe, unit, file->path, "登记的格式是“%s”，实际是%s", format, shown_format(file));
  }
}

/* ---- digests and signatures (固化信息) ---- */

static void fixity_of_digests(Probe *probe, const Unit *unit, const FileFacts *file) {
  const char *algorithm;
  json_t *wanted;
  json_object_foreach(json_object_get(file->declared, "digest"), algorithm, wanted) {
    const char *found = json_string_value(json_object_get(file->digests, algorithm)), *hex = json_string_value(wanted);
    if (hex == NULL || *hex == '\0') continue;
    probe->checked++;
    if (file->digest_problem) probe_fault(probe, unit, file->path, "摘要没有算成：%s", file->digest_problem);
    else if (found == NULL) probe_pending(probe, unit, file->path, "登记的摘要算法 %s 本系统不能计算", algorithm);
    else if (g_ascii_strcasecmp(found, hex) != 0) probe_fault(probe, unit, file->path, "%s 摘要不符：登记 %.16s…，实际 %.16s…", algorithm, hex, found);
  }
}

static void fixity_of_signatures(Probe *probe, const Unit *unit, const FileFacts *file) {
  json_t *signature;
  size_t i;
  if (file->signature_problem) probe_pending(probe, unit, file->path, "不能读取签名：%s", file->signature_problem);
  json_array_foreach(file->signatures, i, signature) {
    const char *state = json_string_value(json_object_get(signature, "state")), *reason = json_string_value(json_object_get(signature, "reason"));
    const char *signer = json_string_value(json_object_get(signature, "signer"));
    probe->checked++;
    if (g_strcmp0(state, "invalid") == 0)
      probe_fault(probe, unit, file->path, "签名或印章无效%s%s：%s", signer ? "，签名人 " : "", signer ? signer : "", reason ? reason : "原因不明");
    else if (g_strcmp0(state, "valid") != 0) probe_pending(probe, unit, file->path, "签名或印章不能验证：%s", reason ? reason : "原因不明");
  }
}

static void fixity_unit(Probe *probe, const Unit *unit) {
  each_file(file, unit) {
    if (!facts_there(file)) continue;
    fixity_of_digests(probe, unit, file);
    fixity_of_signatures(probe, unit, file);
  }
}

static void fixity_end(Probe *probe) {
  json_t *entry;
  size_t i;
  json_array_foreach(run_structure(probe->run), i, entry) {
    if (g_strcmp0(json_string_value(json_object_get(entry, "aspect")), "signature") != 0) continue;
    const char *path = json_string_value(json_object_get(entry, "path")), *reason = json_string_value(json_object_get(entry, "reason"));
    probe->checked++;
    if (g_strcmp0(json_string_value(json_object_get(entry, "state")), "unverifiable") == 0) probe_pending(probe, NULL, path, "%s", reason ? reason : "");
    else probe_fault(probe, NULL, path, "%s", reason ? reason : "");
  }
  if (probe->checked == 0) probe_explain(probe, "没有登记数字摘要，文件中也没有签名、印章");
}

/* ---- links ---- */

static void linked_unit(Probe *probe, const Unit *unit) {
  gboolean any = FALSE;
  if (!record_is_item(unit->record)) return;
  probe->checked++;
  each_file(file, unit) {
    any |= !facts_attachment(file);
    if (!facts_there(file) && !facts_attachment(file)) probe_fault(probe, unit, file->path, "著录的电子文件不在");
  }
  if (!any) probe_fault(probe, unit, NULL, "条目没有对应的电子文件");
}

static void linked_end(Probe *probe) {
  if (run_files(probe->run) || probe->checked == 0 || probe_with(probe, "kept")) return; /* what is kept must be there: that all of it is gone is no excuse */
  probe_withdraw(probe);
  probe_skip(probe, "一个电子文件也没有，只有目录。如果本来只移交目录，请人工确认");
}

static void missing_unit(Probe *probe, const Unit *unit) {
  if (run_structure(probe->run) == NULL) return;
  each_file(file, unit) {
    probe->checked++;
    if (!facts_there(file)) probe_fault(probe, unit, file->path, "信息包中没有这个文件");
  }
}

/* ---- whole contents: not empty, pages as declared; attachments ---- */

/* Pages that stand still: of images, PDF and OFD; a text has as many as it is printed with. -1: not known. */
static gint64 fixed_pages(const FileFacts *file) {
  const char *kind = facts_text(file, "kind");
  gboolean fixed = g_str_equal(kind, "image") || g_str_equal(kind, "pdf") || g_str_equal(facts_text(file, "mime"), "application/ofd");
  return fixed ? facts_number(file, "pages") : -1;
}

static gint64 pages_of(const Unit *unit) {
  gint64 sum = 0;
  each_file(file, unit) {
    gint64 pages = fixed_pages(file);
    if (facts_attachment(file)) continue;
    if (pages < 0 || !facts_there(file)) return -1;
    sum += pages;
  }
  return sum;
}

static void content_unit(Probe *probe, const Unit *unit) {
  gint64 declared = record_number(unit->record, "page_count"), found = pages_of(unit);
  gboolean any = FALSE;
  each_file(file, unit) {
    json_t *pages = json_object_get(file->declared, "pages");
    gint64 own = fixed_pages(file);
    if (!facts_there(file)) continue;
    any = TRUE;
    if (file->size_bytes == 0) probe_fault(probe, unit, file->path, "文件是空的");
    else if (json_is_integer(pages) && json_integer_value(pages) > 0 && own >= 0 && own != json_integer_value(pages))
      probe_fault(probe, unit, file->path, "登记 %d 页，实际 %d 页", (int)json_integer_value(pages), (int)own);
  }
  probe->checked += any;
  if (any && declared > 0 && found > 0 && declared != found) probe_fault(probe, unit, NULL, "著录 %d 页，文件合计 %d 页", (int)declared, (int)found);
}

static void attachments_unit(Probe *probe, const Unit *unit) {
  static const char *const none[] = {"", "无", "没有", "否", "0", NULL};
  json_t *named = json_object_get(json_object_get(unit->record, "fields"), "fj");
  gsize attachments = 0;
  each_file(file, unit) {
    if (!facts_attachment(file)) continue;
    attachments++;
    probe->checked++;
    if (!facts_there(file)) probe_fault(probe, unit, file->path, "附件不在");
    else if (file->size_bytes == 0) probe_fault(probe, unit, file->path, "附件是空的");
  }
  if (!json_is_string(named) || g_strv_contains(none, json_string_value(named)) || attachments) return;
  probe->checked++;
  if (unit->file_count == 1) probe_fault(probe, unit, NULL, "著录有附件“%s”，却只有一个文件", json_string_value(named));
}

/* ---- formats ---- */

static void formats_unit(Probe *probe, const Unit *unit) {
  each_file(file, unit) {
    if (!facts_there(file) || file->size_bytes == 0) continue;
    const char *mime = facts_text(file, "mime"), *reason = facts_unknown(file, "mime");
    probe->checked++;
    if (json_lists(probe_with(probe, "formats"), mime) || json_lists(probe_with(probe, "puids"), facts_text(file, "puid"))) continue;
    if (*mime == '\0') probe_pending(probe, unit, file->path, "格式没有认出：%s", reason ? reason : "原因不明");
    else probe_fault(probe, unit, file->path, "%s不是允许接收的格式", shown_format(file));
  }
}

/* Formats that the policy watches or has given up. */
static void risk_unit(Probe *probe, const Unit *unit) {
  each_file(file, unit) {
    const char *mime = facts_text(file, "mime"), *puid = facts_text(file, "puid");
    if (!facts_there(file) || file->size_bytes == 0) continue;
    probe->checked++;
    if (*mime == '\0') probe_pending(probe, unit, file->path, "格式没有认出：%s", facts_unknown(file, "mime") ? facts_unknown(file, "mime") : "原因不明");
    else if (json_lists(probe_with(probe, "formats"), mime) || json_lists(probe_with(probe, "puids"), puid))
      probe_fault(probe, unit, file->path, "%s有过时、不能再打开的风险，请安排转换", shown_format(file));
  }
}

static void readable_unit(Probe *probe, const Unit *unit) {
  each_file(file, unit) {
    json_t *opens = json_object_get(file->examined, "opens");
    const char *problem = facts_text(file, "problem"), *unknown = facts_unknown(file, "opens");
    if (!facts_there(file) || file->size_bytes == 0 || json_is_true(json_object_get(file->examined, "encrypted"))) continue;
    probe->checked++;
    if (json_is_false(opens)) probe_fault(probe, unit, file->path, "打不开：%s", *problem ? problem : "原因不明");
    else if (!json_is_true(opens)) probe_pending(probe, unit, file->path, "程序不能打开核验（%s）：%s", shown_format(file), unknown ? unknown : "请人工打开");
  }
}

/* Encrypted, packed, or leaning on what lies outside. */
static void sealed_unit(Probe *probe, const Unit *unit) {
  each_file(file, unit) {
    if (!facts_there(file) || file->size_bytes == 0) continue;
    const char *mime = facts_text(file, "mime");
    probe->checked++;
    if (json_is_true(json_object_get(file->examined, "encrypted")) || json_is_true(json_object_get(json_object_get(file->examined, "ofd"), "encrypted")))
      probe_fault(probe, unit, file->path, "文件加密或有口令，应解密后移交");
    else if (json_lists(probe_with(probe, "packed"), mime)) probe_fault(probe, unit, file->path, "%s，应解压后移交", shown_format(file));
    else if (json_is_true(json_object_get(file->examined, "external"))) probe_fault(probe, unit, file->path, "引用外部资源或含有脚本，离开原环境就不完整");
    else if (*mime == '\0') probe_pending(probe, unit, file->path, "格式没有认出，不知道是否加密");
  }
}

/* ---- images of digitised paper (DA/T 31-2017, 9.3 to 9.5) ---- */

static gboolean image_begin(Probe *probe, GError **error) {
  gint64 number;
  const char *const lists[] = {"colours", "compressions", "except"};
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    if (probe_with(probe, lists[i]) && !json_is_array(probe_with(probe, lists[i]))) return throw(error, LANTAI_ERROR_INVALID, "%s 应为列表", lists[i]);
  return probe_number(probe, "dpi", 200, &number, error) && probe_number(probe, "pixels", 0, &number, error);
}

static void one_image(Probe *probe, const Unit *unit, const FileFacts *file) {
  gint64 dpi = facts_number(file, "dpi"), width = facts_number(file, "width"), height = facts_number(file, "height"), least = 200, pixels = 0;
  const char *colour = facts_text(file, "colour"), *compression = facts_text(file, "compression");
  probe_number(probe, "dpi", 200, &least, NULL);
  probe_number(probe, "pixels", 0, &pixels, NULL);
  probe->checked++;
  if (dpi > 0 && dpi < least) probe_fault(probe, unit, file->path, "分辨率 %d dpi，低于 %d dpi", (int)dpi, (int)least);
  else if (dpi <= 0) probe_pending(probe, unit, file->path, "图像没有注明分辨率");
  if (width > 0 && height > 0 && MIN(width, height) < pixels)
    probe_fault(probe, unit, file->path, "图像只有 %d × %d 像素，短边应有 %d 像素", (int)width, (int)height, (int)pixels);
  if (*colour && probe_with(probe, "colours") && !json_lists(probe_with(probe, "colours"), colour)) probe_fault(probe, unit, file->path, "色彩模式 %s 不合规定", colour);
  if (*compression && probe_with(probe, "compressions") && !json_lists(probe_with(probe, "compressions"), compression))
    probe_fault(probe, unit, file->path, "压缩方式 %s 不合规定", compression);
}

static void image_unit(Probe *probe, const Unit *unit) {
  if (json_lists(probe_with(probe, "except"), run_category_code(probe->run, unit->record))) return;
  each_file(file, unit)
    if (facts_there(file) && g_str_equal(facts_text(file, "kind"), "image")) one_image(probe, unit, file);
}

/* ---- viruses ---- */

static void virus_unit(Probe *probe, const Unit *unit) {
  const char *reason;
  gboolean there = run_scanner(probe->run, &reason) != NULL;
  each_file(file, unit) {
    if (!facts_there(file)) continue;
    probe->checked++;
    if (!there) continue;
    if (file->virus == FORMAT_VIRUS_FOUND) probe_fault(probe, unit, file->path, "感染病毒：%s", file->virus_detail ? file->virus_detail : "名称不明");
    else if (file->virus == FORMAT_VIRUS_UNKNOWN) probe_pending(probe, unit, file->path, "没有检测成：%s", file->virus_detail ? file->virus_detail : "原因不明");
  }
}

static void virus_end(Probe *probe) {
  const char *reason;
  if (probe->checked && run_scanner(probe->run, &reason) == NULL) probe_skip(probe, "%s", reason);
}

static const char *const LINKED[] = {"kept", NULL};
static const char *const FORMATS[] = {"formats", "puids", NULL}, *const SEALED[] = {"packed", NULL};
static const char *const IMAGE[] = {"dpi", "pixels", "colours", "compressions", "except", NULL};

const Rule RULES_FILE[] = {
  {"properties", NULL, NEED_EXAMINE, NULL, properties_unit},
  {"fixity", NULL, NEED_DIGEST | NEED_SIGNATURE, NULL, fixity_unit, .end = fixity_end},
  {"linked", LINKED, 0, NULL, linked_unit, .end = linked_end},
  {"missing", NULL, 0, NULL, missing_unit},
  {"content", NULL, NEED_EXAMINE, NULL, content_unit},
  {"attachments", NULL, 0, NULL, attachments_unit},
  {"formats", FORMATS, NEED_EXAMINE, lists_only, formats_unit},
  {"risk", FORMATS, NEED_EXAMINE, lists_only, risk_unit},
  {"readable", NULL, NEED_EXAMINE, NULL, readable_unit},
  {"sealed", SEALED, NEED_EXAMINE, lists_only, sealed_unit},
  {"image", IMAGE, NEED_EXAMINE, image_begin, image_unit},
  {"virus", NULL, NEED_VIRUS, NULL, virus_unit, .end = virus_end},
  {NULL},
};
