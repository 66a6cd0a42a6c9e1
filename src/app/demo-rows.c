/*
 * The catalogues of the demonstration archive, written as the bodies would hand them over: CSV in UTF-8 or GB18030, Chinese or pinyin headers,
 * codes of several generations.
 * Everything is drawn from DemoRandom seeded by the delivery, so every making gives the same bytes.
 */
#include "demo.h"
#include "error.h"
#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  const DemoWords *words;
  DemoRandom random;
  DemoDelivery *delivery;
  GString *csv;
  int left, documents_left, every; /* rows and documents still to make; a document every so many rows */
  json_t *further; /* borrowed: columns beside those written here, [[header, pattern], …]; NULL: none */
  DemoRow row;
} Maker;

void demo_document_free(DemoDocument *document) {
  g_free(document->code);
  g_free(document->title);
  g_free(document->creator);
  g_free(document->docno);
  g_free(document->date);
  g_free(document->number);
  g_free(document->folder);
  g_ptr_array_unref(document->lines);
  g_free(document);
}

void demo_delivery_free(DemoDelivery *delivery) {
  g_free(delivery->name);
  g_free(delivery->path);
  g_free(delivery->files);
  g_free(delivery->fonds);
  g_free(delivery->fonds_title);
  g_free(delivery->category);
  g_free(delivery->body);
  g_ptr_array_unref(delivery->documents);
  g_free(delivery);
}

/* ---- CSV ---- */

