/*
 * The query language (search.h) → a tree. Recursive descent over code points.
 *
 * 1. Reading never fails but for length and number of terms: an operator without its operands, an unknown field, an unclosed bracket or quote
 *    is read as plain words, and the notice says so.
 * 2. Brackets and curly quotes inside a word are part of it, so that a pasted title (关于印发《办法（试行）》的通知) is one term.
 * 3. Depth of the tree is at most QUERY_DEPTH groups and as many NOTs as there are words.
 */
#include "error.h"
#include "query.h"
#include "text.h"

enum { NAME_CHARACTERS = 12 };
typedef enum { OPERATOR_NONE, OPERATOR_OR, OPERATOR_AND, OPERATOR_NOT } Operator;

typedef struct {
  gunichar *text; /* ends with 0 */
  glong at;
  SearchNames names;
  GStringChunk *strings;
  SearchQuery *query;
  SearchField field; /* of the group we are in */
  const char *key;   /* names of the fields when field is FIELD_CATEGORY */
  guint depth;
  gboolean negated;
  glong value;                /* where the value of the term at hand begins */
  gboolean direct, literal;   /* it has a field of its own; it begins with = */
} Parser;

static SearchNode *parse_or(Parser *parser);
static Operator operator_word(const Parser *parser, glong at, glong *ret_end);

void search_node_free(SearchNode *node) {
  if (node == NULL) return;
  g_free(node->names);
  g_free(node->text);
  g_free(node->pattern);
  g_free(node->said);
  if (node->children) g_ptr_array_unref(node->children);
  g_free(node);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SearchNode, search_node_free)

static void query_reading_free(gpointer data) {
  QueryReading *reading = data;
  g_free(reading->term);
  g_free(reading->exact);
  g_ptr_array_unref(reading->nodes);
  g_free(reading);
}

void search_query_tell(SearchQuery *query, char *said) {
  QueryReading *reading = g_new0(QueryReading, 1);
  reading->term = said;
  reading->nodes = g_ptr_array_new();
  g_ptr_array_add(query->readings, reading);
}

void search_query_free(SearchQuery *query) {
  if (query == NULL) return;
  search_node_free(query->root);
  g_ptr_array_unref(query->leaves);
  g_ptr_array_unref(query->readings);
  g_string_free(query->notice, TRUE);
  g_free(query);
}

