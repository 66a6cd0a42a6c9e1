/*
 * Persons' names by how they sound: beside a value's tokens stand those of the names in it, zhangwei and zw for 张伟; what is typed in letters is looked for there.
 *
 * 1. What counts as a name is told by the value alone (never by a definition, which may change): a run of two to four ideographs that begins with a
 *    surname, two single characters (张　伟), a name with a dot in it (买买提·艾力); in values of at most VALUE_BYTES.
 * 2. A token of a name begins with a mark (SEARCH_NAME_MARK) that neither text nor a field's anchor has.
 * 3. A character of several readings gives several tokens, at most SPELLINGS a name; its ü is v and also u.
 */
#include "query.h"
#include "text.h"

enum { VALUE_BYTES = 160, RUN_MAX = 4, DOTTED_MAX = 10, READINGS = 7, SPELLINGS = 12, INITIALS = 8, LETTERS_MAX = 40, NAMES_MAX = 12, INITIALS_MAX = 4 };

/* 百家姓 and what is frequent beside it; folded. */
static const char SURNAMES[] =
  "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅"
  "皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫"
  "经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘斜厉戎祖武符"
  "刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍却璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾"
  "鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公肖闫付代覃岳佟涂尧"
  "初朴苟麦邸候仉佘佴冼区召由揭海墨哈谯笪年爱阳商牟伯赏南宫兰矫鹿占栗原苑楚税门展战腾敬来洛衣位但折种者信仝郇亓";

static gboolean is_surname(gunichar c) {
  static GHashTable *known;
  static gsize made;
  if (g_once_init_enter(&made)) {
    known = g_hash_table_new(NULL, NULL);
    for (const char *at = SURNAMES; *at; at = g_utf8_next_char(at)) g_hash_table_add(known, GUINT_TO_POINTER(g_utf8_get_char(at)));
    g_once_init_leave(&made, 1);
  }
  return g_hash_table_contains(known, GUINT_TO_POINTER(c));
}

/* Two characters that are one surname and whose first is none by itself. */
static gboolean is_double_surname(const gunichar *name, guint length) {
  static const char doubles[] = "欧阳 上官 皇甫 尉迟 澹台 太史 申屠 令狐 鲜于 闾丘 亓官 司徒 司马 诸葛 东方 独孤 夏侯 端木 百里 呼延 公孙 轩辕 长孙 宇文 赫连 拓跋 万俟 闻人 完颜 那拉";
  if (length < 3) return FALSE;
  g_autofree char *first = g_ucs4_to_utf8(name, 2, NULL, NULL, NULL);
  return strstr(doubles, first) != NULL;
}

/* ---- the names in a value ---- */

typedef struct {
  gunichar letters[NAMES_MAX][DOTTED_MAX];
  guint lengths[NAMES_MAX], count;
} Names;

static void add_name(Names *names, const gunichar *letters, guint length) {
  if (names->count == NAMES_MAX || length < 2 || length > DOTTED_MAX) return;
  memcpy(names->letters[names->count], letters, length * sizeof *letters);
  names->lengths[names->count++] = length;
}

static gboolean has_dot(const char *value, gsize length) {
  static const char *const dots[] = {"·", "•", "・", "‧"};
  for (guint i = 0; i < G_N_ELEMENTS(dots); i++)
    if (g_strstr_len(value, (gssize)length, dots[i])) return TRUE;
  return FALSE;
}

static void find_names(Names *names, const char *value, gsize length, const char *folded) {
  gunichar all[DOTTED_MAX], run[RUN_MAX];
  guint runs = 0, letters = 0, total = 0;
  gboolean only = TRUE;
  names->count = 0;
  if (length > VALUE_BYTES || length < 4) return;
  for (const char *at = folded; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (c == ' ') {
      if (letters >= 2 && letters <= RUN_MAX && (is_surname(run[0]) || is_double_surname(run, letters))) add_name(names, run, letters);
      runs += letters > 0;
      letters = 0;
      continue;
    }
    only = only && text_is_ideograph(c);
    if (letters < RUN_MAX) run[letters] = c;
    if (total < DOTTED_MAX) all[total] = c;
    letters = only ? letters + 1 : RUN_MAX + 1;
    total++;
  }
  if (!only || runs < 2 || total > DOTTED_MAX) return;
  if ((runs == 2 && total == 2 && is_surname(all[0])) || has_dot(value, length)) add_name(names, all, total);
}