static void append_cell(GString *csv, const char *value) {
  if (csv->len && csv->str[csv->len - 1] != '\n') g_string_append_c(csv, ',');
  if (strpbrk(value, ",\"\n") == NULL) {
    g_string_append(csv, value);
    return;
  }
  g_string_append_c(csv, '"');
  for (const char *at = value; *at; at++) g_string_append_len(csv, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
  g_string_append_c(csv, '"');
}

static void append_row(Maker *maker, const char *const *cells) {
  gsize begin = maker->csv->len;
  gboolean heading = begin == 0;
  for (; *cells; cells++) {
    if (maker->csv->len == begin && **cells == '\0') {
      g_string_append(maker->csv, "\"\"");
      continue;
    }
    append_cell(maker->csv, *cells);
  }
  if (maker->further != NULL && !heading) demo_row_columns(&maker->row, maker->further);
  size_t i;
  json_t *column;
  json_array_foreach(maker->further, i, column) {
    const char *header = json_string_value(json_array_get(column, 0));
    append_cell(maker->csv, heading ? header : json_string_value(json_object_get(maker->row.values, header)));
  }
  maker->row.serial++;
  g_string_append_c(maker->csv, '\n');
}
#define ROW(maker, ...) append_row((maker), (const char *const[]){__VA_ARGS__, NULL})

static gboolean write_table(Maker *maker, gboolean gb18030, GError **error) {
  g_autofree char *converted = NULL;
  gsize length = maker->csv->len;
  if (gb18030) converted = g_convert(maker->csv->str, (gssize)maker->csv->len, "GB18030", "UTF-8", NULL, &length, error);
  if (gb18030 && converted == NULL) return FALSE;
  return g_file_set_contents(maker->delivery->path, converted ? converted : maker->csv->str, (gssize)length, error);
}

/* ---- one delivery ---- */

static gboolean begin(Maker *maker, const DemoWords *words, const char *folder, guint64 seed, DemoDelivery *delivery, GError **error) {
  memset(maker, 0, sizeof *maker);
  maker->words = words;
  maker->random.state = seed * G_GUINT64_CONSTANT(0x2545F4914F6CDD1D) + 1949;
  maker->delivery = delivery;
  maker->csv = g_string_new(NULL);
  g_autofree char *own = g_strdup_printf("%s/%03" G_GUINT64_FORMAT, folder, seed);
  delivery->path = g_strdup_printf("%s/%s.csv", own, delivery->name);
  delivery->files = g_strdup_printf("%s/files", own);
  delivery->documents = g_ptr_array_new_with_free_func((GDestroyNotify)demo_document_free);
  return g_mkdir_with_parents(delivery->files, 0755) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", delivery->files, error_reason(errno));
}

static void set_sizes(Maker *maker, int rows, int documents) {
  maker->left = maker->delivery->rows = rows;
  maker->documents_left = documents;
  maker->every = documents ? MAX(1, rows / documents) : 0;
}

/* TRUE when the row just made should have a document. */
static gboolean wants_document(Maker *maker) {
  if (maker->documents_left == 0 || maker->left > maker->documents_left * maker->every) return FALSE;
  maker->documents_left--;
  return TRUE;
}

static DemoDocument *add_document(Maker *maker, DemoKind kind, DemoForm form, const char *code, const char *title) {
  DemoDocument *document = g_new0(DemoDocument, 1);
  *document = (DemoDocument){.kind = kind,
    .form = form,
    .code = g_strdup(code),
    .title = g_strdup(title),
    .creator = g_strdup(""),
    .docno = g_strdup(""),
    .date = g_strdup(""),
    .number = g_strdup("1"),
    .lines = g_ptr_array_new_with_free_func(g_free),
    .folder = g_strdup(maker->delivery->files),
    .seed = demo_next(&maker->random)};
  g_ptr_array_add(maker->delivery->documents, document);
  return document;
}

static void add_line(DemoDocument *document, const char *label, const char *value) {
  g_ptr_array_add(document->lines, g_strdup_printf("%s\t%s", label, value));
}

static const char *opening_of(Maker *maker, int year) {
  if (year == 0 || year > 1998) return "";
  int draw = demo_below(&maker->random, 100);
  return draw < 72 ? "开放" : draw < 90 ? "控制" : draw < 96 ? "延期开放" : "";
}

static const char *security_of(Maker *maker, int year) {
  int draw = demo_below(&maker->random, 1000);
  if (draw < 12) return "内部";
  return draw < 16 && year > 1960 ? "秘密" : "";
}

/* ---- 文书 ---- */

static const char *topic_pattern(Maker *maker, const char *domain, int year) {
  json_t *list = json_object_get(demo_words_get(maker->words, "domains"), domain);
  if (demo_chance(&maker->random, 45)) {
    size_t i;
    json_t *time;
    json_array_foreach(demo_words_get(maker->words, "times"), i, time) if (json_integer_value(json_object_get(time, "from")) <= year &&
      year <= json_integer_value(json_object_get(time, "to"))) list = json_object_get(time, "topics");
  }
  return json_string_value(json_array_get(list, (size_t)demo_below(&maker->random, (int)json_array_size(list))));
}

static const char *type_of(Maker *maker) {
  json_t *types = demo_words_get(maker->words, "types");
  int draw = demo_below(&maker->random, 100);
  size_t i;
  json_t *type;
  json_array_foreach(types, i, type) {
    draw -= (int)json_integer_value(json_object_get(type, "weight"));
    if (draw < 0) return json_string_value(json_object_get(type, "title"));
  }
  return "通知";
}

typedef struct {
  char *title, *topic, *docno, *date, *pages;
  const char *type;
} Paper;

static void paper_clear(Paper *paper) {
  g_free(paper->title);
  g_free(paper->topic);
  g_free(paper->docno);
  g_free(paper->date);
  g_free(paper->pages);
}

static Paper make_paper(Maker *maker, json_t *body, int year, int serial) {
  Paper paper = {0};
  paper.topic = demo_fill(maker->words, &maker->random, topic_pattern(maker, json_string_value(json_object_get(body, "domain")), year), year, NULL);
  paper.type = type_of(maker);
  const char *creator = json_string_value(json_object_get(body, "title"));
  if (g_str_equal(paper.type, "会议纪要"))
    paper.title = g_strdup_printf("%s%d年第%d次办公会议纪要（研究%s）", creator, year, demo_between(&maker->random, 1, 24), paper.topic);
  else paper.title = g_strdup_printf("%s关于%s的%s", demo_chance(&maker->random, 70) ? creator : "", paper.topic, paper.type);
  const char *word = json_string_value(json_object_get(body, "word"));
  paper.docno = demo_chance(&maker->random, 88)
    ? year < 1980 ? g_strdup_printf("（%02d）%s字第%d号", year % 100, word, serial) : g_strdup_printf("%s〔%d〕%d号", word, year, serial)
    : g_strdup("");
  int month = demo_between(&maker->random, 1, 12), day = demo_between(&maker->random, 1, 28);
  int form = demo_below(&maker->random, 100);
  paper.date = form < 90 ? g_strdup_printf("%04d%02d%02d", year, month, day) : form < 97 ? g_strdup_printf("%04d%02d", year, month) : g_strdup("");
  paper.pages = g_strdup_printf("%d", demo_between(&maker->random, 1, 18));
  return paper;
}

static void describe_paper(Maker *maker, Paper *paper, json_t *body, const char *code, int year) {
  static const DemoForm forms[] = {DEMO_IMAGES, DEMO_PDF, DEMO_IMAGES, DEMO_PDF, DEMO_IMAGES, DEMO_PDF, DEMO_IMAGES, DEMO_PDF, DEMO_IMAGES, DEMO_TEXT};
  DemoDocument *document = add_document(maker, DEMO_PAPER, forms[maker->delivery->documents->len % G_N_ELEMENTS(forms)], code, paper->title);
  g_free(document->creator);
  g_free(document->docno);
  g_free(document->date);
  document->creator = g_strdup(json_string_value(json_object_get(body, "title")));
  document->docno = g_strdup(paper->docno);
  document->date = strlen(paper->date) == 8
    ? g_strdup_printf("%.4s年%d月%d日", paper->date, (paper->date[4] - '0') * 10 + paper->date[5] - '0', (paper->date[6] - '0') * 10 + paper->date[7] - '0')
    : g_strdup_printf("%d年", year);
  g_autofree char *to = g_strdup_printf("各乡镇人民政府、街道办事处，%s，市直各单位：", demo_word(maker->words, &maker->random, "works"));
  g_ptr_array_add(document->lines, g_strdup(to));
  int paragraphs = demo_between(&maker->random, 4, 9);
  for (int i = 0; i < paragraphs; i++)
    g_ptr_array_add(document->lines, demo_fill(maker->words, &maker->random, demo_word(maker->words, &maker->random, "sentences"), year, paper->topic));
  g_ptr_array_add(document->lines, g_strdup(demo_word(maker->words, &maker->random, "closing")));
  g_free(paper->pages);
  paper->pages = g_strdup_printf("%d", demo_document_pages(document));
}

static void paper_row(Maker *maker, json_t *body, const char *level, const char *code, const char *title, const Paper *paper, int year, const char *retention) {
  g_autofree char *year_text = g_strdup_printf("%d", year);
  ROW(maker, level, code, title, json_string_value(json_object_get(body, "title")), paper ? paper->docno : "", paper ? paper->date : "", year_text, retention,
    paper ? security_of(maker, year) : "", paper ? paper->pages : "", opening_of(maker, year));
  maker->left--;
}

/* 1949–1999 by volume: 全宗号-目录号-案卷号-件号; the volume's own row first. */
static void papers_by_volume(Maker *maker, json_t *body, int until) {
  static const char *const retentions[] = {"永久", "长期", "短期"};
  const char *fonds = json_string_value(json_object_get(body, "code"));
  int volume = 0;
  while (maker->left > until) {
    int share = maker->delivery->rows - until, done = maker->delivery->rows - maker->left, year = 1949 + done * 51 / MAX(share, 1);
    const char *retention = retentions[MIN(demo_below(&maker->random, 4), 2)];
    g_autofree char *code = g_strdup_printf("%s-%d-%d", fonds, 1 + (year - 1949) / 17, ++volume);
    g_autofree char *topic = demo_fill(
      maker->words, &maker->random, topic_pattern(maker, json_string_value(json_object_get(body, "domain")), year), year, NULL);
    g_autofree char *title = g_strdup_printf("%s%d年关于%s的文件材料", json_string_value(json_object_get(body, "title")), year, topic);
    paper_row(maker, body, "案卷", code, title, NULL, year, retention);
    int items = demo_between(&maker->random, 6, 16);
    for (int item = 1; item <= items && maker->left > until; item++) {
      Paper paper = make_paper(maker, body, year, volume * 3 + item);
      g_autofree char *item_code = g_strdup_printf("%s-%d", code, item);
      if (wants_document(maker)) describe_paper(maker, &paper, body, item_code, year);
      paper_row(maker, body, "文件", item_code, paper.title, &paper, year, retention);
      paper_clear(&paper);
    }
  }
}

/* 2000–2023 by piece: DA/T 22 全宗号-门类·年度-保管期限-机构-件号. */
static void papers_by_piece(Maker *maker, json_t *body) {
  static const char *const retentions[] = {"永久", "30年", "10年"}, *const short_forms[] = {"Y", "D30", "D10"};
  json_t *departments = demo_words_get(maker->words, "departments");
  int share = maker->left, serials[3] = {0}, last_year = 0;
  while (maker->left > 0) {
    int year = 2000 + (share - maker->left) * 24 / MAX(share, 1), term = demo_below(&maker->random, 3);
    if (year != last_year) memset(serials, 0, sizeof serials);
    maker->row.year = last_year = year;
    const char *department = json_string_value(
      json_object_get(json_array_get(departments, (size_t)demo_below(&maker->random, (int)json_array_size(departments))), "code"));
    Paper paper = make_paper(maker, body, year, demo_between(&maker->random, 1, 240));
    g_autofree char *code = g_strdup_printf(
      "%s-WS·%d-%s-%s-%04d", json_string_value(json_object_get(body, "code")), year, short_forms[term], department, ++serials[term]);
    if (wants_document(maker)) describe_paper(maker, &paper, body, code, year);
    paper_row(maker, body, "文件", code, paper.title, &paper, year, retentions[term]);
    paper_clear(&paper);
  }
}

static void fill_papers(Maker *maker, json_t *body, int style) {
  if (style == 1) ROW(maker, "CJ", "DH", "TM", "ZRZ", "WH", "RQ", "ND", "BGQX", "MJ", "YS", "KFZT");
  else if (style == 2) ROW(maker, "著录层级", "档号", "文件题名", "责任者", "文件编号", "形成日期", "年度", "保管期限", "密级", "页数", "开放标识");
  else ROW(maker, "层级", "档号", "题名", "责任者", "文号", "日期", "年度", "保管期限", "密级", "页数", "开放状态");
  papers_by_volume(maker, body, maker->left / 2);
  papers_by_piece(maker, body);
}

/* ---- people, land, photographs ---- */

static void fill_marriages(Maker *maker) {
  static const char *const states[] = {"结婚", "结婚", "结婚", "结婚", "结婚", "离婚", "补领"};
  ROW(maker, "档号", "男方姓名", "女方姓名", "婚姻状态", "登记日期", "登记机关", "证书编号", "年度", "保管期限", "页数", "开放标识");
  int serial = 0, last_year = 0, total = maker->left;
  while (maker->left > 0) {
    int year = 1950 + (total - maker->left) * 74 / total;
    serial = year == last_year ? serial + 1 : 1;
    maker->row.year = last_year = year;
    g_autofree char *man = demo_person(maker->words, &maker->random, 0), *woman = demo_person(maker->words, &maker->random, 1);
    const char *state = year < 1980 ? "结婚" : states[demo_below(&maker->random, G_N_ELEMENTS(states))];
    g_autofree char *code = g_strdup_printf("B003-HY·%d-Y-%05d", year, serial);
    g_autofree char *date = g_strdup_printf("%04d%02d%02d", year, demo_between(&maker->random, 1, 12), demo_between(&maker->random, 1, 28));
    g_autofree char *office = year < 1996 ? g_strdup_printf("%s人民政府", demo_word(maker->words, &maker->random, "places"))
                                          : g_strdup("临江市民政局婚姻登记处");
    g_autofree char *number = g_strdup_printf("临%s字第%d-%05d号", g_str_equal(state, "离婚") ? "离" : "结", year, serial),
                    *year_text = g_strdup_printf("%d", year);
    if (wants_document(maker)) {
      g_autofree char *title = g_strdup_printf("%s登记申请书", state);
      DemoDocument *document = add_document(maker, DEMO_MARRIAGE, DEMO_IMAGES, code, title);
      add_line(document, "男方姓名", man);
      add_line(document, "女方姓名", woman);
      add_line(document, "登记日期", date);
      add_line(document, "登记机关", office);
      add_line(document, "证书编号", number);
    }
    ROW(maker, code, man, woman, state, date, office, number, year_text, "永久", "1", "控制");
    maker->left--;
  }
}

static void fill_youths(Maker *maker) {
  ROW(maker, "DH", "XM", "XB", "XX", "XXSJ", "XXDD", "ND", "BGQX", "YS", "KFZT");
  int serial = 0, last_year = 0, total = maker->left;
  while (maker->left > 0) {
    int year = 1964 + (total - maker->left) * 16 / total, sex = demo_below(&maker->random, 2);
    serial = year == last_year ? serial + 1 : 1;
    maker->row.year = last_year = year;
    g_autofree char *name = demo_person(maker->words, &maker->random, sex), *code = g_strdup_printf("C020-ZQ·%d-Y-%04d", year, serial);
    g_autofree char *place = g_strdup_printf(
      "%s%s大队", demo_word(maker->words, &maker->random, "places"), demo_word(maker->words, &maker->random, "villages"));
    g_autofree char *date = g_strdup_printf("%04d%02d", year, demo_between(&maker->random, 1, 12)), *year_text = g_strdup_printf("%d", year);
    const char *school = demo_word(maker->words, &maker->random, "schools");
    if (wants_document(maker)) {
      DemoDocument *document = add_document(maker, DEMO_YOUTH, DEMO_IMAGES, code, "知识青年上山下乡登记表");
      add_line(document, "姓名", name);
      add_line(document, "性别", sex ? "女" : "男");
      add_line(document, "毕业学校", school);
      add_line(document, "下乡时间", date);
      add_line(document, "下乡地点", place);
    }
    ROW(maker, code, name, sex ? "女" : "男", school, date, place, year_text, "永久", "1", demo_chance(&maker->random, 60) ? "开放" : "控制");
    maker->left--;
  }
}

static void fill_retirees(Maker *maker, json_t *body) {
  ROW(maker, "层级", "档号", "姓名", "性别", "出生日期", "身份证号", "工作单位", "退休时间", "企业级别", "保管期限", "开放标识");
  for (int serial = 1; maker->left > 0; serial++, maker->left--) {
    int sex = demo_below(&maker->random, 2), born = demo_between(&maker->random, 1930, 1963), month = demo_between(&maker->random, 1, 12),
        day = demo_between(&maker->random, 1, 28);
    g_autofree char *name = demo_person(maker->words, &maker->random, sex),
                    *code = g_strdup_printf("%s-TX-%04d", json_string_value(json_object_get(body, "code")), serial);
    g_autofree char *birth = g_strdup_printf("%04d%02d%02d", born, month, day), *retired = g_strdup_printf("%04d年%d月", born + (sex ? 50 : 60), month);
    g_autofree char *identity = g_strdup_printf("429900%s%03d%d", birth, demo_below(&maker->random, 1000), demo_below(&maker->random, 10));
    const char *unit = json_string_value(json_object_get(body, "title"));
    if (wants_document(maker)) {
      DemoDocument *document = add_document(maker, DEMO_RETIREE, DEMO_PDF, code, "职工退休审批表");
      add_line(document, "姓名", name);
      add_line(document, "性别", sex ? "女" : "男");
      add_line(document, "出生日期", birth);
      add_line(document, "工作单位", unit);
      add_line(document, "退休时间", retired);
    }
    ROW(maker, "案卷", code, name, sex ? "女" : "男", birth, identity, unit, retired, json_string_value(json_object_get(body, "level")), "永久", "控制");
  }
}

static void fill_lands(Maker *maker) {
  ROW(maker, "档号", "题名", "权利人姓名", "地块编号", "地块面积", "位置", "证书编号", "日期", "年度", "保管期限", "页数", "开放标识");
  int serial = 0, last_year = 0, total = maker->left;
  while (maker->left > 0) {
    int year = 1988 + (total - maker->left) * 34 / total;
    serial = year == last_year ? serial + 1 : 1;
    maker->row.year = last_year = year;
    g_autofree char *owner = demo_chance(&maker->random, 25) ? g_strdup_printf("临江市%s", demo_word(maker->words, &maker->random, "works"))
                                                             : demo_person(maker->words, &maker->random, 2);
    g_autofree char *code = g_strdup_printf("B006-TD·%d-Y-%04d", year, serial),
                    *parcel = g_strdup_printf("LJ%02d-%03d-%04d", demo_between(&maker->random, 1, 24), demo_between(&maker->random, 1, 180), serial);
    g_autofree char *place = g_strdup_printf(
      "%s%s%d号", demo_word(maker->words, &maker->random, "places"), demo_word(maker->words, &maker->random, "streets"), demo_between(&maker->random, 1, 320));
    g_autofree char *title = g_strdup_printf("%s国有土地使用权登记（%s）", owner, place),
                    *area = g_strdup_printf("%d.%02d", demo_between(&maker->random, 60, 8000), demo_below(&maker->random, 100));
    g_autofree char *number = g_strdup_printf("临国用（%d）第%04d号", year, serial),
                    *date = g_strdup_printf("%04d-%02d-%02d", year, demo_between(&maker->random, 1, 12), demo_between(&maker->random, 1, 28));
    g_autofree char *year_text = g_strdup_printf("%d", year);
    if (wants_document(maker)) {
      DemoDocument *document = add_document(maker, DEMO_LAND, DEMO_PDF, code, "国有土地使用证");
      add_line(document, "土地使用者", owner);
      add_line(document, "座落", place);
      add_line(document, "地号", parcel);
      add_line(document, "使用权面积（平方米）", area);
      add_line(document, "证书编号", number);
      add_line(document, "发证日期", date);
    }
    ROW(maker, code, title, owner, parcel, area, place, number, date, year_text, "永久", "2", year < 1999 && demo_chance(&maker->random, 50) ? "开放" : "");
    maker->left--;
  }
}

static void fill_photos(Maker *maker) {
  ROW(maker, "档号", "题名", "摄影者", "拍摄时间", "拍摄地点", "年度", "保管期限", "开放标识");
  int serial = 0, last_year = 0, total = maker->left;
  while (maker->left > 0) {
    int year = 1955 + (total - maker->left) * 68 / total;
    serial = year == last_year ? serial + 1 : 1;
    maker->row.year = last_year = year;
    g_autofree char *topic = demo_fill(maker->words, &maker->random, topic_pattern(maker, "culture", year), year, NULL),
                    *photographer = demo_person(maker->words, &maker->random, 2);
    const char *place = demo_word(maker->words, &maker->random, "places");
    g_autofree char *title = g_strdup_printf("%s%s现场照片", place, topic), *code = g_strdup_printf("A012-ZP·%d·Y-%04d", year, serial);
    g_autofree char *date = g_strdup_printf("%04d%02d%02d", year, demo_between(&maker->random, 1, 12), demo_between(&maker->random, 1, 28)),
                    *year_text = g_strdup_printf("%d", year);
    if (wants_document(maker)) {
      DemoDocument *document = add_document(maker, DEMO_PHOTO, DEMO_IMAGES, code, title);
      add_line(document, "拍摄时间", date);
      add_line(document, "摄影者", photographer);
    }
    ROW(maker, code, title, photographer, date, place, year_text, "永久", year < 1999 || demo_chance(&maker->random, 60) ? "开放" : "");
    maker->left--;
  }
}

/* ---- what came lately ---- */

static DemoDocument *recent_document(Maker *maker, const DemoRecent *recent, DemoKind kind, const char *code, const char *title) {
  if (recent->missing && recent->missing == maker->delivery->rows - maker->left + 1) return NULL;
  return add_document(maker, kind, recent->form, code, title);
}

static void recent_papers(Maker *maker, const DemoRecent *recent, json_t *body) {
  ROW(maker, "层级", "全宗号", "档号", "题名", "责任者", "文号", "日期", "年度", "保管期限", "密级", "页数", "开放状态");
  for (int serial = 1; maker->left > 0; maker->left--, serial++) {
    Paper paper = make_paper(maker, body, recent->year, serial);
    if (recent->topic) {
      g_free(paper.title);
      paper.title = g_strdup_printf("%s关于%s的%s（%d）", recent->fonds_title, recent->topic, paper.type, serial);
      g_free(paper.topic);
      paper.topic = g_strdup(recent->topic);
    }
    g_free(paper.date);
    paper.date = g_strdup_printf("%d%02d%02d", recent->year, demo_between(&maker->random, 1, 12), demo_between(&maker->random, 1, 28));
    g_autofree char *code = g_strdup_printf("%s-WS·%d-%s-BGS-%04d", recent->fonds, recent->year, recent->short_lived ? "D10" : "Y", serial);
    g_autofree char *year = g_strdup_printf("%d", recent->year);
    guint before = maker->delivery->documents->len;
    describe_paper(maker, &paper, body, code, recent->year);
    DemoDocument *document = g_ptr_array_index(maker->delivery->documents, before);
    document->form = recent->form;
    if (recent->missing == serial) g_ptr_array_set_size(maker->delivery->documents, (int)before);
    ROW(maker, "文件", recent->fonds, code, paper.title, recent->fonds_title, paper.docno, paper.date, year, recent->short_lived ? "10年" : "永久", "", paper.pages, "控制");
    paper_clear(&paper);
  }
}

static void recent_photos(Maker *maker, const DemoRecent *recent, json_t *body) {
  static const char *const scenes[] = {"群众转移安置", "堤防巡查", "抢险队伍集结", "物资发放", "灾后清淤", "慰问受灾群众"};
  ROW(maker, "全宗号", "档号", "题名", "责任者", "摄影者", "拍摄时间", "拍摄地点", "人物", "画面说明", "年度", "保管期限", "开放标识");
  for (int serial = 1; maker->left > 0; maker->left--, serial++) {
    const char *place = demo_word(maker->words, &maker->random, "places"), *scene = scenes[(serial - 1) % (int)G_N_ELEMENTS(scenes)];
    g_autofree char *photographer = demo_person(maker->words, &maker->random, 2), *year = g_strdup_printf("%d", recent->year);
    g_autofree char *code = g_strdup_printf("%s-ZP·%d·Y-%04d", recent->fonds, recent->year, serial), *title = g_strdup_printf("%s%s", place, scene);
    g_autofree char *date = g_strdup_printf("%d07%02d", recent->year, demo_between(&maker->random, 8, 28));
    DemoRandom apart = {(guint64)serial * 7919 + (guint64)recent->year};
    g_autofree char *figure = demo_person(maker->words, &apart, 2);
    g_autofree char *story = g_strdup_printf("%d年7月，%s在%s的现场", recent->year, recent->topic, place);
    DemoDocument *document = recent_document(maker, recent, DEMO_PHOTO, code, title);
    if (document) add_line(document, "拍摄时间", date);
    if (document) add_line(document, "摄影者", photographer);
    ROW(maker, recent->fonds, code, title, json_string_value(json_object_get(body, "title")), photographer, date, place, figure, story, year,
      "永久", "控制");
  }
}

static void recent_recordings(Maker *maker, const DemoRecent *recent, json_t *body) {
  static const char *const occasions[] = {"防汛会商会录音", "亲历者口述（一）", "亲历者口述（二）"};
  ROW(maker, "全宗号", "档号", "题名", "责任者", "媒体类型", "录制日期", "录制地点", "录制者", "时长", "文件格式", "年度", "保管期限", "开放标识");
  for (int serial = 1; maker->left > 0; maker->left--, serial++) {
    g_autofree char *recorder = demo_person(maker->words, &maker->random, 2), *year = g_strdup_printf("%d", recent->year);
    g_autofree char *code = g_strdup_printf("%s-LY·%d·Y-%04d", recent->fonds, recent->year, serial);
    g_autofree char *title = g_strdup_printf("%s%s", recent->topic, occasions[(serial - 1) % (int)G_N_ELEMENTS(occasions)]);
    g_autofree char *date = g_strdup_printf("%d07%02d", recent->year, 10 + serial);
    recent_document(maker, recent, DEMO_PAPER, code, title);
    ROW(maker, recent->fonds, code, title, json_string_value(json_object_get(body, "title")), "录音", date, "市防汛抗旱指挥部", recorder, "0:00:06",
      "WAV", year, "永久", "控制");
  }
}

/* One volume a person, with what is in it. */
static void recent_persons(Maker *maker, const DemoRecent *recent, json_t *body) {
  static const char *const papers[] = {"职工登记表", "工资级别审批表", "职工退休审批表"};
  ROW(maker, "层级", "全宗号", "档号", "题名", "责任者", "姓名", "性别", "出生日期", "工作单位", "退休时间", "企业级别", "日期",
    "年度", "保管期限", "页数", "开放标识");
  const char *level = json_string_value(json_object_get(body, "level"));
  for (int serial = 1; maker->left > 0; maker->left--, serial++) {
    int sex = demo_below(&maker->random, 2), born = demo_between(&maker->random, 1958, 1964), month = demo_between(&maker->random, 1, 12);
    g_autofree char *name = demo_person(maker->words, &maker->random, sex), *code = g_strdup_printf("%s-TX-%04d", recent->fonds, serial);
    g_autofree char *birth = g_strdup_printf("%d%02d%02d", born, month, demo_between(&maker->random, 1, 28)), *year = g_strdup_printf("%d", recent->year);
    g_autofree char *retired = g_strdup_printf("%d%02d", recent->year, month), *title = g_strdup_printf("%s退休人员档案", name);
    ROW(maker, "案卷", recent->fonds, code, title, recent->fonds_title, name, sex ? "女" : "男", birth, recent->fonds_title, retired, level, retired, year, "永久", "3",
      "控制");
    for (guint i = 0; i < G_N_ELEMENTS(papers); i++) {
      g_autofree char *item = g_strdup_printf("%s-%u", code, i + 1), *item_title = g_strdup_printf("%s%s", name, papers[i]);
      DemoDocument *document = recent_document(maker, recent, DEMO_RETIREE, item, papers[i]);
      if (document) add_line(document, "姓名", name);
      if (document) add_line(document, "性别", sex ? "女" : "男");
      if (document) add_line(document, "出生日期", birth);
      if (document) add_line(document, "工作单位", recent->fonds_title);
      ROW(maker, "文件", recent->fonds, item, item_title, recent->fonds_title, name, sex ? "女" : "男", birth, recent->fonds_title, retired, level, retired, year,
        "永久", "1", "控制");
    }
  }
}

/* ---- the plan ---- */

typedef struct {
  const char *fonds, *fonds_title, *category, *name;
  void (*fill)(Maker *maker);
  int rows, documents;
} Register;
static const Register REGISTERS[] = {
  {"B003", "临江市民政局", "HY", "临江市民政局婚姻登记档案移交目录", fill_marriages, 201000, 215},
  {"C020", "临江市知识青年上山下乡办公室", "ZQ", "临江市知识青年档案移交目录", fill_youths, 12000, 100},
  {"B006", "临江市自然资源和规划局", "TD", "临江市土地登记档案移交目录", fill_lands, 10000, 75},
  {"A012", "中共临江市委宣传部", "ZP", "中共临江市委宣传部照片档案移交目录", fill_photos, 5000, 75},
};
enum { PAPER_ROWS = 60000, PAPER_DOCUMENTS = 1485, RETIREE_ROWS = 16000, RETIREE_DOCUMENTS = 50 };

static int share(int total, int parts, int part, int scale) {
  gint64 scaled = (gint64)total * scale / 1000;
  return (int)(scaled / parts + (part < scaled % parts ? 1 : 0));
}

static DemoDelivery *delivery_new(const char *name, const char *fonds, const char *fonds_title, const char *category) {
  DemoDelivery *delivery = g_new0(DemoDelivery, 1);
  *delivery = (DemoDelivery){
    .name = g_strdup(name), .fonds = g_strdup(fonds), .fonds_title = g_strdup(fonds_title), .category = g_strdup(category), .body = g_strdup(fonds_title)};
  return delivery;
}

/* The values of further columns are drawn apart, so that the others are what they were without them. */
static void begin_further(Maker *maker, json_t *columns, guint64 seed) {
  maker->further = columns;
  maker->row = (DemoRow){.words = maker->words, .random = {seed + 1911}, .fonds = maker->delivery->fonds, .year = 1985, .values = json_object()};
}

static gboolean finish(Maker *maker, GPtrArray *deliveries, gboolean gb18030, GError **error) {
  gboolean good = write_table(maker, gb18030, error);
  g_string_free(maker->csv, TRUE);
  json_decref(maker->row.values);
  g_ptr_array_add(deliveries, maker->delivery);
  return good;
}

static gboolean add_bodies(GPtrArray *deliveries, const DemoWords *words, const char *folder, int scale, GError **error) {
  json_t *bodies = json_copy(demo_words_get(words, "bodies")), *body;
  json_array_extend(bodies, demo_words_get(words, "enterprises"));
  int count = (int)json_array_size(bodies);
  size_t i;
  gboolean good = TRUE;
  json_array_foreach(bodies, i, body) {
    const char *title = json_string_value(json_object_get(body, "title"));
    g_autofree char *name = g_strdup_printf("%s文书档案移交目录", title);
    Maker maker;
    good = good && begin(&maker, words, folder, 100 + i, delivery_new(name, json_string_value(json_object_get(body, "code")), title, "WS"), error);
    if (!good) break;
    set_sizes(&maker, share(PAPER_ROWS, count, (int)i, scale), share(PAPER_DOCUMENTS, count, (int)i, scale));
    fill_papers(&maker, body, (int)(i % 3));
    good = finish(&maker, deliveries, i % 5 == 4, error);
  }
  json_decref(bodies);
  return good;
}

static gboolean add_retirees(GPtrArray *deliveries, const DemoWords *words, const char *folder, int scale, GError **error) {
  json_t *enterprises = demo_words_get(words, "enterprises"), *body;
  int count = (int)json_array_size(enterprises);
  size_t i;
  json_array_foreach(enterprises, i, body) {
    const char *title = json_string_value(json_object_get(body, "title"));
    g_autofree char *name = g_strdup_printf("%s退休人员档案移交目录", title);
    Maker maker;
    if (!begin(&maker, words, folder, 200 + i, delivery_new(name, json_string_value(json_object_get(body, "code")), title, "TX"), error)) return FALSE;
    set_sizes(&maker, share(RETIREE_ROWS, count, (int)i, scale), share(RETIREE_DOCUMENTS, count, (int)i, scale));
    fill_retirees(&maker, body);
    if (!finish(&maker, deliveries, FALSE, error)) return FALSE;
  }
  return TRUE;
}

static const char *text_of(json_t *json, const char *name) { return json_string_value(json_object_get(json, name)); }

/* A register that is data. Each row that has a document has it as a card with the row's values. */
static void fill_register(Maker *maker, json_t *plan) {
  int from = (int)json_integer_value(json_object_get(plan, "from")), to = (int)json_integer_value(json_object_get(plan, "to")), total = maker->left;
  ROW(maker, "档号", "年度", "保管期限", "页数", "开放标识");
  for (maker->row.serial = 1; maker->left > 0; maker->left--) {
    maker->row.year = from + (total - maker->left) * (to - from + 1) / total;
    g_autofree char *code = demo_row_fill(&maker->row, text_of(plan, "code")), *opening = demo_row_fill(&maker->row, text_of(plan, "opening"));
    g_autofree char *year = g_strdup_printf("%d", maker->row.year);
    ROW(maker, code, year, strstr(code, "D30") ? "30年" : "永久", "1", opening);
    if (!wants_document(maker)) continue;
    DemoDocument *document = add_document(maker, DEMO_LAND, DEMO_PDF, code, text_of(plan, "name"));
    const char *header;
    json_t *value;
    json_object_foreach(maker->row.values, header, value)
      if (!g_str_equal(header, "层级")) add_line(document, header, json_string_value(value));
  }
}

static gboolean add_registers(GPtrArray *deliveries, const DemoWords *words, const char *folder, int scale, GError **error) {
  enum { ROWS_LEAST = 6 };
  size_t i;
  json_t *plan;
  json_array_foreach(demo_words_get(words, "registers"), i, plan) {
    Maker maker;
    DemoDelivery *delivery = delivery_new(text_of(plan, "name"), text_of(plan, "fonds"), text_of(plan, "title"), text_of(plan, "category"));
    if (!begin(&maker, words, folder, 400 + i, delivery, error)) return FALSE;
    set_sizes(&maker, MAX(share((int)json_integer_value(json_object_get(plan, "rows")), 1, 0, scale), ROWS_LEAST), 1);
    begin_further(&maker, json_object_get(plan, "columns"), 400 + i);
    fill_register(&maker, plan);
    if (!finish(&maker, deliveries, FALSE, error)) return FALSE;
  }
  return TRUE;
}

GPtrArray *demo_deliveries(const DemoWords *words, const char *folder, int scale, GError **error) {
  g_autoptr(GPtrArray) deliveries = g_ptr_array_new_with_free_func((GDestroyNotify)demo_delivery_free);
  if (!add_bodies(deliveries, words, folder, scale, error) || !add_retirees(deliveries, words, folder, scale, error)) return NULL;
  for (guint i = 0; i < G_N_ELEMENTS(REGISTERS); i++) {
    const Register *plan = &REGISTERS[i];
    Maker maker;
    if (!begin(&maker, words, folder, 300 + i, delivery_new(plan->name, plan->fonds, plan->fonds_title, plan->category), error)) return NULL;
    set_sizes(&maker, share(plan->rows, 1, 0, scale), share(plan->documents, 1, 0, scale));
    begin_further(&maker, json_object_get(demo_words_get(words, "further"), plan->category), i);
    plan->fill(&maker);
    if (!finish(&maker, deliveries, FALSE, error)) return NULL;
  }
  if (!add_registers(deliveries, words, folder, scale, error)) return NULL;
  return g_steal_pointer(&deliveries);
}

static json_t *body_named(const DemoWords *words, const char *code) {
  static const char *const lists[] = {"bodies", "enterprises", "retiring"};
  for (guint l = 0; l < G_N_ELEMENTS(lists); l++) {
    size_t i;
    json_t *body;
    json_array_foreach(demo_words_get(words, lists[l]), i, body)
      if (g_str_equal(json_string_value(json_object_get(body, "code")), code)) return body;
  }
  g_error("demo/words.yaml has no body %s", code);
}

DemoDelivery *demo_recent(const DemoWords *words, const char *folder, guint64 seed, const DemoRecent *recent, GError **error) {
  static void (*const fills[])(Maker *, const DemoRecent *, json_t *) = {recent_papers, recent_photos, recent_recordings, recent_persons};
  Maker maker;
  DemoDelivery *delivery = delivery_new(recent->name, recent->fonds, recent->fonds_title, recent->category);
  gboolean good = begin(&maker, words, folder, seed, delivery, error);
  set_sizes(&maker, recent->count, recent->count);
  if (good) fills[recent->what](&maker, recent, body_named(words, recent->fonds));
  good = good && write_table(&maker, FALSE, error);
  g_string_free(maker.csv, TRUE);
  if (good) return delivery;
  demo_delivery_free(delivery);
  return NULL;
}