static void notice(Parser *parser, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void notice(Parser *parser, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *message = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  GString *all = parser->query->notice;
  if (all->len > 400 || strstr(all->str, message)) return;
  if (all->len) g_string_append(all, "；");
  g_string_append(all, message);
}

/* ---- characters ---- */

static gunichar to_ascii(gunichar c) { return c >= 0xFF01 && c <= 0xFF5E ? c - 0xFEE0 : c == 0x3000 ? ' ' : c; }
static gunichar peek(const Parser *parser, glong offset) { return to_ascii(parser->text[parser->at + offset]); }
static gboolean is_space(gunichar c) { return c != 0 && (g_unichar_isspace(to_ascii(c)) || g_unichar_iscntrl(c)); }
static gboolean is_curly(gunichar c) { return c >= 0x201C && c <= 0x201F; }

/* The character that ends a phrase begun with c; 0 when c begins none. */
static gunichar phrase_end(gunichar c) {
  if (to_ascii(c) == '"' || is_curly(c)) return '"';
  return c == 0x300C ? 0x300D : c == 0x300E ? 0x300F : 0; /* 「」『』 */
}
static gboolean ends_phrase(gunichar c, gunichar end) { return end == '"' ? to_ascii(c) == '"' || is_curly(c) : c == end; }

static void skip_spaces(Parser *parser) {
  while (is_space(parser->text[parser->at])) parser->at++;
}

static char *slice(const Parser *parser, glong from, glong to) { return g_ucs4_to_utf8(parser->text + from, to - from, NULL, NULL, NULL); }

/* Where the word at `from` ends. */
static glong word_end(const Parser *parser, glong from) {
  guint inner = 0;
  glong at = from;
  for (; parser->text[at] && !is_space(parser->text[at]); at++) {
    gunichar c = to_ascii(parser->text[at]);
    if (c == '"') break;
    if (c == '(') inner++;
    else if (c == ')' && inner > 0) inner--;
    else if (c == ')' && parser->depth > 0) break;
  }
  return at;
}

/* ---- terms ---- */

SearchNode *search_node_new(SearchQuery *query, NodeKind kind, gboolean positive) {
  SearchNode *node = g_new0(SearchNode, 1);
  node->kind = kind;
  node->positive = positive;
  if (kind < NODE_AND) {
    node->leaf = query->leaves->len;
    g_ptr_array_add(query->leaves, node);
  } else node->children = g_ptr_array_new_with_free_func((GDestroyNotify)search_node_free);
  return node;
}

static SearchNode *node_new(Parser *parser, NodeKind kind) {
  parser->query->terms += kind < NODE_AND;
  return search_node_new(parser->query, kind, !parser->negated);
}

SearchNode *search_node_term(SearchQuery *query, const SearchNode *like, const char *text) {
  g_autofree char *pattern = search_pattern(text, FALSE);
  if (pattern == NULL) return NULL;
  SearchNode *node = search_node_new(query, NODE_TERM, like->positive);
  node->field = like->field;
  node->names = g_strdup(like->names);
  node->text = g_strdup(text);
  node->pattern = g_steal_pointer(&pattern);
  return node;
}

static SearchNode *term_new(Parser *parser, SearchField field, const char *key, const char *text, gboolean prefix) {
  g_autofree char *pattern = search_pattern(text, prefix);
  if (pattern == NULL) {
    if (*text) notice(parser, "“%s”里没有可检索的字，未计入", text);
    return NULL;
  }
  SearchNode *node = node_new(parser, NODE_TERM);
  node->field = field;
  node->names = field == FIELD_CATEGORY ? g_strdup(key) : NULL;
  node->text = prefix ? g_strconcat(text, "*", NULL) : g_strdup(text);
  node->pattern = g_steal_pointer(&pattern);
  if (parser->literal && parser->direct && field != FIELD_ANY && field != FIELD_TEXT && !prefix) node->match = MATCH_WHOLE;
  return node;
}

/* The whole query with the term at hand only as written. */
static char *exact_query(const Parser *parser, const char *text) {
  glong end = parser->at;
  while (parser->text[end]) end++;
  g_autofree char *before = slice(parser, 0, parser->value), *after = slice(parser, parser->at, end);
  g_autoptr(GString) plain = g_string_new(NULL);
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    g_string_append_unichar(plain, to_ascii(c) == '"' || is_curly(c) ? ' ' : c);
  }
  return parser->direct ? g_strconcat(before, "(=\"", plain->str, "\")", after, NULL) : g_strconcat(before, "=\"", plain->str, "\"", after, NULL);
}

/* children of kind under one node; one child stands for itself, none is NULL. */
static SearchNode *node_join(SearchNode *node) {
  if (node->children->len > 1) return node;
  SearchNode *only = node->children->len ? g_ptr_array_steal_index(node->children, 0) : NULL;
  search_node_free(node);
  return only;
}

static SearchNode *dates_new(Parser *parser, DateSpan span) {
  SearchNode *node = node_new(parser, NODE_DATES);
  node->field = FIELD_DATE;
  node->date_from = span.from;
  node->date_to = span.to;
  return node;
}

static SearchNode *years_new(Parser *parser, guint16 from, guint16 to) {
  SearchNode *node = node_new(parser, NODE_YEARS);
  node->field = FIELD_YEAR;
  node->year_from = from;
  node->year_to = to;
  return node;
}