/* ---- spelling ---- */

static guint list_readings(gunichar c, guint most, char ret[READINGS][8]) {
  const char *at = search_han_readings(c);
  guint count = 0;
  while (at && *at && count < MIN(most, READINGS)) {
    gsize length = strcspn(at, " ");
    char *reading = ret[count++];
    g_snprintf(reading, 8, "%.*s", (int)MIN(length, 7), at);
    const char *v = strchr(reading, 'v');
    if (v && count < READINGS) {
      memcpy(ret[count], reading, 8);
      ret[count++][v - reading] = 'u';
    }
    at += length + (at[length] == ' ');
  }
  return count;
}

char *search_initials(const char *text) {
  GString *out = g_string_new(NULL);
  g_autofree char *folded = text_fold(text);
  for (const char *at = folded; *at != '\0'; at = g_utf8_next_char(at)) {
    char readings[READINGS][8];
    if (g_ascii_isalnum(*at)) g_string_append_c(out, *at);
    else if (list_readings(g_utf8_get_char(at), 1, readings) > 0) g_string_append_c(out, readings[0][0]);
  }
  return g_string_free(out, FALSE);
}

typedef void (*Spelt)(const char *spelling, gpointer data);

/* Every way to say it, at most SPELLINGS: when there are more the characters behind the first keep their most usual readings. */
static void spell(const gunichar *name, guint length, gboolean initials, Spelt spelt, gpointer data) {
  char readings[DOTTED_MAX][READINGS][8];
  guint counts[DOTTED_MAX], all = G_MAXUINT;
  for (guint most = READINGS; all > SPELLINGS && most > 0; most--) {
    all = 1;
    for (guint i = 0; i < length; i++) {
      counts[i] = list_readings(name[i], i == 0 ? READINGS : most, readings[i]);
      if (counts[i] == 0) return;
      all *= counts[i];
      if (all > 10000) break;
    }
  }
  g_autoptr(GHashTable) said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint one = 0; one < MIN(all, SPELLINGS); one++) {
    char spelling[DOTTED_MAX * 8] = "";
    gsize at = 0;
    for (guint i = 0, rest = one; i < length; i++) {
      const char *reading = readings[i][rest % counts[i]];
      rest /= counts[i];
      at += (gsize)g_snprintf(spelling + at, sizeof spelling - at, "%.*s", initials ? 1 : 7, reading);
    }
    if (g_hash_table_add(said, g_strdup(spelling)) && g_hash_table_size(said) <= (initials ? INITIALS : SPELLINGS)) spelt(spelling, data);
  }
}

static void names_spell(const char *value, gsize length, const char *folded, Spelt spelt, gpointer data) {
  Names names;
  find_names(&names, value, length, folded);
  for (guint i = 0; i < names.count; i++) {
    spell(names.letters[i], names.lengths[i], FALSE, spelt, data);
    if (names.lengths[i] <= INITIALS_MAX) spell(names.letters[i], names.lengths[i], TRUE, spelt, data);
  }
}

static void append_token(const char *spelling, gpointer data) { g_string_append_printf(data, SEARCH_NAME_MARK "%s ", spelling); }

void search_names_append(GString *out, const char *value, gsize length, const char *folded) { names_spell(value, length, folded, append_token, out); }

typedef struct { const char *pattern; gboolean found; } Sought;

static void compare_spelling(const char *spelling, gpointer data) {
  Sought *sought = data;
  gsize length = strlen(sought->pattern);
  gboolean prefix = length > 0 && sought->pattern[length - 1] == '*';
  sought->found = sought->found || (prefix ? strncmp(spelling, sought->pattern, length - 1) == 0 : strcmp(spelling, sought->pattern) == 0);
}

gboolean search_names_in(const char *pattern, const char *value, gsize length, const char *folded) {
  Sought sought = {pattern, FALSE};
  names_spell(value, length, folded, compare_spelling, &sought);
  return sought.found;
}

static gboolean is_spelt(const Names *names, guint i, const char *pattern) {
  Sought sought = {pattern, FALSE};
  spell(names->letters[i], names->lengths[i], FALSE, compare_spelling, &sought);
  if (names->lengths[i] <= INITIALS_MAX) spell(names->letters[i], names->lengths[i], TRUE, compare_spelling, &sought);
  return sought.found;
}

