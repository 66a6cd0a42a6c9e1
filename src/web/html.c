/*
 * A small reading of HTML for the template parser: enough to know whether {{x}} stands in text or in a quoted attribute, where escaping is
 * sufficient, or in a place where it is not (tag, bare attribute, script, style, comment). It reads our own templates, never foreign HTML.
 */
#include "node.h"
#include <string.h>

static gboolean is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

static void name_push(char *name, gsize size, char c) {
  gsize length = strlen(name);
  if (length + 1 < size) {
    name[length] = g_ascii_tolower(c);
    name[length + 1] = '\0';
  }
}

static gsize comment_skip(HtmlPlace *place, const char *text, gsize length) {
  const char *end = memmem(text, length, "-->", 3);
  if (end == NULL) return length;
  place->state = HTML_TEXT;
  return (gsize)(end - text) + 3;
}

/* Inside <script> or <style>: on to its own end tag. */
static gsize raw_skip(HtmlPlace *place, const char *text, gsize length) {
  gsize name = strlen(place->element);
  for (gsize i = 0; i + 2 + name <= length; i++) {
    if (text[i] != '<' || text[i + 1] != '/' || g_ascii_strncasecmp(text + i + 2, place->element, name) != 0) continue;
    place->state = HTML_TEXT;
    return i;
  }
  return length;
}

static gsize text_step(HtmlPlace *place, const char *text, gsize length) {
  if (*text != '<') return 1;
  if (length >= 4 && memcmp(text, "<!--", 4) == 0) {
    place->state = HTML_COMMENT;
    return 4;
  }
  gsize at = 1;
  place->closing = at < length && text[at] == '/';
  if (place->closing) at++;
  if (at < length && !(g_ascii_isalpha(text[at]) || text[at] == '!')) return 1;
  place->element[0] = place->attribute[0] = '\0';
  for (; at < length && !is_space(text[at]) && text[at] != '>' && text[at] != '/'; at++) name_push(place->element, sizeof place->element, text[at]);
  place->state = HTML_TAG;
  return at;
}

static void tag_end(HtmlPlace *place) {
  gboolean raw = !place->closing && (strcmp(place->element, "script") == 0 || strcmp(place->element, "style") == 0);
  place->state = raw ? HTML_RAW : HTML_TEXT;
  place->attribute[0] = '\0';
}

static const char *attribute_problem(const HtmlPlace *place) {
  if (strcmp(place->attribute, "style") == 0) return "不能用 style 属性（浏览器按安全策略拒绝），请在样式表里写类";
  if (g_str_has_prefix(place->attribute, "on") || g_str_has_prefix(place->attribute, "hx-on")) return "不能用事件属性（浏览器按安全策略拒绝），请写在脚本文件里";
  return NULL;
}

static void tag_step(HtmlPlace *place, char c, gboolean after_space) {
  if (c == '>') {
    tag_end(place);
  } else if (c == '=') {
    place->state = HTML_AFTER_NAME;
  } else if (is_space(c) || c == '/') {
    return;
  } else {
    if (after_space) place->attribute[0] = '\0';
    name_push(place->attribute, sizeof place->attribute, c);
  }
}

static void value_step(HtmlPlace *place, char c) {
  if (place->state == HTML_AFTER_NAME) {
    if (is_space(c)) return;
    place->started = FALSE;
    if (c == '"' || c == '\'') place->state = c == '"' ? HTML_DOUBLE : HTML_SINGLE;
    else if (c == '>') tag_end(place);
    else place->state = HTML_BARE;
    return;
  }
  gboolean ends = (place->state == HTML_DOUBLE && c == '"') || (place->state == HTML_SINGLE && c == '\'') || (place->state == HTML_BARE && is_space(c));
  if (place->state == HTML_BARE && c == '>') {
    tag_end(place);
  } else if (ends) {
    place->state = HTML_TAG;
    place->attribute[0] = '\0';
  } else {
    place->started = TRUE;
  }
}

gboolean html_advance(HtmlPlace *place, const char *text, gsize length, const char **ret_problem) {
  for (gsize i = 0; i < length;) {
    const char *problem = NULL;
    switch (place->state) {
      case HTML_TEXT: i += text_step(place, text + i, length - i); break;
      case HTML_COMMENT: i += comment_skip(place, text + i, length - i); break;
      case HTML_RAW: i += raw_skip(place, text + i, length - i); break;
      case HTML_TAG:
        tag_step(place, text[i], i == 0 || is_space(text[i - 1]) || text[i - 1] == '"' || text[i - 1] == '\'');
        if (place->state == HTML_AFTER_NAME) problem = attribute_problem(place);
        i++;
        break;
      default: value_step(place, text[i++]);
    }
    if (problem != NULL) {
      *ret_problem = problem;
      return FALSE;
    }
  }
  return TRUE;
}

gboolean html_takes_value(const HtmlPlace *place) { return place->state == HTML_TEXT || place->state == HTML_DOUBLE || place->state == HTML_SINGLE; }

gboolean html_takes_address(const HtmlPlace *place) {
  static const char *const names[] = {"href", "src", "action", "formaction", "poster", "data", "xlink:href", "hx-get", "hx-post", "hx-put", "hx-delete", NULL};
  return (place->state == HTML_DOUBLE || place->state == HTML_SINGLE) && !place->started && g_strv_contains(names, place->attribute);
}

gboolean html_same(const HtmlPlace *a, const HtmlPlace *b) {
  if (a->state != b->state) return FALSE;
  return !(a->state == HTML_DOUBLE || a->state == HTML_SINGLE || a->state == HTML_RAW) || strcmp(a->attribute, b->attribute) == 0;
}