/* 年度, 日期; NULL: the text is neither. What was understood is told where it is more than figures. */
static SearchNode *time_new(Parser *parser, SearchField field, const char *text) {
  DateSpan spans[SEARCH_TIMES];
  char *said = NULL;
  guint count = search_times_read(text, spans, &said);
  if (count == 0) {
    notice(parser, "“%s”不是%s（如 1958、1950-1959、1949年以前、民国二十六年、1980年代），已当作普通的字检索", text, field == FIELD_YEAR ? "年度" : "日期");
    return NULL;
  }
  if (said) search_query_tell(parser->query, said);
  g_autoptr(SearchNode) all = node_new(parser, NODE_OR);
  for (guint i = 0; i < count; i++) {
    gboolean days = field == FIELD_DATE || spans[i].from % 10000 != 101 || spans[i].to % 10000 != 1231;
    g_ptr_array_add(all->children, days ? dates_new(parser, spans[i]) : years_new(parser, (guint16)(spans[i].from / 10000), (guint16)(spans[i].to / 10000)));
  }
  return node_join(g_steal_pointer(&all));
}

static SearchNode *value_new(Parser *parser, SearchField field, const char *key, const char *text, gboolean prefix) {
  if (field == FIELD_YEAR || field == FIELD_DATE) {
    SearchNode *node = time_new(parser, field, text);
    if (node) return node;
    field = FIELD_ANY;
  }
  SearchNode *node = term_new(parser, field, key, text, prefix);
  return node == NULL || parser->literal ? node : search_expand(parser->query, node, exact_query(parser, text));
}

static SearchNode *parse_phrase(Parser *parser, SearchField field, const char *key) {
  gunichar end = phrase_end(parser->text[parser->at]);
  glong from = ++parser->at;
  while (parser->text[parser->at] && !ends_phrase(parser->text[parser->at], end)) parser->at++;
  g_autofree char *text = slice(parser, from, parser->at);
  if (parser->text[parser->at]) parser->at++;
  else notice(parser, "引号没有配对，已读到末尾");
  gboolean prefix = peek(parser, 0) == '*';
  while (peek(parser, 0) == '*') parser->at++;
  return value_new(parser, field, key, text, prefix);
}

/* ? or * inside: in the fields of numbers, elsewhere in what looks like one. */
static gboolean is_glob(SearchField field, const char *text) {
  gboolean wild = FALSE, digit = FALSE, plain = TRUE;
  if (g_utf8_strlen(text, -1) > GLOB_CHARACTERS) return FALSE;
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = to_ascii(g_utf8_get_char(at));
    wild = wild || c == '?' || (c == '*' && at[strspn(at, "*")] != '\0');
    digit = digit || g_unichar_isdigit(c);
    plain = plain && !text_is_ideograph(c);
  }
  return wild && (field == FIELD_CODE || field == FIELD_DOCNO || ((field == FIELD_ANY || field == FIELD_CATEGORY) && digit && plain));
}

/* field:*: whatever its value. */
static SearchNode *any_new(Parser *parser, const char *key) {
  SearchNode *node = node_new(parser, NODE_TERM);
  node->field = FIELD_CATEGORY;
  node->match = MATCH_ANY;
  node->names = g_strdup(key);
  node->text = g_strdup("*");
  node->pattern = g_strdup("");
  return node;
}

static SearchNode *glob_new(Parser *parser, SearchField field, const char *key, const char *text) {
  g_autofree char *pattern = search_glob_pattern(text);
  if (pattern == NULL) return NULL;
  SearchNode *node = node_new(parser, NODE_TERM);
  node->field = field;
  node->match = MATCH_GLOB;
  node->names = field == FIELD_CATEGORY ? g_strdup(key) : NULL;
  node->text = g_strdup(text);
  node->pattern = g_steal_pointer(&pattern);
  return node;
}

/* Some name of the field is one of persons (all of which go by 姓名). */
static gboolean is_of_persons(const Parser *parser, SearchField field, const char *key) {
  const char *persons = field == FIELD_CATEGORY && parser->names.fields ? g_hash_table_lookup(parser->names.fields, "姓名") : NULL;
  g_auto(GStrv) names = g_strsplit(persons ? key : "", "\t", -1);
  gboolean found = FALSE;
  for (char **name = names; *name != NULL; name++) found = found || search_name_listed(persons, *name);
  return found;
}

static gboolean is_latin_word(const Parser *parser, glong from, glong end) {
  for (glong at = from; at < end; at++) {
    gunichar c = parser->text[at];
    gboolean joins = at > from && (c == '-' || c == '\'' || c == 0x2019 || c == '.');
    if (!joins && (!g_unichar_isalpha(c) || g_unichar_get_script(c) != G_UNICODE_SCRIPT_LATIN)) return FALSE;
  }
  return end > from;
}