char *search_names_spelt(const char *pattern, const char *value, gsize length, const char *folded) {
  Names names;
  find_names(&names, value, length, folded);
  for (guint i = 0; i < names.count; i++)
    if (is_spelt(&names, i, pattern)) return g_ucs4_to_utf8(names.letters[i], names.lengths[i], NULL, NULL, NULL);
  return NULL;
}

/* A name whose characters stand apart (张　伟, with a dot) is the whole value; elsewhere it may stand together. */
GPtrArray *search_names_all(const char *pattern, const char *value, gsize length, const char *folded) {
  GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
  Names names;
  find_names(&names, value, length, folded);
  for (guint i = 0; i < names.count; i++) {
    if (!is_spelt(&names, i, pattern)) continue;
    char *name = g_ucs4_to_utf8(names.letters[i], names.lengths[i], NULL, NULL, NULL);
    if (strstr(folded, name) == NULL) g_ptr_array_add(all, g_strndup(value, length));
    g_ptr_array_add(all, name);
  }
  return all;
}

/* ---- what is typed ---- */

/* The letters are syllables, at least `least` of them. */
static gboolean is_syllables(const char *letters, guint least) {
  gsize length = strlen(letters);
  guint best[LETTERS_MAX + 1] = {0}; /* most syllables that end here, plus one */
  best[0] = 1;
  for (gsize end = 1; end <= length; end++)
    for (gsize size = 1; size <= MIN(end, 6); size++) {
      g_autofree char *syllable = g_strndup(letters + end - size, size);
      if (best[end - size] > 0 && search_han_is_syllable(syllable)) best[end] = MAX(best[end], best[end - size] + 1);
    }
  return best[length] > least;
}

static gboolean is_initials(const char *letters) { return strlen(letters) >= 2 && strlen(letters) <= INITIALS_MAX && strpbrk(letters, "iuv") == NULL; }

/* ü however it is typed is v: as a letter, and yu behind l, or behind an n that begins a word or follows no vowel (jin yuan). */
static char *plain_letters(const char *term) {
  g_autofree char *composed = g_utf8_normalize(term, -1, G_NORMALIZE_NFC);
  g_autoptr(GString) plain = g_string_new(NULL);
  for (const char *at = composed ? composed : ""; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    g_string_append_unichar(plain, g_utf8_strchr("üÜǖǗǘǙǚǛǜǕ", -1, c) ? 'v' : c);
  }
  g_autofree char *folded = text_fold(plain->str);
  GString *letters = g_string_new(folded);
  g_string_replace(letters, "lyu", "lv", 0);
  for (gsize i = 0; i + 2 < letters->len; i++)
    if (strncmp(letters->str + i, "nyu", 3) == 0 && (i == 0 || strchr("aeiouv", letters->str[i - 1]) == NULL))
      g_string_overwrite(g_string_erase(letters, (gssize)i + 1, 1), i + 1, "v");
  return g_string_free(letters, FALSE);
}

/* z w: one letter a word. */
static gboolean is_spaced(const char *plain) {
  for (const char *at = plain; *at; at++)
    if (at[0] != ' ' && at[1] != ' ' && at[1] != '\0') return FALSE;
  return TRUE;
}

char *search_name_pattern(const char *term, gboolean prefix, gboolean person) {
  g_autoptr(GString) letters = g_string_new(NULL);
  g_autofree char *plain = plain_letters(term);
  for (const char *at = plain; *at; at++) {
    if (*at == ' ') continue;
    if (!g_ascii_islower(*at) || letters->len == LETTERS_MAX) return NULL;
    g_string_append_c(letters, *at);
  }
  if (prefix) return letters->len >= 3 ? g_string_append_c(letters, '*'), g_string_free(g_steal_pointer(&letters), FALSE) : NULL;
  gboolean initials = is_initials(letters->str) && (strchr(g_strstrip(plain), ' ') == NULL || is_spaced(plain));
  if (person && !initials && !is_syllables(letters->str, 2) && is_syllables(letters->str, 1)) g_string_append_c(letters, '*'); /* a surname */
  return initials || is_syllables(letters->str, 2) || g_str_has_suffix(letters->str, "*") ? g_string_free(g_steal_pointer(&letters), FALSE) : NULL;
}

char *search_name_phrase(const char *pattern) {
  gsize length = strlen(pattern);
  gboolean prefix = length > 0 && pattern[length - 1] == '*';
  return g_strdup_printf("\"" SEARCH_NAME_MARK "%.*s\"%s", (int)(length - prefix), pattern, prefix ? " *" : "");
}