/* 姓名:LI Nyu is one name: from a word in Latin letters on, all words in such letters up to something else or an operator. */
static glong name_end(const Parser *parser, glong from) {
  glong end = word_end(parser, from), unused;
  gboolean latin = is_latin_word(parser, from, end);
  while (latin) {
    glong next = end;
    while (is_space(parser->text[next])) next++;
    glong next_end = word_end(parser, next);
    latin = is_latin_word(parser, next, next_end) && operator_word(parser, next, &unused) == OPERATOR_NONE;
    if (latin) end = next_end;
  }
  return end;
}

static SearchNode *parse_word(Parser *parser, SearchField field, const char *key) {
  glong from = parser->at, end = is_of_persons(parser, field, key) ? name_end(parser, from) : word_end(parser, from), text_end = end;
  while (text_end > from && to_ascii(parser->text[text_end - 1]) == '*') text_end--;
  parser->at = end;
  g_autofree char *text = slice(parser, from, text_end), *whole = slice(parser, from, end);
  if (field == FIELD_CATEGORY && *text == '\0' && text_end < end) return any_new(parser, key);
  if (*text == '\0' && text_end < end && parser->direct) notice(parser, "星号要跟在字后面，“%s”未计入", whole);
  SearchNode *glob = !parser->literal && is_glob(field, whole) ? glob_new(parser, field, key, whole) : NULL;
  if (glob) return search_expand(parser->query, glob, exact_query(parser, whole));
  return value_new(parser, field, key, text, text_end < end);
}

/* ---- fields ---- */

static const struct { const char *name; SearchField field; } FIELDS[] = {
  {"title", FIELD_TITLE}, {"题名", FIELD_TITLE}, {"creator", FIELD_CREATOR}, {"责任者", FIELD_CREATOR}, {"code", FIELD_CODE}, {"档号", FIELD_CODE},
  {"docno", FIELD_DOCNO}, {"文号", FIELD_DOCNO},
  {"year", FIELD_YEAR}, {"年度", FIELD_YEAR}, {"年", FIELD_YEAR}, {"date", FIELD_DATE}, {"日期", FIELD_DATE}, {"text", FIELD_TEXT}, {"全文", FIELD_TEXT},
};

/* The fields' names joined by tabs, each once, after those that the label has by another way of writing it. */
static char *join_names(const char *known, json_t *keys, const char *label) {
  g_autoptr(GString) names = g_string_new(known);
  for (size_t i = 0; i <= json_array_size(keys); i++) {
    const char *key = i < json_array_size(keys) ? json_string_value(json_array_get(keys, i)) : label;
    g_autofree char *name = search_name(key ? key : "");
    if (*name && !search_name_listed(names->str, name)) g_string_append_printf(names, "%s%s", names->len ? "\t" : "", name);
  }
  return g_string_free(g_steal_pointer(&names), FALSE);
}

GHashTable *search_query_fields(json_t *labels) {
  GHashTable *fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(GHashTable) labelled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  const char *label;
  json_t *value;
  json_object_foreach(labels, label, value) {
    if (g_str_equal(label, SEARCH_DATES)) {
      g_hash_table_replace(fields, g_strdup(FIELDS_OF_DAYS), join_names(NULL, value, NULL));
      continue;
    }
    json_auto_t *keys = json_is_array(value) ? json_incref(value) : json_pack("[O]", value);
    g_autofree char *by_label = search_name(label);
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key) {
      char *name = search_name(json_is_string(key) ? json_string_value(key) : "");
      if (*name && !g_hash_table_contains(fields, name)) g_hash_table_insert(fields, name, g_strdup(name));
      else g_free(name);
    }
    if (*by_label && json_array_size(keys) > 0) {
      const char *known = g_hash_table_lookup(labelled, by_label);
      g_hash_table_replace(labelled, g_strdup(by_label), join_names(known, keys, label));
    }
  }
  GHashTableIter iter;
  gpointer name, names;
  g_hash_table_iter_init(&iter, labelled);
  while (g_hash_table_iter_next(&iter, &name, &names)) g_hash_table_replace(fields, g_strdup(name), g_strdup(names));
  return fields;
}

static SearchField fixed_field(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(FIELDS); i++) {
    g_autofree char *known = search_name(FIELDS[i].name);
    if (g_str_equal(known, name)) return FIELDS[i].field;
  }
  return FIELD_ANY;
}

/* The names a field goes by: a category's, or one that records brought of their own; NULL: there is no such field. */
static const char *find_names(Parser *parser, const char *name) {
  const char *names = parser->names.fields ? g_hash_table_lookup(parser->names.fields, name) : NULL;
  if (names || *name == '\0' || parser->names.sql == NULL) return names;
  gboolean known = parser->names.scanned ? search_scan_name(parser->names.scanned, parser->names.sql, name) : search_name_known(parser->names.sql, name);
  return known ? g_string_chunk_insert(parser->strings, name) : NULL;
}

/* A word with a colon that is no field: told where it could have been meant as one, not for 12:30, http://… or half a title. */
static void notice_unknown(Parser *parser, const char *name, glong value) {
  gboolean letters = FALSE;
  for (const char *at = name; *at; at = g_utf8_next_char(at)) letters = letters || g_unichar_isalpha(g_utf8_get_char(at));
  if (letters && peek(parser, value - parser->at) != '/' && g_utf8_strlen(name, -1) <= NAME_CHARACTERS)
    notice(parser, "没有叫“%s”的著录项，已当作普通的字检索", name);
}

/* Where a name that may be a field's ends; brackets in it are part of it: 乡镇（街道）. */
static glong name_of_field_end(const Parser *parser) {
  glong at = parser->at, inner = 0;
  if (!g_unichar_isalnum(parser->text[at])) return at;
  for (; parser->text[at] && !is_space(parser->text[at]); at++) {
    gunichar c = to_ascii(parser->text[at]);
    if (c == '"' || (c == ':' && inner == 0)) break;
    inner += (c == '(') - (c == ')');
    if (inner < 0 || (c == ':' && inner > 0)) return parser->at;
  }
  return at;
}

/* A known field's name and colon at the parser's place, with a value after it: steps behind it. */
static gboolean take_field(Parser *parser, SearchField *ret_field, const char **ret_key) {
  glong end = name_of_field_end(parser);
  if (to_ascii(parser->text[end]) != ':') return FALSE;
  g_autofree char *name = slice(parser, parser->at, end);
  g_autofree char *folded = search_name(name);
  SearchField field = fixed_field(folded);
  const char *key = field == FIELD_ANY ? find_names(parser, folded) : NULL;
  if (key) field = FIELD_CATEGORY;
  glong value = end + 1;
  while (is_space(parser->text[value])) value++;
  gboolean empty = parser->text[value] == 0 || (parser->depth > 0 && to_ascii(parser->text[value]) == ')');
  if (field == FIELD_ANY) {
    if (!empty) notice_unknown(parser, name, value);
    return FALSE;
  }
  if (empty) {
    notice(parser, "“%s:”后面没有内容，已当作普通的字检索", name);
    return FALSE;
  }
  parser->at = value;
  *ret_field = field;
  *ret_key = key;
  return TRUE;
}

/* ---- operators ---- */

static Operator operator_word(const Parser *parser, glong at, glong *ret_end) {
  static const struct { const char *word; Operator operator; } OPERATORS[] = {
    {"OR", OPERATOR_OR}, {"或", OPERATOR_OR}, {"AND", OPERATOR_AND}, {"NOT", OPERATOR_NOT}, {"非", OPERATOR_NOT}};
  glong end = word_end(parser, at);
  if (end == at || end - at > 3) return OPERATOR_NONE;
  gunichar plain[4] = {0};
  for (glong i = at; i < end; i++) plain[i - at] = to_ascii(parser->text[i]);
  g_autofree char *word = g_ucs4_to_utf8(plain, end - at, NULL, NULL, NULL);
  *ret_end = end;
  for (guint i = 0; i < G_N_ELEMENTS(OPERATORS); i++)
    if (g_strcmp0(OPERATORS[i].word, word) == 0) return OPERATORS[i].operator;
  return OPERATOR_NONE;
}

static void notice_operator(Parser *parser) { notice(parser, "“或”“非”“OR”“AND”“NOT”缺少检索词，已当作普通的字检索"); }

/* The operator at the parser's place when it has its operands (left: there is one before it). */
static Operator take_operator(Parser *parser, gboolean left, Operator wanted) {
  glong end, after;
  Operator operator = operator_word(parser, parser->at, &end);
  if (operator != wanted) return OPERATOR_NONE;
  glong next = end;
  while (is_space(parser->text[next])) next++;
  gboolean right = parser->text[next] != 0 && to_ascii(parser->text[next]) != ')';
  if (right) {
    Operator following = operator_word(parser, next, &after);
    right = following == OPERATOR_NONE || (following == OPERATOR_NOT && operator != OPERATOR_NOT);
  }
  if (!right || (!left && operator != OPERATOR_NOT)) {
    notice_operator(parser);
    return OPERATOR_NONE;
  }
  parser->at = next;
  return operator;
}

static SearchNode *parse_group(Parser *parser, SearchField field, const char *key) {
  SearchField outer_field = parser->field;
  const char *outer_key = parser->key;
  parser->field = field;
  parser->key = key;
  parser->at++;
  parser->depth++;
  SearchNode *node = parse_or(parser);
  parser->depth--;
  if (peek(parser, 0) == ')') parser->at++;
  else notice(parser, "括号没有配对，已读到末尾");
  parser->field = outer_field;
  parser->key = outer_key;
  return node;
}

/* (2003)第12号 is a document's number, not a group. */
static gboolean begins_number(const Parser *parser) {
  for (glong i = 1; i <= 4; i++)
    if (!g_unichar_isdigit(peek(parser, i))) return FALSE;
  return peek(parser, 5) == ')' && (g_unichar_isdigit(peek(parser, 6)) || parser->text[parser->at + 6] == 0x7B2C);
}

static SearchNode *parse_unary(Parser *parser) {
  gunichar c = peek(parser, 0), following = c ? peek(parser, 1) : 0;
  gboolean dash = c == '-' && following && following != '-' && !is_space(following) && following != ')';
  if (dash || take_operator(parser, FALSE, OPERATOR_NOT)) {
    if (dash) parser->at++;
    SearchNode *not = node_new(parser, NODE_NOT);
    parser->negated = !parser->negated;
    SearchNode *operand = parse_unary(parser);
    parser->negated = !parser->negated;
    if (operand) g_ptr_array_add(not->children, operand);
    else g_clear_pointer(&not, search_node_free);
    return not;
  }
  SearchField field = parser->field;
  const char *key = parser->key;
  parser->direct = take_field(parser, &field, &key);
  parser->value = parser->at;
  parser->literal = peek(parser, 0) == '=' && peek(parser, 1) != 0 && !is_space(peek(parser, 1)) && peek(parser, 1) != '(';
  if (parser->literal) parser->at++;
  gunichar begin = parser->text[parser->at];
  if (to_ascii(begin) == '(' && parser->depth < QUERY_DEPTH && !begins_number(parser)) return parse_group(parser, field, key);
  if (phrase_end(begin)) return parse_phrase(parser, field, key);
  return parse_word(parser, field, key);
}

/* A bare word of letters, as the parts of a name in pinyin are. */
static gboolean is_letters(const SearchNode *node) {
  if (node->kind == NODE_OR && ((SearchNode *)g_ptr_array_index(node->children, 1))->match == MATCH_NAME) node = g_ptr_array_index(node->children, 0);
  if (node->kind != NODE_TERM || node->field != FIELD_ANY || node->match != MATCH_STANDS) return FALSE;
  for (const char *at = node->text; *at; at = g_utf8_next_char(at))
    if (!g_ascii_isalpha(*at) && !g_utf8_strchr("üÜ", -1, g_utf8_get_char(at))) return FALSE;
  return g_utf8_strlen(node->text, -1) <= 12; /* two syllables */
}

static const char *letters_of(const SearchNode *node) {
  return node->kind == NODE_OR ? ((SearchNode *)g_ptr_array_index(node->children, 0))->text : node->text;
}

/* The whole query is words of letters: they may be one name, zhang wei. */
static SearchNode *join_name(Parser *parser, SearchNode *node) {
  enum { PARTS = 3 };
  const GPtrArray *parts = node->children;
  if (parts->len < 2 || parts->len > PARTS || parser->depth > 0 || parser->negated) return node;
  g_autoptr(GString) name = g_string_new(NULL), exact = g_string_new(NULL);
  for (guint i = 0; i < parts->len; i++) {
    const SearchNode *part = g_ptr_array_index(parts, i);
    if (!is_letters(part)) return node;
    g_string_append_printf(name, "%s%s", i ? " " : "", letters_of(part));
    g_string_append_printf(exact, "%s=\"%s\"", i ? " " : "", letters_of(part));
  }
  gboolean whole = TRUE;
  for (glong i = 0; parser->text[i]; i++) whole = whole && (is_space(parser->text[i]) || g_unichar_isalpha(parser->text[i]));
  return whole ? search_expand_name(parser->query, node, name->str, exact->str) : node;
}

static SearchNode *parse_and(Parser *parser) {
  SearchNode *node = node_new(parser, NODE_AND);
  gboolean any = FALSE;
  while (skip_spaces(parser), peek(parser, 0)) {
    glong end, from = parser->at;
    if (peek(parser, 0) == ')') {
      if (parser->depth > 0) break;
      notice(parser, "括号没有配对，已忽略");
      parser->at++;
      continue;
    }
    Operator word = operator_word(parser, parser->at, &end);
    if (!any && (word == OPERATOR_OR || word == OPERATOR_AND)) notice_operator(parser);
    if (any && word == OPERATOR_OR) {
      glong place = parser->at;
      gboolean good = take_operator(parser, TRUE, OPERATOR_OR) != OPERATOR_NONE;
      parser->at = place;
      if (good) break;
    }
    if (any) take_operator(parser, TRUE, OPERATOR_AND);
    SearchNode *operand = parse_unary(parser);
    if (operand) g_ptr_array_add(node->children, operand);
    any = TRUE;
    if (parser->at == from) parser->at++; /* what cannot begin anything */
  }
  return node_join(join_name(parser, node));
}

static SearchNode *parse_or(Parser *parser) {
  SearchNode *node = node_new(parser, NODE_OR);
  do {
    SearchNode *operand = parse_and(parser);
    if (operand) g_ptr_array_add(node->children, operand);
  } while (peek(parser, 0) && take_operator(parser, TRUE, OPERATOR_OR));
  return node_join(node);
}

SearchQuery *search_query_parse(const char *text, SearchNames names, GError **error) {
  g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
  if (g_utf8_strlen(valid, -1) > QUERY_CHARACTERS) return throw_null(error, LANTAI_ERROR_INVALID, "检索词太长：最多 %d 个字，请缩短后再检索", QUERY_CHARACTERS);
  glong length;
  g_autofree gunichar *characters = g_utf8_to_ucs4_fast(valid, -1, &length);
  g_autoptr(SearchQuery) query = g_new0(SearchQuery, 1);
  query->leaves = g_ptr_array_new();
  query->readings = g_ptr_array_new_with_free_func(query_reading_free);
  query->notice = g_string_new(NULL);
  query->synonyms = names.synonyms;
  query->dates = names.fields ? g_hash_table_lookup(names.fields, FIELDS_OF_DAYS) : NULL;
  Parser parser = {.text = characters, .names = names, .strings = g_string_chunk_new(64), .query = query};
  query->root = parse_or(&parser);
  g_string_chunk_free(parser.strings);
  query->unheard = query->root == NULL && query->notice->len > 0;
  query->synonyms = NULL;
  query->dates = NULL;
  if (query->terms > QUERY_TERMS) return throw_null(error, LANTAI_ERROR_INVALID, "检索词太多：最多 %d 个，请减少后再检索", QUERY_TERMS);
  return g_steal_pointer(&query);
}
